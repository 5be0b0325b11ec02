/**
 * The least or largest values of the last rows. A ring keeps the values that may still become the extreme, each with its row, in
 * order: whatever comes pushes out what it beats for good. O(1) per row, amortised; NULLs and NaNs are never in it.
 *
 * State: head, length, (u32 each), then the ring: `capacity` (a power of two, above the window) values, then as many rows (u32).
 * `window` 0: all rows so far, a ring of one.
 */
export function slideExtreme(
  rows: i32,
  first: u32,
  largest: i32,
  window: u32,
  values: usize,
  given: usize,
  tallies: usize,
  talliesThen: usize,
  least: u32,
  state: usize,
  capacity: u32,
  out: usize,
  valid: usize,
): void {
  const ring = state + 16,
    numbers = ring + (<usize>capacity << 3),
    mask = capacity - 1,
    step: usize = window == 0 ? 0 : 16;
  let head = load<u32>(state),
    length = load<u32>(state, 4);
  for (let row: usize = 0; row < <usize>rows; row++) {
    const place = first + <u32>row;
    if (window != 0)
      while (length > 0 && place - load<u32>(numbers + (<usize>(head & mask) << 2)) >= window) {
        head++;
        length--;
      }
    const x = load<f64>(values + (row << 3));
    if (load<u8>(given + row) != 0 && x == x) {
      while (length > 0) {
        const last = load<f64>(ring + (<usize>((head + length - 1) & mask) << 3));
        if (largest ? last > x : last < x) break;
        length--;
      }
      if (window != 0 || length == 0) {
        const at = <usize>((head + length) & mask);
        store<f64>(ring + (at << 3), x);
        store<u32>(numbers + (at << 2), place);
        length++;
      }
    }
    const now = tallies + (row << 4),
      then = talliesThen + row * step;
    const count = load<u32>(now) - load<u32>(then);
    store<u8>(valid + row, <u8>(count >= least));
    const nans = load<u32>(now, 4) - load<u32>(then, 4);
    store<f64>(out + (row << 3), nans != 0 || length == 0 ? NaN : load<f64>(ring + (<usize>(head & mask) << 3)));
  }
  store<u32>(state, head);
  store<u32>(state, length, 4);
}
