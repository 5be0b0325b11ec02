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

export interface UnitContext {
  /** Empty folder; what lies in it when `perform` is done becomes the unit. */
  readonly staging: string;
  /** From 1. */
  readonly attempt: number;
  /** Aborted when the run is to stop; `perform` should then reject soon. */
  readonly signal: AbortSignal;
}

export interface UnitOutcome {
  readonly rows: number;
}

export interface RunOptions<U extends Unit, O extends UnitOutcome> {
  readonly root: OwnedRoot;
  readonly units: readonly U[];
  /** Units at a time, at least 1. */
  readonly concurrency: number;
  readonly perform: (unit: U, context: UnitContext) => Promise<O>;
  readonly command: string;
  readonly versions?: Readonly<Record<string, string>>;
  /** Stops the run: units at work are interrupted, nothing of them becomes visible. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (event: ProgressEvent) => void;
}

export interface RunSummary<U extends Unit, O extends UnitOutcome> {
  readonly run: string;
  readonly seconds: number;
  /** In the order of `units`. */
  readonly done: readonly { readonly unit: U; readonly outcome: O; readonly seconds: number }[];
  readonly failed: readonly { readonly unit: U; readonly problems: readonly Problem[] }[];
  readonly interrupted: boolean;
}

/** A unit whose worker dies is tried once more: the fault may have been the machine's. */
const WORKER_ATTEMPTS = 2;

/**
 * Performs units, some at a time, and commits each when it is done. A unit that fails is remembered and does not stop the
 * others. Rejects only with `run/ownership-lost` or a fault of its own; failures of units are in the summary.
 */
export async function runUnits<U extends Unit, O extends UnitOutcome>(
  options: RunOptions<U, O>,
): Promise<RunSummary<U, O>> {
  const { root, units, perform, onProgress = () => undefined } = options;
  const started = new Date();
  const meter = new PaceMeter(units.length);
  const signal = AbortSignal.any([root.lost, ...(options.signal ? [options.signal] : [])]);
  const done = new Map<U, { outcome: O; seconds: number }>();
  const failed = new Map<U, readonly Problem[]>();
  const record = {
    run: root.run,
    command: options.command,
    host: hostname(),
    pid: process.pid,
    started: started.toISOString(),
    versions: options.versions ?? {},
  };
  await root.ledger.record(record);
  onProgress({ type: "run-started", run: root.run, units: units.length });

  async function one(unit: U): Promise<void> {
    const begun = performance.now();
    for (let attempt = 1; ; attempt++) {
      try {
        onProgress({ type: "unit-started", unit: unit.name, attempt });
        const staging = await root.stage(unit.name);
        failPoint("unit/staged");
        const outcome = await perform(unit, { staging, attempt, signal });
        if (signal.aborted) throw new Interrupted();
        failPoint("unit/performed");
        await root.commit(unit.name);
        await root.ledger.forget(unit.name);
        const seconds = (performance.now() - begun) / 1000;
        done.set(unit, { outcome, seconds });
        onProgress({ type: "unit-done", unit: unit.name, rows: outcome.rows, seconds, pace: meter.done(outcome.rows) });
        return;
      } catch (error) {
        await root.discard(unit.name).catch(() => undefined);
        if (signal.aborted) return;
        if (error instanceof WorkerLost && attempt < WORKER_ATTEMPTS) continue;
        const problems =
          error instanceof WorkerLost
            ? [runProblem("worker-lost", { how: error.message, attempts: attempt })]
            : problemsOf(error, unit.name);
        failed.set(unit, problems);
        // On a full disk even this may fail; the unit is then absent, which says the same.
        await root.ledger
          .fail({ unit: unit.name, run: root.run, at: new Date().toISOString(), attempts: attempt, problems })
          .catch(() => undefined);
        onProgress({ type: "unit-failed", unit: unit.name, problems, pace: meter.failed() });
        return;
      }
    }
  }

  const waiting = [...units];
  async function lane(): Promise<void> {
    for (let unit = waiting.shift(); unit !== undefined && !signal.aborted; unit = waiting.shift()) await one(unit);
  }
  await Promise.all(Array.from({ length: Math.max(1, Math.min(options.concurrency, units.length)) }, lane));

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
