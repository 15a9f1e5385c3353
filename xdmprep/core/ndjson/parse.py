"""Lines of a block to columns along a tree.

Only lines are taken of which the kernel sees all, as the exact reader would; the others are named.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ... import kernels
from ...kernels.json_columns import UNKNOWN, JsonColumn, JsonNode, Parsed
from ..shred import conform


def parse(data: Any, size: int, tree: JsonNode, purpose: int) -> Parsed:
    """Parse the lines of a block.

    Args:
        data: uint8 array: the lines, and :data:`.PADDING` zero bytes.
        size: bytes of the lines.
        tree: where values go; an object.
        purpose: :data:`.json_columns.CHECK`, `MAPPED` or `LEARN`.

    Returns:
        The columns of `tree`, with the Arrow types that its values have.
    """
    parsed = kernels.active.parse_json(data, size, tree, purpose)
    return replace(parsed, root=replace(parsed.root, children=tuple(map(_typed, parsed.root.children))))


def _typed(column: JsonColumn) -> JsonColumn:
    """A column of its node's type."""
    array, node = column.array, column.node
    if array is None or array.type.equals(node.type) or node.has(UNKNOWN):
        return column
    return replace(column, array=conform(array, node.type))
