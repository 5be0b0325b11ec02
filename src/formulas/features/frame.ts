import {
  type Data,
  DataType,
  Dictionary,
  Int32,
  makeData,
  type Table,
  type Timestamp,
  TimeUnit,
  Utf8,
  type Vector,
  vectorFromArray,
} from "apache-arrow";
import { dtypeOfArrow, FixedColumn, TextColumn, validBytesOf } from "../../columnar/arrow-columns.js";
import { NumberedBytes } from "../../columnar/numbered-bytes.js";
import { frameProblem } from "../../errors/formula.js";
import { DaedalusError } from "../../errors/problem.js";
import type { GivenColumn } from "../lowering/kernel/symbol-run.js";
import { type RowsByTime, rowsByTime } from "./rows-by-time.js";
import { type ColumnType, EVENT_TIME, SEQUENCE_COLUMNS, SYMBOL, type TableColumns } from "./tables.js";

/** The rows of a symbol, in their order: a range of the frame's. */
export interface SymbolRows {
  readonly symbol: string | undefined;
  readonly from: number;
  readonly to: number;
}

/**
 * A table in the order of its symbols, and of each symbol's rows: by time, then by the first of `trade_id`, `sequence` and `bar_id`
 * that it has, then as they came.
 */
export class Frame {
  readonly rows: number;
  readonly symbols: readonly SymbolRows[];
  readonly columns: TableColumns;
  /** Rows of the table, in the frame's order; absent: they are in it. */
  readonly order: Int32Array | undefined;
  readonly #symbolCodes: SymbolCodes;
  /** In the table's unit, in the frame's order. */
  readonly #times: BigInt64Array;
  readonly #unit: TimeUnit;
  #nanos: BigInt64Array | undefined;
  #byTime: RowsByTime | undefined;

  /** Throws DaedalusError (exit code 2) for a table without times, or with rows that have none. */
  constructor(
    readonly name: string,
    readonly table: Table,
  ) {
    this.rows = table.numRows;
    this.columns = { name, columns: columnTypes(table) };
    const { unit, times } = timesOf(name, table);
    this.#unit = unit;
    const symbols = symbolsOf(name, table);
    this.#symbolCodes = symbols;
    const order = orderOf(times, symbols, sequenceOf(table));
    this.order = order;
    this.#times = order === undefined ? times : timesInOrder(times, order);
    this.symbols = this.#ranges(symbols);
  }

  /** Nanoseconds since 1970, in the frame's order. */
  get times(): BigInt64Array {
    const factor = NANOS[this.#unit];
    this.#nanos ??= factor === 1n ? this.#times : this.#times.map((time) => time * factor);
    return this.#nanos;
  }

  get byTime(): RowsByTime {
    this.#byTime ??= rowsByTime(this.#times, this.symbols);
    return this.#byTime;
  }

  #ranges({ codes, names }: SymbolCodes): readonly SymbolRows[] {
    const ranges: SymbolRows[] = [];
    let from = 0;
    for (let row = 1; row <= this.rows; row++) {
      const code = this.#codeAt(codes, from);
      if (row < this.rows && this.#codeAt(codes, row) === code) continue;
      ranges.push({ symbol: names[code], from, to: row });
      from = row;
    }
    return ranges;
  }

  #codeAt(codes: Int32Array | undefined, row: number): number {
    return codes?.[this.order?.[row] ?? row] ?? 0;
  }

  /** Of the column `symbol`, in the frame's order: a dictionary; undefined if the table has none. */
  symbolData(): Data | undefined {
    const { codes, names } = this.#symbolCodes;
    if (codes === undefined) return undefined;
    const { order } = this;
    const data = order === undefined ? codes : codes.map((_, row) => codes[order[row] as number] as number);
    const dictionary = vectorFromArray(names as string[], new Utf8());
    return makeData({
      type: new Dictionary(new Utf8(), new Int32()),
      length: this.rows,
      nullCount: 0,
      data,
      dictionary,
    });
  }

  /** Of the column `event_time`, in the frame's order and of the table's type. */
  timeData(): Data {
    const { type } = this.table.getChild(EVENT_TIME) as Vector<Timestamp>;
    return makeData({ type, length: this.rows, nullCount: 0, data: this.#times } as Parameters<typeof makeData>[0]);
  }

  /** A column's values as doubles, in the frame's order. */
  doubles(name: string): GivenColumn {
    const vector = this.table.getChild(name);
    if (vector === null) throw new RangeError(`the frame has no column ${name}`);
    const values = doublesOf(vector);
    const valid = validBytesOf(vector);
    const { order } = this;
    if (order === undefined) return valid === undefined ? { values } : { values, valid };
    const ordered = new Float64Array(this.rows);
    for (let row = 0; row < this.rows; row++) ordered[row] = values[order[row] as number] as number;
    if (valid === undefined) return { values: ordered };
    const orderedValid = new Uint8Array(this.rows);
    for (let row = 0; row < this.rows; row++) orderedValid[row] = valid[order[row] as number] as number;
    return { values: ordered, valid: orderedValid };
  }
}

function columnTypes(table: Table): ReadonlyMap<string, ColumnType> {
  return new Map(table.schema.fields.map(({ name, type }) => [name, columnType(type)]));
}

/** What a column of an Arrow type is to a formula. */
export function columnType(type: DataType): ColumnType {
  if (DataType.isBool(type)) return "Boolean";
  if (DataType.isInt(type) || DataType.isFloat(type) || DataType.isDecimal(type)) return "Float64";
  return { refused: String(type) };
}

/** The nearest doubles; of what is NULL, anything. */
function doublesOf(vector: Vector): Float64Array {
  const { type } = vector;
  const [only, ...more] = vector.data;
  if (DataType.isFloat(type) && type.precision === 2 && only !== undefined && more.length === 0)
    return (only.values as Float64Array).subarray(0, vector.length);
  const values = new Float64Array(vector.length);
  if (DataType.isBool(type)) {
    const bytes = new FixedColumn(vector).whole();
    for (let row = 0; row < values.length; row++) values[row] = bytes[row] as number;
    return values;
  }
  if (DataType.isDecimal(type) || (DataType.isFloat(type) && type.precision === 0)) {
    for (let row = 0; row < values.length; row++) values[row] = numberOf(vector, row, type);
    return values;
  }
  let at = 0;
  for (const { values: chunk, length } of vector.data) {
    if (chunk instanceof BigInt64Array || chunk instanceof BigUint64Array)
      for (let row = 0; row < length; row++) values[at + row] = Number(chunk[row]);
    else values.set((chunk as Float64Array).subarray(0, length), at);
    at += length;
  }
  return values;
}

/** Decimals and half floats, a value at a time. */
function numberOf(vector: Vector, row: number, type: DataType): number {
  const value: unknown = vector.get(row);
  if (value === null) return 0;
  if (!DataType.isDecimal(type)) return Number(value);
  const words = value as Uint32Array;
  const digits = words.reduceRight((high, low) => (high << 32n) | BigInt(low), 0n);
  return Number(`${BigInt.asIntN(words.length * 32, digits)}e${-type.scale}`);
}

const NANOS: Readonly<Record<TimeUnit, bigint>> = {
  [TimeUnit.SECOND]: 1_000_000_000n,
  [TimeUnit.MILLISECOND]: 1_000_000n,
  [TimeUnit.MICROSECOND]: 1_000n,
  [TimeUnit.NANOSECOND]: 1n,
};

/** In the table's unit. */
function timesOf(name: string, table: Table): { readonly unit: TimeUnit; readonly times: BigInt64Array } {
  const vector = table.getChild(EVENT_TIME);
  const refuse = (problem: ReturnType<typeof frameProblem>): never => {
    throw new DaedalusError([problem], 2);
  };
  if (vector === null) return refuse(frameProblem("no-times", { table: name }));
  const { type } = vector;
  if (!DataType.isTimestamp(type)) return refuse(frameProblem("wrong-times", { table: name, type: String(type) }));
  if (vector.nullCount > 0) {
    const row = validBytesOf(vector)?.indexOf(0) ?? 0;
    return refuse(frameProblem("missing-value", { table: name, row: row + 1, column: EVENT_TIME }));
  }
  const [only, ...more] = vector.data;
  if (only !== undefined && more.length === 0)
    return { unit: type.unit, times: (only.values as BigInt64Array).subarray(0, vector.length) };
  const times = new BigInt64Array(vector.length);
  let at = 0;
  for (const { values, length } of vector.data) {
    times.set((values as BigInt64Array).subarray(0, length), at);
    at += length;
  }
  return { unit: type.unit, times };
}

/** The times of the rows that the order names; moved by their halves, which need no big integers. */
function timesInOrder(times: BigInt64Array, order: Int32Array): BigInt64Array {
  const ordered = new BigInt64Array(order.length);
  const [from, to] = [halvesOf(times), halvesOf(ordered)];
  for (let row = 0; row < order.length; row++) {
    const place = (order[row] as number) * 2;
    to[row * 2] = from[place] as number;
    to[row * 2 + 1] = from[place + 1] as number;
  }
  return ordered;
}

function halvesOf({ buffer, byteOffset, length }: BigInt64Array): Int32Array {
  return new Int32Array(buffer, byteOffset, length * 2);
}

interface SymbolCodes {
  /** Absent: there is one symbol. */
  readonly codes: Int32Array | undefined;
  /** By code, ascending as UTF-8. */
  readonly names: readonly (string | undefined)[];
}

function symbolsOf(name: string, table: Table): SymbolCodes {
  const vector = table.getChild(SYMBOL);
  if (vector === null) return { codes: undefined, names: [undefined] };
  if (vector.nullCount > 0) {
    const row = validBytesOf(vector)?.indexOf(0) ?? 0;
    throw new DaedalusError([frameProblem("missing-value", { table: name, row: row + 1, column: SYMBOL })], 2);
  }
  if (dtypeOfArrow(vector.type) === "TEXT") {
    const texts = new NumberedBytes();
    const numbers = new TextColumn(vector).map(texts.add);
    const ranks = texts.ranks();
    const names = new Array<string>(texts.count);
    const decoder = new TextDecoder();
    ranks.forEach((rank, number) => {
      names[rank] = decoder.decode(texts.bytes.subarray(texts.from(number), texts.to(number)));
    });
    return { codes: numbers.map((number) => ranks[number] as number), names };
  }
  const names = [...new Set(Array.from(vector, String))].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  const codes = new Map(names.map((symbol, code) => [symbol, code]));
  return { codes: Int32Array.from(vector, (symbol) => codes.get(String(symbol)) as number), names };
}

/** Numbers that order the rows of one time; absent: they stay as they came. */
function sequenceOf(table: Table): ((row: number) => number | bigint) | undefined {
  const name = SEQUENCE_COLUMNS.find((column) => table.getChild(column) !== null);
  const vector = name === undefined ? null : table.getChild(name);
  if (vector === null || columnType(vector.type) !== "Float64") return undefined;
  // NULLs come last.
  return (row) => vector.get(row) ?? Infinity;
}

/** The order of rows by symbol, time, sequence and place; undefined where they lie in it. */
function orderOf(
  times: BigInt64Array,
  { codes }: SymbolCodes,
  sequence: ((row: number) => number | bigint) | undefined,
): Int32Array | undefined {
  const halves = halvesOf(times);
  const compare = (a: number, b: number): number => {
    const symbols = codes === undefined ? 0 : (codes[a] as number) - (codes[b] as number);
    if (symbols !== 0) return symbols;
    // The higher half decides with its sign, the lower one without.
    const high = (halves[a * 2 + 1] as number) - (halves[b * 2 + 1] as number);
    if (high !== 0) return high;
    const low = ((halves[a * 2] as number) >>> 0) - ((halves[b * 2] as number) >>> 0);
    if (low !== 0) return low;
    if (sequence === undefined) return 0;
    const [first, second] = [sequence(a), sequence(b)];
    return first < second ? -1 : first > second ? 1 : 0;
  };
  let sorted = true;
  for (let row = 1; row < times.length && sorted; row++) sorted = compare(row - 1, row) <= 0;
  if (sorted) return undefined;
  const order = bySymbol(times.length, codes);
  // Rows of a symbol that already are in order need no sort: that is how tables mostly lie.
  let inOrder = true;
  for (let at = 1; at < order.length && inOrder; at++)
    inOrder = compare(order[at - 1] as number, order[at] as number) <= 0;
  return inOrder ? order : order.sort((a, b) => compare(a, b) || a - b);
}

/** Rows by symbol, each symbol's as they came. */
function bySymbol(rows: number, codes: Int32Array | undefined): Int32Array {
  const order = new Int32Array(rows);
  if (codes === undefined) return order.map((_, row) => row);
  const counts: number[] = [];
  for (const code of codes) counts[code] = (counts[code] ?? 0) + 1;
  let from = 0;
  const starts = Array.from(counts, (count = 0) => {
    const start = from;
    from += count;
    return start;
  });
  for (let row = 0; row < rows; row++) {
    const code = codes[row] as number;
    order[starts[code] as number] = row;
    starts[code] = (starts[code] as number) + 1;
  }
  return order;
}
