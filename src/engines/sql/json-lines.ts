import { LIST, VARCHAR } from "@duckdb/node-api";
import duckdb from "@duckdb/node-bindings";
import { isValid, lentBytes, lentText, validityOf, vectorisedFunction } from "../../columnar/duckdb-vectors.js";
import { JsonFields, JsonSyntaxError, type JsonValueText, jsonElements } from "./json-text.js";
import type { SqlSession } from "./session.js";

/**
 * SQL functions over JSON text, vectorised over DuckDB's raw string vectors:
 * `daedalus_json_fields(json VARCHAR, names VARCHAR)` → VARCHAR[]: the top-level fields named by the JSON array `names` (a
 *   constant), in that order; a line is tokenised once whatever their number. Fails if the text is not one JSON object.
 * `daedalus_json_array(json VARCHAR)` → VARCHAR[]: the elements of an array. Fails if the text is not one JSON array.
 * Numbers stay as written, strings are unescaped, nested values stay raw text, JSON null is NULL.
 */
export function installJsonFunctions(session: SqlSession): void {
  if (installed.has(session)) return;
  installed.add(session);
  session.connection.registerScalarFunction(
    vectorisedFunction({
      name: "daedalus_json_fields",
      parameterTypes: [VARCHAR, VARCHAR],
      returnType: LIST(VARCHAR),
      mainFunction: (_info, input, output) => jsonFields(input, output),
    }),
  );
  session.connection.registerScalarFunction(
    vectorisedFunction({
      name: "daedalus_json_array",
      parameterTypes: [VARCHAR],
      returnType: LIST(VARCHAR),
      volatile: false,
      mainFunction: (_info, input, output) => jsonArray(input, output),
    }),
  );
}

const installed = new WeakSet<SqlSession>();
const fieldsByNames = new Map<string, JsonFields>();
const decoder = new TextDecoder();

function jsonFields(input: duckdb.DataChunk, output: duckdb.Vector): void {
  const rows = duckdb.data_chunk_get_size(input);
  const lines = new StringVector(input, 0, rows);
  const names = new StringVector(input, 1, rows);
  const entries = new ListEntries(rows);
  const values: JsonValueText[] = [];
  for (let row = 0; row < rows; row++) {
    const line = lines.bytes(row);
    if (line === undefined) {
      entries.setNull(row, values.length);
      continue;
    }
    const fields = fieldsNamed(decoder.decode(names.bytes(row)));
    const from = values.length;
    parsing(line, () => fields.read(line, values, from));
    entries.set(row, from, fields.width);
  }
  entries.write(output, values);
}

function jsonArray(input: duckdb.DataChunk, output: duckdb.Vector): void {
  const rows = duckdb.data_chunk_get_size(input);
  const texts = new StringVector(input, 0, rows);
  const entries = new ListEntries(rows);
  const values: JsonValueText[] = [];
  for (let row = 0; row < rows; row++) {
    const text = texts.bytes(row);
    const from = values.length;
    if (text === undefined) entries.setNull(row, from);
    else
      entries.set(
        row,
        from,
        parsing(text, () => jsonElements(text, values)),
      );
  }
  entries.write(output, values);
}

function parsing<T>(text: Uint8Array, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    throw new Error(`invalid JSON: ${error.message}: ${decoder.decode(text.subarray(0, 200))}`);
  }
}

function fieldsNamed(names: string): JsonFields {
  let fields = fieldsByNames.get(names);
  if (fields === undefined) {
    const parsed: unknown = JSON.parse(names);
    fields = new JsonFields(Array.isArray(parsed) ? parsed.map(String) : []);
    fieldsByNames.set(names, fields);
  }
  return fields;
}

/** DuckDB's `string_t`: 16 bytes, length first; up to 12 bytes inline, else a pointer in the last eight. */
class StringVector {
  readonly #data: Uint8Array;
  readonly #lengths: DataView;
  readonly #validity: Uint8Array | undefined;

  constructor(input: duckdb.DataChunk, column: number, rows: number) {
    const vector = duckdb.data_chunk_get_vector(input, column);
    this.#data = lentBytes(vector, rows * 16);
    this.#lengths = new DataView(this.#data.buffer, this.#data.byteOffset, this.#data.byteLength);
    this.#validity = validityOf(vector, rows);
  }

  /** Undefined for NULL. */
  bytes(row: number): Uint8Array | undefined {
    if (!isValid(this.#validity, row)) return undefined;
    const at = row * 16;
    const length = this.#lengths.getUint32(at, true);
    if (length <= 12) return this.#data.subarray(at + 4, at + 4 + length);
    return lentText(this.#data.buffer as ArrayBuffer, this.#data.byteOffset + at + 8, length);
  }
}

/** The output vector of lists: entries of {offset, length} as 64-bit integers, and which rows are NULL. */
class ListEntries {
  readonly #entries: BigUint64Array<ArrayBuffer>;
  readonly #validity: Uint8Array<ArrayBuffer>;
  #nulls = false;

  constructor(rows: number) {
    this.#entries = new BigUint64Array(rows * 2);
    this.#validity = new Uint8Array(Math.ceil(rows / 64) * 8).fill(0xff);
  }

  set(row: number, offset: number, length: number): void {
    this.#entries[row * 2] = BigInt(offset);
    this.#entries[row * 2 + 1] = BigInt(length);
  }

  setNull(row: number, offset: number): void {
    this.set(row, offset, 0);
    this.#nulls = true;
    clearBit(this.#validity, row);
  }

  write(vector: duckdb.Vector, values: readonly JsonValueText[]): void {
    duckdb.list_vector_reserve(vector, values.length);
    duckdb.list_vector_set_size(vector, values.length);
    duckdb.copy_data_to_vector(vector, 0, this.#entries.buffer, 0, this.#entries.byteLength);
    if (this.#nulls) writeValidity(vector, this.#validity);
    const child = duckdb.list_vector_get_child(vector);
    const validity = new Uint8Array(Math.ceil(values.length / 64) * 8).fill(0xff);
    let nulls = false;
    for (let index = 0; index < values.length; index++) {
      const value = values[index];
      if (value) duckdb.vector_assign_string_element_len(child, index, value);
      else {
        nulls = true;
        clearBit(validity, index);
      }
    }
    if (nulls) writeValidity(child, validity);
  }
}

function writeValidity(vector: duckdb.Vector, validity: Uint8Array<ArrayBuffer>): void {
  duckdb.vector_ensure_validity_writable(vector);
  duckdb.copy_data_to_vector_validity(vector, 0, validity.buffer, 0, validity.byteLength);
}

function clearBit(bits: Uint8Array, index: number): void {
  bits[index >> 3] = (bits[index >> 3] ?? 0) & ~(1 << (index & 7));
}
