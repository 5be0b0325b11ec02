import { describe, expect, test } from "vitest";
import { explained, storyOf } from "./explained.js";

// What entered a window, and why each other row of the key did not.

const SPINE = `
  user_id ts  event item
  1       39  like  1
  1       40  like  2
  1       50  view  3
  1       60  like  NULL
  1       70  like  9
  1       80  NULL  4
  1       90  like  5
  1       100 like  9
  1       100 like  6
  1       101 like  7
  2       90  like  8
`;

describe("a rolling aggregate", () => {
  const rule = {
    spine: SPINE,
    specs: [
      {
        name: "liked",
        agg: "list" as const,
        source_column: "item",
        events: ["like"],
        windows: ["1m"],
        exclude_self: true,
      },
      { name: "rare", agg: "count" as const, where: "item > 4", windows: ["all"] },
    ],
    columns: ["item spine BIGINT"],
  };

  test("takes what lies in the window, is of the events, has a value and is not the row's own", async () => {
    const { rows } = await explained(rule, "user_id=1@100", { columns: ["item", "liked_1m"] });
    expect(rows.map(({ columns }) => columns.map(({ shown }) => shown))).toEqual([
      ["6", "[2, 9, 5]"],
      ["9", "[2, 5]"],
    ]);
    const [, tie] = rows;
    expect(tie?.columns[1]?.steps).toMatchObject([
      {
        type: "window",
        from: "1970-01-01T00:00:40Z",
        before: "1970-01-01T00:01:40Z",
        own: "9",
        entered: {
          count: 2,
          rows: [
            { row: 2, value: "2" },
            { row: 7, value: "5" },
          ],
        },
        excluded: [
          { reason: "outside the window", count: 1, rows: [{ row: 1 }] },
          { reason: "other event", count: 2, rows: [{ row: 3 }, { row: 6 }] },
          { reason: "same instant", count: 2, rows: [{ row: 9 }, { row: 8, itself: true }] },
          { reason: "later", count: 1, rows: [{ row: 10 }] },
          { reason: "NULL value", count: 1, rows: [{ row: 4 }] },
          { reason: "own value", count: 1, rows: [{ row: 5 }] },
        ],
      },
    ]);
  });

  test("counts rows where the predicate is TRUE: NULL is not", async () => {
    expect(await storyOf(rule, "user_id=1@101", "rare")).toEqual({
      value: "4",
      steps: [{ entered: [5, 7, 8, 9], "where is not TRUE": [1, 2, 3, 4, 6], "same instant": [10] }],
    });
  });

  test("a value that was joined tells through which row", async () => {
    const through = {
      spine: `
        user_id ts item_id
        1       10 5
        1       20 6
      `,
      views: {
        items: {
          entity: "item",
          table: `
            item_id at author
            5       1  77
            5       9  78
            5       15 79
          `,
        },
      },
      specs: [{ name: "authors", agg: "list" as const, source_column: "author" }],
      runtime: { feature_refs: [{ view: "items", as_of: "event" as const }] },
    };
    const { rows } = await explained(
      { ...through, spine: { entity: ["user", "item"], table: through.spine } },
      "user_id=1,item_id=6@20",
      { columns: ["authors"] },
    );
    expect(rows[0]?.columns[0]?.steps).toMatchObject([
      { entered: { rows: [{ row: 1, value: "78", through: ["items data/items.parquet row 2"] }] } },
    ]);
  });

  test("lists are taken apart, each element once by its latest occurrence", async () => {
    const flattened = {
      spine: `
        user_id ts tags:BIGINT[]
        1       10 [1,2,NULL]
        1       20 [2,3]
        1       30 [3]
      `,
      specs: [
        { name: "tagged", agg: "list" as const, source_column: "tags", flatten_distinct: true, exclude_self: true },
      ],
    };
    expect(await storyOf(flattened, "user_id=1@30", "tagged")).toEqual({
      value: "[1, 2]",
      steps: [
        {
          entered: [1, 2],
          "same instant": [3],
          "NULL value": [1],
          "own value": [2],
          "duplicate of a later one": [1],
          own: "[3]",
        },
      ],
    });
  });

  test("of a NULL key there is no history", async () => {
    const nobody = {
      spine: `
        user_id ts
        NULL    10
        NULL    20
      `,
      specs: [{ name: "seen", agg: "count" as const }],
    };
    expect(await storyOf(nobody, "user_id=NULL@20", "seen")).toEqual({
      value: "0",
      steps: [{ entered: [], nullKey: "events.user_id" }],
    });
  });

  test("of many rows the first fifty are listed, the others counted", async () => {
    const many = Array.from({ length: 130 }, (_, i) => `1 ${i + 1} ${i}`).join("\n");
    const { rows } = await explained(
      {
        spine: `user_id ts item\n${many}\n1 200 1\n`,
        specs: [{ name: "seen", agg: "list", source_column: "item", windows: ["2m"] }],
      },
      "user_id=1@200",
      { columns: ["seen_2m"] },
    );
    const [step] = rows[0]?.columns[0]?.steps ?? [];
    if (step?.type !== "window") throw new Error("a window was expected");
    expect([step.entered.count, step.entered.rows.length]).toEqual([51, 50]);
    expect(step.excluded.map(({ reason, count, rows: listed }) => [reason, count, listed.length])).toEqual([
      ["outside the window", 79, 50],
      ["same instant", 1, 1],
    ]);
  });

  test("an aggregate over another view binds its availability", async () => {
    const orders = {
      spine: `
        user_id ts
        1       100
      `,
      views: {
        orders: {
          available: "known",
          table: `
            user_id at known amount:DOUBLE
            1       10 10    0.5
            1       20 101   2
            1       30 NULL  4
          `,
        },
      },
      specs: [{ name: "spent", agg: "sum" as const, view: "orders", source_column: "amount" }],
    };
    expect(await storyOf(orders, "user_id=1@100", "spent")).toEqual({
      value: "0.5",
      steps: [{ entered: [1], "not yet available": [2], "never available": [3] }],
    });
  });
});
