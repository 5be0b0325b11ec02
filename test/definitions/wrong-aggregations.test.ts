import { describe } from "vitest";
import { refuses } from "./wrong-project.js";

const FILE = "config/training/aggregations.yaml";
const SPEC =
  "{name: bought, agg: list, source_column: item_id, events: [buy], windows: [7d], partition_by: user_id, max_length: 5}";
const REST = "source_column: item_id, windows: [7d], partition_by: user_id";

describe("aggregation_specs[]:", () => {
  refuses(FILE, [
    { says: "no list", change: [`\n  - ${SPEC}`, " «{}»"], code: "wrong-type" },
    { says: "name missing", change: [SPEC, `«{agg: list, ${REST}}»`], code: "missing-key" },
    { says: "a bad name", change: ["name: bought", "name: «bought!»"], code: "bad-name" },
    {
      says: "a name twice",
      change: [SPEC, `${SPEC}\n  - {name: «bought», agg: list, ${REST}}`],
      code: "duplicate-name",
    },
    {
      says: "a column made twice",
      change: [SPEC, `${SPEC}\n  - {name: «bought_7d», agg: list, source_column: x, windows: [all], partition_by: u}`],
      code: "produced-twice",
    },
    { says: "agg missing", change: [SPEC, `«{name: bought, ${REST}}»`], code: "missing-key" },
    { says: "a misspelt agg", change: ["agg: list", "agg: «lst»"], code: "bad-value", suggestion: "list" },
    { says: "an unknown agg", change: [SPEC, `{name: bought, agg: «stddev», ${REST}}`], code: "bad-value" },
    {
      says: "an unknown view",
      change: [SPEC, "{name: bought, agg: count, windows: [7d], view: «itms»}"],
      code: "unknown-view",
      suggestion: "items",
    },
    {
      says: "source_column missing",
      change: [SPEC, "«{name: bought, agg: sum, windows: [7d], partition_by: user_id}»"],
      code: "key-needed",
    },
    {
      says: "source_column no reference",
      change: ["source_column: item_id", "source_column: «a b»"],
      code: "bad-name",
    },
    {
      says: "source_column no text",
      change: ["source_column: item_id", "source_column: «[item_id]»"],
      code: "wrong-type",
    },
    { says: "partition_by missing", change: [SPEC, "«{name: bought, agg: count, windows: [7d]}»"], code: "key-needed" },
    { says: "partition_by empty", change: ["partition_by: user_id", "partition_by: «[]»"], code: "empty" },
    { says: "partition_by a number", change: ["partition_by: user_id", "partition_by: «3»"], code: "wrong-type" },
    {
      says: "partition_by a column twice",
      change: ["partition_by: user_id", "partition_by: [user_id, «user_id»]"],
      code: "duplicate-name",
    },
    {
      says: "partition_by with another view",
      change: [SPEC, "{name: bought, agg: count, windows: [7d], view: items, «partition_by»: user_id}"],
      code: "key-not-allowed",
    },
    { says: "match without view", change: ["max_length: 5", "«match»: {a: b}"], code: "key-not-allowed" },
    {
      says: "match empty",
      change: [SPEC, "{name: bought, agg: count, windows: [7d], view: items, match: «{}»}"],
      code: "empty",
    },
    {
      says: "match no map",
      change: [SPEC, "{name: bought, agg: count, windows: [7d], view: items, match: «item_id»}"],
      code: "wrong-type",
    },
    {
      says: "match of a bad column",
      change: [SPEC, "{name: bought, agg: count, windows: [7d], view: items, match: {item_id: «a.b»}}"],
      code: "bad-name",
    },
    { says: "where no text", change: ["max_length: 5", "where: «true»"], code: "wrong-type" },
    { says: "where empty", change: ["max_length: 5", 'where: «""»'], code: "empty" },
    { says: "timestamp without view", change: ["max_length: 5", "«timestamp»: at"], code: "key-not-allowed" },
    {
      says: "timestamp no name",
      change: [SPEC, "{name: bought, agg: count, windows: [7d], view: items, timestamp: «[at]»}"],
      code: "wrong-type",
    },
    {
      says: "windows missing",
      change: [SPEC, "«{name: bought, agg: count, partition_by: user_id}»"],
      code: "missing-key",
    },
    { says: "windows empty", change: ["windows: [7d]", "windows: «[]»"], code: "empty" },
    { says: "windows no list", change: ["windows: [7d]", "windows: «7d»"], code: "wrong-type" },
    { says: "a bad window", change: ["windows: [7d]", "windows: [7d, «7 days»]"], code: "bad-duration" },
    { says: "a window twice", change: ["windows: [7d]", "windows: [7d, «7d»]"], code: "duplicate-name" },
    { says: "events empty", change: ["events: [buy]", "events: «[]»"], code: "empty" },
    { says: "events no list", change: ["events: [buy]", "events: «buy»"], code: "wrong-type" },
    { says: "an event that is nothing", change: ["events: [buy]", "events: [buy, «null»]"], code: "wrong-type" },
    {
      says: "events with another view",
      change: [SPEC, "{name: bought, agg: count, windows: [7d], view: items, «events»: [buy]}"],
      code: "key-not-allowed",
    },
    { says: "exclude_self a number", change: ["max_length: 5", "exclude_self: «1»"], code: "wrong-type" },
    {
      says: "exclude_self true with another view",
      change: [
        SPEC,
        "{name: bought, agg: list, source_column: price, windows: [7d], view: items, «exclude_self»: true}",
      ],
      code: "key-not-allowed",
    },
    {
      says: "exclude_self without source_column",
      change: [SPEC, "{name: bought, agg: count, windows: [7d], partition_by: user_id, «exclude_self»: true}"],
      code: "key-not-allowed",
    },
    { says: "flatten_distinct no boolean", change: ["max_length: 5", "flatten_distinct: «1»"], code: "wrong-type" },
    {
      says: "flatten_distinct of a sum",
      change: [SPEC, `{name: bought, agg: sum, ${REST}, «flatten_distinct»: true}`],
      code: "key-not-allowed",
    },
    {
      says: "max_length of a count",
      change: [SPEC, `{name: bought, agg: count, ${REST}, «max_length»: 3}`],
      code: "key-not-allowed",
    },
    { says: "max_length of 0", change: ["max_length: 5", "max_length: «0»"], code: "out-of-range" },
    {
      says: "max_length beyond 64 bits",
      change: ["max_length: 5", "max_length: «9223372036854775808»"],
      code: "out-of-range",
    },
    { says: "max_length a fraction", change: ["max_length: 5", "max_length: «1.5»"], code: "wrong-type" },
    { says: "max_length in quotes", change: ["max_length: 5", 'max_length: «"5"»'], code: "wrong-type" },
    {
      says: "an unknown key",
      change: ["max_length: 5", "«max_len»: 5"],
      code: "unknown-key",
      suggestion: "max_length",
    },
    {
      says: "an unknown top-level key",
      change: ["aggregation_specs:", "«aggregations_specs»:"],
      code: "unknown-key",
      suggestion: "aggregation_specs",
    },
  ]);
});

describe("embedding_stores and enrichment_specs:", () => {
  const STORE = "{uri: data/e.lance, key: item_id, vector: v, dim: 4}";
  const PICTURE = "{name: picture, store: item, ids: item_id}";
  refuses(FILE, [
    { says: "no map of stores", change: [`\n  item: ${STORE}`, " «[item]»"], code: "wrong-type" },
    { says: "a store without uri", change: [STORE, "«{key: item_id, vector: v, dim: 4}»"], code: "missing-key" },
    { says: "a store without key", change: [STORE, "«{uri: e.lance, vector: v, dim: 4}»"], code: "missing-key" },
    { says: "a store without vector", change: [STORE, "«{uri: e.lance, key: k, dim: 4}»"], code: "missing-key" },
    { says: "a store without dim", change: [STORE, "«{uri: e.lance, key: k, vector: v}»"], code: "missing-key" },
    {
      says: "a uri with a password",
      change: ["uri: data/e.lance", "uri: «s3://a:hidden@b/e.lance»"],
      code: "password-in-address",
    },
    { says: "key no text", change: ["key: item_id, vector", "key: «1», vector"], code: "wrong-type" },
    { says: "vector empty", change: ["vector: v", 'vector: «""»'], code: "empty" },
    { says: "dim of 0", change: ["dim: 4", "dim: «0»"], code: "out-of-range" },
    {
      says: "an unknown key of a store",
      change: ["dim: 4", "dim: 4, «dims»: 4"],
      code: "unknown-key",
      suggestion: "dim",
    },
    {
      says: "a store of a bad name",
      change: ["  item: {uri", "  item: {uri: a, key: b, vector: c, dim: 1}\n  «it-em»: {uri"],
      code: "bad-name",
    },
    {
      says: "an enrichment spec without name",
      change: [PICTURE, "«{store: item, ids: item_id}»"],
      code: "missing-key",
    },
    {
      says: "an enrichment spec without store",
      change: [PICTURE, "«{name: picture, ids: item_id}»"],
      code: "missing-key",
    },
    {
      says: "an enrichment spec without ids",
      change: [PICTURE, "«{name: picture, store: item}»"],
      code: "missing-key",
    },
    {
      says: "an enrichment spec twice",
      change: [PICTURE, `${PICTURE}\n  - {name: «picture», store: item, ids: x}`],
      code: "duplicate-name",
    },
    { says: "an unknown store", change: ["store: item", "store: «itme»"], code: "unknown-store", suggestion: "item" },
    { says: "ids no name", change: ["ids: item_id", "ids: «[a]»"], code: "wrong-type" },
    { says: "another pool", change: ["ids: item_id", "ids: item_id, pool: «max»"], code: "bad-value" },
    {
      says: "a misspelt pool",
      change: ["ids: item_id", "ids: item_id, pool: «meen»"],
      code: "bad-value",
      suggestion: "mean",
    },
    {
      says: "an unknown key of an enrichment spec",
      change: ["ids: item_id", "ids: item_id, «pol»: mean"],
      code: "unknown-key",
      suggestion: "pool",
    },
  ]);
});
