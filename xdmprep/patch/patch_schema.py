"""Which fields a patch has: those it touches, those that find the profile, and those that the schema requires."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa

from ..core.paths import Path
from ..core.shred import Leaf, valid
from ..schema import Field
from .merge_patch import Mask, either, present, struct_of


def reached(arrow_schema: pa.Schema, leaves: Iterable[Leaf]) -> pa.Schema:
    """`arrow_schema` with only the fields that some leaf lies in, above or below; arrays and maps stay whole."""
    return narrowed(arrow_schema, {path for leaf in leaves for path in _inside(leaf.path, leaf.type)})


def _inside(path: Path, kind: pa.DataType) -> Iterator[Path]:
    """The paths of the fields in one that are no objects, or objects without fields."""
    if not pa.types.is_struct(kind) or not kind.num_fields:
        yield path
        return
    for part in kind:
        yield from _inside((*path, part.name), part.type)


def touched(records: pa.StructArray) -> set[Path]:
    """The paths of the fields that hold something in some record; arrays and maps count as one field."""
    found: set[Path] = set()

    def look(array: pa.Array, path: Path) -> None:
        if pa.types.is_struct(array.type):
            for part, child in zip(array.type, array.flatten(), strict=True):
                look(child, (*path, part.name))
        elif array.null_count < len(array):
            found.add(path)

    look(records, ())
    return found


def narrowed(arrow_schema: pa.Schema, paths: Iterable[Path]) -> pa.Schema:
    """`arrow_schema` with only the fields at `paths`, in its own order and nesting; arrays and maps stay whole."""
    tree: dict[str, Any] = {}
    for path in paths:
        node = tree
        for step in path:
            node = node.setdefault(str(step), {})

    def within(part: pa.Field, below: dict[str, Any] | None) -> pa.Field | None:
        if below is None:
            return None
        if not pa.types.is_struct(part.type) or not below:
            return part
        kept = [field for child in part.type if (field := within(child, below.get(child.name))) is not None]
        return pa.field(part.name, pa.struct(kept)) if kept else None

    return pa.schema([field for part in arrow_schema if (field := within(part, tree.get(part.name))) is not None])


def leaf_paths(arrow_schema: pa.Schema) -> list[Path]:
    """The paths of all fields that are no objects, in order; arrays and maps count as one field."""
    return [path for part in arrow_schema for path in _inside((part.name,), part.type)]


def restated(
    sent: pa.StructArray, whole: pa.StructArray, root: Field, always: frozenset[Path], required: bool
) -> pa.StructArray:
    """`sent`, with what each record must say again; records that send nothing stay null.

    Args:
        sent: what changed.
        whole: the whole records, of the same type.
        root: the schema's record.
        always: fields (or objects) that every record that sends something repeats.
        required: repeat the fields that the schema requires, in the objects that are sent.

    Returns:
        A struct array as long as `sent`.
    """
    sending = valid(sent)
    made = _with_always(sent, whole, (), always, sending)
    return _with_required(made, whole, root, sending) if required else made


def _with_always(sent: pa.Array, whole: pa.Array, path: Path, always: frozenset[Path], sending: Mask) -> pa.Array:
    if path in always:
        return either(sending, whole, sent)
    if not pa.types.is_struct(sent.type) or not any(other[: len(path)] == path for other in always):
        return sent
    parts = zip(sent.type, sent.flatten(), whole.flatten(), strict=True)
    children = [_with_always(s, w, (*path, part.name), always, sending) for part, s, w in parts]
    return struct_of(children, list(sent.type))


def _with_required(sent: pa.Array, whole: pa.Array, field: Field | None, sending: Mask) -> pa.Array:
    """Objects that are sent with the fields the schema requires of them."""
    if field is None or not pa.types.is_struct(sent.type):
        return sent
    children = []
    for part, s, w in zip(sent.type, sent.flatten(), whole.flatten(), strict=True):
        below = field.children.get(part.name)
        here = valid(s)
        child = _with_required(s, w, below, here)
        if part.name in field.required_children:
            missing = sending & ~here & present(w)
            if missing.any():
                child = either(missing, _least(w, below), child)
        children.append(child)
    return struct_of(children, list(sent.type))


def _least(whole: pa.Array, field: Field | None) -> pa.Array:
    """The least of `whole` that satisfies what the schema requires: an object's required fields, else all of it."""
    if field is None or not pa.types.is_struct(whole.type):
        return whole
    children = [
        _least(child, field.children.get(part.name))
        if part.name in field.required_children else pa.nulls(len(whole), part.type)
        for part, child in zip(whole.type, whole.flatten(), strict=True)
    ]  # fmt: skip
    least = struct_of(children, list(whole.type))
    return either(~valid(least) & present(whole), whole, least)
