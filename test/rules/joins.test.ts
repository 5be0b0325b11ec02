import { describe } from "vitest";
import { rule, stops } from "../support/rule.js";

// Static views, point-in-time joins and lookups: §3, §4 and the rows of chapter 7 that speak of them.

describe("a static view, as_of: latest", () => {
  const columns = ["plan static BIGINT"];
  rule(
    "gives its latest row, whenever that was",
    {
      spine: "user_id ts\n1 10\n2 10\nNULL 10",
      views: { profile: { table: "user_id at plan\n1 5 1\n1 99 2\n1 50 3\nNULL 1 9" } },
      runtime: { feature_refs: ["profile"] },
      columns,
    },
    "user_id ts plan\nNULL 10 NULL\n1 10 2\n2 10 NULL",
  );
  rule(
    "a NULL time is older than all others; available_field and ttl do not bind",
    {
      spine: "user_id ts\n1 10\n2 10",
      views: {
        profile: {
          table: "user_id at plan known\n1 NULL 1 NULL\n1 -50 2 NULL\n2 NULL 3 NULL",
          available: "known",
          ttl: "1s",
        },
      },
      runtime: { feature_refs: [{ view: "profile", as_of: "latest" }] },
      columns,
    },
    "user_id ts plan\n1 10 2\n2 10 3",
  );
  rule(
    "ties: the row that is largest by its fields in their order, NULL first",
    {
      spine: "user_id ts\n1 10\n2 10",
      views: { profile: { table: "user_id at plan rank\n1 5 1 9\n1 5 2 NULL\n1 5 2 3\n2 5 NULL 9\n2 5 -1 0" } },
      runtime: { feature_refs: ["profile"] },
      columns: ["plan static BIGINT", "rank static BIGINT"],
    },
    "user_id ts plan rank\n1 10 2 3\n2 10 -1 0",
  );
  rule(
    "ties between floats: NaN is the largest, +0 is larger than −0",
    {
      spine: "user_id ts\n1 10\n2 10",
      views: { profile: { table: "user_id at x:DOUBLE tag:TEXT\n1 5 inf z\n1 5 NaN a\n2 5 0.0 a\n2 5 -0.0 z" } },
      runtime: { feature_refs: ["profile"] },
      columns: ["x static DOUBLE", "tag static TEXT"],
    },
    "user_id x tag\n1 NaN a\n2 0.0 a",
  );
  rule(
    "ties between lists: element by element, a prefix first, a NULL element last",
    {
      spine: "user_id ts\n1 10\n2 10\n3 10",
      views: {
        profile: {
          table:
            "user_id at l:BIGINT[] tag:TEXT\n1 5 [1] z\n1 5 [1,0] a\n2 5 [1,9] z\n2 5 [1,NULL] a\n3 5 NULL z\n3 5 [] a",
        },
      },
      runtime: { feature_refs: ["profile"] },
      columns: ["tag static TEXT"],
    },
    "user_id tag\n1 a\n2 a\n3 a",
  );
  rule(
    "a view without a time is joined by its keys",
    {
      spine: "user_id ts\n1 10\n2 10",
      views: { profile: { table: "user_id plan\n1 7" } },
      runtime: { feature_refs: ["profile"] },
      columns,
    },
    "user_id plan\n1 7\n2 NULL",
  );
  stops(
    "a view without a time whose keys are not unique stops the run",
    {
      spine: "user_id ts\n1 10",
      views: { profile: { table: "user_id plan\n1 7\n1 8" } },
      runtime: { feature_refs: ["profile"] },
      columns,
    },
    /profile/,
  );
  rule(
    "several keys: all of them match, a NULL matches nothing",
    {
      spine: { table: "user_id item_id ts\n1 1 10\n1 2 10\n1 NULL 10", entity: ["user", "item"] },
      views: { pair: { entity: ["item", "user"], table: "user_id item_id at score\n1 1 1 5\n1 NULL 1 6\n2 2 1 7" } },
      runtime: { feature_refs: ["pair"] },
      columns: ["score static BIGINT"],
    },
    "item_id score\nNULL NULL\n1 5\n2 NULL",
  );
});

describe("a static view, as_of: event", () => {
  const columns = ["plan static BIGINT"];
  const runtime = { feature_refs: [{ view: "profile", as_of: "event" as const }] };
  rule(
    "gives the latest row before the event, never one of the same instant",
    {
      spine: "user_id ts\n1 5\n1 6\n1 9\n1 10",
      views: { profile: { table: "user_id at plan\n1 5 1\n1 9 2\n1 NULL 3" } },
      runtime,
      columns,
    },
    "ts plan\n5 NULL\n6 1\n9 1\n10 2",
  );
  rule(
    "of the spine, another time",
    {
      spine: "user_id ts\n1 7",
      views: { profile: { table: "user_id at plan\n1 6 1\n1 6 2" } },
      runtime,
      columns,
    },
    "ts plan\n7 2",
  );
  rule(
    "a row exists from its available_field on; a younger one that is not yet there hides nothing",
    {
      spine: "user_id ts\n1 9\n1 10\n1 20",
      views: { profile: { table: "user_id at plan known\n1 5 1 5\n1 6 2 10\n1 7 3 NULL", available: "known" } },
      runtime,
      columns,
    },
    "ts plan\n9 1\n10 2\n20 2",
  );
  rule(
    "ttl: a match that is older is none, one of exactly that age is",
    {
      spine: "user_id ts\n1 15\n1 16",
      views: { profile: { table: "user_id at plan\n1 5 1", ttl: "10s" } },
      runtime,
      columns,
    },
    "ts plan\n15 1\n16 NULL",
  );
  rule(
    "seconds and nanoseconds compare exactly",
    {
      spine: "user_id ts\n1 1\n1 2",
      views: {
        profile: {
          table: "user_id at plan\n1 999999999 1\n1 1000000000 2\n1 1999999999 3\n1 2000000000 4",
          unit: "ns",
        },
      },
      runtime,
      columns,
    },
    "ts plan\n1 1\n2 3",
  );
  rule(
    "a TIMESTAMP_NS column compares by its nanoseconds and is read as microseconds",
    {
      spine: "user_id ts\n1 1\n1 2",
      views: {
        profile: {
          table: "user_id at:TIMESTAMP_NS plan\n1 1970-01-01T00:00:00.999999999 1\n1 1970-01-01T00:00:01.999999999 2",
          fields: ["at TIMESTAMP", "plan BIGINT"],
        },
      },
      runtime,
      columns: ["plan static BIGINT", { name: "at", kind: "static", dtype: "TIMESTAMP" }],
    },
    "ts plan at\n1 1 999999\n2 2 1999999",
  );
  rule(
    "a DATE is the midnight of its day",
    {
      spine: "user_id ts\n1 0\n1 1",
      views: { profile: { table: "user_id at:DATE plan\n1 1970-01-01 2\n1 1969-12-31 1" } },
      runtime,
      columns,
    },
    "ts plan\n0 1\n1 2",
  );
});

describe("lookups", () => {
  rule(
    "give the value of the latest matching row, NULL if none",
    {
      spine: "user_id ts\n1 5\n1 9\n2 9",
      views: { posts: { table: "user_id at post\n1 4 1\n1 5 2\n1 8 NULL" } },
      lookups: [{ name: "post", view: "posts", value: "post" }],
    },
    "user_id ts post\n1 5 1\n1 9 NULL\n2 9 NULL",
  );
  rule(
    "where, available and ttl choose before the value is taken",
    {
      spine: "user_id ts\n1 9\n1 20",
      views: {
        posts: {
          table: "user_id at post kind known\n1 4 1 7 4\n1 5 2 8 5\n1 6 3 7 20\n1 7 4 7 NULL",
          available: "known",
          ttl: "14s",
        },
      },
      lookups: [{ name: "last", view: "posts", value: "post", where: "kind = 7" }],
    },
    "ts last\n9 1\n20 3",
  );
  rule(
    "ties: largest by the view's keys, then its fields in their order",
    {
      spine: { table: "user_id ts author\n1 9 5", entity: "user" },
      views: { posts: { entity: "post", table: "post_id at author rank\n3 4 5 0\n9 4 5 1\n7 4 5 2" } },
      lookups: [{ name: "last", view: "posts", value: "rank", match: { author: "author" } }],
    },
    "ts last\n9 1",
  );
  rule(
    "collect gives all values in the order of lists, [] if none, NULLs dropped",
    {
      spine: "user_id ts\n1 4\n1 9\n3 9",
      views: { posts: { table: "user_id at post\n1 5 9\n1 5 2\n1 4 7\n1 6 NULL\n1 9 1" } },
      lookups: [{ name: "posts_before", view: "posts", value: "post", collect: true }],
    },
    "user_id ts posts_before\n1 4 []\n1 9 [7,2,9]\n3 9 []",
  );
  rule(
    "a window: t − w <= ts < t; ttl does not apply",
    {
      spine: "user_id ts\n1 10",
      views: { posts: { table: "user_id at post\n1 4 1\n1 5 2\n1 9 3\n1 10 4", ttl: "1s" } },
      lookups: [{ name: "p", view: "posts", value: "post", collect: true, window: "5s" }],
    },
    "ts p\n10 [2,3]",
  );
  rule(
    "distinct keeps the latest occurrence, max_length comes after it",
    {
      spine: "user_id ts\n1 10",
      views: { posts: { table: "user_id at post\n1 1 7\n1 2 8\n1 3 7\n1 4 9\n1 5 9" } },
      lookups: [
        { name: "d", view: "posts", value: "post", collect: true, distinct: true },
        { name: "m", view: "posts", value: "post", collect: true, distinct: true, max_length: 2 },
        { name: "n", view: "posts", value: "post", collect: true, max_length: 2 },
      ],
    },
    "ts d m n\n10 [8,7,9] [7,9] [9,9]",
  );
  rule(
    "may look into the spine view itself, strictly before",
    {
      spine: "user_id ts event item\n1 1 no 5\n1 2 like 6\n1 3 no 7\n1 3 x 8",
      lookups: [{ name: "disliked", view: "events", value: "item", where: "event = 'no'", collect: true }],
      columns: ["item spine BIGINT"],
    },
    "ts item disliked\n1 5 []\n2 6 [5]\n3 7 [5]\n3 8 [5]",
  );
  rule(
    "`timestamp` is another time of the view",
    {
      spine: "user_id ts\n1 10",
      views: { posts: { table: "user_id at post made\n1 20 1 5\n1 3 2 10\n1 2 3 9" } },
      lookups: [{ name: "p", view: "posts", value: "post", collect: true, timestamp: "made" }],
    },
    "ts p\n10 [1,3]",
  );
  rule(
    "a NULL in the match finds nothing",
    {
      spine: "user_id ts friend\n1 10 NULL\n1 10 2",
      views: { posts: { table: "user_id at post\n2 1 7\nNULL 1 8" } },
      lookups: [{ name: "p", view: "posts", value: "post", match: { user_id: "friend" }, collect: true }],
      columns: ["friend spine BIGINT"],
    },
    "friend p\nNULL []\n2 [7]",
  );
});
