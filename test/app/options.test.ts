import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  analyze,
  audit,
  compileService,
  computeFeatureRun,
  explain,
  explainRow,
  explanationPage,
  FeatureEngine,
  getAggregatePitTable,
  loadProject,
  openFeatureRun,
  planDays,
  renderExplanation,
  statusOf,
  writtenDaysOf,
} from "daedalus";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type OpenShop, openShop } from "../audit/shop.js";

// What callers without types may give: told before anything is done, by name, with what is expected.

let shop: OpenShop;
let folder: string;
let file: string;
beforeAll(async () => {
  shop = await openShop();
  folder = mkdtempSync(join(tmpdir(), "daedalus-options-"));
  file = join(folder, "features.yaml");
  writeFileSync(join(folder, "bars.csv"), "at,symbol,x\n2024-01-01T00:00:00Z,A,1\n");
  writeFileSync(
    file,
    `name: run
tables: [{name: bars, source: {path: bars.csv, timestamp_field: at}}]
features: [{name: f, formula: x}]
output: {wide: wide.parquet}
`,
  );
});
afterAll(async () => {
  await shop.close();
  rmSync(folder, { recursive: true, force: true });
});

type Call = (given: never) => unknown;
const engine = (): FeatureEngine => new FeatureEngine({ projectDir: folder });
const type = { name: "a", requiredInputs: [], parameters: {}, formula: "x" };
const table = { name: "bars", source: { path: "bars.csv", timestampField: "at" } };

const CALLS: Readonly<
  Record<string, { readonly call: Call; readonly cases: readonly (readonly [unknown, string])[] }>
> = {
  audit: {
    call: (given) => audit(shop.compiled, given),
    cases: [
      [null, "the options of audit are null, and must be an object"],
      [{ rows: Number.NaN }, "rows is NaN, and must be a whole number, 0 at least"],
      [{ trials: -1 }, "trials is -1, and must be a whole number, 0 at least"],
      [{ row: 5 }, 'audit has no option "row"; did you mean "rows"?'],
      [{ columns: "price" }, 'columns is "price", and must be a list of texts'],
      [{ strict: "no" }, 'strict is "no", and must be true or false'],
    ],
  },
  analyze: {
    call: (given) => analyze(shop.compiled, given),
    cases: [
      [{}, "targetDate is not there, and must be a text"],
      [undefined, "the options of analyze are not there, and must be an object"],
    ],
  },
  explainRow: {
    call: (given) => explainRow(shop.compiled, given),
    cases: [
      [null, "row is null, and must be a text or {keys, time}"],
      [{ keys: {} }, "row is {keys: {…}}, and must be a text or {keys, time}"],
    ],
  },
  planDays: {
    call: (given) => planDays(shop.compiled, given),
    cases: [[{ form: "x" }, 'no option "form"; did you mean "from"']],
  },
  statusOf: {
    call: (given) => statusOf(shop.compiled, given),
    cases: [[{ outputRoot: 5 }, "outputRoot is 5, and must be a text"]],
  },
  writtenDaysOf: {
    call: (given) => writtenDaysOf(shop.compiled, given),
    cases: [[5, "the options of writtenDaysOf are 5"]],
  },
  renderExplanation: {
    call: (given) => renderExplanation(explain(shop.compiled), given),
    cases: [["html", 'format is "html", and must be one of text, mermaid']],
  },
  explanationPage: {
    call: (given) => explanationPage(given),
    cases: [
      ["nope", 'explanation is "nope", and must be what explain gives, or its JSON'],
      [{}, "explanation is {}, and must be what explain gives"],
    ],
  },
  loadProject: {
    call: (given) => loadProject(given),
    cases: [[undefined, "directory is not there, and must be a text"]],
  },
  "loadProject of other files": {
    call: (given) => loadProject(shop.directory, given),
    cases: [
      [{ files: { runtme: "x" } }, 'files has no key "runtme"; did you mean "runtime"?'],
      [{ file: {} }, 'loadProject has no option "file"; did you mean "files"?'],
    ],
  },
  compileService: {
    call: (given) => compileService(shop.compiled.project, given),
    cases: [[undefined, "service is not there, and must be a text"]],
  },
  "compileService of no project": {
    call: (given) => compileService(given, "main"),
    cases: [[{}, "and must be what loadProject gives"]],
  },
  openFeatureRun: {
    call: (given) => openFeatureRun(file, given),
    cases: [
      [{ start: "2024-01-01" }, 'start is "2024-01-01", and must be a bigint, microseconds since 1970'],
      [{ end: new Date(0) }, "end is a Date, and must be a bigint"],
      [{ symbols: [] }, "symbols is an empty list, and must be a list of texts, one at least"],
      [{ symbols: "A" }, 'symbols is "A", and must be a list of texts'],
      [{ backend: "spark" }, 'backend is "spark", and must be one of kernel, polars'],
      [{ concurrency: 0 }, "concurrency is 0, and must be a whole number, 1 at least"],
      [{ wide: 5 }, "wide is 5, and must be a text"],
      [{ symbol: ["A"] }, 'no option "symbol"; did you mean "symbols"?'],
    ],
  },
  computeFeatureRun: {
    call: async (given) => computeFeatureRun(await openFeatureRun(file), given),
    cases: [[{ signal: true }, "signal is true, and must be an AbortSignal"]],
  },
  readSourceTables: {
    call: (given) => engine().readSourceTables(given),
    cases: [
      [undefined, "the options of readSourceTables are not there"],
      [{ tables: "bars" }, 'tables is "bars", and must be a list'],
      [{ tables: [table], symbols: "A" }, 'no option "symbols"; did you mean "symbol"?'],
      [{ tables: [table], symbol: [] }, "symbol is an empty list"],
      [{ tables: [table], start: 5 }, "start is 5, and must be a text"],
      [{ tables: [5] }, "the options of tables[0] are 5"],
      [
        { tables: [{ name: "bars", source: { path: "bars.csv", timestamp_field: "at" } }] },
        'did you mean "timestampField"?',
      ],
    ],
  },
  FeatureEngine: {
    call: (given) => new FeatureEngine(given),
    cases: [
      [null, "the options of FeatureEngine are null"],
      [{ threads: 0 }, "threads is 0, and must be a whole number, 1 at least"],
      [{ types: null }, "types is null, and must be a list"],
      [{ types: [{ ...type, formula: 5 }] }, "types[0].formula is 5, and must be a text"],
      [
        { types: [{ ...type, parameters: { w: null } }] },
        "types[0].parameters is {w: null}, and must be {name: {type, …}}",
      ],
      [{ types: [{ ...type, steps: [{}] }] }, "types[0].steps is a list, and must be a list of steps"],
      [{ types: [{ name: "a" }] }, "types[0].requiredInputs is not there"],
      [{ types: [type, type] }, "types has a twice"],
      [{ aliases: { a: 5 } }, "aliases is {a: 5}, and must be {name: column}"],
      [{ config: { thread: 2 } }, 'has no key "thread"; did you mean "threads"?'],
    ],
  },
  getAggregatePitTable: {
    call: (given) => getAggregatePitTable(given),
    cases: [[null, "engine is null, and must be a text"]],
  },
};

test.each(
  Object.entries(CALLS).flatMap(([name, { call, cases }]) =>
    cases.map(([given, says]) => ({ name, call, given, says })),
  ),
)("$name: $says", async ({ call, given, says }) => {
  const thrown = await Promise.resolve()
    .then(() => call(given as never))
    .catch((error: unknown) => error);
  expect(thrown).toBeInstanceOf(RangeError);
  expect((thrown as RangeError).message).toContain(says);
});

test("what is right goes through", async () => {
  const frames = await engine().readSourceTables({ tables: [table], symbol: ["A"] });
  expect(frames["bars"]?.numRows).toBe(1);
  const run = await openFeatureRun(file, {
    symbols: ["A"],
    start: 0n,
    concurrency: 1,
    backend: "kernel",
    strict: false,
  });
  expect((await computeFeatureRun(run)).rows).toBe(1);
});

test("an explanation is made a page as it is, and analyze that is stopped throws why", async () => {
  expect(await explanationPage(explain(shop.compiled))).toContain('"operators"');
  const reason = new Error("enough");
  const options = { targetDate: "1970-01-03", signal: AbortSignal.abort(reason) };
  await expect(analyze(shop.compiled, options)).rejects.toBe(reason);
});
