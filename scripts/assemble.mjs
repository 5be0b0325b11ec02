// The kernels of the `assembly` beside this folder, compiled to one WebAssembly module: node scripts/assemble.mjs <target>.

import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const [, , target] = process.argv;
const compiler = join(dirname(createRequire(import.meta.url).resolve("assemblyscript/package.json")), "bin", "asc.js");
const features = ["--enable", "simd", "--enable", "bulk-memory", "--runtime", "stub", "--importMemory", "--noAssert"];
mkdirSync(dirname(target), { recursive: true });
const args = [compiler, join(root, "assembly", "kernels.ts"), "--outFile", target, "-O3", ...features];
process.exitCode = spawnSync(process.execPath, args, { stdio: ["ignore", 2, 2] }).status ?? 1;
