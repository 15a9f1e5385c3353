"""Excel books: cells as the sheet shows them, one sheet as rows, what cannot be read is said."""

from __future__ import annotations

import datetime
import json
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from click.testing import CliRunner

import xdmprep as xp
from xdmprep.cli.prepare import prepare as command
from xdmprep.errors import SourceError, UsageError
from xdmprep.read import ExcelOptions, open_source

MAPPING = {
    "person.name.firstName": "name",
    "person.birthDate": "born",
    "homeAddress.postalCode": "zip",
    "identityMap.CRMID[0].id": "id",
    "identityMap.CRMID[0].primary": True,
}


def book(path: Path, rows: list[list[Any]], title: str = "People", formats: dict[str, str] | None = None) -> Path:
    made = openpyxl.Workbook()
    sheet = made.active
    sheet.title = title
    for row in rows:
        sheet.append(row)
    for cell, form in (formats or {}).items():
        sheet[cell].number_format = form
    made.save(path)
    return path


def cells(path: Path, options: ExcelOptions | None = None) -> list[dict[str, Any]]:
    return open_source(path, excel=options).to_table().to_pylist()


@pytest.mark.parametrize(
    ("value", "form", "shown"),
    [
        ("0042", "General", "0042"),
        (42, "General", "42"),
        (42.0, "General", "42"),
        (1.5, "General", "1.5"),
        (2.675, "General", "2.675"),
        (1234567.891, "#,##0.00", "1234567.891"),
        (42, "00000", "00042"),
        (123456, "00000", "123456"),
        (True, "General", "true"),
        (False, "General", "false"),
        (datetime.date(1980, 2, 3), "yyyy-mm-dd", "1980-02-03"),
        (datetime.datetime(1980, 2, 3), "dd/mm/yyyy", "1980-02-03"),
        (datetime.datetime(1980, 2, 3, 10, 20, 30), "dd/mm/yyyy hh:mm", "1980-02-03T10:20:30"),
        (datetime.datetime(1980, 2, 3), "yyyy-mm-dd hh:mm", "1980-02-03T00:00:00"),
        (datetime.time(10, 20), "hh:mm", "10:20:00"),
        ("=not a formula", "@", None),
        (None, "General", None),
        ("  spaces ", "General", "  spaces "),
    ],
)
def test_a_cell_is_the_text_that_the_sheet_shows(tmp_path: Path, value: Any, form: str, shown: str | None) -> None:
    if isinstance(value, str) and value.startswith("="):
        with pytest.raises(SourceError, match="the formula in cell A2 of sheet 'People' was never calculated"):
            cells(book(tmp_path / "a.xlsx", [["x", "y"], [value, "end"]]))
        return
    assert cells(book(tmp_path / "a.xlsx", [["x", "y"], [value, "end"]], formats={"A2": form})) == [
        {"x": shown, "y": "end"}
    ]


def test_a_book_gives_the_records_of_the_same_csv(tmp_path: Path, schemas: Path) -> None:
    rows = [["id", "name", "born", "zip"]]
    rows += [[f"{n:04}", "Ann", datetime.date(1980, 2, 1 + n % 28), 1000 + n] for n in range(9000)]
    source = book(tmp_path / "a.xlsx", rows)
    result = xp.prepare(source, MAPPING, schemas / "crm-profile.schema.json", tmp_path / "excel")
    text = "\n".join(",".join(map(str, row)) for row in rows) + "\n"
    (tmp_path / "a.csv").write_text(text)
    xp.prepare(tmp_path / "a.csv", MAPPING, schemas / "crm-profile.schema.json", tmp_path / "csv")
    assert (result.rows, result.written) == (9000, 9000)
    part = "part-00000.json"
    assert (tmp_path / "excel" / part).read_bytes() == (tmp_path / "csv" / part).read_bytes()


def test_sheet_and_header_row_are_chosen(tmp_path: Path) -> None:
    made = openpyxl.Workbook()
    made.active.title = "Notes"
    made.active.append(["nothing", "here"])
    made.active.append([1, 2])
    people = made.create_sheet("People")
    for row in (["Export of May"], [], ["id", None, "name"], ["1", None, "Ann"], [], ["2", "x", None]):
        people.append(row)
    made.save(tmp_path / "a.xlsx")
    expected = [
        {"id": "1", "column_2": None, "name": "Ann"},
        {"id": "2", "column_2": "x", "name": None},
    ]
    for sheet in ("People", 2, "2"):
        assert cells(tmp_path / "a.xlsx", ExcelOptions(sheet, 3)) == expected
    assert cells(tmp_path / "a.xlsx") == [{"nothing": "1", "here": "2"}]


def test_rows_wider_than_the_header_are_set_aside(tmp_path: Path, schemas: Path) -> None:
    source = book(tmp_path / "a.xlsx", [["id"], ["1"], ["2", "more"], ["3"]])
    mapping = {key: value for key, value in MAPPING.items() if "identity" in key}
    result = xp.prepare(source, mapping, schemas / "crm-profile.schema.json", tmp_path / "out")
    assert (result.rows, result.written, result.rejected) == (3, 2, 1)
    issue = next(iter(result.report))
    assert (issue.row, issue.code) == (2, "ragged-row")
    assert "row 3 of the sheet has 2 cells, the header 1 column" in issue.message


def test_errors_and_lost_digits_are_findings(tmp_path: Path) -> None:
    source = book(tmp_path / "a.xlsx", [["id", "name"], [12345678901234567890, "Ann"], [999999999999999, "Bob"]])
    made = openpyxl.load_workbook(source)
    made.active["B3"].value, made.active["B3"].data_type = "#N/A", "e"
    made.save(source)
    (chunk,) = open_source(source).chunks()
    found = [(issue.row, issue.column, issue.message) for finding in chunk.issues for issue in finding.issues()]
    assert found == [
        (1, "id", "a number of more than 15 digits has lost digits in Excel"),
        (2, "name", "the cell holds the error #N/A, which is no value"),
    ]
    assert chunk.records.to_pylist()[1] == {"id": "999999999999999", "name": None}


@pytest.mark.parametrize(
    ("make", "options", "say"),
    [
        (lambda path: path.write_bytes(b"PK\x03\x04 not a zip"), None, "is not an Excel book"),
        (lambda path: path.write_text("id,name\n1,Ann\n"), None, "is not an Excel book"),
        (lambda path: zipfile.ZipFile(path, "w").writestr("a.txt", "x"), None, "is not an Excel book"),
        (lambda path: None, None, "No such file"),
        (lambda path: book(path, []), None, "sheet 'People' is empty"),
        (lambda path: book(path, [["id"]]), None, "a header but no row"),
        (lambda path: book(path, [["id"], ["1"]]), ExcelOptions("Peple"), "Did you mean 'People'"),
        (lambda path: book(path, [["id"], ["1"]]), ExcelOptions(2), "there is no sheet 2"),
        (lambda path: book(path, [["id"], [], ["1"]]), ExcelOptions(header_row=2), "row 2 of sheet 'People' is empty"),
        (
            lambda path: book(path, [[1, 2.5], [3, 4]]),
            None,
            "row 1 looks like a row, not a header: '1', '2.5'. .*row=1",
        ),
    ],
)
def test_what_is_no_usable_book_is_one_message(tmp_path: Path, make: Any, options: Any, say: str) -> None:
    make(tmp_path / "a.xlsx")
    with pytest.raises(SourceError, match=say):
        open_source(tmp_path / "a.xlsx", excel=options)


def test_numbers_are_names_where_the_header_row_is_given(tmp_path: Path) -> None:
    book(tmp_path / "a.xlsx", [[2024, 2025], [3, 4]])
    assert open_source(tmp_path / "a.xlsx", excel=ExcelOptions(header_row=1)).arrow_schema.names == ["2024", "2025"]


def test_a_header_row_is_counted_from_one() -> None:
    with pytest.raises(UsageError, match="counted from 1"):
        ExcelOptions(header_row=0)


def test_the_command_chooses_the_sheet(tmp_path: Path, schemas: Path) -> None:
    made = openpyxl.Workbook()
    made.create_sheet("People").append(["id"])
    made["People"].append(["1"])
    made.save(tmp_path / "a.xlsx")
    (tmp_path / "m.json").write_text(json.dumps({key: value for key, value in MAPPING.items() if "identity" in key}))
    options = ["-m", tmp_path / "m.json", "-s", schemas / "crm-profile.schema.json", "-o", tmp_path / "out", "--json"]
    arguments = [str(part) for part in (tmp_path / "a.xlsx", *options, "--sheet", "People")]
    done = CliRunner().invoke(command, arguments, standalone_mode=False)
    assert json.loads(done.stdout)["written"] == 1
