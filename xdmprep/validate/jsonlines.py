"""JSON lines for checking: blocks of some megabytes, whose lines become columns where they can.

A line that is no JSON object, has a key twice, NaN, broken UTF-8 or no end is a finding with its line and byte offset,
and reading goes on behind it.  Lines become columns by a layout they follow (:mod:`.follow`), by Arrow's parser
(:mod:`.sparse`), and Python values where neither takes them.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ..flow import Chunk, Unread
from ..leaves import Leaf
from .bits import Ints
from .follow import Layouts
from .lines import PADDING, Group, Lines, Mask
from .sparse import Fields, parse
from .strict import UnreadableError, strict_json

#: Text read at a time: enough that threads seldom wait for each other.
BLOCK_BYTES = 8 << 20
#: Room behind a block for the rest of its last line.
SLACK = 1 << 16
#: A longer record is not read at all: the platform drops records above 100 KB anyway.
MAX_RECORD_BYTES = 16 << 20
#: Characters of an unreadable line that the report shows.
SHOWN = 500
#: So many lines that follow no layout are parsed together (:mod:`.sparse`).
SPARSE_LINES = 200

TEXT_LEAVES = (Leaf((), pa.string()),)
TEXT_SCHEMA = pa.schema([("record", pa.string())])


@dataclass(frozen=True, slots=True, eq=False)
class JsonChunk(Chunk):
    """Records of a JSON file; `records` has one column, their text.

    Attributes:
        groups: those that became columns, each with the positions of its records in the chunk.
        others: (position, value) of those that did not.
    """

    groups: tuple[Group, ...] = ()
    others: tuple[tuple[int, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines of a file.

    Attributes:
        data: the bytes, with padding.
        size: their number without it.
        offset: where they begin in the file.
        last: whether the file ends within the last line.
        elements: bytes of the file, if the lines are elements of an array; their numbers and places are not the file's.
    """

    data: Any
    size: int
    offset: int
    last: bool
    elements: int = 0


@dataclass(frozen=True, slots=True)
class Skipped:
    """One record too long to read."""

    offset: int
    size: int
    start: bytes


def blocks(file: Path, block_bytes: int) -> Iterator[Block | Skipped]:
    """The whole lines of a file, so many bytes and the rest of a line at a time."""
    with file.open("rb") as opened:
        offset = 0
        if opened.read(3) == codecs.BOM_UTF8:
            offset = 3
        else:
            opened.seek(0)
        while True:
            data = np.empty(block_bytes + SLACK + PADDING, np.uint8)
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
            yield Block(data, size, offset, bool(data[size - 1] != 10))
            offset += size


def _too_long(opened: Any, data: Any, size: int, offset: int) -> Iterator[Block | Skipped]:
    """The whole lines of a block, and the endless one behind them, read past but not kept."""
    breaks = np.flatnonzero(data[:size] == 10)
    begin = int(breaks[-1]) + 1 if len(breaks) else 0
    if begin:
        yield Block(np.concatenate([data[:begin], np.zeros(PADDING, np.uint8)]), begin, offset, False)
    length = size - begin
    while more := opened.readline(BLOCK_BYTES):
        length += len(more)
        if more.endswith(b"\n"):
            break
    yield Skipped(offset + begin, length, data[begin : begin + SHOWN].tobytes())


class Parser:
    """Turns a block into a chunk; remembers the layouts and the fields of lines from block to block."""

    def __init__(self) -> None:
        self._layouts = Layouts(strict_json)
        self._fields = Fields()

    def __call__(self, block: Block | Skipped) -> JsonChunk:
        """The records of a block, and what could not be read of it."""
        if isinstance(block, Skipped):
            return _skipped(block)
        lines = Lines(block.data, block.size)
        number = np.arange(len(lines.ends), dtype=np.int64)
        filled = _not_blank(lines)
        rows = np.cumsum(filled)
        unread: dict[int, Unread] = {}
        broken = _not_utf8(lines)
        for line in broken:
            unread[line] = self._unread(lines, block, rows, line, *_utf8_fault(lines.line(line)))
        lines.strange[broken] = True
        groups, rest = self._columns(lines, number[filled])
        others: list[tuple[int, Any]] = []
        for line in _also(rest, filled & lines.strange).tolist():
            if line in unread:
                continue
            try:
                others.append((line, strict_json(lines.line(line))))
            except UnreadableError as error:
                cut_off = block.last and line == len(lines.ends) - 1 and error.code == "unreadable"
                message = error.message + (" (the file ends within this line)" if cut_off else "")
                unread[line] = self._unread(lines, block, rows, line, error.code, message, error.at)
        kept = filled.copy()
        kept[list(unread)] = False
        position = np.cumsum(kept) - 1
        texts = _texts(lines, kept)
        return JsonChunk(
            TEXT_LEAVES,
            pa.RecordBatch.from_arrays([texts], schema=TEXT_SCHEMA),
            rows[kept],
            unread=tuple(unread[line] for line in sorted(unread)),
            consumed=int(rows[-1]) if len(rows) else 0,
            lines=0 if block.elements else len(lines.ends),
            size=block.elements or block.size,
            groups=tuple(replace(group, lines=position[group.lines]) for group in groups),
            others=tuple((int(position[line]), value) for line, value in others),
        )

    def _columns(self, lines: Lines, pending: Any) -> tuple[list[Group], Any]:
        """The lines that become columns, and the numbers of the others.

        Threads may overwrite what the others remember: fields found again cost time, nothing else.
        """
        groups, rest = self._layouts.columns(lines, pending)
        plain = rest[~lines.strange[rest]]
        if len(plain) < SPARSE_LINES:
            return groups, rest
        fields = self._fields.copy()
        more, rest = parse(lines, plain, fields, strict_json)
        self._fields = fields
        return groups + more, rest

    @staticmethod
    def _unread(lines: Lines, block: Block, rows: Any, line: int, code: str, message: str, at: int) -> Unread:
        offset = block.offset + int(lines.starts[line]) + at
        text = lines.line(line)[: 4 * SHOWN].decode(errors="replace")[:SHOWN]
        if block.elements:
            return Unread(int(rows[line]), None, text, code, message)
        return Unread(int(rows[line]), line + 1, text, code, f"{message}, at byte {offset}")


def _also(some: Ints, more: Mask) -> Ints:
    """Numbers, and those where `more` is True, ascending."""
    more[some] = True
    return np.flatnonzero(more)


def _not_blank(lines: Lines) -> Any:
    size = lines.ends - lines.starts
    filled = size > 0
    first = lines.bytes[np.minimum(lines.starts, max(lines.size - 1, 0))]
    for line in np.flatnonzero(filled & (first <= 32)):
        filled[line] = bool(lines.line(int(line)).strip(b" \t\r"))
    return filled


def is_utf8(data: Any, size: int) -> bool:
    """Whether the first bytes of a buffer, so many, are UTF-8."""
    offsets = pa.array([0, size], pa.int32()).buffers()[1]
    try:
        pa.StringArray.from_buffers(1, offsets, pa.py_buffer(data)).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _not_utf8(lines: Lines) -> list[int]:
    """Lines that are not UTF-8."""
    if is_utf8(lines.data, lines.size):
        return []
    return [line for line in range(len(lines.ends)) if _utf8_fault(lines.line(line))[2] >= 0]


def _utf8_fault(line: bytes) -> tuple[str, str, int]:
    try:
        line.decode()
    except UnicodeDecodeError as error:
        return "unreadable", f"the line is not UTF-8 ({error.reason})", error.start
    return "unreadable", "", -1


def _texts(lines: Lines, kept: Any) -> pa.Array:
    """The text of the kept lines, without copying where all are kept."""
    offsets = np.append(lines.starts, lines.size).astype(np.int32)
    texts = pa.StringArray.from_buffers(len(lines.ends), pa.py_buffer(offsets), pa.py_buffer(lines.data))
    return texts if kept.all() else texts.filter(pa.array(kept))


def _skipped(block: Skipped) -> JsonChunk:
    message = (
        f"the record has {block.size:,} bytes and was not read; the platform drops records above 100 KB, "
        f"at byte {block.offset}"
    )
    unread = Unread(1, 1, block.start.decode(errors="replace"), "record-size", message)
    empty = pa.RecordBatch.from_arrays([pa.array([], pa.string())], schema=TEXT_SCHEMA)
    return JsonChunk(
        TEXT_LEAVES, empty, np.zeros(0, np.int64), unread=(unread,), consumed=1, lines=1, size=block.size
    )  # fmt: skip
