import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { sqlText, testConnection } from "./duckdb.js";

/** Days that the shop has events of. */
export const SHOP_DAYS = ["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05"] as const;

/**
 * A small project with a bit of everything that a day can do: sessions that are dropped, rows that are dropped, a static
 * view, one joined as of the event, histories over windows and without, a lookup with a predicate, a text source.
 */
const FILES: Readonly<Record<string, string>> = {
  "daedalus.yaml": "name: shop\n",
  "feature_views/feed.yaml": `name: feed
entity: [user, item]
source: {path: data/feed, timestamp_field: ts, timestamp_unit: ms}
fields:
  - {name: user_id, dtype: BIGINT}
  - {name: item_id, dtype: BIGINT}
  - {name: event, dtype: TEXT}
  - {name: visit, dtype: TEXT}
`,
  "feature_views/items.yaml": `name: items
entity: item
source: {path: data/items.parquet, timestamp_field: changed}
fields:
  - {name: kind, dtype: TEXT}
  - {name: price, dtype: DOUBLE}
`,
  "feature_views/users.yaml": `name: users
entity: user
source: {path: data/users.parquet, timestamp_field: joined}
fields:
  - {name: country, dtype: INTEGER}
`,
  "feature_views/orders.yaml": `name: orders
entity: user
source: {path: data/orders.csv, timestamp_field: at}
fields:
  - {name: user_id, dtype: BIGINT}
  - {name: at, dtype: TIMESTAMP}
  - {name: amount, dtype: DOUBLE}
`,
  "feature_services/rank.yaml": `name: rank
version: "1"
spine: feed
columns:
  - {name: qid, kind: derived, dtype: BIGINT}
  - {name: user_id, kind: key, dtype: BIGINT}
  - {name: item_id, kind: key, dtype: BIGINT}
  - {name: event, kind: spine, dtype: TEXT}
  - {name: country, kind: static, dtype: INTEGER}
  - {name: kind, kind: static, dtype: TEXT}
  - {name: price, kind: static, dtype: DOUBLE}
  - {name: liked_1d, kind: rolling, dtype: "BIGINT[]"}
  - {name: spent_2d, kind: rolling, dtype: DOUBLE}
  - {name: hidden, kind: lookup, dtype: "BIGINT[]"}
`,
  "config/training/aggregations.yaml": `aggregation_specs:
  - {name: liked, agg: list, source_column: item_id, events: [like], windows: [1d], partition_by: user_id}
  - {name: spent, agg: sum, view: orders, source_column: amount, windows: [2d]}
`,
  "config/training/runtime.yaml": `feed_start: "202401"
feed_end: "202401"
output_root: out
feature_refs: [users, {view: items, as_of: event}]
spine: {event: event, session: visit}
session_filter: {view_events: [view], drop_view_only: true}
lookups:
  - {name: hidden, view: feed, match: {user_id: user_id}, where: "event = 'hide'", value: item_id, collect: true, window: 2d}
content_filter:
  - {drop_where: "kind = 'bad'"}
`,
};

const DATA: Readonly<Record<string, string>> = {
  "items.parquet": `SELECT i % 40 AS item_id, CASE i % 7 WHEN 0 THEN 'bad' WHEN 1 THEN NULL ELSE 'good' END AS kind, i * 0.5 AS price,
    TIMESTAMP '2024-01-01' + INTERVAL (i) HOUR AS changed FROM range(160) r(i)`,
  "users.parquet": `SELECT i AS user_id, CAST(i % 5 AS INTEGER) AS country, TIMESTAMP '2024-01-01' + INTERVAL (i) HOUR AS joined FROM range(20) r(i)`,
  "orders.csv": `SELECT i % 20 AS user_id, strftime(TIMESTAMP '2024-01-01' + INTERVAL (i * 37) MINUTE, '%Y-%m-%dT%H:%M:%SZ') AS at, i * 1.25 AS amount FROM range(200) r(i)`,
};

/** The rows of one day: sessions of views alone, of views and likes, of hides. */
function feedOf(day: string): string {
  return `SELECT i % 20 AS user_id, (i * 7) % 40 AS item_id, epoch_ms(TIMESTAMP '${day}' + INTERVAL (i * 90) SECOND) AS ts,
    CASE WHEN i % 20 < 6 THEN 'view' WHEN i % 11 = 0 THEN 'hide' WHEN i % 3 = 0 THEN 'like' ELSE 'view' END AS event,
    '${day} ' || (i % 20) AS visit FROM range(300) r(i)`;
}

/** Writes the project with its data. */
export async function writeShop(directory: string): Promise<void> {
  for (const [path, text] of Object.entries(FILES)) await writeText(join(directory, path), text);
  const connection = await testConnection();
  const copy = async (sql: string, name: string): Promise<void> => {
    const path = join(directory, "data", name);
    await mkdir(dirname(path), { recursive: true });
    await connection.run(
      `COPY (${sql}) TO ${sqlText(path)} (${name.endsWith(".csv") ? "FORMAT csv, HEADER" : "FORMAT parquet"})`,
    );
  };
  for (const day of SHOP_DAYS) await copy(feedOf(day), `feed/dt=${day}/part-0.parquet`);
  for (const [name, sql] of Object.entries(DATA)) await copy(sql, name);
}

async function writeText(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}
