"""Keys of all types, one or several columns: groups are those of polars, whatever the memory and the pieces."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
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
    stream = group_stream(open_source(table), keys, memory=memory)
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
