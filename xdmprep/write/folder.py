"""The output folder: whose it is, whether there is room, and files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from .. import kernels
from ..core.documents import OBJECT, TEXT, DocumentKind, is_file, is_folder, record
from ..core.manifest import NAME as MANIFEST
from ..core.manifest import File, local_output, lock_file, sync_folder, whole_file
from ..errors import OutputError, option, shorten, unwritable

RUN = "run.json"
LOCK = ".lock.part"
REJECTS = "rejects.jsonl"
ISSUES = "issues.csv"
_RUN = DocumentKind(OutputError, "Give the folder that `prepare` wrote.")
_SHAPE = record({"state": TEXT, "key": OBJECT})
_NUMBERED = re.compile(r"part-\d{5,}\.(json|parquet|csv)|batch-\d{5,}")
_OURS = (MANIFEST, RUN, REJECTS, ISSUES, "vanished.csv", "cannot-clear.jsonl")

#: Bytes after which written data is pushed to the disk in the background, so that the last fsync finds little to do.
_SYNC_BYTES = 32 << 20

#: Bytes handed to the system at a time: Linux copies megabytes given in one call into a file's new pages several times
#: slower than the same bytes in smaller pieces (ext4: 1.4 ns a byte from 1 MB on, 0.25 below).
_WRITE_BYTES = 512 << 10


class OutputFolder:
    """One run's folder.

    A run marks its folder with `run.json` before it writes anything.  A folder that holds something else, or a finished
    run of other input, is refused unless `overwrite`; what a killed run left is cleared.  While it writes, the run
    holds the folder against others; :meth:`mark` with how it ended lets go.

    Args:
        path: made if it is missing.
        key: what makes a run this run (source, mapping, schema, options), as JSON values.
        overwrite: clear a folder of another run; files that no run of ours writes are never touched.

    Attributes:
        path: the folder.
        place: the folder as messages name it.

    Raises:
        OutputError: it cannot be made or written, is not this run's own, or another run is writing there.
    """

    def __init__(self, path: str | os.PathLike[str], key: dict[str, Any], overwrite: bool = False) -> None:
        self.path = local_output(path)
        self.place = self._place()
        # names of files may hold bytes that are no text
        self.key = json.loads(json.dumps(key, ensure_ascii=False).encode("utf-8", "replace"))
        self.run: dict[str, Any] = {}
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{self.path}: cannot be made: {error.strerror or error}. Give another folder.") from None
        self._refuse_if_foreign(overwrite)
        self._lock = FolderLock(self.path)
        self._clear()
        self.mark("running", {})

    @classmethod
    def existing(cls, path: str | os.PathLike[str]) -> OutputFolder:
        """The folder of a finished run, to add to, with nothing touched; OutputError if it is none, or in use."""
        folder = cls.__new__(cls)
        folder.path = Path(path)
        folder.place = folder._place()
        file = folder.path / RUN
        if not is_file(file):
            raise OutputError(f"{path}: holds no run of xdmprep. Give the folder that `prepare` wrote.")
        run = _RUN.read_json(file)
        _RUN.check(run, _SHAPE, file)
        if run["state"] != "finished":
            raise OutputError(f"{path}: the run in it is {shorten(run['state'])}. Run `prepare` again first.")
        folder.key, folder.run = run["key"], run
        folder._lock = FolderLock(folder.path)
        return folder

    def _place(self) -> str:
        return str(self.path)

    def _names(self) -> list[str]:
        """The files and folders in the folder."""
        try:
            return [entry.name for entry in self.path.iterdir()]
        except OSError as error:
            raise OutputError(f"{self.path}: cannot be read: {error.strerror or error}.") from None

    def _earlier(self) -> Any:
        """The content of `run.json`; OutputError if there is none."""
        return _RUN.read_json(self.path / RUN)

    def _refuse_if_foreign(self, overwrite: bool) -> None:
        names = self._names()
        if not names:
            return
        try:
            run = self._earlier()
            alone = set(names) <= {RUN, LOCK}  # a run that failed
            own = isinstance(run, dict) and (run.get("state") == "running" or run.get("key") == self.key or alone)
        except OutputError:
            own = all(name.startswith(".") and name.endswith(".part") for name in names)
            run = None
        if own or (overwrite and all(is_ours(name) for name in names)):
            return
        if overwrite:
            other = next(name for name in names if not is_ours(name))
            raise OutputError(f"{self.place}: holds {other!r}, which is not xdmprep's. Give an empty folder.")
        what = "another run's output" if run else "files that are not this run's"
        raise OutputError(
            f"{self.place}: is not empty, it holds {what}. Give another folder, or {option('overwrite', True)}."
        )

    def _clear(self) -> None:
        """Remove what an earlier run of ours left; the manifest goes first, so that it never names missing files."""
        try:
            for name in sorted((entry.name for entry in self.path.iterdir()), key=lambda name: name != MANIFEST):
                if name in (RUN, LOCK) or not is_ours(name):
                    continue
                if is_folder(self.path / name):  # one batch of a patch that needed several
                    shutil.rmtree(self.path / name)
                else:
                    (self.path / name).unlink()
        except OSError as error:
            raise OutputError(f"{self.path}: cannot be cleared: {error.strerror or error}.") from None

    def mark(self, state: str, more: dict[str, Any]) -> None:
        """Write `run.json`: the key, the state (``running``, ``finished``, ``interrupted``) and what else is known."""
        text = json.dumps({"state": state, "key": self.key, **more}, indent=2, ensure_ascii=False)
        try:
            with whole_file(self.path / RUN) as out:
                out.write(text.encode("utf-8", "replace") + b"\n")
        finally:
            if state != "running":
                self._lock.release()

    @contextlib.contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        """A block of the run; where it fails, nothing that could be uploaded stays, and the run is over."""
        try:
            yield
        except BaseException:
            with contextlib.suppress(OutputError):  # what went wrong first is what matters
                self._clear()
            with contextlib.suppress(OutputError):
                self.mark("interrupted", {})
            raise

    def remove(self, name: str) -> None:
        """Remove a file that the run has written."""
        (self.path / name).unlink()

    def need(self, size: int, what: str) -> None:
        """Raise OutputError if the disk has less than `size` bytes left."""
        free = shutil.disk_usage(self.path).free
        if free < size:
            raise OutputError(
                f"{self.path}: {what} needs about {size / 1e6:,.0f} MB, the disk has {free / 1e6:,.0f} MB left. "
                "Make room, or give another folder."
            )


def is_ours(name: str) -> bool:
    """Whether a file or folder with this name in an output folder is one that runs write."""
    if name.startswith("."):
        return name.endswith(".part")
    return name in _OURS or _NUMBERED.fullmatch(name) is not None or name.startswith(("upload.", "issues."))


class WholeFile:
    """A file being written: counted and perhaps hashed on the way, under a hidden name until it is sealed."""

    def __init__(self, path: Path, *, hashed: bool = True) -> None:
        self.path = path
        self.bytes = 0
        self._hash = hashlib.sha256() if hashed else None
        self._temporary = path.with_name(f".{path.name}.part")
        self._unsynced = 0
        self._syncing: threading.Thread | None = None
        self._sealing: threading.Thread | None = None
        self._fault: OutputError | None = None
        with self._told():
            self._file = self._temporary.open("wb", buffering=0)

    def write(self, data: pa.Buffer | memoryview | bytes) -> int:
        """Append `data`; gives the number of bytes."""
        view = memoryview(data).cast("B")
        size = len(view)
        with self._told():
            if self._hash is not None:
                self._hash.update(view)
            kernels.active.write(self._file.fileno(), view, _WRITE_BYTES)
        self.bytes += size
        self._unsynced += size
        if self._unsynced > _SYNC_BYTES and (self._syncing is None or not self._syncing.is_alive()):
            self._unsynced = 0
            self._syncing = threading.Thread(target=self._sync, daemon=True)
            self._syncing.start()
        return size

    def _sync(self) -> None:
        with contextlib.suppress(OSError, ValueError):  # the last fsync reports what is wrong
            os.fsync(self._file.fileno())

    def seal(self, rows: int, cached: bool = True) -> File:
        """Have a thread make it last and give it its name, see :meth:`settle`; `cached`: it may stay in memory."""
        self._sealing = threading.Thread(target=self._last, args=(cached,), daemon=True)
        self._sealing.start()
        return File(self.path.name, rows, self.bytes, "" if self._hash is None else self._hash.hexdigest())

    def settle(self) -> None:
        """Wait until what :meth:`seal` began is done; OutputError if the disk refused."""
        if self._sealing is not None:
            self._sealing.join()
        if self._fault is not None:
            raise self._fault

    def _last(self, cached: bool) -> None:
        try:
            with self._told():
                if self._syncing is not None:
                    self._syncing.join()
                os.fsync(self._file.fileno())
                if not cached and hasattr(os, "posix_fadvise"):
                    os.posix_fadvise(self._file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
                self._file.close()
                self._temporary.replace(self.path)
                sync_folder(self.path.parent)
        except OutputError as error:
            self._fault = error

    def read_back(self) -> pa.Table:
        """What was written so far, as a Parquet table."""
        import pyarrow.parquet as pq

        return pq.read_table(self._temporary)

    def discard(self) -> None:
        """Remove what was written so far."""
        if self._syncing is not None:
            self._syncing.join()
        self._file.close()
        self._temporary.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            with contextlib.suppress(AttributeError, OSError):
                self._file.close()
                self._temporary.unlink(missing_ok=True)
            raise unwritable(self.path, error) from None


class FolderLock:
    """Holds `folder` until :meth:`release`, or until the lock is garbage-collected.

    The lock is the operating system's, on a hidden file: it ends with the process that holds it, however that ends, so
    what a killed run leaves behind never gets in the way.

    Raises:
        OutputError: another run holds it, or the folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / LOCK
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
        with contextlib.suppress(OSError):
            if os.path.samestat(os.fstat(handle), path.stat()):
                return handle
        os.close(handle)  # the run that held it has just removed the file


def _let_go(handle: int, path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
    os.close(handle)
    with contextlib.suppress(OSError):  # Windows removes no file that is open
        if os.name == "nt":
            path.unlink()
