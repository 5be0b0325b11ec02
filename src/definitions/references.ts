import { definitionProblem } from "../errors/definition.js";
import { nearest } from "../errors/nearest.js";
import type { Problem } from "../errors/problem.js";
import type { AggregationSpec, Aggregations } from "./aggregations.js";
import { makerOf, rollingColumn } from "./aggregations-schema.js";
import type { Base } from "./base.js";
import type { FeatureService } from "./feature-service.js";
import type { FeatureView, ViewSource } from "./feature-view.js";
import { schemeOf } from "./feature-view-schema.js";
import type { Location, Locations } from "./location.js";
import type { Mistakes } from "./mistakes.js";
import type { PipelineOverrides } from "./pipeline-overrides.js";
import type { RuntimeFile, RuntimePart } from "./runtime-schema.js";

/** Everything that was read, before its parts are held against each other. */
export interface ReadDefinitions {
  readonly base: Base;
  readonly views: ReadonlyMap<string, FeatureView>;
  readonly services: ReadonlyMap<string, FeatureService>;
  readonly aggregations: Aggregations;
  readonly runtime: RuntimeFile;
  readonly overrides: ReadonlyMap<string, PipelineOverrides>;
  readonly locations: Locations;
  readonly mistakes: Mistakes;
}

/** A problem and the definition (and key) where it stands. */
export interface Misfit {
  readonly problem: Problem;
  readonly location: Location | undefined;
  /** What is mistaken by it. */
  readonly definition: object;
}

/** What does not fit between definitions, as far as no source and no service's spine has to be looked at. */
export function misfitsOf(read: ReadDefinitions): readonly Misfit[] {
  const misfits: Misfit[] = [];
  const report: Report = (problem, definition, key, part = "value") => {
    const { locations } = read;
    const ofKey = part === "key" && typeof key === "string" ? locations.ofKey(definition, key) : undefined;
    const location =
      ofKey ?? (key === undefined ? undefined : locations.of(definition, key)) ?? locations.of(definition);
    misfits.push({ problem, definition, location });
  };
  for (const view of read.views.values()) checkView(view, read, report);
  for (const service of read.services.values()) checkViewName(service.spine, service, "spine", read, report);
  for (const connection of Object.values(read.base.connections))
    if ("storage" in connection && connection.storage !== undefined)
      checkConnection(connection.storage, "s3", "storage is an object store", connection, "storage", read, report);
  checkAggregations(read, report);
  checkRuntime(read, report);
  for (const [service, overrides] of read.overrides) checkServiceName(service, overrides, undefined, read, report);
  return misfits;
}

type Report = (problem: Problem, definition: object, key?: string | number, part?: "key" | "value") => void;

function checkViewName(
  name: string | undefined,
  definition: object,
  key: string,
  { views, mistakes }: ReadDefinitions,
  report: Report,
): void {
  if (name === undefined || name === "" || views.has(name) || mistakes.mayLack(views)) return;
  const known = [...views.keys()];
  report(definitionProblem("unknown-view", { name, nearest: nearest(name, known), known }), definition, key);
}

function checkServiceName(
  name: string,
  definition: object,
  key: string | undefined,
  { services, mistakes }: ReadDefinitions,
  report: Report,
): void {
  if (services.has(name) || mistakes.mayLack(services)) return;
  const known = [...services.keys()];
  report(definitionProblem("unknown-service", { name, nearest: nearest(name, known), known }), definition, key, "key");
}

function checkStoreName(name: string | undefined, definition: object, read: ReadDefinitions, report: Report): void {
  const { aggregations, mistakes } = read;
  const { embeddingStores } = aggregations;
  if (name === undefined || Object.hasOwn(embeddingStores, name)) return;
  if (mistakes.mayLack(aggregations, "embeddingStores") || mistakes.mayLack(embeddingStores, name)) return;
  const known = Object.keys(embeddingStores);
  report(definitionProblem("unknown-store", { name, nearest: nearest(name, known), known }), definition, "store");
}

function checkConnection(
  name: string,
  wanted: string,
  because: string,
  definition: object,
  key: string,
  read: ReadDefinitions,
  report: Report,
): void {
  const { base, mistakes } = read;
  const { connections } = base;
  const connection = Object.hasOwn(connections, name) ? connections[name] : undefined;
  if (connection === undefined) {
    if (mistakes.mayLack(base, "connections") || mistakes.mayLack(connections, name)) return;
    const known = Object.keys(connections);
    report(definitionProblem("unknown-connection", { name, nearest: nearest(name, known), known }), definition, key);
  } else if (wanted !== "" && !wanted.split(" or ").includes(connection.type)) {
    report(definitionProblem("wrong-connection", { name, type: connection.type, wanted, because }), definition, key);
  }
}

function checkView(view: FeatureView, read: ReadDefinitions, report: Report): void {
  const first = new Map<string, string>();
  view.entity.forEach((entity, index) => {
    const key = read.base.entities[entity] ?? `${entity}_id`;
    const other = first.get(key.toLowerCase());
    if (other === undefined) first.set(key.toLowerCase(), key);
    else report(definitionProblem("duplicate-name", { what: "join key", name: key, first: other }), view.entity, index);
  });
  checkSource(view.source, read, report);
}

const DATABASE_TYPES: Readonly<Record<string, string>> = {
  ducklake: "ducklake or s3",
  iceberg: "iceberg or s3",
  postgres: "postgres",
  postgresql: "postgres",
  snowflake: "snowflake",
};

function checkSource(source: ViewSource, read: ReadDefinitions, report: Report): void {
  const { path, connection, databasePath, table, query } = source;
  const isWritten = (key: string): boolean => read.locations.ofKey(source, key) !== undefined;
  if (connection === undefined) return;
  const check = (wanted: string, because: string) =>
    checkConnection(connection, wanted, because, source, "connection", read, report);
  if (path !== undefined || isWritten("path")) {
    check("s3", "path is read by an object store's connection");
    return;
  }
  if (databasePath !== undefined) {
    const scheme = schemeOf(databasePath);
    const wanted = DATABASE_TYPES[scheme] ?? "s3";
    check(wanted, `database_path is ${scheme === "duckdb" ? "a DuckDB file" : `of ${scheme}`}`);
    return;
  }
  const type = Object.hasOwn(read.base.connections, connection) ? read.base.connections[connection]?.type : undefined;
  check("", "");
  if (type === "s3") {
    const expected = "a file, folder or glob in the object store";
    report(definitionProblem("key-needed", { key: "path", because: "with an s3 connection", expected }), source);
  } else if (
    type !== undefined &&
    table === undefined &&
    query === undefined &&
    !isWritten("table") &&
    !isWritten("query")
  ) {
    const parameters = { key: "table", because: "with a connection (or query)", expected: "a table of the connection" };
    report(definitionProblem("key-needed", parameters), source);
  }
}

function checkAggregations(read: ReadDefinitions, report: Report): void {
  const { aggregations, services } = read;
  const spines = new Set([...services.values()].map(({ spine }) => spine));
  for (const spec of aggregations.aggregationSpecs) {
    checkViewName(spec.view, spec, "view", read, report);
    const isAnother =
      spec.view !== undefined && read.views.has(spec.view) && services.size > 0 && !spines.has(spec.view);
    if (isAnother && !spines.has("")) checkAnotherView(spec, spec.view, read, report);
  }
  for (const one of aggregations.enrichmentSpecs) checkStoreName(one.store, one, read, report);
}

/** A view that is the spine of no service: what is meant for the spine's own rows is refused. */
function checkAnotherView(spec: AggregationSpec, view: string, { locations }: ReadDefinitions, report: Report): void {
  const refuse = (key: string, yaml: string, help: string) =>
    report(
      definitionProblem("key-not-allowed", { key: yaml, because: `with another view (${view})`, help }),
      spec,
      key,
      "key",
    );
  if (locations.ofKey(spec, "partitionBy"))
    refuse("partitionBy", "partition_by", "say with match: what belongs together");
  if (locations.ofKey(spec, "events")) refuse("events", "events", "say with where: which of its rows count");
  if (spec.excludeSelf === true)
    refuse("excludeSelf", "exclude_self: true", "name the spine column whose value is dropped");
}

function checkRuntime(read: ReadDefinitions, report: Report): void {
  const { top, services } = read.runtime;
  checkRuntimePart(top, read, report);
  const clashes = new Set<object>();
  checkClashes(top, read, clashes, report);
  for (const [service, part] of Object.entries(services)) {
    checkServiceName(service, services, service, read, report);
    checkRuntimePart(part, read, report);
    checkClashes({ ...top, ...part }, read, clashes, report);
    checkFeed(top, part, report);
  }
}

function checkRuntimePart(part: RuntimePart, read: ReadDefinitions, report: Report): void {
  for (const reference of part.featureRefs ?? []) checkViewName(reference.view, reference, "view", read, report);
  for (const lookup of part.lookups ?? []) checkViewName(lookup.view, lookup, "view", read, report);
  if (part.embeddingCoverageFilter) {
    checkStoreName(part.embeddingCoverageFilter.store, part.embeddingCoverageFilter, read, report);
  }
}

/** What a service's specs, lookups and ages make has one maker each; `told` are those that were complained of. */
function checkClashes(
  runtime: RuntimePart,
  { aggregations }: ReadDefinitions,
  told: Set<object>,
  report: Report,
): void {
  const makers = new Map([["qid", "the numbers of sessions"]]);
  for (const spec of aggregations.aggregationSpecs)
    for (const span of spec.windows) makers.set(rollingColumn(spec.name, span).toLowerCase(), makerOf(spec));
  const made = [
    ...(runtime.lookups ?? []).map((entry) => ({ entry, maker: `the lookup "${entry.name}"` })),
    ...(runtime.ageColumns ?? []).map((entry) => ({ entry, maker: `the age column "${entry.name}"` })),
    ...(runtime.udfColumns ?? []).map((entry) => ({ entry, maker: `the udf column "${entry.name}"` })),
  ];
  for (const { entry, maker } of made) {
    const { name } = entry;
    const first = makers.get(name.toLowerCase());
    if (first === undefined) makers.set(name.toLowerCase(), maker);
    else if (!told.has(entry)) {
      told.add(entry);
      report(definitionProblem("produced-twice", { name, first, second: maker }), entry, "name");
    }
  }
}

/** The months as they hold for a service. */
function checkFeed(top: RuntimePart, part: RuntimePart, report: Report): void {
  const months = [
    ["feedStart", "feed_start"],
    ["feedEnd", "feed_end"],
  ] as const;
  for (const [key, yaml] of months) {
    if (part[key] !== null) continue;
    const parameters = { key: yaml, because: "for every service", expected: 'a month such as "202602"' };
    report(definitionProblem("key-needed", parameters), part, key);
  }
  const start = part.feedStart === undefined ? top.feedStart : part.feedStart;
  const end = part.feedEnd === undefined ? top.feedEnd : part.feedEnd;
  const isOwn = part.feedStart !== undefined || part.feedEnd !== undefined;
  if (!isOwn || !start || !end || end >= start) return;
  report(definitionProblem("feed-range", { start, end }), part, part.feedEnd === undefined ? "feedStart" : "feedEnd");
}
