import type { Day } from "../columnar/instants.js";
import { DaedalusError, type Problem } from "../errors/problem.js";
import { trainingProblem } from "../errors/training.js";
import type { Pipeline } from "../operators/pipeline.js";
import { writtenDays } from "./day-states.js";
import type { DaySelection } from "./days.js";
import { sourceOf, spineTime, type TrainingInputs } from "./inputs.js";
import { damageOfMap, needsQid } from "./qid-map.js";

// What keeps a run from its first day. `plan` asks the same questions as `train`, so that it promises nothing else.

/** Throws DaedalusError, exit code 2, for what this version does not execute. */
export function refuseWhatIsNotExecuted(
  pipeline: Pipeline,
  { skeletonOnly, enrichOnly }: { readonly skeletonOnly?: boolean; readonly enrichOnly?: boolean },
): void {
  const problems: Problem[] = [];
  if (enrichOnly === true && skeletonOnly === true)
    problems.push(trainingProblem("conflicting-options", { first: "--skeleton-only", second: "--enrich-only" }));
  if (enrichOnly === true) problems.push(trainingProblem("enrich-not-executed", {}));
  for (const operator of pipeline.operators) {
    if (operator.kind === "filter" && operator.rule.type === "coverage")
      problems.push(
        trainingProblem("coverage-not-executed", { service: pipeline.service, store: operator.rule.store }),
      );
    if (operator.kind === "ray_udf_transform" && skeletonOnly !== true && enrichOnly !== true)
      problems.push(
        trainingProblem("embeddings-not-executed", {
          service: pipeline.service,
          columns: operator.columns.map((column) => column.name),
        }),
      );
  }
  if (problems.length === 0 && pipeline.embeddings && skeletonOnly !== true)
    problems.push(
      trainingProblem("embeddings-not-executed", {
        service: pipeline.service,
        columns: pipeline.output.filter((column) => column.dtype === "FLOAT[]").map((column) => column.name),
      }),
    );
  if (problems.length > 0) throw new DaedalusError(problems, 2);
}

/** Throws DaedalusError, exit code 1, for the first event time of the spine view that is none. */
export async function refuseUnusableEventTimes(inputs: TrainingInputs): Promise<void> {
  const { pipeline } = inputs;
  const problem = await sourceOf(inputs, pipeline.spine.view).firstNullInstant(spineTime(pipeline));
  if (problem !== undefined) throw new DaedalusError([problem], 1);
}

/** What a run does with the map of sessions before its first day: nothing, or it grows, or begins anew from 0. */
export type NumberingAction =
  | { readonly type: "none" }
  | { readonly type: "grow" }
  /** `all`: of days that are there too, which are then stale. */
  | { readonly type: "renumber"; readonly all: boolean };

/** Throws DaedalusError, exit code 1, for a map that is missing or damaged while days exist whose numbers it gave. */
export async function numberingAction(
  inputs: TrainingInputs,
  root: string,
  todo: readonly Day[],
  { force, targetDate, from, to }: DaySelection & { readonly force?: boolean },
): Promise<NumberingAction> {
  if (!needsQid(inputs.pipeline)) return { type: "none" };
  const written = await writtenDays(root);
  const left = written.filter((day) => !todo.includes(day));
  const damage = await damageOfMap(inputs, root, written.length);
  const everything = targetDate === undefined && from === undefined && to === undefined;
  if (force === true && written.length > 0 && left.length === 0 && (everything || damage !== undefined))
    return { type: "renumber", all: true };
  if (damage !== undefined && written.length > 0) {
    const kept = trainingProblem("qid-map-needed", { root, days: left });
    throw new DaedalusError(force === true ? [damage, kept] : [damage], 1);
  }
  if (todo.length === 0) return { type: "none" };
  // A damaged map that gave no day its numbers is nothing to keep.
  return damage === undefined ? { type: "grow" } : { type: "renumber", all: false };
}

/** What is wrong with the map that gave the days that are there their numbers; what `status` shows of it. */
export async function mapProblems(inputs: TrainingInputs, root: string): Promise<readonly Problem[]> {
  const written = needsQid(inputs.pipeline) ? await writtenDays(root) : [];
  const damage = written.length === 0 ? undefined : await damageOfMap(inputs, root, written.length);
  return damage === undefined ? [] : [damage];
}
