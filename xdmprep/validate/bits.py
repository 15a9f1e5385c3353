"""Which bytes of a block are of interest, as bits: 64 of them in a word.

A block becomes bits slice by slice, so that what is in between stays in the processor's cache.  From the bits, places
are found by arithmetic on words: the lowest bit of many words at once.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Ints = np.ndarray[Any, np.dtype[np.int64]]
Words = np.ndarray[Any, np.dtype[np.uint64]]

#: Bytes that become bits together; a multiple of 64.
SLICE = 1 << 19
#: Where more than one of so many words has bits, their places are many.
_MANY = 8
_ONE = np.uint64(1)


def bits(data: Any, test: np.ufunc, code: int, room: int = 0) -> Words:
    """For each byte whether ``test(byte, code)``, and at least `room` zeros behind; the first is the lowest bit."""
    words = np.zeros((len(data) + room + 63) // 64, "<u8")
    packed = words.view(np.uint8)
    hits = np.empty(min(len(data), SLICE), dtype=bool)
    for start in range(0, len(data), SLICE):
        piece = data[start : start + SLICE]
        found = test(piece, code, out=hits[: len(piece)])
        if found.any():
            some = np.packbits(found, bitorder="little")
            packed[start // 8 : start // 8 + len(some)] = some
    return words


def clear(words: Words, places: Ints) -> None:
    """Unset the bits of some places."""
    np.bitwise_and.at(words, places >> 6, ~(_ONE << (places & 63).astype(np.uint64)))


def lowest(words: Any) -> Ints:
    """For each word the number of its lowest bit that is set; negative where none is."""
    # the lowest bit alone is a power of two, and a double holds its number as exponent
    found: Ints = ((words & -words).astype(np.float64).view(np.int64) >> 52) - 1023
    return found


def places(words: Words) -> Ints:
    """The numbers of the bits that are set, ascending."""
    some = np.flatnonzero(words != 0)
    if len(some) * _MANY > len(words):
        return np.flatnonzero(np.unpackbits(words.view(np.uint8), bitorder="little").view(bool))
    left, found = words[some], [np.zeros(0, np.int64)]
    while len(some):  # one bit of each word in turn
        found.append(some * 64 + lowest(left))
        left = left & (left - _ONE)
        more = left != 0
        some, left = some[more], left[more]
    return np.sort(np.concatenate(found)) if len(found) > 2 else found[-1]
