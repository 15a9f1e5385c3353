"""Compressed files, read as what is in them: gzip, bzip2, Zstandard, and zip archives of one file."""

from __future__ import annotations

import bz2
import gzip
import io
import zipfile
import zlib
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

from ..errors import SourceError, printable
from .signatures import kind_of_parts

#: What compressed files begin with.
_MARKS = [
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\x28\xb5\x2f\xfd", "Zstandard"),
    *((bytes([number]) + b"\x2a\x4d\x18", "Zstandard") for number in range(0x50, 0x60)),  # skippable frames
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
]
#: Endings of names that say how a file is compressed.
ENDINGS = (".gz", ".bz2", ".zst", ".zip")
_PIECE = 1 << 20


def packing(head: bytes) -> str | None:
    """How a file is compressed, detected by its first bytes; None if it is not."""
    return next((name for mark, name in _MARKS if head.startswith(mark)), None)


@lru_cache(1024)  # asked several times a file
def ending(name: str) -> str:
    """The ending of a file's name in small letters, without the one that says how it is compressed."""
    stem, dot, last = name.lower().rpartition(".")
    return Path(stem if dot + last in ENDINGS else name.lower()).suffix


def open_bytes(file: Path) -> io.BufferedReader:
    """The bytes of a file, unpacked if it is compressed; SourceError if they cannot be read.

    The name of what is opened is that of the file in a zip archive, else the file's own.
    """
    try:
        raw = file.open("rb")
    except IsADirectoryError:
        raise SourceError(f"{file}: is a folder. Give a file.") from None
    except (OSError, ValueError) as error:
        raise SourceError(f"{file}: {getattr(error, 'strerror', None) or error}.") from None
    kind = packing(raw.peek(4)[:4])
    if kind is None:
        return raw
    try:
        return io.BufferedReader(_Unpacked(raw, _opened(raw, kind, file), file, kind), _PIECE)
    except BaseException:
        raw.close()
        raise


def _opened(raw: IO[bytes], kind: str, file: Path) -> Any:
    if kind == "gzip":
        return gzip.GzipFile(fileobj=raw)
    if kind == "bzip2":
        return bz2.BZ2File(raw)
    if kind == "Zstandard":
        import pyarrow as pa

        return pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), "zstd")
    try:
        archive = zipfile.ZipFile(raw)
        names = [entry.filename for entry in archive.infolist() if not entry.is_dir()]
        if (document := kind_of_parts(names)) is not None:
            raise SourceError(f"{file}: is {document}.")
        if "[Content_Types].xml" in names:
            raise SourceError(
                f"{file}: is an Office document, perhaps an Excel book. Name it .xlsx, or save it as CSV."
            )
        names = [name for name in names if not _is_extra(name)]
        if not names:
            raise SourceError(f"{file}: is a zip archive without files. Give one with a single file.")
        if len(names) > 1:
            shown = ", ".join(printable(name, 60) for name in names[:4]) + (", ..." if len(names) > 4 else "")
            raise SourceError(f"{file}: is a zip archive of {len(names)} files ({shown}). Give one with a single file.")
        if archive.getinfo(names[0]).flag_bits & 1:
            raise SourceError(f"{file}: is a zip archive with a password. Unpack it first.")
        return archive.open(names[0])
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, zlib.error) as error:
        raise SourceError(f"{file}: the zip archive cannot be read ({error}).") from None


def _is_extra(name: str) -> bool:
    """Whether a member of an archive is what macOS and Windows put beside the files of a folder."""
    *folders, last = name.split("/")
    return "__MACOSX" in folders or last.startswith("._") or last in (".DS_Store", "Thumbs.db", "desktop.ini")


class _Unpacked(io.RawIOBase):
    """What is in a compressed file; what is wrong with it is a SourceError."""

    def __init__(self, raw: IO[bytes], opened: Any, file: Path, kind: str) -> None:
        self._raw, self._opened, self._file, self._kind = raw, opened, file, kind
        self.name = opened.name if kind == "zip" else raw.name

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """The next bytes."""
        try:
            data = self._opened.read(len(buffer))
        except (OSError, EOFError, ValueError, zlib.error, zipfile.BadZipFile, RuntimeError) as error:
            reason = printable(error, 200)
            raise SourceError(f"{self._file}: the {self._kind} file is damaged or incomplete ({reason}).") from None
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close the file."""
        self._raw.close()
        super().close()
