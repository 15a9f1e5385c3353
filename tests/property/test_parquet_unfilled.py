"""Parquet files with columns that no record fills, read by Arrow, DuckDB and polars, beside files of Arrow alone."""

from __future__ import annotations

import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xdmprep.core.shred import Leaf, nest
from xdmprep.core.stream import Stream, row_chunk
from xdmprep.write import OutputFolder, WriteOptions, write_stream

TEXT = pa.string()
SCALARS = st.sampled_from([
    TEXT, pa.bool_(), pa.int8(), pa.int32(), pa.int64(), pa.float64(), pa.date32(), pa.timestamp("ms", "UTC"),
    pa.decimal128(20, 2),
])  # fmt: skip
NAMES = ["a", "b.c", "é", "d", "e"]


def _objects(inner: st.SearchStrategy[pa.DataType]) -> st.SearchStrategy[pa.DataType]:
    return st.lists(
        st.tuples(st.sampled_from(NAMES), inner), min_size=1, max_size=4, unique_by=lambda pair: pair[0]
    ).map(pa.struct)


KINDS = st.recursive(
    SCALARS,
    lambda inner: (
        _objects(inner)
        | _objects(inner)
        | st.builds(pa.list_, inner)
        | st.builds(lambda kind: pa.map_(TEXT, kind), inner)
    ),
    max_leaves=8,
)


def paths(kind: pa.DataType, path: tuple[Any, ...]) -> list[tuple[tuple[Any, ...], pa.DataType]]:
    """The leaves that a mapping may fill."""
    if pa.types.is_struct(kind):
        return [leaf for field in kind for leaf in paths(field.type, (*path, field.name))]
    if pa.types.is_list(kind):
        return [(path, kind), *paths(kind.value_type, (*path, 0))]
    if pa.types.is_map(kind):
        return [*paths(kind.item_type, (*path, "key"))]
    return [(path, kind)]


@st.composite
def cases(draw: st.DrawFn) -> tuple[pa.Schema, list[Leaf], pa.RecordBatch]:
    arrow_schema = pa.schema(list(draw(_objects(KINDS))))
    every = [leaf for field in arrow_schema for leaf in paths(field.type, (field.name,))]
    some = draw(st.lists(st.sampled_from(every), min_size=1, max_size=4, unique_by=lambda leaf: leaf[0]))
    chosen = [(path, kind) for path, kind in some
              if not any(other != path and other == path[: len(other)] for other, _ in some)]  # fmt: skip
    n = draw(st.integers(1, 40))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    share = draw(st.sampled_from([0.0, 0.1, 0.5, 1.0]))
    columns = []
    for _, kind in chosen:
        there = rng.random(n) >= share
        value = pa.array([["1"]], kind) if pa.types.is_list(kind) and pa.types.is_string(kind.value_type) else None
        if value is None and pa.types.is_nested(kind):
            value = pa.nulls(1, kind)
        if value is None:
            value = pa.array([1]).cast(TEXT).cast(kind) if not pa.types.is_temporal(kind) else pa.array(
                [1], pa.int32() if pa.types.is_date(kind) else pa.int64()).cast(kind)  # fmt: skip
        columns.append(value.take(pa.array(np.zeros(n, np.int32), mask=~there)))
    leaves = [Leaf(path, kind) for path, kind in chosen]
    return arrow_schema, leaves, pa.RecordBatch.from_arrays(columns, [leaf.name for leaf in leaves])


def stream(arrow_schema: pa.Schema, leaves: list[Leaf], records: pa.RecordBatch) -> Stream:
    chunk = row_chunk(records, tuple(leaves), source=None)
    return Stream(lambda: iter([chunk]), (lambda piece: piece,), tuple(leaves), arrow_schema, "rows")


@settings(max_examples=150)
@given(cases(), st.sampled_from([1, 200, 1 << 20]), st.sampled_from(["snappy", "none", "zstd", "gzip"]))
def test_readers_find_what_arrow_would_have_written(
    case: tuple[pa.Schema, list[Leaf], pa.RecordBatch], group_bytes: int, compression: str
) -> None:
    arrow_schema, leaves, records = case
    wanted = pa.Table.from_batches([nest(leaves, records, arrow_schema)])
    with tempfile.TemporaryDirectory() as name:
        pq.write_table(wanted, Path(name) / "arrow.parquet", store_schema=False)
        options = WriteOptions("parquet", group_bytes=group_bytes, compression=compression)
        done = write_stream(stream(*case), OutputFolder(Path(name) / "out", {}), options, jobs=1)
        file = Path(name) / "out" / done.files[0].name
        assert pq.read_table(file).equals(pq.read_table(Path(name) / "arrow.parquet"))
        assert pq.read_schema(file).equals(pq.read_schema(Path(name) / "arrow.parquet"))
        both = (file, Path(name) / "arrow.parquet")
        rows = [duckdb.sql(f"SELECT to_json(t)::TEXT FROM '{one}' t").fetchall() for one in both]
        assert rows[0] == rows[1]
        assert pl.read_parquet(file).equals(pl.read_parquet(Path(name) / "arrow.parquet"))
        _contiguous(file)


def _contiguous(file: Path) -> None:
    """The columns of a row group stand one after the other, the first of the schema first, and fill the file."""
    footer = pq.read_metadata(file)
    ends = [4]
    for number in range(footer.num_row_groups):
        group = footer.row_group(number)
        chunks = [group.column(at) for at in range(group.num_columns)]
        spans = []
        for chunk in chunks:
            start = chunk.dictionary_page_offset if chunk.has_dictionary_page else chunk.data_page_offset
            spans.append((start, start + chunk.total_compressed_size))
        assert spans[0] == min(spans)
        assert min(spans)[0] == ends[-1]
        assert all(before[1] == after[0] for before, after in pairwise(sorted(spans)))
        assert sum(end - start for start, end in spans) == max(spans)[1] - ends[-1]
        ends.append(max(spans)[1])
    assert ends[-1] + footer.serialized_size + 8 == file.stat().st_size


@pytest.mark.parametrize("rows", [1, 7, 70_000])
def test_parts_are_split_and_keep_which_objects_are_there(tmp_path: Path, rows: int) -> None:
    arrow_schema = pa.schema([
        ("empty", pa.struct([("x", TEXT), ("y", pa.list_(TEXT))])),
        ("o", pa.struct([("a", TEXT), ("b", pa.int64()), ("p", pa.struct([("c", TEXT), ("d", pa.list_(TEXT))]))])),
    ])  # fmt: skip
    rng = np.random.default_rng(3)
    leaves = [Leaf(("o", "a"), TEXT), Leaf(("o", "p", "c"), TEXT)]
    texts = pa.array([f"{number:x}" for number in rng.integers(0, 1 << 60, rows)])
    columns = [pa.array(texts.to_numpy(zero_copy_only=False), TEXT, mask=rng.random(rows) < 0.5) for _ in leaves]
    records = pa.RecordBatch.from_arrays(columns, [leaf.name for leaf in leaves])
    options = WriteOptions("parquet", max_bytes=120_000, group_bytes=20_000)
    done = write_stream(stream(arrow_schema, leaves, records), OutputFolder(tmp_path / "out", {}), options, jobs=2)
    assert all(file.bytes <= 120_000 for file in done.files)
    made = pa.concat_tables([pq.read_table(tmp_path / "out" / file.name) for file in done.files])
    assert made.equals(pa.Table.from_batches([nest(leaves, records, arrow_schema)]))
    for file in done.files:
        _contiguous(tmp_path / "out" / file.name)
