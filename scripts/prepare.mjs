// Makes `node_modules` and `dist` current: `npm ci` and the build, each only if it is out of date. Whoever comes second
// waits; a holder that died is replaced. Everything is printed on stderr. Run by ./daeda and by scripts/test.sh.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { withLock } from "./lock.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const lockfile = join(root, "package-lock.json");
const installed = join(root, "node_modules", ".package-lock.json"); // npm writes it last
const built = join(root, "dist", ".built"); // carries the time at which the build began
const inputs = ["src", "assembly", "package.json", "tsconfig.json", "package-lock.json"].map((name) =>
  join(root, name),
);

function newerThan(path, time) {
  const found = statSync(path);
  if (found.mtimeMs > time) return true;
  return found.isDirectory() && readdirSync(path).some((name) => newerThan(join(path, name), time));
}

function isInstalled() {
  return existsSync(installed) && statSync(lockfile).mtimeMs <= statSync(installed).mtimeMs;
}

function isBuilt() {
  if (!existsSync(built)) return false;
  const time = statSync(built).mtimeMs;
  return !inputs.some((input) => newerThan(input, time));
}

function say(text) {
  process.stderr.write(`daeda: ${text}\n`);
}

/** Runs a program with its output on stderr; it goes down with this one. */
async function run(program, args, failure) {
  const child = spawn(program, args, { cwd: root, stdio: ["ignore", 2, 2] });
  const goDown = () => child.kill();
  process.once("exit", goDown);
  try {
    const [status, signal] = await once(child, "exit"); // rejects if the program cannot be started
    if (status !== 0) throw new Error(`${failure} (${signal ?? `exit code ${status}`}); what it said stands above`);
  } catch (error) {
    if (error.code === "ENOENT") throw new Error(`${failure}: there is no "${program}" on the PATH`);
    throw error;
  } finally {
    process.off("exit", goDown);
  }
}

try {
  await withLock(join(root, ".daeda-lock"), { onWait: () => say("another daeda is installing; waiting") }, async () => {
    if (!isInstalled()) {
      say("installing dependencies (first use, or the lockfile changed) …");
      // Dev dependencies hold the compiler, so they are wanted whatever NODE_ENV says.
      await run("npm", ["ci", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error"], "npm ci failed");
      utimesSync(installed, new Date(), new Date());
    }
    if (!isBuilt()) {
      say("building …");
      await run(process.execPath, [join(root, "scripts", "build.mjs")], "the build failed");
    }
  });
} catch (error) {
  say(error.message);
  process.exitCode = 1;
}
