import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { trainingDay } from "../oracles/training-day.js";
import { OracleStop, SCALARS, type Value } from "../oracles/values.js";
import { expectedOf } from "../properties/compare.js";
import { type Draw, drawn } from "../properties/draw.js";
import { lookupCases, rollingCases } from "../properties/random-operators.js";
import { type ProjectCase, randomProject } from "../properties/random-project.js";
import { inProject, trainDirectory, writeCase } from "../support/product.js";
import { readParquet } from "../support/read-parquet.js";
import { projectOf, type Rule } from "../support/rule.js";
import { noPythonWith, pythonWith } from "./python.js";

// What is written is read by other implementations of Parquet and Arrow: types, values, codec, counts.

/** What a `read_with_….py` says of a file. */
interface Seen {
  readonly schema: readonly (readonly [string, string])[];
  readonly rows: readonly (readonly unknown[])[];
  readonly count: number;
  /** Only pyarrow tells. */
  readonly codecs?: readonly string[];
}

interface Reader {
  readonly name: "pyarrow" | "polars";
  /** How it names the type of a dtype. */
  readonly types: Readonly<Record<string, string>>;
  readonly list: (element: string) => string;
}

const READERS: readonly Reader[] = [
  {
    name: "pyarrow",
    types: {
      BOOLEAN: "bool",
      TINYINT: "int8",
      SMALLINT: "int16",
      INTEGER: "int32",
      BIGINT: "int64",
      FLOAT: "float",
      DOUBLE: "double",
      TEXT: "string",
      DATE: "date32[day]",
      TIMESTAMP: "timestamp[us, tz=UTC]",
    },
    list: (element) => `list<${element}>`,
  },
  {
    name: "polars",
    types: {
      BOOLEAN: "Boolean",
      TINYINT: "Int8",
      SMALLINT: "Int16",
      INTEGER: "Int32",
      BIGINT: "Int64",
      FLOAT: "Float32",
      DOUBLE: "Float64",
      TEXT: "String",
      DATE: "Date",
      TIMESTAMP: "Datetime(time_unit='us', time_zone='UTC')",
    },
    list: (element) => `List(${element})`,
  },
];

function readBack(python: string, { name }: Reader, paths: readonly string[]): readonly Seen[] {
  const text = execFileSync(python, [join(import.meta.dirname, `read_with_${name}.py`), ...paths], {
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  return JSON.parse(text);
}

/** Every dtype, scalar and list; a view of which one day is left without rows by the content filter. */
const everything: Rule = {
  spine: {
    table: `user_id ts ${SCALARS.map((type) => `c_${type}:${type}`).join(" ")} ${SCALARS.map((type) => `l_${type}:${type}[]`).join(" ")}
      1 1 true -128 -32768 -2147483648 9223372036854775807 0.1 0.1 ä 1969-12-31 1969-12-31T23:59:59.999999 [true,NULL] [1] [2,NULL] [3] [9007199254740993] [0.5,NaN] [0.1,-inf] [b,'',NULL] [1970-01-02] [2024-02-29T01:02:03.000004,NULL]
      1 2 NULL NULL NULL NULL NULL NULL NULL NULL NULL NULL NULL NULL NULL NULL NULL NULL NULL NULL NULL NULL
      2 3 false 127 32767 2147483647 -9223372036854775808 NaN inf '' 9999-12-31 9999-12-31T23:59:59.999999 [] [] [] [] [] [] [] [] [] []
      2 4 true 0 0 0 0 -0.0 -0.0 b 1970-01-01 1970-01-01T00:00:00 [NULL] [NULL,-1] [NULL] [-1,NULL,1] [NULL] [-0.0,0.0,NULL] [-0.0,0.0,NaN,inf] [NULL,a] [NULL] [NULL]
      2 5 true 0 0 0 0 -inf -inf c 1970-01-01 1970-01-01T00:00:00 [false] [NULL,-1] [NULL] [-1,NULL,1] [NULL] [inf,-inf] [5e-324,NULL] [NULL,a] [NULL] [NULL]
      3 86401 true 0 0 0 0 0 0 x 1970-01-01 1970-01-01T00:00:00 [] [] [] [] [] [] [] [] [] []`,
  },
  columns: [...SCALARS.map((type) => `c_${type} spine ${type}`), ...SCALARS.map((type) => `l_${type} spine ${type}[]`)],
  runtime: { content_filter: [{ drop_where: "user_id = 3" }], entity_spine_chunk_rows: 2 },
  days: ["1970-01-01", "1970-01-02"],
};

const factor = process.env["DAEDALUS_LONG"] ? 20 : 1;
const PROJECTS: readonly {
  readonly first: number;
  readonly count: number;
  readonly draw: (draw: Draw) => ProjectCase;
}[] = [
  { first: 900_000, count: 3 * factor, draw: randomProject },
  { first: 910_000, count: factor, draw: (draw) => rollingCases(draw).one },
  { first: 920_000, count: factor, draw: (draw) => lookupCases(draw).one },
];

describe.each(READERS)("$name reads", (reader) => {
  const python = pythonWith(reader.name);
  const why = noPythonWith(reader.name);
  const reads = (what: string, body: (read: (paths: readonly string[]) => readonly Seen[]) => Promise<void>): void =>
    test.skipIf(python === undefined && process.env["CI"] === undefined)(
      python === undefined ? `nothing: ${why}` : what,
      async () => {
        if (python === undefined) throw new Error(why);
        await body((paths) => readBack(python, reader, paths));
      },
    );

  reads("types, values, codec and counts of every dtype", async (read) => {
    const one = projectOf(everything);
    await inProject({ ...one, service: "main" }, async (directory) => {
      const { outputRoot } = await trainDirectory(directory, "main", {});
      const expected = trainingDay(one.project, one.tables, "main", "1970-01-01", ["1970-01-01", "1970-01-02"]);
      const schema = expected.columns.map(({ name, dtype }) => [name, typeOf(reader, dtype)]);
      const seen = read(parquetFiles(join(outputRoot, "dt=1970-01-01")));
      expect(seen.map(({ count }) => count)).toEqual([2, 2, 1]);
      for (const part of seen) {
        expect(part.schema.map(([name, type]) => [name, elementsAside(type)])).toEqual(schema);
        if (part.codecs !== undefined) expect(part.codecs).toEqual(["ZSTD"]);
      }
      const dtypes = expected.columns.map(({ dtype }) => dtype);
      expect(seen.flatMap(({ rows }) => rows)).toEqual(expected.rows.map((row) => written(row, dtypes)));
      const [empty, ...more] = read(parquetFiles(join(outputRoot, "dt=1970-01-02")));
      expect(more).toEqual([]);
      expect(empty?.count).toBe(0);
      expect(empty?.schema, "the schema of a day without rows").toEqual(seen[0]?.schema);
    });
  });

  reads("the map of sessions", async (read) => {
    const one = projectOf({
      spine: "user_id ts session\n1 5 b\n1 4 a\n1 6 NULL",
      columns: [{ name: "qid", kind: "derived", dtype: "BIGINT" }],
    });
    await inProject({ ...one, service: "main" }, async (directory) => {
      const { outputRoot } = await trainDirectory(directory, "main", {});
      const [map] = read([join(outputRoot, "qid_map.parquet")]);
      expect(map?.schema).toEqual([
        ["session_id", typeOf(reader, "TEXT")],
        ["qid", typeOf(reader, "BIGINT")],
      ]);
      expect(map?.rows).toEqual([
        ["a", "0"],
        ["b", "1"],
      ]);
    });
  });

  // Each file, as DuckDB reads it; that DuckDB reads what the oracle wants is what test/properties shows.
  reads(
    `every file of ${PROJECTS.reduce((sum, { count }) => sum + count, 0)} random projects as DuckDB does`,
    async (read) => {
      const paths = await filesOfRandomProjects();
      for (const [i, seen] of read(paths).entries()) {
        const path = paths[i] ?? "";
        const { columns, rows } = await readParquet(path);
        const dtypes = columns.map(({ type }) => type.replace("VARCHAR", "TEXT").replace(" WITH TIME ZONE", ""));
        const schema = columns.map(({ name }, at) => [name, typeOf(reader, dtypes[at] ?? "")]);
        expect(
          seen.schema.map(([name, type]) => [name, elementsAside(type)]),
          path,
        ).toEqual(schema);
        expect(seen.rows, path).toEqual(rows.map((row) => written(row, dtypes)));
      }
    },
  );
});

const folder = mkdtempSync(join(tmpdir(), "daedalus-foreign-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files: Promise<readonly string[]> | undefined;

/** Trained once for all readers. */
function filesOfRandomProjects(): Promise<readonly string[]> {
  files ??= trainRandomProjects();
  return files;
}

async function trainRandomProjects(): Promise<readonly string[]> {
  const found: string[] = [];
  for (const { first, count, draw } of PROJECTS)
    for (let seed = first, done = 0; done < count; seed++) {
      const one = drawn(seed, draw);
      const days = [...expectedOf(one).values()];
      if (days.length === 0 || days.some((day) => day instanceof OracleStop)) continue;
      const directory = join(folder, String(seed));
      await writeCase(directory, one);
      const { outputRoot } = await trainDirectory(directory, one.service, { skeletonOnly: one.skeletonOnly ?? false });
      found.push(...parquetFiles(outputRoot));
      done++;
    }
  return found;
}

function parquetFiles(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".parquet"))
    .sort()
    .map((name) => join(folder, name));
}

function typeOf({ types, list }: Reader, dtype: string): string {
  const element = types[dtype.replace("[]", "")] ?? dtype;
  return dtype.endsWith("[]") ? list(element) : element;
}

/** `list<element: int64>`: how the element is called is the writer's. */
function elementsAside(type: string): string {
  return type.replace(/^list<\w+: (.*?)(?: not null)?>$/, "list<$1>");
}

function written(row: readonly Value[], dtypes: readonly string[]): readonly unknown[] {
  return row.map((value, i) => cellText(value, dtypes[i] ?? "TEXT"));
}

/** A value as the scripts say it: floats by their bits. */
function cellText(value: Value, dtype: string): unknown {
  if (value === null || typeof value === "boolean") return value;
  if (Array.isArray(value)) return value.map((element) => cellText(element, dtype.replace("[]", "")));
  if (typeof value !== "number") return String(value);
  const view = new DataView(new ArrayBuffer(8));
  const wide = dtype === "DOUBLE";
  if (wide) view.setFloat64(0, value);
  else view.setFloat32(0, value);
  return Buffer.from(view.buffer, 0, wide ? 8 : 4).toString("hex");
}
