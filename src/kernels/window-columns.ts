import type { Aggregate } from "../definitions/aggregations.js";
import { type HistoryBatch, HistoryIndex, type IndexedValues } from "./history-index.js";
import { type Address, type CodeKind, INTEGER_CODES } from "./kernels.js";

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

/** From how many rows of a key on a table of extremes pays. */
const LONG_HISTORY = 64;
const LIMB_BYTES = 70 * 8;

/**
 * Window aggregates of one group of specs: the same keys, times and matching history rows. Value columns without a NULL
 * share one index; one that has some is an index of its own, since NULLs are no history.
 */
export class WindowColumns {
  readonly #group: WindowGroup;
  readonly #parts: readonly Part[];

  constructor(group: WindowGroup) {
    this.#group = group;
    this.#parts = [];
  }

  get bytes(): number {
    return this.#parts.reduce((sum, part) => sum + part.index.arena.bytes, 0);
  }

  /** Takes the history in the place of what it had. */
  load(batches: readonly HistoryBatch[]): void {
    const { outputs, columns, available, timeDivisor } = this.#group;
    const used = [...new Set(outputs.flatMap(({ column }) => (column === undefined ? [] : [column])))];
    const alone = used.filter(
      (column) => available || batches.some(({ values }) => values[column]?.valid !== undefined),
    );
    const together = used.filter((column) => !alone.includes(column));
    const wanted = alone.map((column) => [column]);
    if (together.length > 0 || outputs.some(({ column }) => column === undefined)) wanted.push(together);
    const parts = this.#parts as Part[];
    while (parts.length > wanted.length) parts.pop();
    wanted.forEach((contents, place) => {
      parts[place] ??= new Part(this.#group);
      const own = outputs.flatMap((output, index) =>
        (output.column === undefined ? contents === together : contents.includes(output.column)) ? [index] : [],
      );
      parts[place]?.load(batches, { columns: contents, available, timeDivisor }, own, columns);
    });
  }

  /** The answers of all outputs, in their order. Throws `SumOutside`. */
  probe(batch: QueryBatch): readonly WindowAnswer[] {
    const answers: WindowAnswer[] = [];
    for (const part of this.#parts) for (const [output, answer] of part.probe(batch)) answers[output] = answer;
    return answers;
  }
}

/** What an output needs of its column beside the values. */
interface Prepared {
  readonly output: number;
  readonly spec: WindowOutput;
  readonly form: ValueForm;
  readonly column: IndexedValues;
  readonly next: Address;
  readonly prefix: Address;
  readonly low: number;
  readonly specials: Address;
  readonly extremes: Address;
}

class Part {
  readonly index = new HistoryIndex();
  readonly #group: WindowGroup;
  #outputs: readonly Prepared[] = [];
  #scratch = 0;
  #cursors: Address = 0;
  #lengths: Address = 0;

  constructor(group: WindowGroup) {
    this.#group = group;
  }

  load(
    batches: readonly HistoryBatch[],
    contents: { readonly columns: readonly number[]; readonly available: boolean; readonly timeDivisor: bigint },
    outputs: readonly number[],
    forms: readonly ValueForm[],
  ): void {
    const { index } = this;
    const { windows } = this.#group;
    index.build(batches, contents);
    const { arena } = index;
    this.#lengths = arena.allocate(windows.length * 8);
    arena.int64At(this.#lengths, windows.length).set(windows);
    const cursorBytes = (index.mask + 1) * (1 + windows.length) * 4;
    this.#cursors = arena.allocate(cursorBytes);
    arena.bytesAt(this.#cursors, cursorBytes).fill(0);
    const made = new Map<string, Address>();
    this.#outputs = outputs.map((output) => this.#prepare(output, contents.columns, forms, made));
    this.#scratch = arena.mark();
  }

  #prepare(
    output: number,
    columns: readonly number[],
    forms: readonly ValueForm[],
    made: Map<string, Address>,
  ): Prepared {
    const { index } = this;
    const { rows } = index;
    const spec = this.#group.outputs[output];
    if (spec === undefined) throw new RangeError(`there is no output ${output}`);
    const place = spec.column === undefined ? -1 : columns.indexOf(spec.column);
    const column = index.columns[place] ?? { values: 0, available: index.rowsAvailable };
    const form = forms[spec.column ?? -1] ?? { kind: INTEGER_CODES, width: 8 };
    const once = (what: string, make: () => Address): Address => {
      const key = `${what} ${place}`;
      const known = made.get(key) ?? make();
      made.set(key, known);
      return known;
    };
    const distinct = spec.distinct || spec.aggregate === "count_distinct";
    const plain = !this.#group.available && spec.excludeOwn === undefined && !distinct;
    const summed = plain && (spec.aggregate === "sum" || spec.aggregate === "mean");
    const floats = summed && form.kind !== INTEGER_CODES ? this.#floatSums(column, form, once) : undefined;
    const extreme = spec.aggregate === "min" || spec.aggregate === "max";
    const { arena, kernels } = index;
    return {
      output,
      spec,
      form,
      column,
      next: distinct ? once("next", () => this.#nextOccurrence(column, form)) : 0,
      prefix: !summed
        ? 0
        : (floats?.prefix ??
          once("sums", () => {
            const sums = arena.allocate((rows + 1) * 16);
            kernels.integerPrefix(rows, column.values, sums);
            return sums;
          })),
      low: floats?.low ?? 0,
      specials: floats?.specials ?? 0,
      extremes:
        plain && extreme && index.largest >= LONG_HISTORY
          ? once(spec.aggregate, () => {
              const blocks = Math.ceil(rows / 32);
              const table = arena.allocate(kernels.extremeLevels(rows) * blocks * 8);
              kernels.extremeTable(rows, column.values, spec.aggregate === "max", table);
              return table;
            })
          : 0,
    };
  }

  #nextOccurrence(column: IndexedValues, form: ValueForm): Address {
    const { arena, kernels, rows, groups, starts, largest } = this.index;
    const next = arena.allocate(rows * 4);
    const mark = arena.mark();
    let mask = 63;
    while (mask + 1 < largest * 2) mask = mask * 2 + 1;
    const slots = arena.allocate((mask + 1) * 16);
    kernels.clearSlots(slots, mask);
    kernels.nextOccurrence(groups, starts, column.values, form.kind, slots, mask, next);
    arena.release(mark);
    return next;
  }

  /** Running sums where 128 bits hold any sum of the column; without, each window is added up by itself. */
  #floatSums(column: IndexedValues, form: ValueForm, once: (what: string, make: () => Address) => Address) {
    const { arena, kernels, rows } = this.index;
    const header = once("exponents", () => {
      const out = arena.allocate(64);
      const mark = arena.mark();
      const numbers = arena.allocate(rows * 8);
      kernels.numbersOfCodes(rows, column.values, form.kind, numbers);
      kernels.exponentRange(rows, numbers, out);
      arena.release(mark);
      return out;
    });
    const [low = 0, high = 0, special = 0] = arena.int32At(header, 3);
    const fits = high < low || high - low + Math.ceil(Math.log2(rows + 1)) + 1 <= 127;
    if (!fits) return { prefix: 0, low: 0, specials: 0 };
    const base = high < low ? 0 : low;
    const withNumbers = (bytes: number, make: (numbers: Address, into: Address) => void): Address => {
      const into = arena.allocate(bytes);
      const mark = arena.mark();
      const numbers = arena.allocate(rows * 8);
      kernels.numbersOfCodes(rows, column.values, form.kind, numbers);
      make(numbers, into);
      arena.release(mark);
      return into;
    };
    return {
      low: base,
      prefix: once("sums", () =>
        withNumbers((rows + 1) * 16, (numbers, sums) => kernels.doublePrefix(rows, numbers, base, sums)),
      ),
      specials:
        special === 0
          ? 0
          : once("specials", () =>
              withNumbers((rows + 1) * 16, (numbers, out) => kernels.specialPrefix(rows, numbers, out)),
            ),
    };
  }

  *probe(batch: QueryBatch): Generator<readonly [number, WindowAnswer]> {
    const { index } = this;
    const { arena, kernels } = index;
    arena.release(this.#scratch);
    const { rows } = batch;
    const stride = 1 + this.#group.windows.length;
    const bounds = arena.allocate(rows * stride * 4);
    const keys = put(index, batch.keys.bytes);
    const valid = batch.keys.valid === undefined ? 0 : put(index, batch.keys.valid);
    const times = put(index, batch.times);
    const known = batch.known === undefined ? 0 : put(index, batch.known);
    const found = arena.allocate(rows * 4);
    kernels.lookUp(rows, keys, valid, index.slots, index.mask, found);
    kernels.windowBounds(
      rows,
      times,
      found,
      index.slots,
      index.times,
      this.#group.windows.length,
      this.#lengths,
      this.#cursors,
      bounds,
    );
    const owns = new Map<number, Own>();
    for (const prepared of this.#outputs) {
      const { excludeOwn } = prepared.spec;
      let own: Own = { value: 0, valid: 0, lists: 0, elements: 0 };
      if (excludeOwn !== undefined) {
        own = owns.get(excludeOwn) ?? ownOf(index, batch.own[excludeOwn], rows);
        owns.set(excludeOwn, own);
      }
      yield [prepared.output, this.#answer(prepared, rows, bounds, stride, known, own)];
    }
  }

  #answer(prepared: Prepared, rows: number, bounds: Address, stride: number, known: Address, own: Own): WindowAnswer {
    const { index } = this;
    const { arena, kernels } = index;
    const { spec, form, column } = prepared;
    const window = spec.window + 1;
    const filter = arena.allocate(36);
    arena
      .int32At(filter, 9)
      .set([
        column.values,
        column.available,
        known,
        prepared.next,
        own.value,
        own.valid,
        own.lists,
        own.elements,
        form.kind,
      ]);
    const { memory } = arena;
    if (spec.aggregate === "list") {
      const most = spec.maxLength ?? -1;
      const entries = arena.allocate(rows * 16);
      const capacity = Number(kernels.windowListCapacity(rows, bounds, stride, window, most));
      const values = arena.allocate(capacity * 8 + 8);
      const count = kernels.windowList(rows, bounds, stride, window, filter, most, entries, values);
      if (form.width !== 8 || form.kind !== INTEGER_CODES) kernels.decode(count, values, form.width, form.kind, values);
      return { memory, values, count, entries, valid: 0 };
    }
    const values = arena.allocate(rows * 8);
    const answer = { memory, values, count: rows, entries: 0 };
    if (spec.aggregate === "count" || spec.aggregate === "count_distinct") {
      kernels.windowCount(rows, bounds, stride, window, filter, values);
      return { ...answer, valid: 0 };
    }
    const valid = arena.allocate(rows);
    const mean = spec.aggregate === "mean";
    switch (spec.aggregate) {
      case "last":
        kernels.windowLast(rows, bounds, stride, window, filter, values, valid);
        kernels.decode(rows, values, form.width, form.kind, values);
        break;
      case "min":
      case "max":
        kernels.windowExtreme(
          rows,
          bounds,
          stride,
          window,
          filter,
          index.rows,
          prepared.extremes,
          spec.aggregate === "max",
          values,
          valid,
        );
        kernels.decode(rows, values, form.width, form.kind, values);
        break;
      case "sum":
      case "mean":
        if (form.kind === INTEGER_CODES) {
          const outside = kernels.windowIntegerSum(
            rows,
            bounds,
            stride,
            window,
            filter,
            prepared.prefix,
            mean,
            values,
            valid,
          );
          if (outside >= 0) throw new SumOutside(prepared.output);
        } else {
          const limbs = arena.allocate(LIMB_BYTES);
          const { prefix, low, specials } = prepared;
          kernels.windowFloatSum(
            rows,
            bounds,
            stride,
            window,
            filter,
            prefix,
            low,
            specials,
            limbs,
            mean,
            values,
            valid,
          );
        }
    }
    return { ...answer, valid };
  }
}

interface Own {
  readonly value: Address;
  readonly valid: Address;
  readonly lists: Address;
  readonly elements: Address;
}

function put({ arena }: HistoryIndex, bytes: Uint8Array): Address {
  const address = arena.allocate(bytes.length);
  arena.bytesAt(address, bytes.length).set(bytes);
  return address;
}

function ownOf(index: HistoryIndex, own: OwnColumn | undefined, rows: number): Own {
  if (own === undefined) throw new RangeError("a query batch lacks its own values");
  const { arena, kernels } = index;
  const { form, list } = own;
  const count = list === undefined ? rows : own.bytes.length / form.width;
  const codes = arena.allocate(count * 8);
  const raw = put(index, own.bytes);
  kernels.encode(count, raw, form.width, form.kind, codes);
  const valid = own.valid === undefined ? 0 : put(index, own.valid);
  if (list === undefined) {
    if (valid !== 0) return { value: codes, valid, lists: 0, elements: 0 };
    const all = arena.allocate(rows);
    arena.bytesAt(all, rows).fill(1);
    return { value: codes, valid: all, lists: 0, elements: 0 };
  }
  const entries = put(index, list.entries);
  const listsValid = list.valid === undefined ? 0 : put(index, list.valid);
  const lists = arena.allocate(rows * 8);
  const elements = arena.allocate(count * 8 + 8);
  kernels.ownLists(rows, entries, listsValid, codes, valid, form.kind, lists, elements);
  return { value: 0, valid: 0, lists, elements };
}
