"""The compiled loops under the compiler's own checks: of addresses, and of what C leaves undefined."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import zlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TESTS = ["property/test_native.py", "property/test_automata.py", "property/test_encode.py", "property/test_csv_cut.py",
         "unit/test_read_csv.py", "unit/test_write.py", "unit/test_prepare.py", "property/test_json_lines.py",
         "unit/test_read_sources.py", "property/test_csv_rows.py"]  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("more", [(), ("-DPORTABLE",)], ids=["this processor's", "portable"])
def test_no_loop_leaves_its_buffers(tmp_path: Path, more: tuple[str, ...]) -> None:
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("needs gcc and its sanitizers")
    for name in ("xdmprep", "tests", "schemas", ".ci", "notebooks"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, tmp_path / name)
    sources = sorted((tmp_path / "xdmprep").glob("_*.c"))
    made = tmp_path / "xdmprep" / "_native.abi3.so"
    include, check = sysconfig.get_paths()["include"], 0
    for source in sources:
        check = zlib.crc32(source.read_bytes(), check)
    checks = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-fno-omit-frame-pointer"]
    build = ["-g", "-O1", "-shared", "-fPIC", f"-DSOURCE_CHECK={check}u", f"-I{include}", *checks, *more]
    subprocess.run([compiler, *build, *map(str, sources), "-o", str(made)], check=True)

    def library(name: str) -> str:
        found = subprocess.run([compiler, f"-print-file-name={name}"], capture_output=True, text=True, check=True)
        return found.stdout.strip()

    environment = {
        **os.environ, "LD_PRELOAD": f"{library('libasan.so')} {library('libubsan.so')}",
        "ASAN_OPTIONS": "detect_leaks=0", "PYTHONMALLOC": "malloc", "PYTHONPATH": str(tmp_path), "XDMPREP_NATIVE": "1",
    }  # fmt: skip
    ask = [sys.executable, "-c", "from xdmprep import native; print(native.compiled.__file__)"]
    used = subprocess.run(ask, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert used.stdout.strip() == str(made)
    tests = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-k", "not plain"]
    run = subprocess.run(
        [*tests, *(f"tests/{name}" for name in TESTS)], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-4000:]
    assert " passed" in run.stdout
