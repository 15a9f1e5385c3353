"""Parts of a batch: files below the platform's size limit, cut at record ends."""

from __future__ import annotations

import io
import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..errors import OutputError, UsageError
from ..flow import Chunk
from ..leaves import Leaf
from ..manifest import File
from .encode import Encoder
from .folder import OutputFolder, WholeFile
from .texts import plain_texts

#: The platform takes 256 MB in one request (Guardrails for data ingestion); parts stay below with a margin.
PLATFORM_MAX_BYTES = 256_000_000
DEFAULT_MAX_BYTES = 240_000_000
MIN_MAX_BYTES = 1024
#: A batch with more files or bytes fails; a row with more fields is refused (Guardrails for data ingestion).
PLATFORM_MAX_FILES = 25_000
PLATFORM_MAX_BATCH_BYTES = 1 << 40
PLATFORM_MAX_FIELDS = 10_000


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """How records are written.

    Attributes:
        format: ``json`` (one record a line), ``parquet`` or ``csv`` (flat records only).
        max_bytes: no part is larger.
        max_rows: no part has more records; None for no limit.
        multiline: JSON as one array a file (``isMultiLineJson``) instead of one record a line.
        compression: of Parquet pages.
        group_bytes: uncompressed size of a Parquet row group, about.
        metadata: key-value pairs for the footer of Parquet files.
        csv_escape: what stands before a quote inside a CSV value: another quote (RFC 4180) or a backslash.
        csv_null: the text for no value.
    """

    format: str = "json"
    max_bytes: int = DEFAULT_MAX_BYTES
    max_rows: int | None = None
    multiline: bool = False
    compression: str = "snappy"
    group_bytes: int = 64 << 20
    metadata: tuple[tuple[str, str], ...] = ()
    csv_escape: str = '"'
    csv_null: str = ""

    def __post_init__(self) -> None:
        """Refuse what cannot be written."""
        if self.format not in ("json", "parquet", "csv"):
            raise UsageError(f"unknown format {self.format!r}. Use json, parquet or csv.")
        if self.max_bytes < MIN_MAX_BYTES:
            raise UsageError(f"max_bytes is {self.max_bytes}; give at least {MIN_MAX_BYTES}.")
        if self.max_rows is not None and self.max_rows < 1:
            raise UsageError(f"max_rows is {self.max_rows}; give at least 1.")
        if self.csv_escape not in ('"', "\\"):
            raise UsageError(f"csv_escape is {self.csv_escape!r}; use a quote or a backslash.")


class Parts(ABC):
    """Writes, in order, what workers made of chunks; `files` are the parts finished so far."""

    ending: str

    def __init__(self, folder: OutputFolder, options: WriteOptions) -> None:
        self.files: list[File] = []
        self.options = options
        self._folder = folder
        self._part: WholeFile | None = None
        self._rows = 0
        self._bytes = 0

    @abstractmethod
    def make(self, chunk: Chunk, keep: np.ndarray[Any, Any]) -> Any:
        """In a worker: the records where `keep` (bool, n) is True, ready to be written."""

    @abstractmethod
    def add(self, made: Any, rows: int) -> None:
        """In order: append what :meth:`make` made of `rows` records.

        Raises:
            OutputError: the disk refuses, or one record alone is larger than a part may be.
        """

    def finish(self) -> None:
        """End the last part.

        Raises:
            OutputError: there are more parts or bytes than a batch may have.
        """
        if self._part is not None:
            self._bytes += self._part.bytes
            self.files.append(self._part.finish(self._rows))
            self._part, self._rows = None, 0
        if len(self.files) > PLATFORM_MAX_FILES:
            raise OutputError(
                f"there are more than {PLATFORM_MAX_FILES:,} parts, which no batch may have. "
                f"Give a larger --max-bytes (it is {self.options.max_bytes:,})."
            )
        if self._bytes > PLATFORM_MAX_BATCH_BYTES:
            raise OutputError("the parts are larger than 1 TB together, which no batch may be. Split the source.")

    def discard(self) -> None:
        """Remove the part that is being written."""
        if self._part is not None:
            self._part.discard()
            self._part = None

    def _open(self) -> WholeFile:
        if self._part is None:
            self._part = WholeFile(self._folder.path / f"part-{len(self.files):05}.{self.ending}")
        return self._part

    def _rows_left(self) -> int:
        """How many more records the open part may hold."""
        return sys.maxsize if self.options.max_rows is None else self.options.max_rows - self._rows

    def _too_large(self) -> OutputError:
        number = sum(file.rows for file in self.files) + self._rows + 1
        return OutputError(
            f"record {number} alone is larger than a part may be ({self.options.max_bytes:,} bytes). "
            "Give a larger --max-bytes."
        )


def open_parts(folder: OutputFolder, leaves: Sequence[Leaf], arrow_schema: pa.Schema, options: WriteOptions) -> Parts:
    """The writer of the options' format.

    Raises:
        UsageError: the records are nested and the format is CSV, or they have more fields than the platform takes.
    """
    if len(leaves) > PLATFORM_MAX_FIELDS:
        raise UsageError(
            f"the records have {len(leaves):,} fields, the platform takes {PLATFORM_MAX_FIELDS:,} a row. Map fewer."
        )
    if options.format == "parquet":
        return ParquetParts(folder, arrow_schema, options)
    if options.format == "csv":
        return CsvParts(folder, arrow_schema, options)
    return JsonParts(folder, leaves, options)


class JsonParts(Parts):
    """Single-line JSON; or, `multiline`, one array a file."""

    ending = "json"

    def __init__(self, folder: OutputFolder, leaves: Sequence[Leaf], options: WriteOptions) -> None:
        super().__init__(folder, options)
        self._between = b",\n" if options.multiline else b""
        self._encoder = Encoder(leaves, ",\n" if options.multiline else "\n")

    def make(self, chunk: Chunk, keep: np.ndarray[Any, Any]) -> pa.Buffer:
        """The records' text."""
        return self._encoder.encode(chunk.records, None if keep.all() else keep)

    def add(self, made: pa.Buffer, rows: int) -> None:
        """Append the text, cut at record ends where a part is full (line ends inside values are escaped)."""
        data = memoryview(made)
        while rows:
            room = self.options.max_bytes - self._open().bytes - 8
            size, count = len(data), rows
            if size > room or rows > self._rows_left():
                size, count = _fitting(data, room, self._rows_left())
            if count:
                self._put(data[:size])
                self._rows += count
                data, rows = data[size:], rows - count
            elif not self._rows:
                raise self._too_large()
            if rows:
                self.finish()

    def finish(self) -> None:
        """End the last part."""
        if self._part is not None and self.options.multiline:
            self._part.write(b"\n]\n")
        super().finish()

    def _put(self, data: memoryview) -> None:
        part = self._open()
        if self.options.multiline:
            part.write(self._between if self._rows else b"[\n")
            data = data[:-2]
        part.write(data)


def _fitting(data: memoryview, room: int, rows: int) -> tuple[int, int]:
    """How many bytes and lines of `data` fit into `room` bytes and `rows` lines."""
    ends = np.flatnonzero(np.frombuffer(data[: max(room, 0)], np.uint8) == 10)[:rows]
    return (int(ends[-1]) + 1, len(ends)) if len(ends) else (0, 0)


class CsvParts(Parts):
    """CSV as RFC 4180 has it, with a header; flat records only."""

    ending = "csv"

    def __init__(self, folder: OutputFolder, arrow_schema: pa.Schema, options: WriteOptions) -> None:
        super().__init__(folder, options)
        nested = [field.name for field in arrow_schema if pa.types.is_nested(field.type)]
        if nested:
            raise UsageError(
                f"CSV holds flat records only, and these fields are nested: {', '.join(nested)}. Write json or parquet."
            )
        self._arrow_schema = arrow_schema
        names = pa.RecordBatch.from_arrays(
            [pa.array([field.name]) for field in arrow_schema],
            schema=pa.schema([(field.name, pa.string()) for field in arrow_schema]),
        )
        self._header = csv_text(names, options)

    def make(self, chunk: Chunk, keep: np.ndarray[Any, Any]) -> pa.RecordBatch:
        """The flat records."""
        return chunk.where(keep).nested(self._arrow_schema)

    def add(self, made: pa.RecordBatch, rows: int) -> None:
        """Append the records' lines; where a part is full, halve until they fit."""
        if not rows:
            return
        part = self._open()
        if not part.bytes:
            part.write(self._header)
        text = csv_text(made, self.options)
        if part.bytes + len(text) <= self.options.max_bytes and rows <= self._rows_left():
            part.write(text)
            self._rows += rows
        elif rows > 1:
            self.add(made.slice(0, rows // 2), rows // 2)
            self.add(made.slice(rows // 2), rows - rows // 2)
        elif self._rows:
            self.finish()
            self.add(made, rows)
        else:
            raise self._too_large()


def csv_text(records: pa.RecordBatch, options: WriteOptions) -> bytes:
    """`records` as CSV lines without a header."""
    cells = []
    for column in records.columns:
        text = plain_texts(column)
        special = '[",\r\n]' if options.csv_escape == '"' else r'[",\r\n\\]'
        quoted = text
        if options.csv_escape == "\\":
            quoted = pc.replace_substring(quoted, "\\", "\\\\")
        quoted = pc.replace_substring(quoted, '"', options.csv_escape + '"')
        quoted = pc.binary_join_element_wise('"', quoted, '"', "")
        empty = pc.equal(text, options.csv_null)  # a text that looks like no value is quoted, so that it is told apart
        cell = pc.if_else(pc.or_(pc.match_substring_regex(text, special), empty), quoted, text)
        cells.append(cell.fill_null(options.csv_null))
    lines = pc.binary_join_element_wise(*cells, ",")
    ended = pc.binary_join_element_wise(lines, pa.scalar(""), "\r\n")
    ends = np.frombuffer(ended.buffers()[1], np.int32, len(ended) + 1, ended.offset * 4)
    return ended.buffers()[2].slice(int(ends[0]), int(ends[-1] - ends[0])).to_pybytes() if len(ended) else b""


class ParquetParts(Parts):
    """Parquet with the types of the XDM schema: all fields optional, three-level lists, bounded row groups."""

    ending = "parquet"

    def __init__(self, folder: OutputFolder, arrow_schema: pa.Schema, options: WriteOptions) -> None:
        super().__init__(folder, options)
        self._arrow_schema = arrow_schema
        self._metadata = dict(options.metadata)
        self._writer: pq.ParquetWriter | None = None
        self._waiting: list[pa.RecordBatch] = []
        self._waiting_bytes = 0
        self._ratio = 1.0  # file bytes per Arrow byte, as measured so far
        self._dictionary: list[str] | None = None

    def make(self, chunk: Chunk, keep: np.ndarray[Any, Any]) -> pa.RecordBatch:
        """The records, nested."""
        return chunk.where(keep).nested(self._arrow_schema)

    def add(self, made: pa.RecordBatch, rows: int) -> None:
        """Append the records; a row group is written when enough wait, a part ended before it would be too large."""
        while rows:
            count = min(rows, self._rows_left(), max(1, self._fitting(made)))
            self._waiting.append(made.slice(0, count))
            self._waiting_bytes += self._waiting[-1].nbytes
            self._rows += count
            made, rows = made.slice(count), rows - count
            if self._waiting_bytes >= self.options.group_bytes:
                self._write_group()
            if rows and (self._rows_left() <= 0 or self._fitting(made) < 1):
                self.finish()

    def _fitting(self, records: pa.RecordBatch) -> int:
        """How many of `records` still fit into the open part, by what was measured so far."""
        written = self._part.bytes if self._part is not None else 0
        groups = 1 + (self._writer is not None)
        room = self.options.max_bytes - written - groups * 150 * _leaf_count(self._arrow_schema) - 2048
        room_in_memory = room / (self._ratio * 1.2) - self._waiting_bytes
        per_record = max(records.nbytes / max(records.num_rows, 1), 1)
        return int(min(room_in_memory / per_record, records.num_rows))

    def _write_group(self) -> None:
        if not self._waiting:
            return
        table = pa.Table.from_batches(self._waiting, self._arrow_schema)
        part = self._open()
        if self._writer is None:
            if self._dictionary is None:
                self._dictionary = _repetitive_columns(table)
            self._writer = self._new_writer(part)
        before = part.bytes
        self._writer.write_table(table, row_group_size=table.num_rows)
        self._ratio = max(0.02, (part.bytes - before) / max(self._waiting_bytes, 1))
        self._waiting, self._waiting_bytes = [], 0

    def _new_writer(self, part: WholeFile) -> pq.ParquetWriter:
        writer = pq.ParquetWriter(
            pa.PythonFile(ParquetSink(part), mode="w"),
            self._arrow_schema,
            compression=self.options.compression,
            use_dictionary=self._dictionary or False,
            write_statistics=True,
            store_schema=False,
        )
        if self._metadata:
            writer.add_key_value_metadata(self._metadata)
        return writer

    def finish(self) -> None:
        """End the last part; one that came out too large after all is split in two."""
        self._write_group()
        if self._writer is None or self._part is None:
            return
        self._writer.close()
        self._writer = None
        if self._part.bytes <= self.options.max_bytes:
            super().finish()
            return
        if self._rows == 1:
            self._rows = 0
            raise self._too_large()
        records = self._part.read_back()
        self.discard()
        half, rows = self._rows // 2, self._rows
        self._rows, self._ratio = 0, self._ratio * 2
        for start, count in ((0, half), (half, rows - half)):
            self._waiting = records.slice(start, count).to_batches()
            self._waiting_bytes = sum(batch.nbytes for batch in self._waiting)
            self._rows = count
            self.finish()

    def discard(self) -> None:
        """Remove the part that is being written."""
        self._writer = None
        self._waiting, self._waiting_bytes = [], 0
        super().discard()


class ParquetSink(io.RawIOBase):
    """What pyarrow's Parquet writer writes into: a WholeFile that stays open when the writer closes."""

    def __init__(self, part: WholeFile) -> None:
        self._part = part

    def writable(self) -> bool:
        """True."""
        return True

    def write(self, data: Any) -> int:
        """Append."""
        return self._part.write(data)

    def tell(self) -> int:
        """Bytes so far."""
        return self._part.bytes


def _leaf_count(schema: pa.Schema) -> int:
    def leaves(kind: pa.DataType) -> int:
        if pa.types.is_struct(kind):
            return sum(leaves(field.type) for field in kind)
        if pa.types.is_map(kind):
            return 1 + leaves(kind.item_type)
        return leaves(kind.value_type) if pa.types.is_list(kind) else 1

    return sum(leaves(field.type) for field in schema)


def _repetitive_columns(table: pa.Table, rows: int = 20_000) -> list[str]:
    """Parquet paths of the text columns worth a dictionary: in a sample, each value occurs some four times or more."""
    found: list[str] = []

    def look(path: str, column: pa.Array) -> None:
        kind = column.type
        if pa.types.is_struct(kind):
            for field, child in zip(kind, column.flatten(), strict=True):
                look(f"{path}.{field.name}", child)
        elif pa.types.is_map(kind):
            found.append(f"{path}.key_value.key")
            look(f"{path}.key_value.value", column.items)
        elif pa.types.is_list(kind):
            look(f"{path}.list.element", column.flatten())
        elif len(column) > column.null_count and pc.count_distinct(column).as_py() * 4 <= len(column):
            found.append(path)

    sample = table.slice(0, rows).combine_chunks()
    for field, column in zip(table.schema, sample.columns, strict=True):
        look(field.name, column.chunk(0))
    return found
