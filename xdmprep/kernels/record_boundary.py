"""The record rule of CSV text: where records begin and end, and what their values are.

Regular expressions say it, record by record; the compiled loop goes over the text in one pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any


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
        quote = bytes([self._quote])
        found = (match.groups() for match in self._values(record))
        return [rest if quoted is None else quoted.replace(quote * 2, quote) + rest for quoted, rest in found]

    def has_escapes(self, record: bytes, width: int) -> bool:
        """Whether the values of a record, as many as `width`, were written with quotes behind backslashes.

        That shows where there is text behind the closing quote of a value.
        """
        found = [*self._values(record)]
        escape = b"\\%c" % self._quote
        return len(found) == width and any(match[1] is not None and match[2] and escape in match[0] for match in found)

    def _values(self, record: bytes) -> Iterator[re.Match[bytes]]:
        at = self._after_blank(record, 0)
        while True:
            match = self._value.match(record, at)
            assert match is not None  # noqa: S101 (it matches the empty text)
            yield match
            at = match.end() + 1
            if record[match.end() : at] != bytes([self._delimiter]):
                return

    def _after_blank(self, text: bytes, at: int) -> int:
        """Where the line ends at `at` end."""
        match = self._blank.match(text, at)
        return match.end() if match else at

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
