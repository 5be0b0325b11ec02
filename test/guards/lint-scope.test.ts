import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { expect, test } from "vitest";

const biome = resolve("node_modules", ".bin", "biome");

test("the linter leaves alone what git ignores: a demo, its data, an environment; git need not be there", () => {
  const folder = mkdtempSync(join(tmpdir(), "daedalus-lint-"));
  try {
    for (const file of ["biome.json", ".gitignore"]) cpSync(file, join(folder, file));
    const unformatted = ["daedalus-demo/data/day/_manifest.json", "data/training_output/x.json", ".venv/a.json"];
    for (const file of [...unformatted, "checked.json"]) {
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      writeFileSync(join(folder, file), '{"a":     1}');
    }
    const lint = () => execFileSync(biome, ["ci", "--colors=off", "."], { cwd: folder, stdio: "pipe" }).toString();
    expect(lint).toThrow(/checked\.json/);
    writeFileSync(join(folder, "checked.json"), '{ "a": 1 }\n');
    expect(lint()).toBeDefined();
  } finally {
    rmSync(folder, { recursive: true });
  }
});
