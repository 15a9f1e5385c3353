"""DataFrames, Arrow, Parquet and NDJSON as streams."""

from __future__ import annotations

import decimal
import json
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from unittest import mock

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import xdmprep as xp
from xdmprep.core.stream import reading
from xdmprep.errors import SourceError
from xdmprep.read import as_records, open_source
from xdmprep.schema import Schema


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
            "id": 12345678901234567890123456789012345678, "c": 1.5, "d": date(2020, 2, 3), "l": [1, 2],
            "m": {"a": 1}, "st": {"x": 1}, "u": 7,
        }
    ]  # fmt: skip
    assert open_source(pa.table({"x": [1]})).to_pylist() == [{"x": 1}]


def test_a_frame_that_is_none_or_mixed_or_empty() -> None:
    with pytest.raises(SourceError, match="not a source"):
        open_source(42)
    with pytest.raises(SourceError, match=r"'m'.*Python object"):
        as_records(open_source(pd.DataFrame({"m": pd.Series([1, "x", b"y"], dtype=object)})))
    with pytest.raises(SourceError, match="no rows"):
        open_source(pa.table({"x": pa.array([], pa.int64())}))
    with pytest.raises(SourceError, match=r"'b' \(a value of bytes\)"):
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


SCHEMA = Schema.from_dict({
    "$id": "https://example.org/s", "meta:class": "https://ns.adobe.com/xdm/data/record", "type": "object",
    "properties": {
        "t": {"type": "string"}, "n": {"type": "number"}, "i": {"type": "integer", "meta:xdmType": "long"},
        "m": {"type": "object", "meta:xdmType": "map", "additionalProperties": {"type": "integer"}},
    },
})  # fmt: skip


@pytest.mark.usefixtures("both_ways")
def test_numbers_keep_their_kind_whatever_the_others_are(tmp_path: Path) -> None:
    file = tmp_path / "n.jsonl"
    texts = ["1", "1.5", "1.0", "-0", "-0.0", "1e2", "12345678901234567890", "9007199254740993", "0.00001"]
    file.write_text("".join(f'{{"v":{text},"o":{{"x":{text}}},"l":[{text}]}}\n' for text in texts))
    values = [json.loads(text) for text in texts]
    for source in ("v", "o.x", "l[0]"):
        made = xp.map_rows(file, {"t": source, "n": source, "i": source}, SCHEMA).to_pylist()
        assert [record["t"] for record in made] == [json.dumps(value) for value in values]
        assert [record["n"] for record in made] == [float(value) for value in values]
        assert [record.get("i") for record in made] == [1, None, 1, 0, 0, 100, None, 9007199254740993, None]
    untyped = xp.map_rows(file, {"a": "v", "b": "o", "c": "l"}).to_pylist()
    assert [(record["a"], record["b"]["x"], record["c"]) for record in untyped] == [
        (float(value), float(value), [float(value)]) for value in values
    ]


@pytest.mark.usefixtures("both_ways")
@pytest.mark.parametrize("format", ["json", "parquet"])
def test_maps_hold_the_keys_that_the_record_has_and_no_others(format: str, tmp_path: Path) -> None:
    maps = [{f"k{n}": n, f"k{n + 1}": n + 1} for n in range(300)] + [{"k0": None, "k1": 1}, {}, None]
    file = tmp_path / "m.jsonl"
    for some in (maps[:2] + maps[300:], maps):  # a struct of few fields, and a map
        file.write_text("".join(json.dumps({"t": "x", "m": one}) + "\n" for one in some))
        done = xp.prepare(file, {"t": "t", "m": "m"}, SCHEMA, tmp_path / f"{format}{len(some)}", format=format)
        (part,) = done.folder.glob("part-*")
        if format == "json":
            got = [json.loads(line).get("m") for line in part.read_text().splitlines()]
        else:
            got = [None if one is None else dict(one) for one in pq.read_table(part)["m"].to_pylist()]
        expected = [{key: n for key, n in (one or {}).items() if n is not None} for one in some]
        assert [one or {} for one in got] == expected


def test_maps_grow_with_their_entries_not_with_their_keys(tmp_path: Path) -> None:
    sizes = []
    for count in (1_000, 4_000):
        file = tmp_path / f"{count}.jsonl"
        rows = [{"m": {f"k{n}": 1, f"j{n}": 2 if n else None}} for n in range(count)]
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
        for source in (file, rows, iter(rows)):
            (chunk,) = open_source(source).chunks()
            column = chunk.records.column("m")
            assert pa.types.is_map(column.type)
            got = [dict(one) for one in column.to_pylist()]
            assert got == [{"k0": 1}] + [row["m"] for row in rows[1:]]
        sizes.append(chunk.records.nbytes)
    assert sizes[1] < 5 * sizes[0]


@pytest.mark.usefixtures("both_ways")
def test_a_value_unlike_the_others_counts_where_its_column_is_mapped(tmp_path: Path) -> None:
    file = tmp_path / "o.jsonl"
    lines = ['{"id":"x","o":{"c":"y"}}'] * 60
    lines[30] = '{"id":"x","o":"text"}'
    lines[40] = '{"id":"x","o":[]}'
    file.write_text("\n".join(lines))
    done = xp.prepare(file, {"t": "id"}, SCHEMA, tmp_path / "unmapped")
    assert (done.written, done.rejected, done.report.found) == (60, 0, 0)
    done = xp.prepare(file, {"t": "o.c"}, SCHEMA, tmp_path / "mapped")
    assert (done.written, done.rejected) == (58, 2)
    assert sorted((issue.row, issue.code, issue.value) for issue in done.report) == [
        (31, "unfit", "text"), (41, "unfit", "[]")
    ]  # fmt: skip


@pytest.mark.usefixtures("both_ways")
def test_keys_that_come_late_are_not_lost_without_a_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xdmprep.read.ndjson.SAMPLE_BYTES", 100)
    monkeypatch.setattr("xdmprep.read.ndjson.BLOCK_BYTES", 10_000)
    file = tmp_path / "late.jsonl"
    late = ['{"t":"x","new":1,"m":{"a":1,"c":3}}', '{"t":1.5,"m":{"a":0.5}}', '{"t":"x","m":{"c":null}}']
    file.write_text('{"t":"x","m":{"a":1,"b":2}}\n' * 3000 + "\n".join(late))
    done = xp.prepare(file, {"t": "t", "m": "m"}, SCHEMA, tmp_path / "whole")
    assert [(i.row, i.code, i.value) for i in done.report] == [(3001, "unfit", "3"), (3002, "unfit", "0.5")]
    assert (done.written, done.rejected) == (3001, 2)
    done = xp.prepare(file, {"t": "t", "i": "m.b"}, SCHEMA, tmp_path / "part")
    assert (done.written, done.rejected) == (3003, 0)


@pytest.mark.usefixtures("both_ways")
def test_records_of_many_unlike_keys_have_columns_and_are_no_map(tmp_path: Path) -> None:
    file = tmp_path / "wide.jsonl"
    file.write_text("".join(json.dumps({"t": "x", f"k{n}": n}) + "\n" for n in range(600)))
    made = xp.map_rows(file, {"t": "t", "i": "k599"}, SCHEMA).to_pylist()
    assert made == [{"t": "x"}] * 599 + [{"t": "x", "i": 599}]
    assert xp.validate(file, SCHEMA, rules="jsonschema").valid


def test_files_of_json_are_read_with_the_same_columns(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"v":1,"m":{"x":1}}\n')
    (tmp_path / "b.jsonl").write_text('{"v":1.5,"m":{"y":2}}\n{"w":"z"}\n')
    made = xp.map_rows([tmp_path / "a.jsonl", tmp_path / "b.jsonl"], {"t": "v", "m": "m"}, SCHEMA)
    assert made.to_pylist() == [{"t": "1", "m": {"x": 1}}, {"t": "1.5", "m": {"y": 2}}, {}]


@settings(max_examples=25)
@given(st.lists(st.sampled_from([0, 1, 10, 100, 1000, 5000, 9000, 20_000]), min_size=1, max_size=40))
def test_small_chunks_of_a_table_are_joined(sizes: list[int]) -> None:
    batches, row = [], 0
    for size in sizes:
        words = pa.array([f"w{row % 3}", None])
        batches.append(
            pa.record_batch({
                "n": pa.array(np.arange(row, row + size)),
                "d": pa.DictionaryArray.from_arrays(pa.array(np.arange(size, dtype=np.int32) % 2), words),
            })
        )  # fmt: skip
        row += size
    if not row:
        return
    table = pa.Table.from_batches(batches)
    numbers = pl.concat([pl.DataFrame({"n": batch.column("n").to_numpy()}) for batch in batches], rechunk=False)
    for source in (table, table.to_reader(), table.__arrow_c_stream__, ds.dataset(table), numbers):
        assert_joined(source, batches, sizes)


def assert_joined(source: object, batches: list[pa.RecordBatch], sizes: list[int]) -> None:
    """The rows of all batches come in a few chunks."""
    if callable(source):
        source = mock.Mock(spec=["__arrow_c_stream__"], __arrow_c_stream__=source)
    chunks, row = list(open_source(source).chunks()), sum(sizes)
    numbers = np.concatenate([chunk.records.column("n").to_numpy() for chunk in chunks])
    assert (numbers == np.arange(row)).all()
    if "d" in chunks[0].records.schema.names:
        found = pa.chunked_array([chunk.records.column("d").cast(pa.string()) for chunk in chunks])
        assert found.equals(pa.Table.from_batches(batches).column("d").cast(pa.string()))
    large = sum(1 + size // 16_384 for size in sizes if size >= 8192)
    assert len(chunks) <= 3 + 2 * large + 2 * row // 8192 and max(map(len, chunks)) <= 65_536


def test_joined_chunks_are_bounded_in_bytes() -> None:
    batches = [pa.record_batch({"t": ["x" * 100_000] * 10}) for _ in range(200)]
    sizes = [chunk.records.nbytes for chunk in open_source(pa.Table.from_batches(batches)).chunks()]
    assert sum(sizes) > 200 * 1_000_000 and max(sizes) < 9 << 20


@pytest.mark.parametrize("opened", ["table", "reader", "wrapped"])
@pytest.mark.parametrize(("read", "counted"), [("n", 25_000), ("t", 62_500), ("v", 62_500), (None, 100_000)])
def test_columns_that_are_not_read_count_a_quarter_in_a_block(opened: str, read: str | None, counted: int) -> None:
    """Also where another source has replaced the stream's own, as one that keeps a file does."""
    rows = 1000
    half = pa.array([str(row).zfill(50_000) for row in range(rows)])
    batch = pa.record_batch({"n": pa.array(range(rows)), "t": half, "v": half.cast(pa.string_view())})
    stream = open_source(batch if opened == "table" else pa.RecordBatchReader.from_batches(batch.schema, [batch]))
    if opened == "wrapped":
        stream = replace(stream, source=partial(iter, [batch]))
    chunks = list(reading(stream, None if read is None else frozenset([read])))
    assert [row for chunk in chunks for row in chunk.records.column("n").to_pylist()] == list(range(rows))
    assert len(chunks[0]) == pytest.approx((8 << 20) / counted, rel=0.02)


def test_chunks_that_arrow_cannot_join_are_joined_as_plain_columns() -> None:
    def words(number: int, kind: pa.DataType) -> pa.Array:
        texts = [*(f"{number} {at}" for at in range(100)), None]
        return pa.DictionaryArray.from_arrays(pa.array(range(101), kind), pa.array(texts))

    batches = [
        pa.record_batch(
            {
                "nulls": words(number, pa.int32()),
                "many": pa.DictionaryArray.from_arrays(
                    pa.array(range(101), pa.int8()), pa.array([f"{number} {at}" for at in range(101)])
                ),
                "inside": pa.StructArray.from_arrays([words(number, pa.int8())], names=["d"]),
                "n": pa.array([1.0, float("nan"), *range(99)]),
            }
        )
        for number in range(20)
    ]
    table = pa.Table.from_batches(batches)
    with pytest.raises(pa.ArrowException):
        table.combine_chunks()
    for source in (table, pa.RecordBatchReader.from_batches(table.schema, batches)):
        (chunk,) = open_source(source)
        (finding,) = chunk.issues
        assert (finding.column, finding.rows.tolist()) == ("n", list(range(2, 2020, 101)))
        found = chunk.nested().to_pylist()
        expected = [row | {"n": None if row["n"] != row["n"] else row["n"]} for row in table.to_pylist()]
        assert found == expected


@pytest.mark.parametrize("format", ["parquet", "csv", "arrow"])
def test_datasets_of_any_form_give_what_arrow_gives(format: str, tmp_path: Path) -> None:
    table = pa.table({"id": list("abcd"), "n": [1, 2, 3, 4], "day": ["x", "x", "y", "y"]})
    parts = ds.partitioning(pa.schema([("day", pa.string())]), flavor="hive")
    ds.write_dataset(table, tmp_path, format=format, partitioning=parts)
    made = ds.dataset(tmp_path, format=format, partitioning=parts)
    other = ds.dataset(tmp_path, format=format, partitioning=parts)
    some = made.filter(pc.field("n") > 2)
    for source in (made, some, made.scanner(columns=["n", "id"]), some.scanner(), ds.dataset([made, other])):
        rows = [list(row.items()) for row in open_source(source).to_pylist()]
        assert sorted(rows) == sorted(list(row.items()) for row in source.to_table().to_pylist())


def test_a_dataset_whose_files_have_unlike_columns(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": ["a"], "n": [2]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"id": ["b"], "extra": [1.5]}), tmp_path / "b.parquet")
    schema = pa.schema([("id", pa.string()), ("n", pa.float64()), ("extra", pa.float64())])
    made = ds.dataset([str(tmp_path / f"{name}.parquet") for name in "ab"], schema=schema)
    assert open_source(made).to_pylist() == [{"id": "a", "n": 2.0}, {"id": "b", "extra": 1.5}]


def test_dicts_of_many_keys_in_a_pandas_column_are_maps() -> None:
    """Arrow by itself makes a field of each key, in each row."""
    rows = [{"m": {f"k{row}": row, "same": 1, "none": None}} for row in range(3_000)]
    for source in (pd.DataFrame(rows), {"m": np.array([row["m"] for row in rows], dtype=object)}):
        stream = open_source(source)
        assert pa.types.is_map(stream.arrow_schema.field("m").type)
        made = xp.map_rows(source, {"m": "m"}).to_table().column("m").to_pylist()
        assert [dict(one) for one in made] == [{f"k{row}": row, "same": 1} for row in range(3_000)]


@settings(max_examples=60)
@given(
    st.lists(st.sampled_from(["", "nope", "[1", '"s"', "7", "null", '{"a":', "{'a': 1}"]), min_size=1, max_size=6),
    st.sampled_from([1, 5, 1 << 20]),
)
def test_the_first_line_that_is_no_object_is_named(tmp_path: Path, lines: list[str], block: int) -> None:
    """Where there is no object at all, in whatever blocks the file is read."""
    file = tmp_path / "x.json"
    file.write_text("\n".join([*lines, "7"]))
    first = next(number for number, line in enumerate([*lines, "7"], 1) if line)
    with mock.patch("xdmprep.read.ndjson.BLOCK_BYTES", block), pytest.raises(SourceError) as caught:
        open_source(file)
    assert f"(line {first})" in str(caught.value)
    assert str(caught.value).count("(line ") == 1
