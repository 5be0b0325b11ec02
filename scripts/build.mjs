// The build: tsc into dist, without outputs whose source is gone, the page of `explain --format html`, and the bundle of all that. `dist/.built` appears last and carries the time at which
// the build began, so that a source edited meanwhile is newer than it.
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";
import { bundle } from "./bundle.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const source = join(root, "src");
const output = join(root, "dist");
const stamp = join(output, ".built");
/** What runs in a browser: bundled, not compiled one by one. */
const page = join("compiler", "explain", "page");
const OUTPUT = /\.(?:js|d\.ts)(?:\.map)?$/;

function filesUnder(folder, prefix = "") {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? filesUnder(join(folder, entry.name), `${prefix}${entry.name}/`) : [`${prefix}${entry.name}`],
  );
}

/** The kernels, beside their wrappers: one WebAssembly module for the memory of one thread, one for a memory that threads share. */
function assemble() {
  const script = join(root, "scripts", "assemble.mjs");
  return spawnSync(process.execPath, [script, join(output, "kernels")], { stdio: ["ignore", 2, 2] }).status === 0;
}

function compile() {
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  const { status } = spawnSync(process.execPath, [tsc, "-p", join(root, "tsconfig.json")], { stdio: ["ignore", 2, 2] });
  return status === 0;
}

mkdirSync(output, { recursive: true });
/** False if the compiler found a mistake; it has said so then. */
async function build() {
  rmSync(stamp, { force: true });
  const sources = filesUnder(source).filter(
    (name) => name.endsWith(".ts") && !name.endsWith(".d.ts") && !name.startsWith(`${page}/`),
  );
  if (!compile() || !assemble()) return false;
  if (sources.some((name) => !existsSync(join(output, name.replace(/\.ts$/, ".js"))))) {
    // Someone removed outputs behind the incremental compiler's back.
    rmSync(join(output, ".tsbuildinfo"), { force: true });
    if (!compile()) return false;
  }
  const expected = new Set(sources.map((name) => name.replace(/\.ts$/, "")));
  for (const name of filesUnder(output)) {
    if (name.startsWith("bundle/")) continue;
    if (OUTPUT.test(name) && !expected.has(name.replace(OUTPUT, ""))) rmSync(join(output, name));
  }
  buildPage();
  await bundle(join(root, "dist"));
  for (const folder of ["cli", "bundle"]) chmodSync(join(output, folder, "main.js"), 0o755);
  return true;
}

/** One file with everything in it: `page.html` with the style and the bundled program; the data are filled in when it is asked for. */
function buildPage() {
  const { outputFiles } = buildSync({
    entryPoints: [join(source, page, "main.ts")],
    bundle: true,
    write: false,
    format: "iife",
    target: "es2022",
    charset: "utf8",
  });
  const style = readFileSync(join(source, page, "page.css"), "utf8");
  const [{ text: script }] = outputFiles;
  const html = readFileSync(join(source, page, "page.html"), "utf8")
    .replace("/* page.css */", () => style)
    .replace("/* main.ts */", () => script);
  writeFileSync(join(output, `${page}.html`), html);
}

const began = join(output, `.began-${process.pid}`);
writeFileSync(began, "");
try {
  if (await build()) renameSync(began, stamp);
  else process.exitCode = 1;
} finally {
  rmSync(began, { force: true });
}
