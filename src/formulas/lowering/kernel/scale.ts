import type { Machine } from "./machine.js";
import type { Track } from "./track.js";

/** Running sums that are integers times a power of two, to be multiplied when the power sinks. */
interface ScaledSums {
  readonly track: Track;
  /** Where the integer lies in a record, in bytes, and its 64-bit limbs. */
  readonly offset: number;
  readonly limbs: number;
  /** How often the column's own power is in it: 2 for squares. */
  readonly times: number;
}

/** A window over such sums. */
export interface ScaleUser {
  /** Whether its sums fit, with what the block brings. */
  fits(): boolean;
  /** It goes on by other means; the records up to the row before the block are as they were. */
  leave(): void;
}

const NONE = 99_999;

/** Bits of a window's number of rows; 0: all rows so far. */
export function countBits(w: number): number {
  return w === 0 ? 31 : Math.ceil(Math.log2(w + 1));
}

/**
 * The power of two of which all values of a column so far are multiples, so that sums of them are integers. Where a block brings
 * a value that needs a lower one, the running sums are multiplied: they stay what they were.
 */
export class Scale {
  #low = NONE;
  #high = -NONE;
  readonly #sums: ScaledSums[] = [];
  #users: ScaleUser[] = [];

  /** The exponent; any, while there are nothing but zeros. */
  get low(): number {
    return this.#low === NONE ? 0 : this.#low;
  }

  /** Bits from the lowest to the highest one that any value so far has set. */
  get bits(): number {
    return Math.max(0, this.#high - this.#low);
  }

  /** Bits of the sums of windows of so many rows, with their sign. */
  widthOf(w: number): number {
    return this.bits + countBits(w) + 1;
  }

  /** Variances of such values are normal doubles on their way to their own power of two. */
  get isScaledAtOnce(): boolean {
    return Math.abs(this.low) <= 450;
  }

  add(sums: ScaledSums): void {
    this.#sums.push(sums);
  }

  serve(user: ScaleUser): void {
    this.#users.push(user);
  }

  /** As before the first row; who is served says so anew. */
  clear(): void {
    this.#low = NONE;
    this.#high = -NONE;
    this.#users = [];
  }

  /** Takes values in: whose sums would not fit leaves first, the others' are multiplied. */
  take({ kernels, arena, cell }: Machine, rows: number, values: number, valid: number): void {
    const range = arena.int32At(cell, 2);
    range[0] = this.#low;
    range[1] = this.#high;
    kernels.bitRange(rows, values, valid, cell);
    const [low = NONE, high = -NONE] = arena.int32At(cell, 2);
    if (low === this.#low && high === this.#high) return;
    const before = this.#low;
    this.#low = low;
    this.#high = high;
    const leaving = this.#users.filter((user) => !user.fits());
    this.#users = this.#users.filter((user) => !leaving.includes(user));
    this.#low = before;
    for (const user of leaving) user.leave();
    this.#low = low;
    if (before === NONE || low === before) return;
    for (const { track, offset, limbs, times } of this.#sums) {
      const first = track.at(track.reach) + offset;
      kernels.rescale(track.reach, first, track.width, limbs, (before - low) * times);
    }
  }
}
