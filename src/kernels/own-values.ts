import type { Room } from "../columnar/arena.js";
import type { Address, Kernels } from "./kernels.js";
import type { ValueForm } from "./window-columns.js";

/** The queries' own values, or lists of them, where kernels find them; 0: there are none. */
export interface Own {
  readonly value: Address;
  readonly valid: Address;
  readonly lists: Address;
  readonly elements: Address;
}

/** A copy of the bytes. */
export function put(room: Room, bytes: Uint8Array): Address {
  const address = room.allocate(bytes.length);
  room.bytesAt(address, bytes.length).set(bytes);
  return address;
}

export const NO_OWN: Own = Object.freeze({ value: 0, valid: 0, lists: 0, elements: 0 });

/** Own values as they lie raw in the room: one a query, or `count` elements of lists. */
export interface RawOwn {
  readonly form: ValueForm;
  readonly count: number;
  readonly raw: Address;
  /** Validity bytes of values or elements; 0: all are valid. */
  readonly valid: Address;
  /** Offset and length of each list, u64 each; validity bytes of the lists (0: all are valid). */
  readonly lists?: { readonly entries: Address; readonly valid: Address };
}

export function ownOf(
  { form, count, raw, valid, lists: own }: RawOwn,
  rows: number,
  room: Room,
  kernels: Kernels,
): Own {
  const codes = room.allocate(count * 8);
  kernels.encode(count, raw, form.width, form.kind, codes);
  if (own === undefined) {
    if (valid !== 0) return { value: codes, valid, lists: 0, elements: 0 };
    const all = room.allocate(rows);
    room.bytesAt(all, rows).fill(1);
    return { value: codes, valid: all, lists: 0, elements: 0 };
  }
  const lists = room.allocate(rows * 8);
  const elements = room.allocate(count * 8 + 8);
  kernels.ownLists(rows, own.entries, own.valid, codes, valid, form.kind, lists, elements);
  return { value: 0, valid: 0, lists, elements };
}
