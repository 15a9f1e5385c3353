"""The walk along the leaves that are present.

A record is a walk over the leaves that are present.  Between two of them that follow each other stands what closes the
one (closing quote, closing brackets) and what opens the other (comma, opening brackets, key, opening quote), up and
down from the *level* of the objects and arrays that both are in.  A leaf has few levels, so both are constants from two
tables whose size grows with the number of leaves.  A row is then closing, opening, value, closing, opening, value, ...,
closing: nulls, empty objects and empty arrays vanish by themselves.  Without a compiler they are columns that Arrow
joins; the compiled loop walks the same tables row by row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .arrays import offsets_of, text_bytes

#: A level that holds for any leaf that follows.
_ALL = 1 << 30


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

    def texts(
        self,
        values: Sequence[TextColumn],
        n: int,
        keep: np.ndarray[Any, Any] | None = None,
        around: tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]] | None = None,
        starts: bool = True,
    ) -> TextRun:
        """As the kernel `join`."""
        everyone = np.ones(n, bool)

        def literals(index: Any, there: Any = everyone) -> pa.Array:
            return self._literals.take(pa.array(index, pa.int32(), mask=~there))

        parts = [] if around is None else [literals(around[0])]
        # where the closings of each row's last present leaf begin, and the level since
        at, level = np.zeros(n, np.int64), np.zeros(n, np.int64)
        for j, value in enumerate(values):
            there = everyone if value.there is None else value.there
            level = np.minimum(level, self._tops[j])
            texts = value.texts
            if value.escaped is not None:
                replaced = np.isin(np.arange(n), value.escaped[0])
                texts = pc.replace_with_mask(texts, pa.array(replaced), value.escaped[1])
            codes = np.arange(n) if value.codes is None else value.codes
            parts += [
                literals(self._closing[at + level], there),
                literals(self._opening[self._opening_at[j] + level], there),
                texts.take(pa.array(codes, pa.int32(), mask=~there)),
            ]
            at, level = np.where(there, self._closing_at[j], at), np.where(there, _ALL, level)
        parts.append(literals(np.where(at == 0, self._empty, self._closing[at])))
        if around is not None:
            parts.append(literals(around[1]))
        joined = pc.binary_join_element_wise(*parts, "", null_handling="replace", null_replacement="")
        if keep is not None:
            joined = pc.if_else(pa.array(keep), joined, "")
        offsets, data = text_bytes(joined)
        return TextRun(offsets if starts else offsets[:0], pa.py_buffer(data[: offsets[-1]]))
