"""Numbers and booleans in the bytes of JSON lines: only what JSON allows, and only what a column holds exactly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .lines import Ints, Lines

#: Digits of an integer that always fits 64 bits; longer ones are read exactly.
MAX_DIGITS = 18
#: Doubles beyond it may stand for integers that no double holds.
EXACT = 2.0**53
#: Integers of so many digits are doubles; so are these powers of ten.
EXACT_DIGITS = 15
_POWERS = np.asarray([float(10**power) for power in range(23)])

_NUMBER = r"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$"
#: The first four and five bytes of a word, and what they are for ``true`` and ``false``.
_FOUR, _FIVE = np.uint64(0xFFFFFFFF), np.uint64(0xFFFFFFFFFF)
_TRUE, _FALSE = np.uint64(int.from_bytes(b"true", "little")), np.uint64(int.from_bytes(b"false", "little"))


def booleans(lines: Lines, begin: Ints) -> tuple[pa.Array, Ints]:
    """The booleans that begin at some places, and how many bytes they have; none where there is no boolean."""
    found = lines.words(begin, 8)[:, 0]
    true = found & _FOUR == _TRUE
    return pa.array(true), 4 * true + 5 * (found & _FIVE == _FALSE)


def numbers(lines: Lines, begin: Ints) -> tuple[pa.Array, Ints]:
    """The numbers that begin at some places, and how many bytes they have; none where there is no such number.

    They are integers if all are, doubles otherwise.
    """
    some = _bytes(lines, begin)
    negative = some[:, 0] == ord("-")
    if negative.any():
        some = _bytes(lines, begin + negative)
    digits, count = _digits(some)
    good = (count > 0) & (count <= MAX_DIGITS) & ((some[:, 0] != ord("0")) | (count == 1))
    behind = np.take_along_axis(some, count[:, None], axis=1)[:, 0]
    values = _whole(digits, count, np.zeros(len(begin), dtype=np.int64))
    size = count + negative
    point, exponent = behind == ord("."), (behind | 32) == ord("e")
    if not point.any() and not exponent.any():
        return pa.array(np.where(negative, -values, values)), np.where(good, size, 0)
    found = values.astype(np.float64)
    at = np.flatnonzero(point & good)
    if len(at):
        some = _bytes(lines, begin[at] + size[at] + 1)
        digits, behind_point = _digits(some)
        all_digits = _whole(digits, behind_point, values[at])
        # both numbers are doubles exactly, so that the one division rounds as reading the text would
        found[at] = all_digits / _POWERS[np.minimum(behind_point, 22)]
        simple = (count[at] + behind_point <= EXACT_DIGITS) & (behind_point > 0)
        last = np.take_along_axis(some, behind_point[:, None], axis=1)[:, 0]
        size[at] += behind_point + 1
        exponent[at] = ((last | 32) == ord("e")) | ~simple
    found[negative] *= -1
    good &= np.abs(found) < EXACT
    odd = np.flatnonzero(exponent)
    if len(odd):
        found[odd], size[odd] = _read(lines, begin[odd])
        good[odd] = size[odd] > 0
    return pa.array(found), np.where(good, size, 0)


def _read(lines: Lines, begin: Ints) -> tuple[Any, Ints]:
    """Numbers in any notation, and how many bytes they have; none where there is no number, or no double is it."""
    some = _bytes(lines, begin)
    size = np.argmax((some == ord(",")) | (some == ord("}")) | (some == ord("]")) | (some == 10), axis=1)
    texts = lines.slices(begin, begin + size)
    fine = pc.match_substring_regex(texts, _NUMBER)
    found = np.asarray(pc.if_else(fine, texts, "0").cast(pa.float64()))
    good = np.asarray(fine.to_numpy(zero_copy_only=False), dtype=bool) & (np.abs(found) < EXACT)
    return found, np.where(good, size, 0)


def _whole(digits: Any, count: Ints, values: Ints) -> Ints:
    """Integers made longer by so many digits."""
    for at in range(min(int(count.max(initial=0)), MAX_DIGITS)):
        values = np.where(at < count, values * 10 + digits[:, at], values)
    return values


def _bytes(lines: Lines, begin: Ints) -> Any:
    return lines.words(begin, 32).view(np.uint8)


def _digits(some: Any) -> tuple[Any, Ints]:
    """The bytes as digits, and how many of them at the beginning are digits (0 if all are)."""
    digits = some - np.uint8(48)
    return digits, np.argmax(digits > 9, axis=1)
