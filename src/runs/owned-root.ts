import { readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DaedalusError } from "../errors/problem.js";
import { commit, recover, STAGING } from "./commit.js";
import { makeFolders, writeDurably } from "./durable.js";
import { failPoint } from "./fail-point.js";
import { problemsOf } from "./failure.js";
import { newRunId } from "./identity.js";
import { Ledger } from "./ledger.js";
import { OwnerLock } from "./owner.js";

/** Runs whose logs are kept. */
const LOGGED_RUNS = 20;

/**
 * A folder whose units this run may write. Opening takes the owner lock, finishes what a dead run began and removes its
 * leftovers. Everything that is not a unit lies in `<root>/_daedalus`.
 */
export class OwnedRoot {
  readonly directory: string;
  /** Identity of this run. */
  readonly run: string;
  readonly ledger: Ledger;
  readonly #lock: OwnerLock;
  /** Unit → the folder of its latest attempt. */
  readonly #staged = new Map<string, string>();
  #attempts = 0;

  private constructor(directory: string, run: string, lock: OwnerLock) {
    this.directory = directory;
    this.run = run;
    this.#lock = lock;
    this.ledger = new Ledger(directory);
  }

  /**
   * `command`: what a second run is told about this one. Throws DaedalusError, exit code 1: `run/root-in-use`,
   * `run/unwritable`, `run/disk-full`.
   */
  static async open(directory: string, command: string): Promise<OwnedRoot> {
    let lock: OwnerLock | undefined;
    try {
      await makeFolders(join(directory, "_daedalus"));
      lock = await OwnerLock.acquire(join(directory, "_daedalus"), directory, command);
      failPoint("root/owned");
      await recover(directory);
      const root = new OwnedRoot(directory, newRunId(), lock);
      await makeFolders(root.#staging());
      return root;
    } catch (error) {
      await lock?.release();
      throw error instanceof DaedalusError
        ? error
        : new DaedalusError(problemsOf(error, directory), 1, { cause: error });
    }
  }

  /** Aborted when another run took the folder over. */
  get lost(): AbortSignal {
    return this.#lock.lost;
  }

  /**
   * A new empty folder for the unit; what an earlier attempt left is removed. No attempt's folder is called as another's: a
   * worker that lives on, though it was given up, writes into nothing that is committed.
   */
  async stage(unit: string): Promise<string> {
    await this.discard(unit);
    this.#attempts += 1;
    const folder = join(this.#staging(), `${encodeURIComponent(unit)}.${this.#attempts}`);
    this.#staged.set(unit, folder);
    await makeFolders(folder);
    return folder;
  }

  /** A path for what the run needs while it works; removed at its end. No unit is called so. */
  scratch(name: string): string {
    return join(this.#staging(), `.${name}`);
  }

  /** The file in which the tasks of a name tell of themselves; kept after the run. The run's folder is there once `openLogs` was called. */
  log(name: string): string {
    return join(this.#logs(), `${encodeURIComponent(name)}.log`);
  }

  /** Those of earlier runs go, but for the last ones. */
  async openLogs(): Promise<void> {
    const folder = dirname(this.#logs());
    await makeFolders(this.#logs());
    const runs = (await readdir(folder)).sort();
    for (const old of runs.slice(0, -LOGGED_RUNS)) await rm(join(folder, old), { recursive: true, force: true });
  }

  /** Makes the staged unit visible; see `commit`. Throws `run/ownership-lost` if another run has the folder now. */
  async commit(unit: string): Promise<void> {
    await this.#lock.assertHeld();
    const staged = this.#staged.get(unit);
    if (staged === undefined) throw new RangeError(`nothing is staged for ${unit}`);
    await commit(this.directory, unit, staged, this.run);
    this.#staged.delete(unit);
  }

  /** Makes a staged file visible as `<root>/<name>`, in the place of the one that may be there. */
  async commitFile(name: string, staged: string): Promise<void> {
    await this.#lock.assertHeld();
    await commit(this.directory, name, staged, this.run);
  }

  /** Removes what is staged for the unit. */
  async discard(unit: string): Promise<void> {
    const staged = this.#staged.get(unit);
    this.#staged.delete(unit);
    if (staged !== undefined) await rm(staged, { recursive: true, force: true });
  }

  /** A small file below `_daedalus`, replaced at once. */
  async remember(name: string, content: string): Promise<void> {
    await writeDurably(join(this.directory, "_daedalus", name), content);
  }

  async release(): Promise<void> {
    await rm(this.#staging(), { recursive: true, force: true });
    await this.#lock.release();
  }

  #logs(): string {
    return join(this.directory, "_daedalus", "logs", this.run);
  }

  #staging(): string {
    return join(this.directory, "_daedalus", STAGING, this.run);
  }
}
