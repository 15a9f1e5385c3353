"""The schemas that ship with the project, against the independent validator `jsonschema`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from jsonschema import Draft7Validator
from jsonschema.validators import Draft6Validator

from xdmprep.core.stream import TIMESTAMP
from xdmprep.schema import Field, Registry, Schema

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"
NAMES = {
    "crm-profile": "crm-profile.schema.json",
    "loyalty-profile": "loyalty-profile.schema.json",
    "purchase-event": "purchase-event.schema.json",
    "store-visits": "store-visits.adhoc.schema.json",
}
KEYWORDS = {
    "type": "type", "enum": "enum", "minimum": "minimum", "maximum": "maximum",
    "min-length": "minLength", "max-length": "maxLength", "pattern": "pattern", "format": "format",
}  # fmt: skip


def lines(name: str) -> list[Any]:
    return [json.loads(line) for line in (SCHEMAS / "examples" / name).read_text(encoding="utf-8").splitlines()]


def oracle(name: str) -> Draft6Validator:
    """The validator of the schema file itself, without any code of ours; the columns of an ad-hoc schema."""
    content = json.loads((SCHEMAS / NAMES[name]).read_text(encoding="utf-8"))
    if "meta:datasetNamespace" in content:
        content = content["properties"][content["meta:datasetNamespace"]]
    return Draft6Validator(content, format_checker=Draft7Validator.FORMAT_CHECKER)


@pytest.mark.parametrize("name", NAMES)
def test_schema_is_sound_json_schema(name: str) -> None:
    Draft6Validator.check_schema(json.loads((SCHEMAS / NAMES[name]).read_text(encoding="utf-8")))
    Draft6Validator.check_schema(Schema.load(SCHEMAS / NAMES[name]).json_schema)


@pytest.mark.parametrize("name", NAMES)
def test_valid_examples_are_valid(name: str) -> None:
    records = lines(f"{name}.valid.jsonl")
    assert len(records) >= 2
    for record in records:
        assert [error.message for error in oracle(name).iter_errors(record)] == []


@pytest.mark.parametrize("name", NAMES)
def test_invalid_examples_fail_where_they_say(name: str) -> None:
    examples = lines(f"{name}.invalid.jsonl")
    assert len(examples) >= 10
    for example in examples:
        errors = list(oracle(name).iter_errors(example["record"]))
        found = {("".join(f"/{step}" for step in error.absolute_path), error.validator) for error in errors}
        pointer, rule = example["pointer"], example["rule"]
        if rule.startswith("identity-"):
            assert not found, "an identity rule is not one of JSON Schema"
        elif rule == "required":  # `jsonschema` names the object that lacks the field, the example the field
            parent, _, missing = pointer.rpartition("/")
            assert (parent, "required") in found
            assert any(missing in error.message for error in errors)
        elif not str(_at(example)).endswith("\n"):
            # `$` of Python's patterns matches before a final newline; that of JSON Schema (ECMA-262) does not
            assert (pointer, KEYWORDS[rule]) in found, example


@pytest.mark.parametrize("name", NAMES)
def test_our_own_verdict_on_the_examples(name: str) -> None:
    schema = Schema.load(SCHEMAS / NAMES[name])
    for record in lines(f"{name}.valid.jsonl"):
        assert schema.check(record) == []
    for example in lines(f"{name}.invalid.jsonl"):
        found = {(issue.pointer, issue.code) for issue in schema.check(example["record"])}
        assert (example["pointer"], example["rule"]) in found


def _at(example: dict[str, Any]) -> Any:
    value = example["record"]
    for step in example["pointer"].split("/")[1:]:
        value = value[int(step) if isinstance(value, list) else step]
    return value


@pytest.mark.parametrize("name", NAMES)
def test_every_field_has_a_tag_a_title_and_an_arrow_type(name: str) -> None:
    schema = Schema.load(SCHEMAS / NAMES[name])
    for field in schema.root.walk():
        assert field.constraints.get("meta:xdmType") == field.type, field
        assert field.title or field.name in ("[*]", "{*}"), field
    assert schema.undeclared == ()
    assert schema.arrow_schema.names == list(schema.columns)


def test_every_xdm_type_occurs() -> None:
    registry = Registry.load(SCHEMAS)
    assert len(registry) == len(NAMES)
    kinds = {field.type for id in registry for field in registry[id].root.walk()}
    assert kinds == {
        "string", "number", "long", "int", "short", "byte", "boolean", "date", "date-time", "object", "array", "map"
    }  # fmt: skip


def test_crm_profile() -> None:
    schema = Schema.load(SCHEMAS / "crm-profile.schema.json")
    assert (schema.behavior, schema.class_id) == ("record", "https://ns.adobe.com/xdm/context/profile")
    assert schema.has_identity_map
    assert schema.primary_identity is None
    assert schema.find("homeAddress._schema.latitude").arrow_type == pa.float64()
    assert schema.find("person.birthYear").arrow_type == pa.int16()
    assert schema.find("person.birthDate").arrow_type == pa.date32()
    identity = schema.find("identityMap")
    item = pa.struct([("id", pa.string()), ("authenticatedState", pa.string()), ("primary", pa.bool_())])
    assert identity.arrow_type == pa.map_(pa.string(), pa.list_(item))


def test_loyalty_profile_has_a_primary_identity() -> None:
    schema = Schema.load(SCHEMAS / "loyalty-profile.schema.json")
    assert schema.primary_identity is not None
    assert schema.primary_identity.path == ("_acme", "loyalty", "loyaltyId")
    assert schema.primary_identity.namespace == "LOYALTYID"
    assert [(i.path, i.namespace, i.primary) for i in schema.identities[1:]] == [
        (("personalEmail", "address"), "Email", False)
    ]
    assert not schema.has_identity_map
    assert schema.find("_acme.loyalty.pointsByYear").arrow_type == pa.map_(pa.string(), pa.int32())
    assert schema.find("_acme.loyalty.tags").arrow_type == pa.list_(pa.string())
    assert schema.find("_acme.loyalty.satisfaction").arrow_type == pa.int8()


def test_purchase_event() -> None:
    schema = Schema.load(SCHEMAS / "purchase-event.schema.json")
    assert schema.behavior == "time-series"
    assert {name for name, field in schema.columns.items() if field.required} == {"_id", "timestamp"}
    assert schema.find("timestamp").arrow_type == TIMESTAMP
    assert schema.find("productListItems[3].quantity").arrow_type == pa.int32()


def test_store_visits_is_flat() -> None:
    schema = Schema.load(SCHEMAS / "store-visits.adhoc.schema.json")
    assert schema.behavior == "adhoc"
    assert schema.namespace.startswith("_")
    assert "visit_id" in schema.columns
    assert all(isinstance(field, Field) and field.leaf for field in schema.columns.values())


def shared_fields(ours: Field, theirs: Field) -> list[tuple[Field, Field]]:
    """Pairs of the leaves that both schemas have."""
    if ours.leaf or theirs.leaf:
        return [(ours, theirs)]
    pairs = []
    known = {part.name: part for part in theirs.below}
    for part in ours.below:
        if part.name in known:
            pairs += shared_fields(part, known[part.name])
    return pairs


@pytest.mark.shared
def test_crm_fields_are_judged_as_in_the_reference_schema(shared: Path) -> None:
    """Where both CRM schemas have a field, type and constraints are the same."""
    ours = Schema.load(SCHEMAS / "crm-profile.schema.json")
    theirs = Schema.load(shared / "samples" / "crm-profile.schema.json")
    pairs = shared_fields(ours.root, theirs.root)
    assert len(pairs) > 40
    unsaid = {"default", "examples", "$schema"}
    for our, their in pairs:
        assert our.type == their.type
        rules = [
            {
                key: value
                for key, value in field.constraints.items()
                if not key.startswith("meta:") and key not in unsaid
            }
            for field in (our, their)
        ]
        for rule in rules:
            if "enum" in rule:
                rule["enum"] = sorted(rule["enum"])
        assert rules[0] == rules[1], our
    assert {str(our) for our, _ in pairs} >= {
        "person.gender", "person.birthDayAndMonth", "homeAddress.stateProvince", "personalEmail.address",
        "homeAddress._schema.latitude", "identityMap.{*}[*].id", "homePhone.countryCode",
    }  # fmt: skip


@pytest.mark.shared
def test_crm_sample_records_get_the_same_verdict(shared: Path) -> None:
    """12 of the 16 sample records are valid; the others fail at the same places."""
    records = json.loads((shared / "samples" / "CRM_profiles.json").read_text(encoding="utf-8"))
    theirs = json.loads((shared / "samples" / "crm-profile.schema.json").read_text(encoding="utf-8"))
    reference = Draft6Validator(theirs, format_checker=Draft7Validator.FORMAT_CHECKER)

    def verdict(validator: Draft6Validator, record: Any) -> set[tuple[Any, ...]]:
        return {(*error.absolute_path, error.validator) for error in validator.iter_errors(record)}

    ours = oracle("crm-profile")
    assert [verdict(ours, r) for r in records] == [verdict(reference, r) for r in records]
    assert sum(not verdict(ours, r) for r in records) == 12
