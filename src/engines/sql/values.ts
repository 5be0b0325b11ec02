import { type DType, elementOf, isFloat, isList } from "../../columnar/dtypes.js";

/** DuckDB's name of a dtype. */
export function typeName(dtype: DType): string {
  return isList(dtype) ? `${typeName(elementOf(dtype))}[]` : dtype === "TEXT" ? "VARCHAR" : dtype;
}

/**
 * `ORDER BY` terms that give the order of values (chapter 7): NULL first, −0 before +0, NaN last; of lists, element by
 * element, a prefix first, a NULL element last. DuckDB's own order differs in −0 only, so floats get a second term.
 */
export function orderTerms(expression: string, dtype: DType, direction: "ASC" | "DESC" = "ASC"): readonly string[] {
  const order = direction === "ASC" ? "ASC NULLS FIRST" : "DESC NULLS LAST";
  if (!isFloat(elementOf(dtype))) return [`${expression} ${order}`];
  // A sort gives a column that is itself a key back from the key, where −0 has become +0; a sum is not the column.
  if (!isList(dtype))
    return [`(${expression} + 0) ${order}`, `(${expression} = 0 AND NOT signbit(${expression})) ${order}`];
  const elements = `list_transform(${expression}, lambda x: CASE WHEN x IS NULL THEN NULL ELSE {'v': x, 's': x = 0 AND NOT signbit(x)} END)`;
  return [`${elements} ${order}`];
}

export function orderBy(
  columns: readonly { readonly sql: string; readonly dtype: DType }[],
  direction?: "ASC" | "DESC",
): string {
  return columns.flatMap((column) => orderTerms(column.sql, column.dtype, direction)).join(", ");
}

/** `PARTITION BY` terms of columns; a partition, too, gives its columns back from its keys. */
export function partitionBy(columns: readonly { readonly sql: string; readonly dtype: DType }[]): string {
  return columns.map(({ sql, dtype }) => (isFloat(dtype) ? `(${sql} + 0)` : sql)).join(", ");
}

/** The smallest or largest element of a non-empty list without NULLs, in the order of values. */
export function extremeElement(list: string, dtype: DType, which: "min" | "max"): string {
  const extreme = `list_${which}(${list})`;
  if (!isFloat(dtype)) return extreme;
  const zeros = `list_filter(${list}, lambda x: x = 0 AND ${which === "min" ? "" : "NOT "}signbit(x))`;
  const preferred = which === "min" ? "-0.0" : "0.0";
  const other = which === "min" ? "0.0" : "-0.0";
  const zero = `CAST(CASE WHEN len(${zeros}) > 0 THEN '${preferred}' ELSE '${other}' END AS ${dtype})`;
  return `CASE WHEN ${extreme} = 0 THEN ${zero} ELSE ${extreme} END`;
}

/** How many distinct values a list without NULLs has; −0 = +0, and one NaN (`list_distinct` keeps every NaN). */
export function distinctElements(list: string, dtype: DType): string {
  if (!isFloat(dtype)) return `len(list_distinct(${list}))`;
  const numbers = `list_filter(${list}, lambda x: NOT isnan(x))`;
  return `(len(list_distinct(${numbers})) + CASE WHEN len(${numbers}) < len(${list}) THEN 1 ELSE 0 END)`;
}

/** The value of a history: a NaN may have any bits in a file, and all engines give one. */
export function withOneNaN(expression: string, dtype: DType): string {
  return isFloat(dtype)
    ? `CASE WHEN isnan(${expression}) THEN CAST('nan' AS ${dtype}) ELSE ${expression} END`
    : expression;
}
