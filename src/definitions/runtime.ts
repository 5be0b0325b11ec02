import type { Duration, DurationUnit } from "../columnar/instants.js";
import type { Literal } from "./literal.js";

/**
 * `config/training/runtime.yaml`. A key that is absent is absent here; `null` in a service's part means "as if absent"
 * and is resolved by `runtimeOf`.
 */
export interface Runtime {
  /** `YYYYMM` */
  readonly feedStart: string;
  readonly feedEnd: string;
  readonly entitySpineChunkRows: bigint;
  readonly dayWorkers: bigint;
  readonly outputRoot: string;
  readonly compute: Compute;
  readonly featureRefs: readonly FeatureRef[];
  readonly spine: SpineRoles;
  readonly embeddingCoverageFilter?: CoverageFilter;
  readonly sessionFilter?: SessionFilter;
  readonly lookups: readonly Lookup[];
  readonly ageColumns: readonly AgeColumn[];
  readonly udfColumns: readonly UdfColumn[];
  readonly curation: readonly CurationRule[];
  readonly contentFilter: readonly ContentRule[];
  readonly retrieverRemap?: RetrieverRemap;
  readonly outputColumns?: readonly OutputColumn[];
}

/** Who runs rolling aggregates, the fastest first; all give the same table. */
export const ROLLING_ENGINES = ["kernel", "duckdb", "polars"] as const;
export type RollingEngine = (typeof ROLLING_ENGINES)[number];
/** Who runs point-in-time joins and lookups, the fastest first. */
export const PIT_ENGINES = ["kernel", "duckdb"] as const;
export type PitEngine = (typeof PIT_ENGINES)[number];

export interface Compute {
  readonly engine: RollingEngine;
  readonly pitEngine: PitEngine;
  /** Passed to every DuckDB instance, as text. */
  readonly duckdbConfig: Readonly<Record<string, string>>;
  /** How long a worker may take for what it is given at a time; absent: as long as it takes. */
  readonly taskTimeout?: Duration;
  /** How often work is tried whose worker dies or is late. */
  readonly taskAttempts: bigint;
  readonly ray?: RaySettings;
}

/** What `--executor ray` takes. */
export interface RaySettings {
  /** An interpreter with Ray; absent: the one that `daeda setup ray` makes. */
  readonly python?: string;
  /** `host:port` of a cluster that this machine is a node of; absent: one is started here for the run. */
  readonly address?: string;
  /** Of a cluster that is started: CPUs that it hands out, bytes of its object store. */
  readonly numCpus?: bigint;
  readonly objectStoreMemory?: number;
  /** What a worker asks of its node. CPUs; default: the threads of `duckdb_config`, or one. Bytes. Custom resources. */
  readonly workerCpus?: bigint;
  readonly workerMemory?: number;
  readonly workerResources?: Readonly<Record<string, bigint>>;
}

export const DEFAULT_TASK_ATTEMPTS = 2n;

export interface FeatureRef {
  readonly view: string;
  readonly asOf: "latest" | "event";
}

export interface SpineRoles {
  readonly event?: string;
  readonly session?: string;
}

export interface CoverageFilter {
  readonly enabled: boolean;
  readonly store?: string;
  readonly column?: string;
  readonly events?: readonly Literal[];
  readonly scope: "target_day" | "window";
}

export interface SessionFilter {
  readonly viewEvents: readonly Literal[];
  readonly likeEvents?: readonly Literal[];
  readonly dropViewOnly: boolean;
  readonly dropSingleLike: boolean;
}

export interface Lookup {
  readonly name: string;
  readonly view: string;
  /** view column → spine column */
  readonly match?: Readonly<Record<string, string>>;
  readonly value: string;
  readonly where?: string;
  readonly timestamp?: string;
  readonly collect: boolean;
  readonly window?: Duration | "all";
  readonly distinct: boolean;
  readonly maxLength?: bigint;
}

export interface AgeColumn {
  readonly name: string;
  readonly created: string;
  readonly unit: DurationUnit;
}

/** Where functions of the user's own run: where the rows are written, or with the embeddings. */
export const UDF_ENGINES = ["sql_arrow_udf", "pythonic"] as const;

/** A column that a function of `project.udfs.ts` computes. */
export interface UdfColumn {
  readonly name: string;
  readonly function: string;
  readonly arguments: readonly string[];
  readonly engine: (typeof UDF_ENGINES)[number];
}

export interface CurationRule {
  readonly column: string;
  readonly value: Literal;
  readonly where: string;
}

export interface ContentRule {
  readonly dropWhere: string;
}

export interface RetrieverRemap {
  readonly column: string;
  readonly map: readonly (readonly [from: Literal, to: Literal])[];
  /** Absent: values that are not in the map stay. */
  readonly otherwise?: Literal;
}

export interface OutputColumn {
  readonly name: string;
  readonly default?: Literal;
  readonly defaultSql?: string;
}
