import type { DType } from "../columnar/dtypes.js";
import { type Day, dayOfMicros, hasDay, MICROS_PER_DAY, resolutionOf, type TimeUnit } from "../columnar/instants.js";
import type { SqlSession } from "../engines/sql/session.js";
import { identifier } from "../engines/sql/text.js";
import { DaedalusError } from "../errors/problem.js";
import { sourceProblem } from "../errors/source.js";
import { castColumn, castInstant } from "./casts.js";
import type { ScanRequest, SourceTime } from "./source.js";
import { canRead, parseType } from "./types.js";

/** Rows as the source holds them: one table, or files of one format whose columns have the same types. */
export interface RawRelation {
  /** Printable; of a group of files, the first. */
  readonly shown: string;
  /** DuckDB's type of a source column, VARCHAR for text; undefined where it has none: then it is NULL. */
  typeOf(source: string): string | undefined;
  /** `SELECT` of the source columns as c0, c1, …; with provenance also "@file" and "@row". Only those that have a type. */
  select(sources: readonly string[], provenance: boolean): string;
}

/** Source columns of a scan, each once, under the name that it has in `select`. */
class Columns {
  readonly #names: string[] = [];
  constructor(readonly relation: RawRelation) {}

  /** The column, or NULL where the relation has none. */
  reference(source: string): string {
    if (this.relation.typeOf(source) === undefined) return "NULL";
    const at = this.#names.indexOf(source);
    return `c${at >= 0 ? at : this.#names.push(source) - 1}`;
  }

  from(provenance: boolean): string {
    return `(${this.relation.select(this.#names, provenance)})`;
  }
}

/**
 * `SELECT` of exactly the requested columns and instants; a value that its dtype cannot hold fails the query.
 * Throws DaedalusError `source/unsupported-conversion`, exit code 2.
 */
export function castRelation(relation: RawRelation, request: ScanRequest): string {
  const columns = new Columns(relation);
  const outputs = [
    ...request.columns.map(
      (column) => `${columnExpression(columns, column.source, column.dtype)} AS ${identifier(column.name)}`,
    ),
    ...request.instants.map(
      (instant) => `${instantExpression(columns, instant.source, instant.unit)} AS ${identifier(instant.name)}`,
    ),
    ...(request.provenance ? ['"@file"', '"@row"'] : []),
  ];
  const where = request.range ? ` WHERE ${rangePredicate(columns, request.range)}` : "";
  return `SELECT ${outputs.length === 0 ? "1" : outputs.join(", ")} FROM ${columns.from(request.provenance === true)}${where}`;
}

/** No rows, with the columns that the request would give. */
export function emptyRelation(request: ScanRequest): string {
  const outputs = [
    ...request.columns.map(({ name, dtype }) => [name, sqlType(dtype)] as const),
    ...request.instants.map(({ name }) => [name, "BIGINT"] as const),
    ...(request.provenance
      ? ([
          ["@file", "VARCHAR"],
          ["@row", "BIGINT"],
        ] as const)
      : []),
  ];
  return `SELECT ${outputs.map(([name, type]) => `CAST(NULL AS ${type}) AS ${identifier(name)}`).join(", ") || "1"} WHERE FALSE`;
}

function columnExpression(columns: Columns, source: string, dtype: DType): string {
  const type = columns.relation.typeOf(source);
  if (type === undefined) return `CAST(NULL AS ${sqlType(dtype)})`;
  if (!canRead(type, dtype))
    throw new DaedalusError(
      [sourceProblem("unsupported-conversion", { column: source, type, dtype }, { file: columns.relation.shown })],
      2,
    );
  return castColumn(columns.reference(source), type, dtype);
}

function instantExpression(columns: Columns, source: string, unit: TimeUnit): string {
  const type = columns.relation.typeOf(source);
  if (type === undefined) return "CAST(NULL AS BIGINT)";
  if (!carriesInstants(type, unit))
    throw new DaedalusError(
      [
        sourceProblem(
          "unsupported-conversion",
          { column: source, type, dtype: `a time in ${unit}` },
          { file: columns.relation.shown },
        ),
      ],
      2,
    );
  return castInstant(columns.reference(source), type, unit);
}

function carriesInstants(type: string, unit: TimeUnit): boolean {
  const { scalar, list } = parseType(type);
  if (list) return false;
  if (scalar === "VARCHAR") return true;
  const own = scalar === "DATE" || scalar.startsWith("TIMESTAMP");
  return own === (unit === "date" || unit === "timestamp" || unit === "timestamp_ns");
}

function sqlType(dtype: DType): string {
  return dtype.replace("TEXT", "VARCHAR");
}

const INT64 = [-(1n << 63n), (1n << 63n) - 1n] as const;

/** `from <= instant < to`, said of the raw column in its own unit so that statistics can skip what lies outside. */
function rangePredicate(columns: Columns, range: NonNullable<ScanRequest["range"]>): string {
  const { source, unit } = range.time;
  const type = columns.relation.typeOf(source);
  if (type === undefined) return "FALSE";
  const { scalar } = parseType(type);
  const raw = rawConstants(scalar, unit);
  const column = raw ? columns.reference(source) : instantExpression(columns, source, unit);
  const { ticks, constant, limits } = raw ?? { ticks: ticksOf(unit), constant: String, limits: INT64 };
  const conditions: string[] = [];
  for (const [bound, operator] of [
    [range.from, ">="],
    [range.to, "<"],
  ] as const) {
    if (bound === undefined) continue;
    const value = ticks(bound);
    if (value <= limits[0]) {
      if (operator === "<") return "FALSE";
    } else if (value > limits[1]) {
      if (operator === ">=") return "FALSE";
    } else conditions.push(`${column} ${operator} ${constant(value)}`);
  }
  return conditions.length === 0 ? `${column} IS NOT NULL` : conditions.join(" AND ");
}

interface RawConstants {
  /** The least value of the column whose instant is at or after the microseconds. */
  readonly ticks: (micros: bigint) => bigint;
  readonly constant: (value: bigint) => string;
  readonly limits: readonly [bigint, bigint];
}

function rawConstants(type: string, unit: TimeUnit): RawConstants | undefined {
  switch (type) {
    case "TIMESTAMP":
    case "TIMESTAMP_S":
    case "TIMESTAMP_MS":
      return { ticks: same, constant: (value) => `make_timestamp(${value})`, limits: TIMESTAMP_LIMITS };
    case "TIMESTAMP WITH TIME ZONE":
      return { ticks: same, constant: (value) => `make_timestamptz(${value})`, limits: TIMESTAMP_LIMITS };
    case "TIMESTAMP_NS":
      return {
        ticks: (micros) => micros * 1000n,
        constant: (value) => `make_timestamp_ns(${value})`,
        limits: [-9_223_286_400_000_000_000n, INT64[1] - 1n],
      };
    case "DATE":
      return {
        ticks: (micros) => ceilDivide(micros, MICROS_PER_DAY),
        constant: (value) => `(DATE '1970-01-01' + CAST(${value} AS INTEGER))`,
        limits: [-100_000_000n, 100_000_000n],
      };
    case "TINYINT":
    case "SMALLINT":
    case "INTEGER":
    case "BIGINT":
    case "UTINYINT":
    case "USMALLINT":
    case "UINTEGER":
      return { ticks: ticksOf(unit, true), constant: String, limits: INT64 };
    default:
      return undefined;
  }
}

// What DuckDB's TIMESTAMP holds, without its two infinities.
const TIMESTAMP_LIMITS = [-9_223_372_022_400_000_000n, INT64[1] - 1n] as const;
const same = (micros: bigint) => micros;

/** From microseconds to ticks of a relation, or (`raw`) to the column's own unit: rounded up. */
function ticksOf(unit: TimeUnit, raw = false): (micros: bigint) => bigint {
  if (resolutionOf(unit) === "ns") return (micros) => micros * 1000n;
  const size = raw ? { s: 1_000_000n, ms: 1000n }[unit as string] : undefined;
  return size === undefined ? same : (micros) => ceilDivide(micros, size);
}

function ceilDivide(value: bigint, by: bigint): bigint {
  return value > 0n ? (value + by - 1n) / by : value / by;
}

export interface Misfit {
  readonly column: string;
  readonly dtype: string;
  readonly value: string;
  readonly file: string;
  readonly row: bigint;
}

/** The first value, column by column, that its dtype cannot hold; among the rows that the request reads. */
export async function firstMisfit(
  session: SqlSession,
  relation: RawRelation,
  request: ScanRequest,
): Promise<Misfit | undefined> {
  const asked = [
    ...request.columns.map(({ source, dtype }) => ({
      source,
      dtype,
      cast: (columns: Columns) => columnExpression(columns, source, dtype),
    })),
    ...request.instants.map(({ source, unit }) => ({
      source,
      dtype: "instant of 64 bits",
      cast: (columns: Columns) => instantExpression(columns, source, unit),
    })),
  ];
  for (const { source, dtype, cast } of asked) {
    if (relation.typeOf(source) === undefined) continue;
    const columns = new Columns(relation);
    const value = columns.reference(source);
    const expression = cast(columns);
    if (expression === value) continue;
    const within = request.range ? ` AND coalesce(TRY(${rangePredicate(columns, request.range)}), TRUE)` : "";
    const [row] = await session.query(
      `SELECT "@file" AS file, "@row" AS row, left(CAST(${value} AS VARCHAR), 200) AS value FROM ${columns.from(true)}
        WHERE ${value} IS NOT NULL AND TRY(${expression}) IS NULL${within} ORDER BY file ASC NULLS FIRST, row ASC NULLS FIRST LIMIT 1`,
    );
    if (row)
      return {
        column: source,
        dtype,
        value: String(row["value"]),
        file: String(row["file"]),
        row: BigInt(String(row["row"])),
      };
  }
  return undefined;
}

/** The first row whose time is NULL (then `value` is absent) or no instant of 64 bits of microseconds. */
export async function firstBadInstant(
  session: SqlSession,
  relation: RawRelation,
  time: SourceTime,
): Promise<{ readonly file: string; readonly row: bigint; readonly value?: string } | undefined> {
  const columns = new Columns(relation);
  const value = columns.reference(time.source);
  const bad = badInstant(columns, time);
  const [row] = await session.query(
    `SELECT "@file" AS file, "@row" AS row, left(CAST(${value} AS VARCHAR), 200) AS value FROM ${columns.from(true)}
      WHERE ${bad} ORDER BY file ASC NULLS FIRST, row ASC NULLS FIRST LIMIT 1`,
  );
  if (!row) return undefined;
  const text = row["value"];
  return {
    file: String(row["file"]),
    row: BigInt(String(row["row"])),
    ...(typeof text === "string" ? { value: text } : {}),
  };
}

/** The first file, by name, that has such a row; one pass over many files. */
export async function firstFileWithBadInstant(
  session: SqlSession,
  relation: RawRelation,
  time: SourceTime,
): Promise<string | undefined> {
  const columns = new Columns(relation);
  const bad = badInstant(columns, time);
  const [row] = await session.query(`SELECT min("@file") AS file FROM ${columns.from(true)} WHERE ${bad}`);
  const file = row?.["file"];
  return typeof file === "string" ? file : undefined;
}

function badInstant(columns: Columns, { source, unit }: SourceTime): string {
  const value = columns.reference(source);
  return value === "NULL" ? "TRUE" : `${value} IS NULL OR TRY(${instantExpression(columns, source, unit)}) IS NULL`;
}

/** The least and the greatest instant in microseconds, by file; a file without an instant has none. */
export async function instantRanges(
  session: SqlSession,
  relations: readonly RawRelation[],
  time: SourceTime,
): Promise<ReadonlyMap<string, readonly [bigint, bigint]>> {
  if (relations.length === 0) return new Map();
  const rows = await session.query(
    `SELECT "@file" AS file, CAST(min(t) AS VARCHAR) AS min, CAST(max(t) AS VARCHAR) AS max
       FROM (${instantsOf(relations, time, {}, true)}) GROUP BY ALL`,
  );
  return new Map(
    rows.map((row) => [String(row["file"]), [BigInt(String(row["min"])), BigInt(String(row["max"]))] as const]),
  );
}

/** How many rows the relations have on each UTC day of the range, ascending. */
export async function rowsByDay(
  session: SqlSession,
  relations: readonly RawRelation[],
  time: SourceTime,
  range: { readonly from?: bigint; readonly to?: bigint },
): Promise<ReadonlyMap<Day, number>> {
  if (relations.length === 0) return new Map();
  const rows = await session.query(
    `SELECT (t // ${MICROS_PER_DAY}) - CASE WHEN t % ${MICROS_PER_DAY} < 0 THEN 1 ELSE 0 END AS number, count(*) AS rows
       FROM (${instantsOf(relations, time, range)}) GROUP BY ALL ORDER BY number ASC NULLS FIRST`,
  );
  const numbered = rows.map((row) => [BigInt(String(row["number"])) * MICROS_PER_DAY, Number(row["rows"])] as const);
  return new Map(numbered.filter(([start]) => hasDay(start)).map(([start, count]) => [dayOfMicros(start), count]));
}

/** Microseconds of the time column, as `t`; rows without a time are left out. With provenance: "@file" and "@row". */
function instantsOf(
  relations: readonly RawRelation[],
  time: SourceTime,
  range: { readonly from?: bigint; readonly to?: bigint },
  provenance = false,
): string {
  const request: ScanRequest = {
    columns: [],
    instants: [{ name: "t", source: time.source, unit: time.unit }],
    range: { time, ...range },
    provenance,
  };
  const ticks = relations.map((relation) => castRelation(relation, request)).join(" UNION ALL ");
  if (resolutionOf(time.unit) === "us") return ticks;
  return `SELECT daedalus_floor_micros(t) AS t${provenance ? ', "@file", "@row"' : ""} FROM (${ticks})`;
}
