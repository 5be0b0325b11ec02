import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Day } from "../columnar/instants.js";
import type { Connection } from "../definitions/base.js";
import type { FeatureView } from "../definitions/feature-view.js";
import type { Pipeline } from "../operators/pipeline.js";
import { failPoint } from "../runs/fail-point.js";
import { Interrupted } from "../runs/failure.js";
import { checksum, type ManifestPart } from "../storage/day-manifest.js";
import { decode, encode } from "../tasks/exact-json.js";
import type { TaskHandler } from "../tasks/task.js";
import type { DayResult, DaySession } from "./day.js";

/** The kind of a day's task document. */
export const DAY_TASK = "training/day";

/** What all days of a run have in common; written once, read once by each worker. */
export interface DayContext {
  readonly pipeline: Pipeline;
  readonly project: { readonly directory: string; readonly connections: Readonly<Record<string, Connection>> };
  /** The views that the pipeline scans, by name. */
  readonly views: Readonly<Record<string, FeatureView>>;
  readonly duckdbConfig: Readonly<Record<string, string>>;
}

export interface DayTask {
  /** The file that holds the context. */
  readonly context: string;
  /** Grows when an input has changed since the run began: a worker then opens its sources again. */
  readonly epoch: number;
  readonly day: Day;
  readonly qidMap?: string;
}

/** A worker's answer: what the manifest says of the data. */
export interface DayAnswer {
  readonly result: DayResult;
  readonly parts: readonly ManifestPart[];
  readonly seconds: number;
}

export async function writeContext(path: string, context: DayContext): Promise<void> {
  await writeFile(path, encode(context));
}

/** Runs days with sessions that `openDay` opens: one for a context, kept from day to day. */
export function dayTaskHandler(openDay: (context: DayContext) => Promise<DaySession>): TaskHandler {
  let open: { readonly key: string; readonly context: DayContext; readonly session: DaySession } | undefined;
  let interrupted = false;

  async function sessionFor(task: DayTask) {
    const key = `${task.epoch} ${task.context}`;
    if (open?.key === key) return open;
    open?.session.close();
    open = undefined;
    const context = decode(await readFile(task.context, "utf8")) as DayContext;
    open = { key, context, session: await openDay(context) };
    return open;
  }

  return {
    async run(body, staging): Promise<DayAnswer> {
      interrupted = false;
      const task = body as DayTask;
      const started = performance.now();
      const { session, context } = await sessionFor(task);
      if (interrupted) throw new Interrupted();
      const result = await session.run({
        pipeline: context.pipeline,
        day: task.day,
        staging,
        ...(task.qidMap === undefined ? {} : { qidMap: task.qidMap }),
      });
      failPoint("day/written");
      const parts: ManifestPart[] = [];
      for (const { name, rows } of result.parts) parts.push({ name, rows, ...(await checksum(join(staging, name))) });
      return { result, parts, seconds: (performance.now() - started) / 1000 };
    },
    interrupt() {
      interrupted = true;
      open?.session.interrupt();
    },
    close() {
      open?.session.close();
      open = undefined;
    },
  };
}
