"""The shape of JSON Schema keywords: a keyword of the wrong kind is an error of the schema, found when it is read.

Only keywords of draft-06 are looked at; unknown ones may hold anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..core.paths import json_pointer
from ..errors import SchemaError, did_you_mean, shorten
from .types import FAMILIES, is_finite

_TYPES = (*FAMILIES, "null")


def _count(value: Any) -> bool:
    return is_finite(value) and value >= 0 and value == int(value)


def _names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _node(value: Any) -> bool:
    return isinstance(value, dict | bool)


def _nodes(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_node, value))


def _named(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_node, value.values()))


_SCHEMA = (_node, "a schema")
_SHAPES: dict[str, tuple[Callable[[Any], bool], str]] = {
    **dict.fromkeys(("properties", "patternProperties", "definitions"), (_named, "an object of schemas")),
    **dict.fromkeys(("allOf", "anyOf", "oneOf"), (_nodes, "a list of at least one schema")),
    **dict.fromkeys(("not", "contains", "propertyNames", "additionalProperties", "additionalItems"), _SCHEMA),
    "items": (lambda value: _node(value) or value == [] or _nodes(value), "a schema or a list of schemas"),
    "dependencies": (
        lambda value: isinstance(value, dict) and all(_node(v) or _names(v) for v in value.values()),
        "an object of schemas or lists of names",
    ),
    "required": (_names, "a list of names"),
    "enum": (lambda value: isinstance(value, list) and bool(value), "a list of at least one value"),
    "uniqueItems": (lambda value: isinstance(value, bool), "true or false"),
    **dict.fromkeys(("pattern", "format", "$ref", "$id", "$schema"), (lambda text: isinstance(text, str), "a string")),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), (is_finite, "a number")),
    "multipleOf": (lambda value: is_finite(value) and value > 0, "a number above 0"),
    **dict.fromkeys(
        ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"),
        (_count, "a whole number, 0 or more"),
    ),
}


def check_shape(node: Mapping[str, Any], name: str, pointer: str, conditional: bool = False) -> None:
    """See that every JSON Schema keyword of one node holds the kind of value it must.

    Args:
        node: the keywords.
        name: the file, for messages.
        pointer: JSON pointer of the node.
        conditional: whether the dialect has ``if``, ``then`` and ``else``.

    Raises:
        SchemaError: one does not; the message names the file, the place and what was expected.
    """
    for key, value in node.items():
        shape = _SHAPES.get(key) or (_SCHEMA if conditional and key in ("if", "then", "else") else None)
        if shape is not None and not shape[0](value):
            if shape[0] is _named and isinstance(value, dict):
                member = next(member for member in value if not _node(value[member]))
                place = pointer + json_pointer((key, member))
                raise SchemaError(
                    f"{name} at {place}: must be a schema (an object or a boolean), got {shorten(value[member])}."
                )
            raise SchemaError(f"{name} at {pointer or '/'}: '{key}' must be {shape[1]}, got {shorten(value)}.")
        if key == "type":
            kinds = value if isinstance(value, list) else [value]
            for kind in kinds or [value]:
                if not isinstance(kind, str) or kind not in _TYPES:
                    hint = did_you_mean(kind, _TYPES)
                    known = ", ".join(_TYPES)
                    raise SchemaError(
                        f"{name} at {pointer or '/'}: 'type' must be one of {known}, got {shorten(kind)}.{hint}"
                    )
