import type { Instant } from "../columnar/instants.js";
import { aColumn, aKeyPair, anEngine, anInstant, columnNames } from "./forms.js";
import type { Column, ColumnName, KeyPair, Operator, RelationName } from "./operator.js";
import { operatorKind } from "./operator-kind.js";
import { inputOf, requireColumns, withColumns } from "./schema.js";
import { aText, listOf, mapOf, oneOf, optional, pairOf } from "./yaml-form.js";

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

export const join = operatorKind<Join>({
  kind: "join",
  canRunOn: ["sql"],
  fields: {
    kind: oneOf("join"),
    name: aText,
    engine: anEngine,
    inputs: pairOf(aText, aText),
    output: aText,
    how: oneOf("left"),
    on: listOf(aKeyPair),
    latest: optional(mapOf({ time: anInstant, ties: columnNames })),
    columns: listOf(aColumn),
  },
  schema: (self, inputs) => {
    const left = inputOf(self, inputs, 0);
    const right = inputOf(self, inputs, 1);
    requireColumns(
      self,
      left,
      self.on.map((pair) => pair.left),
    );
    requireColumns(self, right, [
      ...self.on.map((pair) => pair.right),
      ...self.columns,
      ...(self.latest === undefined ? [] : [self.latest.time.column, ...self.latest.ties]),
    ]);
    return withColumns(left, self.columns);
  },
});
