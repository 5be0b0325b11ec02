/**
 * `train` against a hand-written DuckDB script that makes the same columns: 7 target days of a feed of 14, in one run, fresh
 * processes one after the other, the answers compared row by row.
 *
 *   npm run build && npx esbuild bench/train.ts --bundle --platform=node --packages=external --format=esm \
 *     --outfile=dist/bench/train.mjs && node dist/bench/train.mjs [--events 10000000]
 *
 * Options: --events N (10,000,000), --runs N (3), --threads N (2), --memory SIZE (8GB), --json FILE. Data and outputs live in
 * $DAEDALUS_BENCH_HOME, else in the temporary folder of the system.
 */
import { spawn } from "node:child_process";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { compileService, loadProject, train } from "daedalus";
import { Database } from "./train/database.js";
import { generate, TARGET_DAYS } from "./train/generate.js";
import { runScript } from "./train/script.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    events: { type: "string", default: "10000000" },
    runs: { type: "string", default: "3" },
    threads: { type: "string", default: "2" },
    memory: { type: "string", default: "8GB" },
    json: { type: "string" },
    data: { type: "string" },
    out: { type: "string" },
  },
});

const CONTENDERS = ["script asof all", "script userlist all", "script asof each", "daedalus"] as const;
type Contender = (typeof CONTENDERS)[number];

interface Measured {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakMegabytes: number;
  readonly stages: Readonly<Record<string, number>>;
}

const [role, bounds, passes] = positionals;
if (role === "script" || role === "daedalus") await contend(role);
else await compare();

/** In a process of its own: does the job and prints its stages. */
async function contend(kind: "script" | "daedalus"): Promise<void> {
  const { data = "", out = "", threads, memory } = values;
  const stages =
    kind === "script"
      ? await runScript({
          data,
          out,
          days: TARGET_DAYS,
          bounds: bounds === "userlist" ? "userlist" : "asof",
          passes: passes === "each" ? "each" : "all",
          threads,
          memoryLimit: memory,
        })
      : await trainDays(out);
  process.stdout.write(`${JSON.stringify(stages)}\n`);
}

async function trainDays(out: string): Promise<Record<string, number>> {
  const project = await loadProject(join(import.meta.dirname, "../../bench/train/project"));
  const compiled = await compileService(project, "dssm_ranking");
  const [from = "", to = ""] = [TARGET_DAYS[0], TARGET_DAYS.at(-1)];
  const report = await train(compiled, { from, to, outputRoot: out });
  const failed = report.days.find((day) => day.outcome !== "done");
  if (failed) throw new Error(`${failed.day}: ${failed.problems.map((problem) => problem.says).join("; ")}`);
  const stages: Record<string, number> = {};
  for (const day of TARGET_DAYS) {
    const manifest = JSON.parse(readFileSync(join(out, `dt=${day}`, "_manifest.json"), "utf8"));
    for (const [stage, seconds] of Object.entries<number>(manifest.run.stages))
      stages[stage] = (stages[stage] ?? 0) + seconds;
  }
  return stages;
}

async function compare(): Promise<void> {
  const home = process.env["DAEDALUS_BENCH_HOME"] ?? join(tmpdir(), "daedalus-bench");
  const data = await generate(home, Number(values.events), Number(values.threads));
  const results = new Map<Contender, Measured[]>(CONTENDERS.map((contender) => [contender, []]));
  for (let run = 0; run < Number(values.runs); run++)
    for (const contender of CONTENDERS) {
      const out = outOf(home, contender);
      rmSync(out, { recursive: true, force: true });
      const measured = await measure(contender, data, out);
      results.get(contender)?.push(measured);
      console.error(`${contender}: ${measured.seconds.toFixed(1)} s`);
    }
  const differences = await differing(home);
  const best = Math.min(...CONTENDERS.filter((c) => c !== "daedalus").map((c) => median(results, c).seconds));
  console.log(
    `\n${values.events} events, ${TARGET_DAYS.length} days, ${values.threads} threads, memory_limit ${values.memory}\n`,
  );
  console.log("| contender | median s | CPU s | peak MB | × the best script |\n|---|---|---|---|---|");
  for (const contender of CONTENDERS) {
    const { seconds, cpuSeconds, peakMegabytes } = median(results, contender);
    console.log(
      `| ${contender} | ${seconds.toFixed(1)} | ${cpuSeconds.toFixed(1)} | ${peakMegabytes.toFixed(0)} | ${(seconds / best).toFixed(2)} |`,
    );
  }
  console.log("\nseconds by stage (last run, all days):");
  for (const contender of CONTENDERS) {
    const stages = Object.entries(results.get(contender)?.at(-1)?.stages ?? {}).sort((a, b) => b[1] - a[1]);
    console.log(`  ${contender}: ${stages.map(([stage, seconds]) => `${stage} ${seconds.toFixed(1)}`).join(", ")}`);
  }
  console.log(`\nrows that differ: ${differences}`);
  if (values.json !== undefined)
    writeFileSync(
      values.json,
      JSON.stringify({ options: values, results: Object.fromEntries(results), differences }, null, 2),
    );
  if (differences > 0) process.exitCode = 1;
}

function outOf(home: string, contender: Contender): string {
  return join(home, "out", contender.replaceAll(" ", "-"));
}

function median(results: ReadonlyMap<Contender, readonly Measured[]>, contender: Contender): Measured {
  const sorted = [...(results.get(contender) ?? [])].sort((a, b) => a.seconds - b.seconds);
  const middle = sorted[Math.floor(sorted.length / 2)];
  if (!middle) throw new Error(`no run of ${contender}`);
  return middle;
}

/** Wall time of the process from outside; memory and CPU of it and its children, polled. */
async function measure(contender: Contender, data: string, out: string): Promise<Measured> {
  const begin = performance.now();
  const child = spawn(
    process.execPath,
    [
      fileURLToPath(import.meta.url),
      ...contender.split(" "),
      ...["--data", data, "--out", out, "--threads", values.threads, "--memory", values.memory],
    ],
    {
      stdio: ["ignore", "pipe", "inherit"],
      env: {
        ...process.env,
        DAEDALUS_BENCH_DATA: data,
        DAEDALUS_BENCH_THREADS: values.threads,
        DAEDALUS_BENCH_MEMORY: values.memory,
      },
    },
  );
  const usage = new Map<number, Usage>();
  const poll = setInterval(() => observe(child.pid ?? 0, usage), 50);
  let printed = "";
  child.stdout.on("data", (chunk) => {
    printed += chunk;
  });
  const code = await new Promise((resolve) => child.on("close", resolve));
  clearInterval(poll);
  if (code !== 0) throw new Error(`${contender} failed with exit code ${code}`);
  const all = [...usage.values()];
  return {
    seconds: (performance.now() - begin) / 1000,
    cpuSeconds: all.reduce((sum, one) => sum + one.cpuSeconds, 0),
    peakMegabytes: all.reduce((sum, one) => sum + one.peakMegabytes, 0),
    stages: JSON.parse(printed),
  };
}

interface Usage {
  readonly cpuSeconds: number;
  readonly peakMegabytes: number;
}

/** Linux only: elsewhere nothing is observed and the columns are 0. */
function observe(pid: number, usage: Map<number, Usage>): void {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    const ticks = Number(fields[11]) + Number(fields[12]);
    const peak = Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0);
    usage.set(pid, { cpuSeconds: ticks / 100, peakMegabytes: peak / 1024 });
    for (const task of readdirSync(`/proc/${pid}/task`))
      for (const child of readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").split(" "))
        if (child !== "") observe(Number(child), usage);
  } catch {
    // The process ended between two reads; what was seen of it stands.
  }
}

/** Rows of any day that are not the same, at the same place, in every contender's output. */
async function differing(home: string): Promise<number> {
  const database = await Database.open({ threads: values.threads });
  const rows = (contender: Contender, day: string) =>
    `SELECT file_row_number AS n, COLUMNS(* EXCLUDE (file_row_number)) FROM read_parquet('${outOf(home, contender)}/dt=${day}/part-*.parquet', file_row_number = true, hive_partitioning = false)`;
  let differences = 0;
  for (const contender of CONTENDERS)
    for (const day of TARGET_DAYS) {
      if (contender === "daedalus") continue;
      const [row] = await database.rows(
        `SELECT count(*) AS n FROM (${rows("daedalus", day)}) a FULL JOIN (${rows(contender, day)}) b ON a.n = b.n WHERE a IS DISTINCT FROM b`,
      );
      differences += Number(row?.["n"]);
    }
  database.close();
  return differences;
}
