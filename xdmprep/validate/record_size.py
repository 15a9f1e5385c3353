"""The size of records as JSON, which the platform limits."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..core.arrow_types import holds_text, is_list
from ..core.paths import Path
from ..core.shred import Leaf, nest, plain, valid
from ..kernels.arrays import Mask, Positions, list_parts, sums, text_bytes
from .arrow_kinds import map_entries, to_json_values
from .messages import Violation, broken
from .node import OBJECT, ColumnCompiler, Constraint
from .value_tests import longest
from .view import ChunkColumns, FindingSink, Op, SchemaPath, Shape, View

#: A number is at most this many bytes, and times, longer when it is written again: 1e15 becomes 1000000000000000.0.
LONGER = 14
TIMES_LONGER = 4
#: Most bytes of JSON that one byte of a string becomes, and that a number, a date or a time becomes.
TIMES_ESCAPED, SCALAR = 6, 48


class RecordSize(Constraint):
    """Records of at most `most` bytes of JSON without blanks."""

    kinds = OBJECT

    def __init__(self, most: int) -> None:
        self._most, self._failure = most, broken("record-size", kilobytes=most // 1024)

    def check(self, value: Any, at: Path, out: list[Violation]) -> None:
        if size_of(value) > self._most:
            out.append(self._failure.of(at, None))

    def columns(self, compiler: ColumnCompiler, shape: Shape, place: SchemaPath) -> list[Op]:
        """A cheap upper bound first, the exact size only where that is too high."""
        bounds, most = _Bounds(compiler.leaves, self._most), self._most

        def op(view: View, sink: FindingSink) -> None:
            columns = view.columns
            if not columns.leaves or not columns.size:
                return
            texts = None if columns.texts is None else columns.texts()
            suspects = bounds.exceeded(columns.arrays, texts)
            if not len(suspects):
                return
            if texts is None:
                sizes = np.asarray([_size(columns, at) for at in suspects.tolist()])
            else:
                some = texts.take(pa.array(suspects)).to_pylist()
                sizes = np.asarray([size_of(json.loads(text)) for text in some])
            over = sizes > most
            shown = pa.array([f"{size} bytes" for size in sizes[over].tolist()], pa.string())
            sink.add(place, view, self._failure, suspects[over], lambda _: shown)

        return [op]


class _Bounds:
    """Upper bounds of the sizes of records with some leaves; a rough one for all records is as a rule enough."""

    def __init__(self, leaves: Sequence[Leaf], most: int) -> None:
        kinds = [leaf.type for leaf in leaves]
        self._most = most
        self._texts = [number for number, kind in enumerate(kinds) if holds_text(kind)]
        self._nested = [number for number, kind in enumerate(kinds) if pa.types.is_nested(kind)]
        self._numbers = LONGER * sum(map(pa.types.is_floating, kinds))
        self._keys = sum(size_of(str(step)) + 6 for leaf in leaves for step in leaf.path)
        self._fixed = self._keys + SCALAR * (len(kinds) - len(self._texts) - len(self._nested))

    def exceeded(self, arrays: Sequence[pa.Array], texts: pa.Array | None) -> Positions:
        """The records that may be too large, by their columns or by their text, which only lacks digits of numbers."""
        if texts is not None:
            sizes = np.asarray(pc.binary_length(texts), dtype=np.int64)
            if TIMES_LONGER * sizes.max() <= self._most:
                return _NONE
            if not self._nested:
                return np.flatnonzero(sizes + self._numbers > self._most)
        rough = self._fixed + sum(_escaped(longest(arrays[number])) for number in self._texts)
        rough += sum(int(_bytes_bound(arrays[number], _most_text).max()) for number in self._nested)
        if rough <= self._most:
            return _NONE
        sizes = np.full(len(arrays[0]), self._keys, np.int64)
        found = np.flatnonzero(sum(map(_rough_bound, arrays), sizes) > self._most)
        if len(found):
            some = pa.RecordBatch.from_arrays(list(arrays), [""] * len(arrays)).take(pa.array(found)).columns
            found = found[self._keys + sum(_bytes_bound(array, _text_sizes) for array in some) > self._most]
        return found


_NONE = np.zeros(0, dtype=np.int64)


def _escaped(size: Any) -> Any:
    """The most bytes of JSON that a string of some bytes becomes."""
    return TIMES_ESCAPED * size + 2


def _rough_bound(array: pa.Array) -> Any:
    """As :func:`_bytes_bound`, with every byte of a string escaped; for strings of a dictionary one number for all."""
    if isinstance(array, pa.DictionaryArray) and holds_text(array.type):
        return _escaped(longest(array))
    if pa.types.is_string(array.type) and len(array):
        return _escaped(np.diff(text_bytes(array)[0]).astype(np.int64))
    return _bytes_bound(array, _most_text)


def _most_text(array: pa.Array) -> Positions:
    sizes: Positions = _escaped(np.asarray(pc.binary_length(array).fill_null(0), dtype=np.int64))
    return sizes


def _size(columns: ChunkColumns, at: int) -> int:
    """Bytes of one record."""
    arrays = [array.slice(at, 1) for array in columns.arrays]
    records = pa.RecordBatch.from_arrays(arrays, names=[str(number) for number in range(len(arrays))])
    return int(_json_sizes(nest(columns.leaves, records).to_struct_array(), columns.keep_empty)[0][0])


def _json_sizes(array: pa.Array, keep_empty: bool) -> tuple[Positions, Mask]:
    """Bytes of JSON of each value, as :func:`size_of` counts them, and which values are written at all."""
    array = plain(array)
    kind, there = array.type, valid(array)
    if holds_text(kind):
        return _text_sizes(array), there
    if pa.types.is_boolean(kind):
        return np.where(array.fill_null(False).to_numpy(zero_copy_only=False), 4, 5), there
    if pa.types.is_integer(kind):
        return np.asarray(pc.binary_length(array.cast(pa.string())).fill_null(0), dtype=np.int64), there
    if pa.types.is_struct(kind) and kind.num_fields:
        total, count = np.zeros(len(array), np.int64), np.zeros(len(array), np.int64)
        for field, child in zip(kind, array.flatten(), strict=True):
            sizes, written = _json_sizes(child, keep_empty)
            total += np.where(written, sizes + size_of(field.name) + 1, 0)
            count += written
    elif pa.types.is_list(kind):
        offsets, items = list_parts(array)
        sizes, written = _json_sizes(items, keep_empty)
        lengths = np.diff(offsets)
        total, count = sums(np.where(written, sizes, 0), lengths), sums(written.astype(np.int64), lengths)
    else:
        values = to_json_values(array, keep_empty)
        filled = [value is not None and (keep_empty or value not in ({}, [])) for value in values]
        return np.array([size_of(value) for value in values], np.int64), np.array(filled, dtype=bool)
    return total + 2 + np.maximum(count - 1, 0), there & (keep_empty | (count > 0))


#: Extra bytes that JSON needs for a byte of a string: quotes, backslashes and control characters.
_ESCAPED = np.array([len(json.dumps(chr(code))) - 3 if code < 127 else 0 for code in range(256)])


def _text_sizes(array: pa.Array) -> Positions:
    texts = array.cast(pa.string())
    offsets, data = text_bytes(texts)
    at = offsets[0] + np.flatnonzero(_ESCAPED[data[offsets[0] : offsets[-1]]])
    longer = np.bincount(np.searchsorted(offsets[1:], at, side="right"), _ESCAPED[data[at]], len(texts))
    sizes: Positions = np.diff(offsets).astype(np.int64) + longer.astype(np.int64) + 2
    return sizes


def size_of(record: Any) -> int:
    """Bytes of a record as JSON without blanks."""
    try:
        return len(json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass"))
    except (TypeError, ValueError):
        return 0


def _bytes_bound(array: pa.Array, text: Callable[[pa.Array], Positions]) -> Any:
    """For each value an upper bound of its JSON bytes; `text` gives that of strings."""
    array = plain(array)
    kind = array.type
    if pa.types.is_struct(kind):
        total = np.full(len(array), 2, dtype=np.int64)
        for inner, child in zip(kind, array.flatten(), strict=True):
            total += _bytes_bound(child, text) + (size_of(inner.name) + 2)
        return total
    if pa.types.is_map(kind):
        keys, items, parents = map_entries(array)
        sizes = _bytes_bound(keys, text) + _bytes_bound(items, text) + 2
        return np.bincount(parents, sizes, len(array)).astype(np.int64) + 2
    if is_list(kind):
        parents = np.asarray(pc.list_parent_indices(array))
        return np.bincount(parents, _bytes_bound(array.flatten(), text) + 1, len(array)).astype(np.int64) + 2
    return text(array) if holds_text(kind) else np.full(len(array), SCALAR, dtype=np.int64)
