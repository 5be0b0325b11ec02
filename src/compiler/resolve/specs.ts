import { type DType, elementOf, isInteger, isList, isNumeric, listOf } from "../../columnar/dtypes.js";
import type { AggregationSpec, Window } from "../../definitions/aggregations.js";
import { compilerProblem } from "../../errors/compiler.js";
import { nearest as nearestName } from "../../errors/nearest.js";
import type { KeyPair } from "../../operators/operator.js";
import { type Context, eventValues } from "./context.js";
import { comparable } from "./conversions.js";
import { type Reference, referenceTo } from "./references.js";
import type { At } from "./reporter.js";
import type { BoundTime, BoundView, ResolvedSpec } from "./resolved-service.js";

/** `<spec>_<window>`, and `<spec>` for `all`. */
export function outputName(spec: string, window: Window): string {
  return window === "all" ? spec : `${spec}_${window}`;
}

/** A spec with its names bound; undefined if something of it is refused. */
export function resolveSpec(context: Context, spec: AggregationSpec): ResolvedSpec | undefined {
  const before = context.report.faults;
  // The spine view written out means the same as leaving `view` out.
  const other = spec.view === undefined || spec.view === context.spine.name ? undefined : otherView(context, spec);
  if (spec.view !== undefined && spec.view !== context.spine.name && other === undefined) return undefined;
  const history = other ?? context.spine;
  const source = spec.sourceColumn === undefined ? undefined : sourceOf(context, spec, other);
  const time = timeOf(context, spec, other);
  const on = other === undefined ? partitions(context, spec) : matches(context, spec, other);
  const where =
    spec.where === undefined
      ? undefined
      : context.predicates.predicate(spec.where, { definition: spec, key: "where" }, (name, at) =>
          other === undefined ? context.references.find(name, at) : columnOf(context, other, name, at),
        );
  const events = eventsOf(context, spec, other);
  const excludeSelf = excludedBy(context, spec, source, other);
  const dtype = resultOf(context, spec, source);
  if (context.report.faults > before || time === undefined || dtype === undefined) return undefined;
  return {
    name: spec.name,
    agg: spec.agg,
    ...(other === undefined ? {} : { view: history }),
    time,
    ...(source === undefined ? {} : { source: { name: source.name, dtype: source.dtype } }),
    on,
    ...(events === undefined ? {} : { events }),
    ...(where === undefined ? {} : { where }),
    ...(excludeSelf === undefined ? {} : { excludeSelf: excludeSelf.name }),
    flattenDistinct: spec.flattenDistinct,
    ...(spec.maxLength === undefined ? {} : { maxLength: spec.maxLength }),
    outputs: spec.windows.map((window) => ({ name: outputName(spec.name, window), window })),
    dtype,
  };
}

function otherView(context: Context, spec: AggregationSpec): BoundView | undefined {
  const name = spec.view ?? "";
  const view = context.views.touch(name);
  if (view === undefined) context.views.tellUnknown(name, { definition: spec, key: "view" });
  return view;
}

/** A column of one view, bare or written `view.column`. */
export function columnOf(context: Context, view: BoundView, text: string, at: At): Reference | undefined {
  const prefix = `${view.name}.`;
  const name = text.startsWith(prefix) ? text.slice(prefix.length) : text;
  const column = view.columns.get(name);
  if (column !== undefined) return referenceTo(view, column);
  context.report.problem(
    (place) =>
      compilerProblem(
        "unknown-column",
        { name: text, view: view.name, nearest: nearestName(name, view.columns.keys()) },
        place,
      ),
    at,
    context.views.mayLack(view.name, name),
  );
  return undefined;
}

function sourceOf(context: Context, spec: AggregationSpec, other: BoundView | undefined): Reference | undefined {
  const at = { definition: spec, key: "sourceColumn" };
  const text = spec.sourceColumn ?? "";
  return other === undefined ? context.references.find(text, at) : columnOf(context, other, text, at);
}

/** The time of a view's rows: `timestamp`, of the same unit, or its `timestamp_field`. */
export function timeOf(
  context: Context,
  owner: { readonly name: string; readonly view?: string; readonly timestamp?: string },
  view: BoundView | undefined,
): BoundTime | undefined {
  const at = { definition: owner, key: "timestamp" };
  if (view === undefined) {
    if (owner.timestamp !== undefined && owner.view !== undefined)
      context.report.problem(
        (place) => compilerProblem("refused-without-view", { name: owner.name, key: "timestamp" }, place),
        at,
      );
    return context.spine.time;
  }
  if (owner.timestamp === undefined) {
    if (view.time === undefined)
      context.report.problem(
        (place) => compilerProblem("time-needed", { view: view.name, for: `"${owner.name}"` }, place),
        { definition: owner, key: "view" },
        context.views.mayLackTime(view.name),
      );
    return view.time;
  }
  const found = columnOf(context, view, owner.timestamp, at);
  if (found === undefined) return undefined;
  const { column } = found;
  if (column.unknown) return { column: column.name, source: column.source, unit: "us" };
  const ownUnit = column.dtype === "TIMESTAMP" || column.dtype === "DATE";
  if (!ownUnit && !isInteger(column.dtype)) {
    context.report.problem(
      (place) => compilerProblem("not-a-time", { column: column.name, type: column.dtype }, place),
      at,
    );
    return undefined;
  }
  if (column.unit === undefined) {
    context.report.problem(
      (place) =>
        view.time === undefined || isInteger(view.columns.get(view.time.column)?.dtype ?? "BIGINT")
          ? compilerProblem("unit-needed", { column: column.name, type: column.dtype }, place)
          : compilerProblem(
              "different-time-unit",
              { column: column.name, type: column.dtype, view: view.name, time: view.time.source },
              place,
            ),
      at,
      context.views.mayLackUnit(view.name),
    );
    return undefined;
  }
  return { column: column.name, source: column.source, unit: column.unit };
}

function partitions(context: Context, spec: AggregationSpec): readonly KeyPair[] {
  if (spec.match !== undefined && spec.view !== undefined)
    context.report.problem(
      (place) => compilerProblem("refused-without-view", { name: spec.name, key: "match" }, place),
      {
        definition: spec,
        key: "match",
      },
    );
  if (spec.partitionBy === undefined || spec.partitionBy.length === 0) {
    context.report.problem(
      (place) => compilerProblem("partition-needed", { name: spec.name }, place),
      { definition: spec },
      context.project.mayLack(spec, "partitionBy"),
    );
    return [];
  }
  return spec.partitionBy.flatMap((text, index) => {
    const found = context.references.find(text, { definition: spec.partitionBy ?? spec, key: index });
    return found === undefined ? [] : [{ left: found.name, right: found.name }];
  });
}

function matches(context: Context, spec: AggregationSpec, view: BoundView): readonly KeyPair[] {
  if (spec.partitionBy !== undefined)
    context.report.problem(
      (place) =>
        compilerProblem(
          "refused-with-view",
          {
            name: spec.name,
            key: "partition_by",
            view: view.name,
            instead: "write match: {view column: spine column}",
          },
          place,
        ),
      { definition: spec, key: "partitionBy" },
      toldAlready(context, spec),
    );
  return resolveMatch(context, spec, view);
}

/** The equalities between a view and the spine: `match`, or the view's key columns. */
export function resolveMatch(
  context: Context,
  owner: { readonly name: string; readonly match?: Readonly<Record<string, string>> },
  view: BoundView,
): readonly KeyPair[] {
  return context.references.keyPairs(view, owner.match, { definition: owner, key: "view" });
}

function eventsOf(context: Context, spec: AggregationSpec, other: BoundView | undefined) {
  if (spec.events === undefined) return undefined;
  const at = { definition: spec, key: "events" };
  if (other !== undefined) {
    context.report.problem(
      (place) =>
        compilerProblem(
          "refused-with-view",
          { name: spec.name, key: "events", view: other.name, instead: "write where: … over the view's columns" },
          place,
        ),
      at,
      toldAlready(context, spec),
    );
    return undefined;
  }
  return eventValues(context, spec.events, `events of aggregation spec "${spec.name}"`, at);
}

/** The column of the row whose value (or elements) is dropped from its history. */
function excludedBy(
  context: Context,
  spec: AggregationSpec,
  source: Reference | undefined,
  other: BoundView | undefined,
): Reference | undefined {
  if (spec.excludeSelf === false) return undefined;
  const at = { definition: spec, key: "excludeSelf" };
  if (spec.sourceColumn === undefined) {
    context.report.problem(
      (place) => compilerProblem("source-column-needed", { name: spec.name, for: "exclude_self" }, place),
      { definition: spec },
      context.project.mayLack(spec, "sourceColumn"),
    );
    return undefined;
  }
  if (spec.excludeSelf === true) {
    if (other === undefined) return source;
    context.report.problem(
      (place) =>
        compilerProblem(
          "refused-with-view",
          {
            name: spec.name,
            key: "exclude_self: true",
            view: other.name,
            instead: "name the spine column whose value is dropped",
          },
          place,
        ),
      at,
      toldAlready(context, spec),
    );
    return undefined;
  }
  const own = context.references.ofSpine(spec.excludeSelf, at);
  if (own === undefined || source === undefined || own.unknown || source.unknown) return own;
  const fits =
    spec.flattenDistinct && isList(source.dtype)
      ? comparable(elementOf(own.dtype), elementOf(source.dtype))
      : comparable(own.dtype, source.dtype);
  if (!fits)
    context.report.problem(
      (place) =>
        compilerProblem(
          "exclude-self-types-differ",
          { left: own.name, leftType: own.dtype, right: source.name, rightType: source.dtype },
          place,
        ),
      at,
    );
  return own;
}

/** The dtype of the spec's columns; told and undefined if the aggregate cannot be made of the source column. */
function resultOf(context: Context, spec: AggregationSpec, source: Reference | undefined): DType | undefined {
  const { agg, flattenDistinct } = spec;
  const at = { definition: spec, key: "sourceColumn" };
  if (source === undefined) {
    if (spec.sourceColumn === undefined && agg !== "count")
      context.report.problem(
        (place) => compilerProblem("source-column-needed", { name: spec.name, for: `agg: ${agg}` }, place),
        { definition: spec },
        context.project.mayLack(spec, "sourceColumn"),
      );
    return agg === "count" ? "BIGINT" : undefined;
  }
  if (source.unknown) return source.dtype;
  const about = { agg, column: source.name, dtype: source.dtype };
  if (flattenDistinct && !isList(source.dtype)) {
    context.report.problem((place) => compilerProblem("flatten-wants-list", about, place), at);
    return undefined;
  }
  if (isList(source.dtype) && !flattenDistinct && agg !== "count") {
    context.report.problem((place) => compilerProblem("aggregate-over-list", about, place), at);
    return undefined;
  }
  switch (agg) {
    case "count":
    case "count_distinct":
      return "BIGINT";
    case "list":
      return isList(source.dtype) ? source.dtype : listOf(elementOf(source.dtype));
    case "sum":
    case "mean":
      if (!isNumeric(source.dtype)) {
        context.report.problem((place) => compilerProblem("aggregate-wants-numbers", about, place), at);
        return undefined;
      }
      return agg === "sum" && isInteger(source.dtype) ? "BIGINT" : "DOUBLE";
    default:
      return source.dtype;
  }
}

/** Of a view that is the spine of no service, the reader of the definitions tells what is meant for the spine's own rows. */
function toldAlready(context: Context, spec: AggregationSpec): boolean {
  const isSpine = [...context.project.services.values()].some(({ spine }) => spine === spec.view);
  return !isSpine && context.project.isMistaken(spec);
}
