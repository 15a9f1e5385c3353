"""Blank values, as of a variable that is not set, are refused: by every option and argument, and by the API."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from xdmprep import cli
from xdmprep.cli.options import PathType
from xdmprep.client import Client
from xdmprep.emulator import Emulator
from xdmprep.errors import UsageError

#: Options of CSV files of which a blank is a value like others, and what is written before an id.
LITERAL = {"--delimiter", "--quote", "--null", "--replay-prefix"}


def commands(command: click.Command, *words: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    if not isinstance(command, click.Group):
        yield words, command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        inner = command.get_command(context, name)
        assert inner is not None
        yield from commands(inner, *words, name)


def said(parameter: click.Parameter, value: str) -> list[str]:
    return [*(parameter.opts[:1] if isinstance(parameter, click.Option) else ()), value]


def lines(blank: str) -> Iterator[list[str]]:
    """Command lines with one blank value and everything that is required."""
    for words, command in commands(cli.xdmprep):
        for one in command.params:
            texts = click.types.StringParamType if blank else (click.types.StringParamType, PathType)
            if isinstance(one.type, texts) and not LITERAL.intersection(one.opts):
                others = [other for other in command.params if other.required and other is not one]
                yield [*words, *said(one, blank), *(word for other in others for word in said(other, "x"))]


@pytest.mark.parametrize(("blank", "message"), [("", "is empty"), ("  ", "is blank")])
def test_every_option_and_argument_refuses_blanks(blank: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    every = list(lines(blank))
    assert len(every) > 60
    for line in every:
        assert cli.run(line) == 2, line
        assert message in capsys.readouterr().err, line


@pytest.mark.parametrize("blank", ["", "  "])
def test_blank_values_of_a_project_are_refused_where_they_are(
    blank: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    project = Path("xdmprep.toml")
    for key in ("sandbox", "config", "schema", "mapping", "encoding"):
        project.write_text(f'{key} = "{blank}"\n')
        assert (
            cli.run(["doctor" if key in ("sandbox", "config") else "prepare", "a.csv"][: 1 + (key != "sandbox")]) == 2
        )
        assert f"xdmprep.toml: {key} is blank." in capsys.readouterr().err
    project.write_text('[command.prepare]\nnull = ["", "-"]\ndelimiter = " "\n')
    assert cli.run(["prepare", "none.csv", "-m", "m.json", "-s", "s.json", "-o", "o"]) == 2
    assert "blank" not in capsys.readouterr().err


@pytest.mark.parametrize("blank", ["", "  "])
@pytest.mark.parametrize(
    "call",
    [
        lambda client, blank: client.create_dataset(blank, "https://ns.example.com/s"),
        lambda client, blank: client.create_dataset("name", blank),
        lambda client, blank: client.create_adhoc_schema(blank, {"a": {"type": "string"}}),
        lambda client, blank: client.dataset(blank),
        lambda client, blank: client.check_dataset(blank),
        lambda client, blank: client.status(blank),
        lambda client, blank: client.abort(blank),
        lambda client, blank: Emulator(host=blank),
        lambda client, blank: Emulator(token=blank),
    ],
)
def test_names_and_ids_of_the_api_are_not_blank(call: Callable[[Client, str], Any], blank: str) -> None:
    with Client(url="http://127.0.0.1:9") as client, pytest.raises(UsageError, match=r"blank|empty"):
        call(client, blank)
