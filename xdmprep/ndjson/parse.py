"""Lines of a block to columns along a tree: compiled where that is possible, else by Arrow's parser.

Both take only lines of which they see all, as the exact reader would; the others are named.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from .. import native
from .arrow import parse_plainly
from .columns import Column, Parsed
from .fields import ARRAY, MAP, OBJECT, UNKNOWN, Node

#: What lines are parsed for: to be checked (nulls are noted, keys that the tree does not have are not passed over, and
#: numbers are taken only where the column's number is exactly theirs); to be mapped (null is as good as no value, and
#: other keys of the record itself are passed over); to learn what they hold (the same, but no key is passed over and an
#: integer does not fit doubles).
CHECK, MAPPED, LEARN = 1, 2, 8
_CHECK_UTF8 = 4


def parse(data: Any, size: int, tree: Node, purpose: int) -> Parsed:
    """Parse the lines of a block.

    Args:
        data: uint8 array: the lines, and :data:`.PADDING` zero bytes.
        size: bytes of the lines.
        tree: where values go; an object.
        purpose: :data:`CHECK`, :data:`MAPPED` or :data:`LEARN`.
    """
    if native.compiled is None:
        return parse_plainly(data, size, tree)
    utf8 = native.compiled.is_utf8(memoryview(data)[:size])
    flags = purpose | (0 if utf8 else _CHECK_UTF8)
    status, starts, root = native.compiled.parse_json(data, size, tree.spec, flags, pa.allocate_buffer)
    return Parsed(np.frombuffer(status, np.uint8), np.frombuffer(starts, np.int32), _column(tree, root))


def _column(node: Node, made: Any) -> Column:
    size, valid, nulls, values, text, inside = made
    mask = None
    if nulls is not None:
        mask = np.unpackbits(np.frombuffer(nulls, np.uint8), count=size, bitorder="little").view(bool)
    children = tuple(_column(child, part) for child, part in zip(node.children, inside, strict=True))
    if node.kind == OBJECT:
        return Column(node, None, mask, size, valid, children)
    kind = node.type
    if node.kind == UNKNOWN:
        array = pa.nulls(size)
    elif node.kind == ARRAY:
        array = pa.Array.from_buffers(kind, size, [valid, values], children=[children[0].whole()])
    elif node.kind == MAP:
        entries = pa.Array.from_buffers(
            pa.struct([kind.key_field, kind.item_field]), children[0].size, [None],
            children=[child.whole() for child in children],
        )  # fmt: skip
        array = pa.Array.from_buffers(kind, size, [valid, values], children=[entries])
    else:
        array = pa.Array.from_buffers(kind, size, [valid, values] if text is None else [valid, values, text])
    return Column(node, array, mask, size, None, ())
