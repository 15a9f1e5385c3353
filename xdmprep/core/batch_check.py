"""The check of uploaded files that the emulator is given; :mod:`xdmprep.pipeline.ingest` has the one in use."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

CORRUPT = "Row is corrupted and cannot be read, please fix and resend."


@dataclass(frozen=True, slots=True)
class FailedRecord:
    """One record that does not fit its schema, or could not be parsed.

    Attributes:
        row: 1-based number of the record in its file.
        raw: the record as JSON text, or the raw line where it could not be parsed.
        errors: one object per error: `code` (such as ``INGEST-1555-400`` or ``1401``), `message`, and where known
            `keyword`, `pointerToViolation`, `schemaLocation`.
    """

    row: int
    raw: str
    errors: list[dict[str, Any]]

    @classmethod
    def corrupt(cls, row: int, raw: str, message: str = CORRUPT) -> FailedRecord:
        """A record that could not be parsed."""
        return cls(row, raw, [{"code": "1401", "message": message}])


@dataclass(frozen=True, slots=True)
class CheckedChunk:
    """Some consecutive records of one file: how many were read, the good ones (row number, record), the failed ones."""

    rows: int
    records: list[tuple[int, dict[str, Any]]]
    failed: list[FailedRecord] = field(default_factory=list)


class IngestCheck(Protocol):
    """Reads one file of a batch and checks its records against the dataset's schema, a bounded chunk at a time.

    `format` is ``json``, ``parquet`` or ``csv``.  A file that cannot be read at all raises SourceError.
    """

    def __call__(
        self, path: Path, format: str, multiline: bool, schema: dict[str, Any], csv_options: dict[str, Any]
    ) -> Iterator[CheckedChunk]:
        """The file's records in order; the default check takes an empty schema too: records are then only parsed."""
        ...


class ResolveSchema(Protocol):
    """Puts a schema and the documents that its components may be in together; SchemaError where one is missing."""

    def __call__(self, schema: dict[str, Any], documents: Sequence[dict[str, Any]], /) -> dict[str, Any]:
        """The schema without references."""
        ...
