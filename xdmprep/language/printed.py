"""Which places of the source an expression makes text of, and which it gives as they are.

A double that has lost the last digits of an id must not become text.  What an expression compares, counts or calculates
with is no text of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pyarrow as pa

from .columns import TEXT
from .functions import table
from .tree import CHOICE, ELEMENT, MAP, Call, Constant, FieldPath, Lambda, Node

#: A column and the way into it.
Place = tuple[str | int, ...]
Places = frozenset[Place]
_ARITHMETIC = frozenset({"+", "-", "*", "/", "%", "-@"})


def places_of(node: Node) -> tuple[Places, Places]:
    """The places that become text inside an expression, and those whose values it gives as they are."""
    match node:
        case FieldPath(_, names):
            return frozenset(), frozenset({tuple(names)})
        case Call(_, name, (condition, *branches)) if name in ("iif", CHOICE):
            return _passing(branches, (condition,))
        case Call(_, "decode", (key, *pairs)):
            values = [pair for i, pair in enumerate(pairs) if i % 2 or i == len(pairs) - 1]
            return _passing(values, (key, *pairs))
        case Call(_, name, (value, key)) if name == ELEMENT:
            printed, passed = _passing((value,), (key,))
            step = key.value if isinstance(key, Constant) and type(key.value) in (str, int) else None
            return printed, passed if step is None else frozenset((*place, step) for place in passed)
        case Call(_, name, entries) if name == MAP:
            return _passing(entries[1::2], entries[::2])
        case Call(_, "+", (left, right)) if _is_text(left) or _is_text(right):
            return _printing((left, right))
        case Call(_, name, arguments) if name in _ARITHMETIC:
            return _passing((), arguments)
        case Call(_, name, arguments):
            lambdas = [argument for argument in arguments if isinstance(argument, Lambda)]
            if lambdas:
                return _through_lambda(lambdas[0], [each for each in arguments if each is not lambdas[0]])
            return _of_result(table()[name].result, arguments)
    return frozenset(), frozenset()


def _of_result(kind: pa.DataType | None, arguments: Sequence[Node]) -> tuple[Places, Places]:
    """Of a function by the type of its result, which is not always known."""
    if kind is None:
        return _passing(arguments)
    inner = kind.value_type if pa.types.is_list(kind) else kind
    return _printing(arguments) if inner == TEXT or pa.types.is_map(kind) else _passing((), arguments)


def _is_text(node: Node) -> bool:
    """Whether a node gives text whatever its columns hold."""
    match node:
        case Constant(_, value):
            return isinstance(value, str)
        case Call(_, "+", (left, right)):
            return _is_text(left) or _is_text(right)
        case Call(_, name, _):
            return bool(table()[name].result == TEXT)
    return False


def _passing(parts: Iterable[Node], others: Iterable[Node] = ()) -> tuple[Places, Places]:
    """Of nodes that give the values of some of their parts as they are."""
    given = [places_of(part) for part in parts]
    rest = [places_of(part) for part in others]
    none: Places = frozenset()
    return none.union(*(some for some, _ in (*given, *rest))), none.union(*(passed for _, passed in given))


def _printing(parts: Iterable[Node]) -> tuple[Places, Places]:
    """Of nodes that make text of all their parts."""
    printed, passed = _passing(parts)
    return printed | passed, frozenset()


def _through_lambda(function: Lambda, arguments: list[Node]) -> tuple[Places, Places]:
    """Of calls with a lambda, whose parameters are elements of the arguments."""
    printed, passed = _passing(arguments)
    inside, given = places_of(function.body)
    own = set(function.parameters)
    printed |= {place for place in inside if place[0] not in own}
    if any(place[0] in own for place in inside):
        printed |= passed
    return printed, passed | {place for place in given if place[0] not in own}
