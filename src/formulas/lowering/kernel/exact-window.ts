import { ratioToDouble, scaledInteger } from "../../../columnar/exact-sum.js";

/** What sums there are: up to which power of x, with rows' numbers, of pairs. */
export interface ExactSums {
  readonly powers: 1 | 2 | 4;
  readonly places?: boolean;
  readonly pairs?: boolean;
}

/**
 * Sums over a window in integers of any size, in units of 2^low and its powers: for skewness and kurtosis, and for columns whose
 * values lie too far apart for the kernels' integers. Its values are exact but for one rounding (two with a square root).
 */
export class ExactWindow {
  n = 0n;
  x = 0n;
  y = 0n;
  xx = 0n;
  yy = 0n;
  xy = 0n;
  xxx = 0n;
  xxxx = 0n;
  /** Rows' numbers, their squares, and their products with x. */
  t = 0n;
  tt = 0n;
  tx = 0n;

  constructor(
    private readonly sums: ExactSums,
    /** Values of x and y are multiples of these powers of two. */
    private lowX: number,
    private lowY: number = lowX,
  ) {}

  /** The sum begins with so much. */
  begin(value: number): void {
    this.x += integerOf(value, this.lowX);
  }

  /** Lower units from here on. */
  sink(lowX: number, lowY: number = lowX): void {
    const [bits, bitsY] = [BigInt(Math.max(0, this.lowX - lowX)), BigInt(Math.max(0, this.lowY - lowY))];
    if (bits === 0n && bitsY === 0n) return;
    this.x <<= bits;
    this.xx <<= 2n * bits;
    this.xxx <<= 3n * bits;
    this.xxxx <<= 4n * bits;
    this.tx <<= bits;
    this.y <<= bitsY;
    this.yy <<= 2n * bitsY;
    this.xy <<= bits + bitsY;
    this.lowX -= Number(bits);
    this.lowY -= Number(bitsY);
  }

  /** A row comes (`sign` 1) or leaves (−1); what is not finite is counted elsewhere, and is no part of the sums. */
  change(sign: 1 | -1, x: number, y: number, row: number): void {
    const times = BigInt(sign);
    this.n += times;
    const a = integerOf(x, this.lowX);
    this.x += times * a;
    if (this.sums.powers >= 2) this.xx += times * a * a;
    if (this.sums.powers === 4) {
      this.xxx += times * a * a * a;
      this.xxxx += times * a * a * a * a;
    }
    if (this.sums.pairs) {
      const b = integerOf(y, this.lowY);
      this.y += times * b;
      this.yy += times * b * b;
      this.xy += times * a * b;
    }
    if (this.sums.places) {
      const place = BigInt(row);
      this.t += times * place;
      this.tt += times * place * place;
      this.tx += times * place * a;
    }
  }

  // What follows is rounded as the kernels round: whether a window's sums fit theirs depends on more than its own rows.

  sum(): number {
    const [mantissa, power] = leading(this.x);
    return times(mantissa, power + this.lowX);
  }

  mean(): number {
    const shift = BigInt(Math.abs(this.lowX));
    return this.lowX < 0 ? ratioToDouble(this.x, this.n << shift) : ratioToDouble(this.x << shift, this.n);
  }

  /** n · Σx² − (Σx)². */
  get #spread(): bigint {
    return this.n * this.xx - this.x * this.x;
  }

  get #freedom(): number {
    const n = Number(this.n);
    return n * (n - 1);
  }

  variance(): number {
    const [mantissa, power] = leading(this.#spread);
    return times(mantissa / this.#freedom, power + 2 * this.lowX);
  }

  deviation(): number {
    const [mantissa, power] = leading(this.#spread);
    return times(Math.sqrt(mantissa / this.#freedom), power / 2 + this.lowX);
  }

  score(x: number): number {
    const [scale, scalePower] = leading(this.#spread);
    if (scale === 0) return Number.NaN;
    const [distance, power] = leading(this.n * integerOf(x, this.lowX) - this.x);
    const n = Number(this.n);
    return times(distance / Math.sqrt(scale * (n / (n - 1))), power - scalePower / 2);
  }

  covariance(): number {
    const [mantissa, power] = leading(this.n * this.xy - this.x * this.y);
    return times(mantissa / this.#freedom, power + this.lowX + this.lowY);
  }

  correlation(): number {
    const [x, xPower] = leading(this.#spread);
    const [y, yPower] = leading(this.n * this.yy - this.y * this.y);
    const scale = Math.sqrt(y) * Math.sqrt(x);
    if (scale === 0) return Number.NaN;
    const [mantissa, power] = leading(this.n * this.xy - this.x * this.y);
    return Math.max(-1, Math.min(1, times(mantissa / scale, power - (xPower + yPower) / 2)));
  }

  slope(): number {
    const [across, acrossPower] = leading(this.n * this.tt - this.t * this.t);
    const [mantissa, power] = leading(this.n * this.tx - this.t * this.x);
    return times(mantissa / across, power - acrossPower + this.lowX);
  }

  skewness(): number {
    const [scale, scalePower] = leading(this.#spread);
    if (scale === 0) return Number.NaN;
    const { n, x, xx, xxx } = this;
    const [third, power] = leading(n * n * xxx - 3n * n * x * xx + 2n * x * x * x);
    return times(third / (scale * Math.sqrt(scale)), power - scalePower * 1.5);
  }

  kurtosis(): number {
    const [scale, scalePower] = leading(this.#spread);
    if (scale === 0) return Number.NaN;
    const { n, x, xx, xxx, xxxx } = this;
    const [fourth, power] = leading(n * n * n * xxxx - 4n * n * n * x * xxx + 6n * n * x * x * xx - 3n * x * x * x * x);
    return times(fourth / (scale * scale), power - scalePower * 2) - 3;
  }
}

/** A finite double divided by a power of two of which it is a multiple; 0 for any other. */
function integerOf(x: number, low: number): bigint {
  return Number.isFinite(x) ? scaledInteger(x) >> BigInt(low + 1074) : 0n;
}

/** An integer as the nearest double: a number of at most 64 bits, and an even power of two. */
function leading(integer: bigint): readonly [mantissa: number, power: number] {
  const negative = integer < 0n;
  const magnitude = negative ? -integer : integer;
  const surplus = magnitude.toString(16).length * 4 - 64;
  if (surplus <= 0) return [Number(integer), 0];
  const kept = magnitude >> BigInt(surplus);
  // What is below decides only that the value is no tie.
  const rest = kept << BigInt(surplus) === magnitude ? 0n : 1n;
  const mantissa = Number(kept | rest);
  return [negative ? -mantissa : mantissa, surplus];
}

/** value · 2^power, rounded once. */
function times(value: number, power: number): number {
  if (power > 900) return value * 2 ** 900 * 2 ** (power - 900);
  return power < -900 ? value * 2 ** -900 * 2 ** (power + 900) : value * 2 ** power;
}
