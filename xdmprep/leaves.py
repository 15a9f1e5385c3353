"""Shredded records: which column stands where, and how columns become nested Arrow arrays.

An object is null where all its fields are; an array or map holds only what is there, in the order of the index or
of the leaves, and is null where nothing is.  That is how records leave out nulls, empty objects and empty arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .paths import Path, format_path


@dataclass(frozen=True, slots=True)
class Leaf:
    """Where one column of a chunk stands in the record.

    Attributes:
        path: steps from the record's root; str for a key of an object or map, int for an element of an array.
        type: logical Arrow type of the column.  A string leaf's column may be dictionary-encoded
            (``dictionary<int32, string>``); every reader of a chunk takes both.
        column: the source column or expression the value comes from, for messages.
        constant: the leaf's one value (a Python str, int, float or bool) where it has the same in every row.
        follows: index of another leaf of the same stream: this leaf, a constant, is present exactly where that one is.
    """

    path: Path
    type: pa.DataType
    column: str | None = None
    constant: Any = None
    follows: int | None = None

    @property
    def name(self) -> str:
        """The path as text, also the name of the column in `Chunk.records`."""
        return format_path(self.path)


def path_tree(paths: Sequence[Path]) -> dict[str | int, Any]:
    """The tree of `paths`; each end holds the path's index.  Order of first appearance is kept."""
    root: dict[str | int, Any] = {}
    for number, path in enumerate(paths):
        node = root
        for step in path[:-1]:
            node = node.setdefault(step, {})
        node[path[-1]] = number
    return root


def nested_type(node: Any, leaves: Sequence[Leaf]) -> pa.DataType:
    """The Arrow type that a tree of leaves has when no schema says otherwise: structs, and lists for indexes."""
    if isinstance(node, int):
        return leaves[node].type
    if all(isinstance(step, int) for step in node):
        merged: Any = {}
        for child in node.values():
            merged = _merged(merged, child)
        return pa.list_(nested_type(merged, leaves))
    return pa.struct([(str(step), nested_type(child, leaves)) for step, child in node.items()])


def _merged(a: Any, b: Any) -> Any:
    """The tree that has the steps of both; a leaf stays as it is."""
    if isinstance(a, int) or isinstance(b, int):
        return b if a == {} else a
    return {step: _merged(a.get(step, {}), b[step]) if step in b else a[step] for step in {**a, **b}}


def nested_schema(leaves: Sequence[Leaf]) -> pa.Schema:
    """The nested Arrow schema of `leaves` when no XDM schema is given."""
    tree = path_tree([leaf.path for leaf in leaves])
    return pa.schema([(str(step), nested_type(child, leaves)) for step, child in tree.items()])


def nest(leaves: Sequence[Leaf], records: pa.RecordBatch, arrow_schema: pa.Schema | None = None) -> pa.RecordBatch:
    """`records`, one column per leaf, as a nested batch of `arrow_schema` (derived from the leaves if None).

    Fields of the schema without a leaf become nulls.  Raises KeyError if a leaf has no place in the schema.
    """
    schema = nested_schema(leaves) if arrow_schema is None else arrow_schema
    tree = path_tree([leaf.path for leaf in leaves])
    unknown = [step for step in tree if step not in schema.names]
    if unknown:
        raise KeyError(unknown[0])
    n = records.num_rows
    columns = [_build(tree.get(field.name), field.type, records, n) for field in schema]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _build(node: Any, kind: pa.DataType, records: pa.RecordBatch, n: int) -> pa.Array:
    if node is None:
        return pa.nulls(n, kind)
    if isinstance(node, int):
        return conform(plain(records.column(node)), kind)
    if pa.types.is_struct(kind):
        unknown = [step for step in node if kind.get_field_index(str(step)) < 0]
        if unknown:
            raise KeyError(unknown[0])
        children = [_build(node.get(field.name), field.type, records, n) for field in kind]
        present = np.zeros(n, dtype=bool)
        for name, child in zip([field.name for field in kind], children, strict=True):
            if name in node:
                present |= valid(child)
        return pa.StructArray.from_arrays(children, fields=list(kind), mask=pa.array(~present))
    if pa.types.is_list(kind):
        ordered = sorted(node.items(), key=lambda item: int(item[0]))
        parts = [_build(child, kind.value_type, records, n) for _, child in ordered]
        offsets, values, _ = _gather(parts, n)
        return pa.ListArray.from_arrays(offsets, values, type=kind, mask=_empty(offsets))
    if pa.types.is_map(kind):
        keys = list(node)
        parts = [_build(node[key], kind.item_type, records, n) for key in keys]
        offsets, values, which = _gather(parts, n)
        names = pa.array([str(key) for key in keys], pa.string()).take(pa.array(which))
        array = pa.MapArray.from_arrays(offsets, names, values, type=kind)
        return _with_nulls(array, _empty(offsets), kind)
    raise KeyError(next(iter(node)))


def _gather(parts: list[pa.Array], n: int) -> tuple[pa.Array, pa.Array, Any]:
    """Row by row the non-null values of `parts`: offsets (n + 1), values, and which part each value is of."""
    present = np.column_stack([valid(part) for part in parts])  # (n, k)
    offsets = np.zeros(n + 1, dtype=np.int32)
    np.cumsum(present.sum(axis=1), out=offsets[1:])
    row, which = np.nonzero(present)
    values = pa.concat_arrays(parts).take(pa.array(which * n + row))
    return pa.array(offsets, pa.int32()), values, which


def _empty(offsets: pa.Array) -> pa.Array:
    return pc.equal(offsets.slice(1), offsets.slice(0, len(offsets) - 1))


def _with_nulls(array: pa.Array, null: pa.Array, kind: pa.DataType) -> pa.Array:
    if not pc.any(null).as_py():
        return array
    bitmap = pc.invert(null).buffers()[1]
    buffers = array.buffers()
    entries = pa.StructArray.from_arrays([array.keys, array.items], fields=[kind.key_field, kind.item_field])
    return pa.Array.from_buffers(kind, len(array), [bitmap, buffers[1]], children=[entries])


def conform(array: pa.Array, kind: pa.DataType) -> pa.Array:
    """`array` with exactly the type `kind`: struct fields by name, absent ones null, everything else by a safe cast."""
    if array.type.equals(kind):
        return array
    if pa.types.is_struct(kind) and pa.types.is_struct(array.type):
        flat = dict(zip([field.name for field in array.type], array.flatten(), strict=True))
        children = [conform(flat[f.name], f.type) if f.name in flat else pa.nulls(len(array), f.type) for f in kind]
        return pa.StructArray.from_arrays(children, fields=list(kind), mask=array.is_null())
    if pa.types.is_list(kind) and (pa.types.is_list(array.type) or pa.types.is_large_list(array.type)):
        lengths = pc.list_value_length(array).fill_null(0)
        offsets = np.zeros(len(array) + 1, dtype=np.int32)
        np.cumsum(lengths.to_numpy(zero_copy_only=False), out=offsets[1:])
        return pa.ListArray.from_arrays(
            pa.array(offsets), conform(array.flatten(), kind.value_type), type=kind, mask=array.is_null()
        )
    if pa.types.is_map(kind) and pa.types.is_map(array.type):
        entries = array.offsets
        start, end = entries[0].as_py(), entries[-1].as_py()
        rebased = pc.subtract(entries, start).cast(pa.int32())
        keys = conform(array.keys.slice(start, end - start), kind.key_type)
        items = conform(array.items.slice(start, end - start), kind.item_type)
        return _with_nulls(pa.MapArray.from_arrays(rebased, keys, items, type=kind), array.is_null(), kind)
    return array.cast(kind)


def valid(array: pa.Array) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """bool (n,): True where `array` is not null."""
    if array.null_count == 0:
        return np.ones(len(array), dtype=bool)
    return np.asarray(array.is_valid().to_numpy(zero_copy_only=False), dtype=bool)


def prune(value: Any) -> Any:
    """`value` without nulls, empty objects and empty arrays, at every depth."""
    if isinstance(value, dict):
        pairs = ((key, prune(item)) for key, item in value.items())
        return {key: item for key, item in pairs if item is not None and item != {} and item != []}
    if isinstance(value, list):
        return [item for item in map(prune, value) if item is not None and item != {} and item != []]
    return value


def plain(column: pa.Array) -> pa.Array:
    """`column` without dictionary encoding."""
    return column.dictionary_decode() if isinstance(column, pa.DictionaryArray) else column
