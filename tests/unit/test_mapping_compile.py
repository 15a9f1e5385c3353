"""Mapping sets compiled against a header and a schema: values, types, order, findings, faults."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from xdmprep.core.stream import TIMESTAMP, Finding, Stream
from xdmprep.errors import MappingError
from xdmprep.language import Expression
from xdmprep.mapping import MappingSet, compile_mapping, map_stream
from xdmprep.read import open_source
from xdmprep.schema import Schema


def stream_of(rows: list[dict[str, Any]], schema: pa.Schema | None = None) -> Stream:
    return open_source(pa.Table.from_pylist(rows, schema))


def run(
    mapping: dict[str, Any], rows: list[dict[str, Any]], schema: Schema | None = None, **more: Any
) -> tuple[list[dict[str, Any]], list[Finding]]:
    stream = map_stream(stream_of(rows), MappingSet(mapping), schema, **more)
    findings = [finding for chunk in stream for finding in chunk.issues]
    return stream.to_pylist(), findings


def faults(mapping: dict[str, Any], columns: list[str], schema: Schema | None = None) -> list[str]:
    with pytest.raises(MappingError) as error:
        compile_mapping(MappingSet(mapping), pa.schema([(name, pa.string()) for name in columns]), schema)
    return list(error.value.faults)


@pytest.fixture(scope="module")
def crm() -> Schema:
    return Schema.load(Path(__file__).parents[2] / "schemas" / "crm-profile.schema.json")


@pytest.fixture(scope="module")
def event() -> Schema:
    return Schema.load(Path(__file__).parents[2] / "schemas" / "purchase-event.schema.json")


@pytest.fixture(scope="module")
def loyalty() -> Schema:
    return Schema.load(Path(__file__).parents[2] / "schemas" / "loyalty-profile.schema.json")


NUMBERS = Schema.from_dict({
    "$id": "https://e.example/numbers", "title": "Numbers", "type": "object",
    "properties": {"n": {"type": "number"}, "whole": {"type": "integer"}},
})  # fmt: skip


class TestValues:
    def test_copies_are_coerced_to_the_destination(self, crm: Schema) -> None:
        mapping = {
            "person.birthYear": "Y", "person.birthDate": "D", "homeAddress._schema.latitude": "LAT",
            "homeAddress.primary": "P", "_repo.createDate": "T", "homePhone.number": "N",
        }  # fmt: skip
        row = {"Y": "1979", "D": "1979-01-03", "LAT": "45.5", "P": "yes", "T": "2024-01-02T03:04:05Z", "N": 5551234}
        records, findings = run(mapping, [row], crm)
        assert not findings
        assert records == [
            {
                "_repo": {"createDate": datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)},
                "person": {"birthDate": date(1979, 1, 3), "birthYear": 1979},
                "homePhone": {"number": "5551234"},
                "homeAddress": {"_schema": {"latitude": 45.5}, "primary": True},
            }
        ]

    def test_one_column_to_several_destinations(self, crm: Schema) -> None:
        records, _ = run({"personalEmail.address": "E", "identityMap.Email[0].id": "E"}, [{"E": "a@b.c"}], crm)
        assert records == [{"identityMap": {"Email": [{"id": "a@b.c"}]}, "personalEmail": {"address": "a@b.c"}}]

    def test_constants_of_every_kind(self, crm: Schema) -> None:
        mapping = {
            "person.birthYear": 1980, "homeAddress.primary": True, "person.gender": '"female"',
            "homeAddress.country": {"constant": "NL"}, "person.birthDate": '"1980-05-06"',
            "homeAddress._schema.latitude": 45, "person.name.lastName": "X",
        }  # fmt: skip
        records, _ = run(mapping, [{"X": "a"}, {"X": None}], crm)
        rest = {"gender": "female", "birthDate": date(1980, 5, 6), "birthYear": 1980}
        home = {"country": "NL", "_schema": {"latitude": 45.0}, "primary": True}
        assert records == [
            {"person": {"name": {"lastName": "a"}, **rest}, "homeAddress": home},
            {"person": rest, "homeAddress": home},
        ]

    def test_text_to_text_is_not_copied(self) -> None:
        records = pa.RecordBatch.from_pydict({"a": pa.array(["x", "y"]), "b": pa.array(["x", "x"]).dictionary_encode()})
        stream = map_stream(open_source(pa.Table.from_batches([records])), MappingSet({"p.a": "a", "p.b": "b"}))
        (chunk,) = stream.chunks()
        (given,) = open_source(pa.Table.from_batches([records])).chunks()
        for made, was in zip(chunk.records.columns, given.records.columns, strict=True):
            assert made.type == was.type
            assert [b and b.address for b in made.buffers()] == [b and b.address for b in was.buffers()]

    def test_source_rows_and_numbers_stay(self) -> None:
        stream = map_stream(stream_of([{"a": "1"}, {"a": "2"}]), MappingSet({"x": "a"}))
        (chunk,) = stream.chunks()
        assert chunk.rows.tolist() == [1, 2]
        assert chunk.source is not None and chunk.source.to_pylist() == [{"a": "1"}, {"a": "2"}]

    def test_expressions(self, crm: Schema) -> None:
        mapping = {
            "person.name.fullName": 'concat(upper(trim(F)), " ", L)',
            "person.gender": 'iif(G == "M", "male", "female")',
            "person.name.firstName": "nvl(F, L)",
            "person.birthDate": 'date(D, "d/M/yyyy")',
            "person.birthYear": "to_integer(Y)",
            "homeAddress._schema.latitude": "to_decimal(LAT)",
            "person.name.lastName": "lower(L)",
        }
        row = {"F": " ann ", "L": "LEE", "G": "M", "D": "3/4/1980", "Y": "1980", "LAT": "1.25"}
        records, findings = run(mapping, [row], crm)
        assert not findings
        assert records[0]["person"] == {
            "name": {"firstName": " ann ", "lastName": "lee", "fullName": "ANN LEE"},
            "gender": "male", "birthDate": date(1980, 4, 3), "birthYear": 1980,
        }  # fmt: skip
        assert records[0]["homeAddress"] == {"_schema": {"latitude": 1.25}}

    def test_arrays_maps_and_lists(self, loyalty: Schema) -> None:
        mapping = {
            "_acme.loyalty.loyaltyId": "ID",
            "_acme.loyalty.tags[0]": "T1",
            "_acme.loyalty.tags[1]": "T2",
            "_acme.loyalty.pointsByYear.2024": "P24",
            "_acme.loyalty.pointsByYear.2023": "P23",
            "_acme.loyalty.cards[0].number": "C",
        }
        rows = [
            {"ID": "a", "T1": "x", "T2": "y", "P24": "24", "P23": "23", "C": "1"},
            {"ID": "b", "T1": None, "T2": "y", "P24": None, "P23": "23", "C": None},
        ]
        records, _ = run(mapping, rows, loyalty)
        assert [record["_acme"]["loyalty"] for record in records] == [
            {
                "loyaltyId": "a",
                "tags": ["x", "y"],
                "pointsByYear": {"2024": 24, "2023": 23},
                "cards": [{"number": "1"}],
            },
            {"loyaltyId": "b", "tags": ["y"], "pointsByYear": {"2023": 23}},
        ]

    def test_an_expression_gives_a_whole_array(self, loyalty: Schema) -> None:
        records, _ = run({"_acme.loyalty.tags": 'explode(T, ";")'}, [{"T": "x;y"}, {"T": None}], loyalty)
        assert records == [{"_acme": {"loyalty": {"tags": ["x", "y"]}}}, {}]

    def test_columns_with_any_name(self) -> None:
        rows = [{"First Name": "a", "Full.Name": "b", "a-b": "c", "true": "d"}]
        mapping = {"p": "First Name", "q": "Full.Name", "r": "a-b", "s": "true", "t": "concat(${First Name}, `!`)"}
        del mapping["t"]
        records, _ = run(mapping, rows)
        assert records == [{"p": "a", "q": "b", "r": "c", "s": "d"}]


class TestOrderAndTypes:
    def test_leaves_follow_the_schema_and_map_keys_the_mapping(self, crm: Schema) -> None:
        mapping = {
            "personalEmail.address": "A", "identityMap.LOYALTYID[0].id": "A", "identityMap.ECID[1].id": "B",
            "identityMap.ECID[0].id": "A", "person.name.lastName": "A", "person.name.firstName": "B", "_id": "A",
        }  # fmt: skip
        made = compile_mapping(MappingSet(mapping), pa.schema([("A", pa.string()), ("B", pa.string())]), crm)
        assert [leaf.name for leaf in made.leaves] == [
            "_id", "person.name.firstName", "person.name.lastName", "identityMap.LOYALTYID[0].id",
            "identityMap.ECID[0].id", "identityMap.ECID[1].id", "personalEmail.address",
        ]  # fmt: skip
        assert made.arrow_schema == crm.arrow_schema

    def test_leaf_types_are_those_of_the_schema(self, loyalty: Schema) -> None:
        names = ["points", "visits", "homeStore", "satisfaction", "lifetimeValue", "active", "joinDate", "lastActivity"]
        made = compile_mapping(
            MappingSet({f"_acme.loyalty.{name}": "A" for name in names}), pa.schema([("A", pa.string())]), loyalty
        )
        assert [leaf.type for leaf in made.leaves] == [
            pa.int64(), pa.int32(), pa.int16(), pa.int8(), pa.float64(), pa.bool_(), pa.date32(), TIMESTAMP,
        ]  # fmt: skip

    def test_types_pass_through_without_a_schema(self) -> None:
        row = {"a": 1, "b": 1.5, "c": True, "d": date(2024, 1, 2), "e": [1, 2], "f": {"g": "x"}, "h": "t"}
        records, _ = run({f"x.{name}": name for name in row}, [row])
        assert records == [{"x": row}]

    def test_types_known_per_row_only_are_decided_by_the_first_rows(self) -> None:
        rows = [{"j": '{"a": 1, "b": ["x"]}'}, {"j": None}]
        records, _ = run({"x": "json_to_object(j)", "y": "nullify()"}, rows)
        assert records == [{"x": {"a": 1, "b": ["x"]}}, {}]

    @pytest.mark.parametrize(
        ("text", "wanted"),
        [("[n, a]", [["1", "x"], ["2", "y"]]), ("[n, 1.5]", [[1.0, 1.5], [2.0, 1.5]]),
         ("iif(n > 1, [n], [a])", [["x"], ["2"]]),
         ("{'k': [n, a]}", [{"k": ["1", "x"]}, {"k": ["2", "y"]}])],
    )  # fmt: skip
    def test_arrays_of_several_kinds_are_of_strings_or_numbers(self, text: str, wanted: list[Any]) -> None:
        records, findings = run({"x": text}, [{"n": 1, "a": "x"}, {"n": 2, "a": "y"}])
        assert (records, findings) == ([{"x": value} for value in wanted], [])

    def test_a_source_that_can_be_read_once_is_not_lost(self) -> None:
        batches = [pa.RecordBatch.from_pydict({"j": [f'{{"a": {n}}}']}) for n in range(3)]
        reader = pa.RecordBatchReader.from_batches(batches[0].schema, batches)
        stream = map_stream(open_source(reader), MappingSet({"x": "json_to_object(j)"}))
        assert stream.to_pylist() == [{"x": {"a": n}} for n in range(3)]


class TestIdentityMap:
    def test_an_item_without_an_id_is_absent_as_a_whole(self, crm: Schema) -> None:
        mapping = {
            "identityMap.ECID[0].id": "E", "identityMap.ECID[0].primary": False,
            "identityMap.ECID[0].authenticatedState": "S",
            "identityMap.CRMID[0].id": "C", "identityMap.CRMID[0].primary": True,
        }  # fmt: skip
        records, _ = run(mapping, [{"E": None, "S": "loggedOut", "C": "1"}, {"E": "2", "S": None, "C": None}], crm)
        assert records == [
            {"identityMap": {"CRMID": [{"id": "1", "primary": True}]}},
            {"identityMap": {"ECID": [{"id": "2", "primary": False}]}},
        ]

    def test_constants_say_which_leaf_they_follow(self, crm: Schema) -> None:
        mapping = MappingSet({"identityMap.A[0].primary": True, "identityMap.A[0].id": "X", "person.gender": '"male"'})
        gender, ident, primary = compile_mapping(mapping, pa.schema([("X", pa.string())]), crm).leaves
        assert (primary.constant, primary.follows) == (True, 1) and ident.name == "identityMap.A[0].id"
        assert (gender.constant, gender.follows) == ("male", None)

    def test_a_constant_text_follows_too(self, crm: Schema) -> None:
        mapping = {"identityMap.A[0].id": "X", "identityMap.A[0].authenticatedState": '"ambiguous"'}
        records, _ = run(mapping, [{"X": None}, {"X": "1"}], crm)
        assert records == [{}, {"identityMap": {"A": [{"id": "1", "authenticatedState": "ambiguous"}]}}]


class TestFindings:
    def test_what_does_not_fit_becomes_null_and_a_finding(self, crm: Schema) -> None:
        rows = [{"Y": "1979"}, {"Y": "x"}, {"Y": "99999"}, {"Y": None}]
        records, (finding,) = run({"person.birthYear": "Y"}, rows, crm)
        assert records == [{"person": {"birthYear": 1979}}, {}, {}, {}]
        assert finding.code == "unparsable" and finding.severity == "warning"
        assert finding.rows.tolist() == [2, 3] and finding.path == "person.birthYear" and finding.column == "Y"
        assert finding.values is not None and finding.values.to_pylist() == ["x", "99999"]
        assert "a short (-32768 to 32767)" in finding.message

    def test_strict_makes_them_errors(self, crm: Schema) -> None:
        _, (finding,) = run({"person.birthYear": "Y"}, [{"Y": "x"}], crm, strict=True)
        assert finding.severity == "error"

    @pytest.mark.parametrize(
        ("path", "value", "hint"),
        [
            ("person.birthDate", "1979-01-3", 'date(COL, "yyyy-MM-d")'),
            ("person.birthDate", "1979-1-3", 'date(COL, "yyyy-M-d")'),
            ("person.birthDate", "31/12/1979", 'date(COL, "d/M/yyyy")'),
            ("person.birthDate", "1 March 1979", 'date(COL, "d MMMM yyyy")'),
            ("person.birthDate", "1767312000", "dformat(to_bigint(COL) * 1000, \"yyyy-MM-dd'T'HH:mm:ssX\")"),
            ("person.birthDate", "1767312000123", "dformat(to_bigint(COL), \"yyyy-MM-dd'T'HH:mm:ss.SSSX\")"),
            ("person.birthDate", "1767312000123456", "dformat(to_bigint(COL) / 1000, \"yyyy-MM-dd'T'HH:mm:ss.SSSX\")"),
            ("homeAddress._schema.latitude", "34.5 ", "trim(COL)"),
            ("person.birthYear", "1980.0", "to_bigint(COL) (which cuts off a fraction)"),
            ("homeAddress.primary", "1", 'decode(COL, "1", true, "0", false)'),
            ("homeAddress.primary", "True", "lower(COL)"),
        ],
    )
    def test_a_hint_is_an_expression_that_reads_the_value(self, crm: Schema, path: str, value: str, hint: str) -> None:
        _, (finding,) = run({path: "COL"}, [{"COL": value}], crm)
        assert finding.hint == f"To read it, map {hint}."
        records, findings = run({path: hint.partition(" (which")[0]}, [{"COL": value}], crm)
        assert records != [{}] and not findings

    @pytest.mark.parametrize(
        ("value", "hint"),
        [
            ("12,5", 'replacestr(COL, ",", ".") (it looks like a decimal comma)'),
            ("-1,2345", 'replacestr(COL, ",", ".") (it looks like a decimal comma)'),
            ("1,234.5", 'replacestr(COL, ",", "") (it looks like commas between thousands)'),
            ("1,234,567", 'replacestr(COL, ",", "") (it looks like commas between thousands)'),
            (
                "1.234.567,5",
                'replacestr(replacestr(COL, ".", ""), ",", ".") '
                "(it looks like a decimal comma, with points between thousands)",
            ),
            ("1.234.567", 'replacestr(COL, ".", "") (it looks like points between thousands)'),
            (
                "1,234",
                'replacestr(COL, ",", "") or replacestr(COL, ",", ".") '
                "(it looks like commas between thousands; it looks like a decimal comma)",
            ),
        ],
    )
    def test_a_number_of_another_country_is_named(self, value: str, hint: str) -> None:
        _, (finding,) = run({"n": "COL"}, [{"COL": value}], NUMBERS)
        assert finding.hint == f"To read it, map {hint}."
        for expression in hint.partition(" (")[0].split(" or "):
            records, findings = run({"n": expression}, [{"COL": value}], NUMBERS)
            (number,) = [record["n"] for record in records]
            assert not findings and str(abs(number)).replace(".", "").strip("0") in "".join(filter(str.isdigit, value))

    @pytest.mark.parametrize("written", ["{}-", "({})", "\u2212{}", "\u2013{}"])
    @pytest.mark.parametrize(
        ("value", "meant"),
        [
            ("12", [12]), ("0.5", [0.5]), ("1,234.50", [1234.5]), ("12,5", [12.5]), ("1.234,50", [1234.5]),
            ("1,234,567", [1234567]), ("1,234", [1234, 1.234]),
        ],
    )  # fmt: skip
    def test_a_negative_number_of_bookkeeping_is_read_as_one(
        self, written: str, value: str, meant: list[float]
    ) -> None:
        _, (finding,) = run({"n": "COL"}, [{"COL": written.format(value)}], NUMBERS)
        found = re.fullmatch(r"To read it, map (.*) \(it looks like a [^()]*\)\.", finding.hint)
        assert found
        made = [run({"n": text}, [{"COL": written.format(value)}], NUMBERS)[0] for text in found[1].split(" or ")]
        assert made == [[{"n": -number}] for number in meant]

    @pytest.mark.parametrize("value", ["(12", "12)", "(12-)", "-(12)", "(1.2.3)", "1-2", "()", "--12"])
    def test_what_only_resembles_a_negative_number_has_no_hint(self, value: str) -> None:
        _, (finding,) = run({"n": "COL"}, [{"COL": value}], NUMBERS)
        assert finding.hint == ""

    @pytest.mark.parametrize(
        ("path", "value", "meant"),
        [
            ("person.birthYear", '="1980"', 1980), ("person.birthDate", '="1979-12-31"', date(1979, 12, 31)),
            ("person.birthDate", '="31/12/1979"', date(1979, 12, 31)),
            ("homeAddress._schema.latitude", '="34,5"', 34.5),
        ],
    )  # fmt: skip
    def test_what_a_spreadsheet_forces_to_be_text_is_read(
        self, crm: Schema, path: str, value: str, meant: object
    ) -> None:
        _, (finding,) = run({path: "COL"}, [{"COL": value}], crm)
        found = re.fullmatch(r"To read it, map (.*?)( \(.*\))?\.", finding.hint)
        assert found
        (record,), findings = run({path: found[1]}, [{"COL": value}], crm)
        for step in path.split("."):
            record = record[step]
        assert record == meant and not findings

    def test_whole_numbers_with_points_between_thousands(self) -> None:
        _, (finding,) = run({"whole": "COL"}, [{"COL": "1.000"}], NUMBERS)
        assert finding.hint == 'To read it, map replacestr(COL, ".", "") (it looks like points between thousands).'
        _, (finding,) = run({"whole": "COL"}, [{"COL": "1,234"}], NUMBERS)
        assert finding.hint == 'To read it, map replacestr(COL, ",", "") (it looks like commas between thousands).'

    def test_no_hint_where_nothing_helps(self, crm: Schema) -> None:
        _, (finding,) = run({"person.birthDate": "COL"}, [{"COL": "soon"}], crm)
        assert finding.hint == ""

    def test_values_are_put_together_by_what_would_help(self, crm: Schema) -> None:
        rows = [{"D": "1979-01-3"}, {"D": "soon"}, {"D": "1980-02-4"}, {"D": "1980-02-04"}, {"D": "later"}]
        _, findings = run({"person.birthDate": "D"}, rows, crm)
        assert sorted((f.hint != "", f.rows.tolist()) for f in findings) == [(False, [2, 5]), (True, [1, 3])]

    def test_hints_name_columns_as_expressions_do(self, crm: Schema) -> None:
        _, (finding,) = run({"person.birthDate": "Date of birth"}, [{"Date of birth": "1979-01-3"}], crm)
        assert finding.hint == 'To read it, map date(${Date of birth}, "yyyy-MM-d").'

    def test_an_expression_that_fails_is_a_finding_and_the_row_goes_on(self, crm: Schema) -> None:
        mapping = {"person.birthYear": "to_integer(Y)", "person.name.lastName": "L"}
        records, findings = run(mapping, [{"Y": "abc", "L": "a"}, {"Y": "1980", "L": "b"}], crm)
        assert records == [
            {"person": {"name": {"lastName": "a"}}}, {"person": {"name": {"lastName": "b"}, "birthYear": 1980}},
        ]  # fmt: skip
        (finding,) = findings
        assert finding.code == "expression" and finding.rows.tolist() == [1] and finding.severity == "warning"
        assert finding.column == "to_integer(Y)"
        assert finding.values is not None and finding.values.to_pylist() == ["abc"]

    def test_a_column_read_twice_is_reported_for_each_destination(self, crm: Schema) -> None:
        _, findings = run({"person.birthDate": "D", "homeAddress.lastVerifiedDate": "D"}, [{"D": "x"}], crm)
        assert [finding.path for finding in findings] == ["person.birthDate", "homeAddress.lastVerifiedDate"]


class TestFaults:
    def test_all_faults_at_once(self, crm: Schema) -> None:
        mapping = {
            "person.name.firstName": "F_NAM",
            "person.brithDate": "DOB",
            "person.birthYear": "to_integer(YOB",
            "person.birthDate": '"soon"',
            "homeAddress": "STREET",
            "identityMap.ECID.id": "ID",
            "personalEmail": "MAIL",
        }
        found = faults(mapping, ["F_NAME", "DOB", "YOB", "STREET", "ID"], crm)
        assert len(found) == 7
        assert "the source has no column 'F_NAM'. Did you mean 'F_NAME'?" in found[0]
        assert "Did you mean 'person.birthDate'?" in found[1]
        assert found[2].endswith("    to_integer(YOB\n                  ^")
        assert "the constant 'soon' is not a date" in found[3]
        assert "a string cannot become an object" in found[4]
        assert "Write 'identityMap.ECID[0].id'" in found[5]
        assert "the source has no column 'MAIL'" in found[6]

    @pytest.mark.parametrize(
        ("source", "message"),
        [
            ("gold", """A constant string has quotes of its own: '"gold"'."""),
            ("\u201cgold\u201d", "strings stand in straight quotes"),
            ("`gold`", "strings stand in straight quotes"),
            ("None", "Write null."),
            ("2020-01-31", """A constant string has quotes of its own: '"2020-01-31"'."""),
        ],
    )
    def test_constants_as_they_are_written_elsewhere(self, source: str, message: str, crm: Schema) -> None:
        field = "person.birthDate" if source[0].isdigit() else "person.gender"
        assert message in faults({field: source}, ["F_NAME", "DOB"], crm)[0]

    def test_a_mapping_that_is_the_wrong_way_round(self, crm: Schema) -> None:
        found = faults({"F_NAME": "person.name.firstName", "DOB": "person.birthDay"}, ["F_NAME", "DOB"], crm)
        assert found[0].startswith("F_NAME <- person.name.firstName: is the wrong way round: the field")
        assert "'DOB' is not in CRM Profile" in found[1]  # its source is no field either

    @pytest.mark.parametrize(
        ("source", "hint"),
        [
            ("F_NAM", "Did you mean 'F_NAME'?"),
            ("upper(F_NAME)", "its sourceType is EXPRESSION"),
            ("GONE", "every row."),
        ],
    )
    def test_fields_that_a_posted_set_lacks(self, source: str, hint: str, crm: Schema) -> None:
        posted = [{"sourceType": "ATTRIBUTE", "source": source, "destination": "person.gender"}]
        made = compile_mapping(MappingSet(posted), pa.schema([("F_NAME", pa.string())]), crm)
        assert len(made.notes) == 1 and hint in made.notes[0]

    def test_two_mappings_for_one_destination(self, tmp_path: Path, crm: Schema) -> None:
        file = tmp_path / "m.yaml"
        file.write_text("person.gender: A\nperson.gender: B\n")
        with pytest.raises(MappingError, match=r"'person\.gender' has a mapping already: A"):
            compile_mapping(MappingSet.load(file), pa.schema([("A", pa.string()), ("B", pa.string())]), crm)

    def test_a_destination_above_another(self) -> None:
        (fault,) = faults({"a": "X", "a.b": "X"}, ["X"])
        assert "'a' has a mapping of its own" in fault
        (fault,) = faults({"a[0]": "X", "a.b": "X"}, ["X"])
        assert "nothing can stand beside or below it" in fault

    @pytest.mark.parametrize(
        ("kind", "path", "message"),
        [
            (pa.list_(pa.string()), "person.gender", "an array cannot become a string; pick one element"),
            (
                pa.struct([("a", pa.string())]),
                "person.gender",
                "an object cannot become a string; pick one of its fields",
            ),
            (pa.string(), "homePhone", "a string cannot become an object; use json_to_object"),
            (pa.string(), "identityMap", "a string cannot become a map; use json_to_object"),
            (pa.string(), "identityMap.ECID", "a string cannot become an array; add [0]"),
            (pa.bool_(), "person.birthDate", "a boolean cannot become a date"),
            (
                pa.int64(),
                "person.birthDate",
                'an integer cannot become a date; use date(..., "yyyyMMdd")',
            ),
            (
                pa.float64(),
                "homeAddress.primary",
                "a number cannot become a boolean; use a comparison",
            ),
            (pa.date32(), "homeAddress.primary", "a date cannot become a boolean"),
            (pa.list_(pa.date32()), "identityMap.ECID", "in the array, a date cannot become an object"),
        ],
    )
    def test_types_that_can_never_fit(self, crm: Schema, kind: pa.DataType, path: str, message: str) -> None:
        with pytest.raises(MappingError) as error:
            compile_mapping(MappingSet({path: "A"}), pa.schema([("A", kind)]), crm)
        assert message in str(error.value)

    def test_a_column_that_stands_twice_is_ambiguous(self) -> None:
        columns = pa.schema([("A", pa.string()), ("A", pa.string())])
        for source in ("A", "upper(A)"):
            with pytest.raises(MappingError, match="column 'A' occurs more than once"):
                compile_mapping(MappingSet({"x": source}), columns)

    def test_an_empty_set(self) -> None:
        assert faults({}, ["A"]) == ["the set has no mappings."]

    def test_unknown_settings_of_the_language(self) -> None:
        (fault,) = faults({"a": "A", "$language": {"sead": 1}}, ["A"])
        assert "unknown setting 'sead'" in fault and "seed" in fault
        (fault,) = faults({"a": "A", "$language": {"replace": "some"}}, ["A"])
        assert "replace is one of all, first" in fault

    def test_type_known_per_row_only_needs_a_schema_or_rows(self) -> None:
        (fault,) = faults({"a": "json_to_object(A)"}, ["A"])
        assert "Give a schema" in fault


class TestMissingColumns:
    def test_a_data_prep_set_takes_them_for_null_and_says_so(self) -> None:
        posted = [{"sourceType": "ATTRIBUTE", "source": "none", "destination": "x.a"}]
        stream = map_stream(stream_of([{"b": "1"}, {"b": "2"}]), MappingSet(posted))
        assert stream.to_pylist() == [{}, {}]
        (finding,) = [finding for chunk in stream for finding in chunk.issues]
        assert finding.code == "missing-column" and finding.severity == "warning" and finding.rows.tolist() == [1, 2]

    def test_inside_objects_too(self) -> None:
        posted = [{"sourceType": "ATTRIBUTE", "source": "a.none", "destination": "x"}]
        stream = map_stream(stream_of([{"a": {"b": "1"}}]), MappingSet(posted))
        assert stream.to_pylist() == [{}]
        assert [f.column for chunk in stream for f in chunk.issues] == ["a.none"]
        posted = [{"sourceType": "ATTRIBUTE", "source": "a.b.none", "destination": "x"}]
        with pytest.raises(MappingError, match="is a string and has no field"):
            map_stream(stream_of([{"a": {"b": "1"}}]), MappingSet(posted))

    def test_in_expressions_too(self) -> None:
        mapping = MappingSet([{"sourceType": "EXPRESSION", "source": 'concat(b, none, "!")', "destination": "x"}])
        assert map_stream(stream_of([{"b": "1"}]), mapping).to_pylist() == [{"x": "1!"}]

    def test_our_sets_do_so_when_asked(self) -> None:
        assert run({"x": "none", "y": "b", "$missing": "null"}, [{"b": "1"}])[0] == [{"y": "1"}]
        assert len(faults({"x": "none"}, ["b"])) == 1


class TestCallables:
    def test_arrow_arrays_by_parameter_name(self, crm: Schema) -> None:
        def full(F: pa.Array, L: pa.Array) -> pa.Array:
            return pc.binary_join_element_wise(F, L, " ")

        records, _ = run({"person.name.fullName": full}, [{"F": "a", "L": "b"}, {"F": "c", "L": None}], crm)
        assert records == [{"person": {"name": {"fullName": "a b"}}}, {}]

    def test_pandas_series_by_annotation(self, crm: Schema) -> None:
        def year(D: pd.Series) -> pd.Series:
            return D.str.slice(0, 4)

        assert run({"person.birthYear": year}, [{"D": "1980-01-01"}], crm)[0] == [{"person": {"birthYear": 1980}}]

    def test_named_columns_and_whole_batches(self) -> None:
        mapping = {
            "x": {"call": lambda a: pc.utf8_upper(a), "columns": ["First Name"]},
            "y": lambda batch: pa.array([batch.num_columns] * batch.num_rows),
        }
        assert run(mapping, [{"First Name": "a", "b": "c"}])[0] == [{"x": "A", "y": 2}]

    def test_callables_that_fail_are_faults(self) -> None:
        assert "the source has no column 'Q'" in faults({"x": lambda A, Q: A}, ["A"])[0]
        assert "ZeroDivisionError" in faults({"x": lambda A: 1 / 0}, ["A"])[0]
        assert "must give one value per row: no array" in faults({"x": lambda A: 5}, ["A"])[0]
        assert "annotated as pd.Series" in faults({"x": lambda A: A.str.upper()}, ["A"])[0]
        assert "annotated as pd.Series" in faults({"x": lambda rows: rows["A"].str.upper()}, ["A"])[0]

    def test_wrong_length_is_one_clear_error(self) -> None:
        with pytest.raises(MappingError, match="2 values for 1 rows"):
            run({"x": lambda A: pa.array(["1"] * 2 * len(A))}, [{"A": "1"}])


def test_clock_and_seed_make_runs_repeatable() -> None:
    mapping = {"x": "uuid()", "t": "now()", "$language": {"seed": 7, "clock": "2024-01-02T03:04:05Z"}}
    first, _ = run(mapping, [{"a": "1"}, {"a": "2"}])
    assert first == run(mapping, [{"a": "1"}, {"a": "2"}])[0]
    assert first[0]["x"] != first[1]["x"]
    assert first[0]["t"] == datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_equal_expressions_are_worked_out_once_and_told_for_each_destination(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    apply = Expression.apply
    monkeypatch.setattr(
        Expression, "apply", lambda self, rows, **more: (asked.append(self.text), apply(self, rows, **more))[1]
    )
    rows = pa.table({"v": ["1", "x"]})
    mapping = MappingSet({"a": "to_integer(v) + 1", "b.c": "to_integer(v) + 1", "i": "uuid()", "j": "uuid()"})
    stream = map_stream(open_source(rows), mapping)
    (chunk,) = stream.chunks()
    records = chunk.nested(stream.arrow_schema).to_pylist()
    assert [(record["a"], record["b"]) for record in records] == [(2, {"c": 2}), (None, None)]
    assert all(record["i"] != record["j"] for record in records)
    assert sorted(asked) == ["to_integer(v) + 1", "uuid()", "uuid()"]
    told = [(finding.code, finding.path, finding.rows.tolist()) for finding in chunk.issues]
    assert sorted(told) == [("expression", "a", [2]), ("expression", "b.c", [2])]


@pytest.mark.parametrize("missing", ["error", "null"])
@pytest.mark.parametrize("source", ["city", {"column": "city"}, 'concat(city, "-", id)', "upper(trim(city))"])
def test_a_name_of_several_csv_columns_is_refused_where_it_is_read(tmp_path: Path, source: Any, missing: str) -> None:
    file = tmp_path / "t.csv"
    file.write_text("id,city,city\n1,a,b\n")
    stream = open_source(file)
    options = {"$missing": missing}
    assert compile_mapping(MappingSet({**options, "x": "id", "y": "city (column 3)"}), stream.arrow_schema, None)
    with pytest.raises(MappingError, match=r"'city' occurs 2 times.*'city \(column 2\)', 'city \(column 3\)'"):
        compile_mapping(MappingSet({**options, "x": source}), stream.arrow_schema, None)


def test_a_choice_of_objects_with_other_keys_keeps_the_fields_of_both() -> None:
    text = {"type": "string"}
    given = {"type": "object", "properties": {"a": text, "b": text}}
    schema = Schema.from_dict({"title": "x", "type": "object", "properties": {"o": given}})
    mapping = MappingSet({"o": 'iif(t == "1", to_object("a", s), to_object("b", s))'})
    rows = pa.table({"s": ["x", "y"], "t": ["1", "2"]})
    made = map_stream(open_source(rows), mapping, schema).to_table().to_pylist()
    assert made == [{"o": {"a": "x", "b": None}}, {"o": {"a": None, "b": "y"}}]
