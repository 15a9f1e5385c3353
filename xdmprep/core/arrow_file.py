"""Arrow IPC files (also called Feather), streams kept in a file, and Parquet files, as record batches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from ..errors import SourceError
from .documents import is_file
from .signatures import other_kind

#: What files begin with: those of the file format, of the first version of Feather, and of the stream format.
_FILE, _FEATHER_1, _STREAM = b"ARROW1", b"FEA1", b"\xff\xff\xff\xff"
#: Most bytes of a schema; what says more is no stream.
_LARGEST_SCHEMA = 1 << 26


def is_arrow(head: bytes) -> bool:
    """Whether a file with these first bytes (8 at least) is an Arrow file, a stream, or Feather of any version."""
    if head.startswith((_FILE, _FEATHER_1)):
        return True
    size = int.from_bytes(head[4:8], "little")
    return head.startswith(_STREAM) and len(head) >= 8 and size % 8 == 0 and 0 < size < _LARGEST_SCHEMA


def is_arrow_file(file: Path) -> bool:
    """The same for the file at a path; False for what is no file: opening a pipe would wait for a writer."""
    if not is_file(file):
        return False
    try:
        with file.open("rb") as opened:
            return is_arrow(opened.read(8))
    except OSError:
        return False


@contextmanager
def _told(file: Path, what: str) -> Iterator[None]:
    """What Arrow raises for a file that it cannot read, as one sentence."""
    try:
        yield
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        if isinstance(error, OSError) and error.errno is not None and error.strerror:
            raise SourceError(f"{file}: {error.strerror}.") from None
        if isinstance(error, FileNotFoundError):
            raise SourceError(f"{file}: {error}.") from None
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200].rstrip(".")
        if "crypt" in reason:
            raise SourceError(f"{file}: is encrypted ({reason}). Decrypt it first.") from None
        with file.open("rb") as opened:
            head = opened.read(4096)
        kind = "" if head.startswith(b"PAR1") or is_arrow(head) else other_kind(head)
        raise SourceError(f"{file}: {what} " + (f"({kind})." if kind else f"({reason}). Write it again.")) from None


class ArrowSource:
    """An Arrow file (file or stream format) that can be read any number of times, one batch in memory at a time."""

    def __init__(self, file: Path) -> None:
        self.file = file
        with _told(file, "cannot be read"), file.open("rb") as opened:
            head = opened.read(4096)
        if not head:
            raise SourceError(f"{file}: is empty.")
        if not is_arrow(head):
            raise SourceError(f"{file}: is not an Arrow file ({other_kind(head) or 'it does not begin like one'}).")
        if head.startswith(_FEATHER_1):
            raise SourceError(
                f"{file}: is a Feather file of version 1. Read it with pandas.read_feather and give the DataFrame, or "
                "write it again with version=2."
            )
        self._is_file = head.startswith(_FILE)
        with _told(file, "is not a whole Arrow file"), self._opened() as reader:
            self.schema = pa.schema([(field.name, field.type) for field in reader.schema])
            if any(_is_impossible(kind) for kind in self.schema.types):
                raise pa.ArrowInvalid("types that cannot be")

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        from pyarrow import ipc

        opened = ipc.open_file if self._is_file else ipc.open_stream
        with pa.OSFile(str(self.file)) as source, opened(source) as reader:
            yield reader

    def batches(self) -> Iterator[pa.RecordBatch]:
        """All batches, each checked since Arrow trusts what a file says; SourceError if it is damaged."""
        with _told(self.file, "cannot be read to its end"), self._opened() as reader:
            places = map(reader.get_batch, range(reader.num_record_batches)) if self._is_file else reader
            for batch in places:
                for column in batch.columns:
                    _check(column)
                yield batch


def _is_impossible(kind: pa.DataType) -> bool:
    """Whether a type has something in it that no writer gives: a zone without a name, a decimal of such a scale.

    Raises:
        UnicodeDecodeError: the name of a field or zone is not UTF-8.
    """
    if pa.types.is_timestamp(kind) and kind.tz == "":
        return True
    if pa.types.is_decimal(kind):
        return bool(abs(kind.scale) > 76)
    if pa.types.is_dictionary(kind):
        return _is_impossible(kind.value_type)
    parts = [(field.name, field.type) for field in map(kind.field, range(kind.num_fields))]
    return any(_is_impossible(inner) for _, inner in parts)


def _check(column: pa.Array) -> None:
    """Raise ArrowInvalid for bad offsets, lengths and codes; text that is not UTF-8 is for the rows that hold it."""
    if pa.types.is_string(column.type):
        column = column.view(pa.binary())
    elif pa.types.is_large_string(column.type):
        column = column.view(pa.large_binary())
    elif pa.types.is_struct(column.type):  # what lies behind a null of it may be anything
        column.validate()
        for part in column.flatten():
            _check(part)
        return
    elif isinstance(column, pa.ListArray | pa.LargeListArray):  # or a map
        column.validate()
        parts = [column.keys, column.items] if isinstance(column, pa.MapArray) else [column.values]
        lists = pa.LargeListArray if isinstance(column, pa.LargeListArray) else pa.ListArray
        lists.from_arrays(column.offsets, pa.nulls(len(parts[0]))).validate(full=True)
        for part in parts:
            _check(part)
        return
    column.validate(full=True)


class ParquetSource:
    """A Parquet file that can be read any number of times; SourceError if it is none, or is encrypted."""

    def __init__(self, file: Path) -> None:
        import pyarrow.parquet as pq

        self.file = file
        with _told(file, "is not a Parquet file"), pq.ParquetFile(file) as opened:
            # the metadata of frameworks is not for us, and a type that it names may need a package
            self.schema = pa.schema([(field.name, field.type) for field in opened.schema_arrow])
            groups = map(opened.metadata.row_group, range(opened.metadata.num_row_groups))
            self.rows = sum(group.num_rows for group in groups)  # some writers leave the total out

    def batches(self, rows: int) -> Iterator[pa.RecordBatch]:
        """All rows, in batches of this size; SourceError if a page is damaged or encrypted."""
        import pyarrow.parquet as pq

        # timestamps of 96 bits would wrap around in nanoseconds
        options = {"memory_map": False, "pre_buffer": False, "coerce_int96_timestamp_unit": "ms"}
        seen = 0
        with (
            _told(self.file, "cannot be read to its end"),
            pq.ParquetFile(self.file, page_checksum_verification=True, **options) as opened,
        ):
            for batch in opened.iter_batches(batch_size=rows, use_threads=False):
                seen += batch.num_rows
                yield batch
        if seen != self.rows:
            raise SourceError(f"{self.file}: is damaged. It holds {seen:,} rows, and says that it has {self.rows:,}.")
