"""Array functions.  Where a list of arguments is expected, one array counts as its elements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pyarrow as pa

from ..catalogue import Context, function
from ..values import Failed, expected, size, truth
from .strings import joined

_array = partial(function, category="array")


def elements(values: tuple[Any, ...]) -> Sequence[Any]:
    """The elements of one array, or the arguments themselves."""
    return values[0] if len(values) == 1 and isinstance(values[0], list) else values


def array(value: Any) -> list[Any]:
    """An array argument; null is an empty one."""
    found: list[Any] = [] if value is None else expected(value, list, "an array")
    return found


@_array("coalesce(value, ...)", "The first value that is not null.", 'coalesce(null, "first", "second")', "first",
        aliases=("nvl",))  # fmt: skip
def coalesce(ctx: Context, *values: Any) -> Any:
    return next((value for value in elements(values) if value is not None), None)


@_array("first(value, ...)", "The first element; null for an empty array.", 'first("1", "2", "3")', "1")
def first(ctx: Context, *values: Any) -> Any:
    return next(iter(elements(values)), None)


@_array("last(value, ...)", "The last element; null for an empty array.", 'last("1", "2", "3")', "3")
def last(ctx: Context, *values: Any) -> Any:
    return next(reversed(elements(values)), None)


@_array("add_to_array(array, value, ...)", "The array with values appended.", "add_to_array(['a', 'b'], 'c', 'd')",
        ["a", "b", "c", "d"])  # fmt: skip
def add_to_array(ctx: Context, values: Any, *more: Any) -> list[Any]:
    return [*array(values), *more]


@_array("join_arrays(array, ...)", "The arrays one after another.", "join_arrays(['a', 'b'], ['c'], ['d', 'e'])",
        ["a", "b", "c", "d", "e"])  # fmt: skip
def join_arrays(ctx: Context, *values: Any) -> list[Any]:
    return [item for value in values for item in array(value)]


@_array("to_array(include_nulls, value, ...)", "An array of the values, with or without nulls.",
        "to_array(false, 1, null, 2, 3)", [1, 2, 3])  # fmt: skip
def to_array(ctx: Context, include_nulls: Any, *values: Any) -> list[Any]:
    keep = truth(include_nulls, ctx.options)
    return [value for value in values if keep or value is not None]


@_array("size_of(value)", "The number of elements, entries or characters.", "size_of([1, 2, 3, 4])", 4,
        result=pa.int64())  # fmt: skip
def size_of(ctx: Context, value: Any) -> int | None:
    return None if value is None and ctx.options.null_size == "null" else size(value)


@_array("upsert_array_append(array, [value])",
        "The array as it is; tells the profile store to append it to the one it has.",
        "upsert_array_append([123, 456])", [123, 456], nulls=(0,))  # fmt: skip
@_array("upsert_array_replace(array, [value])",
        "The array as it is; tells the profile store to replace the one it has.",
        "upsert_array_replace([123, 456], 1)", [123, 456], nulls=(0,))  # fmt: skip
def upsert_array(ctx: Context, value: Any, _: Any = None) -> Any:
    return array(value)


def flattened(value: Any) -> list[Any]:
    """All elements of nested arrays, in order."""
    out: list[Any] = []
    stack = [iter(array(value))]
    while stack:
        for item in stack[-1]:
            if isinstance(item, list):
                stack.append(iter(item))
                break
            out.append(item)
        else:
            stack.pop()
    return out


@_array("array_to_string(separator, array)", "The elements of all nested arrays joined to one string.",
        'array_to_string("-", [[1, 2], [3]])', "1-2-3", nulls=(1,), result=pa.string())  # fmt: skip
def array_to_string(ctx: Context, separator: Any, value: Any) -> str:
    return joined(ctx, separator, flattened(value))


def _function_argument(value: Any) -> Callable[..., Any]:
    if not callable(value):
        raise Failed("a lambda such as x -> x > 0 is expected")
    found: Callable[..., Any] = value
    return found


@_array("filterArray(array, lambda)", "The elements for which the lambda holds.",
        "filterArray([5, -6, 0, 7], x -> x > 0)", [5, 7], nulls=(0,), lambda_at=1)  # fmt: skip
def filter_array(ctx: Context, value: Any, test: Any) -> Any:
    holds = _function_argument(test)
    return [item for item in array(value) if truth(holds(item), ctx.options)]


@_array("transformArray(array, lambda)", "The array of what the lambda gives for each element.",
        "transformArray([1, 2], x -> x * 10)", [10, 20], nulls=(0,), lambda_at=1)  # fmt: skip
def transform_array(ctx: Context, value: Any, change: Any) -> Any:
    changed = _function_argument(change)
    return [changed(item) for item in array(value)]


@_array("flattenArray(array)", "Nested arrays as one.", "flattenArray([[['a', 'b'], ['c', 'd']], [['e'], ['f']]])",
        ["a", "b", "c", "d", "e", "f"], nulls=(0,))  # fmt: skip
def flatten_array(ctx: Context, value: Any) -> Any:
    return flattened(value)
