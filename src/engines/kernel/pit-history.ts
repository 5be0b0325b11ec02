import type { Vector } from "apache-arrow";
import type { Words } from "../../columnar/arrow-answers.js";
import { dtypeOfArrow, ListColumn, type RawColumn } from "../../columnar/arrow-columns.js";
import { NumberedBytes } from "../../columnar/numbered-bytes.js";
import type { HistoryBatch } from "../../kernels/history-index.js";
import type { RollingSpec } from "../../operators/rolling-aggregate.js";
import type { PitRelation } from "../pit-table.js";
import { isFixed } from "./forms.js";
import type { PitClock } from "./pit-clock.js";
import {
  codesOf,
  fixedRaw,
  gather,
  gatherBytes,
  LONG,
  longsOf,
  numbered,
  numbersRaw,
  type Raw,
} from "./pit-columns.js";
import { rowsOfEvents } from "./pit-events.js";
import { bothValid, columnOf, keysOf } from "./pit-keys.js";

/** Which keys an index holds: those whose hash falls into the part. */
export interface KeyPart {
  readonly part: number;
  readonly parts: number;
}

/** The history rows of a group of specs: those that match, each once, or once for each element of a flattened list. */
export class MatchingHistory {
  readonly keys: RawColumn;
  readonly available: Raw | undefined;
  /** The rows themselves, all of them. */
  readonly isOwn: boolean;
  readonly #history: PitRelation;
  readonly keyCodes: Raw;
  readonly #times: Raw;
  /** The rows that match; undefined: all. */
  readonly #ids: Int32Array | undefined;
  /** Of a flattened source: the element of each history row. */
  readonly #elements: { readonly vector: Vector; readonly ids: Int32Array } | undefined;

  constructor(rows: PitRelation, history: PitRelation, spec: RollingSpec, clock: PitClock) {
    this.#history = history;
    const keys = keysOf(spec.on, rows, history);
    const times = fixedRaw(columnOf(history, spec.rightTime.column));
    const available = spec.availableTime && clock.available(fixedRaw(columnOf(history, spec.availableTime.column)));
    let mask = bothValid(bothValid(keys.history.valid, times.valid), available?.valid);
    // A condition is settled by then: it is a column.
    for (const name of spec.where?.columns ?? []) mask = bothValid(mask, fixedRaw(columnOf(history, name)).bytes);
    let ids = spec.events && rowsOfEvents(columnOf(history, spec.events.column), spec.events.values);
    if (mask !== undefined) ids = ids === undefined ? idsOf(mask) : ids.filter((row) => mask[row] !== 0);
    if (spec.flattenDistinct && spec.source !== undefined) {
      const flat = flattened(columnOf(history, spec.source.name), ids, history.rows);
      ids = flat.rows;
      this.#elements = { vector: flat.vector, ids: flat.elements };
    }
    this.keys = keys.rows;
    this.isOwn = rows === history && ids === undefined && available === undefined;
    this.#ids = ids;
    this.keyCodes = this.#matching(keys.history);
    this.#times = this.#matching(times);
    this.available = available && this.#matching(available);
  }

  #matching(raw: Raw): Raw {
    return this.#ids === undefined ? raw : gather(raw, this.#ids);
  }

  get rows(): number {
    return this.keyCodes.bytes.length / 8;
  }

  /** The rows of a part of the keys, with these columns. */
  batch(columns: readonly Raw[], { part, parts }: KeyPart): HistoryBatch {
    const ids = parts === 1 ? undefined : rowsOfPart(this.keyCodes, part, parts);
    const pick = (raw: Raw): Raw => (ids === undefined ? raw : gather(raw, ids));
    const keys = longsOf(pick(this.keyCodes));
    return {
      rows: keys.length,
      keys,
      times: longsOf(pick(this.#times)),
      ...(this.available === undefined ? {} : { available: longsOf(pick(this.available)) }),
      values: columns.map((raw) => {
        const { bytes, valid } = codesOf(pick(raw));
        return { codes: longsOf({ form: LONG, bytes }), ...(valid === undefined ? {} : { valid }) };
      }),
    };
  }

  /** Whether there is a value: all rows have one, or a column that is NULL where there is none. */
  present(name: string): { readonly raw: Raw; readonly words: undefined } {
    const vector = this.#elements === undefined ? columnOf(this.#history, name) : this.#elements.vector;
    const ids = this.#elements === undefined ? this.#ids : this.#elements.ids;
    const rows = ids?.length ?? vector.length;
    const all = validBytes(vector);
    const valid = all === undefined ? undefined : ids === undefined ? all : gatherBytes(all, ids);
    return {
      raw: { form: { kind: 0, width: 1 }, bytes: new Uint8Array(rows), ...(valid?.includes(0) ? { valid } : {}) },
      words: undefined,
    };
  }

  /** The values of a column; texts and whole lists as ranks in their order. */
  values(name: string, flatten: boolean): { readonly raw: Raw; readonly words: Words | undefined } {
    const vector = flatten && this.#elements !== undefined ? this.#elements.vector : columnOf(this.#history, name);
    const ids = flatten && this.#elements !== undefined ? this.#elements.ids : this.#ids;
    if (isFixed(dtypeOfArrow(vector.type) ?? "TEXT")) {
      const raw = fixedRaw(vector);
      return { raw: ids === undefined ? raw : gather(raw, ids), words: undefined };
    }
    const texts = new NumberedBytes();
    const wanted = ids === undefined ? undefined : maskOf(ids, vector.length);
    const numbers = numbered(vector, texts, true, wanted);
    const ranks = texts.ranks();
    const raw = numbersRaw(numbers.map((number) => (number < 0 ? -1 : (ranks[number] as number))));
    const byRank = new Int32Array(ranks.length);
    for (let number = 0; number < ranks.length; number++) byRank[ranks[number] as number] = number;
    return { raw: ids === undefined ? raw : gather(raw, ids), words: { texts, byRank } };
  }
}

function validBytes(vector: Vector): Uint8Array | undefined {
  if (vector.nullCount === 0) return undefined;
  const bytes = new Uint8Array(vector.length);
  new ValidityOf(vector).copy(bytes);
  return bytes;
}

/** Validity of any column. */
class ValidityOf {
  readonly #vector: Vector;

  constructor(vector: Vector) {
    this.#vector = vector;
  }

  copy(into: Uint8Array): void {
    let at = 0;
    for (const data of this.#vector.data) {
      const { length, nullBitmap, offset, nullCount } = data;
      if (nullCount === 0) into.fill(1, at, at + length);
      else
        for (let row = 0; row < length; row++)
          into[at + row] = ((nullBitmap[(offset + row) >> 3] as number) >> ((offset + row) & 7)) & 1;
      at += length;
    }
  }
}

/** The rows whose key's hash falls into the part. */
function rowsOfPart(keys: Raw, part: number, parts: number): Int32Array {
  const longs = longsOf(keys);
  const words = new Int32Array(longs.buffer, longs.byteOffset, longs.length * 2);
  const rows = new Int32Array(longs.length);
  let count = 0;
  for (let row = 0; row < longs.length; row++) {
    let hash = Math.imul(words[row * 2] as number, 0x9e3779b1) ^ Math.imul(words[row * 2 + 1] as number, 0x85ebca77);
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    if (((hash ^ (hash >>> 13)) >>> 0) % parts === part) rows[count++] = row;
  }
  return rows.subarray(0, count);
}

function idsOf(mask: Uint8Array): Int32Array {
  let count = 0;
  for (let row = 0; row < mask.length; row++) count += mask[row] as number;
  // Each row is written and the next one over it unless it counts: no branch to mispredict.
  const ids = new Int32Array(count + 1);
  let at = 0;
  for (let row = 0; row < mask.length; row++) {
    ids[at] = row;
    at += mask[row] as number;
  }
  return ids.subarray(0, count);
}

function maskOf(ids: Int32Array, rows: number): Uint8Array {
  const mask = new Uint8Array(rows);
  for (let i = 0; i < ids.length; i++) mask[ids[i] as number] = 1;
  return mask;
}

/** The elements of the lists of rows `ids` (undefined: all), with the row of each. */
function flattened(vector: Vector, ids: Int32Array | undefined, rows: number) {
  const { offsets, elements } = new ListColumn(vector);
  const count = ids?.length ?? rows;
  const rowAt = (i: number): number => (ids === undefined ? i : (ids[i] as number));
  let size = 0;
  for (let i = 0; i < count; i++) size += (offsets[rowAt(i) + 1] as number) - (offsets[rowAt(i)] as number);
  const ofRows = new Int32Array(size);
  const ofElements = new Int32Array(size);
  let at = 0;
  for (let i = 0; i < count; i++) {
    const row = rowAt(i);
    for (let element = offsets[row] as number; element < (offsets[row + 1] as number); element++) {
      ofRows[at] = row;
      ofElements[at++] = element;
    }
  }
  return { vector: elements, rows: ofRows, elements: ofElements };
}
