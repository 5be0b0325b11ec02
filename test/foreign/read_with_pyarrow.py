"""Reads parquet files with pyarrow and says as JSON what it saw; integers and floats as exact text."""

import json
import struct
import sys

import pyarrow as pa
import pyarrow.parquet as pq


def cell(value, kind):
    if value is None:
        return None
    if pa.types.is_boolean(kind):
        return value
    if pa.types.is_float64(kind):
        return struct.pack(">d", value).hex()
    if pa.types.is_float32(kind):
        return struct.pack(">f", value).hex()
    return str(value)


def plain(array):
    """Instants and dates as their integers: Python's own types do not hold every one."""
    kind = array.type
    if pa.types.is_list(kind):
        return [list_values(element) for element in array]
    if pa.types.is_timestamp(kind):
        return [None if v is None else str(v) for v in array.cast(pa.int64()).to_pylist()]
    if pa.types.is_date(kind):
        return [None if v is None else str(v) for v in array.cast(pa.int32()).to_pylist()]
    return [cell(value, kind) for value in array.to_pylist()]


def list_values(scalar):
    return None if not scalar.is_valid else plain(scalar.values)


def main():
    answers = []
    for path in sys.argv[1:]:
        file = pq.ParquetFile(path)
        table = file.read()
        metadata = file.metadata
        codecs = {
            metadata.row_group(group).column(column).compression
            for group in range(metadata.num_row_groups)
            for column in range(metadata.num_columns)
        }
        columns = [plain(table.column(i).combine_chunks()) for i in range(table.num_columns)]
        answers.append(
            {
                "schema": [[field.name, str(field.type)] for field in table.schema],
                "rows": [list(row) for row in zip(*columns)],
                "count": metadata.num_rows,
                "codecs": sorted(codecs),
            }
        )
    json.dump(answers, sys.stdout)


main()
