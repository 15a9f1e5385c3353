"""Rejects mended by hand go into a further part of the same output; nothing is lost or written twice."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

import xdmprep as xp
from xdmprep.errors import OutputError, UsageError
from xdmprep.mend import mend


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
