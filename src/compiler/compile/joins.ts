import { type Instant, resolutionOf } from "../../columnar/instants.js";
import type { PitEngine } from "../../definitions/runtime.js";
import { type Join, join } from "../../operators/join.js";
import type { Column, RelationName } from "../../operators/operator.js";
import { type PointInTimeJoin, pointInTimeJoin } from "../../operators/point-in-time-join.js";
import type { Scan } from "../../operators/scan.js";
import { instantColumn, instantOf, lookupColumn, viewColumn } from "../names.js";
import type { BoundRef, ResolvedLookup } from "../resolve/resolved-service.js";
import { longest, type Needs, together, ViewNeeds } from "./needs.js";
import { historyOf, scanOf, tiesOf } from "./scans.js";

/** The one scan of a view that `feature_refs` joins, wide enough for the rows and for the history. */
export function refScan(ref: BoundRef, needs: Needs): Scan {
  const { view } = ref;
  const all = new ViewNeeds(view).add(ref.on.map((pair) => pair.right));
  for (const part of [needs.rowJoins.get(view.name), needs.historyJoins.get(view.name)]) {
    for (const column of part?.columns ?? []) all.columns.add(column);
    for (const time of part?.instants.values() ?? []) all.time(time);
  }
  if (view.time === undefined) return scanOf(`scan_${view.name}`, all, { kind: "unbounded" });
  all.time(view.time).add(tiesOf(view));
  if (ref.asOf === "latest") return scanOf(`scan_${view.name}`, all, { kind: "unbounded" });
  all.time(view.available);
  // The oldest row that is joined onto is as far back as the longest window over the spine's history.
  const ttl = view.ttl ?? "all";
  const lookback = needs.historyJoins.has(view.name)
    ? together(ttl, longest(needs.spineSpecs.flatMap(({ outputs }) => outputs.map(({ window }) => window))))
    : ttl;
  return scanOf(`scan_${view.name}`, all, historyOf(view, view.time, lookback));
}

/** A `feature_refs` view joined onto the rows, or onto the spine's history. */
export function refJoin(
  name: string,
  ref: BoundRef,
  needs: ViewNeeds,
  inputs: readonly [RelationName, RelationName],
  leftTime: Instant,
  pitEngine: PitEngine,
): Join | PointInTimeJoin {
  const { view } = ref;
  const columns: readonly Column[] = [
    ...[...view.columns.values()]
      .filter((column) => needs.columns.has(column.name))
      .map((column) => ({ name: viewColumn(view.name, column.name), dtype: column.dtype })),
    ...[...needs.instants.values()].map(({ column }) => ({
      name: instantColumn(view.name, column),
      dtype: "BIGINT" as const,
    })),
  ];
  const common = { name, engine: "sql" as const, inputs, output: name, on: ref.on };
  if (ref.asOf === "latest" || view.time === undefined)
    return join.of({
      ...common,
      how: "left",
      ...(view.time === undefined ? {} : { latest: { time: instantOf(view.name, view.time), ties: tiesOf(view) } }),
      columns,
    });
  return pointInTimeJoin.of({
    ...common,
    leftTime,
    rightTime: instantOf(view.name, view.time),
    ...(view.available === undefined ? {} : { availableTime: instantOf(view.name, view.available) }),
    ...(view.ttl === undefined ? {} : { ttl: view.ttl }),
    ties: tiesOf(view),
    pitEngine,
    columns: columns.map((column) => ({ ...column, as: column.name })),
  });
}

/** A lookup: a scan of its own and a point-in-time join. */
export function lookupOperators(
  lookup: ResolvedLookup,
  rows: RelationName,
  leftTime: Instant,
  pitEngine: PitEngine,
): readonly [Scan, PointInTimeJoin] {
  const { view, time, on, value, where, collect, dtype } = lookup;
  const needs = new ViewNeeds(view)
    .add([...on.map((pair) => pair.right), value.name, ...(where?.columns ?? [])])
    .time(time)
    .time(view.available);
  if (collect === undefined) needs.add(tiesOf(view));
  const lookback = collect === undefined ? (view.ttl ?? "all") : collect.window;
  const relation = scanOf(`scan_${view.name}_lookup_${lookup.name}`, needs, historyOf(view, time, lookback), where);
  const name = `lookup_${lookup.name}`;
  const as = lookupColumn(lookup.name);
  const joined = pointInTimeJoin.of({
    name,
    engine: "sql",
    inputs: [rows, relation.output],
    output: name,
    on,
    leftTime,
    rightTime: { column: instantColumn(view.name, time.column), resolution: resolutionOf(time.unit) },
    ...(view.available === undefined ? {} : { availableTime: instantOf(view.name, view.available) }),
    ...(collect === undefined && view.ttl !== undefined ? { ttl: view.ttl } : {}),
    ties: collect === undefined ? tiesOf(view) : [],
    pitEngine,
    columns: collect === undefined ? [{ ...value, as }] : [],
    ...(collect === undefined ? {} : { collect: { value: value.name, dtype, as, ...collect } }),
  });
  return [relation, joined];
}
