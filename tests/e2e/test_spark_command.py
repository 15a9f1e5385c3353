"""`xdmprep prepare --engine spark` as a new user gets it wrong: one message each, before Spark starts."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from xdmprep.errors import UsageError

RUN = "import sys; {before}; from xdmprep.__main__ import main; sys.exit(main())"


@pytest.fixture
def options(schemas: Path, tmp_path: Path) -> list[str]:
    mapping, schema = schemas / "crm-profile.mapping.yaml", schemas / "crm-profile.schema.json"
    source = schemas / "examples" / "crm-profiles.csv"
    return [str(source), "-m", str(mapping), "-s", str(schema), "-o", str(tmp_path / "out"), "--json"]


def refused(options: list[str], *more: str, before: str = "pass", env: dict[str, str] | None = None) -> str:
    """The one message of a run that is refused with 2."""
    command = [sys.executable, "-c", RUN.format(before=before), "prepare", *options, *more]
    done = subprocess.run(command, capture_output=True, text=True, env=env)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr
    error = json.loads(done.stdout)["error"]
    return f"{error['message']} {error.get('hint') or ''}"


def test_without_pyspark(options: list[str]) -> None:
    said = refused(options, "--engine", "spark", before="sys.modules['pyspark'] = None")
    assert "--engine spark needs the package pyspark" in said
    assert 'pip install "xdmprep[spark]"' in said


def test_a_source_that_is_missing(options: list[str], tmp_path: Path) -> None:
    said = refused([str(tmp_path / "none.csv"), *options[1:]], "--engine", "spark")
    assert "none.csv: does not exist" in said


def test_a_schema_that_is_none(options: list[str]) -> None:
    options[4] = options[2]
    assert "crm-profile.mapping.yaml" in refused(options, "--engine", "spark")


@pytest.mark.parametrize(
    "master", ["bogus", "local[x]", "local[]", "localhost", "yarn-client", "http://h:1", "local[2"]
)
def test_a_master_that_is_none(master: str) -> None:
    pytest.importorskip("pyspark", reason="PySpark is not installed")
    from xdmprep.spark.session import session

    with pytest.raises(UsageError, match=r"no address of Spark. Give local\[2\]") as caught, session(master):
        pass
    assert f"'{master}'" in str(caught.value)


@pytest.mark.skipif(sys.platform == "win32", reason="looks programs up on the path")
def test_without_java(options: list[str], tmp_path: Path) -> None:
    pytest.importorskip("pyspark", reason="PySpark is not installed")
    env = {name: value for name, value in os.environ.items() if name not in ("JAVA_HOME", "PATH")}
    said = refused(options, "--engine", "spark", "--master", "local[1]", env=env | {"PATH": str(tmp_path)})
    assert "needs Java 17" in said
    java = shutil.which("java")
    if java is not None:  # JAVA_HOME wins over the path, for Spark too
        env["PATH"] = os.environ["PATH"]
        assert "needs Java 17" in refused(options, "--engine", "spark", env=env | {"JAVA_HOME": str(tmp_path)})


@pytest.mark.parametrize(
    "more",
    [
        ["--multiline"], ["--jobs", "3"], ["--null", "-"],
    ],
)  # fmt: skip
def test_options_that_do_not_go_together(options: list[str], more: list[str]) -> None:
    said = refused(options, "--engine", "spark", *more)
    assert more[0] in said


def test_a_master_without_spark(options: list[str]) -> None:
    assert "--engine spark" in refused(options, "--master", "local[2]")
