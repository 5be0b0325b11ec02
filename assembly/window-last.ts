import { counts, Filter } from "./filter";

/** For each query the code of the last value of its window; a zero byte in `valid` where there is none. */
export function windowLast(queries: i32, bounds: usize, stride: i32, window: i32, filter: Filter, out: usize, valid: usize): void {
  for (let query: usize = 0; query < <usize>queries; query++) {
    const bound = bounds + query * ((<usize>stride) << 2);
    const hi = load<i32>(bound),
      lo = load<i32>(bound + ((<usize>window) << 2));
    let row = hi - 1;
    while (row >= lo && !counts(filter, query, row, hi)) row--;
    store<u8>(valid + query, <u8>(row >= lo));
    store<i64>(out + (query << 3), row >= lo ? load<i64>(filter.values + ((<usize>row) << 3)) : 0);
  }
}
