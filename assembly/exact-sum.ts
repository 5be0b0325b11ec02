/**
 * Exact sums. A finite double is an integer times 2^low, where `low` is the lowest bit that any value of the column has set;
 * where the column's range of exponents allows it, a sum is a 128-bit integer, and its order cannot matter. Else a sum is
 * spread over limbs of 32 bits that cover all of a double's range.
 */

// @ts-ignore: decorator
@inline export function mantissaOf(bits: i64): i64 {
  const fraction = bits & 0xfffffffffffff;
  return ((bits >> 52) & 0x7ff) == 0 ? fraction : fraction | 0x10000000000000;
}
// @ts-ignore: decorator
@inline export function exponentOf(bits: i64): i32 {
  const field = <i32>((bits >> 52) & 0x7ff);
  return (field == 0 ? 1 : field) - 1075;
}
// @ts-ignore: decorator
@inline export function isFiniteBits(bits: i64): bool {
  return ((bits >> 52) & 0x7ff) != 0x7ff;
}
/** 2^power, also where it is subnormal; beyond the range infinity. */
// @ts-ignore: decorator
@inline function powerOfTwo(power: i32): f64 {
  if (power > 1023) return Infinity;
  return power >= -1022 ? reinterpret<f64>((<i64>(power + 1023)) << 52) : reinterpret<f64>((<i64>1) << (power + 1074));
}

/** Of the finite values: the lowest set bit and the bit above the highest (i32 each), then how many are not finite. */
export function exponentRange(rows: i32, numbers: usize, out: usize): void {
  let low: i32 = 99999,
    high: i32 = -99999,
    special: i32 = 0;
  for (let row: usize = 0; row < <usize>rows; row++) {
    const bits = load<i64>(numbers + (row << 3));
    if (!isFiniteBits(bits)) {
      special++;
      continue;
    }
    const mantissa = mantissaOf(bits);
    if (mantissa == 0) continue;
    const exponent = exponentOf(bits);
    low = min(low, exponent + <i32>ctz(mantissa));
    high = max(high, exponent + 64 - <i32>clz(mantissa));
  }
  store<i32>(out, low);
  store<i32>(out, high, 4);
  store<i32>(out, special, 8);
}

// The result of the last call of a helper; wasm has no pairs.
let resultLow: i64 = 0;
let resultHigh: i64 = 0;

/** A finite double as an integer times 2^low. */
// @ts-ignore: decorator
@inline function toInteger(bits: i64, low: i32): void {
  const mantissa = mantissaOf(bits),
    shift = exponentOf(bits) - low;
  if (<u32>shift < 64) {
    resultLow = mantissa << shift;
    resultHigh = shift == 0 ? 0 : <i64>(<u64>mantissa >> (64 - <u64>shift));
  } else if (shift >= 64) {
    resultLow = 0;
    resultHigh = shift >= 128 ? 0 : mantissa << (shift - 64);
  } else {
    // What is shifted out are zeros: `low` is the lowest set bit.
    resultLow = shift <= -64 ? 0 : <i64>(<u64>mantissa >> (<u64>-shift));
    resultHigh = 0;
  }
  if (bits < 0) {
    resultLow = -resultLow;
    resultHigh = ~resultHigh + <i64>(resultLow == 0);
  }
}

// The result of the last subtraction.
export let scaledLow: i64 = 0;
export let scaledHigh: i64 = 0;

/** An integer of 128 bits, taken away so many times. */
export function subtractTimes(lo: i64, hi: i64, times: i32): void {
  const factor = <i64>times;
  const first = (lo & 0xffffffff) * factor,
    rest = <i64>(<u64>lo >> 32) * factor;
  const sum = first + (rest << 32);
  scaledLow = -sum;
  scaledHigh = ~(hi * factor + <i64>(<u64>rest >> 32) + <i64>(<u64>sum < <u64>first)) + <i64>(sum == 0);
}

/** The same for a finite double times 2^-low. */
export function subtractNumber(number: f64, low: i32, times: i32): void {
  toInteger(reinterpret<i64>(number), low);
  subtractTimes(resultLow, resultHigh, times);
}

/** The same as `roundInteger` where the integer has 64 bits and `power` is 2^low, a normal double: one conversion, one exact product. */
// @ts-ignore: decorator
@inline export function roundShort(lo: i64, power: f64): f64 {
  return <f64>lo * power;
}

/** 2^low if it is a normal double, so that a product with it below 2^64 is not rounded again; else 0. */
export function shortPower(low: i32): f64 {
  return low >= -1022 && low <= 900 ? powerOfTwo(low) : 0;
}

/** The double next to an integer of 128 bits times 2^low; rounded once. */
export function roundInteger(low0: i64, high0: i64, low: i32): f64 {
  let lo = low0,
    hi = high0;
  const negative = hi < 0;
  if (negative) {
    lo = -lo;
    hi = ~hi + <i64>(lo == 0);
  }
  // `low` is at least −1074, so the sum is a multiple of the least double: below the normal range it has fewer than 53 bits
  // and is not rounded at all, and above it the scaling is exact.
  let value: f64;
  if (hi == 0) value = scale(<f64>(<u64>lo), low);
  else {
    const zeros = clz(hi);
    let top = hi << zeros;
    if (zeros != 0) top |= <i64>(<u64>lo >> (64 - <u64>zeros));
    if (lo << zeros != 0) top |= 1;
    value = scale(<f64>(<u64>top), 64 - <i32>zeros + low);
  }
  return negative ? -value : value;
}

// @ts-ignore: decorator
@inline function scale(value: f64, power: i32): f64 {
  if (power < -1074) return value * powerOfTwo(-1000) * powerOfTwo(power + 1000);
  return value * powerOfTwo(power);
}

/** Running sums of integers: `sums[i]` = the first i values, 16 bytes each, rows + 1 of them. */
export function integerPrefix(rows: i32, values: usize, sums: usize): void {
  let lo: i64 = 0,
    hi: i64 = 0;
  store<i64>(sums, 0);
  store<i64>(sums, 0, 8);
  for (let row: usize = 0; row < <usize>rows; row++) {
    const value = load<i64>(values + (row << 3));
    const sum = lo + value;
    hi += (value >> 63) + <i64>(<u64>sum < <u64>lo);
    lo = sum;
    store<i64>(sums + (row << 4), lo, 16);
    store<i64>(sums + (row << 4), hi, 24);
  }
}

/** Running sums of doubles times 2^-low; what is not finite counts as 0. */
export function doublePrefix(rows: i32, numbers: usize, low: i32, sums: usize): void {
  let lo: i64 = 0,
    hi: i64 = 0;
  store<i64>(sums, 0);
  store<i64>(sums, 0, 8);
  for (let row: usize = 0; row < <usize>rows; row++) {
    const bits = load<i64>(numbers + (row << 3));
    if (isFiniteBits(bits)) {
      toInteger(bits, low);
      const sum = lo + resultLow;
      hi += resultHigh + <i64>(<u64>sum < <u64>lo);
      lo = sum;
    }
    store<i64>(sums + (row << 4), lo, 16);
    store<i64>(sums + (row << 4), hi, 24);
  }
}

/** Running counts of NaN, +Inf and −Inf, u32 each in 16 bytes, rows + 1 of them. */
export function specialPrefix(rows: i32, numbers: usize, out: usize): void {
  let nan: u32 = 0,
    positive: u32 = 0,
    negative: u32 = 0;
  for (let row: usize = 0; row <= <usize>rows; row++) {
    store<u32>(out + (row << 4), nan);
    store<u32>(out + (row << 4), positive, 4);
    store<u32>(out + (row << 4), negative, 8);
    if (row == <usize>rows) break;
    const number = load<f64>(numbers + (row << 3));
    if (isNaN(number)) nan++;
    else if (number == Infinity) positive++;
    else if (number == -Infinity) negative++;
  }
}

/** Limbs that cover all doubles and their sums: 2^-1074 … 2^1024, carries. */
export const LIMBS: i32 = 70;

export function clearLimbs(limbs: usize): void {
  memory.fill(limbs, 0, (<usize>LIMBS) << 3);
}

/** Adds a finite double so many times, or takes it away. At most 2^30 may be added before the limbs are rounded. */
export function addToLimbs(limbs: usize, number: f64, times: i32): void {
  const bits = reinterpret<i64>(number);
  const mantissa = mantissaOf(bits);
  if (mantissa == 0) return;
  const position = exponentOf(bits) + 1074;
  const shift = <u64>(position & 31);
  const at = limbs + ((<usize>(position >> 5)) << 3);
  const lowPart = (mantissa << shift) & 0xffffffff,
    rest = <i64>(<u64>mantissa >> (32 - shift));
  let a = lowPart,
    b = rest & 0xffffffff,
    c = <i64>(<u64>rest >> 32);
  const factor = <i64>(bits < 0 ? -times : times);
  if (factor != 1) {
    a *= factor;
    b *= factor;
    c *= factor;
  }
  store<i64>(at, load<i64>(at) + a);
  store<i64>(at, load<i64>(at, 8) + b, 8);
  store<i64>(at, load<i64>(at, 16) + c, 16);
}

/** Rows from one running sum in limbs to the next. */
export const WIDE_ROWS: i32 = 64;

// @ts-ignore: decorator
@inline function wideAt(sums: usize, row: i32): usize {
  return sums + (<usize>(row / WIDE_ROWS)) * ((<usize>LIMBS) << 3);
}

/** Bytes of the running sums in limbs. */
export function wideBytes(rows: i32): u32 {
  return <u32>(wideAt(0, rows) + ((<usize>LIMBS) << 3));
}

/** Running sums in limbs, one before each `WIDE_ROWS` rows and one behind them; what is not finite counts as 0. */
export function widePrefix(rows: i32, numbers: usize, sums: usize): void {
  clearLimbs(sums);
  for (let first: i32 = 0; first + WIDE_ROWS <= rows; first += WIDE_ROWS) {
    const limbs = wideAt(sums, first + WIDE_ROWS);
    memory.copy(limbs, wideAt(sums, first), (<usize>LIMBS) << 3);
    for (let row = first; row < first + WIDE_ROWS; row++) {
      const number = load<f64>(numbers + ((<usize>row) << 3));
      if (isFinite(number)) addToLimbs(limbs, number, 1);
    }
  }
}

/** Adds the rows [begin, end), both multiples of `WIDE_ROWS`. */
export function addWide(sums: usize, begin: i32, end: i32, limbs: usize): void {
  const last = wideAt(sums, end),
    first = wideAt(sums, begin);
  for (let at: usize = 0; at < (<usize>LIMBS) << 3; at += 8) store<i64>(limbs + at, load<i64>(limbs + at) + load<i64>(last + at) - load<i64>(first + at));
}

/** The double next to the limbs' sum; their carries are settled in place. */
export function roundLimbs(limbs: usize): f64 {
  let carry: i64 = 0;
  for (let i: usize = 0; i < <usize>LIMBS; i++) {
    const value = load<i64>(limbs + (i << 3)) + carry;
    store<i64>(limbs + (i << 3), value & 0xffffffff);
    carry = value >> 32;
  }
  const negative = carry < 0;
  if (negative) {
    let one: i64 = 1;
    for (let i: usize = 0; i < <usize>LIMBS; i++) {
      const value = (~load<i64>(limbs + (i << 3)) & 0xffffffff) + one;
      store<i64>(limbs + (i << 3), value & 0xffffffff);
      one = value >> 32;
    }
  }
  let top: i32 = LIMBS - 1;
  while (top >= 0 && load<i64>(limbs + ((<usize>top) << 3)) == 0) top--;
  if (top < 0) return 0;
  // 96 bits from the highest limb on, and whether anything stands below them.
  const high = load<i64>(limbs + ((<usize>top) << 3));
  const middle = top >= 1 ? load<i64>(limbs + ((<usize>(top - 1)) << 3)) : 0;
  const lowest = top >= 2 ? load<i64>(limbs + ((<usize>(top - 2)) << 3)) : 0;
  let below = false;
  for (let i = top - 3; i >= 0; i--)
    if (load<i64>(limbs + ((<usize>i) << 3)) != 0) {
      below = true;
      break;
    }
  const low = (middle << 32) | lowest;
  const zeros = clz(high);
  let bits = (high << zeros) | (zeros == 0 ? 0 : <i64>(<u64>low >> (64 - <u64>zeros)));
  const exponent = 64 - <i32>zeros + 32 * (top - 2) - 1074;
  if (low << zeros != 0 || below) bits |= 1;
  // Below 2^-1022 the sum is an integer of fewer than 53 bits times 2^-1074: nothing is rounded, twice neither.
  const value = scale(<f64>(<u64>bits), exponent);
  return negative ? -value : value;
}
