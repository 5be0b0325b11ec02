import type { Literal } from "../definitions/literal.js";
import { anEngine, aPredicate } from "./forms.js";
import type { ColumnName, Operator, Predicate, RelationName } from "./operator.js";
import { operatorKind } from "./operator-kind.js";
import { inputOf, requireColumns } from "./schema.js";
import { aBoolean, aLiteral, aText, listOf, mapOf, oneOf, optional, singleOf, taggedBy } from "./yaml-form.js";

/** Drops rows. */
export interface Filter extends Operator {
  readonly kind: "filter";
  readonly inputs: readonly [RelationName];
  readonly rule: FilterRule;
}

export type FilterRule =
  /** A row goes if one of the predicates is TRUE; NULL keeps it. */
  | { readonly type: "drop_where"; readonly anyOf: readonly Predicate[] }
  /** Sessions are judged on the rows of the input; rows without a session id stay. */
  | {
      readonly type: "session";
      readonly session: ColumnName;
      readonly event: ColumnName;
      readonly viewEvents: readonly Literal[];
      readonly likeEvents: readonly Literal[];
      readonly dropViewOnly: boolean;
      readonly dropSingleLike: boolean;
    }
  /** Rows whose id the embedding store does not have; NULL is none that it has. */
  | {
      readonly type: "coverage";
      readonly store: string;
      readonly column: ColumnName;
      readonly events?: { readonly column: ColumnName; readonly values: readonly Literal[] };
    };

type RuleOf<Type extends FilterRule["type"]> = Extract<FilterRule, { readonly type: Type }>;

const aRule = taggedBy<"type", FilterRule>("type", {
  drop_where: mapOf<RuleOf<"drop_where">>({ type: oneOf("drop_where"), anyOf: listOf(aPredicate) }),
  session: mapOf<RuleOf<"session">>({
    type: oneOf("session"),
    session: aText,
    event: aText,
    viewEvents: listOf(aLiteral),
    likeEvents: listOf(aLiteral),
    dropViewOnly: aBoolean,
    dropSingleLike: aBoolean,
  }),
  coverage: mapOf<RuleOf<"coverage">>({
    type: oneOf("coverage"),
    store: aText,
    column: aText,
    events: optional(mapOf({ column: aText, values: listOf(aLiteral) })),
  }),
});

export const filter = operatorKind<Filter>({
  kind: "filter",
  canRunOn: ["sql"],
  fields: {
    kind: oneOf("filter"),
    name: aText,
    engine: anEngine,
    inputs: singleOf(aText),
    output: aText,
    rule: aRule,
  },
  schema: (self, inputs) => {
    const input = inputOf(self, inputs, 0);
    requireColumns(self, input, columnsOfRule(self.rule));
    return input;
  },
});

/** The columns that a filter reads. */
export function columnsOfRule(rule: FilterRule): readonly ColumnName[] {
  switch (rule.type) {
    case "drop_where":
      return rule.anyOf.flatMap(({ columns }) => columns);
    case "session":
      return [rule.session, rule.event];
    case "coverage":
      return [rule.column, ...(rule.events === undefined ? [] : [rule.events.column])];
  }
}
