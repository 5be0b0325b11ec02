import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Table } from "apache-arrow";
import { DaedalusError, FeatureEngine } from "daedalus";
import { expect, test } from "vitest";
import { compiledOf, computeFeatureRun, openFeatureRun, withTables } from "#daedalus/app/features-service.js";
import { FileRun } from "#daedalus/feature-runs/file-run.js";
import { KINDS, nastyColumn, pick, type Random, randomFrom } from "../formulas/nasty-columns.js";
import { barFrame } from "../support/bar-frame.js";
import { ask, type Bar, inRunFolder, type Row, writeBars } from "./run-folder.js";

// Runs over files give what the engine in memory gives (which the oracles judge), whatever they are cut by.

const COLUMNS = ["x", "y"];
const FEATURES = [
  { name: "ret", formula: "x / lag(x, 2) - 1" },
  { name: "mean", formula: "rolling_mean(x, 5)" },
  { name: "wide", formula: "rolling_std(y, 700, min_periods=3)" },
  { name: "all", formula: "cumsum(x) + ema(y, 10)" },
  { name: "above", formula: "x > rolling_median(x, 9)" },
  { name: "same", formula: "rolling_mean(x, 5)" },
  { name: "rank", formula: "cs_rank(ret)" },
  { name: "rank_mean", formula: "rolling_mean(rank, 3, min_periods=1)" },
  { name: "again", formula: "cs_demean(rank_mean) + cs_rank(x)" },
  { name: "demeaned", formula: "cs_demean(x)" },
  { name: "scored", formula: "cs_zscore(x) + cs_demean(ret) + cs_rank(y)" },
  { name: "other", formula: "other.x + x" },
  { name: "other_twice", formula: "other.x - lag(other.x) + other.y" },
  { name: "there", table: "other", formula: "rolling_max(x, 4, min_periods=1) > 0" },
  { name: "wrong", formula: "rolling_mean(z, 5)" },
  { name: "plain", formula: "y" },
  { name: "two", formula: "1 + 1" },
  { name: "counted", table: "other", formula: "cumsum(1)" },
  { name: "counted_here", formula: "cumsum(1) * 2" },
  { name: "far", formula: "rolling_corr(x, y, 9000, min_periods=2)" },
  { name: "farther", formula: "rolling_cov(lag(x), y, 8000, min_periods=2) + rolling_std(y, 7000, min_periods=2)" },
];

function barsOf(random: Random, symbols: readonly string[], most: number): Bar[] {
  const bars = symbols.flatMap((symbol) => {
    const rows = 1 + Math.floor(random() * most);
    const columns = COLUMNS.map(() => nastyColumn(random, rows, pick(random, Object.keys(KINDS))));
    let time = Math.floor(random() * 50);
    return Array.from({ length: rows }, (_, row) => {
      time += Math.floor(random() * 3);
      return { symbol, time: 1_700_000_000_000_000 + time, cells: columns.map((cells) => cells[row] ?? null) };
    });
  });
  // As a feed lies: by time, symbols mixed; those of one time as they came.
  return bars
    .map((bar, place) => ({ bar, place }))
    .sort((a, b) => a.bar.time - b.bar.time || a.place - b.place)
    .map(({ bar }) => bar);
}

const frameOf = (bars: readonly Bar[]): Table =>
  barFrame(
    bars.map((bar) => ({ ...bar, time: BigInt(bar.time) })),
    COLUMNS,
  );

async function wantedRows(bars: readonly Bar[], other: readonly Bar[], features: typeof FEATURES): Promise<Row[]> {
  const engine = new FeatureEngine({ threads: 1 });
  const { table } = await engine.computeFeatures({
    frames: { bars: frameOf(bars), other: frameOf(other) },
    specs: features,
  });
  const names = table.schema.fields.map(({ name }) => name);
  const columns = names.map((name) => [...(table.getChild(name) ?? [])] as unknown[]);
  return Array.from({ length: table.numRows }, (_, row) =>
    Object.fromEntries(names.map((name, place) => [name, columns[place]?.[row] ?? null])),
  );
}

async function writtenRows(path: string, features: typeof FEATURES): Promise<readonly Row[]> {
  const names = features.map(({ name }) => `"${name}"`);
  return ask(`SELECT symbol, epoch_us(event_time) AS t, ${names.join(", ")} FROM read_parquet('${path}')`);
}

function expectSame(found: readonly Row[], wanted: readonly Row[], features: typeof FEATURES, told: unknown): void {
  expect(found.length).toBe(wanted.length);
  for (const { name } of features) {
    const row = found.findIndex((one, place) => !sameCell(one[name], wanted[place]?.[name]));
    expect([
      told,
      name,
      row,
      row < 0 ? undefined : found[row]?.[name],
      row < 0 ? undefined : wanted[row]?.[name],
    ]).toEqual([told, name, -1, undefined, undefined]);
  }
}

// −0 and +0 are one value.
const sameCell = (a: unknown, b: unknown): boolean => Object.is(a, b) || a === b;

test("files of any layout, memory and number of threads give what the engine in memory gives", async () => {
  for (let seed = 1; seed <= 8; seed++) {
    const random = randomFrom(seed);
    const big = seed % 4 === 0;
    const bars = barsOf(
      random,
      pick(random, [["b", "a", "ä"], ["one"], ["s1", "s2", "s3", "s4", "s5"]]),
      big ? 12_000 : 60,
    );
    const other = barsOf(random, ["a", "one", "s2", "s3", "zz"], big ? 9_000 : 60);
    const run = {
      name: "run",
      tables: ["bars", "other"],
      features: FEATURES,
      concurrency: 1 + Math.floor(random() * 3),
      memory_limit: pick(random, ["64MB", "4GB"]),
    };
    await inRunFolder(run, async (folder, file) => {
      const cut = Math.floor(bars.length / 2);
      await writeBars(join(folder, "warehouse/bars/1.parquet"), COLUMNS, bars.slice(0, cut));
      await writeBars(join(folder, "warehouse/bars/2.parquet"), COLUMNS, bars.slice(cut));
      await writeBars(join(folder, "warehouse/other.parquet"), COLUMNS, other);
      const wide = join(folder, "out/wide.parquet");
      const report = await computeFeatureRun(await openFeatureRun(file, { wide }));
      const wanted = await wantedRows(bars, other, FEATURES);
      expectSame(await writtenRows(wide, FEATURES), wanted, FEATURES, [seed, run.memory_limit]);
      const inOrder = bars
        .map(({ symbol, time }, place) => ({ symbol, t: BigInt(time), place }))
        .sort(
          (a, b) =>
            Buffer.compare(Buffer.from(a.symbol), Buffer.from(b.symbol)) || Number(a.t - b.t) || a.place - b.place,
        );
      expect(await ask(`SELECT symbol, epoch_us(event_time) AS t FROM read_parquet('${wide}')`)).toEqual(
        inOrder.map(({ symbol, t }) => ({ symbol, t })),
      );
      expect(report.rows).toBe(bars.length);
      expect(report.features.map(({ name, status }) => [name, status])).toEqual(
        FEATURES.map(({ name }) => [name, name === "wrong" ? "error" : "success"]),
      );
      expect(report.features.map(({ nulls }) => nulls)).toEqual(
        FEATURES.map(({ name }) => wanted.filter((row) => row[name] === null).length),
      );
      if (big) {
        // So little that every column is computed by itself, and groups are as small as they get; and so that cross-sections are
        // made in memory of one column after the other.
        const opened = await openFeatureRun(file, { wide });
        for (const memory of [1, bars.length * 2 * 55]) {
          const parts = await withTables(opened, join(folder, "parts"), async ({ session, tables, staging }) => {
            const options = { session, tables, staging, compiled: compiledOf(opened, tables) };
            const path = join(folder, "parts.parquet");
            await new FileRun({
              ...options,
              backend: "kernel",
              strict: false,
              hasStart: false,
              threads: 2,
              memory,
            }).write(path);
            return path;
          });
          expectSame(await writtenRows(parts, FEATURES), wanted, FEATURES, [seed, "in parts", memory]);
        }
      }
      // Nothing is left of what was staged.
      expect(readdirSync(join(folder, "out"))).toEqual(["wide.parquet"]);

      // A window of time, and some of the symbols: the same values, on fewer rows.
      const times = bars.map(({ time }) => time);
      const [start, end] = [times[Math.floor(random() * times.length)] ?? 0, times[times.length - 1] ?? 0];
      if (start < end && random() < 0.9) {
        const plain = FEATURES.filter(
          ({ name }) => !["rank", "rank_mean", "again", "demeaned", "scored"].includes(name),
        );
        const few =
          random() < 0.5 ? plain.filter(({ name }) => ["ret", "mean", "above", "plain"].includes(name)) : plain;
        await inRunFolder({ ...run, features: few, warehouse: join(folder, "warehouse") }, async (_, late) => {
          const symbols = [...new Set(bars.map(({ symbol }) => symbol))].filter((_one, place) => place % 2 === 0);
          await computeFeatureRun(
            await openFeatureRun(late, { wide, start: BigInt(start), end: BigInt(end), symbols }),
          ).catch((error: unknown) => {
            expect(String(error)).toContain("no-rows");
          });
          const within = (time: unknown): boolean => Number(time) >= start && Number(time) < end;
          const kept = bars.filter(({ time, symbol }) => within(time) && symbols.includes(symbol));
          if (kept.length === 0) return;
          const all = (await wantedRows(bars, other, FEATURES)).map((row) => ({
            ...row,
            t: Number(row["event_time"]) * 1000,
          }));
          const timesInOrder = await ask(
            `SELECT symbol, epoch_us(event_time) AS t FROM read_parquet('${folder}/warehouse/bars/*.parquet', filename = true, file_row_number = true) ORDER BY symbol, event_time, filename, file_row_number`,
          );
          const wantedLate = all.filter(
            (_row, place) =>
              within(timesInOrder[place]?.["t"]) && symbols.includes(String(timesInOrder[place]?.["symbol"])),
          );
          expectSame(await writtenRows(wide, few), wantedLate, few, [seed, "late"]);
        });
      }
    });
  }
}, 120_000);

const CSV = `time,open,close,is_buy
1700000000,1,2,1
1700000060,2,,0
1700000120,3,4.5,1
`;

test("a text file with constants, other names and a unit; the row group is as the footer says", async () => {
  const run = `name: csv
tables:
  - name: bars
    source: {path: bars.csv, timestamp_field: time, timestamp_unit: s}
    field_mapping: {close: px}
    symbol: BTC
features:
  - {name: ret, formula: px / open}
  - {name: buys, formula: cumsum(is_buy)}
  - {name: drawdown_10, type: drawdown, inputs: {price: px}, parameters: {window: 2}}
output: {wide: made/wide.parquet}
`;
  await inRunFolder(run, async (folder, file) => {
    writeFileSync(join(folder, "bars.csv"), CSV);
    const report = await computeFeatureRun(await openFeatureRun(file));
    expect(report.wide).toBe(join(folder, "made/wide.parquet"));
    const rows = await ask(
      `SELECT symbol, CAST(event_time AS VARCHAR) AS t, ret, buys, drawdown_10 FROM '${report.wide}'`,
    );
    expect(rows).toEqual([
      { symbol: "BTC", t: "2023-11-14 22:13:20+00", ret: 2, buys: 1, drawdown_10: null },
      { symbol: "BTC", t: "2023-11-14 22:14:20+00", ret: null, buys: 1, drawdown_10: null },
      { symbol: "BTC", t: "2023-11-14 22:15:20+00", ret: 1.5, buys: 2, drawdown_10: null },
    ]);
    const [statistics] = await ask(
      `SELECT num_values, stats_null_count, stats_min_value, stats_max_value FROM parquet_metadata('${report.wide}') WHERE path_in_schema = 'ret'`,
    );
    expect(statistics).toEqual({
      num_values: 3n,
      stats_null_count: 1n,
      stats_min_value: "1.5",
      stats_max_value: "2.0",
    });
  });
});

async function problemsOf(run: string, files: Readonly<Record<string, string>> = {}): Promise<string> {
  return inRunFolder(run, async (folder, file) => {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), text);
    }
    try {
      await computeFeatureRun(await openFeatureRun(file));
    } catch (error) {
      expect(error).toBeInstanceOf(DaedalusError);
      expect(existsSync(join(folder, "wide.parquet"))).toBe(false);
      return String((error as DaedalusError).message).replaceAll(folder, "DIR");
    }
    return "done";
  });
}

const TABLE = "tables: [{name: bars, source: {path: bars.csv, timestamp_field: time, timestamp_unit: s}, symbol: BTC}]";

test("what is wrong is told with its place, and nothing is written", async () => {
  const head = `name: r\noutput: {wide: wide.parquet}\n`;
  const one = "features: [{name: a, formula: close + 1}]\n";
  expect(await problemsOf(`${head}tables: [bars]\n${one}shard: 1d\ncatalog: {type: sql}\nexecutor: ray\n`)).toMatch(
    /shard[\s\S]*this version does not execute|this version does not execute shard/,
  );
  expect(await problemsOf(`${head}tables: [bars]\nfeatures: [{name: a, formula: lag(close, 2)}]\n`)).toMatch(
    /^features.yaml:4:31 {2}definition\/formula-at-comma[\s\S]*"lag\(close"[\s\S]*write the formula in quotes/,
  );
  expect(await problemsOf(`${head}tables: [bars]\n${one}`)).toContain("frame/no-table");
  expect(await problemsOf(`${head}${TABLE}\n${one}`)).toContain("source/no-such-file");
  expect(await problemsOf(`${head}${TABLE.replace(", timestamp_unit: s", "")}\n${one}`, { "bars.csv": CSV })).toContain(
    "frame/no-time-unit",
  );
  expect(
    await problemsOf(`${head}${TABLE.replace("timestamp_field: time", "timestamp_field: tme")}\n${one}`, {
      "bars.csv": CSV,
    }),
  ).toContain('did you mean "time"?');
  expect(await problemsOf(`${head}${TABLE}\n${one}`, { "bars.csv": CSV.replace("4.5", "four") })).toContain(
    "holds four in record 3",
  );
  expect(
    await problemsOf(`${head}${TABLE}\n${one}start: 2024-01-01\nend: 2023-01-01\n`, { "bars.csv": CSV }),
  ).toContain("end is 2023-01-01");
  expect(await problemsOf(`${head}${TABLE}\n${one}start: soon\n`, { "bars.csv": CSV })).toContain(
    "definition/bad-instant",
  );
  expect(await problemsOf(`${head}${TABLE}\n${one}symbols: [ETH]\n`, { "bars.csv": CSV })).toContain("frame/no-rows");
  expect(await problemsOf(`name: r\n${TABLE}\n${one}`, { "bars.csv": CSV })).toContain("features/no-output");
  expect(
    await problemsOf(
      `${head}${TABLE}\nfeatures:\n  - name: a\n    formula: >-\n      close +\n      rolling_meen(close, 3)\nstrict: true\n`,
      { "bars.csv": CSV },
    ),
  ).toContain("rolling_mean");
  expect(
    await problemsOf(`${head}${TABLE}\nstrict: true\nfeatures:\n  - {name: a, formula: "rolling_meen(close, 3)"}\n`, {
      "bars.csv": CSV,
    }),
  ).toBe(
    `features.yaml:6:25  formula/unknown-function
  feature "a": there is no function "rolling_meen"
    6 |   - {name: a, formula: "rolling_meen(close, 3)"}
      |                         ^^^^^^^^^^^^
  did you mean "rolling_mean"?`,
  );
});

test("a mistake of a feature is told where it was made: at the feature, not in the formula of its type; in a step of it", async () => {
  const types = {
    "feature_types/high.yaml": `name: high
dimension: technical
version: v1.0
status: active
required_inputs: [close]
formula: rolling_max(close, 2)
`,
    "feature_types/steps.yaml": `name: steps
dimension: technical
version: v1.0
status: active
required_inputs: [close]
steps:
  - {primitive: TRANSFORM, op: abs, params: {x: close}, output: size}
  - {primitive: TRANSFORM, op: add, params: {x: size, y: sise}}
`,
  };
  const head = `name: r\noutput: {wide: wide.parquet}\nstrict: true\n${TABLE}\n`;
  const told = (feature: string) => problemsOf(`${head}features:\n  - ${feature}\n`, { "bars.csv": CSV, ...types });
  expect(await told("{name: a, type: high, inputs: {close: clse}}")).toMatch(
    /^features.yaml:6:5 {2}formula\/unknown-name\n.*the input "close" is bound to "clse": there is no[\s\S]*did you mean "close"/,
  );
  expect(await told("{name: a, type: depth_imbalance}")).toMatch(
    /^features.yaml:6:5[\s\S]*takes "bid_depth": there is no[\s\S]*inputs: \{bid_depth: …\}/,
  );
  expect(await told("{name: a, type: steps}")).toMatch(
    /^feature_types\/steps.yaml:8:5[\s\S]*"sise"[\s\S]*did you mean "size"/,
  );
  expect(await told('{name: a, formula: ""}')).toMatch(/^features.yaml:6:24 {2}formula\/empty/);
});

test("a table without symbols stands beside every symbol", async () => {
  const run = `name: r
output: {wide: wide.parquet}
tables: [{name: bars, source: {path: bars.csv}}, {name: idx, source: {path: idx.csv}}]
features: [{name: a, formula: close - idx.level}, {name: up, table: idx, formula: level > lag(level)}]
`;
  await inRunFolder(run, async (folder, file) => {
    const days = ["2024-01-02", "2024-01-03", "2024-01-04"];
    const rows = ["A", "B", "C"].flatMap((symbol) => days.map((day, place) => `${symbol},${day},${10 + place}`));
    writeFileSync(join(folder, "bars.csv"), `symbol,event_time,close\n${rows.join("\n")}\n`);
    writeFileSync(join(folder, "idx.csv"), "event_time,level\n2024-01-02,1\n2024-01-03,2\n");
    const report = await computeFeatureRun(await openFeatureRun(file));
    const each = [
      { a: null, up: null },
      { a: 10, up: null },
      { a: 10, up: true },
    ];
    expect(await ask(`SELECT a, up FROM '${report.wide}'`)).toEqual([...each, ...each, ...each]);
  });
});

test("venues and bars that a table mixes must be chosen between", async () => {
  const csv =
    "event_time,venue,bar_name,is_complete,close\n2024-01-01,a,t1,1,1\n2024-01-02,b,t1,1,2\n2024-01-03,a,t2,1,3\n2024-01-04,a,t1,0,4\n";
  const run = (more: string, table = "") =>
    `name: r\noutput: {wide: wide.parquet}\ntables: [{name: bars, source: {path: bars.csv}${table}}]\nfeatures: [{name: a, formula: close}]\n${more}`;
  expect(await problemsOf(run(""), { "bars.csv": csv })).toContain("holds rows of several venues: a, b");
  expect(await problemsOf(run("venue: a\n"), { "bars.csv": csv })).toContain("several bar_names: t1, t2");
  await inRunFolder(run("venue: a\n", ", bar_name: t1"), async (folder, file) => {
    writeFileSync(join(folder, "bars.csv"), csv);
    const report = await computeFeatureRun(await openFeatureRun(file));
    expect(await ask(`SELECT a FROM '${report.wide}'`)).toEqual([{ a: 1 }]);
    writeFileSync(file, run("venue: a\n", ", bar_name: t1, incomplete_bars: true"));
    await computeFeatureRun(await openFeatureRun(file));
    expect(await ask(`SELECT a FROM '${report.wide}'`)).toEqual([{ a: 1 }, { a: 4 }]);
  });
});

test("one symbol's columns are shared between threads: the same bytes", async () => {
  const bars = barsOf(randomFrom(5), ["one"], 40_000);
  const run = {
    name: "run",
    tables: ["bars"],
    features: FEATURES.filter(({ name }) => !/other|there|counted$/.test(name)),
  };
  const files: Buffer[] = [];
  for (const concurrency of [1, 2, 5])
    await inRunFolder({ ...run, concurrency }, async (folder, file) => {
      await writeBars(join(folder, "warehouse/bars.parquet"), COLUMNS, bars);
      const wide = join(folder, "wide.parquet");
      const { features } = await computeFeatureRun(await openFeatureRun(file, { wide }));
      expect(features.filter(({ status }) => status === "error").map(({ name }) => name)).toEqual(["wrong"]);
      files.push(readFileSync(wide));
    });
  expect(files[0]?.length).toBeGreaterThan(100_000);
  expect(files.map((one) => one.equals(files[0] as Buffer))).toEqual([true, true, true]);
});

test("the least memory that may be written is enough for a million rows", async () => {
  const run = {
    name: "run",
    tables: ["bars"],
    features: [
      { name: "mean", formula: "rolling_mean(x, 5)" },
      { name: "other", formula: "rolling_mean(x, 10)" },
    ],
    memory_limit: "64MB",
  };
  await inRunFolder(run, async (folder, file) => {
    mkdirSync(join(folder, "warehouse"));
    await ask(
      `COPY (SELECT 'S' || (i % 5) AS symbol, make_timestamp(i // 5 * 1000000) AS event_time, sin(i) * 10 AS x FROM range(1000000) t(i))
       TO '${join(folder, "warehouse/bars.parquet")}' (FORMAT parquet)`,
    );
    const { rows } = await computeFeatureRun(await openFeatureRun(file, { wide: join(folder, "wide.parquet") }));
    expect(rows).toBe(1_000_000);
  });
});

test("a feature of a type without a name is called as its type says", async () => {
  const run = (features: readonly object[]) => ({
    name: "r",
    tables: [{ name: "quotes", source: { path: "quotes.parquet" } }],
    features,
    output: { wide: "wide.parquet" },
  });
  const spread = { type: "quoted_spread", inputs: { best_ask_price: "x", best_bid_price: "y" } };
  await inRunFolder(run([spread, { name: "twice", formula: "2 * quoted_spread" }]), async (folder, file) => {
    await writeBars(join(folder, "quotes.parquet"), COLUMNS, [{ symbol: "A", time: 1, cells: [5, 3] }]);
    await computeFeatureRun(await openFeatureRun(file));
    const [row] = await ask(`SELECT quoted_spread, twice FROM '${join(folder, "wide.parquet")}'`);
    expect(row).toEqual({ quoted_spread: 2, twice: 4 });
  });
  await inRunFolder(run([spread, spread]), async (_, file) => {
    await expect(openFeatureRun(file)).rejects.toMatchObject({
      problems: [{ code: "definition/duplicate-name", file: "features.yaml" }],
    });
  });
  await inRunFolder(run([{ type: "mine" }]), async (folder, file) => {
    mkdirSync(join(folder, "feature_types"));
    const step = "{primitive: TRANSFORM, op: abs, params: {x: x}, output: a}";
    const rest =
      "description: d\ncategory: c\ndimension: signal\nversion: v1.0\nstatus: active\ntags: []\nrequired_inputs: [x]\n";
    writeFileSync(join(folder, "feature_types/mine.yaml"), `name: mine\n${rest}steps:\n  - ${step}\n  - ${step}\n`);
    await expect(openFeatureRun(file)).rejects.toMatchObject({
      problems: [{ code: "definition/duplicate-name", file: "feature_types/mine.yaml", line: 11 }],
    });
  });
  await inRunFolder(run([{ formula: "x" }]), async (_, file) => {
    await expect(openFeatureRun(file)).rejects.toMatchObject({ problems: [{ code: "definition/missing-key" }] });
  });
});
