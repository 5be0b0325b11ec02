import type { Vector } from "apache-arrow";
import { Arena } from "../../columnar/arena.js";
import { dtypeOfArrow, FixedColumn, type RawColumn } from "../../columnar/arrow-columns.js";
import { isInteger, isList } from "../../columnar/dtypes.js";
import { NumberedBytes } from "../../columnar/numbered-bytes.js";
import { kernelsOf } from "../../kernels/kernels.js";
import type { KeyPair } from "../../operators/operator.js";
import type { PitRelation } from "../pit-table.js";
import {
  ArrayColumn,
  codesOf,
  equalityCodes,
  fixedRaw,
  longsOf,
  numbered,
  numbersRaw,
  ofLongs,
  type Raw,
} from "./pit-columns.js";

/** Keys as integers: of the history, and of the rows as they are laid before the kernels. */
export interface Keys {
  readonly history: Raw;
  readonly rows: RawColumn;
}

/** A single integer is its own key; other keys, and several, are numbered. */
export function keysOf(on: readonly KeyPair[], rows: PitRelation, history: PitRelation): Keys {
  const pairs = on.map((pair) => ({ left: columnOf(rows, pair.left), right: columnOf(history, pair.right) }));
  const [only] = pairs;
  if (only !== undefined && pairs.length === 1 && isInteger(dtypeOfArrow(only.left.type) ?? "TEXT")) {
    const right = codesOf(fixedRaw(only.right));
    if (dtypeOfArrow(only.left.type) === "BIGINT") return { history: right, rows: new FixedColumn(only.left) };
    return { history: right, rows: new ArrayColumn(only.left === only.right ? right : codesOf(fixedRaw(only.left))) };
  }
  const [first, ...more] = pairs.map(pairCodes);
  if (first === undefined) throw new RangeError("an aggregate without keys");
  let both = first;
  for (const next of more) both = combined(both, next);
  return { history: both.right, rows: new ArrayColumn(both.left) };
}

export function columnOf({ columns }: PitRelation, name: string): Vector {
  const column = columns.get(name);
  if (column === undefined) throw new RangeError(`a relation lacks its column "${name}"`);
  return column;
}

interface Pair {
  readonly left: Raw;
  readonly right: Raw;
}

/** Codes that are equal where the values are. */
function pairCodes({ left, right }: { readonly left: Vector; readonly right: Vector }): Pair {
  const dtype = dtypeOfArrow(right.type) ?? "TEXT";
  const codesOfOne: (vector: Vector) => Raw =
    dtype === "TEXT" || isList(dtype) ? words(new NumberedBytes()) : (vector) => equalityCodes(fixedRaw(vector));
  const history = codesOfOne(right);
  return { right: history, left: left === right ? history : codesOfOne(left) };
}

function words(of: NumberedBytes): (vector: Vector) => Raw {
  return (vector) => numbersRaw(numbered(vector, of, true));
}

/** Codes of two columns together: each is numbered, the numbers are the halves of a code. */
function combined(a: Pair, b: Pair): Pair {
  const numbers = [a, b].map(({ left, right }) => {
    const number = new Numbers();
    const history = number.of(right);
    return { right: history, left: left === right ? history : number.of(left) };
  });
  const join = (side: "left" | "right"): Raw => {
    const [high, low] = [numbers[0]?.[side], numbers[1]?.[side]];
    if (high === undefined || low === undefined) throw new RangeError("keys of nothing");
    const codes = new Int32Array(low.length * 2);
    for (let row = 0; row < low.length; row++) {
      codes[row * 2] = low[row] as number;
      codes[row * 2 + 1] = high[row] as number;
    }
    const valid = bothValid(a[side].valid, b[side].valid);
    return ofLongs(new BigInt64Array(codes.buffer), valid);
  };
  const right = join("right");
  return { right, left: a.left === a.right && b.left === b.right ? right : join("left") };
}

export function bothValid(a: Uint8Array | undefined, b: Uint8Array | undefined): Uint8Array | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  const both = new Uint8Array(a.length);
  for (let row = 0; row < both.length; row++) both[row] = (a[row] as number) & (b[row] as number);
  return both;
}

const CHUNK = 8192;

/** Numbers codes by first appearance, by the kernels' table of keys. */
class Numbers {
  readonly #arena = new Arena();
  readonly #kernels = kernelsOf(this.#arena);
  readonly #keys = this.#arena.allocate(CHUNK * 8);
  readonly #numbers = this.#arena.allocate(CHUNK * 4);
  #mask = 1023;
  #slots = this.#empty(this.#mask);
  #counts = this.#arena.allocate((this.#mask + 1) * 4);
  #known = 0;

  of(raw: Raw): Int32Array {
    const codes = longsOf(raw);
    const numbers = new Int32Array(codes.length);
    for (let from = 0; from < codes.length; from += CHUNK) {
      const count = Math.min(CHUNK, codes.length - from);
      while ((this.#known + count) * 2 > this.#mask + 1) this.#widen();
      this.#arena.int64At(this.#keys, count).set(codes.subarray(from, from + count));
      this.#known = this.#kernels.assignGroups(
        count,
        this.#keys,
        0,
        this.#slots,
        this.#mask,
        this.#numbers,
        this.#known,
        this.#counts,
      );
      numbers.set(this.#arena.int32At(this.#numbers, count), from);
    }
    return numbers;
  }

  #empty(mask: number): number {
    const slots = this.#arena.allocate((mask + 1) * 16);
    this.#kernels.clearSlots(slots, mask);
    return slots;
  }

  #widen(): void {
    const wider = this.#mask * 2 + 1;
    const slots = this.#empty(wider);
    this.#kernels.moveSlots(this.#slots, this.#mask, slots, wider);
    const counts = this.#arena.allocate((wider + 1) * 4);
    this.#arena.int32At(counts, this.#known).set(this.#arena.int32At(this.#counts, this.#known));
    this.#slots = slots;
    this.#mask = wider;
    this.#counts = counts;
  }
}
