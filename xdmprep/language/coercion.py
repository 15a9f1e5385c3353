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

from ..core.arrow_types import TIMESTAMP, doubles
from . import shapes
from .columns import (
    BOOL,
    DOUBLE,
    FINE,
    LONG,
    NUMERAL,
    TEXT,
    ZONED,
    Column,
    Ints,
    Mask,
    as_mask,
    each_distinct,
    marked,
    merged,
    nulls_of,
    numpy_of,
    plain,
    some,
    source_column,
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
    if parts := shapes.alternatives(values):
        return _mixed(list(parts.values()), target, options)
    if pa.types.is_dictionary(kind) and len(values.dictionary) * 2 <= len(values):
        found, bad = coerce(values.dictionary, target, options)
        codes = values.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        rows = np.flatnonzero((codes >= 0) & marked(len(found), bad)[codes]) if len(bad) else bad
        return found.take(values.indices), rows
    column = _converted(plain(values), target, options)
    return column.values, np.flatnonzero(marked(len(values), column.open))


def _mixed(parts: list[pa.Array], target: pa.DataType, options: Options) -> tuple[pa.Array, Ints]:
    """Each kind of values by itself; no two of them have a value in the same row."""
    found = [coerce(part, target, options) for part in parts]
    made = pc.coalesce(*(plain(array) for array, _ in found))
    return made, np.unique(np.concatenate([positions for _, positions in found]))


def _is_finite(values: pa.Array) -> bool:
    """Whether all doubles among `values` are numbers that JSON can hold."""
    return not pa.types.is_floating(values.type) or pc.all(pc.is_finite(values)).as_py() is not False


def _converted(values: pa.Array, target: pa.DataType, options: Options) -> Column:
    """`values` as `target`, open where they do not fit."""
    kind = values.type
    if pa.types.is_decimal(kind) and target == DOUBLE:
        return Column(doubles(values))
    if pa.types.is_date(kind) and target == TEXT:
        return Column(values.cast(TEXT))
    is_scalar = not pa.types.is_nested(kind) or kind in (NUMERAL, ZONED, FINE)
    if is_scalar and not pa.types.is_nested(target) and shapes.normal_type(kind) is not None:
        values = plain(shapes.normal(source_column(values) if pa.types.is_timestamp(kind) else values))
        made = _of_kind(shapes.type_kind(values.type), values, target, options)
        if made is not None:
            return made
    return Column(pa.nulls(len(values), target), ~nulls_of(values))


def _of_kind(name: str, values: pa.Array, target: pa.DataType, options: Options) -> Column | None:
    """The same of values of a kind of the language; None where no value of that kind fits."""
    if name == "text":
        return _from_text(values, target, options)
    if name == "numeral" and (target in (TEXT, DOUBLE) or pa.types.is_integer(target)):
        digits = shapes.digits_of(values)
        whole = pc.replace_substring_regex(digits, r"\.0*$", "") if pa.types.is_integer(target) else digits
        return _from_text(whole, target, options)
    if name in ("moment", "zoned", "fine") and _is_date_or_time(target):
        return Column(_from_moments(values, target))
    if name == "fine" and target == TEXT:
        return Column(pa.array([None if at is None else str(at) for at in shapes.to_python(values)], TEXT))
    if name in ("moment", "zoned") and target == TEXT:
        return print_moments(values)
    if name in ("long", "double", "bool") and target == TEXT:
        return Column(texts.as_text(values))
    if name == "long" and pa.types.is_integer(target):
        return _fitted(Column(values), target)
    if name == "long" and target == DOUBLE:
        return Column(values.cast(DOUBLE, safe=False))
    if name == "double" and pa.types.is_integer(target):
        return _fitted(numbers.truncated(values, fractions=False), target)
    if name == "double" and target == DOUBLE:
        infinite = as_mask(pc.is_inf(values))
        return Column(pc.if_else(pa.array(infinite), None, values) if infinite.any() else values, some(infinite))
    return Column(values) if values.type == target else None


def _from_text(values: pa.Array, target: pa.DataType, options: Options) -> Column:
    """Strings as `target`: what is not plainly written is read by the reference, once per distinct string."""
    if target == TEXT:
        return Column(values)
    if pa.types.is_integer(target):
        column = _fitted(numbers.integers(values), target)
        fails = _unlike(_WHOLE, values, column.open)
    elif target == DOUBLE:
        column = numbers.decimals(values)
        fails = _unlike(_DECIMAL, values, column.open)
    elif target == BOOL:
        words, meanings = _words()
        found = pc.index_in(values, value_set=words)
        column = Column(meanings.take(found), nulls_of(found) & ~nulls_of(values))
        fails = nulls_of(found) & (options.booleans == "documented")
    else:
        read, fails, _ = dates.read(values, automatic(options), exact=False)
        column = Column(_from_moments(read.values, target), read.open)
    unknown = marked(len(values), column.open) & ~fails
    if not unknown.any():
        return column
    known, which = each_distinct(values.filter(pa.array(unknown)), lambda value: _part(value, target, options))
    made = pc.replace_with_mask(column.values, pa.array(unknown), pa.array(known, target).take(pa.array(which)))
    return Column(made, marked(len(values), column.open) & nulls_of(made))


_WHOLE = r"^[+-]?[0-9]+\z"
_DECIMAL = r"^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\z"


def _unlike(form: str, values: pa.Array, is_open: Mask | None) -> Mask:
    """The open strings that do not have a form."""
    found = marked(len(values), is_open)
    if is_open is not None:
        found[is_open] = ~as_mask(pc.match_substring_regex(values.filter(pa.array(is_open)), form))
    return found


def _is_date_or_time(target: pa.DataType) -> bool:
    return bool(pa.types.is_date(target) or target == TIMESTAMP)


def _from_moments(moments: pa.Array, target: pa.DataType) -> pa.Array:
    """Days, those that are written beside an offset, or milliseconds of moments, truncated."""
    to_date = pa.types.is_date(target)
    moments = dates.local_of(moments) if to_date else shapes.instant_of(moments)
    units = np.floor_divide(numpy_of(moments), 86_400_000_000 if to_date else 1000)
    mask = nulls_of(moments) if moments.null_count else None
    return pa.array(units.astype(np.int32) if to_date else units, mask=mask).view(target)


def _fitted(whole: Column, target: pa.DataType) -> Column:
    """Integers in the width of `target`; open where they do not fit."""
    values = whole.values
    if target == LONG:
        return whole
    bound = 1 << (target.bit_width - 1)
    span = pc.min_max(values)
    if (span["min"].as_py() or 0) >= -bound and (span["max"].as_py() or 0) < bound:
        return Column(values.cast(target), whole.open)
    large = as_mask(pc.or_(pc.less(values, -bound), pc.greater_equal(values, bound)))
    return Column(pc.if_else(pa.array(large), None, values).cast(target), merged(whole.open, large))


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
    try:
        found = coerce_value(value, target, options)
    except OverflowError as error:
        raise Failed(str(error)) from None
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
