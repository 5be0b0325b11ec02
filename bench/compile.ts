/**
 * How long a service takes to compile, from YAML text to the pipeline's text, by its number of columns.
 *
 *   node bench/run.mjs compile [--json]
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { performance } from "node:perf_hooks";
import { compile } from "#daedalus/compiler/compile/compile.js";
import { pipelineToYaml } from "#daedalus/compiler/pipeline-yaml.js";
import { resolveService } from "#daedalus/compiler/resolve/resolve-service.js";
import { readProject } from "#daedalus/definitions/read-project.js";
import { openPredicateAnalyzer } from "#daedalus/engines/sql/predicate-analyzer.js";
import { SqlSession } from "#daedalus/engines/sql/session.js";
import { formatProblem } from "#daedalus/errors/problem.js";
import { openSource } from "#daedalus/sources/open-source.js";

const SIZES = [10, 50, 100, 500, 1_000, 2_000, 5_000];
const REPEATS = 3;
/** Of ten columns: five static ones, three rolling ones, one of the spine with a default, one age. */
const KINDS = [
  "static",
  "static",
  "static",
  "static",
  "static",
  "rolling",
  "rolling",
  "rolling",
  "spine",
  "derived",
] as const;

interface Measured {
  readonly columns: number;
  readonly operators: number;
  readonly read: number;
  readonly resolve: number;
  readonly compile: number;
  readonly write: number;
  readonly total: number;
}

async function writeProject(directory: string, size: number): Promise<void> {
  const of = (kind: string) =>
    Array.from({ length: size - 2 }, (_, index) => index).filter((index) => KINDS[index % KINDS.length] === kind);
  const columns = Array.from({ length: size - 2 }, (_, index) => {
    const kind = KINDS[index % KINDS.length] ?? "static";
    if (kind === "rolling") return `  - {name: r${index}_7d, kind: rolling, dtype: "BIGINT[]"}`;
    if (kind === "derived") return `  - {name: a${index}, kind: derived, dtype: DOUBLE}`;
    return `  - {name: ${kind[0]}${index}, kind: ${kind}, dtype: BIGINT${kind === "spine" ? ", default: 0, nullable: false" : ""}}`;
  });
  const fields = (names: readonly string[]) => names.map((name) => `  - {name: ${name}, dtype: BIGINT}`).join("\n");
  const created = of("derived").map((index) => `c${index}`);
  const spine = ["user_id", "item_id", "ts", "event", ...of("spine").map((index) => `s${index}`)];
  const items = [...of("static").map((index) => `s${index}`), ...created];
  const files: Readonly<Record<string, string>> = {
    "daedalus.yaml": "name: bench\n",
    "feature_views/feed.yaml": `name: feed\nentity: [user, item]\nsource: {path: feed.parquet, timestamp_field: ts, timestamp_unit: ms}\nfields:\n${fields(spine)}\n`,
    "feature_views/items.yaml": `name: items\nentity: item\nsource: {path: items.parquet, timestamp_field: updated, timestamp_unit: ms}\nfields:\n${fields([...items, "updated"])}\n`,
    "feature_services/rank.yaml": `name: rank\nversion: "1"\nspine: feed\ncolumns:\n  - {name: user_id, kind: key, dtype: BIGINT}\n  - {name: item_id, kind: key, dtype: BIGINT}\n${columns.join("\n")}\n`,
    "config/training/aggregations.yaml": `aggregation_specs:\n${
      of("rolling")
        .map(
          (index) =>
            `  - {name: r${index}, agg: list, source_column: item_id, events: [1], windows: [1d, 7d], partition_by: user_id, where: "event > ${index % 7}"}`,
        )
        .join("\n") || "  []"
    }\n`,
    "config/training/runtime.yaml": `feed_start: "202401"\nfeed_end: "202401"\nspine: {event: event}\nfeature_refs: [{view: items, as_of: event}]\nage_columns:\n${
      of("derived")
        .map((index) => `  - {name: a${index}, created: c${index}, unit: d}`)
        .join("\n") || "  []"
    }\n`,
  };
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  }
  const session = await SqlSession.open({ threads: "1" });
  for (const [table, names] of Object.entries({ feed: spine, items: ["item_id", ...items, "updated"] })) {
    const values = names.map((name) => `1::BIGINT AS ${name}`).join(", ");
    await session.run(`COPY (SELECT ${values}) TO '${join(directory, table)}.parquet' (FORMAT parquet)`);
  }
  session.close();
}

async function compileOnce(directory: string): Promise<Measured> {
  const start = performance.now();
  const { project, problems } = await readProject(directory, { environment: {} });
  const read = performance.now();
  const session = await SqlSession.open({ threads: "1" });
  const resolved = await resolveService(project, "rank", {
    sources: (name) => {
      const view = project.views.get(name);
      if (view === undefined) throw new Error(`no view ${name}`);
      return openSource({ directory, connections: {} }, view, session);
    },
    udfs: async () => undefined,
    predicates: openPredicateAnalyzer(session),
  });
  session.close();
  const resolvedAt = performance.now();
  const { service } = resolved;
  if (service === undefined) throw new Error([...problems, ...resolved.problems].map(formatProblem).join("\n"));
  const { pipeline } = compile(service);
  const compiledAt = performance.now();
  if (pipeline === undefined) throw new Error("no pipeline");
  pipelineToYaml(pipeline);
  const end = performance.now();
  return {
    columns: pipeline.output.length,
    operators: pipeline.operators.length,
    read: read - start,
    resolve: resolvedAt - read,
    compile: compiledAt - resolvedAt,
    write: end - compiledAt,
    total: end - start,
  };
}

async function measure(size: number): Promise<Measured> {
  const directory = mkdtempSync(join(tmpdir(), "daedalus-bench-compile-"));
  try {
    await writeProject(directory, size);
    const runs: Measured[] = [];
    for (let run = 0; run < REPEATS; run++) runs.push(await compileOnce(directory));
    const [median] = runs.sort((left, right) => left.total - right.total).slice(Math.floor(REPEATS / 2));
    if (median === undefined) throw new Error("nothing was measured");
    return median;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const rows: Measured[] = [];
for (const size of SIZES) rows.push(await measure(size));
if (process.argv.includes("--json")) process.stdout.write(`${JSON.stringify(rows)}\n`);
else {
  const cell = (value: number, digits: number) => value.toFixed(digits).padStart(9);
  process.stdout.write("  columns operators   read ms resolve ms compile ms  write ms  total ms ms/column\n");
  for (const { columns, operators, read, resolve, compile: made, write, total } of rows)
    process.stdout.write(
      `${[cell(columns, 0), cell(operators, 0), cell(read, 1), ` ${cell(resolve, 1)}`, ` ${cell(made, 1)}`, cell(write, 1), cell(total, 1), cell(total / columns, 3)].join(" ")}\n`,
    );
}
