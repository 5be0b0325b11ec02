import { FIRST, findSlot } from "./keys";

/** The group of rows whose key has no history. */
const NOWHERE: i32 = -1;

// @ts-ignore: decorator
@inline function timeAt(times: usize, row: i32): i64 {
  return load<i64>(times + ((<usize>row) << 3));
}

/**
 * The first row of [from, to) with `time >= bound`, looked for from `near`: rows in order of time find it where the last one
 * stood, others by doubling steps and halving, O(log distance).
 */
// @ts-ignore: decorator
@inline function firstAtOrAfter(times: usize, from: i32, to: i32, bound: i64, near: i32): i32 {
  let low: i32, high: i32;
  if (near < to && timeAt(times, near) < bound) {
    let step: i32 = 1;
    low = near + 1;
    high = low;
    while (high < to && timeAt(times, high) < bound) {
      low = high + 1;
      high = to - high > step ? high + step : to;
      step <<= 1;
    }
    if (high > to) high = to;
  } else {
    let step: i32 = 1;
    high = near;
    low = near;
    while (low > from && timeAt(times, low - 1) >= bound) {
      high = low - 1;
      low = low - from > step ? low - step : from;
      step <<= 1;
    }
    // [low, high): what is before `low` is earlier than the bound, `high` is not.
    if (low < from) low = from;
  }
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (timeAt(times, middle) < bound) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * For each query the group of its key; −1 if the key has no history or is NULL (a zero byte in `valid`; 0: all are valid). A
 * pass of its own, so that cache misses overlap.
 */
export function lookUp(queries: i32, keys: usize, valid: usize, slots: usize, mask: u32, found: usize): void {
  for (let row: usize = 0; row < <usize>queries; row++) {
    let group = NOWHERE;
    if (valid == 0 || load<u8>(valid + row) != 0) group = load<i32>(findSlot(load<i64>(keys + (row << 3)), slots, mask), FIRST);
    store<i32>(found + (row << 2), group);
  }
}

/**
 * The same by a table of all keys least … least + span − 1. Without a branch: one that waits for a cache miss and is
 * mispredicted costs more than all the rest.
 */
export function lookUpDirect(queries: i32, keys: usize, valid: usize, least: i64, span: u32, table: usize, found: usize): void {
  for (let row: usize = 0; row < <usize>queries; row++) {
    const place = <u64>(load<i64>(keys + (row << 3)) - least);
    const inside = place < <u64>span && (valid == 0 || load<u8>(valid + row) != 0);
    const group = load<i32>(table + ((<usize>select<u64>(place, 0, inside)) << 2));
    store<i32>(found + (row << 2), select<i32>(group, NOWHERE, inside));
  }
}

/**
 * A group's record: the time of its last query, from when on some bound would move (i64 each), and that query's bounds (i32).
 * A query between the two has the same bounds. Bytes: a power of two, so that no record lies on two cache lines.
 */
const LAST: usize = 0;
const MOVES: usize = 8;
const BOUNDS: usize = 16;

// @ts-ignore: decorator
@inline function recordShift(windows: i32): usize {
  return <usize>(32 - clz(BOUNDS + ((1 + windows) << 2) - 1));
}

/** Bytes of the groups' records. */
export function recordBytes(groups: i32, windows: i32): u32 {
  return (<u32>groups) << <u32>recordShift(windows);
}

/** Records before any query. */
export function clearRecords(groups: i32, starts: usize, windows: i32, records: usize): void {
  const shift = recordShift(windows);
  for (let group: usize = 0; group < <usize>groups; group++) {
    const record = records + (group << shift);
    const from = load<i32>(starts + (group << 2));
    store<i64>(record, i64.MAX_VALUE, LAST);
    store<i64>(record, i64.MIN_VALUE, MOVES);
    for (let bound: usize = 0; bound <= <usize>windows; bound++) store<i32>(record + (bound << 2), from, BOUNDS);
  }
}

// @ts-ignore: decorator
@inline function later(time: i64, length: i64): i64 {
  return time > i64.MAX_VALUE - length ? i64.MAX_VALUE : time + length;
}

/**
 * For each query the bounds of its history rows, as places in the index: `hi`, the end of those with `time < t`, and for
 * each window `lo`, the first with `time >= t − w`; i32 each, `1 + windows` to a query. A window of −1 has no beginning.
 * Both are one number where the key has no history. `records` remember where the last query of a group stood. O(queries)
 * where queries of a key come in order of time.
 */
export function windowBounds(queries: i32, times: usize, found: usize, starts: usize, index: usize, windows: i32, lengths: usize, records: usize, bounds: usize): void {
  const shift = recordShift(windows);
  for (let first: i32 = 0; first < queries; first += TOUCHED) {
    const end = min(first + TOUCHED, queries);
    touched = touch(first, end, found, index, records, shift);
    for (let row: usize = <usize>first; row < <usize>end; row++) boundsOf(row, times, found, starts, index, windows, lengths, records, shift, bounds);
  }
}

/** Queries whose records and instants are brought into the cache together: their misses overlap, those of a loop with branches do not. */
const TOUCHED: i32 = 1024;
/** Somewhere for what is only read, so that it is read. */
let touched: i32 = 0;

function touch(first: i32, end: i32, found: usize, index: usize, records: usize, shift: usize): i32 {
  let sum: i32 = 0;
  for (let row: i32 = first; row < end; row++) {
    const group = load<i32>(found + ((<usize>row) << 2));
    const near = load<i32>(records + ((<usize>max(0, group)) << shift), BOUNDS);
    // Without a group there may be no record at all, and what was read is nothing.
    sum += load<i32>(index + ((<usize>max(0, select<i32>(near - 1, 0, group >= 0))) << 3));
  }
  return sum;
}

// @ts-ignore: decorator
@inline function boundsOf(row: usize, times: usize, found: usize, starts: usize, index: usize, windows: i32, lengths: usize, records: usize, shift: usize, bounds: usize): void {
  const stride = (<usize>(1 + windows)) << 2;
  const group = load<i32>(found + (row << 2));
  const bound = bounds + row * stride;
  if (group < 0) {
    for (let at: usize = 0; at < stride; at += 4) store<i32>(bound + at, 0);
    return;
  }
  const record = records + ((<usize>group) << shift);
  const time = load<i64>(times + (row << 3));
  if (time < load<i64>(record, LAST) || time >= load<i64>(record, MOVES)) move(time, starts + ((<usize>group) << 2), index, windows, lengths, record);
  if (windows == 3) v128.store(bound, v128.load(record, BOUNDS));
  else for (let at: usize = 0; at < stride; at += 4) store<i32>(bound + at, load<i32>(record + at, BOUNDS));
}

/** Brings a group's record to the time. */
function move(time: i64, range: usize, index: usize, windows: i32, lengths: usize, record: usize): void {
  const from = load<i32>(range),
    to = load<i32>(range, 4);
  const hi = firstAtOrAfter(index, from, to, time, load<i32>(record, BOUNDS));
  let moves = hi < to ? later(timeAt(index, hi), 1) : i64.MAX_VALUE;
  store<i32>(record, hi, BOUNDS);
  for (let window: usize = 1; window <= <usize>windows; window++) {
    const length = load<i64>(lengths + ((window - 1) << 3));
    let lo = from;
    if (length >= 0) {
      // Below the range of 64 bits there is no instant.
      const begin = time < i64.MIN_VALUE + length ? i64.MIN_VALUE : time - length;
      lo = firstAtOrAfter(index, from, hi, begin, min(hi, load<i32>(record + (window << 2), BOUNDS)));
      // The first of the window leaves it at the instant behind its own plus the length; an empty one waits for `hi`.
      if (lo < hi) moves = min(moves, later(later(timeAt(index, lo), length), 1));
    }
    store<i32>(record + (window << 2), lo, BOUNDS);
  }
  store<i64>(record, time, LAST);
  store<i64>(record, moves, MOVES);
}
