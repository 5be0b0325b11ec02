import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type Edit,
  edited,
  openWorkshop,
  RUNTIME,
  SERVICE,
  SPECS,
  view,
  type Workshop,
  withColumn,
  without,
} from "./fixture.js";

let workshop: Workshop;
beforeAll(async () => {
  workshop = await openWorkshop();
});
afterAll(() => workshop.close());

interface Mistake {
  readonly says: string;
  readonly edits: readonly Edit[];
  readonly code: string;
  /** The text in the file that is marked; its place is looked up. */
  readonly marked: readonly [file: string, text: string];
  readonly suggestion?: string;
}

const spec = (text: string): Edit => [SPECS, /$/, `  - {name: made, ${text}}\n`];
const lookups = (text: string): Edit => [RUNTIME, "lookups:\n", `lookups:\n  - {name: found, ${text}}\n`];
const field = (name: string, text: string): Edit => [view(name), /$/, `  - {${text}}\n`];
const rule = (where: string): Edit => [RUNTIME, "kind = 'bad'", where];

const MISTAKES: readonly Mistake[] = [
  // Views and sources
  {
    says: "a field that the source does not have",
    edits: [field("feed", "name: pric, dtype: DOUBLE")],
    code: "missing-source-column",
    marked: [view("feed"), "pric, "],
    suggestion: "price",
  },
  {
    says: "a timestamp_field that the source does not have",
    edits: [[view("items"), "updated_at", "updatd_at"]],
    code: "missing-source-column",
    marked: [view("items"), "updatd_at"],
    suggestion: "updated_at",
  },
  {
    says: "text declared as a number",
    edits: [field("feed", "name: word, dtype: BIGINT")],
    code: "source-type-differs",
    marked: [view("feed"), "BIGINT}"],
  },
  {
    says: "a type that no dtype holds",
    edits: [field("items", "name: span, dtype: BIGINT")],
    code: "source-type-differs",
    marked: [view("items"), "BIGINT}"],
  },
  {
    says: "an integer time without a unit",
    edits: [[view("feed"), ", timestamp_unit: ms", ""]],
    code: "unit-needed",
    marked: [view("feed"), "timestamp_field: ¦ts}"],
  },
  {
    says: "a TIMESTAMP with a unit",
    edits: [[view("users"), "updated_at}", "updated_at, timestamp_unit: ms}"]],
    code: "unit-refused",
    marked: [view("users"), "ms}"],
  },
  {
    says: "a time that is text",
    edits: [[view("items"), "timestamp_field: updated_at", "timestamp_field: kind"]],
    code: "not-a-time",
    marked: [view("items"), "timestamp_field: ¦kind"],
  },
  {
    says: "a spine without a time",
    edits: [[view("feed"), ", timestamp_field: ts, timestamp_unit: ms", ""]],
    code: "spine-without-time",
    marked: [view("feed"), "{path"],
  },
  {
    says: "an available_field of the spine",
    edits: [[view("feed"), "timestamp_unit: ms", "timestamp_unit: ms, available_field: seconds"]],
    code: "available-on-spine",
    marked: [view("feed"), "seconds}"],
  },
  {
    says: "a mapping onto a name that the source has",
    edits: [[view("items"), "{id: item_id}", "{id: item_id, ingested_at: created_at}"]],
    code: "mapped-onto-taken-name",
    marked: [view("items"), "created_at}"],
  },
  {
    says: "an object store",
    edits: [[view("users"), "path: users.parquet", "path: s3://lake/users"]],
    code: "address-not-supported",
    marked: [view("users"), "s3://lake/users"],
  },
  {
    says: "a web address",
    edits: [[view("users"), "path: users.parquet", 'path: "https://lake/users.parquet"']],
    code: "address-not-supported",
    marked: [view("users"), '"https'],
  },
  {
    says: "a database that needs an extension",
    edits: [[view("users"), "path: users.parquet", "database_path: postgres://lake/users, table: users"]],
    code: "address-not-supported",
    marked: [view("users"), "postgres://"],
  },
  {
    says: "a text source's key that is not declared",
    edits: [
      [view("users"), "users.parquet", "users.csv"],
      [view("users"), "{name: joined, dtype: DATE}", "{name: updated_at, dtype: TIMESTAMP}"],
    ],
    code: "declare-text-column",
    marked: [view("users"), "entity: ¦user"],
  },
  // The contract
  {
    says: "a key that is no key",
    edits: [[SERVICE, "name: item_id, kind: key", "name: event, kind: key"]],
    code: "not-a-key",
    marked: [SERVICE, "event, kind"],
  },
  {
    says: "a spine column that is not there",
    edits: [withColumn("{name: pric, kind: spine, dtype: DOUBLE}")],
    code: "unproduced-column",
    marked: [SERVICE, "pric,"],
    suggestion: "price",
  },
  {
    says: "a static column that no view has",
    edits: [withColumn("{name: knd, kind: static, dtype: TEXT}")],
    code: "unproduced-column",
    marked: [SERVICE, "knd,"],
    suggestion: "kind",
  },
  {
    says: "a static column of a view that is not referenced",
    edits: [withColumn("{name: x, kind: static, dtype: TEXT, column: itms.kind}")],
    code: "view-not-referenced",
    marked: [SERVICE, "itms.kind"],
    suggestion: "items.kind",
  },
  {
    says: "a static column that the view does not have",
    edits: [withColumn("{name: x, kind: static, dtype: TEXT, column: items.knd}")],
    code: "unknown-column",
    marked: [SERVICE, "items.knd"],
    suggestion: "kind",
  },
  {
    says: "a name that two views have",
    edits: [withColumn("{name: updated_at, kind: static, dtype: TIMESTAMP}")],
    code: "ambiguous-column",
    marked: [SERVICE, "updated_at, kind"],
    suggestion: "users.updated_at",
  },
  {
    says: "a rolling column of no spec",
    edits: [withColumn("{name: likes_2d, kind: rolling, dtype: BIGINT}")],
    code: "unproduced-column",
    marked: [SERVICE, "likes_2d"],
    suggestion: "likes_1d",
  },
  {
    says: "a lookup of no name",
    edits: [withColumn("{name: recnt, kind: lookup, dtype: BIGINT}")],
    code: "unproduced-column",
    marked: [SERVICE, "recnt"],
    suggestion: "recent",
  },
  {
    says: "a derived column of no name",
    edits: [withColumn("{name: agee, kind: derived, dtype: DOUBLE}")],
    code: "unproduced-column",
    marked: [SERVICE, "agee"],
    suggestion: "age",
  },
  {
    says: "an embedding of no spec",
    edits: [
      withColumn('{name: picture, kind: embedding, dtype: "FLOAT[]"}'),
      [RUNTIME, /$/, "embedding_coverage_filter: false\n"],
    ],
    code: "unproduced-column",
    marked: [SERVICE, "picture"],
  },
  {
    says: "qid without a session",
    edits: [
      [RUNTIME, ", session: session", ""],
      [RUNTIME, /session_filter.*\n/, ""],
    ],
    code: "session-role-needed",
    marked: [SERVICE, "qid"],
  },
  {
    says: "a float declared an integer",
    edits: [[SERVICE, "score, kind: static, dtype: FLOAT", "score, kind: static, dtype: BIGINT"]],
    code: "dtype-differs",
    marked: [SERVICE, "name: score, kind: static, dtype: ¦BIGINT"],
    suggestion: "DOUBLE",
  },
  {
    says: "a number declared TEXT",
    edits: [[SERVICE, "author_id, kind: static, dtype: BIGINT", "author_id, kind: static, dtype: TEXT"]],
    code: "dtype-differs",
    marked: [SERVICE, "TEXT}"],
    suggestion: "BIGINT",
  },
  {
    says: "a default that its dtype does not hold",
    edits: [[SERVICE, "default: 0,", "default: 3000000000,"]],
    code: "literal-does-not-fit",
    marked: [SERVICE, "3000000000"],
  },
  {
    says: "a NULL default of a column without NULLs",
    edits: [[SERVICE, "default: 0,", "default: null,"]],
    code: "null-default",
    marked: [SERVICE, "null,"],
  },
  // Aggregations
  {
    says: "a source_column that is not there",
    edits: [spec("agg: list, source_column: knd, windows: [1d], partition_by: user_id")],
    code: "unresolved-name",
    marked: [SPECS, "knd"],
    suggestion: "kind",
  },
  {
    says: "sum of text",
    edits: [spec("agg: sum, source_column: kind, windows: [1d], partition_by: user_id")],
    code: "aggregate-wants-numbers",
    marked: [SPECS, "kind,"],
  },
  {
    says: "mean of DATE",
    edits: [spec("agg: mean, source_column: joined, windows: [1d], partition_by: user_id")],
    code: "aggregate-wants-numbers",
    marked: [SPECS, "joined"],
  },
  {
    says: "min of a list",
    edits: [spec("agg: min, source_column: items.tags, windows: [1d], partition_by: user_id")],
    code: "aggregate-over-list",
    marked: [SPECS, "items.tags"],
  },
  {
    says: "flatten_distinct of a scalar",
    edits: [spec("agg: list, source_column: kind, windows: [1d], partition_by: user_id, flatten_distinct: true")],
    code: "flatten-wants-list",
    marked: [SPECS, "kind,"],
  },
  {
    says: "a partition_by that is not there",
    edits: [spec("agg: count, windows: [1d], partition_by: usr_id")],
    code: "unresolved-name",
    marked: [SPECS, "usr_id"],
    suggestion: "user_id",
  },
  {
    says: "the spine view written out without partition_by",
    edits: [spec("agg: count, view: feed, windows: [1d]")],
    code: "partition-needed",
    marked: [SPECS, "{name: made"],
  },
  {
    says: "match over the spine view",
    edits: [spec("agg: count, view: feed, windows: [1d], partition_by: user_id, match: {user_id: user_id}")],
    code: "refused-without-view",
    marked: [SPECS, "{user_id: user_id}"],
  },
  {
    says: "a match key that the spine lacks",
    edits: [spec("agg: count, view: items, windows: [1d], match: {author_id: usr_id}")],
    code: "key-not-in-spine",
    marked: [SPECS, "usr_id"],
    suggestion: "user_id",
  },
  {
    says: "a match key that the view lacks",
    edits: [spec("agg: count, view: items, windows: [1d], match: {autor_id: user_id}")],
    code: "unknown-column",
    marked: [SPECS, "user_id}}"],
    suggestion: "author_id",
  },
  {
    says: "a match of unlike types",
    edits: [spec("agg: count, view: items, windows: [1d], match: {kind: user_id}")],
    code: "key-types-differ",
    marked: [SPECS, "user_id}}"],
  },
  {
    says: "exclude_self naming a column of another type",
    edits: [spec("agg: list, source_column: author_id, windows: [1d], partition_by: user_id, exclude_self: event")],
    code: "exclude-self-types-differ",
    marked: [SPECS, "event}"],
  },
  {
    says: "exclude_self naming no spine column",
    edits: [spec("agg: list, source_column: author_id, windows: [1d], partition_by: user_id, exclude_self: itm_id")],
    code: "not-spine-column",
    marked: [SPECS, "itm_id"],
    suggestion: "item_id",
  },
  {
    says: "an event that the event column cannot hold",
    edits: [[SPECS, "events: [like]", "events: [7]"]],
    code: "literal-does-not-fit",
    marked: [SPECS, "7]"],
  },
  {
    says: "events without an event column",
    edits: [
      [RUNTIME, "event: event, ", ""],
      [RUNTIME, /session_filter.*\n/, ""],
    ],
    code: "event-role-needed",
    marked: [SPECS, "[like]"],
  },
  {
    says: "a timestamp of another unit",
    edits: [
      field("items", "name: stamp, dtype: TIMESTAMP"),
      [view("items"), "updated_at, timestamp_unit: ms, available_field: ingested_at", "stamp"],
      spec("agg: count, view: items, windows: [1d], timestamp: created_at"),
      [RUNTIME, /lookups:\n.*\n/, ""],
      without("recent"),
      without("age"),
      [RUNTIME, /age_columns:\n.*\n/, ""],
    ],
    code: "different-time-unit",
    marked: [SPECS, "created_at"],
  },
  // Lookups, ages, rules
  {
    says: "a lookup's value that is not there",
    edits: [lookups("view: items, value: knd")],
    code: "unknown-column",
    marked: [RUNTIME, "knd"],
    suggestion: "kind",
  },
  {
    says: "a lookup's where over another view's columns",
    edits: [lookups("view: items, value: kind, where: score > 1")],
    code: "unknown-column",
    marked: [RUNTIME, "score >"],
  },
  {
    says: "a lookup's view without a time",
    edits: [[view("users"), ", timestamp_field: updated_at", ""], lookups("view: users, value: score")],
    code: "time-needed",
    marked: [RUNTIME, "users, value"],
  },
  {
    says: "collect of a list",
    edits: [lookups("view: items, value: tags, collect: true")],
    code: "collect-of-list",
    marked: [RUNTIME, "tags, collect"],
  },
  {
    says: "an age of text",
    edits: [[RUNTIME, "created: created_at", "created: kind"]],
    code: "not-a-time",
    marked: [RUNTIME, "kind, unit"],
  },
  {
    says: "a view's time without as_of",
    edits: [
      [view("items"), ", timestamp_field: updated_at", ""],
      [RUNTIME, /lookups:\n.*\n/, ""],
      without("recent"),
      [SPECS, /.*published.*\n/, ""],
      without("published_30d"),
    ],
    code: "time-needed",
    marked: [RUNTIME, "items, as_of"],
  },
  {
    says: "the spine view in feature_refs",
    edits: [[RUNTIME, "[users,", "[feed, users,"]],
    code: "spine-in-feature-refs",
    marked: [RUNTIME, "feed, users"],
  },
  {
    says: "curation of an unknown column",
    edits: [[RUNTIME, "column: kind,", "column: knd,"]],
    code: "unresolved-name",
    marked: [RUNTIME, "knd,"],
    suggestion: "kind",
  },
  {
    says: "curation of a joined value",
    edits: [[RUNTIME, "column: kind,", "column: items.kind,"]],
    code: "curation-of-joined-value",
    marked: [RUNTIME, "items.kind,"],
    suggestion: "kind",
  },
  {
    says: "a curation value that the column cannot hold",
    edits: [[RUNTIME, "value: new,", "value: 3,"]],
    code: "literal-does-not-fit",
    marked: [RUNTIME, "3, where"],
  },
  {
    says: "a remap that does not fit",
    edits: [[RUNTIME, "{1: 2}", "{1: two}"]],
    code: "literal-does-not-fit",
    marked: [RUNTIME, "two"],
  },
  {
    says: "an otherwise that does not fit",
    edits: [[RUNTIME, "otherwise: 0", "otherwise: none"]],
    code: "literal-does-not-fit",
    marked: [RUNTIME, "none"],
  },
  {
    says: "a remap of an unknown column",
    edits: [[RUNTIME, "{column: device", "{column: devic"]],
    code: "unresolved-name",
    marked: [RUNTIME, "devic,"],
    suggestion: "device",
  },
  {
    says: "a session column that is not there",
    edits: [[RUNTIME, "session: session}", "session: sesion}"]],
    code: "not-spine-column",
    marked: [RUNTIME, "sesion"],
    suggestion: "session",
  },
  {
    says: "output_columns that forget one",
    edits: [
      [
        RUNTIME,
        /$/,
        "output_columns: [user_id, item_id, ts, device, author_id, score, age, qid, likes_1d, tags_7d, published_30d]\n",
      ],
    ],
    code: "output-column-missing",
    marked: [RUNTIME, "[user_id, item_id"],
  },
  // Predicates
  {
    says: "an unknown column in a predicate",
    edits: [rule("knd = 'bad'")],
    code: "unresolved-name",
    marked: [RUNTIME, "knd ="],
    suggestion: "kind",
  },
  {
    says: "a predicate that is no boolean",
    edits: [rule("kind")],
    code: "predicate-not-boolean",
    marked: [RUNTIME, '"kind"'],
  },
  {
    says: "a predicate that does not parse",
    edits: [rule("kind = ")],
    code: "predicate-syntax",
    marked: [RUNTIME, '"kind = "'],
  },
  {
    says: "a literal in a predicate that is no value of the column's type",
    edits: [rule("kind = 'a' OR price = 'cheap'")],
    code: "predicate-fails",
    marked: [RUNTIME, "= 'cheap'"],
  },
  {
    says: "a function that does not exist",
    edits: [rule("lowr(kind) = 'a'")],
    code: "predicate-does-not-bind",
    marked: [RUNTIME, '"lowr'],
    suggestion: "lower",
  },
  ...(
    [
      ["a subquery", "kind in (select 'a')", "kind ¦in (select"],
      ["an aggregate", "max(kind) = 'a'", "max("],
      ["a window function", "row_number() over () > 1", "row_number"],
      ["random()", "random() > 0.5", "random"],
      ["now()", "now() > TIMESTAMP '2024-01-01'", "now()"],
      ["current_date", "current_date > DATE '2024-01-01'", "current_date"],
      ["current_setting", "current_setting('threads') = 'a'", "current_setting"],
      ["getenv", "getenv('HOME') = 'a'", "getenv"],
      ["a parameter", "kind = $1", ""],
      ["a star", "columns('k') = 'a'", "columns("],
      ["two expressions", "kind = 'a'), (true", ""],
    ] as const
  ).map(
    ([says, sql, marked]): Mistake => ({
      says: `${says} in a predicate`,
      edits: [rule(sql)],
      code: says === "getenv" ? "predicate-refused" : "predicate-refused",
      marked: [RUNTIME, marked === "" ? `"${sql}` : marked],
    }),
  ),
  {
    says: "a default_sql that reads a column",
    edits: [
      [
        RUNTIME,
        /$/,
        'output_columns: [user_id, item_id, ts, {name: device, default_sql: "device + 1"}, author_id, score, age, qid, likes_1d, tags_7d, published_30d, recent]\n',
      ],
    ],
    code: "default-not-constant",
    marked: [RUNTIME, "device + 1"],
  },
  {
    says: "a default_sql of another type",
    edits: [
      [
        RUNTIME,
        /$/,
        `output_columns: [user_id, item_id, ts, {name: device, default_sql: "'x'"}, author_id, score, age, qid, likes_1d, tags_7d, published_30d, recent]\n`,
      ],
    ],
    code: "default-sql-type",
    marked: [RUNTIME, `"'x'"`],
  },
  {
    says: "a default_sql that does not fit",
    edits: [
      [
        RUNTIME,
        /$/,
        'output_columns: [user_id, item_id, ts, {name: device, default_sql: "3000000000"}, author_id, score, age, qid, likes_1d, tags_7d, published_30d, recent]\n',
      ],
    ],
    code: "default-sql-value",
    marked: [RUNTIME, '"3000000000"'],
  },
];

describe("each mistake is told alone, where it stands, with what was meant", () => {
  for (const { says, edits, code, marked, suggestion } of MISTAKES)
    test(says, async () => {
      const { problems } = await workshop.compile(...edits);
      const [file, text] = marked;
      const lines = (edited(edits)[file] ?? "").split("\n");
      // A ¦ divides what finds the place from what is marked.
      const found = text.replace("¦", "");
      const line = lines.findLastIndex((candidate) => candidate.includes(found));
      expect(problems.map((problem) => problem.code)).toEqual([`compiler/${code}`]);
      expect(problems[0]).toMatchObject({
        file,
        line: line + 1,
        column: (lines[line] ?? "").indexOf(found) + Math.max(0, text.indexOf("¦")) + 1,
      });
      expect(problems[0]?.suggestion).toBe(suggestion);
    });
});

test("a service that does not exist names the nearest", async () => {
  const { problems } = await workshop.compileFiles(edited([]), "rnk");
  expect(problems).toMatchObject([{ code: "compiler/unknown-service", suggestion: "rank" }]);
});

test("all mistakes at once", async () => {
  const { problems } = await workshop.compile(
    withColumn("{name: pric, kind: spine, dtype: DOUBLE}"),
    [SERVICE, "score, kind: static, dtype: FLOAT", "score, kind: static, dtype: TEXT"],
    [SPECS, "source_column: author_id", "source_column: autor_id"],
    [RUNTIME, "value: item_id", "value: itm_id"],
    rule("knd = 'bad'"),
    [RUNTIME, "otherwise: 0", "otherwise: none"],
  );
  expect(problems.map(({ code }) => code).sort()).toEqual([
    "compiler/dtype-differs",
    "compiler/literal-does-not-fit",
    "compiler/unknown-column",
    "compiler/unproduced-column",
    "compiler/unresolved-name",
    "compiler/unresolved-name",
  ]);
});

test("a mistake of form is not told again as what follows from it", async () => {
  const { problems } = await workshop.compile([view("items"), "name: kind, dtype: TEXT", "name: kind, dtype: TEXTT"]);
  expect(problems.map(({ code }) => code)).toEqual(["definition/bad-dtype"]);
});

test("what only another service declares is not judged by this one's spine", async () => {
  const files = {
    ...edited([[SPECS, /$/, "  - {name: other, agg: count, windows: [1d], partition_by: buyer}\n"]]),
    "feature_services/other.yaml": `name: other\nversion: "1"\nspine: users\ncolumns:\n  - {name: user_id, kind: key, dtype: BIGINT}\n  - {name: other_1d, kind: rolling, dtype: BIGINT}\n`,
  };
  expect((await workshop.compileFiles(files)).problems).toEqual([]);
});

test("a view that nothing needs is not opened", async () => {
  const { problems } = await workshop.compile(without("score"), [
    view("users"),
    "path: users.parquet",
    "path: s3://lake/users",
  ]);
  expect(problems).toEqual([]);
});
