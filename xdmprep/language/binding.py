"""Checks a tree against the catalogue and the source's columns, and settles what depends on them."""

from __future__ import annotations

from importlib.util import find_spec
from itertools import takewhile

import pyarrow as pa

from ..core.names import column_advice
from ..errors import ExpressionError, MissingDependencyError, did_you_mean
from .catalogue import Function
from .functions import catalogue, table
from .grammar import split_name
from .options import Options
from .tree import ELEMENT, Call, Constant, FieldPath, Lambda, Node

_PAIRS = frozenset({"to_object", "to_map", "arrays_to_objects"})


def bind(node: Node, text: str, schema: pa.Schema | None, options: Options) -> Node:
    """`node` with every name settled.

    Calls get the name of the catalogue entry (aliases resolved); ``contains_key("a.b")`` gets the field it asks for;
    the bare field name in ``object_to_map(array, field)`` is kept beside its value.

    Args:
        node: the tree of the expression.
        text: the whole expression, for messages.
        schema: the source's columns; None where they are not known.
        options: of the mapping set; say whether names of columns may have dots.

    Returns:
        The tree with the names settled.

    Raises:
        ExpressionError: unknown function, method or column, wrong number of arguments, function not available.
        MissingDependencyError: the function needs an optional package.
    """
    return _Binder(text, schema, options).bind(node, frozenset())


class _Binder:
    def __init__(self, text: str, schema: pa.Schema | None, options: Options) -> None:
        self.text, self.options = text, options
        self.schema = schema

    def _has(self, name: str) -> bool:
        return self.schema is not None and self.schema.get_field_index(name) >= 0

    def _fault(self, message: str, node: Node) -> ExpressionError:
        return ExpressionError(message, self.text, node.position)

    def bind(self, node: Node, variables: frozenset[str]) -> Node:
        if isinstance(node, FieldPath) and node.names[0] not in variables:
            return self._field(node)
        if isinstance(node, Call):
            return self._call(node, variables)
        if isinstance(node, Lambda):
            known = [each.signature for each in catalogue() if each.lambda_at is not None]
            raise self._fault(f"A lambda is no value; it stands in {' and '.join(known)} only", node)
        return node

    def _field(self, node: FieldPath) -> FieldPath:
        """The field, with a name that is a dotted column joined to one."""
        if self.schema is None:
            return node
        if self.options.dotted_columns:
            for n in range(len(node.names), 1, -1):
                whole = ".".join(node.names[:n])
                if self._has(whole):
                    return FieldPath(node.position, (whole, *node.names[n:]), node.wrapped)
        name = node.names[0]
        if not self._has(name):
            if not name:
                raise self._fault("A path begins with the name of a column", node)
            whole = ".".join(node.names) if len(node.names) > 1 else name
            raise self._fault(f"The source has no column {name!r}.{column_advice(whole, self.schema)}", node)
        return node

    def _call(self, node: Call, variables: frozenset[str]) -> Node:
        entry = self._entry(node)
        arguments = node.arguments
        n = len(arguments)
        if n < entry.fewest or (entry.most is not None and n > entry.most):
            message = f"{node.name!r} is written {entry.signature}; it has {n} argument{'s' * (n != 1)} here"
            if entry.category == "method":
                takes = " or ".join(str(m - 1) for m in range(entry.fewest, (entry.most or 0) + 1))
                message = f"The method {node.name[1:]!r} takes {takes} arguments, not {n - 1}"
            raise self._fault(message, node)
        if entry.name in _PAIRS and n % 2:
            raise self._fault(f"{node.name!r} takes keys and values in turn; one is missing", node)
        if entry.name == "contains_key":
            return Call(node.position, entry.name, (self._path(node),))
        key = arguments[1] if entry.name == "object_to_map" and n == 2 else None
        if isinstance(key, FieldPath) and len(key.names) == 1:
            return self._keyed(node, key, variables)
        bound = [
            Lambda(each.position, each.parameters, self.bind(each.body, variables | set(each.parameters)))
            if isinstance(each, Lambda) and place == entry.lambda_at
            else self.bind(each, variables)
            for place, each in enumerate(arguments)
        ]
        return Call(node.position, entry.name, tuple(bound))

    def _entry(self, node: Call) -> Function:
        entry = table().get(node.name)
        if entry is None:
            what, name = ("method", node.name[1:]) if node.name.startswith(".") else ("function", node.name)
            known = [word for word, entry in table().items() if entry.availability != "no"]
            known = (
                [word[1:] for word in known if word[0] == "."]
                if what == "method"
                else list(filter(str.isidentifier, known))
            )
            near = did_you_mean(name, known) or " 'xdmprep mapping functions' lists the functions."
            if what == "method" and name in table():
                near = f" It is a function: write {table()[name].signature}."
            raise self._fault(f"There is no {what} {name!r}.{near}", node)
        if entry.availability == "no":
            raise self._fault(f"The function {node.name!r} is not available here: {entry.reason}", node)
        if entry.package and find_spec(entry.package) is None:
            raise MissingDependencyError(f"The function {node.name!r}", entry.package)
        return entry

    def _path(self, node: Call) -> Node:
        """The field that contains_key asks for; an unknown column is no fault, but absent."""
        path = node.arguments[0]
        if not isinstance(path, Constant) or not isinstance(path.value, str) or not path.value:
            message = f'{node.name!r} takes its path as a string literal, such as {node.name}("address.street")'
            raise self._fault(message, node)
        steps = split_name(path.value)
        names = list(takewhile(lambda step: isinstance(step, str), steps))
        try:
            field: Node = self._field(FieldPath(path.position, tuple(map(str, names)), True))
        except ExpressionError:
            return Constant(path.position, None)
        for step in steps[len(names) :]:
            field = Call(path.position, ELEMENT, (field, Constant(path.position, step)))
        return field

    def _keyed(self, node: Call, name: FieldPath, variables: frozenset[str]) -> Node:
        """``object_to_map(array, field)``: a third argument says the field's name."""
        value = self.bind(node.arguments[0], variables)
        key: Node = Constant(name.position, None)
        if self.schema is None or self._has(name.names[0]) or name.names[0] in variables:
            key = self.bind(name, variables)
        return Call(node.position, "object_to_map", (value, key, Constant(name.position, name.names[0])))
