"""Columns that no record can hold, and columns of one name, in what looks at a source without mapping them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import xdmprep as xp
from xdmprep.cli import run
from xdmprep.pipeline.suggest import suggest_mapping
from xdmprep.read import open_source

ROOT = Path(__file__).parents[2] / "schemas"
ENTRIES = pa.array([[(1, 1.0)], None], pa.map_(pa.int64(), pa.float64()))
ODD = {
    "duration beyond Python's": pa.array([2**62, None], pa.duration("s")),
    "duration": pa.array([5, None], pa.duration("ns")),
    "map of numbers": ENTRIES,
    "bytes": pa.array([b"\xff", None]),
    "time": pa.array([86_399_999_999_999, None], pa.time64("ns")),
    "list of durations": pa.array([[2**62], None], pa.list_(pa.duration("s"))),
    "object of durations": pa.array([{"a": 2**62}, None], pa.struct([("a", pa.duration("s"))])),
}


@pytest.fixture(params=ODD)
def odd(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A Parquet file with a text and an odd column of one name."""
    columns = [pa.array(["Ada", "Bo"]), ODD[request.param], pa.array(["a@b.example", None])]
    file = tmp_path / "people.parquet"
    pq.write_table(pa.Table.from_arrays(columns, ["FIRST_NAME", "FIRST_NAME", "EMAIL"]), file)
    return file


def test_a_mapping_is_suggested_for_the_others(odd: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["mapping", "suggest", str(odd), "--schema", str(ROOT / "crm-profile.schema.json")]) == 0
    out = capsys.readouterr()
    assert "EMAIL" in out.out and "should not happen" not in out.out + out.err


def test_a_stream_shows_them(odd: Path) -> None:
    stream = open_source(odd)
    table = stream.head(2)
    assert table.column_names == ["FIRST_NAME", "FIRST_NAME", "EMAIL"] and table.column(0).to_pylist() == ["Ada", "Bo"]
    assert "a@b.example" in stream._repr_html_()


def test_a_schema_is_drafted_or_refused_with_a_sentence(odd: Path) -> None:
    try:
        assert "FIRST_NAME" in str(xp.draft_schema(odd, tenant="acme").source)
    except xp.SourceError as error:
        assert "FIRST_NAME" in str(error)


def test_permitted_values_of_any_kind(tmp_path: Path) -> None:
    source = tmp_path / "people.csv"
    source.write_text("GENDER\nf\nm\n")
    listed = [{"a": 1}, ["x"], None, "female", "male"]
    fields = {"gender": {"title": "Gender", "type": "string", "enum": listed}}
    schema = xp.Schema.from_dict({"$id": "https://e.example/s", "title": "S", "type": "object", "properties": fields})
    found = suggest_mapping(open_source(source), schema)
    assert "gender" in str(found)


@pytest.mark.parametrize("format", ["json", "parquet"])
@pytest.mark.parametrize("several", [False, True])
def test_files_whose_names_are_no_text(tmp_path: Path, several: bool, format: str) -> None:
    """Names are bytes on Unix; those that are no UTF-8 are shown with escapes, in findings, rejects and reports."""
    odd = tmp_path / os.fsdecode(b"day\xff.csv")
    try:
        odd.write_text("a,b\nx,1\ny,no\n")
    except OSError:
        pytest.skip("the file system takes UTF-8 names only")
    other = tmp_path / "day.csv"
    other.write_text("a,b\nz,2\n")
    schema = tmp_path / "s.json"
    fields = {"a": {"type": "string"}, "b": {"type": "integer", "meta:xdmType": "int"}}
    content = {"$id": "https://e.example/s", "title": "S", "type": "object", "properties": fields}
    schema.write_text(json.dumps(content))
    mapping = tmp_path / "m.yaml"
    mapping.write_text("a: a\nb: b\n")
    files = [str(odd), str(other)] if several else [str(odd)]
    out, report = tmp_path / "out", tmp_path / "report.html"
    code = run(["prepare", *files, "-m", str(mapping), "-s", str(schema), "-o", str(out), "--format", format,
                "--report", str(report)])  # fmt: skip
    assert code == 0 and (out / "manifest.json").exists()
    for file in (report, *out.glob("*.json"), *out.glob("*.csv")):
        file.read_text(encoding="utf-8")
    assert sum(1 for _ in out.glob("part-*")) == 1
    assert "day\\xff.csv" in report.read_text() or "day\\udcff.csv" in report.read_text()
