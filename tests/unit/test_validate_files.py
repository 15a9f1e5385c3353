"""Record files as people have them: every fault a finding with its place, never a crash, never a coerced value."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import xdmprep as xp
from xdmprep.cli.validate import validate as command
from xdmprep.core.ndjson import blocks
from xdmprep.core.stream import Stream
from xdmprep.errors import SourceError, UsageError
from xdmprep.pipeline.ingest import ingest_check
from xdmprep.report import Report, count_chunk, timed
from xdmprep.schema import Schema
from xdmprep.validate import check_stream
from xdmprep.validate.opening import open_records

SCHEMA = {
    "type": "object",
    "properties": {
        "a": {"type": "string", "maxLength": 5},
        "n": {"type": "integer"},
        "m": {"type": "object", "additionalProperties": {"type": "integer"}},
    },
    "required": ["a"],
}


@pytest.fixture
def schema() -> Schema:
    return Schema.from_dict(SCHEMA)


def check(schema: Schema, content: bytes, folder: Path, rules: str = "jsonschema", jobs: int = 0) -> Report:
    file = folder / "records.json"
    file.write_bytes(content)
    return report_of(check_stream(open_records(file), schema, rules), jobs)


def report_of(stream: Stream, jobs: int | None = None) -> Report:
    report = Report(stream.name)
    for chunk, _ in stream.run(jobs=jobs):
        count_chunk(report, chunk)
    return timed(report)


def found(report: Report) -> list[tuple[int | None, str, str]]:
    return [(issue.row, issue.code, issue.path) for issue in report]


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        (b'{"a":"x"', "unreadable", "line 2"),
        (b'{"a":"x"}}', "unreadable", "Extra data"),
        (b"{'a':'x'}", "unreadable", "property name"),
        (b'{"a":"x","n":NaN}', "unreadable", "NaN is not JSON"),
        (b'{"a":"x","n":-Infinity}', "unreadable", "-Infinity is not JSON"),
        (b'{"a":"x","n":01}', "unreadable", "not JSON"),
        (b'{"a":"x","a":"y"}', "duplicate-key", "'a' occurs twice"),
        (b'{"a":"x","m":{"k":1,"k":2}}', "duplicate-key", "'k' occurs twice"),
        (b'{"a":"\xff"}', "unreadable", "not UTF-8"),
        (b'{"a":"\\ud800"}', "unreadable", "surrogate"),
        (b'{"a":"x\ty"}', "unreadable", "control character"),
        (b'["a"]', "unreadable", "not a JSON object"),
        (b"5", "unreadable", "not a JSON object"),
        (b"[" * 100_000, "unreadable", "nested too deep"),
    ],
)
def test_a_line_that_cannot_be_read_is_one_finding(
    schema: Schema, tmp_path: Path, line: bytes, code: str, words: str
) -> None:
    report = check(schema, b'{"a":"x"}\n' + line + b'\n{"a":"y"}\n{"n":1}\n', tmp_path)
    assert found(report) == [(2, code, ""), (4, "required", "a")]
    message = next(iter(report)).message
    assert words in message and "(line 2)" in message and "at byte " in message
    assert report.rows == 4 and report.invalid == 2


def test_the_byte_offset_counts_from_the_start_of_the_file(schema: Schema, tmp_path: Path) -> None:
    report = check(schema, '{"a":"é"}\n\n{"a":"é" 1}\n'.encode(), tmp_path)
    issue = next(iter(report))
    assert (issue.row, "at byte 22" in issue.message, "(line 3)" in issue.message) == (2, True, True)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b'{"a":null}', [("type", "a")]),
        (b'{"a":5}', [("type", "a")]),
        (b'{"a":"x","n":5.0}', []),
        (b'{"a":"x","n":1e2}', []),
        (b'{"a":"x","n":5.5}', [("type", "n")]),
        (b'{"a":"x","n":"5"}', [("type", "n")]),
        (b'{"a":"x","n":true}', [("type", "n")]),
        (b'{"a":"x","n":123456789012345678901234567890}', []),
        (b'{"a":"\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9"}', []),
        ('{"a":"ééééé"}'.encode(), []),
        ('{"a":"éééééé"}'.encode(), [("max-length", "a")]),
        (b'{"a":"\\\\\\"\\"\\n\\t"}', []),
        (b'{ "a" : "x" , "m" : { "k" : "v" } }\r', [("type", "m.k")]),
        (b'{"a":"x","m":[]}', [("type", "m")]),
        (b'{"a":"x","m":{}}', []),
        (b"{}", [("required", "a")]),
    ],
)
def test_values_are_taken_as_they_are(
    schema: Schema, tmp_path: Path, line: bytes, expected: list[tuple[str, str]]
) -> None:
    report = check(schema, line + b"\n" + line, tmp_path)
    assert found(report) == [(row, *one) for row in (1, 2) for one in expected]


def test_many_blocks_threads_and_shapes_give_the_same_report(
    schema: Schema, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = []
    for number in range(5_000):
        record: dict[str, Any] = {"a": f"v{number % 7}", "n": number}
        if number % 3 == 0:
            record["m"] = {f"k{number % 5}": 1 if number % 4 else "x"}
        if number % 11 == 0:
            del record["a"]
        lines.append(json.dumps(record) if number % 501 else "{broken")
    content = "\n".join(lines).encode()
    one = check(schema, content, tmp_path)
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 3_000)
    monkeypatch.setattr(blocks, "SLACK", 16)
    many = check(schema, content, tmp_path, jobs=3)
    assert one.rows == many.rows == 5_000
    assert sorted(map(str, one)) == sorted(map(str, many))
    assert one.found == many.found > 800


def test_a_record_too_long_to_read_is_passed_by(
    schema: Schema, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 100)
    monkeypatch.setattr(blocks, "MAX_RECORD_BYTES", 1_000)
    content = b'{"a":"x"}\n{"a":"' + b"y" * 5_000 + b'"}\n{"n":2}\n'
    assert found(check(schema, content, tmp_path)) == [(2, "record-size", ""), (3, "required", "a")]


def test_a_file_that_ends_within_a_line(schema: Schema, tmp_path: Path) -> None:
    report = check(schema, b'{"a":"x"}\n{"a":"y', tmp_path)
    assert found(report) == [(2, "unreadable", "")]
    assert "the file ends within this line" in next(iter(report)).message


def test_a_byte_order_mark_is_passed_by(schema: Schema, tmp_path: Path) -> None:
    assert check(schema, b'\xef\xbb\xbf{"a":"x"}\n', tmp_path).valid


@pytest.mark.parametrize(
    ("content", "rows", "expected"),
    [
        (b'[{"a":"x"},\n {"n":1} ]', 2, [(2, "required")]),
        (b" []", 0, []),
        (b'[{"a":"x"} {"a":"y"}]', 2, [(2, "unreadable")]),
        (b'[{"a":"x"},{"a":"x"', 2, [(2, "unreadable")]),
        (b'[{"a":"x"},5,{"a":"x","a":"y"},{"a":null}]', 4, [(2, "unreadable"), (3, "duplicate-key"), (4, "type")]),
        (b'[{"a":"x"}] []', 2, [(2, "unreadable")]),
        (b'[{"a":"x"},{"a":"\xff"},{"n":1}]', 3, [(2, "unreadable"), (3, "required")]),
    ],
)
def test_one_json_array(
    schema: Schema, tmp_path: Path, content: bytes, rows: int, expected: list[tuple[int, str]]
) -> None:
    report = check(schema, content, tmp_path)
    assert [(row, code) for row, code, _ in found(report)] == expected
    assert report.rows == rows


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b" \n\n", "no records"),
        (gzip.compress(b'{"a":"x"}', mtime=0), "gzip"),
        ('{"a":"x"}'.encode("utf-16"), "UTF-16"),
        (b"PAR1 this is not Parquet", "not a Parquet file"),
    ],
)
def test_what_is_no_file_of_records_is_said_before_the_first_row(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "f"
    file.write_bytes(content)
    with pytest.raises(SourceError, match=words):
        open_records(file)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="No such file"):
        open_records(tmp_path / "none.json")


def test_an_empty_list_in_parquet_has_too_few_items(tmp_path: Path) -> None:
    listed = Schema.from_dict(
        {"$id": "https://example.org/l", "type": "object", "required": ["l"], "properties": {
            "l": {"type": "array", "minItems": 1, "items": {"type": "integer", "meta:xdmType": "long"}},
            "o": {"type": "object", "properties": {
                "m": {"type": "array", "minItems": 2, "items": {"type": "string"}}}}}}
    )  # fmt: skip
    file = tmp_path / "f.parquet"
    table = pa.table({"l": [[1], [], None], "o": [{"m": ["a", "b"]}, {"m": []}, {"m": None}]})
    pq.write_table(table, file)
    report = report_of(check_stream(open_records(file), listed, "jsonschema"))
    assert found(report) == [(2, "min-items", "l"), (2, "min-items", "o.m"), (2, "required", "l"), (3, "required", "l")]


def test_rows_of_parquet_are_judged(schema: Schema, tmp_path: Path) -> None:
    file = tmp_path / "f.parquet"
    m = pa.array([[("k", 1)], None, [("k", 2), ("l", None)]], pa.map_(pa.string(), pa.int32()))
    pq.write_table(pa.table({"a": ["x", None, "toolong"], "n": pa.array([1, 2, 3], pa.int64()), "m": m}), file)
    report = report_of(check_stream(open_records(file), schema, "jsonschema"))
    assert found(report) == [(2, "required", "a"), (3, "max-length", "a")]


def test_parquet_columns_of_other_types_are_named_once(tmp_path: Path) -> None:
    wanted = {"type": "object", "properties": {
        "d": {"type": "string", "format": "date"}, "i": {"type": "integer"},
        "l": {"type": "array", "items": {"type": "integer", "meta:xdmType": "long"}},
    }}  # fmt: skip
    table = pa.table({"d": ["2020-01-01"] * 20_000, "i": pa.array([1] * 20_000, pa.int32()), "l": [[1]] * 20_000})
    pq.write_table(table, tmp_path / "f.parquet")
    report = xp.validate(tmp_path / "f.parquet", Schema.from_dict(wanted))
    assert report.valid and found(report) == [(1, "column-type", "d")]
    assert "date32" in next(iter(report)).message


def test_a_csv_needs_a_mapping_or_an_ad_hoc_schema(tmp_path: Path, schemas: Path) -> None:
    file = tmp_path / "visits.csv"
    file.write_text("visit_id,visit_date,people\nV000001,2024-05-01,3\n,2024-05-02,x\n")
    report = xp.validate(file, schemas / "store-visits.adhoc.schema.json")
    assert {(row, code, path) for row, code, path in found(report)} == {
        (2, "required", "visit_id"),
        (2, "unparsable", "people"),
    }
    with pytest.raises(UsageError, match="Give the mapping"):
        xp.validate(file, schemas / "crm-profile.schema.json")
    file.write_text("visit_id,visit_day\nV1,2024-05-01\n")
    with pytest.raises(SourceError, match="Did you mean 'visit_date'"):
        xp.validate(file, schemas / "store-visits.adhoc.schema.json")


def test_frames_are_checked_as_records(schema: Schema) -> None:
    import pandas as pd

    report = xp.validate(pd.DataFrame({"a": ["x", None], "n": [1, 2]}), schema, rules="jsonschema")
    assert found(report) == [(2, "required", "a")]


def test_the_command_tells_by_its_exit_code_what_is_valid(tmp_path: Path) -> None:
    (tmp_path / "s.json").write_text(json.dumps(SCHEMA))
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text('{"a":"x"}\n')
    bad.write_text('{"a":"x"}\n{"a":5}\n')
    run = CliRunner().invoke
    options = ["--schema", str(tmp_path / "s.json"), "--rules", "jsonschema"]
    fine = run(command, [str(good), *options], standalone_mode=False)
    assert (fine.return_value, fine.output) == (0, "good.json: 1 row, all valid\n")
    wrong = run(command, [str(good), str(bad), *options, "--json"], standalone_mode=False)
    shown = json.loads(wrong.stdout)
    assert wrong.return_value == 1
    assert (shown["valid"], shown["rows"], shown["invalid"], shown["files"][1]["summary"][0]["code"]) == (
        False, 3, 1, "type",
    )  # fmt: skip
    page = tmp_path / "r.html"
    assert run(command, [str(bad), *options, "--report", str(page)], standalone_mode=False).return_value == 1
    assert "expected a string" in page.read_text()
    off = run(command, [str(bad), *options, "--set", "type=off"], standalone_mode=False)
    assert off.return_value == 0
    for arguments in (["--set", "type"], ["--report", "r.txt"], ["--rules", "x"], ["--set", "type=loud"]):
        assert isinstance(run(command, [str(bad), *options, *arguments], standalone_mode=False).exception, UsageError)


def test_several_files_give_one_report(tmp_path: Path, schema: Schema) -> None:
    good, bad, torn = (tmp_path / name for name in ("good.json", "bad.json", "torn.json"))
    good.write_text('{"a":"x"}\n')
    bad.write_text('{"a":"x"}\n{"a":5}\n')
    torn.write_text('{"a":6}\n{"a":\n')
    report = xp.validate([good, bad, str(torn)], schema, rules="jsonschema")
    assert (report.rows, report.invalid, report.found, report.valid) == (5, 3, 3, False)
    assert [(issue.file, issue.row, issue.code) for issue in report] == [
        (str(bad), 2, "type"), (str(torn), 1, "type"), (str(torn), 2, "unreadable"),
    ]  # fmt: skip
    (group,) = [group for group in report.groups if group.code == "type"]
    assert (group.count, group.first_row, group.file, group.examples) == (2, 2, str(bad), ["5", "6"])
    assert report.files[1].groups[0].count == 1, "the file's own report stays as it was"
    assert [one.valid for one in report.files] == [True, False, False]
    assert f"first in row 2 of {bad}" in str(report) and str(next(iter(report))).startswith(f"{bad}: row 2: ")
    assert report.summary().column("file").to_pylist() == [str(bad), str(torn)]
    for page in (report.to_html(), report._repr_html_()):
        assert str(good) in page and str(torn) in page and "first row" in page
    capped = xp.validate([good, bad, torn], schema, rules="jsonschema", cap=2)
    assert (capped.found, capped.kept, capped.issues.num_rows) == (3, 2, 2)
    assert "the first 2 kept: cap 2" in capped.headline()
    fine = xp.validate((good, good), schema, rules="jsonschema")
    assert (fine.valid, fine.rows, fine.issues.column_names[0], fine.head(5).num_rows) == (True, 2, "file", 0)
    with pytest.raises(UsageError, match="list is empty"):
        xp.validate([], schema)
    with pytest.raises(SourceError, match=r"none\.json"):
        xp.validate([good, tmp_path / "none.json"], schema)


def test_the_command_writes_one_report_over_several_files(tmp_path: Path) -> None:
    (tmp_path / "s.json").write_text(json.dumps(SCHEMA))
    files = [tmp_path / "one.json", tmp_path / "two.json"]
    for number, file in enumerate(files):
        file.write_text('{"a":"x"}\n' + f'{{"a":{number}}}\n' * 6_000)
    options = ["--schema", str(tmp_path / "s.json"), "--rules", "jsonschema", "--report"]
    for name in ("all.jsonl", "all.html"):
        arguments = [*map(str, files), *options, str(tmp_path / name)]
        done = CliRunner().invoke(command, arguments, standalone_mode=False)
        assert done.return_value == 1
        assert "2 files: 12,002 rows, 12,000 invalid, 12,000 findings\n" in done.output
    lines = [json.loads(line) for line in (tmp_path / "all.jsonl").read_text().splitlines()]
    assert [(line["file"], line["row"]) for line in lines] == [
        (str(file), row) for file in files for row in range(2, 6_002)
    ]
    page = (tmp_path / "all.html").read_text()
    assert "12,000" in page and "The table holds" not in page and all(str(file) in page for file in files)


def test_the_ingest_check_splits_good_records_from_failed_ones(tmp_path: Path) -> None:
    file = tmp_path / "f.json"
    file.write_text('{"a":"x","n":"7"}\n{"n":1}\n{broken\n{"a":"y"}\n{"a":""}\n')
    chunks = list(ingest_check()(file, "json", False, SCHEMA, {}))
    assert sum(chunk.rows for chunk in chunks) == 5
    assert [pair for chunk in chunks for pair in chunk.records] == [(1, {"a": "x", "n": "7"}), (4, {"a": "y"})]
    failed = [record for chunk in chunks for record in chunk.failed]
    assert [(record.row, record.raw) for record in failed] == [(2, '{"n":1}'), (3, "{broken"), (5, '{"a":""}')]
    assert [record.errors[0]["code"] for record in failed] == ["INGEST-1555-400", "1401", "INGEST-1212-400"]
    assert failed[0].errors[0]["pointerToViolation"] == "#/a"


def test_the_ingest_check_refuses_another_form_than_announced(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_text('[{"a":"x"}]')
    (chunk,) = ingest_check()(file, "json", False, SCHEMA, {})
    assert (len(chunk.failed), chunk.failed[0].errors[0]["code"]) == (1, "1401")
    with pytest.raises(SourceError, match="Parquet"):
        list(ingest_check()(file, "parquet", False, SCHEMA, {}))
    (chunk,) = ingest_check()(file, "json", True, SCHEMA, {})
    assert chunk.records == [(1, {"a": "x"})]
    table = pa.table({"a": ["x", None], "t": pa.array([0, 0], pa.timestamp("ms", "UTC"))})
    pq.write_table(table, file)
    (chunk,) = ingest_check("jsonschema")(file, "parquet", False, SCHEMA, {})
    assert chunk.records == [(1, {"a": "x", "t": "1970-01-01T00:00:00Z"})]
    assert [record.row for record in chunk.failed] == [2]


def test_the_ingest_check_of_csv(tmp_path: Path) -> None:
    file = tmp_path / "f.csv"
    file.write_text('a,n\nx,1\n"y, z",\nonly\n')
    (chunk,) = ingest_check()(file, "csv", False, SCHEMA, {})
    assert chunk.records == [(1, {"a": "x", "n": 1}), (2, {"a": "y, z"})]
    assert [(record.row, record.errors[0]["code"]) for record in chunk.failed] == [(3, "1401")]
