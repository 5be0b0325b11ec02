import type { Table } from "apache-arrow";
import { FeatureEngine } from "daedalus";
import { expect } from "vitest";
import {
  type Answer,
  type Cell,
  type Cells,
  crossSectionOracle,
  type NodeParameters,
  nodeOracle,
} from "../oracles/formulas.js";
import { barFrame } from "../support/bar-frame.js";
import { difference } from "./graph-run.js";
import { KINDS, nastyColumn, pick, type Random, randomFrom } from "./nasty-columns.js";

/**
 * Random formulas of formulas over nasty frames, judged call by call: every part of a formula is a feature of the same run, so that
 * the oracle is given the very cells that the engine had, and an error is found where it is made.
 */

/** A part of a formula. */
interface Part {
  readonly text: string;
  readonly parts: readonly Part[];
  readonly judge: Judge;
}

/** Of the rows of one symbol, or of those of one time. */
type Judge =
  | { readonly over: "symbol"; readonly values: (inputs: readonly Cells[], rows: number) => readonly Answer[] }
  | { readonly over: "time"; readonly values: (cells: Cells) => readonly Answer[] }
  | { readonly over: "column"; readonly name: string };

const COLUMNS = ["x", "y", "z"] as const;
const DEPTH = 4;

/** The op of a node, as the graph has it, on what a call is given. */
const node = (op: string, params: NodeParameters = {}): Judge => ({
  over: "symbol",
  values: (inputs, rows) => nodeOracle(op, params, inputs, rows),
});

const valuesOf = (answers: readonly Answer[]): Cells => answers.map(({ value }) => value);
const lagged = (x: Cells, n: number): Cells => valuesOf(nodeOracle("lag", { n }, [x], x.length));

interface Draw {
  readonly random: Random;
  readonly parameters: Readonly<Record<string, number>>;
}

const integer = (random: Random, from: number, to: number): number => from + Math.floor(random() * (to - from + 1));

/** A whole number as a formula may have it: itself, a parameter of that value, or a sum. */
function spelled({ random, parameters }: Draw, value: number): string {
  const names = Object.keys(parameters).filter((name) => parameters[name] === value);
  const name = names[0];
  if (name !== undefined && random() < 0.7) return random() < 0.5 ? `$${name}` : name;
  if (random() < 0.2) return `${value + 3} - 3`;
  return random() < 0.1 ? `2 * ${value} / 2` : `${value}`;
}

/** The length of a window with, now and then, `min_periods`; `floor`: without so many values there is no answer. */
function windowOf(draw: Draw, floor: number) {
  const { random } = draw;
  const w = integer(random, 0, 12);
  const asked = random() < 0.5 ? integer(random, 1, w === 0 ? 4 : w) : undefined;
  return {
    length: spelled(draw, w),
    periods: asked === undefined ? "" : `, min_periods=${spelled(draw, asked)}`,
    params: { w, min_periods: Math.max(asked ?? (w === 0 ? 1 : w), floor) },
  };
}

type Maker = (draw: Draw, part: () => Part) => Part;

const call =
  (name: string, count: number, judge: Judge = node(name)): Maker =>
  (_, part) => {
    const parts = Array.from({ length: count }, part);
    return { text: `${name}(${parts.map(({ text }) => text).join(", ")})`, parts, judge };
  };

const infix =
  (operator: string, op: string): Maker =>
  (_, part) => {
    const [left, right] = [part(), part()];
    return { text: `(${left.text} ${operator} ${right.text})`, parts: [left, right], judge: node(op) };
  };

const prefix =
  (operator: string, op: string): Maker =>
  (_, part) => {
    const inner = part();
    return { text: `(${operator} ${inner.text})`, parts: [inner], judge: node(op) };
  };

/** Two or more values, folded from the last two on. */
const many =
  (name: string): Maker =>
  ({ random }, part) => {
    const parts = Array.from({ length: integer(random, 2, 4) }, part);
    const values = (inputs: readonly Cells[], rows: number) =>
      Array.from({ length: rows }, (_, row): Answer => {
        const cells = inputs.map((input) => input[row] ?? null);
        return (
          nodeOracle(
            name,
            {},
            cells.map((cell) => [cell]),
            1,
          )[0] ?? { value: null, within: 0 }
        );
      });
    return {
      text: `${name}(${parts.map(({ text }) => text).join(", ")})`,
      parts,
      judge: { over: "symbol", values },
    };
  };

const rolling =
  (
    name: string,
    floor: number,
    op = name,
    more: (random: Random) => { readonly text: string; readonly params: NodeParameters } = () => ({
      text: "",
      params: {},
    }),
    count = 1,
  ): Maker =>
  (draw, part) => {
    const parts = Array.from({ length: count }, part);
    const { length, periods, params } = windowOf(draw, floor);
    const further = more(draw.random);
    const text = `${name}(${parts.map((one) => one.text).join(", ")}, ${length}${further.text}${periods})`;
    return { text, parts, judge: node(op, { ...params, ...further.params }) };
  };

const before =
  (name: string, least: number, values: (x: Cells, n: number) => readonly Answer[]): Maker =>
  (draw, part) => {
    const x = part();
    const n = draw.random() < 0.3 ? undefined : integer(draw.random, least, 6);
    return {
      text: n === undefined ? `${name}(${x.text})` : `${name}(${x.text}, ${spelled(draw, n)})`,
      parts: [x],
      judge: { over: "symbol", values: ([cells = []]) => values(cells, n ?? 1) },
    };
  };

const autocorr =
  (name: string, turn: (answer: Answer) => Answer): Maker =>
  (draw, part) => {
    const x = part();
    const { length, periods, params } = windowOf(draw, 2);
    const n = integer(draw.random, 1, 4);
    const values = ([cells = []]: readonly Cells[], rows: number) =>
      nodeOracle("rolling_corr", params, [cells, lagged(cells, n)], rows).map(turn);
    return {
      text: `${name}(${x.text}, ${spelled(draw, n)}, ${length}${periods})`,
      parts: [x],
      judge: { over: "symbol", values },
    };
  };

const state =
  (
    name: string,
    more: (random: Random) => { readonly text: string; readonly params: NodeParameters },
    op = name,
  ): Maker =>
  ({ random }, part) => {
    const x = part();
    const { text, params } = more(random);
    return { text: `${name}(${x.text}${text})`, parts: [x], judge: node(op, params) };
  };

const quantile = (random: Random) => {
  const q = pick(random, [0, 0.1, 0.25, 0.3, 0.5, 0.95, 1]);
  return { text: random() < 0.5 ? `, ${q}` : `, q=${q}`, params: { q } };
};

const confidence = (random: Random) => {
  const given = pick(random, [undefined, 0.5, 0.9, 0.99]);
  return {
    text: given === undefined ? "" : `, confidence=${given}`,
    params: { q: 1 - (given ?? 0.95) },
  };
};

const weight = (random: Random) => {
  const a = pick(random, [1, 2, 5, 0.01, 0.3, 0.999]);
  return { text: `, ${a}`, params: { alpha: a >= 1 ? 2 / (a + 1) : a } };
};

const decay = (random: Random) => {
  const alpha = pick(random, [0, 0.5, 0.9, 1]);
  const init = pick(random, [undefined, -2.5, 1e6]);
  return { text: init === undefined ? `, ${alpha}` : `, ${alpha}, init=${init}`, params: { alpha, init: init ?? 0 } };
};

const start = (random: Random) => {
  const init = pick(random, [undefined, 0.1, -3]);
  return { text: init === undefined ? "" : `, ${init}`, params: { init: init ?? 0 } };
};

const median = () => ({ text: "", params: { q: 0.5 } });
const allSoFar = () => ({ text: "", params: { w: 0, min_periods: 1 } });
const nothing = () => ({ text: "", params: {} });
const crossing = (name: string): Maker =>
  call(name, 1, { over: "time", values: (cells) => crossSectionOracle(name, cells) });

/** Every function of the language by its name, drawn alike. */
export const CALLS: Readonly<Record<string, Maker>> = {
  ...Object.fromEntries(
    ["abs", "sqrt", "log", "exp", "sign", "tanh", "floor", "ceil", "round", "is_null"].map((name) => [
      name,
      call(name, 1),
    ]),
  ),
  clip: call("clip", 3),
  if: call("if", 3),
  min: many("min"),
  max: many("max"),
  coalesce: many("coalesce"),
  ...Object.fromEntries(
    ["sum", "mean", "min", "max", "skew", "kurt", "rank"].map((name) => [
      `rolling_${name}`,
      rolling(`rolling_${name}`, 1),
    ]),
  ),
  ...Object.fromEntries(["var", "std", "zscore"].map((name) => [`rolling_${name}`, rolling(`rolling_${name}`, 2)])),
  zscore: rolling("zscore", 2, "rolling_zscore"),
  rolling_median: rolling("rolling_median", 1, "rolling_quantile", median),
  rolling_quantile: rolling("rolling_quantile", 1, "rolling_quantile", quantile),
  historical_var: rolling("historical_var", 1, "rolling_quantile", confidence),
  ...Object.fromEntries(
    ["cov", "corr", "rank_corr"].map((name) => [
      `rolling_${name}`,
      rolling(`rolling_${name}`, 2, `rolling_${name}`, nothing, 2),
    ]),
  ),
  linear_regression_slope: rolling("linear_regression_slope", 2),
  autocorr: autocorr("autocorr", (answer) => answer),
  neg_autocorr: autocorr("neg_autocorr", (answer) => ({
    ...answer,
    value: answer.value === null ? null : -answer.value,
  })),
  lag: before("lag", 0, (x, n) => nodeOracle("lag", { n }, [x], x.length)),
  shift: before("shift", 0, (x, n) => nodeOracle("lag", { n }, [x], x.length)),
  diff: before("diff", 1, (x, n) => nodeOracle("subtract", {}, [x, lagged(x, n)], x.length)),
  pct_change: before("pct_change", 1, (x, n) => {
    const old = lagged(x, n);
    return nodeOracle("divide", {}, [valuesOf(nodeOracle("subtract", {}, [x, old], x.length)), old], x.length);
  }),
  ema: state("ema", weight),
  decay_accum: state("decay_accum", decay),
  cumsum: state("cumsum", start),
  cummax: state("cummax", allSoFar, "rolling_max"),
  cummin: state("cummin", allSoFar, "rolling_min"),
  cumcount: state("cumcount", nothing),
  cs_rank: crossing("cs_rank"),
  cs_demean: crossing("cs_demean"),
  cs_zscore: crossing("cs_zscore"),
};

const OPERATORS: readonly Maker[] = [
  infix("+", "add"),
  infix("-", "subtract"),
  infix("*", "multiply"),
  infix("/", "divide"),
  infix("%", "modulo"),
  infix("**", "power"),
  infix("<", "less"),
  infix("<=", "less_equal"),
  infix(">", "greater"),
  infix(">=", "greater_equal"),
  infix("==", "equal"),
  infix("!=", "not_equal"),
  infix("and", "and"),
  infix("or", "or"),
  prefix("not", "not"),
  prefix("-", "negate"),
  prefix("+", "number"),
];

const CONSTANTS: readonly (readonly [text: string, value: Cell])[] = [
  ["0", 0],
  ["1", 1],
  ["2.5", 2.5],
  ["1_000_000", 1e6],
  ["True", 1],
  ["False", 0],
  ["None", null],
  ["nan", Number.NaN],
  ["inf", Infinity],
];

function leaf({ random, parameters }: Draw): Part {
  if (random() < 0.85) {
    const name = pick(random, COLUMNS);
    return { text: name, parts: [], judge: { over: "column", name } };
  }
  const named = Object.entries(parameters).map(([name, value]) => [`$${name}`, value] as const);
  const [text, value] = pick(random, [...CONSTANTS, ...named]);
  return { text, parts: [], judge: node("constant", { value }) };
}

function partOf(draw: Draw, depth: number, first?: Maker): Part {
  const { random } = draw;
  if (depth === 0 || (first === undefined && random() < 0.15)) return leaf(draw);
  const maker = first ?? (random() < 0.25 ? pick(random, OPERATORS) : pick(random, Object.values(CALLS)));
  return maker(draw, () => partOf(draw, depth - 1));
}

interface Row {
  readonly symbol: string;
  readonly time: number;
  readonly cells: Readonly<Record<string, Cell>>;
}

/** By symbol and time; times of a symbol lie irregularly, and several rows may share one. */
function rowsFrom(random: Random): Row[] {
  const symbols = pick(random, [["only"], ["A", "B"], ["A", "B", "C", "Ä"]]);
  return symbols.flatMap((symbol) => {
    const rows = integer(random, 1, 45);
    const columns = COLUMNS.map((name) => [name, nastyColumn(random, rows, pick(random, Object.keys(KINDS)))] as const);
    let time = integer(random, 0, 3);
    return Array.from({ length: rows }, (_, row) => {
      time += pick(random, [0, 1, 1, 1, 2, 7]);
      const cells = Object.fromEntries(columns.map(([name, column]) => [name, column[row] ?? null]));
      return { symbol, time, cells };
    });
  });
}

/** As a feed lies: symbols mixed, each in its order. */
function shuffled(random: Random, rows: readonly Row[]): Row[] {
  const waiting = placesOf(rows, "symbol").map((places) => places.map((place) => rows[place] as Row));
  const mixed: Row[] = [];
  for (;;) {
    const left = waiting.filter((group) => group.length > 0);
    if (left.length === 0) return mixed;
    const next = pick(random, left).shift();
    if (next !== undefined) mixed.push(next);
  }
}

function tableOf(rows: readonly Row[]): Table {
  return barFrame(
    rows.map(({ symbol, time, cells }) => ({
      symbol,
      time: BigInt(time),
      cells: COLUMNS.map((name) => cells[name] ?? null),
    })),
    COLUMNS,
  );
}

const cellOf = (value: unknown): Cell =>
  typeof value === "number" ? value : typeof value === "boolean" ? Number(value) : null;

function partsOf(part: Part, into: Map<string, Part>): void {
  for (const one of part.parts) partsOf(one, into);
  into.set(part.text, part);
}

/** Rows that are judged together, by their places. */
function placesOf(rows: readonly Row[], by: "symbol" | "time"): readonly (readonly number[])[] {
  const groups = new Map<string | number, number[]>();
  for (const [place, row] of rows.entries()) {
    const group = groups.get(row[by]) ?? [];
    group.push(place);
    groups.set(row[by], group);
  }
  return [...groups.values()];
}

function answersOf(part: Part, rows: readonly Row[], cells: ReadonlyMap<string, Cells>): Answer[] {
  const { judge } = part;
  if (judge.over === "column") return rows.map((row) => ({ value: row.cells[judge.name] ?? null, within: 0 }));
  const answers: Answer[] = [];
  for (const places of placesOf(rows, judge.over)) {
    const given = part.parts.map(({ text }) => places.map((place) => cells.get(text)?.[place] ?? null));
    const values = judge.over === "time" ? judge.values(given[0] ?? []) : judge.values(given, places.length);
    for (const [i, place] of places.entries()) answers[place] = values[i] as Answer;
  }
  return answers;
}

/** Draws a frame and formulas from the seed, one of each of the functions, and judges every part of them. Answers how many parts. */
export async function checkNested(seed: number, functions: readonly string[]): Promise<number> {
  const random = randomFrom(seed);
  const rows = rowsFrom(random);
  const parameters = { w: integer(random, 0, 12), m: integer(random, 1, 4), half: 0.5 };
  const formulas = functions.map((name) =>
    partOf({ random, parameters }, integer(random, 1, DEPTH), CALLS[name] as Maker),
  );
  const parts = new Map<string, Part>();
  for (const formula of formulas) partsOf(formula, parts);
  const specs = [...parts.keys()].map((formula, place) => ({ name: `f${place}`, formula, parameters }));
  const engine = new FeatureEngine({ threads: 1 });
  const { table, statuses } = await engine.computeFeatures({
    specs,
    frames: { frame: tableOf(shuffled(random, rows)) },
  });
  const failed = statuses.flatMap(({ problem }, place) =>
    problem ? [`${specs[place]?.formula}: ${problem.says}`] : [],
  );
  expect(failed, `seed ${seed}`).toEqual([]);
  const cells = new Map(
    specs.map(({ name, formula }) => [formula, [...(table.getChild(name) ?? [])].map(cellOf)] as const),
  );
  for (const part of parts.values()) {
    const found = cells.get(part.text) ?? [];
    expect(found.length).toBe(rows.length);
    for (const [row, wanted] of answersOf(part, rows, cells).entries()) {
      const told = difference(found[row] ?? null, wanted);
      if (told === undefined) continue;
      const { symbol = "", time = 0 } = rows[row] ?? {};
      const from = rows.findIndex((one) => one.symbol === symbol);
      const given = part.parts.map(({ text }) => `${text}: ${String(cells.get(text)?.slice(from, row + 1))}`);
      expect.fail(
        `seed ${seed}, ${JSON.stringify(parameters)}: ${part.text} of ${symbol} at row ${row - from} (time ${time}) is ${told}; its inputs so far:\n${given.join("\n")}`,
      );
    }
  }
  return parts.size;
}
