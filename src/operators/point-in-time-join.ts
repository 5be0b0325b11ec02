import type { DType } from "../columnar/dtypes.js";
import type { Duration, Instant } from "../columnar/instants.js";
import type { Window } from "../definitions/aggregations.js";
import { PIT_ENGINES, type PitEngine } from "../definitions/runtime.js";
import { aDType, aDuration, aKeyPair, anEngine, anInstant, aWindow, columnNames } from "./forms.js";
import type { Column, ColumnName, KeyPair, Operator, RelationName } from "./operator.js";
import { operatorKind } from "./operator-kind.js";
import { inputOf, requireColumns, withColumns } from "./schema.js";
import { aBoolean, anInteger, aText, listOf, mapOf, oneOf, optional, pairOf } from "./yaml-form.js";

/**
 * The most recent right row with `right.time < left.time` (strict), per key; LEFT. With `availableTime` also
 * `right.available <= left.time` (NULL: never), with `ttl` also `right.time >= left.time − ttl`.
 * Among equal right times: the row largest by `ties` (key columns, then the view's fields), in the order of values.
 * With `collect`: the list of all matching values instead.
 */
export interface PointInTimeJoin extends Operator {
  readonly kind: "pit_join";
  readonly inputs: readonly [left: RelationName, right: RelationName];
  readonly on: readonly KeyPair[];
  readonly leftTime: Instant;
  readonly rightTime: Instant;
  readonly availableTime?: Instant;
  readonly ttl?: Duration;
  readonly ties: readonly ColumnName[];
  /** Who finds the rows; the table is the same. */
  readonly pitEngine: PitEngine;
  /** The right columns that are joined; absent with `collect`. `as`: its name in the output. */
  readonly columns: readonly (Column & { readonly as: ColumnName })[];
  readonly collect?: Collect;
}

/** `agg: list` over the matching right rows: NULLs dropped, oldest first, among equal times by value; `[]` if none. */
export interface Collect {
  readonly value: ColumnName;
  /** The list's dtype. */
  readonly dtype: DType;
  readonly as: ColumnName;
  readonly window: Window;
  /** Each value once, by its latest occurrence. */
  readonly distinct: boolean;
  readonly maxLength?: bigint;
}

export const pointInTimeJoin = operatorKind<PointInTimeJoin>({
  kind: "pit_join",
  canRunOn: ["sql", "sql_arrow_udf"],
  fields: {
    kind: oneOf("pit_join"),
    name: aText,
    engine: anEngine,
    inputs: pairOf(aText, aText),
    output: aText,
    on: listOf(aKeyPair),
    leftTime: anInstant,
    rightTime: anInstant,
    availableTime: optional(anInstant),
    ttl: optional(aDuration),
    ties: columnNames,
    pitEngine: oneOf(...PIT_ENGINES),
    columns: listOf(mapOf({ name: aText, dtype: aDType, as: aText })),
    collect: optional(
      mapOf<Collect>({
        value: aText,
        dtype: aDType,
        as: aText,
        window: aWindow,
        distinct: aBoolean,
        maxLength: optional(anInteger),
      }),
    ),
  },
  schema: (self, inputs) => {
    const left = inputOf(self, inputs, 0);
    requireColumns(self, left, [...self.on.map((pair) => pair.left), self.leftTime.column]);
    requireColumns(self, inputOf(self, inputs, 1), [
      ...self.on.map((pair) => pair.right),
      self.rightTime.column,
      ...(self.availableTime === undefined ? [] : [self.availableTime.column]),
      ...self.ties,
      ...self.columns,
      ...(self.collect === undefined ? [] : [self.collect.value]),
    ]);
    return withColumns(left, [
      ...self.columns.map(({ as, dtype }) => ({ name: as, dtype })),
      ...(self.collect === undefined ? [] : [{ name: self.collect.as, dtype: self.collect.dtype }]),
    ]);
  },
});
