"""The key that matches the records of two snapshots: a path, or the primary identity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..core.paths import EVERY, Path, format_path, parse_path
from ..core.shred import Leaf, array_at, nest, plain
from ..core.stream import Chunk
from ..errors import ExpressionError, SchemaError, UsageError
from ..kernels.arrays import map_parts
from ..schema import Schema

_PRIMARY = "identityMap"


@dataclass(frozen=True)
class Key:
    """Where the key of a record stands.

    Attributes:
        path: of the key; ``("identityMap",)`` means the item of the identityMap that is marked primary, whichever.
        type: Arrow type of the key's top-level field.
    """

    path: Path
    type: pa.DataType

    @property
    def name(self) -> str:
        """What messages call it."""
        return "the primary identity of identityMap" if self.path == (_PRIMARY,) else self.where

    @property
    def where(self) -> str:
        """Its path as text."""
        return format_path(self.path)

    @property
    def top(self) -> Path:
        """The part of the path above any array or map: what a patch repeats so that the record can be found."""
        kind, steps = self.type, 1
        while steps < len(self.path) and pa.types.is_struct(kind):
            kind = kind.field(str(self.path[steps])).type
            steps += 1
        return self.path[:steps]

    def texts(self, chunk: Chunk) -> pa.Array:
        """string (n,): the key of each record, null where it has none."""
        direct = self._leaf(chunk)
        if direct is not None:
            return _blank_is_null(direct)
        wanted = [number for number, leaf in enumerate(chunk.leaves) if leaf.path[0] == self.path[0]]
        if not wanted:
            return pa.nulls(len(chunk), pa.string())
        leaves = [chunk.leaves[number] for number in wanted]
        part = chunk.records.select(wanted)
        column = nest(leaves, part, pa.schema([(str(self.path[0]), self.type)])).column(0)
        found = _marked(column) if self.path == (_PRIMARY,) else array_at(column, self.path[1:])
        return _blank_is_null(_as_text(found))

    def _leaf(self, chunk: Chunk) -> pa.Array | None:
        """The column of the leaf that is the key, where no other element of an array can stand in for it."""
        path = self.path
        if path == (_PRIMARY,):
            marks = [leaf.path for leaf in chunk.leaves if leaf.path[0] == _PRIMARY and leaf.path[-1] == "primary"]
            always = [leaf.path for leaf in chunk.leaves if leaf.path in marks and leaf.constant is True]
            never = [leaf.path for leaf in chunk.leaves if leaf.path in marks and leaf.constant is False]
            if len(always) != 1 or len(always) + len(never) != len(marks):
                return None
            path = (*always[0][:-1], "id")
        for number, leaf in enumerate(chunk.leaves):
            if leaf.path == path:
                column = plain(chunk.records.column(number))
                if column.null_count and any(isinstance(step, int) for step in path):
                    return None
                return _as_text(column) if self.path != (_PRIMARY,) else _prefixed(str(path[1]), column)
        return None


def key_of(schema: Schema, on: str | None) -> Key:
    """The key at the path `on`; without one, the schema's primary identity.

    Raises:
        UsageError: no such field, or one that cannot be a key, or the schema has no identity at all.
    """
    if on is not None:
        try:
            field, path = schema.find(on), parse_path(on)
        except (SchemaError, ExpressionError) as error:
            near = "" if "Did you mean" in str(error) else " Give a path such as identityMap.CRMID[0].id."
            raise UsageError(f"the key: {error}{near}") from None
        if EVERY in path or not field.leaf or field.type in ("number", "boolean", "any"):
            raise UsageError(
                f"the key '{on}' is {'every element of an array' if EVERY in path else 'of type ' + field.type}; "
                "give one field that is a string, a whole number or a date, such as identityMap.CRMID[0].id."
            )
        return Key(path, schema.arrow_schema.field(str(path[0])).type)
    primary = schema.primary_identity
    if primary is not None:
        return Key(primary.path, schema.arrow_schema.field(str(primary.path[0])).type)
    if _PRIMARY in schema.arrow_schema.names:
        return Key((_PRIMARY,), schema.arrow_schema.field(_PRIMARY).type)
    raise UsageError(
        f"{schema.name} has no primary identity: neither an identity descriptor nor an identityMap. "
        "A Profile patch needs one; add the descriptor to the schema (NAME.descriptors.json beside it)."
    )


def primary_of(schema: Schema) -> Key | None:
    """The schema's primary identity as a key; None if it has none."""
    try:
        return key_of(schema, None)
    except UsageError:
        return None


def as_good_as(key: Key, primary: Key, leaves: Sequence[Leaf]) -> bool:
    """Whether the key is the primary identity in other words: records of these leaves have both or none, 1 : 1."""
    if key == primary:
        return True
    if primary.path != (_PRIMARY,):
        return False
    inside = [leaf for leaf in leaves if leaf.path[0] == _PRIMARY]
    marks = [leaf for leaf in inside if leaf.path[-1] == "primary"]
    always = [leaf.path[:-1] for leaf in marks if leaf.constant is True]
    if len(always) != 1 or any(leaf.constant not in (True, False) for leaf in marks):
        return False
    item = always[0]
    alone = all(leaf.path[:-1] == item for leaf in inside if leaf.path[: len(item) - 1] == item[:-1])
    return alone and key.path == (*item, "id")


def _marked(maps: pa.Array) -> pa.Array:
    """``namespace:id`` of the first item of each identityMap that is marked primary."""
    keys, lists, counts = map_parts(maps)
    sizes = pc.list_value_length(lists).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    items = lists.flatten()
    entry = np.repeat(np.arange(len(keys)), sizes)
    row = np.repeat(np.repeat(np.arange(len(maps)), counts), sizes)
    marked = np.flatnonzero(pc.struct_field(items, "primary").fill_null(False).to_numpy(zero_copy_only=False))
    rows, first = np.unique(row[marked], return_index=True)
    chosen = marked[first]
    ids = _blank_is_null(pc.struct_field(items, "id").take(pa.array(chosen)))
    named = pc.binary_join_element_wise(keys.take(pa.array(entry[chosen])), ids, ":")
    back = np.full(len(maps), -1, np.int64)
    back[rows] = np.arange(len(rows))
    return named.take(pa.array(back, mask=back < 0))


def _prefixed(namespace: str, ids: pa.Array) -> pa.Array:
    return pc.binary_join_element_wise(pa.scalar(namespace), _blank_is_null(ids), ":")


def _as_text(column: pa.Array) -> pa.Array:
    column = plain(column)
    return column if pa.types.is_string(column.type) else column.cast(pa.string())


def _blank_is_null(texts: pa.Array) -> pa.Array:
    blank = pc.equal(pc.utf8_trim_whitespace(texts), "")
    return pc.if_else(blank, pa.scalar(None, pa.string()), texts) if pc.any(blank).as_py() else texts


def aligned(chunk: Chunk, leaves: Sequence[Leaf]) -> list[pa.Array]:
    """The chunk's columns in the order of `leaves`; nulls for what it does not have."""
    at: dict[Path, int] = {leaf.path: number for number, leaf in enumerate(chunk.leaves)}
    return [
        chunk.records.column(at[leaf.path]) if leaf.path in at else pa.nulls(len(chunk), leaf.type) for leaf in leaves
    ]
