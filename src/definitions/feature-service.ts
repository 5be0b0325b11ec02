import type { DType } from "../columnar/dtypes.js";
import type { Literal } from "./literal.js";

export const COLUMN_KINDS = ["key", "spine", "static", "derived", "rolling", "lookup", "embedding"] as const;
export type ColumnKind = (typeof COLUMN_KINDS)[number];

/** `feature_services/*.yaml`: the column-level contract that a training set fulfils. */
export interface FeatureService {
  readonly name: string;
  readonly version: string;
  readonly owner?: string;
  readonly description?: string;
  readonly spine: string;
  readonly columns: readonly ServiceColumn[];
}

export interface ServiceColumn {
  readonly name: string;
  readonly kind: ColumnKind;
  readonly dtype: DType;
  /** Column reference of a `spine` or `static` column that is called otherwise at its origin. */
  readonly column?: string;
  readonly nullable: boolean;
  /** Absent and `null` differ: a default of NULL is one. */
  readonly default?: Literal;
}
