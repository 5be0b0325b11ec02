import { describe, expect, test } from "vitest";
import { storyOf } from "./explained.js";

// Which row of a view was chosen, and why each other one was not.

describe("a point-in-time join", () => {
  const rule = (table: string, view: object = {}) => ({
    spine: `
      user_id ts
      1       100
      NULL    100
    `,
    views: { prices: { table, ...view } },
    columns: ["price static BIGINT"],
    runtime: { feature_refs: [{ view: "prices", as_of: "event" as const }] },
  });

  test("chooses the latest before the row; others are earlier, of the same instant, later, or have no time", async () => {
    const prices = `
      user_id at   price
      1       50   1
      1       99   2
      1       100  3
      1       101  4
      1       NULL 5
      2       99   6
    `;
    expect(await storyOf(rule(prices), "user_id=1@100", "price")).toEqual({
      value: "2",
      steps: [{ pit_join: 2, earlier: [1], "same instant": [3], later: [4], "no time": [5] }],
    });
  });

  test("a row that is not available yet, or never, is passed over", async () => {
    const prices = `
      user_id at known price
      1       50 60    1
      1       60 100   2
      1       70 101   3
      1       80 NULL  4
    `;
    expect(await storyOf(rule(prices, { available: "known" }), "user_id=1@100", "price")).toEqual({
      value: "2",
      steps: [{ pit_join: 2, "not yet available": [3], "never available": [4], earlier: [1] }],
    });
  });

  test("of equal times the largest row wins the tie", async () => {
    const prices = `
      user_id at price
      1       50 2
      1       50 1
      1       40 9
    `;
    expect(await storyOf(rule(prices), "user_id=1@100", "price")).toEqual({
      value: "2",
      steps: [{ pit_join: 1, "lost tie": [2], earlier: [3] }],
    });
  });

  test("the latest is no match if it is older than ttl, and an earlier one is not taken instead", async () => {
    const prices = `
      user_id at price
      1       39 2
      1       30 1
    `;
    expect(await storyOf(rule(prices, { ttl: "1m" }), "user_id=1@100", "price")).toEqual({
      value: "NULL",
      steps: [{ pit_join: null, "older than ttl": [1], earlier: [2] }],
    });
  });

  test("a NULL key matches nothing", async () => {
    const prices = `
      user_id at price
      NULL    39 2
    `;
    expect(await storyOf(rule(prices), "user_id=NULL@100", "price")).toEqual({
      value: "NULL",
      steps: [{ pit_join: null, nullKey: "events.user_id" }],
    });
  });
});

describe("a static join", () => {
  test("chooses the latest, whenever it was; a row without a time is the oldest", async () => {
    const rule = {
      spine: `
        user_id ts
        1       100
      `,
      views: {
        users: {
          table: `
            user_id at   score
            1       NULL 9
            1       200  1
            1       200  2
            1       50   3
          `,
        },
      },
      columns: ["score static BIGINT"],
      runtime: { feature_refs: ["users"] },
    };
    expect(await storyOf(rule, "user_id=1@100", "score")).toEqual({
      value: "2",
      steps: [{ join: 3, "lost tie": [2], earlier: [1, 4] }],
    });
  });
});

describe("a lookup", () => {
  test("of one value is a point-in-time join, with rows where its predicate is not TRUE", async () => {
    const rule = {
      spine: `
        user_id ts  event
        1       10  buy
        1       20  view
        1       25  NULL
        1       100 view
      `,
      lookups: [
        { name: "bought_at", view: "events", match: { user_id: "user_id" }, where: "event = 'buy'", value: "ts" },
      ],
    };
    expect(await storyOf(rule, "user_id=1@100", "bought_at")).toEqual({
      value: "10",
      steps: [{ pit_join: 1, "where is not TRUE": [2, 3], "same instant": [4] }],
    });
  });

  test("that collects tells what entered and what did not", async () => {
    const rule = {
      spine: `
        user_id ts
        1       100
      `,
      views: {
        orders: {
          available: "known",
          table: `
            user_id at  known item kind:TEXT
            1       30  30    7    b
            1       45  45    7    b
            1       50  50    8    a
            1       55  55    NULL b
            1       60  60    7    b
            1       70  70    9    b
            1       80  101   3    b
            1       100 100   4    b
            1       101 101   5    b
          `,
        },
      },
      lookups: [
        {
          name: "ordered",
          view: "orders",
          value: "item",
          where: "kind = 'b'",
          collect: true,
          window: "1m",
          distinct: true,
          max_length: 1,
        },
      ],
    };
    expect(await storyOf(rule, "user_id=1@100", "ordered")).toEqual({
      value: "[9]",
      steps: [
        {
          "outside the window": [1],
          "where is not TRUE": [3],
          "NULL value": [4],
          "not yet available": [7],
          "same instant": [8],
          later: [9],
          "duplicate of a later one": [2],
          "beyond max_length": [5],
          entered: [6],
        },
      ],
    });
  });
});
