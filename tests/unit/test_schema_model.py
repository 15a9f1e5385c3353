from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from xdmprep.core.stream import TIMESTAMP
from xdmprep.errors import SchemaError, UsageError
from xdmprep.schema import Identity, Registry, Relationship, Schema

PROFILE = {
    "$id": "https://ns.adobe.com/acme/schemas/p",
    "title": "P",
    "type": "object",
    "required": ["b"],
    "properties": {
        "b": {"type": "string", "title": "Bee"},
        "a": {
            "type": "object",
            "required": ["n"],
            "properties": {"n": {"type": "integer"}, "list": {"type": "array", "items": {"type": "number"}}},
        },
        "identityMap": {
            "type": "object",
            "additionalProperties": {
                "type": "array",
                "items": {"type": "object", "properties": {"id": {"type": "string"}, "primary": {"type": "boolean"}}},
            },
        },
    },
}


def schema(**properties: Any) -> Schema:
    return Schema.from_dict({"title": "T", "type": "object", "properties": properties})


def identity(path: str, namespace: str = "Email", primary: bool = False, **more: Any) -> dict[str, Any]:
    return {
        "@type": "xdm:descriptorIdentity",
        "xdm:sourceProperty": path,
        "xdm:namespace": namespace,
        "xdm:isPrimary": primary,
        **more,
    }


@pytest.mark.parametrize(
    ("node", "kind", "arrow"),
    [
        ({"type": "string"}, "string", pa.string()),
        ({"type": "string", "format": "date"}, "date", pa.date32()),
        ({"type": "string", "format": "date-time"}, "date-time", TIMESTAMP),
        ({"type": "string", "format": "email"}, "string", pa.string()),
        ({"type": "number"}, "number", pa.float64()),
        ({"type": "number", "meta:xdmType": "double"}, "number", pa.float64()),
        ({"type": "boolean"}, "boolean", pa.bool_()),
        ({"type": "integer"}, "int", pa.int32()),
        ({"type": "integer", "minimum": 0}, "int", pa.int32()),
        ({"type": "integer", "minimum": 0, "maximum": 100}, "byte", pa.int8()),
        ({"type": "integer", "minimum": -128, "maximum": 127}, "byte", pa.int8()),
        ({"type": "integer", "minimum": -129, "maximum": 127}, "short", pa.int16()),
        ({"type": "integer", "minimum": 1, "maximum": 32767}, "short", pa.int16()),
        ({"type": "integer", "minimum": 1, "maximum": 32768}, "int", pa.int32()),
        ({"type": "integer", "exclusiveMaximum": 128, "minimum": 0}, "byte", pa.int8()),
        ({"type": "integer", "minimum": -2147483648, "maximum": 2147483647}, "int", pa.int32()),
        ({"type": "integer", "maximum": 2147483648}, "long", pa.int64()),
        ({"type": "integer", "minimum": -2147483649}, "long", pa.int64()),
        ({"type": "integer", "minimum": 0, "maximum": 100, "meta:xdmType": "int"}, "int", pa.int32()),
        ({"type": "integer", "meta:xdmType": "long"}, "long", pa.int64()),
        ({"type": "string", "meta:xdmType": "long"}, "string", pa.string()),
        ({"type": ["string", "null"]}, "string", pa.string()),
        ({"type": "array", "items": {"type": "string"}}, "array", pa.list_(pa.string())),
        ({"items": {"type": "string"}}, "array", pa.list_(pa.string())),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, "map", pa.map_(pa.string(), pa.int32())),
        ({"type": "object", "properties": {"x": {"type": "boolean"}}}, "object", pa.struct([("x", pa.bool_())])),
        ({"properties": {"x": {"type": "boolean"}}}, "object", pa.struct([("x", pa.bool_())])),
    ],
)
def test_nodes_have_the_type_of_xdm_and_of_arrow(node: dict[str, Any], kind: str, arrow: pa.DataType) -> None:
    field = schema(f=node).find("f")
    assert (field.type, field.arrow_type) == (kind, arrow)


@pytest.mark.parametrize(
    "node",
    [{}, {"type": "object"}, {"type": "array"}, {"type": ["string", "integer"]}, True, {"type": "array", "items": {}}],
)
def test_undeclared_types_are_left_out_and_listed(node: Any) -> None:
    found = schema(f=node, o={"type": "object", "properties": {"x": node, "y": {"type": "string"}}})
    assert found.undeclared == ("f", "o.x")
    assert found.arrow_schema == pa.schema([("o", pa.struct([("y", pa.string())]))])
    with pytest.raises(SchemaError, match=r"f: the schema declares no type here"):
        _ = found.find("f").arrow_type


def test_fields_have_paths_and_are_required() -> None:
    found = Schema.from_dict(PROFILE)
    assert list(found.columns) == ["b", "a", "identityMap"]
    assert found.paths() == ["b", "a.n", "a.list[*]", "identityMap.{*}[*].id", "identityMap.{*}[*].primary"]
    assert found.find("b").required
    assert not found.find("a").required
    assert found.find("a").required_children == {"n"}
    assert found.find("a.n").required
    assert found.find("b").title == "Bee"
    assert found.find("b").constraints == {"type": "string"}
    assert found.root.constraints["required"] == ["b"]
    table = found.fields()
    assert table.column("path").to_pylist()[:3] == ["b", "a", "a.n"]
    assert table.filter(pa.compute.equal(table["path"], "a.n")).to_pylist()[0]["type"] == "int"


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("b", "b"),
        ("a.list[0]", "a.list[*]"),
        ("a.list[*]", "a.list[*]"),
        ("identityMap.ECID[1].id", "identityMap.{*}[*].id"),
        ("identityMap.{*}[*].id", "identityMap.{*}[*].id"),
        (r"identityMap.my\.space[0]", "identityMap.{*}[*]"),
        (("identityMap", "ECID", 0, "id"), "identityMap.{*}[*].id"),
    ],
)
def test_a_field_is_found_by_its_path(path: Any, found: str) -> None:
    assert str(Schema.from_dict(PROFILE).find(path)) == found


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("c", "'c' is not in P."),
        ("a.m", "'a' has no field 'm'."),
        ("identityMap.ECID[0].ide", "Did you mean 'identityMap.ECID[0].id'?"),
        ("identitymap.ECID[0].id", "Did you mean 'identityMap.ECID[0].id'?"),
        ("identityMap.ECID.id", "Write 'identityMap.ECID[0].id'."),
        ("identityMap[0].id", "'identityMap' is a map, not an array."),
        ("a[0]", "'a' is an object, not an array. Leave out the index [0]."),
        ("b.c", "'b' is string and has no fields below it."),
        ("a.list.n", "'a.list' is an array. Write 'a.list[0].n'."),
        ("a..n", "is not a path"),
    ],
)
def test_find_says_what_is_there_instead(path: str, message: str) -> None:
    with pytest.raises(SchemaError) as error:
        Schema.from_dict(PROFILE).find(path)
    assert message in str(error.value)


def test_a_schema_prints_as_a_tree() -> None:
    assert str(Schema.from_dict(PROFILE)).splitlines() == [
        "P (record, https://ns.adobe.com/acme/schemas/p)",
        "├── b*           string              “Bee”",
        "├── a            object",
        "│   ├── n*       int",
        "│   └── list     array<number>",
        "└── identityMap  map<array<object>>",
        "    ├── id       string",
        "    └── primary  boolean",
    ]
    assert len(Schema.from_dict(PROFILE).tree(depth=1).splitlines()) == 3


def test_sha256_is_of_the_content_not_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(PROFILE, indent=7))
    (tmp_path / "b.json").write_text(json.dumps(dict(reversed(PROFILE.items()))))
    first, second = (Schema.load(tmp_path / name).sha256 for name in ("a.json", "b.json"))
    assert first == second
    changed = Schema.from_dict({**PROFILE, "required": []})
    assert changed.sha256 != first


def test_descriptors_become_identities() -> None:
    more = {"c": {"type": "string"}, "ids": {"type": "object", "additionalProperties": {"type": "string"}}}
    content = {**PROFILE, "properties": {**PROFILE["properties"], **more}}
    given = [identity("/b"), identity("/c", "CRM", True), identity("/ids/home"), identity("/ids/*")]
    found = Schema.from_dict(content, descriptors=given)
    assert found.identities == (
        Identity(("c",), "CRM", True),
        Identity(("b",), "Email", False),
        Identity(("ids", "{*}"), "Email", False),
        Identity(("ids", "{*}"), "Email", False),
    )
    assert found.primary_identity == found.identities[0]
    assert "primary identity CRM" in found.tree()
    assert found.has_identity_map


def test_descriptors_of_other_schemas_and_other_kinds_do_not_count() -> None:
    found = Schema.from_dict(
        PROFILE,
        descriptors=[
            identity("/nowhere", **{"xdm:sourceSchema": "https://ns.adobe.com/acme/schemas/other"}),
            {"@type": "xdm:alternateDisplayInfo", "xdm:sourceProperty": "/nowhere"},
        ],
    )
    assert found.identities == ()
    assert len(found.descriptors) == 1


def test_relationships() -> None:
    found = Schema.from_dict(
        PROFILE,
        descriptors=[
            {
                "@type": "xdm:descriptorOneToOne",
                "xdm:sourceProperty": "/b",
                "xdm:destinationSchema": "https://ns.adobe.com/acme/schemas/stores",
                "xdm:destinationProperty": "/number",
            }
        ],
    )
    assert found.relationships == (
        Relationship(("b",), "one-to-one", "https://ns.adobe.com/acme/schemas/stores", "/number"),
    )
    assert "one-to-one → https://ns.adobe.com/acme/schemas/stores" in found.tree()


@pytest.mark.parametrize(
    ("descriptor", "message"),
    [
        (identity("/bb"), "the descriptor's field '/bb' is not in the schema"),
        (identity("/a/n"), "names a field of type int; an identity field must be a string"),
        (identity("b"), "has the source property 'b'"),
        (identity("/b", ""), "has no 'xdm:namespace'"),
    ],
)
def test_descriptors_that_do_not_fit(descriptor: dict[str, Any], message: str) -> None:
    with pytest.raises(SchemaError) as error:
        Schema.from_dict(PROFILE, descriptors=[descriptor])
    assert message in str(error.value)


def test_two_primary_identities() -> None:
    content = {**PROFILE, "properties": {**PROFILE["properties"], "c": {"type": "string"}}}
    with pytest.raises(SchemaError, match="at most one"):
        Schema.from_dict(content, descriptors=[identity("/b", primary=True), identity("/c", primary=True)])


@pytest.mark.parametrize("path", ["/identityMap", "/identityMap/CRM/id", "/identityMap/*/*/id"])
def test_an_identity_descriptor_within_identity_map_names_the_mend(path: str) -> None:
    with pytest.raises(SchemaError, match="Remove the descriptor: the keys of identityMap are the namespaces"):
        Schema.from_dict(PROFILE, descriptors=[identity(path, "CRM", True)])


@pytest.mark.parametrize(
    ("given", "namespace"),
    [
        ({"xdm:namespace": "Email", "xdm:property": "xdm:code"}, "Email"),
        ({"xdm:namespace": {"xdm:code": "ecid"}}, "ecid"),
        ({"xdm:namespace": {"xdm:id": 4}}, "ECID"),
        ({"xdm:namespace": "4", "xdm:property": "xdm:id"}, "ECID"),
        ({"xdm:namespace": 4, "xdm:property": "xdm:id"}, "ECID"),
        ({"xdm:namespace": 0}, "CORE"),
        ({"xdm:namespace": 987654}, "987654"),
        ({"xdm:namespace": "4"}, "4"),
    ],
)
def test_a_namespace_is_given_by_code_or_by_number(given: dict[str, Any], namespace: str) -> None:
    (found,) = Schema.from_dict(PROFILE, descriptors=[{**identity("/b"), **given}]).identities
    assert found.namespace == namespace


@pytest.mark.parametrize("wrong", ["true", "false", 1, None, [True]])
def test_a_primary_mark_is_a_boolean(wrong: Any) -> None:
    with pytest.raises(SchemaError, match="write true or false, without quotes"):
        Schema.from_dict(PROFILE, descriptors=[{**identity("/b"), "xdm:isPrimary": wrong}])


OVERLAY = {"ECID": {"type": "array", "items": {"properties": {"id": {"pattern": "^[0-9]{38}$"}}}}}


@pytest.mark.parametrize(
    "more",
    [
        {"allOf": [{"properties": {"identityMap": {"properties": OVERLAY}}}]},
        {
            "properties": {
                **PROFILE["properties"],
                "identityMap": {**PROFILE["properties"]["identityMap"], "properties": OVERLAY},
            }
        },
    ],
    ids=["field group", "in place"],
)
def test_rules_for_single_namespaces_leave_identity_map_a_map(more: dict[str, Any]) -> None:
    found = Schema.from_dict({**PROFILE, **more})
    assert found.find("identityMap").type == "map"
    assert [str(found.find(f"identityMap.{name}[0].id")) for name in ("ECID", "CRMID")] == ["identityMap.{*}[*].id"] * 2
    wrong = {"b": "x", "identityMap": {"ECID": [{"id": "1"}], "CRMID": [{"id": "1"}]}}
    assert [(issue.code, issue.path) for issue in found.check(wrong, "jsonschema")] == [
        ("pattern", "identityMap.ECID[0].id")
    ]


def test_an_identity_map_of_fixed_namespaces_names_the_mend() -> None:
    fixed = {"identityMap": {"type": "object", "properties": OVERLAY}}
    found = Schema.from_dict({**PROFILE, "properties": {**PROFILE["properties"], **fixed}})
    with pytest.raises(SchemaError, match="the namespaces ECID only"):
        found.find("identityMap.CRMID[0].id")


def test_descriptors_beside_the_schema(tmp_path: Path) -> None:
    (tmp_path / "p.schema.json").write_text(json.dumps(PROFILE))
    (tmp_path / "q.schema.json").write_text(json.dumps({**PROFILE, "$id": "https://ns.adobe.com/acme/schemas/q"}))
    (tmp_path / "p.descriptors.json").write_text(
        json.dumps({"xdm:descriptorIdentity": [identity("/b", primary=True)]})  # as the Schema Registry lists them
    )
    registry = Registry.load(tmp_path)
    for found in (Schema.load(tmp_path / "p.schema.json"), registry[str(PROFILE["$id"])]):
        assert found.primary_identity == Identity(("b",), "Email", True)
    assert registry["https://ns.adobe.com/acme/schemas/q"].identities == ()


def test_behavior_and_class() -> None:
    event = {"meta:extends": ["https://ns.adobe.com/xdm/data/time-series"], "type": "object", "properties": {}}
    assert Schema.from_dict(event).behavior == "time-series"
    assert Schema.from_dict({**PROFILE, "required": ["_id", "timestamp"]}).behavior == "time-series"
    assert Schema.from_dict(PROFILE).class_id is None
    of_class = {**PROFILE, "meta:class": "https://ns.adobe.com/acme/classes/x"}
    assert Schema.from_dict(of_class).class_id == "https://ns.adobe.com/acme/classes/x"


def test_adhoc_columns_stand_flat() -> None:
    found = Schema.from_dict(
        {
            "type": "object",
            "meta:extends": ["https://ns.adobe.com/xdm/data/adhoc"],
            "properties": {"_0a": {"type": "object", "required": ["x"], "properties": {"x": {"type": "integer"}}}},
        }
    )
    assert (found.behavior, found.namespace) == ("adhoc", "_0a")
    assert found.arrow_schema == pa.schema([("x", pa.int32())])
    assert found.json_schema["required"] == ["x"]
    assert list(found.columns) == ["x"]


def test_schemas_and_fields_survive_pickle() -> None:
    found = Schema.from_dict(PROFILE, descriptors=[identity("/b", primary=True)])
    copy = pickle.loads(pickle.dumps(found))
    assert (copy.sha256, copy.identities, copy.arrow_schema) == (found.sha256, found.identities, found.arrow_schema)
    field = pickle.loads(pickle.dumps(found.find("identityMap")))
    assert field.arrow_type == found.find("identityMap").arrow_type


def test_a_schema_made_of_a_dict_names_what_makes_one() -> None:
    with pytest.raises(UsageError, match=r"Schema\.from_dict"):
        Schema({"type": "object"})  # type: ignore[arg-type]
