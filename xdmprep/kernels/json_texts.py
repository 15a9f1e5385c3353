"""Parts of JSON as text, a column at a time with Arrow: escapes, numbers, dates, date-times (RFC 8259)."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def escape(column: pa.Array) -> tuple[pa.Array, tuple[np.ndarray[Any, Any], pa.Array] | None]:
    rows = np.flatnonzero(pc.match_substring_regex(column, r'["\\\x00-\x1f]').fill_null(False))
    if not len(rows):
        return column, None
    texts = column.take(pa.array(rows)).to_pylist()
    return column, (rows, pa.array([json.dumps(text, ensure_ascii=False)[1:-1] for text in texts], pa.string()))


def printed_otherwise(texts: pa.Array, whole: bool) -> np.ndarray[Any, np.dtype[np.int64]]:
    if whole:
        return np.arange(len(texts))
    plain = pc.match_substring_regex(texts, r"^-?(?:0\.[1-9]|[1-9][0-9]{0,7}\.)[0-9]*$")
    plain = pc.and_(plain, pc.match_substring_regex(texts, r"^.{1,15}[1-9]$"))
    return np.flatnonzero(pc.invert(plain).fill_null(False))


def print_dates(column: pa.Array) -> pa.Array:
    """``YYYY-MM-DD``; a calendar of the days between the first and the last is cheaper than printing each."""
    days = column.cast(pa.date32()).cast(pa.int32())
    if days.null_count == len(days):
        return pa.nulls(len(days), pa.string())
    first, calendar = calendar_of(days)
    return calendar.take(pc.subtract(days, first)) if calendar is not None else column.cast(pa.string())


def calendar_of(days: pa.Array) -> tuple[int, pa.Array | None]:
    """A day (since 1970) and the texts from it on, up to the last of `days` (int32, not all null) or later.

    None instead of the texts if the days lie so far apart that printing each is cheaper.
    """
    extent = pc.min_max(days)
    low, high = extent["min"].as_py(), extent["max"].as_py()
    if high - low >= max(4 * len(days), 10 * _PAGE) or low < _FIRST_DAY or high > _LAST_DAY:
        return low, None
    first = low // _PAGE
    return max(first * _PAGE, _FIRST_DAY), _pages(first, high // _PAGE)


#: Days of one page of a calendar; the chunks of a column mostly lie on the same pages, which are printed once.
_PAGE = 4096


#: 0001-01-01 and 9999-12-31; the texts of the days between have ten characters.
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896


@lru_cache(maxsize=16)
def _pages(first: int, last: int) -> pa.Array:
    days = np.arange(max(first * _PAGE, _FIRST_DAY), min((last + 1) * _PAGE, _LAST_DAY + 1), dtype=np.int32)
    return pa.array(days).cast(pa.date32()).cast(pa.string())


def print_times(millis: pa.Array) -> pa.Array:
    texts = millis.cast(pa.timestamp("ms")).cast(pa.string())
    whole = pc.replace_substring(pc.replace_substring(texts, " ", "T"), ".000", "")
    return pc.binary_join_element_wise(whole, "Z", "")
