import type { ColumnBuffers } from "../columnar/arrow-answers.js";
import type { SharedArena } from "../columnar/shared-arena.js";
import { findGroups, type KeyTable } from "./history-index.js";
import type { Address, Kernels } from "./kernels.js";
import { NO_OWN, type Own, ownOf, type RawOwn } from "./own-values.js";
import { answerOf, type PreparedOutput } from "./prepared-output.js";

/** An index as plain numbers: threads that share its memory probe it, each with records of its own. */
export interface SharedIndex {
  /** Which of a piece's keys and clocks are its own. */
  readonly keys: number;
  readonly clock: number;
  readonly table: KeyTable;
  readonly groups: number;
  readonly starts: Address;
  readonly times: Address;
  readonly windows: number;
  /** The windows' lengths, i64. */
  readonly lengths: Address;
  readonly outputs: readonly PreparedOutput[];
}

/** Rows that are answered together, as they lie in the shared memory. */
export interface Piece {
  readonly rows: number;
  /** i64; validity bytes, 0: all are valid. */
  readonly keys: readonly { readonly codes: Address; readonly valid: Address }[];
  /** Ticks, i64; what is known up to each row, 0 where no history has an availability of its own. */
  readonly clocks: readonly { readonly times: Address; readonly known: Address }[];
  readonly own: readonly RawOwn[];
}

/** Queries whose lists are made at once: their values stay in the processor's cache until they are copied out. */
const BLOCK = 4096;
/** Elements of a block's lists, unless one query has more. */
const MOST_ELEMENTS = 1 << 19;

/** Probes of one thread into shared indexes. */
export class TableProbes {
  readonly #room: SharedArena;
  readonly #kernels: Kernels;
  readonly #indexes: readonly (SharedIndex & { readonly records: Address })[];
  readonly #mark: number;

  constructor(room: SharedArena, kernels: Kernels, indexes: readonly SharedIndex[]) {
    this.#room = room;
    this.#kernels = kernels;
    this.#indexes = indexes.map((index) => {
      const records = room.allocate(kernels.recordBytes(index.groups, index.windows));
      kernels.clearRecords(index.groups, index.starts, index.windows, records);
      return { ...index, records };
    });
    this.#mark = room.mark();
  }

  /** The columns of all outputs, by output. Throws `SumOutside`. */
  answer(piece: Piece): readonly ColumnBuffers[] {
    const room = this.#room;
    const kernels = this.#kernels;
    const { rows } = piece;
    const columns: ColumnBuffers[] = [];
    const owns = new Map<number, Own>();
    room.release(this.#mark);
    for (const [which, own] of piece.own.entries()) owns.set(which, ownOf(own, rows, room, kernels));
    const mark = room.mark();
    for (const index of this.#indexes) {
      room.release(mark);
      const keys = piece.keys[index.keys];
      const clock = piece.clocks[index.clock];
      if (keys === undefined || clock === undefined)
        throw new RangeError("a piece lacks the keys or times of an index");
      const stride = 1 + index.windows;
      const found = room.allocate(rows * 4);
      const bounds = room.allocate(rows * stride * 4);
      findGroups(kernels, index.table, rows, keys.codes, keys.valid, found);
      kernels.windowBounds(
        rows,
        clock.times,
        found,
        index.starts,
        index.times,
        index.windows,
        index.lengths,
        index.records,
        bounds,
      );
      const queries = { rows, bounds, stride, known: clock.known };
      for (const prepared of index.outputs)
        columns[prepared.output] = columnOf(
          prepared,
          queries,
          owns.get(prepared.spec.excludeOwn ?? -1) ?? NO_OWN,
          room,
          kernels,
        );
    }
    return columns;
  }
}

interface Queries {
  readonly rows: number;
  readonly bounds: Address;
  readonly stride: number;
  readonly known: Address;
}

/** What an output answers, in buffers of its own. */
function columnOf(
  prepared: PreparedOutput,
  queries: Queries,
  own: Own,
  room: SharedArena,
  kernels: Kernels,
): ColumnBuffers {
  const mark = room.mark();
  const column =
    prepared.spec.aggregate === "list"
      ? listsOf(prepared, queries, own, room, kernels)
      : scalarsOf(prepared, queries, own, room, kernels);
  room.release(mark);
  return column;
}

function scalarsOf(
  prepared: PreparedOutput,
  queries: Queries,
  own: Own,
  room: SharedArena,
  kernels: Kernels,
): ColumnBuffers {
  const { rows } = queries;
  const answer = answerOf(prepared, { room, kernels }, queries, own);
  const { aggregate } = prepared.spec;
  const width = aggregate === "min" || aggregate === "max" || aggregate === "last" ? prepared.form.width : 8;
  const values = copyOf(room, answer.values, rows * width);
  if (answer.valid === 0) return { values, nulls: 0 };
  const bits = room.allocate(Math.ceil(rows / 8) + 8);
  const nulls = kernels.packValidity(rows, answer.valid, bits);
  return nulls === 0 ? { values, nulls } : { values, nulls, validity: copyOf(room, bits, Math.ceil(rows / 8)) };
}

function listsOf(
  prepared: PreparedOutput,
  queries: Queries,
  own: Own,
  room: SharedArena,
  kernels: Kernels,
): ColumnBuffers {
  const { rows, bounds, stride, known } = queries;
  const { spec, form } = prepared;
  const window = spec.window + 1;
  const capacityOf = (from: number, count: number): number =>
    Number(kernels.windowListCapacity(count, bounds + from * stride * 4, stride, window, spec.maxLength ?? -1));
  const capacity = capacityOf(0, rows);
  if (capacity > MOST_IN_A_COLUMN) throw new ListsTooLong();
  const values = new Uint8Array(capacity * form.width);
  const offsets = new Int32Array(rows + 1);
  const mark = room.mark();
  let written = 0;
  for (let from = 0; from < rows; ) {
    let count = Math.min(BLOCK, rows - from);
    while (capacity > MOST_ELEMENTS && count > 1 && capacityOf(from, count) > MOST_ELEMENTS) count >>= 1;
    room.release(mark);
    const block = {
      rows: count,
      bounds: bounds + from * stride * 4,
      stride,
      known: known === 0 ? 0 : known + from * 8,
    };
    const answer = answerOf(prepared, { room, kernels }, block, ownFrom(own, from));
    const ends = room.allocate(count * 4);
    kernels.listOffsets(count, answer.entries, written, ends);
    offsets.set(room.int32At(ends, count), from + 1);
    values.set(room.bytesAt(answer.values, answer.count * form.width), written * form.width);
    written += answer.count;
    from += count;
  }
  return { values: values.subarray(0, written * form.width), offsets, nulls: 0 };
}

/** Arrow's offsets of lists have 32 bits. */
const MOST_IN_A_COLUMN = 2 ** 31 - 1;

/** A piece whose lists Arrow's offsets cannot tell; fewer rows at once can. */
export class ListsTooLong extends Error {
  override readonly name = "ListsTooLong";
}

function ownFrom({ value, valid, lists, elements }: Own, query: number): Own {
  return {
    value: value === 0 ? 0 : value + query * 8,
    valid: valid === 0 ? 0 : valid + query,
    lists: lists === 0 ? 0 : lists + query * 8,
    elements,
  };
}

function copyOf(room: SharedArena, address: Address, bytes: number): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(bytes);
  copy.set(room.bytesAt(address, bytes));
  return copy;
}
