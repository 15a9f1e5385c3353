"""A project folder made by `init`, and the project file that every command finds."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest
from command_kit import command

from xdmprep.cli import COMMANDS
from xdmprep.cli.project import SHARED
from xdmprep.mapping import MappingSet


def run(folder: Path, *arguments: Any) -> subprocess.CompletedProcess[str]:
    return command(*arguments, cwd=folder)


@pytest.fixture
def folder(tmp_path: Path, schemas: Path) -> Path:
    shutil.copy(schemas / "examples" / "crm-profiles.csv", tmp_path / "crm.csv")
    shutil.copy(schemas / "crm-profile.schema.json", tmp_path)
    shutil.copy(schemas / "crm-profile.mapping.yaml", tmp_path)
    return tmp_path


def test_init_drafts_a_mapping_that_compiles_and_keeps_secrets_out(folder: Path) -> None:
    done = run(folder, "init", "crm.csv", "--schema", "crm-profile.schema.json", "--json")
    facts = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert sorted(facts["made"]) == [".gitignore", "config.json", "crm.mapping.yaml", "xdmprep.toml"]
    assert MappingSet.load(folder / "crm.mapping.yaml").mappings
    assert "config.json" in (folder / ".gitignore").read_text().splitlines()
    assert stat.S_IMODE((folder / "config.json").stat().st_mode) == 0o600
    check = run(folder, *facts["next"].split()[1:])
    assert check.returncode == 0, check.stderr


def test_init_never_changes_what_is_there(folder: Path) -> None:
    (folder / "xdmprep.toml").write_text("jobs = 1\n")
    (folder / ".gitignore").write_text("*.pyc")
    done = run(folder, "init", "--dir", folder)
    assert "kept  " in done.stdout
    assert (folder / "xdmprep.toml").read_text() == "jobs = 1\n"
    assert (folder / ".gitignore").read_text().splitlines()[0] == "*.pyc"
    again = (folder / ".gitignore").read_text()
    run(folder, "init", "--dir", folder)
    assert (folder / ".gitignore").read_text() == again


def test_a_command_finds_the_project_file_above_it(folder: Path) -> None:
    (folder / "xdmprep.toml").write_text(
        'schema = "crm-profile.schema.json"\nmapping = "crm-profile.mapping.yaml"\n'
        '[command.prepare]\nformat = "parquet"\nmax-rows = 100\n'
    )
    below = folder / "a" / "b"
    below.mkdir(parents=True)
    done = run(below, "prepare", folder / "crm.csv", "-o", "out", "--json")
    assert done.returncode == 1, done.stderr
    assert [file["name"] for file in json.loads(done.stdout)["files"]] == [f"part-0000{n}.parquet" for n in range(3)]
    done = run(below, "prepare", folder / "crm.csv", "-o", "out2", "--format", "json", "--json")
    assert json.loads(done.stdout)["files"][0]["name"] == "part-00000.json"
    assert run(below, "validate", "out2/part-00000.json", "--json").returncode == 0


@pytest.mark.parametrize(
    ("text", "say"),
    [
        ("[command.prepare]\nformt = 'json'\n", "[command.prepare] has no option 'formt'. Did you mean 'format'"),
        ("[command.prepair]\nformat = 'json'\n", "there is no command 'prepair'. Did you mean 'prepare'"),
        ("shcema = 'a'\n", "the key 'shcema' is not known. Did you mean 'schema'"),
        ("color = 'a'\n", "Keys at the top are schema"),
        ("schema = [1]\n", "schema takes one value"),
        ("[command.prepare]\nstrict = 'yes'\n", "strict takes true or false"),
        ("[command.prepare]\nformat = true\n", "format takes a value, not true or false"),
        ("[command]\nprepare = 3\n", "command.prepare must be a table"),
        ("[prepare]\nformat = 'json'\n", "write [command.prepare]"),
        ("command = 3\n", "holds the tables of the commands"),
        ("schema = \n", "is not TOML"),
        ("[command.prepare]\nformat = 'xml'\n", "'xml' is not one of"),
    ],
)
def test_a_wrong_project_file_is_one_message(folder: Path, text: str, say: str) -> None:
    (folder / "xdmprep.toml").write_text(text)
    sources = ("crm.csv", "-m", "crm-profile.mapping.yaml", "-s", "crm-profile.schema.json")
    done = run(folder, "prepare", *(sources[:3] if text.startswith("schema") else sources), "-o", "out")
    assert done.returncode == 2
    assert say in done.stderr
    assert "Traceback" not in done.stderr
    assert not (folder / "out").exists()


def test_every_shared_key_is_an_option_of_a_command() -> None:
    from importlib import import_module

    def options(command: click.Command) -> set[str]:
        own = {text for parameter in command.params for text in parameter.opts}
        below = command.commands.values() if isinstance(command, click.Group) else ()
        return own.union(*map(options, below))

    modules = {name: import_module(f"xdmprep.cli.{module}") for name, (module, _) in COMMANDS.items()}
    found = set().union(*(options(getattr(module, name)) for name, module in modules.items()))
    assert {f"--{key}" for key in SHARED} <= found


def test_a_source_whose_name_is_not_utf_8(folder: Path) -> None:
    """The draft gets a name that can be written; a schema of such a name cannot be in the project file."""
    odd = os.fsencode(folder) + b"/\xff\xfe.csv"
    shutil.copy(folder / "crm.csv", odd)
    made = run(folder, "init", os.fsdecode(odd), "--schema", "crm-profile.schema.json")
    assert (made.returncode, made.stderr) == (0, "")
    assert sorted(file.name for file in folder.glob("*.mapping.yaml")) == [
        "crm-profile.mapping.yaml", "\N{REPLACEMENT CHARACTER}" * 2 + ".mapping.yaml",
    ]  # fmt: skip
    strange = os.fsencode(folder) + b"/\xff.schema.json"
    shutil.copy(folder / "crm-profile.schema.json", strange)
    refused = run(folder, "init", "--schema", os.fsdecode(strange), "--dir", "other")
    assert refused.returncode == 2 and "Rename it" in refused.stderr
