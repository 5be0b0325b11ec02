/**
 * Daedalus as a library. Definitions, pipelines and reports are plain, frozen data; what is wrong is thrown as one
 * `DaedalusError` with all problems.
 */
export {
  type AggregatePitTable,
  aggregatePitTable,
  getAggregatePitTable,
  PIT_TABLE_ENGINES,
  type PitTableEngineName,
} from "./app/aggregate-pit-table.js";
export { type AuditOptions, audit } from "./app/audit-service.js";
export { type Catalog, catalogOf } from "./app/catalog.js";
export {
  type CompiledService,
  compileService,
  explain,
  pipelineYaml,
} from "./app/compile-service.js";
export { type ExplainRowOptions, explainRow } from "./app/explain-row.js";
export {
  type AnalyzeOptions,
  analyze,
  explanationPage,
  renderExplanation,
  writtenDaysOf,
} from "./app/explain-service.js";
export {
  type ComputedFeatures,
  type ComputeFeaturesRequest,
  FeatureEngine,
  type FeatureEngineConfig,
  type FeatureEngineOptions,
  type FeatureStatus,
} from "./app/feature-engine.js";
export { featureLibrary } from "./app/feature-types.js";
export {
  type ComputeRunOptions,
  computeFeatureRun,
  type FeatureRunChanges,
  type FeatureRunReport,
  type OpenedFeatureRun,
  openFeatureRun,
} from "./app/features-service.js";
export type { PitTableOptions, PitTableSpec, PitTableView } from "./app/pit-table-job.js";
export type { PitTimeUnit } from "./app/pit-table-times.js";
export { type LoadOptions, loadProject, type ProjectFiles } from "./app/project.js";
export type { SourceTablesRequest } from "./app/read-source-tables.js";
export { schemas } from "./app/schemas.js";
export { planDays, statusOf, type TrainOptions, train } from "./app/train-service.js";
export type { AuditProgress, AuditReport } from "./audit/audit.js";
export type { CounterExample } from "./audit/counter-examples.js";
export type { ExplainedCell, ExplainedSpineRow, RowExplanation } from "./audit/explain-row.js";
export type { OpenDay } from "./audit/laboratory.js";
export type { Changes } from "./audit/perturb.js";
export type { RowAddress } from "./audit/row-address.js";
export type { Trial } from "./audit/trials.js";
export type { Analysis, OperatorFigures } from "./compiler/explain/analysis.js";
export type { WrittenDays } from "./compiler/explain/written-days.js";
export type { Explanation, Findings } from "./compiler/explain.js";
export type {
  FeatureBackend,
  FeatureRun,
  FeatureSpec,
  RunTable,
  WrittenFeatureSpec,
} from "./definitions/feature-run.js";
export type { FeatureService } from "./definitions/feature-service.js";
export type { FeatureStep, FeatureType, ParameterDefinition } from "./definitions/feature-type.js";
export type { FeatureView } from "./definitions/feature-view.js";
export type { Project } from "./definitions/project.js";
export type { Runtime } from "./definitions/runtime.js";
export { DaedalusError, type ExitCode, formatProblem, type Problem } from "./errors/problem.js";
export type { AnyOperator, Pipeline } from "./operators/pipeline.js";
export type { ProgressEvent } from "./runs/progress.js";
export type { DroppedBy, Excluded, RowReference, Step } from "./trace/steps.js";
export type { Value } from "./trace/values.js";
export type { DaySelection } from "./training/days.js";
export type { DayPolicy, DaysPlan, PlannedDay, ServiceStatus } from "./training/plan.js";
export type { TrainedDay, TrainReport } from "./training/train.js";
