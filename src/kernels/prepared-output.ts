import type { Room } from "../columnar/arena.js";
import type { IndexedValues } from "./history-index.js";
import { type Address, INTEGER_CODES, type Kernels } from "./kernels.js";
import type { Own } from "./own-values.js";
import { SumOutside, type ValueForm, type WindowAnswer, type WindowOutput } from "./window-columns.js";

/** From how many rows of a key on a table of extremes pays. */
const LONG_HISTORY = 64;
const LIMB_BYTES = 70 * 8;

/** History rows by group, each group in order, with where its columns lie. */
export interface OrderedHistory {
  readonly room: Room;
  readonly kernels: Kernels;
  readonly rows: number;
  readonly groups: number;
  /** `groups + 1` places, i32. */
  readonly starts: Address;
  readonly largest: number;
}

/** An output with what it needs of its column beside the values: plain numbers, the same for all who probe. */
export interface PreparedOutput {
  readonly output: number;
  readonly spec: WindowOutput;
  readonly form: ValueForm;
  readonly column: IndexedValues;
  /** Rows of the history. */
  readonly rows: number;
  readonly next: Address;
  readonly prefix: Address;
  readonly low: number;
  readonly specials: Address;
  readonly extremes: Address;
}

/** Prepares outputs over one history; outputs of one column share what is made of it. */
export class OutputPreparation {
  readonly #history: OrderedHistory;
  /** Whether history rows are known from a time of their own: then windows are looked through row by row. */
  readonly #available: boolean;
  readonly #made = new Map<string, Address>();

  constructor(history: OrderedHistory, available: boolean) {
    this.#history = history;
    this.#available = available;
  }

  /** `place`: names the column among those of the history. */
  prepare(output: number, spec: WindowOutput, place: number, column: IndexedValues, form: ValueForm): PreparedOutput {
    const { room, kernels, rows, largest } = this.#history;
    const once: Once = (what, make) => {
      const key = `${what} ${place}`;
      const known = this.#made.get(key) ?? make();
      this.#made.set(key, known);
      return known;
    };
    const distinct = spec.distinct || spec.aggregate === "count_distinct";
    const plain = !this.#available && spec.excludeOwn === undefined && !distinct;
    const summed = plain && (spec.aggregate === "sum" || spec.aggregate === "mean");
    const floats = summed && form.kind !== INTEGER_CODES ? this.#floatSums(column, form, once) : undefined;
    const extreme = spec.aggregate === "min" || spec.aggregate === "max";
    return {
      output,
      spec,
      form,
      column,
      rows,
      next: distinct ? once("next", () => this.#nextOccurrence(column, form)) : 0,
      prefix: !summed
        ? 0
        : (floats?.prefix ??
          once("sums", () => {
            const sums = room.allocate((rows + 1) * 16);
            kernels.integerPrefix(rows, column.values, sums);
            return sums;
          })),
      low: floats?.low ?? 0,
      specials: floats?.specials ?? 0,
      extremes:
        plain && extreme && largest >= LONG_HISTORY
          ? once(spec.aggregate, () => {
              const blocks = Math.ceil(rows / 32);
              const table = room.allocate(kernels.extremeLevels(rows) * blocks * 8);
              kernels.extremeTable(rows, column.values, spec.aggregate === "max", table);
              return table;
            })
          : 0,
    };
  }

  #nextOccurrence(column: IndexedValues, form: ValueForm): Address {
    const { room, kernels, rows, groups, starts, largest } = this.#history;
    const next = room.allocate(rows * 4);
    const mark = room.mark();
    let mask = 63;
    while (mask + 1 < largest * 2) mask = mask * 2 + 1;
    const slots = room.allocate((mask + 1) * 16);
    kernels.clearSlots(slots, mask);
    kernels.nextOccurrence(groups, starts, column.values, form.kind, slots, mask, next);
    room.release(mark);
    return next;
  }

  /** Running sums where 128 bits hold any sum of the column; without, each window is added up by itself. */
  #floatSums(column: IndexedValues, form: ValueForm, once: Once) {
    const { room, kernels, rows } = this.#history;
    const header = once("exponents", () => {
      const out = room.allocate(64);
      const mark = room.mark();
      kernels.exponentRange(rows, this.#numbersOf(column, form), out);
      room.release(mark);
      return out;
    });
    const [low = 0, high = 0, special = 0] = room.int32At(header, 3);
    const fits = high < low || high - low + Math.ceil(Math.log2(rows + 1)) + 1 <= 127;
    if (!fits) return { prefix: 0, low: 0, specials: 0 };
    const base = high < low ? 0 : low;
    const withNumbers = (bytes: number, make: (numbers: Address, into: Address) => void): Address => {
      const into = room.allocate(bytes);
      const mark = room.mark();
      make(this.#numbersOf(column, form), into);
      room.release(mark);
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
  const filter = room.allocate(36);
  room
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
        prepared.rows,
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
        const { prefix, low, specials } = prepared;
        kernels.windowFloatSum(rows, bounds, stride, window, filter, prefix, low, specials, limbs, mean, values, valid);
      }
  }
  return { ...answer, valid };
}
