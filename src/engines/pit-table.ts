import type { DataType, Vector } from "apache-arrow";
import type { ColumnName, RelationName } from "../operators/operator.js";
import type { RollingAggregate } from "../operators/rolling-aggregate.js";

/** A relation in memory: the columns that its aggregates read, all of the same length. */
export interface PitRelation {
  readonly rows: number;
  readonly columns: ReadonlyMap<ColumnName, Vector>;
}

/**
 * What an engine of `aggregatePitTable` is asked: rolling aggregates over relations in memory. Names are bound and dtypes
 * agree; instants are Int64 columns of ticks without NULLs in the rows. Text may stand in dictionaries.
 */
export interface PitTableJob {
  /** One for each history; `inputs` are the rows and the history, the same relation where rows are their own history. */
  readonly aggregates: readonly RollingAggregate[];
  readonly relations: ReadonlyMap<RelationName, PitRelation>;
  /** The Arrow type of each output column. */
  readonly types: ReadonlyMap<ColumnName, DataType>;
  readonly threads: number;
  /** Bytes that indexes of history may take at once. */
  readonly memory?: number;
}

/** The output columns by name, each with a value for every row, in the rows' order. Throws `DaedalusError`. */
export type PitTableEngine = (job: PitTableJob) => Promise<ReadonlyMap<ColumnName, Vector>>;
