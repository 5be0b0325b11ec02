import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadProject } from "daedalus";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { importEmbeddings } from "#daedalus/app/embeddings-service.js";
import { leftovers, until } from "../runs/processes.js";
import { RAY_PYTHON, startCluster } from "../services/ray.js";
import { writeVectors, writeVectorsProject } from "../support/vectors-project.js";
import { type CommandRun, expectWholeDays, nobodyLeft, trainCommand, written } from "./project-runs.js";

// The real command on real Ray: days and embeddings are the ones that this machine writes by itself, whatever is killed.

const RAY = ["--executor", "ray", "--day-workers", "2"];

if (RAY_PYTHON === undefined) test.skip("training on Ray: the test script could not install it", () => undefined);
else
  describe("training on Ray", () => {
    let folder: string;
    let whole: Record<string, string>;
    let outputs = 0;

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), "daedalus-ray-"));
      // Four days of 60,000 events, each in four parts.
      const events = { users: 2001, events: 240_000, stepMillis: 1440, partRows: 15_000 };
      const limits = ", duckdb_config: {threads: 1}, task_attempts: 3, ray: {num_cpus: 2}";
      await writeVectorsProject(folder, { ...events, compute: limits });
      await importEmbeddings(
        await loadProject(folder, { environment: {} }),
        await writeVectors(folder, "items.parquet"),
        "items",
      );
      expect((await trainCommand(folder, "whole").ended).code).toBe(0);
      whole = written(join(folder, "whole"));
      expect(Object.keys(whole).filter((path) => path.endsWith("_manifest.json"))).toHaveLength(4);
    });
    afterAll(() => (process.env["KEEP"] ? undefined : rmSync(folder, { recursive: true })));

    /** Changes `compute.ray`. */
    async function settle(ray: string): Promise<void> {
      const file = join(folder, "config/training/runtime.yaml");
      await writeFile(file, (await readFile(file, "utf8")).replace(/ray: \{.*\}\}$/m, `ray: {${ray}}}`));
    }

    function freshOutput(): string {
      outputs += 1;
      return `out-${outputs}`;
    }

    async function expectWhole(run: CommandRun, output: string): Promise<void> {
      const { code, stderr } = await run.ended;
      expect([code, stderr.split("\n").filter((line) => /^\S+\/\S+$/.test(line))]).toEqual([0, []]);
      await nobodyLeft(run);
      expect(written(join(folder, output))).toEqual(whole);
      expect(leftovers(join(folder, output))).toEqual([]);
    }

    /** The lines of all task logs of an output. */
    function told(output: string): readonly string[] {
      const root = join(folder, output, "_daedalus", "logs");
      return readdirSync(root).flatMap((run) =>
        readdirSync(join(root, run))
          .filter((name) => name !== "executor.log")
          .flatMap((name) =>
            readFileSync(join(root, run, name), "utf8")
              .trimEnd()
              .split("\n"),
          ),
      );
    }

    test("a cluster of the run's own writes the same bytes", async () => {
      const output = freshOutput();
      await expectWhole(trainCommand(folder, output, RAY), output);
      expect(told(output).filter((line) => /(days|enrich) begun by .*, ray node [0-9a-f]+$/.test(line)).length).toBe(
        told(output).length / 2,
      );
    });

    /** From the Node.js process that works on a task and its parent. */
    const VICTIMS = {
      "a Node.js worker": (node) => node,
      "a Ray worker": (node) => parentOf(node),
      "the driver": (_, run) => processNamed(run, "driver.py"),
      "the coordinator": (_, run) => run.pid,
    } satisfies Record<string, (node: number, run: CommandRun) => number>;

    test.each(
      Object.keys(VICTIMS).flatMap((victim) =>
        ["training/days", "training/enrich"].map((kind) => [victim, kind] as const),
      ),
    )(
      "%s is killed in the middle of %s: nothing is lost, nobody is left, the bytes are the same",
      async (victim, kind) => {
        const output = freshOutput();
        const run = trainCommand(folder, output, RAY);
        await until(() => atWork(output, kind) !== undefined, undefined, 60_000);
        process.kill(VICTIMS[victim as keyof typeof VICTIMS](atWork(output, kind) ?? Number.NaN, run), "SIGKILL");
        const { code, signal } = await run.ended;
        if (victim === "the coordinator") expect(signal).toBe("SIGKILL");
        else expect(code).toBe(0);
        await nobodyLeft(run);
        expectWholeDays(finished(output), whole);
        // The task that was hit did not come to its end, or to one that nobody heard of.
        const lines = told(output);
        const begun = lines.filter((line) => / begun by /.test(line)).length;
        const ended = lines.filter((line) => /Z done after /.test(line)).length;
        expect(begun > ended || lines.some((line) => /Z lost: /.test(line))).toBe(true);
        await expectWhole(trainCommand(folder, output, RAY), output);
      },
    );

    /** Days that are complete: those without embeddings are not compared. */
    function finished(output: string): Record<string, string> {
      const files = written(join(folder, output));
      const days = Object.keys(files)
        .filter((path) => path.endsWith("_manifest.json") && files[path]?.includes('"state":"complete"'))
        .map((path) => path.split("/")[0]);
      return Object.fromEntries(Object.entries(files).filter(([path]) => days.includes(path.split("/")[0])));
    }

    /** The process that has begun a task of the kind, and not ended it. */
    function atWork(output: string, kind: string): number | undefined {
      const root = join(folder, output, "_daedalus", "logs");
      if (!existsSync(root)) return undefined;
      return told(output)
        .map((line, place, lines) => (/Z (done|lost)/.test(lines[place + 1] ?? "") ? undefined : line))
        .map((line) => Number(line?.match(`${kind} begun by process (\\d+)`)?.[1] ?? Number.NaN))
        .find((pid) => !Number.isNaN(pid));
    }

    describe("on a cluster of two nodes that was there before", () => {
      let cluster: Awaited<ReturnType<typeof startCluster>>;
      beforeAll(async () => {
        cluster = await startCluster(RAY_PYTHON ?? "");
        await settle(`address: "${cluster.address}"`);
      });
      afterAll(() => cluster.close());

      test("both write some of it, and the bytes are the same", async () => {
        const output = freshOutput();
        await expectWhole(trainCommand(folder, output, RAY), output);
        for (const kind of ["days", "enrich"])
          expect(
            new Set(told(output).flatMap((line) => line.match(`${kind} begun by .*, ray node (\\w+)`)?.[1] ?? [])).size,
          ).toBe(2);
      });

      test("resources that no node has are told", async () => {
        await settle(`address: "${cluster.address}", worker_resources: {node20: 1}`);
        const { code, stdout } = await trainCommand(folder, freshOutput(), RAY).ended;
        expect(code).toBe(1);
        expect(stdout).toContain("ray/no-room");
        await settle(`address: "${cluster.address}"`);
      });

      test.each(["training/days", "training/enrich"])(
        "a node that dies in the middle of %s costs a retry",
        async (kind) => {
          await cluster.addSecond();
          const output = freshOutput();
          const run = trainCommand(folder, output, RAY);
          await until(() => atWork(output, kind) !== undefined, undefined, 60_000);
          await cluster.killSecond();
          await expectWhole(run, output);
        },
      );
    });
  });

/** The process of the run whose command line has the word. */
function processNamed(run: CommandRun, word: string): number {
  return run.processes().find((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(word)) ?? Number.NaN;
}

function parentOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/status`, "utf8").match(/^PPid:\s*(\d+)$/m)?.[1]);
}
