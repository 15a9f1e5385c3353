"""Keys of all types, one or several columns: groups are those of polars, whatever the memory and the pieces.

Keys that are places inside of objects: groups are those of a dict.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xdmprep.errors import SourceError
from xdmprep.mapping import MappingSet, map_stream
from xdmprep.mapping.groups import group_stream
from xdmprep.read import open_source

#: Places in a record, as a mapping names them and as steps.
PLACES: dict[str, tuple[str | int, ...]] = {
    "n": ("n",), "address.city": ("address", "city"), r"address.a\.b": ("address", "a.b"), "tags[1]": ("tags", 1),
    "address.geo.zone": ("address", "geo", "zone"), "lines[0].sku": ("lines", 0, "sku"),
}  # fmt: skip

MOMENT = pa.timestamp("us", "UTC")
KINDS: dict[pa.DataType, list[Any]] = {
    pa.string(): ["", "a", "b", "é", "a\0", "x" * 40],
    pa.int64(): [0, 1, -1, 2**53, 2**53 + 1],
    pa.uint64(): [0, 2**63, 2**64 - 1],
    pa.bool_(): [False, True],
    pa.float64(): [0.0, -0.0, float("nan"), float("inf"), 1.5, 1e300],
    pa.float32(): [0.0, -0.0, float("nan"), 0.5],
    pa.decimal128(10, 2): [Decimal("0.10"), Decimal("1.00"), Decimal("-1.00")],
    pa.date32(): [date(1970, 1, 1), date(2024, 2, 29)],
    MOMENT: [datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 1, 0, 0, 0, 1000, tzinfo=UTC)],
    pa.dictionary(pa.int8(), pa.string()): ["a", "b", ""],
}


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    """Up to three columns of keys and the rows' numbers, in several batches; one key may have most of the rows."""
    kinds = draw(st.lists(st.sampled_from(list(KINDS)), min_size=1, max_size=3))
    key = st.tuples(*[st.sampled_from(KINDS[kind]) | st.none() for kind in kinds])
    keys = draw(st.lists(key, min_size=1, max_size=30)) + [draw(key)] * draw(st.sampled_from([0, 1, 20]))
    keys = draw(st.permutations(keys))
    columns = {f"k{at}": pa.array([key[at] for key in keys], kind) for at, kind in enumerate(kinds)}
    table = pa.table({**columns, "n": range(len(keys))})
    cut = draw(st.integers(0, len(keys)))
    parts = [table.slice(0, cut), table.slice(cut)]
    return pa.Table.from_batches([batch for part in parts for batch in part.combine_chunks().to_batches()])


def groups_of_polars(table: pa.Table) -> list[list[int]]:
    """The rows of each group in order; a row where a part of the key is null, or no JSON number, stands for itself."""
    keys = table.column_names[:-1]
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    is_float = [frame[key].dtype.is_float() for key in keys]
    none = [~pl.col(key).is_finite() if odd else pl.col(key).is_null() for key, odd in zip(keys, is_float, strict=True)]
    alone = pl.when(pl.any_horizontal(one.fill_null(True) for one in none)).then(pl.col("n"))
    return frame.group_by(*keys, alone.alias("alone"), maintain_order=True).agg("n")["n"].to_list()


@given(tables(), st.sampled_from([0, 300, 1 << 20]))
def test_groups_are_those_of_polars(table: pa.Table, memory: int) -> None:
    keys = tuple(table.column_names[:-1])
    source = replace(open_source(table), source=table.to_batches, gather=None)  # the batches as they are, not joined
    stream = group_stream(source, keys, memory=memory)
    found = [[row - 1 for row in group] for chunk in stream.chunks() for group in chunk.members.to_pylist()]
    assert found == groups_of_polars(table)


@given(tables())
def test_groups_that_stand_together_are_those_of_polars(table: pa.Table) -> None:
    wanted = groups_of_polars(table)
    table = table.take([row for group in wanted for row in group])
    keys = table.column_names[:-1]
    mapping = MappingSet({"n[*]": "n", "$group_by": keys, "$sorted": True})
    stream = map_stream(open_source(table), mapping)
    assert [record["n"] for record in stream.to_pylist()] == wanted


@given(tables())
def test_a_key_that_comes_back_is_an_error(table: pa.Table) -> None:
    wanted = groups_of_polars(table)
    numbers = table.column("n").to_pylist()
    keys = table.column_names[:-1]
    mapping = MappingSet({"n[*]": "n", "$group_by": keys, "$sorted": True})
    stream = map_stream(open_source(table), mapping)
    if [row for group in wanted for row in group] == numbers:
        assert [record["n"] for record in stream.to_pylist()] == wanted
    else:
        with pytest.raises(SourceError, match="was closed before"):
            stream.to_pylist()


CITY, NUMBER = st.sampled_from(["x", "y", "é", ""]) | st.none(), st.integers(0, 2)
ADDRESS = st.fixed_dictionaries(
    {}, optional={"city": CITY, "a.b": NUMBER, "geo": st.fixed_dictionaries({}, optional={"zone": NUMBER | st.none()})}
)
RECORD = st.fixed_dictionaries({"n": NUMBER}, optional={
    "address": ADDRESS | st.none(), "tags": st.lists(CITY, max_size=3),
    "lines": st.lists(st.fixed_dictionaries({"sku": CITY}), max_size=2),
})  # fmt: skip
WHOLE = {"n": 0, "address": {"city": "x", "a.b": 1, "geo": {"zone": 1}}, "tags": ["x", "y"], "lines": [{"sku": "x"}]}


def found(record: Any, steps: tuple[str | int, ...]) -> Any:
    """What is at a place; None if the way ends early."""
    for step in steps:
        try:
            record = record[step]
        except (KeyError, IndexError, TypeError):
            return None
    return record


@given(
    st.lists(RECORD, max_size=20),
    st.lists(st.sampled_from(list(PLACES)), min_size=1, max_size=2, unique=True),
    st.sampled_from([0, 300, 1 << 20]),
    st.booleans(),
)
def test_keys_inside_of_objects(records: list[Any], keys: list[str], memory: int, last: bool) -> None:
    """The first record that has all fields may be the last one: columns are learned from all that was read."""
    records = [*records, WHOLE] if last else [WHOLE, *records]
    wanted: dict[Any, list[int]] = {}
    for number, record in enumerate(records):
        key = tuple(found(record, PLACES[name]) for name in keys)
        wanted.setdefault(number if None in key else key, []).append(number)
    lines = [{**record, "row": number} for number, record in enumerate(records)]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "records.ndjson"
        file.write_text("\n".join(map(json.dumps, lines)))
        stream = map_stream(open_source(file), MappingSet({"rows[*]": "row", "$group_by": keys}))
        chunks = list(stream.chunks())
        assert stream.to_pylist() == [{"rows": group} for group in wanted.values()]
        grouped = group_stream(open_source(file), tuple(keys), reads=["row"], memory=memory)
        members = [[row - 1 for row in group] for chunk in grouped.chunks() for group in chunk.members.to_pylist()]
        assert members == list(wanted.values())
    none = [row - 1 for chunk in chunks for finding in chunk.issues for row in finding.rows.tolist()]
    assert none == [key for key in wanted if isinstance(key, int)]
