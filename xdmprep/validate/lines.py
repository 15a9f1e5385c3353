"""A block of JSON lines: where its lines and its quotes are, found once with arithmetic on whole blocks.

Everything that turns lines into columns (:mod:`.follow`, :mod:`.sparse`) starts from here.  A line with
a control character is marked as strange and left to the exact path.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..leaves import Leaf
from .bits import Ints, bits, clear, lowest, places

Mask = np.ndarray[Any, np.dtype[np.bool_]]

#: Bytes that must follow the text in a :class:`Lines` buffer.
PADDING = 64

#: Bits of a word that are surely there, wherever in its first byte the bits of interest begin.
_SURE = 57
#: How often the next so many bytes are looked at for a quote before it is searched for.
_LOOKS = 8
#: Bits behind those of the block, all zero, so that none of these looks ends outside.
_ROOM = _LOOKS * _SURE + 64


def escaped_quotes(text: Any, slashes: Ints) -> Ints:
    """Places of quotes behind a backslash that is not itself behind one."""
    begins = np.diff(slashes, prepend=-2) > 1
    number = slashes - slashes[begins][np.cumsum(begins) - 1]  # in its run of backslashes, from 0
    before = slashes[(number % 2 == 0) & (slashes < len(text) - 1)]
    quotes: Ints = before[text[before + 1] == 34] + 1
    return quotes


class Lines:
    """A block of lines, and where everything is in it.

    Args:
        data: a buffer with the block, followed by :data:`PADDING` zero bytes.
        size: bytes of the block without the padding.

    Attributes:
        starts, ends: where each line begins and ends (without its line break).
        strange: lines for the exact path.
        slashes: places of all backslashes.
        escaped: lines with one.
    """

    def __init__(self, data: Any, size: int) -> None:
        self.data, self.size = data, size
        self.bytes = np.frombuffer(data, np.uint8)[:size]
        self._words = {n: np.ndarray((size + PADDING - 31,), f"V{8 * n}", data, 0, (1,)) for n in (1, 2, 4)}
        controls = places(bits(self.bytes, np.less, 32))
        kind = self.bytes[controls]
        ends = controls[kind == 10]
        if size and (not len(ends) or ends[-1] != size - 1):
            ends = np.append(ends, size)
        self.ends: Ints = ends.astype(np.int64, copy=False)
        self.starts: Ints = np.concatenate([np.zeros(1, np.int64), self.ends[:-1] + 1])[: len(self.ends)]
        self.strange: Mask = np.zeros(len(self.ends), dtype=bool)
        self.escaped: Mask = np.zeros(len(self.ends), dtype=bool)
        self._mark_controls(controls[kind != 10])
        self.slashes: Ints = places(bits(self.bytes, np.equal, 92))
        self._quotes = bits(self.bytes, np.equal, 34, _ROOM)
        if len(self.slashes):
            self.escaped[self._lines_of(self.slashes)] = True
            clear(self._quotes, escaped_quotes(self.bytes, self.slashes))
        self._quote_words = np.ndarray((8 * len(self._quotes) - 7,), "<u8", self._quotes, 0, (1,))

    def _lines_of(self, positions: Ints) -> Ints:
        return np.searchsorted(self.ends, positions)

    def _mark_controls(self, at: Ints) -> None:
        """Lines with control characters other than their line breaks are read exactly."""
        if len(at):
            behind = self.bytes[np.minimum(at + 1, self.size - 1)]
            line_break = (self.bytes[at] == 13) & ((behind == 10) | (at == self.size - 1))
            self.strange[self._lines_of(at[~line_break])] = True

    @cached_property
    def marks(self) -> Ints:
        """Places of all quotes that begin or end a text."""
        return places(self._quotes)

    @cached_property
    def count(self) -> Ints:
        """How many of them each line has."""
        return np.diff(np.searchsorted(self.marks, np.append(self.starts, self.size)))

    def quote_from(self, begin: Ints) -> Ints:
        """For each place that of the next quote, itself included; somewhere behind its line where there is none."""
        found, left = np.minimum(begin, self.size), None
        for _ in range(_LOOKS):
            at = found if left is None else found[left]
            bit = lowest(self._quote_words[at >> 3] >> (at & 7).astype(np.uint64))
            none = bit < 0
            if left is None:
                found = at + bit
            else:
                found[left] = at + bit
            if not none.any():
                return found
            left = np.flatnonzero(none) if left is None else left[none]
            found[left] = at[none] + _SURE
        found[left] = np.append(self.marks, self.size)[np.searchsorted(self.marks, found[left])]
        return found

    def words(self, places: Ints, size: int) -> Any:
        """The bytes from each place on, at least `size` (at most 32), eight to a word; no place is beyond the end."""
        number = 1 if size <= 8 else 2 if size <= 16 else 4
        return self._words[number][places].view("<u8").reshape(-1, number)

    def line(self, number: int) -> bytes:
        """The bytes of a line."""
        return self.bytes[self.starts[number] : self.ends[number]].tobytes()

    def slices(self, begin: Any, end: Any) -> pa.Array:
        """The bytes between two places in each line, as text; the places ascend."""
        n = len(begin)
        offsets = np.empty(2 * n, np.int32)
        offsets[0::2], offsets[1::2] = begin, end
        both = pa.StringArray.from_buffers(2 * n - 1, pa.py_buffer(offsets), pa.py_buffer(self.data))
        return pc.take(both, pa.array(np.arange(0, 2 * n, 2, dtype=np.int32)), boundscheck=False)


class Texts:
    """Texts in a block, as a column that is made when it is asked for.

    Args:
        lines: the block.
        begin, end: where they are, one in each line.
        there: in which lines there is one; None means in all.
        mended: positions of those that stand in the block with escapes, ascending, and what they are without; None if
            there are none.
    """

    type = pa.string()

    def __init__(
        self, lines: Lines, begin: Ints, end: Ints, there: Mask | None, mended: tuple[Ints, pa.Array] | None = None
    ) -> None:
        self.lines, self.begin, self.end, self.there, self.mended = lines, begin, end, there, mended

    def __len__(self) -> int:
        return len(self.begin)

    @cached_property
    def sizes(self) -> Ints:
        """How many bytes they have; none where there is no text."""
        return self.end - self.begin

    def array(self) -> pa.Array:
        """The column."""
        return self._array

    @cached_property
    def _array(self) -> pa.Array:
        texts = self.lines.slices(self.begin, self.end)
        if self.there is not None:
            valid = pa.py_buffer(np.packbits(self.there, bitorder="little"))
            texts = pa.Array.from_buffers(pa.string(), len(texts), [valid, *texts.buffers()[1:]])
        if self.mended is None:
            return texts
        mask = np.zeros(len(self), dtype=bool)
        mask[self.mended[0]] = True
        return pc.replace_with_mask(texts, pa.array(mask), self.mended[1])

    def take(self, positions: Ints) -> Texts:
        """Some of them; the positions ascend."""
        there = None if self.there is None else self.there[positions]
        mended = None
        if self.mended is not None:
            _, at, which = np.intersect1d(positions, self.mended[0], assume_unique=True, return_indices=True)
            mended = (at, self.mended[1].take(pa.array(which))) if len(at) else None
        return Texts(self.lines, self.begin[positions], self.end[positions], there, mended)


@dataclass(frozen=True, eq=False)
class Group:
    """Lines that became columns.

    Attributes:
        lines: their numbers, ascending.
        leaves: where the columns stand.
        columns: what stands there.
        nulls: for leaves that are ``null`` in some lines, by their index: in which.  Such a value is there, and no
            column holds it.
    """

    lines: Ints
    leaves: tuple[Leaf, ...]
    columns: tuple[pa.Array | Texts, ...]
    nulls: dict[int, Mask] = field(default_factory=dict)
