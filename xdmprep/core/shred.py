"""Shredded records: which column belongs to which path, and how columns become nested Arrow arrays.

An object is null where all its fields are; an array or map holds only what is there, in the order of the index or
of the leaves, and is null where nothing is.  That is how records leave out nulls, empty objects and empty arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from functools import cached_property, reduce
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .. import kernels
from ..kernels.arrays import list_parts, map_parts, offsets_of
from ..kernels.arrays import valid as valid
from .arrow_types import decimal_texts, doubles, joined, plain_type
from .arrow_types import plain as plain
from .paths import EVERY, Path, format_path


@dataclass(frozen=True, slots=True)
class Leaf:
    """The path of one column of a chunk in the record.

    Attributes:
        path: steps from the record's root; str for a key of an object or map, int for an element of an array.
        type: logical Arrow type of the column.  A string leaf's column may be dictionary-encoded
            (``dictionary<int32, string>``); every reader of a chunk takes both.
        column: the source column or expression the value comes from, for messages.
        constant: the leaf's one value (a Python str, int, float or bool) where it has the same in every row.
        follows: index of another leaf of the same stream: this leaf, a constant, is present exactly where that one is.
        copied: the column of the source whose values these are, converted to `type` and nothing else; None otherwise.
    """

    path: Path
    type: pa.DataType
    column: str | None = None
    constant: Any = None
    follows: int | None = None
    copied: str | None = None

    @property
    def name(self) -> str:
        """The path as text, also the name of the column in `Chunk.records`."""
        return format_path(self.path)


def column_leaves(columns: pa.Schema) -> tuple[Leaf, ...]:
    """The leaves of rows of a source: one for each column, named as it is."""
    return tuple(Leaf((field.name,), field.type, field.name) for field in columns)


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

    Fields of the schema without a leaf become nulls.  A text field that the schema has as
    ``dictionary<int32, string>`` is encoded so, see :func:`encoded`.  Raises KeyError if a leaf has no place in the
    schema.  Columns of a source that no record can hold stay text where Arrow cannot pick rows of their type.
    """
    schema = nested_schema(leaves) if arrow_schema is None else arrow_schema
    if [leaf.path for leaf in leaves] == [(name,) for name in schema.names]:  # flat; a source may repeat a name
        flat, fields = [], []
        for column, field in zip(records.columns, schema, strict=True):
            as_text = pa.types.is_string(column.type) and plain_type(field.type) is None  # see `held_column`
            flat.append(column if as_text else conform(column, field.type))
            fields.append(field.with_type(column.type) if as_text else field)
        return pa.RecordBatch.from_arrays(flat, schema=pa.schema(fields, schema.metadata))
    tree = path_tree([leaf.path for leaf in leaves])
    known = set(schema.names)
    unknown = [step for step in tree if step not in known]
    if unknown:
        raise KeyError(unknown[0])
    columns = _Nesting(records).fields([tree], list(schema), None)
    return pa.RecordBatch.from_arrays(columns, schema=schema)


class _Picked:
    """Elements of arrays or maps, row by row and in each row in the order of the subtrees they come from.

    Attributes:
        at: place of each element among all pairs of a row and a subtree, row by row.
        which, rows: subtree and row of each element.
        turned: place of each element among all pairs, subtree by subtree.
    """

    def __init__(self, there: np.ndarray[Any, np.dtype[np.bool_]]) -> None:
        self._width, self._n = there.shape
        self._all = bool(there.all())
        places: Any = np.arange(there.size) if self._all else np.flatnonzero(there.T)
        # a division of 64 bits takes seven times as long
        self.at = places.astype(np.int32) if there.size < 1 << 31 else places

    @cached_property
    def rows(self) -> Any:
        return self.at // self._width

    @cached_property
    def which(self) -> Any:
        return self.at % self._width

    @cached_property
    def turned(self) -> Any:
        return self.at.reshape(self._width, -1).T.ravel() if self._all else self.which * self._n + self.rows

    def __len__(self) -> int:
        return len(self.at)


class _Nesting:
    """Builds nested arrays out of a batch of leaves.

    Below an array or a map a field has one subtree per index or key.  Which of them a row has is computed
    on the way down, so that each value is copied once, at the leaf, however deep it lies.
    """

    def __init__(self, records: pa.RecordBatch) -> None:
        self._records = records
        self._n = records.num_rows

    def fields(self, nodes: Sequence[Any], fields: Sequence[pa.Field], picked: _Picked | None) -> list[pa.Array]:
        """The fields of the objects `nodes`.

        Those that no leaf fills, of which a wide schema has thousands, are made at once and share their memory.
        """
        filled = {step for node in nodes if node for step in node}
        n = self._n if picked is None else len(picked)
        nulls = pa.nulls(n, pa.struct([field for field in fields if field.name not in filled]))
        absent = map(nulls.field, range(nulls.type.num_fields))
        return [
            self.build([node and node.get(field.name) for node in nodes], field.type, picked)
            if field.name in filled else next(absent)
            for field in fields
        ]  # fmt: skip

    def build(self, nodes: Sequence[Any], kind: pa.DataType, picked: _Picked | None) -> pa.Array:
        """The values of `kind` that the subtrees `nodes` hold: one per row (`picked` is None, one node), or picked."""
        if all(node is None for node in nodes):
            return pa.nulls(self._n if picked is None else len(picked), kind)
        if any(isinstance(node, int) for node in nodes):
            return self._values(nodes, kind, picked)
        if pa.types.is_struct(kind):
            return self._struct(nodes, kind, picked)
        if pa.types.is_list(kind):
            offsets, children, _, below = self._elements(nodes, picked, by_index=True)
            values = self.build(children, kind.value_type, below)
            return pa.ListArray.from_arrays(offsets, values, type=kind, mask=_empty(offsets))
        if pa.types.is_map(kind):
            offsets, children, names, below = self._elements(nodes, picked, by_index=False)
            keys = pa.DictionaryArray.from_arrays(
                below.which.astype(np.int32, copy=False), pa.array(names, pa.string())
            )
            items = self.build(children, kind.item_type, below)
            keys = conform(keys, kind.key_type)
            return pa.MapArray.from_arrays(offsets, keys, items, type=kind, mask=_empty(offsets))
        raise KeyError(next(step for node in nodes if node is not None for step in node))

    def _values(self, nodes: Sequence[Any], kind: pa.DataType, picked: _Picked | None) -> pa.Array:
        """A leaf; below an array, where the same field may be a leaf in one element and a subtree in another, all."""
        columns = [
            self._records.column(node) if isinstance(node, int) else self.build([node], kind, None)
            for node in nodes
            if node is not None
        ]
        if picked is None:
            return conform(columns[0], kind)
        if len(columns) == len(nodes) == 1:
            return conform(columns[0].take(pa.array(picked.rows)), kind)
        there, values = np.array([node is not None for node in nodes]), joined(columns)
        coded = pa.types.is_dictionary(kind)
        values = encoded(values) if coded else values  # codes are picked faster than texts
        if not there.all():
            start = ((np.cumsum(there) - 1) * self._n).astype(picked.rows.dtype)
            values = values.take(pa.array(start.take(picked.which) + picked.rows, mask=~there[picked.which]))
        elif pa.types.is_string(values.type) and picked.turned.dtype == np.int32:
            values = kernels.active.take_texts(values, picked.turned)
        else:
            values = values.take(pa.array(picked.turned))
        return values if coded else conform(values, kind)

    def _struct(self, nodes: Sequence[Any], kind: pa.DataType, picked: _Picked | None) -> pa.Array:
        unknown = [step for node in nodes if node for step in node if kind.get_field_index(str(step)) < 0]
        if unknown:
            raise KeyError(unknown[0])
        known = {step for node in nodes if node for step in node}
        children = self.fields(nodes, list(kind), picked)
        absent = all_null([child for field, child in zip(kind, children, strict=True) if field.name in known])
        return pa.StructArray.from_arrays(children, fields=list(kind), mask=absent)

    def _elements(
        self, nodes: Sequence[Any], picked: _Picked | None, by_index: bool
    ) -> tuple[pa.Array, list[Any], list[str], _Picked]:
        """What lies below `nodes`: offsets, all subtrees with their steps, and which elements of them there are."""
        steps = [[] if node is None else sorted(node, key=int) if by_index else list(node) for node in nodes]
        children = [node[step] for node, inside in zip(nodes, steps, strict=True) for step in inside]
        there = np.array([self._present(child) for child in children])
        ends = np.cumsum([len(inside) for inside in steps]).tolist()
        counts = [
            there[end - len(inside) : end].sum(axis=0, dtype=np.int32) for inside, end in zip(steps, ends, strict=True)
        ]
        # a row's element of `picked` is there if anything below it is, so what is not picked has nothing to count
        sizes = counts[0] if picked is None else np.stack(counts, axis=1).ravel().take(picked.at)
        return pa.array(offsets_of(sizes)), children, [str(step) for inside in steps for step in inside], _Picked(there)

    def _present(self, node: Any) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """bool (n,): True where a leaf of the subtree has a value."""
        if isinstance(node, int):
            return valid(self._records.column(node))
        present = np.zeros(self._n, dtype=bool)
        for child in node.values():
            present |= self._present(child)
        return present


def all_null(arrays: Sequence[pa.Array]) -> pa.Array | None:
    """True where all of them are null; None if that is nowhere."""
    if any(array.null_count == 0 for array in arrays):
        return None
    return _somewhere(reduce(pc.and_, [array.is_null() for array in arrays]))


def _empty(offsets: pa.Array) -> pa.Array | None:
    """True where no element is; None if that is nowhere."""
    return _somewhere(pc.equal(offsets.slice(1), offsets.slice(0, len(offsets) - 1)))


def _somewhere(mask: pa.BooleanArray) -> pa.BooleanArray | None:
    """`mask`, or None if it is nowhere True; a reader need not look through a bitmap that is not there."""
    return mask if mask.true_count else None


def conform(array: pa.Array, kind: pa.DataType) -> pa.Array:
    """`array` with exactly the type `kind`: struct fields by name, absent ones null, everything else by a safe cast."""
    if pa.types.is_dictionary(kind):
        return encoded(array)
    array = plain(array)
    if array.type.equals(kind):
        return array
    if pa.types.is_null(array.type):
        return pa.nulls(len(array), kind)
    if pa.types.is_struct(kind) and pa.types.is_struct(array.type):
        flat = dict(zip([field.name for field in array.type], array.flatten(), strict=True))
        children = [conform(flat[f.name], f.type) if f.name in flat else pa.nulls(len(array), f.type) for f in kind]
        return pa.StructArray.from_arrays(children, fields=list(kind), mask=array.is_null())
    if pa.types.is_list(kind) and (pa.types.is_list(array.type) or pa.types.is_large_list(array.type)):
        offsets, flat = list_parts(array)
        values = conform(flat, kind.value_type)
        return pa.ListArray.from_arrays(pa.array(offsets), values, type=kind, mask=array.is_null())
    if pa.types.is_map(kind) and pa.types.is_map(array.type):
        keys, items, lengths = map_parts(array)
        keys, items = conform(keys, kind.key_type), conform(items, kind.item_type)
        absent = array.is_null() if array.null_count else None
        return pa.MapArray.from_arrays(pa.array(offsets_of(lengths)), keys, items, type=kind, mask=absent)
    if pa.types.is_decimal(array.type) and pa.types.is_floating(kind):
        return doubles(array).cast(kind)
    if pa.types.is_decimal(array.type) and pa.types.is_string(kind):
        return decimal_texts(array)
    if pa.types.is_timestamp(array.type) and pa.types.is_string(kind):
        return pc.strftime(array, format="%Y-%m-%dT%H:%M:%S%Ez")
    return array.cast(kind)


def array_at(array: pa.Array, steps: Path) -> pa.Array:
    """The values found by walking `steps` into `array`; null wherever the way ends early."""
    for number, step in enumerate(steps):
        if pa.types.is_null(array.type):
            return array
        if not (pa.types.is_nested(array.type) and array.type.num_fields):  # nothing is known of what is in there
            return pa.nulls(len(array))
        if step == EVERY:
            offsets, values = list_parts(array)
            inner = array_at(values, steps[number + 1 :])
            return pa.ListArray.from_arrays(pa.array(offsets), inner, mask=pa.array(~valid(array)))
        if isinstance(step, int):
            offsets, values = list_parts(array)
            there = offsets[1:] - offsets[:-1] > step
            array = values.take(pa.array(offsets[:-1] + step, mask=~there))
        elif pa.types.is_map(array.type):
            array = pc.map_lookup(array, pa.scalar(step, array.type.key_type), "last")
        else:
            array = pc.struct_field(array, step)
    return array


def slots(array: pa.Array) -> np.ndarray[Any, Any]:
    """What a column of numbers or booleans has in each slot; where the value is null, whatever happens to be there.

    For use together with :func:`valid`; filling nulls first costs a copy and a kernel.
    """
    if array.null_count:
        array = pa.Array.from_buffers(array.type, len(array), [None, array.buffers()[1]], 0, array.offset)
    found: np.ndarray[Any, Any] = array.to_numpy(zero_copy_only=False)
    return found


def to_pylist(values: pa.Array | pa.RecordBatch, maps_as_pydicts: Literal["strict", "lossy"] = "lossy") -> list[Any]:
    """As the method of the array; objects are made column by column, so that their cost grows with their fields.

    A duration or time that Python has no object for becomes text.

    Args:
        values: any array, or a batch, whose rows become dicts.
        maps_as_pydicts: what becomes of a key that a map has twice, as for the method: "lossy" keeps the last value.

    Raises:
        KeyError: a map has a key twice, if "strict".
    """
    array = values.to_struct_array() if isinstance(values, pa.RecordBatch) else values
    kind = array.type
    if pa.types.is_struct(kind) and kind.num_fields:
        names = [field.name for field in kind]
        columns = [to_pylist(child, maps_as_pydicts) for child in array.flatten()]
        rows: list[Any] = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
    elif pa.types.is_list(kind):
        offsets = array.offsets.to_pylist()
        items = to_pylist(array.values.slice(offsets[0], offsets[-1] - offsets[0]), maps_as_pydicts)
        rows = [items[start - offsets[0] : end - offsets[0]] for start, end in pairwise(offsets)]
    else:
        try:
            return array.to_pylist(maps_as_pydicts=maps_as_pydicts)  # type: ignore[no-any-return]
        except (ValueError, OverflowError):
            if pa.types.is_nested(kind):
                raise
            return array.cast(pa.string()).to_pylist()  # type: ignore[no-any-return]
    if array.null_count:
        for number in np.flatnonzero(~valid(array)).tolist():
            rows[number] = None
    return rows


def json_value(value: Any) -> Any:
    """A value of :func:`to_pylist` as JSON has it.

    Dates and times become text, with milliseconds where there are some; decimals become numbers.
    """
    if isinstance(value, dict):
        return {key: json_value(item) for key, item in value.items()}
    if isinstance(value, list):
        return [json_value(item) for item in value]
    if isinstance(value, datetime):
        unit = "milliseconds" if value.microsecond else "seconds"
        return value.isoformat(timespec=unit).replace("+00:00", "Z")
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value.isoformat() if isinstance(value, date | time) else value


def prune(value: Any) -> Any:
    """`value` without nulls, empty objects and empty arrays, at every depth."""
    if isinstance(value, dict):
        pairs = ((key, prune(item)) for key, item in value.items())
        return {key: item for key, item in pairs if item is not None and item != {} and item != []}
    if isinstance(value, list):
        return [item for item in map(prune, value) if item is not None and item != {} and item != []]
    return value


def encoded(array: pa.Array, nulls: Literal["mask", "encode"] = "mask") -> pa.DictionaryArray:
    """A dictionary array, the same for the same values: each once, in order of first appearance.

    Args:
        array: values, perhaps in a dictionary of any kind.
        nulls: ``encode`` to have null among the values.
    """
    words = array.dictionary if isinstance(array, pa.DictionaryArray) else None
    if words is None or words.null_count or len(words) > len(array) or pc.count_distinct(words).as_py() < len(words):
        return plain(array).dictionary_encode(nulls)
    used = array.indices.dictionary_encode(nulls)
    return pa.DictionaryArray.from_arrays(used.indices, words.take(used.dictionary), safe=False)
