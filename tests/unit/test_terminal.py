"""What is shown on a terminal: colours where they belong, lines of its width, annotations that GitHub reads."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from xdmprep import cli
from xdmprep.cli import findings, printer

STYLE = re.compile("\x1b\\[[0-9;]*m")


def in_terminal(arguments: list[str], columns: int, **env: str) -> str:
    """What a command prints on a terminal of so many columns."""
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    known = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "NO_COLOR", "FORCE_COLOR")}
    child = subprocess.Popen(
        [sys.executable, "-m", "xdmprep", *arguments], stdin=theirs, stdout=theirs, stderr=theirs,
        env={**known, "TERM": "xterm", **env},
    )  # fmt: skip
    os.close(theirs)
    got = b""
    while True:
        try:
            more = os.read(ours, 65536)
        except OSError:  # Linux says so when the other side is closed
            break
        if not more:
            break
        got += more
    os.close(ours)
    child.wait(60)
    return got.decode().replace("\r\n", "\n")


@pytest.mark.skipif(os.name == "nt", reason="POSIX terminals")
def test_a_terminal_gets_colours_and_lines_of_its_width(schemas: Path, tmp_path: Path) -> None:
    arguments = [
        "prepare", str(schemas / "examples" / "crm-profiles.csv"), "-m", str(schemas / "crm-profile.mapping.yaml"),
        "-s", str(schemas / "crm-profile.schema.json"), "-o", str(tmp_path / "out"), "--no-progress",
    ]  # fmt: skip
    shown = in_terminal(arguments, 60)
    assert STYLE.search(shown)
    plain = STYLE.sub("", shown)
    wrapped = plain[plain.index("pattern ") : plain.index("next:")]
    assert all(len(line) <= 60 or str(tmp_path) in line for line in wrapped.splitlines())
    assert not STYLE.search(in_terminal([*arguments, "--overwrite"], 60, NO_COLOR="1"))
    kinds = re.findall(r"^ +[\d,]+ (error|warning)", plain, re.MULTILINE)
    assert kinds == sorted(kinds) and set(kinds) == {"error", "warning"}
    assert plain.strip().splitlines()[-1].startswith(f"next: xdmprep mend {tmp_path}")


@pytest.mark.parametrize(
    ("env", "wanted"),
    [({}, False), ({"FORCE_COLOR": "1"}, True), ({"FORCE_COLOR": "0"}, False),
     ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False)],
)  # fmt: skip
def test_a_pipe_gets_colours_only_by_force(
    env: dict[str, str], wanted: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("FORCE_COLOR", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    printer.show_lines([[("error", "error"), " with \x1b[31mred "]])
    shown = capsys.readouterr().out
    assert bool(STYLE.search(shown)) is wanted
    assert "\\x1b[31mred" in shown  # what the text holds is never obeyed


def test_wrapping_loses_no_word() -> None:
    text = "one twotwo 漢字漢字 " + "x" * 50 + " e\u0301nd"
    rows = printer._wrapped([(text, "strong"), (" and more words", "")], 20, 4)
    joined = " ".join("".join(part for part, _ in row).strip() for row in rows)
    assert joined == f"{text} and more words"
    assert all(printer._cells("".join(part for part, _ in row)) <= 20 or "x" * 50 in row[-1][0] for row in rows)


def test_annotations_escape_what_github_would_read_as_its_own() -> None:
    one = findings.FindingLine("error", "50 % of\nlines: a,b", "pattern", "a.b", "Mend it.", 3, "'x'", 7, "d/a,b:c.csv")
    assert one.annotation() == (
        "::error file=d/a%2Cb%3Ac.csv,line=8,title=pattern::a.b: 50 %25 of%0Alines: a,b, such as 'x'; "
        "3 findings, the first in row 7. Mend it."
    )
    assert findings.FindingLine("warning", "odd").annotation() == "::warning::odd."


def test_the_next_command_shows_no_secret_of_a_url() -> None:
    line = findings.next_command(
        "xdmprep", "validate", "https://user:secret@host/a b.json?token=secret", None, Path("x y")
    )
    assert "secret" not in line and line.endswith("'x y'")


@pytest.mark.parametrize(("status", "hint"), [(404, "Check the name"), (503, "again later"), (None, "again later")])
def test_only_what_may_pass_is_tried_again(status: int | None, hint: str, capsys: pytest.CaptureFixture[str]) -> None:
    printer.begin(as_json=True)
    printer.refuse("platform", "the registry has no schema 'x'.", "", status=status)
    printer.begin()
    assert hint in json.loads(capsys.readouterr().out)["error"]["hint"]


def test_with_several_files_each_finding_names_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, read in (("one", "frist"), ("two", "lsat")):
        Path(f"{name}.json").write_text('{"type": "object", "properties": {"a": {"type": "string"}}}')
        Path(f"{name}.yaml").write_text(f"a: {read}\n")
    Path("source.csv").write_text("first,last\nAna,Silva\n")
    for arguments in (["schema", "check"], ["mapping", "check", "--schema", "one.json", "--source", "source.csv"]):
        files = ["one.json", "two.json"] if arguments[0] == "schema" else ["one.yaml", "two.yaml"]
        for given in (files, files[:1]):
            cli.run([*arguments, *given])
            captured = capsys.readouterr()
            lines = (captured.out + captured.err).splitlines()
            found = [line for line in lines if line.startswith(("  warning", "  error"))]
            assert len(found) >= len(given)
            named = [file for file in files if any(line.endswith(f" of {file}") for line in found)]
            assert named == (given if len(given) > 1 else []), "one file needs no name in each line"


def test_where_the_shell_leaves_them_home_and_globs_are_expanded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.json").write_text('{"type": "object", "properties": {"a": {"type": "string"}}}')
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["xdmprep", "schema", "check", "~/*.json"])
    assert cli.run() == 2
    monkeypatch.setattr(sys, "platform", "win32")
    assert cli.run() == 0
    said = capsys.readouterr().err
    assert "one.json" in said and "two.json" in said
    assert cli.run(["schema", "check", "~/*.json"]) == 2, "arguments of a program are taken as they are"


@pytest.mark.parametrize("group", [[], *([name] for name in ("batch", "dataset", "schema", "mapping"))])
def test_a_group_without_a_command_shows_its_help(group: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run([*group, "--help"]) == 0
    overview = capsys.readouterr().out
    assert cli.run(group) == 2
    assert capsys.readouterr().err == overview
    if group:
        assert cli.run([*group, "--json"]) == 2
        assert "\n" not in json.loads(capsys.readouterr().out)["error"]["message"]
