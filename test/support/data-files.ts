import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Physical, SourceTable } from "../oracles/project-model.js";
import type { Value } from "../oracles/values.js";
import { sqlName, sqlText, testConnection } from "./duckdb.js";

/** How a table lies on disk. The meaning of the table does not depend on it. */
export interface Layout {
  /** A file, a folder, or the folder that a glob reaches into; relative to the project. */
  readonly path: string;
  readonly format: "parquet" | "csv" | "ndjson" | "duckdb";
  readonly gz?: boolean;
  readonly jsonl?: boolean;
  /** How many files; more than one makes `path` a folder. */
  readonly files?: number;
  /** `path` is a folder, also for one file. */
  readonly folder?: boolean;
  /** Files lie in sub-folders. */
  readonly nested?: boolean;
  /** Rows of a Parquet row group. */
  readonly rowGroup?: number;
  /** A source column whose values are `key=value` folders. */
  readonly partition?: string;
  /** `dt=YYYY-MM-DD` folders by this time column, in this unit. */
  readonly days?: { readonly column: string; readonly nanos: bigint };
  /** Files leave out the columns that are NULL in all of their rows. */
  readonly sparse?: boolean;
  /** Files that are not to be read lie beside. */
  readonly litter?: boolean;
  /** Name of the table in a DuckDB file. */
  readonly table?: string;
  /** How text files spell things: changes nothing. */
  readonly spelling?: number;
}

type Rows = readonly Readonly<Record<string, Value>>[];
type Columns = SourceTable["columns"];

export async function writeTable(directory: string, table: SourceTable, layout: Layout): Promise<void> {
  if (layout.format === "duckdb") return writeDuckdb(join(directory, layout.path), table, layout.table ?? "t");
  const groups = grouped(table, layout);
  let n = 0;
  const isFolder =
    layout.folder || (layout.files ?? 1) > 1 || layout.partition !== undefined || layout.days !== undefined;
  for (const [folder, rows] of groups) {
    const count = Math.max(1, layout.files ?? 1);
    const size = Math.max(1, Math.ceil(rows.length / count));
    for (let i = 0; i === 0 || i * size < rows.length; i++) {
      const part = rows.slice(i * size, (i + 1) * size);
      const columns = table.columns.filter(
        (column) =>
          column.name !== layout.partition &&
          !(layout.sparse && n > 0 && part.every((row) => (row[column.name] ?? null) === null)),
      );
      const file = join(folder, ...(layout.nested ? [`part${n % 2}`] : []), `f${n}${ending(layout)}`);
      await writeFile(join(directory, isFolder ? join(layout.path, file) : layout.path), columns, part, layout);
      n++;
    }
  }
  if (isFolder && groups.size === 0) mkdirSync(join(directory, layout.path), { recursive: true });
  if (isFolder && layout.litter) {
    writeFileSync(join(directory, layout.path, "_not_read.parquet"), "no parquet");
    writeFileSync(join(directory, layout.path, ".hidden.csv"), "no;csv");
    writeFileSync(join(directory, layout.path, "notes.txt"), "a note");
  }
}

export function ending(layout: Layout): string {
  const base = layout.format === "ndjson" ? (layout.jsonl ? ".jsonl" : ".ndjson") : `.${layout.format}`;
  return layout.gz && layout.format !== "parquet" ? `${base}.gz` : base;
}

function grouped(table: SourceTable, layout: Layout): ReadonlyMap<string, Rows> {
  const { partition, days } = layout;
  if (partition === undefined && days === undefined) return new Map([["", table.rows]]);
  const groups = new Map<string, Readonly<Record<string, Value>>[]>();
  for (const row of table.rows) {
    const key = partition === undefined ? `dt=${dayText(row, days)}` : `${partition}=${String(row[partition])}`;
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  if (groups.size === 0 && partition === undefined) groups.set("", []);
  return groups;
}

function dayText(row: Readonly<Record<string, Value>>, days: Layout["days"]): string {
  const value = row[days?.column ?? ""];
  if (days === undefined || typeof value !== "bigint") return "1970-01-01";
  const nanos = value * days.nanos;
  const length = 86_400_000_000_000n;
  const day = nanos >= 0n ? nanos / length : -((-nanos + length - 1n) / length);
  return new Date(Number(day) * 86_400_000).toISOString().slice(0, 10);
}

async function writeFile(path: string, columns: Columns, rows: Rows, layout: Layout): Promise<void> {
  mkdirSync(dirname(path), { recursive: true });
  if (layout.format === "parquet") {
    const connection = await testConnection();
    const size = layout.rowGroup ?? 122_880;
    // No dictionaries: DuckDB's take −0 and +0 for one entry.
    await connection.run(
      `COPY (${selectOf(columns, rows)}) TO ${sqlText(path)} (FORMAT parquet, ROW_GROUP_SIZE ${size}, DICTIONARY_SIZE_LIMIT 0)`,
    );
    return;
  }
  const text = layout.format === "csv" ? csvText(columns, rows, layout) : jsonText(columns, rows, layout);
  writeFileSync(path, layout.gz ? gzipSync(text) : text);
}

async function writeDuckdb(path: string, table: SourceTable, name: string): Promise<void> {
  mkdirSync(dirname(path), { recursive: true });
  const connection = await testConnection();
  await connection.run(`ATTACH ${sqlText(path)} AS written`);
  await connection.run(`CREATE TABLE written.${sqlName(name)} AS ${selectOf(table.columns, table.rows)}`);
  await connection.run("DETACH written");
}

/** The rows as a SELECT, in their order. */
function selectOf(columns: Columns, rows: Rows): string {
  const typed = columns.map((column) => `CAST(NULL AS ${sqlType(column.type)}) AS ${sqlName(column.name)}`).join(", ");
  if (rows.length === 0) return `SELECT ${typed} WHERE false`;
  const tuples = rows.map(
    (row) => `(${columns.map((column) => sqlLiteral(row[column.name] ?? null, column.type)).join(", ")})`,
  );
  return `SELECT * FROM (VALUES ${tuples.join(",\n")}) v(${columns.map((column) => sqlName(column.name)).join(", ")})`;
}

function sqlType(type: Physical): string {
  return type.replace("TEXT", "VARCHAR").replace("TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE");
}

export function sqlLiteral(value: Value, type: Physical): string {
  if (value === null) return `CAST(NULL AS ${sqlType(type)})`;
  if (Array.isArray(value)) {
    const element = elementOf(type);
    return `CAST([${value.map((one) => sqlLiteral(one, element)).join(", ")}] AS ${sqlType(type)})`;
  }
  switch (type) {
    case "DATE":
      return `(DATE '1970-01-01' + CAST(${value} AS INTEGER))::DATE`;
    case "TIMESTAMP":
      return `make_timestamp(${value}::BIGINT)`;
    case "TIMESTAMP_NS":
      return `make_timestamp_ns(${value}::BIGINT)`;
    case "TIMESTAMPTZ":
      return `(make_timestamp(${value}::BIGINT) AT TIME ZONE 'UTC')`;
    case "TEXT":
      return sqlText(String(value));
    case "FLOAT":
    case "DOUBLE":
      return `CAST('${Object.is(value, -0) ? "-0.0" : String(value)}' AS ${type})`;
    default:
      return `CAST('${String(value)}' AS ${type})`;
  }
}

function elementOf(type: Physical): Physical {
  const found = (
    ["BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "FLOAT", "DOUBLE", "TEXT", "DATE", "TIMESTAMP"] as const
  ).find((scalar) => type === `${scalar}[]`);
  if (found === undefined) throw new Error(`${type} is no list`);
  return found;
}

function csvText(columns: Columns, rows: Rows, layout: Layout): string {
  const quote = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const lines = [columns.map((column) => quote(column.name)).join(",")];
  rows.forEach((row, i) => {
    const cells = columns.map((column) => {
      const value = row[column.name] ?? null;
      if (value === "") return layout.spelling === 1 ? '""' : "";
      return value === null ? "" : quote(plainText(value, column.type, layout, i));
    });
    // A line of one empty cell would be a blank line.
    lines.push(cells.length === 1 && cells[0] === "" ? '""' : cells.join(","));
  });
  return lines.map((line) => `${line}${layout.spelling === 2 ? "\r\n" : "\n"}`).join("");
}

function jsonText(columns: Columns, rows: Rows, layout: Layout): string {
  const json = (value: Value, type: Physical, i: number): string => {
    if (value === null) return "null";
    if (Array.isArray(value))
      return `[${value.map((one) => json(one, elementOf(type), i)).join(layout.spelling === 1 ? ", " : ",")}]`;
    if (typeof value === "boolean") return String(value);
    if (type === "TEXT" || type === "DATE" || type.startsWith("TIMESTAMP"))
      return JSON.stringify(plainText(value, type, layout, i));
    return plainText(value, type, layout, i);
  };
  const lines = rows.map((row, i) => {
    const cells = columns.flatMap((column) => {
      const value = row[column.name] ?? null;
      // An absent key is a NULL as well; but the first row names all columns.
      if (value === null && layout.spelling === 2 && i > 0) return [];
      return [`${JSON.stringify(column.name)}:${json(value, column.type, i)}`];
    });
    return `{${cells.join(",")}}`;
  });
  return lines.map((line) => `${line}\n`).join("");
}

/** A value as text: integers sometimes as `1.0`, instants in several ISO 8601 forms. */
function plainText(value: Value, type: Physical, layout: Layout, i: number): string {
  const spelling = layout.spelling ?? 0;
  if (typeof value === "bigint" && type === "DATE")
    return new Date(Number(value) * 86_400_000).toISOString().slice(0, 10);
  if (typeof value === "bigint" && type.startsWith("TIMESTAMP")) return isoText(value, spelling, i);
  if (typeof value === "bigint" && spelling === 2 && i % 3 === 1 && value > -1_000_000n && value < 1_000_000n)
    return `${value}.0`;
  if (Object.is(value, -0)) return "-0.0";
  if (typeof value === "number" && Number.isInteger(value) && Math.abs(value) < 1e15) return value.toFixed(1);
  return String(value);
}

function isoText(micros: bigint, spelling: number, i: number): string {
  const second = 1_000_000n;
  const fraction = ((micros % second) + second) % second;
  const shift = spelling === 1 && i % 2 === 0 ? 7_200n : 0n; // written in the zone +02:00
  const date = new Date(Number((micros - fraction) / second + shift) * 1_000).toISOString().slice(0, 19);
  const digits = fraction === 0n && spelling !== 2 ? "" : `.${String(fraction).padStart(6, "0")}`;
  const zone = shift > 0n ? "+02:00" : spelling === 2 ? "Z" : "";
  return `${spelling === 0 ? date.replace("T", " ") : date}${digits}${zone}`;
}
