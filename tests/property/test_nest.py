"""Nesting of shredded records beside a plain reference, record by record."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from xdmprep.core.paths import Path
from xdmprep.core.shred import Leaf, encoded, nest, prune, to_pylist

TEXT = pa.string()
CODED = pa.dictionary(pa.int32(), TEXT)


def schema(text: pa.DataType) -> pa.Schema:
    item = pa.struct([("id", text), ("tags", pa.list_(text)), ("more", pa.map_(pa.string(), pa.struct([("x", text)])))])
    return pa.schema(
        [("a", text), ("o", pa.struct([("p", text), ("q", pa.struct([("r", text)]))])), ("l", pa.list_(item)),
         ("m", pa.map_(text, pa.list_(item)))]
    )  # fmt: skip


PATHS: list[Path] = [
    ("a",), ("o", "p"), ("o", "q", "r"),
    ("l", 0, "id"), ("l", 0, "tags", 0), ("l", 0, "tags", 1), ("l", 0, "more", "k", "x"), ("l", 2, "id"),
    ("l", 2, "tags", 0), ("l", 2, "more", "j", "x"), ("l", 2, "more", "k", "x"),
    ("m", "E", 0, "id"), ("m", "E", 1, "id"), ("m", "E", 1, "more", "k", "x"), ("m", "C", 0, "id"),
    ("m", "C", 0, "tags", 1), ("m", "E", 0, "tags", 0),
]  # fmt: skip


def placed(paths: list[Path], values: tuple[Any, ...]) -> dict[str, Any]:
    """A record made value by value; arrays keep what is there in the order of the index."""
    record: dict[Any, Any] = {}
    for path, value in zip(paths, values, strict=True):
        node = record
        for step in path[:-1]:
            node = node.setdefault(step, {})
        node[path[-1]] = value

    def arrays(node: Any) -> Any:
        if not isinstance(node, dict):
            return node
        if any(isinstance(step, int) for step in node):
            return [arrays(node[step]) for step in sorted(node)]
        return {step: arrays(child) for step, child in node.items()}

    found: dict[str, Any] = prune(arrays(record))
    return found


@st.composite
def shredded(draw: st.DrawFn) -> tuple[list[Leaf], pa.RecordBatch, int]:
    paths = draw(st.lists(st.sampled_from(PATHS), min_size=1, max_size=9, unique=True))
    n = draw(st.integers(0, 8))
    word = st.none() | st.sampled_from(["x", "y", "z"])
    columns = []
    for _ in paths:
        column = pa.array(draw(st.lists(word, min_size=n, max_size=n)), TEXT)
        columns.append(column.dictionary_encode() if draw(st.booleans()) else column)
    leaves = [Leaf(path, TEXT) for path in paths]
    return leaves, pa.RecordBatch.from_arrays(columns, [leaf.name for leaf in leaves]), draw(st.integers(0, n))


@settings(max_examples=300)
@given(shredded(), st.booleans())
def test_nested_records_are_those_built_value_by_value(
    made: tuple[list[Leaf], pa.RecordBatch, int], coded: bool
) -> None:
    leaves, batch, start = made
    wanted = schema(CODED if coded else TEXT)
    for part in (batch, batch.slice(start)):
        nested = nest(leaves, part, wanted)
        nested.validate(full=True)
        assert nested.schema.equals(wanted)
        paths = [leaf.path for leaf in leaves]
        rows = zip(*(column.to_pylist() for column in part.columns), strict=True)
        expected = [placed(paths, row) for row in rows]
        assert [prune(record) for record in nested.to_pylist(maps_as_pydicts="strict")] == expected


@given(st.lists(st.none() | st.sampled_from("abcde"), max_size=12), st.integers(0, 12), st.integers(0, 12))
def test_the_same_values_are_encoded_the_same(values: list[str | None], start: int, count: int) -> None:
    whole = pa.array(values, TEXT)
    words = pa.array(["e", "c", "a", "b", "d"])
    codes = pa.array([None if value is None else words.to_pylist().index(value) for value in values], pa.int32())
    expected = whole.slice(start, count).dictionary_encode()
    for array in (whole, whole.dictionary_encode(), pa.DictionaryArray.from_arrays(codes, words)):
        found = encoded(array.slice(start, count))
        found.validate(full=True)
        assert found.indices.to_pylist() == expected.indices.to_pylist()
        assert found.dictionary.to_pylist() == expected.dictionary.to_pylist()
    twice = pa.DictionaryArray.from_arrays(codes, pa.array(["e", "c", "a", "e", "d"]))
    assert encoded(twice).dictionary.to_pylist() == list(dict.fromkeys(v for v in twice.to_pylist() if v is not None))


@given(st.data())
def test_python_values_are_those_of_arrow(data: st.DataObject) -> None:
    inner = st.fixed_dictionaries({"x": st.none() | st.integers(0, 9), "é": st.none() | st.text(max_size=3)})
    outer = st.fixed_dictionaries({
        "s": st.none() | inner, "l": st.none() | st.lists(st.none() | inner, max_size=3),
        "m": st.none() | st.dictionaries(st.text(max_size=2), inner, max_size=2).map(lambda d: list(d.items())),
        "d": st.none() | st.dates(),
    })  # fmt: skip
    struct = pa.struct([("x", pa.int8()), ("é", pa.string())])
    kind = pa.struct([("s", struct), ("l", pa.list_(struct)), ("m", pa.map_(pa.string(), struct)), ("d", pa.date32())])
    array = pa.array(data.draw(st.lists(st.none() | outer, max_size=6)), kind)[data.draw(st.integers(0, 2)) :]
    assert to_pylist(array, "strict") == array.to_pylist(maps_as_pydicts="strict")


def test_absent_fields_of_a_wide_schema_share_their_nulls() -> None:
    """A schema of thousands of fields costs no memory for those that no leaf fills."""
    rows, fields = 10_000, 500
    wide = pa.schema([("a", pa.string()), ("o", pa.struct([(f"f{n}", pa.string()) for n in range(fields)]))])
    records = pa.record_batch({"a": ["x"] * rows})
    before = pa.total_allocated_bytes()
    made = nest([Leaf(("a",), pa.string())], records, wide)
    deep = nest([Leaf(("o", "f7"), pa.string())], records, wide)
    assert pa.total_allocated_bytes() - before < 4 * (5 * rows)
    made.validate(full=True)
    deep.validate(full=True)
    assert made.column("o").null_count == rows and deep.column("o")[0].as_py()["f7"] == "x"
    assert all(child.null_count == rows for number, child in enumerate(deep.column("o").flatten()) if number != 7)
