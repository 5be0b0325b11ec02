import { Filter } from "./filter";

/**
 * Where rows that a query knows begin and end: of each block of rows, and of pairs of blocks up to one of all, the latest and the
 * earliest instant from when on a row is known. A stretch of known or unknown rows is passed in O(log rows).
 */
const BLOCK_SHIFT: i32 = 5;
const BLOCK: i32 = 1 << BLOCK_SHIFT;
/** Bytes of a node: the latest instant, the earliest. */
const NODE_SHIFT: usize = 4;
const EARLIEST: usize = 8;

// @ts-ignore: decorator
@inline function blocksOf(rows: i32): i32 {
  return (rows + BLOCK - 1) >> BLOCK_SHIFT;
}

// @ts-ignore: decorator
@inline function instant(available: usize, row: i32): i64 {
  return load<i64>(available + ((<usize>row) << 3));
}

/** Nodes of so many rows, 16 bytes each. */
export function knownNodes(rows: i32): i32 {
  let nodes: i32 = 0;
  for (let width = blocksOf(rows); width > 1; width = (width + 1) >> 1) nodes += width;
  return nodes + 1;
}

/** O(rows). */
export function knownTree(rows: i32, available: usize, nodes: usize): void {
  let width = blocksOf(rows);
  for (let block: i32 = 0; block < width; block++) {
    const end = min((block + 1) << BLOCK_SHIFT, rows);
    let latest = i64.MIN_VALUE,
      earliest = i64.MAX_VALUE;
    for (let row = block << BLOCK_SHIFT; row < end; row++) {
      latest = max(latest, instant(available, row));
      earliest = min(earliest, instant(available, row));
    }
    store<i64>(nodes + ((<usize>block) << NODE_SHIFT), latest);
    store<i64>(nodes + ((<usize>block) << NODE_SHIFT), earliest, EARLIEST);
  }
  let below = nodes;
  while (width > 1) {
    const here = below + ((<usize>width) << NODE_SHIFT);
    for (let node: i32 = 0; node < (width + 1) >> 1; node++) {
      const left = below + ((<usize>(node << 1)) << NODE_SHIFT);
      const right = (node << 1) + 1 < width ? left + (1 << NODE_SHIFT) : left;
      store<i64>(here + ((<usize>node) << NODE_SHIFT), max(load<i64>(left), load<i64>(right)));
      store<i64>(here + ((<usize>node) << NODE_SHIFT), min(load<i64>(left, EARLIEST), load<i64>(right, EARLIEST)), EARLIEST);
    }
    below = here;
    width = (width + 1) >> 1;
  }
}

// @ts-ignore: decorator
@inline function isKnown(instant: i64, known: i64): bool {
  return instant <= known;
}

// @ts-ignore: decorator
@inline function hasSuch(node: usize, known: i64, wanted: bool): bool {
  return wanted ? isKnown(load<i64>(node, EARLIEST), known) : !isKnown(load<i64>(node), known);
}

/** The first row of [from, hi) that the query knows (`wanted`) or does not know; `hi` if there is none. */
export function nextRow(filter: Filter, query: usize, from: i32, hi: i32, wanted: bool): i32 {
  const available = filter.available;
  if (available == 0) return wanted ? from : hi;
  const known = load<i64>(filter.known + (query << 3));
  let row = from;
  for (const end = min(hi, (row | (BLOCK - 1)) + 1); row < end; row++) if (isKnown(instant(available, row), known) == wanted) return row;
  if (row >= hi) return hi;
  const last = (hi - 1) >> BLOCK_SHIFT;
  let node = row >> BLOCK_SHIFT,
    level: i32 = 0,
    width = blocksOf(filter.rows),
    nodes = filter.tree;
  // Up and to the right, past what has no such row.
  while (true) {
    if (node << level > last) return hi;
    if (hasSuch(nodes + ((<usize>node) << NODE_SHIFT), known, wanted)) break;
    node++;
    while ((node & 1) == 0 && width > 1) {
      nodes += (<usize>width) << NODE_SHIFT;
      width = (width + 1) >> 1;
      node >>= 1;
      level++;
    }
  }
  // Down to its first block that has one.
  while (level > 0) {
    level--;
    width = widthAt(filter.rows, level);
    nodes -= (<usize>width) << NODE_SHIFT;
    node <<= 1;
    if (!hasSuch(nodes + ((<usize>node) << NODE_SHIFT), known, wanted)) node++;
  }
  for (row = node << BLOCK_SHIFT; row < hi; row++) if (isKnown(instant(available, row), known) == wanted) return row;
  return hi;
}

// @ts-ignore: decorator
@inline function widthAt(rows: i32, level: i32): i32 {
  return (blocksOf(rows) + (1 << level) - 1) >> level;
}
