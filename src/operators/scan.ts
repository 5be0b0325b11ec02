import type { DType } from "../columnar/dtypes.js";
import type { Duration, TimeUnit } from "../columnar/instants.js";
import type { ColumnName, Operator, Predicate } from "./operator.js";

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
