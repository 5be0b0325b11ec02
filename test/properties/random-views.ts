import type { FieldModel, Physical, SourceTable, ViewModel } from "../oracles/project-model.js";
import { type Dtype, SCALARS, type Value } from "../oracles/values.js";
import type { Layout } from "../support/data-files.js";
import { type Draw, drawValue, poolOf, type Temper } from "./draw.js";

/** How a view tells time. */
export interface Clock {
  readonly type: Physical;
  readonly unit?: "s" | "ms" | "us" | "ns";
  /** Nanoseconds of one tick. */
  readonly nanos: bigint;
}

/** A view, its data and how they lie on disk. */
export interface RandomView {
  readonly view: ViewModel;
  readonly table: SourceTable;
  readonly layout: Layout;
  readonly clock?: Clock;
  /** Canonical name → dtype, of all columns that can be referred to. */
  readonly columns: ReadonlyMap<string, Dtype>;
  readonly pools: ReadonlyMap<string, readonly Exclude<Value, null>[]>;
  /** Canonical names of further time columns of the clock's type. */
  readonly times: readonly string[];
  readonly keys: readonly string[];
}

export const ENTITIES = [
  { entity: "user", key: "uid", type: "BIGINT" },
  { entity: "item", key: "item_id", type: "INTEGER" },
  { entity: "place", key: "place_id", type: "TEXT" },
] as const;

const DAY = 86_400_000_000_000n;

export function randomClock(draw: Draw, format: Layout["format"]): Clock {
  const clocks: Clock[] = [
    { type: "BIGINT", unit: "s", nanos: 1_000_000_000n },
    { type: "INTEGER", unit: "s", nanos: 1_000_000_000n },
    { type: "BIGINT", unit: "ms", nanos: 1_000_000n },
    { type: "BIGINT", unit: "us", nanos: 1_000n },
    { type: "BIGINT", unit: "ns", nanos: 1n },
    { type: "TIMESTAMP", nanos: 1_000n },
    { type: "DATE", nanos: DAY },
  ];
  if (format === "parquet" || format === "duckdb")
    clocks.push({ type: "TIMESTAMP_NS", nanos: 1n }, { type: "TIMESTAMPTZ", nanos: 1_000n });
  return draw.pick(clocks);
}

function ticks(instant: bigint, clock: Clock): bigint {
  return instant >= 0n || instant % clock.nanos === 0n ? instant / clock.nanos : instant / clock.nanos - 1n;
}

/** A few instants (nanoseconds) around `base`: midnights, one tick beside them, window edges hit exactly. */
export function instantsAround(draw: Draw, base: bigint): readonly bigint[] {
  const hour = DAY / 24n;
  const offsets = [
    0n,
    -DAY,
    DAY,
    12n * hour,
    12n * hour,
    -12n * hour,
    hour,
    -1n,
    1n,
    -1_000n,
    -1_000_000_000n,
    DAY + 12n * hour,
    2n * DAY,
    -3n * DAY,
    -7n * DAY,
    1_000n,
  ];
  return draw.some(offsets, 3, 9).map((offset) => base + offset);
}

export interface ViewRequest {
  readonly name: string;
  readonly entities: readonly (typeof ENTITIES)[number][];
  readonly role: "spine" | "other";
  readonly instants: readonly bigint[];
  readonly keyPools: Readonly<Record<string, readonly Exclude<Value, null>[]>>;
  /** How many rows and fields at the least and at the most, if not as few as a whole project wants. */
  readonly rows?: readonly [number, number];
  readonly fields?: readonly [number, number];
}

const FIELD_TYPES: readonly Dtype[] = [
  ...SCALARS,
  "BIGINT[]",
  "TEXT[]",
  "DOUBLE[]",
  "INTEGER[]",
  "FLOAT[]",
  "BOOLEAN[]",
  "DATE[]",
  "TIMESTAMP[]",
  "TINYINT[]",
  "SMALLINT[]",
];

export function randomView(draw: Draw, request: ViewRequest): RandomView {
  const { name, entities, role, instants } = request;
  const format = draw.pick(["parquet", "parquet", "parquet", "csv", "ndjson", "duckdb"] as const);
  const inText = format === "csv" || format === "ndjson";
  const temper: Temper = { extreme: draw.chance(15), special: !inText };
  const timed = role === "spine" || draw.chance(88);
  const clock = timed ? randomClock(draw, format) : undefined;
  const keys: readonly string[] = entities.map((entity) => entity.key);

  const types = new Map<string, Physical>();
  const fields: FieldModel[] = [];
  const pools = new Map<string, readonly Exclude<Value, null>[]>();
  const declare = (column: string, dtype: Dtype): void => {
    const spelled = draw.chance(10)
      ? dtype.toLowerCase()
      : dtype.startsWith("TEXT") && draw.chance(20)
        ? dtype.replace("TEXT", "VARCHAR")
        : dtype;
    fields.push({ name: column, dtype: spelled, ...(draw.chance(10) ? { description: "a column" } : {}) });
  };

  for (const { key, type } of entities) {
    const physical = type === "BIGINT" && draw.chance(20) && !inText ? "INTEGER" : type;
    types.set(key, physical);
    pools.set(key, request.keyPools[key] ?? []);
    if (inText || draw.chance(50))
      declare(key, type === "BIGINT" && physical === "INTEGER" && draw.chance(50) ? "INTEGER" : type);
  }
  const times: string[] = [];
  const time = `${name}_at`;
  const declareTime = (column: string): void => {
    if (clock === undefined) return;
    types.set(column, clock.type);
    pools.set(column, [...new Set(instants.map((instant) => ticks(instant, clock)))]);
    const dtype: Dtype = clock.type === "TIMESTAMP_NS" || clock.type === "TIMESTAMPTZ" ? "TIMESTAMP" : clock.type;
    if (inText || column !== time || draw.chance(50)) declare(column, dtype);
    times.push(column);
  };
  if (timed) declareTime(time);
  const available = timed && role === "other" && draw.chance(35) ? `${name}_known` : undefined;
  if (available) declareTime(available);
  if (timed && draw.chance(40)) declareTime(`${name}_other_time`);

  if (role === "spine") {
    types.set("event", "TEXT");
    pools.set("event", ["like", "view", "click", "a'b"]);
    declare("event", "TEXT");
    types.set("session", "TEXT");
    pools.set("session", ["s1", "s2", "S3", "ä"]);
    declare("session", "TEXT");
  }
  const wanted = draw.some(
    FIELD_TYPES.filter((type) => format !== "csv" || !type.endsWith("[]")),
    ...(request.fields ?? [3, 6]),
  );
  wanted.forEach((dtype, i) => {
    const column = i === 0 && draw.chance(30) ? "shared" : `${name}_${i}_${dtype.toLowerCase().replace("[]", "s")}`;
    types.set(column, storedAs(draw, dtype, inText));
    const pool = fitting(poolOf(draw, dtype, temper), types.get(column) ?? dtype);
    // DuckDB's own files do not hold −0: a segment of zeros is stored as one of them.
    pools.set(column, format === "duckdb" ? (pool.map(positiveZero) as typeof pool) : pool);
    declare(column, dtype);
  });
  const empty = role === "other" && format !== "ndjson" && draw.chance(8);
  const partition = draw.chance(15) && format !== "duckdb" && !empty ? `${name}_region` : undefined;
  if (partition) {
    const numbers = draw.chance(50);
    types.set(partition, numbers ? "INTEGER" : "TEXT");
    pools.set(partition, numbers ? [1n, 2n, 30n] : ["eu", "us", "01"]);
    declare(partition, numbers ? "INTEGER" : "TEXT");
  }

  const count = empty ? 0 : draw.int(...(request.rows ?? (role === "spine" ? [1, 32] : [3, 18])));
  let rows = Array.from({ length: count }, () =>
    Object.fromEntries(
      [...types.keys()].map((column) => {
        const never = column === partition || (role === "spine" && column === time);
        const nulls = never ? 0 : keys.includes(column) ? 8 : times.includes(column) ? 10 : 15;
        return [column, drawValue(draw, pools.get(column) ?? [], nulls)] as const;
      }),
    ),
  );
  if (draw.chance(40) && rows.length > 1) rows = [...rows, ...draw.some(rows, 1, 3)]; // exact duplicates
  if (!timed) rows = uniqueBy(rows, keys);

  const mapping = Object.fromEntries(
    [...types.keys()]
      .filter((column) => column !== partition && draw.chance(12))
      .map((column) => [`src ${column}`, column]),
  );
  const sourceOf = new Map(Object.entries(mapping).map(([source, canonical]) => [canonical, source]));
  const inSource = (column: string): string => sourceOf.get(column) ?? column;
  const table: SourceTable = {
    format,
    columns: [...types].map(([column, type]) => ({ name: inSource(column), type })),
    rows: rows.map((row) =>
      Object.fromEntries(Object.entries(row).map(([column, value]) => [inSource(column), value])),
    ),
  };

  const layout = randomLayout(draw, {
    name,
    format,
    partition,
    ...(clock === undefined || format === "duckdb" ? {} : { time: { column: inSource(time), nanos: clock.nanos } }),
    rows: table.rows,
  });
  const view: ViewModel = {
    name,
    entity:
      entities.length === 1 && draw.chance(60) ? (entities[0]?.entity ?? "") : entities.map((entity) => entity.entity),
    ...(draw.chance(15) ? { description: `rows of ${name}` } : {}),
    ...(timed && role === "other" && draw.chance(35) ? { ttl: draw.pick(["1d", "12h", "86400s", "1w", "720m"]) } : {}),
    source: {
      ...address(draw, layout),
      ...(timed ? { timestamp_field: inSource(time) } : {}),
      ...(clock?.unit === undefined ? {} : { timestamp_unit: clock.unit }),
      ...(available === undefined ? {} : { available_field: inSource(available) }),
    },
    ...(Object.keys(mapping).length === 0 ? {} : { field_mapping: mapping }),
    fields: fields,
  };
  const canonical = new Map<string, Dtype>();
  for (const [column, type] of types) {
    const declared = fields
      .find((field) => field.name === column)
      ?.dtype.toUpperCase()
      .replace("VARCHAR", "TEXT");
    const natural = (declared ?? (type.startsWith("TIMESTAMP") ? "TIMESTAMP" : type)) as Dtype;
    canonical.set(column, natural);
  }
  return { view, table, layout, columns: canonical, pools, times, keys, ...(clock === undefined ? {} : { clock }) };
}

/** The type in the file may be another one that the dtype can hold. */
function storedAs(draw: Draw, dtype: Dtype, inText: boolean): Physical {
  if (inText || draw.chance(75)) return dtype;
  const others: Readonly<Partial<Record<Dtype, readonly Physical[]>>> = {
    BIGINT: ["INTEGER", "SMALLINT"],
    INTEGER: ["BIGINT", "SMALLINT"],
    SMALLINT: ["INTEGER", "TINYINT"],
    TINYINT: ["BIGINT"],
    DOUBLE: ["FLOAT"],
    FLOAT: ["DOUBLE"],
    "BIGINT[]": ["INTEGER[]"],
    "DOUBLE[]": ["FLOAT[]"],
  };
  return draw.pick(others[dtype] ?? [dtype]);
}

function positiveZero(value: Value): Value {
  return Array.isArray(value) ? value.map(positiveZero) : Object.is(value, -0) ? 0 : value;
}

/** Of the pool, what the stored type holds as it is. */
function fitting(pool: readonly Exclude<Value, null>[], type: Physical): readonly Exclude<Value, null>[] {
  const bits: Readonly<Record<string, bigint>> = { TINYINT: 7n, SMALLINT: 15n, INTEGER: 31n, BIGINT: 63n };
  const element = type.replace("[]", "");
  const limit = bits[element];
  const fits = (value: Value): boolean =>
    value === null ||
    (Array.isArray(value)
      ? value.every(fits)
      : typeof value === "bigint"
        ? limit === undefined || (value >= -(1n << limit) && value < 1n << limit)
        : typeof value !== "number" || element !== "FLOAT" || Object.is(Math.fround(value), value));
  const kept = pool.filter(fits);
  if (kept.length > 0) return kept;
  return [type.endsWith("[]") ? [] : limit === undefined ? 1 : 1n];
}

function uniqueBy<T extends Record<string, Value>>(rows: readonly T[], keys: readonly string[]): T[] {
  const seen = new Set<string>();
  return rows.filter((row) => {
    const key = keys.map((column) => String(row[column])).join("\u0000");
    const fresh = !seen.has(key);
    seen.add(key);
    return fresh;
  });
}

interface LayoutRequest {
  readonly name: string;
  readonly format: Layout["format"];
  readonly partition: string | undefined;
  readonly time?: { readonly column: string; readonly nanos: bigint };
  readonly rows: SourceTable["rows"];
}

function randomLayout(draw: Draw, { name, format, partition, time, rows }: LayoutRequest): Layout {
  if (format === "duckdb") return { path: `data/${name}.duckdb`, format, table: draw.pick(["t", "events of all"]) };
  const gz = format !== "parquet" && draw.chance(35);
  const jsonl = draw.chance(40);
  const files = draw.chance(35) ? draw.int(2, 4) : 1;
  const byDay =
    time !== undefined && partition === undefined && draw.chance(15) && rows.every((row) => row[time.column] !== null);
  const folder = files > 1 || partition !== undefined || byDay || draw.chance(15);
  const bare: Layout = { path: "", format, gz, jsonl };
  const ending = `${format === "ndjson" ? (jsonl ? ".jsonl" : ".ndjson") : `.${format}`}${gz ? ".gz" : ""}`;
  return {
    ...bare,
    path: folder ? `data/${name}` : `data/${name}${ending}`,
    files,
    folder,
    nested: folder && draw.chance(25),
    rowGroup: draw.pick([2_048, 122_880]),
    sparse: files > 1 && draw.chance(50),
    litter: folder && draw.chance(20),
    spelling: draw.int(0, 2),
    ...(partition === undefined ? {} : { partition }),
    ...(byDay ? { days: time } : {}),
  };
}

function address(draw: Draw, layout: Layout): ViewModel["source"] {
  if (layout.format === "duckdb") {
    const table = layout.table ?? "t";
    return draw.chance(60)
      ? { database_path: layout.path, table }
      : { database_path: layout.path, query: `SELECT * FROM "${table}"` };
  }
  const isFolder = layout.folder === true;
  const ending = `${layout.format === "ndjson" ? (layout.jsonl ? ".jsonl" : ".ndjson") : `.${layout.format}`}${layout.gz ? ".gz" : ""}`;
  if (isFolder && layout.partition === undefined && layout.days === undefined && !layout.litter && draw.chance(30))
    return { path: `${layout.path}/**/*${ending}` };
  if (draw.chance(8)) return { path: `\${DAEDALUS_TEST_UNSET:-${layout.path}}` };
  return { path: layout.path };
}
