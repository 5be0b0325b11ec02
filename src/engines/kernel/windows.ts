import { type DType, elementOf, isInteger, isList, listOf } from "../../columnar/dtypes.js";
import { durationMicros, type Instant } from "../../columnar/instants.js";
import type { Window } from "../../definitions/aggregations.js";
import type { WindowOutput } from "../../kernels/window-columns.js";
import type { Column, ColumnName, KeyPair } from "../../operators/operator.js";
import { onKeys, type Planner } from "../sql/planner.js";
import { identifier } from "../sql/text.js";
import type { WindowColumn, WindowHistory } from "../sql/windows.js";
import { formOf, isFixed } from "./forms.js";

/**
 * Adds window aggregates to the rows: an index of the matching history, and a function that SQL calls where the rows are
 * written. Columns over one history share the index; a flattened column multiplies rows, so it is one of its own.
 */
export function kernelWindowColumns(planner: Planner, history: WindowHistory, columns: readonly WindowColumn[]): void {
  addWindowColumns(planner, history, columns, false);
}

/** The same, by workers: they answer where the rows are written, each for some of the keys. */
export function workersWindowColumns(planner: Planner, history: WindowHistory, columns: readonly WindowColumn[]): void {
  addWindowColumns(planner, history, columns, true);
}

function addWindowColumns(
  planner: Planner,
  history: WindowHistory,
  columns: readonly WindowColumn[],
  inWorkers: boolean,
): void {
  const groups = new Map<string, WindowColumn[]>();
  for (const column of columns) {
    const key = column.flatten ? (column.source?.name ?? "") : "";
    groups.set(key, [...(groups.get(key) ?? []), column]);
  }
  for (const group of groups.values()) addGroup(planner, history, group, inWorkers);
}

/** Whether the kernel compares the keys as integers by itself; else rows and history are numbered by a table of keys. */
export function areIntegerKeys(on: readonly KeyPair[], left: (name: ColumnName) => DType | undefined): boolean {
  const [only] = on;
  if (on.length !== 1 || only === undefined) return false;
  const dtype = left(only.left);
  return dtype !== undefined && isInteger(dtype);
}

function addGroup(
  planner: Planner,
  history: WindowHistory,
  columns: readonly WindowColumn[],
  inWorkers: boolean,
): void {
  const { operator } = history;
  const clocks = clocksOf(history);
  const keys = keysOf(planner, history);
  const flatten = columns[0]?.flatten ?? false;
  const source = sourceSql(history, keys.join, flatten ? columns[0]?.source : undefined);
  const values = new Values(planner, history, source, flatten);
  const owns: { readonly sql: string; readonly dtype: DType }[] = [];
  const windows = [...new Set(columns.map(({ window }) => window))];
  const outputs: WindowOutput[] = [];
  const fields: { name: string; dtype: DType }[] = [];
  const defined: { readonly column: WindowColumn; readonly dictionary: string | undefined }[] = [];
  for (const column of columns) {
    const value = values.of(column);
    const own = column.excludeSelf === undefined ? undefined : ownOf(planner, operator, column, value);
    outputs.push({
      aggregate: column.agg,
      ...(value === undefined ? {} : { column: value.place }),
      window: windows.indexOf(column.window),
      ...(own === undefined ? {} : { excludeOwn: placeOf(owns, own) }),
      distinct: column.distinct,
      ...(column.maxLength === undefined ? {} : { maxLength: Number(column.maxLength) }),
    });
    fields.push({ name: column.name, dtype: answerOf(column, value) });
    defined.push({ column, dictionary: value?.dictionary });
  }
  const time = identifier(history.leftTime.column);
  const name = planner.kernel({
    operator,
    composes: history.history.composed,
    keep: "day",
    wide: true,
    history: values.select(keys.history, clocks.available),
    group: {
      windows: windows.map((window) => clocks.ticks(window)),
      columns: values.forms,
      outputs,
      available: history.availableTime !== undefined,
      timeDivisor: clocks.timeDivisor,
    },
    outputs: fields,
    keys: history.on.map(({ left }) => left),
    ...(keys.table === undefined ? {} : { keyTable: keys.table }),
    arguments: [
      keys.row,
      clocks.time(`o.${time}`),
      ...(history.availableTime === undefined ? [] : [clocks.known(`o.${time}`)]),
      ...owns.map(({ sql }) => sql),
    ],
    own: owns.map(({ dtype }) => ({ dtype })),
    ...(inWorkers ? { inWorkers } : {}),
  });
  defined.forEach(({ column, dictionary }, place) => {
    const answer = `o.${identifier(`@${name}`)}.c${place}`;
    const isWord = dictionary !== undefined && !["count", "count_distinct"].includes(column.agg);
    const words = `(SELECT words FROM ${dictionary}_words)`;
    const sql = !isWord
      ? answer
      : column.agg === "list"
        ? `coalesce(list_select(${words}, ${answer}), [])`
        : `${words}[${answer}]`;
    planner.define(column.name, { dtype: column.dtype, sql, joins: [], kernels: [name] });
  });
}

interface Keys {
  /** Over a row `o`, and over the history `h` (and the key table `k`). */
  readonly row: string;
  readonly history: string;
  readonly join: string;
  /** Where the keys are numbered. */
  readonly table?: string;
}

function keysOf(planner: Planner, { on, operator }: WindowHistory): Keys {
  const [only] = on;
  if (only !== undefined && areIntegerKeys(on, (name) => planner.column(name).dtype)) {
    planner.store([only.left], operator);
    return {
      row: `CAST(o.${identifier(only.left)} AS BIGINT)`,
      history: `CAST(h.${identifier(only.right)} AS BIGINT)`,
      join: "",
    };
  }
  const { table, column } = planner.keys(on, operator);
  // Key 0 is that of rows without a key; the table has no such row.
  return {
    row: `o.${identifier(column)}`,
    history: "k.kid",
    join: ` JOIN ${table} k ON ${onKeys(on, "k", "h")}`,
    table,
  };
}

/** The matching history as a FROM item `h` (with `k`); of a flattened source an element a row, as `@element`. */
function sourceSql(history: WindowHistory, join: string, flattened: Column | undefined): string {
  const filtered = history.filter === undefined ? "" : ` WHERE ${history.filter}`;
  const rows =
    flattened === undefined
      ? `SELECT * FROM ${history.history.sql}${filtered}`
      : `SELECT *, unnest(${identifier(flattened.name)}) AS "@element" FROM ${history.history.sql}${filtered}`;
  return `(${rows}) h${join}`;
}

interface Value {
  readonly place: number;
  /** What the history holds: the source's own values, codes of a dictionary, or just whether there is one. */
  readonly dtype: DType;
  readonly dictionary?: string;
}

/** The value columns of an index, each once. */
class Values {
  readonly #planner: Planner;
  readonly #history: WindowHistory;
  readonly #source: string;
  readonly #flatten: boolean;
  readonly #made = new Map<string, Value & { readonly sql: string }>();
  readonly #joins: string[] = [];

  constructor(planner: Planner, history: WindowHistory, source: string, flatten: boolean) {
    this.#planner = planner;
    this.#history = history;
    this.#source = source;
    this.#flatten = flatten;
  }

  of({ source, agg, excludeSelf }: WindowColumn): Value | undefined {
    if (source === undefined) return undefined;
    const dtype = this.#flatten ? elementOf(source.dtype) : source.dtype;
    const value = this.#flatten ? 'h."@element"' : `h.${identifier(source.name)}`;
    // A count needs to know only whether there is a value.
    const present = agg === "count" && excludeSelf === undefined;
    const key = `${source.name} ${present}`;
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    const place = this.#made.size;
    const made = present
      ? { place, dtype: "BOOLEAN" as const, sql: `CASE WHEN ${value} IS NOT NULL THEN TRUE END` }
      : isFixed(dtype)
        ? { place, dtype, sql: value }
        : this.#numbered(place, value);
    this.#made.set(key, made);
    return made;
  }

  /** Values without a width are numbered from 1 in their order, so that the numbers compare as they do. */
  #numbered(place: number, value: string): Value & { readonly sql: string } {
    const dictionary = this.#planner.name("dictionary");
    const { operator, history } = this.#history;
    this.#planner.table({
      name: dictionary,
      operator,
      composes: history.composed,
      sql: `SELECT row_number() OVER (ORDER BY v ASC NULLS FIRST) AS code, v FROM (SELECT DISTINCT ${value} AS v FROM ${this.#source} WHERE ${value} IS NOT NULL)`,
    });
    this.#planner.table({
      name: `${dictionary}_words`,
      operator,
      sql: `SELECT list(v ORDER BY code) AS words FROM ${dictionary}`,
    });
    const alias = `d${place}`;
    this.#joins.push(` LEFT JOIN ${dictionary} ${alias} ON ${value} = ${alias}.v`);
    return { place, dtype: "BIGINT", dictionary, sql: `${alias}.code` };
  }

  get forms() {
    return [...this.#made.values()].map(({ dtype }) => formOf(dtype));
  }

  select(key: string, available: (ticks: string) => string): string {
    const { rightTime, availableTime } = this.#history;
    const time = `h.${identifier(rightTime.column)}`;
    const known = availableTime && `h.${identifier(availableTime.column)}`;
    const columns = [
      `${key} AS key`,
      `${time} AS time`,
      ...(known === undefined ? [] : [`${available(known)} AS available`]),
      ...[...this.#made.values()].map(({ sql, place }) => `${sql} AS v${place}`),
    ];
    const present = [key, time, ...(known === undefined ? [] : [known])].map((sql) => `${sql} IS NOT NULL`);
    return `SELECT ${columns.join(", ")} FROM ${this.#source}${this.#joins.join("")} WHERE ${present.join(" AND ")}`;
  }
}

/** What the kernel answers for the column. */
function answerOf(column: WindowColumn, value: Value | undefined): DType {
  switch (column.agg) {
    case "count":
    case "count_distinct":
      return "BIGINT";
    case "mean":
      return "DOUBLE";
    case "sum":
      return value !== undefined && (value.dtype === "FLOAT" || value.dtype === "DOUBLE") ? "DOUBLE" : "BIGINT";
    case "list":
      return listOf(elementOf(value?.dtype ?? "BIGINT"));
    default:
      return value?.dtype ?? "BIGINT";
  }
}

/** The row's own value as an argument; numbered where the history is. */
function ownOf(
  planner: Planner,
  operator: string,
  column: WindowColumn,
  value: Value | undefined,
): { readonly sql: string; readonly dtype: DType } {
  const name = column.excludeSelf ?? "";
  planner.store([name], operator);
  const { dtype, sql } = planner.column(name);
  const isOwnList = column.flatten && isList(dtype);
  if (value?.dictionary === undefined) {
    // Integers compare by value, whatever their width.
    if (isInteger(dtype)) return { sql: `CAST(${sql} AS BIGINT)`, dtype: "BIGINT" };
    return { sql, dtype };
  }
  const numbered = `own:${name}:${value.dictionary}`;
  const { dictionary } = value;
  if (!planner.has(numbered)) {
    if (isOwnList) storeNumberedList(planner, operator, numbered, name, dictionary);
    else {
      const alias = planner.name("own");
      const found = { table: `${dictionary} ${alias}`, on: `${sql} = ${alias}.v`, sql: `${alias}.code` };
      planner.storeFound(numbered, "BIGINT", found, operator);
    }
  }
  return { sql: planner.column(numbered).sql, dtype: isOwnList ? "BIGINT[]" : "BIGINT" };
}

/** Own lists of values that a dictionary numbers: each distinct list is numbered once. */
function storeNumberedList(
  planner: Planner,
  operator: string,
  numbered: string,
  name: string,
  dictionary: string,
): void {
  const own = identifier(name);
  const table = planner.table({
    name: planner.name("own_lists"),
    operator,
    sql:
      `SELECT l.own, list(d.code) AS codes FROM (SELECT own, unnest(own) AS v FROM (SELECT DISTINCT ${own} AS own FROM ${planner.rows} WHERE ${own} IS NOT NULL)) l` +
      ` JOIN ${dictionary} d ON l.v = d.v GROUP BY l.own`,
  });
  const alias = planner.name("own");
  const found = { table: `${table} ${alias}`, on: `o.${own} = ${alias}.own`, sql: `${alias}.codes` };
  planner.storeFound(numbered, "BIGINT[]", found, operator);
}

function placeOf<T extends { readonly sql: string }>(list: T[], entry: T): number {
  const known = list.findIndex(({ sql }) => sql === entry.sql);
  return known >= 0 ? known : list.push(entry) - 1;
}

/**
 * How instants are compared without rounding. Where rows and history have one resolution, as they are. Where they differ in
 * microseconds: of nanoseconds h and microseconds t, `h < 1000 t` says `floor(h / 1000) < t`, `t < 1000 h` says
 * `ceil(t / 1000) <= h`, and windows are whole microseconds. What is known is compared apart, by its own resolution.
 */
export function clocksOf({ leftTime, rightTime, availableTime }: WindowHistory) {
  const mixed = leftTime.resolution !== rightTime.resolution;
  const nanos = !mixed && leftTime.resolution === "ns";
  const availableMixed = availableTime !== undefined && availableTime.resolution !== leftTime.resolution;
  return {
    timeDivisor: mixed && rightTime.resolution === "ns" ? 1000n : 1n,
    time: (ticks: string) => (mixed && leftTime.resolution === "ns" ? ceilThousand(ticks) : ticks),
    known: (ticks: string) => (availableMixed && leftTime.resolution === "ns" ? floorThousand(ticks) : ticks),
    available: (ticks: string) => (availableMixed && isNanos(availableTime) ? ceilThousand(ticks) : ticks),
    ticks(window: Window): bigint {
      if (window === "all") return -1n;
      const length = durationMicros(window) * (nanos ? 1000n : 1n);
      return length >= 2n ** 63n ? -1n : length;
    },
  };
}

function isNanos(instant: Instant | undefined): boolean {
  return instant?.resolution === "ns";
}

function ceilThousand(ticks: string): string {
  return `(${ticks} // 1000 + CASE WHEN ${ticks} % 1000 > 0 THEN 1 ELSE 0 END)`;
}

export function floorThousand(ticks: string): string {
  return `(${ticks} // 1000 - CASE WHEN ${ticks} % 1000 < 0 THEN 1 ELSE 0 END)`;
}
