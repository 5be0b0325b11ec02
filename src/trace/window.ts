import { type DType, elementOf, isFloat } from "../columnar/dtypes.js";
import type { Instant } from "../columnar/instants.js";
import type { Aggregate, Window } from "../definitions/aggregations.js";
import type { Column, ColumnName, KeyPair } from "../operators/operator.js";
import { exactSum, nearestDouble } from "./exact-numbers.js";
import { durationNanos, isoInstant, type Nanos } from "./instants.js";
import { byTime, Exclusions, instantIn, listed, type Mention, nullKeyOf, shownKeys } from "./references.js";
import { type Cell, cellOf, type Fault, type Row, valueIn } from "./row.js";
import type { ExclusionReason, WindowStep } from "./steps.js";
import { compareValues, equalityText, equalValues, shown, type Value } from "./values.js";

/** One aggregate of one window over a history. */
export interface WindowQuestion {
  readonly operator: string;
  readonly spec: string;
  readonly view: string;
  readonly agg: Aggregate;
  /** Absent: rows are counted. */
  readonly source?: Column;
  readonly on: readonly KeyPair[];
  readonly leftTime: Instant;
  readonly rightTime: Instant;
  readonly availableTime?: Instant;
  readonly window: Window;
  /** A column of the rows whose value (elements) is dropped. */
  readonly excludeSelf?: ColumnName;
  /** The source's lists are taken apart. */
  readonly flatten: boolean;
  /** Each value once, by its latest occurrence. */
  readonly distinct: boolean;
  readonly maxLength?: bigint;
  /** Why a history row does not enter whatever its time: other event, where not TRUE. */
  readonly entersNot: (row: Row) => ExclusionReason | undefined;
}

/** A value of the history with the row that it came from. */
interface Entry extends Mention {
  readonly time: Nanos;
  readonly content: Exclude<Value, null>;
}

/** The value of a window at a row, and what entered it and what did not. */
export function windowCell(
  question: WindowQuestion,
  row: Row,
  history: readonly Row[],
  dtypes: ReadonlyMap<ColumnName, DType>,
): Cell {
  const { source, window, maxLength } = question;
  const time = instantIn(row, question.leftTime);
  if (time === null) throw new RangeError("a row of the spine has no time");
  const from = window === "all" ? undefined : time - durationNanos(window);
  const excluded = new Exclusions();
  const inside = history.filter((past) => {
    const reason = outside(question, past, time, from);
    if (reason !== undefined) excluded.add(reason, mentionOf(question, past));
    return reason === undefined;
  });
  const own = question.excludeSelf === undefined ? null : valueIn(row, question.excludeSelf);
  let entries = inside
    .flatMap((past) => entriesOf(question, past, excluded))
    .filter((entry) => {
      const dropped = isOwn(question, own, entry.content);
      if (dropped) excluded.add("own value", entry);
      return !dropped;
    });
  entries.sort((left, right) => byInstant(left, right));
  if (question.distinct) {
    const lastOf = new Map(entries.map((entry) => [equalityText(entry.content), entry]));
    entries = entries.filter((entry) => {
      const kept = lastOf.get(equalityText(entry.content)) === entry;
      if (!kept) excluded.add("duplicate of a later one", entry);
      return kept;
    });
  }
  if (maxLength !== undefined && BigInt(entries.length) > maxLength) {
    const kept = entries.length - Number(maxLength);
    for (const entry of entries.slice(0, kept)) excluded.add("beyond max_length", entry);
    entries = entries.slice(kept);
  }
  const nullKey = nullKeyOf(question.on, row);
  const step: WindowStep = {
    type: "window",
    operator: question.operator,
    spec: question.spec,
    view: question.view,
    agg: question.agg,
    keys: shownKeys(question.on, row, dtypes),
    ...(from === undefined ? {} : { from: isoInstant(from) }),
    before: isoInstant(time),
    ...(question.excludeSelf === undefined || own === null
      ? {}
      : { own: shown(own, dtypes.get(question.excludeSelf) ?? "BIGINT") }),
    entered: { count: entries.length, rows: listed(entries, row) },
    excluded: excluded.list(row),
    ...(nullKey === undefined ? {} : { nullKey }),
  };
  const result = aggregated(
    question,
    entries.map(({ content }) => content),
    source,
  );
  return { value: result.value, steps: [step], ...(result.fault === undefined ? {} : { fault: result.fault }) };
}

function outside(question: WindowQuestion, past: Row, at: Nanos, from: Nanos | undefined): ExclusionReason | undefined {
  const time = instantIn(past, question.rightTime);
  if (time === null) return "no time";
  if (time > at) return "later";
  if (time === at) return "same instant";
  if (from !== undefined && time < from) return "outside the window";
  if (question.availableTime !== undefined) {
    const available = instantIn(past, question.availableTime);
    if (available === null) return "never available";
    if (available > at) return "not yet available";
  }
  return question.entersNot(past);
}

function mentionOf({ rightTime, availableTime, source }: WindowQuestion, row: Row): Mention {
  const cell = source === undefined ? undefined : cellOf(row, source.name);
  return {
    row,
    time: instantIn(row, rightTime),
    ...(availableTime === undefined ? {} : { available: instantIn(row, availableTime) }),
    ...(cell === undefined || source === undefined ? {} : { value: { cell, value: cell.value, dtype: source.dtype } }),
  };
}

/** The values that a history row brings: its own, or the elements of its list. */
function entriesOf(question: WindowQuestion, past: Row, excluded: Exclusions): Entry[] {
  const mention = mentionOf(question, past);
  const time = mention.time ?? 0n;
  const { source } = question;
  if (source === undefined || mention.value === undefined) return [{ ...mention, time, content: true }];
  const { cell, value } = mention.value;
  if (!question.flatten || !Array.isArray(value)) {
    if (value !== null) return [{ ...mention, time, content: value }];
    excluded.add("NULL value", mention);
    return [];
  }
  return value.flatMap((element: Value): Entry[] => {
    const one = { ...mention, time, value: { cell, value: element, dtype: elementOf(source.dtype) } };
    if (element !== null) return [{ ...one, content: element }];
    excluded.add("NULL value", one);
    return [];
  });
}

function isOwn({ flatten }: WindowQuestion, own: Value, value: Value): boolean {
  if (own === null) return false;
  if (flatten && Array.isArray(own)) return own.some((element: Value) => equalValues(element, value));
  return equalValues(own, value);
}

/** Oldest first, among equal times by value. */
function byInstant(left: Entry, right: Entry): number {
  if (left.time !== right.time) return left.time < right.time ? -1 : 1;
  return compareValues(left.content, right.content) || byTime(left, right);
}

function aggregated(
  { agg, flatten }: WindowQuestion,
  values: readonly Exclude<Value, null>[],
  source: Column | undefined,
): { readonly value: Value; readonly fault?: Fault } {
  const dtype = source === undefined ? undefined : flatten ? elementOf(source.dtype) : source.dtype;
  const sorted = () => [...values].sort(compareValues);
  switch (agg) {
    case "list":
      return { value: values };
    case "count":
      return { value: BigInt(values.length) };
    case "count_distinct":
      return { value: BigInt(new Set(values.map(equalityText)).size) };
    case "last":
      return { value: values.at(-1) ?? null };
    case "min":
      return { value: sorted()[0] ?? null };
    case "max":
      return { value: sorted().at(-1) ?? null };
    case "sum":
    case "mean":
      return values.length === 0 ? { value: null } : total(agg, values, dtype !== undefined && isFloat(dtype));
  }
}

const MAX = (1n << 63n) - 1n;

function total(
  agg: "sum" | "mean",
  values: readonly Value[],
  floats: boolean,
): { readonly value: Value; readonly fault?: Fault } {
  if (floats) {
    const sum = exactSum(values.filter((value) => typeof value === "number"));
    return { value: agg === "sum" ? sum : sum / values.length };
  }
  let sum = 0n;
  for (const value of values) if (typeof value === "bigint") sum += value;
  if (agg === "mean") return { value: nearestDouble(sum) / values.length };
  if (sum <= MAX && sum >= -MAX - 1n) return { value: sum };
  return { value: null, fault: { kind: "stops", says: `the integer sum ${sum} does not fit 64 bits` } };
}
