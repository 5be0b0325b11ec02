import { resolve } from "node:path";
import type { Day } from "../columnar/instants.js";
import type { Problem } from "../errors/problem.js";
import type { Pipeline } from "../operators/pipeline.js";
import { Ledger } from "../runs/ledger.js";
import { type DayState, type JudgedDay, judgeDay, refuseForeignRoot, writtenDays } from "./day-states.js";
import { type DaySelection, selectDays } from "./days.js";
import { InputReader, type TrainingInputs } from "./inputs.js";
import { readNumbering } from "./qid-map.js";
import { mapProblems, numberingAction, refuseOptions, refuseUnusableInputs } from "./refusals.js";

/** Which states a run works on. */
export interface DayPolicy {
  /** Days whose embeddings are left open are done. */
  readonly skeletonOnly?: boolean;
  /** Only days whose embeddings are left open are done, and of them only these. */
  readonly enrichOnly?: boolean;
  /** Outdated days too. */
  readonly refresh?: boolean;
  /** All days. */
  readonly force?: boolean;
}

/** `skeleton`: the rows, embeddings typed NULLs; `enrich`: the embeddings. */
export type Stage = "skeleton" | "enrich";

export interface PlannedDay {
  readonly day: Day;
  readonly state: DayState;
  readonly action: "do" | "skip";
  /** What is done, in this order. */
  readonly stages: readonly Stage[];
  /** Sentences: why the day is in its state, or why it would be done all the same. */
  readonly why: readonly string[];
}

export interface DaysPlan {
  readonly service: string;
  /** Absolute. */
  readonly outputRoot: string;
  readonly days: readonly PlannedDay[];
}

export interface ServiceStatus {
  readonly service: string;
  /** Absolute. */
  readonly outputRoot: string;
  readonly counts: Readonly<Record<DayState, number>>;
  readonly days: readonly {
    readonly day: Day;
    readonly state: DayState;
    readonly rows?: number;
    readonly why: readonly string[];
    /** True of a day that is there, but beyond the feed's months. */
    readonly outsideFeed: boolean;
  }[];
  /** What keeps `train` from any day: a `qid_map.parquet` that is missing or damaged. */
  readonly problems: readonly Problem[];
}

/** What `train` would do with each selected day, and why. Reads only; throws what `train` throws before its first day. */
export async function planDays(inputs: TrainingInputs, options: DaySelection & DayPolicy): Promise<DaysPlan> {
  refuseOptions(inputs.pipeline, options);
  const root = resolve(inputs.outputRoot);
  await refuseForeignRoot(root, inputs.pipeline.service);
  const days = await selectDays(inputs, options);
  const judged = await judgeDays(root, new InputReader(inputs), [...days.keys()]);
  const plan = judged.map((day) => planned(day, inputs.pipeline, options));
  const todo = plan.filter(({ stages }) => stages.includes("skeleton")).map(({ day }) => day);
  await refuseUnusableInputs(inputs, plan);
  await numberingAction(inputs, root, todo, options);
  return { service: inputs.pipeline.service, outputRoot: root, days: plan };
}

/** The state of every day of the feed's months, and of what is written beyond them. Reads only. */
export async function statusOf(inputs: TrainingInputs): Promise<ServiceStatus> {
  const root = resolve(inputs.outputRoot);
  await refuseForeignRoot(root, inputs.pipeline.service);
  const feed = await selectDays(inputs, {});
  const days = [...new Set([...feed.keys(), ...(await writtenDays(root))])].sort();
  const judged = await judgeDays(root, new InputReader(inputs), days);
  const counts = { absent: 0, skeleton: 0, complete: 0, outdated: 0, stale: 0, failed: 0 };
  for (const { state } of judged) counts[state] += 1;
  return {
    service: inputs.pipeline.service,
    outputRoot: root,
    counts,
    days: judged.map(({ day, state, why, manifest }) => ({
      day,
      state,
      why,
      outsideFeed: !feed.has(day),
      ...(manifest === undefined ? {} : { rows: manifest.rows }),
    })),
    problems: await mapProblems(inputs, root),
  };
}

/** The states of days as they are now. */
export async function judgeDays(
  root: string,
  reader: InputReader,
  days: readonly Day[],
): Promise<readonly JudgedDay[]> {
  const failures = await new Ledger(root).failures();
  const { renumbered } = await readNumbering(root);
  const judged: JudgedDay[] = [];
  for (const day of days)
    judged.push(await judgeDay(root, day, await reader.of(day), failures.get(`dt=${day}`), renumbered));
  return judged;
}

/** What a run under this policy does with the day. */
export function planned(judged: JudgedDay, pipeline: Pipeline, policy: DayPolicy): PlannedDay {
  const { day, state, why, manifest } = judged;
  const act = (stages: readonly Stage[], more: readonly string[] = []): PlannedDay => ({
    day,
    state,
    action: stages.length > 0 ? "do" : "skip",
    stages,
    why: [...why, ...more],
  });
  if (policy.enrichOnly === true) return enrichOnly(judged, policy, act);
  const leavesOpen = policy.skeletonOnly === true || !pipeline.embeddings;
  const all: readonly Stage[] = leavesOpen ? ["skeleton"] : ["skeleton", "enrich"];
  // A skeleton whose inputs have changed since is no ground to build on.
  const isBegun = state === "outdated" && manifest?.state === "skeleton" && !leavesOpen;
  if (state === "absent" || state === "stale" || state === "failed" || isBegun) return act(all);
  if (state === "outdated" && policy.refresh === true) return act(all);
  if (policy.force === true) return act(all, state === "skeleton" && !leavesOpen ? [] : ["--force does every day"]);
  if (state === "skeleton" && !leavesOpen) return act(["enrich"]);
  return act([], state === "outdated" ? ["--refresh would do it again"] : []);
}

function enrichOnly(
  { state, manifest }: JudgedDay,
  { force }: DayPolicy,
  act: (stages: readonly Stage[], more?: readonly string[]) => PlannedDay,
): PlannedDay {
  if (state === "skeleton") return act(["enrich"]);
  if (force === true && state === "complete") return act(["enrich"], ["--force does every day"]);
  if (state === "complete") return act([]);
  const left = manifest === undefined ? "there is no skeleton to fill" : "its skeleton is not up to date";
  return act([], [`--enrich-only leaves it: ${left}`]);
}
