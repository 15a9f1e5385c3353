"""The platform's own rules beyond JSON Schema: unknown fields, widths, guardrails, labels.

They are read from the resolved fields of the schema (:class:`xdmprep.schema.Field`), once for columns and once for
single records.  Sources: Adobe's guardrail pages (array items, map keys, record sizes), field type constraints
(widths), the ExperienceEvent class (timestamp in the past, no colons in ``_id``), ``meta:enum`` and ``meta:status``.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..flow import Finding
from ..leaves import Leaf, nest, path_tree, plain
from ..paths import EVERY, Path, format_path
from ..schema import Field, Schema
from ..schema.types import SCALARS
from . import kernels
from .columns import (
    ANY_KEY,
    Columns,
    Op,
    Place,
    Sink,
    Spot,
    _on_entries,
    _on_fields,
    _on_items,
    is_list,
    is_text,
    presence,
)
from .kernels import Positions
from .record import Fault
from .ruleset import Rules
from .values import to_json_values
from .wording import UNKNOWN, as_text, limited

#: Bytes of JSON above which the platform drops a record, by behavior.
MAX_BYTES = {"record": 100 * 1024, "time-series": 10 * 1024}
#: Items of an array, by behavior (soft guardrail).
MAX_ITEMS = {"record": 500, "time-series": 10}
#: Keys of a map; fewer than this are advised.
MAX_KEYS = 16

_BOUNDS = {
    "byte": (-128, 127),
    "short": (-(2**15), 2**15 - 1),
    "int": (-(2**31), 2**31 - 1),
    "long": (-(2**63), 2**63 - 1),
}
_BITS = {"byte": 8, "short": 16, "int": 32, "long": 64}
_DAY = 86_400
#: So many bytes longer than in a file is a number at most when it is written again.
LONGER = 22

DEPRECATED = ("the field is deprecated", "Move the value to the field that replaces it.")
COLON = ("an event's _id must not contain colons", "Replace them, or hash the id.")
FUTURE = ("an event's timestamp must lie in the past", "Put times to come into another field.")


@dataclass(frozen=True)
class FieldRules:
    """What the platform's rules say about one field."""

    name: str
    kind: str
    children: Mapping[str, Field]
    open: bool
    low: int | None
    high: int | None
    suggested: tuple[str, ...]
    deprecated: bool

    @classmethod
    def of(cls, field: Field) -> FieldRules:
        """The rules of a field of the schema."""
        node = field.constraints
        low, high = _BOUNDS.get(field.type, (None, None))
        own_low, own_high = node.get("minimum"), node.get("maximum")
        labels = node.get("meta:enum")
        soft = tuple(map(str, labels)) if labels and "enum" not in node and isinstance(labels, list | Mapping) else ()
        return cls(
            field.name, field.type, field.children,
            bool(node.get("patternProperties")) or isinstance(node.get("additionalProperties"), Mapping),
            None if low is None or (own_low is not None and own_low >= low) else low,
            None if high is None or (own_high is not None and own_high <= high) else high,
            soft, node.get("meta:status") == "deprecated",
        )  # fmt: skip

    @property
    def closed(self) -> bool:
        """Whether fields that are not among the children are unknown."""
        return bool(self.children) and not self.open

    def width_text(self) -> tuple[str, str]:
        """Message and hint for a number that is too wide."""
        return f"does not fit the XDM type {self.kind}", f"It holds {_BITS[self.kind]} bits."

    def soft_text(self) -> tuple[str, str]:
        """Message and hint for a value that is not suggested."""
        return f"not one of the suggested values {limited(self.suggested)}", "It is accepted; check its spelling."


class PlatformRules:
    """The platform's rules of one schema, for single records; and what the columnar checks share with them."""

    def __init__(self, schema: Schema, rules: Rules) -> None:
        self.schema, self.rules = schema, rules
        self.behavior = schema.behavior
        self._known: dict[int, FieldRules] = {}
        self.max_items = MAX_ITEMS.get(self.behavior)
        self.max_bytes = MAX_BYTES.get(self.behavior) if "record-size" in rules else None
        self.walks = any(
            code in rules for code in ("unknown-field", "width", "soft-enum", "deprecated", "array-items", "map-keys")
        )

    def of(self, field: Field) -> FieldRules:
        """The rules of a field, made once."""
        found = self._known.get(id(field))
        if found is None:
            found = self._known[id(field)] = FieldRules.of(field)
        return found

    def items_text(self, count: Any) -> tuple[str, str]:
        """Message and hint for a long array."""
        return f"more than {self.max_items} items", "The platform's guardrail; long arrays slow Profile down."

    def keys_text(self) -> tuple[str, str]:
        """Message and hint for a wide map."""
        return f"{MAX_KEYS} or more keys in a map", "The platform advises fewer."

    def size_text(self) -> tuple[str, str]:
        """Message and hint for a large record."""
        limit = (self.max_bytes or 0) // 1024
        return f"the record is larger than {limit} KB of JSON", "The platform drops such records without an error."

    def record_faults(self, record: Any) -> list[Fault]:
        """The faults of one record."""
        found: list[Fault] = []
        if self.walks:
            self._walk(self.schema.root, record, (), found)
        if isinstance(record, Mapping):
            found += self._event_faults(record)
            if self.max_bytes is not None and _size_of(record) > self.max_bytes:
                found.append(Fault("record-size", (), None, *self.size_text()))
        return [fault for fault in found if fault.code in self.rules]

    def column_types(self, columns: pa.Schema) -> list[Finding]:
        """Columns of a Parquet file whose types are not the schema's, as findings about the first row."""
        severity = self.rules.severity("column-type")
        if severity is None:
            return []
        found: list[Finding] = []

        def compare(field: Field, kind: pa.DataType, path: Path) -> None:
            children = [(inner.name, inner.type) for inner in kind] if pa.types.is_struct(kind) else []
            for name, inner in children:
                below = self.of(field).children.get(name)
                if below is not None:
                    compare(below, inner, (*path, name))
            if is_list(kind) and field.items is not None:
                compare(field.items, kind.value_type, (*path, EVERY))
            elif pa.types.is_map(kind) and field.values is not None:
                compare(field.values, kind.item_type, (*path, EVERY))
            elif field.type in SCALARS and kind != SCALARS[field.type] and not pa.types.is_null(kind):
                say = f"the column is {kind}, the schema's {field.type} is {SCALARS[field.type]}"
                hint = "Write Parquet with the schema's types, as prepare does."
                found.append(Finding.of("column-type", format_path(path), say, [1], None, None, hint, severity))

        for column in columns:
            below = self.of(self.schema.root).children.get(column.name)
            if below is not None:
                compare(below, column.type, (column.name,))
        return found

    def _walk(self, field: Field, value: Any, at: Path, out: list[Fault]) -> None:
        rules = self.of(field)
        if rules.deprecated and value is not None:
            out.append(Fault("deprecated", at, value, *DEPRECATED))
        if isinstance(value, Mapping):
            if field.values is not None:
                if len(value) >= MAX_KEYS:
                    out.append(Fault("map-keys", at, len(value), *self.keys_text()))
                for name, item in value.items():
                    self._walk(field.values, item, (*at, name), out)
                return
            for name, item in value.items():
                child = rules.children.get(name)
                if child is not None:
                    self._walk(child, item, (*at, name), out)
                elif rules.closed:
                    out.append(Fault("unknown-field", (*at, name), item, *UNKNOWN))
        elif isinstance(value, list):
            if self.max_items is not None and len(value) > self.max_items:
                out.append(Fault("array-items", at, len(value), *self.items_text(len(value))))
            if field.items is not None:
                for number, item in enumerate(value):
                    self._walk(field.items, item, (*at, number), out)
        elif isinstance(value, str):
            if rules.suggested and value not in rules.suggested:
                out.append(Fault("soft-enum", at, value, *rules.soft_text()))
        elif (
            isinstance(value, int | float)
            and not isinstance(value, bool)
            and ((rules.low is not None and value < rules.low) or (rules.high is not None and value > rules.high))
        ):
            out.append(Fault("width", at, value, *rules.width_text()))

    def _event_faults(self, record: Mapping[str, Any]) -> Iterator[Fault]:
        if self.behavior != "time-series":
            return
        for name in ("_id", "@id"):
            if isinstance(record.get(name), str) and ":" in record[name]:
                yield Fault("event-id", (name,), record[name], *COLON)
        for name in ("timestamp", "xdm:timestamp"):
            if isinstance(record.get(name), str) and is_future(record[name]):
                yield Fault("event-timestamp", (name,), record[name], *FUTURE)


def is_future(text: str) -> bool:
    """Whether a date-time lies in the future; what is no date-time does not."""
    try:
        moment = datetime.fromisoformat(text.upper())
    except ValueError:
        return False
    return moment.tzinfo is not None and moment > datetime.now(UTC)


def _size_of(record: Any) -> int:
    try:
        return len(json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass"))
    except (TypeError, ValueError):
        return 0


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
                ops.append(_on_fields(fields))
            if field.values is not None and len(kind) >= MAX_KEYS:
                ops.append(self._struct_keys(place))
        elif pa.types.is_map(kind):
            ops.append(self._long(MAX_KEYS - 1, place, "map-keys", self._rules.keys_text()))
            if field.values is not None and (below := self._nested(field.values, kind.item_type, place.child(ANY_KEY))):
                ops.append(_on_entries(below))
        elif is_list(kind):
            if self._rules.max_items is not None:
                ops.append(self._long(self._rules.max_items, place, "array-items", self._rules.items_text(0)))
            if field.items is not None and (below := self._nested(field.items, kind.value_type, place.child(EVERY))):
                ops.append(_on_items(below))
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
        from .columns import _lengths

        def op(spot: Spot, sink: Sink) -> None:
            lengths = _lengths(spot.array)
            bad = kernels.positions_of(lengths > most)
            if bad is not None:
                sink.add(place, spot, code, say, bad, pa.array([str(count) for count in lengths[bad]]))

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
        sizes = np.asarray([_size_of(value) for value in to_json_values(nested, self._keep_empty)])
        self._too_large(suspects, sizes, limit, sink)

    def _text_sizes(self, texts: pa.Array, limit: int, sink: Sink) -> None:
        """The same from the text of the records: without blanks it is longer only where numbers are."""
        numbers = sum(pa.types.is_floating(leaf.type) for leaf in self._leaves)
        suspects = np.flatnonzero(np.asarray(pc.binary_length(texts)) + LONGER * numbers > limit)
        if len(suspects):
            sizes = np.asarray([_size_of(json.loads(text)) for text in texts.take(pa.array(suspects)).to_pylist()])
            self._too_large(suspects, sizes, limit, sink)

    def _too_large(self, suspects: Any, sizes: Any, limit: int, sink: Sink) -> None:
        bad = suspects[sizes > limit]
        if len(bad):
            texts = pa.array([f"{size} bytes" for size in sizes[sizes > limit].tolist()])
            sink.add(Place(()), Spot(pa.nulls(0)), "record-size", self._rules.size_text(), bad, texts)


def _may_exceed(kind: pa.DataType, rules: FieldRules) -> bool:
    if pa.types.is_floating(kind):
        return True
    return bool(pa.types.is_integer(kind) and kind.bit_width > _BITS.get(rules.kind, 64))


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
    """At most so many bytes of JSON has one value of the column, keys of nested values included."""
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
        from .columns import map_entries

        keys, items, parents = map_entries(array)
        return np.bincount(parents, _bytes_bound(keys) + _bytes_bound(items) + 2, len(array)).astype(np.int64) + 2
    if is_list(kind):
        parents = np.asarray(pc.list_parent_indices(array))
        return np.bincount(parents, _bytes_bound(array.flatten()) + 1, len(array)).astype(np.int64) + 2
    if is_text(kind):
        return np.asarray(pc.binary_length(array).fill_null(0), dtype=np.int64) + 2
    return np.full(len(array), 30, dtype=np.int64)
