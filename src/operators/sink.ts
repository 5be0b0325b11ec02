import type { ColumnName, Operator, RelationName } from "./operator.js";

/** Writes a day: rows in a total order, cut into parts, compressed; made visible at once. */
export interface Sink extends Operator {
  readonly kind: "sink";
  readonly inputs: readonly [RelationName];
  /** Event time first, then the key columns, then the rest; in the order of values. */
  readonly orderBy: readonly ColumnName[];
  readonly partRows: bigint;
  readonly format: "parquet";
  readonly compression: "zstd";
}
