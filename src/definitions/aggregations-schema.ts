import { definitionProblem } from "../errors/definition.js";
import {
  AGGREGATES,
  type AggregationSpec,
  type Aggregations,
  type EmbeddingStore,
  type EnrichmentSpec,
} from "./aggregations.js";
import type { Literal } from "./literal.js";
import { mapped, type Schema, type Site, scalar } from "./schema.js";
import { defaulted, type Here, list, listOrOne, object, optional, record, required } from "./schema-collections.js";
import {
  address,
  boolean,
  columnName,
  columnReference,
  integer,
  name,
  oneOf,
  scalarLiteral,
  text,
  viewName,
  window,
} from "./schema-scalars.js";

export const eventNames: Schema<readonly Literal[]> = list(scalarLiteral({ null: false }), { nonEmpty: true });

/** view column → spine column */
export const match = record(columnName, { keyIs: "view column", named: true, nonEmpty: true });
export const predicate = text("a SQL condition over one row");

const columnOrFlag: Schema<boolean | string> = scalar({
  expects: "true, false, or the name of a spine column",
  json: { anyOf: [{ type: "boolean" }, columnName.json] },
  read({ value, substituted }, site) {
    const isFlag = typeof value === "boolean" || (substituted && /^(true|false)$/i.test(String(value)));
    return (isFlag ? boolean : columnName).read(site);
  },
});

const spec: Schema<AggregationSpec> = object(
  "an aggregation spec",
  {
    name: required(name, "name of the spec; its columns are <name>_<window>, or <name> for all"),
    agg: required(oneOf(AGGREGATES), "what is made of the history"),
    view: optional(viewName, "whose rows are the history, if not the spine view's"),
    source_column: optional(columnReference, "the column whose values are aggregated"),
    partition_by: optional(
      listOrOne(
        columnReference,
        list(columnReference, { nonEmpty: true, unique: { what: "column", nameOf: (one) => one, caseless: true } }),
      ),
      "rows of the same values share their history (without view)",
    ),
    match: optional(match, "with view: view column → spine column; else the view's key columns"),
    where: optional(predicate, "only history rows where it is TRUE"),
    timestamp: optional(columnName, "with view: another time than its timestamp_field"),
    windows: required(
      list(window, { nonEmpty: true, unique: { what: "window", nameOf: (one) => one } }),
      "how far the history reaches back: durations and all",
    ),
    events: optional(eventNames, "only history rows with one of these events; all rows without it"),
    exclude_self: defaulted(columnOrFlag, false, "drop values equal to the row's own, or to a spine column's"),
    flatten_distinct: defaulted(boolean, false, "flatten list columns and keep each value once"),
    max_length: optional(integer(1n), "agg: list only: the most recent"),
  },
  (written, here) => {
    checkSpec(written, here);
    const { name: called, agg, windows = NONE } = written;
    return called === undefined || agg === undefined ? undefined : { ...written, name: called, agg, windows };
  },
);

const NONE: readonly never[] = Object.freeze([]);

/** The rules between a spec's keys that hold whatever the service's spine is. */
function checkSpec(written: Partial<AggregationSpec>, here: Here): void {
  const { agg, excludeSelf, flattenDistinct } = written;
  const refuse = (key: string, because: string, help: string) =>
    here.report(definitionProblem("key-not-allowed", { key, because, help }), key, "key");
  const need = (key: string, because: string, expected: string) =>
    here.report(definitionProblem("key-needed", { key, because, expected }), key);
  if (!here.has("view")) {
    if (!here.has("partition_by")) need("partition_by", "without view", "the column whose rows share a history");
    for (const key of ["match", "timestamp"].filter(here.has))
      refuse(key, "without view", "remove it, or say with view: whose rows are the history");
  }
  if (agg !== undefined && agg !== "count" && !here.has("source_column"))
    need("source_column", `for agg: ${agg}`, "the column whose values are aggregated");
  if (agg === "count" && !here.has("source_column") && excludeSelf !== undefined && excludeSelf !== false)
    refuse("exclude_self", "without source_column", "name the source_column whose values are compared, or remove it");
  if (agg !== undefined && flattenDistinct && agg !== "list" && agg !== "count_distinct")
    refuse("flatten_distinct", `for agg: ${agg}`, "it takes agg: list or agg: count_distinct");
  if (agg !== undefined && agg !== "list" && here.has("max_length"))
    refuse("max_length", `for agg: ${agg}`, "it takes agg: list");
}

/** The column of a spec and window. */
export function rollingColumn(specName: string, span: string): string {
  return span === "all" ? specName : `${specName}_${span}`;
}

/** The spec as a maker of columns, in messages. */
export function makerOf({ name }: Pick<AggregationSpec, "name">): string {
  return `the aggregation spec "${name}"`;
}

function withoutClashes(specs: readonly AggregationSpec[], { reading }: Site): readonly AggregationSpec[] {
  const madeBy = new Map<string, AggregationSpec>();
  for (const one of specs) {
    for (const span of one.windows) {
      const column = rollingColumn(one.name, span);
      const other = madeBy.get(column.toLowerCase());
      madeBy.set(column.toLowerCase(), other ?? one);
      const place = reading.context.locations.of(one, "name");
      if (other === undefined || other === one || place === undefined) continue;
      const parameters = { name: column, first: makerOf(other), second: makerOf(one) };
      reading.report(definitionProblem("produced-twice", parameters), place);
    }
  }
  return specs;
}

const store: Schema<EmbeddingStore> = object(
  "an embedding store",
  {
    uri: required(address("a Lance dataset"), "the Lance dataset"),
    key: required(text("the name of a column"), "its column with the ids"),
    vector: required(text("the name of a column"), "its column with the vectors"),
    dim: required(integer(1n), "length of the vectors"),
  },
  (written) => ({ uri: "", key: "", vector: "", dim: 1n, ...written }),
);

const enrichment: Schema<EnrichmentSpec> = object(
  "an enrichment spec",
  {
    name: required(name, "name of the embedding column"),
    store: required(text("the name of an embedding store"), "the embedding store"),
    ids: required(columnName, "a column of the contract with the id, or a list of ids"),
    pool: optional(oneOf(["mean"]), "how the vectors of a list become one"),
  },
  (written) => {
    const { name: called, store: from, ids } = written;
    if (called === undefined || from === undefined || ids === undefined) return undefined;
    return { ...written, name: called, store: from, ids };
  },
);

export const aggregationsSchema: Schema<Aggregations> = object(
  "aggregations.yaml",
  {
    aggregation_specs: optional(
      mapped(
        list(spec, { unique: { what: "aggregation spec", key: "name", nameOf: (one) => one.name, caseless: true } }),
        withoutClashes,
      ),
      "what is aggregated over the history of each row",
    ),
    embedding_stores: optional(
      record(store, { keyIs: "embedding store", named: true }),
      "where embeddings are looked up",
    ),
    enrichment_specs: optional(
      list(enrichment, { unique: { what: "enrichment spec", key: "name", nameOf: (one) => one.name, caseless: true } }),
      "the embedding columns",
    ),
  },
  ({ aggregationSpecs = NONE, embeddingStores = Object.freeze({}), enrichmentSpecs = NONE }) => ({
    aggregationSpecs,
    embeddingStores,
    enrichmentSpecs,
  }),
);
