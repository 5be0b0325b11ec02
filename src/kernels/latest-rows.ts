import type { Arena, ArenaPool } from "../columnar/arena.js";
import { type Address, type Kernels, kernelsOf } from "./kernels.js";
import { CHUNK, findGroups, groupKeys, type KeyTable } from "./key-groups.js";
import { put } from "./own-values.js";
import type { HistoryBytes, QueryBatch, ValueForm, WindowAnswer } from "./window-columns.js";

/** The columns of history rows; a query is answered by those of the latest row before it, NULLs included. */
export interface LatestRowGroup {
  readonly latest: true;
  /** At most 63. */
  readonly columns: readonly ValueForm[];
  readonly available: false;
}

/** A bound of what `LatestRows` takes to hold a history of so many rows and keys. */
export function latestRowBytes({ columns }: LatestRowGroup, rows: number, keys: number): HistoryBytes {
  const batch = rows * 20; // key, time, group
  const grouping = rows * 12 + keys * 192;
  // The record; time and number, and as much again while they are ordered.
  const index = rows * ((columns.length + 1) * 8 + 32) + keys * (64 + 8);
  return { all: batch + index + grouping, largest: Math.max(grouping, index) };
}

/** Rows whose records are laid at once, at most. */
const MOST_AT_ONCE = 2048;
/** Records that get room at once: a multiple of 8, so that one piece of room follows the other without a gap. */
const SLAB = 65_536;

/** Values of rows, in their own form; `valid`: a byte each, absent where none is NULL. */
export interface RowValues {
  readonly bytes: Uint8Array;
  readonly valid?: Uint8Array;
}

/** Keys and times of rows that were laid, none of them NULL. */
export interface KeyedRows {
  readonly rows: number;
  readonly keys: BigInt64Array;
  readonly times: BigInt64Array;
  /** How many rows were laid before the first of them. */
  readonly before: number;
}

/** The rows by key, in order of time, as times and numbers of records. */
interface Pairs {
  readonly table: KeyTable;
  readonly starts: Address;
  readonly pairs: Address;
}

/**
 * The latest row before an instant, by key: an index of the rows' times and numbers, and the rows as records in the order in
 * which they came. A history is taken by `begin`, `lay` as often as there are rows, and `index`.
 */
export class LatestRows {
  readonly #group: LatestRowGroup;
  readonly #pool: ArenaPool;
  readonly #stride: number;
  #arena: Arena | undefined;
  #values: Address = 0;
  #records: Address = 0;
  #room = 0;
  #laid = 0;
  #pairs: Pairs | undefined;
  #scratch = 0;

  /** `pool`: the memory that its index lies in comes from there, and goes back to it. */
  constructor(group: LatestRowGroup, pool: ArenaPool) {
    this.#group = group;
    this.#pool = pool;
    this.#stride = 1 + group.columns.length;
  }

  /** Of the index; what a probe lays beside it is not counted. */
  get bytes(): number {
    return this.#pairs === undefined ? 0 : this.#scratch;
  }

  /** Makes room for a history in the place of what it had. */
  begin(): void {
    this.forget();
    const arena = this.#pool.take();
    this.#arena = arena;
    this.#values = arena.allocate(MOST_AT_ONCE * 8);
    this.#records = arena.allocate(SLAB * this.#stride * 8);
    this.#room = SLAB;
    arena.int64At(this.#records, this.#stride).fill(-1n);
    this.#laid = 0;
  }

  /** Takes the values of the next rows, at most 2,048: those of each column of the group. */
  lay(rows: number, columns: readonly RowValues[]): void {
    const arena = this.#begun();
    const kernels = kernelsOf(arena);
    const stride = this.#stride;
    for (; this.#room < 1 + this.#laid + rows; this.#room += SLAB) arena.allocate(SLAB * stride * 8);
    const into = this.#records + (1 + this.#laid) * stride * 8;
    const values = this.#values;
    arena.int64At(values, rows).set(nullsOf(rows, columns));
    kernels.layRecords(rows, values, 8, into, stride, 0);
    columns.forEach(({ bytes }, column) => {
      const { width } = this.#group.columns[column] ?? { width: 8 };
      arena.bytesAt(values, rows * width).set(bytes);
      kernels.layRecords(rows, values, width, into, stride, 1 + column);
    });
    this.#laid += rows;
  }

  /** Indexes what was laid. False, and it holds nothing, if two rows of a key have one instant. */
  index(batches: readonly KeyedRows[]): boolean {
    const arena = this.#begun();
    const kernels = kernelsOf(arena);
    const chunks = batches.flatMap(chunksOf);
    const { rows, groups, starts, largest, table, placing } = groupKeys(chunks, arena, this.#pool.scratch);
    const pairs = arena.allocate(rows * 16);
    const mark = arena.mark();
    this.#place(kernels, arena, chunks, placing(), pairs);
    arena.release(mark);
    const isUnique = Boolean(kernels.orderPairs(groups, starts, pairs, arena.allocate(largest * 16)));
    arena.release(mark);
    this.#pairs = { table, starts, pairs };
    this.#scratch = mark;
    if (!isUnique) this.forget();
    return isUnique;
  }

  #place(
    kernels: Kernels,
    arena: Arena,
    chunks: readonly KeyedRows[],
    place: (chunk: KeyedRows, done: number, places: Address) => void,
    pairs: Address,
  ): void {
    const places = arena.allocate(CHUNK * 4);
    const times = arena.allocate(CHUNK * 8);
    let done = 0;
    for (const chunk of chunks) {
      place(chunk, done, places);
      arena.int64At(times, chunk.rows).set(chunk.times);
      kernels.placePairs(chunk.rows, places, times, BigInt(1 + chunk.before), pairs);
      done += chunk.rows;
    }
  }

  #begun(): Arena {
    if (this.#arena === undefined) throw new RangeError("the history of a kernel is not begun");
    return this.#arena;
  }

  /** Gives its memory back; until it has another history it answers nothing. */
  forget(): void {
    if (this.#arena !== undefined) this.#pool.give(this.#arena);
    this.#arena = undefined;
    this.#pairs = undefined;
  }

  /** The columns of the row that each query sees, in their own forms. */
  probe({ rows, keys, times }: QueryBatch): readonly WindowAnswer[] {
    const known = this.#pairs;
    if (known === undefined) throw new RangeError("the history of a kernel is not loaded");
    const arena = this.#begun();
    const kernels = kernelsOf(arena);
    arena.release(this.#scratch);
    const found = arena.allocate(rows * 4);
    const asked = put(arena, keys.bytes);
    const valid = keys.valid === undefined ? 0 : put(arena, keys.valid);
    const at = put(arena, times);
    findGroups(kernels, known.table, rows, asked, valid, found);
    kernels.latestRecords(rows, at, found, known.starts, known.pairs);
    return this.#group.columns.map(({ width }, column): WindowAnswer => {
      const values = arena.allocate(rows * width);
      const present = arena.allocate(rows);
      kernels.recordValues(rows, found, this.#records, this.#stride, 1 + column, width, values, present);
      return { memory: arena.memory, values, count: rows, entries: 0, valid: present };
    });
  }
}

/** Pieces of at most `CHUNK` rows. */
function chunksOf({ rows, keys, times, before }: KeyedRows): readonly KeyedRows[] {
  const chunks: KeyedRows[] = [];
  for (let from = 0; from < rows; from += CHUNK) {
    const to = Math.min(from + CHUNK, rows);
    chunks.push({
      rows: to - from,
      keys: keys.subarray(from, to),
      times: times.subarray(from, to),
      before: before + from,
    });
  }
  return chunks;
}

const NO_NULLS = new BigInt64Array(MOST_AT_ONCE);

/** A mask of the columns that are NULL, for each row. */
function nullsOf(rows: number, columns: readonly RowValues[]): BigInt64Array {
  if (columns.every(({ valid }) => valid === undefined)) return NO_NULLS.subarray(0, rows);
  const masks = new BigInt64Array(rows);
  const words = new Int32Array(masks.buffer);
  columns.forEach(({ valid }, column) => {
    if (valid === undefined) return;
    const word = column >> 5;
    const bit = 1 << (column & 31);
    for (let row = 0; row < rows; row++)
      if (valid[row] === 0) words[row * 2 + word] = (words[row * 2 + word] as number) | bit;
  });
  return masks;
}
