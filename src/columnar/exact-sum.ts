/**
 * Exact sums of doubles, rounded once to the nearest double (ties to even), so that the order of the summands, batches and
 * engines cannot matter. The non-overlapping partials are Shewchuk's ("Adaptive precision floating-point arithmetic",
 * 1997), the rounding is that of Python's `math.fsum`; sums that leave the range in between go through integers.
 */

const partials = new Float64Array(64);

/** The sum of `values[from, to)`: NaN if one is NaN or both infinities occur; an exact zero is +0. */
export function exactSum(values: Float64Array, from: number, to: number): number {
  let count = 0;
  for (let index = from; index < to; index++) {
    let x = values[index] as number;
    let kept = 0;
    for (let p = 0; p < count; p++) {
      let y = partials[p] as number;
      if (Math.abs(x) < Math.abs(y)) [x, y] = [y, x];
      const high = x + y;
      const low = y - (high - x);
      if (low !== 0) partials[kept++] = low;
      x = high;
    }
    if (!Number.isFinite(x) || kept >= 63) return specialSum(values, from, to);
    partials[kept] = x;
    count = kept + 1;
  }
  return roundPartials(count);
}

function roundPartials(count: number): number {
  if (count === 0) return 0;
  let n = count - 1;
  let high = partials[n] as number;
  let low = 0;
  while (n > 0) {
    const x = high;
    const y = partials[--n] as number;
    high = x + y;
    low = y - (high - x);
    if (low !== 0) break;
  }
  // Half-way cases: the partials below decide the direction in which the even rounding must be corrected.
  if (n > 0 && ((low < 0 && (partials[n - 1] as number) < 0) || (low > 0 && (partials[n - 1] as number) > 0))) {
    const doubled = low * 2;
    const corrected = high + doubled;
    if (doubled === corrected - high) high = corrected;
  }
  return high === 0 ? 0 : high;
}

/** NaN, infinities, and finite values whose running sum leaves the range of doubles. */
function specialSum(values: Float64Array, from: number, to: number): number {
  let infinite = 0;
  let sum = 0n;
  for (let index = from; index < to; index++) {
    const value = values[index] as number;
    if (Number.isNaN(value)) return Number.NaN;
    if (!Number.isFinite(value)) {
      if (infinite !== 0 && infinite !== value) return Number.NaN;
      infinite = value;
    } else sum += scaledInteger(value);
  }
  return infinite !== 0 ? infinite : ratioToDouble(sum, 1n << 1074n);
}

const bits = new DataView(new ArrayBuffer(8));

/** A finite double times 2^1074: an integer. */
export function scaledInteger(value: number): bigint {
  bits.setFloat64(0, value);
  const word = bits.getBigUint64(0);
  const exponent = Number((word >> 52n) & 0x7ffn);
  const fraction = word & 0xfffffffffffffn;
  const magnitude = exponent === 0 ? fraction : (fraction | (1n << 52n)) << BigInt(exponent - 1);
  return word >> 63n === 1n ? -magnitude : magnitude;
}

/** `numerator / denominator` as the nearest double, ties to even; the denominator is positive. */
export function ratioToDouble(numerator: bigint, denominator: bigint): number {
  if (numerator === 0n) return 0;
  const negative = numerator < 0n;
  const magnitude = negative ? -numerator : numerator;
  // Scale so that the quotient has at least 55 bits, the last of which is made sticky; subnormals keep a half and a sticky bit.
  const shift = 55 - (bitLength(magnitude) - bitLength(denominator));
  const exponent = Math.max(-shift, -1074 - 2);
  const scaledNumerator = exponent < 0 ? magnitude << BigInt(-exponent) : magnitude;
  const scaledDenominator = exponent > 0 ? denominator << BigInt(exponent) : denominator;
  let quotient = scaledNumerator / scaledDenominator;
  if (quotient * scaledDenominator !== scaledNumerator) quotient |= 1n;
  const result = roundBinary(quotient, exponent);
  return negative ? -result : result;
}

/** `quotient · 2^exponent` rounded to nearest even; the lowest bit of the quotient may be sticky. */
function roundBinary(quotient: bigint, exponent: number): number {
  const length = bitLength(quotient);
  const drop = Math.max(length - 53, -1074 - exponent, 0);
  let kept = quotient;
  if (drop > 0) {
    const half = 1n << BigInt(drop - 1);
    const rest = quotient & ((1n << BigInt(drop)) - 1n);
    kept = quotient >> BigInt(drop);
    if (rest > half || (rest === half && (kept & 1n) === 1n)) kept += 1n;
  }
  // Two exact steps: no power of two beyond the range of doubles is formed.
  const power = exponent + drop;
  const first = Math.max(Math.min(power, 971), -1022);
  return Number(kept) * 2 ** first * 2 ** (power - first);
}

function bitLength(value: bigint): number {
  const hex = value.toString(16);
  return hex.length * 4 - (Math.clz32(Number.parseInt(hex[0] as string, 16)) - 28);
}
