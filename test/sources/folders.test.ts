import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
} from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { listFiles, wouldRead } from "#daedalus/sources/listing.js";
import { columns, failing, micros, Project, refusal } from "./files.js";

let project: Project;
beforeEach(async () => {
  project = await Project.open();
});
afterEach(() => project.close());

const time = { source: "ts", unit: "ms" } as const;
const ms = (iso: string) => `${Date.parse(iso)}::BIGINT`;

describe("listing", () => {
  test("a folder is read recursively, each file by its ending; others and hidden ones are counted", async () => {
    await project.parquet("d/a.parquet", "SELECT 1 AS id");
    project.text("d/x/b.csv", "id\n2\n");
    project.text("d/x/c.csv.gz", gzipSync("id\n3\n"));
    project.text("d/x/y/d.ndjson", '{"id":4}\n');
    project.text("d/x/y/e.jsonl.gz", gzipSync('{"id":5}\n'));
    project.text("d/readme.md", "no data");
    project.text("d/_SUCCESS", "");
    project.text("d/.part.parquet.crc", "");
    project.text("d/_temporary/f.csv", "id\n6\n");
    expect((await project.read("d", "id", "BIGINT")).toSorted()).toEqual([1n, 2n, 3n, 4n, 5n]);
    expect((await project.source("d").schema()).ignoredFiles).toBe(4);
  });

  test("symbolic links are followed, a loop ends", async () => {
    project.text("elsewhere/a.csv", "id\n1\n");
    project.text("d/b.csv", "id\n2\n");
    symlinkSync(project.path("elsewhere"), project.path("d/linked"));
    symlinkSync(project.path("d"), project.path("d/loop"));
    expect(await project.read("d", "id", "BIGINT")).toEqual([2n, 1n]);
  });

  test.each(["d", "d/*", "d/*.csv"])("a link that leads nowhere is refused, not left out: %s", async (path) => {
    project.text("d/a.csv", "id\n1\n");
    symlinkSync("/nowhere/b.csv", project.path("d/b.csv"));
    symlinkSync("/nowhere", project.path("d/.hidden"));
    const problem = await refusal(() => project.source(path).schema());
    expect(problem).toMatchObject({ code: "source/unreadable-file", file: "d/b.csv" });
    expect(problem.says).toContain("/nowhere/b.csv");
  });

  test.each([
    ["d/*.csv", [1n]],
    ["d/**/*.csv", [1n, 2n, 3n]],
    ["d/201?/b.csv", [2n]],
    ["d/20[0-18]*/*", [2n]],
    ["d/20[!1]*/*", [3n]],
    ["d/20*", [2n, 3n]],
  ])("glob %s", async (glob, expected) => {
    project.text("d/a.csv", "id\n1\n");
    project.text("d/2018/b.csv", "id\n2\n");
    project.text("d/2029/c.csv", "id\n3\n");
    expect((await project.read(glob, "id", "BIGINT")).toSorted()).toEqual(expected);
  });

  test.each([
    [gzipSync("id\n1\n"), "packed with gzip"],
    [Buffer.from("\ufeffid\n1\n", "utf16le"), "UTF-16"],
    [Buffer.from("i\0d\n1\n"), "the byte NUL"],
  ])("a CSV file that is no text is told as what it is: %#", async (bytes, says) => {
    project.text("d/a.csv", bytes);
    const problem = await refusal(() => project.source("d").schema());
    expect(problem).toMatchObject({ code: "source/unreadable-file", file: "d/a.csv" });
    expect(problem.says).toContain(says);
  });

  test("a file whose name looks like a pattern is one file", async () => {
    await project.parquet("plain1.parquet", "SELECT 1 AS id");
    await project.parquet("plain[1].parquet", "SELECT 2 AS id");
    expect(await project.read("plain[1].parquet", "id", "BIGINT")).toEqual([2n]);
  });

  test("nothing there, nothing readable, an ending that names no format", async () => {
    project.text("empty/readme.md", "");
    project.text("data.txt", "");
    const code = async (path: string) => (await refusal(() => project.source(path).schema())).code;
    expect(await code("nowhere")).toBe("source/no-such-file");
    expect(await code("nowhere/*.csv")).toBe("source/no-data-files");
    expect(await code("empty")).toBe("source/no-data-files");
    expect(await code("data.txt")).toBe("source/unknown-format");
  });
});

describe("columns of several files", () => {
  test("are matched by name, whatever the order; what only some files have is NULL elsewhere", async () => {
    await project.parquet("d/a.parquet", "SELECT 1 AS id, 'x' AS s");
    await project.parquet("d/b.parquet", "SELECT 'y' AS s, 2.5::DOUBLE AS only_b, 2 AS id");
    project.text("d/c.csv", "s,id\nz,3\n");
    expect(await project.read("d", "id", "INTEGER")).toEqual([1, 2, 3]);
    expect(await project.read("d", "s", "TEXT")).toEqual(["x", "y", "z"]);
    expect(await project.read("d", "only_b", "DOUBLE")).toEqual([null, 2.5, null]);
  });

  test("integers of different widths are the widest, each value exact", async () => {
    await project.parquet("d/a.parquet", "SELECT 1::TINYINT AS v, 1::UTINYINT AS u");
    await project.parquet("d/b.parquet", "SELECT 9007199254740993::BIGINT AS v, (-1)::TINYINT AS u");
    const { columns: found } = await project.source("d").schema();
    expect(found.map(({ name, dtype }) => [name, dtype])).toEqual([
      ["v", "BIGINT"],
      ["u", "SMALLINT"],
    ]);
    expect(await project.read("d", "v", "BIGINT")).toEqual([1n, 9007199254740993n]);
  });

  test("files that disagree are refused, naming both, if the view reads the column", async () => {
    await project.parquet("d/a.parquet", "SELECT 1 AS v, 1 AS w");
    await project.parquet("d/b.parquet", "SELECT 'x' AS v, 2 AS w");
    const refused = await refusal(() => project.source("d", { v: "BIGINT" }).schema());
    expect(refused).toMatchObject({
      code: "source/conflicting-types",
      file: "d/b.parquet",
      says: 'column "v" is VARCHAR here and INTEGER in d/a.parquet',
      exitCode: 2,
    });
    const { columns: found } = await project.source("d", { w: "BIGINT" }).schema();
    expect(found.find(({ name }) => name === "v")).toEqual({
      name: "v",
      type: "INTEGER in d/a.parquet, VARCHAR in d/b.parquet",
      text: false,
      mixed: ["INTEGER", "VARCHAR"],
    });
  });

  test("key=value folders are text columns, unescaped; Hive's null is NULL; the folder wins over the file", async () => {
    await project.parquet("d/dt=2024-01-01/k=a%20b/a.parquet", "SELECT 1 AS id, 'file' AS k");
    project.text("d/dt=2024-01-02/k=__HIVE_DEFAULT_PARTITION__/b.csv", "id\n2\n");
    project.text("d/dt=2024-01-03/k=007/c.ndjson", '{"id":3,"k":"line"}\n');
    expect(await project.read("d", "k", "TEXT")).toEqual(["a b", null, "007"]);
    expect(await project.readText("d", "dt", "DATE")).toEqual(["2024-01-01", "2024-01-02", "2024-01-03"]);
    expect(await project.read("d", "k", "TEXT")).not.toContain("file");
    const { columns: found } = await project.source("d").schema();
    expect(found.find(({ name }) => name === "dt")).toEqual({ name: "dt", type: "VARCHAR", text: true });
  });

  test("a folder that says NULL is the text, which DuckDB takes for none", async () => {
    for (const [place, word] of ["NULL", "null", "__HIVE_DEFAULT_PARTITION__", "x"].entries()) {
      await project.parquet(`p/n.m=${word}/a.parquet`, `SELECT ${place} AS id, 'file' AS "n.m"`);
      project.text(`c/n.m=${word}/b.csv`, `id\n${place}\n`);
      project.text(`j/n.m=${word}/c.ndjson`, `{"id":${place}}\n`);
    }
    for (const folder of ["p", "c", "j"]) {
      const read = await project.read(folder, "n.m", "TEXT");
      expect(read.map((word) => word ?? "none").sort(), folder).toEqual(["NULL", "none", "null", "x"]);
      const { sql } = await project.source(folder).scan({ ...columns({ "n.m": "TEXT" }), provenance: true });
      const rows = await project.session.query(`SELECT "n.m" AS word, "@file" AS f FROM (${sql})`);
      for (const { word, f } of rows) expect(String(f)).toContain(`=${word ?? "__HIVE_DEFAULT_PARTITION__"}/`);
    }
  });

  test("a column that no file has is refused with the nearest name", async () => {
    await project.parquet("a.parquet", "SELECT 1 AS author_id");
    expect(await refusal(() => project.source("a.parquet").scan(columns({ autor_id: "BIGINT" })))).toMatchObject({
      code: "source/unknown-column",
      suggestion: "author_id",
    });
  });

  test("provenance: file and row from 0 in the file", async () => {
    await project.parquet("d/a.parquet", "SELECT unnest([10, 11]) AS id");
    project.text("d/b.csv", "id\n12\n13\n");
    project.text("d/c.ndjson", '{"id":14}\n\n{"id":15}\n');
    const { sql } = await project.source("d").scan({ ...columns({ id: "BIGINT" }), provenance: true });
    const rows = await project.session.query(`SELECT id, "@file" AS f, "@row" AS r FROM (${sql}) ORDER BY id`);
    expect(rows.map(({ id, f, r }) => [id, f, r])).toEqual([
      [10n, "d/a.parquet", 0n],
      [11n, "d/a.parquet", 1n],
      [12n, "d/b.csv", 0n],
      [13n, "d/b.csv", 1n],
      [14n, "d/c.ndjson", 0n],
      [15n, "d/c.ndjson", 1n],
    ]);
  });
});

test("what would be read is what is read, once it is there", async () => {
  const names = [
    "a.parquet",
    "x/b.csv",
    "x/y/c.ndjson",
    "x/_y/d.csv",
    ".z/e.csv",
    "out/dt=1/part-0-0.parquet",
    "q[1]/f.csv",
    "n/g.txt",
  ];
  for (const name of names) project.text(`d/${name}`, "id\n1\n");
  const paths = [
    "d",
    "d/",
    "./d/x",
    "d/*",
    "d/*.parquet",
    "d/**",
    "d/**/*.csv",
    "d/x/*",
    "d/*/y",
    "d/?/**/[a-c]*",
    "d/x/b.csv",
    "d/q[1]",
    "d/o*/dt=*",
    "e",
  ];
  for (const path of paths) {
    const root = project.path("");
    let found: readonly string[] = [];
    try {
      found = listFiles(root, path).files.map((file) => file.path);
    } catch {
      // There are none.
    }
    for (const name of names.filter((one) => !one.endsWith(".txt"))) {
      const file = project.path(`d/${name}`);
      // Nothing is missed; more than is read are what lies beside folders that `**` matches, and the file itself that is written.
      const isBeside = path === "d/**" || path === "d/x/b.csv";
      if (found.includes(file) || !isBeside)
        expect([path, name, wouldRead(root, path, file)]).toEqual([
          path,
          name,
          path !== "d/x/b.csv" && found.includes(file),
        ]);
    }
  }
});

describe("identity", () => {
  test("holds what can have rows before the end: footer ranges, dt= folders, first rows of text files", async () => {
    await project.parquet(
      "d/a.parquet",
      `SELECT unnest([${ms("2024-01-01T05:00Z")}, ${ms("2024-01-02T00:00Z")}]) AS ts`,
    );
    await project.parquet("d/b.parquet", `SELECT ${ms("2024-01-03T00:00Z")} AS ts`);
    project.text("d/dt=2024-01-02/c.csv", `ts\n${Date.parse("2024-01-02T12:00Z")}\n`);
    project.text("d/dt=2024-01-03/d.csv", `ts\n${Date.parse("2024-01-03T12:00Z")}\n`);
    project.text("d/e.csv", `ts\n${Date.parse("2024-01-02T23:00Z")}\n${Date.parse("2024-02-02T23:00Z")}\n`);
    project.text("d/f.ndjson", `{"ts":${Date.parse("2024-01-03T00:00Z")}}\n`);
    const source = project.source({ path: "d", timestampField: "ts", timestampUnit: "ms" });
    const { files } = await source.identity({ time, before: micros("2024-01-03T00:00:00Z") });
    expect(files.map(({ path }) => path)).toEqual(["d/a.parquet", "d/dt=2024-01-02/c.csv", "d/e.csv"]);
    expect(files[0]?.range).toEqual([micros("2024-01-01T05:00:00Z"), micros("2024-01-02T00:00:00Z")].map(String));
    expect(files[1]?.range).toEqual([micros("2024-01-02T00:00:00Z"), micros("2024-01-03T00:00:00Z") - 1n].map(String));
    expect(files[2]?.range).toBeUndefined();
    expect(files[0]?.footer).toMatch(/^[0-9a-f]{64}$/);
    expect(files[1]?.footer).toBeUndefined();
    expect((await project.source("d").identity({})).files).toHaveLength(6);
  });

  test("a dt= folder says nothing of a Parquet file, not even of one without statistics", async () => {
    const file = project.path("d/dt=2024-01-09/a.parquet");
    await project.parquet("d/dt=2024-01-09/a.parquet", `SELECT ${ms("2024-01-01T12:00Z")} AS ts`);
    // DuckDB always writes them: pyarrow's `write_statistics=False`.
    copyFileSync(fileURLToPath(new URL("./without-statistics.parquet", import.meta.url)), file);
    const source = project.source({ path: "d", timestampField: "ts", timestampUnit: "ms" });
    const to = micros("2024-01-02T00:00:00Z");
    expect((await source.identity({ time, before: to })).files).toHaveLength(1);
    const asked = { ...columns({ id: "BIGINT" }), instants: [{ name: "@ts", ...time }] };
    const { sql } = await source.scan({ ...asked, range: { time, to } });
    expect(await project.session.query(`SELECT id FROM (${sql})`)).toEqual([{ id: 1n }]);
  });

  test("a dt= folder says nothing of another time than the view's own", async () => {
    const [early, late] = ["2024-01-01T12:00Z", "2024-01-09T12:00Z"].map((iso) => Date.parse(iso));
    project.text("d/dt=2024-01-09/a.csv", `ts,made\n${late},${early}\n`);
    const source = project.source({ path: "d", timestampField: "ts", timestampUnit: "ms" });
    const made = { source: "made", unit: "ms" } as const;
    const to = micros("2024-01-02T00:00:00Z");
    expect((await source.identity({ time, before: to })).files).toEqual([]);
    expect((await source.identity({ time: made, before: to })).files).toHaveLength(1);
    const asked = { ...columns({ made: "BIGINT" }), instants: [{ name: "@made", ...made }] };
    const { sql } = await source.scan({ ...asked, range: { time: made, to } });
    expect(await project.session.query(`SELECT made FROM (${sql})`)).toEqual([{ made: BigInt(early ?? 0) }]);
  });

  test("changes with the content and with the modification time", async () => {
    await project.parquet("a.parquet", "SELECT 1 AS ts");
    const source = project.source("a.parquet");
    const first = await source.identity({ time });
    expect(await source.identity({ time })).toEqual(first);
    utimesSync(project.path("a.parquet"), 1, 1);
    const touched = await source.identity({ time });
    expect(touched.files[0]).toMatchObject({ modified: "1000000000", footer: first.files[0]?.footer });
    await project.parquet("a.parquet", "SELECT 2 AS ts");
    expect((await source.identity({ time })).files[0]?.footer).not.toBe(first.files[0]?.footer);
  });

  test("files of a range are left out of the scan; none left is an empty relation of the same types", async () => {
    await project.parquet("d/a.parquet", `SELECT ${ms("2024-01-01T05:00Z")} AS ts, [1] AS l`);
    const asked = { ...columns({ l: "INTEGER[]", ts: "BIGINT" }), instants: [{ name: "@ts", ...time }] };
    const { sql } = await project.source("d").scan({ ...asked, range: { time, from: micros("2024-01-02T00:00:00Z") } });
    expect(sql).not.toContain("read_parquet");
    expect(await project.session.query(`SELECT column_name AS n, column_type AS t FROM (DESCRIBE ${sql})`)).toEqual([
      { n: "l", t: "INTEGER[]" },
      { n: "ts", t: "BIGINT" },
      { n: "@ts", t: "BIGINT" },
    ]);
    expect(await project.session.query(sql)).toEqual([]);
  });

  test("hundreds of files, asked twice, are the same", async () => {
    for (let i = 0; i < 300; i++) project.text(`d/f${i}.csv`, `ts\n${i}\n`);
    await project.parquet("one.parquet", "SELECT 1::BIGINT AS ts");
    for (let i = 0; i < 300; i++) symlinkSync(project.path("one.parquet"), project.path(`d/p${i}.parquet`));
    const source = project.source("d");
    const first = await source.identity({ time, before: 1_000_000n });
    expect(first.files).toHaveLength(600);
    expect(await source.identity({ time, before: 1_000_000n })).toEqual(first);
  });
});

describe("days with rows", () => {
  test("from statistics and from rows, in a range, before 1970 too", async () => {
    await project.parquet(
      "d/a.parquet",
      `SELECT unnest([-1, 0, ${ms("2024-01-05T00:00Z")}, ${ms("2024-01-05T23:59:59.999Z")}, NULL]::BIGINT[]) AS ts`,
    );
    project.text("d/b.csv", `ts\n${Date.parse("2024-01-07T12:00Z")}\n`);
    const source = project.source("d");
    const rows = async (range: { from?: bigint; to?: bigint }) => [...(await source.rowsByDay(time, range))];
    const days = [
      ["1969-12-31", 1],
      ["1970-01-01", 1],
      ["2024-01-05", 2],
      ["2024-01-07", 1],
    ];
    expect(await rows({})).toEqual(days);
    // Ten more rows of one day, which the statistics alone tell.
    await project.parquet("d/c.parquet", `SELECT ${ms("2024-01-05T10:00Z")} + range AS ts FROM range(10)`);
    expect(await rows({})).toEqual(days.map(([day, n]) => [day, day === "2024-01-05" ? 12 : n]));
    expect(await rows({ from: micros("2024-01-05T23:59:59.999Z"), to: micros("2024-01-07T12:00:00Z") })).toEqual([
      ["2024-01-05", 1],
    ]);
    expect(await rows({ from: micros("2024-01-08T00:00:00Z") })).toEqual([]);
  });
});

describe("NULL event times", () => {
  test("are found with file and row; footers that prove their absence suffice", async () => {
    await project.parquet("d/a.parquet", `SELECT ${ms("2024-01-05T00:00Z")} AS ts`);
    expect(await project.source("d").firstNullInstant(time)).toBeUndefined();
    await project.parquet("d/b.parquet", "SELECT unnest([5, NULL, NULL]::BIGINT[]) AS ts");
    expect(await project.source("d").firstNullInstant(time)).toMatchObject({
      code: "source/null-time",
      file: "d/b.parquet",
      says: 'the event time "ts" is NULL in row 2',
    });
  });

  test("in text files, by line; a file without the column has none at all", async () => {
    project.text("a.ndjson", '{"ts":1}\n\n{"id":1}\n');
    expect(await project.source("a.ndjson").firstNullInstant(time)).toMatchObject({ file: "a.ndjson", line: 3 });
    await project.parquet("d/a.parquet", "SELECT 1::BIGINT AS ts");
    await project.parquet("d/b.parquet", "SELECT 1 AS other");
    expect(await project.source("d").firstNullInstant(time)).toMatchObject({
      code: "source/null-time",
      file: "d/b.parquet",
    });
  });

  test("an instant that does not fit 64 bits of microseconds is told with its value", async () => {
    await project.parquet("a.parquet", "SELECT unnest([1, 9223372036854776]::BIGINT[]) AS ts");
    expect(await project.source("a.parquet").firstNullInstant(time)).toMatchObject({
      code: "source/time-does-not-fit",
      says: expect.stringContaining('"ts" is 9223372036854776 in row 2'),
    });
    await project.parquet("b.parquet", "SELECT unnest([make_timestamp(0), 'infinity'::TIMESTAMP]) AS ts");
    expect(await project.source("b.parquet").firstNullInstant({ source: "ts", unit: "timestamp" })).toMatchObject({
      code: "source/time-does-not-fit",
    });
  });
});

describe("files that cannot be read", () => {
  const request = columns({ id: "BIGINT" });

  test("a truncated Parquet file", async () => {
    await project.parquet("d/a.parquet", "SELECT range AS id FROM range(10000)");
    truncateSync(project.path("d/a.parquet"), 2000);
    for (const ask of ["schema", "identity", "scan"] as const) {
      const source = project.source("d");
      const refused = await refusal(() => (ask === "scan" ? source.scan(request) : source[ask]({})));
      expect(refused).toMatchObject({ code: "source/unreadable-file", file: "d/a.parquet", exitCode: 1 });
      expect(refused.says).toContain("truncated");
    }
  });

  test("a Parquet file with damaged pages is found when it is read", async () => {
    await project.parquet("a.parquet", "SELECT (hash(range) >> 1)::BIGINT AS id FROM range(10000)");
    const bytes = new Uint8Array(readFileSync(project.path("a.parquet")));
    bytes.fill(0xff, 4, 4000);
    project.text("a.parquet", bytes);
    expect(await failing(project.session, project.source("a.parquet"), request)).toMatchObject({
      code: "source/unreadable-file",
      file: "a.parquet",
    });
  });

  test("a file that is gone: a pinned source keeps its list, sees changes and tells what vanished", async () => {
    await project.parquet("d/a.parquet", "SELECT 1 AS id");
    await project.parquet("d/b.parquet", "SELECT 2 AS id");
    const pinned = await project.source("d").pin();
    const before = await pinned.identity({});
    await project.parquet("d/c.parquet", "SELECT 3 AS id");
    expect(await pinned.identity({})).toEqual(before);
    const { sql } = await pinned.scan(request);
    expect(await project.session.query(sql)).toHaveLength(2);
    await project.parquet("d/b.parquet", "SELECT unnest([2, 2]) AS id");
    expect(await pinned.identity({})).not.toEqual(before);
    rmSync(project.path("d/b.parquet"));
    for (const ask of [() => pinned.identity({}), () => pinned.scan(request)])
      expect(await refusal(ask)).toMatchObject({ code: "source/file-vanished", file: "d/b.parquet", exitCode: 1 });
    await expect(project.session.query(sql)).rejects.toThrow();
    expect(await pinned.diagnose(request)).toMatchObject({ code: "source/file-vanished", file: "d/b.parquet" });
  });

  test("a file without permission", async () => {
    await project.parquet("d/a.parquet", "SELECT 1 AS id");
    chmodSync(project.directory, 0o755);
    chmodSync(project.path("d/a.parquet"), 0o000);
    const root = process.geteuid?.() === 0;
    if (root) process.seteuid?.(65534);
    try {
      expect(await refusal(() => project.source("d").schema())).toMatchObject({
        code: "source/unreadable-file",
        file: "d/a.parquet",
        says: expect.stringContaining("permission denied"),
      });
    } finally {
      if (root) process.seteuid?.(0);
    }
  });

  test("a gz file that is cut off", async () => {
    const packed = gzipSync(`{"id":1}\n`.repeat(50_000));
    project.text("a.ndjson.gz", packed.subarray(0, packed.length - 40));
    expect(await project.source("a.ndjson.gz").diagnose(request)).toMatchObject({
      code: "source/unreadable-file",
      file: "a.ndjson.gz",
    });
  });

  test("a healthy source is not the cause", async () => {
    await project.parquet("a.parquet", "SELECT 1 AS id");
    expect(await project.source("a.parquet").diagnose(request)).toBeUndefined();
    project.text("b.ndjson", '{"id":1}\n');
    appendFileSync(project.path("b.ndjson"), '{"id":2}');
    expect(await project.source("b.ndjson").diagnose(request)).toBeUndefined();
  });

  test("empty files: no rows, and a Parquet file without rows keeps its types", async () => {
    project.text("d/a.csv", "");
    project.text("d/b.ndjson", "");
    project.text("d/c.csv", "id\n");
    await project.parquet("d/e.parquet", "SELECT 1::BIGINT AS id LIMIT 0");
    expect(await project.read("d", "id", "BIGINT")).toEqual([]);
    expect(await project.source("d").firstNullInstant({ source: "id", unit: "ms" })).toBeUndefined();
    expect([...(await project.source("d").rowsByDay({ source: "id", unit: "ms" }, {}))]).toEqual([]);
    expect((await project.source("d").identity({ time: { source: "id", unit: "ms" }, before: 1n })).files).toEqual([]);
  });
});
