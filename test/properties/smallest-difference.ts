import { isDeepStrictEqual } from "node:util";
import type { ProjectModel } from "../oracles/project-model.js";
import type { ProjectCase } from "./random-project.js";

/**
 * Makes a failing project small: takes away rows, columns, specs, rules and views as long as `fails` still holds.
 * Tries at most `budget` candidates.
 */
export async function smallestDifference(
  start: ProjectCase,
  fails: (candidate: ProjectCase) => Promise<boolean>,
  budget = 400,
): Promise<ProjectCase> {
  let best = start;
  let left = budget;
  for (let progress = true; progress && left > 0; ) {
    progress = false;
    for (const candidate of smaller(best)) {
      if (left-- <= 0) break;
      if (!(await fails(candidate))) continue;
      best = candidate;
      progress = true;
      break;
    }
  }
  return best;
}

/** The keys and these columns alone, and what makes them. */
export function withOnly(one: ProjectCase, names: readonly string[]): ProjectCase {
  const { project } = one;
  const wanted = new Set(names);
  const specs = project.aggregations?.aggregation_specs?.filter((spec) =>
    spec.windows.some((window) => wanted.has(window === "all" ? spec.name : `${spec.name}_${window}`)),
  );
  const { lookups, age_columns: ages, ...runtime } = project.runtime;
  return {
    ...one,
    project: {
      ...project,
      services: project.services.map((service) => ({
        ...service,
        columns: service.columns.filter(({ kind, name }) => kind === "key" || wanted.has(name)),
      })),
      ...(specs === undefined ? {} : { aggregations: { ...project.aggregations, aggregation_specs: specs } }),
      runtime: {
        ...runtime,
        ...(lookups === undefined ? {} : { lookups: lookups.filter(({ name }) => wanted.has(name)) }),
        ...(ages === undefined ? {} : { age_columns: ages.filter(({ name }) => wanted.has(name)) }),
      },
    },
  };
}

function* smaller(one: ProjectCase): Generator<ProjectCase> {
  const { project, tables } = one;
  const [service] = project.services;
  const made = service?.columns.filter(({ kind }) => kind !== "key") ?? [];
  if (project.services.length === 1 && made.length > 1) for (const { name } of made) yield withOnly(one, [name]);
  // Data first, in halves: what follows is then quick.
  for (const [view, table] of Object.entries(tables)) {
    for (let size = Math.ceil(table.rows.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
      for (let from = 0; from < table.rows.length; from += size) {
        const rows = [...table.rows.slice(0, from), ...table.rows.slice(from + size)];
        yield { ...one, tables: { ...tables, [view]: { ...table, rows } } };
      }
      if (size === 1) break;
    }
  }
  yield* smallerProjects(project).map((next) => ({ ...one, project: next }));
  for (const [view, layout] of Object.entries(one.layouts)) {
    const plain = { ...layout, litter: false, sparse: false, nested: false, spelling: 0, rowGroup: 122_880 };
    if (!isDeepStrictEqual(plain, layout)) yield { ...one, layouts: { ...one.layouts, [view]: plain } };
  }
}

function smallerProjects(project: ProjectModel): ProjectModel[] {
  const results: ProjectModel[] = [];
  const without = <T>(items: readonly T[]): T[][] => items.map((_, i) => items.filter((__, j) => j !== i));
  const { output_columns: output, services: overlay, ...runtime } = project.runtime;
  if (output) results.push({ ...project, runtime: { ...runtime, ...(overlay ? { services: overlay } : {}) } });
  if (overlay) results.push({ ...project, runtime: { ...runtime, ...(output ? { output_columns: output } : {}) } });
  if (project.services.length > 1) results.push({ ...project, services: project.services.slice(0, 1) });
  for (const service of project.services.slice(0, 1))
    for (const columns of without(service.columns))
      if (columns.some((column) => column.kind === "key"))
        results.push({ ...project, services: [{ ...service, columns }, ...project.services.slice(1)] });
  for (const specs of without(project.aggregations?.aggregation_specs ?? []))
    results.push({ ...project, aggregations: { ...project.aggregations, aggregation_specs: specs } });
  for (const [i, spec] of (project.aggregations?.aggregation_specs ?? []).entries()) {
    const replace = (next: typeof spec): void => {
      const specs = (project.aggregations?.aggregation_specs ?? []).map((old, j) => (i === j ? next : old));
      results.push({ ...project, aggregations: { ...project.aggregations, aggregation_specs: specs } });
    };
    for (const key of ["where", "events", "max_length", "exclude_self", "timestamp"] as const)
      if (spec[key] !== undefined) replace(omit(spec, key));
    if (spec.windows.length > 1) for (const windows of without(spec.windows)) replace({ ...spec, windows });
  }
  for (const key of ["lookups", "age_columns", "curation", "content_filter", "feature_refs"] as const) {
    const list = project.runtime[key];
    if (list === undefined) continue;
    for (const fewer of without<unknown>(list))
      results.push({ ...project, runtime: { ...project.runtime, [key]: fewer } });
  }
  for (const key of [
    "session_filter",
    "retriever_remap",
    "compute",
    "entity_spine_chunk_rows",
    "embedding_coverage_filter",
  ] as const)
    if (project.runtime[key] !== undefined)
      results.push({
        ...project,
        runtime: Object.fromEntries(Object.entries(project.runtime).filter(([name]) => name !== key)),
      });
  const used = (name: string): boolean =>
    JSON.stringify([project.runtime, project.aggregations, project.services], (_, value) =>
      typeof value === "bigint" ? String(value) : value,
    ).includes(`${name}`);
  for (const view of project.views.slice(1))
    if (!used(view.name)) results.push({ ...project, views: project.views.filter((other) => other !== view) });
  for (const [i, view] of project.views.entries()) {
    const replace = (next: typeof view): void => {
      results.push({ ...project, views: project.views.map((old, j) => (i === j ? next : old)) });
    };
    for (const key of ["ttl", "description"] as const) if (view[key] !== undefined) replace(omit(view, key));
    for (const fields of without(view.fields)) replace({ ...view, fields });
  }
  return results;
}

function omit<T extends object>(value: T, key: keyof T): T {
  const copy = { ...value };
  delete copy[key];
  return copy;
}
