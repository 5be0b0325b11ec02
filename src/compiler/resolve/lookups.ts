import { elementOf, isInteger, isList, listOf } from "../../columnar/dtypes.js";
import type { AgeColumn, Lookup } from "../../definitions/runtime.js";
import { compilerProblem } from "../../errors/compiler.js";
import type { Context } from "./context.js";
import type { ResolvedAge, ResolvedLookup } from "./resolved-service.js";
import { columnOf, resolveMatch, timeOf } from "./specs.js";

export function resolveLookup(context: Context, lookup: Lookup): ResolvedLookup | undefined {
  const { report } = context;
  const before = report.faults;
  const view = context.views.touch(lookup.view);
  if (view === undefined) {
    context.views.tellUnknown(lookup.view, { definition: lookup, key: "view" });
    return undefined;
  }
  const on = resolveMatch(context, lookup, view);
  const value = columnOf(context, view, lookup.value, { definition: lookup, key: "value" });
  const time = timeOf(context, lookup, view);
  const where =
    lookup.where === undefined
      ? undefined
      : context.predicates.predicate(lookup.where, { definition: lookup, key: "where" }, (name, at) =>
          columnOf(context, view, name, at),
        );
  if (value !== undefined && lookup.collect && isList(value.dtype) && !value.unknown)
    report.problem((place) => compilerProblem("collect-of-list", { column: value.name, dtype: value.dtype }, place), {
      definition: lookup,
      key: "value",
    });
  if (report.faults > before || value === undefined || time === undefined) return undefined;
  return {
    name: lookup.name,
    view,
    time,
    on,
    value: { name: value.name, dtype: value.dtype },
    ...(where === undefined ? {} : { where }),
    ...(lookup.collect
      ? {
          collect: {
            window: lookup.window ?? "all",
            distinct: lookup.distinct,
            ...(lookup.maxLength === undefined ? {} : { maxLength: lookup.maxLength }),
          },
        }
      : {}),
    dtype: lookup.collect && !isList(value.dtype) ? listOf(elementOf(value.dtype)) : value.dtype,
  };
}

export function resolveAge(context: Context, age: AgeColumn): ResolvedAge | undefined {
  const at = { definition: age, key: "created" };
  const created = context.references.find(age.created, at);
  if (created === undefined) return undefined;
  const { column, view } = created;
  const resolved = (unit: NonNullable<typeof column.unit>): ResolvedAge => ({
    name: age.name,
    view: view.name,
    created: { column: column.name, source: column.source, unit },
    unit: age.unit,
  });
  if (column.unit !== undefined) return resolved(column.unit);
  if (column.unknown) return resolved("us");
  const parameters = { column: created.name, type: column.dtype };
  context.report.problem(
    (place) =>
      isInteger(column.dtype)
        ? compilerProblem("unit-needed", parameters, place)
        : compilerProblem("not-a-time", parameters, place),
    at,
    isInteger(column.dtype) && context.views.mayLackUnit(view.name),
  );
  return undefined;
}
