import type { Scan } from "../../operators/scan.js";
import type { Planner } from "./planner.js";
import { identifier } from "./text.js";

/** A scan is a view of its output's name; the day's own rows become the first row table. */
export function scan(self: Scan, planner: Planner): void {
  planner.scans.push(self);
  if (self.predicate !== undefined)
    planner.checks.push({
      operator: self.name,
      rule: self.predicate.text,
      sql: () => `SELECT count(*) FROM ${identifier(self.output)}`,
    });
  if (self.range.kind === "target_day") {
    const table = planner.table({
      name: planner.name("target"),
      operator: self.name,
      sql: `SELECT * FROM ${identifier(self.output)}`,
    });
    planner.startRows(self.output, table, [
      ...self.columns,
      ...self.instants.map((instant) => ({ name: instant.name, dtype: "BIGINT" as const })),
    ]);
    return;
  }
  planner.sides.set(self.output, {
    sql: identifier(self.output),
    columns: new Map([
      ...self.columns.map((column) => [column.name, column.dtype] as const),
      ...self.instants.map((instant) => [instant.name, "BIGINT"] as const),
    ]),
    scan: self,
    composed: [self.name],
  });
}
