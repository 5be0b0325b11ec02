import { type Data, DataType, DateUnit, TimeUnit, Type, Vector } from "apache-arrow";
import { unpackBits } from "./bits.js";
import { type DType, elementOf, listOf, type ScalarDType } from "./dtypes.js";

/**
 * Arrow's columns as the kernels and DuckDB take them: bytes of fixed width, validity a byte a row, texts as bytes between
 * offsets. Nothing here makes a JavaScript value of a cell.
 */

/** Dtypes whose values have a width. */
export type FixedDType = Exclude<ScalarDType, "TEXT">;

const WIDTHS: Readonly<Record<FixedDType, 1 | 2 | 4 | 8>> = {
  BOOLEAN: 1,
  TINYINT: 1,
  SMALLINT: 2,
  INTEGER: 4,
  BIGINT: 8,
  FLOAT: 4,
  DOUBLE: 8,
  DATE: 4,
  TIMESTAMP: 8,
};

/** Bytes of a value; a BOOLEAN has one. */
export function widthOf(dtype: FixedDType): 1 | 2 | 4 | 8 {
  return WIDTHS[dtype];
}

/**
 * The dtype of an Arrow type, undefined if there is none. Timestamps that are not of microseconds are BIGINT: their order and
 * equality are those of their integers.
 */
export function dtypeOfArrow(type: DataType): DType | undefined {
  if (DataType.isList(type)) {
    const element = type.children[0] && dtypeOfArrow(type.children[0].type);
    return element === undefined || element.endsWith("[]") ? undefined : listOf(elementOf(element));
  }
  if (DataType.isDictionary(type)) return dtypeOfArrow(type.dictionary) === "TEXT" ? "TEXT" : undefined;
  if (DataType.isInt(type))
    return type.isSigned
      ? ({ 8: "TINYINT", 16: "SMALLINT", 32: "INTEGER", 64: "BIGINT" } as const)[type.bitWidth]
      : undefined;
  if (DataType.isTimestamp(type)) return type.unit === TimeUnit.MICROSECOND ? "TIMESTAMP" : "BIGINT";
  if (DataType.isDate(type)) return type.unit === DateUnit.DAY ? "DATE" : "BIGINT";
  if (DataType.isFloat(type)) return ({ 0: undefined, 1: "FLOAT", 2: "DOUBLE" } as const)[type.precision];
  if (DataType.isBool(type)) return "BOOLEAN";
  return type.typeId === Type.Utf8 || type.typeId === Type.LargeUtf8 ? "TEXT" : undefined;
}

/** A chunk's Data as what its type's buffers are. */
type Buffers = Omit<Data, "values" | "valueOffsets" | "dictionary"> & {
  readonly values: ArrayBufferView & { readonly length: number };
  readonly valueOffsets: Int32Array | BigInt64Array;
  readonly dictionary: Vector | undefined;
};

interface Chunk {
  readonly from: number;
  readonly to: number;
  readonly data: Buffers;
}

/** Something that gives the raw values of a range of rows; what is NULL holds anything. */
export interface RawColumn {
  readonly width: 1 | 2 | 4 | 8;
  readonly nullable: boolean;
  copy(from: number, to: number, into: Uint8Array): void;
  /** A byte a row: 1 where there is a value. */
  copyValidity(from: number, to: number, into: Uint8Array): void;
}

/** An Arrow column of fixed width. */
export class FixedColumn implements RawColumn {
  readonly width: 1 | 2 | 4 | 8;
  readonly rows: number;
  readonly nullable: boolean;
  readonly #chunks: readonly Chunk[];
  readonly #bits: boolean;

  constructor(vector: Vector) {
    const dtype = dtypeOfArrow(vector.type);
    if (dtype === undefined || dtype === "TEXT" || dtype.endsWith("[]"))
      throw new RangeError(`${String(vector.type)} has no fixed width`);
    this.width = WIDTHS[dtype as FixedDType];
    this.rows = vector.length;
    this.nullable = vector.nullCount > 0;
    this.#bits = dtype === "BOOLEAN";
    this.#chunks = chunksOf(vector);
  }

  copy(from: number, to: number, into: Uint8Array): void {
    for (const chunk of this.#chunks) {
      const begin = Math.max(from, chunk.from);
      const end = Math.min(to, chunk.to);
      if (begin >= end) continue;
      const values = bytesOfView(chunk.data.values);
      if (this.#bits) unpackBits(values, chunk.data.offset + begin - chunk.from, end - begin, into, begin - from);
      else
        into.set(
          values.subarray((begin - chunk.from) * this.width, (end - chunk.from) * this.width),
          (begin - from) * this.width,
        );
    }
  }

  copyValidity(from: number, to: number, into: Uint8Array): void {
    copyValidity(this.#chunks, from, to, into);
  }

  /** All values behind one another: the column's own bytes where they lie so. */
  whole(): Uint8Array {
    const [only, ...more] = this.#chunks;
    if (only !== undefined && more.length === 0 && !this.#bits)
      return bytesOfView(only.data.values).subarray(0, this.rows * this.width);
    const bytes = new Uint8Array(this.rows * this.width);
    this.copy(0, this.rows, bytes);
    return bytes;
  }

  /** Validity bytes of all rows; undefined where every row is valid. */
  validity(): Uint8Array | undefined {
    return validityOf(this.#chunks, this.rows, this.nullable);
  }
}

/** A column of texts, plain or by a dictionary. */
export class TextColumn {
  readonly rows: number;
  readonly nullable: boolean;
  readonly #chunks: readonly Chunk[];

  constructor(vector: Vector) {
    this.rows = vector.length;
    this.nullable = vector.nullCount > 0;
    this.#chunks = chunksOf(vector);
  }

  validity(): Uint8Array | undefined {
    return validityOf(this.#chunks, this.rows, this.nullable);
  }

  /**
   * What `of` says of each row's text (an integer); a NULL row is −1. Rows whose byte in `wanted` is 0 are not asked and −1
   * too. A dictionary's texts are asked once each.
   */
  map(of: (bytes: Uint8Array, from: number, to: number) => number, wanted?: Uint8Array): Int32Array {
    const answers = new Int32Array(this.rows);
    const valid = this.validity();
    for (const { from, to, data } of this.#chunks) {
      if (data.dictionary !== undefined) {
        const codes = new TextColumn(data.dictionary).map(of);
        const indices = data.values as Int32Array;
        for (let row = from; row < to; row++)
          answers[row] =
            (valid !== undefined && valid[row] === 0) || (wanted !== undefined && wanted[row] === 0)
              ? -1
              : (codes[Number(indices[row - from])] as number);
        continue;
      }
      const bytes = bytesOfView(data.values);
      const offsets = intOffsets(data.valueOffsets);
      for (let row = from; row < to; row++)
        answers[row] =
          (valid !== undefined && valid[row] === 0) || (wanted !== undefined && wanted[row] === 0)
            ? -1
            : of(bytes, offsets[row - from] as number, offsets[row - from + 1] as number);
    }
    return answers;
  }
}

/** The rows whose text is one of those, in order; NULL is none. */
export function rowsOfTexts(vector: Vector, texts: readonly Uint8Array[]): Int32Array {
  const rows = new Int32Array(vector.length);
  let count = 0;
  for (const { from, to, data } of chunksOf(vector)) {
    const first = count;
    const { dictionary } = data;
    if (dictionary !== undefined) {
      const equal = new Uint8Array(dictionary.length);
      for (const row of rowsOfTexts(dictionary, texts)) equal[row] = 1;
      const indices = data.values as Int32Array;
      for (let row = from; row < to; row++) if (equal[Number(indices[row - from])] === 1) rows[count++] = row;
    } else {
      const bytes = bytesOfView(data.values);
      const offsets = intOffsets(data.valueOffsets);
      const [only, ...more] = texts;
      if (only !== undefined && more.length === 0) count = findEqual(bytes, offsets, only, from, to, rows, count);
      else
        for (let row = from; row < to; row++)
          if (
            texts.some((text) => isEqual(bytes, offsets[row - from] as number, offsets[row - from + 1] as number, text))
          )
            rows[count++] = row;
    }
    if (data.nullCount === 0) continue;
    const found = count;
    count = first;
    for (let i = first; i < found; i++) {
      const bit = data.offset + (rows[i] as number) - from;
      if ((((data.nullBitmap[bit >> 3] as number) >> (bit & 7)) & 1) === 1) rows[count++] = rows[i] as number;
    }
  }
  return rows.subarray(0, count);
}

function isEqual(bytes: Uint8Array, begin: number, end: number, text: Uint8Array): boolean {
  if (end - begin !== text.length) return false;
  for (let i = 0; i < text.length; i++) if (bytes[begin + i] !== text[i]) return false;
  return true;
}

/** The loop over all events of a table: a text that differs mostly does in its length or its first byte. */
function findEqual(
  bytes: Uint8Array,
  offsets: Int32Array | Float64Array,
  text: Uint8Array,
  from: number,
  to: number,
  rows: Int32Array,
  count: number,
): number {
  const size = text.length;
  const first = text[0];
  let found = count;
  let begin = offsets[0] as number;
  for (let row = from; row < to; row++) {
    const end = offsets[row - from + 1] as number;
    if (end - begin === size && (size === 0 || bytes[begin] === first) && isEqual(bytes, begin, end, text))
      rows[found++] = row;
    begin = end;
  }
  return found;
}

/** A column of lists: each row's range in the elements, which are one vector. */
export class ListColumn {
  readonly rows: number;
  /** `rows` + 1 places in the elements; lists of NULL rows are empty. */
  readonly offsets: Int32Array;
  readonly valid: Uint8Array | undefined;
  /** Elements, in order, without those that no row has. */
  readonly elements: Vector;

  constructor(vector: Vector) {
    const chunks = chunksOf(vector);
    this.rows = vector.length;
    this.valid = validityOf(chunks, this.rows, vector.nullCount > 0);
    this.offsets = new Int32Array(this.rows + 1);
    const pieces: Vector[] = [];
    let at = 0;
    for (const { from, to, data } of chunks) {
      const offsets = intOffsets(data.valueOffsets);
      const first = offsets[0] as number;
      const [child] = data.children;
      if (child === undefined) throw new RangeError("a list column without elements");
      for (let row = from; row < to; row++) this.offsets[row + 1] = at + (offsets[row - from + 1] as number) - first;
      const last = offsets[to - from] as number;
      pieces.push(new Vector([child.slice(first, last - first)]));
      at += last - first;
    }
    this.elements = new Vector(pieces.flatMap(({ data }) => data));
  }
}

function chunksOf(vector: Vector): readonly Chunk[] {
  let from = 0;
  return vector.data.map((data) => {
    const to = from + data.length;
    const chunk = { from, to, data: data as unknown as Buffers };
    from = to;
    return chunk;
  });
}

function bytesOfView({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** Offsets of 64 bits are of one chunk's values, which an array of JavaScript holds. */
function intOffsets(offsets: Int32Array | BigInt64Array): Int32Array | Float64Array {
  return offsets instanceof BigInt64Array ? Float64Array.from(offsets, Number) : offsets;
}

/** Validity bytes of a vector of any type; undefined where every row is valid. */
export function validBytesOf(vector: Vector): Uint8Array | undefined {
  return validityOf(chunksOf(vector), vector.length, vector.nullCount > 0);
}

function validityOf(chunks: readonly Chunk[], rows: number, nullable: boolean): Uint8Array | undefined {
  if (!nullable) return undefined;
  const bytes = new Uint8Array(rows);
  copyValidity(chunks, 0, rows, bytes);
  return bytes;
}

function copyValidity(chunks: readonly Chunk[], from: number, to: number, into: Uint8Array): void {
  for (const { from: first, to: last, data } of chunks) {
    const begin = Math.max(from, first);
    const end = Math.min(to, last);
    if (begin >= end) continue;
    if (data.nullCount === 0) into.fill(1, begin - from, end - from);
    else unpackBits(data.nullBitmap, data.offset + begin - first, end - begin, into, begin - from);
  }
}
