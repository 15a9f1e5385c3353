"""Text to number."""

from __future__ import annotations

import math
from decimal import Decimal
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from ..catalogue import Context, function
from ..values import Failed, kind_of, number, text_of

_number = partial(function, category="conversion", nulls=(0,))


def _found(value: Any) -> int | float | Decimal:
    if isinstance(value, bool):
        raise Failed(f"{kind_of(value)} is not a number")
    found = number(value)
    if isinstance(found, float) and not math.isfinite(found):
        raise Failed(f"{text_of(value)[:80]!r} is not a number")
    return found


def _whole(value: Any, fractions: str) -> int:
    found = _found(value)
    if isinstance(found, int):
        return found
    if fractions == "truncate" or (not isinstance(value, str) and found == math.trunc(found)):
        return int(Decimal(value)) if isinstance(value, str) else math.trunc(found)
    raise Failed(f"{text_of(value)[:80]!r} is not a whole number")


@_number("to_integer(text)", "The whole number that the string spells.", 'to_integer("12")', 12, result=pa.int64())
def to_integer(ctx: Context, value: Any) -> int:
    found = _whole(value, ctx.options.fractions)
    if not -(2**63) <= found < 2**63:
        raise Failed(f"{text_of(value)[:80]!r} does not fit in 64 bits")
    return found


@_number("to_decimal(text)", "The decimal number (double) that the string spells; a decimal stays as it is.",
         'to_decimal("20.45")', 20.45)  # fmt: skip
def to_decimal(ctx: Context, value: Any) -> float | Decimal:
    found = _found(value)
    if isinstance(found, Decimal):
        return found
    try:
        return float(found) or float(value)  # the string "-0" has a sign that its integer lacks
    except OverflowError:
        raise Failed(f"{text_of(value)[:80]!r} does not fit in a double") from None


@_number("to_bigint(text)", "The whole number of any size that the string spells; a fraction is cut off.",
         'to_bigint("123456789012345678901234567890")', 123456789012345678901234567890)  # fmt: skip
def to_bigint(ctx: Context, value: Any) -> int:
    return _whole(value, ctx.options.bigint_fractions)


@_number("to_float(text)", "The decimal number in single precision.", 'to_float("12.3456")', 12.3456,
         result=pa.float64())  # fmt: skip
def to_float(ctx: Context, value: Any) -> float:
    with np.errstate(over="ignore"):
        single = np.float32(float(_found(value)))
    if not np.isfinite(single):
        raise Failed(f"{text_of(value)[:80]!r} does not fit in single precision")
    return float(str(single))
