"""Arrow as the commands need it: loaded without pandas, in little memory, and stopped by Ctrl-C at any moment."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

#: What pyarrow and lark look for and no command needs; they ask once and remember.
_NOT_LOADED = {"pandas", "regex"}


class _Blocked:
    """A finder of modules that makes the import of some fail as if they were not installed."""

    @staticmethod
    def find_spec(fullname: str, path: Any = None, target: Any = None) -> None:
        """Nothing, so that the next finder looks; an error for a module that is not loaded."""
        if fullname in _NOT_LOADED:
            raise ModuleNotFoundError("this process does without it", name=fullname)


@contextmanager
def _lean() -> Iterator[None]:
    """Inside the block pyarrow loads without pandas, unless that was loaded before.

    pyarrow imports pandas at the first ``pa.array``, to see if it was given a Series, which costs 0.2 s and 50 MB.
    """
    if "pandas" in sys.modules:
        yield
        return
    sys.meta_path.insert(0, _Blocked)
    try:
        yield
    finally:
        sys.meta_path.remove(_Blocked)


@contextmanager
def little_memory() -> Iterator[None]:
    """For a process that runs long: inside the block pyarrow, if it is not loaded yet, loads without pandas.

    Arrow's own allocator keeps what it once had; the system's gives it back.
    """
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    with _lean():
        yield


def load_arrow() -> None:
    """Load pyarrow, without pandas, and leave Ctrl-C to Python alone.

    Arrow's CSV reader listens for Ctrl-C itself while it reads, and loses one that comes in its last milliseconds
    (pyarrow 26).  The blocks that are read here take less time than a user notices.

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
    """Load pyarrow without pandas and what else no command needs.

    An explicit import of any of it, and Arrow's own ``to_pandas``, work afterwards as ever.
    """
    with _lean():
        import lark  # noqa: F401
        import pyarrow as pa
        import pyarrow.compute

        pa.array([0])
