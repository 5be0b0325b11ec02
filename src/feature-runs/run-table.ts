import { existsSync } from "node:fs";
import { realpath, stat } from "node:fs/promises";
import { dirname, join, resolve, sep } from "node:path";
import type { DType } from "../columnar/dtypes.js";
import { type Resolution, resolutionOf } from "../columnar/instants.js";
import type { FeatureRun, RunTable } from "../definitions/feature-run.js";
import type { FeatureView } from "../definitions/feature-view.js";
import type { SqlSession } from "../engines/sql/session.js";
import { identifier, text } from "../engines/sql/text.js";
import { frameProblem } from "../errors/formula.js";
import { DaedalusError, type Problem } from "../errors/problem.js";
import { isOutOfMemory } from "../errors/run.js";
import { SEQUENCE_COLUMNS, SYMBOL, type TableColumns } from "../formulas/features/tables.js";
import { openSource } from "../sources/open-source.js";
import type { ScanRequest, Source } from "../sources/source.js";
import { LoadedNames } from "./loaded-names.js";
import { BAR_NAME, type KnownColumn, shapeOf, type TableShape, VENUE } from "./table-shape.js";

const IS_COMPLETE = "is_complete";

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
const ENDINGS = ["", ".parquet", ".csv", ".csv.gz", ".ndjson", ".ndjson.gz", ".jsonl", ".jsonl.gz"];

/** A table of a run: where its rows are, which of its columns formulas can use, and its rows in their order. */
export class OpenTable {
  readonly columns: TableColumns;
  readonly resolution: Resolution;
  readonly hasSymbols: boolean;
  #loaded: { readonly names: LoadedNames; readonly request: ScanRequest } | undefined;

  private constructor(
    private readonly run: RowChoice,
    readonly table: RunTable,
    private readonly source: Source,
    private readonly known: ReadonlyMap<string, KnownColumn>,
    private readonly time: TableShape["time"],
    private readonly session: SqlSession,
    private readonly directory: string,
  ) {
    this.resolution = resolutionOf(time.unit);
    this.hasSymbols = known.has(SYMBOL) || table.symbol !== undefined;
    this.columns = { name: table.name, columns: new Map([...known].map(([name, { type }]) => [name, type])) };
  }

  /** Throws DaedalusError: exit code 2 for a table that is not there or has no times, 1 where it cannot be read. */
  static async open(run: RowChoice, table: RunTable, directory: string, session: SqlSession): Promise<OpenTable> {
    try {
      return await OpenTable.#read(run, table, directory, session);
    } catch (error) {
      if (!(error instanceof DaedalusError)) throw error;
      throw new DaedalusError(error.problems.map(inOwnWords), error.exitCode, { cause: error });
    }
  }

  static async #read(run: RowChoice, table: RunTable, directory: string, session: SqlSession): Promise<OpenTable> {
    const source = await openSource({ directory, connections: {} }, viewOf(run, table, directory), session).pin();
    const { columns, time } = await shapeOf(table, source, session);
    const problem = await source.firstNullInstant(time).catch((error: unknown) => {
      throw unreadable(table, error);
    });
    if (problem !== undefined) throw new DaedalusError([problem], 1);
    return new OpenTable(run, table, source, columns, time, session, directory);
  }

  /** Whether the table is read from this file, or would be the next time: to write there would be to lose it. */
  async isReadFrom(path: string): Promise<boolean> {
    const { files } = await this.source.identity({});
    const real = await realOf(path);
    const own = await Promise.all(files.map((file) => realOf(resolve(this.directory, file.path))));
    if (own.includes(real)) return true;
    const { path: address } = viewOf(this.run, this.table, this.directory).source;
    if (address === undefined) return false;
    const folder = await realOf(resolve(this.directory, address));
    const isFolder = await stat(folder).then(
      (stats) => stats.isDirectory(),
      () => false,
    );
    return isFolder && (await realOf(dirname(path))).concat(sep).startsWith(folder + sep);
  }

  /**
   * The symbols of the run, ascending, with their rows before the run's end. `columns`: those that will be read. Throws
   * DaedalusError: exit code 1 for rows without a symbol and values that cannot be read, 2 where venues or bars are mixed.
   */
  async symbols(columns: readonly string[]): Promise<readonly SymbolCount[]> {
    const names = await this.#load(columns);
    await this.#checkApart(names, VENUE, this.run.venue);
    await this.#checkApart(names, BAR_NAME, this.table.barName);
    const symbol = this.#symbol(names) ?? "CAST(NULL AS VARCHAR)";
    const { start } = this.run;
    const before = start === undefined ? "0" : `count(*) FILTER (WHERE ${this.#isBefore(names, start)})`;
    const rows = await this.#guarded(
      this.session.query(
        `SELECT ${symbol} AS symbol, count(*) AS rows, ${before} AS before, min(${names.place}) AS first
         FROM ${this.#rows()} r WHERE ${this.#conditions(names)} GROUP BY 1 ORDER BY 1 ASC NULLS FIRST`,
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
      throw new DaedalusError([frameProblem("missing-value", place)], 1);
    }
    return counts;
  }

  /**
   * What is near a row that there is not: the symbol's times before and after it (microseconds), or, where the table has no such
   * symbol, those that it has.
   */
  async near(
    symbol: string | undefined,
    time: bigint,
  ): Promise<{ times: readonly bigint[]; symbols: readonly string[] }> {
    const names = await this.#load([]);
    const own = this.#symbol(names);
    const isOwn = symbol === undefined || own === undefined ? "true" : `${own} = ${text(symbol)}`;
    const from = `FROM ${this.#rows()} r WHERE ${this.#conditions(names)}`;
    const [near] = await this.session.query(
      `SELECT max(${names.time}) FILTER (WHERE ${this.#isBefore(names, time)}) AS before,
         min(${names.time}) FILTER (WHERE NOT (${this.#isBefore(names, time + 1n)})) AS after ${from} AND ${isOwn}`,
    );
    const times = [near?.["before"], near?.["after"]].flatMap((ticks) =>
      typeof ticks === "bigint" ? [this.resolution === "ns" ? ticks / 1000n : ticks] : [],
    );
    if (times.length > 0 || own === undefined) return { times, symbols: [] };
    const symbols = await this.session.query(`SELECT DISTINCT ${own} AS symbol ${from} ORDER BY 1 ASC NULLS LAST`);
    return { times, symbols: symbols.map((row) => String(row["symbol"])) };
  }

  /**
   * SQL of the rows of all symbols before the run's end, by symbol, time, sequence and as they came: ticks of the resolution, then
   * the columns as doubles. `symbols` has said how many.
   */
  ordered(columns: readonly string[]): string {
    const names = this.#names();
    return this.#inOrder(
      names,
      columns.map((name) => `CAST(${names.of(name)} AS DOUBLE)`),
    );
  }

  /** SQL of the same rows from a time on (microseconds), with their symbols, the columns of their own types. */
  typed(columns: readonly string[], start: bigint | undefined): string {
    const names = this.#names();
    const symbol = this.#symbol(names);
    const from = start === undefined ? "true" : `NOT (${this.#isBefore(names, start)})`;
    return this.#inOrder(
      names,
      [...(symbol === undefined ? [] : [symbol]), ...columns.map((name) => names.of(name))],
      from,
    );
  }

  /** The cause of a query that failed, in the words of the source. */
  async explained(error: unknown): Promise<unknown> {
    if (error instanceof DaedalusError || isOutOfMemory(error)) return error;
    const problem = this.#loaded === undefined ? undefined : await this.source.diagnose(this.#loaded.request);
    if (problem !== undefined) return new DaedalusError([inOwnWords(problem)], 1, { cause: error });
    return unreadable(this.table, error);
  }

  #inOrder(names: LoadedNames, asked: readonly string[], condition = "true"): string {
    const sequence = this.#sequence();
    const order = [
      ...(this.known.has(SYMBOL) ? [`${names.of(SYMBOL)} ASC NULLS FIRST`] : []),
      `${names.time} ASC NULLS FIRST`,
      ...(sequence === undefined ? [] : [`${names.of(sequence)} ASC NULLS LAST`]),
      `${names.place} ASC NULLS FIRST`,
    ];
    const columns = [names.time, ...asked].map((sql, place) => `${sql} AS a${place}`);
    return `SELECT ${columns.join(", ")} FROM ${this.#rows()} r WHERE ${this.#conditions(names)} AND ${condition}
      ORDER BY ${order.join(", ")}`;
  }

  /** What a query over the rows failed of, if the source can tell. */
  async #guarded<Result>(work: Promise<Result>): Promise<Result> {
    try {
      return await work;
    } catch (error) {
      throw await this.explained(error);
    }
  }

  /** The columns of the rows, once: they are sorted and counted, and text is parsed one time only. */
  async #load(columns: readonly string[]): Promise<LoadedNames> {
    if (this.#loaded !== undefined) return this.#loaded.names;
    const wanted = this.#wanted(columns);
    const names = new LoadedNames([...wanted.keys()]);
    const request: ScanRequest = {
      columns: [...wanted].map(([name, dtype]) => ({
        name: names.bare(name),
        source: this.known.get(name)?.source.name ?? name,
        dtype,
      })),
      instants: [{ name: names.bareTime, source: this.time.source, unit: this.time.unit }],
    };
    this.#loaded = { names, request };
    const { sql } = await this.source.scan(request);
    await this.#guarded(
      this.session.run(
        `CREATE OR REPLACE TABLE ${this.#rows()} AS SELECT *, row_number() OVER () AS ${names.barePlace} FROM (${sql})`,
      ),
    );
    return names;
  }

  #names(): LoadedNames {
    if (this.#loaded === undefined) throw new RangeError(`the rows of ${this.table.name} are not loaded`);
    return this.#loaded.names;
  }

  #rows(): string {
    return identifier(`run ${this.table.name}`);
  }

  #wanted(columns: readonly string[]): ReadonlyMap<string, DType> {
    const sequence = this.#sequence();
    const chosen = [SYMBOL, VENUE, BAR_NAME].filter((name) => this.known.has(name));
    const complete = this.known.has(IS_COMPLETE) && !this.table.incompleteBars ? [IS_COMPLETE] : [];
    const wanted = new Map<string, DType>([
      ...columns.map((name) => [name, this.columns.columns.get(name) === "Boolean" ? "BOOLEAN" : "DOUBLE"] as const),
      ...chosen.map((name) => [name, "TEXT"] as const),
      ...complete.map((name) => [name, "BOOLEAN"] as const),
    ]);
    if (sequence !== undefined) wanted.set(sequence, this.known.get(sequence)?.source.dtype ?? "BIGINT");
    return wanted;
  }

  /** A number that orders the rows of one time. */
  #sequence(): string | undefined {
    return SEQUENCE_COLUMNS.find((column) => this.known.get(column)?.type === "Float64");
  }

  /** SQL of a row's symbol. */
  #symbol(names: LoadedNames): string | undefined {
    if (this.known.has(SYMBOL)) return names.of(SYMBOL);
    return this.table.symbol === undefined ? undefined : text(this.table.symbol);
  }

  #conditions(names: LoadedNames): string {
    const { symbols, venue, end } = this.run;
    const symbol = this.#symbol(names);
    const ownVenue = this.known.has(VENUE)
      ? names.of(VENUE)
      : this.table.venue === undefined
        ? undefined
        : text(this.table.venue);
    const isOne = (sql: string, values: readonly string[]): string => `${sql} IN (${values.map(text).join(", ")})`;
    const { barName, incompleteBars } = this.table;
    return [
      "true",
      ...(symbols !== undefined && symbol !== undefined ? [isOne(symbol, symbols)] : []),
      ...(venue !== undefined && ownVenue !== undefined ? [isOne(ownVenue, [venue])] : []),
      ...(barName !== undefined && this.known.has(BAR_NAME) ? [isOne(names.of(BAR_NAME), [barName])] : []),
      ...(this.known.has(IS_COMPLETE) && !incompleteBars ? [names.of(IS_COMPLETE)] : []),
      ...(end === undefined ? [] : [this.#isBefore(names, end)]),
    ].join(" AND ");
  }

  #isBefore(names: LoadedNames, micros: bigint): string {
    return `${names.time} < ${this.resolution === "ns" ? micros * 1000n : micros}`;
  }

  /** Rows of several venues, or bars, are no one row of a symbol: which, is to be said. */
  async #checkApart(names: LoadedNames, column: string, chosen: string | undefined): Promise<void> {
    if (chosen !== undefined || !this.known.has(column)) return;
    const rows = await this.session.query(
      `SELECT DISTINCT ${names.of(column)} AS name FROM ${this.#rows()} r WHERE ${this.#conditions(names)}
       ORDER BY 1 ASC NULLS LAST LIMIT 5`,
    );
    if (rows.length < 2) return;
    const found = rows.map(({ name }) => (name === null ? "NULL" : String(name)));
    throw refuse(frameProblem("several", { table: this.table.name, column, names: found }));
  }
}

/** Problems of sources speak of a project's views; a run has tables. */
function inOwnWords({ help, ...problem }: Problem): Problem {
  if (help === undefined) return problem;
  if (/view's fields|spine view|base\.yaml/.test(help))
    return { ...problem, help: "correct the value; text columns hold numbers, or true and false, and NULL as nothing" };
  return {
    ...problem,
    help: help.replace("the view's source", "the table's source").replace("daedalus.yaml", "the run's file"),
  };
}

function viewOf(run: RowChoice, table: RunTable, directory: string): FeatureView {
  const { source, fieldMapping, name } = table;
  const path = source === undefined ? { path: warehouseFile(run, table, directory) } : source;
  return { name, entity: [], source: path, fieldMapping, fields: [] };
}

function warehouseFile(run: RowChoice, { name }: RunTable, directory: string): string {
  const folder = resolve(directory, run.warehouse);
  const found = ENDINGS.map((ending) => join(folder, `${name}${ending}`)).filter((path) => existsSync(path));
  const [first, ...others] = found;
  if (first === undefined) throw refuse(frameProblem("no-table", { table: name, folder: run.warehouse }));
  if (others.length > 0) throw refuse(frameProblem("two-tables", { table: name, paths: found }));
  return first;
}

/** What DuckDB says of values that it cannot read; anything else that it says is a fault of ours. */
function unreadable({ name }: RunTable, error: unknown): unknown {
  const reason = error instanceof Error ? (error.message.split("\n")[0] ?? "") : "";
  if (!/^(Conversion|Invalid Input|IO|Out of Range) Error/.test(reason)) return error;
  return new DaedalusError([frameProblem("unreadable", { table: name, reason })], 1, { cause: error });
}

function refuse(problem: Problem): DaedalusError {
  return new DaedalusError([problem], 2);
}

/** Without links, as far as it is there. */
function realOf(path: string): Promise<string> {
  return realpath(path).catch(() => path);
}
