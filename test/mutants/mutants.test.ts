import { spawn, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { transformSync } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MUTANTS, type Mutant } from "./mutants.js";

// Each seeded fault of the engine has to be seen by the rules and a few random projects. Run by `npm run test:long`, or by
// `npx vitest run test/mutants`; the fast suite only checks that the mutants still apply.

const asked = process.argv.some((word) => word.includes("test/mutants"));
const campaign = process.env["DAEDALUS_LONG"] !== undefined || process.env["DAEDALUS_MUTANTS"] !== undefined || asked;

describe("the mutants", () => {
  test("are at least thirty, and their text stands in the sources", () => {
    expect(MUTANTS.length).toBeGreaterThanOrEqual(30);
    const lost = MUTANTS.filter((mutant) => !readFileSync(mutant.file, "utf8").includes(mutant.find));
    expect(lost.map(({ rule, file }) => `${file}: ${rule}`)).toEqual([]);
  });
});

if (campaign)
  describe("the fast suite", () => {
    const folder = mkdtempSync(join(tmpdir(), "daedalus-mutants-"));
    const dist = join(folder, "dist");

    beforeAll(() => {
      cpSync(process.env["DAEDALUS_DIST"] ?? "dist", dist, { recursive: true });
      rmSync(join(dist, "bundle"), { recursive: true, force: true }); // it has the modules as they were
      cpSync("package.json", join(folder, "package.json"));
      symlinkSync(resolve("node_modules"), join(folder, "node_modules"));
    });
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    test("accepts the engine as it is", { timeout: 300_000 }, async () => {
      const { passes, output } = await runAgainst(dist);
      expect(passes, output).toBe(true);
    });

    const only = process.env["DAEDALUS_MUTANTS"];
    for (const mutant of MUTANTS.filter(({ rule }) => only === undefined || only === "1" || rule.includes(only)))
      test(`kills: ${mutant.rule} (${mutant.replace.slice(0, 60)})`, { timeout: 300_000 }, async () => {
        const restore = mutate(dist, mutant);
        try {
          expect((await runAgainst(dist, mutant.file)).passes, "the fault was not seen").toBe(false);
        } finally {
          restore();
        }
      });
  });

function mutate(dist: string, { file, find, replace }: Mutant): () => void {
  const source = readFileSync(file, "utf8");
  if (!source.includes(find)) throw new Error(`"${find}" does not occur in ${file}`);
  if (file.startsWith("assembly/"))
    return mutateKernels(
      dist,
      file,
      source.replace(find, () => replace),
    );
  const target = join(dist, file.replace(/^src\//, "").replace(/\.ts$/, ".js"));
  const before = readFileSync(target, "utf8");
  // By a function: `$` has a meaning in a replacement text.
  const { code } = transformSync(
    source.replace(find, () => replace),
    { loader: "ts", format: "esm", target: "es2022" },
  );
  writeFileSync(target, code);
  return () => writeFileSync(target, before);
}

/** The kernels with one source file replaced, compiled as the build does. */
function mutateKernels(dist: string, file: string, source: string): () => void {
  const folder = join(dist, "..", "mutant");
  cpSync("assembly", join(folder, "assembly"), { recursive: true });
  cpSync("scripts/assemble.mjs", join(folder, "scripts/assemble.mjs"));
  writeFileSync(join(folder, file), source);
  const compiled = join(dist, "kernels");
  const kept = join(dist, "..", "kernels");
  cpSync(compiled, kept, { recursive: true });
  const { status, stderr } = spawnSync(process.execPath, [join(folder, "scripts/assemble.mjs"), compiled], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(stderr);
  return () => cpSync(kept, compiled, { recursive: true });
}

/** The rules, random projects of a few seeds, and of a kernel its own tests; stops at the first failure. */
function runAgainst(dist: string, mutated = ""): Promise<{ passes: boolean; output: string }> {
  const environment: NodeJS.ProcessEnv = {
    ...process.env,
    DAEDALUS_DIST: dist,
    DAEDALUS_SHRINK: "0",
    DAEDALUS_SEEDS: "1..20",
  };
  delete environment["DAEDALUS_LONG"];
  const files = ["test/rules", "test/properties/random-projects.test.ts"];
  if (mutated.startsWith("assembly/")) files.push("test/kernels");
  const child = spawn(process.execPath, [resolve("node_modules/vitest/vitest.mjs"), "run", "--bail=1", ...files], {
    env: environment,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  child.stdout.on("data", (text) => {
    output += String(text);
  });
  child.stderr.on("data", (text) => {
    output += String(text);
  });
  return new Promise((done) => {
    child.on("close", (code) => done({ passes: code === 0, output: output.slice(-4_000) }));
  });
}
