import type { ColumnBuffers } from "../columnar/arrow-answers.js";
import type { SharedArena } from "../columnar/shared-arena.js";
import type { IndexedValues } from "./history-index.js";
import { type Address, DOUBLE_CODES, type Kernels } from "./kernels.js";
import { findGroups, type KeyTable } from "./key-groups.js";
import { NO_OWN, type Own, ownOf, type RawOwn } from "./own-values.js";
import { answerOf, OutputPreparation, type PreparedOutput } from "./prepared-output.js";
import { COUNTED, type ValueForm, type WindowOutput } from "./window-columns.js";

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

/** What threads are asked: to look rows up in indexes, or to answer rows from themselves. */
export type Probing =
  | { readonly kind: "indexes"; readonly indexes: readonly SharedIndex[] }
  | { readonly kind: "runs"; readonly runs: RunPlan };

export interface Probes {
  /** The columns of all outputs, by output. Throws `SumOutside`, `ListsTooLong`, `NotSorted`. */
  answer(piece: Piece): readonly ColumnBuffers[];
}

export function openProbes(room: SharedArena, kernels: Kernels, probing: Probing): Probes {
  room.release();
  return probing.kind === "indexes"
    ? new TableProbes(room, kernels, probing.indexes)
    : new RunProbes(room, kernels, probing.runs);
}

/** Rows that are answered together, as they lie in the shared memory. */
export interface Piece {
  readonly rows: number;
  /** i64; validity bytes, 0: all are valid. */
  readonly keys: readonly { readonly codes: Address; readonly valid: Address }[];
  /** Ticks, i64; what is known up to each row, 0 where no history has an availability of its own. */
  readonly clocks: readonly { readonly times: Address; readonly known: Address }[];
  readonly own: readonly RawOwn[];
  /** Of rows that are their own history: the raw values of its columns. */
  readonly values?: readonly Address[];
}

/** Queries whose lists are made at once: their values stay in the processor's cache until they are copied out. */
const BLOCK = 4096;
/** Elements of a block's lists, unless one query has more. */
const MOST_ELEMENTS = 1 << 19;

/** Probes of one thread into shared indexes. */
class TableProbes implements Probes {
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

/** Aggregates of rows that come sorted by key and time, over themselves. */
export interface RunPlan {
  readonly windows: readonly bigint[];
  /** The forms of the values; what is not NULL anywhere. */
  readonly columns: readonly ValueForm[];
  readonly outputs: readonly WindowOutput[];
}

/** Rows that do not come sorted by key and time. */
export class NotSorted extends Error {
  override readonly name = "NotSorted";
}

/**
 * Pieces of whole runs: each is a history of its own, without a search or an index, and all that is made of it stays in the
 * processor's cache.
 */
class RunProbes implements Probes {
  readonly #room: SharedArena;
  readonly #kernels: Kernels;
  readonly #plan: RunPlan;
  readonly #lengths: Address;
  readonly #mark: number;

  constructor(room: SharedArena, kernels: Kernels, plan: RunPlan) {
    this.#room = room;
    this.#kernels = kernels;
    this.#plan = plan;
    this.#lengths = room.allocate(plan.windows.length * 8);
    room.int64At(this.#lengths, plan.windows.length).set(plan.windows);
    this.#mark = room.mark();
  }

  answer({ rows, keys: [keys], clocks: [clock], own, values = [] }: Piece): readonly ColumnBuffers[] {
    const room = this.#room;
    const kernels = this.#kernels;
    const { windows, columns: forms, outputs } = this.#plan;
    if (keys === undefined || clock === undefined) throw new RangeError("a piece lacks its keys or times");
    room.release(this.#mark);
    const owns = own.map((each) => ownOf(each, rows, room, kernels));
    const starts = room.allocate((rows + 1) * 4);
    const groups = kernels.groupRuns(rows, keys.codes, clock.times, starts);
    if (groups < 0) throw new NotSorted();
    const stride = 1 + windows.length;
    const bounds = room.allocate(rows * stride * 4);
    kernels.runBounds(clock.times, groups, starts, windows.length, this.#lengths, bounds);
    const largest = kernels.largestGroup(groups, starts);
    const columns = forms.map((form, place) => {
      const uses = outputs.filter(({ column }) => column === place);
      return this.#column(form, values[place] ?? 0, rows, uses, { groups, starts, largest, times: clock.times });
    });
    const history = { room, kernels, rows, groups, starts, times: clock.times, largest };
    const preparation = new OutputPreparation(history, windows, false);
    const queries = { rows, bounds, stride, known: 0 };
    return outputs.map((spec, output) => {
      const { column = -1, excludeOwn = -1 } = spec;
      const indexed = columns[column] ?? { values: 0, available: 0 };
      let prepared = preparation.prepare(output, spec, column, indexed, forms[column] ?? COUNTED);
      if (indexed.numbers !== undefined && (prepared.prefix === 0 || prepared.wide) && spec.aggregate !== "count") {
        const codes = room.allocate(rows * 8);
        kernels.encode(rows, indexed.numbers, 8, DOUBLE_CODES, codes);
        prepared = { ...prepared, column: { values: codes, available: 0 } };
      }
      return columnOf(prepared, queries, owns[excludeOwn] ?? NO_OWN, room, kernels);
    });
  }

  /** Values in the order of histories: rows of one instant by value, unless they are only added up. */
  #column(
    form: ValueForm,
    raw: Address,
    rows: number,
    uses: readonly WindowOutput[],
    {
      groups,
      starts,
      largest,
      times,
    }: { readonly groups: number; readonly starts: Address; readonly largest: number; readonly times: Address },
  ): IndexedValues {
    const room = this.#room;
    const kernels = this.#kernels;
    const isAdded = uses.every(
      ({ aggregate, excludeOwn }) => /^(sum|mean|count)$/.test(aggregate) && excludeOwn === undefined,
    );
    // Doubles that are added up are added as they are, unless 128 bits do not hold their sums; 64 bits are their own codes.
    if (isAdded && form.width === 8)
      return { values: raw, available: 0, ...(form.kind === DOUBLE_CODES ? { numbers: raw } : {}) };
    const codes = room.allocate(rows * 8);
    kernels.encode(rows, raw, form.width, form.kind, codes);
    if (isAdded) return { values: codes, available: 0 };
    const order = room.allocate(largest * 4);
    const spareOrder = room.allocate(largest * 4);
    const spare = room.allocate(largest * 8);
    kernels.orderTies(groups, starts, times, codes, 0, order, spareOrder, spare);
    return { values: codes, available: 0 };
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
