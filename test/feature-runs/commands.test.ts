import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { FeatureEngine } from "daedalus";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MAIN } from "../runs/processes.js";
import { type Browser, chromiumPath, openBrowser, whyNoBrowser } from "../support/browser.js";
import { ask, writeBars } from "./run-folder.js";

// The commands of `daeda features`, as they are typed.

const start = Date.UTC(2024, 0, 1) * 1000;

const RUN = `name: demo
tables: [bars]
features:
  - {name: ret, formula: close / lag(close) - 1}
  - {name: noise, formula: "rolling_std(ret, $w)", parameters: {w: 3}}
  - {name: skewed, formula: "rolling_skew(ret, 4) + noise"}
  - {name: dd, type: drawdown, inputs: {price: close}}
  - {name: rank, formula: cs_rank(ret)}
  - {name: broken, formula: clse + 1}
output: {wide: wide.parquet}
`;

let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "daedalus-features-"));
  writeFileSync(join(folder, "features.yaml"), RUN);
  const bars = ["ETH", "BTC"].flatMap((symbol, place) =>
    Array.from({ length: 40 }, (_, row) => ({
      symbol,
      time: start + row * 60_000_000,
      cells: [100 + place * 50 + Math.round(Math.sin(row * (place + 1)) * 800) / 100, row % 7 === 3 ? null : row],
    })),
  );
  await writeBars(join(folder, "warehouse/bars.parquet"), ["close", "volume"], bars);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function daeda(...words: string[]): Promise<Ran> {
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [MAIN, ...words], { cwd: folder });
    return { code: 0, stdout, stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, stdout, stderr };
  }
}

test("compute tells of every feature, on both backends; strict writes nothing", async () => {
  const { code, stdout, stderr } = await daeda("features", "compute");
  expect([code, stderr]).toEqual([0, ""]);
  expect(stdout).toBe(
    `feature  rows  nulls  status
-------  ----  -----  -------
ret      80    2      success
noise    80    6      success
skewed   80    8      success
dd       80    0      success
rank     80    2      success
broken   80    80     error
feature "broken" failed:
features.yaml:9:28  formula/unknown-name
  there is no parameter, feature or column "clse"
    9 |   - {name: broken, formula: clse + 1}
      |                             ^^^^
  did you mean "close"?
wrote wide.parquet: 80 rows, 6 features
`.replace("9:28", "9:29"),
  );
  const polars = await daeda("features", "compute", "--backend", "polars", "--wide", "polars.parquet", "--json");
  expect(JSON.parse(polars.stdout).features.map((one: { status: string }) => one.status)).toEqual([
    ...new Array(5).fill("success"),
    "error",
  ]);
  const [differing] = await ask(
    `SELECT count(*) FILTER (a.ret IS DISTINCT FROM b.ret OR a.dd IS DISTINCT FROM b.dd OR a.rank IS DISTINCT FROM b.rank) AS exact,
       count(*) FILTER (abs(a.skewed - b.skewed) > 1e-9 OR abs(a.noise - b.noise) > 1e-12 OR (a.noise IS NULL) <> (b.noise IS NULL)) AS near
     FROM '${folder}/wide.parquet' a JOIN '${folder}/polars.parquet' b USING (symbol, event_time)`,
  );
  expect(differing).toEqual({ exact: 0n, near: 0n });
  const strict = await daeda("features", "compute", "--strict", "--wide", "strict.parquet");
  expect([strict.code, strict.stdout]).toEqual([1, ""]);
  expect(strict.stderr).toContain('feature "broken": there is no parameter, feature or column "clse"');
  expect(readdirSync(folder).sort()).toEqual(["features.yaml", "polars.parquet", "warehouse", "wide.parquet"]);
  const late = await daeda(
    "features",
    "compute",
    "--start",
    "2024-01-01T00:30",
    "--end",
    "2024-01-01T00:35",
    "--symbol",
    "ETH",
    "--wide",
    "late.parquet",
  );
  expect(late.stdout).toContain("wrote late.parquet: 5 rows");
  const some = await daeda("features", "compute", "--symbol", "ETH", "XRP", "--wide", "late.parquet");
  expect(some.stdout).toContain("no rows of XRP\nwrote late.parquet: 40 rows");
  expect((await daeda("features", "compute", "--start", "soon")).stderr).toContain("--start soon is no time");
});

test("explain draws the graph, and tells every node's value at a row", async () => {
  const text = (await daeda("features", "explain", "--feature", "skewed")).stdout;
  expect(text).toContain("backend kernel; 8 nodes");
  expect(text).toMatch(/n\d+ +WINDOW +rolling_skew\(n\d+, w=4, min_periods=4\) +4 rows +kernel +skewed/);
  const graph = JSON.parse((await daeda("features", "explain", "--json")).stdout);
  const noise = graph.nodes.find((node: { op: string }) => node.op === "rolling_std");
  expect(noise).toMatchObject({
    primitive: "WINDOW",
    params: { w: 3, min_periods: 3 },
    left: 3,
    right: 0,
    features: ["noise", "skewed"],
  });
  expect(graph.nodes.find((node: { op: string }) => node.op === "cs_rank")).toMatchObject({
    primitive: "EVENT",
    backend: "rows",
  });
  expect(graph.features.find((one: { name: string }) => one.name === "broken").problem.code).toBe(
    "formula/unknown-name",
  );
  // Every feature that can be computed ends in a node of its own.
  const ends = graph.nodes.filter(({ primitive }: { primitive: string }) => primitive === "SINK");
  const able = graph.features.filter(({ node }: { node?: string }) => node !== undefined);
  expect(
    ends.map(({ params, inputs }: { params: { name: string }; inputs: string[] }) => [params.name, ...inputs]),
  ).toEqual(able.map(({ name, node }: { name: string; node: string }) => [name, node]));
  const mermaid = (await daeda("features", "explain", "--format", "mermaid", "--feature", "ret")).stdout;
  expect((await daeda("features", "explain", "--format", "mermaid", "--json")).code).toBe(2);
  expect(mermaid.split("\n").slice(0, 3)).toEqual([
    "graph LR",
    '  n1["SOURCE bars.close"]',
    '  n2["WINDOW lag(n1, n=1)"]',
  ]);
  const polars = (await daeda("features", "explain", "--backend", "polars", "--feature", "skewed")).stdout;
  expect(polars).toMatch(/rolling_std\(.*\) +\d+ rows +polars/);
  expect(polars).toMatch(/rolling_skew\(.*\) +\d+ rows +kernel/);

  const row = JSON.parse((await daeda("features", "explain", "--row", "ETH@2024-01-01T00:30:00Z", "--json")).stdout);
  const [wanted] = await ask(
    `SELECT ret, noise, skewed, dd, rank FROM '${folder}/wide.parquet' WHERE symbol = 'ETH' AND epoch_us(event_time) = ${start + 30 * 60_000_000}`,
  );
  const found = Object.fromEntries(
    row.explained.features.flatMap((one: { name: string; node?: string }) =>
      one.node === undefined ? [] : [[one.name, row.values[one.node]]],
    ),
  );
  expect(found).toEqual(wanted);
  const constants = row.explained.nodes.filter(({ op }: { op: string }) => op === "constant");
  expect(constants.map(({ name }: { name: string }) => row.values[name])).toContain(1);
  expect((await daeda("features", "explain", "--row", "ETH@2025-01-01")).stderr).toMatch(
    /no row of ETH has the time 2025-01-01T00:00:00.000Z\n {2}its rows next to it: 2024-01-0\dT\S+Z$/m,
  );
  expect((await daeda("features", "explain", "--row", "ETHH@2024-01-01T00:30:00Z")).stderr).toMatch(
    /no row has the symbol "ETHH"\n.*did you mean "ETH"\?/,
  );
  expect((await daeda("features", "explain", "--row", "ETH")).stderr).toContain("features/bad-row");
  const several = (await daeda("features", "explain", "--row", "@2024-01-01T00:30:00Z")).stderr;
  expect(several).toMatch(
    /2 symbols have a row at 2024-01-01T00:30:00.000Z\n {2}write which: (BTC|ETH)@2024-01-01T00:30/,
  );
  expect((await daeda("features", "explain", "--row", "ETH@2024-01-01T00:30:00.000007Z")).stderr).toMatch(
    /no row of ETH has the time 2024-01-01T00:30:00.000007Z\n {2}its rows next to it: 2024-01-01T00:30:00.000Z, 2024-01-01T00:31:00.000Z/,
  );
  const broken = await daeda("features", "explain", "--row", "ETH@2024-01-01T00:30:00Z", "--feature", "broken");
  expect(broken).toMatchObject({ code: 0, stdout: expect.stringContaining("formula/unknown-name") });
  const address = ["features", "explain", "--row", "ETH@2024-01-01T00:30:00Z", "--format"];
  expect(JSON.parse((await daeda(...address, "json")).stdout)).toEqual(row);
  expect(await daeda(...address, "mermaid")).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("features/row-as-mermaid"),
  });
  expect((await daeda("features", "explain", "--feature", "nois")).stderr).toContain('did you mean "noise"?');
});

test("list has the types of the library and the project's own", async () => {
  const { types } = JSON.parse((await daeda("features", "list", "--json")).stdout);
  expect(types.length).toBeGreaterThanOrEqual(60);
  expect(types.every((type: { own: boolean }) => !type.own)).toBe(true);
  expect((await daeda("features", "list")).stdout).toMatch(/drawdown +regime +v1.0 +price +window=0 +library/);
});

test("tables of a warehouse as frames of the engine", async () => {
  const engine = new FeatureEngine({ projectDir: folder });
  const frames = await engine.readSourceTables({ tables: ["bars"], symbol: "BTC", end: "2024-01-01T00:10:00Z" });
  expect(frames["bars"]?.schema.fields.map(({ name }) => name)).toEqual(["symbol", "event_time", "close", "volume"]);
  expect(frames["bars"]?.numRows).toBe(10);
  const { table, statuses } = await engine.computeFeatures({
    frames,
    specs: [{ name: "dd", type: "drawdown", inputs: { price: "close" } }],
  });
  expect(statuses.map(({ status }) => status)).toEqual(["success"]);
  const wanted = await ask(`SELECT dd FROM '${folder}/wide.parquet' WHERE symbol = 'BTC' ORDER BY event_time LIMIT 10`);
  expect([...(table.getChild("dd") ?? [])]).toEqual(wanted.map(({ dd }) => dd));
});

describe.skipIf(chromiumPath === undefined)(
  chromiumPath === undefined ? `show in a browser (${whyNoBrowser})` : "show in a browser",
  () => {
    let browser: Browser;
    beforeAll(async () => {
      browser = await openBrowser();
    });
    afterAll(() => browser.close());

    test("the page has a line of each symbol, the distribution and the figures, and asks for nothing", async () => {
      const page = join(folder, "noise.html");
      expect((await daeda("features", "show", "--feature", "noise", "--out", page)).stdout).toContain(
        "80 rows, 6 NULL",
      );
      const opened = await browser.open(page, { width: 900, height: 1200 });
      // A text: it runs in the page, not here.
      const found = (await opened.page.evaluate(`({
        heading: document.querySelector("h1").textContent,
        lines: [...document.querySelectorAll("polyline")].map((line) => line.getBoundingClientRect().width > 300),
        keys: [...document.querySelectorAll(".key")].map((key) => key.textContent.trim()),
        bars: [...document.querySelectorAll("rect")].reduce((sum, bar) => sum + Number(/: ([0-9,]+) rows/.exec(bar.textContent)[1].replaceAll(",", "")), 0),
        rows: Object.fromEntries([...document.querySelectorAll("tr")].map((row) => [row.children[0].textContent, row.children[1].textContent])),
        wide: document.documentElement.scrollWidth <= document.documentElement.clientWidth,
      })`)) as { readonly rows: unknown };
      expect(found).toMatchObject({
        heading: "noise",
        lines: [true, true],
        keys: ["■ BTC", "■ ETH"],
        bars: 74,
        wide: true,
      });
      expect(found.rows).toMatchObject({
        rows: "80",
        NULL: "6",
        NaN: "0",
        infinite: "0",
        from: "2024-01-01T00:00:00Z",
      });
      expect(opened.noise).toEqual([]);
      await opened.close();
      expect(readFileSync(page, "utf8")).not.toContain("<script");
    });
  },
);

test("a picture without finite values; a page takes the place of pages only", async () => {
  const table = join(folder, "warehouse/bars.parquet");
  const before = readFileSync(table);
  const never = `${RUN}`.replace("name: broken, formula: clse + 1", "name: never, formula: 0 / (close - close)");
  writeFileSync(join(folder, "never.yaml"), never);
  const words = ["features", "show", "never.yaml", "--feature", "never", "--out"];
  expect((await daeda(...words, "never.html")).stdout).toContain("80 rows, 0 NULL, no finite value");
  expect((await daeda(...words, "never.html")).code).toBe(0);
  for (const input of ["warehouse/bars.parquet", "never.yaml"]) {
    const { code, stderr } = await daeda(...words, input);
    expect([code, stderr]).toEqual([2, expect.stringContaining("features/page-not-replaceable")]);
  }
  expect(readFileSync(table).equals(before)).toBe(true);
  expect(readFileSync(join(folder, "never.yaml"), "utf8")).toBe(never);
});

test("explain --row tells of a node that failed why, and of a NULL that it is one", async () => {
  const rows = 10_001;
  const minute = (row: number): string => new Date(row * 60_000).toISOString();
  const lines = Array.from(
    { length: rows },
    (_, row) => `${minute(row)},${(row * 7) % 11},${row === rows - 1 ? "" : row}`,
  );
  writeFileSync(join(folder, "long.csv"), `at,x,y\n${lines.join("\n")}\n`);
  writeFileSync(
    join(folder, "long.yaml"),
    `name: long
tables: [{name: long, source: {path: long.csv, timestamp_field: at}}]
features:
  - {name: ranks, formula: "rolling_rank_corr(x, lag(x), 0)"}
  - {name: more, formula: ranks + 1}
  - {name: gone, formula: y + 1}
`,
  );
  const address = ["features", "explain", "long.yaml", "--row", `@${minute(rows - 1)}`];
  const { code, stdout } = await daeda(...address);
  expect(code).toBe(0);
  for (const name of ["ranks", "more"])
    expect(stdout).toMatch(new RegExp(`^${name} = n\\d+ = it could not be computed: .*at most 10000 rows`, "m"));
  expect(stdout).toMatch(/^gone = n\d+ = NULL$/m);
  const { explained, values, failures } = JSON.parse((await daeda(...address, "--json")).stdout);
  const nodeOf = (name: string) => explained.features.find((one: { name: string }) => one.name === name).node;
  expect(Object.hasOwn(values, nodeOf("ranks"))).toBe(false);
  expect(failures[nodeOf("ranks")]).toContain("at most 10000 rows");
  expect(values[nodeOf("gone")]).toBeNull();
});

test("explain --row gives nodes of another table the value of its last row before", async () => {
  writeFileSync(join(folder, "left.csv"), "at,x\n2024-01-01T00:01:00Z,1\n2024-01-01T00:03:00Z,2\n");
  writeFileSync(
    join(folder, "right.csv"),
    "at,y\n2024-01-01T00:01:00Z,10\n2024-01-01T00:02:59Z,30\n2024-01-01T00:03:00Z,50\n",
  );
  writeFileSync(
    join(folder, "sides.yaml"),
    `name: sides
tables:
  - {name: l, source: {path: left.csv, timestamp_field: at}}
  - {name: r, source: {path: right.csv, timestamp_field: at}}
features: [{name: both, formula: "x + 1"}, {name: far, table: r, formula: "rolling_sum(y, 2) / 2"}]
`,
  );
  const valuesAt = async (time: string) => {
    const { stdout } = await daeda("features", "explain", "sides.yaml", "--row", `@${time}`, "--json");
    const { explained, values } = JSON.parse(stdout);
    return Object.fromEntries(explained.nodes.map(({ name, op }: { name: string; op: string }) => [op, values[name]]));
  };
  expect(await valuesAt("2024-01-01T00:03:00Z")).toMatchObject({ rolling_sum: 40, divide: 20, latest: 20, add: 3 });
  expect(await valuesAt("2024-01-01T00:01:00Z")).toMatchObject({ rolling_sum: null, latest: null, add: 2 });
});
