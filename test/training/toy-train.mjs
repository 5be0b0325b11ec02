// A training run in a process of its own: `node toy-train.mjs <dist> <service.json> <options as JSON>`.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [dist, file, optionsText = "{}"] = process.argv.slice(2);
const { worker = join(dist, "app/worker.js"), ...options } = JSON.parse(optionsText);
const load = (name) => import(pathToFileURL(join(dist, name)).href);
const { SqlSession } = await load("engines/sql/session.js");
const { openSource } = await load("sources/open-source.js");
const { decode } = await load("tasks/exact-json.js");
const { localExecutor } = await load("tasks/local.js");
const { train } = await load("training/train.js");

const abort = new AbortController();
process.on("SIGINT", () => abort.abort());
const { views, ...service } = decode(await readFile(file, "utf8"));
const session = await SqlSession.open({});
const sources = new Map(
  Object.entries(views).map(([name, view]) => [name, openSource(service.project, view, session)]),
);
try {
  const report = await train({
    dayWorkers: 1,
    duckdbConfig: { threads: "1" },
    ...service,
    ...options,
    views: new Map(Object.entries(views)),
    sources,
    session,
    startExecutor: (workers) =>
      localExecutor({
        workers,
        entry: pathToFileURL(worker),
        environment: { ...process.env, DAEDALUS_TEST_DIST: dist },
      }),
    command: "toy train",
    versions: { daedalus: "test" },
    signal: abort.signal,
    onProgress: (event) => process.stderr.write(`${JSON.stringify(event)}\n`),
  });
  process.stdout.write(JSON.stringify(report));
  process.exitCode = report.interrupted || report.days.some((day) => day.outcome === "failed") ? 1 : 0;
} catch (error) {
  process.stdout.write(JSON.stringify({ problems: error.problems ?? [{ code: "bug", says: error.stack }] }));
  process.exitCode = error.exitCode ?? 70;
} finally {
  session.close();
}
