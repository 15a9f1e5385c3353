"""Lines of a block that are no records, as rows that could not be read: with row, line and byte."""

from __future__ import annotations

import numpy as np

from ...kernels.arrays import Ints
from ..stream import Unread
from .blocks import SHOWN, LineBlock, Skipped
from .strict import UnreadableError

NO_COMMA = UnreadableError("unreadable", "not JSON: expected ',' between the elements of the array")


def without_comma(block: LineBlock, starts: Ints) -> list[int]:
    """The lines of an array's elements that no comma is before."""
    if block.missing is None or not len(block.missing):
        return []
    lines: list[int] = (np.searchsorted(starts, block.missing, side="right") - 1).tolist()
    return lines


def unread_line(block: LineBlock, starts: Ints, ends: Ints, line: int, row: int, error: UnreadableError) -> Unread:
    """A line that is no record.

    Args:
        block: its block.
        starts: offset of the beginning of each line of the block, in bytes.
        ends: offset of its end.
        line: its number in the block, from 0.
        row: its row in the block, from 1.
        error: what is wrong with it.

    Returns:
        Row, number of the line (from 1), the beginning of its text, and the error with its offset in bytes.
    """
    begin, end = int(starts[line]), int(ends[line])
    message = error.message
    if block.last and line == len(ends) - 1 and error.code == "unreadable":
        message += " (the file ends within this line)" if block.ends is None else " (the file ends within it)"
    text = block.data[begin : min(end, begin + 4 * SHOWN)].tobytes()
    skip = 0
    if block.ends is not None:
        skip = len(text) - len(text.lstrip(b" \t\r\n"))
        line = block.breaks(begin + skip)
        text = text.translate(_AS_LINE)
    shown = text[skip:].decode(errors="replace")[:SHOWN]
    return Unread(row, line + 1, shown, error.code, f"{message}, at byte {block.offset + begin + max(error.at, skip)}")


#: Line breaks and tabs are shown as blanks.
_AS_LINE = bytes.maketrans(b"\t\r\n", b"   ")


def closing_row(block: LineBlock, broken: bool, rows: int) -> tuple[Unread, ...]:
    """What is wrong with the end of an array, as one more row.

    Args:
        block: its last block.
        broken: whether the last element is no record, which an early end explains.
        rows: how many rows the block has.
    """
    if not block.closing or (block.last and broken):
        return ()
    line = 1 if block.ends is None else block.breaks(block.size) + 1
    message = f"{block.closing}, at byte {block.offset + block.size}"
    return (Unread(rows + 1, line, "", "unreadable", message),)


def line_count(block: LineBlock, lines: int) -> int:
    """How many lines of the file a block stands for, whose own lines are so many."""
    return lines if block.ends is None else block.breaks(block.size)


def too_long(block: Skipped) -> Unread:
    """A record too long to read."""
    message = (
        f"the record has {block.size:,} bytes and was not read; the platform drops records above 100 KB, "
        f"at byte {block.offset}"
    )
    return Unread(1, 1, block.start.decode(errors="replace"), "record-size", message)
