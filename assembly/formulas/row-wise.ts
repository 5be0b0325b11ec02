/**
 * What is made of the values of one row: `rows` doubles at `a` (and `b`, `c`) to as many at `out`; a boolean is 0 or 1. What lies
 * under a NULL may be anything. Two rows are done at a time: each column has room for one value more than it has rows.
 */

export function add(rows: i32, a: usize, b: usize, out: usize): void {
  for (let at: usize = 0, end = <usize>rows << 3; at < end; at += 16)
    v128.store(out + at, f64x2.add(v128.load(a + at), v128.load(b + at)));
}
export function subtract(rows: i32, a: usize, b: usize, out: usize): void {
  for (let at: usize = 0, end = <usize>rows << 3; at < end; at += 16)
    v128.store(out + at, f64x2.sub(v128.load(a + at), v128.load(b + at)));
}
export function multiply(rows: i32, a: usize, b: usize, out: usize): void {
  for (let at: usize = 0, end = <usize>rows << 3; at < end; at += 16)
    v128.store(out + at, f64x2.mul(v128.load(a + at), v128.load(b + at)));
}
export function divide(rows: i32, a: usize, b: usize, out: usize): void {
  for (let at: usize = 0, end = <usize>rows << 3; at < end; at += 16)
    v128.store(out + at, f64x2.div(v128.load(a + at), v128.load(b + at)));
}
/** With the sign of the divisor; the remainder of the truncated quotient is exact. */
export function modulo(rows: i32, a: usize, b: usize, out: usize): void {
  for (let at: usize = 0, end = <usize>rows << 3; at < end; at += 8) {
    const divisor = load<f64>(b + at);
    const remainder = load<f64>(a + at) % divisor;
    store<f64>(out + at, remainder != 0 && remainder < 0 != divisor < 0 ? remainder + divisor : remainder);
  }
}
/** C's `pow`. */
export function power(rows: i32, a: usize, b: usize, out: usize): void {
  for (let at: usize = 0, end = <usize>rows << 3; at < end; at += 8) {
    const base = load<f64>(a + at),
      exponent = load<f64>(b + at);
    store<f64>(out + at, powerOf(base, exponent));
  }
}
// @ts-ignore: decorator
@inline function powerOf(base: f64, exponent: f64): f64 {
  if (base == 1 || (base == -1 && abs(exponent) == Infinity)) return 1;
  return Math.pow(base, exponent);
}
export function minimum(rows: i32, a: usize, b: usize, out: usize): void {
  for (let at: usize = 0, end = <usize>rows << 3; at < end; at += 16)
    v128.store(out + at, f64x2.min(v128.load(a + at), v128.load(b + at)));
}
export function maximum(rows: i32, a: usize, b: usize, out: usize): void {
  for (let at: usize = 0, end = <usize>rows << 3; at < end; at += 16)
    v128.store(out + at, f64x2.max(v128.load(a + at), v128.load(b + at)));
}

// @ts-ignore: decorator
@inline function oneWhere(mask: v128): v128 {
  return v128.and(mask, f64x2.splat(1));
}
export function less(rows: i32, a: usize, b: usize, out: usize): void {
  for (let at: usize = 0, end = <usize>rows << 3; at < end; at += 16)
    v128.store(out + at, oneWhere(f64x2.lt(v128.load(a + at), v128.load(b + at))));
}
export function lessEqual(rows: i32, a: usize, b: usize, out: usize): void {
  for (let at: usize = 0, end = <usize>rows << 3; at < end; at += 16)
    v128.store(out + at, oneWhere(f64x2.le(v128.load(a + at), v128.load(b + at))));
}
export function equal(rows: i32, a: usize, b: usize, out: usize): void {
  for (let at: usize = 0, end = <usize>rows << 3; at < end; at += 16)
    v128.store(out + at, oneWhere(f64x2.eq(v128.load(a + at), v128.load(b + at))));
}
export function notEqual(rows: i32, a: usize, b: usize, out: usize): void {
  for (let at: usize = 0, end = <usize>rows << 3; at < end; at += 16)
    v128.store(out + at, oneWhere(f64x2.ne(v128.load(a + at), v128.load(b + at))));
}

export function negate(rows: i32, a: usize, out: usize): void {
  for (let at: usize = 0, end = <usize>rows << 3; at < end; at += 16)
    v128.store(out + at, f64x2.neg(v128.load(a + at)));
}
export function magnitude(rows: i32, a: usize, out: usize): void {
  for (let at: usize = 0, end = <usize>rows << 3; at < end; at += 16)
    v128.store(out + at, f64x2.abs(v128.load(a + at)));
}
export function squareRoot(rows: i32, a: usize, out: usize): void {
  for (let at: usize = 0, end = <usize>rows << 3; at < end; at += 16)
    v128.store(out + at, f64x2.sqrt(v128.load(a + at)));
}
export function floorOf(rows: i32, a: usize, out: usize): void {
  for (let at: usize = 0, end = <usize>rows << 3; at < end; at += 16)
    v128.store(out + at, f64x2.floor(v128.load(a + at)));
}
export function ceilOf(rows: i32, a: usize, out: usize): void {
  for (let at: usize = 0, end = <usize>rows << 3; at < end; at += 16)
    v128.store(out + at, f64x2.ceil(v128.load(a + at)));
}
/** Half to even. */
export function roundOf(rows: i32, a: usize, out: usize): void {
  for (let at: usize = 0, end = <usize>rows << 3; at < end; at += 16)
    v128.store(out + at, f64x2.nearest(v128.load(a + at)));
}
export function signOf(rows: i32, a: usize, out: usize): void {
  for (let at: usize = 0, end = <usize>rows << 3; at < end; at += 8) {
    const x = load<f64>(a + at);
    store<f64>(out + at, x > 0 ? 1 : x < 0 ? -1 : x);
  }
}
export function logarithm(rows: i32, a: usize, out: usize): void {
  for (let at: usize = 0, end = <usize>rows << 3; at < end; at += 8) store<f64>(out + at, Math.log(load<f64>(a + at)));
}
export function exponential(rows: i32, a: usize, out: usize): void {
  for (let at: usize = 0, end = <usize>rows << 3; at < end; at += 8) store<f64>(out + at, Math.exp(load<f64>(a + at)));
}
export function hyperbolicTangent(rows: i32, a: usize, out: usize): void {
  for (let at: usize = 0, end = <usize>rows << 3; at < end; at += 8) store<f64>(out + at, Math.tanh(load<f64>(a + at)));
}
/** True only of 0: any other number, NaN too, counts as True. */
export function isZero(rows: i32, a: usize, out: usize): void {
  for (let at: usize = 0, end = <usize>rows << 3; at < end; at += 16)
    v128.store(out + at, oneWhere(f64x2.eq(v128.load(a + at), f64x2.splat(0))));
}

// Of the validity, a byte a row; 16 rows at a time, there is room.

export function bothValid(rows: i32, a: usize, b: usize, out: usize): void {
  for (let at: usize = 0; at < <usize>rows; at += 16)
    v128.store(out + at, v128.and(v128.load(a + at), v128.load(b + at)));
}
export function isMissing(rows: i32, valid: usize, out: usize, outValid: usize): void {
  for (let row: usize = 0; row < <usize>rows; row++) store<f64>(out + (row << 3), load<u8>(valid + row) ? 0 : 1);
  memory.fill(outValid, 1, rows);
}

/** Three-valued; `whole` is what decides alone: 0 for `and`, 1 for `or`. */
export function logical(
  rows: i32,
  whole: i32,
  a: usize,
  aValid: usize,
  b: usize,
  bValid: usize,
  out: usize,
  outValid: usize,
): void {
  for (let row: usize = 0; row < <usize>rows; row++) {
    const left = <i32>(load<f64>(a + (row << 3)) != 0),
      right = <i32>(load<f64>(b + (row << 3)) != 0),
      hasLeft = load<u8>(aValid + row) != 0,
      hasRight = load<u8>(bValid + row) != 0;
    const decided = (hasLeft && left == whole) || (hasRight && right == whole);
    store<f64>(out + (row << 3), <f64>(decided ? whole : 1 - whole));
    store<u8>(outValid + row, <u8>(decided || (hasLeft && hasRight)));
  }
}

export function choose(
  rows: i32,
  condition: usize,
  conditionValid: usize,
  a: usize,
  aValid: usize,
  b: usize,
  bValid: usize,
  out: usize,
  outValid: usize,
): void {
  for (let row: usize = 0; row < <usize>rows; row++) {
    const first = load<u8>(conditionValid + row) != 0 && load<f64>(condition + (row << 3)) != 0;
    store<f64>(out + (row << 3), load<f64>((first ? a : b) + (row << 3)));
    store<u8>(outValid + row, load<u8>((first ? aValid : bValid) + row));
  }
}

export function firstValid(
  rows: i32,
  a: usize,
  aValid: usize,
  b: usize,
  bValid: usize,
  out: usize,
  outValid: usize,
): void {
  for (let row: usize = 0; row < <usize>rows; row++) {
    const first = load<u8>(aValid + row) != 0;
    store<f64>(out + (row << 3), load<f64>((first ? a : b) + (row << 3)));
    store<u8>(outValid + row, <u8>(first || load<u8>(bValid + row) != 0));
  }
}

/** Bounds that are NULL or NaN do not bound. */
export function clip(
  rows: i32,
  a: usize,
  low: usize,
  lowValid: usize,
  high: usize,
  highValid: usize,
  out: usize,
): void {
  for (let row: usize = 0; row < <usize>rows; row++) {
    let x = load<f64>(a + (row << 3));
    const lo = load<f64>(low + (row << 3)),
      hi = load<f64>(high + (row << 3));
    if (load<u8>(lowValid + row) != 0 && x < lo) x = lo;
    if (load<u8>(highValid + row) != 0 && x > hi) x = hi;
    store<f64>(out + (row << 3), x);
  }
}
