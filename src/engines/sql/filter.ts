import type { Filter, FilterRule } from "../../operators/filter.js";
import { dayNumber } from "./clock.js";
import type { Planner } from "./planner.js";
import { engineProblem } from "./problems.js";
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
    case "coverage":
      throw engineProblem("not-executed", { operator: self.name });
  }
  planner.continueRows(self.output);
}

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
