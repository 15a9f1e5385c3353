"""XDM types: which one a node of a JSON Schema has, and which Arrow type holds it.

A node says its type by ``meta:xdmType``; where that is missing, or contradicts the node's own JSON type, it follows
from the JSON Schema keywords: an integer has the smallest width that holds its full range, a string is a date or
date-time by its format, and an object of nothing but like values is a map (Adobe's "XDM field type constraints";
where its tables are one too high at the upper bounds, the true bounds of the widths are taken).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, TypeGuard

import pyarrow as pa

from ..core.stream import TIMESTAMP

#: Arrow type of each XDM type that has no parts.
SCALARS: dict[str, pa.DataType] = {
    "string": pa.string(),
    "number": pa.float64(),
    "long": pa.int64(),
    "int": pa.int32(),
    "short": pa.int16(),
    "byte": pa.int8(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "date-time": TIMESTAMP,
}

#: Smallest and largest value of each integer type.  A long is limited by what JSON readers keep exact only in
#: schemas that say so; its width is 64 bits.
INTEGER_BOUNDS: dict[str, tuple[int, int]] = {
    "byte": (-128, 127),
    "short": (-(2**15), 2**15 - 1),
    "int": (-(2**31), 2**31 - 1),
    "long": (-(2**63), 2**63 - 1),
}

#: JSON type -> the XDM types that may stand on it.
FAMILIES: dict[str, frozenset[str]] = {
    "string": frozenset({"string", "date", "date-time"}),
    "integer": frozenset(INTEGER_BOUNDS),
    "number": frozenset({"number"}),
    "boolean": frozenset({"boolean"}),
    "array": frozenset({"array"}),
    "object": frozenset({"object", "map"}),
}

_SPELLINGS = {"integer": "int", "double": "number", "float": "number", "datetime": "date-time", "dateTime": "date-time"}
_BY_FORMAT = {"date": "date", "date-time": "date-time"}

ANY = "any"


def xdm_type(node: Mapping[str, Any]) -> str:
    """The XDM type of a resolved node: of :data:`SCALARS`, ``object``, ``map``, ``array``, or ``any`` if undeclared."""
    derived = derived_type(node)
    if derived == "map":
        return derived
    tag = tagged_type(node)
    json_type = _json_type(node)
    if tag is None or (json_type is not None and tag not in FAMILIES[json_type]):
        return derived
    if tag == "map" and node.get("properties"):
        return derived
    return tag


def tagged_type(node: Mapping[str, Any]) -> str | None:
    """The XDM type that ``meta:xdmType`` names, in its usual spelling; None without the tag or for an unknown one."""
    tag = node.get("meta:xdmType")
    if not isinstance(tag, str):
        return None
    tag = _SPELLINGS.get(tag, tag)
    return tag if tag in SCALARS or tag in ("object", "map", "array") else None


def derived_type(node: Mapping[str, Any]) -> str:
    """The XDM type that follows from the JSON Schema keywords alone."""
    json_type = _json_type(node)
    if json_type is None:
        if isinstance(node.get("properties"), dict):
            json_type = "object"
        elif "items" in node:
            json_type = "array"
        elif is_map(node):
            json_type = "object"
        else:
            return ANY
    if json_type == "object":
        return "map" if is_map(node) else "object"
    if json_type == "string":
        return _BY_FORMAT.get(str(node.get("format")), "string")
    if json_type == "integer":
        return _width(node)
    return json_type


def is_map(node: Mapping[str, Any]) -> bool:
    """Whether the node has the shape of a map: no fields of its own, one schema for all values."""
    return isinstance(node.get("additionalProperties"), dict) and not node.get("properties")


def _json_type(node: Mapping[str, Any]) -> str | None:
    declared = node.get("type")
    if isinstance(declared, list):
        kinds = [kind for kind in declared if kind != "null"]
        declared = kinds[0] if len(kinds) == 1 else None
    return declared if declared in FAMILIES else None


def _width(node: Mapping[str, Any]) -> str:
    low, high = _bound(node, "minimum", 1), _bound(node, "maximum", -1)
    ends = [end for end in (low, high) if end is not None]
    least, most = INTEGER_BOUNDS["int"]
    if any(end < least or end > most for end in ends):
        return "long"
    if low is None or high is None:
        return "int"
    return next((kind for kind, (least, most) in INTEGER_BOUNDS.items() if least <= low and high <= most), "long")


def _bound(node: Mapping[str, Any], keyword: str, step: int) -> float | None:
    """An inclusive bound of an integer, also from the exclusive keyword."""
    bound = node.get(keyword)
    if is_finite(bound):
        return bound
    bound = node.get("exclusive" + keyword.capitalize())
    return bound + step if is_finite(bound) else None


def is_finite(value: Any) -> TypeGuard[int | float]:
    """Whether a value is a number of JSON: no boolean, not NaN, not infinite; integers may be of any size."""
    return not isinstance(value, bool) and (
        isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
    )


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
