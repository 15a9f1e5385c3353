"""Sources as streams: CSV, DataFrames and everything with ``__arrow_c_stream__``, Parquet, NDJSON."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ..flow import Stream
from .csv import CsvOptions, read_csv

_OTHERS = (".parquet", ".pq", ".json", ".jsonl", ".ndjson")

__all__ = ["CsvOptions", "is_csv", "open_source", "read_csv"]


def is_csv(source: Any) -> bool:
    """Whether :func:`open_source` takes a source for a CSV file."""
    return isinstance(source, str | os.PathLike) and Path(source).suffix.lower() not in _OTHERS


def open_source(source: Any, csv: CsvOptions | None = None) -> Stream:
    """Any source as a stream: a path (by its ending: .parquet, .json, .jsonl, .ndjson, else CSV), a frame, a Stream.

    Raises:
        SourceError: it cannot be read.
    """
    if isinstance(source, Stream):
        return source
    if isinstance(source, str | os.PathLike):
        ending = Path(source).suffix.lower()
        if ending in (".parquet", ".pq"):
            from .arrow import read_parquet

            return read_parquet(source)
        if ending in (".json", ".jsonl", ".ndjson"):
            from .ndjson import read_ndjson

            return read_ndjson(source)
        return read_csv(source, csv)
    from .arrow import read_frame

    return read_frame(source)
