import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { promisify } from "node:util";
import { expect } from "vitest";

export const root = resolve(".");
const run = promisify(execFile);

/** A fenced block of a document. */
export interface Block {
  readonly language: string;
  readonly text: string;
}

/** What a command of a document printed on stdout, and what the document shows below it, if it does. */
export interface Followed {
  readonly command: string;
  readonly said: string;
  readonly shown?: string;
}

/** Shown in the README, and what is running this very test: a run inside of the run would never end. */
const RUNS_THIS = "npm test\n";
/** Only looks: several of them in a row are run at once. */
const LOOKS = /^daeda pipeline explain .*\n$/;
const AT_ONCE = 3;

export async function blocksOf(document: string): Promise<readonly Block[]> {
  const text = await readFile(join(root, document), "utf8");
  return [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map(([, language = "", block = ""]) => ({
    language,
    text: block,
  }));
}

/**
 * Runs all `bash` blocks of a document from top to bottom, as a reader does who follows it: a block begins in the folder
 * where the last one ended; `look` is shown it in the end. A `text` block below a `bash` block is what that prints on stdout.
 */
export async function follow(
  document: string,
  prepare: (folder: string) => Promise<void> = async () => undefined,
  look: (folder: string) => Promise<void> = async () => undefined,
): Promise<readonly Followed[]> {
  const home = await mkdtemp(join(tmpdir(), "daedalus-docs-"));
  const [bin, folder, tmp, end] = [join(home, "bin"), join(home, "reader"), join(home, "tmp"), join(home, "end")];
  const env = { ...process.env, PATH: `${bin}${delimiter}${process.env["PATH"] ?? ""}`, TMPDIR: tmp };
  try {
    for (const made of [bin, folder, tmp]) await mkdir(made);
    await symlink(join(root, "daeda"), join(bin, "daeda"));
    await prepare(folder);
    const blocks = await blocksOf(document);
    const followed: Promise<Followed>[] = [];
    let cwd = folder;
    for (const [index, { language, text: command }] of blocks.entries()) {
      if (language !== "bash" || command === RUNS_THIS) continue;
      const next = blocks[index + 1];
      const started = bash(`${command}\npwd > '${end}'`, cwd, env).then((said) => ({
        command,
        said,
        ...(next?.language === "text" ? { shown: next.text } : {}),
      }));
      followed.push(started);
      started.catch(() => undefined);
      if (!LOOKS.test(command)) {
        await Promise.all(followed);
        cwd = (await readFile(end, "utf8")).trimEnd();
      } else if (followed.length >= AT_ONCE) await followed[followed.length - AT_ONCE];
    }
    const all = await Promise.all(followed);
    await look(folder);
    return all;
  } finally {
    await rm(home, { recursive: true });
  }
}

async function bash(script: string, cwd: string, env: NodeJS.ProcessEnv): Promise<string> {
  const options = { cwd, env, maxBuffer: 1 << 26 };
  return (await run("bash", ["-euo", "pipefail", "-c", script], options)).stdout;
}

/** A reader who begins in the checkout. */
export async function checkout(folder: string): Promise<void> {
  for (const name of ["daeda", "examples"]) await symlink(join(root, name), join(folder, name));
}

/** What is shown below a command is what it printed; the answer is all that was printed. */
export function asShown(followed: readonly Followed[]): string {
  for (const { command, said, shown } of followed)
    if (shown !== undefined && !patternOf(shown).test(trimmed(said)))
      expect(`${command}${trimmed(said)}`).toBe(`${command}${trimmed(shown)}`);
  return followed.map(({ said }) => said).join("\n");
}

/** In what a document shows, `…` stands for anything. Spaces at the ends of lines do not count. */
function patternOf(shown: string): RegExp {
  const parts = trimmed(shown).split("…");
  return new RegExp(`^${parts.map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")).join("[\\s\\S]*?")}$`);
}

function trimmed(text: string): string {
  return text.replace(/[ \t]+$/gm, "").trim();
}
