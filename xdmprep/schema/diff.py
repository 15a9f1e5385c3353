"""What changed between two versions of a schema, and which changes the platform's evolution rules forbid.

Once data was ingested, or the schema takes part in Profile, a schema only grows: fields may be added and a required
field may become optional, but nothing may be removed, renamed, moved, redefined or restricted, and the primary identity
stays (Adobe's "Basics of schema composition", "Schema evolution").  Making a field required is distinguished as
*restricting*: Adobe's newer pages permit it for later records, older ones forbid it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ..core.paths import format_path
from .field import Field
from .merge import same
from .model import Schema
from .types import INTEGER_BOUNDS

Effect = Literal["breaking", "restricting", "compatible"]

_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_RULES = (
    "const", "pattern", "format", "multipleOf", "uniqueItems", "additionalProperties", "patternProperties",
    "propertyNames", "dependencies", "contains", "not", "allOf", "anyOf", "oneOf", "items", "additionalItems",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """One difference.

    Attributes:
        path: the field; empty for the schema as a whole.
        effect: ``breaking`` (not permitted once there is data), ``restricting`` (permitted for later records, but
            records that were valid may fail) or ``compatible``.
        message: what changed, from what to what.
    """

    path: str
    effect: Effect
    message: str

    def __str__(self) -> str:
        return f"{self.effect:<11}  {self.path or 'schema'}: {self.message}"


def diff(old: Schema, new: Schema) -> list[Change]:
    """All differences that matter to data, those of the whole schema first, then by field in the order of `new`."""
    return [*_whole(old, new), *_fields(old.root, new.root)]


def _whole(old: Schema, new: Schema) -> Iterator[Change]:
    if old.behavior != new.behavior:
        yield Change("", "breaking", f"describes {new.behavior} data, not {old.behavior} data any more")
    if old.class_id != new.class_id:
        yield Change("", "breaking", f"the class changes from {old.class_id} to {new.class_id}")
    was, now = old.for_profile, new.for_profile
    if was and not now:
        yield Change("", "breaking", "is no longer enabled for Profile")
    elif now and not was:
        yield Change("", "compatible", "is now enabled for Profile")
    if old.primary_identity != new.primary_identity:
        before, after = (
            f"'{format_path(identity.path)}' ({identity.namespace})" if identity else "none"
            for identity in (old.primary_identity, new.primary_identity)
        )
        yield Change("", "breaking" if was else "restricting", f"the primary identity changes from {before} to {after}")
    olds, news = ({i for i in schema.identities if not i.primary} for schema in (old, new))
    for identity in sorted(news - olds, key=lambda i: format_path(i.path)):
        yield Change(format_path(identity.path), "compatible", f"becomes an identity of {identity.namespace}")
    for identity in sorted(olds - news, key=lambda i: format_path(i.path)):
        yield Change(format_path(identity.path), "restricting", f"is no longer an identity of {identity.namespace}")


def _fields(old: Field, new: Field) -> Iterator[Change]:
    before = {field.path: field for field in old.walk()}
    after = {field.path: field for field in new.walk()}
    added = {path: field for path, field in after.items() if path not in before}
    for path, field in after.items():
        if path in before:
            yield from _changed(before[path], field)
        elif path[:-1] in before:  # the topmost new field speaks for all below it
            if field.required:
                yield Change(str(field), "restricting", f"a new required field of type {field.type}")
            else:
                yield Change(str(field), "compatible", f"a new field of type {field.type}")
    for path, field in before.items():
        if path not in after and path[:-1] in after and before[path[:-1]].type == after[path[:-1]].type:
            moved = [str(f) for p, f in added.items() if p[-1] == path[-1] and f.type == field.type]
            hint = f"; '{moved[0]}' looks like the same field moved" if moved else ""
            yield Change(str(field), "breaking", f"the field is removed{hint}")


def _changed(old: Field, new: Field) -> Iterator[Change]:
    path = str(new) if new.path else ""
    if old.type != new.type:
        yield Change(path, "breaking", f"the type changes from {old.type} to {new.type}")
        return
    if new.required and not old.required:
        yield Change(path, "restricting", "becomes required")
    elif old.required and not new.required:
        yield Change(path, "compatible", "is no longer required")
    for name in sorted(new.required_children - old.required_children - set(new.children)):
        yield Change(path, "restricting", f"requires '{name}'")
    yield from _constraints(path, *_without_width(old, new))
    status = [field.constraints.get("meta:status") == "deprecated" for field in (old, new)]
    if status[0] != status[1]:
        yield Change(path, "compatible", "becomes deprecated" if status[1] else "is no longer deprecated")


def _without_width(old: Field, new: Field) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The constraints of both; bounds of an integer that come or go are left out where they are its type's own."""
    before, after = old.constraints, new.constraints
    if old.type not in INTEGER_BOUNDS:
        return before, after
    for key, end in (("minimum", 0), ("maximum", 1)):
        width = INTEGER_BOUNDS[old.type][end]
        if {before.get(key), after.get(key)} == {None, width}:
            before, after = ({k: v for k, v in node.items() if k != key} for node in (before, after))
    return before, after


def _constraints(path: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    if not same(old.get("type"), new.get("type")):
        yield Change(path, "breaking", f"the JSON type changes from {old.get('type')} to {new.get('type')}")
    for keys, tighter in ((_LOWER, 1), (_UPPER, -1)):
        for key in keys:
            before, after = old.get(key), new.get(key)
            if before == after:
                continue
            restricts = after is not None and (before is None or (after - before) * tighter > 0)
            yield Change(path, "breaking" if restricts else "compatible", _from_to(key, before, after))
    yield from _choices(path, old.get("enum"), new.get("enum"))
    for key in _RULES:
        before, after = old.get(key), new.get(key)
        if same(before, after) or (key == "additionalProperties" and _map_values(before, after)):
            continue
        gone = after is None or (key == "additionalProperties" and after is True)
        gone = gone or (key == "uniqueItems" and after is False)
        yield Change(path, "compatible" if gone else "breaking", _from_to(key, before, after))


def _map_values(before: Any, after: Any) -> bool:
    """Whether both are the values of a map, which are a field of their own."""
    return isinstance(before, dict) and isinstance(after, dict)


def _choices(path: str, old: Any, new: Any) -> Iterator[Change]:
    if old is None and new is None:
        return
    if old is None:
        yield Change(path, "breaking", f"only some values are permitted now: {_json(new)}")
    elif new is None:
        yield Change(path, "compatible", "all values are permitted now")
    else:
        gone = [value for value in old if not any(same(value, other) for other in new)]
        come = [value for value in new if not any(same(value, other) for other in old)]
        if gone:
            yield Change(path, "breaking", f"no longer permitted: {_json(gone)}")
        if come:
            yield Change(path, "compatible", f"now permitted: {_json(come)}")


def _from_to(key: str, before: Any, after: Any) -> str:
    if before is None:
        return f"'{key}' is now {_json(after)}"
    if after is None:
        return f"'{key}' {_json(before)} is dropped"
    return f"'{key}' changes from {_json(before)} to {_json(after)}"


def _json(value: Any, limit: int = 80) -> str:
    """A value as it is in the schema, cut where it is long."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= limit else text[: limit - 4] + "..." + text[-1]
