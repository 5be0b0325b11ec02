import type { ColumnKind } from "../definitions/feature-service.js";
import { columnsOfRule } from "../operators/filter.js";
import type { Column, EngineTag } from "../operators/operator.js";
import type { AnyOperator, Pipeline } from "../operators/pipeline.js";
import type { YamlValue } from "../operators/registry.js";
import type { Analysis, OperatorFigures } from "./explain/analysis.js";
import { lineageOf } from "./explain/lineage.js";
import type { WrittenDays } from "./explain/written-days.js";
import { operatorToYaml } from "./pipeline-yaml.js";
import type { ResolvedService } from "./resolve/resolved-service.js";

/** Consecutive operators of one engine. */
export interface Stage {
  readonly name: string;
  readonly engine: EngineTag;
  readonly operators: readonly string[];
}

/** How an engine composes the pipeline; it tells it. */
export interface Composition {
  readonly stages: readonly Stage[];
  /** The statements of each operator's own, by its name. */
  readonly statements: Readonly<Record<string, readonly string[]>>;
  /** The operators in whose statements another's work, or part of it, is done; by its name. */
  readonly composedInto: Readonly<Record<string, readonly string[]>>;
}

/** What the pipeline does not say of its views and columns. */
export interface ExplainExtras {
  /** Of the contract, by column. */
  readonly kinds: Readonly<Record<string, ColumnKind>>;
  /** Views joined `as_of: latest` that have an `available_field`: it is ignored there. */
  readonly availableIgnored: readonly string[];
  /** Files of the sources' folders that are not read, by view. */
  readonly ignoredFiles: Readonly<Record<string, number>>;
  readonly coverageScope?: "target_day" | "window";
}

/** Everything that `explain` shows; plain data, the JSON form is this. */
export interface Explanation {
  readonly service: string;
  readonly version: string;
  readonly spine: string;
  readonly operators: readonly ExplainedOperator[];
  readonly columns: readonly ExplainedColumn[];
  readonly stages: readonly Stage[];
  /** Static views whose latest row is joined, whenever it was. */
  readonly leakingViews: readonly LeakingView[];
  /** What is not causal by definition: it knows more than what lies before the row. */
  readonly notCausal: readonly string[];
  readonly notes: readonly string[];
  /** With `--analyze`: what running a day told; of each operator under `measured`. */
  readonly analysis?: Omit<Analysis, "operators">;
  /** What the manifests of the written days say of the columns; absent if nobody looked. */
  readonly written?: WrittenDays;
}

export interface ExplainedOperator {
  readonly name: string;
  readonly kind: AnyOperator["kind"];
  readonly engine: EngineTag;
  readonly inputs: readonly string[];
  readonly does: string;
  /** What is its own, as the generated YAML has it. */
  readonly fields: Readonly<Record<string, YamlValue>>;
  /** The statements of its own. */
  readonly sql: readonly string[];
  /** The operators in whose statements its work, or part of it, is done. */
  readonly composedInto: readonly string[];
  readonly measured?: OperatorFigures;
}

export interface ExplainedColumn extends Column {
  readonly kind: ColumnKind;
  /** The engine tags of what it passes. */
  readonly engines: readonly EngineTag[];
  /** The operators that the value passes, first to last. */
  readonly operators: readonly string[];
  /** `view.column` at the source. */
  readonly sources: readonly string[];
  /** Static views that its value depends on and that can leak. */
  readonly leaks: readonly string[];
}

export interface LeakingView {
  readonly view: string;
  readonly operators: readonly string[];
  readonly columns: readonly string[];
  readonly availableIgnored: boolean;
}

export function extrasOf(service: ResolvedService): ExplainExtras {
  return {
    kinds: Object.fromEntries(service.columns.map(({ name, kind }) => [name, kind])),
    availableIgnored: service.refs
      .filter(({ asOf, view }) => asOf === "latest" && view.available !== undefined)
      .map(({ view }) => view.name),
    ignoredFiles: service.ignoredFiles,
    ...(service.coverage === undefined ? {} : { coverageScope: service.coverage.scope }),
  };
}

/** What was found out about the data, beside the definitions. */
export interface Findings {
  readonly analysis?: Analysis;
  readonly written?: WrittenDays;
}

/** The pipeline as a reader wants to know it. Pure. */
export function explain(
  pipeline: Pipeline,
  composition: Composition,
  extras: ExplainExtras,
  { analysis, written }: Findings = {},
): Explanation {
  const lineage = lineageOf(pipeline);
  const statics = staticJoins(pipeline);
  const tags = new Map(pipeline.operators.map(({ name, engine }) => [name, engine]));
  const columns = pipeline.output.map(({ name, dtype }): ExplainedColumn => {
    const { operators = [], sources = [], dependencies = [] } = lineage.get(name) ?? {};
    const leaks = [...new Set(dependencies.flatMap((operator) => statics.get(operator) ?? []))];
    const engines = [...new Set(operators.flatMap((operator) => tags.get(operator) ?? []))];
    return { name, dtype, kind: kindOf(extras, name), engines, operators, sources, leaks };
  });
  const leakingViews = [...new Set(statics.values())].map((view) => ({
    view,
    operators: [...statics].filter(([, of]) => of === view).map(([operator]) => operator),
    columns: columns.filter(({ leaks }) => leaks.includes(view)).map(({ name }) => name),
    availableIgnored: extras.availableIgnored.includes(view),
  }));
  return {
    service: pipeline.service,
    version: pipeline.version,
    spine: pipeline.spine.view,
    operators: pipeline.operators.map((operator) => explainedOperator(operator, composition, analysis)),
    columns,
    stages: composition.stages,
    leakingViews,
    notCausal: notCausal(pipeline, columns, statics),
    notes: notesOf(pipeline, extras),
    ...(analysis === undefined ? {} : { analysis: totalsOf(analysis) }),
    ...(written === undefined ? {} : { written }),
  };
}

function kindOf({ kinds }: ExplainExtras, column: string): ColumnKind {
  const kind = kinds[column];
  if (kind === undefined) throw new RangeError(`the contract has no column "${column}"`);
  return kind;
}

function explainedOperator(
  operator: AnyOperator,
  { statements, composedInto }: Composition,
  analysis: Analysis | undefined,
): ExplainedOperator {
  const { name, kind, engine, inputs } = operator;
  const { name: _, kind: __, engine: ___, inputs: ____, output: _____, ...fields } = operatorToYaml(operator);
  const measured = analysis?.operators[name];
  return {
    name,
    kind,
    engine,
    inputs,
    does: summaryOf(operator),
    fields,
    sql: statements[name] ?? [],
    composedInto: composedInto[name] ?? [],
    ...(measured === undefined ? {} : { measured }),
  };
}

function totalsOf({ operators: _, ...totals }: Analysis): Omit<Analysis, "operators"> {
  return totals;
}

/** Joins of a static view, which see its latest row: operator → view. */
function staticJoins(pipeline: Pipeline): ReadonlyMap<string, string> {
  const views = new Map(
    pipeline.operators.flatMap((operator) =>
      operator.kind === "scan" ? [[operator.output, operator.view] as const] : [],
    ),
  );
  return new Map(
    pipeline.operators.flatMap((operator) =>
      operator.kind === "join" ? [[operator.name, views.get(operator.inputs[1]) ?? operator.inputs[1]] as const] : [],
    ),
  );
}

function notCausal(
  pipeline: Pipeline,
  columns: readonly ExplainedColumn[],
  statics: ReadonlyMap<string, string>,
): readonly string[] {
  const has = (name: string) => pipeline.operators.some((operator) => operator.name === name);
  const leaking = columns.filter(({ leaks }) => leaks.length > 0);
  return [
    ...leaking.map(({ name, leaks }) => `column ${name}: depends on the latest rows of ${leaks.join(", ")}`),
    ...(pipeline.spine.session === undefined ? [] : ["column qid: numbers the sessions of whole days"]),
    ...(has("session_filter") ? ["session_filter: judges the sessions of the whole day"] : []),
    ...(has("coverage_filter") ? ["coverage_filter: asks the store as it is now"] : []),
    ...(has("coverage_filter_history")
      ? ["coverage_filter_history: asks the store as it is now, for the whole history"]
      : []),
    ...contentFilterLeaks(pipeline, statics),
  ];
}

/** A filter that reads the latest rows of a static view drops rows by what was known only later. */
function contentFilterLeaks(pipeline: Pipeline, statics: ReadonlyMap<string, string>): readonly string[] {
  const position = pipeline.operators.findIndex(({ name }) => name === "content_filter");
  const filter = pipeline.operators[position];
  if (filter?.kind !== "filter") return [];
  const before = lineageOf({ ...pipeline, operators: pipeline.operators.slice(0, position) });
  const views = columnsOfRule(filter.rule).flatMap((column) =>
    (before.get(column)?.dependencies ?? []).flatMap((operator) => statics.get(operator) ?? []),
  );
  return views.length === 0 ? [] : [`content_filter: depends on the latest rows of ${[...new Set(views)].join(", ")}`];
}

function notesOf(pipeline: Pipeline, extras: ExplainExtras): readonly string[] {
  const files = Object.entries(extras.ignoredFiles).map(
    ([view, count]) =>
      `view ${view}: ${count} ${count === 1 ? "file is" : "files are"} not read (another ending, or a name that begins with _ or .)`,
  );
  const scope =
    extras.coverageScope === "window"
      ? [
          "embedding_coverage_filter has scope: window: it drops rows of the whole spine before the rolling step, so rolling values change when an embedding arrives later, and may differ from those of another service of this project",
        ]
      : [];
  const available = extras.availableIgnored
    .filter((view) => pipeline.operators.some((operator) => operator.kind === "scan" && operator.view === view))
    .map((view) => `view ${view}: available_field is ignored, because it is joined as_of: latest`);
  return [...available, ...scope, ...files];
}

function summaryOf(operator: AnyOperator): string {
  switch (operator.kind) {
    case "scan": {
      const { range, view, columns } = operator;
      const rows =
        range.kind === "target_day"
          ? "rows of the target day"
          : range.kind === "unbounded"
            ? "all rows"
            : range.lookback === "all"
              ? "all rows until the day's end"
              : `rows from ${range.lookback} before the day until its end`;
      return `${view}: ${rows}, ${columns.length} columns${operator.predicate ? `, where ${operator.predicate.text}` : ""}`;
    }
    case "filter":
      if (operator.rule.type === "drop_where")
        return `drops where ${operator.rule.anyOf.map(({ text }) => text).join(" or ")}`;
      return operator.rule.type === "session"
        ? `drops ${[operator.rule.dropViewOnly ? "view-only" : "", operator.rule.dropSingleLike ? "single-like" : ""].filter((text) => text !== "").join(" and ")} sessions`
        : `drops ids that store ${operator.rule.store} does not have`;
    case "project":
      return operator.steps.length === 0 ? "orders the columns" : `${operator.steps.length} steps`;
    case "join":
      return `${operator.latest ? "latest row per key" : "row of the key"}, ${operator.columns.length} columns`;
    case "pit_join":
      return operator.collect
        ? `values before the row, ${operator.collect.window === "all" ? "all of them" : `of ${operator.collect.window}`}`
        : `latest row before the row${operator.ttl ? `, not older than ${operator.ttl}` : ""}, ${operator.columns.length} columns`;
    case "rolling_aggregate":
      return `${operator.specs.length} specs, ${operator.specs.reduce((sum, { outputs }) => sum + outputs.length, 0)} columns, by ${operator.engine === "pythonic" ? "kernel, in workers" : operator.rollingEngine}`;
    case "arrow_udf_transform":
      return `${operator.function}(${operator.arguments.map(({ name }) => name).join(", ")})`;
    case "ray_udf_transform":
      return `${operator.columns.map(({ name }) => name).join(", ")} from store ${operator.store.name}`;
    case "sink":
      return `parquet, ${operator.partRows} rows a part`;
  }
}
