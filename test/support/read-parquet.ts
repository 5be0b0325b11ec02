import {
  type DuckDBConnection,
  DuckDBDateValue,
  DuckDBListValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
} from "@duckdb/node-api";
import type { Value } from "../oracles/values.js";
import { sqlText, testConnection } from "./duckdb.js";

export interface ParquetContent {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly rows: readonly (readonly Value[])[];
}

/** A parquet file as it stands: the rows in their order, types by DuckDB's names. */
export async function readParquet(path: string): Promise<ParquetContent> {
  const connection: DuckDBConnection = await testConnection();
  const reader = await connection.runAndReadAll(
    `SELECT * FROM read_parquet(${sqlText(path)}, hive_partitioning = false)`,
  );
  const types = reader.columnTypes().map(String);
  return {
    columns: reader.columnNames().map((name, i) => ({ name, type: types[i] ?? "" })),
    rows: reader.getRows().map((row) => row.map((cell, i) => cellValue(cell, types[i] ?? ""))),
  };
}

function cellValue(cell: unknown, type: string): Value {
  if (cell === null || cell === undefined) return null;
  if (cell instanceof DuckDBListValue) return cell.items.map((item) => cellValue(item, type.replace(/\[\]$/, "")));
  if (cell instanceof DuckDBTimestampTZValue || cell instanceof DuckDBTimestampValue) return cell.micros;
  if (cell instanceof DuckDBDateValue) return BigInt(cell.days);
  if (typeof cell === "number") return /INT/.test(type) ? BigInt(cell) : cell;
  if (typeof cell === "bigint" || typeof cell === "boolean" || typeof cell === "string") return cell;
  throw new Error(`a value of type ${type} that no test expects: ${String(cell)}`);
}

/** How DuckDB names the type of a column of a training set. */
export function parquetType(dtype: string): string {
  return dtype.replace("TEXT", "VARCHAR").replace("TIMESTAMP", "TIMESTAMP WITH TIME ZONE");
}
