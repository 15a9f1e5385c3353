"""Kernels: the columnar implementations of functions, operators and methods.

A kernel is registered in the table of functions, with the reference that it must equal and the kinds it takes:

=========  =============================================================================================
``any``    a column of any kind
``text``   an array of strings; other scalars are printed, as the functions of the language take them
``words``  an array of strings only
``whole``  integers
``moment``  dates; strings are read in the automatic formats
``fixed``  the value of a constant, as a Python value
``lambda``  a function: of rows of the batch and a column of values for them it gives the lambda's results
=========  =============================================================================================

``?`` after one of them means that it is optional, ``*`` that it repeats.  The interpreter evaluates columns of other
kinds, and those that a kernel refuses with :func:`need`.  A kernel returns values and a mask of the rows that it could
not decide; rows that are open in an argument stay open.  It is not called where the result is null because an argument
is.  Kernels of ``lazy`` functions, which do not evaluate all of their arguments, take any columns and handle open rows
themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .. import catalogue
from ..catalogue import Context
from ..columns import (
    MOMENT,
    NEVER,
    TEXT,
    Column,
    Ints,
    Mask,
    because,
    first_reasons,
    merged,
    nulls_of,
    numpy_of,
    patched,
    plain,
    reported,
    some,
)
from ..functions import table
from ..java_time_format import automatic, compile_pattern
from ..options import DEFAULT, Options
from ..shapes import alternatives, chosen, from_python, instant_of, type_kind
from ..values import Failed, kind_of
from ..zoned_datetime import Moment
from . import dates, texts

#: What a kernel gives, or an array where no row is open; None, like :func:`need`, leaves the rows to the interpreter.
Made = Column | None
Function = Callable[..., Any]
#: What a lambda gives, row by row, for some rows of the batch and a value for each of them.
Body = Callable[[Ints, pa.Array], Column]


Some = TypeVar("Some")
Work = TypeVar("Work", bound=Function)


class Undecided(Exception):
    """There is no kernel for these columns: the interpreter evaluates the rows."""


def literal(column: Column, kinds: Any) -> Any:
    """The value of a constant of some types, or the columns are left to the interpreter."""
    need(isinstance(column, Constants) and isinstance(column.value, kinds))
    return column.value  # type: ignore[attr-defined]


def need(holds: object) -> None:
    """Leaves the columns to the interpreter unless the condition holds."""
    if not holds:
        raise Undecided


def needed(found: Some | None) -> Some:
    """`found`, unless it is None, which leaves the columns to the interpreter."""
    if found is None:
        raise Undecided
    return found


def attempted(run: Function, *given: Any) -> Made:
    """What a kernel gives; None where it leaves its columns to the interpreter, or fails."""
    try:
        made: Made = run(*given)
        return made
    except (Undecided, Failed):
        return None


@dataclass(frozen=True, slots=True)
class Rows:
    """What a kernel may use besides its arguments.

    Attributes:
        n: the number of rows.
        context: options, clock, compiled patterns.
        asked: gives the rows whose values matter; None for all.
    """

    n: int
    context: Context
    asked: Callable[[], Mask] | None = None

    def opened(self, found: Column) -> Column:
        """`found`, open only where a value matters, so that no other row is looked at again."""
        if found.open is None or self.asked is None:
            return found
        return Column(found.values, some(found.open & self.asked()), found.why)

    @property
    def options(self) -> Options:
        """The readings of open points."""
        return self.context.options


class Constants(Column):
    """The same value in every row; the array is made when it is asked for."""

    __slots__ = ("_made", "n", "value")

    def __init__(self, value: Any, n: int) -> None:
        self.value, self.n, self.open, self.why = value, n, None, None
        self._made: Any = None

    @property
    def values(self) -> Any:
        """The value, repeated."""
        if self._made is None:
            one = from_python([self.value])
            if pa.types.is_nested(one.type) or pa.types.is_null(one.type):
                self._made = one.take(pa.array(np.zeros(self.n, dtype=np.int64)))
            else:
                self._made = pa.repeat(one[0], self.n)
        return self._made


def kind(column: Column | Body) -> str:
    """The kind of a column's values."""
    if not isinstance(column, Column):
        return "lambda"
    if isinstance(column, Constants):
        value = column.value
        found = _KINDS.get(type(value))
        if found is not None:
            return found
    return type_kind(column.values.type)


_KINDS: dict[type, str] = {str: "text", bool: "bool", float: "double", type(None): "null"}


@dataclass(frozen=True, slots=True)
class Kernel:
    """What works on columns as the function of an entry of the table does on values."""

    entry: catalogue.Function
    run: Function
    takes: tuple[str, ...]

    def __call__(self, rows: Rows, given: Sequence[Column | Body]) -> Made:
        """The kernel on columns; None where it takes others."""
        return attempted(self._called, rows, given)

    def _called(self, rows: Rows, given: Sequence[Column | Body]) -> Made:
        takes = self.takes
        if takes and takes[-1].endswith("*"):
            takes = takes[:-1] + (takes[-1][:-1],) * (len(given) - len(takes) + 1)
        if len(given) > len(takes) or (len(given) < len(takes) and not takes[len(given)].endswith("?")):
            return None
        if any(kind(given[place]) == "null" for place in self.entry.nulls):
            return Column(
                pa.nulls(rows.n, self.entry.column_type), merged(*[c.open for c in given if isinstance(c, Column)])
            )
        arguments = [_taken(rows, column, take.rstrip("?")) for column, take in zip(given, takes, strict=False)]
        columns = [each for each in arguments if isinstance(each, Column)]
        strings = [take in ("text", "words") for take in takes]
        handed = [plain(each.values) if string else each for each, string in zip(arguments, strings, strict=False)]
        made = needed(self.run(rows, *handed))
        found = made if isinstance(made, Column) else Column(pa.array(made) if isinstance(made, np.ndarray) else made)
        is_open = merged(found.open, *[each.open for each in columns])
        if is_open is found.open:
            return found
        why = first_reasons([*columns, found], rows.n)
        if why is not None and self.entry.nulls:  # without such an argument the others do not matter
            parts = [part for place, part in enumerate(given) if place in self.entry.nulls]
            absent = merged(*[nulls_of(part.values) for part in parts if isinstance(part, Column)])
            why = pc.if_else(pa.array(absent), None, why)
        return Column(found.values, is_open, why)


def kernel(names: str, takes: str = "", **bound: Any) -> Callable[[Work], Work]:
    """Registers the decorated function as the kernel of functions.

    Args:
        names: the functions, methods and operators that it is a kernel of, separated by spaces.
        takes: what it takes, separated by spaces.
        bound: arguments that it always gets besides.
    """

    def put(run: Work) -> Work:
        for name in names.split():
            entry = table()[name]
            entry.kernel = Kernel(entry, partial(run, **bound) if bound else run, tuple(takes.split()))
        return run

    return put


def lifted(entry: Kernel, rows: Rows, given: Sequence[Column | Body]) -> Made:
    """A kernel on columns; on a mixed one, for each of its kinds.  None where none exists for any of them."""
    if any(kind(column) == "any" for column in given):
        return None
    made = entry(rows, given)
    if made is not None:
        return made
    for i, column in enumerate(given):
        if isinstance(column, Column) and kind(column) == "mixed":
            return _by_kind(entry, rows, given, i, column)
    return None


def _by_kind(entry: Kernel, rows: Rows, given: Sequence[Column | Body], i: int, mixed: Column) -> Made:
    which = np.full(rows.n, -1)
    pieces: list[Column] = []
    undecided: Mask | None = None
    why: pa.Array | None = None
    parts = list(alternatives(mixed.values).values())
    if mixed.values.null_count or not rows.n:
        parts.append(pa.nulls(rows.n))
    for child in parts:
        mask = nulls_of(mixed.values) if pa.types.is_null(child.type) else ~nulls_of(child)
        piece = lifted(entry, rows, [*given[:i], Column(child, mixed.open), *given[i + 1 :]])
        if piece is None:
            if not rows.n:  # the interpreter's values are of a type that is not known here
                return None
            undecided = merged(undecided, some(mask))
        else:
            which[mask] = len(pieces)
            pieces.append(piece)
            if piece.why is not None:
                why = pc.if_else(mask, piece.why, pa.scalar(None, TEXT) if why is None else why)
    if not pieces:
        return None
    made = chosen(which, pieces)
    return Column(made.values, merged(made.open, undecided), why)


# Argument kinds


def _only(rows: Rows, column: Column, wanted: str) -> Column:
    need(kind(column) == wanted)
    return column


def as_texts(rows: Rows, column: Column) -> Column:
    """Scalars as text."""
    name = kind(column)
    if name == "text":
        return column
    if name == "null":
        return Column(pa.nulls(rows.n, TEXT), column.open)
    if name in ("long", "double", "bool", "numeral"):
        return Column(texts.as_text(column.values), column.open)
    need(name in ("moment", "zoned"))
    printed = print_moments(column.values)
    return Column(printed.values, merged(column.open, printed.open))


def as_printed(rows: Rows, column: Column) -> Column:
    """Values as text, objects and arrays as JSON."""
    if kind(column) not in ("list", "object", "map"):
        return as_texts(rows, column)
    found = needed(texts.as_json(column.values))
    return Column(pc.if_else(pc.is_valid(column.values), found, None), column.open)


def print_moments(values: pa.Array) -> Column:
    """Moments as the language prints them: with a fraction only where there is one, and the offset of their zone."""
    fine = numpy_of(instant_of(values)) % 1_000_000
    coarse = fine % 1000 == 0
    texts, is_open = pa.nulls(len(values), TEXT), np.zeros(len(values), dtype=bool)
    for fraction, rows in (("", fine == 0), (".SSS", coarse & (fine != 0)), (".SSSSSS", ~coarse)):
        pattern = compile_pattern(f"yyyy-MM-dd'T'HH:mm:ss{fraction}XXXXX", DEFAULT)
        if rows.all():
            return dates.print_pattern(values, pattern)
        if rows.any():
            made = dates.print_pattern(values.filter(pa.array(rows)), pattern)
            texts = patched(texts, rows, made.values)
            is_open[rows] = False if made.open is None else made.open
    return Column(texts, some(is_open))


def as_moments(rows: Rows, column: Column) -> Column:
    """Dates, and strings in one of the automatic formats."""
    name = kind(column)
    if name in ("moment", "zoned"):
        return column
    if name == "null":
        return Column(pa.nulls(rows.n, MOMENT), column.open)
    if name != "text":
        need(name in NAMED)
        reason = f"a date is expected, not {NAMED[name]}"
        return because(failing(rows, column, MOMENT), (~nulls_of(column.values), reason))
    found = read_automatic(rows, column, blank_is_null=False)
    return Column(found.values, merged(column.open, found.open), found.why)


def read_automatic(rows: Rows, column: Column, blank_is_null: bool = True) -> Column:
    """Dates of strings in one of the automatic formats."""
    words = plain(column.values)
    found, failed, _ = dates.read(words, automatic(rows.options), blank_is_null)
    why = reported(words, rows.opened(Column(None, some(failed))), (NEVER, "is in none of the known date formats")).why
    return because(rows.opened(found), (failed, why))


def _taken(rows: Rows, column: Column | Body, take: str) -> Any:
    """An argument as a kernel takes it."""
    if not isinstance(column, Column) or take == "lambda":
        need(take == kind(column))
        return column
    return _TAKE[take](rows, column)


_TAKE: dict[str, Callable[[Rows, Column], Any]] = {
    "any": lambda rows, column: column, "text": as_texts, "words": partial(_only, wanted="text"),
    "whole": partial(_only, wanted="long"), "moment": as_moments, "fixed": lambda rows, column: literal(column, object),
}  # fmt: skip


# Helpers for several kernels


def truths(rows: Rows, column: Column) -> Column:
    """A column as a condition (BOOL without nulls); open where it is none."""
    name = kind(column)
    strict = rows.options.null_condition == "error"
    if name in ("bool", "long", "double", "text", "numeral"):
        held = pa.array(texts.truth(column.values))
        return Column(held, merged(column.open, some(nulls_of(column.values)) if strict else None), column.why)
    if name == "null":
        held = pa.array(np.zeros(rows.n, dtype=bool))
        return Column(held, merged(column.open, np.ones(rows.n, dtype=bool) if strict and rows.n else None))
    if name == "mixed":
        return needed(lifted(_TRUTH, rows, [column]))
    need(name != "any")
    odd = np.ones(rows.n, dtype=bool) if strict else ~nulls_of(column.values)
    return Column(pa.array(np.zeros(rows.n, dtype=bool)), merged(column.open, some(odd)))


def _truth(rows: Rows, column: Column) -> Made:
    return None if kind(column) == "mixed" else truths(rows, column)


_TRUTH = Kernel(catalogue.Function("", "", "", ""), _truth, ("any",))


def failing(rows: Rows, column: Column, like: pa.DataType = pa.null()) -> Column:  # noqa: B008 (an immutable value)
    """Nulls; open, for the interpreter to say why, where the column is open or not null."""
    return Column(pa.nulls(rows.n, like), merged(column.open, some(~nulls_of(column.values))))


#: What messages call the kinds of columns whose values have one name.
NAMED = {
    name: kind_of(one) for name, one in {
        "text": "", "long": 0, "double": 0.0, "bool": True, "moment": Moment.of_millis(0), "list": [], "object": {},
        "map": {},
    }.items()
}  # fmt: skip
