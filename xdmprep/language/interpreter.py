"""The reference: one expression on one record.

A tree becomes nested Python functions once; each takes the :class:`Scope` of a row.  Whatever the columnar kernels do
must equal what this does, and rows that a kernel leaves open come here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from . import matching, values
from .catalogue import Context, Function
from .functions import table
from .methods import call_method
from .options import Options
from .tree import Array, Binary, Call, Conditional, Constant, Element, FieldPath, Lambda, Map, Method, Node, Unary
from .values import Failed, incoming, truth


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
        case Element(_, value, key):
            return _element(compile_node(value, variables), compile_node(key, variables))
        case Call(_, "contains_key", (path,)):
            return _contains(path)
        case Call(_, name, arguments):
            return _call(table()[name], arguments, variables)
        case Method(_, value, name, arguments):
            target = compile_node(value, variables)
            parts = [compile_node(argument, variables) for argument in arguments]
            return lambda scope: call_method(name, target(scope), [part(scope) for part in parts])
        case Unary(_, operator, operand):
            return _unary(operator, compile_node(operand, variables))
        case Binary(_, operator, left, right):
            return _binary(operator, compile_node(left, variables), compile_node(right, variables))
        case Conditional(_, condition, yes, no):
            test, first, second = (compile_node(part, variables) for part in (condition, yes, no))
            return lambda scope: first(scope) if truth(test(scope), scope.context.options) else second(scope)
        case Lambda(_, parameters, body):
            return _lambda(parameters, compile_node(body, variables | set(parameters)))
        case Array(_, items):
            parts = [compile_node(item, variables) for item in items]
            return lambda scope: [part(scope) for part in parts]
        case Map(_, entries):
            pairs = [(compile_node(key, variables), compile_node(value, variables)) for key, value in entries]
            return lambda scope: {values.text_of(key(scope)): value(scope) for key, value in pairs}
    raise TypeError(node)


def _field(names: tuple[str, ...], variables: frozenset[str]) -> Evaluator:
    name, rest = names[0], names[1:]
    if name in variables:

        def variable(scope: Scope) -> Any:
            assert scope.variables is not None  # noqa: S101  (the compiler saw the lambda)
            value = scope.variables[name]
            for step in rest:
                value = step_into(value, step)
            return incoming(value)

        return variable
    if not rest:
        return lambda scope: incoming(scope.record.get(name))

    def path(scope: Scope) -> Any:
        value: Any = scope.record
        steps: Sequence[str] = names
        if scope.context.options.dotted_columns and isinstance(value, Mapping):
            for n in range(len(names), 1, -1):
                whole = ".".join(names[:n])
                if whole in value:
                    value, steps = value[whole], names[n:]
                    break
        for step in steps:
            value = step_into(value, step)
        return incoming(value)

    return path


def _contains(path: Node) -> Evaluator:
    """Whether there is a value at the path; nothing on the way is a fault."""
    steps: list[str | int] = []
    while isinstance(path, Element):
        assert isinstance(path.key, Constant)  # noqa: S101  (the binder made it)
        steps.append(path.key.value)
        path = path.value
    if not isinstance(path, FieldPath):  # a column that the source does not have
        return lambda scope: False
    names = (*path.names, *reversed(steps))

    def contains(scope: Scope) -> bool:
        value: Any = scope.record
        rest: tuple[str | int, ...] = names
        whole = next((n for n in range(len(path.names), 1, -1) if ".".join(path.names[:n]) in scope.record), 0)
        if whole and scope.context.options.dotted_columns:
            value, rest = scope.record[".".join(path.names[:whole])], names[whole:]
        for step in rest:
            if isinstance(value, Mapping) and str(step) in value:
                value = value[str(step)]
            elif isinstance(value, list) and isinstance(step, int) and step < len(value):
                value = value[step]
            else:
                return False
        return incoming(value) is not None or scope.context.options.null_keys == "present"

    return contains


def step_into(value: Any, key: Any) -> Any:
    """``value.key`` or ``value[key]``; null where there is nothing. Raises Failed: `value` has no parts."""
    if value is None or key is None:
        return None
    if isinstance(value, Mapping):
        return value.get(key if isinstance(key, str) else values.text_of(key))
    if isinstance(value, list):
        if isinstance(key, str) and not key.lstrip("-").isdigit():
            raise Failed(f"an array has no field {key!r}; pick an element first, as in [0]")
        if isinstance(key, bool) or not isinstance(key, int | str):
            raise Failed(f"{values.kind_of(key)} is no index")
        at = int(key)
        return value[at] if 0 <= at < len(value) else None
    raise Failed(f"{values.kind_of(value)} has no field {values.text_of(key)!r}")


def _element(value: Evaluator, key: Evaluator) -> Evaluator:
    return lambda scope: incoming(step_into(value(scope), key(scope)))


def _matches(text: str, regex: str) -> bool:
    return matching.matches(matching.compiled(regex), text)


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


def _unary(operator: str, operand: Evaluator) -> Evaluator:
    match operator:
        case "-" | "+" | "~":
            return lambda scope: values.signed(operator, operand(scope), scope.context.options)
        case "!":
            return lambda scope: not truth(operand(scope), scope.context.options)
        case "empty":
            return lambda scope: values.is_blank(operand(scope))
        case _:
            return lambda scope: values.size(operand(scope))


#: Operators that take the values of both sides.
_BOTH: dict[str, Callable[[Any, Any, Options], Any]] = {
    "==": lambda a, b, options: values.equal(a, b),
    "!=": lambda a, b, options: not values.equal(a, b),
    "+": values.add,
    "&": lambda a, b, options: values.integer(a, options) & values.integer(b, options),
    "|": lambda a, b, options: values.integer(a, options) | values.integer(b, options),
    "^": lambda a, b, options: values.integer(a, options) ^ values.integer(b, options),
}
for _sign in ("<", "<=", ">", ">="):
    _BOTH[_sign] = partial(lambda sign, a, b, options: values.compare(sign, a, b), _sign)
for _sign in "-*/%":
    _BOTH[_sign] = partial(values.arithmetic, _sign)
for _sign in ("=~", "!~", "=^", "!^", "=$", "!$"):
    _BOTH[_sign] = partial(lambda sign, a, b, options: values.tested(sign, a, b, _matches), _sign)


def _binary(operator: str, left: Evaluator, right: Evaluator) -> Evaluator:
    match operator:
        case "&&":
            return lambda s: truth(left(s), s.context.options) and truth(right(s), s.context.options)
        case "||":
            return lambda s: truth(left(s), s.context.options) or truth(right(s), s.context.options)
        case "?:":

            def elvis(scope: Scope) -> Any:
                value = left(scope)
                held = value is not None and (not isinstance(value, bool | str | int | float) or bool(value))
                return value if held and value != "false" else right(scope)

            return elvis
        case "??":

            def nullish(scope: Scope) -> Any:
                value = left(scope)
                return right(scope) if value is None else value

            return nullish
    both = _BOTH[operator]
    return lambda s: both(left(s), right(s), s.context.options)


@dataclass(frozen=True, slots=True)
class Direct:
    """A call whose arguments are columns or constants: its function, and the names or values of its arguments."""

    run: Callable[..., Any]
    arguments: tuple[str | Constant, ...]


def direct(node: Node) -> Direct | None:
    """A node as a function of columns, without the way through the tree; None where it is more than one call."""
    match node:
        case Call(_, name, arguments) if name != "contains_key" and not table()[name].lazy:
            found = table()[name].run
            assert found is not None  # noqa: S101  (check() refuses functions without one)
        case Method(_, value, name, rest):
            arguments = (value, *rest)

            def found(context: Context, value: Any, *given: Any) -> Any:
                return call_method(name, value, list(given))

        case _:
            return None
    parts: list[str | Constant] = []
    for argument in arguments:
        if isinstance(argument, FieldPath) and len(argument.names) == 1:
            parts.append(argument.names[0])
        elif isinstance(argument, Constant):
            parts.append(argument)
        else:
            return None
    return Direct(found, tuple(parts)) if any(isinstance(part, str) for part in parts) else None


def run(evaluator: Evaluator, scope: Scope) -> Any:
    """The value of one row. Raises Failed: with the reason."""
    try:
        value = evaluator(scope)
    except Failed:
        raise
    except (RecursionError, OverflowError, MemoryError) as error:
        raise Failed(reason_of(error)) from None
    if callable(value):
        raise Failed("a lambda is no value")
    return value


def reason_of(error: Exception) -> str:
    """What an error that is none of the language's says of a value."""
    if isinstance(error, RecursionError):
        return "the data are nested too deeply"
    return str(error) or "the result is too large"
