"""The platform's rules for identities (:mod:`.identities`) on the columns of a stream."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .. import kernels as loops
from ..core.paths import EVERY, Path
from ..core.shred import Leaf, plain, slots, valid
from ..kernels.arrays import Positions
from ..kernels.automaton import Automaton
from . import kernels
from .columns import Columns
from .identities import (
    BLANK,
    MAPS,
    MAX_IDENTITIES,
    MAX_LENGTH,
    NO_ID,
    NO_IDENTITY,
    NO_PRIMARY,
    SAY,
    TWO_PRIMARY,
    Wanted,
    is_ecid,
    no_field,
)
from .kernels import Test
from .kinds import Mask, is_list, map_entries, presence
from .patterns import compile_pattern
from .ruleset import Rules
from .spots import ANY_KEY, Place, Sink, Spot

#: What every blank or placeholder begins with (Python's `\\s` knows blanks beyond ASCII; so does this).
_SUSPECT_RE2 = (
    r"^(?:[\s\x{1c}-\x{1f}\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]"
    r"|(?i:null|anonymous|invalid)|$)"
)
#: First bytes of blanks and of the placeholders, and of everything beyond ASCII.
_SUSPECT_BYTES = np.isin(np.arange(256), [*range(33), *b"nNaAiI", *range(128, 256)])


def _suspects(array: pa.Array) -> Positions | None:
    """Positions of texts that may be blank or a placeholder."""
    if not pa.types.is_string(array.type) or not len(array):
        return kernels.failing(pc.invert(pc.match_substring_regex(array, _SUSPECT_RE2)))
    maybe = loops.active.not_accepted(array, _BEGIN)
    if maybe is None:
        return None
    some = array if len(maybe) == len(array) else array.take(pa.array(maybe))
    found = kernels.failing(pc.invert(pc.match_substring_regex(some, _SUSPECT_RE2)))
    return None if found is None else maybe[found]


#: Accepts texts that begin with another byte: its second and third states are never left.
_BEGIN = Automaton(
    np.array([np.where(_SUSPECT_BYTES, 2, 1), [1] * 256, [2] * 256], np.uint8), np.array([0, 1, 0], np.uint8)
)


def _blank(array: pa.Array) -> Positions | None:
    suspects = _suspects(array)
    if suspects is None:
        return None
    texts = array.take(pa.array(suspects)).to_pylist()
    bad = [at for at, text in zip(suspects.tolist(), texts, strict=True) if BLANK.fullmatch(text)]
    return np.asarray(bad, dtype=np.int64) if bad else None


@cache
def _ecid_test() -> Test:
    return kernels.pattern(compile_pattern("^[0-9]{38}$"))


_BLANK_TEST = kernels.on_texts(_blank)
_LENGTH_TEST = kernels.length(0, MAX_LENGTH)


def _tests(namespace: str) -> Iterator[tuple[str, Test]]:
    """The tests of identities of a namespace, with their rules."""
    if is_ecid(namespace):
        yield "identity-ecid", _ecid_test()
    else:
        yield "identity-blank", _BLANK_TEST
        yield "identity-length", _LENGTH_TEST


@dataclass(frozen=True)
class _Ids:
    """Identities at run time: the column they are in, and of which rows its values are."""

    column: pa.Array
    rows: Positions | None = None
    labels: tuple[Any, ...] = ()

    def test(self, place: Place, namespace: str, sink: Sink) -> None:
        """Test the values."""
        if json_is_not_text(self.column.type):
            return
        for code, test in _tests(namespace):
            if code not in sink.rules:
                continue
            spot = Spot(self.column, self.rows, self.labels)
            bad = test(spot.array)
            if bad is not None:
                sink.add(place, spot, code, SAY[code], bad, kernels.texts_at(spot.array, bad))

    def there(self) -> Mask:
        """Where there is a value."""
        return valid(self.column)

    def filled(self) -> Mask:
        """Where there is a value other than an empty text."""
        there = valid(self.column)
        if not json_is_not_text(self.column.type):
            longer = pc.greater(pc.binary_length(plain(self.column)), 0).fill_null(False)
            there &= np.asarray(longer.to_numpy(zero_copy_only=False), dtype=bool)
        return there

    def count(self, counter: Any, there: Mask) -> None:
        """Add one to the rows of the values in some places."""
        if self.rows is None:
            counter += there
        else:
            counter += np.bincount(self.rows[there], minlength=len(counter)).astype(counter.dtype)


def json_is_not_text(kind: pa.DataType) -> bool:
    """Whether a column holds something else than text (its type is reported elsewhere)."""
    kind = kind.value_type if isinstance(kind, pa.DictionaryType) else kind
    return not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


@dataclass(frozen=True)
class _Items:
    """Identity items at run time: where they are, their ids and primary marks; None for a missing column.

    `held` says where the id is an object or array, which is reported as such.
    """

    spot: Spot
    size: int
    place: Place
    namespace: str | None
    present: Any
    id: pa.Array | None
    primary: pa.Array | None
    held: Mask | None = None

    @property
    def ids(self) -> _Ids:
        """The ids, where there is a column of them."""
        return _Ids(self.id, self.spot.rows, self.spot.labels)

    def count_filled(self, counter: Any) -> None:
        """Add one to the rows of the items that have an id."""
        if self.id is not None:
            self.ids.count(counter, self.ids.filled())
        if self.held is not None:
            self.ids.count(counter, self.held)


class IdentityChecks:
    """The identity rules compiled for some leaves."""

    def __init__(self, wanted: Wanted, rules: Rules, leaves: tuple[Leaf, ...], keep_empty: bool) -> None:
        self._wanted, self._rules, self._leaves, self._keep_empty = wanted, rules, leaves, keep_empty
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
        self._no_map = not self._flat and not self._nested

    def _near(self, path: Path) -> list[int]:
        """Leaves that are the field at `path`, hold it, or are elements of it."""
        return [
            number
            for number, leaf in enumerate(self._leaves)
            if leaf.path
            and all(a == b or a in (EVERY, ANY_KEY) for a, b in zip(path, leaf.path, strict=False))
            and len(leaf.path) <= len(path)
        ]

    def __call__(self, columns: Columns, sink: Sink) -> None:
        """Check one chunk."""
        n = columns.size
        count = np.zeros(n, dtype=np.int32)
        primaries = np.zeros(n, dtype=np.int32)
        some = np.zeros(n, dtype=np.int32) if self._wanted.some and "identity-none" in self._rules else None
        for path, namespace, number in self._fields:
            leaf = self._leaves[number]
            place = Place((*leaf.path, *path[len(leaf.path) :]), leaf.column)
            for ids in self._values(columns, number, path):
                ids.test(place, namespace, sink)
                ids.count(count, ids.there())
                if some is not None:
                    ids.count(some, ids.filled())
        for items in self._items(columns):
            self._check_items(items, sink)
            if some is not None:
                items.count_filled(some)
            if items.present is None:
                count += 1
            else:
                items.ids.count(count, items.present)
            self._count_primaries(primaries, items)
        self._check_primaries(columns, primaries, sink)
        if some is not None and not some.all():
            sink.add(Place(()), Spot(pa.nulls(0)), "identity-none", NO_IDENTITY, np.flatnonzero(some == 0))
        if count.size and count.max() > MAX_IDENTITIES:
            bad = np.flatnonzero(count > MAX_IDENTITIES)
            values = pa.array([str(number) for number in count[bad]])
            sink.add(
                Place((self._map_name(),)), Spot(pa.nulls(0)), "identity-count", SAY["identity-count"], bad, values
            )

    def _values(self, columns: Columns, number: int, path: Path) -> Iterator[_Ids]:
        """The values of the field at `path`, which a leaf is or holds."""
        below = path[len(self._leaves[number].path) :]
        if below:
            yield from (
                _Ids(spot.array, spot.rows, spot.labels) for spot in _descend(Spot(columns.array(number)), below)
            )
        else:
            yield _Ids(columns.array(number))

    def _map_name(self) -> str:
        return next((str(leaf.path[0]) for leaf in self._leaves if leaf.path and leaf.path[0] in MAPS), MAPS[0])

    def _check_items(self, items: _Items, sink: Sink) -> None:
        id_name = "xdm:id" if items.place.path[0] == MAPS[1] else "id"
        place = items.place.child(id_name)
        if items.id is None:
            without = np.ones(items.size, bool) if items.present is None else items.present
            missing = np.flatnonzero(without if items.held is None else without & ~items.held)
            if len(missing):
                sink.add(place, items.spot, "identity-blank", NO_ID, missing)
            return
        lacking = ~items.ids.there()
        if items.held is not None:
            lacking &= ~items.held
        if items.present is not None:
            lacking &= items.present
        if lacking.any():
            sink.add(place, items.spot, "identity-blank", NO_ID, np.flatnonzero(lacking))
        if items.namespace is not None:
            items.ids.test(place, items.namespace, sink)
            return
        keys = items.spot.labels[0]
        for namespace in keys.unique().to_pylist():
            some = np.flatnonzero(np.asarray(pc.equal(keys, namespace).to_numpy(zero_copy_only=False)))
            parents = items.spot.rows
            labels = (keys.take(pa.array(some)), *(label[some] for label in items.spot.labels[1:]))
            rows = some if parents is None else parents[some]
            _Ids(items.id.take(pa.array(some)), rows, labels).test(place, namespace, sink)

    def _count_primaries(self, primaries: Any, items: _Items) -> None:
        if items.primary is None or not pa.types.is_boolean(items.primary.type):
            return
        marked = slots(items.primary) & valid(items.primary)
        items.ids.count(primaries, marked if items.present is None else marked & items.present)

    def _check_primaries(self, columns: Columns, primaries: Any, sink: Sink) -> None:
        if "identity-primary" not in self._rules or not columns.size:
            return
        spot, place = Spot(pa.nulls(0)), Place((self._map_name(),))
        if self._wanted.primary is not None:
            path, namespace = self._wanted.primary
            has = np.zeros(columns.size, dtype=bool)
            for known, _, number in self._fields:
                if known == path:
                    for ids in self._values(columns, number, path):
                        filled = np.flatnonzero(ids.filled())
                        has[filled if ids.rows is None else ids.rows[filled]] = True
            if not has.all():
                sink.add(Place(path), spot, "identity-primary", no_field(namespace), np.flatnonzero(~has))
        elif self._wanted.one_primary and primaries.min() < 1:
            sink.add(place, spot, "identity-primary", NO_PRIMARY, np.flatnonzero(primaries == 0))
        if primaries.max() > 1:
            bad = np.flatnonzero(primaries > 1)
            values = pa.array([str(number) for number in primaries[bad]])
            sink.add(place, spot, "identity-primary", TWO_PRIMARY, bad, values)

    def _items(self, columns: Columns) -> Iterator[_Items]:
        for path, parts in self._flat.items():
            id_number, primary_number = self._itself(parts, "id"), self._itself(parts, "primary")
            column = self._leaves[id_number].column if id_number is not None else None
            below = [number for number in parts.get("id", ()) if number != id_number]
            held = columns.any_of(below) if below else None
            yield _Items(
                Spot(pa.nulls(0)), columns.size, Place(path, column), str(path[1]),
                columns.any_of(number for numbers in parts.values() for number in numbers),
                None if id_number is None else columns.array(id_number),
                None if primary_number is None else columns.array(primary_number),
                np.ones(columns.size, bool) if below and held is None else held,
            )  # fmt: skip
        for number in self._nested:
            leaf = self._leaves[number]
            yield from self._nested_items(Spot(columns.array(number)), Place(leaf.path, leaf.column))

    def _itself(self, parts: dict[str, list[int]], name: str) -> int | None:
        """The leaf that is this part of an item, not one below it."""
        return next((number for number in parts.get(name, ()) if len(self._leaves[number].path) == 4), None)

    def _nested_items(self, spot: Spot, place: Place) -> Iterator[_Items]:
        """Items of an identityMap, of one namespace's list, or of single items, whichever the place says."""
        kind = spot.array.type
        depth = len(place.path)
        if depth == 1 and pa.types.is_map(kind):
            keys, items, parents = map_entries(spot.array)
            if is_list(items.type):
                yield from self._nested_items(spot.below(items, parents, keys), place.child(ANY_KEY))
        elif depth == 1 and pa.types.is_struct(kind):
            for field, array in zip(kind, spot.array.flatten(), strict=True):
                yield from self._nested_items(Spot(array), place.child(field.name))
        elif depth == 2 and is_list(kind):
            lengths = pc.list_value_length(spot.array).fill_null(0)
            sizes = np.asarray(lengths)
            parents = np.repeat(np.arange(len(sizes), dtype=np.int64), sizes)
            index = np.arange(len(parents), dtype=np.int64) - np.repeat(np.cumsum(sizes) - sizes, sizes)
            yield from self._nested_items(spot.below(spot.array.flatten(), parents, index), place.child(EVERY))
        elif depth == 3 and pa.types.is_struct(kind):
            inside = {
                field.name.removeprefix("xdm:"): child for field, child in zip(kind, spot.array.flatten(), strict=True)
            }
            namespace = None if place.path[1] == ANY_KEY else str(place.path[1])
            id = inside.get("id")
            present = presence(spot.array, self._keep_empty)
            yield _Items(spot, len(spot.array), place, namespace, present, id, inside.get("primary"))


def _descend(spot: Spot, path: Path) -> Iterator[Spot]:
    """The columns at `path` within a nested column."""
    if not path:
        yield spot
        return
    kind = spot.array.type
    if pa.types.is_struct(kind) and kind.get_field_index(str(path[0])) >= 0:
        child = spot.array.flatten()[kind.get_field_index(str(path[0]))]
        yield from _descend(Spot(child, spot.rows, spot.labels), path[1:])
    elif pa.types.is_struct(kind) and path[0] == ANY_KEY:
        rows = np.arange(len(spot.array), dtype=np.int64)
        for field, child in zip(kind, spot.array.flatten(), strict=True):
            keys = pa.repeat(pa.scalar(field.name), len(child))
            yield from _descend(spot.below(child, rows, keys), path[1:])
    elif is_list(kind) and path[0] == EVERY:
        sizes = np.asarray(pc.list_value_length(spot.array).fill_null(0))
        parents = np.repeat(np.arange(len(sizes), dtype=np.int64), sizes)
        index = np.arange(len(parents), dtype=np.int64) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        yield from _descend(spot.below(spot.array.flatten(), parents, index), path[1:])
    elif pa.types.is_map(kind):
        keys, items, parents = map_entries(spot.array)
        yield from _descend(spot.below(items, parents, keys), path[1:])
