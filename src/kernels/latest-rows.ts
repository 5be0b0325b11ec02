import type { Arena, ArenaPool } from "../columnar/arena.js";
import { type HistoryBatch, HistoryIndex } from "./history-index.js";
import type { Address } from "./kernels.js";
import { findGroups } from "./key-groups.js";
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
  const batch = rows * (28 + columns.length * 9); // key, time, group, number; values with their validity
  const grouping = rows * 12 + keys * 192;
  // Time and record's number, twice, and the record; while it is ordered, a place and a spare value.
  const index = rows * (16 + 16 + (columns.length + 1) * 8 + 16 + 4) + keys * (64 + 8);
  return { all: batch + index + grouping, largest: Math.max(grouping, index) };
}

/** Rows that are laid into records at once. */
const CHUNK = 2048;

/**
 * The latest row before an instant, by key: an index of the rows' times and numbers, and the rows as records in the order in
 * which they came.
 */
export class LatestRows {
  readonly #group: LatestRowGroup;
  readonly #pool: ArenaPool;
  #index: HistoryIndex<Arena> | undefined;
  #records: Address = 0;
  #pairs: Address = 0;
  #scratch = 0;

  /** `pool`: the memory that its index lies in comes from there, and goes back to it. */
  constructor(group: LatestRowGroup, pool: ArenaPool) {
    this.#group = group;
    this.#pool = pool;
  }

  /** Of the index; what a probe lays beside it is not counted. */
  get bytes(): number {
    return this.#index === undefined ? 0 : this.#scratch;
  }

  /** Takes the history in the place of what it had. False, and it holds nothing, if two rows of a key have one instant. */
  load(batches: readonly HistoryBatch[]): boolean {
    this.forget();
    const index = new HistoryIndex(this.#pool.take(), this.#pool.scratch);
    this.#index = index;
    index.build(
      batches.map(({ rows, keys, times }) => ({ rows, keys, times, values: [] })),
      { columns: [], numbers: true, available: false, timeDivisor: 1n },
    );
    const { arena, kernels } = index;
    if (kernels.hasTies(index.groups, index.starts, index.times)) {
      this.forget();
      return false;
    }
    this.#pairs = arena.allocate(index.rows * 16);
    kernels.pairRows(index.rows, index.times, index.numbers, this.#pairs);
    this.#layRecords(index, batches);
    this.#scratch = arena.mark();
    return true;
  }

  #layRecords({ arena, kernels, rows }: HistoryIndex<Arena>, batches: readonly HistoryBatch[]): void {
    const stride = 1 + this.#group.columns.length;
    this.#records = arena.allocate((rows + 1) * stride * 8);
    arena.int64At(this.#records, stride).fill(-1n);
    const mark = arena.mark();
    const codes = arena.allocate(CHUNK * 8);
    let into = this.#records + stride * 8;
    for (const batch of batches) {
      const nulls = nullsOf(batch) ?? NO_NULLS;
      for (let from = 0; from < batch.rows; from += CHUNK) {
        const to = Math.min(from + CHUNK, batch.rows);
        [nulls, ...batch.values.map((column) => column.codes)].forEach((column, place) => {
          const part = column === NO_NULLS ? column.subarray(0, to - from) : column.subarray(from, to);
          arena.int64At(codes, to - from).set(part);
          kernels.layRecords(to - from, codes, into, stride, place);
        });
        into += (to - from) * stride * 8;
      }
    }
    arena.release(mark);
  }

  /** Gives its memory back; until it is loaded again it answers nothing. */
  forget(): void {
    if (this.#index !== undefined) this.#pool.give(this.#index.arena);
    this.#index = undefined;
  }

  /** The columns of the row that each query sees, in their own forms. */
  probe({ rows, keys, times }: QueryBatch): readonly WindowAnswer[] {
    const index = this.#index;
    if (index === undefined) throw new RangeError("the history of a kernel is not loaded");
    const { arena, kernels } = index;
    arena.release(this.#scratch);
    const found = arena.allocate(rows * 4);
    const asked = put(arena, keys.bytes);
    const valid = keys.valid === undefined ? 0 : put(arena, keys.valid);
    const at = put(arena, times);
    findGroups(kernels, index.keys, rows, asked, valid, found);
    kernels.latestRecords(rows, at, found, index.starts, this.#pairs);
    const { columns } = this.#group;
    return columns.map(({ width, kind }, column): WindowAnswer => {
      const values = arena.allocate(rows * 8);
      const present = arena.allocate(rows);
      kernels.recordValues(rows, found, this.#records, 1 + columns.length, 1 + column, values, present);
      kernels.decode(rows, values, width, kind, values);
      return { memory: arena.memory, values, count: rows, entries: 0, valid: present };
    });
  }
}

const NO_NULLS = new BigInt64Array(CHUNK);

/** A mask of the columns that are NULL, for each row; undefined where none is. */
function nullsOf({ rows, values }: HistoryBatch): BigInt64Array | undefined {
  if (values.every(({ valid }) => valid === undefined)) return undefined;
  const masks = new BigInt64Array(rows);
  const words = new Int32Array(masks.buffer);
  values.forEach(({ valid }, column) => {
    if (valid === undefined) return;
    const word = column >> 5;
    const bit = 1 << (column & 31);
    for (let row = 0; row < rows; row++)
      if (valid[row] === 0) words[row * 2 + word] = (words[row * 2 + word] as number) | bit;
  });
  return masks;
}
