import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { DaedalusError } from "daedalus";
import { parquetWriteFile } from "hyparquet-writer";
import { expect, test } from "vitest";
import { computeFeatureRun, type FeatureRunChanges, openFeatureRun } from "#daedalus/app/features-service.js";
import { pictureOf } from "#daedalus/app/show-feature.js";
import { picturePage } from "#daedalus/feature-runs/picture.js";
import { ask, inRunFolder, type Row } from "./run-folder.js";

// What tables of a run may hold, and what of it would be mixed, cut or lost: told instead.

interface Tried {
  readonly rows?: readonly Row[];
  readonly problem?: string;
}

/** Runs with files beside it (text, or the SQL of a Parquet file), and reads what came out. */
async function tried(
  run: string,
  files: Readonly<Record<string, string>>,
  select = "*",
  changes: FeatureRunChanges = {},
): Promise<Tried> {
  return inRunFolder(run, async (folder, file) => {
    mkdirSync(join(folder, "warehouse"));
    for (const [name, content] of Object.entries(files))
      if (name.endsWith(".parquet")) await ask(`COPY (${content}) TO '${join(folder, name)}' (FORMAT parquet)`);
      else writeFileSync(join(folder, name), content);
    try {
      const { wide } = await computeFeatureRun(
        await openFeatureRun(file, { wide: join(folder, "wide.parquet"), ...changes }),
      );
      return { rows: await ask(`SELECT ${select} FROM read_parquet('${wide}')`) };
    } catch (error) {
      if (!(error instanceof DaedalusError)) throw error;
      return { problem: error.message.replaceAll(folder, "DIR") };
    }
  });
}

const run = (features: string, tables = "[t]", more = "") =>
  `name: r\ntables: ${tables}\nfeatures: [${features}]\n${more}`;
const X = "{name: a, formula: x}";

test("rows of one time lie by the whole sequence number, whatever a formula reads", async () => {
  const sql = `SELECT make_timestamp(1) AS event_time, unnest([9007199254740993, 9007199254740992, 9007199254740994]) AS trade_id, unnest([1.0, 0.0, 2.0]) AS x`;
  for (const features of [X, `${X}, {name: i, formula: trade_id}`]) {
    const { rows } = await tried(run(features), { "warehouse/t.parquet": sql }, "a");
    expect(rows).toEqual([{ a: 0 }, { a: 1 }, { a: 2 }]);
  }
});

test("names of columns may be any, those that the engine uses itself too; those that differ by case only are refused", async () => {
  const sql = `SELECT unnest([make_timestamp(10), make_timestamp(20)]) AS event_time, unnest([5.0, 4.0]) AS "@time", unnest([2.0, 1.0]) AS place, unnest([7.0, 8.0]) AS t, unnest([1.0, 2.0]) AS c0`;
  const features =
    '{name: a, formula: "`@time`"}, {name: b, formula: place}, {name: c, formula: t}, {name: d, formula: c0}';
  const { rows } = await tried(
    run(features),
    { "warehouse/t.parquet": sql },
    "epoch_us(event_time) AS time, a, b, c, d",
  );
  expect(rows).toEqual([
    { time: 10n, a: 5, b: 2, c: 7, d: 1 },
    { time: 20n, a: 4, b: 1, c: 8, d: 2 },
  ]);
  const cased = await tried(run("{name: a, formula: Close}"), {
    "warehouse/t.csv": "event_time,Close,close\n2024-01-01,3,1\n",
  });
  expect(cased.problem).toContain('"Close" and "close" of table "t" differ by case only');
  // DuckDB reads such a file as Close and close_1, and does not write one.
  const parquet = join(await mkdtemp(join(tmpdir(), "daedalus-cased-")), "t.parquet");
  parquetWriteFile({
    filename: parquet,
    columnData: [
      { name: "event_time", data: [new Date(0)], type: "TIMESTAMP" },
      { name: "s", data: [{ close: 1 }], type: "JSON" },
      { name: "Close", data: [3], type: "DOUBLE" },
      { name: "close", data: [1], type: "DOUBLE" },
    ],
  });
  const inParquet = await tried(run("{name: a, formula: Close}", `[{name: t, source: {path: "${parquet}"}}]`), {});
  expect(inParquet.problem).toContain('"Close" and "close" of table "t" differ by case only');
  await rm(dirname(parquet), { recursive: true });
});

test("a column of words fails the features that take it alone; whole numbers are no times, and symbols want a column", async () => {
  const features = `${X}, {name: b, formula: w + 1}, {name: c, formula: b + x}`;
  const words = { "warehouse/t.csv": "event_time,x,w\n2024-01-01,1,low\n2024-01-02,2,\n" };
  expect((await tried(run(features), words, "a, b, c")).rows).toEqual([
    { a: 1, b: null, c: null },
    { a: 2, b: null, c: null },
  ]);
  // One that is no number among numbers is a mistake of the file's.
  const typo = { "warehouse/t.csv": "event_time,x\n2024-01-01,1\n2024-01-02,2e\n" };
  expect((await tried(run(X), typo)).problem).toContain("source/value-does-not-fit");
  const counted = { "warehouse/t.csv": "event_time,x\n1700000000,1\n" };
  expect((await tried(run(X), counted)).problem).toContain('the column "event_time" of table "t" is a whole number');
  const { rows } = await tried(
    run(X, "[{name: t, source: {path: warehouse/t.csv, timestamp_unit: s}}]"),
    counted,
    "epoch(event_time) AS s",
  );
  expect(rows).toEqual([{ s: 1_700_000_000 }]);
  const { problem } = await tried(run(X), words, "*", { symbols: ["BTC"] });
  expect(problem).toContain('table "t" has no column "symbol"');
  expect((await tried(run(X, "[{name: t, source: {path: no.csv}}]"), {})).problem).toContain(
    "relative paths start at the folder of the run's file",
  );
  expect((await tried(run(X, "[t]", "executor: ray"), words)).problem).toContain(
    "this version does not execute executor: ray",
  );
});

test("numbers of different types in a folder's files; what is written is not put there", async () => {
  const files = {
    "warehouse/a.parquet": "SELECT make_timestamp(1) AS event_time, CAST(2 AS BIGINT) AS x",
    "warehouse/b.parquet": "SELECT make_timestamp(2) AS event_time, 2.5 AS x",
    "warehouse/c.parquet": "SELECT make_timestamp(3) AS event_time, CAST(0.25 AS FLOAT) AS x",
  };
  const tables = "[{name: t, source: {path: warehouse}}]";
  expect((await tried(run(X, tables), files, "a")).rows).toEqual([{ a: 2 }, { a: 2.5 }, { a: 0.25 }]);
  await inRunFolder(run(X, tables), async (folder, file) => {
    mkdirSync(join(folder, "warehouse"));
    await ask(`COPY (${files["warehouse/a.parquet"]}) TO '${join(folder, "warehouse/a.parquet")}' (FORMAT parquet)`);
    const wide = join(folder, "warehouse/wide.parquet");
    await expect(openFeatureRun(file, { wide }).then((opened) => computeFeatureRun(opened))).rejects.toMatchObject({
      problems: [{ code: "features/output-is-input" }],
    });
  });
  const worded = { ...files, "warehouse/b.parquet": "SELECT make_timestamp(2) AS event_time, 'b' AS x" };
  const { rows } = await tried(run(`${X}, {name: b, formula: "1 + 1"}`, tables), worded, "a, b");
  expect(rows).toEqual([
    { a: null, b: 2 },
    { a: null, b: 2 },
    { a: null, b: 2 },
  ]);
});

test("a feature that sets rows without a symbol beside those of several fails, and only that one", async () => {
  const files = {
    "warehouse/t.parquet": "SELECT make_timestamp(5) AS event_time, 1.0 AS x",
    "warehouse/o.parquet":
      "SELECT make_timestamp(1) AS event_time, unnest(['A', 'B']) AS symbol, unnest([2.0, 3.0]) AS y",
  };
  const features = "{name: a, formula: x + o.y}, {name: b, formula: x + 1}";
  expect((await tried(run(features, "[t, o]"), files, "a, b")).rows).toEqual([{ a: null, b: 2 }]);
  const named = "[{name: t, source: {path: warehouse/t.parquet}, symbol: B}, o]";
  expect((await tried(run(features, named), files, "a")).rows).toEqual([{ a: 4 }]);
});

test("a record that does not fit its file is told by file and line", async () => {
  for (const [content, line, reason] of [
    ["event_time,x\n2024-01-01,1,5\n", 2, "Expected Number of Columns: 2 Found: 3"],
    ["event_time,x\n2024-01-01,1\n2024-01-02\n", 3, "Expected Number of Columns: 2 Found: 1"],
    ['event_time,x\n2024-01-01,1\n2024-01-02,"5\n2024-01-03,2\n', 3, "unterminated quote"],
  ] as const) {
    const { problem } = await tried(run(X), { "warehouse/t.csv": content });
    expect(problem).toContain(`t.csv:${line}  source/invalid-csv`);
    expect(problem).toContain(reason);
  }
});

test("times of nanoseconds: exact from columns without a zone and from text; with a zone only as microseconds, and on request", async () => {
  const times = [3, 1, 2, 1000].map((nanos) => `make_timestamp_ns(1700000000000000000 + ${nanos})`);
  const sql = `SELECT unnest([${times.join(", ")}]) AS event_time, unnest([3.0, 1.0, 2.0, 4.0]) AS x`;
  const exact = await tried(run(X), { "warehouse/t.parquet": sql }, "a, epoch_ns(event_time) AS t");
  expect(exact.rows?.map(({ a }) => a)).toEqual([1, 2, 3, 4]);
  const text =
    "event_time,x\n2024-01-01T00:00:00.123456789Z,2\n2024-01-01T00:00:00.123456780Z,1\n1969-12-31T23:59:59.000000001Z,0\n";
  const { rows } = await tried(
    run(X),
    { "warehouse/t.csv": text },
    "a, epoch_ns(CAST(event_time AS TIMESTAMP_NS)) AS t",
  );
  expect(rows?.map(({ a }) => a)).toEqual([0, 1, 2]);
});

test("a column of nanoseconds with a zone, as pandas writes it, is refused; timestamp_unit: us takes it", async () => {
  // DuckDB does not write such a column: the file is one that pyarrow wrote, of two rows at …001 ns and …002 ns.
  const bytes = readFileSync(new URL("./nanos-utc.parquet", import.meta.url));
  for (const [unit, wanted] of [
    ["", "frame/cut-times"],
    [", timestamp_unit: us", undefined],
  ] as const)
    await inRunFolder(
      run(X, `[{name: t, source: {path: t.parquet, timestamp_field: event_time${unit}}}]`),
      async (folder, file) => {
        writeFileSync(join(folder, "t.parquet"), bytes);
        const written = openFeatureRun(file, { wide: join(folder, "w.parquet") }).then((opened) =>
          computeFeatureRun(opened),
        );
        if (wanted !== undefined) await expect(written).rejects.toThrow(wanted);
        else expect(await ask(`SELECT a FROM '${(await written).wide}'`)).toEqual([{ a: 2 }, { a: 1 }]);
      },
    );
});

test("NDJSON: every key of any row is a column, true and false are booleans", async () => {
  const lines =
    '{"symbol":"A","event_time":"2024-01-01T00:00:00Z","x":1.5,"buy":true}\n{"symbol":"A","event_time":"2024-01-01T00:01:00Z","x":2,"buy":false,"late":7}\n';
  const { rows } = await tried(
    run(`${X}, {name: b, formula: "if(buy, 1, -1)"}, {name: c, formula: buy}, {name: d, formula: late}`),
    { "warehouse/t.ndjson": lines },
    "symbol, a, b, c, d",
  );
  expect(rows).toEqual([
    { symbol: "A", a: 1.5, b: 1, c: true, d: null },
    { symbol: "A", a: 2, b: -1, c: false, d: 7 },
  ]);
  const csv = await tried(
    run("{name: a, formula: cumsum(is_buyer_maker)}"),
    {
      "warehouse/t.csv": "event_time,is_buyer_maker\n2024-01-01,True\n2024-01-02,false\n2024-01-03,\n2024-01-04,true\n",
    },
    "a",
  );
  expect(csv.rows).toEqual([{ a: 1 }, { a: 1 }, { a: 1 }, { a: 2 }]);
  const mixed = await tried(run("{name: a, formula: b}"), {
    "warehouse/t.csv": "event_time,b\n2024-01-01,true\n2024-01-02,2\n",
  });
  expect(mixed.problem).toMatch(/holds true in record 1[\s\S]*text columns hold numbers, or true and false/);
});

test("tables of a DuckDB file, and decimals: exact up to 38 digits, of more refused", async () => {
  await inRunFolder(
    run(
      "{name: a, formula: x + 1}",
      "[{name: t, source: {database_path: d.duckdb, table: bars, timestamp_field: at}}]",
    ),
    async (folder, file) => {
      await ask(
        `ATTACH '${join(folder, "d.duckdb")}' AS d; CREATE TABLE d.bars AS SELECT make_timestamp(5) AS at, CAST(1.25 AS DECIMAL(38, 10)) AS x`,
      );
      const report = await computeFeatureRun(await openFeatureRun(file, { wide: join(folder, "w.parquet") }));
      expect(await ask(`SELECT a FROM '${report.wide}'`)).toEqual([{ a: 2.25 }]);
    },
  );
  await inRunFolder(run("{name: a, formula: d}"), async (folder, file) => {
    mkdirSync(join(folder, "warehouse"));
    writeFileSync(join(folder, "warehouse/t.parquet"), readFileSync(new URL("./decimal-256.parquet", import.meta.url)));
    const report = await computeFeatureRun(await openFeatureRun(file, { wide: join(folder, "w.parquet") }));
    expect(report.features.map(({ status, problem }) => [status, problem?.says])).toEqual([
      ["error", 'column "d" is DECIMAL256(50,10), and a formula computes with numbers and booleans'],
    ]);
  });
});

test("what would mix rows is refused, at its place in the file", async () => {
  const csv = { "warehouse/t.csv": "event_time,symbol,venue,x\n2024-01-01,A,v,1\n2024-01-02,A,,2\n" };
  const place = /^features.yaml:2:10 /;
  for (const [tables, told] of [
    ["[{name: t, symbol: B}]", /constant-beside-column[\s\S]*column "symbol" of its own/],
    ["[{name: t, venue: w}]", /constant-beside-column[\s\S]*venue of the run/],
    ["[t]", /holds rows of several venues: v, NULL/],
    ["[{name: t, source: {path: warehouse/t.csv}, field_mapping: {y: z}}]", /has no column "y"/],
    [
      "[{name: t, source: {path: warehouse/t.csv}, field_mapping: {x: venue}}]",
      /two columns of table "t" are called "venue"/,
    ],
    ["[{name: t, source: {path: warehouse/t.csv, timestamp_field: tim}}]", /it has event_time, symbol, venue, x/],
    ["[u]", /frame\/no-table/],
  ] as const) {
    const { problem = "" } = await tried(run(X, tables), csv);
    expect(problem).toMatch(told);
    if (!/several/.test(problem)) expect(problem).toMatch(place);
  }
  expect(
    (await tried(run(X, "[{name: t, source: {path: warehouse/t.csv, available_field: event_time}}]"), csv)).problem,
  ).toMatch(/"available_field" is refused/);
  const twice = await tried(run(X), { ...csv, "warehouse/t.ndjson": "{}\n" });
  expect(twice.problem).toContain("more than once");
  for (const more of ["warehouse: s3://bucket\n", "memory_limit: 1KB\n"])
    expect((await tried(run(X, "[t]", more), csv)).problem).toMatch(/not-yet|at least 64MB/);
  for (const feature of ["{name: a}", "{name: a, formula: x, type: rsi}", "{name: a, formula: x, inputs: {b: c}}"])
    expect((await tried(run(feature), csv)).problem).toMatch(/^features.yaml:3:/);
});

test("nothing but older features is written over, and a pipe is not waited for", async () => {
  const csv = "event_time,x\n2024-01-01,1\n";
  await inRunFolder(run(X), async (folder, file) => {
    mkdirSync(join(folder, "warehouse"));
    await ask(
      `COPY (SELECT make_timestamp(1) AS event_time, 1.0 AS x) TO '${join(folder, "warehouse/t.parquet")}' (FORMAT parquet)`,
    );
    writeFileSync(join(folder, "notes"), "of mine");
    const to = async (name: string): Promise<string> => {
      const written = openFeatureRun(file, { wide: join(folder, name) }).then((opened) => computeFeatureRun(opened));
      return written.then(
        () => "written",
        (error: unknown) => String(error),
      );
    };
    expect(await to("warehouse/t.parquet")).toContain("features/output-is-input");
    expect(await to("features.yaml")).toContain("features/output-not-parquet");
    expect(await to("notes")).toContain("features/output-not-replaceable");
    expect(await to("warehouse")).toContain("features/output-not-replaceable");
    expect(await to("../../../../../../../../dev/null")).toContain("features/output-not-replaceable");
    expect(await to("out.csv")).toContain("features/output-not-parquet");
    expect([await to("wide"), await to("wide")]).toEqual(["written", "written"]);
    expect(readFileSync(join(folder, "notes"), "utf8")).toBe("of mine");
    expect(readFileSync(file, "utf8")).toBe(run(X));
  });
  await inRunFolder(run(X), async (folder, file) => {
    mkdirSync(join(folder, "warehouse"));
    execFileSync("mkfifo", [join(folder, "warehouse/t.csv")]);
    await expect(
      openFeatureRun(file, { wide: join(folder, "w.parquet") }).then((opened) => computeFeatureRun(opened)),
    ).rejects.toThrow("it is no file");
  });
  expect((await tried(run(X), { "warehouse/t.csv": csv }, "*", { start: 5n, end: 5n })).problem).toContain(
    "features/empty-range",
  );
});

test("times that no clock can hold are told, or drawn as they are", async () => {
  await inRunFolder(run(X), async (folder, file) => {
    mkdirSync(join(folder, "warehouse"));
    writeFileSync(join(folder, "warehouse/t.parquet"), readFileSync(new URL("./far-millis.parquet", import.meta.url)));
    const written = openFeatureRun(file, { wide: join(folder, "w.parquet") }).then((opened) =>
      computeFeatureRun(opened),
    );
    await expect(written).rejects.toThrow("source/unreadable-file");
  });
  await inRunFolder(run(X), async (folder, file) => {
    mkdirSync(join(folder, "warehouse"));
    await ask(
      `COPY (SELECT unnest([make_timestamp(1), make_timestamp(9223372036854775797)]) AS event_time, unnest([1.0, 2.0]) AS x) TO '${join(folder, "warehouse/t.parquet")}' (FORMAT parquet)`,
    );
    expect(picturePage(await pictureOf(await openFeatureRun(file), "a"))).toContain("9223372036854776000 µs");
  });
});

test("a feature that fails while it is computed: NULLs and its cause, the others whole; with strict nothing is written", async () => {
  // 10,001 rows are more than rolling_rank_corr takes of all rows so far: it fails at the last of them.
  const sql = "SELECT make_timestamp(i) AS event_time, sin(i) AS x FROM range(10001) t(i)";
  const features =
    '{name: a, formula: "rolling_rank_corr(x, lag(x), 0)"}, {name: b, formula: a + 1}, {name: c, formula: x}';
  const { rows } = await tried(
    run(features),
    { "warehouse/t.parquet": sql },
    "count(*) AS rows, count(a) AS a, count(b) AS b, count(c) AS c",
  );
  expect(rows).toEqual([{ rows: 10001n, a: 0n, b: 0n, c: 10001n }]);
  await inRunFolder(run(features, "[t]", "strict: true\n"), async (folder, file) => {
    mkdirSync(join(folder, "warehouse"));
    await ask(`COPY (${sql}) TO '${join(folder, "warehouse/t.parquet")}' (FORMAT parquet)`);
    const wide = join(folder, "wide.parquet");
    await expect(openFeatureRun(file, { wide }).then((opened) => computeFeatureRun(opened))).rejects.toThrow(
      /feature "a": it could not be computed[\s\S]*feature "b"/,
    );
    expect(readdirSync(folder).sort()).toEqual(["features.yaml", "warehouse"]);
  });
});

test("cross-sections of cross-sections, of what other rows made alone", async () => {
  const rows = ["A", "B", "C"].flatMap((symbol, place) =>
    [1, 2].map((day) => `${symbol},2024-01-0${day},${place * day + 1}`),
  );
  const made = await tried(
    run('{name: a, formula: "cs_rank(cs_demean(x))"}, {name: b, formula: "cs_demean(cs_rank(cs_demean(x)))"}'),
    { "warehouse/t.csv": `symbol,event_time,x\n${rows.join("\n")}\n` },
    "symbol, a, b",
  );
  expect(made.rows).toEqual(
    ["A", "B", "C"].flatMap((symbol, place) =>
      [1, 2].map(() => ({ symbol, a: (place + 1) / 3, b: expect.closeTo((place - 1) / 3, 12) })),
    ),
  );
});

test("an NDJSON line that is none is told with its place, whoever reads it first", async () => {
  const good = '{"at":1,"x":1}';
  for (const [lines, line, reason] of [
    [`${good}\n{"at":2,"x`, 2, "a string does not end"],
    [`\ufeff${good}\n`, 1, "it does not begin with {"],
    [`${good}\n${good}${good}\n`, 2, "something follows the value"],
    [`{"at":1,\n"x":1}\n`, 1, "it ends too early"],
  ] as const) {
    const run = {
      name: "run",
      tables: [{ name: "bars", source: { path: "bars.ndjson", timestamp_field: "at", timestamp_unit: "s" } }],
      features: [{ name: "f", formula: "x" }],
    };
    await inRunFolder(run, async (folder, file) => {
      writeFileSync(join(folder, "bars.ndjson"), lines);
      const error = await openFeatureRun(file, { wide: join(folder, "w.parquet") })
        .then((opened) => computeFeatureRun(opened))
        .catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(DaedalusError);
      const [problem] = (error as DaedalusError).problems;
      expect([problem?.code, problem?.line, problem?.says]).toEqual([
        "source/invalid-json",
        line,
        `the line is not a JSON object: ${reason}`,
      ]);
    });
  }
});
