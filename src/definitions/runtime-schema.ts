import { isMap } from "yaml";
import { DURATION_UNITS } from "../columnar/instants.js";
import { definitionProblem } from "../errors/definition.js";
import { eventNames, match, predicate } from "./aggregations-schema.js";
import { duckdbSettings } from "./duckdb-settings.js";
import type { Literal } from "./literal.js";
import { refusedOutputRoot } from "./output-root.js";
import { entriesOf } from "./reading.js";
import {
  type AgeColumn,
  type Compute,
  type ContentRule,
  type CoverageFilter,
  type CurationRule,
  DEFAULT_TASK_ATTEMPTS,
  type FeatureRef,
  type Lookup,
  type OutputColumn,
  PIT_ENGINES,
  type RaySettings,
  type RetrieverRemap,
  ROLLING_ENGINES,
  type Runtime,
  type SessionFilter,
  type SpineRoles,
  UDF_ENGINES,
  type UdfColumn,
} from "./runtime.js";
import { byShape, mapped, orNull, readAt, type Schema, wrongType } from "./schema.js";
import { defaulted, type Here, list, object, optional, record, required } from "./schema-collections.js";
import {
  boolean,
  byteSize,
  columnName,
  columnReference,
  duration,
  integer,
  literal,
  month,
  name,
  oneOf,
  scalarLiteral,
  text,
  viewName,
  window,
} from "./schema-scalars.js";

/** The keys of a runtime that are written, at the top or in a service's part; null means "as if absent". */
export type RuntimePart = { readonly [Key in keyof Runtime]?: Runtime[Key] | null };

export interface RuntimeFile {
  readonly top: RuntimePart;
  readonly services: Readonly<Record<string, RuntimePart>>;
}

const ray: Schema<RaySettings> = object(
  "ray",
  {
    python: optional(text("a path"), "a Python with Ray in it, if not the one that daeda setup ray makes"),
    address: optional(
      text("host:port"),
      "the head of a cluster that this machine is a node of; without it, a cluster is started on this machine for the run",
    ),
    num_cpus: optional(integer(1n), "CPUs of the cluster that is started, if not all"),
    object_store_memory: optional(byteSize, "of the cluster that is started; no data passes through it", "100MB"),
    worker_cpus: optional(integer(1n), "CPUs that a worker takes of its node, if not duckdb_config.threads, or 1"),
    worker_memory: optional(byteSize, "memory that a worker takes of what its node hands out"),
    worker_resources: optional(
      record(integer(1n), { keyIs: "resource", named: false }),
      "custom resources that a node must have for a worker: {node20: 1}",
    ),
  },
  (written) => ({ ...written }),
);

const compute: Schema<Compute> = object(
  "compute",
  {
    engine: defaulted(
      oneOf(ROLLING_ENGINES, "unknown-engine"),
      ROLLING_ENGINES[0],
      "who runs rolling aggregates; the table is the same",
    ),
    pit_engine: defaulted(
      oneOf(PIT_ENGINES, "unknown-engine"),
      PIT_ENGINES[0],
      "who runs point-in-time joins and lookups; the table is the same. kernel leaves to duckdb what is joined onto a history, and times of nanoseconds beside others",
    ),
    duckdb_config: defaulted(
      duckdbSettings,
      Object.freeze({}),
      "what each process may use, passed to every DuckDB instance; settings that change values or are not yours are refused",
    ),
    task_timeout: optional(
      duration,
      "how long a worker may take for the days or the part that it is given; one that is late is ended, and its work tried again",
    ),
    task_attempts: defaulted(
      integer(1n, 100n),
      DEFAULT_TASK_ATTEMPTS,
      "how often work is tried whose worker dies or is late",
    ),
    ray: optional(ray, "where --executor ray runs, and what it takes"),
  },
  (written) => ({ ...written }),
);

const AS_OF = ["latest", "event"] as const;

const featureRef: Schema<FeatureRef> = byShape<FeatureRef>({
  expects: "the name of a feature view, or {view, as_of}",
  scalar: mapped(viewName, (view, { reading, location }) => {
    const reference: FeatureRef = Object.freeze({ view, asOf: "latest" });
    reading.context.locations.remember(reference, {
      self: location,
      values: new Map([["view", location]]),
      keys: new Map(),
    });
    return reference;
  }),
  map: object(
    "a feature reference",
    {
      view: required(viewName, "the feature view"),
      as_of: defaulted(oneOf(AS_OF), "latest", "latest: the latest row per entity; event: the latest before the event"),
    },
    ({ view, asOf }) => (view === undefined ? undefined : { view, asOf }),
  ),
});

const spine: Schema<SpineRoles> = object(
  "spine",
  {
    event: optional(columnName, "the spine's column with the event's name"),
    session: optional(columnName, "the spine's column with the session id"),
  },
  (written) => ({ ...written }),
);

const coverageFilter: Schema<CoverageFilter> = byShape<CoverageFilter>({
  expects: "false, or a map (embedding_coverage_filter)",
  scalar: {
    expects: "false",
    json: { const: false },
    read(site) {
      const isFalse = "value" in site.node && site.node.value === false;
      const off: CoverageFilter = { enabled: false, scope: "target_day" };
      return isFalse ? Object.freeze(off) : wrongType(site, "false, or a map (embedding_coverage_filter)");
    },
  },
  map: object(
    "embedding_coverage_filter",
    {
      enabled: defaulted(boolean, true, "drop rows whose id is not in the store"),
      store: optional(text("the name of an embedding store"), "the embedding store, where there are several"),
      column: optional(columnName, "the spine column with the id, if not the store's key"),
      events: optional(eventNames, "only rows with one of these events can be dropped"),
      scope: defaulted(
        oneOf(["target_day", "window"]),
        "target_day",
        "target_day: only rows of the target day are dropped; window: rows of the whole spine",
      ),
    },
    (written) => ({ ...written }),
  ),
});

const sessionFilter: Schema<SessionFilter> = object(
  "session_filter",
  {
    view_events: required(eventNames, "events that only look"),
    like_events: optional(eventNames, "events that like"),
    drop_view_only: defaulted(boolean, false, "drop sessions without an event outside view_events"),
    drop_single_like: defaulted(boolean, false, "drop sessions with exactly one event outside view_events, a like"),
  },
  (written, here) => {
    const { dropViewOnly, dropSingleLike } = written;
    const wellWritten = ["drop_view_only", "drop_single_like"].every((key) => !here.has(key) || here.isRight(key));
    if (wellWritten && !dropViewOnly && !dropSingleLike) here.report(definitionProblem("nothing-to-drop", {}));
    if (dropSingleLike && !here.has("like_events")) {
      const parameters = { key: "like_events", because: "with drop_single_like", expected: eventNames.expects };
      here.report(definitionProblem("key-needed", parameters), "like_events");
    }
    return { viewEvents: Object.freeze([]), ...written };
  },
);

const lookup: Schema<Lookup> = object(
  "a lookup",
  {
    name: required(name, "name of the lookup"),
    view: required(viewName, "the feature view that is looked into"),
    match: optional(match, "view column → spine column; else the view's key columns"),
    value: required(columnName, "the column of the view whose value is taken"),
    where: optional(predicate, "only rows where it is TRUE"),
    timestamp: optional(columnName, "another time of the view than its timestamp_field"),
    collect: defaulted(boolean, false, "true: the list of all matching values; false: the latest one"),
    window: optional(window, "with collect: how far back"),
    distinct: defaulted(boolean, false, "with collect: each value once, by its latest occurrence"),
    max_length: optional(integer(1n), "with collect: the most recent"),
  },
  (written, here) => {
    checkCollect(written, here);
    const { name: called, view, value } = written;
    if (called === undefined || view === undefined || value === undefined) return undefined;
    return { ...written, name: called, view, value };
  },
);

function checkCollect({ collect, distinct }: Pick<Lookup, "collect" | "distinct">, here: Here): void {
  if (collect || (here.has("collect") && !here.isRight("collect"))) return;
  const refused = ["window", "max_length", ...(distinct ? ["distinct"] : [])].filter(here.has);
  for (const key of refused) {
    const parameters = { key, because: "without collect", help: "add collect: true, or remove it" };
    here.report(definitionProblem("key-not-allowed", parameters), key, "key");
  }
}

const ageColumn: Schema<AgeColumn> = object(
  "an age column",
  {
    name: required(name, "name of the column"),
    created: required(columnReference, "the column with the time of creation"),
    unit: required(oneOf(DURATION_UNITS), "unit of the age: s, m, h, d or w"),
  },
  ({ name: called, created, unit }) =>
    called === undefined || created === undefined || unit === undefined ? undefined : { name: called, created, unit },
);

const udfColumn: Schema<UdfColumn> = object(
  "a udf column",
  {
    name: required(name, "name of the column"),
    function: required(name, "an export of project.udfs.ts"),
    arguments: required(list(columnReference), "what it is called with, in its order"),
    engine: defaulted(
      oneOf(UDF_ENGINES),
      UDF_ENGINES[0],
      "sql_arrow_udf: where the rows are written, before curation; pythonic: with the embeddings, on columns of the contract",
    ),
  },
  (written) => {
    const { name: called, function: by } = written;
    const given = written.arguments;
    return called === undefined || by === undefined || given === undefined
      ? undefined
      : { ...written, name: called, function: by, arguments: given };
  },
);

const curationRule: Schema<CurationRule> = object(
  "a curation rule",
  {
    column: required(columnReference, "the column that is changed"),
    value: required(literal, "what it becomes"),
    where: required(predicate, "in rows where this is TRUE"),
  },
  ({ column, value, where }) =>
    column === undefined || value === undefined || where === undefined ? undefined : { column, value, where },
);

const contentRule: Schema<ContentRule> = object(
  "a content filter",
  { drop_where: required(predicate, "rows where this is TRUE go") },
  ({ dropWhere }) => (dropWhere === undefined ? undefined : { dropWhere }),
);

const remapFrom = scalarLiteral({ null: false });

/** old → new value; the keys are literals, not names. */
const remapPairs: Schema<RetrieverRemap["map"]> = {
  expects: "a map from old to new values",
  json: { type: "object", additionalProperties: literal.json },
  read(site) {
    const { node, reading, location } = site;
    if (!isMap(node)) return wrongType(site, "a map from old to new values");
    const pairs: (readonly [Literal, Literal])[] = [];
    const values = new Map<number, ReturnType<typeof reading.locate>>();
    for (const { key, keyNode, valueNode } of entriesOf(node, reading)) {
      const from = readAt(remapFrom, keyNode, `a key of ${site.key}`, reading);
      const to = readAt(literal, valueNode, `${site.key}.${key}`, reading);
      if (from === undefined || to === undefined) continue;
      values.set(pairs.length, reading.locate(valueNode));
      pairs.push(Object.freeze([from, to] as const));
    }
    reading.context.locations.remember(pairs, { self: location, values, keys: new Map() });
    return Object.freeze(pairs);
  },
};

const retrieverRemap: Schema<RetrieverRemap> = object(
  "retriever_remap",
  {
    column: required(columnReference, "the column whose values are replaced"),
    map: required(remapPairs, "old → new value"),
    otherwise: optional(literal, "the value of what is not in the map; unchanged without it"),
  },
  (written) => {
    const { column, map } = written;
    return column === undefined || map === undefined ? undefined : { ...written, column, map };
  },
);

const outputColumn: Schema<OutputColumn> = byShape<OutputColumn>({
  expects: "the name of a column, or {name, default}, or {name, default_sql}",
  scalar: mapped(columnName, (column, { reading, location }) => {
    const output: OutputColumn = Object.freeze({ name: column });
    const values = new Map([["name", location]]);
    reading.context.locations.remember(output, { self: location, values, keys: new Map() });
    return output;
  }),
  map: object(
    "an output column",
    {
      name: required(columnName, "a column of the service"),
      default: optional(literal, "its default"),
      default_sql: optional(text("a constant SQL expression"), "its default, as a constant SQL expression"),
    },
    (written, here) => {
      if (here.has("default") && here.has("default_sql")) {
        const parameters = { first: "default", second: "default_sql", help: "keep the one that is meant" };
        here.report(definitionProblem("one-of-two", parameters), "default_sql", "key");
      }
      return written.name === undefined ? undefined : { ...written, name: written.name };
    },
  ),
});

const outputRoot: Schema<string> = mapped(text("a path", { service: true }), (path, { reading, location }) => {
  const refused = refusedOutputRoot(path);
  if (refused === undefined) return path;
  reading.report(refused, location);
  return undefined;
});

const KEYS = {
  entity_spine_chunk_rows: optional(orNull(integer(1n)), "rows of a part file (the last has fewer)", 500_000),
  day_workers: optional(orNull(integer(1n, 65_535n)), "days at a time", 1),
  output_root: optional(
    orNull(outputRoot),
    "where the training set goes; ${service} is the service's name",
    "data/training_output/${service}",
  ),
  compute: optional(orNull(compute), "who computes, and with which resources"),
  feature_refs: optional(
    orNull(list(featureRef, { unique: { what: "feature view", key: "view", nameOf: (one) => one.view } })),
    "views that may be joined",
  ),
  spine: optional(orNull(spine), "what columns of the spine view mean"),
  embedding_coverage_filter: optional(orNull(coverageFilter), "drop rows whose id has no embedding"),
  session_filter: optional(orNull(sessionFilter), "drop sessions that only look, or that like once"),
  lookups: optional(
    orNull(list(lookup, { unique: { what: "lookup", key: "name", nameOf: (one) => one.name, caseless: true } })),
    "values looked up in another view",
  ),
  age_columns: optional(
    orNull(list(ageColumn, { unique: { what: "age column", key: "name", nameOf: (one) => one.name, caseless: true } })),
    "time between creation and event",
  ),
  udf_columns: optional(
    orNull(list(udfColumn, { unique: { what: "udf column", key: "name", nameOf: (one) => one.name, caseless: true } })),
    "columns that functions of project.udfs.ts compute",
  ),
  curation: optional(orNull(list(curationRule)), "columns that are corrected, in this order"),
  content_filter: optional(orNull(list(contentRule)), "rows that go"),
  retriever_remap: optional(orNull(retrieverRemap), "values of a column that are replaced"),
  output_columns: optional(
    orNull(
      list(outputColumn, { unique: { what: "output column", key: "name", nameOf: (one) => one.name, caseless: true } }),
    ),
    "order of the columns, and their defaults; the service's own order without it",
  ),
};

const servicePart: Schema<RuntimePart> = object(
  "a service's part of runtime.yaml",
  {
    feed_start: optional(orNull(month), 'first month of target days, "YYYYMM"'),
    feed_end: optional(orNull(month), 'last month of target days, "YYYYMM", inclusive'),
    ...KEYS,
  },
  (written) => ({ ...written }),
);

export const runtimeSchema: Schema<RuntimeFile> = object(
  "runtime.yaml",
  {
    feed_start: required(month, 'first month of target days, "YYYYMM"'),
    feed_end: required(month, 'last month of target days, "YYYYMM", inclusive'),
    ...KEYS,
    services: optional(
      record(servicePart, { keyIs: "feature service", named: true }),
      "keys of this file for one service only; they replace the ones above whole",
    ),
  },
  ({ services = Object.freeze({}), ...top }, here) => {
    const { feedStart: start, feedEnd: end } = top;
    if (start !== undefined && end !== undefined && end < start)
      here.report(definitionProblem("feed-range", { start, end }), "feed_end");
    return { top: Object.freeze(top), services };
  },
);
