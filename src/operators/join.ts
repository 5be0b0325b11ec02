import type { Instant } from "../columnar/instants.js";
import type { Column, ColumnName, KeyPair, Operator, RelationName } from "./operator.js";

/**
 * A plain LEFT equi-join of a feature view. Of several right rows of a key the latest by `latest.time` is joined, whenever
 * that was (rows without an instant are older than all others); among equal times the largest by `latest.ties` in order.
 * Without `latest` the keys must be unique: a second row of a key stops the run.
 */
export interface Join extends Operator {
  readonly kind: "join";
  readonly inputs: readonly [left: RelationName, right: RelationName];
  readonly how: "left";
  readonly on: readonly KeyPair[];
  readonly latest?: { readonly time: Instant; readonly ties: readonly ColumnName[] };
  /** The right columns that the output has beside the left ones. */
  readonly columns: readonly Column[];
}
