import { Bool, Float64, Int64, Table, TimestampMicrosecond, Utf8, vectorFromArray } from "apache-arrow";
import {
  type ComputeFeaturesRequest,
  DaedalusError,
  FeatureEngine,
  type FeatureSpec,
  type FeatureType,
} from "daedalus";
import { expect, test } from "vitest";
import { randomFrom } from "./nasty-columns.js";

type Cell = number | string | bigint | boolean | null;
interface Columns {
  /** Seconds. */
  readonly event_time: readonly number[];
  readonly [name: string]: readonly Cell[];
}

function tableOf(columns: Columns): Table {
  return new Table(
    Object.fromEntries(
      Object.entries(columns).map(([name, cells]) => {
        if (name === "event_time")
          return [
            name,
            vectorFromArray(
              (cells as number[]).map((second) => second * 1000),
              new TimestampMicrosecond(),
            ),
          ];
        const type =
          typeof cells[0] === "string"
            ? new Utf8()
            : typeof cells[0] === "bigint"
              ? new Int64()
              : typeof cells[0] === "boolean"
                ? new Bool()
                : new Float64();
        return [name, vectorFromArray(cells, type)];
      }),
    ),
  );
}

const cellsOf = (table: Table, name: string): unknown[] => [...(table.getChild(name) ?? [])];

const bars = tableOf({
  symbol: ["B", "A", "B", "A", "A", "B"],
  event_time: [1, 1, 2, 2, 3, 3],
  close: [10, 1, 11, 2, 3, 13],
  volume: [1, 2, 3, 4, 5, 6],
});

async function compute(
  specs: readonly FeatureSpec[],
  frames: Record<string, Table> = { bars },
  types: FeatureType[] = [],
) {
  const engine = new FeatureEngine({ types });
  const { table, statuses, featureNames } = await engine.computeFeatures({ specs, frames });
  expect(featureNames).toEqual(specs.map(({ name }) => name));
  const problems = Object.fromEntries(statuses.map(({ name, problem }) => [name, problem]));
  return { table, statuses, problems, cells: (name: string) => cellsOf(table, name) };
}

const MOMENTUM: FeatureType = {
  name: "momentum",
  dimension: "signal",
  version: "v1.0",
  status: "active",
  tags: [],
  requiredInputs: ["close"],
  parameters: {
    w: { type: "integer", default: 2, constraints: { min: 1, max: 9 } },
    scale: { type: "float", default: 1 },
  },
  formula: "(close - rolling_mean(close, w)) * $scale",
};

test("rows come by symbol and time; names, comparisons and features of features are understood", async () => {
  const { table, cells } = await compute([
    { name: "ret", formula: "price / lag(price) - 1" },
    { name: "up", formula: "ret > 0.4" },
    { name: "one", formula: "1 + 1" },
    { name: "same", formula: "close" },
  ]);
  expect(table.schema.fields.map(({ name, type }) => `${name} ${type}`)).toEqual([
    "symbol Dictionary<Int32, Utf8>",
    "event_time Timestamp<MICROSECOND>",
    "ret Float64",
    "up Bool",
    "one Float64",
    "same Float64",
  ]);
  expect(cells("symbol")).toEqual(["A", "A", "A", "B", "B", "B"]);
  expect(cells("event_time")).toEqual([1000, 2000, 3000, 1000, 2000, 3000]);
  expect(cells("ret")).toEqual([null, 1, 0.5, null, 11 / 10 - 1, 13 / 11 - 1]);
  expect(cells("up")).toEqual([null, true, true, null, false, false]);
  expect(cells("one")).toEqual([2, 2, 2, 2, 2, 2]);
  expect(cells("same")).toEqual([1, 2, 3, 10, 11, 13]);
});

test("a feature that fails is NULL with its cause, and so is what takes it; the others are computed", async () => {
  const { table, statuses, problems } = await compute([
    { name: "wrong", formula: "rolling_meen(close, 3)" },
    { name: "taken", formula: "wrong + 1" },
    { name: "right", formula: "close + 1" },
    { name: "volume", formula: "close" },
    { name: "missing", formula: "clsoe + 1" },
    { name: "first", formula: "second" },
    { name: "second", formula: "first + third" },
    { name: "third", formula: "first" },
    { name: "alone", formula: "alone + 1" },
    { name: "far", formula: "close + first" },
  ]);
  expect(statuses.map(({ name, status, nulls }) => [name, status, nulls])).toEqual([
    ["wrong", "error", 6],
    ["taken", "error", 6],
    ["right", "success", 0],
    ...["volume", "missing", "first", "second", "third", "alone", "far"].map((name) => [name, "error", 6]),
  ]);
  expect(cellsOf(table, "right")).toEqual([2, 3, 4, 11, 12, 14]);
  expect(cellsOf(table, "wrong")).toEqual([null, null, null, null, null, null]);
  expect(problems["wrong"]).toMatchObject({ code: "formula/unknown-function", suggestion: "rolling_mean", column: 1 });
  expect(problems["taken"]?.says).toBe('it takes the feature "wrong", which has failed');
  expect(problems["volume"]?.code).toBe("formula/feature-like-column");
  expect(problems["missing"]?.suggestion).toBe("close");
  for (const name of ["first", "second", "third", "alone"]) expect(problems[name]?.code).toBe("formula/cycle");
  expect(problems["first"]?.says).toContain('"second"');
  expect(problems["far"]?.code).toBe("formula/depends-on-failed");
});

test.each([
  ["mean(close, 3)", "rolling_mean"],
  ["ts_mean(close, 3)", "rolling_mean"],
  ["ts_rank(close, 3)", "rolling_rank"],
  ["rank(close)", "cs_rank"],
  ["demean(close)", "cs_demean"],
  ["ts_abs(close)", "abs"],
  ["rolling_meen(close, 3)", "rolling_mean"],
  ["if(true, close, 1)", "True"],
])("%s: what elsewhere is called otherwise is told: %s", async (formula, suggestion) => {
  const bars = tableOf({ event_time: [1, 2, 3], close: [1, 2, 3] });
  const answer = await new FeatureEngine().computeFeatures({ frames: { bars }, specs: [{ name: "a", formula }] });
  expect(answer.statuses[0]?.problem?.suggestion).toBe(suggestion);
});

test("a failure at run time is its feature's, and strict makes it the call's", async () => {
  const event_time = Array.from({ length: 10_001 }, (_, row) => row);
  const long = tableOf({ event_time, x: event_time.map((row) => (row * 7) % 11) });
  const specs = [
    { name: "ranks", formula: "rolling_rank_corr(x, lag(x), 0)" },
    { name: "more", formula: "ranks + 1" },
    { name: "mean", formula: "rolling_mean(x, 3)" },
  ];
  const { problems, statuses } = await compute(specs, { long });
  expect(problems["ranks"]?.says).toContain("at most 10000 rows");
  expect(problems["more"]?.says).toBe('it takes the feature "ranks", which has failed');
  expect(statuses[2]).toMatchObject({ status: "success", nulls: 2 });
  const strict = new FeatureEngine().computeFeatures({ specs, frames: { long }, strict: true });
  await expect(strict).rejects.toMatchObject({ name: "DaedalusError", exitCode: 1 });
});

test("threads share the columns of one symbol, and one's failure is told", async () => {
  const rows = 20_000;
  const random = randomFrom(3);
  const own = Array.from({ length: rows }, () => random());
  const frames = {
    bars: tableOf({
      event_time: own.map((_, row) => row),
      close: own,
      volume: own.map((value, row) => (row % 7 === 0 ? null : value * 3)),
    }),
  };
  const windows = Array.from({ length: 60 }, (_, place) => place + 2);
  const specs = [
    ...windows.map((w) => ({ name: `corr_${w}`, formula: `rolling_corr(close, volume, ${w}) + ema(volume, ${w})` })),
    { name: "too_long", formula: "rolling_rank_corr(close, volume, 0)" },
    { name: "after", formula: "too_long + 1" },
    { name: "above", formula: "close > volume" },
  ];
  const [alone, together] = await Promise.all(
    [1, 3].map((threads) => new FeatureEngine({ threads }).computeFeatures({ specs, frames })),
  );
  expect(together?.statuses).toEqual(alone?.statuses);
  expect(together?.statuses.filter(({ status }) => status === "error").map(({ name }) => name)).toEqual([
    "too_long",
    "after",
  ]);
  for (const { name } of specs)
    expect([name, together && cellsOf(together.table, name)]).toEqual([name, alone && cellsOf(alone.table, name)]);
});

test("windows and lags that are longer than any symbol has rows take no more room than its rows", async () => {
  const { cells } = await compute([
    {
      name: "long",
      formula:
        "rolling_std(close, 2_000_000_000, min_periods=2) + 0 * rolling_max(close, 2_000_000_000, min_periods=1)",
    },
    { name: "all", formula: "rolling_std(close, 0, min_periods=2)" },
    { name: "median", formula: "rolling_median(close, 2_000_000_000, min_periods=3)" },
    { name: "never", formula: "rolling_mean(close, 4)" },
    { name: "before", formula: "is_null(lag(close, 2_000_000_000))" },
  ]);
  expect(cells("long")).toEqual(cells("all"));
  expect(cells("all").filter((cell) => cell !== null)).toHaveLength(4);
  expect(cells("median")).toEqual([null, null, 2, null, null, 11]);
  expect(cells("never")).toEqual([null, null, null, null, null, null]);
  expect(cells("before")).toEqual([true, true, true, true, true, true]);
});

test("settings may stand together, and those that there are not are refused", async () => {
  const specs = [{ name: "twice", formula: "2 * px" }];
  for (const options of [{ aliases: { px: "close" } }, { config: { aliases: { px: "close" } } }]) {
    const { statuses } = await new FeatureEngine(options).computeFeatures({ specs, frames: { bars } });
    expect(statuses[0]?.status).toBe("success");
  }
  expect(() => new FeatureEngine({ alias: {} } as object)).toThrow(/no option "alias"; did you mean "aliases"/);
  expect(() => new FeatureEngine({ config: { backnd: "polars" } } as object)).toThrow(/did you mean "backend"/);
});

test("a feature of a type may be without a name: its type has one", async () => {
  const types = [
    { name: "gap", requiredInputs: ["close"], parameters: {}, outputColumn: "jump", formula: "close - lag(close)" },
    { name: "plain", requiredInputs: ["close"], parameters: {}, formula: "close" },
  ].map((type) => ({
    description: "",
    category: "",
    dimension: "signal" as const,
    version: "v1.0",
    status: "active" as const,
    tags: [],
    ...type,
  }));
  const { featureNames, statuses } = await new FeatureEngine({ types }).computeFeatures({
    specs: [{ type: "gap" }, { type: "plain" }, { name: "own", type: "gap" }, { name: "twice", formula: "2 * jump" }],
    frames: { bars },
  });
  expect(featureNames).toEqual(["jump", "plain", "own", "twice"]);
  expect(statuses.map(({ status }) => status)).toEqual(["success", "success", "success", "success"]);
});

test.each([
  [undefined, "computeFeatures takes { specs, frames }"],
  [{ specs: 5, frames: { bars } }, "specs is 5, and must be a list of features"],
  [{ specs: [null], frames: { bars } }, "specs[0] is null, and must be a feature"],
  [{ specs: [{ formula: "close" }], frames: { bars } }, "specs[0] has no name, and no type to be named by"],
  [{ specs: [{ name: "a", formula: 5 }], frames: { bars } }, "specs[0].formula is 5, and must be a text"],
  [
    { specs: [{ name: "a", formula: "$w", parameters: { w: "x" } }], frames: { bars } },
    'specs[0].parameters is {w: "x"}, and must be an object of numbers and booleans',
  ],
  [{ specs: [{ name: "a", formula: "close", param: {} }], frames: { bars } }, 'specs[0] has no key "param"'],
  [{ specs: [], frames: [] }, "frames is an empty list, and must be an object of tables"],
  [{ specs: [], frames: { bars: 5n } }, "frames.bars is 5n, and must be a Table"],
  [{ specs: [], frames: { bars }, strict: "no" }, 'strict is "no", and must be true or false'],
])("a request that is none is told, by who calls without types: %#", async (request, says) => {
  const computed = new FeatureEngine().computeFeatures(request as unknown as ComputeFeaturesRequest);
  await expect(computed).rejects.toThrow(RangeError);
  await expect(computed).rejects.toThrow(says);
});

test("a feature that is refused for its name leaves the column to the others", async () => {
  const { cells, problems } = await compute([
    { name: "volume", formula: "close" },
    { name: "twice", formula: "2 * volume" },
  ]);
  expect(problems["volume"]?.code).toBe("formula/feature-like-column");
  expect(problems["twice"]).toBeUndefined();
  expect(cells("twice")).toEqual((await compute([{ name: "twice", formula: "volume + volume" }])).cells("twice"));
});

test("steps say whatever formulas say: prefixes, comparisons, functions of many values", async () => {
  const steps: NonNullable<FeatureType["steps"]> = [
    { primitive: "TRANSFORM", op: "negate", params: { x: "close" }, output: "below" },
    { primitive: "TRANSFORM", op: "min", params: { x: "below", y: "volume", z: 3 }, output: "least" },
    { primitive: "TRANSFORM", op: "greater", params: { x: "least", y: -2 }, output: "more" },
    { primitive: "TRANSFORM", op: "not", params: { x: "more" } },
  ];
  const { formula: _, ...type } = { ...MOMENTUM, name: "stepwise", parameters: {}, steps };
  const wrong = { ...type, name: "wrong", steps: [{ primitive: "TRANSFORM", op: "not", params: { y: "close" } }] };
  const { cells, problems } = await compute(
    [
      { name: "by_steps", type: "stepwise" },
      { name: "by_formula", formula: "not (min(-close, volume, 3) > -2)" },
      { name: "bad", type: "wrong" },
    ],
    { bars },
    [type, wrong as FeatureType],
  );
  expect(problems["by_steps"]).toBeUndefined();
  expect(cells("by_steps")).toEqual(cells("by_formula"));
  expect(new Set(cells("by_steps")).size).toBeGreaterThan(1);
  expect(problems["bad"]?.code).toBe("formula/missing-argument");
});

test("feature types: parameters and inputs are bound and checked, steps are calls one after the other", async () => {
  const stepwise: FeatureType = {
    ...MOMENTUM,
    name: "stepwise",
    steps: [
      { primitive: "WINDOW", op: "rolling_mean", params: { x: "close", w: "w" }, output: "m" },
      { primitive: "TRANSFORM", op: "subtract", params: { x: "close", y: "m" }, output: "d" },
      { primitive: "TRANSFORM", op: "multiply", params: { x: "d", y: "$scale" } },
    ],
  };
  const { formula: _, ...steps } = stepwise;
  const { cells, problems } = await compute(
    [
      { name: "default", type: "momentum" },
      { name: "bound", type: "momentum", inputs: { close: "volume" }, parameters: { w: 3, scale: 2 } },
      { name: "by_steps", type: "stepwise", inputs: { close: "volume" }, parameters: { w: 3, scale: 2 } },
      { name: "of_feature", type: "momentum", inputs: { close: "default" } },
      { name: "unknown", type: "momentun" },
      { name: "surplus", type: "momentum", parameters: { v: 1 } },
      { name: "outside", type: "momentum", parameters: { w: 10 } },
      { name: "fraction", type: "momentum", parameters: { w: 2.5 } },
      { name: "input", type: "momentum", inputs: { clsoe: "volume" } },
      { name: "both", type: "momentum", formula: "close" },
    ],
    { bars },
    [MOMENTUM, steps],
  );
  expect(cells("default")).toEqual([null, 0.5, 0.5, null, 0.5, 1]);
  expect(cells("bound")).toEqual([null, null, 2 * (5 - 11 / 3), null, null, 2 * (6 - 10 / 3)]);
  expect(cells("by_steps")).toEqual(cells("bound"));
  expect(cells("of_feature")).toEqual([null, null, 0, null, null, 0.25]);
  expect(Object.entries(problems).flatMap(([name, problem]) => (problem ? [`${name} ${problem.code}`] : []))).toEqual([
    "unknown formula/unknown-type",
    "surplus formula/unknown-type-parameter",
    "outside formula/out-of-range",
    "fraction formula/out-of-range",
    "input formula/unknown-input",
    "both formula/formula-or-type",
  ]);
});

test("other tables: the last row of the symbol with an earlier time, and a feature on their rows", async () => {
  const trades = tableOf({
    symbol: ["A", "A", "B", "A"],
    event_time: [1.5, 2, 0.5, 2],
    trade_price: [100, 200, 300, 201],
    trade_id: [1n, 9n, 3n, 8n],
  });
  const { cells } = await compute(
    [
      { name: "last", formula: "trades.price" },
      { name: "mean", table: "trades", formula: "rolling_mean(price, 0)" },
      { name: "both", formula: "mean - close" },
      { name: "back", table: "trades", formula: "price - bars.close" },
    ],
    { bars, trades },
  );
  // At time 2 there are two trades of A: the one with the larger id is the last, and neither is before a bar of that time.
  expect(cells("last")).toEqual([null, 100, 200, 300, 300, 300]);
  expect(cells("mean")).toEqual([null, 100, 167, 300, 300, 300]);
  expect(cells("both")).toEqual([null, 98, 164, 290, 289, 287]);
  expect(cells("back")).toEqual([null, 99, 199, null, null, null]);
});

test("what is made of no column is of the rows of its own table", async () => {
  const bars = tableOf({ symbol: ["A", "A", "B", "A"], event_time: [1, 3, 3, 5], x: [1, 2, 3, 4] });
  const quotes = tableOf({ symbol: ["A", "A"], event_time: [2, 4], y: [10, 20] });
  const { cells, statuses } = await compute(
    [
      { name: "n", table: "quotes", formula: "cumsum(1)" },
      { name: "own", formula: "cumsum(1)" },
      { name: "both", formula: "n + cumsum(1)" },
      { name: "two", table: "quotes", formula: "1 + 1" },
      { name: "two_here", formula: "1 + 1" },
      { name: "ranked", table: "quotes", formula: "cs_rank(cumsum(1)) + y" },
      { name: "ranked_here", formula: "cs_rank(cumsum(1))" },
      { name: "back", table: "quotes", formula: "own + n" },
    ],
    { bars, quotes },
  );
  expect(statuses.map(({ status }) => status)).toEqual(Array(8).fill("success"));
  // A at 1, 3 and 5, then B at 3.
  expect(cells("own")).toEqual([1, 2, 3, 1]);
  expect(cells("n")).toEqual([null, 1, 2, null]);
  expect(cells("both")).toEqual([null, 3, 5, null]);
  expect(cells("two")).toEqual([null, 2, 2, null]);
  expect(cells("two_here")).toEqual([2, 2, 2, 2]);
  expect(cells("ranked")).toEqual([null, 11, 21, null]);
  // At 3 A has its second row and B its first.
  expect(cells("ranked_here")).toEqual([1, 1, 1, 0.5]);
  expect(cells("back")).toEqual([null, 2, 4, null]);
});

test("a frame without symbols stands beside those of one symbol only", async () => {
  const clock = tableOf({ event_time: [9], x: [1] });
  const other = (symbols: string[]): Table =>
    tableOf({ event_time: symbols.map(() => 1), symbol: symbols, y: symbols.map(() => 4) });
  const specs = [
    { name: "a", formula: "x + other.y" },
    { name: "alone", formula: "x + 1" },
  ];
  expect((await compute(specs, { clock, other: other(["A"]) })).cells("a")).toEqual([5]);
  const beside = await compute(specs, { clock, other: other(["A", "B"]) });
  expect(beside.cells("a")).toEqual([null]);
  expect(beside.cells("alone")).toEqual([2]);
  expect(beside.statuses.map(({ status }) => status)).toEqual(["error", "success"]);
  expect(beside.statuses[0]?.problem?.says).toContain('table "clock" has no symbols');
});

test("cross-sections leave NULLs out, and a NaN makes all of its time NaN", async () => {
  const many = tableOf({
    symbol: ["a", "b", "c", "d", "a", "b", "a"],
    event_time: [1, 1, 1, 1, 2, 2, 3],
    x: [3, 1, 3, null, Number.NaN, 5, 7],
  });
  const { table } = await compute(
    [
      { name: "rank", formula: "cs_rank(x)" },
      { name: "from_mean", formula: "cs_demean(x)" },
      { name: "score", formula: "cs_zscore(x)" },
      { name: "later", formula: "lag(cs_rank(x)) + cs_rank(cs_demean(x))" },
    ],
    { many },
  );
  const at = (name: string) =>
    Object.fromEntries(
      cellsOf(table, name).map((cell, row) => [
        `${cellsOf(table, "symbol")[row]}${Number(cellsOf(table, "event_time")[row]) / 1000}`,
        cell,
      ]),
    );
  const nan = Number.NaN;
  expect(at("rank")).toEqual({ a1: 2.5 / 3, b1: 1 / 3, c1: 2.5 / 3, d1: null, a2: nan, b2: nan, a3: 1 });
  expect(at("from_mean")).toEqual({ a1: 3 - 7 / 3, b1: 1 - 7 / 3, c1: 3 - 7 / 3, d1: null, a2: nan, b2: nan, a3: 0 });
  expect(at("score")).toMatchObject({ d1: null, a2: nan, b2: nan, a3: null });
  expect(at("score")["b1"]).toBeCloseTo(-2 / Math.sqrt(3), 14);
  expect(at("later")).toEqual({ a1: null, b1: null, c1: null, d1: null, a2: nan, b2: nan, a3: nan });
});

test("mistaken frames and doubled names are refused", async () => {
  expect(() => new FeatureEngine({ backend: JSON.parse('"gpu"') })).toThrow(
    'backend is "gpu", and must be one of kernel, polars',
  );
  const refused = async (frames: Record<string, Table>, specs: readonly FeatureSpec[] = []) => {
    const error = await new FeatureEngine().computeFeatures({ specs, frames }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(DaedalusError);
    return (error as DaedalusError).problems.map(({ code }) => code);
  };
  const x = vectorFromArray([1], new Float64());
  expect(await refused({})).toEqual(["formula/no-table"]);
  expect(await refused({ bars: new Table({ x }) })).toEqual(["frame/no-times"]);
  expect(await refused({ bars: new Table({ event_time: x }) })).toEqual(["frame/wrong-times"]);
  const hole = vectorFromArray([1, null], new TimestampMicrosecond());
  expect(await refused({ bars: new Table({ event_time: hole }) })).toEqual(["frame/missing-value"]);
  const twice = [1, 2].map(() => ({ name: "a", formula: "close" }));
  expect(await refused({ bars }, twice)).toEqual(["formula/doubled-feature"]);
  expect(await refused({ bars }, [{ name: "symbol", formula: "close" }])).toEqual(["formula/reserved-feature"]);
});

test("integers, booleans and times of other units are numbers; texts are refused", async () => {
  const table = tableOf({ event_time: [1, 2], id: [9007199254740993n, 2n], flag: [true, false], word: ["a", "b"] });
  const { cells, problems } = await compute(
    [
      { name: "next", formula: "id + flag" },
      { name: "not_flag", formula: "not flag" },
      { name: "was_flag", formula: "lag(flag, 1)" },
      { name: "own_flag", formula: "shift(flag, 0)" },
      { name: "words", formula: "word + 1" },
      { name: "times", formula: "event_time + 1" },
    ],
    { table },
  );
  expect(cells("next")).toEqual([9007199254740992 + 1, 2]);
  expect(cells("not_flag")).toEqual([false, true]);
  expect(cells("was_flag")).toEqual([null, 1]);
  expect(cells("own_flag")).toEqual([1, 0]);
  expect(problems["words"]?.code).toBe("formula/wrong-column");
  expect(problems["times"]?.code).toBe("formula/wrong-column");
});
