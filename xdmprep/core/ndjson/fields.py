"""What records are seen to hold, place by place: learned from some of them, never from a schema.

From it comes the tree of columns (:class:`JsonNode`) that lines are parsed along, for one of two purposes.  To *check*
records, a column holds values of one kind exactly as they are, and lines that fit no column are read one by one.  To
*map* records, a column takes every value found at its path:

========================================  ==================================================================
kinds of values seen in one place         column
========================================  ==================================================================
text, booleans, integers of 64 bits       string, bool, int64
numbers with a point or an exponent       double
integers or digits that no double has     string: each number as it is written, marked as :data:`NUMERAL`
among them, integers beyond 64 bits
objects                                   struct; a map where keys are too many and too unlike for fields
arrays                                    list
objects or arrays, and rarely others      the same; the others do not fit
anything else                             string: texts as they are, other values as JSON
nothing                                   the same, marked as :data:`UNSEEN`
========================================  ==================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

import pyarrow as pa

from ...kernels.json_columns import (
    ANY,
    ARRAY,
    BOOLEAN,
    INTEGER,
    MAP,
    NUMBER,
    NUMBER_TEXT,
    NUMERAL,
    OBJECT,
    TEXT,
    UNKNOWN,
    UNSEEN,
    JsonNode,
)
from ..paths import EVERY, Path, format_path

#: An object with more keys than this, of which a record has less than one in :data:`SPARSE`, is a map.
MAP_KEYS = 64
SPARSE = 8
#: An object with more keys is a map even where the kinds of its values differ.
MOST_FIELDS = 2_000
#: Doubles hold all integers up to this one.
EXACT_DOUBLES = 1 << 53
#: Places with values of different types that a message names.
MAX_NOTES = 5
#: Values that are no objects (or arrays) among those that are, in less than one of this many records, do not fit.
SELDOM = 20


_TEXT = JsonNode(TEXT)


class Seen:
    """What was seen in one place.

    Attributes:
        kinds: ``text``, ``integer``, ``long`` (an integer beyond 2^53), ``big`` (one beyond 64 bits), ``number``,
            ``digits`` (a number with digits that no double has), ``boolean``, ``object``, ``array``, in the order
            in which they came, and how many of each.
        inside: the keys of objects.
        items: the elements of arrays.
        objects, keys: how many objects, and how many keys they had together.
        empty: whether one of them had none.
    """

    __slots__ = ("empty", "inside", "items", "keys", "kinds", "objects")

    def __init__(self) -> None:
        self.kinds: dict[str, int] = {}
        self.inside: dict[str, Seen] = {}
        self.items: Seen | None = None
        self.objects = self.keys = 0
        self.empty = False

    def learn(self, value: Any) -> None:
        """Take in a value."""
        if value is None:
            return
        kind = kind_of(value)
        self.kinds[kind] = self.kinds.get(kind, 0) + 1
        if kind == "object":
            self.objects += 1
            self.keys += len(value)
            self.empty |= not value
            for name, inner in value.items():
                self.inside.setdefault(name, Seen()).learn(inner)
        elif kind == "array":
            self.items = self.items or Seen()
            for inner in value:
                self.items.learn(inner)

    def add(self, other: Seen) -> None:
        """Take in what was seen elsewhere."""
        for kind, count in other.kinds.items():
            self.kinds[kind] = self.kinds.get(kind, 0) + count
        self.objects += other.objects
        self.keys += other.keys
        self.empty |= other.empty
        for name, inner in other.inside.items():
            self.inside.setdefault(name, Seen()).add(inner)
        if other.items is not None:
            self.items = self.items or Seen()
            self.items.add(other.items)

    def record_to_check(self) -> JsonNode:
        """The tree of columns that hold records as they are; of several kinds in one place the first."""
        return self._object(Seen._to_check, False)

    def _to_check(self) -> JsonNode:
        kind = next(iter(self.kinds), "")
        if kind in _NUMBERS:
            return JsonNode(NUMBER if "number" in self.kinds else INTEGER)
        return self._node(kind, Seen._to_check)

    def record_to_learn(self) -> JsonNode:
        """The tree of columns for records in which nothing new is to be seen."""
        return self._object(partial(Seen._to_map, records=None), False)

    def record_to_map(self, records: int) -> JsonNode:
        """The tree of columns that take what stands in their places, seen in this many records."""
        return self._object(partial(Seen._to_map, records=records), False)

    def _to_map(self, records: int | None) -> JsonNode:
        if not self.kinds:
            return JsonNode(UNKNOWN) if records is None else JsonNode(ANY, unseen=True)
        kind = next(iter(self.kinds))
        if not _is_alike(self.kinds) or kind in ("big", "digits"):
            if self.kinds.keys() <= _NUMBERS:
                return JsonNode(NUMBER_TEXT)
            kind = "object" if "object" in self.kinds else "array"
            others = sum(self.kinds.values()) - self.kinds.get(kind, 0)
            if kind not in self.kinds or (records is not None and others * SELDOM > records):
                return JsonNode(ANY)
        return self._node(kind, partial(Seen._to_map, records=records))

    def unlike(self, path: Path = ()) -> Iterator[str]:
        """The places whose values no column but text holds as they are, each with the kinds of its values."""
        kinds = {"number" if kind == "digits" else kind: None for kind in self.kinds}
        if "big" in kinds or not (_is_alike(kinds) or kinds.keys() == {"integer", "number"}):
            yield unlike_text(path, [_PLURALS[kind] for kind in kinds])
            return
        if self.items is not None:
            yield from self.items.unlike((*path, EVERY))
        if path and self._map_values(lambda _: _TEXT) is not None:
            yield from joined(self.inside.values()).unlike((*path, EVERY))
            return
        for name, seen in self.inside.items():
            yield from seen.unlike((*path, name))

    def _node(self, kind: str, to: Callable[[Seen], JsonNode]) -> JsonNode:
        if kind == "object":
            values = self._map_values(to)
            if values is not None:
                return JsonNode(MAP, (), (_TEXT, values))
            return self._object(to, self.empty)
        if kind == "array":
            items = self.items or Seen()
            return JsonNode(ARRAY, (), (to(items),))
        return JsonNode(_KINDS.get(kind, UNKNOWN))

    def _object(self, to: Callable[[Seen], JsonNode], whole: bool) -> JsonNode:
        inside = {name: to(seen) for name, seen in self.inside.items()}
        return JsonNode(OBJECT, tuple(inside), tuple(inside.values()), whole)

    def _map_values(self, to: Callable[[Seen], JsonNode]) -> JsonNode | None:
        """The values of a map, if the object is one."""
        if not is_map(len(self.inside), self.objects, self.keys):
            return None
        values = joined(self.inside.values())
        if not (_is_alike(values.kinds) or values.kinds.keys() <= _NUMBERS) and len(self.inside) <= MOST_FIELDS:
            return None
        return to(values)


def _is_alike(kinds: dict[str, Any]) -> bool:
    """Whether all values are of one kind, or integers of 64 bits."""
    return len(kinds) <= 1 or kinds.keys() == {"integer", "long"}


def is_map(names: int, objects: int, keys: int) -> bool:
    """Whether objects with this many different names and keys are maps."""
    return names > MAP_KEYS and keys * SPARSE <= objects * names


_NUMBERS = {"integer", "long", "big", "number", "digits"}

_KINDS = {"text": TEXT, "integer": INTEGER, "long": INTEGER, "number": NUMBER, "boolean": BOOLEAN}


_PLURALS = {
    "text": "strings", "integer": "integers", "long": "integers beyond 2^53", "big": "integers beyond 64 bits",
    "number": "doubles", "boolean": "booleans", "object": "objects", "array": "arrays",
}  # fmt: skip


def unlike_text(path: Path, kinds: Sequence[str], row: int = 0) -> str:
    """A place whose values differ in type, and the first row (0 if unknown) that shows it, as a message has it."""
    seen = kinds[0] if len(kinds) == 1 else f"{', '.join(kinds[:-1])} and {kinds[-1]}"
    return f"'{format_path(path)}' holds {seen}{f' (row {row:,})' if row else ''}"


def joined(some: Iterable[Seen]) -> Seen:
    """What was seen in several places together."""
    made = Seen()
    for one in some:
        made.add(one)
    return made


def kind_of(value: Any) -> str:
    """The kind of a JSON value other than null."""
    if isinstance(value, str):
        return "text"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        if abs(value) <= EXACT_DOUBLES:
            return "integer"
        return "long" if -(2**63) <= value < 2**63 else "big"
    if isinstance(value, float | Decimal):
        return "number" if type(value) is float else "digits"
    return "object" if isinstance(value, dict) else "array"


def is_numeral(field: pa.Field) -> bool:
    """Whether a text field holds numbers as they are written."""
    return bool(field.metadata and NUMERAL.items() <= field.metadata.items())


def is_unseen(field: pa.Field) -> bool:
    """Whether nothing is known of a text field's values, which may be JSON of any kind."""
    return bool(field.metadata and UNSEEN.items() <= field.metadata.items())


def has_numerals(fields: Iterable[pa.Field]) -> bool:
    """Whether any of some fields, or one inside of them, holds numbers as they are written."""
    return any(
        is_numeral(field) or has_numerals(field.type.field(number) for number in range(field.type.num_fields))
        for field in fields
    )
