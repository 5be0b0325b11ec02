import { definitionProblem } from "../errors/definition.js";
import { nearest } from "../errors/nearest.js";
import type { FeatureView, Field, ViewSource } from "./feature-view.js";
import { mapped, type Schema, type Site } from "./schema.js";
import { type Here, list, listOrOne, object, optional, record, required } from "./schema-collections.js";
import { address, columnName, dtype, duration, freeText, name, oneOf, text } from "./schema-scalars.js";

const sourceColumn = text("the name of a column of the source");

export const source: Schema<ViewSource> = object(
  "source",
  {
    path: optional(
      address("a file, folder or glob"),
      "Parquet, CSV or NDJSON: a file, a folder (read recursively) or a glob",
    ),
    connection: optional(
      text("the name of a connection"),
      "a connection of base.yaml; with path, the s3 connection that reads it",
    ),
    table: optional(text(), "a table of the connection or database"),
    query: optional(text(), "a query of the connection or database"),
    database_path: optional(
      address("a database's address"),
      "a DuckDB file, ducklake:<file>, iceberg:<metadata.json>, postgres://host/db or snowflake://<account>",
    ),
    timestamp_field: optional(sourceColumn, "the column of the source with the row's time"),
    timestamp_unit: optional(
      oneOf(["s", "ms", "us", "ns"]),
      "unit of integer time columns; TIMESTAMP and DATE need none",
    ),
    available_field: optional(sourceColumn, "the column of the source with the time from which the row exists"),
  },
  (written, here) => {
    checkAddress(written, here);
    return { ...written };
  },
);

/** What an address lacks or has twice, as far as it can be told without knowing the connections. */
function checkAddress({ databasePath }: ViewSource, here: Here): void {
  const isAddressed = ["path", "connection", "database_path"].some(here.has);
  if (!isAddressed) here.report(definitionProblem("no-address", {}));
  if (here.has("table") && here.has("query")) {
    const help = "keep the one that is meant";
    here.report(definitionProblem("one-of-two", { first: "table", second: "query", help }), "query", "key");
  } else if (here.has("path") && !here.has("database_path")) {
    for (const key of ["table", "query"].filter(here.has)) {
      const parameters = { key, because: "beside path", help: "files have no tables: remove it, or path" };
      here.report(definitionProblem("key-not-allowed", parameters), key, "key");
    }
  }
  if (databasePath !== undefined) checkDatabasePath(databasePath, here);
}

const SCHEMES = ["ducklake", "iceberg", "postgres", "postgresql", "snowflake", "s3", "http", "https"];

/** The word before `:` of an address; of a plain file, `duckdb`. */
export function schemeOf(databasePath: string): string {
  return /^([A-Za-z][A-Za-z0-9+.-]+):/.exec(databasePath)?.[1]?.toLowerCase() ?? "duckdb";
}

function checkDatabasePath(databasePath: string, here: Here): void {
  const scheme = schemeOf(databasePath);
  if (scheme !== "duckdb" && !SCHEMES.includes(scheme)) {
    const parameters = {
      key: "database_path",
      text: `${scheme}:…`,
      nearest: nearest(scheme, SCHEMES),
      known: ADDRESSES,
    };
    here.report(definitionProblem("bad-value", parameters), "database_path");
    return;
  }
  if (here.has("path")) return; // path wins
  if (scheme === "snowflake" && !here.has("connection")) {
    const help = "write connection: <name of a snowflake connection of base.yaml> and query: instead";
    const parameters = {
      key: "database_path",
      because: "for Snowflake without a connection (it needs a private key)",
      help,
    };
    here.report(definitionProblem("key-not-allowed", parameters), "database_path");
  }
  const needsRelation = scheme !== "iceberg" && !here.has("table") && !here.has("query");
  if (needsRelation) {
    const parameters = { key: "table", because: "with database_path (or query)", expected: "a table of the database" };
    here.report(definitionProblem("key-needed", parameters), "database_path");
  }
}

const ADDRESSES = [
  "a DuckDB file",
  "ducklake:<file>",
  "iceberg:<metadata.json>",
  "postgres://host/db",
  "snowflake://<account>",
];

const field: Schema<Field> = object(
  "a field",
  {
    name: required(columnName, "name of the column, after field_mapping"),
    dtype: required(dtype, "what it holds"),
    description: optional(freeText, "what it means"),
  },
  (written) => {
    const { name: column, dtype: type } = written;
    return column === undefined || type === undefined ? undefined : { ...written, name: column, dtype: type };
  },
);

export const fieldMapping = mapped(
  record(columnName, { keyIs: "source column", named: false }),
  withoutRepeatedTargets,
);

function withoutRepeatedTargets(mapping: Readonly<Record<string, string>>, { reading }: Site) {
  const { locations } = reading.context;
  const first = new Map<string, string>();
  for (const [column, target] of Object.entries(mapping)) {
    const known = first.get(target.toLowerCase());
    const place = locations.of(mapping, column);
    if (known === undefined) first.set(target.toLowerCase(), target);
    else if (place)
      reading.report(definitionProblem("duplicate-name", { what: "column", name: target, first: known }), place);
  }
  return mapping;
}

export const featureViewSchema: Schema<Partial<FeatureView>> = object(
  "a feature view",
  {
    name: required(name, "name of the view; unique in the project"),
    entity: required(
      listOrOne(
        name,
        list(name, { nonEmpty: true, unique: { what: "entity", nameOf: (entity) => entity, caseless: true } }),
      ),
      "the entity, or a list of them; their join keys are the view's key columns",
    ),
    description: optional(freeText, "what the view holds"),
    ttl: optional(duration, "single-row as-of joins: an older row is no match"),
    source: required(source, "where the rows come from"),
    field_mapping: optional(fieldMapping, "source column → canonical column"),
    fields: required(
      list(field, { unique: { what: "field", key: "name", nameOf: (one) => one.name, caseless: true } }),
      "the columns to read, by their canonical names",
    ),
  },
  (written) => ({ ...written }),
);
