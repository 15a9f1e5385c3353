"""The report: counts, tables, pages."""

from __future__ import annotations

import errno
import json
import os
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import xdmprep as xp
from xdmprep.core.stream import ISSUE_SCHEMA, Finding, Unread, row_chunk
from xdmprep.errors import DataError, OutputError
from xdmprep.report import MESSAGES, Report, count_chunk, timed


def finding(code: str = "enum", path: str = "a.b", rows: tuple[int, ...] = (1,), **more: object) -> Finding:
    values = pa.array([f"v{row}" for row in rows])
    return Finding(code, path, "expected x", rows, values, **more)  # type: ignore[arg-type]


def test_counts_and_groups() -> None:
    report = Report("f", 10, [finding(rows=(2, 5)), finding(rows=(5,)), finding("soft-enum", "c", (7, 8, 9))])
    assert (report.rows, report.invalid, report.found, report.valid) == (10, 2, 6, False)
    groups = report.summary().to_pylist()
    assert [(g["code"], g["path"], g["count"], g["first_row"]) for g in groups] == [
        ("enum", "a.b", 3, 2), ("soft-enum", "c", 3, 7),
    ]  # fmt: skip
    assert groups[0]["examples"] == ["v2", "v5"]


def test_warnings_leave_a_report_valid() -> None:
    report = Report("f", 3, [finding("soft-enum")])
    assert report.valid and report.raise_if_invalid() is report
    assert report.headline() == "f: 3 rows, all valid, 1 warning"


def test_an_invalid_report_raises_with_its_summary() -> None:
    with pytest.raises(DataError, match=r"1 invalid(.|\n)*a\.b: expected x, such as 'v1'"):
        Report("f", 3, [finding()]).raise_if_invalid()


def test_issues_come_in_the_order_of_the_rows_and_all_of_them() -> None:
    report = Report("f", 9, [finding(rows=(3, 7)), finding("type", "z", (1, 7))])
    assert report.issues.schema == ISSUE_SCHEMA
    assert report.issues.column("row").to_pylist() == [1, 3, 7, 7]
    assert [issue.row for issue in report] == [1, 3, 7, 7]
    assert report.to_pandas().shape == (4, 8)


def test_a_cap_is_stated_and_everything_is_counted() -> None:
    report = Report("f", 9, [finding(rows=(1, 2, 3)), finding("type", "z", (4,))], cap=2)
    assert (report.found, report.kept, report.issues.num_rows, report.invalid) == (4, 2, 2, 4)
    assert "the first 2 kept: cap 2" in report.headline()
    assert "cap 2" in report.to_html()


def test_chunks_with_unread_rows() -> None:
    chunk = row_chunk(pa.RecordBatch.from_pylist([{"a": 1}]))
    unread = tuple(Unread(row, row, "{", "unreadable", f"not JSON, at byte {row}") for row in (2, 3))
    report = Report("f")
    from dataclasses import replace

    count_chunk(report, replace(chunk, unread=unread, consumed=3))
    timed(report)
    assert (report.rows, report.invalid, len(report.groups)) == (3, 2, 1)
    assert [issue.message for issue in report] == ["not JSON, at byte 2 (line 2)", "not JSON, at byte 3 (line 3)"]


class Balanced(HTMLParser):
    """Fails on tags that do not match."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in ("meta", "input", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def embedded(page: str) -> dict[str, list[object]]:
    """The findings inside a page, as columns."""
    found = re.search(r'<script id="findings" type="application/json">(.*?)</script>', page, re.S)
    assert found is not None
    data = json.loads(found[1])
    columns = {}
    for name in data["columns"]:
        column = data["data"][name]
        columns[name] = column.get("numbers") or [None if at < 0 else column["words"][at] for at in column["at"]]
        assert len(columns[name]) == data["count"]
    return columns


def test_the_page_is_whole_needs_nothing_else_and_escapes_what_it_shows() -> None:
    nasty = "</script><script>alert(1)</script>"
    rows = np.arange(1, 6_001)
    report = Report("f<b>.json", 6_000, [Finding("enum", "a.b", "expected x", rows, pa.array([nasty] * len(rows)))])
    for page in (report.to_html(), report._repr_html_()):
        reader = Balanced()
        reader.feed(page)
        assert reader.open == []
        assert not re.search(r"""(src|href)=|@import|url\(""", page)
        assert "<script>alert" not in page and "f&lt;b&gt;.json" in page
    page = report.to_html()
    columns = embedded(page)
    assert columns["row"] == rows.tolist() and columns["value"] == [nasty] * 6_000
    assert "6,000" in page and "The table holds" not in page


def test_a_page_holds_errors_before_warnings_and_says_what_it_does_not_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xdmprep.report.page.ROWS", 50)
    many = [finding("soft-enum", "c", tuple(range(1, 101))), finding(rows=tuple(range(60, 90)))]
    page = Report("f", 200, many).to_html()
    columns = embedded(page)
    assert columns["severity"].count("error") == 30 and columns["severity"].count("warning") == 20
    assert "The table holds 50 of 130 findings, errors before warnings" in page


@pytest.mark.parametrize("errors_first", [True, False])
def test_a_cap_keeps_errors_whatever_came_first(errors_first: bool) -> None:
    errors, warnings = finding(rows=(8, 9)), finding("soft-enum", "c", tuple(range(1, 11)))
    report = Report("f", 20, [errors, warnings] if errors_first else [warnings, errors], cap=5)
    assert (report.found, report.kept, report.issues.num_rows) == (12, 5, 5)
    assert sorted(zip(report.issues["severity"].to_pylist(), report.issues["row"].to_pylist(), strict=True)) == [
        ("error", 8), ("error", 9), ("warning", 1), ("warning", 2), ("warning", 3),
    ]  # fmt: skip
    report.keep(3)
    assert report.kept == 3 and report.issues["severity"].to_pylist().count("error") == 2


@pytest.mark.parametrize("ending", [".html", ".json", ".jsonl", ".csv", ".parquet"])
def test_no_view_of_a_report_without_values_shows_one(ending: str, tmp_path: Path) -> None:
    secret = "tina@example.com"
    table = pa.table({"v": [secret, f"x {secret}"], "w": ["1", "2"]})
    done = xp.prepare(table, {"n": "to_integer(v)", "choice": "v", "when": "w"}, KINDS, out=tmp_path / "out")
    assert secret in done.report.save(tmp_path / f"open{ending}").read_bytes().decode("utf-8", "replace")
    hidden = done.report.without_values()
    shown = hidden.save(tmp_path / f"r{ending}").read_bytes().decode("utf-8", "replace")
    for text in (shown, str(hidden), hidden._repr_html_(), hidden.to_json()):
        assert "tina" not in text
    assert (hidden.found, hidden.issues.num_rows) == (done.report.found, done.report.found)
    assert done.report.issues["value"].null_count < done.report.found  # the report itself has them still


def test_a_page_shows_fields_and_the_mapping(tmp_path: Path) -> None:
    table = pa.table({"v": ["1", "x", "3", "4"]})
    page = xp.prepare(table, {"n": "v", "tags[0]": "'t'"}, KINDS, out=tmp_path / "out").report.to_html()
    reader = Balanced()
    reader.feed(page)
    texts = [text.strip() for text in reader.texts if text.strip()]
    at = texts.index("Fields")
    assert "75 %" in texts[at:] and "int" in texts[at:]
    assert "n: 1 of 4 left out" in texts and "values left out" in texts


@pytest.mark.parametrize("ending", [".html", ".json", ".jsonl", ".csv", ".parquet"])
def test_a_report_is_saved_in_the_form_of_its_ending(tmp_path: Path, ending: str) -> None:
    report = Report("f", 9, [finding(rows=(1, 2, 3))])
    file = report.save(tmp_path / f"r{ending}")
    if ending == ".json":
        assert len(json.loads(file.read_text())["issues"]) == 3
    elif ending == ".jsonl":
        assert [json.loads(line)["row"] for line in file.read_text().splitlines()] == [1, 2, 3]
    elif ending == ".csv":
        assert len(file.read_text().splitlines()) == 4
    elif ending == ".parquet":
        import duckdb

        assert duckdb.sql(f"select count(*), min(value) from '{file}'").fetchall() == [(3, "v1")]


def test_a_report_that_cannot_be_saved(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="ends in"):
        Report().save(tmp_path / "r.txt")
    with pytest.raises(OutputError, match="cannot be written"):
        Report().save(tmp_path / "none" / "r.html")


def test_an_empty_report() -> None:
    report = Report("f")
    assert report.valid and report.issues.num_rows == 0 and report.summary().num_rows == 0
    assert "valid" in report.to_html() and str(report) == "f: 0 rows, all valid"


KINDS = xp.Schema.from_dict(
    {
        "type": "object",
        "properties": {
            "n": {"type": "integer"},
            "when": {"type": "string", "format": "date-time"},
            "choice": {"type": "string", "enum": ["a"]},
            "tags": {"type": "array", "items": {"type": "string", "maxLength": 2}},
            "points": {"type": "object", "additionalProperties": {"type": "string", "pattern": "^[0-9]$"}},
            "deep": {"type": "array", "items": {"type": "object", "properties": {"x": {"type": "integer"}}}},
        },
    }
)
MANY = 3_000


@pytest.mark.parametrize(
    ("destination", "expression", "message"),
    [
        ("n", "v", "is not an int (-2147483648 to 2147483647)"),
        ("n", "to_integer(v)", "the expression failed: \u2026 is not a number"),
        ("n", "to_integer(v) + 1", "the expression failed: \u2026 is not a number"),
        ("when", "date(v)", "the expression failed: \u2026 is in none of the known date formats"),
        ("when", 'date(v, "yyyy-MM-dd")', "the expression failed: \u2026 does not have the format 'yyyy-MM-dd'"),
        ("n", "json_to_object(v).a", "the expression failed: \u2026 is not JSON"),
        ("choice", "v", 'expected one of "a"'),
    ],
)
def test_many_rows_of_one_cause_are_one_line(destination: str, expression: str, message: str, tmp_path: Path) -> None:
    table = pa.table({"v": [f"it's {i}" for i in range(MANY)]})
    report = xp.prepare(table, {destination: expression, "tags[0]": "'t'"}, KINDS, out=tmp_path / "out").report
    (group,) = report.groups
    assert (group.count, group.path, len(group.examples)) == (MANY, destination, 3)
    assert group.message.startswith(message)
    assert report.issues.num_rows == MANY


@pytest.mark.parametrize(
    ("path", "record"),
    [
        ("tags[*]", lambda i: {"tags": ["a"] * (i % 9) + [f"bad{i}"]}),
        ("points.{*}", lambda i: {"points": {f"k{i}": f"bad{i}"}}),
        ("deep[*].x", lambda i: {"deep": [{"x": 1}] * (i % 5) + [{"x": f"bad{i}"}]}),
        ("n", lambda i: {"n": f"bad{i}"} if i % 2 else {"n": f"bad{i}", "choice": "a"}),
    ],
)
def test_many_records_of_one_cause_are_one_line(path: str, record: Any, tmp_path: Path) -> None:
    file = tmp_path / "records.json"
    file.write_text("\n".join(json.dumps(record(i)) for i in range(MANY)), encoding="utf-8")
    for report in (xp.validate(file, KINDS), xp.validate([file, file], KINDS)):
        (group,) = report.groups
        assert (group.count, group.path, len(group.examples)) == (report.rows, path, 3)
        assert "bad" not in group.message
        assert str(report).count("\n") == 1


@pytest.mark.parametrize(
    "line", ['{{"n": {0}', '{{"n":{0}}} {{}}', '{{"n":1,"n":{0}}}', "[{0}]", '{{"n":NaN,"choice":"{0}"}}']
)
def test_many_lines_that_cannot_be_read_for_one_cause_are_one_line(line: str, tmp_path: Path) -> None:
    file = tmp_path / "records.json"
    file.write_text('{"n":1}\n' + "\n".join(line.format(i) for i in range(MANY)), encoding="utf-8")
    (group,) = xp.validate(file, KINDS).groups
    assert (group.count, len(group.examples)) == (MANY, 3)


def test_one_place_is_shown_as_it_is_and_several_by_what_they_share() -> None:
    one = Report("f", 9, [finding("type", "a[0].b", (1,)), finding("type", "a[0].b", (2,))])
    two = Report(
        "f", 9, [finding("type", "a[0].b", (1,)), finding("type", "a[1].b", (2,)), finding("type", "a\\[1\\]", (3,))]
    )
    assert [group.path for group in one.groups] == ["a[0].b"]
    assert sorted(group.path for group in two.groups) == ["a[*].b", "a\\[1\\]"]


def test_messages_without_end_become_one_group() -> None:
    words = [f"reason {chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(100)]
    found = [Finding("expression", "a", word, [i + 1], pa.array([word])) for i, word in enumerate(words)]
    groups = Report("f", 100, found).groups
    assert len(groups) == MESSAGES + 1
    assert sum(group.count for group in groups) == 100


def test_one_finding_with_many_messages_counts_as_findings_with_one_each() -> None:
    messages = [
        *[f"the expression failed: '{i}' is not in {i % 2}" for i in range(30)],
        *[f"the expression failed: 'x.{i}(*' does not fit '[a-z]+'" for i in range(5)],
        *["the expression failed: division by zero"] * 3,
    ]
    rows = np.arange(1, len(messages) + 1)
    whole = Finding("expression", "a", "the expression failed", rows, pa.array(messages))
    one = Report("f", 99, [replace(whole, messages=pa.array(messages))])
    many = Report("f", 99, [Finding("expression", "a", m, [row], pa.array([m])) for row, m in enumerate(messages, 1)])
    assert one.groups == many.groups
    assert one.issues == many.issues
    assert list(one) == list(many)
    assert [group.message.partition(": ")[2] for group in one.groups] == [
        "\u2026 is not in \u2026", "\u2026 does not fit '[a-z]+'", "division by zero",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "advice"),
    [(errno.ENOSPC, "Make room on the disk"), (errno.EDQUOT, "Make room on the disk"),
     (errno.EACCES, "Give another folder"), (errno.EROFS, "Give another folder")],
)  # fmt: skip
def test_a_refusal_of_the_disk_says_what_to_do_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, advice: str
) -> None:
    def refuse(handle: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OutputError, match=f"report.html: cannot be written: {os.strerror(code)}. {advice}"):
        Report("x", 0, []).save(tmp_path / "report.html")
    assert list(tmp_path.iterdir()) == []
