"""Expected values of the feature types of library/, by implementations that know nothing of ours.

Writes test/formulas/library-values.json: a small seeded table of three symbols, and for every feature type some rows of its
column. Reads nothing of this repository: the definitions are those of the sources that each type names, by loops over windows,
pandas, SciPy, statsmodels and the indicator libraries `ta` and TA-Lib. The test (test/formulas/library.test.ts) needs no Python.

    python -m venv /tmp/values && /tmp/values/bin/pip install numpy==2.4.6 pandas==3.1.1 scipy==1.17.1 \
        statsmodels==0.15.0 ta==0.11.0 TA-Lib==0.8.2
    /tmp/values/bin/python scripts/library-values.py

None stands for NULL. Where a library begins a recursive mean otherwise than the library's formula, a loop stands in its place and
says so.
"""

import json
import math
import warnings
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import statsmodels.api as sm
import ta
import talib
from scipy import stats

warnings.simplefilter("ignore")
np.seterr(all="ignore")

OUT = Path(__file__).parent.parent / "test" / "formulas" / "library-values.json"
ROWS = {"A": 150, "B": 120, "C": 30}


# --------------------------------------------------------------------------------------------------------------------- the table


def symbol_frame(rng, rows, level, tick, digits):
    """Quotes, trades and bars of one symbol; numbers of few digits, so that JSON holds them exactly."""
    columns = {}
    mid = level + tick * np.cumsum(rng.integers(-3, 4, rows))
    ticks = rng.integers(1, 5, rows)
    bid = np.round(mid - tick * ticks, digits)
    ask = np.round(mid + tick * rng.integers(1, 5, rows), digits)
    columns["best_bid_price"], columns["best_ask_price"] = bid, ask
    for side, sign, best in (("bid", -1, bid), ("ask", 1, ask)):
        price = best
        for level_number in (1, 2, 3):
            columns[f"{side}_price_{level_number}"] = price
            columns[f"{side}_size_{level_number}"] = rng.integers(1, 60, rows).astype(float)
            price = np.round(price + sign * tick * rng.integers(1, 4, rows), digits)
        columns[f"best_{side}_size"] = columns[f"{side}_size_1"]
        columns[f"{side}_size"] = columns[f"{side}_size_1"]
        columns[f"{side}_depth"] = sum(columns[f"{side}_size_{k}"] for k in (1, 2, 3))
        columns[f"{side}_liquidity"] = columns[f"{side}_depth"] * 2
    columns["depth"] = columns["bid_depth"] + columns["ask_depth"]
    columns["mid_price"] = np.round((bid + ask) / 2, digits + 1)
    columns["spread"] = np.round(ask - bid, digits)
    columns["quoted_spread"] = columns["spread"]
    columns["trade_direction"] = rng.choice([-1.0, 1.0, 0.0], rows, p=[0.45, 0.45, 0.1])
    columns["trade_price"] = np.round(np.where(columns["trade_direction"] > 0, ask, bid), digits)
    columns["price"] = columns["trade_price"]
    columns["arrival_price"] = np.round(columns["trade_price"] + tick * rng.integers(-5, 6, rows), digits)
    columns["post_trade_price"] = np.round(columns["trade_price"] + tick * rng.integers(-5, 6, rows), digits)
    columns["size"] = rng.integers(1, 40, rows) * 50.0
    columns["volume"] = columns["size"] * rng.integers(1, 4, rows)
    columns["signed_volume"] = columns["size"] * columns["trade_direction"]
    columns["buy_volume"] = rng.integers(0, 500, rows).astype(float)
    columns["sell_volume"] = rng.integers(1, 500, rows).astype(float)
    columns["dollar_value"] = np.round(columns["size"] * columns["trade_price"], digits)
    columns["trade_count"] = rng.integers(1, 20, rows).astype(float)
    columns["update_count"] = rng.integers(0, 90, rows).astype(float)
    columns["interval_seconds"] = rng.integers(1, 4000, rows) / 1000
    columns["placed_size"] = rng.integers(50, 100, rows).astype(float)
    columns["filled_size"] = rng.integers(0, 50, rows).astype(float)
    columns["order_size"] = rng.integers(1, 100, rows).astype(float)
    columns["mid_price_change"] = rng.integers(-9, 10, rows) / 100
    columns["long_term_price_change"] = rng.integers(-9, 10, rows) / 100
    columns["immediate_impact"] = rng.integers(1, 20, rows) / 100
    columns["price_deviation"] = rng.integers(-9, 9, rows) / 100 + 0.005
    columns["ofi"] = rng.integers(-50, 51, rows).astype(float)
    columns["adx"] = rng.integers(5, 60, rows) / 100
    columns["adx_percent"] = columns["adx"] * 100
    columns["adx_percent"] = np.round(columns["adx_percent"])
    columns["toxicity"] = rng.integers(0, 1000, rows) / 1000
    columns["vol_of_vol"] = rng.integers(1, 1000, rows) / 1e5
    columns["rv_1s"], columns["rv_300s"] = rng.integers(1, 1000, rows) / 1e5, rng.integers(1, 1000, rows) / 1e5
    benchmark = rng.integers(-300, 301, rows)
    columns["benchmark_returns"] = benchmark / 1e5
    own = np.round(0.5 * benchmark + rng.integers(-300, 301, rows)) * (rng.random(rows) > 0.1)
    columns["returns"] = own / 1e5
    signal = np.zeros(rows)
    for row in range(1, rows):
        signal[row] = 0.7 * signal[row - 1] + rng.normal()
    columns["signal"] = np.round(signal, 1)
    columns["open"] = np.round(mid + tick * rng.integers(-2, 3, rows), digits)
    columns["close"] = np.round(np.roll(mid, -1) + tick * rng.integers(-2, 3, rows), digits)
    columns["close"][-1] = columns["open"][-1]
    top, bottom = np.maximum(columns["open"], columns["close"]), np.minimum(columns["open"], columns["close"])
    columns["high"] = np.round(top + tick * rng.integers(0, 4, rows), digits)
    columns["low"] = np.round(bottom - tick * rng.integers(1, 4, rows), digits)
    columns["typical"] = np.round((columns["high"] + columns["low"] + columns["close"]) / 3, digits)
    columns["patterns"] = np.array([None, None, *(ordinal_code(signal[i - 2 : i + 1]) for i in range(2, rows))], object)
    columns["gaps"] = np.array([None if x < 0.3 else round(x, 2) for x in rng.random(rows)], object)
    return {name: [None if x is None else float(x) for x in values] for name, values in columns.items()}


def ordinal_code(three):
    """The permutation that sorts three values (of equal ones the earlier first), as the code that ordinal_pattern documents."""
    codes = {(0, 1, 2): 7, (2, 1, 0): 0, (0, 2, 1): 5, (2, 0, 1): 4, (1, 0, 2): 3, (1, 2, 0): 2}
    return codes[tuple(int(k) for k in np.argsort(three, kind="stable"))]


RNG = np.random.default_rng(20240808)
TABLE = {
    "A": symbol_frame(RNG, ROWS["A"], 100.0, 0.01, 2),
    "B": symbol_frame(RNG, ROWS["B"], 50.0, 0.01, 2),
    "C": symbol_frame(RNG, ROWS["C"], 2000.0, 0.1, 1),
}
# The symbols begin one after the other, so that times have one, two or three of them.
TIMES = {symbol: [start + row for row in range(ROWS[symbol])] for symbol, start in (("A", 0), ("B", 20), ("C", 60))}


# ------------------------------------------------------------------------------------------------------------ how values are made

EXPECTED = {}


class Columns:
    """The columns of a symbol as NumPy arrays."""

    def __init__(self, columns):
        self.columns = columns

    def __getattr__(self, name):
        return np.array(self.columns[name], float)


def feature(name, parameters=None, inputs=None, symbols="ABC"):
    """Registers the values of a feature type: a function of a symbol's columns and the parameters."""

    def register(function):
        values = {symbol: listed(function(Columns(TABLE[symbol]), **(parameters or {}))) for symbol in symbols}
        keep(name, parameters, inputs, values)
        return function

    return register


def keep(name, parameters, inputs, values):
    assert name not in EXPECTED, name
    for symbol, column in values.items():
        assert len(column) == ROWS[symbol], (name, symbol, len(column))
    EXPECTED[name] = {"parameters": parameters or {}, "inputs": inputs or {}, "rows": chosen(values)}


def listed(values):
    return [None if x is None else float(x) for x in values]


def chosen(values):
    """About a dozen rows: around the first value of each symbol, one in the middle, the last."""
    rows = []
    for symbol, column in values.items():
        known = next((row for row, x in enumerate(column) if x is not None), len(column))
        last = len(column) - 1
        picked = {0, known - 1, known, known + 1, (known + last) // 2, last - 1, last}
        for row in sorted(row for row in picked if 0 <= row <= last):
            rows.append([symbol, row, text(column[row])])
    return rows


def text(x):
    if x is None:
        return None
    if math.isnan(x):
        return "nan"
    return ("inf" if x > 0 else "-inf") if math.isinf(x) else x


def windows(w, function, *columns):
    """function(last w values of each column) at each row; None where a value is missing. w = 0: all rows so far."""
    out = []
    for row in range(len(columns[0])):
        first = 0 if w == 0 else row - w + 1
        parts = [list(column[max(first, 0) : row + 1]) for column in columns]
        missing = first < 0 or any(x is None for part in parts for x in part)
        out.append(None if missing else function(*(np.array(part, float) for part in parts)))
    return out


def rows(function, *columns):
    """function(value of each column) at each row; None where one is missing."""
    return [None if any(x is None for x in values) else function(*map(float, values)) for values in zip(*columns, strict=True)]


def before(column, n=1):
    """The column n rows before."""
    column = list(column)
    return [None] * min(n, len(column)) + column[: max(len(column) - n, 0)]


def change(column, n=1):
    return rows(lambda x, y: x - y, column, before(column, n))


def nulls(values):
    """What an indicator library leaves open at the beginning."""
    return [None if math.isnan(x) else x for x in values]


def series(column):
    return pd.Series(column, dtype=float)


def total(x):
    return math.fsum(x)


def mean(x):
    return math.fsum(x) / len(x)


def deviation(x):
    return math.sqrt(math.fsum((v - mean(x)) ** 2 for v in x) / (len(x) - 1))


def ratio(a, b):
    """IEEE division."""
    return float(np.float64(a) / np.float64(b))


def pearson(x, y):
    x, y = x - mean(x), y - mean(y)
    return ratio(total(x * y), math.sqrt(total(x * x) * total(y * y)))


def slope(x, y):
    """Slope of y on x, with an intercept."""
    return float(sm.OLS(y, sm.add_constant(x, has_constant="add")).fit().params[1])


def log_returns(close):
    return rows(lambda x, y: math.log(x) - math.log(y), close, before(close))


def wilder(column, n):
    """Wilder's smoothing: the plain mean of the first n values, then (n - 1) parts of it and one of the next."""
    out, seed, state = [], [], None
    for x in column:
        if x is not None and state is None:
            seed.append(x)
            state = mean(seed) if len(seed) == n else None
        elif x is not None:
            state = state + (x - state) / n
        out.append(state)
    return out


def ewm(column, **how):
    """pandas' recursive exponential mean, begun by the first value."""
    return nulls(series(column).ewm(adjust=False, **how).mean())


def quantile(x, p):
    return float(np.quantile(x, p, method="linear"))


# --------------------------------------------------------------------------------------------------------- published: as printed


@feature("ofi", {"window": 1, "decay": 0.95})
def _(d, window, decay):
    out, net = [], 0.0
    for row in range(len(d.best_bid_size)):
        if row >= window:
            bid = d.best_bid_size[row] - d.best_bid_size[row - window]
            ask = d.best_ask_size[row] - d.best_ask_size[row - window]
            net += bid - ask
        out.append(net)
    return out


@feature("vpin", {"num_bars": 25, "bar_size": 500000})
def _(d, num_bars, bar_size):
    def share(size, side):
        bought, sold = total(size[side > 0]), total(size[side < 0])
        return abs(bought - sold) / total(size)

    return windows(num_bars, share, d.size, d.trade_direction)


@feature("flow_persistence_score", {"window": 20})
def _(d, window):
    return [None] * (window - 1) + [1.0] * (len(d.ofi) - window + 1)


@feature("breakout_distance", {"window_bars": 20})
def _(d, window_bars):
    return nulls(d.trade_price - talib.MAX(d.trade_price, window_bars))


@feature("breakout_strength", {"window_bars": 20})
def _(d, window_bars):
    return windows(window_bars, lambda x: (x.max() - x[-1]) / (np.ptp(x) + 1e-10), d.trade_price)


@feature("breakout_strength_index", {"window": 20})
def _(d, window):
    return nulls(talib.WILLR(d.price, d.price, d.price, window) / 100)


@feature("trade_intensity", {"window": 20})
def _(d, window):
    return nulls(series(d.trade_count).rolling(window).sum())


@feature("quoted_spread")
def _(d):
    return [float(np.subtract(ask, bid)) for bid, ask in zip(d.best_bid_price, d.best_ask_price, strict=True)]


@feature("spread_bps")
def _(d):
    return rows(lambda bid, ask: 20000 * (ask - bid) / (ask + bid), d.best_bid_price, d.best_ask_price)


@feature("realized_spread")
def _(d):
    def of(later, price, side, spread):
        return (later - price if side > 0 else price - later if side < 0 else 0.0) / spread

    return rows(of, d.post_trade_price, d.trade_price, d.trade_direction, d.quoted_spread)


@feature("temporary_impact_decay", {"window": 20})
def _(d, window):
    return nulls(talib.LINEARREG_SLOPE(d.post_trade_price - d.mid_price, window))


@feature("permanent_impact_ratio", {"epsilon": 1e-10})
def _(d, epsilon):
    return d.long_term_price_change / (epsilon + d.immediate_impact)


@feature("immediate_market_impact", {"epsilon": 1e-10})
def _(d, epsilon):
    return d.mid_price_change / (epsilon + d.order_size)


@feature("large_trade_frequency", {"size_threshold": 1000, "window": 20})
def _(d, size_threshold, window):
    return windows(window, lambda size: len([1 for x in size if x > size_threshold]), d.size)


@feature("rolling_average_trade_size", {"window": 20})
def _(d, window):
    return nulls(talib.SMA(d.size, window))


@feature("trend_regime_indicator", {"threshold": 0.25})
def _(d, threshold):
    return [1 if x > threshold else 0 for x in d.adx]


@feature("liquidity_regime_classifier", {"threshold_high": 0.005, "threshold_low": 0.001})
def _(d, threshold_high, threshold_low):
    return rows(lambda bid, ask: (ask - bid) / threshold_high, d.best_bid_price, d.best_ask_price)


@feature("liquidity_stress_index", {"alpha": 0.9, "spread_weight": 0.4, "depth_weight": 0.3, "vol_weight": 0.3})
def _(d, alpha, spread_weight, depth_weight, vol_weight):
    # Each row's sum again, by powers of alpha, in the place of the recursion.
    stress = [math.fsum(v) for v in zip(spread_weight * d.spread, depth_weight * d.depth, vol_weight * d.volume, strict=True)]
    return [math.fsum(alpha ** (row - k) * stress[k] for k in range(row + 1)) for row in range(len(stress))]


@feature("drawdown", {"window": 0})
def _(d, window):
    highest = np.maximum.accumulate(d.price)
    return (d.price - highest) / highest


@feature("cumulative_ofi")
def _(d):
    return np.cumsum(d.ofi)


@feature("flow_pressure", {"window": 20})
def _(d, window):
    return nulls(series(d.signed_volume).rolling(window).sum())


@feature("macd", {"fast_window": 12, "slow_window": 26, "signal_window": 9})
def _(d, fast_window, slow_window, signal_window):
    return ta.trend.MACD(series(d.price), slow_window, fast_window, signal_window, fillna=True).macd_signal()


@feature("historical_var", {"window": 20, "confidence": 0.95})
def _(d, window, confidence):
    return nulls(series(d.returns).rolling(window).quantile(1 - confidence))


for measure in ("shannon_entropy_measure", "sample_entropy_measure"):

    @feature(measure, {"window": 20})
    def _(d, window):
        return windows(window, deviation, d.signal)


@feature("consecutive_above_threshold", {"threshold": 0.5})
def _(d, threshold):
    return windows(100, total, d.signal)


@feature("order_flow_autocorrelation", {"window": 20, "lag": 3})
def _(d, window, lag):
    return nulls(series(d.ofi).rolling(window).corr(series(d.ofi).shift(lag)))


@feature("signal_turnover", {"window": 20})
def _(d, window):
    def turned(x):
        return sum(abs(np.sign(b) - np.sign(a)) for a, b in zip(x[:-1], x[1:], strict=True)) / 2 / window

    return windows(window + 1, turned, d.signal)


@feature("rolling_volatility_of_volatility", {"window": 20})
def _(d, window):
    return windows(window, deviation, d.vol_of_vol)


@feature("volatility_term_structure_slope")
def _(d):
    return -(d.rv_1s - d.rv_300s)


# ------------------------------------------------------------------------------------------- what published ones are meant to be


@feature("flow_persistence_lag1", {"window": 20})
def _(d, window):
    return windows(window + 1, lambda x: float(stats.pearsonr(x[1:], x[:-1]).statistic), d.ofi)


@feature("breakout_above_previous_high", {"window_bars": 20})
def _(d, window_bars):
    return windows(window_bars + 1, lambda x: x[-1] - x[:-1].max(), d.trade_price)


@feature("breakout_below_previous_low", {"window_bars": 20})
def _(d, window_bars):
    return windows(window_bars + 1, lambda x: x[:-1].min() - x[-1], d.trade_price)


@feature("breakout_strength_previous_range", {"window_bars": 20})
def _(d, window_bars):
    return windows(window_bars + 1, lambda x: (x[-1] - x[:-1].max()) / np.ptp(x[:-1]), d.trade_price)


@feature("order_flow_imbalance", {"window": 10})
def _(d, window):
    # The cases of the paper one by one.
    def event(bid, bid_size, ask, ask_size, bid0, bid_size0, ask0, ask_size0):
        bought = bid_size if bid > bid0 else bid_size - bid_size0 if bid == bid0 else -bid_size0
        sold = ask_size if ask < ask0 else ask_size - ask_size0 if ask == ask0 else -ask_size0
        return bought - sold

    now = (d.best_bid_price, d.best_bid_size, d.best_ask_price, d.best_ask_size)
    return windows(window, total, rows(event, *now, *map(before, now)))


@feature("vpin_volume_bars", {"num_bars": 20})
def _(d, num_bars):
    return windows(num_bars, lambda b, s: mean(np.abs(b - s)) / mean(b + s), d.buy_volume, d.sell_volume)


@feature("realized_spread_lagged", {"horizon": 5})
def _(d, horizon):
    return [
        None if row < horizon else 2 * d.trade_direction[row - horizon] * (d.trade_price[row - horizon] - d.mid_price[row])
        for row in range(len(d.mid_price))
    ]


@feature("price_impact_lagged", {"horizon": 5})
def _(d, horizon):
    # What the effective spread is above the realised one, in decimals: the difference of two close prices would lose digits.
    def of(side, price, mid, later):
        side, price, mid, later = (Decimal(repr(x)) for x in (side, price, mid, later))
        return 2 * side * (price - mid) - 2 * side * (price - later)

    then = [before(column, horizon) for column in (d.trade_direction, d.trade_price, d.mid_price)]
    return rows(of, *then, d.mid_price)


@feature("trend_regime_adx", {"threshold": 25}, {"adx": "adx_percent"})
def _(d, threshold):
    return [1 if x > threshold else 0 for x in d.adx_percent]


@feature("liquidity_regime_class", {"threshold_low": 0.035, "threshold_high": 0.055})
def _(d, threshold_low, threshold_high):
    return [int(np.digitize(ask - bid, [threshold_low, threshold_high])) for bid, ask in zip(d.best_bid_price, d.best_ask_price)]


@feature("macd_line", {"fast_window": 12, "slow_window": 26})
def _(d, fast_window, slow_window):
    return ta.trend.MACD(series(d.price), slow_window, fast_window, fillna=True).macd()


@feature("macd_histogram", {"fast_window": 12, "slow_window": 26, "signal_window": 9})
def _(d, fast_window, slow_window, signal_window):
    return ta.trend.MACD(series(d.price), slow_window, fast_window, signal_window, fillna=True).macd_diff()


def shannon(counts, base):
    return float(stats.entropy(counts, base=base))


@feature("sign_entropy", {"window": 20})
def _(d, window):
    return windows(window, lambda x: shannon(np.unique(np.sign(x), return_counts=True)[1], 2), d.signal)


@feature("binned_entropy", {"window": 20, "edge": 1})
def _(d, window, edge):
    bins = [-math.inf, -edge, 0, edge, math.inf]
    return windows(window, lambda x: shannon(np.histogram(x, bins)[0], 2), d.signal)


@feature("gaussian_entropy", {"window": 20})
def _(d, window):
    return windows(window, lambda x: float(stats.norm(scale=deviation(x)).entropy()) / math.log(2), d.signal)


@feature("ordinal_pattern")
def _(d):
    return [None, None, *(ordinal_code(d.signal[row - 2 : row + 1]) for row in range(2, len(d.signal)))]


@feature("permutation_entropy", {"window": 20}, {"ordinal_pattern": "patterns"})
def _(d, window):
    return windows(window, lambda x: shannon(np.unique(x, return_counts=True)[1], 6), d.columns["patterns"])


@feature("run_length_above_threshold", {"threshold": 0})
def _(d, threshold):
    out, run = [], 0
    for x in d.signal:
        run = run + 1 if x > threshold else 0
        out.append(run)
    return out


@feature("share_above_threshold", {"threshold": 0, "window": 20})
def _(d, threshold, window):
    return windows(window, lambda x: np.count_nonzero(x > threshold) / window, d.signal)


@feature("volatility_of_volatility", {"inner_window": 10, "outer_window": 15})
def _(d, inner_window, outer_window):
    return nulls(series(d.returns).rolling(inner_window).std().rolling(outer_window).std())


@feature("volatility_term_structure_ratio", {"short_window": 5, "long_window": 20})
def _(d, short_window, long_window):
    return windows(long_window, lambda x: deviation(x[-short_window:]) / deviation(x), d.returns)


# ---------------------------------------------------------------------------------------------------------------------- execution


@feature("depth_imbalance")
def _(d):
    bids = d.bid_size_1 + d.bid_size_2 + d.bid_size_3
    asks = d.ask_size_1 + d.ask_size_2 + d.ask_size_3
    return 1 - 2 * asks / (bids + asks)


@feature("effective_spread")
def _(d):
    return [2 * max(price - mid, mid - price) for price, mid in zip(d.trade_price, d.mid_price)]


@feature("effective_spread_bps")
def _(d):
    return np.abs(d.trade_price / d.mid_price - 1) * 2e4


@feature("limit_order_fill_rate", {"window": 20})
def _(d, window):
    return windows(window, lambda filled, placed: np.average(filled / placed, weights=placed), d.filled_size, d.placed_size)


@feature("liquidity_consumption_curve", {"window": 20})
def _(d, window):
    taken = [
        size / (ask if side == 1 else bid)
        for size, side, bid, ask in zip(d.size, d.trade_direction, d.bid_depth, d.ask_depth, strict=True)
    ]
    return windows(window, total, taken)


@feature("log_spread")
def _(d):
    return [math.log1p((ask - bid) / bid) for bid, ask in zip(d.best_bid_price, d.best_ask_price, strict=True)]


@feature("market_depth_elasticity", {"window": 5})
def _(d, window):
    return rows(ratio, change(d.mid_price, window), change(d.depth, window))


@feature("mid_price")
def _(d):
    return np.mean([d.best_bid_price, d.best_ask_price], axis=0)


@feature("micro_price")
def _(d):
    share = d.best_bid_size / (d.best_bid_size + d.best_ask_size)
    return d.best_bid_price + share * (d.best_ask_price - d.best_bid_price)


@feature("orderbook_update_rate", {"window": 20})
def _(d, window):
    return windows(window, lambda count, seconds: total(count) / total(seconds), d.update_count, d.interval_seconds)


@feature("trade_rate", {"window": 20})
def _(d, window):
    return windows(window, lambda count, seconds: mean(count) / mean(seconds), d.trade_count, d.interval_seconds)


@feature("spread_percentile_deviation", {"window": 20, "quantile": 0.7})
def _(d, window, quantile):
    return windows(window, lambda x: (x[-1] - np.percentile(x, 100 * quantile)) / np.percentile(x, 100 * quantile), d.spread)


@feature("trade_arrival_imbalance", {"window": 20})
def _(d, window):
    return windows(window, lambda side: mean(side[side != 0]), d.trade_direction)


@feature("vwap_execution_deviation", {"window": 20})
def _(d, window):
    vwap = windows(window, lambda price, size: np.average(price, weights=size), d.trade_price, d.size)
    return rows(lambda price, middle: (price - middle) / middle * 1e4, d.trade_price, vwap)


@feature("rolling_vwap", {"window": 20})
def _(d, window):
    price = series(d.trade_price)
    of_bars = ta.volume.VolumeWeightedAveragePrice(price, price, price, series(d.size), window)
    return nulls(of_bars.volume_weighted_average_price())


@feature("implementation_shortfall_bps")
def _(d):
    return d.trade_direction * (d.trade_price / d.arrival_price - 1) * 1e4


@feature("kyle_lambda", {"window": 20})
def _(d, window):
    return windows(window, slope, d.signed_volume, change(d.price))


@feature("hasbrouck_lambda", {"window": 20})
def _(d, window):
    root = np.copysign(np.sqrt(d.price * np.abs(d.signed_volume)), d.signed_volume)
    return windows(window, lambda x, y: stats.linregress(x, y).slope, root, d.returns)


@feature("roll_spread", {"window": 20})
def _(d, window):
    def of(now, last):
        covariance = np.cov(now, last)[0, 1]
        return 2 * math.sqrt(-covariance) if covariance < 0 else 0.0

    return windows(window, of, change(d.price), before(change(d.price)))


@feature("corwin_schultz_spread")
def _(d):
    def of(high, low, high0, low0):
        beta = math.log(high / low) ** 2 + math.log(high0 / low0) ** 2
        gamma = math.log(max(high, high0) / min(low, low0)) ** 2
        k = 3 - 2 * math.sqrt(2)
        alpha = (math.sqrt(2 * beta) - math.sqrt(beta)) / k - math.sqrt(gamma / k)
        return 2 * math.expm1(alpha) / (1 + math.exp(alpha))

    return rows(of, d.high, d.low, before(d.high), before(d.low))


# ---------------------------------------------------------------------------------------------------------------------- stability


@feature("autocorrelation", {"lag_rows": 2, "window": 20})
def _(d, lag_rows, window):
    return windows(window, pearson, d.signal, before(d.signal, lag_rows))


@feature("signal_half_life", {"window": 20})
def _(d, window):
    return windows(window + 1, lambda x: -math.log(2) / slope(x[:-1], np.diff(x)), d.signal)


@feature("liquidity_recovery_half_life", {"window": 20})
def _(d, window):
    return windows(window + 1, lambda x: ratio(math.log(0.5), np.log(pearson(x[1:], x[:-1]))), d.depth)


@feature("range_expansion_rate", {"window": 20})
def _(d, window):
    return windows(window + 1, lambda x: x[-1] / mean(x[:-1]) - 1, d.high - d.low)


@feature("variance_ratio", {"horizon": 4, "window": 20})
def _(d, horizon, window):
    one = log_returns(d.price)
    several = windows(horizon, total, one)
    return windows(window, lambda x, y: np.var(x, ddof=1) / np.var(y, ddof=1) / horizon, several, one)


@feature("hurst_exponent_two_scales", {"horizon": 8, "window": 20})
def _(d, horizon, window):
    def of(several, one):
        return (math.log(deviation(several)) - math.log(deviation(one))) / math.log(horizon)

    return windows(window, of, change(d.price, horizon), change(d.price))


@feature("mean_shift", {"half_window": 10})
def _(d, half_window):
    return windows(2 * half_window, lambda x: (mean(x[half_window:]) - mean(x[:half_window])) / deviation(x), d.signal)


# ------------------------------------------------------------------------------------------------------------------------- regime


@feature("adverse_selection_index", {"horizon": 5, "window": 15})
def _(d, horizon, window):
    lost = rows(lambda side, move: side * move, before(d.trade_direction, horizon), change(d.mid_price, horizon))
    return windows(window, lambda x, spread: 2 * total(x) / total(spread), lost, d.spread)


def directional_moves(d):
    """Wilder's directional movements and true range."""
    plus, minus, true_range = [None], [None], [None]
    for row in range(1, len(d.high)):
        up, down = d.high[row] - d.high[row - 1], d.low[row - 1] - d.low[row]
        plus.append(up if up > down and up > 0 else 0.0)
        minus.append(down if down > up and down > 0 else 0.0)
        last = d.close[row - 1]
        true_range.append(max(d.high[row], last) - min(d.low[row], last))
    return plus, minus, true_range


# Wilder's book begins each sum with n bars. TA-Lib begins the directional movements with n - 1, and `ta` with other bars again.
@feature("adx_trend_strength", {"window": 7})
def _(d, window):
    plus, minus, _ = directional_moves(d)
    index = rows(lambda p, m: 100 * abs(p - m) / (p + m), wilder(plus, window), wilder(minus, window))
    return wilder(index, window)


@feature("plus_di", {"window": 14})
def _(d, window):
    plus, _, true_range = directional_moves(d)
    return rows(lambda move, way: 100 * move / way, wilder(plus, window), wilder(true_range, window))


@feature("minus_di", {"window": 14})
def _(d, window):
    _, minus, true_range = directional_moves(d)
    return rows(lambda move, way: 100 * move / way, wilder(minus, window), wilder(true_range, window))


def cross_section(name, parameters, of_symbol, of_all):
    """Registers a feature of all symbols of a time: of_all takes the values of those that have one."""
    own = {symbol: of_symbol(Columns(TABLE[symbol])) for symbol in TABLE}
    out = {symbol: [None] * ROWS[symbol] for symbol in TABLE}
    for time in sorted({time for times in TIMES.values() for time in times}):
        here = {s: time - TIMES[s][0] for s in TABLE if time in TIMES[s] and own[s][time - TIMES[s][0]] is not None}
        if here:
            for (symbol, row), x in zip(here.items(), of_all(np.array([own[s][row] for s, row in here.items()])), strict=True):
                out[symbol][row] = None if x is None else float(x)
    keep(name, parameters, {}, out)


def returns_over(n):
    return lambda d: rows(lambda x, y: (x - y) / y, d.price, before(d.price, n))


cross_section(
    "cross_sectional_mispricing",
    {"window": 5},
    returns_over(5),
    lambda x: [None] * len(x) if len(x) < 2 else stats.zscore(x, ddof=1),
)
cross_section("cross_sectional_momentum_rank", {"window": 5}, returns_over(5), lambda x: stats.rankdata(x) / len(x))


@feature("execution_toxicity_feedback", {"window": 20})
def _(d, window):
    return nulls(series(d.spread).diff().rolling(window).corr(series(d.toxicity).shift()))


@feature("expected_shortfall", {"window": 20, "confidence": 0.9})
def _(d, window, confidence):
    levels = [(k + 0.5) / 5 * (1 - confidence) for k in range(5)]
    return windows(window, lambda x: mean(np.quantile(x, levels)), d.returns)


@feature("var_exceedance_rate", {"window": 20, "confidence": 0.9}, symbols="AB")
def _(d, window, confidence):
    known = before(windows(window, lambda x: quantile(x, 1 - confidence), d.returns))
    return windows(window, mean, rows(lambda x, risk: 1 if x < risk else 0, d.returns, known))


@feature("latent_liquidity_pressure", {"window": 20, "epsilon": 1e-10})
def _(d, window, epsilon):
    way = rows(abs, change(d.depth))
    return windows(window, lambda volume, changed: total(volume) / (total(changed) + epsilon), d.volume, way)


@feature("linear_regression_slope", {"window": 20})
def _(d, window):
    return windows(window, lambda y: np.polyfit(np.arange(window) - (window - 1) / 2, y - mean(y), 1)[0], d.price)


@feature("trend_r_squared", {"window": 20})
def _(d, window):
    return windows(window, lambda y: stats.linregress(range(window), y - mean(y)).rvalue ** 2, d.price)


@feature("liquidity_depletion_rate", {"window": 20})
def _(d, window):
    gone = rows(lambda x: -x if x < 0 else 0.0, change(d.depth))
    return windows(window, lambda x, depth: total(x) / total(depth), gone, d.depth)


@feature("liquidity_imbalance_ratio", {"epsilon": 1e-10})
def _(d, epsilon):
    return rows(lambda bid, ask: 1 / ((ask + epsilon) / bid), d.bid_liquidity, d.ask_liquidity)


@feature("liquidity_reversion_pressure")
def _(d):
    return d.depth / d.price_deviation * d.spread


@feature("market_toxicity_regime", {"window": 20, "quantile": 0.9})
def _(d, window, quantile):
    return windows(window, lambda x: 1 if x[-1] > np.percentile(x, 100 * quantile) else 0, d.toxicity)


@feature("microstructure_reversal", {"window": 20})
def _(d, window):
    return windows(window + 1, lambda x: -float(np.corrcoef(x[1:], x[:-1])[0, 1]), d.returns)


@feature("volatility_regime", {"short_window": 5, "long_window": 20, "multiple": 1.1})
def _(d, short_window, long_window, multiple):
    return windows(long_window, lambda x: 1 if np.std(x[-short_window:], ddof=1) / np.std(x, ddof=1) > multiple else 0, d.returns)


@feature("max_drawdown", {"window": 10})
def _(d, window):
    return windows(2 * window - 1, lambda x: min(x[k] / max(x[k - window + 1 : k + 1]) - 1 for k in range(window - 1, len(x))), d.price)


@feature("efficiency_ratio", {"window": 10})
def _(d, window):
    return windows(window + 1, lambda x: abs(x[-1] - x[0]) / total(np.abs(np.diff(x))), d.price)


@feature("market_beta", {"window": 20})
def _(d, window):
    return windows(window, slope, d.benchmark_returns, d.returns)


@feature("market_correlation", {"window": 20})
def _(d, window):
    return nulls(talib.CORREL(d.returns * 1e5, d.benchmark_returns * 1e5, window))


# ------------------------------------------------------------------------------------------------------------------------- signal


@feature("cumulative_volume_delta", {"window": 20})
def _(d, window):
    return windows(window, lambda size, side: total(size[side > 0]) - total(size[side < 0]), d.size, d.trade_direction)


@feature("cumulative_delta")
def _(d):
    return np.cumsum(np.where(d.trade_direction > 0, d.size, 0)) - np.cumsum(np.where(d.trade_direction < 0, d.size, 0))


@feature("realized_volatility_percentile", {"short_window": 5, "long_window": 20})
def _(d, short_window, long_window):
    def root(x):
        return np.linalg.norm(x) / math.sqrt(len(x))

    return windows(long_window, lambda x: root(x[-short_window:]) / root(x), d.returns)


@feature("realized_volatility_rank", {"short_window": 5, "long_window": 20})
def _(d, short_window, long_window):
    # Variances of whole numbers, so that equal ones are equal.
    variances = windows(short_window, lambda x: short_window * total(x * x) - total(x) ** 2, np.round(d.returns * 1e5))
    return windows(long_window, lambda x: stats.percentileofscore(x, x[-1], kind="mean") / 100, variances)


@feature("amihud_illiquidity", {"window": 20, "scale": 1e6})
def _(d, window, scale):
    return windows(window, lambda x, value: mean(np.abs(x) * scale / value), d.returns, d.dollar_value)


@feature("beta_adjusted_lag_spread", {"lag_rows": 2, "window": 20})
def _(d, lag_rows, window):
    lead = before(d.benchmark_returns, lag_rows)
    return windows(window, lambda x, y: y[-1] - slope(x, y) * x[-1], lead, d.returns)


@feature("bid_ask_depth_ratio")
def _(d):
    return 1 / (d.ask_depth / d.bid_depth)


@feature("book_imbalance")
def _(d):
    return 2 * d.bid_size / (d.bid_size + d.ask_size) - 1


@feature("book_pressure", {"level_decay": 0.5})
def _(d, level_decay):
    weights = [level_decay**k for k in range(3)]
    bids = np.average([d.bid_size_1, d.bid_size_2, d.bid_size_3], axis=0, weights=weights)
    asks = np.average([d.ask_size_1, d.ask_size_2, d.ask_size_3], axis=0, weights=weights)
    return 1 - 2 * asks / (bids + asks)


@feature("cumulative_depth")
def _(d):
    return d.bid_depth + d.ask_depth


@feature("cumulative_depth_slope")
def _(d):
    bids = (d.bid_depth - d.bid_size_1) / (d.bid_price_1 - d.bid_price_3)
    asks = (d.ask_depth - d.ask_size_1) / (d.ask_price_3 - d.ask_price_1)
    return np.mean([bids, asks], axis=0)


@feature("depth_change_rate", {"window": 5})
def _(d, window):
    return nulls(series(d.depth).pct_change(window))


@feature("momentum", {"window": 20})
def _(d, window):
    return nulls(talib.ROCP(d.price, window))


@feature("volatility_scaled_momentum", {"window": 20})
def _(d, window):
    # A z-test of the mean: mean × √n ÷ deviation.
    return windows(window, lambda x: mean(x) / deviation(x) * math.sqrt(window), log_returns(d.price))


@feature("price_zscore", {"window": 20})
def _(d, window):
    return windows(window, lambda x: stats.zscore(x - x[0], ddof=1)[-1], d.price)


@feature("order_flow_zscore", {"flow_window": 5, "window": 20})
def _(d, flow_window, window):
    sums = windows(flow_window, total, d.signed_volume)
    return windows(window, lambda x: (x[-1] - mean(x)) / deviation(x), sums)


@feature("micro_price_deviation_bps")
def _(d):
    # By the two prices, in fractions: their difference would lose digits.
    def of(bid, bid_size, ask, ask_size):
        bid, bid_size, ask, ask_size = (Fraction(repr(x)) for x in (bid, bid_size, ask, ask_size))
        micro, mid = (bid * ask_size + ask * bid_size) / (bid_size + ask_size), (bid + ask) / 2
        return (micro - mid) / mid * 10000

    return rows(of, d.best_bid_price, d.best_bid_size, d.best_ask_price, d.best_ask_size)


@feature("trade_sign_autocorrelation", {"lag_rows": 1, "window": 20})
def _(d, lag_rows, window):
    return windows(window + lag_rows, lambda x: pearson(x[lag_rows:], x[:-lag_rows]), d.trade_direction)


@feature("relative_volume", {"window": 20})
def _(d, window):
    return windows(window + 1, lambda x: x[-1] * window / total(x[:-1]), d.volume)


# ------------------------------------------------------------------------------------------------------------------------ quality


@feature("signal_to_noise_ratio", {"window": 20})
def _(d, window):
    return windows(window, lambda x: 1 / stats.variation(x, ddof=1), d.signal)


@feature("information_coefficient", {"horizon": 2, "window": 20})
def _(d, horizon, window):
    forward = returns_over(horizon)(d)
    return windows(window, lambda x, y: stats.spearmanr(x, y).statistic, before(d.signal, horizon), forward)


@feature("information_coefficient_pearson", {"horizon": 2, "window": 20})
def _(d, horizon, window):
    return windows(window, pearson, before(d.signal, horizon), returns_over(horizon)(d))


@feature("directional_accuracy", {"window": 20})
def _(d, window):
    hits = rows(lambda x, y: 1 if (x > 0 and y > 0) or (x < 0 and y < 0) else 0, before(d.signal), d.returns)
    return windows(window, mean, hits)


@feature("sharpe_ratio", {"window": 20, "periods": 252})
def _(d, window, periods):
    return windows(window, lambda x: np.mean(x) / np.std(x, ddof=1) * math.sqrt(periods), d.returns)


@feature("sortino_ratio", {"window": 20, "periods": 252})
def _(d, window, periods):
    def of(x):
        losses = [v for v in x if v < 0]
        return mean(x) * math.sqrt(periods) / math.sqrt(math.fsum(v * v for v in losses) / window)

    return windows(window, of, d.returns)


@feature("win_rate", {"window": 20})
def _(d, window):
    return windows(window, lambda x: len([v for v in x if v > 0]) / window, d.returns)


@feature("profit_factor", {"window": 20})
def _(d, window):
    return windows(window, lambda x: ratio(total(x[x > 0]), -total(x[x < 0])), d.returns)


@feature("return_skewness", {"window": 20})
def _(d, window):
    return windows(window, lambda x: stats.skew(x), d.returns)


@feature("return_kurtosis", {"window": 20})
def _(d, window):
    return windows(window, lambda x: stats.kurtosis(x), d.returns)


@feature("large_trade_share", {"size_threshold": 1000, "window": 20})
def _(d, size_threshold, window):
    return windows(window, lambda x: 1 - total(x[x <= size_threshold]) / total(x), d.size)


@feature("robust_zscore", {"window": 10})
def _(d, window):
    middle = windows(window, np.median, d.signal)
    away = rows(lambda x, m: abs(x - m), d.signal, middle)
    scale = windows(window, np.median, away)
    return rows(lambda x, m, s: ratio(x - m, 1.4826 * s), d.signal, middle, scale)


@feature("zero_return_share", {"window": 20})
def _(d, window):
    return windows(window, lambda x: 1 - np.count_nonzero(x) / window, d.returns)


@feature("missing_rate", {"window": 20}, {"signal": "gaps"})
def _(d, window):
    return windows(window, mean, [1 if x is None else 0 for x in d.columns["gaps"]])


# ---------------------------------------------------------------------------------------------------------------------- technical


@feature("simple_moving_average", {"window": 20})
def _(d, window):
    return nulls(talib.SMA(d.close, window))


@feature("exponential_moving_average", {"span": 20})
def _(d, span):
    # Begun by the first price, as `ta` does; TA-Lib begins with a plain mean.
    return ta.trend.EMAIndicator(series(d.close), span, fillna=True).ema_indicator()


@feature("weighted_moving_average", {"window": 20})
def _(d, window):
    return nulls(talib.WMA(d.close, window))


@feature("linear_regression_value", {"window": 14})
def _(d, window):
    return nulls(talib.LINEARREG(d.close, window))


@feature("ma_crossover", {"fast_window": 5, "slow_window": 20})
def _(d, fast_window, slow_window):
    return nulls((talib.SMA(d.close, fast_window) - talib.SMA(d.close, slow_window)) / talib.SMA(d.close, slow_window))


@feature("ma_crossover_event", {"fast_window": 3, "slow_window": 12})
def _(d, fast_window, slow_window):
    # Whole cents: the plain means may be compared by their sums.
    cents = [round(100 * x) for x in d.close]
    def is_above(x):
        return sum(x[-fast_window:]) * slow_window > sum(x) * fast_window

    above = windows(slow_window, is_above, cents)
    return rows(lambda now, last: 1 if now > last else -1 if now < last else 0, above, before(above))


@feature("rsi", {"window": 14})
def _(d, window):
    return nulls(talib.RSI(d.close, window))


@feature("true_range")
def _(d):
    return nulls(talib.TRANGE(d.high, d.low, d.close))


@feature("atr", {"window": 14})
def _(d, window):
    return nulls(talib.ATR(d.high, d.low, d.close, window))


@feature("natr", {"window": 14})
def _(d, window):
    return nulls(talib.NATR(d.high, d.low, d.close, window))


BANDS = {"window": 20, "deviations": 2.0}


def bands(d, window, deviations):
    return ta.volatility.BollingerBands(series(d.close), window, deviations)


@feature("bollinger_upper", BANDS)
def _(d, window, deviations):
    return nulls(bands(d, window, deviations).bollinger_hband())


@feature("bollinger_lower", BANDS)
def _(d, window, deviations):
    return nulls(bands(d, window, deviations).bollinger_lband())


@feature("bollinger_percent_b", BANDS)
def _(d, window, deviations):
    return nulls(bands(d, window, deviations).bollinger_pband())


@feature("bollinger_width", BANDS)
def _(d, window, deviations):
    # `ta` gives percent.
    return nulls(bands(d, window, deviations).bollinger_wband() / 100)


@feature("stochastic_k", {"window": 14})
def _(d, window):
    return nulls(ta.momentum.StochasticOscillator(series(d.high), series(d.low), series(d.close), window, 3).stoch())


@feature("stochastic_d", {"window": 14, "smoothing": 3})
def _(d, window, smoothing):
    return nulls(talib.STOCHF(d.high, d.low, d.close, window, smoothing, 0)[1])


@feature("williams_r", {"window": 14})
def _(d, window):
    return nulls(talib.WILLR(d.high, d.low, d.close, window))


def donchian(d, window):
    return ta.volatility.DonchianChannel(series(d.high), series(d.low), series(d.close), window)


@feature("donchian_upper", {"window": 20})
def _(d, window):
    return nulls(donchian(d, window).donchian_channel_hband())


@feature("donchian_lower", {"window": 20})
def _(d, window):
    return nulls(donchian(d, window).donchian_channel_lband())


@feature("donchian_middle", {"window": 20})
def _(d, window):
    return nulls(talib.MIDPRICE(d.high, d.low, window))


@feature("support_distance", {"window": 20})
def _(d, window):
    return windows(window + 1, lambda low, close: 1 - min(low[:-1]) / close[-1], d.low, d.close)


@feature("resistance_distance", {"window": 20})
def _(d, window):
    return windows(window + 1, lambda high, close: max(high[:-1]) / close[-1] - 1, d.high, d.close)


@feature("price_momentum", {"window": 10})
def _(d, window):
    return nulls(talib.MOM(d.close, window))


@feature("rate_of_change", {"window": 10})
def _(d, window):
    return nulls(talib.ROC(d.close, window))


@feature("typical_price")
def _(d):
    return talib.TYPPRICE(d.high, d.low, d.close)


@feature("cci", inputs={"typical_price": "typical"})
def _(d):
    return nulls(talib.CCI(d.typical, d.typical, d.typical, 20))


@feature("trix", {"span": 10})
def _(d, span):
    once = ta.trend.TRIXIndicator(series(d.close), span, fillna=True).trix()
    # `ta` fills the first row with a mean of all rows.
    return [None, *once[1:]]


@feature("ppo", {"fast_window": 12, "slow_window": 26})
def _(d, fast_window, slow_window):
    return ta.momentum.PercentagePriceOscillator(series(d.close), slow_window, fast_window, fillna=True).ppo()


@feature("true_strength_index", {"slow_window": 25, "fast_window": 13})
def _(d, slow_window, fast_window):
    return [None, *ta.momentum.TSIIndicator(series(d.close), slow_window, fast_window, fillna=True).tsi()[1:]]


@feature("ultimate_oscillator", {"short_window": 5, "middle_window": 10, "long_window": 20})
def _(d, short_window, middle_window, long_window):
    return nulls(talib.ULTOSC(d.high, d.low, d.close, short_window, middle_window, long_window))


@feature("mass_index", {"span": 9, "window": 20})
def _(d, span, window):
    whole = ta.trend.MassIndex(series(d.high), series(d.low), span, window, fillna=True).mass_index()
    # `ta` adds up shorter windows too.
    return [None] * (window - 1) + list(whole[window - 1 :])


@feature("vortex_plus", {"window": 14})
def _(d, window):
    return nulls(ta.trend.VortexIndicator(series(d.high), series(d.low), series(d.close), window).vortex_indicator_pos())


@feature("vortex_minus", {"window": 14})
def _(d, window):
    return nulls(ta.trend.VortexIndicator(series(d.high), series(d.low), series(d.close), window).vortex_indicator_neg())


for side, sign in (("keltner_upper", 1), ("keltner_lower", -1)):

    @feature(side, {"window": 14, "multiple": 2.0})
    def _(d, window, multiple, sign=sign):
        middle = ta.trend.EMAIndicator(series(d.close), window, fillna=True).ema_indicator()
        return nulls(middle + sign * multiple * talib.ATR(d.high, d.low, d.close, window))


@feature("balance_of_power")
def _(d):
    return talib.BOP(d.open, d.high, d.low, d.close)


@feature("on_balance_volume")
def _(d):
    # TA-Lib begins with the first bar's volume, `ta` counts an unchanged close as a rise.
    return talib.OBV(d.close, d.volume) - d.volume[0]


@feature("accumulation_distribution")
def _(d):
    return talib.AD(d.high, d.low, d.close, d.volume)


@feature("chaikin_money_flow", {"window": 20})
def _(d, window):
    flow = ta.volume.ChaikinMoneyFlowIndicator(series(d.high), series(d.low), series(d.close), series(d.volume), window)
    return nulls(flow.chaikin_money_flow())


@feature("money_flow_index", {"window": 14})
def _(d, window):
    return nulls(talib.MFI(d.high, d.low, d.close, d.volume, window))


@feature("force_index", {"span": 13})
def _(d, span):
    return [None, *ta.volume.ForceIndexIndicator(series(d.close), series(d.volume), span, fillna=True).force_index()[1:]]


@feature("parkinson_volatility", {"window": 20})
def _(d, window):
    def of(high, low):
        return math.sqrt(sum(math.log(h / b) ** 2 for h, b in zip(high, low, strict=True)) / (4 * window * math.log(2)))

    return windows(window, of, d.high, d.low)


@feature("garman_klass_volatility", {"window": 20})
def _(d, window):
    # By the logarithms' differences from the open: u up, v down, c close.
    def of(first, high, low, last):
        u, v, c = np.log(high) - np.log(first), np.log(low) - np.log(first), np.log(last) - np.log(first)
        return math.sqrt(mean((u - v) ** 2 / 2 - (2 * math.log(2) - 1) * c**2))

    return windows(window, of, d.open, d.high, d.low, d.close)


def rogers_satchell(first, high, low, last):
    u, v, c = np.log(high / first), np.log(low / first), np.log(last / first)
    return mean(u * (u - c) + v * (v - c))


@feature("rogers_satchell_volatility", {"window": 20})
def _(d, window):
    return windows(window, lambda *bars: math.sqrt(rogers_satchell(*bars)), d.open, d.high, d.low, d.close)


@feature("yang_zhang_volatility", {"window": 20})
def _(d, window):
    def of(first, high, low, last):
        gaps = np.log(first[1:] / last[:-1])
        within = np.log(last[1:] / first[1:])
        k = 0.34 / (1.34 + (window + 1) / (window - 1))
        within_bars = rogers_satchell(first[1:], high[1:], low[1:], last[1:])
        return math.sqrt(np.var(gaps, ddof=1) + k * np.var(within, ddof=1) + (1 - k) * within_bars)

    return windows(window + 1, of, d.open, d.high, d.low, d.close)


@feature("realized_volatility", {"window": 20})
def _(d, window):
    return windows(window, lambda x: float(np.linalg.norm(x)), log_returns(d.close))


@feature("return_volatility", {"window": 20, "periods": 252})
def _(d, window, periods):
    return windows(window, lambda x: deviation(x) * math.sqrt(periods), log_returns(d.close))


@feature("ewma_volatility", {"decay": 0.94})
def _(d, decay):
    squares = rows(lambda x: x * x, log_returns(d.close))
    return rows(math.sqrt, ewm(squares, alpha=1 - decay))


def bipower(x):
    return math.pi / 2 * math.fsum(abs(a) * abs(b) for a, b in zip(x[:-1], x[1:], strict=True))


@feature("bipower_variation", {"window": 20})
def _(d, window):
    return windows(window + 1, bipower, log_returns(d.close))


@feature("jump_share", {"window": 20})
def _(d, window):
    return windows(window + 1, lambda x: 1 - bipower(x) / total(x[1:] ** 2), log_returns(d.close))


# ---------------------------------------------------------------------------------------------------------------------------- out


def main():
    names = list(TABLE["A"])
    table = {
        "symbol": [symbol for symbol in TABLE for _ in range(ROWS[symbol])],
        "event_time": [time for symbol in TABLE for time in TIMES[symbol]],
        **{name: [whole(x) for symbol in TABLE for x in TABLE[symbol][name]] for name in names},
    }
    compact = {"separators": (",", ":"), "allow_nan": False}
    lines = [f'{json.dumps(name)}:{json.dumps(values, **compact)}' for name, values in table.items()]
    expected = [f'{json.dumps(name)}:{json.dumps(value, **compact)}' for name, value in sorted(EXPECTED.items())]
    OUT.write_text('{"table":{\n' + ",\n".join(lines) + '\n},"expected":{\n' + ",\n".join(expected) + "\n}}\n")
    print(len(EXPECTED), "feature types,", sum(len(one["rows"]) for one in EXPECTED.values()), "values,", OUT.stat().st_size, "bytes")


def whole(x):
    return int(x) if x is not None and x == int(x) else x


main()
