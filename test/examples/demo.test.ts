import { createHash } from "node:crypto";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compileService, loadProject, train } from "daedalus";
import { afterAll, expect, test } from "vitest";
import { writeDemoProject, writeStarterProject } from "#daedalus/app/demo/demo-project.js";
import { sqlText, testConnection } from "../support/duckdb.js";

const folder = mkdtempSync(join(tmpdir(), "daedalus-demo-test-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function contents(directory: string): Readonly<Record<string, string>> {
  const files = readdirSync(directory, { recursive: true, encoding: "utf8" }).filter((name) =>
    statSync(join(directory, name)).isFile(),
  );
  return Object.fromEntries(
    files.sort().map((name) => [
      name,
      createHash("sha256")
        .update(readFileSync(join(directory, name)))
        .digest("hex"),
    ]),
  );
}

test("equal sizes and seeds give equal bytes, another seed gives other ones", async () => {
  const [one, two, other] = [join(folder, "one"), join(folder, "two"), join(folder, "other")];
  await writeDemoProject(one, { days: 3, events: 2_000, seed: 7 });
  await writeDemoProject(two, { days: 3, events: 2_000, seed: 7 });
  await writeDemoProject(other, { days: 3, events: 2_000, seed: 8 });
  expect(contents(one)).toEqual(contents(two));
  expect(contents(other)["data/feed/dt=2024-01-01/part-0.parquet"]).not.toBe(
    contents(one)["data/feed/dt=2024-01-01/part-0.parquet"],
  );
});

test("the feed has the asked rows and days, ties, NULLs and sessions", async () => {
  const directory = join(folder, "feed");
  const { days } = await writeDemoProject(directory, { days: 34, events: 5_003, seed: 1 });
  expect(days).toEqual(["2024-01-01", "2024-02-03"]);
  const [row] = (
    await (
      await testConnection()
    ).runAndReadAll(`
      SELECT count(*)::INTEGER AS rows, count(DISTINCT event_timestamp // 86400000)::INTEGER AS days,
        count(DISTINCT (user_id, event_timestamp)) < count(*) AS ties, count(session) < count(*) AS without_session,
        count(country_code) < count(*) AS without_country, bool_and(strftime(make_timestamp(event_timestamp * 1000), '%Y-%m-%d') = dt::VARCHAR) AS placed,
        list(DISTINCT event ORDER BY event)::VARCHAR AS events
      FROM read_parquet(${sqlText(join(directory, "data/feed/*/*.parquet"))}, hive_partitioning = true)`)
  ).getRowObjectsJS();
  expect(row).toEqual({
    rows: 5_003,
    days: 34,
    ties: true,
    without_session: true,
    without_country: true,
    placed: true,
    events: "[click, hide, like, view]",
  });
  expect(readFileSync(join(directory, "config/training/runtime.yaml"), "utf8")).toMatch(
    /feed_start: "202401".*\nfeed_end: "202402"/,
  );
});

test("the demo trains without a warning, and every column has a value somewhere", async () => {
  const directory = join(folder, "trained");
  const { service, days } = await writeDemoProject(directory, { days: 4, events: 4_000, seed: 1 });
  const compiled = await compileService(await loadProject(directory), service);
  expect(compiled.warnings).toEqual([]);
  const outputRoot = join(directory, "out");
  const report = await train(compiled, { from: days[0], to: days[1], outputRoot });
  expect(report.days.map(({ outcome }) => outcome)).toEqual(["done", "done", "done", "done"]);
  const [counts = {}] = (
    await (
      await testConnection()
    ).runAndReadAll(
      `SELECT count(COLUMNS(*))::INTEGER FROM read_parquet(${sqlText(join(outputRoot, "dt=*/*.parquet"))}, hive_partitioning = false)`,
    )
  ).getRowObjectsJS();
  expect(Object.keys(counts)).toHaveLength(36);
  expect(Object.entries(counts).filter(([, count]) => Number(count) === 0)).toEqual([]);
});

test("a second call keeps edited definitions and the same data, completes missing files, and makes other data anew", async () => {
  const directory = join(folder, "again");
  const size = { days: 2, events: 500, seed: 1 };
  await writeDemoProject(directory, size);
  const feed = join(directory, "data/feed/dt=2024-01-01/part-0.parquet");
  const written = statSync(feed, { bigint: true }).mtimeNs;
  writeFileSync(join(directory, "feature_views/orders.yaml"), "# edited\n");
  unlinkSync(join(directory, "data/orders.csv"));
  await writeDemoProject(directory, size);
  expect(statSync(feed, { bigint: true }).mtimeNs).toBe(written);
  expect(readFileSync(join(directory, "feature_views/orders.yaml"), "utf8")).toBe("# edited\n");
  expect(existsSync(join(directory, "data/orders.csv"))).toBe(true);
  await writeDemoProject(directory, { ...size, days: 1 });
  expect(readdirSync(join(directory, "data/feed"))).toEqual(["dt=2024-01-01"]);
});

test("init leaves the data of a user alone", async () => {
  const directory = join(folder, "users-own");
  await mkdir(join(directory, "data/feed"), { recursive: true });
  writeFileSync(join(directory, "data/feed/mine.parquet"), "mine");
  const { written } = await writeStarterProject(directory);
  expect(written).toContain("daedalus.yaml");
  expect(readdirSync(join(directory, "data"), { recursive: true }).sort()).toEqual(["feed", "feed/mine.parquet"]);
});

test("every YAML of a new project names a schema that lies beside it", async () => {
  const directory = join(folder, "starter");
  const { written } = await writeStarterProject(directory);
  const files = written.filter((file) => file.endsWith(".yaml"));
  expect(files.length).toBeGreaterThan(8);
  for (const file of files) {
    const text = readFileSync(join(directory, file), "utf8");
    const schema = /^# yaml-language-server: \$schema=(\S+)\n/.exec(text)?.[1] ?? "none";
    expect(existsSync(join(directory, file, "..", schema)), `${file}: ${schema}`).toBe(true);
  }
});
