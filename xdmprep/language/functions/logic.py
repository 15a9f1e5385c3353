"""Choice and aggregation."""

from __future__ import annotations

from typing import Any

from ..catalogue import Context, function
from ..values import truth


@function("iif(condition, yes, no)", "`yes` if the condition holds, else `no`; only the chosen one counts.",
          'iif(2 > 1, "a", "b")', "a", category="logic", lazy=True)  # fmt: skip
def iif(ctx: Context, condition: Any, yes: Any, no: Any) -> Any:
    return yes() if truth(condition(), ctx.options) else no()
