import type { Literal } from "../../definitions/literal.js";
import { compilerProblem } from "../../errors/compiler.js";
import { definitionProblem } from "../../errors/definition.js";
import { nearest as nearestName } from "../../errors/nearest.js";
import type { Predicate } from "../../operators/operator.js";
import { type Context, eventValues, fittingLiteral, mayLackRole } from "./context.js";
import type { ResolvedCoverage, ResolvedCuration, ResolvedRemap, ResolvedSessionFilter } from "./resolved-service.js";
import type { WorkingColumns } from "./working-columns.js";

export function resolveCuration(context: Context, working: WorkingColumns): readonly ResolvedCuration[] {
  return context.runtime.curation.flatMap((rule): readonly ResolvedCuration[] => {
    const where = context.predicates.predicate(rule.where, { definition: rule, key: "where" }, (name, at) =>
      working.find(name, at),
    );
    const at = { definition: rule, key: "column" };
    if (rule.column.includes(".")) {
      const bare = rule.column.slice(rule.column.indexOf(".") + 1);
      context.report.problem(
        (place) => compilerProblem("curation-of-joined-value", { column: rule.column, bare }, place),
        at,
      );
      return [];
    }
    const column = working.find(rule.column, at);
    if (column === undefined) return [];
    const value = fittingLiteral(context, rule.value, column.dtype, `"${column.name}"`, {
      definition: rule,
      key: "value",
    });
    return value === undefined || where === undefined
      ? []
      : [{ column: column.name, dtype: column.dtype, value, where }];
  });
}

export function resolveContentFilter(context: Context, working: WorkingColumns): readonly Predicate[] {
  return context.runtime.contentFilter.flatMap(
    (rule) =>
      context.predicates.predicate(rule.dropWhere, { definition: rule, key: "dropWhere" }, (name, at) =>
        working.find(name, at),
      ) ?? [],
  );
}

export function resolveRemap(context: Context, working: WorkingColumns): ResolvedRemap | undefined {
  const remap = context.runtime.retrieverRemap;
  if (remap === undefined) return undefined;
  const column = working.find(remap.column, { definition: remap, key: "column" });
  if (column === undefined) return undefined;
  const of = `"${column.name}"`;
  const map = remap.map.flatMap((entry, index): readonly (readonly [Literal, Literal])[] => {
    const [from, to] = entry;
    const here = { definition: remap.map, key: index };
    if (from === null) {
      context.report.problem(
        (place) => compilerProblem("null-literal", { of: "the map of retriever_remap" }, place),
        here,
      );
      return [];
    }
    const before = fittingLiteral(context, from, column.dtype, of, here);
    const after = fittingLiteral(context, to, column.dtype, of, here);
    return before === undefined || after === undefined ? [] : [[before, after]];
  });
  const otherwise =
    remap.otherwise === undefined
      ? undefined
      : fittingLiteral(context, remap.otherwise, column.dtype, of, { definition: remap, key: "otherwise" });
  return { column: column.name, map, ...(otherwise === undefined ? {} : { otherwise }) };
}

export function resolveSessionFilter(context: Context): ResolvedSessionFilter | undefined {
  const filter = context.runtime.sessionFilter;
  if (filter === undefined) return undefined;
  const { report, runtime } = context;
  if (runtime.spine.session === undefined)
    report.problem(
      (place) => compilerProblem("session-role-needed", { for: "session_filter" }, place),
      { definition: filter },
      mayLackRole(context, "session"),
    );
  if (runtime.spine.event === undefined)
    report.problem(
      (place) => compilerProblem("event-role-needed", { for: "session_filter" }, place),
      { definition: filter },
      mayLackRole(context, "event"),
    );
  if (context.event === undefined || context.session === undefined) return undefined;
  const viewEvents = eventValues(context, filter.viewEvents, "session_filter", {
    definition: filter,
    key: "viewEvents",
  });
  const likeEvents = eventValues(context, filter.likeEvents ?? [], "session_filter", {
    definition: filter,
    key: "likeEvents",
  });
  return {
    viewEvents: viewEvents ?? [],
    likeEvents: likeEvents ?? [],
    dropViewOnly: filter.dropViewOnly,
    dropSingleLike: filter.dropSingleLike,
  };
}

/** The coverage filter of a service with embedding columns: on with its defaults if nothing is said of it. */
export function resolveCoverage(context: Context): ResolvedCoverage | undefined {
  const { project, report, runtime, service } = context;
  const filter = runtime.embeddingCoverageFilter;
  if (filter?.enabled === false || !service.columns.some(({ kind }) => kind === "embedding")) return undefined;
  const stores = Object.keys(project.aggregations.embeddingStores);
  const at = { definition: filter ?? service };
  const { aggregations } = project;
  const mayLackStore = (store?: string): boolean =>
    project.mayLack(aggregations, "embeddingStores") ||
    project.mayLack(aggregations.embeddingStores, store) ||
    project.mayLack(runtime, "embeddingCoverageFilter") ||
    (store === undefined && filter !== undefined && project.mayLack(filter, "store"));
  const name = filter?.store ?? (stores.length === 1 ? stores[0] : undefined);
  if (name === undefined) {
    report.problem((place) => compilerProblem("store-needed", { stores }, place), at, mayLackStore());
    return undefined;
  }
  const store = project.aggregations.embeddingStores[name];
  if (store === undefined) {
    report.problem(
      (place) => definitionProblem("unknown-store", { name, nearest: nearestName(name, stores), known: stores }, place),
      {
        ...at,
        key: "store",
      },
      mayLackStore(name),
    );
    return undefined;
  }
  const column = context.references.ofSpine(filter?.column ?? store.key, { ...at, key: "column" });
  const events =
    filter?.events === undefined
      ? undefined
      : eventValues(context, filter.events, "embedding_coverage_filter", { ...at, key: "events" });
  if (column === undefined || (filter?.events !== undefined && events === undefined)) return undefined;
  return {
    store: name,
    column: column.name,
    ...(events === undefined ? {} : { events }),
    scope: filter?.scope ?? "target_day",
  };
}
