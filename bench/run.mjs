#!/usr/bin/env node
// node bench/run.mjs <train|compile|day|w1|w2|w3|w4|w5|enrich> […]: bundles bench/<name>.ts beside the build that it measures, and runs it.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { build } from "esbuild";

const root = resolve(import.meta.dirname, "..");
const [name = "", ...args] = process.argv.slice(2);
if (!existsSync(join(root, "bench", `${name}.ts`))) {
  console.error("usage: node bench/run.mjs <train|compile|day|w1|w2|w3|w4|w5|enrich> [options]");
  process.exit(2);
}
if (!existsSync(join(root, "dist/bundle/index.js"))) {
  const { status } = spawnSync("npm", ["run", "build", "--silent"], { cwd: root, stdio: ["ignore", 2, 2] });
  if (status !== 0) process.exit(1);
}
const outfile = join(root, "dist/.bench", `${name}.mjs`);
await build({
  entryPoints: [join(root, "bench", `${name}.ts`)],
  outfile,
  bundle: true,
  platform: "node",
  format: "esm",
  packages: "external",
  alias: { "#daedalus": join(root, "dist") },
  // The program itself is loaded from its build: its workers find their files beside it.
  external: ["daedalus", join(root, "dist/*")],
  logLevel: "warning",
});
const { status, signal } = spawnSync(process.execPath, [outfile, ...args], { stdio: "inherit" });
process.exit(status ?? (signal ? 1 : 0));
