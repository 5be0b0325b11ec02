import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Day } from "../columnar/instants.js";
import type { Connection } from "../definitions/base.js";
import type { FeatureView } from "../definitions/feature-view.js";
import type { StoreDefinition } from "../embeddings/lance-store.js";
import type { Pipeline } from "../operators/pipeline.js";
import { failPoint } from "../runs/fail-point.js";
import { checksum, type ManifestPart } from "../storage/day-manifest.js";
import { encode } from "../tasks/exact-json.js";
import type { TaskHandler, TaskLimits } from "../tasks/task.js";
import type { UdfBundle } from "../udfs/bundle-udfs.js";
import type { DayResult, DaySession, DaysRequest } from "./day.js";
import { type ContextAddress, KeptSession } from "./kept-session.js";

/** The kind of the task document of a span of days. */
export const DAYS_TASK = "training/days";

/** What all days of a run have in common; written once, read once by each worker. */
export interface DayContext {
  readonly pipeline: Pipeline;
  readonly project: { readonly directory: string; readonly connections: Readonly<Record<string, Connection>> };
  /** The views that the pipeline scans, by name. */
  readonly views: Readonly<Record<string, FeatureView>>;
  /** Those whose coverage decides which rows there are, by name. */
  readonly stores: Readonly<Record<string, StoreDefinition>>;
  readonly udfs?: UdfBundle;
  readonly duckdbConfig: Readonly<Record<string, string>>;
  /** A worker gets more than one span: it keeps the history of each for the next. */
  readonly keepHistory: boolean;
  readonly ofRun: NonNullable<DaysRequest["ofRun"]>;
  readonly rules?: DaysRequest["rules"];
  /** What holds for the tasks of workers that take a share of a day; absent: each is tried twice. */
  readonly limits?: TaskLimits;
}

export interface DaysTask extends ContextAddress {
  readonly days: DaysRequest["days"];
  readonly qidMap?: string;
  readonly log?: string;
}

/** A worker's report of each day: what the manifest says of the data. */
export interface WrittenDay {
  readonly day: Day;
  readonly result: DayResult;
  readonly parts: readonly ManifestPart[];
  /** Since the day before it was written, or the span was begun. */
  readonly seconds: number;
}

export async function writeContext(path: string, context: DayContext): Promise<void> {
  await writeFile(path, encode(context));
}

/** Runs days with sessions that `openDay` opens: one for a context, kept from day to day. */
export function daysTaskHandler(openDay: (context: DayContext) => Promise<DaySession>): TaskHandler {
  const kept = new KeptSession(openDay);
  return {
    async run(body, report): Promise<void> {
      const { days, qidMap, log, ...address } = body as DaysTask;
      let since = performance.now();
      const { session, context } = await kept.of(address);
      const folders = new Map(days.map(({ day, staging }) => [day, staging]));
      let reported = Promise.resolve();
      const written = (day: Day, result: DayResult): void => {
        failPoint("day/written");
        const seconds = (performance.now() - since) / 1000;
        since = performance.now();
        // Checksums are taken while the engine goes on with the next day.
        reported = reported.then(async () => {
          const parts: ManifestPart[] = [];
          for (const { name, rows } of result.parts)
            parts.push({ name, rows, ...(await checksum(join(folders.get(day) ?? "", name))) });
          const answer: WrittenDay = { day, result, parts, seconds };
          report(answer);
        });
        reported.catch(() => undefined);
      };
      const { pipeline, keepHistory, ofRun, rules } = context;
      const request: DaysRequest = {
        pipeline,
        days,
        keepHistory,
        ofRun,
        ...(rules === undefined ? {} : { rules }),
        ...(qidMap === undefined ? {} : { qidMap }),
        ...(log === undefined ? {} : { log }),
      };
      try {
        await session.run(request, written);
      } finally {
        await reported;
      }
    },
    interrupt: () => kept.interrupt(),
    close: () => kept.close(),
  };
}
