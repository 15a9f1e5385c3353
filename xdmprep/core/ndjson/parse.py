"""Records of a block to columns along a tree.

Only records are taken of which the kernel sees all, as the exact reader would; the others are named.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ... import kernels
from ...kernels.arrays import Ints
from ...kernels.json_columns import UNKNOWN, JsonColumn, JsonNode, Parsed
from ..shred import conform


def parse(data: Any, starts: Ints, ends: Ints, tree: JsonNode, purpose: int, elements: bool = False) -> Parsed:
    """Parse records.

    Args:
        data: uint8 array: the records, and :data:`.PADDING` zero bytes.
        starts: where they begin.
        ends: where they end.
        tree: where values go; an object.
        purpose: :data:`.json_columns.CHECK`, `MAPPED` or `LEARN`.
        elements: they are elements of an array.

    Returns:
        The columns of `tree`, with the Arrow types that its values have.
    """
    parsed = kernels.active.parse_json(data, starts, ends, tree, purpose, elements)
    return replace(parsed, root=replace(parsed.root, children=tuple(map(_typed, parsed.root.children))))


def _typed(column: JsonColumn) -> JsonColumn:
    """A column of its node's type."""
    array, node = column.array, column.node
    if array is None or array.type.equals(node.type) or node.has(UNKNOWN):
        return column
    return replace(column, array=conform(array, node.type))
