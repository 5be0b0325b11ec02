import { describe, expect, test } from "vitest";
import { explained, storyOf } from "./explained.js";

// What the rules after the joins did to a value, and which filter dropped a row.

describe("a value passes", () => {
  test("ages: the operands", async () => {
    const rule = {
      spine: `
        user_id ts  born
        1       100 40
        1       101 NULL
        1       102 200
      `,
      runtime: { age_columns: [{ name: "age", created: "born", unit: "m" as const }] },
    };
    const born = (row: number) => [
      { type: "scan", operator: "scan_events", view: "events", row: { file: "data/events.parquet", row } },
    ];
    expect(await storyOf(rule, "user_id=1@100", "age")).toEqual({
      value: "1.0",
      steps: [
        {
          type: "age",
          time: "1970-01-01T00:01:40Z",
          created: "1970-01-01T00:00:40Z",
          unit: "m",
          createdSteps: born(1),
        },
      ],
    });
    expect((await storyOf(rule, "user_id=1@101", "age")).value).toBe("NULL");
    expect((await storyOf(rule, "user_id=1@102", "age")).value).toBe("0.0");
  });

  test("curation, rule by rule, before and after", async () => {
    const rule = {
      spine: `
        user_id ts  kind:TEXT
        1       1   a
        1       2   NULL
      `,
      columns: ["kind spine TEXT"],
      runtime: {
        curation: [
          { column: "kind", value: "b", where: "kind = 'a'" },
          { column: "kind", value: "c", where: "kind = 'z'" },
        ],
      },
    };
    expect(await storyOf(rule, "user_id=1@1", "kind")).toEqual({
      value: "b",
      steps: [
        { scan: 1 },
        { type: "curate", where: "kind = 'a'", verdict: "TRUE", before: "a", after: "b" },
        { type: "curate", where: "kind = 'z'", verdict: "FALSE", before: "b", after: "b" },
      ],
    });
    expect((await storyOf(rule, "user_id=1@2", "kind")).steps?.[1]).toMatchObject({ verdict: "NULL", after: "NULL" });
  });

  test("remap and default, before and after", async () => {
    const rule = {
      spine: `
        user_id ts  source
        1       1   11
        1       2   NULL
        1       3   5
      `,
      columns: [{ name: "source", kind: "spine" as const, dtype: "BIGINT", nullable: false, default: 9n }],
      runtime: { retriever_remap: { column: "source", map: [[11n, 1n]] as const } },
    };
    expect((await storyOf(rule, "user_id=1@1", "source")).steps).toEqual([
      { scan: 1 },
      { type: "remap", rule: "map", before: "11", after: "1" },
    ]);
    expect(await storyOf(rule, "user_id=1@2", "source")).toEqual({
      value: "9",
      steps: [
        { scan: 2 },
        { type: "remap", rule: "NULL stays", before: "NULL", after: "NULL" },
        { type: "default", from: "default", before: "NULL", after: "9" },
      ],
    });
    expect((await storyOf(rule, "user_id=1@3", "source")).steps?.[1]).toMatchObject({ rule: "unchanged", after: "5" });
  });

  test("a conversion, and what nothing produces", async () => {
    const rule = {
      spine: `
        user_id ts  size:INTEGER
        1       1   7
      `,
      columns: ["size spine DOUBLE", { name: "future", kind: "static" as const, dtype: "TEXT", default: "soon" }],
    };
    expect(await storyOf(rule, "user_id=1@1", "size")).toEqual({
      value: "7.0",
      steps: [{ scan: 1 }, { type: "convert", from: "INTEGER", to: "DOUBLE", before: "7", after: "7.0" }],
    });
    expect(await storyOf(rule, "user_id=1@1", "future")).toEqual({
      value: "soon",
      steps: [{ type: "literal", after: "soon" }],
    });
  });

  test("qid: session, day and number", async () => {
    const rule = {
      day: "1970-01-02",
      days: ["1970-01-01", "1970-01-02"],
      spine: `
        user_id ts     session
        1       10     a
        1       86400  b
        1       86401  NULL
      `,
      columns: ["qid derived BIGINT"],
    };
    expect(await storyOf(rule, "user_id=1@86400", "qid")).toEqual({
      value: "1",
      steps: [{ type: "qid", session: "b", day: "1970-01-02", number: "1" }],
    });
    expect(await storyOf(rule, "user_id=1@86401", "qid")).toEqual({
      value: "NULL",
      steps: [{ type: "qid", session: "NULL", day: "1970-01-02" }],
    });
  });
});

describe("a row that is not in the output", () => {
  const rule = {
    spine: `
      user_id ts  event session kind:TEXT
      1       1   view  a       x
      1       2   view  a       x
      2       3   view  b       x
      2       4   like  b       x
      3       5   like  c       x
      3       6   buy   c       x
      4       7   buy   d       bad
    `,
    columns: ["kind spine TEXT"],
    runtime: {
      session_filter: { view_events: ["view"], like_events: ["like"], drop_view_only: true, drop_single_like: true },
      content_filter: [{ drop_where: "kind = 'good'" }, { drop_where: "kind = 'bad'" }],
    },
  };

  test("is dropped by the session filter: which kind of session, with its counts", async () => {
    const [viewOnly, singleLike, kept] = [
      await explained(rule, "user_id=1@2"),
      await explained(rule, "user_id=2@3"),
      await explained(rule, "user_id=3@5"),
    ];
    expect(viewOnly.rows[0]).toMatchObject({
      written: "same",
      dropped: { type: "session", kind: "view-only", session: "a", day: "1970-01-01", rows: 2, outside: 0, likes: 0 },
    });
    expect(singleLike.rows[0]?.dropped).toMatchObject({
      kind: "single-like",
      session: "b",
      rows: 2,
      outside: 1,
      likes: 1,
    });
    expect(kept.rows[0]?.dropped).toBeUndefined();
    expect(viewOnly.written.outcome).toBe("same");
  });

  test("is dropped by the content filter: which predicate, and what it read", async () => {
    const { rows } = await explained(rule, "user_id=4@7");
    expect(rows[0]?.dropped).toEqual({
      type: "content",
      filter: "content_filter",
      where: "kind = 'bad'",
      values: { kind: "bad" },
    });
    expect(rows[0]?.columns.map(({ shown }) => shown)).toEqual(["4", "7", "bad"]);
  });
});
