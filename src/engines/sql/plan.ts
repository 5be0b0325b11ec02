import type { Resolution } from "../../columnar/instants.js";
import type { Schema } from "../../operators/operator.js";
import type { Scan } from "../../operators/scan.js";

/** A temporary table of a day's plan; the statement is `CREATE TEMP TABLE <name> AS <sql>`. */
export interface TablePlan {
  readonly name: string;
  /** The pipeline operator that it belongs to. */
  readonly operator: string;
  readonly sql: string;
  /** Operators beside it whose work, or part of it, is done by this statement. */
  readonly composes: readonly string[];
  /** `run`: does not depend on the day and is kept until an input changes. */
  readonly keep: "day" | "run";
  /** The table without the rows that `operator`, a filter, dropped: the difference is what it dropped. */
  readonly filters?: string;
  /** Tables that nothing needs from here on. */
  readonly drops: readonly string[];
}

/** Everything that SQL does for a day, up to the ordered rows; writing depends on what they turn out to be. */
export interface DayPlan {
  /** Each is a view of its output's name when a day runs. */
  readonly scans: readonly Scan[];
  /** Outputs of scans that are read whole, whatever their range, because tables that outlive the day are made of them. */
  readonly unbounded: ReadonlySet<string>;
  readonly tables: readonly TablePlan[];
  /** The table of the target days' rows before any filter. */
  readonly target: string;
  /** The rows of the target days after all row filters, before ordering. */
  readonly rows: string;
  /** The name of the filter that `select` applies, if any. */
  readonly contentFilters: readonly string[];
  readonly output: Schema;
  readonly partRows: bigint;
  /** `SELECT` of the columns wanted over a table that has the rows' columns; filters applied if `filtered`. */
  select(request: SelectRequest): string;
  /** Operators whose work, or part of it, is done where the rows are ordered and written. */
  readonly finishes: readonly string[];
  /** The columns of the row table that `select` over these columns reads. */
  reads(columns: readonly string[]): { readonly stored: readonly string[]; readonly joins: boolean };
  /** Order of the rows: the event time (ticks of its resolution), then output columns. */
  readonly order: { readonly time: string; readonly resolution: Resolution; readonly columns: readonly string[] };
}

export interface SelectRequest {
  readonly from: string;
  readonly columns: readonly string[];
  /** Drops the rows that the content filter drops. */
  readonly filtered: boolean;
  /** Columns of the `from` table to pass through. */
  readonly carry?: readonly string[];
}
