/**
 * W2 of the peer benchmark: a spine with the latest rows of three views strictly before it, Parquet to Parquet; `train`, then
 * its parts laid into one file, which is not measured. See bench/README.md.
 */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { compileService, loadProject, train } from "daedalus";
import { Database } from "./train/database.js";

const { values } = parseArgs({
  options: {
    in: { type: "string", default: "." },
    out: { type: "string", default: "out.parquet" },
    engine: { type: "string", default: "kernel" },
    threads: { type: "string", default: process.env["PEERBENCH_THREADS"] ?? "2" },
    memory: { type: "string", default: "12GB" },
    "no-write": { type: "boolean", default: false },
  },
});

const VIEWS = [0, 1, 2];
const input = resolve(values.in);
const out = resolve(values.out);
mkdirSync(dirname(out), { recursive: true });
const folder = mkdtempSync(join(dirname(out), "w2-"));
const source = (file: string, time: string): string =>
  `source: {path: "${join(input, file)}", timestamp_field: ${time}, timestamp_unit: us}`;

const files: Readonly<Record<string, string>> = {
  "daedalus.yaml": "name: w2\n",
  "feature_views/spine.yaml": `name: spine
entity: [row, entity]
${source("spine.parquet", "event_timestamp")}
fields: [{name: label, dtype: TINYINT}, {name: event_timestamp, dtype: BIGINT}]
`,
  ...Object.fromEntries(
    VIEWS.map((k) => [
      `feature_views/view${k}.yaml`,
      `name: view${k}
entity: entity
${source(`view${k}.parquet`, "ts")}
fields: [{name: f${k}_a, dtype: DOUBLE}, {name: f${k}_b, dtype: FLOAT}, {name: f${k}_c, dtype: BIGINT}]
`,
    ]),
  ),
  "feature_services/w2.yaml": `name: w2
version: "1"
spine: spine
columns:
  - {name: row_id, kind: key, dtype: BIGINT}
  - {name: entity_id, kind: key, dtype: BIGINT}
  - {name: event_timestamp, kind: spine, dtype: BIGINT}
  - {name: label, kind: spine, dtype: TINYINT}
${VIEWS.flatMap((k) => [`a, kind: static, dtype: DOUBLE`, `b, kind: static, dtype: FLOAT`, `c, kind: static, dtype: BIGINT`].map((rest) => `  - {name: f${k}_${rest}}`)).join("\n")}
`,
  "config/training/runtime.yaml": `feed_start: "202001"
feed_end: "203012"
feature_refs: [${VIEWS.map((k) => `{view: view${k}, as_of: event}`).join(", ")}]
compute:
  pit_engine: ${values.engine}
  duckdb_config: {threads: "${values.threads}", memory_limit: ${values.memory}, temp_directory: "${join(folder, "spill")}"}
`,
};
for (const [path, text] of Object.entries(files)) {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}

const root = join(folder, "out");
const began = performance.now();
const compiled = await compileService(await loadProject(folder), "w2");
const report = await train(compiled, { outputRoot: root, skeletonOnly: true });
const seconds = (performance.now() - began) / 1000;
const failed = report.days.find(({ outcome }) => outcome !== "done");
if (failed) throw new Error(`${failed.day}: ${failed.problems.map(({ says }) => says).join("; ")}`);
if (!values["no-write"]) {
  const parts = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((name) =>
    /part-.*\.parquet$/.test(name),
  );
  const database = await Database.open({ threads: values.threads });
  await database.run(
    `COPY (FROM read_parquet([${parts.map((name) => `'${join(root, name)}'`).join(", ")}], hive_partitioning = false)) TO '${out}' (FORMAT parquet)`,
  );
  database.close();
}
rmSync(folder, { recursive: true, force: true });
const rows = report.days.reduce((sum, day) => sum + (day.rows ?? 0), 0);
const variant = `train, ${values.engine}, ${values.threads} threads, ${report.days.length} days`;
console.log(JSON.stringify({ workload: "w2", peer: "daedalus", variant, rows, seconds_total: seconds }));
