import { DataType, Field, Float64, Int64, List, type Table, Utf8, type Vector } from "apache-arrow";
import { dtypeOfArrow } from "../columnar/arrow-columns.js";
import { type DType, isList, isNumeric } from "../columnar/dtypes.js";
import { ownTable } from "../columnar/foreign-tables.js";
import { DURATION_UNITS, type Duration, type Instant, parseDuration } from "../columnar/instants.js";
import { comparable } from "../compiler/resolve/conversions.js";
import { literalOf, writtenLiteral } from "../compiler/resolve/literals.js";
import { AGGREGATES, type Aggregate, type AggregationSpec, type Window } from "../definitions/aggregations.js";
import { rollingColumn } from "../definitions/aggregations-schema.js";
import type { Literal } from "../definitions/literal.js";
import { isName } from "../definitions/schema-scalars.js";
import type { PitRelation, PitTableJob } from "../engines/pit-table.js";
import { ConditionFault, conditionColumn } from "../engines/sql/pit-conditions.js";
import { nearest } from "../errors/nearest.js";
import { pitTableProblem } from "../errors/pit-table.js";
import { DaedalusError, type Problem } from "../errors/problem.js";
import type { KeyPair } from "../operators/operator.js";
import { type RollingOutput, type RollingSpec, rollingAggregate } from "../operators/rolling-aggregate.js";
import { isObject, refuseShapes, SPEC_SHAPE, shapeProblems, written } from "./pit-table-shapes.js";
import { type PitTimeUnit, ticksColumn } from "./pit-table-times.js";

/**
 * What is made of each row's history: an entry of `aggregation_specs` in aggregations.yaml, its keys in camel case. What may
 * be left out has that file's default.
 */
export interface PitTableSpec
  extends Pick<
    AggregationSpec,
    "name" | "view" | "sourceColumn" | "match" | "where" | "timestamp" | "windows" | "events"
  > {
  readonly agg: Aggregate;
  /** Rows of the same values share their history; without `view`. */
  readonly partitionBy?: string | readonly string[];
  readonly excludeSelf?: boolean | string;
  readonly flattenDistinct?: boolean;
  readonly maxLength?: number | bigint;
}

/** A table whose rows are a history for the rows of another. */
export interface PitTableView {
  readonly table: Table;
  readonly timestampColumn: string;
  /** Needed where the time columns are integers. */
  readonly timestampUnit?: PitTimeUnit;
  /** From when on a row is known; a row with `available > t` is not there for `t`. */
  readonly availableColumn?: string;
}

export interface PitTableOptions {
  /** The table's column with each row's time: a Timestamp, a Date, or an integer with `timestampUnit`; without NULLs. */
  readonly timestampColumn: string;
  readonly timestampUnit?: PitTimeUnit;
  /** The table's column that `events` of a spec are values of. */
  readonly eventColumn?: string;
  /** Other histories, by the name that a spec's `view` gives. */
  readonly views?: Readonly<Record<string, PitTableView>>;
  /** Threads that work, the calling one included; 2 without it. The answer does not depend on it. */
  readonly threads?: number;
  /**
   * Bytes that the engine `kernel` may take at once for indexes of the matching history; 2 GiB without it, of the 4 that a
   * WebAssembly memory has. A larger history is indexed by parts of the keys, one after the other.
   */
  readonly memory?: number;
}

/** A condition over the rows of a history; `column` is what becomes of it. */
interface Condition {
  readonly of: string;
  readonly text: string;
  readonly relation: string;
  readonly column: string;
}

export interface CheckedCall {
  readonly job: Omit<PitTableJob, "threads">;
  /** The output columns, in order. */
  readonly fields: readonly Field[];
}

const ROWS = "rows";

/** The call as rolling aggregates over relations, its conditions settled. Throws all its mistakes as one `DaedalusError`. */
export async function checkCall(
  table: Table,
  specs: readonly PitTableSpec[],
  options: PitTableOptions,
): Promise<CheckedCall> {
  refuseShapes(table, specs, options);
  const call = new Call(ownTable(table), withOwnTables(options));
  for (const spec of specs) call.add(spec);
  // Conditions cost an instance of DuckDB: other mistakes are told without.
  if (call.problems.length === 0) await call.settle();
  if (call.problems.length === 0) call.checkNames();
  if (call.problems.length > 0) throw new DaedalusError(call.problems, 2);
  return call.checked();
}

function withOwnTables(options: PitTableOptions): PitTableOptions {
  const { views } = options;
  if (views === undefined) return options;
  const own = Object.entries(views).map(([name, view]) => [name, { ...view, table: ownTable(view.table) }] as const);
  return { ...options, views: Object.fromEntries(own) };
}

/** Before the name of a column: its instants as ticks. */
const TIME = "@time:";

/** A table with its columns as they are asked for. */
class Side {
  readonly columns = new Map<string, Vector>();
  readonly #table: Table;
  readonly #problems: Problem[];
  readonly what: string;
  readonly #unit: PitTimeUnit | undefined;
  readonly #times = new Map<string, Instant | undefined>();

  constructor(table: Table, what: string, unit: PitTimeUnit | undefined, problems: Problem[]) {
    this.#table = table;
    this.what = what;
    this.#unit = unit;
    this.#problems = problems;
  }

  /** Of the table's columns that are used. */
  get names(): readonly string[] {
    const names = [...this.columns.keys()].map((name) => (name.startsWith(TIME) ? name.slice(TIME.length) : name));
    return [...new Set(names.filter((name) => this.#table.getChild(name) !== null))];
  }

  get relation(): PitRelation {
    return { rows: this.#table.numRows, columns: this.columns };
  }

  /** A column that a spec names; told and undefined if it cannot be used. */
  column(
    name: string,
    of: string,
  ): { readonly name: string; readonly type: DataType; readonly dtype: DType } | undefined {
    const vector = this.#vector(name, of);
    if (vector === undefined) return undefined;
    const dtype = dtypeOfArrow(vector.type);
    if (dtype === undefined) {
      this.#problems.push(
        pitTableProblem("unsupported-type", { column: name, table: this.what, type: String(vector.type) }),
      );
      return undefined;
    }
    this.columns.set(name, vector);
    return { name, type: vector.type, dtype };
  }

  /** A column that a condition names. */
  values(name: string, of: string): Vector | undefined {
    return this.column(name, of) && this.columns.get(name);
  }

  /** The column's instants, as a column of ticks. `required`: no row may be without. */
  instant(name: string, of: string, required: boolean): Instant | undefined {
    const key = `${TIME}${name}`;
    if (this.#times.has(key)) return this.#times.get(key);
    const vector = this.#vector(name, of);
    const ticks = vector && ticksColumn(vector, this.#unit, { column: name, table: this.what, required });
    let instant: Instant | undefined;
    if (ticks !== undefined && "code" in ticks) this.#problems.push(ticks);
    else if (ticks !== undefined) {
      this.columns.set(key, ticks.vector);
      instant = { column: key, resolution: ticks.resolution };
    }
    this.#times.set(key, instant);
    return instant;
  }

  #vector(name: string, of: string): Vector | undefined {
    const vector = this.#table.getChild(name);
    if (vector !== null) return vector;
    const names = this.#table.schema.fields.map((field) => field.name);
    const told = { column: name, table: this.what, of, nearest: nearest(name, names) };
    this.#problems.push(pitTableProblem("unknown-column", told));
    return undefined;
  }
}

class Call {
  readonly problems: Problem[] = [];
  readonly #options: PitTableOptions;
  readonly #sides = new Map<string, Side>();
  readonly #time: Instant | undefined;
  readonly #specs = new Map<string, RollingSpec[]>();
  readonly #conditions: Condition[] = [];
  readonly #fields: Field[] = [];
  /** Which makes an output column. */
  readonly #made = new Map<string, string>();

  constructor(table: Table, options: PitTableOptions) {
    this.#options = options;
    for (const { name } of table.schema.fields) this.#made.set(name.toLowerCase(), "the table");
    const rows = new Side(table, "the table", options.timestampUnit, this.problems);
    this.#sides.set(ROWS, rows);
    this.#time = rows.instant(options.timestampColumn, "options.timestampColumn", true);
    const { memory = 1 } = options;
    if (!Number.isFinite(memory) || memory < 1) this.#bad("memory", "the options", String(memory), "a number of bytes");
    const threads = options.threads ?? 1;
    if (!Number.isInteger(threads) || threads < 1 || threads > MOST_THREADS)
      this.#bad("threads", "the options", String(threads), `an integer from 1 to ${MOST_THREADS}`);
  }

  checked(): CheckedCall {
    const time = this.#time;
    if (time === undefined) throw new RangeError("a call without times was not refused");
    const aggregates = [...this.#specs].map(([history, specs]) =>
      rollingAggregate.of({
        name: history,
        engine: "sql",
        inputs: [ROWS, history],
        output: `${history}_aggregated`,
        timestampColumn: time,
        rollingEngine: "kernel",
        specs,
      }),
    );
    const relations = new Map([...this.#sides].map(([name, side]) => [name, side.relation]));
    const types = new Map(this.#fields.map(({ name, type }) => [name, type as DataType]));
    return { job: { aggregates, relations, types }, fields: this.#fields };
  }

  /** Conditions become columns of their relations. */
  async settle(): Promise<void> {
    for (const { of, text, relation, column } of this.#conditions) {
      const side = this.#sides.get(relation);
      if (side === undefined) throw new RangeError(`there is no relation "${relation}"`);
      try {
        const holds = await conditionColumn(text, side.relation.rows, (name) => side.values(name, of));
        if (holds !== undefined) side.columns.set(column, holds);
      } catch (error) {
        if (!(error instanceof ConditionFault)) throw error;
        this.#problem("bad-condition", { of, text, says: error.message });
      }
    }
  }

  add(spec: PitTableSpec): void {
    const before = this.problems.length;
    const of = isObject(spec) ? `the spec "${String(spec.name)}"` : "a spec";
    if (isObject(spec)) this.problems.push(...shapeProblems(spec, SPEC_SHAPE, of));
    else this.#bad("an entry", "specs", written(spec), "{name, agg, …}");
    if (this.problems.length > before) return;
    if (typeof spec.name !== "string" || !isName(spec.name))
      this.#bad("name", "a spec", String(spec.name), "letters, digits and _, a letter or _ first");
    if (!AGGREGATES.includes(spec.agg)) {
      const near = nearest(String(spec.agg), AGGREGATES);
      this.#bad(
        "agg",
        of,
        JSON.stringify(spec.agg) ?? "missing",
        `${AGGREGATES.join(", ")}${near === undefined ? "" : `; did you mean "${near}"?`}`,
      );
      return;
    }
    const windows = this.#windows(spec, of);
    const maxLength = this.#maxLength(spec, of);
    const history = this.#history(spec, of);
    if (history === undefined) return;
    const { side, name: relation, time: rightTime, availableTime } = history;
    const source = spec.sourceColumn === undefined ? undefined : side.column(spec.sourceColumn, of);
    if (source === undefined && spec.sourceColumn !== undefined) return;
    if (spec.sourceColumn === undefined && spec.agg !== "count")
      this.#problem("key-needed", {
        key: "sourceColumn",
        of,
        because: `agg: ${spec.agg}`,
        expected: "the column whose values are aggregated",
      });
    const flattenDistinct = spec.flattenDistinct ?? false;
    if (flattenDistinct && spec.agg !== "list" && spec.agg !== "count_distinct")
      this.#problem("key-not-allowed", {
        key: "flattenDistinct",
        of,
        because: `with agg: ${spec.agg}`,
        help: "it takes agg: list or agg: count_distinct",
      });
    const type = this.#result(spec, source, of);
    const on = spec.view === undefined ? this.#partitions(spec, of) : this.#matches(spec, side, of);
    const events = this.#events(spec, of);
    const excludeSelf = this.#excluded(spec, source, of);
    const where = spec.where === undefined ? undefined : this.#condition(spec.where, relation, of);
    const rows = this.#rows;
    if (rows === undefined || this.problems.length > before || rightTime === undefined || type === undefined) return;
    const outputs = windows.map((window): RollingOutput => {
      const column = rollingColumn(spec.name, window);
      this.#claim(column, of, type);
      const dtype = dtypeOfArrow(type);
      if (dtype === undefined) throw new RangeError(`${String(type)} has no dtype`);
      return { name: column, window, dtype };
    });
    const specs = this.#specs.get(relation) ?? [];
    this.#specs.set(relation, specs);
    specs.push({
      name: spec.name,
      agg: spec.agg,
      ...(source === undefined ? {} : { source: { name: source.name, dtype: source.dtype } }),
      on,
      rightTime,
      ...(availableTime === undefined ? {} : { availableTime }),
      ...(events === undefined ? {} : { events }),
      ...(where === undefined ? {} : { where }),
      ...(excludeSelf === undefined ? {} : { excludeSelf }),
      flattenDistinct,
      ...(maxLength === undefined ? {} : { maxLength }),
      outputs,
    });
  }

  /** Columns that are used, and views, must differ in more than case: SQL does not tell them apart. */
  checkNames(): void {
    const lists = [...this.#sides.values()].map((side) => ({ what: side.what, names: side.names }));
    for (const { what, names } of [
      ...lists,
      { what: "options.views", names: Object.keys(this.#options.views ?? {}) },
    ]) {
      const known = new Map<string, string>();
      for (const name of names) {
        const first = known.get(name.toLowerCase());
        if (first !== undefined) this.#problem("names-alike", { of: what, first, second: name });
        known.set(name.toLowerCase(), name);
      }
    }
  }

  get #rows(): Side | undefined {
    return this.#sides.get(ROWS);
  }

  #problem(...parameters: Parameters<typeof pitTableProblem>): undefined {
    this.problems.push(pitTableProblem(...parameters));
    return undefined;
  }

  #bad(key: string, of: string, value: string, expected: string): undefined {
    return this.#problem("bad-value", { key, of, value, expected });
  }

  #claim(column: string, of: string, type: DataType): void {
    const first = this.#made.get(column.toLowerCase());
    if (first !== undefined) this.#problem("produced-twice", { column, first, second: of });
    this.#made.set(column.toLowerCase(), of);
    this.#fields.push(new Field(column, type, true));
  }

  #windows(spec: PitTableSpec, of: string): readonly Window[] {
    const windows: readonly Window[] = Array.isArray(spec.windows) ? spec.windows : [];
    if (windows.length === 0)
      this.#bad("windows", of, JSON.stringify(spec.windows) ?? "missing", "a list of durations and all");
    const accepted: Window[] = [];
    for (const window of windows) {
      const text = String(window);
      const known: Duration | "all" | undefined = text === "all" ? "all" : parseDuration(text);
      if (known === undefined)
        this.#bad(
          "windows",
          of,
          JSON.stringify(text),
          `all, or a positive integer with one of ${DURATION_UNITS.join(" ")}: 7d, 12h`,
        );
      else if (accepted.includes(known)) this.#bad("windows", of, JSON.stringify(text), "each window once");
      else accepted.push(known);
    }
    return accepted;
  }

  #maxLength({ maxLength, agg }: PitTableSpec, of: string): bigint | undefined {
    if (maxLength === undefined) return undefined;
    if (agg !== "list")
      return this.#problem("key-not-allowed", {
        key: "maxLength",
        of,
        because: `with agg: ${agg}`,
        help: "it takes agg: list",
      });
    const isInteger = typeof maxLength === "bigint" || Number.isSafeInteger(maxLength);
    if (!isInteger || maxLength < 1) return this.#bad("maxLength", of, String(maxLength), "an integer from 1 on");
    // No list is longer.
    const most = 2n ** 31n - 1n;
    return BigInt(maxLength) > most ? most : BigInt(maxLength);
  }

  #history(spec: PitTableSpec, of: string) {
    const { view: name } = spec;
    if (name === undefined) {
      for (const key of ["match", "timestamp"] as const)
        if (spec[key] !== undefined)
          this.#problem("key-not-allowed", {
            key,
            of,
            because: "without view",
            help: "remove it, or say with view whose rows are the history",
          });
      const side = this.#rows;
      return side && { side, name: ROWS, time: this.#time, availableTime: undefined };
    }
    const views = this.#options.views ?? {};
    const view = Object.hasOwn(views, name) ? views[name] : undefined;
    if (view === undefined)
      return this.#problem("unknown-view", { view: name, of, nearest: nearest(name, Object.keys(views)) });
    const relation = `view:${name}`;
    const side =
      this.#sides.get(relation) ?? new Side(view.table, `the view "${name}"`, view.timestampUnit, this.problems);
    this.#sides.set(relation, side);
    const time = side.instant(spec.timestamp ?? view.timestampColumn, of, false);
    const availableTime =
      view.availableColumn === undefined ? undefined : side.instant(view.availableColumn, of, false);
    return { side, name: relation, time, availableTime };
  }

  #partitions({ partitionBy }: PitTableSpec, of: string): readonly KeyPair[] {
    const names = partitionBy === undefined ? [] : typeof partitionBy === "string" ? [partitionBy] : partitionBy;
    if (names.length === 0)
      this.#problem("key-needed", {
        key: "partitionBy",
        of,
        because: "without view",
        expected: "the column whose rows share a history",
      });
    return names.flatMap((name) => (this.#rows?.column(name, of) === undefined ? [] : [{ left: name, right: name }]));
  }

  #matches({ match, view, partitionBy }: PitTableSpec, side: Side, of: string): readonly KeyPair[] {
    if (partitionBy !== undefined)
      this.#problem("key-not-allowed", {
        key: "partitionBy",
        of,
        because: "with view",
        help: "write match: {view column: table column}",
      });
    const pairs = Object.entries(match ?? {});
    if (pairs.length === 0)
      this.#problem("key-needed", {
        key: "match",
        of,
        because: `view: ${view}`,
        expected: "view column: table column, for each key",
      });
    return pairs.flatMap(([rightName, leftName]) => {
      const right = side.column(rightName, of);
      const left = this.#rows?.column(leftName, of);
      if (left === undefined || right === undefined) return [];
      if (!areComparable(left.type, right.type))
        this.#problem("types-differ", {
          of,
          left: leftName,
          leftType: told(left),
          right: rightName,
          rightType: told(right),
          why: "match",
        });
      return [{ left: leftName, right: rightName }];
    });
  }

  #events({ events, view }: PitTableSpec, of: string): RollingSpec["events"] {
    if (events === undefined) return undefined;
    if (view !== undefined)
      return this.#problem("key-not-allowed", {
        key: "events",
        of,
        because: "with view",
        help: "write where: … over the view's columns",
      });
    const { eventColumn } = this.#options;
    if (eventColumn === undefined)
      return this.#problem("key-needed", {
        key: "eventColumn",
        of: "the options",
        because: `${of} has events`,
        expected: "the column whose values they are",
      });
    const column = this.#rows?.column(eventColumn, "options.eventColumn");
    if (column === undefined) return undefined;
    if (!Array.isArray(events) || events.length === 0)
      return this.#bad("events", of, JSON.stringify(events) ?? "missing", "a list of values");
    const values: Literal[] = [];
    for (const event of events as readonly Literal[]) {
      const value = event === null || isList(column.dtype) ? undefined : literalOf(event, column.dtype);
      if (value === undefined)
        this.#problem("bad-event", { of, value: writtenLiteral(event), column: eventColumn, dtype: column.dtype });
      else values.push(value);
    }
    return { column: eventColumn, values };
  }

  #excluded(spec: PitTableSpec, source: Typed | undefined, of: string): string | undefined {
    const { excludeSelf = false, sourceColumn, view, flattenDistinct } = spec;
    if (excludeSelf === false) return undefined;
    if (sourceColumn === undefined || source === undefined)
      return this.#problem("key-not-allowed", {
        key: "excludeSelf",
        of,
        because: "without sourceColumn",
        help: "name the sourceColumn whose values are compared, or remove it",
      });
    if (excludeSelf === true && view !== undefined)
      return this.#problem("key-not-allowed", {
        key: "excludeSelf: true",
        of,
        because: "with view",
        help: "name the table's column whose value is dropped",
      });
    const name = excludeSelf === true ? sourceColumn : excludeSelf;
    const own = this.#rows?.column(name, of);
    if (own === undefined) return undefined;
    const [left, right] =
      flattenDistinct === true ? [elementType(own.type), elementType(source.type)] : [own.type, source.type];
    if (!areComparable(left, right))
      this.#problem("types-differ", {
        of,
        left: name,
        leftType: told(own),
        right: sourceColumn,
        rightType: told(source),
        why: "excludeSelf",
      });
    return name;
  }

  #condition(text: string, relation: string, of: string): RollingSpec["where"] {
    const known = this.#conditions.find((one) => one.relation === relation && one.text === text);
    // By numbers: SQL takes names that differ only in case for one.
    const column = known?.column ?? `@where:${this.#conditions.length}`;
    if (known === undefined) this.#conditions.push({ of, text, relation, column });
    return { text, sql: `"${column.replaceAll('"', '""')}"`, columns: [column] };
  }

  /** The Arrow type of the spec's columns; told and undefined if the aggregate cannot be made of the source column. */
  #result(
    { agg, flattenDistinct = false }: PitTableSpec,
    source: { readonly name: string; readonly type: DataType; readonly dtype: DType } | undefined,
    of: string,
  ): DataType | undefined {
    if (source === undefined) return agg === "count" ? new Int64() : undefined;
    const { name: column, type, dtype } = source;
    const wrong = (help: string) => this.#problem("wrong-source", { of, agg, column, dtype, help });
    if (flattenDistinct && !isList(dtype)) return wrong("flattenDistinct takes a column of lists");
    if (isList(dtype) && !flattenDistinct && agg !== "count")
      return wrong("without flattenDistinct, lists can only be counted");
    switch (agg) {
      case "count":
      case "count_distinct":
        return new Int64();
      case "list": {
        const element = DataType.isList(type) ? type.children[0]?.type : type;
        return element && new List(new Field("item", plain(element), true));
      }
      case "sum":
      case "mean": {
        // A Timestamp of another unit than microseconds has the dtype of its integers.
        if (!isNumeric(dtype) || DataType.isTimestamp(type) || DataType.isDate(type))
          return wrong(`${agg} takes numbers`);
        return agg === "sum" && DataType.isInt(type) ? new Int64() : new Float64();
      }
      default:
        return plain(type);
    }
  }
}

/** A column's type, and what it is here. */
interface Typed {
  readonly type: DataType;
  readonly dtype: DType;
}

function elementType(type: DataType): DataType {
  return DataType.isList(type) ? (type.children[0]?.type ?? type) : type;
}

/** Whether values can be compared: integers of any width, times of one unit, others of one type. */
function areComparable(left: DataType, right: DataType): boolean {
  const [own, other] = [dtypeOfArrow(left), dtypeOfArrow(right)];
  return own !== undefined && other !== undefined && comparable(own, other) && unitOf(left) === unitOf(right);
}

/** Of a time; without it, ticks of two units would be taken for one. */
function unitOf(type: DataType): string | undefined {
  const element = elementType(type);
  if (DataType.isTimestamp(element)) return `timestamp ${element.unit}`;
  return DataType.isDate(element) ? `date ${element.unit}` : undefined;
}

/** The type in a reader's words. */
function told({ type, dtype }: Typed): string {
  return unitOf(type) === undefined ? dtype : String(type);
}

/** Results hold texts themselves, without a dictionary. */
function plain(type: DataType): DataType {
  return dtypeOfArrow(type) === "TEXT" ? new Utf8() : type;
}

const MOST_THREADS = 256;
