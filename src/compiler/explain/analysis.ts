import type { Day } from "../../columnar/instants.js";

/** What one operator did when a day was run to look at it; the same figures whoever runs the operator. */
export interface OperatorFigures {
  /** Who ran it: `duckdb`; `none`: nobody, the day was run without it. */
  readonly engine: string;
  /** Rows out. Joins, aggregates and projections have those of their first input, by definition. */
  readonly rows: number;
  /** Rows in, of what can drop some: filters, and scans with a predicate. */
  readonly rowsIn?: number;
  readonly dropped?: number;
  /** Of the tables that it made; of a scan: of the files that may hold its rows; of the sink: of the parts. */
  readonly bytes?: number;
  /** Files that may hold its rows; scans only. */
  readonly files?: number;
  /** Of the statements that are its own. */
  readonly seconds: number;
  /** Operators in whose statements its work, or part of it, was done: it is in their seconds and bytes. */
  readonly countedIn: readonly string[];
}

/** A day that was run into nothing. */
export interface Analysis {
  readonly day: Day;
  readonly operators: Readonly<Record<string, OperatorFigures>>;
  /** Rows that would have been written. */
  readonly rows: number;
  /** From the first statement to the last; measuring itself is not in it. */
  readonly seconds: number;
  /** What no operator's time holds: counting rows for the manifest. */
  readonly otherSeconds: number;
  /** The most memory that the engine had reserved at once: within `memory_limit`. Not all of it is ever touched. */
  readonly peakMemoryBytes: number;
  /** The most memory that the process has had in RAM until then, everything in it. */
  readonly peakResidentBytes: number;
}
