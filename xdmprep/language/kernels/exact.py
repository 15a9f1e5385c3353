"""Exact numbers: arithmetic and comparisons of decimals with all their digits, and what other numbers they meet.

Sums, products and comparisons are those of Arrow's decimals, cut to the digits that each row has; quotients are
those of Python's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...core.arrow_types import decimal_texts
from ...kernels.arrays import offsets_of, ranges
from ..columns import (
    LONG,
    NUMERAL,
    TEXT,
    Column,
    Ints,
    Mask,
    as_mask,
    because,
    bytes_of,
    first_reasons,
    merged,
    nulls_of,
    numpy_of,
    plain,
    reported,
    some,
)
from ..shapes import digits_of, numerals, only_where
from ..values import DECIMAL, QUOTIENT_DIGITS, WIDE, quotients
from . import texts
from .table import Constants, Rows, kind, need

#: Longer numbers are left to the interpreter.
_LONGEST = 100
#: Digits of Arrow's decimals whose products Arrow has, and behind the point.
_DIGITS, _SCALE = 37, 18
_ARROW: dict[str, Callable[..., pa.Array]] = {"+": pc.add, "-": pc.subtract, "*": pc.multiply}


@dataclass(frozen=True, slots=True)
class _Numbers:
    """Numbers of a column; 0 where it is null or open.

    Attributes:
        words: what spells the number of each row.
        whole: where the number is an integer; null is one.
        exact: where it is a decimal.
        sizes: the length of what spells it.
        null: where the column is null.
        fault: open where the column has no number that is plainly written, and why.
    """

    words: pa.Array
    whole: Mask
    exact: Mask
    sizes: Ints
    null: Mask
    fault: Column


_PLAIN = rf"^[+-]?[0-9]{{1,{_LONGEST}}}(\.[0-9]{{1,{_LONGEST}}})?\z"


def _operand(rows: Rows, column: Column) -> _Numbers:
    """Integers, doubles, decimals, and strings that spell numbers; other columns are left to the interpreter."""
    name = kind(column)
    need(name in ("null", "long", "bool", "double", "numeral", "text"))
    if isinstance(column, Constants) and rows.n > 1:
        one = _operand(Rows(1, rows.context), Column(column.values.slice(0, 1)))
        need(one.fault.open is None)
        whole, exact, sizes, null = (np.repeat(each, rows.n) for each in (one.whole, one.exact, one.sizes, one.null))
        return _Numbers(pa.repeat(one.words[0], rows.n), whole, exact, sizes, null, one.fault)
    values = plain(column.values)
    if name == "numeral":
        words = digits_of(values)
    elif name == "double":
        words = texts.as_text(values)
    else:
        words = values if name == "text" else values.cast(LONG).cast(TEXT)
    null = nulls_of(words)
    sizes = numpy_of(pc.binary_length(words))
    odd = sizes > _LONGEST
    if name == "text":
        odd |= as_mask(pc.invert(pc.match_substring_regex(words, _PLAIN)))
    elif name == "double":  # as in the place of a quotient that there is none of
        odd |= ~null & ~np.isfinite(numpy_of(values))
    fault = Column(None, some(odd))
    if name == "text":
        fault = reported(words, rows.opened(fault), (DECIMAL, "is not a number"))
    if odd.any():
        words = pc.if_else(pa.array(odd), None, words)
    if name == "double":  # one with an exponent is as good as one with many digits
        sizes = np.where(as_mask(pc.match_substring(words, "e")), _LONGEST, sizes)
    whole = null | ~as_mask(pc.match_substring(words, ".")) & (name != "double")
    return _Numbers(words.fill_null("0"), whole, ~whole & (name == "numeral"), sizes, null, fault)


def _aligned(sides: Sequence[_Numbers]) -> tuple[list[pa.Array], list[Ints], Mask | None]:
    """Numbers as Arrow's decimals of one scale, the digits of each behind the point, and rows that are too long."""
    scales, odd = [], np.zeros(len(sides[0].words), dtype=bool)
    for side in sides:
        sizes, point = (numpy_of(each) for each in (pc.binary_length(side.words), pc.find_substring(side.words, ".")))
        scales.append(np.where(point < 0, 0, sizes - point - 1))
        odd |= scales[-1] > _SCALE
    scale = max(int(each[~odd].max(initial=0)) for each in scales)
    for side, each in zip(sides, scales, strict=True):
        odd |= side.sizes - each > _DIGITS - scale
    words = [pc.if_else(pa.array(odd), "0", side.words) if odd.any() else side.words for side in sides]
    decimals = [each.cast(pa.decimal256(_DIGITS, scale)) for each in words]
    return decimals, [np.where(odd, 0, each) for each in scales], some(odd)


def as_long(column: Column) -> Column:
    """Exact numbers that are all integers of 64 bits as such, as in columns of ``NUMBER(38,0)``; others as they are."""
    if kind(column) != "numeral" or isinstance(column, Constants) or not len(column.values):
        return column
    digits = digits_of(column.values)
    if (pc.max(pc.binary_length(digits)).as_py() or 0) > 18 or pc.any(pc.match_substring(digits, ".")).as_py():
        return column
    return Column(digits.cast(LONG), column.open)


def calculated(rows: Rows, left: Column, right: Column, operator: str) -> Column:
    """``+``, ``-``, ``*``, ``/`` or ``%`` of numbers of which one side is exact; null is 0.

    Args:
        rows: of the batch.
        left: the first operands.
        right: the second operands.
        operator: the sign.

    Returns:
        Exact numbers; open where a row is left to the interpreter, or fails.
    """
    if not rows.n:
        return Column(pa.nulls(0, NUMERAL))
    a, b = _operand(rows, left), _operand(rows, right)
    whole = a.whole & b.whole
    inexact = some(~whole & ~a.exact & ~b.exact)  # the reference would not take decimals
    if operator in _ARROW:
        decimals, scales, long = _aligned([a, b])
        made = Column(None, merged(inexact, long))
        found = _ARROW[operator](*decimals)
        digits = np.add(*scales) if operator == "*" else np.maximum(*scales)
        words = _without_ends(
            decimal_texts(found), found.type.scale - digits + ((digits == 0) & (found.type.scale > 0))
        )
    else:
        words, made = _divided(a, b, whole, inexact, operator)
    if pc.any(pc.starts_with(words, "-0")).as_py():  # zero has no sign
        words = pc.replace_substring_regex(words, r"^-([0.]+)$", r"\1")
    bare = ~whole & ~as_mask(pc.match_substring(words, "."))
    if bare.any():
        words = pc.if_else(pa.array(bare), pc.binary_join_element_wise(words, ".0", ""), words)
    faults = [a.fault, b.fault, made]
    if rows.options.null_operand == "error":
        faults = [
            because(Column(None, merged(side.fault.open, some(side.null)), side.fault.why), (side.null, _NULL))
            for side in (a, b)
        ] + [made]
    return Column(numerals(words), merged(*[each.open for each in faults]), first_reasons(faults, rows.n))


_NULL = "an operand is null"


def _without_ends(words: pa.Array, counts: Ints) -> pa.Array:
    """ASCII strings without some of their last characters."""
    if not counts.any():
        return words
    offsets, data = bytes_of(words)
    sizes = np.diff(offsets) - counts
    return texts.made_of(offsets_of(sizes), data[ranges(offsets[:-1], sizes)], None)


def _divided(a: _Numbers, b: _Numbers, whole: Mask, inexact: Mask | None, operator: str) -> tuple[pa.Array, Column]:
    """``/`` or ``%``: what spells the results, and a column that is open where there is none."""
    dividends, divisors = (list(map(Decimal, side.words.to_pylist())) for side in (a, b))
    nought = np.array([not number for number in divisors], dtype=bool)
    made = because(Column(None, merged(inexact, some(nought))), (nought, "division by zero"))
    divisors = [number or Decimal(1) for number in divisors]
    if operator == "/":  # the digits of a quotient depend on those of its operands
        long = some((a.sizes > QUOTIENT_DIGITS) | (b.sizes > QUOTIENT_DIGITS))
        made = Column(None, merged(made.open, long), made.why)
        found = list(map(quotients(QUOTIENT_DIGITS).divide, dividends, divisors))
        for i in np.flatnonzero(whole).tolist():
            found[i] = WIDE.divide_int(dividends[i], divisors[i])
    else:
        found = list(map(WIDE.remainder, dividends, divisors))
    # format takes twice the time of str
    return pa.array([format(each, "f") if "E" in (text := str(each)) else text for each in found], TEXT), made


def ordered(rows: Rows, columns: Sequence[Column]) -> list[Column]:
    """Integers, doubles, decimals, booleans and strings as numbers that can be compared row by row.

    Args:
        rows: of the batch.
        columns: of which one is exact.

    Returns:
        Decimals of one scale, open where a column has no number, or the row is left to the interpreter.
    """
    sides = [_operand(rows, column) for column in columns]
    # Without a decimal, doubles and fractions in strings have 53 bits: enough for 15 digits.
    rounded = np.logical_or.reduce([~side.whole & ~side.exact for side in sides])
    rounded &= ~np.logical_or.reduce([side.exact for side in sides])
    sizes = [side.sizes for side, column in zip(sides, columns, strict=True) if kind(column) != "double"]
    odd = rounded & (np.maximum.reduce(sizes) > 15)
    decimals, _, long = _aligned(sides)
    odd = merged(some(odd), long)
    return [
        Column(only_where(values, ~side.null), merged(side.fault.open, odd), side.fault.why)
        for values, side in zip(decimals, sides, strict=True)
    ]


def same(left: pa.Array, right: pa.Array) -> Mask:
    """Where integers and exact numbers without nulls are equal."""
    sides = (values if pa.types.is_integer(values.type) else digits_of(values) for values in (left, right))
    one, two = (map(Decimal, side.to_pylist()) for side in sides)
    return np.fromiter(map(Decimal.__eq__, one, two), bool, len(left))


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
    large = _ARROW[operator](*(pa.array(each[rows]).cast(pa.decimal256(19, 0)) for each in (x, y)))
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
