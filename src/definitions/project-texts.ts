import { stringify } from "yaml";
import type { AggregationSpec, Aggregations } from "./aggregations.js";
import type { FeatureService } from "./feature-service.js";
import type { FeatureView } from "./feature-view.js";
import { DEFAULT_TASK_ATTEMPTS, type Lookup, type RaySettings, type Runtime } from "./runtime.js";

/** The definitions of a project with one service; all names are the project's own, constants are filled in. */
export interface ProjectParts {
  readonly name: string;
  /** entity → join key */
  readonly entities: Readonly<Record<string, string>>;
  readonly views: readonly FeatureView[];
  readonly service: FeatureService;
  readonly aggregations: Aggregations;
  /** As it holds for the service. */
  readonly runtime: Runtime;
}

/** The YAML files of the project, by path; what `readProject` reads back gives the same definitions. */
export function projectTexts(parts: ProjectParts): ReadonlyMap<string, string> {
  const { name, entities, views, service, aggregations, runtime } = parts;
  return new Map([
    ["daedalus.yaml", yaml({ name })],
    ["config/base.yaml", yaml({ entities: new Map(Object.entries(entities)) })],
    ["config/training/aggregations.yaml", yaml(aggregationsMap(aggregations))],
    ["config/training/runtime.yaml", yaml(runtimeMap(runtime))],
    ...views.map((view): [string, string] => [`feature_views/${view.name}.yaml`, yaml(viewMap(view))]),
    [`feature_services/${service.name}.yaml`, yaml(serviceMap(service))],
  ]);
}

/** The text of a file; entries that are undefined are left out, and `${` stands for itself. */
function yaml(value: object): string {
  return stringify(escaped(value), { lineWidth: 0, aliasDuplicateObjects: false });
}

/** Marks a text in which `${NAME}` is meant to be filled in. */
export class Substituted {
  constructor(readonly text: string) {}
}

function escaped(value: unknown): unknown {
  if (typeof value === "string") return value.replaceAll("${", () => "$${");
  if (value instanceof Substituted) return value.text;
  if (Array.isArray(value)) return value.map(escaped);
  if (value instanceof Map) return new Map([...value].map(([key, entry]) => [key, escaped(entry)]));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, entry]) => entry !== undefined)
      .map(([key, entry]) => [key, escaped(entry)]),
  );
}

function viewMap({ name, entity, description, ttl, source, fieldMapping, fields }: FeatureView): object {
  const { path, connection, table, query, databasePath, timestampField, timestampUnit, availableField } = source;
  return {
    name,
    entity,
    description,
    ttl,
    source: {
      path: path === undefined ? undefined : new Substituted(path),
      connection,
      table,
      query,
      database_path: databasePath,
      timestamp_field: timestampField,
      timestamp_unit: timestampUnit,
      available_field: availableField,
    },
    field_mapping: named(fieldMapping),
    fields,
  };
}

function serviceMap({ name, version, owner, description, spine, columns }: FeatureService): object {
  return { name, version, owner, description, spine, columns };
}

function aggregationsMap({ aggregationSpecs, embeddingStores, enrichmentSpecs }: Aggregations): object {
  return {
    aggregation_specs: aggregationSpecs.map(specMap),
    embedding_stores: named(embeddingStores),
    enrichment_specs: enrichmentSpecs,
  };
}

function specMap(spec: AggregationSpec): object {
  const { sourceColumn, partitionBy, match, excludeSelf, flattenDistinct, maxLength, ...same } = spec;
  return {
    ...same,
    source_column: sourceColumn,
    partition_by: partitionBy,
    match: named(match),
    exclude_self: excludeSelf,
    flatten_distinct: flattenDistinct,
    max_length: maxLength,
  };
}

function runtimeMap(runtime: Runtime): object {
  const { compute, embeddingCoverageFilter, sessionFilter, retrieverRemap, outputColumns } = runtime;
  return {
    feed_start: runtime.feedStart,
    feed_end: runtime.feedEnd,
    entity_spine_chunk_rows: runtime.entitySpineChunkRows,
    day_workers: runtime.dayWorkers,
    output_root: new Substituted(runtime.outputRoot),
    compute: {
      engine: compute.engine,
      pit_engine: compute.pitEngine,
      duckdb_config: named(compute.duckdbConfig),
      task_timeout: compute.taskTimeout,
      task_attempts: compute.taskAttempts === DEFAULT_TASK_ATTEMPTS ? undefined : compute.taskAttempts,
      ray: compute.ray === undefined ? undefined : rayMap(compute.ray),
    },
    feature_refs: runtime.featureRefs.map(({ view, asOf }) => ({ view, as_of: asOf })),
    spine: runtime.spine,
    embedding_coverage_filter: embeddingCoverageFilter,
    session_filter:
      sessionFilter === undefined
        ? undefined
        : {
            view_events: sessionFilter.viewEvents,
            like_events: sessionFilter.likeEvents,
            drop_view_only: sessionFilter.dropViewOnly,
            drop_single_like: sessionFilter.dropSingleLike,
          },
    lookups: runtime.lookups.map(lookupMap),
    age_columns: runtime.ageColumns,
    udf_columns: runtime.udfColumns,
    curation: runtime.curation,
    content_filter: runtime.contentFilter.map(({ dropWhere }) => ({ drop_where: dropWhere })),
    retriever_remap: retrieverRemap === undefined ? undefined : { ...retrieverRemap, map: new Map(retrieverRemap.map) },
    output_columns: outputColumns?.map((column) => ({
      name: column.name,
      default: column.default,
      default_sql: column.defaultSql,
    })),
  };
}

function rayMap(ray: RaySettings): object {
  return {
    python: ray.python,
    address: ray.address,
    num_cpus: ray.numCpus,
    object_store_memory: bytes(ray.objectStoreMemory),
    worker_cpus: ray.workerCpus,
    worker_memory: bytes(ray.workerMemory),
    worker_resources: named(ray.workerResources),
  };
}

function bytes(size: number | undefined): string | undefined {
  return size === undefined ? undefined : `${size}B`;
}

function lookupMap({ match, maxLength, ...same }: Lookup): object {
  return { ...same, match: named(match), max_length: maxLength };
}

/** Keys that are the user's own, in their order; undefined if there are none. */
function named(entries: Readonly<Record<string, unknown>> | undefined): ReadonlyMap<string, unknown> | undefined {
  const pairs = Object.entries(entries ?? {});
  return pairs.length === 0 ? undefined : new Map(pairs);
}
