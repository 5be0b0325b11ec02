// A parent with one sleeping worker: `node toy-parent.mjs <dist> <folder>`.
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [dist, folder] = process.argv.slice(2);
const { localExecutor } = await import(pathToFileURL(join(dist, "tasks/local.js")).href);
const executor = localExecutor({
  workers: 1,
  entry: pathToFileURL(join(import.meta.dirname, "toy-worker.mjs")),
  environment: { ...process.env, DAEDALUS_TEST_DIST: dist },
});
await executor.run({ kind: "toy", body: { do: "sleep", folder } }, new AbortController().signal);
