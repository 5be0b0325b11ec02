import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Database } from "../train/database.js";

export const DAY = "2024-03-01";
export const MAX_LENGTH = 32;
/** The windows in microseconds. */
export const WINDOWS: Readonly<Record<string, number>> = { "1h": 3_600_000_000, "1d": 86_400_000_000 };

const FILES: Readonly<Record<string, string>> = {
  "daedalus.yaml": "name: big_day\n",
  "config/base.yaml": "entities:\n  user: user_id\n",
  "feature_views/events.yaml": `name: events
entity: user
source: {path: data/events.parquet, timestamp_field: ts, timestamp_unit: us}
fields:
  - {name: item_id, dtype: BIGINT}
`,
  "feature_services/day.yaml": `name: day
version: 1.0.0
spine: events
columns:
  - {name: user_id, kind: key, dtype: BIGINT}
  - {name: ts, kind: spine, dtype: BIGINT}
  - {name: item_id, kind: spine, dtype: BIGINT}
  - {name: items_1h, kind: rolling, dtype: "BIGINT[]"}
  - {name: items_1d, kind: rolling, dtype: "BIGINT[]"}
  - {name: events_1h, kind: rolling, dtype: BIGINT}
  - {name: events_1d, kind: rolling, dtype: BIGINT}
`,
  "config/training/aggregations.yaml": `aggregation_specs:
  - {name: items, agg: list, source_column: item_id, partition_by: user_id, windows: [1h, 1d], max_length: ${MAX_LENGTH}}
  - {name: events, agg: count, partition_by: user_id, windows: [1h, 1d]}
`,
  "config/training/runtime.yaml": `feed_start: "202403"
feed_end: "202403"
feature_refs: []
compute:
  duckdb_config: {threads: "\${DAY_THREADS}", memory_limit: "\${DAY_MEMORY}", temp_directory: "\${DAY_SPILL}"}
`,
};

/** A project with one view of so many events of one day, in order of time; a hundred of each user. */
export async function projectOf(home: string, events: number): Promise<string> {
  const folder = join(home, "days", String(events));
  for (const [path, text] of Object.entries(FILES)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  const file = join(folder, "data/events.parquet");
  if (existsSync(file)) return folder;
  mkdirSync(dirname(file), { recursive: true });
  const database = await Database.open({ threads: "2" });
  const step = WINDOWS["1d"] ?? 0;
  await database.run(
    `COPY (SELECT CAST(hash(range) % ${Math.max(1, Math.round(events / 100))} AS BIGINT) AS user_id,
        epoch_us(TIMESTAMP '${DAY}') + range * ${step} // ${events} AS ts, CAST(hash(range, 7) % 1000000 AS BIGINT) AS item_id
      FROM range(${events})) TO '${file}.part' (FORMAT parquet, COMPRESSION zstd)`,
  );
  database.close();
  renameSync(`${file}.part`, file);
  return folder;
}
