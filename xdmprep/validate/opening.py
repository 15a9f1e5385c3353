"""Record files for checking: JSON lines, one JSON array, Parquet.

Nothing is coerced and nothing is skipped; a fault of the file itself is raised before the first row.  The columns of
Parquet files are taken as they are, and their types are compared first.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from ..core.arrow_file import ParquetSource
from ..core.arrow_types import plain_column, plain_type, require_readable
from ..core.documents import why_no_source
from ..core.ndjson.blocks import open_blocks
from ..core.ndjson.parser import TEXT_LEAVES, TEXT_SCHEMA, Parser
from ..core.shred import column_leaves
from ..core.stream import Chunk, Stream, unfit_findings
from ..errors import SourceError

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
        return _open_parquet(file, size, piece_rows or PIECE_ROWS)
    return Stream(open_blocks(file, block_bytes), (Parser(),), TEXT_LEAVES, TEXT_SCHEMA, file.name, size)


@dataclass(frozen=True, slots=True, eq=False)
class ParquetChunk(Chunk):
    """Records of a Parquet file; the first chunk stands for the types of the file's columns too."""

    declared: pa.Schema | None = None


def _open_parquet(file: Path, size: int, piece_rows: int) -> Stream:
    """The records of a Parquet file; SourceError if it is none, or a column has no fitting type."""
    source = ParquetSource(file)
    require_readable(str(file), source.schema)
    arrow_schema = pa.schema([(field.name, _type(field.type)) for field in source.schema])
    leaves = column_leaves(arrow_schema)

    def pieces() -> Iterator[tuple[pa.RecordBatch, bool]]:
        for number, batch in enumerate(source.batches(piece_rows)):
            yield batch, number == 0

    def chunk(piece: tuple[pa.RecordBatch, bool]) -> Chunk:
        batch, first = piece
        rows = np.arange(1, batch.num_rows + 1, dtype=np.int64)
        columns, issues = [], []
        for column, leaf in zip(batch.columns, leaves, strict=True):
            if not pa.types.is_decimal(leaf.type):
                column, unfit = plain_column(column, exact=False)
                issues += unfit_findings(unfit, leaf, rows)
            columns.append(column)
        records = pa.RecordBatch.from_arrays(columns, arrow_schema.names)
        declared = source.schema if first else None
        return ParquetChunk(
            leaves, records, rows, tuple(issues), consumed=batch.num_rows, size=batch.nbytes, declared=declared
        )

    return Stream(pieces, (chunk,), leaves, arrow_schema, file.name, size)


def _type(kind: pa.DataType) -> pa.DataType | None:
    """The type in which a column is checked: whole decimals are numbers here, however many digits they may have."""
    if pa.types.is_decimal128(kind) and kind.scale == 0 and kind.precision > 18:
        return kind
    return plain_type(kind, exact=False)
