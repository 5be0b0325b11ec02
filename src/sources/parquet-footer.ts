import { createHash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";
import { MICROS_PER_DAY } from "../columnar/instants.js";
import type { SmallRow, SqlSession } from "../engines/sql/session.js";
import { text } from "../engines/sql/text.js";
import { DaedalusError } from "../errors/problem.js";
import { isOutOfMemory } from "../errors/run.js";
import { sourceProblem } from "../errors/source.js";
import { type DataFile, reasonOf } from "./listing.js";
import type { SourceTime } from "./source.js";
import { parseType } from "./types.js";

/** What a Parquet footer says of a file, read once for each (path, size, modification time). */
export interface Footer {
  /** Hexadecimal. */
  readonly sha256: string;
  /** DuckDB's types of the top-level columns, in order; without those of Parquet's null type. */
  readonly columns: ReadonlyMap<string, string>;
  /** Columns of the null type, as writers make them that have seen no value. */
  readonly nulls: ReadonlySet<string>;
  /** Columns of nanoseconds with a time zone: DuckDB has no such type, and cuts them to microseconds. */
  readonly cut: ReadonlySet<string>;
  /** The file's own names of columns that DuckDB calls otherwise, since they differ from another by case only. */
  readonly renamed: ReadonlyMap<string, string>;
}

/** What a row group's statistics say of its time column; `range` in microseconds, [min, max]; absent: unknown. */
export interface RowGroupTimes {
  readonly rows: number;
  readonly nulls?: number;
  readonly range?: readonly [bigint, bigint];
}

const footers = new Map<string, Footer>();
const times = new Map<string, readonly RowGroupTimes[]>();

/** Equal keys: the same content, as far as one can know without reading it. */
export function versionOf(file: DataFile): string {
  return `${file.path}\0${file.size}\0${file.modified}`;
}

/** Throws DaedalusError `source/unreadable-file` (exit code 1) for a file that is truncated, gone or no Parquet. */
export async function footerOf(session: SqlSession, file: DataFile): Promise<Footer> {
  const version = versionOf(file);
  const known = footers.get(version);
  if (known) return known;
  const sha256 = createHash("sha256").update(footerBytes(file)).digest("hex");
  const rows = await unlessUnreadable(file, () =>
    session.query(`DESCRIBE SELECT * FROM read_parquet(${fileName(file)}, hive_partitioning = false)`),
  );
  const columns = new Map(rows.map((row) => [String(row["column_name"]), String(row["column_type"])]));
  const parts = await topLevel(session, file);
  const [cut, nulls, renamed] = [new Set<string>(), new Set<string>(), new Map<string, string>()];
  [...columns.keys()].forEach((name, place) => {
    const part = parts[place];
    if (part === undefined) return;
    if (part.name !== name) renamed.set(name, part.name);
    if (part.decimal !== undefined) columns.set(name, part.decimal);
    if (part.isCut) cut.add(name);
    if (part.isNothing) nulls.add(name);
  });
  for (const name of nulls) columns.delete(name);
  const footer = { sha256, columns, nulls, cut, renamed };
  footers.set(version, footer);
  return footer;
}

/** What DuckDB's own types do not tell of a column. */
interface TopLevelColumn {
  /** In the file. */
  readonly name: string;
  /** The type of decimals that DuckDB reads as garbage. */
  readonly decimal?: string;
  readonly isCut: boolean;
  readonly isNothing: boolean;
}

/** The columns in order, of a schema that lies before its parts; what is nested in them is left out. */
async function topLevel(session: SqlSession, file: DataFile): Promise<readonly TopLevelColumn[]> {
  const [, ...rows] = await unlessUnreadable(file, () =>
    session.query(
      `SELECT name, num_children, precision, scale, logical_type = 'NullType()' AS nothing,
              logical_type LIKE '%isAdjustedToUTC=1%' AND logical_type LIKE '%NANOS=Nano%' AS cut
         FROM parquet_schema(${fileName(file)})`,
    ),
  );
  const columns: TopLevelColumn[] = [];
  let nested = 0;
  for (const row of rows) {
    const { name, num_children: children, precision, scale, nothing, cut } = row as SmallRow;
    const decimal = Number(precision ?? 0) > 38 ? { decimal: `DECIMAL256(${precision},${scale})` } : {};
    if (nested === 0)
      columns.push({ name: String(name), ...decimal, isCut: cut === true, isNothing: nothing === true });
    else nested -= 1;
    nested += Number(children ?? 0);
  }
  return columns;
}

/** The footer's own bytes; their checksum tells one file from another. */
function footerBytes(file: DataFile): Uint8Array {
  const refuse = (reason: string): never => {
    throw new DaedalusError([sourceProblem("unreadable-file", { reason }, { file: file.shown })], 1);
  };
  let descriptor: number;
  try {
    descriptor = openSync(file.path, "r");
  } catch (error) {
    return refuse(reasonOf(error));
  }
  try {
    if (file.size < 12) refuse(`it has ${file.size} bytes and is no Parquet file`);
    const tail = new Uint8Array(8);
    readSync(descriptor, tail, 0, 8, file.size - 8);
    if (String.fromCharCode(...tail.subarray(4)) !== "PAR1")
      refuse("it does not end with PAR1: it is truncated or no Parquet file");
    const length = new DataView(tail.buffer).getUint32(0, true);
    if (length > file.size - 12) refuse("its footer is longer than the file: it is damaged");
    const footer = new Uint8Array(length);
    readSync(descriptor, footer, 0, length, file.size - 8 - length);
    return footer;
  } finally {
    closeSync(descriptor);
  }
}

async function unlessUnreadable<T>(file: DataFile, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (isOutOfMemory(error)) throw error;
    throw new DaedalusError([sourceProblem("unreadable-file", { reason: reasonOf(error) }, { file: file.shown })], 1, {
      cause: error,
    });
  }
}

/** Statistics of the time column by row group, for each file; a file without the column has none. */
export async function rowGroupTimes(
  session: SqlSession,
  files: readonly DataFile[],
  time: SourceTime,
): Promise<ReadonlyMap<DataFile, readonly RowGroupTimes[]>> {
  const key = (file: DataFile) => `${versionOf(file)}\0${time.source}\0${time.unit}`;
  const missing = files.filter((file) => !times.has(key(file)));
  const byType = new Map<string, DataFile[]>();
  for (const file of missing) {
    const type = (await footerOf(session, file)).columns.get(time.source);
    if (type === undefined) times.set(key(file), []);
    else byType.set(type, [...(byType.get(type) ?? []), file]);
  }
  for (const [type, group] of byType) {
    const micros = statisticsMicros(type, time);
    const statistics = session.query(
      `SELECT file_name, row_group_id, num_values AS rows, stats_null_count AS nulls,
              CAST(TRY(${micros("stats_min_value")}) AS VARCHAR) AS min, CAST(TRY(${micros("stats_max_value")}) AS VARCHAR) AS max
         FROM parquet_metadata([${group.map(fileName).join(", ")}])
        WHERE path_in_schema = ${text(time.source)} ORDER BY file_name ASC NULLS FIRST, row_group_id ASC NULLS FIRST`,
    );
    // DuckDB writes them as text, and fails at instants that its calendar has no date for: then they tell nothing.
    const rows = await statistics.catch((error: unknown) => {
      if (isOutOfMemory(error) || !/out of range|convert/i.test(String(error))) throw error;
      return [];
    });
    const byPath = new Map<string, RowGroupTimes[]>(group.map((file) => [file.path, []]));
    for (const row of rows) {
      const nulls = row["nulls"];
      const [min, max] = [row["min"], row["max"]];
      byPath.get(String(row["file_name"]))?.push({
        rows: Number(row["rows"]),
        ...(nulls === null ? {} : { nulls: Number(nulls) }),
        ...(typeof min === "string" && typeof max === "string" ? { range: [BigInt(min), BigInt(max)] } : {}),
      });
    }
    for (const file of group) times.set(key(file), byPath.get(file.path) ?? []);
  }
  return new Map(files.map((file) => [file, times.get(key(file)) ?? []]));
}

/** The file's range: known only if every row group that has rows with a time says its own. */
export function rangeOf(groups: readonly RowGroupTimes[]): readonly [bigint, bigint] | undefined {
  let range: readonly [bigint, bigint] | undefined;
  for (const group of groups) {
    if (group.rows === 0 || group.rows === group.nulls) continue;
    if (!group.range) return undefined;
    range = range ? hull(range, group.range) : group.range;
  }
  return range;
}

function hull(a: readonly [bigint, bigint], b: readonly [bigint, bigint]): readonly [bigint, bigint] {
  const [[min], [, max]] = [a[0] <= b[0] ? a : b, a[1] >= b[1] ? a : b];
  return [min, max];
}

/** Microseconds of a statistics' text, exactly or NULL: BIGINT is not wide enough before the unit is known to fit. */
function statisticsMicros(type: string, time: SourceTime): (value: string) => string {
  const { scalar } = parseType(type);
  const factor = { s: "1000000", ms: "1000", us: "1", ns: "1" } as const;
  if (scalar.startsWith("TIMESTAMP") || scalar === "DATE") {
    if (scalar === "TIMESTAMP_NS")
      return (value) => `daedalus_floor_micros(daedalus_nanos(CAST(${value} AS TIMESTAMP_NS)))`;
    // A TIMESTAMPTZ statistic is printed in UTC, with its offset.
    const target = scalar === "TIMESTAMP WITH TIME ZONE" ? "TIMESTAMPTZ" : scalar;
    const zone = target === "TIMESTAMPTZ" ? " AT TIME ZONE 'UTC'" : "";
    return (value) => `daedalus_micros((CAST(${value} AS ${target})${zone}))`;
  }
  const { unit } = time;
  if (!/INT/.test(scalar) || unit === "date" || unit === "timestamp" || unit === "timestamp_ns") return () => "NULL";
  if (unit === "ns") return (value) => `daedalus_floor_micros(CAST(${value} AS BIGINT))`;
  return (value) => `CAST(${value} AS BIGINT) * ${factor[unit]}`;
}

/** The file's path as DuckDB takes it: a name is no pattern. */
export function fileName(file: DataFile): string {
  return text(file.path.replace(/[[*?]/g, "[$&]"));
}

/** The half-open range of a `dt=YYYY-MM-DD` folder. */
export function folderRange(file: DataFile): readonly [bigint, bigint] | undefined {
  const day = file.partitions.get("dt");
  if (!day || !/^\d{4}-\d{2}-\d{2}$/.test(day)) return undefined;
  const millis = Date.parse(`${day}T00:00:00Z`);
  if (Number.isNaN(millis) || new Date(millis).toISOString().slice(0, 10) !== day) return undefined;
  const start = BigInt(millis) * 1000n;
  return [start, start + MICROS_PER_DAY - 1n];
}
