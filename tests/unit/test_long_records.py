"""Records of very many rows: what is written and measured in pieces is what it would be as a whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import xdmprep
from xdmprep.core.shred import Leaf, nest
from xdmprep.schema import Schema
from xdmprep.validate import record_size
from xdmprep.validate.arrow_kinds import to_json_values
from xdmprep.validate.node import CheckNode, ColumnCompiler
from xdmprep.validate.ruleset import Rules
from xdmprep.validate.view import ChunkColumns, FindingSink
from xdmprep.write import rejects

TEXT = {"type": "string"}
SCHEMA = {
    "title": "Orders", "type": "object",
    "properties": {"_acme": {"type": "object", "properties": {
        "key": {"type": "string", "maxLength": 4}, "items": {"type": "array", "items": {
            "type": "object", "properties": {"a": TEXT, "n": {"type": "integer", "meta:xdmType": "long"}}}},
    }}},
}  # fmt: skip
MAPPING = {"$group_by": "key", "_acme.key": "key", "_acme.items[*].a": "a", "_acme.items[*].n": "n"}


@pytest.mark.parametrize("files", [1, 2])
def test_a_line_in_pieces_is_the_line_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: int) -> None:
    """Values with quotes, blanks and nulls, a column of nulls only, names that need escapes, one file and several."""
    rows = [
        {"key": "too long", "a": f'"{row}" [é' if row % 3 else None, "n": row if row % 4 else None,
         'q"[é': "x" * (row % 5), "none": None}
        for row in range(600)
    ]  # fmt: skip
    sources = []
    for number in range(files):
        sources.append(tmp_path / f"rows{number}.ndjson")
        some = rows[number::files]
        sources[-1].write_text("".join(json.dumps(row) + "\n" for row in some), encoding="utf-8")
    written = []
    for most in (1 << 20, 7, 300):
        monkeypatch.setattr(rejects, "_LONG", most)
        out = tmp_path / f"out{most}"
        result = xdmprep.prepare(sources, MAPPING, Schema.from_dict(SCHEMA), out, rules="jsonschema", jobs=1)
        assert result.written == 0
        written.append((out / "rejects.jsonl").read_bytes())
    assert written[1] == written[0] and written[2] == written[0]
    (line,) = map(json.loads, written[0].decode().splitlines())
    assert len(line["rows"]) == 600 and len(line["source"]["key"]) == 600


kinds = st.recursive(
    st.sampled_from([pa.string(), pa.int64(), pa.uint8(), pa.bool_(), pa.float64(), pa.timestamp("ms", "UTC"),
                     pa.date32(), pa.dictionary(pa.int32(), pa.string()), pa.null(),
                     pa.map_(pa.string(), pa.list_(pa.int8()))]),
    lambda inner: st.builds(pa.list_, inner) | st.builds(lambda a, b: pa.struct([("a", a), ('"é\n', b)]), inner, inner),
    max_leaves=5,
)  # fmt: skip


def values(kind: pa.DataType) -> st.SearchStrategy[Any]:
    """Values of a type, nulls among them."""
    if pa.types.is_list(kind):
        return st.none() | st.lists(values(kind.value_type), max_size=4)
    if pa.types.is_struct(kind):
        return st.none() | st.fixed_dictionaries({field.name: values(field.type) for field in kind})
    if pa.types.is_map(kind):
        return st.none() | st.dictionaries(st.sampled_from('a"'), values(kind.item_type), max_size=2).map(
            dict.items
        ).map(list)
    if pa.types.is_string(kind) or pa.types.is_dictionary(kind):
        return st.none() | st.text('aé"\\\n\x01\x7f😀', max_size=4)
    if pa.types.is_floating(kind):
        return st.none() | st.floats(allow_nan=False, allow_infinity=False)
    return (
        st.none()
        if pa.types.is_null(kind)
        else st.none() | st.integers(0, 1).map(lambda n: bool(n) if kind == pa.bool_() else n)
    )


@given(st.data(), kinds, kinds, st.booleans(), st.integers(0, 2))
def test_the_size_of_records_is_that_of_their_json(
    data: st.DataObject, kind: pa.DataType, other: pa.DataType, keep_empty: bool, cut: int
) -> None:
    leaves = (Leaf(("o", "x"), kind), Leaf(("y",), other), Leaf(("o", "t"), pa.string()))
    rows = st.lists(st.tuples(*[values(leaf.type) for leaf in leaves]), min_size=3, max_size=5)
    drawn = [*zip(*data.draw(rows), strict=True)]
    arrays = [pa.array(column, leaf.type).slice(cut) for column, leaf in zip(drawn, leaves, strict=True)]
    columns = ChunkColumns(arrays, len(arrays[0]), leaves, keep_empty)
    records = nest(leaves, pa.RecordBatch.from_arrays(arrays, names=["0", "1", "2"])).to_struct_array()
    for at, record in enumerate(to_json_values(records, keep_empty)):
        assert record_size._size(columns, at) == len(
            json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode()
        )


@given(st.data(), kinds, kinds, st.booleans(), st.integers(0, 2), st.integers(2, 90))
def test_columns_are_judged_by_the_size_of_each_record(
    data: st.DataObject, kind: pa.DataType, other: pa.DataType, keep_empty: bool, cut: int, most: int
) -> None:
    """Whatever has to be escaped: the bounds by which most columns are decided never lie below the size."""
    last = data.draw(st.sampled_from([pa.string(), pa.dictionary(pa.int32(), pa.string())]))
    leaves = (Leaf(("o", 'x"'), kind), Leaf(("y",), other), Leaf(("o", "t"), last))
    rows = st.lists(st.tuples(*[values(leaf.type) for leaf in leaves]), min_size=3, max_size=5)
    drawn = [*zip(*data.draw(rows), strict=True)]
    arrays = [pa.array(column, leaf.type).slice(cut) for column, leaf in zip(drawn, leaves, strict=True)]
    columns = ChunkColumns(arrays, len(arrays[0]), leaves, keep_empty)
    sink = FindingSink(np.arange(columns.size), Rules.of("strict"))
    compiler = ColumnCompiler(leaves, keep_empty)
    for op in compiler.records(CheckNode(lambda: [record_size.RecordSize(most)])):
        op(columns.root(compiler.shape), sink)
    records = nest(leaves, pa.RecordBatch.from_arrays(arrays, names=["0", "1", "2"])).to_struct_array()
    texts = [json.dumps(record, separators=(",", ":"), ensure_ascii=False) for record in
             to_json_values(records, keep_empty)]  # fmt: skip
    too_large = [at for at, text in enumerate(texts) if len(text.encode()) > most]
    assert [row for finding in sink.findings for row in finding.rows.tolist()] == too_large
