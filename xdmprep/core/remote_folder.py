"""A folder in an object store, to write to and to copy from.

A file appears when its upload completes, so it is whole or not there; nothing is renamed.  File systems and credentials
are those of :mod:`.remote`.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

from ..errors import SourceError
from .remote import RemoteError, as_local, file_system, guarded, is_remote, scheme_of, shown, url_of_output

#: Requests under way at a time.
_REQUESTS = 8
_PIECE = 4 << 20
#: What is copied of a run's output to be uploaded: the manifest, the parts, and the rows set aside.
_OUTPUT = re.compile(r"(batch-\d{5,}/)?(manifest\.json|rejects\.jsonl|part-\d{5,}\.(json|parquet|csv))")


class RemoteFolder:
    """A folder in an object store; names of files are paths below it.

    Args:
        url: of the folder; nothing is looked at yet.

    Raises:
        RemoteError: the URL is of no object store.  Every method raises it where access is refused, the bucket is
            missing, or the server cannot be reached.
    """

    def __init__(self, url: str) -> None:
        if scheme_of(url) in ("http", "https"):
            raise RemoteError("is a web address, not a folder in an object store")
        self._url = url
        self._system, path = guarded(url, lambda: file_system(url))
        self._path: str = path.rstrip("/")

    def sizes(self, below: str = "") -> dict[str, int]:
        """The files in the folder, or in the folder `below` in it: name -> size in bytes."""
        from pyarrow import fs

        choice = fs.FileSelector(self._at(below), allow_not_found=True, recursive=True)
        found = guarded(self._url, lambda: self._system.get_file_info(choice))
        start = len(self._path.strip("/"))
        return {info.path.strip("/")[start:].lstrip("/"): info.size for info in found if info.type == fs.FileType.File}

    def put(self, name: str, file: Path) -> None:
        """Write a local file."""

        def run() -> None:
            with file.open("rb") as data, self._system.open_output_stream(self._at(name)) as out:
                shutil.copyfileobj(data, out, _PIECE)

        try:
            guarded(self._url, run, "written")
        except BaseException:  # leaving the block above has completed what was sent of the file
            with contextlib.suppress(RemoteError):
                self.remove([name])
            raise

    def read(self, name: str, out: IO[bytes]) -> None:
        """Append the bytes of a file to `out`."""

        def run() -> None:
            with self._system.open_input_stream(self._at(name), compression=None) as data:
                shutil.copyfileobj(data, out, _PIECE)

        guarded(self._url, run)

    def copy(self, names: Iterable[tuple[str, str]]) -> None:
        """Let the store copy files, each from its name to a new one."""
        self._each(lambda pair: self._system.copy_file(self._at(pair[0]), self._at(pair[1])), names, "copied")

    def remove(self, names: Iterable[str]) -> None:
        """Remove files; those that are not there are as good as removed."""

        def run(name: str) -> None:
            with contextlib.suppress(FileNotFoundError):
                self._system.delete_file(self._at(name))

        self._each(run, names, "removed")

    def remove_folder(self, name: str) -> None:
        """Remove a folder in the folder, with all that is in it."""
        guarded(self._url, lambda: self._system.delete_dir_contents(self._at(name), missing_dir_ok=True), "removed")

    def _each(self, run: Callable[[Any], None], items: Iterable[Any], verb: str) -> None:
        with ThreadPoolExecutor(_REQUESTS) as pool:
            list(pool.map(lambda item: guarded(self._url, lambda: run(item), verb), items))

    def _at(self, name: str) -> str:
        return f"{self._path}/{name}" if name else self._path


def fetch(url: str, folder: Path, wanted: Callable[[str], bool]) -> list[str]:
    """Copy the `wanted` files of a folder in an object store into a local one; gives their relative names."""
    store = RemoteFolder(url)
    sizes = store.sizes()
    if not sizes:
        raise RemoteError("does not exist, or is empty")
    names = [name for name in sizes if wanted(name) and ".." not in name.split("/")]
    for parent in {(folder / name).parent for name in names}:
        parent.mkdir(parents=True, exist_ok=True)

    def one(name: str) -> None:
        with (folder / name).open("wb") as out:
            store.read(name, out)
            if out.tell() != sizes[name]:
                raise RemoteError(f"broke off after {out.tell():,} of {sizes[name]:,} bytes of {name}. Try again")

    with ThreadPoolExecutor(_REQUESTS) as pool:
        list(pool.map(one, names))
    return names


@contextlib.contextmanager
def output_here(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A run's output on this machine; one in an object store is copied into a temporary folder.

    Args:
        path: the folder or its manifest; a path or a URL.

    Raises:
        SourceError: the store cannot be read, or the folder holds no manifest.
    """
    given = url_of_output(path) or path
    if not is_remote(given):
        yield Path(as_local(given))
        return
    url = str(given).removesuffix("manifest.json")
    with tempfile.TemporaryDirectory(prefix="xdmprep-") as folder:
        here = Path(folder)
        try:
            names = fetch(url, here, lambda name: _OUTPUT.fullmatch(name) is not None)
        except RemoteError as error:
            raise SourceError(f"{shown(url)}: {error}.") from None
        if not any(name.endswith("manifest.json") for name in names):
            raise SourceError(f"{shown(url)}: holds no manifest.json. Give the folder that `prepare` wrote.")
        yield here
