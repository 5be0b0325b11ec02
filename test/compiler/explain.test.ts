import { afterAll, beforeAll, expect, test } from "vitest";
import type { Analysis } from "#daedalus/compiler/explain/analysis.js";
import { explainMermaid } from "#daedalus/compiler/explain/mermaid.js";
import { explainText } from "#daedalus/compiler/explain/text.js";
import { collectWrittenDays } from "#daedalus/compiler/explain/written-days.js";
import { type Explanation, explain, extrasOf, type Findings } from "#daedalus/compiler/explain.js";
import { type Edit, openWorkshop, RUNTIME, SPECS, type Workshop, withColumn } from "./fixture.js";

let workshop: Workshop;
beforeAll(async () => {
  workshop = await openWorkshop();
});
afterAll(() => workshop.close());

const COMPOSITION = {
  stages: [{ name: "stage_0_sql", engine: "sql", operators: ["scan_feed", "session_filter"] }],
  statements: { scan_feed: ["SELECT 1\nFROM feed", "SELECT 2"] },
  composedInto: { ages: ["sink"] },
} as const;

async function explained(...edits: readonly Edit[]): Promise<Explanation> {
  return explainedWith({}, ...edits);
}

async function explainedWith(findings: Findings, ...edits: readonly Edit[]): Promise<Explanation> {
  const { pipeline, service } = await workshop.compile(...edits);
  if (pipeline === undefined || service === undefined) throw new Error("the shop does not compile");
  return explain(pipeline, COMPOSITION, extrasOf(service), findings);
}

const column = ({ columns }: Explanation, name: string) => columns.find((each) => each.name === name);

test("each column has its operators and the columns of sources that it comes from", async () => {
  const explanation = await explained();
  expect(explanation.columns.map(({ name, sources }) => [name, sources])).toEqual([
    ["user_id", ["feed.user_id"]],
    ["item_id", ["feed.item_id"]],
    ["ts", ["feed.ts"]],
    ["device", ["feed.device"]],
    ["author_id", ["items.author_id"]],
    ["score", ["users.score"]],
    ["age", ["feed.ts", "items.created_at"]],
    ["qid", ["feed.session"]],
    ["likes_1d", ["items.author_id", "feed.event"]],
    ["tags_7d", ["items.tags"]],
    ["published_30d", ["items.author_id"]],
    ["recent", ["items.id"]],
  ]);
  expect(column(explanation, "age")?.operators).toEqual(["scan_feed", "scan_items", "join_items", "ages", "assembly"]);
  expect(column(explanation, "recent")?.operators).toEqual(["scan_items_lookup_recent", "lookup_recent", "assembly"]);
});

test("what joins the latest row can leak, also through a rolling value", async () => {
  const causal = await explained();
  expect(causal.leakingViews.map(({ view }) => view)).toEqual(["users"]);
  const latest = await explained([RUNTIME, "{view: items, as_of: event}", "items"]);
  expect(latest.leakingViews).toEqual([
    { view: "users", operators: ["join_users"], columns: ["score"], availableIgnored: false },
    {
      view: "items",
      operators: ["join_items", "history_join_items"],
      columns: ["author_id", "age", "likes_1d", "tags_7d"],
      availableIgnored: true,
    },
  ]);
  expect(latest.notes).toEqual(["view items: available_field is ignored, because it is joined as_of: latest"]);
  expect(latest.notCausal).toContain("content_filter: depends on the latest rows of items");
  expect(latest.notCausal).toContain("column likes_1d: depends on the latest rows of items");
});

test("what judges a day as a whole is named", async () => {
  const { notCausal } = await explained();
  expect(notCausal).toEqual([
    "column score: depends on the latest rows of users",
    "column qid: numbers the sessions of whole days",
    "session_filter: judges the sessions of the whole day",
  ]);
});

test("scope: window is said", async () => {
  const { notes } = await explained(
    [
      SPECS,
      /$/,
      "embedding_stores: {s: {uri: x, key: item_id, vector: v, dim: 4}}\nenrichment_specs:\n  - {name: picture, store: s, ids: item_id}\n",
    ],
    withColumn('{name: picture, kind: embedding, dtype: "FLOAT[]"}'),
    [RUNTIME, /$/, "embedding_coverage_filter: {scope: window}\n"],
  );
  expect(notes.join()).toMatch(/scope: window.*may differ from those of another service/);
});

test("as text and as a picture", async () => {
  const explanation = await explained();
  const text = explainText(explanation);
  expect(text).toContain("rank (version 1), spine feed: 12 columns, 20 operators");
  expect(text).toMatch(/ {2}recent +BIGINT\[\] +scan_items_lookup_recent → lookup_recent → assembly +from items\.id/);
  expect(text).toContain("STAGE stage_0_sql (sql): scan_feed, session_filter\n  SELECT 1\n  FROM feed;\n  SELECT 2\n");
  const picture = explainMermaid(explanation);
  expect(picture.split("\n")[0]).toBe("flowchart TD");
  expect(picture).toContain('o3["join_users<br/>join<br/>latest row per key, 1 columns"]:::leaks');
  expect(picture).toContain("  o1 --> o3\n");
});

test("columns have the kind of the contract and the engine tags of what they pass", async () => {
  const explanation = await explained();
  expect(column(explanation, "age")).toMatchObject({ kind: "derived", dtype: "DOUBLE", engines: ["sql"] });
  expect(column(explanation, "tags_7d")).toMatchObject({ kind: "rolling", engines: ["sql", "sql_arrow_udf"] });
});

test("operators have their own fields as the generated YAML has them, and their statements", async () => {
  const { operators } = await explained();
  const operator = (name: string) => operators.find((each) => each.name === name);
  expect(operator("sink")?.fields).toMatchObject({ part_rows: 500000n });
  expect(Object.keys(operator("scan_feed")?.fields ?? {})).toEqual(["view", "columns", "instants", "range"]);
  expect(operator("scan_feed")?.sql).toEqual(["SELECT 1\nFROM feed", "SELECT 2"]);
  expect(operator("ages")).toMatchObject({ sql: [], composedInto: ["sink"] });
});

const ANALYSIS: Analysis = {
  day: "2024-01-02",
  operators: {
    scan_feed: { engine: "duckdb", rows: 1234567, bytes: 2_500_000, files: 3, seconds: 1.25, countedIn: [] },
    session_filter: {
      engine: "duckdb",
      rows: 1,
      rowsIn: 1234567,
      dropped: 1234566,
      bytes: 512,
      seconds: 0.0123,
      countedIn: ["sink"],
    },
    ages: { engine: "duckdb", rows: 1, seconds: 0, countedIn: ["sink"] },
  },
  rows: 1,
  seconds: 2,
  otherSeconds: 0.25,
  peakMemoryBytes: 3e9,
  peakResidentBytes: 1e9,
};

test("what a run told stands beside each operator, in text, Mermaid and JSON", async () => {
  const explanation = await explainedWith({ analysis: ANALYSIS });
  expect(explanation.operators[0]?.measured).toEqual(ANALYSIS.operators["scan_feed"]);
  const { operators: _, ...totals } = ANALYSIS;
  expect(explanation.analysis).toEqual(totals);
  const text = explainText(explanation);
  expect(text).toMatch(
    /scan_feed +scan +sql +duckdb +1,234,567 rows +2\.5 MB read +1\.3 s +- +feed: rows of the target day/,
  );
  expect(text).toMatch(
    /session_filter +filter +sql +duckdb +1 row, 1,234,566 dropped +512 B +12 ms \+ in sink +scan_feed/,
  );
  expect(text).toMatch(/ages +project +sql +duckdb +1 row +in sink /);
  expect(text).toContain("MEASURED ON 2024-01-02\n  1 row in 2.0 s, of these 250 ms for counting; nothing was kept\n");
  expect(text).toContain("3.0 GB reserved by the engine (within memory_limit), 1.0 GB in RAM");
  expect(explainMermaid(explanation)).toContain(
    "drops view-only sessions<br/>duckdb<br/>1 row, 1,234,566 dropped<br/>512 B<br/>12 ms + in sink",
  );
});

test("the manifests of written days become figures by column and day; another dtype is no figure", () => {
  const output = [
    { name: "n", dtype: "BIGINT" },
    { name: "ids", dtype: "BIGINT[]" },
  ] as const;
  const day = (name: string, columns: Parameters<typeof collectWrittenDays>[2][number]["columns"]) => ({
    day: name,
    rows: 10,
    columns,
  });
  const written = collectWrittenDays("out", output, [
    day("2024-01-01", [
      { name: "n", dtype: "INTEGER", nulls: 9 },
      { name: "ids", dtype: "BIGINT[]", nulls: 0, lengths: { min: 0, max: 4, mean: 1.5 } },
    ]),
    day("2024-01-02", [{ name: "n", dtype: "BIGINT", nulls: 1, min: "-3", max: "12", distinct: 7 }]),
  ]);
  expect(written).toEqual({
    outputRoot: "out",
    count: 2,
    days: [
      { day: "2024-01-01", rows: 10 },
      { day: "2024-01-02", rows: 10 },
    ],
    columns: [
      { name: "n", nulls: [null, 1], min: [null, "-3"], max: [null, "12"], distinct: [null, 7] },
      { name: "ids", nulls: [0, null], shortest: [0, null], longest: [4, null], meanLength: [1.5, null] },
    ],
  });
});

test("a page holds so many days as it can draw, the latest", () => {
  const days = Array.from({ length: 500 }, (_, index) => ({ day: String(index), rows: 1, columns: [] }));
  const few = collectWrittenDays("out", [{ name: "n", dtype: "BIGINT" }], days);
  expect([few.count, few.days.length, few.days.at(-1)?.day]).toEqual([500, 366, "499"]);
  const wide = Array.from({ length: 5000 }, (_, index) => ({ name: `c${index}`, dtype: "BIGINT" as const }));
  expect(collectWrittenDays("out", wide, days).days).toHaveLength(20);
});
