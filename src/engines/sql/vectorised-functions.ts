import {
  BIGINT,
  DOUBLE,
  type DuckDBConnection,
  type DuckDBScalarFunction,
  type DuckDBType,
  INTEGER,
  LIST,
  SMALLINT,
  TINYINT,
  VARCHAR,
} from "@duckdb/node-api";
import duckdb from "@duckdb/node-bindings";
import { DistinctByLast } from "../../columnar/distinct-by-last.js";
import type { ScalarDType } from "../../columnar/dtypes.js";
import {
  bytesOf,
  isValid,
  type ListRows,
  listRows,
  textAt,
  validityOf,
  vectorisedFunction,
} from "../../columnar/duckdb-vectors.js";
import { exactSum, ratioToDouble } from "../../columnar/exact-sum.js";

/**
 * The vectorised functions that SQL lacks, over DuckDB's raw vectors (2048 rows a call). Callers pass no NULL and no NULL
 * element; rows that SQL masks out arrive as garbage and are skipped by the validity mask.
 */
export function registerVectorisedFunctions(connection: DuckDBConnection): void {
  connection.registerScalarFunction(exactSumFunction());
  connection.registerScalarFunction(exactQuotientFunction());
  for (const [suffix, type, width] of WORDS) connection.registerScalarFunction(keepLastFunction(suffix, type, width));
  connection.registerScalarFunction(keepLastTextFunction());
}

/** `exact_sum(DOUBLE[]) → DOUBLE`: the exact sum, rounded once. */
export const EXACT_SUM = "daedalus_exact_sum";
/** `exact_quotient(q BIGINT, r BIGINT, d BIGINT) → DOUBLE`: `(q·d + r) / d`, rounded once. */
export const EXACT_QUOTIENT = "daedalus_exact_quotient";

const WORDS = [
  ["8", TINYINT, 1],
  ["16", SMALLINT, 2],
  ["32", INTEGER, 4],
  ["64", BIGINT, 8],
] as const satisfies readonly (readonly [string, DuckDBType, number])[];

/**
 * SQL for the positions (from 1, ascending, BIGINT[]) at which a list's distinct values stand last. Floats are compared as
 * text of their value with one zero and one NaN; they cannot be reinterpreted as integers in SQL.
 */
export function keepLastPositions(list: string, element: ScalarDType): string {
  switch (element) {
    case "BOOLEAN":
      return `daedalus_keep_last_8(CAST(${list} AS TINYINT[]))`;
    case "TINYINT":
      return `daedalus_keep_last_8(${list})`;
    case "SMALLINT":
      return `daedalus_keep_last_16(${list})`;
    case "INTEGER":
      return `daedalus_keep_last_32(${list})`;
    case "BIGINT":
      return `daedalus_keep_last_64(${list})`;
    case "DATE":
      return `daedalus_keep_last_64(list_transform(${list}, lambda x: x - DATE '1970-01-01'))`;
    case "TIMESTAMP":
      return `daedalus_keep_last_64(list_transform(${list}, lambda x: epoch_us(x)))`;
    case "FLOAT":
    case "DOUBLE":
      return `daedalus_keep_last_text(list_transform(${list}, lambda x: CAST(CASE WHEN x = 0 THEN 0 WHEN isnan(x) THEN 'nan' ELSE x END AS VARCHAR)))`;
    case "TEXT":
      return `daedalus_keep_last_text(${list})`;
  }
}

function exactSumFunction(): DuckDBScalarFunction {
  return vectorisedFunction({
    name: EXACT_SUM,
    parameterTypes: [LIST(DOUBLE)],
    returnType: DOUBLE,
    mainFunction: (_info, input, output) => {
      const rows = duckdb.data_chunk_get_size(input);
      const list = listRows(duckdb.data_chunk_get_vector(input, 0), rows);
      const values = new Float64Array(bytesOf(list.child, list.size * 8));
      const sums = new Float64Array(rows);
      for (let row = 0; row < rows; row++) {
        if (!isValid(list.validity, row)) continue;
        const offset = list.entries[row * 4] as number;
        sums[row] = exactSum(values, offset, offset + (list.entries[row * 4 + 2] as number));
      }
      duckdb.copy_data_to_vector(output, 0, sums.buffer, 0, rows * 8);
    },
  });
}

function exactQuotientFunction(): DuckDBScalarFunction {
  return vectorisedFunction({
    name: EXACT_QUOTIENT,
    parameterTypes: [BIGINT, BIGINT, BIGINT],
    returnType: DOUBLE,
    mainFunction: (_info, input, output) => {
      const rows = duckdb.data_chunk_get_size(input);
      const [whole, rest, divisor] = [0, 1, 2].map((column) => {
        const vector = duckdb.data_chunk_get_vector(input, column);
        return { values: new BigInt64Array(bytesOf(vector, rows * 8)), validity: validityOf(vector, rows) };
      }) as [QuotientColumn, QuotientColumn, QuotientColumn];
      const quotients = new Float64Array(rows);
      for (let row = 0; row < rows; row++) {
        if (!isValid(whole.validity, row) || !isValid(rest.validity, row)) continue;
        const d = divisor.values[row] as bigint;
        quotients[row] = ratioToDouble((whole.values[row] as bigint) * d + (rest.values[row] as bigint), d);
      }
      duckdb.copy_data_to_vector(output, 0, quotients.buffer, 0, rows * 8);
    },
  });
}

interface QuotientColumn {
  readonly values: BigInt64Array;
  readonly validity: Uint8Array | undefined;
}

function keepLastFunction(suffix: string, type: DuckDBType, width: 1 | 2 | 4 | 8): DuckDBScalarFunction {
  const distinct = new DistinctByLast();
  return vectorisedFunction({
    name: `daedalus_keep_last_${suffix}`,
    parameterTypes: [LIST(type)],
    returnType: LIST(BIGINT),
    mainFunction: (_info, input, output) => {
      const rows = duckdb.data_chunk_get_size(input);
      const list = listRows(duckdb.data_chunk_get_vector(input, 0), rows);
      const [low, high] = words(bytesOf(list.child, list.size * width), list.size, width);
      writePositions(distinct, list, rows, low, high, output);
    },
  });
}

/** Elements as (low, high) words; narrow integers have one. */
function words(bytes: ArrayBuffer, size: number, width: 1 | 2 | 4 | 8): readonly [Int32Array, Int32Array] {
  if (width === 8) {
    const both = new Int32Array(bytes);
    const low = new Int32Array(size);
    const high = new Int32Array(size);
    for (let index = 0; index < size; index++) {
      low[index] = both[index * 2] as number;
      high[index] = both[index * 2 + 1] as number;
    }
    return [low, high];
  }
  const low =
    width === 4 ? new Int32Array(bytes) : Int32Array.from(width === 2 ? new Int16Array(bytes) : new Int8Array(bytes));
  return [low, new Int32Array(size)];
}

function keepLastTextFunction(): DuckDBScalarFunction {
  const distinct = new DistinctByLast();
  return vectorisedFunction({
    name: "daedalus_keep_last_text",
    parameterTypes: [LIST(VARCHAR)],
    returnType: LIST(BIGINT),
    mainFunction: (_info, input, output) => {
      const rows = duckdb.data_chunk_get_size(input);
      const list = listRows(duckdb.data_chunk_get_vector(input, 0), rows);
      const codes = textCodes(bytesOf(list.child, list.size * 16), list);
      writePositions(distinct, list, rows, codes, new Int32Array(list.size), output);
    },
  });
}

/** Equal texts get equal codes within one call. Only elements of valid rows are looked at: the others are garbage. */
function textCodes(strings: ArrayBuffer, list: ListRows): Int32Array {
  const view = new DataView(strings);
  const codes = new Int32Array(list.size);
  const seen = new Map<string, number>();
  const rows = list.entries.length / 4;
  for (let row = 0; row < rows; row++) {
    if (!isValid(list.validity, row)) continue;
    const from = list.entries[row * 4] as number;
    const to = from + (list.entries[row * 4 + 2] as number);
    for (let index = from; index < to; index++) {
      const key = textAt(view, index);
      let code = seen.get(key);
      if (code === undefined) {
        code = seen.size;
        seen.set(key, code);
      }
      codes[index] = code;
    }
  }
  return codes;
}

function writePositions(
  distinct: DistinctByLast,
  list: ListRows,
  rows: number,
  low: Int32Array,
  high: Int32Array,
  output: duckdb.Vector,
): void {
  let total = 0;
  for (let row = 0; row < rows; row++) if (isValid(list.validity, row)) total += list.entries[row * 4 + 2] as number;
  const kept = new Int32Array(total);
  const entries = new BigUint64Array(rows * 2);
  let written = 0;
  for (let row = 0; row < rows; row++) {
    entries[row * 2] = BigInt(written);
    if (!isValid(list.validity, row)) continue;
    const from = list.entries[row * 4] as number;
    const to = from + (list.entries[row * 4 + 2] as number);
    const count = distinct.select(low, high, from, to, 1, kept, written);
    entries[row * 2 + 1] = BigInt(count);
    written += count;
  }
  const positions = new BigInt64Array(written);
  for (let index = 0; index < written; index++) positions[index] = BigInt(kept[index] as number);
  duckdb.list_vector_reserve(output, written);
  duckdb.list_vector_set_size(output, written);
  duckdb.copy_data_to_vector(output, 0, entries.buffer, 0, rows * 16);
  if (written > 0)
    duckdb.copy_data_to_vector(duckdb.list_vector_get_child(output), 0, positions.buffer, 0, written * 8);
}
