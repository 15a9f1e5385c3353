"""Cells of books that openpyxl writes are what openpyxl reads, each as one string."""

from __future__ import annotations

import datetime
import io
import re
from decimal import Context
from typing import Any

import openpyxl
from hypothesis import given
from hypothesis import strategies as st

from xdmprep.read import open_source
from xdmprep.read.workbook import ERRORS

TEXTS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\ufffe\uffff"), max_size=20
).filter(lambda text: not text.startswith("=") and "_x" not in text and text not in ERRORS)
MOMENTS = st.datetimes(datetime.datetime(1900, 3, 1), datetime.datetime(9999, 12, 30)).map(
    lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)
)
VALUES = st.one_of(
    st.none(), TEXTS, st.sampled_from(["0042", " a ", "1e5", "TRUE", "a\nb", "\t", "2024-01-31", "'x"]), st.booleans(),
    st.integers(-(10**15) + 1, 10**15 - 1), st.floats(-1e15 + 1, 1e15 - 1), MOMENTS,
    st.dates(datetime.date(1900, 3, 1)), st.times().map(lambda time: time.replace(microsecond=0)),
)  # fmt: skip


def text_of(cell: Any) -> str | None:
    """What a cell that openpyxl has read is as a string."""
    value = cell.value
    if value is None or isinstance(value, str):
        return value or None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime.datetime) and "h" not in cell.number_format:
        return value.date().isoformat()
    if isinstance(value, datetime.datetime | datetime.time):
        return re.sub(r"(\.\d{3})000\Z", r"\1", value.isoformat())
    if isinstance(value, float):  # Excel shows 15 digits
        value = float(Context(prec=15).create_decimal(value))
    return f"{value:.0f}".replace("-0", "0") if value == 0 else repr(value).removesuffix(".0")


@given(st.lists(st.lists(VALUES, min_size=3, max_size=3), min_size=1, max_size=8))
def test_cells_are_what_openpyxl_reads(rows: list[list[Any]]) -> None:
    made = openpyxl.Workbook()
    for row in [["a", "b", "c", "end"], *([*row, "x"] for row in rows)]:
        made.active.append(row)
    sink = io.BytesIO()
    made.save(sink)
    wanted = [
        [text_of(cell) for cell in row]
        for row in openpyxl.load_workbook(io.BytesIO(sink.getvalue())).active.iter_rows(min_row=2)
    ]
    sink.seek(0)
    stream = open_source(sink)
    assert [list(row.values()) for row in stream.to_table().to_pylist()] == wanted
    assert not any(chunk.issues or chunk.unread for chunk in stream.chunks())
