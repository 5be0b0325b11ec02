import type { Duration } from "../columnar/instants.js";
import type { Literal } from "./literal.js";

export const AGGREGATES = ["list", "count", "count_distinct", "sum", "mean", "min", "max", "last"] as const;
export type Aggregate = (typeof AGGREGATES)[number];

/** A duration, or `all`: the whole source before the row. */
export type Window = Duration | "all";

/** `config/training/aggregations.yaml` */
export interface Aggregations {
  readonly aggregationSpecs: readonly AggregationSpec[];
  readonly embeddingStores: Readonly<Record<string, EmbeddingStore>>;
  readonly enrichmentSpecs: readonly EnrichmentSpec[];
}

export interface AggregationSpec {
  readonly name: string;
  readonly agg: Aggregate;
  readonly view?: string;
  readonly sourceColumn?: string;
  readonly partitionBy?: readonly string[];
  /** view column → spine column */
  readonly match?: Readonly<Record<string, string>>;
  readonly where?: string;
  readonly timestamp?: string;
  readonly windows: readonly Window[];
  readonly events?: readonly Literal[];
  readonly excludeSelf: boolean | string;
  readonly flattenDistinct: boolean;
  readonly maxLength?: bigint;
}

export interface EmbeddingStore {
  readonly uri: string;
  readonly key: string;
  readonly vector: string;
  readonly dim: bigint;
}

export interface EnrichmentSpec {
  readonly name: string;
  readonly store: string;
  readonly ids: string;
  readonly pool?: "mean";
}
