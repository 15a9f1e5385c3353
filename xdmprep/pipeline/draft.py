"""A first XDM schema for a source: one field a column, typed by the values of its first rows."""

from __future__ import annotations

import re
from typing import Any

import pyarrow as pa

from ..core.shred import plain
from ..core.typing import Source
from ..errors import UsageError
from ..read import open_source
from ..schema import Schema
from ..schema.types import FAMILIES

#: Rows that are looked at.
ROWS = 10_000
_CLASS = "https://ns.adobe.com/xdm/context/profile"
#: How the values of a column look, and the XDM type that holds them.
_TYPES = (
    ("true|false", "boolean"),
    (r"-?(?:0|[1-9]\d{0,8})", "int"),
    (r"-?(?:0|[1-9]\d{0,17})", "long"),
    (r"-?(?:0|[1-9]\d{0,14})(?:\.\d{1,15})?", "number"),
    (r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])", "date"),
    (r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})", "date-time"),
)
_JSON_TYPES = {kind: name for name, kinds in FAMILIES.items() for kind in kinds}
#: Names of columns whose numbers are ids: arithmetic on them means nothing, and leading zeros may come later.
_IDS = re.compile(
    r"(?:^|[_\W])(?i:id|ids|no|number|key|code|zip|postcode|phone|tel|mobile|fax)\d*$|[a-z](?:Id|ID|Key|Code|No|Zip)\d*$"
)


def draft_schema(source: Source, *, tenant: str = "tenant", title: str | None = None) -> Schema:
    """A first schema for the rows of a source, to be read and corrected before it is used.

    Args:
        source: any source of :func:`xdmprep.prepare`; its first rows decide the types.  Columns of ids stay text,
            whatever their values look like.
        tenant: the tenant's name without the underscore; the fields stand under it, as the platform wants custom ones.
        title: of the schema; None takes the source's name.

    Returns:
        A schema of the class XDM Individual Profile with an identityMap; its JSON is `schema.source`.

    Raises:
        SourceError: the source cannot be read.
        UsageError: the tenant is no name.

    Examples:
        >>> xp.draft_schema([{"email": "ada@example.com", "born": "1815-12-10"}], tenant="acme").paths()[:2]
        ['_acme.email', '_acme.born']
    """
    if not re.fullmatch(r"[a-z0-9]+", tenant):
        raise UsageError(f"a tenant's name has lower-case letters and digits, got {tenant!r}.")
    stream = open_source(source)
    table = stream.head(ROWS)
    fields: dict[str, Any] = {}
    for name, column in zip(table.column_names, table.columns, strict=True):  # a name may stand twice
        key = field_name(name)
        while key in fields:
            key += "_"
        fields[key] = {"title": name, **_type_of(name, column)}
    what = title or re.sub(r"\.\w+$", "", stream.name)
    slug = re.sub(r"[^a-z0-9]+", "-", what.lower()).strip("-") or "draft"
    content = {
        "$schema": "http://json-schema.org/draft-06/schema#", "$id": f"https://ns.adobe.com/{tenant}/schemas/{slug}",
        "title": what, "type": "object", "meta:class": _CLASS,
        "meta:extends": [_CLASS, "https://ns.adobe.com/xdm/data/record"],
        "properties": {
            f"_{tenant}": _node("object", properties=fields), "identityMap": _identity_map(),
        },
    }  # fmt: skip
    return Schema.from_dict(content, name=what)


def field_name(column: str) -> str:
    """A column's name as a field's: camel case, letters and digits; ``First Name`` gives ``firstName``."""
    words = re.findall(r"[A-Za-z0-9]+", re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", column))
    if not words:
        return "column"
    name = words[0].lower() + "".join(word[:1].upper() + word[1:].lower() for word in words[1:])
    return f"n{name}" if name[0].isdigit() else name


def _type_of(name: str, column: pa.ChunkedArray) -> dict[str, Any]:
    array = plain(column.combine_chunks())
    if pa.types.is_string(array.type):
        texts = [text for text in array.drop_null().unique().to_pylist() if text.strip()]
        if not texts or _IDS.search(name):
            return _node("string")
        found = (kind for pattern, kind in _TYPES if all(re.fullmatch(pattern, text) for text in texts))
        return _node(next(found, "string"))
    return _of_arrow(array.type)


def _of_arrow(kind: pa.DataType) -> dict[str, Any]:
    types = pa.types
    if types.is_struct(kind):
        return _node("object", properties={field_name(field.name): _of_arrow(field.type) for field in kind})
    if types.is_list(kind):
        return _node("array", items=_of_arrow(kind.value_type))
    if types.is_map(kind):
        return _node("map", additionalProperties=_of_arrow(kind.item_type))
    if types.is_integer(kind):
        return _node("long" if kind.bit_width > 32 else "int")
    if types.is_floating(kind) or types.is_decimal(kind):
        return _node("number")
    known = {"boolean": types.is_boolean, "date": types.is_date, "date-time": types.is_timestamp}
    return _node(next((name for name, fits in known.items() if fits(kind)), "string"))


def _node(kind: str, **more: Any) -> dict[str, Any]:
    """The keywords of an XDM type."""
    form = {"format": kind} if kind in ("date", "date-time") else {}
    return {"type": _JSON_TYPES[kind], **form, "meta:xdmType": kind, **more}


def _identity_map() -> dict[str, Any]:
    states = ["ambiguous", "authenticated", "loggedOut"]
    fields = {"id": _node("string"), "authenticatedState": _node("string", enum=states), "primary": _node("boolean")}
    items = _node("array", items=_node("object", properties=fields))
    return {"title": "Identities", **_node("map", additionalProperties=items)}
