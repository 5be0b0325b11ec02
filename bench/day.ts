/**
 * One day that does not fit the memory: counts, and lists of at most 32, over an hour and a day. Ours against a script in
 * DuckDB at the same limit; answers compared. See bench/README.md.
 *
 *   node bench/run.mjs day [--events N] [--memory 4GB] [--threads N] [--peers daedalus,script]
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { DAY, projectOf } from "./day/project.js";
import { runScript } from "./day/script.js";
import { measuredProcess } from "./measured-process.js";
import { Database } from "./train/database.js";

const { values: options } = parseArgs({
  options: {
    events: { type: "string", default: "100000000" },
    memory: { type: "string", default: "4GB" },
    threads: { type: "string", default: "2" },
    peers: { type: "string", default: "daedalus,script" },
    child: { type: "string" },
    project: { type: "string" },
    out: { type: "string" },
  },
});

const home = resolve(process.env["DAEDALUS_BENCH_HOME"] ?? join(tmpdir(), "daedalus-bench"));

interface Run {
  readonly seconds: number;
  readonly stages: Readonly<Record<string, number>>;
  /** Why it could not. */
  readonly failed?: string;
}

if (options.child === undefined) await main();
else console.log(JSON.stringify(await child(options.child)));

async function child(peer: string): Promise<Run> {
  const { project = "", out = "", threads, memory } = options;
  const spill = join(out, ".spill");
  const begin = performance.now();
  let stages: Readonly<Record<string, number>> = {};
  try {
    if (peer === "script") await runScript(project, out, { threads, memory, spill });
    else {
      const { compileService, loadProject, train } = await import("daedalus");
      const environment = { ...process.env, DAY_THREADS: threads, DAY_MEMORY: memory, DAY_SPILL: spill };
      const compiled = await compileService(await loadProject(project, { environment }), "day");
      const report = await train(compiled, { from: DAY, to: DAY, outputRoot: out, skeletonOnly: true });
      const [day] = report.days;
      if (day?.outcome !== "done") throw new Error(day?.problems.map(({ says }) => says).join("; "));
      const manifest = JSON.parse(readFileSync(join(out, `dt=${DAY}`, "_manifest.json"), "utf8")) as {
        run: { stages: Record<string, number> };
      };
      stages = manifest.run.stages;
    }
    return { seconds: (performance.now() - begin) / 1000, stages };
  } catch (error) {
    const [failed = ""] = (error instanceof Error ? error.message : String(error)).split("\n");
    return { seconds: (performance.now() - begin) / 1000, stages, failed };
  }
}

/** Rows and a sum over all cells of all rows: it does not depend on the order. */
async function answerOf(out: string): Promise<string> {
  const folder = existsSync(join(out, `dt=${DAY}`)) ? join(out, `dt=${DAY}`) : out;
  const files = readdirSync(folder).filter((name) => name.endsWith(".parquet"));
  const database = await Database.open({ threads: "2" });
  const [row] = await database.rows(
    `SELECT count(*) AS rows, sum(hash(user_id, ts, item_id, items_1h, items_1d, events_1h, events_1d)) AS cells
     FROM read_parquet([${files.map((name) => `'${join(folder, name)}'`).join(", ")}], hive_partitioning = false)`,
  );
  database.close();
  return `${row?.["rows"]} rows, ${row?.["cells"]}`;
}

async function main(): Promise<void> {
  const { threads, memory } = options;
  console.log(`${options.events} events of one day, memory_limit ${memory}, ${threads} threads; data in ${home}`);
  const project = await projectOf(home, Number(options.events));
  const answers = new Set<string>();
  for (const peer of options.peers.split(",")) {
    const out = join(home, "out", `day-${peer}`);
    rmSync(out, { recursive: true, force: true });
    mkdirSync(out, { recursive: true });
    const file = fileURLToPath(import.meta.url);
    const { answer, wall, peak } = await measuredProcess<Run>([
      file,
      "--child",
      peer,
      "--project",
      project,
      "--out",
      out,
      "--threads",
      threads,
      "--memory",
      memory,
    ]);
    const told = answer.failed === undefined ? await answerOf(out) : `failed: ${answer.failed}`;
    if (answer.failed === undefined) answers.add(told);
    console.log(`${peer}: ${answer.seconds.toFixed(1)} s (${wall.toFixed(1)} s the process), peak ${peak} MB; ${told}`);
    const slow = Object.entries(answer.stages).filter(([, seconds]) => seconds >= 0.05);
    for (const [name, seconds] of slow.sort(([, a], [, b]) => b - a)) console.log(`  ${name} ${seconds.toFixed(2)}`);
    rmSync(out, { recursive: true, force: true });
  }
  if (answers.size > 1) {
    console.log("the answers DIFFER");
    process.exitCode = 1;
  } else if (answers.size === 1) console.log("the answers are equal");
}
