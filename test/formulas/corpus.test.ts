import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { gunzipSync } from "node:zlib";
import type { Table } from "apache-arrow";
import { FeatureEngine } from "daedalus";
import { describe, expect, test } from "vitest";
import { FUNCTIONS } from "#daedalus/formulas/functions/registry.js";
import { type Formula, foldFormula } from "#daedalus/formulas/grammar/ast.js";
import { parseFormula } from "#daedalus/formulas/grammar/parse.js";
import { barFrame } from "../support/bar-frame.js";

// Formulas in the manner of published collections (101 Formulaic Alphas, Qlib's Alpha158, GTJA 191) over real bars, against an
// implementation in Python that shares nothing with ours (scripts/corpus-values.py).

type Cell = number | null;
/** A value as JSON tells it: NaN and the infinities by their names. */
type Told = Cell | "nan" | "inf" | "-inf";
type Expected = readonly (readonly [symbol: string, row: number, value: Told])[];

const read = (name: string): string => readFileSync(resolve(import.meta.dirname, "corpus", name), "utf8");
const formulas: Readonly<Record<string, string>> = JSON.parse(read("formulas.json"));
const values: Readonly<Record<string, Expected>> = JSON.parse(read("values.json"));

/** How many windows stand in one another at the deepest place, and which functions are called how often. */
interface Shape {
  readonly depth: number;
  readonly calls: readonly string[];
}

/** A window is a call with a length `w`; lags and states are none. */
function hasLength(name: string): boolean {
  return FUNCTIONS.get(name)?.arguments.some((argument) => argument.name === "w") ?? false;
}

function shapeOf(formula: Formula): Shape {
  return foldFormula<Shape>(formula, (node, parts) => {
    const inner = Math.max(0, ...parts.map(({ depth }) => depth));
    const calls = parts.flatMap((part) => part.calls);
    if (node.kind !== "call") return { depth: inner, calls };
    return { depth: inner + (hasLength(node.function) ? 1 : 0), calls: [...calls, node.function] };
  });
}

const ROWS = 3_000;
const data = [process.env["DAEDALUS_DATA"], resolve(import.meta.dirname, "../../../shared/data")]
  .map((folder) => (folder ? resolve(folder, "market/btc_perp_1m_202201.csv.gz") : ""))
  .find((path) => path !== "" && existsSync(path));
const COLUMNS = ["open", "high", "low", "close", "volume"] as const;

interface Bar {
  readonly symbol: string;
  readonly minute: number;
  readonly cells: readonly Cell[];
}

/** As scripts/corpus-values.py makes it: three symbols of one file, so that there are cross-sections. */
function barsOf(path: string): readonly Bar[] {
  const lines = gunzipSync(readFileSync(path)).toString("utf8").split("\n").slice(1);
  const one = (symbol: string, shift: number, price: number, volume: number): Bar[] =>
    lines.slice(shift, shift + ROWS).map((line, minute) => {
      const numbers = line.split(",").slice(1).map(Number);
      return { symbol, minute, cells: numbers.map((number, place) => number * (place < 4 ? price : volume)) };
    });
  const gap = one("GAP", 1_000, 1, 1)
    .filter(({ minute }) => minute % 7 !== 6)
    .map((bar) =>
      bar.minute % 11 === 5 && bar.minute < 1_000 ? { ...bar, cells: [...bar.cells.slice(0, 4), null] } : bar,
    );
  return [...one("ALT", 500, 1.0005, 0.75), ...one("BTC", 0, 1, 1), ...gap];
}

function tableOf(bars: readonly Bar[]): Table {
  const begin = BigInt(Date.parse("2021-12-31T23:01Z")) * 1000n;
  return barFrame(
    bars.map(({ symbol, minute, cells }) => ({ symbol, time: begin + BigInt(minute) * 60_000_000n, cells })),
    COLUMNS,
  );
}

function cellOf(value: unknown): Cell {
  return typeof value === "number" ? value : typeof value === "boolean" ? Number(value) : null;
}

function toldValue(told: Told): Cell {
  return told === "nan" ? Number.NaN : told === "inf" ? Infinity : told === "-inf" ? -Infinity : told;
}

/** To 1e-9 of the value; where a formula takes nearly equal numbers from one another, of their size. */
function alike(one: Cell, other: Cell, size: number): boolean {
  if (one === other) return true;
  if (one === null || other === null || !Number.isFinite(one) || !Number.isFinite(other)) return Object.is(one, other);
  return Math.abs(one - other) <= 1e-9 * Math.max(Math.abs(one), Math.abs(other), size);
}

/**
 * Correlations of ranks among three symbols are often exactly 0: there the kernel says 0 and Python's roundings leave 1e-17, so the
 * size is that of a correlation. So is that of a rank less its mean. (All rows were compared once: elsewhere only numbers that cancel to less than 1e-6 of their parts
 * differ by more than 1e-9, and ranks of such numbers.)
 */
const SIZES: Readonly<Record<string, number>> = Object.fromEntries(
  ["wq_002", "wq_003", "wq_026", "wq_044", "wq_055", "gtja_001", "gtja_005", "qlib_rank"].map((name) => [name, 1]),
);

const shapes = new Map(Object.entries(formulas).map(([name, formula]) => [name, shapeOf(parseFormula(formula))]));

describe("the corpus", () => {
  test("has 160 formulas and more, all different, 100 of them with windows in windows", () => {
    expect(shapes.size).toBeGreaterThanOrEqual(160);
    expect(new Set(Object.values(formulas)).size).toBe(shapes.size);
    expect([...shapes.values()].filter(({ depth }) => depth >= 2).length).toBeGreaterThanOrEqual(100);
  });

  test("has every function three times and more", () => {
    const counts = new Map([...FUNCTIONS.keys()].map((name) => [name, 0]));
    // In how many formulas, not how often: one formula that repeats a call is one use.
    for (const { calls } of shapes.values())
      for (const name of new Set(calls)) counts.set(name, (counts.get(name) ?? 0) + 1);
    expect([...counts].filter(([, count]) => count < 3)).toEqual([]);
    expect(counts.size).toBe(FUNCTIONS.size);
  });

  test("has twelve foreign values of every formula, most of them numbers that differ", () => {
    expect(Object.keys(values)).toEqual(Object.keys(formulas));
    for (const [name, rows] of Object.entries(values)) {
      expect(rows.length, name).toBe(12);
      expect(new Set(rows.map(([symbol]) => symbol)).size, name).toBe(3);
      const numbers = rows.flatMap(([, , value]) => (typeof value === "number" ? [value] : []));
      expect(numbers.length, name).toBeGreaterThanOrEqual(4);
      expect(new Set(numbers).size, name).toBeGreaterThanOrEqual(2);
    }
  });
});

// Real bars are no part of the repository: without them (DAEDALUS_DATA names the folder that holds market/) there is nothing here.
if (data !== undefined)
  describe("on real bars", async () => {
    const bars = barsOf(data);
    const specs = Object.entries(formulas).map(([name, formula]) => ({ name, formula }));
    const { table, statuses } = await new FeatureEngine().computeFeatures({ specs, frames: { bars: tableOf(bars) } });

    test("no formula fails, and none is without values", () => {
      expect(statuses.flatMap(({ name, problem }) => (problem ? [`${name}: ${problem.says}`] : []))).toEqual([]);
      expect(statuses.map(({ name }) => name)).toEqual(Object.keys(formulas));
      expect(statuses.filter(({ nulls, rows }) => nulls > rows / 2)).toEqual([]);
      expect(table.numRows).toBe(bars.length);
    });

    const first = new Map(["ALT", "BTC", "GAP"].map((symbol) => [symbol, bars.findIndex((b) => b.symbol === symbol)]));
    test.each(Object.entries(values))("%s", (name, rows) => {
      const column = table.getChild(name);
      const unlike = rows.flatMap(([symbol, row, told]) => {
        const [computed, expected] = [cellOf(column?.get((first.get(symbol) ?? 0) + row)), toldValue(told)];
        return alike(computed, expected, SIZES[name] ?? 0) ? [] : [{ symbol, row, computed, expected }];
      });
      expect(unlike).toEqual([]);
    });
  });
