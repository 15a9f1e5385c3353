"""Rejects mended by hand go into a further part of the same output; nothing is lost or written twice."""

from __future__ import annotations

import csv
import datetime
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import xdmprep as xp
from xdmprep.errors import OutputError, SourceError, UsageError
from xdmprep.pipeline.resubmit import _still_unfit, mend


def records(out: Path) -> list[Any]:
    files = xp.Manifest.load(out).files
    return [json.loads(line) for file in files for line in (out / file.name).read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def out(tmp_path: Path, schemas: Path) -> Path:
    source = schemas / "examples" / "crm-profiles.csv"
    xp.prepare(source, schemas / "crm-profile.mapping.yaml", schemas / "crm-profile.schema.json", out=tmp_path / "out")
    return tmp_path / "out"


def rejects(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "rejects.jsonl").read_text(encoding="utf-8").splitlines()]


def padded(entry: dict[str, Any]) -> dict[str, Any]:
    source = entry["source"]
    year, month, day = source["DOB"].split("-")
    return {
        "row": entry["row"],
        "source": {**source, "DOB": f"{year}-{month}-{day:0>2}", "MONTH_AND_DATE": f"{month}-{day:0>2}"},
    }


def test_mended_rows_become_a_further_part(out: Path, tmp_path: Path) -> None:
    before, aside = xp.Manifest.load(out), rejects(out)
    mended = tmp_path / "mended.jsonl"
    mended.write_text("".join(json.dumps(padded(entry)) + "\n" for entry in aside), encoding="utf-8")
    done = mend(out, mended)
    short = [entry["row"] for entry in aside if len(entry["source"]["ID4"]) != 38]
    assert (done.tried, done.written, done.still_rejected) == (len(aside), len(aside) - len(short), len(short))
    after = xp.Manifest.load(out)
    assert [file.name for file in after.files] == ["part-00000.json", "part-00001.json"]
    assert after.files[0] == before.files[0]
    assert after.rows == after.written + after.rejected == 300
    assert len(records(out)) == after.written
    assert [entry["row"] for entry in rejects(out)] == short
    with (out / "issues.csv").open(encoding="utf-8", newline="") as file:
        assert {(int(row["row"]), row["code"]) for row in csv.DictReader(file)} == {
            (row, "identity-ecid") for row in short
        }
    assert not [path.name for path in out.iterdir() if path.name.startswith(".")]

    again = mend(out, mended)
    assert (again.tried, again.written, again.skipped) == (len(short), 0, done.written)
    assert len(records(out)) == after.written


def test_rows_whose_lines_were_deleted_are_still_aside(out: Path) -> None:
    aside = rejects(out)
    (out / "rejects.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in aside[5:]), encoding="utf-8")
    done = mend(out)
    assert (done.tried, done.written, done.still_rejected) == (len(aside) - 5, 0, len(aside))


def test_a_kill_after_the_manifest_does_not_write_rows_twice(out: Path, tmp_path: Path) -> None:
    old_rejects = (out / "rejects.jsonl").read_bytes()
    mended = tmp_path / "mended.jsonl"
    mended.write_text("".join(json.dumps(padded(entry)) + "\n" for entry in rejects(out)), encoding="utf-8")
    mend(out, mended)
    (out / "rejects.jsonl").write_bytes(old_rejects)
    keys = [record["identityMap"]["CRMID"][0]["id"] for record in records(out)]
    assert mend(out, mended).written == 0
    assert [record["identityMap"]["CRMID"][0]["id"] for record in records(out)] == keys
    assert len(keys) == len(set(keys))


def test_what_was_not_mended_stays(out: Path, tmp_path: Path) -> None:
    aside = rejects(out)
    (tmp_path / "m.jsonl").write_text(json.dumps(padded(aside[0])) + "\n", encoding="utf-8")
    mend(out, tmp_path / "m.jsonl")
    assert len(rejects(out)) in (len(aside) - 1, len(aside))
    assert {entry["row"] for entry in rejects(out)} >= {entry["row"] for entry in aside[1:]}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("nope", "line 1"),
        ('{"row": 4, "source": {"NAME": "x"}}', "no column 'NAME'"),
        ('{"row": "4", "source": {}}', "number"),
    ],
)
def test_lines_that_cannot_be_used(out: Path, tmp_path: Path, line: str, message: str) -> None:
    (tmp_path / "m.jsonl").write_text(line + "\n", encoding="utf-8")
    before = xp.Manifest.load(out)
    with pytest.raises(xp.SourceError, match=message):
        mend(out, tmp_path / "m.jsonl")
    assert xp.Manifest.load(out) == before


def test_only_a_finished_run_with_its_own_schema(out: Path, tmp_path: Path, schemas: Path) -> None:
    with pytest.raises(OutputError, match="holds no run"):
        mend(tmp_path)
    with pytest.raises(UsageError, match="not the schema of the run"):
        mend(out, schema=schemas / "loyalty-profile.schema.json")


@pytest.fixture
def run(tmp_path: Path, schemas: Path) -> xp.Result:
    source = schemas / "examples" / "crm-profiles.csv"
    return xp.prepare(
        source, schemas / "crm-profile.mapping.yaml", schemas / "crm-profile.schema.json", tmp_path / "out"
    )


def test_the_rejects_as_a_table(run: xp.Result, schemas: Path) -> None:
    table = run.rejects
    with (schemas / "examples" / "crm-profiles.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert table.column_names == ["_row", "_file", "_reasons", *rows[0]]
    assert table.num_rows == run.rejected
    for entry, line in zip(table.to_pylist(), rejects(run.folder), strict=True):
        assert (entry["_row"], entry["_file"]) == (line["row"], "crm-profiles.csv")
        assert {name: value or "" for name, value in entry.items() if name[0] != "_"} == rows[entry["_row"] - 1]
        assert [reason["code"] for reason in entry["_reasons"]] == [reason["code"] for reason in line["reasons"]]


@pytest.mark.parametrize(
    ("column", "read"),
    [
        (pa.array([Decimal("2.50")], pa.decimal128(5, 2)), Decimal("2.50")),
        (pa.array([Decimal("12345678901234567.10")], pa.decimal128(20, 2)), Decimal("12345678901234567.10")),
        (pa.array([Decimal(f"{10**50}.10")], pa.decimal256(60, 2)), Decimal(f"{10**50}.10")),
        (pa.array([2**64 - 1], pa.uint64()), 2**64 - 1),
        (pa.array([datetime.date(2024, 2, 29)]), datetime.date(2024, 2, 29)),
        (pa.array([True]), True),
        (pa.array([["a"]]), ["a"]),
        (pa.array([90], pa.duration("s")), "0:01:30"),
        (pa.array([b"x"]), "x"),
    ],
    ids=lambda one: str(getattr(one, "type", "")),
)
def test_rejects_keep_types_and_digits_and_show_what_no_record_holds(
    column: pa.Array, read: Any, tmp_path: Path
) -> None:
    schema = xp.Schema.from_dict({
        "$id": "https://ns.example.com/o", "type": "object", "required": ["id"],
        "properties": {"id": {"type": "string"}},
    })  # fmt: skip
    table = pa.table({"id": pa.nulls(1, pa.string()), "v": column})
    run = xp.prepare(table, {"id": "id"}, schema, tmp_path / "out", rules="jsonschema")
    assert run.rejects["v"].to_pylist() == [read]
    assert run.rejects["v"].type == (
        pa.string() if isinstance(column, (pa.DurationArray, pa.BinaryArray)) else column.type
    )


@pytest.mark.parametrize("kind", ["pandas", "arrow", "polars", "function"])
def test_a_mended_frame_becomes_a_further_part(run: xp.Result, kind: str) -> None:
    frame = run.rejects.to_pandas()
    day = frame["DOB"].str.replace(r"-(\d)$", r"-0\1", regex=True)
    frame["DOB"], frame["MONTH_AND_DATE"] = day, day.str[5:]
    kept = frame[frame["ID4"].str.len() == 38]
    given: Any = pa.Table.from_pandas(kept, preserve_index=False) if kind == "arrow" else kept
    if kind == "polars":
        given = pytest.importorskip("polars").from_pandas(kept)
    done = xp.mend(run.folder, given) if kind == "function" else run.mend(given)
    assert (done.tried, done.written, done.still_rejected) == (len(kept), len(kept), run.rejected - len(kept))
    assert done.manifest.written == run.written + len(kept)
    assert done.manifest.rejected == run.rejected - len(kept) == len(rejects(run.folder))
    written = {record["identityMap"]["CRMID"][0]["id"] for record in records(run.folder)}
    assert set(kept["ID1"]) <= written
    assert run.mend(given).skipped == len(kept)


def test_rows_that_could_not_be_read_stay_aside_until_they_are_filled(tmp_path: Path, schemas: Path) -> None:
    (tmp_path / "a.csv").write_text("id,year\n1,1980\n2\n3,0\n")
    mapping = {"person.birthYear": "year", "identityMap.CRMID[0].id": "id", "identityMap.CRMID[0].primary": True}
    result = xp.prepare(tmp_path / "a.csv", mapping, schemas / "crm-profile.schema.json", tmp_path / "out")
    frame = result.rejects.to_pandas()
    assert frame["_row"].tolist() == [2, 3]
    done = result.mend(frame)
    assert (done.written, done.still_rejected, len(rejects(result.folder))) == (0, 2, 2)
    frame.loc[frame["_row"] == 2, ["id", "year"]] = ["2", "1981"]
    assert (result.mend(frame).written, [line["row"] for line in rejects(result.folder)]) == (1, [3])


@pytest.mark.parametrize(
    ("change", "say"),
    [
        (lambda frame: frame.drop(columns="_row"), "no column '_row'"),
        (lambda frame: frame.drop(columns="DOB"), "no column 'DOB'"),
        (lambda frame: frame.assign(_row=1), "row 1 is none that the run set aside"),
        (lambda frame: frame.assign(_row="x"), "_row must be a whole number"),
        (lambda frame: frame.assign(more="x"), "no column 'more'"),
    ],
)
def test_a_frame_that_cannot_be_used(run: xp.Result, change: Any, say: str) -> None:
    before = (run.folder / "manifest.json").read_bytes()
    with pytest.raises(SourceError, match=say):
        run.mend(change(run.rejects.to_pandas()))
    assert (run.folder / "manifest.json").read_bytes() == before
    assert len(rejects(run.folder)) == run.rejected


def test_a_run_without_rejects_has_an_empty_table(tmp_path: Path, schemas: Path) -> None:
    (tmp_path / "a.csv").write_text("id\n1\n")
    mapping = {"identityMap.CRMID[0].id": "id", "identityMap.CRMID[0].primary": True}
    result = xp.prepare(tmp_path / "a.csv", mapping, schemas / "crm-profile.schema.json", tmp_path / "out")
    assert result.rejects.num_rows == 0
    assert result.rejects.column_names == ["_row", "_file", "_reasons", "id"]


@pytest.mark.parametrize(
    ("value", "text"),
    [("x", "x"), (7, "7"), (0.5, "0.5"), (True, "true"), ([1, None], "[1, null]"), ({"a": True}, '{"a": true}')],
)
def test_values_of_other_types_are_json_in_a_column_of_strings(tmp_path: Path, value: Any, text: str) -> None:
    (tmp_path / "a.csv").write_text("id,n\n1,no\n2,no\n")
    field = {"type": "string", "not": {"enum": ["no"]}}
    schema = xp.Schema.from_dict({"$id": "https://x/s", "type": "object", "properties": {"n": field}})
    out = xp.prepare(tmp_path / "a.csv", {"n": "n"}, schema, tmp_path / "out", rules="jsonschema").folder
    entry = rejects(out)[0]
    (tmp_path / "b.jsonl").write_text(json.dumps({**entry, "source": {**entry["source"], "n": value}}) + "\n")
    assert mend(out, tmp_path / "b.jsonl", schema=schema).written == 1
    assert json.loads((out / "part-00000.json").read_text()) == {"n": text}


@pytest.mark.parametrize(
    ("source", "reasons", "still"),
    [
        ({"a": None}, [{"code": "unfit", "column": "a"}], True), ({"a": 1}, [{"code": "unfit", "column": "a"}], False),
        ({"b": 1}, [{"code": "unfit", "column": "a"}], True), ({"a": None}, [{"code": "type", "column": "a"}], False),
        ({"a": 1, "b": None}, [{"code": "unfit", "column": name} for name in "ab"], True),
        ({"a": None}, None, False), ({"a": None}, ["unfit"], False), (None, [{"code": "unfit", "column": "a"}], False),
    ],
)  # fmt: skip
def test_when_a_row_still_has_a_value_that_no_line_shows(source: Any, reasons: Any, still: bool) -> None:
    assert _still_unfit(source, reasons) == still
