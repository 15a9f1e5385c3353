"""Resolving a schema never changes a verdict: random `allOf` and `$ref`, random values, judged before and after."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema.validators import Draft6Validator

from xdmprep.schema.documents import Components, Document
from xdmprep.schema.resolve import Resolver

NAMES = st.sampled_from(["a", "b", "xdm:c"])
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([0.5, 1.0, 2.0, -2.5]),
    st.sampled_from(["", "a", "bb"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=6,
)
TYPES = st.sampled_from(["string", "number", "integer", "boolean", "array", "object", "null"])
REFERENCES = st.sampled_from(["#/definitions/d", "#/definitions/e"]).map(lambda ref: {"$ref": ref})


def keywords(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Schemas of the keywords that are merged, with `inner` for the parts."""
    named = st.dictionaries(NAMES, inner, max_size=2)
    small = st.integers(0, 2)
    return st.fixed_dictionaries(
        {},
        optional={
            "type": st.one_of(TYPES, TYPES, st.lists(TYPES, min_size=1, max_size=2, unique=True)),
            "properties": named,
            "patternProperties": st.dictionaries(st.sampled_from(["^a", "b"]), inner, max_size=1),
            "additionalProperties": st.one_of(st.booleans(), inner),
            "required": st.lists(NAMES, max_size=2, unique=True),
            "items": st.one_of(inner, st.lists(inner, min_size=1, max_size=2)),
            "additionalItems": st.booleans(),
            "allOf": st.lists(inner, min_size=1, max_size=3),
            "anyOf": st.lists(inner, min_size=1, max_size=2),
            "oneOf": st.lists(inner, min_size=1, max_size=2),
            "not": inner,
            "enum": st.lists(SCALARS, min_size=1, max_size=3),
            "const": SCALARS,
            "minimum": st.integers(-2, 2),
            "exclusiveMaximum": st.integers(-2, 2),
            "minLength": small,
            "maxItems": small,
            "minProperties": small,
            "uniqueItems": st.booleans(),
            "pattern": st.sampled_from(["a", "^b", "c$"]),
            "title": st.just("T"),
            "meta:xdmType": st.sampled_from(["string", "int", "map"]),
        },
    ).map(_judgeable)


def _judgeable(node: dict[str, Any]) -> dict[str, Any]:
    """`jsonschema` stumbles over `additionalItems` beside `items` that is true or false."""
    if isinstance(node.get("items"), bool):
        node.pop("additionalItems", None)
    return node


NODES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.booleans(), REFERENCES, keywords(st.just({}))), keywords, max_leaves=8
)
PLAIN = st.recursive(st.one_of(st.booleans(), keywords(st.just({}))), keywords, max_leaves=4)


@settings(max_examples=80)
@given(root=keywords(NODES), d=PLAIN, e=PLAIN, values=st.lists(VALUES, min_size=1, max_size=8))
def test_verdicts_stay(root: dict[str, Any], d: Any, e: Any, values: list[Any]) -> None:
    content = {**root, "definitions": {"d": d, "e": e}}
    resolved = Resolver(Components()).resolve(Document(content, "random"))
    before, after = Draft6Validator(content), Draft6Validator(resolved)
    for value in values:
        assert before.is_valid(value) == after.is_valid(value), value


@settings(max_examples=80)
@given(parts=st.lists(keywords(PLAIN), min_size=2, max_size=3), values=st.lists(VALUES, min_size=1, max_size=8))
def test_all_of_plain_parts(parts: list[Any], values: list[Any]) -> None:
    content = {"allOf": parts}
    resolved = Resolver(Components()).resolve(Document(content, "random"))
    before, after = Draft6Validator(content), Draft6Validator(resolved)
    for value in values:
        assert before.is_valid(value) == after.is_valid(value), value


@settings(max_examples=100)
@given(
    inner=keywords(st.one_of(st.just({"$ref": "#/definitions/d"}), st.just({"$ref": "#"}), st.just({}))),
    values=st.lists(VALUES, min_size=1, max_size=8),
)
def test_definitions_that_contain_themselves(inner: dict[str, Any], values: list[Any]) -> None:
    # a schema that applies itself to the same value never comes to an end; only parts may be references
    inner = {key: value for key, value in inner.items() if key not in ("allOf", "anyOf", "oneOf", "not")}
    content = {"type": "object", "properties": {"a": {"$ref": "#/definitions/d"}}, "definitions": {"d": inner}}
    resolved = Resolver(Components()).resolve(Document(content, "random"))
    before, after = Draft6Validator(content), Draft6Validator(resolved)
    for value in values:
        assert before.is_valid({"a": value}) == after.is_valid({"a": value}), value
