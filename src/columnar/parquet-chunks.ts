import type { Encoding, ParquetType } from "hyparquet";
import { ByteWriter } from "hyparquet-writer/src/bytewriter.js";
import { writePageHeader } from "hyparquet-writer/src/datapage.js";
import { packBits, packMarks } from "./bits.js";

/**
 * Column chunks of a Parquet file: a data page each, and the dictionary's where there is one, as they lie in the file. Values are
 * PLAIN and not compressed: doubles that a formula made hardly get smaller, and every codec costs more than to compute them.
 */
export interface ParquetChunk {
  readonly type: ParquetType;
  /** In this order in the file. */
  readonly parts: readonly Uint8Array<ArrayBuffer>[];
  readonly encodings: readonly Encoding[];
  /** Bytes of the dictionary page, which comes first. */
  readonly dictionary?: number;
  readonly rows: number;
  readonly nulls: number;
  readonly min?: number | bigint | boolean;
  readonly max?: number | bigint | boolean;
}

/** Doubles; `valid` has a byte a row, 0: NULL. The arrays are the chunk's from here on. */
export function doublesChunk(values: Float64Array<ArrayBuffer>, valid: Uint8Array): ParquetChunk {
  const rows = values.length;
  const kept = withoutNulls(values, valid);
  let [min, max, isNumber] = [Infinity, -Infinity, true];
  for (let i = 0; i < kept.length; i++) {
    const value = kept[i] as number;
    if (value < min) min = value;
    if (value > max) max = value;
    if (Number.isNaN(value)) isNumber = false;
  }
  // Systems order NaN differently: with one there are no bounds. Zeros have no sign to a reader.
  const bounds = isNumber && kept.length > 0 ? { min: min === 0 ? -0 : min, max: max === 0 ? 0 : max } : {};
  const data = new Uint8Array(kept.buffer, kept.byteOffset, kept.byteLength);
  return { type: "DOUBLE", ...dataPage(data, "PLAIN", rows, valid, rows - kept.length), ...bounds };
}

/** Numbers 0 and 1 as booleans. */
export function booleansChunk(values: Float64Array<ArrayBuffer>, valid: Uint8Array): ParquetChunk {
  const rows = values.length;
  const kept = withoutNulls(values, valid);
  const bits = packBits(Uint8Array.from(kept, (value) => (value === 0 ? 0 : 1)));
  return { type: "BOOLEAN", ...dataPage(bits, "PLAIN", rows, valid, rows - kept.length) };
}

/** A column of NULLs. */
export function nullsChunk(type: "DOUBLE" | "BOOLEAN", rows: number): ParquetChunk {
  return { type, ...dataPage(new Uint8Array(0), "PLAIN", rows, new Uint8Array(rows), rows) };
}

/** Ticks since 1970, none of them NULL. */
export function ticksChunk(ticks: BigInt64Array<ArrayBuffer>): ParquetChunk {
  let [min, max] = [ticks[0] ?? 0n, ticks[0] ?? 0n];
  for (const tick of ticks) {
    if (tick < min) min = tick;
    if (tick > max) max = tick;
  }
  const data = new Uint8Array(ticks.buffer, ticks.byteOffset, ticks.byteLength);
  return { type: "INT64", ...dataPage(data, "PLAIN", ticks.length, undefined, 0), min, max };
}

/** Texts that stand for many rows each, none of them NULL. */
export function textRunsChunk(runs: readonly { readonly text: string; readonly rows: number }[]): ParquetChunk {
  const texts = [...new Set(runs.map(({ text }) => text))];
  const numbers = new Map(texts.map((text, number) => [text, number]));
  const words = new ByteWriter();
  for (const text of texts) {
    const bytes = new TextEncoder().encode(text);
    words.appendUint32(bytes.length);
    words.appendBytes(bytes);
  }
  const header = new ByteWriter();
  writePageHeader(header, {
    type: "DICTIONARY_PAGE",
    uncompressed_page_size: words.offset,
    compressed_page_size: words.offset,
    dictionary_page_header: { num_values: texts.length, encoding: "PLAIN" },
  });
  const width = Math.max(1, 32 - Math.clz32(texts.length - 1));
  const indices = new ByteWriter();
  indices.appendUint8(width);
  for (const { text, rows } of runs) {
    indices.appendVarInt(rows * 2);
    for (let byte = 0; byte < width; byte += 8) indices.appendUint8(((numbers.get(text) ?? 0) >> byte) & 255);
  }
  const rows = runs.reduce((sum, run) => sum + run.rows, 0);
  const page = dataPage(bytesOf(indices), "RLE_DICTIONARY", rows, undefined, 0);
  const dictionary = [bytesOf(header), bytesOf(words)];
  return {
    ...page,
    type: "BYTE_ARRAY",
    encodings: ["PLAIN", "RLE", "RLE_DICTIONARY"],
    parts: [...dictionary, ...page.parts],
    dictionary: dictionary.reduce((sum, { length }) => sum + length, 0),
  };
}

/** In place. */
function withoutNulls(values: Float64Array<ArrayBuffer>, valid: Uint8Array): Float64Array<ArrayBuffer> {
  let first = valid.indexOf(0);
  if (first < 0) return values;
  for (let row = first + 1; row < values.length; row++) {
    if (valid[row] === 0) continue;
    values[first] = values[row] as number;
    first += 1;
  }
  return values.subarray(0, first);
}

/** A page of one column's rows; without `valid` the column is REQUIRED. */
function dataPage(
  data: Uint8Array<ArrayBuffer>,
  encoding: Encoding,
  rows: number,
  valid: Uint8Array | undefined,
  nulls: number,
): Omit<ParquetChunk, "type"> {
  const levels = valid === undefined ? [] : [definitionLevels(valid, nulls)];
  const size = data.length + levels.reduce((sum, { length }) => sum + length, 0);
  const header = new ByteWriter();
  writePageHeader(header, {
    type: "DATA_PAGE",
    uncompressed_page_size: size,
    compressed_page_size: size,
    data_page_header: {
      num_values: rows,
      encoding,
      definition_level_encoding: "RLE",
      repetition_level_encoding: "RLE",
    },
  });
  return { parts: [bytesOf(header), ...levels, data], encodings: ["RLE", encoding], rows, nulls };
}

/** A level of 0 or 1 a row: one run where all are alike, else the bits as they are. */
function definitionLevels(valid: Uint8Array, nulls: number): Uint8Array<ArrayBuffer> {
  const rows = valid.length;
  const levels = new ByteWriter();
  if (nulls === 0 || nulls === rows) {
    levels.appendVarInt(rows * 2);
    levels.appendUint8(nulls === 0 ? 1 : 0);
  } else {
    levels.appendVarInt(Math.ceil(rows / 8) * 2 + 1);
    levels.appendBytes(packMarks(valid).bits);
  }
  const sized = new ByteWriter();
  sized.appendUint32(levels.offset);
  sized.appendBytes(bytesOf(levels));
  return bytesOf(sized);
}

function bytesOf(writer: ByteWriter): Uint8Array<ArrayBuffer> {
  return new Uint8Array(writer.getBuffer());
}
