"""Descriptors: what the Schema Registry says about fields from outside the schema.

Two kinds matter here: identity descriptors (this field identifies a person, under this namespace, perhaps as the
primary identity) and relationships to other schemas.  The others (labels, deprecation) are kept as they are.
A descriptor names its field by ``xdm:sourceProperty``, the path with slashes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ..core.paths import EVERY, Path, format_path
from ..errors import SchemaError, did_you_mean, shorten
from .compat import compatible_steps
from .field import ANY_KEY, Field

IDENTITY = "xdm:descriptorIdentity"
RELATIONSHIPS = {
    "xdm:descriptorOneToOne": "one-to-one",
    "xdm:descriptorRelationship": "many-to-one",
    "xdm:descriptorReferenceIdentity": "reference",
}


#: Namespaces of the platform by their numeric id, which a descriptor may give instead of the code.
_NAMESPACES = {
    0: "CORE", 4: "ECID", 6: "Email", 7: "Phone", 8: "WAID", 9: "TNTID", 411: "AdCloud", 20914: "GAID", 20915: "IDFA",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Identity:
    """A field that identifies a person: its path, its namespace, and whether it is the primary one."""

    path: Path
    namespace: str
    primary: bool


@dataclass(frozen=True, slots=True)
class Relationship:
    """A field that refers to records of another schema.

    Attributes:
        path: the referring field.
        kind: ``one-to-one``, ``many-to-one`` or ``reference`` (a reference identity descriptor).
        schema: ``$id`` of the schema referred to; empty for a reference identity.
        to: field referred to, as slashes; empty if the descriptor names none.
        namespace: namespace of a reference identity; empty otherwise.
    """

    path: Path
    kind: str
    schema: str = ""
    to: str = ""
    namespace: str = ""


def of_schema(descriptors: Iterable[dict[str, Any]], ids: Iterable[str]) -> tuple[dict[str, Any], ...]:
    """Those of `descriptors` that are about the schema with one of these ids; a descriptor without a schema is."""
    known = [id for id in ids if id]
    return tuple(d for d in descriptors if not d.get("xdm:sourceSchema") or d["xdm:sourceSchema"] in known)


def identities(descriptors: Iterable[dict[str, Any]], root: Field, name: str) -> tuple[Identity, ...]:
    """The identity fields, the primary one first; SchemaError if one is no string field, or two are primary."""
    found = []
    for descriptor in descriptors:
        if descriptor.get("@type") != IDENTITY:
            continue
        field = source_field(descriptor, root, name)
        if field.path[0] in ("identityMap", "xdm:identityMap"):
            raise SchemaError(
                f"{name}: an identity descriptor names '{field}', which is part of identityMap. Remove the descriptor: "
                "the keys of identityMap are the namespaces already, and records mark the primary identity there by "
                '"primary": true.'
            )
        if field.type != "string":
            raise SchemaError(
                f"{name}: the identity descriptor for '{field}' names a field of type {field.type}; "
                "an identity field must be a string."
            )
        found.append(Identity(field.path, _namespace(descriptor, field, name), _is_primary(descriptor, field, name)))
    primary = [identity for identity in found if identity.primary]
    if len(primary) > 1:
        names = ", ".join(f"'{format_path(identity.path)}'" for identity in primary)
        raise SchemaError(f"{name}: {names} are all primary identities; a schema has at most one.")
    return tuple(sorted(found, key=lambda identity: not identity.primary))


def _namespace(descriptor: dict[str, Any], field: Field, name: str) -> str:
    """The code of the namespace that an identity descriptor names."""
    namespace, by = descriptor.get("xdm:namespace"), descriptor.get("xdm:property")
    if isinstance(namespace, dict):  # older answers: {"xdm:code": "Email"}
        by = "xdm:code" if namespace.get("xdm:code") else "xdm:id"
        namespace = namespace.get(by)
    if isinstance(namespace, str) and by == "xdm:id" and namespace.isascii() and namespace.isdigit():
        namespace = int(namespace)
    if isinstance(namespace, int) and not isinstance(namespace, bool):
        return _NAMESPACES.get(namespace, str(namespace))
    if not isinstance(namespace, str) or not namespace:
        raise SchemaError(f"{name}: the identity descriptor for '{field}' has no 'xdm:namespace', such as \"Email\".")
    return namespace


def _is_primary(descriptor: dict[str, Any], field: Field, name: str) -> bool:
    primary = descriptor.get("xdm:isPrimary", False)
    if not isinstance(primary, bool):
        raise SchemaError(
            f"{name}: the identity descriptor for '{field}' has \"xdm:isPrimary\": {shorten(primary)}; "
            "write true or false, without quotes."
        )
    return primary


def relationships(descriptors: Iterable[dict[str, Any]], root: Field, name: str) -> tuple[Relationship, ...]:
    """The fields that refer to other schemas; SchemaError if the schema lacks one."""
    found = []
    for descriptor in descriptors:
        kind = RELATIONSHIPS.get(str(descriptor.get("@type")))
        if kind is not None:
            found.append(
                Relationship(
                    source_field(descriptor, root, name).path,
                    kind,
                    str(descriptor.get("xdm:destinationSchema") or ""),
                    str(descriptor.get("xdm:destinationProperty") or ""),
                    str(descriptor.get("xdm:identityNamespace") or ""),
                )
            )
    return tuple(found)


def source_field(descriptor: dict[str, Any], root: Field, name: str) -> Field:
    """The field that a descriptor is about; SchemaError if the schema lacks it."""
    pointer = descriptor.get("xdm:sourceProperty")
    if not isinstance(pointer, str) or not pointer.startswith("/"):
        raise SchemaError(
            f"{name}: a descriptor of type {descriptor.get('@type')} has the source property {pointer!r}; "
            "expected a path such as '/personalEmail/address'."
        )
    steps_given = pointer.strip("/").split("/")
    for steps in (steps_given, [part for step in steps_given for part in compatible_steps(step)]):
        field = _at(root, steps)
        if field is not None:
            return field
    known = ["/" + "/".join(str(step) for step in part.path) for part in root.walk() if part.leaf]
    raise SchemaError(f"{name}: the descriptor's field '{pointer}' is not in the schema.{did_you_mean(pointer, known)}")


def _at(root: Field, steps: Iterable[str]) -> Field | None:
    field: Field | None = root
    for step in steps:
        if field is None:
            return None
        while field.items is not None and step not in ("*", EVERY, "items"):
            field = field.items
        if field.items is not None or field.values is not None:
            field = field.items or field.values
        else:
            field = field.children.get(ANY_KEY if step == "*" else step)
    return field
