import { isInteger } from "../../columnar/dtypes.js";
import type { PointInTimeJoin } from "../../operators/point-in-time-join.js";
import { clockOf, minus, onClock } from "../sql/clock.js";
import { onKeys, type Planner } from "../sql/planner.js";
import { collectWindow, pointInTimeJoin as sqlPointInTimeJoin, visibleRows } from "../sql/point-in-time-join.js";
import { identifier } from "../sql/text.js";
import { areIntegerKeys, kernelWindowColumns } from "./windows.js";

/**
 * The rows that some instant sees are numbered once; the kernel finds, for a row's key and time, the number of the one to
 * see, and its columns are joined by that number before the rows are ordered.
 */
export function pointInTimeJoin(self: PointInTimeJoin, planner: Planner): void {
  if (self.collect) {
    collectWindow(self, planner, kernelWindowColumns);
    return;
  }
  const clock = clockOf(self.leftTime, self.rightTime, self.availableTime);
  // A history is joined by SQL: it is read once. So are instants of different resolutions, which 64 bits do not hold.
  if (!planner.isMain(self.inputs[0]) || clock.type !== "BIGINT") {
    sqlPointInTimeJoin(self, planner);
    return;
  }
  const right = planner.side(self.inputs[1]);
  const visible = visibleRows(self, planner, clock);
  const columns = self.columns.map((column) => identifier(column.name));
  // The keys, the columns, the row's own time, and from when on it is seen.
  const width = new Set([...self.on.map((pair) => pair.right), ...self.columns.map(({ name }) => name)]).size + 2;
  const numbered = planner.runTable(
    `numbered_${self.inputs[1]}`,
    self.name,
    `SELECT row_number() OVER () AS kid, * FROM (${visible.sql}) UNION ALL SELECT 0${", NULL".repeat(width)}`,
    visible.composes,
  );
  const [only] = self.on;
  const integers =
    only !== undefined &&
    areIntegerKeys(self.on, (name) => planner.column(name).dtype) &&
    isInteger(right.columns.get(only.right) ?? "TEXT");
  let history = `SELECT CAST(${identifier(only?.right ?? "")} AS BIGINT) AS key, "@after" AS time, kid AS v0 FROM ${numbered} WHERE kid > 0`;
  let key: string;
  if (integers && only !== undefined) {
    planner.store([only.left], self.name);
    key = `CAST(o.${identifier(only.left)} AS BIGINT)`;
  } else {
    const keys = planner.keys(self.on, self.name);
    history = `SELECT k.kid AS key, p."@after" AS time, p.kid AS v0 FROM ${numbered} p JOIN ${keys.table} k ON ${onKeys(self.on, "k", "p")} WHERE p.kid > 0`;
    key = `o.${identifier(keys.column)}`;
  }
  const time = onClock(`o.${identifier(self.leftTime.column)}`, self.leftTime.resolution, clock);
  const kernel = planner.kernel({
    operator: self.name,
    composes: [],
    keep: integers ? "run" : "day",
    wide: false,
    history,
    group: {
      windows: [-1n],
      columns: [{ kind: 0, width: 8 }],
      outputs: [{ aggregate: "last", column: 0, window: 0, distinct: false }],
      available: false,
      timeDivisor: 1n,
    },
    outputs: [{ name: self.name, dtype: "BIGINT" }],
    keys: self.on.map(({ left }) => left),
    arguments: [key, time],
    own: [],
  });
  const alias = planner.name("p");
  planner.joinKeyed({ alias, table: numbered, key: `coalesce(o.${identifier(`@${kernel}`)}.c0, 0)` });
  const fresh = self.ttl === undefined ? undefined : `${alias}."@t" >= ${minus(time, self.ttl, clock)}`;
  self.columns.forEach((column, place) => {
    const value = `${alias}.${columns[place]}`;
    planner.define(column.as, {
      dtype: column.dtype,
      sql: fresh === undefined ? value : `CASE WHEN ${fresh} THEN ${value} END`,
      joins: [alias],
      kernels: [kernel],
    });
  });
  planner.continueRows(self.output);
}
