import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { until } from "../runs/processes.js";
import { RAY_PYTHON, startCluster } from "../services/ray.js";
import { nobodyLeft } from "./project-runs.js";
import { type Kind, RayRuns, VICTIMS, type Victim } from "./ray-runs.js";

// The real command on real Ray: days and embeddings are the ones that this machine writes by itself, whatever is killed.

if (RAY_PYTHON === undefined) test.skip("training on Ray: the test script could not install it", () => undefined);
else
  describe("training on Ray", () => {
    let runs: RayRuns;
    beforeAll(async () => {
      runs = await RayRuns.open();
    });
    afterAll(() => runs.close());

    test("a cluster of the run's own writes the same bytes", async () => {
      const output = runs.output();
      await runs.expectWhole(runs.train(output), output);
      const told = runs.told(output);
      expect(told.filter((line) => /(days|enrich) begun by .*, ray node [0-9a-f]+$/.test(line)).length).toBe(
        told.length / 2,
      );
    });

    // Every pair of them, and any instant, is in ray-kills.long.test.ts.
    test.each([
      ["a Node.js worker", "days"],
      ["a Ray worker", "enrich"],
      ["the driver", "enrich"],
      ["the coordinator", "days"],
    ] satisfies [Victim, Kind][])(
      "%s is killed in the middle of %s: nothing is lost, nobody is left, the bytes are the same",
      async (victim, kind) => {
        const output = runs.output();
        const run = runs.train(output);
        await until(() => runs.atWork(output, kind) !== undefined, undefined, 60_000);
        process.kill(VICTIMS[victim](runs.atWork(output, kind) ?? Number.NaN, run), "SIGKILL");
        await runs.expectNothingBroken(run, victim, output);
        // The task that was hit did not come to its end, or to one that nobody heard of.
        const lines = runs.told(output);
        const begun = lines.filter((line) => / begun by /.test(line)).length;
        const ended = lines.filter((line) => /Z done after /.test(line)).length;
        expect(begun > ended || lines.some((line) => /Z lost: /.test(line))).toBe(true);
        await runs.expectWhole(runs.train(output), output);
        const owners = readdirSync(tmpdir())
          .map((name) => join(tmpdir(), name, "owner.json"))
          .filter((file) => existsSync(file))
          .map((file) => JSON.parse(readFileSync(file, "utf8")).pid);
        expect(owners).not.toContain(run.pid);
      },
    );

    /** Refusals come before any task is begun, so that no day is marked as failed. */
    async function expectRefused(code: number, problem: string, ...words: readonly string[]): Promise<void> {
      const output = runs.output();
      const run = runs.train(output);
      const { code: ended, stdout } = await run.ended;
      const { problems } = (JSON.parse(stdout) as { error: { problems: { code: string; says: string }[] } }).error;
      expect([ended, problems.map(({ code: of }) => of)]).toEqual([code, [problem]]);
      for (const word of words) expect(problems[0]?.says).toContain(word);
      expect(runs.told(output)).toEqual([]);
      await nobodyLeft(run);
    }

    test("a cluster that is not there, an address that is none, and a Python without Ray are told once", async () => {
      await runs.settle('address: "127.0.0.1:1"');
      await expectRefused(1, "ray/cannot-start", "127.0.0.1:1");
      await runs.settle('address: "nowhere"');
      await expectRefused(1, "ray/cannot-start", "host:port");
      const bare = execFileSync("python3", ["-c", "import sys; print(sys.executable)"], { encoding: "utf8" }).trim();
      await runs.settle(`python: "${bare}"`);
      await expectRefused(2, "ray/python-unusable", "ModuleNotFoundError: No module named");
      await runs.settle('python: "/nowhere/python3"');
      await expectRefused(2, "ray/not-installed", "/nowhere/python3");
    });

    describe("on a cluster of two nodes that was there before", () => {
      let cluster: Awaited<ReturnType<typeof startCluster>>;
      beforeAll(async () => {
        cluster = await startCluster(RAY_PYTHON ?? "");
      });
      beforeEach(() => runs.settle(`address: "${cluster.address}"`));
      afterAll(() => cluster.close());

      test("both write some of it, and the bytes are the same", async () => {
        const output = runs.output();
        await runs.expectWhole(runs.train(output), output);
        for (const kind of ["days", "enrich"])
          expect(
            new Set(runs.told(output).flatMap((line) => line.match(`${kind} begun by .*, ray node (\\w+)`)?.[1] ?? []))
              .size,
          ).toBe(2);
      });

      test("resources that no node has are told", async () => {
        await runs.settle(`address: "${cluster.address}", worker_resources: {node20: 1}`);
        await expectRefused(2, "ray/no-room", "node20");
      });

      test.each(["days", "enrich"] satisfies Kind[])(
        "a node that dies in the middle of %s costs a retry",
        async (kind) => {
          await cluster.addSecond();
          const output = runs.output();
          const run = runs.train(output);
          await until(() => runs.atWork(output, kind) !== undefined, undefined, 60_000);
          await cluster.killSecond();
          await runs.expectWhole(run, output);
        },
      );
    });
  });
