import type { DType } from "../columnar/dtypes.js";
import type { Day, TimeUnit } from "../columnar/instants.js";
import type { Problem } from "../errors/problem.js";

/**
 * A relation outside, read only. Reading is lazy: `scan` gives a SQL relation that DuckDB pulls from, with the columns and
 * the time range pushed down as far as the source can.
 */
export interface Source {
  /** As it may be printed: no secrets. */
  readonly address: string;
  /** The source's columns, without reading rows (footers, header lines). Throws DaedalusError `source/…`, exit code 2 or 1. */
  schema(): Promise<SourceSchema>;
  /** The columns with those that `schema` cannot know without reading rows (NDJSON). */
  everyColumn(): Promise<readonly SourceColumn[]>;
  /** What could hold rows with an instant before `before` (exclusive, microseconds); absent: everything. */
  identity(request: { readonly time?: SourceTime; readonly before?: bigint }): Promise<SourceIdentity>;
  /** A relation `SELECT …` with exactly the requested columns and instants, every value of its dtype or the query fails. */
  scan(request: ScanRequest): Promise<SourceRelation>;
  /**
   * After a query over a scan failed: looks for the value that its dtype cannot hold, or a file that cannot be read, and
   * tells file, row, column and value. Undefined if the source is not the cause.
   */
  diagnose(request: ScanRequest): Promise<Problem | undefined>;
  /**
   * The first row whose event time is NULL or no instant of 64 bits of microseconds, in all of the source, as a problem with
   * file and row; footer statistics that prove that there is none suffice.
   */
  firstNullInstant(time: SourceTime): Promise<Problem | undefined>;
  /** The UTC days that have rows with `from <= instant < to` (microseconds; either may be absent), ascending, and how many. */
  rowsByDay(
    time: SourceTime,
    range: { readonly from?: bigint; readonly to?: bigint },
  ): Promise<ReadonlyMap<Day, number>>;
  /** The source as it is now, for a run that must not see later changes (a snapshot id; files: the list of files). */
  pin(): Promise<Source>;
}

export interface SourceSchema {
  readonly columns: readonly SourceColumn[];
  /** Files of a folder that are not read (other endings, names that begin with `_` or `.`). */
  readonly ignoredFiles: number;
  /**
   * True if columns beyond `columns` may exist that cannot be known without reading rows (NDJSON): any name is accepted, it
   * is text (`text: true` below) and must be declared in `fields`; where a row lacks it, it is NULL.
   */
  readonly open?: true;
}

export interface SourceColumn {
  readonly name: string;
  /** The engine's own name of the type, for messages: `UBIGINT`, `TIMESTAMP_NS`, `VARCHAR`. */
  readonly type: string;
  /** The dtype that holds it when the view declares none; absent: no dtype does, or (text sources) it must be declared. */
  readonly dtype?: DType;
  /** True for CSV and NDJSON columns and Hive folders: text that is parsed as the declared dtype. */
  readonly text: boolean;
  /** For time columns: the unit that the type itself carries (`timestamp`, `timestamp_ns`, `date`); absent for integers. */
  readonly timeUnit?: TimeUnit;
  /** True for nanoseconds with a time zone: they are read as microseconds. */
  readonly cut?: true;
  /** The types that files hold it in, where no one type holds them all: each file is read by its own. */
  readonly mixed?: readonly string[];
  /** Its own name, where the reader calls it otherwise: it differs from another's by case only. */
  readonly renamed?: string;
}

export interface SourceTime {
  readonly source: string;
  readonly unit: TimeUnit;
}

export interface SourceIdentity {
  /** Sorted; equal identities mean equal rows. */
  readonly files: readonly FileIdentity[];
}

export interface FileIdentity {
  /** Relative to the project where it lies inside it. */
  readonly path: string;
  readonly size: number;
  /** Nanoseconds since the epoch, as text. */
  readonly modified: string;
  /** SHA-256 of the Parquet footer; absent for other formats. */
  readonly footer?: string;
  /** The file's own time range in microseconds (footer or `dt=` folder), [min, max]; absent: unknown. */
  readonly range?: readonly [string, string];
}

export interface ScanRequest {
  readonly columns: readonly { readonly name: string; readonly source: string; readonly dtype: DType }[];
  readonly instants: readonly { readonly name: string; readonly source: string; readonly unit: TimeUnit }[];
  /** Rows with `from <= instant < to` (microseconds; either bound may be absent); rows without an instant are left out. */
  readonly range?: { readonly time: SourceTime; readonly from?: bigint; readonly to?: bigint };
  /** Adds `@file` TEXT and `@row` BIGINT (from 0, in the file). */
  readonly provenance?: boolean;
}

export interface SourceRelation {
  readonly sql: string;
  /** True if reading it twice costs much more than once (text formats): worth materialising. */
  readonly costly: boolean;
}
