"""Arrow as commands need it that never make DataFrames: loaded quickly, and stopped by Ctrl-C at any moment."""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress
from typing import Any


class _PandasBlocked:
    """A finder of modules that makes ``import pandas`` fail as if it were not installed."""

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> None:
        if fullname == "pandas":
            raise ImportError(fullname)


def load_arrow() -> None:
    """Load pyarrow, without pandas, and leave Ctrl-C to Python alone.

    Arrow's CSV reader listens for Ctrl-C itself while it reads, and loses one that comes in its last milliseconds
    (pyarrow 26).  The blocks that are read here take less time than anybody notices.

    A run takes a quarter less memory with jemalloc than with Arrow's usual allocator, and the same time.
    """
    without_pandas()
    import pyarrow as pa

    pa.enable_signal_handlers(False)
    with suppress(NotImplementedError):  # not in every build of Arrow; it gives back sooner what is free
        pa.set_memory_pool(pa.jemalloc_memory_pool())
    if sys.platform == "linux":
        with suppress(AttributeError):  # glibc's M_MMAP_THRESHOLD, which grows by itself otherwise and leaves gaps
            ctypes.CDLL(None).mallopt(-3, 1 << 20)


def without_pandas() -> None:
    """Keep pyarrow from importing pandas, which it does at the first ``pa.array`` to see if it was given a Series.

    That import costs 0.2 s and 50 MB.  pyarrow asks once and remembers, so it is made to ask while the import fails.
    An explicit import of pandas, and Arrow's own ``to_pandas``, work afterwards as ever.
    """
    if "pandas" in sys.modules:
        return
    absent = _PandasBlocked()
    sys.meta_path.insert(0, absent)
    try:
        import pyarrow as pa

        pa.array([0])
    finally:
        sys.meta_path.remove(absent)
