import {
  Bool,
  type Data,
  DataType,
  DateDay,
  Dictionary,
  Field,
  Float32,
  Float64,
  Int8,
  Int16,
  Int32,
  Int64,
  List,
  makeData,
  TimestampMicrosecond,
  Utf8,
  Vector,
  vectorFromArray,
} from "apache-arrow";
import { type Dtype, elementType, isListType, type Scalar, type Value } from "../oracles/values.js";

const TYPES: Readonly<Record<Scalar, () => DataType>> = {
  BOOLEAN: () => new Bool(),
  TINYINT: () => new Int8(),
  SMALLINT: () => new Int16(),
  INTEGER: () => new Int32(),
  BIGINT: () => new Int64(),
  FLOAT: () => new Float32(),
  DOUBLE: () => new Float64(),
  TEXT: () => new Utf8(),
  DATE: () => new DateDay(),
  TIMESTAMP: () => new TimestampMicrosecond(),
};

export function arrowType(dtype: Dtype): DataType {
  const element = TYPES[elementType(dtype)]();
  return isListType(dtype) ? new List(new Field("item", element, true)) : element;
}

/** An Arrow column of the oracle's values. `chunks`: cut into so many, each a slice of something larger. */
export function arrowColumn(dtype: Dtype, values: readonly Value[], chunks = 1, dictionary = false): Vector {
  const size = Math.ceil(values.length / chunks);
  const data = Array.from({ length: chunks }, (_, chunk) => {
    const own = values.slice(chunk * size, (chunk + 1) * size);
    // A slice: what stands around it must not be seen.
    const around = chunks === 1 ? own : [values[0] ?? null, ...own, values[0] ?? null];
    const whole = dictionary ? dictionaryData(around) : dataOf(dtype, around);
    return chunks === 1 ? whole : whole.slice(1, own.length);
  });
  return new Vector(data);
}

function dictionaryData(values: readonly Value[]): Data {
  const [data] = vectorFromArray(values as (string | null)[], new Dictionary(new Utf8(), new Int32())).data;
  if (data === undefined) throw new Error("no data");
  return data;
}

function dataOf(dtype: Dtype, values: readonly Value[]): Data {
  const nullBitmap = bits(values.map((value) => value !== null));
  const common = { length: values.length, nullCount: values.filter((value) => value === null).length, nullBitmap };
  if (isListType(dtype)) {
    const type = arrowType(dtype) as List;
    const lists = values.map((value) => (Array.isArray(value) ? value : []));
    const valueOffsets = Int32Array.from([0, ...lists.map((_, i) => lists.slice(0, i + 1).flat().length)]);
    return makeData({ ...common, type, valueOffsets, child: dataOf(elementType(dtype), lists.flat() as Value[]) });
  }
  if (dtype === "TEXT") {
    const texts = values.map((value) => Buffer.from(value === null ? "" : String(value)));
    const valueOffsets = Int32Array.from([0, ...texts.map((_, i) => Buffer.concat(texts.slice(0, i + 1)).length)]);
    return makeData({ ...common, type: new Utf8(), valueOffsets, data: Buffer.concat(texts) });
  }
  const type = arrowType(dtype);
  if (dtype === "BOOLEAN")
    return makeData({ ...common, type: type as Bool, data: bits(values.map((value) => value === true)) });
  const wide = dtype === "BIGINT" || dtype === "TIMESTAMP";
  const data = wide
    ? BigInt64Array.from(values.map((value) => (value === null ? 77n : (value as bigint))))
    : type.ArrayType.from(values.map((value) => (value === null ? 77 : Number(value))));
  return makeData({ ...common, type, data } as Parameters<typeof makeData>[0]);
}

function bits(flags: readonly boolean[]): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(flags.length / 8) + 8);
  flags.forEach((flag, i) => {
    if (flag) bytes[i >> 3] = (bytes[i >> 3] ?? 0) | (1 << (i & 7));
  });
  return bytes;
}

/** The oracle's values of an Arrow column, read from its buffers. */
export function valuesOf(vector: Vector): Value[] {
  return vector.data.flatMap((data) => Array.from({ length: data.length }, (_, row) => valueAt(data, row)));
}

function valueAt(data: Data, row: number): Value {
  const bit = data.offset + row;
  if (data.nullCount > 0 && (((data.nullBitmap[bit >> 3] ?? 0) >> (bit & 7)) & 1) === 0) return null;
  const { type } = data;
  if (DataType.isList(type)) {
    const [child] = data.children;
    const offsets = data.valueOffsets as Int32Array;
    if (child === undefined) throw new Error("a list without elements");
    const [from = 0, to = 0] = offsets.subarray(row, row + 2);
    return Array.from({ length: to - from }, (_, i) => valueAt(child, from + i));
  }
  if (type.typeId === new Utf8().typeId) {
    const [from = 0, to = 0] = (data.valueOffsets as Int32Array).subarray(row, row + 2);
    return Buffer.from((data.values as Uint8Array).subarray(from, to)).toString();
  }
  if (DataType.isBool(type)) return ((((data.values as Uint8Array)[bit >> 3] ?? 0) >> (bit & 7)) & 1) === 1;
  const value = (data.values as Int32Array | BigInt64Array)[row];
  if (value === undefined) throw new Error("a value beyond its column");
  return DataType.isFloat(type) ? Number(value) : BigInt(value);
}
