import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Table, vectorFromArray } from "apache-arrow";
import { getAggregatePitTable, type PitTableEngineName } from "daedalus";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { trainCase } from "../../support/product.js";
import { type ENGINES, projectOf, type Rule, withEngine } from "../../support/rule.js";

type Engine = (typeof ENGINES)[number];

let temporary: string;
beforeEach(() => {
  temporary = join(mkdtempSync(join(tmpdir(), "daedalus-polars-")), "spill");
  mkdirSync(temporary);
});
afterEach(() => rmSync(join(temporary, ".."), { recursive: true }));

async function rowsOn(engine: Engine, rule: Rule) {
  const { project, tables, layouts } = projectOf(rule);
  const trained = await trainCase(
    { project: withEngine(project, engine), tables, layouts, service: "main" },
    { days: ["1970-01-01"], duckdbConfig: { temp_directory: temporary } },
  );
  return trained.days.get("1970-01-01")?.rows;
}

const AGGREGATES = ["list", "count", "min", "max", "last", "sum", "mean"] as const;

/** What Polars' own expressions make: no float is summed, nothing is flattened. */
const OWN: Rule = {
  spine: `user_id:BIGINT ts:BIGINT n:BIGINT
          1               1         9007199254740993
          1               2         -5
          1               2         NULL
          2               3         7
          1               4         1`,
  specs: AGGREGATES.map((agg) => ({ name: `s_${agg}`, agg, source_column: "n" })),
};

/** The same of a table in memory. */
async function pitTableOn(engine: PitTableEngineName) {
  const table = new Table({
    user_id: vectorFromArray([1n, 1n, 1n, 2n, 1n]),
    ts: vectorFromArray([1n, 2n, 2n, 3n, 4n]),
    n: vectorFromArray([9007199254740993n, -5n, null, 7n, 1n]),
  });
  const specs = AGGREGATES.map((agg) => ({
    name: `s_${agg}`,
    agg,
    sourceColumn: "n",
    partitionBy: "user_id",
    windows: ["all"],
  }));
  const answer = await getAggregatePitTable(engine)(table, specs, { timestampColumn: "ts", timestampUnit: "s" });
  return answer.toArray().map(String);
}

describe("what an engine loads", () => {
  const isPolarsLoaded = () =>
    Object.keys(createRequire(import.meta.url).cache ?? {}).some((path) => path.includes("nodejs-polars"));

  afterEach(() => vi.restoreAllMocks());

  /** The kernels that this thread calls from here on, by name. */
  function calledKernels(): Set<string> {
    const called = new Set<string>();
    const { Instance } = WebAssembly;
    class Counting {
      readonly exports: WebAssembly.Instance["exports"];
      constructor(...[module, imports]: ConstructorParameters<typeof WebAssembly.Instance>) {
        const exports = Object.entries(new Instance(module, imports).exports).map(([name, kernel]) => {
          if (typeof kernel !== "function") return [name, kernel];
          return [
            name,
            (...parameters: unknown[]): unknown => {
              called.add(name);
              return kernel(...parameters);
            },
          ];
        });
        this.exports = Object.fromEntries(exports);
      }
    }
    vi.spyOn(WebAssembly, "Instance").mockImplementation(Counting);
    return called;
  }

  // In this order: what is loaded stays.
  test("duckdb and polars no WebAssembly kernel, only polars Polars; kernel loads its own", async () => {
    const compiled = vi.spyOn(WebAssembly, "Module");
    const called = calledKernels();
    const duckdb = await rowsOn("duckdb", OWN);
    expect([compiled.mock.calls.length, isPolarsLoaded()]).toEqual([0, false]);
    const polars = await rowsOn("polars", OWN);
    expect([compiled.mock.calls.length, isPolarsLoaded()]).toEqual([0, true]);
    expect([...called]).toEqual([]);
    const kernel = await rowsOn("kernel", OWN);
    expect(compiled.mock.calls.length).toBe(1);
    for (const name of ["windowBounds", "windowList", "windowCount", "windowExtreme", "windowLast", "windowIntegerSum"])
      expect([...called]).toContain(name);
    expect(duckdb).toHaveLength(5);
    expect(polars).toEqual(duckdb);
    expect(kernel).toEqual(duckdb);
  });

  test("nor of a table in memory: only its times become ticks by kernels", async () => {
    const called = calledKernels();
    const duckdb = await pitTableOn("duckdb");
    expect(await pitTableOn("polars")).toEqual(duckdb);
    expect([...called].filter((name) => name !== "encode" && name !== "scaleTicks")).toEqual([]);
    expect(await pitTableOn("kernel")).toEqual(duckdb);
    expect([...called]).toContain("scatter"); // of an index; its threads call the others
  });
});

describe("more pairs of rows and values than are looked at together", () => {
  // 3,000 rows of one user see 4.5 million.
  const rows = Array.from({ length: 3_000 }, (_, i) => `1 ${Math.floor(i / 2)} ${(i * 7919) % 613}`);
  const rule: Rule = {
    spine: `user_id:BIGINT ts:BIGINT n:INTEGER\n${rows.join("\n")}`,
    specs: [
      { name: "s_max", agg: "max", source_column: "n" },
      { name: "s_distinct", agg: "count_distinct", source_column: "n", exclude_self: true },
      { name: "s_list", agg: "list", source_column: "n", exclude_self: true, max_length: 3 },
    ],
  };

  test("the same table", async () => {
    expect(await rowsOn("polars", rule)).toEqual(await rowsOn("duckdb", rule));
  });
});

describe("the files that are handed over", () => {
  test("are gone after a run", async () => {
    await rowsOn("polars", OWN);
    expect(readdirSync(temporary)).toEqual([]);
  });

  test("are gone after a failure while they are written", async () => {
    const specs = (OWN.specs ?? []).map((spec) => ({ ...spec, where: "CAST(CAST(n AS TEXT) || 'x' AS BIGINT) > 1" }));
    await expect(rowsOn("polars", { ...OWN, specs })).rejects.toThrow(/rule-failed/);
    expect(readdirSync(temporary)).toEqual([]);
  });
});
