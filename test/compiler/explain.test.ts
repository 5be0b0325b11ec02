import { afterAll, beforeAll, expect, test } from "vitest";
import { explainMermaid } from "#daedalus/compiler/explain/mermaid.js";
import { explainText } from "#daedalus/compiler/explain/text.js";
import { type Explanation, explain, extrasOf } from "#daedalus/compiler/explain.js";
import { type Edit, openWorkshop, RUNTIME, SPECS, type Workshop, withColumn } from "./fixture.js";

let workshop: Workshop;
beforeAll(async () => {
  workshop = await openWorkshop();
});
afterAll(() => workshop.close());

const STAGE = { name: "stage_0_sql", engine: "sql", operators: ["scan_feed"], sql: "SELECT 1\nFROM feed" } as const;

async function explained(...edits: readonly Edit[]): Promise<Explanation> {
  const { pipeline, service } = await workshop.compile(...edits);
  if (pipeline === undefined || service === undefined) throw new Error("the shop does not compile");
  return explain(pipeline, [STAGE], extrasOf(service));
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
  expect(text).toContain("STAGE stage_0_sql (sql): scan_feed\n  SELECT 1\n  FROM feed\n");
  const picture = explainMermaid(explanation);
  expect(picture.split("\n")[0]).toBe("flowchart TD");
  expect(picture).toContain('o3["join_users<br/>join<br/>latest row per key, 1 columns"]:::leaks');
  expect(picture).toContain("  o1 --> o3\n");
});
