import { hostname } from "node:os";
import { DaedalusError, type Problem } from "../errors/problem.js";
import { runProblem } from "../errors/run.js";
import { failPoint } from "./fail-point.js";
import { Interrupted, problemsOf, WorkerLost } from "./failure.js";
import type { OwnedRoot } from "./owned-root.js";
import { PaceMeter, type ProgressEvent } from "./progress.js";

/** One piece of work whose result becomes visible as a whole: a day, a table, a shard. */
export interface Unit {
  /** The path below the root at which it appears; unique in a run. */
  readonly name: string;
}

/** What the work on a batch may do with its units. */
export interface BatchContext<U extends Unit, O extends UnitOutcome> {
  /** From 1. */
  readonly attempt: number;
  /** Which of the batches that run at a time this is, from 0: those of one lane follow each other. */
  readonly lane: number;
  /** Aborted when the run is to stop; `perform` should then reject soon. */
  readonly signal: AbortSignal;
  /** A new empty folder for the unit; what an earlier call's held is gone. */
  stage(unit: U): Promise<string>;
  /** What lies in the unit's folder becomes visible as the unit. */
  finish(unit: U, outcome: O): Promise<void>;
  /** The unit has failed; the others of the batch go on. */
  fail(unit: U, error: unknown): Promise<void>;
}

export interface UnitOutcome {
  readonly rows: number;
}

export interface RunOptions<U extends Unit, O extends UnitOutcome> {
  readonly root: OwnedRoot;
  /** Of a run that works on its units more than once: what is done to them this time. */
  readonly stage?: string;
  /** Units that are worked on together; each becomes visible alone. Neighbours are done one after the other if they can be. */
  readonly batches: readonly (readonly U[])[];
  /** Batches at a time, at least 1. */
  readonly concurrency: number;
  /** Finishes (or fails) every unit of the batch. */
  readonly perform: (batch: readonly U[], context: BatchContext<U, O>) => Promise<void>;
  /** How often a unit is tried whose worker dies: the fault may have been the machine's. Default: twice. */
  readonly attempts?: number;
  readonly command: string;
  readonly versions?: Readonly<Record<string, string>>;
  /** Stops the run: units at work are interrupted, nothing of them becomes visible. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (event: ProgressEvent) => void;
}

export interface RunSummary<U extends Unit, O extends UnitOutcome> {
  readonly run: string;
  readonly seconds: number;
  /** In the order of the batches. */
  readonly done: readonly { readonly unit: U; readonly outcome: O; readonly seconds: number }[];
  readonly failed: readonly { readonly unit: U; readonly problems: readonly Problem[] }[];
  readonly interrupted: boolean;
}

/** Of a unit whose worker dies. */
export const DEFAULT_ATTEMPTS = 2;

/**
 * Performs batches of units, some at a time; each unit is committed when it is finished. A unit that fails is remembered and
 * stops no other: where a batch fails, its unfinished units are tried one by one. Rejects only with `run/ownership-lost` or
 * a fault of its own; failures of units are in the summary.
 */
export async function runUnits<U extends Unit, O extends UnitOutcome>(
  options: RunOptions<U, O>,
): Promise<RunSummary<U, O>> {
  const { root, batches, perform, attempts = DEFAULT_ATTEMPTS, onProgress = () => undefined } = options;
  const units = batches.flat();
  const started = new Date();
  const meter = new PaceMeter(units.length);
  const signal = AbortSignal.any([root.lost, ...(options.signal ? [options.signal] : [])]);
  const done = new Map<U, { outcome: O; seconds: number }>();
  const failed = new Map<U, readonly Problem[]>();
  const record = {
    run: root.run,
    ...(options.stage === undefined ? {} : { stage: options.stage }),
    command: options.command,
    host: hostname(),
    pid: process.pid,
    started: started.toISOString(),
    versions: options.versions ?? {},
  };
  await root.ledger.record(record);
  onProgress({
    type: "run-started",
    run: root.run,
    units: units.length,
    ...(options.stage === undefined ? {} : { stage: options.stage }),
  });

  async function fail(unit: U, attempt: number, error: unknown): Promise<void> {
    await root.discard(unit.name).catch(() => undefined);
    const problems =
      error instanceof WorkerLost
        ? [runProblem("worker-lost", { how: error.message, attempts: attempt * error.attempts })]
        : problemsOf(error, unit.name);
    failed.set(unit, problems);
    // On a full disk even this may fail; the unit is then absent, which says the same.
    await root.ledger
      .fail({ unit: unit.name, run: root.run, at: new Date().toISOString(), attempts: attempt, problems })
      .catch(() => undefined);
    onProgress({ type: "unit-failed", unit: unit.name, problems, pace: meter.failed() });
  }

  /** One try; the units that are neither done nor failed, with the error that stopped it. */
  async function attempt(batch: readonly U[], lane: number, count: number) {
    let since = performance.now();
    const context: BatchContext<U, O> = {
      attempt: count,
      lane,
      signal,
      async stage(unit) {
        const folder = await root.stage(unit.name);
        failPoint("unit/staged");
        return folder;
      },
      async finish(unit, outcome) {
        if (signal.aborted) throw new Interrupted();
        failPoint("unit/performed");
        await root.commit(unit.name);
        await root.ledger.forget(unit.name);
        const seconds = (performance.now() - since) / 1000;
        since = performance.now();
        done.set(unit, { outcome, seconds });
        onProgress({ type: "unit-done", unit: unit.name, rows: outcome.rows, seconds, pace: meter.done(outcome.rows) });
      },
      fail: (unit, error) => fail(unit, count, error),
    };
    const unfinished = () => batch.filter((unit) => !done.has(unit) && !failed.has(unit));
    for (const { name } of batch) onProgress({ type: "unit-started", unit: name, attempt: count });
    try {
      await perform(batch, context);
      return { left: unfinished(), error: new Error("the work ended without finishing its units") };
    } catch (error) {
      return { left: unfinished(), error };
    }
  }

  async function complete(batch: readonly U[], lane: number, count: number): Promise<void> {
    const { left, error } = await attempt(batch, lane, count);
    if (left.length === 0) return;
    for (const unit of left) await root.discard(unit.name).catch(() => undefined);
    if (signal.aborted) return;
    const lost = error instanceof WorkerLost;
    const [only] = left;
    if (batch.length === 1 && only !== undefined && !(lost && count < attempts)) {
      await fail(only, count, error);
      return;
    }
    // The others need not suffer from what one of them met.
    for (const unit of left) if (!signal.aborted) await complete([unit], lane, lost ? count + 1 : count);
  }

  const lanes = lanesOf(batches, Math.max(1, Math.min(options.concurrency, batches.length)));
  const next = (lane: number): readonly U[] | undefined => {
    const own = lanes[lane]?.shift();
    if (own !== undefined) return own;
    // From the end of the longest: its own neighbours are furthest from there.
    const longest = lanes.reduce((most, other) => (other.length > most.length ? other : most), []);
    return longest.pop();
  };
  async function work(lane: number): Promise<void> {
    for (let batch = next(lane); batch !== undefined && !signal.aborted; batch = next(lane))
      await complete(batch, lane, 1);
  }
  await Promise.all(lanes.map((_, lane) => work(lane)));

  const pace = meter.now();
  const interrupted = signal.aborted;
  const counts = { planned: units.length, done: pace.done, failed: pace.failed, rows: pace.rows };
  await root.ledger.record({ ...record, ended: new Date().toISOString(), counts, interrupted }).catch(() => undefined);
  onProgress({ type: "run-ended", interrupted, pace });
  if (root.lost.aborted && root.lost.reason instanceof DaedalusError) throw root.lost.reason;
  return {
    run: root.run,
    seconds: pace.seconds,
    done: units.flatMap((unit) => {
      const entry = done.get(unit);
      return entry === undefined ? [] : [{ unit, ...entry }];
    }),
    failed: units.flatMap((unit) => {
      const problems = failed.get(unit);
      return problems === undefined ? [] : [{ unit, problems }];
    }),
    interrupted,
  };
}

/** The batches in order, cut into as many runs of neighbours. */
function lanesOf<Batch>(batches: readonly Batch[], count: number): Batch[][] {
  return Array.from({ length: count }, (_, lane) =>
    batches.slice(Math.round((lane * batches.length) / count), Math.round(((lane + 1) * batches.length) / count)),
  );
}
