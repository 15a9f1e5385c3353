"""The open XDM repository as a registry: every component resolves, and resolving never changes a verdict.

The verdicts are those of three public validators on the original components; here `jsonschema` judges the same records
by the resolved schemas.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from conftest import open_repository
from jsonschema import Draft7Validator
from jsonschema.validators import Draft6Validator

from xdmprep.errors import SchemaError
from xdmprep.schema import Schema

pytestmark = pytest.mark.shared


@cache
def validator(schema_id: str) -> Draft6Validator:
    return Draft6Validator(open_repository()[schema_id].json_schema, format_checker=Draft7Validator.FORMAT_CHECKER)


def lines(path: Path) -> Iterator[Any]:
    return (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())


def test_every_component_loads_and_is_self_contained(shared: Path) -> None:
    index = list(lines(shared / "xdm" / "components" / "index.jsonl"))
    assert len(open_repository()) == len(index) == 819
    for entry in index:
        schema = open_repository()[entry["schema_id"]]
        assert schema.id.rstrip("#") == entry["schema_id"]
        local = set(_references(schema.json_schema))
        assert local <= {"#", *(f"#/definitions/{name}" for name in schema.json_schema.get("definitions", {}))}
        assert isinstance(schema.arrow_schema, pa.Schema)
        assert len(str(schema)) > 10


def _references(root: Any) -> Iterator[str]:
    """All `$ref` in places where a schema may stand; unknown keywords may hold anything."""
    seen: set[int] = set()
    todo = [root]
    while todo:
        node = todo.pop()
        if not isinstance(node, dict) or id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for key in ("properties", "patternProperties", "definitions"):
            todo += node.get(key, {}).values()
        for key in ("allOf", "anyOf", "oneOf"):
            todo += node.get(key, [])
        todo += [node.get(key) for key in ("items", "additionalProperties", "not")]


def test_examples_keep_their_verdicts(shared: Path) -> None:
    wrong, checked = [], 0
    for entry in lines(shared / "xdm" / "examples" / "index.jsonl"):
        record = json.loads((shared / "xdm" / "examples" / entry["example"]).read_text(encoding="utf-8"))
        checked += 1
        if validator(entry["schema_id"]).is_valid(record) != entry["valid"]:
            wrong.append(entry["example"])
    assert checked > 500
    assert wrong == []


def test_mutations_keep_their_verdicts(shared: Path) -> None:
    wrong, checked = [], 0
    for entry in lines(shared / "xdm" / "mutations.jsonl"):
        checked += 1
        if validator(entry["schema_id"]).is_valid(entry["record"]) != entry["valid"]:
            wrong.append((entry["schema_id"], entry["kind"], entry["pointer"]))
    assert checked > 300
    assert wrong == []


@pytest.mark.parametrize("form", ["xed", "xed-full"])
@pytest.mark.parametrize("name", ["profile", "event"])
def test_dataset_records_keep_their_verdicts(name: str, form: str, shared: Path) -> None:
    folder = shared / "xdm" / "datasets" / name
    schema = Schema.load(folder / f"{name}.{form}.json")
    judge = Draft6Validator(schema.json_schema, format_checker=Draft7Validator.FORMAT_CHECKER)
    records = list(lines(folder / f"{name}.records.jsonl"))
    assert len(records) > 100
    assert [entry for entry in records if judge.is_valid(entry["record"]) != entry["valid"]] == []


@pytest.mark.parametrize("form", ["xed", "xed-full"])
@pytest.mark.parametrize("name", ["profile", "event"])
def test_datasets_have_the_fields_of_the_reference_table(name: str, form: str, shared: Path) -> None:
    """Both forms give the fields, types and constraints of the reference table."""
    folder = shared / "xdm" / "datasets" / name
    schema = Schema.load(folder / f"{name}.{form}.json")
    table = list(lines(folder / f"{name}.fields.jsonl"))
    told = ("format", "minimum", "maximum", "pattern", "enum", "minLength", "maxLength")
    got = {}
    for field in schema.root.walk():
        if field.path:
            path = "".join({"[*]": "[]", "{*}": ".{key}"}.get(str(step), f".{step}") for step in field.path)
            rules = {key: field.constraints[key] for key in told if key in field.constraints}
            got[path.lstrip(".")] = {"xdmType": field.type, "required": field.required, **rules}
    expected = {
        line["path"]: {
            "xdmType": line["xdmType"],
            "required": line.get("required", False),
            **{key: line[key] for key in told if key in line},
        }
        for line in table
    }
    assert got == expected
    assert schema.undeclared == ()


def test_an_id_that_is_not_there_names_the_nearest(shared: Path) -> None:
    with pytest.raises(SchemaError, match=r"Did you mean 'https://ns.adobe.com/xdm/context/profile'"):
        open_repository()["https://ns.adobe.com/xdm/context/profil"]
