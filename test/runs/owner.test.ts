import { mkdir, readdir, readFile, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { thisProcess } from "#daedalus/runs/identity.js";
import { OwnerLock } from "#daedalus/runs/owner.js";
import { DIST, start, temporaryFolder, tree } from "./processes.js";

const TOY = join(import.meta.dirname, "toy-run.mjs");

async function rootOwnedBy(owner: object, heartbeatSecondsAgo = 0): Promise<string> {
  const root = await temporaryFolder();
  await mkdir(join(root, "_daedalus"));
  const path = join(root, "_daedalus", "owner.json");
  await writeFile(path, JSON.stringify({ id: "0ld", since: "2024-01-01T00:00:00.000Z", command: "other", ...owner }));
  const then = new Date(Date.now() - heartbeatSecondsAgo * 1000);
  await utimes(path, then, then);
  return root;
}

function acquire(root: string) {
  return OwnerLock.acquire(join(root, "_daedalus"), root, "me");
}

test("a second run ends with exit code 1 and names the first", async () => {
  const root = await temporaryFolder();
  const first = start("node", [TOY, DIST, root, JSON.stringify({ units: ["a"], delay: 60_000, content: "first" })]);
  await first.saw("owned");
  const second = await start("node", [TOY, DIST, root]).ended;
  expect(second.code).toBe(1);
  expect(second.stderr).toContain("run/root-in-use");
  expect(second.stderr).toContain(`process ${first.child.pid} on ${hostname()}`);
  expect(second.stderr).toMatch(/since \d{4}-\d\d-\d\dT/);
  expect(second.stderr).toContain("toy first");
  first.child.kill("SIGINT");
  expect((await first.ended).code).toBe(1);
  expect(tree(root)).toEqual({});
  expect(await readdir(join(root, "_daedalus"))).not.toContain("owner.json");
});

test("an owner that was killed is taken over at once", async () => {
  const root = await temporaryFolder();
  const first = start("node", [TOY, DIST, root, JSON.stringify({ delay: 60_000 })]);
  await first.saw("owned");
  first.child.kill("SIGKILL");
  await first.ended;
  expect((await start("node", [TOY, DIST, root]).ended).code).toBe(0);
});

test("the number of a dead owner that another process has now is not taken for it", async () => {
  const root = await rootOwnedBy({ ...thisProcess(), started: "1" });
  await (await acquire(root)).release();
});

test("this very process is an owner like others", async () => {
  const root = await rootOwnedBy(thisProcess());
  await expect(acquire(root)).rejects.toMatchObject({ exitCode: 1, problems: [{ code: "run/root-in-use" }] });
});

test("an owner on another host is given up after a minute without heartbeat", async () => {
  const elsewhere = { host: "elsewhere", boot: "x", pid: 1, started: "1" };
  await expect(acquire(await rootOwnedBy(elsewhere, 50))).rejects.toMatchObject({
    problems: [{ code: "run/root-in-use", says: expect.stringContaining("elsewhere") }],
  });
  await (await acquire(await rootOwnedBy(elsewhere, 61))).release();
});

test("of many that take over a dead owner, exactly one at a time has the folder", async () => {
  const root = await rootOwnedBy({ ...thisProcess(), started: "1" });
  const tries = await Promise.allSettled(Array.from({ length: 20 }, () => acquire(root)));
  const locks = tries.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  expect(locks).toHaveLength(1);
  const owner = JSON.parse(await readFile(join(root, "_daedalus", "owner.json"), "utf8"));
  expect(owner.id).toBe(locks[0]?.owner.id);
  await locks[0]?.release();
  expect(await readdir(join(root, "_daedalus"))).toEqual([]);
});

test("processes that take over a dead owner: one wins, the others name it or come after it", async () => {
  const root = await rootOwnedBy({ ...thisProcess(), started: "1" });
  const options = JSON.stringify({ units: ["a"], delay: 1500 });
  const runs = await Promise.all(Array.from({ length: 4 }, () => start("node", [TOY, DIST, root, options]).ended));
  expect(runs.filter((run) => run.code === 0)).toHaveLength(1);
  for (const run of runs) if (run.code !== 0) expect(run.stderr).toContain("run/root-in-use");
});

test("a follower that died before it was in place is followed itself", async () => {
  const dead = { ...thisProcess(), started: "1" };
  const root = await rootOwnedBy(dead);
  const after = join(root, "_daedalus", "owner-after-0ld.json");
  await writeFile(after, JSON.stringify({ id: "dead2", since: "", command: "", ...dead }));
  const lock = await acquire(root);
  expect(await readdir(join(root, "_daedalus"))).toEqual(["owner.json"]);
  await lock.release();
});

test("an owner that was taken over learns it and does not take the folder from its follower", async () => {
  const root = await temporaryFolder();
  await mkdir(join(root, "_daedalus"));
  const lock = await acquire(root);
  const other = JSON.stringify({ ...lock.owner, id: "follower", host: "elsewhere" });
  await writeFile(join(root, "_daedalus", `owner-after-${lock.owner.id}.json`), other);
  await expect(lock.assertHeld()).rejects.toMatchObject({ problems: [{ code: "run/ownership-lost" }] });
  expect(lock.lost.aborted).toBe(true);
  await lock.release();
  expect(await readdir(join(root, "_daedalus"))).toContain("owner.json");
});
