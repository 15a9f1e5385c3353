"""One schema node out of two, where that is exact: ``allOf`` without the ``allOf``.

Records are checked, and fields are found, much more easily in one flat tree.  But a verdict must never change, so two
nodes become one only if the result accepts precisely what both accept; otherwise :func:`merge` says None and the
caller keeps the ``allOf``.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

Node = Any  #: a schema: a dict of keywords, or True or False

_TIGHTER: dict[str, Callable[[Any, Any], Any]] = {
    "minimum": max, "exclusiveMinimum": max, "minLength": max, "minItems": max, "minProperties": max,
    "maximum": min, "exclusiveMaximum": min, "maxLength": min, "maxItems": min, "maxProperties": min,
    "uniqueItems": lambda a, b: a or b,
}  # fmt: skip

#: Keywords that decide validity and are kept only where both sides say the same, or one side is silent.
_SAME = frozenset(
    {
        "enum", "const", "pattern", "format", "multipleOf", "items", "additionalItems", "contains", "propertyNames",
        "dependencies", "not", "oneOf", "anyOf",
    }
)  # fmt: skip

#: Keywords that decide validity (JSON Schema draft-06); all others say something about the field only.
ASSERTIONS = frozenset({*_TIGHTER, *_SAME, "type", "properties", "patternProperties", "additionalProperties",
                        "required", "allOf", "$ref"})  # fmt: skip


def same(a: Any, b: Any) -> bool:
    """Whether two JSON values are equal, with True and 1 distinguished."""
    return a is b or json.dumps(a, sort_keys=True) == json.dumps(b, sort_keys=True)


def both(a: Node, b: Node) -> Node:
    """A node that accepts what `a` and `b` accept: merged if that is exact, an ``allOf`` of the two otherwise."""
    if a is b:
        return a
    merged = merge(a, b)
    if merged is not None:
        return merged
    notes = {key: value for node in (b, a) for key, value in node.items() if key not in ASSERTIONS}
    return {**notes, "allOf": [a, b]}


def merge(a: Node, b: Node) -> Node | None:
    """The one node that accepts exactly what both `a` and `b` accept; None if there is no such plain node.

    What is only said about the field (titles, descriptions, tags) is taken from `a` first.
    """
    if isinstance(a, bool):
        return b if a else False
    if isinstance(b, bool):
        return a if b else False
    if "$ref" in a or "$ref" in b:
        return None
    out = dict(a)
    for key, value in b.items():
        if key not in ASSERTIONS:
            out.setdefault(key, value)
        elif key in _TIGHTER:
            out[key] = _TIGHTER[key](out[key], value) if key in out else value
        elif key in _SAME:
            if key in out and not same(out[key], value):
                if key != "items" or "additionalItems" in a or "additionalItems" in b:
                    return None
                if isinstance(out[key], list) or isinstance(value, list):
                    return None
                value = both(out[key], value)
            out[key] = value
    if not (_merge_type(out, a, b) and _merge_fields(out, a, b)):
        return None
    if "required" in a and "required" in b:
        out["required"] = list(dict.fromkeys([*a["required"], *b["required"]]))
    elif "required" in b:
        out["required"] = b["required"]
    if "allOf" in b:
        out["allOf"] = [*a.get("allOf", []), *b["allOf"]]
    return out


def _merge_type(out: dict[str, Any], a: dict[str, Any], b: dict[str, Any]) -> bool:
    if "type" not in b:
        return True
    if "type" not in a or same(a["type"], b["type"]):
        out["type"] = b["type"]
        return True
    if {str(a["type"]), str(b["type"])} == {"integer", "number"}:
        out["type"] = "integer"
        if "meta:xdmType" in out and a["type"] == "number":
            out["meta:xdmType"] = b.get("meta:xdmType", "long")
        return True
    return False


def _merge_fields(out: dict[str, Any], a: dict[str, Any], b: dict[str, Any]) -> bool:
    """Join properties, patternProperties and additionalProperties; False if that would change a verdict."""
    for one, other in ((a, b), (b, a)):
        closed = one.get("additionalProperties", True) not in (True, {})
        if closed and any(key in other for key in ("properties", "patternProperties", "additionalProperties")):
            return False
    for key in ("properties", "patternProperties"):
        if key in b:
            joined = dict(a.get(key, {}))
            for name, node in b[key].items():
                joined[name] = both(joined[name], node) if name in joined else node
            out[key] = joined
    if "additionalProperties" in b:
        out["additionalProperties"] = b["additionalProperties"]
    return True
