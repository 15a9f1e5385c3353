"""A Parquet file as batches of rows, its errors as one sentence each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from ..errors import SourceError
from .signatures import other_kind


class ParquetSource:
    """A Parquet file that can be read any number of times; SourceError if it is none, or is encrypted."""

    def __init__(self, file: Path) -> None:
        import pyarrow.parquet as pq

        self.file = file
        with self._told("is not a Parquet file"), pq.ParquetFile(file) as opened:
            # the metadata of frameworks is not for us, and a type that it names may need a package
            self.schema = pa.schema([(field.name, field.type) for field in opened.schema_arrow])
            groups = map(opened.metadata.row_group, range(opened.metadata.num_row_groups))
            self.rows = sum(group.num_rows for group in groups)  # some writers leave the total out

    def batches(self, rows: int) -> Iterator[pa.RecordBatch]:
        """All rows, in batches of this size; SourceError if a page is damaged or encrypted."""
        import pyarrow.parquet as pq

        # timestamps of 96 bits would wrap around in nanoseconds
        options = {"memory_map": False, "pre_buffer": False, "coerce_int96_timestamp_unit": "ms"}
        seen = 0
        with (
            self._told("cannot be read to its end"),
            pq.ParquetFile(self.file, page_checksum_verification=True, **options) as opened,
        ):
            for batch in opened.iter_batches(batch_size=rows, use_threads=False):
                seen += batch.num_rows
                yield batch
        if seen != self.rows:
            raise SourceError(f"{self.file}: is damaged. It holds {seen:,} rows, and says that it has {self.rows:,}.")

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        """What Arrow raises for a file that it cannot read, as one sentence."""
        try:
            yield
        except FileNotFoundError as error:
            raise SourceError(f"{self.file}: {error.strerror or error}.") from None
        except (pa.ArrowException, OSError, ValueError) as error:
            if isinstance(error, OSError) and error.errno is not None and error.strerror:
                raise SourceError(f"{self.file}: {error.strerror}.") from None
            reason = (str(error).splitlines() or [type(error).__name__])[0][:200].rstrip(".")
            if "crypt" in reason:
                raise SourceError(f"{self.file}: is encrypted ({reason}). Decrypt it first.") from None
            with self.file.open("rb") as opened:
                head = opened.read(4096)
            kind = "" if head.startswith(b"PAR1") else other_kind(head)
            raise SourceError(f"{self.file}: {what} ({kind or reason}).") from None
