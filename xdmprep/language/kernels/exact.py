"""Exact numbers: arithmetic and comparisons of decimals with all their digits, and what other numbers they meet.

Arrow's decimals have one scale and up to 76 digits, so each row is worked out with Python's, all at once.
"""

from __future__ import annotations

import operator as python
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...core.arrow_types import decimal_texts
from ..columns import (
    LONG,
    NUMERAL,
    TEXT,
    Column,
    Ints,
    Mask,
    as_mask,
    because,
    first_reasons,
    merged,
    nulls_of,
    numpy_of,
    plain,
    reported,
    some,
)
from ..shapes import digits_of, numerals
from ..values import DECIMAL, QUOTIENT_DIGITS, WIDE, quotients
from . import texts
from .table import Constants, Rows, kind, need

#: Longer numbers are left to the interpreter.
_LONGEST = 100
_WORK: dict[str, Callable[[Decimal, Decimal], Decimal]] = {
    "+": WIDE.add, "-": WIDE.subtract, "*": WIDE.multiply, "/": quotients(QUOTIENT_DIGITS).divide, "%": WIDE.remainder,
}  # fmt: skip
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "==": python.eq, "!=": python.ne, "<": python.lt, "<=": python.le, ">": python.gt, ">=": python.ge,
}  # fmt: skip
_ARROW: dict[str, Callable[..., pa.Array]] = {"+": pc.add, "-": pc.subtract, "*": pc.multiply}


@dataclass(frozen=True, slots=True)
class _Numbers:
    """Numbers of a column; 0 where it is null or open.

    Attributes:
        numbers: one for each row.
        whole: where the number is an integer; null is one.
        exact: where it is a decimal.
        sizes: the length of what spells it.
        null: where the column is null.
        fault: open where the column has no number that is plainly written, and why.
    """

    numbers: list[Decimal]
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
        return _Numbers(one.numbers * rows.n, whole, exact, sizes, null, one.fault)
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
    fault = Column(None, some(odd))
    if name == "text":
        fault = reported(words, rows.opened(fault), (DECIMAL, "is not a number"))
    if odd.any():
        words = pc.if_else(pa.array(odd), None, words)
    whole = null | ~as_mask(pc.match_substring(words, ".")) & (name != "double")
    numbers = list(map(Decimal, words.fill_null("0").to_pylist()))
    return _Numbers(numbers, whole, ~whole & (name == "numeral"), sizes, null, fault)


def as_long(column: Column) -> Column:
    """Exact numbers that are all integers of 64 bits as such, as in columns of ``NUMBER(38,0)``; others as they are."""
    if kind(column) != "numeral" or isinstance(column, Constants) or not len(column.values):
        return column
    digits = digits_of(column.values)
    if (pc.max(pc.binary_length(digits)).as_py() or 0) > 18 or pc.any(pc.match_substring(digits, ".")).as_py():
        return column
    return Column(digits.cast(LONG), column.open)


def _operands(rows: Rows, left: Column, right: Column) -> tuple[_Numbers, _Numbers, Mask, Mask | None]:
    """Two operands; where both are integers, and where the reference would not take decimals."""
    a, b = _operand(rows, left), _operand(rows, right)
    whole = a.whole & b.whole
    return a, b, whole, some(~whole & ~a.exact & ~b.exact)


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
    a, b, whole, inexact = _operands(rows, left, right)
    divisors = b.numbers
    made = Column(None, inexact)
    if operator in "/%":
        nought = np.array([not number for number in divisors], dtype=bool)
        made = because(Column(None, merged(inexact, some(nought))), (nought, "division by zero"))
        if operator == "/":  # the digits of a quotient depend on those of its operands
            long = some((a.sizes > QUOTIENT_DIGITS) | (b.sizes > QUOTIENT_DIGITS))
            made = Column(None, merged(made.open, long), made.why)
        divisors = [number or Decimal(1) for number in divisors]
    found = list(map(_WORK[operator], a.numbers, divisors))
    if operator == "/":
        for i in np.flatnonzero(whole).tolist():
            found[i] = WIDE.divide_int(a.numbers[i], divisors[i])
    # format takes twice the time of str
    spelled = [format(each, "f") if "E" in (text := str(each)) else text for each in found]
    words = pa.array(spelled, TEXT)
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


def compared(rows: Rows, left: Column, right: Column, sign: str) -> tuple[pa.Array, list[Column]]:
    """``==``, ``<``... of numbers of which one side is exact.

    Args:
        rows: of the batch.
        left: the first operands.
        right: the second operands.
        sign: the operator.

    Returns:
        Where it holds, and of each side a column that is open where it has no number.
    """
    a, b, _, inexact = _operands(rows, left, right)
    held = np.fromiter(map(_ORDER[sign], a.numbers, b.numbers), bool, rows.n)
    one, both = a.null | b.null, a.null & b.null
    held = np.where(one, both if sign in ("==", "<=", ">=") else ~both & (sign == "!="), held)
    return pa.array(held), [a.fault, b.fault, Column(None, None if inexact is None else some(inexact & ~one))]


def ordered(rows: Rows, columns: Sequence[Column]) -> list[Column]:
    """Integers, doubles, decimals, booleans and strings as numbers that can be compared row by row.

    Args:
        rows: of the batch.
        columns: of which one is exact.

    Returns:
        Python's decimals of each column, open where it has no number, or the row is left to the interpreter.
    """
    sides = [_operand(rows, column) for column in columns]
    # Without a decimal, doubles and fractions in strings have 53 bits: enough for 15 digits.
    rounded = np.logical_or.reduce([~side.whole & ~side.exact for side in sides])
    rounded &= ~np.logical_or.reduce([side.exact for side in sides])
    sizes = [side.sizes for side, column in zip(sides, columns, strict=True) if kind(column) != "double"]
    odd = rounded & (np.maximum.reduce(sizes) > 15)
    return [
        Column(np.array(side.numbers, object), merged(side.fault.open, some(odd)), side.fault.why) for side in sides
    ]


def same(left: pa.Array, right: pa.Array) -> Mask:
    """Where integers and exact numbers without nulls are equal."""
    sides = (values if pa.types.is_integer(values.type) else digits_of(values) for values in (left, right))
    one, two = (map(Decimal, side.to_pylist()) for side in sides)
    return np.fromiter(map(python.eq, one, two), bool, len(left))


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
