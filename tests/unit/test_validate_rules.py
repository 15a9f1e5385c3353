"""Rule sets, and the rules beyond JSON Schema: on single records, on shredded and on nested columns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from leaves_kit import shredded

import xdmprep as xp
from xdmprep.core.rules import RULES
from xdmprep.core.shred import Leaf
from xdmprep.core.stream import TIMESTAMP, Chunk, row_chunk
from xdmprep.errors import SchemaError, UsageError
from xdmprep.schema import Schema
from xdmprep.validate import Rules, check_record, compile_checks

ECID = "87098882279810196101440938110216748923"


@pytest.fixture
def crm(schemas: Path) -> Schema:
    return Schema.load(schemas / "crm-profile.schema.json")


@pytest.fixture
def event(schemas: Path) -> Schema:
    return Schema.load(schemas / "purchase-event.schema.json")


def profile(**more: Any) -> dict[str, Any]:
    return {"identityMap": {"CRMID": [{"id": "c-1", "primary": True}]}, **more}


def codes(schema: Schema, record: dict[str, Any], rules: str | Rules = "strict") -> set[tuple[str, str]]:
    return {(issue.code, issue.path) for issue in check_record(schema, record, rules)}


def column_codes(schema: Schema, chunk: Chunk, rules: str | Rules = "strict") -> set[tuple[str, str]]:
    done = compile_checks(schema, chunk.leaves, rules)(chunk)
    assert len(done) == len(chunk)
    return {(issue.code, issue.path) for finding in done.issues for issue in finding.issues()}


CASES: list[tuple[dict[str, Any], set[tuple[str, str]]]] = [
    (profile(), set()),
    (profile(person={"gender": "female", "birthYear": 1980, "birthDate": "1980-02-29"}), set()),
    (profile(person={"gender": "F"}), {("enum", "person.gender")}),
    (profile(person={"birthYear": 0}), {("minimum", "person.birthYear")}),
    (profile(person={"birthYear": 40000}), {("maximum", "person.birthYear")}),
    (profile(person={"birthYear": "1980"}), {("type", "person.birthYear")}),
    (profile(person={"birthDate": "1979-01-3"}), {("format", "person.birthDate")}),
    (profile(person={"birthDayAndMonth": "01-3"}), {("pattern", "person.birthDayAndMonth")}),
    (profile(person={"name": {"firstName": ""}}), {("empty", "person.name.firstName")}),
    (profile(person={"name": {"firstName": "A\0da"}}), {("nul", "person.name.firstName")}),
    ({"identityMap": {"CRMID": [{"id": "c\0", "primary": True}]}}, {("nul", "identityMap.CRMID[0].id")}),
    (profile(homeAddress={"_schema": {"latitude": 90.5}}), {("maximum", "homeAddress._schema.latitude")}),
    (profile(personalEmail={"address": "nobody"}), {("format", "personalEmail.address")}),
    (profile(loyalty=1), {("unknown-field", "loyalty")}),
    (profile(person={"nmae": {"firstName": "x"}}), {("unknown-field", "person.nmae")}),
    ({"person": {"gender": "male"}}, {("identity-primary", "identityMap")}),
    ({"identityMap": {"CRMID": [{"id": "c"}]}}, {("identity-primary", "identityMap")}),
    (
        {"identityMap": {"CRMID": [{"id": "c", "primary": True}, {"id": "d", "primary": True}]}},
        {("identity-primary", "identityMap")},
    ),
    ({"identityMap": {"CRMID": [{"id": " ", "primary": True}]}}, {("identity-blank", "identityMap.CRMID[0].id")}),
    ({"identityMap": {"CRMID": [{"id": "NULL", "primary": True}]}}, {("identity-blank", "identityMap.CRMID[0].id")}),
    (
        {"identityMap": {"CRMID": [{"id": "x" * 1025, "primary": True}]}},
        {("identity-length", "identityMap.CRMID[0].id")},
    ),
    ({"identityMap": {"ECID": [{"id": ECID, "primary": True}]}}, set()),
    (
        {"identityMap": {"ECID": [{"id": ECID, "primary": True}, {"id": ECID[1:]}]}},
        {("identity-ecid", "identityMap.ECID[1].id")},
    ),
    ({"identityMap": {"ECID": [{"id": "x" * 38, "primary": True}]}}, {("identity-ecid", "identityMap.ECID[0].id")}),
]


@pytest.mark.parametrize(("record", "expected"), CASES)
def test_a_profile_on_all_paths(crm: Schema, record: dict[str, Any], expected: set[tuple[str, str]]) -> None:
    assert codes(crm, record) == expected
    assert column_codes(crm, shredded(record)) == expected
    assert column_codes(crm, shredded(record, dictionary=True)) == expected
    assert column_codes(crm, row_chunk(pa.RecordBatch.from_pylist([record]))) == expected


def test_an_identity_map_as_an_arrow_map(crm: Schema) -> None:
    item = pa.struct([("id", pa.string()), ("primary", pa.bool_())])
    rows = [
        [("CRMID", [{"id": "a", "primary": True}]), ("ECID", [{"id": "1", "primary": False}])],
        [("CRMID", [{"id": "invalid", "primary": True}, {"id": None, "primary": True}])],
        None,
        [("Email", [{"id": "a@b.co", "primary": True}])],
    ]
    array = pa.array(rows, pa.map_(pa.string(), pa.list_(item)))
    chunk = row_chunk(pa.RecordBatch.from_arrays([array], names=["identityMap"]))
    done = compile_checks(crm, chunk.leaves)(chunk)
    found = {(i.row, i.code, i.path) for finding in done.issues for i in finding.issues()}
    assert found == {
        (1, "identity-ecid", "identityMap.ECID[0].id"),
        (2, "identity-blank", "identityMap.CRMID[0].id"),
        (2, "identity-blank", "identityMap.CRMID[1].id"),
        (2, "identity-primary", "identityMap"),
        (3, "identity-primary", "identityMap"),
    }


def test_a_primary_identity_field_must_be_there(schemas: Path) -> None:
    loyalty = Schema.load(schemas / "loyalty-profile.schema.json")
    good = json.loads((schemas / "examples" / "loyalty-profile.valid.jsonl").read_text().splitlines()[0])
    assert codes(loyalty, good) == set()
    del good["_acme"]["loyalty"]["loyaltyId"]
    place = "_acme.loyalty.loyaltyId"
    assert codes(loyalty, good) == {("required", place), ("identity-primary", place)}


def test_rows_columns_and_values_stand_in_the_findings(crm: Schema) -> None:
    leaves = (Leaf(("person", "gender"), pa.string(), "SEX"), Leaf(("person", "birthYear"), pa.int32(), "YOB"))
    records = pa.RecordBatch.from_arrays(
        [pa.array(["male", "x", None, "y"]), pa.array([1, 2, 40000, None], pa.int32())], names=["a", "b"]
    )
    chunk = Chunk(leaves, records, np.array([3, 5, 8, 9]))
    done = compile_checks(crm, leaves, "jsonschema")(chunk)
    assert [(i.row, i.path, i.column, i.value) for f in done.issues for i in f.issues()] == [
        (5, "person.gender", "SEX", "x"),
        (9, "person.gender", "SEX", "y"),
        (8, "person.birthYear", "YOB", "40000"),
    ]
    assert done.faulty().tolist() == [False, True, True, True]


def test_a_constant_is_checked_once_and_still_reported_for_every_row(crm: Schema) -> None:
    for value, expected in (("male", 0), ("m", 3)):
        leaves = (Leaf(("person", "gender"), pa.string(), "'m'", constant=value),)
        records = pa.RecordBatch.from_arrays([pa.array([value] * 3)], names=["g"])
        chunk = Chunk(leaves, records, np.arange(1, 4))
        assert sum(len(f.rows) for f in compile_checks(crm, leaves, "jsonschema")(chunk).issues) == expected


def test_typed_dates_and_times_need_no_format_check(event: Schema) -> None:
    leaves = (Leaf(("_id",), pa.string()), Leaf(("timestamp",), TIMESTAMP))
    arrays = [pa.array(["a", "b:c"]), pa.array([0, 32_503_680_000_000], TIMESTAMP)]
    chunk = Chunk(leaves, pa.RecordBatch.from_arrays(arrays, names=["i", "t"]), np.arange(1, 3))
    assert column_codes(event, chunk, "jsonschema") == set()
    found = {(i.code, i.row) for f in compile_checks(event, leaves)(chunk).issues for i in f.issues()}
    assert found >= {("event-id", 2), ("event-timestamp", 2)}
    assert not any(row == 1 and code.startswith("event") for code, row in found)


def test_the_future_is_seen_in_texts_too(event: Schema) -> None:
    for text, late in (("2999-01-01T00:00:00Z", True), ("2001-01-01T00:00:00+05:00", False)):
        record = {"_id": "a", "timestamp": text}
        assert (("event-timestamp", "timestamp") in codes(event, record)) == late
        assert (("event-timestamp", "timestamp") in column_codes(event, shredded(record))) == late


def test_large_records_are_named(crm: Schema) -> None:
    record = profile(person={"name": {"firstName": "x" * 110_000}})
    assert codes(crm, record) == {("record-size", "")}
    assert column_codes(crm, shredded(record)) == {("record-size", "")}
    assert codes(crm, profile(person={"name": {"firstName": "x" * 90_000}})) == set()


def test_guardrails_warn() -> None:
    schema = Schema.from_dict(
        {
            "type": "object",
            "properties": {
                "m": {"type": "object", "additionalProperties": {"type": "integer"}},
                "l": {"type": "array", "items": {"type": "integer"}},
                "s": {"type": "string", "meta:enum": {"a": "A", "b": "B"}},
                "d": {"type": "string", "meta:status": "deprecated"},
                "w": {"type": "integer", "meta:xdmType": "short"},
            },
        }
    )
    record = {"m": {f"k{n}": n for n in range(16)}, "l": list(range(501)), "s": "c", "d": "x", "w": 40000}
    expected = {
        ("map-keys", "m"), ("array-items", "l"), ("soft-enum", "s"), ("deprecated", "d"), ("width", "w"),
    }  # fmt: skip
    assert codes(schema, record) == expected
    assert column_codes(schema, shredded(record)) == expected
    assert column_codes(schema, row_chunk(pa.RecordBatch.from_pylist([record]))) == expected
    severities = {issue.code: issue.severity for issue in check_record(schema, record)}
    assert {code for code, severity in severities.items() if severity == "error"} == {"width"}
    assert codes(schema, record, "jsonschema") == set()


def test_the_batch_rules_convert_what_the_platform_converts() -> None:
    schema = Schema.from_dict(
        {
            "type": "object",
            "properties": {
                "i": {"type": "integer", "maximum": 10},
                "n": {"type": "number"},
                "s": {"type": "string", "maxLength": 3},
                "t": {"type": "string", "format": "date-time"},
                "b": {"type": "boolean"},
                "a": {"type": "array", "items": {"type": "string"}},
            },
        }
    )
    cases: list[tuple[dict[str, Any], set[str]]] = [
        ({"i": "7"}, set()), ({"i": "11"}, {"maximum"}), ({"i": "x"}, {"type"}), ({"i": 2.5}, set()),
        ({"n": "2.5"}, set()), ({"n": "NaN"}, {"type"}), ({"s": 12}, set()), ({"s": 1234}, {"max-length"}),
        ({"t": 1700000000000}, set()), ({"b": "true"}, {"type"}), ({"b": 1}, {"type"}), ({"a": "x"}, {"type"}),
        ({"s": True}, {"type"}), ({"s": ""}, {"empty"}),
    ]  # fmt: skip
    for record, expected in cases:
        assert {code for code, _ in codes(schema, record, "batch")} == expected, record
        assert {code for code, _ in column_codes(schema, shredded(record), "batch")} == expected, record
    assert {issue.code for issue in check_record(schema, {"i": None}, "batch")} == {"null"}
    assert {issue.code for issue in check_record(schema, {"i": None}, "jsonschema")} == {"type"}


def test_pattern_and_format_only_warn_under_the_batch_rules(crm: Schema) -> None:
    found = check_record(crm, profile(person={"birthDate": "1979-1-3"}), "batch")
    assert [(issue.code, issue.severity) for issue in found] == [("format", "warning")]


def test_single_rules_can_be_changed(crm: Schema) -> None:
    record = profile(person={"gender": "F", "birthDayAndMonth": "1-3"})
    changed = Rules.of("strict", {"enum": "warning", "pattern": "off"})
    assert [(i.code, i.severity) for i in check_record(crm, record, changed)] == [("enum", "warning")]
    chunk = shredded(record)
    done = compile_checks(crm, chunk.leaves, changed)(chunk)
    assert [(f.code, f.severity) for f in done.issues] == [("enum", "warning")]
    assert not done.faulty().any()
    assert check_record(crm, record, Rules.of("jsonschema", {"enum": "off", "pattern": "off"})) == []


def test_a_rule_that_is_off_still_decides_within_any_of() -> None:
    schema = Schema.from_dict(
        {"type": "object", "properties": {"a": {"anyOf": [{"pattern": "^x"}, {"pattern": "^y"}]}}}
    )
    off = Rules.of("jsonschema", {"pattern": "off"})
    for text, expected in (("x1", set()), ("z", {("any-of", "a")})):
        assert codes(schema, {"a": text}, off) == expected
        assert column_codes(schema, shredded({"a": text}), off) == expected


@pytest.mark.parametrize(
    ("name", "severities", "message"),
    [
        ("strickt", None, "Did you mean 'strict'?"),
        ("strict", {"patern": "off"}, "Did you mean 'pattern'"),
        ("strict", {"pattern": "loud"}, "expected 'error', 'warning' or 'off'"),
    ],
)
def test_wrong_rules_are_refused(name: str, severities: dict[str, str] | None, message: str) -> None:
    with pytest.raises(UsageError, match=message.replace("?", "\\?")):
        Rules.of(name, severities)


def test_pointers_name_the_place(crm: Schema) -> None:
    record = {"identityMap": {"a/b~c": [{"id": 5, "primary": True}]}}
    assert [(i.code, i.pointer) for i in check_record(crm, record, "jsonschema")] == [
        ("type", "/identityMap/a~1b~0c/0/id")
    ]


def test_a_pattern_that_cannot_be_read_is_a_fault_of_the_schema() -> None:
    for pattern in ("(", "[a", "a\\", "\\p{Nonsense}"):
        schema = Schema.from_dict({"type": "object", "properties": {"a": {"type": "string", "pattern": pattern}}})
        with pytest.raises(SchemaError, match="pattern"):
            check_record(schema, {"a": "x"})


def test_a_schema_that_contains_itself() -> None:
    schema = Schema.from_dict(
        {
            "type": "object",
            "properties": {"tree": {"$ref": "#/definitions/node"}},
            "definitions": {
                "node": {
                    "type": "object",
                    "properties": {"v": {"type": "integer"}, "next": {"$ref": "#/definitions/node"}},
                    "required": ["v"],
                }
            },
        }
    )
    good = {"tree": {"v": 1, "next": {"v": 2, "next": {"v": 3}}}}
    bad = {"tree": {"v": 1, "next": {"v": 2, "next": {"v": "3"}}}}
    assert codes(schema, good, "jsonschema") == set() == column_codes(schema, shredded(good), "jsonschema")
    assert codes(schema, bad, "jsonschema") == {("type", "tree.next.next.v")}
    assert column_codes(schema, shredded(bad), "jsonschema") == {("type", "tree.next.next.v")}


def test_every_keyword_of_the_dialect_has_a_rule() -> None:
    from xdmprep.validate.compile import KEYWORDS
    from xdmprep.validate.messages import code_of

    without = {"$ref", "allOf", "properties", "patternProperties", "items"}
    assert {code_of(keyword) for keyword in KEYWORDS - without} <= set(RULES)


@pytest.mark.parametrize("count", [20, 21])
def test_values_of_identity_fields_count_as_identities(count: int) -> None:
    schema = Schema.from_dict(
        {
            "type": "object",
            "properties": {"phones": {"type": "array", "items": {"type": "string"}}},
            "meta:descriptors": [
                {"@type": "xdm:descriptorIdentity", "xdm:sourceProperty": "/phones/*", "xdm:namespace": "Phone"}
            ],
        }
    )
    record = {"phones": [str(number) for number in range(count)]}
    nested = pa.Table.from_pylist([record])
    chunk = Chunk((Leaf(("phones",), nested.schema[0].type),), nested.to_batches()[0], np.array([7]))
    wanted = {("identity-count", "identityMap")} if count > 20 else set()
    assert codes(schema, record) == column_codes(schema, shredded(record)) == column_codes(schema, chunk) == wanted


@pytest.mark.parametrize("name", ["[*]", "{*}", "<key>", "[0]", ""])
def test_findings_below_names_that_look_like_steps_of_a_path(name: str) -> None:
    inner = {"type": "object", "properties": {name: {"type": "string", "maxLength": 1}}}
    schema = Schema.from_dict({"type": "object", "properties": {"list": {"type": "array", "items": inner}}})
    table = pa.table({"list": [[{name: "a"}], [{name: "bb"}, {name: "c"}]]})
    assert [issue["row"] for issue in xp.validate(table, schema, rules="jsonschema").issues.to_pylist()] == [2]


ADDRESSES = {
    "email": (
        ["ann@a.example", "~a.b@c--d.1", '"Ann Lee"@a.example', '""@a.example', r'"a\"\\b"@a', "a@[192.0.2.1]",
         "a@[IPv6:2001:db8::1]", "a@[ipv6:::1]", "a@192.0.2.300", 64 * "x" + "@a",
         "a.b.c.d.e@a.b.c.d.e.f", r'"a\ b\~"@c', f"{20 * 'x'}.{21 * 'x'}.{21 * 'x'}@a"],
        ["", "@", "a@", "@a.example", "a.@b", "a..b@c", "a b@c", "a@b c", "a@b.", "a@.b", "a@-b", "a@b-", '"a@b',
         'a"b@c', '"a"b@c', '"a""b"@c', "a@b@c", r"a\@b@c", "(x)a@b", "a@[192.0.2.300]", "a@[192.0.2]", "a@[]", "a@[",
         "a@[2001:db8::1]", "a@[IPv6:192.0.2.1]", "a@[tag:x]", "a@b[192.0.2.1]", "é@a.example", "a@é.example",
         '"é"@a', "a@b\n", "\x7f@a", "a＠b", "a@\u212a", 65 * "x" + "@a",
         f"{21 * 'x'}.{21 * 'x'}.{21 * 'x'}@a", f"{'.'.join(4 * [16 * 'x'])}@a",
         f"{23 * 'x'}.{20 * 'x'}.{20 * 'x'}@a"],
    ),
    "idn-email": (
        ["ann@a.example", "å@é.example", '"å é"@a', "실례@실례.테스트", "a@[192.0.2.1]", "a@cafe\u0301.example"],
        ["", "@", "å@", "@å", "å b@c", "å@é..example", "å@[192.0.2.300]", "å", 33 * "å" + "@b"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ADDRESSES)
def test_addresses_are_those_of_the_rfc(name: str) -> None:
    fine, wrong = ADDRESSES[name]
    schema = Schema.from_dict({"type": "object", "properties": {"a": {"type": "string", "format": name}}})
    assert [text for text in fine + wrong if not schema.check({"a": text}, "jsonschema")] == fine
    found = xp.validate(pa.table({"a": fine + wrong}), schema, rules="jsonschema").issues["row"].to_pylist()
    assert found == list(range(len(fine) + 1, len(fine) + len(wrong) + 1))


@pytest.mark.parametrize(
    ("value", "spoilt"),
    [
        ('="00123"', True), ('=""', True), ("'00123", True), ("4.53E+15", True), ("4,53E+15", True), ("1E+20", True),
        ("=sum", False), ("'Ada'", False), ("4.53e15", False), ("45.3E+15", False), ("4.53E+15 ", False),
        ("00123", False), ("E+5", False), ("a=b", False),
    ],
)  # fmt: skip
def test_identities_that_a_spreadsheet_has_spoilt_are_a_warning(value: str, spoilt: bool) -> None:
    schema = Schema.from_dict({"type": "object", "properties": {"identityMap": {
        "type": "object", "additionalProperties": {"type": "array", "items": {
            "type": "object", "properties": {"id": {"type": "string"}, "primary": {"type": "boolean"}},
        }},
    }}})  # fmt: skip
    record = {"identityMap": {"CRMID": [{"id": value, "primary": True}]}}
    wanted = {("identity-spreadsheet", "identityMap.CRMID[0].id")} if spoilt else set()
    assert codes(schema, record) == column_codes(schema, shredded(record)) == wanted
    assert xp.validate(pa.Table.from_pylist([record]), schema).valid


@pytest.mark.usefixtures("few_lines_become_columns")
def test_findings_in_columns_name_up_to_256_places(tmp_path: Path) -> None:
    number = {"type": "integer", "maximum": 5}
    inner = {"type": "object", "properties": {"b": {"type": "array", "items": number}}}
    properties = {"l": {"type": "array", "items": number}, "a": {"type": "array", "items": inner}}
    schema = Schema.from_dict({"type": "object", "properties": properties})
    file = tmp_path / "records.json"

    def found(*records: dict[str, Any]) -> list[tuple[int | None, str]]:
        file.write_text("".join(json.dumps(record) + "\n" for record in records))
        return [(issue.row, issue.path) for issue in xp.validate(file, schema, rules="jsonschema")]

    for places in (256, 257):
        wanted = [(1, f"l[{place}]") for place in range(places)] if places == 256 else [(1, "l[*]")] * places
        assert found({"l": [9] * places}) == wanted
    assert found({"a": [{"b": [1, 9]}, {"b": [9, 1]}]}, {"a": [{"b": [9, 9]}, {"b": [9, 1]}]}) == [
        (1, "a[0].b[1]"), (1, "a[1].b[0]"), (2, "a[0].b[1]"), (2, "a[1].b[0]"), (2, "a[0].b[0]"),
    ]  # fmt: skip
