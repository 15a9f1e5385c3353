"""``python -m tests.sanitize [--portable] [--examples SHARE] [TEST FILES]``: the compiler's checks of the C extension.

Builds a copy of the package with AddressSanitizer and UndefinedBehaviorSanitizer and runs the tests of what calls it,
each property with few examples.  Needs gcc and its libasan and libubsan; takes a few minutes.  Ends with the exit code
of the tests, or 2 where there is no compiler.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zlib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TESTS = ["property/test_native.py", "property/test_kernels.py", "property/test_automata.py", "property/test_encode.py",
         "property/test_csv_cut.py", "property/test_json_lines.py", "property/test_csv_rows.py",
         "property/test_parquet_sizes.py", "unit/test_read_csv.py", "unit/test_write.py", "unit/test_prepare.py",
         "unit/test_read_sources.py", "unit/test_input_limits.py"]  # fmt: skip
CHECKS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-fno-omit-frame-pointer"]


def build(compiler: str, folder: Path, more: list[str]) -> Path:
    """Copy what the tests need to `folder` and compile the extension there."""
    for name in ("xdmprep", "tests", "schemas", ".ci", "notebooks"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, folder / name)
    return compiled(compiler, folder / "xdmprep", [*CHECKS, *more])


def compiled(compiler: str, package: Path, more: list[str]) -> Path:
    """Compile the extension of a copy of the package."""
    sources, made = sorted(package.glob("_*.c")), package / "_native.abi3.so"
    check = 0
    for source in sources:
        check = zlib.crc32(source.read_bytes(), check)
    options = ["-g", "-O1", "-shared", "-fPIC", f"-DSOURCE_CHECK={check}u", f"-I{sysconfig.get_paths()['include']}"]
    subprocess.run([compiler, *options, *more, *map(str, sources), "-o", str(made)], check=True)
    return made


def environment(compiler: str, folder: Path) -> dict[str, str]:
    """In which Python runs with the sanitizers loaded before all else."""

    def library(name: str) -> str:
        found = subprocess.run([compiler, f"-print-file-name={name}"], capture_output=True, text=True, check=True)
        return found.stdout.strip()

    return {
        **os.environ, "LD_PRELOAD": f"{library('libasan.so')} {library('libubsan.so')}",
        "ASAN_OPTIONS": "detect_leaks=0", "PYTHONMALLOC": "malloc", "PYTHONPATH": str(folder), "XDMPREP_NATIVE": "1",
    }  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    """Build, make sure that the build is what is used, and run the tests."""
    parser = argparse.ArgumentParser(prog="python -m tests.sanitize", description=__doc__)
    parser.add_argument("--portable", action="store_true", help="compile without the vector instructions of x86")
    parser.add_argument("--examples", default="0.1", help="share of the examples that the property tests state")
    parser.add_argument("tests", nargs="*", default=TESTS, help="test files below tests/")
    given = parser.parse_args(arguments)
    compiler = shutil.which("gcc")
    if compiler is None:
        print("needs gcc and its sanitizers", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = build(compiler, folder, ["-DPORTABLE"] if given.portable else [])
        env = environment(compiler, folder)
        ask = [sys.executable, "-c", "from xdmprep.kernels import native; print(native.compiled.__file__)"]
        used = subprocess.run(ask, cwd=folder, env=env, capture_output=True, text=True, check=True).stdout.strip()
        if used != str(made):
            print(f"the tests would use {used}, not {made}", file=sys.stderr)
            return 1
        tests = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-n", "0", "-k", "not plain",
                 "--examples", given.examples, *(f"tests/{test}" for test in given.tests)]  # fmt: skip
        return subprocess.run(tests, cwd=folder, env=env, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
