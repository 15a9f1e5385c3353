"""Arrow values as the JSON values they stand for, for the few that are looked at one by one."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal
from typing import Any

import pyarrow as pa

from ..core.shred import prune, to_pylist


def to_json_values(array: pa.Array, keep_empty: bool) -> list[Any]:
    """The values of an array as JSON values; nulls inside are left out, and empty objects and arrays unless kept."""
    try:
        values = to_pylist(array)
    except (ValueError, OverflowError):
        values = array.cast(pa.string()).to_pylist()
    return [_clean(value, keep_empty) for value in values] if keep_empty else [prune(_plain(value)) for value in values]


def _plain(value: Any) -> Any:
    """`value` with dates and times as text."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, datetime.datetime):
        text = value.isoformat()
        return text.replace("+00:00", "Z")
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value.isoformat() if isinstance(value, datetime.date | datetime.time) else value


def _clean(value: Any, keep_empty: bool) -> Any:
    if isinstance(value, dict):
        return {key: _clean(item, keep_empty) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_clean(item, keep_empty) for item in value if item is not None]
    return _plain(value)


def as_json(array: pa.Array) -> pa.Array:
    """Each value as JSON text."""
    values = to_json_values(array, keep_empty=True)
    return pa.array([json.dumps(value, ensure_ascii=False, default=str) for value in values], pa.string())
