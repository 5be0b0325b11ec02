import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { compileService, loadProject, train } from "daedalus";
import { expect, test } from "vitest";
import { temporaryFolder } from "../runs/processes.js";
import { readParquet } from "../support/read-parquet.js";

// −0 and +0 are one key, and two values: a row's key is told as it stands, whichever of tied rows is the latest.

const TIMES = ["00:00:00", "00:00:00", "00:01:00", "00:02:00"];
const FILES: Readonly<Record<string, string>> = {
  "daedalus.yaml": "name: zeros\n",
  "sp.ndjson": TIMES.map((time, x) => `{"item_id": -0.0, "t": "2024-01-01T${time}Z", "x": ${x + 1}}\n`).join(""),
  "feature_views/sp.yaml": `name: sp
entity: item
source: {path: sp.ndjson, timestamp_field: t}
fields: [{name: item_id, dtype: DOUBLE}, {name: t, dtype: TIMESTAMP}, {name: x, dtype: BIGINT}]
`,
  "feature_views/other.yaml": `name: other
entity: item
source: {path: sp.ndjson, timestamp_field: t}
fields: [{name: item_id, dtype: DOUBLE}, {name: t, dtype: TIMESTAMP}]
`,
  "feature_services/svc.yaml": `name: svc
version: "1"
spine: sp
columns:
  - {name: item_id, kind: key, dtype: DOUBLE}
  - {name: x, kind: spine, dtype: BIGINT}
  - {name: looked_up, kind: lookup, dtype: DOUBLE}
  - {name: latest, kind: static, dtype: DOUBLE, column: other.item_id}
`,
};

test.each(["kernel", "duckdb"])("a key of −0 is looked up as −0: %s", async (engine) => {
  const folder = await temporaryFolder();
  const runtime = `feed_start: "202401"
feed_end: "202401"
feature_refs: [other]
compute: {pit_engine: ${engine}}
lookups: [{name: looked_up, view: sp, value: item_id}]
`;
  for (const [path, text] of Object.entries({ ...FILES, "config/training/runtime.yaml": runtime })) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  const outputRoot = join(folder, "out");
  const { days } = await train(await compileService(await loadProject(folder), "svc"), { outputRoot });
  expect(days.map(({ outcome }) => outcome)).toEqual(["done"]);
  const { rows } = await readParquet(join(outputRoot, "dt=2024-01-01", "part-0-0.parquet"));
  expect(rows).toEqual([
    [-0, 1n, null, -0],
    [-0, 2n, null, -0],
    [-0, 3n, -0, -0],
    [-0, 4n, -0, -0],
  ]);
});
