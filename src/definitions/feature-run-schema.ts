import { isMap, isScalar } from "yaml";
import { parseIso } from "../columnar/instants.js";
import { definitionProblem } from "../errors/definition.js";
import { FEATURE_BACKENDS, type FeatureRun, type FeatureSpec, type RunTable } from "./feature-run.js";
import { parameterValue } from "./feature-type-schema.js";
import type { ViewSource } from "./feature-view.js";
import { fieldMapping, source } from "./feature-view-schema.js";
import { byShape, mapped, orNull, type Schema, textual } from "./schema.js";
import { type Here, list, object, optional, record, required } from "./schema-collections.js";
import { address, boolean, byteSize, columnName, freeText, integer, oneOf, text } from "./schema-scalars.js";

/** A UTC time, in microseconds. */
const instant: Schema<bigint> = textual({
  expects: "a UTC date or time such as 2024-01-31",
  json: { type: "string", pattern: "^[0-9]{4}-[0-9]{2}-[0-9]{2}" },
  read(value, written, site) {
    const nanos = parseIso(value);
    if (nanos !== undefined && nanos % 1000n === 0n) return nanos / 1000n;
    site.reading.report(definitionProblem("bad-instant", { key: site.key, text: written }), site.location);
    return undefined;
  },
});

/** A key of the format that nothing executes yet: refused where it is written. */
function notYet(what: string, help: string): Schema<never> {
  return {
    expects: "nothing",
    json: { not: {}, description: `not in this version: ${what}` },
    read({ reading, key, location }) {
      reading.report(definitionProblem("not-yet", { key, help }), location);
      return undefined;
    },
  };
}

const WIDE_ONLY = "features are written to one wide Parquet file: output.wide, or --wide";

const tableMap: Schema<RunTable> = object(
  "a table",
  {
    name: required(columnName, "what formulas and features call it; without source, a table of the warehouse"),
    bar_name: optional(text("the name of a bar"), "rows with this bar_name only, of a table that holds several"),
    incomplete_bars: optional(boolean, "also rows whose is_complete is false", false),
    source: optional(source, "where the rows come from, where that is not the warehouse"),
    field_mapping: optional(fieldMapping, "source column → column of the formulas"),
    symbol: optional(text("a symbol"), "the symbol of all rows, where the source has no such column"),
    venue: optional(text("a venue"), "the venue of all rows, where the source has no such column"),
  },
  ({ name: own, ...rest }, here) => {
    checkSource(here, rest.source);
    if (own === undefined) return undefined;
    return { ...rest, name: own, incompleteBars: rest.incompleteBars ?? false, fieldMapping: rest.fieldMapping ?? {} };
  },
);

/** What a source of a view may have, and a table may not. */
function checkSource(here: Here, source: ViewSource | undefined): void {
  if (source?.availableField !== undefined)
    here.report(
      definitionProblem("key-not-allowed", {
        key: "available_field",
        because: "in the source of a table",
        help: "a row is known from its timestamp_field on: name the column with the time at which it was",
      }),
      "source",
    );
  if (source?.connection !== undefined)
    here.report(
      definitionProblem("not-yet", { key: "connections of tables", help: "name files, or a database_path" }),
      "source",
    );
  if (here.has("field_mapping") && !here.has("source"))
    here.report(
      definitionProblem("key-not-allowed", {
        key: "field_mapping",
        because: "without source",
        help: "tables of the warehouse have the names of the formulas; aliases give further ones",
      }),
      "field_mapping",
      "key",
    );
}

const table: Schema<RunTable> = byShape<RunTable>({
  expects: "the name of a table of the warehouse, or a map",
  scalar: mapped(columnName, (name) => Object.freeze({ name, incompleteBars: false, fieldMapping: {} })),
  map: tableMap,
});

const featureKeys: Schema<FeatureSpec> = object(
  "a feature",
  {
    name: optional(columnName, "name of its column; default: the output_column of its type, else the type's name"),
    // One that is empty is the mistake of this feature alone.
    formula: optional(freeText, "what it computes"),
    type: optional(columnName, "the feature type that says what it computes; instead of formula"),
    inputs: optional(
      record(text("a column or feature"), { keyIs: "input", named: true }),
      "input of the type → column, table.column or feature",
    ),
    parameters: optional(record(parameterValue, { keyIs: "parameter", named: true }), "values of parameters"),
    table: optional(columnName, "the table on whose rows it is computed; else the run's first"),
  },
  ({ name: own, ...rest }, here) => {
    checkMeaning(here);
    if (!here.has("name") && !here.has("type"))
      here.report(
        definitionProblem("missing-key", { key: "name", where: "a formula", expected: "the name of its column" }),
      );
    return { ...rest, name: own ?? "" };
  },
);

/** A formula, or a type that has one. */
function checkMeaning(here: Here): void {
  if (here.has("formula") && here.has("type")) {
    const help = "keep the one that is meant";
    here.report(definitionProblem("one-of-two", { first: "formula", second: "type", help }), "type", "key");
  } else if (!here.has("formula") && !here.has("type"))
    here.report(
      definitionProblem("missing-key", { key: "formula", where: "a feature", expected: "a formula, or a type" }),
    );
  if (here.has("inputs") && here.has("formula"))
    here.report(
      definitionProblem("key-not-allowed", {
        key: "inputs",
        because: "beside formula",
        help: "inputs bind the names of a feature type; a formula names its columns itself",
      }),
      "inputs",
      "key",
    );
}

/** In a map of one line a formula that is not quoted ends at its first comma: told as that, not as keys that nobody knows. */
const feature: Schema<FeatureSpec> = {
  ...featureKeys,
  read(site) {
    const formula = isMap(site.node) && site.node.flow === true ? site.node.get("formula", true) : undefined;
    if (!isScalar(formula) || formula.type !== "PLAIN" || !isOpen(String(formula.value))) return featureKeys.read(site);
    const problem = definitionProblem("formula-at-comma", { text: String(formula.value) });
    site.reading.report(problem, site.reading.locate(formula));
    return undefined;
  },
};

function isOpen(formula: string): boolean {
  return formula.split("(").length > formula.split(")").length;
}

const output = object(
  "output",
  {
    table: optional(orNull(notYet("ft_features", WIDE_ONLY)), "the table of features; null: none"),
    wide: optional(orNull(text("a path")), "the Parquet file with a column for each feature; null: none"),
  },
  ({ wide }) => (wide === undefined || wide === null ? {} : { wide }),
);

const LOCAL = oneOf(["local"]);

/** A run on Ray is to come: that is not a word that nobody knows. */
const executor: Schema<"local"> = {
  ...LOCAL,
  read(site) {
    const { node, reading, key, location } = site;
    if (!isScalar(node) || node.value !== "ray") return LOCAL.read(site);
    reading.report(
      definitionProblem("not-yet", { key: `${key}: ray`, help: "leave it out: runs are local" }),
      location,
    );
    return undefined;
  },
};

function isoText(micros: bigint): string {
  return new Date(Number(micros / 1000n)).toISOString();
}

const DEFAULT_MEMORY_LIMIT = 4 * 1024 ** 3;
/** What DuckDB and one group of rows need. */
const LEAST_MEMORY = 64 * 1000 ** 2;

function checkValues(here: Here, memory: number | undefined, warehouse: string | undefined): void {
  if (memory !== undefined && memory < LEAST_MEMORY) {
    const parameters = { key: "memory_limit", value: `${memory} bytes`, expected: "at least 64MB" };
    here.report(definitionProblem("out-of-range", parameters), "memory_limit");
  }
  if (warehouse !== undefined && /^[a-z][a-z0-9+.-]+:/i.test(warehouse))
    here.report(
      definitionProblem("not-yet", { key: "warehouses outside of folders", help: "name a folder" }),
      "warehouse",
    );
}

/** `features.yaml`. Of what is missing or mistaken (and was reported), something that fits. */
export const featureRunSchema: Schema<FeatureRun> = object(
  "features.yaml",
  {
    name: required(columnName, "name of the run"),
    version: optional(text("a text such as v1.0"), "version of features that are formulas", "v1.0"),
    namespace: optional(columnName, "namespace of features that are formulas", "signal"),
    tables: required(
      list(table, { nonEmpty: true, unique: { what: "table", key: "name", nameOf: (one) => one.name } }),
      "the tables; the rows of the first are those of the answer",
    ),
    symbols: optional(list(text("a symbol"), { nonEmpty: true }), "the symbols to compute; absent: all"),
    venue: optional(text("a venue"), "the venue to compute, of tables that hold several"),
    start: optional(instant, "the first time that is written, UTC; what lies before it is only looked back at"),
    end: optional(instant, "the time before which rows are written, UTC"),
    features: required(
      list(feature, { nonEmpty: true, unique: { what: "feature", key: "name", nameOf: (one) => one.name } }),
      "the columns to compute, in their order",
    ),
    aliases: optional(
      record(columnName, { keyIs: "name", named: true }),
      "further name → the column that it stands for, and the other way round",
    ),
    feature_types: optional(text("a path"), "folder of the project's own feature types", "feature_types"),
    warehouse: optional(address("a path"), "folder of the tables that have no source", "warehouse"),
    catalog: optional(notYet("catalogs", WIDE_ONLY), "the catalog of the table of features"),
    staging: optional(notYet("staging", WIDE_ONLY), "folder of what is not yet committed"),
    output: optional(output, "what is written"),
    backend: optional(oneOf(FEATURE_BACKENDS), "who computes", "kernel"),
    executor: optional(executor, "where it is computed; ray is not in this version", "local"),
    shard: optional(notYet("shards", "leave it out: a run is computed as a whole"), "length of a shard"),
    concurrency: optional(integer(1n, 256n), "threads that compute", 4),
    memory_limit: optional(byteSize, "what the rows and columns under way may take", "4GB"),
    strict: optional(boolean, "a feature that fails fails the run", false),
  },
  ({ output: written, executor: _, catalog: _c, staging: _s, shard: _h, ...rest }, here) => {
    checkValues(here, rest.memoryLimit, rest.warehouse);
    if (rest.start !== undefined && rest.end !== undefined && rest.start >= rest.end)
      here.report(
        definitionProblem("out-of-range", { key: "end", value: isoText(rest.end), expected: "a time after start" }),
        "end",
      );
    return {
      ...rest,
      ...written,
      name: rest.name ?? "",
      version: rest.version ?? "v1.0",
      namespace: rest.namespace ?? "signal",
      tables: rest.tables ?? [],
      features: rest.features ?? [],
      aliases: rest.aliases ?? {},
      featureTypes: rest.featureTypes ?? "feature_types",
      warehouse: rest.warehouse ?? "warehouse",
      backend: rest.backend ?? "kernel",
      concurrency: Number(rest.concurrency ?? 4n),
      memoryLimit: rest.memoryLimit ?? DEFAULT_MEMORY_LIMIT,
      strict: rest.strict ?? false,
    };
  },
);
