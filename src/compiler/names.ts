import { type Instant, resolutionOf } from "../columnar/instants.js";
import type { ColumnName } from "../operators/operator.js";
import type { BoundTime } from "./resolve/resolved-service.js";

/** How columns are called inside a pipeline. Names of the contract have none of these marks. */
export const viewColumn = (view: string, column: string): ColumnName => `${view}.${column}`;
export const instantColumn = (view: string, column: string): ColumnName => `@${view}.${column}`;
export const rollingColumn = (name: string): ColumnName => `rolling:${name}`;
export const lookupColumn = (name: string): ColumnName => `lookup:${name}`;
export const udfColumn = (name: string): ColumnName => `udf:${name}`;
export const ageColumn = (name: string): ColumnName => `age:${name}`;

export function instantOf(view: string, time: BoundTime): Instant {
  return { column: instantColumn(view, time.column), resolution: resolutionOf(time.unit) };
}
