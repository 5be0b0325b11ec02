import { type DType, elementOf, isFloat, isInteger, isList, isNumeric } from "../../columnar/dtypes.js";

/** True if an operator's values become a declared dtype: itself, or numbers to numbers, never float → integer. */
export function converts(from: DType, to: DType): boolean {
  if (from === to) return true;
  return isNumeric(from) && isNumeric(to) && !(isFloat(from) && isInteger(to));
}

/** True if values of the two can be equal: integers of any width, other types only with themselves. */
export function comparable(left: DType, right: DType): boolean {
  return left === right || (isInteger(left) && isInteger(right));
}

const WIDE_INTEGERS = /^(U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT))$/;
const TIMESTAMPS = /^TIMESTAMP(_S|_MS|_NS|TZ)?$|^TIMESTAMP WITH TIME ZONE$/;

/** True if a source column of the engine's type can be read as the dtype; every value is checked when it is read. */
export function readsAs(type: string, dtype: DType): boolean {
  if (isList(dtype)) return /\[\d*\]$/.test(type) && readsAs(type.replace(/\[\d*\]$/, ""), elementOf(dtype));
  switch (dtype) {
    case "TINYINT":
    case "SMALLINT":
    case "INTEGER":
    case "BIGINT":
      return WIDE_INTEGERS.test(type) || type.startsWith("DECIMAL");
    case "FLOAT":
    case "DOUBLE":
      return type === "FLOAT" || type === "DOUBLE" || type.startsWith("DECIMAL") || WIDE_INTEGERS.test(type);
    case "TEXT":
      return type === "VARCHAR" || type === "UUID" || type.startsWith("ENUM");
    case "TIMESTAMP":
      return TIMESTAMPS.test(type) || type === "DATE";
    default:
      return type === dtype;
  }
}

/** True if a constant of the engine's type becomes the dtype (`default_sql`). */
export function constantConverts(type: string, dtype: DType): boolean {
  return readsAs(type, dtype);
}
