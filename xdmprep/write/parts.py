"""Parts of a batch: files below the platform's size limit, cut at record ends."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..core.arrow_types import plain
from ..core.manifest import File
from ..core.shred import Leaf
from ..core.stream import Chunk
from ..core.typing import Format
from ..errors import OutputError, UsageError, option
from ..kernels.arrays import text_bytes
from .encode import Encoder, scalar_texts
from .folder import OutputFolder, WholeFile

#: The platform takes 256 MB in one request (Guardrails for data ingestion); parts stay below with a margin.
PLATFORM_MAX_BYTES = 256_000_000
DEFAULT_MAX_BYTES = 240_000_000
MIN_MAX_BYTES = 1024
#: A batch with more files or bytes fails; a row with more fields is refused (Guardrails for data ingestion).
PLATFORM_MAX_FILES = 25_000
PLATFORM_MAX_BATCH_BYTES = 1 << 40
PLATFORM_MAX_FIELDS = 10_000
#: Parts beyond this many bytes leave the page cache once they are on the disk.  They would push out the source that is
#: still to be read, and the system would look for room at every write: a fifth of a run over 20 million rows.
_CACHED_BYTES = 2 << 30


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """How records are written.

    Attributes:
        format: ``json`` (one record a line), ``parquet`` or ``csv`` (flat records only).
        max_bytes: no part is larger.
        max_rows: no part has more records; None for no limit.
        multiline: JSON as one array a file (``isMultiLineJson``) instead of one record a line.
        compression: of Parquet pages.
        group_bytes: size of the values of a Parquet row group, uncompressed.
        metadata: key-value pairs for the footer of Parquet files.
        csv_escape: what precedes a quote inside a CSV value: another quote (RFC 4180) or a backslash.
        csv_null: the text for no value.
    """

    format: Format = "json"
    max_bytes: int = DEFAULT_MAX_BYTES
    max_rows: int | None = None
    multiline: bool = False
    compression: str = "snappy"
    group_bytes: int = 12 << 20
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
        self._sealed: WholeFile | None = None
        self._rows = 0
        self._bytes = 0

    @abstractmethod
    def make(self, chunk: Chunk, keep: np.ndarray[Any, Any]) -> Any:
        """In a worker: the records where `keep` (bool, n) is True, ready to be written."""

    @abstractmethod
    def add(self, made: Any, rows: int) -> None:
        """In order: append what :meth:`make` made of `rows` records; OutputError beyond a part's largest size."""

    def finish(self) -> None:
        """End the last part."""
        self._end_part()

    def settle(self) -> None:
        """Wait until all parts are on the disk under their names."""
        if self._sealed is not None:
            self._sealed.settle()

    def _end_part(self) -> None:
        """End the part that is being written; the disk has time until the next one ends."""
        if self._sealed is not None:
            self._sealed.settle()
        if self._part is not None:
            self._bytes += self._part.bytes
            self.files.append(self._part.seal(self._rows, cached=self._bytes <= _CACHED_BYTES))
            self._sealed = self._part
            self._part, self._rows = None, 0
        if len(self.files) > PLATFORM_MAX_FILES:
            raise OutputError(
                f"there are more than {PLATFORM_MAX_FILES:,} parts, which no batch may have. "
                f"Give a larger {option('max_bytes')} (it is {self.options.max_bytes:,})."
            )
        if self._bytes > PLATFORM_MAX_BATCH_BYTES:
            raise OutputError("the parts are larger than 1 TB together, which no batch may be. Split the source.")

    def discard(self) -> None:
        """Remove the part that is being written."""
        if self._sealed is not None:
            with suppress(OutputError):  # it was reported, or does not matter any more
                self._sealed.settle()
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
            f"Give a larger {option('max_bytes')}."
        )


class JsonParts(Parts):
    """Single-line JSON; or, `multiline`, one array a file."""

    ending = "json"

    def __init__(self, folder: OutputFolder, leaves: Sequence[Leaf], options: WriteOptions) -> None:
        super().__init__(folder, options)
        self._between = b",\n" if options.multiline else b""
        self._encoder = Encoder(leaves, ",\n" if options.multiline else "\n")

    def make(self, chunk: Chunk, keep: np.ndarray[Any, Any]) -> pa.Buffer:
        """The records' text."""
        source = chunk.source if chunk.members is None else None
        return self._encoder.encode(chunk.records, None if keep.all() else keep, source)

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
                self._end_part()

    def _end_part(self) -> None:
        if self._part is not None and self.options.multiline:
            self._part.write(b"\n]\n")
        super()._end_part()

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
        names = pa.RecordBatch.from_arrays([pa.array([name]) for name in arrow_schema.names], arrow_schema.names)
        self._header = csv_text(names, options)

    def make(self, chunk: Chunk, keep: np.ndarray[Any, Any]) -> pa.RecordBatch:
        """The flat records."""
        return replace(chunk, source=None).where(keep).nested(self._arrow_schema)

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
            self._end_part()
            self.add(made, rows)
        else:
            raise self._too_large()


def csv_text(records: pa.RecordBatch, options: WriteOptions) -> bytes:
    """`records` as CSV lines without a header."""
    cells = []
    for column in records.columns:
        text = scalar_texts(plain(column))
        special = '[",\r\n\ufeff' + ("]" if options.csv_escape == '"' else r"\\]")  # readers drop a bare mark
        quoted = text
        if options.csv_escape == "\\":
            quoted = pc.replace_substring(quoted, "\\", "\\\\")
        quoted = pc.replace_substring(quoted, '"', options.csv_escape + '"')
        quoted = pc.binary_join_element_wise('"', quoted, '"', "")
        empty = pc.equal(text, options.csv_null)  # quoted, so that it differs from a missing one
        cell = pc.if_else(pc.or_(pc.match_substring_regex(text, special), empty), quoted, text)
        cells.append(cell.fill_null(options.csv_null))
    if len(cells) == 1:  # an empty line is no record
        cells = [pc.if_else(pc.equal(cells[0], ""), '""', cells[0])]
    lines = pc.binary_join_element_wise(*cells, ",")
    ended = pc.binary_join_element_wise(lines, pa.scalar(""), "\r\n")
    ends, data = text_bytes(ended)
    return bytes(data[ends[0] : ends[-1]])
