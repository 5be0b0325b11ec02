import { type DType, elementOf, isFloat, isInteger, isList, type ScalarDType } from "../columnar/dtypes.js";
import type { TimeUnit } from "../columnar/instants.js";
import type { SourceColumn } from "./source.js";

const DTYPE_OF: Readonly<Record<string, ScalarDType>> = {
  BOOLEAN: "BOOLEAN",
  TINYINT: "TINYINT",
  SMALLINT: "SMALLINT",
  INTEGER: "INTEGER",
  BIGINT: "BIGINT",
  UTINYINT: "SMALLINT",
  USMALLINT: "INTEGER",
  UINTEGER: "BIGINT",
  UBIGINT: "BIGINT",
  HUGEINT: "BIGINT",
  UHUGEINT: "BIGINT",
  FLOAT: "FLOAT",
  DOUBLE: "DOUBLE",
  DECIMAL: "DOUBLE",
  VARCHAR: "TEXT",
  ENUM: "TEXT",
  UUID: "TEXT",
  DATE: "DATE",
  TIMESTAMP: "TIMESTAMP",
  TIMESTAMP_S: "TIMESTAMP",
  TIMESTAMP_MS: "TIMESTAMP",
  TIMESTAMP_NS: "TIMESTAMP",
  "TIMESTAMP WITH TIME ZONE": "TIMESTAMP",
};

/** A DuckDB type of one level, without parameters: `DECIMAL(9,2)` is DECIMAL, `INTEGER[3]` a list of INTEGER. */
export interface SourceType {
  readonly scalar: string;
  readonly list: boolean;
}

export function parseType(type: string): SourceType {
  const list = /\[\d*\]$/.test(type);
  const element = list ? type.replace(/\[\d*\]$/, "") : type;
  const parameters = /^(DECIMAL|ENUM)\(.*\)$/s.exec(element);
  return { scalar: parameters?.[1] ?? element, list };
}

/** The dtype that holds every value of the type (of integers beyond BIGINT: checked when read); undefined if none does. */
export function dtypeOf(type: string): DType | undefined {
  const { scalar, list } = parseType(type);
  const dtype = DTYPE_OF[scalar];
  return dtype === undefined ? undefined : list ? `${dtype}[]` : dtype;
}

/** The unit that a time type carries itself. */
export function timeUnitOf(type: string): TimeUnit | undefined {
  if (type === "DATE") return "date";
  if (type === "TIMESTAMP_NS") return "timestamp_ns";
  return type.startsWith("TIMESTAMP") && !type.endsWith("]") ? "timestamp" : undefined;
}

/** Whether values of the type can be read as the dtype (each value is still checked). Text is parsed as anything. */
export function canRead(type: string, dtype: DType): boolean {
  const source = parseType(type);
  const own = DTYPE_OF[source.scalar];
  if (own === undefined) return false;
  if (own === "TEXT" && !source.list && source.scalar === "VARCHAR") return true;
  if (source.list !== isList(dtype)) return false;
  const target = elementOf(dtype);
  if (own === target) return true;
  if (own === "TEXT") return source.scalar === "VARCHAR";
  if (target === "TEXT") return isInteger(own);
  if (own === "DATE" || own === "TIMESTAMP") return target === "DATE" || target === "TIMESTAMP";
  return (isInteger(own) || isFloat(own)) && (isInteger(target) || isFloat(target));
}

const SIGNED = ["TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"];
const UNSIGNED = ["UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"];

/**
 * The type of a column that files hold in two types: of integers the narrowest that holds both, of FLOAT and DOUBLE the
 * DOUBLE, of decimals DECIMAL, of instants the finest; undefined if they do not go together.
 */
export function unify(a: string, b: string): string | undefined {
  if (a === b) return a;
  const [left, right] = [parseType(a), parseType(b)];
  if (left.list !== right.list) return undefined;
  const scalar = unifyScalars(left.scalar, right.scalar);
  return scalar === undefined ? undefined : left.list ? `${scalar}[]` : scalar;
}

function unifyScalars(a: string, b: string): string | undefined {
  if (a === b) return a;
  const rank = (names: readonly string[], name: string) => names.indexOf(name);
  const [signedA, signedB] = [rank(SIGNED, a), rank(SIGNED, b)];
  const [unsignedA, unsignedB] = [rank(UNSIGNED, a), rank(UNSIGNED, b)];
  if (signedA >= 0 && signedB >= 0) return SIGNED[Math.max(signedA, signedB)];
  if (unsignedA >= 0 && unsignedB >= 0) return UNSIGNED[Math.max(unsignedA, unsignedB)];
  if (Math.max(signedA, unsignedA) >= 0 && Math.max(signedB, unsignedB) >= 0)
    return SIGNED[Math.min(4, Math.max(signedA, signedB, Math.max(unsignedA, unsignedB) + 1))];
  const pair = new Set([a, b]);
  if (pair.has("FLOAT") && pair.has("DOUBLE")) return "DOUBLE";
  const text = ["VARCHAR", "ENUM", "UUID"];
  if (text.includes(a) && text.includes(b)) return "VARCHAR";
  if (a.startsWith("TIMESTAMP") && b.startsWith("TIMESTAMP"))
    return pair.has("TIMESTAMP_NS") ? "TIMESTAMP_NS" : "TIMESTAMP";
  return undefined;
}

/** A column as a schema tells it. */
export function columnOf(name: string, type: string, text: boolean): SourceColumn {
  const dtype = text ? undefined : dtypeOf(type);
  const timeUnit = text ? undefined : timeUnitOf(type);
  return {
    name,
    type,
    text,
    ...(dtype === undefined ? {} : { dtype }),
    ...(timeUnit === undefined ? {} : { timeUnit }),
  };
}
