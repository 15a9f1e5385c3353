"""The JSON texts of scalar columns: numbers, dates, date-times, and what strings must escape (RFC 8259)."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache, lru_cache
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .. import native
from ..errors import OutputError
from ..leaves import valid


def quoted(kind: pa.DataType) -> bool:
    """Whether JSON prints values of an Arrow type between quotes."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
        or pa.types.is_date(kind) or pa.types.is_timestamp(kind)
    )  # fmt: skip


def plain_texts(column: pa.Array) -> pa.Array:
    """The texts of a scalar column as JSON would print its values, without quotes and escapes."""
    if isinstance(column, pa.DictionaryArray):
        column = column.dictionary_decode()
    if pa.types.is_boolean(column.type) or (quoted(column.type) and not pa.types.is_temporal(column.type)):
        return column.cast(pa.string())
    return scalar_texts(column.type)(column)


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
    return rows, _escape(column.take(pa.array(rows)))


def escape_all(column: pa.Array) -> pa.Array:
    """`column` with its texts escaped."""
    if native.compiled is not None:
        return _escaped(native.compiled, column)
    some = escape_some(column)
    if some is None:
        return column
    mask = np.zeros(len(column), bool)
    mask[some[0]] = True
    return pc.replace_with_mask(column, pa.array(mask), some[1].filter(some[1].is_valid()))


def _escaped(loops: ModuleType, column: pa.Array) -> pa.Array:
    """The same by the compiled loop."""
    bitmap, offsets, data = column.buffers()
    if data is None or len(column) == 0:
        return column
    places = np.frombuffer(offsets, np.int32, len(column) + 1, column.offset * 4)
    made = loops.escape(places, len(column), data, pa.allocate_buffer)
    if made is None:
        return column
    if bitmap is not None and column.offset:
        bitmap = column.is_valid().buffers()[1]
    return pa.Array.from_buffers(pa.string(), len(column), [bitmap, *made])


_CONTROLS = {chr(code): json.dumps(chr(code))[1:-1] for code in range(32)}


def _escape(texts: pa.Array) -> pa.Array:
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


def _integers(column: pa.Array) -> pa.Array:
    return column.cast(pa.string())


def _doubles(column: pa.Array) -> pa.Array:
    numbers = column.cast(pa.float64())
    values = numbers.fill_null(0.0).to_numpy(zero_copy_only=False)
    if not np.isfinite(values).all():
        row = int(np.flatnonzero(~np.isfinite(values))[0])
        raise OutputError(
            f"a number that JSON does not have ({values[row]}) at position {row} of a chunk. "
            "Give a schema, so that such rows are set aside, or replace the value in the mapping."
        )
    texts = numbers.cast(pa.string())
    zeros = values == 0.0
    if zeros.any() and np.signbit(values[zeros]).any():
        texts = pc.if_else(pa.array(zeros & np.signbit(values)), "-0.0", texts)
    return texts


def printed_otherwise(texts: pa.Array, whole: bool = False) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Positions of the texts that JSON prints in another way, perhaps, once they are read as numbers; nulls are none.

    A decimal fraction of at most 15 digits without a needless zero is printed as it stands, since no other fraction
    that short is the same double; from 0.1 to 999,999,999 that is, since very small and large numbers get an exponent.

    Args:
        texts: string array; what is not null can be read as such a number.
        whole: the numbers are integers, not doubles.
    """
    if native.compiled is not None:
        found = native.compiled.printed_otherwise(*native.texts(texts), whole)
        return np.frombuffer(found or b"", np.int64)
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


def _dates(column: pa.Array) -> pa.Array:
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


def _date_times(column: pa.Array) -> pa.Array:
    """RFC 3339 in UTC, whole seconds without a fraction, others with three digits."""
    millis = column.cast(pa.timestamp("ms", "UTC"), safe=False).cast(pa.int64())
    if millis.null_count == len(millis):
        return pa.nulls(len(millis), pa.string())
    if native.compiled is not None and (made := _printed_times(native.compiled, millis)) is not None:
        return made
    days, rest = np.divmod(millis.fill_null(millis.drop_null()[0]).to_numpy(zero_copy_only=False), 86_400_000)
    seconds, fraction = np.divmod(rest, 1000)
    days32 = pa.array(days.astype(np.int32))
    first, calendar = calendar_of(days32)
    there = column.buffers()[0] if column.offset == 0 and column.null_count else None
    if calendar is not None and not fraction.any():
        # all texts are 20 characters: two tables of 10 are put side by side
        texts = np.empty(len(days), [("date", "S10"), ("time", "S10")])
        texts["date"] = np.frombuffer(calendar.buffers()[2], "S10", len(calendar)).take(days - first)
        texts["time"] = _clock_bytes().take(seconds)
        offsets = np.arange(0, 20 * len(days) + 1, 20, dtype=np.int32)
        made = pa.StringArray.from_buffers(len(days), pa.py_buffer(offsets), pa.py_buffer(texts), there)
        return made if there is not None or not column.null_count else _where(column, made)
    dates = _dates(days32.cast(pa.date32()))
    times = _clock().take(pa.array(seconds.astype(np.int32)))
    parts = _FRACTIONS.take(pa.array(fraction.astype(np.int32)))
    return _where(column, pc.binary_join_element_wise(dates, times, parts, "Z", ""))


def _printed_times(loops: ModuleType, millis: pa.Array) -> pa.Array | None:
    """The same by the compiled loop; None where a year has not four digits."""
    valid, data = millis.buffers()
    bitmap = valid if millis.null_count else None
    values = memoryview(data)[8 * millis.offset :]
    made = loops.print_times(values, len(millis), bitmap, millis.offset, pa.allocate_buffer)
    if made is None:
        return None
    if bitmap is not None and millis.offset:
        bitmap = millis.is_valid().buffers()[1]
    return pa.Array.from_buffers(pa.string(), len(millis), [bitmap, *made])


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


_FRACTIONS = pa.array(["", *(f".{ms:03}" for ms in range(1, 1000))], pa.string())


def scalar_texts(kind: pa.DataType) -> Callable[[pa.Array], pa.Array]:
    """What prints the values of a scalar type, without quotes and escapes."""
    types = pa.types
    if types.is_integer(kind) or types.is_decimal(kind):
        return _integers
    if types.is_floating(kind):
        return _doubles
    if types.is_date(kind):
        return _dates
    if types.is_timestamp(kind):
        return _date_times
    if types.is_null(kind):
        return _integers
    raise OutputError(f"Arrow type {kind} has no JSON form here. Convert the column in the mapping.")
