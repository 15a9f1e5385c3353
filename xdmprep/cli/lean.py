"""A long-running process of our own in little memory: without pandas, and with the system's allocator under Arrow.

pyarrow imports pandas, where it is installed, as soon as it makes its first array, in order to recognise pandas' own
objects: some 35 MB and half a second for nothing where nobody uses them.  It takes an import that fails as "not
installed", so the import is made to fail.  Arrow's own allocator keeps what it once had; the system's gives it back.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


class _PandasAbsent:
    """A finder of modules that says that pandas is not installed."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:
        """Nothing, so that the next finder looks; an error for pandas."""
        if name == "pandas":
            raise ModuleNotFoundError("this process does without pandas", name=name)


@contextmanager
def little_memory() -> Iterator[None]:
    """Inside the block pyarrow, if it is not loaded yet, loads lean, and `import pandas` fails unless it was loaded."""
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    if "pandas" in sys.modules:
        yield
        return
    sys.meta_path.insert(0, _PandasAbsent)
    try:
        yield
    finally:
        sys.meta_path.remove(_PandasAbsent)
