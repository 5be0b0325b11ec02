import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";

// The lock under which ./daeda installs and builds.
const LOCK = pathToFileURL(resolve("scripts/lock.mjs")).href;

/**
 * A process that holds the lock while it appends "in" and "out" to the log, `milliseconds` or until `release` exists, and
 * tells if it had to wait.
 */
function holder(folder: string, milliseconds: number, release = "") {
  const program = `
    import { appendFileSync, existsSync } from "node:fs";
    import { setTimeout as sleep } from "node:timers/promises";
    import { withLock } from ${JSON.stringify(LOCK)};
    await withLock(${JSON.stringify(join(folder, "lock"))}, { onWait: () => console.log("waits") }, async () => {
      appendFileSync(${JSON.stringify(join(folder, "log"))}, "in ");
      const release = ${JSON.stringify(release)};
      do await sleep(${milliseconds}); while (release !== "" && !existsSync(release));
      appendFileSync(${JSON.stringify(join(folder, "log"))}, "out ");
    });`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program]);
  let output = "";
  child.stdout.on("data", (text) => {
    output += String(text);
  });
  return { child, output: () => output, ended: once(child, "close").then(([code]) => ({ code })) };
}

const newFolder = () => mkdtemp(join(tmpdir(), "daedalus-lock-"));

test("of several at once one works and the others wait", async () => {
  const folder = await newFolder();
  const release = join(folder, "release");
  const holders = [1, 2, 3].map(() => holder(folder, 20, release));
  const waiting = () => holders.filter(({ output }) => output().includes("waits")).length;
  while (waiting() < 2) await new Promise((settle) => setTimeout(settle, 20));
  expect(readFileSync(join(folder, "log"), "utf8")).toBe("in ");
  writeFileSync(release, "");
  const ended = await Promise.all(holders.map((one) => one.ended));
  expect(ended.map(({ code }) => code)).toEqual([0, 0, 0]);
  expect(readFileSync(join(folder, "log"), "utf8")).toBe("in out in out in out ");
  expect(waiting()).toBe(2);
  expect(existsSync(join(folder, "lock"))).toBe(false);
});

test("a holder that was killed is replaced at once, by one of several", async () => {
  const folder = await newFolder();
  const first = holder(folder, 60_000);
  while (!existsSync(join(folder, "log"))) await new Promise((settle) => setTimeout(settle, 20));
  first.child.kill("SIGKILL");
  await first.ended;
  const next = await Promise.all([holder(folder, 100).ended, holder(folder, 100).ended]);
  expect(next.map(({ code }) => code)).toEqual([0, 0]);
  expect(readFileSync(join(folder, "log"), "utf8")).toBe("in in out in out ");
});

test("a file that is no lock of ours, or of a process that is gone, does not block", async () => {
  for (const text of ["", JSON.stringify({ pid: 2 ** 22 + 1, host: hostname(), since: "1" })]) {
    const folder = await newFolder();
    writeFileSync(join(folder, "lock"), text);
    expect((await holder(folder, 1).ended).code).toBe(0);
    expect(existsSync(join(folder, "lock"))).toBe(false);
  }
});
