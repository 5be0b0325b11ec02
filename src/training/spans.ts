import { totalmem } from "node:os";
import { parseByteSize } from "../columnar/byte-sizes.js";
import { type Day, dayStartMicros, MICROS_PER_DAY } from "../columnar/instants.js";

/** Days after which a run should have something to show, however few rows they have. */
const MOST_DAYS = 100;
/** A longer gap costs more than a new beginning: the histories of other views are read across it. */
const LONGEST_GAP_DAYS = 31n;
/** What a target row may take of the memory while its span is worked on: its columns, keys and window bounds. */
const BYTES_PER_ROW = 2048;
/** The part of the machine's memory that DuckDB takes where nothing is said. */
const DEFAULT_MEMORY = 0.8;

export interface SpanLimits {
  readonly days: number;
  readonly rows: number;
}

/** What a span may hold: memory bounds the rows, and every worker should have some. */
export function spanLimits(days: number, workers: number, memoryLimit: string | undefined): SpanLimits {
  return {
    days: Math.min(MOST_DAYS, Math.ceil(days / workers)),
    rows: Math.floor((parseByteSize(memoryLimit ?? "") ?? totalmem() * DEFAULT_MEMORY) / BYTES_PER_ROW),
  };
}

/**
 * Cuts the days (ascending) into spans that are worked on together: a span shares one reading of its history. No span
 * reaches over a day that has rows (`rowsByDay`) and is not to be done, nor over a long gap; a single day may exceed the
 * limits.
 */
export function spansOf(
  days: readonly Day[],
  rowsByDay: ReadonlyMap<Day, number>,
  limits: SpanLimits,
): readonly (readonly Day[])[] {
  const spans: Day[][] = [];
  const neighbours = [...rowsByDay.keys()];
  const place = new Map(neighbours.map((day, index) => [day, index]));
  let rows = 0;
  for (const day of days) {
    const span = spans.at(-1);
    const last = span?.at(-1);
    const own = rowsByDay.get(day) ?? 0;
    const goesOn =
      span !== undefined &&
      last !== undefined &&
      place.get(day) === (place.get(last) ?? -2) + 1 &&
      dayStartMicros(day) - dayStartMicros(last) <= LONGEST_GAP_DAYS * MICROS_PER_DAY &&
      span.length < limits.days &&
      rows + own <= limits.rows;
    if (goesOn) span.push(day);
    else spans.push([day]);
    rows = goesOn ? rows + own : own;
  }
  return spans;
}
