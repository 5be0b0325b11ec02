import { randomUUID } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect } from "vitest";
import { MAIN, type Started, start, tree, until } from "../runs/processes.js";
import { TinyProject } from "../support/tiny-project.js";

const projects: TinyProject[] = [];
afterEach(() => {
  for (const project of projects.splice(0)) project.close();
});

/** A run of the real command. */
export interface CommandRun extends Started {
  readonly pid: number;
  /** The processes of this run that live now, the command's own first: whoever carries its mark in the environment. */
  processes(): readonly number[];
  /** The fail points that its processes passed, in order. */
  passed(): readonly { readonly pid: number; readonly point: string }[];
}

/** The tiny project with clicks on as many days of January 2024, and its command in processes of its own. */
export interface ProjectRuns {
  readonly project: TinyProject;
  readonly days: readonly string[];
  /** `daeda pipeline train` into `<project>/<output>`. */
  train(output: string, args?: readonly string[], environment?: Record<string, string>): CommandRun;
  /** What has been written below `<project>/<output>`; nothing if it is not there. */
  written(output: string): Record<string, string>;
}

export function projectRuns(count: number, rowsPerDay = 40): ProjectRuns {
  const project = new TinyProject();
  projects.push(project);
  const days = Array.from({ length: count }, (_, index) => `2024-01-${String(index + 1).padStart(2, "0")}`);
  const rows = days.flatMap((day, index) => {
    const start = Date.parse(`${day}T00:00:00Z`) / 1000;
    return Array.from({ length: rowsPerDay }, (_, row) => {
      const user = (row * 7 + index) % 5;
      return `${user},${start + row * 60},${row % 3 === 0 ? "like" : "view"},s${index}-${row % 9},${row / 4}`;
    });
  });
  project.write("feed.csv", `user_id,ts,event,session,price\n${rows.join("\n")}\n`);
  return {
    project,
    days,
    train: (output, args, environment) => trainCommand(project.directory, output, args, environment),
    written: (output) => (existsSync(project.path(output)) ? written(project.path(output)) : {}),
  };
}

/** `daeda pipeline train rank` of the project in the folder, into `<folder>/<output>`. */
export function trainCommand(
  directory: string,
  output: string,
  args: readonly string[] = [],
  environment: Record<string, string> = {},
): CommandRun {
  const mark = `DAEDALUS_TEST_RUN=${randomUUID()}`;
  const log = join(directory, `${mark.slice(-8)}.log`);
  const run = start(
    process.execPath,
    [
      MAIN,
      ...["pipeline", "train", "rank", "--project", directory],
      ...["--output-root", join(directory, output), "--json", ...args],
    ],
    { [mark.split("=")[0] ?? ""]: mark.split("=")[1] ?? "", DAEDALUS_FAIL_POINT_LOG: log, ...environment },
  );
  return {
    ...run,
    pid: run.child.pid ?? 0,
    processes: () => marked(mark),
    passed: () => (existsSync(log) ? readFileSync(log, "utf8") : "").split("\n").filter(Boolean).map(passage),
  };
}

/** The files of an output root; of a manifest, what does not differ from run to run. */
export function written(root: string): Record<string, string> {
  const files = tree(root);
  for (const path of Object.keys(files))
    if (path.endsWith("_manifest.json")) {
      const { run: _, ...rest } = JSON.parse(readFileSync(join(root, path), "utf8"));
      files[path] = JSON.stringify(rest);
    }
  return files;
}

/** Resolves when no process of the run lives; what does is killed, so that a failing test leaves nothing either. */
export async function nobodyLeft(run: CommandRun): Promise<void> {
  try {
    await until(
      () => run.processes().length === 0,
      () => `processes ${run.processes()} are left over`,
    );
  } finally {
    for (const pid of run.processes()) process.kill(pid, "SIGKILL");
  }
}

function passage(line: string): { readonly pid: number; readonly point: string } {
  const [pid = "", point = ""] = line.split(" ");
  return { pid: Number(pid), point };
}

function marked(mark: string): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        // Of a process that has ended and was not yet looked after, the environment is empty.
        return readFileSync(`/proc/${pid}/environ`, "utf8").split("\0").includes(mark);
      } catch {
        return false;
      }
    })
    .map(Number)
    .sort((a, b) => a - b);
}

/** Nothing is half-visible: each day (and the map) is as an undisturbed run writes it, with all of its files, or absent. */
export function expectWholeDays(now: Record<string, string>, whole: Record<string, string>): void {
  const units = new Set(Object.keys(now).map(unitOf));
  expect(now).toEqual(Object.fromEntries(Object.entries(whole).filter(([path]) => units.has(unitOf(path)))));
}

function unitOf(path: string): string {
  return path.split("/")[0] ?? "";
}
