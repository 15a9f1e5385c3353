"""The README's commands are the ones that are run: the test command is CI's, the Python of the first screen works."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def commands() -> list[str]:
    return re.findall(r"^\$ (python3 -m venv .*)$", README, re.MULTILINE)


def test_two_commands_do_all_set_up_and_ci_runs_the_second() -> None:
    demo, test = commands()
    assert demo.endswith("xdmprep demo")
    assert test.endswith("python -m pytest")
    assert test in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()


def test_the_first_screens_python_prints_what_it_says(tmp_path: Path) -> None:
    code = re.findall(r"```python\n(.*?)```", README, re.DOTALL)[0]
    shutil.copytree(ROOT / "schemas", tmp_path / "schemas")
    shown = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
        timeout=60,
    )
    said = [line[2:] for line in code.splitlines() if line.startswith("# ")]
    assert shown.stdout.splitlines() == said


def test_every_command_of_the_table_exists() -> None:
    from xdmprep.cli import COMMANDS

    named = set(re.findall(r"`(?:xdmprep )?(\w+)`", README.split("## Commands")[1].split("Each has")[0]))
    assert set(COMMANDS) == named


def test_contributors_are_told_of_what_is_there(pytestconfig: pytest.Config) -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert commands()[1].split(" && ")[1] in text, "how the tests are installed"
    paths = set(re.findall(r"(?<![\w/])(?:tests|xdmprep|schemas|\.ci)/[\w./-]*\w", text))
    assert len(paths) > 8 and [path for path in paths if not (ROOT / path).exists()] == []
    modules = re.findall(r"-m (tests\.\w+)", text)
    assert modules and all(importlib.util.find_spec(name) for name in modules)
    (seconds,) = re.findall(r"time limit of a test is (\d+) seconds", text)
    assert f"--timeout={seconds}" in pytestconfig.getini("addopts")
    (share,) = re.findall(r"By default ([0-9.]+) of them are run", text)
    assert f"otherwise {share}, with --slow 1" in (ROOT / "tests" / "conftest.py").read_text(encoding="utf-8")
