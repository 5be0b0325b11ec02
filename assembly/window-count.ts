import { counts, Filter, isPlain } from "./filter";

/** For each query how many rows of its window count, i64. With `next` in the filter: how many distinct values. */
export function windowCount(queries: i32, bounds: usize, stride: i32, window: i32, filter: Filter, out: usize): void {
  const plain = isPlain(filter);
  for (let query: usize = 0; query < <usize>queries; query++) {
    const bound = bounds + query * ((<usize>stride) << 2);
    const hi = load<i32>(bound),
      lo = load<i32>(bound + ((<usize>window) << 2));
    let count: i64 = 0;
    if (plain) count = <i64>(hi - lo);
    else for (let row = lo; row < hi; row++) count += <i64>counts(filter, query, row, hi);
    store<i64>(out + (query << 3), count);
  }
}
