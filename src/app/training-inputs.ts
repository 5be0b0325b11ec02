import { join, resolve } from "node:path";
import type { FeatureView } from "../definitions/feature-view.js";
import { refusedOutputRoot } from "../definitions/output-root.js";
import { locatedStore, type StoreDefinition } from "../embeddings/lance-store.js";
import { SqlSession } from "../engines/sql/session.js";
import { DaedalusError } from "../errors/problem.js";
import { isOutOfMemory } from "../errors/run.js";
import { trainingProblem } from "../errors/training.js";
import { problemsOf } from "../runs/failure.js";
import { wouldRead } from "../sources/listing.js";
import { openSource } from "../sources/open-source.js";
import type { Source } from "../sources/source.js";
import { coverageStoresOf, enrichmentsOf, scansOf, type TrainingInputs } from "../training/inputs.js";
import type { CompiledService } from "./compile-service.js";

/** Where days are written to, if not where the project says. */
export interface OutputOptions {
  /** Relative to the current folder. */
  readonly outputRoot?: string;
}

/** Opens what a compiled service reads, for the time of `work`. */
export async function withTrainingInputs<Result>(
  compiled: CompiledService,
  options: OutputOptions,
  work: (inputs: TrainingInputs) => Promise<Result>,
): Promise<Result> {
  const { project, pipeline } = compiled;
  const runtime = project.runtimeOf(pipeline.service);
  const outputRoot = options.outputRoot ?? outputRootOf(compiled);
  const refused = refusedOutputRoot(outputRoot);
  if (refused !== undefined) throw new DaedalusError([refused], 2);
  const session = await SqlSession.open(runtime.compute.duckdbConfig);
  try {
    const place = { directory: project.directory, connections: project.base.connections };
    const views = new Map<string, FeatureView>();
    const sources = new Map<string, Source>();
    for (const { view: name } of scansOf(pipeline)) {
      const view = project.views.get(name);
      if (view === undefined || views.has(name)) continue;
      refuseOwnOutput(project.directory, view, resolve(outputRoot));
      views.set(name, view);
      sources.set(name, openSource(place, view, session));
    }
    return await work({
      pipeline,
      project: place,
      views,
      sources,
      stores: storesOf(compiled),
      ...(compiled.udfs === undefined ? {} : { udfs: compiled.udfs }),
      session,
      feed: { start: runtime.feedStart, end: runtime.feedEnd },
      outputRoot: resolve(outputRoot),
    });
  } catch (error) {
    if (!isOutOfMemory(error)) throw error;
    throw new DaedalusError(problemsOf(error, project.directory), 1, { cause: error });
  } finally {
    session.close();
  }
}

/** Throws DaedalusError, exit code 2, if what is written would be read as a view's data by the next run. */
function refuseOwnOutput(directory: string, { name, source: { path } }: FeatureView, root: string): void {
  if (path === undefined) return;
  const files = [join(root, "dt=2000-01-01", "part-0-0.parquet"), join(root, "qid_map.parquet")];
  if (files.some((file) => wouldRead(directory, path, file)))
    throw new DaedalusError([trainingProblem("output-is-input", { root, view: name, path })], 2);
}

/** The embedding stores that the pipeline asks. */
function storesOf({ project, pipeline }: CompiledService): ReadonlyMap<string, StoreDefinition> {
  const names = new Set([
    ...coverageStoresOf(pipeline),
    ...enrichmentsOf(pipeline).map((operator) => operator.store.name),
  ]);
  const stores = Object.entries(project.aggregations.embeddingStores).filter(([name]) => names.has(name));
  return new Map(stores.map(([name, store]) => [name, locatedStore(name, store, project.directory)]));
}

/** `output_root` with the service's name in it; relative to the current folder unless absolute. */
export function outputRootOf({ project, pipeline }: CompiledService): string {
  return project.runtimeOf(pipeline.service).outputRoot.replaceAll("${service}", () => pipeline.service);
}
