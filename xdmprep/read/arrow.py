"""DataFrames, Arrow tables, everything with ``__arrow_c_stream__`` (polars, DuckDB, ...), Parquet and Arrow files."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from io import IOBase
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa

from .. import kernels
from ..core.arrow_file import ArrowSource, ParquetSource
from ..core.arrow_types import (
    LOST_DIGITS,
    Unfit,
    floats_as_doubles,
    has_lost_digits,
    held_column,
    holds,
    holds_text,
    inexact,
    is_coded,
    joined,
    lost_digits,
    plain_field,
    plain_type,
    require_readable,
    type_words,
    why_unheld,
)
from ..core.names import with_index
from ..core.ndjson.fields import MAX_NOTES, is_numeral
from ..core.shred import Leaf, column_leaves, conform
from ..core.stream import (
    Chunk,
    Finding,
    Stream,
    Unlike,
    chunk_bytes,
    reading,
    row_chunk,
    unfit_findings,
    with_all_columns,
)
from ..errors import NoRowsError, SourceError, shorten
from ..kernels.json_columns import NUMERAL
from .objects import Objects, SpooledItems, is_nan, is_slow_or_odd, read_columns, read_rows
from .row_kinds import guarded, of_cursor, why_no_source

#: Rows of one chunk.
CHUNK_ROWS = 16_384

#: Rows of one block of a source of batches, unless they take more than :func:`~xdmprep.core.stream.chunk_bytes`.
BLOCK_ROWS = 32_768

#: Rows at either end of a table by which the size of all is estimated.
_FEW = 64

#: How datasets are read.
_SCAN = {"batch_size": CHUNK_ROWS, "batch_readahead": 2, "fragment_readahead": 1}


def read_frame(frame: Any, name: str = "data") -> Stream:
    """The rows of anything in memory that has columns or is rows.

    Args:
        frame: a pandas DataFrame (its index is left out), a polars DataFrame or LazyFrame, an Arrow table, batch,
            reader, dataset or scanner, any object with ``__arrow_c_stream__`` or ``__arrow_c_array__``, a dict of
            columns, a list, tuple or generator of rows (dicts, named tuples, dataclasses, rows of a database), or
            one of tables with the same columns.
        name: what messages call it.

    Raises:
        SourceError: the object is none of these, or there are no rows or columns.
    """
    pandas, polars, dataset = (sys.modules.get(module) for module in ("pandas", "polars", "pyarrow.dataset"))
    if pandas is not None and isinstance(frame, pandas.DataFrame):
        made = _of_columns(*_from_pandas(frame), name)
        if index := [str(name) for name in frame.index.names if name is not None]:
            made = replace(made, arrow_schema=with_index(made.arrow_schema, index))
        return made
    if polars is not None and isinstance(frame, polars.DataFrame | polars.LazyFrame):
        return _of_columns(*_from_polars(frame), name)
    if _is_relation(frame):
        frame = _from_duckdb(frame)
    if isinstance(frame, pa.RecordBatch):
        frame = pa.Table.from_batches([frame])
    if isinstance(frame, pa.Table):
        return _of_table(frame, name)
    if isinstance(frame, pa.RecordBatchReader):  # it can be read only once; a second reading must not look empty
        unread = [frame]
        return replace(_stream(frame.schema, partial(_once, unread, name), name), rereadable=False)
    if dataset is not None and isinstance(frame, dataset.Dataset):
        return _stream(frame.schema, partial(_scanned, partial(_of_dataset, frame), name), name)
    if dataset is not None and isinstance(frame, dataset.Scanner):
        return _stream(frame.projected_schema, partial(_scanned, frame.to_batches, name), name)
    if hasattr(frame, "__arrow_c_stream__"):
        try:
            found = pa.RecordBatchReader.from_stream(frame).schema
        except Exception as error:  # of the library that made the object
            if "non-struct type" in str(error):
                raise SourceError(
                    f"{name}: {type(frame).__name__} is one column, not a table. Give a table, as made by to_frame()."
                ) from None
            what = f"{type(frame).__name__} gives no table"
            raise SourceError(f"{name}: {what} ({type(error).__name__}: {shorten(str(error), 200)}).") from None
        return replace(_stream(found, partial(_exported, frame, name), name), rereadable=False)
    if hasattr(frame, "__arrow_c_array__"):
        try:
            return _of_table(pa.Table.from_batches([pa.record_batch(frame)]), name)
        except Exception as error:
            raise SourceError(
                f"{name}: {type(frame).__name__} has no columns ({error}). Give a record batch."
            ) from None
    if isinstance(frame, Mapping):
        columns = read_columns(frame, _column)
        return _of_columns([*columns], [*columns.values()], name)
    numpy_names = getattr(getattr(frame, "dtype", None), "names", None)
    if isinstance(frame, np.ndarray) and numpy_names and frame.ndim == 1:
        return read_frame({column: frame[column] for column in numpy_names}, name)
    if not isinstance(frame, list | tuple) and is_series(frame):
        frame = of_cursor(iter(frame))
    if isinstance(frame, list | tuple | Iterator):
        again = isinstance(frame, list | tuple)
        rows: Any = frame if again else guarded(frame, "the rows", _rows_of)
        first = next(iter(rows), None)
        if _is_table(first):
            return _of_frames(frame if again else chain([first], rows), again, name)
        schema, pieces, unlike = read_rows(rows if again or first is None else chain([first], rows))
        return replace(_stream(schema, pieces, name), unlike=unlike)
    raise SourceError(why_no_source(frame))


def is_series(given: Any) -> bool:
    """Whether an object may give rows or tables one after the other."""
    module = type(given).__module__.partition(".")[0]
    odd = isinstance(given, str | bytes | bytearray | memoryview | type | IOBase)
    return isinstance(given, Iterable) and not odd and module not in ("pandas", "polars", "numpy", "pyarrow")


def _is_table(value: Any) -> bool:
    """Whether an item of a series is a table, not a row."""
    whole = hasattr(value, "__arrow_c_stream__") or hasattr(value, "__arrow_c_array__")
    return not isinstance(value, Mapping) and (whole or type(value).__name__ in ("DataFrame", "LazyFrame"))


def _rows_of(item: Any) -> int:
    rows = getattr(item, "num_rows", None)
    return rows if isinstance(rows, int) else len(item) if _is_table(item) and hasattr(item, "__len__") else 1


def _of_frames(frames: Iterable[Any], again: bool, name: str) -> Stream:
    """Tables one after the other as one stream, with the columns of the first.

    What has no value in it gets the type of the next table where it has, and objects get the fields of all tables.  Of
    a generator, the tables that are read for this go through a temporary file: all of them where columns hold dicts.
    """
    numbered = enumerate(frames, 1)
    seen = SpooledItems()
    last: list[tuple[int, Any]] = []
    schema: pa.Schema | None = None
    unlike: Unlike | None = None
    for number, frame in numbered:
        if (stream := _table(frame, f"{name}, table {number}")) is None:
            continue
        found = stream.arrow_schema
        unlike = stream.unlike if schema is None else unlike
        if schema is not None:
            alike = sorted(found.names) == sorted(schema.names)
            found = pa.schema([_filled(field, found.field(field.name)) for field in schema]) if alike else schema
        schema = found
        gain = again or stream.unlike is not None  # Arrow's tables of a generator have the fields of the first
        if not any(holds(one.type, pa.types.is_null) or (gain and holds(one.type, _has_fields)) for one in schema):
            last = [(number, frame)]
            break
        if not again:
            seen.add((number, _packed(stream)))
    if schema is None:
        raise SourceError(f"{name}: has no rows.")
    columns = schema
    before = ((number, pa.ipc.open_stream(data).read_all()) for number, data in seen.items())
    left = [chain(before, last, numbered)]

    def pieces() -> Iterator[pa.RecordBatch]:
        if not again and not left:
            raise SourceError(f"{name}: a generator of tables can be read only once. Make a list of it first.")
        for number, frame in enumerate(frames, 1) if again else left.pop():
            yield from _like(frame, columns, f"{name}, table {number}")

    def unlike_in_all() -> list[str]:
        found = [read_frame(frame, name).unlike for frame in frames]
        return [note for one in found if one is not None for note in one()]

    return replace(_stream(columns, pieces, name), rereadable=again, unlike=unlike_in_all if again else unlike)


def _filled(field: pa.Field, later: pa.Field) -> pa.Field:
    """A field with the types of a later one where it has no values, and its fields beside its own."""
    kind, other = field.type, later.type
    if pa.types.is_null(kind):
        return later
    if pa.types.is_list(kind) and pa.types.is_list(other):
        return field.with_type(pa.list_(_filled(kind.value_field, other.value_field)))
    if pa.types.is_struct(kind) and pa.types.is_struct(other):
        named, mine = {one.name: one for one in other}, {one.name for one in kind}
        more = [one for one in other if one.name not in mine]
        return field.with_type(pa.struct([*(_filled(one, named.get(one.name, one)) for one in kind), *more]))
    return field


def _has_fields(kind: pa.DataType) -> bool:
    return bool(pa.types.is_struct(kind))


def _within(kind: pa.DataType, whole: pa.DataType) -> bool:
    """Whether a type is another one without some of its fields or, in places, without values."""
    if pa.types.is_list(kind) and pa.types.is_list(whole):
        return _within(kind.value_type, whole.value_type)
    if pa.types.is_struct(kind) and pa.types.is_struct(whole):
        named = {one.name: one.type for one in whole}
        return all(one.name in named and _within(one.type, named[one.name]) for one in kind)
    return bool(pa.types.is_null(kind) or kind == whole)


def _packed(stream: Stream) -> bytes:
    """The rows of a table as bytes."""
    table, sink = pa.Table.from_batches(stream.source()), pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def _table(frame: Any, name: str) -> Stream | None:
    """One of several tables; None where it has no rows.

    Raises:
        SourceError: it is no table.
    """
    if not _is_table(frame):
        raise SourceError(f"{name}: is of type {type(frame).__name__}, the items before it are tables.")
    return read_frame(frame, name) if _rows_of(frame) else None


def _like(frame: Any, schema: pa.Schema, name: str) -> Iterator[pa.RecordBatch]:
    """The rows of one of several tables, with the columns of the first; SourceError if it has others."""
    if (stream := _table(frame, name)) is None:
        return
    found = stream.arrow_schema
    if sorted(found.names) != sorted(schema.names):
        raise SourceError(
            f"{name}: has the columns {shorten(', '.join(found.names), 200)}, the first "
            f"{shorten(', '.join(schema.names), 200)}. Give all tables the same columns."
        )
    for table in stream.source():
        columns = [_of_type(table.column(field.name), found.field(field.name), field, name) for field in schema]
        yield from pa.Table.from_arrays(columns, names=schema.names).to_batches()


def _of_type(
    column: pa.Array | pa.ChunkedArray, found: pa.Field, field: pa.Field, name: str
) -> pa.Array | pa.ChunkedArray:
    """A column of the field `found` of a later table with the type of the first, if that changes no value.

    In pandas' chunks, integers are floats where one is missing.
    """
    kind = found.type
    if column.type == field.type:
        return column
    numbers = all(pa.types.is_integer(one) or pa.types.is_floating(one) for one in (kind, field.type))
    odd = [isinstance(one, pa.OpaqueType) and pa.types.is_null(one.storage_type) for one in (kind, field.type)]
    with suppress(pa.ArrowException):
        if numbers and pa.types.is_floating(column.type) and pa.types.is_floating(field.type):
            return floats_as_doubles(column).cast(field.type)
        if numbers or (kind == field.type and holds_text(column.type)):
            return column.cast(field.type)  # so that small tables can be joined
        if all(odd) or (not odd[0] and column.null_count == len(column)):
            return pa.nulls(len(column), field.type)
        if kind != field.type and _within(kind, field.type):
            return conform(column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column, field.type)
    if kind == field.type:
        return column
    if plain_type(kind) is None:
        raise SourceError(f"{name}: in the column {field.name!r}, {why_unheld(kind)}.")
    shown = [type_words(one) if is_odd else str(one) for one, is_odd in zip((kind, field.type), odd, strict=True)]
    raise SourceError(
        f"{name}: the column {field.name!r} is {shown[0]}, in the first table {shown[1]}. Give all tables the same "
        "types (pandas.read_csv takes dtype=str), or make one of them, as with pyarrow.concat_tables or pandas.concat."
    )


def _of_dataset(dataset: Any) -> Iterator[pa.RecordBatch]:
    """The batches of a dataset, row group by row group: a scan of the whole reads ahead up to a gigabyte."""
    from pyarrow.dataset import InMemoryDataset, ParquetFileFragment

    try:
        fragments = None if isinstance(dataset, InMemoryDataset) else dataset.get_fragments()
    except ValueError:  # of a filtered one they cannot be had
        fragments = None
    if fragments is None:
        yield from dataset.to_batches(**_SCAN)
        return
    for fragment in fragments:
        groups = fragment.split_by_row_group() if isinstance(fragment, ParquetFileFragment) else [fragment]
        for group in groups:
            yield from group.to_batches(schema=dataset.schema, **_SCAN)


def _scanned(batches: Callable[[], Iterable[pa.RecordBatch]], name: str) -> Iterator[pa.RecordBatch]:
    yield from guarded(chain.from_iterable(scan() for scan in [batches]), name, len)


def _column(values: Any) -> pa.Array | pa.ChunkedArray | Objects:
    """A pandas, numpy, polars or Arrow column as an array."""
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values
    module = type(values).__module__.partition(".")[0]
    if module == "pandas":
        return _of_series(values)
    if module == "polars":
        return _from_polars(values.to_frame())[1][0]
    kind = getattr(values, "dtype", None)
    if getattr(kind, "kind", "") == "U":  # Arrow ends its strings at a NUL
        values = values.astype(object)
    elif getattr(kind, "names", None) or (str(kind) == "object" and is_slow_or_odd(values)):
        return Objects(list(values))
    try:
        return pa.array(values)
    except (pa.ArrowException, OverflowError, TypeError, ValueError):
        return Objects(list(values))


def read_parquet(path: str | os.PathLike[str]) -> Stream:
    """The rows of a Parquet file; SourceError if it cannot be read."""
    source = ParquetSource(Path(path))
    if not source.rows:
        raise NoRowsError(f"{source.file}: has no rows.", source.schema)
    return _stream(source.schema, partial(source.batches, CHUNK_ROWS), source.file.name)


def read_arrow(path: str | os.PathLike[str]) -> Stream:
    """The rows of an Arrow IPC file (Feather), or of a stream in a file; SourceError if it cannot be read."""
    source = ArrowSource(Path(path))
    if not any(batch.num_rows for batch in source.batches()):
        raise NoRowsError(f"{source.file}: has no rows.", source.schema)
    return _stream(source.schema, source.batches, source.file.name)


def _from_pandas(frame: Any) -> tuple[list[str], list[pa.Array | Objects]]:
    """The names and columns of a DataFrame without its index; a column without a name gets the number of its place."""
    pandas = sys.modules["pandas"]
    if frame.columns.nlevels > 1:
        raise SourceError(
            f"the columns of the DataFrame have {frame.columns.nlevels} levels (MultiIndex). Give each one name first: "
            'frame.columns = ["_".join(map(str, name)) for name in frame.columns].'
        )
    names = [
        f"column_{number}" if pandas.api.types.is_scalar(name) and pandas.isna(name) else str(name)
        for number, name in enumerate(frame.columns, 1)
    ]
    return names, [_of_series(series) for _, series in frame.items()]


def _of_series(series: Any) -> pa.Array | Objects:
    """A pandas column; one of Python objects gets a type that holds them all, see :mod:`.objects`."""
    pandas = sys.modules["pandas"]
    if str(series.dtype) == "category":
        words = series.dtype.categories
        if str(words.dtype) == "object" and pandas.api.types.infer_dtype(words) not in ("string", "empty"):
            series = series.astype("object")
    if str(series.dtype) == "object":
        values, missing = series.to_numpy(), (pandas.NA, pandas.NaT)
        if kernels.active.are_texts(values, missing):
            return Objects(values, missing)
        types = kernels.active.object_types(values) - {type(None)}
        if types == {float} and not np.isnan(doubles := values.astype(np.float64)).all():
            return _whole_numbers(pa.array(doubles, from_pandas=True))
        if all(issubclass(one, datetime) for one in types):
            series = series.infer_objects()
    if str(series.dtype) != "object" or not is_slow_or_odd(series.to_numpy()):
        with suppress(pa.ArrowException, OverflowError, TypeError, ValueError):
            return _whole_numbers(pa.Array.from_pandas(series))
    return Objects([None if is_nan(value) else value for value in series])


def _from_polars(frame: Any) -> tuple[list[str], list[pa.ChunkedArray | Objects]]:
    """The names and columns of a polars frame; integers of 128 bits as text with all digits."""
    import polars

    if isinstance(frame, polars.LazyFrame):
        try:
            frame = frame.collect()
        except Exception as error:  # what the caller's own functions raise, too
            said = (str(error).splitlines() or [""])[0]
            raise SourceError(
                f"the LazyFrame cannot be collected ({type(error).__name__}: {shorten(said, 200)})."
            ) from error
    kinds = frame.schema  # made anew each time, from all columns
    wide = {name: made for name, kind in kinds.items() if (made := _narrow(kind)) != kind}
    frame = frame.with_columns(polars.col(name).cast(made) for name, made in wide.items())
    if frame.height // max(1, frame.n_chunks()) < CHUNK_ROWS // 4:  # polars joins chunks faster than Arrow imports them
        frame = frame.rechunk()
    return frame.columns, [
        Objects(column.to_list()) if kind == polars.Object else pa.chunked_array(column)
        for column, kind in zip(frame, kinds.values(), strict=True)
    ]


def _is_relation(frame: Any) -> bool:
    return type(frame).__module__.partition(".")[0] in ("duckdb", "_duckdb") and hasattr(frame, "project")


#: Types of DuckDB whose values Arrow gets damaged or as bytes; a name in quotes is that of a field.
_OF_DUCKDB = re.compile(r'"(?:[^"]|"")*"|\b(?:UHUGEINT|TIME WITH TIME ZONE|BIT|BIGNUM|VARINT)\b')


def _from_duckdb(relation: Any) -> Any:
    """A relation of DuckDB with text in place of types that Arrow does not have: integers of 128 bits without a sign,
    times with an offset, bits, integers of any size."""
    kinds = [_OF_DUCKDB.sub(lambda m: m[0] if m[0][0] == '"' else "VARCHAR", str(kind)) for kind in relation.types]
    if kinds == [*map(str, relation.types)]:
        return relation
    names = ['"' + name.replace('"', '""') + '"' for name in relation.columns]
    columns = (
        f"#{number} AS {name}" if made == str(kind) else f"CAST(#{number} AS {made}) AS {name}"
        for number, (name, kind, made) in enumerate(zip(names, relation.types, kinds, strict=True), 1)
    )
    return relation.project(", ".join(columns))


def _narrow(kind: Any) -> Any:
    """A type of polars with text in place of integers of 128 bits, which Arrow does not have."""
    import polars

    if str(kind) in ("Int128", "UInt128"):
        return polars.String()
    if isinstance(kind, polars.List):
        return polars.List(_narrow(kind.inner))
    if isinstance(kind, polars.Array):
        return polars.Array(_narrow(kind.inner), kind.size)
    if isinstance(kind, polars.Struct):
        return polars.Struct({field.name: _narrow(field.dtype) for field in kind.fields})
    return kind


def _whole_numbers(column: pa.Array) -> pa.Array:
    """pandas makes integers with gaps doubles, so an id 1001 would become the text 1001.0: make them integers again.

    Only where there are gaps, every value is whole, and none may have been rounded to it (2^53 and beyond).  A column
    without any value, which pandas makes doubles too, has no type.
    """
    if isinstance(column, pa.ChunkedArray) or not pa.types.is_floating(column.type) or not column.null_count:
        return column
    if column.null_count == len(column):
        return pa.nulls(len(column))
    values = column.drop_null().to_numpy(zero_copy_only=False).astype(np.float64, copy=False)
    whole = (values == values.round()) & (abs(values) < 2**53)
    return column.cast(pa.int64()) if whole.all() else column


def _of_columns(names: list[str], columns: list[Any], name: str) -> Stream:
    """Arrays and columns of Python objects as a stream; for these a table has nulls, which take no memory."""
    objects = {number: column for number, column in enumerate(columns) if isinstance(column, Objects)}
    arrays = [pa.nulls(len(column)) if isinstance(column, Objects) else column for column in columns]
    stream = _of_table(pa.Table.from_arrays(arrays, names=names), name, objects)

    def unlike() -> list[str]:
        return [note for number, column in objects.items() for note in column.unlike(names[number])][:MAX_NOTES]

    return replace(stream, unlike=unlike) if objects else stream


def _of_table(table: pa.Table, name: str, objects: Mapping[int, Objects] = MappingProxyType({})) -> Stream:
    if not table.num_rows or not table.num_columns:
        raise SourceError(f"{name}: has no {'columns' if table.num_rows else 'rows'}.")
    fields = [
        field.with_metadata(LOST_DIGITS) if lost_digits(column) else field
        for field, column in zip(table.schema, table.columns, strict=True)
    ]
    for number, column in objects.items():
        field = pa.field(table.schema.names[number], column.type)
        lost = column.type == pa.float64() and lost_digits(column.array(0, len(column)))
        fields[number] = field.with_metadata(LOST_DIGITS) if lost else field
    pieces = partial(_completed, table, objects) if objects else partial(_table_batches, table)
    return _stream(pa.schema(fields), pieces, name)


def _completed(table: pa.Table, objects: Mapping[int, Objects]) -> Iterator[pa.RecordBatch]:
    """The batches of a table with its columns of Python objects, in pieces of about a block."""
    at, rows = 0, _FEW
    for batch in _table_batches(table):
        while batch.num_rows:
            columns = batch.slice(0, rows).columns
            for number, column in objects.items():
                columns[number] = column.array(at, at + min(rows, batch.num_rows))
            piece = pa.RecordBatch.from_arrays(columns, names=table.schema.names)
            yield piece
            batch, at = batch.slice(rows), at + piece.num_rows
            rows = _block_rows(piece)


def _table_batches(table: pa.Table) -> Iterator[pa.RecordBatch]:
    """The batches of a table, small ones joined.

    Joining small chunks takes Arrow less than a microsecond for each column of each; a batch for each chunk would take
    more. A slice of the table takes as long as joining it, so only a large table is cut, each time in half.
    """
    chunks, count = max(column.num_chunks for column in table.columns), table.num_rows
    if chunks > 1 and count // chunks < CHUNK_ROWS // 4:
        if count > _FEW and count * _row_bytes(table) > 4 * chunk_bytes(table.num_columns):
            yield from _table_batches(table.slice(0, count // 2))
            yield from _table_batches(table.slice(count // 2))
            return
        with suppress(pa.ArrowException):  # dictionaries that Arrow does not join
            table = table.combine_chunks()
    yield from table.to_batches()


def _row_bytes(rows: pa.Table | pa.RecordBatch, only: frozenset[str] | None = None) -> int:
    """About how many bytes a row takes by itself.

    Columns that are not among `only` count a quarter: they are held, but as a rule neither copied nor looked at.
    """
    read = [only is None or name in only for name in rows.schema.names]
    size, others = (
        _own_bytes(rows.select([at for at, is_read in enumerate(read) if is_read is wanted]))
        for wanted in (True, False)
    )
    return max(1, int(size + others / 4))


def _own_bytes(rows: pa.Table | pa.RecordBatch) -> float:
    """About how many bytes a row takes: views and dictionaries share theirs with other rows."""
    if not rows.num_rows:
        return 0
    shares = [re.search("view|dictionary", str(kind)) is not None for kind in rows.schema.types]
    size: float = rows.select([at for at, is_shared in enumerate(shares) if not is_shared]).nbytes / rows.num_rows
    shared = rows.select([at for at, is_shared in enumerate(shares) if is_shared])
    for end in (shared.slice(0, _FEW), shared.slice(max(0, rows.num_rows - _FEW))) if any(shares) else ():
        size += sum(_joined(column, held_column)[0].nbytes for column in end.columns) / (2 * end.num_rows)
    return size


def _once(unread: list[pa.RecordBatchReader], name: str) -> Iterator[pa.RecordBatch]:
    if not unread:
        raise SourceError(f"{name}: a RecordBatchReader can be read only once. Read it into a table first.")
    yield from guarded(
        unread.pop(), name, len
    )  # as it is: exporting and importing a batch takes longer than joining it


def _exported(frame: Any, name: str) -> Iterator[pa.RecordBatch]:
    """The batches of an object with ``__arrow_c_stream__``, exported anew each time it is read."""
    try:
        reader = pa.RecordBatchReader.from_stream(frame)
    except (pa.ArrowException, RuntimeError, ValueError) as error:
        raise SourceError(
            f"{name}: {type(frame).__name__} can be read only once ({error}). Make a table of it first."
        ) from None
    yield from guarded(reader, name, len)


def _stream(schema: pa.Schema, pieces: Any, name: str) -> Stream:
    plain = [plain_field(field) for field in schema]
    arrow_schema = pa.schema([
        (made or field).with_metadata(LOST_DIGITS) if has_lost_digits(field) else made or field.remove_metadata()
        for field, made in zip(schema, plain, strict=True)
    ])  # fmt: skip
    leaves = column_leaves(arrow_schema)
    changed = [number for number, leaf in enumerate(leaves) if schema.field(number).type != leaf.type]
    numbers = frozenset(field.name for field in arrow_schema if is_numeral(field))

    def narrowed(names: frozenset[str]) -> Callable[[pa.Table | pa.RecordBatch], Chunk]:
        held = [leaf.path[0] not in names for leaf in leaves]
        return partial(_chunk, leaves=leaves, held=held, numbers=numbers)

    step = narrowed(frozenset(schema.names))
    blocks = partial(_blocks, changed=changed)
    return Stream(pieces, (step,), leaves, arrow_schema, name, narrowed=narrowed, gather=blocks)


def _block(batches: list[pa.RecordBatch]) -> pa.Table | pa.RecordBatch:
    """Batches as a block; tiny ones are joined here, as chunks of a table they take three times as long."""
    if len(batches) == 1:
        return batches[0]
    if len(batches) > _FEW:
        with suppress(pa.ArrowException):  # dictionaries that Arrow does not join
            batches = [pa.concat_batches(batches)]
    return pa.Table.from_batches(batches)


def _block_rows(batch: pa.RecordBatch, only: frozenset[str] | None = None) -> int:
    """How many rows such as these are a block."""
    return max(1, min(BLOCK_ROWS, chunk_bytes(batch.num_columns) // _row_bytes(batch, only)))


def _blocks(
    batches: Iterable[pa.RecordBatch],
    only: frozenset[str] | None = None,
    changed: Sequence[int] = (),
    whole: bool = False,
) -> Iterator[pa.Table | pa.RecordBatch]:
    """The same rows in blocks of at most about :data:`BLOCK_ROWS`, whose chunks the first step joins.

    Each takes a fixed time through all steps, however few rows it has.

    Args:
        batches: the rows.
        only: the columns that are read; None for all.
        changed: places of the columns whose type changes.
        whole: whether larger batches are not cut where their columns pass as they are.

    Yields:
        The blocks.
    """
    held: list[pa.RecordBatch] = []
    rows = most = measured = 0
    for batch in batches:
        if held and batch.schema != held[-1].schema:  # of tables with other layouts of the same types
            yield _block(held)
            held, rows, measured = [], 0, 0
        if rows >= measured:  # at the first batch of a block, and when its rows have doubled
            most = min(most if rows else BLOCK_ROWS, _block_rows(batch, only))
            measured = max(1, 2 * rows)
        if whole and batch.num_rows > most and all(is_coded(batch.column(at)) for at in changed):
            if held:
                yield _block(held)
            yield batch
            held, rows, measured = [], 0, 0
            continue
        while rows + batch.num_rows > most + most // 8:
            if rows < most // 2 or not rows:
                held.append(batch.slice(0, most - rows))
                batch = batch.slice(most - rows)
            yield _block(held)
            held, rows, measured = [], 0, 0
        if batch.num_rows:
            held.append(batch)
            rows += batch.num_rows
    if held:
        yield _block(held)


def _chunk(
    table: pa.Table | pa.RecordBatch, leaves: tuple[Leaf, ...], held: list[bool], numbers: frozenset[str]
) -> Chunk:
    """A block as a chunk; what no record can hold is null and a finding, columns of other types stay as they are.

    Columns that are only `held` stay as they come.
    """
    rows = np.arange(1, table.num_rows + 1, dtype=np.int64)
    columns: list[pa.Array] = []
    issues: list[Finding] = []
    for column, leaf, unread in zip(table.columns, leaves, held, strict=True):
        made, unfit = _joined(column, _as_it_is if unread else held_column)
        if unfit:
            issues += unfit_findings(unfit, leaf, rows)
        columns.append(made)
    records = pa.RecordBatch.from_arrays(columns, names=[leaf.path[0] for leaf in leaves])
    if numbers:
        marked = [one.with_metadata(NUMERAL) if one.name in numbers else one for one in records.schema]
        records = pa.RecordBatch.from_arrays(columns, schema=pa.schema(marked))
    return row_chunk(records, leaves, size=0, issues=tuple(issues))


def _as_it_is(column: pa.Array) -> tuple[pa.Array, list[Unfit]]:
    return column, []


def _joined(
    column: pa.Array | pa.ChunkedArray, made: Callable[[pa.Array], tuple[pa.Array, list[Unfit]]]
) -> tuple[pa.Array, list[Unfit]]:
    """The chunks of a column as one, and what `made` makes of it; made plain first where Arrow does not join them."""
    if isinstance(column, pa.Array):
        return made(column)
    chunks = column.chunks
    with suppress(pa.ArrowException):
        return made(chunks[0] if len(chunks) == 1 else column.combine_chunks())
    parts, found, at = [], [], 0
    for chunk in chunks:
        part, unfit = held_column(chunk)
        parts.append(part)
        found += [replace(item, rows=item.rows + at) for item in unfit]
        at += len(chunk)
    return joined(parts), found


def whole_records(stream: Stream) -> Stream:
    """A stream of rows that are records, with all their columns, in the types of the source.

    Raises:
        SourceError: a column has no type that a record can hold, or another one's name, or a place holds values of
            different types; the message names it.
    """
    stream = with_all_columns(stream)
    stream = reading(stream, frozenset(stream.arrow_schema.names))
    require_readable(stream.name, stream.arrow_schema)
    if stream.unlike is not None and (notes := stream.unlike()):
        raise SourceError(
            f"{stream.name}: {'; '.join(notes)}. As records are written, one column must hold them all, and "
            "only strings could. Correct the values, or map the rows with a schema."
        )
    names = stream.arrow_schema.names
    for name in names:
        if names.count(name) > 1:
            raise SourceError(f"{stream.name}: has the column {name!r} twice. Rename one of them.")
    return stream


def as_records(stream: Stream) -> Stream:
    """The same as :func:`whole_records`, with the types that records have without a schema: null becomes string."""
    stream = whole_records(stream)
    arrow_schema = pa.schema([plain_field(field, exact=False) for field in stream.arrow_schema])
    numbers = {(field.name,) for field in stream.arrow_schema if is_numeral(field)}
    leaves = tuple(
        replace(leaf, type=pa.float64() if leaf.path in numbers else plain_type(leaf.type, exact=False))
        for leaf in stream.leaves
    )
    if all(one.type == other.type for one, other in zip(leaves, stream.leaves, strict=True)):
        return stream
    return stream.then(partial(_records, leaves=leaves), leaves, arrow_schema)


def _records(chunk: Chunk, leaves: tuple[Leaf, ...]) -> Chunk:
    columns = [
        conform(column, leaf.type) if pa.types.is_nested(leaf.type) or pa.types.is_floating(leaf.type) else column
        for column, leaf in zip(inexact(chunk.records).columns, leaves, strict=True)
    ]
    records = pa.RecordBatch.from_arrays(columns, chunk.records.schema.names)
    return replace(chunk, leaves=leaves, records=records)
