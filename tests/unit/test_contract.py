"""Contracts for source columns: derived from mapping and schema, and a user's own."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from xdmprep.errors import UsageError
from xdmprep.mapping import MappingSet, map_stream
from xdmprep.pipeline.contract import contract_stream, load_contract, source_contract
from xdmprep.read import open_source
from xdmprep.schema import Schema

with warnings.catch_warnings():  # importing pandera imports PySpark where that is installed, which may warn
    warnings.simplefilter("ignore")
    import pandera.pandas as pandera
    from pandera.errors import SchemaErrors

    pandera.DataFrameSchema({}).validate(pd.DataFrame())

SCHEMAS = Path(__file__).parents[2] / "schemas"


@pytest.fixture(scope="module")
def crm() -> Schema:
    return Schema.load(SCHEMAS / "crm-profile.schema.json")


@pytest.fixture(scope="module")
def loyalty() -> Schema:
    return Schema.load(SCHEMAS / "loyalty-profile.schema.json")


def broken(contract: Any, frame: pd.DataFrame) -> set[tuple[str, str, Any]]:
    """(column, check, row) of everything that breaks the contract."""
    try:
        contract.validate(frame, lazy=True)
    except SchemaErrors as error:
        cases = error.failure_cases.to_dict("records")
        return {(case["column"], case["check"].split(":")[-1].strip(), case["index"]) for case in cases}
    return set()


class TestSourceContract:
    def test_constraints_become_checks_of_the_columns(self, crm: Schema) -> None:
        mapping = MappingSet(
            {
                "person.gender": "G", "person.birthDate": "D", "person.birthYear": "Y", "person.nationality": "N",
                "homeAddress._schema.latitude": "LAT", "homeAddress.postOfficeBox": "BOX",
                "personalEmail.address": "E", "identityMap.ECID[0].id": "ECID", "homeAddress.primary": "P",
            }
        )  # fmt: skip
        good = {"G": "female", "D": "1980-01-02", "Y": "1980", "N": "NL", "LAT": "90", "BOX": "x" * 20,
                "E": "a@b.nl", "ECID": "1" * 38, "P": "yes"}  # fmt: skip
        bad = {"G": "F", "D": "1980-1-2", "Y": "0", "N": "nl", "LAT": "90.5", "BOX": "x" * 21,
               "E": "a", "ECID": "1" * 37, "P": "Yes"}  # fmt: skip
        frame = pd.DataFrame([good, bad, dict.fromkeys(good)], dtype="str")
        assert broken(mapping.source_contract(crm), frame) == {
            ("G", 'expected one of "male", "female", "not_specified", "non_specific"', 1),
            ("D", "must convert to the type date", 1),
            ("Y", "expected at least 1", 1),
            ("N", "expected a string matching ^[A-Z]{2}$", 1),
            ("LAT", "expected at most 90", 1),
            ("BOX", "expected at most 20 characters", 1),
            ("E", "expected format email", 1),
            ("ECID", "an ECID has exactly 38 digits", 1),
            ("P", "must convert to the type boolean", 1),
        }

    def test_required_fields_may_not_be_null(self, loyalty: Schema) -> None:
        mapping = MappingSet({"_acme.loyalty.loyaltyId": "ID", "_acme.loyalty.tier": "T"})
        frame = pd.DataFrame({"ID": ["QC-00000001", None], "T": ["gold", None]})
        assert broken(source_contract(mapping, loyalty), frame) == {("ID", "not_nullable", 1)}

    def test_one_column_for_two_destinations_has_the_checks_of_both(self, crm: Schema) -> None:
        mapping = MappingSet({"personalEmail.address": "E", "identityMap.Email[0].id": "E"})
        frame = pd.DataFrame({"E": ["a@b.nl", " "]})
        assert {check for _, check, _ in broken(source_contract(mapping, crm), frame)} == {
            "expected format email", "an identity must not be blank, null, anonymous or invalid",
        }  # fmt: skip

    def test_identities_are_judged_as_in_records(self, crm: Schema) -> None:
        values = ["7", " ", "null", "Anonymous", "invalid ", "nullable", "x" * 1024, "x" * 1025]
        frame = pd.DataFrame({"ID": values})
        refused = {
            row for _, _, row in broken(source_contract(MappingSet({"identityMap.CRMID[0].id": "ID"}), crm), frame)
        }
        records = [{"identityMap": {"CRMID": [{"id": value, "primary": True}]}} for value in values]
        found = [{issue.code for issue in crm.check(record)} for record in records]
        assert refused == {at for at, codes in enumerate(found) if codes & {"identity-blank", "identity-length"}}
        assert refused == {1, 2, 3, 4, 7}

    def test_columns_of_expressions_must_be_there(self, crm: Schema) -> None:
        contract = source_contract(MappingSet({"person.name.fullName": 'concat(F, " ", L)'}), crm)
        assert broken(contract, pd.DataFrame({"F": ["a"], "L": [None], "more": [1]})) == set()
        with pytest.raises(SchemaErrors, match="L"):
            contract.validate(pd.DataFrame({"F": ["a"]}), lazy=True)

    def test_typed_columns_are_judged_too(self, crm: Schema) -> None:
        contract = source_contract(MappingSet({"person.birthYear": "Y", "homeAddress._schema.latitude": "LAT"}), crm)
        frame = pd.DataFrame({"Y": [1980, 40000], "LAT": [1.5, np.nan]})
        assert broken(contract, frame) == {
            ("Y", "must convert to the type short", 1), ("Y", "expected at most 32767", 1),
        }  # fmt: skip

    def test_what_the_contract_lets_pass_the_mapping_takes(self, crm: Schema) -> None:
        mapping = MappingSet({"person.birthDate": "D", "person.birthYear": "Y", "homeAddress._schema.latitude": "LAT"})
        texts = ["1980-01-02", "1980", "80", "x", "1.5", "-91", "2024-02-30", "1e3", " 7", "0x10", "٣"]
        frame = pd.DataFrame([{"D": d, "Y": d, "LAT": d} for d in texts])
        types = {"D": "date", "Y": "short", "LAT": "number"}
        refused = {(c, i) for c, check, i in broken(source_contract(mapping, crm), frame) if check.endswith(types[c])}
        stream = map_stream(open_source(frame), mapping, crm)
        findings = [finding for chunk in stream for finding in chunk.issues]
        assert refused == {(finding.column, row - 1) for finding in findings for row in finding.rows.tolist()}


class TestOwnContract:
    CONTRACT = pandera.DataFrameSchema(
        {
            "a": pandera.Column(str, pandera.Check.str_length(max_value=2), nullable=True),
            "b": pandera.Column(int, pandera.Check.gt(0), coerce=True),
        }
    )

    def test_rows_that_break_it_are_set_aside(self) -> None:
        table = pa.table({"a": ["x", "long", None, "y"], "b": ["1", "2", "-3", "0"]})
        stream = map_stream(contract_stream(open_source(table), self.CONTRACT), MappingSet({"p": "a", "q": "b"}))
        (chunk,) = stream.chunks()
        assert chunk.faulty().tolist() == [False, True, True, True]
        issues = [(issue.code, issue.row, issue.column, issue.value) for f in chunk.issues for issue in f.issues()]
        assert issues == [("contract", 2, "a", "long"), ("contract", 3, "b", "-3"), ("contract", 4, "b", "0")]
        assert "str_length(None, 2)" in chunk.issues[0].message

    def test_row_numbers_are_those_of_the_source(self) -> None:
        pieces = [pa.RecordBatch.from_pydict({"a": ["x"], "b": [text]}) for text in ("1", "0", "2", "-1")]
        reader = pa.RecordBatchReader.from_batches(pieces[0].schema, pieces)
        stream = contract_stream(open_source(reader), self.CONTRACT)
        assert [row for chunk in stream for f in chunk.issues for row in f.rows.tolist()] == [2, 4]

    def test_a_missing_column_is_told_before_the_first_row(self) -> None:
        with pytest.raises(UsageError, match=r"needs the column 'b'"):
            contract_stream(open_source(pa.table({"a": ["x"], "B": ["1"]})), self.CONTRACT)
        with pytest.raises(UsageError, match="got dict"):
            contract_stream(open_source(pa.table({"a": ["x"]})), {})

    def test_a_column_of_the_wrong_type_sets_its_rows_aside(self) -> None:
        contract = pandera.DataFrameSchema({"b": pandera.Column(int)})
        (chunk,) = contract_stream(open_source(pa.table({"b": ["1", "2"]})), contract).chunks()
        assert chunk.faulty().tolist() == [True, True]

    def test_derived_contracts_run_on_streams(self, crm: Schema) -> None:
        mapping = MappingSet({"person.gender": "G"})
        stream = contract_stream(open_source(pa.table({"G": ["male", "M"]})), mapping.source_contract(crm))
        (chunk,) = stream.chunks()
        assert chunk.faulty().tolist() == [False, True]


class TestFiles:
    def test_python_schema_and_model(self, tmp_path: Path) -> None:
        file = tmp_path / "c.py"
        file.write_text("import pandera.pandas as pa\ncontract = pa.DataFrameSchema({'a': pa.Column(str)})\n")
        assert list(load_contract(file).columns) == ["a"]
        file.write_text("import pandera.pandas as pa\nclass Rows(pa.DataFrameModel):\n    b: int\n")
        assert list(load_contract(file).columns) == ["b"]

    @pytest.mark.parametrize(
        ("text", "message"),
        [("x = 1", "defines 0 pandera schemas"), ("1/0", "ZeroDivisionError"), ("(", "SyntaxError")],
    )
    def test_files_that_are_no_contract(self, tmp_path: Path, text: str, message: str) -> None:
        file = tmp_path / "c.py"
        file.write_text(text)
        with pytest.raises(UsageError, match=message):
            load_contract(file)

    def test_a_missing_file_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="no such file"):
            load_contract(tmp_path / "c.py")


def test_prepare_runs_a_contract_first(tmp_path: Path) -> None:
    from xdmprep.pipeline.prepare import prepare

    contract = tmp_path / "contract.py"
    contract.write_text(
        "import pandera.pandas as pa\ncontract = pa.DataFrameSchema({'C': pa.Column(str, pa.Check.isin(['US']))})\n"
    )
    table = pa.table({"ID": ["1", "2", "3"], "C": ["US", "CA", "US"]})
    mapping = {"identityMap.CRMID[0].id": "ID", "identityMap.CRMID[0].primary": True, "homeAddress.country": "C"}
    schema = SCHEMAS / "crm-profile.schema.json"
    result = prepare(table, mapping, schema, tmp_path / "out", contract=contract)
    assert (result.rows, result.written, result.rejected) == (3, 2, 1)
    reject = (tmp_path / "out" / "rejects.jsonl").read_text()
    assert '"row":2' in reject and '"contract"' in reject and '"C"' in reject


BROKEN = {
    "unique is a number": pandera.DataFrameSchema({"a": pandera.Column(nullable=True)}),
    "a check's own code fails": pandera.DataFrameSchema(
        {"a": pandera.Column(nullable=True, checks=pandera.Check(lambda column: column.nothing))}
    ),
}
BROKEN["unique is a number"]._unique = 7


@pytest.mark.parametrize("name", BROKEN)
def test_a_contract_that_cannot_be_checked_is_the_authors_fault(name: str) -> None:
    """Never an exception of pandera's inner parts: either findings or one sentence."""
    rows = open_source([{"a": "x"}, {"a": None}])
    try:
        chunks = list(contract_stream(rows, BROKEN[name]).chunks())
    except UsageError as error:
        assert "the contract cannot be checked" in str(error) and str(error).endswith(".")
    else:
        assert any(chunk.issues for chunk in chunks)


@pytest.mark.parametrize("text", ["a: 1", "person.name.firstName: F_NAME", "schema_type: dataframe", "column: {a: {}}"])
def test_a_contract_that_asks_nothing_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(text + "\n")
    with pytest.raises(UsageError, match="is no pandera schema"):
        load_contract(file)
