"""How large records are as JSON: the one limit of the platform that looks at a whole record."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..core.paths import Path
from ..core.shred import Leaf, nest, plain
from .arrow_kinds import is_list, is_text, map_entries
from .messages import Violation, too_large
from .node import OBJECT, ColumnCompiler, Constraint
from .to_json import to_json_values
from .value_tests import longest
from .view import ChunkColumns, FindingSink, Op, SchemaPath, Shape, View

#: A number is at most this many bytes longer when it is written again: 1e15 becomes 1000000000000000.0.
LONGER = 14


class RecordSize(Constraint):
    """Records of at most `most` bytes of JSON without blanks."""

    kinds = OBJECT

    def __init__(self, most: int) -> None:
        self._most, self._failure = most, too_large(most)

    def check(self, value: Any, at: Path, out: list[Violation]) -> None:
        """Fails for a larger record."""
        if size_of(value) > self._most:
            out.append(self._failure.of(at, None))

    def columns(self, compiler: ColumnCompiler, shape: Shape, place: SchemaPath) -> list[Op]:
        """A cheap upper bound first, the exact size only where that is too high."""

        def op(view: View, sink: FindingSink) -> None:
            columns = view.columns
            if not columns.leaves or not columns.size:
                return
            suspects = self._suspects(columns)
            if len(suspects):
                sizes = _exact_sizes(columns, suspects)
                over = sizes > self._most
                texts = pa.array([f"{size} bytes" for size in sizes[over].tolist()], pa.string())
                sink.add(place, view, self._failure, suspects[over], lambda _: texts)

        return [op]

    def _suspects(self, columns: ChunkColumns) -> Any:
        if _from_texts(columns):  # without blanks a record is longer only where numbers are
            assert columns.texts is not None
            numbers = sum(pa.types.is_floating(leaf.type) for leaf in columns.leaves)
            return np.flatnonzero(np.asarray(pc.binary_length(columns.texts())) + LONGER * numbers > self._most)
        fixed = sum(sum(len(str(step)) + 6 for step in leaf.path) for leaf in columns.leaves)
        if fixed + sum(map(_longest, columns.arrays)) <= self._most:
            return np.zeros(0, dtype=np.int64)
        bound = np.full(columns.size, fixed, dtype=np.int64)
        for array in columns.arrays:
            bound += _bytes_bound(array)
        return np.flatnonzero(bound > self._most)


def _from_texts(columns: ChunkColumns) -> bool:
    return columns.texts is not None and not any(pa.types.is_nested(leaf.type) for leaf in columns.leaves)


def _exact_sizes(columns: ChunkColumns, some: Any) -> Any:
    at = pa.array(some)
    if _from_texts(columns):
        assert columns.texts is not None
        return np.asarray([size_of(json.loads(text)) for text in columns.texts().take(at).to_pylist()])
    arrays = [plain(array.take(at)) for array in columns.arrays]
    records = pa.RecordBatch.from_arrays(arrays, names=[str(number) for number in range(len(arrays))])
    leaves: tuple[Leaf, ...] = columns.leaves
    nested = nest(leaves, records).to_struct_array()
    return np.asarray([size_of(value) for value in to_json_values(nested, columns.keep_empty)])


def size_of(record: Any) -> int:
    """Bytes of a record as JSON without blanks."""
    try:
        return len(json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass"))
    except (TypeError, ValueError):
        return 0


def _longest(array: pa.Array) -> int:
    """Upper bound of the bytes of JSON of one value of a column, keys of nested values included."""
    if pa.types.is_nested(array.type):
        return int(_bytes_bound(array).max()) if len(array) else 0
    return longest(array) + 2 if is_text(array.type) else 30


def _bytes_bound(array: pa.Array) -> Any:
    """For each value an upper bound of its JSON bytes (escapes within texts not counted)."""
    array = plain(array)
    kind = array.type
    if pa.types.is_struct(kind):
        total = np.full(len(array), 2, dtype=np.int64)
        for inner, child in zip(kind, array.flatten(), strict=True):
            total += _bytes_bound(child) + (len(inner.name.encode()) + 4)
        return total
    if pa.types.is_map(kind):
        keys, items, parents = map_entries(array)
        return np.bincount(parents, _bytes_bound(keys) + _bytes_bound(items) + 2, len(array)).astype(np.int64) + 2
    if is_list(kind):
        parents = np.asarray(pc.list_parent_indices(array))
        return np.bincount(parents, _bytes_bound(array.flatten()) + 1, len(array)).astype(np.int64) + 2
    if is_text(kind):
        return np.asarray(pc.binary_length(array).fill_null(0), dtype=np.int64) + 2
    return np.full(len(array), 30, dtype=np.int64)
