import { multiply128, multiplyBy, r0, r1, r2, r3, setWide, subtract256, toDouble } from "./integers";

/**
 * What variances and covariances are made of: n times a sum of products, less a product of sums. Exact integers, rounded once to
 * a double.
 */

// @ts-ignore: decorator
@inline export const HALF: u64 = 0xffffffff;

/** An unsigned integer of 192 bits as the nearest double. */
// @ts-ignore: decorator
@inline export function doubleOf(d0: u64, d1: u64, d2: u64): f64 {
  if ((d1 | d2) == 0) return <f64>d0;
  let top = d1,
    next = d0,
    rest: u64 = 0,
    power = 64;
  if (d2 != 0) {
    top = d2;
    next = d1;
    rest = d0;
    power = 128;
  }
  const zeros = clz(top);
  // A shift by 64 would be one by 0.
  top = (top << zeros) | ((next >> 1) >> (63 - zeros));
  top |= <u64>(((next << zeros) | rest) != 0);
  return <f64>top * reinterpret<f64>((<u64>(power - <i32>zeros + 1023)) << 52);
}

/**
 * n · squares − sum² as the nearest double. Nearly all sums have fewer than 95 bits, and squares than 160: then products of
 * halves of limbs do.
 */
// @ts-ignore: decorator
@inline export function spread(count: u64, s0: u64, s1: u64, q0: u64, q1: u64, q2: u64, q3: u64): f64 {
  if (<i64>s1 < 0) {
    s0 = -s0;
    s1 = ~s1 + <u64>(s0 == 0);
  }
  if ((s1 >> 31) | (q2 >> 32) | q3) return wideSpread(count, s0, s1, q0, q1, q2, q3);
  let low = (q0 & HALF) * count,
    high = (q0 >> 32) * count;
  const n0 = low + (high << 32);
  let carry = (high >> 32) + <u64>(n0 < low);
  low = (q1 & HALF) * count;
  high = (q1 >> 32) * count;
  const partial = low + (high << 32),
    n1 = partial + carry;
  const n2 = q2 * count + (high >> 32) + <u64>(partial < low) + <u64>(n1 < partial);
  const l = s0 & HALF,
    h = s0 >> 32,
    ll = l * l,
    lh = l * h;
  const x0 = ll + (lh << 33);
  let x1 = h * h + (lh >> 31) + <u64>(x0 < ll);
  low = l * s1;
  high = h * s1;
  const twice = low + (high << 32);
  const over = (((high >> 32) + <u64>(twice < low)) << 1) | (twice >> 63);
  const doubled = twice << 1;
  x1 += doubled;
  const x2 = s1 * s1 + over + <u64>(x1 < doubled);
  const d0 = n0 - x0;
  carry = <u64>(n0 < x0);
  const between = n1 - x1,
    d1 = between - carry;
  carry = <u64>(n1 < x1) | <u64>(between < carry);
  return doubleOf(d0, d1, n2 - x2 - carry);
}

function wideSpread(count: u64, s0: u64, s1: u64, q0: u64, q1: u64, q2: u64, q3: u64): f64 {
  multiplyBy(count, q0, q1, q2, q3);
  const n0 = r0,
    n1 = r1,
    n2 = r2,
    n3 = r3;
  multiply128(s0, s1, s0, s1);
  const x0 = r0,
    x1 = r1,
    x2 = r2,
    x3 = r3;
  setWide(n0, n1, n2, n3);
  subtract256(x0, x1, x2, x3);
  return toDouble();
}

/** n · products − sum · sum as the nearest double. */
// @ts-ignore: decorator
@inline export function together(count: u64, a0: u64, a1: u64, b0: u64, b1: u64, p0: u64, p1: u64, p2: u64, p3: u64): f64 {
  // As in `spread`: magnitudes of fewer than 95 bits, and of 160.
  const aLimb = <u64>(<i64>a1 >> 31),
    bLimb = <u64>(<i64>b1 >> 31),
    pLimb = <u64>(<i64>p2 >> 32);
  if (aLimb + 1 > 1 || bLimb + 1 > 1 || pLimb + 1 > 1 || pLimb != p3)
    return wideTogether(count, a0, a1, b0, b1, p0, p1, p2, p3);
  // Two's complement throughout: the lowest limbs unsigned, the highest signed.
  let low = (p0 & HALF) * count,
    high = (p0 >> 32) * count;
  const n0 = low + (high << 32);
  let carry = (high >> 32) + <u64>(n0 < low);
  low = (p1 & HALF) * count;
  high = (p1 >> 32) * count;
  const partial = low + (high << 32),
    n1 = partial + carry;
  const n2 = p2 * count + (high >> 32) + <u64>(partial < low) + <u64>(n1 < partial);
  const al = a0 & HALF,
    ah = a0 >> 32,
    bl = b0 & HALF,
    bh = b0 >> 32;
  low = al * bl;
  const middle = ah * bl + (low >> 32),
    other = al * bh + (middle & HALF);
  const x0 = (other << 32) | (low & HALF);
  let x1 = ah * bh + (middle >> 32) + (other >> 32),
    x2 = a1 * b1;
  // a0 · b1 and a1 · b0, of 64 unsigned and 32 signed bits.
  low = al * b1;
  let next = ah * b1 + <u64>(<i64>low >> 32);
  let part = (next << 32) | (low & HALF);
  x1 += part;
  x2 += <u64>(<i64>next >> 32) + <u64>(x1 < part);
  low = bl * a1;
  next = bh * a1 + <u64>(<i64>low >> 32);
  part = (next << 32) | (low & HALF);
  x1 += part;
  x2 += <u64>(<i64>next >> 32) + <u64>(x1 < part);
  let d0 = n0 - x0;
  carry = <u64>(n0 < x0);
  const between = n1 - x1;
  let d1 = between - carry;
  carry = <u64>(n1 < x1) | <u64>(between < carry);
  let d2 = n2 - x2 - carry;
  if (<i64>d2 >= 0) return doubleOf(d0, d1, d2);
  d0 = -d0;
  carry = <u64>(d0 == 0);
  d1 = ~d1 + carry;
  d2 = ~d2 + <u64>(carry != 0 && d1 == 0);
  return -doubleOf(d0, d1, d2);
}

function wideTogether(count: u64, a0: u64, a1: u64, b0: u64, b1: u64, p0: u64, p1: u64, p2: u64, p3: u64): f64 {
  multiplyBy(count, p0, p1, p2, p3);
  const n0 = r0,
    n1 = r1,
    n2 = r2,
    n3 = r3;
  multiply128(a0, a1, b0, b1);
  const x0 = r0,
    x1 = r1,
    x2 = r2,
    x3 = r3;
  setWide(n0, n1, n2, n3);
  subtract256(x0, x1, x2, x3);
  return toDouble();
}
