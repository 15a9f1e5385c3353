"""The source distribution and the wheel: installed in fresh environments, with and without the compiled loops."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(*command: str | Path, **environment: str) -> str:
    done = subprocess.run(
        [str(part) for part in command], cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True,
        timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    builder = folder / "builder"
    run(sys.executable, "-m", "venv", builder)
    run(builder / "bin" / "pip", "install", "-q", "hatchling>=1.25", "setuptools>=75", "packaging")
    run(builder / "bin" / "python", "-m", "hatchling", "build", "-d", folder)
    return folder


@pytest.mark.slow
@pytest.mark.timeout(1500)
@pytest.mark.parametrize(("kind", "native"), [("*.whl", "1"), ("*.tar.gz", "0")], ids=["wheel", "sdist"])
def test_a_package_installs_and_does_the_main_job(kind: str, native: str, built: Path, tmp_path: Path) -> None:
    (package,) = built.glob(kind)
    run(sys.executable, "-m", "venv", tmp_path / "env")
    binaries = tmp_path / "env" / "bin"
    run(binaries / "pip", "install", "-q", "-c", ROOT / ".ci" / "constraints.txt", package, XDMPREP_NATIVE=native)
    ask = "import xdmprep.kernels.native as n; print(n.compiled is not None)"
    compiled = run(binaries / "python", "-P", "-c", ask).strip()
    assert compiled == str(native == "1")
    if native == "1":  # what cibuildwheel asks of each wheel that it builds
        asked = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["cibuildwheel"]["test-command"]
        done = subprocess.run(
            asked, shell=True, cwd=tmp_path, env={"PATH": str(binaries)}, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
    sample = ROOT / "schemas" / "examples" / "crm-profiles.csv"
    mapping, schema = ROOT / "schemas" / "crm-profile.mapping.yaml", ROOT / "schemas" / "crm-profile.schema.json"
    said = run(binaries / "xdmprep", "prepare", sample, "-m", mapping, "-s", schema, "-o", tmp_path / "out")
    assert "300 rows read, 241 written" in said
