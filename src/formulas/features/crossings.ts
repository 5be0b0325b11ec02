import { exactSum } from "../../columnar/exact-sum.js";
import { frameProblem } from "../../errors/formula.js";
import { ExactWindow } from "../lowering/kernel/exact-window.js";
import type { GivenColumn } from "../lowering/kernel/symbol-run.js";
import type { Frame, SymbolRows } from "./frame.js";

/** Whole columns of a frame's rows, in its order. */
export interface WholeColumn {
  readonly values: Float64Array;
  readonly valid: Uint8Array;
}

export function wholeColumn({ values, valid }: GivenColumn): WholeColumn {
  return { values, valid: valid ?? new Uint8Array(values.length).fill(1) };
}

/** For each row the value of the other frame's last row of its symbol with an earlier time; NULL where there is none. */
export function latest(to: Frame, from: Frame, column: WholeColumn): WholeColumn {
  const values = new Float64Array(to.rows);
  const valid = new Uint8Array(to.rows);
  const others = new Map(from.symbols.map((range) => [range.symbol, range]));
  for (const own of to.symbols) {
    const other = others.get(own.symbol) ?? soleOf(from, own);
    if (other === undefined) continue;
    let next = other.from;
    for (let row = own.from; row < own.to; row++) {
      const time = to.times[row] as bigint;
      while (next < other.to && (from.times[next] as bigint) < time) next++;
      if (next === other.from) continue;
      values[row] = column.values[next - 1] as number;
      valid[row] = column.valid[next - 1] as number;
    }
  }
  return { values, valid };
}

/** Why rows of the table see none of another's, where rows without a symbol stand beside those of several. */
export function symbolUnknown(table: string, hasSymbols: boolean, other: string, symbols: number): string | undefined {
  if (hasSymbols || symbols <= 1) return undefined;
  const { says, help } = frameProblem("symbol-unknown", { table, other, symbols });
  return `${says}; ${help}`;
}

/** A frame without symbols is of the symbol that it stands beside. */
function soleOf(from: Frame, { symbol }: SymbolRows): SymbolRows | undefined {
  const [only] = from.symbols;
  return symbol === undefined || only?.symbol === undefined ? only : undefined;
}

type CrossSection = (values: Float64Array) => Float64Array;

/** Of the values of all symbols at each time: NULLs are left out and stay NULL. */
export function crossSection(op: string, frame: Frame, column: WholeColumn): WholeColumn {
  const compute = CROSS_SECTIONS[op];
  if (compute === undefined) throw new RangeError(`there is no cross-section ${op}`);
  const made = { values: new Float64Array(frame.rows), valid: new Uint8Array(frame.rows) };
  for (const rows of rowsByTime(frame)) computeTime(compute, column, rows, made);
  return made;
}

/** Of rows that lie by their times; `ends`: where each time's rows end, ascending. */
export function crossSections(op: string, column: WholeColumn, ends: readonly number[]): WholeColumn {
  const compute = CROSS_SECTIONS[op];
  if (compute === undefined) throw new RangeError(`there is no cross-section ${op}`);
  const rows = ends[ends.length - 1] ?? 0;
  const made = { values: new Float64Array(rows), valid: new Uint8Array(rows) };
  let from = 0;
  for (const to of ends) {
    const first = from;
    computeTime(
      compute,
      column,
      Array.from({ length: to - from }, (_, place) => first + place),
      made,
    );
    from = to;
  }
  return made;
}

/** The rows of one time. */
function computeTime(compute: CrossSection, column: WholeColumn, rows: readonly number[], made: WholeColumn): void {
  const own = rows.filter((row) => column.valid[row] === 1);
  const answers = compute(Float64Array.from(own, (row) => column.values[row] as number));
  if (answers.length === 0) return;
  own.forEach((row, place) => {
    made.values[row] = answers[place] as number;
    made.valid[row] = 1;
  });
}

/** The rows of each time, by a merge of the symbols' rows. */
function* rowsByTime(frame: Frame): Iterable<readonly number[]> {
  const order = Array.from({ length: frame.rows }, (_, row) => row);
  order.sort((a, b) => {
    const [left, right] = [frame.times[a] as bigint, frame.times[b] as bigint];
    return left < right ? -1 : left > right ? 1 : a - b;
  });
  for (let from = 0; from < order.length; ) {
    const time = frame.times[order[from] as number];
    let to = from + 1;
    while (to < order.length && frame.times[order[to] as number] === time) to++;
    yield order.slice(from, to);
    from = to;
  }
}

const NONE = new Float64Array(0);
const undefinedAll = (values: Float64Array): Float64Array => new Float64Array(values.length).fill(Number.NaN);
const hasNaN = (values: Float64Array): boolean => values.some(Number.isNaN);

const CROSS_SECTIONS: Readonly<Record<string, CrossSection>> = {
  cs_rank: (values) => {
    if (hasNaN(values)) return undefinedAll(values);
    const sorted = values.toSorted();
    return values.map((value) => {
      // −0 and +0 are one value.
      const below = lowerBound(sorted, value);
      const upTo = upperBound(sorted, value);
      return (below + upTo + 1) / 2 / values.length;
    });
  },
  cs_demean: (values) => {
    if (hasNaN(values)) return undefinedAll(values);
    const mean = meanOf(values);
    return values.map((value) => value - mean);
  },
  cs_zscore: (values) => {
    if (values.length < 2) return NONE;
    if (!values.every(Number.isFinite)) return undefinedAll(values);
    const window = new ExactWindow({ powers: 2 }, -1074);
    for (const value of values) window.change(1, value, 0, 0);
    return values.map((value) => window.score(value));
  },
};

/** The exact sum ÷ the number of values, rounded once; with infinities what a sum is. */
function meanOf(values: Float64Array): number {
  if (!values.every(Number.isFinite)) return exactSum(values, 0, values.length);
  const window = new ExactWindow({ powers: 1 }, -1074);
  for (const value of values) window.change(1, value, 0, 0);
  return window.mean();
}

function lowerBound(sorted: Float64Array, value: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

function upperBound(sorted: Float64Array, value: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as number) <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}
