import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { DIST, lives, start, temporaryFolder, until } from "../runs/processes.js";

test("no worker is left over when its parent is killed", async () => {
  const folder = await temporaryFolder();
  const parent = start("node", [join(import.meta.dirname, "toy-parent.mjs"), DIST, folder]);
  await until(() => existsSync(join(folder, "pid")) && readFileSync(join(folder, "pid"), "utf8") !== "");
  const worker = Number(readFileSync(join(folder, "pid"), "utf8"));
  expect(lives(worker)).toBe(true);
  parent.child.kill("SIGKILL");
  await parent.ended;
  await until(() => !lives(worker));
});
