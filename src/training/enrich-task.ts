import { randomUUID } from "node:crypto";
import { rename, rm, writeFile } from "node:fs/promises";
import type { StoreDefinition } from "../embeddings/lance-store.js";
import type { ArrowUdfTransform } from "../operators/arrow-udf-transform.js";
import type { Schema } from "../operators/operator.js";
import type { RayUdfTransform } from "../operators/ray-udf-transform.js";
import { failPoint } from "../runs/fail-point.js";
import { checksum } from "../storage/day-manifest.js";
import { encode } from "../tasks/exact-json.js";
import type { TaskHandler } from "../tasks/task.js";
import type { UdfBundle } from "../udfs/bundle-udfs.js";
import type { EnrichedPart, EnrichSession } from "./day.js";
import { type ContextAddress, KeptSession } from "./kept-session.js";

/** The kind of the task document of a part whose embeddings are filled in. */
export const ENRICH_TASK = "training/enrich";

/** What all parts of a run have in common; written once, read once by each worker. */
export interface EnrichContext {
  readonly operators: readonly (RayUdfTransform | ArrowUdfTransform)[];
  readonly output: Schema;
  /** By name. */
  readonly stores: Readonly<Record<string, StoreDefinition>>;
  readonly udfs?: UdfBundle;
  readonly duckdbConfig: Readonly<Record<string, string>>;
}

export interface EnrichTask extends ContextAddress {
  /** A part whose embedding columns are to be filled in. */
  readonly input: string;
  /** The part that is written, in a staging folder. */
  readonly output: string;
  /** What the path of an unfinished part begins with: one that was given up, and lives on, spoils no other's. */
  readonly scratch: string;
}

/** A worker's answer: what the manifest says of the part. */
export interface EnrichedFile extends EnrichedPart {
  readonly bytes: number;
  readonly sha256: string;
}

export async function writeEnrichContext(path: string, context: EnrichContext): Promise<void> {
  await writeFile(path, encode(context));
}

/** Fills in parts with sessions that `openEnrich` opens: one for a context, kept from part to part. */
export function enrichTaskHandler(openEnrich: (context: EnrichContext) => Promise<EnrichSession>): TaskHandler {
  const kept = new KeptSession(openEnrich);
  return {
    async run(body): Promise<EnrichedFile> {
      const task = body as EnrichTask;
      const { session } = await kept.of(task);
      const unfinished = `${task.scratch}-${randomUUID()}.parquet`;
      try {
        const part = await session.enrich(task.input, unfinished);
        const sum = await checksum(unfinished);
        failPoint("part/enriched");
        await rename(unfinished, task.output);
        return { ...part, ...sum };
      } finally {
        await rm(unfinished, { force: true });
      }
    },
    interrupt: () => kept.interrupt(),
    close: () => kept.close(),
  };
}
