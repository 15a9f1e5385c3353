"""What the command prints: nothing a terminal would obey, nothing endless, one JSON object whatever the exit code."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from xdmprep import cli
from xdmprep.cli import run

CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
COMMAND = [sys.executable, "-m", "xdmprep"]
NOWHERE = ["--url", "http://127.0.0.1:9"]

#: every command with --json, called so that it is refused, and the error's code
REFUSED = [
    (["prepare", "none.csv", "-m", "none.yaml", "-s", "none.json", "-o", "out"], "schema", 2),
    (["prepare", "none.csv"], "usage", 2),
    (["validate", "none.json", "-s", "none.json"], "schema", 2),
    (["validate", "--no-such-option", "none.json"], "usage", 2),
    (["diff", "a.csv", "b.csv", "-s", "none.json", "-o", "out"], "schema", 2),
    (["mend", "none"], "output", 2),
    (["upload", "none", "--dataset", "x", *NOWHERE], "source", 2),
    (["upload", "none"], "usage", 2),
    (["batch", "status", "x", *NOWHERE], "platform", 3),
    (["batch", "errors", "x", *NOWHERE], "platform", 3),
    (["batch", "abort", "x", *NOWHERE], "platform", 3),
    (["batch", "revert", "x", *NOWHERE], "platform", 3),
    (["batch", "nonsense"], "usage", 2),
    (["dataset", "show", "x", *NOWHERE], "platform", 3),
    (["dataset", "create", "x", "--schema", "none.json", *NOWHERE], "usage", 2),
    (["dataset", "check", "x", *NOWHERE], "platform", 3),
    (["dataset", "enable-upsert", "x", *NOWHERE], "platform", 3),
    (["schema", "show", "none.json"], "schema", 2),
    (["schema", "check", "none.json"], "schema", 2),
    (["schema", "diff", "none.json", "none.json"], "schema", 2),
    (["schema", "pull", "x", *NOWHERE], "platform", 3),
    (["schema", "pull"], "usage", 2),
    (["mapping", "check", "none.yaml"], "mapping", 2),
    (["mapping", "suggest", "none.csv", "--schema", "none.json"], "schema", 2),
    (["mapping", "convert", "none.yaml", "out.json"], "mapping", 2),
    (["mapping", "functions", "none"], "usage", 2),
    (["mapping", "pull", "x", *NOWHERE], "platform", 3),
    (["mapping", "push", "none.yaml", *NOWHERE], "mapping", 2),
    (["schema", "sample", "none.json"], "schema", 2),
    (["emulate", "--schemas", "none"], "schema", 2),
    (["nonsense"], "usage", 2),
]


@pytest.mark.parametrize(("arguments", "code", "exit_code"), REFUSED)
def test_refused_with_json_prints_one_object(
    arguments: list[str], code: str, exit_code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDMPREP_RETRIES", "1")
    assert run([*arguments, "--json"]) == exit_code
    out, err = capsys.readouterr()
    shown = json.loads(out)
    assert shown["ok"] is False
    assert shown["error"]["code"] == code
    assert shown["error"]["message"]
    assert shown["error"]["hint"]
    assert err.strip()


@pytest.mark.parametrize(
    "name", ["new\nline", "\x1b[31mred", "left\u202eright", "\udcff\udcfe", "bell\x07", "\x9b31m", "x" * 200]
)
def test_names_of_files_are_shown_escaped(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (
        ["schema", "show", name], ["mapping", "check", name], ["validate", name, "-s", name], ["mend", name],
        ["prepare", name, "-m", name, "-s", name, "-o", name], ["upload", name, "--dataset", "x", *NOWHERE],
        ["mapping", "functions", name], [name], ["schema", "show", name, name],
    ):  # fmt: skip
        assert run(arguments) == 2
        out, err = capsys.readouterr()
        assert not CONTROL.search(out + err)
        assert not re.search("[\ud800-\udfff]", out + err)
        lines = err.strip().splitlines()
        said = [line for line in lines if not line.startswith("    hint: ")]
        assert len(said) == 1 or lines[0].startswith("Usage:"), lines


def test_headers_and_values_are_escaped(tmp_path: Path, schemas: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, mapping = tmp_path / "in.csv", tmp_path / "m.json"
    source.write_text("id,\x1b[2Jname,year\n1,a\x1b]0;title\x07b,\x1b[31mx\n2,c,\x9b1m\n", encoding="utf-8")
    mapping.write_text(json.dumps({"identityMap.LOYALTYID[0].id": "id", "person.birthYear": "year"}), encoding="utf-8")
    schema = str(schemas / "crm-profile.schema.json")
    for arguments in (
        ["prepare", str(source), "-m", str(mapping), "-s", schema, "-o", str(tmp_path / "out")],
        ["mapping", "check", str(mapping), "--schema", schema, "--source", str(source)],
        ["mapping", "suggest", str(source), "--schema", schema],
    ):
        assert run(arguments) in (0, 1, 2)
        out, err = capsys.readouterr()
        assert out + err
        assert not CONTROL.search(out + err), arguments


def test_many_long_faults_are_counted_and_cut(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mapping = tmp_path / "m.json"
    mapping.write_text(json.dumps({f"person.name{number}{'x' * 5000}": None for number in range(500)}))
    assert run(["mapping", "check", str(mapping), "--json"]) == 2
    out, err = capsys.readouterr()
    assert len(err) < 20_000
    assert max(map(len, err.splitlines())) <= 2_000
    assert "500 faults" in err
    assert re.search(r"and 49\d more", err)
    assert "500 faults" in json.loads(out)["error"]["message"]


def test_every_command_prints_through_the_printer() -> None:
    for file in Path(cli.__file__).parent.glob("*.py"):
        text = file.read_text(encoding="utf-8")
        assert file.name == "printer.py" or not re.search(r"click\.s?echo|\bprint\(|std(out|err)\.write", text), (
            file.name
        )


def test_a_reader_that_goes_ends_the_command_quietly(schemas: Path) -> None:
    schema = str(schemas / "crm-profile.schema.json")
    with subprocess.Popen(
        [*COMMAND, "schema", "sample", schema, "-n", "100000000"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_under_standard_output_is_said(schemas: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*COMMAND, "schema", "show", str(schemas / "crm-profile.schema.json")],
            stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == "xdmprep: standard output: cannot be written: No space left on device.\n"


def test_characters_that_the_terminal_does_not_have_are_escaped(schemas: Path) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    schema = str(schemas / "crm-profile.schema.json")
    for more in ([], ["--json"]):
        done = subprocess.run(
            [*COMMAND, "schema", "show", schema, *more], capture_output=True, timeout=60, check=False, env=environment
        )
        assert done.returncode == 0, done.stderr
        assert b"\\u" in done.stdout
        if more:
            json.loads(done.stdout)


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("delay", [0.1, 0.2, 0.35])
def test_ctrl_c_while_the_command_starts(delay: float, tmp_path: Path, schemas: Path) -> None:
    source = tmp_path / "in.csv"
    source.write_text("id\n" + "".join(f"{number}\n" for number in range(500_000)))
    mapping = tmp_path / "m.json"
    mapping.write_text(json.dumps({"identityMap.LOYALTYID[0].id": "id"}))
    with subprocess.Popen(
        [*COMMAND, "prepare", str(source), "-m", str(mapping), "-s", str(schemas / "crm-profile.schema.json"),
         "-o", str(tmp_path / "out")],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    if process.returncode == -signal.SIGINT:  # before Python itself was up: nothing of ours has run
        assert str(Path(cli.__file__).parent) not in err
    elif process.returncode == 130:
        assert err.strip() == "xdmprep: interrupted."
    else:  # it was done before
        assert process.returncode in (0, 1)
    for part in (tmp_path / "out").glob("part-*"):
        with part.open(encoding="utf-8") as lines:
            for line in lines:
                json.loads(line)
