"""Drafts of mapping sets: what is suggested, with which confidence, and that a draft is a mapping file."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from xdmprep.mapping import MappingSet, compile_mapping, map_stream
from xdmprep.pipeline.draft import field_name
from xdmprep.pipeline.suggest import Suggestion, draft, suggest_mapping, words
from xdmprep.read import open_source
from xdmprep.schema import Schema

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def crm() -> Schema:
    return Schema.load(ROOT / "schemas" / "crm-profile.schema.json")


@pytest.fixture(scope="module")
def loyalty() -> Schema:
    return Schema.load(ROOT / "schemas" / "loyalty-profile.schema.json")


def suggest(table: dict[str, list[object]], schema: Schema) -> dict[str, Suggestion]:
    return {one.destination: one for one in suggest_mapping(open_source(pa.table(table)), schema)}


def test_words_of_names() -> None:
    assert words("birthDayAndMonth") == "birth day and month"
    assert words("F_NAME") == "f name"
    assert words("productSKU") == "product sku"
    assert words("XMLFile no.2") == "xml file no 2"


def test_the_bundled_export_is_mapped_as_by_hand(crm: Schema) -> None:
    found = suggest_mapping(open_source(ROOT / "schemas" / "examples" / "crm-profiles.csv"), crm)
    by_hand = MappingSet.load(ROOT / "schemas" / "crm-profile.mapping.yaml")
    agree = {one.destination for one in found if one.destination in by_hand and by_hand[one.destination] == one.source}
    wrong = {
        one.destination: one.source
        for one in found
        if one.confidence >= 60 and not one.destination.startswith("identityMap") and one.destination not in agree
    }
    assert wrong == {"person.birthYear": "YOB"}  # written as to_integer(YOB) by hand
    assert len(agree) >= 18
    assert {"homeAddress._schema.latitude", "homeAddress._schema.longitude"} <= agree
    assert {"identityMap.ECID[0].id", "identityMap.ECID[1].id", "identityMap.Email[0].id"} <= agree


def test_exactly_one_identity_is_primary(crm: Schema) -> None:
    found = suggest({"CRM_ID": ["1"], "ecid": ["1" * 38], "email": ["a@b.nl"], "loyalty_id": ["x"]}, crm)
    marks = {path: one.source for path, one in found.items() if path.endswith("primary") and "identityMap" in path}
    assert sorted(marks.values()) == ["false", "false", "false", "true"]
    assert marks["identityMap.CRMID[0].primary"] == "true"


def test_values_decide_between_like_names(crm: Schema) -> None:
    found = suggest({"mail": ["a@b.nl", "c@d.nl"], "birth": ["1980-01-02", "1981-02-03"]}, crm)
    assert found["personalEmail.address"].column == "mail"
    assert found["person.birthDate"].column == "birth"
    assert "values" in found["person.birthDate"].reason


def test_values_that_do_not_fit_speak_against_a_pair(crm: Schema) -> None:
    found = suggest({"birthDate": ["soon", "later"]}, crm)
    assert "person.birthDate" not in found or found["person.birthDate"].confidence < 60


@pytest.mark.parametrize("written", ["%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%Y/%m/%d", "%Y%m%d", "%Y-%m-%d"])
def test_dates_of_every_form_get_the_expression_that_reads_them(written: str, crm: Schema) -> None:
    days = [date(1979, 12, 31), date(2001, 2, 3), date(1985, 7, 14), date(2010, 10, 10)]
    table = {"Birthdate": [day.strftime(written) for day in days]}
    found = suggest(table, crm)["person.birthDate"]
    assert found.confidence > 90 and "another form" not in found.reason
    records = map_stream(open_source(pa.table(table)), {found.destination: found.source}, crm).to_table().to_pylist()
    assert [one["person"]["birthDate"] for one in records] == days
    mixed = suggest({"Birthdate": [*table["Birthdate"], "1999-1-2", "1999-1-3"]}, crm)["person.birthDate"]
    assert ("2 of 6 values have another form" in mixed.reason) == (written != "%Y-%m-%d")


def test_expressions_make_values_fit(loyalty: Schema) -> None:
    found = suggest(
        {
            "sex": ["M", "F", "F"],
            "active": ["1", "0", "1"],
            "joined": ["31/12/2020", "01/02/2021", "03/04/2021"],
            "Date of birth": ["12/31/1980", "01/02/1981", "02/03/1982"],
        },
        loyalty,
    )
    assert found["_acme.loyalty.joinDate"].source == 'date(joined, "d/M/yyyy")'
    assert found["person.birthDate"].source == 'date(${Date of birth}, "M/d/yyyy")'
    mapping = MappingSet({path: one.source for path, one in found.items() if path})
    rows = [{"sex": "M", "active": "1", "joined": "31/12/2020", "Date of birth": "12/31/1980"}]
    stream = open_source(pa.Table.from_pylist(rows))
    step = compile_mapping(mapping, stream.arrow_schema, loyalty)
    (chunk,) = map(step, stream.chunks())
    assert not chunk.issues
    record = chunk.nested().to_pylist()[0]
    assert record["person"]["gender"] == "male" and record["_acme"]["loyalty"]["active"] is True


@pytest.mark.parametrize("name", ["active", "empty", "not", "is active", "first.time", "1st"])
def test_expressions_name_any_column(name: str) -> None:
    field = {"title": name, "type": "boolean", "meta:xdmType": "boolean"}
    content = {"title": "x", "type": "object", "properties": {field_name(name): field}}
    schema, rows = Schema.from_dict(content), open_source(pa.table({name: ["0", "1"]}))
    (one,) = suggest_mapping(rows, schema)
    assert one.source.startswith("decode(")
    records = map_stream(rows, {one.destination: one.source}, schema).to_table().to_pylist()
    assert records == [{field_name(name): False}, {field_name(name): True}]


def test_columns_like_nothing_are_told(crm: Schema) -> None:
    found = suggest_mapping(open_source(pa.table({"zzqx": ["?"]})), crm)
    assert [(one.column, one.destination, one.confidence) for one in found] == [("zzqx", "", 0)]


def test_a_column_and_a_field_are_used_once(crm: Schema) -> None:
    found = [
        one.destination
        for one in suggest_mapping(open_source(pa.table({"city": ["a"], "City": ["b"], "town": ["c"]})), crm)
        if one.destination
    ]
    assert len(found) == len(set(found)) and "homeAddress.city" in found


def test_columns_inside_objects(crm: Schema) -> None:
    stream = open_source(pa.Table.from_pylist([{"person": {"firstName": "a", "lastName": "b"}}]))
    found = {one.destination: one.source for one in suggest_mapping(stream, crm)}
    assert found["person.name.firstName"] == "person.firstName"
    assert found["person.name.lastName"] == "person.lastName"


def test_a_draft_is_a_mapping_file(tmp_path: Path, crm: Schema) -> None:
    table = pa.table({"F NAME": ["a"], "NO": ["b"], "sex": ["M"], "fax": ["1"], "e-mail: private": ["a@b.nl"]})
    found = suggest_mapping(open_source(table), crm)
    file = tmp_path / "draft.yaml"
    file.write_text(draft(found, least=0))
    mapping = MappingSet.load(file)
    assert mapping.to_dict() == {one.destination: _value(one.source) for one in found if one.destination}
    compile_mapping(mapping, table.schema, crm)
    assert all(line.startswith("#") for line in draft(found, least=100).splitlines())


def _value(source: str) -> object:
    return {"true": True, "false": False}.get(source, source)
