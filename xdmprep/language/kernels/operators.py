"""Kernels of numbers, operators and conversions to numbers."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..columns import (
    DOUBLE,
    EXACT,
    LONG,
    NUMERAL,
    TEXT,
    Column,
    Ints,
    Mask,
    as_mask,
    because,
    first_reasons,
    marked,
    merged,
    nulls_of,
    numpy_of,
    plain,
    reported,
    some,
)
from ..shapes import chosen, digits_of, instant_of, mixed_of, only_where
from ..values import DECIMAL, number_in
from . import exact, numbers, texts
from .equality import same
from .table import NAMED, Constants, Made, Rows, as_texts, failing, kernel, kind, need, needed, truths

# Conversions

_NO_NUMBER = DECIMAL, "is not a number"
_CUT = r"^([+-]?[0-9]+)\.[0-9]*$"
#: Of long ones and those with an exponent the interpreter says whether they are numbers.
_NOT_WHOLE = re.compile(r"[+-]?[0-9]+|.*[eE].*|.{300,}"), "is not a whole number"


@kernel("to_integer", "any", option="fractions")
@kernel("to_bigint", "any", option="bigint_fractions")
def _whole(rows: Rows, value: Column, option: str) -> Made:
    name, cut = kind(value), getattr(rows.options, option) == "truncate"
    if name == "long":
        return Column(value.values)
    if name == "text":
        words = plain(value.values)
        pointed = cut and pc.any(pc.match_substring(words, ".")).as_py()
        whole = pc.replace_substring_regex(words, _CUT, r"\1") if pointed else words
        return reported(words, rows.opened(numbers.integers(whole)), _NO_NUMBER, *(() if cut else (_NOT_WHOLE,)))
    if name == "numeral":
        return _whole_numerals(value, cut)
    if name == "double":
        found, given = numbers.truncated(value.values, cut), numpy_of(value.values)
        broken = np.isfinite(given) & (np.trunc(given) != given) & (not cut)
        if not broken.any():
            return found
        printed = pc.binary_join_element_wise("'", texts.as_text(value.values), "' is not a whole number", "")
        return because(found, (broken, printed))
    return failing(rows, value, LONG) if name != "mixed" else None


def _whole_numerals(value: Column, cut: bool) -> Made:
    """The integers that exact numbers are; open where they have a fraction or are long."""
    digits = digits_of(value.values)
    whole = pc.replace_substring_regex(digits, r"\..*$" if cut else r"\.0*$", "")
    found = numbers.integers(whole)
    odd = nulls_of(found.values) & ~nulls_of(digits)
    made = Column(found.values, merged(found.open, some(odd)))
    if cut or made.open is None:
        return made
    broken = as_mask(pc.match_substring_regex(digits, r"\.[0-9]*[1-9]")) & odd
    quoted = pc.binary_join_element_wise("'", pc.utf8_slice_codeunits(digits, 0, 80), "' is not a whole number", "")
    return because(made, (broken, quoted))


@kernel("to_decimal", "any")
def to_decimal(rows: Rows, value: Column) -> Made:
    name = kind(value)
    if name == "long":
        return Column(pa.array(numpy_of(value.values).astype(np.float64), mask=nulls_of(value.values)))
    if name == "double":
        return Column(value.values)
    if name == "text":
        words = plain(value.values)
        return reported(words, rows.opened(numbers.decimals(words)), _NO_NUMBER)
    if name == "numeral":
        digits = digits_of(value.values)
        pointed = as_mask(pc.match_substring(digits, "."))
        if pointed.any() or not rows.n:
            return Column(value.values, some(~pointed & ~nulls_of(digits)))
        wide = digits.cast(DOUBLE)
        return Column(wide, some(as_mask(pc.is_inf(wide))))
    return failing(rows, value, DOUBLE) if name != "mixed" else None


@kernel("to_float", "any")
def to_float(rows: Rows, value: Column) -> Made:
    wide = needed(to_decimal(rows, value))
    if wide.values.type == NUMERAL:
        wide = Column(digits_of(wide.values).cast(DOUBLE))
    need(wide.values.type == DOUBLE)
    with np.errstate(over="ignore"):
        single = pa.array(numpy_of(wide.values).astype(np.float32), mask=nulls_of(wide.values))
    odd = as_mask(pc.is_inf(single))
    return Column(single.cast(TEXT).cast(DOUBLE), merged(wide.open, some(odd)), wide.why)


# Arithmetic


@dataclass(slots=True)
class _Operand:
    """Numbers of a column: integers here, doubles there; null is the integer 0.

    Attributes:
        longs, doubles: as integers and as doubles, both in every row.
        whole: where the number is an integer; True or False where that is so in all rows.
        null: where the column is null.
        open: where the column has no number.
        words: the strings that spell the numbers, if they are spelled.
    """

    longs: Ints
    doubles: Ints
    whole: Any
    null: Mask
    open: Mask | None = None
    words: pa.Array | None = None

    def fault(self, rows: Rows) -> Column:
        """A column that is open where the operand cannot be used."""
        column = Column(None, self.open)
        if self.words is not None:
            column = reported(self.words, rows.opened(column), _NO_NUMBER)
        if rows.options.null_operand == "zero":
            return column
        is_open = merged(self.open, some(self.null))
        return because(Column(None, is_open, column.why), (self.null, "an operand is null"))


def _operand(rows: Rows, column: Column) -> _Operand:
    name = kind(column)
    need(name in ("null", "long", "bool", "double", "text"))
    if name == "text" and isinstance(column, Constants):
        found = number_in(column.value)
        need(found is not None and (not isinstance(found, int) or -(2**63) <= found < 2**63))
        return _operand(rows, Constants(found, rows.n))
    null = nulls_of(column.values)
    if name == "double":
        return _Operand(np.zeros(rows.n, np.int64), numpy_of(column.values), null if null.any() else False, null)
    if name == "text":
        return _spelled(plain(column.values), null)
    longs = numpy_of(column.values.cast(LONG))
    return _Operand(longs, longs.astype(np.float64), True, null)


_PLAIN_INTEGER = r"^[+-]?[0-9]{1,18}\z"
_LONG_INTEGER = r"^[+-]?[0-9]{19,}\z"


def _spelled(values: pa.Array, null: Mask) -> _Operand:
    """The numbers that strings spell; open where they spell none, or one that is rare."""
    integral = as_mask(pc.match_substring_regex(values, _PLAIN_INTEGER))
    whole = numbers.integers(only_where(values, integral))
    longs = numpy_of(whole.values)
    if integral.all():
        return _Operand(longs, longs.astype(np.float64), integral, null, whole.open, values)
    decimal = numbers.decimals(only_where(values, ~integral))
    long = as_mask(pc.match_substring_regex(values, _LONG_INTEGER))  # a double holds not all of its digits
    doubles = np.where(integral, longs.astype(np.float64), numpy_of(decimal.values))
    return _Operand(longs, doubles, integral | null, null, merged(whole.open, decimal.open, some(long)), values)


def _sum(rows: Rows, left: Column, right: Column, operator: str) -> Column:
    """Numbers and numeric strings; null is 0."""
    left, right = exact.as_long(left), exact.as_long(right)
    if "numeral" in (kind(left), kind(right)):
        made = exact.calculated(rows, left, right, operator)
        null = nulls_of((left if kind(left) == "numeral" else right).values)
        if kind(left) == kind(right) or not null.any():
            return made
        alone = [Column(pa.nulls(rows.n)) if kind(side) == "numeral" else side for side in (left, right)]
        rest = _sum(rows, alone[0], alone[1], operator)  # without an exact number, the other is calculated as it is
        both = chosen(null.astype(np.int64), [made, rest])
        why = [pa.scalar(None, TEXT) if each.why is None else each.why for each in (rest, made)]
        return Column(both.values, both.open, pc.if_else(pa.array(null), *why))
    a, b = _operand(rows, left), _operand(rows, right)
    made = _result(rows, a, b, operator)
    if operator in "/%":
        made = because(made, (b.doubles == 0, "division by zero"))
    faults = [a.fault(rows), b.fault(rows), made]
    return Column(made.values, merged(*[each.open for each in faults]), first_reasons(faults, rows.n))


def _result(rows: Rows, a: _Operand, b: _Operand, operator: str) -> Column:
    if a.whole is True and b.whole is True:
        values, odd = numbers.whole(operator, a.longs, b.longs)
        if operator in "/%" or not odd.any():
            return Column(pa.array(values, LONG), some(odd))
        return Column(exact.beyond_64_bits(operator, a.longs, b.longs, values, odd))
    doubles, odd = _of_doubles(operator, a.doubles, b.doubles)
    both = np.logical_and(a.whole, b.whole)
    if np.ndim(both) == 0:
        both = np.full(rows.n, bool(both))
    never = a.whole is False or b.whole is False
    differs = (a.words is not None or b.words is not None) and not never
    if not both.any() and (rows.n or not differs):
        return Column(pa.array(doubles), some(odd))
    longs, large = numbers.whole(operator, a.longs, b.longs)
    odd = np.where(both, large, odd)
    made = mixed_of({"long": pa.array(longs, LONG, mask=~both), "double": pa.array(doubles, DOUBLE, mask=both)})
    return Column(made, some(odd))


def _of_doubles(operator: str, x: Ints, y: Ints) -> tuple[Ints, Mask]:
    with np.errstate(all="ignore"):
        odd = (y == 0) if operator in "/%" else np.zeros(len(x), dtype=bool)
        work: dict[str, Callable[..., Any]] = {
            "+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide, "%": np.fmod,
        }  # fmt: skip
        found = work[operator](x, y)
        odd |= ~np.isfinite(found)
    return np.where(odd, 0.0, found + 0.0), odd  # zero has no sign


for _sign in "-*/%":
    kernel(_sign, "any any", operator=_sign)(_sum)


def _never_a_number(column: Column) -> bool:
    return isinstance(column, Constants) and isinstance(column.value, str) and number_in(column.value) is None


@kernel("+", "any any")
def add(rows: Rows, left: Column, right: Column) -> Made:
    names = kind(left), kind(right)
    if "numeral" in names and "text" not in names:
        return _sum(rows, left, right, "+")
    need(set(names) <= {"text", "long", "double", "null", "numeral"})
    if "text" not in names:
        return _sum(rows, left, right, "+")
    strict = rows.options.null_operand == "error"
    null = nulls_of(left.values) | nulls_of(right.values)
    words = [_printed(column) for column in (left, right)]
    joined = pc.binary_join_element_wise(*words, "", null_handling="replace", null_replacement="")
    if names == ("text", "text"):
        if strict:
            return Column(joined, some(null))
        if _never_a_number(left) or _never_a_number(right) or (rows.n and not null.any()):
            return Column(joined)
    elif _never_a_number(left) or _never_a_number(right):
        return Column(joined, some(null) if strict else None)
    if "numeral" in names:
        total = exact.calculated(rows, left, right, "+")
        if total.why is None:
            return Column(chosen(np.zeros(rows.n, np.int64), [total, Column(joined)]).values, total.open)
        no_number = ~nulls_of(total.why) & ~(null & strict)
        made = chosen(no_number.astype(np.int64), [Column(total.values), Column(joined)])
        return Column(made.values, some(marked(rows.n, total.open) & ~no_number), total.why)
    a, b = sides = _operand(rows, left), _operand(rows, right)
    joins = merged(*[side.open for side in sides], ~null if names == ("text", "text") else None)
    which = np.zeros(rows.n, np.int64) if joins is None else joins.astype(np.int64)
    rare = [side.open & as_mask(pc.match_substring_regex(side.words, _RARE)) for side in sides if side.open is not None]
    made = chosen(which, [_result(rows, a, b, "+"), Column(joined)])
    return Column(made.values, merged(made.open, *map(some, rare), some(null) if strict else None))


#: What may be a number, but is not plainly written.
_RARE = r"^[+-]?\.?[0-9]"


def _printed(column: Column) -> pa.Array:
    return texts.as_text(column.values) if kind(column) != "null" else pa.nulls(len(column.values), TEXT)


def _null_operands(rows: Rows, *columns: Column) -> Mask | None:
    """The rows in which an operand is null, where that is a failure."""
    if rows.options.null_operand == "zero":
        return None
    return some(np.logical_or.reduce([nulls_of(column.values) for column in columns]))


@kernel("&", "whole whole", work=pc.bit_wise_and)
@kernel("|", "whole whole", work=pc.bit_wise_or)
@kernel("^", "whole whole", work=pc.bit_wise_xor)
def _bits(rows: Rows, left: Column, right: Column, work: Callable[..., pa.Array]) -> Made:
    """Bits of integers; null is 0."""
    return Column(work(left.values.fill_null(0), right.values.fill_null(0)), _null_operands(rows, left, right))


@kernel("~@", "whole")
def _inverted(rows: Rows, value: Column) -> Made:
    return Column(pc.bit_wise_not(value.values), _null_operands(rows, value))


@kernel("-@", "any", sign=-1)
@kernel("+@", "any", sign=1)
def _signed(rows: Rows, value: Column, sign: int) -> Made:
    name = kind(value)
    strict = _null_operands(rows, value)
    if name in ("long", "bool"):
        values = value.values.cast(LONG)
        if sign > 0:
            return Column(values, strict)
        longs = numpy_of(values)
        odd = longs == np.iinfo(np.int64).min
        return Column(pa.array(-np.where(odd, 0, longs), LONG, mask=nulls_of(values)), merged(strict, some(odd)))
    if name == "double":
        return Column(pc.negate(value.values) if sign < 0 else value.values, strict)
    if name == "numeral":
        return Column(exact.negated(value.values) if sign < 0 else value.values, strict)
    return None


# Comparison

_ORDER: dict[str, Callable[..., pa.Array]] = {
    "==": pc.equal, "!=": pc.not_equal, "<": pc.less, "<=": pc.less_equal, ">": pc.greater, ">=": pc.greater_equal,
}  # fmt: skip


def compared(rows: Rows, left: Column, right: Column, sign: str) -> Column:
    """``==``, ``<``... of two columns.

    Args:
        rows: the rows that are evaluated.
        left: the first operand.
        right: the second operand.
        sign: ``==``, ``!=``, ``<``, ``<=``, ``>`` or ``>=``.

    Returns:
        A boolean column; rows that the columns cannot decide are open.
    """
    if sign in ("==", "!=") and {kind(left), kind(right)} & _WHOLE:
        return _equal(rows, left, right, sign == "!=")
    left, right = (
        Column(instant_of(c.values), c.open) if kind(c) == "zoned" else exact.as_long(c) for c in (left, right)
    )
    a, b = kind(left), kind(right)
    if "null" in (a, b):
        both = pa.array(nulls_of(left.values) & nulls_of(right.values))
        if sign in ("==", "<=", ">="):
            return Column(both)
        return Column(pc.invert(both) if sign == "!=" else pa.repeat(False, rows.n))
    need("mixed" not in (a, b))
    if sign in ("==", "!=") and {a, b} & {"long", "double", "numeral"} and any(map(_never_a_number, (left, right))):
        return Column(pa.repeat(sign == "!=", rows.n))
    x, y = _scalar(left), _scalar(right)
    sides: list[Column] = []
    numeric = {a, b} & {"long", "double"}
    if "numeral" in (a, b) and {a, b} <= {"numeral", "long", "double", "text"}:
        sides = exact.ordered(rows, [left, right])
        x, y = (side.values for side in sides)
    elif a == b and a in ("text", "bool", "moment", "long", "double"):
        pass
    elif numeric and {a, b} <= {"long", "double", "text"}:
        sides = [as_double(rows, one, isinstance(other, Constants)) for one, other in ((left, right), (right, left))]
        x, y = (side.values for side in sides)
    elif "bool" in (a, b) and {a, b} <= {"bool", "text", "long", "double", "numeral"}:
        x, y = (pa.array(texts.truth(column.values), mask=nulls_of(column.values)) for column in (left, right))
    else:
        return _without_order(rows, left, right, sign)
    held = _settled(sign, x, y, rows.n)
    odd = merged(*[side.open for side in sides])
    if odd is None:
        return Column(held)
    why = first_reasons(sides, rows.n)
    if sign in ("==", "!=") and why is not None:  # what is no number equals none
        held = pc.if_else(pc.is_valid(why), sign == "!=", held)
        return Column(held, some(odd & nulls_of(why)))
    absent = pa.array(nulls_of(left.values) | nulls_of(right.values))  # null is not looked at as a number
    return Column(held, odd, None if why is None else pc.if_else(absent, None, why))


def _without_order(rows: Rows, left: Column, right: Column, sign: str) -> Column:
    """``<``, ``<=``... of kinds that have no order: it fails where neither is null."""
    a, b = kind(left), kind(right)
    need({a, b} <= NAMED.keys())
    reason = f"{NAMED[a]} and {NAMED[b]} have no order"
    if "bool" in (a, b):
        reason = "the two sides have no order"
    elif {a, b} & {"long", "double"}:
        reason = f"{NAMED[b if a in ('long', 'double') else a]} is not a number"
    absent, other = nulls_of(left.values), nulls_of(right.values)
    held = absent & other & (sign in ("<=", ">="))
    is_open = some(~absent & ~other)
    return Column(pa.array(held), is_open, None if is_open is None else pa.repeat(reason, rows.n))


#: Kinds that equal no other kind, but for dates and strings, which are compared as strings.
_WHOLE = {"list", "object", "map", "moment", "zoned"}


def _equal(rows: Rows, left: Column, right: Column, no: bool) -> Column:
    """``==`` or ``!=`` where a side has arrays, objects, maps or dates."""
    names = {kind(left), kind(right)}
    need("mixed" not in names)
    if "text" in names and names & {"moment", "zoned"}:
        left, right = as_texts(rows, left), as_texts(rows, right)
    found = same(left.values, right.values)
    return Column(pa.array(~found if no else found), merged(left.open, right.open))


def _scalar(column: Column) -> Any:
    """A constant as a scalar, which Arrow compares faster; other columns without dictionary."""
    if isinstance(column, Constants):
        values = column.values
        return values[0] if len(values) else plain(values)
    return plain(column.values)


def _settled(sign: str, x: Any, y: Any, n: int) -> pa.Array:
    found = _ORDER[sign](x, y)
    if isinstance(found, pa.Scalar):
        found = pa.repeat(found, n) if found.is_valid else pa.nulls(n, pa.bool_())
    if not found.null_count:
        return found
    if sign in ("<", ">"):
        return pc.fill_null(found, False)
    absent = [pa.scalar(not v.is_valid) if isinstance(v, pa.Scalar) else pc.is_null(v) for v in (x, y)]
    both = pc.and_(*absent)
    if isinstance(both, pa.Scalar):
        both = pa.repeat(both, n)
    return pc.if_else(pc.is_valid(found), found, pc.invert(both) if sign == "!=" else both)


#: Integers beyond all constants that are compared as doubles, so that it does not matter how they are rounded.
_BEYOND = "^-?0*[1-9][0-9]{16,290}$"


def as_double(rows: Rows, column: Column, to_constant: bool) -> Column:
    """Numbers and strings, perhaps to be compared with constants only, as doubles; of a constant, a scalar."""
    if isinstance(column, Constants):
        value: Any = number_in(column.value) if isinstance(column.value, str) else column.value
        need(isinstance(value, int | float) and abs(value) <= EXACT)
        return Column(pa.scalar(float(value), DOUBLE))
    if kind(column) == "text":
        words = plain(column.values)
        made = numbers.comparable(words)
        if to_constant and made.open is not None:
            beyond = pc.match_substring_regex(words, _BEYOND)
            values = pc.if_else(beyond, pc.if_else(beyond, words, None).cast(DOUBLE), made.values)
            made = Column(values, some(made.open & ~as_mask(beyond)))
        return reported(words, rows.opened(made), _NO_NUMBER)
    return numbers.doubles(Column(column.values))


for _sign in _ORDER:
    kernel(_sign, "any any", sign=_sign)(compared)


# Logic


@kernel("&&", sign="&&")
@kernel("||", sign="||")
def _logic(rows: Rows, left: Column, right: Column, sign: str) -> Made:
    """And, or; what is not asked for cannot fail."""
    a, b = truths(rows, left), truths(rows, right)
    asked = as_mask(a.values) if sign == "&&" else ~as_mask(a.values)
    is_open = merged(a.open, None if b.open is None else b.open & asked)
    return Column((pc.and_ if sign == "&&" else pc.or_)(a.values, b.values), some(is_open))


@kernel("!@", "any")
def negation(rows: Rows, value: Column) -> Made:
    held = truths(rows, value)
    return Column(pc.invert(held.values), held.open)
