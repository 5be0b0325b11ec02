// Compiles the `assembly` beside this folder: node scripts/assemble.mjs <folder>. One WebAssembly module for the memory of one
// thread (kernels.wasm), one for a memory that threads share (kernels-shared.wasm).
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
  ["kernels.wasm", features],
  ["kernels-shared.wasm", [...features, ...shared]],
];

mkdirSync(folder, { recursive: true });
const compiled = modules.every(([name, flags]) => {
  const args = [compiler, join(root, "assembly", "kernels.ts"), "--outFile", join(folder, name), "-O3", ...flags];
  return spawnSync(process.execPath, args, { stdio: ["ignore", 2, 2] }).status === 0;
});
if (!compiled) process.exitCode = 1;
