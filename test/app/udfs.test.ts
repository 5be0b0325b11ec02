import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  audit,
  compileService,
  DaedalusError,
  explainRow,
  loadProject,
  type Problem,
  planDays,
  statusOf,
  train,
} from "daedalus";
import { afterEach, beforeEach, expect, test } from "vitest";
import { importEmbeddings } from "#daedalus/app/embeddings-service.js";
import type { Value } from "../oracles/values.js";
import { readParquet } from "../support/read-parquet.js";
import { writeVectors, writeVectorsProject } from "../support/vectors-project.js";

// Functions of the user's, where the rows are written and with the embeddings, against the same computed by hand.

const UDFS = `import { Float64, Int64, makeData, vectorFromArray, Vector } from "apache-arrow";
import { defineUdf } from "daedalus/udfs";

/** Elements that are no NULL; −1 for a NULL list. */
export const known = defineUdf({
  arguments: ["BIGINT[]", "TEXT"],
  returns: "BIGINT",
  compute([lists, events], rows) {
    const counts = new BigInt64Array(rows);
    for (let row = 0; row < rows; row++) {
      const list = lists.get(row);
      counts[row] = list === null ? -1n : BigInt(list.length - list.nullCount) * (events.get(row) === "like" ? 10n : 1n);
    }
    return new Vector([makeData({ type: new Int64(), data: counts })]);
  },
});

export const dot = defineUdf({
  arguments: ["FLOAT[]", "FLOAT[]"],
  returns: "DOUBLE",
  compute([left, right], rows) {
    const products = Array.from({ length: rows }, (_, row) => {
      const [a, b] = [left.get(row), right.get(row)];
      if (a === null || b === null) return null;
      let sum = 0;
      for (let i = 0; i < a.length; i++) sum += a.get(i) * b.get(i);
      return sum;
    });
    return vectorFromArray(products, new Float64());
  },
});
`;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "daedalus-udfs-"));
});
afterEach(() => rm(folder, { recursive: true }));

async function edit(file: string, change: (text: string) => string): Promise<void> {
  await writeFile(join(folder, file), change(await readFile(join(folder, file), "utf8")));
}

const COLUMNS = `udf_columns:
  - {name: seen_known, function: known, arguments: [seen_2d, event]}
  - {name: near, function: dot, arguments: [own, taste], engine: pythonic}
`;

async function project({ udfs = UDFS, columns = COLUMNS } = {}): Promise<void> {
  await writeVectorsProject(folder, {});
  await importEmbeddings(
    await loadProject(folder, { environment: {} }),
    await writeVectors(folder, "items.parquet"),
    "items",
  );
  if (udfs !== "") await writeFile(join(folder, "project.udfs.ts"), udfs);
  await edit("feature_services/rank.yaml", (text) =>
    text.replace(
      "  - {name: own",
      "  - {name: seen_known, kind: derived, dtype: BIGINT}\n  - {name: near, kind: derived, dtype: FLOAT}\n  - {name: own",
    ),
  );
  await edit("config/training/runtime.yaml", (text) => `${text}${columns}`);
}

const compiled = async () => compileService(await loadProject(folder, { environment: {} }), "rank");

async function rowsOf(root: string) {
  const { rows } = await readParquet(join(root, "dt=2024-01-02/part-0-0.parquet"));
  return rows.map(([, , event, seen, known, near, own, taste]) => ({
    ...{ event, known, near },
    seen: seen as readonly Value[],
    own: own as readonly number[] | null,
    taste: taste as readonly number[] | null,
  }));
}

test("each value is what the function gives, where the rows are written and with the embeddings", async () => {
  await project();
  const service = await compiled();
  const report = await train(service);
  expect(report.days.flatMap(({ problems }) => problems)).toEqual([]);
  const rows = await rowsOf(report.outputRoot);
  expect(rows.length).toBeGreaterThan(500);
  for (const { event, seen, known, near, own, taste } of rows) {
    expect(known).toBe(BigInt(seen.length) * (event === "like" ? 10n : 1n));
    const sum = own === null || taste === null ? null : own.reduce((all, x, i) => all + x * (taste[i] as number), 0);
    expect(near).toBe(sum === null ? null : Math.fround(sum));
  }
  expect(rows.some(({ near }) => near === null) && rows.some(({ near }) => near !== null)).toBe(true);
  const manifest = JSON.parse(await readFile(join(report.outputRoot, "dt=2024-01-02/_manifest.json"), "utf8"));
  const column = manifest.columns.find(({ name }: { name: string }) => name === "near");
  expect(column).toMatchObject({ dtype: "FLOAT", min: expect.any(String), distinct: expect.any(Number) });
  const first = await readParquet(join(report.outputRoot, "dt=2024-01-01/part-0-0.parquet"));
  expect(first.rows.length).toBeGreaterThan(0);
});

test("explain and audit make the values again, and a changed function makes days stale", async () => {
  await project();
  const service = await compiled();
  const { outputRoot } = await train(service);
  const report = await audit(service, { rows: 40, trials: 1, seed: 1 });
  expect(report.counterExamples).toEqual([]);
  expect(report.derived.values).toBeGreaterThan(300);
  const [row] = (await readParquet(join(outputRoot, "dt=2024-01-02/part-0-0.parquet"))).rows;
  expect(row).toBeDefined();
  const plan = await planDays(service);
  expect(plan.days.map(({ action }) => action)).toEqual(["skip", "skip"]);
  await edit("project.udfs.ts", (text) => text.replace("10n", "11n"));
  const changed = await statusOf(await compiled());
  expect(changed.days.map(({ state }) => state)).toEqual(["stale", "stale"]);
  // A comment is no change.
  await writeFile(join(folder, "project.udfs.ts"), `// as before\n${UDFS}`);
  expect((await statusOf(await compiled())).days.map(({ state }) => state)).toEqual(["complete", "complete"]);
});

test("explain tells what a function was called with", async () => {
  await project();
  const service = await compiled();
  await train(service);
  const told = await explainRow(service, "user_id=1,item_id=5@2024-01-02T00:01:03Z", {
    columns: ["seen_known", "near"],
  });
  const [row] = told.rows;
  expect(row?.written).toBe("same");
  expect(row?.columns.map(({ steps }) => steps.find(({ type }) => type === "call"))).toMatchObject([
    { function: "known", arguments: { "rolling:seen_2d": expect.any(String), "events.event": "view" } },
    { function: "dot", arguments: { own: expect.any(String), taste: expect.any(String) } },
  ]);
});

async function problems(work: Promise<unknown>): Promise<readonly Problem[]> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(DaedalusError);
  return (error as DaedalusError).problems;
}

const one = (text: string) =>
  `udf_columns:\n  - ${text}\n  - {name: near, function: dot, arguments: [own, taste], engine: pythonic}\n`;

test.each([
  ["no-udfs", { udfs: "" }],
  ["unknown-udf", { columns: one("{name: seen_known, function: knwon, arguments: [seen_2d, event]}") }],
  ["udf-arguments", { columns: one("{name: seen_known, function: known, arguments: [seen_2d]}") }],
  ["udf-argument-type", { columns: one("{name: seen_known, function: known, arguments: [event, event]}") }],
  ["unresolved-name", { columns: one("{name: seen_known, function: known, arguments: [seen_3d, event]}") }],
  [
    "udf-argument-unknown",
    { columns: one("{name: seen_known, function: known, arguments: [seen_9d, event], engine: pythonic}") },
  ],
])("compiler/%s is refused with its place", async (code, setting) => {
  await project(setting);
  const found = await problems(compiled());
  expect(found.map((problem) => problem.code)).toContain(`compiler/${code}`);
  for (const problem of found)
    expect([problem.file, problem.line]).toEqual(["config/training/runtime.yaml", expect.any(Number)]);
});

test("a function where the rows are written takes no column that is filled in later", async () => {
  await project();
  await edit("config/training/runtime.yaml", (text) => text.replaceAll(", engine: pythonic", ""));
  const found = await problems(compiled());
  expect(found.length).toBeGreaterThan(0);
  expect(new Set(found.map(({ code }) => code))).toEqual(new Set(["compiler/filled-in-later"]));
  expect(found[0]).toMatchObject({
    file: "config/training/runtime.yaml",
    help: expect.stringContaining("engine: pythonic"),
  });
});

test("a column that is filled in after the rows are written cannot be promised to have no NULL", async () => {
  await project();
  await edit("feature_services/rank.yaml", (text) =>
    text
      .replace(
        "{name: near, kind: derived, dtype: FLOAT}",
        "{name: near, kind: derived, dtype: FLOAT, nullable: false}",
      )
      .replace(
        "{name: seen_known, kind: derived, dtype: BIGINT}",
        "{name: seen_known, kind: derived, dtype: BIGINT, nullable: false}",
      ),
  );
  expect(await problems(compiled())).toMatchObject([
    { code: "compiler/udf-not-null", file: "feature_services/rank.yaml", line: expect.any(Number) },
  ]);
});

test.each([
  ["seen_known", "pythonic"],
  ["near", "sql_arrow_udf"],
])("an override cannot move %s to %s", async (name, engine) => {
  await project();
  const operator = (await compiled()).pipeline.operators.find(
    (one) => one.kind === "arrow_udf_transform" && one.name.includes(name),
  );
  await mkdir(join(folder, "config/pipelines"));
  await writeFile(
    join(folder, "config/pipelines/rank.yaml"),
    `operators:\n  - {name: ${operator?.name}, engine: ${engine}}\n`,
  );
  expect(await problems(compiled())).toMatchObject([
    { code: "compiler/udf-engine", file: "config/pipelines/rank.yaml", line: 2 },
  ]);
});

test.each([
  ["not-bundled", "export const known = ;"],
  ["not-bundled", 'import "nowhere";'],
  ["not-loaded", 'throw new Error("no"); export const known = 1;'],
  ["not-a-udf", "export const known = 1;"],
  ["not-a-udf", "export const known = { arguments: ['INT96'], returns: 'BIGINT', compute: () => 1 };"],
])("udf/%s is refused: %s", async (code, udfs) => {
  await project({ udfs });
  expect((await problems(compiled())).map((problem) => problem.code)).toContain(`udf/${code}`);
});

test.each([
  ["failed", (text: string) => text.replace("const counts", 'throw new Error("no such thing"); const counts')],
  [
    "wrong-result",
    (text: string) =>
      text.replace("return new Vector([makeData({ type: new Int64(), data: counts })]);", "return counts;"),
  ],
  ["wrong-result", (text: string) => text.replace("new BigInt64Array(rows)", "new BigInt64Array(rows + 1)")],
  [
    "wrong-result",
    (text: string) => text.replace("vectorFromArray(products, new Float64())", 'vectorFromArray(["x"])'),
  ],
  [
    "wrong-result",
    (text: string) =>
      text.replace("{ type: new Int64(), data: counts }", "{ type: new Int64(), length: rows, data: counts.slice(1) }"),
  ],
])("a function that goes wrong fails its day: udf/%s", async (code, change) => {
  await project({ udfs: change(UDFS) });
  const report = await train(await compiled());
  const found = report.days.flatMap((day) => day.problems);
  expect(found.map((problem) => problem.code)).toEqual([`udf/${code}`, `udf/${code}`]);
});

test.each([
  ['void Promise.reject(new RangeError("late"));', "RangeError: late"],
  ["process.exit(0);", "process.exit(0)"],
  ["const stop: () => never = process.exit.bind(process, 3); stop();", "process.exit(3)"],
])("a function that ends its worker fails its day and hangs nobody: %s", async (statement, what) => {
  await project({ udfs: UDFS.replace("const counts", `${statement} const counts`) });
  const report = await train(await compiled());
  const found = report.days.flatMap((day) => day.problems);
  expect(found.length).toBeGreaterThan(0);
  for (const problem of found) {
    expect(problem).toMatchObject({ code: "run/uncaught", says: expect.stringContaining(what) });
    expect(problem.says).not.toContain("base64");
  }
});
