import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ColumnModel, ProjectModel, SpecModel } from "../oracles/project-model.js";
import { sqlText, testConnection } from "../support/duckdb.js";
import { rollInWorkers, type TrainSettings, trainDirectory } from "../support/product.js";
import { writeProjectFiles } from "../support/project-files.js";
import { ENGINES, withEngine } from "../support/rule.js";

// More rows than random cases have: files get dictionaries, vectors and batches more than one, sums leave 64 bits on the way.

const directory = mkdtempSync(join(tmpdir(), "daedalus-same-bytes-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const ROWS = 600;
/** The user with a third of the rows fits. */
const SPILLED_BYTES = 1_200_000;

/** A double of these bits: NaN has several. */
const bits = (integer: string): string => `CAST(CAST(CAST(${integer} AS BIGINT) AS BIT) AS DOUBLE)`;

/** dtype → values over `h`, a number that looks random; each with few enough for ties. */
const VALUES: Readonly<Record<string, (h: string) => string>> = {
  BOOLEAN: (h) => `CASE WHEN ${h} % 3 > 0 THEN ${h} % 2 = 0 END`,
  TINYINT: (h) => `${h} % 256 - 128`,
  SMALLINT: (h) => `${h} % 65536 - 32768`,
  INTEGER: (h) => `CASE WHEN ${h} % 5 > 0 THEN ${h} % 4294967296 - 2147483648 END`,
  BIGINT: (h) =>
    `CASE ${h} % 4 WHEN 0 THEN 9007199254740993 + ${h} % 3 WHEN 1 THEN -9007199254740993 WHEN 2 THEN ${h} % 10 END`,
  FLOAT: (h) =>
    `CASE ${h} % 6 WHEN 0 THEN 0 WHEN 1 THEN CAST('-0' AS FLOAT) WHEN 2 THEN CAST('nan' AS FLOAT) ELSE ${h} % 1000 / 7 - 50 END`,
  DOUBLE: (h) =>
    `CASE ${h} % 8 WHEN 0 THEN 0 WHEN 1 THEN CAST('-0' AS DOUBLE) WHEN 2 THEN ${bits("9221120237041090561")} WHEN 3 THEN ${bits("-2251799813685248")}` +
    ` WHEN 4 THEN CAST('inf' AS DOUBLE) WHEN 5 THEN NULL ELSE (${h} % 1000000 - 500000) / 7 END`,
  TEXT: (h) =>
    `CASE ${h} % 7 WHEN 0 THEN '' WHEN 1 THEN NULL WHEN 2 THEN 'a longer word than fits in line, number ' || ${h} % 9 ELSE chr(CAST(200 + ${h} % 60 AS INTEGER)) END`,
  DATE: (h) => `CASE WHEN ${h} % 6 > 0 THEN DATE '1969-12-01' + CAST(${h} % 90 AS INTEGER) END`,
  TIMESTAMP: (h) => `make_timestamp(${h} % 2000000000 - 1000000000)`,
};
const DTYPES = Object.keys(VALUES);
const name = (dtype: string): string => dtype.toLowerCase();

const AGGREGATES = ["list", "count", "count_distinct", "sum", "mean", "min", "max", "last"] as const;
const isNumber = (dtype: string): boolean => !["BOOLEAN", "TEXT", "DATE", "TIMESTAMP"].includes(dtype);

const specs: { readonly spec: SpecModel; readonly dtype: string }[] = DTYPES.flatMap((dtype, d) =>
  AGGREGATES.filter((agg) => isNumber(dtype) || !["sum", "mean"].includes(agg)).flatMap((agg, a) => {
    const made =
      agg === "list"
        ? `${dtype}[]`
        : agg.startsWith("count")
          ? "BIGINT"
          : agg === "mean"
            ? "DOUBLE"
            : agg === "sum"
              ? dtype === "FLOAT" || dtype === "DOUBLE"
                ? "DOUBLE"
                : "BIGINT"
              : dtype;
    const of = (suffix: string, more: Partial<SpecModel>) => ({
      dtype: made,
      spec: {
        name: `${name(dtype)}_${agg}${suffix}`,
        agg,
        source_column: name(dtype),
        partition_by: "user_id",
        windows: (d + a) % 2 === 0 ? ["1h", "all"] : ["1h"],
        ...more,
      },
    });
    const shared = agg === "list" ? { max_length: 5 } : {};
    const flat = agg === "list" || agg === "count_distinct";
    return [
      of("", agg === "list" && d % 2 === 0 ? shared : {}),
      of("_others", { exclude_self: true, ...shared }),
      ...(flat
        ? [
            of("_flat", { source_column: `${name(dtype)}s`, flatten_distinct: true, ...shared }),
            of("_flat_others", {
              source_column: `${name(dtype)}s`,
              flatten_distinct: true,
              exclude_self: true,
              windows: ["1h"],
            }),
          ]
        : []),
    ];
  }),
);

const project: ProjectModel = {
  name: "bytes",
  base: {},
  views: [
    {
      name: "events",
      entity: ["user"],
      source: { path: "events.parquet", timestamp_field: "ts", timestamp_unit: "s" },
      fields: DTYPES.flatMap((dtype) => [
        { name: name(dtype), dtype },
        { name: `${name(dtype)}s`, dtype: `${dtype}[]` },
      ]),
    },
  ],
  services: [
    {
      name: "main",
      version: "1",
      spine: "events",
      columns: [
        { name: "user_id", kind: "key", dtype: "BIGINT" },
        { name: "ts", kind: "spine", dtype: "BIGINT" },
        ...specs.flatMap(({ spec, dtype }) =>
          spec.windows.map(
            (window): ColumnModel => ({
              name: window === "all" ? spec.name : `${spec.name}_${window}`,
              kind: "rolling",
              dtype,
            }),
          ),
        ),
      ],
    },
  ],
  aggregations: { aggregation_specs: specs.map(({ spec }) => spec) },
  runtime: { feed_start: "197001", feed_end: "197001", feature_refs: [], lookups: [], age_columns: [] },
};

beforeAll(async () => {
  const connection = await testConnection();
  const columns = DTYPES.flatMap((dtype, place) => {
    const value = (salt: number): string =>
      `CAST(${VALUES[dtype]?.(`CAST(hash(i, ${salt}) >> 20 AS BIGINT)`)} AS ${dtype})`;
    return [
      `${value(place)} AS ${name(dtype)}`,
      `CASE WHEN i % 11 > 0 THEN [${value(50 + place)}, ${value(70 + place)}] END AS ${name(dtype)}s`,
    ];
  });
  // One user has a third of the rows, many rows share an instant, some have no user.
  await connection.run(
    `COPY (SELECT CASE WHEN i % 3 = 0 THEN 1 WHEN i % 17 > 0 THEN i % 40 END AS user_id, i // 4 * 20 AS ts, ${columns.join(", ")}
      FROM range(${ROWS}) t(i)) TO ${sqlText(join(directory, "events.parquet"))} (FORMAT parquet, DICTIONARY_SIZE_LIMIT 0)`,
  );
});

test(`${specs.length} specs of every dtype and aggregate have the same bytes on ${ENGINES.join(", ")}, and in workers`, async () => {
  const hashes: Record<string, string> = {};
  const hash = async (run: string, settings: TrainSettings): Promise<void> => {
    const outputRoot = join(directory, run);
    await trainDirectory(directory, "main", { outputRoot, ...settings });
    const bytes = readFileSync(join(outputRoot, "dt=1970-01-01", "part-0-0.parquet"));
    hashes[run] = createHash("sha256").update(bytes).digest("hex");
  };
  for (const engine of ENGINES) {
    writeProjectFiles(directory, withEngine(project, engine));
    await hash(engine, {});
    // Histories that do not fit are asked by parts of the keys.
    if (engine === "kernel") await hash("kernel, spilled", { kernelBytes: SPILLED_BYTES });
  }
  await rollInWorkers(directory, "main");
  await hash("in workers", { duckdbConfig: { threads: "2" } });
  await hash("in workers, parts cut small", { duckdbConfig: { threads: "2" }, kernelBytes: 2 * SPILLED_BYTES });
  // The user with a third of the rows is too large for a worker.
  await hash("not in workers", { duckdbConfig: { threads: "2" }, kernelBytes: SPILLED_BYTES });
  expect(new Set(Object.values(hashes)).size, JSON.stringify(hashes)).toBe(1);
});
