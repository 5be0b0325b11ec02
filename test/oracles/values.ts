/**
 * Values as the oracle holds them: integers, DATE (days since 1970) and TIMESTAMP (microseconds) are `bigint`, FLOAT and
 * DOUBLE are `number`. Nothing here is shared with src/: it is written from chapter 7, "Conventions".
 */
export type Value = null | boolean | bigint | number | string | readonly Value[];

export type Scalar =
  | "BOOLEAN"
  | "TINYINT"
  | "SMALLINT"
  | "INTEGER"
  | "BIGINT"
  | "FLOAT"
  | "DOUBLE"
  | "TEXT"
  | "DATE"
  | "TIMESTAMP";
export type Dtype = Scalar | `${Scalar}[]`;

export const SCALARS: readonly Scalar[] = [
  "BOOLEAN",
  "TINYINT",
  "SMALLINT",
  "INTEGER",
  "BIGINT",
  "FLOAT",
  "DOUBLE",
  "TEXT",
  "DATE",
  "TIMESTAMP",
];

const BITS: Readonly<Record<string, bigint>> = { TINYINT: 8n, SMALLINT: 16n, INTEGER: 32n, BIGINT: 64n };

export function isListType(dtype: Dtype): boolean {
  return dtype.endsWith("[]");
}

export function elementType(dtype: Dtype): Scalar {
  const name = dtype.replace("[]", "");
  const found = SCALARS.find((scalar) => scalar === name);
  if (found === undefined) throw new Error(`no dtype ${dtype}`);
  return found;
}

export function isIntegerType(dtype: Dtype): boolean {
  return dtype in BITS;
}

export function isFloatType(dtype: Dtype): boolean {
  return dtype === "FLOAT" || dtype === "DOUBLE";
}

export function integerRange(dtype: Dtype): readonly [bigint, bigint] {
  const bits = BITS[dtype];
  if (bits === undefined) throw new Error(`${dtype} is no integer`);
  return [-(1n << (bits - 1n)), (1n << (bits - 1n)) - 1n];
}

/** The run stops here, says the specification; the product has to fail as well. */
export class OracleStop extends Error {}

/** The order of values: NULL first, −0 before +0, NaN last, TEXT by UTF-8 bytes; within lists a NULL element last. */
export function compareValues(a: Value, b: Value): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? -1 : 1;
  return compareNonNull(a, b);
}

function compareNonNull(a: Exclude<Value, null>, b: Exclude<Value, null>): number {
  if (typeof a === "boolean" && typeof b === "boolean") return Number(a) - Number(b);
  if (typeof a === "bigint" && typeof b === "bigint") return a < b ? -1 : a > b ? 1 : 0;
  if (typeof a === "number" && typeof b === "number") return compareNumbers(a, b);
  if (typeof a === "string" && typeof b === "string") return Buffer.compare(Buffer.from(a), Buffer.from(b));
  if (Array.isArray(a) && Array.isArray(b)) return compareLists(a, b);
  throw new Error(`values of unlike types: ${show(a)} and ${show(b)}`);
}

function compareNumbers(a: number, b: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  if (a === 0 && b === 0) return Number(Object.is(b, -0)) - Number(Object.is(a, -0));
  return a < b ? -1 : a > b ? 1 : 0;
}

function compareLists(a: readonly Value[], b: readonly Value[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const x = a[i] ?? null;
    const y = b[i] ?? null;
    const order = x === null || y === null ? Number(x === null) - Number(y === null) : compareNonNull(x, y);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

/** Equality of values: −0 = +0, NaN = NaN; NULL equals only NULL (callers decide what NULL means). */
export function equalValues(a: Value, b: Value): boolean {
  if (typeof a === "number" && typeof b === "number") return a === b || (Number.isNaN(a) && Number.isNaN(b));
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((element, i) => equalValues(element, b[i] ?? null));
  return a === b;
}

/** The same bits: −0 and +0 differ, every NaN is one. */
export function identical(a: Value, b: Value): boolean {
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((element, i) => identical(element, b[i] ?? null));
  return Object.is(a, b);
}

export function show(value: Value): string {
  if (Array.isArray(value)) return `[${value.map(show).join(", ")}]`;
  if (typeof value === "string") return JSON.stringify(value);
  if (Object.is(value, -0)) return "-0.0";
  if (typeof value === "number" && Number.isInteger(value)) return `${value}.0`;
  return String(value);
}
