"""Which places of the source an expression makes text of, and which it gives as they are.

A double that has lost the last digits of an id must not become text.  What an expression compares, counts or calculates
with does not become text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pyarrow as pa

from .columns import NUMBERS, NUMERAL, TEXT
from .evaluation import Types
from .functions import table
from .tree import ELEMENT, EQUAL, EQUALS, MAP, Call, Constant, FieldPath, Lambda, Node

#: A column and the way into it.
Place = tuple[str | int, ...]
Places = frozenset[Place]
_ARITHMETIC = frozenset({"+", "-", "*", "/", "%", "-@"})


def places_of(tree: Node, types: Types) -> tuple[Places, Places]:
    """The places that become text inside a folded tree, and those whose values it gives as they are."""
    return _Tracer(types).of(tree)


class _Tracer:
    def __init__(self, types: Types) -> None:
        self.types = types

    def of(self, node: Node) -> tuple[Places, Places]:
        """As :func:`places_of`."""
        match node:
            case FieldPath(_, names):
                return frozenset(), frozenset({tuple(names)})
            case Call(_, "iif", cases):
                return self._passing((*cases[1::2], cases[-1]), cases[:-1:2])
            case Call(_, name, (key, *pairs)) if name in ("decode", EQUAL, EQUALS):
                values = [pair for i, pair in enumerate(pairs) if i % 2 or i == len(pairs) - 1]
                return self._passing(values, (key, *pairs))
            case Call(_, name, (value, key)) if name == ELEMENT:
                printed, passed = self._passing((value,), (key,))
                step = key.value if isinstance(key, Constant) and type(key.value) in (str, int) else None
                return printed, passed if step is None else frozenset((*place, step) for place in passed)
            case Call(_, name, entries) if name == MAP:
                return self._passing(entries[1::2], entries[::2])
            case Call(_, "+", parts) if self.types.get(node) not in (*NUMBERS, NUMERAL):  # text, in some rows at least
                return self._printing(parts)
            case Call(_, name, arguments) if name in _ARITHMETIC:
                return self._passing((), arguments)
            case Call(_, name, arguments):
                lambdas = [argument for argument in arguments if isinstance(argument, Lambda)]
                if lambdas:
                    return self._through_lambda(lambdas[0], [each for each in arguments if each is not lambdas[0]])
                return self._of_function(table()[name].result, arguments)
        return frozenset(), frozenset()

    def _of_function(self, result: pa.DataType | None, arguments: Sequence[Node]) -> tuple[Places, Places]:
        """Of a function by the type of its results; one without may give its arguments as they are."""
        if result is None:
            return self._passing(arguments)
        inner = result.value_type if pa.types.is_list(result) else result
        return self._printing(arguments) if inner == TEXT or pa.types.is_map(result) else self._passing((), arguments)

    def _passing(self, parts: Iterable[Node], others: Iterable[Node] = ()) -> tuple[Places, Places]:
        """Of nodes that give the values of some of their parts as they are."""
        given, rest = list(map(self.of, parts)), list(map(self.of, others))
        none: Places = frozenset()
        return none.union(*(some for some, _ in (*given, *rest))), none.union(*(passed for _, passed in given))

    def _printing(self, parts: Iterable[Node]) -> tuple[Places, Places]:
        """Of nodes that make text of all their parts."""
        printed, passed = self._passing(parts)
        return printed | passed, frozenset()

    def _through_lambda(self, function: Lambda, arguments: list[Node]) -> tuple[Places, Places]:
        """Of calls with a lambda, whose parameters are elements of the arguments."""
        printed, passed = self._passing(arguments)
        inside, given = self.of(function.body)
        own = set(function.parameters)
        printed |= {place for place in inside if place[0] not in own}
        if any(place[0] in own for place in inside):
            printed |= passed
        return printed, passed | {place for place in given if place[0] not in own}
