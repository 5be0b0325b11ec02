import { existsSync } from "node:fs";
import { realpath } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { DType } from "../columnar/dtypes.js";
import { type Resolution, resolutionOf, type TimeUnit } from "../columnar/instants.js";
import type { FeatureRun, RunTable } from "../definitions/feature-run.js";
import type { FeatureView } from "../definitions/feature-view.js";
import type { SqlSession } from "../engines/sql/session.js";
import { identifier, text } from "../engines/sql/text.js";
import { frameProblem } from "../errors/formula.js";
import { nearest } from "../errors/nearest.js";
import { DaedalusError, type Problem } from "../errors/problem.js";
import {
  type ColumnType,
  EVENT_TIME,
  SEQUENCE_COLUMNS,
  SYMBOL,
  type TableColumns,
} from "../formulas/features/tables.js";
import { openSource } from "../sources/open-source.js";
import type { ScanRequest, Source, SourceColumn } from "../sources/source.js";

/** Columns that choose rows. */
const VENUE = "venue";
const BAR_NAME = "bar_name";
const IS_COMPLETE = "is_complete";
const PLACE = "@place";
const TIME = "@time";

/** What of a run says which rows of its tables are read. */
export type RowChoice = Pick<FeatureRun, "warehouse" | "symbols" | "venue" | "start" | "end">;

/** How many rows a symbol has, and how many of them lie before the run's start. */
export interface SymbolCount {
  /** Undefined: the table has no symbols. */
  readonly symbol: string | undefined;
  readonly rows: number;
  readonly before: number;
}

/** Endings of a table's file in the warehouse; without one it is a folder. */
const ENDINGS = ["", ".parquet", ".csv", ".csv.gz", ".csv.zst", ".tsv", ".ndjson", ".jsonl", ".ndjson.gz", ".jsonl.gz"];

/** A table of a run: where its rows are, which of its columns formulas can use, and its rows in their order. */
export class OpenTable {
  readonly columns: TableColumns;
  readonly resolution: Resolution;
  readonly hasSymbols: boolean;
  #loaded = false;

  private constructor(
    private readonly run: RowChoice,
    readonly table: RunTable,
    private readonly source: Source,
    private readonly sources: ReadonlyMap<string, SourceColumn>,
    private readonly time: { readonly source: string; readonly unit: TimeUnit },
    private readonly session: SqlSession,
    private readonly directory: string,
  ) {
    this.resolution = resolutionOf(time.unit);
    this.hasSymbols = sources.has(SYMBOL) || table.symbol !== undefined;
    this.columns = { name: table.name, columns: columnTypes(sources, time.source) };
  }

  /** Throws DaedalusError: exit code 2 for a table that is not there or has no times, 1 where it cannot be read. */
  static async open(run: RowChoice, table: RunTable, directory: string, session: SqlSession): Promise<OpenTable> {
    const source = openSource({ directory, connections: {} }, viewOf(run, table, directory), session);
    const schema = await source.schema();
    const sources = new Map(
      schema.columns.map((column) => [table.fieldMapping[column.name] ?? column.name, column] as const),
    );
    const wanted = table.source?.timestampField;
    const column = wanted === undefined ? sources.get(EVENT_TIME) : schema.columns.find(({ name }) => name === wanted);
    if (column === undefined) {
      const names = schema.columns.map(({ name }) => name);
      const near = nearest(wanted ?? EVENT_TIME, names);
      throw refuse(frameProblem("no-time-column", { table: table.name, column: wanted ?? EVENT_TIME, nearest: near }));
    }
    const unit = table.source?.timestampUnit ?? column.timeUnit ?? (column.text ? "timestamp" : undefined);
    if (unit === undefined)
      throw refuse(frameProblem("no-time-unit", { table: table.name, column: column.name, type: column.type }));
    const time = { source: column.name, unit };
    const pinned = await source.pin();
    const problem = await pinned.firstNullInstant(time);
    if (problem !== undefined) throw new DaedalusError([problem], 1);
    return new OpenTable(run, table, pinned, sources, time, session, directory);
  }

  /** Whether the table is read from this file: to write there would be to lose it. */
  async isReadFrom(path: string): Promise<boolean> {
    const { files } = await this.source.identity({});
    const real = await realpath(path).catch(() => path);
    const own = files.map(async (file) => {
      const whole = resolve(this.directory, file.path);
      return realpath(whole).catch(() => whole);
    });
    return (await Promise.all(own)).includes(real);
  }

  /**
   * The symbols of the run, ascending, with their rows before the run's end. `columns`: those that will be read. Throws
   * DaedalusError: exit code 1 for rows without a symbol and values that cannot be read, 2 where venues or bars are mixed.
   */
  async symbols(columns: readonly string[]): Promise<readonly SymbolCount[]> {
    await this.#load(columns);
    await this.#checkApart(VENUE, this.run.venue ?? this.table.venue);
    await this.#checkApart(BAR_NAME, this.table.barName);
    const symbol = this.hasSymbols ? identifier(SYMBOL) : "CAST(NULL AS VARCHAR)";
    const { start } = this.run;
    const before = start === undefined ? "0" : `count(*) FILTER (WHERE ${this.#isBefore(start)})`;
    const rows = await this.#guarded(
      this.session.query(
        `SELECT ${symbol} AS symbol, count(*) AS rows, ${before} AS before, min(${identifier(PLACE)}) AS first
         FROM ${this.#rows()} WHERE ${this.#conditions()} GROUP BY 1 ORDER BY 1 ASC NULLS FIRST`,
      ),
    );
    const counts = rows.map((row) => ({
      symbol: row["symbol"] === null ? undefined : String(row["symbol"]),
      rows: Number(row["rows"]),
      before: Number(row["before"]),
      first: Number(row["first"]),
    }));
    const nameless = counts.find(({ symbol: name }) => name === undefined);
    if (this.hasSymbols && nameless !== undefined) {
      const place = { table: this.table.name, column: SYMBOL, row: nameless.first };
      throw new DaedalusError([frameProblem("null-time", place)], 1);
    }
    return counts;
  }

  /**
   * SQL of the rows of all symbols before the run's end, by symbol, time, sequence and as they came: `t` (ticks of the
   * resolution), then the columns as doubles. `symbols` has said how many.
   */
  ordered(columns: readonly string[]): string {
    return this.#inOrder(columns.map((name) => `CAST(${identifier(name)} AS DOUBLE) AS ${identifier(name)}`));
  }

  /** SQL of the same rows from a time on (microseconds), with their symbols, the columns of their own types. */
  typed(columns: readonly string[], start: bigint | undefined): string {
    const symbol = this.hasSymbols ? [identifier(SYMBOL)] : [];
    const from = start === undefined ? "true" : `${identifier(TIME)} >= ${this.#ticks(start)}`;
    return this.#inOrder([...symbol, ...columns.map(identifier)], from);
  }

  #inOrder(asked: readonly string[], condition = "true"): string {
    const symbol = this.hasSymbols ? [`${identifier(SYMBOL)} ASC NULLS FIRST`] : [];
    const sequence = this.#sequence();
    const order = [
      ...symbol,
      `${identifier(TIME)} ASC NULLS FIRST`,
      ...(sequence === undefined ? [] : [`${identifier(sequence)} ASC NULLS LAST`]),
      `${identifier(PLACE)} ASC NULLS FIRST`,
    ];
    return `SELECT ${[`${identifier(TIME)} AS t`, ...asked].join(", ")} FROM ${this.#rows()}
      WHERE ${this.#conditions()} AND ${condition} ORDER BY ${order.join(", ")}`;
  }

  /** What a query over the rows failed of, if the source can tell. */
  async #guarded<Result>(work: Promise<Result>): Promise<Result> {
    try {
      return await work;
    } catch (error) {
      throw await this.explained(error);
    }
  }

  /** The cause of a query that failed, in the words of the source. */
  async explained(error: unknown): Promise<unknown> {
    const problem = this.#request === undefined ? undefined : await this.source.diagnose(this.#request);
    return problem === undefined ? error : new DaedalusError([problem], 1, { cause: error });
  }

  #request: ScanRequest | undefined;

  /** The columns of the rows, once: they are sorted and counted, and text is parsed one time only. */
  async #load(columns: readonly string[]): Promise<void> {
    if (this.#loaded) return;
    this.#request = this.#scanOf(columns);
    const { sql } = await this.source.scan(this.#request);
    const constants = [
      ...(this.table.symbol === undefined || this.sources.has(SYMBOL)
        ? []
        : [`${text(this.table.symbol)} AS ${identifier(SYMBOL)}`]),
      ...(this.table.venue === undefined || this.sources.has(VENUE)
        ? []
        : [`${text(this.table.venue)} AS ${identifier(VENUE)}`]),
    ];
    const asked = ["*", ...constants, `row_number() OVER () AS ${identifier(PLACE)}`];
    await this.#guarded(
      this.session.run(`CREATE OR REPLACE TABLE ${this.#rows()} AS SELECT ${asked.join(", ")} FROM (${sql})`),
    );
    this.#loaded = true;
  }

  #rows(): string {
    return identifier(`run ${this.table.name}`);
  }

  #scanOf(columns: readonly string[]): ScanRequest {
    const sequence = this.#sequence();
    const chosen = [SYMBOL, VENUE, BAR_NAME].filter((name) => this.sources.has(name));
    const complete = this.sources.has(IS_COMPLETE) && !this.table.incompleteBars ? [IS_COMPLETE] : [];
    const request = (name: string, dtype: DType) => ({ name, source: this.sources.get(name)?.name ?? name, dtype });
    const wanted = new Map<string, DType>([
      ...columns.map((name) => [name, this.columns.columns.get(name) === "Boolean" ? "BOOLEAN" : "DOUBLE"] as const),
      ...chosen.map((name) => [name, "TEXT"] as const),
      ...complete.map((name) => [name, "BOOLEAN"] as const),
    ]);
    if (sequence !== undefined) wanted.set(sequence, this.sources.get(sequence)?.dtype ?? "BIGINT");
    return {
      columns: [...wanted].map(([name, dtype]) => request(name, dtype)),
      instants: [{ name: TIME, source: this.time.source, unit: this.time.unit }],
    };
  }

  /** A number that orders the rows of one time. */
  #sequence(): string | undefined {
    const name = SEQUENCE_COLUMNS.find((column) => this.sources.has(column));
    if (name === undefined) return undefined;
    const column = this.sources.get(name);
    const isNumber = column?.text || (column?.dtype !== undefined && typeOf(column) === "Float64");
    return isNumber ? name : undefined;
  }

  #conditions(): string {
    const { symbols, venue, end } = this.run;
    const isOne = (column: string, values: readonly string[]): string =>
      `${identifier(column)} IN (${values.map(text).join(", ")})`;
    const { barName, incompleteBars } = this.table;
    const knows = (column: string, constant?: string): boolean => this.sources.has(column) || constant !== undefined;
    return [
      "true",
      ...(symbols !== undefined && this.hasSymbols ? [isOne(SYMBOL, symbols)] : []),
      ...(venue !== undefined && knows(VENUE, this.table.venue) ? [isOne(VENUE, [venue])] : []),
      ...(barName !== undefined && knows(BAR_NAME) ? [isOne(BAR_NAME, [barName])] : []),
      ...(knows(IS_COMPLETE) && !incompleteBars ? [identifier(IS_COMPLETE)] : []),
      ...(end === undefined ? [] : [this.#isBefore(end)]),
    ].join(" AND ");
  }

  #isBefore(micros: bigint): string {
    return `${identifier(TIME)} < ${this.#ticks(micros)}`;
  }

  #ticks(micros: bigint): bigint {
    return this.resolution === "ns" ? micros * 1000n : micros;
  }

  /** Rows of several venues, or bars, are no one row of a symbol: which, is to be said. */
  async #checkApart(column: string, chosen: string | undefined): Promise<void> {
    if (chosen !== undefined || !this.sources.has(column)) return;
    const rows = await this.session.query(
      `SELECT DISTINCT ${identifier(column)} AS name FROM ${this.#rows()} WHERE ${this.#conditions()}
       ORDER BY 1 ASC NULLS FIRST LIMIT 5`,
    );
    if (rows.length < 2) return;
    const names = rows.map(({ name }) => String(name));
    throw refuse(frameProblem("several", { table: this.table.name, column, names }));
  }
}

function columnTypes(sources: ReadonlyMap<string, SourceColumn>, time: string): ReadonlyMap<string, ColumnType> {
  const chosen = new Set([SYMBOL, VENUE, BAR_NAME]);
  return new Map(
    [...sources].map(([name, column]) => {
      if (column.name === time || name === EVENT_TIME) return [name, { refused: "a time" }];
      return [name, chosen.has(name) ? { refused: "a text" } : typeOf(column)];
    }),
  );
}

/** Columns of text files are numbers to formulas: what is none is told when it is read. */
function typeOf({ text: isText, dtype, type, timeUnit }: SourceColumn): ColumnType {
  if (isText) return "Float64";
  if (dtype === "BOOLEAN") return "Boolean";
  if (dtype === undefined || timeUnit !== undefined || dtype === "TEXT" || dtype.endsWith("[]"))
    return { refused: type };
  return "Float64";
}

function viewOf(run: RowChoice, table: RunTable, directory: string): FeatureView {
  const { source, fieldMapping, name } = table;
  const path = source === undefined ? { path: warehouseFile(run, table, directory) } : source;
  return { name, entity: [], source: path, fieldMapping, fields: [] };
}

function warehouseFile(run: RowChoice, { name }: RunTable, directory: string): string {
  const folder = resolve(directory, run.warehouse);
  const found = ENDINGS.map((ending) => join(folder, `${name}${ending}`)).find((path) => existsSync(path));
  if (found === undefined) throw refuse(frameProblem("no-table", { table: name, folder: run.warehouse }));
  return found;
}

function refuse(problem: Problem): DaedalusError {
  return new DaedalusError([problem], 2);
}
