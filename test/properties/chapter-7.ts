import type { ProjectCase } from "./random-project.js";

/** The rows of chapter 7 and their values that random projects have to draw over the fixed seeds. */
export const CHAPTER_7: readonly string[] = [
  "name",
  ...["feature_views", "feature_services", "base", "runtime", "aggregations", "pipelines"].map((key) => `paths.${key}`),
  ...["base.entities", "base.constants", "base.connections"],
  ...[
    "view.name",
    "view.entity=name",
    "view.entity=list",
    "view.description",
    "view.ttl",
    "view.source",
    "view.field_mapping",
    "view.fields",
  ],
  ...["path", "database_path", "table", "query", "timestamp_field", "timestamp_unit", "available_field"].map(
    (key) => `source.${key}`,
  ),
  ...["s", "ms", "us", "ns"].map((unit) => `source.timestamp_unit=${unit}`),
  ...["parquet", "csv", "ndjson", "duckdb"].map((format) => `layout.format=${format}`),
  ...["gz", "folder", "glob", "partition", "days", "sparse", "litter", "nested", "jsonl"].map((key) => `layout.${key}`),
  ...["TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMPTZ", "DATE", "BIGINT", "INTEGER"].map((type) => `clock=${type}`),
  "no clock",
  ...["BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "FLOAT", "DOUBLE", "TEXT", "DATE", "TIMESTAMP"].flatMap(
    (type) => [`field.dtype=${type}`, `field.dtype=${type}[]`, `column.dtype=${type}`],
  ),
  ...["field.dtype=VARCHAR", "field.description"],
  ...["name", "version", "owner", "description", "spine", "columns"].map((key) => `service.${key}`),
  ...["key", "spine", "static", "derived", "rolling", "lookup", "embedding"].map((kind) => `column.kind=${kind}`),
  ...["column.column", "column.nullable=false", "column.default", "column.name=qid"],
  ...[
    "name",
    "agg",
    "view",
    "source_column",
    "partition_by=name",
    "partition_by=list",
    "match",
    "where",
    "timestamp",
    "windows",
    "events",
  ].map((key) => `spec.${key}`),
  ...["list", "count", "count_distinct", "sum", "mean", "min", "max", "last"].map((agg) => `spec.agg=${agg}`),
  ...["s", "m", "h", "d", "w", "all"].map((window) => `spec.windows=${window}`),
  ...["true", "false", "name"].map((self) => `spec.exclude_self=${self}`),
  ...["spec.flatten_distinct", "spec.max_length", "spec.count without a column", "a reference view.column"],
  ...["aggregations.embedding_stores", "aggregations.enrichment_specs", "enrichment.pool"],
  ...[
    ...[
      "feed_start",
      "feed_end",
      "entity_spine_chunk_rows",
      "day_workers",
      "output_root",
      "compute",
      "feature_refs",
      "spine",
    ],
    ...["embedding_coverage_filter", "session_filter", "lookups", "age_columns", "curation", "content_filter"],
    ...["retriever_remap", "output_columns", "services"],
  ].map((key) => `runtime.${key}`),
  ...["engine", "pit_engine", "duckdb_config"].map((key) => `compute.${key}`),
  ...["feature_refs=name", "as_of=latest", "as_of=event", "spine.event", "spine.session"],
  ...["coverage=false", "coverage.enabled=false"],
  ...["view_events", "like_events", "drop_view_only", "drop_single_like"].map((key) => `session_filter.${key}`),
  ...["match", "where", "timestamp", "collect=true", "collect=false", "window", "distinct", "max_length"].map(
    (key) => `lookup.${key}`,
  ),
  "lookup of the spine view",
  ...["s", "m", "h", "d", "w"].map((unit) => `age.unit=${unit}`),
  ...["remap.otherwise", "remap without otherwise", "curation to NULL"],
  ...[
    "output=name",
    "output.default",
    "output.default_sql",
    "a column that nothing produces",
    "output of another service",
  ],
  ...["${const.name}", "${NAME:-default}", "services=null"],
];

/**
 * Rows of chapter 7 that no random project draws, and where they are proved instead: connections (they need a network or an
 * extension: refused in this version), an enabled coverage filter (refused until embeddings exist), `config/pipelines`
 * (names of generated operators: test/compiler), and everything that is refused (test/definitions, test/compiler).
 */
export function drawnOf({ project, tables, layouts }: ProjectCase): ReadonlySet<string> {
  const drawn = new Set<string>();
  const add = (...keys: string[]): void => {
    for (const key of keys) drawn.add(key);
  };
  const keys = (prefix: string, value: object | undefined): void => {
    for (const [key, entry] of Object.entries(value ?? {})) if (entry !== undefined) add(`${prefix}${key}`);
  };
  const shape = (prefix: string, value: string | readonly string[] | undefined): void => {
    if (value !== undefined) add(`${prefix}=${typeof value === "string" ? "name" : "list"}`);
  };
  keys("", { name: project.name });
  keys("paths.", project.paths);
  keys("base.", project.base);
  for (const view of project.views) {
    keys("view.", view);
    shape("view.entity", view.entity);
    keys("source.", view.source);
    if (view.source.timestamp_unit) add(`source.timestamp_unit=${view.source.timestamp_unit}`);
    const layout = layouts[view.name];
    if (layout) add(`layout.format=${layout.format}`);
    for (const [key, value] of Object.entries(layout ?? {}))
      if (value !== false && value !== undefined) add(`layout.${key}`);
    if (view.source.path?.includes("*")) add("layout.glob");
    if (view.source.path?.includes("${")) add("${NAME:-default}");
    const clock = tables[view.name]?.columns.find((column) => column.name === view.source.timestamp_field);
    add(clock === undefined ? "no clock" : `clock=${clock.type}`);
    for (const field of view.fields) {
      keys("field.", field);
      add(`field.dtype=${field.dtype.toUpperCase()}`);
    }
  }
  const names = new Set(project.views.flatMap((view) => view.fields.map((field) => field.name)));
  for (const service of project.services) {
    keys("service.", service);
    for (const column of service.columns) {
      keys("column.", column);
      add(`column.kind=${column.kind}`, `column.dtype=${column.dtype.toUpperCase()}`, `column.name=${column.name}`);
      if (column.nullable === false) add("column.nullable=false");
      if (column.name === "nowhere" && !names.has("nowhere")) add("a column that nothing produces");
      if (column.column?.includes(".")) add("a reference view.column");
    }
  }
  keys("aggregations.", project.aggregations);
  for (const enrichment of project.aggregations?.enrichment_specs ?? []) keys("enrichment.", enrichment);
  for (const spec of project.aggregations?.aggregation_specs ?? []) {
    keys("spec.", spec);
    shape("spec.partition_by", spec.partition_by);
    add(`spec.agg=${spec.agg}`);
    for (const window of spec.windows) add(`spec.windows=${window === "all" ? "all" : window.slice(-1)}`);
    if (spec.exclude_self !== undefined)
      add(`spec.exclude_self=${typeof spec.exclude_self === "string" ? "name" : String(spec.exclude_self)}`);
    if (spec.source_column === undefined) add("spec.count without a column");
    if (spec.max_length === "${const.longest}") add("${const.name}");
  }
  const { runtime } = project;
  keys("runtime.", runtime);
  keys("compute.", runtime.compute);
  for (const entry of runtime.feature_refs ?? [])
    add(typeof entry === "string" ? "feature_refs=name" : `as_of=${entry.as_of ?? "latest"}`);
  keys("spine.", runtime.spine);
  if (runtime.embedding_coverage_filter === false) add("coverage=false");
  else if (runtime.embedding_coverage_filter) add("coverage.enabled=false");
  keys("session_filter.", runtime.session_filter);
  for (const lookup of runtime.lookups ?? []) {
    keys("lookup.", lookup);
    if (lookup.collect !== undefined) add(`lookup.collect=${String(lookup.collect)}`);
    if (lookup.view === "events") add("lookup of the spine view");
  }
  for (const age of runtime.age_columns ?? []) add(`age.unit=${age.unit}`);
  if (runtime.curation?.some((rule) => rule.value === null)) add("curation to NULL");
  if (runtime.retriever_remap)
    add(runtime.retriever_remap.otherwise === undefined ? "remap without otherwise" : "remap.otherwise");
  for (const output of runtime.output_columns ?? []) {
    if (typeof output === "string")
      add("output=name", ...(output === "only_other" ? ["output of another service"] : []));
    else keys("output.", output);
  }
  for (const part of Object.values(runtime.services ?? {}))
    if (Object.values(part).some((value) => value === null)) add("services=null");
  return drawn;
}
