import { resolve } from "node:path";
import type { Day } from "../columnar/instants.js";
import type { Problem } from "../errors/problem.js";
import { Ledger } from "../runs/ledger.js";
import { type DayState, type JudgedDay, judgeDay, refuseForeignRoot, writtenDays } from "./day-states.js";
import { type DaySelection, selectDays } from "./days.js";
import { InputReader, type TrainingInputs } from "./inputs.js";
import { readNumbering } from "./qid-map.js";
import { mapProblems, numberingAction, refuseUnusableEventTimes, refuseWhatIsNotExecuted } from "./refusals.js";

/** Which states a run works on. */
export interface DayPolicy {
  /** Days whose embeddings are left open are done. */
  readonly skeletonOnly?: boolean;
  /** Outdated days too. */
  readonly refresh?: boolean;
  /** All days. */
  readonly force?: boolean;
}

export interface PlannedDay {
  readonly day: Day;
  readonly state: DayState;
  readonly action: "do" | "skip";
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
  refuseWhatIsNotExecuted(inputs.pipeline, options);
  const root = resolve(inputs.outputRoot);
  await refuseForeignRoot(root, inputs.pipeline.service);
  const days = await selectDays(inputs, options);
  const judged = await judgeDays(root, new InputReader(inputs), [...days.keys()]);
  const plan = judged.map((day) => planned(day, options));
  const todo = plan.filter(({ action }) => action === "do").map(({ day }) => day);
  if (todo.length > 0) await refuseUnusableEventTimes(inputs);
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
export function planned({ day, state, why }: JudgedDay, policy: DayPolicy): PlannedDay {
  const needed =
    state === "absent" ||
    state === "stale" ||
    state === "failed" ||
    (state === "skeleton" && policy.skeletonOnly !== true) ||
    (state === "outdated" && policy.refresh === true);
  if (needed) return { day, state, action: "do", why };
  if (policy.force === true) return { day, state, action: "do", why: [...why, "--force does every day"] };
  return { day, state, action: "skip", why: state === "outdated" ? [...why, "--refresh would do it again"] : why };
}
