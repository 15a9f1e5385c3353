"""Doubtful parts of a readable schema: contradictions, fields that no value fits, pitfalls.

Each finding has a rule code of its own (``schema-...`` in :mod:`xdmprep.rules`).  An error means that the platform
would refuse the schema or that some value or record can never be valid; a warning means that it is worth a look.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..core.rules import RULES
from ..errors import Issue, did_you_mean, shorten
from .field import IDENTITY_MAPS, Field
from .merge import ASSERTIONS
from .model import Schema
from .types import FAMILIES, INTEGER_BOUNDS, SCALARS, derived_type, has_type, is_finite, tagged_type

Found = Iterator[Issue]

#: Upper bounds that Adobe's tables print one too high, and the true ones.
_ONE_TOO_HIGH = {2**7: 2**7 - 1, 2**15: 2**15 - 1, 2**31: 2**31 - 1, 2**53: 2**53 - 1, 2**63: 2**63 - 1}

_KNOWN = frozenset(
    {
        *ASSERTIONS, "title", "description", "default", "examples", "definitions", "$schema", "$id", "version",
        "imsOrg", "additionalItems", "contains", "dependencies", "not", "const", "$comment",
    }
)  # fmt: skip

_FORMATS = frozenset(
    {
        "date", "date-time", "time", "duration", "email", "idn-email", "hostname", "idn-hostname", "ipv4", "ipv6",
        "uri", "uri-reference", "uri-template", "url", "url-template", "iri", "iri-reference", "json-pointer",
        "relative-json-pointer", "regex", "uuid",
    }
)  # fmt: skip

_PAIRS = (
    ("minimum", "maximum"), ("minLength", "maxLength"), ("minItems", "maxItems"), ("minProperties", "maxProperties")
)  # fmt: skip

#: Properties a record may have in all by the platform's guardrail.
MAX_FIELDS = 10_000

_NAME = re.compile(r"[A-Za-z0-9_-]+\Z")


def lint(schema: Schema) -> list[Issue]:
    """What is doubtful about `schema`, in document order; an empty list means nothing was found."""
    found = list(_whole(schema))
    count = 0
    for field in schema.root.walk():
        count += 1
        if not field.path:
            found += [*_required(field), *_names(field)]
            continue
        for rule in (_tags, _bounds, _map, _required, _impossible, _values, _texts, _names, _keywords, _unfinished):
            found += rule(field)
    if count > MAX_FIELDS:
        found.append(_issue("schema-size", None, f"has {count} fields; the platform takes at most {MAX_FIELDS}"))
    return found


def _issue(code: str, field: Field | None, message: str, value: Any = None, hint: str = "") -> Issue:
    text = value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return Issue(
        code, RULES[code].severity, message, path=str(field) if field and field.path else "", value=text, hint=hint
    )


def _whole(schema: Schema) -> Found:
    if not schema.id:
        yield _issue("schema-incomplete", None, "has no '$id', so no dataset can refer to it")
    if not schema.title:
        yield _issue("schema-incomplete", None, "has no 'title'")
    if schema.profile_warning:
        message, mend = schema.profile_warning.removeprefix(f"{schema.name} ").split(". ", 1)
        yield _issue("schema-identity", None, message, hint=mend)
    if schema.behavior == "time-series":
        for name in ("_id", "timestamp"):
            if name not in schema.root.required_children and not any(
                raw in schema.root.required_children for raw in ("@id", "xdm:" + name)
            ):
                yield _issue("schema-time-series", None, f"describes events but does not require '{name}'")


def _tags(field: Field) -> Found:
    node = field.constraints
    tag, given = tagged_type(field.schema), node.get("meta:xdmType")
    if given is None:
        return
    if tag is None:
        known = [*SCALARS, "object", "array", "map"]
        yield _issue(
            "schema-type-tag", field, "'meta:xdmType' names no XDM type", given, did_you_mean(given, known).strip()
        )
        return
    derived = derived_type(field.schema)
    json_type = node.get("type")
    if isinstance(json_type, str) and json_type in FAMILIES and tag not in FAMILIES[json_type]:
        yield _issue("schema-type-tag", field, f"'meta:xdmType' does not fit the JSON type {json_type}", given)
    elif derived == "map" and tag == "object":
        yield _issue("schema-type-tag", field, "has the shape of a map but is tagged 'object'", given)
    elif tag in INTEGER_BOUNDS and isinstance(json_type, str):
        least, most = INTEGER_BOUNDS[tag]
        for keyword, bound in (("minimum", node.get("minimum")), ("maximum", node.get("maximum"))):
            if is_finite(bound) and not least <= bound <= most:
                yield _issue("schema-type-tag", field, f"'{keyword}' is outside the range of the type {tag}", bound)
    elif tag in ("date", "date-time") and node.get("format") != tag:
        yield _issue("schema-type-tag", field, f'is tagged \'{tag}\' without "format": "{tag}"', given)


def _bounds(field: Field) -> Found:
    high, low = field.constraints.get("maximum"), field.constraints.get("minimum")
    if field.type in INTEGER_BOUNDS and is_finite(high) and high in _ONE_TOO_HIGH:
        right = _ONE_TOO_HIGH[int(high)]
        yield _issue("schema-bound", field, "'maximum' is one too high for an integer width", high, f"Use {right}.")
    if field.type == "long" and is_finite(low) and low in (-(2**53), -(2**63) - 1):
        yield _issue("schema-bound", field, "'minimum' is one too low to be read exactly everywhere", low)


def _map(field: Field) -> Found:
    if field.path in IDENTITY_MAPS and field.type != "map":
        hint = "Give it 'additionalProperties' as the field group IdentityMap has them: namespaces are keys of a map."
        yield _issue(
            "schema-map", field, f"is of type {field.type}, but the platform takes identityMap as a map", hint=hint
        )
        return
    node = field.schema
    if tagged_type(node) != "map" or field.path in IDENTITY_MAPS:
        return
    if node.get("properties"):
        yield _issue("schema-map", field, "is tagged as a map but has 'properties'", hint="A map has values only.")
    elif not isinstance(node.get("additionalProperties"), dict):
        yield _issue(
            "schema-map", field, "is a map without a type for its values",
            hint="Add 'additionalProperties' with a schema.",
        )  # fmt: skip


def _required(field: Field) -> Found:
    if field.type != "object":
        return
    for name in sorted(field.required_children):
        child = field.children.get(name)
        if child is None:
            closed = field.constraints.get("additionalProperties") is False
            hint = did_you_mean(name, field.children).strip()
            if closed:
                yield _issue("schema-unfillable", field, f"requires '{name}', which it forbids", hint=hint)
            else:
                yield _issue("schema-required", field, f"requires '{name}' but does not declare it", hint=hint)
        elif not child.recursive and not child.declared:
            yield _issue("schema-required", child, "is required but has no type that a mapping could fill")
        elif child.constraints.get("meta:status") == "deprecated":
            yield _issue("schema-deprecated", child, "is required and deprecated")


def _impossible(field: Field) -> Found:
    node = field.constraints
    for low, high in _PAIRS:
        if low in node and high in node and node[low] > node[high]:
            yield _issue("schema-unfillable", field, f"no value can meet {low} {node[low]} and {high} {node[high]}")
    choices = node.get("enum", [node["const"]] if "const" in node else None)
    json_type = node.get("type")
    if choices is not None and isinstance(json_type, str) and json_type in FAMILIES:
        wrong = [value for value in choices if not has_type(value, json_type)]
        if len(wrong) == len(choices):
            yield _issue("schema-unfillable", field, f"none of the permitted values is of type {json_type}", choices)
        elif wrong:
            yield _issue("schema-enum", field, f"some permitted values are not of type {json_type}", wrong)
    if "enum" in node and "const" in node and node["const"] not in node["enum"]:
        yield _issue("schema-unfillable", field, "'const' is not one of 'enum'", node["const"])


def _values(field: Field) -> Found:
    node = field.constraints
    enum, labels = node.get("enum"), node.get("meta:enum")
    if isinstance(enum, list):
        seen = [json.dumps(value, sort_keys=True) for value in enum]
        twice = [value for value, text in zip(enum, seen, strict=True) if seen.count(text) > 1]
        if twice:
            yield _issue("schema-enum", field, "a value occurs twice in 'enum'", twice[0])
        if isinstance(labels, Mapping) and set(map(str, enum)) != set(labels):
            odd = sorted(set(map(str, enum)) ^ set(labels))
            yield _issue("schema-enum", field, "'enum' and 'meta:enum' name different values", odd)
    if "default" in node and node.get("default") is not None and isinstance(enum, list) and node["default"] not in enum:
        yield _issue("schema-enum", field, "'default' is not one of 'enum'", node["default"])


def _texts(field: Field) -> Found:
    pattern = field.constraints.get("pattern")
    if pattern is not None:
        try:
            re.compile(pattern)
        except re.error as error:
            yield _issue("schema-pattern", field, f"'pattern' is no regular expression: {error}", pattern)
    named = field.constraints.get("format")
    if named is not None and named not in _FORMATS:
        hint = did_you_mean(named, _FORMATS).strip()
        yield _issue("schema-format", field, "no checker knows this 'format', so it has no effect", named, hint)
    if field.constraints.get("meta:status") == "deprecated":
        yield _issue("schema-deprecated", field, "is deprecated")


def _names(parent: Field) -> Found:
    for name, field in parent.children.items():
        if ":" in name or name.startswith("@"):
            continue  # raw XDM names have their own rules
        if not _NAME.match(name):
            yield _issue("schema-name", field, "a name holds letters, digits, dashes and underscores only", name)
        elif name.startswith("_") and field.type != "object" and name not in ("_id", "_type"):
            yield _issue("schema-name", field, "a name that begins with '_' is reserved for namespaces", name)


def _keywords(field: Field) -> Found:
    for key in field.constraints:
        if key in _KNOWN or ":" in key:
            continue
        hint = did_you_mean(key, _KNOWN).strip()
        yield _issue("schema-keyword", field, f"{shorten(key)} is no keyword and has no effect", hint=hint)


def _unfinished(field: Field) -> Found:
    if field.recursive:
        yield _issue("schema-endless", field, "contains itself: it can be validated, but has no Arrow type")
    elif not field.below and field.type != "any" and not field.declared:
        yield _issue("schema-undeclared", field, f"is of type {field.type} but does not say of what")
    elif field.type == "any":
        yield _issue("schema-undeclared", field, "declares no type")
