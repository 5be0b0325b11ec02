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

/** Rows of an index with their records' numbers beside their times, i64 each: one cache line has both. */
export function pairRows(rows: i32, times: usize, numbers: usize, pairs: usize): void {
  for (let row: usize = 0; row < <usize>rows; row++) {
    store<i64>(pairs + (row << 4), load<i64>(times + (row << 3)));
    store<i64>(pairs + (row << 4), load<i64>(numbers + (row << 3)), 8);
  }
}

/** Queries that go through a pass together: their cache misses overlap. */
const TOGETHER: i32 = 1024;
/** Somewhere for what is only read, so that it is read. */
let touched: i64 = 0;

/**
 * For each query the number of its record (i32): that of the last row of its group with a time before its own, 0 if there is
 * none. `found`: the queries' groups (i32; −1: none), in whose place the numbers are written. O(log(rows of the group)).
 */
export function latestRecords(queries: i32, times: usize, found: usize, starts: usize, pairs: usize): void {
  for (let first: i32 = 0; first < queries; first += TOGETHER) {
    const end = min(first + TOGETHER, queries);
    touched = touch(first, end, found, starts, pairs);
    for (let query: usize = <usize>first; query < <usize>end; query++) {
      const group = load<i32>(found + (query << 2));
      if (group < 0) {
        store<i32>(found + (query << 2), 0);
        continue;
      }
      const time = load<i64>(times + (query << 3));
      let low = load<i32>(starts + ((<usize>group) << 2));
      const begin = low;
      // Halving without a branch: what it would wait for cannot be foretold.
      for (let count = load<i32>(starts + ((<usize>group) << 2), 4) - low; count > 0; ) {
        const half = count >>> 1;
        const isBefore = load<i64>(pairs + ((<usize>(low + half)) << 4)) < time;
        low = select<i32>(low + half + 1, low, isBefore);
        count = select<i32>(count - half - 1, half, isBefore);
      }
      const number = low > begin ? load<i32>(pairs + ((<usize>(low - 1)) << 4), 8) : 0;
      store<i32>(found + (query << 2), number);
    }
  }
}

function touch(first: i32, end: i32, found: usize, starts: usize, pairs: usize): i64 {
  let sum: i64 = 0;
  for (let query: usize = <usize>first; query < <usize>end; query++) {
    const group = max(0, load<i32>(found + (query << 2)));
    const row = load<i32>(starts + ((<usize>group) << 2));
    sum += load<i64>(pairs + ((<usize>row) << 4));
  }
  return sum;
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
