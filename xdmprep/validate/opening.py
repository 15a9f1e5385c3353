"""Record files for checking: JSON lines, one JSON array, Parquet.

Nothing is coerced and nothing is skipped; a fault of the file itself is raised before the first row.
"""

from __future__ import annotations

import os
from pathlib import Path

from ..core.documents import why_no_source
from ..core.ndjson.blocks import open_blocks
from ..core.ndjson.parser import TEXT_LEAVES, TEXT_SCHEMA, Parser
from ..core.stream import Stream
from ..errors import SourceError
from .parquet import open_parquet

#: Most records of Parquet in one chunk.
PIECE_ROWS = 16_384


def open_records(path: str | os.PathLike[str], block_bytes: int | None = None, piece_rows: int | None = None) -> Stream:
    """The records of a file, to be checked.

    Args:
        path: JSON lines, a JSON array, or Parquet (by its first bytes, not by its name).
        block_bytes: text read at a time; smaller needs less memory and is slower; None takes what suits the file.
        piece_rows: most records of Parquet in one chunk; None takes :data:`PIECE_ROWS`.

    Returns:
        A stream for :func:`check_stream`; chunks of JSON hold the records' text, and columns only for the checks.

    Raises:
        SourceError: the file is missing, empty, compressed, or no such file.
    """
    file = Path(path)
    if (why := why_no_source(file)) is not None:
        raise SourceError(f"{file}: {why}.")
    try:
        with file.open("rb") as opened:
            magic = opened.read(4)
        size = file.stat().st_size
    except OSError as error:
        raise SourceError(f"{file}: {error.strerror or error}.") from None
    if magic and (magic == b"PAR1" or file.suffix.lower() in (".parquet", ".pq")):
        return open_parquet(file, size, piece_rows or PIECE_ROWS)
    return Stream(open_blocks(file, block_bytes), (Parser(),), TEXT_LEAVES, TEXT_SCHEMA, file.name, size)
