import type { DType } from "../columnar/dtypes.js";
import type { Duration, TimeUnit } from "../columnar/instants.js";
import { aDType, aDuration, anEngine, aPredicate, aTimeUnit } from "./forms.js";
import type { ColumnName, Operator, Predicate } from "./operator.js";
import { operatorKind } from "./operator-kind.js";
import { requireColumns } from "./schema.js";
import { aText, aWord, listOf, mapOf, noInputs, oneOf, optional, taggedBy } from "./yaml-form.js";

/** Reads a feature view: columns, exact instants and a time range; the source does as much of it as it can. */
export interface Scan extends Operator {
  readonly kind: "scan";
  readonly inputs: readonly [];
  readonly view: string;
  readonly columns: readonly ScanColumn[];
  /** Instants that later operators compare, as exact BIGINT ticks beside the columns. */
  readonly instants: readonly ScanInstant[];
  readonly range: ScanRange;
  /** Only rows where it is TRUE; over this scan's columns. */
  readonly predicate?: Predicate;
}

export interface ScanColumn {
  /** `<view>.<canonical column>` */
  readonly name: ColumnName;
  /** The source's own column. */
  readonly source: string;
  readonly dtype: DType;
}

export interface ScanInstant {
  /** `@<view>.<canonical column>`; its resolution is `resolutionOf(unit)`. */
  readonly name: ColumnName;
  readonly source: string;
  readonly unit: TimeUnit;
}

/**
 * Which rows, by an instant of the scan. `target_day`: [day start, day end). `history`: [day start − lookback, day end),
 * `all` without a lower bound. `unbounded`: every row, those without an instant too.
 */
export type ScanRange =
  | { readonly kind: "target_day"; readonly instant: ColumnName }
  | { readonly kind: "history"; readonly instant: ColumnName; readonly lookback: Duration | "all" }
  | { readonly kind: "unbounded" };

const aRange = taggedBy<"kind", ScanRange>("kind", {
  target_day: mapOf({ kind: oneOf("target_day"), instant: aText }),
  history: mapOf({
    kind: oneOf("history"),
    instant: aText,
    lookback: aWord("a duration or all", (text) => (text === "all" ? text : aDuration.read(text, "lookback"))),
  }),
  unbounded: mapOf({ kind: oneOf("unbounded") }),
});

export const scan = operatorKind<Scan>({
  kind: "scan",
  canRunOn: ["sql"],
  fields: {
    kind: oneOf("scan"),
    name: aText,
    engine: anEngine,
    inputs: noInputs,
    output: aText,
    view: aText,
    columns: listOf(mapOf<ScanColumn>({ name: aText, source: aText, dtype: aDType })),
    instants: listOf(mapOf<ScanInstant>({ name: aText, source: aText, unit: aTimeUnit })),
    range: aRange,
    predicate: optional(aPredicate),
  },
  schema: (self) => {
    const schema = [
      ...self.columns.map(({ name, dtype }) => ({ name, dtype })),
      ...self.instants.map(({ name }) => ({ name, dtype: "BIGINT" as const })),
    ];
    requireColumns(self, schema, [
      ...(self.range.kind === "unbounded" ? [] : [self.range.instant]),
      ...(self.predicate?.columns ?? []),
    ]);
    return schema;
  },
});
