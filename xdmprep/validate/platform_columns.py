"""The platform's own rules (:mod:`.platform`) compiled for the columns of a stream."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..core.paths import EVERY, Path
from ..core.shred import Leaf, nest, path_tree, plain
from ..kernels.arrays import Positions
from ..schema import Field
from . import kernels
from .columns import Columns
from .kinds import is_list, is_text, lengths, map_entries, presence
from .platform import (
    BITS,
    COLON,
    DEPRECATED,
    FUTURE,
    MAX_KEYS,
    FieldRules,
    PlatformRules,
    is_future,
    size_of,
)  # fmt: skip
from .spots import ANY_KEY, Op, Place, Sink, Spot, on_entries, on_fields, on_items
from .values import to_json_values
from .wording import UNKNOWN, as_text

_DAY = 86_400
#: A number is at most this many bytes longer when it is written again: 1e15 becomes 1000000000000000.0.
LONGER = 14


class PlatformColumns:
    """The platform's rules compiled for some leaves."""

    def __init__(self, rules: PlatformRules, leaves: tuple[Leaf, ...], keep_empty: bool) -> None:
        self._rules, self._leaves, self._keep_empty = rules, leaves, keep_empty
        self._ops: list[Any] = []
        self._longest: list[int] = []
        if rules.walks and leaves:
            self._branch(rules.schema.root, path_tree([leaf.path for leaf in leaves]), ())
        if rules.behavior == "time-series":
            self._events()

    def __call__(self, columns: Columns, sink: Sink) -> None:
        """Check one chunk."""
        for op in self._ops:
            op(columns, sink)
        if self._rules.max_bytes is not None and self._leaves and columns.size:
            self._sizes(columns, sink)

    def _branch(self, field: Field, tree: Any, path: Path) -> None:
        if isinstance(tree, int):
            leaf = self._leaves[tree]
            ops = self._nested(field, leaf.type, Place(leaf.path, leaf.column))
            if leaf.constant is not None and ops:
                trial = Sink(np.ones(1, dtype=np.int64), self._rules.rules)
                for op in ops:
                    op(Spot(pa.array([leaf.constant], leaf.type)), trial)
                if not trial.findings:
                    return
            for op in ops:
                self._ops.append(_column_op(tree, op))
            return
        rules = self._rules.of(field)
        members = tuple(_numbers(tree))
        if rules.deprecated:
            self._ops.append(_present_op(members, Place(path), "deprecated", DEPRECATED))
        is_array = all(isinstance(step, int) for step in tree)
        if field.values is not None and not is_array and len(tree) >= MAX_KEYS:
            counts = [tuple(_numbers(child)) for child in tree.values()]
            self._ops.append(_count_op(counts, MAX_KEYS - 1, Place(path), "map-keys", self._rules.keys_text()))
        most = self._rules.max_items
        if is_array and most is not None and len(tree) > most:
            counts = [tuple(_numbers(child)) for child in tree.values()]
            self._ops.append(_count_op(counts, most, Place(path), "array-items", self._rules.items_text(most)))
        for step, child in tree.items():
            below = field.items if is_array else field.values or rules.children.get(str(step))
            if below is not None:
                self._branch(below, child, (*path, step))
            elif rules.closed and not is_array:
                self._ops.append(_present_op(tuple(_numbers(child)), Place((*path, step)), "unknown-field", UNKNOWN))

    def _nested(self, field: Field, kind: pa.DataType, place: Place) -> list[Op]:
        rules = self._rules.of(field)
        ops: list[Op] = []
        if rules.deprecated:
            ops.append(self._present(place, "deprecated", DEPRECATED))
        if pa.types.is_struct(kind):
            fields: dict[int, list[Op]] = {}
            for number, inner in enumerate(kind):
                there = place.child(inner.name)
                child = field.values or rules.children.get(inner.name)
                if child is not None:
                    fields[number] = self._nested(child, inner.type, there)
                elif rules.closed:
                    fields[number] = [self._present(there, "unknown-field", UNKNOWN)]
            fields = {number: below for number, below in fields.items() if below}
            if fields:
                ops.append(on_fields(fields))
            if field.values is not None and len(kind) >= MAX_KEYS:
                ops.append(self._struct_keys(place))
        elif pa.types.is_map(kind):
            ops.append(self._long(MAX_KEYS - 1, place, "map-keys", self._rules.keys_text()))
            if field.values is not None and (below := self._nested(field.values, kind.item_type, place.child(ANY_KEY))):
                ops.append(on_entries(below))
        elif is_list(kind):
            if self._rules.max_items is not None:
                ops.append(self._long(self._rules.max_items, place, "array-items", self._rules.items_text(0)))
            if field.items is not None and (below := self._nested(field.items, kind.value_type, place.child(EVERY))):
                ops.append(on_items(below))
        elif is_text(kind):
            if rules.suggested:
                ops.append(_test(kernels.member(rules.suggested, pa.string()), place, "soft-enum", rules.soft_text()))
        elif (rules.low is not None or rules.high is not None) and _may_exceed(kind, rules):
            ops.append(_test(kernels.between(rules.low, rules.high), place, "width", rules.width_text()))
        return ops

    def _present(self, place: Place, code: str, say: tuple[str, str]) -> Op:
        def op(spot: Spot, sink: Sink) -> None:
            bad = kernels.positions_of(presence(spot.array, self._keep_empty))
            if bad is not None:
                sink.add(place, spot, code, say, bad, kernels.texts_at(spot.array, bad))

        return op

    def _long(self, most: int, place: Place, code: str, say: tuple[str, str]) -> Op:
        def op(spot: Spot, sink: Sink) -> None:
            sizes = lengths(spot.array)
            bad = kernels.positions_of(sizes > most)
            if bad is not None:
                sink.add(place, spot, code, say, bad, pa.array([str(count) for count in sizes[bad]]))

        return op

    def _struct_keys(self, place: Place) -> Op:
        def op(spot: Spot, sink: Sink) -> None:
            count = np.zeros(len(spot.array), dtype=np.int64)
            for child in spot.array.flatten():
                count += presence(child, self._keep_empty)
            bad = kernels.positions_of(count >= MAX_KEYS)
            if bad is not None:
                sink.add(place, spot, "map-keys", self._rules.keys_text(), bad, pa.array([str(n) for n in count[bad]]))

        return op

    def _events(self) -> None:
        for number, leaf in enumerate(self._leaves):
            place = Place(leaf.path, leaf.column)
            if leaf.path in (("_id",), ("@id",)) and is_text(leaf.type):
                self._ops.append(_column_op(number, _test(kernels.on_texts(_has_colon), place, "event-id", COLON)))
            if leaf.path in (("timestamp",), ("xdm:timestamp",)):
                self._ops.append(_column_op(number, _test(_in_future, place, "event-timestamp", FUTURE)))

    def _sizes(self, columns: Columns, sink: Sink) -> None:
        """Records above the platform's size: a cheap upper bound first, the exact size only where that is too high."""
        limit = self._rules.max_bytes or 0
        if columns.texts is not None and not any(pa.types.is_nested(leaf.type) for leaf in self._leaves):
            self._text_sizes(columns.texts(), limit, sink)
            return
        fixed = sum(sum(len(str(step)) + 6 for step in leaf.path) for leaf in self._leaves)
        some = range(len(self._leaves))
        arrays = [columns.array(number) for number in some]
        if fixed + sum(_longest(array) for array in arrays) <= limit:
            return
        bound = np.full(columns.size, fixed, dtype=np.int64)
        for array in arrays:
            bound += _bytes_bound(array)
        suspects = np.flatnonzero(bound > limit)
        if not len(suspects):
            return
        at = pa.array(suspects)
        records = pa.RecordBatch.from_arrays(
            [plain(array.take(at)) for array in arrays], names=[str(number) for number in range(len(arrays))]
        )
        nested = nest([self._leaves[number] for number in some], records).to_struct_array()
        sizes = np.asarray([size_of(value) for value in to_json_values(nested, self._keep_empty)])
        self._too_large(suspects, sizes, limit, sink)

    def _text_sizes(self, texts: pa.Array, limit: int, sink: Sink) -> None:
        """The same from the text of the records: without blanks it is longer only where numbers are."""
        numbers = sum(pa.types.is_floating(leaf.type) for leaf in self._leaves)
        suspects = np.flatnonzero(np.asarray(pc.binary_length(texts)) + LONGER * numbers > limit)
        if len(suspects):
            sizes = np.asarray([size_of(json.loads(text)) for text in texts.take(pa.array(suspects)).to_pylist()])
            self._too_large(suspects, sizes, limit, sink)

    def _too_large(self, suspects: Any, sizes: Any, limit: int, sink: Sink) -> None:
        bad = suspects[sizes > limit]
        if len(bad):
            texts = pa.array([f"{size} bytes" for size in sizes[sizes > limit].tolist()])
            sink.add(Place(()), Spot(pa.nulls(0)), "record-size", self._rules.size_text(), bad, texts)


def _may_exceed(kind: pa.DataType, rules: FieldRules) -> bool:
    if pa.types.is_floating(kind):
        return True
    return bool(pa.types.is_integer(kind) and kind.bit_width > BITS.get(rules.kind, 64))


def _test(test: kernels.Test, place: Place, code: str, say: tuple[str, str]) -> Op:
    def op(spot: Spot, sink: Sink) -> None:
        if code not in sink.rules:
            return
        bad = test(spot.array)
        if bad is not None:
            sink.add(place, spot, code, say, bad, kernels.texts_at(spot.array, bad))

    return op


def _column_op(number: int, op: Op) -> Any:
    return lambda columns, sink: op(Spot(columns.array(number)), sink)


def _present_op(members: tuple[int, ...], place: Place, code: str, say: tuple[str, str]) -> Any:
    def op(columns: Columns, sink: Sink) -> None:
        mask = columns.any_of(members)
        where = np.arange(columns.size, dtype=np.int64) if mask is None else np.flatnonzero(mask)
        if len(where):
            sink.add(place, Spot(pa.nulls(0)), code, say, where)

    return op


def _count_op(children: list[tuple[int, ...]], most: int, place: Place, code: str, say: tuple[str, str]) -> Any:
    def op(columns: Columns, sink: Sink) -> None:
        count = np.zeros(columns.size, dtype=np.int64)
        for members in children:
            mask = columns.any_of(members)
            count += 1 if mask is None else mask
        bad = np.flatnonzero(count > most)
        if len(bad):
            sink.add(place, Spot(pa.nulls(0)), code, say, bad, pa.array([as_text(int(n)) for n in count[bad]]))

    return op


def _numbers(tree: Any) -> Iterator[int]:
    if isinstance(tree, int):
        yield tree
    else:
        for child in tree.values():
            yield from _numbers(child)


def _has_colon(array: pa.Array) -> Positions | None:
    return kernels.failing(pc.invert(pc.match_substring(array, ":")))


def _in_future(array: pa.Array) -> Positions | None:
    now = time.time()
    if pa.types.is_timestamp(array.type):
        return kernels.failing(
            pc.less_equal(array, pa.scalar(int(now * 1000), pa.timestamp("ms", "UTC")).cast(array.type))
        )
    if not is_text(array.type):
        return None
    texts = plain(array)
    yesterday = time.strftime("%Y-%m-%d", time.gmtime(now - _DAY))  # whatever its offset, an earlier day is past
    late = kernels.failing(pc.less_equal(texts, yesterday))
    if late is None:
        return None
    bad = [
        at for at, text in zip(late.tolist(), texts.take(pa.array(late)).to_pylist(), strict=True) if is_future(text)
    ]
    return np.asarray(bad, dtype=np.int64) if bad else None


def _longest(array: pa.Array) -> int:
    """At most this many bytes of JSON has one value of the column, keys of nested values included."""
    if pa.types.is_nested(array.type):
        return int(_bytes_bound(array).max()) if len(array) else 0
    return kernels.longest(array) + 2 if is_text(array.type) else 30


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
