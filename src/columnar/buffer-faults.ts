import { isUtf8 } from "node:buffer";
import { type Data, DataType, type Vector } from "apache-arrow";
import { dtypeOfArrow, type FixedDType, widthOf } from "./arrow-columns.js";

type Offsets = Int32Array | BigInt64Array;

/**
 * What is wrong with the buffers of a vector that somebody has made, of a type that has a dtype: too short for its rows, offsets that
 * lead nowhere, bytes that are no text. Undefined: nothing is.
 */
export function faultOfBuffers({ data }: Vector): string | undefined {
  for (const chunk of data) {
    const fault = faultOf(chunk);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function faultOf(data: Data): string | undefined {
  const { type, length, offset, nullBitmap, values } = data;
  if (length === 0) return undefined;
  const bits = (nullBitmap?.length ?? 0) * 8;
  if (bits > 0 && bits < offset + length) return `a validity bitmap of ${bits} bits for ${offset + length} values`;
  if (DataType.isList(type)) {
    const child = data.children[0];
    if (child === undefined) return "lists without elements' column";
    return faultOfOffsets(data, child.length) ?? faultOf(child);
  }
  if (DataType.isDictionary(type)) return faultOfDictionary(data);
  if (DataType.isUtf8(type) || DataType.isLargeUtf8(type)) {
    const bytes = values as Uint8Array | undefined;
    return faultOfOffsets(data, bytes?.length ?? 0) ?? faultOfTexts(data, bytes ?? new Uint8Array(0));
  }
  const bytes = ArrayBuffer.isView(values) ? values.byteLength : 0;
  const isBool = DataType.isBool(type);
  const wanted = isBool ? Math.ceil((offset + length) / 8) : length * widthOf(dtypeOfArrow(type) as FixedDType);
  return bytes < wanted ? `values of ${bytes} bytes, where ${length} rows have ${wanted}` : undefined;
}

function faultOfOffsets(data: Data, end: number): string | undefined {
  const offsets = data.valueOffsets as Offsets | undefined;
  const { length } = data;
  if (offsets === undefined || offsets.length < length + 1)
    return `${offsets?.length ?? 0} offsets, where ${length} rows have ${length + 1}`;
  let last = 0;
  for (let row = 0; row <= length; row++) {
    const next = Number(offsets[row]);
    if (next < last) return `offsets that go down, or begin below 0, at row ${row}`;
    last = next;
  }
  return last > end ? `offsets up to ${last} of ${end} elements` : undefined;
}

function faultOfTexts(data: Data, bytes: Uint8Array): string | undefined {
  const offsets = data.valueOffsets as Offsets;
  const [from, to] = [Number(offsets[0]), Number(offsets[data.length])];
  if (!isUtf8(bytes.subarray(from, to))) return "texts that are not UTF-8";
  for (let row = 1; row < data.length; row++) {
    const at = Number(offsets[row]);
    // Between the bytes of one character.
    if (at < to && ((bytes[at] as number) & 0xc0) === 0x80) return `texts that are not UTF-8, at row ${row}`;
  }
  return undefined;
}

function faultOfDictionary(data: Data): string | undefined {
  const { length, dictionary } = data;
  const values = data.values as ArrayLike<number | bigint> | undefined;
  if (dictionary === undefined || values === undefined || values.length < length)
    return `${values?.length ?? 0} numbers of texts, where ${length} rows have as many`;
  for (let row = 0; row < length; row++) {
    const number = Number(values[row]);
    if (data.getValid(row) && !(number >= 0 && number < dictionary.length))
      return `number ${number} of ${dictionary.length} texts, at row ${row}`;
  }
  return faultOfBuffers(dictionary);
}
