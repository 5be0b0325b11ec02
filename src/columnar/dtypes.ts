/**
 * The dtypes of columns (chapter 7, "Conventions"). A dtype is its canonical name: `BIGINT`, `TEXT[]`.
 * TIMESTAMP is UTC with microseconds.
 */
export const SCALAR_DTYPES = [
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
] as const;

export type ScalarDType = (typeof SCALAR_DTYPES)[number];
export type DType = ScalarDType | `${ScalarDType}[]`;

const INTEGERS: ReadonlySet<string> = new Set(["TINYINT", "SMALLINT", "INTEGER", "BIGINT"]);
const FLOATS: ReadonlySet<string> = new Set(["FLOAT", "DOUBLE"]);
const BY_NAME: ReadonlyMap<string, DType> = new Map(
  [...SCALAR_DTYPES.map((name) => [name, name] as const), ["VARCHAR", "TEXT"] as const].flatMap(([name, dtype]) => [
    [name, dtype] as const,
    [`${name}[]`, `${dtype}[]`] as const,
  ]),
);

/** The dtype that a user's text names, any case, `VARCHAR` = `TEXT`; undefined if there is none. */
export function parseDType(text: string): DType | undefined {
  return BY_NAME.get(text.trim().toUpperCase());
}

export function isList(dtype: DType): dtype is `${ScalarDType}[]` {
  return dtype.endsWith("[]");
}

/** The dtype of a list's elements; of a scalar, itself. */
export function elementOf(dtype: DType): ScalarDType {
  return (isList(dtype) ? dtype.slice(0, -2) : dtype) as ScalarDType;
}

/** A list of the dtype; lists of lists do not exist, so a list is refused by the type. */
export function listOf(dtype: ScalarDType): DType {
  return `${dtype}[]`;
}

export function isInteger(dtype: DType): boolean {
  return INTEGERS.has(dtype);
}

export function isFloat(dtype: DType): boolean {
  return FLOATS.has(dtype);
}

/** Integers and floats; BOOLEAN is no number. */
export function isNumeric(dtype: DType): boolean {
  return isInteger(dtype) || isFloat(dtype);
}
