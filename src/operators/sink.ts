import { anEngine, columnNames } from "./forms.js";
import type { ColumnName, Operator, RelationName } from "./operator.js";
import { operatorKind } from "./operator-kind.js";
import { inputOf } from "./schema.js";
import { anInteger, aText, oneOf, singleOf } from "./yaml-form.js";

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

export const sink = operatorKind<Sink>({
  kind: "sink",
  canRunOn: ["sql"],
  fields: {
    kind: oneOf("sink"),
    name: aText,
    engine: anEngine,
    inputs: singleOf(aText),
    output: aText,
    orderBy: columnNames,
    partRows: anInteger,
    format: oneOf("parquet"),
    compression: oneOf("zstd"),
  },
  // The first column of the order is the spine's instant, which the rows carry although the contract need not have it.
  schema: (self, inputs) => inputOf(self, inputs, 0),
});
