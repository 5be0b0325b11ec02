"""Expected values of the formulas of test/formulas/corpus/formulas.json, by an implementation that knows nothing of ours.

Writes test/formulas/corpus/values.json: twelve rows of every formula over real bars. Formulas are read by Python's own parser (the
language's operators and precedence are Python's) and computed column by column: the rules of NULL and NaN here, each window by
itself in pandas, NumPy (80-bit) and SciPy, so that nothing is left over from the windows before. The test
(test/formulas/corpus.test.ts) needs no Python.

    python -m venv /tmp/values && /tmp/values/bin/pip install numpy==2.4.6 pandas==3.1.1 scipy==1.17.1
    /tmp/values/bin/python scripts/corpus-values.py ../shared/data/market/btc_perp_1m_202201.csv.gz

The table is made alike by the test: BTC is the first 3,000 bars; ALT the bars 500 later at the same times, prices
* 1.0005, volumes * 0.75; GAP the bars 1,000 later, without every seventh row and, in the first third, every eleventh volume.
"""

import ast
import json
import math
import re
import sys
import warnings
import zlib
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

warnings.simplefilter("ignore")
np.seterr(all="ignore")

FOLDER = Path(__file__).parent.parent / "test" / "formulas" / "corpus"
ROWS = 3000
ROWS_PER_FORMULA = 12
COLUMNS = ["open", "high", "low", "close", "volume"]
# Eighty bits, so that windows which hold the same values in another order get the same double.
wide = np.longdouble


# --------------------------------------------------------------------------------------------------------------------- the table


def the_table(path):
    bars = pd.read_csv(path)
    parts = {}
    for symbol, shift, price, volume in (("ALT", 500, 1.0005, 0.75), ("BTC", 0, 1, 1), ("GAP", 1000, 1, 1)):
        part = bars.iloc[shift : shift + ROWS].reset_index(drop=True)
        part[COLUMNS[:4]] *= price
        part["volume"] *= volume
        part["time"] = range(ROWS)
        if symbol == "GAP":
            part = part[part["time"] % 7 != 6]
            part.loc[(part["time"] % 11 == 5) & (part["time"] < 1000), "volume"] = np.nan
        parts[symbol] = part.reset_index(drop=True)
    table = pd.concat(parts, names=["symbol"]).reset_index(level=0)
    slices, at = {}, 0
    for symbol, part in parts.items():
        slices[symbol] = slice(at, at + len(part))
        at += len(part)
    return table, slices


class Column:
    """Values, and whether there is one; a NaN is one."""

    def __init__(self, values, ok):
        self.values = np.asarray(values, dtype=float)
        self.ok = np.asarray(ok, dtype=bool)


# ------------------------------------------------------------------------------------------------------------ windows, one by one


def total(x):
    return math.fsum(x) if np.isfinite(x).all() else float(np.sum(x))


def variance(x):
    return np.var(x.astype(wide), ddof=1) if x.min() != x.max() else wide(0)


def finite(compute):
    return lambda *xs, **more: compute(*xs, **more) if all(np.isfinite(x).all() for x in xs) else math.nan


def moving(compute):
    """NaN where nothing moves."""
    return finite(lambda *xs, **more: math.nan if any(x.min() == x.max() for x in xs) else compute(*xs, **more))


def quantile(x, q):
    x = np.sort(x)
    h = q * (len(x) - 1)
    k = math.floor(h)
    f = h - k
    return x[k] if f == 0 or x[k] == x[k + 1] else (1 - f) * x[k] + f * x[k + 1]


def corr(x, y):
    dx, dy = x.astype(wide) - np.mean(x.astype(wide)), y.astype(wide) - np.mean(y.astype(wide))
    return np.clip(np.sum(dx * dy) / np.sqrt(np.sum(dx * dx) * np.sum(dy * dy)), -1, 1)


def cov(x, y):
    dx, dy = x.astype(wide) - np.mean(x.astype(wide)), y.astype(wide) - np.mean(y.astype(wide))
    return np.sum(dx * dy) / (len(x) - 1)


def rank_corr(x, y):
    a, b = stats.rankdata(x), stats.rankdata(y)
    return math.nan if min(a) == max(a) or min(b) == max(b) else corr(a, b)


# name: number of columns, floor, value of a window; `last` is the row's own value
WINDOWS = {
    "rolling_sum": (1, 1, total),
    "rolling_mean": (1, 1, lambda x: total(x) / len(x)),
    "rolling_var": (1, 2, finite(variance)),
    "rolling_std": (1, 2, finite(lambda x: np.sqrt(variance(x)))),
    "rolling_min": (1, 1, lambda x: x.min()),
    "rolling_max": (1, 1, lambda x: x.max()),
    "rolling_quantile": (1, 1, quantile),
    "rolling_skew": (1, 1, moving(lambda x: stats.skew(x.astype(wide), bias=True))),
    "rolling_kurt": (1, 1, moving(lambda x: stats.kurtosis(x.astype(wide), bias=True))),
    "rolling_zscore": (1, 2, moving(lambda x: (wide(x[-1]) - np.mean(x.astype(wide))) / np.sqrt(variance(x)))),
    "rolling_rank": (1, 1, lambda x: ((x < x[-1]).sum() * 2 + (x == x[-1]).sum() + 1) / 2),
    "rolling_cov": (2, 2, finite(cov)),
    "rolling_corr": (2, 2, moving(corr)),
    "rolling_rank_corr": (2, 2, rank_corr),
}


def slope(x, at):
    at, x = at.astype(wide), x.astype(wide)
    at = at - np.mean(at)
    return np.sum(at * (x - np.mean(x))) / np.sum(at * at)


class Evaluator:
    def __init__(self, table, slices):
        self.table, self.slices, self.known = table, slices, {}
        self.size = len(table)

    def column(self, name):
        values = self.table[name].to_numpy(float)
        return Column(values, ~np.isnan(values))

    def window(self, name, columns, w, min_periods=None, q=None):
        w = int(w)
        count, floor, compute = WINDOWS.get(name, (1, 2, None))
        assert len(columns) == count, name
        least = max(min_periods if min_periods is not None else (w or 1), floor)
        both = columns[0].ok if count == 1 else columns[0].ok & columns[1].ok
        values, ok = np.full(self.size, np.nan), np.zeros(self.size, dtype=bool)
        more = {} if q is None else {"q": q}
        for part in self.slices.values():
            present = both[part]
            parts = [column.values[part] for column in columns]
            full = present.all()
            for row in range(len(present)):
                start = 0 if w == 0 else max(0, row - w + 1)
                keep = slice(start, row + 1)
                places = None if full else np.flatnonzero(present[keep]) + start
                xs = [x[keep] if full else x[places] for x in parts]
                if len(xs[0]) < least:
                    continue
                if name in ("rolling_zscore", "rolling_rank") and not present[row]:
                    continue
                ok[part.start + row] = True
                if any(np.isnan(x).any() for x in xs):
                    continue
                if name == "linear_regression_slope":
                    at = np.arange(start, row + 1) if full else places
                    answer = slope(xs[0], at) if np.isfinite(xs[0]).all() else math.nan
                else:
                    answer = compute(*xs, **more)
                values[part.start + row] = answer
        return Column(values, ok)

    def lag(self, x, n=1):
        values, ok = np.full(self.size, np.nan), np.zeros(self.size, dtype=bool)
        for part in self.slices.values():
            values[part] = pd.Series(x.values[part]).shift(int(n))
            ok[part] = pd.Series(x.ok[part]).shift(int(n), fill_value=False)
        return Column(values, ok)

    def ema(self, x, a):
        alpha = 2 / (a + 1) if a >= 1 else a
        values, ok = np.full(self.size, np.nan), np.zeros(self.size, dtype=bool)
        for part in self.slices.values():
            ok[part] = np.maximum.accumulate(x.ok[part])
            if np.isfinite(x.values[part][x.ok[part]]).all():
                series = pd.Series(np.where(x.ok[part], x.values[part], np.nan))
                values[part] = series.ewm(alpha=alpha, adjust=False, ignore_na=True).mean().ffill()
                continue
            # pandas skips a NaN as it does a NULL; here it is a value and stays.
            state = None
            for row in range(part.start, part.stop):
                if x.ok[row]:
                    state = x.values[row] if state is None else alpha * x.values[row] + (1 - alpha) * state
                values[row] = math.nan if state is None else state
        return Column(values, ok)

    def state(self, x, start, step, told=float):
        values = np.empty(self.size)
        for part in self.slices.values():
            state = start
            for row in range(part.start, part.stop):
                if x.ok[row]:
                    state = step(state, float(x.values[row]))
                values[row] = told(state)
        return Column(values, np.ones(self.size, dtype=bool))

    def cumsum(self, x, init=0.0):
        # Exact, but for what is not finite.
        def step(state, value):
            exact, rest = state
            return (exact + Fraction(value), rest) if math.isfinite(value) else (exact, rest + value)

        return self.state(x, (Fraction(init), 0.0), step, lambda s: float(s[0]) if s[1] == 0 else s[1])

    def cross(self, name, x):
        frame = pd.DataFrame({"time": self.table["time"], "x": np.where(x.ok, x.values, np.nan)})
        frame["bad"] = x.ok & np.isnan(x.values)
        groups = frame.groupby("time")
        bad = groups["bad"].transform("any").to_numpy()
        n = groups["x"].transform("count").to_numpy()
        ok = x.ok.copy()
        if name == "cs_rank":
            values = groups["x"].rank(method="average", pct=True).to_numpy()
        else:
            mean = groups["x"].transform(lambda part: total(part.dropna().to_numpy()) / max(1, part.count())).to_numpy()
            values = x.values - mean
            if name == "cs_zscore":
                exact = groups["x"].transform(lambda part: float(np.mean(part.dropna().to_numpy().astype(wide))))

                def spread(part):
                    held = part.dropna().to_numpy()
                    return float(np.sqrt(variance(held))) if len(held) > 1 else math.nan

                deviation = groups["x"].transform(spread).to_numpy()
                values = np.where(deviation == 0, math.nan, (x.values - exact.to_numpy()) / deviation)
                ok &= n + bad > 1
        return Column(np.where(bad, math.nan, values), ok)

    # ------------------------------------------------------------------------------------------------------------ row by row

    def strict(self, compute, *columns):
        return Column(compute(*(c.values for c in columns)), np.logical_and.reduce([c.ok for c in columns]))

    def constant(self, value):
        if value is None:
            return Column(np.full(self.size, np.nan), np.zeros(self.size, dtype=bool))
        return Column(np.full(self.size, float(value)), np.ones(self.size, dtype=bool))

    def clip(self, x, low, high):
        values = np.where(low.ok & (x.values < low.values), low.values, x.values)
        return Column(np.where(high.ok & (values > high.values), high.values, values), x.ok)

    def coalesce(self, *columns):
        values, ok = columns[0].values.copy(), columns[0].ok.copy()
        for column in columns[1:]:
            values[~ok] = column.values[~ok]
            ok |= column.ok
        return Column(values, ok)

    def choose(self, c, a, b):
        true = c.ok & (c.values != 0)
        return Column(np.where(true, a.values, b.values), np.where(true, a.ok, b.ok))

    def logic(self, short, x, y):
        """`short`: the truth that decides alone; 0 of `and`, 1 of `or`."""
        decided = (x.ok & ((x.values != 0) == short)) | (y.ok & ((y.values != 0) == short))
        return Column(np.where(decided, float(short), float(not short)), decided | (x.ok & y.ok))


def remainder(x, y):
    rest = np.fmod(x, y)
    return np.where((rest != 0) & (np.sign(rest) != np.sign(y)), rest + y, rest)


OPERATORS = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.Mod: remainder,
    ast.Pow: np.power,
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
    ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
}
ROW_WISE = {
    "abs": np.abs,
    "sqrt": np.sqrt,
    "log": np.log,
    "exp": np.exp,
    "sign": np.sign,
    "tanh": np.tanh,
    "floor": np.floor,
    "ceil": np.ceil,
    "round": np.rint,
    "min": lambda *xs: np.minimum.reduce(xs),
    "max": lambda *xs: np.maximum.reduce(xs),
}


def parsed(formula):
    # `if` is a word of Python and a function here; a line may end anywhere.
    return ast.parse("(" + re.sub(r"\bif\s*\(", "if_(", formula) + "\n)", mode="eval").body


def number(node):
    """A constant argument, as Python computes it."""
    return float(eval(compile(ast.Expression(node), "constant", "eval"), {"__builtins__": {}}))


def evaluate(e, node):
    text = ast.unparse(node)
    if text not in e.known:
        e.known[text] = made(e, node)
    return e.known[text]


def made(e, node):
    if isinstance(node, ast.Constant):
        return e.constant(node.value)
    if isinstance(node, ast.Name):
        return e.constant(float(node.id)) if node.id in ("nan", "inf") else e.column(node.id)
    if isinstance(node, ast.UnaryOp):
        x = evaluate(e, node.operand)
        if isinstance(node.op, ast.Not):
            return e.strict(lambda v: v == 0, x)
        return e.strict(np.negative, x) if isinstance(node.op, ast.USub) else x
    if isinstance(node, ast.BinOp):
        return e.strict(OPERATORS[type(node.op)], evaluate(e, node.left), evaluate(e, node.right))
    if isinstance(node, ast.Compare):
        assert len(node.ops) == 1
        return e.strict(OPERATORS[type(node.ops[0])], evaluate(e, node.left), evaluate(e, node.comparators[0]))
    if isinstance(node, ast.BoolOp):
        answer = evaluate(e, node.values[0])
        for operand in node.values[1:]:
            answer = e.logic(isinstance(node.op, ast.Or), answer, evaluate(e, operand))
        return answer
    assert isinstance(node, ast.Call), ast.dump(node)
    return called(e, node.func.id, node.args, {keyword.arg: number(keyword.value) for keyword in node.keywords})


def called(e, name, args, keywords):
    def columns(count):
        return [evaluate(e, arg) for arg in args[:count]]

    def constants(count):
        return [number(arg) for arg in args[count:]]

    if name in ROW_WISE:
        return e.strict(ROW_WISE[name], *columns(len(args)))
    if name in ("clip", "coalesce"):
        return getattr(e, name)(*columns(len(args)))
    if name == "if_":
        return e.choose(*columns(3))
    if name == "is_null":
        return Column(~columns(1)[0].ok, np.ones(e.size, dtype=bool))
    if name.startswith("cs_"):
        return e.cross(name, columns(1)[0])
    if name in ("lag", "shift"):
        return e.lag(*columns(1), *constants(1), **keywords)
    if name in ("diff", "pct_change"):
        [x] = columns(1)
        before = e.lag(x, *constants(1), **keywords)
        if name == "diff":
            return e.strict(np.subtract, x, before)
        return e.strict(lambda v, u: (v - u) / u, x, before)
    if name == "ema":
        return e.ema(*columns(1), *constants(1))
    if name == "decay_accum":
        named = {**dict(zip(("alpha", "init"), constants(1))), **keywords}
        alpha, init = named["alpha"], named.get("init", 0.0)
        return e.state(columns(1)[0], init, lambda s, v: alpha * s + v)
    if name == "cumsum":
        return e.cumsum(*columns(1), *constants(1), **keywords)
    if name == "cumcount":
        return e.state(columns(1)[0], 0, lambda n, _: n + 1)
    if name in ("cummax", "cummin"):
        return e.window(f"rolling_{name[3:]}", columns(1), 0)
    if name in ("autocorr", "neg_autocorr"):
        [x] = columns(1)
        n, w = [*constants(1), 0][:2] if len(args) > 1 else (keywords.pop("n"), keywords.pop("w", 0))
        answer = e.window("rolling_corr", [x, e.lag(x, n)], w, **keywords)
        return answer if name == "autocorr" else e.strict(np.negative, answer)
    if name == "zscore":
        name = "rolling_zscore"
    count = WINDOWS.get(name, (1,))[0]
    if name == "rolling_median":
        return e.window("rolling_quantile", columns(1), *constants(1), **keywords, q=0.5)
    if name == "historical_var":
        w, confidence = [*constants(1), keywords.pop("confidence", 0.95)][:2]
        return e.window("rolling_quantile", columns(1), w, **keywords, q=1 - confidence)
    if name == "rolling_quantile":
        w, q = [*constants(1), keywords.pop("q", None)][:2]
        return e.window(name, columns(1), w, **keywords, q=q)
    return e.window(name, columns(count), *constants(count), **keywords)


# ----------------------------------------------------------------------------------------------------------------------- writing


def told(value, ok):
    if not ok:
        return None
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return float(value)


def chosen(name, rng, answer, slices):
    """Rows of every symbol: where values begin, what is not finite, and others anywhere."""
    rows = set()
    for part in slices.values():
        present = np.flatnonzero(answer.ok[part]) + part.start
        if len(present):
            rows |= {int(present[0]), part.start + int(rng.integers(0, 20))}
    strange = np.flatnonzero(answer.ok & ~np.isfinite(answer.values))
    if len(strange):
        rows |= {int(row) for row in rng.choice(strange, min(2, len(strange)), replace=False)}
    finite_rows = np.flatnonzero(answer.ok & np.isfinite(answer.values))
    if len(finite_rows) < ROWS_PER_FORMULA:
        raise SystemExit(f"{name} has {len(finite_rows)} finite values of {answer.ok.sum()}")
    # Of a formula with few values, each.
    _, firsts = np.unique(answer.values[finite_rows], return_index=True)
    if len(firsts) <= 4:
        rows |= {int(finite_rows[first]) for first in firsts}
    while len(rows) < ROWS_PER_FORMULA:
        rows.add(int(rng.choice(finite_rows)))
    return sorted(rows)


def main():
    table, slices = the_table(sys.argv[1])
    formulas = json.loads((FOLDER / "formulas.json").read_text())
    evaluator = Evaluator(table, slices)
    lines = []
    for name, formula in formulas.items():
        answer = evaluate(evaluator, parsed(formula))
        # A formula that changes does not move the rows of the others.
        rng = np.random.default_rng(zlib.crc32(name.encode()))
        rows = []
        for row in chosen(name, rng, answer, slices):
            symbol, part = next((s, p) for s, p in slices.items() if p.start <= row < p.stop)
            rows.append([symbol, row - part.start, told(answer.values[row], answer.ok[row])])
        lines.append(f"  {json.dumps(name)}: {json.dumps(rows)}")
    (FOLDER / "values.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
    if len(sys.argv) > 2:
        # All rows, to look at by hand.
        known = {name: evaluate(evaluator, parsed(formula)) for name, formula in formulas.items()}
        whole = {name: [told(v, k) for v, k in zip(c.values, c.ok)] for name, c in known.items()}
        Path(sys.argv[2]).write_text(json.dumps(whole))


main()
