import type { EngineTag } from "../../operators/operator.js";
import type { Pipeline } from "../../operators/pipeline.js";
import { planDay } from "./day-plan.js";
import type { DayPlan } from "./plan.js";
import { ORDERED } from "./sink.js";
import { identifier } from "./text.js";

/** Consecutive operators of one engine, and the SQL that they are composed into; `scan_…` names a view's rows of the day. */
export interface StageDescription {
  readonly name: string;
  readonly engine: EngineTag;
  readonly operators: readonly string[];
  readonly sql: string;
}

/** What runs, for readers: the same statements that a day executes. */
export function describeStages(pipeline: Pipeline): readonly StageDescription[] {
  const plan = planDay(pipeline);
  const stages: { engine: EngineTag; operators: string[] }[] = [];
  for (const operator of pipeline.operators) {
    const last = stages.at(-1);
    if (last && last.engine === operator.engine) last.operators.push(operator.name);
    else stages.push({ engine: operator.engine, operators: [operator.name] });
  }
  return stages.map(({ engine, operators }, index) => ({
    name: `stage_${index}_${engine}`,
    engine,
    operators,
    sql: operators.flatMap((operator) => statementsOf(plan, pipeline, operator)).join(";\n"),
  }));
}

function statementsOf(plan: DayPlan, pipeline: Pipeline, operator: string): string[] {
  const tables = plan.steps
    .filter((step) => step.operator === operator)
    .map((step) =>
      step.kind === "table"
        ? `CREATE TEMP TABLE ${step.name} AS\n  ${step.sql}`
        : `-- ${step.name}(${step.arguments.join(", ")}) answers from an index of\n  ${step.history}`,
    );
  const isSink = pipeline.operators.some((candidate) => candidate.name === operator && candidate.kind === "sink");
  if (!isSink) return tables;
  const columns = plan.output.map((column) => column.name);
  const { computed, stored } = plan.settled;
  const carry = [plan.order.time, ...stored];
  const ordered = plan.select({ from: plan.rows, columns: [], filtered: true, carry, settle: computed });
  const order = [plan.order.time, ...plan.order.columns]
    .map((name) => `${identifier(name)} ASC NULLS FIRST`)
    .join(", ");
  return [
    ...tables,
    `CREATE TEMP TABLE ${ORDERED} AS\n  ${ordered} ORDER BY ${order}`,
    `COPY (${plan.select({ from: `(SELECT *, rowid AS "@place" FROM ${ORDERED})`, settled: true, columns, filtered: false, carry: ["@place"] })} ORDER BY "@place" ASC NULLS FIRST)\n  TO 'part-N-0.parquet' (FORMAT parquet, COMPRESSION zstd)`,
  ];
}
