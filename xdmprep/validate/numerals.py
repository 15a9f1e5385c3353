"""Numbers in the bytes of JSON lines: only what JSON allows, and only what a column holds exactly.

Up to seven digits, and as many behind a point, are one word each: where they end and what they are takes a few
operations on words, for all numbers together.  Longer ones, and those with an exponent, are read digit by digit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .bits import Ints, lowest
from .lines import Lines, Mask

#: Digits of an integer that always fits 64 bits; longer ones are read exactly.
MAX_DIGITS = 18
#: Doubles beyond it may stand for integers that no double holds.
EXACT = 2.0**53
#: Integers of so many digits are doubles; so are these powers of ten.
EXACT_DIGITS = 15
_POWERS = np.asarray([float(10**power) for power in range(23)])

_NUMBER = r"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$"
#: Digits less their values, in each byte of a word; what lifts every other value above 127; the bits above that.
_ZEROS, _LIFT, _HIGH = (np.uint64(byte * 0x0101010101010101) for byte in (0x30, 0x76, 0x80))
#: Every second byte, two of every four, four of eight.
_PAIRS, _FOURS, _EIGHT = (np.uint64(bits) for bits in (0x00FF00FF00FF00FF, 0x0000FFFF0000FFFF, 0xFFFFFFFF))
_BYTE = np.uint64(0xFF)


def numbers(lines: Lines, begin: Ints) -> tuple[Any, Ints]:
    """The numbers that begin at some places, and how many bytes they have; none where there is no such number.

    They are integers (int64) if all are, doubles otherwise.
    """
    words = lines.words(begin, 8)[:, 0]
    negative = words & _BYTE == ord("-")
    words = words >> (8 * negative).astype(np.uint64)
    digits, count, behind = _leading(words)
    good = (count > 0) & ((words & _BYTE != ord("0")) | (count == 1))
    size = count + negative
    odd = _goes_on(behind)
    values: Any = digits.astype(np.int64)
    point = behind == ord(".")
    if point.any():
        at: Any = slice(None) if point.all() else np.flatnonzero(point)
        some, more, behind = _leading(lines.words(begin[at] + size[at] + 1, 8)[:, 0])
        power = _POWERS[np.maximum(more, 0)]
        values = values.astype(np.float64)
        # both numbers are doubles exactly, so that the one division rounds as reading the text would
        values[at] = (values[at] * power + some) / power
        size[at] += more + 1
        odd[at] |= (more <= 0) | _goes_on(behind)
    np.negative(values, out=values, where=negative)
    size = np.where(good, size, 0)
    others = np.flatnonzero(odd)
    if not len(others):
        return values, size
    found, sizes = _longer(lines, begin[others])
    if found.dtype != values.dtype:
        sizes[~(np.abs(found) < EXACT)] = 0
        values, found = values.astype(np.float64), found.astype(np.float64)
    values[others], size[others] = found, sizes
    return values, size


def _leading(words: Any) -> tuple[Any, Ints, Any]:
    """The digits that words begin with: the number they are, how many, and the byte behind (0 if that is further)."""
    values = words ^ _ZEROS
    count = lowest(((values + _LIFT) | values) & _HIGH) >> 3
    bits = (8 * count).astype(np.uint64)
    values = values << (np.uint64(64) - bits)  # the digits fill the word from its end, zeros are before them
    values = (values * np.uint64(10) + (values >> np.uint64(8))) & _PAIRS
    values = (values * np.uint64(100) + (values >> np.uint64(16))) & _FOURS
    values = (values * np.uint64(10_000) + (values >> np.uint64(32))) & _EIGHT
    return values, count, (words >> bits) & _BYTE


def _goes_on(behind: Any) -> Mask:
    """Where the byte behind some digits is further than was looked, or begins an exponent."""
    odd: Mask = (behind == 0) | (behind | np.uint64(32) == ord("e"))
    return odd


def _longer(lines: Lines, begin: Ints) -> tuple[Any, Ints]:
    """The same for any number."""
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
        return np.where(negative, -values, values), np.where(good, size, 0)
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
    return found, np.where(good, size, 0)


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
