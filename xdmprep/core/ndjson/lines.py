"""The lines of a block: where they are, which of them are records, and their rows."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from ... import kernels
from ...kernels.arrays import Ints, Mask
from ...kernels.json_columns import JsonNode, Parsed
from .blocks import LineBlock
from .parse import parse
from .unread import without_comma


class BlockLines:
    """The lines of a block: where each begins and ends, which are rows, and how many rows come before."""

    def __init__(self, block: LineBlock) -> None:
        self.block = block
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
        self.without_comma = set(without_comma(block, self.starts))
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

    def parse(self, some: Ints, tree: JsonNode, purpose: int) -> Parsed:
        """Some lines as columns.

        Args:
            some: their numbers, ascending.
            tree: where values go; an object.
            purpose: see :func:`.parse.parse`.
        """
        elements = self.block.ends is not None
        return parse(self.block.data, self.starts[some], self.ends[some], tree, purpose, elements)

    def texts(self, kept: Mask) -> pa.Array:
        """The text of the kept lines, without copying where all lines of a file are kept."""
        data = self.block.data
        if self.block.ends is not None:  # commas are no part of the elements
            data = data.copy()
            data[self.ends] = 10
        offsets = np.append(self.starts, self.block.size).astype(np.int32)
        texts = pa.StringArray.from_buffers(len(self), pa.py_buffer(offsets), pa.py_buffer(data))
        return texts if kept.all() else texts.filter(pa.array(kept))
