import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeDemoProject } from "#daedalus/app/demo/demo-project.js";
import { demoDays } from "#daedalus/app/demo/demo-size.js";

/** Days of the feed; the last seven are trained, the others are history. */
export const DAYS = 14;
export const TARGET_DAYS = demoDays(DAYS).slice(-7);

/** The folder of the demo's project with so many events; data of an earlier run are used again, definitions are not. */
export async function projectOf(home: string, events: number): Promise<string> {
  const folder = join(home, "projects", String(events));
  for (const part of ["config", "feature_views", "feature_services", "project.udfs.ts"])
    rmSync(join(folder, part), { recursive: true, force: true });
  await writeDemoProject(folder, { days: DAYS, events, seed: 42 });
  // The figures are of the skeleton; the filter would ask an embedding store.
  const runtime = join(folder, "config/training/runtime.yaml");
  const text = readFileSync(runtime, "utf8");
  writeFileSync(runtime, text.replace(/^embedding_coverage_filter: .*$/m, "embedding_coverage_filter: false"));
  return folder;
}
