"""One run at a time in an output folder.

The lock is the operating system's, on a hidden file: it ends with the process that holds it, however that ends, so what
a killed run leaves behind never gets in the way.
"""

from __future__ import annotations

import os
import weakref
from contextlib import suppress
from pathlib import Path

from ..core.manifest import lock_file
from ..errors import OutputError, unwritable

NAME = ".lock.part"


class FolderLock:
    """Holds `folder` until :meth:`release`, or until the lock is garbage-collected.

    Raises:
        OutputError: another run holds it, or the folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / NAME
        try:
            handle = _locked(path)
        except OSError as error:
            raise unwritable(folder, error) from None
        if handle is None:
            raise OutputError(f"{folder}: another run is writing here. Wait for it to end, or give another folder.")
        self._end = weakref.finalize(self, _let_go, handle, path)

    def release(self) -> None:
        """Let go of the folder."""
        self._end()


def _locked(path: Path) -> int | None:
    """A handle that holds the lock; None if another one does."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        if not lock_file(handle):
            os.close(handle)
            return None
        with suppress(OSError):
            if os.path.samestat(os.fstat(handle), path.stat()):
                return handle
        os.close(handle)  # the run that held it has just removed the file


def _let_go(handle: int, path: Path) -> None:
    with suppress(OSError):
        path.unlink()
    os.close(handle)
    with suppress(OSError):  # Windows removes no file that is open
        if os.name == "nt":
            path.unlink()
