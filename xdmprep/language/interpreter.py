"""The reference: one expression on one record.

A tree is compiled once to nested Python functions, each of which takes the :class:`Scope` of a row.  Kernels must give
what this gives, and rows that a kernel leaves open are evaluated here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from .catalogue import Context, Function
from .functions import table
from .functions.operators import step_into
from .tree import Call, Constant, FieldPath, Lambda, Node
from .values import Failed, incoming


class Scope:
    """One row: its record, the variables of the lambdas around, and the context."""

    __slots__ = ("context", "record", "variables")

    def __init__(self, record: Mapping[str, Any], context: Context, variables: Mapping[str, Any] | None = None) -> None:
        self.record, self.context, self.variables = record, context, variables


Evaluator = Callable[[Scope], Any]


def compile_node(node: Node, variables: frozenset[str] = frozenset()) -> Evaluator:
    """The function that evaluates `node`; `variables` are the names of the lambdas around."""
    match node:
        case Constant(_, value):
            return lambda scope: value
        case FieldPath(_, names, _):
            return _field(names, variables)
        case Call(_, "contains_key", (path,)):
            return _contains(path)
        case Call(_, name, arguments):
            return _call(table()[name], arguments, variables)
        case Lambda(_, parameters, body):
            return _lambda(parameters, compile_node(body, variables | set(parameters)))
    raise TypeError(node)


def _field(names: tuple[str, ...], variables: frozenset[str]) -> Evaluator:
    name = names[0]
    local = name in variables
    if len(names) == 1 and not local:
        return lambda scope: incoming(scope.record.get(name))

    def path(scope: Scope) -> Any:
        value, steps = (scope.variables, names) if local else _begun(scope, names)
        for step in steps:
            value = step_into(value, step)
        return incoming(value)

    return path


def _begun(scope: Scope, names: tuple[str, ...]) -> tuple[Any, tuple[str, ...]]:
    """The column whose name is several of the names with dots between them, or the record; and the other names."""
    if scope.context.options.dotted_columns:
        for n in range(len(names), 1, -1):
            whole = ".".join(names[:n])
            if whole in scope.record:
                return scope.record[whole], names[n:]
    return scope.record, names


def _contains(path: Node) -> Evaluator:
    """Whether there is a value at the path; nothing on the way is a fault."""
    steps: list[str | int] = []
    while isinstance(path, Call):
        path, key = path.arguments
        assert isinstance(key, Constant)  # noqa: S101  (the binder made it)
        steps.append(key.value)
    if not isinstance(path, FieldPath):  # a column that the source does not have
        return lambda scope: False
    names, further = path.names, steps[::-1]

    def contains(scope: Scope) -> bool:
        value, rest = _begun(scope, names)
        for step in (*rest, *further):
            if isinstance(value, Mapping) and str(step) in value:
                value = value[str(step)]
            elif isinstance(value, list) and isinstance(step, int) and step < len(value):
                value = value[step]
            else:
                return False
        return incoming(value) is not None or scope.context.options.null_keys == "present"

    return contains


def _call(entry: Function, arguments: tuple[Node, ...], variables: frozenset[str]) -> Evaluator:
    run = entry.run
    assert run is not None  # noqa: S101  (check() refuses functions without one)
    parts = [compile_node(argument, variables) for argument in arguments]
    if entry.lazy:

        def lazy(scope: Scope) -> Any:
            return run(scope.context, *[lambda part=part: part(scope) for part in parts])

        return lazy
    if len(parts) == 1:
        only = parts[0]
        return lambda scope: run(scope.context, only(scope))
    if len(parts) == 2:
        first, second = parts
        return lambda scope: run(scope.context, first(scope), second(scope))
    return lambda scope: run(scope.context, *[part(scope) for part in parts])


def _lambda(parameters: tuple[str, ...], body: Evaluator) -> Evaluator:
    def bind(scope: Scope) -> Callable[..., Any]:
        outer = scope.variables or {}

        def call(*given: Any) -> Any:
            bound = dict(zip(parameters, given, strict=False))
            return body(Scope(scope.record, scope.context, {**outer, **dict.fromkeys(parameters), **bound}))

        return call

    return bind


@lru_cache(maxsize=256)
def row_function(node: Node) -> Callable[..., Any]:
    """`node` as a function of a context and the values of its columns, in their order."""
    evaluator, names = compile_node(node), node.columns
    return lambda context, *given: run(evaluator, Scope(dict(zip(names, given, strict=True)), context))


def run(evaluator: Evaluator, scope: Scope) -> Any:
    """The value of one row. Raises Failed: with the reason."""
    try:
        return evaluator(scope)
    except (RecursionError, OverflowError, MemoryError) as error:
        raise Failed(reason_of(error)) from None


def reason_of(error: Exception) -> str:
    """What an error that is none of the language's says of a value."""
    if isinstance(error, RecursionError):
        return "the data are nested too deeply"
    return str(error) or "the result is too large"
