"""DataFrames, Arrow tables, everything with ``__arrow_c_stream__`` (polars, DuckDB, ...) and Parquet files."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ..errors import NoRowsError, SourceError, shorten
from ..flow import TIMESTAMP, Chunk, Stream, row_chunk
from ..leaves import Leaf

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
        return _stream(pa.RecordBatchReader.from_stream(frame).schema, partial(_exported, frame, name), name)
    raise SourceError(
        f"{type(frame).__name__} is not a source. Give a path, a DataFrame, or an object with __arrow_c_stream__."
    )


def read_parquet(path: str | os.PathLike[str]) -> Stream:
    """The rows of a Parquet file.

    Raises:
        SourceError: the file is missing, empty or not Parquet.
    """
    import pyarrow.parquet as pq

    file = Path(path)
    try:
        with pq.ParquetFile(file) as opened:
            schema, rows = opened.schema_arrow, opened.metadata.num_rows
    except OSError as error:
        why = error.strerror or f"is not a Parquet file ({shorten(str(error), 200)})"
        raise SourceError(f"{file}: {why}.") from None
    except (pa.ArrowException, ValueError) as error:
        raise SourceError(f"{file}: is not a Parquet file ({shorten(str(error), 200)}).") from None
    if not rows:
        raise NoRowsError(f"{file}: has no rows. Nothing was written.")

    def pieces() -> Iterator[pa.RecordBatch]:
        try:
            with pq.ParquetFile(file, memory_map=False, pre_buffer=False) as opened:
                yield from opened.iter_batches(batch_size=CHUNK_ROWS, use_threads=False)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise SourceError(f"{file}: cannot be read to its end ({shorten(str(error), 200)}).") from None

    return _stream(schema, pieces, file.name)


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
    for field in schema:
        if plain_type(field.type) is None:
            raise SourceError(f"{name}: column {field.name!r} has the type {field.type}, which no XDM field can hold.")
    arrow_schema = pa.schema([(field.name, plain_type(field.type)) for field in schema])
    leaves = tuple(Leaf((field.name,), field.type, field.name) for field in arrow_schema)
    return Stream(lambda: iter(pieces()), (partial(_chunk, leaves=leaves),), leaves, arrow_schema, name)


def _chunk(batch: pa.RecordBatch, leaves: tuple[Leaf, ...]) -> Chunk:
    columns = [plain_column(column, leaf.type) for column, leaf in zip(batch.columns, leaves, strict=True)]
    records = pa.RecordBatch.from_arrays(columns, names=[leaf.path[0] for leaf in leaves])
    return row_chunk(records, leaves, size=0)


def plain_type(kind: pa.DataType) -> pa.DataType | None:
    """The one type that chunks use for `kind`; None if XDM has nothing for it.

    Unsigned integers become int64, floats double, naive date-times count as UTC, decimals without a fraction
    become text (ids of more than 18 digits stay exact), other decimals double.
    """
    types = pa.types
    if types.is_dictionary(kind):
        return plain_type(kind.value_type)
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind) or types.is_null(kind):
        return pa.string()
    if types.is_boolean(kind) or types.is_signed_integer(kind):
        return kind
    if types.is_unsigned_integer(kind):
        return pa.int64()
    if types.is_floating(kind):
        return pa.float64()
    if types.is_decimal(kind):
        return pa.string() if kind.scale == 0 else pa.float64()
    if types.is_date(kind):
        return pa.date32()
    if types.is_timestamp(kind):
        return TIMESTAMP
    if types.is_time(kind):
        return pa.string()
    if types.is_struct(kind):
        fields = [(field.name, plain_type(field.type)) for field in kind]
        return None if any(inner is None for _, inner in fields) else pa.struct(fields)
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind) or types.is_list_view(kind):
        inner = plain_type(kind.value_type)
        return None if inner is None else pa.list_(inner)
    if types.is_map(kind):
        inner = plain_type(kind.item_type)
        return None if inner is None or plain_type(kind.key_type) != pa.string() else pa.map_(pa.string(), inner)
    return None


def plain_column(column: pa.Array, kind: pa.DataType) -> pa.Array:
    """`column` as `kind`, its :func:`plain_type`; text may stay dictionary-encoded."""
    if column.type.equals(kind):
        return column
    if isinstance(column, pa.DictionaryArray):
        if kind == pa.string() and column.dictionary.null_count == 0:
            values = column.dictionary.cast(pa.string())
            return pa.DictionaryArray.from_arrays(column.indices.cast(pa.int32()), values)
        return plain_column(column.dictionary_decode(), kind)
    if pa.types.is_timestamp(column.type):
        if column.type.tz is None:
            column = pc.assume_timezone(column, "UTC")
        return column.cast(kind, safe=False)
    if pa.types.is_decimal(column.type) and kind == pa.string():
        return column.cast(pa.string())
    try:
        return column.cast(kind, safe=not pa.types.is_decimal(column.type))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise SourceError(f"a column of type {column.type} cannot be read as {kind}: {error}.") from None
