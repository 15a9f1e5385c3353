"""The tree of an expression: what the parser gives, and what the interpreter and the columnar compiler walk.

Every node knows the position of its first character, so that a fault found later can still be shown in the text.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Node:
    """Anything in the tree; `position` is the 0-based offset in the text."""

    position: int


@dataclass(frozen=True, slots=True)
class Constant(Node):
    """A literal, or a part that was worked out beforehand."""

    value: Any


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


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly below `node`."""
    match node:
        case Element(_, value, key):
            return (value, key)
        case Call(_, _, arguments):
            return arguments
        case Method(_, value, _, arguments):
            return (value, *arguments)
        case Unary(_, _, operand):
            return (operand,)
        case Binary(_, _, left, right):
            return (left, right)
        case Conditional(_, condition, yes, no):
            return (condition, yes, no)
        case Lambda(_, _, body):
            return (body,)
        case Array(_, items):
            return items
        case Map(_, entries):
            return tuple(part for entry in entries for part in entry)
        case _:
            return ()


def rebuild(node: Node, parts: tuple[Node, ...]) -> Node:
    """`node` with other nodes directly below it, in the order of :func:`children`."""
    at = node.position
    match node:
        case Element():
            return Element(at, parts[0], parts[1])
        case Call(_, name, _):
            return Call(at, name, parts)
        case Method(_, _, name, _):
            return Method(at, parts[0], name, parts[1:])
        case Unary(_, operator, _):
            return Unary(at, operator, parts[0])
        case Binary(_, operator, _, _):
            return Binary(at, operator, parts[0], parts[1])
        case Conditional():
            return Conditional(at, parts[0], parts[1], parts[2])
        case Lambda(_, parameters, _):
            return Lambda(at, parameters, parts[0])
        case Array():
            return Array(at, parts)
        case Map():
            return Map(at, tuple(zip(parts[::2], parts[1::2], strict=True)))
        case _:
            return node


def walk(node: Node) -> Iterator[Node]:
    """`node` and everything below it."""
    yield node
    for child in children(node):
        yield from walk(child)
