"""The size of values in Parquet, from which the writer tells where a row group ends, against plain Python."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from xdmprep.write.parquet import stored_bytes

WIDTHS = {pa.bool_(): 1, pa.int8(): 4, pa.int32(): 4, pa.int64(): 8, pa.float64(): 8, pa.timestamp("ms", "UTC"): 8}
TEXTS = st.none() | st.text(st.sampled_from("aé漢😀"), max_size=6)


def values(kind: pa.DataType) -> st.SearchStrategy[Any]:
    if pa.types.is_dictionary(kind) or pa.types.is_string(kind):
        return TEXTS
    if pa.types.is_struct(kind):
        return st.none() | st.fixed_dictionaries({field.name: values(field.type) for field in kind})
    if pa.types.is_list(kind):
        return st.none() | st.lists(values(kind.value_type), max_size=4)
    if pa.types.is_map(kind):
        return st.none() | st.dictionaries(st.sampled_from("abc"), values(kind.item_type), max_size=3)
    return st.none() | st.integers(0, 1).map(lambda number: bool(number) if kind == pa.bool_() else number)


def size(value: Any, kind: pa.DataType) -> int:
    """What the writer should say."""
    if pa.types.is_dictionary(kind) or pa.types.is_string(kind):
        return 5 + len((value or "").encode())
    if pa.types.is_struct(kind):
        return sum(size((value or {}).get(field.name), field.type) for field in kind)
    if pa.types.is_list(kind):
        return 2 + sum(size(item, kind.value_type) for item in value or [])
    if pa.types.is_map(kind):
        return 2 + sum(size(key, kind.key_type) + size(item, kind.item_type) for key, item in (value or {}).items())
    return 1 + WIDTHS[kind]


FLAT = st.sampled_from([*WIDTHS, pa.string(), pa.dictionary(pa.int32(), pa.string())])
KINDS = st.recursive(
    FLAT,
    lambda inner: (
        st.builds(lambda a, b: pa.struct([("a", a), ("b", b)]), inner, inner)
        | st.builds(pa.list_, inner)
        | st.builds(lambda kind: pa.map_(pa.string(), kind), inner)
    ),
    max_leaves=5,
)


@given(st.data(), KINDS)
def test_sizes_are_those_of_each_value_also_in_a_slice(data: st.DataObject, kind: pa.DataType) -> None:
    given_values = data.draw(st.lists(values(kind), max_size=12))
    start, end = sorted(data.draw(st.tuples(st.integers(0, 12), st.integers(0, 12))))
    array = pa.array(given_values, kind)
    expected = [size(value, kind) for value in given_values]
    assert stored_bytes(array).tolist() == expected
    assert stored_bytes(array.slice(start, end - start)).tolist() == expected[start:end]
