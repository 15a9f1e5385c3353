"""An option that has no effect beside the others is refused with what to give, in every command."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from xdmprep.cli import xdmprep as command_line
from xdmprep.cli.command import IDLE_WITH, NEEDS
from xdmprep.cli.options import OF_CSV

SCHEMA = '{"$id": "https://ns.example.com/o", "title": "O", "type": "object", "properties": {"a": {"type": "string"}}}'
#: Arguments with which a command can be called.
CALLS = {
    "prepare": "a.csv --mapping m.json --schema s.json --out o", "validate": "a.jsonl --schema s.json",
    "diff": "a.jsonl a.jsonl --schema s.json --out o", "upload": "o --dataset D --url http://127.0.0.1:9",
    "batch status": "B --url http://127.0.0.1:9", "schema diff": "s.json s.json",
    "mapping check": "m.json", "mapping convert": "m.json o", "mapping push": "m.json --url http://127.0.0.1:9",
    "schema pull": "--list --url http://127.0.0.1:9", "mapping pull": "--list --url http://127.0.0.1:9",
}  # fmt: skip
VALUES = {
    "max_loss": "5", "trial": "5", "wait_seconds": "5", "replay_prefix": "x", "rules": "batch", "master": "local",
    "out": "x", "form": "xed", "delimiter": ";", "quote": "'", "encoding": "latin-1", "nulls": "-", "names": "a,b",
    "sheet": "1", "header_row": "1",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.csv").write_text("a\nx\n")
    Path("a.jsonl").write_text('{"a": "x"}\n')
    Path("m.json").write_text('{"a": "a"}')
    Path("s.json").write_text(SCHEMA)
    pq.write_table(pa.table({"a": ["x"]}), "a.parquet")
    Path("a.xlsx").write_bytes(b"PK")


def commands(group: click.Group = command_line, path: str = "") -> Iterator[tuple[str, click.Command]]:
    for name in group.list_commands(click.Context(group)):
        found = group.get_command(click.Context(group), name)
        assert found is not None
        if isinstance(found, click.Group):
            yield from commands(found, f"{path}{name} ")
        else:
            yield path + name, found


def option(command: str, parameter: str) -> str:
    found = next(one for one in dict(commands())[command].params if one.name == parameter)
    return max(found.opts, key=len)


def refused(words: str) -> str:
    done = CliRunner().invoke(command_line, words.split())
    said = " ".join(done.output.split())
    assert done.exit_code != 0
    assert not Path("o").exists()
    return said if not done.exception or isinstance(done.exception, SystemExit) else str(done.exception)


def given(command: str, parameter: str) -> str:
    return f"{option(command, parameter)} {VALUES.get(parameter, '')}".strip()


@pytest.mark.parametrize(("command", "parameter"), NEEDS, ids=" ".join)
def test_an_option_that_needs_another_is_refused_without_it(command: str, parameter: str) -> None:
    other, values = NEEDS[command, parameter]
    unlike = f" {option(command, other)} parquet" if "json" in values else ""
    said = refused(f"{command} {CALLS[command]} {given(command, parameter)}{unlike}")
    name = option(command, parameter)
    assert f"{name} has no effect without {option(command, other)}" in said
    assert f"or leave {name} out" in said


@pytest.mark.parametrize(("command", "parameter"), IDLE_WITH, ids=" ".join)
def test_an_option_that_another_makes_idle_is_refused(command: str, parameter: str) -> None:
    said = refused(f"{command} {CALLS[command]} {given(command, parameter)}")
    assert f"{option(command, parameter)} has no effect with {option(command, IDLE_WITH[command, parameter])}." in said


@pytest.mark.parametrize("parameter", [*OF_CSV, "sheet", "header_row"])
@pytest.mark.parametrize("file", ["a.csv", "a.jsonl", "a.parquet", "a.xlsx"])
def test_an_option_for_other_files_is_refused(parameter: str, file: str) -> None:
    kind = {"a.csv": "CSV files", "a.xlsx": "Excel books"}.get(file)
    wanted = "CSV files" if parameter in OF_CSV else "Excel books"
    said = refused(f"prepare {file} -m none.json -s s.json -o o {given('prepare', parameter)}")
    refusal = f"is for {wanted}, and {file} is none. Leave {option('prepare', parameter)} out."
    assert (refusal in said) == (kind != wanted)
    if parameter in OF_CSV and parameter != "names":
        said = refused(f"diff {file} {file} -s none.json -o o {given('diff', parameter)}")
        assert (refusal in said) == (kind != wanted)


def test_what_the_help_says_is_needed_is_needed() -> None:
    told = {
        (path, one.name)
        for path, command in commands()
        for one in command.params
        if isinstance(one, click.Option) and re.match(r"(With|Of|For) --\w|Of Spark", one.help or "")
    }
    assert told <= NEEDS.keys()
    assert len(told) >= 4


@pytest.mark.parametrize(("words", "expected"), [
    ("schema show s.json --id x", "--id is for a folder, and s.json is none."),
    ("schema show . --id https://ns.example.com/o --components .", "--components is for a file, and . is a folder."),
])  # fmt: skip
def test_options_of_schemas_in_folders_and_files(words: str, expected: str) -> None:
    assert expected in refused(words)
