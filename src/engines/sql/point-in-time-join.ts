import type { Column } from "../../operators/operator.js";
import type { PointInTimeJoin } from "../../operators/point-in-time-join.js";
import { type Clock, clockOf, minus, onClock } from "./clock.js";
import { keysOf, oneRowPer } from "./join.js";
import { onKeys, type Planner } from "./planner.js";
import { identifier } from "./text.js";
import { orderBy, partitionBy } from "./values.js";
import { windowColumns } from "./windows.js";

/**
 * An ASOF join with the instants from which each right row is the one to see: strictly after its own time and not before it
 * became available. That is one inequality, so one sorted probe decides, also where knowledge times are out of order.
 */
export function pointInTimeJoin(self: PointInTimeJoin, planner: Planner): void {
  if (self.collect) {
    collectWindow(self, planner, windowColumns);
    return;
  }
  const clock = clockOf(self.leftTime, self.rightTime, self.availableTime);
  const { sql, composes } = visibleRows(self, planner, clock);
  const visible = planner.runTable(`visible_${self.inputs[1]}`, self.name, sql, composes);
  const left = planner.isMain(self.inputs[0]) ? undefined : planner.side(self.inputs[0]);
  const side = left ? "h" : "o";
  const time = onClock(`${side}.${identifier(self.leftTime.column)}`, self.leftTime.resolution, clock);
  const alias = planner.name("p");
  const fresh = self.ttl === undefined ? undefined : `${alias}."@t" >= ${minus(time, self.ttl, clock)}`;
  const columns = self.columns.map((column): Column & { readonly sql: string } => {
    const value = `${alias}.${identifier(column.name)}`;
    return {
      name: column.as,
      dtype: column.dtype,
      sql: fresh === undefined ? value : `CASE WHEN ${fresh} THEN ${value} END`,
    };
  });
  if (left) {
    const added = columns.map((column) => `, ${column.sql} AS ${identifier(column.name)}`).join("");
    planner.sides.set(self.output, {
      sql: `(SELECT h.*${added} FROM ${left.sql} h ASOF LEFT JOIN ${visible} ${alias} ON ${onKeys(self.on, "h", alias)} AND ${time} > ${alias}."@after")`,
      columns: new Map([...left.columns, ...columns.map((column) => [column.name, column.dtype] as const)]),
      scan: left.scan,
      composed: [...left.composed, self.name],
    });
    return;
  }
  const keys = planner.keys(self.on, self.name);
  const probe = planner.table({
    name: planner.name("visible"),
    operator: self.name,
    sql: `SELECT k.kid, p."@after", p."@t"${self.columns.map((column) => `, p.${identifier(column.name)}`).join("")} FROM ${visible} p JOIN ${keys.table} k ON ${onKeys(self.on, "k", "p")}`,
  });
  planner.addProbeJoin(
    ` ASOF LEFT JOIN ${probe} ${alias} ON o.${identifier(keys.column)} = ${alias}.kid AND ${time} > ${alias}."@after"`,
  );
  for (const column of columns) planner.addProbed(column.name, column.sql, column.dtype);
  planner.continueRows(self.output);
}

export interface VisibleRows {
  readonly sql: string;
  /** The same before rows of one key and instant are told apart, where this is all that `sql` does; usually there are none. */
  readonly unsettled?: string;
  readonly composes: readonly string[];
}

/**
 * `SELECT` of the right rows that some instant sees, each with `@after`: it is the one to see at every later instant, until the next.
 * Of rows that become visible together the latest counts, and one that becomes visible after a later row did is never seen.
 */
export function visibleRows(self: PointInTimeJoin, planner: Planner, clock: Clock): VisibleRows {
  const right = planner.side(self.inputs[1]);
  planner.ofRun.add(right.scan.output);
  const keyColumns = keysOf(self.on, right);
  const keys = keyColumns.map(({ sql }) => sql);
  const time = onClock(identifier(self.rightTime.column), self.rightTime.resolution, clock);
  const ties = self.ties.map((tie) => ({ sql: identifier(tie), dtype: right.columns.get(tie) ?? ("BIGINT" as const) }));
  const values = [...new Set([...keys, ...self.columns.map((column) => identifier(column.name))])];
  const present = [...keys, identifier(self.rightTime.column)].map((name) => `${name} IS NOT NULL`);
  if (!self.availableTime) {
    const rows = `SELECT *, ${time} AS "@t" FROM ${right.sql} WHERE ${present.join(" AND ")}`;
    const columns = [...values, '"@t"', '"@t" AS "@after"'];
    const sql = `WITH rows AS MATERIALIZED (${rows}), ${oneRowPer([...keyColumns, { sql: '"@t"', dtype: "BIGINT" }], "rows", ties, columns)}`;
    return { sql, unsettled: `SELECT ${columns.join(", ")} FROM (${rows})`, composes: right.composed };
  }
  present.push(`${identifier(self.availableTime.column)} IS NOT NULL`);
  const available = onClock(identifier(self.availableTime.column), self.availableTime.resolution, clock);
  // `available <= t` is `t > available − 1` in ticks; the least 64-bit instant has no predecessor, nor anything before it.
  const before = clock.type === "HUGEINT" ? `${available} - 1` : `greatest(${available}, -9223372036854775807) - 1`;
  const rows = `SELECT *, ${time} AS "@t", greatest(${time}, ${before}) AS "@after" FROM ${right.sql} WHERE ${present.join(" AND ")}`;
  const age = `"@t" ASC NULLS FIRST${ties.length === 0 ? "" : `, ${orderBy(ties)}`}`;
  const group = partitionBy(keyColumns);
  const sql =
    `SELECT ${[...values, '"@t"', '"@after"'].join(", ")} FROM (SELECT *, max("@age") OVER (PARTITION BY ${group} ORDER BY "@after" ASC NULLS FIRST RANGE UNBOUNDED PRECEDING) AS "@newest"` +
    ` FROM (SELECT *, row_number() OVER (PARTITION BY ${group} ORDER BY ${age}) AS "@age" FROM (${rows}))) WHERE "@age" = "@newest"`;
  return { sql, composes: right.composed };
}

/** The list of all matching values: a window like those of rolling aggregates. */
export function collectWindow(self: PointInTimeJoin, planner: Planner, windows: typeof windowColumns): void {
  const spec = self.collect;
  if (!spec) return;
  const history = planner.side(self.inputs[1]);
  const element = history.columns.get(spec.value);
  if (element === undefined) throw new RangeError(`"${self.inputs[1]}" has no column "${spec.value}"`);
  windows(
    planner,
    {
      operator: self.name,
      history,
      on: self.on,
      leftTime: self.leftTime,
      rightTime: self.rightTime,
      ...(self.availableTime ? { availableTime: self.availableTime } : {}),
    },
    [
      {
        name: spec.as,
        dtype: spec.dtype,
        agg: "list",
        source: { name: spec.value, dtype: element },
        window: spec.window,
        flatten: false,
        distinct: spec.distinct,
        ...(spec.maxLength === undefined ? {} : { maxLength: spec.maxLength }),
      },
    ],
  );
  planner.continueRows(self.output);
}
