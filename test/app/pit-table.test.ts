import { spawnSync } from "node:child_process";
import { resolve } from "node:path";
import {
  DateMillisecond,
  Dictionary,
  Int32,
  makeVector,
  Table,
  TimestampMillisecond,
  TimestampSecond,
  Uint32,
  Utf8,
  Vector,
  vectorFromArray,
} from "apache-arrow";
import {
  aggregatePitTable,
  DaedalusError,
  getAggregatePitTable,
  PIT_TABLE_ENGINES,
  type PitTableOptions,
  type PitTableSpec,
} from "daedalus";
import { describe, expect, test } from "vitest";
import { show, type Value } from "../oracles/values.js";
import { arrowColumn, valuesOf } from "../support/arrow-values.js";

const SECOND = 1_000_000n;
const options: PitTableOptions = { timestampColumn: "ts", timestampUnit: "us", eventColumn: "event" };

/** Rows `user second event item`. */
function events(rows: readonly (readonly [bigint | null, number, string | null, bigint | null])[]): Table {
  return new Table({
    user: arrowColumn(
      "BIGINT",
      rows.map(([user]) => user),
    ),
    ts: arrowColumn(
      "BIGINT",
      rows.map(([, second]) => BigInt(second) * SECOND),
    ),
    event: arrowColumn(
      "TEXT",
      rows.map(([, , event]) => event),
    ),
    item: arrowColumn(
      "BIGINT",
      rows.map(([, , , item]) => item),
    ),
  });
}

const likes: PitTableSpec = {
  name: "likes",
  agg: "list",
  sourceColumn: "item",
  partitionBy: "user",
  windows: ["5s"],
  events: ["like"],
};

async function column(
  table: Table,
  spec: Partial<PitTableSpec>,
  engine: (typeof PIT_TABLE_ENGINES)[number],
  more: Partial<PitTableOptions> = {},
) {
  const one = { ...likes, ...spec };
  const answer = await getAggregatePitTable(engine)(table, [one], { ...options, ...more });
  const name = one.windows[0] === "all" ? one.name : `${one.name}_${one.windows[0]}`;
  const found = answer.getChild(name);
  if (found === null) throw new Error(`no column ${name}`);
  return valuesOf(found).map(show);
}

for (const engine of PIT_TABLE_ENGINES)
  describe(engine, () => {
    test("rows of the same instant are not history, the window's first instant is", async () => {
      const table = events([
        [1n, 5, "like", 5n],
        [1n, 10, "like", 9n],
        [1n, 10, "like", 8n],
        [1n, 10, "view", 1n],
        [1n, 15, "view", 1n],
        [1n, 16, "view", 1n],
      ]);
      expect(await column(table, {}, engine)).toEqual(["[]", "[5]", "[5]", "[5]", "[8, 9]", "[]"]);
    });

    test("the input's order is kept, whatever it is, and a NULL key has no history", async () => {
      const table = events([
        [1n, 9, "view", 1n],
        [null, 8, "like", 3n],
        [1n, 7, "like", 2n],
        [null, 9, "view", 1n],
        [2n, 9, "view", 1n],
        [1n, 5, "like", 1n],
      ]);
      expect(await column(table, {}, engine)).toEqual(["[1, 2]", "[]", "[1]", "[]", "[]", "[]"]);
    });

    test("the own value, NULLs and all but the most recent are dropped", async () => {
      const table = events([
        [1n, 1, "like", 4n],
        [1n, 2, "like", null],
        [1n, 3, "like", 5n],
        [1n, 4, "like", 6n],
        [1n, 5, "view", 6n],
        [1n, 5, "view", null],
      ]);
      const spec = { excludeSelf: true, maxLength: 2 };
      expect(await column(table, spec, engine)).toEqual(["[]", "[4]", "[4]", "[4, 5]", "[4, 5]", "[5, 6]"]);
    });

    test("an empty history gives [] or 0, else NULL", async () => {
      const table = events([[1n, 1, "like", 4n]]);
      const of = (agg: PitTableSpec["agg"]) => column(table, { agg }, engine);
      expect(
        await Promise.all(
          ["list", "count", "count_distinct", "sum", "mean", "min", "max", "last"].map((agg) =>
            of(agg as PitTableSpec["agg"]),
          ),
        ),
      ).toEqual(["[]", "0", "0", "null", "null", "null", "null", "null"].map((value) => [value]));
    });

    test("an integer sum outside int64 is refused, and named", async () => {
      const table = events([1, 2, 3].map((second) => [1n, second, "like", 2n ** 62n]));
      await expect(column(table, { agg: "sum", name: "total" }, engine)).rejects.toThrow(
        'the integer sum "total_5s" does not fit 64 bits',
      );
      expect(await column(table, { agg: "mean" }, engine)).toEqual([
        "null",
        "4611686018427388000.0",
        "4611686018427388000.0",
      ]);
    });

    test("a condition chooses the history", async () => {
      const table = events([1, 2, 3, 4].map((second) => [1n, second, "like", BigInt(second)]));
      expect(await column(table, { where: "item % 2 = 0" }, engine)).toEqual(["[]", "[]", "[2]", "[2]"]);
    });

    test("another table is the history, from when on its rows are known", async () => {
      const orders = new Table({
        buyer: arrowColumn("INTEGER", [1n, 1n, 2n]),
        at: arrowColumn(
          "TIMESTAMP",
          [1n, 2n, 3n].map((second) => second * SECOND),
        ),
        known: arrowColumn(
          "TIMESTAMP",
          [9n, 2n, 3n].map((second) => second * SECOND),
        ),
        price: arrowColumn("DOUBLE", [0.1, 0.2, 0.4]),
      });
      const spec: PitTableSpec = {
        name: "paid",
        agg: "sum",
        view: "orders",
        match: { buyer: "user" },
        sourceColumn: "price",
        windows: ["all"],
      };
      const views = { orders: { table: orders, timestampColumn: "at", availableColumn: "known" } };
      const table = events([
        [1n, 5, "view", 1n],
        [1n, 10, "view", 1n],
        [3n, 10, "view", 1n],
      ]);
      const answer = await getAggregatePitTable(engine)(table, [spec], { ...options, views });
      expect(valuesOf(answer.getChild("paid") as Vector).map(show)).toEqual(["0.2", "0.30000000000000004", "null"]);
    });

    test("a column may have any name, of what is excluded too", async () => {
      const at = (seconds: bigint[]) =>
        arrowColumn(
          "TIMESTAMP",
          seconds.map((second) => second * SECOND),
        );
      const texts = (...values: string[]) => arrowColumn("TEXT", values);
      const table = (name: string) =>
        new Table({ user: arrowColumn("BIGINT", [1n]), at: at([9n]), [name]: texts("x") });
      const seen = new Table({
        user: arrowColumn("BIGINT", [1n, 1n]),
        at: at([1n, 2n]),
        w: texts("x", "y"),
        a: at([1n, 2n]),
      });
      const views = { seen: { table: seen, timestampColumn: "at", availableColumn: "a" } };
      const spec = { name: "other", agg: "list", view: "seen", match: { user: "user" }, sourceColumn: "w" } as const;
      for (const name of ["a", "e", "k", "o", "s", "t", "v", "x"]) {
        const specs = [{ ...spec, excludeSelf: name, windows: ["all"] }];
        const answer = await getAggregatePitTable(engine)(table(name), specs, { timestampColumn: "at", views });
        expect(valuesOf(answer.getChild("other") as Vector)).toEqual([["y"]]);
      }
    });

    test("columns keep their Arrow type; texts come without a dictionary", async () => {
      const table = new Table({
        k: arrowColumn("INTEGER", [1n, 1n]),
        ts: new Vector(
          arrowColumn("BIGINT", [1000n, 2000n]).data.map((data) => data.clone(new TimestampMillisecond())),
        ),
        word: vectorFromArray(["b", "a"], new Dictionary(new Utf8(), new Int32())),
      });
      const spec = { partitionBy: "k", windows: ["all"] } as const;
      const answer = await getAggregatePitTable(engine)(
        table,
        [
          { ...spec, name: "when", agg: "last", sourceColumn: "ts" },
          { ...spec, name: "words", agg: "list", sourceColumn: "word" },
          { ...spec, name: "day", agg: "count", partitionBy: "word" },
        ],
        { timestampColumn: "ts" },
      );
      expect(answer.schema.fields.map(({ name, type }) => `${name} ${type}`)).toEqual([
        "k Int32",
        "ts Timestamp<MILLISECOND>",
        "word Dictionary<Int32, Utf8>",
        "when Timestamp<MILLISECOND>",
        "words List<Utf8>",
        "day Int64",
      ]);
      expect(valuesOf(answer.getChild("when") as Vector)).toEqual([null, 1000n]);
      expect(valuesOf(answer.getChild("words") as Vector)).toEqual([[], ["b"]]);
    });
  });

/** Rows enough for several pieces, of a few hundred users, in an order of their own. */
function manyEvents(rows: number, sorted: boolean): Table {
  let state = 7;
  const draw = (below: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const user = BigInt64Array.from({ length: rows }, (_, row) => BigInt(sorted ? Math.floor(row / 700) : draw(400)));
  const ts = BigInt64Array.from(
    { length: rows },
    (_, row) => BigInt(sorted ? Math.floor((row % 700) / 2) : draw(rows)) * SECOND,
  );
  const item = BigInt64Array.from({ length: rows }, () => BigInt(draw(50)));
  const price = Float64Array.from({ length: rows }, () => draw(1000) / 10);
  return new Table({
    user: makeVector(user),
    ts: makeVector(ts),
    item: makeVector(item),
    price: makeVector(price),
    event: vectorFromArray(
      Array.from({ length: rows }, () => (draw(5) === 0 ? "like" : "view")),
      new Utf8(),
    ),
  });
}

const MANY: readonly PitTableSpec[] = [
  {
    name: "likes",
    agg: "list",
    sourceColumn: "item",
    partitionBy: "user",
    windows: ["1h", "12h"],
    events: ["like"],
    excludeSelf: true,
  },
  { name: "seen", agg: "count_distinct", sourceColumn: "item", partitionBy: "user", windows: ["1h"] },
  { name: "words", agg: "last", sourceColumn: "event", partitionBy: ["user", "item"], windows: ["12h"] },
  { name: "mean_price", agg: "mean", sourceColumn: "price", partitionBy: "user", windows: ["1h", "all"] },
  { name: "least", agg: "min", sourceColumn: "price", partitionBy: "user", windows: ["1h"] },
];

/** Every buffer of a column, chunk by chunk. */
function buffersOf(vector: Vector): unknown[] {
  return vector.data.map((data) => [
    data.length,
    data.nullCount,
    Buffer.from(data.nullBitmap ?? new Uint8Array(0)).toString("latin1"),
    Buffer.from(new Uint8Array((data.valueOffsets ?? new Int32Array(0)).buffer)).toString("latin1"),
    data.children.length === 0
      ? Buffer.from(data.values.buffer, data.values.byteOffset, data.values.byteLength).toString("latin1")
      : "",
    ...data.children.map((child) => buffersOf(new Vector([child]))),
  ]);
}

for (const sorted of [false, true])
  test(`any number of threads gives the same bytes (rows ${sorted ? "sorted by key and time" : "in any order"})`, async () => {
    const table = manyEvents(150_000, sorted);
    const [one, ...more] = await Promise.all(
      [1, 2, 3].map((threads) => aggregatePitTable(table, MANY, { ...options, threads })),
    );
    for (const field of one?.schema.fields.slice(5) ?? []) {
      const expected = buffersOf(one?.getChild(field.name) as Vector);
      expect(expected.length).toBeGreaterThan(1);
      for (const other of more) expect(buffersOf(other.getChild(field.name) as Vector), field.name).toEqual(expected);
    }
  });

test("a large table gives what its users give alone", async () => {
  const table = manyEvents(150_000, false);
  const answer = await aggregatePitTable(table, MANY, options);
  const users = valuesOf(table.getChild("user") as Vector);
  for (const user of [0n, 17n, 399n]) {
    const own = users.flatMap((each, row) => (each === user ? [row] : []));
    const pick = (name: string): Value[] => {
      const all = valuesOf(table.getChild(name) as Vector);
      return own.map((row) => all[row] ?? null);
    };
    const alone = new Table({
      user: arrowColumn("BIGINT", pick("user")),
      ts: arrowColumn("BIGINT", pick("ts")),
      item: arrowColumn("BIGINT", pick("item")),
      price: arrowColumn("DOUBLE", pick("price")),
      event: arrowColumn("TEXT", pick("event")),
    });
    for (const engine of PIT_TABLE_ENGINES) {
      const expected = await aggregatePitTable(alone, MANY, { ...options, engine });
      for (const { name } of expected.schema.fields.slice(5)) {
        const all = valuesOf(answer.getChild(name) as Vector);
        expect(
          own.map((row) => all[row]),
          `${name} of ${user} on ${engine}`,
        ).toEqual(valuesOf(expected.getChild(name) as Vector));
      }
    }
  }
});

test("every engine gives the same values of more rows than a piece or a vector has", async () => {
  const table = manyEvents(20_000, false);
  const valuesOn = async (engine: (typeof PIT_TABLE_ENGINES)[number]) => {
    const answer = await aggregatePitTable(table, MANY, { ...options, engine });
    return answer.schema.fields.slice(5).map(({ name }) => [name, valuesOf(answer.getChild(name) as Vector)] as const);
  };
  const expected = await valuesOn("kernel");
  expect(expected).toHaveLength(7);
  for (const engine of PIT_TABLE_ENGINES.filter((engine) => engine !== "kernel"))
    for (const [place, [name, values]] of (await valuesOn(engine)).entries())
      expect(values, `${name} on ${engine}`).toEqual(expected[place]?.[1]);
});

test("a history that is indexed by parts of the keys gives the same bytes", async () => {
  const table = manyEvents(70_000, false);
  const whole = await aggregatePitTable(table, MANY, options);
  const parts = await aggregatePitTable(table, MANY, { ...options, memory: 4_000_000 });
  for (const field of whole.schema.fields.slice(5))
    expect(buffersOf(parts.getChild(field.name) as Vector), field.name).toEqual(
      buffersOf(whole.getChild(field.name) as Vector),
    );
});

test("of several faults the first row's is told, whatever the threads", async () => {
  const rows = 140_000;
  const table = new Table({
    user: makeVector(BigInt64Array.from({ length: rows }, (_, row) => BigInt(row % 3))),
    ts: makeVector(BigInt64Array.from({ length: rows }, (_, row) => BigInt(row))),
    a: makeVector(BigInt64Array.from({ length: rows }, (_, row) => (row > 139_000 ? 2n ** 62n : 0n))),
    b: makeVector(BigInt64Array.from({ length: rows }, (_, row) => (row > 60_000 ? 2n ** 62n : 0n))),
  });
  const sum = (name: string): PitTableSpec => ({
    name: `sum_${name}`,
    agg: "sum",
    sourceColumn: name,
    partitionBy: "user",
    windows: ["all"],
  });
  for (const threads of [1, 2, 3])
    await expect(aggregatePitTable(table, [sum("a"), sum("b")], { ...options, threads })).rejects.toThrow(
      'the integer sum "sum_b"',
    );
});

test("calls at one time do not disturb each other, nor do calls after a failure", async () => {
  const table = manyEvents(20_000, false);
  const expected = buffersOf((await aggregatePitTable(table, MANY, options)).getChild("likes_1h") as Vector);
  const answers = await Promise.allSettled([
    aggregatePitTable(table, MANY, options),
    aggregatePitTable(table, [{ ...likes, agg: "sum" }], { ...options, eventColumn: "item" }),
    aggregatePitTable(table, MANY, { ...options, threads: 1 }),
  ]);
  expect(answers.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  for (const answer of answers)
    if (answer.status === "fulfilled") expect(buffersOf(answer.value.getChild("likes_1h") as Vector)).toEqual(expected);
});

for (const engine of PIT_TABLE_ENGINES)
  test(`${engine}: a program that has called it ends by itself, and only kernel compiles WebAssembly`, () => {
    const program = `
    import { Table, vectorFromArray, Int64 } from "apache-arrow";
    import { getAggregatePitTable } from ${JSON.stringify(resolve("dist/index.js"))};
    let compiled = 0;
    WebAssembly.Module = new Proxy(WebAssembly.Module, {
      construct: (target, given) => { compiled += 1; return Reflect.construct(target, given); },
    });
    const longs = (...values) => vectorFromArray(values, new Int64());
    const table = new Table({ k: longs(1n, 1n), ts: longs(1n, 2n), v: longs(3n, 4n) });
    const aggregates = ["list", "count", "min", "max", "last", "sum", "mean"];
    const specs = aggregates.map((agg) => ({ name: agg, agg, sourceColumn: "v", partitionBy: "k", windows: ["all"] }));
    const options = { timestampColumn: "ts", timestampUnit: "us", threads: 3 };
    const answer = await getAggregatePitTable("${engine}")(table, specs, options);
    console.log(aggregates.map((name) => String(answer.getChild(name).get(1))).join(" "), compiled > 0);`;
    const { stdout, status } = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
      encoding: "utf8",
      timeout: 20_000,
    });
    expect([stdout.trim(), status]).toEqual([`[3] 1 3 3 3 3 3 ${engine === "kernel"}`, 0]);
  });

describe("mistakes", () => {
  const table = new Table({
    user: arrowColumn("BIGINT", [1n]),
    ts: arrowColumn("BIGINT", [1n]),
    event: arrowColumn("TEXT", ["like"]),
    item: arrowColumn("BIGINT", [1n]),
    tags: arrowColumn("TEXT[]", [["a"]]),
    unsigned: vectorFromArray([1], new Uint32()),
    late: arrowColumn("BIGINT", [null]),
    huge: new Vector(arrowColumn("BIGINT", [2n ** 62n]).data.map((data) => data.clone(new DateMillisecond()))),
    likes_5s: arrowColumn("BIGINT", [1n]),
    User: arrowColumn("BIGINT", [1n]),
    seconds: vectorFromArray([0], new TimestampSecond()),
    millis: vectorFromArray([0], new TimestampMillisecond()),
  });
  const good: PitTableSpec = { ...likes, name: "x" };

  const told: readonly (readonly [
    code: string,
    spec: { readonly [key: string]: unknown },
    options: { readonly [key: string]: unknown },
    says: RegExp,
  ])[] = [
    [
      "pit-table/unknown-column",
      { sourceColumn: "itm" },
      {},
      /the table has no column "itm".*\n.*did you mean "item"\?/,
    ],
    ["pit-table/unknown-column", { partitionBy: ["user", "sesion"] }, {}, /no column "sesion"/],
    ["pit-table/unknown-column", {}, { timestampColumn: "tz" }, /no column "tz", which options.timestampColumn names/],
    ["pit-table/unknown-key", { soureColumn: "item" }, {}, /no key "soureColumn" of .*\n.*did you mean "sourceColumn"/],
    ["pit-table/unknown-key", {}, { evntColumn: "event" }, /no key "evntColumn" of the options\n.*"eventColumn"/],
    [
      "pit-table/unknown-key",
      { view: "late", partitionBy: undefined, events: undefined, match: { item: "item" } },
      { views: { late: { table, timestampColumn: "ts", timestampUnit: "s", availablColumn: "late" } } },
      /no key "availablColumn" of the view "late"\n.*"availableColumn"/,
    ],
    ["pit-table/bad-value", { partitionBy: null }, {}, /partitionBy of the spec "x" is null\n.*name of a column/],
    ["pit-table/bad-value", { sourceColumn: null }, {}, /sourceColumn of the spec "x" is null/],
    ["pit-table/bad-value", { where: 5 }, {}, /where of the spec "x" is 5/],
    ["pit-table/bad-value", { excludeSelf: 1 }, {}, /excludeSelf of the spec "x" is 1/],
    ["pit-table/bad-value", {}, { timestampColumn: null }, /timestampColumn of the options is null/],
    ["pit-table/bad-value", {}, { views: { late: null } }, /late of options.views is null/],
    [
      "pit-table/names-alike",
      { partitionBy: ["user", "User"] },
      {},
      /has "user" and "User", which differ only in case/,
    ],
    [
      "pit-table/types-differ",
      { sourceColumn: "seconds", excludeSelf: "millis" },
      {},
      /"millis" \(Timestamp<MILLISECOND>\)/,
    ],
    [
      "pit-table/types-differ",
      { excludeSelf: "millis" },
      {},
      /"millis" \(Timestamp<MILLISECOND>\) with "item" \(BIGINT\)/,
    ],
    [
      "pit-table/types-differ",
      { view: "late", partitionBy: undefined, events: undefined, match: { millis: "seconds" } },
      { views: { late: { table, timestampColumn: "ts", timestampUnit: "s" } } },
      /"seconds" \(Timestamp<SECOND>\) with "millis" .*\n.*times need one unit/,
    ],
    ["pit-table/bad-value", { agg: "cont" }, {}, /did you mean "count"/],
    ["pit-table/bad-value", { name: "a b" }, {}, /name of a spec is a b/],
    ["pit-table/bad-value", { windows: [] }, {}, /windows of the spec "x" is \[\]/],
    ["pit-table/bad-value", { windows: ["7 d"] }, {}, /a positive integer with one of s m h d w/],
    ["pit-table/bad-value", { windows: ["1d", "1d"] }, {}, /each window once/],
    ["pit-table/bad-value", { maxLength: 0 }, {}, /maxLength of the spec "x" is 0/],
    ["pit-table/bad-value", {}, { threads: 0 }, /threads of the options is 0/],
    ["pit-table/key-not-allowed", { agg: "count", maxLength: 3 }, {}, /maxLength with agg: count/],
    ["pit-table/key-not-allowed", { match: { a: "b" } }, {}, /match without view/],
    [
      "pit-table/key-not-allowed",
      { agg: "count", flattenDistinct: true, sourceColumn: "tags" },
      {},
      /flattenDistinct with agg: count/,
    ],
    ["pit-table/key-needed", { sourceColumn: undefined }, {}, /no sourceColumn \(agg: list\)/],
    ["pit-table/key-needed", { partitionBy: [] }, {}, /no partitionBy/],
    ["pit-table/key-needed", {}, { eventColumn: undefined }, /the options has no eventColumn/],
    [
      "pit-table/unknown-view",
      { view: "orders", partitionBy: undefined, events: undefined },
      {},
      /options.views has no "orders"/,
    ],
    ["pit-table/unsupported-type", { sourceColumn: "unsigned" }, {}, /is Uint32/],
    ["pit-table/wrong-source", { sourceColumn: "tags" }, {}, /makes list of "tags", which is TEXT\[\]/],
    ["pit-table/wrong-source", { sourceColumn: "event", agg: "mean" }, {}, /mean takes numbers/],
    ["pit-table/types-differ", { excludeSelf: "event" }, {}, /compares "event" \(TEXT\) with "item" \(BIGINT\)/],
    ["pit-table/bad-event", { events: [1n] }, {}, /the event 1, which is no value of "event" \(TEXT\)/],
    ["pit-table/produced-twice", { name: "likes" }, {}, /"likes_5s" comes from both the table and the spec "likes"/],
    ["pit-table/unit-needed", {}, { timestampUnit: undefined }, /an integer does not say its unit/],
    ["pit-table/not-a-time", {}, { timestampColumn: "event" }, /is Utf8, which is no time/],
    ["pit-table/null-time", {}, { timestampColumn: "late" }, /is NULL at row 0/],
    ["pit-table/time-out-of-range", {}, { timestampColumn: "huge" }, /the time of row 0/],
    ["pit-table/bad-condition", { where: "item +" }, {}, /where of the spec "x" \(item \+\): /],
  ];

  for (const [code, spec, more, says] of told)
    test(`${code}: ${says.source}`, async () => {
      const call = aggregatePitTable(table, [{ ...good, ...spec } as PitTableSpec], {
        ...options,
        ...more,
      } as PitTableOptions);
      const error = await call.then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      if (!(error instanceof DaedalusError)) throw new Error(`not told: ${String(error)}`);
      expect(error.problems.map((problem) => problem.code)).toEqual([code]);
      expect(error.message).toMatch(says);
      expect(error.exitCode).toBe(2);
    });

  test.each(PIT_TABLE_ENGINES)("conditions that differ only in case are two, on %s", async (engine) => {
    const three = new Table({
      user: arrowColumn("BIGINT", [1n, 1n, 1n]),
      ts: arrowColumn("BIGINT", [1n, 2n, 3n]),
      event: arrowColumn("TEXT", ["like", "LIKE", "like"]),
    });
    const counted = (name: string, where: string): PitTableSpec => ({
      name,
      agg: "count",
      partitionBy: "user",
      windows: ["all"],
      where,
    });
    const specs = [counted("small", "event = 'like'"), counted("large", "event = 'LIKE'")];
    const answer = await aggregatePitTable(three, specs, { timestampColumn: "ts", timestampUnit: "s", engine });
    expect([...(answer.getChild("small") ?? [])]).toEqual([0n, 1n, 1n]);
    expect([...(answer.getChild("large") ?? [])]).toEqual([0n, 0n, 1n]);
  });

  test("arguments that are none are told, by who calls without types", async () => {
    const call = aggregatePitTable as unknown as (...given: readonly unknown[]) => Promise<unknown>;
    for (const [given, says] of [
      [[[1], [good], options], /the table of the call is \[1\]/],
      [[table], /specs of the call is undefined(.|\n)*options of the call is undefined/],
      [[table, [null], options], /an entry of specs is null/],
    ] as const) {
      const error = await call(...given).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(DaedalusError);
      expect((error as DaedalusError).message).toMatch(says);
    }
  });

  test.each(PIT_TABLE_ENGINES)("no specs: the table as it is, on %s", async (engine) => {
    expect(await aggregatePitTable(table, [], { ...options, engine })).toBe(table);
  });

  test("are told together", async () => {
    const wrong = [
      { ...good, sourceColumn: "itm" },
      { ...good, name: "y", windows: ["x"] },
    ] as readonly PitTableSpec[];
    const error = await aggregatePitTable(table, wrong, options).catch((thrown: unknown) => thrown);
    expect((error as DaedalusError).problems.map(({ code }) => code)).toEqual([
      "pit-table/unknown-column",
      "pit-table/bad-value",
    ]);
  });

  test("an unknown engine is told with those that there are", () => {
    expect(() => getAggregatePitTable("duckdv" as "duckdb")).toThrow(
      /no engine "duckdv"(.|\n)*this version has kernel, duckdb, polars/,
    );
  });
});
