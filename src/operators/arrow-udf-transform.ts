import { aColumn, anEngine } from "./forms.js";
import type { Column, Operator, RelationName } from "./operator.js";
import { operatorKind } from "./operator-kind.js";
import { inputOf, requireColumns, withColumns } from "./schema.js";
import { aText, listOf, oneOf, singleOf } from "./yaml-form.js";

/** A vectorised function of the user's over materialised columns; rows and their order stay. */
export interface ArrowUdfTransform extends Operator {
  readonly kind: "arrow_udf_transform";
  readonly inputs: readonly [RelationName];
  /** An export of `project.udfs.ts`. */
  readonly function: string;
  /** SHA-256 of the bundle that it is in. */
  readonly bundle: string;
  /** Columns, and what they are converted to. */
  readonly arguments: readonly Column[];
  readonly column: Column;
}

export const arrowUdfTransform = operatorKind<ArrowUdfTransform>({
  kind: "arrow_udf_transform",
  canRunOn: ["sql_arrow_udf", "pythonic"],
  fields: {
    kind: oneOf("arrow_udf_transform"),
    name: aText,
    engine: anEngine,
    inputs: singleOf(aText),
    output: aText,
    function: aText,
    bundle: aText,
    arguments: listOf(aColumn),
    column: aColumn,
  },
  schema: (self, inputs) => {
    const input = inputOf(self, inputs, 0);
    requireColumns(
      self,
      input,
      self.arguments.map(({ name }) => name),
    );
    return withColumns(input, [self.column]);
  },
});
