"""Equality and multiples of values as JSON Schema defines them."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any


def hashable(value: Any) -> Any:
    """A key that is the same for equal JSON values and differs otherwise: 1 and 1.0 are equal, 1 and true are not."""
    if isinstance(value, bool):
        return ("boolean", value)
    if isinstance(value, Mapping):
        return ("object", frozenset((key, hashable(item)) for key, item in value.items()))
    if isinstance(value, list):
        return ("array", tuple(hashable(item) for item in value))
    return value


def is_multiple(value: Any, step: Any) -> bool:
    """Whether `value` is a multiple of `step`, both taken as the decimal numbers they are written as."""
    if isinstance(value, int) and isinstance(step, int):
        return value % step == 0
    return (_exact(value) / _exact(step)).denominator == 1


def _exact(number: Any) -> Fraction:
    return Fraction(number) if isinstance(number, int) else Fraction(str(number))
