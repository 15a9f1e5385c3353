"""The tree of an expression: what the parser gives, and what the interpreter and the columnar evaluation walk.

Functions, operators, methods, element access and literals of arrays and objects are all calls of an entry of the table
of functions (:mod:`xdmprep.language.catalogue`).  Passes take a tree and give another one: names are bound, then
constant parts are evaluated.

Every node knows the position of its first character, so that a fault found later can still be shown in the string.
Nodes are equal, and hash alike, when they mean the same, wherever they stand.  The mapping layer adds nodes of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

from .catalogue import TABLE

#: Names of calls that are not written ``name(...)``: access to an element or a field, and literals.  An operator has
#: the name of its sign (``&&``, ``==``, ``/``...), with ``@`` behind it where it has one operand; a method ``.name``.
ELEMENT, ARRAY, MAP, CHOICE = "[]", "[,]", "{:}", "?"
#: Names of choices by what a value equals, with ``==`` or the method ``equals``.
EQUAL, EQUALS = "iif==", "iif.equals"


@dataclass(frozen=True)
class Node:
    """Anything in the tree; `position` is the 0-based offset in the string."""

    position: int = field(compare=False)

    def __getstate__(self) -> dict[str, Any]:
        """What is pickled: what the node was made of, and nothing that was derived from it."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    @cached_property
    def paths(self) -> tuple[tuple[str, ...], ...]:
        """The fields that it reads, in order: a column or variable, and the way into it if it is known."""
        return tuple(dict.fromkeys(path for child in children(self) for path in child.paths))

    @property
    def columns(self) -> tuple[str, ...]:
        """The top-level columns that it reads, in order; variables of lambdas around it are among them."""
        return tuple(dict.fromkeys(path[0] for path in self.paths))

    @cached_property
    def volatile(self) -> bool:
        """Whether it asks clock or randomness."""
        return any(child.volatile for child in children(self))

    @cached_property
    def random(self) -> bool:
        """Whether every row gets another value, so that equal rows may not be evaluated once."""
        return any(child.random for child in children(self))

    @cached_property
    def size(self) -> int:
        """How many nodes it has."""
        return 1 + sum(child.size for child in children(self))


@dataclass(frozen=True, eq=False)
class Constant(Node):
    """A literal, or a part that was evaluated beforehand.  ``1``, ``1.0`` and ``true`` differ."""

    value: Any

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Constant) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[type, str]:
        return type(self.value), repr(self.value)


@dataclass(frozen=True)
class FieldPath(Node):
    """A field of the record: ``a.b.c`` is ``("a", "b", "c")``.  `wrapped` where it was written ``${...}``."""

    names: tuple[str, ...]
    wrapped: bool = False

    @property
    def paths(self) -> tuple[tuple[str, ...], ...]:  # noqa: D102 (see the class above)
        return (self.names,)


@dataclass(frozen=True)
class Call(Node):
    """An entry of the table of functions with its arguments; `name` as written until it is bound."""

    name: str
    arguments: tuple[Node, ...]

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return hash((self.name, self.arguments))

    @cached_property
    def volatile(self) -> bool:  # noqa: D102 (see the class above)
        return TABLE[self.name].availability == "volatile" or any(each.volatile for each in self.arguments)

    @cached_property
    def random(self) -> bool:  # noqa: D102 (see the class above)
        return TABLE[self.name].random or any(each.random for each in self.arguments)


@dataclass(frozen=True)
class Lambda(Node):
    """``x -> body``."""

    parameters: tuple[str, ...]
    body: Node

    @cached_property
    def paths(self) -> tuple[tuple[str, ...], ...]:  # noqa: D102 (see the class above)
        return tuple(path for path in self.body.paths if path[0] not in self.parameters)


#: The fields of each kind of node in which other nodes are.
_BELOW: dict[type[Node], tuple[str, ...]] = {}


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly below `node`."""
    kind = type(node)
    if kind not in _BELOW:
        _BELOW[kind] = tuple(each.name for each in fields(kind) if "Node" in str(each.type))
    return tuple(part for name in _BELOW[kind] for part in _nodes_in(getattr(node, name)))


def _nodes_in(value: Any) -> Iterator[Node]:
    if isinstance(value, Node):
        yield value
    elif isinstance(value, tuple):
        for part in value:
            yield from _nodes_in(part)


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


def repeated(trees: Iterable[Node]) -> frozenset[Node]:
    """The calls that occur more than once in some trees and give the same values each time, to be evaluated once."""
    seen: Counter[Node] = Counter()

    def visit(node: Node) -> None:
        if isinstance(node, Call) and not node.random:
            seen[node] += 1
        if seen[node] < 2 and not isinstance(node, Lambda):  # lambdas are evaluated on rows of their own
            for child in children(node):
                visit(child)

    for tree in trees:
        visit(tree)
    return frozenset(node for node, count in seen.items() if count > 1)
