import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Project } from "../../definitions/project.js";
import { embeddingStores, importEmbeddings } from "../embeddings-service.js";
import { copyProject } from "../project-files.js";
import { writeDemoData } from "./demo-data.js";
import { type DemoSize, demoDays } from "./demo-size.js";

/** The service that the demo trains, of those of examples/artworks. */
export const DEMO_SERVICE = "dssm_ranking";

/** The vectors of its embedding columns, and the store that they are brought into. */
const VECTORS = { file: "data/embeddings.parquet", store: "artwork" } as const;

export interface DemoProject {
  /** The feed's first and last day. */
  readonly days: readonly [first: string, last: string];
  /** Definition files that this call wrote, relative to the folder; those that were there are left as they are. */
  readonly written: readonly string[];
}

const example = fileURLToPath(new URL("../../../examples/artworks/", import.meta.url));

/** What makes the example a project; a checkout may hold data and output beside it. */
const PARTS = [
  "README.md",
  "daedalus.yaml",
  "project.udfs.ts",
  "config/base.yaml",
  "config/training",
  "feature_views",
  "feature_services",
];

/**
 * Writes a copy of examples/artworks with data of a chosen size. Deterministic: equal sizes and seeds give equal bytes. Existing
 * definition files stay (they may be edited); existing data stay if they are the same.
 */
export async function writeDemoProject(directory: string, size: DemoSize): Promise<DemoProject> {
  const { days, events } = size;
  if (!(Number.isSafeInteger(days) && days > 0 && Number.isSafeInteger(events) && events >= days))
    throw new RangeError(`a demo needs at least one day and one event a day, not ${events} events of ${days} days`);
  const written = await copyProject(example, directory, PARTS);
  await writeDemoData(directory, size);
  const dates = demoDays(days);
  return { days: [dates[0] ?? "", dates.at(-1) ?? ""], written };
}

/** Brings the demo's vectors into its store, unless that is there; it may be the user's own by now. */
export async function importDemoVectors(project: Project): Promise<void> {
  const stores = await embeddingStores(project);
  if (stores.some(({ name, dataset }) => name === VECTORS.store && dataset !== undefined)) return;
  await importEmbeddings(project, join(project.directory, VECTORS.file), VECTORS.store);
}
