import { Int64, Table, TimestampNanosecond, Vector } from "apache-arrow";
import { aggregatePitTable, DaedalusError, PIT_TABLE_ENGINES, type PitTableSpec } from "daedalus";
import fc from "fast-check";
import { expect, test } from "vitest";
import { pitColumn, type SpecModel, type TableModel } from "../oracles/pit-table.js";
import { type Dtype, identical, OracleStop, type Scalar, show, type Value } from "../oracles/values.js";
import { arrowColumn, valuesOf } from "../support/arrow-values.js";

// The library's call on every engine against the naive oracle: nasty tables, every aggregate, dtype and option.

const POOLS: Readonly<Record<Scalar, readonly Value[]>> = {
  BOOLEAN: [true, false],
  TINYINT: [0n, 1n, -1n, 127n, -128n],
  SMALLINT: [0n, 3n, -1n, 32767n, -32768n],
  INTEGER: [0n, 5n, -1n, 2n ** 31n - 1n, -(2n ** 31n)],
  BIGINT: [0n, 1n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 9007199254740993n],
  FLOAT: [0, -0, 1.5, Math.fround(0.1), Number.NaN, Number.NEGATIVE_INFINITY, Math.fround(3.4e38)],
  DOUBLE: [0, -0, 0.1, 0.2, 0.3, -1.5, Number.NaN, Infinity, 1e300, -1e300, 5e-324],
  TEXT: ["", "a", "é", "z", "😀", "a much longer text than twelve bytes", "﹏"],
  DATE: [0n, 1n, -1n, 19000n],
  TIMESTAMP: [0n, 1n, -1n, 1_700_000_000_000_000n],
};
const SCALARS = Object.keys(POOLS) as readonly Scalar[];
const SECOND = 1_000_000_000n;

const orNull = (values: fc.Arbitrary<Value>, weight: number): fc.Arbitrary<Value> =>
  fc.oneof({ weight: 10, arbitrary: values }, { weight, arbitrary: fc.constant(null) });

function valuesOfDtype(dtype: Dtype, nulls: number): fc.Arbitrary<Value> {
  if (!dtype.endsWith("[]")) return orNull(fc.constantFrom(...POOLS[dtype as Scalar]), nulls);
  const element = orNull(fc.constantFrom(...POOLS[dtype.slice(0, -2) as Scalar]), nulls);
  return orNull(fc.array(element, { maxLength: 3 }), nulls);
}

interface Case {
  readonly table: TableModel;
  readonly view: TableModel;
  readonly specs: readonly SpecModel[];
  readonly chunks: number;
  readonly dictionary: boolean;
  readonly nanos: readonly [table: boolean, view: boolean];
  readonly threads: number;
  readonly memory: number | undefined;
}

/** Seconds with heavy ties, also before 1970; in nanoseconds of the column's resolution. */
function timeOf(nanos: boolean, nulls: number): fc.Arbitrary<bigint | null> {
  const seconds = fc.integer({ min: -4, max: 6 }).map((n) => BigInt(n) * SECOND);
  const fine = nanos ? fc.constantFrom(0n, 1n, 999n, 1000n) : fc.constantFrom(0n, 1000n);
  const time = fc.tuple(seconds, fc.oneof({ weight: 3, arbitrary: fc.constant(0n) }, fine)).map(([a, b]) => a + b);
  return nulls === 0 ? time : fc.oneof({ weight: 8, arbitrary: time }, { weight: 1, arbitrary: fc.constant(null) });
}

function tableOf(dtypes: Readonly<Record<string, Dtype>>, nanos: boolean, isView: boolean): fc.Arbitrary<TableModel> {
  return fc.constantFrom(0, 0, 2).chain((nulls) =>
    fc
      .array(
        fc.record({
          row: fc.record(
            Object.fromEntries(Object.entries(dtypes).map(([name, dtype]) => [name, valuesOfDtype(dtype, nulls)])),
          ),
          time: timeOf(nanos, isView ? nulls : 0),
          available: timeOf(nanos, nulls),
        }),
        { maxLength: 24 },
      )
      .map((rows) => ({
        dtypes,
        rows: rows.map(({ row }) => row),
        times: rows.map(({ time }) => time),
        ...(isView ? { available: rows.map(({ available }) => available) } : {}),
      })),
  );
}

const isNumber = (dtype: Scalar): boolean => /INT|FLOAT|DOUBLE/.test(dtype);

const cases: fc.Arbitrary<Case> = fc
  .record({
    key: fc.constantFrom(...SCALARS),
    value: fc.constantFrom(...SCALARS),
    element: fc.constantFrom(...SCALARS),
    nanos: fc.tuple(fc.boolean(), fc.boolean()),
  })
  .chain(({ key, value, element, nanos }) => {
    const dtypes = {
      k: key,
      k2: "INTEGER",
      v: value,
      own: value,
      l: `${element}[]`,
      e: element,
      event: "TEXT",
    } as const;
    const scalarAggregates = [
      "list",
      "count",
      "count_distinct",
      "min",
      "max",
      "last",
      ...(isNumber(value) ? ["sum", "mean"] : []),
    ];
    const windows = fc.uniqueArray(fc.constantFrom("1s", "2s", "5s", "all"), { minLength: 1, maxLength: 3 });
    const over = fc.constantFrom(
      { partitionBy: ["k"] },
      { partitionBy: ["k2"] },
      { partitionBy: ["k", "k2"] },
      { view: "other", match: { k2: "k2" } },
      { view: "other", match: { k: "k", k2: "k2" } },
    );
    const events = fc.constantFrom(undefined, undefined, ["a"], ["a", "é", ""]);
    const scalar = fc.record({
      agg: fc.constantFrom(...scalarAggregates),
      sourceColumn: fc.constant("v"),
      excludeSelf: fc.constantFrom(false, "own", "v"),
      maxLength: fc.constantFrom(undefined, 1, 2, 5),
    });
    const flat = fc.record({
      agg: fc.constantFrom("list", "count_distinct"),
      sourceColumn: fc.constant("l"),
      flattenDistinct: fc.constant(true),
      excludeSelf: fc.constantFrom(false, "l", "e"),
      maxLength: fc.constantFrom(undefined, 1, 2),
    });
    const counted = fc.record({
      agg: fc.constant("count"),
      sourceColumn: fc.constantFrom(undefined, "l", "v"),
      excludeSelf: fc.constant(false),
    });
    const lists = fc.record({
      agg: fc.constant("count"),
      sourceColumn: fc.constant("l"),
      excludeSelf: fc.constant("l"),
    });
    const spec = fc
      .tuple(fc.oneof(scalar, scalar, flat, counted, lists), over, windows, events)
      .map(([one, on, windows, events]) => {
        const { maxLength, sourceColumn, ...rest } = one as typeof one & { maxLength?: number };
        return {
          ...rest,
          ...on,
          windows,
          ...(sourceColumn === undefined ? {} : { sourceColumn }),
          ...(maxLength === undefined || one.agg !== "list" ? {} : { maxLength }),
          ...(events === undefined || "view" in on ? {} : { events }),
        };
      });
    return fc.record({
      table: tableOf(dtypes, nanos[0], false),
      view: tableOf(dtypes, nanos[1], true),
      specs: fc
        .array(spec, { minLength: 1, maxLength: 3 })
        .map((all) => all.map((one, i) => ({ name: `s${i}`, ...one }))),
      chunks: fc.constantFrom(1, 1, 2, 3),
      dictionary: fc.boolean(),
      nanos: fc.constant(nanos),
      threads: fc.constantFrom(1, 1, 2),
      memory: fc.constantFrom(undefined, 200, 600),
    });
  });

function timeColumn(times: readonly (bigint | null)[], nanos: boolean): Vector {
  const ticks = times.map((time) => (time === null ? null : nanos ? time : time / 1000n));
  const column = arrowColumn("BIGINT", ticks);
  return nanos ? new Vector(column.data.map((data) => data.clone(new TimestampNanosecond()))) : column;
}

function arrowTable(
  { dtypes, rows, times, available }: TableModel,
  nanos: boolean,
  { chunks, dictionary }: Case,
): Table {
  const columns = Object.entries(dtypes).map(([name, dtype]) => {
    const values = rows.map((row) => row[name] ?? null);
    return [name, arrowColumn(dtype, values, rows.length === 0 ? 1 : chunks, dictionary && dtype === "TEXT")] as const;
  });
  return new Table({
    ...Object.fromEntries(columns),
    ts: timeColumn(times, nanos),
    ...(available === undefined ? {} : { known: timeColumn(available, nanos) }),
  });
}

function callOf(one: Case, engine: (typeof PIT_TABLE_ENGINES)[number]): Promise<Table> {
  const [nanos, viewNanos] = one.nanos;
  return aggregatePitTable(arrowTable(one.table, nanos, one), one.specs as readonly PitTableSpec[], {
    engine,
    threads: one.threads,
    ...(one.memory === undefined ? {} : { memory: one.memory }),
    timestampColumn: "ts",
    timestampUnit: "us",
    eventColumn: "event",
    views: {
      other: {
        table: arrowTable(one.view, viewNanos, one),
        timestampColumn: "ts",
        timestampUnit: "us",
        availableColumn: "known",
      },
    },
  });
}

/** An instance of DuckDB for each call: far fewer in the fast suite. */
function runsOf(engine: string): number {
  const wanted = process.env["DAEDALUS_RUNS"] ?? (process.env["DAEDALUS_LONG"] ? "10000" : undefined);
  return wanted === undefined ? (engine === "kernel" ? 400 : 20) : Number(wanted);
}

for (const engine of PIT_TABLE_ENGINES)
  test(`${engine}: every aggregate, dtype and option gives the oracle's table`, { timeout: 7_200_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(cases, async (one) => {
        let expected: Map<string, Value[]>;
        try {
          expected = new Map(
            one.specs.flatMap((spec) =>
              spec.windows.map((window) => [
                window === "all" ? spec.name : `${spec.name}_${window}`,
                pitColumn(one.table, spec.view === undefined ? one.table : one.view, spec, window, "event"),
              ]),
            ),
          );
        } catch (error) {
          if (!(error instanceof OracleStop)) throw error;
          await expect(callOf(one, engine)).rejects.toThrow(DaedalusError);
          return;
        }
        const answer = await callOf(one, engine);
        expect(answer.numRows).toBe(one.table.rows.length);
        for (const [name, values] of expected) {
          const column = answer.getChild(name);
          if (column === null) throw new Error(`no column ${name}`);
          const own = valuesOf(column);
          const wrong = values.findIndex((value, row) => !identical(value, own[row] ?? null));
          if (wrong >= 0 || own.length !== values.length)
            throw new Error(
              `${name} row ${wrong}: ${show(own[wrong] ?? null)} instead of ${show(values[wrong] ?? null)}`,
            );
        }
      }),
      { numRuns: runsOf(engine) },
    );
  });

test("a table without rows has the columns, typed", async () => {
  const table = new Table({ k: arrowColumn("BIGINT", []), ts: arrowColumn("TIMESTAMP", []) });
  const answer = await aggregatePitTable(table, [{ name: "n", agg: "count", partitionBy: "k", windows: ["1d"] }], {
    timestampColumn: "ts",
  });
  expect(answer.schema.fields.map(({ name }) => name)).toEqual(["k", "ts", "n_1d"]);
  expect(answer.getChild("n_1d")?.type).toEqual(new Int64());
});
