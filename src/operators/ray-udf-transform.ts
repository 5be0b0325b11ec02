import { aDType, anEngine } from "./forms.js";
import type { Column, ColumnName, Operator, RelationName } from "./operator.js";
import { operatorKind } from "./operator-kind.js";
import { inputOf, requireColumns, withColumns } from "./schema.js";
import { anInteger, aText, listOf, mapOf, oneOf, optional, singleOf } from "./yaml-form.js";

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

export const rayUdfTransform = operatorKind<RayUdfTransform>({
  kind: "ray_udf_transform",
  canRunOn: ["pythonic"],
  fields: {
    kind: oneOf("ray_udf_transform"),
    name: aText,
    engine: anEngine,
    inputs: singleOf(aText),
    output: aText,
    store: mapOf({ name: aText, uri: aText, key: aText, vector: aText, dim: anInteger }),
    columns: listOf(mapOf({ name: aText, dtype: aDType, ids: aText, pool: optional(oneOf("mean")) })),
  },
  schema: (self, inputs) => {
    const input = inputOf(self, inputs, 0);
    requireColumns(
      self,
      input,
      self.columns.map(({ ids }) => ids),
    );
    return withColumns(input, self.columns);
  },
});
