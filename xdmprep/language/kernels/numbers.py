"""Text to number, arithmetic and order of numbers, over whole columns."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ... import kernels
from ...regex import compile_ecma
from ...regex.dfa import automaton
from ..columns import (
    DOUBLE,
    EXACT,
    LONG,
    Column,
    Ints,
    Mask,
    as_mask,
    bytes_of,
    marked,
    merged,
    nulls_of,
    numpy_of,
    some,
    used_bytes,
    without,
)  # fmt: skip

_INTEGER = r"^-?[0-9]{1,18}$"
_NUMBER = r"^-?[0-9]{1,15}(\.[0-9]{1,15})?$"
_LONGEST = 300  # digits whose number any double can hold


def integers(text: pa.Array) -> Column:
    """Whole numbers from text; open where the string is not a plain one of at most 18 digits."""
    return _parsed(text, LONG, _INTEGER, _LONGEST)


def decimals(text: pa.Array) -> Column:
    """Doubles from text; open where the string is not plain digits with at most one point."""
    return _parsed(text, DOUBLE, _NUMBER, _LONGEST)


def comparable(text: pa.Array) -> Column:
    """Doubles from text that hold the number exactly as far as comparing needs; others are open."""
    return _parsed(text, DOUBLE, _NUMBER, 15)


def _parsed(text: pa.Array, target: pa.DataType, pattern: str, longest: int) -> Column:
    if text.null_count == len(text):
        return Column(text.cast(target))
    if _is_plain(text, longest):
        try:
            return Column(text.cast(target))
        except pa.ArrowInvalid:
            pass
    machine = automaton(compile_ecma(pattern).tree)
    assert machine is not None  # noqa: S101  (both patterns are small)
    odd = kernels.active.not_accepted(text, machine)
    if odd is None:
        return Column(text.cast(target))
    return Column(without(text, odd).cast(target), marked(len(text), odd))


def _is_plain(text: pa.Array, longest: int) -> bool:
    """Whether no string is longer than `longest` and all are of digits, ``-``, ``.`` and ``/``.

    Of such strings Arrow reads exactly those as numbers that the language reads, and to the same number.
    """
    data = used_bytes(text)
    if not len(data):
        return False
    return int((data - np.uint8(45)).max()) <= 12 and int(np.diff(bytes_of(text)[0]).max()) <= longest


def doubles(column: Column) -> Column:
    """An integer column as doubles; open where that is not exact."""
    values = column.values
    if values.type == DOUBLE:
        return column
    span = pc.min_max(values)
    if (span["min"].as_py() or 0) >= -EXACT and (span["max"].as_py() or 0) <= EXACT:
        return Column(values.cast(DOUBLE), column.open)
    large = as_mask(pc.or_(pc.less(values, -EXACT), pc.greater(values, EXACT)))
    return Column(values.cast(DOUBLE, safe=False), merged(column.open, large))


def truncated(values: pa.Array, fractions: bool) -> Column:
    """Doubles as integers of 64 bits; open where they do not fit, and where one has a fraction unless `fractions`."""
    given, absent = numpy_of(values), nulls_of(values)
    whole = np.trunc(given)
    odd = ~(np.abs(given) < 2.0**63) | ((whole != given) & (not fractions))
    return Column(pa.array(np.where(odd, 0, whole).astype(np.int64), mask=absent | odd), some(odd & ~absent))


def whole(operator: str, x: Ints, y: Ints) -> tuple[Ints, Mask]:
    if operator in "/%":
        least = np.iinfo(np.int64).min
        odd = (y == 0) | (x == least) | (y == least)
        divisor, dividend = np.where(odd, 1, y), np.where(odd, 0, x)
        quotient = np.abs(dividend) // np.abs(divisor) * np.sign(dividend) * np.sign(divisor)
        return (quotient if operator == "/" else dividend - quotient * divisor), odd
    near = {"+": np.add, "-": np.subtract, "*": np.multiply}[operator]
    about = near(x.astype(np.float64), y.astype(np.float64))
    return near(x, y), np.abs(about) > 2.0**62
