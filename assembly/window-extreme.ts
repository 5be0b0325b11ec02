import { equalityCode } from "./codes";
import { counts, Filter, isIndexed, isOwn, isPlain } from "./filter";
import { nextRow } from "./known-rows";

/** Rows of a block; a query looks at no more than two blocks' rows and two entries of a table. */
const BLOCK_SHIFT: i32 = 5;
const BLOCK: i32 = 1 << BLOCK_SHIFT;

// @ts-ignore: decorator
@inline function better(a: i64, b: i64, largest: bool): i64 {
  return largest == a > b ? a : b;
}

// The extreme of what was seen, and with `pairs` the next that is not equal to it (the same if there is none); wasm has no pairs.
let best: i64 = 0;
let second: i64 = 0;
let some = false;

// @ts-ignore: decorator
@inline function see(code: i64, largest: bool, kind: i32, pairs: bool): void {
  if (!some) {
    best = code;
    second = code;
    some = true;
    return;
  }
  const extreme = better(code, best, largest);
  if (pairs) {
    const equal = equalityCode(code, kind) == equalityCode(best, kind);
    if (isAlone(kind)) second = extreme == best && !equal ? code : best;
    else if (!equal) second = extreme == best ? better(code, second, largest) : best;
  }
  best = extreme;
}

/** Whether all that was seen is equal. */
// @ts-ignore: decorator
@inline function isAlone(kind: i32): bool {
  return equalityCode(second, kind) == equalityCode(best, kind);
}

/** Levels of the table for so many rows. */
export function extremeLevels(rows: i32): i32 {
  const blocks = (rows + BLOCK - 1) >> BLOCK_SHIFT;
  return blocks <= 1 ? 1 : 32 - <i32>clz(blocks);
}

/**
 * The extreme, and the next that is not equal to it, of 2^level blocks from each block on (a sparse table): `extremeLevels` × blocks ×
 * two codes. O(rows + blocks · levels).
 */
export function extremeTable(rows: i32, values: usize, kind: i32, largest: bool, table: usize): void {
  const blocks = (rows + BLOCK - 1) >> BLOCK_SHIFT;
  for (let block: i32 = 0; block < blocks; block++) {
    some = false;
    const end = min((block + 1) << BLOCK_SHIFT, rows);
    for (let row = block << BLOCK_SHIFT; row < end; row++) see(load<i64>(values + ((<usize>row) << 3)), largest, kind, true);
    put(table + ((<usize>block) << 4));
  }
  const levels = extremeLevels(rows);
  for (let level: i32 = 1; level < levels; level++) {
    const below = table + (((<usize>(level - 1)) * <usize>blocks) << 4),
      here = table + (((<usize>level) * <usize>blocks) << 4);
    const half: i32 = 1 << (level - 1);
    for (let block: i32 = 0; block + (half << 1) <= blocks; block++) {
      some = false;
      seeEntry(below + ((<usize>block) << 4), largest, kind, true);
      seeEntry(below + ((<usize>(block + half)) << 4), largest, kind, true);
      put(here + ((<usize>block) << 4));
    }
  }
}

// @ts-ignore: decorator
@inline function put(entry: usize): void {
  store<i64>(entry, best);
  store<i64>(entry, second, 8);
}

// @ts-ignore: decorator
@inline function seeEntry(entry: usize, largest: bool, kind: i32, pairs: bool): void {
  see(load<i64>(entry), largest, kind, pairs);
  if (pairs) see(load<i64>(entry, 8), largest, kind, true);
}

/** Rows [lo, hi) by the table. */
function seeRows(filter: Filter, table: usize, largest: bool, pairs: bool, lo: i32, hi: i32): void {
  const values = filter.values,
    kind = filter.kind;
  const firstBlock = (lo + BLOCK - 1) >> BLOCK_SHIFT,
    lastBlock = hi >> BLOCK_SHIFT;
  if (lastBlock <= firstBlock) {
    for (let row = lo; row < hi; row++) see(load<i64>(values + ((<usize>row) << 3)), largest, kind, pairs);
    return;
  }
  const blocks = (filter.rows + BLOCK - 1) >> BLOCK_SHIFT;
  const level = 31 - <i32>clz(lastBlock - firstBlock);
  const entries = table + (((<usize>level) * <usize>blocks) << 4);
  seeEntry(entries + ((<usize>firstBlock) << 4), largest, kind, pairs);
  seeEntry(entries + ((<usize>(lastBlock - (1 << level))) << 4), largest, kind, pairs);
  for (let row = lo; row < firstBlock << BLOCK_SHIFT; row++) see(load<i64>(values + ((<usize>row) << 3)), largest, kind, pairs);
  for (let row = lastBlock << BLOCK_SHIFT; row < hi; row++) see(load<i64>(values + ((<usize>row) << 3)), largest, kind, pairs);
}

/** Whether the table decides what `best` is, and whether there is `some`. */
function isDecided(filter: Filter, query: usize, table: usize, largest: bool, lo: i32, hi: i32): bool {
  const pairs = filter.own != 0 || filter.ownLists != 0;
  for (let begin = nextRow(filter, query, lo, hi, true); begin < hi; ) {
    const end = nextRow(filter, query, begin, hi, false);
    seeRows(filter, table, largest, pairs, begin, end);
    begin = nextRow(filter, query, end, hi, true);
  }
  if (!pairs || !some || !isOwn(filter, query, best)) return true;
  some = !isAlone(filter.kind);
  best = second;
  // A list may have both, and the third is nowhere.
  return !some || !isOwn(filter, query, second);
}

/** For each query the code of the smallest or largest value of its window; a zero byte in `valid` where there is none. */
export function windowExtreme(queries: i32, bounds: usize, stride: i32, window: i32, filter: Filter, table: usize, largest: bool, out: usize, valid: usize): void {
  const plain = isPlain(filter);
  for (let query: usize = 0; query < <usize>queries; query++) {
    const bound = bounds + query * ((<usize>stride) << 2);
    const hi = load<i32>(bound),
      lo = load<i32>(bound + ((<usize>window) << 2));
    some = false;
    if (!isIndexed(filter, lo, hi) || !isDecided(filter, query, table, largest, lo, hi)) {
      some = false;
      for (let row = lo; row < hi; row++)
        if (plain || counts(filter, query, row, hi)) see(load<i64>(filter.values + ((<usize>row) << 3)), largest, filter.kind, false);
    }
    store<u8>(valid + query, <u8>some);
    store<i64>(out + (query << 3), some ? best : 0);
  }
}
