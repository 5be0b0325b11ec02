import { integerMean } from "./means";
import { doubleOf, HALF, spread, together } from "./spreads";
import { exponentOf, mantissaOf } from "../exact-sum";

/**
 * Windows over running sums (see moments.ts), all of whose `count` rows have finite values: what is told of them is what
 * moment-windows.ts tells. A window's sum has up to `width` bits, with its sign, and `low` is no less than −450 and no more than
 * 450.
 */

/** Bits of a sum that is one limb. */
// @ts-ignore: decorator
@inline const ONE_LIMB: i32 = 63;
/** Bits of an integer that is the sum of two doubles. */
// @ts-ignore: decorator
@inline const TWO_DOUBLES: i32 = 105;

// @ts-ignore: decorator
@inline function powerOfTwo(power: i32): v128 {
  return f64x2.splat(reinterpret<f64>((<i64>(power + 1023)) << 52));
}

/** A signed integer of up to 106 bits as the nearest double: the sum of its halves, which are doubles. */
// @ts-ignore: decorator
@inline function halves(d0: u64, d1: u64): f64 {
  return <f64>(<i64>((d1 << 11) | (d0 >> 53))) * 9007199254740992 + <f64>(<i64>(d0 & 0x1fffffffffffff));
}

/** A signed integer of two limbs as the nearest double. */
// @ts-ignore: decorator
@inline function nearest(d0: u64, d1: u64): f64 {
  const sign = <u64>(<i64>d1 >> 63),
    m0 = (d0 ^ sign) - sign,
    value = doubleOf(m0, (d1 ^ sign) + (sign & <u64>(m0 == 0)), 0);
  return copysign<f64>(value, reinterpret<f64>(d1));
}

/** Sum (`mean` 0) or mean (1). */
export function fullSums(
  rows: i32,
  mean: i32,
  count: u32,
  sums: usize,
  sumsThen: usize,
  width: i32,
  low: i32,
  out: usize,
  valid: usize,
): void {
  const end = <usize>rows << 3;
  for (let at: usize = 0; at < end; at += 8) {
    const now = sums + (at << 1),
      then = sumsThen + (at << 1),
      d0 = load<u64>(now) - load<u64>(then);
    let value: f64;
    if (width <= ONE_LIMB) value = mean ? integerMean(d0, <u64>(<i64>d0 >> 63), count) : <f64>(<i64>d0);
    else {
      const d1 = load<u64>(now, 8) - load<u64>(then, 8) - <u64>(load<u64>(now) < load<u64>(then));
      value = mean ? integerMean(d0, d1, count) : width <= TWO_DOUBLES ? halves(d0, d1) : nearest(d0, d1);
    }
    store<f64>(out + at, value);
  }
  const factor = powerOfTwo(low);
  for (let at: usize = 0; at < end; at += 16) v128.store(out + at, f64x2.mul(v128.load(out + at), factor));
  memory.fill(valid, 1, rows);
}

/** What `fullVariances` gives. */
// @ts-ignore: decorator
@inline const VARIANCE: i32 = 0;

/** Variance or standard deviation. */
export function fullVariances(
  rows: i32,
  kind: i32,
  count: u32,
  spreads: usize,
  low: i32,
  out: usize,
  valid: usize,
): void {
  const n = <f64>count,
    freedom = f64x2.splat(n * (n - 1)),
    factor = powerOfTwo(kind == VARIANCE ? low * 2 : low);
  for (let at: usize = 0, end = <usize>rows << 3; at < end; at += 16) {
    const variance = f64x2.div(v128.load(spreads + at), freedom);
    v128.store(out + at, f64x2.mul(kind == VARIANCE ? variance : f64x2.sqrt(variance), factor));
  }
  memory.fill(valid, 1, rows);
}

/** (x − mean) ÷ standard deviation. */
export function fullScores(
  rows: i32,
  values: usize,
  count: u32,
  sums: usize,
  sumsThen: usize,
  spreads: usize,
  width: i32,
  low: i32,
  out: usize,
  valid: usize,
): void {
  distances(rows, count, values, sums, sumsThen, width, low, out);
  const n = <f64>count,
    ratio = f64x2.splat(n / (n - 1));
  for (let at: usize = 0, end = <usize>rows << 3; at < end; at += 16) {
    const scale = v128.load(spreads + at),
      score = f64x2.div(v128.load(out + at), f64x2.sqrt(f64x2.mul(scale, ratio)));
    v128.store(out + at, orNaN(score, scale));
  }
  memory.fill(valid, 1, rows);
}

/** NaN where the scale is 0. */
// @ts-ignore: decorator
@inline function orNaN(value: v128, scale: v128): v128 {
  return v128.bitselect(f64x2.splat(NaN), value, f64x2.eq(scale, f64x2.splat(0)));
}

/** Covariance (`kind` 0) or correlation (1); `width` of the wider column's sums. */
export function fullCovariances(
  rows: i32,
  kind: i32,
  count: u32,
  xSums: usize,
  xSumsThen: usize,
  ySums: usize,
  ySumsThen: usize,
  products: usize,
  productsThen: usize,
  xSpreads: usize,
  ySpreads: usize,
  width: i32,
  lows: i32,
  out: usize,
  valid: usize,
): void {
  togethers(rows, count, xSums, xSumsThen, ySums, ySumsThen, products, productsThen, width, out);
  const end = <usize>rows << 3;
  if (kind == 0) {
    const n = <f64>count,
      freedom = f64x2.splat(n * (n - 1)),
      factor = powerOfTwo(lows);
    for (let at: usize = 0; at < end; at += 16)
      v128.store(out + at, f64x2.mul(f64x2.div(v128.load(out + at), freedom), factor));
  } else {
    const one = f64x2.splat(1),
      less = f64x2.splat(-1);
    for (let at: usize = 0; at < end; at += 16) {
      const scale = f64x2.mul(f64x2.sqrt(v128.load(ySpreads + at)), f64x2.sqrt(v128.load(xSpreads + at))),
        both = f64x2.div(v128.load(out + at), scale);
      v128.store(out + at, orNaN(f64x2.max(less, f64x2.min(one, both)), scale));
    }
  }
  memory.fill(valid, 1, rows);
}

/** n · Σx² − (Σx)² of each window, as the nearest double: what variances, scores and correlations are made of. */
export function spreads(
  rows: i32,
  n: u32,
  sums: usize,
  sumsThen: usize,
  squares: usize,
  squaresThen: usize,
  width: i32,
  out: usize,
): void {
  const count = <u64>n;
  for (let row: usize = 0; row < <usize>rows; row++) {
    const at = row << 4,
      s0 = load<u64>(sums + at),
      t0 = load<u64>(sumsThen + at),
      now = squares + (at << 1),
      then = squaresThen + (at << 1),
      a0 = load<u64>(now),
      b0 = load<u64>(then),
      q0 = a0 - b0,
      a1 = load<u64>(now, 8),
      b1 = load<u64>(then, 8),
      borrow = <u64>(a0 < b0),
      e1 = a1 - b1,
      q1 = e1 - borrow;
    let value: f64;
    if (width <= ONE_LIMB) {
      const sum = <i64>(s0 - t0),
        sign = sum >> 63,
        s = <u64>((sum ^ sign) - sign);
      const low = (q0 & HALF) * count,
        high = (q0 >> 32) * count,
        n0 = low + (high << 32),
        n1 = q1 * count + (high >> 32) + <u64>(n0 < low);
      const l = s & HALF,
        h = s >> 32,
        ll = l * l,
        lh = l * h,
        x0 = ll + (lh << 33),
        x1 = h * h + (lh >> 31) + <u64>(x0 < ll);
      const d0 = n0 - x0,
        d1 = n1 - x1 - <u64>(n0 < x0);
      value = d1 >> 41 == 0 ? halves(d0, d1) : doubleOf(d0, d1, 0);
    } else {
      const carry = <u64>(a1 < b1) | <u64>(e1 < borrow),
        a2 = load<u64>(now, 16),
        b2 = load<u64>(then, 16),
        e2 = a2 - b2,
        q2 = e2 - carry,
        q3 = load<u64>(now, 24) - load<u64>(then, 24) - (<u64>(a2 < b2) | <u64>(e2 < carry));
      const s1 = load<u64>(sums + at, 8) - load<u64>(sumsThen + at, 8) - <u64>(s0 < t0);
      value = spread(count, s0 - t0, s1, q0, q1, q2, q3);
    }
    store<f64>(out + (row << 3), value);
  }
}

/** n · Σxy − Σx · Σy of each window, as the nearest double. */
function togethers(
  rows: i32,
  n: u32,
  xSums: usize,
  xSumsThen: usize,
  ySums: usize,
  ySumsThen: usize,
  products: usize,
  productsThen: usize,
  width: i32,
  out: usize,
): void {
  const count = <u64>n;
  for (let row: usize = 0; row < <usize>rows; row++) {
    const at = row << 4,
      now = products + (at << 1),
      then = productsThen + (at << 1),
      a0 = load<u64>(now),
      b0 = load<u64>(then),
      q0 = a0 - b0,
      a1 = load<u64>(now, 8),
      b1 = load<u64>(then, 8),
      borrow = <u64>(a0 < b0),
      e1 = a1 - b1,
      q1 = e1 - borrow,
      x0 = load<u64>(xSums + at) - load<u64>(xSumsThen + at),
      y0 = load<u64>(ySums + at) - load<u64>(ySumsThen + at);
    let value: f64;
    if (width <= ONE_LIMB) {
      const low = (q0 & HALF) * count,
        high = (q0 >> 32) * count,
        n0 = low + (high << 32),
        n1 = q1 * count + (high >> 32) + <u64>(n0 < low);
      // Unsigned; of what is negative, the other is taken away from the higher limb.
      const xl = x0 & HALF,
        xh = x0 >> 32,
        yl = y0 & HALF,
        yh = y0 >> 32,
        ll = xl * yl,
        middle = xh * yl + (ll >> 32),
        other = xl * yh + (middle & HALF),
        p0 = (other << 32) | (ll & HALF),
        p1 =
          xh * yh +
          (middle >> 32) +
          (other >> 32) -
          (<u64>(<i64>x0 >> 63) & y0) -
          (<u64>(<i64>y0 >> 63) & x0);
      const d0 = n0 - p0,
        d1 = n1 - p1 - <u64>(n0 < p0);
      value = (d1 + (<u64>1 << 41)) >> 42 == 0 ? halves(d0, d1) : nearest(d0, d1);
    } else {
      const carry = <u64>(a1 < b1) | <u64>(e1 < borrow),
        a2 = load<u64>(now, 16),
        b2 = load<u64>(then, 16),
        e2 = a2 - b2,
        q2 = e2 - carry,
        q3 = load<u64>(now, 24) - load<u64>(then, 24) - (<u64>(a2 < b2) | <u64>(e2 < carry)),
        x1 = load<u64>(xSums + at, 8) - load<u64>(xSumsThen + at, 8) - <u64>(load<u64>(xSums + at) < x0),
        y1 = load<u64>(ySums + at, 8) - load<u64>(ySumsThen + at, 8) - <u64>(load<u64>(ySums + at) < y0);
      value = together(count, x0, x1, y0, y1, q0, q1, q2, q3);
    }
    store<f64>(out + (row << 3), value);
  }
}

/** n · x − Σx of each row and its window, as the nearest double. */
function distances(
  rows: i32,
  n: u32,
  values: usize,
  sums: usize,
  sumsThen: usize,
  width: i32,
  low: i32,
  out: usize,
): void {
  const count = <u64>n;
  for (let row: usize = 0; row < <usize>rows; row++) {
    const now = sums + (row << 4),
      then = sumsThen + (row << 4),
      s0 = load<u64>(now) - load<u64>(then),
      bits = load<i64>(values + (row << 3)),
      mantissa = <u64>mantissaOf(bits),
      shift = exponentOf(bits) - low,
      sign = <u64>(bits >> 63);
    let value: f64;
    if (width <= ONE_LIMB) {
      const x = shift >= 0 ? mantissa << <u64>shift : mantissa >> <u64>min(63, -shift);
      value = <f64>(<i64>(((x ^ sign) - sign) * count - s0));
    } else {
      const s1 = load<u64>(now, 8) - load<u64>(then, 8) - <u64>(load<u64>(now) < load<u64>(then));
      let x0: u64 = 0,
        x1: u64 = 0;
      if (shift < 0) x0 = mantissa >> <u64>min(63, -shift);
      else if (shift < 64) {
        x0 = mantissa << <u64>shift;
        x1 = (mantissa >> 1) >> (63 - <u64>shift);
      } else x1 = mantissa << <u64>(shift - 64);
      x0 = (x0 ^ sign) - sign;
      x1 = (x1 ^ sign) + (sign & <u64>(x0 == 0));
      const first = (x0 & HALF) * count,
        second = (x0 >> 32) * count,
        m0 = first + (second << 32),
        m1 = x1 * count + (second >> 32) + <u64>(m0 < first),
        d0 = m0 - s0,
        d1 = m1 - s1 - <u64>(m0 < s0);
      value = width <= TWO_DOUBLES ? halves(d0, d1) : nearest(d0, d1);
    }
    store<f64>(out + (row << 3), value);
  }
}
