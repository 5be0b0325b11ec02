import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import {
  audit,
  type CompiledService,
  compileService,
  DaedalusError,
  explainRow,
  loadProject,
  type Problem,
  planDays,
  statusOf,
  train,
} from "daedalus";
import { afterEach, beforeEach, expect, test } from "vitest";
import { embeddingStores, importEmbeddings } from "#daedalus/app/embeddings-service.js";
import { LanceStore } from "#daedalus/embeddings/lance-store.js";
import { vectorsOf } from "#daedalus/embeddings/vector-pool.js";
import { PoolCrew } from "#daedalus/kernels/avg-pool.js";
import { COMMIT_FAIL_POINTS } from "#daedalus/runs/commit.js";
import type { Value } from "../oracles/values.js";
import { MAIN } from "../runs/processes.js";
import { sqlText, testConnection } from "../support/duckdb.js";
import { readParquet } from "../support/read-parquet.js";
import { DIM, type VectorsSetting, writeVectors, writeVectorsProject } from "../support/vectors-project.js";

// A project with embeddings over a real Lance store, against means that are taken naively.

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "daedalus-embeddings-"));
});
afterEach(() => rm(folder, { recursive: true }));

const project = (setting: VectorsSetting = {}) => writeVectorsProject(folder, setting);
const vectors = (file: string, options: Parameters<typeof writeVectors>[2] = {}) => writeVectors(folder, file, options);

async function compiled(): Promise<CompiledService> {
  return compileService(await loadProject(folder, { environment: {} }), "rank");
}

interface Row {
  readonly id: unknown;
  readonly event: unknown;
  readonly seen: readonly unknown[];
  readonly own: readonly number[] | null;
  readonly taste: readonly number[] | null;
}

async function rowsOf(root: string): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const day of (await readdir(root)).filter((name) => name.startsWith("dt=")).sort())
    for (const part of (await readdir(join(root, day))).filter((name) => name.startsWith("part-")).sort()) {
      const { rows: read } = await readParquet(join(root, day, part));
      for (const [, id, event, seen, own, taste] of read)
        rows.push({ id, event, seen: seen as Value[], own: own as number[] | null, taste: taste as number[] | null });
    }
  return rows;
}

async function storeOf(file: string): Promise<ReadonlyMap<unknown, readonly number[]>> {
  const { rows } = await readParquet(file);
  return new Map(rows.flatMap(([id, v]) => (id === null || v === null ? [] : [[id, v as readonly number[]]])));
}

function meanOf(list: readonly (readonly number[])[]): readonly number[] | null {
  if (list.length === 0) return null;
  return Array.from({ length: DIM }, (_, place) => {
    let sum = 0;
    for (const vector of list) sum += vector[place] as number;
    return Math.fround(sum / list.length);
  });
}

async function bytesOf(root: string): Promise<Readonly<Record<string, string>>> {
  const found: Record<string, string> = {};
  for (const day of (await readdir(root)).filter((name) => name.startsWith("dt=")))
    for (const part of (await readdir(join(root, day))).filter((name) => name.startsWith("part-")))
      found[`${day}/${part}`] = (await readFile(join(root, day, part))).toString("base64");
  return found;
}

async function problemsOf(work: Promise<unknown>): Promise<readonly Problem[]> {
  try {
    await work;
    return [];
  } catch (error) {
    if (error instanceof DaedalusError) return error.problems;
    throw error;
  }
}

async function problemOf(work: Promise<unknown>): Promise<string | undefined> {
  return (await problemsOf(work))[0]?.code;
}

test.each([{ text: false }, { text: true }])(
  "vectors and means are those of a naive program (ids text: $text)",
  async ({ text }) => {
    await project({ text });
    const file = await vectors("items.parquet", { text });
    await importEmbeddings((await compiled()).project, file, "items");
    const root = join(folder, "out");
    const report = await train(await compiled(), { outputRoot: root });
    expect(report.days.map(({ outcome }) => outcome)).toEqual(["done", "done"]);
    const store = await storeOf(file);
    const rows = await rowsOf(root);
    expect(rows).toHaveLength(3000);
    let pooled = 0;
    for (const { id, seen, own, taste } of rows) {
      expect(own).toEqual(store.get(id) ?? null);
      const mean = meanOf(seen.flatMap((one) => [store.get(one) ?? []].filter((vector) => vector.length > 0)));
      expect(taste).toEqual(mean);
      if (seen.length > 2 && mean !== null) pooled += 1;
    }
    expect(pooled).toBeGreaterThan(2000);
    const { counts } = await statusOf(await compiled(), { outputRoot: root });
    expect(counts).toMatchObject({ complete: 2, skeleton: 0 });
  },
);

test("the same bytes at once, or by skeleton and enrich, whatever the threads", async () => {
  await project();
  await importEmbeddings((await compiled()).project, await vectors("items.parquet"), "items");
  const [whole, begun, single] = ["whole", "begun", "single"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  await train(await compiled(), { outputRoot: whole });
  await train(await compiled(), { outputRoot: begun, skeletonOnly: true });
  expect((await rowsOf(begun)).every(({ own, taste }) => own === null && taste === null)).toBe(true);
  const plan = await planDays(await compiled(), { outputRoot: begun });
  expect(plan.days.map(({ state, stages }) => [state, ...stages])).toEqual([
    ["skeleton", "enrich"],
    ["skeleton", "enrich"],
  ]);
  await train(await compiled(), { outputRoot: begun, enrichOnly: true });
  const runtime = join(folder, "config/training/runtime.yaml");
  await writeFile(
    runtime,
    (await readFile(runtime, "utf8")).replace("{engine: kernel}", "{engine: kernel, duckdb_config: {threads: 1}}"),
  );
  await train(await compiled(), { outputRoot: single });
  const bytes = await bytesOf(whole);
  expect(Object.keys(bytes)).toEqual([
    "dt=2024-01-01/part-0-0.parquet",
    "dt=2024-01-01/part-1-0.parquet",
    "dt=2024-01-02/part-0-0.parquet",
  ]);
  expect(await bytesOf(begun)).toEqual(bytes);
  expect(await bytesOf(single)).toEqual(bytes);
});

test("the coverage filter drops rows of the target day, or of the whole window", async () => {
  const file = await vectors("items.parquet");
  const store = await storeOf(file);
  const covered = ({ id, event }: Row) => event !== "view" || store.has(id);
  await project();
  await importEmbeddings((await compiled()).project, file, "items");
  const all = join(folder, "all");
  await train(await compiled(), { outputRoot: all });
  const everything = await rowsOf(all);
  for (const engine of ["kernel", "duckdb", "polars"]) {
    await project({ coverage: "{events: [view]}", engine });
    const root = join(folder, `day-${engine}`);
    await train(await compiled(), { outputRoot: root });
    expect(await rowsOf(root)).toEqual(everything.filter(covered));
    await project({ coverage: "{scope: window}", engine });
    const window = join(folder, `window-${engine}`);
    await train(await compiled(), { outputRoot: window });
    const rows = await rowsOf(window);
    const kept = everything.filter(({ id }) => store.has(id));
    expect(rows).toEqual(
      kept.map((row) => {
        const seen = row.seen.filter((id) => store.has(id));
        return { ...row, seen, taste: meanOf(seen.map((id) => store.get(id) ?? [])) };
      }),
    );
  }
});

test("killed at any step of enrich, nothing is lost, and the same command ends with the same bytes", async () => {
  await project();
  await importEmbeddings((await compiled()).project, await vectors("items.parquet"), "items");
  const whole = join(folder, "whole");
  await train(await compiled(), { outputRoot: whole });
  const bytes = await bytesOf(whole);
  const log = join(folder, "log");
  const run = (root: string, point?: string) => {
    const environment = {
      DAEDALUS_FAIL_POINT_LOG: log,
      ...(point === undefined ? {} : { DAEDALUS_FAIL_POINT: point }),
    };
    const args = [MAIN, "--project", folder, "pipeline", "train", "rank", "--output-root", root];
    return spawnSync(process.execPath, args, { encoding: "utf8", env: { ...process.env, ...environment } });
  };
  const skeletons = join(folder, "skeletons");
  await train(await compiled(), { outputRoot: skeletons, skeletonOnly: true });
  // The worker dies: it is replaced, and dies again; then the day has failed and is still a skeleton.
  const workers = join(folder, "workers");
  await cp(skeletons, workers, { recursive: true });
  const lost = run(workers, "part/enriched");
  expect(lost.status).toBe(1);
  expect(lost.stdout).toContain("the worker process ended in the middle of the work");
  expect((await statusOf(await compiled(), { outputRoot: workers })).counts).toMatchObject({ skeleton: 2 });
  expect(run(workers).status).toBe(0);
  expect(await bytesOf(workers)).toEqual(bytes);
  for (const point of [
    "unit/staged",
    "unit/performed",
    ...COMMIT_FAIL_POINTS.filter((name) => name !== "commit/visible"),
  ]) {
    const root = join(folder, `killed-${point.replace("/", "-")}`);
    await cp(skeletons, root, { recursive: true });
    expect(run(root, `${point}:2`).signal, point).toBe("SIGKILL");
    const { counts } = await statusOf(await compiled(), { outputRoot: root });
    expect(counts.complete + counts.skeleton + counts.absent, point).toBe(2);
    expect(run(root).status, point).toBe(0);
    expect(await bytesOf(root), point).toEqual(bytes);
    expect(await readdir(join(root, "_daedalus", "journal")), point).toEqual([]);
  }
  const passed = await readFile(log, "utf8");
  expect(passed).toContain("part/enriched");
}, 120_000);

test("more vectors than fit in memory are refused by their number", async () => {
  await project();
  const { project: files } = await compiled();
  await importEmbeddings(files, await vectors("items.parquet"), "items");
  const store = await LanceStore.open({
    name: "items",
    uri: "data/items.lance",
    directory: join(folder, "data/items.lance"),
    key: "item_id",
    vector: "v",
    dim: DIM,
  });
  const crew = new PoolCrew(1);
  try {
    expect(await problemOf(vectorsOf(store, crew, 3e9))).toBe("embedding/store-too-large");
    expect((await vectorsOf(store, crew, 0)).idsAtOnce).toBe(Number.POSITIVE_INFINITY);
  } finally {
    crew.close();
    store.close();
  }
});

test("explain --row and audit make embeddings again", async () => {
  await project({ coverage: "{events: [view]}" });
  const file = await vectors("items.parquet");
  await importEmbeddings((await compiled()).project, file, "items");
  const root = join(folder, "out");
  await train(await compiled(), { outputRoot: root });
  const service = await compiled();
  const store = await storeOf(file);
  const found = await audit(service, { outputRoot: root, rows: 60, trials: 1 });
  expect(found.counterExamples).toEqual([]);
  expect(found.derived.values).toBeGreaterThan(60 * 5);
  // Row 7 of the events.
  const covered = await explainRow(service, "user_id=0,item_id=46@2024-01-01T00:04:33Z", { outputRoot: root });
  expect(covered.written.outcome).toBe("same");
  const own = covered.rows[0]?.columns.find(({ name }) => name === "own");
  expect(own?.value).toEqual(store.get(46n));
  // The value comes from the store, not from the NULL that stood there before.
  expect(own?.steps).toEqual([
    { ...own?.steps[0], type: "embedding", store: "items", filled: { asked: 1, found: 1, mean: false } },
  ]);
  // A vector that the file does not have: explain sees it.
  const part = join(root, "dt=2024-01-01/part-0-0.parquet");
  const connection = await testConnection();
  await connection.run(
    `COPY (SELECT * REPLACE (CAST(NULL AS FLOAT[]) AS own) FROM read_parquet(${sqlText(part)}, hive_partitioning = false)) TO ${sqlText(`${part}.new`)} (FORMAT parquet)`,
  );
  await rename(`${part}.new`, part);
  const manifest = join(root, "dt=2024-01-01/_manifest.json");
  const { size } = await stat(part);
  const told = JSON.parse(await readFile(manifest, "utf8"));
  told.parts[0].bytes = size;
  told.parts[0].sha256 = createHash("sha256")
    .update(await readFile(part))
    .digest("hex");
  await writeFile(manifest, JSON.stringify(told));
  const changed = await explainRow(service, "user_id=0,item_id=46@2024-01-01T00:04:33Z", { outputRoot: root });
  expect(changed.written.outcome).toBe("different");
});

test("a changed store makes complete days outdated, and --refresh does them again", async () => {
  await project();
  const { project: files } = await compiled();
  await importEmbeddings(files, await vectors("items.parquet"), "items");
  const root = join(folder, "out");
  await train(await compiled(), { outputRoot: root });
  const more = await importEmbeddings(files, await vectors("more.parquet", { from: 70, to: 97, scale: 3 }), "items");
  expect(more).toMatchObject({ version: 2 });
  expect(more.inserted + more.replaced + more.skipped).toBe(27);
  const { days } = await statusOf(await compiled(), { outputRoot: root });
  expect(days.map(({ state }) => state)).toEqual(["outdated", "outdated"]);
  expect(days[0]?.why).toEqual(['embedding store "items" has changed']);
  const before = await bytesOf(root);
  await train(await compiled(), { outputRoot: root });
  expect(await bytesOf(root)).toEqual(before);
  await train(await compiled(), { outputRoot: root, refresh: true });
  const store = new Map([
    ...(await storeOf(join(folder, "data/items.parquet"))),
    ...(await storeOf(join(folder, "data/more.parquet"))),
  ]);
  for (const { id, own } of await rowsOf(root)) expect(own).toEqual(store.get(id) ?? null);
});

test("a store that is not there, or not as it is defined, is refused before the first day", async () => {
  await project();
  const root = join(folder, "out");
  const trained = async () => problemOf(train(await compiled(), { outputRoot: root }));
  expect(await trained()).toBe("embedding/store-missing");
  expect(await problemOf(planDays(await compiled(), { outputRoot: root }))).toBe("embedding/store-missing");
  const { project: files } = await compiled();
  expect(await embeddingStores(files)).toMatchObject([{ name: "items" }]);
  await importEmbeddings(files, await vectors("items.parquet"), "items");
  expect(await embeddingStores(files)).toMatchObject([{ name: "items", dataset: { version: 1, absent: 0 } }]);
  await project({ dim: 6 });
  expect(await trained()).toBe("embedding/vector-length");
  await project();
  const specs = join(folder, "config/training/aggregations.yaml");
  const text = await readFile(specs, "utf8");
  await writeFile(specs, text.replace("vector: v,", "vector: w,"));
  expect(await trained()).toBe("embedding/no-column");
  await writeFile(specs, text.replace("key: item_id", "key: v"));
  expect(await trained()).toBe("embedding/key-type");
  await writeFile(specs, text.replace(/uri: data\/[^,}\n]*/, "uri: daedalus.yaml"));
  expect(await trained()).toBe("embedding/no-folder");
  const onFile = importEmbeddings((await compiled()).project, join(folder, "data/items.parquet"), "items");
  expect(await problemOf(onFile)).toBe("embedding/no-folder");
  await writeFile(specs, text.replace("uri: data/", "uri: s3://bucket/"));
  expect(await trained()).toBe("embedding/remote-store");
  const remote = await problemOf(
    importEmbeddings((await compiled()).project, join(folder, "data/items.parquet"), "items"),
  );
  expect(remote).toBe("embedding/remote-store");
  expect(await problemOf(embeddingStores((await compiled()).project))).toBe("embedding/remote-store");
  await project({ text: true });
  expect(await trained()).toBe("embedding/ids-type-differs");
  await project({ text: true, coverage: "{}" });
  expect(await problemOf(train(await compiled(), { outputRoot: root, skeletonOnly: true }))).toBe(
    "embedding/ids-type-differs",
  );
  await project();
  await writeFile(specs, text);
  expect(await readdir(root).then((names) => names.filter((name) => name.startsWith("dt=")))).toEqual([]);
  // Damaged after the skeletons: the days stay skeletons.
  await train(await compiled(), { outputRoot: root, skeletonOnly: true });
  await rename(join(folder, "data/items.lance/data"), join(folder, "data/gone"));
  const report = await train(await compiled(), { outputRoot: root });
  expect(report.days.map(({ outcome, problems }) => [outcome, problems[0]?.code])).toEqual([
    ["failed", "embedding/store-unreadable"],
    ["failed", "embedding/store-unreadable"],
  ]);
  const { counts } = await statusOf(await compiled(), { outputRoot: root });
  expect(counts).toMatchObject({ skeleton: 2 });
  await rename(join(folder, "data/gone"), join(folder, "data/items.lance/data"));
  await train(await compiled(), { outputRoot: root });
  expect((await statusOf(await compiled(), { outputRoot: root })).counts).toMatchObject({ complete: 2 });
});

test("an id twice is refused: in a file, and in a store that another program wrote", async () => {
  await project();
  const { project: files } = await compiled();
  expect(await problemOf(importEmbeddings(files, await vectors("twice.parquet", { twice: true }), "items"))).toBe(
    "embedding/file-row",
  );
  expect(await problemOf(importEmbeddings(files, await vectors("long.parquet", { dim: 6 }), "items"))).toBe(
    "embedding/file-row",
  );
  expect(await problemOf(importEmbeddings(files, join(folder, "none.parquet"), "items"))).toBe(
    "embedding/file-missing",
  );
  expect(await problemOf(importEmbeddings(files, join(folder, "daedalus.yaml"), "items"))).toBe(
    "embedding/file-unreadable",
  );
  expect(await problemOf(importEmbeddings(files, join(folder, "data/events.parquet"), "items"))).toBe(
    "embedding/file-column",
  );
  expect(await problemOf(importEmbeddings(files, await vectors("items.parquet"), "item"))).toBe(
    "embedding/unknown-store",
  );
  const twice = await problemsOf(importEmbeddings(files, join(folder, "data/t*.parquet"), "items"));
  expect(twice[0]?.says).toContain("data/twice.parquet, row 8");
  expect(twice[0]?.says).toContain("the id is there twice");
  await importEmbeddings(files, join(folder, "data/items.parquet"), "items");
  const { connect } = await import("@lancedb/lancedb");
  const table = await (await connect(join(folder, "data"))).openTable("items");
  await table.add(await table.query().where("item_id = 3").toArrow());
  table.close();
  const before = await (await connect(join(folder, "data"))).openTable("items").then((one) => one.version());
  expect(await problemOf(importEmbeddings(files, join(folder, "data/items.parquet"), "items"))).toBe(
    "embedding/duplicate-id",
  );
  expect(await (await connect(join(folder, "data"))).openTable("items").then((one) => one.version())).toBe(before);
  const report = await train(await compiled(), { outputRoot: join(folder, "out") });
  expect(report.days.map(({ problems }) => problems[0]?.code)).toEqual([
    "embedding/duplicate-id",
    "embedding/duplicate-id",
  ]);
  expect(report.days[0]?.problems[0]?.says).toContain("id 3 twice");
});

test("files of a glob are judged each: their types, and what they lack", async () => {
  await project();
  const { project: files } = await compiled();
  const own = join(folder, "several");
  await mkdir(own);
  const database = await DuckDBInstance.create();
  const connection = await database.connect();
  const write = (name: string, sql: string) => connection.run(`COPY (${sql}) TO '${join(own, name)}' (FORMAT parquet)`);
  const floats = (type: string) => `CAST(list_transform(range(${DIM}), lambda x: x + i) AS ${type}[])`;
  await write("a.parquet", `SELECT CAST(i AS INTEGER) AS item_id, ${floats("FLOAT")} AS v FROM range(3) r(i)`);
  await write("b.parquet", `SELECT i + 1099511627776 AS item_id, ${floats("FLOAT")} AS v FROM range(2) r(i)`);
  const imported = async () => {
    const [problem] = await problemsOf(importEmbeddings(files, join(own, "*.parquet"), "items"));
    return `${problem?.code} ${problem?.says.slice(problem.says.lastIndexOf("/") + 1)}`;
  };
  expect(await importEmbeddings(files, join(own, "*.parquet"), "items")).toMatchObject({ inserted: 5, replaced: 0 });
  await write("c.parquet", `SELECT i AS item_id, ${floats("DOUBLE")} AS v FROM range(3, 5) r(i)`);
  expect(await imported()).toBe('embedding/file-type c.parquet: "v" is DOUBLE[]');
  await write("c.parquet", `SELECT CAST(i AS VARCHAR) AS item_id, ${floats("FLOAT")} AS v FROM range(3, 5) r(i)`);
  expect(await imported()).toBe('embedding/file-type c.parquet: "item_id" is VARCHAR');
  await write("c.parquet", `SELECT i AS item, ${floats("FLOAT")} AS v FROM range(3, 5) r(i)`);
  expect(await imported()).toMatch(/^embedding\/file-column c\.parquet/);
  connection.closeSync();
  database.closeSync();
});

test("a dataset whose folder is not called as a table may be is read too, and not made", async () => {
  await project();
  const file = await vectors("items.parquet");
  await importEmbeddings((await compiled()).project, file, "items");
  const specs = join(folder, "config/training/aggregations.yaml");
  for (const [before, after] of [
    ["items.lance", "items"],
    ["items", "my items, é.lance"],
  ] as const) {
    await rename(join(folder, "data", before), join(folder, "data", after));
    await writeFile(
      specs,
      (await readFile(specs, "utf8"))
        .replace(`data/${before}`, `data/${after}`)
        .replace(/uri: (data\/[^,]*, é.lance)/, 'uri: "$1"'),
    );
    const report = await train(await compiled(), { outputRoot: join(folder, `out-${before}`) });
    expect(report.days.map(({ outcome }) => outcome)).toEqual(["done", "done"]);
  }
  await rm(join(folder, "data/my items, é.lance"), { recursive: true });
  expect(await problemOf(importEmbeddings((await compiled()).project, file, "items"))).toBe("embedding/new-store-name");
});
