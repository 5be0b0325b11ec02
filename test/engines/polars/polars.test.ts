import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
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

const AGGREGATES = ["list", "count", "min", "max", "last", "sum", "mean"];

/** What Polars' own expressions make: no float is summed, nothing is flattened. */
const OWN: Rule = {
  spine: `user_id:BIGINT ts:BIGINT n:BIGINT
          1               1         9007199254740993
          1               2         -5
          1               2         NULL
          2               3         7
          1               4         1`,
  specs: AGGREGATES.map((agg) => ({ name: `s_${agg}`, agg: agg as "list", source_column: "n" })),
};

describe("what an engine loads", () => {
  const isPolarsLoaded = () =>
    Object.keys(createRequire(import.meta.url).cache ?? {}).some((path) => path.includes("nodejs-polars"));

  // In this order: what is loaded stays.
  test("duckdb and polars no WebAssembly kernel, only polars Polars; kernel loads its own", async () => {
    const compiled = vi.spyOn(WebAssembly, "Module");
    const duckdb = await rowsOn("duckdb", OWN);
    expect([compiled.mock.calls.length, isPolarsLoaded()]).toEqual([0, false]);
    const polars = await rowsOn("polars", OWN);
    expect([compiled.mock.calls.length, isPolarsLoaded()]).toEqual([0, true]);
    const kernel = await rowsOn("kernel", OWN);
    expect(compiled.mock.calls.length).toBe(1);
    expect(duckdb).toHaveLength(5);
    expect(polars).toEqual(duckdb);
    expect(kernel).toEqual(duckdb);
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
