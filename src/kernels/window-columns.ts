import { type Arena, ArenaPool } from "../columnar/arena.js";
import type { Aggregate } from "../definitions/aggregations.js";
import { type HistoryBatch, HistoryIndex, type IndexContents } from "./history-index.js";
import { type Address, type CodeKind, INTEGER_CODES } from "./kernels.js";
import { findGroups } from "./key-groups.js";
import { NO_OWN, type Own, ownOf, put } from "./own-values.js";
import { answerOf, OutputPreparation, type PreparedOutput } from "./prepared-output.js";

/** How values of a column lie in memory and become codes. */
export interface ValueForm {
  readonly kind: CodeKind;
  /** Bytes of a value: 1, 2, 4, 8. */
  readonly width: number;
}

/** A column of window aggregates. */
export interface WindowOutput {
  readonly aggregate: Aggregate;
  /** The history's value column; absent: its rows are counted. */
  readonly column?: number;
  /** Which of the windows. */
  readonly window: number;
  /** The query's own value, or list, whose values are dropped: which of the queries' own columns. */
  readonly excludeOwn?: number;
  /** A list with each value once, at its latest occurrence. */
  readonly distinct: boolean;
  readonly maxLength?: number;
}

export interface WindowGroup {
  /** Ticks of the queries' clock; −1: from the beginning. */
  readonly windows: readonly bigint[];
  readonly columns: readonly ValueForm[];
  readonly outputs: readonly WindowOutput[];
  /** History rows are known from a time of their own. */
  readonly available: boolean;
  readonly timeDivisor: bigint;
}

/** A column of a query batch as bytes; validity as a byte a row (absent: all are valid). */
export interface QueryColumn {
  readonly bytes: Uint8Array;
  readonly valid?: Uint8Array;
}

/** Own values: one a query, or a list of them (`entries`: offset and length, u64 each). */
export interface OwnColumn extends QueryColumn {
  readonly form: ValueForm;
  readonly list?: { readonly entries: Uint8Array; readonly valid?: Uint8Array };
}

export interface QueryBatch {
  readonly rows: number;
  /** i64. */
  readonly keys: QueryColumn;
  /** Ticks, i64: history is what lies strictly before. */
  readonly times: Uint8Array;
  /** Ticks, i64: what is known up to here exists; needed with `available`. */
  readonly known?: Uint8Array;
  readonly own: readonly OwnColumn[];
}

/** Where an output's values lie, in `memory`, until the next probe. */
export interface WindowAnswer {
  readonly memory: WebAssembly.Memory;
  /** Of a list the elements; in the column's own form, counts and integer sums i64, float sums and means f64. */
  readonly values: Address;
  readonly count: number;
  /** Lists: offset and length, u64 each; else 0. */
  readonly entries: Address;
  /** Validity bytes; 0: all are valid. */
  readonly valid: Address;
}

/** An integer sum that BIGINT does not hold. */
export class SumOutside extends Error {
  override readonly name = "SumOutside";
  constructor(readonly output: number) {
    super("an integer sum is outside BIGINT");
  }
}

/** What a history of so many rows and keys takes at most while its index is made, batches included. */
export interface HistoryBytes {
  readonly all: number;
  /** In the largest of its memories, of which each ends at 4 GiB. */
  readonly largest: number;
}

/** A bound of what `WindowColumns` takes to hold a history, whatever its NULLs and the sizes of its groups are. */
export function historyBytes(group: WindowGroup, rows: number, keys: number): HistoryBytes {
  const { outputs, columns, available, windows } = group;
  const extra = available ? 8 : 0;
  const batch = rows * (20 + extra + columns.length * 9); // key, time, group; values with their validity
  const used = new Set(outputs.flatMap(({ column }) => (column === undefined ? [] : [column])));
  // Any column may have an index of its own, with its times; while it is ordered, a place and a spare value a row.
  const ofPart = 8 + extra + 16;
  const shared = new Map(outputs.flatMap((output) => preparations(output, group)));
  const prepared = [...shared.values()].reduce((sum, bytes) => sum + bytes, 0);
  const ofKeys = keys * (64 + 8 + 2 * (16 + 4 * (1 + windows.length)));
  const parts = 1 + used.size;
  // The keys' own table has at most an entry a row.
  const indexes = rows * (parts * (ofPart + 4) + used.size * 8 + prepared) + parts * ofKeys;
  // The table of keys grows by doubling, and what it grew out of is let go at the end.
  const grouping = rows * 12 + keys * 192;
  return {
    all: batch + indexes + grouping,
    largest: Math.max(grouping, rows * (ofPart + 4 + used.size * 8 + prepared) + ofKeys),
  };
}

/** What an output's preparations are called, where others share them, and the bytes that each adds by row. */
function preparations(output: WindowOutput, { columns, available }: WindowGroup): readonly [string, number][] {
  const { aggregate, distinct, column, excludeOwn, window } = output;
  const named = (what: string, bytes: number): [string, number] => [`${what} ${column}`, bytes];
  const made: [string, number][] = [];
  // Next occurrences, found by a table of a group's values; those before; windows' values.
  if (distinct || aggregate === "count_distinct") made.push(named("next", 4 + 64));
  if (aggregate === "count_distinct") made.push(named("previous", 4), named(`path ${window}`, 8));
  if (aggregate === "min" || aggregate === "max") made.push(named(aggregate, 12));
  // Running sums; of floats, their special values and numbers.
  if (aggregate === "sum" || aggregate === "mean")
    made.push(named("sums", columns[column ?? -1]?.kind === INTEGER_CODES ? 16 : 40));
  if (aggregate === "list" || aggregate === "last") return made;
  // While rows are ordered by value, a place and a code a row.
  if (excludeOwn !== undefined) made.push(named("order", 4 + 12));
  if (available) made.push(named("tree", 2));
  return made;
}

/**
 * Window aggregates of one group of specs: the same keys, times and matching history rows. Value columns without a NULL
 * share one index; one that has some is an index of its own, since NULLs are no history.
 */
export class WindowColumns {
  readonly #group: WindowGroup;
  readonly #pool: ArenaPool;
  #parts: readonly Part[] = [];
  #isLoaded = false;

  /** `pool`: the memories that its indexes lie in come from there, and go back to it. */
  constructor(group: WindowGroup, pool: ArenaPool = new ArenaPool()) {
    this.#group = group;
    this.#pool = pool;
  }

  /** Of the indexes; what a probe lays beside them is not counted. */
  get bytes(): number {
    return this.#parts.reduce((sum, part) => sum + part.bytes, 0);
  }

  /** Takes the history in the place of what it had. */
  load(batches: readonly HistoryBatch[]): true {
    const { outputs, columns, available, timeDivisor } = this.#group;
    const used = [...new Set(outputs.flatMap(({ column }) => (column === undefined ? [] : [column])))];
    const alone = used.filter(
      (column) => available || batches.some(({ values }) => values[column]?.valid !== undefined),
    );
    const together = used.filter((column) => !alone.includes(column));
    const wanted = alone.map((column) => [column]);
    if (together.length > 0 || outputs.some(({ column }) => column === undefined)) wanted.push(together);
    this.forget();
    this.#parts = wanted.map((contents) => {
      const part = new Part(this.#group, this.#pool);
      const own = outputs.flatMap((output, index) =>
        (output.column === undefined ? contents === together : contents.includes(output.column)) ? [index] : [],
      );
      part.load(batches, { columns: contents, available, timeDivisor }, own, columns);
      return part;
    });
    this.#isLoaded = true;
    return true;
  }

  /** Gives its memory back; until it is loaded again it answers nothing. */
  forget(): void {
    for (const { index } of this.#parts) this.#pool.give(index.arena);
    this.#parts = [];
    this.#isLoaded = false;
  }

  /** The answers of all outputs, in their order. Throws `SumOutside`. */
  probe(batch: QueryBatch): readonly WindowAnswer[] {
    if (!this.#isLoaded) throw new RangeError("the history of a kernel is not loaded");
    const answers: WindowAnswer[] = [];
    for (const part of this.#parts) for (const [output, answer] of part.probe(batch)) answers[output] = answer;
    return answers;
  }
}

/** Rows are counted without a look at a value. */
export const COUNTED: ValueForm = Object.freeze({ kind: INTEGER_CODES, width: 8 });

class Part {
  readonly index: HistoryIndex<Arena>;
  readonly #group: WindowGroup;
  #outputs: readonly PreparedOutput[] = [];
  #scratch = 0;
  #records: Address = 0;
  #lengths: Address = 0;

  constructor(group: WindowGroup, pool: ArenaPool) {
    this.#group = group;
    this.index = new HistoryIndex(pool.take(), pool.scratch);
  }

  get bytes(): number {
    return this.#scratch;
  }

  load(
    batches: readonly HistoryBatch[],
    contents: IndexContents,
    outputs: readonly number[],
    forms: readonly ValueForm[],
  ): void {
    const { index } = this;
    const { windows } = this.#group;
    index.build(batches, contents);
    const { arena, kernels } = index;
    this.#lengths = arena.allocate(windows.length * 8);
    arena.int64At(this.#lengths, windows.length).set(windows);
    this.#records = arena.allocate(kernels.recordBytes(index.groups, windows.length));
    kernels.clearRecords(index.groups, index.starts, windows.length, this.#records);
    const preparation = new OutputPreparation({ ...index.ordered, room: arena }, windows, contents.available);
    this.#outputs = outputs.map((output) => {
      const spec = this.#group.outputs[output];
      if (spec === undefined) throw new RangeError(`there is no output ${output}`);
      const place = spec.column === undefined ? -1 : contents.columns.indexOf(spec.column);
      const column = index.columns[place] ?? { values: 0, available: index.rowsAvailable };
      return preparation.prepare(output, spec, place, column, forms[spec.column ?? -1] ?? COUNTED);
    });
    this.#scratch = arena.mark();
  }

  *probe(batch: QueryBatch): Generator<readonly [number, WindowAnswer]> {
    const { index } = this;
    const { arena, kernels } = index;
    arena.release(this.#scratch);
    const { rows } = batch;
    const stride = 1 + this.#group.windows.length;
    const bounds = arena.allocate(rows * stride * 4);
    const keys = put(arena, batch.keys.bytes);
    const valid = batch.keys.valid === undefined ? 0 : put(arena, batch.keys.valid);
    const times = put(arena, batch.times);
    const known = batch.known === undefined ? 0 : put(arena, batch.known);
    const found = arena.allocate(rows * 4);
    findGroups(kernels, index.keys, rows, keys, valid, found);
    kernels.windowBounds(
      rows,
      times,
      found,
      index.starts,
      index.times,
      this.#group.windows.length,
      this.#lengths,
      this.#records,
      bounds,
    );
    const owns = new Map<number, Own>();
    for (const prepared of this.#outputs) {
      const { excludeOwn } = prepared.spec;
      let own = NO_OWN;
      if (excludeOwn !== undefined) {
        own = owns.get(excludeOwn) ?? this.#own(batch.own[excludeOwn], rows);
        owns.set(excludeOwn, own);
      }
      yield [prepared.output, answerOf(prepared, { room: arena, kernels }, { rows, bounds, stride, known }, own)];
    }
  }

  #own(own: OwnColumn | undefined, rows: number): Own {
    if (own === undefined) throw new RangeError("a query batch lacks its own values");
    const { arena, kernels } = this.index;
    const { form, list } = own;
    const raw = put(arena, own.bytes);
    const valid = own.valid === undefined ? 0 : put(arena, own.valid);
    if (list === undefined) return ownOf({ form, count: rows, raw, valid }, rows, arena, kernels);
    const lists = {
      entries: put(arena, list.entries),
      valid: list.valid === undefined ? 0 : put(arena, list.valid),
    };
    return ownOf({ form, count: own.bytes.length / form.width, raw, valid, lists }, rows, arena, kernels);
  }
}
