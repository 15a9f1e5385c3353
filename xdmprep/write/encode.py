"""The single-line JSON encoder: Arrow columns to finished bytes, with no per-row Python.

A chunk's columns become texts, and a :class:`~.walk.Walk` puts them together.  Lists and maps whose length is not known
beforehand are encoded the same way, one text an element, with ``[`` or ``,`` before and ``]`` behind; the elements of
one list stand side by side in the buffer, so a list's text is a slice of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa

from .. import kernels
from ..core.paths import Path
from ..core.shred import Leaf, path_tree, slots, valid
from ..kernels.arrays import list_parts, map_parts, offsets_of, owners_of
from ..kernels.json_texts import calendar_of
from ..kernels.walk import MARKS, TextColumn, Walk, WalkTables
from .texts import escape_all, quoted, scalar_texts
from .walk import Leg, key_text, leaf_tables

_BOOLEANS = pa.array(["false", "true"], pa.string())


class Encoder:
    """Encodes chunks of records of one set of leaves, structs walked into; `end` is the text behind each record."""

    def __init__(self, leaves: Sequence[Leaf], end: str = "\n") -> None:
        self._columns = _flat_leaves(leaves)
        self._walk = Walk(leaf_tables([(flat.path, flat.quoted, flat.ride) for flat in self._columns], end))

    def encode(
        self, records: pa.RecordBatch, keep: np.ndarray[Any, Any] | None = None, source: pa.RecordBatch | None = None
    ) -> pa.Buffer:
        """The bytes of all records where `keep` (bool, n) is True.

        Args:
            records: one column per leaf.
            keep: bool (n,); None means all.
            source: the source's rows that the records were made of, one for each; a number that was copied from a
                text is then not printed again if the text is what JSON would print.
        """
        values = [
            (None if source is None else _as_it_was(flat, records, source)) or _value(flat.column(records), flat.quoted)
            for flat in self._columns
        ]
        return kernels.active.join(self._walk, values, records.num_rows, keep, None, False).data


@dataclass(frozen=True)
class _Flat:
    """One leaf without struct type: which column of the chunk, the steps into it, and the constant text behind it."""

    path: Path
    type: pa.DataType
    source: int
    steps: tuple[int, ...] = ()
    ride: str = ""
    copied: str | None = None

    @property
    def quoted(self) -> bool:
        return quoted(self.type)

    def column(self, records: pa.RecordBatch) -> pa.Array:
        column = records.column(self.source)
        for step in self.steps:
            column = column.flatten()[step]
        return column


def _flat_leaves(leaves: Sequence[Leaf]) -> list[_Flat]:
    flat: list[_Flat] = []
    riders: dict[int, str] = {}
    for number, leaf in enumerate(leaves):
        if leaf.follows is not None and leaves[leaf.follows].path[:-1] == leaf.path[:-1]:
            text = f',"{key_text(str(leaf.path[-1]))}":{json.dumps(leaf.constant, ensure_ascii=False)}'
            riders[leaf.follows] = riders.get(leaf.follows, "") + text
        else:
            flat.extend(replace(part, copied=leaf.copied) for part in _into(leaf.path, leaf.type, number, ()))
    tree = path_tree([item.path for item in flat])
    ordered = [flat[number] for number in _ends(tree)]
    return [replace(f, ride=riders.get(f.source, "")) for f in ordered]


def _into(path: Path, kind: pa.DataType, source: int, steps: tuple[int, ...]) -> Iterator[_Flat]:
    if pa.types.is_struct(kind):
        for number, field in enumerate(kind):
            yield from _into((*path, field.name), field.type, source, (*steps, number))
    else:
        yield _Flat(path, kind, source, steps)


def _ends(node: Any) -> Iterator[int]:
    if isinstance(node, int):
        yield node
        return
    steps = sorted(node) if all(isinstance(step, int) for step in node) else list(node)
    for step in steps:
        yield from _ends(node[step])


def _as_it_was(flat: _Flat, records: pa.RecordBatch, source: pa.RecordBatch) -> TextColumn | None:
    """The texts that a column of numbers was read from, if JSON prints the numbers the same way."""
    at = -1 if flat.copied is None else source.schema.get_field_index(flat.copied)
    whole = pa.types.is_integer(flat.type)
    if at < 0 or flat.steps or not (whole or pa.types.is_float64(flat.type)):
        return None
    texts, column = source.column(at), records.column(flat.source)
    if not pa.types.is_string(texts.type) or len(texts) != len(column):
        return None
    there = valid(column) if column.null_count else None
    if texts.null_count and (there is None or (there & ~valid(texts)).any()):
        return None
    other = kernels.active.printed_otherwise(texts, whole)
    if len(other) * 8 > len(texts):
        return None
    repairs = (other, scalar_texts(column.type)(column.take(pa.array(other)))) if len(other) else None
    return TextColumn(texts, None, there, repairs)


def _value(column: pa.Array, quoted: bool) -> TextColumn:
    """The JSON texts of any column."""
    kind = column.type
    there = valid(column) if column.null_count else None
    if isinstance(column, pa.DictionaryArray):
        texts = column.dictionary.cast(pa.string())
        return TextColumn(escape_all(texts) if quoted else texts, slots(column.indices), there)
    if pa.types.is_boolean(kind):
        return TextColumn(_BOOLEANS, slots(column), there)
    if quoted and not pa.types.is_temporal(kind):
        texts = column if pa.types.is_string(kind) else column.cast(pa.string())
        escaped, others = kernels.active.escape(texts)
        return TextColumn(escaped, None, there, others)
    if pa.types.is_date(kind) and column.null_count < len(column):
        days = column.cast(pa.date32()).cast(pa.int32())
        first, calendar = calendar_of(days)
        if calendar is not None:
            return TextColumn(calendar, slots(days) - first, there)
    texts = _printed(column)
    return TextColumn(texts, None, valid(texts) if texts.null_count else None)


def _lists(column: pa.Array) -> pa.Array:
    """JSON arrays; absent elements are left out, an array without elements is null."""
    offsets, values = list_parts(column)
    return _side_by_side(offsets, values, ("[", "]"))


def _maps(column: pa.Array) -> pa.Array:
    """JSON objects of a map's entries; absent values are left out, a map without entries is null."""
    keys, items, lengths = map_parts(column)
    return _side_by_side(offsets_of(lengths), items, ("{", "}"), keys.cast(pa.string()))


def _side_by_side(
    offsets: np.ndarray[Any, Any], elements: pa.Array, brackets: tuple[str, str], keys: pa.Array | None = None
) -> pa.Array:
    """One text for each run of elements ``offsets[i] : offsets[i + 1]``; null where a run has nothing in it."""
    n = len(elements)
    flats = list(_into((), elements.type, 0, ()))
    batch = pa.RecordBatch.from_arrays([elements], names=["element"])
    values = [_value(flat.column(batch), flat.quoted) for flat in flats]
    present = np.zeros(n, bool)
    for value in values:
        present |= True if value.there is None else value.there
    before, after = np.zeros(n, np.int32), np.zeros(n, np.int32)
    index = np.flatnonzero(present)
    if len(index):
        starts = np.concatenate(([True], np.diff(owners_of(offsets)[index]) != 0))
        before[index] = np.where(starts, MARKS[brackets[0]], MARKS[","])
        after[index] = np.where(np.append(starts[1:], True), MARKS[brackets[1]], 0)
    walk = _element_walk(tuple((flat.path, flat.quoted, "") for flat in flats))
    if keys is None:
        made = kernels.active.join(walk, values, n, present, (before, after), True)
    else:
        bodies = kernels.active.join(walk, values, n, present, None, True)
        texts = pa.StringArray.from_buffers(n, pa.py_buffer(np.ascontiguousarray(bodies.offsets)), bodies.data)
        made = kernels.active.join(_ENTRY, [_value(keys, True), TextColumn(texts)], n, present, (before, after), True)
    lengths = np.ascontiguousarray(made.offsets[offsets])
    some = lengths[1:] > lengths[:-1]
    bitmap = None if some.all() else pa.array(some).buffers()[1]
    return pa.StringArray.from_buffers(len(offsets) - 1, pa.py_buffer(lengths), made.data, bitmap)


@lru_cache(maxsize=256)
def _element_walk(legs: tuple[Leg, ...]) -> Walk:
    return Walk(leaf_tables(legs, ""))


#: The key and the value of one entry of a map.
_ENTRY = Walk(WalkTables([0, 1], [['"'], ["", ""]], [["", '":'], [""]], ""))


def _printed(column: pa.Array) -> pa.Array:
    if pa.types.is_list(column.type):
        return _lists(column)
    if pa.types.is_map(column.type):
        return _maps(column)
    return scalar_texts(column.type)(column)
