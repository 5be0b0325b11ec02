import type { DType } from "../columnar/dtypes.js";
import type { Literal } from "../definitions/literal.js";
import type { FilterRule } from "../operators/filter.js";
import type { ColumnName } from "../operators/operator.js";
import type { Relation } from "./relation.js";
import { type Row, valueIn } from "./row.js";
import { equalValues, type Value, valueOfLiteral } from "./values.js";

export type CoverageRule = Extract<FilterRule, { readonly type: "coverage" }>;

/** Whether a row stays: its event is none that the rule is about, or the store has its id. */
export function coverage(
  { column, events }: CoverageRule,
  has: (id: Value) => boolean,
  dtypes: ReadonlyMap<ColumnName, DType>,
): (row: Row) => boolean {
  const judged = events?.values.map((literal: Literal) => valueOfLiteral(literal, dtypes.get(events.column) ?? "TEXT"));
  return (row) => {
    if (events !== undefined && judged !== undefined) {
      const event = valueIn(row, events.column);
      if (!judged.some((value) => equalValues(value, event))) return true;
    }
    const id = valueIn(row, column);
    return id !== null && has(id);
  };
}

/** A relation without the rows that a filter drops. */
export class CoveredRelation implements Relation {
  readonly view: string;
  readonly dtypes: ReadonlyMap<ColumnName, DType>;

  constructor(
    private readonly all: Relation,
    private readonly stays: (row: Row) => boolean,
  ) {
    this.view = all.view;
    this.dtypes = all.dtypes;
  }

  async rowsWith(columns: readonly ColumnName[], tuples: readonly (readonly Value[])[]): Promise<readonly Row[]> {
    return (await this.all.rowsWith(columns, tuples)).filter(this.stays);
  }
}
