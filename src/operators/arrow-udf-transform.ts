import type { Column, ColumnName, Operator, RelationName } from "./operator.js";

/** A vectorised function over materialised columns; rows and their order stay. */
export interface ArrowUdfTransform extends Operator {
  readonly kind: "arrow_udf_transform";
  readonly inputs: readonly [RelationName];
  /** The name under which the function is registered. */
  readonly function: string;
  readonly arguments: readonly ColumnName[];
  readonly column: Column;
}
