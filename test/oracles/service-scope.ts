import { isAvailable, keysMatch, latest } from "./history.js";
import { evaluate, parsePredicate } from "./predicate.js";
import type { ProjectModel, RuntimeModel, ServiceModel, Tables } from "./project-model.js";
import { type Relation, type Row, readView } from "./relation.js";
import { type Dtype, OracleStop, type Value } from "./values.js";

/** A column reference, resolved. */
export interface Reference {
  readonly relation: Relation;
  readonly column: string;
  readonly asOf: "spine" | "latest" | "event";
}

/** What a service sees: its spine, the views that may be joined, and how names resolve. */
export interface Scope {
  readonly project: ProjectModel;
  readonly service: ServiceModel;
  readonly runtime: RuntimeModel;
  readonly spine: Relation;
  relation(view: string): Relation;
  /** `bare`: also the spine's own columns; static columns look among the other views only. */
  resolve(reference: string, bare?: "anywhere" | "others"): Reference | undefined;
  /** The value of a reference at a row of the spine, joined as its `feature_refs` entry says. */
  valueAt(row: Row, reference: Reference): Value;
  instantAt(row: Row, reference: Reference): bigint | null;
}

/** `services:` lays whole keys over the others; `null` means as if absent. */
export function runtimeOf(project: ProjectModel, service: string): RuntimeModel {
  const own = project.runtime.services?.[service] ?? {};
  const merged = { ...project.runtime, ...own };
  return Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== null));
}

/** `${const.name}`, `${NAME}`, `${NAME:-default}` and `$${` in every string of the project. */
export function substituted(project: ProjectModel, environment: Readonly<Record<string, string>> = {}): ProjectModel {
  const text = (raw: string): string =>
    raw.replace(/\$\$\{|\$\{(const\.)?([A-Za-z_0-9]+)(?::-([^}]*))?\}/g, (all, constant, name, otherwise) => {
      if (all === "$${") return "${";
      if (name === "service") return all;
      const value = constant ? project.base?.constants?.[name] : environment[name] || otherwise;
      if (value === undefined || value === null) throw new Error(`no value for ${all}`);
      return String(value);
    });
  const walk = (node: unknown): unknown => {
    if (typeof node === "string") return text(node);
    if (Array.isArray(node)) return node.map(walk);
    if (typeof node !== "object" || node === null) return node;
    return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, walk(value)]));
  };
  return { ...(walk(project) as ProjectModel), views: project.views.map((view) => walk(view) as typeof view) };
}

export function scopeOf(raw: ProjectModel, tables: Tables, serviceName: string): Scope {
  const project = substituted(raw);
  const service = project.services.find((candidate) => candidate.name === serviceName);
  if (service === undefined) throw new Error(`no service ${serviceName}`);
  const runtime = runtimeOf(project, serviceName);
  const read = new Map<string, Relation>();
  const relation = (name: string): Relation => {
    const known = read.get(name);
    if (known) return known;
    const view = project.views.find((candidate) => candidate.name === name);
    const table = tables[name];
    if (view === undefined || table === undefined) throw new Error(`no view ${name}`);
    const fresh = readView(project, view, table);
    read.set(name, fresh);
    return fresh;
  };
  const spine = relation(service.spine);
  const references = (runtime.feature_refs ?? []).map((entry) =>
    typeof entry === "string"
      ? { view: entry, asOf: "latest" as const }
      : { view: entry.view, asOf: entry.as_of ?? "latest" },
  );

  const resolve: Scope["resolve"] = (reference, bare = "anywhere") => {
    const [first = "", second] = reference.split(".");
    if (second !== undefined) {
      if (first === spine.name) return { relation: spine, column: second, asOf: "spine" };
      const entry = references.find((candidate) => candidate.view === first);
      return entry && { relation: relation(first), column: second, asOf: entry.asOf };
    }
    if (bare === "anywhere" && first in spine.dtypes) return { relation: spine, column: first, asOf: "spine" };
    const holders = references.filter((entry) => first in relation(entry.view).dtypes);
    const only = holders[0];
    if (only === undefined || holders.length > 1) return undefined;
    return { relation: relation(only.view), column: first, asOf: only.asOf };
  };

  const known = new Map<string, Map<Row, Row | undefined>>();
  const joined = (row: Row, reference: Reference): Row | undefined => {
    const rows = known.get(reference.relation.name) ?? new Map<Row, Row | undefined>();
    known.set(reference.relation.name, rows);
    if (!rows.has(row)) rows.set(row, join(row, reference));
    return rows.get(row);
  };
  const join = (row: Row, { relation: right, asOf }: Reference): Row | undefined => {
    const keys = right.keys.map((key) => row.values[key] ?? null);
    const matching = right.rows.filter((candidate) =>
      keysMatch(
        keys,
        right.keys.map((key) => candidate.values[key] ?? null),
      ),
    );
    if (right.time === undefined && matching.length > 1)
      throw new OracleStop(`view ${right.name} has no time and several rows of one key`);
    if (asOf === "latest") return latest(right, matching, right.time);
    const t = spine.time === undefined ? null : (row.instants[spine.time] ?? null);
    if (t === null) return undefined;
    return asOfJoin(right, matching, right.time, t);
  };
  const rowOf = (row: Row, reference: Reference): Row | undefined =>
    reference.asOf === "spine" ? row : joined(row, reference);
  return {
    project,
    service,
    runtime,
    spine,
    relation,
    resolve,
    valueAt: (row, reference) => rowOf(row, reference)?.values[reference.column] ?? null,
    instantAt: (row, reference) => rowOf(row, reference)?.instants[reference.column] ?? null,
  };
}

/** The latest row before `t` that is available and not older than the view's ttl. */
export function asOfJoin(right: Relation, rows: readonly Row[], time: string | undefined, t: bigint): Row | undefined {
  if (time === undefined) throw new Error(`view ${right.name} has no time`);
  const known = rows.filter((row) => {
    const instant = row.instants[time] ?? null;
    return instant !== null && instant < t && isAvailable(right, row, t);
  });
  const match = latest(right, known, time);
  const instant = match?.instants[time] ?? null;
  if (match === undefined || instant === null) return undefined;
  return right.ttl !== undefined && instant < t - right.ttl ? undefined : match;
}

export function isTrue(where: string | undefined, column: (name: string) => Value): boolean {
  return where === undefined || evaluate(parsePredicate(where), column) === true;
}

/** The dtype of a reference. */
export function dtypeAt(reference: Reference): Dtype {
  const dtype = reference.relation.dtypes[reference.column];
  if (dtype === undefined) throw new Error(`view ${reference.relation.name} has no column ${reference.column}`);
  return dtype;
}
