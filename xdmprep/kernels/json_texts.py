"""Parts of JSON as text, a column at a time with numpy and Arrow: escapes, numbers, dates, date-times (RFC 8259)."""

from __future__ import annotations

import json
from functools import cache, lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .arrays import valid


def escape_some(column: pa.Array) -> tuple[np.ndarray[Any, Any], pa.Array] | None:
    """The rows whose text needs JSON escapes, and their escaped texts; None if there are none."""
    data = column.buffers()[2]
    if data is None or len(column) == 0:
        return None
    offsets = np.frombuffer(column.buffers()[1], np.int32, len(column) + 1, column.offset * 4)
    start, stop = int(offsets[0]), int(offsets[-1])
    raw = np.frombuffer(data, np.uint8, stop - start, start)
    hit = raw < 32
    hit |= raw == 34
    hit |= raw == 92
    if not hit.any():
        return None
    rows = np.searchsorted(offsets, np.flatnonzero(hit) + start, side="right") - 1
    rows = rows[np.concatenate(([True], rows[1:] != rows[:-1]))]
    return rows, _escaped(column.take(pa.array(rows)))


_CONTROLS = {chr(code): json.dumps(chr(code))[1:-1] for code in range(32)}


def _escaped(texts: pa.Array) -> pa.Array:
    """`texts` with JSON's escapes, by Arrow kernels (RFC 8259 section 7)."""
    texts = pc.replace_substring(texts, "\\", "\\\\")
    texts = pc.replace_substring(texts, '"', '\\"')
    data = texts.buffers()[2]
    if data is not None:
        codes = np.frombuffer(data, np.uint8)
        for code in np.unique(codes[codes < 32]).tolist():
            texts = pc.replace_substring(texts, chr(code), _CONTROLS[chr(code)])
    return texts


_MINUS, _POINT, _ZERO = np.frombuffer(b"-.0", np.uint8)


def printed_otherwise(texts: pa.Array, whole: bool) -> np.ndarray[Any, np.dtype[np.int64]]:
    """As the kernel of that name."""
    if whole:
        return np.arange(len(texts))
    offsets = np.frombuffer(texts.buffers()[1], np.int32, len(texts) + 1, texts.offset * 4)
    starts, ends = offsets[:-1], offsets[1:]
    there = valid(texts) if texts.null_count else None
    if there is not None:
        starts, ends = starts[there], ends[there]
    if not len(starts):
        return np.zeros(0, np.int64)
    sizes = ends - starts
    if sizes.sum() != offsets[-1] - offsets[0]:  # there is text behind nulls too
        return np.arange(len(texts))
    data = np.frombuffer(texts.buffers()[2], np.uint8)
    used = data[offsets[0] : offsets[-1]]
    at = starts + (data[starts] == _MINUS)
    first = data.take(at, mode="clip") - _ZERO
    other = (sizes > 16) | (first > 9) | (data[ends - 1] <= _ZERO)
    zero = np.flatnonzero(first == 0)
    other[zero] |= data.take(at[zero] + 1, mode="clip") != _POINT
    other[zero] |= data.take(at[zero] + 2, mode="clip") == _ZERO
    points = np.flatnonzero(used == _POINT) + offsets[0]
    if len(points) != len(starts):  # a number has one at most, so some have none
        found, points = points, ends.copy()
        number = np.searchsorted(ends, found, side="right")
        points[number] = found
        other |= points == ends
    other |= points - starts > 9
    strange = (used - _MINUS) > _ZERO + 9 - _MINUS  # an exponent, say
    if strange.any():
        number = np.searchsorted(ends, np.flatnonzero(strange) + offsets[0], side="right")
        other[number[number < len(starts)]] = True
    found = np.flatnonzero(other)
    return found if there is None else np.flatnonzero(there)[found]


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
    """As the kernel of that name."""
    days, rest = np.divmod(millis.fill_null(millis.drop_null()[0]).to_numpy(zero_copy_only=False), 86_400_000)
    seconds, fraction = np.divmod(rest, 1000)
    days32 = pa.array(days.astype(np.int32))
    first, calendar = calendar_of(days32)
    there = millis.buffers()[0] if millis.offset == 0 and millis.null_count else None
    if calendar is not None and not fraction.any():
        # all texts are 20 characters: two tables of 10 are put side by side
        texts = np.empty(len(days), [("date", "S10"), ("time", "S10")])
        texts["date"] = np.frombuffer(calendar.buffers()[2], "S10", len(calendar)).take(days - first)
        texts["time"] = _clock_bytes().take(seconds)
        offsets = np.arange(0, 20 * len(days) + 1, 20, dtype=np.int32)
        made = pa.StringArray.from_buffers(len(days), pa.py_buffer(offsets), pa.py_buffer(texts), there)
        return made if there is not None or not millis.null_count else _where(millis, made)
    dates = print_dates(days32.cast(pa.date32()))
    times = _clock().take(pa.array(seconds.astype(np.int32)))
    parts = _fractions().take(pa.array(fraction.astype(np.int32)))
    return _where(millis, pc.binary_join_element_wise(dates, times, parts, "Z", ""))


def _where(column: pa.Array, texts: pa.Array) -> pa.Array:
    return texts if column.null_count == 0 else pc.if_else(column.is_valid(), texts, pa.scalar(None, pa.string()))


@cache
def _clock() -> pa.Array:
    """The 86,400 texts ``THH:MM:SS`` of a day's seconds."""
    times = pa.array(np.arange(86_400, dtype=np.int32)).cast(pa.time32("s")).cast(pa.string())
    return pc.binary_join_element_wise("T", times, "")


@cache
def _clock_bytes() -> np.ndarray[Any, Any]:
    """The same with a Z behind, as 10 bytes each."""
    texts = pc.binary_join_element_wise(_clock(), "Z", "")
    return np.frombuffer(texts.buffers()[2], "S10", len(texts))


@cache
def _fractions() -> pa.Array:
    """Milliseconds as text; made when first needed, as making an array of Python values imports pandas."""
    return pa.array(["", *(f".{ms:03}" for ms in range(1, 1000))], pa.string())
