import { type DType, elementOf, isFloat, isInteger, isList } from "../columnar/dtypes.js";
import { parseIso } from "../columnar/instants.js";
import type { Literal } from "../definitions/literal.js";
import { nearestDouble, nearestFloat } from "./exact-numbers.js";
import { isoDate, isoInstant } from "./instants.js";

/**
 * A value as the interpreter holds it: integers, DATE (days since 1970) and TIMESTAMP (microseconds) are `bigint`, FLOAT and
 * DOUBLE are `number`.
 */
export type Value = null | boolean | bigint | number | string | readonly Value[];

/** The order of values: NULL first, −0 before +0, NaN last, TEXT by UTF-8 bytes; inside lists a NULL element last. */
export function compareValues(left: Value, right: Value): number {
  if (left === null || right === null) return Number(left !== null) - Number(right !== null);
  if (typeof left === "number" && typeof right === "number") return compareFloats(left, right);
  if (typeof left === "string" && typeof right === "string")
    return Buffer.compare(Buffer.from(left, "utf8"), Buffer.from(right, "utf8"));
  if (Array.isArray(left) && Array.isArray(right)) return compareLists(left, right);
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

function compareFloats(left: number, right: number): number {
  const rank = (value: number) => (Number.isNaN(value) ? 2 : Object.is(value, -0) ? 0 : 1);
  if (Number.isNaN(left) || Number.isNaN(right)) return rank(left) - rank(right);
  if (left !== right) return left < right ? -1 : 1;
  return rank(left) - rank(right);
}

function compareLists(left: readonly Value[], right: readonly Value[]): number {
  for (const [index, a] of left.entries()) {
    if (index >= right.length) return 1;
    const b = right[index] ?? null;
    const order = a === null || b === null ? Number(a === null) - Number(b === null) : compareValues(a, b);
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

/** Equality of values: −0 = +0, NaN = NaN, inside lists NULL = NULL; outside of them NULL equals nothing. */
export function equalValues(left: Value, right: Value): boolean {
  return (
    left !== null && right !== null && sameValue(left, right, (a, b) => a === b || (Number.isNaN(a) && Number.isNaN(b)))
  );
}

/** The same bits: −0 and +0 differ; every NaN is one; NULL is the same as NULL. */
export function identical(left: Value, right: Value): boolean {
  return sameValue(left, right, Object.is);
}

function sameValue(left: Value, right: Value, same: (a: unknown, b: unknown) => boolean): boolean {
  if (Array.isArray(left) && Array.isArray(right))
    return left.length === right.length && left.every((element, index) => sameValue(element, right[index], same));
  return same(left, right);
}

/** A text that two values of one dtype share if, and only if, they are equal. */
export function equalityText(value: Value): string {
  if (Array.isArray(value))
    return `[${value.map((element: Value) => (typeof element === "string" ? JSON.stringify(element) : equalityText(element))).join(",")}]`;
  return value === 0 ? "0" : String(value);
}

const BITS: Readonly<Record<string, number>> = { TINYINT: 8, SMALLINT: 16, INTEGER: 32, BIGINT: 64 };

/** Whether an integer dtype holds the number. */
export function fitsInteger(value: bigint, dtype: DType): boolean {
  return BigInt.asIntN(BITS[dtype] ?? 64, value) === value;
}

/** The value in another numeric dtype; undefined if that cannot hold it. */
export function converted(value: Value, from: DType, to: DType): Value | undefined {
  if (value === null || from === to) return value;
  if (isList(to) && Array.isArray(value)) {
    const elements = value.map((element: Value) => converted(element, elementOf(from), elementOf(to)));
    return elements.every((element) => element !== undefined) ? elements : undefined;
  }
  if (typeof value === "bigint" && isInteger(to)) return fitsInteger(value, to) ? value : undefined;
  if (typeof value === "bigint" && isFloat(to)) return to === "FLOAT" ? nearestFloat(value) : nearestDouble(value);
  if (typeof value === "number" && isFloat(to)) {
    const rounded = to === "FLOAT" ? Math.fround(value) : value;
    return Number.isFinite(value) && !Number.isFinite(rounded) ? undefined : rounded;
  }
  return undefined;
}

/** A literal of the YAML as a value of the dtype; the compiler has accepted the pair. */
export function valueOfLiteral(literal: Literal, dtype: DType): Value {
  if (literal === null) return null;
  if (Array.isArray(literal)) return literal.map((element: Literal) => valueOfLiteral(element, elementOf(dtype)));
  if (typeof literal === "string" && (dtype === "DATE" || dtype === "TIMESTAMP")) {
    const nanos = parseIso(literal) ?? 0n;
    return dtype === "DATE" ? nanos / 86_400_000_000_000n : nanos / 1_000n;
  }
  if (typeof literal === "number" && isInteger(dtype)) return BigInt(literal);
  if (typeof literal === "number") return dtype === "FLOAT" ? Math.fround(literal) : literal;
  if (typeof literal === "bigint" && isFloat(dtype)) return converted(literal, "BIGINT", dtype) ?? null;
  return literal as Value;
}

/** As a reader wants to see it: NULL, text bare, instants as ISO 8601, −0 and whole floats as such. */
export function shown(value: Value, dtype: DType): string {
  if (Array.isArray(value)) {
    const element = elementOf(dtype);
    const quoted = (one: Value) => (typeof one === "string" ? JSON.stringify(one) : shown(one, element));
    return `[${value.map(quoted).join(", ")}]`;
  }
  if (value === null) return "NULL";
  if (typeof value === "bigint" && dtype === "DATE") return isoDate(value);
  if (typeof value === "bigint" && dtype === "TIMESTAMP") return isoInstant(value * 1_000n);
  if (typeof value === "number") return shownFloat(value, dtype);
  return String(value);
}

function shownFloat(value: number, dtype: DType): string {
  if (Object.is(value, -0)) return "-0.0";
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return value.toFixed(1);
  if (dtype !== "FLOAT") return String(value);
  // The shortest decimal that is this FLOAT.
  for (let digits = 1; digits <= 9; digits++) {
    const text = value.toPrecision(digits);
    if (Math.fround(Number(text)) === value) return String(Number(text));
  }
  return String(value);
}
