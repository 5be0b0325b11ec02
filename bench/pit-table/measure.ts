import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import type { Table } from "apache-arrow";
import { getAggregatePitTable, type PitTableEngineName, type PitTableOptions, type PitTableSpec } from "daedalus";
import { readParquet, writeBeside } from "./parquet.js";

/** A workload of the peer benchmark as one call of the library. */
export interface Workload {
  readonly name: string;
  readonly file: string;
  readonly columns: Parameters<typeof readParquet>[1];
  readonly specs: readonly PitTableSpec[];
  readonly options: PitTableOptions;
  /** The columns that are written: of the input, and of the answer. */
  readonly carried: readonly string[];
  readonly answers: readonly string[];
}

/**
 * A command of the peer benchmark: `--in DIR --out FILE`, one JSON line. `seconds_compute` is from the table in memory to the table in
 * memory; the code is warm by a call on the first rows, the memory is not. `--repeat N`: N calls, told one by one.
 */
export async function measure(workload: Workload): Promise<void> {
  const { values } = parseArgs({
    options: {
      in: { type: "string" },
      out: { type: "string" },
      engine: { type: "string", default: "kernel" },
      threads: { type: "string", default: process.env["PEERBENCH_THREADS"] ?? "2" },
      repeat: { type: "string", default: "1" },
      "no-write": { type: "boolean", default: false },
    },
  });
  const began = performance.now();
  const input = `${values.in ?? "."}/${workload.file}`;
  const table = await readParquet(input, workload.columns);
  const loaded = performance.now();
  const call = getAggregatePitTable(values.engine as PitTableEngineName);
  const options = { ...workload.options, threads: Number(values.threads) };
  for (let i = 0; i < WARM_UP; i++) await call(table.slice(0, WARM_UP_ROWS), workload.specs, options);
  const warm = performance.now();
  const times: number[] = [];
  let answer: Table | undefined;
  const cpu = process.cpuUsage();
  for (let i = 0; i < Number(values.repeat); i++) {
    answer = undefined;
    const from = performance.now();
    answer = await call(table, workload.specs, options);
    times.push((performance.now() - from) / 1000);
  }
  const { user, system } = process.cpuUsage(cpu);
  const computed = performance.now();
  if (answer !== undefined && !values["no-write"])
    await writeBeside(
      input,
      workload.carried,
      answer.select([...workload.answers]),
      values.out ?? "out.parquet",
      values.threads,
    );
  const peak = /VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
  console.log(
    JSON.stringify({
      workload: workload.name,
      peer: "daedalus",
      variant: `${values.engine}, ${values.threads} threads`,
      version: "0.1.0",
      rows: table.numRows,
      seconds_load: (loaded - began) / 1000,
      seconds_compute: times[0],
      seconds_write: (performance.now() - computed) / 1000,
      seconds_total: (performance.now() - began - (warm - loaded)) / 1000,
      cpu_compute: (user + system) / 1e6 / times.length,
      peak_rss_mb: Math.round(Number(peak) / 1024),
      ...(times.length > 1 ? { seconds_of_each: times.map((s) => Number(s.toFixed(4))) } : {}),
    }),
  );
}

const WARM_UP = 5;
const WARM_UP_ROWS = 200_000;
