"""Arrow types and values as JSON has them, and where an Arrow array has values."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..core.arrow_types import is_list
from ..core.shred import json_value, prune, to_pylist
from ..kernels.arrays import Mask, Positions, map_parts, valid


def json_kind(kind: pa.DataType) -> str:
    """The JSON type that values of an Arrow type have; ``null`` for a type without values."""
    if isinstance(kind, pa.DictionaryType):
        kind = kind.value_type
    if pa.types.is_boolean(kind):
        return "boolean"
    if pa.types.is_integer(kind):
        return "integer"
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "number"
    if pa.types.is_struct(kind) or pa.types.is_map(kind):
        return "object"
    if pa.types.is_null(kind):
        return "null"
    return "array" if is_list(kind) else "string"


def presence(array: pa.Array, keep_empty: bool) -> Mask:
    """bool (n,): where there is a value.  Empty objects and arrays are none, unless kept."""
    mask = valid(array)
    if keep_empty or not pa.types.is_nested(array.type):
        return mask
    if pa.types.is_struct(array.type):
        inside = np.zeros(len(array), dtype=bool)
        for child in array.flatten():
            inside |= presence(child, keep_empty)
        inside &= mask
        return inside
    mask &= lengths(array) > 0
    return mask


def lengths(array: pa.Array) -> Any:
    """How many elements or entries each list or map has; 0 for nulls."""
    if pa.types.is_map(array.type):
        offsets = np.asarray(array.offsets)
        sizes = np.diff(offsets)
        return np.where(valid(array), sizes, 0) if array.null_count else sizes
    lengths = pc.list_value_length(array)
    return np.asarray(lengths.fill_null(0) if lengths.null_count else lengths)


def map_entries(array: pa.Array) -> tuple[pa.Array, pa.Array, Positions]:
    """Keys and values of a map column, and the position each belongs to."""
    keys, items, sizes = map_parts(array)
    return keys, items, np.repeat(np.arange(len(array)), sizes)


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
