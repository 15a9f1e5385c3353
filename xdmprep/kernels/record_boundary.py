"""The record rule of CSV text: where records begin and end, and what their values are.

Regular expressions say it, record by record.  :meth:`Cutter.rows` looks at 64 bytes at a time: for every character of
interest a bit a byte, 64 in a word.  The bits inside quotes are then a running parity of the quote bits, six shifts for
all words at once.  It holds only where every opening quote begins a value and every closing one ends it, which the same
bits show.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

_Words = np.ndarray[Any, np.dtype[np.uint64]]
#: Bytes looked at together, so that what is made of them stays in the processor's cache; a multiple of 64.
_SLICE = 1 << 18
_TOP = np.uint64(63)
_ONE = np.uint64(1)


@dataclass(frozen=True, slots=True)
class RecordEnds:
    """The offset behind each record, and the numbers (from 0) of those whose quotes matter."""

    ends: np.ndarray[Any, np.dtype[np.int64]]
    quoted: np.ndarray[Any, np.dtype[np.int64]]


class Cutter:
    """Splits CSV text into records (RFC 4180).

    A value that begins with a quote ends at the next quote that is not doubled; whatever follows that quote up to the
    delimiter or line end belongs to the value, too.  In any other value a quote is an ordinary character.  A line ends
    with a line feed, a carriage return, or both.  An empty line is no record.

    Args:
        delimiter, quote: one ASCII character each.
    """

    def __init__(self, delimiter: str, quote: str) -> None:
        self._delimiter, self._quote = ord(delimiter), ord(quote)

        def pattern(text: str) -> bytes:
            codes = {"Q": re.escape(quote), "D": re.escape(delimiter), "E": r"\r\n"}
            return re.sub("[QDE]", lambda found: codes[found[0]], text).encode()

        value = "(?:Q[^Q]*+(?:QQ[^Q]*+)*+Q[^DE]*+|[^DQE][^DE]*+|)"
        record = f"{value}(?:D{value})*+"
        #: One record with its line end, and empty lines before it.
        self._record = re.compile(pattern(f"[E]*+{record}") + rb"(?:\r\n?|\n)")
        self._records = re.compile(b"(?:" + self._record.pattern + b")*+")
        #: A record without a line end, and what a text may end with.
        self._last = re.compile(pattern(f"[E]*+(?:{record})?+") + rb"\Z")
        self._blank = re.compile(rb"[\r\n]*+")
        self._value = re.compile(pattern("(?:Q([^Q]*+(?:QQ[^Q]*+)*+)Q)?+([^DE]*+)"))
        self._whole_values = re.compile(pattern(f"(?:{value}D)*+"))
        self._quotes = re.compile(pattern("[^Q]*+"))
        self._plain = re.compile(pattern("[^DE]*+"))

    @staticmethod
    @cache
    def of(delimiter: str, quote: str) -> Cutter:
        """The one for these characters, made once."""
        return Cutter(delimiter, quote)

    def last_end(self, text: Any, start: int, stop: int, final: bool) -> int:
        """The end of the last whole record in ``text[start:stop]``, `start` if there is none.

        Args:
            text: any bytes-like object.
            start: offset in bytes; a record begins there.
            stop: offset in bytes.
            final: the text ends at `stop`, so that the last record needs no line end.

        Returns:
            An offset in bytes from `start` to `stop`.
        """
        if not final and stop > start and text[stop - 1] == 13:
            stop -= 1  # a line feed may follow
        part = bytes(memoryview(text)[start:stop])
        if bytes([self._quote]) in part:
            return self._exact_end(text, start, stop, final)
        return stop if final else start + max(part.rfind(b"\n"), part.rfind(b"\r")) + 1

    def spans(self, text: bytes) -> Iterator[tuple[int, int]]:
        """Where each record of `text` begins and ends, its line end included; the last one needs no line end."""
        at = 0
        while (at := self._after_blank(text, at)) < len(text):
            match = self._record.match(text, at) or self._last.match(text, at)
            end = match.end() if match else len(text)
            yield at, end
            at = end

    def first(self, text: bytes, final: bool) -> int:
        """The end of the first record, empty lines before it included; 0 if more must follow (unless `final`)."""
        match = self._record.match(text, 0, len(text) - (not final and text.endswith(b"\r")))
        if match is None and final:
            match = self._last.match(text)
        return match.end() if match else 0

    def values(self, record: bytes) -> list[bytes]:
        """The values of one record."""
        values: list[bytes] = []
        at = self._after_blank(record, 0)
        quote = bytes([self._quote])
        while True:
            match = self._value.match(record, at)
            assert match is not None  # noqa: S101 (it matches the empty text)
            quoted, rest = match.groups()
            values.append(rest if quoted is None else quoted.replace(quote * 2, quote) + rest)
            at = match.end() + 1
            if record[match.end() : at] != bytes([self._delimiter]):
                return values

    def _after_blank(self, text: bytes, at: int) -> int:
        """Where the line ends at `at` end."""
        match = self._blank.match(text, at)
        return match.end() if match else at

    def rows(self, text: Any) -> RecordEnds | None:
        """The records of whole lines, empty ones included; None where quotes or line ends are in unusual places."""
        data = np.frombuffer(text, np.uint8)
        quote, delimiter, line, back = (_words(data, code) for code in (self._quote, self._delimiter, 10, 13))
        inside = _inside(quote)
        before_line = line >> _ONE
        before_line[:-1] |= line[1:] << _TOP
        if (back & ~inside & ~before_line).any() or not _regular(quote, inside, delimiter | line | back, len(data)):
            return None
        lines = np.flatnonzero(data == 10)
        doubled = quote << _ONE
        doubled[1:] |= quote[:-1] >> _TOP
        ends = lines[~_at(inside, lines)] + 1
        matter = _positions((quote & doubled) | ((delimiter | line | back) & inside))
        return RecordEnds(ends, np.unique(np.searchsorted(ends, matter, side="right")))

    def _exact_end(self, text: Any, start: int, stop: int, final: bool) -> int:
        match = self._records.match(text, start, stop)
        end = match.end() if match else start
        if blank := self._blank.match(text, end, stop):
            end = blank.end()
        if final and end < stop and (match := self._last.match(text, end, stop)):
            end = match.end()
        return end

    def scan(self) -> RecordScan:
        """A scan for the end of one record, however long it is."""
        return RecordScan(self)


class RecordScan:
    """Looks for the end of a record whose text comes in pieces, none of which ends between CR and LF."""

    def __init__(self, cutter: Cutter) -> None:
        self._cutter = cutter
        self._state = "begin"  # of a value; or "quoted", "quote" (which closes the value or is doubled), "plain"

    @property
    def quoted(self) -> bool:
        """Whether a quote is open at the end of what was seen."""
        return self._state == "quoted"

    def feed(self, text: bytes) -> int:
        """The offset behind the record's end in `text`; -1 if the record goes on behind it."""
        cutter, at = self._cutter, 0

        def passed(pattern: re.Pattern[bytes]) -> int:
            match = pattern.match(text, at)
            return match.end() if match else at

        while at < len(text):
            if self._state == "begin":
                at = passed(cutter._whole_values)
                if at < len(text):
                    self._state = "quoted" if text[at] == cutter._quote else "plain"
                    at += self._state == "quoted"
            elif self._state == "quoted":
                at = passed(cutter._quotes)
                if at < len(text):
                    self._state, at = "quote", at + 1
            elif self._state == "quote":
                self._state = "quoted" if text[at] == cutter._quote else "plain"
                at += self._state == "quoted"
            else:
                at = passed(cutter._plain)
                if at < len(text):
                    if text[at] != cutter._delimiter:
                        return at + (2 if text[at : at + 2] == b"\r\n" else 1)
                    self._state, at = "begin", at + 1
        return -1


def _words(data: np.ndarray[Any, np.dtype[np.uint8]], *codes: int) -> _Words:
    """The bytes (n,) that equal one of the codes as bits, the first in the lowest bit of the first word."""
    words = np.zeros((len(data) + 63) // 64, "<u8")
    packed = words.view(np.uint8)
    size = min(len(data), _SLICE)
    hits, more = np.empty(size, bool), np.empty(size, bool)
    for start in range(0, len(data), _SLICE):
        piece = data[start : start + _SLICE]
        found = np.equal(piece, codes[0], out=hits[: len(piece)])
        for code in codes[1:]:
            found |= np.equal(piece, code, out=more[: len(piece)])
        bits = np.packbits(found, bitorder="little")
        packed[start // 8 : start // 8 + len(bits)] = bits
    return words


def _inside(quote: _Words) -> _Words:
    """The bits from an opening quote (itself included) to the one that closes it (excluded)."""
    inside = quote.copy()
    for shift in (1, 2, 4, 8, 16, 32):
        inside ^= inside << np.uint64(shift)
    # an odd number of quotes in all words before turns a word's bits over
    odd = np.bitwise_xor.accumulate(inside >> _TOP)
    inside[1:] ^= np.uint64(0) - odd[:-1]
    return inside


def _regular(quote: _Words, inside: _Words, edge: _Words, size: int) -> bool:
    """True if every opening quote is at a value's begin and every closing one at its end, or is doubled."""
    edge = edge | quote
    behind = edge << _ONE  # the byte before is an edge
    behind[1:] |= edge[:-1] >> _TOP
    behind[0] |= _ONE
    before = edge >> _ONE  # the byte behind is an edge
    before[:-1] |= edge[1:] << _TOP
    before[-1] |= _ONE << np.uint64((size - 1) % 64)
    stray = quote & inside & ~behind
    stray |= quote & ~inside & ~before
    return not stray.any()


def _at(words: _Words, positions: np.ndarray[Any, np.dtype[np.int64]]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """The bits at `positions`."""
    return np.asarray((words[positions // 64] >> (positions % 64).astype(np.uint64)) & _ONE, dtype=bool)


def _positions(words: _Words) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The numbers of the bits that are set."""
    some = np.flatnonzero(words)
    bits = np.unpackbits(words[some].view(np.uint8).reshape(len(some), 8), axis=1, bitorder="little")
    at, bit = np.nonzero(bits)
    return np.asarray(some[at] * 64 + bit)
