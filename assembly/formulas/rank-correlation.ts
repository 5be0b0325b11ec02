/**
 * Spearman's correlation: Pearson's of the average ranks of the rows where both have a value. Each row changes the others' ranks:
 * O(window) per row. State: head, length (u32), then per row of the ring (`capacity` ≥ the window): x, y (f64), twice the ranks of
 * both (i32 each), the row (u32), 4 bytes unused.
 */
export function slideRankCorrelation(
  rows: i32,
  first: u32,
  window: u32,
  x: usize,
  xGiven: usize,
  y: usize,
  yGiven: usize,
  xTallies: usize,
  xTalliesThen: usize,
  yTallies: usize,
  yTalliesThen: usize,
  least: u32,
  state: usize,
  capacity: u32,
  out: usize,
  valid: usize,
): void {
  const step: usize = window == 0 ? 0 : 16,
    ring = state + 16;
  let head = load<u32>(state),
    length = load<u32>(state, 4);
  for (let row: usize = 0; row < <usize>rows; row++) {
    const place = first + <u32>row;
    if (window != 0)
      while (length > 0 && place - load<u32>(ring + <usize>(head % capacity) * 32, 24) >= window) {
        const gone = ring + <usize>(head % capacity) * 32;
        head++;
        length--;
        weigh(ring, head, length, capacity, load<f64>(gone), load<f64>(gone, 8), -1);
      }
    const a = load<f64>(x + (row << 3)),
      b = load<f64>(y + (row << 3));
    if (load<u8>(xGiven + row) != 0 && load<u8>(yGiven + row) != 0 && a == a && b == b) {
      const own = ring + <usize>((head + length) % capacity) * 32;
      weigh(ring, head, length, capacity, a, b, 1);
      store<f64>(own, a);
      store<f64>(own, b, 8);
      store<i32>(own, heavierX, 16);
      store<i32>(own, heavierY, 20);
      store<u32>(own, place, 24);
      length++;
    }
    const now = xTallies + (row << 4),
      then = xTalliesThen + row * step,
      count = load<u32>(now) - load<u32>(then);
    store<u8>(valid + row, <u8>(count >= least));
    if (count < least) continue;
    const nans =
      load<u32>(now, 4) -
      load<u32>(then, 4) +
      (load<u32>(yTallies + (row << 4), 4) - load<u32>(yTalliesThen + row * step, 4));
    store<f64>(out + (row << 3), nans != 0 ? NaN : rankCorrelation(ring, head, length, capacity));
  }
  store<u32>(state, head);
  store<u32>(state, length, 4);
}

let heavierX: i32 = 0;
let heavierY: i32 = 0;

/** A pair comes (`sign` 1) or has gone (−1): the ranks of the others change; `heavier`: twice its own. */
function weigh(ring: usize, head: u32, length: u32, capacity: u32, a: f64, b: f64, sign: i32): void {
  let ownX = 2,
    ownY = 2;
  for (let i: u32 = 0; i < length; i++) {
    const at = ring + <usize>((head + i) % capacity) * 32,
      x = load<f64>(at),
      y = load<f64>(at, 8);
    // 2 if it is above, 1 if it is equal.
    const aboveX = <i32>(x > a) * 2 + <i32>(x == a),
      aboveY = <i32>(y > b) * 2 + <i32>(y == b);
    store<i32>(at, load<i32>(at, 16) + sign * aboveX, 16);
    store<i32>(at, load<i32>(at, 20) + sign * aboveY, 20);
    ownX += 2 - aboveX;
    ownY += 2 - aboveY;
  }
  heavierX = ownX;
  heavierY = ownY;
}

function rankCorrelation(ring: usize, head: u32, length: u32, capacity: u32): f64 {
  let xx: i64 = 0,
    yy: i64 = 0,
    xy: i64 = 0;
  // The mean of twice the ranks is n + 1.
  const mean = <i64>length + 1;
  for (let i: u32 = 0; i < length; i++) {
    const at = ring + <usize>((head + i) % capacity) * 32,
      x = <i64>load<i32>(at, 16) - mean,
      y = <i64>load<i32>(at, 20) - mean;
    xx += x * x;
    yy += y * y;
    xy += x * y;
  }
  if (xx == 0 || yy == 0) return NaN;
  return max<f64>(-1, min<f64>(1, <f64>xy / (sqrt(<f64>xx) * sqrt(<f64>yy))));
}
