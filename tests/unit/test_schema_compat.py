from __future__ import annotations

import pytest
from jsonschema.validators import Draft6Validator

from xdmprep.schema import Schema
from xdmprep.schema.compat import compatible_steps


@pytest.mark.parametrize(
    ("raw", "steps"),
    [
        ("xdm:firstName", ("firstName",)),
        ("@id", ("_id",)),
        ("@type", ("_type",)),
        ("repo:createDate", ("_repo", "createDate")),
        ("schema:latitude", ("_schema", "latitude")),
        ("https://ns.adobe.com/experience/campaign/x", ("_experience", "campaign", "x")),
        ("https://ns.adobe.com/vendorA/product/stockNumber", ("_vendorA", "product", "stockNumber")),
        ("plain", ("plain",)),
        ("_acme", ("_acme",)),
        ("with-dash", ("with-dash",)),
    ],
)
def test_which_steps_a_name_becomes(raw: str, steps: tuple[str, ...]) -> None:
    assert compatible_steps(raw) == steps


RAW = {
    "title": "Raw",
    "type": "object",
    "required": ["xdm:a", "repo:createDate", "plain"],
    "definitions": {"loop": {"type": "object", "properties": {"xdm:again": {"$ref": "#/definitions/loop"}}}},
    "properties": {
        "xdm:a": {"type": "object", "required": ["@id"], "properties": {"@id": {"type": "string"}}},
        "repo:createDate": {"type": "string", "format": "date-time"},
        "repo:size": {"type": "integer", "minimum": 0, "maximum": 9},
        "plain": {"type": "string"},
        "xdm:list": {"type": "array", "items": {"type": "object", "properties": {"xdm:b": {"type": "number"}}}},
        "xdm:map": {"additionalProperties": {"type": "object", "properties": {"xdm:c": {"type": "number"}}}},
        "xdm:ip": {"type": "string", "oneOf": [{"maxLength": 2}, {"minLength": 4}]},
        "xdm:loop": {"$ref": "#/definitions/loop"},
    },
    "oneOf": [{"patternProperties": {"^xdm:.*$": {}}, "additionalProperties": False}, {"required": ["@context"]}],
}


def test_fields_keep_what_is_said_of_them() -> None:
    raw, found = Schema.from_dict(RAW), Schema.from_dict(RAW, compat=True)
    assert "xdm:a" in raw.columns
    assert found.paths()[:7] == ["a._id", "_repo.createDate", "_repo.size", "plain", "list[*].b", "map.{*}.c", "ip"]
    assert found.root.required_children == {"a", "_repo", "plain"}
    assert found.find("_repo.createDate").required
    assert found.find("_repo").required
    assert found.find("a._id").required
    assert found.find("_repo.size").constraints["meta:xdmField"] == "repo:size"
    assert found.find("_repo.size").constraints["meta:xdmType"] == "byte"
    assert found.find("loop.again.again.again").type == "object"
    assert "oneOf" not in found.json_schema, "rules about prefixes have nothing to say any more"
    assert found.source == RAW


@pytest.mark.parametrize(
    ("record", "valid"),
    [
        ({"a": {"_id": "1"}, "_repo": {"createDate": "x"}, "plain": ""}, True),
        ({"a": {"_id": "1"}, "_repo": {}, "plain": ""}, False),
        ({"a": {"_id": "1"}, "plain": ""}, False),
        ({"a": {}, "_repo": {"createDate": "x"}, "plain": ""}, False),
        ({"a": {"_id": "1"}, "_repo": {"createDate": "x"}, "plain": "", "ip": "abc"}, False),
        ({"a": {"_id": "1"}, "_repo": {"createDate": "x"}, "plain": "", "unknown": 1}, True),
        ({"a": {"_id": "1"}, "_repo": {"createDate": "x"}, "plain": "", "loop": {"again": {"again": 1}}}, False),
    ],
)
def test_converted_schemas_judge_converted_records(record: object, valid: bool) -> None:
    assert Draft6Validator(Schema.from_dict(RAW, compat=True).json_schema).is_valid(record) is valid


def test_names_that_are_already_converted_stay() -> None:
    once = Schema.from_dict(RAW, compat=True)
    twice = Schema.from_dict(once.json_schema, compat=True)
    assert twice.paths() == once.paths()


def test_two_raw_names_for_one_field_both_hold() -> None:
    found = Schema.from_dict(
        {"properties": {"xdm:n": {"type": "string", "minLength": 2}, "n": {"type": "string", "maxLength": 3}}},
        compat=True,
    )
    assert found.find("n").constraints["minLength"] == 2
    assert found.find("n").constraints["maxLength"] == 3
