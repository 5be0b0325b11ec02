import { counts, Filter, isIndexed, isPlain } from "./filter";
import { nextRow } from "./known-rows";
import { isRepeated, ownValue, ownValues, rowsWith } from "./own-rows";

/** For each query how many rows of its window count, i64. With `next` in the filter: how many distinct values. */
export function windowCount(queries: i32, bounds: usize, stride: i32, window: i32, filter: Filter, out: usize): void {
  const plain = isPlain(filter);
  for (let query: usize = 0; query < <usize>queries; query++) {
    const bound = bounds + query * ((<usize>stride) << 2);
    const hi = load<i32>(bound),
      lo = load<i32>(bound + ((<usize>window) << 2));
    let count: i64 = 0;
    if (plain) count = <i64>(hi - lo);
    else if (isIndexed(filter, lo, hi)) count = <i64>(filter.next == 0 ? countRows(filter, query, lo, hi) : countValues(filter, query, lo, hi));
    else for (let row = lo; row < hi; row++) count += <i64>counts(filter, query, row, hi);
    store<i64>(out + (query << 3), count);
  }
}

/** Known rows of the window but those with an own value. */
export function countRows(filter: Filter, query: usize, lo: i32, hi: i32): i32 {
  let rows: i32 = 0;
  for (let begin = nextRow(filter, query, lo, hi, true); begin < hi; ) {
    const end = nextRow(filter, query, begin, hi, false);
    rows += end - begin;
    begin = nextRow(filter, query, end, hi, true);
  }
  const own = ownValues(filter, query);
  for (let at: u32 = 0; at < own; at++) if (!isRepeated(filter, query, at)) rows -= rowsWith(filter, query, ownValue(filter, query, at), lo, hi, i32.MAX_VALUE);
  return rows;
}

/** Values of the window's rows but own ones and those of which no row is known. */
function countValues(filter: Filter, query: usize, lo: i32, hi: i32): i32 {
  let values = load<i32>(filter.path + ((<usize>(lo + hi)) << 2));
  const own = ownValues(filter, query);
  for (let at: u32 = 0; at < own; at++) if (!isRepeated(filter, query, at)) values -= rowsWith(filter, query, ownValue(filter, query, at), lo, hi, 1);
  // A value is looked at where it occurs last.
  for (let row = nextRow(filter, query, lo, hi, false); row < hi; row = nextRow(filter, query, row + 1, hi, false))
    if (load<i32>(filter.next + ((<usize>row) << 2)) >= hi && !isKnownBefore(filter, query, row, lo)) values--;
  return values;
}

function isKnownBefore(filter: Filter, query: usize, last: i32, lo: i32): bool {
  const known = load<i64>(filter.known + (query << 3));
  for (let row = last; row >= lo; row = load<i32>(filter.previous + ((<usize>row) << 2)))
    if (load<i64>(filter.available + ((<usize>row) << 3)) <= known) return true;
  return false;
}
