import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import polars from "nodejs-polars";
import { describe, expect, test } from "vitest";

// What the pinned version of nodejs-polars does wrong, and how the engine keeps clear of it. Where a newer version does better,
// a test fails that says so.

const { DataFrame, Int64, Series, col } = polars;

function integers(name: string, values: readonly number[]) {
  return Series(name, BigInt64Array.from(values, BigInt), Int64);
}

describe("Polars, as it is pinned", () => {
  test("joins as of the same instant, whatever it is asked", () => {
    const rows = DataFrame([integers("at", [5, 6])]);
    const history = DataFrame([integers("t", [5]), integers("found", [1])]);
    const options = { leftOn: "at", rightOn: "t", strategy: "backward", allowExactMatches: false } as const;
    const found = rows.joinAsof(history, options).getColumn("found").toArray();
    expect(found).toEqual([1, 1]);
    const later = history.withColumns(col("t").add(polars.lit(1).cast(Int64)).alias("q"));
    const strict = rows.joinAsof(later, { leftOn: "at", rightOn: "q", strategy: "backward" });
    expect(strict.getColumn("found").toArray(), "one past the instant").toEqual([null, 1]);
  });

  test("takes NaN and zeros its own way in min and max, so that floats are picked by their codes", () => {
    const of = (values: readonly number[]) => DataFrame([Series("x", values)]);
    const picked = (values: readonly number[]) =>
      of(values).select(col("x").min().alias("lo"), col("x").max().alias("hi"));
    expect(picked([1, Number.NaN, 3]).getColumn("hi").toArray(), "NaN is skipped").toEqual([3]);
    expect(
      [
        [0, -0],
        [-0, 0],
      ].map((zeros) => Object.is(picked(zeros).getColumn("lo").toArray()[0], -0)),
      "the first zero of two",
    ).not.toEqual([true, true]);
  });
});

describe("the package", () => {
  const files = readdirSync("src", { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join("src", name));

  const LOWERINGS = "src/formulas/lowering/polars/";
  const COMPUTER = "src/formulas/features/polars-computer.ts";

  function linesWith(what: RegExp, outside: (file: string) => boolean) {
    return files.filter(outside).flatMap((file) =>
      readFileSync(file, "utf8")
        .split("\n")
        .flatMap((line) => (what.test(line) ? [{ file, line: line.trim() }] : [])),
    );
  }

  test("is named by the two backends alone, and imported when it is needed", () => {
    const lines = linesWith(/"nodejs-polars"/, (file) => !file.startsWith(LOWERINGS));
    expect(new Set(lines.map(({ file }) => file))).toEqual(new Set(["src/engines/polars/window-frames.ts"]));
    const loading = lines.filter(({ line }) => !/^import type |typeof import\(/.test(line));
    expect(loading.map(({ line }) => line)).toEqual([expect.stringContaining('await import("nodejs-polars")')]);
    // So are the modules that import it at once.
    const lowering = linesWith(
      /lowering\/polars\/|"\.\/polars\/|polars-computer\.js/,
      (file) => !file.startsWith(LOWERINGS),
    );
    expect(lowering.filter(({ file, line }) => file !== COMPUTER && !line.includes("await import("))).toEqual([]);
    expect(lowering.length).toBeGreaterThan(2);
  });
});
