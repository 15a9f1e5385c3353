"""The compiled inner loops, where they were built.

`compiled` is the module `_native` (``_native.c``), or None where no C compiler was at hand when the package was
installed, where the source in a checkout is another than was compiled, or where ``XDMPREP_NATIVE=0`` asks for the other
way.  Everything works without it, to the same bytes, with numpy and Arrow kernels in several passes instead of one.
"""

from __future__ import annotations

import os
import zlib
from contextlib import suppress
from pathlib import Path
from types import ModuleType


def _built() -> ModuleType | None:
    if os.environ.get("XDMPREP_NATIVE") == "0":
        return None
    with suppress(ImportError):
        from . import _native

        source = Path(__file__).with_name("_native.c")  # not in wheels
        if not source.exists() or zlib.crc32(source.read_bytes()) == _native.SOURCE_CHECK:
            return _native
    return None


compiled = _built()
