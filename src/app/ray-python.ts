import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { DaedalusError } from "../errors/problem.js";
import { rayProblem } from "../errors/ray.js";

/** What goes into the virtual environment: exact versions, measured to work together. */
const REQUIREMENTS = new URL("../../ray/requirements.txt", import.meta.url);
/** Written when all is installed. */
const COMPLETE = ".daedalus-complete";

/** The interpreter that `daeda setup ray` makes: one for a list of requirements and a user, whatever project needs it. */
export function rayPython(): string {
  return join(environmentFolder(), "bin", "python");
}

/** True if `setUpRay` has made it. */
export function isRayPythonThere(): boolean {
  return existsSync(join(environmentFolder(), COMPLETE));
}

export interface RaySetup {
  readonly python: string;
  /** False if it was there. */
  readonly installed: boolean;
  readonly ray: string;
}

/**
 * Makes a virtual environment with the pinned requirements, from the index that pip is configured for. What pip prints goes to
 * `say`. Throws DaedalusError `ray/setup-failed`, exit code 1; what was begun is removed then.
 */
export async function setUpRay(python: string, say: (line: string) => void): Promise<RaySetup> {
  const folder = environmentFolder();
  const there = { python: rayPython(), ray: pinnedRay() };
  if (isRayPythonThere()) return { ...there, installed: false };
  await rm(folder, { recursive: true, force: true });
  await mkdir(dirname(folder), { recursive: true });
  try {
    say(`making ${folder} with Ray ${there.ray}; this takes a minute and 0.6 GB`);
    await step("python -m venv", python, ["-m", "venv", folder], say);
    const install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    await step("pip install", there.python, [...install, "--requirement", fileURLToPath(REQUIREMENTS)], say);
    await step("import ray.data", there.python, ["-c", "import ray.data"], say);
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
  await writeFile(join(folder, COMPLETE), "");
  return { ...there, installed: true };
}

function environmentFolder(): string {
  const requirements = createHash("sha256").update(readFileSync(REQUIREMENTS)).digest("hex").slice(0, 12);
  const home = process.env["XDG_DATA_HOME"] || join(homedir(), ".local", "share");
  return join(home, "daedalus", `ray-${requirements}`);
}

function pinnedRay(): string {
  return /^ray(?:\[[^\]]*\])?==(\S+)$/m.exec(readFileSync(REQUIREMENTS, "utf8"))?.[1] ?? "?";
}

async function step(
  name: string,
  program: string,
  words: readonly string[],
  say: (line: string) => void,
): Promise<void> {
  const said: string[] = [];
  const ended = await new Promise<string | undefined>((resolve) => {
    const child = spawn(program, words, { stdio: ["ignore", "pipe", "pipe"] });
    const hear = (data: Buffer) => {
      const lines = data
        .toString()
        .split("\n")
        .filter((line) => line.trim() !== "");
      said.push(...lines);
      for (const line of lines) say(line);
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    child.on("error", (error) => resolve(error.message));
    child.on("close", (code, signal) =>
      resolve(code === 0 ? undefined : (said.at(-1) ?? `${signal ?? `exit code ${code}`}`)),
    );
  });
  if (ended !== undefined) throw new DaedalusError([rayProblem("setup-failed", { step: name, cause: ended })], 1);
}
