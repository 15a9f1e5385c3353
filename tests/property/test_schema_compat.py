"""A renamed record is valid under the renamed schema exactly where the raw record is under the raw one."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema.validators import Draft6Validator

from xdmprep.schema.compat import compatible

#: raw name -> where it stands in the platform
PLACES = {
    "xdm:a": ("a",),
    "@id": ("_id",),
    "repo:b": ("_repo", "b"),
    "repo:c": ("_repo", "c"),
    "https://ns.adobe.com/x/y/d": ("_x", "y", "d"),
    "plain": ("plain",),
}
NAMES = st.sampled_from(list(PLACES))
SCALARS = st.one_of(st.integers(0, 3), st.sampled_from(["", "aa"]), st.booleans())
RECORDS = st.recursive(SCALARS, lambda inner: st.dictionaries(NAMES, inner, max_size=4), max_leaves=8)
PLAIN = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["string", "integer", "boolean"]),
        "minimum": st.integers(0, 2),
        "minLength": st.integers(0, 2),
        "enum": st.lists(SCALARS, min_size=1, max_size=2),
    },
)


def objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {"type": st.just("object")},
        optional={
            "properties": st.dictionaries(NAMES, inner, max_size=4),
            "required": st.lists(NAMES, max_size=2, unique=True),
            "additionalProperties": st.booleans(),
            "anyOf": st.lists(inner, min_size=1, max_size=2),
            "allOf": st.lists(inner, min_size=1, max_size=2),
        },
    )


SCHEMAS = objects(st.recursive(PLAIN, objects, max_leaves=6))


def renamed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    out: dict[str, Any] = {}
    for name, part in value.items():
        *up, last = PLACES[name]
        node = out
        for step in up:
            node = node.setdefault(step, {})
        node[last] = renamed(part)
    return out


@settings(max_examples=120)
@given(schema=SCHEMAS, records=st.lists(RECORDS, min_size=1, max_size=8))
def test_verdicts_follow_the_names(schema: dict[str, Any], records: list[Any]) -> None:
    raw, converted = Draft6Validator(schema), Draft6Validator(compatible(schema))
    for record in records:
        assert raw.is_valid(record) == converted.is_valid(renamed(record)), renamed(record)
