import type { DType } from "../../columnar/dtypes.js";
import type { Join } from "../../operators/join.js";
import type { KeyPair } from "../../operators/operator.js";
import { clockOf, onClock } from "./clock.js";
import type { Planner, SideRelation } from "./planner.js";
import { onKeys } from "./planner.js";
import { identifier, text } from "./text.js";
import { orderBy, partitionBy } from "./values.js";

/** LEFT JOIN with the latest row per key, whenever that was; rows without an instant are older than all others. */
export function join(self: Join, planner: Planner): void {
  const right = planner.side(self.inputs[1]);
  const latest = latestTable(self, right, planner);
  const columns = self.columns.map((column) => identifier(column.name));
  if (!planner.isMain(self.inputs[0])) {
    const left = planner.side(self.inputs[0]);
    planner.sides.set(self.output, {
      sql: `(SELECT h.*${columns.map((column) => `, l.${column}`).join("")} FROM ${left.sql} h LEFT JOIN ${latest} l ON ${onKeys(self.on, "h", "l")})`,
      columns: new Map([...left.columns, ...self.columns.map((column) => [column.name, column.dtype] as const)]),
      scan: left.scan,
      composed: [...left.composed, self.name],
    });
    return;
  }
  const keys = planner.keys(self.on, self.name);
  const table = planner.table({
    name: planner.name("joined"),
    operator: self.name,
    sql:
      `SELECT k.kid${columns.map((column) => `, l.${column}`).join("")} FROM ${keys.table} k LEFT JOIN ${latest} l ON ${onKeys(self.on, "k", "l")}` +
      ` UNION ALL SELECT 0${", NULL".repeat(columns.length)}`,
  });
  const alias = planner.name("j");
  planner.joinKeyed({ alias, table, key: `o.${identifier(keys.column)}` });
  for (const column of self.columns)
    planner.define(column.name, { sql: `${alias}.${identifier(column.name)}`, dtype: column.dtype, joins: [alias] });
  planner.continueRows(self.output);
}

/**
 * One row per key. Most keys are decided by their largest time alone; only where several rows share it does the order of
 * the tie columns decide, and only those few rows are sorted.
 */
function latestTable(self: Join, right: SideRelation, planner: Planner): string {
  planner.ofRun.add(right.scan.output);
  const group = keysOf(self.on, right);
  const keys = group.map(({ sql }) => sql);
  const columns = [...new Set([...keys, ...self.columns.map((column) => identifier(column.name))])];
  const present = keys.map((key) => `${key} IS NOT NULL`).join(" AND ");
  const name = `latest_${self.inputs[1]}`;
  if (!self.latest) {
    const listed = text(`more than one row of a key: ${keys.join(", ")}`);
    return planner.runTable(
      name,
      self.name,
      `SELECT ${columns.join(", ")} FROM (SELECT *, count(*) OVER (PARTITION BY ${partitionBy(group)}) AS "@rows" FROM ${right.sql} WHERE ${present})` +
        ` WHERE CASE WHEN "@rows" > 1 THEN error('daedalus:duplicate-key:' || ${listed}) ELSE TRUE END`,
      right.composed,
    );
  }
  const time = onClock(identifier(self.latest.time.column), self.latest.time.resolution, clockOf(self.latest.time));
  const ties = self.latest.ties.map((tie) => ({ sql: identifier(tie), dtype: right.columns.get(tie) ?? "BIGINT" }));
  const newest =
    `SELECT * FROM (SELECT *, ${time} AS "@t" FROM ${right.sql} WHERE ${present}) r` +
    ` SEMI JOIN (SELECT ${keys.join(", ")}, max(${time}) AS "@t" FROM ${right.sql} WHERE ${present} GROUP BY ALL) m` +
    ` ON ${keys.map((key) => `r.${key} = m.${key}`).join(" AND ")} AND r."@t" IS NOT DISTINCT FROM m."@t"`;
  return planner.runTable(
    name,
    self.name,
    `WITH newest AS MATERIALIZED (${newest}), ${oneRowPer(group, "newest", ties, columns)}`,
    right.composed,
  );
}

/** The columns of the other side's keys. */
export function keysOf(
  on: readonly KeyPair[],
  right: SideRelation,
): readonly { readonly sql: string; readonly dtype: DType }[] {
  return on.map((pair) => ({ sql: identifier(pair.right), dtype: right.columns.get(pair.right) ?? "BIGINT" }));
}

/**
 * `tied AS (…) SELECT columns …`: one row of `relation` per group, the largest by the ties. Groups of one row, nearly all,
 * pass by a hash; only the others are sorted.
 */
export function oneRowPer(
  group: readonly { readonly sql: string; readonly dtype: DType }[],
  relation: string,
  ties: readonly { readonly sql: string; readonly dtype: DType }[],
  columns: readonly string[],
): string {
  const same = group.map(({ sql }) => `r.${sql} = s.${sql}`).join(" AND ");
  const largest = ties.length === 0 ? "" : ` ORDER BY ${orderBy(ties, "DESC")}`;
  return (
    `tied AS MATERIALIZED (SELECT ${group.map(({ sql }) => sql).join(", ")} FROM ${relation} GROUP BY ALL HAVING count(*) > 1)` +
    ` SELECT ${columns.join(", ")} FROM ${relation} r ANTI JOIN tied s ON ${same}` +
    ` UNION ALL SELECT ${columns.join(", ")} FROM (SELECT * FROM ${relation} r SEMI JOIN tied s ON ${same}` +
    ` QUALIFY row_number() OVER (PARTITION BY ${partitionBy(group)}${largest}) = 1)`
  );
}
