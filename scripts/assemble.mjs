// Compiles the `assembly` beside this folder: node scripts/assemble.mjs <folder>. One WebAssembly module for the memory of one
// thread (kernels.wasm), one for a memory that threads share (kernels-shared.wasm), one with what formulas are made of.
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const [, , folder] = process.argv;
const compiler = join(dirname(createRequire(import.meta.url).resolve("assemblyscript/package.json")), "bin", "asc.js");
const features = ["--enable", "simd", "--enable", "bulk-memory", "--runtime", "stub", "--importMemory", "--noAssert"];
const shared = ["--enable", "threads", "--sharedMemory", "--initialMemory", "1", "--maximumMemory", "65536"];
const modules = [
  ["kernels.wasm", "kernels.ts", features],
  ["kernels-shared.wasm", "kernels.ts", [...features, ...shared]],
  ["formula-kernels.wasm", "formula-kernels.ts", features],
];

mkdirSync(folder, { recursive: true });
const compiled = modules.every(([name, entry, flags]) => {
  const args = [compiler, join(root, "assembly", entry), "--outFile", join(folder, name), "-O3", ...flags];
  return spawnSync(process.execPath, args, { stdio: ["ignore", 2, 2] }).status === 0;
});
if (!compiled) process.exitCode = 1;
