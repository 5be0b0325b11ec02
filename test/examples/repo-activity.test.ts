import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compileService, loadProject, schemas, train } from "daedalus";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ROLLING_ENGINES, type RollingEngine } from "#daedalus/definitions/runtime.js";
import { sqlText, testConnection } from "../support/duckdb.js";
import { expectSameRows } from "./expect-same-rows.js";
import { fileRankingByHand } from "./file-ranking-by-hand.js";
import { example, madeFromCheckout, repoActivityData } from "./repo-activity-data.js";

let output: string;
beforeAll(async () => {
  output = await mkdtemp(join(tmpdir(), "daedalus-example-"));
});
afterAll(() => rm(output, { recursive: true, force: true }));

async function rows(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
  return (await (await testConnection()).runAndReadAll(sql)).getRowObjectsJS();
}

/** The last days of 2024 with events, else the last days that there are. */
async function lastDays(data: string, n: number): Promise<readonly string[]> {
  const days = await rows(`
    SELECT DISTINCT strftime(make_timestamp(event_timestamp * 1000), '%Y-%m-%d') AS day
    FROM ${sqlText(join(data, "repo_activity/events.parquet"))}
    ORDER BY day[:4] = '2024' DESC, day DESC LIMIT ${n}`);
  return days.map(({ day }) => String(day)).sort();
}

async function trained(data: string, service: string, from: string, to: string, root: string, engine?: RollingEngine) {
  const project = await loadProject(example, { environment: { ...process.env, DAEDALUS_DATA: data } });
  const compiled = await compileService(project, service);
  expect(compiled.warnings).toEqual([]);
  return train(compiled, { from, to, outputRoot: root, ...(engine === undefined ? {} : { engine }) });
}

test("each value of one day is what a self-join gives", async () => {
  const data = repoActivityData();
  const [day = ""] = await lastDays(data, 1);
  const root = join(output, "one-day");
  const report = await trained(data, "file_ranking", day, day, root);
  expect(report.days.map(({ outcome }) => outcome)).toEqual(["done"]);
  await expectSameRows(root, day, fileRankingByHand(join(data, "repo_activity"), day));
});

test("a busy day, with many rows at one instant", async () => {
  const data = repoActivityData();
  const [busy] = await rows(`
    SELECT strftime(make_timestamp(event_timestamp * 1000), '%Y-%m-%d') AS day
    FROM ${sqlText(join(data, "repo_activity/events.parquet"))}
    GROUP BY day ORDER BY day[:4] = '2024' DESC, count(*) DESC, day LIMIT 1`);
  const day = String(busy?.["day"]);
  const root = join(output, "busy-day");
  await trained(data, "file_ranking", day, day, root);
  await expectSameRows(root, day, fileRankingByHand(join(data, "repo_activity"), day));
});

test("both services train over several days, and a second run finds nothing to do", async () => {
  const data = repoActivityData();
  const days = await lastDays(data, 3);
  for (const service of ["file_ranking", "file_churn"]) {
    const root = join(output, service);
    const first = await trained(data, service, days[0] ?? "", days.at(-1) ?? "", root);
    expect(first.days.map(({ day }) => day)).toEqual(days);
    expect(first.days.every(({ outcome }) => outcome === "done")).toBe(true);
    const again = await trained(data, service, days[0] ?? "", days.at(-1) ?? "", root);
    expect(again.days.every(({ outcome }) => outcome === "skipped")).toBe(true);
  }
});

/** Of every part of every day: its hash, by day and name. */
function hashesOf(root: string): Readonly<Record<string, string>> {
  const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".parquet"));
  return Object.fromEntries(
    files.sort().map((file) => [
      file,
      createHash("sha256")
        .update(readFileSync(join(root, file)))
        .digest("hex"),
    ]),
  );
}

// DAEDALUS_LONG=1: the whole year; else its last days.
const isLong = Boolean(process.env["DAEDALUS_LONG"]);
test.each(["file_ranking", "file_churn"])(
  `%s of ${isLong ? "2024" : "the last days of 2024"} has the same bytes on every engine`,
  {
    timeout: 3_600_000,
  },
  async (service) => {
    const data = repoActivityData();
    const latest = await lastDays(data, isLong ? 366 : 30);
    // Without a 2024, as where the data are made of this checkout, the days that there are.
    const ofYear = latest.filter((day) => day.startsWith("2024"));
    const days = ofYear.length > 0 ? ofYear : latest;
    const hashes = new Map<RollingEngine, Readonly<Record<string, string>>>();
    for (const engine of ROLLING_ENGINES) {
      const root = join(output, `${service}-${engine}`);
      const report = await trained(data, service, days[0] ?? "", days.at(-1) ?? "", root, engine);
      expect(report.days.map(({ day }) => day)).toEqual(days);
      expect(report.days.every(({ outcome }) => outcome === "done")).toBe(true);
      hashes.set(engine, hashesOf(root));
      await rm(root, { recursive: true });
    }
    const [first, ...others] = ROLLING_ENGINES;
    const expected = hashes.get(first) ?? {};
    expect(Object.keys(expected).length).toBeGreaterThanOrEqual(days.length);
    for (const engine of others) expect(hashes.get(engine), engine).toEqual(expected);
  },
);

test("the history of this checkout trains as well", async () => {
  const data = madeFromCheckout();
  const [day = ""] = await lastDays(data, 1);
  const root = join(output, "checkout");
  const report = await trained(data, "file_ranking", day, day, root);
  expect(report.rows).toBeGreaterThan(0);
  await expectSameRows(root, day, fileRankingByHand(join(data, "repo_activity"), day));
  await rm(data, { recursive: true });
});

test("the schemas beside the example are those of this version, and every YAML names one", () => {
  const folder = join(example, "schemas");
  expect(readdirSync(folder).sort()).toEqual([...schemas().keys()].sort());
  for (const [name, schema] of schemas())
    expect(JSON.parse(readFileSync(join(folder, name), "utf8")), name).toEqual(JSON.parse(JSON.stringify(schema)));
  const files = readdirSync(example, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".yaml"));
  expect(files.length).toBeGreaterThan(7);
  for (const file of files.filter((name) => !name.endsWith(".generated.yaml"))) {
    const [line = ""] = readFileSync(join(example, file), "utf8").split("\n");
    const named = /^# yaml-language-server: \$schema=(.+)$/.exec(line)?.[1] ?? "";
    expect(
      [...schemas().keys()].map((name) => join(folder, name)),
      file,
    ).toContain(join(example, file, "..", named));
  }
});
