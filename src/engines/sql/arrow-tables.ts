import {
  BIGINT,
  BOOLEAN,
  DATE,
  DOUBLE,
  DuckDBDataChunk,
  type DuckDBType,
  FLOAT,
  INTEGER,
  LIST,
  SMALLINT,
  TIMESTAMP,
  TINYINT,
  VARCHAR,
} from "@duckdb/node-api";
import duckdb from "@duckdb/node-bindings";
import { type Data, type DataType, Vector } from "apache-arrow";
import { arrowData } from "../../columnar/arrow-answers.js";
import {
  dtypeOfArrow,
  FixedColumn,
  type FixedDType,
  ListColumn,
  TextColumn,
  widthOf,
} from "../../columnar/arrow-columns.js";
import { packBits } from "../../columnar/bits.js";
import { type DType, elementOf, isList, type ScalarDType } from "../../columnar/dtypes.js";
import {
  bytesOf,
  giveBack,
  isValid,
  lentText,
  listRows,
  validBytes,
  writeLists,
  writeValidity,
  writeValues,
} from "../../columnar/duckdb-vectors.js";
import { NumberedBytes } from "../../columnar/numbered-bytes.js";
import type { PitRelation } from "../pit-table.js";
import type { SqlSession } from "./session.js";
import { identifier } from "./text.js";
import { typeName } from "./values.js";

/** Rows of a chunk: one of DuckDB's vectors. */
const CHUNK = 2048;

/** DuckDB's type of a dtype. */
export function duckdbType(dtype: DType): DuckDBType {
  return isList(dtype) ? LIST(TYPES[elementOf(dtype)]) : TYPES[dtype as ScalarDType];
}

const TYPES: Readonly<Record<ScalarDType, DuckDBType>> = {
  BOOLEAN,
  TINYINT,
  SMALLINT,
  INTEGER,
  BIGINT,
  FLOAT,
  DOUBLE,
  TEXT: VARCHAR,
  DATE,
  TIMESTAMP,
};

/** The place of a row in its relation, from 0. */
export const PLACE = "@place";

/** Makes a table of a relation: its columns, and the place of each row. */
export async function createTable(session: SqlSession, name: string, { rows, columns }: PitRelation): Promise<void> {
  const writers = [...columns].map(([column, vector]) => ({ column, dtype: dtypeOf(vector), write: writerOf(vector) }));
  const declared = writers.map(({ column, dtype }) => `${identifier(column)} ${typeName(dtype)}`);
  await session.run(
    `CREATE TEMP TABLE ${identifier(name)} (${[...declared, `${identifier(PLACE)} BIGINT`].join(", ")})`,
  );
  const types = writers.map(({ dtype }) => duckdbType(dtype));
  const appender = await session.connection.createAppender(name, undefined, "temp");
  for (let from = 0; from < rows; from += CHUNK) {
    const to = Math.min(rows, from + CHUNK);
    const chunk = DuckDBDataChunk.create([...types, BIGINT], to - from);
    writers.forEach(({ write }, place) => {
      write(duckdb.data_chunk_get_vector(chunk.chunk, place), from, to);
    });
    const places = BigInt64Array.from({ length: to - from }, (_, row) => BigInt(from + row));
    writeValues(duckdb.data_chunk_get_vector(chunk.chunk, types.length), places.buffer, 0, places.byteLength);
    appender.appendDataChunk(chunk);
  }
  appender.closeSync();
}

function dtypeOf(vector: Vector): DType {
  const dtype = dtypeOfArrow(vector.type);
  if (dtype === undefined) throw new RangeError(`${String(vector.type)} has no dtype`);
  return dtype;
}

/** Writes rows of an Arrow column into a vector of DuckDB's. */
export type Writer = (into: duckdb.Vector, from: number, to: number) => void;

export function writerOf(vector: Vector): Writer {
  const dtype = dtypeOf(vector);
  if (isList(dtype)) return listWriter(vector);
  if (dtype === "TEXT") return textWriter(vector);
  const column = new FixedColumn(vector);
  return (into, from, to) => {
    const values = new Uint8Array((to - from) * column.width);
    column.copy(from, to, values);
    writeValues(into, values.buffer, 0, values.length);
    if (!column.nullable) return;
    const valid = new Uint8Array(to - from);
    column.copyValidity(from, to, valid);
    writeValidity(into, valid);
  };
}

function textWriter(vector: Vector): Writer {
  const texts = new NumberedBytes();
  const numbers = new TextColumn(vector).map(texts.add);
  return (into, from, to) => {
    const valid = new Uint8Array(to - from);
    for (let row = from; row < to; row++) {
      const number = numbers[row] as number;
      if (number < 0) continue;
      valid[row - from] = 1;
      const text = texts.bytes.subarray(texts.from(number), texts.to(number));
      duckdb.vector_assign_string_element_len(into, row - from, text);
    }
    writeValidity(into, valid);
  };
}

function listWriter(vector: Vector): Writer {
  const { offsets, valid, elements } = new ListColumn(vector);
  const write = writerOf(elements);
  return (into, from, to) => {
    const [first, last] = [offsets[from] as number, offsets[to] as number];
    const entries = new BigUint64Array((to - from) * 2);
    for (let row = from; row < to; row++) {
      entries[(row - from) * 2] = BigInt((offsets[row] as number) - first);
      entries[(row - from) * 2 + 1] = BigInt((offsets[row + 1] as number) - (offsets[row] as number));
    }
    writeLists(into, entries.buffer, { entries: 0, rows: to - from, values: 0, count: last - first, width: 0 });
    write(duckdb.list_vector_get_child(into), first, last);
    if (valid !== undefined) writeValidity(into, valid.subarray(from, to));
  };
}

/** The columns of a query of so many rows, as Arrow columns of these types; its rows come in their order. Throws what the query failed of. */
export async function readColumns(
  session: SqlSession,
  sql: string,
  rows: number,
  types: ReadonlyMap<string, DataType>,
): Promise<ReadonlyMap<string, Vector>> {
  const names = [...types.keys()];
  const data = new Map(names.map((name) => [name, [] as Data[]]));
  let read = 0;
  const result = await session.connection.stream(sql);
  for (let chunk = await result.fetchChunk(); chunk && chunk.rowCount > 0; chunk = await result.fetchChunk()) {
    const { rowCount } = chunk;
    for (const [place, name] of names.entries())
      data
        .get(name)
        ?.push(dataOfVector(duckdb.data_chunk_get_vector(chunk.chunk, place), rowCount, types.get(name) as DataType));
    giveBack();
    read += rowCount;
  }
  if (read !== rows) {
    // A stream that fails on its way just ends; the whole answer at once tells why.
    await session.run(sql);
    throw new RangeError(`${read} of ${rows} rows were read`);
  }
  return new Map(
    names.map((name) => {
      const chunks = data.get(name) ?? [];
      const type = types.get(name) as DataType;
      const empty = { values: new Uint8Array(0), offsets: new Int32Array(1), nulls: 0 };
      return [name, new Vector(chunks.length > 0 ? chunks : [arrowData(type, 0, empty, undefined)])];
    }),
  );
}

/** A vector of DuckDB's as Arrow's Data of a type. */
export function dataOfVector(vector: duckdb.Vector, rows: number, type: DataType): Data {
  const dtype = dtypeOfArrow(type);
  if (dtype === undefined) throw new RangeError(`${String(type)} has no dtype`);
  const valid = validBytes(vector, rows);
  const marks = marksOf(valid);
  if (!isList(dtype))
    return arrowData(type, rows, { ...valuesOfVector(vector, rows, dtype, valid), ...marks }, undefined);
  const { child, size, entries, validity: bits } = listRows(vector, rows);
  const offsets = new Int32Array(rows + 1);
  let inOrder = true;
  for (let row = 0; row < rows; row++) {
    const some = isValid(bits, row);
    if (some && (entries[row * 4] as number) !== (offsets[row] as number)) inOrder = false;
    offsets[row + 1] = (offsets[row] as number) + (some ? (entries[row * 4 + 2] as number) : 0);
  }
  const validElements = validBytes(child, size);
  const elements = {
    ...valuesOfVector(child, size, elementOf(dtype), validElements),
    ...(validElements === undefined ? {} : { valid: validElements }),
  };
  const moved = inOrder ? elements : inEntryOrder(elements, entries, bits, offsets, rows, elementOf(dtype));
  const { valid: kept, ...values } = moved;
  const { validity, nulls } = marksOf(kept?.subarray(0, offsets[rows] as number));
  const nullElements = validity === undefined ? {} : { elements: { validity, nulls } };
  return arrowData(type, rows, { ...values, offsets, ...marks, ...nullElements }, undefined);
}

/** Of validity bytes. */
function marksOf(valid: Uint8Array | undefined): { validity?: Uint8Array<ArrayBuffer>; nulls: number } {
  if (valid === undefined) return { nulls: 0 };
  return { validity: packBits(valid), nulls: valid.reduce((sum, byte) => sum + 1 - byte, 0) };
}

interface Values {
  readonly values: Uint8Array<ArrayBuffer>;
  /** Where texts end. */
  readonly ends?: Int32Array<ArrayBuffer>;
}

interface Elements extends Values {
  /** A byte each; absent: all are valid. */
  readonly valid?: Uint8Array;
}

/** DuckDB's lists may lie in any order, and overlap. */
function inEntryOrder(
  { values, ends, valid }: Elements,
  entries: Int32Array,
  bits: Uint8Array | undefined,
  offsets: Int32Array,
  rows: number,
  dtype: ScalarDType,
): Elements {
  const count = offsets[rows] as number;
  const pieces: Uint8Array[] = [];
  const width = ends === undefined ? widthOf(dtype as FixedDType) : 0;
  const newEnds = new Int32Array(count + 1);
  const newValid = new Uint8Array(valid === undefined ? 0 : count);
  let at = 0;
  for (let row = 0; row < rows; row++) {
    if (!isValid(bits, row)) continue;
    const from = entries[row * 4] as number;
    const to = from + (entries[row * 4 + 2] as number);
    if (valid !== undefined) newValid.set(valid.subarray(from, to), offsets[row] as number);
    if (ends === undefined) pieces.push(values.subarray(from * width, to * width));
    else {
      pieces.push(values.subarray(ends[from] as number, ends[to] as number));
      for (let i = from; i < to; i++) {
        newEnds[at + 1] = (newEnds[at] as number) + (ends[i + 1] as number) - (ends[i] as number);
        at += 1;
      }
    }
  }
  const moved = new Uint8Array(Buffer.concat(pieces));
  const marks = valid === undefined ? {} : { valid: newValid };
  return ends === undefined ? { values: moved, ...marks } : { values: moved, ends: newEnds, ...marks };
}

const INLINE_BYTES = 12;

function valuesOfVector(
  vector: duckdb.Vector,
  rows: number,
  dtype: ScalarDType,
  valid: Uint8Array | undefined,
): Values {
  if (dtype !== "TEXT") return { values: new Uint8Array(bytesOf(vector, rows * widthOf(dtype))) };
  const strings = bytesOf(vector, rows * 16);
  const view = new DataView(strings);
  const texts: Uint8Array[] = [];
  const ends = new Int32Array(rows + 1);
  for (let row = 0; row < rows; row++) {
    const length = valid !== undefined && valid[row] === 0 ? 0 : view.getUint32(row * 16, true);
    texts.push(
      length <= INLINE_BYTES ? new Uint8Array(strings, row * 16 + 4, length) : lentText(strings, row * 16 + 8, length),
    );
    ends[row + 1] = (ends[row] as number) + length;
  }
  return { values: new Uint8Array(Buffer.concat(texts)), ends };
}
