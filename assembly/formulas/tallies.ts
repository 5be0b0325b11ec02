/**
 * Running counts of a column, 16 bytes a row (u32 each, modulo 2^32): values (no NULLs), NaNs, +Infs, −Infs. The record before
 * that of the first row is the running one so far. A window's counts are the difference of two records.
 */
export function tally(rows: i32, values: usize, valid: usize, records: usize): void {
  let count = v128.load(records - 16);
  for (let row: usize = 0; row < <usize>rows; row++) {
    if (load<u8>(valid + row) != 0) {
      const x = load<f64>(values + (row << 3));
      count = i32x4.add(count, i32x4(1, 0, 0, 0));
      if (!isFinite<f64>(x))
        count = i32x4.add(
          count,
          x == Infinity ? i32x4(0, 0, 1, 0) : x == -Infinity ? i32x4(0, 0, 0, 1) : i32x4(0, 1, 0, 0),
        );
    }
    v128.store(records + (row << 4), count);
  }
}

/** The number of values so far. */
export function countOf(rows: i32, records: usize, out: usize, outValid: usize): void {
  for (let row: usize = 0; row < <usize>rows; row++) store<f64>(out + (row << 3), <f64>load<u32>(records + (row << 4)));
  memory.fill(outValid, 1, rows);
}

/** Values that both columns have. */
export function maskValid(rows: i32, a: usize, b: usize, out: usize): void {
  for (let row: usize = 0; row < <usize>rows; row++) store<u8>(out + row, load<u8>(a + row) & load<u8>(b + row));
}
