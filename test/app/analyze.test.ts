import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Analysis,
  analyze,
  type CompiledService,
  compileService,
  DaedalusError,
  explain,
  loadProject,
  train,
  writtenDaysOf,
} from "daedalus";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { sqlText, testConnection } from "../support/duckdb.js";
import { writeShop } from "../support/shop.js";

const DAY = "2024-01-04";

let folder: string;
let compiled: CompiledService;
let outputRoot: string;
let analysis: Analysis;
/** Temporary folders of a test lie here, so that what is left behind is seen. */
let temporary: string;
const usual = process.env["TMPDIR"];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "daedalus-shop-"));
  await writeShop(folder);
  compiled = await compileService(await loadProject(folder, { environment: {} }), "rank");
  outputRoot = join(folder, "out");
  analysis = await analyze(compiled, { targetDate: DAY, outputRoot });
});
afterAll(() => rm(folder, { recursive: true }));
beforeEach(async () => {
  temporary = await mkdtemp(join(tmpdir(), "daedalus-temporary-"));
  process.env["TMPDIR"] = temporary;
});
afterEach(async () => {
  if (usual === undefined) delete process.env["TMPDIR"];
  else process.env["TMPDIR"] = usual;
  await rm(temporary, { recursive: true });
});

async function counted(sql: string): Promise<number> {
  const connection = await testConnection();
  const files = (name: string) => sqlText(join(folder, "data", name));
  const reader = await connection.runAndReadAll(
    `WITH feed AS (SELECT *, make_timestamp(ts * 1000) AS moment FROM read_parquet(${files("feed/**/*.parquet")}, hive_partitioning = false)),
       items AS (SELECT * FROM read_parquet(${files("items.parquet")})),
       users AS (SELECT * FROM read_parquet(${files("users.parquet")})),
       orders AS (SELECT * FROM read_csv(${files("orders.csv")})),
       today AS (SELECT *, row_number() OVER () AS id FROM feed WHERE CAST(moment AS DATE) = DATE '${DAY}'),
       kept AS (SELECT * FROM today WHERE visit IN (SELECT visit FROM today WHERE event <> 'view')),
       joined AS (SELECT *, (SELECT kind FROM items i WHERE i.item_id = k.item_id AND i.changed < k.moment ORDER BY changed DESC LIMIT 1) AS kind FROM kept k)
     ${sql}`,
  );
  return Number(reader.getRows()[0]?.[0]);
}

const day = (column: string, from: string): string =>
  `${column} >= TIMESTAMP '${from}' AND ${column} < TIMESTAMP '2024-01-05'`;

describe("the figures of a day", () => {
  test("rows of each operator are those that independent SQL counts", async () => {
    const rows = (name: string) => analysis.operators[name]?.rows;
    const target = await counted("SELECT count(*) FROM today");
    const kept = await counted("SELECT count(*) FROM kept");
    const left = await counted("SELECT count(*) FROM joined WHERE kind IS DISTINCT FROM 'bad'");
    // The test means nothing unless each filter drops some rows and keeps some.
    expect([target > kept, kept > left, left > 0]).toEqual([true, true, true]);
    const expected: Readonly<Record<string, number>> = {
      scan_feed: target,
      session_filter: kept,
      scan_users: await counted("SELECT count(*) FROM users"),
      join_users: kept,
      scan_items: await counted(`SELECT count(*) FROM items WHERE ${day("changed", "0001-01-01")}`),
      join_items: kept,
      scan_feed_history: await counted(`SELECT count(*) FROM feed WHERE ${day("moment", "2024-01-03")}`),
      rolling: kept,
      scan_orders_history: await counted(`SELECT count(*) FROM orders WHERE ${day('"at"', "2024-01-02")}`),
      rolling_orders: kept,
      scan_feed_lookup_hidden: await counted(
        `SELECT count(*) FROM feed WHERE ${day("moment", "2024-01-02")} AND event = 'hide'`,
      ),
      lookup_hidden: kept,
      assembly: kept,
      content_filter: left,
      output: left,
      sink: left,
    };
    expect(Object.fromEntries(Object.keys(analysis.operators).map((name) => [name, rows(name)]))).toEqual(expected);
    expect(analysis.rows).toBe(left);
    expect(analysis.operators["session_filter"]).toMatchObject({ rowsIn: target, dropped: target - kept });
    expect(analysis.operators["content_filter"]).toMatchObject({ rowsIn: kept, dropped: kept - left });
    const inRange = await counted(`SELECT count(*) FROM feed WHERE ${day("moment", "2024-01-02")}`);
    const { rowsIn, dropped } = analysis.operators["scan_feed_lookup_hidden"] ?? {};
    expect([rowsIn, dropped]).toEqual([inRange, inRange - (expected["scan_feed_lookup_hidden"] ?? 0)]);
  });

  test("bytes: files that may hold the rows, tables made, parts", async () => {
    const size = async (name: string) => (await stat(join(folder, "data", name))).size;
    const feed = (date: string) => size(`feed/dt=${date}/part-0.parquet`);
    const { operators } = analysis;
    expect(operators["scan_feed"]).toMatchObject({ files: 1, bytes: await feed(DAY) });
    expect(operators["scan_feed_history"]).toMatchObject({
      files: 2,
      bytes: (await feed("2024-01-03")) + (await feed(DAY)),
    });
    expect(operators["scan_users"]).toMatchObject({ files: 1, bytes: await size("users.parquet") });
    expect(operators["scan_orders_history"]).toMatchObject({ files: 1, bytes: await size("orders.csv") });
    for (const name of ["session_filter", "join_users", "join_items", "rolling", "rolling_orders", "lookup_hidden"])
      expect(operators[name]?.bytes, name).toBeGreaterThan(0);
    for (const name of ["assembly", "content_filter"]) expect(operators[name]).not.toHaveProperty("bytes");
    expect(operators["sink"]?.bytes).toBeGreaterThan(1000);
    expect(analysis.peakMemoryBytes).toBeGreaterThan(100_000);
    expect(analysis.peakResidentBytes).toBeGreaterThan(50_000_000);
  });

  test("times: each operator has one or says in whose it is counted, and they add up", () => {
    const { operators } = analysis;
    const entries = Object.entries(operators);
    for (const [name, { seconds, countedIn, engine }] of entries) {
      const kernels = ["join_items", "rolling", "rolling_orders", "lookup_hidden"];
      expect(engine, name).toBe(kernels.includes(name) ? "kernel" : "duckdb");
      expect(seconds > 0 || countedIn.length > 0, name).toBe(true);
      for (const other of countedIn) expect(operators[other]?.seconds, `${name} in ${other}`).toBeGreaterThan(0);
    }
    const sum = entries.reduce((total, [, { seconds }]) => total + seconds, analysis.otherSeconds);
    expect(sum).toBeCloseTo(analysis.seconds, 6);
    expect(operators["assembly"]?.countedIn).toEqual(["sink"]);
    expect(operators["content_filter"]?.countedIn).toEqual(["sink"]);
    expect(operators["scan_feed_history"]?.countedIn).toEqual(["rolling"]);
    expect(operators["scan_items"]?.countedIn).toEqual(["join_items"]);
    // An operator's own statement makes the index; the kernel is asked where the rows are written.
    expect(operators["rolling"]?.countedIn).toEqual(["sink"]);
    expect(operators["session_filter"]?.countedIn).toEqual([]);
    expect(operators["sink"]?.countedIn).toEqual([]);
  });

  test("who composes what is the same without running anything", () => {
    for (const { name, composedInto } of explain(compiled).operators)
      expect(analysis.operators[name]?.countedIn, name).toEqual(composedInto);
  });
});

describe("into nothing", () => {
  test("no file is written, no lock is left or needed", async () => {
    await expect(readdir(outputRoot)).rejects.toThrow("ENOENT");
    await mkdir(join(outputRoot, "_daedalus"), { recursive: true });
    // A run that works here now: its owner file stays as it is.
    const owner = join(outputRoot, "_daedalus", "owner.json");
    await writeFile(owner, "somebody");
    const again = await analyze(compiled, { targetDate: DAY, outputRoot });
    expect(again.rows).toBe(analysis.rows);
    expect(await readFile(owner, "utf8")).toBe("somebody");
    expect(await readdir(outputRoot)).toEqual(["_daedalus"]);
    expect(await readdir(temporary)).toEqual([]);
    await rm(outputRoot, { recursive: true });
  });

  test("the bytes of the parts are those of the written day, whose map stays as it is", async () => {
    await train(compiled, { outputRoot, targetDate: DAY });
    const part = join(outputRoot, `dt=${DAY}`, "part-0-0.parquet");
    const map = await readFile(join(outputRoot, "qid_map.parquet"));
    const again = await analyze(compiled, { targetDate: DAY, outputRoot });
    expect(again.operators["sink"]?.bytes).toBe((await stat(part)).size);
    // Sessions of a day that was never written are numbered in a map of its own.
    await analyze(compiled, { targetDate: "2024-01-05", outputRoot });
    expect(await readFile(join(outputRoot, "qid_map.parquet"))).toEqual(map);
    const damaged = join(folder, "damaged");
    await mkdir(damaged);
    await writeFile(join(damaged, "qid_map.parquet"), "no parquet");
    expect((await analyze(compiled, { targetDate: DAY, outputRoot: damaged })).rows).toBe(analysis.rows);
    expect(await readdir(temporary)).toEqual([]);
  });

  test("a day that fails is told, and nothing is left of it", async () => {
    const items = join(folder, "data", "orders.csv");
    const before = await readFile(items, "utf8");
    await writeFile(items, `${before}7,2024-01-04T00:00:00Z,much\n`);
    try {
      const failure = await analyze(compiled, { targetDate: DAY, outputRoot }).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(DaedalusError);
      expect((failure as DaedalusError).exitCode).toBe(1);
      expect((failure as DaedalusError).message).toContain("much");
      expect(await readdir(temporary)).toEqual([]);
    } finally {
      await writeFile(items, before);
    }
  });

  test("it can be stopped", async () => {
    const stop = new AbortController();
    const running = analyze(compiled, { targetDate: DAY, outputRoot, signal: stop.signal });
    stop.abort();
    await expect(running).rejects.toThrow();
    expect(await readdir(temporary)).toEqual([]);
  });

  test("a day without rows is refused, naming the nearest", async () => {
    const failure = await analyze(compiled, { targetDate: "2024-02-01", outputRoot }).catch((error: unknown) => error);
    expect((failure as DaedalusError).exitCode).toBe(2);
    expect((failure as DaedalusError).message).toContain("2024-01-05");
  });
});

test("embeddings are not run: the day has the same rows, and says so", async () => {
  const copy = join(folder, "embedded");
  await writeShop(copy);
  const append = async (path: string, text: string) =>
    writeFile(join(copy, path), `${await readFile(join(copy, path), "utf8")}${text}`);
  await append("feature_services/rank.yaml", '  - {name: picture, kind: embedding, dtype: "FLOAT[]"}\n');
  await append("config/training/runtime.yaml", "embedding_coverage_filter: false\n");
  await append(
    "config/training/aggregations.yaml",
    "embedding_stores:\n  s: {uri: x, key: item_id, vector: v, dim: 4}\nenrichment_specs:\n  - {name: picture, store: s, ids: item_id}\n",
  );
  const service = await compileService(await loadProject(copy, { environment: {} }), "rank");
  const { operators, rows } = await analyze(service, { targetDate: DAY, outputRoot });
  expect(rows).toBe(analysis.rows);
  const [enrich] = explain(service).operators.filter(({ kind }) => kind === "ray_udf_transform");
  expect(operators[enrich?.name ?? ""]).toEqual({ engine: "none", rows, seconds: 0, countedIn: [] });
});

test("what the manifests say of the written days; nothing of days that are damaged or another service's", async () => {
  const root = join(folder, "written");
  expect(await writtenDaysOf(compiled, { outputRoot: root })).toMatchObject({ count: 0, days: [] });
  await train(compiled, { outputRoot: root, from: "2024-01-03", to: "2024-01-05" });
  await writeFile(join(root, "dt=2024-01-05", "_manifest.json"), "{}");
  const written = await writtenDaysOf(compiled, { outputRoot: root });
  expect(written.days.map(({ day }) => day)).toEqual(["2024-01-03", "2024-01-04"]);
  const part = (date: string) => sqlText(join(root, `dt=${date}`, "part-0-0.parquet"));
  const connection = await testConnection();
  const reader = await connection.runAndReadAll(
    `SELECT count(*), count(*) - count(kind), min(len(liked_1d)), max(len(liked_1d)) FROM ${part("2024-01-04")}`,
  );
  const [rows, nulls, shortest, longest] = (reader.getRows()[0] ?? []).map(Number);
  expect(written.days[1]?.rows).toBe(rows);
  const column = (name: string) => written.columns.find((each) => each.name === name);
  expect(column("kind")?.nulls[1]).toBe(nulls);
  expect([column("liked_1d")?.shortest?.[1], column("liked_1d")?.longest?.[1]]).toEqual([shortest, longest]);
  expect(column("event")?.max?.[1]).toBe("view");
});
