"""The public Parquet files: read as DuckDB reads them, or refused by the name of the column or file; damage is refused.

Each file of ``parquet/data`` goes through `map_rows` column by column; each of ``parquet/bad_data`` must be refused.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

import xdmprep as xp
from xdmprep.core.arrow_types import plain_type
from xdmprep.errors import SourceError
from xdmprep.read import as_records, open_source

pytestmark = pytest.mark.shared
SUITE = Path(__file__).resolve().parents[3] / "shared" / "suites" / "parquet"

#: Files that are refused as a whole, and the reason that is given.
REFUSED = {
    "column_chunk_key_value_metadata": "has no rows",
    "datapage_v1-corrupt-checksum": "CRC checksum verification failed",
    "rle-dict-uncompressed-corrupt-checksum": "CRC checksum verification failed",
    "incorrect_map_schema": "Map keys must be annotated as required",
    "large_string_map.brotli": "cannot be read to its end",  # one map of 2 GB
}
#: A file of ``bad_data`` that DuckDB and Arrow read: every index is 0, which takes no bits, as its header says.
READABLE = {"ARROW-GH-43605"}


#: Takes 2 GB of memory and some 15 seconds.
LARGE = "large_string_map.brotli"


def files(folder: str) -> list[Any]:
    names = sorted(file.stem for file in (SUITE / folder).glob("*.parquet")) or ["missing"]
    return [pytest.param(name, marks=pytest.mark.slow) if name == LARGE else name for name in names]


def usual(value: Any) -> Any:
    """A value of DuckDB as a record has it."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Decimal):
        return float(value) if value.as_tuple().exponent else int(value)
    if isinstance(value, dt.datetime):
        at = value.astimezone(dt.UTC) if value.tzinfo else value.replace(tzinfo=dt.UTC)
        return at.replace(microsecond=at.microsecond // 1000 * 1000)
    if isinstance(value, dict):
        return {str(key): usual(item) for key, item in value.items()}
    if isinstance(value, list):
        return [usual(item) for item in value]
    return value


def ours(value: Any) -> Any:
    if isinstance(value, Decimal):
        return usual(value)
    if isinstance(value, list) and value and all(isinstance(item, tuple) for item in value):
        return {key: ours(item) for key, item in value}
    if isinstance(value, list):
        return [ours(item) for item in value]
    return {key: ours(item) for key, item in value.items()} if isinstance(value, dict) else value


@pytest.mark.parametrize("name", files("data"))
def test_files_are_read_as_duckdb_reads_them_or_refused_by_name(name: str) -> None:
    file = SUITE / "data" / f"{name}.parquet"
    if name in REFUSED:
        with pytest.raises(SourceError, match=REFUSED[name]):
            open_source(file).to_table()
        return
    stream = open_source(file)
    readable = [field.name for field in stream.arrow_schema if plain_type(field.type) is not None]
    for field in stream.arrow_schema:
        if field.name not in readable:
            assert "binary" in str(field.type)
            with pytest.raises(SourceError, match=re.escape(f"{field.name!r} (a value of bytes)")):
                as_records(stream)
            with pytest.raises(xp.errors.MappingError, match="cannot be held by a record"):
                xp.map_rows(file, {"x": {"column": field.name}})
    unfit = {
        (finding.column, int(row)) for chunk in open_source(file) for finding in chunk.issues for row in finding.rows
    }
    chunks = [chunk.nested(stream.arrow_schema) for chunk in stream]
    try:
        relation = duckdb.sql(f"select * from read_parquet('{file}')")
        rows = relation.fetchall()
    except (duckdb.Error, UnicodeDecodeError, ValueError, OverflowError):
        rows = None  # DuckDB does not read it, or Python cannot hold what it gives
    for column in readable:
        values = [ours(value) for chunk in chunks for value in chunk.column(column).to_pylist()]
        if rows is None:
            continue
        at = relation.columns.index(column)
        assert len(values) == len(rows)
        for number, (value, row) in enumerate(zip(values, rows, strict=True), 1):
            if (column, number) not in unfit:
                assert same(value, usual(row[at])), (column, number, value, row[at])


def same(left: Any, right: Any) -> bool:
    if isinstance(left, str) and not isinstance(right, str):  # decimals of many digits, times and UUIDs become text
        return left.removesuffix(".000000") == str(right)
    if left == [] and right == {}:  # how Arrow gives an empty map
        return True
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if (
        isinstance(right, float) and abs(right) < 3e38 and right == np.float32(right)
    ):  # of single precision: as it is printed
        return left in (right, float(str(np.float32(right))))
    return bool(left == right)


@pytest.mark.parametrize("name", files("bad_data"))
def test_damaged_files_are_refused_with_one_sentence(name: str, tmp_path: Path) -> None:
    file = SUITE / "bad_data" / f"{name}.parquet"
    if name in READABLE:
        table = open_source(file).to_table()
        assert table.to_pylist() == [{"min_fl": value} for (value,) in duckdb.sql(f"from '{file}'").fetchall()]
        return
    schema = xp.Schema.from_dict({"type": "object", "$id": "https://e.example/s", "title": "S", "properties": {}})
    for read in (lambda: open_source(file).to_table(), lambda: xp.validate(file, schema)):
        with pytest.raises(SourceError) as found:
            read()
        message = str(found.value)
        assert str(file) in message
        assert "\n" not in message and len(message) < 400
