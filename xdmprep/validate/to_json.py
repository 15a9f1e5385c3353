"""Arrow values as the JSON values they stand for, for values that are checked one by one."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa

from ..core.shred import json_value, prune, to_pylist


def to_json_values(array: pa.Array, keep_empty: bool) -> list[Any]:
    """The values of an array as JSON values; nulls inside are left out, and empty objects and arrays unless kept."""
    values = map(json_value, to_pylist(array))
    return [_without_nulls(value) for value in values] if keep_empty else [prune(value) for value in values]


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value if item is not None] if isinstance(value, list) else value


def as_json(array: pa.Array) -> pa.Array:
    """Each value as JSON text."""
    values = to_json_values(array, keep_empty=True)
    return pa.array([json.dumps(value, ensure_ascii=False, default=str) for value in values], pa.string())
