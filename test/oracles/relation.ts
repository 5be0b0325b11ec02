import { nearestFloat } from "./exact-numbers.js";
import type { Physical, ProjectModel, SourceTable, ViewModel } from "./project-model.js";
import {
  type Dtype,
  elementType,
  integerRange,
  isFloatType,
  isIntegerType,
  isListType,
  OracleStop,
  SCALARS,
  type Value,
} from "./values.js";

const SECOND = 1_000_000_000n;
export const DAY = 86_400n * SECOND;
const UNIT: Readonly<Record<string, bigint>> = { s: SECOND, ms: 1_000_000n, us: 1_000n, ns: 1n };
const DURATION: Readonly<Record<string, bigint>> = {
  s: SECOND,
  m: 60n * SECOND,
  h: 3_600n * SECOND,
  d: DAY,
  w: 7n * DAY,
};

/** A row of a view: canonical values, and the exact instants (nanoseconds) of its time columns. */
export interface Row {
  readonly values: Readonly<Record<string, Value>>;
  /** By canonical column, for columns that can be a time. */
  readonly instants: Readonly<Record<string, bigint | null>>;
}

export interface Relation {
  readonly name: string;
  readonly keys: readonly string[];
  /** In the view's order: what ties look at after the keys. */
  readonly fields: readonly string[];
  readonly dtypes: Readonly<Record<string, Dtype>>;
  readonly time?: string;
  readonly available?: string;
  readonly ttl?: bigint;
  readonly rows: readonly Row[];
}

export function dtypeOf(text: string): Dtype {
  const upper = text.toUpperCase().replace("VARCHAR", "TEXT");
  const element = SCALARS.find((scalar) => upper === scalar || upper === `${scalar}[]`);
  if (element === undefined) throw new Error(`no dtype: ${text}`);
  return upper.endsWith("[]") ? `${element}[]` : element;
}

export function durationNanos(text: string): bigint {
  const unit = DURATION[text.slice(-1)];
  if (unit === undefined) throw new Error(`no duration: ${text}`);
  return BigInt(text.slice(0, -1)) * unit;
}

export function unitNanos(unit: string): bigint {
  return DURATION[unit] ?? 0n;
}

export function floorDivide(n: bigint, d: bigint): bigint {
  return n >= 0n || n % d === 0n ? n / d : n / d - 1n;
}

export function keysOf(project: ProjectModel, view: ViewModel): readonly string[] {
  const entities = typeof view.entity === "string" ? [view.entity] : view.entity;
  return entities.map((entity) => project.base?.entities?.[entity] ?? `${entity}_id`);
}

/** The view's rows, canonical names, declared dtypes. */
export function readView(project: ProjectModel, view: ViewModel, table: SourceTable): Relation {
  const sourceOf = new Map(Object.entries(view.field_mapping ?? {}).map(([source, canonical]) => [canonical, source]));
  const canonicalOf = (source: string): string => view.field_mapping?.[source] ?? source;
  const typeOf = new Map(table.columns.map((column) => [column.name, column.type]));
  const keys = keysOf(project, view);
  const time = view.source.timestamp_field === undefined ? undefined : canonicalOf(view.source.timestamp_field);
  const available = view.source.available_field === undefined ? undefined : canonicalOf(view.source.available_field);
  const declared = new Map(view.fields.map((field) => [field.name, dtypeOf(field.dtype)]));
  const names = [...new Set([...declared.keys(), ...keys, ...(time ? [time] : []), ...(available ? [available] : [])])];

  const physicalOf = (name: string): Physical => {
    const type = typeOf.get(sourceOf.get(name) ?? name);
    if (type === undefined) throw new Error(`view ${view.name}: the source has no column ${name}`);
    return type;
  };
  const dtypes = Object.fromEntries(names.map((name) => [name, declared.get(name) ?? naturalDtype(physicalOf(name))]));
  const unit = view.source.timestamp_unit;
  let rows: readonly Row[] | undefined; // read when first asked for: dtypes can be had of a table that no run can read
  return {
    name: view.name,
    keys,
    fields: view.fields.map((field) => field.name),
    dtypes,
    ...(time === undefined ? {} : { time }),
    ...(available === undefined ? {} : { available }),
    ...(view.ttl === undefined ? {} : { ttl: durationNanos(view.ttl) }),
    get rows() {
      rows ??= table.rows.map((raw) => {
        const cell = (name: string): Value => {
          const value = raw[sourceOf.get(name) ?? name] ?? null;
          return table.format === "csv" && value === "" ? null : value;
        };
        return {
          values: Object.fromEntries(
            names.map((name) => [name, read(cell(name), physicalOf(name), dtypes[name] ?? "TEXT")]),
          ),
          instants: Object.fromEntries(names.map((name) => [name, instantOf(cell(name), physicalOf(name), unit)])),
        };
      });
      return rows;
    },
  };
}

function naturalDtype(type: Physical): Dtype {
  return type === "TIMESTAMP_NS" || type === "TIMESTAMPTZ" ? "TIMESTAMP" : type;
}

/** The exact instant that the value names in its column's own unit; NULL if it is no time. */
function instantOf(value: Value, type: Physical, unit: string | undefined): bigint | null {
  if (typeof value !== "bigint") return null;
  if (type === "DATE") return value * DAY;
  if (type === "TIMESTAMP" || type === "TIMESTAMPTZ") return value * 1_000n;
  if (type === "TIMESTAMP_NS") return value;
  return unit === undefined ? null : value * (UNIT[unit] ?? 0n);
}

/** A stored value as the declared dtype; what the dtype cannot hold stops the run. */
function read(value: Value, type: Physical, dtype: Dtype): Value {
  if (value === null) return null;
  if (type === "TIMESTAMP_NS" && typeof value === "bigint") return floorDivide(value, 1_000n);
  return convert(value, naturalDtype(type), dtype);
}

/** The conversions of sources and contracts: integer widths exactly, numbers to floats rounded once. */
export function convert(value: Value, from: Dtype, to: Dtype): Value {
  if (value === null || from === to) return value;
  if (isListType(to) && Array.isArray(value))
    return value.map((element) => convert(element, elementType(from), elementType(to)));
  if (typeof value === "bigint" && isIntegerType(to)) {
    const [low, high] = integerRange(to);
    if (value < low || value > high) throw new OracleStop(`${value} does not fit ${to}`);
    return value;
  }
  if (typeof value === "bigint" && to === "DOUBLE") return Number(value);
  if (typeof value === "bigint" && to === "FLOAT") return nearestFloat(value);
  if (typeof value === "number" && isFloatType(to)) {
    const rounded = to === "FLOAT" ? Math.fround(value) : value;
    if (Number.isFinite(value) && !Number.isFinite(rounded)) throw new OracleStop(`${value} does not fit ${to}`);
    return rounded;
  }
  throw new Error(`no conversion from ${from} to ${to}`);
}

/** A literal of the YAML as a value of the dtype. */
export function literal(value: Value, dtype: Dtype): Value {
  if (value === null) return null;
  if (Array.isArray(value)) return value.map((element) => literal(element, elementType(dtype)));
  if (dtype === "DATE" && typeof value === "string") return BigInt(Date.parse(`${value}T00:00:00Z`) / 86_400_000);
  if (dtype === "TIMESTAMP" && typeof value === "string") return BigInt(Date.parse(`${value}Z`)) * 1_000n;
  if (typeof value === "bigint") return convert(value, "BIGINT", dtype);
  if (typeof value === "number") return convert(value, "DOUBLE", dtype);
  return value;
}
