/**
 * The values of the last rows in order, as runs of sorted values that lie in order of one another: to take one in or out moves
 * some of the values of one run, to find one looks for the run and then in it. Runs are as long as there are of them, about; for
 * windows of up to 512 rows there is one. NULLs and NaNs are not in it.
 *
 * State: the number of runs (i32), then, by their order, the largest value of each (f64), its length and which it is (i32 each;
 * behind those in use the free ones), then the runs, each with room for two halves. A full run is split into halves; neighbours
 * that have three quarters of the room together become one.
 */

let state: usize = 0;
let largest: usize = 0;
let lengths: usize = 0;
let places: usize = 0;
let runs: usize = 0;
/** Values of half a run. */
let half: i32 = 0;
let count: i32 = 0;

function halfOf(capacity: i32): i32 {
  let values = 256;
  while (values < 2048 && values * values < capacity) values <<= 1;
  return values;
}
/** Of neighbours that are more than one and a half halves together. */
function mostRuns(capacity: i32): i32 {
  return <i32>((<i64>capacity * 4) / (3 * halfOf(capacity))) + 4;
}
export function orderedBytes(capacity: i32): usize {
  return 16 + <usize>mostRuns(capacity) * (16 + <usize>halfOf(capacity) * 16);
}

function use(address: usize, capacity: i32): void {
  const most = <usize>mostRuns(capacity);
  state = address;
  half = halfOf(capacity);
  count = load<i32>(state);
  largest = state + 16;
  lengths = largest + most * 8;
  places = lengths + most * 4;
  runs = places + most * 4;
}

/** As before the first row. */
export function clearOrdered(address: usize, capacity: i32): void {
  use(address, capacity);
  store<i32>(state, 0);
  for (let run = 0, most = mostRuns(capacity); run < most; run++) store<i32>(places + (<usize>run << 2), run);
}

/** The same in more room. */
export function growOrdered(from: usize, capacity: i32, to: usize, more: i32): void {
  clearOrdered(to, more);
  use(from, capacity);
  const known = count;
  for (let run = 0; run < known; run++) {
    use(from, capacity);
    const at = valuesOf(run),
      length = lengthOf(run);
    use(to, more);
    for (let value = 0; value < length; value++) insert(load<f64>(at + (<usize>value << 3)));
    store<i32>(state, count);
  }
}

// @ts-ignore: decorator
@inline function lengthOf(run: i32): i32 {
  return load<i32>(lengths + (<usize>run << 2));
}
// @ts-ignore: decorator
@inline function setLength(run: i32, length: i32): void {
  store<i32>(lengths + (<usize>run << 2), length);
}
// @ts-ignore: decorator
@inline function setLargest(run: i32, value: f64): void {
  store<f64>(largest + (<usize>run << 3), value);
}
// @ts-ignore: decorator
@inline function valuesOf(run: i32): usize {
  return runs + <usize>load<i32>(places + (<usize>run << 2)) * (<usize>half << 4);
}

/** The first of so many sorted values that is not less than one. */
// @ts-ignore: decorator
@inline function notBelow(at: usize, length: i32, x: f64): i32 {
  let low = 0;
  while (length > 0) {
    const middle = length >> 1,
      isBelow = load<f64>(at + (<usize>(low + middle) << 3)) < x;
    low = isBelow ? low + middle + 1 : low;
    length = isBelow ? length - middle - 1 : middle;
  }
  return low;
}
/** The first of so many sorted values that is above one. */
// @ts-ignore: decorator
@inline function above(at: usize, length: i32, x: f64): i32 {
  let low = 0;
  while (length > 0) {
    const middle = length >> 1,
      isAbove = load<f64>(at + (<usize>(low + middle) << 3)) > x;
    low = isAbove ? low : low + middle + 1;
    length = isAbove ? middle : length - middle - 1;
  }
  return low;
}

/** Room for a run before another. */
function openRun(run: i32): void {
  const after = <usize>(count - run),
    at = <usize>run,
    place = load<i32>(places + (<usize>count << 2));
  memory.copy(largest + ((at + 1) << 3), largest + (at << 3), after << 3);
  memory.copy(lengths + ((at + 1) << 2), lengths + (at << 2), after << 2);
  memory.copy(places + ((at + 1) << 2), places + (at << 2), after << 2);
  store<i32>(places + (at << 2), place);
  count++;
}

function closeRun(run: i32): void {
  count--;
  const after = <usize>(count - run),
    at = <usize>run,
    place = load<i32>(places + (at << 2));
  memory.copy(largest + (at << 3), largest + ((at + 1) << 3), after << 3);
  memory.copy(lengths + (at << 2), lengths + ((at + 1) << 2), after << 2);
  memory.copy(places + (at << 2), places + ((at + 1) << 2), after << 2);
  store<i32>(places + (<usize>count << 2), place);
}

/** Makes one run of it and the next, if they are short enough. */
function join(run: i32): bool {
  if (run < 0 || run + 1 >= count) return false;
  const own = lengthOf(run),
    next = lengthOf(run + 1);
  if (own + next > half + (half >> 1)) return false;
  memory.copy(valuesOf(run) + (<usize>own << 3), valuesOf(run + 1), <usize>next << 3);
  setLength(run, own + next);
  setLargest(run, load<f64>(largest + (<usize>(run + 1) << 3)));
  closeRun(run + 1);
  return true;
}

function split(run: i32): void {
  openRun(run + 1);
  const at = valuesOf(run);
  memory.copy(valuesOf(run + 1), at + (<usize>half << 3), <usize>half << 3);
  setLength(run, half);
  setLength(run + 1, half);
  setLargest(run + 1, load<f64>(largest + (<usize>run << 3)));
  setLargest(run, load<f64>(at + (<usize>(half - 1) << 3)));
  join(run + 1);
  join(run - 1);
}

function insert(x: f64): void {
  if (count == 0) {
    openRun(0);
    setLength(0, 0);
  }
  const run = min(notBelow(largest, count, x), count - 1),
    length = lengthOf(run),
    values = valuesOf(run),
    place = notBelow(values, length, x),
    at = values + (<usize>place << 3);
  memory.copy(at + 8, at, <usize>(length - place) << 3);
  store<f64>(at, x);
  if (place == length) setLargest(run, x);
  setLength(run, length + 1);
  if (length + 1 == half * 2) split(run);
}

/** Of a value that is there. */
function remove(x: f64): void {
  const run = notBelow(largest, count, x),
    length = lengthOf(run) - 1,
    values = valuesOf(run),
    place = notBelow(values, length + 1, x),
    at = values + (<usize>place << 3);
  memory.copy(at, at + 8, <usize>(length - place) << 3);
  setLength(run, length);
  if (length == 0) {
    closeRun(run);
    return;
  }
  if (place == length) setLargest(run, load<f64>(at - 8));
  if (!join(run)) join(run - 1);
}

/** Values of the runs before one. */
function lengthBefore(run: i32): i32 {
  let sums = i32x4.splat(0),
    at = lengths;
  const end = lengths + (<usize>run << 2);
  for (; at + 16 <= end; at += 16) sums = i32x4.add(sums, v128.load(at));
  let sum =
    i32x4.extract_lane(sums, 0) +
    i32x4.extract_lane(sums, 1) +
    i32x4.extract_lane(sums, 2) +
    i32x4.extract_lane(sums, 3);
  for (; at < end; at += 4) sum += load<i32>(at);
  return sum;
}

/** The value at a place, from 0, and the one after it, if there is one. */
let here: f64 = 0;
let after: f64 = 0;
function find(place: i32): void {
  let run = 0;
  for (; run + 16 <= count; run += 16) {
    const at = lengths + (<usize>run << 2),
      sums = i32x4.add(
        i32x4.add(v128.load(at), v128.load(at, 16)),
        i32x4.add(v128.load(at, 32), v128.load(at, 48)),
      ),
      sum =
        i32x4.extract_lane(sums, 0) +
        i32x4.extract_lane(sums, 1) +
        i32x4.extract_lane(sums, 2) +
        i32x4.extract_lane(sums, 3);
    if (place < sum) break;
    place -= sum;
  }
  while (place >= lengthOf(run)) place -= lengthOf(run++);
  const at = valuesOf(run) + (<usize>place << 3);
  here = load<f64>(at);
  if (place + 1 < lengthOf(run)) after = load<f64>(at + 8);
  else if (run + 1 < count) after = load<f64>(valuesOf(run + 1));
}

/** How many values are less than one and how many are not above it, together. */
function countBoth(x: f64): i32 {
  const low = notBelow(largest, count, x),
    high = above(largest, count, x);
  let both = lengthBefore(low) + lengthBefore(high);
  if (low < count) both += notBelow(valuesOf(low), lengthOf(low), x);
  if (high < count) both += above(valuesOf(high), lengthOf(high), x);
  return both;
}

/**
 * Quantile `q` by linear interpolation, or with q < 0 the average rank (from 1) of the row's own value. `valuesThen`, `givenThen`:
 * of the row that leaves the window; `window` 0: none does. `capacity` ≥ the window's rows.
 */
export function slideOrdered(
  rows: i32,
  q: f64,
  window: i32,
  values: usize,
  given: usize,
  valuesThen: usize,
  givenThen: usize,
  tallies: usize,
  talliesThen: usize,
  least: u32,
  address: usize,
  capacity: i32,
  out: usize,
  valid: usize,
): void {
  use(address, capacity);
  const step: usize = window == 0 ? 0 : 16;
  for (let row: usize = 0; row < <usize>rows; row++) {
    if (window != 0 && load<u8>(givenThen + row) != 0) {
      const leaving = load<f64>(valuesThen + (row << 3));
      if (leaving == leaving) remove(leaving);
    }
    const x = load<f64>(values + (row << 3)),
      has = load<u8>(given + row) != 0;
    // −0 and +0 are one value.
    if (has && x == x) insert(x + 0);
    const now = tallies + (row << 4),
      then = talliesThen + row * step;
    const n = load<u32>(now) - load<u32>(then);
    const answered = n >= least && (q >= 0 || has);
    store<u8>(valid + row, <u8>answered);
    if (!answered) continue;
    let answer = NaN;
    if (load<u32>(now, 4) == load<u32>(then, 4)) {
      if (q < 0) answer = (<f64>countBoth(x) + 1) * 0.5;
      else {
        const h = q * <f64>(n - 1),
          k = floor(h),
          f = h - k;
        find(<i32>k);
        answer = here;
        if (f != 0 && here != after) answer = (1 - f) * here + f * after;
      }
    }
    store<f64>(out + (row << 3), answer);
  }
  store<i32>(state, count);
}
