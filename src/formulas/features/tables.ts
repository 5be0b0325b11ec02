import type { ValueType } from "../ir/node.js";

/** What a column of a table is to a formula; a text that names its type where no formula computes with it. */
export type ColumnType = ValueType | { readonly refused: string };

/** A table of a run, as far as formulas know it. */
export interface TableColumns {
  readonly name: string;
  readonly columns: ReadonlyMap<string, ColumnType>;
}

/** Columns that bring a table's rows in order and apart, not into formulas. */
export const SYMBOL = "symbol";
export const EVENT_TIME = "event_time";
/** The first of them that a table has orders the rows of one time. */
export const SEQUENCE_COLUMNS: readonly string[] = ["trade_id", "sequence", "bar_id"];
