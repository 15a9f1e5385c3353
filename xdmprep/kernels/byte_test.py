"""Tests of texts by their bytes, a column at a time: texts of one length, or of one set of bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from .arrays import Positions, text_bytes, valid

_Table = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True)
class ByteTest:
    """A test of texts by their bytes.

    Attributes:
        tables: for each place which bytes (256,) may occur there; for a run one table for all places.
        least, most: how many bytes; equal for a shape; `most` None: any number.
    """

    tables: tuple[_Table, ...]
    least: int
    most: int | None
    run: bool

    def outside(self, array: pa.Array) -> Positions | None:
        """Positions of the texts of a plain string column that do not fit, None if all do; nulls fit."""
        if not len(array) or array.null_count == len(array):
            return None
        places, data = text_bytes(array)
        sizes = np.diff(places)
        there = valid(array) if array.null_count else None
        wrong = sizes < self.least
        if self.most is not None:
            wrong |= sizes > self.most
        if there is not None:
            wrong &= there
        found = self._run(places, data, sizes) if self.run else self._shape(places, data, sizes, there, wrong)
        if found is not None:
            wrong[found] = True
            if there is not None:
                wrong &= there
        return np.flatnonzero(wrong) if wrong.any() else None

    def _run(self, places: Any, data: Any, sizes: Any) -> Any:
        """Rows with a byte outside the set."""
        outside = np.flatnonzero(~self.tables[0].take(data[places[0] : places[-1]]))
        return np.searchsorted(places, outside + places[0], side="right") - 1 if len(outside) else None

    def _shape(self, places: Any, data: Any, sizes: Any, there: Any, wrong: Any) -> Any:
        """Rows of the right size with a byte outside its place's set."""
        width = self.least
        fits = ~wrong if there is None else there & ~wrong
        count = int(np.count_nonzero(fits))
        if int(places[-1] - places[0]) == count * width:  # nothing but texts of the right size
            texts = data[places[0] : places[-1]].reshape(-1, width)
        else:
            starts = places[:-1][fits]
            texts = data[starts[:, None] + np.arange(width, dtype=starts.dtype)]
        bad = self.misfits(texts, 0)
        return np.flatnonzero(fits)[bad] if bad.any() else None

    def misfits(self, texts: Any, at: int) -> Any:
        """Which texts (n,) have a byte outside its place's set.

        Args:
            texts: their bytes from place `at` on, (n, number of bytes) without gaps in memory; those behind the shape
                do not matter.
            at: the place.
        """
        wide = texts.shape[1]
        tables = self.tables[at : at + wide]
        if (at, wide) not in self._bounds:
            self._bounds[at, wide] = _bounds(tables, wide)
        bounds = self._bounds[at, wide]
        if bounds is not None:
            return _outside(texts, *bounds)
        bad = np.zeros(len(texts), bool)
        for place, table in enumerate(tables):
            bad |= ~table.take(texts[:, place])
        return bad

    @cached_property
    def ranges(self) -> tuple[bytes, bytes] | None:
        """Of a shape's places the least byte that may occur there and how many follow; None for gaps, and for a run."""
        bounds = None if self.run else _bounds(self.tables, self.least)
        return None if bounds is None else (bounds[0][: self.least].tobytes(), bounds[1][: self.least].tobytes())

    @cached_property
    def _bounds(self) -> dict[tuple[int, int], tuple[Any, Any] | None]:
        """What :meth:`misfits` has worked out."""
        return {}


def _outside(texts: Any, low: Any, span: Any) -> Any:
    """Which texts have a byte out of bounds: one subtraction and one comparison, many texts at a time."""
    wide, flat = texts.shape[1], texts.reshape(-1)
    outside = np.empty(len(flat), bool)
    whole = len(flat) // len(low) * len(low)
    np.greater(flat[:whole].reshape(-1, len(low)) - low, span, out=outside[:whole].reshape(-1, len(low)))
    rest = len(flat) - whole
    np.greater(flat[whole:] - low[:rest], span[:rest], out=outside[whole:])
    if wide % 8:
        return outside.reshape(-1, wide).any(axis=1) if outside.any() else np.zeros(len(texts), bool)
    eights = outside.view(np.uint64).reshape(-1, wide // 8)
    found = eights[:, 0]
    for more in range(1, wide // 8):
        found = found | eights[:, more]
    return found != 0


def _bounds(tables: Sequence[_Table], wide: int) -> tuple[Any, Any] | None:
    """For each byte of a block of texts `wide` the least that may occur there and how many follow; None for gaps."""
    lows, spans = [], []
    for table in tables:
        members = np.flatnonzero(table)
        if members[-1] - members[0] + 1 != len(members):
            return None
        lows.append(members[0])
        spans.append(len(members) - 1)
    lows += [0] * (wide - len(lows))
    spans += [255] * (wide - len(spans))
    times = max(1, 4096 // len(lows))
    return np.tile(np.array(lows, np.uint8), times), np.tile(np.array(spans, np.uint8), times)
