import type { DType } from "../columnar/dtypes.js";
import type { Day } from "../columnar/instants.js";
import type { Analysis } from "../compiler/explain/analysis.js";
import type { KernelPlan } from "../engines/sql/plan.js";
import type { SqlSession } from "../engines/sql/session.js";
import type { Place } from "../errors/catalogue.js";
import type { Pipeline } from "../operators/pipeline.js";
import type { Source } from "../sources/source.js";

/** Target days of one service that are worked on together; what is written of each does not depend on the others. */
export interface DaysRequest {
  readonly pipeline: Pipeline;
  /** Ascending. */
  readonly days: readonly {
    readonly day: Day;
    /** Existing empty folder that receives `part-N-0.parquet`. */
    readonly staging: string;
  }[];
  /** More spans follow: the history of this one is kept for them. */
  readonly keepHistory?: boolean;
  /** The first and the last day of all that the session is given; absent: there are no others. */
  readonly ofRun?: { readonly from: Day; readonly to: Day };
  /** Where the users' rules stand, for errors. */
  readonly rules?: readonly WrittenRule[];
  /** The committed `qid_map.parquet`, if the pipeline has a session. */
  readonly qidMap?: string;
  /** A file to which workers that take a share of the work append when they began and how they ended. */
  readonly log?: string;
}

/** A predicate of the user's with its place in the YAML; `operator`: of the one that evaluates it, if only that is meant. */
export interface WrittenRule {
  readonly text: string;
  readonly operator?: string;
  readonly place: Place;
}

/** One day, run to be looked at. */
export interface AnalysisRequest {
  readonly pipeline: Pipeline;
  readonly day: Day;
  /** Existing empty folder that receives the parts; whoever asks removes it. */
  readonly staging: string;
  /** A file for the engine's own notes. */
  readonly profile: string;
  readonly qidMap?: string;
}

/** What a day's worker keeps between days: its DuckDB instance and the sources (already pinned), by view name. */
export interface DaySession {
  /** `written` is called for each day when its parts are complete, in order. */
  run(request: DaysRequest, written: (day: Day, result: DayResult) => void): Promise<void>;
  /** Runs a day alone and tells of each operator what it did. */
  analyze(request: AnalysisRequest): Promise<Analysis>;
  /** Stops the running days; their promise rejects. */
  interrupt(): void;
  close(): void;
}

/**
 * Some of the keys of a rolling aggregate, for a worker: rows and history lie in files, the answers are to be written into one.
 */
export interface RollingPart {
  readonly kernel: KernelPlan;
  /** `SELECT` of the history, as the kernel's own. */
  readonly history: string;
  /** `SELECT` of the rows: `@row`, then the kernel's arguments `a0`, `a1`, … */
  readonly rows: string;
  /** The file of the answers: `@row`, `@answer`. */
  readonly output: string;
  readonly duckdbConfig: Readonly<Record<string, string>>;
}

/** What asks rolling aggregates of the tag `pythonic`. */
export interface RollingWorkers {
  /** Parts at a time. */
  readonly count: number;
  /** Rejects with what the first part that failed says. `log`: of the days that the parts belong to. */
  run(parts: readonly RollingPart[], log: string | undefined): Promise<void>;
  /** Stops the running parts; their promise rejects. */
  interrupt(): void;
  close(): void;
}

/** What became of a part whose embedding columns were filled in. */
export interface EnrichedPart {
  readonly columns: readonly {
    readonly name: string;
    readonly dim: number;
    /** How many are not NULL. */
    readonly values: number;
  }[];
}

/** What a worker keeps between parts: its DuckDB instance, the stores and their vectors. */
export interface EnrichSession {
  /** Writes the part anew, its rows in their order. */
  enrich(input: string, output: string): Promise<EnrichedPart>;
  /** Stops the running part; its promise rejects. */
  interrupt(): void;
  close(): void;
}

export interface DaySessionOptions {
  /** The worker's DuckDB instance, opened with the user's `duckdb_config`; the day session closes it. */
  readonly session: SqlSession;
  /** By view name; opened on the same session, since their relations run in it. */
  readonly sources: ReadonlyMap<string, Source>;
  /** What indexes of histories may take; without: three eighths of the session's memory limit. */
  readonly kernelBytes?: number | undefined;
  readonly rolling: RollingWorkers;
}

/** What a day's manifest says of the data. */
export interface DayResult {
  readonly rows: number;
  /** In order of N. Checksums are the storage's business. */
  readonly parts: readonly { readonly name: string; readonly rows: number }[];
  /** Rows that were read for this day, by scan operator; those that serve several days are told with the first. */
  readonly scanned: Readonly<Record<string, number>>;
  /** Rows of the target day before any filter. */
  readonly targetRows: number;
  /** Rows dropped, by filter operator. */
  readonly dropped: Readonly<Record<string, number>>;
  readonly columns: readonly ColumnStatistics[];
  /** Seconds, by stage of the plan; of what serves several days with the first. */
  readonly seconds: Readonly<Record<string, number>>;
}

export interface ColumnStatistics {
  readonly name: string;
  readonly dtype: DType;
  readonly nulls: number;
  /** As text, in the order of values; absent for lists and for columns without a value. */
  readonly min?: string;
  readonly max?: string;
  /** An estimate, scalars only. */
  readonly distinct?: number;
  /** Lists only. */
  readonly lengths?: { readonly min: number; readonly max: number; readonly mean: number };
}
