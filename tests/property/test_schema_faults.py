"""Whatever is wrong with a schema, it is told as an error of ours, never as a traceback from within."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from xdmprep.errors import SchemaError
from xdmprep.schema import Schema, diff, lint

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
]  # fmt: skip
KEYWORDS = [
    "allOf", "oneOf", "anyOf", "not", "$ref", "items", "additionalProperties", "properties", "required", "definitions",
    "enum", "const", "pattern", "meta:xdmType", "meta:enum", "meta:descriptors", "meta:extends", "meta:class", "title",
    "minimum", "maximum", "exclusiveMinimum", "minLength", "format", "dependencies", "patternProperties", "default",
    "meta:immutableTags", "uniqueItems", "type",
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


@settings(max_examples=120, deadline=None)
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
    for field in schema.root.walk():
        assert schema.find(field.path).path == field.path
