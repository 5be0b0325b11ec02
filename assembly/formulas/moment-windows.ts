import { multiply128, multiply64, multiplyBy, r0, r1, r2, r3, setWide, subtract256, toDouble } from "./integers";
import { doubleOf, HALF, spread, together } from "./spreads";
import { meanOf } from "./means";
import { scaled } from "./powers";
import { exponentOf, isFiniteBits, mantissaOf } from "../exact-sum";

/**
 * Windows over running sums (see moments.ts). `now` is the record of a row, `then` that of the row before its window; a stride of
 * 0 bytes for `then` is an expanding window's. Fewer than `least` values: NULL; a NaN among them: NaN.
 */

/** What may be told from a window's counts. */
// @ts-ignore: decorator
@inline export const NULL: i32 = 0;
// @ts-ignore: decorator
@inline const SPECIAL: i32 = 1;
// @ts-ignore: decorator
@inline export const PLAIN: i32 = 2;

export let n: u32 = 0;
export let special: f64 = 0;

/** Counts of the window; `sums`: infinities have a sum, else they make NaN. */
// @ts-ignore: decorator
@inline export function judge(now: usize, then: usize, least: u32, sums: bool): i32 {
  const counts = i32x4.sub(v128.load(now), v128.load(then));
  n = <u32>i32x4.extract_lane(counts, 0);
  if (n < least) return NULL;
  const nan = i32x4.extract_lane(counts, 1),
    plus = i32x4.extract_lane(counts, 2),
    minus = i32x4.extract_lane(counts, 3);
  if ((nan | plus | minus) == 0) return PLAIN;
  special = sums && nan == 0 && (plus == 0 || minus == 0) ? (plus != 0 ? Infinity : -Infinity) : NaN;
  return SPECIAL;
}

let sumLow: u64 = 0;
let sumHigh: u64 = 0;
// @ts-ignore: decorator
@inline function differenceOf(now: usize, then: usize): void {
  const low = load<u64>(now),
    less = load<u64>(then);
  sumLow = low - less;
  sumHigh = load<u64>(now, 8) - load<u64>(then, 8) - <u64>(low < less);
}
/** To `r`. */
// @ts-ignore: decorator
@inline function wideDifferenceOf(now: usize, then: usize): void {
  setWide(load<u64>(now), load<u64>(now, 8), load<u64>(now, 16), load<u64>(now, 24));
  subtract256(load<u64>(then), load<u64>(then, 8), load<u64>(then, 16), load<u64>(then, 24));
}

/** Of the window's values. */
// @ts-ignore: decorator
@inline function spreadOf(now: usize, then: usize): f64 {
  const a0 = load<u64>(now),
    b0 = load<u64>(then),
    a1 = load<u64>(now, 8),
    b1 = load<u64>(then, 8),
    a2 = load<u64>(now, 16),
    b2 = load<u64>(then, 16);
  let borrow = <u64>(a0 < b0);
  const e1 = a1 - b1,
    d1 = e1 - borrow;
  borrow = <u64>(a1 < b1) | <u64>(e1 < borrow);
  const e2 = a2 - b2,
    d2 = e2 - borrow;
  borrow = <u64>(a2 < b2) | <u64>(e2 < borrow);
  return spread(n, sumLow, sumHigh, a0 - b0, d1, d2, load<u64>(now, 24) - load<u64>(then, 24) - borrow);
}

/** The sum (`mean` 0) or mean (1), rounded once. */
export function windowSums(
  rows: i32,
  mean: i32,
  tallies: usize,
  talliesThen: usize,
  sums: usize,
  sumsThen: usize,
  moves: i32,
  least: u32,
  low: i32,
  out: usize,
  valid: usize,
): void {
  const tallyStep: usize = moves ? 16 : 0;
  for (let row: usize = 0; row < <usize>rows; row++) {
    const verdict = judge(tallies + (row << 4), talliesThen + row * tallyStep, least, true);
    store<u8>(valid + row, <u8>(verdict != NULL));
    if (verdict == NULL) continue;
    let value = special;
    if (verdict == PLAIN) {
      differenceOf(sums + (row << 4), sumsThen + row * tallyStep);
      const sign = <u64>(<i64>sumHigh >> 63);
      if (mean) value = meanOf(sumLow, sumHigh, n, low);
      else if (<u64>(<i64>sumLow >> 63) == sumHigh) value = scaled(<f64>(<i64>sumLow), low);
      else {
        setWide(sumLow, sumHigh, sign, sign);
        value = scaled(toDouble(), low);
      }
    }
    store<f64>(out + (row << 3), value);
  }
}

/** What `windowVariances` gives. */
// @ts-ignore: decorator
@inline const VARIANCE: i32 = 0;
// @ts-ignore: decorator
@inline const DEVIATION: i32 = 1;

/** Variance or standard deviation, ddof 1; the squares as 32 bytes a row. */
export function windowVariances(
  rows: i32,
  kind: i32,
  tallies: usize,
  talliesThen: usize,
  sums: usize,
  sumsThen: usize,
  squares: usize,
  squaresThen: usize,
  moves: i32,
  least: u32,
  low: i32,
  out: usize,
  valid: usize,
): void {
  const step: usize = moves ? 16 : 0;
  for (let row: usize = 0; row < <usize>rows; row++) {
    const verdict = judge(tallies + (row << 4), talliesThen + row * step, least, false);
    store<u8>(valid + row, <u8>(verdict != NULL));
    if (verdict == NULL) continue;
    let value = special;
    if (verdict == PLAIN) {
      differenceOf(sums + (row << 4), sumsThen + row * step);
      const variance = spreadOf(squares + (row << 5), squaresThen + row * step * 2) / (<f64>n * (<f64>n - 1));
      value = kind == VARIANCE ? scaled(variance, low * 2) : scaled(sqrt(variance), low);
    }
    store<f64>(out + (row << 3), value);
  }
}

/** (x − mean) ÷ standard deviation, from integers: no digit is lost where x is near the mean. */
export function windowScores(
  rows: i32,
  values: usize,
  valuesValid: usize,
  tallies: usize,
  talliesThen: usize,
  sums: usize,
  sumsThen: usize,
  squares: usize,
  squaresThen: usize,
  moves: i32,
  least: u32,
  low: i32,
  out: usize,
  valid: usize,
): void {
  const step: usize = moves ? 16 : 0;
  for (let row: usize = 0; row < <usize>rows; row++) {
    const verdict =
      load<u8>(valuesValid + row) == 0 ? NULL : judge(tallies + (row << 4), talliesThen + row * step, least, false);
    store<u8>(valid + row, <u8>(verdict != NULL));
    if (verdict == NULL) continue;
    let value = special;
    if (verdict == PLAIN) {
      differenceOf(sums + (row << 4), sumsThen + row * step);
      const scale = spreadOf(squares + (row << 5), squaresThen + row * step * 2);
      if (scale == 0) value = NaN;
      else {
        const count = <f64>n;
        value = distance(load<i64>(values + (row << 3)), low, n, sumLow, sumHigh) / sqrt(scale * (count / (count - 1)));
      }
    }
    store<f64>(out + (row << 3), value);
  }
}

/** n · x − sum as the nearest double. */
// @ts-ignore: decorator
@inline export function distance(bits: i64, low: i32, count: u32, sumLow: u64, sumHigh: u64): f64 {
  const mantissa = <u64>mantissaOf(bits),
    shift = exponentOf(bits) - low,
    sign = <u64>(<i64>sumHigh >> 63);
  // Nearly always x has at most 63 bits, and what is far from it is no more than 95.
  if (shift >= 0 && shift <= 10 && <u64>(<i64>sumHigh >> 31) == sign) {
    const x = mantissa << <u64>shift,
      times = <u64>count,
      first = (x & HALF) * times,
      second = (x >> 32) * times;
    let m0 = first + (second << 32),
      m1 = (second >> 32) + <u64>(m0 < first);
    if (bits < 0) {
      m0 = -m0;
      m1 = ~m1 + <u64>(m0 == 0);
    }
    let d0 = m0 - sumLow,
      d1 = m1 - sumHigh - <u64>(m0 < sumLow);
    if (<i64>d1 < 0) {
      d0 = -d0;
      d1 = ~d1 + <u64>(d0 == 0);
      return -doubleOf(d0, d1, 0);
    }
    return doubleOf(d0, d1, 0);
  }
  let x0: u64 = 0,
    x1: u64 = 0;
  if (shift <= 0) x0 = shift <= -64 ? 0 : mantissa >> <u64>-shift;
  else if (shift < 64) {
    x0 = mantissa << <u64>shift;
    x1 = mantissa >> (64 - <u64>shift);
  } else x1 = shift >= 128 ? 0 : mantissa << <u64>(shift - 64);
  if (bits < 0) {
    x0 = -x0;
    x1 = ~x1 + <u64>(x0 == 0);
  }
  const xSign = <u64>(<i64>x1 >> 63);
  multiplyBy(count, x0, x1, xSign, xSign);
  subtract256(sumLow, sumHigh, sign, sign);
  return toDouble();
}

/** Covariance (`kind` 0, ddof 1) or correlation (1) of two columns with values in the same rows. */
export function windowCovariances(
  rows: i32,
  kind: i32,
  xTallies: usize,
  xTalliesThen: usize,
  yTallies: usize,
  yTalliesThen: usize,
  xSums: usize,
  xSumsThen: usize,
  ySums: usize,
  ySumsThen: usize,
  products: usize,
  productsThen: usize,
  xSquares: usize,
  xSquaresThen: usize,
  ySquares: usize,
  ySquaresThen: usize,
  moves: i32,
  least: u32,
  lows: i32,
  out: usize,
  valid: usize,
): void {
  const step: usize = moves ? 16 : 0;
  for (let row: usize = 0; row < <usize>rows; row++) {
    const verdict = min(
      judge(xTallies + (row << 4), xTalliesThen + row * step, least, false),
      judge(yTallies + (row << 4), yTalliesThen + row * step, least, false),
    );
    store<u8>(valid + row, <u8>(verdict != NULL));
    if (verdict == NULL) continue;
    let value = special;
    if (verdict == PLAIN) {
      const count = <f64>n;
      differenceOf(xSums + (row << 4), xSumsThen + row * step);
      const xLow = sumLow,
        xHigh = sumHigh;
      let scale: f64 = 0;
      if (kind == 1) scale = sqrt(spreadOf(xSquares + (row << 5), xSquaresThen + row * step * 2));
      differenceOf(ySums + (row << 4), ySumsThen + row * step);
      if (kind == 1) scale = sqrt(spreadOf(ySquares + (row << 5), ySquaresThen + row * step * 2)) * scale;
      wideDifferenceOf(products + (row << 5), productsThen + row * step * 2);
      const both = together(n, xLow, xHigh, sumLow, sumHigh, r0, r1, r2, r3);
      if (kind == 1) value = scale == 0 ? NaN : max<f64>(-1, min<f64>(1, both / scale));
      else value = scaled(both / (count * (count - 1)), lows);
    }
    store<f64>(out + (row << 3), value);
  }
}

/** Slope of the least-squares line over the rows' places. */
export function windowSlopes(
  rows: i32,
  tallies: usize,
  talliesThen: usize,
  sums: usize,
  sumsThen: usize,
  places: usize,
  placesThen: usize,
  moves: i32,
  least: u32,
  low: i32,
  out: usize,
  valid: usize,
): void {
  const step: usize = moves ? 16 : 0;
  for (let row: usize = 0; row < <usize>rows; row++) {
    const verdict = judge(tallies + (row << 4), talliesThen + row * step, least, false);
    store<u8>(valid + row, <u8>(verdict != NULL));
    if (verdict == NULL) continue;
    let value = special;
    if (verdict == PLAIN) {
      const now = places + (row << 6),
        then = placesThen + row * step * 4;
      const place = load<u64>(now) - load<u64>(then);
      const q0 = load<u64>(now, 8) - load<u64>(then, 8),
        q1 = load<u64>(now, 16) - load<u64>(then, 16) - <u64>(load<u64>(now, 8) < load<u64>(then, 8));
      // n · Σt² − (Σt)²
      multiplyBy(n, q0, q1, 0, 0);
      const d0 = r0,
        d1 = r1,
        d2 = r2;
      multiply64(place, place);
      const e0 = r0,
        e1 = r1;
      setWide(d0, d1, d2, 0);
      subtract256(e0, e1, 0, 0);
      const across = toDouble();
      // n · Σtx − Σt · Σx
      differenceOf(sums + (row << 4), sumsThen + row * step);
      wideDifferenceOf(now + 24, then + 24);
      multiplyBy(n, r0, r1, r2, r3);
      const n0 = r0,
        n1 = r1,
        n2 = r2,
        n3 = r3;
      multiply128(place, 0, sumLow, sumHigh);
      const s0 = r0,
        s1 = r1,
        s2 = r2,
        s3 = r3;
      setWide(n0, n1, n2, n3);
      subtract256(s0, s1, s2, s3);
      value = scaled(toDouble() / across, low);
    }
    store<f64>(out + (row << 3), value);
  }
}
