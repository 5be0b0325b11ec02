import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { Interrupted, WorkerLost } from "#daedalus/runs/failure.js";
import { type LocalExecutorOptions, localExecutor } from "#daedalus/tasks/local.js";
import { RayCluster } from "#daedalus/tasks/ray.js";
import type { TaskExecutor, TaskOutcome } from "#daedalus/tasks/task.js";
import { DIST, temporaryFolder, until } from "../runs/processes.js";
import { RAY_PYTHON } from "../services/ray.js";

// Workers elsewhere get what begins with DAEDALUS_ of this environment.
process.env["DAEDALUS_TEST_DIST"] = DIST;
const entry = pathToFileURL(join(import.meta.dirname, "toy-worker.mjs"));
const never = new AbortController().signal;
const task = (body: object) => ({ kind: "toy", body });

const clusters = new Map<string, RayCluster>();
const outputs = mkdtempSync(join(tmpdir(), "daedalus-test-"));
afterAll(async () => {
  rmSync(outputs, { recursive: true });
  for (const cluster of clusters.values()) await cluster.close();
});

type Limits = Pick<LocalExecutorOptions, "timeoutSeconds" | "attempts">;
const EXECUTORS: Readonly<Record<string, (workers: number, limits: Limits) => TaskExecutor>> = {
  local: (workers, limits) => localExecutor({ workers, entry, ...limits }),
  ...(RAY_PYTHON === undefined
    ? {}
    : {
        ray: (workers, limits) => {
          const key = JSON.stringify(limits);
          const cluster = clusters.get(key) ?? rayCluster(RAY_PYTHON ?? "", limits);
          clusters.set(key, cluster);
          return cluster.executor(workers, join(outputs, "output"));
        },
      }),
};

function rayCluster(python: string, { timeoutSeconds, attempts = 2 }: Limits): RayCluster {
  const limits = { attempts, ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }) };
  const driver = pathToFileURL(join(import.meta.dirname, "../../ray/driver.py"));
  return new RayCluster({ python, driver, entry, cpus: 2, worker: { cpus: 1 }, ...limits });
}

test("a limit of weeks, which no timer of Node.js holds, does not go off at once", async () => {
  const executor = localExecutor({ workers: 1, entry, timeoutSeconds: 30 * 86_400 });
  expect(await executor.run(task({ do: "nap" }), never)).toMatchObject({ tasks: 1 });
  await executor.close();
});

if (RAY_PYTHON === undefined) test.skip("tasks run on Ray: the test script could not install it", () => undefined);

for (const [name, make] of Object.entries(EXECUTORS)) {
  describe(`the executor ${name}`, () => {
    const open: TaskExecutor[] = [];
    afterEach(async () => {
      for (const executor of open.splice(0)) await executor.close();
    });

    async function executorOf(workers: number, limits: Limits = {}): Promise<TaskExecutor> {
      const executor = make(workers, limits);
      open.push(executor);
      return executor;
    }

    test("documents and answers are exact", async () => {
      const value = {
        id: 9007199254740993n,
        nothing: null,
        list: [-0, Number.NaN, Infinity, 1.5],
        $bigint: "x",
        text: "é\n\u2028",
      };
      expect(await (await executorOf(1)).run(task({ value }), never)).toMatchObject({ echo: value });
    });

    test("reports arrive before the answer, in order and exact", async () => {
      const reports: unknown[] = [];
      const value = [1n, -0, { id: 9007199254740993n }, "x".repeat(300_000)];
      await (await executorOf(1)).run(task({ do: "tell", value }), never, (report) => reports.push(report));
      expect(reports).toEqual(value);
    });

    test("a worker lives from task to task, and goes on with its lane", async () => {
      const executor = await executorOf(2);
      const first = await executor.run(task({}), never);
      expect(await executor.run(task({}), never)).toMatchObject({ tasks: 2, pid: (first as { pid: number }).pid });
      const lanes = await Promise.all([1, 2].map((lane) => executor.run({ ...task({ do: "nap" }), lane }, never)));
      const again = await Promise.all([2, 1].map((lane) => executor.run({ ...task({ do: "nap" }), lane }, never)));
      const pids = (answers: unknown[]) => answers.map((answer) => (answer as { pid: number }).pid);
      expect(pids(again)).toEqual(pids(lanes).toReversed());
    });

    test("as many tasks at a time as workers, the others wait", async () => {
      const executor = await executorOf(2);
      const answers = await Promise.all(Array.from({ length: 6 }, () => executor.run(task({ do: "nap" }), never)));
      expect(new Set(answers.map((answer) => (answer as { pid: number }).pid)).size).toBe(2);
    });

    test("a worker that dies is told by how it ended, in the log too, and replaced", async () => {
      const executor = await executorOf(1);
      const log = join(await temporaryFolder(), "task.log");
      await expect(executor.run({ ...task({ do: "die" }), log }, never)).rejects.toThrow(WorkerLost);
      await expect(executor.run(task({ do: "die" }), never)).rejects.toThrow("signal SIGKILL");
      expect(await executor.run(task({}), never)).toMatchObject({ tasks: 1 });
      const [begun, lost] = readFileSync(log, "utf8").trimEnd().split("\n");
      expect(begun).toMatch(/^\S+Z toy begun by process \d+ on \S+/);
      expect(lost).toMatch(/Z lost: signal SIGKILL(, process \d+)?$/);
    });

    test("a handler's errors arrive as they were thrown", async () => {
      const executor = await executorOf(1);
      const log = join(await temporaryFolder(), "task.log");
      const refused = { name: "DaedalusError", exitCode: 2, problems: [{ code: "toy/refused" }] };
      await expect(executor.run({ ...task({ do: "refuse" }), log }, never)).rejects.toMatchObject(refused);
      await expect(executor.run(task({ do: "break" }), never)).rejects.toMatchObject({
        message: "disk",
        code: "ENOSPC",
      });
      await expect(executor.run({ kind: "other", body: {} }, never)).rejects.toThrow("kind other");
      expect(readFileSync(log, "utf8")).toMatch(/Z refused after \d+\.\d+ s by process \d+: toy\/refused: no\n$/);
    });

    test("an interrupted task rejects soon, and its worker can go on", async () => {
      const executor = await executorOf(1);
      const folder = await temporaryFolder();
      const abort = new AbortController();
      const running = executor.run(task({ do: "sleep", folder }), abort.signal);
      await until(() => existsSync(join(folder, "pid")));
      abort.abort();
      await expect(running).rejects.toThrow(Interrupted);
      expect(await executor.run(task({}), never)).toMatchObject({ tasks: 2 });
    });

    test("a task that is late is ended, and its worker replaced", async () => {
      const executor = await executorOf(1, { timeoutSeconds: 1 });
      const late = executor.run(task({ do: "hang" }), never);
      await expect(late).rejects.toThrow(WorkerLost);
      await expect(late).rejects.toThrow("ended, since it took longer than 1 s");
      expect(await executor.run(task({}), never)).toMatchObject({ tasks: 1 });
    });

    if (name === "ray")
      test("tasks that come at once start one driver", async () => {
        const cluster = rayCluster(RAY_PYTHON ?? "", {});
        const executor = cluster.executor(2, join(outputs, "two-at-once"));
        const drivers = () => children().filter((command) => command.includes("driver.py")).length;
        const before = drivers();
        await Promise.all([executor.run(task({ do: "nap" }), never), executor.run(task({ do: "nap" }), never)]);
        expect(drivers() - before).toBe(1);
        await executor.close();
        await cluster.close();
        expect(drivers()).toBe(before);
      });

    describe("tasks that are all known", () => {
      async function outcomes(executor: TaskExecutor, bodies: readonly object[], log?: string) {
        const found: TaskOutcome[] = [];
        const tasks = bodies.map((body) => ({ ...task(body), ...(log === undefined ? {} : { log }) }));
        await executor.runAll(tasks, never, async (place, outcome) => {
          found[place] = outcome;
        });
        return found;
      }

      test("each is told once it is over, the mistaken ones as such", async () => {
        const bodies = [{ value: 1n }, { do: "refuse" }, { value: 2n }];
        const [first, second, third] = await outcomes(await executorOf(1), bodies);
        expect([first, third]).toMatchObject([{ answer: { echo: 1n } }, { answer: { echo: 2n } }]);
        expect(second).toMatchObject({ error: { problems: [{ code: "toy/refused" }] } });
        expect(await outcomes(await executorOf(1), [])).toEqual([]);
      });

      test("one whose worker dies is run again, as often as it may", async () => {
        const [folder, executor] = [await temporaryFolder(), await executorOf(1, { attempts: 3 })];
        const log = join(folder, "task.log");
        const marker = join(folder, "died");
        const [once, always] = await outcomes(executor, [{ do: "die-once", marker, value: 7 }, { do: "die" }], log);
        expect(once).toMatchObject({ answer: { echo: 7 } });
        expect(always).toMatchObject({ error: { name: "WorkerLost", message: "signal SIGKILL", attempts: 3 } });
        expect(readFileSync(log, "utf8").match(/toy begun/g)).toHaveLength(5);
      });

      test("stops when it is interrupted, and when an outcome cannot be settled", async () => {
        const [folder, executor] = [await temporaryFolder(), await executorOf(1)];
        const abort = new AbortController();
        const running = executor.runAll([task({ do: "sleep", folder })], abort.signal, async () => undefined);
        await until(() => existsSync(join(folder, "pid")));
        abort.abort();
        await expect(running).rejects.toThrow(Interrupted);
        const settle = async () => {
          throw new Error("no room");
        };
        await expect(executor.runAll([task({}), task({})], never, settle)).rejects.toThrow("no room");
      });
    });
  });
}

/** The command lines of the processes that this one has started. */
function children(): readonly string[] {
  const pids = readFileSync(`/proc/self/task/${process.pid}/children`, "utf8").split(" ").filter(Boolean);
  return pids.map((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8"));
}
