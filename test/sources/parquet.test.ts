import { readFileSync, rmSync } from "node:fs";
import { parquetWriteFile } from "hyparquet-writer";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DType } from "#daedalus/columnar/dtypes.js";
import type { ScanRequest } from "#daedalus/sources/source.js";
import { columns, failing, micros, Project, refusal } from "./files.js";

let project: Project;
beforeAll(async () => {
  project = await Project.open();
});
afterAll(() => project.close());

async function typed(dtype: DType, ...expressions: readonly string[]): Promise<readonly unknown[]> {
  await project.parquet("v.parquet", `SELECT unnest([${expressions.join(", ")}]) AS v`);
  return project.readText("v.parquet", "v", dtype);
}

describe("dtypes of Parquet types", () => {
  test("each type has the dtype that holds it; nested ones have none and are named", async () => {
    await project.parquet(
      "types.parquet",
      `SELECT true AS bool, 1::TINYINT AS i8, 1::SMALLINT AS i16, 1::INTEGER AS i32, 1::BIGINT AS i64, 1::UTINYINT AS u8,
        1::USMALLINT AS u16, 1::UINTEGER AS u32, 1::UBIGINT AS u64, 1::FLOAT AS f, 1::DOUBLE AS d, 1.5::DECIMAL(9,2) AS de,
        'x' AS s, uuid() AS u, DATE '2024-01-01' AS da, TIMESTAMP '2024-01-01' AS t, make_timestamp_ns(1) AS tn,
        TIMESTAMPTZ '2024-01-01 00:00:00+00' AS tz, [1::SMALLINT] AS l, {'a': 1} AS st, [[1]] AS ll`,
    );
    const { columns: found } = await project.source("types.parquet").schema();
    expect(
      Object.fromEntries(found.map(({ name, dtype, timeUnit }) => [name, timeUnit ? [dtype, timeUnit] : dtype])),
    ).toEqual({
      bool: "BOOLEAN",
      i8: "TINYINT",
      i16: "SMALLINT",
      i32: "INTEGER",
      i64: "BIGINT",
      u8: "SMALLINT",
      u16: "INTEGER",
      u32: "BIGINT",
      u64: "BIGINT",
      f: "FLOAT",
      d: "DOUBLE",
      de: "DOUBLE",
      s: "TEXT",
      u: "TEXT",
      da: ["DATE", "date"],
      t: ["TIMESTAMP", "timestamp"],
      tn: ["TIMESTAMP", "timestamp_ns"],
      tz: ["TIMESTAMP", "timestamp"],
      l: "SMALLINT[]",
      st: undefined,
      ll: undefined,
    });
    expect(found.find(({ name }) => name === "st")?.type).toMatch(/^STRUCT/);
  });
});

describe("exact casts", () => {
  test.each([
    ["INTEGER", ["2.0::DOUBLE", "-0.0::DOUBLE", "NULL"], ["2", "0", null]],
    ["BIGINT", ["9223372036854775807::UBIGINT"], ["9223372036854775807"]],
    ["DOUBLE", ["9007199254740993::BIGINT"], ["9007199254740992.0"]],
    ["FLOAT", ["16777217::INTEGER"], ["16777216.0"]],
    ["FLOAT", ["1.0000000596046447754::DECIMAL(38,20)"], ["1.0000001"]],
    ["DOUBLE", ["0.1::DECIMAL(9,1)"], ["0.1"]],
    ["FLOAT", ["0.1::DOUBLE", "'-Infinity'::DOUBLE", "'NaN'::DOUBLE", "'-0'::DOUBLE"], ["0.1", "-inf", "nan", "-0.0"]],
    ["BIGINT", ["12.00::DECIMAL(9,2)"], ["12"]],
    [
      "TIMESTAMP",
      ["make_timestamp_ns(-1)", "make_timestamp_ns(1999)", "make_timestamp_ns(-1000)"],
      ["1969-12-31 23:59:59.999999", "1970-01-01 00:00:00.000001", "1969-12-31 23:59:59.999999"],
    ],
    ["TIMESTAMP", ["TIMESTAMPTZ '2024-01-01 00:00:00+02'"], ["2023-12-31 22:00:00"]],
    ["TIMESTAMP", ["DATE '1969-12-31'"], ["1969-12-31 00:00:00"]],
    ["DATE", ["TIMESTAMP '2024-01-01 00:00:00'"], ["2024-01-01"]],
    ["TEXT", ["7::INTEGER"], ["7"]],
    ["TEXT", ["'Ünïcødé 😀'"], ["Ünïcødé 😀"]],
    ["BIGINT[]", ["[1::INTEGER, NULL]", "NULL", "[]::INTEGER[]"], ["[1, NULL]", null, "[]"]],
    ["SMALLINT[]", ["[2.0::FLOAT]"], ["[2]"]],
  ] as const)("%s of %s", async (dtype, written, expected) => {
    expect(await typed(dtype, ...written)).toEqual(expected);
  });

  test.each([
    ["INTEGER", "1.5::DOUBLE", "1.5"],
    ["BIGINT", "'NaN'::DOUBLE", "nan"],
    ["BIGINT", "'Infinity'::FLOAT", "inf"],
    ["BIGINT", "9223372036854775808::DOUBLE", "9.223372036854776e+18"],
    ["BIGINT", "18446744073709551615::UBIGINT", "18446744073709551615"],
    ["TINYINT", "128::INTEGER", "128"],
    ["INTEGER", "1.50::DECIMAL(9,2)", "1.50"],
    ["FLOAT", "1e39::DOUBLE", "1e+39"],
    ["TIMESTAMP", "'infinity'::TIMESTAMP", "infinity"],
    ["TIMESTAMP", "'-infinity'::DATE", "-infinity"],
    ["DATE", "TIMESTAMP '2024-01-01 00:00:01'", "2024-01-01 00:00:01"],
    ["TINYINT[]", "[1, 300]", "[1, 300]"],
  ] as const)("%s does not hold %s: file, row, column and value are told", async (dtype, written, value) => {
    await project.parquet("deep/bad.parquet", `SELECT unnest([NULL, ${written}]) AS v`);
    expect(await project.misfit("deep", "v", dtype)).toMatchObject({
      code: "source/value-does-not-fit",
      file: "deep/bad.parquet",
      says: `column "v" holds ${value} in row 2, which is no ${dtype}`,
    });
  });

  test("instants that no calendar has are read like others; they are of no day", async () => {
    // TIMESTAMPs of 2024-01-01, 9e18 and −2⁶³ µs, by pyarrow: DuckDB cannot even write the latter as text.
    project.text("absurd.parquet", readFileSync(new URL("./absurd-instants.parquet", import.meta.url)));
    await project.parquet(
      "absurd-integers.parquet",
      "SELECT unnest([1704110400000000, 9223372036854775807, -9223372036854775807]) AS ts",
    );
    for (const [path, time] of [
      ["absurd.parquet", { source: "ts", unit: "timestamp" }],
      ["absurd-integers.parquet", { source: "ts", unit: "us" }],
    ] as const) {
      const source = project.source(path);
      expect([...(await source.rowsByDay(time, {}))]).toEqual([["2024-01-01", 1]]);
      const [from, to] = [micros("2023-12-31T00:00:00Z"), micros("2024-02-01T00:00:00Z")];
      expect([...(await source.rowsByDay(time, { from, to }))]).toEqual([["2024-01-01", 1]]);
      expect((await source.identity({ time, before: micros("1970-01-01T00:00:00Z") })).files).toHaveLength(1);
    }
  });

  test("a column that a file has no value of, and so no type, is NULL of whatever type it has elsewhere", async () => {
    // Written by pyarrow: DuckDB has no such type.
    project.text("valueless/a.parquet", readFileSync(new URL("./without-values.parquet", import.meta.url)));
    expect(await project.read("valueless", "x", "TEXT")).toEqual([null, null]);
    expect((await project.source("valueless").schema()).columns.find(({ name }) => name === "x")).toMatchObject({
      dtype: "INTEGER",
    });
    for (const [value, dtype] of [
      ["1.5::DOUBLE", "DOUBLE"],
      ["'word'", "TEXT"],
      ["[1, 2]::BIGINT[]", "BIGINT[]"],
      ["TIMESTAMP '2024-01-01'", "TIMESTAMP"],
    ] as const) {
      await project.parquet("valueless/b.parquet", `SELECT 5 AS id, ${value} AS x`);
      expect((await project.source("valueless").schema()).columns.find(({ name }) => name === "x")).toMatchObject({
        dtype,
      });
      const [first, second, third] = await project.read("valueless", "x", dtype);
      expect([first, second, third === null]).toEqual([null, null, false]);
      rmSync(project.path("valueless/b.parquet"));
    }
  });

  test("what has no type inside a list or struct takes no column of its name along", async () => {
    // By pyarrow: `tags` is a list of nulls, whose part is called "element", `s` a struct with such an "x".
    project.text("nested-nulls.parquet", readFileSync(new URL("./nested-nulls.parquet", import.meta.url)));
    expect(await project.read("nested-nulls.parquet", "element", "BIGINT")).toEqual([7n, 8n]);
    expect(await project.read("nested-nulls.parquet", "x", "BIGINT")).toEqual([5n, 6n]);
  });

  test("BOOLEAN is no number and a number is no BOOLEAN: refused before the query", async () => {
    await project.parquet("b.parquet", "SELECT true AS b, 1 AS n, TIMESTAMP '2024-01-01' AS t");
    for (const [column, dtype] of [
      ["b", "BIGINT"],
      ["n", "BOOLEAN"],
      ["t", "BIGINT"],
      ["n", "BIGINT[]"],
    ] as const)
      expect(await refusal(() => project.source("b.parquet").scan(columns({ [column]: dtype })))).toMatchObject({
        code: "source/unsupported-conversion",
        file: "b.parquet",
        exitCode: 2,
      });
  });
});

describe("instants", () => {
  test.each([
    ["s", "unnest([-1, 0, 1]::BIGINT[])", [-1_000_000n, 0n, 1_000_000n]],
    ["ms", "unnest([-1, 0, 1]::INTEGER[])", [-1000n, 0n, 1000n]],
    ["us", "unnest([-9223372036854775808, 9223372036854775807]::BIGINT[])", [-(1n << 63n), (1n << 63n) - 1n]],
    ["ns", "unnest([-1, 9007199254740993]::BIGINT[])", [-1n, 9007199254740993n]],
    ["timestamp_ns", "unnest([make_timestamp_ns(-1), make_timestamp_ns(1)])", [-1n, 1n]],
    ["timestamp", "unnest([make_timestamp_ns(-1), make_timestamp_ns(1999)])", [-1n, 1n]],
    ["timestamp", "unnest([make_timestamp(-1), make_timestamp(1)])", [-1n, 1n]],
    ["timestamp", "unnest([make_timestamptz(-1)])", [-1n]],
    ["date", "unnest([DATE '1969-12-31', DATE '1970-01-02'])", [-86_400_000_000n, 86_400_000_000n]],
  ] as const)("%s from %s", async (unit, expression, expected) => {
    await project.parquet("t.parquet", `SELECT ${expression} AS t`);
    expect(await project.ticks(project.source("t.parquet"), { source: "t", unit })).toEqual(expected);
  });

  test.each([
    ["s", "9223372036855::BIGINT", "9223372036855"],
    ["ms", "-9223372036854776::BIGINT", "-9223372036854776"],
    ["us", "9223372036854775808::UBIGINT", "9223372036854775808"],
    ["timestamp", "'infinity'::TIMESTAMP", "infinity"],
  ] as const)(
    "an instant in %s that does not fit 64 bits of microseconds is refused",
    async (unit, expression, value) => {
      await project.parquet("o.parquet", `SELECT unnest([NULL, ${expression}]) AS t`);
      const source = project.source("o.parquet");
      const problem = await failing(project.session, source, {
        columns: [],
        instants: [{ name: "t", source: "t", unit }],
      });
      expect(problem.says).toBe(`column "t" holds ${value} in row 2, which is no instant of 64 bits`);
    },
  );
});

describe("range", () => {
  const bounds = { from: -1_500n, to: 1_500n };
  test.each([
    ["us", "i", [-1500n, -1001n, -1000n, -1n, 0n, 1n, 999n, 1000n, 1001n, 1499n]],
    ["ms", "i", [-1_000n, 0n, 1_000n]],
    ["timestamp", "make_timestamp(i)", [-1500n, -1001n, -1000n, -1n, 0n, 1n, 999n, 1000n, 1001n, 1499n]],
    ["timestamp", "make_timestamptz(i)", [-1500n, -1001n, -1000n, -1n, 0n, 1n, 999n, 1000n, 1001n, 1499n]],
    ["ns", "i * 1000 - 1", [-1001001n, -1000001n, -1001n, -1n, 999n, 998999n, 999999n, 1000999n, 1498999n, 1499999n]],
  ] as const)("from <= instant < to, exactly, in %s over %s", async (unit, expression, expected) => {
    const list = "unnest([-1501, -1500, -1001, -1000, -1, 0, 1, 999, 1000, 1001, 1499, 1500, NULL]::BIGINT[])";
    await project.parquet("r.parquet", `SELECT ${expression} AS t FROM (SELECT ${list} AS i)`);
    const time = { source: "t", unit };
    const { sql } = await project
      .source("r.parquet")
      .scan({ columns: [], instants: [{ name: "t", ...time }], range: { time, ...bounds } });
    expect((await project.session.query(`SELECT t FROM (${sql}) ORDER BY t`)).map((row) => row["t"])).toEqual(expected);
  });

  test("a DATE lies in a range by its midnight", async () => {
    await project.parquet(
      "d.parquet",
      "SELECT unnest([DATE '1969-12-30', DATE '1969-12-31', DATE '1970-01-01', NULL]) AS t",
    );
    const time = { source: "t", unit: "date" as const };
    const read = async (from: bigint, to: bigint) => {
      const request: ScanRequest = { columns: [], instants: [{ name: "t", ...time }], range: { time, from, to } };
      const { sql } = await project.source("d.parquet").scan(request);
      return (await project.session.query(sql)).map((row) => row["t"]);
    };
    expect(await read(-86_400_000_000n, 0n)).toEqual([-86_400_000_000n]);
    expect(await read(-86_399_999_999n, 1n)).toEqual([0n]);
  });

  test("without bounds, rows without an instant are left out; bounds beyond the type give nothing or everything", async () => {
    await project.parquet("r.parquet", "SELECT unnest([1, NULL]::BIGINT[]) AS t");
    const time = { source: "t", unit: "ns" as const };
    const count = async (range: { from?: bigint; to?: bigint }) => {
      const { sql } = await project.source("r.parquet").scan({ columns: [], instants: [], range: { time, ...range } });
      return (await project.session.query(`SELECT count(*) AS n FROM (${sql})`))[0]?.["n"];
    };
    expect(await count({})).toBe(1n);
    expect(await count({ from: -(1n << 63n) })).toBe(1n);
    expect(await count({ from: (1n << 63n) - 1n })).toBe(0n);
    expect(await count({ to: 1n << 63n })).toBe(1n);
  });

  test.each([
    ["ms", "1704067200000 + i * 1000"],
    ["timestamp", "make_timestamp(1704067200000000 + i * 1000000)"],
    ["timestamp", "make_timestamptz(1704067200000000 + i * 1000000)"],
    ["timestamp_ns", "make_timestamp_ns(1704067200000000000 + i * 1000000000)"],
    ["date", "DATE '2024-01-01' + CAST(i // 86400 AS INTEGER)"],
  ] as const)(
    "row groups outside the range and columns not asked for are not read: %s from %s",
    async (unit, expression) => {
      await project.parquet(
        "wide.parquet",
        `SELECT ${expression} AS t, hash(i) AS a, hash(i + 1) AS b, hash(i + 2) AS c, hash(i + 3) AS d FROM range(864000) r(i)`,
        ", ROW_GROUP_SIZE 43200",
      );
      const time = { source: "t", unit };
      const day = { time, from: micros("2024-01-04T00:00:00Z"), to: micros("2024-01-05T00:00:00Z") };
      const bytes = async (request: ScanRequest, rows: bigint) => {
        const { sql } = await project.source("wide.parquet").scan(request);
        const before = bytesRead();
        const names = request.columns.map(({ name }) => `max(hash(${name}))`);
        const [row] = await project.session.query(`SELECT count(*) AS n, ${names.join(", ")} FROM (${sql})`);
        expect(row?.["n"]).toBe(rows);
        return bytesRead() - before;
      };
      const one = { columns: [{ name: "a", source: "a", dtype: "TEXT" as const }], instants: [] };
      const four = {
        ...one,
        columns: ["a", "b", "c", "d"].map((name) => ({ name, source: name, dtype: "TEXT" as const })),
      };
      const all = await bytes(four, 864_000n);
      expect(all).toBeGreaterThan(864_000 * 4 * 8);
      expect(await bytes(one, 864_000n)).toBeLessThan(all / 3.5);
      expect(await bytes({ ...four, range: day }, 86_400n)).toBeLessThan(all / 5);
      const { sql } = await project.source("wide.parquet").scan({ ...one, range: day });
      const [plan] = await project.session.query(`EXPLAIN (ANALYZE, FORMAT json) SELECT count(a) FROM (${sql})`);
      // The scan hands on no more than the row groups of the day: of the twenty, three touch it.
      expect(scanned(JSON.parse(String(plan?.["explain_value"])))).toBeLessThanOrEqual(3 * 45_056);
    },
  );
});

/** Bytes that this process read by system calls. */
function bytesRead(): number {
  return Number(/rchar: (\d+)/.exec(readFileSync("/proc/self/io", "utf8"))?.[1]);
}

function scanned(node: {
  operator_name?: string;
  operator_cardinality?: number;
  children?: readonly object[];
}): number {
  const own = /SCAN|READ_PARQUET/.test(node.operator_name ?? "") ? (node.operator_cardinality ?? Number.NaN) : 0;
  return own + (node.children ?? []).reduce((sum, child) => sum + scanned(child), 0);
}

test("a NaN meets conditions and joins, whatever the statistics of its file say", async () => {
  const nan = Number.NaN;
  const bits = (value: number) => new BigUint64Array(Float64Array.of(value).buffer)[0];
  const data = [1, 2, nan, -0, null];
  parquetWriteFile({
    filename: project.path("x.parquet"),
    columnData: [
      { name: "x", data, type: "DOUBLE" },
      { name: "f", data, type: "FLOAT" },
    ],
  });
  const count = async (from: string, condition: string) =>
    Number((await project.session.query(`SELECT count(*) AS n FROM (${from}) r WHERE ${condition}`))[0]?.["n"]);
  // As DuckDB reads it, the statistics hide the row.
  const bare = `SELECT x FROM read_parquet('${project.path("x.parquet")}')`;
  expect(await count(bare, "x = 'NaN'")).toBe(0);
  const { sql } = await project.source("x.parquet").scan(columns({ x: "DOUBLE", f: "FLOAT" }));
  for (const column of ["x", "f"]) {
    expect(await count(sql, `${column} = 'NaN'`), column).toBe(1);
    expect(await count(sql, `${column} > 100`), column).toBe(1);
    expect(await count(sql, `${column} IN ('NaN', 7)`), column).toBe(1);
    expect(await count(sql, `NOT ${column} <= 2`), column).toBe(1);
    expect(
      await count(`SELECT * FROM (${sql}) s JOIN (SELECT 'NaN'::DOUBLE AS k) k ON s.${column} = k.k`, "true"),
    ).toBe(1);
  }
  const read = await project.session.query(`SELECT x FROM (${sql})`);
  expect(read.map(({ x }) => (typeof x === "number" && !Number.isNaN(x) ? bits(x) : String(x)))).toEqual(
    data.map((x) => (typeof x === "number" && !Number.isNaN(x) ? bits(x) : String(x))),
  );
});
