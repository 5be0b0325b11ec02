import { type DType, elementOf, isFloat, isInteger } from "../../columnar/dtypes.js";
import type { Instant } from "../../columnar/instants.js";
import type { Aggregate, Window } from "../../definitions/aggregations.js";
import type { Column, ColumnName, KeyPair } from "../../operators/operator.js";
import { type Clock, clockOf, minus, onClock } from "./clock.js";
import { onKeys, type Planner, type RowColumn, type SideRelation } from "./planner.js";
import { identifier } from "./text.js";
import { distinctElements, extremeElement, orderBy, typeName, withOneNaN } from "./values.js";
import { EXACT_SUM, keepLastPositions } from "./vectorised-functions.js";

/** A history that windows look into: rows of the same keys, strictly before the row's time. */
export interface WindowHistory {
  readonly operator: string;
  readonly history: SideRelation;
  readonly on: readonly KeyPair[];
  readonly leftTime: Instant;
  readonly rightTime: Instant;
  readonly availableTime?: Instant;
  /** SQL over the history's columns. */
  readonly filter?: string;
}

export interface WindowColumn {
  readonly name: ColumnName;
  readonly dtype: DType;
  readonly agg: Aggregate;
  /** Absent: rows are counted. */
  readonly source?: Column;
  readonly window: Window;
  /** A column of the rows. */
  readonly excludeSelf?: ColumnName;
  /** The source's lists are flattened. */
  readonly flatten: boolean;
  /** Each value once, by its latest occurrence. */
  readonly distinct: boolean;
  readonly maxLength?: bigint;
}

/** One value of a history: the column (or its elements), and which running totals and lists the columns over it need. */
interface HistoryValue {
  readonly index: number;
  readonly source: Column | undefined;
  readonly element: DType;
  lists: boolean;
  sums: boolean;
}

/**
 * Adds window aggregates to the rows. The matching history of the rows' keys is sorted once: per key, each value's list in
 * (time, value) order, and per (key, instant) running totals. A window is two probes (ASOF) into the totals, `lo` before it
 * begins and `hi` before the row: a count is their difference, a list the slice `[lo, hi)` of the key's list.
 */
export function windowColumns(planner: Planner, history: WindowHistory, columns: readonly WindowColumn[]): void {
  const flattened = columns.filter((column) => column.flatten);
  const plain = columns.filter((column) => !column.flatten);
  // Flattening multiplies rows, so each flattened column is a history of its own.
  const groups = [plain, ...groupBy(flattened, (column) => column.source?.name ?? "")].filter(
    (group) => group.length > 0,
  );
  for (const group of groups) addGroup(planner, history, group);
}

export function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): T[][] {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group) group.push(item);
    else groups.set(keyOf(item), [item]);
  }
  return [...groups.values()];
}

function addGroup(planner: Planner, history: WindowHistory, columns: readonly WindowColumn[]): void {
  const clock = clockOf(history.leftTime, history.rightTime, history.availableTime);
  const keys = planner.keys(history.on, history.operator);
  const values = historyValues(columns, history.availableTime !== undefined);
  const flatten = columns[0]?.flatten ?? false;
  const rows = historyTable(planner, history, clock, keys.table, [...values.values()], flatten);
  const totals = planner.table({
    name: planner.name("totals"),
    operator: history.operator,
    sql: totalsSql(rows, [...values.values()]),
  });
  const probes = new Probes(planner, clock, keys.column, totals, [...values.values()]);
  const lists = listsOf(planner, history, keys, rows, [...values.values()]);
  for (const column of columns) {
    const value = values.get(column.source?.name);
    if (!value) throw new RangeError(`"${column.name}" has no history value`);
    const hi = probes.before(history.leftTime, undefined, value);
    const lo = column.window === "all" ? undefined : probes.before(history.leftTime, column.window, value);
    planner.define(column.name, {
      dtype: column.dtype,
      ...windowValue(planner, history, clock, column, value, lists, lo, hi),
    });
  }
}

function historyValues(columns: readonly WindowColumn[], available: boolean): Map<string | undefined, HistoryValue> {
  const values = new Map<string | undefined, HistoryValue>();
  for (const column of columns) {
    const key = column.source?.name;
    const source = column.source;
    const value = values.get(key) ?? {
      index: values.size,
      source,
      element: source ? (column.flatten ? elementOf(source.dtype) : source.dtype) : "BOOLEAN",
      lists: false,
      sums: false,
    };
    const totalsSuffice = !available && column.excludeSelf === undefined && !column.distinct;
    const summed = (column.agg === "sum" || column.agg === "mean") && isInteger(value.element);
    if (totalsSuffice && summed) value.sums = true;
    else if (!(totalsSuffice && column.agg === "count")) value.lists = true;
    values.set(key, value);
  }
  return values;
}

function historyTable(
  planner: Planner,
  history: WindowHistory,
  clock: Clock,
  keysTable: string,
  values: readonly HistoryValue[],
  flatten: boolean,
): string {
  const time = identifier(history.rightTime.column);
  const selected = [`k.kid`, `${onClock(`h.${time}`, history.rightTime.resolution, clock)} AS t`];
  const conditions = [`h.${time} IS NOT NULL`];
  if (history.availableTime) {
    const available = `h.${identifier(history.availableTime.column)}`;
    selected.push(`${onClock(available, history.availableTime.resolution, clock)} AS a`);
    conditions.push(`${available} IS NOT NULL`);
  }
  for (const value of values)
    if (value.source) {
      const source = flatten ? 'h."@element"' : `h.${identifier(value.source.name)}`;
      selected.push(`${withOneNaN(source, value.element)} AS v${value.index}`);
    }
  const element = flatten ? `, unnest(${identifier(values[0]?.source?.name ?? "")}) AS "@element"` : "";
  const where = history.filter === undefined ? "" : ` WHERE ${history.filter}`;
  const filtered =
    element === "" && where === "" ? history.history.sql : `(SELECT *${element} FROM ${history.history.sql}${where})`;
  const sql = `SELECT ${selected.join(", ")} FROM ${filtered} h JOIN ${keysTable} k ON ${onKeys(history.on, "k", "h")} WHERE ${conditions.join(" AND ")}`;
  const { composed } = history.history;
  return planner.table({ name: planner.name("history"), operator: history.operator, composes: composed, sql });
}

/** Per (key, instant) the totals of everything up to and including it. */
function totalsSql(rows: string, values: readonly HistoryValue[]): string {
  const inner: string[] = [];
  const outer: string[] = [];
  for (const { index, source, sums } of values) {
    inner.push(`count(${source ? `v${index}` : "*"}) AS n${index}`);
    outer.push(`CAST(sum(n${index}) OVER before AS BIGINT) AS n${index}`);
    if (!sums) continue;
    inner.push(`coalesce(sum(CAST(v${index} AS HUGEINT)), 0) AS s${index}`);
    outer.push(`sum(s${index}) OVER before AS s${index}`);
  }
  return (
    `SELECT kid, t, ${outer.join(", ")} FROM (SELECT kid, t, ${inner.join(", ")} FROM ${rows} GROUP BY kid, t)` +
    ` WINDOW before AS (PARTITION BY kid ORDER BY t ASC NULLS FIRST ROWS UNBOUNDED PRECEDING)`
  );
}

/** Per key each value's list, oldest first, among equal times by value; with knowledge times beside the values. */
function listsOf(
  planner: Planner,
  history: WindowHistory,
  keys: { readonly table: string; readonly column: string },
  rows: string,
  values: readonly HistoryValue[],
): string | undefined {
  const listed = values.filter((value) => value.lists);
  if (listed.length === 0) return undefined;
  const lists = listed.map(({ index, source, element }) => {
    const present = source ? ` FILTER (WHERE v${index} IS NOT NULL)` : "";
    const order = source ? `, ${orderBy([{ sql: `v${index}`, dtype: element }])}` : "";
    const value = source ? `v${index}` : "TRUE";
    return history.availableTime
      ? `list({'v': ${value}, 'a': a} ORDER BY t ASC NULLS FIRST${order}, a ASC NULLS FIRST)${present} AS l${index}`
      : `list(${value} ORDER BY t ASC NULLS FIRST${order})${present} AS l${index}`;
  });
  const names = listed.map(({ index }) => `l${index}`);
  const table = planner.table({
    name: planner.name("lists"),
    operator: history.operator,
    sql:
      `SELECT k.kid, ${names.map((name) => `l.${name}`).join(", ")} FROM ${keys.table} k LEFT JOIN (SELECT kid, ${lists.join(", ")} FROM ${rows} GROUP BY kid) l ON k.kid = l.kid` +
      ` UNION ALL SELECT 0${", NULL".repeat(names.length)}`,
    drops: [rows],
  });
  const alias = planner.name("l");
  planner.joinKeyed({ alias, table, key: `o.${identifier(keys.column)}`, wide: true });
  return alias;
}

/** Totals of the history before an instant of the row: stored columns of the rows, one probe per instant. */
class Probes {
  readonly #planner: Planner;
  readonly #clock: Clock;
  readonly #keyColumn: string;
  readonly #totals: string;
  readonly #values: readonly HistoryValue[];
  readonly #made = new Map<string, string>();

  constructor(planner: Planner, clock: Clock, keyColumn: string, totals: string, values: readonly HistoryValue[]) {
    this.#planner = planner;
    this.#clock = clock;
    this.#keyColumn = keyColumn;
    this.#totals = totals;
    this.#values = values;
  }

  /** Names the stored totals of everything strictly before `time − window` (`time` without a window). */
  before(time: Instant, window: Window | undefined, value: HistoryValue): TotalsBefore {
    const key = window ?? "";
    let prefix = this.#made.get(key);
    if (prefix === undefined) {
      prefix = this.#planner.name("at");
      this.#made.set(key, prefix);
      const row = onClock(`o.${identifier(time.column)}`, time.resolution, this.#clock);
      const bound = window === undefined ? row : minus(row, window, this.#clock);
      this.#planner.addProbeJoin(
        ` ASOF LEFT JOIN ${this.#totals} ${prefix} ON o.${identifier(this.#keyColumn)} = ${prefix}.kid AND ${bound} > ${prefix}.t`,
      );
      for (const { index, sums } of this.#values) {
        this.#planner.addProbed(`${prefix}:n${index}`, `coalesce(${prefix}.n${index}, 0)`, "BIGINT");
        if (sums) this.#planner.addProbed(`${prefix}:s${index}`, `coalesce(${prefix}.s${index}, 0)`, "BIGINT");
      }
    }
    return {
      count: `o.${identifier(`${prefix}:n${value.index}`)}`,
      sum: `o.${identifier(`${prefix}:s${value.index}`)}`,
    };
  }
}

interface TotalsBefore {
  readonly count: string;
  readonly sum: string;
}

function windowValue(
  planner: Planner,
  history: WindowHistory,
  clock: Clock,
  column: WindowColumn,
  value: HistoryValue,
  lists: string | undefined,
  lo: TotalsBefore | undefined,
  hi: TotalsBefore,
): Pick<RowColumn, "sql" | "joins" | "kernels"> {
  const low = lo?.count ?? "0";
  const count = lo ? `(${hi.count} - ${lo.count})` : hi.count;
  const filtered = history.availableTime !== undefined || column.excludeSelf !== undefined || column.distinct;
  if (!filtered && column.agg === "count") return { sql: count, joins: [] };
  if (!filtered && (column.agg === "sum" || column.agg === "mean") && isInteger(value.element)) {
    const sum = lo ? `(${hi.sum} - ${lo.sum})` : hi.sum;
    return { sql: integerTotal(column, sum, count), joins: [] };
  }
  if (lists === undefined) throw new RangeError(`"${column.name}" needs a list`);
  const own = column.excludeSelf === undefined ? undefined : planner.column(column.excludeSelf);
  const joins = [lists, ...(own?.joins ?? [])];
  const kernels = own?.kernels ?? [];
  const all = `${lists}.l${value.index}`;
  if (!filtered && column.agg === "last")
    return { sql: `CASE WHEN ${hi.count} > ${low} THEN ${all}[${hi.count}] END`, joins };
  // Without later filters only the newest `max_length` elements need be cut out.
  const first =
    !filtered && column.maxLength !== undefined ? `greatest(${low}, ${hi.count} - ${column.maxLength})` : low;
  let list = sliceSql(all, first, hi.count, value, history.availableTime === undefined ? undefined : clock);
  if (history.availableTime) {
    const time = onClock(`o.${identifier(history.leftTime.column)}`, history.leftTime.resolution, clock);
    list = `list_transform(list_filter(${list}, lambda s: s['a'] <= ${time}), lambda s: s['v'])`;
  }
  if (own) list = withoutOwn(list, own, column, value);
  if (column.distinct) list = `list_select(${list}, ${keepLastPositions(list, elementOf(value.element))})`;
  if (filtered && column.maxLength !== undefined) list = `list_slice(${list}, -${column.maxLength}, -1)`;
  return { sql: listAggregate(column, value, list), joins, kernels };
}

function sliceSql(list: string, lo: string, hi: string, value: HistoryValue, available: Clock | undefined): string {
  const type = typeName(value.element);
  const empty = available ? `CAST([] AS STRUCT(v ${type}, a ${available.type})[])` : `CAST([] AS ${type}[])`;
  return `CASE WHEN ${hi} > ${lo} THEN list_slice(${list}, ${lo} + 1, ${hi}) ELSE ${empty} END`;
}

function withoutOwn(
  list: string,
  own: { readonly sql: string; readonly dtype: DType },
  column: WindowColumn,
  value: HistoryValue,
): string {
  const floats = isFloat(value.element);
  if (column.flatten && own.dtype.endsWith("[]"))
    return `CASE WHEN ${floats ? `${own.sql} IS NOT NULL` : `list_has_any(${list}, ${own.sql})`} THEN list_filter(${list}, lambda x: NOT coalesce(list_contains(${own.sql}, x), FALSE)) ELSE ${list} END`;
  // The lambda is spared where the own value is not in the list, the usual case; a NULL own value drops nothing.
  const present = floats ? `${own.sql} IS NOT NULL` : `list_contains(${list}, ${own.sql})`;
  return `CASE WHEN ${present} THEN list_filter(${list}, lambda x: x <> ${own.sql}) ELSE ${list} END`;
}

/** An aggregate of a list without NULLs; an empty one gives `[]`, 0 or NULL. */
function listAggregate(column: WindowColumn, value: HistoryValue, list: string): string {
  const some = (sql: string): string => `CASE WHEN len(${list}) > 0 THEN ${sql} END`;
  switch (column.agg) {
    case "list":
      return list;
    case "count":
      return `len(${list})`;
    case "count_distinct":
      return distinctElements(list, value.element);
    case "min":
    case "max":
      return some(extremeElement(list, value.element, column.agg));
    case "last":
      return some(`${list}[-1]`);
    case "sum":
    case "mean": {
      if (isInteger(value.element)) return integerTotal(column, `CAST(list_sum(${list}) AS HUGEINT)`, `len(${list})`);
      const sum = `${EXACT_SUM}(CAST(${list} AS DOUBLE[]))`;
      return some(column.agg === "sum" ? sum : `${sum} / len(${list})`);
    }
  }
}

const MAX = "9223372036854775807";

export function integerTotal(column: WindowColumn, sum: string, count: string): string {
  const fits = `${sum} BETWEEN -${MAX} - 1 AND ${MAX}`;
  const result =
    column.agg === "sum"
      ? `CASE WHEN ${fits} THEN CAST(${sum} AS BIGINT) ELSE error('daedalus:integer-sum:${column.name.replaceAll("'", "''")}') END`
      : `(CASE WHEN ${fits} THEN CAST(CAST(${sum} AS BIGINT) AS DOUBLE) ELSE ${nearestDouble(sum)} END / ${count})`;
  return `CASE WHEN ${count} > 0 THEN ${result} END`;
}

/** A HUGEINT as the nearest double: its parts are doubles without rounding, their exact sum is rounded once. */
function nearestDouble(sum: string): string {
  const limb = "CAST('4503599627370496' AS HUGEINT)";
  const part = (value: string, scale: string): string => `CAST(${value} AS DOUBLE) * CAST('${scale}' AS DOUBLE)`;
  return `${EXACT_SUM}([${part(`(${sum} % ${limb})`, "1")}, ${part(`((${sum} // ${limb}) % ${limb})`, "4503599627370496")}, ${part(`(${sum} // ${limb} // ${limb})`, "20282409603651670423947251286016")}])`;
}
