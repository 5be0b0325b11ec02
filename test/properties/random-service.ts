import type {
  Aggregate,
  ColumnModel,
  LookupModel,
  OutputColumnModel,
  ServiceModel,
  SpecModel,
} from "../oracles/project-model.js";
import { type Dtype, isFloatType, isIntegerType, isListType, type Value } from "../oracles/values.js";
import type { Draw } from "./draw.js";
import { randomPredicate } from "./random-predicate.js";
import type { RandomView } from "./random-views.js";

/** A column that rules and contracts can name. */
export interface Named {
  /** As it is written: `column` or `view.column`. */
  readonly reference: string;
  readonly dtype: Dtype;
  readonly view: RandomView;
  readonly column: string;
}

export interface Joinable {
  readonly view: RandomView;
  readonly asOf: "latest" | "event";
}

export function isNumber(dtype: Dtype): boolean {
  return isIntegerType(dtype) || isFloatType(dtype);
}

/** Every column reference that resolves: bare where no other view has the name, sometimes qualified all the same. */
export function references(draw: Draw, spine: RandomView, joinable: readonly Joinable[]): readonly Named[] {
  const holders = (column: string): number =>
    [spine, ...joinable.map((one) => one.view)].filter((view) => view.columns.has(column)).length;
  return [spine, ...joinable.map((one) => one.view)].flatMap((view) =>
    [...view.columns].flatMap(([column, dtype]): Named[] => {
      if (view !== spine && view.keys.includes(column)) return [];
      const bare = view === spine || holders(column) === 1;
      return [{ reference: bare && draw.chance(70) ? column : `${view.view.name}.${column}`, dtype, view, column }];
    }),
  );
}

const WINDOWS = ["1d", "3d", "12h", "1h", "1s", "1w", "30m", "all"];

export function randomSpec(
  draw: Draw,
  name: string,
  spine: RandomView,
  columns: readonly Named[],
  others: readonly RandomView[],
): SpecModel | undefined {
  const windows = draw.some(WINDOWS, 1, 3);
  const timed = others.filter((view) => view.clock !== undefined && matchOf(draw, view, spine) !== undefined);
  const view = timed.length > 0 && draw.chance(35) ? draw.pick(timed) : undefined;
  const candidates: readonly Named[] =
    view === undefined
      ? columns
      : [...view.columns].map(([column, dtype]) => ({ reference: column, dtype, view, column }));
  const counted = draw.chance(10);
  const source = counted ? undefined : draw.pick(candidates);
  const flatten = source !== undefined && isListType(source.dtype) && draw.chance(70);
  const agg = counted ? "count" : aggregateOf(draw, source?.dtype ?? "TEXT", flatten);
  const where = draw.chance(25) ? randomPredicate(draw, candidates) : undefined;
  const same = view === undefined ? [] : [...spine.columns].filter(([, dtype]) => dtype === source?.dtype);
  const self =
    source === undefined || !draw.chance(40)
      ? undefined
      : view === undefined
        ? draw.chance(70)
          ? true
          : draw.pick(
              [...spine.columns]
                .filter(([, dtype]) => dtype === source.dtype)
                .map(([column]) => column)
                .concat(""),
            ) || undefined
        : same.length > 0
          ? draw.pick(same)[0]
          : undefined;
  const time = view === undefined ? undefined : view.times.at(-1);
  return {
    name,
    agg,
    ...(view === undefined
      ? { partition_by: partitions(draw, spine, columns) }
      : { view: view.view.name, ...matchOf(draw, view, spine) }),
    ...(source === undefined ? {} : { source_column: source.reference }),
    windows,
    ...(where === undefined ? {} : { where }),
    ...(view !== undefined && time !== undefined && draw.chance(30) ? { timestamp: time } : {}),
    ...(view === undefined && draw.chance(50)
      ? { events: draw.some(["like", "view", "click", "a'b", "never"], 1, 3) }
      : {}),
    ...(self === undefined ? (draw.chance(10) ? { exclude_self: false } : {}) : { exclude_self: self }),
    ...(flatten ? { flatten_distinct: true } : {}),
    ...(agg === "list" && draw.chance(50) ? { max_length: draw.chance(20) ? "${const.longest}" : draw.int(1, 4) } : {}),
  };
}

function partitions(draw: Draw, spine: RandomView, columns: readonly Named[]): string | readonly string[] {
  const scalars = columns
    .filter(({ dtype }) => !isListType(dtype) && !isFloatType(dtype))
    .map(({ reference }) => reference);
  if (draw.chance(65)) return draw.pick(spine.keys);
  return draw.chance(50) ? draw.pick(scalars) : draw.some(scalars, 1, 2);
}

/** How a view is matched with the spine; undefined if it cannot be. */
export function matchOf(
  draw: Draw,
  view: RandomView,
  spine: RandomView,
): { match?: Record<string, string> } | undefined {
  const byKeys = view.keys.every((key) => spine.columns.has(key));
  const pairs = [...view.columns].flatMap(([left, a]) =>
    [...spine.columns].flatMap(([right, b]) =>
      (a === b && !isListType(a) && !isFloatType(a) && a !== "TIMESTAMP") || (isIntegerType(a) && isIntegerType(b))
        ? [[left, right] as const]
        : [],
    ),
  );
  if (byKeys && (draw.chance(60) || pairs.length === 0)) return {};
  if (pairs.length === 0) return undefined;
  const chosen = draw.some(pairs, 1, draw.chance(20) ? 2 : 1);
  return { match: Object.fromEntries(chosen) };
}

function aggregateOf(draw: Draw, dtype: Dtype, flatten: boolean): Aggregate {
  if (flatten) return draw.pick(["list", "list", "count_distinct"] as const);
  if (isListType(dtype)) return "count";
  const all: Aggregate[] = ["list", "list", "count", "count_distinct", "min", "max", "last"];
  return draw.pick(isNumber(dtype) ? [...all, "sum", "sum", "mean", "mean"] : all);
}

export function specDtype(spec: SpecModel, source: Dtype | undefined): Dtype {
  if (spec.agg === "count" || spec.agg === "count_distinct") return "BIGINT";
  if (spec.agg === "mean") return "DOUBLE";
  if (spec.agg === "sum") return source !== undefined && isFloatType(source) ? "DOUBLE" : "BIGINT";
  if (source === undefined) throw new Error("a spec without a source");
  return spec.agg === "list" && !isListType(source) ? (`${source}[]` as Dtype) : source;
}

export function randomLookup(
  draw: Draw,
  name: string,
  spine: RandomView,
  views: readonly RandomView[],
): { lookup: LookupModel; dtype: Dtype } | undefined {
  const possible = views.filter((view) => view.clock !== undefined);
  if (possible.length === 0) return undefined;
  const view = draw.pick(possible);
  const match = matchOf(draw, view, spine);
  if (match === undefined) return undefined;
  const declared = view.view.fields.map((field) => field.name);
  const own: Named[] = [...view.columns]
    .filter(([column]) => declared.includes(column) || view.keys.includes(column))
    .map(([column, dtype]) => ({ reference: column, dtype, view, column }));
  const collect = draw.chance(60);
  const values = own.filter(({ dtype }) => !collect || !isListType(dtype));
  if (values.length === 0) return undefined;
  const value = draw.pick(values);
  const where = draw.chance(35) ? randomPredicate(draw, own) : undefined;
  const time = view.times.at(-1);
  return {
    lookup: {
      name,
      view: view.view.name,
      ...match,
      value: value.column,
      ...(where === undefined ? {} : { where }),
      ...(time !== undefined && draw.chance(25) ? { timestamp: time } : {}),
      ...(collect
        ? {
            collect,
            ...(draw.chance(50) ? { window: draw.pick(WINDOWS) } : {}),
            ...(draw.chance(50) ? { distinct: draw.chance(85) } : {}),
            ...(draw.chance(35) ? { max_length: draw.int(1, 3) } : {}),
          }
        : draw.chance(20)
          ? { collect: false }
          : {}),
    },
    dtype: collect ? (`${value.dtype}[]` as Dtype) : value.dtype,
  };
}

/** A column of the contract may be wider or narrower than what its operator yields. */
export function contractDtype(draw: Draw, dtype: Dtype): Dtype {
  if (!draw.chance(20)) return dtype;
  if (isIntegerType(dtype))
    return draw.pick(["BIGINT", "DOUBLE", dtype === "TINYINT" ? "SMALLINT" : "BIGINT"] as const);
  if (dtype === "DOUBLE") return "DOUBLE";
  if (dtype === "FLOAT") return "DOUBLE";
  return dtype;
}

/** A literal that fits the dtype. */
export function literalOf(draw: Draw, dtype: Dtype): Value {
  if (isListType(dtype)) return draw.chance(50) ? [] : [literalOf(draw, dtype.slice(0, -2) as Dtype)];
  if (isIntegerType(dtype)) return BigInt(draw.pick([0, -1, 7]));
  if (isFloatType(dtype)) return draw.pick([0.5, -1.5, 0]);
  if (dtype === "BOOLEAN") return draw.chance(50);
  if (dtype === "DATE") return "2024-02-29";
  if (dtype === "TIMESTAMP") return "2024-02-29T01:02:03";
  return draw.pick(["none", "", "it's"]);
}

export function outputColumns(
  draw: Draw,
  service: ServiceModel,
  other: ServiceModel | undefined,
): readonly OutputColumnModel[] {
  const foreign = (other?.columns ?? [])
    .map((column) => column.name)
    .filter((name) => !service.columns.some((own) => own.name === name));
  return draw.shuffled<OutputColumnModel>([
    ...service.columns.map((column: ColumnModel): OutputColumnModel => {
      if (column.nullable !== false && column.default === undefined) return column.name;
      const dtype = column.dtype.toUpperCase() as Dtype;
      if (draw.chance(40)) return { name: column.name, default: literalOf(draw, dtype) };
      if (dtype === "BIGINT" && draw.chance(70)) return { name: column.name, default_sql: "20 + 1" };
      if (dtype === "TEXT" && draw.chance(70)) return { name: column.name, default_sql: "lower('ABC')" };
      return column.name;
    }),
    ...foreign,
  ]);
}
