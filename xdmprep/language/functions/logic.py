"""Choice and aggregation.

The branches that are not chosen are not evaluated: a failure there cannot null the attribute.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from ..catalogue import Context, function
from ..values import Failed, in_order, is_number, kind_of, number_beside, same, truth
from ..zoned_datetime import Moment

_logic = partial(function, category="logic")
_aggregation = partial(function, category="aggregation")


@_logic("iif(condition, yes, no)", "`yes` if the condition holds, else `no`; only the chosen one is evaluated.",
        'iif("s".equalsIgnoreCase("S"), "a", "b")', "a", lazy=True)  # fmt: skip
def iif(ctx: Context, *cases: Any) -> Any:
    """Conditions and values in turn, then the value where none holds: nested choices are folded to one."""
    for condition, value in zip(cases[::2], cases[1::2], strict=False):
        if truth(condition(), ctx.options):
            return value()
    return cases[-1]()


def key_matches(value: Any, key: Any) -> bool:
    """Whether a key of `decode` is the value; a number and a numeric text match by value."""
    if is_number(value) and isinstance(key, str):
        return bool(number_beside(value, key) == value)
    if is_number(key) and isinstance(value, str):
        return bool(number_beside(key, value) == key)
    return same(value, key)


@_logic("decode(key, key1, value1, ..., [default])",
        "The value behind the matching key, else the default (null without one).",
        'decode(state, "ca", "California", "pa", "Pennsylvania", "N/A")', "Pennsylvania", record={"state": "pa"},
        lazy=True)  # fmt: skip
def decode(ctx: Context, key: Any, *pairs: Any) -> Any:
    value = key()
    for i in range(0, len(pairs) - 1, 2):
        if key_matches(value, pairs[i]()):
            return pairs[i + 1]()
    return pairs[-1]() if len(pairs) % 2 else None


def _best(values: tuple[Any, ...], sign: int) -> Any:
    items = values[0] if len(values) == 1 and isinstance(values[0], list) else values
    items = [item for item in items if item is not None]
    if not items:
        return None
    if any(map(is_number, items)):
        keys: list[Any] = in_order(items)
    elif len({type(item) for item in items}) == 1 and isinstance(items[0], str | Moment | bool):
        keys = list(items)
    else:
        kinds = sorted({kind_of(item) for item in items})
        raise Failed(f"{' and '.join(kinds)} {'has' if len(kinds) == 1 else 'have'} no order")
    best = 0
    for i, key in enumerate(keys):
        if (key < keys[best]) if sign < 0 else (key > keys[best]):
            best = i
    return items[best]


@_aggregation("min(value, ...)", "The least by natural order; nulls do not count.", "min(3, 1, 4)", 1)
def least(ctx: Context, *values: Any) -> Any:
    return _best(values, -1)


@_aggregation("max(value, ...)", "The greatest by natural order; nulls do not count.", "max(3, 1, 4)", 4)
def greatest(ctx: Context, *values: Any) -> Any:
    return _best(values, 1)
