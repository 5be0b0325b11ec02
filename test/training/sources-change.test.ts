import { cpSync, existsSync, readFileSync, renameSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Ended } from "../runs/processes.js";
import { expectWholeDays, written } from "./project-runs.js";
import { DAYS, type SmallService, smallService } from "./small-service.js";

const TOY_WORKER = join(import.meta.dirname, "toy-worker.mjs");

/** A run in which a file is moved after so many days were written, before they are reported. */
async function trainWhile(service: SmallService, from: string, to: string, nth: number): Promise<Ended> {
  const ended = await service.train({ worker: TOY_WORKER }, { DAEDALUS_TEST_DAY: `move ${from} ${to} ${nth}` });
  expect(existsSync(from), ended.stdout).toBe(false);
  return ended;
}

/** What a run writes that sees the sources as they are now. */
async function whole(service: SmallService): Promise<Record<string, string>> {
  const ended = await service.train({ outputRoot: join(service.directory, "whole") });
  expect(ended.code).toBe(0);
  return written(join(service.directory, "whole"));
}

function outcomes({ stdout }: Ended): readonly (readonly [string, string])[] {
  const { days }: { days: readonly { day: string; outcome: string }[] } = JSON.parse(stdout);
  return days.map(({ day, outcome }) => [day.slice(-2), outcome]);
}

function all(outcome: string) {
  return DAYS.map((day) => [day.slice(-2), outcome]);
}

/** Another version of a day's file, beside the data: the same sessions of other users. */
async function otherVersion(service: SmallService, day: string): Promise<string> {
  const n = Number(day.slice(-2));
  const rows = ["s", "z", "a"].map((session, i) => [2 + i, `${day} 1${i}:00:00`, `${session}${n}`] as const);
  return aside(service, "other", [...rows, [1, `${day} 23:59:59.999`, "every"]]);
}

async function aside(
  service: SmallService,
  name: string,
  rows: Parameters<SmallService["events"]>[1],
): Promise<string> {
  await service.events(name, rows);
  const path = join(service.directory, `${name}.parquet`);
  renameSync(join(service.directory, "data/events", `${name}.parquet`), path);
  return path;
}

const fileOf = (service: SmallService, day: string) => join(service.directory, "data/events", `${day}.parquet`);

test.each([
  ["of a day that is still to come", "2024-01-03"],
  ["of a day that is being written", "2024-01-02"],
  ["of a day that is finished", "2024-01-01"],
])(
  "a file %s is replaced between two days: the run or the next one ends as one that saw it from the start",
  async (_, day) => {
    const service = await smallService();
    const before = await whole(service);
    const ended = await trainWhile(service, await otherVersion(service, day), fileOf(service, day), 2);
    expect(ended.code).toBe(0);
    expect(outcomes(ended)).toEqual(all("done"));
    expect((await service.train()).code).toBe(0);
    const now = written(service.root);
    expect(now).not.toEqual(before);
    // Numbers that were given stay: the run that sees everything from its start goes on with them.
    renameSync(join(service.directory, "whole"), join(service.directory, "whole-before"));
    cpSync(join(service.root, "qid_map.parquet"), join(service.directory, "whole", "qid_map.parquet"));
    expect(now).toEqual(await whole(service));
    expect(outcomes(await service.train())).toEqual(all("skipped"));
  },
);

test("a file that appears with new sessions between two days: numbers that were given stay, the days have them", async () => {
  const service = await smallService();
  const late = await aside(service, "late", [[1, "2024-01-03 00:00:00", "new"]]);
  const ended = await trainWhile(service, late, join(service.directory, "data/events/late.parquet"), 2);
  expect([ended.code, outcomes(ended)]).toEqual([0, all("done")]);
  const rows = await service.session.query(
    `SELECT string_agg(session_id, ' ' ORDER BY qid) AS ids, max(qid) AS last FROM read_parquet('${service.root}/qid_map.parquet')`,
  );
  expect(rows).toEqual([{ ids: "a1 every z1 s1 a2 z2 s2 a3 z3 s3 a5 z5 s5 new", last: 13n }]);
  // Given the map, each day is what a run writes that sees everything from its start.
  const now = written(service.root);
  expect(outcomes(await service.train())).toEqual(all("skipped"));
  expect((await service.train({ from: "2024-01-03", force: true })).code).toBe(0);
  expect(written(service.root)).toEqual(now);
});

test("a file that vanishes between two days: no day is half of one, and the run after its return ends as ever", async () => {
  const service = await smallService();
  const before = await whole(service);
  const file = fileOf(service, "2024-01-03");
  const ended = await trainWhile(service, file, join(service.directory, "gone.parquet"), 2);
  // Its day has no rows now; those before it are as they would be anyway.
  const { "01": first, "02": second } = Object.fromEntries(outcomes(ended));
  expect([first, second]).toEqual(["done", "done"]);
  const early = Object.entries(written(service.root)).filter(([path]) => /^dt=2024-01-0[12]/.test(path));
  expectWholeDays(Object.fromEntries(early), before);
  renameSync(join(service.directory, "gone.parquet"), file);
  expect((await service.train()).code).toBe(0);
  expect(written(service.root)).toEqual(before);
});

test("a folder of sources that vanishes between two days: a clear problem, and the run after its return ends as ever", async () => {
  const service = await smallService();
  const before = await whole(service);
  const [data, gone] = ["data/events", "gone"].map((name) => join(service.directory, name));
  const ended = await trainWhile(service, data ?? "", gone ?? "", 2);
  expect(ended.code).toBe(1);
  expect(ended.stdout).toMatch(/"source\/(no-such-file|file-vanished)"/);
  expectWholeDays(written(service.root), before);
  renameSync(gone ?? "", data ?? "");
  expect((await service.train()).code).toBe(0);
  expect(written(service.root)).toEqual(before);
});

test("a source without a time bound changes between two days: what saw the old version is outdated, --refresh ends as ever", async () => {
  const service = await smallService();
  const users = join(service.directory, "users.csv");
  writeFileSync(users, "user_id,country\n1,11\n2,22\n3,33\n");
  const ended = await trainWhile(service, users, join(service.directory, "data/users.csv"), 2);
  expect([ended.code, outcomes(ended)]).toEqual([0, all("done")]);
  expect((await service.train({ refresh: true })).code).toBe(0);
  expect(written(service.root)).toEqual(await whole(service));
  expect(outcomes(await service.train({ refresh: true }))).toEqual(all("skipped"));
});

test("a time of a file that goes back is a change as one that goes forward", async () => {
  const service = await smallService();
  expect((await service.train()).code).toBe(0);
  const bytes = readFileSync(fileOf(service, "2024-01-03"));
  for (const then of [new Date("1999-01-01"), new Date("2099-01-01")]) {
    writeFileSync(fileOf(service, "2024-01-03"), bytes);
    utimesSync(fileOf(service, "2024-01-03"), then, then);
    expect(outcomes(await service.train())).toEqual([
      ["01", "skipped"],
      ["02", "skipped"],
      ["03", "done"],
      ["05", "done"],
    ]);
    expect(outcomes(await service.train())).toEqual(all("skipped"));
  }
});
