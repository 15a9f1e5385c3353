"""Immutable sets of Unicode code points, as sorted ranges."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

LAST = 0x10FFFF


@dataclass(frozen=True)
class CharSet:
    """A set of code points.

    Attributes:
        ranges: inclusive (first, last) pairs, ascending, with gaps between them; :meth:`of` makes them so.
    """

    ranges: tuple[tuple[int, int], ...]

    @staticmethod
    def of(ranges: Iterable[tuple[int, int]]) -> CharSet:
        """The union of inclusive ranges in any order."""
        merged: list[tuple[int, int]] = []
        for first, last in sorted(ranges):
            if merged and first <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
            else:
                merged.append((first, last))
        return CharSet(tuple(merged))

    @staticmethod
    def chars(text: str) -> CharSet:
        """The characters of a string."""
        return CharSet.of((ord(char), ord(char)) for char in text)

    def __or__(self, other: CharSet) -> CharSet:
        return CharSet.of(self.ranges + other.ranges)

    def __and__(self, other: CharSet) -> CharSet:
        found: list[tuple[int, int]] = []
        left, right = iter(self.ranges), iter(other.ranges)
        a, b = next(left, None), next(right, None)
        while a and b:
            if (first := max(a[0], b[0])) <= (last := min(a[1], b[1])):
                found.append((first, last))
            if a[1] < b[1]:
                a = next(left, None)
            else:
                b = next(right, None)
        return CharSet(tuple(found))

    def __sub__(self, other: CharSet) -> CharSet:
        return self & ~other

    def __invert__(self) -> CharSet:
        out, at = [], 0
        for first, last in self.ranges:
            if first > at:
                out.append((at, first - 1))
            at = last + 1
        if at <= LAST:
            out.append((at, LAST))
        return CharSet(tuple(out))

    def __bool__(self) -> bool:
        return bool(self.ranges)

    def __contains__(self, code: int) -> bool:
        at = bisect_right(self.ranges, (code, LAST)) - 1
        return at >= 0 and self.ranges[at][1] >= code

    def __len__(self) -> int:
        return sum(last - first + 1 for first, last in self.ranges)

    def __iter__(self) -> Iterator[int]:
        for first, last in self.ranges:
            yield from range(first, last + 1)

    @cached_property
    def single(self) -> int | None:
        """The code point of a set of one, None for other sets."""
        return self.ranges[0][0] if len(self.ranges) == 1 and self.ranges[0][0] == self.ranges[0][1] else None


NOTHING = CharSet(())
ANYTHING = CharSet(((0, LAST),))
ASCII = CharSet(((0, 127),))
SURROGATES = CharSet(((0xD800, 0xDFFF),))
DIGITS = CharSet.of([(48, 57)])
WORD = CharSet.of([(48, 57), (65, 90), (95, 95), (97, 122)])
