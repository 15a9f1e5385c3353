"""Excel books as people and programs make them: sheets, merged cells, parts that openpyxl does not write."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from click.testing import CliRunner
from openpyxl.chart import BarChart
from openpyxl.styles import Alignment

import xdmprep as xp
from xdmprep.cli.diff import diff
from xdmprep.cli.prepare import prepare
from xdmprep.errors import NoRowsError, SourceError, UsageError
from xdmprep.read import ExcelOptions, open_source

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
LINKS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
STRICT = {
    MAIN: "http://purl.oclc.org/ooxml/spreadsheetml/main",
    LINKS: "http://purl.oclc.org/ooxml/officeDocument/relationships",
}
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"


def parts(sheet: str = "", strings: str = "", formats: str = "", more: dict[str, str] | None = None) -> dict[str, str]:
    """The parts of a book of one sheet, of the elements given."""
    styles = "".join(f'<xf numFmtId="{number}"/>' for number in (0, 14, 31, 165))
    return {
        "[Content_Types].xml": "<Types/>",
        "_rels/.rels": f'<Relationships xmlns="{PACKAGE}"><Relationship Id="rId1" Type="{LINKS}/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{LINKS}"><sheets><sheet name="People" sheetId="1" '
        'r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}"><Relationship Id="rId1" '
        f'Type="{LINKS}/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="{LINKS}/styles" '
        f'Target="styles.xml"/><Relationship Id="rId3" Type="{LINKS}/sharedStrings" Target="sharedStrings.xml"/>'
        "</Relationships>",
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{MAIN}">{sheet}</worksheet>',
        "xl/styles.xml": f'<styleSheet xmlns="{MAIN}"><numFmts><numFmt numFmtId="165" formatCode="{formats}"/>'
        f"</numFmts><cellXfs>{styles}</cellXfs></styleSheet>",
        "xl/sharedStrings.xml": f'<sst xmlns="{MAIN}">{strings}</sst>',
        **(more or {}),
    }


def rows(*given: str) -> str:
    """Rows of cells, the first with the name x."""
    header = (
        '<row r="1"><c r="A1" t="inlineStr"><is><t>x</t></is></c><c r="B1" t="inlineStr"><is><t>y</t></is></c></row>'
    )
    return f"<sheetData>{header}{''.join(given)}</sheetData>"


def packed(made: dict[str, Any], path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in made.items():
            archive.writestr(name, text)
    return path


def table(path: Path, options: ExcelOptions | None = None) -> list[dict[str, Any]]:
    return open_source(path, excel=options).to_table().to_pylist()


def findings(path: Path) -> list[tuple[int | None, str | None, str, str | None]]:
    return [
        (issue.row, issue.column, issue.message, issue.value)
        for chunk in open_source(path).chunks() for finding in chunk.issues for issue in finding.issues()
    ]  # fmt: skip


CELLS = [
    ('<c r="A2" t="s"><v>0</v></c>', "plain"),
    ('<c r="A2" t="s"><v>1</v></c>', "rich text"),
    ('<c r="A2" t="s"><v>2</v></c>', "東京"),  # which says how it is pronounced
    ('<c r="A2" t="s"><v>3</v></c>', " a\r\nb "),
    ('<c r="A2" t="s"><v>4</v></c>', "_x000D_"),
    ('<c r="A2" t="s"><v>5</v></c>', "x005F_ _x00 _xD83D_"),
    ('<c r="A2" t="s"><v>6</v></c>', "😀"),
    ('<c r="A2" t="s"><v>7</v></c>', None),
    ('<c r="A2" t="inlineStr"><is><t>in line</t></is></c>', "in line"),
    ('<c r="A2" t="inlineStr"><is><r><t>in </t></r><r><rPr><b/></rPr><t>line</t></r></is></c>', "in line"),
    ('<c r="A2" t="inlineStr"><is><t>a_x0009_b</t></is></c>', "a\tb"),
    ('<c r="A2" t="inlineStr"><is><t>&lt;a&gt; &amp;</t></is></c>', "<a> &"),
    ('<c r="A2" t="str"><f>B2&amp;"x"</f><v>ax</v></c>', "ax"),
    ('<c r="A2" t="str"><f>""</f><v></v></c>', None),
    ('<c r="A2" t="str"><v>0042</v></c>', "0042"),
    ('<c r="A2" t="b"><v>1</v></c>', "true"),
    ('<c r="A2" t="b"><f>1=2</f><v>0</v></c>', "false"),
    ('<c r="A2" t="n"><v>42</v></c>', "42"),
    ('<c r="A2"><f>6*7</f><v>42</v></c>', "42"),
    ('<c r="A2"><v> 42 </v></c>', "42"),
    ('<c r="A2"><v>1.4999999999999999E-2</v></c>', "0.015"),
    ('<c r="A2" s="1"><v>45000</v></c>', "2023-03-15"),
    ('<c r="A2" s="2"><v>45000</v></c>', "2023-03-15"),
    ('<c r="A2" s="3"><v>42</v></c>', "00042"),
    ('<c r="A2" s="99"><v>42</v></c>', "42"),
    ('<c r="A2" t="d"><v>2023-03-15</v></c>', "2023-03-15"),
    ('<c r="A2" t="d"><v>2023-03-15T00:00:00</v></c>', "2023-03-15"),
    ('<c r="A2" t="d"><v>2023-03-15T10:20:30</v></c>', "2023-03-15T10:20:30"),
    ('<c r="A2"/>', None),
    ('<c r="A2"><v/></c>', None),
    ("", None),
]
STRINGS = (
    "<si><t>plain</t></si><si><r><rPr><b/></rPr><t>rich </t></r><r><t>text</t></r></si>"
    "<si><t>東京</t><rPh sb='0' eb='2'><t>トウキョウ</t></rPh></si><si><t xml:space='preserve'> a_x000D_\nb </t></si>"
    "<si><t>_x005F_x000D_</t></si><si><t>x005F_ _x00 _xD83D_</t></si><si><t>_xD83D__xDE00_</t></si><si><t/></si>"
)


@pytest.mark.parametrize("cell", CELLS, ids=[cell for cell, _ in CELLS])
def test_every_kind_of_cell(cell: tuple[str, str | None], tmp_path: Path) -> None:
    made = parts(rows(f'<row r="2">{cell[0]}<c r="B2"><v>7</v></c></row>'), STRINGS, "00000")
    assert table(packed(made, tmp_path / "a.xlsx")) == [{"x": cell[1], "y": "7"}]


def renamed(made: dict[str, str], change: Callable[[str], str]) -> dict[str, str]:
    return {change(name): text for name, text in made.items()}


def with_texts(made: dict[str, str], *pairs: tuple[str, str]) -> dict[str, str]:
    for old, new in pairs:
        made = {name: text.replace(old, new) for name, text in made.items()}
    return made


ROW = '<row r="2"><c r="A2" t="s"><v>0</v></c><c r="B2" s="1"><v>45000</v></c></row>'
BOOK = parts(rows(ROW), STRINGS)
SHEET = "xl/worksheets/sheet1.xml"


def prefixed(text: str) -> str:
    """A part whose elements have a prefix."""
    return text.replace(f'xmlns="{MAIN}"', f'xmlns:x="{MAIN}"').replace("<", "<x:").replace("<x:/", "</x:")


def behind(text: str) -> dict[str, str]:
    """The book with more in its sheet."""
    return with_texts(BOOK, ("</sheetData>", text))


AS_PROGRAMS_WRITE: dict[str, dict[str, Any]] = {
    "as Excel does": BOOK,
    "strict": with_texts(BOOK, *STRICT.items()),
    "with a prefix": {name: prefixed(text) if f'xmlns="{MAIN}"' in text else text for name, text in BOOK.items()},
    "names in other letter case": renamed(BOOK, lambda name: name.replace("sharedStrings", "SharedStrings")),
    "names with backslashes": renamed(BOOK, lambda name: name.replace("/", "\\")),
    "absolute targets": with_texts(BOOK, ('Target="worksheets', 'Target="/xl/worksheets')),
    "another folder": with_texts(
        renamed(BOOK, lambda name: name.replace("xl/", "book/")), ("xl/workbook.xml", "book/workbook.xml")
    ),
    "no numbers of rows and cells": with_texts(
        BOOK, *((f' r="{at}"', "") for at in ("1", "2", "A1", "B1", "A2", "B2"))
    ),
    "a size that is wrong": with_texts(BOOK, ("<sheetData>", '<dimension ref="A1"/><sheetData>')),
    "UTF-16": {**BOOK, SHEET: f'<?xml version="1.0" encoding="UTF-16"?>{BOOK[SHEET]}'.encode("utf-16")},
    "a damaged theme and properties": {**BOOK, "xl/theme/theme1.xml": "<", "docProps/core.xml": "<a>"},
    "fonts that no schema permits": with_texts(
        BOOK, ("<cellXfs>", "<fonts><font><family val='99'/></font></fonts><fills><fill/></fills><cellXfs>")
    ),
    "more behind the rows": behind(
        "</sheetData><!-- <c r='A9'/> --><pageMargins left='x'/>"
        "<extLst><ext uri='1'><a:c xmlns:a='urn:a'><a:v>1</a:v></a:c></ext></extLst>"
    ),
    "empty rows behind": behind(
        '<row r="3"><c r="A3" s="1"/></row><row r="1048576"><c r="XFD1048576" s="1"/></row></sheetData>'
    ),
    "empty cells beyond the header": with_texts(
        BOOK,
        ("</v></c></row></sheetData>", '</v></c><c r="C2" s="1"/><c r="XFD2" t="s"><v>7</v></c></row></sheetData>'),
    ),
}


@pytest.mark.parametrize("how", AS_PROGRAMS_WRITE)
def test_the_same_book_as_other_programs_write_it(how: str, tmp_path: Path) -> None:
    assert table(packed(AS_PROGRAMS_WRITE[how], tmp_path / "a.xlsx")) == [{"x": "plain", "y": "2023-03-15"}]


def without(name: str) -> dict[str, str]:
    return {part: text for part, text in BOOK.items() if part != name}


DAMAGED = {
    "no shared strings": (without("xl/sharedStrings.xml"), "it lacks 'xl/sharedStrings.xml'"),
    "too few shared strings": (with_texts(BOOK, ("<v>0</v>", "<v>99</v>")), "there is no string 99"),
    "a negative string": (with_texts(BOOK, ("<v>0</v>", "<v>-1</v>")), "there is no string -1"),
    "no sheet": (without(SHEET), "it lacks 'xl/worksheets/sheet1.xml'"),
    "no styles": (without("xl/styles.xml"), "it lacks 'xl/styles.xml'"),
    "no list of parts": (without("xl/_rels/workbook.xml.rels"), "no visible sheet with cells"),
    "no workbook": (without("xl/workbook.xml"), "is not an Excel book (it is a zip archive of other files"),
    "half a sheet": (with_texts(BOOK, ("</sheetData></worksheet>", "")), "no element found"),
    "an impossible column": (with_texts(BOOK, ("B2", "XFE2")), "there is no column 'XFE'"),
    "an impossible merge": (behind('</sheetData><mergeCell ref="A1:XFE2"/>'), "there is no column 'XFE'"),
    "no column": (with_texts(BOOK, ("B2", "22")), "there is no column ''"),
    "entities": (
        {**BOOK, SHEET: f"<!DOCTYPE a [<!ENTITY b 'c'>]>{BOOK[SHEET]}"},
        "it declares a document type",
    ),
    "another document": (
        {**BOOK, "xl/workbook.xml": f'<document xmlns="{MAIN}"/>'},
        "is a damaged Excel book (its workbook is none)",
    ),
}


@pytest.mark.parametrize("what", DAMAGED)
def test_a_damaged_book_is_told_in_one_sentence(what: str, tmp_path: Path) -> None:
    made, said = DAMAGED[what]
    packed(made, tmp_path / "a.xlsx")
    with pytest.raises(SourceError) as caught:
        table(tmp_path / "a.xlsx")
    text = str(caught.value)
    assert said in text and "\n" not in text and text.startswith(str(tmp_path / "a.xlsx"))
    assert len(text.replace(str(tmp_path), "")) < 250


def test_a_book_that_is_cut_off_is_told(tmp_path: Path) -> None:
    whole = packed(BOOK, tmp_path / "a.xlsx").read_bytes()
    for size in (4, 100, len(whole) // 2, len(whole) - 30):
        (tmp_path / "a.xlsx").write_bytes(whole[:size])
        with pytest.raises(
            SourceError, match=r"is not an Excel book \(it is an incomplete or damaged zip archive; copy"
        ):
            table(tmp_path / "a.xlsx")


ERRORS = [
    "#N/A", "#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#SPILL!", "#CALC!", "#FIELD!", "#BLOCKED!",
    "#CONNECT!", "#UNKNOWN!", "#BUSY!", "#GETTING_DATA",
]  # fmt: skip


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("kind", ["e", "str", "inlineStr", "s"])
def test_an_error_is_no_value_however_it_is_written(error: str, kind: str, tmp_path: Path) -> None:
    value = {"inlineStr": f"<is><t>{error}</t></is>", "s": "<v>0</v>"}.get(kind, f"<v>{error}</v>")
    made = parts(rows(f'<row><c t="{kind}">{value}</c><c><v>7</v></c></row>'), f"<si><t>{error}</t></si>")
    file = packed(made, tmp_path / "a.xlsx")
    assert table(file) == [{"x": None, "y": "7"}]
    assert findings(file) == [(1, "x", f"the cell holds the error {error}, which is no value", error)]


def test_what_is_like_an_error_is_text(tmp_path: Path) -> None:
    made = openpyxl.Workbook()
    texts = ["#NA", "N/A", " #N/A", "#hashtag!", "#1"]
    for text in ["x", *texts]:
        made.active.append([text])
    made.save(tmp_path / "a.xlsx")
    assert [row["x"] for row in table(tmp_path / "a.xlsx")] == texts


@pytest.mark.parametrize(
    ("cell", "style", "message", "value"),
    [
        ("60", 1, "the cell's number is no date in Excel's calendar", "60"),
        ("2958466", 1, "the cell's number is no date in Excel's calendar", "2958466"),
        ("NaN", 0, "the cell's value is no number", "NaN"),
        ("1234567890123456789", 0, "a number of more than 15 digits has lost digits in Excel", "1234567890123456789"),
    ],
)
def test_what_has_no_value_is_a_finding(cell: str, style: int, message: str, value: str, tmp_path: Path) -> None:
    file = packed(parts(rows(f'<row><c s="{style}"><v>{cell}</v></c><c><v>7</v></c></row>')), tmp_path / "a.xlsx")
    assert findings(file) == [(1, "x", message, value)]


@pytest.mark.parametrize(
    ("cell", "settings"),
    [
        ("<f>1+1</f>", ""),
        ("<f>1+1</f><v/>", ""),
        ("<f>1+1</f><v></v>", ""),
        ('<f t="shared" si="0"/>', ""),
        ("<f>1+1</f><v>0</v>", '<calcPr fullCalcOnLoad="1"/>'),  # as XlsxWriter writes formulas
    ],
)
def test_a_formula_that_was_never_calculated_is_refused(cell: str, settings: str, tmp_path: Path) -> None:
    made = parts(rows(f'<row r="2"><c r="B2"><v>1</v></c><c r="AB2">{cell}</c></row>'))
    made = with_texts(made, ("</sheets>", f"</sheets>{settings}"))
    with pytest.raises(SourceError, match=r"the formula in cell AB2 of sheet 'People' was never calculated, so it has"):
        table(packed(made, tmp_path / "a.xlsx"))


def test_a_formula_above_the_header_does_not_matter(tmp_path: Path) -> None:
    file = merged(tmp_path / "a.xlsx", [["=TODAY()"], ["id"], ["1"]])
    assert table(file, ExcelOptions(header_row=2)) == [{"id": "1"}]


def test_a_formula_of_zero_is_a_value(tmp_path: Path) -> None:
    made = parts(rows("<row><c><f>1-1</f><v>0</v></c></row>"))
    assert table(packed(made, tmp_path / "a.xlsx"))[0]["x"] == "0"


# Sheets


def sheets(path: Path, *given: tuple[str, str, list[list[Any]]]) -> Path:
    """A book of sheets: name, state or ``chart``, rows."""
    made = openpyxl.Workbook()
    made.remove(made.active)
    for name, state, values in given:
        if state == "chart":
            made.create_chartsheet(name).add_chart(BarChart())
            continue
        sheet = made.create_sheet(name)
        sheet.sheet_state = state
        for row in values:
            sheet.append(row)
    made.save(path)
    return path


DATA = [["id"], ["1"]]


@pytest.mark.parametrize("state", ["hidden", "veryHidden", "chart"])
def test_the_first_sheet_that_is_visible_and_no_chart_is_read(state: str, tmp_path: Path) -> None:
    file = sheets(
        tmp_path / "a.xlsx", ("First", state, [["no"], ["0"]]), ("People", "visible", DATA), ("Z", "visible", [])
    )
    assert table(file) == [{"id": "1"}]
    assert table(file, ExcelOptions("people ")) == [{"id": "1"}]
    if state == "chart":
        assert table(file, ExcelOptions(2)) == [{"id": "1"}]
        with pytest.raises(SourceError, match=r"sheet 'First' is a chart without cells\. Choose .*: 'People', 'Z'\."):
            table(file, ExcelOptions(1))
    else:
        assert table(file, ExcelOptions("First")) == [{"no": "0"}]
        assert table(file, ExcelOptions(1)) == [{"id": "1"}]  # tabs are counted as they are seen


def test_a_chart_sheet_without_a_drawing_does_not_matter(tmp_path: Path) -> None:
    link = f'<Relationship Id="rId9" Type="{LINKS}/chartsheet" Target="chartsheets/1.xml"/><Relationship Id="rId2"'
    made = with_texts(
        BOOK, ("<sheets>", '<sheets><sheet name="Chart" sheetId="9" r:id="rId9"/>'), ('<Relationship Id="rId2"', link)
    )
    assert len(table(packed(made, tmp_path / "a.xlsx"))) == 1


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([], r"sheet 'Cover' is empty\. A header .*\. Choose a sheet with .*: 'Old' \(hidden\), 'People'\."),
        ([[""]], r"sheet 'Cover' is empty"),
        (
            [["id"]],
            r"sheet 'Cover' has a header but no row below it\. Choose a sheet with .*: 'Old' \(hidden\),",
        ),
    ],
)
def test_an_empty_sheet_names_the_others(values: list[list[Any]], said: str, tmp_path: Path) -> None:
    file = sheets(
        tmp_path / "a.xlsx", ("Cover", "visible", values), ("Old", "hidden", DATA), ("People", "visible", DATA)
    )
    with pytest.raises(SourceError, match=said):
        table(file)
    assert table(file, ExcelOptions("People")) == [{"id": "1"}]


def test_a_header_without_rows_is_an_empty_source(tmp_path: Path) -> None:
    sheets(tmp_path / "a.xlsx", ("People", "visible", [["id"]]))
    sheets(tmp_path / "b.xlsx", ("People", "visible", DATA))
    with pytest.raises(NoRowsError):
        table(tmp_path / "a.xlsx")
    assert open_source([tmp_path / "a.xlsx", tmp_path / "b.xlsx"]).to_table().num_rows == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"sheet": 0}, "sheets are counted from 1, got 0"),
        ({"sheet": -1}, "sheets are counted from 1"),
        ({"sheet": True}, "a sheet is chosen by its name or number, got True"),
        ({"sheet": ["a"]}, "a sheet is chosen by its name or number"),
        ({"header_row": 0}, "counted from 1, got 0"),
        ({"header_row": "3"}, "the header row is a number, got '3'"),
        ({"header_row": True}, "the header row is a number"),
    ],
)
def test_options_that_no_book_can_have_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        ExcelOptions(**options)


# Headers and merged cells


def merged(path: Path, values: list[list[Any]], *ranges: str) -> Path:
    made = openpyxl.Workbook()
    for row in values:
        made.active.append(row)
    for cells in ranges:
        made.active.merge_cells(cells)
        made.active[cells.split(":")[0]].alignment = Alignment(horizontal="center")
    made.save(path)
    return path


PEOPLE = [["id", "name", "city"], ["1", "Ann", "Bonn"], ["2", "Bob", "Ulm"], ["3", "Cem", "Kiel"]]


@pytest.mark.parametrize(
    ("above", "ranges", "header"),
    [
        ([["Export of May"]], [], 2),
        ([["Export of May"]], ["A1:C1"], 2),
        ([["Export of May"], [], ["for Sales"], []], ["A1:C1", "A3:C3"], 5),
        ([["Export", "of May"]], [], 2),
        ([["Person", None, "Address"]], ["A1:B1"], 2),
        ([[None, "Person", None]], ["B1:C1"], 2),
    ],
)
def test_a_title_above_the_header_is_refused_with_the_header_row(
    above: list[list[Any]], ranges: list[str], header: int, tmp_path: Path
) -> None:
    file = merged(tmp_path / "a.xlsx", above + PEOPLE, *ranges)
    with pytest.raises(SourceError, match=f"begins with a line that is no header, .* Give .*header_row={header}., or"):
        table(file)
    names, *values = PEOPLE
    assert table(file, ExcelOptions(header_row=header)) == [dict(zip(names, row, strict=True)) for row in values]


def test_names_that_are_merged_with_the_row_above_are_found(tmp_path: Path) -> None:
    values = [["id", "Address", None], [None, "street", "city"], ["1", "Elm St", "Bonn"]]
    file = merged(tmp_path / "a.xlsx", values, "A1:A2", "B1:C1")
    assert table(file, ExcelOptions(header_row=2)) == [{"id": "1", "street": "Elm St", "city": "Bonn"}]


MERGED = "the cell is merged with others, of which only the first holds the value"


@pytest.mark.parametrize(
    ("ranges", "found"),
    [
        (["A2:A4"], [(2, "id", "1"), (3, "id", "1")]),
        (["B3:C3"], [(2, "city", "Bob")]),
        (["A2:B3"], [(1, "name", "1"), (2, "id", "1"), (2, "name", "1")]),
        (["A2:A3", "C3:C4"], [(2, "id", "1"), (3, "city", "Ulm")]),
        (["A1:A1"], []),
    ],
)
def test_cells_that_are_merged_with_another_are_findings(
    ranges: list[str], found: list[tuple[int, str, str]], tmp_path: Path
) -> None:
    file = merged(tmp_path / "a.xlsx", PEOPLE, *ranges)
    told = [(row, column, value) for row, column, message, value in findings(file) if message == MERGED]
    assert sorted(told) == found
    empty = {(row, column) for row, column, _ in found}
    for at, row in enumerate(table(file), 1):
        assert {(at, name) for name, value in row.items() if value is None} == {cell for cell in empty if cell[0] == at}


def test_cells_as_wide_as_the_header_lose_nothing(tmp_path: Path) -> None:
    values = [["id", "name", None], ["1", "Ann", None], ["2", "Bob", None], ["3", "Cem", None]]
    file = merged(tmp_path / "a.xlsx", values, "B1:C1", "B2:C2", "B3:C4")
    assert [row["name"] for row in table(file)] == ["Ann", "Bob", None]
    assert findings(file) == [(3, "name", MERGED, "Bob")]


def test_merged_cells_that_hold_nothing_lose_nothing(tmp_path: Path) -> None:
    file = merged(tmp_path / "a.xlsx", [*PEOPLE, ["4"], ["5"]], "B5:C6")
    assert len(table(file)) == 5 and findings(file) == []


@pytest.mark.parametrize(
    ("header", "names"),
    [
        (["id", None, "id"], ["id (column 1)", "column_2", "id (column 3)"]),
        ([2023, 1.5, True], ["2023", "1.5", "true"]),
        ([" id ", "a\nb", "c"], [" id ", "a\nb", "c"]),
    ],
)
def test_names_of_columns(header: list[Any], names: list[str], tmp_path: Path) -> None:
    assert list(table(merged(tmp_path / "a.xlsx", [header, ["1", "2", "3"]]))[0]) == names


def test_an_error_as_a_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="in its header, row 1, the cell holds the error #REF!"):
        table(merged(tmp_path / "a.xlsx", [["id", "#REF!"], ["1", "2"]]))


def test_a_sheet_of_many_columns(tmp_path: Path) -> None:
    made = openpyxl.Workbook(write_only=True)
    sheet = made.create_sheet()
    sheet.append([f"c{n}" for n in range(16_384)])
    sheet.append(list(range(16_384)))
    made.save(tmp_path / "a.xlsx")
    (row,) = table(tmp_path / "a.xlsx")
    assert row == {f"c{n}": str(n) for n in range(16_384)}


def test_a_book_since_1904(tmp_path: Path) -> None:
    made = with_texts(BOOK, ("<sheets>", '<workbookPr date1904="1"/><sheets>'))
    assert table(packed(made, tmp_path / "a.xlsx"))[0]["y"] == "2027-03-16"


def test_what_excel_keeps_beside_an_open_book_is_passed_over(tmp_path: Path) -> None:
    packed(BOOK, tmp_path / "a.xlsx")
    (tmp_path / "~$a.xlsx").write_bytes(b"\x05Admin" + bytes(159))
    for source in (tmp_path, str(tmp_path / "*.xlsx")):
        assert open_source(source).to_table().num_rows == 1
    with pytest.raises(SourceError, match=r"Excel keeps it beside a book that is open; give the book"):
        open_source(tmp_path / "~$a.xlsx")


# The command

CRM = {"identityMap.CRMID[0].id": "id", "identityMap.CRMID[0].primary": True}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--sheet", "Peple"], "there is no sheet 'Peple'. Did you mean 'People'? Choose a sheet with "),
        (["--sheet", "9"], "there is no sheet '9'. Choose a sheet with "),
        (["--sheet", "9"], ": 'People', 'Old' (hidden), 'Empty'."),
        (["--sheet", "Chart"], "sheet 'Chart' is a chart without cells."),
        (["--sheet", "Empty"], "sheet 'Empty' is empty."),
        (["--header-row", "99"], "sheet 'People' ends with row 3, so row 99 is no header."),
        (["--header-row", "2"], "row 2 of sheet 'People' is empty, so it is no header."),
        (["--header-row", "3"], "sheet 'People' has a header but no row below it."),
        (["--sheet", "Old", "--header-row", "3"], "sheet 'Old' ends with row 2, so row 3 is no header."),
    ],
)
@pytest.mark.parametrize("upsert", [[], ["--upsert"]])
def test_a_wrong_choice_is_one_sentence(
    options: list[str], upsert: list[str], said: str, tmp_path: Path, schemas: Path
) -> None:
    file = sheets(
        tmp_path / "a.xlsx", ("People", "visible", [["id"], [], ["1"]]), ("Chart", "chart", []),
        ("Old", "hidden", DATA), ("Empty", "visible", []),
    )  # fmt: skip
    (tmp_path / "m.json").write_text(json.dumps(CRM))
    job = ["-m", tmp_path / "m.json", "-s", schemas / "crm-profile.schema.json", "-o", tmp_path / "out"]
    with pytest.raises(SourceError) as caught:
        CliRunner().invoke(
            prepare, [str(part) for part in (file, *job, *options, *upsert)], standalone_mode=False,
            catch_exceptions=False,
        )  # fmt: skip
    assert said in str(caught.value) and "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["a.csv", "a.json"])
@pytest.mark.parametrize("option", ["--sheet", "--header-row"])
def test_the_options_of_books_are_refused_for_other_files(
    name: str, option: str, tmp_path: Path, schemas: Path
) -> None:
    (tmp_path / name).write_text('{"id": 1}\n')
    with pytest.raises(UsageError, match=f"{option} is for Excel books, and .*{name} is none. Leave {option} out."):
        CliRunner().invoke(
            prepare, [str(tmp_path / name), "-m", "m", "-s", "s", "-o", str(tmp_path / "out"), option, "1"],
            standalone_mode=False, catch_exceptions=False,
        )  # fmt: skip


@pytest.mark.parametrize("name", ["a.xlsx", "a.dat", "a.csv"])
def test_the_sheet_is_chosen_for_all_that_reads_a_book(name: str, tmp_path: Path, schemas: Path) -> None:
    schema = schemas / "crm-profile.schema.json"
    (tmp_path / "m.json").write_text(json.dumps({**CRM, "person.name.firstName": "name"}))
    for stem, person in (("old", "Ann"), ("new", "Bob")):
        rows = [["Export"], ["id", "name"], ["1", person]]
        made = sheets(tmp_path / "x.xlsx", ("Notes", "visible", [["n"], ["1"]]), ("People", "visible", rows))
        made.rename(tmp_path / f"{stem}-{name}")
    old, new = (tmp_path / f"{stem}-{name}" for stem in ("old", "new"))
    chosen = ["--sheet", "People", "--header-row", "2", "--json"]
    job = ["-m", tmp_path / "m.json", "-s", schema, *chosen]
    for command, given in (
        (prepare, [new, *job, "-o", tmp_path / "records"]),
        (prepare, [new, *job, "-o", tmp_path / "upsert", "--upsert", "--format", "json"]),
        (diff, [old, new, *job, "-o", tmp_path / "patch", "--format", "json"]),
    ):
        done = CliRunner().invoke(command, [str(part) for part in given], standalone_mode=False, catch_exceptions=False)
        assert done.return_value == 0, done.output
    for folder in ("records", "upsert", "patch"):
        (record,) = map(json.loads, (tmp_path / folder / "part-00000.json").read_text().splitlines())
        assert record["person"]["name"]["firstName"] == "Bob", folder
    patch = xp.diff(old, new, schema, mapping=tmp_path / "m.json", excel=ExcelOptions("People", 2))
    assert [record["person"]["name"]["firstName"] for record in patch.to_pylist()] == ["Bob"]
