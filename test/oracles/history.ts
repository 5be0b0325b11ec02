import { exactSum } from "./exact-numbers.js";
import { durationNanos, type Relation, type Row } from "./relation.js";
import { compareValues, type Dtype, equalValues, isFloatType, OracleStop, type Value } from "./values.js";

/** `ts < t`, and for a window `t − w <= ts`. */
export function inWindow(instant: bigint | null, t: bigint, window: string): boolean {
  return instant !== null && instant < t && (window === "all" || instant >= t - durationNanos(window));
}

/** The row exists at `t`. */
export function isAvailable(relation: Relation, row: Row, t: bigint): boolean {
  if (relation.available === undefined) return true;
  const from = row.instants[relation.available] ?? null;
  return from !== null && from <= t;
}

/** Keys match by value; a NULL matches nothing. */
export function keysMatch(left: readonly Value[], right: readonly Value[]): boolean {
  return left.every((value, i) => value !== null && equalValues(value, right[i] ?? null));
}

/** Among rows of one instant: by key columns, then by the fields in their order. */
function compareTies(relation: Relation, a: Row, b: Row): number {
  for (const column of [...relation.keys, ...relation.fields]) {
    const order = compareValues(a.values[column] ?? null, b.values[column] ?? null);
    if (order !== 0) return order;
  }
  return 0;
}

/** The latest row by `time`, ties as above; a NULL time is older than all others. */
export function latest(relation: Relation, rows: readonly Row[], time: string | undefined): Row | undefined {
  return rows.reduce<Row | undefined>((best, row) => {
    if (best === undefined) return row;
    const order = time === undefined ? 0 : compareValues(row.instants[time] ?? null, best.instants[time] ?? null);
    return order > 0 || (order === 0 && compareTies(relation, row, best) > 0) ? row : best;
  }, undefined);
}

/** A value of the history and when it occurred. */
export interface Occurrence {
  readonly instant: bigint;
  readonly value: Exclude<Value, null>;
}

/** Time, then value: the order of every list. */
export function inOrder(history: readonly Occurrence[]): readonly Occurrence[] {
  return [...history].sort((a, b) =>
    a.instant < b.instant ? -1 : a.instant > b.instant ? 1 : compareValues(a.value, b.value),
  );
}

/** Each value once, by its latest occurrence. */
export function distinctByLatest(history: readonly Occurrence[]): readonly Occurrence[] {
  const ordered = inOrder(history);
  return ordered.filter((one, i) => !ordered.slice(i + 1).some((later) => equalValues(later.value, one.value)));
}

export function mostRecent(history: readonly Occurrence[], length: bigint | undefined): readonly Occurrence[] {
  return length === undefined || BigInt(history.length) <= length ? history : history.slice(-Number(length));
}

/** The element of non-list aggregates; `history` in order. */
export function aggregate(agg: string, history: readonly Occurrence[], dtype: Dtype | undefined): Value {
  const values = history.map((one) => one.value);
  switch (agg) {
    case "list":
      return values;
    case "count":
      return BigInt(values.length);
    case "count_distinct":
      return BigInt(distinctByLatest(history).length);
    case "last":
      return values.at(-1) ?? null;
    case "min":
    case "max":
      return values.reduce<Value>((best, value) => {
        if (best === null) return value;
        return compareValues(value, best) > 0 === (agg === "max") ? value : best;
      }, null);
    case "sum":
      return values.length === 0 ? null : sum(values, dtype);
    case "mean":
      return values.length === 0 ? null : Number(rawSum(values, dtype)) / values.length;
    default:
      throw new Error(`no aggregate ${agg}`);
  }
}

function rawSum(values: readonly Value[], dtype: Dtype | undefined): bigint | number {
  if (dtype !== undefined && isFloatType(dtype)) return exactSum(values.filter((value) => typeof value === "number"));
  return values.reduce<bigint>((total, value) => (typeof value === "bigint" ? total + value : total), 0n);
}

function sum(values: readonly Value[], dtype: Dtype | undefined): Value {
  const total = rawSum(values, dtype);
  if (typeof total === "bigint" && (total < -(2n ** 63n) || total >= 2n ** 63n))
    throw new OracleStop(`the sum ${total} is outside BIGINT`);
  return total;
}
