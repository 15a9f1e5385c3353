"""Types, equality and multiples of values as JSON Schema defines them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any


def json_type(value: Any) -> str:
    """JSON Schema's name for the type of a value; ``number`` for what is no integer, ``other`` for no JSON value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "string"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float | Decimal):
        return "number"
    if isinstance(value, Mapping):
        return "object"
    return "array" if isinstance(value, list | tuple) else "other"


def has_type(value: Any, kind: str) -> bool:
    """Whether a value is of a JSON Schema type; ``5.0`` is an integer, ``true`` is no number, NaN is nothing."""
    actual = json_type(value)
    if actual == "number":
        if not math.isfinite(value):
            return False
        return kind == "number" or (kind == "integer" and value == math.floor(value))
    return actual == kind or (actual == "integer" and kind == "number")


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
