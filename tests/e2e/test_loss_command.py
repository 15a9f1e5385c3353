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
    assert done.returncode == 1
    assert "3 rows, none invalid, 2 with values left out (person.birthDate 2 of 3)" in done.stdout


def test_a_patch_never_says_all_valid_where_values_were_left_out(job: tuple[Any, ...], tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_text("id,dob,year\n1,1980-02-03,1980\n2,1980-02-13,1980\n3,1981-02-14,1981\n")
    done = command("diff", tmp_path / "b.csv", *job, "-o", tmp_path / "patch")
    assert done.returncode == 1
    assert done.stdout.count("2 with values left out (person.birthDate 2 of 2)") == 2  # row 1 is the same in both
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


#: Dates in the source, options, and the exit code; 1 comes with a line that says why.
LIMITS = {
    "above": (("1980-02-03", "13/02/1980", "14/02/1981"), (), 1),
    "below": (("1980-02-03", "1980-02-13", "14/02/1981"), (), 0),
    "off": (("1980-02-03", "13/02/1980", "14/02/1981"), ("--max-loss", "100"), 0),
    "narrow": (("1980-02-03", "1980-02-13", "14/02/1981"), ("--max-loss", "33"), 1),
}
COMMANDS = ("prepare", "upsert", "diff", "mend", "validate", "spark")


def _source(file: Path, dates: tuple[str, ...], years: tuple[str, ...] = ("1980", "1980", "1981")) -> Path:
    rows = [f"{n},{date},{year}" for n, (date, year) in enumerate(zip(dates, years, strict=True), 1)]
    file.write_text("\n".join(["id,dob,year", *rows, ""]))
    return file


def _run(name: str, tmp_path: Path, job: tuple[Any, ...], dates: tuple[str, ...], more: tuple[str, ...]) -> Any:
    """One command over three rows, all of which are mapped and written."""
    source, out = _source(tmp_path / "now.csv", dates), ("-o", tmp_path / "out")
    if name == "validate":
        return command("validate", source, *job[1:], *more)
    if name == "diff":
        before = _source(tmp_path / "before.csv", dates, ("1970", "1970", "1971"))  # all rows change, no date does
        return command("diff", before, source, *job[1:], *out, *more)
    if name == "upsert":
        return command("prepare", source, *job[1:], *out, "--upsert", *more)
    if name == "spark":
        pytest.importorskip("pyspark")
        return command("prepare", source, *job[1:], *out, "--engine", "spark", "--master", "local[1]", *more)
    if name == "mend":
        _source(source, dates, ("1980", "1980", "0"))  # the last row is set aside for its year
        first = command("prepare", source, *job[1:], *out, "--max-loss", "0")
        assert first.returncode == 1
        entry = json.loads((tmp_path / "out" / "rejects.jsonl").read_text())
        entry["source"]["year"] = "1981"
        (tmp_path / "out" / "rejects.jsonl").write_text(json.dumps(entry) + "\n")
        return command("mend", tmp_path / "out", *(more or ("--max-loss", "50")))
    return command("prepare", source, *job[1:], *out, *more)


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_that_maps_judges_losses_alike(
    job: tuple[Any, ...], tmp_path: Path, name: str, limit: str
) -> None:
    dates, more, code = LIMITS[limit]
    done = _run(name, tmp_path, job, dates, more)
    lost = sum("/" in date for date in dates)
    share = more[1] if more else "50"
    assert done.returncode == code, done.stdout + done.stderr
    assert f"{lost} with values left out (person.birthDate {lost} of 3)" in done.stdout
    assert "all valid" not in done.stdout
    line = f"person.birthDate: {lost} of 3 values were left out, more than the {share} % that --max-loss allows."
    assert done.stderr.count(line) == code
    assert done.stderr.count("--max-loss allows") == code
    if name != "validate":
        entry = {"read": 3, "written": 3 - lost, "lost": lost}
        assert json.loads((tmp_path / "out" / "manifest.json").read_text())["values"] == {"person.birthDate": entry}
        run = json.loads((tmp_path / "out" / "run.json").read_text())
        assert run["values"]["person.birthDate"] == entry
        assert run["values"]["person.birthYear"] == {"read": 3, "written": 3, "lost": 0}
        assert (run["lackingValues"], run["maxLoss"]) == (lost, float(share))


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "spark"])
def test_json_names_the_fields_that_lost_too_much(job: tuple[Any, ...], tmp_path: Path, name: str) -> None:
    done = _run(name, tmp_path, job, LIMITS["above"][0], ("--max-loss", "60", "--json"))
    facts = json.loads(done.stdout)
    assert done.returncode == 1
    assert facts["excessive"] == ["person.birthDate"]
    assert facts["values"] == {"person.birthDate": {"read": 3, "written": 1, "lost": 2}}


@pytest.mark.parametrize(
    ("percent", "excessive"), [(None, ("person.birthDate",)), (67, ()), (0, ("person.birthDate",))]
)
def test_patches_judge_losses_in_python_too(
    schemas: Path, tmp_path: Path, percent: float | None, excessive: tuple[str, ...]
) -> None:
    dates = LIMITS["above"][0]
    before = _source(tmp_path / "before.csv", dates, ("1970", "1970", "1971"))
    now, schema = _source(tmp_path / "now.csv", dates), schemas / "crm-profile.schema.json"
    more: Any = {"mapping": MAPPING} | ({} if percent is None else {"max_loss": percent})
    patch = xp.diff(before, now, schema, **more)
    written = xp.write_patch(before, now, schema, tmp_path / "out", **more)
    assert patch.excessive == written.excessive == excessive
    assert patch.values.table() == written.values.table()
    assert "2 with values left out (person.birthDate 2 of 3)" in repr(patch)
    assert "2 with values left out (person.birthDate 2 of 3)" in str(written)


def test_the_values_of_a_patch_are_those_of_the_records_compared(schemas: Path, tmp_path: Path) -> None:
    """Neither rows that are the same in both, nor those set aside or replaced by a later one."""
    (tmp_path / "a.csv").write_text("id,dob,year\n1,x,1980\n2,1980-02-13,1980\n3,x,1980\n5,1980-02-14,1980\n")
    (tmp_path / "b.csv").write_text(
        "id,dob,year\n1,x,1980\n2,soon,1981\n3,x,0\n4,x,1980\n4,1980-02-15,1980\n5,1980-02-14,1981\n"
    )
    patch = xp.diff(tmp_path / "a.csv", tmp_path / "b.csv", schemas / "crm-profile.schema.json", mapping=MAPPING)
    assert (patch.counts.set_aside, patch.counts.superseded, patch.counts.unchanged) == (1, 1, 1)
    assert patch.values.table()["person.birthDate"] == {"read": 3, "written": 2, "lost": 1}
    assert patch.excessive == ()


def test_a_large_patch_has_its_counts_in_every_batch(schemas: Path, tmp_path: Path) -> None:
    now = _source(tmp_path / "now.csv", LIMITS["above"][0])
    done = xp.write_patch(
        None, now, schemas / "crm-profile.schema.json", tmp_path / "out", mapping=MAPPING, max_records=2
    )
    lost = {"person.birthDate": {"read": 3, "written": 1, "lost": 2}}
    assert [manifest.values for manifest in done.manifests] == [lost, lost]
    assert done.excessive == ("person.birthDate",)


def test_mend_keeps_to_the_limit_of_the_run(job: tuple[Any, ...], tmp_path: Path) -> None:
    source = _source(tmp_path / "now.csv", LIMITS["above"][0], ("1980", "1980", "0"))
    out = tmp_path / "out"
    result = xp.prepare(source, MAPPING, job[4], out, max_loss=100)
    frame = result.rejects.to_pandas()
    frame["year"] = "1981"
    done = result.mend(frame)
    assert (done.written, done.excessive, done.values.excessive(50)) == (1, (), ("person.birthDate",))
    assert "in all 2 with values left out (person.birthDate 2 of 3)" in str(done)


@pytest.mark.parametrize("percent", [-1, 100.5])
def test_a_share_is_a_percentage_everywhere(job: tuple[Any, ...], tmp_path: Path, percent: float) -> None:
    for run in (
        lambda: xp.diff(job[0], job[0], job[4], mapping=MAPPING, max_loss=percent),
        lambda: xp.write_patch(None, job[0], job[4], tmp_path / "out", mapping=MAPPING, max_loss=percent),
        lambda: mend(tmp_path / "out", max_loss=percent),
    ):
        with pytest.raises(UsageError, match="percentage"):
            run()
    with pytest.raises(UsageError):
        xp.prepare(job[0], MAPPING, job[4], tmp_path / "out", max_loss=None)  # type: ignore[arg-type]
