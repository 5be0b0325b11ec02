import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach } from "vitest";

const tested = process.env["DAEDALUS_DIST"];
export const DIST = resolve(tested ?? "dist");
/** The command `daeda` as users run it; of a mutated copy, whose modules are not bundled, as it is compiled. */
export const MAIN = join(DIST, tested === undefined ? "bundle/main.js" : "cli/main.js");
const folders: string[] = [];

afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "daedalus-test-"));
  folders.push(folder);
  return folder;
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves when the text has appeared on stdout. */
  saw(text: string): Promise<void>;
}

export function start(
  command: string,
  args: readonly string[],
  environment: Record<string, string> = {},
  user: { uid?: number; gid?: number } = {},
): Started {
  const env = { ...process.env, ...environment };
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], env, ...user });
  const output = { stdout: "", stderr: "" };
  const watchers = new Set<() => void>();
  child.stdout.on("data", (data) => {
    output.stdout += data;
    for (const watcher of watchers) watcher();
  });
  child.stderr.on("data", (data) => {
    output.stderr += data;
  });
  const ended = new Promise<Ended>((done) => child.on("close", (code, signal) => done({ code, signal, ...output })));
  const saw = (text: string) =>
    new Promise<void>((done, fail) => {
      const look = () => {
        if (output.stdout.includes(text)) done();
      };
      watchers.add(look);
      look();
      void ended.then(() => fail(new Error(`ended without "${text}": ${output.stdout}${output.stderr}`)));
    });
  return { child, ended, saw };
}

/** Path → SHA-256 of every file below the folder, without what lies in `_daedalus` and what `skip` names. */
export function tree(folder: string, skip: (path: string) => boolean = () => false): Record<string, string> {
  const found: Record<string, string> = {};
  const walk = (within: string) => {
    for (const entry of readdirSync(join(folder, within), { withFileTypes: true })) {
      const path = join(within, entry.name);
      if (path === "_daedalus" || skip(path)) continue;
      if (entry.isDirectory()) walk(path);
      else
        found[path] = createHash("sha256")
          .update(readFileSync(join(folder, path)))
          .digest("hex");
    }
  };
  walk("");
  return Object.fromEntries(Object.entries(found).sort());
}

/** What lies below `_daedalus`, without the records that stay. */
export function leftovers(root: string): readonly string[] {
  const found: string[] = [];
  if (!existsSync(join(root, "_daedalus"))) return found;
  const walk = (within: string) => {
    for (const entry of readdirSync(join(root, "_daedalus", within), { withFileTypes: true })) {
      const path = join(within, entry.name);
      if (["output.json", "qid_map.json"].includes(path) || /^((runs|failed)\/[^.].*\.json|logs\/.*\.log)$/.test(path))
        continue;
      if (entry.isDirectory()) walk(path);
      else found.push(path);
    }
  };
  walk("");
  return found.sort();
}

/** Waits for what is bound to happen; `otherwise` says what is missing if it does not. */
export async function until(
  holds: () => boolean,
  otherwise: () => string = () => String(holds),
  millis = 20_000,
): Promise<void> {
  for (let waited = 0; !holds(); waited++) {
    if (waited > millis / 10) throw new Error(`waited in vain: ${otherwise()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Whether the process has not ended; one that only its parent has not looked after yet has. */
export function lives(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  } catch {
    return false;
  }
}
