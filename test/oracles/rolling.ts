import {
  aggregate,
  distinctByLatest,
  inOrder,
  inWindow,
  isAvailable,
  keysMatch,
  mostRecent,
  type Occurrence,
} from "./history.js";
import type { SpecModel } from "./project-model.js";
import type { Row } from "./relation.js";
import { dtypeAt, isTrue, type Scope } from "./service-scope.js";
import { type Dtype, elementType, equalValues, isFloatType, type Value } from "./values.js";

/** §2 of `1-training-pipeline.md`: one value of one spec and window at one row of the spine. */
export function rollingValue(scope: Scope, spec: SpecModel, window: string, row: Row): Value {
  const t = scope.spine.time === undefined ? null : (row.instants[scope.spine.time] ?? null);
  if (t === null) throw new Error("a spine row without a time");
  const history = spec.view === undefined || spec.view === scope.spine.name ? ownHistory : otherHistory;
  const inside = history(scope, spec, row, t).filter((one) => inWindow(one.instant, t, window));
  const values = inside
    .flatMap((one) => (one.value === null ? [] : [{ instant: one.instant ?? 0n, value: one.value }]))
    .flatMap((one) => (spec.flatten_distinct ? elements(one) : [one]));
  const dropped = ownValue(scope, spec, row);
  const kept = inOrder(values.filter((one) => !dropped.some((own) => equalValues(own, one.value))));
  const once = spec.flatten_distinct ? distinctByLatest(kept) : kept;
  return aggregate(
    spec.agg,
    mostRecent(once, spec.max_length === undefined ? undefined : BigInt(spec.max_length)),
    sourceDtype(scope, spec),
  );
}

interface Entry {
  readonly instant: bigint | null;
  readonly value: Value;
}

function elements(one: Occurrence): Occurrence[] {
  if (!Array.isArray(one.value)) throw new Error("flatten_distinct of a scalar");
  return one.value.flatMap((value) => (value === null ? [] : [{ instant: one.instant, value }]));
}

function ownHistory(scope: Scope, spec: SpecModel, row: Row): readonly Entry[] {
  const names = spec.partition_by === undefined ? [] : [spec.partition_by].flat();
  const reference = (name: string) => {
    const found = scope.resolve(name);
    if (found === undefined) throw new Error(`no column ${name}`);
    return found;
  };
  const keys = names.map(reference);
  const source = spec.source_column === undefined ? undefined : reference(spec.source_column);
  const event = scope.runtime.spine?.event;
  const own = keys.map((key) => scope.valueAt(row, key));
  const time = scope.spine.time ?? "";
  return scope.spine.rows
    .filter((past) =>
      keysMatch(
        own,
        keys.map((key) => scope.valueAt(past, key)),
      ),
    )
    .filter((past) => spec.events === undefined || isOneOf(past.values[event ?? ""] ?? null, spec.events))
    .filter((past) => isTrue(spec.where, (name) => scope.valueAt(past, reference(name))))
    .map((past) => ({
      instant: past.instants[time] ?? null,
      value: source === undefined ? true : scope.valueAt(past, source),
    }));
}

function otherHistory(scope: Scope, spec: SpecModel, row: Row, t: bigint): readonly Entry[] {
  const view = scope.relation(spec.view ?? "");
  const own = (name: string): string => (name.startsWith(`${view.name}.`) ? name.slice(view.name.length + 1) : name);
  const match = Object.entries(spec.match ?? Object.fromEntries(view.keys.map((key) => [key, key])));
  const time = spec.timestamp ?? view.time ?? "";
  return view.rows
    .filter((past) =>
      keysMatch(
        match.map(([, spineColumn]) => row.values[spineColumn] ?? null),
        match.map(([viewColumn]) => past.values[viewColumn] ?? null),
      ),
    )
    .filter((past) => isAvailable(view, past, t))
    .filter((past) => isTrue(spec.where, (name) => past.values[own(name)] ?? null))
    .map((past) => ({
      instant: past.instants[time] ?? null,
      value: spec.source_column === undefined ? true : (past.values[own(spec.source_column)] ?? null),
    }));
}

export function isOneOf(value: Value, literals: readonly Value[]): boolean {
  return value !== null && literals.some((one) => equalValues(one, value));
}

/** The values that `exclude_self` drops at this row. */
function ownValue(scope: Scope, spec: SpecModel, row: Row): readonly Exclude<Value, null>[] {
  if (spec.exclude_self === undefined || spec.exclude_self === false) return [];
  const own = spec.exclude_self === true ? scope.resolve(spec.source_column ?? "") : scope.resolve(spec.exclude_self);
  if (own === undefined) return [];
  const value = scope.valueAt(row, own);
  if (value === null) return [];
  if (!spec.flatten_distinct || !Array.isArray(value)) return [value];
  return value.filter((element) => element !== null);
}

export function sourceDtype(scope: Scope, spec: SpecModel): Dtype | undefined {
  if (spec.source_column === undefined) return undefined;
  if (spec.view !== undefined && spec.view !== scope.spine.name) {
    const view = scope.relation(spec.view);
    return view.dtypes[spec.source_column.split(".").at(-1) ?? ""];
  }
  const reference = scope.resolve(spec.source_column);
  return reference && dtypeAt(reference);
}

/** What the spec yields. */
export function rollingDtype(scope: Scope, spec: SpecModel): Dtype {
  const source = sourceDtype(scope, spec);
  switch (spec.agg) {
    case "count":
    case "count_distinct":
      return "BIGINT";
    case "mean":
      return "DOUBLE";
    case "sum":
      return source !== undefined && isFloatType(source) ? "DOUBLE" : "BIGINT";
    case "list":
      return `${elementType(source ?? "TEXT")}[]`;
    default:
      return source ?? "TEXT";
  }
}
