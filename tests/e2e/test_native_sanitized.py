"""The C extension under the compiler's own checks: of addresses, and of what C leaves undefined."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import sanitize


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("more", [[], ["--portable"]], ids=["vectorised", "portable"])
def test_no_loop_leaves_its_buffers(more: list[str]) -> None:
    if shutil.which("gcc") is None:
        pytest.skip("needs gcc and its sanitizers")
    assert sanitize.main(more) == 0


@pytest.mark.slow
def test_a_read_beyond_a_buffer_is_found(tmp_path: Path) -> None:
    """The checks are on: a module that reads behind its buffer ends the process."""
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("needs gcc and its sanitizers")
    (tmp_path / "beyond.c").write_text(
        "#include <stdlib.h>\nint beyond(int at) { char *b = malloc(8); int c = b[at]; free(b); return c; }\n"
    )
    made = tmp_path / "beyond.so"
    options = ["-g", "-O1", "-shared", "-fPIC", *sanitize.CHECKS]
    subprocess.run([compiler, *options, str(tmp_path / "beyond.c"), "-o", str(made)], check=True)
    env = sanitize.environment(compiler, tmp_path)
    for at, sound in ((7, True), (8, False)):
        code = f"import ctypes; ctypes.CDLL({str(made)!r}).beyond({at})"
        done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
        assert (done.returncode == 0) == sound, done.stderr
        assert bool(re.search("heap-buffer-overflow|insufficient space", done.stderr)) != sound
