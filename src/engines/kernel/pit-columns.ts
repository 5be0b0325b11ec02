import type { Vector } from "apache-arrow";
import { Arena } from "../../columnar/arena.js";
import { dtypeOfArrow, FixedColumn, ListColumn, type RawColumn, TextColumn } from "../../columnar/arrow-columns.js";
import { elementOf, isList } from "../../columnar/dtypes.js";
import { NumberedBytes } from "../../columnar/numbered-bytes.js";
import { DOUBLE_CODES, FLOAT_CODES, INTEGER_CODES, kernelsOf } from "../../kernels/kernels.js";
import type { ValueForm } from "../../kernels/window-columns.js";
import { formOf } from "./forms.js";

/** Values behind one another; validity a byte a row (absent: all are valid). */
export interface Raw {
  readonly form: ValueForm;
  readonly bytes: Uint8Array;
  readonly valid?: Uint8Array;
}

export const LONG: ValueForm = Object.freeze({ kind: INTEGER_CODES, width: 8 });

/** Values that lie in an array of JavaScript's. */
export class ArrayColumn implements RawColumn {
  readonly width: 1 | 2 | 4 | 8;
  readonly nullable: boolean;
  readonly #raw: Raw;

  constructor(raw: Raw) {
    this.#raw = raw;
    this.width = raw.form.width as 1 | 2 | 4 | 8;
    this.nullable = raw.valid !== undefined;
  }

  copy(from: number, to: number, into: Uint8Array): void {
    into.set(this.#raw.bytes.subarray(from * this.width, to * this.width));
  }

  copyValidity(from: number, to: number, into: Uint8Array): void {
    if (this.#raw.valid === undefined) into.fill(1, 0, to - from);
    else into.set(this.#raw.valid.subarray(from, to));
  }
}

export function longsOf({ bytes }: Raw): BigInt64Array {
  const aligned = bytes.byteOffset % 8 === 0 ? bytes : bytes.slice();
  return new BigInt64Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 8);
}

export function ofLongs(codes: BigInt64Array, valid?: Uint8Array): Raw {
  const bytes = new Uint8Array(codes.buffer, codes.byteOffset, codes.byteLength);
  return { form: LONG, bytes, ...(valid === undefined ? {} : { valid }) };
}

export function fixedRaw(vector: Vector): Raw {
  const column = new FixedColumn(vector);
  const valid = column.validity();
  const dtype = dtypeOfArrow(vector.type);
  if (dtype === undefined) throw new RangeError(`${String(vector.type)} has no dtype`);
  return { form: formOf(dtype), bytes: column.whole(), ...(valid === undefined ? {} : { valid }) };
}

/** Rows that are encoded at once. */
const CHUNK = 65_536;
const scratch = new Arena();

/** Values as codes. */
export function codesOf({ form, bytes, valid }: Raw): Raw {
  if (form.kind === INTEGER_CODES && form.width === 8)
    return { form, bytes, ...(valid === undefined ? {} : { valid }) };
  const kernels = kernelsOf(scratch);
  const rows = bytes.length / form.width;
  const codes = new BigInt64Array(rows);
  scratch.release();
  const raw = scratch.allocate(CHUNK * 8);
  const out = scratch.allocate(CHUNK * 8);
  for (let from = 0; from < rows; from += CHUNK) {
    const count = Math.min(CHUNK, rows - from);
    scratch.bytesAt(raw, count * form.width).set(bytes.subarray(from * form.width, (from + count) * form.width));
    kernels.encode(count, raw, form.width, form.kind, out);
    codes.set(scratch.int64At(out, count), from);
  }
  return ofLongs(codes, valid);
}

/** Codes by which values are equal: −0 = +0. */
export function equalityCodes(raw: Raw): Raw {
  const coded = codesOf(raw);
  if (raw.form.kind === INTEGER_CODES) return coded;
  const words = new Int32Array(longsOf(coded).slice().buffer);
  // The code of −0 is −1.
  for (let i = 0; i < words.length; i += 2) if (words[i] === -1 && words[i + 1] === -1) words[i] = words[i + 1] = 0;
  return ofLongs(new BigInt64Array(words.buffer), raw.valid);
}

/** Numbers as codes; −1: none. */
export function numbersRaw(numbers: Int32Array): Raw {
  const words = new Int32Array(numbers.length * 2);
  let valid: Uint8Array | undefined;
  for (let row = 0; row < numbers.length; row++) {
    const number = numbers[row] as number;
    if (number < 0) {
      valid ??= new Uint8Array(numbers.length).fill(1);
      valid[row] = 0;
    } else words[row * 2] = number;
  }
  return ofLongs(new BigInt64Array(words.buffer), valid);
}

/** Rows [ids] of values. */
export function gather({ form, bytes, valid }: Raw, ids: Int32Array): Raw {
  const { width } = form;
  const out = new Uint8Array(ids.length * width);
  if (width === 8) {
    const aligned = bytes.byteOffset % 8 === 0 ? bytes : bytes.slice();
    const from = new Int32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 4);
    const into = new Int32Array(out.buffer);
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i] as number;
      into[i * 2] = from[id * 2] as number;
      into[i * 2 + 1] = from[id * 2 + 1] as number;
    }
  } else
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i] as number;
      for (let b = 0; b < width; b++) out[i * width + b] = bytes[id * width + b] as number;
    }
  return { form, bytes: out, ...(valid === undefined ? {} : withNulls(gatherBytes(valid, ids))) };
}

export function gatherBytes(bytes: Uint8Array, ids: Int32Array): Uint8Array {
  const out = new Uint8Array(ids.length);
  for (let i = 0; i < ids.length; i++) out[i] = bytes[ids[i] as number] as number;
  return out;
}

function withNulls(valid: Uint8Array): { readonly valid?: Uint8Array } {
  return valid.includes(0) ? { valid } : {};
}

/** Numbers of the texts (or whole lists) of a column: those of `words`, or new ones where `add`. */
export function numbered(vector: Vector, words: NumberedBytes, add: boolean, wanted?: Uint8Array): Int32Array {
  const of = add ? words.add : words.find;
  const dtype = dtypeOfArrow(vector.type);
  if (dtype === "TEXT") return new TextColumn(vector).map(of, wanted);
  return numberedLists(new ListColumn(vector), of, wanted);
}

/** Whole lists as bytes: of each element whether there is one, and its code (of a text its length and bytes). */
function numberedLists(
  { rows, offsets, valid, elements }: ListColumn,
  of: (bytes: Uint8Array, from: number, to: number) => number,
  wanted: Uint8Array | undefined,
): Int32Array {
  const isText = dtypeOfArrow(elements.type) === "TEXT";
  const texts = new NumberedBytes();
  const codes = isText ? numbersRaw(new TextColumn(elements).map(texts.add)) : equalityCodes(fixedRaw(elements));
  const answers = new Int32Array(rows);
  let buffer = new Uint8Array(1024);
  for (let row = 0; row < rows; row++) {
    if ((valid !== undefined && valid[row] === 0) || (wanted !== undefined && wanted[row] === 0)) {
      answers[row] = -1;
      continue;
    }
    let at = 0;
    const room = (bytes: number): void => {
      if (at + bytes <= buffer.length) return;
      const larger = new Uint8Array(Math.max(buffer.length * 2, at + bytes));
      larger.set(buffer);
      buffer = larger;
    };
    for (let i = offsets[row] as number; i < (offsets[row + 1] as number); i++) {
      const present = codes.valid === undefined || codes.valid[i] !== 0;
      room(13);
      buffer[at++] = Number(present);
      if (!present) continue;
      if (!isText) {
        buffer.set(codes.bytes.subarray(i * 8, i * 8 + 8), at);
        at += 8;
        continue;
      }
      const number = new DataView(codes.bytes.buffer, codes.bytes.byteOffset).getInt32(i * 8, true);
      const text = texts.bytes.subarray(texts.from(number), texts.to(number));
      new DataView(buffer.buffer).setUint32(at, text.length, true);
      at += 4;
      room(text.length);
      buffer.set(text, at);
      at += text.length;
    }
    answers[row] = of(buffer, 0, at);
  }
  return answers;
}

export function isFloatForm({ kind }: ValueForm): boolean {
  return kind === FLOAT_CODES || kind === DOUBLE_CODES;
}

/** The dtype of a list's elements, or the column's own. */
export function elementDType(vector: Vector) {
  const dtype = dtypeOfArrow(vector.type);
  if (dtype === undefined) throw new RangeError(`${String(vector.type)} has no dtype`);
  return isList(dtype) ? elementOf(dtype) : dtype;
}
