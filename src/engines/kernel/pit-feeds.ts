import type { Vector } from "apache-arrow";
import type { Words } from "../../columnar/arrow-answers.js";
import { dtypeOfArrow, FixedColumn, ListColumn, type RawColumn } from "../../columnar/arrow-columns.js";
import type { SharedArena } from "../../columnar/shared-arena.js";
import type { RawOwn } from "../../kernels/own-values.js";
import { formOf, isFixed } from "./forms.js";
import { ArrayColumn, fixedRaw, LONG, numbered, numbersRaw, type Raw } from "./pit-columns.js";

/** Puts rows [from, to) of a column into the room of a piece. */
export function lay(column: RawColumn, from: number, to: number, room: SharedArena): number {
  const bytes = (to - from) * column.width;
  const address = room.allocate(bytes);
  column.copy(from, to, room.bytesAt(address, bytes));
  return address;
}

/** Their validity, a byte a row; 0: all are valid. */
export function layValidity(column: RawColumn, from: number, to: number, room: SharedArena): number {
  if (!column.nullable) return 0;
  const address = room.allocate(to - from);
  column.copyValidity(from, to, room.bytesAt(address, to - from));
  return address;
}

/** Puts the own values of rows [from, to) into the room of a piece. */
export type OwnFeed = (from: number, to: number, room: SharedArena) => RawOwn;

/** Of one value a row; numbered by `words` where the history's values are. */
export function ownFeed(vector: Vector, words: Words | undefined): OwnFeed {
  const dtype = dtypeOfArrow(vector.type) ?? "TEXT";
  const isRaw = words === undefined && isFixed(dtype);
  const column = isRaw ? new FixedColumn(vector) : new ArrayColumn(rankedOwn(vector, words));
  const form = isRaw ? formOf(dtype) : LONG;
  return (from, to, room) => ({
    form,
    count: to - from,
    raw: lay(column, from, to, room),
    valid: layValidity(column, from, to, room),
  });
}

function rankedOwn(vector: Vector, words: Words | undefined): Raw {
  if (words === undefined) throw new RangeError("texts are compared by number");
  const numbers = numbered(vector, words.texts, false);
  const ranks = ranksOf(words);
  return numbersRaw(numbers.map((number) => (number < 0 ? -1 : (ranks[number] as number))));
}

function ranksOf({ byRank }: Words): Int32Array {
  const ranks = new Int32Array(byRank.length);
  for (let rank = 0; rank < byRank.length; rank++) ranks[byRank[rank] as number] = rank;
  return ranks;
}

/** Of a list a row. */
export function ownListFeed(vector: Vector, words: Words | undefined): OwnFeed {
  const { offsets, valid, elements } = new ListColumn(vector);
  const raw = words === undefined ? fixedRaw(elements) : rankedOwn(elements, words);
  const column = new ArrayColumn(raw);
  return (from, to, room) => {
    const rows = to - from;
    const [first, last] = [offsets[from] as number, offsets[to] as number];
    const entries = room.allocate(rows * 16);
    const listsValid = valid === undefined ? 0 : room.allocate(rows);
    const own = {
      form: raw.form,
      count: last - first,
      raw: lay(column, first, last, room),
      valid: layValidity(column, first, last, room),
    };
    const words = room.int32At(entries, rows * 4);
    for (let row = 0; row < rows; row++) {
      words[row * 4] = (offsets[from + row] as number) - first;
      words[row * 4 + 1] = 0;
      words[row * 4 + 2] = (offsets[from + row + 1] as number) - (offsets[from + row] as number);
      words[row * 4 + 3] = 0;
    }
    if (valid !== undefined) room.bytesAt(listsValid, rows).set(valid.subarray(from, to));
    return { ...own, lists: { entries, valid: listsValid } };
  };
}
