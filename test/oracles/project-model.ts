import type { Dtype, Value } from "./values.js";

/** A project as plain objects with the keys of the YAML (chapter 7), and the tables that its views read. */
export interface ProjectModel {
  readonly name: string;
  readonly paths?: Readonly<Record<string, string>>;
  readonly base?: {
    readonly entities?: Readonly<Record<string, string>>;
    readonly constants?: Readonly<Record<string, Value>>;
    readonly connections?: Readonly<Record<string, Readonly<Record<string, Value>>>>;
  };
  readonly views: readonly ViewModel[];
  readonly services: readonly ServiceModel[];
  readonly aggregations?: AggregationsModel;
  readonly runtime: RuntimeModel;
}

export interface ViewModel {
  readonly name: string;
  readonly entity: string | readonly string[];
  readonly description?: string;
  readonly ttl?: string;
  readonly source: {
    readonly path?: string;
    readonly database_path?: string;
    readonly table?: string;
    readonly query?: string;
    readonly timestamp_field?: string;
    readonly timestamp_unit?: "s" | "ms" | "us" | "ns";
    readonly available_field?: string;
  };
  readonly field_mapping?: Readonly<Record<string, string>>;
  readonly fields: readonly FieldModel[];
}

export interface FieldModel {
  readonly name: string;
  readonly dtype: string;
  readonly description?: string;
}

export type Kind = "key" | "spine" | "static" | "derived" | "rolling" | "lookup" | "embedding";

export interface ColumnModel {
  readonly name: string;
  readonly kind: Kind;
  readonly dtype: string;
  readonly column?: string;
  readonly nullable?: boolean;
  readonly default?: Value;
}

export interface ServiceModel {
  readonly name: string;
  readonly version: string;
  readonly owner?: string;
  readonly description?: string;
  readonly spine: string;
  readonly columns: readonly ColumnModel[];
}

export type Aggregate = "list" | "count" | "count_distinct" | "sum" | "mean" | "min" | "max" | "last";

export interface SpecModel {
  readonly name: string;
  readonly agg: Aggregate;
  readonly view?: string;
  readonly source_column?: string;
  readonly partition_by?: string | readonly string[];
  readonly match?: Readonly<Record<string, string>>;
  readonly where?: string;
  readonly timestamp?: string;
  readonly windows: readonly string[];
  readonly events?: readonly Value[];
  readonly exclude_self?: boolean | string;
  readonly flatten_distinct?: boolean;
  readonly max_length?: number | string;
}

export interface AggregationsModel {
  readonly aggregation_specs?: readonly SpecModel[];
  readonly embedding_stores?: Readonly<Record<string, Readonly<Record<string, Value>>>>;
  readonly enrichment_specs?: readonly { name: string; store: string; ids: string; pool?: "mean" }[];
}

export interface LookupModel {
  readonly name: string;
  readonly view: string;
  readonly match?: Readonly<Record<string, string>>;
  readonly value: string;
  readonly where?: string;
  readonly timestamp?: string;
  readonly collect?: boolean;
  readonly window?: string;
  readonly distinct?: boolean;
  readonly max_length?: number | string;
}

export type OutputColumnModel =
  | string
  | { readonly name: string; readonly default?: Value; readonly default_sql?: string };

export interface RuntimeModel {
  readonly feed_start?: string;
  readonly feed_end?: string;
  readonly entity_spine_chunk_rows?: number;
  readonly day_workers?: number;
  readonly output_root?: string;
  readonly compute?: {
    readonly engine?: string;
    readonly pit_engine?: string;
    readonly task_attempts?: number;
    readonly duckdb_config?: Readonly<Record<string, Value>>;
  };
  readonly feature_refs?: readonly (string | { readonly view: string; readonly as_of?: "latest" | "event" })[];
  readonly spine?: { readonly event?: string; readonly session?: string };
  readonly embedding_coverage_filter?: false | Readonly<Record<string, Value>>;
  readonly session_filter?: {
    readonly view_events: readonly Value[];
    readonly like_events?: readonly Value[];
    readonly drop_view_only?: boolean;
    readonly drop_single_like?: boolean;
  };
  readonly lookups?: readonly LookupModel[];
  readonly age_columns?: readonly { name: string; created: string; unit: "s" | "m" | "h" | "d" | "w" }[];
  readonly curation?: readonly { column: string; value: Value; where: string }[];
  readonly content_filter?: readonly { drop_where: string }[];
  readonly retriever_remap?: {
    readonly column: string;
    readonly map: readonly (readonly [Value, Value])[];
    readonly otherwise?: Value;
  };
  readonly output_columns?: readonly OutputColumnModel[];
  readonly services?: Readonly<Record<string, Readonly<Partial<RuntimeModel>> | Readonly<Record<string, null>>>>;
}

/** What a file holds: the type as its format stores it. */
export type Physical = Dtype | "TIMESTAMP_NS" | "TIMESTAMPTZ";

export interface SourceTable {
  /** In the source's own names. */
  readonly columns: readonly { readonly name: string; readonly type: Physical }[];
  readonly rows: readonly Readonly<Record<string, Value>>[];
  /** `csv`: the empty text is NULL. */
  readonly format?: "parquet" | "csv" | "ndjson" | "duckdb";
}

/** The tables by view name. */
export type Tables = Readonly<Record<string, SourceTable>>;
