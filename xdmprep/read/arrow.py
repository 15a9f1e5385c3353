"""DataFrames, Arrow tables, everything with ``__arrow_c_stream__`` (polars, DuckDB, ...) and Parquet files."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ..arrow_types import inexact, plain_column, plain_type, require_readable, takeable
from ..errors import NoRowsError, SourceError, shorten
from ..flow import Chunk, Finding, Stream, row_chunk, unfit_findings
from ..leaves import Leaf
from ..parquet_file import ParquetSource

#: Rows of one chunk.
CHUNK_ROWS = 16_384


def read_frame(frame: Any, name: str = "data") -> Stream:
    """The rows of a pandas DataFrame or of any object with ``__arrow_c_stream__``; a DataFrame's index is left out.

    Raises:
        SourceError: the object is no frame, a column holds values of several kinds, or there are no rows or columns.
    """
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(frame, pandas.DataFrame):
        return _of_table(_from_pandas(frame), name)
    if isinstance(frame, pa.RecordBatch):
        frame = pa.Table.from_batches([frame])
    if isinstance(frame, pa.Table):
        return _of_table(frame, name)
    if isinstance(frame, pa.RecordBatchReader):  # it can be read only once; a second reading must not look empty
        unread = [frame]
        return _stream(frame.schema, partial(_once, unread, name), name)
    if hasattr(frame, "__arrow_c_stream__"):
        try:
            found = pa.RecordBatchReader.from_stream(frame).schema
        except (pa.ArrowException, RuntimeError, ValueError, TypeError) as error:
            raise SourceError(f"{name}: {type(frame).__name__} is not a table ({shorten(str(error), 200)}).") from None
        return _stream(found, partial(_exported, frame, name), name)
    raise SourceError(
        f"{type(frame).__name__} is not a source. Give a path, a DataFrame, or an object with __arrow_c_stream__."
    )


def read_parquet(path: str | os.PathLike[str]) -> Stream:
    """The rows of a Parquet file.

    Raises:
        SourceError: the file is missing, empty, damaged, encrypted or not Parquet.
    """
    source = ParquetSource(Path(path))
    if not source.rows:
        raise NoRowsError(f"{source.file}: has no rows. Nothing was written.")
    return _stream(source.schema, partial(source.batches, CHUNK_ROWS), source.file.name)


def _from_pandas(frame: Any) -> pa.Table:
    names = [str(name) for name in frame.columns]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SourceError(f"the DataFrame has the column {twice[0]!r} twice. Rename one of them.")
    columns = []
    for number, name in enumerate(names):
        try:
            columns.append(_whole_numbers(pa.Array.from_pandas(frame.iloc[:, number])))
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise SourceError(
                f"column {name!r} of the DataFrame holds values of several kinds ({str(error).splitlines()[0]}). "
                f"Make it one kind, for example df[{name!r}] = df[{name!r}].astype('string')."
            ) from None
    return pa.table(columns, names=names)


def _whole_numbers(column: pa.Array) -> pa.Array:
    """pandas makes integers with gaps doubles, so an id 1001 would become the text 1001.0: make them integers again.

    Only where there are gaps, every value is whole, and none is beyond what a double holds exactly (2^53).
    """
    if not pa.types.is_floating(column.type) or not column.null_count or column.null_count == len(column):
        return column
    values = column.drop_null().to_numpy(zero_copy_only=False)
    whole = (values == values.round()) & (abs(values) <= 2**53)
    return column.cast(pa.int64()) if whole.all() else column


def _of_table(table: pa.Table, name: str) -> Stream:
    if not table.num_rows or not table.num_columns:
        raise SourceError(f"{name}: has no {'columns' if table.num_rows else 'rows'}. Nothing was written.")
    return _stream(table.schema, partial(table.to_batches, max_chunksize=CHUNK_ROWS), name)


def _once(unread: list[pa.RecordBatchReader], name: str) -> Iterator[pa.RecordBatch]:
    if not unread:
        raise SourceError(f"{name}: a RecordBatchReader can be read only once. Read it into a table first.")
    yield from _exported(unread.pop(), name)


def _exported(frame: Any, name: str) -> Iterator[pa.RecordBatch]:
    """The batches of an object with ``__arrow_c_stream__``, exported anew each time it is read."""
    try:
        reader = pa.RecordBatchReader.from_stream(frame)
    except (pa.ArrowException, RuntimeError, ValueError) as error:
        raise SourceError(
            f"{name}: {type(frame).__name__} can be read only once ({error}). Make a table of it first."
        ) from None
    for batch in reader:
        for at in range(0, batch.num_rows, CHUNK_ROWS):
            yield batch.slice(at, CHUNK_ROWS)


def _stream(schema: pa.Schema, pieces: Any, name: str) -> Stream:
    arrow_schema = pa.schema([(field.name, plain_type(field.type) or field.type) for field in schema])
    leaves = tuple(Leaf((field.name,), field.type, field.name) for field in arrow_schema)
    readable = tuple(plain_type(field.type) is not None for field in schema)
    step = partial(_chunk, leaves=leaves, readable=readable)
    return Stream(lambda: iter(pieces()), (step,), leaves, arrow_schema, name)


def _chunk(batch: pa.RecordBatch, leaves: tuple[Leaf, ...], readable: tuple[bool, ...]) -> Chunk:
    """A batch as a chunk; what no record can hold is null and a finding, columns of other types stay as they are."""
    rows = np.arange(1, batch.num_rows + 1, dtype=np.int64)
    columns: list[pa.Array] = []
    issues: list[Finding] = []
    for column, leaf, plain in zip(batch.columns, leaves, readable, strict=True):
        if plain:
            column, unfit = plain_column(column)
            issues += unfit_findings(unfit, leaf, rows)
        else:
            column = takeable(column)
        columns.append(column)
    records = pa.RecordBatch.from_arrays(columns, names=[leaf.path[0] for leaf in leaves])
    return row_chunk(records, leaves, size=0, issues=tuple(issues))


def as_records(stream: Stream) -> Stream:
    """A stream of rows as one of records: every column has a type that a record can hold.

    Raises:
        SourceError: a column has none; the message names it.
    """
    require_readable(stream.name, stream.arrow_schema)
    names = stream.arrow_schema.names
    for name in names:
        if names.count(name) > 1:
            raise SourceError(f"{stream.name}: has the column {name!r} twice. Rename one of them.")
    if all(plain_type(leaf.type, exact=False) == leaf.type for leaf in stream.leaves):
        return stream
    leaves = tuple(replace(leaf, type=plain_type(leaf.type, exact=False)) for leaf in stream.leaves)
    arrow_schema = pa.schema([(field.name, plain_type(field.type, exact=False)) for field in stream.arrow_schema])
    return stream.then(partial(_records, leaves=leaves), leaves, arrow_schema)


def _records(chunk: Chunk, leaves: tuple[Leaf, ...]) -> Chunk:
    return replace(chunk, leaves=leaves, records=inexact(chunk.records))
