import type { Column, ColumnName, Operator, RelationName } from "./operator.js";

/** Embedding columns from a vector store: the vector of an id, or the mean of the vectors of a list of ids. */
export interface RayUdfTransform extends Operator {
  readonly kind: "ray_udf_transform";
  readonly inputs: readonly [RelationName];
  readonly store: {
    readonly name: string;
    readonly uri: string;
    readonly key: string;
    readonly vector: string;
    readonly dim: bigint;
  };
  readonly columns: readonly (Column & { readonly ids: ColumnName; readonly pool?: "mean" })[];
}
