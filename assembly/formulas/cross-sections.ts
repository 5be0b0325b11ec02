import { multiply128, r0, r1, r2, r3 } from "./integers";
import { meanOf } from "./means";
import { distance } from "./moment-windows";
import { integerHigh, integerLow, integerOf } from "./moments";
import { spread } from "./spreads";
import { exponentOf, isFiniteBits, mantissaOf } from "../exact-sum";

/**
 * Cross-sections: of the values of all symbols at a time. Rows lie by their times; `ends` (i32 each) says where those of each time
 * end. NULLs are left out and stay NULL; a NaN makes its whole time NaN.
 */

// @ts-ignore: decorator
@inline function endOf(ends: usize, time: i32): usize {
  return time < 0 ? 0 : <usize>load<i32>(ends + (<usize>time << 2));
}

/** Writes NaN for the values of some rows, or NULL for all of them. */
function writeAll(from: usize, to: usize, valid: usize, isNull: bool, out: usize, outValid: usize): void {
  for (let row = from; row < to; row++) {
    const has = !isNull && load<u8>(valid + row) != 0;
    store<f64>(out + (row << 3), has ? NaN : 0);
    store<u8>(outValid + row, <u8>has);
  }
}

/** What `crossMoments` gives. */
// @ts-ignore: decorator
@inline const DEMEANED: i32 = 0;
// @ts-ignore: decorator
@inline const SCORE: i32 = 1;

/**
 * x − mean (`kind` 0) or (x − mean) ÷ standard deviation (1; NULL where a time has fewer than two values). Goes from the time
 * `first` up to one whose values are too far apart for integers of 128 and 256 bits, or has an infinite one that has a mean; gives its number.
 */
export function crossMoments(
  kind: i32,
  first: i32,
  times: i32,
  ends: usize,
  values: usize,
  valid: usize,
  out: usize,
  outValid: usize,
): i32 {
  let from = endOf(ends, first - 1);
  for (let time = first; time < times; time++) {
    const to = endOf(ends, time);
    let low: i32 = 99_999,
      high: i32 = -99_999,
      count: u32 = 0,
      nans: u32 = 0,
      infinite: u32 = 0;
    for (let row = from; row < to; row++) {
      if (load<u8>(valid + row) == 0) continue;
      count++;
      const bits = load<i64>(values + (row << 3)),
        mantissa = mantissaOf(bits);
      if (!isFiniteBits(bits)) {
        if (mantissa == 0x10000000000000) infinite++;
        else nans++;
      } else if (mantissa != 0) {
        const exponent = exponentOf(bits);
        low = min(low, exponent + <i32>ctz(mantissa));
        high = max(high, exponent + 64 - <i32>clz(mantissa));
      }
    }
    if (low > high) {
      low = 0;
      high = 0;
    }
    const isNull = kind == SCORE && count < 2;
    if (isNull || nans != 0 || (infinite != 0 && kind == SCORE)) writeAll(from, to, valid, isNull, out, outValid);
    else {
      const width = high - low,
        countBits = 32 - <i32>clz(count);
      if (infinite != 0 || width + countBits + 2 > 127) return time;
      if (kind == SCORE && 2 * width + 2 * countBits + 2 > 255) return time;
      momentsOfTime(kind, from, to, low, count, values, valid, out, outValid);
    }
    from = to;
  }
  return times;
}

function momentsOfTime(
  kind: i32,
  from: usize,
  to: usize,
  low: i32,
  count: u32,
  values: usize,
  valid: usize,
  out: usize,
  outValid: usize,
): void {
  let s0: u64 = 0,
    s1: u64 = 0,
    q0: u64 = 0,
    q1: u64 = 0,
    q2: u64 = 0,
    q3: u64 = 0;
  for (let row = from; row < to; row++) {
    integerOf(values, valid, row, low);
    s0 += integerLow;
    s1 += integerHigh + <u64>(s0 < integerLow);
    if (kind == DEMEANED) continue;
    multiply128(integerLow, integerHigh, integerLow, integerHigh);
    q0 += r0;
    let carry = <u64>(q0 < r0);
    const t1 = q1 + r1;
    let next = <u64>(t1 < r1);
    q1 = t1 + carry;
    carry = next + <u64>(q1 < carry);
    const t2 = q2 + r2;
    next = <u64>(t2 < r2);
    q2 = t2 + carry;
    q3 += r3 + next + <u64>(q2 < carry);
  }
  const n = <f64>count;
  let mean: f64 = 0,
    deviation: f64 = 0;
  if (kind == DEMEANED) {
    if (count != 0) mean = meanOf(s0, s1, count, low);
  } else deviation = sqrt(spread(count, s0, s1, q0, q1, q2, q3) * (n / (n - 1)));
  for (let row = from; row < to; row++) {
    const has = load<u8>(valid + row) != 0;
    let value: f64 = 0;
    if (has && kind == DEMEANED) value = load<f64>(values + (row << 3)) - mean;
    else if (has)
      value = deviation == 0 ? NaN : distance(load<i64>(values + (row << 3)), low, count, s0, s1) / deviation;
    store<f64>(out + (row << 3), value);
    store<u8>(outValid + row, <u8>has);
  }
}

/** Rows that are sorted by insertion before they are merged. */
// @ts-ignore: decorator
@inline const RUN: usize = 16;

/** A value that is to be sorted (f64), and its row (u32). */
// @ts-ignore: decorator
@inline const ENTRY: usize = 16;

/** Average ranks ÷ the number of values; `scratch` of 32 bytes for each row of the longest time. */
export function crossRanks(
  times: i32,
  ends: usize,
  values: usize,
  valid: usize,
  scratch: usize,
  out: usize,
  outValid: usize,
): void {
  let from: usize = 0;
  for (let time: i32 = 0; time < times; time++) {
    const to = endOf(ends, time);
    let count: usize = 0,
      nans: u32 = 0;
    for (let row = from; row < to; row++) {
      const has = load<u8>(valid + row);
      store<u8>(outValid + row, has);
      if (has == 0) {
        store<f64>(out + (row << 3), 0);
        continue;
      }
      const value = load<f64>(values + (row << 3)),
        entry = scratch + count * ENTRY;
      nans += <u32>(value != value);
      store<f64>(entry, value);
      store<u32>(entry, <u32>row, 8);
      count++;
    }
    if (nans != 0) writeAll(from, to, valid, false, out, outValid);
    else ranksOfTime(sorted(scratch, scratch + (to - from) * ENTRY, count), count, out);
    from = to;
  }
}

function ranksOfTime(entries: usize, count: usize, out: usize): void {
  for (let below: usize = 0; below < count; ) {
    const value = load<f64>(entries + below * ENTRY);
    let upTo = below + 1;
    // −0 and +0 are one value.
    while (upTo < count && load<f64>(entries + upTo * ENTRY) == value) upTo++;
    const rank = <f64>(below + upTo + 1) / 2 / <f64>count;
    for (; below < upTo; below++) store<f64>(out + (<usize>load<u32>(entries + below * ENTRY, 8) << 3), rank);
  }
}

/** Sorts entries by their values; where they lie then, one of the two places. */
function sorted(entries: usize, other: usize, count: usize): usize {
  for (let from: usize = 0; from < count; from += RUN) {
    const to = min(from + RUN, count);
    for (let next = from + 1; next < to; next++) {
      const entry = v128.load(entries + next * ENTRY),
        value = f64x2.extract_lane(entry, 0);
      let at = entries + next * ENTRY;
      for (; at > entries + from * ENTRY && load<f64>(at - ENTRY) > value; at -= ENTRY) v128.store(at, v128.load(at - ENTRY));
      v128.store(at, entry);
    }
  }
  let source = entries,
    target = other;
  for (let run = RUN; run < count; run <<= 1) {
    for (let from: usize = 0; from < count; from += run << 1) merge(source, target, from, run, count);
    const swapped = source;
    source = target;
    target = swapped;
  }
  return source;
}

/** Two runs that follow one another become one. */
function merge(source: usize, target: usize, from: usize, run: usize, count: usize): void {
  const middle = source + min(from + run, count) * ENTRY,
    end = source + min(from + (run << 1), count) * ENTRY;
  let left = source + from * ENTRY,
    right = middle,
    at = target + from * ENTRY;
  while (left < middle && right < end) {
    const isLeft = load<f64>(left) <= load<f64>(right),
      next = isLeft ? left : right;
    v128.store(at, v128.load(next));
    at += ENTRY;
    left += isLeft ? ENTRY : 0;
    right += isLeft ? 0 : ENTRY;
  }
  memory.copy(at, left, middle - left);
  memory.copy(at + (middle - left), right, end - right);
}
