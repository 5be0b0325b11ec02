import { powerOfTwo, scaled } from "./powers";
import { HALF } from "./spreads";

/** Quotients of sums, which are signed integers of two limbs times 2^low, and counts: rounded once. */

/** So many rows can be split from a product of two doubles. */
// @ts-ignore: decorator
@inline const MOST_ROWS: u32 = 1 << 26;

export function meanOf(d0: u64, d1: u64, n: u32, low: i32): f64 {
  // No number on the way leaves the range of normal doubles.
  if (low < -900 || low > 800) return exactMean(d0, d1, n, low);
  return scaled(integerMean(d0, d1, n), low);
}

/** With `low` 0. */
export function integerMean(d0: u64, d1: u64, n: u32): f64 {
  if ((d1 + ((<u64>1) << 40)) >> 41 != 0 || n > MOST_ROWS) return exactMean(d0, d1, n, 0);
  // The sum as two doubles: its halves are doubles, the higher one a multiple of 2^53.
  const count = <f64>n,
    higher = <f64>(<i64>((d1 << 11) | (d0 >> 53))) * 9007199254740992,
    lower = <f64>(<i64>(d0 & 0x1fffffffffffff)),
    sum = higher + lower,
    rest = lower - (sum - higher);
  // What is left of the division: exactly, by the quotient's halves.
  const quotient = sum / count,
    split = quotient * 134217729,
    high = split - (split - quotient),
    left = sum - high * count - (quotient - high) * count,
    more = (left + rest) / count;
  // Nearly always what is to be added decides, whatever its own last bits are.
  const above = quotient + more * (1 + 2 ** -49),
    below = quotient + more * (1 - 2 ** -49);
  return above == below ? above : exactMean(d0, d1, n, 0);
}

function exactMean(d0: u64, d1: u64, n: u32, low: i32): f64 {
  const sign = <u64>(<i64>d1 >> 63),
    m0 = (d0 ^ sign) - sign,
    m1 = (d1 ^ sign) + (sign & <u64>(m0 == 0));
  if ((m0 | m1) == 0) return 0;
  // The sum's highest bit to the top.
  const zeros: i32 = m1 != 0 ? <i32>clz(m1) : 64 + <i32>clz(m0),
    t1 = zeros >= 64 ? m0 << <u64>(zeros - 64) : (m1 << <u64>zeros) | ((m0 >> 1) >> (63 - <u64>zeros)),
    t0 = zeros >= 64 ? 0 : m0 << <u64>zeros;
  const divisor = <u64>n;
  let part = t1 >> 32;
  const q3 = part / divisor;
  part = ((part % divisor) << 32) | (t1 & HALF);
  const q2 = part / divisor;
  part = ((part % divisor) << 32) | (t0 >> 32);
  const q1 = part / divisor;
  part = ((part % divisor) << 32) | (t0 & HALF);
  const high = (q3 << 32) | q2,
    next = (q1 << 32) | (part / divisor),
    // The quotient has more than 96 bits: its higher limb is not 0.
    shift = clz(high),
    rest = (next << shift) | (part % divisor);
  let top = (high << shift) | ((next >> 1) >> (63 - shift));
  const power = 64 - <i32>shift - zeros + low;
  let value: f64;
  if (power + 63 >= -1022) {
    // What is below 64 bits decides only that the value is no tie.
    if (rest != 0) top |= 1;
    value = scaled(<f64>top, power);
  } else {
    const dropped = -1074 - power;
    let kept: u64 = 0;
    if (dropped <= 64) {
      kept = dropped == 64 ? 0 : top >> <u64>dropped;
      const below = dropped == 64 ? top : top << <u64>(64 - dropped),
        half = (<u64>1) << 63;
      if (below > half || (below == half && (rest != 0 || (kept & 1) != 0))) kept++;
    }
    value = <f64>kept * powerOfTwo(-1074);
  }
  return copysign<f64>(value, reinterpret<f64>(d1));
}
