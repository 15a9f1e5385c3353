"""The single-line JSON encoder: Arrow columns to finished bytes, with no per-row Python.

A chunk's columns become texts, and a walk along the leaves (:mod:`..kernels.walk`) puts them together.  Lists and maps
whose length is not known beforehand are encoded the same way, one text an element, with ``[`` or ``,`` before and ``]``
behind; the elements of one list stand side by side in the buffer, so a list's text is a slice of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .. import kernels
from ..core.arrow_types import holds_text, is_text
from ..core.paths import Path
from ..core.shred import Leaf, path_tree, slots, valid
from ..errors import OutputError
from ..kernels.arrays import list_parts, map_parts, offsets_of, owners_of
from ..kernels.walk import MARKS, TextColumn, Walk, WalkTables

Leg = tuple[Path, bool, str]  # path, quoted?, constant text behind the value

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
    repairs = (other, scalar_texts(column.take(pa.array(other)))) if len(other) else None
    return TextColumn(texts, None, there, repairs)


def _value(column: pa.Array, quoted: bool) -> TextColumn:
    """The JSON texts of any column."""
    kind = column.type
    there = valid(column) if column.null_count else None
    if isinstance(column, pa.DictionaryArray):
        texts = column.dictionary.cast(pa.string())
        return TextColumn(kernels.active.escape(texts) if quoted else texts, slots(column.indices), there)
    if pa.types.is_boolean(kind):
        return TextColumn(_BOOLEANS, slots(column), there)
    if quoted and not pa.types.is_temporal(kind):
        texts = column if pa.types.is_string(kind) else column.cast(pa.string())
        return TextColumn(kernels.active.escape(texts), None, there)
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
    return scalar_texts(column)


def quoted(kind: pa.DataType) -> bool:
    """Whether JSON prints values of an Arrow type between quotes."""
    return holds_text(kind) or bool(pa.types.is_date(kind) or pa.types.is_timestamp(kind))


def scalar_texts(column: pa.Array) -> pa.Array:
    """The texts of a scalar column as JSON prints its values, without quotes and escapes (RFC 8259)."""
    types, kind = pa.types, column.type
    if types.is_integer(kind) or types.is_decimal(kind) or types.is_boolean(kind) or types.is_null(kind):
        return column.cast(pa.string())
    if is_text(kind):
        return column.cast(pa.string())
    if types.is_floating(kind):
        return _doubles(column)
    if types.is_date(kind):
        return column.cast(pa.date32()).cast(pa.string())
    if types.is_timestamp(kind):
        millis = column.cast(pa.timestamp("ms", "UTC"), safe=False).cast(pa.int64())
        return (
            pa.nulls(len(millis), pa.string())
            if millis.null_count == len(millis)
            else kernels.active.print_times(millis)
        )
    raise OutputError(f"Arrow type {kind} has no JSON form here. Convert the column in the mapping.")


def _doubles(column: pa.Array) -> pa.Array:
    numbers = column.cast(pa.float64())
    values = numbers.fill_null(0.0).to_numpy(zero_copy_only=False)
    if not np.isfinite(values).all():
        row = int(np.flatnonzero(~np.isfinite(values))[0])
        raise OutputError(
            f"a number that JSON does not have ({values[row]}) at position {row} of a chunk. "
            "Give a schema, so that such rows are set aside, or replace the value in the mapping."
        )
    texts = numbers.cast(pa.string())
    zeros = values == 0.0
    if zeros.any() and np.signbit(values[zeros]).any():
        texts = pc.if_else(pa.array(zeros & np.signbit(values)), "-0.0", texts)
    return texts


# What comes between the leaves of a record: brackets, keys, commas, quotes.


def leaf_tables(legs: Sequence[Leg], end: str) -> WalkTables:
    """The tables of the leaves of a JSON record, in the order of the text; `end` is the text behind each record."""
    paths = [path for path, _, _ in legs]
    tops = [0 if number == 0 else _shared(*paths[number - 1 : number + 1]) + 1 for number in range(len(paths))]
    opening = [_openings(leg, top) for leg, top in zip(legs, tops, strict=True)]
    closing = [_closings(leg, top, end) for leg, top in zip(legs, [*tops[1:], 0], strict=False)]
    return WalkTables(tops, opening, closing, "{}" + end)


def _shared(one: Path, other: Path) -> int:
    """How many first steps two paths share."""
    shared = 0
    while one[shared] == other[shared]:
        shared += 1
    return shared


def _openings(leg: Leg, top: int) -> list[str]:
    """What opens a leaf, at levels 0 to `top`."""
    path, quoted, _ = leg
    keys = ["" if isinstance(step, int) else f'"{key_text(step)}":' for step in path]
    brackets = ["[" if isinstance(step, int) else "{" for step in path]
    texts = []
    for level in range(top + 1):
        known = max(level - 1, 0)
        inner = "".join(bracket + key for bracket, key in zip(brackets[known:], keys[known:], strict=True))
        texts.append(("," + inner[1:] if level else inner) + ('"' if quoted else ""))
    return texts


def _closings(leg: Leg, top: int, end: str) -> list[str]:
    """What closes a leaf, at levels 0 to `top`."""
    path, quoted, ride = leg
    brackets = "".join("]" if isinstance(step, int) else "}" for step in reversed(path))
    behind = ('"' if quoted else "") + ride
    return [behind + brackets + end, *(behind + brackets[: len(path) - level] for level in range(1, top + 1))]


def key_text(text: str) -> str:
    """`text` as it stands between the quotes of a key."""
    return json.dumps(text, ensure_ascii=False)[1:-1]
