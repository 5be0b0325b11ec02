/** Rows that come sorted by key and time already: each key's rows are a run, which is its own history. */

// @ts-ignore: decorator
@inline function at(column: usize, row: i32): i64 {
  return load<i64>(column + ((<usize>row) << 3));
}

/** Writes where each run begins, and the end behind the last (i32). Returns how many there are, −1 if rows are not sorted. */
export function groupRuns(rows: i32, keys: usize, times: usize, starts: usize): i32 {
  let runs: i32 = 0;
  let sorted = true;
  for (let row: i32 = 0; row < rows; row++) {
    if (row > 0) {
      const before = at(keys, row - 1),
        key = at(keys, row);
      if (key == before) {
        sorted = sorted && at(times, row - 1) <= at(times, row);
        continue;
      }
      sorted = sorted && before < key;
    }
    store<i32>(starts + ((<usize>runs) << 2), row);
    runs++;
  }
  store<i32>(starts + ((<usize>runs) << 2), rows);
  return sorted ? runs : -1;
}

/** Each row's bounds in its run, as `windowBounds` writes them: pointers that only move forward. O(rows · windows). */
export function runBounds(times: usize, runs: i32, starts: usize, windows: i32, lengths: usize, bounds: usize): void {
  const stride = (<usize>(1 + windows)) << 2;
  for (let run: i32 = 0; run < runs; run++) {
    const from = load<i32>(starts + ((<usize>run) << 2)),
      to = load<i32>(starts + ((<usize>run) << 2), 4);
    let hi = from;
    for (let row = from; row < to; row++) {
      if (row > from && at(times, row) != at(times, row - 1)) hi = row;
      store<i32>(bounds + (<usize>row) * stride, hi);
    }
    for (let window: usize = 1; window <= <usize>windows; window++) {
      const length = load<i64>(lengths + ((window - 1) << 3));
      let lo = from;
      for (let row = from; row < to; row++) {
        if (length >= 0) {
          const time = at(times, row);
          const begin = time < i64.MIN_VALUE + length ? i64.MIN_VALUE : time - length;
          // What is before the begin is before the row's time: `lo` stays at most at `hi`.
          while (lo < row && at(times, lo) < begin) lo++;
        }
        store<i32>(bounds + (<usize>row) * stride + (window << 2), min(lo, load<i32>(bounds + (<usize>row) * stride)));
      }
    }
  }
}
