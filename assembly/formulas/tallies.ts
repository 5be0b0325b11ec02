/**
 * Running counts of a column, 16 bytes a row (u32 each, modulo 2^32): values (no NULLs), NaNs, +Infs, −Infs. The record before
 * that of the first row is the running one so far. A window's counts are the difference of two records. Answers the number of
 * rows after the last one that has no finite value.
 */
export function tally(rows: i32, values: usize, valid: usize, records: usize): i32 {
  const one = i32x4(1, 0, 0, 0);
  let count = v128.load(records - 16);
  if (areFinite(<usize>rows, values, valid)) {
    for (let row: usize = 0; row < <usize>rows; row++) {
      count = i32x4.add(count, one);
      v128.store(records + (row << 4), count);
    }
    return rows;
  }
  let finite: i32 = 0;
  for (let row: usize = 0; row < <usize>rows; row++) {
    finite++;
    if (load<u8>(valid + row) != 0) {
      const x = load<f64>(values + (row << 3));
      count = i32x4.add(count, one);
      if (!isFinite<f64>(x)) {
        finite = 0;
        count = i32x4.add(
          count,
          x == Infinity ? i32x4(0, 0, 1, 0) : x == -Infinity ? i32x4(0, 0, 0, 1) : i32x4(0, 1, 0, 0),
        );
      }
    } else finite = 0;
    v128.store(records + (row << 4), count);
  }
  return finite;
}

/** Whether all rows have a value, and all values are finite. */
function areFinite(rows: usize, values: usize, valid: usize): bool {
  const exponent = i64x2.splat(0x7ff0000000000000);
  let special = i64x2.splat(0),
    row: usize = 0;
  for (; row + 1 < rows; row += 2)
    special = v128.or(special, i64x2.eq(v128.and(v128.load(values + (row << 3)), exponent), exponent));
  if (v128.any_true(special) || (row < rows && !isFinite<f64>(load<f64>(values + (row << 3))))) return false;
  let given = i8x16.splat(1);
  for (row = 0; row + 15 < rows; row += 16) given = v128.and(given, v128.load(valid + row));
  if (!i8x16.all_true(given)) return false;
  for (; row < rows; row++) if (load<u8>(valid + row) == 0) return false;
  return true;
}

/** The number of values so far. */
export function countOf(rows: i32, records: usize, out: usize, outValid: usize): void {
  for (let row: usize = 0; row < <usize>rows; row++) store<f64>(out + (row << 3), <f64>load<u32>(records + (row << 4)));
  memory.fill(outValid, 1, rows);
}
