/** Each value (i64) times a positive factor. Returns the first row whose product i64 does not hold, −1 if there is none. */
export function scaleTicks(rows: i32, values: usize, factor: i64, out: usize): i32 {
  const most = i64.MAX_VALUE / factor;
  for (let row: i32 = 0; row < rows; row++) {
    const value = load<i64>(values + ((<usize>row) << 3));
    if (value > most || value < -most) return row;
    store<i64>(out + ((<usize>row) << 3), value * factor);
  }
  return -1;
}
