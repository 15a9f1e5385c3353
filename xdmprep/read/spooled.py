"""Open files, standard input and remote files as local files: readers go through a source more than once, by path."""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
import weakref
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from ..core.arrow_file import is_arrow
from ..core.documents import is_file
from ..core.packed import ending, open_bytes, packing
from ..core.remote import STANDARD_INPUT, RemoteError, name_of, pieces, shown
from ..core.stream import Stream
from ..errors import NoRowsError, SourceError

#: Bytes that are copied at a time.
_PIECE = 1 << 20


def is_open_file(source: Any) -> bool:
    """Whether a source is an open file, a BytesIO or the like, and no reader of tables."""
    if not callable(getattr(source, "read", None)) or hasattr(source, "__arrow_c_stream__"):
        return False
    return hasattr(source, "readlines") or not (hasattr(source, "__next__") or hasattr(source, "schema"))


class _Pieces:
    """Pieces of bytes as an open file."""

    def __init__(self, url: str) -> None:
        self.name, self._url, self._pieces = name_of(url), url, pieces(url)

    def read(self, _: int) -> bytes:
        try:
            return next(self._pieces, b"")
        except RemoteError as error:
            raise SourceError(f"{shown(self._url)}: {error}.") from None


class Spooled:
    """A copy of what is left to read in an open file, removed with this object.

    Args:
        opened: open for reading; one in text mode is written as UTF-8. Or ``-``, or a URL.
        name: of the file, for messages, where it does not say it itself.

    Attributes:
        path: of the copy; its ending says what the bytes are.
        name: the file's own name.

    Raises:
        SourceError: the file is closed, not open for reading, or was read before.
    """

    def __init__(self, opened: Any, name: str = "") -> None:
        if isinstance(opened, str) and opened == STANDARD_INPUT:
            opened, self.name = getattr(sys.stdin, "buffer", sys.stdin), "standard input"
        elif isinstance(opened, str):
            opened = _Pieces(opened)
            self.name = opened.name
        else:
            own = getattr(opened, "name", "")
            self.name = name or (Path(own).name if isinstance(own, str) and own else "data")
        if opened is None:
            raise SourceError(f"{self.name}: is closed.")
        folder = tempfile.mkdtemp(prefix="xdmprep-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self.path = Path(folder) / "data"
        try:
            with self.path.open("wb") as out:
                while piece := opened.read(_PIECE):
                    out.write(piece.encode() if isinstance(piece, str) else piece)
        except (OSError, ValueError, TypeError) as error:
            raise SourceError(f"{self.name}: the open file cannot be read ({error}).") from None
        with self.path.open("rb") as copied:
            head = copied.read(4096)
        if not head and not name and not isinstance(opened, _Pieces):  # of those the reader says that they are empty
            raise NoRowsError(f"{self.name}: there is nothing to read, or all of it was read before.")
        if packing(head) is not None and not is_book(self.path):
            head = self._unpacked()
        self.path = self.path.rename(self.path.with_name("data" + _ending(head, self.name)))

    def _unpacked(self) -> bytes:
        """The first bytes of what is in a compressed file; all but CSV is unpacked, since its readers seek."""
        packed = self.path
        try:
            with open_bytes(packed) as opened:
                head = opened.peek(4096)[:4096]
                if _ending(head, "") != ".csv" or "json" in ending(self.name):
                    self.path = packed.with_name("unpacked")
                    with self.path.open("wb") as out:
                        shutil.copyfileobj(opened, out, _PIECE)
        except SourceError as error:
            raise SourceError(str(error).replace(str(packed), self.name)) from None
        return head

    def kept_by(self, stream: Stream) -> Stream:
        """A stream of this copy, which stays as long as the stream does."""
        whole = None if stream.whole is None else partial(self._whole, stream.whole)
        return replace(stream, source=_keeping(stream.source, self), name=self.name, whole=whole)

    def _whole(self, opened: Callable[[], Stream]) -> Stream:
        try:
            return self.kept_by(opened())
        except SourceError as error:
            raise self.named(error) from None

    def named(self, error: SourceError) -> SourceError:
        """An error about the copy, as one about what was copied."""
        error.args = (str(error).replace(str(self.path), self.name),)
        return error


def _keeping(source: Callable[[], Iterator[Any]], kept: Spooled) -> Callable[[], Iterator[Any]]:
    def opened() -> Iterator[Any]:
        try:
            yield from source()
        except SourceError as error:
            raise kept.named(error) from None

    return opened


def kind_of_bytes(file: Path) -> str | None:
    """``CSV``, ``JSON``, ``Parquet``, ``Excel`` or ``Arrow``, by the first bytes once unpacked; None without a file."""
    if not is_file(file):
        return None
    if is_book(file):
        return "Excel"
    with open_bytes(file) as opened:
        return _KINDS[_ending(opened.peek(4096)[:4096], "")]


_KINDS = {".parquet": "Parquet", ".arrow": "Arrow", ".xlsx": "Excel", ".json": "JSON", ".csv": "CSV"}


def is_book(file: Path) -> bool:
    """Whether a file is an Excel book, or another Office document of its kind."""
    try:
        with zipfile.ZipFile(file) as archive:
            return "[Content_Types].xml" in archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return False


def _ending(head: bytes, name: str) -> str:
    """The ending of a file with these first bytes, as the readers know files."""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if head.startswith(b"PAR1"):
        return ".parquet"
    if is_arrow(head):
        return ".arrow"
    if head.startswith(b"PK\x03\x04"):
        return ".xlsx"
    if re.match(rb'\{\s*("|\}|\Z)|\[\s*([\[{\]]|\Z)', text):
        return ".json"
    return last if (last := ending(name)) in (".csv", ".tsv", ".tab", ".txt") else ".csv"
