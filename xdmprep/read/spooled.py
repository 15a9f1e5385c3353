"""Open files and buffers as files with a path: the readers go through a source more than once, and by its path."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import SourceError
from ..flow import Stream

#: Bytes that are copied at a time.
_PIECE = 1 << 20


def is_open_file(source: Any) -> bool:
    """Whether a source is an open file, a BytesIO or the like."""
    return callable(getattr(source, "read", None)) and not hasattr(source, "__arrow_c_stream__")


class Spooled:
    """A copy of what is left to read in an open file, removed with this object.

    Args:
        opened: open for reading; one in text mode is written as UTF-8.

    Attributes:
        path: of the copy; its ending says what the bytes are.
        name: the file's own name.

    Raises:
        SourceError: the file is closed, not open for reading, or empty.
    """

    def __init__(self, opened: Any) -> None:
        own = getattr(opened, "name", "")
        self.name = Path(own).name if isinstance(own, str) and own else "data"
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
        if not head:
            raise SourceError(f"{self.name}: there is nothing to read, or all of it was read before.")
        self.path = self.path.rename(self.path.with_name("data" + _ending(head, self.name)))

    def kept_by(self, stream: Stream) -> Stream:
        """A stream of this copy, which stays as long as the stream does."""
        return replace(stream, source=_keeping(stream.source, self), name=self.name)


def _keeping(source: Callable[[], Iterator[Any]], kept: Spooled) -> Callable[[], Iterator[Any]]:
    def opened() -> Iterator[Any]:
        assert kept.path  # noqa: S101 (what is named here stays)
        return source()

    return opened


def _ending(head: bytes, name: str) -> str:
    """The ending of a file with these first bytes, as the readers know files."""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if head.startswith(b"PAR1"):
        return ".parquet"
    if head.startswith(b"PK\x03\x04"):
        return ".xlsx"
    if text[:1] in (b"{", b"["):
        return ".json"
    return Path(name).suffix.lower() if Path(name).suffix.lower() in (".csv", ".tsv", ".txt") else ".csv"
