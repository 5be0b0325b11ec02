/** Exact arithmetic by BigInt, rounded once: what `sum`, `mean` and ages promise. */

function bitLength(n: bigint): number {
  return n.toString(2).length;
}

/** The number with `precision` significant bits, and none below 2^`lowest`, that is nearest to n / d; ties to even. */
function nearest(n: bigint, d: bigint, precision: number, lowest: number): number {
  if (n === 0n) return 0;
  const negative = n < 0n !== d < 0n;
  const numerator = n < 0n ? -n : n;
  const denominator = d < 0n ? -d : d;
  let exponent = bitLength(numerator) - bitLength(denominator); // 2^exponent <= n/d, or one too large
  if (scaled(numerator, -exponent) < scaled(denominator, exponent)) exponent--;
  const unit = Math.max(exponent - precision + 1, lowest);
  const top = scaled(numerator, -unit);
  const bottom = scaled(denominator, unit);
  let mantissa = top / bottom;
  const twice = 2n * (top % bottom);
  if (twice > bottom || (twice === bottom && mantissa % 2n === 1n)) mantissa++;
  const magnitude = Number(mantissa) * 2 ** unit;
  return negative ? -magnitude : magnitude;
}

function scaled(n: bigint, shift: number): bigint {
  return shift > 0 ? n << BigInt(shift) : n;
}

/** n / d as the nearest DOUBLE. */
export function quotient(n: bigint, d: bigint): number {
  return nearest(n, d, 53, -1074);
}

/** The integer as the nearest FLOAT. */
export function nearestFloat(n: bigint): number {
  return Math.fround(nearest(n, 1n, 24, -149));
}

/** A finite double times 2^1074: an integer. */
export function scaledDouble(x: number): bigint {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, x);
  const bits = view.getBigUint64(0);
  const exponent = (bits >> 52n) & 0x7ffn;
  const fraction = bits & 0xfffffffffffffn;
  const magnitude = exponent === 0n ? fraction : (fraction | 0x10000000000000n) << (exponent - 1n);
  return bits >> 63n === 1n ? -magnitude : magnitude;
}

/** The exact sum, rounded once; an exact 0 is +0; NaN, or +Inf with −Inf, give NaN. */
export function exactSum(values: readonly number[]): number {
  const infinities = new Set(values.filter((x) => !Number.isFinite(x)));
  if (infinities.has(Number.NaN) || infinities.size === 2) return Number.NaN;
  for (const infinity of infinities) return infinity;
  return quotient(
    values.reduce((sum, x) => sum + scaledDouble(x), 0n),
    1n << 1074n,
  );
}

/** The exact sum ÷ the number of values, rounded once; infinities and NaN as in sums. */
export function exactMean(values: readonly number[]): number {
  if (!values.every(Number.isFinite)) return exactSum(values);
  return quotient(
    values.reduce((sum, x) => sum + scaledDouble(x), 0n),
    BigInt(values.length) << 1074n,
  );
}
