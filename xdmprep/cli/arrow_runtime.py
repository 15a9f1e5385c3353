"""Arrow as the commands need it: loaded without pandas, in little memory, and stopped by Ctrl-C at any moment."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

#: Options of glibc's mallopt: M_MMAP_THRESHOLD, which grows by itself otherwise and leaves gaps, M_TRIM_THRESHOLD and
#: M_TOP_PAD.
_GLIBC = ((-3, 1 << 20), (-1, 64 << 20), (-2, 1 << 20))


class _Blocked:
    """A finder of modules for which pandas, that pyarrow looks for once and no command needs, is not installed."""

    @staticmethod
    def find_spec(fullname: str, path: Any = None, target: Any = None) -> None:
        """Nothing, so that the next finder looks; an error for pandas."""
        if fullname == "pandas":
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

    A run takes a quarter less memory with jemalloc than with Arrow's usual allocator, and the same time.  Both
    allocators keep for a while what is freed: a run allocates the same sizes again for every chunk, and each new page
    costs the system a microsecond.  Huge pages save little more, and take 30 MB.
    """
    os.environ.setdefault("JE_ARROW_MALLOC_CONF", "dirty_decay_ms:5000")
    without_pandas()
    import pyarrow as pa

    pa.enable_signal_handlers(False)
    with suppress(NotImplementedError):  # not in every build of Arrow; it gives back sooner what is free
        pa.set_memory_pool(pa.jemalloc_memory_pool())
    if sys.platform == "linux":
        with suppress(AttributeError):
            for option, size in _GLIBC:
                ctypes.CDLL(None).mallopt(option, size)


def without_pandas() -> None:
    """Load pyarrow without pandas.

    An explicit import of it, and Arrow's own ``to_pandas``, work afterwards as ever.
    """
    with _lean():
        import pyarrow as pa
        import pyarrow.compute

        pa.array([0])
