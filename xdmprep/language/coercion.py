"""Values to the type of their destination, as the platform converts them.

:func:`coerce_value` is the reference for one value.  :func:`coerce` does the same to a column: Arrow and numpy convert
what is clean, and the reference converts the rest once per distinct value, so that few bad values cost little and many
equal ones cost no more.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..core.arrow_types import TIMESTAMP, doubles, is_text, plain_column
from ..core.shred import to_pylist
from . import shapes
from .columns import (
    BOOL,
    DOUBLE,
    FINE,
    LONG,
    MOMENT,
    NUMERAL,
    TEXT,
    ZONED,
    Column,
    Ints,
    Mask,
    as_mask,
    marked,
    merged,
    nulls_of,
    numpy_of,
    plain,
)
from .java_time_format import automatic, read_date
from .kernels import dates, numbers, texts
from .kernels.table import print_moments
from .options import DEFAULT, Options
from .values import Failed, kind_of, number_in, text_of
from .zoned_datetime import Moment

TRUE = frozenset({"y", "yes", "Y", "YES", "on", "ON", "true", "TRUE"})
FALSE = frozenset({"n", "no", "N", "NO", "off", "OFF", "false", "FALSE"})


@lru_cache(maxsize=1)
def _words() -> tuple[pa.Array, pa.Array]:
    """The words of booleans and what they mean (not built on import: Arrow looks for pandas when it makes an array)."""
    return pa.array([*sorted(TRUE), *sorted(FALSE)]), pa.array([True] * len(TRUE) + [False] * len(FALSE))


def coerce(values: pa.Array, target: pa.DataType, options: Options = DEFAULT) -> tuple[pa.Array, Ints]:
    """`values` as an array of exactly `target`, and the 0-based positions of those that did not fit (now null).

    Args:
        values: what an expression or a source column gave.
        target: Arrow type of an XDM scalar; no value fits another type.
        options: the readings of open points.

    Returns:
        The array and the positions.
    """
    if values.type == target and _is_finite(values):
        return values, np.zeros(0, dtype=np.int64)
    kind = values.type
    if pa.types.is_null(kind):
        return pa.nulls(len(values), target), np.zeros(0, dtype=np.int64)
    if parts := shapes.alternatives(values):
        return _mixed(list(parts.values()), target, options)
    if pa.types.is_dictionary(kind) and not values.dictionary.null_count and len(values.dictionary) * 2 <= len(values):
        return _by_dictionary(values, target, options)
    if pa.types.is_uint64(kind) or (pa.types.is_decimal(kind) and (target == TEXT or pa.types.is_integer(target))):
        values = shapes.normal(values)
        kind = values.type
    if kind == NUMERAL:
        return _numerals(values, target, options)
    if kind == FINE and target == TEXT:
        return _by_value(values, target, options)
    if kind in (ZONED, FINE):
        return _zoned(values, target, options)
    if is_text(kind) and _is_date_or_time(target):
        return _times(plain(values).cast(TEXT), target, options)
    column = _converted(plain(values), target, options)
    if column is None:
        return _by_value(values, target, options)
    return _finished(plain(values), column, target, options)


def _numerals(values: pa.Array, target: pa.DataType, options: Options) -> tuple[pa.Array, Ints]:
    """Exact numbers: their digits, the nearest double, or an integer where there is no fraction."""
    digits = shapes.digits_of(values)
    if target == TEXT:
        return digits, np.zeros(0, dtype=np.int64)
    if target == DOUBLE:
        return _finished(digits, numbers.decimals(digits), target, options)
    if not pa.types.is_integer(target):
        return _one_by_one(shapes.to_python(values), target, options)
    return coerce(pc.replace_substring_regex(digits, r"\.0*$", ""), target, options)


def _zoned(values: pa.Array, target: pa.DataType, options: Options) -> tuple[pa.Array, Ints]:
    """Times in zones: as text with their offset, the day that it is there, or the moment."""
    if target == TEXT:
        column = print_moments(values)
    elif pa.types.is_date(target):
        column = Column(_from_moments(dates.local_of(values), target))
    else:
        return coerce(shapes.instant_of(values), target, options)
    return _finished(values, column, target, options)


def _mixed(parts: list[pa.Array], target: pa.DataType, options: Options) -> tuple[pa.Array, Ints]:
    """Each kind of values by itself; no two of them have a value in the same row."""
    found = [coerce(part, target, options) for part in parts]
    made = pc.coalesce(*(plain(array) for array, _ in found))
    return made, np.unique(np.concatenate([positions for _, positions in found]))


def _is_finite(values: pa.Array) -> bool:
    """Whether all doubles in `values`, at any depth, are numbers that JSON can hold."""
    kind = values.type
    if pa.types.is_floating(kind):
        return pc.all(pc.is_finite(values)).as_py() is not False
    if pa.types.is_list(kind):
        return _is_finite(values.flatten())
    if pa.types.is_map(kind):
        return _is_finite(values.items)
    if pa.types.is_struct(kind):
        return all(map(_is_finite, values.flatten()))
    return True


def _converted(values: pa.Array, target: pa.DataType, options: Options) -> Column | None:
    """The clean rows; None where there is no fast way for the pair of types."""
    kind = values.type
    if pa.types.is_nested(target):
        return None
    if pa.types.is_decimal(kind):
        return Column(doubles(values)) if target == DOUBLE else None
    if pa.types.is_timestamp(kind) and (pa.types.is_date(target) or target == TIMESTAMP):
        return Column(_from_times(values, target))
    source = shapes.normal_type(kind)
    if source is None:
        return None
    if source == TEXT:
        return _from_text(values.cast(TEXT), target, options)
    if pa.types.is_date(kind) and target == TEXT:
        return Column(values.cast(TEXT))
    if pa.types.is_date(kind) and (pa.types.is_date(target) or target == TIMESTAMP):
        return Column(_from_moments(shapes.normal(values), target))
    if source == LONG and pa.types.is_integer(target):
        return _fitted(shapes.normal(values), target)
    if source == LONG and target == DOUBLE:
        return numbers.doubles(Column(shapes.normal(values)))
    if source == DOUBLE and target == DOUBLE:
        wide = shapes.normal(values)
        return Column(wide, as_mask(pc.is_inf(wide)))
    if source == DOUBLE and pa.types.is_integer(target):
        whole = numbers.truncated(shapes.normal(values), fractions=False)
        fitted = _fitted(whole.values, target)
        return Column(fitted.values, merged(whole.open, fitted.open))
    if target == TEXT and source in (MOMENT, ZONED):
        return print_moments(shapes.normal(values))
    if target == TEXT and source in (LONG, BOOL, DOUBLE):
        found = texts.as_text(shapes.normal(values))
        return None if found is None else Column(found)
    if source == BOOL and target == BOOL:
        return Column(values)
    return None


def _from_text(values: pa.Array, target: pa.DataType, options: Options) -> Column | None:
    if target == TEXT:
        return Column(values)
    if pa.types.is_integer(target):
        whole = numbers.integers(values)
        fitted = _fitted(whole.values, target)
        return Column(fitted.values, merged(whole.open, fitted.open))
    if target == DOUBLE:
        return numbers.decimals(values)
    if target == BOOL:
        words, meanings = _words()
        found = pc.index_in(values, value_set=words)
        return Column(meanings.take(found), nulls_of(found) & ~nulls_of(values))
    return None


def _is_date_or_time(target: pa.DataType) -> bool:
    return bool(pa.types.is_date(target) or target == TIMESTAMP)


def _times(values: pa.Array, target: pa.DataType, options: Options) -> tuple[pa.Array, Ints]:
    """Dates or times of strings in one of the automatic formats."""
    column, failed, _ = dates.read(values, automatic(options), exact=False)
    moments, is_open = column.values, column.open
    # the day of a string with an offset is the one that is written
    moments = dates.local_of(moments) if pa.types.is_date(target) else shapes.instant_of(moments)
    column = Column(_from_moments(moments, target), None if is_open is None else is_open & ~failed)
    made, bad = _finished(values, column, target, options)
    return made, np.union1d(bad, np.flatnonzero(failed))


def _from_moments(moments: pa.Array, target: pa.DataType) -> pa.Array:
    """Days or milliseconds of moments, truncated."""
    unit = 86_400_000_000 if pa.types.is_date(target) else 1000
    units = np.floor_divide(numpy_of(moments), unit)
    mask = nulls_of(moments) if moments.null_count else None
    if pa.types.is_date(target):
        return pa.array(units.astype(np.int32), mask=mask).view(target)
    return pa.array(units, mask=mask).view(target)


def _from_times(times: pa.Array, target: pa.DataType) -> pa.Array:
    """Milliseconds of times, or the days that they are in their own zone; truncated."""
    if pa.types.is_date(target) and times.type.tz not in (None, "UTC"):
        times = pc.local_timestamp(times)
    millis = plain_column(times, exact=False)[0]
    return millis if target == TIMESTAMP else _from_moments(millis.cast(pa.timestamp("us", "UTC")), target)


def _fitted(values: pa.Array, target: pa.DataType) -> Column:
    """Integers in the width of `target`."""
    if target == LONG:
        return Column(values)
    bound = 1 << (target.bit_width - 1)
    span = pc.min_max(values)
    if (span["min"].as_py() or 0) >= -bound and (span["max"].as_py() or 0) < bound:
        return Column(values.cast(target))
    large = as_mask(pc.or_(pc.less(values, -bound), pc.greater_equal(values, bound)))
    return Column(pc.if_else(pa.array(large), None, values).cast(target), large)


def _finished(values: pa.Array, column: Column, target: pa.DataType, options: Options) -> tuple[pa.Array, Ints]:
    """`column` with its open rows evaluated from `values`."""
    is_open = column.open
    if is_open is None or not is_open.any():
        return column.values, np.zeros(0, dtype=np.int64)
    at = np.flatnonzero(is_open)
    found, bad = _by_value(values.take(pa.array(at)), target, options)
    return pc.replace_with_mask(column.values, pa.array(is_open), found), at[bad]


def _by_dictionary(values: pa.Array, target: pa.DataType, options: Options) -> tuple[pa.Array, Ints]:
    found, bad = coerce(values.dictionary, target, options)
    return _taken(values.indices, found, marked(len(found), bad))


def _by_value(values: pa.Array, target: pa.DataType, options: Options) -> tuple[pa.Array, Ints]:
    """Through the reference, once per distinct value unless values are nested."""
    if pa.types.is_nested(values.type):
        items = shapes.to_python(values) if values.type in (ZONED, FINE) else to_pylist(values)
        return _one_by_one(items, target, options)
    hopeless = _hopeless(plain(values), target, options)
    if hopeless is not None and hopeless.any():
        rest = np.flatnonzero(~hopeless)
        found, bad = (
            _by_value(values.take(pa.array(rest)), target, options) if len(rest) else (pa.nulls(0, target), rest)
        )
        failed = hopeless.copy()
        failed[rest[bad]] = True
        places = np.zeros(len(values), dtype=np.int64)
        places[rest] = np.arange(len(rest))
        return found.take(pa.array(places, mask=hopeless)), np.flatnonzero(failed)
    encoded = plain(values).dictionary_encode()
    words = encoded.dictionary
    found, bad = _one_by_one(words.to_pylist(), target, options)
    return _taken(encoded.indices, found, marked(len(words), bad))


_WHOLE = r"^[+-]?[0-9]+\z"
_DECIMAL = r"^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\z"


def _hopeless(values: pa.Array, target: pa.DataType, options: Options) -> Mask | None:
    """Values of which their form tells that the reference refuses them; None where only it can tell."""
    kind = values.type
    if is_text(kind) and (pa.types.is_integer(target) or target == DOUBLE):
        fits = pc.match_substring_regex(values.cast(TEXT), _DECIMAL if target == DOUBLE else _WHOLE)
        return as_mask(pc.invert(fits))
    if is_text(kind) and target == BOOL and options.booleans == "documented":
        known = pc.is_in(values.cast(TEXT), value_set=pa.array([*TRUE, *FALSE], TEXT))
        return as_mask(pc.invert(known)) & ~nulls_of(values)
    if pa.types.is_floating(kind) and pa.types.is_integer(target):
        exact = values.cast(DOUBLE).fill_null(0).to_numpy(zero_copy_only=False)
        return np.asarray(np.isfinite(exact) & (exact != np.floor(exact)))
    return None


def _taken(indices: pa.Array, found: pa.Array, failed: Mask) -> tuple[pa.Array, Ints]:
    values = found.take(indices)
    if not failed.any():
        return values, np.zeros(0, dtype=np.int64)
    rows = indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return values, np.flatnonzero((rows >= 0) & failed[rows])


def _one_by_one(items: list[Any], target: pa.DataType, options: Options) -> tuple[pa.Array, Ints]:
    out: list[Any] = []
    bad: list[int] = []
    for i, item in enumerate(items):
        try:
            out.append(_part(item, target, options))
        except (Failed, OverflowError):
            out.append(None)
            bad.append(i)
    return pa.array(out, target), np.asarray(bad, dtype=np.int64)


def coerce_value(value: Any, target: pa.DataType, options: Options = DEFAULT) -> Any:
    """One value as `target` holds it: a str, int, date, dict... Raises Failed: it does not fit."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, Decimal):
        value = format(value, "f") if pa.types.is_string(target) else _number_of(value)
    make = _maker(target)
    if make is None:
        raise Failed(f"{kind_of(value)} does not fit {target}")
    return make(value, target, options)


def _number_of(value: Decimal) -> int | float:
    """An integer, or the nearest double of one with a fraction."""
    return int(value) if value == value.to_integral_value() else float(value)


def _text(value: Any, target: pa.DataType, options: Options) -> str:
    if isinstance(value, list | dict):
        raise Failed(f"{kind_of(value)} cannot become a string")
    if isinstance(value, datetime):
        return str(Moment.of(value))
    return value.isoformat() if isinstance(value, date) else text_of(value)


def _integer(value: Any, target: pa.DataType, options: Options) -> int:
    found: Any = value
    if isinstance(value, str):
        found = number_in(value)
        if isinstance(found, float):
            found = None
    elif isinstance(value, float) and value.is_integer():
        found = int(value)
    if isinstance(found, bool) or not isinstance(found, int):
        raise Failed(f"{text_of(value)[:80]!r} is not a whole number")
    bits = target.bit_width - 1
    if not -(1 << bits) <= found < 1 << bits:
        raise Failed(f"{found} does not fit in {target.bit_width} bits")
    return found


def _double(value: Any, target: pa.DataType, options: Options) -> float:
    found = number_in(value) if isinstance(value, str) else value
    if isinstance(found, bool) or not isinstance(found, int | float) or not math.isfinite(found):
        raise Failed(f"{text_of(value)[:80]!r} is not a number")
    return float(value if isinstance(value, str) else found)


def _boolean(value: Any, target: pa.DataType, options: Options) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        if value in TRUE or value in FALSE:
            return value in TRUE
        if options.booleans == "lenient":
            lower = value.lower()
            if lower in TRUE or lower in ("1", "t"):
                return True
            if lower in FALSE or lower in ("0", "f"):
                return False
    raise Failed(f"{text_of(value)[:80]!r} is not a boolean")


def _moment(value: Any, options: Options) -> Moment:
    if isinstance(value, Moment):
        return value
    if isinstance(value, date):
        return Moment.of(value)
    if isinstance(value, str):
        return read_date(value, options)
    raise Failed(f"{kind_of(value)} is no date")


def _date(value: Any, target: pa.DataType, options: Options) -> date:
    return _moment(value, options).at.date()


def _time(value: Any, target: pa.DataType, options: Options) -> datetime:
    try:
        at = _moment(value, options).at.astimezone(UTC)
    except OverflowError:
        raise Failed("in UTC the time lies outside the years 1 to 9999") from None
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def _part(value: Any, target: pa.DataType, options: Options) -> Any:
    """One value as Arrow takes it: datetimes as milliseconds, as Arrow cuts them toward 1970."""
    found = coerce_value(value, target, options)
    return Moment.of(found).millis if target == TIMESTAMP and found is not None else found


_REFERENCE: tuple[tuple[Callable[[pa.DataType], bool], Callable[[Any, pa.DataType, Options], Any]], ...] = (
    (pa.types.is_string, _text),
    (pa.types.is_integer, _integer),
    (pa.types.is_floating, _double),
    (pa.types.is_boolean, _boolean),
    (pa.types.is_date, _date),
    (pa.types.is_timestamp, _time),
)


@lru_cache(maxsize=256)
def _maker(target: pa.DataType) -> Callable[[Any, pa.DataType, Options], Any] | None:
    return next((make for fits, make in _REFERENCE if fits(target)), None)
