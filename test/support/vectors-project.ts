import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { sqlText, testConnection } from "./duckdb.js";

/** Length of the vectors, if nothing else is said. */
export const DIM = 5;

export interface VectorsSetting {
  /** Ids are texts. */
  readonly text?: boolean;
  readonly coverage?: string;
  readonly dim?: number;
  readonly engine?: string;
  /** Of `compute` in runtime.yaml, as flow maps. */
  readonly compute?: string;
  readonly dayWorkers?: number;
  /** Events, how far apart, and rows of a part. */
  readonly events?: number;
  readonly users?: number;
  readonly stepMillis?: number;
  readonly partRows?: number;
}

/** Writes the project of a service `rank` whose embedding columns come from a store `items`, and its events. */
export async function writeVectorsProject(folder: string, setting: VectorsSetting = {}): Promise<void> {
  const { text = false, coverage = "false", dim = DIM, engine = "kernel", compute = "", dayWorkers = 1 } = setting;
  const { users = 7, events = 3000, stepMillis = 39_000, partRows = 1500 } = setting;
  for (const name of ["feature_views", "feature_services", "config/training", "data"])
    await mkdir(join(folder, name), { recursive: true });
  const type = text ? "TEXT" : "BIGINT";
  const files: Readonly<Record<string, string>> = {
    "daedalus.yaml": "name: vectors\n",
    "feature_views/events.yaml": `name: events
entity: [user, item]
source: {path: data/events.parquet, timestamp_field: at}
fields:
  - {name: user_id, dtype: BIGINT}
  - {name: item_id, dtype: ${type}}
  - {name: event, dtype: TEXT}
`,
    "feature_services/rank.yaml": `name: rank
version: "1"
spine: events
columns:
  - {name: user_id, kind: key, dtype: BIGINT}
  - {name: item_id, kind: key, dtype: ${type}}
  - {name: event, kind: spine, dtype: TEXT}
  - {name: seen_all, kind: rolling, dtype: "${type}[]"}
  - {name: own, kind: embedding, dtype: "FLOAT[]"}
  - {name: taste, kind: embedding, dtype: "FLOAT[]"}
`,
    "config/training/aggregations.yaml": `aggregation_specs:
  - {name: seen_all, agg: list, source_column: item_id, windows: [2d], partition_by: user_id}
embedding_stores:
  items: {uri: data/items.lance, key: item_id, vector: v, dim: ${dim}}
enrichment_specs:
  - {name: own, store: items, ids: item_id}
  - {name: taste, store: items, ids: seen_all, pool: mean}
`.replace("name: seen_all, agg", "name: seen, agg"),
    "config/training/runtime.yaml": `feed_start: "202401"
feed_end: "202401"
entity_spine_chunk_rows: ${partRows}
day_workers: ${dayWorkers}
compute: {engine: ${engine}${compute}}
spine: {event: event}
embedding_coverage_filter: ${coverage}
`,
  };
  for (const [name, content] of Object.entries(files))
    await writeFile(join(folder, name), content.replaceAll("seen_all", "seen_2d"));
  const connection = await testConnection();
  const id = text ? `'ü' || (x * 7919 % 97)` : "x * 7919 % 97";
  const item = `CASE WHEN x % 101 IN (51, 52) THEN NULL ELSE ${id} END`;
  await connection.run(
    `COPY (SELECT x * 31 % ${users} AS user_id, ${item} AS item_id, CASE WHEN x % 3 = 0 THEN 'view' WHEN x % 11 = 0 THEN NULL ELSE 'like' END AS event,` +
      ` TIMESTAMP '2024-01-01' + INTERVAL (x * ${stepMillis}) MILLISECOND AS at FROM range(${events}) t(x)) TO ${sqlText(join(folder, "data/events.parquet"))}`,
  );
}

/** Vectors of items 0 … 79; those of a few are NULL, and so are a few ids. */
export async function writeVectors(
  folder: string,
  file: string,
  { text = false, dim = DIM, from = 0, to = 80, twice = false, scale = 1 } = {},
): Promise<string> {
  const connection = await testConnection();
  const id = text ? "'ü' || x" : "x";
  const rows =
    `SELECT CASE WHEN x % 41 = 40 THEN NULL ELSE ${id} END AS item_id, CASE WHEN x % 13 = 12 THEN NULL ELSE` +
    ` [CASE WHEN x % 10 = 7 OR d = 3 THEN CAST('-0.0' AS FLOAT) ELSE CAST(${scale} * sin(x * 17 + d) * 10.0 ** (x % 9 - 4) AS FLOAT) END FOR d IN range(${dim})] END AS v FROM range(${from}, ${to}) t(x)`;
  await mkdir(join(folder, "data"), { recursive: true });
  const path = join(folder, "data", file);
  await connection.run(`COPY (${rows}${twice ? ` UNION ALL (${rows})` : ""}) TO ${sqlText(path)}`);
  return path;
}
