import { renameSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { leftovers, until } from "../runs/processes.js";
import { RUNTIME } from "../support/tiny-project.js";
import { canMount, mountMemory, remount, unmountAll } from "./mounts.js";
import { expectWholeDays, nobodyLeft, projectRuns } from "./project-runs.js";

// What goes wrong around a run: the clock, memory, the folder that it writes to. Whatever it is, what is visible is whole,
// no process is left, and the run after it ends with the bytes of an undisturbed one.

/** The map grows with each run's sessions: only at the end it is as one run writes it. */
function daysOf(files: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(files).filter(([path]) => path.startsWith("dt=")));
}

test("a clock that jumps forth and back: the same bytes, and a second run is refused as ever", async () => {
  const runs = projectRuns(6);
  const jumping = {
    NODE_OPTIONS: `--import ${pathToFileURL(join(import.meta.dirname, "jumping-clock.mjs")).href}`,
  };
  const first = runs.train("out", ["--day-workers", "2"], jumping);
  await until(() => first.passed().some(({ point }) => point === "root/owned"));
  first.child.kill("SIGSTOP");
  const second = await runs.train("out", [], jumping).ended;
  first.child.kill("SIGCONT");
  expect([second.code, second.stdout]).toEqual([1, expect.stringContaining("run/root-in-use")]);
  expect((await first.ended).code).toBe(0);
  await nobodyLeft(first);
  expect((await runs.train("whole").ended).code).toBe(0);
  expect(runs.written("out")).toEqual(runs.written("whole"));
  const again = await runs.train("out", [], jumping).ended;
  expect(JSON.parse(again.stdout).days.map(({ outcome }: { outcome: string }) => outcome)).toEqual(
    Array.from({ length: 6 }, () => "skipped"),
  );
});

test("too little memory for some days: told as that, the days before them stay, and with more memory the rest comes", async () => {
  const runs = projectRuns(3);
  expect((await runs.train("whole").ended).code).toBe(0);
  const whole = runs.written("whole");
  expect((await runs.train("out", ["--target-date", "2024-01-01"]).ended).code).toBe(0);
  runs.project.add(
    RUNTIME,
    "compute: {duckdb_config: {memory_limit: 4MB, threads: 1, max_temp_directory_size: 1KB}}\n",
  );
  const failed = runs.train("out");
  const { code, stdout } = await failed.ended;
  expect([code, stdout]).toEqual([1, expect.stringMatching(/"(run|engine)\/out-of-memory"/)]);
  await nobodyLeft(failed);
  expectWholeDays(daysOf(runs.written("out")), whole);
  expect(Object.keys(runs.written("out"))).toContain("dt=2024-01-01/_manifest.json");
  runs.project.change(RUNTIME, "4MB", "1GB");
  expect((await runs.train("out").ended).code).toBe(0);
  expect(runs.written("out")).toEqual(whole);
});

test("the output folder is moved away in the middle: no process is left, what was moved is whole, and the run starts anew", async () => {
  const runs = projectRuns(10);
  expect((await runs.train("whole").ended).code).toBe(0);
  const whole = runs.written("whole");
  const run = runs.train("out");
  await until(() => run.passed().some(({ point }) => point === "commit/done"));
  renameSync(runs.project.path("out"), runs.project.path("away"));
  const { code, stdout } = await run.ended;
  await nobodyLeft(run);
  expect(code === 0 || code === 1, `${code} ${stdout}`).toBe(true);
  expect(stdout).not.toContain("run/unexpected");
  expectWholeDays(runs.written("away"), whole);
  expectWholeDays(runs.written("out"), whole);
  expect((await runs.train("out").ended).code).toBe(0);
  expect(runs.written("out")).toEqual(whole);
});

// Nothing is read-only to root but a file system that is.
if (canMount())
  test("the output becomes read-only: a clear problem, nothing half-written, and the run after it ends as ever", async () => {
    const runs = projectRuns(3);
    expect((await runs.train("whole").ended).code).toBe(0);
    const whole = runs.written("whole");
    mountMemory(runs.project.path("out"), "size=64m,nr_inodes=10000");
    expect((await runs.train("out", ["--target-date", "2024-01-01"]).ended).code).toBe(0);
    remount(runs.project.path("out"), "ro");
    const refused = runs.train("out");
    const { code, stdout } = await refused.ended;
    expect([code, stdout]).toEqual([1, expect.stringMatching(/read-only|EROFS|cannot be written/)]);
    expect(stdout).not.toContain("run/unexpected");
    await nobodyLeft(refused);
    expectWholeDays(daysOf(runs.written("out")), whole);
    remount(runs.project.path("out"), "rw");
    expect((await runs.train("out").ended).code).toBe(0);
    expect(runs.written("out")).toEqual(whole);
    expect(leftovers(runs.project.path("out"))).toEqual([]);
    unmountAll();
  });
