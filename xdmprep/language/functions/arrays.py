"""Array functions."""

from __future__ import annotations

from typing import Any

from ..catalogue import Context, function


@function("coalesce(value, ...)", "The first value that is not null; one array counts as its elements.",
          'coalesce(null, "first", "second")', "first", category="array", aliases=("nvl",))  # fmt: skip
def coalesce(ctx: Context, *values: Any) -> Any:
    return next((value for value in _elements(values) if value is not None), None)


def _elements(values: tuple[Any, ...]) -> Any:
    return values[0] if len(values) == 1 and isinstance(values[0], list) else values
