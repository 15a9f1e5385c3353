"""What becomes of a block of lines: the columns of those that were taken, and the state of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from .fields import Node

#: What became of a line; the numbers are those of _json.c.  UNLIKE: it does not fit the tree.
GOOD, BLANK, EXACT, UNLIKE = range(4)
Mask = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True, eq=False)
class Column:
    """The values of a place.

    Attributes:
        node: the place.
        array: the values; None for objects, whose fields are there instead.
        nulls: where ``null`` stands; None if nowhere, or if that was not asked for.
        valid: for objects: Arrow's bitmap of where one is, None if everywhere.
        children: for objects: the fields.
    """

    node: Node
    array: pa.Array | None
    nulls: Mask | None
    size: int
    valid: Any
    children: tuple[Column, ...]

    @property
    def type(self) -> pa.DataType:
        """The Arrow type of the column."""
        return self.node.type if self.array is None else self.array.type

    def whole(self) -> pa.Array:
        """The column as one array."""
        if self.array is not None:
            return self.array
        fields = [child.whole() for child in self.children]
        return pa.Array.from_buffers(self.node.type, self.size, [self.valid], children=fields)


@dataclass(frozen=True, eq=False)
class Parsed:
    """A block of lines.

    Attributes:
        status: uint8, what became of each line.
        starts: int32, where each begins.
        root: the column of the good lines.
    """

    status: np.ndarray[Any, np.dtype[np.uint8]]
    starts: np.ndarray[Any, np.dtype[np.int32]]
    root: Column
