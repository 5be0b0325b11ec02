import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadProject } from "daedalus";
import { expect } from "vitest";
import { importEmbeddings } from "#daedalus/app/embeddings-service.js";
import { leftovers } from "../runs/processes.js";
import { writeVectors, writeVectorsProject } from "../support/vectors-project.js";
import { type CommandRun, expectWholeDays, nobodyLeft, trainCommand, written } from "./project-runs.js";

/** From the Node.js process that works on a task, and its run, whom a kill hits. */
export const VICTIMS = {
  "a Node.js worker": (node) => node,
  "a Ray worker": (node) => parentOf(node),
  "the driver": (_, run) => processNamed(run, "driver.py"),
  "the coordinator": (_, run) => run.pid,
} satisfies Record<string, (node: number, run: CommandRun) => number>;
export type Victim = keyof typeof VICTIMS;

export type Kind = "days" | "enrich";

/** Runs of one project on Ray: its days, with embeddings, must be those that this machine writes by itself. */
export class RayRuns {
  readonly #folder = mkdtempSync(join(tmpdir(), "daedalus-ray-"));
  #whole: Record<string, string> = {};
  #outputs = 0;

  static async open(): Promise<RayRuns> {
    const runs = new RayRuns();
    await runs.#open();
    return runs;
  }

  async #open(): Promise<void> {
    // Four days of 60,000 events, each in four parts.
    const events = { users: 2001, events: 240_000, stepMillis: 1440, partRows: 15_000 };
    const limits = ", duckdb_config: {threads: 1}, task_attempts: 3, ray: {num_cpus: 2}";
    await writeVectorsProject(this.#folder, { ...events, compute: limits });
    await importEmbeddings(
      await loadProject(this.#folder, { environment: {} }),
      await writeVectors(this.#folder, "items.parquet"),
      "items",
    );
    expect((await trainCommand(this.#folder, "whole").ended).code).toBe(0);
    this.#whole = written(join(this.#folder, "whole"));
    expect(Object.keys(this.#whole).filter((path) => path.endsWith("_manifest.json"))).toHaveLength(4);
  }

  close(): void {
    rmSync(this.#folder, { recursive: true });
  }

  /** The name of a new output. */
  output(): string {
    this.#outputs += 1;
    return `out-${this.#outputs}`;
  }

  train(output: string): CommandRun {
    return trainCommand(this.#folder, output, ["--executor", "ray", "--day-workers", "2"]);
  }

  /** Changes `compute.ray`. */
  async settle(ray: string): Promise<void> {
    const file = join(this.#folder, "config/training/runtime.yaml");
    await writeFile(file, (await readFile(file, "utf8")).replace(/ray: \{.*\}\}$/m, `ray: {${ray}}}`));
  }

  /** The run ends well, leaves nothing but the right bytes, and nobody. */
  async expectWhole(run: CommandRun, output: string): Promise<void> {
    const { code, stderr } = await run.ended;
    expect([code, stderr.split("\n").filter((line) => /^\S+\/\S+$/.test(line))]).toEqual([0, []]);
    await nobodyLeft(run);
    expect(written(join(this.#folder, output))).toEqual(this.#whole);
    expect(leftovers(join(this.#folder, output))).toEqual([]);
  }

  /** After a kill: the days that are there are whole (those without embeddings are not compared), and nobody is left. */
  async expectNothingBroken(run: CommandRun, victim: Victim, output: string): Promise<void> {
    const { code, signal } = await run.ended;
    expect([victim, code, signal]).toEqual(
      victim === "the coordinator" ? [victim, null, "SIGKILL"] : [victim, 0, null],
    );
    await nobodyLeft(run);
    const files = existsSync(join(this.#folder, output)) ? written(join(this.#folder, output)) : {};
    const days = Object.keys(files)
      .filter((path) => path.endsWith("_manifest.json") && files[path]?.includes('"state":"complete"'))
      .map((path) => path.split("/")[0]);
    const finished = Object.entries(files).filter(([path]) => days.includes(path.split("/")[0]));
    expectWholeDays(Object.fromEntries(finished), this.#whole);
  }

  /** The lines of all task logs of an output. */
  told(output: string): readonly string[] {
    const root = join(this.#folder, output, "_daedalus", "logs");
    return readdirOr(root).flatMap((run) =>
      readdirSync(join(root, run))
        .filter((name) => name !== "executor.log")
        .flatMap((name) =>
          readFileSync(join(root, run, name), "utf8")
            .trimEnd()
            .split("\n"),
        ),
    );
  }

  /** The process that has begun a task of the kind, and not ended it. */
  atWork(output: string, kind: Kind): number | undefined {
    return this.told(output)
      .map((line, place, lines) => (/Z (done|lost)/.test(lines[place + 1] ?? "") ? undefined : line))
      .map((line) => Number(line?.match(`training/${kind} begun by process (\\d+)`)?.[1] ?? Number.NaN))
      .find((pid) => !Number.isNaN(pid));
  }
}

/** A folder that is not there has nothing in it. */
function readdirOr(folder: string): readonly string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

/** The process of the run whose command line has the word. */
function processNamed(run: CommandRun, word: string): number {
  return run.processes().find((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(word)) ?? Number.NaN;
}

function parentOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/status`, "utf8").match(/^PPid:\s*(\d+)$/m)?.[1]);
}
