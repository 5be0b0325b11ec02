import { describe } from "vitest";
import { rule, stops } from "../support/rule.js";

// What becomes of a row of the target day: sessions, ages, curation, content filter, remap, defaults, order.

describe("days", () => {
  rule(
    "are UTC dates of the event time, the floor before 1970",
    { spine: "user_id ts\n1 -1\n2 0\n3 86399\n4 86400", day: "1969-12-31" },
    "user_id ts\n1 -1",
  );
  rule("end before midnight", { spine: "user_id ts\n1 -1\n2 0\n3 86399\n4 86400" }, "user_id ts\n2 0\n3 86399");
  rule(
    "nanoseconds before midnight belong to the day before",
    { spine: { table: "user_id ts\n1 -1\n2 0", unit: "ns" }, day: "1969-12-31" },
    "user_id ts\n1 -1",
  );
  stops("a NULL event time in the spine view stops the run", { spine: "user_id ts\n1 NULL\n2 5" }, /ts|NULL/);
});

describe("session filter", () => {
  const spine =
    "user_id ts event session\n1 1 view a\n1 2 view a\n1 3 view b\n1 4 like b\n1 5 view c\n1 6 share c\n1 7 like d\n1 8 like d\n1 9 view NULL\n1 10 NULL e";
  const both = { view_events: ["view"], like_events: ["like"] };
  rule(
    "drop_view_only: sessions without an event outside view_events; a NULL event is outside",
    { spine, runtime: { session_filter: { view_events: ["view"], drop_view_only: true } } },
    "ts\n3\n4\n5\n6\n7\n8\n9\n10",
  );
  rule(
    "drop_single_like: exactly one event outside view_events, and it is a like",
    { spine, runtime: { session_filter: { ...both, drop_single_like: true } } },
    "ts\n1\n2\n5\n6\n7\n8\n9\n10",
  );
  rule(
    "both",
    { spine, runtime: { session_filter: { ...both, drop_view_only: true, drop_single_like: true } } },
    "ts\n5\n6\n7\n8\n9\n10",
  );
  rule(
    "is judged on the rows of the target day only",
    {
      spine: "user_id ts event session\n1 -5 like a\n1 1 view a\n1 2 view b\n1 3 share b",
      runtime: { session_filter: { view_events: ["view"], drop_view_only: true } },
    },
    "ts\n2\n3",
  );
  rule(
    "a session that goes on after midnight is judged on each day for itself",
    {
      spine: "user_id ts event session\n1 5 share a\n1 6 view b\n1 86400 view a\n1 86401 share b\n1 86402 view b",
      runtime: { session_filter: { view_events: ["view"], drop_view_only: true } },
      days: ["1970-01-01", "1970-01-02"],
      day: "1970-01-02",
    },
    "ts\n86401\n86402",
  );
  rule(
    "one id is one session, whoever the user; the history of others stays whole",
    {
      spine: "user_id ts event session\n1 1 view a\n2 2 share a\n1 3 view b\n1 4 share c",
      runtime: { session_filter: { view_events: ["view"], drop_view_only: true } },
      specs: [{ name: "n", agg: "count" }],
    },
    "user_id ts n\n1 1 0\n2 2 0\n1 4 2",
  );
  rule(
    "comes before the content filter",
    {
      spine: "user_id ts event session\n1 1 view a\n1 2 share a",
      columns: ["event spine TEXT"],
      runtime: {
        session_filter: { view_events: ["view"], drop_view_only: true },
        content_filter: [{ drop_where: "event = 'share'" }],
      },
    },
    "ts event\n1 view",
  );
});

describe("age columns", () => {
  rule(
    "the exact quotient; NULL if created is NULL, 0 if it is later",
    {
      spine: "user_id ts born\n1 100 90\n1 101 101\n1 102 103\n1 103 NULL\n1 104 -86296",
      runtime: {
        age_columns: [
          { name: "seconds", created: "born", unit: "s" },
          { name: "days", created: "born", unit: "d" },
        ],
      },
    },
    "ts seconds days\n100 10 0.00011574074074074075\n101 0 0\n102 0 0\n103 NULL NULL\n104 86400 1",
  );
  rule(
    "a DATE counts from midnight UTC, a TIMESTAMP from its instant",
    {
      spine:
        "user_id ts d:DATE t:TIMESTAMP\n1 3600 1970-01-01 1970-01-01T00:30:00\n1 7200 1969-12-31 1970-01-01T02:00:00",
      runtime: {
        age_columns: [
          { name: "since", created: "d", unit: "h" },
          { name: "after", created: "t", unit: "m" },
        ],
      },
    },
    "ts since after\n3600 1 30\n7200 26 0",
  );
  rule(
    "of a joined column, in the unit of its own view",
    {
      spine: "user_id ts\n1 3600",
      views: { profile: { table: "user_id at born\n1 0 1800000", unit: "ms" } },
      runtime: { feature_refs: ["profile"], age_columns: [{ name: "age", created: "profile.born", unit: "h" }] },
    },
    "ts age\n3600 0.5",
  );
  rule(
    "the exact quotient is rounded once",
    {
      spine: { table: "user_id ts born\n1 9007199254740993 0", unit: "ns" },
      runtime: { age_columns: [{ name: "age", created: "born", unit: "w" }] },
      day: "1970-04-15",
    },
    "age\n14.89285591061672",
  );
});

describe("curation, content filter, remap", () => {
  rule(
    "where TRUE, the column becomes the value; rules in order, each sees the ones before",
    {
      spine: "user_id ts kind:TEXT model:TEXT\n1 1 animated sd\n1 2 still sd\n1 3 NULL sd\n1 4 animated x",
      columns: ["kind spine TEXT", "model spine TEXT"],
      runtime: {
        curation: [
          { column: "model", value: "i2v", where: "kind = 'animated'" },
          { column: "model", value: "again", where: "model = 'i2v' AND ts = 4" },
        ],
      },
    },
    "ts kind model\n1 animated i2v\n2 still sd\n3 NULL sd\n4 animated again",
  );
  rule(
    "curation comes before the content filter; NULL keeps the row",
    {
      spine: "user_id ts kind:TEXT model:TEXT\n1 1 animated sd\n1 2 still sd\n1 3 still NULL\n1 4 still ok",
      columns: ["model spine TEXT"],
      runtime: {
        curation: [{ column: "model", value: "i2v", where: "kind = 'animated'" }],
        content_filter: [{ drop_where: "model = 'sd'" }],
      },
    },
    "ts model\n1 i2v\n3 NULL\n4 ok",
  );
  rule(
    "a row goes if one of the predicates is TRUE",
    {
      spine: "user_id ts x\n1 1 1\n1 2 2\n1 3 3\n1 4 NULL",
      columns: ["x spine BIGINT"],
      runtime: { content_filter: [{ drop_where: "x = 1" }, { drop_where: "x = 3" }] },
    },
    "ts x\n2 2\n4 NULL",
  );
  rule(
    "work on columns that the service does not declare",
    {
      spine: "user_id ts kind:TEXT x\n1 1 a 1\n1 2 b 2",
      runtime: {
        curation: [{ column: "kind", value: "b", where: "x = 1" }],
        content_filter: [{ drop_where: "kind = 'a'" }, { drop_where: "x = 2" }],
      },
    },
    "ts\n1",
  );
  rule(
    "`view.column` is the value as it was joined, a bare name the working column",
    {
      spine: "user_id ts\n1 1\n2 2",
      views: { items: { table: "user_id at model\n1 0 5\n2 0 6" } },
      columns: ["model static BIGINT"],
      runtime: {
        feature_refs: ["items"],
        curation: [{ column: "model", value: 6n, where: "model = 5" }],
        content_filter: [{ drop_where: "model = 6 AND items.model = 6" }],
      },
    },
    "user_id model\n1 6",
  );
  rule(
    "rolling values and lookups never see curation, and can be judged by it",
    {
      spine: "user_id ts x\n1 1 5\n1 2 5\n1 3 5",
      columns: ["x spine BIGINT"],
      specs: [{ name: "n", agg: "sum", source_column: "x" }],
      runtime: { curation: [{ column: "x", value: 0n, where: "x = 5" }], content_filter: [{ drop_where: "n = 5" }] },
    },
    "ts x n\n1 0 NULL\n3 0 10",
  );
  rule(
    "remap: old to new, otherwise, NULL stays NULL",
    {
      spine: "user_id ts r:INTEGER\n1 1 11\n1 2 12\n1 3 27\n1 4 99\n1 5 NULL",
      columns: ["r spine INTEGER"],
      runtime: {
        retriever_remap: {
          column: "r",
          map: [
            [11n, 1n],
            [12n, 1n],
            [27n, 2n],
          ],
          otherwise: 0n,
        },
      },
    },
    "ts r\n1 1\n2 1\n3 2\n4 0\n5 NULL",
  );
  rule(
    "remap without otherwise leaves what is not in the map; it comes after the content filter",
    {
      spine: "user_id ts r\n1 1 11\n1 2 1\n1 3 99",
      columns: ["r spine BIGINT"],
      runtime: { retriever_remap: { column: "r", map: [[11n, 1n]] }, content_filter: [{ drop_where: "r = 1" }] },
    },
    "ts r\n1 1\n3 99",
  );
});

describe("defaults", () => {
  rule(
    "a NULL cell becomes the default only where nullable is false",
    {
      spine: "user_id ts a b\n1 1 NULL NULL\n1 2 5 6",
      columns: [
        { name: "a", kind: "spine", dtype: "BIGINT", nullable: false, default: 0n },
        { name: "b", kind: "spine", dtype: "BIGINT", default: 0n },
      ],
    },
    "ts a b\n1 0 NULL\n2 5 6",
  );
  stops(
    "nullable false without a default stops the run",
    { spine: "user_id ts a\n1 1 NULL", columns: [{ name: "a", kind: "spine", dtype: "BIGINT", nullable: false }] },
    /\ba\b/,
  );
  rule(
    "a column that nothing produces is filled",
    {
      spine: "user_id ts\n1 1",
      columns: [
        { name: "later_7d", kind: "rolling", dtype: "BIGINT[]", default: [0n] },
        { name: "nothing", kind: "static", dtype: "TEXT", default: null },
      ],
    },
    "ts later_7d nothing\n1 [0] NULL",
  );
  rule(
    "output_columns: their default and default_sql win, their order is the file's",
    {
      spine: "user_id ts a b c\n1 1 NULL NULL NULL",
      columns: [
        { name: "a", kind: "spine", dtype: "BIGINT", nullable: false, default: 7n },
        { name: "b", kind: "spine", dtype: "BIGINT", nullable: false, default: 7n },
        { name: "c", kind: "spine", dtype: "BIGINT", nullable: false, default: 7n },
      ],
      runtime: {
        output_columns: ["c", { name: "b", default: 8n }, { name: "a", default_sql: "20 + 1" }, "ts", "user_id"],
      },
    },
    "c b a ts user_id\n7 8 21 1 1",
  );
  rule(
    "the content filter sees NULL, not the default",
    {
      spine: "user_id ts a\n1 1 NULL\n1 2 0",
      columns: [{ name: "a", kind: "spine", dtype: "BIGINT", nullable: false, default: 0n }],
      runtime: { content_filter: [{ drop_where: "a = 0" }] },
    },
    "ts a\n1 0",
  );
});

describe("the contract's dtypes", () => {
  rule(
    "numbers are converted",
    {
      spine: "user_id ts a:INTEGER b:DOUBLE c\n1 1 7 0.1 3",
      columns: ["a spine BIGINT", "b spine FLOAT", "c spine DOUBLE"],
    },
    "ts a b c\n1 7 0.10000000149011612 3",
  );
  stops(
    "a value that does not fit stops the run",
    { spine: "user_id ts a\n1 1 200", columns: ["a spine TINYINT"] },
    /200|\ba\b/,
  );
  rule(
    "an integer event time may be declared TIMESTAMP",
    {
      spine: { table: "user_id ts\n1 1500", unit: "ms" },
      columns: [{ name: "moment", kind: "spine", column: "ts", dtype: "TIMESTAMP" }],
    },
    "ts moment\n1500 1500000",
  );
  stops(
    "a value of the source that its field cannot hold stops the run",
    { spine: { table: "user_id ts a\n1 1 200", fields: ["ts BIGINT", "a TINYINT"] }, columns: ["a spine TINYINT"] },
    /200|\ba\b/,
  );
});

describe("the order of rows", () => {
  rule(
    "event time, then the key columns, then the others, each in output order; NULL first",
    {
      spine: {
        table: "user_id item_id ts b a\n2 1 5 0 0\n1 2 5 0 0\n1 NULL 5 9 9\n1 1 5 2 1\n1 1 5 1 2\n9 9 4 0 0",
        entity: ["user", "item"],
      },
      columns: ["a spine BIGINT", "b spine BIGINT"],
      runtime: { output_columns: ["a", "item_id", "ts", "user_id", "b"] },
    },
    "item_id user_id a b ts\n9 9 0 0 4\nNULL 1 9 9 5\n1 1 1 2 5\n1 1 2 1 5\n1 2 0 0 5\n2 1 0 0 5",
  );
  rule(
    "−0 before +0, lists by their elements",
    {
      spine: "user_id ts x:DOUBLE l:BIGINT[]\n1 1 0.0 []\n1 1 -0.0 [1]\n1 1 -0.0 [1,2]\n1 1 -0.0 NULL\n1 1 NaN []",
      columns: ["x spine DOUBLE", "l spine BIGINT[]"],
    },
    "x l\n-0.0 NULL\n-0.0 [1]\n-0.0 [1,2]\n0.0 []\nNaN []",
  );
});

describe("qid", () => {
  const qid = { name: "qid", kind: "derived" as const, dtype: "BIGINT" };
  rule(
    "numbers the sessions of a day by first time, then id; a NULL session has none",
    {
      spine: "user_id ts session\n1 5 b\n1 5 a\n1 4 c\n1 6 c\n1 7 NULL",
      columns: ["session spine TEXT", qid],
    },
    "ts session qid\n4 c 0\n5 a 1\n5 b 2\n6 c 0\n7 NULL NULL",
  );
  rule(
    "goes on over the days of the run; a session of an earlier day keeps its number; filters do not matter",
    {
      spine: "user_id ts session event\n1 5 b x\n1 86400 z y\n1 86401 b y\n1 86402 a y",
      columns: ["session spine TEXT", "event spine TEXT", qid],
      runtime: { content_filter: [{ drop_where: "event = 'x'" }] },
      days: ["1970-01-01", "1970-01-02"],
      day: "1970-01-02",
    },
    "ts session qid\n86400 z 1\n86401 b 0\n86402 a 2",
  );
});
