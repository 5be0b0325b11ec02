import type { RollingAggregate } from "../../operators/rolling-aggregate.js";
import type { Planner } from "../sql/planner.js";
import { aggregateWindows } from "../sql/rolling-aggregate.js";
import { polarsWindowColumns } from "./windows.js";

export function rollingAggregate(self: RollingAggregate, planner: Planner): void {
  aggregateWindows(self, planner, polarsWindowColumns);
}
