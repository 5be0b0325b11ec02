/** W5 of the peer benchmark: 100 formulas over minute bars of 20 symbols. See bench/README.md. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { computeFeatureRun, FeatureEngine, type FeatureSpec, openFeatureRun } from "daedalus";
import { stringify } from "yaml";

const { values } = parseArgs({
  options: {
    in: { type: "string" },
    out: { type: "string" },
    formulas: { type: "string" },
    memory: { type: "boolean" },
    threads: { type: "string" },
  },
});
const { in: input = ".", out = "w5.parquet", formulas = "w5_features.json", memory = false, threads = "2" } = values;
const features = JSON.parse(readFileSync(formulas, "utf8")) as FeatureSpec[];
// The peers' answers are matched by the number of the row, which is a column of the input: it goes through as a feature.
const table = {
  name: "bars",
  source: { path: join(resolve(input), "bars.parquet"), timestampUnit: "us" as const },
  fieldMapping: { row_id: "row_number" },
};
const seconds = (from: number): number => (performance.now() - from) / 1000;

async function fromFileToFile() {
  const folder = mkdtempSync(join(tmpdir(), "daedalus-bench-"));
  const { source, fieldMapping, name } = table;
  const tables = [{ name, source: { path: source.path, timestamp_unit: "us" }, field_mapping: fieldMapping }];
  const row = { name: "row_id", formula: "row_number" };
  const file = join(folder, "features.yaml");
  writeFileSync(file, stringify({ name: "w5", tables, features: [row, ...features], concurrency: Number(threads) }));
  try {
    const begin = performance.now();
    const report = await computeFeatureRun(await openFeatureRun(file, { wide: resolve(out) }));
    return { rows: report.rows, seconds_total: seconds(begin) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function fromMemoryToMemory() {
  const engine = new FeatureEngine({ threads: Number(threads) });
  const frames = await engine.readSourceTables({ tables: [table] });
  const begin = performance.now();
  const answer = await engine.computeFeatures({ frames, specs: features });
  return { rows: answer.table.numRows, seconds_compute: seconds(begin) };
}

const measured = memory ? await fromMemoryToMemory() : await fromFileToFile();
console.log(JSON.stringify({ workload: "w5", peer: "daedalus", ...measured }));
