"""Values left out are counted, said in the first line, and make the exit code 1 where most of a field is gone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from command_kit import command

import xdmprep as xp
from xdmprep.errors import UsageError
from xdmprep.pipeline.resubmit import mend

MAPPING = {
    "person.birthDate": "dob",
    "person.birthYear": "year",
    "identityMap.CRMID[0].id": "id",
    "identityMap.CRMID[0].primary": True,
}


@pytest.fixture
def job(tmp_path: Path, schemas: Path) -> tuple[Any, ...]:
    (tmp_path / "a.csv").write_text("id,dob,year\n1,1980-02-03,1980\n2,13/02/1980,1980\n3,14/02/1981,1981\n")
    (tmp_path / "m.json").write_text(json.dumps(MAPPING))
    return (tmp_path / "a.csv", "-m", tmp_path / "m.json", "-s", schemas / "crm-profile.schema.json")


def test_a_field_that_loses_most_of_its_values_ends_with_one(job: tuple[Any, ...], tmp_path: Path) -> None:
    done = command("prepare", *job, "-o", tmp_path / "out", "--rules", "jsonschema")
    assert done.returncode == 1
    assert "3 written (1 file, 0.0 MB), 0 set aside, 2 with values left out (person.birthDate 2 of 3)" in done.stdout
    assert "all valid" not in done.stdout
    assert done.stderr.count("person.birthDate: 2 of 3 values were left out, more than the 50 %") == 1
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["values"] == {"person.birthDate": {"read": 3, "written": 1, "lost": 2}}
    assert manifest["counts"] == {"rows": 3, "written": 3, "rejected": 0}


@pytest.mark.parametrize(("percent", "code"), [("66", 1), ("67", 0), ("100", 0), ("0", 1)])
def test_the_share_is_compared_with_the_option(job: tuple[Any, ...], tmp_path: Path, percent: str, code: int) -> None:
    done = command("prepare", *job, "-o", tmp_path / "out", "--max-loss", percent, "--json")
    facts = json.loads(done.stdout)
    assert done.returncode == code
    assert facts["excessive"] == (["person.birthDate"] if code else [])
    assert facts["values"] == {"person.birthDate": {"read": 3, "written": 1, "lost": 2}}


@pytest.mark.parametrize("percent", [-1, 100.5])
def test_a_share_is_a_percentage(job: tuple[Any, ...], tmp_path: Path, percent: float) -> None:
    with pytest.raises(UsageError, match="percentage"):
        xp.prepare(job[0], MAPPING, job[4], tmp_path / "out", max_loss=percent)
    assert command("prepare", *job, "-o", tmp_path / "out", "--max-loss", percent).returncode == 2


def test_validate_says_what_was_left_out(job: tuple[Any, ...]) -> None:
    done = command("validate", *job)
    assert done.returncode == 0
    assert "3 rows, none invalid, 2 with values left out (person.birthDate 2 of 3)" in done.stdout


def test_a_patch_never_says_all_valid_where_values_were_left_out(job: tuple[Any, ...], tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_text("id,dob,year\n1,1980-02-03,1980\n2,1980-02-13,1980\n3,1981-02-14,1981\n")
    done = command("diff", tmp_path / "b.csv", *job, "-o", tmp_path / "patch")
    assert done.returncode == 1
    assert "2 values left out (person.birthDate 2)" in done.stdout
    assert "all valid" not in done.stdout


def test_mended_rows_are_counted_too(tmp_path: Path, schemas: Path) -> None:
    source = tmp_path / "a.csv"
    source.write_text("id,dob,year\n1,1980-02-03,1980\n2,soon,0\n3,1981-02-14,1981\n")
    out = tmp_path / "out"
    result = xp.prepare(source, MAPPING, schemas / "crm-profile.schema.json", out)
    assert (result.written, result.rejected, result.manifest.values) == (2, 1, {})
    entry = json.loads((out / "rejects.jsonl").read_text())
    entry["source"]["year"] = "1980"
    (out / "rejects.jsonl").write_text(json.dumps(entry) + "\n")
    assert mend(out).written == 1
    lost = {"read": 3, "written": 2, "lost": 1}
    assert xp.Manifest.load(out).values == {"person.birthDate": lost}
    assert json.loads((out / "run.json").read_text())["values"]["person.birthYear"]["written"] == 3
