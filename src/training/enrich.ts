import { hostname } from "node:os";
import { join } from "node:path";
import type { Day } from "../columnar/instants.js";
import { DaedalusError } from "../errors/problem.js";
import { trainingProblem } from "../errors/training.js";
import type { OwnedRoot } from "../runs/owned-root.js";
import type { BatchContext, Unit } from "../runs/run-units.js";
import {
  type DayManifest,
  type ManifestColumn,
  type ManifestInput,
  modificationTimes,
  readDay,
  writeManifest,
} from "../storage/day-manifest.js";
import type { TaskDocument, TaskExecutor } from "../tasks/task.js";
import { unitOf } from "./day-states.js";
import { ENRICH_TASK, type EnrichedFile, type EnrichTask } from "./enrich-task.js";
import { type InputReader, inputChanges } from "./inputs.js";

/** What the enrich stage of a run has in common. */
export interface EnrichOptions {
  readonly root: OwnedRoot;
  readonly reader: InputReader;
  /** The file that holds the tasks' context. */
  readonly context: string;
  readonly executor: TaskExecutor;
  readonly versions: Readonly<Record<string, string>>;
  /** Of the columns that functions of the user's fill in, over a day's files; of no columns, none. */
  readonly statistics: (files: readonly string[]) => Promise<readonly ManifestColumn[]>;
}

export interface DayUnit extends Unit {
  readonly day: Day;
}

/** A day whose parts are being filled in. */
interface DayAtWork {
  readonly unit: DayUnit;
  readonly folder: string;
  readonly found: DayManifest;
  readonly started: Date;
  /** By the part's place. */
  readonly files: EnrichedFile[];
  /** Parts that are not over. */
  open: number;
  failure: unknown;
}

/** Fills the embedding columns of days, each from the parts that lie there, part by part. */
export class EnrichStage {
  readonly #options: EnrichOptions;
  #stores = "";
  #epoch = 0;

  constructor(options: EnrichOptions) {
    this.#options = options;
  }

  /**
   * The stores are looked at before and after each day: one during which they change is done once more, then fails. A day is
   * committed as soon as its parts are there.
   */
  async perform(
    units: readonly DayUnit[],
    { stage, finish, fail, signal }: BatchContext<DayUnit, { rows: number }>,
  ): Promise<void> {
    const { reader, executor } = this.#options;
    let left = units;
    for (let attempt = 1; left.length > 0; attempt++) {
      const stores = await reader.stores();
      this.#noticeStores(stores);
      const days: DayAtWork[] = [];
      for (const unit of left) days.push(await this.#begin(unit, await stage(unit)));
      const parts = days.flatMap((day) => day.found.parts.map((_, part) => ({ day, part })));
      const changed: DayUnit[] = [];
      const settle = async (day: DayAtWork): Promise<void> => {
        const { unit, found, folder, failure, files } = day;
        if (failure !== undefined) {
          await fail(unit, failure);
          return;
        }
        const changes = inputChanges(stores, await reader.stores());
        if (changes.length === 0) {
          await writeManifest(folder, await this.#manifest(found, stores, files, folder, day.started));
          await finish(unit, { rows: found.rows });
        } else if (attempt === 1) changed.push(unit);
        else
          await fail(unit, new DaedalusError([trainingProblem("input-keeps-changing", { day: unit.day, changes })], 1));
      };
      // A service that was trained for a day without rows has written no part.
      for (const day of days) if (day.open === 0) await settle(day);
      await executor.runAll(
        parts.map(({ day, part }) => this.#task(day, part)),
        signal,
        async (place, outcome) => {
          const { day, part } = parts[place] ?? unknownPlace(place);
          if ("answer" in outcome) day.files[part] = outcome.answer as EnrichedFile;
          else day.failure ??= outcome.error;
          day.open -= 1;
          if (day.open === 0) await settle(day);
        },
      );
      left = changed;
    }
  }

  async #begin(unit: DayUnit, folder: string): Promise<DayAtWork> {
    const found = await readDay(join(this.#options.root.directory, unitOf(unit.day)));
    if (found === undefined) throw new Error(`${unit.name} is gone`);
    return { unit, folder, found, started: new Date(), open: found.parts.length, files: [], failure: undefined };
  }

  #task({ unit, folder, found }: DayAtWork, part: number): TaskDocument {
    const { root, context } = this.#options;
    const name = found.parts[part]?.name ?? unknownPlace(part);
    const body: EnrichTask = {
      context,
      epoch: this.#epoch,
      input: join(root.directory, unit.name, name),
      output: join(folder, name),
      scratch: root.scratch("part"),
    };
    return { kind: ENRICH_TASK, body, log: root.log(`${unit.name}.${name}`) };
  }

  /** Workers keep open what they have seen. */
  #noticeStores(stores: readonly ManifestInput[]): void {
    const now = JSON.stringify(stores);
    if (now !== this.#stores) this.#epoch += 1;
    this.#stores = now;
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
    const called =
      parts.length === 0 ? [] : await this.#options.statistics(parts.map(({ name }) => join(folder, name)));
    const calledOf = new Map(called.map((column) => [column.name, column]));
    return {
      ...found,
      state: "complete",
      stages: ["skeleton", "enrich"],
      parts,
      columns: found.columns.map((column) => calledOf.get(column.name) ?? filled(column, found.rows, files)),
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

function unknownPlace(place: number): never {
  throw new RangeError(`there is no part ${place}`);
}
