/**
 * The least or largest values of the last rows, at the same cost for any window (van Herk, Gil and Werman): rows are cut into
 * segments as long as the window, which so lies in two of them. The extreme of its later part is the running one of the segment;
 * those of the earlier part, from each row to the segment's end, are made when the segment ends. NULLs and NaNs count as what
 * any value beats; of values that are equal (0 and −0) the latest is told.
 *
 * State: the place in the segment, whether there is a segment before it (u32 each), the running extreme, then `window` values:
 * the segment's own up to its place, the extremes of the one before from there on. `window` 0: all rows so far, in one segment.
 * `full`: all values of all windows are finite, else 0.
 */
export function slideExtreme(
  rows: i32,
  largest: i32,
  window: i32,
  values: usize,
  given: usize,
  tallies: usize,
  talliesThen: usize,
  least: u32,
  full: i32,
  state: usize,
  out: usize,
  valid: usize,
): void {
  // The least is what the largest is of the numbers with their signs turned.
  const turn = i64x2.splat(largest ? 0 : <i64>1 << 63),
    ring = state + 16,
    length: usize = window == 0 ? <usize>i32.MAX_VALUE : <usize>window;
  if (!full) onlyValues(rows, values, given, largest, out);
  const from = full ? values : out;
  let place: usize = load<u32>(state),
    running = v128.load64_splat(state + 8);
  for (let row: usize = 0; row < <usize>rows; ) {
    const begin = row,
      end = min(<usize>rows, row + length - place),
      // What is told of the row at the place 0.
      before = load<u32>(state, 4) ? ring + 8 : 0,
      own: usize = window == 0 ? 0 : ring;
    // Of the segment's last row nothing lies in the one before.
    const pairs = before == 0 ? end : min(end, begin + max(length - 1, place) - place);
    for (; row + 1 < pairs; row += 2, place += 2) {
      const x = v128.xor(v128.load(from + (row << 3)), turn);
      running = f64x2.pmax(f64x2.pmax(x, v128.shuffle<f64>(nothing(), x, 0, 2)), running);
      const best = before == 0 ? running : f64x2.pmax(running, v128.load(before + (place << 3)));
      if (own) v128.store(own + (place << 3), x);
      v128.store(out + (row << 3), v128.xor(best, turn));
      running = v128.shuffle<f64>(running, running, 1, 1);
    }
    for (; row < end; row++, place++) {
      const x = v128.xor(v128.load64_splat(from + (row << 3)), turn);
      running = f64x2.pmax(x, running);
      const best =
        before == 0 || place + 1 == length
          ? running
          : f64x2.pmax(running, v128.load64_splat(before + (place << 3)));
      if (own) v128.store64_lane(own + (place << 3), x, 0);
      v128.store64_lane(out + (row << 3), v128.xor(best, turn), 0);
    }
    if (place == length) {
      endSegment(ring, length);
      place = 0;
      store<u32>(state, 1, 4);
      running = nothing();
    }
  }
  store<u32>(state, <u32>place);
  v128.store64_lane(state + 8, running, 0);
  if (full) memory.fill(valid, 1, rows);
  else judge(rows, tallies, talliesThen, window == 0 ? 0 : 16, least, out, valid);
}

// @ts-ignore: decorator
@inline function nothing(): v128 {
  return f64x2.splat(-Infinity);
}

/** The values; for NULLs and NaNs, what any value beats. */
function onlyValues(rows: i32, values: usize, given: usize, largest: i32, out: usize): void {
  const beaten = largest ? -Infinity : Infinity;
  for (let row: usize = 0; row < <usize>rows; row++) {
    const x = load<f64>(values + (row << 3));
    store<f64>(out + (row << 3), load<u8>(given + row) == 0 || x != x ? beaten : x);
  }
}

/** Of each row of the segment, the extreme from it to the segment's end. */
function endSegment(ring: usize, length: usize): void {
  let best = nothing(),
    at = ring + (length << 3);
  for (; at >= ring + 16; at -= 16) {
    const x = v128.load(at - 16);
    best = f64x2.pmax(best, f64x2.pmax(v128.shuffle<f64>(x, nothing(), 1, 2), x));
    v128.store(at - 16, best);
    best = v128.shuffle<f64>(best, best, 0, 0);
  }
  if (at > ring) v128.store64_lane(ring, f64x2.pmax(best, v128.load64_splat(ring)), 0);
}

/** NULL where there are too few values, NaN where one is NaN or there are none. */
function judge(
  rows: i32,
  tallies: usize,
  talliesThen: usize,
  step: usize,
  least: u32,
  out: usize,
  valid: usize,
): void {
  for (let row: usize = 0; row < <usize>rows; row++) {
    const now = tallies + (row << 4),
      then = talliesThen + row * step;
    const count = load<u32>(now) - load<u32>(then);
    store<u8>(valid + row, <u8>(count >= least));
    if (load<u32>(now, 4) != load<u32>(then, 4) || count == 0) store<f64>(out + (row << 3), NaN);
  }
}
