import { type DType, elementOf, isInteger, isList } from "../columnar/dtypes.js";
import { text } from "../engines/sql/text.js";
import type { Value } from "./values.js";

/** DuckDB's name of a dtype. */
export function sqlType(dtype: DType): string {
  return dtype.replace("TEXT", "VARCHAR");
}

/** SQL of a column so that DuckDB hands out a `Value` without loss: DATE as days, TIMESTAMP as microseconds. */
export function readable(expression: string, dtype: DType): string {
  if (isList(dtype)) {
    const element = readable("e", elementOf(dtype));
    return element === "e" ? expression : `list_transform(${expression}, lambda e: ${element})`;
  }
  if (isInteger(dtype)) return `CAST(${expression} AS BIGINT)`;
  if (dtype === "FLOAT") return `CAST(${expression} AS DOUBLE)`;
  if (dtype === "DATE") return `CAST(${expression} - DATE '1970-01-01' AS BIGINT)`;
  return dtype === "TIMESTAMP" ? `epoch_us(${expression})` : expression;
}

/** SQL of a value as a constant of the dtype. */
export function constantOf(value: Value, dtype: DType): string {
  if (value === null) return `CAST(NULL AS ${sqlType(dtype)})`;
  if (Array.isArray(value))
    return `CAST([${value.map((element: Value) => constantOf(element, elementOf(dtype))).join(", ")}] AS ${sqlType(dtype)})`;
  if (typeof value === "string") return value.includes("\0") ? bytesOf(value) : text(value);
  if (dtype === "DATE") return `CAST(DATE '1970-01-01' + CAST(${String(value)} AS INTEGER) AS DATE)`;
  if (dtype === "TIMESTAMP") return `make_timestamp(CAST('${String(value)}' AS BIGINT))`;
  const written = Object.is(value, -0) ? "-0.0" : String(value);
  return `CAST('${written}' AS ${sqlType(dtype)})`;
}

/** A text that SQL cannot hold as it is. */
function bytesOf(value: string): string {
  return `decode(unhex('${Buffer.from(value, "utf8").toString("hex")}'))`;
}

/** A value that DuckDB handed out of a `readable` expression. */
export function valueRead(cell: unknown): Value {
  if (cell === null || cell === undefined) return null;
  if (Array.isArray(cell)) return cell.map(valueRead);
  if (typeof cell === "bigint" || typeof cell === "number" || typeof cell === "string" || typeof cell === "boolean")
    return cell;
  throw new TypeError(`DuckDB gave a value of another kind: ${String(cell)}`);
}

/** A FROM item: the tuples, as columns k0, k1, … of these dtypes. */
export function tuplesOf(dtypes: readonly DType[], tuples: readonly (readonly Value[])[], alias: string): string {
  const rows = tuples.map(
    (tuple) => `(${tuple.map((value, index) => constantOf(value, dtypes[index] ?? "TEXT")).join(", ")})`,
  );
  return `(VALUES ${rows.join(", ")}) ${alias}(${dtypes.map((_, index) => `k${index}`).join(", ")})`;
}
