import { readFile, writeFile } from "node:fs/promises";
import type { StoreDefinition } from "../embeddings/lance-store.js";
import type { Schema } from "../operators/operator.js";
import type { RayUdfTransform } from "../operators/ray-udf-transform.js";
import { failPoint } from "../runs/fail-point.js";
import { Interrupted } from "../runs/failure.js";
import { checksum } from "../storage/day-manifest.js";
import { decode, encode } from "../tasks/exact-json.js";
import type { TaskHandler } from "../tasks/task.js";
import type { EnrichedPart, EnrichSession } from "./day.js";

/** The kind of the task document of a part whose embeddings are filled in. */
export const ENRICH_TASK = "training/enrich";

/** What all parts of a run have in common; written once, read once by each worker. */
export interface EnrichContext {
  readonly operators: readonly RayUdfTransform[];
  readonly output: Schema;
  /** By name. */
  readonly stores: Readonly<Record<string, StoreDefinition>>;
  readonly duckdbConfig: Readonly<Record<string, string>>;
}

export interface EnrichTask {
  /** The file that holds the context. */
  readonly context: string;
  /** Grows when a store has changed: a worker then opens them again. */
  readonly epoch: number;
  /** A part whose embedding columns are to be filled in. */
  readonly input: string;
  /** The part that is written, in a staging folder. */
  readonly output: string;
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
  let open: { readonly key: string; readonly session: EnrichSession } | undefined;
  let interrupted = false;

  async function sessionFor({ context, epoch }: EnrichTask): Promise<EnrichSession> {
    const key = `${epoch} ${context}`;
    if (open?.key === key) return open.session;
    open?.session.close();
    open = undefined;
    const session = await openEnrich(decode(await readFile(context, "utf8")) as EnrichContext);
    open = { key, session };
    return session;
  }

  return {
    async run(body): Promise<EnrichedFile> {
      interrupted = false;
      const task = body as EnrichTask;
      const session = await sessionFor(task);
      if (interrupted) throw new Interrupted();
      const part = await session.enrich(task.input, task.output);
      failPoint("part/enriched");
      return { ...part, ...(await checksum(task.output)) };
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
