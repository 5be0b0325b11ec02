"""Reads parquet files with Polars and says as JSON what it saw; integers and floats as exact text."""

import json
import struct
import sys

import polars as pl


def cell(value, kind):
    if value is None or kind == pl.Boolean:
        return value
    if kind == pl.Float64:
        return struct.pack(">d", value).hex()
    if kind == pl.Float32:
        return struct.pack(">f", value).hex()
    return str(value)


def plain(series):
    """Instants and dates as their integers: Python's own types do not hold every one."""
    kind = series.dtype
    if kind == pl.List:
        return [None if element is None else plain(element) for element in series]
    if kind == pl.Datetime:
        return plain(series.cast(pl.Int64))
    if kind == pl.Date:
        return plain(series.cast(pl.Int32))
    return [cell(value, kind) for value in series.to_list()]


def main():
    answers = []
    for path in sys.argv[1:]:
        table = pl.read_parquet(path, hive_partitioning=False, glob=False)
        columns = [plain(series) for series in table.get_columns()]
        answers.append(
            {
                "schema": [[name, str(kind)] for name, kind in table.schema.items()],
                "rows": [list(row) for row in zip(*columns)],
                "count": table.height,
            }
        )
    json.dump(answers, sys.stdout)


main()
