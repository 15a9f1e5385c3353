"""The writers: single-line JSON, Parquet and CSV parts, what was set aside, and the manifest."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..core.manifest import File
from ..core.pool import Pool
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
from .rejects import REASON, Rejects, reasons_of

__all__ = [
    "DEFAULT_MAX_BYTES", "ISSUES", "PLATFORM_MAX_BYTES", "REASON", "REJECTS", "RUN", "OutputFolder", "Rejects",
    "WriteOptions", "Written", "reasons_of", "write_stream",
]  # fmt: skip

log = logging.getLogger("xdmprep.write")


@dataclass(frozen=True, slots=True)
class Written:
    """What a run wrote: rows read == written + rejected.

    Attributes:
        files: the parts.
        rows, written, rejected: records, where rows are grouped; else rows.
        merged, merged_rejected: source rows that went into a record with a row before them, and those of them in
            rejected records.
    """

    files: tuple[File, ...]
    rows: int
    written: int
    rejected: int
    merged: int = 0
    merged_rejected: int = 0

    @property
    def source_rows(self) -> dict[str, int]:
        """The same counts of the rows of the source, whatever records they went into."""
        rows, rejected = self.rows + self.merged, self.rejected + self.merged_rejected
        return {"rows": rows, "written": rows - rejected, "rejected": rejected}


def _parts(stream: Stream, folder: OutputFolder, options: WriteOptions, pool: Pool) -> Parts:
    """The writer of the options' format, which has not opened a file."""
    if len(stream.leaves) > PLATFORM_MAX_FIELDS:
        raise UsageError(
            f"the records have {len(stream.leaves):,} fields, the platform takes {PLATFORM_MAX_FIELDS:,} a row. "
            "Map fewer."
        )
    if options.format == "parquet":
        from .parquet import ParquetParts  # loads pyarrow.parquet, which the other formats do without

        return ParquetParts(folder, stream.leaves, stream.arrow_schema, options, pool)
    if options.format == "csv":
        return CsvParts(folder, stream.arrow_schema, options)
    return JsonParts(folder, stream.leaves, options)


def write_stream(
    stream: Stream,
    folder: OutputFolder,
    options: WriteOptions,
    *,
    jobs: int | None = None,
    on_chunk: Callable[[Chunk], None] | None = None,
    on_part: Callable[[File], None] | None = None,
    earlier: Sequence[File] = (),
    names: tuple[str, str] = (REJECTS, ISSUES),
) -> Written:
    """Write the records of `stream` as parts into `folder`; faulty rows go to the rejects.

    Args:
        stream: records; rows that a finding of severity error names are set aside.
        folder: as given by :class:`OutputFolder`.
        options: format and limits.
        jobs: worker threads, see :meth:`Stream.run`.
        on_chunk: called in order with what was found in each chunk, for progress and reports.
        on_part: called with each part when it is complete; until the run ends, its name is a hidden one.
        earlier: parts that the folder has already; the new ones are numbered after them.
        names: of the files for rows set aside and for findings.

    Returns:
        All parts, and the numbers of rows that were read, written and set aside.

    Raises:
        UsageError: the records are nested and the format is CSV, or they have more fields than the platform takes.
        OutputError: the disk refuses; nothing half-written stays.
    """
    pool = Pool(jobs)
    parts = _parts(stream, folder, options, pool)
    parts.files += earlier
    rejects = Rejects(folder, pool, names, stream.origins)
    rows = written = merged = merged_rejected = 0
    announced = len(earlier)

    def announce() -> None:
        nonlocal announced
        for file in parts.files[announced:]:
            log.info("%s: %d records, %d bytes", folder.path / file.name, file.rows, file.bytes)
            if on_part is not None:
                on_part(file)
        announced = len(parts.files)

    def last(chunk: Chunk) -> tuple[int, Any]:
        good = ~chunk.faulty()
        return int(good.sum()), parts.make(chunk, good)

    try:
        for chunk, (good, made) in stream.run(last, pool, Chunk.found):
            parts.add(made, good)
            rejects.add(chunk)
            rows += chunk.consumed
            written += good
            if chunk.merged:
                bad = chunk.faulty()
                merged += chunk.merged
                merged_rejected += chunk.rows_in(bad) - int(bad.sum())
            if on_chunk is not None:
                on_chunk(chunk)
            announce()
        parts.finish()
        rejects.finish()
        parts.settle()
        announce()
    except BaseException:
        parts.discard()
        rejects.discard()
        raise
    finally:
        pool.close()
    if rows != written + rejects.rows:
        raise DataError(f"{rows} rows were read, but {written} written and {rejects.rows} set aside: this is a bug.")
    return Written(tuple(parts.files), rows, written, rejects.rows, merged, merged_rejected)
