import { ROLLING_ENGINES, type RollingEngine } from "../definitions/runtime.js";
import { DaedalusError, formatProblem } from "../errors/problem.js";
import { trainingProblem } from "../errors/training.js";
import { EXECUTORS, type ExecutorName } from "../tasks/task.js";
import type { TrainReport } from "../training/train.js";
import { type AddCommand, answering, oneOf, wholeNumber } from "./command.js";
import { type DayOptions, dayOptions, selectionOf } from "./day-options.js";
import { interruptible } from "./interruption.js";
import { relativePath } from "./paths.js";
import { type FileOptions, fileOptions, openProject } from "./project-options.js";
import { table } from "./table.js";
import { count, grouped, seconds, showProgress } from "./train-progress.js";

interface Options extends FileOptions, DayOptions {
  readonly dayWorkers?: number;
  readonly enrichOnly?: boolean;
  readonly engine?: RollingEngine;
  readonly executor: ExecutorName;
}

export const addPipelineTrain: AddCommand = (group, terminal, exit) => {
  const command = group
    .command("train")
    .summary("write the training set of a service, day by day")
    .description(
      "Writes the days of a service that are absent, stale or failed, each as a folder dt=YYYY-MM-DD that is complete or absent. Ctrl-C leaves no half-written day; the same command goes on.",
    )
    .argument("<service>", "name of a feature service");
  dayOptions(command)
    .option("--day-workers <n>", "days at a time, instead of day_workers", wholeNumber("--day-workers", 1, 65_535))
    .option("--enrich-only", "only fill the embedding columns of days whose skeleton is there")
    .option(
      "--engine <engine>",
      `who runs rolling aggregates, for this run: ${ROLLING_ENGINES.join(", ")}`,
      oneOf("--engine", ROLLING_ENGINES),
    )
    .option(
      "--executor <executor>",
      `where days run and embeddings are filled in: ${EXECUTORS.join(", ")} (compute.ray in runtime.yaml says which cluster)`,
      oneOf("--executor", EXECUTORS),
      EXECUTORS[0],
    );
  fileOptions(command).action(
    answering(terminal, exit, async (surroundings, options: Options, service: string) => {
      refuse(options);
      const opened = await openProject(surroundings, options);
      const { compileOpened } = await import("../app/compile-service.js");
      const { train } = await import("../app/train-service.js");
      const compiled = await compileOpened(opened, service);
      terminal.warn(compiled.warnings);
      const report = await interruptible(
        (signal) => terminal.say(`${signal}: stopping; once more ends it at once`),
        (signal) =>
          train(compiled, {
            ...selectionOf(options),
            ...(options.enrichOnly === undefined ? {} : { enrichOnly: options.enrichOnly }),
            ...(options.outputRoot === undefined ? {} : { outputRoot: options.outputRoot }),
            ...(options.engine === undefined ? {} : { engine: options.engine }),
            executor: options.executor,
            ...(options.dayWorkers === undefined ? {} : { dayWorkers: options.dayWorkers }),
            command: `daeda pipeline train ${service}`,
            signal,
            onProgress: showProgress(terminal),
          }),
      );
      const failed = report.days.some(({ outcome }) => outcome === "failed");
      return { json: report, text: reportText(report), ...(failed ? { exitCode: 1 as const } : {}) };
    }),
  );
};

function refuse({ skeletonOnly, enrichOnly }: Options): void {
  if (!skeletonOnly || !enrichOnly) return;
  const conflict = { first: "--skeleton-only", second: "--enrich-only" };
  throw new DaedalusError([trainingProblem("conflicting-options", conflict)], 2);
}

/** States of days that are as they should be. */
const WRITTEN: ReadonlySet<string> = new Set(["skeleton", "complete"]);

/** What a run did, for people. */
export function reportText(report: TrainReport): string {
  const { service, outputRoot, days, rows, empty } = report;
  const worked = days.filter(({ outcome }) => outcome !== "skipped");
  const told = days.map(({ day, outcome, state, rows, seconds: took }) => [
    day,
    outcome !== "skipped" ? outcome : WRITTEN.has(state) ? `${state} already` : `${state}, left as it is`,
    rows === undefined ? "" : grouped(rows),
    took === undefined ? "" : seconds(took),
  ]);
  // What only fills in embeddings leaves days that are not there, and outdated ones wait for --refresh.
  const isThere = days.every(({ state }) => WRITTEN.has(state));
  const failures = new Map<string, string[]>();
  for (const { day, problems } of days)
    for (const text of problems.map((problem) => formatProblem(problem)))
      failures.set(text, [...(failures.get(text) ?? []), day]);
  const reasons = new Map<string, string[]>();
  for (const { day, outcome, state, why } of days)
    if (outcome === "skipped" && !WRITTEN.has(state) && why.length > 0)
      reasons.set(why.join("; "), [...(reasons.get(why.join("; ")) ?? []), day]);
  return [
    worked.length === 0
      ? `${service} → ${relativePath(outputRoot)}: ${isThere ? `all ${count(days.length, "day")} are there already` : "nothing to do"}`
      : `${service} → ${relativePath(outputRoot)}: ${count(rows, "row")} in ${seconds(report.seconds)}`,
    "",
    table(["day", "outcome", "rows", "took"], told),
    ...(reasons.size === 0 ? [] : ["", ...[...reasons].map(([why, left]) => `${daysText(left)}: ${why}`)]),
    ...(failures.size === 0 ? [] : ["", ...[...failures].map(([text, failed]) => `${daysText(failed)}: ${text}`)]),
    ...(empty.length === 0 ? [] : ["", ...emptyText(service, empty)]),
  ].join("\n");
}

function emptyText(service: string, empty: readonly string[]): readonly string[] {
  return [
    `no value in any row that was written: ${empty.join(", ")}`,
    `  where that is not meant: events and values of conditions are to be spelt as in the data, keys and times of views have to meet`,
    `  what a row sees, and why: daeda pipeline explain ${service} --row <key>=<value>@<time>`,
  ];
}

/** `2024-03-01`, or of several the first and how many more. */
function daysText([first = "", ...more]: readonly string[]): string {
  return more.length === 0 ? first : `${first} and ${count(more.length, "more day")}`;
}
