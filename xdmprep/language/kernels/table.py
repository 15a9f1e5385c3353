"""The table of kernels: which function, operator or method works on which kinds of columns.

A kernel is registered under the name that a node of the tree has (a function's name, an operator as it is written,
``.name`` for a method, ``[]`` for element access, ``[,]`` and ``{:}`` for literals) with what it takes:

=========  =============================================================================================
``any``    a column of any kind
``text``   texts; other scalars are printed, as the functions of the language take them
``words``  texts only
``list``   lists
``whole``  integers
``moment``  dates; texts are read in the automatic formats
``fixed``  the value of a constant, as a Python value
=========  =============================================================================================

``?`` behind one of them means it may be missing, ``*`` any number of them.  Columns that do not fit have no kernel, and
the interpreter works out the rows.  A kernel gives its values and says which rows it could not decide; rows of its
arguments that are open stay open without its doing.  Kernels of :data:`LAZY` see the open rows and decide themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..catalogue import Context
from ..columns import BOOL, DOUBLE, LONG, MOMENT, TEXT, Column, Mask, merged, nulls_of, plain, some
from ..java_time_format import automatic_layouts
from ..options import Options
from ..shapes import alternatives, chosen, from_python, type_kind
from ..zoned_datetime import Moment
from . import dates, texts

Made = Column | None
Function = Callable[..., Made]


@dataclass(frozen=True, slots=True)
class Rows:
    """What a kernel may ask for besides its arguments: how many rows, and the context."""

    n: int
    context: Context

    @property
    def options(self) -> Options:
        """The readings of open points."""
        return self.context.options


class Constants(Column):
    """The same value in every row; the array is made when it is asked for."""

    __slots__ = ("_made", "n", "value")

    def __init__(self, value: Any, n: int) -> None:
        self.value, self.n, self.open = value, n, None
        self._made: Any = None

    @property
    def values(self) -> Any:
        """The value, repeated."""
        if self._made is None:
            one = from_python([self.value])
            if isinstance(one, list):
                self._made = one * self.n
            elif pa.types.is_nested(one.type) or pa.types.is_null(one.type):
                self._made = one.take(pa.array(np.zeros(self.n, dtype=np.int64)))
            else:
                self._made = pa.repeat(one[0], self.n)
        return self._made


def kind(column: Column) -> str:
    """The kind of a column's values."""
    if isinstance(column, Constants):
        value = column.value
        found = _KINDS.get(type(value))
        if found is not None:
            return found
    values = column.values
    return "any" if isinstance(values, list) else type_kind(values.type)


_KINDS: dict[type, str] = {str: "text", bool: "bool", float: "double", type(None): "null"}


@dataclass(frozen=True, slots=True)
class Kernel:
    """One entry of the table."""

    run: Function
    takes: tuple[str, ...]

    def __call__(self, rows: Rows, given: Sequence[Column]) -> Made:
        """The kernel on columns; None where it takes others."""
        takes = self.takes
        if takes and takes[-1].endswith("*"):
            takes = takes[:-1] + (takes[-1][:-1],) * (len(given) - len(takes) + 1)
        if len(given) > len(takes) or (len(given) < len(takes) and not takes[len(given)].endswith("?")):
            return None
        arguments = []
        for column, token in zip(given, takes, strict=False):
            made = _TAKE[token.rstrip("?")](rows, column)
            if made is None:
                return None
            arguments.append(made)
        found = self.run(rows, *[a.value if isinstance(a, _Fixed) else a for a in arguments])
        if found is None:
            return None
        is_open = merged(found.open, *[a.open for a in arguments if isinstance(a, Column)])
        return found if is_open is found.open else Column(found.values, is_open)


KERNELS: dict[str, Kernel] = {}
LAZY: dict[str, Function] = {}
LAMBDAS: dict[str, Function] = {}


def kernel(names: str, takes: str = "", **bound: Any) -> Callable[[Function], Function]:
    """Puts the decorated function into the table.

    Args:
        names: what it is a kernel of, separated by blanks.
        takes: what it takes, separated by blanks.
        bound: arguments that it always gets besides.
    """

    def put(run: Function) -> Function:
        for name in names.split():
            KERNELS[name] = Kernel(partial(run, **bound) if bound else run, tuple(takes.split()))
        return run

    return put


def lifted(entry: Kernel, rows: Rows, given: Sequence[Column]) -> Made:
    """A kernel on columns; on a mixed one, for each of its kinds.  None where there is none for any of them."""
    if any(kind(column) == "any" for column in given):
        return None
    made = entry(rows, given)
    if made is not None:
        return made
    for i, column in enumerate(given):
        if kind(column) == "mixed":
            return _by_kind(entry, rows, given, i)
    return None


def _by_kind(entry: Kernel, rows: Rows, given: Sequence[Column], i: int) -> Made:
    mixed = given[i]
    which = np.full(rows.n, -1)
    pieces: list[Column] = []
    undecided: Mask | None = None
    parts = [child for _, child in alternatives(mixed.values)]
    if mixed.values.null_count or not rows.n:
        parts.append(pa.nulls(rows.n))
    for child in parts:
        mask = nulls_of(mixed.values) if pa.types.is_null(child.type) else ~nulls_of(child)
        piece = lifted(entry, rows, [*given[:i], Column(child, mixed.open), *given[i + 1 :]])
        if piece is None:
            undecided = merged(undecided, some(mask))
        else:
            which[mask] = len(pieces)
            pieces.append(piece)
    if not pieces:
        return None
    made = chosen(which, pieces)
    return Column(made.values, merged(made.open, undecided))


# What kernels take


class _Fixed:
    """A constant argument."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


def _any(rows: Rows, column: Column) -> Made:
    return column


def as_texts(rows: Rows, column: Column) -> Made:
    """Scalars as text; None for nested and mixed columns."""
    name = kind(column)
    if name == "text":
        return column
    if name == "null":
        return Column(pa.nulls(rows.n, TEXT), column.open)
    if name in ("long", "double", "bool"):
        return Column(texts.as_text(column.values), column.open)
    if name in ("moment", "zoned"):
        printed = print_moments(column.values)
        return None if printed is None else Column(printed.values, merged(column.open, printed.open))
    return None


_SECONDS = dates.layout_of("yyyy-MM-ddTHH:mm:ss")


def print_moments(values: pa.Array) -> Column | None:
    """Moments as the language prints them: with a fraction only where there is one, and the offset of their zone."""
    local = dates.local_of(values)
    if local is None:
        return None
    printed = dates.print_layout(local, _SECONDS)
    micros = local.view(LONG).fill_null(0).to_numpy(zero_copy_only=False)
    ends: Any = "Z" if local is values else dates.printed_offsets(values, local)
    fine = micros % 1_000_000
    if fine.any():
        fraction = pc.utf8_slice_codeunits(pa.array(fine + 1_000_000).cast(TEXT), 1)
        fraction = pc.if_else(pa.array(fine % 1000 == 0), pc.utf8_slice_codeunits(fraction, 0, 3), fraction)
        ends = pc.binary_join_element_wise(
            pc.if_else(pa.array(fine != 0), ".", ""), pc.if_else(pa.array(fine != 0), fraction, ""), ends, ""
        )
    return Column(pc.binary_join_element_wise(printed.values, ends, ""), printed.open)


def _words(rows: Rows, column: Column) -> Made:
    return column if kind(column) == "text" else None


def _list(rows: Rows, column: Column) -> Made:
    return column if kind(column) == "list" else None


def _whole(rows: Rows, column: Column) -> Made:
    return column if kind(column) == "long" else None


def as_moments(rows: Rows, column: Column) -> Made:
    """Dates, and texts in one of the automatic formats; None for others."""
    name = kind(column)
    if name in ("moment", "zoned"):
        return column
    if name == "null":
        return Column(pa.nulls(rows.n, MOMENT), column.open)
    if name != "text":
        return None
    found = read_automatic(rows, column, blank_is_null=False)
    return None if found is None else Column(found.values, merged(column.open, found.open))


def read_automatic(rows: Rows, column: Column, blank_is_null: bool = True) -> Made:
    """Dates of texts in one of the automatic formats."""
    if rows.options.zoneless_millis == "drop":
        return None
    layouts = dates.ISO + automatic_layouts(rows.options)
    return dates.read_zoned(plain(column.values), layouts, blank_is_null, rows.options)


def _fixed(rows: Rows, column: Column) -> Any:
    return _Fixed(column.value) if isinstance(column, Constants) else None


_TAKE: dict[str, Callable[[Rows, Column], Any]] = {
    "any": _any, "text": as_texts, "words": _words, "list": _list, "whole": _whole, "moment": as_moments,
    "fixed": _fixed,
}  # fmt: skip


# What many kernels need


def truths(rows: Rows, column: Column) -> Made:
    """A column as a condition (BOOL without nulls); open where it is none."""
    name = kind(column)
    strict = rows.options.null_condition == "error"
    if name in ("bool", "long", "double", "text"):
        held = pa.array(texts.truth(column.values))
        return Column(held, merged(column.open, some(nulls_of(column.values)) if strict else None))
    if name == "null":
        held = pa.array(np.zeros(rows.n, dtype=bool))
        return Column(held, merged(column.open, np.ones(rows.n, dtype=bool) if strict and rows.n else None))
    if name == "mixed":
        return lifted(_TRUTH, rows, [column])
    if name == "any":
        return None
    odd = np.ones(rows.n, dtype=bool) if strict else ~nulls_of(column.values)
    return Column(pa.array(np.zeros(rows.n, dtype=bool)), merged(column.open, some(odd)))


def _truth(rows: Rows, column: Column) -> Made:
    return None if kind(column) == "mixed" else truths(rows, column)


_TRUTH = Kernel(_truth, ("any",))


def failing(rows: Rows, column: Column, like: pa.DataType = pa.null()) -> Column:  # noqa: B008 (an immutable value)
    """Nulls; open, for the interpreter to say why, where the column is not null."""
    return Column(pa.nulls(rows.n, like), some(~nulls_of(column.values)))


def as_moment(value: Any) -> Any:
    """A constant as Arrow takes it."""
    return value.at if isinstance(value, Moment) else value


__all__ = [
    "BOOL", "DOUBLE", "KERNELS", "LAMBDAS", "LAZY", "Constants", "Kernel", "Made", "Rows", "as_texts", "failing",
    "kernel", "kind", "lifted", "truths",
]  # fmt: skip
