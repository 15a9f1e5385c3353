"""Where the last whole record of a piece of CSV text ends.

The common way looks at 64 bytes at a time: for every character of interest a bit a byte, 64 in a word.  The bits inside
quotes are then a running parity of the quote bits, six shifts for all words at once.  It holds only where every opening
quote begins a value and every closing one ends it, which the same bits show; any other text takes a regular expression,
record by record.  The compiled loop goes the same way in one pass.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import native

_Words = np.ndarray[Any, np.dtype[np.uint64]]
#: Bytes looked at together, so that what is made of them stays in the processor's cache; a multiple of 64.
_SLICE = 1 << 18
_TOP = np.uint64(63)
_ONE = np.uint64(1)


@dataclass(frozen=True, slots=True)
class Rows:
    """The records of a text.

    Attributes:
        ends: the offset behind each.
        quoted: numbers (from 0) of the records whose quotes matter: with a delimiter, line end or quote in some value.
    """

    ends: np.ndarray[Any, np.dtype[np.int64]]
    quoted: np.ndarray[Any, np.dtype[np.int64]]


class Cutter:
    """Finds record ends of CSV text (RFC 4180; a quote inside an unquoted value is an ordinary character).

    Args:
        delimiter, quote: one ASCII character each.
    """

    def __init__(self, delimiter: str, quote: str) -> None:
        self._delimiter, self._quote = ord(delimiter), ord(quote)
        q, d = re.escape(quote.encode()), re.escape(delimiter.encode())
        value = b"(?:Q[^Q]*+(?:QQ[^Q]*+)*+Q[^D\\n]*+|[^DQ\\n][^D\\n]*+|)"
        record = (value + b"(?:D" + value + b")*+\\n").replace(b"Q", q).replace(b"D", d)
        #: One record with its line end.
        self.record = re.compile(record)
        self._records = re.compile(b"(?:" + record + b")*+")
        self._last = re.compile(record[:-2] + rb"\Z")

    def last_end(self, text: Any, start: int, stop: int, final: bool) -> int:
        """The end of the last whole record in ``text[start:stop]``, `start` if there is none.

        Args:
            text: any bytes-like object.
            start, stop: offsets; a record begins at `start`.
            final: the text ends at `stop`, so that the last record needs no line end.
        """
        if native.compiled is not None:
            end: int = native.compiled.last_record_end(text, start, stop, final, self._delimiter, self._quote)
            return end if end >= 0 else self._exact_end(text, start, stop, final)
        data = np.frombuffer(text, np.uint8, stop - start, start)
        quote = _words(data, self._quote)
        if not quote.any():
            return stop if final else start + _last_line(data, quote)
        inside = _inside(quote)
        if not _regular(quote, inside, _words(data, self._delimiter, 10, 13), len(data)):
            return self._exact_end(text, start, stop, final)
        if final and not inside[-1] >> _TOP:
            return stop
        return start + _last_line(data, inside)

    def rows(self, text: Any) -> Rows | None:
        """The records of `text`, empty lines included; None where quotes or line ends stand in unusual places.

        Args:
            text: any bytes-like object that ends with a line end.
        """
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
        return Rows(ends, np.unique(np.searchsorted(ends, matter, side="right")))

    def _exact_end(self, text: Any, start: int, stop: int, final: bool) -> int:
        match = self._records.match(text, start, stop)
        end = match.end() if match else start
        if final and end < stop and (match := self._last.match(text, end, stop)):
            end = match.end()
        return end


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
    """True if every opening quote stands at a value's begin and every closing one at its end, or is doubled."""
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


def _last_line(data: np.ndarray[Any, np.dtype[np.uint8]], inside: _Words) -> int:
    """The offset behind the last line end that is not inside quotes; 0 if there is none."""
    for end in range(len(data), 0, -4096):  # near the end, as a rule
        start = max(0, end - 4096)
        lines = np.flatnonzero(data[start:end] == 10) + start
        lines = lines[~_at(inside, lines)]
        if len(lines):
            return int(lines[-1]) + 1
    return 0
