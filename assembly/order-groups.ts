import { LONG } from "./filter";

/**
 * Rows of each group by time, rows of one instant by value (then by availability). Groups that are in order already, the
 * usual case where files are, cost one look at each row; the others are merged, O(n log n) whatever their order.
 */

const SMALL: i32 = 24;

// @ts-ignore: decorator
@inline function at(column: usize, row: i32): i64 {
  return load<i64>(column + ((<usize>row) << 3));
}
// @ts-ignore: decorator
@inline function put(column: usize, row: i32, value: i64): void {
  store<i64>(column + ((<usize>row) << 3), value);
}
// @ts-ignore: decorator
@inline function indexAt(order: usize, row: i32): i32 {
  return load<i32>(order + ((<usize>row) << 2));
}
// @ts-ignore: decorator
@inline function putIndex(order: usize, row: i32, value: i32): void {
  store<i32>(order + ((<usize>row) << 2), value);
}

/** Whether row a stands behind row b: by `first`, then `second`; 0 stands for a column that is not there. */
// @ts-ignore: decorator
@inline function behind(first: usize, second: usize, a: i32, b: i32): bool {
  const x = at(first, a),
    y = at(first, b);
  if (x != y) return x > y;
  return second != 0 && at(second, a) > at(second, b);
}

/** The stable order of rows [from, to) as indices in `order`; `spare` has as many places. Returns false if it is as it is. */
function orderOf(first: usize, second: usize, from: i32, to: i32, order: usize, spare: usize): bool {
  let sorted = true;
  for (let row = from + 1; row < to; row++)
    if (behind(first, second, row - 1, row)) {
      sorted = false;
      break;
    }
  if (sorted) return false;
  const count = to - from;
  for (let i = 0; i < count; i++) putIndex(order, i, from + i);
  for (let begin = 0; begin < count; begin += SMALL) {
    const end = min(begin + SMALL, count);
    for (let i = begin + 1; i < end; i++) {
      const row = indexAt(order, i);
      let j = i;
      while (j > begin && behind(first, second, indexAt(order, j - 1), row)) {
        putIndex(order, j, indexAt(order, j - 1));
        j--;
      }
      putIndex(order, j, row);
    }
  }
  let source = order,
    target = spare;
  for (let width = SMALL; width < count; width <<= 1) {
    for (let begin = 0; begin < count; begin += width << 1) {
      const middle = min(begin + width, count),
        end = min(middle + width, count);
      let left = begin,
        right = middle;
      for (let i = begin; i < end; i++) {
        const takeRight =
          right < end && (left >= middle || behind(first, second, indexAt(source, left), indexAt(source, right)));
        putIndex(target, i, takeRight ? indexAt(source, right++) : indexAt(source, left++));
      }
    }
    const swap = source;
    source = target;
    target = swap;
  }
  if (source != order) memory.copy(order, source, (<usize>count) << 2);
  return true;
}

/** Brings rows [from, from + count) of a column into the order; `spare` has as many places of 8 bytes. */
function permute(column: usize, from: i32, count: i32, order: usize, spare: usize): void {
  for (let i = 0; i < count; i++) put(spare, i, at(column, indexAt(order, i)));
  memory.copy(column + ((<usize>from) << 3), spare, (<usize>count) << 3);
}

/**
 * Orders each group by time, with up to `columns` more columns (addresses i64 in a list). Scratch for the largest group:
 * `order` and `spareOrder` 4 bytes a row, `spare` 8.
 */
export function orderByTime(groups: i32, starts: usize, time: usize, columns: i32, list: usize, order: usize, spareOrder: usize, spare: usize): void {
  for (let group: i32 = 0; group < groups; group++) {
    const from = indexAt(starts, group),
      to = indexAt(starts, group + 1);
    if (!orderOf(time, 0, from, to, order, spareOrder)) continue;
    permute(time, from, to - from, order, spare);
    for (let i = 0; i < columns; i++) permute(<usize>at(list, i), from, to - from, order, spare);
  }
}

/** Rows of a group at one instant by value, then by availability (0: there is none). Scratch as for `orderByTime`. */
export function orderTies(groups: i32, starts: usize, time: usize, value: usize, available: usize, order: usize, spareOrder: usize, spare: usize): void {
  for (let group: i32 = 0; group < groups; group++) {
    const to = indexAt(starts, group + 1);
    let from = indexAt(starts, group);
    while (from < to) {
      const instant = at(time, from);
      let end = from + 1;
      while (end < to && at(time, end) == instant) end++;
      if (end - from > 1 && orderOf(value, available, from, end, order, spareOrder)) {
        permute(value, from, end - from, order, spare);
        if (available != 0) permute(available, from, end - from, order, spare);
      }
      from = end;
    }
  }
}

/**
 * The rows of each long group by value, then by place, as places from the group's beginning on in `order`. `codes`: of values, equal where
 * they are. `spareOrder`: 4 bytes a row of the largest group. O(rows · log rows).
 */
export function orderByValue(groups: i32, starts: usize, codes: usize, order: usize, spareOrder: usize): void {
  for (let group: i32 = 0; group < groups; group++) {
    const from = indexAt(starts, group),
      to = indexAt(starts, group + 1);
    if (to - from < LONG) continue;
    const places = order + ((<usize>from) << 2);
    if (!orderOf(codes, 0, from, to, places, spareOrder)) for (let row = from; row < to; row++) putIndex(order, row, row);
  }
}

/** The largest group. */
export function largestGroup(groups: i32, starts: usize): i32 {
  let largest: i32 = 0;
  for (let group: i32 = 0; group < groups; group++)
    largest = max(largest, indexAt(starts, group + 1) - indexAt(starts, group));
  return largest;
}
