import { distinctByLatest, inOrder, inWindow, isAvailable, keysMatch, mostRecent } from "./history.js";
import type { LookupModel } from "./project-model.js";
import type { Row } from "./relation.js";
import { asOfJoin, isTrue, type Scope } from "./service-scope.js";
import { type Dtype, elementType, type Value } from "./values.js";

/** The value of a lookup at a row of the spine. */
export function lookupValue(scope: Scope, lookup: LookupModel, row: Row): Value {
  const t = row.instants[scope.spine.time ?? ""] ?? null;
  if (t === null) throw new Error("a spine row without a time");
  const view = scope.relation(lookup.view);
  const match = Object.entries(lookup.match ?? Object.fromEntries(view.keys.map((key) => [key, key])));
  const own = (name: string): string => (name.startsWith(`${view.name}.`) ? name.slice(view.name.length + 1) : name);
  const time = lookup.timestamp ?? view.time ?? "";
  const matching = view.rows
    .filter((past) =>
      keysMatch(
        match.map(([, spineColumn]) => row.values[spineColumn] ?? null),
        match.map(([viewColumn]) => past.values[viewColumn] ?? null),
      ),
    )
    .filter((past) => isTrue(lookup.where, (name) => past.values[own(name)] ?? null));
  if (!lookup.collect) return asOfJoin(view, matching, time, t)?.values[lookup.value] ?? null;
  const values = matching
    .filter((past) => isAvailable(view, past, t) && inWindow(past.instants[time] ?? null, t, lookup.window ?? "all"))
    .flatMap((past) => {
      const value = past.values[lookup.value] ?? null;
      return value === null ? [] : [{ instant: past.instants[time] ?? 0n, value }];
    });
  const once = lookup.distinct ? distinctByLatest(values) : inOrder(values);
  const length = lookup.max_length === undefined ? undefined : BigInt(lookup.max_length);
  return mostRecent(once, length).map((one) => one.value);
}

export function lookupDtype(scope: Scope, lookup: LookupModel): Dtype {
  const dtype = scope.relation(lookup.view).dtypes[lookup.value] ?? "TEXT";
  return lookup.collect ? `${elementType(dtype)}[]` : dtype;
}
