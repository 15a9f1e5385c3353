"""How the records of a file are laid out: which keys in which order, what stands there, and how they are spaced.

Records of one file come from one writer: their keys stand in one order, most of them in most records.  A
:class:`Layout` is learned from some lines and says how all of them go: a list of steps, each of which a line may
take or leave out (:mod:`.follow` takes them for all lines together).  It is learned from the data alone, never
from the schema they are checked against, so that nothing can be taken for what it is not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from ..paths import Path

#: A layout has at most so many values, arrays so many elements, and nothing lies deeper than so many levels.
MAX_VALUES = 400
MAX_ITEMS = 24
MAX_DEPTH = 16

Kind = Literal["text", "integer", "number", "boolean", "object", "array", ""]


@dataclass
class Place:
    """What is known of one place in the records.

    Attributes:
        kind: what stands there; empty where only ``null`` did.
        nulls: whether it is ``null`` in some records.
        fields: the fields of an object, in their order.
        items: the elements of an array.
        follows: names of fields that stood right before others in some record.
    """

    kind: Kind = ""
    nulls: bool = False
    fields: dict[str, Place] = field(default_factory=dict)
    items: list[Place] = field(default_factory=list)
    follows: set[tuple[str, str]] = field(default_factory=set)

    def copy(self) -> Place:
        """The same, to be changed."""
        fields = {name: known.copy() for name, known in self.fields.items()}
        return Place(self.kind, self.nulls, fields, [known.copy() for known in self.items], set(self.follows))

    def size(self) -> int:
        """How many values there can be."""
        below = [*self.fields.values(), *self.items]
        return sum(known.size() for known in below) if below else 1

    def learn(self, value: Any, depth: int = 0) -> bool:
        """Take in a value; whether it said anything new.  Of two kinds in one place, the first stays."""
        if depth > MAX_DEPTH:
            return False
        kind = kind_of(value)
        if not kind:
            new, self.nulls = not self.nulls, True
            return new
        new = not self.kind or (self.kind == "integer" and kind == "number")
        if new:
            self.kind = kind
        if self.kind == "object" == kind:
            new |= self._learn_fields(value, depth)
        elif self.kind == "array" == kind:
            for number, inner in enumerate(value[:MAX_ITEMS]):
                if number == len(self.items):
                    self.items.append(Place())
                    new = True
                new |= self.items[number].learn(inner, depth + 1)
        return new

    def _learn_fields(self, value: dict[str, Any], depth: int) -> bool:
        new = False
        before: str | None = None
        for name, inner in value.items():
            if json.dumps(name, ensure_ascii=False) != f'"{name}"':
                continue  # such keys have several spellings
            if name not in self.fields:
                self._insert(name, before)
                new = True
            new |= self.fields[name].learn(inner, depth + 1)
            if before is not None and (before, name) not in self.follows:
                self.follows.add((before, name))
                new |= self._arrange(before, name)
            before = name
        return new

    def _insert(self, name: str, before: str | None) -> None:
        """Put a new field behind another, or first."""
        names = list(self.fields)
        names.insert(0 if before is None else names.index(before) + 1, name)
        self.fields[name] = Place()
        self.fields = {known: self.fields[known] for known in names}

    def _arrange(self, before: str, name: str) -> bool:
        """Bring the fields into an order that all records agree on, if there is one; whether anything moved."""
        names = list(self.fields)
        if names.index(before) < names.index(name):
            return False
        after: dict[str, int] = dict.fromkeys(names, 0)
        for _, later in self.follows:
            after[later] += 1
        order: list[str] = []
        while len(order) < len(names):
            free = next((known for known in names if known not in order and not after[known]), None)
            if free is None:
                return False  # the records differ in their order
            order.append(free)
            for earlier, later in self.follows:
                after[later] -= earlier == free
        self.fields = {known: self.fields[known] for known in order}
        return True


def kind_of(value: Any) -> Kind:
    """Which kind of JSON value it is; empty for null."""
    match value:
        case bool():
            return "boolean"
        case str():
            return "text"
        case int():
            return "integer"
        case float():
            return "number"
        case dict():
            return "object"
        case list():
            return "array"
    return ""


@dataclass(frozen=True)
class Step:
    """One key of the records, or one element of an array; or the end of an object or array.

    Attributes:
        what: ``open`` an object or array, ``close`` it, a ``value``, or an ``empty`` object or array.
        text: the bytes from the separator before the key to the value (its bracket or opening quote included).  The
            separator is written as a comma; for what comes first it is the bracket of what it stands in.
        bracket: of what is opened or closed.
        parent: number of the object or array it stands in (0: the record); for ``open`` and ``close`` `own` is theirs.
        leaf: index of the value's leaf.
        kind: of the value.
        nulls: whether it may be null.
        named: whether it has a key; elements of an array have none.
        later: whether it is an element of an array and not the first.
    """

    what: Literal["open", "close", "value", "empty"]
    text: bytes = b""
    bracket: bytes = b""
    parent: int = 0
    own: int = 0
    leaf: int = -1
    kind: Kind = ""
    nulls: bool = False
    named: bool = False
    later: bool = False

    @cached_property
    def null(self) -> bytes:
        """The bytes up to the end of a null in place of the value."""
        return (self.text[:-1] if self.kind == "text" else self.text) + b"null"

    @cached_property
    def room(self) -> int:
        """How many bytes are compared with those of the step."""
        return max(len(self.text) + 5 * (self.kind == "boolean"), len(self.null) * self.nulls)


class Layout:
    """A place that is the record, as steps.

    Args:
        root: what is known of the records; not changed any more.
        comma, colon: how they are written, blanks included.
    """

    def __init__(self, root: Place, comma: bytes = b",", colon: bytes = b":") -> None:
        self.root, self.comma, self.colon = root, comma, colon
        self.used = 0

    @classmethod
    def of(cls, lines: Iterable[bytes], read: Any, known: Layout | None = None) -> Layout | None:
        """The layout of some lines, or a known one that has taken them in; None if there is nothing new in them."""
        root = Place("object") if known is None else known.root.copy()
        spacing = (known.comma, known.colon) if known is not None else None
        new = False
        for line in lines:
            try:
                value = read(line)
            except ValueError:  # what is wrong with the line is told where it is read for good
                continue
            if spacing is None:
                spacing = _spacing(line)
            if root.size() < MAX_VALUES:
                new |= root.learn(value)
        return cls(root, *spacing) if new and spacing is not None and root.size() < 2 * MAX_VALUES else None

    @cached_property
    def leaves(self) -> tuple[tuple[Path, Kind], ...]:
        """Where the values stand, and their kinds."""
        return tuple(self._made[1])

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The way through a record, without its own brackets."""
        return tuple(self._made[0])

    @cached_property
    def runs(self) -> list[int]:
        """For each step how many may be taken at once from it on: objects and arrays that open, and the first value.

        What turns out not to go together is made shorter.  Threads may overwrite each other: it costs time only.
        """
        counts: list[int] = []
        for step in reversed(self.steps):
            behind = counts[-1] if counts else 0
            ends_run = step.what == "value" and step.kind in ("text", "integer", "number") and not step.nulls
            counts.append(behind + 1 if step.what == "open" else int(ends_run))
        return counts[::-1]

    @cached_property
    def _made(self) -> tuple[list[Step], list[tuple[Path, Kind]]]:
        steps: list[Step] = []
        leaves: list[tuple[Path, Kind]] = []
        opened = 0

        def within(place: Place, path: Path, parent: int) -> None:
            for name, inner in place.fields.items():
                add(inner, (*path, name), b',"%s"%s' % (name.encode(), self.colon), parent, True, False)
            for number, inner in enumerate(place.items):
                add(inner, (*path, number), b",", parent, False, number > 0)

        def add(inner: Place, path: Path, text: bytes, parent: int, named: bool, later: bool) -> None:
            nonlocal opened
            leaf, own = len(leaves), 0
            if inner.kind in ("object", "array"):
                left, right = (b"{", b"}") if inner.kind == "object" else (b"[", b"]")
                if inner.fields or inner.items:
                    own = opened = opened + 1
                    steps.append(Step("open", text + left, left, parent, own, named=named, later=later))
                    within(inner, path, own)
                    steps.append(Step("close", b"", right, parent, own))
                    return
                steps.append(Step("empty", text + left + right, b"", parent, 0, leaf, inner.kind, False, named, later))
            else:
                text += b'"' if inner.kind == "text" else b""
                steps.append(Step("value", text, b"", parent, 0, leaf, inner.kind, inner.nulls, named, later))
            leaves.append((path, inner.kind))

        within(self.root, (), 0)
        return steps, leaves


def _spacing(line: bytes) -> tuple[bytes, bytes]:
    """How a line writes commas and colons; a line that does it now so, now so, will not follow its own layout."""
    colon = re.match(rb'\{"(?:[^"\\]|\\.)*"(: ?)', line)
    return b", " if line.count(b'", "') > line.count(b'","') else b",", colon[1] if colon else b":"
