import { Arena, type Room } from "../columnar/arena.js";
import { type Address, type Kernels, kernelsOf } from "./kernels.js";

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

/** Where a key's group is found. */
export type KeyTable =
  | { readonly kind: "slots"; readonly slots: Address; readonly mask: number }
  | { readonly kind: "direct"; readonly table: Address; readonly least: bigint; readonly span: number };

/** Writes each query's group to `found`; −1: its key has no history, or is NULL. */
export function findGroups(
  kernels: Kernels,
  table: KeyTable,
  rows: number,
  keys: Address,
  valid: Address,
  found: Address,
): void {
  if (table.kind === "slots") kernels.lookUp(rows, keys, valid, table.slots, table.mask, found);
  else kernels.lookUpDirect(rows, keys, valid, table.least, table.span, table.table, found);
}

/** Rows in a chunk while an index is built. */
const CHUNK = 8192;
const FIRST_SLOTS = 1024;

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
    const { kernels, rows, groups, starts, largest } = this;
    return { kernels, rows, groups, starts, largest };
  }

  /** Forgets what it held and takes the rows of the batches. O(rows) where they come in order of time. */
  build(batches: readonly HistoryBatch[], contents: IndexContents): void {
    const { arena } = this;
    arena.release();
    const chunks = batches.flatMap((batch) => chunksOf(batch, contents));
    const groupOf = this.#group(chunks);
    this.times = arena.allocate(this.rows * 8);
    const values = contents.columns.map(() => arena.allocate(this.rows * 8));
    const available = contents.available ? arena.allocate(this.rows * 8) : 0;
    const mark = arena.mark();
    this.#scatter(chunks, groupOf, [this.times, ...values, ...(available === 0 ? [] : [available])]);
    arena.release(mark);
    this.#order(values, available, contents);
    this.columns = values.map((address) => ({ values: address, available }));
    this.rowsAvailable = available;
  }

  /** Numbers the groups, counts them and makes the table of their ranges. */
  #group(chunks: readonly Chunk[]): Int32Array {
    const scratch = this.#scratch;
    scratch.release();
    const kernels = kernelsOf(scratch);
    const all = chunks.reduce((sum, chunk) => sum + chunk.rows, 0);
    const keys = scratch.allocate(CHUNK * 8);
    const valid = scratch.allocate(CHUNK);
    const numbers = scratch.allocate(CHUNK * 4);
    const counts = scratch.allocate((all + 1) * 4);
    let mask = FIRST_SLOTS - 1;
    let slots = scratch.allocate((mask + 1) * 16);
    kernels.clearSlots(slots, mask);
    const groupOf = new Int32Array(all);
    let groups = 0;
    let done = 0;
    for (const chunk of chunks) {
      while ((groups + chunk.rows) * 2 > mask + 1) {
        const wider = mask * 2 + 1;
        const larger = scratch.allocate((wider + 1) * 16);
        kernels.clearSlots(larger, wider);
        kernels.moveSlots(slots, mask, larger, wider);
        [slots, mask] = [larger, wider];
      }
      scratch.int64At(keys, chunk.rows).set(chunk.keys);
      if (chunk.valid !== undefined) scratch.bytesAt(valid, chunk.rows).set(chunk.valid);
      const which = chunk.valid === undefined ? 0 : valid;
      groups = kernels.assignGroups(chunk.rows, keys, which, slots, mask, numbers, groups, counts);
      groupOf.set(scratch.int32At(numbers, chunk.rows), done);
      done += chunk.rows;
    }
    kernels.startsOf(groups, counts);
    this.groups = groups;
    this.rows = scratch.int32At(counts, groups + 1)[groups] ?? 0;
    this.largest = kernels.largestGroup(groups, counts);
    this.keys = this.#keyTable(scratch, kernels, slots, mask);
    this.starts = this.arena.allocate((groups + 1) * 4);
    this.arena.int32At(this.starts, groups + 1).set(scratch.int32At(counts, groups + 1));
    return groupOf;
  }

  /** Keys of a narrow range stand in a table of all keys of it, without a search. */
  #keyTable(scratch: Room, kernels: Kernels, slots: Address, mask: number): KeyTable {
    const range = scratch.allocate(16);
    kernels.keyRange(slots, mask, range);
    const [least = 0n, greatest = -1n] = scratch.int64At(range, 2);
    const span = this.groups === 0 ? 0n : greatest - least + 1n;
    if (span > BigInt(mask + 1) * 4n) {
      const own = this.arena.allocate((mask + 1) * 16);
      this.arena.bytesAt(own, (mask + 1) * 16).set(scratch.bytesAt(slots, (mask + 1) * 16));
      return { kind: "slots", slots: own, mask };
    }
    // One entry at least: a look-up always reads one.
    const bytes = Math.max(1, Number(span)) * 4;
    const made = scratch.allocate(bytes);
    kernels.directTable(slots, mask, least, Math.max(1, Number(span)), made);
    const table = this.arena.allocate(bytes);
    this.arena.bytesAt(table, bytes).set(scratch.bytesAt(made, bytes));
    return { kind: "direct", table, least, span: Number(span) };
  }

  #scatter(chunks: readonly Chunk[], groupOf: Int32Array, into: readonly Address[]): void {
    const { arena, kernels } = this;
    const cursors = arena.allocate((this.groups + 1) * 4);
    const groups = arena.allocate(CHUNK * 4);
    const places = arena.allocate(CHUNK * 4);
    const values = arena.allocate(CHUNK * 8);
    arena.int32At(cursors, this.groups).set(arena.int32At(this.starts, this.groups));
    let done = 0;
    for (const { rows, columns } of chunks) {
      arena.int32At(groups, rows).set(groupOf.subarray(done, done + rows));
      kernels.placeRows(rows, groups, cursors, places);
      into.forEach((target, index) => {
        const column = columns[index];
        if (column === undefined) throw new RangeError("a history batch lacks a column of its index");
        arena.int64At(values, rows).set(column);
        kernels.scatter(rows, places, values, target);
      });
      done += rows;
    }
  }

  #order(values: readonly Address[], available: Address, { timeDivisor }: IndexContents): void {
    const { arena, kernels, groups, starts, times, rows } = this;
    const mark = arena.mark();
    const order = arena.allocate(this.largest * 4);
    const spareOrder = arena.allocate(this.largest * 4);
    const spare = arena.allocate(this.largest * 8);
    const moved = [...values, ...(available === 0 ? [] : [available])];
    const list = arena.allocate(moved.length * 8);
    arena.int64At(list, moved.length).set(moved.map(BigInt));
    kernels.orderByTime(groups, starts, times, moved.length, list, order, spareOrder, spare);
    for (const value of values) kernels.orderTies(groups, starts, times, value, available, order, spareOrder, spare);
    arena.release(mark);
    if (timeDivisor !== 1n) kernels.floorDivide(rows, times, timeDivisor);
  }
}

/** A piece of a batch with the columns of an index: times, values, availability; and which of its rows count. */
interface Chunk {
  readonly rows: number;
  readonly keys: BigInt64Array;
  readonly valid?: Uint8Array;
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
