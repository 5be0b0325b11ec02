import type { Room } from "../columnar/arena.js";
import { type Address, type Kernels, kernelsOf } from "./kernels.js";

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

/** A piece of a history's keys, at most `CHUNK`; which of the rows count (absent: all do). */
export interface KeyChunk {
  readonly rows: number;
  readonly keys: BigInt64Array;
  readonly valid?: Uint8Array;
}

/** Rows in a chunk while an index is built. */
export const CHUNK = 8192;

/** History rows by key: each group's rows are a range of places. */
export interface KeyGroups {
  readonly rows: number;
  readonly groups: number;
  readonly largest: number;
  /** `groups + 1` places, i32; it lies in the arena, as what `table` names does. */
  readonly starts: Address;
  readonly table: KeyTable;
  /**
   * Writes each row's place to `places` (−1: it does not count), chunk by chunk in their order, `done` rows before. What it
   * needs for that lies in the arena from its mark on.
   */
  readonly placing: () => (chunk: KeyChunk, done: number, places: Address) => void;
}

/** Groups the keys. `scratch`: what is needed only while they are grouped lies there; it is released before. */
export function groupKeys(chunks: readonly KeyChunk[], arena: Room, scratch: Room): KeyGroups {
  scratch.release();
  const kernels = kernelsOf(scratch);
  const all = chunks.reduce((sum, { rows }) => sum + rows, 0);
  const lay = layer(scratch);
  const range = scratch.allocate(16);
  scratch.int64At(range, 2).set([2n ** 63n - 1n, -(2n ** 63n)]);
  for (const chunk of chunks) {
    const { keys, valid } = lay(chunk);
    kernels.widenRange(chunk.rows, keys, valid, range);
  }
  const [least = 0n, greatest = -1n] = scratch.int64At(range, 2);
  const span = greatest < least ? 0n : greatest - least + 1n;
  return span > BigInt(all)
    ? byHash(chunks, all, arena, scratch)
    : byRange(chunks, least, Number(span), arena, scratch);
}

/** Keys of a range that is no wider than there are rows: each has a place in a table, in their order. */
function byRange(chunks: readonly KeyChunk[], least: bigint, span: number, arena: Room, scratch: Room): KeyGroups {
  const kernels = kernelsOf(scratch);
  const lay = layer(scratch);
  // One entry at least: a look-up always reads one.
  const entries = Math.max(1, span);
  const counts = scratch.allocate(entries * 4);
  scratch.bytesAt(counts, entries * 4).fill(0);
  for (const chunk of chunks) {
    const { keys, valid } = lay(chunk);
    kernels.countKeys(chunk.rows, keys, valid, least, counts);
  }
  const table = scratch.allocate(entries * 4);
  const starts = scratch.allocate((entries + 1) * 4);
  const groups = kernels.numberKeys(entries, counts, table, starts);
  return {
    ...sizesOf(kernels, scratch, groups, starts),
    starts: copyInto(arena, scratch, starts, (groups + 1) * 4),
    table: { kind: "direct", table: copyInto(arena, scratch, table, entries * 4), least, span },
    placing: () => {
      const layKeys = layer(arena);
      const cursors = copyInto(arena, scratch, counts, entries * 4);
      return (chunk, _, places) => {
        const { keys, valid } = layKeys(chunk);
        kernelsOf(arena).placeKeys(chunk.rows, keys, valid, least, cursors, places);
      };
    },
  };
}

const FIRST_SLOTS = 1024;

/** Any keys, by a hash table; those of a narrow range are found in a table of all keys of it, without a search. */
function byHash(chunks: readonly KeyChunk[], all: number, arena: Room, scratch: Room): KeyGroups {
  const kernels = kernelsOf(scratch);
  const lay = layer(scratch);
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
    const { keys, valid } = lay(chunk);
    groups = kernels.assignGroups(chunk.rows, keys, valid, slots, mask, numbers, groups, counts);
    groupOf.set(scratch.int32At(numbers, chunk.rows), done);
    done += chunk.rows;
  }
  kernels.startsOf(groups, counts);
  return {
    ...sizesOf(kernels, scratch, groups, counts),
    starts: copyInto(arena, scratch, counts, (groups + 1) * 4),
    table: keyTable(groups, slots, mask, arena, scratch),
    placing: () => {
      const cursors = copyInto(arena, scratch, counts, (groups + 1) * 4);
      const own = arena.allocate(CHUNK * 4);
      return ({ rows }, before, places) => {
        arena.int32At(own, rows).set(groupOf.subarray(before, before + rows));
        kernelsOf(arena).placeRows(rows, own, cursors, places);
      };
    },
  };
}

function keyTable(groups: number, slots: Address, mask: number, arena: Room, scratch: Room): KeyTable {
  const kernels = kernelsOf(scratch);
  const range = scratch.allocate(16);
  kernels.keyRange(slots, mask, range);
  const [least = 0n, greatest = -1n] = scratch.int64At(range, 2);
  const span = groups === 0 ? 0n : greatest - least + 1n;
  if (span > BigInt(mask + 1) * 4n)
    return { kind: "slots", slots: copyInto(arena, scratch, slots, (mask + 1) * 16), mask };
  const entries = Math.max(1, Number(span));
  const made = scratch.allocate(entries * 4);
  kernels.directTable(slots, mask, least, entries, made);
  return { kind: "direct", table: copyInto(arena, scratch, made, entries * 4), least, span: Number(span) };
}

function sizesOf(kernels: Kernels, scratch: Room, groups: number, starts: Address) {
  const rows = scratch.int32At(starts, groups + 1)[groups] ?? 0;
  return { rows, groups, largest: kernels.largestGroup(groups, starts) };
}

/** Lays chunks into a room, one in the place of the other. */
function layer(room: Room): (chunk: KeyChunk) => { readonly keys: Address; readonly valid: Address } {
  const keys = room.allocate(CHUNK * 8);
  const valid = room.allocate(CHUNK);
  return (chunk) => {
    room.int64At(keys, chunk.rows).set(chunk.keys);
    if (chunk.valid !== undefined) room.bytesAt(valid, chunk.rows).set(chunk.valid);
    return { keys, valid: chunk.valid === undefined ? 0 : valid };
  };
}

function copyInto(arena: Room, scratch: Room, address: Address, bytes: number): Address {
  const own = arena.allocate(bytes);
  arena.bytesAt(own, bytes).set(scratch.bytesAt(address, bytes));
  return own;
}
