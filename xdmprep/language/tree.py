"""The tree of an expression: what the parser gives, and what the interpreter and the columnar compiler walk.

Every node knows the position of its first character, so that a fault found later can still be shown in the text.
Nodes are equal, and hash alike, when they mean the same, wherever they stand.  The mapping layer adds nodes of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class Node:
    """Anything in the tree; `position` is the 0-based offset in the text."""

    position: int = field(compare=False)


@dataclass(frozen=True, slots=True, eq=False)
class Constant(Node):
    """A literal, or a part that was worked out beforehand.  ``1``, ``1.0`` and ``true`` differ."""

    value: Any

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Constant) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[type, str]:
        return type(self.value), repr(self.value)


@dataclass(frozen=True, slots=True)
class FieldPath(Node):
    """A field of the record: ``a.b.c`` is ``("a", "b", "c")``.  `wrapped` where it was written ``${...}``."""

    names: tuple[str, ...]
    wrapped: bool = False


@dataclass(frozen=True, slots=True)
class Element(Node):
    """``value[key]`` and, with a constant text as key, ``value.key``."""

    value: Node
    key: Node


@dataclass(frozen=True, slots=True)
class Call(Node):
    """``name(...)``; `name` as written."""

    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Method(Node):
    """``value.name(...)``."""

    value: Node
    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Unary(Node):
    """One operand; `operator` is one of ``- + ~ ! empty size``."""

    operator: str
    operand: Node


@dataclass(frozen=True, slots=True)
class Binary(Node):
    """Two operands; `operator` in its sign form (``&&``, ``==``, ``/``...)."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Conditional(Node):
    """``condition ? yes : no``."""

    condition: Node
    yes: Node
    no: Node


@dataclass(frozen=True, slots=True)
class Lambda(Node):
    """``x -> body``."""

    parameters: tuple[str, ...]
    body: Node


@dataclass(frozen=True, slots=True)
class Array(Node):
    """``[a, b]``."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Map(Node):
    """``{key: value}``."""

    entries: tuple[tuple[Node, Node], ...]


#: The fields of each kind of node in which other nodes are.
_BELOW: dict[type[Node], tuple[str, ...]] = {}


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly below `node`."""
    found: list[Node] = []
    kind = type(node)
    if kind not in _BELOW:
        _BELOW[kind] = tuple(each.name for each in fields(kind) if "Node" in str(each.type))
    for name in _BELOW[kind]:
        value = getattr(node, name)
        for part in value if isinstance(value, tuple) else (value,):
            found += part if isinstance(part, tuple) else (part,)
    return tuple(found)


def rebuild(node: Node, parts: tuple[Node, ...]) -> Node:
    """`node` with other nodes directly below it, in the order of :func:`children`."""
    if not parts:
        return node
    left = iter(parts)

    def filled(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(filled, value))
        return next(left) if isinstance(value, Node) else value

    return type(node)(*[filled(getattr(node, name)) for name in node.__match_args__])


def walk(node: Node) -> Iterator[Node]:
    """`node` and everything below it."""
    yield node
    for child in children(node):
        yield from walk(child)
