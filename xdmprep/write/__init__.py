"""The writers: single-line JSON, Parquet and CSV parts, what was set aside, and the manifest."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from ..core.manifest import File
from ..core.pool import Pool
from ..core.shred import Leaf
from ..core.stream import Chunk, Stream
from ..errors import DataError, UsageError
from .folder import ISSUES, REJECTS, RUN, OutputFolder
from .parts import (
    DEFAULT_MAX_BYTES,
    PLATFORM_MAX_BYTES,
    PLATFORM_MAX_FIELDS,
    CsvParts,
    JsonParts,
    Parts,
    WriteOptions,
)
from .rejects import REASON, Rejects, issue_of, reasons_of
from .store import StoreFolder

__all__ = [
    "DEFAULT_MAX_BYTES", "ISSUES", "PLATFORM_MAX_BYTES", "REASON", "REJECTS", "RUN", "OutputFolder", "Rejects",
    "StoreFolder", "WriteOptions", "Written", "issue_of", "open_parts", "reasons_of", "write_stream",
]  # fmt: skip

log = logging.getLogger("xdmprep.write")


@dataclass(frozen=True, slots=True)
class Written:
    """What a run wrote: rows read == written + rejected."""

    files: tuple[File, ...]
    rows: int
    written: int
    rejected: int


def open_parts(
    folder: OutputFolder,
    leaves: Sequence[Leaf],
    arrow_schema: pa.Schema,
    options: WriteOptions,
    pool: Pool | None = None,
) -> Parts:
    """The writer of the options' format.

    Args:
        folder: where the files go.
        leaves: the fields of the records that hold values.
        arrow_schema: Arrow types of the records.
        options: format, sizes and compression of the files.
        pool: does what the writer leaves to others; None for the calling thread alone. Only Parquet uses it.

    Returns:
        The writer, which has not opened a file.

    Raises:
        UsageError: the records are nested and the format is CSV, or they have more fields than the platform takes.
    """
    if len(leaves) > PLATFORM_MAX_FIELDS:
        raise UsageError(
            f"the records have {len(leaves):,} fields, the platform takes {PLATFORM_MAX_FIELDS:,} a row. Map fewer."
        )
    if options.format == "parquet":
        from .parquet import ParquetParts  # loads pyarrow.parquet, which the other formats do without

        return ParquetParts(folder, leaves, arrow_schema, options, pool or Pool(1))
    if options.format == "csv":
        return CsvParts(folder, arrow_schema, options)
    return JsonParts(folder, leaves, options)


def write_stream(
    stream: Stream,
    folder: OutputFolder,
    options: WriteOptions,
    *,
    jobs: int | None = None,
    on_chunk: Callable[[Chunk], None] | None = None,
    on_part: Callable[[File], None] | None = None,
    clock: Callable[[str], AbstractContextManager[Any]] = nullcontext,
) -> Written:
    """Write the records of `stream` as parts into `folder`; faulty rows go to the rejects.

    Args:
        stream: records; rows that a finding of severity error names are set aside.
        folder: as given by :class:`OutputFolder`.
        options: format and limits.
        jobs: worker threads, see :meth:`Stream.run`.
        on_chunk: called in order with what was found in each chunk, for progress and reports.
        on_part: called with each part when it is complete; until the run ends, its name is a hidden one.
        clock: gives a context that measures the stage it names.

    Returns:
        The parts, and the numbers of rows that were read, written and set aside.

    Raises:
        OutputError: the disk refuses; nothing half-written stays.
    """
    pool = Pool(jobs)
    parts = open_parts(folder, stream.leaves, stream.arrow_schema, options, pool)
    rejects = Rejects(folder, origins=stream.origins)
    rows = written = announced = 0

    def announce() -> None:
        nonlocal announced
        for file in parts.files[announced:]:
            log.info("%s: %d records, %d bytes", folder.path / file.name, file.rows, file.bytes)
            if on_part is not None:
                on_part(file)
        announced = len(parts.files)

    def last(chunk: Chunk) -> tuple[int, Any]:
        with clock("encode"):
            good = ~chunk.faulty()
            return int(good.sum()), parts.make(chunk, good)

    try:
        for chunk, (good, made) in stream.run(last, pool, Chunk.found):
            with clock("write"):
                parts.add(made, good)
                rejects.add(chunk)
            rows += chunk.consumed
            written += good
            if on_chunk is not None:
                on_chunk(chunk)
            announce()
        with clock("write"):
            parts.finish()
            rejects.finish()
        announce()
    except BaseException:
        parts.discard()
        rejects.discard()
        raise
    finally:
        pool.close()
    if rows != written + rejects.rows:
        raise DataError(f"{rows} rows were read, but {written} written and {rejects.rows} set aside: this is a bug.")
    return Written(tuple(parts.files), rows, written, rejects.rows)
