"""The types of what callers give: sources of rows, file formats, rule sets."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from .stream import Stream

#: How records are written: one JSON object a line, Parquet, or CSV for flat records.
Format: TypeAlias = Literal["json", "parquet", "csv"]
#: The sets of rules that records are checked against.
RuleSet: TypeAlias = Literal["strict", "batch", "jsonschema"]
#: A path; most functions take a URL in the same place.
Place: TypeAlias = str | os.PathLike[str]


class ArrowStreamExporter(Protocol):
    """Data with Arrow's stream interface: tables, record batch readers, frames of pandas, polars and DuckDB."""

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """A capsule with the stream."""


class ArrowArrayExporter(Protocol):
    """Data with Arrow's array interface: record batches and struct arrays."""

    def __arrow_c_array__(self, requested_schema: Any = None) -> Any:
        """Capsules with type and array."""


class BatchScanner(Protocol):
    """Arrow's datasets and scanners."""

    def to_batches(self) -> Iterable[Any]:
        """The record batches."""


class LazyRows(Protocol):
    """A query that gives a frame when it is run, such as polars' LazyFrame."""

    def collect(self) -> ArrowStreamExporter:
        """The frame."""


class BinaryFile(Protocol):
    """A file that is open in binary mode."""

    def read(self, size: int = -1, /) -> bytes:
        """At most so many bytes; all without a size."""


if TYPE_CHECKING:
    #: Rows to read: a path, URL, folder, glob or ``-``; several paths; a frame or anything else with Arrow's
    #: interfaces; rows that are dicts; a dict of columns; an open file; a Stream.
    Source: TypeAlias = (
        Place
        | Iterable[Place]
        | ArrowStreamExporter
        | ArrowArrayExporter
        | BatchScanner
        | LazyRows
        | BinaryFile
        | Iterable[Mapping[str, Any]]
        | Mapping[str, Any]
        | Stream
    )
else:
    Source = Any  # Stream loads Arrow
