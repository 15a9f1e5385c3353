"""The walk along the leaves that are present, as one ``take`` from a pool of texts.

A record is a walk over the leaves that are present.  Between two of them that follow each other stands what closes the
one (closing quote, closing brackets) and what opens the other (comma, opening brackets, key, opening quote), up and
down from the *level* of the objects and arrays that both are in.  A leaf has few levels, so both are constants from two
tables whose size grows with the number of leaves.  A row is then closing, opening, value, closing, opening, value, ...,
closing, each an index into one pool of strings (all value columns and all constants).  A single Arrow ``take`` of those
indices, in row order, leaves the finished bytes in its data buffer: nulls, empty objects and empty arrays vanish by
themselves.  The compiled loop walks the same tables row by row, without a pool and without indices.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .arrays import offsets_of

_NO_CHECK = pc.TakeOptions(boundscheck=False)


#: A level that holds for any leaf that follows.
_ALL = 1 << 30


#: How much longer than those of the chunk before a chunk's texts may be, on average; and the most that is added for it.
_MARGIN = 1.03


_BLANK = pa.py_buffer(bytes(4 << 20))


@dataclass(frozen=True)
class TextRun:
    """n texts side by side: int32 offsets (n + 1) into `data`."""

    offsets: np.ndarray[Any, np.dtype[np.int32]]
    data: pa.Buffer


@dataclass(frozen=True)
class TextColumn:
    """The JSON texts of one column, without quotes.

    Attributes:
        texts: string array.
        codes: index into `texts` for each row; None means row by row.
        there: bool (n,), False where the row has nothing; None means all have something.
        escaped: (rows, texts) that replace a row's text; only without `codes`.
    """

    texts: pa.Array
    codes: np.ndarray[Any, Any] | None = None
    there: np.ndarray[Any, np.dtype[np.bool_]] | None = None
    escaped: tuple[np.ndarray[Any, Any], pa.Array] | None = None


#: Literals that every walk has, at fixed indexes.
MARKS = {"": 0, "[": 1, ",": 2, "]": 3, "{": 4, "}": 5}


@dataclass(frozen=True)
class WalkTables:
    """What comes between the leaves of a walk.

    A level is the number of objects and arrays that a leaf and the one before it that is present are both in; 0 where
    the record begins or ends.

    Attributes:
        tops: for each leaf the level that it has with the one just before it; 0 for the first.
        opening: for each leaf what opens it, at each level from 0 to its top.
        closing: for each leaf what closes it, at each level from 0 to the top of the next one (0 behind the last).
        empty: the text of a record without any.
    """

    tops: Sequence[int]
    opening: Sequence[Sequence[str]]
    closing: Sequence[Sequence[str]]
    empty: str


class Walk:
    """The walk along a list of leaves, with the tables of what comes between them."""

    def __init__(self, tables: WalkTables) -> None:
        index = dict(MARKS)

        def numbers(texts: Sequence[Sequence[str]]) -> np.ndarray[Any, np.dtype[np.int32]]:
            found = [index.setdefault(text, len(index)) for levels in texts for text in levels]
            return np.array(found, np.int32)

        # index 0 of `closing` stands for the begin of a record, where nothing is closed
        self._opening, self._closing = numbers(tables.opening), numbers([[""], *tables.closing])
        self._opening_at = np.cumsum([0, *map(len, tables.opening)])
        self._closing_at = np.cumsum([1, *map(len, tables.closing)])
        self._tops = (*tables.tops, 0)
        self._empty = index.setdefault(tables.empty, len(index))
        shared = np.array([*tables.tops, 0] if tables.tops else [0], np.int32) - 1
        behind = numbers([['"' + text for text in levels] for levels in tables.opening])
        self.compiled_tables = (shared, self._opening, behind, self._closing[1:], self._empty)
        self._literals = pa.array(list(index), pa.string())
        ends = offsets_of([len(text.encode()) for text in index])
        self.literal_texts = (ends, "".join(index).encode() + bytes(64))
        #: Length of the texts that were picked last time, on average.
        self._mean = 0.0

    def texts(
        self,
        values: Sequence[TextColumn],
        n: int,
        keep: np.ndarray[Any, Any] | None = None,
        around: tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]] | None = None,
        starts: bool = True,
    ) -> TextRun:
        """As the kernel `join`."""
        strings, picked, counts = self._pick(values, n, keep, around)
        all_offsets, data = self._take(strings, picked)
        if not starts:
            return TextRun(all_offsets[:0], data.slice(0, int(all_offsets[-1])))
        ends = np.zeros(n + 1, np.int64)
        np.cumsum(counts(), out=ends[1:])
        offsets = all_offsets[ends]
        return TextRun(offsets, data.slice(0, int(offsets[-1])))

    def _take(self, strings: pa.Array, picked: pa.Array) -> tuple[np.ndarray[Any, np.dtype[np.int32]], pa.Buffer]:
        """The picked texts side by side, and where each begins."""
        taken = pc.call_function("take", [strings, picked], _NO_CHECK)
        _, offsets, data = taken.buffers()
        places = np.frombuffer(offsets, np.int32)
        if len(picked):
            self._mean = int(places[len(picked)]) / len(picked)
        return places, pa.py_buffer(b"") if data is None else data

    def _pick(
        self,
        values: Sequence[TextColumn],
        n: int,
        keep: np.ndarray[Any, Any] | None,
        around: tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]] | None,
    ) -> tuple[pa.Array, pa.Array, Callable[[], np.ndarray[Any, Any]]]:
        """The pool, the indexes into it in the order of the text, and how many of them are each row's.

        Each leaf of a row is three of them: what closes the one before, what opens it, its value.
        """
        first = 0 if around is None else 1
        slots = len(values) + 1 + first
        parts = np.zeros((n, slots, 3), np.int32)
        present = np.ones((n, slots), bool)
        pool: list[pa.Array] = [self._literals]
        size = len(self._literals)
        everyone = np.arange(n, dtype=np.int32)
        repairs: list[tuple[int, np.ndarray[Any, Any], pa.Array]] = []
        # where the closings of each row's last present leaf begin, and the level since; numbers while all rows agree
        at: Any = 0
        level: Any = 0
        for j, value in enumerate(values):
            slot = j + first
            level = np.minimum(level, self._tops[j])
            parts[:, slot, 0] = self._closing[at + level]
            parts[:, slot, 1] = self._opening[self._opening_at[j] + level]
            codes = everyone if value.codes is None else value.codes
            np.add(codes, size, out=parts[:, slot, 2], dtype=np.int32, casting="unsafe")
            pool.append(value.texts)
            size += len(value.texts)
            if value.escaped is not None:
                repairs.append((slot, *value.escaped))
            if value.there is None:
                at, level = self._closing_at[j], _ALL
            else:
                present[:, slot] = value.there
                at = np.where(value.there, self._closing_at[j], at)
                level = np.where(value.there, _ALL, level)
        parts[:, -1, 0] = np.where(at == 0, self._empty, self._closing[at])
        if around is not None:
            parts[:, 0, 0], parts[:, -1, 1] = around
        for slot, rows, texts in repairs:
            parts[rows, slot, 2] = size + np.arange(len(rows), dtype=np.int32)
            size += len(texts)
            pool.append(texts)
        if keep is not None:
            present &= keep[:, None]
        picked = parts.reshape(-1).view("V12")[present.reshape(-1)].view(np.int32)  # three together: ten times as fast
        strings = pa.concat_arrays([*pool, *_blank(pool, size, self._mean)])
        buffers = strings.buffers()
        if buffers[0] is not None:  # no validity: what is null is never picked
            strings = pa.StringArray.from_buffers(len(strings), buffers[1], buffers[2])
        return strings, pa.array(picked), lambda: present.sum(axis=1, dtype=np.int32) * 3


def _blank(pool: Sequence[pa.Array], size: int, mean: float) -> list[pa.Array]:
    """A text that nobody picks, by which the pool's `size` texts get the `mean` length of those that are picked.

    For each text that it picks, Arrow's ``take`` makes room for one of the mean length; where that is too little, it
    copies all it has to a place twice as large.
    """
    used = 0
    for texts in pool:
        offsets = np.frombuffer(texts.buffers()[1], np.int32, len(texts) + 1, texts.offset * 4) if len(texts) else [0]
        used += int(offsets[-1]) - int(offsets[0])
    more = min(int(mean * _MARGIN * (size + 1)) - used, len(_BLANK))
    if more <= 0:
        return []
    return [pa.StringArray.from_buffers(1, pa.py_buffer(np.array([0, more], np.int32)), _BLANK)]
