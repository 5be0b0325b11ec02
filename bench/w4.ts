/**
 * W4 of the peer benchmark: the mean of the stored vectors of each row's ids; the kernel alone, from lists in memory to vectors in
 * memory, 2,048 rows at a time as SQL calls it. `--out`: also written, for the comparison of the answers. See bench/README.md.
 */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { DuckDBInstance } from "@duckdb/node-api";
import duckdb from "@duckdb/node-bindings";
import { LanceStore } from "#daedalus/embeddings/lance-store.js";
import { vectorsOf } from "#daedalus/embeddings/vector-pool.js";
import { PoolCrew } from "#daedalus/kernels/avg-pool.js";
import { writeMeans } from "./w4/write-means.js";

const { values } = parseArgs({
  options: {
    in: { type: "string", default: "." },
    out: { type: "string", default: "out.parquet" },
    variant: { type: "string", default: "random" },
    threads: { type: "string", default: process.env["PEERBENCH_THREADS"] ?? "2" },
    "no-write": { type: "boolean", default: false },
  },
});
const DIM = 512;
const began = performance.now();
const crew = new PoolCrew(Number(values.threads));
const store = await LanceStore.open({
  name: "w4",
  uri: "store.lance",
  directory: `${values.in}/store.lance`,
  key: "id",
  vector: "vector",
  dim: DIM,
});
const vectors = await vectorsOf(store, crew, 0);
const input = `${values.in}/pool_${values.variant}.parquet`;
const batches = await listsOf(input);
const rows = batches.reduce((sum, batch) => sum + batch.rows, 0);
const loaded = performance.now();
// The kernel is compiled after some batches; the memory of the answers stays cold.
for (const batch of batches.slice(0, 20)) answer(batch);
const warm = performance.now();
const means = new Float32Array(rows * DIM);
const valid = new Uint8Array(rows);
const cpu = process.cpuUsage();
const from = performance.now();
let at = 0;
for (const batch of batches) {
  const pooled = answer(batch);
  means.set(new Float32Array(pooled.memory.buffer, pooled.vectors, batch.rows * DIM), at * DIM);
  valid.set(new Uint8Array(pooled.memory.buffer, pooled.valid, batch.rows), at);
  at += batch.rows;
}
const computed = performance.now();
const { user, system } = process.cpuUsage(cpu);
if (!values["no-write"]) await writeMeans(input, means, valid, DIM, values.out);
const peak = /VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
console.log(
  JSON.stringify({
    workload: "w4",
    peer: "daedalus",
    variant: `${values.variant}, ${values.threads} threads`,
    version: "0.1.0",
    rows,
    seconds_load: (loaded - began) / 1000,
    seconds_compute: (computed - from) / 1000,
    seconds_total: (performance.now() - began - (warm - loaded)) / 1000,
    cpu_compute: (user + system) / 1e6,
    peak_rss_mb: Math.round(Number(peak) / 1024),
  }),
);
crew.close();

interface Lists {
  readonly rows: number;
  /** Offset and length of each, u64. */
  readonly entries: Uint8Array;
  readonly count: number;
  readonly ids: Uint8Array;
}

function answer({ rows: count, entries, count: ids, ids: bytes }: Lists) {
  crew.begin();
  const { positions, pool } = vectors.locate({ count: ids, bytes });
  return crew.average(count, entries, positions, pool);
}

async function listsOf(file: string): Promise<readonly Lists[]> {
  const instance = await DuckDBInstance.create(":memory:", { threads: "2" });
  const connection = await instance.connect();
  const result = await connection.stream(`SELECT item_ids FROM '${file}'`);
  const found: Lists[] = [];
  for (let chunk = await result.fetchChunk(); chunk && chunk.rowCount > 0; chunk = await result.fetchChunk()) {
    const vector = duckdb.data_chunk_get_vector(chunk.chunk, 0);
    const size = duckdb.list_vector_get_size(vector);
    const child = duckdb.list_vector_get_child(vector);
    found.push({
      rows: chunk.rowCount,
      entries: duckdb.vector_get_data(vector, chunk.rowCount * 16).slice(),
      count: size,
      ids: size === 0 ? new Uint8Array(0) : duckdb.vector_get_data(child, size * 8).slice(),
    });
  }
  connection.closeSync();
  instance.closeSync();
  return found;
}
