import { exponentOf, isFiniteBits, mantissaOf } from "../exact-sum";
import { multiply64, r0, r1 } from "./integers";
import { judge, n, NULL, PLAIN, special } from "./moment-windows";

/**
 * Skewness and kurtosis, from running sums of values' powers. Integers here are as many limbs of 64 bits as they need, from the
 * lowest on, at an address; two's complement where they have signs.
 */

/** A record of `sumPowers`: the cubes' sum, then that of the fourth powers. */
// @ts-ignore: decorator
@inline const CUBE_LIMBS: i32 = 5;
// @ts-ignore: decorator
@inline const FOURTH_LIMBS: i32 = 6;
// @ts-ignore: decorator
@inline const RECORD: usize = 88;

const LIMBS = 16;
const x1 = memory.data(LIMBS * 8, 16);
const x2 = memory.data(LIMBS * 8, 16);
const x3 = memory.data(LIMBS * 8, 16);
const x4 = memory.data(LIMBS * 8, 16);
const product = memory.data(LIMBS * 8, 16);
const other = memory.data(LIMBS * 8, 16);
const spreadAt = memory.data(LIMBS * 8, 16);
const skewAt = memory.data(LIMBS * 8, 16);
const tailAt = memory.data(LIMBS * 8, 16);

/** Running sums of cubes and fourth powers, 88 bytes a row, of values that are integers of up to 88 bits times 2^low. */
export function sumPowers(rows: i32, values: usize, valid: usize, low: i32, records: usize): void {
  for (let row: usize = 0; row < <usize>rows; row++) {
    const at = records + row * RECORD;
    memory.copy(at, at - RECORD, RECORD);
    const bits = load<i64>(values + (row << 3));
    if (load<u8>(valid + row) == 0 || !isFiniteBits(bits)) continue;
    const mantissa = <u64>mantissaOf(bits),
      shift = exponentOf(bits) - low;
    if (mantissa == 0) continue;
    if (shift < 0) {
      store<u64>(x1, mantissa >> <u64>-shift);
      store<u64>(x1, 0, 8);
    } else if (shift < 64) {
      store<u64>(x1, mantissa << <u64>shift);
      store<u64>(x1, (mantissa >> 1) >> (63 - <u64>shift), 8);
    } else {
      store<u64>(x1, 0);
      store<u64>(x1, mantissa << <u64>(shift - 64), 8);
    }
    const length = load<u64>(x1, 8) == 0 ? 1 : 2;
    multiply(x2, x1, length, x1, length);
    multiply(x3, x2, length * 2, x1, length);
    multiply(x4, x2, length * 2, x2, length * 2);
    if (bits < 0) subtract(at, CUBE_LIMBS, at, CUBE_LIMBS, x3, min(length * 3, CUBE_LIMBS), false);
    else add(at, CUBE_LIMBS, x3, min(length * 3, CUBE_LIMBS));
    add(at + CUBE_LIMBS * 8, FOURTH_LIMBS, x4, min(length * 4, FOURTH_LIMBS));
  }
}

/** The lower limbs of a product of integers without signs; `out` has as many as both. */
function multiply(out: usize, a: usize, aLimbs: i32, b: usize, bLimbs: i32): void {
  memory.fill(out, 0, <usize>bLimbs << 3);
  for (let i: usize = 0; i < <usize>aLimbs << 3; i += 8) {
    const factor = load<u64>(a + i);
    let carry: u64 = 0;
    for (let j: usize = 0; j < <usize>bLimbs << 3; j += 8) {
      multiply64(factor, load<u64>(b + j));
      const known = load<u64>(out + i + j),
        low = r0 + known,
        sum = low + carry;
      store<u64>(out + i + j, sum);
      carry = r1 + <u64>(low < known) + <u64>(sum < carry);
    }
    store<u64>(out + i + (<usize>bLimbs << 3), carry);
  }
}

/** The product of integers with signs. */
function multiplySigned(out: usize, a: usize, aLimbs: i32, b: usize, bLimbs: i32): void {
  multiply(out, a, aLimbs, b, bLimbs);
  const aTop = (<usize>aLimbs << 3) - 8,
    bTop = (<usize>bLimbs << 3) - 8;
  if (load<i64>(a + aTop) < 0) subtract(out + aTop + 8, bLimbs, out + aTop + 8, bLimbs, b, bLimbs, true);
  if (load<i64>(b + bTop) < 0) subtract(out + bTop + 8, aLimbs, out + bTop + 8, aLimbs, a, aLimbs, true);
}

/** An integer with a sign times one below 2^63, of one limb more. */
function multiplyBy(out: usize, a: usize, limbs: i32, factor: u64): void {
  let carry: u64 = 0;
  const top = <usize>limbs << 3;
  for (let at: usize = 0; at < top; at += 8) {
    multiply64(load<u64>(a + at), factor);
    const sum = r0 + carry;
    store<u64>(out + at, sum);
    carry = r1 + <u64>(sum < carry);
  }
  store<u64>(out + top, load<i64>(a + top - 8) < 0 ? carry - factor : carry);
}

/** Adds an integer without a sign to one of no fewer limbs. */
function add(to: usize, limbs: i32, a: usize, aLimbs: i32): void {
  let carry: u64 = 0;
  for (let limb: i32 = 0; limb < limbs; limb++) {
    if (limb >= aLimbs && carry == 0) return;
    const at = <usize>limb << 3,
      given: u64 = limb < aLimbs ? load<u64>(a + at) : 0,
      sum = load<u64>(to + at) + given,
      total = sum + carry;
    carry = <u64>(sum < given) | <u64>(total < carry);
    store<u64>(to + at, total);
  }
}

/** a − b, as many limbs as are wanted; what has fewer goes on with its sign, or `b` with zeros. */
function subtract(out: usize, limbs: i32, a: usize, aLimbs: i32, b: usize, bLimbs: i32, isSigned: bool): void {
  const aRest = <u64>(load<i64>(a + (<usize>aLimbs << 3) - 8) >> 63),
    bRest: u64 = isSigned ? <u64>(load<i64>(b + (<usize>bLimbs << 3) - 8) >> 63) : 0;
  let borrow: u64 = 0;
  for (let limb: i32 = 0; limb < limbs; limb++) {
    const at = <usize>limb << 3,
      left = limb < aLimbs ? load<u64>(a + at) : aRest,
      right = limb < bLimbs ? load<u64>(b + at) : bRest,
      difference = left - right,
      rest = difference - borrow;
    borrow = <u64>(left < right) | <u64>(difference < borrow);
    store<u64>(out + at, rest);
  }
}

/** An integer with a sign as the nearest double; what it was is lost. */
function toDouble(a: usize, limbs: i32): f64 {
  const top = a + (<usize>limbs << 3),
    isNegative = load<i64>(top - 8) < 0;
  if (isNegative) {
    let carry: u64 = 1;
    for (let at = a; at < top; at += 8) {
      const turned = ~load<u64>(at) + carry;
      carry &= <u64>(turned == 0);
      store<u64>(at, turned);
    }
  }
  let at = top - 8;
  while (at > a && load<u64>(at) == 0) at -= 8;
  let value: f64;
  if (at == a) value = <f64>load<u64>(a);
  else {
    const zeros = clz(load<u64>(at)),
      next = load<u64>(at - 8);
    let leading = (load<u64>(at) << zeros) | ((next >> 1) >> (63 - zeros)),
      rest = next << zeros;
    for (let below = a; below < at - 8; below += 8) rest |= load<u64>(below);
    // What is below 64 bits decides only that the value is no tie.
    if (rest != 0) leading |= 1;
    const power = (<u64>(at - a) << 3) - zeros;
    value = <f64>leading * reinterpret<f64>((power + 1023) << 52);
  }
  return isNegative ? -value : value;
}

/** Limbs of an integer of so many bits and a sign. */
// @ts-ignore: decorator
@inline function limbsOf(bits: i32): i32 {
  return (bits >> 6) + 1;
}

/** What `windowShapes` gives. */
// @ts-ignore: decorator
@inline const SKEWNESS: i32 = 0;

/**
 * Skewness (`kind` 0) or kurtosis (1), both biased, kurtosis less 3: of values that are integers of up to `bits` bits, of windows
 * with less than 2^`countBits` rows.
 */
export function windowShapes(
  rows: i32,
  kind: i32,
  tallies: usize,
  talliesThen: usize,
  sums: usize,
  sumsThen: usize,
  squares: usize,
  squaresThen: usize,
  powers: usize,
  powersThen: usize,
  moves: i32,
  least: u32,
  bits: i32,
  countBits: i32,
  out: usize,
  valid: usize,
): void {
  const step: usize = moves ? 16 : 0,
    powerStep: usize = moves ? RECORD : 0,
    l1 = limbsOf(bits + countBits),
    l2 = limbsOf(2 * bits + countBits),
    l3 = limbsOf(3 * bits + countBits),
    l4 = limbsOf(4 * bits + countBits),
    spreadLimbs = limbsOf(2 * (bits + countBits)),
    skewLimbs = limbsOf(3 * (bits + countBits) + 3),
    tailLimbs = limbsOf(4 * (bits + countBits) + 4);
  for (let row: usize = 0; row < <usize>rows; row++) {
    const verdict = judge(tallies + (row << 4), talliesThen + row * step, least, false);
    store<u8>(valid + row, <u8>(verdict != NULL));
    if (verdict == NULL) continue;
    let value = special;
    if (verdict == PLAIN) {
      const count = <u64>n,
        cubes = powers + row * RECORD,
        cubesThen = powersThen + row * powerStep;
      subtract(x1, l1, sums + (row << 4), l1, sumsThen + row * step, l1, true);
      subtract(x2, l2, squares + (row << 5), l2, squaresThen + row * step * 2, l2, true);
      subtract(x3, l3, cubes, l3, cubesThen, l3, true);
      // n · Σx² − (Σx)²
      less(spreadAt, spreadLimbs, x2, l2, count, x1, l1, x1, l1);
      // n · Σx³ − Σx · Σx²
      less(skewAt, skewLimbs, x3, l3, count, x1, l1, x2, l2);
      if (kind == SKEWNESS) {
        // n² · Σx³ − 3n · Σx · Σx² + 2(Σx)³
        less(tailAt, skewLimbs, skewAt, skewLimbs, count, x1, l1, spreadAt, spreadLimbs);
        subtract(tailAt, skewLimbs, tailAt, skewLimbs, product, min(l1 + spreadLimbs, skewLimbs), true);
        const third = toDouble(tailAt, skewLimbs),
          scale = toDouble(spreadAt, spreadLimbs);
        value = scale == 0 ? NaN : third / (scale * sqrt(scale));
      } else {
        subtract(x4, l4, cubes + CUBE_LIMBS * 8, l4, cubesThen + CUBE_LIMBS * 8, l4, true);
        // n² · Σx³ − 2n · Σx · Σx² + (Σx)³
        less(x2, skewLimbs, skewAt, skewLimbs, count, x1, l1, spreadAt, spreadLimbs);
        // n · Σx⁴ − Σx · Σx³
        less(skewAt, tailLimbs, x4, l4, count, x1, l1, x3, l3);
        // n³ · Σx⁴ − 4n² · Σx · Σx³ + 6n · (Σx)² · Σx² − 3(Σx)⁴
        multiplyBy(x3, x1, l1, 3);
        less(tailAt, tailLimbs, skewAt, tailLimbs, count * count, x3, limbsOf(bits + countBits + 2), x2, skewLimbs);
        const fourth = toDouble(tailAt, tailLimbs),
          scale = toDouble(spreadAt, spreadLimbs);
        value = scale == 0 ? NaN : fourth / (scale * scale) - 3;
      }
    }
    store<f64>(out + (row << 3), value);
  }
}

/** factor · a − b · c; leaves b · c in `product`. */
function less(
  out: usize,
  limbs: i32,
  a: usize,
  aLimbs: i32,
  factor: u64,
  b: usize,
  bLimbs: i32,
  c: usize,
  cLimbs: i32,
): void {
  multiplyBy(other, a, aLimbs, factor);
  multiplySigned(product, b, bLimbs, c, cLimbs);
  subtract(out, limbs, other, min(aLimbs + 1, limbs), product, min(bLimbs + cLimbs, limbs), true);
}
