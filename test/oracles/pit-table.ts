import { aggregate, distinctByLatest, inOrder, inWindow, keysMatch, mostRecent } from "./history.js";
import { type Dtype, equalValues, type Value } from "./values.js";

/** A table as the oracle holds it; `times` in nanoseconds. */
export interface TableModel {
  readonly dtypes: Readonly<Record<string, Dtype>>;
  readonly rows: readonly Readonly<Record<string, Value>>[];
  readonly times: readonly (bigint | null)[];
  readonly available?: readonly (bigint | null)[];
}

export interface SpecModel {
  readonly name: string;
  readonly agg: string;
  readonly view?: string;
  readonly sourceColumn?: string;
  readonly partitionBy?: readonly string[];
  readonly match?: Readonly<Record<string, string>>;
  readonly windows: readonly string[];
  readonly events?: readonly Value[];
  readonly excludeSelf?: boolean | string;
  readonly flattenDistinct?: boolean;
  readonly maxLength?: number;
}

/** §2 of the specification over tables in memory: the spec's column for one window. */
export function pitColumn(
  table: TableModel,
  history: TableModel,
  spec: SpecModel,
  window: string,
  eventColumn: string,
): Value[] {
  const pairs =
    spec.view === undefined
      ? (spec.partitionBy ?? []).map((name) => [name, name] as const)
      : Object.entries(spec.match ?? {});
  return table.rows.map((row, i) => {
    const t = table.times[i] ?? 0n;
    const values = history.rows.flatMap((past, j) => {
      const instant = history.times[j] ?? null;
      const available = history.available === undefined ? 0n : (history.available[j] ?? null);
      const matches =
        keysMatch(
          pairs.map(([, left]) => row[left] ?? null),
          pairs.map(([right]) => past[right] ?? null),
        ) &&
        inWindow(instant, t, window) &&
        available !== null &&
        (history.available === undefined || available <= t) &&
        (spec.events === undefined || spec.events.some((event) => equalValues(event, past[eventColumn] ?? null)));
      const value = spec.sourceColumn === undefined ? true : (past[spec.sourceColumn] ?? null);
      if (!matches || value === null || instant === null) return [];
      if (!spec.flattenDistinct) return [{ instant, value }];
      return (value as readonly Value[]).flatMap((element) => (element === null ? [] : [{ instant, value: element }]));
    });
    const dropped = ownValues(spec, row);
    const kept = inOrder(values.filter((one) => !dropped.some((own) => equalValues(own, one.value))));
    const once = spec.flattenDistinct ? distinctByLatest(kept) : kept;
    const most = spec.maxLength === undefined ? undefined : BigInt(spec.maxLength);
    return aggregate(
      spec.agg,
      mostRecent(once, most),
      spec.sourceColumn === undefined ? undefined : history.dtypes[spec.sourceColumn],
    );
  });
}

function ownValues(
  { excludeSelf, sourceColumn = "", flattenDistinct }: SpecModel,
  row: Readonly<Record<string, Value>>,
): readonly Value[] {
  if (excludeSelf === undefined || excludeSelf === false) return [];
  const value = row[excludeSelf === true ? sourceColumn : excludeSelf] ?? null;
  if (value === null) return [];
  return flattenDistinct && Array.isArray(value) ? value.filter((element: Value) => element !== null) : [value];
}
