import type { Literal } from "../definitions/literal.js";
import type { ColumnName, Operator, Predicate } from "./operator.js";

/** Drops rows. */
export interface Filter extends Operator {
  readonly kind: "filter";
  readonly inputs: readonly [RelationName: string];
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
