import { isList } from "../columnar/dtypes.js";
import type { Pipeline } from "../operators/pipeline.js";
import type { ColumnStatistics } from "./day.js";
import { lateOperatorsOf } from "./inputs.js";

/**
 * Which columns of a run's days have no value in any row: NULLs and empty lists only, and nothing but zeros where a window is
 * counted. A misspelt event, keys that never meet and times in another unit look like this, and are no mistake to anybody else.
 */
export class EmptyColumns {
  /** Columns that no row has given a value yet; those that are filled in later are not among them. */
  readonly #empty: Set<string>;
  readonly #counts: ReadonlySet<string>;
  #rows = 0;

  constructor(pipeline: Pipeline) {
    const later = new Set(
      lateOperatorsOf(pipeline).flatMap((operator) =>
        operator.kind === "ray_udf_transform" ? operator.columns.map(({ name }) => name) : [operator.column.name],
      ),
    );
    this.#empty = new Set(pipeline.output.map(({ name }) => name).filter((name) => !later.has(name)));
    this.#counts = countsOf(pipeline);
  }

  /** Takes the statistics of a day that was written. */
  see(rows: number, columns: readonly ColumnStatistics[]): void {
    this.#rows += rows;
    for (const column of columns) if (this.#hasValue(column, rows)) this.#empty.delete(column.name);
  }

  /** In the order of the output; none where there was no row. */
  names(): readonly string[] {
    return this.#rows === 0 ? [] : [...this.#empty];
  }

  #hasValue({ name, dtype, nulls, max, lengths }: ColumnStatistics, rows: number): boolean {
    if (isList(dtype)) return (lengths?.max ?? 0) > 0;
    return nulls < rows && !(this.#counts.has(name) && max === "0");
  }
}

/** Columns that count rows or values of windows, under all their names. */
function countsOf({ operators }: Pipeline): ReadonlySet<string> {
  const counts = new Set<string>();
  for (const operator of operators) {
    if (operator.kind === "rolling_aggregate")
      for (const { agg, outputs } of operator.specs)
        if (agg === "count" || agg === "count_distinct") for (const { name } of outputs) counts.add(name);
    if (operator.kind === "project")
      for (const { column, value } of operator.steps)
        if ((value.type === "column" || value.type === "not_null") && counts.has(value.column)) counts.add(column);
  }
  return counts;
}
