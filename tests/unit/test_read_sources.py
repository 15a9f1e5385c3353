"""DataFrames, Arrow, Parquet and NDJSON as streams."""

from __future__ import annotations

import decimal
import json
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xdmprep.errors import SourceError
from xdmprep.read import as_records, open_source


def test_pandas_without_its_index() -> None:
    frame = pd.DataFrame(
        {
            "n": [1, None], "t": ["x", None], "when": pd.to_datetime(["2020-01-01", None]),
            "kind": pd.Categorical(["q", None]),
        },
        index=["r1", "r2"],
    )  # fmt: skip
    stream = open_source(frame)
    assert stream.arrow_schema.names == ["n", "t", "when", "kind"]
    assert stream.to_pylist() == [{"n": 1, "t": "x", "when": datetime(2020, 1, 1, tzinfo=UTC), "kind": "q"}, {}]
    assert stream.to_pylist() != []  # a frame can be read twice


def test_integers_that_pandas_made_doubles_for_a_gap_are_integers_again() -> None:
    frame = pd.DataFrame({"id": [1001, None], "price": [1.5, None], "whole": [1.0, 2.0], "big": [1e300, None]})
    stream = open_source(frame)
    assert [str(kind) for kind in stream.arrow_schema.types] == ["int64", "double", "double", "double"]
    assert stream.to_pylist()[0] == {"id": 1001, "price": 1.5, "whole": 1.0, "big": 1e300}


def test_polars_duckdb_and_arrow_objects() -> None:
    assert open_source(pl.DataFrame({"a": [1, 2], "s": ["x", None]})).to_pylist() == [{"a": 1, "s": "x"}, {"a": 2}]
    relation = duckdb.sql(
        "select 12345678901234567890123456789012345678::hugeint id, 1.5::decimal(4,2) c, date '2020-02-03' d,"
        " [1, 2] l, map{'a': 1} m, {'x': 1} st, 7::utinyint u"
    )
    assert open_source(relation).to_pylist() == [
        {
            "id": "12345678901234567890123456789012345678", "c": 1.5, "d": date(2020, 2, 3), "l": [1, 2],
            "m": {"a": 1}, "st": {"x": 1}, "u": 7,
        }
    ]  # fmt: skip
    assert open_source(pa.table({"x": [1]})).to_pylist() == [{"x": 1}]


def test_a_frame_that_is_none_or_mixed_or_empty() -> None:
    with pytest.raises(SourceError, match="not a source"):
        open_source(42)
    with pytest.raises(SourceError, match=r"'m'.*Python objects"):
        as_records(open_source(pd.DataFrame({"m": pd.Series([1, "x", b"y"], dtype=object)})))
    with pytest.raises(SourceError, match="no rows"):
        open_source(pa.table({"x": pa.array([], pa.int64())}))
    with pytest.raises(SourceError, match=r"'b'.*binary"):
        as_records(open_source(pa.table({"b": [b"x"]})))


def test_parquet_in_chunks(tmp_path: Path) -> None:
    table = pa.table(
        {"id": list(range(40_000)), "amount": pa.array([decimal.Decimal("1.25")] * 40_000, pa.decimal128(10, 2))}
    )
    pq.write_table(table, tmp_path / "t.parquet", row_group_size=15_000)
    chunks = list(open_source(tmp_path / "t.parquet").chunks(2))
    assert len(chunks) > 1
    assert [int(chunk.rows[0]) for chunk in chunks][1] == len(chunks[0]) + 1
    assert sum(chunk.records.column("id").to_numpy().sum() for chunk in chunks) == sum(range(40_000))
    assert chunks[0].records.column("amount")[0].as_py() == 1.25
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(SourceError, match="not a Parquet file"):
        open_source(tmp_path / "bad.parquet")


def test_ndjson_with_lines_that_do_not_fit(tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    good = [{"a": 1, "when": "2020-01-01T00:00:00Z", "c": {"d": [1, 2.5]}}, {"a": 2, "c": None}]
    file.write_text("\n".join(map(json.dumps, good)) + "\n\nnope\n[1]\n" + '{"a": 3, "new": 1}\n')
    chunks = list(open_source(file))
    records = [record for chunk in chunks for record in chunk.records.to_pylist()]
    assert [record["a"] for record in records] == [1, 2, 3]
    assert records[0]["when"] == "2020-01-01T00:00:00Z"
    assert records[0]["c"] == {"d": ["1", "2.5"]}  # numbers of several kinds as they are written
    assert [(item.row, item.line) for chunk in chunks for item in chunk.unread] == [(3, 4), (4, 5)]
    assert [number for chunk in chunks for number in chunk.rows.tolist()] == [1, 2, 5]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[{}]", "no fields"),
        (b"[]", "no JSON objects"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"nope", "line 1"),
        (b"", "no JSON"),
    ],
)
def test_ndjson_that_cannot_be_used(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(SourceError, match=message):
        open_source(tmp_path / "x.json")


def test_frames_can_be_read_again_and_readers_say_that_they_cannot() -> None:
    for frame in (pl.DataFrame({"a": [1, 2]}), duckdb.sql("select 1 a union all select 2")):
        stream = open_source(frame)
        assert stream.to_pylist() == stream.to_pylist() == [{"a": 1}, {"a": 2}]
    stream = open_source(pa.table({"a": [1]}).to_reader())
    assert stream.to_pylist() == [{"a": 1}]
    with pytest.raises(SourceError, match="only once"):
        stream.to_pylist()
