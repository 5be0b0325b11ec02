import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Problem } from "../errors/problem.js";
import { makeFolders, writeDurably } from "./durable.js";

/** A unit whose last try failed. */
export interface FailedUnit {
  readonly unit: string;
  readonly run: string;
  readonly at: string;
  readonly attempts: number;
  readonly problems: readonly Problem[];
}

/** What a run did; for people and tools, nothing is decided by it. */
export interface RunRecord {
  readonly run: string;
  /** Of a run that works on its units more than once. */
  readonly stage?: string;
  readonly command: string;
  readonly host: string;
  readonly pid: number;
  readonly started: string;
  /** Absent while it runs, and for good if it was killed. */
  readonly ended?: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly counts?: { readonly planned: number; readonly done: number; readonly failed: number; readonly rows: number };
  readonly interrupted?: boolean;
}

/** What a root remembers of units that failed and of its runs. */
export class Ledger {
  readonly #failed: string;
  readonly #runs: string;

  constructor(root: string) {
    this.#failed = join(root, "_daedalus", "failed");
    this.#runs = join(root, "_daedalus", "runs");
  }

  async fail(failure: FailedUnit): Promise<void> {
    await writeDurably(this.#fileOf(failure.unit), `${JSON.stringify(failure, null, 2)}\n`);
  }

  async forget(unit: string): Promise<void> {
    await rm(this.#fileOf(unit), { force: true });
  }

  /** By unit. A record that cannot be read is none: the unit is then judged by what is there. */
  async failures(): Promise<ReadonlyMap<string, FailedUnit>> {
    const failures = new Map<string, FailedUnit>();
    for (const name of await readdir(this.#failed).catch(() => []))
      try {
        const failure: FailedUnit = JSON.parse(await readFile(join(this.#failed, name), "utf8"));
        failures.set(failure.unit, failure);
      } catch {
        // Nothing is decided by it.
      }
    return failures;
  }

  async record(record: RunRecord): Promise<void> {
    await makeFolders(this.#runs);
    await writeFile(
      join(this.#runs, `${record.run}${record.stage === undefined ? "" : `-${record.stage}`}.json`),
      `${JSON.stringify(record, null, 2)}\n`,
    );
  }

  #fileOf(unit: string): string {
    return join(this.#failed, `${encodeURIComponent(unit)}.json`);
  }
}
