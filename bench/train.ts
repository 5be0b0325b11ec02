/**
 * The training pipeline against a script that someone who knows DuckDB well would write by hand: same data, columns, order,
 * threads and memory limit; answers compared. Then the cost of a day with few rows. See bench/README.md.
 *
 *   node bench/run.mjs train [--events N] [--runs N] [--peers a,b] [--threads N] [--memory 8GB] [--day-workers N] [--json FILE]
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir, totalmem } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { measuredProcess } from "./measured-process.js";
import { compare } from "./train/compare.js";
import { DAYS, projectOf, TARGET_DAYS } from "./train/project.js";
import { type Bounds, runScript } from "./train/script.js";

const { values: options } = parseArgs({
  options: {
    events: { type: "string", default: "10000000" },
    runs: { type: "string", default: "3" },
    threads: { type: "string", default: "2" },
    memory: { type: "string", default: "8GB" },
    "day-workers": { type: "string", default: "1" },
    peers: { type: "string", default: "daedalus,userlist-all,asof-each" },
    "small-days": { type: "string", default: "40" },
    json: { type: "string" },
    child: { type: "string" },
    project: { type: "string" },
    out: { type: "string" },
    days: { type: "string" },
  },
});

const home = resolve(process.env["DAEDALUS_BENCH_HOME"] ?? join(tmpdir(), "daedalus-bench"));

interface Run {
  readonly seconds: number;
  readonly stages: Readonly<Record<string, number>>;
  readonly days: readonly { readonly seconds: number; readonly engine: number; readonly rows: number }[];
}

interface Measured extends Run {
  /** Of the whole process, start of the program included. */
  readonly wall: number;
  readonly peak: number;
}

if (options.child === undefined) await main();
else console.log(JSON.stringify(await child(options.child)));

async function child(peer: string): Promise<Run> {
  const [project = "", out = "", days = []] = [options.project, options.out, options.days?.split(",")];
  const begin = performance.now();
  if (peer !== "daedalus") {
    const [bounds, passes] = peer.split("-") as [Bounds, "each" | "all"];
    const { threads, memory: memoryLimit } = options;
    const stages = await runScript({ data: join(project, "data"), out, days, bounds, passes, threads, memoryLimit });
    return { seconds: (performance.now() - begin) / 1000, stages, days: [] };
  }
  const { compileService, loadProject, train } = await import("daedalus");
  const environment = { ...process.env, ARTWORKS_THREADS: options.threads, ARTWORKS_MEMORY: options.memory };
  const compiled = await compileService(await loadProject(project, { environment }), "dssm_ranking");
  const [from = "", to = ""] = [days[0], days.at(-1)];
  const report = await train(compiled, {
    from,
    to,
    outputRoot: out,
    skeletonOnly: true,
    dayWorkers: Number(options["day-workers"]),
  });
  const failed = report.days.find(({ outcome }) => outcome !== "done");
  if (failed) throw new Error(`${failed.day}: ${failed.outcome} ${failed.problems.map(({ says }) => says).join("; ")}`);
  const seconds = (performance.now() - begin) / 1000;
  const stages: Record<string, number> = {};
  const perDay = report.days.map(({ day, rows = 0 }) => {
    const { run } = JSON.parse(readFileSync(join(out, `dt=${day}`, "_manifest.json"), "utf8")) as {
      run: { seconds: number; stages: Record<string, number> };
    };
    for (const [name, value] of Object.entries(run.stages)) stages[name] = (stages[name] ?? 0) + value;
    const engine = Object.values(run.stages).reduce((sum, value) => sum + value, 0);
    return { seconds: run.seconds, engine, rows };
  });
  return { seconds, stages, days: perDay };
}

/** A fresh process, so that nobody starts on another's warm memory. */
async function measured(peer: string, project: string, out: string, days: readonly string[]): Promise<Measured> {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const passed = ["threads", "memory", "day-workers"] as const;
  const args = [
    fileURLToPath(import.meta.url),
    "--child",
    peer,
    "--project",
    project,
    "--out",
    out,
    "--days",
    days.join(","),
  ];
  const shared = passed.flatMap((name) => [`--${name}`, options[name]]);
  const { answer, ...rest } = await measuredProcess<Run>([...args, ...shared]);
  return { ...answer, ...rest };
}

async function main(): Promise<void> {
  const events = Number(options.events);
  const peers = options.peers.split(",");
  console.log(`${events.toLocaleString("en")} events, ${TARGET_DAYS.length} target days; data in ${home}`);
  const project = await projectOf(home, events);
  const folderOf = (peer: string) => join(home, "out", peer);
  const runs = new Map<string, Measured[]>(peers.map((peer) => [peer, []]));
  for (let n = 0; n < Number(options.runs); n++)
    for (const peer of peers) {
      const run = await measured(peer, project, folderOf(peer), TARGET_DAYS);
      runs.get(peer)?.push(run);
      console.log(`run ${n + 1}: ${peer} ${run.seconds.toFixed(1)} s, ${run.peak} MB`);
    }

  const [first = ""] = peers;
  const answers: Record<string, Awaited<ReturnType<typeof compare>>> = {};
  for (const peer of peers.slice(1)) answers[peer] = await compare(folderOf(first), folderOf(peer), TARGET_DAYS);
  const result = peers.map((peer) => summary(peer, runs.get(peer) ?? []));
  const fastest = Math.min(...result.filter(({ peer }) => peer !== "daedalus").map(({ seconds }) => seconds));
  console.log(
    `\nmedian of ${options.runs} runs, interleaved, ${options.threads} threads, memory_limit ${options.memory}\n`,
  );
  print([
    ["peer", "seconds", "x fastest script", "peak MB", "answers"],
    ...result.map(({ peer, seconds, peak }) => [
      peer,
      seconds.toFixed(2),
      Number.isFinite(fastest) ? (seconds / fastest).toFixed(2) : "-",
      String(peak),
      peer === first ? "" : answerText(answers[peer]),
    ]),
  ]);
  for (const { peer, stages } of result) {
    console.log(`\n${peer}, seconds by stage`);
    const slow = Object.entries(stages).filter(([, seconds]) => seconds >= 0.005);
    print(slow.sort(([, a], [, b]) => b - a).map(([name, seconds]) => [name, seconds.toFixed(2)]));
  }
  const small = peers.includes("daedalus") ? await smallDays() : undefined;
  const written = resolve(options.json ?? join(home, `train-${events}.json`));
  const machine = { cpus: cpus().length, model: cpus()[0]?.model, memory: totalmem(), node: process.version };
  writeFileSync(written, `${JSON.stringify({ events, options, machine, result, answers, small }, null, 2)}\n`);
  console.log(`\n${written}`);
  if (Object.values(answers).some(({ differences }) => Object.keys(differences).length > 0)) process.exitCode = 1;
}

/** Days of some thirty rows: what a day costs beside the engine's statements. */
async function smallDays() {
  const events = DAYS * 60;
  const project = await projectOf(home, events);
  const out = join(home, "out", "small");
  const all: Measured["days"][number][] = [];
  let perRun = 0;
  const repeats = Math.ceil(Number(options["small-days"]) / TARGET_DAYS.length);
  for (let n = 0; n < repeats; n++) {
    const run = await measured("daedalus", project, out, TARGET_DAYS);
    // The first day of a worker pays for its start and for cold code.
    all.push(...run.days.slice(1));
    perRun = Math.max(perRun, run.seconds);
  }
  const total = median(all.map(({ seconds }) => seconds)) * 1000;
  const engine = median(all.map((day) => day.engine)) * 1000;
  const overhead = median(all.map((day) => day.seconds - day.engine)) * 1000;
  const rows = median(all.map((day) => day.rows));
  console.log(
    `\na day of ${rows} rows: ${total.toFixed(0)} ms, of these ${engine.toFixed(0)} ms in the engine's statements and ${overhead.toFixed(0)} ms beside them (median of ${all.length} days)`,
  );
  return { rows, total, engine, overhead };
}

function summary(peer: string, runs: readonly Measured[]) {
  const stages = Object.fromEntries(
    Object.keys(runs[0]?.stages ?? {}).map((name) => [name, median(runs.map((run) => run.stages[name] ?? 0))]),
  );
  return {
    peer,
    seconds: median(runs.map((run) => run.seconds)),
    wall: median(runs.map((run) => run.wall)),
    peak: Math.max(...runs.map((run) => run.peak)),
    all: runs.map((run) => run.seconds),
    stages,
  };
}

function answerText(answer: Awaited<ReturnType<typeof compare>> | undefined): string {
  if (answer === undefined) return "";
  const wrong = Object.entries(answer.differences);
  if (wrong.length === 0) return `equal, ${answer.rows.toLocaleString("en")} rows`;
  return `DIFFERENT: ${wrong.map(([name, count]) => `${name} ${count}`).join(", ")}`;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return ((sorted[Math.floor((sorted.length - 1) / 2)] ?? 0) + (sorted[Math.ceil((sorted.length - 1) / 2)] ?? 0)) / 2;
}

function print(rows: readonly (readonly string[])[]): void {
  const widths = (rows[0] ?? []).map((_, n) => Math.max(...rows.map((row) => row[n]?.length ?? 0)));
  for (const row of rows)
    console.log(
      row
        .map((cell, n) => cell.padEnd(widths[n] ?? 0))
        .join("  ")
        .trimEnd(),
    );
}
