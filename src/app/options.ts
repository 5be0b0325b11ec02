import { nearest } from "../errors/nearest.js";

// What callers give who may have no types: told as a RangeError before anything is done.

/** What a value must be. */
export interface Shape {
  readonly is: (value: unknown) => boolean;
  readonly expected: string;
}

export type Shapes = Readonly<Record<string, Shape>>;

const isText = (value: unknown): value is string => typeof value === "string";
const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every(isText);

export const TEXT: Shape = { is: isText, expected: "a text" };
export const TEXTS: Shape = { is: isTexts, expected: "a list of texts" };
export const SOME_TEXTS: Shape = {
  is: (value) => isTexts(value) && (value as readonly string[]).length > 0,
  expected: "a list of texts, one at least",
};
export const FLAG: Shape = { is: (value) => typeof value === "boolean", expected: "true or false" };
export const SIGNAL: Shape = { is: (value) => value instanceof AbortSignal, expected: "an AbortSignal" };
export const FUNCTION: Shape = { is: (value) => typeof value === "function", expected: "a function" };
export const LIST: Shape = { is: Array.isArray, expected: "a list" };
export const OBJECT: Shape = { is: isObject, expected: "an object" };
export const INSTANT: Shape = {
  is: (value) => typeof value === "bigint",
  expected: "a bigint, microseconds since 1970",
};

export function wholeNumber(least: number): Shape {
  const is = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= least;
  return { is, expected: `a whole number, ${least} at least` };
}

export function oneOf(values: readonly string[]): Shape {
  return { is: (value) => values.some((known) => known === value), expected: `one of ${values.join(", ")}` };
}

export function either(...shapes: readonly Shape[]): Shape {
  return {
    is: (value) => shapes.some(({ is }) => is(value)),
    expected: shapes.map(({ expected }) => expected).join(" or "),
  };
}

export function objectOf(types: readonly string[], expected: string): Shape {
  return {
    is: (value) => isObject(value) && Object.values(value).every((one) => types.includes(typeof one)),
    expected,
  };
}

/**
 * Throws RangeError for options that are none, an option that is not known (`train has no option "form"; did you mean "from"?`),
 * and a value that is none. `at`: what stands before the names, of what is given beside other things; its names are keys.
 */
export function checkOptions(
  of: string,
  options: unknown,
  shapes: Shapes,
  { needed = [], at = "" }: { readonly needed?: readonly string[]; readonly at?: string } = {},
): void {
  if (!isObject(options)) throw new RangeError(`the options of ${of} are ${shown(options)}, and must be an object`);
  refuseUnknownKeys(`${of} has no ${at === "" ? "option" : "key"}`, Object.keys(options), Object.keys(shapes));
  for (const [key, shape] of Object.entries(shapes)) {
    const value = options[key];
    if (value !== undefined || needed.includes(key)) checkValue(`${at}${key}`, value, shape);
  }
}

/** Throws RangeError for a value that is none: `rows is NaN, and must be a whole number, 0 at least`. */
export function checkValue(name: string, value: unknown, { is, expected }: Shape): void {
  if (!is(value)) throw new RangeError(`${name} is ${shown(value)}, and must be ${expected}`);
}

/** Throws RangeError for the first of the keys that is not known. */
export function refuseUnknownKeys(what: string, keys: readonly string[], known: readonly string[]): void {
  const unknown = keys.find((key) => !known.includes(key));
  if (unknown === undefined) return;
  const near = nearest(unknown, known);
  throw new RangeError(
    `${what} "${unknown}"${near === undefined ? `: it has ${known.join(", ")}` : `; did you mean "${near}"?`}`,
  );
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A value in a message. */
export function shown(value: unknown): string {
  if (value === undefined) return "not there";
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "number") return String(value);
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? typeof value;
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (value instanceof Date) return "a Date";
  const entries = Object.entries(value).map(([key, one]) => `${key}: ${isObject(one) ? "{…}" : shown(one)}`);
  return `{${entries.join(", ")}}`;
}
