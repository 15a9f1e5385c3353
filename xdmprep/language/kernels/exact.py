"""Exact numbers: sums, products and comparisons of decimals with all their digits.

Digits as text become Arrow's decimals of 256 bits for the work, and text again.  What does not fit them, and division,
is left to the interpreter.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...core.arrow_types import decimal_texts
from ..columns import NUMERAL, Column, Ints, Mask, nulls_of, some
from ..shapes import digits_of, numerals
from ..values import exact as decimal_of
from .table import Constants, Rows, kind, need

_MOST_DIGITS = 76
_WORK: dict[str, Callable[..., pa.Array]] = {"+": pc.add, "-": pc.subtract, "*": pc.multiply}


class _Digits:
    """A column as strings of digits: how many there are before and behind the point, at most."""

    def __init__(self, texts: pa.Array) -> None:
        self.texts = texts
        points = pc.find_substring(texts, ".")
        sizes = pc.binary_length(texts)
        behind = pc.if_else(pc.less(points, 0), 0, pc.subtract(pc.subtract(sizes, points), 1))
        span = pc.min_max(behind)
        #: Digits behind the point, and whether all strings have as many.
        self.scale: int = span["max"].as_py() or 0
        self.uniform: bool = span["max"].as_py() == span["min"].as_py()
        self.whole: int = pc.max(pc.if_else(pc.less(points, 0), sizes, points)).as_py() or 1

    def as_decimals(self, scale: int) -> pa.Array:
        """The numbers, with as many digits behind the point."""
        return self.texts.cast(pa.decimal256(min(self.whole + scale, _MOST_DIGITS), scale))


def _digits(column: Column) -> _Digits:
    """The digits of exact numbers, integers, and constants; other columns are left to the interpreter."""
    if isinstance(column, Constants):
        value: Any = column.value
        need(isinstance(value, int | float | Decimal) and not isinstance(value, bool))
        text = format(decimal_of(value), "f")
        need(len(text) <= _MOST_DIGITS // 2)
        return _Digits(pa.repeat(pa.scalar(text), column.n))
    need(kind(column) in ("numeral", "long"))
    return _Digits(digits_of(column.values) if column.values.type == NUMERAL else column.values.cast(pa.string()))


def calculated(rows: Rows, left: Column, right: Column, operator: str) -> Column:
    """Sums, differences and products of exact numbers.

    Args:
        rows: of the batch.
        left: integers or exact numbers.
        right: integers or exact numbers.
        operator: ``+``, ``-`` or ``*``; of others all rows are left open.

    Returns:
        Exact numbers, with the digits of the operands' scales.
    """
    if not rows.n:
        return Column(pa.nulls(0, NUMERAL))
    if operator not in _WORK or "null" in (kind(left), kind(right)):
        return Column(pa.nulls(rows.n, NUMERAL), np.ones(rows.n, dtype=bool))
    a, b = _digits(left), _digits(right)
    scales = (a.scale, b.scale) if operator == "*" else (max(a.scale, b.scale),) * 2
    need(a.uniform and b.uniform)
    need((a.whole + b.whole if operator == "*" else max(a.whole, b.whole)) + sum(scales) < _MOST_DIGITS - 1)
    odd = some(nulls_of(left.values) | nulls_of(right.values))
    made = _WORK[operator](a.as_decimals(scales[0]), b.as_decimals(scales[1]))
    return Column(numerals(decimal_texts(made)), odd)


def beyond_64_bits(operator: str, x: Ints, y: Ints, values: Ints, rows: Mask) -> pa.Array:
    """Sums, differences and products of integers, of which some may need more than 64 bits.

    Args:
        operator: ``+``, ``-`` or ``*``.
        x: the first operands.
        y: the second operands.
        values: the results where they fit.
        rows: where it is not known that they fit.

    Returns:
        Integers, or exact numbers where some are larger.
    """
    large = _WORK[operator](*(pa.array(each[rows]).cast(pa.decimal256(19, 0)) for each in (x, y)))
    mask, digits = pa.array(rows), decimal_texts(large)
    try:
        return pc.replace_with_mask(pa.array(values), mask, digits.cast(pa.int64()))
    except pa.ArrowInvalid:
        return numerals(pc.replace_with_mask(pa.array(values).cast(pa.string()), mask, digits))


def negated(values: pa.Array) -> pa.Array:
    """Exact numbers with the other sign; zero has none."""
    digits = digits_of(values)
    without = pc.replace_substring_regex(digits, "^-", "")
    other = pc.if_else(pc.starts_with(digits, "-"), without, pc.binary_join_element_wise("-", digits, ""))
    return numerals(pc.if_else(pc.match_substring_regex(digits, "[1-9]"), other, without))


def aligned(left: Column, right: Column) -> tuple[pa.Array, pa.Array]:
    """Integers and exact numbers as decimals of one scale, which Arrow compares."""
    a, b = _digits(left), _digits(right)
    scale = max(a.scale, b.scale)
    need(max(a.whole, b.whole) + scale <= _MOST_DIGITS)
    return a.as_decimals(scale), b.as_decimals(scale)
