import type { DType } from "../columnar/dtypes.js";
import type { Instant } from "../columnar/instants.js";
import type { Aggregate, Window } from "../definitions/aggregations.js";
import type { Literal } from "../definitions/literal.js";
import type { Column, ColumnName, KeyPair, Operator, Predicate, RelationName } from "./operator.js";

/** Which engine runs rolling aggregates, under the tags `sql` and `sql_arrow_udf`. */
export const ROLLING_ENGINES = ["duckdb"] as const;
export type RollingEngine = (typeof ROLLING_ENGINES)[number];

/**
 * Windowed aggregates of a history for every row, strictly before it: history rows of the same keys with
 * `row.time − window <= history.time < row.time`. The output has the input rows, and one column per (spec, window).
 */
export interface RollingAggregate extends Operator {
  readonly kind: "rolling_aggregate";
  readonly inputs: readonly [rows: RelationName, history: RelationName];
  readonly timestampColumn: Instant;
  readonly rollingEngine: RollingEngine;
  readonly specs: readonly RollingSpec[];
}

export interface RollingSpec {
  readonly name: string;
  readonly agg: Aggregate;
  /** The history's column; absent: `count` counts rows. */
  readonly source?: Column;
  /** left: of the rows, right: of the history. Any NULL: no history. */
  readonly on: readonly KeyPair[];
  readonly rightTime: Instant;
  /** Only history rows with `available <= row.time`. */
  readonly availableTime?: Instant;
  readonly events?: { readonly column: ColumnName; readonly values: readonly Literal[] };
  readonly where?: Predicate;
  /** A column of the rows: history values equal to it are dropped (with `flattenDistinct` and a list: each of its elements). */
  readonly excludeSelf?: ColumnName;
  readonly flattenDistinct: boolean;
  readonly maxLength?: bigint;
  /** The declared windows only. */
  readonly outputs: readonly RollingOutput[];
}

export interface RollingOutput {
  readonly name: ColumnName;
  readonly window: Window;
  readonly dtype: DType;
}
