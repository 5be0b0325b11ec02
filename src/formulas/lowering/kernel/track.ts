import type { Arena } from "../../../columnar/arena.js";

/** Rows that go through the graph at a time. */
export const BLOCK = 2048;
/** Kernels do up to 16 rows at a time, and read a record before the first. */
const MARGIN = 16;

/**
 * Something that each row of a symbol has: a value, whether there is one, a running sum. The block that is being computed lies
 * behind as many rows before it as anyone looks back; rows before the first are zeros, which is "no value".
 */
export class Track {
  #reach = 1;
  #capacity = 0;
  #address = 0;
  /** Of the block, in rows from the address. */
  #position = 0;
  /** Rows may lie where those before the first are to be zeros. */
  #hasMoved = true;

  /** Bytes of a row. */
  constructor(readonly width: number) {}

  /** Rows before the block that will be looked at. */
  need(rows: number): void {
    this.#reach = Math.max(this.#reach, rows);
  }

  get bytes(): number {
    return (this.#rowsWanted() + MARGIN) * this.width;
  }

  #rowsWanted(): number {
    // Some blocks more than are looked back at, so that each row is moved four times at the most.
    return this.#reach + Math.max(2 * BLOCK, Math.min(this.#reach, 64 * BLOCK), this.#reach >> 2);
  }

  /** Takes its room; all is as before the first row. */
  place(arena: Arena): void {
    this.#capacity = this.#rowsWanted();
    this.#address = arena.allocate(this.bytes);
    this.#hasMoved = true;
    this.clear(arena);
  }

  clear(arena: Arena): void {
    this.#position = this.#reach;
    // Short symbols beside a long one do not pay for what it looks back at.
    const from = this.#hasMoved ? 0 : this.#reach;
    const rows = this.#reach + BLOCK + MARGIN - from;
    arena.bytesAt(this.#address + from * this.width, rows * this.width).fill(0);
    this.#hasMoved = false;
  }

  /** The first row of the block, or as many before it. */
  at(before = 0): number {
    return this.#address + (this.#position - before) * this.width;
  }

  /** The block is over. */
  advance(rows: number, arena: Arena): void {
    this.#position += rows;
    if (this.#position + BLOCK <= this.#capacity) return;
    const bytes = arena.bytesAt(this.#address, this.#capacity * this.width);
    bytes.copyWithin(0, (this.#position - this.#reach) * this.width, this.#position * this.width);
    this.#position = this.#reach;
    this.#hasMoved = true;
  }

  get reach(): number {
    return this.#reach;
  }
}

/** A track, as many rows before. */
export interface View {
  readonly track: Track;
  readonly lag: number;
}

/** Values and whether there are any: f64 and a byte a row. */
export interface Column {
  readonly values: View;
  readonly valid: View;
}

export function addressOf({ track, lag }: View, before = 0): number {
  return track.at(lag + before);
}

/** Of values and validity, as kernels take them. */
export function addressesOf({ values, valid }: Column): [values: number, valid: number] {
  return [addressOf(values), addressOf(valid)];
}

export function needed({ track, lag }: View, before: number): void {
  track.need(lag + before);
}

export function lagged({ values, valid }: Column, rows: number): Column {
  return {
    values: { track: values.track, lag: values.lag + rows },
    valid: { track: valid.track, lag: valid.lag + rows },
  };
}
