/**
 * History rows as records, in the order in which they come: a mask of what is NULL, then the columns, i64 each. Record 0 is that
 * of a query that sees no row: all of it is NULL.
 */

/** Writes the values of a column (`width` bytes each: 1, 2, 4, 8) into records: `stride` i64 each, `place` is the column's. */
export function layRecords(rows: i32, values: usize, width: i32, records: usize, stride: i32, place: i32): void {
  const step = (<usize>stride) << 3;
  let into = records + ((<usize>place) << 3);
  for (let row: usize = 0; row < <usize>rows; row++) {
    let value: i64;
    if (width == 8) value = load<i64>(values + (row << 3));
    else if (width == 4) value = <i64>load<i32>(values + (row << 2));
    else if (width == 2) value = <i64>load<i16>(values + (row << 1));
    else value = <i64>load<i8>(values + row);
    store<i64>(into, value);
    into += step;
  }
}

/**
 * Writes each row's time and its record's number, `first` and the following, to its place, if it has one: i64 each, so that one
 * cache line has both.
 */
export function placePairs(rows: i32, places: usize, times: usize, first: i64, pairs: usize): void {
  for (let row: usize = 0; row < <usize>rows; row++) {
    const place = load<i32>(places + (row << 2));
    if (place < 0) continue;
    const pair = pairs + ((<usize>place) << 4);
    store<i64>(pair, load<i64>(times + (row << 3)));
    store<i64>(pair, first + <i64>row, 8);
  }
}

const SMALL: i32 = 24;

// @ts-ignore: decorator
@inline function pairAt(pairs: usize, row: i32): usize {
  return pairs + ((<usize>row) << 4);
}
// @ts-ignore: decorator
@inline function timeAt(pairs: usize, row: i32): i64 {
  return load<i64>(pairAt(pairs, row));
}
// @ts-ignore: decorator
@inline function copyPair(from: usize, to: usize): void {
  const time = load<i64>(from),
    number = load<i64>(from, 8);
  store<i64>(to, time);
  store<i64>(to, number, 8);
}

/** Orders `count` pairs by time; `spare` has as many places. O(n log n) whatever their order. */
function sortPairs(pairs: usize, count: i32, spare: usize): void {
  for (let begin = 0; begin < count; begin += SMALL) {
    const end = min(begin + SMALL, count);
    for (let i = begin + 1; i < end; i++) {
      const time = timeAt(pairs, i),
        number = load<i64>(pairAt(pairs, i), 8);
      let j = i;
      while (j > begin && timeAt(pairs, j - 1) > time) {
        copyPair(pairAt(pairs, j - 1), pairAt(pairs, j));
        j--;
      }
      store<i64>(pairAt(pairs, j), time);
      store<i64>(pairAt(pairs, j), number, 8);
    }
  }
  let source = pairs,
    target = spare;
  for (let width = SMALL; width < count; width <<= 1) {
    for (let begin = 0; begin < count; begin += width << 1) {
      const middle = min(begin + width, count),
        end = min(middle + width, count);
      let left = begin,
        right = middle;
      for (let i = begin; i < end; i++) {
        const takeRight = right < end && (left >= middle || timeAt(source, left) > timeAt(source, right));
        copyPair(takeRight ? pairAt(source, right++) : pairAt(source, left++), pairAt(target, i));
      }
    }
    const swap = source;
    source = target;
    target = swap;
  }
  if (source != pairs) memory.copy(pairs, source, (<usize>count) << 4);
}

function isAscending(pairs: usize, from: i32, to: i32): bool {
  for (let row = from + 1; row < to; row++) if (timeAt(pairs, row - 1) >= timeAt(pairs, row)) return false;
  return true;
}

/**
 * Orders the pairs of each group by time; those that are in order cost one look. False, and they are in no order, if two of a
 * group have one time. `spare`: 16 bytes a row of the largest group.
 */
export function orderPairs(groups: i32, starts: usize, pairs: usize, spare: usize): bool {
  for (let group: usize = 0; group < <usize>groups; group++) {
    const from = load<i32>(starts + (group << 2)),
      to = load<i32>(starts + (group << 2), 4);
    if (isAscending(pairs, from, to)) continue;
    sortPairs(pairAt(pairs, from), to - from, spare);
    if (!isAscending(pairs, from, to)) return false;
  }
  return true;
}

/** Queries that go through a pass together: their cache misses overlap. */
const TOGETHER: i32 = 1024;
/** Somewhere for what is only read, so that it is read. */
let touched: i64 = 0;

/**
 * For each query the number of its record (i32): that of the last row of its group with a time before its own, 0 if there is
 * none. `found`: the queries' groups (i32; −1: none), in whose place the numbers are written. O(log(rows of the group)).
 */
export function latestRecords(queries: i32, times: usize, found: usize, starts: usize, pairs: usize): void {
  for (let first: i32 = 0; first < queries; first += TOGETHER) {
    const end = min(first + TOGETHER, queries);
    touched = touch(first, end, found, starts, pairs);
    for (let query: usize = <usize>first; query < <usize>end; query++) {
      const group = load<i32>(found + (query << 2));
      if (group < 0) {
        store<i32>(found + (query << 2), 0);
        continue;
      }
      const time = load<i64>(times + (query << 3));
      let low = load<i32>(starts + ((<usize>group) << 2));
      const begin = low;
      // Halving without a branch: what it would wait for cannot be foretold.
      for (let count = load<i32>(starts + ((<usize>group) << 2), 4) - low; count > 0; ) {
        const half = count >>> 1;
        const isBefore = load<i64>(pairs + ((<usize>(low + half)) << 4)) < time;
        low = select<i32>(low + half + 1, low, isBefore);
        count = select<i32>(count - half - 1, half, isBefore);
      }
      const number = low > begin ? load<i32>(pairs + ((<usize>(low - 1)) << 4), 8) : 0;
      store<i32>(found + (query << 2), number);
    }
  }
}

function touch(first: i32, end: i32, found: usize, starts: usize, pairs: usize): i64 {
  let sum: i64 = 0;
  for (let query: usize = <usize>first; query < <usize>end; query++) {
    const group = max(0, load<i32>(found + (query << 2)));
    const row = load<i32>(starts + ((<usize>group) << 2));
    sum += load<i64>(pairs + ((<usize>row) << 4));
  }
  return sum;
}

/**
 * A column of the records that the queries found, in its own form (`width` bytes each), and a zero byte in `valid` where it is
 * NULL.
 */
export function recordValues(queries: i32, found: usize, records: usize, stride: i32, place: i32, width: i32, out: usize, valid: usize): void {
  const step = (<usize>stride) << 3;
  const bit = <i64>(place - 1);
  for (let query: usize = 0; query < <usize>queries; query++) {
    const record = records + <usize>load<u32>(found + (query << 2)) * step;
    const value = load<i64>(record + ((<usize>place) << 3));
    if (width == 8) store<i64>(out + (query << 3), value);
    else if (width == 4) store<i32>(out + (query << 2), <i32>value);
    else if (width == 2) store<i16>(out + (query << 1), <i16>value);
    else store<i8>(out + query, <i8>value);
    store<u8>(valid + query, <u8>(~(load<i64>(record) >> bit) & 1));
  }
}
