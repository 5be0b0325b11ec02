import { type DType, elementOf, isList } from "../../columnar/dtypes.js";
import type { Literal } from "../../definitions/literal.js";

const BITS: Readonly<Record<string, bigint>> = { TINYINT: 8n, SMALLINT: 16n, INTEGER: 32n, BIGINT: 64n };
const FLOAT_MAX = 3.4028234663852886e38;

/**
 * The literal as a value of the dtype, or undefined if it is none: integers as `bigint`, DATE and TIMESTAMP as UTC text
 * (an offset is converted). NULL is a value of every dtype.
 */
export function literalOf(value: Literal, dtype: DType): Literal | undefined {
  if (value === null) return null;
  if (isList(dtype)) {
    if (!Array.isArray(value)) return undefined;
    const elements = value.map((element: Literal) => literalOf(element, elementOf(dtype)));
    return elements.every((element) => element !== undefined) ? elements : undefined;
  }
  switch (dtype) {
    case "BOOLEAN":
      return typeof value === "boolean" ? value : undefined;
    case "TEXT":
      return typeof value === "string" ? value : undefined;
    case "FLOAT":
    case "DOUBLE":
      return floatOf(value, dtype);
    case "DATE":
      return typeof value === "string" && isDate(value) ? value : undefined;
    case "TIMESTAMP":
      return typeof value === "string" ? timestampOf(value) : undefined;
    default:
      return integerOf(value, BITS[dtype] ?? 64n);
  }
}

function integerOf(value: Literal, bits: bigint): bigint | undefined {
  const integer =
    typeof value === "bigint"
      ? value
      : typeof value === "number" && Number.isInteger(value)
        ? BigInt(value)
        : undefined;
  return integer !== undefined && BigInt.asIntN(Number(bits), integer) === integer ? integer : undefined;
}

function floatOf(value: Literal, dtype: "FLOAT" | "DOUBLE"): number | bigint | undefined {
  // An integer stays one: the engine rounds it once, straight to the dtype.
  if (typeof value === "bigint") return Math.abs(Number(value)) <= FLOAT_MAX || dtype === "DOUBLE" ? value : undefined;
  if (typeof value !== "number") return undefined;
  return dtype === "FLOAT" && Number.isFinite(value) && !Number.isFinite(Math.fround(value)) ? undefined : value;
}

function isDate(text: string): boolean {
  const millis = Date.parse(`${text}T00:00:00Z`);
  return (
    /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(millis) && new Date(millis).toISOString().slice(0, 10) === text
  );
}

const ISO = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(?::(\d{2})(\.\d{1,9})?)?\s*(Z|[+-]\d{2}(?::?\d{2})?)?)?$/i;

/** ISO 8601 as `YYYY-MM-DD HH:MM:SS[.ffffff]` UTC, the floor to microseconds. */
function timestampOf(text: string): string | undefined {
  const [, date, time = "00:00", seconds = "00", fraction = "", zone = "Z"] = ISO.exec(text) ?? [];
  if (date === undefined || !isDate(date)) return undefined;
  const offset = /^[+-]\d{2}$/.test(zone) ? `${zone}:00` : zone.replace(/^([+-]\d{2})(\d{2})$/, "$1:$2").toUpperCase();
  const millis = Date.parse(`${date}T${time}:${seconds}${offset}`);
  if (Number.isNaN(millis) || Number(seconds) > 59 || time > "23:59") return undefined;
  return `${new Date(millis).toISOString().slice(0, 19).replace("T", " ")}${fraction.slice(0, 7)}`;
}

/** A literal as a user would write it. */
export function writtenLiteral(value: Literal): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(writtenLiteral).join(", ")}]`;
  return String(value);
}
