import { hostname } from "node:os";
import { join } from "node:path";
import type { Day } from "../columnar/instants.js";
import { DaedalusError } from "../errors/problem.js";
import { trainingProblem } from "../errors/training.js";
import type { BatchContext, Unit } from "../runs/run-units.js";
import {
  type DayManifest,
  type ManifestColumn,
  type ManifestInput,
  modificationTimes,
  readDay,
  writeManifest,
} from "../storage/day-manifest.js";
import type { TaskExecutor } from "../tasks/task.js";
import { unitOf } from "./day-states.js";
import { ENRICH_TASK, type EnrichedFile, type EnrichTask } from "./enrich-task.js";
import { type InputReader, inputChanges } from "./inputs.js";

/** What the enrich stage of a run has in common. */
export interface EnrichOptions {
  readonly root: { readonly directory: string; readonly run: string };
  readonly reader: InputReader;
  /** The file that holds the tasks' context. */
  readonly context: string;
  readonly executor: TaskExecutor;
  readonly versions: Readonly<Record<string, string>>;
}

export interface DayUnit extends Unit {
  readonly day: Day;
}

/** Fills the embedding columns of days, each from the parts that lie there, part by part. */
export class EnrichStage {
  readonly #options: EnrichOptions;
  #stores = "";
  #epoch = 0;

  constructor(options: EnrichOptions) {
    this.#options = options;
  }

  /** The stores are looked at before and after: a day during which they change is done once more, then fails. */
  async perform(
    unit: DayUnit,
    {
      stage,
      finish,
      fail,
      signal,
    }: Pick<BatchContext<DayUnit, { rows: number }>, "stage" | "finish" | "fail" | "signal">,
  ): Promise<void> {
    const { root, reader } = this.#options;
    const found = await readDay(join(root.directory, unitOf(unit.day)));
    if (found === undefined) throw new Error(`${unit.name} is gone`);
    for (let attempt = 1; ; attempt++) {
      const started = new Date();
      const stores = await reader.stores();
      this.#noticeStores(stores);
      const folder = await stage(unit);
      const files = await this.#enrichParts(found, folder, signal);
      const changes = inputChanges(stores, await reader.stores());
      if (changes.length === 0) {
        await writeManifest(folder, await this.#manifest(found, stores, files, folder, started));
        await finish(unit, { rows: found.rows });
        return;
      }
      if (attempt > 1) {
        const problem = trainingProblem("input-keeps-changing", { day: unit.day, changes });
        await fail(unit, new DaedalusError([problem], 1));
        return;
      }
    }
  }

  /** Workers keep open what they have seen. */
  #noticeStores(stores: readonly ManifestInput[]): void {
    const now = JSON.stringify(stores);
    if (now !== this.#stores) this.#epoch += 1;
    this.#stores = now;
  }

  /** As many at a time as there are workers; where one fails the others are stopped. */
  async #enrichParts(found: DayManifest, folder: string, signal: AbortSignal): Promise<readonly EnrichedFile[]> {
    const { executor, root, context } = this.#options;
    const stop = new AbortController();
    const failures: unknown[] = [];
    const work = found.parts.map(async ({ name }): Promise<EnrichedFile | undefined> => {
      const body: EnrichTask = {
        context,
        epoch: this.#epoch,
        input: join(root.directory, unitOf(found.day), name),
        output: join(folder, name),
      };
      try {
        const answer = await executor.run({ kind: ENRICH_TASK, body }, AbortSignal.any([signal, stop.signal]));
        return answer as EnrichedFile;
      } catch (error) {
        // The first one; those that were stopped for it only tell that they were.
        failures.push(error);
        stop.abort();
        return undefined;
      }
    });
    const files = await Promise.all(work);
    if (failures.length > 0) throw failures[0];
    return files.filter((file) => file !== undefined);
  }

  async #manifest(
    found: DayManifest,
    stores: readonly ManifestInput[],
    files: readonly EnrichedFile[],
    folder: string,
    started: Date,
  ): Promise<DayManifest> {
    const { root, versions } = this.#options;
    const parts = found.parts.map(({ name, rows }, place) => {
      const { bytes = 0, sha256 = "" } = files[place] ?? {};
      return { name, rows, bytes, sha256 };
    });
    const seconds = (Date.now() - started.getTime()) / 1000;
    return {
      ...found,
      state: "complete",
      stages: ["skeleton", "enrich"],
      parts,
      columns: found.columns.map((column) => filled(column, found.rows, files)),
      inputs: { ...found.inputs, stores },
      versions,
      run: {
        ...found.run,
        id: root.run,
        host: hostname(),
        stages: { ...found.run.stages, enrich: seconds },
        modified: await modificationTimes(
          folder,
          parts.map(({ name }) => name),
        ),
      },
    };
  }
}

/** The statistics of a column after its values were filled in; of others as they are. */
function filled(column: ManifestColumn, rows: number, files: readonly EnrichedFile[]): ManifestColumn {
  const own = files.flatMap(({ columns }) => columns.filter(({ name }) => name === column.name));
  const [first] = own;
  if (first === undefined) return column;
  const values = own.reduce((sum, part) => sum + part.values, 0);
  const { name, dtype } = column;
  const { dim } = first;
  return { name, dtype, nulls: rows - values, ...(values === 0 ? {} : { lengths: { min: dim, max: dim, mean: dim } }) };
}
