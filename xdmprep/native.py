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
from typing import Any


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


def texts(array: Any) -> tuple[Any, int, Any, Any, int]:
    """A plain string array as the loops take it: offsets, length, data, bitmap of what is there, its first bit."""
    valid, offsets, data = array.buffers()
    if offsets is None:
        return bytes(4), 0, data, None, 0
    return memoryview(offsets)[4 * array.offset :], len(array), data, valid if array.null_count else None, array.offset
