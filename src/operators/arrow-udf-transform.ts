import { aColumn, anEngine, columnNames } from "./forms.js";
import type { Column, ColumnName, Operator, RelationName } from "./operator.js";
import { operatorKind } from "./operator-kind.js";
import { inputOf, requireColumns, withColumns } from "./schema.js";
import { aText, oneOf, singleOf } from "./yaml-form.js";

/** A vectorised function over materialised columns; rows and their order stay. */
export interface ArrowUdfTransform extends Operator {
  readonly kind: "arrow_udf_transform";
  readonly inputs: readonly [RelationName];
  /** The name under which the function is registered. */
  readonly function: string;
  readonly arguments: readonly ColumnName[];
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
    arguments: columnNames,
    column: aColumn,
  },
  schema: (self, inputs) => {
    const input = inputOf(self, inputs, 0);
    requireColumns(self, input, self.arguments);
    return withColumns(input, [self.column]);
  },
});
