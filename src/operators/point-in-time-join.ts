import type { DType } from "../columnar/dtypes.js";
import type { Duration, Instant } from "../columnar/instants.js";
import type { Window } from "../definitions/aggregations.js";
import type { Column, ColumnName, KeyPair, Operator, RelationName } from "./operator.js";

/**
 * The most recent right row with `right.time < left.time` (strict), per key; LEFT. With `availableTime` also
 * `right.available <= left.time` (NULL: never), with `ttl` also `right.time >= left.time − ttl`.
 * Among equal right times: the row largest by `ties` (key columns, then the view's fields), in the order of values.
 * With `collect`: the list of all matching values instead.
 */
export interface PointInTimeJoin extends Operator {
  readonly kind: "pit_join";
  readonly inputs: readonly [left: RelationName, right: RelationName];
  readonly on: readonly KeyPair[];
  readonly leftTime: Instant;
  readonly rightTime: Instant;
  readonly availableTime?: Instant;
  readonly ttl?: Duration;
  readonly ties: readonly ColumnName[];
  /** The right columns that are joined; absent with `collect`. `as`: its name in the output. */
  readonly columns: readonly (Column & { readonly as: ColumnName })[];
  readonly collect?: Collect;
}

/** `agg: list` over the matching right rows: NULLs dropped, oldest first, among equal times by value; `[]` if none. */
export interface Collect {
  readonly value: ColumnName;
  /** The list's dtype. */
  readonly dtype: DType;
  readonly as: ColumnName;
  readonly window: Window;
  /** Each value once, by its latest occurrence. */
  readonly distinct: boolean;
  readonly maxLength?: bigint;
}
