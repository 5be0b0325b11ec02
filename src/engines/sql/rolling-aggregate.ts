import type { RollingAggregate, RollingSpec } from "../../operators/rolling-aggregate.js";
import type { Planner } from "./planner.js";
import { constant, identifier } from "./text.js";
import { type WindowColumn, windowColumns } from "./windows.js";

export function rollingAggregate(self: RollingAggregate, planner: Planner): void {
  aggregateWindows(self, planner, windowColumns);
}

/** Specs over the same matching history rows share one history, whoever makes the windows. */
export function aggregateWindows(self: RollingAggregate, planner: Planner, windows: typeof windowColumns): void {
  const history = planner.side(self.inputs[1]);
  const groups = new Map<string, RollingSpec[]>();
  for (const spec of self.specs) {
    const signature = JSON.stringify([spec.on, spec.rightTime, spec.availableTime, historyFilter(spec)]);
    const group = groups.get(signature);
    if (group) group.push(spec);
    else groups.set(signature, [spec]);
  }
  for (const specs of groups.values()) {
    const [first] = specs;
    if (!first) continue;
    const filter = historyFilter(first);
    if (first.where !== undefined)
      planner.checks.push({
        operator: self.name,
        rule: first.where.text,
        sql: () => `SELECT count(*) FROM ${history.sql} WHERE ${filter}`,
      });
    windows(
      planner,
      {
        operator: self.name,
        history,
        on: first.on,
        leftTime: self.timestampColumn,
        rightTime: first.rightTime,
        ...(first.availableTime ? { availableTime: first.availableTime } : {}),
        ...(filter === undefined ? {} : { filter }),
      },
      specs.flatMap(columnsOf),
    );
  }
  planner.continueRows(self.output);
}

function columnsOf(spec: RollingSpec): WindowColumn[] {
  return spec.outputs.map((output) => ({
    name: output.name,
    dtype: output.dtype,
    agg: spec.agg,
    ...(spec.source ? { source: spec.source } : {}),
    window: output.window,
    ...(spec.excludeSelf === undefined ? {} : { excludeSelf: spec.excludeSelf }),
    flatten: spec.flattenDistinct,
    // A count of distinct elements needs no order, so it needs no selection of the latest ones.
    distinct: spec.flattenDistinct && spec.agg === "list",
    ...(spec.maxLength === undefined ? {} : { maxLength: spec.maxLength }),
  }));
}

function historyFilter(spec: RollingSpec): string | undefined {
  const conditions: string[] = [];
  if (spec.events)
    conditions.push(`${identifier(spec.events.column)} IN (${spec.events.values.map(constant).join(", ")})`);
  if (spec.where) conditions.push(`(${spec.where.sql})`);
  return conditions.length === 0 ? undefined : conditions.join(" AND ");
}
