"""Records of very many rows: what is written and measured in pieces is what it would be as a whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import xdmprep
from xdmprep.core.shred import Leaf
from xdmprep.schema import Schema
from xdmprep.validate import record_size
from xdmprep.validate.view import ChunkColumns
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


numbers = st.lists(st.none() | st.integers(0, 200), max_size=4)
item = st.fixed_dictionaries({"a": st.none() | st.text('aé"\\\n', max_size=4), "l": st.none() | numbers})
items = st.lists(st.none() | item, max_size=12)
ITEMS = pa.list_(pa.struct([("a", pa.string()), ("l", pa.list_(pa.int64()))]))


@settings(deadline=None)
@given(
    st.lists(st.tuples(items, items, st.none() | st.just("x")), min_size=1, max_size=3),
    st.booleans(),
    st.integers(1, 5),
)
def test_the_size_of_pieces_is_that_of_the_record(
    records: list[tuple[Any, Any, Any]], keep_empty: bool, most: int
) -> None:
    leaves = (Leaf(("o", "x"), ITEMS), Leaf(("y",), ITEMS), Leaf(("o", "t"), pa.string()))
    arrays = [pa.array(column, leaf.type) for column, leaf in zip(zip(*records, strict=True), leaves, strict=True)]
    columns = ChunkColumns(arrays, len(records), leaves, keep_empty)
    whole = [record_size._size(columns, at) for at in range(len(records))]
    kept = record_size.PIECE
    try:
        record_size.PIECE = most
        assert [record_size._size(columns, at) for at in range(len(records))] == whole
    finally:
        record_size.PIECE = kept
