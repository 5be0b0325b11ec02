/**
 * Means of vectors. A pool holds vectors of `dim` floats, `stride` bytes apart (a multiple of 16, what lies behind `dim` is never
 * told); a position (i32) is a vector's place in it, −1 that of an id which the pool does not have.
 */

/** Vectors that go through a pass together: the sums are loaded and stored once for all of them. */
const TOGETHER: i32 = 4;

/** How far the beginning of a list may move from a row to the next for it to count as a window of one sequence. */
const FARTHEST: i32 = 4;

/**
 * For the rows [from, to) the mean of the vectors of their lists: summed in double in the order of the list, divided once,
 * rounded once; NaN is the quiet one. `lists`: offset and length of each row's (u64 each) in `positions`. A row without a
 * present vector gets a zero byte in `valid`. `sums`: room for `dim` doubles, rounded up to four. O(positions · dim).
 *
 * `most`: the largest magnitude in the pool, infinite where it is not known or not finite; `granularity`: of each vector, see
 * `granularities`. Where a list is the one of the row before, with some ids gone at its beginning and some new at its end, its sums
 * are made from those of the row before, if no sum of these vectors in any order can be rounded: then all orders give the same. Else
 * the row is summed anew. Of lists that slide that takes O(rows · dim).
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
  most: f64,
  granularity: usize,
): void {
  const width = (<usize>dim) << 2;
  let before: usize = 0;
  let lengthBefore: i32 = 0;
  /** Vectors in the sums. */
  let present: i32 = 0;
  /** Of all that were added since they were summed anew. */
  let finest: i32 = 0;
  for (let row: usize = <usize>from; row < <usize>to; row++) {
    const place = positions + ((<usize>load<u64>(lists + (row << 4))) << 2);
    const length = <i32>load<u64>(lists + (row << 4), 8);
    const target = out + row * width;
    const gone = row > <usize>from ? goneBetween(before, lengthBefore, place, length) : -1;
    if (gone == 0 && length == lengthBefore) {
      if (present > 0) memory.copy(target, target - width, width);
    } else {
      const kept = lengthBefore - gone;
      let slides = gone >= 0 && (gone + length - kept) << 1 <= length && most < Infinity;
      if (slides) {
        finest = min(finest, finestOf(place + ((<usize>kept) << 2), length - kept, granularity));
        slides = isExact(most, max(length, lengthBefore), finest);
      }
      if (slides) {
        for (let i: i32 = 0; i < gone; i++) {
          const position = load<i32>(before + ((<usize>i) << 2));
          if (position < 0) continue;
          subtractOne(pool + (<usize>position) * stride, sums, width);
          present--;
        }
        for (let i = kept; i < length; i++) {
          const position = load<i32>(place + ((<usize>i) << 2));
          if (position < 0) continue;
          addOne(pool + (<usize>position) * stride, sums, width);
          present++;
        }
      } else {
        present = sumAll(place, length, pool, stride, sums, width);
        finest = most < Infinity ? finestOf(place, length, granularity) : 0;
      }
      if (present > 0) writeMean(sums, present, dim, target);
    }
    store<u8>(valid + row, present > 0 ? 1 : 0);
    before = place;
    lengthBefore = length;
  }
}

/**
 * How many ids of a list are gone at its beginning in the next one, which begins with all others; −1 if it does not, or if too many
 * are gone.
 */
function goneBetween(before: usize, lengthBefore: i32, place: usize, length: i32): i32 {
  for (let gone: i32 = 0; gone <= FARTHEST && gone <= lengthBefore; gone++) {
    const kept = lengthBefore - gone;
    if (kept > length || (kept == 0 && gone > 0)) continue;
    if (areSame(before + ((<usize>gone) << 2), place, kept)) return gone;
  }
  return -1;
}

function areSame(a: usize, b: usize, count: i32): bool {
  let i: i32 = 0;
  for (; i + 2 <= count; i += 2, a += 8, b += 8) if (load<u64>(a) != load<u64>(b)) return false;
  return i == count || load<u32>(a) == load<u32>(b);
}

/** Whether no sum of so many vectors is rounded: all are multiples of a power of two that has 53 bits for the largest. */
function isExact(most: f64, length: i32, finest: i32): bool {
  return most * <f64>(length + 1) <= reinterpret<f64>((<i64>(finest + 53 + 1023)) << 52);
}

/** The least granularity of the list's vectors. */
function finestOf(first: usize, length: i32, granularity: usize): i32 {
  let finest: i32 = 127;
  for (let i: i32 = 0; i < length; i++) {
    const position = load<i32>(first + ((<usize>i) << 2));
    if (position >= 0) finest = min(finest, <i32>load<i16>(granularity + ((<usize>position) << 1)));
  }
  return finest;
}

/** Sums of the list's vectors, in its order; how many there are. */
function sumAll(first: usize, length: i32, pool: usize, stride: usize, sums: usize, width: usize): i32 {
  const end = first + ((<usize>length) << 2);
  let count: i32 = 0;
  let waiting: i32 = 0;
  let a: usize = 0,
    b: usize = 0,
    c: usize = 0;
  memory.fill(sums, 0, ((width + 15) & ~15) << 1);
  for (let place = first; place < end; place += 4) {
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
  return count;
}

/** The largest magnitude of so many vectors; infinite if a value of them is not finite. */
export function largestMagnitude(count: i32, pool: usize, stride: usize, dim: i32): f32 {
  let most: f32 = 0;
  for (let vector: usize = 0; vector < <usize>count; vector++)
    for (let place: usize = 0; place < <usize>dim; place++) {
      const size = abs<f32>(load<f32>(pool + vector * stride + (place << 2)));
      // A NaN is larger than nothing.
      if (!(size <= most)) most = size == size ? size : f32.MAX_VALUE * 2;
    }
  return most;
}

/** Of each vector the exponent (i16) of the largest power of two of which all its values are multiples; they are finite. */
export function granularities(count: i32, pool: usize, stride: usize, dim: i32, out: usize): void {
  for (let vector: usize = 0; vector < <usize>count; vector++) {
    let finest: i32 = 127;
    for (let place: usize = 0; place < <usize>dim; place++) {
      const bits = load<u32>(pool + vector * stride + (place << 2));
      const fraction = bits & 0x7fffff;
      const exponent = <i32>((bits >> 23) & 0xff);
      if (exponent == 0 && fraction == 0) continue;
      const last = exponent == 0 ? -149 : exponent - 150;
      const significand = exponent == 0 ? fraction : fraction | 0x800000;
      finest = min(finest, last + <i32>ctz(significand));
    }
    store<i16>(out + (vector << 1), <i16>finest);
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

function subtractOne(a: usize, sums: usize, width: usize): void {
  let sum = sums;
  for (let at: usize = 0; at < width; at += 16, sum += 32) {
    const first = v128.load(a + at);
    v128.store(sum, f64x2.sub(v128.load(sum), low(first)));
    v128.store(sum, f64x2.sub(v128.load(sum, 16), high(first)), 16);
  }
}
