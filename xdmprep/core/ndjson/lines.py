"""The lines of a block: where they are, which of them are records, and what these hold, as columns or one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from ... import kernels
from ...kernels.arrays import Ints, Mask
from ...kernels.json_columns import JsonNode, Parsed
from ..stream import Unread
from .blocks import SHOWN, LineBlock
from .strict import UnreadableError, strict_json

_NO_COMMA = UnreadableError("unreadable", "not JSON: expected ',' between the elements of the array")
#: Line breaks and tabs are shown as blanks.
_AS_LINE = bytes.maketrans(b"\t\r\n", b"   ")


class BlockLines:
    """The lines of a block: where each begins and ends, which are rows, and how many rows come before.

    Attributes:
        unread: the lines that :meth:`record` found to be no records, by their numbers.
    """

    def __init__(self, block: LineBlock) -> None:
        self.block = block
        self.unread: dict[int, Unread] = {}
        data = block.data[: block.size]
        self.ends = kernels.active.line_ends(block.data, block.size) if block.ends is None else block.ends
        self.starts: Ints = np.concatenate([np.zeros(1, np.int64), self.ends[:-1] + 1])[: len(self.ends)]
        self.filled: Mask = np.ones(len(self.ends), bool)
        if block.ends is None:
            self.filled = self.ends > self.starts
            first = data[np.minimum(self.starts, max(block.size - 1, 0))]
            for line in np.flatnonzero(self.filled & (first <= 32)).tolist():
                self.filled[line] = bool(self.line(line).strip(b" \t\r"))
        self.rows: Ints = np.cumsum(self.filled)
        self.without_comma: set[int] = set()
        if block.missing is not None:
            self.without_comma.update((np.searchsorted(self.starts, block.missing, side="right") - 1).tolist())
        self.all: Ints = np.setdiff1d(np.arange(len(self.ends)), list(self.without_comma), assume_unique=True)

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def count(self) -> int:
        """How many rows there are."""
        return int(self.rows[-1]) if len(self) else 0

    def line(self, number: int) -> bytes:
        """The bytes of a line."""
        found: bytes = self.block.data[self.starts[number] : self.ends[number]].tobytes()
        return found

    def record(self, number: int, written: bool = False) -> dict[str, Any] | None:
        """The record on a line, see :func:`.strict_json`; None, and one more in :attr:`unread`, where it is none."""
        try:
            if number in self.without_comma:
                raise _NO_COMMA
            return strict_json(self.line(number), written)
        except UnreadableError as error:
            self.unread[number] = self._unread(number, error)
            return None

    def _unread(self, line: int, error: UnreadableError) -> Unread:
        """A line that is no record: row and line in the block from 1, and the error with its offset in the file."""
        block, row, begin, end = self.block, int(self.rows[line]), int(self.starts[line]), int(self.ends[line])
        message = error.message
        if block.last and line == len(self) - 1 and error.code == "unreadable":
            message += " (the file ends within this line)" if block.ends is None else " (the file ends within it)"
        text = block.data[begin : min(end, begin + 4 * SHOWN)].tobytes()
        skip = 0
        if block.ends is not None:
            skip = len(text) - len(text.lstrip(b" \t\r\n"))
            line = block.breaks(begin + skip)
            text = text.translate(_AS_LINE)
        shown = text[skip:].decode(errors="replace")[:SHOWN]
        at = block.offset + begin + max(error.at, skip)
        return Unread(row, line + 1, shown, error.code, f"{message}, at byte {at}")

    def closing(self) -> tuple[Unread, ...]:
        """What is wrong with the end of an array, as one more row; its last element explains an early end."""
        block = self.block
        if not block.closing or (block.last and len(self) - 1 in self.unread):
            return ()
        line = 1 if block.ends is None else block.breaks(block.size) + 1
        message = f"{block.closing}, at byte {block.offset + block.size}"
        return (Unread(self.count + 1, line, "", "unreadable", message),)

    def read(self) -> dict[str, Any]:
        """What the chunk of the block has, once all records are read: `unread`, `consumed`, `lines` and `size`."""
        closing = self.closing()
        lines = len(self) if self.block.ends is None else self.block.breaks(self.block.size)
        return {
            "unread": (*(self.unread[line] for line in sorted(self.unread)), *closing),
            "consumed": self.count + len(closing), "lines": lines, "size": self.block.size,
        }  # fmt: skip

    def parse(self, some: Ints, tree: JsonNode, purpose: int) -> Parsed:
        """Some lines as columns: those of which the kernel sees all, as the exact reader would. The others are named.

        Args:
            some: numbers of lines, ascending.
            tree: where values go; an object.
            purpose: :data:`.json_columns.CHECK`, `MAPPED` or `LEARN`.

        Returns:
            The columns of `tree`, and what became of each line.
        """
        elements = self.block.ends is not None
        starts, ends = self.starts[some], self.ends[some]
        return kernels.active.parse_json(self.block.data, starts, ends, tree, purpose, elements)

    def texts(self, kept: Mask) -> pa.Array:
        """The text of the kept lines, without copying where all lines of a file are kept."""
        data = self.block.data
        if self.block.ends is not None:  # commas are no part of the elements
            data = data.copy()
            data[self.ends] = 10
        offsets = np.append(self.starts, self.block.size).astype(np.int32)
        texts = pa.StringArray.from_buffers(len(self), pa.py_buffer(offsets), pa.py_buffer(data))
        return texts if kept.all() else texts.filter(pa.array(kept))
