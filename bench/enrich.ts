/**
 * A part whose embedding column is filled in, file to file, beside the floor: the finished file read and written again by DuckDB with
 * nothing computed. Input: `pool_random.parquet` and `store.lance` of the peer benchmark's W4. See bench/README.md.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openEnrich } from "#daedalus/app/open-enrich.js";
import { SqlSession } from "#daedalus/engines/sql/session.js";
import { rayUdfTransform } from "#daedalus/operators/ray-udf-transform.js";

const { values } = parseArgs({
  options: {
    in: { type: "string", default: "." },
    rows: { type: "string", default: "200000" },
    threads: { type: "string", default: "2" },
    memory: { type: "string", default: "1GB" },
    repeat: { type: "string", default: "3" },
  },
});
const { threads, memory } = values;
const folder = mkdtempSync(join(tmpdir(), "daedalus-bench-"));
const [input, output, copy] = ["in", "out", "copy"].map((name) => join(folder, `${name}.parquet`)) as [
  string,
  string,
  string,
];
const plain = await SqlSession.open({ threads });
await plain.run(
  `COPY (SELECT row_id, item_ids, CAST(NULL AS FLOAT[]) AS pooled FROM '${values.in}/pool_random.parquet' LIMIT ${values.rows}) TO '${input}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 20480)`,
);
const columns = [{ name: "pooled", dtype: "FLOAT[]" as const, ids: "item_ids", pool: "mean" as const }];
const store = { name: "s", uri: "store.lance", key: "id", vector: "vector" };
const operator = rayUdfTransform.of({
  name: "enrich",
  engine: "pythonic",
  inputs: ["rows"],
  output: "enrich",
  store: { ...store, dim: 512n },
  columns,
});
const opening = performance.now();
const session = await openEnrich({
  operators: [operator],
  output: [
    { name: "row_id", dtype: "BIGINT" },
    { name: "item_ids", dtype: "BIGINT[]" },
    { name: "pooled", dtype: "FLOAT[]" },
  ],
  stores: { s: { ...store, directory: `${values.in}/store.lance`, dim: 512 } },
  duckdbConfig: { threads, memory_limit: memory },
});
const opened = (performance.now() - opening) / 1000;
const seconds = async (work: () => Promise<unknown>): Promise<number> => {
  const from = performance.now();
  await work();
  return Number(((performance.now() - from) / 1000).toFixed(2));
};
const enrich: number[] = [];
for (let i = 0; i < Number(values.repeat); i++) enrich.push(await seconds(() => session.enrich(input, output)));
const peak = /VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
const floor: number[] = [];
for (let i = 0; i < Number(values.repeat); i++)
  floor.push(
    await seconds(() =>
      plain.run(`COPY (FROM '${output}') TO '${copy}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 16384)`),
    ),
  );
console.log(
  JSON.stringify({
    rows: Number(values.rows),
    threads,
    memory,
    opened,
    enrich,
    floor,
    peak_rss_mb: Number(peak) >> 10,
  }),
);
session.close();
plain.close();
rmSync(folder, { recursive: true });
