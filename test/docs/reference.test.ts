import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const PRINT = `import { reference } from "./scripts/reference.mjs"; process.stdout.write(reference());`;

test("docs/reference.md tells what is there: `npm run reference` would change nothing", async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", PRINT], {
    maxBuffer: 1 << 24,
  });
  expect(await readFile("docs/reference.md", "utf8")).toBe(stdout);
});
