"""The compiled inner loops, where they were built.

`compiled` is the module `_native` (``_native.c``, ``_json.c``), or None where no C compiler was at hand when the
package was installed, where the sources in a checkout are others than were compiled, or where ``XDMPREP_NATIVE=0`` asks
for the other way.  Everything works without it, to the same bytes, with numpy and Arrow kernels in several passes.
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

        check = 0
        sources = sorted(Path(__file__).parent.glob("_*.c"))  # not in wheels
        for source in sources:
            check = zlib.crc32(source.read_bytes(), check)
        if not sources or check == _native.SOURCE_CHECK:
            return _native
    return None


compiled = _built()


def texts(array: Any) -> tuple[Any, int, Any, Any, int]:
    """A plain string array as the loops take it: offsets, length, data, bitmap of what is there, its first bit."""
    valid, offsets, data = array.buffers()
    if offsets is None:
        return bytes(4), 0, data, None, 0
    return memoryview(offsets)[4 * array.offset :], len(array), data, valid if array.null_count else None, array.offset
