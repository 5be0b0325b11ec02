import { equalityCode } from "./codes";
import { Filter } from "./filter";

/** Rows of a window that have one of the query's own values, found in the order of values of each long group. */

// @ts-ignore: decorator
@inline function placeAt(order: usize, at: i32): i32 {
  return load<i32>(order + ((<usize>at) << 2));
}

/** How many own values a query has. */
// @ts-ignore: decorator
@inline export function ownValues(filter: Filter, query: usize): u32 {
  if (filter.own != 0) return <u32>(load<u8>(filter.ownValid + query) != 0);
  return filter.ownLists == 0 ? 0 : load<u32>(filter.ownLists + (query << 3), 4);
}

/** One of them, as its equality code; they ascend. */
// @ts-ignore: decorator
@inline export function ownValue(filter: Filter, query: usize, at: u32): i64 {
  if (filter.own != 0) return equalityCode(load<i64>(filter.own + (query << 3)), filter.kind);
  return load<i64>(filter.ownElements + ((<usize>(load<u32>(filter.ownLists + (query << 3)) + at)) << 3));
}

/** Whether the list has had it just before. */
// @ts-ignore: decorator
@inline export function isRepeated(filter: Filter, query: usize, at: u32): bool {
  return at > 0 && ownValue(filter, query, at - 1) == ownValue(filter, query, at);
}

/** The group that a place belongs to. */
function groupOf(filter: Filter, place: i32): i32 {
  let low: i32 = 0,
    high = filter.groups - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (placeAt(filter.starts, middle) <= place) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Where in [from, to) of the order rows with the value, at the place or behind it, would begin. */
function firstFrom(filter: Filter, value: i64, place: i32, from: i32, to: i32): i32 {
  let low = from,
    high = to;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const row = placeAt(filter.order, middle);
    const code = equalityCode(load<i64>(filter.values + ((<usize>row) << 3)), filter.kind);
    if (code < value || (code == value && row < place)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** How many rows of [lo, hi) have the value and are known to the query; no more than `most` are counted. */
export function rowsWith(filter: Filter, query: usize, value: i64, lo: i32, hi: i32, most: i32): i32 {
  const group = groupOf(filter, lo);
  const to = placeAt(filter.starts, group + 1);
  const first = firstFrom(filter, value, lo, placeAt(filter.starts, group), to);
  const end = firstFrom(filter, value, hi, first, to);
  if (filter.available == 0) return min(end - first, most);
  const known = load<i64>(filter.known + (query << 3));
  let rows: i32 = 0;
  for (let at = first; at < end && rows < most; at++)
    rows += <i32>(load<i64>(filter.available + ((<usize>placeAt(filter.order, at)) << 3)) <= known);
  return rows;
}
