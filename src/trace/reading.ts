import type { DType } from "../columnar/dtypes.js";
import type { StoreDefinition } from "../embeddings/lance-store.js";
import type { SqlSession } from "../engines/sql/session.js";
import { identifier } from "../engines/sql/text.js";
import { DaedalusError } from "../errors/problem.js";
import type { ColumnName, Schema } from "../operators/operator.js";
import type { Pipeline } from "../operators/pipeline.js";
import type { Scan } from "../operators/scan.js";
import type { ScanRequest, Source } from "../sources/source.js";
import type { UdfBundle } from "../udfs/bundle-udfs.js";
import { loadUdfs } from "../udfs/load-udfs.js";
import type { Udf } from "../udfs/udf.js";
import type { Row } from "./row.js";
import { StoreReading } from "./store-reading.js";

/** What the interpreter reads from. */
export interface ReadingOptions {
  readonly pipeline: Pipeline;
  /** By view name; opened on `session`. */
  readonly sources: ReadonlyMap<string, Source>;
  readonly session: SqlSession;
  /** The embedding stores that the pipeline asks, by name. */
  readonly stores: ReadonlyMap<string, StoreDefinition>;
  /** The functions of the project's own, if the pipeline calls some. */
  readonly udfs?: UdfBundle | undefined;
  /** The run's `qid_map.parquet`, if there is one. */
  readonly qidMap?: string;
  /** Columns that are read beside those that the pipeline scans: by view. */
  readonly more?: ReadonlyMap<string, Scan["columns"]>;
  /** Whether rows tell where they stand in their source. */
  readonly places: boolean;
  /** Told of every row that is read. */
  readonly onRead?: (view: string, row: Row) => void;
}

/** Rows that are read for one question at most. */
export const MOST_ROWS_READ = 200_000;

/** Thrown where a question needs more rows than are read at once; whoever asks for many rows asks for fewer, then gives up. */
export class TooManyRows extends Error {
  override readonly name = "TooManyRows";
}

/** A view with every column that some scan of the pipeline reads, as one SQL relation; text sources are parsed once. */
interface ReadableView {
  readonly request: ScanRequest;
  /** A FROM item. */
  readonly sql: string;
}

let tables = 0;

/** The sources of a pipeline, each read through one relation. */
export class Reading {
  readonly pipeline: Pipeline;
  readonly session: SqlSession;
  readonly qidMap: string | undefined;
  readonly places: boolean;
  /** Whether embedding columns are filled; else they are as in a skeleton. Whoever compares with a day says so before. */
  enriched = false;
  readonly #stores = new Map<string, StoreReading>();
  readonly #options: ReadingOptions;
  readonly #views = new Map<string, Promise<ReadableView>>();
  readonly #tables: string[] = [];

  constructor(options: ReadingOptions) {
    this.pipeline = options.pipeline;
    this.session = options.session;
    this.qidMap = options.qidMap;
    this.places = options.places;
    this.#options = options;
  }

  wasRead(view: string, rows: readonly Row[]): void {
    const { onRead } = this.#options;
    if (onRead !== undefined) for (const row of rows) onRead(view, row);
  }

  store(name: string): StoreReading {
    const known = this.#stores.get(name);
    if (known !== undefined) return known;
    const definition = this.#options.stores.get(name);
    if (definition === undefined) throw new RangeError(`no definition of embedding store "${name}"`);
    const store = new StoreReading(definition);
    this.#stores.set(name, store);
    return store;
  }

  async udf(name: string): Promise<Udf> {
    const { udfs } = this.#options;
    const udf = udfs === undefined ? undefined : (await loadUdfs(udfs)).get(name);
    if (udf === undefined) throw new RangeError(`no function "${name}"`);
    return udf;
  }

  /** Columns of a view that are read beside those of its scans. */
  more(view: string): Scan["columns"] {
    return this.#options.more?.get(view) ?? [];
  }

  /** The answer of `SELECT <terms> FROM <the view> r <clauses>`; terms name the pipeline's columns of any scan of the view. */
  async select(
    view: string,
    terms: readonly string[],
    clauses: string,
  ): Promise<readonly Readonly<Record<string, unknown>>[]> {
    const { sql, request } = await this.#view(view);
    try {
      return await this.session.query(`SELECT ${terms.join(", ")} FROM ${sql} r ${clauses}`);
    } catch (error) {
      const problem = await this.#options.sources.get(view)?.diagnose(request);
      throw problem === undefined ? error : new DaedalusError([problem], 1, { cause: error });
    }
  }

  async close(): Promise<void> {
    for (const table of this.#tables.splice(0)) await this.session.run(`DROP TABLE IF EXISTS ${table}`);
    this.#views.clear();
  }

  #view(name: string): Promise<ReadableView> {
    const known = this.#views.get(name) ?? this.#open(name);
    this.#views.set(name, known);
    return known;
  }

  async #open(name: string): Promise<ReadableView> {
    const source = this.#options.sources.get(name);
    if (source === undefined) throw new RangeError(`no source for view "${name}"`);
    const columns = new Map(this.more(name).map((column) => [column.name, column]));
    const instants = new Map<ColumnName, Scan["instants"][number]>();
    for (const operator of this.pipeline.operators) {
      if (operator.kind !== "scan" || operator.view !== name) continue;
      for (const column of operator.columns) columns.set(column.name, column);
      for (const instant of operator.instants) instants.set(instant.name, instant);
    }
    const request: ScanRequest = {
      columns: [...columns.values()],
      instants: [...instants.values()],
      ...(this.places ? { provenance: true } : {}),
    };
    const relation = await source.scan(request);
    if (!relation.costly) return { request, sql: `(${relation.sql})` };
    tables += 1;
    const table = identifier(`trace_${tables}`);
    try {
      await this.session.run(`CREATE TEMP TABLE ${table} AS ${relation.sql}`);
    } catch (error) {
      const problem = await source.diagnose(request);
      throw problem === undefined ? error : new DaedalusError([problem], 1, { cause: error });
    }
    this.#tables.push(table);
    return { request, sql: table };
  }
}

/** The columns and instants of a scan, with their dtypes. */
export function scanSchema(scan: Scan): Schema {
  return [
    ...scan.columns.map(({ name, dtype }) => ({ name, dtype })),
    ...scan.instants.map(({ name }) => ({ name, dtype: "BIGINT" as DType })),
  ];
}
