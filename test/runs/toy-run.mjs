// A run over toy units in a process of its own: `node toy-run.mjs <dist> <root> <options as JSON>`.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";

const [dist, root, optionsText = "{}"] = process.argv.slice(2);
const { units = ["a", "b", "c"], content = "1", concurrency = 1, delay = 0, bytes = 0 } = JSON.parse(optionsText);
const load = (file) => import(pathToFileURL(join(dist, file)).href);
const { OwnedRoot } = await load("runs/owned-root.js");
const { runUnits } = await load("runs/run-units.js");

const abort = new AbortController();
process.on("SIGINT", () => abort.abort());
let owned;
try {
  owned = await OwnedRoot.open(root, `toy ${content}`);
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exit(error.exitCode ?? 70);
}
process.stdout.write("owned\n");
const summary = await runUnits({
  root: owned,
  batches: units.map((name) => [{ name }]),
  concurrency,
  command: "toy",
  signal: abort.signal,
  async perform([unit], { stage, finish, signal }) {
    const staging = await stage(unit);
    await mkdir(join(staging, "inner"));
    await writeFile(join(staging, "one.txt"), `${unit.name} ${content}`);
    await writeFile(join(staging, "inner", "two.bin"), Buffer.alloc(bytes, unit.name));
    await sleep(delay, undefined, { signal });
    await finish(unit, { rows: 1 });
  },
});
await owned.release();
process.stdout.write(`${JSON.stringify({ ...summary, done: summary.done.map((entry) => entry.unit.name) })}\n`);
process.exit(summary.failed.length > 0 || summary.interrupted ? 1 : 0);
