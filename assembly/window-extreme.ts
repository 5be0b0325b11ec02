import { counts, Filter, isPlain } from "./filter";

/** Rows of a block; a query looks at no more than two blocks' rows and two entries of a table. */
const BLOCK_SHIFT: i32 = 5;
const BLOCK: i32 = 1 << BLOCK_SHIFT;

// @ts-ignore: decorator
@inline function better(a: i64, b: i64, largest: bool): i64 {
  return largest == a > b ? a : b;
}

/** Levels of the table for so many rows. */
export function extremeLevels(rows: i32): i32 {
  const blocks = (rows + BLOCK - 1) >> BLOCK_SHIFT;
  return blocks <= 1 ? 1 : 32 - <i32>clz(blocks);
}

/** The extreme of 2^level blocks from each block on (a sparse table): `extremeLevels` × blocks codes. O(rows + blocks · levels). */
export function extremeTable(rows: i32, values: usize, largest: bool, table: usize): void {
  const blocks = (rows + BLOCK - 1) >> BLOCK_SHIFT;
  for (let block: i32 = 0; block < blocks; block++) {
    const end = min((block + 1) << BLOCK_SHIFT, rows);
    let extreme = load<i64>(values + ((<usize>(block << BLOCK_SHIFT)) << 3));
    for (let row = (block << BLOCK_SHIFT) + 1; row < end; row++) extreme = better(load<i64>(values + ((<usize>row) << 3)), extreme, largest);
    store<i64>(table + ((<usize>block) << 3), extreme);
  }
  const levels = extremeLevels(rows);
  for (let level: i32 = 1; level < levels; level++) {
    const below = table + (((<usize>(level - 1)) * <usize>blocks) << 3),
      here = table + (((<usize>level) * <usize>blocks) << 3);
    const half: i32 = 1 << (level - 1);
    for (let block: i32 = 0; block + (half << 1) <= blocks; block++)
      store<i64>(here + ((<usize>block) << 3), better(load<i64>(below + ((<usize>block) << 3)), load<i64>(below + ((<usize>(block + half)) << 3)), largest));
  }
}

/** For each query the code of the smallest or largest value of its window; a zero byte in `valid` where there is none. */
export function windowExtreme(queries: i32, bounds: usize, stride: i32, window: i32, filter: Filter, rows: i32, table: usize, largest: bool, out: usize, valid: usize): void {
  const plain = isPlain(filter) && table != 0;
  const blocks = (rows + BLOCK - 1) >> BLOCK_SHIFT;
  for (let query: usize = 0; query < <usize>queries; query++) {
    const bound = bounds + query * ((<usize>stride) << 2);
    const hi = load<i32>(bound),
      lo = load<i32>(bound + ((<usize>window) << 2));
    let extreme: i64 = largest ? i64.MIN_VALUE : i64.MAX_VALUE;
    let some = false;
    const firstBlock = (lo + BLOCK - 1) >> BLOCK_SHIFT,
      lastBlock = hi >> BLOCK_SHIFT;
    const blocksWithin = plain ? lastBlock - firstBlock : 0;
    if (blocksWithin > 0) {
      const level = 31 - <i32>clz(blocksWithin);
      const row = table + (((<usize>level) * <usize>blocks) << 3);
      extreme = better(load<i64>(row + ((<usize>firstBlock) << 3)), load<i64>(row + ((<usize>(lastBlock - (1 << level))) << 3)), largest);
      some = true;
      for (let i = lo; i < firstBlock << BLOCK_SHIFT; i++) extreme = better(load<i64>(filter.values + ((<usize>i) << 3)), extreme, largest);
      for (let i = lastBlock << BLOCK_SHIFT; i < hi; i++) extreme = better(load<i64>(filter.values + ((<usize>i) << 3)), extreme, largest);
    } else
      for (let i = lo; i < hi; i++) {
        if (!plain && !counts(filter, query, i, hi)) continue;
        extreme = better(load<i64>(filter.values + ((<usize>i) << 3)), extreme, largest);
        some = true;
      }
    store<u8>(valid + query, <u8>some);
    store<i64>(out + (query << 3), some ? extreme : 0);
  }
}
