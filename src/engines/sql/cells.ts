import type { RollingEngine } from "../../definitions/runtime.js";
import type { Filter } from "../../operators/filter.js";
import type { Join } from "../../operators/join.js";
import type { PointInTimeJoin } from "../../operators/point-in-time-join.js";
import type { Project } from "../../operators/project.js";
import type { RollingAggregate } from "../../operators/rolling-aggregate.js";
import type { Scan } from "../../operators/scan.js";
import { pointInTimeJoin as kernelPointInTimeJoin } from "../kernel/point-in-time-join.js";
import { rollingAggregate as kernelRollingAggregate, rollingAggregateInWorkers } from "../kernel/rolling-aggregate.js";
import { rollingAggregate as polarsRollingAggregate } from "../polars/rolling-aggregate.js";
import { filter } from "./filter.js";
import { join } from "./join.js";
import type { Planner } from "./planner.js";
import { pointInTimeJoin } from "./point-in-time-join.js";
import { project } from "./project.js";
import { rollingAggregate } from "./rolling-aggregate.js";
import { scan } from "./scan.js";

/** How this engine runs an operator: what it adds to the plan of a day. */
export type SqlCell<T> = (self: T, planner: Planner) => void;

/** One cell for each kind of operator that this engine runs. */
export interface SqlCells {
  readonly scan: SqlCell<Scan>;
  readonly filter: SqlCell<Filter>;
  readonly project: SqlCell<Project>;
  readonly join: SqlCell<Join>;
  readonly pit_join: SqlCell<PointInTimeJoin>;
  readonly rolling_aggregate: SqlCell<RollingAggregate>;
}

const ROLLING: Readonly<Record<RollingEngine, SqlCell<RollingAggregate>>> = {
  kernel: kernelRollingAggregate,
  duckdb: rollingAggregate,
  polars: polarsRollingAggregate,
};

export const SQL_CELLS = Object.freeze<SqlCells>({
  scan,
  filter,
  project,
  join,
  pit_join: (self, planner) => (self.pitEngine === "kernel" ? kernelPointInTimeJoin : pointInTimeJoin)(self, planner),
  rolling_aggregate: (self, planner) =>
    (self.engine === "pythonic" ? rollingAggregateInWorkers : ROLLING[self.rollingEngine])(self, planner),
});
