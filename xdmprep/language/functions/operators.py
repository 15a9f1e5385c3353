"""Operators, element access and literals; see :mod:`xdmprep.language.tree` for their names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from typing import Any

import pyarrow as pa

from .. import matching, values
from ..catalogue import Context, Function, put
from ..tree import ARRAY, CHOICE, ELEMENT, EQUAL, EQUALS, MAP
from ..values import Failed, incoming, truth
from .logic import iif


def _operator(
    name: str, operands: int, run: Callable[..., Any], result: pa.DataType | None = None, **more: Any
) -> None:
    put(Function(name, name, "operator", "", fewest=operands, most=operands, run=run, result=result, **more))


def _sided(name: str, run: Callable[..., Any], result: pa.DataType | None = None, **more: Any) -> None:
    """An operator with two operands and the options."""
    _operator(name, 2, lambda ctx, left, right: run(left, right, ctx.options), result, **more)


_sided("+", values.add)
for _sign in "-*/%":
    _sided(_sign, partial(values.arithmetic, _sign))
for _sign in ("<", "<=", ">", ">="):
    _operator(_sign, 2, lambda ctx, left, right, sign=_sign: values.compare(sign, left, right), pa.bool_())
_operator("==", 2, lambda ctx, left, right: values.equal(left, right), pa.bool_())
_operator("!=", 2, lambda ctx, left, right: not values.equal(left, right), pa.bool_())
_sided("&", lambda a, b, options: values.integer(a, options) & values.integer(b, options), pa.int64())
_sided("|", lambda a, b, options: values.integer(a, options) | values.integer(b, options), pa.int64())
_sided("^", lambda a, b, options: values.integer(a, options) ^ values.integer(b, options), pa.int64())
for _sign in "-+":
    _operator(f"{_sign}@", 1, lambda ctx, value, sign=_sign: values.signed(sign, value, ctx.options))
_operator("~@", 1, lambda ctx, value: values.signed("~", value, ctx.options), pa.int64())
_operator("!@", 1, lambda ctx, value: not truth(value, ctx.options), pa.bool_())
_operator("empty@", 1, lambda ctx, value: values.is_blank(value), pa.bool_())
_operator("size@", 1, lambda ctx, value: values.size(value), pa.int64())


def _matches(text: str, regex: str) -> bool:
    return matching.matches(matching.compiled(regex), text)


for _sign in ("=~", "!~", "=^", "!^", "=$", "!$"):
    _operator(_sign, 2, lambda ctx, a, b, sign=_sign: values.tested(sign, a, b, _matches), pa.bool_())


# Of these not every operand is evaluated


def _lazy(name: str, operands: int, run: Callable[..., Any], result: pa.DataType | None = None) -> None:
    _operator(name, operands, run, result, lazy=True)


def _elvis(ctx: Context, left: Any, right: Any) -> Any:
    value = left()
    held = value is not None and (not isinstance(value, bool | str | int | float | Decimal) or bool(value))
    return value if held and value != "false" else right()


def _nullish(ctx: Context, left: Any, right: Any) -> Any:
    value = left()
    return right() if value is None else value


_lazy("&&", 2, lambda ctx, a, b: truth(a(), ctx.options) and truth(b(), ctx.options), pa.bool_())
_lazy("||", 2, lambda ctx, a, b: truth(a(), ctx.options) or truth(b(), ctx.options), pa.bool_())
_lazy("?:", 2, _elvis)
_lazy("??", 2, _nullish)
_lazy(CHOICE, 3, iif)


def _by_key(match: Callable[[Any, Any], bool]) -> Callable[..., Any]:
    def choose(ctx: Context, key: Any, *cases: Any) -> Any:
        value = key()
        pairs = zip(cases[::2], cases[1::2], strict=False)
        return next((answer for each, answer in pairs if match(value, each())), cases[-1])()

    return choose


# choices by what one value equals, to which choices are folded: a value, then keys and answers in turn, and a default
put(Function(EQUAL, EQUAL, "operator", "", fewest=4, run=_by_key(values.equal), lazy=True))
put(
    Function(
        EQUALS,
        EQUALS,
        "operator",
        "",
        fewest=4,
        run=_by_key(lambda a, b: a is not None and values.same(a, b)),
        lazy=True,
    )
)


# Elements and literals


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


def _map(ctx: Context, *given: Any) -> dict[str, Any]:
    return {values.text_of(key): value for key, value in zip(given[::2], given[1::2], strict=True)}


_operator(ELEMENT, 2, lambda ctx, value, key: incoming(step_into(value, key)))
put(Function(ARRAY, ARRAY, "operator", "", run=lambda ctx, *items: list(items)))
put(Function(MAP, MAP, "operator", "", run=_map))
