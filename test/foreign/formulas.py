"""Computes with Polars and with pandas what the formula language defines as they do, over a table of symbols, and says it as JSON.

Formulas are known by their names; the test (formulas.test.ts) has them in the language. NULLs are None. Where a library leaves a NULL at
the rows of a NULL and the language repeats the state, the state is filled in here; where the two differ otherwise, there is no entry.
"""

import json
import sys

import pandas as pd
import polars as pl

X, Y, Z = (pl.col(name) for name in "xyz")

# A symbol's column each; `.over("symbol")` is added.
POLARS = {
    "sum": X.rolling_sum(5),
    "sum_some": X.rolling_sum(6, min_samples=2),
    "mean": X.rolling_mean(7),
    "mean_some": Y.rolling_mean(20, min_samples=1),
    "var": Z.rolling_var(6),
    "var_some": X.rolling_var(9, min_samples=3),
    "std": X.rolling_std(5),
    "std_some": Y.rolling_std(12, min_samples=2),
    "min": X.rolling_min(4),
    "max_some": X.rolling_max(8, min_samples=1),
    "median": X.rolling_median(5),
    "median_some": Y.rolling_median(10, min_samples=2),
    "quantile": Z.rolling_quantile(0.3, interpolation="linear", window_size=7),
    "quantile_some": X.rolling_quantile(0.9, interpolation="linear", window_size=8, min_samples=1),
    "rank": Z.rolling_rank(7, method="average"),
    "rank_some": X.rolling_rank(7, method="average", min_samples=3),
    "skew": Z.rolling_skew(9, bias=True),
    "skew_some": X.rolling_skew(9, bias=True, min_samples=3),
    "kurt": Z.rolling_kurtosis(10, fisher=True, bias=True),
    "kurt_some": X.rolling_kurtosis(10, fisher=True, bias=True, min_samples=4),
    "corr": pl.rolling_corr(Z, Z.shift(1).fill_null(0), window_size=12),
    "cov": pl.rolling_cov(Z, Z.shift(1).fill_null(0), window_size=12),
    "corr_some": pl.rolling_corr(X, Y, window_size=12, min_samples=4),
    "cov_some": pl.rolling_cov(X, Y, window_size=12, min_samples=4),
    "ema_span": X.ewm_mean(span=5, adjust=False, ignore_nulls=True).forward_fill(),
    "ema_alpha": Y.ewm_mean(alpha=0.3, adjust=False, ignore_nulls=True).forward_fill(),
    "cumsum": X.cum_sum().forward_fill().fill_null(0),
    "cummax": X.cum_max().forward_fill(),
    "cummin": Y.cum_min().forward_fill(),
    "cumcount": X.cum_count(),
    "lag": X.shift(1),
    "shift": Y.shift(3),
    "diff": X.diff(),
    "diff_2": Y.diff(2),
    # Polars takes the value before a NULL instead: alike only where there is none.
    "pct_change": Z.pct_change(2),
}


def of_pandas(x, y, z):
    """Of one symbol. Skewness and kurtosis are unbiased there: turned back, of windows without NULLs."""
    skew, kurt = z.rolling(9).skew(), z.rolling(10).kurt()
    return {
        "sum": x.rolling(5).sum(),
        "sum_some": x.rolling(6, min_periods=2).sum(),
        "mean": x.rolling(7).mean(),
        "mean_some": y.rolling(20, min_periods=1).mean(),
        "mean_all": x.expanding().mean(),
        "var": z.rolling(6).var(),
        "var_some": x.rolling(9, min_periods=3).var(),
        "std": x.rolling(5).std(),
        "std_some": y.rolling(12, min_periods=2).std(),
        "std_all": x.expanding(2).std(),
        "min": x.rolling(4).min(),
        "max_some": x.rolling(8, min_periods=1).max(),
        "median": x.rolling(5).median(),
        "median_some": y.rolling(10, min_periods=2).median(),
        "quantile": z.rolling(7).quantile(0.3, interpolation="linear"),
        "quantile_some": x.rolling(8, min_periods=1).quantile(0.9, interpolation="linear"),
        "rank": z.rolling(7).rank(method="average"),
        "rank_some": x.rolling(7, min_periods=3).rank(method="average"),
        "skew": skew * (9 - 2) / (9 * (9 - 1)) ** 0.5,
        "kurt": (kurt * (10 - 2) * (10 - 3) / (10 - 1) - 6) / (10 + 1),
        "corr": z.rolling(12).corr(z.shift(1).fillna(0)),
        "cov": z.rolling(12).cov(z.shift(1).fillna(0)),
        "corr_some": x.rolling(12, min_periods=4).corr(y),
        "cov_some": x.rolling(12, min_periods=4).cov(y),
        "ema_span": x.ewm(span=5, adjust=False, ignore_na=True).mean().ffill(),
        "ema_alpha": y.ewm(alpha=0.3, adjust=False, ignore_na=True).mean().ffill(),
        "cumsum": x.cumsum().ffill().fillna(0),
        "cummax": x.cummax().ffill(),
        "cummin": y.cummin().ffill(),
        "lag": x.shift(1),
        "shift": y.shift(3),
        "diff": x.diff(),
        "diff_2": y.diff(2),
        "pct_change": z.pct_change(2, fill_method=None),
        "pct_change_some": x.pct_change(fill_method=None),
    }


def main():
    table = pl.read_parquet(sys.argv[1], glob=False).sort("symbol", "event_time")
    made = table.select(expression.over("symbol").alias(name) for name, expression in POLARS.items())
    by_polars = {name: made[name].to_list() for name in POLARS}
    by_pandas = {}
    for symbol in table["symbol"].unique().sort().to_list():
        own = table.filter(pl.col("symbol") == symbol)
        columns = (pd.Series(own[name].to_list(), dtype="float64") for name in "xyz")
        for name, series in of_pandas(*columns).items():
            by_pandas.setdefault(name, []).extend(None if value != value else value for value in series.tolist())
    json.dump({"polars": by_polars, "pandas": by_pandas}, sys.stdout)


main()
