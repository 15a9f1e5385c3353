"""Texts of JSON lines looked at where they stand, so that no column is made of those that are seen to fit.

A screen tells the texts that a test must look at from those that fit for sure, by their sizes or some of their bytes.
It may doubt what is fine; what it does not doubt fits.  The doubtful ones alone become a column and are tested exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa

from ..regex import compile_ecma
from .bytewise import ByteTest, byte_test
from .kinds import Mask, Positions
from .lines import Texts

#: Gives the positions of the texts that it cannot tell to fit, ascending; of texts with escapes it may say anything.
Screen = Callable[[Texts], Positions]

#: Where more than one of so many texts is doubtful, the whole column is made.
MOST = 4
#: Lists of more values are not compared one by one.
MAX_LISTED = 16
#: So many bytes of a text are looked at together.
_WIDEST = 32
_QUOTE = b'"'

_DAY = "[1-9][0-9]{3}-[01][0-9]-[0-3][0-9]"
_SECOND = "T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]"
_OFFSET = "[+-][01][0-9]:[0-5][0-9]"
_SHAPES = {
    "date": (_DAY,),
    "date-time": tuple(_DAY + _SECOND + behind for behind in ("Z", r"\.[0-9]{3}Z", _OFFSET)),
}
#: Days of a month, by its number; no other number has any.
_DAYS = np.zeros(256, np.uint8)
_DAYS[1:13] = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@dataclass(frozen=True)
class Screened:
    """A test of columns, and a screen for texts that are in no column yet."""

    test: Callable[[pa.Array], Positions | None]
    screen: Screen

    def __call__(self, array: pa.Array) -> Positions | None:
        """The positions in a column that fail."""
        return self.test(array)


def doubtful(test: Any, texts: Texts) -> Positions | None:
    """Positions of the texts that a test must look at; None if that is all of them."""
    mended = np.zeros(0, np.int64) if texts.mended is None else texts.mended[0]
    if not isinstance(test, Screened) or MOST * len(mended) >= len(texts):
        return None
    found = test.screen(texts)
    if len(mended):  # what stands in the block says nothing of them
        found = np.union1d(found, mended)
    return found if MOST * len(found) < len(texts) else None


def surely_within(shortest: int, longest: int, least: int, most: int | None) -> bool:
    """Whether texts of so many bytes have `least` to `most` code points: bytes >= characters >= bytes / 4."""
    return (most is None or longest <= most) and (least == 0 or shortest >= _surely(least))


def _surely(least: int) -> int:
    """Texts of so many bytes have `least` code points or more."""
    return max(4 * least - 3, 1)


def by_length(least: int, most: int | None) -> Screen:
    """Texts of `least` to `most` code points."""

    def screen(texts: Texts) -> Positions:
        doubt = texts.sizes < (_surely(least) if least else 0)
        if most is not None:
            doubt |= texts.sizes > most
        return _there(texts, doubt)

    return screen


def by_shape(wanted: ByteTest) -> Screen | None:
    """Texts of a shape; None for a test that is none."""
    if wanted.run:
        return None

    def screen(texts: Texts) -> Positions:
        doubt = texts.sizes != wanted.least
        for at in range(0, wanted.least, _WIDEST):
            doubt |= wanted.misfits(_bytes(texts, at, wanted.least - at), at)
        return _there(texts, doubt)

    return screen


def by_list(values: Sequence[str]) -> Screen | None:
    """Texts among some; None where they are too many."""
    # with the quote behind it, so that nothing longer is taken for it
    listed = [value.encode() + _QUOTE for value in values if '"' not in value and "\\" not in value]
    listed = [value for value in listed if len(value) <= _WIDEST]
    if not listed or len(listed) > MAX_LISTED:
        return None
    longest = max(map(len, listed))

    def screen(texts: Texts) -> Positions:
        words = texts.lines.words(texts.begin, longest)
        doubt = np.ones(len(texts), dtype=bool)
        for value in listed:
            doubt &= _differs(words, value)
        return _there(texts, doubt)

    return screen


def _differs(words: Any, value: bytes) -> Mask:
    """Where words (n, ...) do not begin with the bytes of `value`."""
    differs: Any = None
    for at in range(0, len(value), 8):
        eight = value[at : at + 8]
        found = words[:, at // 8] ^ np.uint64(int.from_bytes(eight, "little"))
        if len(eight) < 8:
            found &= np.uint64((1 << 8 * len(eight)) - 1)
        differs = found if differs is None else differs | found
    unequal: Mask = differs != 0
    return unequal


@cache
def by_day(name: str) -> Screen | None:
    """Texts of the format ``date`` or ``date-time`` as most are written, on a day that is in every year."""
    tests = (byte_test(compile_ecma(f"^{shape}$").tree) for shape in _SHAPES.get(name, ()))
    shapes = [test for test in tests if test is not None]
    if not shapes:
        return None

    def screen(texts: Texts) -> Positions:
        doubt = np.ones(len(texts), dtype=bool)
        for shape in shapes:
            right = texts.sizes == shape.least
            if right.any():
                rows = _bytes(texts, 0, shape.least)
                right &= _is_day(rows, with_hour=shape.least > 10)
                doubt &= ~right | shape.misfits(rows, 0)
        return _there(texts, doubt)

    return screen


def _is_day(rows: Any, with_hour: bool) -> Mask:
    """Where bytes that have the shape of a day (and an hour) are one."""
    month, day = _two_digits(rows, 5), _two_digits(rows, 8)
    fine: Mask = day - np.uint8(1) < _DAYS[month]  # 0 less 1 is 255
    if with_hour:
        fine &= _two_digits(rows, 11) < 24
    return fine


def _two_digits(rows: Any, at: int) -> Any:
    return (rows[:, at] & 15) * np.uint8(10) + (rows[:, at + 1] & 15)


def _bytes(texts: Texts, at: int, size: int) -> Any:
    """The bytes of texts from one on, (n, 8, 16 or 32), at least `size` of them or 32; any where there is no text."""
    begin = np.minimum(texts.begin + at, texts.lines.size) if at else texts.begin
    return texts.lines.words(begin, min(size, _WIDEST)).view(np.uint8)


def _there(texts: Texts, doubt: Mask) -> Positions:
    """Where there is a text, and it is doubtful."""
    if texts.there is not None:
        doubt = doubt & texts.there
    return np.flatnonzero(doubt)
