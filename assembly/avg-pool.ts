/**
 * Means of vectors. A pool holds vectors of `dim` floats, `stride` bytes apart (a multiple of 16, what lies behind `dim` is never
 * told); a position (i32) is a vector's place in it, −1 that of an id which the pool does not have.
 */

/** Vectors that go through a pass together: the sums are loaded and stored once for all of them. */
const TOGETHER: i32 = 4;

/**
 * For the rows [from, to) the mean of the vectors of their lists: summed in double in the order of the list, divided once,
 * rounded once; NaN is the quiet one. `lists`: offset and length of each row's (u64 each) in `positions`. A row without a
 * present vector gets a zero byte in `valid`. `sums`: room for `dim` doubles, rounded up to four. O(positions · dim).
 */
export function avgPool(
  from: i32,
  to: i32,
  lists: usize,
  positions: usize,
  pool: usize,
  stride: usize,
  dim: i32,
  sums: usize,
  out: usize,
  valid: usize,
): void {
  const width = (<usize>dim) << 2;
  for (let row: usize = <usize>from; row < <usize>to; row++) {
    let place = positions + ((<usize>load<u64>(lists + (row << 4))) << 2);
    const end = place + ((<usize>load<u64>(lists + (row << 4), 8)) << 2);
    let count: i32 = 0;
    let waiting: i32 = 0;
    let a: usize = 0,
      b: usize = 0,
      c: usize = 0;
    memory.fill(sums, 0, ((width + 15) & ~15) << 1);
    for (; place < end; place += 4) {
      const position = load<i32>(place);
      if (position < 0) continue;
      const vector = pool + (<usize>position) * stride;
      count++;
      waiting++;
      if (waiting == 1) a = vector;
      else if (waiting == 2) b = vector;
      else if (waiting == 3) c = vector;
      else {
        addFour(a, b, c, vector, sums, width);
        waiting = 0;
      }
    }
    if (waiting > 0) addOne(a, sums, width);
    if (waiting > 1) addOne(b, sums, width);
    if (waiting > 2) addOne(c, sums, width);
    store<u8>(valid + row, count > 0 ? 1 : 0);
    if (count > 0) writeMean(sums, count, dim, out + row * width);
  }
}

/** Copies the vectors at the rows' positions; a row without one gets a zero byte in `valid`. */
export function takeVectors(
  rows: i32,
  positions: usize,
  pool: usize,
  stride: usize,
  dim: i32,
  out: usize,
  valid: usize,
): void {
  const width = (<usize>dim) << 2;
  for (let row: usize = 0; row < <usize>rows; row++) {
    const position = load<i32>(positions + (row << 2));
    store<u8>(valid + row, position < 0 ? 0 : 1);
    if (position >= 0) memory.copy(out + row * width, pool + (<usize>position) * stride, width);
  }
}

// @ts-ignore: decorator
@inline function low(four: v128): v128 {
  return f64x2.promote_low_f32x4(four);
}

// @ts-ignore: decorator
@inline function high(four: v128): v128 {
  return f64x2.promote_low_f32x4(v128.shuffle<i64>(four, four, 1, 1));
}

function addFour(a: usize, b: usize, c: usize, d: usize, sums: usize, width: usize): void {
  let sum = sums;
  for (let at: usize = 0; at < width; at += 16, sum += 32) {
    const first = v128.load(a + at),
      second = v128.load(b + at),
      third = v128.load(c + at),
      fourth = v128.load(d + at);
    let left = v128.load(sum),
      right = v128.load(sum, 16);
    left = f64x2.add(left, low(first));
    right = f64x2.add(right, high(first));
    left = f64x2.add(left, low(second));
    right = f64x2.add(right, high(second));
    left = f64x2.add(left, low(third));
    right = f64x2.add(right, high(third));
    v128.store(sum, f64x2.add(left, low(fourth)));
    v128.store(sum, f64x2.add(right, high(fourth)), 16);
  }
}

function addOne(a: usize, sums: usize, width: usize): void {
  let sum = sums;
  for (let at: usize = 0; at < width; at += 16, sum += 32) {
    const first = v128.load(a + at);
    v128.store(sum, f64x2.add(v128.load(sum), low(first)));
    v128.store(sum, f64x2.add(v128.load(sum, 16), high(first)), 16);
  }
}

/** Rows follow each other without a gap, so what is behind `dim` is not touched: it may be another thread's. */
function writeMean(sums: usize, count: i32, dim: i32, out: usize): void {
  const divisor = f64x2.splat(<f64>count);
  const quiet = f32x4.splat(NaN);
  const whole = dim & ~3;
  let at: i32 = 0;
  for (; at < whole; at += 4) {
    const sum = sums + ((<usize>at) << 3);
    const left = f32x4.demote_f64x2_zero(f64x2.div(v128.load(sum), divisor));
    const right = f32x4.demote_f64x2_zero(f64x2.div(v128.load(sum, 16), divisor));
    const mean = v128.shuffle<i64>(left, right, 0, 2);
    v128.store(out + ((<usize>at) << 2), v128.bitselect(mean, quiet, f32x4.eq(mean, mean)));
  }
  for (; at < dim; at++) {
    const mean = <f32>(load<f64>(sums + ((<usize>at) << 3)) / <f64>count);
    store<f32>(out + ((<usize>at) << 2), mean == mean ? mean : NaN);
  }
}
