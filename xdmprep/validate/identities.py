"""The platform's rules for identities, on columns and on single records.

Values: an ECID is 38 digits (Identity Service skips the record otherwise); others have at most 1024 characters and are
not blank, ``null``, ``anonymous`` or ``invalid`` (such identities are blocked).  Primary: a profile record without an
identity field that its schema names as primary has exactly one item with ``primary: true`` in its identityMap; no
record has more than one.  Sources: Adobe's pages on identityMap, identity fields and Identity Service guardrails.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..leaves import Leaf, plain, slots, valid
from ..paths import EVERY, Path
from ..schema import Schema
from . import kernels
from .bytewise import text_bytes
from .columns import Columns
from .kernels import Positions, Test
from .kinds import is_list, map_entries, presence
from .patterns import compile_pattern
from .record import Fault
from .ruleset import Rules
from .spots import ANY_KEY, Place, Sink, Spot
from .wording import as_text

MAX_LENGTH = 1024
MAX_IDENTITIES = 20
MAPS = ("identityMap", "xdm:identityMap")

_ECID = re.compile(r"[0-9]{38}")
_BLANK = re.compile(r"(?i)\s*(?:null|anonymous|invalid)?\s*")
#: What every blank or placeholder begins with (Python's `\\s` knows blanks beyond ASCII; so does this).
_SUSPECT_RE2 = (
    r"^(?:[\s\x{1c}-\x{1f}\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]"
    r"|(?i:null|anonymous|invalid)|$)"
)

SAY: dict[str, tuple[str, str]] = {
    "identity-ecid": ("an ECID has exactly 38 digits", "Keep it as text: read as a number it loses leading zeros."),
    "identity-length": (f"an identity has at most {MAX_LENGTH} characters", "Shorten or hash it."),
    "identity-blank": (
        "an identity must not be blank, null, anonymous or invalid",
        "Leave the identity out where it is not known.",
    ),
    "identity-count": (f"more than {MAX_IDENTITIES} identities in one record", "Send only those of the person."),
}  # fmt: skip
NO_ID = ("an identity without an id", "Leave the whole item out.")
NO_PRIMARY = ("no identity is marked primary", "Set primary: true on exactly one identity.")
TWO_PRIMARY = ("more than one identity is marked primary", "Set primary: true on exactly one identity.")


def no_field(namespace: str) -> tuple[str, str]:
    """Message and hint for a missing primary identity field."""
    return f"the primary identity ({namespace}) is missing", "Map a value to it; without it the record has no profile."


@dataclass(frozen=True)
class Wanted:
    """What a schema asks of identities.

    Attributes:
        fields: identity fields of the schema outside identityMap: path and namespace.
        primary: path and namespace of the primary identity field, if the schema names one.
        one_primary: whether each record needs exactly one primary item in its identityMap.
        has_map: whether records may have an identityMap.
    """

    fields: tuple[tuple[Path, str], ...]
    primary: tuple[Path, str] | None
    one_primary: bool
    has_map: bool

    @classmethod
    def of(cls, schema: Schema) -> Wanted:
        """What `schema` asks."""
        fields = tuple((identity.path, identity.namespace) for identity in schema.identities)
        primary = schema.primary_identity
        one = schema.has_identity_map and primary is None and schema.behavior == "record"
        return cls(fields, None if primary is None else (primary.path, primary.namespace), one, schema.has_identity_map)


def value_faults(text: str, namespace: str) -> Iterator[str]:
    """Codes of the rules that one identity breaks."""
    if namespace == "ECID":
        if _ECID.fullmatch(text) is None:
            yield "identity-ecid"
    elif _BLANK.fullmatch(text):
        yield "identity-blank"
    elif len(text) > MAX_LENGTH:
        yield "identity-length"


# ---- single records ------------------------------------------------------------------------------------------------


def record_faults(record: Any, wanted: Wanted) -> Iterator[Fault]:
    """The identity faults of one record."""
    if not isinstance(record, Mapping):
        return
    count = 0
    for path, namespace in wanted.fields:
        for at, value in _values_at(record, path, ()):
            if isinstance(value, str):
                count += 1
                for code in value_faults(value, namespace):
                    yield Fault(code, at, value, *SAY[code])
    primaries = []
    name, items = _items(record)
    for at, namespace, item in items:
        id = item.get("id", item.get("xdm:id"))
        count += 1
        if id is None:
            yield Fault("identity-blank", (*at, "id"), None, *NO_ID)
        elif isinstance(id, str):
            for code in value_faults(id, namespace):
                yield Fault(code, (*at, "xdm:id" if "xdm:id" in item else "id"), id, *SAY[code])
        if item.get("primary", item.get("xdm:primary")) is True:
            primaries.append(at)
    if wanted.primary is not None:
        path, namespace = wanted.primary
        if not any(value not in (None, "") for _, value in _values_at(record, path, ())):
            yield Fault("identity-primary", path, None, *no_field(namespace))
    elif wanted.one_primary and not primaries:
        yield Fault("identity-primary", (name,), None, *NO_PRIMARY)
    if len(primaries) > 1:
        yield Fault("identity-primary", (name,), as_text(len(primaries)), *TWO_PRIMARY)
    if count > MAX_IDENTITIES:
        yield Fault("identity-count", (name,), str(count), *SAY["identity-count"])


def _items(record: Mapping[str, Any]) -> tuple[str, list[tuple[Path, str, Mapping[str, Any]]]]:
    for name in MAPS:
        found = record.get(name)
        if isinstance(found, Mapping):
            return name, [
                ((name, namespace, number), namespace, item)
                for namespace, items in found.items()
                if isinstance(items, list)
                for number, item in enumerate(items)
                if isinstance(item, Mapping)
            ]
    return MAPS[0], []


def _values_at(value: Any, path: Path, at: Path) -> Iterator[tuple[Path, Any]]:
    if not path:
        yield at, value
    elif path[0] in (EVERY, ANY_KEY) and isinstance(value, list | Mapping):
        pairs: Iterable[Any] = enumerate(value) if isinstance(value, list) else value.items()
        for step, item in pairs:
            yield from _values_at(item, path[1:], (*at, step))
    elif isinstance(value, Mapping) and path[0] in value:
        yield from _values_at(value[path[0]], path[1:], (*at, path[0]))


# ---- columns -------------------------------------------------------------------------------------------------------


#: First bytes of blanks and of the placeholders, and of everything beyond ASCII.
_SUSPECT_BYTES = np.isin(np.arange(256), [*range(33), *b"nNaAiI", *range(128, 256)])


def _suspects(array: pa.Array) -> Positions | None:
    """Positions of texts that may be blank or a placeholder."""
    if not pa.types.is_string(array.type) or not len(array):
        return kernels.failing(pc.invert(pc.match_substring_regex(array, _SUSPECT_RE2)))
    places, data = text_bytes(array)
    sizes = np.diff(places)
    first = data[np.minimum(places[:-1], len(data) - 1)] if len(data) else np.zeros(len(array), np.uint8)
    suspect = _SUSPECT_BYTES[first]
    suspect |= sizes == 0
    if array.null_count:
        suspect &= valid(array)
    maybe = np.flatnonzero(suspect)
    if not len(maybe):
        return None
    some = array if len(maybe) == len(array) else array.take(pa.array(maybe))
    found = kernels.failing(pc.invert(pc.match_substring_regex(some, _SUSPECT_RE2)))
    return None if found is None else maybe[found]


def _blank(array: pa.Array) -> Positions | None:
    suspects = _suspects(array)
    if suspects is None:
        return None
    texts = array.take(pa.array(suspects)).to_pylist()
    bad = [at for at, text in zip(suspects.tolist(), texts, strict=True) if _BLANK.fullmatch(text)]
    return np.asarray(bad, dtype=np.int64) if bad else None


@cache
def _ecid_test() -> Test:
    return kernels.pattern(compile_pattern("^[0-9]{38}$"))


_TESTS: dict[str, Test] = {
    "identity-ecid": lambda array: _ecid_test()(array),
    "identity-blank": kernels.on_texts(_blank),
    "identity-length": kernels.Length(0, MAX_LENGTH),
}


def _test_values(spot: Spot, place: Place, namespace: str, sink: Sink) -> None:
    for code in ("identity-ecid",) if namespace == "ECID" else ("identity-blank", "identity-length"):
        if code not in sink.rules or json_is_not_text(spot.array):
            continue
        bad = _TESTS[code](spot.array)
        if bad is not None:
            sink.add(place, spot, code, SAY[code], bad, kernels.texts_at(spot.array, bad))


def json_is_not_text(array: pa.Array) -> bool:
    """Whether a column holds something else than text (its type is reported elsewhere)."""
    kind = array.type.value_type if isinstance(array.type, pa.DictionaryType) else array.type
    return not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


@dataclass(frozen=True)
class _Items:
    """Identity items at run time: where they are, their ids and primary marks; None for a missing column."""

    spot: Spot
    place: Place
    namespace: str | None
    present: Any
    id: pa.Array | None
    primary: pa.Array | None


class IdentityChecks:
    """The identity rules compiled for some leaves."""

    def __init__(self, wanted: Wanted, rules: Rules, leaves: tuple[Leaf, ...], keep_empty: bool) -> None:
        self._wanted, self._rules, self._leaves, self._keep_empty = wanted, rules, leaves, keep_empty
        self._flat: dict[Path, dict[str, int]] = {}
        self._nested: list[int] = []
        for number, leaf in enumerate(leaves):
            if leaf.path and leaf.path[0] in MAPS:
                if len(leaf.path) == 4 and isinstance(leaf.path[2], int):
                    key = str(leaf.path[3]).removeprefix("xdm:")
                    self._flat.setdefault(leaf.path[:3], {})[key] = number
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
        for path, namespace, number in self._fields:
            leaf = self._leaves[number]
            place = Place((*leaf.path, *path[len(leaf.path) :]), leaf.column)
            for spot in _descend(Spot(columns.array(number)), path[len(leaf.path) :]):
                _test_values(spot, place, namespace, sink)
                _count(count, spot, ~np.asarray(spot.array.is_null().to_numpy(zero_copy_only=False), dtype=bool))
        for items in self._items(columns):
            self._check_items(items, sink)
            if items.present is None:
                count += 1
            else:
                _count(count, items.spot, items.present)
            self._count_primaries(primaries, items)
        self._check_primaries(columns, primaries, sink)
        if count.size and count.max() > MAX_IDENTITIES:
            bad = np.flatnonzero(count > MAX_IDENTITIES)
            values = pa.array([str(number) for number in count[bad]])
            sink.add(
                Place((self._map_name(),)), Spot(pa.nulls(0)), "identity-count", SAY["identity-count"], bad, values
            )

    def _map_name(self) -> str:
        return next((str(leaf.path[0]) for leaf in self._leaves if leaf.path and leaf.path[0] in MAPS), MAPS[0])

    def _check_items(self, items: _Items, sink: Sink) -> None:
        id_name = "xdm:id" if items.place.path[0] == MAPS[1] else "id"
        place = items.place.child(id_name)
        if items.id is None:
            missing = np.arange(len(items.spot.array)) if items.present is None else np.flatnonzero(items.present)
            if len(missing):
                sink.add(place, items.spot, "identity-blank", NO_ID, missing)
            return
        if items.id.null_count:
            lacking = np.asarray(items.id.is_null().to_numpy(zero_copy_only=False), dtype=bool)
            if items.present is not None:
                lacking &= items.present
            if lacking.any():
                sink.add(place, items.spot, "identity-blank", NO_ID, np.flatnonzero(lacking))
        if items.namespace is not None:
            _test_values(Spot(items.id, items.spot.rows, items.spot.labels), place, items.namespace, sink)
            return
        keys = items.spot.labels[0]
        for namespace in keys.unique().to_pylist():
            some = np.flatnonzero(np.asarray(pc.equal(keys, namespace).to_numpy(zero_copy_only=False)))
            parents = items.spot.rows
            labels = (keys.take(pa.array(some)), *(label[some] for label in items.spot.labels[1:]))
            spot = Spot(items.id.take(pa.array(some)), some if parents is None else parents[some], labels)
            _test_values(spot, place, namespace, sink)

    def _count_primaries(self, primaries: Any, items: _Items) -> None:
        if items.primary is None or not pa.types.is_boolean(items.primary.type):
            return
        marked = slots(items.primary) & valid(items.primary)
        _count(primaries, items.spot, marked if items.present is None else marked & items.present)

    def _check_primaries(self, columns: Columns, primaries: Any, sink: Sink) -> None:
        if "identity-primary" not in self._rules or not columns.size:
            return
        spot, place = Spot(pa.nulls(0)), Place((self._map_name(),))
        if self._wanted.primary is not None:
            path, namespace = self._wanted.primary
            has = np.zeros(columns.size, dtype=bool)
            for known, _, number in self._fields:
                if known == path:
                    for found in _descend(Spot(columns.array(number)), path[len(self._leaves[number].path) :]):
                        there = ~np.asarray(found.array.is_null().to_numpy(zero_copy_only=False), dtype=bool)
                        if not json_is_not_text(found.array):
                            there &= np.asarray(
                                pc.greater(pc.binary_length(plain(found.array)), 0).fill_null(False)
                                .to_numpy(zero_copy_only=False), dtype=bool,
                            )  # fmt: skip
                        has[found.rows_at(np.flatnonzero(there))] = True
            if not has.all():
                sink.add(Place(path), spot, "identity-primary", no_field(namespace), np.flatnonzero(~has))
        elif self._wanted.one_primary and primaries.min() < 1:
            sink.add(place, spot, "identity-primary", NO_PRIMARY, np.flatnonzero(primaries == 0))
        if primaries.max() > 1:
            bad = np.flatnonzero(primaries > 1)
            values = pa.array([str(number) for number in primaries[bad]])
            sink.add(place, spot, "identity-primary", TWO_PRIMARY, bad, values)

    def _items(self, columns: Columns) -> Iterator[_Items]:
        for path, numbers in self._flat.items():
            id_number, primary_number = numbers.get("id"), numbers.get("primary")
            array = columns.array(next(iter(numbers.values())))
            column = self._leaves[id_number].column if id_number is not None else None
            yield _Items(
                Spot(array), Place(path, column), str(path[1]), columns.any_of(numbers.values()),
                None if id_number is None else columns.array(id_number),
                None if primary_number is None else columns.array(primary_number),
            )  # fmt: skip
        for number in self._nested:
            leaf = self._leaves[number]
            yield from self._nested_items(Spot(columns.array(number)), Place(leaf.path, leaf.column))

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
            yield _Items(spot, place, namespace, present, id, inside.get("primary"))


def _count(counter: Any, spot: Spot, there: Any) -> None:
    if spot.rows is None:
        counter += there
    else:
        np.add.at(counter, spot.rows[there], 1)


def _descend(spot: Spot, path: Path) -> Iterator[Spot]:
    """The columns at `path` within a nested column."""
    if not path:
        yield spot
        return
    kind = spot.array.type
    if pa.types.is_struct(kind) and kind.get_field_index(str(path[0])) >= 0:
        child = spot.array.flatten()[kind.get_field_index(str(path[0]))]
        yield from _descend(Spot(child, spot.rows, spot.labels), path[1:])
    elif is_list(kind) and path[0] == EVERY:
        sizes = np.asarray(pc.list_value_length(spot.array).fill_null(0))
        parents = np.repeat(np.arange(len(sizes), dtype=np.int64), sizes)
        index = np.arange(len(parents), dtype=np.int64) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        yield from _descend(spot.below(spot.array.flatten(), parents, index), path[1:])
    elif pa.types.is_map(kind):
        keys, items, parents = map_entries(spot.array)
        yield from _descend(spot.below(items, parents, keys), path[1:])
