"""Reading what was uploaded, when no check is handed in: only whether records can be parsed."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..core.batch_check import CheckedChunk, FailedRecord
from ..errors import SourceError
from ..wire import loads, no_number

CHUNK_ROWS = 2_000
LINE_BYTES = 16 * 1024 * 1024


def parse(path: Path, format: str, multiline: bool, csv_options: dict[str, Any]) -> Iterator[CheckedChunk]:
    """The records of one file, a bounded chunk at a time (see :class:`xdmprep.core.batch_check.IngestCheck`).

    Args:
        path: the file.
        format: ``json``, ``csv`` or ``parquet``; whatever is neither CSV nor Parquet is read as JSON.
        multiline: whether the JSON is one array; False for one record a line. Not read for other formats.
        csv_options: the batch's options for CSV, by their names in the API; not read for other formats.

    Returns:
        Chunks of numbered records.

    Raises:
        SourceError: the file is not of the format at all.
    """
    if format == "parquet":
        return _parquet(path)
    if format == "csv":
        return _csv(path, csv_options)
    return _array(path) if multiline else _lines(path)


def _chunked(items: Iterator[tuple[int, str, Any]]) -> Iterator[CheckedChunk]:
    """Chunks of (row, raw text, record or None where it could not be parsed)."""
    good: list[tuple[int, dict[str, Any]]] = []
    bad: list[FailedRecord] = []
    for row, raw, record in items:
        if isinstance(record, dict):
            good.append((row, record))
        else:
            bad.append(FailedRecord.corrupt(row, raw))
        if len(good) + len(bad) >= CHUNK_ROWS:
            yield CheckedChunk(len(good) + len(bad), good, bad)
            good, bad = [], []
    if good or bad:
        yield CheckedChunk(len(good) + len(bad), good, bad)


def _lines(path: Path) -> Iterator[CheckedChunk]:
    def items() -> Iterator[tuple[int, str, Any]]:
        row = 0
        with path.open("rb") as file:
            while line := file.readline(LINE_BYTES):
                if not line.strip():
                    continue
                row += 1
                try:
                    record = loads(line)
                except ValueError:
                    record = None
                yield row, line.decode("utf-8", "replace").rstrip("\r\n"), record

    return _chunked(items())


def _array(path: Path) -> Iterator[CheckedChunk]:
    """One JSON array of records; read record by record, so that memory stays bounded."""

    def items() -> Iterator[tuple[int, str, Any]]:
        decoder = json.JSONDecoder(parse_constant=no_number)
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            text = _more(file, "")
            if not text.startswith("["):
                # A single object is one record; anything else cannot be read.
                rest = text + file.read(LINE_BYTES)
                try:
                    record = loads(rest)
                except ValueError:
                    record = None
                yield 1, rest.rstrip(), record
                return
            text, row = _more(file, text[1:]), 0
            while text and not text.startswith("]"):
                row += 1
                try:
                    record, end, text = _next(decoder, file, text)
                except (ValueError, RecursionError):
                    yield row, text[:LINE_BYTES].rstrip(), None
                    return
                yield row, text[:end], record
                text = _more(file, text[end:])
                if text.startswith(","):
                    text = _more(file, text[1:])
                elif not text.startswith("]"):
                    yield row + 1, text[:1000].rstrip(), None
                    return
            rest = _more(file, text[1:]) if text else "the array does not end"
            if rest:
                yield row + 1, rest[:1000].rstrip(), None

    return _chunked(items())


def _more(file: io.TextIOWrapper, text: str) -> str:
    """`text` without leading blanks; more of the file if nothing was left."""
    text = text.lstrip()
    while not text and (block := file.read(1 << 16)):
        text = block.lstrip()
    return text


def _next(decoder: json.JSONDecoder, file: io.TextIOWrapper, text: str) -> tuple[Any, int, str]:
    """The value at the start of `text`, where it ends, and the text with as much of the file as that took."""
    size = 1 << 16
    while True:
        try:
            value, end = decoder.raw_decode(text)
            if end < len(text):  # a number at the very end could go on
                return value, end, text
        except ValueError:
            if len(text) > LINE_BYTES:
                raise
        block = file.read(size)
        if not block:
            value, end = decoder.raw_decode(text)
            return value, end, text
        text, size = text + block, size * 2


def _parquet(path: Path) -> Iterator[CheckedChunk]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise SourceError(f"not a Parquet file: {error}") from None

    def chunks() -> Iterator[CheckedChunk]:
        row = 0
        with file:
            try:
                for batch in file.iter_batches(batch_size=CHUNK_ROWS):
                    records = [plain(record) for record in batch.to_pylist(maps_as_pydicts="lossy")]
                    yield CheckedChunk(len(records), list(enumerate(records, row + 1)))
                    row += len(records)
            except (pa.ArrowException, OSError) as error:
                raise SourceError(f"the Parquet file is damaged: {error}") from None

    return chunks()


def plain(value: Any) -> Any:
    """A value as JSON would hold it: nulls left out of objects, dates and times as text."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return value.hex() if isinstance(value, bytes) else value


def _csv(path: Path, options: dict[str, Any]) -> Iterator[CheckedChunk]:
    quote, escape = options.get("quote") or '"', options.get("escape")
    nulls = {options.get("nullMarker"), ""}
    has_header = str(options.get("header", "true")).lower() != "false"

    def items() -> Iterator[tuple[int, str, Any]]:
        with path.open(encoding=options.get("charset") or "utf-8", errors="replace", newline="") as file:
            reader = csv.reader(
                file, delimiter=options.get("delimiter") or ",", quotechar=quote,
                escapechar=escape if escape and escape != quote else None,
            )  # fmt: skip
            names = next(reader, []) if has_header else None
            for row, values in enumerate(filter(None, reader), 1):
                if names is None:
                    names = [f"_c{i}" for i in range(len(values))]
                pairs = zip(names, values, strict=False)
                fits = len(values) == len(names)
                record = {name: value for name, value in pairs if value not in nulls} if fits else None
                yield row, ",".join(values), record

    return _chunked(items())
