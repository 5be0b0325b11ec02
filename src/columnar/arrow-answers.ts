import { type Data, DataType, makeData, Utf8 } from "apache-arrow";
import { packBits } from "./bits.js";
import type { NumberedBytes } from "./numbered-bytes.js";

/** The buffers of an answer's Arrow column; lists: running offsets, and the elements as values. */
export interface ColumnBuffers {
  /** BOOLEAN: a byte a row; of texts that `words` numbers: the ranks (8 bytes each), else the texts' bytes. */
  readonly values: Uint8Array<ArrayBuffer>;
  readonly offsets?: Int32Array<ArrayBuffer>;
  /** Where texts end, `rows + 1` of them. */
  readonly ends?: Int32Array<ArrayBuffer>;
  /** Bits. */
  readonly validity?: Uint8Array<ArrayBuffer>;
  readonly nulls: number;
  /** Of the elements of lists, bits; absent: all are valid. */
  readonly elements?: { readonly validity: Uint8Array<ArrayBuffer>; readonly nulls: number };
}

/** The texts that answers number: a number is a rank, from 0; `byRank` finds the text. */
export interface Words {
  readonly texts: NumberedBytes;
  readonly byRank: Int32Array;
}

/** Arrow's Data of an answer, over its own buffers where they are Arrow's. */
export function arrowData(type: DataType, rows: number, answer: ColumnBuffers, words: Words | undefined): Data {
  if (!DataType.isList(type)) return scalarData(type, rows, answer, words);
  const element = type.children[0]?.type;
  if (element === undefined || answer.offsets === undefined) throw new RangeError("an answer of lists without offsets");
  const count = answer.offsets[rows] as number;
  const { validity, nulls, elements = { nulls: 0 } } = answer;
  const child = scalarData(element, count, { ...childOf(answer), ...elements }, words);
  const nullBitmap = validity === undefined ? {} : { nullBitmap: validity };
  return makeData({ type, length: rows, nullCount: nulls, ...nullBitmap, valueOffsets: answer.offsets, child });
}

function childOf({ values, ends }: ColumnBuffers): Pick<ColumnBuffers, "values" | "ends"> {
  return ends === undefined ? { values } : { values, ends };
}

function scalarData(type: DataType, rows: number, answer: ColumnBuffers, words: Words | undefined): Data {
  const { values, validity, nulls } = answer;
  const common = { length: rows, nullCount: nulls, ...(validity === undefined ? {} : { nullBitmap: validity }) };
  if (words !== undefined) {
    const { offsets, bytes } = textsOf(rows, answer, words);
    return makeData({ ...common, type: new Utf8(), valueOffsets: offsets, data: bytes });
  }
  if (DataType.isUtf8(type))
    return makeData({ ...common, type, valueOffsets: answer.ends ?? new Int32Array(1), data: values });
  if (DataType.isBool(type)) return makeData({ ...common, type, data: packBits(values, rows) });
  const typed = new type.ArrayType(values.buffer, values.byteOffset, rows);
  // The visitor of makeData takes any type whose buffers these are.
  return makeData({ ...common, type, data: typed } as Parameters<typeof makeData>[0]);
}

function textsOf(rows: number, { values, validity }: ColumnBuffers, { texts, byRank }: Words) {
  const ranks = new Int32Array(values.buffer, values.byteOffset, rows * 2);
  const offsets = new Int32Array(rows + 1);
  const numberOf = (row: number): number => byRank[ranks[row * 2] as number] as number;
  const isValid = (row: number): boolean =>
    validity === undefined || (((validity[row >> 3] as number) >> (row & 7)) & 1) === 1;
  let size = 0;
  for (let row = 0; row < rows; row++) {
    if (isValid(row)) size += texts.to(numberOf(row)) - texts.from(numberOf(row));
    if (size > MOST_BYTES) throw new TextsTooLong();
    offsets[row + 1] = size;
  }
  const bytes = new Uint8Array(size);
  const source = texts.bytes;
  for (let row = 0; row < rows; row++) {
    if (!isValid(row)) continue;
    let at = offsets[row] as number;
    const to = texts.to(numberOf(row));
    for (let from = texts.from(numberOf(row)); from < to; from++) bytes[at++] = source[from] as number;
  }
  return { offsets, bytes };
}

/** Arrow's offsets of texts have 32 bits. */
const MOST_BYTES = 2 ** 31 - 1;

export class TextsTooLong extends Error {
  override readonly name = "TextsTooLong";
}
