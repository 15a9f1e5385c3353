from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from jsonschema.validators import Draft6Validator

from xdmprep.errors import SchemaError
from xdmprep.schema import Registry, Schema

BASE = "https://ns.adobe.com/xdm/"


def write(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


GROUP = {
    "$id": BASE + "mixins/g",
    "meta:altId": "_xdm.mixins.g",
    "title": "G",
    "type": "object",
    "definitions": {"own": {"properties": {"name": {"$ref": BASE + "datatypes/n", "title": "Full name"}}}},
    "allOf": [{"$ref": "#/definitions/own"}],
}
NAME = {
    "$id": BASE + "datatypes/n",
    "title": "N",
    "description": "A name.",
    "type": "object",
    "properties": {"first": {"type": "string"}},
}
COMPACT = {
    "$id": "https://ns.adobe.com/acme/schemas/c",
    "title": "C",
    "allOf": [{"$ref": BASE + "mixins/g", "type": "object"}, {"properties": {"n": {"type": "integer"}}}],
}


def test_compact_with_components_beside_it(tmp_path: Path) -> None:
    for folder in (tmp_path / "a", tmp_path / "b"):
        write(folder / "c.json", COMPACT)
    write(tmp_path / "a" / "g.json", GROUP)
    write(tmp_path / "a" / "n.json", NAME)
    write(tmp_path / "b" / "components" / "deep" / "g.json", GROUP)
    write(tmp_path / "b" / "components" / "n.json", NAME)
    for folder in ("a", "b"):
        found = Schema.load(tmp_path / folder / "c.json")
        assert found.paths() == ["n", "name.first"] or found.paths() == ["name.first", "n"]
        assert "allOf" not in found.json_schema
        name = found.find("name")
        assert (name.title, name.description) == ("Full name", "A name.")
        assert name.constraints["meta:referencedFrom"] == BASE + "datatypes/n"


def test_components_from_a_registry(tmp_path: Path) -> None:
    registry = Registry().add(GROUP, NAME)
    file = write(tmp_path / "c.json", COMPACT)
    assert Schema.load(file, registry).find("name.first").type == "string"
    assert Schema.from_dict(COMPACT, registry).find("name.first").type == "string"
    by_alternative = {**COMPACT, "allOf": [{"$ref": "_xdm.mixins.g"}]}
    assert Schema.from_dict(by_alternative, registry).find("name.first").type == "string"
    assert registry["_xdm.mixins.g"].title == "G"
    assert "nothing" not in registry
    assert COMPACT["$id"] not in registry
    assert COMPACT["$id"] in registry.add(COMPACT)


def test_an_export_holds_everything(tmp_path: Path) -> None:
    file = write(tmp_path / "export.json", [NAME, GROUP, {**COMPACT, "meta:resourceType": "schemas"}])
    assert Schema.load(file).find("name.first").type == "string"
    write(tmp_path / "export.json", [NAME, GROUP, COMPACT])
    with pytest.raises(SchemaError, match="which one is meant"):
        Schema.load(file)


@pytest.mark.parametrize("count", [1, 2, 10, 11, 12])
def test_ten_missing_components_are_listed_and_the_others_counted(tmp_path: Path, count: int) -> None:
    fields = {f"f{number}": {"$ref": f"https://x/{number}"} for number in range(count)}
    file = write(tmp_path / "a.json", {"$id": "https://x/a", "properties": fields})
    with pytest.raises(SchemaError) as error:
        Schema.load(file)
    listed = [f"'https://x/{number}', referenced from {file} at /properties/f{number}" for number in range(count)]
    more = [f"and {count - 10} more"] if count > 10 else []
    what = "a component is" if count == 1 else f"{count} components are"
    assert f"{file}: {what} missing: {'; '.join(listed[:10] + more)}. " in str(error.value)


def test_additional_items_mean_something_beside_a_list_alone(tmp_path: Path) -> None:
    for items, kept in (([{"type": "string"}], True), ({"type": "string"}, False), (None, False)):
        field = {"additionalItems": {"type": "integer"}, **({} if items is None else {"items": items})}
        schema = Schema.load(write(tmp_path / "a.json", {"properties": {"f": {"type": "array", **field}}}))
        assert ("additionalItems" in schema.json_schema["properties"]["f"]) == kept


def test_the_meta_schemas_of_two_drafts_are_known(tmp_path: Path) -> None:
    for draft, known in (("draft-06", True), ("draft-07", True), ("draft-05", False), ("draft-06/more", False)):
        node = {"properties": {"f": {"$ref": f"http://json-schema.org/{draft}/schema#"}}}
        try:
            schema = Schema.load(write(tmp_path / "a.json", node))
        except SchemaError as error:
            assert not known and "missing" in str(error)
        else:
            assert known and [issue.path for issue in schema.check({"f": {"contains": 5}})] == ["f.contains"]


def test_all_missing_components_are_named_with_the_place(tmp_path: Path) -> None:
    file = write(tmp_path / "c.json", {**COMPACT, "properties": {"x": {"$ref": BASE + "datatypes/x"}}})
    with pytest.raises(SchemaError) as error:
        Schema.load(file)
    text = str(error.value)
    assert f"'{BASE}mixins/g', referenced from {file} at /allOf/0" in text
    assert f"'{BASE}datatypes/x', referenced from {file} at /properties/x" in text
    with pytest.raises(SchemaError, match=r"'https://ns.adobe.com/xdm/datatypes/n', referenced from .*mixins/g"):
        Schema.from_dict(COMPACT, Registry().add(GROUP))


def test_neighbours_of_a_reference_describe_but_do_not_constrain() -> None:
    found = Schema.from_dict(
        {
            "type": "object",
            "definitions": {"t": {"type": "string", "title": "T"}},
            "properties": {
                "x": {"$ref": "#/definitions/t", "maxLength": 1, "description": "D", "meta:status": "stable"}
            },
        }
    )
    field = found.find("x")
    assert (field.title, field.description, dict(field.constraints)) == (
        "T", "D", {"type": "string", "meta:status": "stable"}
    )  # fmt: skip


def test_a_definition_that_contains_itself() -> None:
    content = {
        "title": "T",
        "type": "object",
        "properties": {"root": {"$ref": "#/definitions/node"}, "n": {"type": "integer"}},
        "definitions": {
            "node": {
                "type": "object",
                "required": ["v"],
                "properties": {
                    "v": {"type": "string"},
                    "below": {"type": "array", "items": {"$ref": "#/definitions/node"}},
                },
            }
        },
    }
    found = Schema.from_dict(content)
    assert found.find("root.below[0].below[3].below[1].v").type == "string"
    deep: dict[str, Any] = {"v": "x"}
    for _ in range(20):
        deep = {"v": "x", "below": [deep]}
    for record in ({"root": deep}, {"root": {"v": "x", "below": [{"below": []}]}}, {"root": {"v": 1}}):
        assert Draft6Validator(found.json_schema).is_valid(record) == Draft6Validator(content).is_valid(record)
    with pytest.raises(SchemaError, match="'node' contains itself, so its Arrow type would never end"):
        _ = found.arrow_schema
    assert found.find("n").arrow_type == pa.int32()
    assert "repeats itself" in str(found)
    assert "root.v" in found.paths()
    assert found.fields().num_rows < 20


def test_a_schema_that_contains_itself() -> None:
    found = Schema.from_dict(
        {
            "$id": BASE + "t",
            "type": "object",
            "properties": {"v": {"type": "string"}, "a": {"$ref": "#"}, "b": {"$ref": BASE + "t#"}},
        }
    )
    assert found.find("a.b.a.v").type == "string"
    assert not Draft6Validator(found.json_schema).is_valid({"a": {"b": {"a": {"v": 1}}}})


def test_components_that_contain_themselves_and_the_schema() -> None:
    person = {
        "$id": BASE + "datatypes/person",
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "knows": {"type": "array", "items": {"$ref": BASE + "datatypes/person"}},
            "team": {"$ref": BASE + "team"},
        },
    }
    team = {"$id": BASE + "team", "title": "T", "type": "object", "properties": {"lead": {"$ref": person["$id"]}}}
    found = Schema.from_dict(team, Registry().add(person))
    judge = Draft6Validator(found.json_schema)
    assert judge.is_valid({"lead": {"knows": [{"knows": [{"name": "x", "team": {"lead": {"name": "y"}}}]}]}})
    assert not judge.is_valid({"lead": {"knows": [{"knows": [{"name": 1}]}]}})
    assert not judge.is_valid({"lead": {"knows": [{"team": {"lead": {"knows": [{"name": 1}]}}}]}})
    assert found.find("lead.knows[0].team.lead.name").type == "string"


def test_what_an_inner_resource_does_not_have_is_looked_for_in_the_document() -> None:
    inner = {"$id": "https://x.example/inner", "properties": {"n": {"$ref": "#/definitions/n"}}}
    content = {"properties": {"a": {"properties": {"b": inner}}}, "definitions": {"n": {"properties": {"m": inner}}}}
    found = Schema.from_dict(content)
    assert found.find("a.b.n.m.n.m").type == "object"
    assert Draft6Validator(found.json_schema).is_valid({"a": {"b": {"n": {"m": {"n": {}}}}}})


INNER = {
    "$id": "https://x.example/dir/outer.json",
    "properties": {
        "local": {
            "$id": "inner.json",
            "properties": {"p": {"$ref": "#/definitions/t"}},
            "definitions": {"t": {"type": "string"}},
        },
        "relative": {"$ref": "inner.json#/definitions/t"},
        "absolute": {"$ref": "https://x.example/dir/inner.json#/definitions/t"},
        "top": {"$ref": "#/definitions/t"},
        "anchor": {"$ref": "#here"},
        "anchored": {"$ref": "inner2.json#here"},
        "beside": {"$id": "https://elsewhere.example/", "$ref": "inner.json#/definitions/t"},
        "nested": {"$id": "sub/", "properties": {"q": {"$ref": "deep.json"}}},
        "escaped": {"$ref": "#/definitions/a~1b%20~0c"},
    },
    "definitions": {
        "t": {"type": "integer"},
        "n": {"$id": "#here", "type": "boolean"},
        "m": {"$id": "inner2.json", "definitions": {"h": {"$id": "#here", "type": "number"}}},
        "d": {"$id": "sub/deep.json", "type": "integer"},
        "a/b ~c": {"type": "boolean"},
    },
}  # fmt: skip


@pytest.mark.parametrize("remote", [False, True])
def test_an_inner_id_is_the_base_of_the_references_below_it(remote: bool) -> None:
    content: dict[str, Any] = INNER
    registry = None
    if remote:
        content, registry = {"properties": {"r": {"$ref": "https://x.example/dir/outer.json"}}}, Registry().add(INNER)
    found = Schema.from_dict(content, registry)
    start = "r." if remote else ""
    types = {path: found.find(start + path).type for path in [*INNER["properties"], "local.p", "nested.q"]}
    assert types == {
        "local": "object", "local.p": "string", "relative": "string", "absolute": "string", "top": "int",
        "anchor": "boolean", "anchored": "number", "beside": "string", "nested": "object", "nested.q": "int",
        "escaped": "boolean",
    }  # fmt: skip


def test_a_draft_07_schema_has_if_and_a_draft_06_schema_has_not() -> None:
    content = {
        "properties": {"a": {}, "b": {}},
        "if": {"properties": {"a": {"const": 1}}, "required": ["a"]},
        "then": {"required": ["b"]},
        "else": False,
    }
    records: list[dict[str, Any]] = [{}, {"a": 1}, {"a": 1, "b": 2}, {"a": 2}]
    for dialect, verdicts in (
        ("http://json-schema.org/draft-07/schema#", [False, False, True, False]),
        ("http://json-schema.org/draft-06/schema#", [True] * 4),
        (None, [True] * 4),
    ):
        found = Schema.from_dict({**content, **({"$schema": dialect} if dialect else {})})
        assert [not found.check(record, "jsonschema") for record in records] == verdicts
        assert [Draft6Validator(found.json_schema).is_valid(record) for record in records] == verdicts


def test_references_that_double_the_schema_at_each_step_are_refused() -> None:
    definitions: dict[str, Any] = {"d0": {"type": "string"}}
    for n in range(1, 60):
        ref = {"$ref": f"#/definitions/d{n - 1}"}
        definitions[f"d{n}"] = {"properties": {"x": ref, "y": ref}}
    with pytest.raises(SchemaError, match="with all its references followed"):
        Schema.from_dict({"properties": {"d": {"$ref": "#/definitions/d59"}}, "definitions": definitions})


def test_definitions_that_all_hold_each_other_are_refused() -> None:
    names = [f"d{n}" for n in range(12)]
    node = {"properties": {name: {"$ref": f"#/definitions/{name}"} for name in names}}
    with pytest.raises(SchemaError, match="more than 100,000 fields"):
        Schema.from_dict({**node, "definitions": dict.fromkeys(names, node)})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"properties": {"x": {"default": "DEEP"}}}, "nested deeper than 400 levels"),
        ({"properties": {"x": {"enum": ["DEEP"]}}}, "nested deeper than 400 levels"),
        ({"properties": {"x": {"maximum": 10**5000}}}, "a whole number of more than 4,000 digits"),
        ({"properties": {"x": {"enum": [10**5000]}}}, "a whole number of more than 4,000 digits"),
        ({"$id": 5, "properties": {}}, "'$id' must be a string, got 5"),
        ({"$schema": ["x"], "properties": {}}, "'$schema' must be a string"),
        ({"properties": {"x": {"type": {"a": 1}}}}, "at /properties/x: 'type' must be one of"),
        ({"meta:descriptors": "x", "properties": {}}, "'meta:descriptors': expected a list of descriptors"),
        ({"meta:descriptors": {"xdm:descriptorIdentity": ["x"]}, "properties": {}}, "'meta:descriptors': expected"),
        ({"$schema": "http://json-schema.org/draft-07/schema#", "if": 5, "properties": {}}, "'if' must be a schema"),
    ],
)
def test_wrong_kinds_of_values_in_a_schema(content: dict[str, Any], message: str) -> None:
    deep: Any = 1
    for _ in range(3000):
        deep = [deep]
    for node in (content["properties"].get("x", {}),):
        for key, value in node.items():
            node[key] = deep if value == "DEEP" else [deep] if value == ["DEEP"] else value
    with pytest.raises(SchemaError) as error:
        Schema.from_dict(content)
    assert message in str(error.value)


def test_descriptors_by_type_are_read_as_a_list_of_them_is() -> None:
    descriptor = {"@type": "xdm:descriptorIdentity", "xdm:sourceProperty": "/x", "xdm:namespace": "Email"}
    content = {"properties": {"x": {"type": "string"}}}
    as_list = Schema.from_dict({**content, "meta:descriptors": [descriptor]})
    by_type = Schema.from_dict({**content, "meta:descriptors": {"xdm:descriptorIdentity": [descriptor]}})
    assert by_type.identities == as_list.identities != ()
    assert len(by_type.sha256) == 64
    assert by_type.descriptors == as_list.descriptors


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"definitions": {"a": {"$ref": "#/definitions/a"}}, "allOf": [{"$ref": "#/definitions/a"}]}, "itself"),
        ({"allOf": [{"$ref": "#"}], "properties": {}}, "itself"),
        ({"properties": {"x": {"$ref": "#/definitions/no"}}}, "leads nowhere"),
        ({"properties": {"x": {"$ref": "#no"}}}, "leads nowhere: schema has no '$id' that is '#no'"),
        ({"properties": {"x": {"type": "strng"}}}, "Did you mean 'string'?"),
        ({"properties": ["x"]}, "'properties' must be an object of schemas"),
        ({"properties": {"x": 5}}, "at /properties/x: must be a schema (an object or a boolean), got 5"),
        ({"properties": {"x": {"required": True}}}, "at /properties/x: 'required' must be a list of names, got True"),
        ({"properties": {"x": {"exclusiveMinimum": True}}}, "'exclusiveMinimum' must be a number"),
        ({"properties": {"x": {"maxLength": -1}}}, "'maxLength' must be a whole number"),
        ({"properties": {"x": {"enum": []}}}, "'enum' must be a list of at least one value"),
        ({"allOf": {}}, "'allOf' must be a list"),
        ({"properties": {"x": {"$ref": 5}}}, "'$ref' must be a string"),
        ({"properties": {"x": {"maximum": float("nan")}}}, "'maximum' must be a number"),
        (
            {
                "properties": {"x": {"$ref": "#/definitions/a"}},
                "definitions": {"a": {"not": {"$ref": "#/definitions/a"}}},
            },
            "'a' contains itself for the same value",
        ),
        ({"type": "array", "items": {"type": "string"}, "properties": {}}, "is of type array, not a record"),
        ({"type": "string", "properties": {}}, "not a record"),
    ],
)
def test_faults_of_a_schema(content: dict[str, Any], message: str) -> None:
    with pytest.raises(SchemaError) as error:
        _ = Schema.from_dict(content).arrow_schema
    assert message in str(error.value)


def test_nesting_has_an_end() -> None:
    node: dict[str, Any] = {"type": "string"}
    for _ in range(2000):
        node = {"type": "object", "properties": {"x": node}}
    with pytest.raises(SchemaError, match="nested deeper than"):
        Schema.from_dict(node)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("]", "not JSON: Expecting value at line 1, column 1"),
        ('{"a": }', "not JSON: Expecting value at line 1, column 7"),
        ("[1, 2]", "holds no schema"),
        ("{}", "holds no schema"),
        ('"x"', "holds no schema"),
        ('{"a": 1}', "holds no schema"),
        ('{"properties": {"x": {"maximum": Infinity}}}', "Infinity is not JSON"),
    ],
)
def test_files_that_are_no_schema(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(SchemaError) as error:
        Schema.load(write(tmp_path / "s.json", text))
    assert message in str(error.value)
    assert str(tmp_path / "s.json") in str(error.value)


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match="no such file"):
        Schema.load(tmp_path / "no.json")
    with pytest.raises(SchemaError, match="is a folder"):
        Schema.load(tmp_path)
    with pytest.raises(SchemaError, match="no such folder"):
        Registry.load(tmp_path / "no")
    (tmp_path / "latin.json").write_bytes(b'{"title": "\xe9"}')
    with pytest.raises(SchemaError, match="not UTF-8 text"):
        Schema.load(tmp_path / "latin.json")


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "s.json").write_bytes(b"\xef\xbb\xbf" + json.dumps(NAME).encode())
    assert Schema.load(tmp_path / "s.json").title == "N"


def test_registry_of_a_mixed_folder(tmp_path: Path) -> None:
    write(tmp_path / "n.schema.json", NAME)
    write(tmp_path / "deep" / "copy-of-n.json", NAME)
    write(tmp_path / "other-n.json", {**NAME, "title": "Other"})
    write(tmp_path / "example.json", {"first": "x"})
    write(tmp_path / "broken.json", "{")
    registry = Registry.load(tmp_path)
    assert list(registry) == [NAME["$id"]]
    assert registry[NAME["$id"]].title == "N"
    with pytest.raises(SchemaError) as error:
        registry[BASE + "datatypes/m"]
    assert f"Did you mean '{BASE}datatypes/n'?" in str(error.value)
    assert "Not read as schemas: 3 files, such as" in str(error.value)


def test_registry_refuses_two_schemas_of_one_id(tmp_path: Path) -> None:
    write(tmp_path / "a.schema.json", NAME)
    write(tmp_path / "b.schema.json", {**NAME, "title": "Other"})
    with pytest.raises(SchemaError, match="with other content"):
        Registry.load(tmp_path)


def test_registry_says_which_schema_file_is_broken(tmp_path: Path) -> None:
    write(tmp_path / "a.schema.json", "{")
    with pytest.raises(SchemaError, match=r"a\.schema\.json: not JSON"):
        Registry.load(tmp_path)


def test_unknown_keywords_are_kept_and_never_constrain() -> None:
    found = Schema.from_dict({"properties": {"x": {"type": "string", "Title": "no", "isRequired": True}}})
    assert found.find("x").constraints["Title"] == "no"
    assert not found.find("x").required


def test_load_says_what_to_do_with_a_dict() -> None:
    with pytest.raises(SchemaError, match=r"got dict\. Use Schema\.from_dict"):
        Schema.load({"type": "object"})  # type: ignore[arg-type]


@pytest.mark.parametrize(("files", "said"), [(1, "1 file, such as"), (2, "2 files, such as")])
def test_files_that_are_no_schemas_are_counted(tmp_path: Path, files: int, said: str) -> None:
    write(tmp_path / "n.schema.json", NAME)
    for number in range(files):
        write(tmp_path / f"{number}.json", "{")
    with pytest.raises(SchemaError, match=f"Not read as schemas: {said}"):
        Registry.load(tmp_path)["x"]
