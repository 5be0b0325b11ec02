import { hostname } from "node:os";
import { resolve } from "node:path";
import type { Day } from "../columnar/instants.js";
import { DaedalusError, type Problem } from "../errors/problem.js";
import { trainingProblem } from "../errors/training.js";
import { problemsOf } from "../runs/failure.js";
import { OwnedRoot } from "../runs/owned-root.js";
import type { ProgressEvent } from "../runs/progress.js";
import { type BatchContext, runUnits, type Unit } from "../runs/run-units.js";
import {
  type DayManifest,
  type ManifestInputs,
  modificationTimes,
  OUTPUT_FORMAT,
  writeManifest,
} from "../storage/day-manifest.js";
import type { TaskDocument, TaskExecutor } from "../tasks/task.js";
import { type DayState, type JudgedDay, OUTPUT_FILE, refuseForeignRoot, unitOf, writtenDays } from "./day-states.js";
import { type DaySelection, selectDays } from "./days.js";
import { DAYS_TASK, type DaysTask, type WrittenDay, writeContext } from "./days-task.js";
import {
  definitionChanges,
  fingerprintOf,
  InputReader,
  inputChanges,
  inputsKey,
  sourceOf,
  spineTime,
  type TrainingInputs,
} from "./inputs.js";
import { type DayPolicy, judgeDays, planned } from "./plan.js";
import { needsQid, QidMap } from "./qid-map.js";
import { refuseWhatIsNotExecuted } from "./refusals.js";
import { spanLimits, spansOf } from "./spans.js";

export interface TrainOptions extends TrainingInputs, DaySelection, DayPolicy {
  /** Always refused: embeddings are not executed yet. */
  readonly enrichOnly?: boolean;
  /** Days at a time. */
  readonly dayWorkers: number;
  /** Passed to every worker's DuckDB. */
  readonly duckdbConfig: Readonly<Record<string, string>>;
  /** Starts what runs the days (`DAYS_TASK`), `workers` at a time; closed at the end. */
  readonly startExecutor: (workers: number) => TaskExecutor;
  /** As the user typed it; told to a second run. */
  readonly command: string;
  /** For manifests: `{daedalus: "0.1.0", duckdb: "1.5.5"}`. */
  readonly versions: Readonly<Record<string, string>>;
  /** Ctrl-C. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (event: ProgressEvent) => void;
}

export interface TrainReport {
  readonly service: string;
  /** Absolute. */
  readonly outputRoot: string;
  readonly run: string;
  readonly days: readonly TrainedDay[];
  /** Written by this run. */
  readonly rows: number;
  readonly seconds: number;
  /** True if the signal stopped it; days that were not begun are then `left`. */
  readonly interrupted: boolean;
}

export interface TrainedDay {
  readonly day: Day;
  /** Before the run. */
  readonly state: DayState;
  readonly outcome: "done" | "skipped" | "failed" | "left";
  /** What the day holds now, if it can be relied on. */
  readonly rows?: number;
  readonly seconds?: number;
  readonly why: readonly string[];
  /** Of a failed day. */
  readonly problems: readonly Problem[];
}

/**
 * Writes the days of a service that are not as they should be. Throws DaedalusError before the first day: exit code 2 for
 * what cannot be done, 1 for what stops it (owner, map, event times). A day that fails is in the report and stops no other.
 */
export async function train(options: TrainOptions): Promise<TrainReport> {
  refuseWhatIsNotExecuted(options.pipeline, options);
  const directory = resolve(options.outputRoot);
  await refuseForeignRoot(directory, options.pipeline.service);
  const days = await selectDays(options, options);
  const root = await OwnedRoot.open(directory, options.command);
  try {
    return await new TrainRun(options, root).run(days);
  } catch (error) {
    if (error instanceof DaedalusError) throw error;
    throw new DaedalusError(problemsOf(error, directory), 1, { cause: error });
  } finally {
    await root.release();
  }
}

class TrainRun {
  readonly #options: TrainOptions;
  readonly #root: OwnedRoot;
  readonly #reader: InputReader;
  readonly #qidMap: QidMap | undefined;
  readonly #context: string;
  #epoch = 0;
  /** What each day is to be made from: as planned, or as found when that had changed. */
  readonly #inputs = new Map<Day, string>();

  constructor(options: TrainOptions, root: OwnedRoot) {
    this.#options = options;
    this.#root = root;
    this.#reader = new InputReader(options);
    this.#qidMap = needsQid(options.pipeline) ? new QidMap(root, options) : undefined;
    this.#context = root.scratch("context.json");
  }

  async run(rowsByDay: ReadonlyMap<Day, number>): Promise<TrainReport> {
    const { pipeline } = this.#options;
    const judged = await judgeDays(this.#root.directory, this.#reader, [...rowsByDay.keys()]);
    const plan = new Map(judged.map((day) => [day.day, planned(day, this.#options)]));
    for (const { day, inputs } of judged) this.#inputs.set(day, inputs);
    const todo = judged.filter(({ day }) => plan.get(day)?.action === "do");
    if (todo.length > 0) {
      await this.#root.remember(OUTPUT_FILE, `${JSON.stringify({ service: pipeline.service }, null, 2)}\n`);
      await this.#refuseUnusableEventTimes();
    }
    const numbered = await this.#numberSessions(todo, judged).then(
      () => true,
      (error: unknown) => {
        // Interrupted while numbering: no day was begun.
        if (this.#options.signal?.aborted !== true) throw error;
        return false;
      },
    );
    const summary = await this.#work(numbered ? todo.map(({ day }) => day) : [], rowsByDay);
    const done = new Map(summary.done.map((entry) => [entry.unit.day, entry]));
    const failed = new Map(summary.failed.map((entry) => [entry.unit.day, entry.problems]));
    return {
      service: pipeline.service,
      outputRoot: this.#root.directory,
      run: this.#root.run,
      days: judged.map(({ day, state, manifest }): TrainedDay => {
        const entry = done.get(day);
        const problems = failed.get(day);
        const why = plan.get(day)?.why ?? [];
        if (entry !== undefined)
          return { day, state, outcome: "done", rows: entry.outcome.rows, seconds: entry.seconds, why, problems: [] };
        const rows = manifest === undefined ? {} : { rows: manifest.rows };
        if (problems !== undefined) return { day, state, outcome: "failed", ...rows, why, problems };
        return { day, state, outcome: plan.get(day)?.action === "do" ? "left" : "skipped", ...rows, why, problems: [] };
      }),
      rows: summary.done.reduce((sum, entry) => sum + entry.outcome.rows, 0),
      seconds: summary.seconds,
      interrupted: summary.interrupted,
    };
  }

  async #refuseUnusableEventTimes(): Promise<void> {
    const { pipeline } = this.#options;
    const problem = await sourceOf(this.#options, pipeline.spine.view).firstNullInstant(spineTime(pipeline));
    if (problem !== undefined) throw new DaedalusError([problem], 1);
  }

  /** Committed before the first day, so that each day is determined by the map. */
  async #numberSessions(todo: readonly JudgedDay[], judged: readonly JudgedDay[]): Promise<void> {
    const map = this.#qidMap;
    if (map === undefined) return;
    const { force, targetDate, from, to, signal, session } = this.#options;
    const interrupt = () => session.interrupt();
    signal?.addEventListener("abort", interrupt);
    try {
      const days = todo.map(({ day }) => day);
      const written = await writtenDays(this.#root.directory);
      const left = written.filter((day) => !days.includes(day));
      const damage = await map.damage(written.length);
      const everything = targetDate === undefined && from === undefined && to === undefined;
      if (force === true && written.length > 0 && left.length === 0 && (everything || damage !== undefined)) {
        const runs = judged.flatMap(({ day, manifest }) => (manifest === undefined ? [] : [[day, manifest.run.id]]));
        await map.renumber(days, Object.fromEntries(runs));
        return;
      }
      if (damage !== undefined && written.length > 0) {
        const kept = trainingProblem("qid-map-needed", { root: this.#root.directory, days: left });
        throw new DaedalusError(force === true ? [damage, kept] : [damage], 1);
      }
      if (days.length === 0) return;
      // A damaged map that gave no day its numbers is nothing to keep.
      await (damage === undefined ? map.grow(days) : map.renumber(days, {}));
    } finally {
      signal?.removeEventListener("abort", interrupt);
    }
  }

  async #work(todo: readonly Day[], rowsByDay: ReadonlyMap<Day, number>) {
    const { dayWorkers, startExecutor, command, versions, signal, onProgress, project, views } = this.#options;
    const workers = Math.max(1, Math.min(dayWorkers, todo.length));
    const limits = spanLimits(todo.length, workers, this.#options.duckdbConfig["memory_limit"]);
    const executor = startExecutor(workers);
    try {
      await writeContext(this.#context, {
        pipeline: this.#options.pipeline,
        project,
        views: Object.fromEntries(views),
        duckdbConfig: this.#options.duckdbConfig,
      });
      return await runUnits({
        root: this.#root,
        batches: spansOf(todo, rowsByDay, limits).map((span) => span.map((day) => ({ name: unitOf(day), day }))),
        concurrency: workers,
        perform: (span, context) => this.#performSpan(span, context, executor),
        command,
        versions,
        ...(signal === undefined ? {} : { signal }),
        ...(onProgress === undefined ? {} : { onProgress }),
      });
    } finally {
      await executor.close();
    }
  }

  /**
   * Inputs are looked at before the scan and again before each day's commit; days whose inputs changed in between are done
   * once more.
   */
  async #performSpan(
    span: readonly DayUnit[],
    { stage, finish, fail, signal }: BatchContext<DayUnit, { rows: number }>,
    executor: TaskExecutor,
  ): Promise<void> {
    let left = span;
    for (let attempt = 1; left.length > 0; attempt++) {
      const started = new Date();
      const begun = new Map<Day, { unit: DayUnit; inputs: ManifestInputs; folder: string }>();
      for (const unit of left) {
        const inputs = await this.#reader.of(unit.day);
        await this.#noticeChange(unit.day, inputs);
        begun.set(unit.day, { unit, inputs, folder: await stage(unit) });
      }
      const changed: DayUnit[] = [];
      const settle = async (written: WrittenDay): Promise<void> => {
        const day = begun.get(written.day);
        if (day === undefined) throw new RangeError(`nobody asked for ${written.day}`);
        const { unit, inputs, folder } = day;
        const changes = changesBetween(inputs, await this.#reader.of(unit.day));
        if (changes.length === 0) {
          await writeManifest(folder, await this.#manifest(unit.day, inputs, written, folder, started));
          await finish(unit, { rows: written.result.rows });
        } else if (attempt === 1) changed.push(unit);
        else
          await fail(unit, new DaedalusError([trainingProblem("input-keeps-changing", { day: unit.day, changes })], 1));
      };
      const task: DaysTask = {
        context: this.#context,
        epoch: this.#epoch,
        days: [...begun].map(([day, { folder }]) => ({ day, staging: folder })),
        ...(this.#qidMap === undefined ? {} : { qidMap: this.#qidMap.path }),
      };
      await runTask(executor, { kind: DAYS_TASK, body: task }, signal, (report) => settle(report as WrittenDay));
      left = changed;
    }
  }

  /** Workers keep open what they have seen: an input that changed since makes them open it again, and may bring sessions. */
  async #noticeChange(day: Day, now: ManifestInputs): Promise<void> {
    const key = inputsKey(now);
    if (this.#inputs.get(day) === key) return;
    this.#inputs.set(day, key);
    this.#epoch += 1;
    await this.#qidMap?.grow([day]);
  }

  async #manifest(
    day: Day,
    inputs: ManifestInputs,
    { result, parts, seconds }: WrittenDay,
    folder: string,
    started: Date,
  ): Promise<DayManifest> {
    const { pipeline, versions, duckdbConfig } = this.#options;
    const threads = duckdbConfig["threads"];
    return {
      format: OUTPUT_FORMAT,
      service: pipeline.service,
      version: pipeline.version,
      day,
      state: pipeline.embeddings ? "skeleton" : "complete",
      stages: ["skeleton"],
      rows: result.rows,
      schema: pipeline.output,
      parts,
      columns: result.columns,
      target_rows: result.targetRows,
      dropped: result.dropped,
      written: result.rows,
      fingerprint: fingerprintOf(inputs),
      inputs,
      versions,
      run: {
        id: this.#root.run,
        host: hostname(),
        started: started.toISOString(),
        seconds,
        scanned: result.scanned,
        stages: result.seconds,
        ...(threads === undefined ? {} : { threads }),
        modified: await modificationTimes(
          folder,
          parts.map((part) => part.name),
        ),
      },
    };
  }
}

interface DayUnit extends Unit {
  readonly day: Day;
}

/** Settles the reports of a task one after the other, also those that came before it failed; stops it if one cannot be. */
async function runTask(
  executor: TaskExecutor,
  task: TaskDocument,
  signal: AbortSignal,
  settle: (report: unknown) => Promise<void>,
): Promise<void> {
  const stop = new AbortController();
  let settled = Promise.resolve();
  const onReport = (report: unknown): void => {
    settled = settled.then(() => settle(report));
    settled.catch(() => stop.abort());
  };
  try {
    await executor.run(task, AbortSignal.any([signal, stop.signal]), onReport);
  } finally {
    await settled;
  }
}

function changesBetween(was: ManifestInputs, is: ManifestInputs): readonly string[] {
  return [
    ...definitionChanges(was, is),
    ...inputChanges(was.bounded, is.bounded),
    ...inputChanges(was.unbounded, is.unbounded),
  ];
}
