import { numberOfCode } from "./codes";
import { addToLimbs, clearLimbs, roundInteger, roundLimbs, roundShort, shortPower } from "./exact-sum";
import { counts, Filter, isPlain } from "./filter";

/**
 * For each query the exact sum of the integers of its window (`mean`: the nearest double of it, divided by the count). A zero
 * byte in `valid` where there is none. Returns the first query whose sum is outside int64, or −1; its sum is then not valid.
 */
export function windowIntegerSum(queries: i32, bounds: usize, stride: i32, window: i32, filter: Filter, prefix: usize, mean: bool, out: usize, valid: usize): i32 {
  const plain = isPlain(filter) && prefix != 0;
  let outside: i32 = -1;
  for (let query: usize = 0; query < <usize>queries; query++) {
    const bound = bounds + query * ((<usize>stride) << 2);
    const hi = load<i32>(bound),
      lo = load<i32>(bound + ((<usize>window) << 2));
    let low: i64 = 0,
      high: i64 = 0,
      count: i64 = 0;
    if (plain) {
      const end = prefix + ((<usize>hi) << 4),
        begin = prefix + ((<usize>lo) << 4);
      const a = load<i64>(end),
        b = load<i64>(begin);
      low = a - b;
      high = load<i64>(end, 8) - load<i64>(begin, 8) - <i64>(<u64>a < <u64>b);
      count = <i64>(hi - lo);
    } else
      for (let row = lo; row < hi; row++) {
        if (!counts(filter, query, row, hi)) continue;
        const value = load<i64>(filter.values + ((<usize>row) << 3));
        const sum = low + value;
        high += (value >> 63) + <i64>(<u64>sum < <u64>low);
        low = sum;
        count++;
      }
    store<u8>(valid + query, <u8>(count > 0));
    if (mean) store<f64>(out + (query << 3), count > 0 ? roundInteger(low, high, 0) / <f64>count : 0);
    else {
      store<i64>(out + (query << 3), low);
      if (high != low >> 63 && outside < 0) outside = <i32>query;
    }
  }
  return outside;
}

/**
 * For each query the exact sum of the floats of its window, rounded once (`mean`: divided by the count). `prefix` (0: the
 * column's range does not allow it) holds running sums times 2^-low, `specials` (0: all are finite) running counts; `limbs`
 * is scratch.
 */
export function windowFloatSum(queries: i32, bounds: usize, stride: i32, window: i32, filter: Filter, prefix: usize, low: i32, specials: usize, limbs: usize, mean: bool, out: usize, valid: usize): void {
  const plain = isPlain(filter) && prefix != 0;
  const power = shortPower(low);
  for (let query: usize = 0; query < <usize>queries; query++) {
    const bound = bounds + query * ((<usize>stride) << 2);
    const hi = load<i32>(bound),
      lo = load<i32>(bound + ((<usize>window) << 2));
    let count: i64 = 0;
    let sum: f64 = 0;
    let nan: u32 = 0,
      positive: u32 = 0,
      negative: u32 = 0;
    if (plain) {
      count = <i64>(hi - lo);
      if (specials != 0) {
        const end = specials + ((<usize>hi) << 4),
          begin = specials + ((<usize>lo) << 4);
        nan = load<u32>(end) - load<u32>(begin);
        positive = load<u32>(end, 4) - load<u32>(begin, 4);
        negative = load<u32>(end, 8) - load<u32>(begin, 8);
      }
      const end = prefix + ((<usize>hi) << 4),
        begin = prefix + ((<usize>lo) << 4);
      const a = load<i64>(end),
        b = load<i64>(begin);
      const short = a - b,
        rest = load<i64>(end, 8) - load<i64>(begin, 8) - <i64>(<u64>a < <u64>b);
      sum = rest == short >> 63 && power != 0 ? roundShort(short, power) : roundInteger(short, rest, low);
    } else if (lo < hi) {
      clearLimbs(limbs);
      for (let row = lo; row < hi; row++) {
        if (!counts(filter, query, row, hi)) continue;
        const number = numberOfCode(load<i64>(filter.values + ((<usize>row) << 3)), filter.kind);
        count++;
        if (isNaN(number)) nan++;
        else if (number == Infinity) positive++;
        else if (number == -Infinity) negative++;
        else addToLimbs(limbs, number);
      }
      sum = roundLimbs(limbs);
    }
    if (nan > 0 || (positive > 0 && negative > 0)) sum = NaN;
    else if (positive > 0) sum = Infinity;
    else if (negative > 0) sum = -Infinity;
    store<u8>(valid + query, <u8>(count > 0));
    store<f64>(out + (query << 3), count == 0 ? 0 : mean ? sum / <f64>count : sum);
  }
}

/** Codes of floats as doubles. */
export function numbersOfCodes(rows: i32, codes: usize, kind: i32, numbers: usize): void {
  for (let row: usize = 0; row < <usize>rows; row++)
    store<f64>(numbers + (row << 3), numberOfCode(load<i64>(codes + (row << 3)), kind));
}
