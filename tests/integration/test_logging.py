"""The library logs with one logger a package, says nothing unasked, and never logs a secret."""

from __future__ import annotations

import ast
import csv
import logging
import os
from pathlib import Path

import house_figures
import pytest
from command_kit import command

import xdmprep
from xdmprep.cli import run
from xdmprep.client import Client
from xdmprep.emulator import Emulator

PACKAGE = Path(xdmprep.__file__).parent


def test_each_package_has_one_logger() -> None:
    found = set()
    for path, tree in house_figures.modules(PACKAGE).items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "getLogger":
                package = ".".join(("xdmprep", *path.split("/")[:-1]))
                (name,) = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
                assert name == package or (package == "xdmprep.cli" and name == "xdmprep"), path
                found.add(name)
    packages = "client emulator language mapping pipeline read validate write".split()
    assert found >= {"xdmprep", *(f"xdmprep.{name}" for name in packages)}


def test_a_run_and_an_upload_are_logged_without_secrets(
    schemas: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="xdmprep")
    mapping, schema = schemas / "crm-profile.mapping.yaml", schemas / "crm-profile.schema.json"
    result = xdmprep.prepare(schemas / "examples" / "crm-profiles.csv", mapping, schema, tmp_path / "out")
    secret = "a-token-that-nobody-may-see"
    with Emulator(schemas=schemas) as server, Client(url=server.url, token=secret) as client:
        dataset = client.create_dataset("x", "https://ns.adobe.com/acme/schemas/crm-profile")
        batch = client.upload(tmp_path / "out", dataset)
    records = [(one.name, one.levelname, one.getMessage()) for one in caplog.records if one.name.startswith("xdmprep")]
    text = "\n".join(message for *_, message in records)
    assert "crm-profiles.csv: opened as CSV" in text and "utf-8" in text
    assert "crm-profile.mapping.yaml: 26 mappings" in text and "fields checked by the rule set strict" in text
    assert f"{result.written} written" in text and "part-00000.json" in text
    assert f"batch {batch.id} created" in text
    assert any(name == "xdmprep.client" and level == "DEBUG" and "POST" in said for name, level, said in records)
    assert secret not in text
    with (schemas / "examples" / "crm-profiles.csv").open(encoding="utf-8", newline="") as file:
        values = {value for row in csv.reader(file) for value in row if len(value) > 6 and not value.isupper()}
    assert len(values) > 300 and not [value for value in values if value in text]  # nothing of the data
    assert {level for _, level, _ in records} <= {"DEBUG", "INFO"}


def test_the_command_logs_when_asked(schemas: Path, tmp_path: Path) -> None:
    schema = schemas / "crm-profile.schema.json"
    words = "validate", schemas / "examples" / "crm-profile.valid.jsonl", "-s", schema
    quiet = command(*words)
    loud = command(*words, env={**os.environ, "XDMPREP_LOG": "info"})
    assert quiet.returncode == loud.returncode == 0
    assert quiet.stderr == "" and " INFO xdmprep.pipeline: " in loud.stderr and quiet.stdout == loud.stdout
    wrong = command(*words, env={**os.environ, "XDMPREP_LOG": "loud"})
    assert wrong.returncode == 2 and "debug, info" in wrong.stderr


def test_what_a_command_logs_ends_with_it(
    schemas: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["validate", str(schemas / "examples" / "crm-profile.valid.jsonl"), "-s",
             str(schemas / "crm-profile.schema.json")]  # fmt: skip
    log = logging.getLogger("xdmprep")
    before = log.handlers[:], log.level
    monkeypatch.setenv("XDMPREP_LOG", "info")
    assert run(words) == 0
    assert " INFO xdmprep.pipeline: " in capsys.readouterr().err
    monkeypatch.delenv("XDMPREP_LOG")
    assert run(words) == 0
    assert "INFO" not in capsys.readouterr().err and (log.handlers, log.level) == before
