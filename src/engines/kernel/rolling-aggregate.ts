import type { RollingAggregate } from "../../operators/rolling-aggregate.js";
import type { Planner } from "../sql/planner.js";
import { aggregateWindows } from "../sql/rolling-aggregate.js";
import { kernelWindowColumns, workersWindowColumns } from "./windows.js";

export function rollingAggregate(self: RollingAggregate, planner: Planner): void {
  aggregateWindows(self, planner, kernelWindowColumns);
}

/** Of the tag `pythonic`. */
export function rollingAggregateInWorkers(self: RollingAggregate, planner: Planner): void {
  aggregateWindows(self, planner, workersWindowColumns);
}
