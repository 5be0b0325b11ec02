import type { Room } from "../columnar/arena.js";
import type { Aggregate } from "../definitions/aggregations.js";
import type { IndexedValues } from "./history-index.js";
import { type Address, INTEGER_CODES, type Kernels } from "./kernels.js";
import type { Own } from "./own-values.js";
import { SumOutside, type ValueForm, type WindowAnswer, type WindowOutput } from "./window-columns.js";

/** From how many rows of a key on indexes pay: `LONG` of `assembly/filter.ts`. */
const LONG_HISTORY = 64;
const LIMB_BYTES = 70 * 8;
/** Aggregates that indexes answer; a list is as long as its window, and the last row is found from the end. */
const INDEXED: ReadonlySet<Aggregate> = new Set(["count", "count_distinct", "sum", "mean", "min", "max"]);

/** History rows by group, each group in order of time, with where its columns lie. */
export interface OrderedHistory {
  readonly room: Room;
  readonly kernels: Kernels;
  readonly rows: number;
  readonly groups: number;
  /** `groups + 1` places, i32. */
  readonly starts: Address;
  readonly times: Address;
  readonly largest: number;
}

/** An output with what it needs of its column beside the values: plain numbers, the same for all who probe. */
export interface PreparedOutput {
  readonly output: number;
  readonly spec: WindowOutput;
  readonly form: ValueForm;
  readonly column: IndexedValues;
  /** Rows and groups of the history. */
  readonly rows: number;
  readonly groups: number;
  readonly next: Address;
  readonly prefix: Address;
  /** Whether running sums are limbs of every 64th row. */
  readonly wide: boolean;
  readonly low: number;
  readonly specials: Address;
  readonly extremes: Address;
  /** What long windows are answered from (see `Filter`); 0: there is no long group, or nothing of the kind is needed. */
  readonly starts: Address;
  readonly tree: Address;
  readonly order: Address;
  readonly path: Address;
  readonly previous: Address;
}

const NO_SUMS = { prefix: 0, wide: false, low: 0, specials: 0 };

/** Prepares outputs over one history; outputs of one column share what is made of it. */
export class OutputPreparation {
  readonly #history: OrderedHistory;
  /** Ticks; −1: from the beginning. */
  readonly #windows: readonly bigint[];
  /** Whether history rows are known from a time of their own. */
  readonly #available: boolean;
  readonly #made = new Map<string, Address>();

  constructor(history: OrderedHistory, windows: readonly bigint[], available: boolean) {
    this.#history = history;
    this.#windows = windows;
    this.#available = available;
  }

  /** `place`: names the column among those of the history. */
  prepare(output: number, spec: WindowOutput, place: number, column: IndexedValues, form: ValueForm): PreparedOutput {
    const { kernels, rows, groups, starts, largest } = this.#history;
    const { aggregate } = spec;
    const once: Once = (what, make) => {
      const key = `${what} ${place}`;
      const known = this.#made.get(key) ?? make();
      this.#made.set(key, known);
      return known;
    };
    const distinct = spec.distinct || aggregate === "count_distinct";
    const next = distinct ? once("next", () => this.#nextOccurrence(column, form)) : 0;
    const indexed = largest >= LONG_HISTORY && INDEXED.has(aggregate);
    const plain = !this.#available && spec.excludeOwn === undefined && !distinct;
    const summed = (indexed || plain) && (aggregate === "sum" || aggregate === "mean");
    const previous =
      indexed && distinct
        ? once("previous", () =>
            this.#column(rows * 4, (into) => kernels.previousOccurrence(groups, starts, next, into)),
          )
        : 0;
    return {
      output,
      spec,
      form,
      column,
      rows,
      groups,
      next,
      ...(!summed
        ? NO_SUMS
        : form.kind === INTEGER_CODES
          ? this.#integerSums(column, once)
          : this.#floatSums(column, form, indexed, once)),
      extremes:
        indexed && (aggregate === "min" || aggregate === "max")
          ? once(aggregate, () => this.#extremes(column, form, aggregate === "max"))
          : 0,
      starts: indexed ? starts : 0,
      tree: indexed && this.#available ? once("tree", () => this.#knownTree(column)) : 0,
      order: indexed && spec.excludeOwn !== undefined ? once("order", () => this.#orderByValue(column, form)) : 0,
      path: previous === 0 ? 0 : once(`path ${spec.window}`, () => this.#distinctPath(spec.window, next, previous)),
      previous,
    };
  }

  /** A column of its own, made from nothing else that has to stay. */
  #column(bytes: number, make: (into: Address) => void): Address {
    const { room } = this.#history;
    const into = room.allocate(bytes);
    const mark = room.mark();
    make(into);
    room.release(mark);
    return into;
  }

  #nextOccurrence(column: IndexedValues, form: ValueForm): Address {
    const { room, kernels, rows, groups, starts, largest } = this.#history;
    return this.#column(rows * 4, (next) => {
      let mask = 63;
      while (mask + 1 < largest * 2) mask = mask * 2 + 1;
      const slots = room.allocate((mask + 1) * 16);
      kernels.clearSlots(slots, mask);
      kernels.nextOccurrence(groups, starts, column.values, form.kind, slots, mask, next);
    });
  }

  #distinctPath(window: number, next: Address, previous: Address): Address {
    const { kernels, rows, groups, starts, times } = this.#history;
    return this.#column((2 * rows + 1) * 4, (path) =>
      kernels.distinctPath(groups, starts, times, this.#windows[window] ?? -1n, next, previous, path),
    );
  }

  #orderByValue(column: IndexedValues, form: ValueForm): Address {
    const { room, kernels, rows, groups, starts, largest } = this.#history;
    return this.#column(rows * 4, (order) => {
      let codes = column.values;
      if (form.kind !== INTEGER_CODES) {
        codes = room.allocate(rows * 8);
        kernels.equalityCodes(rows, column.values, form.kind, codes);
      }
      kernels.orderByValue(groups, starts, codes, order, room.allocate(largest * 4));
    });
  }

  #knownTree({ available }: IndexedValues): Address {
    const { kernels, rows } = this.#history;
    return this.#column(kernels.knownNodes(rows) * 16, (nodes) => kernels.knownTree(rows, available, nodes));
  }

  #extremes(column: IndexedValues, form: ValueForm, largest: boolean): Address {
    const { kernels, rows } = this.#history;
    return this.#column(kernels.extremeLevels(rows) * Math.ceil(rows / 32) * 16, (table) =>
      kernels.extremeTable(rows, column.values, form.kind, largest, table),
    );
  }

  #integerSums(column: IndexedValues, once: Once) {
    const { kernels, rows } = this.#history;
    const make = (sums: Address): void => kernels.integerPrefix(rows, column.values, sums);
    return { ...NO_SUMS, prefix: once("sums", () => this.#column((rows + 1) * 16, make)) };
  }

  /**
   * Running sums where 128 bits hold any sum of the column; else in limbs, if there are long windows; else none: each window is added up
   * by itself.
   */
  #floatSums(column: IndexedValues, form: ValueForm, indexed: boolean, once: Once) {
    const { room, kernels, rows } = this.#history;
    const ofNumbers = (bytes: number, make: (numbers: Address, into: Address) => void): Address =>
      this.#column(bytes, (into) => make(this.#numbersOf(column, form), into));
    const header = once("exponents", () => ofNumbers(64, (numbers, out) => kernels.exponentRange(rows, numbers, out)));
    const [low = 0, high = 0, special = 0] = room.int32At(header, 3);
    const wide = high >= low && high - low + Math.ceil(Math.log2(rows + 1)) + 1 > 127;
    if (wide && !indexed) return NO_SUMS;
    const base = wide || high < low ? 0 : low;
    const sums = (numbers: Address, into: Address): void =>
      wide ? kernels.widePrefix(rows, numbers, into) : kernels.doublePrefix(rows, numbers, base, into);
    return {
      wide,
      low: base,
      prefix: once("sums", () => ofNumbers(wide ? kernels.wideBytes(rows) : (rows + 1) * 16, sums)),
      specials:
        special === 0
          ? 0
          : once("specials", () =>
              ofNumbers((rows + 1) * 16, (numbers, out) => kernels.specialPrefix(rows, numbers, out)),
            ),
    };
  }

  #numbersOf(column: IndexedValues, form: ValueForm): Address {
    if (column.numbers !== undefined) return column.numbers;
    const { room, kernels, rows } = this.#history;
    const numbers = room.allocate(rows * 8);
    kernels.numbersOfCodes(rows, column.values, form.kind, numbers);
    return numbers;
  }
}

type Once = (what: string, make: () => Address) => Address;

/** Queries with the bounds of their windows: `stride` i32 each, as `windowBounds` writes them. */
export interface BoundedQueries {
  readonly rows: number;
  readonly bounds: Address;
  readonly stride: number;
  readonly known: Address;
}

/**
 * The answers of an output to queries whose bounds are known; they lie in the room from its mark on. Throws `SumOutside`.
 * `known`: what each query knows up to, 0 where history has no availability of its own.
 */
export function answerOf(
  prepared: PreparedOutput,
  { room, kernels }: Pick<OrderedHistory, "room" | "kernels">,
  { rows, bounds, stride, known }: BoundedQueries,
  own: Own,
): WindowAnswer {
  const { spec, form, column } = prepared;
  const window = spec.window + 1;
  const filter = room.allocate(64);
  room
    .int32At(filter, 16)
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
      prepared.rows,
      prepared.groups,
      prepared.starts,
      prepared.tree,
      prepared.order,
      prepared.path,
      prepared.previous,
    ]);
  const { memory } = room;
  if (spec.aggregate === "list") {
    const most = spec.maxLength ?? -1;
    const entries = room.allocate(rows * 16);
    const capacity = Number(kernels.windowListCapacity(rows, bounds, stride, window, most));
    const values = room.allocate(capacity * 8 + 8);
    const count = kernels.windowList(rows, bounds, stride, window, filter, most, entries, values);
    if (form.width !== 8 || form.kind !== INTEGER_CODES) kernels.decode(count, values, form.width, form.kind, values);
    return { memory, values, count, entries, valid: 0 };
  }
  const values = room.allocate(rows * 8);
  const answer = { memory, values, count: rows, entries: 0 };
  if (spec.aggregate === "count" || spec.aggregate === "count_distinct") {
    kernels.windowCount(rows, bounds, stride, window, filter, values);
    return { ...answer, valid: 0 };
  }
  const valid = room.allocate(rows);
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
        const limbs = room.allocate(LIMB_BYTES);
        const { prefix, wide, low, specials } = prepared;
        kernels.windowFloatSum(
          rows,
          bounds,
          stride,
          window,
          filter,
          prefix,
          wide,
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
