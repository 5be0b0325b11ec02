import fc from "fast-check";
import { expect, test } from "vitest";
import type { Aggregate } from "#daedalus/definitions/aggregations.js";
import type { HistoryBatch } from "#daedalus/kernels/history-index.js";
import { DOUBLE_CODES, FLOAT_CODES, INTEGER_CODES } from "#daedalus/kernels/kernels.js";
import {
  type OwnColumn,
  type QueryBatch,
  SumOutside,
  type ValueForm,
  WindowColumns,
  type WindowOutput,
} from "#daedalus/kernels/window-columns.js";
import { aggregate, distinctByLatest, inOrder, mostRecent, type Occurrence } from "../oracles/history.js";
import { type Dtype, equalValues, OracleStop, show, type Value } from "../oracles/values.js";

// The kernels against the naive oracle, on nasty histories, without an engine around them.

const FORMS: Readonly<Record<string, ValueForm & { dtype: Dtype; pool: readonly Value[] }>> = {
  bigint: {
    kind: INTEGER_CODES,
    width: 8,
    dtype: "BIGINT",
    pool: [0n, 1n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 9007199254740993n, 5n],
  },
  integer: { kind: INTEGER_CODES, width: 4, dtype: "INTEGER", pool: [0n, 1n, -1n, 2n ** 31n - 1n, -(2n ** 31n), 7n] },
  smallint: { kind: INTEGER_CODES, width: 2, dtype: "SMALLINT", pool: [0n, -1n, 32767n, -32768n] },
  tinyint: { kind: INTEGER_CODES, width: 1, dtype: "TINYINT", pool: [0n, -1n, 127n, -128n, 3n] },
  double: {
    kind: DOUBLE_CODES,
    width: 8,
    dtype: "DOUBLE",
    pool: [
      0,
      -0,
      1.5,
      -1.5,
      0.1,
      0.2,
      0.3,
      Number.NaN,
      Infinity,
      -Infinity,
      1e300,
      -1e300,
      5e-324,
      2 ** -1022,
      1e16,
      1,
    ],
  },
  prices: { kind: DOUBLE_CODES, width: 8, dtype: "DOUBLE", pool: [0, -0, 19.99, 0.1, -0.3, 1e6, 123456.78] },
  float: {
    kind: FLOAT_CODES,
    width: 4,
    dtype: "FLOAT",
    pool: [0, -0, 1.5, Math.fround(0.1), Math.fround(3.4e38), Number.NaN, -Infinity, Math.fround(1e-45)],
  },
};

interface Row {
  readonly key: bigint;
  readonly time: bigint;
  readonly available: bigint;
  readonly value: Value;
}

interface Query {
  readonly key: bigint | null;
  readonly time: bigint;
  readonly own: Value;
  readonly ownList: readonly Value[] | null;
}

function bytesOf(values: readonly Value[], { kind, width }: ValueForm): Uint8Array {
  const bytes = new Uint8Array(values.length * width);
  const view = new DataView(bytes.buffer);
  values.forEach((value, i) => {
    if (kind === DOUBLE_CODES) view.setFloat64(i * 8, Number(value ?? 0), true);
    else if (kind === FLOAT_CODES) view.setFloat32(i * 4, Number(value ?? 0), true);
    else if (width === 8) view.setBigInt64(i * 8, BigInt((value as bigint | null) ?? 0n), true);
    else if (width === 4) view.setInt32(i * 4, Number(value ?? 0), true);
    else if (width === 2) view.setInt16(i * 2, Number(value ?? 0), true);
    else view.setInt8(i, Number(value ?? 0));
  });
  return bytes;
}

function valueAt(memory: ArrayBuffer, at: number, { kind, width }: ValueForm): Value {
  const view = new DataView(memory);
  if (kind === DOUBLE_CODES) return view.getFloat64(at, true);
  if (kind === FLOAT_CODES) return view.getFloat32(at, true);
  if (width === 8) return view.getBigInt64(at, true);
  return BigInt(width === 4 ? view.getInt32(at, true) : width === 2 ? view.getInt16(at, true) : view.getInt8(at));
}

/** As the loader of a source would: raw values to codes by the kernel's own rule, written down once more. */
function codeOf(value: Value, { kind }: ValueForm): bigint {
  const view = new DataView(new ArrayBuffer(8));
  if (kind === INTEGER_CODES) return value as bigint;
  if (Number.isNaN(value)) return kind === DOUBLE_CODES ? 0x7ff8000000000000n : 0x7fc00000n;
  if (kind === DOUBLE_CODES) {
    view.setFloat64(0, value as number);
    const bits = view.getBigInt64(0);
    return bits < 0n ? bits ^ 0x7fffffffffffffffn : bits;
  }
  view.setFloat32(0, value as number);
  const bits = view.getInt32(0);
  return BigInt(bits < 0 ? bits ^ 0x7fffffff : bits);
}

function batchOf(rows: readonly Row[], form: ValueForm, available: boolean, nulls: boolean): HistoryBatch {
  const longs = (of: (row: Row) => bigint) => BigInt64Array.from(rows.map(of));
  return {
    rows: rows.length,
    keys: longs((row) => row.key),
    times: longs((row) => row.time),
    ...(available ? { available: longs((row) => row.available) } : {}),
    values: [
      {
        codes: longs((row) => (row.value === null ? 0n : codeOf(row.value, form))),
        ...(nulls ? { valid: Uint8Array.from(rows.map((row) => (row.value === null ? 0 : 1))) } : {}),
      },
    ],
  };
}

function queriesOf(queries: readonly Query[], form: ValueForm, lists: boolean): QueryBatch {
  const longs = (of: (query: Query) => bigint) => new Uint8Array(BigInt64Array.from(queries.map(of)).buffer.slice(0));
  const elements = queries.flatMap((query) => query.ownList ?? []);
  let offset = 0n;
  const entries = queries.flatMap((query) => {
    const length = BigInt(query.ownList?.length ?? 0);
    offset += length;
    return [offset - length, length];
  });
  const scalar: OwnColumn = {
    form,
    bytes: bytesOf(
      queries.map((query) => query.own),
      form,
    ),
    valid: Uint8Array.from(queries.map((query) => (query.own === null ? 0 : 1))),
  };
  const list: OwnColumn = {
    form,
    bytes: bytesOf(elements, form),
    valid: Uint8Array.from(elements.map((element) => (element === null ? 0 : 1))),
    list: {
      entries: new Uint8Array(BigInt64Array.from(entries).buffer),
      valid: Uint8Array.from(queries.map((query) => (query.ownList === null ? 0 : 1))),
    },
  };
  return {
    rows: queries.length,
    keys: {
      // What stands where a key is NULL is anything, a key of the history too.
      bytes: longs((query) => query.key ?? 2n),
      valid: Uint8Array.from(queries.map((query) => (query.key === null ? 0 : 1))),
    },
    times: longs((query) => query.time),
    known: longs((query) => query.time),
    own: [lists ? list : scalar],
  };
}

const instants = fc.oneof(
  fc.bigInt({ min: -6n, max: 12n }),
  fc.constantFrom(-(2n ** 63n), -(2n ** 63n) + 2n, 2n ** 63n - 1n),
);
const WINDOWS: readonly bigint[] = [-1n, 3n, 1n, 8n, 2n ** 62n, 30n];

/** `times`: of rows and queries; `most`: at least and at most so many rows. */
const casesOf = (
  times: fc.Arbitrary<bigint>,
  [minLength, maxLength]: readonly [number, number],
  keys: bigint,
  queries: number,
) =>
  fc.constantFrom(...Object.keys(FORMS)).chain((name) => {
    const form = FORMS[name];
    if (form === undefined) throw new Error(name);
    const pool = fc.constantFrom<Value>(...form.pool);
    const others = fc.integer({ min: -99, max: 99 }).map((n): Value => (form.kind === INTEGER_CODES ? BigInt(n) : n));
    const values = minLength === 0 ? pool : fc.oneof(pool, others);
    const late = fc.oneof({ arbitrary: times, weight: 9 }, { arbitrary: fc.constant(2n ** 63n - 1n), weight: 1 });
    return fc.record({
      name: fc.constant(name),
      rows: fc.array(
        fc.record({
          key: fc.bigInt({ min: 1n, max: keys }),
          time: times,
          available: late,
          value: fc.option(values, { nil: null, freq: 8 }),
        }),
        { minLength, maxLength },
      ),
      queries: fc.array(
        fc.record({
          key: fc.option(fc.bigInt({ min: 1n, max: keys + 1n }), { nil: null, freq: 10 }),
          time: times,
          own: fc.option(values, { nil: null }),
          ownList: fc.option(fc.array(fc.option(values, { nil: null }), { maxLength: 9 }), { nil: null }),
        }),
        { minLength: 1, maxLength: queries },
      ),
      available: fc.boolean(),
      own: fc.constantFrom("none", "value", "list"),
      distinct: fc.boolean(),
      maxLength: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
      sorted: fc.boolean(),
      split: fc.integer({ min: 0, max: maxLength }),
    });
  });

const AGGREGATES: readonly Aggregate[] = ["list", "count", "count_distinct", "sum", "mean", "min", "max", "last"];

test("every aggregate, window, exclusion and availability gives the oracle's values", () => {
  check(casesOf(instants, [0, 60], 3n, 20), process.env["DAEDALUS_LONG"] ? 20_000 : 400);
});

test("so do histories of many rows of a key, where indexes answer", () => {
  const times = fc.bigInt({ min: -5n, max: 40n });
  const far = fc.oneof(
    { arbitrary: times, weight: 20 },
    { arbitrary: fc.bigInt({ min: 40n, max: 60n }), weight: 2 },
    { arbitrary: instants, weight: 1 },
  );
  check(casesOf(far, [100, 300], 1n, 6), process.env["DAEDALUS_LONG"] ? 3_000 : 150);
});

function check(cases: ReturnType<typeof casesOf>, numRuns: number): void {
  fc.assert(
    fc.property(cases, (one) => {
      const form = FORMS[one.name];
      if (form === undefined) throw new Error(one.name);
      const rows = one.sorted ? [...one.rows].sort((a, b) => (a.time < b.time ? -1 : 1)) : one.rows;
      const specs = AGGREGATES.flatMap((agg) => WINDOWS.map((_, window) => ({ agg, window })));
      const outputs = specs.map(
        ({ agg, window }): WindowOutput => ({
          aggregate: agg,
          column: 0,
          window,
          distinct: one.distinct && agg === "list",
          ...(one.own === "none" ? {} : { excludeOwn: 0 }),
          ...(agg === "list" && one.maxLength !== undefined ? { maxLength: one.maxLength } : {}),
        }),
      );
      outputs.push({ aggregate: "count", window: 0, distinct: false });
      const group = { windows: WINDOWS, columns: [form], outputs, available: one.available, timeDivisor: 1n };
      const nulls = rows.some((row) => row.value === null);
      const batches = [rows.slice(0, one.split), rows.slice(one.split)].map((part) =>
        batchOf(part, form, one.available, nulls),
      );
      for (let output = 0; output < outputs.length; output++) {
        // One output at a time as well as all, so that an integer sum that is outside stops only itself.
        const columns = new WindowColumns({ ...group, outputs: [outputs[output] as WindowOutput] });
        columns.load(batches);
        compare(one, form, rows, outputs[output] as WindowOutput, columns);
      }
    }),
    { numRuns },
  );
}

function compare(
  one: { queries: readonly Query[]; available: boolean; own: string; maxLength: number | undefined },
  form: ValueForm & { dtype: Dtype },
  rows: readonly Row[],
  output: WindowOutput,
  columns: WindowColumns,
): void {
  const length = WINDOWS[output.window] ?? -1n;
  const expected: Value[] = [];
  let stops = false;
  for (const query of one.queries) {
    const own = output.excludeOwn === undefined ? [] : one.own === "list" ? (query.ownList ?? []) : [query.own];
    const history = rows.filter(
      (row) =>
        row.key === query.key &&
        row.time < query.time &&
        (length < 0n || row.time >= query.time - length) &&
        (!one.available || row.available <= query.time),
    );
    const values: Occurrence[] = history.flatMap((row) =>
      output.column === undefined
        ? [{ instant: row.time, value: true }]
        : row.value === null || own.some((value) => value !== null && equalValues(value, row.value))
          ? []
          : [{ instant: row.time, value: row.value }],
    );
    const ordered = inOrder(values);
    const kept = mostRecent(
      output.distinct ? distinctByLatest(ordered) : ordered,
      output.maxLength === undefined ? undefined : BigInt(output.maxLength),
    );
    try {
      expected.push(aggregate(output.aggregate, kept, form.dtype));
    } catch (error) {
      if (!(error instanceof OracleStop)) throw error;
      stops = true;
    }
  }
  const batch = queriesOf(one.queries, form, one.own === "list");
  if (stops) {
    expect(() => columns.probe(batch)).toThrow(SumOutside);
    return;
  }
  // Twice: cursors stand elsewhere the second time.
  for (let time = 0; time < 2; time++) {
    const [answer] = columns.probe(batch);
    if (answer === undefined) throw new Error("no answer");
    const { buffer } = answer.memory;
    const view = new DataView(buffer);
    const floats = form.kind !== INTEGER_CODES;
    const result: ValueForm =
      output.aggregate === "count" || output.aggregate === "count_distinct"
        ? { kind: INTEGER_CODES, width: 8 }
        : output.aggregate === "mean" || (output.aggregate === "sum" && floats)
          ? { kind: DOUBLE_CODES, width: 8 }
          : output.aggregate === "sum"
            ? { kind: INTEGER_CODES, width: 8 }
            : form;
    const got = one.queries.map((_, i): Value => {
      if (answer.valid !== 0 && view.getUint8(answer.valid + i) === 0) return null;
      if (answer.entries === 0) return valueAt(buffer, answer.values + i * result.width, result);
      const offset = Number(view.getBigUint64(answer.entries + i * 16, true));
      const count = Number(view.getBigUint64(answer.entries + i * 16 + 8, true));
      return Array.from({ length: count }, (_, j) =>
        valueAt(buffer, answer.values + (offset + j) * result.width, result),
      );
    });
    expect(got.map(show)).toEqual(expected.map(show));
  }
}
