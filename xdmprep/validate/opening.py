"""Record files as people have them, for checking: JSON lines, one JSON array, Parquet.

Nothing is coerced and nothing is skipped; what is wrong with the file itself is said before the first row.
"""

from __future__ import annotations

import codecs
import os
from functools import partial
from pathlib import Path

from ..documents import why_no_source
from ..errors import SourceError
from ..flow import Stream
from .arrays import ARRAY_BYTES, array_blocks, element_step
from .jsonlines import BLOCK_BYTES, TEXT_LEAVES, TEXT_SCHEMA, Parser, blocks
from .parquet import open_parquet

#: Most records of an array or of Parquet in one chunk.
PIECE_ROWS = 16_384


def open_records(path: str | os.PathLike[str], block_bytes: int | None = None, piece_rows: int | None = None) -> Stream:
    """The records of a file, to be checked.

    Args:
        path: JSON lines, a JSON array, or Parquet (by its first bytes, not by its name).
        block_bytes: text read at a time; smaller needs less memory and is slower; None takes what suits the file.
        piece_rows: most records of an array or of Parquet in one chunk; None takes :data:`PIECE_ROWS`.

    Returns:
        A stream for :func:`check_stream`; chunks of JSON hold the records' text, and columns only for the checks.

    Raises:
        SourceError: the file is missing, empty, compressed, or no such file.
    """
    file = Path(path)
    if (why := why_no_source(file)) is not None:
        raise SourceError(f"{file}: {why}.")
    piece_rows = piece_rows or PIECE_ROWS
    try:
        size = file.stat().st_size
        with file.open("rb") as opened:
            head = opened.read(4096)
    except OSError as error:
        raise SourceError(f"{file}: {error.strerror or error}.") from None
    if not head:
        raise SourceError(f"{file}: is empty. The platform refuses a file without records (code 106).")
    if head.startswith(b"\x1f\x8b"):
        raise SourceError(f"{file}: is compressed (gzip). The platform does not take it: unpack it first.")
    if head.startswith(b"PAR1") or file.suffix.lower() in (".parquet", ".pq"):
        return open_parquet(file, size, piece_rows)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise SourceError(f"{file}: is UTF-16. The platform takes UTF-8: convert it first.")
    text = head.removeprefix(codecs.BOM_UTF8).lstrip()
    if not text and size <= len(head):
        raise SourceError(f"{file}: has no records.")
    if text.startswith(b"["):
        pieces = partial(array_blocks, file, block_bytes or ARRAY_BYTES, piece_rows)
        return Stream(pieces, (element_step(),), TEXT_LEAVES, TEXT_SCHEMA, file.name, size)
    return Stream(
        partial(blocks, file, block_bytes or BLOCK_BYTES), (Parser(),), TEXT_LEAVES, TEXT_SCHEMA, file.name, size
    )
