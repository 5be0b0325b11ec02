import type { Literal } from "../../definitions/literal.js";

/** A SQL identifier, quoted. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A SQL string literal. */
export function text(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}

/** A path as a part of a pattern of paths: its own brackets and stars stand for themselves. */
export function inPattern(path: string): string {
  return path.replaceAll(/[[*?]/g, "[$&]");
}

/** A literal of the user's as an untyped SQL constant; integers keep all their digits. */
export function constant(value: Literal): string {
  if (value === null) return "NULL";
  if (typeof value === "string") return text(value);
  if (typeof value === "boolean") return value ? "TRUE" : "FALSE";
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "number")
    return Number.isFinite(value)
      ? `CAST(${text(floatText(value))} AS DOUBLE)`
      : `CAST(${text(String(value))} AS DOUBLE)`;
  return `[${value.map(constant).join(", ")}]`;
}

function floatText(value: number): string {
  return Object.is(value, -0) ? "-0.0" : String(value);
}
