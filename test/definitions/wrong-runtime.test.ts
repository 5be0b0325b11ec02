import { describe } from "vitest";
import { refuses } from "./wrong-project.js";

const FILE = "config/training/runtime.yaml";
const LAST = "{name: last_price, view: items, value: price}";
/** A line after the months: `add("day_workers: «0»")`. */
const add = (lines: string): readonly [string, string] => ["feature_refs: [items]", `feature_refs: [items]\n${lines}`];

describe("runtime.yaml", () => {
  refuses(FILE, [
    { says: "feed_start missing", change: '«feed_end: "202603"»\n', code: "missing-key" },
    { says: "feed_end missing", change: '«feed_start: "202603"»\n', code: "missing-key" },
    { says: "feed_start a bare integer", change: ['feed_start: "202601"', "feed_start: «202601»"], code: "wrong-type" },
    { says: "feed_start no month", change: ['feed_start: "202601"', 'feed_start: «"202613"»'], code: "bad-month" },
    { says: "feed_end with a dash", change: ['feed_end: "202603"', 'feed_end: «"2026-03"»'], code: "bad-month" },
    { says: "feed_end before feed_start", change: ['feed_end: "202603"', 'feed_end: «"202512"»'], code: "feed-range" },
    { says: "an unknown key", change: add("«day_worker»: 2"), code: "unknown-key", suggestion: "day_workers" },
    { says: "entity_spine_chunk_rows of 0", change: add("entity_spine_chunk_rows: «0»"), code: "out-of-range" },
    { says: "entity_spine_chunk_rows no integer", change: add("entity_spine_chunk_rows: «many»"), code: "wrong-type" },
    { says: "day_workers of 0", change: add("day_workers: «0»"), code: "out-of-range" },
    { says: "day_workers a fraction", change: add("day_workers: «1.0»"), code: "wrong-type" },
    { says: "output_root no text", change: add("output_root: «[a]»"), code: "wrong-type" },
    { says: "output_root empty", change: add('output_root: «""»'), code: "empty" },
    { says: "output_root in an object store", change: add("output_root: «s3://bucket/x»"), code: "remote-output-root" },
    { says: "output_root as a URL", change: add("output_root: «file:///tmp/x»"), code: "remote-output-root" },
    {
      says: "a lookup called as an aggregate's column",
      change: [LAST, "{name: «Bought_7d», view: items, value: price}"],
      code: "produced-twice",
    },
    {
      says: "an age called as a lookup",
      change: add("age_columns: [{name: «last_price», created: price, unit: d}]"),
      code: "produced-twice",
    },
    {
      says: "an age called as the sessions' numbers",
      change: add("age_columns: [{name: «qid», created: price, unit: d}]"),
      code: "produced-twice",
    },
    {
      says: "a service's own age, called as a lookup of all services",
      change: add("services: {ranking: {age_columns: [{name: «last_price», created: price, unit: d}]}}"),
      code: "produced-twice",
    },
    { says: "compute no map", change: add("compute: «duckdb»"), code: "wrong-type" },
    { says: "an engine of another version", change: add("compute: {engine: «spark»}"), code: "unknown-engine" },
    {
      says: "a misspelt engine",
      change: add("compute: {engine: «ducksdb»}"),
      code: "unknown-engine",
      suggestion: "duckdb",
    },
    { says: "another version's pit_engine", change: add("compute: {pit_engine: «polars»}"), code: "unknown-engine" },
    {
      says: "an unknown key of compute",
      change: add("compute: {«engin»: duckdb}"),
      code: "unknown-key",
      suggestion: "engine",
    },
    { says: "duckdb_config no map", change: add("compute: {duckdb_config: «[threads]»}"), code: "wrong-type" },
    { says: "a setting that is a list", change: add("compute: {duckdb_config: {threads: «[4]»}}"), code: "wrong-type" },
    { says: "feature_refs no list", change: ["feature_refs: [items]", "feature_refs: «items»"], code: "wrong-type" },
    { says: "an unknown feature_ref", change: ["[items]", "[«itmes»]"], code: "unknown-view", suggestion: "items" },
    {
      says: "an unknown view of a feature_ref",
      change: ["[items]", "[{view: «itmes»}]"],
      code: "unknown-view",
      suggestion: "items",
    },
    {
      says: "a feature_ref twice",
      change: ["[items]", "[items, {view: «items», as_of: event}]"],
      code: "duplicate-name",
    },
    { says: "a feature_ref without view", change: ["[items]", "[«{as_of: event}»]"], code: "missing-key" },
    {
      says: "a misspelt as_of",
      change: ["[items]", "[{view: items, as_of: «events»}]"],
      code: "bad-value",
      suggestion: "event",
    },
    {
      says: "an unknown key of a feature_ref",
      change: ["[items]", "[{view: items, «asof»: event}]"],
      code: "unknown-key",
      suggestion: "as_of",
    },
    { says: "spine no map", change: ["{event: event, session: session}", "«event»"], code: "wrong-type" },
    { says: "spine.event no name", change: ["event: event", "event: «a.b»"], code: "bad-name" },
    { says: "spine.session no text", change: ["session: session", "session: «1»"], code: "wrong-type" },
    {
      says: "an unknown key of spine",
      change: ["session: session", "«sesion»: s"],
      code: "unknown-key",
      suggestion: "session",
    },
  ]);
});

describe("embedding_coverage_filter, session_filter:", () => {
  refuses(FILE, [
    { says: "the coverage filter true", change: add("embedding_coverage_filter: «true»"), code: "wrong-type" },
    { says: "enabled no boolean", change: add("embedding_coverage_filter: {enabled: «1»}"), code: "wrong-type" },
    {
      says: "an unknown store",
      change: add("embedding_coverage_filter: {store: «itm»}"),
      code: "unknown-store",
      suggestion: "item",
    },
    { says: "column no name", change: add("embedding_coverage_filter: {column: «a b»}"), code: "bad-name" },
    { says: "events empty", change: add("embedding_coverage_filter: {events: «[]»}"), code: "empty" },
    {
      says: "a misspelt scope",
      change: add("embedding_coverage_filter: {scope: «windows»}"),
      code: "bad-value",
      suggestion: "window",
    },
    {
      says: "an unknown key",
      change: add("embedding_coverage_filter: {«event»: [a]}"),
      code: "unknown-key",
      suggestion: "events",
    },
    { says: "view_events missing", change: add("session_filter: «{drop_view_only: true}»"), code: "missing-key" },
    {
      says: "view_events empty",
      change: add("session_filter: {view_events: «[]», drop_view_only: true}"),
      code: "empty",
    },
    {
      says: "like_events no list",
      change: add("session_filter: {view_events: [v], like_events: «l», drop_view_only: true}"),
      code: "wrong-type",
    },
    {
      says: "like_events missing",
      change: add("session_filter: «{view_events: [v], drop_single_like: true}»"),
      code: "key-needed",
    },
    {
      says: "nothing to drop",
      change: add("session_filter: «{view_events: [v], drop_view_only: false}»"),
      code: "nothing-to-drop",
    },
    {
      says: "drop_view_only no boolean",
      change: add("session_filter: {view_events: [v], drop_view_only: «yes»}"),
      code: "wrong-type",
    },
    {
      says: "drop_single_like no boolean",
      change: add("session_filter: {view_events: [v], drop_single_like: «1»}"),
      code: "wrong-type",
    },
    {
      says: "an unknown key of session_filter",
      change: add("session_filter: {view_events: [v], drop_view_only: true, «like_event»: [l]}"),
      code: "unknown-key",
      suggestion: "like_events",
    },
  ]);
});

describe("lookups[]:", () => {
  const lookup = (keys: string): readonly [string, string] => [LAST, `{name: l, view: items, value: price, ${keys}}`];
  refuses(FILE, [
    { says: "name missing", change: [LAST, "«{view: items, value: price}»"], code: "missing-key" },
    { says: "view missing", change: [LAST, "«{name: l, value: price}»"], code: "missing-key" },
    { says: "value missing", change: [LAST, "«{name: l, view: items}»"], code: "missing-key" },
    {
      says: "a name twice",
      change: [LAST, `${LAST}\n  - {name: «Last_price», view: items, value: price}`],
      code: "duplicate-name",
    },
    { says: "an unknown view", change: ["view: items", "view: «item»"], code: "unknown-view", suggestion: "items" },
    { says: "match empty", change: lookup("match: «{}»"), code: "empty" },
    { says: "value no name", change: ["value: price", "value: «items.price»"], code: "bad-name" },
    { says: "where no text", change: lookup("where: «[a]»"), code: "wrong-type" },
    { says: "timestamp no text", change: lookup("timestamp: «7»"), code: "wrong-type" },
    { says: "collect no boolean", change: lookup("collect: «all», window: 7d"), code: "wrong-type" },
    { says: "window without collect", change: lookup("«window»: 7d"), code: "key-not-allowed" },
    { says: "a bad window", change: lookup("collect: true, window: «7»"), code: "wrong-type" },
    { says: "a window of another unit", change: lookup("collect: true, window: «1y»"), code: "bad-duration" },
    { says: "distinct without collect", change: lookup("«distinct»: true"), code: "key-not-allowed" },
    { says: "distinct no boolean", change: lookup("collect: true, distinct: «1»"), code: "wrong-type" },
    { says: "max_length without collect", change: lookup("«max_length»: 3"), code: "key-not-allowed" },
    { says: "max_length of 0", change: lookup("collect: true, max_length: «0»"), code: "out-of-range" },
    { says: "an unknown key", change: lookup("«colect»: true"), code: "unknown-key", suggestion: "collect" },
  ]);
});

describe("age_columns, curation, content_filter, retriever_remap, output_columns:", () => {
  refuses(FILE, [
    { says: "an age column without name", change: add("age_columns: [«{created: c, unit: d}»]"), code: "missing-key" },
    { says: "an age column without created", change: add("age_columns: [«{name: a, unit: d}»]"), code: "missing-key" },
    { says: "an age column without unit", change: add("age_columns: [«{name: a, created: c}»]"), code: "missing-key" },
    {
      says: "created no reference",
      change: add("age_columns: [{name: a, created: «a.b.c», unit: d}]"),
      code: "bad-name",
    },
    { says: "an unknown unit", change: add("age_columns: [{name: a, created: c, unit: «days»}]"), code: "bad-value" },
    {
      says: "an age column twice",
      change: add("age_columns: [{name: a, created: c, unit: d}, {name: «a», created: c, unit: h}]"),
      code: "duplicate-name",
    },
    {
      says: "an unknown key of an age column",
      change: add("age_columns: [{name: a, created: c, unit: d, «units»: d}]"),
      code: "unknown-key",
      suggestion: "unit",
    },
    { says: "curation no list", change: add("curation: «{column: a, value: 1, where: b}»"), code: "wrong-type" },
    { says: "curation without column", change: add("curation: [«{value: 1, where: b}»]"), code: "missing-key" },
    { says: "curation without value", change: add("curation: [«{column: a, where: b}»]"), code: "missing-key" },
    { says: "curation without where", change: add("curation: [«{column: a, value: 1}»]"), code: "missing-key" },
    {
      says: "a curated value that is a map",
      change: add("curation: [{column: a, value: «{b: c}», where: d}]"),
      code: "wrong-type",
    },
    {
      says: "an unknown key of curation",
      change: add("curation: [{column: a, value: 1, where: b, «whre»: c}]"),
      code: "unknown-key",
      suggestion: "where",
    },
    { says: "content_filter a text", change: add("content_filter: [«price > 1»]"), code: "wrong-type" },
    { says: "content_filter without drop_where", change: add("content_filter: [«{}»]"), code: "missing-key" },
    { says: "drop_where a boolean", change: add("content_filter: [{drop_where: «true»}]"), code: "wrong-type" },
    {
      says: "an unknown key of content_filter",
      change: add("content_filter: [{drop_where: a, «keep_where»: b}]"),
      code: "unknown-key",
      suggestion: "drop_where",
    },
    { says: "a remap without column", change: add("retriever_remap: «{map: {1: 2}}»"), code: "missing-key" },
    { says: "a remap without map", change: add("retriever_remap: «{column: a}»"), code: "missing-key" },
    { says: "a remap of a list", change: add("retriever_remap: {column: a, map: «[1, 2]»}"), code: "wrong-type" },
    { says: "a remap of nothing", change: add("retriever_remap: {column: a, map: {«null»: 2}}"), code: "wrong-type" },
    {
      says: "a remap of a value twice",
      change: add("retriever_remap: {column: a, map: {1: 2, «1»: 3}}"),
      code: "duplicate-key",
    },
    {
      says: "otherwise a map",
      change: add("retriever_remap: {column: a, map: {1: 2}, otherwise: «{a: b}»}"),
      code: "wrong-type",
    },
    {
      says: "an unknown key of a remap",
      change: add("retriever_remap: {column: a, map: {1: 2}, «else»: 1}"),
      code: "unknown-key",
    },
    { says: "an output column without name", change: add("output_columns: [«{default: 1}»]"), code: "missing-key" },
    {
      says: "an output column twice",
      change: add("output_columns: [price, {name: «price», default: 1}]"),
      code: "duplicate-name",
    },
    {
      says: "default and default_sql",
      change: add("output_columns: [{name: price, default: 1, «default_sql»: 1 + 1}]"),
      code: "one-of-two",
    },
    {
      says: "default_sql no text",
      change: add("output_columns: [{name: price, default_sql: «1»}]"),
      code: "wrong-type",
    },
    { says: "an output column that is a list", change: add("output_columns: [«[price]»]"), code: "wrong-type" },
    {
      says: "an unknown key of an output column",
      change: add("output_columns: [{name: price, «defualt»: 1}]"),
      code: "unknown-key",
      suggestion: "default",
    },
  ]);
});

describe("services:", () => {
  refuses(FILE, [
    {
      says: "an unknown service",
      change: add("services: {«rankin»: {day_workers: 2}}"),
      code: "unknown-service",
      suggestion: "ranking",
    },
    { says: "no map", change: add("services: «[ranking]»"), code: "wrong-type" },
    {
      says: "an unknown key",
      change: add("services: {ranking: {«day_worker»: 2}}"),
      code: "unknown-key",
      suggestion: "day_workers",
    },
    { says: "a wrong value", change: add("services: {ranking: {day_workers: «0»}}"), code: "out-of-range" },
    { says: "no months left", change: add("services: {ranking: {feed_start: «null»}}"), code: "key-needed" },
    {
      says: "months in the wrong order",
      change: add('services: {ranking: {feed_end: «"202512"»}}'),
      code: "feed-range",
    },
    {
      says: "an unknown view",
      change: add("services: {ranking: {feature_refs: [«itemz»]}}"),
      code: "unknown-view",
      suggestion: "items",
    },
    { says: "services inside a service", change: add("services: {ranking: {«services»: {}}}"), code: "unknown-key" },
  ]);
});
