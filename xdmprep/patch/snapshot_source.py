"""The two sides of a comparison, and whether their rows can be compared before they are mapped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import pyarrow as pa

from ..core.shred import Leaf
from ..core.stream import Chunk, Stream
from ..schema import Schema
from .patch_schema import reached

Step = Callable[[Chunk], Chunk]
#: Gives a step that adds the findings of a schema's rules to chunks of these leaves.
Checks = Callable[[tuple[Leaf, ...]], Step]


@dataclass(frozen=True)
class Side:
    """One snapshot to be read: its rows, and how they become records.

    Attributes:
        stream: the rows; records already, if `mapped` is None.
        mapped: makes records of rows; the same rows always make the same records.
        keyed: makes the fields of the key alone, which is cheaper than all; None if `mapped` has to.
        leaves: of the records.
        arrow_schema: of the records.
        resident: the rows are in memory anyway, as those of a DataFrame are.
    """

    stream: Stream
    leaves: tuple[Leaf, ...]
    arrow_schema: pa.Schema
    mapped: Step | None = None
    keyed: Step | None = None
    resident: bool = False

    @classmethod
    def of(cls, stream: Stream, resident: bool = False) -> Side:
        """The side of a stream of records."""
        return cls(stream, stream.leaves, stream.arrow_schema, resident=resident)

    def as_records(self) -> Side:
        """The same side with all its rows made records at once."""
        if self.mapped is None:
            return self
        return Side.of(self.stream.then(self.mapped, self.leaves, self.arrow_schema))


def comparable_sides(before: Side, after: Side, schema: Schema) -> tuple[Side, Side]:
    """Both sides so that equal columns mean equal records.

    Rows are compared before they are mapped where that is enough: the same flat columns on both sides.  Then only the
    keys, and what changed, are mapped at all.
    """
    if before.keyed is None or after.keyed is None or not _same_flat_columns(before.stream, after.stream):
        before, after = before.as_records(), after.as_records()
        if not _comparable(before.leaves, after.leaves):
            before, after = (Side.of(_nested(side.stream, schema)) for side in (before, after))
    return before, after


def _same_flat_columns(before: Stream, after: Stream) -> bool:
    early, late = ({leaf.path: leaf.type for leaf in stream.leaves} for stream in (before, after))
    return early == late and not any(pa.types.is_nested(kind) for kind in late.values())


def _comparable(before: tuple[Leaf, ...], after: tuple[Leaf, ...]) -> bool:
    """Whether leaves of equal path mean the same on both sides: no leaf lies inside a leaf of the other side."""
    early, late = ({leaf.path: leaf.type for leaf in leaves} for leaves in (before, after))
    for one, other in ((early, late), (late, early)):
        for path, kind in one.items():
            if path in other:
                if not other[path].equals(kind):
                    return False
            elif any(path[:steps] in other for steps in range(1, len(path))):
                return False
    return True


def _nested(stream: Stream, schema: Schema) -> Stream:
    """The stream with one leaf for each top-level field."""
    arrow_schema = reached(schema.arrow_schema, stream.leaves)
    leaves = tuple(Leaf((part.name,), part.type) for part in arrow_schema)
    return stream.then(partial(_nest_chunk, arrow_schema=arrow_schema, leaves=leaves), leaves, arrow_schema)


def _nest_chunk(chunk: Chunk, arrow_schema: pa.Schema, leaves: tuple[Leaf, ...]) -> Chunk:
    return replace(chunk, leaves=leaves, records=chunk.nested(arrow_schema))
