import { readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { COMMIT_FAIL_POINTS } from "#daedalus/runs/commit.js";
import { leftovers, until } from "../runs/processes.js";
import { type CommandRun, expectWholeDays, nobodyLeft, type ProjectRuns, projectRuns } from "./project-runs.js";

const DAYS = 12;
/** Runs that are killed one after the other in one folder, before one ends: the first two write days, the others replace them. */
const CHAIN = [["--day-workers", "2"], [], ["--day-workers", "2", "--force"], ["--force"]];
const VICTIMS = ["the command", "a worker", "all at once"] as const;
type Victim = (typeof VICTIMS)[number];

/** Milliseconds that a run takes until it owns its folder, and from then on. */
interface Length {
  readonly start: number;
  readonly rest: number;
}

interface KillPlan {
  /** Of the length, from 0 to 1. */
  readonly share: number;
  readonly victim: Victim;
  readonly length: Length;
}

interface Kill {
  /** The last fail point that the run had passed. */
  readonly step: string;
  readonly victim: Victim;
  readonly after: string;
}

/**
 * Kills runs of the command at instants spread over the measured length of a run. Nothing may be half-visible or lost and
 * no process may live on after any of them; after each chain of kills an undisturbed run must end with the same bytes.
 * `hits`: kill at commit steps (named fail points) until each was hit so often.
 */
export async function killAtRandom(count: number, hits: number): Promise<void> {
  const runs = projectRuns(DAYS);
  const began = performance.now();
  const undisturbed = runs.train("whole");
  await until(() => undisturbed.passed().length > 0);
  const owned = performance.now();
  expect((await undisturbed.ended).code).toBe(0);
  const length = { start: owned - began, rest: performance.now() - owned };
  const whole = runs.written("whole");
  expect(Object.keys(whole).filter((path) => path.endsWith("_manifest.json"))).toHaveLength(DAYS);

  const kills: Kill[] = [];
  const missing = () => COMMIT_FAIL_POINTS.find((point) => kills.filter(({ step }) => step === point).length < hits);
  for (let chain = 0; kills.length < count || missing() !== undefined; chain++) {
    const output = `out-${chain}`;
    for (const args of CHAIN) {
      if (kills.length < count) {
        // Each length of the run has its share of the kills, whatever the order.
        const stratum = (kills.length * 7) % count;
        const share = (stratum + Math.random()) / count;
        kills.push(
          await kill(runs, output, args, { share, victim: VICTIMS[kills.length % 3] ?? "the command", length }),
        );
      } else {
        const point = missing();
        if (point === undefined) break;
        if (!canPass(point, args)) continue;
        const passage = 1 + Math.floor(Math.random() * 6);
        const run = runs.train(output, args, { DAEDALUS_FAIL_POINT: `${point}:${passage}` });
        const { signal } = await run.ended;
        // The days that were left may have been fewer than the passage.
        if (signal === "SIGKILL")
          kills.push({ step: lastStep(run), victim: "the command", after: `passage ${passage}` });
        await nobodyLeft(run);
      }
      expectNothingLost(runs, output, whole);
    }
    const last = runs.train(output);
    expect((await last.ended).code).toBe(0);
    await nobodyLeft(last);
    expect(runs.written(output)).toEqual(whole);
    // A record that its writer left before it was the owner's goes when it is old: it may be somebody's who lives.
    const left = leftovers(runs.project.path(output)).filter((path) => !/^\.owner-\w+\.tmp$/.test(path));
    expect(left).toEqual([]);
    runs.project.remove(output);
  }
  process.stdout.write(`${table(kills, length)}\n`);
  expect(kills.length).toBeGreaterThanOrEqual(count);
  for (const point of COMMIT_FAIL_POINTS)
    expect([point, kills.filter(({ step }) => step === point).length >= hits]).toEqual([point, true]);
}

/**
 * Starts a run and kills it at the wanted share of its length: a tenth of the kills come before the run owns its folder.
 * A run that ended before is started again, for a shorter while.
 */
async function kill(runs: ProjectRuns, output: string, args: readonly string[], plan: KillPlan): Promise<Kill> {
  const { share, victim: wanted, length } = plan;
  for (let shortened = 1; ; shortened *= 0.7) {
    const run = runs.train(output, [...args, ...(shortened === 1 ? [] : ["--force"])]);
    const early = share < 0.1;
    if (!early) await Promise.race([until(() => run.passed().length > 0), run.ended]);
    const wait = early ? (share / 0.1) * length.start : ((share - 0.1) / 0.9) * length.rest * shortened;
    await Promise.race([sleep(wait), run.ended]);
    const [, ...workers] = run.processes();
    const victim = wanted === "a worker" && workers.length === 0 ? "the command" : wanted;
    const before = lastStep(run);
    for (const pid of victimsOf(victim, run.pid, workers)) end(pid);
    const ended = await run.ended;
    await nobodyLeft(run);
    const after = `${Math.round(wait)} ms`;
    if (victim === "a worker") {
      expect([ended.code, ended.stdout.includes('"failed"')]).toEqual([0, false]);
      return { step: before, victim, after };
    }
    if (ended.signal === "SIGKILL") return { step: lastStep(run), victim, after };
  }
}

function victimsOf(victim: Victim, command: number, workers: readonly number[]): readonly number[] {
  if (victim === "a worker") return workers.slice(0, 1);
  return victim === "the command" ? [command] : [command, ...workers];
}

function end(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself in this moment.
  }
}

function canPass(point: string, args: readonly string[]): boolean {
  return !point.startsWith("swap/") || args.includes("--force");
}

function lastStep(run: CommandRun): string {
  return run.passed().findLast(({ pid }) => pid === run.pid)?.point ?? "before root/owned";
}

/** What is visible is whole; what was visible once still is, but for units whose journal brings them back. */
const seen = new Map<string, Set<string>>();
function expectNothingLost(runs: ProjectRuns, output: string, whole: Record<string, string>): void {
  const now = runs.written(output);
  expectWholeDays(now, whole);
  const root = runs.project.path(output);
  const before = seen.get(root) ?? new Set();
  const journaled = readdirOr(join(root, "_daedalus/journal")).map((name) =>
    decodeURIComponent(name.replace(".json", "")),
  );
  const lost = [...before].filter((path) => !(path in now) && !journaled.some((unit) => path.startsWith(`${unit}/`)));
  expect(lost).toEqual([]);
  seen.set(root, new Set([...before, ...Object.keys(now)]));
}

function readdirOr(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function table(kills: readonly Kill[], { start, rest }: Length): string {
  const steps = [...new Set(kills.map(({ step }) => step))].sort();
  const lines = steps.map((step) => {
    const hit = kills.filter((one) => one.step === step);
    return `${step.padEnd(22)} ${String(hit.length).padStart(3)}  ${hit.map(({ victim, after }) => `${victim} after ${after}`).join(", ")}`;
  });
  return [
    `${kills.length} kills over runs of ${Math.round(start)} ms until they own the folder and ${Math.round(rest)} ms from then on, by the last step that was passed:`,
    ...lines,
  ].join("\n");
}
