import type { DType } from "../../columnar/dtypes.js";
import type { Duration, DurationUnit, TimeUnit } from "../../columnar/instants.js";
import type { Aggregate, Window } from "../../definitions/aggregations.js";
import type { ColumnKind } from "../../definitions/feature-service.js";
import type { Literal } from "../../definitions/literal.js";
import type { PitEngine, RollingEngine } from "../../definitions/runtime.js";
import type { ColumnName, KeyPair, Predicate } from "../../operators/operator.js";

/** A service whose names are all bound: to views, sources' columns, dtypes, SQL. What `compile` takes; plain data. */
export interface ResolvedService {
  readonly name: string;
  readonly version: string;
  readonly spine: BoundView;
  readonly event?: ColumnName;
  readonly session?: ColumnName;
  /** The `feature_refs` that something names, in their order. */
  readonly refs: readonly BoundRef[];
  /** The contract in `output_columns` order. */
  readonly columns: readonly ResolvedColumn[];
  /** Working columns that rules name barely and the contract does not have. */
  readonly hidden: readonly HiddenColumn[];
  readonly specs: readonly ResolvedSpec[];
  readonly lookups: readonly ResolvedLookup[];
  readonly ages: readonly ResolvedAge[];
  /** Those of the tag `sql_arrow_udf`: over what was joined and computed. */
  readonly udfs: readonly ResolvedUdf[];
  readonly curation: readonly ResolvedCuration[];
  readonly contentFilter: readonly Predicate[];
  readonly remap?: ResolvedRemap;
  readonly sessionFilter?: ResolvedSessionFilter;
  readonly coverage?: ResolvedCoverage;
  readonly enrichments: readonly ResolvedEnrichment[];
  /** Those of the tag `pythonic`: over columns of the contract, embeddings too. */
  readonly enrichingUdfs: readonly ResolvedUdf[];
  readonly partRows: bigint;
  readonly rollingEngine: RollingEngine;
  readonly pitEngine: PitEngine;
  /** Files of the sources' folders that are not read, by view. */
  readonly ignoredFiles: Readonly<Record<string, number>>;
}

export interface BoundView {
  readonly name: string;
  /** Canonical names, as everywhere but in `source`. */
  readonly keys: readonly string[];
  readonly columns: ReadonlyMap<string, BoundColumn>;
  /** Which of several rows of an instant is the largest: key columns, then `fields`. */
  readonly ties: readonly string[];
  readonly time?: BoundTime;
  readonly available?: BoundTime;
  readonly ttl?: Duration;
}

export interface BoundColumn {
  readonly name: string;
  readonly source: string;
  readonly dtype: DType;
  /** The unit of its instants, if it can be a time. */
  readonly unit?: TimeUnit;
  /** Its dtype could not be told; that is a problem of its own, and no check looks at it. */
  readonly unknown?: true;
}

export interface BoundTime {
  readonly column: string;
  readonly source: string;
  readonly unit: TimeUnit;
}

export interface BoundRef {
  readonly view: BoundView;
  readonly asOf: "latest" | "event";
  readonly on: readonly KeyPair[];
}

export interface ResolvedColumn {
  readonly name: string;
  readonly kind: ColumnKind;
  readonly dtype: DType;
  readonly nullable: boolean;
  readonly from: ColumnOrigin;
  /** Of `output_columns`, else of the contract. */
  readonly default?: Literal;
  readonly defaultSql?: string;
}

export type ColumnOrigin =
  | { readonly type: "column"; readonly column: ColumnName }
  /** An integer spine timestamp that the contract declares TIMESTAMP. */
  | { readonly type: "timestamp" }
  | { readonly type: "qid" }
  /** Filled in after the rows are written: an embedding, or what a function makes of some. */
  | { readonly type: "enriched" }
  /** Nothing produces it: its default in every row. */
  | { readonly type: "default" };

export interface HiddenColumn {
  readonly name: string;
  readonly dtype: DType;
  readonly column: ColumnName;
}

export interface ResolvedSpec {
  readonly name: string;
  readonly agg: Aggregate;
  /** Absent: the spine's history. */
  readonly view?: BoundView;
  /** The history's time. */
  readonly time: BoundTime;
  readonly source?: { readonly name: ColumnName; readonly dtype: DType };
  /** left: of the rows, right: of the history */
  readonly on: readonly KeyPair[];
  readonly events?: readonly Literal[];
  readonly where?: Predicate;
  readonly excludeSelf?: ColumnName;
  readonly flattenDistinct: boolean;
  readonly maxLength?: bigint;
  /** Bare names, without `rolling:`. */
  readonly outputs: readonly { readonly name: string; readonly window: Window }[];
  readonly dtype: DType;
}

export interface ResolvedLookup {
  readonly name: string;
  readonly view: BoundView;
  readonly time: BoundTime;
  readonly on: readonly KeyPair[];
  readonly value: { readonly name: ColumnName; readonly dtype: DType };
  readonly where?: Predicate;
  readonly collect?: { readonly window: Window; readonly distinct: boolean; readonly maxLength?: bigint };
  readonly dtype: DType;
}

export interface ResolvedAge {
  readonly name: string;
  readonly view: string;
  readonly created: BoundTime;
  readonly unit: DurationUnit;
}

export interface ResolvedUdf {
  readonly name: string;
  readonly function: string;
  /** SHA-256. */
  readonly bundle: string;
  /** Columns, and what they are converted to. */
  readonly arguments: readonly { readonly name: ColumnName; readonly dtype: DType }[];
  readonly returns: DType;
}

export interface ResolvedCuration {
  readonly column: string;
  readonly dtype: DType;
  readonly value: Literal;
  readonly where: Predicate;
}

export interface ResolvedRemap {
  readonly column: string;
  readonly map: readonly (readonly [from: Literal, to: Literal])[];
  readonly otherwise?: Literal;
}

export interface ResolvedSessionFilter {
  readonly viewEvents: readonly Literal[];
  readonly likeEvents: readonly Literal[];
  readonly dropViewOnly: boolean;
  readonly dropSingleLike: boolean;
}

export interface ResolvedCoverage {
  readonly store: string;
  readonly column: ColumnName;
  readonly events?: readonly Literal[];
  readonly scope: "target_day" | "window";
}

export interface ResolvedEnrichment {
  readonly column: string;
  readonly ids: string;
  readonly pool?: "mean";
  readonly store: {
    readonly name: string;
    readonly uri: string;
    readonly key: string;
    readonly vector: string;
    readonly dim: bigint;
  };
}
