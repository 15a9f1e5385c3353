"""A schema that is enabled for Profile and has no identity at all: every command says so, and what to do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import command_kit
import pytest

import xdmprep as xp
from xdmprep.emulator import Emulator

SCHEMA = {
    "$id": "https://ns.adobe.com/acme/schemas/lonely",
    "$schema": "http://json-schema.org/draft-06/schema#",
    "title": "Lonely",
    "version": "1.0",
    "type": "object",
    "meta:class": "https://ns.adobe.com/xdm/context/profile",
    "meta:resourceType": "schemas",
    "meta:immutableTags": ["union"],
    "properties": {"key": {"type": "string"}, "city": {"type": "string"}},
}
SAID = "neither a primary identity nor"
MAPPING = {"key": "key", "city": "city"}


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "lonely.schema.json").write_text(json.dumps(SCHEMA))
    (tmp_path / "rows.csv").write_text("key,city\n1,Oslo\n2,Bern\n")
    (tmp_path / "later.csv").write_text("key,city\n1,Rome\n2,Bern\n")
    (tmp_path / "m.json").write_text(json.dumps(MAPPING))
    (tmp_path / "records.json").write_text('{"key":"1"}\n')
    return tmp_path


@pytest.fixture
def url(files: Path) -> Iterator[str]:
    with Emulator(schemas=files / "schemas") as server:
        yield server.url


def command(*words: object) -> tuple[int, str]:
    made = command_kit.command(*words)
    return made.returncode, made.stdout + made.stderr


def test_the_commands_that_read_the_schema(files: Path) -> None:
    schema, mapping = files / "schemas" / "lonely.schema.json", files / "m.json"
    snapshots = files / "rows.csv", files / "later.csv"
    for code, words in (
        (0, ["prepare", files / "rows.csv", "-m", mapping, "-s", schema, "-o", files / "out"]),
        (0, ["prepare", files / "rows.csv", "-m", mapping, "-s", schema, "-o", files / "out2", "--json"]),
        (0, ["validate", files / "records.json", "-s", schema]),
        (0, ["diff", *snapshots, "-m", mapping, "-s", schema, "--on", "key", "-o", files / "p"]),
        (2, ["schema", "check", schema]),
        (0, ["schema", "show", schema]),
        (0, ["schema", "sample", schema, "--json"]),
        (0, ["schema", "diff", schema, schema]),
        (0, ["mapping", "check", mapping, "--schema", schema]),
        (0, ["mapping", "explain", mapping, "--schema", schema, "--source", files / "rows.csv"]),
        (0, ["mapping", "suggest", files / "rows.csv", "--schema", schema]),
    ):  # fmt: skip
        ended, said = command(*words)
        assert SAID in said, words
        assert ended == code, (words, said)


def test_the_commands_that_talk_to_the_platform(files: Path, url: str) -> None:
    schema = files / "schemas" / "lonely.schema.json"
    ended, said = command("dataset", "create", "lonely", "--schema", schema, "--profile", "--url", url)
    assert ended == 0 and SAID in said
    key = said.split()[-1] if "warning" not in said.splitlines()[-1] else said.split()[0]
    assert SAID in command("dataset", "check", key, "--url", url)[1]
    assert SAID in command("schema", "pull", SCHEMA["$id"], "--out", files / "pulled", "--url", url)[1]
    plain = command("dataset", "create", "plain", "--schema", schema, "--url", url)[1].strip()
    command("prepare", files / "rows.csv", "-m", files / "m.json", "-s", schema, "-o", files / "out")
    for dataset in (key, plain):
        assert SAID in command("upload", files / "out", "--dataset", dataset, "--url", url)[1]


def test_the_report_says_it_in_every_form(files: Path) -> None:
    schema = xp.Schema.load(files / "schemas" / "lonely.schema.json")
    report = xp.validate(files / "records.json", schema)
    forms: list[Any] = [
        str(report),
        report.to_html(),
        report.to_json(),
        str(xp.validate([files / "records.json"] * 2, schema)),
    ]
    assert all(SAID in form for form in forms)
    assert report.valid
    inner = {
        **SCHEMA,
        "properties": {"_acme": {"properties": {"identityMap": {"additionalProperties": {"type": "array"}}}}},
    }
    assert "'_acme.identityMap' does not count" in xp.Schema.from_dict(inner).profile_warning
    for more in ({"meta:immutableTags": []}, {"properties": {"identityMap": {"type": "object"}}}):
        assert not xp.Schema.from_dict({**SCHEMA, **more}).profile_warning
