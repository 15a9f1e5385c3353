"""The walk along the leaves that are present, as one ``take`` from a pool of texts.

A record is a walk over the leaves that are present.  The text between two consecutive present leaves i -> j (closing
quote of i, closing brackets, comma, opening brackets, key of j, opening quote) depends on the *pair* only, so it is a
constant ``T[i, j]``.  A row is then literal, value, literal, value, ..., literal, each an index into one pool of
strings (all value columns and all constants).  A single Arrow ``take`` of those indices, in row order, leaves the
finished bytes in its data buffer: nulls, empty objects and empty arrays vanish by themselves.  The compiled loop
walks the same table row by row, without a pool and without indices.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .. import native
from ..paths import Path

#: By how much the index of a literal, and that of the value behind it, are shifted within an int64.
_LITERAL, _VALUE = (0, 32) if sys.byteorder == "little" else (32, 0)
_NO_CHECK = pc.TakeOptions(boundscheck=False)
#: How much longer than those of the chunk before a chunk's texts may be, on average; and the most that is added for it.
_MARGIN = 1.03
_BLANK = pa.py_buffer(bytes(4 << 20))


@dataclass(frozen=True)
class Texts:
    """n texts side by side: int32 offsets (n + 1) into `data`."""

    offsets: np.ndarray[Any, np.dtype[np.int32]]
    data: pa.Buffer


@dataclass(frozen=True)
class Value:
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


Leg = tuple[Path, bool, str]  # path, quoted?, constant text behind the value


#: Literals that every walk has, at fixed indexes.
MARKS = {"": 0, "[": 1, ",": 2, "]": 3, "{": 4, "}": 5}


class Walk:
    """The transition table of a list of leaves and the walk along it.

    Args:
        legs: the leaves, in the order of the text.
        end: the text behind each record.
        between: what stands between two of them.
    """

    def __init__(
        self,
        legs: Sequence[Leg],
        end: str,
        between: Callable[[Leg | None, Leg | None, str], str] | None = None,
    ) -> None:
        text_between = between or between_leaves
        count = len(legs)
        index = dict(MARKS)
        # row `count`: start of a record; column `count`: its end
        self.table = np.zeros((count + 1, count + 1), np.int64)
        for i in (*range(count), count):
            for j in range(i + 1 if i < count else 0, count + 1):
                text = text_between(legs[i] if i < count else None, legs[j] if j < count else None, end)
                self.table[i, j] = index.setdefault(text, len(index))
        self._literals = pa.array(list(index), pa.string())
        self._table = self.table.astype(np.int32)
        ends = np.cumsum([0, *(len(text.encode()) for text in index)]).astype(np.int32)
        self._literal_texts = (ends, "".join(index).encode() + bytes(64))
        #: Length of the texts that were picked last time, on average.
        self._mean = 0.0

    def data(self, values: Sequence[Value], n: int, keep: np.ndarray[Any, Any] | None = None) -> pa.Buffer:
        """The text of all n rows, or of those where `keep` (bool, n) is True."""
        if native.compiled is not None:
            return self._joined(native.compiled, values, n, keep, None)[0]
        strings, picked, _ = self._pick(values, n, keep, None)
        offsets, data = self._take(strings, picked)
        return data.slice(0, int(offsets[-1]))

    def texts(
        self,
        values: Sequence[Value],
        n: int,
        keep: np.ndarray[Any, Any] | None = None,
        around: tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]] | None = None,
    ) -> Texts:
        """The text of each of n rows; `around`: per row the indexes of the literals before and behind it."""
        if native.compiled is not None:
            made, starts = self._joined(native.compiled, values, n, keep, around or (None, None))
            return Texts(starts, made)
        strings, picked, counts = self._pick(values, n, keep, around)
        all_offsets, data = self._take(strings, picked)
        ends = np.zeros(n + 1, np.int64)
        np.cumsum(counts(), out=ends[1:])
        offsets = all_offsets[ends]
        return Texts(offsets, data.slice(0, int(offsets[-1])))

    def _joined(
        self,
        loops: ModuleType,
        values: Sequence[Value],
        n: int,
        keep: np.ndarray[Any, Any] | None,
        around: tuple[Any, Any] | None,
    ) -> tuple[pa.Buffer, np.ndarray[Any, np.dtype[np.int32]]]:
        """The text by the compiled walk, and, where `around` is given, the place where each row begins."""
        before, after = around or (None, None)
        size, data, starts = loops.join(
            [_leg(value) for value in values], self._table, *self._literal_texts, n, keep, before, after,
            around is not None, pa.allocate_buffer,
        )  # fmt: skip
        return data.slice(0, size), np.frombuffer(starts or b"", np.int32, n + 1 if starts else 0)

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
        values: Sequence[Value],
        n: int,
        keep: np.ndarray[Any, Any] | None,
        around: tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]] | None,
    ) -> tuple[pa.Array, pa.Array, Callable[[], np.ndarray[Any, Any]]]:
        """The pool, the indexes into it in the order of the text, and how many of them are each row's.

        An index of a literal and the one of the value behind it are the halves of one int64, so that a leaf is written
        to the rows in one go.
        """
        count, table = len(values), self.table
        first = 0 if around is None else 1
        slots = count + 1 + first
        pairs = np.empty((n, slots), np.int64)
        present = np.ones((n, slots), bool)
        pool: list[pa.Array] = [self._literals]
        size = len(self._literals)
        everyone = np.arange(n, dtype=np.int64) << _VALUE
        repairs: list[tuple[int, np.ndarray[Any, Any], pa.Array]] = []
        last: np.ndarray[Any, Any] | None = None  # each row's last present leaf; None while it is `same` for all
        same = count
        for j, value in enumerate(values):
            slot = j + first
            literals = (table[:, j] << _LITERAL) + (size << _VALUE)
            own = everyone if value.codes is None else value.codes.astype(np.int64) << _VALUE
            np.add(own, literals[same] if last is None else literals.take(last), out=pairs[:, slot])
            pool.append(value.texts)
            size += len(value.texts)
            if value.escaped is not None:
                repairs.append((slot, *value.escaped))
            if value.there is None:
                last, same = None, j
            else:
                present[:, slot] = value.there
                if last is None:
                    last = np.full(n, same, np.int32)
                np.copyto(last, j, where=value.there)
        literals = table[:, count] << _LITERAL
        pairs[:, -1] = literals[same] if last is None else literals.take(last)
        halves = pairs.view(np.int32).reshape(n, slots, 2)
        if around is not None:
            halves[:, 0, 0], halves[:, -1, 1] = around
            halves[:, 0, 1] = 0
        for slot, rows, texts in repairs:
            halves[rows, slot, 1] = size + np.arange(len(rows), dtype=np.int32)
            size += len(texts)
            pool.append(texts)
        if keep is not None:
            present &= keep[:, None]
        picked = pairs.reshape(-1)[present.reshape(-1)].view(np.int32)
        strings = pa.concat_arrays([*pool, *_blank(pool, size, self._mean)])
        buffers = strings.buffers()
        if buffers[0] is not None:  # no validity: what is null is never picked
            strings = pa.StringArray.from_buffers(len(strings), buffers[1], buffers[2])
        return strings, pa.array(picked), lambda: present.sum(axis=1, dtype=np.int32) * 2


def _leg(value: Value) -> tuple[Any, ...]:
    """A column as the compiled walk takes it."""
    codes = None if value.codes is None else np.ascontiguousarray(value.codes, np.int32)
    rows, texts = (None, None) if value.escaped is None else value.escaped
    others = (None, None, None) if rows is None else (np.ascontiguousarray(rows, np.int64), *_buffers(texts))
    return *_buffers(value.texts, sized=True), codes, value.there, *others


def _buffers(texts: pa.Array, sized: bool = False) -> tuple[Any, ...]:
    """The offsets and the data of a string array, perhaps with its length between them."""
    _, offsets, data = texts.buffers()
    places = None if offsets is None else np.frombuffer(offsets, np.int32, len(texts) + 1, texts.offset * 4)
    return (places, len(texts), data) if sized else (places, data)


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


def between_leaves(a: Leg | None, b: Leg | None, end: str) -> str:
    """The text between leaf `a` (None: start of the record) and leaf `b` (None: its end)."""
    out = ""
    shared = 0
    if a is not None:
        out += ('"' if a[1] else "") + a[2]
        if b is not None:
            while a[0][shared] == b[0][shared]:
                shared += 1
            closing = a[0][shared + 1 :]
        else:
            closing = a[0]
        for step in reversed(closing):
            out += "]" if isinstance(step, int) else "}"
    if b is None:
        return out + ("{}" if a is None else "") + end
    if a is not None:
        out += ","
    for depth in range(shared, len(b[0])):
        step = b[0][depth]
        if depth > shared or a is None:
            out += "[" if isinstance(step, int) else "{"
        if not isinstance(step, int):
            out += f'"{key_text(step)}":'
    return out + ('"' if b[1] else "")


def key_text(text: str) -> str:
    """`text` as it stands between the quotes of a key."""
    return json.dumps(text, ensure_ascii=False)[1:-1]
