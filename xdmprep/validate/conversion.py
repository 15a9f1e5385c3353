"""What batch ingestion converts by itself: values of one type for fields of another.

Source: Adobe's ETL and batch ingestion pages, table of row type by schema type.  Text becomes a number, date or
date-time where it reads as one; numbers become text; a whole number becomes a date or date-time (milliseconds since
1970); nothing becomes a boolean or an array, and neither becomes anything else.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ..schema.types import is_finite


def convert(value: Any, node: Mapping[str, Any]) -> tuple[Any, bool]:
    """The value as the platform takes it for a field with the keywords `node`, and whether nothing is left to check.

    A value that is not converted comes back as it is.
    """
    kind = node.get("type")
    if value is None or isinstance(value, bool | dict | list):
        return value, False
    if kind == "string" and isinstance(value, int | float):
        if node.get("format") in ("date", "date-time"):
            return value, isinstance(value, int)
        return (_written(value), False) if is_finite(value) else (value, False)
    if kind in ("integer", "number") and isinstance(value, str):
        number = _number(value)
        value = value if number is None else number
    if kind == "integer" and isinstance(value, float) and math.isfinite(value):
        return math.trunc(value), False
    return value, False


def _written(number: int | float) -> str:
    try:
        return repr(number)
    except ValueError:  # Python writes no integer of more than 4,300 digits
        return "9" * 4_300


def _number(text: str) -> int | float | None:
    if not text.isascii() or text != text.strip() or "_" in text:
        return None
    try:
        return int(text)
    except ValueError:
        pass
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
