"""The optional C extension.

`compiled` is the module `_native` (``_native.c``, ``_json.c``), or None: where no C compiler was at hand when the
package was installed, where the sources in a checkout differ from those that were compiled, or where
``XDMPREP_NATIVE=0`` switches it off.  Only this package uses it; everything gives the same bytes without it.
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
        from .. import _native

        check = 0
        sources = sorted(Path(__file__).parent.parent.glob("_*.c"))  # not in wheels
        for source in sources:
            check = zlib.crc32(source.read_bytes(), check)
        if not sources or check == _native.SOURCE_CHECK:
            return _native
    return None


compiled = _built()

#: Whether the loops in C are in use.
IN_USE = compiled is not None
