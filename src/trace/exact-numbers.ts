/** Exact arithmetic, naively: everything is a ratio of two integers until the one rounding at the end. */

/** n / d (d > 0) rounded to `bits` significant bits, none below 2^least; ties to even. Exact as a double for bits <= 53. */
function rounded(n: bigint, d: bigint, bits: number, least: number): number {
  if (n === 0n) return 0;
  if (n < 0n) return -rounded(-n, d, bits, least);
  // The unit of the last place: the largest power of two that leaves at least `bits` bits, then corrected by one if too many.
  let unit = Math.max(n.toString(2).length - d.toString(2).length - bits, least);
  if (roundedDown(n, d, unit) >= 1n << BigInt(bits)) unit += 1;
  const [numerator, denominator] = unit < 0 ? [n << BigInt(-unit), d] : [n, d << BigInt(unit)];
  const whole = numerator / denominator;
  const twiceRest = 2n * (numerator - whole * denominator);
  const up = twiceRest > denominator || (twiceRest === denominator && whole % 2n === 1n);
  return Number(up ? whole + 1n : whole) * 2 ** unit;
}

function roundedDown(n: bigint, d: bigint, unit: number): bigint {
  return unit < 0 ? (n << BigInt(-unit)) / d : n / (d << BigInt(unit));
}

/** n / d (d > 0) as the nearest DOUBLE. */
export function nearestQuotient(n: bigint, d: bigint): number {
  return rounded(n, d, 53, -1074);
}

/** The integer as the nearest DOUBLE. */
export function nearestDouble(n: bigint): number {
  return rounded(n, 1n, 53, -1074);
}

/** The integer as the nearest FLOAT. */
export function nearestFloat(n: bigint): number {
  return Math.fround(rounded(n, 1n, 24, -149));
}

const UNITS_PER_ONE = 1n << 1074n;

/** A finite double as a whole number of 2^−1074, which every double is. */
function inUnits(value: number): bigint {
  let scaled = value;
  let shift = 1074;
  // Dividing by powers of two is exact until the fraction is gone, which it is after at most 1074 doublings.
  while (!Number.isInteger(scaled)) {
    scaled *= 2;
    shift -= 1;
  }
  return BigInt(scaled) << BigInt(shift);
}

/** The exact sum, rounded once; an exact 0 is +0. NaN, or both infinities, give NaN. */
export function exactSum(values: readonly number[]): number {
  const infinite = values.filter((value) => !Number.isFinite(value));
  if (infinite.length > 0) return infinite.every((value) => value === infinite[0]) ? (infinite[0] ?? 0) : Number.NaN;
  let total = 0n;
  for (const value of values) total += inUnits(value);
  return nearestQuotient(total, UNITS_PER_ONE);
}
