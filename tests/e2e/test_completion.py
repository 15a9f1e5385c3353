"""What the shell offers as the next word, asked as the scripts for bash, zsh and fish ask."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from command_kit import command

from xdmprep.client import Client
from xdmprep.core.rules import RULES
from xdmprep.emulator import Emulator
from xdmprep.language import catalogue

ROOT = Path(__file__).parents[2]


def offered(words: list[str], start: str = "", shell: str = "bash", folder: Path | None = None) -> list[str]:
    """The words that are offered behind some others."""
    given = ["xdmprep", *words, *([start] if shell != "fish" and start else [])]
    env = {
        **os.environ, "_XDMPREP_COMPLETE": f"{shell}_complete", "COMP_WORDS": " ".join(given),
        "COMP_CWORD": start if shell == "fish" else str(len(words) + 1),
    }  # fmt: skip
    done = command(env=env, cwd=folder)
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    if shell == "zsh":
        return lines[1::3]
    return [line.partition(",")[2].partition("\t")[0] for line in lines if line]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_codes_functions_commands_and_options(shell: str) -> None:
    assert offered(["explain"], "identity-", shell) == [code for code in RULES if code.startswith("identity-")]
    names = [one.name for one in catalogue() if one.name.startswith("to_")]
    assert offered(["mapping", "functions"], "to_", shell) == names
    assert offered(["validate", "x", "--set"], "pattern=", shell) == [
        "pattern=error", "pattern=warning", "pattern=off"
    ]  # fmt: skip
    assert "mapping" in offered([], "map", shell)
    assert "--mapping" in offered(["prepare"], "--map", shell)
    assert offered(["explain", "--json-schema"], "mapping-c", shell) == ["mapping-check", "mapping-convert"]


@pytest.mark.parametrize(
    ("command", "what"),
    [(["dataset", "show"], "dataset"), (["upload", "out", "--dataset"], "dataset"), (["schema", "pull"], "schema")],
)
def test_what_the_platform_of_the_project_holds(command: list[str], what: str, schemas: Path, tmp_path: Path) -> None:
    with Emulator(schemas=schemas) as server, Client(url=server.url) as client:
        wanted = "https://ns.adobe.com/acme/schemas/crm-profile"
        dataset = client.create_dataset("people", wanted)
        (tmp_path / "xdmprep.toml").write_text(f'url = "{server.url}"\n', encoding="utf-8")
        found = offered(command, folder=tmp_path)
    assert (dataset if what == "dataset" else wanted) in found


def test_a_platform_that_does_not_answer_offers_nothing(tmp_path: Path) -> None:
    (tmp_path / "xdmprep.toml").write_text('url = "http://127.0.0.1:9"\n', encoding="utf-8")
    assert offered(["dataset", "show"], folder=tmp_path) == []
    (tmp_path / "xdmprep.toml").write_text("nonsense = [", encoding="utf-8")
    assert offered(["dataset", "show"], folder=tmp_path) == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shells_take_the_script(shell: str) -> None:
    env = {**os.environ, "_XDMPREP_COMPLETE": f"{shell}_source"}
    script = command(env=env).stdout
    assert "_XDMPREP_COMPLETE" in script
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here")
    check = [shell, "-n"] if shell != "fish" else [shell, "--no-execute"]
    assert subprocess.run(check, input=script, capture_output=True, text=True, check=False).stderr == ""


def test_the_hooks_of_pre_commit_run_as_they_are_written(schemas: Path, tmp_path: Path) -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    bad = tmp_path / "bad.mapping.yaml"
    bad.write_text("person.name.firstName: lowr(x)\n", encoding="utf-8")
    files = {
        "xdmprep-mapping-check": (sorted(schemas.glob("*.mapping.yaml")), bad, "lower"),
        "xdmprep-schema-check": (sorted(schemas.glob("*.schema.json")), schemas / "none.schema.json", "no such file"),
    }
    assert {hook["id"] for hook in hooks} == set(files)
    for hook in hooks:
        assert {"id", "name", "entry", "language", "files"} <= set(hook)
        good, wrong, words = files[hook["id"]]
        program, *arguments = hook["entry"].split()
        assert program == "xdmprep"
        done = command(*arguments, *good)
        assert done.returncode == 0, done.stderr
        done = command(*arguments, *good, wrong)
        assert done.returncode == 2 and words in done.stderr
