"""Sources as streams: CSV, Parquet, NDJSON, Excel, several such files, open files, frames and rows in memory."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..documents import why_no_source
from ..errors import SourceError
from ..flow import Stream
from ..packed import ENDINGS as PACKED
from ..packed import open_bytes
from .csv import CsvOptions, read_csv
from .excel import ENDINGS as BOOKS
from .excel import ExcelOptions, read_excel
from .several import expand, fingerprint, kind_of, read_files
from .spooled import Spooled, is_open_file

_JSON = (".json", ".jsonl", ".ndjson")

__all__ = [
    "CsvOptions", "ExcelOptions", "Spooled", "as_records", "expand", "fingerprint", "is_csv", "is_open_file",
    "open_source", "read_csv",
]  # fmt: skip


def is_csv(source: Any) -> bool:
    """Whether :func:`open_source` takes a source for a CSV file."""
    if not isinstance(source, str | os.PathLike) or expand(source) is not None:
        return False
    return kind_of(Path(source)) in (None, "CSV")


def as_records(stream: Stream) -> Stream:
    """A stream of rows as one of records: every column has a type that a record can hold, and a name of its own.

    Raises:
        SourceError: a column has no such type, or another one's name; the message names it.
    """
    from .arrow import as_records

    return as_records(stream)


def open_source(source: Any, csv: CsvOptions | None = None, excel: ExcelOptions | None = None) -> Stream:
    """Any source as a stream.

    Args:
        source: a path (by its ending: .parquet, .json, .jsonl, .ndjson, .xlsx, else CSV), a list of paths, a folder, a
            glob, an open file, anything that :func:`~.arrow.read_frame` takes, or a Stream.
        csv: how CSV files are written.
        excel: which sheet of an Excel book is read.

    Raises:
        SourceError: it cannot be read.
    """
    if isinstance(source, Stream):
        return source
    if is_open_file(source):
        copy = Spooled(source)
        return copy.kept_by(open_source(copy.path, csv, excel))
    files = expand(source)
    if files is not None and len(files) > 1 and all(Path(file).suffix.lower() in _JSON for file in files):
        from .ndjson import learned, read_ndjson

        tree = learned([Path(file) for file in files])
        return read_files(files, lambda file: read_ndjson(file, tree))
    if files is not None and len(files) > 1:
        return read_files(files, lambda file: open_source(file, csv, excel))
    if files:
        source = files[0]
    if isinstance(source, str | os.PathLike):
        if (why := why_no_source(source)) is not None:
            raise SourceError(f"{os.fspath(source)}: {why}.")
        ending = Path(source).suffix.lower()
        if ending in PACKED and not is_csv(source):  # these readers go through the file itself
            with open_bytes(Path(source)) as opened:
                unpacked = Spooled(opened)
            stream = open_source(unpacked.path, csv, excel)
            return replace(unpacked.kept_by(stream), name=Path(source).name)
        if ending in (".parquet", ".pq"):
            from .arrow import read_parquet

            return read_parquet(source)
        if ending in _JSON:
            from .ndjson import read_ndjson

            return read_ndjson(source)
        if ending in BOOKS:
            return read_excel(source, excel)
        return read_csv(source, csv)
    from .arrow import read_frame

    return read_frame(source)
