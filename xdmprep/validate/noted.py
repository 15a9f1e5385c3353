"""What was noted of many JSON lines on their way along a layout (:mod:`.follow`), as columns."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa

from ..leaves import Leaf
from .bits import Ints
from .layout import Kind, Layout
from .lines import Group, Lines, Mask, Texts

_TYPES: dict[str, pa.DataType] = {
    "text": pa.string(), "integer": pa.int64(), "number": pa.float64(), "boolean": pa.bool_(),
    "object": pa.struct([]), "array": pa.list_(pa.null()), "": pa.null(),
}  # fmt: skip


class Value:
    """One leaf's values: in which lines (None: all), where their texts are, or what they are (elsewhere anything)."""

    __slots__ = ("begin", "end", "found", "nulls", "there")

    def __init__(self, there: Mask | None, begin: Any = None, end: Any = None) -> None:
        self.there, self.begin, self.end = there, begin, end
        self.found: Any = None
        self.nulls: Mask | None = None


class Noted:
    """The values of some lines.

    Args:
        lines, numbers: the block, and which lines of it.
        layout: what its leaves are.

    Attributes:
        values: one for each leaf; None where no line has any.
    """

    def __init__(self, lines: Lines, numbers: Ints, layout: Layout) -> None:
        self._lines, self._numbers, self._layout = lines, numbers, layout
        self.values: list[Value | None] = [None] * len(layout.leaves)

    def group(self, fits: Mask | None) -> Group | None:
        """The columns of the lines that have gone the whole way."""
        chosen = self._numbers if fits is None else self._numbers[fits]
        escaped = np.flatnonzero(self._lines.escaped[chosen])
        wrong = np.zeros(len(chosen), dtype=bool)
        columns: list[pa.Array | Texts] = []
        nulls: dict[int, Mask] = {}
        for number, (value, (_, kind)) in enumerate(zip(self.values, self._layout.leaves, strict=True)):
            if value is None:
                columns.append(pa.nulls(len(chosen), _TYPES[kind]))
                continue
            if value.nulls is not None:
                nulls[number] = value.nulls if fits is None else value.nulls[fits]
            column = self._column(value, kind, chosen, fits)
            if isinstance(column, Texts) and len(escaped):
                column = self._unescaped(column, escaped, wrong)
            columns.append(column)
        leaves = tuple(
            Leaf(path, column.type) for (path, _), column in zip(self._layout.leaves, columns, strict=True)
        )  # fmt: skip
        if wrong.any():  # the exact path says what is wrong with the escape
            self._lines.strange[chosen[wrong]] = True
            good = ~wrong
            keep, chosen = pa.array(good), chosen[good]
            columns = [(one.array() if isinstance(one, Texts) else one).filter(keep) for one in columns]
            nulls = {number: mask[good] for number, mask in nulls.items()}
        return Group(chosen, leaves, tuple(columns), nulls) if len(chosen) else None

    def _column(self, value: Value, kind: Kind, chosen: Ints, fits: Mask | None) -> pa.Array | Texts:
        there = value.there if fits is None or value.there is None else value.there[fits]
        if there is not None and there.all():
            there = None
        if value.begin is not None:
            begin, end = (value.begin, value.end) if fits is None else (value.begin[fits], value.end[fits])
            if there is not None:  # where there is no text, take none, at a place between those before and behind
                starts = self._lines.starts[chosen]
                begin, end = np.where(there, begin, starts), np.where(there, end, starts)
            return Texts(self._lines, begin, end, there)
        valid = None if there is None else pa.py_buffer(np.packbits(there, bitorder="little"))
        if value.found is not None:
            found = value.found if fits is None else value.found[fits]
            data = np.packbits(found, bitorder="little") if kind == "boolean" else found
            return pa.Array.from_buffers(pa.from_numpy_dtype(found.dtype), len(found), [valid, pa.py_buffer(data)])
        if kind == "object":
            return pa.Array.from_buffers(pa.struct([]), len(chosen), [valid])
        if kind == "array":
            offsets = pa.py_buffer(np.zeros(len(chosen) + 1, np.int32))
            return pa.Array.from_buffers(_TYPES["array"], len(chosen), [valid, offsets], children=[pa.nulls(0)])
        return pa.nulls(len(chosen), _TYPES[kind])

    def _unescaped(self, column: Texts, rows: Ints, wrong: Mask) -> Texts:
        """The texts with the escapes in some rows resolved; `wrong` is set where one is no valid escape."""
        slashes = np.append(self._lines.slashes, self._lines.size)
        rows = rows[slashes[np.searchsorted(slashes, column.begin[rows])] < column.end[rows]]
        if not len(rows):
            return column
        encoded = self._lines.slices(column.begin[rows], column.end[rows]).dictionary_encode()
        texts = [_unescape(text) for text in encoded.dictionary.to_pylist()]
        which = np.asarray(encoded.indices)
        wrong[rows[np.asarray([text is None for text in texts])[which]]] = True
        plain = pa.array([text or "" for text in texts], pa.string()).take(pa.array(which))
        return Texts(self._lines, column.begin, column.end, column.there, (rows, plain))


def _unescape(text: str) -> str | None:
    try:
        value = json.loads(f'"{text}"')
        value.encode()
    except ValueError:
        return None
    return str(value)
