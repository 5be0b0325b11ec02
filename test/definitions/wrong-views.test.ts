import { describe } from "vitest";
import { refuses } from "./wrong-project.js";

const RUNTIME = "config/training/runtime.yaml";
const MONTHS = 'feed_start: "202601"\nfeed_end: "202603"\n';
const ITEMS = "feature_views/items.yaml";
const SOURCE = "{path: data/items, timestamp_field: at, timestamp_unit: ms, available_field: known_at}";
const START = "name: items\nentity: item\n";

describe("feature_views/*.yaml", () => {
  refuses(ITEMS, [
    { says: "an unknown key", change: ["ttl: 90d", "«tll»: 90d"], code: "unknown-key", suggestion: "ttl" },
    { says: "an unknown key like none", change: ["ttl: 90d", "«zzz»: 90d"], code: "unknown-key" },
    { says: "name missing (the file's name stands for it)", change: [START, "«entity: item»\n"], code: "missing-key" },
    { says: "name no text", change: ["name: items", "name: «7»"], code: "wrong-type" },
    { says: "a bad name", change: ["name: items", 'name: «"my items"»'], code: "bad-name" },
    { says: "a name with a dot", change: ["name: items", "name: «a.b»"], code: "bad-name" },
    {
      says: "a view that is there twice",
      change: ["name: items", "name: «feed»"],
      code: "duplicate-name",
      with: { [RUNTIME]: MONTHS },
    },
    { says: "entity missing", change: [START, "«name: items»\n"], code: "missing-key" },
    { says: "entity no text", change: ["entity: item", "entity: «1»"], code: "wrong-type" },
    { says: "entity a map", change: ["entity: item", "entity: «{item: id}»"], code: "wrong-type" },
    { says: "entity an empty list", change: ["entity: item", "entity: «[]»"], code: "empty" },
    { says: "an entity twice", change: ["entity: item", "entity: [item, «item»]"], code: "duplicate-name" },
    { says: "an entity of a bad name", change: ["entity: item", "entity: [«it-em»]"], code: "bad-name" },
    {
      says: "two entities of one join key",
      change: ["entity: item", "entity: [item, «thing»]"],
      code: "duplicate-name",
      with: { "config/base.yaml": ["item: item_id", "item: item_id, thing: item_id"] },
    },
    { says: "description no text", change: ["ttl: 90d", "description: «[a]»"], code: "wrong-type" },
    { says: "a ttl without unit", change: ["ttl: 90d", "ttl: «90»"], code: "wrong-type" },
    { says: "a ttl of another unit", change: ["ttl: 90d", "ttl: «3y»"], code: "bad-duration" },
    { says: "a ttl of zero", change: ["ttl: 90d", "ttl: «0d»"], code: "bad-duration" },
    { says: "a negative ttl", change: ["ttl: 90d", "ttl: «-1d»"], code: "bad-duration" },
    { says: "an empty ttl", change: ["ttl: 90d", "ttl:«»"], code: "wrong-type" },
    { says: "field_mapping no map", change: ["{id: item_id}", "«[id]»"], code: "wrong-type" },
    {
      says: "field_mapping onto one name twice",
      change: ["{id: item_id}", "{id: item_id, key: «item_id»}"],
      code: "duplicate-name",
    },
    {
      says: "field_mapping onto names that differ in case",
      change: ["{id: item_id}", "{id: item_id, key: «Item_ID»}"],
      code: "duplicate-name",
    },
    { says: "field_mapping onto a bad name", change: ["{id: item_id}", '{id: «"item id"»}'], code: "bad-name" },
    {
      says: "field_mapping of a column twice",
      change: ["{id: item_id}", "{id: item_id, «id»: x}"],
      code: "duplicate-key",
    },
    { says: "fields no list", change: `${START}source: {path: x}\nfields: «{price: DOUBLE}»\n`, code: "wrong-type" },
    { says: "fields missing", change: "«name: items»\nentity: item\nsource: {path: x}\n", code: "missing-key" },
    { says: "a field that is no map", change: ["{name: price, dtype: DOUBLE}", "«price»"], code: "wrong-type" },
    {
      says: "a field without name",
      change: ["{name: price, dtype: DOUBLE}", "«{dtype: DOUBLE}»"],
      code: "missing-key",
    },
    { says: "a field without dtype", change: ["{name: price, dtype: DOUBLE}", "«{name: price}»"], code: "missing-key" },
    {
      says: "a field's unknown key",
      change: ["{name: price, dtype: DOUBLE}", "{name: price, «type»: DOUBLE, dtype: DOUBLE}"],
      code: "unknown-key",
      suggestion: "dtype",
    },
    { says: "a field of a bad name", change: ["name: price", "name: «pri-ce»"], code: "bad-name" },
    { says: "a field twice", change: ["name: tags", "name: «price»"], code: "duplicate-name" },
    { says: "two fields that differ in case", change: ["name: tags", "name: «Price»"], code: "duplicate-name" },
    { says: "a misspelt dtype", change: ["dtype: DOUBLE", "dtype: «DUOBLE»"], code: "bad-dtype", suggestion: "DOUBLE" },
    {
      says: "a misspelt list dtype",
      change: ['dtype: "TEXT[]"', 'dtype: «"TXET[]"»'],
      code: "bad-dtype",
      suggestion: "TEXT[]",
    },
    {
      says: "another system's dtype",
      change: ["dtype: DOUBLE", "dtype: «int64»"],
      code: "bad-dtype",
      suggestion: "BIGINT",
    },
    { says: "a dtype like none", change: ["dtype: DOUBLE", 'dtype: «"DECIMAL(10,2)"»'], code: "bad-dtype" },
    {
      says: "a list of lists",
      change: ['dtype: "TEXT[]"', 'dtype: «"TEXT[][]"»'],
      code: "bad-dtype",
      suggestion: "TEXT[]",
    },
    { says: "a dtype that is a list", change: ["dtype: DOUBLE", "dtype: «[DOUBLE]»"], code: "wrong-type" },
    {
      says: "a field's description no text",
      change: ["dtype: DOUBLE", "dtype: DOUBLE, description: «5»"],
      code: "wrong-type",
    },
  ]);
});

describe("source:", () => {
  refuses(ITEMS, [
    { says: "missing", change: "«name: items»\nentity: item\nfields: []\n", code: "missing-key" },
    { says: "no map", change: [SOURCE, "«data/items»"], code: "wrong-type" },
    {
      says: "an unknown key",
      change: [SOURCE, "{path: x, «timestamp_feld»: at}"],
      code: "unknown-key",
      suggestion: "timestamp_field",
    },
    { says: "no address", change: [SOURCE, "«{timestamp_field: at}»"], code: "no-address" },
    { says: "an empty path", change: [SOURCE, '{path: «""»}'], code: "empty" },
    { says: "path no text", change: [SOURCE, "{path: «[a, b]»}"], code: "wrong-type" },
    {
      says: "a path with a password",
      change: [SOURCE, "{path: «s3://key:hidden@bucket/x»}"],
      code: "password-in-address",
    },
    { says: "a path and a table", change: [SOURCE, "{path: x, «table»: t}"], code: "key-not-allowed" },
    { says: "a path and a query", change: [SOURCE, "{path: x, «query»: select 1}"], code: "key-not-allowed" },
    {
      says: "a path with a connection that is not s3",
      change: [SOURCE, "{path: x, connection: «db»}"],
      code: "wrong-connection",
    },
    {
      says: "an unknown connection",
      change: [SOURCE, "{connection: «bd», table: t}"],
      code: "unknown-connection",
      suggestion: "db",
    },
    { says: "a connection without table or query", change: [SOURCE, "«{connection: db}»"], code: "key-needed" },
    { says: "table and query", change: [SOURCE, "{connection: db, table: t, «query»: select 1}"], code: "one-of-two" },
    { says: "table no text", change: [SOURCE, "{connection: db, table: «5»}"], code: "wrong-type" },
    { says: "query empty", change: [SOURCE, '{connection: db, query: «""»}'], code: "empty" },
    { says: "an s3 connection without path", change: [SOURCE, "«{connection: lake, table: t}»"], code: "key-needed" },
    {
      says: "a DuckDB file without table or query",
      change: [SOURCE, "{database_path: «x.duckdb»}"],
      code: "key-needed",
    },
    {
      says: "a DuckDB file with a connection",
      change: [SOURCE, "{database_path: x.duckdb, table: t, connection: «db»}"],
      code: "wrong-connection",
    },
    {
      says: "a database address with a password",
      change: [SOURCE, "{database_path: «postgres://u:hidden@h/d», table: t}"],
      code: "password-in-address",
    },
    {
      says: "a database address with a password parameter",
      change: [SOURCE, "{database_path: «postgres://h/d?password=hidden», table: t}"],
      code: "password-in-address",
    },
    {
      says: "a database address of an unknown kind",
      change: [SOURCE, "{database_path: «mysql://h/d», table: t}"],
      code: "bad-value",
    },
    {
      says: "Snowflake without a connection",
      change: [SOURCE, "{database_path: «snowflake://acc», query: select 1}"],
      code: "key-not-allowed",
    },
    { says: "timestamp_field no text", change: [SOURCE, "{path: x, timestamp_field: «1»}"], code: "wrong-type" },
    {
      says: "a misspelt timestamp_unit",
      change: ["timestamp_unit: ms", "timestamp_unit: «mss»"],
      code: "bad-value",
      suggestion: "ms",
    },
    {
      says: "a timestamp_unit of minutes",
      change: ["timestamp_unit: ms", "timestamp_unit: «minutes»"],
      code: "bad-value",
    },
    {
      says: "available_field no text",
      change: ["available_field: known_at", "available_field: «true»"],
      code: "wrong-type",
    },
  ]);
});
