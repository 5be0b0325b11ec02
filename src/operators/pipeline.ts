import type { Instant } from "../columnar/instants.js";
import type { ArrowUdfTransform } from "./arrow-udf-transform.js";
import type { Filter } from "./filter.js";
import type { Join } from "./join.js";
import type { ColumnName, Schema } from "./operator.js";
import type { PointInTimeJoin } from "./point-in-time-join.js";
import type { Project } from "./project.js";
import type { RayUdfTransform } from "./ray-udf-transform.js";
import type { RollingAggregate } from "./rolling-aggregate.js";
import type { Scan } from "./scan.js";
import type { Sink } from "./sink.js";

export type AnyOperator =
  | Scan
  | Filter
  | Project
  | Join
  | PointInTimeJoin
  | RollingAggregate
  | ArrowUdfTransform
  | RayUdfTransform
  | Sink;

/** A compiled service: one topologically ordered DAG of engine-tagged operators. */
export interface Pipeline {
  readonly service: string;
  readonly version: string;
  readonly spine: {
    readonly view: string;
    readonly time: Instant;
    /** Columns of the spine scan, if the service needs them. */
    readonly session?: ColumnName;
  };
  readonly operators: readonly AnyOperator[];
  /** The schema of every output file: the contract in `output_columns` order. */
  readonly output: Schema;
  /** True if embedding columns are left as typed NULLs until enrich. */
  readonly embeddings: boolean;
}
