"""What a notebook shows of each object: whole HTML, escaped, without colours that fight the notebook's theme."""

from __future__ import annotations

from collections.abc import Callable
from html import escape as html_escape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import xdmprep as xp
from xdmprep import wire
from xdmprep.core.losses import ValueCounts
from xdmprep.core.notebook import escape
from xdmprep.core.stream import Stream
from xdmprep.read import read_frame

SECRET = "tina<b>@example.com"
SCHEMA = xp.Schema.from_dict(
    {"title": "T<i>", "type": "object", "properties": {"id": {"type": "string"}, "mail": {"type": "string"}}}
)


class Whole(HTMLParser):
    """The text of a view; fails on tags that do not match and on anything that runs."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        assert tag in {"style", "div", "strong", "span", "b", "p", "pre", "table", "thead", "tbody", "tr", "th", "td",
                       "details", "summary"}, tag  # fmt: skip
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text += data


def seen(thing: Any) -> str:
    reader = Whole()
    reader.feed(thing._repr_html_())
    assert reader.open == []
    return reader.text


def prepared(folder: Path) -> Any:
    return xp.prepare(
        pa.table({"a": ["1", "2"], "m": [SECRET, "x"]}), {"id": "a", "mail": "m"}, SCHEMA, out=folder / "o"
    )


def diffed(folder: Path) -> Any:
    before = pa.table({"a": ["1", "2"], "m": ["old", "x"]})
    after = pa.table({"a": ["1", "3"], "m": [SECRET, "y"]})
    return xp.diff(before, after, SCHEMA, on="id", mapping={"id": "a", "mail": "m"}, rules="jsonschema")


@pytest.mark.parametrize(
    ("make", "holds"),
    [
        (lambda _: SCHEMA, ["T<i>", "mail"]),
        (lambda _: xp.MappingSet({"mail": "lower(m)"}), ["lower(m)"]),
        (lambda _: xp.map_rows(pa.table({"m": [SECRET]}), {"mail": "m"}), ["mail", "string", SECRET]),
        (prepared, ["2 rows", "2 written"]),
        (lambda folder: prepared(folder).report, ["valid", "findings"]),
        (lambda folder: prepared(folder).manifest, ["json", "T<i>", "files"]),
        (diffed, ["1 changed", "1 new", "key"]),
        (lambda folder: diffed(folder).preview(), ["mail", "profiles changed"]),
        (
            lambda _: wire.Batch.of({"id": "B", "status": "failed", "errors": [{"description": SECRET}]}),
            ["failed", SECRET],
        ),
    ],
    ids=["schema", "mapping", "stream", "result", "report", "manifest", "patch", "preview", "batch"],
)
def test_a_view_is_whole_and_holds_what_matters(make: Callable[[Path], Any], holds: list[str], tmp_path: Path) -> None:
    text = seen(make(tmp_path))
    for part in holds:
        assert part in text


def test_a_patch_shows_no_value(tmp_path: Path) -> None:
    patch = diffed(tmp_path)
    assert "tina" not in seen(patch) + repr(patch) + seen(patch.preview()) + repr(patch.preview())


def test_a_view_costs_no_row_of_a_source_that_is_read_once() -> None:
    table = pa.table({"m": ["a", "b"]})
    stream = xp.map_rows(pa.RecordBatchReader.from_batches(table.schema, table.to_batches()), {"mail": "m"})
    assert isinstance(stream, Stream) and "mail" in seen(stream)
    assert "&#x27;" not in stream._repr_html_() and "<td>string</td>" in stream._repr_html_(), "no quotes in a table"
    assert stream.to_pylist() == [{"mail": "a"}, {"mail": "b"}]


@given(st.text())
def test_escape_is_that_of_the_standard_library(text: str) -> None:
    assert escape(text) == html_escape(text)


@pytest.mark.parametrize(
    ("columns", "said"), [(100, ""), (101, "... and 1 more column."), (102, "... and 2 more columns.")]
)
def test_columns_beyond_a_hundred_are_counted(columns: int, said: str) -> None:
    table = pa.table({f"c{number}": ["x"] for number in range(columns)})
    reader = Whole()
    reader.feed(read_frame(table)._repr_html_())
    assert ("more column" in reader.text) == bool(said) and said in reader.text


@pytest.mark.parametrize(("fields", "said"), [(3, ""), (4, " and 1 more field"), (5, " and 2 more fields")])
def test_fields_with_values_left_out_beyond_three_are_counted(fields: int, said: str) -> None:
    counts = ValueCounts.of({f"f{number}": {"read": 2, "written": 1, "lost": 1} for number in range(fields)}, 1)
    assert str(counts) == f"1 with values left out (f0 1 of 2, f1 1 of 2, f2 1 of 2{said})"
