import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Database } from "../train/database.js";
import { MAX_LENGTH, WINDOWS } from "./project.js";

/**
 * What someone who knows DuckDB well would write by hand: a list per user in order of time, running counts by window frames,
 * and windows as slices of the list.
 */
export async function runScript(
  project: string,
  out: string,
  config: { readonly threads: string; readonly memory: string; readonly spill: string },
): Promise<void> {
  mkdirSync(out, { recursive: true });
  const { threads, memory, spill } = config;
  const db = await Database.open({ threads, memory_limit: memory, temp_directory: spill });
  const names = Object.keys(WINDOWS);
  // Rows of the user before the row, and before each window's beginning; in one pass over each user's rows.
  const counts = names.map(
    (name) =>
      `CAST(count(*) OVER (PARTITION BY user_id ORDER BY ts RANGE BETWEEN ${WINDOWS[name]} PRECEDING AND 1 PRECEDING) AS INTEGER) AS n_${name}`,
  );
  const before =
    "CAST(count(*) OVER (PARTITION BY user_id ORDER BY ts RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS INTEGER) AS before";
  const events = `read_parquet('${join(project, "data/events.parquet")}')`;
  await db.run(
    // Not list(… ORDER BY …), which needs several times the memory.
    `CREATE TABLE users AS SELECT user_id, list_transform(list_sort(list({t: ts, i: item_id})), lambda x: x.i) AS items
     FROM ${events} GROUP BY user_id`,
  );
  await db.run(`CREATE TABLE bounds AS SELECT *, ${before}, ${counts.join(", ")} FROM ${events}`);
  const columns = [
    "b.user_id",
    "ts",
    "b.item_id",
    ...names.map(
      (name) => `list_slice(items, greatest(before - n_${name}, before - ${MAX_LENGTH}) + 1, before) AS items_${name}`,
    ),
    ...names.map((name) => `CAST(n_${name} AS BIGINT) AS events_${name}`),
  ];
  await db.run(
    `COPY (SELECT ${columns.join(", ")} FROM bounds b JOIN users u USING (user_id) ORDER BY ts, b.user_id, b.item_id)` +
      ` TO '${join(out, "day.parquet")}' (FORMAT parquet, COMPRESSION zstd)`,
  );
  db.close();
}
