import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DType } from "#daedalus/columnar/dtypes.js";
import { columns, failing, micros, Project } from "./files.js";

let project: Project;
beforeAll(async () => {
  project = await Project.open();
});
afterAll(() => project.close());

/** Each text in a CSV field of its own record. */
async function csvText(dtype: DType, ...values: readonly string[]): Promise<readonly unknown[]> {
  project.text("v.csv", `x,v\n${values.map((value) => `1,"${value.replaceAll('"', '""')}"`).join("\n")}\n`);
  return project.readText("v.csv", "v", dtype);
}
async function csvMisfit(dtype: DType, value: string) {
  project.text("bad.csv", `x,v\n1,\n2,"${value}"\n`);
  return project.misfit("bad.csv", "v", dtype);
}

describe("text as a dtype", () => {
  test.each([
    ["TEXT", ["007", "1.50", " a ", "é", "NULL"], ["007", "1.50", " a ", "é", "NULL"]],
    [
      "BIGINT",
      ["9007199254740993", "-9223372036854775808", "9223372036854775807", "+5", "007"],
      ["9007199254740993", "-9223372036854775808", "9223372036854775807", "5", "7"],
    ],
    [
      "BIGINT",
      [
        "1.0",
        "-0.0",
        "1e3",
        "1.50e1",
        "100e-2",
        "-1.2E+2",
        "9007199254740993.000",
        "9.007199254740993e15",
        "0e99",
        ".5e1",
      ],
      ["1", "0", "1000", "15", "1", "-120", "9007199254740993", "9007199254740993", "0", "5"],
    ],
    ["TINYINT", ["127", "-128"], ["127", "-128"]],
    [
      "DOUBLE",
      ["0.1", "-0", "1e-400", ".5", "5.", "NaN", "-Infinity", "inf"],
      ["0.1", "-0.0", "0.0", "0.5", "5.0", "nan", "-inf", "inf"],
    ],
    ["BOOLEAN", ["true", "F", "1", "0", "TRUE", "t"], ["true", "false", "true", "false", "true", "true"]],
    ["DATE", ["1969-12-31", "2024-02-29"], ["1969-12-31", "2024-02-29"]],
    [
      "TIMESTAMP",
      [
        "2024-01-01T10:20:30",
        "2024-01-01 10:20:30.5Z",
        "2024-01-01T00:00:00+02:00",
        "2024-01-01T00:00:00-0530",
        "2024-01-01T00:00+01",
        "2024-01-01",
      ],
      [
        "2024-01-01 10:20:30",
        "2024-01-01 10:20:30.5",
        "2023-12-31 22:00:00",
        "2024-01-01 05:30:00",
        "2023-12-31 23:00:00",
        "2024-01-01 00:00:00",
      ],
    ],
    [
      "TIMESTAMP",
      ["1969-12-31T23:59:59.999999999Z", "2024-01-01T00:00:00.0000019", "1970-01-01T00:00:00.123456789+00:00"],
      ["1969-12-31 23:59:59.999999", "2024-01-01 00:00:00.000001", "1970-01-01 00:00:00.123456"],
    ],
    ["BIGINT[]", ["[1, 9007199254740993]", "[]", "[null,2.0]"], ["[1, 9007199254740993]", "[]", "[NULL, 2]"]],
    ["TEXT[]", ['["a\\nb","é", 1.50]'], ["[a\nb, é, 1.50]"]],
  ] as const)("%s", async (dtype, written, expected) => {
    const found = await csvText(dtype, ...written);
    expect(
      dtype === "TEXT[]" ? found.map((value) => String(value).replaceAll("'", "").replaceAll("\\n", "\n")) : found,
    ).toEqual(expected);
  });

  test("a decimal becomes the nearest FLOAT directly, not by way of a double", async () => {
    // Just above the middle of two floats, but its nearest double is the middle itself, which rounds to even.
    expect(await csvText("FLOAT", "1.00000005960464477539062501")).toEqual(["1.0000001"]);
    expect(await csvText("FLOAT", "1.000000059604644775390625")).toEqual(["1.0"]);
  });

  test.each([
    ["BIGINT", "1.5"],
    ["BIGINT", "9223372036854775808"],
    ["BIGINT", "1e-1"],
    ["BIGINT", "10e-25"],
    ["BIGINT", "1e19"],
    ["BIGINT", "1.0000000000000000000000001"],
    ["BIGINT", " 1"],
    ["BIGINT", "0x10"],
    ["BIGINT", "1_000"],
    ["TINYINT", "128"],
    ["FLOAT", "1e39"],
    ["DOUBLE", "1e400"],
    ["DOUBLE", "1,5"],
    ["DOUBLE", "abc"],
    ["BOOLEAN", "yes"],
    ["DATE", "2024-02-30"],
    ["DATE", "2024-01-01T00:00:00"],
    ["TIMESTAMP", "01.02.2024"],
    ["TIMESTAMP", "2024-01-01T00:00:00 Europe/Berlin"],
    ["TIMESTAMP", "2024-01-01T00:00:00+24:00"],
    ["TIMESTAMP", "2024-01-01T25:00:00"],
    ["TIMESTAMP", "infinity"],
    ["BIGINT[]", "1,2"],
    ["BIGINT[]", "[1.5]"],
    ["BIGINT[]", "[1"],
  ] as const)("%s does not hold %s: file, column, record and value are told", async (dtype, value) => {
    expect(await csvMisfit(dtype, value)).toMatchObject({
      code: "source/value-does-not-fit",
      file: "bad.csv",
      says: `column "v" holds ${value} in record 2 (the header not counted), which is no ${dtype}`,
    });
  });
});

describe("CSV", () => {
  test("empty and quoted empty fields are NULL; quotes, line breaks and commas in quotes are text", async () => {
    project.text("q.csv", '\ufeffid,"na""me"\r\n1,\r\n2,""\r\n3,"a\r\nb, ""c"""\r\n');
    expect(await project.read("q.csv", 'na"me', "TEXT")).toEqual([null, null, 'a\r\nb, "c"']);
    expect(await project.read("q.csv", "id", "BIGINT")).toEqual([1n, 2n, 3n]);
  });

  test.each([
    ["pandas' row numbers", ",user_id,v\n0,1,a\n1,2,b\n"],
    ["a comma at the end", "user_id,v,\n1,a,\n2,b,\n"],
    [
      "two of them, quoted or not, and a name like those made for them",
      '"",user_id,v,,unnamed 1\n0,1,a,x,y\n1,2,b,x,y\n',
    ],
  ])("columns without a name are passed over: %s", async (_, content) => {
    project.text("unnamed.csv", content);
    expect(await project.read("unnamed.csv", "user_id", "BIGINT")).toEqual([1n, 2n]);
    expect(await project.read("unnamed.csv", "v", "TEXT")).toEqual(["a", "b"]);
    const { columns: found } = await project.source("unnamed.csv").schema();
    expect(found.map(({ name }) => name)).toEqual(
      content.includes("unnamed 1") ? ["user_id", "v", "unnamed 1"] : ["user_id", "v"],
    );
  });

  test("gz, and a last line without a line break", async () => {
    project.text("z.csv.gz", gzipSync("id\n1\n2"));
    expect(await project.read("z.csv.gz", "id", "BIGINT")).toEqual([1n, 2n]);
  });

  test("a gz file that ends too early, or whose checksum is wrong, is refused", async () => {
    const lines = Array.from({ length: 20_000 }, (_, row) => `${row},${(row * 7919) % 1000}`).join("\n");
    const whole = gzipSync(`id,v\n${lines}\n`);
    const damaged = Buffer.from(whole);
    damaged[whole.length - 6] = (damaged[whole.length - 6] ?? 0) ^ 1;
    for (const [name, bytes] of [
      ["half.csv.gz", whole.subarray(0, whole.length / 2)],
      ["damaged.csv.gz", damaged],
      ["half.ndjson.gz", gzipSync('{"id":1}\n{"id":2}\n').subarray(0, 25)],
    ] as const) {
      project.text(name, bytes);
      await expect(project.read(name, "id", "BIGINT")).rejects.toMatchObject({
        exitCode: 1,
        problems: [{ code: "source/unreadable-file", file: name }],
      });
    }
    project.text("two.csv.gz", Buffer.concat([gzipSync("id\n1\n"), gzipSync("2\n")]));
    expect(await project.read("two.csv.gz", "id", "BIGINT")).toEqual([1n, 2n]);
  });

  test("a record of other length is told by line", async () => {
    project.text("short.csv", "a,b\n1,2\n3\n");
    expect(await project.misfit("short.csv", "a", "TEXT")).toMatchObject({
      code: "source/invalid-csv",
      file: "short.csv",
      line: 3,
    });
  });

  test("a header that names a column twice is refused", async () => {
    project.text("twice.csv", "a,b,a\n1,2,3\n");
    await expect(project.source("twice.csv").schema()).rejects.toMatchObject({
      problems: [{ code: "source/duplicate-column", file: "twice.csv", line: 1 }],
    });
  });
});

describe("NDJSON", () => {
  test("a number in a TEXT field is its text as written; strings are unescaped; int64 ids stay exact", async () => {
    project.text(
      "n.ndjson",
      '{"id":9007199254740993,"t":1.50,"s":"x\\u00e9\\ud83d\\ude00\\"\\n","l":[1,null],"deep":{"a":[1]}}\r\n\n   \n{"id":"7","t":"007","s":null}\n{"t":true,"id":1e0,"id":2.0}',
    );
    expect(await project.read("n.ndjson", "id", "BIGINT")).toEqual([9007199254740993n, 7n, 2n]);
    expect(await project.read("n.ndjson", "t", "TEXT")).toEqual(["1.50", "007", "true"]);
    expect(await project.read("n.ndjson", "s", "TEXT")).toEqual(['xé😀"\n', null, null]);
    expect(await project.read("n.ndjson", "l", "BIGINT[]")).toEqual([[1n, null], null, null]);
    expect(await project.read("n.ndjson", "deep", "TEXT")).toEqual(['{"a":[1]}', null, null]);
    expect(await project.read("n.ndjson", "nowhere", "DOUBLE")).toEqual([null, null, null]);
  });

  test("every name is accepted: columns cannot be known without reading rows", async () => {
    expect(await project.source("n.ndjson").schema()).toEqual({ columns: [], ignoredFiles: 0, open: true });
  });

  test.each([
    ['{"v":NaN}', 6],
    ['{"v":-Infinity}', 6],
    ['{"v":1}{"v":2}', 8],
    ["[1]", 1],
    ['{"v":"\\ud800"}', 6],
    ['{"v":01}', 7],
    ['{"v":1,}', 8],
    ['{"v":tru}', 6],
    ['{"v":"a', 6],
    ['{"v" 1}', 6],
  ])("%s is refused with file, line and column", async (line, column) => {
    project.text("bad.ndjson", `{"v":1}\n\n${line}\n{"v":2}\n`);
    expect(await project.misfit("bad.ndjson", "v", "DOUBLE")).toMatchObject({
      code: "source/invalid-json",
      file: "bad.ndjson",
      line: 3,
      column,
    });
  });

  test("a value that does not fit is told by line", async () => {
    project.text("m.jsonl", '{"v":1}\n\n{"v":1.5}\n');
    expect(await project.misfit("m.jsonl", "v", "INTEGER")).toMatchObject({
      code: "source/value-does-not-fit",
      file: "m.jsonl",
      line: 3,
      says: 'column "v" holds 1.5 in line 3, which is no INTEGER',
    });
  });

  test("a line is read once, however long, and across vectors", async () => {
    const long = "y".repeat(3_000_000);
    const lines = Array.from({ length: 5000 }, (_, i) => `{"v":${i},"s":"row number ${i}"}`);
    project.text("long.ndjson.gz", gzipSync(`{"v":-1,"s":"${long}"}\n${lines.join("\n")}\n`));
    const { sql, costly } = await project.source("long.ndjson.gz").scan(columns({ v: "BIGINT", s: "TEXT" }));
    const [row] = await project.session.query(
      `SELECT count(*) n, CAST(sum(v) AS BIGINT) v, max(length(s)) l, count(*) FILTER (s = 'row number ' || v) same FROM (${sql})`,
    );
    expect(row).toEqual({ n: 5001n, v: 12497499n, l: 3_000_000n, same: 5000n });
    expect(costly).toBe(true);
  });
});

test("instants of text columns: integers in their unit, ISO 8601 with offsets", async () => {
  project.text("t.csv", "i,s\n-1,1969-12-31T23:59:59.9999999\n1.5e3,2024-01-01T02:00:00+02:00\n");
  const source = project.source("t.csv");
  expect(await project.ticks(source, { source: "i", unit: "ms" })).toEqual([-1000n, 1_500_000n]);
  expect(await project.ticks(source, { source: "s", unit: "timestamp" })).toEqual([
    -1n,
    micros("2024-01-01T00:00:00Z"),
  ]);
  const overflow = { columns: [], instants: [{ name: "t", source: "i", unit: "s" as const }] };
  project.text("t.csv", "i\n1\n9223372036855\n");
  expect(await failing(project.session, source, overflow)).toMatchObject({ code: "source/value-does-not-fit" });
});
