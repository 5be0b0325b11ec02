import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = resolve(".");
const run = promisify(execFile);

/** Shown in the README, and what is running this very test: a run inside of the run would never end. */
const RUNS_THIS = "npm test\n";

let bin: string;
beforeAll(async () => {
  bin = await mkdtemp(join(tmpdir(), "daedalus-bin-"));
  await symlink(join(root, "daeda"), join(bin, "daeda"));
});
afterAll(() => rm(bin, { recursive: true }));

async function blocksOf(document: string, language: string): Promise<readonly string[]> {
  const text = await readFile(join(root, document), "utf8");
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, "gm"))].map(
    ([, block]) => block ?? "",
  );
}

/** All blocks of a document as one script: what a reader does who follows it from top to bottom. */
async function follow(document: string, prepare: (folder: string) => Promise<void>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "daedalus-docs-"));
  try {
    await prepare(folder);
    const script = (await blocksOf(document, "bash")).filter((block) => block !== RUNS_THIS).join("\n");
    const { stdout } = await run("bash", ["-euo", "pipefail", "-c", script], {
      cwd: folder,
      env: { ...process.env, PATH: `${bin}${delimiter}${process.env["PATH"] ?? ""}` },
      maxBuffer: 1 << 26,
    });
    return stdout;
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe("what the documents show works", { timeout: 300_000 }, () => {
  test("README: from a fresh checkout", async () => {
    const said = await follow("README.md", (folder) => symlink(join(root, "daeda"), join(folder, "daeda")));
    expect(said).toContain('9,808 rows of training data for "dssm_ranking"'); // as printed there
    expect(said).toContain("ranking → data/training_output/ranking");
  });

  test("tutorial, from top to bottom", async () => {
    const said = await follow("docs/tutorial.md", async () => undefined);
    expect(said).toMatch(/2024-03-02 +complete +4/);
    expect(said).toContain("exit code 2");
  });

  test("the README of examples/artworks", async () => {
    const said = await follow("examples/artworks/README.md", async () => undefined);
    expect(said).toContain("xgb_reranker → data/training_output/xgb_reranker");
  });

  test("the README's program", async () => {
    const [program = ""] = await blocksOf("README.md", "ts");
    const folder = await mkdtemp(join(tmpdir(), "daedalus-docs-"));
    try {
      await run(join(root, "daeda"), ["init", "my_project"], { cwd: folder });
      await mkdir(join(folder, "node_modules"));
      await symlink(root, join(folder, "node_modules", "daedalus"));
      await writeFile(join(folder, "program.mjs"), `${program}\nconsole.log(outcome.rows);\n`);
      const { stdout } = await run(process.execPath, ["program.mjs"], { cwd: folder });
      expect(Number(stdout)).toBeGreaterThan(0);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
