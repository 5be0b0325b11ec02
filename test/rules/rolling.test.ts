import { describe } from "vitest";
import { rule, stops } from "../support/rule.js";

// §2 of 1-training-pipeline.md and `aggregation_specs` of 7-training-format.md, rule by rule.

describe("which rows are history", () => {
  rule(
    "a row of the same instant is not history",
    { spine: "user_id ts item\n1 10 7\n1 10 8\n1 11 9", specs: [{ name: "seen", agg: "list", source_column: "item" }] },
    "user_id ts seen\n1 10 []\n1 10 []\n1 11 [7,8]",
  );
  rule(
    "a window reaches back to t − w, that instant included",
    {
      spine: "user_id ts item\n1 10 1\n1 11 2\n1 15 3",
      specs: [{ name: "seen", agg: "list", source_column: "item", windows: ["4s", "5s", "6s"] }],
    },
    "ts seen_4s seen_5s seen_6s\n10 [] [] []\n11 [1] [1] [1]\n15 [2] [1,2] [1,2]",
  );
  rule(
    "`all` reaches to the beginning of the source, across days and before feed_start",
    {
      spine: "user_id ts item\n1 -99999999 1\n1 100 2",
      specs: [{ name: "seen", agg: "list", source_column: "item" }],
    },
    "ts seen\n100 [1]",
  );
  rule(
    "the history of a day reaches into the days before",
    {
      spine: "user_id ts item\n1 0 1\n1 1 2\n1 86400 3",
      specs: [{ name: "seen", agg: "list", source_column: "item", windows: ["1d"] }],
      day: "1970-01-02",
    },
    "ts seen_1d\n86400 [1,2]",
  );
  rule(
    "keys do not see each other",
    { spine: "user_id ts item\n1 10 1\n2 11 2\n1 12 3", specs: [{ name: "seen", agg: "list", source_column: "item" }] },
    "user_id ts seen\n1 10 []\n2 11 []\n1 12 [1]",
  );
  rule(
    "a NULL key has no history",
    {
      spine: "user_id ts item\n0 9 5\nNULL 10 1\nNULL 11 2\n0 12 3",
      specs: [{ name: "seen", agg: "count", source_column: "item" }],
    },
    "user_id ts seen\n0 9 0\nNULL 10 0\nNULL 11 0\n0 12 1",
  );
  rule(
    "any NULL among several keys: no history",
    {
      spine: "user_id ts a b item\n1 10 1 1 1\n1 11 1 NULL 2\n1 12 1 NULL 3\n1 13 1 1 4",
      specs: [{ name: "seen", agg: "list", source_column: "item", partition_by: ["a", "b"] }],
    },
    "ts seen\n10 []\n11 []\n12 []\n13 [1]",
  );
  rule(
    "only the events that are listed count; a NULL event is none of them",
    {
      spine: "user_id ts event item\n1 10 like 1\n1 11 view 2\n1 12 NULL 3\n1 13 love 4\n1 14 view 5",
      specs: [{ name: "liked", agg: "list", source_column: "item", events: ["like", "love"] }],
    },
    "ts liked\n10 []\n11 [1]\n12 [1]\n13 [1]\n14 [1,4]",
  );
  rule(
    "`where` takes the rows where it is TRUE; unknown is not",
    {
      spine: "user_id ts item price\n1 10 1 5\n1 11 2 NULL\n1 12 3 50\n1 13 4 5",
      specs: [{ name: "cheap", agg: "list", source_column: "item", where: "price < 10" }],
    },
    "ts cheap\n10 []\n11 [1]\n12 [1]\n13 [1]",
  );
  rule(
    "NULL values are dropped, a count without a column counts rows",
    {
      spine: "user_id ts item\n1 10 NULL\n1 11 1\n1 12 NULL\n1 13 2",
      specs: [
        { name: "items", agg: "list", source_column: "item" },
        { name: "values", agg: "count", source_column: "item" },
        { name: "rows", agg: "count" },
      ],
    },
    "ts items values rows\n10 [] 0 0\n11 [] 0 1\n12 [1] 1 2\n13 [1] 1 3",
  );
  rule(
    "times are exact in nanoseconds, negative ones too",
    {
      spine: { table: "user_id ts item\n1 -1 1\n1 0 2\n1 999999999 3\n1 1000000000 4", unit: "ns" },
      specs: [{ name: "seen", agg: "list", source_column: "item", windows: ["1s"] }],
    },
    "ts seen_1s\n0 [1]\n999999999 [1,2]\n1000000000 [2,3]",
  );
  rule(
    "a window may be longer than there is time",
    {
      spine: "user_id ts item\n1 10 1\n1 11 2\n1 12 3",
      specs: [{ name: "seen", agg: "list", source_column: "item", windows: ["1s", "107000000d"] }],
    },
    "ts seen_1s seen_107000000d\n10 [] []\n11 [1] [1]\n12 [2] [1,2]",
  );
});

describe("lists", () => {
  rule(
    "are ordered by time, among equal times by value, whatever the order of the input",
    {
      spine: "user_id ts item\n1 11 1\n1 10 9\n1 10 3\n1 10 7\n1 12 0",
      specs: [{ name: "seen", agg: "list", source_column: "item" }],
    },
    "ts seen\n10 []\n10 []\n10 []\n11 [3,7,9]\n12 [3,7,9,1]",
  );
  rule(
    "TEXT is ordered by its UTF-8 bytes",
    {
      spine: "user_id ts item:TEXT\n1 10 😀\n1 10 \uffff\n1 10 b\n1 10 B\n1 11 x",
      specs: [{ name: "seen", agg: "list", source_column: "item" }],
      columns: ["item spine TEXT"],
    },
    "ts item seen\n10 B []\n10 b []\n10 \uffff []\n10 😀 []\n11 x [B,b,\uffff,😀]",
  );
  rule(
    "numbers: −0 before +0, NaN last",
    {
      spine: "user_id ts x:DOUBLE\n1 10 NaN\n1 10 0.0\n1 10 inf\n1 10 -0.0\n1 11 1",
      specs: [{ name: "seen", agg: "list", source_column: "x" }],
    },
    "ts seen\n10 []\n10 []\n10 []\n10 []\n11 [-0.0,0.0,inf,NaN]",
  );
  rule(
    "max_length keeps the most recent",
    {
      spine: "user_id ts item\n1 10 1\n1 11 2\n1 12 3\n1 13 4",
      specs: [{ name: "seen", agg: "list", source_column: "item", max_length: 2 }],
    },
    "ts seen\n10 []\n11 [1]\n12 [1,2]\n13 [2,3]",
  );
  rule(
    "max_length applies after exclude_self",
    {
      spine: "user_id ts item\n1 10 1\n1 11 2\n1 12 7\n1 13 7",
      specs: [{ name: "seen", agg: "list", source_column: "item", max_length: 2, exclude_self: true }],
    },
    "ts seen\n10 []\n11 [1]\n12 [1,2]\n13 [1,2]",
  );
  rule(
    "duplicates count as often as they occur",
    {
      spine: "user_id ts item\n1 10 1\n1 10 1\n1 11 1\n1 12 2",
      specs: [{ name: "seen", agg: "list", source_column: "item" }],
    },
    "ts seen\n10 []\n10 []\n11 [1,1]\n12 [1,1,1]",
  );
});

describe("exclude_self", () => {
  rule(
    "drops the row's own value, for every aggregate",
    {
      spine: "user_id ts item\n1 10 5\n1 11 6\n1 12 5",
      specs: [
        { name: "l", agg: "list", source_column: "item", exclude_self: true },
        { name: "c", agg: "count", source_column: "item", exclude_self: true },
        { name: "s", agg: "sum", source_column: "item", exclude_self: true },
        { name: "m", agg: "max", source_column: "item", exclude_self: true },
      ],
    },
    "ts l c s m\n10 [] 0 NULL NULL\n11 [5] 1 5 5\n12 [6] 1 6 6",
  );
  rule(
    "a NULL own value drops nothing",
    {
      spine: "user_id ts item\n1 10 0\n1 11 5\n1 12 NULL",
      specs: [{ name: "l", agg: "list", source_column: "item", exclude_self: true }],
    },
    "ts l\n10 []\n11 [0]\n12 [0,5]",
  );
  rule(
    "−0 equals +0 and NaN equals NaN",
    {
      spine: "user_id ts x:DOUBLE\n1 10 -0.0\n1 11 NaN\n1 12 0.0\n1 13 NaN",
      specs: [{ name: "l", agg: "list", source_column: "x", exclude_self: true }],
    },
    "ts l\n10 []\n11 [-0.0]\n12 [NaN]\n13 [-0.0,0.0]",
  );
  rule(
    "may name another column of the spine",
    {
      spine: "user_id ts item other\n1 10 5 0\n1 11 6 0\n1 12 7 5",
      specs: [{ name: "l", agg: "list", source_column: "item", exclude_self: "other" }],
    },
    "ts l\n10 []\n11 [5]\n12 [6]",
  );
  rule(
    "integers of different widths compare by value",
    {
      spine: "user_id ts item other:TINYINT\n1 10 5 0\n1 11 6 0\n1 12 7 5",
      specs: [{ name: "l", agg: "list", source_column: "item", exclude_self: "other" }],
    },
    "ts l\n10 []\n11 [5]\n12 [6]",
  );
  rule(
    "the own value of a joined column is dropped as well",
    {
      spine: { table: "user_id item_id ts\n1 1 10\n1 2 11\n1 3 12\n1 4 13", entity: ["user", "item"] },
      views: { items: { entity: "item", table: "item_id at author\n1 0 100\n2 0 200\n3 0 100\n4 0 300" } },
      runtime: { feature_refs: ["items"] },
      specs: [{ name: "authors", agg: "list", source_column: "author", partition_by: "user_id", exclude_self: true }],
    },
    "ts authors\n10 []\n11 [100]\n12 [200]\n13 [100,200,100]",
  );
});

describe("flatten_distinct", () => {
  rule(
    "keeps each value once, by its latest occurrence, ties by value; NULL lists and elements are dropped",
    {
      spine: "user_id ts tags:BIGINT[]\n1 10 [3,1,NULL]\n1 11 NULL\n1 12 [2,3]\n1 13 []",
      specs: [{ name: "tags_seen", agg: "list", source_column: "tags", flatten_distinct: true }],
    },
    "ts tags_seen\n10 []\n11 [1,3]\n12 [1,3]\n13 [1,2,3]",
  );
  rule(
    "exclude_self drops the elements of the row's own list, then max_length",
    {
      spine: "user_id ts tags:BIGINT[]\n1 10 [1,2]\n1 11 [3,4]\n1 12 [4,1]",
      specs: [
        { name: "s", agg: "list", source_column: "tags", flatten_distinct: true, exclude_self: true, max_length: 1 },
      ],
    },
    "ts s\n10 []\n11 [2]\n12 [3]",
  );
  rule(
    "exclude_self with a scalar drops the elements equal to it",
    {
      spine: "user_id ts tags:BIGINT[] tag\n1 10 [1,2] 0\n1 11 [3] 2",
      specs: [{ name: "s", agg: "list", source_column: "tags", flatten_distinct: true, exclude_self: "tag" }],
    },
    "ts s\n10 []\n11 [1]",
  );
  rule(
    "count_distinct counts the distinct elements",
    {
      spine: "user_id ts tags:TEXT[]\n1 10 [a,b]\n1 11 [b,c,c]\n1 12 []",
      specs: [
        { name: "n", agg: "count_distinct", source_column: "tags", flatten_distinct: true, windows: ["1s", "all"] },
      ],
    },
    "ts n_1s n\n10 0 0\n11 2 2\n12 2 3",
  );
  rule(
    "without it, a list column can be counted: whole lists",
    {
      spine: "user_id ts tags:BIGINT[]\n1 10 [1,2]\n1 11 NULL\n1 12 []\n1 13 [1,2]",
      specs: [
        { name: "n", agg: "count", source_column: "tags" },
        { name: "others", agg: "count", source_column: "tags", exclude_self: true },
      ],
    },
    "ts n others\n10 0 0\n11 1 1\n12 1 1\n13 2 1",
  );
});

describe("aggregates", () => {
  rule(
    "of integers",
    {
      spine: "user_id ts x:INTEGER\n1 10 3\n1 11 -1\n1 12 3\n1 13 4",
      specs: (["count", "count_distinct", "sum", "mean", "min", "max", "last"] as const).map((agg) => ({
        name: agg,
        agg,
        source_column: "x",
      })),
    },
    "ts count count_distinct sum mean min max last\n10 0 0 NULL NULL NULL NULL NULL\n11 1 1 3 3 3 3 3\n12 2 2 2 1 -1 3 -1\n13 3 2 5 1.6666666666666667 -1 3 3",
  );
  rule(
    "`last` is the last element of `list`: the largest among the latest",
    {
      spine: "user_id ts x\n1 10 9\n1 11 2\n1 11 5\n1 11 4\n1 12 0",
      specs: [{ name: "l", agg: "last", source_column: "x" }],
    },
    "ts l\n10 NULL\n11 9\n11 9\n11 9\n12 5",
  );
  rule(
    "a float sum is exact and rounded once, a mean divides that",
    {
      spine: "user_id ts x:DOUBLE\n1 10 1e16\n1 11 1\n1 12 -1e16\n1 13 0.1\n1 14 0.2\n1 15 0",
      specs: [
        { name: "s", agg: "sum", source_column: "x" },
        { name: "m", agg: "mean", source_column: "x" },
      ],
    },
    "ts s m\n10 NULL NULL\n11 1e16 1e16\n12 1e16 5e15\n13 1 0.3333333333333333\n14 1.1 0.275\n15 1.3 0.26",
  );
  rule(
    "what lies far below decides which way a sum that is half way is rounded",
    {
      spine:
        "user_id ts x:DOUBLE\n1 10 1\n1 11 1.1102230246251565e-16\n1 12 1.232595164407831e-32\n1 13 0\n2 10 -1\n2 11 -1.1102230246251565e-16\n2 12 -1.232595164407831e-32\n2 13 0",
      specs: [{ name: "s", agg: "sum", source_column: "x" }],
    },
    "user_id ts s\n1 10 NULL\n2 10 NULL\n1 11 1\n2 11 -1\n1 12 1\n2 12 -1\n1 13 1.0000000000000002\n2 13 -1.0000000000000002",
  );
  rule(
    "an exact 0 is +0, also of negative zeros",
    {
      spine: "user_id ts x:DOUBLE\n1 10 -0.0\n1 11 -0.0\n1 12 1",
      specs: [{ name: "s", agg: "sum", source_column: "x" }],
    },
    "ts s\n10 NULL\n11 0.0\n12 0.0",
  );
  rule(
    "+Inf with −Inf gives NaN, NaN gives NaN",
    {
      spine: "user_id ts x:DOUBLE\n1 10 inf\n1 11 -inf\n1 12 1\n2 10 NaN\n2 11 1",
      specs: [{ name: "s", agg: "sum", source_column: "x" }],
    },
    "user_id ts s\n1 10 NULL\n2 10 NULL\n1 11 inf\n2 11 NaN\n1 12 NaN",
  );
  rule(
    "min and max follow the order of values: NaN is the largest, −0 before +0",
    {
      spine: "user_id ts x:DOUBLE\n1 10 0.0\n1 11 -0.0\n1 12 NaN\n1 13 5",
      specs: [
        { name: "lo", agg: "min", source_column: "x" },
        { name: "hi", agg: "max", source_column: "x" },
      ],
    },
    "ts lo hi\n10 NULL NULL\n11 0.0 0.0\n12 -0.0 0.0\n13 -0.0 NaN",
  );
  rule(
    "count_distinct: −0 is +0, NaN is NaN",
    {
      spine: "user_id ts x:DOUBLE\n1 10 0.0\n1 11 -0.0\n1 12 NaN\n1 13 NaN\n1 14 0",
      specs: [{ name: "n", agg: "count_distinct", source_column: "x" }],
    },
    "ts n\n10 0\n11 1\n12 1\n13 2\n14 2",
  );
  rule(
    "integer sums are exact beyond 2^53",
    {
      spine: "user_id ts x\n1 10 9007199254740993\n1 11 2\n1 12 0",
      specs: [
        { name: "s", agg: "sum", source_column: "x" },
        { name: "m", agg: "mean", source_column: "x" },
      ],
    },
    "ts s m\n10 NULL NULL\n11 9007199254740993 9007199254740992\n12 9007199254740995 4503599627370498",
  );
  rule(
    "a sum that leaves BIGINT on the way and comes back is fine",
    {
      spine: "user_id ts x\n1 10 9223372036854775807\n1 11 9223372036854775807\n1 11 -9223372036854775807\n1 12 0",
      specs: [{ name: "s", agg: "sum", source_column: "x" }],
    },
    "ts s\n10 NULL\n11 9223372036854775807\n11 9223372036854775807\n12 9223372036854775807",
  );
  stops(
    "an integer sum outside BIGINT stops the run",
    {
      spine: "user_id ts x\n1 10 9223372036854775807\n1 11 1\n1 12 0",
      specs: [{ name: "s", agg: "sum", source_column: "x" }],
    },
    /sum|BIGINT|s\b/i,
  );
  rule(
    "a FLOAT column sums to DOUBLE; min, max and last keep the type",
    {
      spine: "user_id ts x:FLOAT\n1 10 0.5\n1 11 0.25\n1 12 0",
      specs: [
        { name: "s", agg: "sum", source_column: "x" },
        { name: "l", agg: "last", source_column: "x" },
      ],
    },
    "ts s l\n10 NULL NULL\n11 0.5 0.5\n12 0.75 0.25",
  );
});

describe("over another view", () => {
  const orders = { table: "user_id at amount paid_at known\n1 5 100 8 5\n1 8 200 9 8\n1 12 300 12 20\n2 5 999 5 5" };
  rule(
    "its rows are the history, matched by its keys",
    {
      spine: "user_id ts\n1 8\n1 12\n1 13\nNULL 13",
      views: { orders },
      specs: [{ name: "spent", agg: "list", view: "orders", source_column: "amount" }],
    },
    "user_id ts spent\n1 8 [100]\n1 12 [100,200]\nNULL 13 []\n1 13 [100,200,300]",
  );
  rule(
    "a row that is not yet available is not there",
    {
      spine: "user_id ts\n1 13\n1 19\n1 20",
      views: { orders: { ...orders, available: "known" } },
      specs: [{ name: "spent", agg: "list", view: "orders", source_column: "amount" }],
    },
    "ts spent\n13 [100,200]\n19 [100,200]\n20 [100,200,300]",
  );
  rule(
    "a repeat that is not yet available does not take the place of the value that is",
    {
      spine: "user_id ts\n1 13\n1 20",
      views: {
        orders: {
          table: "user_id at tags:BIGINT[] known\n1 5 [1,2] 5\n1 6 [3] 6\n1 7 [1] 20",
          available: "known",
          fields: ["tags BIGINT[]"],
        },
      },
      specs: [
        { name: "tags", agg: "list", view: "orders", source_column: "tags", flatten_distinct: true },
        { name: "n", agg: "count_distinct", view: "orders", source_column: "tags", flatten_distinct: true },
      ],
    },
    "ts tags n\n13 [1,2,3] 3\n20 [2,3,1] 3",
  );
  rule(
    "a NULL availability is never",
    {
      spine: "user_id ts\n1 13",
      views: { orders: { table: "user_id at amount known\n1 5 100 NULL\n1 6 200 6", available: "known" } },
      specs: [{ name: "spent", agg: "sum", view: "orders", source_column: "amount" }],
    },
    "ts spent\n13 200",
  );
  rule(
    "`timestamp` is another time of the view; availability still binds",
    {
      spine: "user_id ts\n1 9\n1 10\n1 30",
      views: { orders: { ...orders, available: "known" } },
      specs: [
        {
          name: "paid",
          agg: "list",
          view: "orders",
          source_column: "amount",
          timestamp: "paid_at",
          windows: ["1s", "all"],
        },
      ],
    },
    "ts paid_1s paid\n9 [100] [100]\n10 [200] [100,200]\n30 [] [100,200,300]",
  );
  rule(
    "`match` names other columns; integers of any width match by value",
    {
      spine: "user_id ts buyer:INTEGER\n1 13 2\n2 13 NULL",
      views: { orders },
      specs: [{ name: "spent", agg: "sum", view: "orders", source_column: "amount", match: { user_id: "buyer" } }],
    },
    "user_id ts spent\n1 13 999\n2 13 NULL",
  );
  rule(
    "the view's ttl does not bind, every version of a row counts",
    {
      spine: "user_id ts\n1 20",
      views: { orders: { table: "user_id at amount\n1 5 7\n1 6 7", ttl: "1s" } },
      specs: [{ name: "spent", agg: "list", view: "orders", source_column: "amount" }],
    },
    "ts spent\n20 [7,7]",
  );
  rule(
    "exclude_self names the spine column whose value is dropped; where is over the view",
    {
      spine: "user_id ts item\n1 20 100\n1 20 5",
      views: { orders },
      specs: [
        {
          name: "o",
          agg: "list",
          view: "orders",
          source_column: "amount",
          exclude_self: "item",
          where: "amount < 300",
        },
      ],
      columns: ["item spine BIGINT"],
    },
    "ts item o\n20 5 [100,200]\n20 100 [200]",
  );
  rule(
    "a NULL time of the view matches nothing",
    {
      spine: "user_id ts\n1 20",
      views: { orders: { table: "user_id at amount\n1 NULL 7\n1 6 8" } },
      specs: [{ name: "spent", agg: "list", view: "orders", source_column: "amount" }],
    },
    "ts spent\n20 [8]",
  );
  rule(
    "a spec over spine rows sees a joined column as it was joined for each of them",
    {
      spine: { table: "user_id item_id ts\n1 1 10\n1 1 20\n1 1 30", entity: ["user", "item"] },
      views: { items: { entity: "item", table: "item_id at author\n1 5 100\n1 15 200" } },
      runtime: { feature_refs: [{ view: "items", as_of: "event" }] },
      specs: [{ name: "authors", agg: "list", source_column: "items.author" }],
    },
    "ts authors\n10 []\n20 [100]\n30 [100,200]",
  );
});
