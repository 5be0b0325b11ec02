import { MessageChannel, type MessagePort } from "node:worker_threads";
import { DuckDBScalarFunction, type DuckDBType } from "@duckdb/node-api";
import duckdb from "@duckdb/node-bindings";

/**
 * DuckDB's raw vectors, at most 2048 rows each. A row that is not valid holds garbage; memory that a vector lends ends with
 * the call, so what is kept of it is a copy.
 */

/** What vectors have lent and nobody has given back. */
let lent: ArrayBuffer[] = [];

/** Where what was lent goes: buffers that are sent here are nobody's. */
const nowhere = closedPort();

/** The bytes of a vector where DuckDB holds them, until `giveBack`. */
export function lentBytes(vector: duckdb.Vector, bytes: number): Uint8Array {
  return bytes === 0 ? new Uint8Array(0) : lend(duckdb.vector_get_data(vector, bytes));
}

/** The bytes of a text that does not lie in its 16 bytes, but where these point to; until `giveBack`. */
export function lentText(strings: ArrayBuffer, place: number, bytes: number): Uint8Array {
  return lend(duckdb.get_data_from_pointer(strings, place, bytes));
}

/**
 * Ends what was lent; its views are empty then. Else V8 would take DuckDB's memory for the program's own until it has collected
 * garbage, and would collect it after every few dozen MB of it: a call that looks at five vectors takes twice as long then.
 */
export function giveBack(): void {
  if (lent.length === 0) return;
  nowhere.postMessage(undefined, lent);
  lent = [];
}

function lend(view: Uint8Array): Uint8Array {
  if (view.byteLength > 0) lent.push(view.buffer as ArrayBuffer);
  return view;
}

function closedPort(): MessagePort {
  const { port1 } = new MessageChannel();
  port1.close();
  return port1;
}

/**
 * A function that SQL calls with whole vectors. The wrapper's callback hides the raw output vector, the binding's own gives
 * it.
 */
export function vectorisedFunction(definition: {
  readonly name: string;
  readonly parameterTypes: readonly DuckDBType[];
  readonly varArgsType?: DuckDBType;
  readonly returnType: DuckDBType;
  /** It is called for rows with a NULL argument too; else these are NULL whatever it writes. */
  readonly specialHandling?: boolean;
  /** By default true: a call whose arguments are constant must not be folded while the query is planned. SQL's TRY wants false. */
  readonly volatile?: boolean;
  readonly mainFunction: (info: duckdb.ScalarFunctionInfo, input: duckdb.DataChunk, output: duckdb.Vector) => void;
}): DuckDBScalarFunction {
  const { mainFunction, ...signature } = definition;
  const created = DuckDBScalarFunction.create({ volatile: true, ...signature, mainFunction: () => {} });
  duckdb.scalar_function_set_function(created.scalar_function, (info, input, output) => {
    try {
      mainFunction(info, input, output);
    } finally {
      giveBack();
    }
  });
  return created;
}

/** Validity as bits, a row each from the lowest on, lent until `giveBack`; undefined where every row is valid. */
export function validityOf(vector: duckdb.Vector, rows: number): Uint8Array | undefined {
  // The binding gives an empty view where every row is valid.
  const mask = duckdb.vector_get_validity(vector, Math.ceil(rows / 64) * 8);
  return mask === null || mask.length === 0 ? undefined : lend(mask);
}

export function isValid(validity: Uint8Array | undefined, row: number): boolean {
  return validity === undefined || (((validity[row >> 3] as number) >> (row & 7)) & 1) === 1;
}

/** Validity as bytes, a row each; undefined where every row is valid. */
export function validBytes(vector: duckdb.Vector, rows: number): Uint8Array | undefined {
  const bits = validityOf(vector, rows);
  if (bits === undefined) return undefined;
  const bytes = new Uint8Array(rows);
  let all = 1;
  for (let row = 0; row < rows; row++) {
    const valid = ((bits[row >> 3] as number) >> (row & 7)) & 1;
    bytes[row] = valid;
    all &= valid;
  }
  return all === 1 ? undefined : bytes;
}

/** A private, aligned copy of the values. */
export function bytesOf(vector: duckdb.Vector, bytes: number): ArrayBuffer {
  const copy = new ArrayBuffer(bytes);
  if (bytes > 0) new Uint8Array(copy).set(lentBytes(vector, bytes));
  return copy;
}

export interface ListRows {
  readonly child: duckdb.Vector;
  readonly size: number;
  /** Two words per row and number: offset low, high, length low, high. */
  readonly entries: Int32Array;
  readonly validity: Uint8Array | undefined;
}

export function listRows(vector: duckdb.Vector, rows: number): ListRows {
  return {
    child: duckdb.list_vector_get_child(vector),
    size: duckdb.list_vector_get_size(vector),
    entries: new Int32Array(bytesOf(vector, rows * 16)),
    validity: validityOf(vector, rows),
  };
}

const INLINE_BYTES = 12;

/**
 * Texts, their UTF-8 bytes as latin1 strings; undefined: NULL, and what lies in none of the ranges `[from, to)`, where there may
 * be garbage.
 */
export function textsOf(
  vector: duckdb.Vector,
  ranges: Iterable<readonly [from: number, to: number]>,
  count: number,
): readonly (string | undefined)[] {
  const validity = validityOf(vector, count);
  const view = new DataView(bytesOf(vector, count * 16));
  const texts = new Array<string | undefined>(count);
  for (const [from, to] of ranges)
    for (let place = from; place < to; place++) if (isValid(validity, place)) texts[place] = textAt(view, place);
  return texts;
}

/** The text at a place of a vector's 16-byte strings; one that is not valid is garbage. */
export function textAt(strings: DataView<ArrayBuffer>, place: number): string {
  const length = strings.getUint32(place * 16, true);
  const bytes =
    length <= INLINE_BYTES
      ? Buffer.from(strings.buffer, place * 16 + 4, length)
      : Buffer.from(lentText(strings.buffer, place * 16 + 8, length));
  return bytes.toString("latin1");
}

/** Copies values from a buffer into a vector that the engine made. */
export function writeValues(vector: duckdb.Vector, from: ArrayBuffer, at: number, bytes: number): void {
  if (bytes > 0) duckdb.copy_data_to_vector(vector, 0, from, at, bytes);
}

/** Marks the rows whose byte is zero as NULL. */
export function writeValidity(vector: duckdb.Vector, valid: Uint8Array): void {
  if (valid.every((byte) => byte !== 0)) return;
  const bits = new Uint8Array(Math.ceil(valid.length / 64) * 8);
  for (let row = 0; row < valid.length; row++)
    if (valid[row] !== 0) bits[row >> 3] = (bits[row >> 3] as number) | (1 << (row & 7));
  duckdb.vector_ensure_validity_writable(vector);
  duckdb.copy_data_to_vector_validity(vector, 0, bits.buffer, 0, bits.length);
}

/** Lists: entries (offset and length, u64 each) and the elements' values, both from one buffer. */
export function writeLists(
  vector: duckdb.Vector,
  from: ArrayBuffer,
  lists: {
    readonly entries: number;
    readonly rows: number;
    readonly values: number;
    readonly count: number;
    readonly width: number;
  },
): void {
  duckdb.list_vector_reserve(vector, lists.count);
  duckdb.list_vector_set_size(vector, lists.count);
  writeValues(vector, from, lists.entries, lists.rows * 16);
  writeValues(duckdb.list_vector_get_child(vector), from, lists.values, lists.count * lists.width);
}
