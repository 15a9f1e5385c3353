"""Blocks of JSON lines to chunks for checking: lines become columns where they can, Python values elsewhere.

A line that is no record (:mod:`.strict`) is a finding with its line and byte offset, and reading goes on behind it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa

from ...kernels.arrays import Ints, Mask
from ...kernels.json_columns import CHECK, GOOD, UNLIKE, JsonColumn
from ..shred import Leaf
from ..stream import Chunk
from .blocks import LineBlock, Skipped
from .fields import Seen, joined
from .lines import BlockLines
from .strict import UnreadableError, strict_json

#: Lines that are read to learn what records hold.
SAMPLE = 48
#: Fewer lines that fit no columns are read one by one, and nothing is learned from them.
FEWEST = 200
#: Shapes of records that are remembered, each with columns of its own; and how often one block is learned from.
MAX_SHAPES = 6

TEXT_LEAVES = (Leaf((), pa.string()),)
TEXT_SCHEMA = pa.schema([("record", pa.string())])


@dataclass(frozen=True, eq=False)
class LineGroup:
    """Lines that became columns.

    Attributes:
        lines: their numbers, ascending.
        leaves: the paths of the columns.
        columns: their values.
        nulls: for leaves that are ``null`` in some lines, by their index: in which.  Such a value is there, and no
            column holds it.
    """

    lines: Ints
    leaves: tuple[Leaf, ...]
    columns: tuple[pa.Array, ...]
    nulls: dict[int, Mask] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class JsonChunk(Chunk):
    """Records of a JSON file; `records` has one column, their text.

    Attributes:
        groups: those that became columns, each with the positions of its records in the chunk.
        others: (position, value) of those that did not.
    """

    groups: tuple[LineGroup, ...] = ()
    others: tuple[tuple[int, Any], ...] = ()


class LineShape:
    """Records that are alike: what was seen of them, and the tree of columns that holds them."""

    def __init__(self, seen: Seen) -> None:
        self.seen, self.tree = seen, seen.record_to_check()


class Parser:
    """Turns blocks into chunks, and remembers the shapes of records; threads may overwrite each other's."""

    def __init__(self) -> None:
        self._shapes: tuple[LineShape, ...] = ()

    def __call__(self, block: LineBlock | Skipped) -> JsonChunk:
        """The records of a block, and what could not be read of it."""
        if isinstance(block, Skipped):
            return _skipped(block)
        lines = BlockLines(block)
        groups = self._columns(lines)
        alone = lines.filled.copy()
        for group in groups:
            alone[group.lines] = False
        others = [(line, lines.record(line)) for line in np.flatnonzero(alone).tolist()]
        kept = lines.filled.copy()
        kept[list(lines.unread)] = False
        position = np.cumsum(kept) - 1
        return JsonChunk(
            TEXT_LEAVES,
            pa.RecordBatch.from_arrays([lines.texts(kept)], schema=TEXT_SCHEMA),
            lines.rows[kept],
            groups=tuple(replace(group, lines=position[group.lines]) for group in groups),
            others=tuple((int(position[line]), value) for line, value in others if value is not None),
            **lines.read(),
        )

    def _columns(self, lines: BlockLines) -> list[LineGroup]:
        """The lines that become columns: of the shapes that are known, and of new ones where many lines need them."""
        shapes = list(self._shapes) or [LineShape(_seen(lines, lines.all))]
        groups: list[LineGroup] = []
        pending = lines.all
        for shape in shapes:
            if len(pending) >= FEWEST or shape is shapes[0]:
                pending = _parse(lines, shape, pending, groups)
        for _ in range(MAX_SHAPES):
            if len(pending) < FEWEST:
                break
            more = _seen(lines, pending)
            grown = LineShape(joined([shapes[0].seen, more]))
            if grown.tree != shapes[0].tree:
                left = _parse(lines, grown, pending, groups)
                shapes[0] = grown
                if 2 * len(left) < len(pending):
                    pending = left
                    continue
                pending = left
            if len(shapes) == MAX_SHAPES:
                break
            own = LineShape(more)
            left = _parse(lines, own, pending, groups)
            if len(left) == len(pending):
                break
            shapes.append(own)
            pending = left
        self._shapes = tuple(shapes)
        return groups


def _seen(lines: BlockLines, some: Ints) -> Seen:
    """What some of these lines hold."""
    seen = Seen()
    for line in some[:: max(1, len(some) // SAMPLE)].tolist():
        with suppress(UnreadableError):
            seen.learn(strict_json(lines.line(line)))
    return seen


def _parse(lines: BlockLines, shape: LineShape, some: Ints, groups: list[LineGroup]) -> Ints:
    """Add the lines of a shape to the groups; gives those that are not of it."""
    parsed = lines.parse(some, shape.tree, CHECK)
    good = some[parsed.status == GOOD]
    if len(good):
        groups.append(_group(parsed.root, good))
    left: Ints = some[parsed.status == UNLIKE]
    return left


def _leaf_columns(column: JsonColumn, path: tuple[str, ...]) -> Iterator[tuple[Leaf, JsonColumn]]:
    """The columns that hold values, each with its place in the record."""
    if column.array is None and not column.node.whole:
        for name, child in zip(column.node.names, column.children, strict=True):
            yield from _leaf_columns(child, (*path, name))
    else:
        yield Leaf(path, column.type), column


def _group(root: JsonColumn, lines: Ints) -> LineGroup:
    found = list(_leaf_columns(root, ()))
    nulls = {number: column.nulls for number, (_, column) in enumerate(found) if column.nulls is not None}
    leaves, columns = tuple(leaf for leaf, _ in found), tuple(column.whole() for _, column in found)
    return LineGroup(lines, leaves, columns, nulls)


def _skipped(block: Skipped) -> JsonChunk:
    empty = pa.RecordBatch.from_arrays([pa.array([], pa.string())], schema=TEXT_SCHEMA)
    none = np.zeros(0, np.int64)
    return JsonChunk(
        TEXT_LEAVES, empty, none, unread=(block.unread,), consumed=1, lines=block.lines, size=block.size
    )  # fmt: skip
