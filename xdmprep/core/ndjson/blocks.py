"""Files of JSON records as blocks of whole lines; the elements of one array are its lines."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from ... import kernels
from ...errors import NoRowsError, SourceError
from ...kernels.arrays import Ints
from ...kernels.json_plain import PADDING, Elements
from ..packed import packing
from ..signatures import what_it_is
from ..stream import Unread

#: Text read at a time: enough that threads rarely wait for each other (12 MB take a tenth less time than 8), and no
#: more, because some of them are held at once.
BLOCK_BYTES = 12 << 20
#: Text of an array read at a time; it takes more memory for each byte than lines do.
ARRAY_BYTES = 8 << 20
#: Room behind a block for the rest of its last line.
SLACK = 1 << 16
#: A longer record is not read at all: the platform drops records above 100 KB anyway.
MAX_RECORD_BYTES = 16 << 20
#: Characters of an unreadable line that the report shows.
SHOWN = 500


@dataclass(frozen=True, eq=False)
class LineBlock:
    """Whole lines of a file.

    Attributes:
        data: uint8 array: the lines, and :data:`PADDING` zero bytes.
        size: bytes of the lines.
        offset: where they begin in the file.
        last: whether the file ends within the last line.
        ends: where the elements of an array end, with line breaks between their tokens; None for lines.
        closing: what is wrong with the file behind the last line; empty if nothing is.
        missing: where elements of an array begin without a comma before them.
        lead: line breaks of the file before the block, if it is the first one of an array.
    """

    data: Any
    size: int
    offset: int
    last: bool = False
    ends: Ints | None = None
    closing: str = ""
    missing: Ints | None = None
    lead: int = 0

    def breaks(self, size: int) -> int:
        """How many line breaks of the file there are up to a place in the block."""
        return self.lead + int(np.searchsorted(self._breaks, size))

    @cached_property
    def _breaks(self) -> Ints:
        return np.flatnonzero(self.data[: self.size] == 10)


@dataclass(frozen=True, slots=True)
class Skipped:
    """One record too long to read: where it is, its size in bytes, its line breaks, and how it begins."""

    offset: int
    size: int
    lines: int
    start: bytes

    @property
    def unread(self) -> Unread:
        """The record as a row that could not be read."""
        message = (
            f"the record has {self.size:,} bytes and was not read; the platform drops records above 100 KB, "
            f"at byte {self.offset}"
        )
        return Unread(1, 1, self.start.decode(errors="replace"), "record-size", message)


def open_blocks(file: Path, block_bytes: int | None = None) -> partial[Iterator[LineBlock | Skipped]]:
    """What gives the blocks of a file, as often as it is called.

    Args:
        file: JSON lines or one JSON array, distinguished by the first character.
        block_bytes: text read at a time; None takes what suits the file.

    Raises:
        SourceError: the file is missing, empty, compressed, or not UTF-8 as a whole.
    """
    try:
        size = file.stat().st_size
        with file.open("rb") as opened:
            head = opened.read(4096)
    except OSError as error:
        raise SourceError(f"{file}: {error.strerror or error}.") from None
    if not head:
        raise NoRowsError(f"{file}: is empty: it has no JSON records. The platform refuses such a file (code 106).")
    if kind := packing(head):
        raise SourceError(f"{file}: is compressed ({kind}). The platform takes plain files: unpack it first.")
    if encoding := _wide(head):
        if (kind := what_it_is(head, json_fits=True)) and "UTF" not in kind:
            raise SourceError(f"{file}: is {kind}.")
        raise SourceError(
            f"{file}: is {encoding}. JSON records must be UTF-8: convert it, for example with "
            f"iconv -f {encoding} -t UTF-8."
        )
    text = head.removeprefix(codecs.BOM_UTF8).lstrip(b" \t\r\n")
    if not text and size <= len(head):
        raise NoRowsError(f"{file}: has no records.")
    if spread(text):
        if (kind := what_it_is(head)) and "tells of an error" in kind:
            raise SourceError(f"{file}: is {kind}.")
        raise SourceError(
            f"{file}: its records are written over several lines. Each takes one line, or is an element of one JSON "
            f"array. `jq -c . {file}` prints a line for each."
        )
    if text.startswith(b"["):
        return partial(array_blocks, file, block_bytes or ARRAY_BYTES)
    return partial(line_blocks, file, block_bytes or BLOCK_BYTES)


def spread(head: bytes) -> bool:
    """Whether a file begins with an object that is pretty-printed: its first line opens it, the second has a key."""
    lines = [line.strip() for line in head.removeprefix(codecs.BOM_UTF8).splitlines() if line.strip()][:2]
    return len(lines) == 2 and lines[0] == b"{" and lines[1].startswith((b'"', b"}"))


def _wide(head: bytes) -> str:
    """UTF-16 or UTF-32, by a byte order mark or by the zeros of the first characters; empty if neither."""
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "UTF-32"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "UTF-16"
    zeros = [byte == 0 for byte in head[:4]]
    if zeros[:2] == [True, False] or zeros[:3] == [True, True, True]:
        return "UTF-32BE" if zeros[1] else "UTF-16BE"
    if zeros[:2] == [False, True]:
        return "UTF-32LE" if zeros[2:] == [True, True] else "UTF-16LE"
    return ""


def line_blocks(file: Path, block_bytes: int) -> Iterator[LineBlock | Skipped]:
    """The whole lines of a file, this many bytes and the rest of a line at a time."""
    with file.open("rb") as opened:
        offset = 3 if opened.read(3) == codecs.BOM_UTF8 else 0
        opened.seek(offset)
        while True:
            data = kernels.active.memory(block_bytes + SLACK + PADDING)
            size = opened.readinto(data[:block_bytes].data)
            if not size:
                return
            if data[size - 1] != 10:
                rest = np.frombuffer(opened.readline(MAX_RECORD_BYTES), np.uint8)
                if len(rest) > SLACK:
                    data = np.concatenate([data[:size], rest, np.zeros(PADDING, np.uint8)])
                data[size : size + len(rest)] = rest
                size += len(rest)
                if data[size - 1] != 10 and len(rest) == MAX_RECORD_BYTES:
                    yield from _too_long(opened, data, size, offset)
                    offset = opened.tell()
                    continue
            data[size : size + PADDING] = 0
            yield LineBlock(data, size, offset, bool(data[size - 1] != 10))
            offset += size


def _too_long(opened: Any, data: Any, size: int, offset: int) -> Iterator[LineBlock | Skipped]:
    """The whole lines of a block, and the endless one behind them, read past but not kept."""
    breaks = np.flatnonzero(data[:size] == 10)
    begin = int(breaks[-1]) + 1 if len(breaks) else 0
    if begin:
        yield LineBlock(np.concatenate([data[:begin], np.zeros(PADDING, np.uint8)]), begin, offset)
    length = size - begin
    while more := opened.readline(BLOCK_BYTES):
        length += len(more)
        if more.endswith(b"\n"):
            break
    yield Skipped(offset + begin, length, 1, data[begin : begin + SHOWN].tobytes())


def array_blocks(file: Path, block_bytes: int) -> Iterator[LineBlock | Skipped]:
    """The elements of the array of a file, as lines."""
    with file.open("rb") as opened:
        head = opened.read(4096)
        if b"[" not in head:
            raise SourceError(f"{file}: changed while it was read: it is no JSON array any more.")
        offset = opened.seek(head.index(b"[") + 1)
        lead = head[:offset].count(b"\n")
        left = np.zeros(0, np.uint8)
        first = True
        while True:
            room = kernels.active.memory(len(left) + block_bytes + PADDING)
            room[: len(left)] = left
            more = opened.readinto(room[len(left) : -PADDING].data)
            data = room[: len(left) + more]
            found = kernels.active.split_array(data)
            end, closing, closed = found.end, "", found.closed >= 0
            if closed:
                end, closing = found.closed, _closing(data, found, opened, first)
            elif not more:
                end, closing = len(data), "not JSON: the array is not closed, the file ends before its ']'"
                if found.stray >= 0 and not data[found.stray + 1 :].tobytes().strip(b" \t\r\n"):
                    end, closing = found.stray, "not JSON: the array is closed by '}' instead of ']'"
            elif not end and len(data) > MAX_RECORD_BYTES:
                yield Skipped(offset, len(data), int(np.count_nonzero(data == 10)), data[:SHOWN].tobytes())
                return
            ended = closed or not more
            if ended and not found.end and not data[:end].tobytes().strip(b" \t\r\n"):
                end = 0  # no element
            left = data[end:].copy()
            if end or closing:
                room[end : end + PADDING] = 0
                ends, missing = (places[: np.searchsorted(places, end)] for places in (found.ends, found.missing))
                if end > (ends[-1] + 1 if len(ends) else 0):
                    ends = np.append(ends, end)
                yield LineBlock(room, end, offset, ended and not closed, ends, closing, missing, lead)
                first, lead = False, 0
            if ended:
                return
            offset += end


def _closing(data: Any, found: Elements, opened: Any, first: bool) -> str:
    """What is wrong with the end of an array."""
    rest = data[found.closed + 1 :].tobytes()
    while rest:
        if rest.strip(b" \t\r\n"):
            return "not JSON: text behind the end of the array"
        rest = opened.read(1 << 20)
    if (found.end or not first) and not data[found.end : found.closed].tobytes().strip(b" \t\r\n"):
        return "not JSON: a comma before the end of the array, and no element behind it"
    return ""
