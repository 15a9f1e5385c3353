"""Patterns that say for each character which ASCII characters may occur there, tested on a column's bytes at once.

``^[0-9]{3}-[0-9]{4}$`` is a *shape*: so many bytes, each within a set.  ``^[A-Z0-9-]{4,40}$`` is a *run*: all bytes
within one set.  A column of such strings is a few array operations, where a regular expression asks value by value.
Any other pattern is left to the regular expression; the verdict is the same (no byte of a character beyond ASCII is in
a set, so bytes are characters).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..kernels.byte_test import ByteTest
from .charset import ASCII, CharSet
from .dfa import split_anchors
from .tree import Chars, Node, Repeat

_Table = np.ndarray[Any, np.dtype[np.bool_]]

_WIDEST = 256


def byte_test(tree: Node) -> ByteTest | None:
    """The test of an expression by bytes; None if it is neither a shape nor a run."""
    anchored, parts, closed = split_anchors(tree)
    if not (anchored and closed and parts):
        return None
    tokens: list[tuple[CharSet, int, int | None]] = []
    for part in parts:
        least, most = (part.least, part.most) if isinstance(part, Repeat) else (1, 1)
        chars = part.body if isinstance(part, Repeat) else part
        if not isinstance(chars, Chars) or not chars.set or chars.set - ASCII:
            return None
        tokens.append((chars.set, least, most))
    if len(tokens) == 1 and tokens[0][1] != tokens[0][2]:
        members, least, most = tokens[0]
        return ByteTest((_table(members),), least, most, run=True)
    tables: list[_Table] = []
    for members, least, most in tokens:
        if least != most or len(tables) + least > _WIDEST:
            return None
        tables += [_table(members)] * least
    return ByteTest(tuple(tables), len(tables), len(tables), run=False) if tables else None


def _table(members: CharSet) -> _Table:
    table = np.zeros(256, bool)
    table[list(members)] = True
    return table
