import type { DType } from "../columnar/dtypes.js";
import type { Instant } from "../columnar/instants.js";
import { AGGREGATES, type Aggregate, type Window } from "../definitions/aggregations.js";
import type { Literal } from "../definitions/literal.js";
import { ROLLING_ENGINES, type RollingEngine } from "../definitions/runtime.js";
import { aColumn, aDType, aKeyPair, anEngine, anInstant, aPredicate, aWindow } from "./forms.js";
import type { Column, ColumnName, KeyPair, Operator, Predicate, RelationName } from "./operator.js";
import { operatorKind } from "./operator-kind.js";
import { inputOf, requireColumns, withColumns } from "./schema.js";
import { aBoolean, aLiteral, anInteger, aText, listOf, mapOf, oneOf, optional, pairOf } from "./yaml-form.js";

/**
 * Windowed aggregates of a history for every row, strictly before it: history rows of the same keys with
 * `row.time − window <= history.time < row.time`. The output has the input rows, and one column per (spec, window).
 */
export interface RollingAggregate extends Operator {
  readonly kind: "rolling_aggregate";
  readonly inputs: readonly [rows: RelationName, history: RelationName];
  readonly timestampColumn: Instant;
  readonly rollingEngine: RollingEngine;
  readonly specs: readonly RollingSpec[];
}

export interface RollingSpec {
  readonly name: string;
  readonly agg: Aggregate;
  /** The history's column; absent: `count` counts rows. */
  readonly source?: Column;
  /** left: of the rows, right: of the history. Any NULL: no history. */
  readonly on: readonly KeyPair[];
  readonly rightTime: Instant;
  /** Only history rows with `available <= row.time`. */
  readonly availableTime?: Instant;
  readonly events?: { readonly column: ColumnName; readonly values: readonly Literal[] };
  readonly where?: Predicate;
  /** A column of the rows: history values equal to it are dropped (with `flattenDistinct` and a list: each of its elements). */
  readonly excludeSelf?: ColumnName;
  readonly flattenDistinct: boolean;
  readonly maxLength?: bigint;
  /** The declared windows only. */
  readonly outputs: readonly RollingOutput[];
}

export interface RollingOutput {
  readonly name: ColumnName;
  readonly window: Window;
  readonly dtype: DType;
}

export const rollingAggregate = operatorKind<RollingAggregate>({
  kind: "rolling_aggregate",
  canRunOn: ["sql", "sql_arrow_udf", "pythonic"],
  fields: {
    kind: oneOf("rolling_aggregate"),
    name: aText,
    engine: anEngine,
    inputs: pairOf(aText, aText),
    output: aText,
    timestampColumn: anInstant,
    rollingEngine: oneOf(...ROLLING_ENGINES),
    specs: listOf(
      mapOf<RollingSpec>({
        name: aText,
        agg: oneOf(...AGGREGATES),
        source: optional(aColumn),
        on: listOf(aKeyPair),
        rightTime: anInstant,
        availableTime: optional(anInstant),
        events: optional(mapOf({ column: aText, values: listOf(aLiteral) })),
        where: optional(aPredicate),
        excludeSelf: optional(aText),
        flattenDistinct: aBoolean,
        maxLength: optional(anInteger),
        outputs: listOf(mapOf<RollingOutput>({ name: aText, window: aWindow, dtype: aDType })),
      }),
    ),
  },
  schema: (self, inputs) => {
    const rows = inputOf(self, inputs, 0);
    requireColumns(self, rows, [
      self.timestampColumn.column,
      ...self.specs.flatMap(({ on, excludeSelf }) => [
        ...on.map((pair) => pair.left),
        ...(excludeSelf === undefined ? [] : [excludeSelf]),
      ]),
    ]);
    requireColumns(
      self,
      inputOf(self, inputs, 1),
      self.specs.flatMap(({ on, source, rightTime, availableTime, events, where }) => [
        ...on.map((pair) => pair.right),
        ...(source === undefined ? [] : [source]),
        rightTime.column,
        ...(availableTime === undefined ? [] : [availableTime.column]),
        ...(events === undefined ? [] : [events.column]),
        ...(where?.columns ?? []),
      ]),
    );
    return withColumns(
      rows,
      self.specs.flatMap(({ outputs }) => outputs),
    );
  },
});
