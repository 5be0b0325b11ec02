import { numberOfCode } from "./codes";
import { addToLimbs, addWide, clearLimbs, roundInteger, roundLimbs, roundShort, scaledHigh, scaledLow, shortPower, subtractNumber, subtractTimes, WIDE_ROWS } from "./exact-sum";
import { counts, Filter, isIndexed, isPlain } from "./filter";
import { nextRow } from "./known-rows";
import { isRepeated, ownValue, ownValues, rowsWith } from "./own-rows";

// A sum of 128 bits and of how many rows; wasm has no pairs.
let low: i64 = 0;
let high: i64 = 0;
let count: i64 = 0;

/** Adds the rows [begin, end) by running sums. */
// @ts-ignore: decorator
@inline function addRows(prefix: usize, begin: i32, end: i32): void {
  const last = prefix + ((<usize>end) << 4),
    first = prefix + ((<usize>begin) << 4);
  const a = load<i64>(last),
    b = load<i64>(first);
  add(a - b, load<i64>(last, 8) - load<i64>(first, 8) - <i64>(<u64>a < <u64>b));
  count += <i64>(end - begin);
}

// @ts-ignore: decorator
@inline function add(lo: i64, hi: i64): void {
  const sum = low + lo;
  high += hi + <i64>(<u64>sum < <u64>lo);
  low = sum;
}

/**
 * For each query the exact sum of the integers of its window (`mean`: the nearest double of it, divided by the count). A zero
 * byte in `valid` where there is none. Returns the first query whose sum is outside int64, or −1; its sum is then not valid.
 * `prefix`: running sums; 0 where each window is added up by itself.
 */
export function windowIntegerSum(queries: i32, bounds: usize, stride: i32, window: i32, filter: Filter, prefix: usize, mean: bool, out: usize, valid: usize): i32 {
  const plain = isPlain(filter) && prefix != 0;
  let outside: i32 = -1;
  for (let query: usize = 0; query < <usize>queries; query++) {
    const bound = bounds + query * ((<usize>stride) << 2);
    const hi = load<i32>(bound),
      lo = load<i32>(bound + ((<usize>window) << 2));
    low = 0;
    high = 0;
    count = 0;
    if (plain) addRows(prefix, lo, hi);
    else if (isIndexed(filter, lo, hi)) addIntegers(filter, query, prefix, lo, hi);
    else
      for (let row = lo; row < hi; row++) {
        if (!counts(filter, query, row, hi)) continue;
        const value = load<i64>(filter.values + ((<usize>row) << 3));
        add(value, value >> 63);
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

/** Known rows of the window by running sums; `specials` 0: all of them are finite. */
function addKnown(filter: Filter, query: usize, prefix: usize, specials: usize, lo: i32, hi: i32): void {
  for (let begin = nextRow(filter, query, lo, hi, true); begin < hi; ) {
    const end = nextRow(filter, query, begin, hi, false);
    addRows(prefix, begin, end);
    if (specials != 0) addSpecials(specials, begin, end);
    begin = nextRow(filter, query, end, hi, true);
  }
}

/** All of them but those with an own value. */
function addIntegers(filter: Filter, query: usize, prefix: usize, lo: i32, hi: i32): void {
  addKnown(filter, query, prefix, 0, lo, hi);
  const own = ownValues(filter, query);
  for (let at: u32 = 0; at < own; at++) {
    if (isRepeated(filter, query, at)) continue;
    const value = ownValue(filter, query, at);
    const rows = rowsWith(filter, query, value, lo, hi, i32.MAX_VALUE);
    subtractTimes(value, value >> 63, rows);
    add(scaledLow, scaledHigh);
    count -= <i64>rows;
  }
}

// Of the rows that are added up, how many are NaN, +Inf and −Inf.
let nan: i64 = 0;
let positive: i64 = 0;
let negative: i64 = 0;

// @ts-ignore: decorator
@inline function addSpecials(specials: usize, begin: i32, end: i32): void {
  const last = specials + ((<usize>end) << 4),
    first = specials + ((<usize>begin) << 4);
  nan += <i64>(load<u32>(last) - load<u32>(first));
  positive += <i64>(load<u32>(last, 4) - load<u32>(first, 4));
  negative += <i64>(load<u32>(last, 8) - load<u32>(first, 8));
}

/** True if the number is finite. */
// @ts-ignore: decorator
@inline function isFiniteOrCounted(number: f64, rows: i64): bool {
  if (isNaN(number)) nan += rows;
  else if (number == Infinity) positive += rows;
  else if (number == -Infinity) negative += rows;
  else return true;
  return false;
}

/**
 * For each query the exact sum of the floats of its window, rounded once (`mean`: divided by the count). `prefix` holds running sums times
 * 2^-low, or where no 128 bits hold a sum of the column, with `wide`, such of every 64th row in limbs; 0: there are none. `specials`
 * (0: all are finite) has running counts; `limbs` is scratch.
 */
export function windowFloatSum(queries: i32, bounds: usize, stride: i32, window: i32, filter: Filter, prefix: usize, wide: bool, base: i32, specials: usize, limbs: usize, mean: bool, out: usize, valid: usize): void {
  const short = prefix != 0 && !wide;
  const plain = isPlain(filter) && short;
  const power = shortPower(base);
  for (let query: usize = 0; query < <usize>queries; query++) {
    const bound = bounds + query * ((<usize>stride) << 2);
    const hi = load<i32>(bound),
      lo = load<i32>(bound + ((<usize>window) << 2));
    let sum: f64 = 0;
    low = 0;
    high = 0;
    count = 0;
    nan = 0;
    positive = 0;
    negative = 0;
    if (plain || (short && isIndexed(filter, lo, hi))) {
      if (plain) {
        addRows(prefix, lo, hi);
        if (specials != 0) addSpecials(specials, lo, hi);
      } else addFloats(filter, query, prefix, base, specials, lo, hi);
      sum = high == low >> 63 && power != 0 ? roundShort(low, power) : roundInteger(low, high, base);
    } else if (lo < hi) {
      clearLimbs(limbs);
      if (prefix != 0 && isIndexed(filter, lo, hi)) addWideFloats(filter, query, prefix, specials, limbs, lo, hi);
      else
        for (let row = lo; row < hi; row++) {
          if (!counts(filter, query, row, hi)) continue;
          const number = numberAt(filter, row);
          count++;
          if (isFiniteOrCounted(number, 1)) addToLimbs(limbs, number, 1);
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

// @ts-ignore: decorator
@inline function numberAt(filter: Filter, row: i32): f64 {
  return numberOfCode(load<i64>(filter.values + ((<usize>row) << 3)), filter.kind);
}

/** Known rows of the window but those with an own value, by running sums of 128 bits. */
function addFloats(filter: Filter, query: usize, prefix: usize, base: i32, specials: usize, lo: i32, hi: i32): void {
  addKnown(filter, query, prefix, specials, lo, hi);
  const own = ownValues(filter, query);
  for (let at: u32 = 0; at < own; at++) {
    if (isRepeated(filter, query, at)) continue;
    const value = ownValue(filter, query, at);
    const rows = rowsWith(filter, query, value, lo, hi, i32.MAX_VALUE);
    if (rows == 0) continue;
    const number = numberOfCode(value, filter.kind);
    count -= <i64>rows;
    if (!isFiniteOrCounted(number, -rows)) continue;
    subtractNumber(number, base, rows);
    add(scaledLow, scaledHigh);
  }
}

/** The same by running sums in limbs of every 64th row. */
function addWideFloats(filter: Filter, query: usize, prefix: usize, specials: usize, limbs: usize, lo: i32, hi: i32): void {
  for (let begin = nextRow(filter, query, lo, hi, true); begin < hi; ) {
    const end = nextRow(filter, query, begin, hi, false);
    const from = min(end, (begin + WIDE_ROWS - 1) & -WIDE_ROWS),
      to = max(from, end & -WIDE_ROWS);
    if (from < to) addWide(prefix, from, to, limbs);
    for (let row = begin; row < from; row++) addFinite(limbs, numberAt(filter, row));
    for (let row = to; row < end; row++) addFinite(limbs, numberAt(filter, row));
    count += <i64>(end - begin);
    if (specials != 0) addSpecials(specials, begin, end);
    begin = nextRow(filter, query, end, hi, true);
  }
  const own = ownValues(filter, query);
  for (let at: u32 = 0; at < own; at++) {
    if (isRepeated(filter, query, at)) continue;
    const value = ownValue(filter, query, at);
    const rows = rowsWith(filter, query, value, lo, hi, i32.MAX_VALUE);
    const number = numberOfCode(value, filter.kind);
    count -= <i64>rows;
    if (isFiniteOrCounted(number, -rows)) addToLimbs(limbs, number, -rows);
  }
}

// @ts-ignore: decorator
@inline function addFinite(limbs: usize, number: f64): void {
  if (isFinite(number)) addToLimbs(limbs, number, 1);
}

/** Codes of floats as doubles. */
export function numbersOfCodes(rows: i32, codes: usize, kind: i32, numbers: usize): void {
  for (let row: usize = 0; row < <usize>rows; row++)
    store<f64>(numbers + (row << 3), numberOfCode(load<i64>(codes + (row << 3)), kind));
}
