import type { DType } from "../columnar/dtypes.js";
import type { Instant } from "../columnar/instants.js";
import type { Literal } from "../definitions/literal.js";
import type { Filter, FilterRule } from "../operators/filter.js";
import type { ColumnName } from "../operators/operator.js";
import { dayNumber, isoDate } from "./instants.js";
import type { Evaluator } from "./predicate.js";
import { instantIn } from "./references.js";
import { distinctTuples, type Relation, RowsByKey } from "./relation.js";
import { type Row, valueIn } from "./row.js";
import type { DroppedBy } from "./steps.js";
import { equalValues, shown, type Value, valueOfLiteral } from "./values.js";

/** What a filter judges with. */
export interface FilterSurroundings {
  /** Whether the coverage filter before it lets a row stay. */
  readonly isCovered: (row: Row) => boolean;
  /** The spine view, for the other rows of a session. */
  readonly spine: Relation;
  readonly time: Instant;
  readonly dtypes: ReadonlyMap<ColumnName, DType>;
  readonly evaluate: Evaluator;
}

/** Tells of each row that goes by which rule. */
export async function filter(
  self: Filter,
  rows: readonly Row[],
  surroundings: FilterSurroundings,
): Promise<ReadonlyMap<Row, DroppedBy>> {
  switch (self.rule.type) {
    case "session":
      return bySession(self.name, self.rule, rows, surroundings);
    case "drop_where":
      return byContent(self.name, self.rule, rows, surroundings);
    case "coverage":
      return byCoverage(self.name, self.rule, rows, surroundings);
  }
}

type RuleOf<Type extends FilterRule["type"]> = Extract<FilterRule, { readonly type: Type }>;

/** A session is judged by all of its rows on the row's own day. */
async function bySession(
  name: string,
  rule: RuleOf<"session">,
  rows: readonly Row[],
  { spine, time, dtypes, isCovered }: FilterSurroundings,
): Promise<ReadonlyMap<Row, DroppedBy>> {
  const sessions = rows.map((row) => [valueIn(row, rule.session)]).filter(([session]) => session !== null);
  const all = new RowsByKey([rule.session], await spine.rowsWith([rule.session], distinctTuples(sessions)));
  const dtype = dtypes.get(rule.event) ?? "TEXT";
  const isOneOf = (literals: readonly Literal[]) => {
    const values = literals.map((literal) => valueOfLiteral(literal, dtype));
    return (event: Value) => values.some((value) => equalValues(value, event));
  };
  const [isView, isLike] = [isOneOf(rule.viewEvents), isOneOf(rule.likeEvents)];
  const dropped = new Map<Row, DroppedBy>();
  for (const row of rows) {
    const session = valueIn(row, rule.session);
    if (session === null) continue;
    const day = dayNumber(instantIn(row, time) ?? 0n);
    const events = all
      .of([session])
      .filter((other) => dayNumber(instantIn(other, time) ?? 0n) === day && isCovered(other))
      .map((other) => valueIn(other, rule.event));
    const outside = events.filter((event) => !isView(event));
    const likes = outside.filter(isLike).length;
    const viewOnly = rule.dropViewOnly && outside.length === 0;
    if (!viewOnly && !(rule.dropSingleLike && outside.length === 1 && likes === 1)) continue;
    dropped.set(row, {
      type: "session",
      filter: name,
      kind: viewOnly ? "view-only" : "single-like",
      session: shown(session, dtypes.get(rule.session) ?? "TEXT"),
      day: isoDate(day),
      rows: events.length,
      outside: outside.length,
      likes,
    });
  }
  return dropped;
}

function byCoverage(
  name: string,
  { store, column }: RuleOf<"coverage">,
  rows: readonly Row[],
  { dtypes, isCovered }: FilterSurroundings,
): ReadonlyMap<Row, DroppedBy> {
  const dropped = new Map<Row, DroppedBy>();
  for (const row of rows)
    if (!isCovered(row)) {
      const id = shown(valueIn(row, column), dtypes.get(column) ?? "BIGINT");
      dropped.set(row, { type: "coverage", filter: name, store, column, id });
    }
  return dropped;
}

async function byContent(
  name: string,
  rule: RuleOf<"drop_where">,
  rows: readonly Row[],
  { dtypes, evaluate }: FilterSurroundings,
): Promise<ReadonlyMap<Row, DroppedBy>> {
  const dropped = new Map<Row, DroppedBy>();
  for (const predicate of rule.anyOf) {
    const verdicts = await evaluate(predicate, rows, dtypes);
    for (const [index, row] of rows.entries()) {
      if (verdicts[index] !== true || dropped.has(row)) continue;
      const values = predicate.columns.map((column) => [
        column,
        shown(valueIn(row, column), dtypes.get(column) ?? "TEXT"),
      ]);
      dropped.set(row, { type: "content", filter: name, where: predicate.text, values: Object.fromEntries(values) });
    }
  }
  return dropped;
}
