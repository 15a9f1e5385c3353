from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from conftest import open_repository

from xdmprep.core.rules import RULES
from xdmprep.schema import Registry, Schema
from xdmprep.schema.lint import lint

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"


def found(node: Any, **more: Any) -> set[tuple[str, str]]:
    """Rules and paths of what is found in a schema with the field `f`."""
    content = {"$id": "https://ns.adobe.com/acme/schemas/t", "title": "T", "properties": {"f": node}, **more}
    return {(issue.code.removeprefix("schema-"), issue.path) for issue in lint(Schema.from_dict(content))}


STRING, LONG = {"type": "string"}, {"type": "integer", "meta:xdmType": "long"}


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (STRING, set()),
        ({**STRING, "meta:xdmType": "string", "enum": ["a"], "meta:enum": {"a": "A"}}, set()),
        ({**STRING, "meta:enum": {"a": "A"}}, set()),
        # tags
        ({**STRING, "meta:xdmType": "strnig"}, {("type-tag", "f")}),
        ({**STRING, "meta:xdmType": "long"}, {("type-tag", "f")}),
        ({"type": "integer", "maximum": 128, "meta:xdmType": "byte"}, {("type-tag", "f"), ("bound", "f")}),
        ({"type": "integer", "maximum": 300, "meta:xdmType": "byte"}, {("type-tag", "f")}),
        ({"type": "integer", "minimum": 0, "maximum": 20, "meta:xdmType": "int"}, set()),
        ({**STRING, "meta:xdmType": "date"}, {("type-tag", "f")}),
        ({**STRING, "format": "date", "meta:xdmType": "date"}, set()),
        ({"type": "object", "additionalProperties": STRING, "meta:xdmType": "object"}, {("type-tag", "f")}),
        # bounds that are one too high
        ({"type": "integer", "maximum": 2147483648, "minimum": 0}, {("bound", "f")}),
        ({"type": "integer", "maximum": 2147483647, "minimum": -2147483648}, set()),
        ({**LONG, "maximum": 9007199254740992}, {("bound", "f")}),
        ({**LONG, "minimum": -9007199254740992}, {("bound", "f")}),
        ({"type": "number", "maximum": 128}, set()),
        # names of their own that look like the steps for every element and every value
        *(({"type": "object", "properties": {name: STRING}}, {("name", place)})
          for name, place in (("[*]", "f[*]"), ("{*}", "f.{*}"), ("a b", "f.a b"))),
        ({"type": "array", "items": {"type": "object", "meta:xdmType": "map", "additionalProperties": STRING}}, set()),
        # maps
        ({"type": "object", "meta:xdmType": "map", "additionalProperties": STRING}, set()),
        ({"type": "object", "meta:xdmType": "map"}, {("map", "f"), ("undeclared", "f")}),
        ({"type": "object", "meta:xdmType": "map", "properties": {"a": STRING}}, {("map", "f")}),
        # required fields that cannot be filled
        ({"type": "object", "properties": {"a": STRING}, "required": ["b"]}, {("required", "f")}),
        (
            {"type": "object", "properties": {"a": STRING}, "required": ["b"], "additionalProperties": False},
            {("unfillable", "f")},
        ),
        (
            {"type": "object", "properties": {"a": {"type": "object"}}, "required": ["a"]},
            {("required", "f.a"), ("undeclared", "f.a")},
        ),
        ({"type": "integer", "minimum": 2, "maximum": 1}, {("unfillable", "f")}),
        ({**STRING, "minLength": 2, "maxLength": 1}, {("unfillable", "f")}),
        ({**STRING, "enum": [1, 2]}, {("unfillable", "f")}),
        ({**STRING, "const": None}, {("unfillable", "f")}),
        ({**STRING, "enum": ["a"], "const": "b"}, {("unfillable", "f")}),
        # permitted values
        ({**STRING, "enum": ["a", 1]}, {("enum", "f")}),
        ({**STRING, "enum": ["a", "a"]}, {("enum", "f")}),
        ({**STRING, "enum": ["a"], "meta:enum": {"b": "B"}}, {("enum", "f")}),
        ({**STRING, "enum": ["a"], "default": "b"}, {("enum", "f")}),
        # words
        ({**STRING, "pattern": "["}, {("pattern", "f")}),
        ({**STRING, "maxlength": 3}, {("keyword", "f")}),
        ({**STRING, "format": "datetime"}, {("format", "f")}),
        ({**STRING, "format": "uri-reference"}, set()),
        ({**STRING, "meta:status": "deprecated"}, {("deprecated", "f")}),
        ({"type": "object"}, {("undeclared", "f")}),
        ({}, {("undeclared", "f")}),
        ({"properties": {"a b": STRING, "_x": STRING, "_id": STRING}}, {("name", "f.a b"), ("name", "f._x")}),
    ],
)  # fmt: skip
def test_which_rules_a_node_breaks(node: dict[str, Any], expected: set[tuple[str, str]]) -> None:
    assert found(node) == expected


def test_whole_schemas() -> None:
    assert {issue.code for issue in lint(Schema.from_dict({"properties": {"f": STRING}}))} == {"schema-incomplete"}
    assert found(STRING, **{"meta:immutableTags": ["union"]}) == {("identity", "")}
    event = {"meta:extends": ["https://ns.adobe.com/xdm/data/time-series"]}
    assert found(STRING, **event, required=["_id"]) == {("time-series", ""), ("required", "")}
    loop = {"type": "object", "properties": {"again": {"$ref": "#/definitions/l"}}}
    endless = found({"$ref": "#/definitions/l"}, definitions={"l": loop})
    assert ("endless", "f.again") in endless or ("endless", "f.again.again") in endless


def test_hints_name_the_right_word() -> None:
    content = {"$id": "x", "title": "T", "properties": {"f": {"type": "string", "maxlength": 3}}}
    (issue,) = lint(Schema.from_dict(content))
    assert "Did you mean 'maxLength'" in issue.hint


def test_shipped_schemas_are_beyond_doubt() -> None:
    registry = Registry.load(SCHEMAS)
    assert {id: lint(registry[id]) for id in registry} == {id: [] for id in registry}


def test_the_documentation_lists_every_rule() -> None:
    text = (SCHEMAS.parent / "xdmprep" / "docs" / "schemas.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"\| `(schema-[a-z-]+)` \| (error|warning) \|", text))
    assert told == {code: rule.severity for code, rule in RULES.items() if code.startswith("schema-")}


def test_every_rule_is_known_and_none_is_about_records() -> None:
    codes = {code for code in RULES if code.startswith("schema-")}
    assert len(codes) > 15
    assert all(not RULES[code].sets for code in codes)


@pytest.mark.shared
def test_doubts_about_the_open_repository() -> None:
    """Known slips are found: bounds past the safe range, a string whose only value is null, misplaced keywords."""
    registry = open_repository()
    issues = [(id, issue) for id in registry for issue in lint(registry[id])]
    by_code = {issue.code for _, issue in issues}
    assert {"schema-bound", "schema-unfillable", "schema-keyword", "schema-deprecated", "schema-enum"} <= by_code
    errors = {id for id, issue in issues if issue.severity == "error"}
    assert errors == {
        "https://ns.adobe.com/experience/decisioning/proposition-metric-profile",
        "https://ns.adobe.com/experience/decisioning/proposition-metric-total",
    }
