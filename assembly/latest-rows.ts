/**
 * History rows as records, in the order in which they come: a mask of what is NULL, then the columns' codes, i64 each. Record 0 is
 * that of a query that sees no row: all of it is NULL.
 */

/** Writes a column into records: `stride` i64 each, `place` is the column's. */
export function layRecords(rows: i32, codes: usize, records: usize, stride: i32, place: i32): void {
  const step = (<usize>stride) << 3;
  let into = records + ((<usize>place) << 3);
  for (let row: usize = 0; row < <usize>rows; row++) {
    store<i64>(into, load<i64>(codes + (row << 3)));
    into += step;
  }
}

/**
 * For each query the number of its record (i32): that of the row before the end of its bounds (end and beginning, i32 each), 0 if
 * there is none. `numbers`: of the rows of the index, i64 each. Without a branch, so that cache misses overlap.
 */
export function latestRecords(queries: i32, bounds: usize, numbers: usize, found: usize): void {
  for (let query: usize = 0; query < <usize>queries; query++) {
    const bound = bounds + (query << 3);
    const row = load<i32>(bound) - 1;
    const isThere = row >= load<i32>(bound, 4);
    const number = load<i32>(numbers + ((<usize>select<i32>(row, 0, isThere)) << 3));
    store<i32>(found + (query << 2), select<i32>(number, 0, isThere));
  }
}

/** A column of the records that the queries found: its codes, and a zero byte in `valid` where it is NULL. */
export function recordValues(queries: i32, found: usize, records: usize, stride: i32, place: i32, out: usize, valid: usize): void {
  const step = (<usize>stride) << 3;
  const bit = <i64>(place - 1);
  for (let query: usize = 0; query < <usize>queries; query++) {
    const record = records + <usize>load<u32>(found + (query << 2)) * step;
    store<i64>(out + (query << 3), load<i64>(record + ((<usize>place) << 3)));
    store<u8>(valid + query, <u8>(~(load<i64>(record) >> bit) & 1));
  }
}
