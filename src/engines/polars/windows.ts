import { type DType, elementOf, isFloat, isInteger, isList } from "../../columnar/dtypes.js";
import type { Column } from "../../operators/operator.js";
import { clocksOf, floorThousand } from "../kernel/windows.js";
import { onKeys, type Planner } from "../sql/planner.js";
import { identifier } from "../sql/text.js";
import { typeName, withOneNaN } from "../sql/values.js";
import { EXACT_SUM, keepLastPositions } from "../sql/vectorised-functions.js";
import { groupBy, integerTotal, type WindowColumn, type WindowHistory } from "../sql/windows.js";
import { equalityCode, floatCode, floatOfCode } from "./float-codes.js";
import type { PairOutput, Pairs, Total, WorkValue } from "./window-work.js";

/**
 * Adds window aggregates to the rows: SQL hands the rows' keys and bounds and the matching history to Polars, which makes a
 * table of the answers by row number. It is joined where the rows are written, since it holds lists of history.
 */
export function polarsWindowColumns(planner: Planner, history: WindowHistory, columns: readonly WindowColumn[]): void {
  // Flattening multiplies rows, so each flattened column is a history of its own.
  for (const group of groupBy(columns, ({ flatten, source }) => (flatten ? (source?.name ?? "") : "")))
    addGroup(planner, history, group);
}

const MIN_TICK = "CAST('-9223372036854775808' AS BIGINT)";
const MAX_TICK = "CAST('9223372036854775807' AS BIGINT)";
/** More elements than a window can have. */
const ENDLESS = 2n ** 31n;

function addGroup(planner: Planner, history: WindowHistory, columns: readonly WindowColumn[]): void {
  const { operator, on } = history;
  const clocks = clocksOf(history);
  const keys = planner.keys(on, operator);
  const [first] = columns;
  const values = new Values(planner, history, keys.table, first?.flatten === true ? first.source : undefined);
  const bounds: string[] = [];
  const owns: string[] = [];
  const totals: Total[] = [];
  const pairs = new Map<string, Pairs & { readonly outputs: PairOutput[] }>();
  const time = clocks.time(`o.${identifier(history.leftTime.column)}`);
  placeOf(bounds, time);
  const defined = columns.map((column, place) => {
    const value = values.of(column);
    const ticks = clocks.ticks(column.window);
    const lowest = -(2n ** 63n) + ticks;
    const from = placeOf(
      bounds,
      // Below the range of 64 bits it stays at its end, which no instant lies before.
      ticks < 0n ? MIN_TICK : `(greatest(${time}, CAST('${lowest}' AS BIGINT)) - CAST('${ticks}' AS BIGINT))`,
    );
    const filtered = history.availableTime !== undefined || column.excludeSelf !== undefined;
    const sums = (column.agg === "sum" || column.agg === "mean") && isInteger(value.dtype);
    if (sums) value.halved = true;
    if (!filtered && (sums || column.agg === "count")) totals.push({ place, value: value.place, from, sum: sums });
    else {
      value.listed = true;
      const own = column.excludeSelf === undefined ? undefined : ownOf(planner, history, column, value);
      const without = own === undefined ? {} : { without: { own: placeOf(owns, own.sql), list: own.list } };
      const most = column.agg === "last" ? 1n : column.maxLength;
      // Of distinct values the newest are those that are left of them.
      const newest = most === undefined || most > ENDLESS || column.distinct ? {} : { newest: Number(most) };
      const shared = { value: value.place, from, ...(filtered ? {} : newest), ...without };
      const key = JSON.stringify(shared);
      const known = pairs.get(key) ?? { ...shared, outputs: [] };
      known.outputs.push({ place, aggregate: column.agg, ...(filtered ? newest : {}) });
      pairs.set(key, known);
    }
    return { column, value, place, sums };
  });
  const known = clocks.known(`o.${identifier(history.leftTime.column)}`);
  const queries = [
    `o."@row" AS row`,
    `o.${identifier(keys.column)} AS kid`,
    ...bounds.map((sql, place) => `${sql} AS b${place}`),
    ...(history.availableTime === undefined ? [] : [`${known} AS known`]),
    ...owns.map((sql, place) => `${sql} AS e${place}`),
  ];
  const table = planner.polars({
    operator,
    composes: history.history.composed,
    queries: `SELECT ${queries.join(", ")} FROM ${planner.rows} o`,
    history: values.select(clocks.available, clocks.timeDivisor),
    work: {
      available: history.availableTime !== undefined,
      values: values.work,
      bounds: bounds.length,
      totals,
      pairs: [...pairs.values()],
    },
  });
  const alias = planner.name("w");
  planner.joinKeyed({ alias, table, key: 'o."@row"', wide: true });
  for (const { column, value, place, sums } of defined) {
    const answer = (name: string): string => `${alias}.${name}${place}`;
    planner.define(column.name, {
      dtype: column.dtype,
      sql: sums ? integerOf(column, answer) : answerOf(column, value.dtype, answer),
      joins: [alias],
    });
  }
}

/** Sums of halves of 32 bits are put together in 128 bits. */
function integerOf(column: WindowColumn, answer: (name: string) => string): string {
  const wide = (name: string): string => `CAST(coalesce(${answer(name)}, 0) AS HUGEINT)`;
  const sum = `(${wide("h")} * CAST('4294967296' AS HUGEINT) + ${wide("l")})`;
  return integerTotal(column, sum, `coalesce(${answer("n")}, 0)`);
}

function answerOf(column: WindowColumn, dtype: DType, answer: (name: string) => string): string {
  const made = answer("c");
  switch (column.agg) {
    case "list": {
      const type = typeName(column.dtype);
      const list = `coalesce(CAST(${made} AS ${type}), CAST([] AS ${type}))`;
      if (!column.distinct) return list;
      const distinct = `list_select(${list}, ${keepLastPositions(list, elementOf(column.dtype))})`;
      return column.maxLength === undefined ? distinct : `list_slice(${distinct}, -${column.maxLength}, -1)`;
    }
    case "count":
    case "count_distinct":
      return `coalesce(${column.agg === "count" ? answer("n") : made}, 0)`;
    case "min":
    case "max":
      return dtype === "FLOAT" || dtype === "DOUBLE"
        ? floatOfCode(made, dtype)
        : `CAST(${made} AS ${typeName(column.dtype)})`;
    case "last":
      return `CAST(${made} AS ${typeName(column.dtype)})`;
    case "sum":
    case "mean": {
      const sum = `${EXACT_SUM}(CAST(${made} AS DOUBLE[]))`;
      return `CASE WHEN len(${made}) > 0 THEN ${column.agg === "sum" ? sum : `${sum} / len(${made})`} END`;
    }
  }
}

interface Value {
  readonly place: number;
  readonly dtype: DType;
  /** Over the history `h`, the key table `k` and the dictionary. */
  readonly sql: string;
  /** Lists are compared by their numbers in it. */
  readonly dictionary?: { readonly table: string; readonly list: string };
  halved: boolean;
  listed: boolean;
}

/** The value columns of a history, each once. */
class Values {
  readonly #planner: Planner;
  readonly #history: WindowHistory;
  readonly #keys: string;
  readonly #flattened: Column | undefined;
  readonly #made = new Map<string, Value>();

  constructor(planner: Planner, history: WindowHistory, keys: string, flattened: Column | undefined) {
    this.#planner = planner;
    this.#history = history;
    this.#keys = keys;
    this.#flattened = flattened;
  }

  of({ source, agg, excludeSelf }: WindowColumn): Value {
    // A count needs to know only whether there is a value.
    const present = agg === "count" && excludeSelf === undefined;
    const key = source === undefined ? "" : `${source.name} ${present}`;
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    const made = { place: this.#made.size, halved: false, listed: false, ...this.#valueOf(source, present) };
    this.#made.set(key, made);
    return made;
  }

  #valueOf(source: Column | undefined, present: boolean): Pick<Value, "dtype" | "sql" | "dictionary"> {
    if (source === undefined) return { dtype: "BOOLEAN", sql: "TRUE" };
    const flat = this.#flattened !== undefined;
    const sql = flat ? 'h."@element"' : `h.${identifier(source.name)}`;
    if (present) return { dtype: "BOOLEAN", sql: `CASE WHEN ${sql} IS NOT NULL THEN TRUE END` };
    const dtype = flat ? elementOf(source.dtype) : source.dtype;
    return isList(dtype) ? { dtype: "BIGINT", ...this.#numbered(sql) } : { dtype, sql };
  }

  #numbered(list: string): Pick<Value, "sql" | "dictionary"> {
    const { operator, history } = this.#history;
    const table = this.#planner.table({
      name: this.#planner.name("dictionary"),
      operator,
      composes: history.composed,
      sql: `SELECT row_number() OVER () AS code, v FROM (SELECT DISTINCT ${list} AS v FROM ${this.#source} WHERE ${list} IS NOT NULL)`,
    });
    return { sql: `${table}.code`, dictionary: { table, list } };
  }

  get work() {
    return [...this.#made.values()].map(({ dtype, halved, listed }) => ({ form: formOf(dtype), halved, listed }));
  }

  /** The matching history as a FROM item `h` with `k`; of a flattened source an element a row, as `@element`. */
  get #source(): string {
    const { history, filter, on } = this.#history;
    const where = filter === undefined ? "" : ` WHERE ${filter}`;
    const flattened = this.#flattened && identifier(this.#flattened.name);
    const columns = flattened === undefined ? "*" : `*, unnest(${flattened}) AS "@element"`;
    return `(SELECT ${columns} FROM ${history.sql}${where}) h JOIN ${this.#keys} k ON ${onKeys(on, "k", "h")}`;
  }

  select(available: (ticks: string) => string, divisor: bigint): string {
    const { rightTime, availableTime } = this.#history;
    const time = `h.${identifier(rightTime.column)}`;
    const known = availableTime && `h.${identifier(availableTime.column)}`;
    const instant = divisor === 1n ? time : floorThousand(time);
    const columns = [
      "k.kid AS kid",
      `${time} AS t`,
      `${instant} + 1 AS q`,
      ...(known === undefined ? [] : [`${available(known)} AS a`]),
    ];
    const nothing = [
      "kid",
      `${MIN_TICK} AS t`,
      `${MIN_TICK} AS q`,
      ...(known === undefined ? [] : [`${MIN_TICK} AS a`]),
    ];
    const joins: string[] = [];
    for (const { place, dtype, sql, dictionary, halved } of this.#made.values()) {
      if (dictionary !== undefined)
        joins.push(` LEFT JOIN ${dictionary.table} ON ${dictionary.list} = ${dictionary.table}.v`);
      const made = [`${withOneNaN(sql, dtype)} AS v${place}`];
      if (isFloat(dtype)) made.push(`${floatCode(sql)} AS c${place}`);
      if (halved) made.push(`${highHalf(sql)} AS h${place}`, `${lowHalf(sql)} AS l${place}`);
      columns.push(...made);
      nothing.push(...made.map((text) => `NULL${text.slice(text.lastIndexOf(" AS "))}`));
    }
    // What is at the last instant of all lies before no row.
    const present = [`${instant} < ${MAX_TICK}`, ...(known === undefined ? [] : [`${known} IS NOT NULL`])];
    return (
      `SELECT ${columns.join(", ")} FROM ${this.#source}${joins.join("")} WHERE ${present.join(" AND ")}` +
      ` UNION ALL SELECT ${nothing.join(", ")} FROM (SELECT kid FROM ${this.#keys} UNION ALL SELECT 0 AS kid)`
    );
  }
}

function formOf(dtype: DType): WorkValue["form"] {
  if (isFloat(dtype)) return "float";
  return isInteger(dtype) ? "integer" : "other";
}

const HALF = "4294967296";

/** `high · 2³² + low`, `low` from 0: sums of 2³¹ of either fit into 64 bits. */
function highHalf(integer: string): string {
  const value = `CAST(${integer} AS BIGINT)`;
  return `(${value} // ${HALF} - CASE WHEN ${value} % ${HALF} < 0 THEN 1 ELSE 0 END)`;
}

function lowHalf(integer: string): string {
  const rest = `CAST(${integer} AS BIGINT) % ${HALF}`;
  return `(${rest} + CASE WHEN ${rest} < 0 THEN ${HALF} ELSE 0 END)`;
}

/** SQL for the row's own value, in the form in which Polars compares the history's. */
function ownOf(
  planner: Planner,
  { operator }: WindowHistory,
  { excludeSelf: name = "", flatten }: WindowColumn,
  { dictionary }: Value,
): { readonly sql: string; readonly list: boolean } {
  planner.store([name], operator);
  const { dtype, sql } = planner.column(name);
  const list = flatten && isList(dtype);
  if (dictionary !== undefined) {
    const numbered = `own:${name}:${dictionary.table}`;
    const alias = planner.name("own");
    const found = { table: `${dictionary.table} ${alias}`, on: `${sql} = ${alias}.v`, sql: `${alias}.code` };
    if (!planner.has(numbered)) planner.storeFound(numbered, "BIGINT", found, operator);
    return { sql: planner.column(numbered).sql, list: false };
  }
  const element = elementOf(dtype);
  if (isFloat(element))
    return { sql: list ? `list_transform(${sql}, lambda x: ${equalityCode("x")})` : equalityCode(sql), list };
  // Integers compare by value, whatever their width.
  return { sql: isInteger(element) ? `CAST(${sql} AS BIGINT${list ? "[]" : ""})` : sql, list };
}

function placeOf(list: string[], entry: string): number {
  const known = list.indexOf(entry);
  return known >= 0 ? known : list.push(entry) - 1;
}
