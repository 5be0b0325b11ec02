import type { DType } from "../columnar/dtypes.js";

/** Declared by the author or the compiler's default; nothing infers it. */
export const ENGINE_TAGS = ["sql", "sql_arrow_udf", "pythonic"] as const;
export type EngineTag = (typeof ENGINE_TAGS)[number];

/** The name of an operator's output; operators name their inputs by it. */
export type RelationName = string;

/**
 * A column inside the pipeline. What a view brings is called `<view>.<column>`, what an operator computes
 * `rolling:<name>`, `lookup:<name>`, `age:<name>`; the names of the contract appear where the output is assembled.
 */
export type ColumnName = string;

export interface Column {
  readonly name: ColumnName;
  readonly dtype: DType;
}

export type Schema = readonly Column[];

/** What all nine kinds have; each kind is a plain, frozen, serialisable description that holds no data and runs nothing. */
export interface Operator {
  readonly kind: string;
  /** Unique in a pipeline. */
  readonly name: string;
  readonly inputs: readonly RelationName[];
  readonly output: RelationName;
  readonly engine: EngineTag;
}

/** Equality of a left and a right column; NULL equals nothing. */
export interface KeyPair {
  readonly left: ColumnName;
  readonly right: ColumnName;
}

/**
 * A boolean expression over the columns of one relation, in DuckDB SQL. `sql` names columns as the pipeline does, quoted
 * (`"feed_events.event" = 'like'`), and is what runs; `text` is what the user wrote.
 */
export interface Predicate {
  readonly text: string;
  readonly sql: string;
  readonly columns: readonly ColumnName[];
}
