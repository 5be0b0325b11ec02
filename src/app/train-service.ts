import { ROLLING_ENGINES, type RollingEngine } from "../definitions/runtime.js";
import type { ProgressEvent } from "../runs/progress.js";
import { EXECUTORS, type ExecutorName } from "../tasks/task.js";
import type { DaySelection } from "../training/days.js";
import {
  type DayPolicy,
  type DaysPlan,
  planDays as planDaysOf,
  type ServiceStatus,
  statusOf as statusOfInputs,
} from "../training/plan.js";
import { type TrainReport, train as trainInputs } from "../training/train.js";
import type { CompiledService } from "./compile-service.js";
import { executorsOf, limitsOf } from "./executors.js";
import { onEngine } from "./on-engine.js";
import { checkOptions, FLAG, FUNCTION, oneOf, SIGNAL, TEXT, wholeNumber } from "./options.js";
import { type OutputOptions, withTrainingInputs } from "./training-inputs.js";
import { versions } from "./versions.js";
import { writtenRules } from "./written-rules.js";

export interface TrainOptions extends DaySelection, DayPolicy, OutputOptions {
  /** Days at a time; default: `day_workers` of the runtime. */
  readonly dayWorkers?: number;
  /** Who runs rolling aggregates in this run, whatever the definitions say; the table is the same. */
  readonly engine?: RollingEngine;
  /** Where days run and embeddings are filled in; default: on this machine. The days are the same. */
  readonly executor?: ExecutorName;
  /** Only fill the embedding columns of days whose skeleton is there. */
  readonly enrichOnly?: boolean;
  /** As told to a second run in the same folder. */
  readonly command?: string;
  /** Stops the run cleanly: no half-written day. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (event: ProgressEvent) => void;
}

const OUTPUT = { outputRoot: TEXT };
const PLAN = {
  ...OUTPUT,
  targetDate: TEXT,
  from: TEXT,
  to: TEXT,
  skeletonOnly: FLAG,
  enrichOnly: FLAG,
  refresh: FLAG,
  force: FLAG,
};
const TRAIN = {
  ...PLAN,
  command: TEXT,
  dayWorkers: wholeNumber(1),
  engine: oneOf(ROLLING_ENGINES),
  executor: oneOf(EXECUTORS),
  signal: SIGNAL,
  onProgress: FUNCTION,
};

/**
 * Writes the days of a compiled service that are not as they should be. Throws DaedalusError before the first day: exit code
 * 2 for what cannot be done, 1 for what stops it. A day that fails is in the report and stops no other.
 * RangeError for options that are none.
 */
export async function train(compiled: CompiledService, options: TrainOptions = {}): Promise<TrainReport> {
  checkOptions("train", options, TRAIN);
  const { dayWorkers, outputRoot: _, command, engine, executor = "local", ...rest } = options;
  const { service } = compiled.pipeline;
  const runtime = compiled.project.runtimeOf(service);
  const { duckdbConfig } = runtime.compute;
  const executors = executorsOf(executor, runtime.compute, compiled.project.directory);
  try {
    return await withTrainingInputs(onEngine(compiled, engine), options, (inputs) =>
      trainInputs({
        ...rest,
        ...inputs,
        dayWorkers: dayWorkers ?? Number(runtime.dayWorkers),
        duckdbConfig,
        ...limitsOf(runtime.compute),
        rules: writtenRules(compiled.project, service),
        startExecutor: (workers, output) => executors.start(workers, output),
        command: command ?? `train ${service}`,
        versions: versions(),
      }),
    );
  } finally {
    await executors.close();
  }
}

/** What `train` would do with each day, and why. Reads only; throws DaedalusError as `train` does. */
export async function planDays(
  compiled: CompiledService,
  options: DaySelection & DayPolicy & OutputOptions = {},
): Promise<DaysPlan> {
  checkOptions("planDays", options, PLAN);
  return withTrainingInputs(compiled, options, (inputs) => planDaysOf(inputs, options));
}

/** The state of every day of the feed's months, and of what is written beyond them. Reads only. */
export async function statusOf(compiled: CompiledService, options: OutputOptions = {}): Promise<ServiceStatus> {
  checkOptions("statusOf", options, OUTPUT);
  return withTrainingInputs(compiled, options, (inputs) => statusOfInputs(inputs));
}
