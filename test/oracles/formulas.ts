import { exactMean, exactSum, quotient, scaledDouble } from "./exact-numbers.js";

/**
 * The functions of the formula language as chapter 8 §1 defines them, one row at a time over whole windows, in exact rationals.
 * Booleans are 0 and 1. Nothing here is shared with src/, but for the names of the nodes of a graph.
 */
export type Cell = number | null;
export type Cells = readonly Cell[];
export type NodeParameters = Readonly<Record<string, unknown>>;

/** How near an answer must be: the same double (−0 and +0 are one), or within so much of the larger of the value and `scale`. */
export interface Answer {
  readonly value: Cell;
  readonly within: number;
  readonly scale?: number;
}

const UNIT = 1n << 1074n;
const exactly = (value: Cell): Answer => ({ value, within: 0 });
const nearly = (value: Cell, scale = 0): Answer => ({ value, within: 1e-12, scale });

/** The values of a node. */
export function nodeOracle(op: string, params: NodeParameters, inputs: readonly Cells[], rows: number): Answer[] {
  const perRow = ROWS[op];
  if (perRow !== undefined)
    return Array.from({ length: rows }, (_, row) =>
      perRow(
        inputs.map((cells) => cells[row] ?? null),
        params,
      ),
    );
  const state = STATES[op];
  if (state !== undefined) return state(inputs[0] ?? [], params);
  if (op === "lag")
    return Array.from({ length: rows }, (_, row) => exactly(inputs[0]?.[row - Number(params["n"])] ?? null));
  return Array.from({ length: rows }, (_, row) => windowAt(op, params, inputs, row));
}

type RowRule = (values: Cells, params: NodeParameters) => Answer;

/** NULL if any is; else what the numbers give. */
function strict(compute: (...values: number[]) => number, answer: (value: Cell) => Answer = exactly): RowRule {
  return (values) => answer(values.includes(null) ? null : compute(...(values as number[])));
}
const truth = (holds: (x: number, y: number) => boolean): RowRule => strict((x = 0, y = 0) => (holds(x, y) ? 1 : 0));

function remainder(x: number, y: number): number {
  if (Number.isNaN(x) || Number.isNaN(y) || !Number.isFinite(x) || y === 0) return Number.NaN;
  if (!Number.isFinite(y)) return x === 0 || x > 0 === y > 0 ? x : y;
  const [a, b] = [scaledDouble(x), scaledDouble(y)];
  const rest = a % b;
  const value = quotient(rest, UNIT);
  return rest !== 0n && rest < 0n !== b < 0n ? value + y : value;
}

function power(x: number, y: number): number {
  if (x === 1 || y === 0) return 1;
  if (x === -1 && (y === Infinity || y === -Infinity)) return 1;
  return x ** y;
}

function evenRound(x: number): number {
  const below = Math.floor(x);
  const rest = x - below;
  if (rest === 0.5) return below % 2 === 0 ? below : below + 1;
  return rest > 0.5 ? below + 1 : below;
}

const ROWS: Readonly<Record<string, RowRule>> = {
  constant: (_, { value }) => exactly(value === null ? null : Number(value)),
  add: strict((x = 0, y = 0) => x + y),
  subtract: strict((x = 0, y = 0) => x - y),
  multiply: strict((x = 0, y = 0) => x * y),
  divide: strict((x = 0, y = 0) => x / y),
  modulo: strict((x = 0, y = 0) => remainder(x, y)),
  power: strict((x = 0, y = 0) => power(x, y), nearly),
  negate: strict((x = 0) => -x),
  number: strict((x = 0) => x),
  less: truth((x, y) => x < y),
  less_equal: truth((x, y) => x <= y),
  greater: truth((x, y) => x > y),
  greater_equal: truth((x, y) => x >= y),
  equal: truth((x, y) => x === y),
  not_equal: truth((x, y) => x !== y),
  not: strict((x = 0) => (x === 0 ? 1 : 0)),
  and: ([x = null, y = null]) => exactly(x === 0 || y === 0 ? 0 : x === null || y === null ? null : 1),
  or: ([x = null, y = null]) =>
    exactly((x !== null && x !== 0) || (y !== null && y !== 0) ? 1 : x === null || y === null ? null : 0),
  abs: strict((x = 0) => Math.abs(x)),
  sqrt: strict((x = 0) => Math.sqrt(x)),
  log: strict((x = 0) => Math.log(x), nearly),
  exp: strict((x = 0) => Math.exp(x), nearly),
  tanh: strict((x = 0) => Math.tanh(x), nearly),
  sign: strict((x = 0) => Math.sign(x)),
  round: strict((x = 0) => (Number.isFinite(x) ? evenRound(x) : x)),
  floor: strict((x = 0) => Math.floor(x)),
  ceil: strict((x = 0) => Math.ceil(x)),
  min: strict((...values) => Math.min(...values)),
  max: strict((...values) => Math.max(...values)),
  is_null: ([x = null]) => exactly(x === null ? 1 : 0),
  coalesce: (values) => exactly(values.find((x) => x !== null) ?? null),
  if: ([c = null, a = null, b = null]) => exactly(c !== null && c !== 0 ? a : b),
  clip: ([x = null, low = null, high = null]) => {
    let value = x;
    if (value !== null && low !== null && value < low) value = low;
    if (value !== null && high !== null && value > high) value = high;
    return exactly(value);
  },
};

/** Fixed-point, bits behind the point that hold every double and more, for recurrences. */
const POINT = 1400n;
const fixed = (x: number): bigint => scaledDouble(x) << (POINT - 1074n);

function recurrence(
  cells: Cells,
  start: Cell,
  exactNext: (state: bigint, x: bigint) => bigint,
  plainNext: (state: number, x: number) => number,
): Answer[] {
  let state: number | null = start;
  let exact = start === null ? 0n : fixed(start);
  let largest = Math.abs(start ?? 0);
  return cells.map((x) => {
    if (x !== null) {
      if (state === null) [state, exact] = [x, Number.isFinite(x) ? fixed(x) : 0n];
      else if (!Number.isFinite(state) || !Number.isFinite(x)) state = plainNext(state, x);
      else {
        exact = exactNext(exact, fixed(x));
        state = quotient(exact, 1n << POINT);
      }
    }
    if (state !== null && Number.isFinite(state)) largest = Math.max(largest, Math.abs(state));
    return nearly(state, largest);
  });
}

const STATES: Readonly<Record<string, (cells: Cells, params: NodeParameters) => Answer[]>> = {
  cumcount: (cells) => {
    let count = 0;
    return cells.map((x) => {
      if (x !== null) count++;
      return exactly(count);
    });
  },
  cumsum: (cells, params) => {
    const soFar: number[] = [Number(params["init"])];
    return cells.map((x) => {
      if (x !== null) soFar.push(x);
      return exactly(exactSum(soFar));
    });
  },
  ema: (cells, { alpha }) => {
    const weight = fixed(Number(alpha));
    return recurrence(
      cells,
      null,
      (y, x) => y + ((weight * (x - y)) >> POINT),
      (y, x) => Number(alpha) * x + (1 - Number(alpha)) * y,
    );
  },
  decay_accum: (cells, { alpha, init }) => {
    const weight = fixed(Number(alpha));
    return recurrence(
      cells,
      Number(init),
      (s, x) => ((weight * s) >> POINT) + x,
      (s, x) => Number(alpha) * s + x,
    );
  },
};

const PAIRS = ["rolling_cov", "rolling_corr", "rolling_rank_corr"];
/** Infinities are ordinary values there. */
const ORDERED = ["rolling_min", "rolling_max", "rolling_quantile", "rolling_rank", "rolling_rank_corr"];

function windowAt(op: string, params: NodeParameters, inputs: readonly Cells[], row: number): Answer {
  const w = Number(params["w"]);
  const from = w === 0 ? 0 : Math.max(0, row - w + 1);
  const places: number[] = [];
  for (let at = from; at <= row; at++) {
    const own = inputs[0]?.[at] ?? null;
    const other = PAIRS.includes(op) ? (inputs[1]?.[at] ?? null) : 0;
    if (own !== null && other !== null) places.push(at);
  }
  const x = places.map((at) => inputs[0]?.[at] as number);
  const y = PAIRS.includes(op) ? places.map((at) => inputs[1]?.[at] as number) : [];
  const last = inputs[0]?.[row] ?? null;
  if (x.length < Number(params["min_periods"])) return exactly(null);
  if (last === null && (op === "rolling_zscore" || op === "rolling_rank")) return exactly(null);
  const all = [...x, ...y];
  if (all.some(Number.isNaN)) return exactly(Number.NaN);
  if (op === "rolling_sum") return exactly(exactSum(x));
  if (op === "rolling_mean") return exactly(exactMean(x));
  if (!ORDERED.includes(op) && !all.every(Number.isFinite)) return exactly(Number.NaN);
  const rule = WINDOWS[op];
  if (rule === undefined) throw new RangeError(`the oracle has no ${op}`);
  return rule({ x, y, places, last: last as number, params });
}

interface Window {
  readonly x: readonly number[];
  readonly y: readonly number[];
  /** Rows of the values. */
  readonly places: readonly number[];
  readonly last: number;
  readonly params: NodeParameters;
}

const sumOf = (values: readonly bigint[]): bigint => values.reduce((sum, value) => sum + value, 0n);
/** n · Σab − Σa · Σb. */
function together(a: readonly bigint[], b: readonly bigint[]): bigint {
  return BigInt(a.length) * sumOf(a.map((value, i) => value * (b[i] as bigint))) - sumOf(a) * sumOf(b);
}
const exact = (values: readonly number[]): bigint[] => values.map(scaledDouble);

/** The nearest double to the square root of a ratio, but for a few roundings. */
function rootOf(n: bigint, d: bigint): number {
  // Scaled so that the ratio is about 1: sqrt(n/d) = sqrt(n/d · 4^k) / 2^k.
  const k = Math.round((d.toString(2).length - n.toString(2).length) / 2);
  const ratio = k >= 0 ? quotient(n << BigInt(2 * k), d) : quotient(n, d << BigInt(-2 * k));
  const half = Math.trunc(k / 2);
  return (Math.sqrt(ratio) / 2 ** half) * 2 ** -(k - half);
}

function averageRanks(values: readonly number[]): bigint[] {
  return values.map((value) => {
    const below = values.filter((other) => other < value).length;
    const equal = values.filter((other) => other === value).length;
    return BigInt(2 * below + equal + 1);
  });
}

function correlation(a: readonly bigint[], b: readonly bigint[]): Answer {
  const scale = together(a, a) * together(b, b);
  if (scale === 0n) return exactly(Number.NaN);
  const both = together(a, b);
  const size = both === 0n ? 0 : Math.min(1, rootOf(both * both, scale));
  return { value: both < 0n ? -size : size, within: 1e-12, scale: 1e-3 };
}

const WINDOWS: Readonly<Record<string, (window: Window) => Answer>> = {
  rolling_var: ({ x }) => {
    const n = BigInt(x.length);
    const spread = together(exact(x), exact(x));
    return spread === 0n ? exactly(0) : nearly(quotient(spread, n * (n - 1n) * UNIT * UNIT));
  },
  rolling_std: ({ x }) => {
    const n = BigInt(x.length);
    const spread = together(exact(x), exact(x));
    return spread === 0n ? exactly(0) : nearly(rootOf(spread, n * (n - 1n) * UNIT * UNIT));
  },
  rolling_zscore: ({ x, last }) => {
    const n = BigInt(x.length);
    const spread = together(exact(x), exact(x));
    if (spread === 0n) return exactly(Number.NaN);
    const distance = n * scaledDouble(last) - sumOf(exact(x));
    const size = distance === 0n ? 0 : rootOf(distance * distance * (n - 1n), spread * n);
    return nearly(distance < 0n ? -size : size, 1e-3);
  },
  rolling_min: ({ x }) => exactly(Math.min(...x)),
  rolling_max: ({ x }) => exactly(Math.max(...x)),
  rolling_quantile: ({ x, params }) => {
    const sorted = x.toSorted((a, b) => a - b);
    const h = Number(params["q"]) * (sorted.length - 1);
    const k = Math.floor(h);
    const f = h - k;
    const [lower, upper] = [sorted[k] as number, sorted[k + 1] as number];
    return exactly(f === 0 || lower === upper ? lower : (1 - f) * lower + f * upper);
  },
  rolling_rank: ({ x, last }) => exactly(Number(averageRanks([...x, last]).at(-1)) / 2 - 0.5),
  rolling_skew: ({ x }) => {
    const [n, values] = [BigInt(x.length), exact(x)];
    const from = values.map((value) => n * value - sumOf(values));
    const second = sumOf(from.map((d) => d * d));
    if (second === 0n) return exactly(Number.NaN);
    const third = sumOf(from.map((d) => d ** 3n));
    const size = third === 0n ? 0 : rootOf(third * third * n, second ** 3n);
    return nearly(third < 0n ? -size : size, 1e-3);
  },
  rolling_kurt: ({ x }) => {
    const [n, values] = [BigInt(x.length), exact(x)];
    const from = values.map((value) => n * value - sumOf(values));
    const second = sumOf(from.map((d) => d * d));
    if (second === 0n) return exactly(Number.NaN);
    return nearly(quotient(n * sumOf(from.map((d) => d ** 4n)) - 3n * second * second, second * second), 3);
  },
  rolling_cov: ({ x, y }) => {
    const n = BigInt(x.length);
    return nearly(quotient(together(exact(x), exact(y)), n * (n - 1n) * UNIT * UNIT));
  },
  rolling_corr: ({ x, y }) => correlation(exact(x), exact(y)),
  rolling_rank_corr: ({ x, y }) => correlation(averageRanks(x), averageRanks(y)),
  linear_regression_slope: ({ x, places }) => {
    const at = places.map(BigInt);
    return nearly(quotient(together(at, exact(x)), together(at, at) * UNIT));
  },
};

/** The values of a cross-section: all rows of one time. */
export function crossSectionOracle(op: string, cells: Cells): Answer[] {
  const x = cells.filter((cell) => cell !== null);
  const rule = CROSS_SECTIONS[op];
  if (rule === undefined) throw new RangeError(`the oracle has no ${op}`);
  return cells.map((cell) => {
    if (cell === null || (op === "cs_zscore" && x.length < 2)) return exactly(null);
    return x.some(Number.isNaN) ? exactly(Number.NaN) : rule(cell, x);
  });
}

const CROSS_SECTIONS: Readonly<Record<string, (own: number, x: readonly number[]) => Answer>> = {
  cs_rank: (own, x) => exactly((Number(averageRanks([...x, own]).at(-1)) / 2 - 0.5) / x.length),
  cs_demean: (own, x) => exactly(own - exactMean(x)),
  cs_zscore: (own, x) =>
    x.every(Number.isFinite)
      ? (WINDOWS["rolling_zscore"] as (window: Window) => Answer)({ x, y: [], places: [], last: own, params: {} })
      : exactly(Number.NaN),
};
