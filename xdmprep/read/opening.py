"""Opens text files: their bytes as UTF-8, whatever their encoding."""

from __future__ import annotations

import codecs
import io
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from ..core.documents import is_file
from ..core.packed import open_bytes, packing
from ..errors import SourceError, UsageError, option, shorten

#: Bytes that are read and decoded together.
_PIECE = 1 << 20
#: Codecs whose bytes are read as they are, since they are UTF-8.
_AS_IT_IS = ("utf-8", "utf-8-sig", "ascii")


def check_encoding(encoding: str) -> None:
    """Raise UsageError for what is no text encoding of Python."""
    advice = "Try utf-8, latin-1, cp1252 or utf-16."
    try:
        codecs.lookup(encoding)
    except (LookupError, ValueError, TypeError):
        raise UsageError(f"unknown encoding {shorten(encoding)}. {advice}") from None
    try:
        codecs.getincrementaldecoder(encoding)
        with suppress(UnicodeDecodeError):  # some need two or four bytes
            b"a".decode(encoding)
    except (LookupError, ValueError):
        raise UsageError(f"{encoding!r} is a codec, but no encoding of text files. {advice}") from None


def open_text(file: Path, encoding: str = "utf-8") -> io.BufferedReader:
    """The bytes of a text file, perhaps a compressed one, as UTF-8, without a byte order mark.

    Args:
        file: path of the file.
        encoding: any text encoding of Python. Bytes of a UTF-8 file are not checked.

    Raises:
        SourceError: the file cannot be opened; while it is read: its bytes are not text in the encoding, or it is
            compressed and damaged.
    """
    raw = open_bytes(file)
    if codecs.lookup(encoding).name not in _AS_IT_IS:
        raw = io.BufferedReader(_Recoded(raw, file, encoding), _PIECE)
    if raw.peek(3)[:3] == codecs.BOM_UTF8:
        raw.read(3)
    return raw


def is_compressed(file: Path) -> bool:
    """Whether a file is compressed, by its first bytes; False where it cannot be read."""
    if is_file(file):
        with suppress(OSError, ValueError), file.open("rb") as raw:
            return packing(raw.read(4)) is not None
    return False


class _Recoded(io.RawIOBase):
    """A file of another encoding, read as UTF-8."""

    def __init__(self, raw: IO[bytes], file: Path, encoding: str) -> None:
        self._raw, self._file, self._encoding, self.name = raw, file, encoding, raw.name
        self._head = raw.read(max(_PIECE, 16))
        self._decoder = codecs.getincrementaldecoder(_with_order(encoding, self._head))()
        self._ready = memoryview(b"")
        self._read = 0
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready and not self._ended:
            data, self._head = self._head or self._raw.read(_PIECE), b""
            self._ended = not data
            self._ready = memoryview(self._decoded(data))
            self._read += len(data)
        size = min(len(buffer), len(self._ready))
        buffer[:size] = self._ready[:size]
        self._ready = self._ready[size:]
        return size

    def _decoded(self, data: bytes) -> bytes:
        text = ""
        try:
            text = self._decoder.decode(data, final=self._ended)
            return text.encode()
        except UnicodeEncodeError as error:
            reason, where = f"{text[error.start]!r} is no character", f"near byte {self._read + 1:,}"
        except UnicodeDecodeError as error:
            # what the decoder had kept of the piece before stands in front of this one
            at = self._read + len(data) - len(error.object) + error.start
            reason, where = error.reason, f"byte {at + 1:,}"
        except ValueError as error:
            reason, where = str(error), f"near byte {self._read + 1:,}"
        raise SourceError(
            f"{self._file}: is not {self._encoding} text ({reason}, {where}). Give the right {option('encoding')}."
        )

    def close(self) -> None:
        self._raw.close()
        super().close()


def _with_order(encoding: str, head: bytes) -> str:
    """UTF-16 and UTF-32 with the byte order that the text shows, where no byte order mark does.

    Most characters of a table are ASCII, so that most zeros stand before the other byte in big-endian text.
    """
    name = codecs.lookup(encoding).name
    if name not in ("utf-16", "utf-32") or head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return encoding
    if name == "utf-32":
        if head.startswith(codecs.BOM_UTF32_BE):
            return encoding
        return "utf-32-be" if head[0::4].count(0) > head[3::4].count(0) else "utf-32-le"
    return "utf-16-be" if head[0::2].count(0) > head[1::2].count(0) else "utf-16-le"
