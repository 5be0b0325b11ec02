import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, expect, test } from "vitest";
import { Interrupted, WorkerLost } from "#daedalus/runs/failure.js";
import { localExecutor } from "#daedalus/tasks/local.js";
import type { TaskExecutor } from "#daedalus/tasks/task.js";
import { DIST, lives, start, temporaryFolder, until } from "../runs/processes.js";

const open: TaskExecutor[] = [];
afterEach(async () => {
  for (const executor of open.splice(0)) await executor.close();
});

function executorOf(workers: number): TaskExecutor {
  const executor = localExecutor({
    workers,
    entry: pathToFileURL(join(import.meta.dirname, "toy-worker.mjs")),
    environment: { ...process.env, DAEDALUS_TEST_DIST: DIST },
  });
  open.push(executor);
  return executor;
}

const never = new AbortController().signal;
const task = (body: object) => ({ kind: "toy", body });

test("documents and answers are exact", async () => {
  const value = {
    id: 9007199254740993n,
    nothing: null,
    list: [-0, Number.NaN, Infinity, 1.5],
    $bigint: "x",
    text: "é",
  };
  expect(await executorOf(1).run(task({ value }), never)).toMatchObject({ echo: value });
});

test("reports arrive before the answer, in order and exact", async () => {
  const reports: unknown[] = [];
  const value = [1n, -0, { id: 9007199254740993n }];
  await executorOf(1).run(task({ do: "tell", value }), never, (report) => reports.push(report));
  expect(reports).toEqual(value);
});

test("a worker lives from task to task", async () => {
  const executor = executorOf(1);
  const first = await executor.run(task({}), never);
  expect(await executor.run(task({}), never)).toMatchObject({ tasks: 2, pid: (first as { pid: number }).pid });
});

test("as many tasks at a time as workers, the others wait", async () => {
  const executor = executorOf(2);
  const answers = await Promise.all(Array.from({ length: 6 }, () => executor.run(task({}), never)));
  expect(new Set(answers.map((answer) => (answer as { pid: number }).pid)).size).toBe(2);
});

test("a worker that dies is told by how it ended, and replaced", async () => {
  const executor = executorOf(1);
  await expect(executor.run(task({ do: "die" }), never)).rejects.toThrow(WorkerLost);
  await expect(executor.run(task({ do: "die" }), never)).rejects.toThrow("signal SIGKILL");
  expect(await executor.run(task({}), never)).toMatchObject({ tasks: 1 });
});

test("a handler's errors arrive as they were thrown", async () => {
  const executor = executorOf(1);
  const refused = { name: "DaedalusError", exitCode: 2, problems: [{ code: "toy/refused" }] };
  await expect(executor.run(task({ do: "refuse" }), never)).rejects.toMatchObject(refused);
  await expect(executor.run(task({ do: "break" }), never)).rejects.toMatchObject({ message: "disk", code: "ENOSPC" });
  await expect(executor.run({ kind: "other", body: {} }, never)).rejects.toThrow("kind other");
});

test("an interrupted task rejects soon, and its worker can go on", async () => {
  const executor = executorOf(1);
  const folder = await temporaryFolder();
  const abort = new AbortController();
  const running = executor.run(task({ do: "sleep", folder }), abort.signal);
  await until(() => existsSync(join(folder, "pid")));
  abort.abort();
  await expect(running).rejects.toThrow(Interrupted);
  expect(await executor.run(task({}), never)).toMatchObject({ tasks: 2 });
});

test("no worker is left over when its parent is killed", async () => {
  const folder = await temporaryFolder();
  const parent = start("node", [join(import.meta.dirname, "toy-parent.mjs"), DIST, folder]);
  await until(() => existsSync(join(folder, "pid")));
  const worker = Number(readFileSync(join(folder, "pid"), "utf8"));
  expect(lives(worker)).toBe(true);
  parent.child.kill("SIGKILL");
  await parent.ended;
  await until(() => !lives(worker));
});
