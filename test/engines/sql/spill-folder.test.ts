import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { SqlSession } from "#daedalus/engines/sql/session.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "daedalus-spill-"));
});
afterAll(() => rm(folder, { recursive: true }));

const ROWS = 1_000_000;

/** Sorts more than fits into the memory, and counts the rows that came back wrong. */
async function sort(session: SqlSession, mark: number): Promise<unknown> {
  await session.run(
    `CREATE TEMP TABLE made AS SELECT hash(range + ${mark}) AS h, range AS r, repeat('${mark}', 60) AS text FROM range(${ROWS})`,
  );
  await session.run("CREATE TEMP TABLE sorted AS SELECT * FROM made ORDER BY h");
  const [row] = await session.query(
    `SELECT count(*) AS rows, count(*) FILTER (text <> repeat('${mark}', 60) OR h <> hash(r + ${mark})) AS wrong FROM sorted`,
  );
  return row;
}

test("two instances with one temp_directory spill apart, and leave nothing behind", async () => {
  const directory = join(folder, "shared");
  const config = { threads: "1", memory_limit: "80MB", temp_directory: directory };
  const sessions = await Promise.all([SqlSession.open(config), SqlSession.open(config)]);
  const sorted = Promise.all(sessions.map((session, index) => sort(session, index + 1)));
  let spilling = 0;
  const watch = setInterval(async () => {
    spilling = Math.max(spilling, (await readdir(directory)).length);
  }, 20);
  try {
    expect(await sorted).toEqual([1, 2].map(() => ({ rows: BigInt(ROWS), wrong: 0n })));
  } finally {
    clearInterval(watch);
    for (const session of sessions) session.close();
  }
  expect(spilling).toBe(2);
  expect(await readdir(directory)).toEqual([]);
});

test("what a killed process left is removed, what a living one has stays", async () => {
  const directory = join(folder, "leftovers");
  const killed = spawnSync(process.execPath, ["-e", ""]).pid;
  const [gone, kept] = [killed, process.ppid].map((pid) => join(directory, `.daedalus-spill-${hostname()}-${pid}-1-1`));
  for (const left of [gone, kept]) await mkdir(left ?? "", { recursive: true });
  (await SqlSession.open({ temp_directory: directory })).close();
  expect(await readdir(directory)).toEqual([basename(kept ?? "")]);
});

test("nothing is made before something spills", async () => {
  const before = await readdir(".");
  const session = await SqlSession.open();
  await session.query("SELECT 1 AS one");
  session.close();
  expect(await readdir(".")).toEqual(before);
});
