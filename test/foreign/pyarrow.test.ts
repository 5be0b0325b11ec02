import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { trainingDay } from "../oracles/training-day.js";
import type { Value } from "../oracles/values.js";
import { inProject, trainDirectory } from "../support/product.js";
import { projectOf, type Rule } from "../support/rule.js";

// What is written is read by another implementation of Parquet and Arrow: types, values, codec, counts.

/** What `read_back.py` says of a file. */
interface Seen {
  readonly schema: readonly (readonly [string, string])[];
  readonly rows: readonly (readonly unknown[])[];
  readonly count: number;
  readonly codecs: readonly string[];
}

const python = [process.env["DAEDALUS_PYTHON"], resolve(".venv/bin/python")].find(
  (path) => path !== undefined && existsSync(path) && hasPyarrow(path),
);
const why = "no Python with pyarrow: run `npm test`, which makes .venv, or set DAEDALUS_PYTHON";

function hasPyarrow(path: string): boolean {
  try {
    execFileSync(path, ["-c", "import pyarrow"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

function readBack(paths: readonly string[]): readonly Seen[] {
  const text = execFileSync(python ?? "", [join(import.meta.dirname, "read_back.py"), ...paths], {
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  return JSON.parse(text);
}

const ARROW_TYPES: Readonly<Record<string, string>> = {
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
};
const TYPES = Object.keys(ARROW_TYPES);

/** Every dtype, scalar and list; a view of which one day is left without rows by the content filter. */
const everything: Rule = {
  spine: {
    table: `user_id ts ${TYPES.map((type) => `c_${type}:${type}`).join(" ")} ${TYPES.map((type) => `l_${type}:${type}[]`).join(" ")}
      1 1 true -128 -32768 -2147483648 9223372036854775807 0.1 0.1 ä 1969-12-31 1969-12-31T23:59:59.999999 [true,NULL] [1] [2,NULL] [3] [9007199254740993] [0.5,NaN] [0.1,-inf] [b,'',NULL] [1970-01-02] [2024-02-29T01:02:03.000004,NULL]
      1 2 NULL NULL NULL NULL NULL NULL NULL NULL NULL NULL NULL NULL NULL NULL NULL NULL NULL NULL NULL NULL
      2 3 false 127 32767 2147483647 -9223372036854775808 NaN inf '' 9999-12-31 9999-12-31T23:59:59.999999 [] [] [] [] [] [] [] [] [] []
      3 86401 true 0 0 0 0 0 0 x 1970-01-01 1970-01-01T00:00:00 [] [] [] [] [] [] [] [] [] []`,
  },
  columns: [...TYPES.map((type) => `c_${type} spine ${type}`), ...TYPES.map((type) => `l_${type} spine ${type}[]`)],
  runtime: { content_filter: [{ drop_where: "user_id = 3" }], entity_spine_chunk_rows: 2 },
  days: ["1970-01-01", "1970-01-02"],
};

describe("pyarrow reads", () => {
  test.skipIf(python === undefined && process.env["CI"] === undefined)(
    python === undefined ? `nothing: ${why}` : "types, values, codec and counts of every dtype",
    async () => {
      if (python === undefined) throw new Error(why);
      const one = projectOf(everything);
      await inProject({ ...one, service: "main" }, async (directory) => {
        const { outputRoot } = await trainDirectory(directory, "main", {});
        const parts = (day: string): string[] => {
          const folder = join(outputRoot, `dt=${day}`);
          return readdirSync(folder)
            .filter((name) => name.endsWith(".parquet"))
            .sort()
            .map((name) => join(folder, name));
        };
        const expected = trainingDay(one.project, one.tables, "main", "1970-01-01", ["1970-01-01", "1970-01-02"]);
        const schema = expected.columns.map(({ name, dtype }) => [name, arrowType(dtype)]);
        const seen = readBack(parts("1970-01-01"));
        expect(seen.map(({ count }) => count)).toEqual([2, 1]);
        for (const part of seen) {
          expect(part.schema.map(([name, type]) => [name, elementsAside(type)])).toEqual(schema);
          expect(part.codecs).toEqual(["ZSTD"]);
        }
        const dtypes = expected.columns.map(({ dtype }) => dtype);
        expect(seen.flatMap(({ rows }) => rows)).toEqual(
          expected.rows.map((row) => row.map((value, i) => written(value, dtypes[i] ?? "TEXT"))),
        );
        const [empty, ...more] = readBack(parts("1970-01-02"));
        expect(more).toEqual([]);
        expect(empty?.count).toBe(0);
        expect(empty?.schema, "the schema of a day without rows").toEqual(seen[0]?.schema);
      });
    },
  );

  test.skipIf(python === undefined && process.env["CI"] === undefined)(
    python === undefined ? `nothing: ${why}` : "the map of sessions",
    async () => {
      if (python === undefined) throw new Error(why);
      const one = projectOf({
        spine: "user_id ts session\n1 5 b\n1 4 a\n1 6 NULL",
        columns: [{ name: "qid", kind: "derived", dtype: "BIGINT" }],
      });
      await inProject({ ...one, service: "main" }, async (directory) => {
        const { outputRoot } = await trainDirectory(directory, "main", {});
        const [map] = readBack([join(outputRoot, "qid_map.parquet")]);
        expect(map?.schema).toEqual([
          ["session_id", "string"],
          ["qid", "int64"],
        ]);
        expect(map?.rows).toEqual([
          ["a", "0"],
          ["b", "1"],
        ]);
      });
    },
  );
});

function arrowType(dtype: string): string {
  const element = ARROW_TYPES[dtype.replace("[]", "")] ?? dtype;
  return dtype.endsWith("[]") ? `list<${element}>` : element;
}

/** `list<element: int64>`: how the element is called is the writer's. */
function elementsAside(type: string): string {
  return type.replace(/^list<\w+: (.*?)(?: not null)?>$/, "list<$1>");
}

/** A value as `read_back.py` says it: floats by their bits. */
function written(value: Value, dtype: string): unknown {
  if (value === null || typeof value === "boolean") return value;
  if (Array.isArray(value)) return value.map((element) => written(element, dtype.replace("[]", "")));
  if (typeof value !== "number") return String(value);
  const view = new DataView(new ArrayBuffer(8));
  const wide = dtype === "DOUBLE";
  if (wide) view.setFloat64(0, value);
  else view.setFloat32(0, value);
  return Buffer.from(view.buffer, 0, wide ? 8 : 4).toString("hex");
}
