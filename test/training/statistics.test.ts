import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sqlText, testConnection } from "../support/duckdb.js";
import { eventsProject } from "../support/events-project.js";
import { type TrainSettings, trainDirectory } from "../support/product.js";
import { writeProjectFiles } from "../support/project-files.js";

// What a manifest says of the columns, against SQL over the written parts: by whichever way the engine came to know it.

const directory = mkdtempSync(join(tmpdir(), "daedalus-statistics-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const project = eventsProject({
  fields: { item: "BIGINT", tags: "TEXT[]", gone: "DOUBLE[]" },
  columns: {
    user_id: "key BIGINT",
    ts: "spine BIGINT",
    item: "spine BIGINT",
    tags: "spine TEXT[]",
    gone: "spine DOUBLE[]",
    items_1d: "rolling BIGINT[]",
  },
  specs: [{ name: "items", agg: "list", source_column: "item", windows: ["1d"], max_length: 7 }],
});

beforeAll(async () => {
  const connection = await testConnection();
  await connection.run(
    `COPY (SELECT i % 40 AS user_id, i * 37 AS ts, CASE WHEN i % 5 > 0 THEN i % 100 END AS item, CAST(NULL AS DOUBLE[]) AS gone,
       CASE WHEN i % 7 > 0 THEN list_transform(range(i % 4), lambda x: 'tag ' || x) END AS tags FROM range(5000) t(i))
     TO ${sqlText(join(directory, "events.parquet"))} (FORMAT parquet)`,
  );
  writeProjectFiles(directory, project);
});

test.each<[string, TrainSettings]>([
  ["days that are written together", {}],
  ["a day at a time", { spanDays: 1 }],
  ["a day at a time, with an index that does not fit", { spanDays: 1, kernelBytes: 40_000 }],
])("manifests say of the columns what the parts hold: %s", async (_, settings) => {
  const outputRoot = join(directory, `out-${JSON.stringify(settings).length}`);
  const { days } = await trainDirectory(directory, "main", { outputRoot, ...settings });
  expect(days.size).toBe(3);
  const connection = await testConnection();
  for (const day of days.keys()) {
    const folder = join(outputRoot, `dt=${day}`);
    const { columns } = JSON.parse(readFileSync(join(folder, "_manifest.json"), "utf8"));
    const ask = async (terms: string) =>
      (await connection.runAndReadAll(`SELECT ${terms} FROM read_parquet('${folder}/*.parquet')`)).getRowObjectsJS()[0];
    const names = ["user_id", "ts", "item", "tags", "gone", "items_1d"];
    expect(columns.map(({ name }: { name: string }) => name)).toEqual(names);
    for (const { name, dtype, nulls, lengths, min, max } of columns) {
      const isList = dtype.endsWith("[]");
      const term = isList ? `len(${name})` : name;
      const said = await ask(
        `count(*) - count(${name}) AS nulls, min(${term}) AS min, max(${term}) AS max, avg(${term}) AS mean`,
      );
      expect(nulls).toBe(Number(said?.["nulls"]));
      if (said?.["min"] === null) expect([lengths, min, max]).toEqual([undefined, undefined, undefined]);
      else if (isList)
        expect(lengths).toEqual({ min: Number(said?.["min"]), max: Number(said?.["max"]), mean: said?.["mean"] });
      else expect([min, max]).toEqual([String(said?.["min"]), String(said?.["max"])]);
    }
  }
});
