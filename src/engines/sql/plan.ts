import type { DType } from "../../columnar/dtypes.js";
import type { Resolution } from "../../columnar/instants.js";
import type { LatestRowGroup } from "../../kernels/latest-rows.js";
import type { WindowGroup } from "../../kernels/window-columns.js";
import type { ColumnName, Schema } from "../../operators/operator.js";
import type { Scan } from "../../operators/scan.js";
import type { WindowWork } from "../polars/window-work.js";
import type { Check } from "./culprit.js";

/** What SQL does one after the other, before the rows are ordered and written. */
export type PlanStep = TablePlan | KernelPlan | PolarsPlan;

/** A table of a day's plan, in memory and gone after it; the statement is `CREATE TABLE <name> AS <sql>`. */
export interface TablePlan {
  readonly kind: "table";
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
  /** Where `sql` calls kernels: of which rows, and the statement that reads their answers instead. */
  readonly asks?: {
    readonly rows: string;
    readonly kernels: readonly string[];
    readonly sql: (answers: Answers) => string;
  };
}

/** What kernels answered before, to be joined where they cannot be called: their indexes are not in memory at once. */
export interface Answers {
  /** SQL over a row `o`: the number that finds its answers. */
  readonly row: string;
  /** By kernel: a FROM item of `@row` and `@answer`, one for each row. */
  readonly of: ReadonlyMap<string, string>;
}

/** A function over the rows that a kernel answers from an index of history; from this step on SQL may call it. */
export interface KernelPlan {
  readonly kind: "kernel";
  /** Of the function; the column of its answers is called `@<name>`. */
  readonly name: string;
  /** The pipeline operator that it belongs to. */
  readonly operator: string;
  /** Operators beside it whose work, or part of it, is done when the index is loaded. */
  readonly composes: readonly string[];
  /** `run`: the index does not depend on the day and is kept until an input changes. */
  readonly keep: "day" | "run";
  /** Its answers are lists of history, computed where the rows are written; else they belong to the narrow row. */
  readonly wide: boolean;
  /** `SELECT` of the history: key, time (both BIGINT, never NULL), available (likewise; if the group has it), then values. */
  readonly history: string;
  /** The same with one row to a key and time: read where `history` turns out to have more, which the group does not want. */
  readonly unique?: string;
  readonly group: WindowGroup | LatestRowGroup;
  /** Fields of the answer: `c0`, `c1`, …; the name is for messages. */
  readonly outputs: readonly { readonly name: string; readonly dtype: DType }[];
  /** Columns of the rows that the key is made of: the only one itself, or its number (`kid`) in a table that has them all. */
  readonly keys: readonly ColumnName[];
  readonly keyTable?: string;
  /** SQL over a row `o`: key, time, known (if the group has availability), then own values. */
  readonly arguments: readonly string[];
  readonly own: readonly { readonly dtype: DType }[];
  /** Workers ask it, each about some of the keys; else it is asked here, where its index fits the memory. */
  readonly inWorkers?: true;
}

/** A table of what Polars makes of files that SQL writes: of the rows and of their history. */
export interface PolarsPlan {
  readonly kind: "polars";
  /** Of the table: `kid`, a row's number, and the columns of `work`. */
  readonly name: string;
  /** The pipeline operator that it belongs to. */
  readonly operator: string;
  /** Operators beside it whose work, or part of it, is done by these statements. */
  readonly composes: readonly string[];
  /** `SELECT` of each file. */
  readonly queries: string;
  readonly history: string;
  readonly work: WindowWork;
}

/** Everything that SQL does for a day, up to the ordered rows; writing depends on what they turn out to be. */
export interface DayPlan {
  /** Each is a view of its output's name when a day runs. */
  readonly scans: readonly Scan[];
  /** Outputs of scans that are read for all days of the run, since tables that outlive a span are made of them. */
  readonly ofRun: ReadonlySet<string>;
  readonly steps: readonly PlanStep[];
  /** The table of the target days' rows before any filter. */
  readonly target: string;
  /** The rows of the target days after all row filters, before ordering. */
  readonly rows: string;
  /** The operator that writes the rows. */
  readonly sink: string;
  /** What can fail for a value, to be evaluated one by one after a failure: beside the rows, and of the rows' own steps. */
  readonly checks: { readonly sides: readonly Check[]; readonly steps: readonly Check[] };
  /** The name of the filter that `select` applies, if any. */
  readonly contentFilters: readonly string[];
  readonly output: Schema;
  readonly partRows: bigint;
  /** Rows of a row group of the parts. */
  readonly rowGroupRows: number;
  /** `SELECT` of the columns wanted over a table that has the rows' columns; filters applied if `filtered`. */
  select(request: SelectRequest): string;
  /** The kernels that `select` calls. */
  kernelsOf(request: Pick<SelectRequest, "settled" | "settle" | "columns" | "filtered">): readonly string[];
  /** Operators whose work, or part of it, is done where the rows are ordered and written. */
  readonly finishes: readonly string[];
  /** Whether `select` of these columns over the row table joins anything to it or calls a kernel. */
  isStored(columns: readonly string[]): boolean;
  /** Whether `select` of these columns over settled rows joins nothing to them and calls no kernel. */
  isSettled(columns: readonly string[]): boolean;
  /** What the ordered rows hold of the row table: see `SettledColumns`. */
  readonly settled: SettledColumns;
  /** Whether `select` over settled rows still joins: rows may then stand in another order. */
  readonly joinsAtEnd: boolean;
  /** Order of the rows: the event time (ticks of its resolution), then output columns. */
  readonly order: { readonly time: string; readonly resolution: Resolution; readonly columns: readonly string[] };
}

/**
 * Columns of the ordered rows. What is narrow is computed and joined before the rows are ordered; wide values (lists of
 * history) only where they are written, from the stored columns that find them.
 */
export interface SettledColumns {
  readonly computed: readonly string[];
  readonly stored: readonly string[];
}

export interface SelectRequest {
  readonly from: string;
  /** The `from` table holds the settled columns under their names. */
  readonly settled?: boolean;
  /** Columns of the rows to compute and pass through, under their names. */
  readonly settle?: readonly string[];
  readonly columns: readonly string[];
  /** Drops the rows that the content filter drops. */
  readonly filtered: boolean;
  /** Columns of the `from` table to pass through. */
  readonly carry?: readonly string[];
  /** Of the kernels that are not called. */
  readonly answers?: Answers | undefined;
}
