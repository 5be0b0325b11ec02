import type { SymbolRows } from "./frame.js";

/** Rows, those of each time together. */
export interface RowsByTime {
  /** Where the rows of each time end, by times. */
  readonly ends: Int32Array;
  /** Where the rows lie; absent: in this order. */
  readonly order?: Int32Array;
}

/** Bytes that it takes for a row to be put in its place. */
export const ORDERING_BYTES = 32;

/** The rows of symbols, each in the order of their times; rows of one time stay in the order that they have. */
export function rowsByTime(times: BigInt64Array, symbols: readonly Omit<SymbolRows, "symbol">[]): RowsByTime {
  const sorted = times.slice().sort();
  const distinct = sorted.filter((time, place) => place === 0 || time !== sorted[place - 1]);
  const timeOf = new Int32Array(times.length);
  const ends = new Int32Array(distinct.length);
  for (const { from, to } of symbols) {
    let place = 0;
    for (let row = from; row < to; row++) {
      place = firstNotBefore(distinct, times[row] as bigint, place);
      timeOf[row] = place;
      ends[place] = (ends[place] as number) + 1;
    }
  }
  const next = new Int32Array(ends.length);
  for (let place = 1; place < ends.length; place++) {
    next[place] = ends[place - 1] as number;
    ends[place] = (ends[place] as number) + (ends[place - 1] as number);
  }
  const order = new Int32Array(times.length);
  for (let row = 0; row < times.length; row++) {
    const place = timeOf[row] as number;
    order[next[place] as number] = row;
    next[place] = (next[place] as number) + 1;
  }
  return { order, ends };
}

/** Where the first of ascending times lies that is not before one, which is among them; from a place on, in growing steps. */
function firstNotBefore(times: BigInt64Array, time: bigint, from: number): number {
  let step = 1;
  let low = from;
  while (low + step < times.length && (times[low + step - 1] as bigint) < time) {
    low += step;
    step *= 2;
  }
  let high = Math.min(low + step, times.length);
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle] as bigint) < time) low = middle + 1;
    else high = middle;
  }
  return low;
}
