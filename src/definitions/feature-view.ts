import type { DType } from "../columnar/dtypes.js";
import type { Duration } from "../columnar/instants.js";

/** `feature_views/*.yaml`: a source relation with an entity and a timestamp. */
export interface FeatureView {
  readonly name: string;
  readonly entity: readonly string[];
  readonly description?: string;
  readonly ttl?: Duration;
  readonly source: ViewSource;
  /** source column → canonical column */
  readonly fieldMapping: Readonly<Record<string, string>>;
  readonly fields: readonly Field[];
}

export interface Field {
  readonly name: string;
  readonly dtype: DType;
  readonly description?: string;
}

/** `source:`; column names here are the source's own. */
export interface ViewSource {
  readonly path?: string;
  readonly connection?: string;
  readonly table?: string;
  readonly query?: string;
  readonly databasePath?: string;
  readonly timestampField?: string;
  readonly timestampUnit?: "s" | "ms" | "us" | "ns";
  readonly availableField?: string;
}
