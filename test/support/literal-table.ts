import type { Physical, SourceTable } from "../oracles/project-model.js";
import type { Value } from "../oracles/values.js";

const TYPES: Readonly<Record<string, Physical>> = { event: "TEXT", session: "TEXT" };

/**
 * Reads a table as a test writes it: a line of names (`name:TYPE`, BIGINT where no type stands), then a line a row.
 * `NULL`, `''` (the empty text), `NaN`, `inf`, `-0.0`, `[1,2]`; DATE as days and TIMESTAMP as microseconds since 1970, or
 * as `2024-01-02` and `2024-01-02T03:04:05`.
 */
export function literalTable(text: string): SourceTable {
  const [header = "", ...lines] = text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  const columns = header.split(/\s+/).map((word) => {
    const [name = "", type] = word.split(":");
    return { name, type: type === undefined ? (TYPES[name] ?? "BIGINT") : physicalOf(type) };
  });
  return { columns, rows: lines.map((line) => rowOf(line, columns)) };
}

function physicalOf(text: string): Physical {
  return text as Physical;
}

function rowOf(line: string, columns: SourceTable["columns"]): Readonly<Record<string, Value>> {
  const cells = line.match(/\[[^\]]*\]|\S+/g) ?? [];
  if (cells.length !== columns.length) throw new Error(`${columns.length} cells expected in: ${line}`);
  return Object.fromEntries(columns.map((column, i) => [column.name, literalValue(cells[i] ?? "", column.type)]));
}

export function literalValue(cell: string, type: string): Value {
  if (cell === "NULL") return null;
  if (type.endsWith("[]")) {
    const inner = cell.slice(1, -1).trim();
    return inner === "" ? [] : inner.split(",").map((element) => literalValue(element.trim(), type.slice(0, -2)));
  }
  if (type === "TEXT") return cell === "''" ? "" : cell;
  if (type === "BOOLEAN") return cell === "true";
  if (type === "FLOAT" || type === "DOUBLE")
    return cell === "inf" ? Number.POSITIVE_INFINITY : cell === "-inf" ? Number.NEGATIVE_INFINITY : Number(cell);
  if (cell.includes("-", 1)) {
    const [whole = "", fraction = ""] = (cell.includes("T") ? cell : `${cell}T00:00:00`).split(".");
    const micros = BigInt(Date.parse(`${whole}Z`)) * 1_000n;
    if (type === "DATE") return micros / 86_400_000_000n;
    if (type === "TIMESTAMP_NS") return micros * 1_000n + BigInt(fraction.padEnd(9, "0").slice(0, 9));
    return micros + BigInt(fraction.padEnd(6, "0").slice(0, 6));
  }
  return BigInt(cell);
}
