import { exponentOf, isFiniteBits, mantissaOf } from "../exact-sum";
import { multiply128, multiplyBy, r0, r1, r2, r3 } from "./integers";

/**
 * Running sums of a column, of its squares, of products and of rows' numbers times values, as integers: a finite double is an
 * integer times 2^low, where `low` is the lowest bit that any value so far has set. All are modulo their width, so a window's
 * difference of two records is exact where the window's own sum fits. NULLs and what is not finite count as 0. As with all
 * records, the one before that of the first row is the running one so far.
 */

/** Of the finite values, over what `out` holds: the lowest set bit, the bit above the highest (i32 each). */
export function bitRange(rows: i32, values: usize, valid: usize, out: usize): void {
  let low = load<i32>(out),
    high = load<i32>(out, 4);
  for (let row: usize = 0; row < <usize>rows; row++) {
    const bits = load<i64>(values + (row << 3));
    if (load<u8>(valid + row) == 0 || !isFiniteBits(bits)) continue;
    const mantissa = mantissaOf(bits);
    if (mantissa == 0) continue;
    const exponent = exponentOf(bits);
    low = min(low, exponent + <i32>ctz(mantissa));
    high = max(high, exponent + 64 - <i32>clz(mantissa));
  }
  store<i32>(out, low);
  store<i32>(out, high, 4);
}

export let integerLow: u64 = 0;
export let integerHigh: u64 = 0;

/** A value times 2^-low, to `integerLow`, `integerHigh`; 0 where it is NULL or not finite. */
// @ts-ignore: decorator
@inline export function integerOf(values: usize, valid: usize, row: usize, low: i32): void {
  const bits = load<i64>(values + (row << 3));
  if (load<u8>(valid + row) == 0 || !isFiniteBits(bits)) {
    integerLow = 0;
    integerHigh = 0;
    return;
  }
  const mantissa = <u64>mantissaOf(bits),
    shift = exponentOf(bits) - low;
  if (shift <= 0) {
    // What is shifted out are zeros: `low` is the lowest set bit.
    integerLow = shift <= -64 ? 0 : mantissa >> <u64>-shift;
    integerHigh = 0;
  } else if (shift < 64) {
    integerLow = mantissa << <u64>shift;
    integerHigh = mantissa >> (64 - <u64>shift);
  } else {
    integerLow = 0;
    integerHigh = shift >= 128 ? 0 : mantissa << <u64>(shift - 64);
  }
  if (bits < 0) {
    integerLow = -integerLow;
    integerHigh = ~integerHigh + <u64>(integerLow == 0);
  }
}

/** 16 bytes a row. */
export function sumUp(rows: i32, values: usize, valid: usize, low: i32, records: usize): void {
  let lo = load<u64>(records - 16),
    hi = load<u64>(records - 8);
  for (let row: usize = 0; row < <usize>rows; row++) {
    integerOf(values, valid, row, low);
    lo += integerLow;
    hi += integerHigh + <u64>(lo < integerLow);
    store<u64>(records + (row << 4), lo);
    store<u64>(records + (row << 4), hi, 8);
  }
}

/** Of the products of two columns (of squares, if they are the same), 32 bytes a row. */
export function sumProducts(
  rows: i32,
  a: usize,
  aValid: usize,
  aLow: i32,
  b: usize,
  bValid: usize,
  bLow: i32,
  records: usize,
): void {
  let s0 = load<u64>(records - 32),
    s1 = load<u64>(records - 24),
    s2 = load<u64>(records - 16),
    s3 = load<u64>(records - 8);
  for (let row: usize = 0; row < <usize>rows; row++) {
    integerOf(a, aValid, row, aLow);
    const al = integerLow,
      ah = integerHigh;
    if (a != b) integerOf(b, bValid, row, bLow);
    multiply128(al, ah, integerLow, integerHigh);
    s0 += r0;
    let carry = <u64>(s0 < r0);
    const t1 = s1 + r1;
    let next = <u64>(t1 < r1);
    s1 = t1 + carry;
    carry = next + <u64>(s1 < carry);
    const t2 = s2 + r2;
    next = <u64>(t2 < r2);
    s2 = t2 + carry;
    carry = next + <u64>(s2 < carry);
    s3 += r3 + carry;
    const at = records + (row << 5);
    store<u64>(at, s0);
    store<u64>(at, s1, 8);
    store<u64>(at, s2, 16);
    store<u64>(at, s3, 24);
  }
}

/**
 * Over the rows with a value: their numbers (u64), the squares of these (u128), their numbers times values (256 bits); 64 bytes a
 * row, of which the last 8 are not used. Rows are numbered from `first` on.
 */
export function sumPlaces(rows: i32, first: i64, values: usize, valid: usize, low: i32, records: usize): void {
  memory.copy(records, records - 64, 64);
  for (let row: usize = 0; row < <usize>rows; row++) {
    const at = records + (row << 6);
    if (row > 0) memory.copy(at, at - 64, 64);
    if (load<u8>(valid + row) == 0) continue;
    const place = <u64>first + row;
    store<u64>(at, load<u64>(at) + place);
    // Numbers have 31 bits.
    const squares = load<u64>(at, 8) + place * place;
    store<u64>(at, load<u64>(at, 16) + <u64>(squares < place * place), 16);
    store<u64>(at, squares, 8);
    integerOf(values, valid, row, low);
    const sign = <u64>(<i64>integerHigh >> 63);
    multiplyBy(place, integerLow, integerHigh, sign, sign);
    addTo(at + 24);
  }
}

/** Adds `r` to the 256 bits at an address. */
// @ts-ignore: decorator
@inline function addTo(at: usize): void {
  let carry: u64 = 0;
  for (let limb: usize = 0; limb < 4; limb++) {
    const given = limb == 0 ? r0 : limb == 1 ? r1 : limb == 2 ? r2 : r3;
    const sum = load<u64>(at + (limb << 3)) + given;
    const next = <u64>(sum < given);
    const total = sum + carry;
    carry = next + <u64>(total < carry);
    store<u64>(at + (limb << 3), total);
  }
}

/** Records of `limbs` × 64 bits, `stride` bytes apart, times 2^power: where a lower bit is set from here on. */
export function rescale(count: i32, records: usize, stride: i32, limbs: i32, power: i32): void {
  const whole = power >> 6,
    bits = <u64>(power & 63);
  for (let i: i32 = 0; i < count; i++) {
    const at = records + <usize>i * <usize>stride;
    for (let limb = limbs - 1; limb >= 0; limb--) {
      const from = limb - whole;
      let value: u64 = from >= 0 ? load<u64>(at + (<usize>from << 3)) << bits : 0;
      if (bits != 0 && from >= 1) value |= load<u64>(at + (<usize>(from - 1) << 3)) >> (64 - bits);
      store<u64>(at + (<usize>limb << 3), value);
    }
  }
}
