import { elementOf } from "../columnar/dtypes.js";
import type { Day } from "../columnar/instants.js";
import { LanceStore } from "../embeddings/lance-store.js";
import { embeddingProblem } from "../errors/embedding.js";
import { DaedalusError, type Problem } from "../errors/problem.js";
import { trainingProblem } from "../errors/training.js";
import type { Column, ColumnName, Schema } from "../operators/operator.js";
import type { Pipeline } from "../operators/pipeline.js";
import { writtenDays } from "./day-states.js";
import type { DaySelection } from "./days.js";
import { scansOf, sourceOf, spineTime, storeOf, type TrainingInputs } from "./inputs.js";
import type { Stage } from "./plan.js";
import { damageOfMap, needsQid } from "./qid-map.js";

// What keeps a run from its first day. `plan` asks the same questions as `train`, so that it promises nothing else.

/** Throws DaedalusError, exit code 2, for options that do not go together or with the service. */
export function refuseOptions(
  pipeline: Pipeline,
  { skeletonOnly, enrichOnly }: { readonly skeletonOnly?: boolean; readonly enrichOnly?: boolean },
): void {
  if (enrichOnly !== true) return;
  if (skeletonOnly === true)
    throw new DaedalusError(
      [trainingProblem("conflicting-options", { first: "--skeleton-only", second: "--enrich-only" })],
      2,
    );
  if (!pipeline.embeddings)
    throw new DaedalusError([trainingProblem("no-embeddings", { service: pipeline.service })], 2);
}

/**
 * Throws DaedalusError, exit code 1, for what keeps the planned days from being done: an embedding store that is not there or
 * not as it is defined, the first event time of the spine view that is none.
 */
export async function refuseUnusableInputs(
  inputs: TrainingInputs,
  plan: readonly { readonly stages: readonly Stage[] }[],
): Promise<void> {
  const has = (stage: Stage) => plan.some(({ stages }) => stages.includes(stage));
  for (const [name, columns] of askedStores(inputs.pipeline, has)) {
    const store = await LanceStore.open(storeOf(inputs, name));
    const { keysAre, definition } = store;
    store.close();
    for (const { name: column, dtype } of columns) {
      if ((elementOf(dtype) === "TEXT") === (keysAre === "text")) continue;
      const type = keysAre === "text" ? "text" : "integers";
      const problem = { store: name, column, dtype, key: definition.key, type };
      throw new DaedalusError([embeddingProblem("ids-type-differs", problem)], 1);
    }
  }
  if (has("skeleton")) await refuseUnusableEventTimes(inputs);
}

/** The stores that the stages ask, with the columns whose ids are looked up there. */
function askedStores(pipeline: Pipeline, has: (stage: Stage) => boolean): ReadonlyMap<string, readonly Column[]> {
  const asked = new Map<string, Column[]>();
  const ask = (store: string, column: ColumnName, schema: Schema) => {
    const found = schema.find(({ name }) => name === column);
    if (found === undefined) throw new Error(`there is no column ${column} for store ${store}`);
    asked.set(store, [...(asked.get(store) ?? []), found]);
  };
  const spine = scansOf(pipeline).find(({ range }) => range.kind === "target_day")?.columns ?? [];
  for (const operator of pipeline.operators) {
    if (has("skeleton") && operator.kind === "filter" && operator.rule.type === "coverage")
      ask(operator.rule.store, operator.rule.column, spine);
    if (has("enrich") && operator.kind === "ray_udf_transform")
      for (const { ids } of operator.columns) ask(operator.store.name, ids, pipeline.output);
  }
  return asked;
}

/** Throws DaedalusError, exit code 1, for the first event time of the spine view that is none. */
async function refuseUnusableEventTimes(inputs: TrainingInputs): Promise<void> {
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
