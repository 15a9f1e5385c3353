"""The columns of one chunk at run time: where they have values, and checks on them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from ..core.shred import Leaf
from .kinds import Mask, presence
from .nested import Exact
from .spots import Op, Place, Sink, Spot
from .wording import code_of, wording


class Columns:
    """The columns of one chunk, and where they have values.

    Args:
        columns: one for each leaf.
        size: how many records there are.
        leaves: the paths of the columns.
        keep_empty: as for :class:`Compiler`.
        nulls: in which rows a leaf is ``null`` in JSON; such a value is there, but in no column.
        texts: the records as they stand in a JSON file.
    """

    def __init__(
        self, columns: Sequence[pa.Array], size: int, leaves: tuple[Leaf, ...], keep_empty: bool,
        nulls: Mapping[int, Mask] | None = None, texts: Callable[[], pa.Array] | None = None,
    ) -> None:  # fmt: skip
        self._columns, self._leaves, self._keep_empty = columns, leaves, keep_empty
        self._nulls = nulls or {}
        self.texts = texts
        self._present: dict[int, Mask | None] = {}
        self.size = size

    def array(self, number: int) -> pa.Array:
        """The column of a leaf."""
        return self._columns[number]

    def nulls(self, number: int) -> Mask | None:
        """Where a leaf is null; None means nowhere."""
        return self._nulls.get(number)

    def present(self, number: int) -> Mask | None:
        """Where a leaf has a value; None means everywhere."""
        if number not in self._present:
            self._present[number] = self._find(number)
        return self._present[number]

    def _find(self, number: int) -> Mask | None:
        leaf = self._leaves[number]
        if leaf.follows is not None:
            return self.present(leaf.follows)
        array, nulls = self._columns[number], self.nulls(number)
        if array.null_count == 0 and (self._keep_empty or not pa.types.is_nested(array.type)):
            return None
        found = presence(array, self._keep_empty)
        return found if nulls is None else found | nulls

    def any_of(self, numbers: Iterable[int]) -> Mask | None:
        """Where any of some leaves has a value; None means everywhere."""
        found = np.zeros(self.size, dtype=bool)
        for number in numbers:
            mask = self.present(number)
            if mask is None:
                return None
            found |= mask
        return found


def on_column(number: int, check: Op) -> Callable[[Columns, Sink], None]:
    """A check on the column of one leaf."""
    spelled = check if isinstance(check, Exact) and check.spelled else None

    def op(columns: Columns, sink: Sink) -> None:
        if spelled is not None and columns.texts is not None:
            spelled.in_records(columns.array(number), columns.texts(), sink)
            return
        check(Spot(columns.array(number)), sink)

    return op


def on_nulls(number: int, place: Place, wrong: Callable[[], list[tuple[str, tuple[str, str]]]]) -> Any:
    """What `wrong` says is wrong wherever a leaf is null."""

    def op(columns: Columns, sink: Sink) -> None:
        mask = columns.nulls(number)
        if mask is None:
            return
        for code, say in wrong():
            sink.add(place, Spot(columns.array(number)), code, say, np.flatnonzero(mask))

    return op


def _report(columns: Columns, sink: Sink, place: Place, code: str, say: tuple[str, str], bad: Mask | None) -> None:
    where = np.arange(columns.size, dtype=np.int64) if bad is None else np.flatnonzero(bad)
    if len(where):
        sink.add(place, Spot(pa.nulls(0)), code, say, where)


def all_present(members: tuple[int, ...], place: Place, code: str, say: tuple[str, str]) -> Any:
    """Fails wherever the object or array is there at all."""

    def op(columns: Columns, sink: Sink) -> None:
        _report(columns, sink, place, code, say, columns.any_of(members))

    return op


def all_absent(members: tuple[int, ...], place: Place, code: str, say: tuple[str, str]) -> Any:
    """Fails wherever nothing is there."""

    def op(columns: Columns, sink: Sink) -> None:
        there = columns.any_of(members)
        if there is not None:
            _report(columns, sink, place, code, say, ~there)

    return op


def missing(parent: tuple[int, ...] | None, child: tuple[int, ...], place: Place, say: tuple[str, str]) -> Any:
    """Fails where the parent is there (always, if None) and the child is not."""

    def op(columns: Columns, sink: Sink) -> None:
        there = columns.any_of(child)
        if there is None:
            return
        outer = None if parent is None else columns.any_of(parent)
        _report(columns, sink, place, "required", say, ~there if outer is None else outer & ~there)

    return op


def counted(children: list[tuple[int, ...]], place: Place, keyword: str, node: Any, always: bool) -> Any:
    """Fails where too few or too many children are there; where none is, only if `always`."""
    fails = np.less if keyword.startswith("min") else np.greater
    limit, code, say = node[keyword], code_of(keyword), wording(keyword, node)

    def op(columns: Columns, sink: Sink) -> None:
        count = np.zeros(columns.size, dtype=np.int64)
        for members in children:
            mask = columns.any_of(members)
            count += 1 if mask is None else mask
        _report(columns, sink, place, code, say, fails(count, limit) & ((count > 0) | always))

    return op
