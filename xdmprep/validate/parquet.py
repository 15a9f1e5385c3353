"""Parquet files for checking: their columns as they are, the types of the columns to be compared first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from ..core.arrow_types import plain_column, plain_type, require_readable
from ..core.parquet_file import ParquetSource
from ..core.shred import column_leaves
from ..core.stream import Chunk, Stream, unfit_findings


@dataclass(frozen=True, slots=True, eq=False)
class ParquetChunk(Chunk):
    """Records of a Parquet file; the first chunk stands for the types of the file's columns too."""

    declared: pa.Schema | None = None


def open_parquet(file: Path, size: int, piece_rows: int) -> Stream:
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
