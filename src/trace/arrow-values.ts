import { Bool, type Data, List, makeData, Utf8, Vector } from "apache-arrow";
import { FixedColumn, ListColumn, TextColumn } from "../columnar/arrow-columns.js";
import { type DType, elementOf, isList } from "../columnar/dtypes.js";
import { arrowTypeOf } from "../udfs/arrow-types.js";
import type { Value } from "./values.js";

/** Values of a dtype as the Arrow vector that a function of the user's gets. */
export function vectorOf(values: readonly Value[], dtype: DType): Vector {
  return new Vector([dataOf(values, dtype)]);
}

function dataOf(values: readonly Value[], dtype: DType): Data {
  const length = values.length;
  const type = arrowTypeOf(dtype);
  const nullBitmap = bits(values.map((value) => value !== null));
  const common = { length, nullCount: values.filter((value) => value === null).length, nullBitmap };
  if (type instanceof List) {
    const lists = values.map((value) => (Array.isArray(value) ? (value as readonly Value[]) : []));
    const child = dataOf(lists.flat(), elementOf(dtype));
    return makeData({ type, ...common, valueOffsets: offsetsOf(lists), child });
  }
  if (type instanceof Utf8) {
    const texts = values.map((value) => Buffer.from(typeof value === "string" ? value : "", "utf8"));
    return makeData({ type, ...common, valueOffsets: offsetsOf(texts), data: Buffer.concat(texts) });
  }
  if (type instanceof Bool) return makeData({ type, ...common, data: bits(values.map((value) => value === true)) });
  const data = new type.ArrayType(length);
  const wide = data instanceof BigInt64Array;
  values.forEach((value, row) => {
    data[row] = wide ? BigInt((value as bigint | null) ?? 0n) : Number(value ?? 0);
  });
  return makeData({ type, ...common, data } as Parameters<typeof makeData>[0]);
}

function offsetsOf(pieces: readonly { readonly length: number }[]): Int32Array {
  const offsets = new Int32Array(pieces.length + 1);
  pieces.forEach(({ length }, row) => {
    offsets[row + 1] = (offsets[row] as number) + length;
  });
  return offsets;
}

function bits(flags: readonly boolean[]): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(flags.length / 8));
  flags.forEach((flag, row) => {
    if (flag) bytes[row >> 3] = (bytes[row >> 3] as number) | (1 << (row & 7));
  });
  return bytes;
}

/** What a vector of a dtype holds. */
export function valuesOf(vector: Vector, dtype: DType): readonly Value[] {
  if (isList(dtype)) {
    const { rows, offsets, valid, elements } = new ListColumn(vector);
    const all = valuesOf(elements, elementOf(dtype));
    return Array.from({ length: rows }, (_, row) =>
      valid?.[row] === 0 ? null : all.slice(offsets[row], offsets[row + 1]),
    );
  }
  if (dtype === "TEXT") {
    const texts: string[] = [];
    const column = new TextColumn(vector);
    const numbers = column.map(
      (bytes, from, to) => texts.push(Buffer.from(bytes.subarray(from, to)).toString("utf8")) - 1,
    );
    return Array.from(numbers, (number) => (number < 0 ? null : (texts[number] ?? null)));
  }
  const column = new FixedColumn(vector);
  const valid = column.validity();
  const bytes = column.whole().slice();
  const values = dtype === "BOOLEAN" ? bytes : new (arrowTypeOf(dtype).ArrayType)(bytes.buffer);
  return Array.from({ length: column.rows }, (_, row): Value => {
    if (valid?.[row] === 0) return null;
    const value: number | bigint = values[row];
    if (dtype === "BOOLEAN") return value === 1;
    return dtype === "FLOAT" || dtype === "DOUBLE" ? Number(value) : BigInt(value);
  });
}
