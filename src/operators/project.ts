import type { DType } from "../columnar/dtypes.js";
import type { DurationUnit, Instant } from "../columnar/instants.js";
import type { Literal } from "../definitions/literal.js";
import type { ColumnName, Operator, Predicate, RelationName } from "./operator.js";

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
