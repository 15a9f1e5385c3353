"""Parquet files for checking: their columns as they are, the types of the columns to be compared first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from ..errors import SourceError, shorten
from ..flow import Chunk, Stream
from ..leaves import Leaf


@dataclass(frozen=True, slots=True, eq=False)
class ParquetChunk(Chunk):
    """Records of a Parquet file; the first chunk stands for the file's column types too."""

    first: bool = False


def open_parquet(file: Path, size: int, piece_rows: int) -> Stream:
    """The records of a Parquet file.

    Raises:
        SourceError: it is none.
    """
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(file) as opened:
            schema = opened.schema_arrow
    except (pa.ArrowException, OSError, ValueError) as error:
        raise SourceError(f"{file}: is not a Parquet file ({shorten(str(error), 200)}).") from None
    schema = pa.schema([pa.field(inner.name, inner.type) for inner in schema])
    leaves = tuple(Leaf((inner.name,), inner.type, inner.name) for inner in schema)

    def batches() -> Iterator[tuple[pa.RecordBatch, bool]]:
        try:
            with pq.ParquetFile(file) as opened:
                for number, batch in enumerate(opened.iter_batches(piece_rows)):
                    yield batch, number == 0
        except (pa.ArrowException, OSError, ValueError) as error:
            raise SourceError(f"{file}: cannot be read to its end ({shorten(str(error), 200)}).") from None

    def chunk(piece: tuple[pa.RecordBatch, bool]) -> Chunk:
        batch, first = piece
        rows = np.arange(1, batch.num_rows + 1, dtype=np.int64)
        return ParquetChunk(leaves, batch, rows, consumed=batch.num_rows, size=batch.nbytes, first=first)

    return Stream(batches, (chunk,), leaves, schema, file.name, size)
