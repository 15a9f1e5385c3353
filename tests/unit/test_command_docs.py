"""What xdmprep/docs/command.md shows is true."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import xdmprep
from xdmprep.cli import run
from xdmprep.cli.contracts import contract

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
