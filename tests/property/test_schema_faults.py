"""Whatever is wrong with a schema, it is told as an error of ours, never as a traceback from within."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

import xdmprep as xp
from xdmprep.errors import SchemaError, XdmPrepError
from xdmprep.sample import sample
from xdmprep.schema import Schema
from xdmprep.schema.diff import diff
from xdmprep.schema.lint import lint

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"
RECURSIVE = {
    "title": "R",
    "type": "object",
    "properties": {
        "n": {"$ref": "#/definitions/n"},
        "m": {"type": "object", "additionalProperties": {"type": "array", "items": {"$ref": "#/definitions/n"}}},
    },
    "allOf": [{"$ref": "#/definitions/n"}, {"required": ["n"]}],
    "definitions": {
        "n": {"type": "object", "properties": {"a": {"type": "string"}, "more": {"$ref": "#/definitions/n"}}}
    },
}
SOURCES = [
    RECURSIVE,
    *(
        json.loads((SCHEMAS / name).read_text(encoding="utf-8"))
        for name in ("loyalty-profile.schema.json", "store-visits.adhoc.schema.json")
    ),
]
ODD: list[Any] = [
    None, True, False, 0, -1, 1.5, float("nan"), "x", "", "string", [], {}, ["a"], [1], [{}], {"a": 1}, {"$ref": "#"},
    {"$ref": "#/definitions/n"}, {"$ref": 5}, {"$ref": ""}, {"type": ["string", "integer"]}, {"allOf": [{"$ref": "#"}]},
    {"allOf": [True, False]}, {"items": [{"type": "string"}]}, {"properties": {"": {}}},
    {"properties": {"a.b": {"type": "string"}, "[*]": {"type": "string"}, "{*}": {"type": "string"}}},
    10**400, -(10**400), "(", "^(a+)+$", "(?=(a|b)+c)", "http://json-schema.org/draft-07/schema#", {"$id": "#n"},
    {"$id": "https://x.example/y", "$ref": "#n"}, {"if": True, "then": False}, "urn:x", {"not": True}, {"items": False},
]  # fmt: skip
KEYWORDS = [
    "allOf", "oneOf", "anyOf", "not", "$ref", "items", "additionalProperties", "properties", "required", "definitions",
    "enum", "const", "pattern", "meta:xdmType", "meta:enum", "meta:descriptors", "meta:extends", "meta:class", "title",
    "minimum", "maximum", "exclusiveMinimum", "minLength", "format", "dependencies", "patternProperties", "default",
    "meta:immutableTags", "uniqueItems", "type", "$id", "$schema", "if", "then", "else", "contains", "propertyNames",
    "additionalItems", "multipleOf", "minItems", "maxProperties",
]  # fmt: skip


def places(node: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) of a JSON value."""
    pairs = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, part in pairs:
        yield node, key
        yield from places(part)


def spoil(content: Any, source: random.Random) -> None:
    """Change one place of `content` at random."""
    container, key = source.choice(list(places(content)))
    value = copy.deepcopy(source.choice(ODD))
    kind = source.random()
    if isinstance(container, dict) and kind < 0.2:
        del container[key]
    elif isinstance(container, dict) and kind < 0.5:
        container[source.choice(KEYWORDS)] = value
    else:
        container[key] = value


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32), changes=st.integers(1, 3), compat=st.booleans())
def test_spoilt_schemas(seed: int, changes: int, compat: bool) -> None:
    source = random.Random(seed)
    content = copy.deepcopy(source.choice(SOURCES))
    for _ in range(changes):
        spoil(content, source)
    try:
        schema = Schema.from_dict(content, compat=compat)
    except SchemaError as error:
        assert str(error)
        return
    uses: list[Callable[[], Any]] = [
        lambda: str(schema), lambda: schema.arrow_schema, lambda: schema.undeclared, lambda: lint(schema),
        lambda: diff(schema, schema), schema.fields, schema.paths, lambda: (schema.sha256, schema.class_id),
    ]  # fmt: skip
    for use in uses:
        try:
            use()
        except SchemaError as error:
            assert str(error)
    table = pa.table({"n": ["x", None], "m": [[1], [2]], "_id": ["a", "b"]})
    record = {"n": {"a": "x", "more": [1]}, "m": {"k": [{"a": 5}]}, "identityMap": {"ECID": [{"id": 1}]}, "other": None}
    runs: list[Callable[[], Any]] = [
        *(lambda rules=rules: schema.check(record, rules) for rules in ("jsonschema", "batch", "strict")),  # type: ignore[misc]
        lambda: xp.validate(table, schema), lambda: xp.validate(pa.Table.from_pylist([record]), schema),
        lambda: list(sample(schema, 1)),
        *(lambda path=path: xp.map_rows(table, {path: "n"}, schema).to_pylist() for path in schema.paths()[:3]),  # type: ignore[misc]
    ]  # fmt: skip
    for run in runs:
        try:
            run()
        except XdmPrepError as error:
            assert str(error)
    for field in schema.root.walk():
        assert schema.find(field.path).path == field.path
