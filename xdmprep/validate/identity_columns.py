"""The constraint on the identities of a record (:mod:`.identities`), and its form for columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..core.arrow_types import holds_text, is_list
from ..core.paths import EVERY, Path
from ..core.shred import Leaf, plain, slots, valid
from ..kernels.arrays import Mask
from ..schema import Schema
from .arrow_kinds import map_entries
from .identities import MAPS, MAX_IDENTITIES, TOO_MANY, Wanted, identity_tests, record_faults
from .messages import NO_ID, NO_IDENTITY, NO_PRIMARY, TWO_PRIMARY, Failure, Violation, no_primary_field
from .node import OBJECT, ColumnCompiler, Constraint
from .ruleset import Rules
from .view import ANY_KEY, ChunkColumns, ColumnView, FindingSink, Op, SchemaPath, Shape, View


class Identities(Constraint):
    """Records with the identities that their schema asks for."""

    kinds = OBJECT

    def __init__(self, schema: Schema, rules: Rules) -> None:
        self._wanted, self._rules = Wanted.of(schema), rules

    def check(self, value: Any, at: Path, out: list[Violation]) -> None:
        """Fails for each identity that is wrong, and for too few or too many."""
        out += [fault for fault in record_faults(value, self._wanted) if fault.code in self._rules]

    def columns(self, compiler: ColumnCompiler, shape: Shape, place: SchemaPath) -> list[Op]:
        """The same for all records."""
        return [IdentityColumns(self._wanted, self._rules, compiler.leaves)]


@dataclass(frozen=True)
class _Items:
    """Identity items at run time.

    Attributes:
        view: the items; where they lie above the leaves, the records.
        place: where they stand.
        namespace: their namespace; None if it is the first label of the view.
        present: where there is an item; None means everywhere.
        id, primary: their ids and primary marks, None for a missing column.
        held: where the id is an object or array, which is reported as such.
    """

    view: View
    place: SchemaPath
    namespace: str | None
    present: Mask | None
    id: ColumnView | None
    primary: ColumnView | None
    held: Mask | None = None

    def lacking(self) -> Mask:
        """Where an item has no id."""
        without: Mask = np.ones(len(self.view), bool) if self.present is None else self.present
        if self.held is not None:
            without = without & ~self.held
        return without if self.id is None else without & ~valid(self.id.array)

    def marked(self) -> Mask | None:
        """Where an item is marked primary; None means nowhere."""
        if self.primary is None or not pa.types.is_boolean(self.primary.array.type):
            return None
        marked: Mask = slots(self.primary.array) & valid(self.primary.array)
        return marked if self.present is None else marked & self.present


class _Counter:
    """How many of something each record has."""

    def __init__(self, size: int) -> None:
        self.counts = np.zeros(size, dtype=np.int32)

    def add(self, view: View, there: Mask | None) -> None:
        """Add one to the records of the values in some places of a view; None means all."""
        if view.rows is None:
            self.counts += 1 if there is None else there
        else:
            rows = view.rows if there is None else view.rows[there]
            self.counts += np.bincount(rows, minlength=len(self.counts)).astype(np.int32)

    def report(self, bad: Mask, failure: Failure, place: SchemaPath, view: View, sink: FindingSink) -> None:
        """Report records with their counts."""
        texts = [str(count) for count in self.counts[bad]]
        sink.add(place, view, failure, np.flatnonzero(bad), lambda _: pa.array(texts, pa.string()))


class IdentityColumns:
    """The rules for identities compiled for some leaves."""

    def __init__(self, wanted: Wanted, rules: Rules, leaves: tuple[Leaf, ...]) -> None:
        self._wanted, self._rules, self._leaves = wanted, rules, leaves
        #: of each item its parts by name: the leaves that are a part, or lie below it
        self._flat: dict[Path, dict[str, list[int]]] = {}
        self._nested: list[int] = []
        for number, leaf in enumerate(leaves):
            if leaf.path and leaf.path[0] in MAPS:
                if len(leaf.path) >= 4 and isinstance(leaf.path[2], int):
                    key = str(leaf.path[3]).removeprefix("xdm:")
                    self._flat.setdefault(leaf.path[:3], {}).setdefault(key, []).append(number)
                else:
                    self._nested.append(number)
        self._fields = [(path, namespace, number) for path, namespace in wanted.fields for number in self._near(path)]
        name = next((str(leaf.path[0]) for leaf in leaves if leaf.path and leaf.path[0] in MAPS), MAPS[0])
        self._map = SchemaPath((name,))

    def _near(self, path: Path) -> list[int]:
        """Leaves that are the field at `path`, hold it, or are elements of it."""
        return [
            number
            for number, leaf in enumerate(self._leaves)
            if leaf.path
            and all(a == b or a in (EVERY, ANY_KEY) for a, b in zip(path, leaf.path, strict=False))
            and len(leaf.path) <= len(path)
        ]

    def __call__(self, view: View, sink: FindingSink) -> None:
        """Check the records of a chunk."""
        columns = view.columns
        if not columns.size:
            return
        count, primaries, filled, main = (_Counter(columns.size) for _ in range(4))
        wants_primary = self._wanted.primary is not None and "identity-primary" in self._rules
        wants_some = self._wanted.some and "identity-none" in self._rules
        for path, namespace, number in self._fields:
            leaf = self._leaves[number]
            place = SchemaPath((*leaf.path, *path[len(leaf.path) :]), leaf.column)
            is_main = wants_primary and self._wanted.primary is not None and path == self._wanted.primary[0]
            for ids in columns.view(number).select(path[len(leaf.path) :]):
                _test(ids, place, namespace, sink)
                count.add(ids, valid(ids.array))
                if wants_some or is_main:
                    there = _filled(ids)
                    filled.add(ids, there)
                    if is_main:
                        main.add(ids, there)
        for items in self._items(columns):
            _check_items(items, sink)
            count.add(items.view, items.present)
            if wants_some:
                if items.id is not None:
                    filled.add(items.view, _filled(items.id))
                if items.held is not None:
                    filled.add(items.view, items.held)
            marked = items.marked()
            if marked is not None:
                primaries.add(items.view, marked)
        if self._wanted.primary is not None:
            if wants_primary:
                path, namespace = self._wanted.primary
                sink.add(SchemaPath(path), view, no_primary_field(namespace), np.flatnonzero(main.counts == 0))
        elif self._wanted.one_primary:
            sink.add(self._map, view, NO_PRIMARY, np.flatnonzero(primaries.counts == 0))
        primaries.report(primaries.counts > 1, TWO_PRIMARY, self._map, view, sink)
        if wants_some:
            sink.add(SchemaPath(()), view, NO_IDENTITY, np.flatnonzero(filled.counts == 0))
        count.report(count.counts > MAX_IDENTITIES, TOO_MANY, self._map, view, sink)

    def _items(self, columns: ChunkColumns) -> Iterator[_Items]:
        records = columns.root()
        for path, parts in self._flat.items():
            id_number, primary_number = self._itself(parts, "id"), self._itself(parts, "primary")
            below = [number for number in parts.get("id", ()) if number != id_number]
            held = columns.any_of(below) if below else None
            yield _Items(
                records,
                SchemaPath(path, None if id_number is None else self._leaves[id_number].column),
                str(path[1]),
                columns.any_of(number for numbers in parts.values() for number in numbers),
                None if id_number is None else columns.view(id_number),
                None if primary_number is None else columns.view(primary_number),
                np.ones(columns.size, bool) if below and held is None else held,
            )
        for number in self._nested:
            leaf = self._leaves[number]
            yield from _nested_items(columns.view(number), SchemaPath(leaf.path, leaf.column))

    def _itself(self, parts: dict[str, list[int]], name: str) -> int | None:
        """The leaf that is this part of an item, not one below it."""
        return next((number for number in parts.get(name, ()) if len(self._leaves[number].path) == 4), None)


def _nested_items(view: ColumnView, place: SchemaPath) -> Iterator[_Items]:
    """Items of an identityMap, of one namespace's list, or of single items, whichever the place says."""
    kind = view.array.type
    depth = len(place.path)
    if depth == 1 and pa.types.is_map(kind):
        if is_list(kind.item_type):
            yield from _nested_items(view.elements(), place.child(ANY_KEY))
    elif depth == 1 and pa.types.is_struct(kind):
        for name, child in view.fields():
            yield from _nested_items(child, place.child(name))
    elif depth == 2 and is_list(kind):
        yield from _nested_items(view.elements(), place.child(EVERY))
    elif depth == 3 and (pa.types.is_struct(kind) or pa.types.is_map(kind)):
        fields = _entries(view) if pa.types.is_map(kind) else view.fields()
        inside = {name.removeprefix("xdm:"): child for name, child in fields}
        namespace = None if place.path[1] == ANY_KEY else str(place.path[1])
        yield _Items(view, place, namespace, view.valued(), inside.get("id"), inside.get("primary"))


def _entries(view: ColumnView) -> Iterator[tuple[str, ColumnView]]:
    """What identity items hold that come as maps, as those with many unlike keys do, each as a column of all items."""
    keys, values, parents = map_entries(view.array)
    for name in ("id", "xdm:id", "primary", "xdm:primary"):
        here = np.flatnonzero(np.asarray(pc.equal(keys, name)))
        if len(here):
            at = np.full(len(view), -1, np.int64)
            at[parents[here]] = here
            yield name, ColumnView(values.take(pa.array(at, mask=at < 0)), view.columns, view.rows, view.labels)


def _check_items(items: _Items, sink: FindingSink) -> None:
    place = items.place.child("xdm:id" if items.place.path[0] == MAPS[1] else "id")
    sink.add(place, items.view, NO_ID, np.flatnonzero(items.lacking()))
    if items.id is None:
        return
    if items.namespace is not None:
        _test(items.id, place, items.namespace, sink)
        return
    keys = items.view.labels[0]
    for namespace in keys.unique().to_pylist():
        some = np.flatnonzero(np.asarray(pc.equal(keys, namespace).to_numpy(zero_copy_only=False)))
        _test(items.id.some(some), place, namespace, sink)


def _test(ids: ColumnView, place: SchemaPath, namespace: str, sink: FindingSink) -> None:
    """Test identities of a namespace; what is no text is for the schema to say."""
    if not holds_text(ids.array.type):
        return
    for failure, test in identity_tests(namespace):
        if failure.code in sink.rules:
            bad = test.positions(ids.array)
            if bad is not None:
                sink.add(place, ids, failure, bad, ids.texts)


def _filled(ids: ColumnView) -> Mask:
    """Where there is a value other than an empty text."""
    there = valid(ids.array)
    if holds_text(ids.array.type):
        longer = pc.greater(pc.binary_length(plain(ids.array)), 0).fill_null(False)
        there = there & np.asarray(longer.to_numpy(zero_copy_only=False), dtype=bool)
    return there
