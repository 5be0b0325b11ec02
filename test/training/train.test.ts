import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { truncate, utimes } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { planDays, statusOf } from "#daedalus/training/plan.js";
import { leftovers, tree } from "../runs/processes.js";
import { problemsOf } from "../support/tiny-project.js";
import { DAYS, type SmallService, smallService } from "./small-service.js";

const TOY_WORKER = join(import.meta.dirname, "toy-worker.mjs");
const isManifest = (path: string) => path.endsWith("_manifest.json");

interface Report {
  readonly days: readonly { readonly day: string; readonly state: string; readonly outcome: string; why: string[] }[];
  readonly problems: readonly { readonly code: string; readonly says: string; readonly help?: string }[];
  readonly interrupted: boolean;
  readonly rows: number;
}

function report(ended: { stdout: string; stderr: string }): Report {
  if (ended.stdout === "") throw new Error(`no report: ${ended.stderr}`);
  return JSON.parse(ended.stdout);
}

function outcomes(ended: { stdout: string; stderr: string }): Record<string, string> {
  const { days, problems } = report(ended);
  if (days === undefined) throw new Error(JSON.stringify(problems));
  return Object.fromEntries(days.map(({ day, outcome }) => [day.slice(-2), outcome]));
}

async function plan(service: SmallService, options: object = {}): Promise<Record<string, string>> {
  const { days } = await planDays(service.inputs(), options);
  return Object.fromEntries(days.map(({ day, state, action }) => [day.slice(-2), `${state} ${action}`]));
}

async function why(service: SmallService, day: string): Promise<string> {
  const { days } = await planDays(service.inputs(), {});
  return days.find((one) => one.day === day)?.why.join("; ") ?? "";
}

async function qids(service: SmallService): Promise<string> {
  const rows = await service.session.query(
    `SELECT session_id || ' ' || qid AS line FROM read_parquet('${service.root}/qid_map.parquet')`,
  );
  return rows.map((row) => row["line"]).join(", ");
}

const EVERY_QID = "a1 0, every 1, z1 2, s1 3, a2 4, z2 5, s2 6, a3 7, z3 8, s3 9, a5 10, z5 11, s5 12";

describe("a run", () => {
  test("writes the days that have rows, with manifests and the map; the next run has nothing to do", async () => {
    const service = await smallService();
    const first = await service.train();
    expect(outcomes(first)).toEqual({ "01": "done", "02": "done", "03": "done", "05": "done" });
    expect(first.code).toBe(0);
    expect(await qids(service)).toBe(EVERY_QID);
    const before = tree(service.root);
    expect(Object.keys(before)).toEqual([
      ...DAYS.flatMap((day) =>
        ["_manifest.json", "part-0-0.parquet", "part-1-0.parquet"].map((name) => `dt=${day}/${name}`),
      ),
      "qid_map.parquet",
    ]);
    const manifest = JSON.parse(readFileSync(join(service.root, "dt=2024-01-02/_manifest.json"), "utf8"));
    expect(manifest).toMatchObject({
      service: "small",
      day: "2024-01-02",
      state: "complete",
      rows: 5,
      target_rows: 5,
      parts: [
        { name: "part-0-0.parquet", rows: 3 },
        { name: "part-1-0.parquet", rows: 2 },
      ],
    });
    expect(manifest.inputs.bounded).toMatchObject([
      {
        view: "events",
        time: "ts",
        files: [{ path: "data/events/2024-01-01.parquet" }, { path: "data/events/2024-01-02.parquet" }],
      },
    ]);
    expect(manifest.inputs.unbounded).toMatchObject([{ view: "users", files: [{ path: "data/users.csv" }] }]);
    const rows = await service.session.query(
      `SELECT qid, user_id, country FROM read_parquet('${service.root}/dt=2024-01-02/*.parquet')`,
    );
    expect(rows.map((row) => [row["qid"], row["user_id"], row["country"]])).toEqual([
      [1n, 1n, 10],
      [4n, 1n, 10],
      [5n, 1n, 10],
      [6n, 2n, 20],
      [null, 3n, null],
    ]);
    expect(Object.values(outcomes(await service.train()))).toEqual(["skipped", "skipped", "skipped", "skipped"]);
    expect(tree(service.root)).toEqual(before);
    expect(leftovers(service.root)).toEqual([]);
  });

  test("several days at a time give the same bytes as one; manifests differ in `run` only", async () => {
    const [one, three] = [await smallService(), await smallService()];
    await one.train();
    await three.train({ dayWorkers: 3 });
    expect(tree(three.root, isManifest)).toEqual(tree(one.root, isManifest));
    const manifests = [one, three].map(({ root }) => {
      const {
        run: _,
        inputs: __,
        fingerprint: ___,
        ...rest
      } = JSON.parse(readFileSync(join(root, "dt=2024-01-03/_manifest.json"), "utf8"));
      return rest;
    });
    expect(manifests[1]).toEqual(manifests[0]);
  });

  test("the map grows by days of the run in date order, and is never reassigned", async () => {
    const service = await smallService();
    await service.train({ targetDate: "2024-01-03" });
    expect(await qids(service)).toBe("a3 0, every 1, z3 2, s3 3");
    await service.train({ from: "2024-01-02", to: "2024-01-05" });
    expect(await qids(service)).toBe("a3 0, every 1, z3 2, s3 3, a2 4, z2 5, s2 6, a5 7, z5 8, s5 9");
    await service.train();
    expect(await qids(service)).toMatch(/s5 9, a1 10, z1 11, s1 12$/);
  });

  test("--force over all days numbers anew; killed in between, the rest is done by the next run", async () => {
    const [service, whole] = [await smallService(), await smallService()];
    await service.train({ targetDate: "2024-01-05" });
    await service.train();
    expect(await qids(service)).not.toBe(EVERY_QID);
    const killed = await service.train({ force: true }, { DAEDALUS_FAIL_POINT: "swap/new-in-place:2" });
    expect(killed.signal).toBe("SIGKILL");
    expect(await plan(service)).toEqual({
      "01": "complete skip",
      "02": "complete skip",
      "03": "stale do",
      "05": "stale do",
    });
    expect(await why(service, "2024-01-03")).toContain("earlier numbering");
    await service.train();
    expect(await qids(service)).toBe(EVERY_QID);
    await whole.train();
    expect(tree(service.root, isManifest)).toEqual(tree(whole.root, isManifest));
  });

  test("a map that is missing or damaged while days exist is refused until --force; plan and status know", async () => {
    const foreseen = async (code: string) => {
      const planned = await problemsOf(() => planDays(service.inputs(), {}));
      expect(planned).toMatchObject([{ code, exitCode: 1 }]);
      expect((await statusOf(service.inputs())).problems).toMatchObject([{ code }]);
      expect((await plan(service, { force: true }))["05"]).toBe("complete do");
    };
    const service = await smallService();
    await service.train();
    const map = join(service.root, "qid_map.parquet");
    appendFileSync(map, "x");
    await service.events("2024-01-06", [[1, "2024-01-06 00:00:00", "new"]]);
    await foreseen("training/qid-map-damaged");
    const damaged = await service.train();
    expect(damaged.code).toBe(1);
    expect(report(damaged).problems).toMatchObject([{ code: "training/qid-map-damaged" }]);
    rmSync(map);
    await foreseen("training/qid-map-missing");
    expect(report(await service.train()).problems).toMatchObject([{ code: "training/qid-map-missing" }]);
    expect((await service.train({ force: true })).code).toBe(0);
    expect((await statusOf(service.inputs())).problems).toEqual([]);
    expect(await qids(service)).toBe(`${EVERY_QID}, new 13`);
  });

  test.each(["", "[]", '{"accepted": 5, "renumbered": {}}', '{"accepted": [5], "renumbered": {}}'])(
    "the notes about the map are damaged (%s): a sound map is gone on with",
    async (notes) => {
      const service = await smallService();
      await service.train({ to: "2024-01-03" });
      writeFileSync(join(service.root, "_daedalus", "qid_map.json"), notes);
      expect((await service.train()).code).toBe(0);
      expect((await qids(service)).split(", ")).toHaveLength(13);
    },
  );
});

describe("disturbed", () => {
  test("a worker that dies costs a retry, not the day", async () => {
    const service = await smallService();
    const ended = await service.train(
      { worker: TOY_WORKER },
      { DAEDALUS_TEST_DAY: `die-once ${join(service.directory, "died")}` },
    );
    expect(existsSync(join(service.directory, "died"))).toBe(true);
    expect(ended.code).toBe(0);
    expect(Object.values(outcomes(ended))).toEqual(["done", "done", "done", "done"]);
  });

  test("Ctrl-C during a query ends soon and leaves nothing half-written", async () => {
    const service = await smallService();
    const pid = join(service.directory, "pid");
    const run = service.started({ worker: TOY_WORKER }, { DAEDALUS_TEST_DAY: `sleep ${pid}` });
    for (let i = 0; i < 400 && !existsSync(pid); i++) await new Promise((resolve) => setTimeout(resolve, 25));
    const at = Date.now();
    run.child.kill("SIGINT");
    const ended = await run.ended;
    expect(Date.now() - at).toBeLessThan(4_000);
    expect(ended.code).toBe(1);
    expect(report(ended)).toMatchObject({ interrupted: true });
    expect(Object.values(outcomes(ended))).toEqual(["left", "left", "left", "left"]);
    expect(Object.keys(tree(service.root))).toEqual(["qid_map.parquet"]);
    expect(leftovers(service.root)).toEqual([]);
    expect(existsSync(`/proc/${readFileSync(pid, "utf8")}`)).toBe(false);
  });
});

test("a full disk: a clear problem, exit code 1, earlier days as they were, and nothing half-written", async () => {
  const service = await smallService();
  await service.train({ to: "2024-01-02" });
  const before = tree(service.root);
  // Writing beyond the limit fails as on a full disk (EFBIG).
  for (const kibibytes of [1, 2]) {
    const ended = await service.limited(kibibytes);
    expect(ended.code).toBe(1);
    expect(ended.stdout).toMatch(/(run|engine)\/disk-full/);
    expect(tree(service.root, (path) => path === "qid_map.parquet")).toEqual(
      Object.fromEntries(Object.entries(before).filter(([path]) => path !== "qid_map.parquet")),
    );
  }
  expect((await service.train()).code).toBe(0);
});

describe("states", () => {
  test("a file that appears makes the days from its first row on stale, and the plan names it", async () => {
    const service = await smallService();
    expect(await plan(service)).toEqual({ "01": "absent do", "02": "absent do", "03": "absent do", "05": "absent do" });
    await service.train();
    await service.events("late", [[1, "2024-01-03 10:00:00", "late"]]);
    expect(await plan(service)).toEqual({
      "01": "complete skip",
      "02": "complete skip",
      "03": "stale do",
      "05": "stale do",
    });
    expect(await why(service, "2024-01-03")).toBe('data/events/late.parquet of view "events" appeared');
    await service.train();
    expect(await plan(service)).toMatchObject({ "03": "complete skip", "05": "complete skip" });
    rmSync(join(service.directory, "data/events/late.parquet"));
    expect(await why(service, "2024-01-05")).toBe('data/events/late.parquet of view "events" vanished');
  });

  test("a changed input without a bound makes days outdated; --refresh does them", async () => {
    const service = await smallService();
    await service.train();
    appendFileSync(join(service.directory, "data/users.csv"), "3,30\n");
    expect(await plan(service)).toMatchObject({ "01": "outdated skip", "05": "outdated skip" });
    expect(await plan(service, { refresh: true })).toMatchObject({ "01": "outdated do" });
    expect(await why(service, "2024-01-01")).toContain('data/users.csv of view "users" changed');
    expect(Object.values(outcomes(await service.train()))).toEqual(["skipped", "skipped", "skipped", "skipped"]);
    expect(Object.values(outcomes(await service.train({ refresh: true })))).toEqual(["done", "done", "done", "done"]);
    expect(await plan(service)).toMatchObject({ "01": "complete skip", "05": "complete skip" });
  });

  test("a changed definition makes days stale and is named; engines are none", async () => {
    const service = await smallService();
    await service.train();
    const { pipeline } = service.inputs();
    const operators = pipeline.operators.map((operator) =>
      operator.kind === "sink" ? { ...operator, partRows: 2n } : operator,
    );
    const changed = await planDays(service.inputs({ pipeline: { operators } }), {});
    expect(changed.days[0]).toMatchObject({ state: "stale", why: ["operator sink has changed in the definition"] });
    const tagged = pipeline.operators.map((operator) => ({ ...operator, engine: "sql_arrow_udf" as const }));
    const same = await planDays(service.inputs({ pipeline: { operators: tagged } }), {});
    expect(same.days[0]).toMatchObject({ state: "complete" });
  });

  test("a damaged day is failed, is told why, and is done again to the same bytes", async () => {
    const service = await smallService();
    await service.train();
    const before = tree(service.root, isManifest);
    await truncate(join(service.root, "dt=2024-01-01/part-0-0.parquet"), 10);
    const flipped = join(service.root, "dt=2024-01-02/part-1-0.parquet");
    const bytes = readFileSync(flipped);
    bytes.writeUInt8(bytes.readUInt8(20) ^ 1, 20);
    writeFileSync(flipped, bytes);
    writeFileSync(join(service.root, "dt=2024-01-03/_manifest.json"), "{");
    rmSync(join(service.root, "dt=2024-01-05/part-0-0.parquet"));
    expect(await plan(service)).toEqual({ "01": "failed do", "02": "failed do", "03": "failed do", "05": "failed do" });
    expect(await why(service, "2024-01-01")).toContain("part-0-0.parquet has 10 bytes");
    expect(await why(service, "2024-01-02")).toContain("part-1-0.parquet has another checksum");
    expect(await why(service, "2024-01-03")).toContain("manifest is damaged");
    expect(await why(service, "2024-01-05")).toContain("part-0-0.parquet is missing");
    await service.train();
    expect(tree(service.root, isManifest)).toEqual(before);
  });

  test("a part whose time alone changed is still the same", async () => {
    const service = await smallService();
    await service.train();
    await utimes(join(service.root, "dt=2024-01-01/part-0-0.parquet"), new Date(), new Date());
    expect(await plan(service)).toMatchObject({ "01": "complete skip" });
  });

  test("status counts days by state, those beyond the months too", async () => {
    const service = await smallService();
    await service.train({ to: "2024-01-02" });
    const status = await statusOf(service.inputs());
    expect(status.counts).toEqual({ absent: 2, skeleton: 0, complete: 2, outdated: 0, stale: 0, failed: 0 });
    expect(status.days[0]).toEqual({ day: "2024-01-01", state: "complete", why: [], outsideFeed: false, rows: 5 });
  });

  test("a day that fails is remembered as failed with its problem, and stops no other", async () => {
    const service = await smallService();
    await service.events("2024-01-02", [[1, "2024-01-02 00:00:00", "x"]]);
    writeFileSync(join(service.directory, "data/users.csv"), "user_id,country\n1,10\n1,11\n");
    const ended = await service.train();
    expect(ended.code).toBe(1);
    expect(Object.values(outcomes(ended))).toEqual(["failed", "failed", "failed", "failed"]);
    expect(await plan(service)).toMatchObject({ "01": "failed do" });
    writeFileSync(join(service.directory, "data/users.csv"), "user_id,country\n1,10\n2,20\n");
    expect((await service.train()).code).toBe(0);
    expect(await plan(service)).toMatchObject({ "01": "complete skip" });
  });

  test("an input that changes while it is read: the day is redone once, then failed", async () => {
    const service = await smallService();
    const file = join(service.directory, "data/events/2024-01-01.parquet");
    const once = await service.train(
      { worker: TOY_WORKER, targetDate: "2024-01-01" },
      { DAEDALUS_TEST_DAY: `touch ${file} 1` },
    );
    expect(outcomes(once), once.stdout).toEqual({ "01": "done" });
    expect(await plan(service)).toMatchObject({ "01": "complete skip" });
    rmSync(`${file}.touched`);
    const twice = await service.train(
      { worker: TOY_WORKER, targetDate: "2024-01-02", dayWorkers: 1 },
      { DAEDALUS_TEST_DAY: `touch ${file} 2` },
    );
    expect(twice.code).toBe(1);
    expect(twice.stdout).toContain("training/input-keeps-changing");
    expect(twice.stdout).toContain("data/events/2024-01-01.parquet");
    expect(Object.keys(tree(service.root)).some((path) => path.startsWith("dt=2024-01-02"))).toBe(false);
  });

  test("an input that changes in the middle of a span: the days that it concerns are redone, the others are not", async () => {
    const service = await smallService();
    const file = join(service.directory, "data/events/2024-01-03.parquet");
    // Once for each day of the span, so that the 3rd and the 5th are redone, and once more while they are.
    const ended = await service.train({ worker: TOY_WORKER }, { DAEDALUS_TEST_DAY: `touch ${file} 5` });
    expect(outcomes(ended)).toEqual({ "01": "done", "02": "done", "03": "failed", "05": "failed" });
    expect((await service.train()).code).toBe(0);
    expect(await plan(service)).toMatchObject({ "03": "complete skip", "05": "complete skip" });
  });
});

describe("refused before the first day", () => {
  test("a day without rows, naming the nearest that have some", async () => {
    const service = await smallService();
    const ended = await service.train({ targetDate: "2024-01-04" });
    expect(ended.code).toBe(2);
    expect(report(ended).problems).toMatchObject([
      {
        code: "training/day-without-rows",
        says: expect.stringContaining("2024-01-04"),
        help: "the nearest days that have some: 2024-01-02, 2024-01-03, 2024-01-05",
      },
    ]);
    expect(existsSync(service.root)).toBe(false);
    expect((await service.train({ targetDate: "2024-02-30" })).code).toBe(2);
    expect((await service.train({ from: "2024-01-03", to: "2024-01-01" })).code).toBe(2);
    expect((await service.train({ targetDate: "2024-01-01", from: "2024-01-01" })).code).toBe(2);
  });

  test("days beyond the feed's months only when they are asked for", async () => {
    const service = await smallService();
    await service.events("2023-12-31", [[1, "2023-12-31 23:59:59.999", "old"]]);
    expect(Object.keys(await plan(service))).toEqual(["01", "02", "03", "05"]);
    expect(outcomes(await service.train({ from: "2023-12-01", to: "2024-01-01" }))).toEqual({
      "31": "done",
      "01": "done",
    });
    expect((await statusOf(service.inputs())).days[0]).toMatchObject({ day: "2023-12-31", outsideFeed: true });
  });

  test("a NULL event time, with file and row", async () => {
    const service = await smallService();
    await service.session.run(
      `COPY (SELECT 1::BIGINT AS user_id, NULL::BIGINT AS ts, 'x' AS session)
         TO '${join(service.directory, "data/events/null.parquet")}' (FORMAT parquet)`,
    );
    const ended = await service.train();
    expect(ended.code).toBe(1);
    expect(ended.stdout).toContain("data/events/null.parquet");
    expect(Object.keys(tree(service.root))).toEqual([]);
  });

  test("another service's folder, and dt= folders of others", async () => {
    const service = await smallService();
    await service.train({ targetDate: "2024-01-01" });
    const other = await service.train({}, {}, { service: "other" });
    expect(other.code).toBe(2);
    expect(report(other).problems).toMatchObject([
      { code: "training/other-service", says: expect.stringContaining("small") },
    ]);
    rmSync(join(service.root, "_daedalus"), { recursive: true });
    expect((await service.train({}, {}, { service: "other" })).code).toBe(2);
    rmSync(service.root, { recursive: true });
    mkdirSync(join(service.root, "dt=2024-01-01"), { recursive: true });
    writeFileSync(join(service.root, "dt=2024-01-01", "mine.parquet"), "");
    const foreign = await service.train();
    expect(foreign.code).toBe(2);
    expect(report(foreign).problems).toMatchObject([{ code: "training/foreign-days" }]);
    expect(Object.keys(tree(service.root))).toEqual(["dt=2024-01-01/mine.parquet"]);
  });

  test("options that do not go together, or not with the service", async () => {
    const service = await smallService();
    const code = async (options: object, pipeline: object = {}) => {
      const ended = await service.train(options, {}, pipeline);
      return [ended.code, ...report(ended).problems.map((problem) => problem.code)];
    };
    expect(await code({ enrichOnly: true })).toEqual([2, "training/no-embeddings"]);
    expect(await code({ enrichOnly: true, skeletonOnly: true }, { embeddings: true })).toEqual([
      2,
      "training/conflicting-options",
    ]);
  });

  test("with --skeleton-only a service with embeddings is written and its days are done", async () => {
    const service = await smallService();
    const embeddings = { embeddings: true };
    expect((await service.train({ skeletonOnly: true, to: "2024-01-01" }, {}, embeddings)).code).toBe(0);
    const inputs = service.inputs({ pipeline: embeddings });
    const [first] = (await planDays(inputs, { skeletonOnly: true })).days;
    expect(first).toMatchObject({ state: "skeleton", action: "skip" });
    const [open] = (await planDays(inputs, {})).days;
    expect(open).toMatchObject({ state: "skeleton", action: "do", stages: ["enrich"] });
  });

  test("a file whose footer cannot be read stops the run and leaves complete days as they are", async () => {
    const service = await smallService();
    await service.train({ to: "2024-01-02" });
    const before = tree(service.root);
    await truncate(join(service.directory, "data/events/2024-01-05.parquet"), 30);
    const ended = await service.train();
    expect(ended.code).toBe(1);
    expect(ended.stdout).toContain("2024-01-05.parquet");
    expect(tree(service.root)).toEqual(before);
  });
});
