import { equalityCode } from "./codes";

/**
 * What of a window's rows [lo, hi) counts for one query, beside the window itself. Its fields lie in memory so that the
 * kernels of all aggregates share one description; 0 stands for a column that there is not.
 */
// @ts-ignore: decorator
@unmanaged export class Filter {
  /** Codes of the history's values, in the index's order. */
  values: usize = 0;
  /** From when on each row is known, and what each query knows up to (both i64 instants). */
  available: usize = 0;
  known: usize = 0;
  /** The place at which each row's value appears next in its group, or the group's end. */
  next: usize = 0;
  /** Each query's own value (a code), and whether it has one (a byte). */
  own: usize = 0;
  ownValid: usize = 0;
  /** Or each query's own list: its first element and how many (u32 each), and the elements' codes, ascending by equality. */
  ownLists: usize = 0;
  ownElements: usize = 0;
  kind: i32 = 0;
  /** Rows of the history, and its groups with where each begins (i32), 0: the history has no long group and no indexes. */
  rows: i32 = 0;
  groups: i32 = 0;
  starts: usize = 0;
  /** Where stretches of known rows begin and end (`knownTree`). */
  tree: usize = 0;
  /** The rows of each long group by value, then by place (i32). */
  order: usize = 0;
  /** How many distinct values each window has (`distinctPath`), and the place at which each row's value appears before. */
  path: usize = 0;
  previous: usize = 0;
}

/** Rows of a group, or of a window, from which on indexes pay; fewer are looked at one by one. */
export const LONG: i32 = 64;

/** Whether the window is answered from indexes: those that its filter needs are there for all of its history, or none is. */
// @ts-ignore: decorator
@inline export function isIndexed(filter: Filter, lo: i32, hi: i32): bool {
  return filter.starts != 0 && hi - lo >= LONG;
}

/** Whether anything but the window decides. */
// @ts-ignore: decorator
@inline export function isPlain(filter: Filter): bool {
  return filter.available == 0 && filter.next == 0 && filter.own == 0 && filter.ownLists == 0;
}

// @ts-ignore: decorator
@inline export function isOwn(filter: Filter, query: usize, code: i64): bool {
  const value = equalityCode(code, filter.kind);
  if (filter.own != 0)
    return load<u8>(filter.ownValid + query) != 0 && equalityCode(load<i64>(filter.own + (query << 3)), filter.kind) == value;
  if (filter.ownLists == 0) return false;
  let low = load<u32>(filter.ownLists + (query << 3)),
    high = low + load<u32>(filter.ownLists + (query << 3), 4);
  while (low < high) {
    const middle = (low + high) >>> 1;
    const element = equalityCode(load<i64>(filter.ownElements + ((<usize>middle) << 3)), filter.kind);
    if (element == value) return true;
    if (element < value) low = middle + 1;
    else high = middle;
  }
  return false;
}

/** Whether the row of the window that ends at `hi` counts for the query. */
// @ts-ignore: decorator
@inline export function counts(filter: Filter, query: usize, row: i32, hi: i32): bool {
  const place = (<usize>row) << 3;
  if (filter.available != 0 && load<i64>(filter.available + place) > load<i64>(filter.known + (query << 3))) return false;
  if ((filter.own != 0 || filter.ownLists != 0) && isOwn(filter, query, load<i64>(filter.values + place))) return false;
  if (filter.next != 0) {
    // The latest occurrence stands for a value; one that is not known yet is none.
    let later = load<i32>(filter.next + ((<usize>row) << 2));
    while (later < hi && filter.available != 0 && load<i64>(filter.available + ((<usize>later) << 3)) > load<i64>(filter.known + (query << 3)))
      later = load<i32>(filter.next + ((<usize>later) << 2));
    if (later < hi) return false;
  }
  return true;
}
