import type { EngineTag } from "../../operators/operator.js";
import type { Pipeline } from "../../operators/pipeline.js";
import type { Scan } from "../../operators/scan.js";
import { planDay } from "./day-plan.js";
import type { DayPlan, PlanStep } from "./plan.js";
import { ORDERED } from "./sink.js";
import { identifier, text } from "./text.js";

/** What runs, for readers: the same statements that a day executes; `scan_…` names a view's rows for the day `$day`. */
export interface CompositionDescription {
  /** Consecutive operators of one engine. */
  readonly stages: readonly {
    readonly name: string;
    readonly engine: EngineTag;
    readonly operators: readonly string[];
  }[];
  /** The statements of each operator's own, by its name. */
  readonly statements: Readonly<Record<string, readonly string[]>>;
  /** The operators in whose statements another's work, or part of it, is done; by its name. */
  readonly composedInto: Readonly<Record<string, readonly string[]>>;
}

/** How the pipeline is composed into SQL. */
export function describeComposition(pipeline: Pipeline): CompositionDescription {
  const plan = planDay(pipeline);
  const stages: { engine: EngineTag; operators: string[] }[] = [];
  for (const operator of pipeline.operators) {
    const last = stages.at(-1);
    if (last && last.engine === operator.engine) last.operators.push(operator.name);
    else stages.push({ engine: operator.engine, operators: [operator.name] });
  }
  return {
    stages: stages.map((stage, index) => ({ name: `stage_${index}_${stage.engine}`, ...stage })),
    statements: statementsOf(plan, pipeline),
    composedInto: composedInto(plan, pipeline),
  };
}

/** For each operator the others in whose statements it is composed, in the pipeline's order. */
export function composedInto(plan: DayPlan, { operators }: Pipeline): Readonly<Record<string, readonly string[]>> {
  const into = new Map<string, Set<string>>(operators.map(({ name }) => [name, new Set()]));
  for (const step of plan.steps) for (const operator of step.composes) into.get(operator)?.add(step.operator);
  const sink = operators.find(({ kind }) => kind === "sink");
  if (sink) for (const operator of plan.finishes) into.get(operator)?.add(sink.name);
  const place = new Map(operators.map(({ name }, index) => [name, index]));
  return Object.fromEntries(
    [...into].map(([name, owners]) => [
      name,
      [...owners].sort((left, right) => (place.get(left) ?? 0) - (place.get(right) ?? 0)),
    ]),
  );
}

function statementsOf(plan: DayPlan, { operators }: Pipeline): Readonly<Record<string, readonly string[]>> {
  const statements = new Map<string, string[]>(operators.map(({ name }) => [name, []]));
  for (const scan of plan.scans) statements.get(scan.name)?.push(scanning(scan));
  for (const step of plan.steps) statements.get(step.operator)?.push(...stepStatements(step));
  const sink = operators.find(({ kind }) => kind === "sink");
  if (sink) statements.get(sink.name)?.push(...finishing(plan));
  return Object.fromEntries(statements);
}

function stepStatements(step: PlanStep): readonly string[] {
  switch (step.kind) {
    case "table":
      return [`CREATE TABLE ${step.name} AS\n  ${step.sql}`];
    case "kernel": {
      const unique =
        step.unique === undefined ? "" : `\n-- or, if rows of a key share an instant, of\n  ${step.unique}`;
      return [`-- ${step.name}(${step.arguments.join(", ")}) answers from an index of\n  ${step.history}${unique}`];
    }
    case "polars":
      return [
        `COPY (${step.queries})\n  TO 'queries.parquet' (FORMAT parquet, DICTIONARY_SIZE_LIMIT 0)`,
        `COPY (${step.history})\n  TO 'history.parquet' (FORMAT parquet, DICTIONARY_SIZE_LIMIT 0)`,
        `-- polars makes windows-N.parquet of them\nCREATE TABLE ${step.name} AS\n  SELECT row AS kid, * EXCLUDE (row) FROM 'windows-*.parquet'`,
      ];
  }
}

/** The view of a scan over the rows of its source, which depend on the day: instants are integers, `day` is midnight. */
function scanning(scan: Scan): string {
  const selected = [
    ...scan.columns.map(({ name, source, dtype }) => `CAST(${identifier(source)} AS ${dtype}) AS ${identifier(name)}`),
    ...scan.instants.map(
      ({ name, source, unit }) => `ticks(${identifier(source)}, ${text(unit)}) AS ${identifier(name)}`,
    ),
  ];
  const conditions = [...withinDay(scan), ...(scan.predicate === undefined ? [] : [`(${scan.predicate.sql})`])];
  const where = conditions.length === 0 ? "" : ` WHERE ${conditions.join(" AND ")}`;
  return `CREATE VIEW ${identifier(scan.output)} AS\n  SELECT ${selected.join(", ")} FROM ${identifier(scan.view)}${where}`;
}

function withinDay({ range }: Scan): readonly string[] {
  if (range.kind === "unbounded") return [];
  const time = identifier(range.instant);
  const until = `${time} < $day + INTERVAL 1 day`;
  if (range.kind === "target_day") return [`${time} >= $day`, until];
  return range.lookback === "all" ? [until] : [`${time} >= $day - INTERVAL '${range.lookback}'`, until];
}

function finishing(plan: DayPlan): readonly string[] {
  const columns = plan.output.map((column) => column.name);
  const { computed, stored } = plan.settled;
  const carry = [plan.order.time, ...stored];
  const ordered = plan.select({ from: plan.rows, columns: [], filtered: true, carry, settle: computed });
  const order = [plan.order.time, ...plan.order.columns]
    .map((name) => `${identifier(name)} ASC NULLS FIRST`)
    .join(", ");
  return [
    `CREATE TABLE ${ORDERED} AS\n  ${ordered} ORDER BY ${order}`,
    `COPY (${plan.select({ from: `(SELECT *, rowid AS "@place" FROM ${ORDERED})`, settled: true, columns, filtered: false, carry: ["@place"] })} ORDER BY "@place" ASC NULLS FIRST)\n  TO 'part-N-0.parquet' (FORMAT parquet, COMPRESSION zstd)`,
  ];
}
