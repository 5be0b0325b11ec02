import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SCALAR_DTYPES } from "#daedalus/columnar/dtypes.js";
import { operatorToYaml, pipelineFromYaml, pipelineToYaml } from "#daedalus/compiler/pipeline-yaml.js";
import { arrowUdfTransform } from "#daedalus/operators/arrow-udf-transform.js";
import { filter } from "#daedalus/operators/filter.js";
import { join } from "#daedalus/operators/join.js";
import type { AnyOperator, Pipeline } from "#daedalus/operators/pipeline.js";
import { pointInTimeJoin } from "#daedalus/operators/point-in-time-join.js";
import { project } from "#daedalus/operators/project.js";
import { rayUdfTransform } from "#daedalus/operators/ray-udf-transform.js";
import { canRunOn, OPERATOR_KINDS, schemaOf } from "#daedalus/operators/registry.js";
import { rollingAggregate } from "#daedalus/operators/rolling-aggregate.js";
import { scan } from "#daedalus/operators/scan.js";
import { sink } from "#daedalus/operators/sink.js";

// Names and texts that YAML could take for something else.
const text = fc.oneof(
  fc.string({ maxLength: 6 }),
  fc.constantFrom("1", "1.0", "true", "null", "~", "@a.b", "é: #x", "no", "0x1", " x ", "a\nb"),
);
const scalar = fc.oneof(
  text,
  fc.bigInt(),
  fc.double(),
  fc.boolean(),
  fc.constantFrom(null, -0, 1, 1e300, 9007199254740993n),
);
const literal = fc.oneof(scalar, fc.array(scalar, { maxLength: 2 }));
const dtype = fc.constantFrom(...SCALAR_DTYPES, ...SCALAR_DTYPES.map((each) => `${each}[]` as const));
const duration = fc.constantFrom("1s", "12h", "7d", "100w");
const window = fc.constantFrom("1s", "7d", "all");
const names = fc.array(text, { maxLength: 2 });
const column = fc.record({ name: text, dtype });
const instant = fc.record({ column: text, resolution: fc.constantFrom("us" as const, "ns" as const) });
const pairs = fc.array(fc.record({ left: text, right: text }), { maxLength: 2 });
const predicate = fc.record({ text, sql: text, columns: names });
const one = fc.tuple(text);
const two = fc.tuple(text, text);
const events = fc.record({ column: text, values: fc.array(literal, { maxLength: 2 }) });
const head = { name: text, output: text };
const sql = fc.constant("sql" as const);

const expression = fc.oneof(
  fc.record({ type: fc.constant("column" as const), column: text }),
  fc.record({ type: fc.constant("timestamp" as const), instant }),
  fc.record({ type: fc.constant("literal" as const), value: literal }),
  fc.record({ type: fc.constant("sql" as const), sql: text }),
  fc.record({
    type: fc.constant("age" as const),
    time: instant,
    created: instant,
    unit: fc.constantFrom("s" as const, "w" as const),
  }),
  fc.record({ type: fc.constant("curate" as const), where: predicate, value: literal, column: text }),
  fc.record(
    {
      type: fc.constant("remap" as const),
      column: text,
      map: fc.array(fc.tuple(literal, literal), { maxLength: 2 }),
      otherwise: literal,
    },
    { requiredKeys: ["type", "column", "map"] },
  ),
  fc.record(
    { type: fc.constant("not_null" as const), column: text, default: literal, defaultSql: text },
    { requiredKeys: ["type", "column"] },
  ),
  fc.record({ type: fc.constant("qid" as const), session: text }),
);

const operators: { readonly [Kind in AnyOperator["kind"]]: fc.Arbitrary<AnyOperator> } = {
  scan: fc
    .record(
      {
        ...head,
        engine: sql,
        inputs: fc.constant([] as const),
        view: text,
        columns: fc.array(fc.record({ name: text, source: text, dtype }), { maxLength: 2 }),
        instants: fc.array(
          fc.record({ name: text, source: text, unit: fc.constantFrom("ms" as const, "timestamp_ns" as const) }),
          { maxLength: 2 },
        ),
        range: fc.oneof(
          fc.record({ kind: fc.constant("target_day" as const), instant: text }),
          fc.record({ kind: fc.constant("history" as const), instant: text, lookback: window }),
          fc.record({ kind: fc.constant("unbounded" as const) }),
        ),
        predicate,
      },
      { requiredKeys: ["name", "output", "engine", "inputs", "view", "columns", "instants", "range"] },
    )
    .map(scan.of),
  filter: fc
    .record({
      ...head,
      engine: sql,
      inputs: one,
      rule: fc.oneof(
        fc.record({ type: fc.constant("drop_where" as const), anyOf: fc.array(predicate, { maxLength: 2 }) }),
        fc.record({
          type: fc.constant("session" as const),
          session: text,
          event: text,
          viewEvents: fc.array(literal, { maxLength: 2 }),
          likeEvents: fc.array(literal, { maxLength: 2 }),
          dropViewOnly: fc.boolean(),
          dropSingleLike: fc.boolean(),
        }),
        fc.record(
          { type: fc.constant("coverage" as const), store: text, column: text, events },
          { requiredKeys: ["type", "store", "column"] },
        ),
      ),
    })
    .map(filter.of),
  project: fc
    .record(
      {
        ...head,
        engine: sql,
        inputs: one,
        steps: fc.array(fc.record({ column: text, dtype, value: expression }), { maxLength: 3 }),
        select: names,
      },
      { requiredKeys: ["name", "output", "engine", "inputs", "steps"] },
    )
    .map(project.of),
  join: fc
    .record(
      {
        ...head,
        engine: sql,
        inputs: two,
        how: fc.constant("left" as const),
        on: pairs,
        latest: fc.record({ time: instant, ties: names }),
        columns: fc.array(column, { maxLength: 2 }),
      },
      { requiredKeys: ["name", "output", "engine", "inputs", "how", "on", "columns"] },
    )
    .map(join.of),
  pit_join: fc
    .record(
      {
        ...head,
        engine: fc.constantFrom("sql" as const, "sql_arrow_udf" as const),
        inputs: two,
        on: pairs,
        leftTime: instant,
        rightTime: instant,
        availableTime: instant,
        ttl: duration,
        ties: names,
        pitEngine: fc.constantFrom("kernel" as const, "duckdb" as const),
        columns: fc.array(fc.record({ name: text, dtype, as: text }), { maxLength: 2 }),
        collect: fc.record(
          { value: text, dtype, as: text, window, distinct: fc.boolean(), maxLength: fc.bigInt({ min: 1n }) },
          { requiredKeys: ["value", "dtype", "as", "window", "distinct"] },
        ),
      },
      {
        requiredKeys: [
          "name",
          "output",
          "engine",
          "inputs",
          "on",
          "leftTime",
          "rightTime",
          "ties",
          "pitEngine",
          "columns",
        ],
      },
    )
    .map(pointInTimeJoin.of),
  rolling_aggregate: fc
    .record({
      ...head,
      engine: fc.constantFrom("sql" as const, "sql_arrow_udf" as const, "pythonic" as const),
      inputs: two,
      timestampColumn: instant,
      rollingEngine: fc.constantFrom("kernel" as const, "duckdb" as const, "polars" as const),
      specs: fc.array(
        fc.record(
          {
            name: text,
            agg: fc.constantFrom("list" as const, "mean" as const),
            source: column,
            on: pairs,
            rightTime: instant,
            availableTime: instant,
            events,
            where: predicate,
            excludeSelf: text,
            flattenDistinct: fc.boolean(),
            maxLength: fc.bigInt({ min: 1n }),
            outputs: fc.array(fc.record({ name: text, window, dtype }), { maxLength: 2 }),
          },
          { requiredKeys: ["name", "agg", "on", "rightTime", "flattenDistinct", "outputs"] },
        ),
        { maxLength: 2 },
      ),
    })
    .map(rollingAggregate.of),
  arrow_udf_transform: fc
    .record({
      ...head,
      engine: fc.constant("sql_arrow_udf" as const),
      inputs: one,
      function: text,
      bundle: text,
      arguments: fc.array(column),
      column,
    })
    .map(arrowUdfTransform.of),
  ray_udf_transform: fc
    .record({
      ...head,
      engine: fc.constant("pythonic" as const),
      inputs: one,
      store: fc.record({ name: text, uri: text, key: text, vector: text, dim: fc.bigInt({ min: 1n }) }),
      columns: fc.array(
        fc.record(
          { name: text, dtype, ids: text, pool: fc.constant("mean" as const) },
          { requiredKeys: ["name", "dtype", "ids"] },
        ),
        { maxLength: 2 },
      ),
    })
    .map(rayUdfTransform.of),
  sink: fc
    .record({
      ...head,
      engine: sql,
      inputs: one,
      orderBy: names,
      partRows: fc.bigInt({ min: 1n }),
      format: fc.constant("parquet" as const),
      compression: fc.constant("zstd" as const),
    })
    .map(sink.of),
};

const pipelineOf = (operator: AnyOperator): Pipeline => ({
  service: "rank",
  version: "1.0",
  spine: { view: "feed", time: { column: "@feed.ts", resolution: "us" } },
  operators: [operator],
  output: [{ name: "a", dtype: "BIGINT" }],
  embeddings: false,
});

describe("the YAML form loses nothing", () => {
  for (const [kind, arbitrary] of Object.entries(operators))
    test(kind, () => {
      fc.assert(
        fc.property(arbitrary, (operator) => {
          const written = pipelineToYaml(pipelineOf(operator));
          const [back] = pipelineFromYaml(written).operators;
          expect(back).toStrictEqual(structuredClone(operator)); // fast-check's records have no prototype
          expect(pipelineToYaml(pipelineFromYaml(written))).toBe(written);
        }),
        { numRuns: 60 },
      );
    });

  test("keys are in snake_case", () => {
    const [operator] = fc.sample(operators.sink, 1);
    expect(Object.keys(operatorToYaml(operator as AnyOperator))).toEqual([
      "name",
      "kind",
      "engine",
      "inputs",
      "output",
      "order_by",
      "part_rows",
      "format",
      "compression",
    ]);
  });

  test("an unknown key, a missing one and a wrong type are refused with their path", () => {
    const [operator] = fc.sample(operators.sink, 1);
    const written = pipelineToYaml(pipelineOf(operator as AnyOperator));
    expect(() => pipelineFromYaml(written.replace("part_rows", "part_row"))).toThrow(/operators\[0\]\.part_row/);
    expect(() => pipelineFromYaml(written.replace(/ {2}part_rows: .*\n/, ""))).toThrow(
      /part_rows: expected an integer/,
    );
    expect(() => pipelineFromYaml(written.replace("format: parquet", "format: csv"))).toThrow(
      /format: expected parquet/,
    );
    expect(() => pipelineFromYaml("operators: [")).toThrow(/not a pipeline/);
  });
});

test("where each kind can run", () => {
  const table = Object.fromEntries(Object.values(OPERATOR_KINDS).map(({ kind, canRunOn: engines }) => [kind, engines]));
  expect(table).toEqual({
    scan: ["sql"],
    filter: ["sql"],
    project: ["sql"],
    join: ["sql"],
    pit_join: ["sql", "sql_arrow_udf"],
    rolling_aggregate: ["sql", "sql_arrow_udf", "pythonic"],
    arrow_udf_transform: ["sql_arrow_udf", "pythonic"],
    ray_udf_transform: ["pythonic"],
    sink: ["sql"],
  });
  expect(canRunOn({ kind: "sink" })).toEqual(["sql"]);
});

test("operators are frozen to the last value", () => {
  const made = sink.of({
    name: "sink",
    engine: "sql",
    inputs: ["rows"],
    output: "sink",
    orderBy: ["a"],
    partRows: 1n,
    format: "parquet",
    compression: "zstd",
  });
  expect(Object.isFrozen(made) && Object.isFrozen(made.orderBy) && Object.isFrozen(made.inputs)).toBe(true);
});

describe("schemas", () => {
  const rows = [
    { name: "k", dtype: "BIGINT" },
    { name: "@t", dtype: "BIGINT" },
    { name: "x", dtype: "TEXT" },
  ] as const;
  const at = { column: "@t", resolution: "us" } as const;
  const common = { name: "made", engine: "sql", output: "made" } as const;

  test("a scan has its columns and instants", () => {
    const made = scan.of({
      ...common,
      inputs: [],
      view: "v",
      columns: [{ name: "v.a", source: "a", dtype: "TEXT" }],
      instants: [{ name: "@v.t", source: "t", unit: "ms" }],
      range: { kind: "target_day", instant: "@v.t" },
    });
    expect(schemaOf(made, [])).toEqual([
      { name: "v.a", dtype: "TEXT" },
      { name: "@v.t", dtype: "BIGINT" },
    ]);
  });

  test("a join adds its columns to the left ones", () => {
    const right = [
      { name: "r", dtype: "BIGINT" },
      { name: "y", dtype: "DATE" },
    ] as const;
    const made = join.of({
      ...common,
      inputs: ["l", "r"],
      how: "left",
      on: [{ left: "k", right: "r" }],
      columns: [{ name: "y", dtype: "DATE" }],
    });
    expect(schemaOf(made, [rows, right])).toEqual([...rows, { name: "y", dtype: "DATE" }]);
    expect(() => schemaOf(made, [rows, [right[0]]])).toThrow(/needs column "y"/);
    expect(() => schemaOf(made, [rows, [right[0], { name: "y", dtype: "TEXT" }]])).toThrow(/takes column "y" for DATE/);
    expect(() => schemaOf(made, [rows])).toThrow(/has 1 inputs and needs 2/);
  });

  test("a point-in-time join adds the renamed columns, or the list", () => {
    const made = pointInTimeJoin.of({
      ...common,
      inputs: ["l", "r"],
      on: [{ left: "k", right: "k" }],
      leftTime: at,
      rightTime: at,
      ties: [],
      pitEngine: "duckdb",
      columns: [],
      collect: { value: "x", dtype: "TEXT[]", as: "lookup:x", window: "all", distinct: false },
    });
    expect(schemaOf(made, [rows, rows]).at(-1)).toEqual({ name: "lookup:x", dtype: "TEXT[]" });
  });

  test("a rolling aggregate has the input's columns and one per output", () => {
    const made = rollingAggregate.of({
      ...common,
      inputs: ["l", "r"],
      timestampColumn: at,
      rollingEngine: "duckdb",
      specs: [
        {
          name: "n",
          agg: "count",
          on: [{ left: "k", right: "k" }],
          rightTime: at,
          flattenDistinct: false,
          outputs: [{ name: "rolling:n", window: "all", dtype: "BIGINT" }],
        },
      ],
    });
    expect(schemaOf(made, [rows, rows])).toEqual([...rows, { name: "rolling:n", dtype: "BIGINT" }]);
  });

  test("a projection sees the steps before, replaces, adds and selects", () => {
    const step = (column: string, of: string) =>
      ({ column, dtype: "TEXT", value: { type: "column", column: of } }) as const;
    const made = project.of({
      ...common,
      inputs: ["l"],
      steps: [step("a", "x"), step("b", "a"), step("k", "b")],
      select: ["b", "k"],
    });
    expect(schemaOf(made, [rows])).toEqual([
      { name: "b", dtype: "TEXT" },
      { name: "k", dtype: "TEXT" },
    ]);
    const wrong = project.of({ ...common, inputs: ["l"], steps: [step("a", "nowhere")] });
    expect(() => schemaOf(wrong, [rows])).toThrow(/needs column "nowhere"/);
  });

  test("filters and sinks keep the schema; functions and stores add columns", () => {
    const kept = filter.of({ ...common, inputs: ["l"], rule: { type: "drop_where", anyOf: [] } });
    expect(schemaOf(kept, [rows])).toBe(rows);
    const udf = arrowUdfTransform.of({
      ...common,
      engine: "sql_arrow_udf",
      inputs: ["l"],
      function: "f",
      bundle: "b",
      arguments: [{ name: "x", dtype: "BIGINT" }],
      column: { name: "f", dtype: "DOUBLE" },
    });
    expect(schemaOf(udf, [rows]).at(-1)).toEqual({ name: "f", dtype: "DOUBLE" });
    const ray = rayUdfTransform.of({
      ...common,
      engine: "pythonic",
      inputs: ["l"],
      store: { name: "s", uri: "u", key: "k", vector: "v", dim: 2n },
      columns: [{ name: "e", dtype: "FLOAT[]", ids: "k" }],
    });
    expect(schemaOf(ray, [rows]).at(-1)).toEqual({ name: "e", dtype: "FLOAT[]" });
  });
});
