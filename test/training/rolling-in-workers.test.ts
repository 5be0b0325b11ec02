import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { compileService } from "#daedalus/app/compile-service.js";
import { loadProject } from "#daedalus/app/project.js";
import { train } from "#daedalus/app/train-service.js";
import { DaedalusError } from "#daedalus/errors/problem.js";
import { leftovers, tree } from "../runs/processes.js";
import { sqlText, testConnection } from "../support/duckdb.js";
import { eventsProject } from "../support/events-project.js";
import { rollInWorkers, trainDirectory } from "../support/product.js";
import { writeProjectFiles } from "../support/project-files.js";

// Rolling aggregates of the tag `pythonic`: tasks of worker processes beside the one that has the day. That they give the same
// bytes for every dtype and aggregate stands in test/engines/same-bytes.test.ts.

const directory = mkdtempSync(join(tmpdir(), "daedalus-in-workers-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
afterEach(() => {
  delete process.env["DAEDALUS_FAIL_POINT"];
});

const project = eventsProject({
  fields: { item: "BIGINT", tags: "TEXT[]" },
  columns: {
    user_id: "key TEXT",
    ts: "spine BIGINT",
    items_1d: "rolling BIGINT[]",
    total_1d: "rolling BIGINT",
    words_1h: "rolling TEXT[]",
  },
  specs: [
    { name: "items", agg: "list", source_column: "item", windows: ["1d"], max_length: 7 },
    { name: "total", agg: "sum", source_column: "item", windows: ["1d"] },
    {
      name: "words",
      agg: "list",
      source_column: "tags",
      windows: ["1h"],
      flatten_distinct: true,
      exclude_self: true,
    },
  ],
  // Who dies at every second part may meet one part several times.
  runtime: { compute: { duckdb_config: { threads: "2" }, task_attempts: 6 } },
});

/** `item`: SQL over the row's number `i`. Some rows have no user. */
async function write(item: string): Promise<void> {
  const connection = await testConnection();
  await connection.run(
    `COPY (SELECT CASE WHEN i % 41 > 0 THEN 'user ' || i % 40 END AS user_id, i * 37 AS ts, ${item} AS item,
       CASE WHEN i % 7 > 0 THEN list_transform(range(i % 4), lambda x: 'tag ' || x) END AS tags FROM range(5000) t(i))
     TO ${sqlText(join(directory, "events.parquet"))} (FORMAT parquet)`,
  );
}

const isPart = (path: string): boolean => path.endsWith(".parquet");

function parts(outputRoot: string): Record<string, string> {
  const files = Object.entries(tree(outputRoot)).filter(([path]) => isPart(path));
  return Object.fromEntries(files);
}

function logsOf(outputRoot: string): string {
  const folder = join(outputRoot, "_daedalus", "logs");
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".log"))
    .map((name) => readFileSync(join(folder, name), "utf8"))
    .join("");
}

const trainInWorkers = async (outputRoot: string, targetDate?: string) =>
  train(await compileService(await loadProject(directory, { environment: {} }), "main"), {
    outputRoot,
    ...(targetDate === undefined ? {} : { targetDate }),
  });

let here: Record<string, string> = {};
beforeAll(async () => {
  await write("CASE WHEN i % 5 > 0 THEN i % 100 END");
  writeProjectFiles(directory, project);
  await trainDirectory(directory, "main", { outputRoot: join(directory, "here") });
  here = parts(join(directory, "here"));
  expect(Object.keys(here)).toHaveLength(3);
  await rollInWorkers(directory, "main");
});

test("parts are done by several processes, none of which has the day; the files are the same", async () => {
  const outputRoot = join(directory, "workers");
  expect((await trainInWorkers(outputRoot)).days.map(({ outcome }) => outcome)).toEqual(["done", "done", "done"]);
  expect(parts(outputRoot)).toEqual(here);
  const logs = logsOf(outputRoot);
  const processes = (kind: string) =>
    new Set([...logs.matchAll(new RegExp(`${kind} begun by process (\\d+)`, "g"))].map(([, id]) => id));
  const rolling = processes("training/rolling");
  expect(rolling.size).toBe(2);
  for (const id of processes("training/days")) expect(rolling).not.toContain(id);
});

test("workers that die in between: their parts are done again, the files are the same", async () => {
  const outputRoot = join(directory, "killed");
  // Every worker does one part and dies with the second one done but not told.
  process.env["DAEDALUS_FAIL_POINT"] = "rolling/answered:2";
  expect((await trainInWorkers(outputRoot)).days.map(({ outcome }) => outcome)).toEqual(["done", "done", "done"]);
  expect(logsOf(outputRoot)).toMatch(/lost: signal SIGKILL, process \d+/);
  expect(parts(outputRoot)).toEqual(here);
  expect(leftovers(outputRoot)).toEqual([]);
});

test("workers that always die: the day has failed and says so; the next run does it", async () => {
  const outputRoot = join(directory, "lost");
  process.env["DAEDALUS_FAIL_POINT"] = "rolling/answered";
  const { days } = await trainInWorkers(outputRoot, "1970-01-02");
  expect(days.map(({ outcome }) => outcome)).toEqual(["failed"]);
  expect(days[0]?.problems[0]?.says).toContain("signal SIGKILL");
  expect(parts(outputRoot)).toEqual({});
  delete process.env["DAEDALUS_FAIL_POINT"];
  await trainInWorkers(outputRoot);
  expect(parts(outputRoot)).toEqual(here);
});

test("what a value does to a sum is told as it is here", async () => {
  await write("CASE WHEN i % 40 = 3 THEN 9223372036854775807 ELSE 1 END");
  const failed = async (outputRoot: string) =>
    trainDirectory(directory, "main", { outputRoot, workers: 1 }).then(
      () => [],
      (error: unknown) => {
        if (!(error instanceof DaedalusError)) throw error;
        return error.problems.map(({ code, says }) => `${code}: ${says}`);
      },
    );
  const inWorkers = await failed(join(directory, "sum"));
  expect(inWorkers[0]).toContain("engine/integer-sum");
  rmSync(join(directory, "config/pipelines/main.yaml"));
  expect(inWorkers).toEqual(await failed(join(directory, "sum-here")));
});
