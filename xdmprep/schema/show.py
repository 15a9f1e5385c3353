"""A schema for the eye: its fields as a tree of text, and as a table."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from ..core.paths import Path
from .descriptors import Identity, Relationship
from .field import Field
from .types import INTEGER_BOUNDS

_RANGE = (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"), ("exclusiveMaximum", "<"))
_SIZES = (
    ("minLength", "length ≥"), ("maxLength", "length ≤"), ("minItems", "items ≥"), ("maxItems", "items ≤"),
    ("minProperties", "keys ≥"), ("maxProperties", "keys ≤"),
)  # fmt: skip


def tree_text(
    root: Field, identities: Sequence[Identity], relationships: Sequence[Relationship], depth: int | None = None
) -> str:
    """The fields below `root`, one a line: name, required or not (``*``), type, descriptors, constraints, title.

    Args:
        root: the object whose fields are listed; not listed itself.
        identities: the identity descriptors of the schema.
        relationships: its relationship descriptors.
        depth: number of levels to list; None for all.

    Returns:
        Lines of three columns, joined by line feeds.
    """
    marks: dict[Path, list[str]] = {}
    for identity in identities:
        primary = "primary " if identity.primary else ""
        marks.setdefault(identity.path, []).append(f"{primary}identity {identity.namespace}")
    for relation in relationships:
        marks.setdefault(relation.path, []).append(f"{relation.kind} → {relation.schema or relation.namespace}")
    rows: list[tuple[str, str, str]] = []
    _lines(root, "", depth, marks, rows)
    width = min(max((len(row[0]) for row in rows), default=0), 60)
    kinds = min(max((len(row[1]) for row in rows), default=0), 30)
    return "\n".join(f"{name:<{width}}  {kind:<{kinds}}  {notes}".rstrip() for name, kind, notes in rows)


def _lines(
    field: Field,
    indent: str,
    depth: int | None,
    marks: Mapping[Path, list[str]],
    rows: list[tuple[str, str, str]],
) -> None:
    children = _visible(field)
    for number, child in enumerate(children):
        last = number == len(children) - 1
        inner, kind = _unwrap(child)
        name = child.name + ("*" if child.required else "")
        rows.append((f"{indent}{'└── ' if last else '├── '}{name}", kind, _notes(child, inner, marks)))
        if inner.recursive:
            rows.append((indent + ("    " if last else "│   ") + "└── …", "", "repeats itself"))
        elif depth is None or depth > 1:
            below = None if depth is None else depth - 1
            _lines(inner, indent + ("    " if last else "│   "), below, marks, rows)


def _visible(field: Field) -> tuple[Field, ...]:
    return () if field.recursive else tuple(field.children.values())


def _unwrap(field: Field) -> tuple[Field, str]:
    """The object or scalar inside arrays and maps, and the whole as a type such as ``map<array<object>>``."""
    kinds = []
    while not field.recursive:
        part = field.items or field.values
        if part is None:
            break
        kinds.append(field.type)
        field = part
    return field, "".join(kind + "<" for kind in kinds) + field.type + ">" * len(kinds)


def _notes(outer: Field, inner: Field, marks: Mapping[Path, list[str]]) -> str:
    parts = list(marks.get(outer.path) or marks.get(inner.path) or ())
    rules = constraint_text(outer.constraints)
    if inner is not outer:
        rules = "; ".join(text for text in (rules, constraint_text(inner.constraints)) if text)
    if rules:
        parts.append(rules)
    if outer.constraints.get("meta:status") in ("deprecated", "experimental"):
        parts.append(str(outer.constraints["meta:status"]))
    if outer.title:
        parts.append(f"“{outer.title}”")
    return "  ".join(parts)


def constraint_text(constraints: Mapping[str, Any]) -> str:
    """The constraints of one field in a few words, such as ``≥ 1, ≤ 32767`` or ``one of male, female``."""
    out = []
    if "const" in constraints:
        out.append(f"is {_plain(constraints['const'])}")
    if isinstance(constraints.get("enum"), list):
        values = [_plain(value) for value in constraints["enum"]]
        more = f", … ({len(values)} values)" if len(values) > 6 else ""
        out.append("one of " + ", ".join(values[:6]) + more)
    width = [*INTEGER_BOUNDS.values(), (1 - 2**53, 2**53 - 1)]
    full = (constraints.get("minimum"), constraints.get("maximum")) in width  # says no more than the type does
    for key, sign in (*_RANGE, *_SIZES):
        if key in constraints and not (full and key in ("minimum", "maximum")):
            out.append(f"{sign} {_plain(constraints[key])}")
    if constraints.get("uniqueItems") is True:
        out.append("no item twice")
    if "format" in constraints and constraints["format"] not in ("date", "date-time"):
        out.append(f"format {constraints['format']}")
    if "pattern" in constraints:
        out.append(f"pattern {constraints['pattern']}")
    if constraints.get("additionalProperties") is False:
        out.append("no other fields")
    out += [
        key for key in ("oneOf", "anyOf", "allOf", "not", "dependencies", "patternProperties") if key in constraints
    ]
    return ", ".join(out)


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


#: The columns of the table of fields: type, and value of a field and its identity, if it is one.
_COLUMNS: dict[str, tuple[pa.DataType, Callable[[Field, Identity | None], Any]]] = {
    "path": (pa.string(), lambda field, _: str(field)),
    "type": (pa.string(), lambda field, _: field.type),
    "required": (pa.bool_(), lambda field, _: field.required),
    "leaf": (pa.bool_(), lambda field, _: field.leaf),
    "title": (pa.string(), lambda field, _: field.title),
    "description": (pa.string(), lambda field, _: field.description),
    "constraints": (pa.string(), lambda field, _: constraint_text(field.constraints)),
    "identity": (pa.string(), lambda _, identity: identity and identity.namespace),
    "primary": (pa.bool_(), lambda _, identity: identity and identity.primary),
    "status": (pa.string(), lambda field, _: field.constraints.get("meta:status")),
    "xdm_field": (pa.string(), lambda field, _: field.constraints.get("meta:xdmField")),
}


def field_table(root: Field, identities: Sequence[Identity]) -> pa.Table:
    """All fields below `root`, one a row."""
    known = {identity.path: identity for identity in identities}
    fields = [(field, known.get(field.path)) for field in root.walk() if field.path]
    return pa.table({name: pa.array([value(*one) for one in fields], kind) for name, (kind, value) in _COLUMNS.items()})
