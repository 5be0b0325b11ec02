import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const PRINT = `import { featureLibrary } from "./scripts/feature-library.mjs"; process.stdout.write(await featureLibrary());`;

test("docs/library-of-features.md tells what is there: `npm run reference` would change nothing", async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", PRINT], {
    maxBuffer: 1 << 24,
  });
  expect(await readFile("docs/library-of-features.md", "utf8")).toBe(stdout);
});
