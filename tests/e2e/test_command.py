"""The command as people and scripts use it: files in, files out, one clear line for each mistake, exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from command_kit import command

SCHEMAS = Path(__file__).parents[2] / "schemas"
SAMPLE = SCHEMAS / "examples" / "crm-profiles.csv"
MAPPING = SCHEMAS / "crm-profile.mapping.yaml"
SCHEMA = SCHEMAS / "crm-profile.schema.json"


def prepare(source: Any, out: Path, *more: Any, mapping: Any = MAPPING, schema: Any = SCHEMA) -> Any:
    return command("prepare", source, "--mapping", mapping, "--schema", schema, "--out", out, *more)


def test_prepare_says_what_it_did(tmp_path: Path) -> None:
    done = prepare(SAMPLE, tmp_path / "out", "--report", tmp_path / "r.html")
    assert done.returncode == 1
    assert "300 rows read, 241 written" in done.stdout
    assert "59 set aside" in done.stdout
    assert done.stderr == ""
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "<html" in page and "identity-ecid" in page


def test_prepare_for_machines(tmp_path: Path) -> None:
    done = prepare(SAMPLE, tmp_path / "out", "--json", "--max-bytes", 50_000)
    facts = json.loads(done.stdout)
    assert (facts["rows"], facts["written"], facts["rejected"]) == (300, 241, 59)
    assert len(facts["files"]) > 2
    assert sum(file["rows"] for file in facts["files"]) == 241
    assert all(file["bytes"] <= 50_000 for file in facts["files"])


def test_a_clean_source_ends_with_0_and_again_gives_the_same_bytes(tmp_path: Path) -> None:
    source = tmp_path / "clean.csv"
    lines = SAMPLE.read_text(encoding="utf-8").splitlines(keepends=True)
    source.write_text("".join(lines[:3]), encoding="utf-8")
    assert prepare(source, tmp_path / "out").returncode == 0
    first = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir() if path.name != "run.json"}
    assert prepare(source, tmp_path / "out").returncode == 0
    assert {p.name: p.read_bytes() for p in (tmp_path / "out").iterdir() if p.name != "run.json"} == first
    assert set(first) == {"part-00000.json", "manifest.json"}


def test_the_error_threshold_keeps_nothing_when_too_much_is_wrong(tmp_path: Path) -> None:
    done = prepare(SAMPLE, tmp_path / "out", "--error-threshold", 5)
    assert done.returncode == 1
    assert "59 of 300 rows (19.7 %)" in done.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"run.json", "rejects.jsonl", "issues.csv"}
    assert prepare(SAMPLE, tmp_path / "fine", "--error-threshold", 20).returncode == 1
    assert (tmp_path / "fine" / "manifest.json").exists()


def one_line(done: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    assert done.returncode == code, done
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr, done.stderr
    assert done.stdout == ""


def test_input_that_cannot_be_used(tmp_path: Path) -> None:
    out = tmp_path / "out"
    one_line(prepare(tmp_path / "none.csv", out), 2, "none.csv", "No such file")
    (tmp_path / "empty.csv").write_bytes(b"")
    one_line(prepare(tmp_path / "empty.csv", out), 2, "empty.csv", "is empty")
    lines = SAMPLE.read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / "header.csv").write_text(lines[0], encoding="utf-8")
    one_line(prepare(tmp_path / "header.csv", out), 2, "no row")
    one_line(prepare(SAMPLE, out, "--delimiter", ";"), 2, "--delimiter ','")
    (tmp_path / "missing.csv").write_text(lines[0].replace('"DOB"', '"DATE_OF_BIRTH"') + lines[1], encoding="utf-8")
    one_line(prepare(tmp_path / "missing.csv", out), 2, "'DOB'")
    assert not out.exists()


def test_a_mapping_or_schema_that_is_wrong(tmp_path: Path) -> None:
    out, bad = tmp_path / "out", tmp_path / "bad.yaml"
    bad.write_text("person.name.fristName: F_NAME\nperson.gender: lower(GENDR)\nperson.birthYear: to_integer(YOB\n")
    done = prepare(SAMPLE, out, mapping=bad)
    one_line(done, 2, "bad.yaml", "'person.name.firstName'", "'GENDER'", "^")
    bad.write_text("a: [unclosed\n")
    one_line(prepare(SAMPLE, out, mapping=bad), 2, "bad.yaml")
    one_line(prepare(SAMPLE, out, mapping=tmp_path / "no.yaml"), 2, "no.yaml")
    (tmp_path / "bad.json").write_text("{")
    one_line(prepare(SAMPLE, out, schema=tmp_path / "bad.json"), 2, "bad.json")
    (tmp_path / "list.json").write_text("[1]")
    one_line(prepare(SAMPLE, out, schema=tmp_path / "list.json"), 2, "list.json")
    assert not out.exists()


def test_a_folder_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    one_line(prepare(SAMPLE, tmp_path / "file" / "out"), 2, "cannot be made")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("x")
    one_line(prepare(SAMPLE, tmp_path / "full"), 2, "not empty", "--overwrite")


def test_wrong_use_and_help() -> None:
    one_line(command("prepare"), 2, "Usage")
    one_line(command("prepair"), 2, "prepair")
    for name in ("prepare", "validate", "upload", "emulate", "demo", "mend"):
        shown = command(name, "--help")
        assert shown.returncode == 0
        assert "Example" in shown.stdout, name


def interrupted(tmp_path: Path, wait: float, *more: str) -> None:
    """Ctrl-C so many seconds after the first part was begun: answered, and nothing half done is left."""
    big, out = tmp_path / "big.csv", tmp_path / "o"
    if not big.exists():
        lines = SAMPLE.read_text(encoding="utf-8").splitlines(keepends=True)
        with big.open("w", encoding="utf-8") as file:
            file.write(lines[0])
            for _ in range(2000):
                file.writelines(lines[1:])
    line = [sys.executable, "-m", "xdmprep", "prepare", str(big), "-m", str(MAPPING), "-s", str(SCHEMA), "-o", str(out)]
    running = subprocess.Popen([*line, *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for _ in range(400):
        if list(out.glob(".part-*")):
            break
        time.sleep(0.02)
    time.sleep(wait)
    running.send_signal(signal.SIGINT)
    _, shown = running.communicate(timeout=30)
    assert running.returncode == 130, (wait, shown)
    assert "interrupted" in shown
    assert "Traceback" not in shown
    assert [path.name for path in out.iterdir()] == ["run.json"]


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_an_interrupt_is_answered_at_once_and_leaves_no_half_file(tmp_path: Path) -> None:
    interrupted(tmp_path, 0)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize("kind", ["json", "parquet"])
def test_no_interrupt_is_lost(tmp_path: Path, kind: str) -> None:
    """At many moments, since a signal must reach Python whatever a kernel is doing."""
    for number in range(40):
        interrupted(tmp_path, number / 100, "--format", kind)
