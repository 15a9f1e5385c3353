"""Where the attempts of tasks leave their files, and how the driver takes those that count.

Driver and executors share the output folder: a path that all have mounted, or a folder in an object store.  Every
attempt writes below a hidden folder in it, under a name of its own.  The driver gives the files of committed attempts
their names in the output and removes the rest.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from ..core.remote import as_local, is_url, scheme_of, shown
from ..core.remote_folder import RemoteFolder
from ..errors import OutputError, UsageError
from ..write import OutputFolder
from ..write.store import StoreFolder, reported

#: Folder of the attempts inside the output folder, hidden and cleared like any other temporary file.
STAGING, GONE = ".tasks.part", ".tasks-over.part"
#: Files of attempts that are fetched from a store at a time.
_FETCHES = 8


@dataclass(frozen=True)
class MountedStaging:
    """Below a path that driver and executors have mounted; sent to the tasks."""

    folder: str

    @contextlib.contextmanager
    def attempt(self, name: str) -> Iterator[Path]:
        """In a task: the folder of the attempt itself."""
        staging = Path(self.folder)
        if not staging.is_dir():
            raise OutputError(
                f"{staging.parent}: this executor does not see the folder that the driver made. Give a folder on a "
                "file system that driver and executors share."
            )
        yield staging / name

    def take(self, moves: Sequence[tuple[str, str, int]]) -> str | None:
        """Give files (name below the attempts, new name, bytes) their names; the first that is not whole, or None."""
        staging = Path(self.folder)
        for name, new, size in moves:
            found = staging / name
            try:
                if found.stat().st_size != size:
                    return name
                found.replace(staging.parent / new)
            except OSError:
                return name
        return None

    @contextlib.contextmanager
    def texts(self, names: Sequence[str]) -> Iterator[list[Path]]:
        """Those of some files that are there, to be read in the block, in their order."""
        yield [path for name in names if (path := Path(self.folder) / name).exists()]

    def remove(self) -> None:
        """Take the folder away first: an attempt that was given up may still write, and then finds no folder."""
        gone = Path(self.folder)
        with contextlib.suppress(OSError):  # not every mounted store renames folders
            gone = gone.rename(gone.with_name(GONE))
        shutil.rmtree(gone, ignore_errors=True)


@dataclass(frozen=True)
class StoreStaging:
    """In an object store; an attempt writes on its own disk first, and nothing of it is sent before it is complete."""

    url: str = field(repr=False)  # may hold credentials

    @contextlib.contextmanager
    def attempt(self, name: str) -> Iterator[Path]:
        """In a task: a temporary folder whose files are sent."""
        with tempfile.TemporaryDirectory(prefix="xdmprep-") as folder:
            path = Path(folder)
            yield path
            with reported(self.url, ", says an executor"):
                store = RemoteFolder(self.url)
                for file in sorted(path.iterdir()):
                    if not file.name.startswith("."):
                        store.put(f"{STAGING}/{name}/{file.name}", file)

    def take(self, moves: Sequence[tuple[str, str, int]]) -> str | None:
        """The same, by copies that the store makes."""
        with reported(self.url):
            store = RemoteFolder(self.url)
            sizes = store.sizes(STAGING)
            for name, _, size in moves:
                if sizes.get(f"{STAGING}/{name}") != size:
                    return name
            store.copy([(f"{STAGING}/{name}", new) for name, new, _ in moves])
        return None

    @contextlib.contextmanager
    def texts(self, names: Sequence[str]) -> Iterator[list[Path]]:
        """The same, as copies on this machine."""
        with reported(self.url), tempfile.TemporaryDirectory(prefix="xdmprep-") as folder:
            store = RemoteFolder(self.url)

            def fetched(pair: tuple[Path, str]) -> Path:
                with pair[0].open("wb") as out:
                    store.read(pair[1], out)
                return pair[0]

            sizes = store.sizes(STAGING)
            there = [there for name in names if (there := f"{STAGING}/{name}") in sizes]
            pairs = [(Path(folder) / f"{number}{Path(name).suffix}", name) for number, name in enumerate(there)]
            with ThreadPoolExecutor(_FETCHES) as pool:
                paths = list(pool.map(fetched, pairs))
            yield paths

    def remove(self) -> None:
        """Remove what all attempts have sent."""
        with reported(self.url):
            RemoteFolder(self.url).remove_folder(STAGING)


#: Where attempts write, and the driver takes what they wrote.
Staging: TypeAlias = MountedStaging | StoreStaging


@contextlib.contextmanager
def opened(out: str | os.PathLike[str], key: dict[str, Any], overwrite: bool) -> Iterator[OutputFolder]:
    """The output folder of a run, see :class:`.OutputFolder`: a path, ``file:/...``, ``dbfs:/...``, or a URL."""
    text = os.fspath(out)
    if is_url(mounted := _mounted(text)):
        if scheme_of(mounted) in ("http", "https"):
            raise UsageError(f"{shown(mounted)}: is a web address. Give a path, or a URL such as s3a://BUCKET/FOLDER.")
        with StoreFolder(mounted, key, overwrite) as folder:
            yield folder
    else:
        yield OutputFolder(Path(mounted).absolute(), key, overwrite)


def staging_of(folder: OutputFolder, out: str | os.PathLike[str]) -> Staging:
    """Where the tasks of a run leave their files, begun."""
    if isinstance(folder, StoreFolder):
        return StoreStaging(os.fspath(out))
    (folder.path / STAGING).mkdir()
    return MountedStaging(str(folder.path / STAGING))


def _mounted(out: str) -> str:
    """The path under which a place is mounted, or the URL of what is not."""
    scheme, colon, rest = out.partition(":")
    if not colon or Path(out).exists() or not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]+", scheme):
        return out
    if scheme == "file":
        return str(as_local("file:///" + rest.lstrip("/")))
    if scheme == "dbfs":
        below = rest.lstrip("/")
        return f"/{below}" if below.startswith("Volumes/") else f"/dbfs/{below}"
    if not rest.startswith("//"):
        raise UsageError(f"{shown(out)}: is neither a path nor a URL. Write {scheme}://BUCKET/FOLDER.")
    return out
