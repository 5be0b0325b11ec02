import { Arena, type Room } from "../columnar/arena.js";
import { type Address, type Kernels, kernelsOf } from "./kernels.js";
import { CHUNK, groupKeys, type KeyChunk, type KeyGroups, type KeyTable } from "./key-groups.js";

/** History rows as they come: columns of equal length, without NULL keys and times. */
export interface HistoryBatch {
  readonly rows: number;
  readonly keys: BigInt64Array;
  /** Ticks in the source's own resolution: they decide the order. */
  readonly times: BigInt64Array;
  /** From when on a row is known; none: from its time on. */
  readonly available?: BigInt64Array;
  /** Codes; with validity bytes if the batch has NULLs. */
  readonly values: readonly { readonly codes: BigInt64Array; readonly valid?: Uint8Array }[];
}

/** A column of values in the order of an index. */
export interface IndexedValues {
  readonly values: Address;
  /** In the order of these values, since rows of an instant stand by value. */
  readonly available: Address;
  /** The same values as doubles, where they lie as such. */
  readonly numbers?: Address;
}

/** What an index is made of. */
export interface IndexContents {
  /** The columns of the batches that it holds; rows with a NULL in one of them are left out. */
  readonly columns: readonly number[];
  readonly available: boolean;
  /** Ticks of the batches' times to a tick of the queries' clock: 1000 where nanoseconds meet microseconds, else 1. */
  readonly timeDivisor: bigint;
}

/**
 * History rows by key, in order of time: a hash table of keys with the range of each key's rows, the rows' times, and
 * columns of values. Queries find a window's rows as a range of places. It lies in an arena of its own.
 */
export class HistoryIndex<Memory extends Room = Arena> {
  readonly arena: Memory;
  readonly kernels: Kernels;
  readonly #scratch: Room;
  rows = 0;
  groups = 0;
  keys: KeyTable = { kind: "direct", table: 0, least: 0n, span: 0 };
  /** `groups + 1` places, i32. */
  starts: Address = 0;
  times: Address = 0;
  columns: readonly IndexedValues[] = [];
  /** The rows' availability where the index holds no values; else each column has its own. */
  rowsAvailable: Address = 0;
  largest = 0;

  /** `scratch`: what is needed only while it is built lies there. */
  constructor(arena: Memory, scratch: Room = new Arena()) {
    this.arena = arena;
    this.kernels = kernelsOf(arena);
    this.#scratch = scratch;
  }

  /** Its rows by group. */
  get ordered() {
    const { kernels, rows, groups, starts, times, largest } = this;
    return { kernels, rows, groups, starts, times, largest };
  }

  /** Forgets what it held and takes the rows of the batches. O(rows) where they come in order of time. */
  build(batches: readonly HistoryBatch[], contents: IndexContents): void {
    const { arena, kernels } = this;
    arena.release();
    const chunks = batches.flatMap((batch) => chunksOf(batch, contents));
    const { rows, groups, starts, largest, table, placing } = groupKeys(chunks, arena, this.#scratch);
    this.rows = rows;
    this.groups = groups;
    this.largest = largest;
    this.starts = starts;
    this.keys = table;
    this.times = arena.allocate(this.rows * 8);
    const values = contents.columns.map(() => arena.allocate(this.rows * 8));
    const available = contents.available ? arena.allocate(this.rows * 8) : 0;
    const mark = arena.mark();
    const into = [this.times, ...values, ...(available === 0 ? [] : [available])];
    this.#scatter(chunks, placing, into);
    arena.release(mark);
    this.#orderByTime(into.slice(1));
    this.#orderTies(values, available);
    if (contents.timeDivisor !== 1n) kernels.floorDivide(rows, this.times, contents.timeDivisor);
    this.columns = values.map((address) => ({ values: address, available }));
    this.rowsAvailable = available;
  }

  #scatter(chunks: readonly Chunk[], placing: KeyGroups["placing"], into: readonly Address[]): void {
    const { arena, kernels } = this;
    const place = placing();
    const places = arena.allocate(CHUNK * 4);
    const values = arena.allocate(CHUNK * 8);
    let done = 0;
    for (const chunk of chunks) {
      const { rows, columns } = chunk;
      place(chunk, done, places);
      into.forEach((target, index) => {
        const column = columns[index];
        if (column === undefined) throw new RangeError("a history batch lacks a column of its index");
        arena.int64At(values, rows).set(column);
        kernels.scatter(rows, places, values, target);
      });
      done += rows;
    }
  }

  #orderByTime(columns: readonly Address[]): void {
    const { arena, kernels, groups, starts, times } = this;
    const mark = arena.mark();
    const list = arena.allocate(columns.length * 8);
    arena.int64At(list, columns.length).set(columns.map(BigInt));
    const { order, spareOrder, spare } = this.#spares();
    kernels.orderByTime(groups, starts, times, columns.length, list, order, spareOrder, spare);
    arena.release(mark);
  }

  /** Rows of one instant by value, each column for itself. */
  #orderTies(values: readonly Address[], available: Address): void {
    const { arena, kernels, groups, starts, times } = this;
    const mark = arena.mark();
    const { order, spareOrder, spare } = this.#spares();
    for (const value of values) kernels.orderTies(groups, starts, times, value, available, order, spareOrder, spare);
    arena.release(mark);
  }

  #spares() {
    const { arena, largest } = this;
    return {
      order: arena.allocate(largest * 4),
      spareOrder: arena.allocate(largest * 4),
      spare: arena.allocate(largest * 8),
    };
  }
}

/** A piece of a batch with the columns of an index: times, values, availability; and which of its rows count. */
interface Chunk extends KeyChunk {
  readonly columns: readonly BigInt64Array[];
}

function chunksOf(batch: HistoryBatch, { columns: wanted, available }: IndexContents): readonly Chunk[] {
  const columns = wanted.map((index) => {
    const column = batch.values[index];
    if (column === undefined) throw new RangeError(`a history batch has no column ${index}`);
    return column;
  });
  if (available && batch.available === undefined) throw new RangeError("a history batch lacks its availability");
  const whole = [
    batch.times,
    ...columns.map(({ codes }) => codes),
    ...(available && batch.available !== undefined ? [batch.available] : []),
  ];
  const valid = bothValid(columns.flatMap(({ valid: own }) => (own === undefined ? [] : [own])));
  const chunks: Chunk[] = [];
  for (let from = 0; from < batch.rows; from += CHUNK) {
    const to = Math.min(from + CHUNK, batch.rows);
    chunks.push({
      rows: to - from,
      keys: batch.keys.subarray(from, to),
      ...(valid === undefined ? {} : { valid: valid.subarray(from, to) }),
      columns: whole.map((column) => column.subarray(from, to)),
    });
  }
  return chunks;
}

function bothValid(masks: readonly Uint8Array[]): Uint8Array | undefined {
  const [first, ...rest] = masks;
  if (first === undefined || rest.length === 0) return first;
  return first.map((valid, row) => (valid !== 0 && rest.every((mask) => mask[row] !== 0) ? 1 : 0));
}
