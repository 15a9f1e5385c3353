"""The tree of columns that lines of JSON are parsed along, and the columns that come of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from .arrays import Mask

#: Metadata of a string field that holds numbers as they are written.
NUMERAL = {b"json": b"number"}
#: Metadata of a string field of which no value was seen: texts as they are, other values as JSON.
UNSEEN = {b"json": b"unseen"}


# kinds of nodes, as in _json.c
UNKNOWN, TEXT, INTEGER, NUMBER, BOOLEAN, OBJECT, ARRAY, MAP, ANY, NUMBER_TEXT, _WHOLE = range(11)


@dataclass(frozen=True)
class JsonNode:
    """One place in the tree of columns.

    Attributes:
        kind: a number that the compiled parser knows.
        names: the fields of an object.
        children: their nodes; the element of an array; key and value of a map.
        whole: of an object: its column is a struct, so that it may be empty; otherwise it is as good as its fields.
        unseen: no value was seen there, so that the kind says nothing.
    """

    kind: int
    names: tuple[str, ...] = ()
    children: tuple[JsonNode, ...] = ()
    whole: bool = False
    unseen: bool = False

    @cached_property
    def spec(self) -> tuple[Any, ...]:
        """The tree as the compiled parser takes it."""
        kind = _WHOLE if self.whole else self.kind
        return kind, tuple(_raw(name) for name in self.names), tuple(child.spec for child in self.children)

    @cached_property
    def type(self) -> pa.DataType:
        """The Arrow type of the column."""
        if self.kind == OBJECT:
            return pa.struct(self.fields)
        if self.kind == ARRAY:
            return pa.list_(self.children[0].field("item"))
        if self.kind == MAP:
            return pa.map_(pa.string(), self.children[1].field("value"))
        return _TYPES.get(self.kind, pa.string())

    @cached_property
    def fields(self) -> list[pa.Field]:
        """The fields of an object."""
        return [child.field(name) for name, child in zip(self.names, self.children, strict=True)]

    def field(self, name: str) -> pa.Field:
        """The column as a field."""
        mark = NUMERAL if self.kind == NUMBER_TEXT else UNSEEN if self.unseen else None
        return pa.field(name, self.type, metadata=mark)

    @cached_property
    def kinds(self) -> frozenset[int]:
        """The kinds of all nodes in the tree."""
        return frozenset((self.kind,)).union(*(child.kinds for child in self.children))


_TYPES = {INTEGER: pa.int64(), NUMBER: pa.float64(), BOOLEAN: pa.bool_(), UNKNOWN: pa.null()}


def _raw(name: str) -> bytes:
    """The bytes of a key as they are in a line; one that no line has for keys that need an escape."""
    plain = '"' not in name and "\\" not in name and all(c >= " " for c in name)
    return name.encode() if plain else b"\n"


#: What lines are parsed for: to be checked (nulls are noted, unknown keys do not fit, and numbers are taken only where
#: the column's number is exactly theirs); to be mapped (null is as good as no value, and unknown keys of the record
#: itself are passed over); to learn what they hold (the same, but nulls are noted, no key is passed over and an integer
#: does not fit doubles).  The numbers are those of _json.c.
CHECK, MAPPED, LEARN = 1, 2, 8
#: What became of a line; the numbers are those of _json.c.  UNLIKE: it does not fit the tree.
GOOD, BLANK, EXACT, UNLIKE = range(4)


@dataclass(frozen=True, eq=False)
class JsonColumn:
    """The values of a place.

    Attributes:
        node: the place.
        array: the values; None for objects, whose fields are there instead.
        nulls: where ``null`` is; None if nowhere, or if that was not asked for.
        valid: for objects: Arrow's bitmap of where one is, None if everywhere.
        children: for objects: the fields; for arrays: their elements.
    """

    node: JsonNode
    array: pa.Array | None
    nulls: Mask | None
    size: int
    valid: Any
    children: tuple[JsonColumn, ...]

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
    """The records of a block: what became of each (uint8), and the column of the good ones."""

    status: np.ndarray[Any, np.dtype[np.uint8]]
    root: JsonColumn
