import { FIRST, findSlot, SECOND } from "./keys";

/** Rows whose key has no history are told by this slot. */
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
 * For each query the slot of its key, as an offset from `slots`; −1 if the key has no history or is NULL (a zero byte in
 * `valid`; 0: all are valid). A pass of its own, so that cache misses overlap.
 */
export function lookUp(queries: i32, keys: usize, valid: usize, slots: usize, mask: u32, found: usize): void {
  for (let row: usize = 0; row < <usize>queries; row++) {
    let offset = NOWHERE;
    if (valid == 0 || load<u8>(valid + row) != 0) {
      const slot = findSlot(load<i64>(keys + (row << 3)), slots, mask);
      if (load<i32>(slot, FIRST) >= 0) offset = <i32>((slot - slots) >> 4);
    }
    store<i32>(found + (row << 2), offset);
  }
}

/**
 * For each query the bounds of its history rows, as places in the index: `hi`, the end of those with `time < t`, and for
 * each window `lo`, the first with `time >= t − w`; i32 each, `1 + windows` to a query. A window of −1 has no beginning.
 * Both are one number where the key has no history. `cursors` (as many i32 a slot, from the index's start) remember where
 * the last query of a key stood. O(queries) where queries of a key come in order of time.
 */
export function windowBounds(queries: i32, times: usize, found: usize, slots: usize, index: usize, windows: i32, lengths: usize, cursors: usize, bounds: usize): void {
  const stride = (<usize>(1 + windows)) << 2;
  for (let row: usize = 0; row < <usize>queries; row++) {
    const offset = load<i32>(found + (row << 2));
    const bound = bounds + row * stride;
    if (offset < 0) {
      memory.fill(bound, 0, stride);
      continue;
    }
    const slot = slots + ((<usize>offset) << 4);
    const from = load<i32>(slot, FIRST),
      to = load<i32>(slot, SECOND);
    const cursor = cursors + (<usize>offset) * stride;
    const time = load<i64>(times + (row << 3));
    const hi = firstAtOrAfter(index, from, to, time, max(from, load<i32>(cursor)));
    store<i32>(cursor, hi);
    store<i32>(bound, hi);
    for (let window: usize = 1; window <= <usize>windows; window++) {
      const length = load<i64>(lengths + ((window - 1) << 3));
      let lo = from;
      if (length >= 0) {
        // Below the range of 64 bits there is no instant.
        const begin = time < i64.MIN_VALUE + length ? i64.MIN_VALUE : time - length;
        lo = firstAtOrAfter(index, from, hi, begin, min(hi, max(from, load<i32>(cursor + (window << 2)))));
        store<i32>(cursor + (window << 2), lo);
      }
      store<i32>(bound + (window << 2), lo);
    }
  }
}
