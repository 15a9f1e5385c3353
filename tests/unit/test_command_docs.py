"""What xdmprep/docs/command.md shows is true."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import click
import pytest

import xdmprep
from xdmprep.cli import run
from xdmprep.cli import xdmprep as command_line
from xdmprep.cli.explain import contract

PAGE = (Path(xdmprep.__file__).parent / "docs" / "command.md").read_text(encoding="utf-8")


def test_the_findings_are_those_of_the_sample(
    schemas: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = [schemas / "examples" / "crm-profiles.csv", "-m", schemas / "crm-profile.mapping.yaml",
                 "-s", schemas / "crm-profile.schema.json", "-o", "out"]  # fmt: skip
    assert run(["prepare", *map(str, arguments)]) == 1
    shown = capsys.readouterr().out.splitlines()
    block = re.findall(r"```\n(.*?)\n```", PAGE, re.DOTALL)[0]
    assert set(block.splitlines()) <= set(shown)
    assert shown[-1] == block.splitlines()[-1]


def test_the_refusal_is_what_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    schema = Path(__file__).parents[2] / "schemas" / "crm-profile.schema.json"
    assert run(["mapping", "suggest", "none.csv", "--schema", str(schema), "--json"]) == 2
    said = json.loads(re.findall(r"```json\n(.*?)\n```", PAGE, re.DOTALL)[0])
    assert json.loads(capsys.readouterr().out) == said


def test_the_events_are_those_of_the_contract() -> None:
    kinds = {one["properties"]["event"]["const"]: set(one["properties"]) for one in contract("events")["anyOf"]}
    rows = dict(re.findall(r"^\| `(\w+)` \|[^|]*\|([^|]*)\|$", PAGE, re.MULTILINE))
    assert set(rows) == set(kinds)
    for kind, cell in rows.items():
        assert set(re.findall(r"`(\w+)`", cell)) == kinds[kind] - {"event", "time"}, kind


PAGES = [*sorted((Path(xdmprep.__file__).parent / "docs").rglob("*.md")), Path(__file__).parents[2] / "README.md"]


def commands_of(page: Path) -> list[str]:
    """What a page writes as a command, in its text or in a block: from ``xdmprep`` to the end of the code or line."""
    text = page.read_text(encoding="utf-8")
    lines = [line.removeprefix("$ ") for block in re.findall(r"^```.*?^```", text, re.DOTALL | re.MULTILINE)
             for line in block.replace("\\\n", " ").splitlines()]  # fmt: skip
    inline = re.findall(r"`(xdmprep [^`]+)`", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE))
    found = [line for line in lines if re.match(r"(?:[A-Z_]+=\S+ )?xdmprep ", line)] + inline
    return [" ".join(one.split()) for one in found]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_of_a_page_exists_with_its_options(page: Path) -> None:
    for text in commands_of(page):
        words = shlex.split(re.sub(r"[|&;<>#…].*", "", text), posix=True)
        words = words[words.index("xdmprep") + 1 :]
        command: click.Command = command_line
        while isinstance(command, click.Group) and words and not words[0].startswith("-"):
            name = words.pop(0)
            if name == name.upper() or "|" in text.split(name)[-1][:1]:  # COMMAND, or `pull|push`
                break
            below = command.get_command(click.Context(command), name.rstrip(",.:"))
            assert below is not None, f"{page.name}: {text}: there is no command {name}"
            command = below
        known = {opt for option in command.params for opt in (*option.opts, *option.secondary_opts)} | {"--help", "-h"}
        for word in words:
            option = re.match(r"--[a-z][a-z-]*|-[a-zA-Z]$", word)
            if option and not isinstance(command, click.Group):
                assert option[0] in known, f"{page.name}: {text}: {command.name} has no option {option[0]}"


def test_short_options_mean_the_same_in_all_commands() -> None:
    def leaves(command: click.Command) -> list[click.Command]:
        if not isinstance(command, click.Group):
            return [command]
        context = click.Context(command)
        found = [command.get_command(context, name) for name in command.list_commands(context)]
        return [leaf for below in found if below is not None for leaf in leaves(below)]

    options = [option for leaf in leaves(command_line) for option in leaf.params if isinstance(option, click.Option)]
    short = {long: name for option in options for long in option.opts for name in option.opts if name[1] != "-"}
    assert {"--schema": "-s", "--mapping": "-m", "--out": "-o"}.items() <= short.items()
    for option in options:
        assert {short[long] for long in option.opts if long in short} <= set(option.opts), option.opts
