"""Sources as streams: CSV, Parquet, Arrow, NDJSON, Excel, several such files, open files, frames and rows in memory."""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from ..core.arrow_file import is_arrow_file
from ..core.documents import why_no_source
from ..core.packed import ENDINGS as PACKED
from ..core.packed import open_bytes
from ..core.remote import as_local, is_elsewhere, shown
from ..core.signatures import office_kind
from ..core.stream import Stream, with_all_columns
from ..errors import SourceError, shorten
from .arrow import as_records, read_arrow, read_frame, read_parquet, whole_records
from .csv import CsvOptions, KnownShapes, read_csv
from .excel_options import ExcelOptions
from .opening import is_compressed
from .several import expand, fingerprint, kind_of, not_read, partitions, read_files
from .spooled import Spooled, is_book, is_open_file, kind_of_bytes

log = logging.getLogger("xdmprep.read")

__all__ = [
    "CsvOptions", "ExcelOptions", "Spooled", "as_records", "expand", "fingerprint", "is_excel",
    "is_open_file", "not_read", "open_source", "read_csv", "whole_records",
]  # fmt: skip


def is_excel(source: Any) -> bool:
    """Whether :func:`open_source` takes a source for an Excel book."""
    source = as_local(source)
    if not isinstance(source, str | os.PathLike) or is_elsewhere(source) or expand(source) is not None:
        return False
    return _kind(Path(source)) == "Excel"


def _kind(file: Path) -> str:
    """What a file is read as: what its bytes are, where it is compressed or its name does not say."""
    if is_arrow_file(file):
        return "Arrow"
    named = kind_of(file)
    if named in ("Parquet", "Excel") and file.suffix.lower() not in PACKED:  # whose readers say what it is instead
        return named
    return named if named is not None and not is_compressed(file) else kind_of_bytes(file) or named or "CSV"


def open_source(source: Any, csv: CsvOptions | None = None, excel: ExcelOptions | None = None) -> Stream:
    """Any source as a stream.

    Args:
        source: a path or URL (an Arrow file by its bytes, others by their ending: .parquet, .json, .jsonl, .ndjson,
            .xlsx, else CSV), ``-`` for standard input, a list of paths, a folder, a glob, an open file, anything that
            :func:`~.arrow.read_frame` takes, or a Stream.
        csv: how CSV files are written.
        excel: which sheet of an Excel book is read.

    Raises:
        SourceError: it cannot be read.
    """
    if isinstance(source, Stream):
        return source
    source = as_local(source)
    others: list[str] = []
    files = expand(source, others)
    stream = _opened(source, files, csv, excel)
    return replace(stream, notes=(*stream.notes, not_read(others)), not_read=tuple(others)) if others else stream


def _opened(source: Any, files: list[str] | None, csv: CsvOptions | None, excel: ExcelOptions | None) -> Stream:
    """A source, or the files that it stands for, as a stream."""
    if files and (len(files) > 1 or partitions(files[0])):
        return _several(files, csv, excel)
    if files:
        source = files[0]
    if is_open_file(source) or is_elsewhere(source):
        return _copied(Spooled(source), csv, excel)
    if isinstance(source, str | os.PathLike):
        return _file(source, csv, excel)
    return read_frame(source)


def _several(files: list[str], csv: CsvOptions | None, excel: ExcelOptions | None, whole: bool = False) -> Stream:
    """Several files as one stream; `whole`: with columns for all rows, not the first of each."""
    log.info("%d files as one source", len(files))
    if all(kind_of(Path(shown(file))) == "JSON" for file in files):
        stream = _several_json(files, whole)
    else:
        known: KnownShapes = {}

        def open_file(file: str) -> Stream:
            local = as_local(file)
            return open_source(file, csv, excel) if is_elsewhere(local) else _file(local, csv, excel, known)

        stream = read_files(files, lambda file: with_all_columns(open_file(file)) if whole else open_file(file))
    if whole or stream.whole is None:
        return stream
    return replace(stream, whole=partial(_several, files, csv, excel, True))


def _several_json(files: list[str], whole: bool) -> Stream:
    """Files of JSON, which share their columns."""
    from .ndjson import learned, read_ndjson

    copies: dict[str, Spooled] = {}
    for file in files:
        if is_elsewhere(file):
            copies[file] = Spooled(file)
        elif Path(file).suffix.lower() in PACKED:
            with open_bytes(Path(file)) as opened:
                copies[file] = Spooled(opened, file)
    try:
        columns = learned([copies[file].path if file in copies else Path(as_local(file)) for file in files], whole)
    except SourceError as error:
        raise next((copy.named(error) for copy in copies.values() if str(copy.path) in str(error)), error) from None
    return read_files(
        files,
        lambda file: (
            replace(copies[file].kept_by(read_ndjson(copies[file].path, columns)), name=Path(shown(file)).name)
            if file in copies
            else read_ndjson(as_local(file), columns)
        ),
    )


def _copied(copy: Spooled, csv: CsvOptions | None, excel: ExcelOptions | None) -> Stream:
    try:
        return copy.kept_by(_file(copy.path, csv, excel))
    except SourceError as error:
        raise copy.named(error) from None


def _file(
    path: str | os.PathLike[str], csv: CsvOptions | None, excel: ExcelOptions | None, known: KnownShapes | None = None
) -> Stream:
    if (why := why_no_source(path)) is not None:
        raise SourceError(f"{os.fspath(path)}: {why}.")
    file = Path(path)
    if (what := office_kind(file)) is not None:
        raise SourceError(f"{file}: is {what}.")
    if "\n" in str(file) and not file.exists():
        raise SourceError(f"{shorten(str(file))} is not a path. Give text as io.StringIO(text).")
    kind = _kind(file)
    if log.isEnabledFor(logging.DEBUG) and file.is_file():
        text = csv or CsvOptions()
        how = f", {text.encoding}, delimiter {text.delimiter!r}" if kind == "CSV" else ""
        log.debug("%s: opened as %s, %d bytes%s", file.name, kind, file.stat().st_size, how)
    packed = kind_of(file) not in ("Parquet", "Excel") or file.suffix.lower() in PACKED
    if packed and kind != "CSV" and is_compressed(file) and not is_book(file):  # these readers go through the file
        with open_bytes(file) as opened:
            return replace(_copied(Spooled(opened, str(file)), csv, excel), name=file.name)
    if kind == "Parquet":
        return read_parquet(path)
    if kind == "Arrow":
        return read_arrow(path)
    if kind == "JSON":
        from .ndjson import read_ndjson

        return read_ndjson(path)
    if kind == "Excel":
        from .excel import read_excel

        return read_excel(path, excel)
    return read_csv(path, csv, known)
