import type { DType } from "../../columnar/dtypes.js";
import { columnsOfRule, type Filter, type FilterRule } from "../../operators/filter.js";
import type { ColumnName } from "../../operators/operator.js";
import { dayNumber } from "./clock.js";
import type { Planner } from "./planner.js";
import { constant, identifier } from "./text.js";

/** Predicates wait until the columns that they see are assembled; a rule over whole sessions takes rows away at once. */
export function filter(self: Filter, planner: Planner): void {
  switch (self.rule.type) {
    case "drop_where":
      planner.layers.push(self);
      break;
    case "session":
      planner.replaceRows(
        planner.table({ name: planner.name("kept"), operator: self.name, ...sessionSql(self.rule, planner) }),
      );
      break;
    case "coverage": {
      const [input] = self.inputs;
      if (!planner.isMain(input)) {
        const history = planner.side(input);
        const sql = `(SELECT h.* FROM ${history.sql} h WHERE ${coveredSql(self.rule, history.columns, "h")})`;
        planner.sides.set(self.output, { ...history, sql, composed: [...history.composed, self.name] });
        return;
      }
      const { rows } = planner;
      const columns = new Map(columnsOfRule(self.rule).map((name) => [name, planner.column(name).dtype]));
      planner.replaceRows(
        planner.table({
          name: planner.name("covered"),
          operator: self.name,
          sql: `SELECT o.* FROM ${rows} o WHERE ${coveredSql(self.rule, columns, "o")}`,
          filters: rows,
          drops: [rows],
        }),
      );
      break;
    }
  }
  planner.continueRows(self.output);
}

/** A row stays if its event is none that the rule is about, or the store has its id. */
function coveredSql(
  { column, events, store }: CoverageRule,
  dtypes: ReadonlyMap<ColumnName, DType>,
  alias: string,
): string {
  const type = dtypes.get(column) === "TEXT" ? "VARCHAR" : "BIGINT";
  const id = `CAST(${alias}.${identifier(column)} AS ${type})`;
  const covered = `coalesce(${id} IN (SELECT "id" FROM ${identifier(storeIdsTable(store))}), FALSE)`;
  if (events === undefined) return covered;
  const listed =
    events.values.length === 0
      ? "FALSE"
      : `${alias}.${identifier(events.column)} IN (${events.values.map(constant).join(", ")})`;
  return `(NOT coalesce(${listed}, FALSE) OR ${covered})`;
}

/** The table of the ids that a store has vectors for: `id` BIGINT or VARCHAR. Whoever opens the session makes it. */
export function storeIdsTable(store: string): string {
  return `ids of embedding store ${store}`;
}

type CoverageRule = Extract<FilterRule, { type: "coverage" }>;

type SessionRule = Extract<FilterRule, { type: "session" }>;

/** A session is judged on the rows of one day: in a span, on each of its days anew. */
function sessionSql(
  rule: SessionRule,
  { rows, pipeline }: Planner,
): { sql: string; filters: string; drops: readonly string[] } {
  const { time } = pipeline.spine;
  const dayOf = (side: string): string => dayNumber(`${side}${identifier(time.column)}`, time.resolution);
  const session = identifier(rule.session);
  const event = identifier(rule.event);
  const isOneOf = (values: SessionRule["viewEvents"]): string =>
    values.length === 0 ? "FALSE" : `${event} IN (${values.map(constant).join(", ")})`;
  // A NULL event is outside the view events.
  const outside = `NOT coalesce(${isOneOf(rule.viewEvents)}, FALSE)`;
  const judged =
    `SELECT ${session}, ${dayOf("")} AS "day", count(*) FILTER (WHERE ${outside}) AS "outside",` +
    ` count(*) FILTER (WHERE ${outside} AND ${isOneOf(rule.likeEvents)}) AS "likes" FROM ${rows} WHERE ${session} IS NOT NULL GROUP BY ${session}, "day"`;
  const drops = [
    ...(rule.dropViewOnly ? ['"outside" = 0'] : []),
    ...(rule.dropSingleLike ? ['("outside" = 1 AND "likes" = 1)'] : []),
  ].join(" OR ");
  return {
    sql: `SELECT o.* FROM ${rows} o ANTI JOIN (SELECT ${session}, "day" FROM (${judged}) WHERE ${drops}) s ON o.${session} = s.${session} AND ${dayOf("o.")} = s."day"`,
    filters: rows,
    drops: [rows],
  };
}
