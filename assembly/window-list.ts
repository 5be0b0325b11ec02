import { equalityCode, INTEGER } from "./codes";
import { counts, Filter, isPlain } from "./filter";

/** At most how many values `windowList` writes: the capacity that it needs. */
export function windowListCapacity(queries: i32, bounds: usize, stride: i32, window: i32, maxLength: i32): i64 {
  let total: i64 = 0;
  for (let query: usize = 0; query < <usize>queries; query++) {
    const bound = bounds + query * ((<usize>stride) << 2);
    const length = load<i32>(bound) - load<i32>(bound + ((<usize>window) << 2));
    total += <i64>(maxLength >= 0 && length > maxLength ? maxLength : length);
  }
  return total;
}

/** Queries whose latest values are brought into the cache together: their misses overlap. */
const TOUCHED: usize = 1024;
/** Somewhere for what is only read, so that it is read. */
let touched: i32 = 0;

function touch(first: i32, end: i32, bounds: usize, step: usize, values: usize): i32 {
  let sum: i32 = 0;
  for (let query: i32 = first; query < end; query++) sum += load<i32>(values + ((<usize>max(0, load<i32>(bounds + (<usize>query) * step) - 1)) << 3));
  return sum;
}

/**
 * For each query the values of its window in order, oldest first, as codes behind one another; of more than `maxLength`
 * (−1: any) the most recent. `entries`: offset and length of each list, u64 each. Returns how many values there are.
 */
export function windowList(queries: i32, bounds: usize, stride: i32, window: i32, filter: Filter, maxLength: i32, entries: usize, list: usize): i32 {
  const plain = isPlain(filter);
  const onlyOwn = filter.own != 0 && filter.available == 0 && filter.next == 0 && maxLength < 0;
  let written: usize = list;
  for (let query: usize = 0; query < <usize>queries; query++) {
    if ((query & (TOUCHED - 1)) == 0) touched = touch(<i32>query, min(<i32>query + <i32>TOUCHED, queries), bounds, (<usize>stride) << 2, filter.values);
    const bound = bounds + query * ((<usize>stride) << 2);
    const hi = load<i32>(bound);
    let lo = load<i32>(bound + ((<usize>window) << 2));
    const begin = written;
    if (plain) {
      if (maxLength >= 0 && hi - lo > maxLength) lo = hi - maxLength;
      let from = filter.values + ((<usize>lo) << 3);
      const to = filter.values + ((<usize>hi) << 3);
      // Most lists are short: a call to copy them costs more than their values.
      if (hi - lo > 32) {
        memory.copy(written, from, to - from);
        written += to - from;
      } else
        for (; from < to; from += 8) {
          store<i64>(written, load<i64>(from));
          written += 8;
        }
    } else if (onlyOwn && filter.kind == INTEGER && load<u8>(filter.ownValid + query) != 0) {
      let from = filter.values + ((<usize>lo) << 3);
      const to = filter.values + ((<usize>hi) << 3);
      const own = load<i64>(filter.own + (query << 3));
      for (; from < to; from += 8) {
        const code = load<i64>(from);
        store<i64>(written, code);
        written += (<usize>(code != own)) << 3;
      }
    } else if (onlyOwn) {
      let from = filter.values + ((<usize>lo) << 3);
      const to = filter.values + ((<usize>hi) << 3);
      const all = load<u8>(filter.ownValid + query) == 0;
      const own = equalityCode(load<i64>(filter.own + (query << 3)), filter.kind);
      for (; from < to; from += 8) {
        const code = load<i64>(from);
        store<i64>(written, code);
        written += (<usize>(all || equalityCode(code, filter.kind) != own)) << 3;
      }
    } else if (maxLength < 0) {
      for (let row = lo; row < hi; row++) {
        if (!counts(filter, query, row, hi)) continue;
        store<i64>(written, load<i64>(filter.values + ((<usize>row) << 3)));
        written += 8;
      }
    } else {
      // From the newest back until there are enough; they stand at the end of their room and move to its beginning.
      const room = min(hi - lo, maxLength);
      const end = written + ((<usize>room) << 3);
      let first = end;
      for (let row = hi - 1; row >= lo && first > written; row--) {
        if (!counts(filter, query, row, hi)) continue;
        first -= 8;
        store<i64>(first, load<i64>(filter.values + ((<usize>row) << 3)));
      }
      if (first > written && end > first) memory.copy(written, first, end - first);
      written += end - first;
    }
    store<u64>(entries + (query << 4), <u64>((begin - list) >> 3));
    store<u64>(entries + (query << 4), <u64>((written - begin) >> 3), 8);
  }
  return <i32>((written - list) >> 3);
}
