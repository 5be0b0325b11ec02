import type { DType } from "../columnar/dtypes.js";
import type { DurationUnit, Instant } from "../columnar/instants.js";
import type { Literal } from "../definitions/literal.js";
import { aDType, aDurationUnit, anEngine, anInstant, aPredicate, columnNames } from "./forms.js";
import type { ColumnName, Operator, Predicate, RelationName } from "./operator.js";
import { operatorKind } from "./operator-kind.js";
import { inputOf, requireColumns, withColumns } from "./schema.js";
import { aLiteral, aText, listOf, mapOf, oneOf, optional, pairOf, singleOf, taggedBy } from "./yaml-form.js";

/** Computes scalar expressions row by row. */
export interface Project extends Operator {
  readonly kind: "project";
  readonly inputs: readonly [RelationName];
  /** One after the other, each sees the ones before; a column that exists is replaced. */
  readonly steps: readonly Assignment[];
  /** The output's columns in order; absent: the input's and the assigned ones. */
  readonly select?: readonly ColumnName[];
}

export interface Assignment {
  readonly column: ColumnName;
  readonly dtype: DType;
  readonly value: Expression;
}

export type Expression =
  /** Another column, converted to the assignment's dtype (numbers; `DOUBLE` → `FLOAT` rounds); what does not fit stops the run. */
  | { readonly type: "column"; readonly column: ColumnName }
  /** The floor to microseconds as TIMESTAMP (of an integer spine timestamp that the contract declares so). */
  | { readonly type: "timestamp"; readonly instant: Instant }
  | { readonly type: "literal"; readonly value: Literal }
  /** A constant SQL expression of the user's. */
  | { readonly type: "sql"; readonly sql: string }
  /** `time − created` in the unit, the exact quotient rounded once; NULL if created is NULL, 0 if it is later. */
  | { readonly type: "age"; readonly time: Instant; readonly created: Instant; readonly unit: DurationUnit }
  /** Where TRUE the literal, else the column as it stands (`curation`). */
  | { readonly type: "curate"; readonly where: Predicate; readonly value: Literal; readonly column: ColumnName }
  /** By value, −0 = +0, NaN = NaN; NULL stays NULL; without `otherwise` unmapped values stay (`retriever_remap`). */
  | {
      readonly type: "remap";
      readonly column: ColumnName;
      readonly map: readonly (readonly [from: Literal, to: Literal])[];
      readonly otherwise?: Literal;
    }
  /** A NULL cell becomes the default (`default`), the SQL (`default_sql`), or stops the run naming the column (neither). */
  | { readonly type: "not_null"; readonly column: ColumnName; readonly default?: Literal; readonly defaultSql?: string }
  /** The integer that the run's map gives the session; NULL for none. */
  | { readonly type: "qid"; readonly session: ColumnName };

type ExpressionOf<Type extends Expression["type"]> = Extract<Expression, { readonly type: Type }>;

const anExpression = taggedBy<"type", Expression>("type", {
  column: mapOf<ExpressionOf<"column">>({ type: oneOf("column"), column: aText }),
  timestamp: mapOf<ExpressionOf<"timestamp">>({ type: oneOf("timestamp"), instant: anInstant }),
  literal: mapOf<ExpressionOf<"literal">>({ type: oneOf("literal"), value: aLiteral }),
  sql: mapOf<ExpressionOf<"sql">>({ type: oneOf("sql"), sql: aText }),
  age: mapOf<ExpressionOf<"age">>({ type: oneOf("age"), time: anInstant, created: anInstant, unit: aDurationUnit }),
  curate: mapOf<ExpressionOf<"curate">>({ type: oneOf("curate"), where: aPredicate, value: aLiteral, column: aText }),
  remap: mapOf<ExpressionOf<"remap">>({
    type: oneOf("remap"),
    column: aText,
    map: listOf(pairOf(aLiteral, aLiteral)),
    otherwise: optional(aLiteral),
  }),
  not_null: mapOf<ExpressionOf<"not_null">>({
    type: oneOf("not_null"),
    column: aText,
    default: optional(aLiteral),
    defaultSql: optional(aText),
  }),
  qid: mapOf<ExpressionOf<"qid">>({ type: oneOf("qid"), session: aText }),
});

export const project = operatorKind<Project>({
  kind: "project",
  canRunOn: ["sql"],
  fields: {
    kind: oneOf("project"),
    name: aText,
    engine: anEngine,
    inputs: singleOf(aText),
    output: aText,
    steps: listOf(mapOf<Assignment>({ column: aText, dtype: aDType, value: anExpression })),
    select: optional(columnNames),
  },
  schema: (self, inputs) => {
    const input = inputOf(self, inputs, 0);
    // One set that grows: checking each step against a fresh copy of the schema would be quadratic in the columns.
    const present = new Set(input.map(({ name }) => name));
    for (const { column, value } of self.steps) {
      const missing = columnsOfExpression(value).find((name) => !present.has(name));
      if (missing !== undefined) requireColumns(self, [], [missing]);
      present.add(column);
    }
    const all = withColumns(
      input,
      self.steps.map(({ column, dtype }) => ({ name: column, dtype })),
    );
    if (self.select === undefined) return all;
    const byName = requireColumns(self, all, self.select);
    return self.select.flatMap((name) => byName.get(name) ?? []);
  },
});

/** The columns that an expression reads. */
export function columnsOfExpression(value: Expression): readonly ColumnName[] {
  switch (value.type) {
    case "column":
    case "remap":
    case "not_null":
      return [value.column];
    case "timestamp":
      return [value.instant.column];
    case "age":
      return [value.time.column, value.created.column];
    case "curate":
      return [value.column, ...value.where.columns];
    case "qid":
      return [value.session];
    case "literal":
    case "sql":
      return [];
  }
}
