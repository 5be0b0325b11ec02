import { type BigIntStats, statSync } from "node:fs";
import { isAbsolute, relative, resolve, sep } from "node:path";
import type { Day } from "../columnar/instants.js";
import { functionsOf } from "../engines/sql/functions.js";
import type { SqlSession } from "../engines/sql/session.js";
import { parseTree } from "../engines/sql/syntax-tree.js";
import { identifier, text } from "../engines/sql/text.js";
import { nearest } from "../errors/nearest.js";
import { DaedalusError, type Problem } from "../errors/problem.js";
import { sourceProblem } from "../errors/source.js";
import { readsOfQuery } from "./duckdb-query.js";
import { installReading } from "./install.js";
import { reasonOf } from "./listing.js";
import {
  castRelation,
  firstBadInstant,
  firstMisfit,
  instantRanges,
  type RawRelation,
  rowsByDay,
} from "./raw-relation.js";
import type {
  FileIdentity,
  ScanRequest,
  Source,
  SourceColumn,
  SourceIdentity,
  SourceRelation,
  SourceSchema,
  SourceTime,
} from "./source.js";
import { columnOf } from "./types.js";

/** Where a relation of a DuckDB file comes from: exactly one of `table` (`name`, `schema.name`) and `query`. */
export interface DuckDbAddress {
  readonly path: string;
  readonly table?: string;
  readonly query?: string;
}

/** Names of attached files, by session and path: a file is attached once. */
const attached = new WeakMap<SqlSession, Map<string, Promise<string>>>();
/** Makes their names, never used twice. */
let attachments = 0;
const ranges = new Map<string, readonly [bigint, bigint] | "empty">();

/** A table or a query of a DuckDB file, attached READ_ONLY. */
export class DuckDbSource implements Source {
  readonly address: string;
  readonly #file: string;
  readonly #shown: string;

  constructor(
    directory: string,
    private readonly from: DuckDbAddress,
    private readonly session: SqlSession,
  ) {
    this.#file = resolve(directory, from.path);
    const inside = relative(directory, this.#file);
    this.#shown = inside.startsWith("..") || isAbsolute(inside) ? this.#file : inside.split(sep).join("/");
    this.address = from.table === undefined ? `${from.path} (query)` : `${from.path}: ${from.table}`;
  }

  async schema(): Promise<SourceSchema> {
    const { types } = await this.#relation();
    return { columns: [...types].map(([name, type]) => columnOf(name, type, false)), ignoredFiles: 0 };
  }

  async everyColumn(): Promise<readonly SourceColumn[]> {
    return (await this.schema()).columns;
  }

  async scan(request: ScanRequest): Promise<SourceRelation> {
    const relation = await this.#relation();
    const asked = [...request.columns, ...request.instants, ...(request.range ? [request.range.time] : [])];
    for (const { source } of asked)
      if (!relation.types.has(source))
        throw refuse(
          sourceProblem("unknown-column", {
            address: this.address,
            column: source,
            nearest: nearest(source, [...relation.types.keys()]),
          }),
        );
    // A query may be expensive, and its order is its own.
    return { sql: castRelation(relation, request), costly: this.from.query !== undefined };
  }

  async identity(request: { readonly time?: SourceTime; readonly before?: bigint }): Promise<SourceIdentity> {
    const files = this.#identities();
    if (request.time && request.before !== undefined) {
      const first = await this.#range(request.time, files);
      if (first === "empty" || first[0] >= request.before) return { files: [] };
    }
    return { files };
  }

  async diagnose(request: ScanRequest): Promise<Problem | undefined> {
    try {
      const misfit = await firstMisfit(this.session, await this.#relation(), request);
      return (
        misfit &&
        sourceProblem(
          "value-does-not-fit",
          { column: misfit.column, dtype: misfit.dtype, value: misfit.value, where: this.#rowName(misfit.row) },
          { file: this.#shown },
        )
      );
    } catch (error) {
      if (error instanceof DaedalusError) return error.problems[0];
      return this.#unreadable(error);
    }
  }

  async firstNullInstant(time: SourceTime): Promise<Problem | undefined> {
    const bad = await firstBadInstant(this.session, await this.#relation(), time);
    if (!bad) return undefined;
    const where = this.#rowName(bad.row);
    return bad.value === undefined
      ? sourceProblem("null-time", { column: time.source, where }, { file: this.#shown })
      : sourceProblem("time-does-not-fit", { column: time.source, value: bad.value, where }, { file: this.#shown });
  }

  async rowsByDay(
    time: SourceTime,
    range: { readonly from?: bigint; readonly to?: bigint },
  ): Promise<ReadonlyMap<Day, number>> {
    return rowsByDay(this.session, [await this.#relation()], time, range);
  }

  async pin(): Promise<Source> {
    await this.#relation();
    return this;
  }

  #rowName(row: bigint): string {
    return `row ${row + 1n} of ${this.from.table ?? "the query"}`;
  }

  #unreadable(error: unknown): Problem {
    return sourceProblem(
      "unreadable-database",
      { address: this.#shown, reason: reasonOf(error) },
      { file: this.#shown },
    );
  }

  /** The database and its write-ahead log, if it has one. */
  #identities(): FileIdentity[] {
    return [this.#file, `${this.#file}.wal`].flatMap((path, index) => {
      let stats: BigIntStats | undefined;
      try {
        stats = statSync(path, { bigint: true, throwIfNoEntry: false });
      } catch (error) {
        throw new DaedalusError([this.#unreadable(error)], 1, { cause: error });
      }
      if (!stats && index === 0) throw refuse(sourceProblem("no-such-file", { address: this.from.path }));
      const shown = index === 0 ? this.#shown : `${this.#shown}.wal`;
      return stats ? [{ path: shown, size: Number(stats.size), modified: stats.mtimeNs.toString() }] : [];
    });
  }

  async #range(time: SourceTime, files: readonly FileIdentity[]): Promise<readonly [bigint, bigint] | "empty"> {
    const key = JSON.stringify([this.#file, this.from.table ?? null, this.from.query ?? null, time, files]);
    const known = ranges.get(key);
    if (known) return known;
    const found = (await instantRanges(this.session, [await this.#relation()], time)).get(this.#shown) ?? "empty";
    ranges.set(key, found);
    return found;
  }

  async #relation(): Promise<DuckDbRelation> {
    await installReading(this.session);
    this.#identities();
    const database = await this.#attach();
    const relation =
      this.from.query === undefined
        ? this.#table(database, this.from.table ?? "")
        : // A comment ends with its line; a statement's end is none of an expression's.
          `(${(await this.#qualified(database, this.from.query)).replace(/;\s*$/, "")}\n)`;
    try {
      const rows = await this.session.query(`DESCRIBE SELECT * FROM ${relation}`);
      const types = new Map(rows.map((row) => [String(row["column_name"]), String(row["column_type"])]));
      return new DuckDbRelation(this.#shown, relation, types);
    } catch (error) {
      throw await this.#refusal(database, error);
    }
  }

  async #refusal(database: string, error: unknown): Promise<DaedalusError> {
    const { table } = this.from;
    if (table === undefined)
      return refuse(sourceProblem("bad-query", { address: this.#shown, reason: reasonOf(error) }), error);
    return refuse(this.#unknownTable(table, await this.#tables(database)), error);
  }

  async #attach(): Promise<string> {
    const names = attached.get(this.session) ?? new Map<string, Promise<string>>();
    attached.set(this.session, names);
    const known = names.get(this.#file);
    if (known) return known;
    attachments++;
    const name = `source_${attachments}`;
    const done = this.session.run(`ATTACH ${text(this.#file)} AS ${identifier(name)} (TYPE duckdb, READ_ONLY)`).then(
      () => name,
      (error: unknown) => {
        names.delete(this.#file);
        throw new DaedalusError([this.#unreadable(error)], 1, { cause: error });
      },
    );
    names.set(this.#file, done);
    return done;
  }

  #table(database: string, table: string): string {
    return [database, ...table.split(".")].map(identifier).join(".");
  }

  /**
   * The query with each of its tables named in full, since the session's own catalog stays the default: DuckDB's parser says
   * where they stand. Names of common table expressions stay.
   */
  async #qualified(database: string, query: string): Promise<string> {
    const statement = query.trim().replace(/;\s*$/, "");
    const [row] = await this.session.query(`SELECT CAST(json_serialize_sql(${text(statement)}) AS VARCHAR) AS tree`);
    const { statements, ...tree } = parseTree(String(row?.["tree"]));
    if (tree["error"] === true || !Array.isArray(statements) || statements.length !== 1) {
      const reason = String(tree["error_message"] ?? "it is not one statement");
      throw refuse(sourceProblem("bad-query", { address: this.#shown, reason }));
    }
    const { tables, refused } = readsOfQuery(statements, await functionsOf(this.session));
    if (refused !== undefined) throw refuse(sourceProblem("query-refused", { address: this.#shown, what: refused }));
    const known = await this.#tables(database);
    for (const { schema, table } of tables)
      if (!known.some((one) => sameName(one.table, table) && (schema === "" || sameName(one.schema, schema))))
        throw refuse(this.#unknownTable(schema === "" ? table : `${schema}.${table}`, known));
    const bytes = Buffer.from(statement, "utf8");
    const parts: Buffer[] = [];
    let from = 0;
    for (const place of [...new Set(tables.map((one) => one.place))].sort((a, b) => a - b)) {
      parts.push(bytes.subarray(from, place), Buffer.from(`${identifier(database)}.`));
      from = place;
    }
    return Buffer.concat([...parts, bytes.subarray(from)]).toString("utf8");
  }

  /** The database's own tables and views. */
  async #tables(database: string): Promise<readonly { readonly schema: string; readonly table: string }[]> {
    const rows = await this.session.query(
      `SELECT table_schema AS schema, table_name AS name FROM information_schema.tables WHERE table_catalog = ${text(database)}`,
    );
    return rows.map((row) => ({ schema: String(row["schema"]), table: String(row["name"]) }));
  }

  #unknownTable(table: string, known: readonly { readonly table: string }[]): Problem {
    const near = nearest(
      table,
      known.map((one) => one.table),
    );
    return sourceProblem("unknown-table", { address: this.#shown, table, nearest: near });
  }
}

class DuckDbRelation implements RawRelation {
  constructor(
    readonly shown: string,
    readonly relation: string,
    readonly types: ReadonlyMap<string, string>,
  ) {}

  typeOf(source: string): string | undefined {
    return this.types.get(source);
  }

  select(sources: readonly string[], provenance: boolean): string {
    const asked = sources.map((source, index) => `${identifier(source)} AS c${index}`);
    const place = provenance ? [`${text(this.shown)} AS "@file"`, 'row_number() OVER () - 1 AS "@row"'] : [];
    return `SELECT ${[...asked, ...place].join(", ") || "1"} FROM ${this.relation}`;
  }
}

/** Names of SQL do not tell case apart. */
function sameName(left: string, right: string): boolean {
  return left.toLowerCase() === right.toLowerCase();
}

function refuse(problem: Problem, cause?: unknown): DaedalusError {
  return new DaedalusError([problem], 2, cause === undefined ? undefined : { cause });
}
