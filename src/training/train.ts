import { hostname } from "node:os";
import { resolve } from "node:path";
import type { Day } from "../columnar/instants.js";
import { statisticsOfParts } from "../engines/sql/sink.js";
import { DaedalusError, type Problem } from "../errors/problem.js";
import { trainingProblem } from "../errors/training.js";
import { problemsOf } from "../runs/failure.js";
import { OwnedRoot } from "../runs/owned-root.js";
import type { ProgressEvent } from "../runs/progress.js";
import { type BatchContext, DEFAULT_ATTEMPTS, runUnits } from "../runs/run-units.js";
import {
  type DayManifest,
  type ManifestInputs,
  modificationTimes,
  OUTPUT_FORMAT,
  writeManifest,
} from "../storage/day-manifest.js";
import type { TaskDocument, TaskExecutor } from "../tasks/task.js";
import type { UdfBundle } from "../udfs/bundle-udfs.js";
import type { WrittenRule } from "./day.js";
import { type DayState, type JudgedDay, OUTPUT_FILE, refuseForeignRoot, unitOf } from "./day-states.js";
import { type DaySelection, selectDays } from "./days.js";
import { DAYS_TASK, type DaysTask, type WrittenDay, writeContext } from "./days-task.js";
import { EmptyColumns } from "./empty-columns.js";
import { type DayUnit, EnrichStage } from "./enrich.js";
import { writeEnrichContext } from "./enrich-task.js";
import {
  coverageStores,
  definitionChanges,
  enrichmentsOf,
  fingerprintOf,
  InputReader,
  inputChanges,
  inputsKey,
  lateOperatorsOf,
  storeOf,
  type TrainingInputs,
} from "./inputs.js";
import { type DayPolicy, judgeDays, planned, type Stage } from "./plan.js";
import { needsQid, QidMap } from "./qid-map.js";
import { numberingAction, refuseOptions, refuseUnusableInputs } from "./refusals.js";
import { type SpanLimits, spanLimits, spansOf } from "./spans.js";

export interface TrainOptions extends TrainingInputs, DaySelection, DayPolicy {
  /** Days at a time. */
  readonly dayWorkers: number;
  /** What a span may hold; default: what memory allows, and some for every worker. */
  readonly spanLimits?: SpanLimits;
  /** Passed to every worker's DuckDB. */
  readonly duckdbConfig: Readonly<Record<string, string>>;
  /** Where the users' rules stand, for errors. */
  readonly rules?: readonly WrittenRule[];
  /**
   * Starts what runs days (`DAYS_TASK`) or parts (`ENRICH_TASK`), `workers` at a time; closed when they are done.
   * `output`: a file for what is printed on the way.
   */
  readonly startExecutor: (workers: number, output: string) => TaskExecutor;
  /** How often a day is tried whose worker dies; default: twice. */
  readonly attempts?: number;
  /** How long a task may take. */
  readonly timeoutSeconds?: number;
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
  /**
   * Columns of the days that this run wrote without a value in any row: NULLs, empty lists, counts of 0. Those that embeddings
   * and functions fill in later are not looked at.
   */
  readonly empty: readonly string[];
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
  refuseOptions(options.pipeline, options);
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
  readonly #empty: EmptyColumns;
  #epoch = 0;
  /** What each day is to be made from: as planned, or as found when that had changed. */
  readonly #inputs = new Map<Day, string>();

  constructor(options: TrainOptions, root: OwnedRoot) {
    this.#options = options;
    this.#root = root;
    this.#reader = new InputReader(options);
    this.#qidMap = needsQid(options.pipeline) ? new QidMap(root, options) : undefined;
    this.#context = root.scratch("context.json");
    this.#empty = new EmptyColumns(options.pipeline);
  }

  async run(rowsByDay: ReadonlyMap<Day, number>): Promise<TrainReport> {
    const { pipeline } = this.#options;
    const judged = await judgeDays(this.#root.directory, this.#reader, [...rowsByDay.keys()]);
    const plan = new Map(judged.map((day) => [day.day, planned(day, pipeline, this.#options)]));
    for (const { day, inputs } of judged) this.#inputs.set(day, inputs);
    const withStage = (stage: Stage) => judged.filter(({ day }) => plan.get(day)?.stages.includes(stage));
    const todo = withStage("skeleton");
    const open = withStage("enrich");
    if (todo.length + open.length > 0)
      await this.#root.remember(OUTPUT_FILE, `${JSON.stringify({ service: pipeline.service }, null, 2)}\n`);
    await refuseUnusableInputs(this.#options, [...plan.values()]);
    if (todo.length + open.length > 0) await this.#root.openLogs();
    const numbered = await this.#numberSessions(todo, judged).then(
      () => true,
      (error: unknown) => {
        // Interrupted while numbering: no day was begun.
        if (this.#options.signal?.aborted !== true) throw error;
        return false;
      },
    );
    const skeletons = await this.#work(numbered ? todo.map(({ day }) => day) : [], rowsByDay);
    const written = new Map(skeletons.done.map((entry) => [entry.unit.day, entry]));
    const isReady = ({ day }: JudgedDay) => plan.get(day)?.stages.length === 1 || written.has(day);
    const enriched = await this.#enrich(numbered ? open.filter(isReady).map(({ day }) => day) : []);
    const failed = new Map(
      [...skeletons.failed, ...(enriched?.failed ?? [])].map((entry) => [entry.unit.day, entry.problems]),
    );
    const filled = new Map(enriched?.done.map((entry) => [entry.unit.day, entry]));
    const done = new Map(
      judged.flatMap(({ day }) => {
        const stages = plan.get(day)?.stages ?? [];
        const entries = stages.map((stage) => (stage === "skeleton" ? written : filled).get(day));
        const last = entries.at(-1);
        if (last === undefined) return [];
        const seconds = entries.reduce((sum, entry) => sum + (entry?.seconds ?? 0), 0);
        return [[day, { rows: last.outcome.rows, seconds }] as const];
      }),
    );
    return {
      service: pipeline.service,
      outputRoot: this.#root.directory,
      run: this.#root.run,
      days: judged.map(({ day, state, manifest }): TrainedDay => {
        const entry = done.get(day);
        const problems = failed.get(day);
        const why = plan.get(day)?.why ?? [];
        if (entry !== undefined)
          return { day, state, outcome: "done", rows: entry.rows, seconds: entry.seconds, why, problems: [] };
        const there = written.get(day)?.outcome.rows ?? manifest?.rows;
        const rows = there === undefined ? {} : { rows: there };
        if (problems !== undefined) return { day, state, outcome: "failed", ...rows, why, problems };
        return { day, state, outcome: plan.get(day)?.action === "do" ? "left" : "skipped", ...rows, why, problems: [] };
      }),
      rows: [...done.values()].reduce((sum, entry) => sum + entry.rows, 0),
      empty: this.#empty.names(),
      seconds: skeletons.seconds + (enriched?.seconds ?? 0),
      interrupted: skeletons.interrupted || enriched?.interrupted === true,
    };
  }

  /** Committed before the first day, so that each day is determined by the map. */
  async #numberSessions(todo: readonly JudgedDay[], judged: readonly JudgedDay[]): Promise<void> {
    const map = this.#qidMap;
    if (map === undefined) return;
    const { signal, session } = this.#options;
    const interrupt = () => session.interrupt();
    signal?.addEventListener("abort", interrupt);
    try {
      const days = todo.map(({ day }) => day);
      const action = await numberingAction(this.#options, this.#root.directory, days, this.#options);
      if (action.type === "grow") await map.grow(days);
      if (action.type === "renumber") {
        const there = action.all ? judged : [];
        const runs = there.flatMap(({ day, manifest }) => (manifest === undefined ? [] : [[day, manifest.run.id]]));
        await map.renumber(days, Object.fromEntries(runs));
      }
    } finally {
      signal?.removeEventListener("abort", interrupt);
    }
  }

  async #work(todo: readonly Day[], rowsByDay: ReadonlyMap<Day, number>) {
    const { dayWorkers, startExecutor, project, views } = this.#options;
    const workers = Math.max(1, Math.min(dayWorkers, todo.length));
    const { duckdbConfig, rules } = this.#options;
    const memory = duckdbConfig["memory_limit"] ?? duckdbConfig["max_memory"];
    const limits = this.#options.spanLimits ?? spanLimits(todo.length, workers, memory);
    const spans = spansOf(todo, rowsByDay, limits);
    const executor = startExecutor(workers, this.#root.log("executor"));
    try {
      // What keeps all days from being done is told once, before any of them is begun.
      if (todo.length > 0) await executor.ready(this.#options.signal);
      await writeContext(this.#context, {
        pipeline: this.#options.pipeline,
        project,
        views: Object.fromEntries(views),
        stores: coverageStores(this.#options),
        duckdbConfig,
        ...this.#udfs(),
        keepHistory: spans.length > workers,
        limits: {
          attempts: this.#options.attempts ?? DEFAULT_ATTEMPTS,
          ...(this.#options.timeoutSeconds === undefined ? {} : { timeoutSeconds: this.#options.timeoutSeconds }),
        },
        ofRun: { from: todo[0] ?? "", to: todo.at(-1) ?? "" },
        ...(rules === undefined ? {} : { rules }),
      });
      return await runUnits({
        root: this.#root,
        batches: spans.map((span) => span.map((day) => ({ name: unitOf(day), day }))),
        concurrency: workers,
        perform: (span, context) => this.#performSpan(span, context, executor),
        ...this.#reporting(),
      });
    } finally {
      await executor.close();
    }
  }

  #udfs(): { readonly udfs?: UdfBundle } {
    const { udfs } = this.#options;
    return udfs === undefined ? {} : { udfs };
  }

  /** Who is told of a run over units, and who can stop it. */
  #reporting() {
    const { command, versions, attempts, signal, onProgress } = this.#options;
    return {
      command,
      versions,
      ...(attempts === undefined ? {} : { attempts }),
      ...(signal === undefined ? {} : { signal }),
      ...(onProgress === undefined ? {} : { onProgress }),
    };
  }

  /** Fills the embedding columns of days whose skeleton is there. */
  async #enrich(days: readonly Day[]) {
    if (days.length === 0) return undefined;
    const { startExecutor, versions, pipeline, duckdbConfig } = this.#options;
    const operators = lateOperatorsOf(pipeline);
    // One process for all: its threads share the vectors.
    const executor = startExecutor(1, this.#root.log("executor"));
    const context = this.#root.scratch("enrich.json");
    try {
      await executor.ready(this.#options.signal);
      const names = enrichmentsOf(pipeline).map(({ store }) => store.name);
      const stores = Object.fromEntries(names.map((name) => [name, storeOf(this.#options, name)]));
      const { output } = pipeline;
      await writeEnrichContext(context, { operators, output, stores, duckdbConfig, ...this.#udfs() });
      const { session } = this.#options;
      const called = operators.flatMap((operator) =>
        operator.kind === "arrow_udf_transform" ? operator.column.name : [],
      );
      const stage = new EnrichStage({
        root: this.#root,
        reader: this.#reader,
        context,
        executor,
        versions,
        statistics: (files) =>
          statisticsOfParts(
            output.filter(({ name }) => called.includes(name)),
            files,
            session,
          ),
      });
      return await runUnits({
        root: this.#root,
        stage: "enrich",
        // All at once: whoever runs the parts loads the vectors for all of them.
        batches: [days.map((day) => ({ name: unitOf(day), day }))],
        concurrency: 1,
        perform: (units, batch) => stage.perform(units, batch),
        ...this.#reporting(),
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
    { lane, stage, finish, fail, signal }: BatchContext<DayUnit, { rows: number }>,
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
          this.#empty.see(written.result.rows, written.result.columns);
        } else if (attempt === 1) changed.push(unit);
        else
          await fail(unit, new DaedalusError([trainingProblem("input-keeps-changing", { day: unit.day, changes })], 1));
      };
      const log = this.#root.log(logName(left));
      const task: DaysTask = {
        context: this.#context,
        epoch: this.#epoch,
        log,
        days: [...begun].map(([day, { folder }]) => ({ day, staging: folder })),
        ...(this.#qidMap === undefined ? {} : { qidMap: this.#qidMap.path }),
      };
      const document = { kind: DAYS_TASK, body: task, lane, log };
      await runTask(executor, document, signal, (report) => settle(report as WrittenDay));
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
      inputs: { definition: inputs.definition, bounded: inputs.bounded, unbounded: inputs.unbounded },
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

/** `dt=2024-05-01` or `dt=2024-05-01..dt=2024-05-03`. */
function logName(span: readonly DayUnit[]): string {
  const [first, last] = [span[0]?.name ?? "", span.at(-1)?.name ?? ""];
  return first === last ? first : `${first}..${last}`;
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
