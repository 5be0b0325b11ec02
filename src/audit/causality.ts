import { type Explanation, explain, extrasOf } from "../compiler/explain.js";
import type { ResolvedService } from "../compiler/resolve/resolved-service.js";
import type { ColumnName } from "../operators/operator.js";
import type { Pipeline } from "../operators/pipeline.js";

/** What of a service promises that the future does not move it. */
export interface Causality {
  /** Columns that know more than what lies before the row, by definition. */
  readonly columns: ReadonlySet<ColumnName>;
  /** Whether filters judge a row by what lies before it alone, so that none comes or goes. */
  readonly rows: boolean;
  /** Sentences about what is not causal. */
  readonly notCausal: readonly string[];
}

/** How an engine would run it says nothing about causality. */
const NOT_COMPOSED = { stages: [], statements: {}, composedInto: {} };

export function causalityOf(pipeline: Pipeline, service: ResolvedService): Causality {
  const { columns, notCausal }: Explanation = explain(pipeline, NOT_COMPOSED, extrasOf(service));
  const leaking = columns.filter(({ leaks }) => leaks.length > 0).map(({ name }) => name);
  const numbers = service.columns.filter(({ from }) => from.type === "qid").map(({ name }) => name);
  const filters = pipeline.operators.filter((operator) => operator.kind === "filter");
  const judged = filters.some(({ rule }) => rule.type !== "drop_where");
  return {
    columns: new Set([...leaking, ...numbers]),
    rows: !judged && !notCausal.some((line) => line.startsWith("content_filter:")),
    notCausal,
  };
}
