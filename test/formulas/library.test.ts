import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Float64, Table, TimestampMicrosecond, Utf8, vectorFromArray } from "apache-arrow";
import { FeatureEngine, type FeatureSpec } from "daedalus";
import { describe, expect, test } from "vitest";
import { readFeatureTypes } from "#daedalus/definitions/read-feature-run.js";

type Cell = number | null;
/** A value as JSON tells it: NaN and the infinities by their names. */
type Told = Cell | "nan" | "inf" | "-inf";

interface Expected {
  readonly parameters: Readonly<Record<string, number>>;
  readonly inputs: Readonly<Record<string, string>>;
  readonly rows: readonly (readonly [symbol: string, row: number, value: Told])[];
}

interface Columns {
  readonly symbol: readonly string[];
  /** Seconds. */
  readonly event_time: readonly number[];
  readonly [name: string]: readonly (Cell | string)[];
}

interface LibraryValues {
  readonly table: Columns;
  readonly expected: Readonly<Record<string, Expected>>;
}

/** Written by scripts/library-values.py. */
const values: LibraryValues = JSON.parse(readFileSync(new URL("library-values.json", import.meta.url), "utf8"));
const folder = fileURLToPath(new URL("../../library", import.meta.url));
const { types, problems } = await readFeatureTypes(folder);
const engine = new FeatureEngine({ types: [...types.values()] });

/** The formulas as they were published: name, formula, parameters `name [min, max] default`, output. */
const PUBLISHED = `
signal/ofi | cumsum((diff(best_bid_size, window) - diff(best_ask_size, window)), 0) | window [1, 100] 1; decay [0, 1] 0.95 | ofi
signal/vpin | abs(rolling_sum((size * trade_direction), num_bars)) / rolling_sum(size, num_bars) | num_bars [10, 200] 50; bar_size 500000 | vpin
signal/flow_persistence_score | rolling_corr(ofi, ofi, window) | window [5, 1000] 100 | flow_persistence
signal/breakout_distance | trade_price - rolling_max(trade_price, window_bars) | window_bars [5, 1000] 50 | breakout_distance
signal/breakout_strength | abs(trade_price - rolling_max(trade_price, window_bars)) / (rolling_max(trade_price, window_bars) - rolling_min(trade_price, window_bars) + 1e-10) | window_bars [5, 1000] 50 | breakout_strength
signal/breakout_strength_index | (price - rolling_max(price, window)) / (rolling_max(price, window) - rolling_min(price, window)) | window [2, 500] 20 | breakout_strength
execution/trade_intensity | rolling_sum(trade_count, window) | window [1, 1000] 30 | trade_intensity
execution/quoted_spread | best_ask_price - best_bid_price | | quoted_spread
execution/spread_bps | ((best_ask_price - best_bid_price) / ((best_bid_price + best_ask_price) * 0.5)) * 10000.0 | | spread_bps
execution/realized_spread | ((post_trade_price - trade_price) * trade_direction) / quoted_spread | | realized_spread
execution/temporary_impact_decay | linear_regression_slope((post_trade_price - mid_price), window) | window [5, 500] 50 | impact_decay_rate
execution/permanent_impact_ratio | long_term_price_change / (immediate_impact + epsilon) | epsilon 1e-10 | permanent_ratio
execution/immediate_market_impact | mid_price_change / (order_size + epsilon) | epsilon 1e-10 | immediate_impact
quality/large_trade_frequency | rolling_sum((size > size_threshold), window) | size_threshold 1000; window 100 | large_trade_frequency
quality/rolling_average_trade_size | rolling_mean(size, window) | window 60000 | avg_trade_size
regime/trend_regime_indicator | adx > threshold | threshold [0, 1] 0.25 | trend_regime
regime/liquidity_regime_classifier | (best_ask_price - best_bid_price) / threshold_high | threshold_high 0.005; threshold_low 0.001 | liquidity_regime
regime/liquidity_stress_index | decay_accum((((spread_weight * spread) + (depth_weight * depth)) + (volume * vol_weight)), alpha, 0) | alpha 0.9; spread_weight 0.4; depth_weight 0.3; vol_weight 0.3 | stress_index
regime/drawdown | (price / rolling_max(price, window)) - 1.0 | window [0, 100000] 0 | drawdown
signal/cumulative_ofi | cumsum(ofi, 0) | | cumulative_ofi
signal/flow_pressure | rolling_sum(signed_volume, window) | window [1, 1000] 50 | flow_pressure
technical/macd | ema((ema(price, fast_window) - ema(price, slow_window)), signal_window) | fast_window [2, 200] 12; slow_window [5, 500] 26; signal_window [2, 100] 9 | macd
regime/historical_var | historical_var(returns, window, confidence) | window [20, 2000] 100; confidence [0.8, 0.995] 0.95 | var_95
quality/shannon_entropy_measure | rolling_std(signal, window) | window 3600000 | shannon_entropy
quality/sample_entropy_measure | rolling_std(signal, window) | window 60000 | sample_entropy
stability/consecutive_above_threshold | rolling_sum(signal, 100) | threshold 0.5 | consecutive_duration
stability/order_flow_autocorrelation | rolling_corr(ofi, lag(ofi, lag), window) | window [2, 200] 20; lag [1, 50] 1 | ofi_autocorrelation
stability/signal_turnover | rolling_mean((abs(diff(sign(signal), 1)) / 2.0), window) | window 300000 | signal_turnover
stability/rolling_volatility_of_volatility | rolling_std(vol_of_vol, window) | window 300000 | vol_of_vol_stability
stability/volatility_term_structure_slope | rv_300s - rv_1s | | term_structure_slope
`
  .trim()
  .split("\n")
  .map((line) => line.split("|").map((cell) => cell.trim()) as [string, string, string, string]);

function tableOf(columns: Columns): Table {
  const vectors = Object.entries(columns).map(([name, cells]) => {
    if (name === "symbol") return [name, vectorFromArray(cells, new Utf8())];
    if (name !== "event_time") return [name, vectorFromArray(cells, new Float64())];
    const milliseconds = columns.event_time.map((second) => second * 1000);
    return [name, vectorFromArray(milliseconds, new TimestampMicrosecond())];
  });
  return new Table(Object.fromEntries(vectors));
}

/** The types' columns on a table; a feature may not be called like a column, as some types are. */
async function columnsOf(specs: readonly FeatureSpec[], frame: Table) {
  const named = specs.map((spec) => ({ ...spec, name: `library_${spec.name}` }));
  const { table, statuses } = await engine.computeFeatures({ specs: named, frames: { market: frame } });
  expect(statuses.flatMap(({ name, problem }) => (problem ? [`${name}: ${problem.says}`] : []))).toEqual([]);
  return (name: string): Cell[] => [...(table.getChild(`library_${name}`) ?? [])].map(cellOf);
}

function cellOf(value: unknown): Cell {
  return typeof value === "number" ? value : typeof value === "boolean" ? Number(value) : null;
}

function toldValue(told: Told): Cell {
  return told === "nan" ? Number.NaN : told === "inf" ? Infinity : told === "-inf" ? -Infinity : told;
}

/** To 1e-9 of the value; what cancels to nothing, to 1e-14. */
function alike(one: Cell, other: Cell): boolean {
  if (one === other) return true;
  if (one === null || other === null || !Number.isFinite(one) || !Number.isFinite(other)) return Object.is(one, other);
  return Math.abs(one - other) <= Math.max(1e-9 * Math.max(Math.abs(one), Math.abs(other)), 1e-14);
}

describe("the library", () => {
  test("reads without problems, a type per file, in every dimension", () => {
    expect(problems).toEqual([]);
    const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".yaml"));
    const owns = [...types.values()].map(({ dimension, name }) => `${dimension}/${name}.yaml`);
    expect(owns.sort()).toEqual(files.sort());
    const counts = new Map<string, number>();
    for (const { dimension } of types.values()) counts.set(dimension, (counts.get(dimension) ?? 0) + 1);
    const least = { signal: 20, execution: 18, quality: 13, regime: 16, stability: 9, technical: 30 };
    for (const [dimension, count] of Object.entries(least)) expect(counts.get(dimension)).toBeGreaterThanOrEqual(count);
    expect(types.size).toBeGreaterThanOrEqual(75);
  });

  test("describes every type and names its inputs", () => {
    for (const { name, description = "", version, status, tags, requiredInputs } of types.values()) {
      expect(description.length, name).toBeGreaterThan(40);
      expect([version, status], name).toEqual(["v1.0", "active"]);
      expect(tags.length, name).toBeGreaterThan(0);
      expect(requiredInputs.length, name).toBeGreaterThan(0);
    }
  });

  test.each(PUBLISHED)("has %s as published", (path, formula, parameters, output) => {
    const [dimension, name = ""] = path.split("/");
    const type = types.get(name);
    expect(type).toMatchObject({ name, dimension, formula, outputColumn: output });
    const written = Object.entries(type?.parameters ?? {}).map(([parameter, { default: value, constraints }]) => {
      const range = parameters.includes(`${parameter} [`) ? ` [${constraints?.min}, ${constraints?.max}]` : "";
      return `${parameter}${range} ${value}`;
    });
    expect(written.join("; ")).toBe(parameters);
  });

  test("computes every type by its defaults from its inputs alone, and an input more or less would be seen", async () => {
    for (const type of types.values()) {
      const rows = 40;
      const columns = {
        symbol: Array.from({ length: rows }, () => "A"),
        event_time: Array.from({ length: rows }, (_, row) => row),
        ...Object.fromEntries(
          type.requiredInputs.map((input, shift) => [
            input,
            Array.from({ length: rows }, (_, row) => 100 + ((row * 37 + shift * 11) % 23) / 8),
          ]),
        ),
      };
      const frame = tableOf(columns);
      await columnsOf([{ name: type.name, type: type.name }], frame);
      for (const input of type.requiredInputs) {
        // Bound to a column that is not there: told, if the formula takes it.
        const { statuses } = await engine.computeFeatures({
          specs: [{ name: "library_less", type: type.name, inputs: { [input]: "missing_column" } }],
          frames: { market: frame },
        });
        expect(statuses[0]?.problem?.code, `${type.name}: ${input}`).toBe("formula/unknown-name");
      }
    }
  });

  test("has values of foreign implementations for every type", () => {
    expect(Object.keys(values.expected).sort()).toEqual([...types.keys()].sort());
    for (const [name, { rows, parameters }] of Object.entries(values.expected)) {
      const known = rows.filter(([, , value]) => value !== null);
      expect(known.length, name).toBeGreaterThanOrEqual(4);
      const declared = Object.keys(types.get(name)?.parameters ?? {});
      expect(Object.keys(parameters).sort(), name).toEqual(declared.sort());
    }
  });
});

describe("values of foreign implementations", async () => {
  const frame = tableOf(values.table);
  const specs = Object.entries(values.expected).map(([name, { parameters, inputs }]) => ({
    name,
    type: name,
    parameters,
    inputs,
  }));
  const columnOf = await columnsOf(specs, frame);
  const first = (symbol: string) => values.table.symbol.indexOf(symbol);

  test.each(Object.entries(values.expected))("%s", (name, { rows }) => {
    const column = columnOf(name);
    const unlike = rows.flatMap(([symbol, row, told]) => {
      const [computed, expected] = [column[first(symbol) + row] ?? null, toldValue(told)];
      return alike(computed, expected) ? [] : [{ symbol, row, computed, expected }];
    });
    expect(unlike).toEqual([]);
  });
});

describe("where nothing moves", async () => {
  const still = (level: number) => Array.from({ length: 40 }, () => level);
  const frame = tableOf({
    symbol: Array.from({ length: 40 }, () => "A"),
    event_time: Array.from({ length: 40 }, (_, row) => row),
    open: still(10),
    high: still(10),
    low: still(10),
    close: [...still(10).slice(0, 20), ...Array.from({ length: 20 }, (_, row) => 10 + row)],
    volume: still(5),
    signal: still(1),
    ofi: still(3),
  });
  const names = ["rsi", "accumulation_distribution", "balance_of_power", "adx_trend_strength", "sign_entropy"];
  const columnOf = await columnsOf(
    [...names, "gaussian_entropy", "flow_persistence_score", "permutation_entropy"].map((name) => ({
      name,
      type: name,
      ...(name === "permutation_entropy" ? { inputs: { ordinal_pattern: "signal" } } : {}),
      ...(types.get(name)?.parameters["window"] === undefined ? {} : { parameters: { window: 10 } }),
    })),
    frame,
  );

  test("a mean of nothing is NaN, and does not stay when something moves", () => {
    expect(columnOf("rsi").slice(0, 11)).toEqual([...Array.from({ length: 10 }, () => null), Number.NaN]);
    expect(columnOf("rsi")[39]).toBe(100);
  });

  test("a bar without a range has no place in it, and does not stop running sums and means", () => {
    for (const name of ["accumulation_distribution", "adx_trend_strength"])
      expect(columnOf(name)[19] ?? 0, name).toBe(0);
    expect(columnOf("adx_trend_strength")[39]).toBe(0);
    expect(columnOf("balance_of_power")[10]).toBe(0);
  });

  test("one value has no entropy", () => {
    expect(columnOf("sign_entropy")[39]).toBe(0);
    expect(columnOf("permutation_entropy")[39]).toBe(0);
    expect(columnOf("gaussian_entropy")[39]).toBe(-Infinity);
    expect(columnOf("flow_persistence_score")[39]).toBeNaN();
  });
});

describe("on the edge", async () => {
  const signal = [1, 1, 1, 0, 0, 2, 1, 2, 1, 1];
  const frame = tableOf({
    symbol: signal.map(() => "A"),
    event_time: signal.map((_, row) => row),
    signal,
    best_bid_price: signal.map(() => 10),
    best_ask_price: [10.125, 10.25, 10.375, 10.5, 10.625, 10, 10, 10, 10, 10],
    toxicity: signal.map(() => 0.5),
  });
  const parametersOf = { threshold: 1, threshold_low: 0.25, threshold_high: 0.5, window: 2 };
  const names = ["ordinal_pattern", "run_length_above_threshold", "share_above_threshold", "liquidity_regime_class"];
  const columnOf = await columnsOf(
    [...names, "market_toxicity_regime"].map((name) => {
      const own = Object.entries(parametersOf).filter(([key]) => types.get(name)?.parameters[key] !== undefined);
      return { name, type: name, parameters: Object.fromEntries(own) };
    }),
    frame,
  );

  test("of equal values the earlier is the smaller one in a pattern", () => {
    expect(columnOf("ordinal_pattern")).toEqual([null, null, 7, 4, 2, 7, 5, 3, 5, 2]);
  });

  test("at a threshold is not above it, and a spread from a threshold on is of its class", () => {
    expect(columnOf("run_length_above_threshold")).toEqual([0, 0, 0, 0, 0, 1, 0, 1, 0, 0]);
    expect(columnOf("share_above_threshold")).toEqual([null, 0, 0, 0, 0, 0.5, 0.5, 0.5, 0.5, 0]);
    expect(columnOf("liquidity_regime_class").slice(0, 5)).toEqual([0, 1, 1, 2, 2]);
    expect(columnOf("market_toxicity_regime")[9]).toBe(0);
  });
});
