"""Base URIs within one schema document: which resource, anchor and dialect each place belongs to.

By draft-06 and draft-07 an ``$id`` within a schema begins a resource of its own: it is the base of the references
below it, and JSON pointers count from it.  An ``$id`` that is only a fragment (``#name``) is an anchor.  Beside a
``$ref`` it is nothing.  Most documents have no ``$id`` but their own; then there is nothing to keep.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

from ..core.paths import json_pointer
from ..errors import SchemaError

#: Nested deeper than this, a document is refused: JSON writers and readers end in a stack overflow.
MAX_NESTING = 400
#: Larger documents are refused; a schema of the platform has at most some 100,000 values.
MAX_VALUES = 5_000_000

#: Whole numbers of more bits are refused: Python writes none of more than 4,300 digits.
MAX_BITS = 13_288

ONE = ("additionalProperties", "additionalItems", "contains", "not", "propertyNames")
LISTED = ("allOf", "anyOf", "oneOf")
NAMED = ("properties", "patternProperties")
CONDITIONAL = ("if", "then", "else")

#: Dialects without ``if``, ``then`` and ``else``.
_BEFORE_IF = ("draft-03", "draft-04", "draft-06")


def knows_if(dialect: str) -> bool:
    """Whether the dialect named by ``$schema`` has ``if``, ``then`` and ``else``: draft-07 and later."""
    return "json-schema.org/" in dialect and not any(old in dialect for old in _BEFORE_IF)


@dataclass(frozen=True)
class Scopes:
    """What the places of one document belong to.

    Attributes:
        starts: JSON pointers where a resource begins, with its base URI and whether its dialect has ``if``; the whole
            document is the pointer ``""``.
        resources: the pointer of each resource by URI.
        anchors: the pointer of each anchor, by ``URI#name``.
    """

    starts: dict[str, tuple[str, bool]]
    resources: dict[str, str]
    anchors: dict[str, str]

    @classmethod
    def of(cls, content: Any, id: str, name: str) -> Scopes:
        """Look through the JSON of a document; SchemaError if it is too deep or too large."""
        dialect = content.get("$schema") if isinstance(content, dict) else None
        conditional = isinstance(dialect, str) and knows_if(dialect)
        base = id.partition("#")[0]
        out = cls({"": (base, conditional)}, {base: ""}, {})
        if _has_inner(content, name):
            out._gather(content, base, conditional)
        return out

    def at(self, pointer: str) -> tuple[str, bool]:
        """Base URI of a place, and whether its dialect has ``if``."""
        if len(self.starts) > 1:
            while pointer and pointer not in self.starts:
                pointer = pointer.rpartition("/")[0]
            return self.starts[pointer]
        return self.starts[""]

    def _gather(self, content: Any, base: str, conditional: bool) -> None:
        todo = [(content, "", base, conditional)]
        while todo:
            node, pointer, base, conditional = todo.pop()
            id, dialect = node.get("$id"), node.get("$schema")
            if isinstance(id, str) and not isinstance(node.get("$ref"), str):
                address, _, anchor = id.partition("#")
                if address and pointer:
                    base = join(base, address)
                    self.resources.setdefault(base, pointer)
                if anchor:
                    self.anchors.setdefault(f"{base}#{anchor}", pointer)
            if isinstance(dialect, str):
                conditional = knows_if(dialect)
            if (base, conditional) != self.at(pointer):
                self.starts[pointer] = (base, conditional)
            for tokens, part in subschemas(node, conditional):
                if isinstance(part, dict):
                    todo.append((part, pointer + json_pointer(tokens), base, conditional))


def subschemas(node: Mapping[str, Any], conditional: bool = False) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The schemas directly below a node, ``definitions`` included, with the tokens that lead to them."""
    for key in (*NAMED, "dependencies", "definitions"):
        value = node.get(key)
        if isinstance(value, dict):
            yield from (((key, name), part) for name, part in value.items() if not isinstance(part, list))
    for key in (*LISTED, "items"):
        value = node.get(key)
        if isinstance(value, list):
            yield from (((key, str(at)), part) for at, part in enumerate(value))
        elif value is not None:
            yield (key,), value
    for key in (*ONE, *(CONDITIONAL if conditional else ())):
        if key in node:
            yield (key,), node[key]


def with_subschemas(node: dict[str, Any], change: Callable[[tuple[str, ...], Any], Any]) -> dict[str, Any]:
    """The node with what `change` makes of the schemas directly below it; itself where that is all the same."""
    out = node
    for tokens, part in subschemas(node):
        made = change(tokens, part)
        if made is part:
            continue
        out = dict(node) if out is node else out
        key, *inner = tokens
        if not inner:
            out[key] = made
            continue
        if out[key] is node[key]:
            out[key] = copy(node[key])
        out[key][int(inner[0]) if isinstance(node[key], list) else inner[0]] = made
    return out


def _has_inner(content: Any, name: str) -> bool:
    """Whether an ``$id`` or ``$schema`` stands below the top; the whole document is looked at, whatever it holds."""
    found = isinstance(content, dict) and "#" in str(content.get("$id", ""))
    depth, level, count = 0, [content], 0
    while level:
        depth += 1
        if depth > MAX_NESTING:
            raise SchemaError(f"{name}: is nested deeper than {MAX_NESTING} levels, too deep to be a schema.")
        below: list[Any] = []
        for node in level:
            parts: Iterable[Any] = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
            found = found or (depth > 1 and isinstance(node, dict) and ("$id" in node or "$schema" in node))
            for part in parts:
                if isinstance(part, dict | list):
                    below.append(part)
                elif isinstance(part, int) and part.bit_length() > MAX_BITS:
                    raise SchemaError(f"{name}: holds a whole number of more than 4,000 digits; no reader takes it.")
        count += len(below)
        if count > MAX_VALUES:
            raise SchemaError(f"{name}: holds more than {MAX_VALUES:,} objects and lists, too many to be a schema.")
        level = below
    return found


def join(base: str, address: str) -> str:
    """The absolute form of a URI reference without a fragment."""
    return address if not base else urljoin(base, address)
