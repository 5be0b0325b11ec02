import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { DaedalusError } from "#daedalus/errors/problem.js";
import { Interrupted, WorkerLost } from "#daedalus/runs/failure.js";
import { OwnedRoot } from "#daedalus/runs/owned-root.js";
import type { ProgressEvent } from "#daedalus/runs/progress.js";
import { type BatchContext, runUnits, type Unit } from "#daedalus/runs/run-units.js";
import { DIST, leftovers, start, temporaryFolder, tree } from "./processes.js";

const TOY = join(import.meta.dirname, "toy-run.mjs");

async function run(
  root: string,
  names: readonly string[],
  perform: (
    name: string,
    context: Pick<BatchContext<Unit, { rows: number }>, "attempt" | "signal"> & { readonly staging: string },
  ) => Promise<void>,
  more: { concurrency?: number; signal?: AbortSignal; onProgress?: (event: ProgressEvent) => void } = {},
) {
  const owned = await OwnedRoot.open(root, "test");
  try {
    return await runUnits({
      root: owned,
      batches: names.map((name) => [{ name }]),
      concurrency: 1,
      command: "test",
      perform: async (units, context) => {
        for (const unit of units) {
          const staging = await context.stage(unit);
          await perform(unit.name, { ...context, staging });
          await writeFile(join(staging, "file"), unit.name);
          await context.finish(unit, { rows: 10 });
        }
      },
      ...more,
    });
  } finally {
    await owned.release();
  }
}

test("a unit that fails is remembered, stops no other, and is forgotten when it is done", async () => {
  const root = await temporaryFolder();
  const problem = { code: "test/broken", says: "it is broken" };
  const summary = await run(root, ["a", "b", "c"], async (name) => {
    if (name === "b") throw new DaedalusError([problem], 1);
  });
  expect(summary.done.map((entry) => entry.unit.name)).toEqual(["a", "c"]);
  expect(summary.failed).toEqual([{ unit: { name: "b" }, problems: [problem] }]);
  expect(Object.keys(tree(root))).toEqual(["a/file", "c/file"]);
  const owned = await OwnedRoot.open(root, "test");
  expect((await owned.ledger.failures()).get("b")).toMatchObject({ attempts: 1, problems: [problem] });
  await owned.release();
  await run(root, ["b"], async () => undefined);
  const again = await OwnedRoot.open(root, "test");
  expect([...(await again.ledger.failures()).keys()]).toEqual([]);
  await again.release();
});

test("a worker that dies costs one retry; the second time the unit has failed", async () => {
  const root = await temporaryFolder();
  const attempts: string[] = [];
  const summary = await run(root, ["once", "always"], async (name, { attempt, staging }) => {
    attempts.push(`${name} ${attempt}`);
    await writeFile(join(staging, `half-${attempt}`), "");
    if (name === "always" || attempt === 1) throw new WorkerLost("signal SIGKILL");
  });
  expect(attempts).toEqual(["once 1", "once 2", "always 1", "always 2"]);
  expect(Object.keys(tree(root))).toEqual(["once/file", "once/half-2"]);
  expect(summary.failed).toMatchObject([
    { problems: [{ code: "run/worker-lost", says: expect.stringContaining("2 times") }] },
  ]);
});

test("as many units at a time as are allowed", async () => {
  let now = 0;
  let most = 0;
  await run(
    await temporaryFolder(),
    ["a", "b", "c", "d", "e"],
    async () => {
      most = Math.max(most, ++now);
      // Long enough for others to come, however busy the machine; one that is alone at the end does not wait for long.
      for (let waited = 0; now < 3 && waited < 100; waited++) await new Promise((resolve) => setTimeout(resolve, 10));
      now--;
    },
    { concurrency: 3 },
  );
  expect(most).toBe(3);
});

test("an interrupted run leaves finished units, nothing half-written, and no lock", async () => {
  const root = await temporaryFolder();
  const abort = new AbortController();
  const summary = await run(
    root,
    ["a", "b", "c"],
    async (name, { signal, staging }) => {
      if (name !== "b") return;
      await writeFile(join(staging, "half"), "");
      abort.abort();
      if (signal.aborted) throw new Interrupted();
    },
    { signal: abort.signal },
  );
  expect(summary).toMatchObject({ interrupted: true, failed: [] });
  expect(Object.keys(tree(root))).toEqual(["a/file"]);
  expect(leftovers(root)).toEqual([]);
});

test("progress tells what is done, how fast and how long it takes still", async () => {
  const events: ProgressEvent[] = [];
  await run(await temporaryFolder(), ["a", "b"], async () => undefined, { onProgress: (event) => events.push(event) });
  expect(events.map((event) => event.type)).toEqual([
    "run-started",
    "unit-started",
    "unit-done",
    "unit-started",
    "unit-done",
    "run-ended",
  ]);
  expect(events[2]).toMatchObject({ unit: "a", rows: 10, pace: { done: 1, total: 2, rows: 10 } });
  const [, , done] = events;
  if (done?.type !== "unit-done") throw new Error("no unit was done");
  expect(done.pace.secondsLeft).toBeCloseTo(done.pace.seconds, 5);
  expect(done.pace.rowsPerSecond).toBeCloseTo(10 / done.pace.seconds, 3);
});

test("a folder that cannot be written is told with its path", async () => {
  const root = await temporaryFolder();
  await writeFile(join(root, "file"), "");
  await expect(OwnedRoot.open(join(root, "file"), "test")).rejects.toMatchObject({
    exitCode: 1,
    problems: [{ code: "run/unwritable" }],
  });
  // Root may write everywhere, so the run is somebody else's.
  await chmod(root, 0o555);
  const user = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
  const ended = await start("node", [TOY, DIST, join(root, "sub")], {}, user).ended;
  expect(ended.code).toBe(1);
  expect(ended.stderr).toContain("run/unwritable");
  expect(ended.stderr).toContain(root);
});

test("a full disk fails the unit with a clear problem, and what was there stays", async () => {
  const root = await temporaryFolder();
  await mkdir(join(root, "kept"));
  await writeFile(join(root, "kept", "file"), "x");
  const before = tree(root);
  // No file may grow beyond 1 MiB: the write fails as on a full disk (EFBIG).
  const limited = `ulimit -f 1024; exec node ${TOY} ${DIST} ${root} '${JSON.stringify({ units: ["big"], bytes: 3 << 20 })}'`;
  const ended = await start("bash", ["-c", `trap '' XFSZ; ${limited}`]).ended;
  expect(ended.code).toBe(1);
  expect(ended.stdout).toContain("run/disk-full");
  expect(tree(root)).toEqual(before);
  expect(leftovers(root)).toEqual([]);
});
