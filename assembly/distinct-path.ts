import { LONG } from "./filter";

// @ts-ignore: decorator
@inline function at(column: usize, row: i32): i32 {
  return load<i32>(column + ((<usize>row) << 2));
}
// @ts-ignore: decorator
@inline function put(column: usize, row: i32, value: i32): void {
  store<i32>(column + ((<usize>row) << 2), value);
}

/** For each row the place at which its value appears before in its group, or −1. O(rows). */
export function previousOccurrence(groups: i32, starts: usize, next: usize, previous: usize): void {
  memory.fill(previous, 0xff, (<usize>at(starts, groups)) << 2);
  for (let group: i32 = 0; group < groups; group++) {
    const to = at(starts, group + 1);
    for (let row = at(starts, group); row < to; row++) {
      const later = at(next, row);
      if (later < to) put(previous, later, row);
    }
  }
}

/**
 * How many distinct values the rows of a window have, whatever the instant. As time goes on rows come in at one end of the window and
 * leave at the other, one after the other, so that the sum of its two ends tells which window it is: `path[lo + hi]`, of 2 · rows + 1
 * places. A window of −1 has no beginning. Only groups of `LONG` rows have their paths. O(rows).
 */
export function distinctPath(groups: i32, starts: usize, times: usize, length: i64, next: usize, previous: usize, path: usize): void {
  for (let group: i32 = 0; group < groups; group++) {
    const from = at(starts, group),
      to = at(starts, group + 1);
    if (to - from < LONG) continue;
    let lo = from,
      hi = from,
      distinct: i32 = 0;
    put(path, lo + hi, 0);
    while (lo < to) {
      if (hi < to && (lo == hi || length < 0 || isWithin(times, lo, hi, length))) {
        distinct += <i32>(at(previous, hi) < lo);
        hi++;
      } else {
        distinct -= <i32>(at(next, lo) >= hi);
        lo++;
      }
      put(path, lo + hi, distinct);
    }
  }
}

/** Whether row `hi` comes before row `lo` leaves, or with it. */
// @ts-ignore: decorator
@inline function isWithin(times: usize, lo: i32, hi: i32, length: i64): bool {
  const time = load<i64>(times + ((<usize>lo) << 3));
  return time > i64.MAX_VALUE - length || load<i64>(times + ((<usize>hi) << 3)) <= time + length;
}
