"""Record batches put aside: in memory while they are few, then in a file without a name, which the system removes.

A batch is kept in Arrow's IPC form, so a spool holds exactly its data, not the larger buffers it was cut from.
"""

from __future__ import annotations

import os
import tempfile
import threading
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from ..errors import scratch_files

#: Bytes that a spool keeps in memory.
MEMORY_BYTES = 48 << 20


def packed(batch: pa.RecordBatch) -> pa.Buffer:
    """`batch` as the bytes of one IPC stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return sink.getvalue()


def unpacked(data: Any) -> pa.RecordBatch:
    """The batch of :func:`packed`."""
    with pa.ipc.open_stream(data) as reader:
        return reader.read_next_batch()


class Spool:
    """Batches by number, in the order they were added; beyond `memory_bytes` they go to a file."""

    def __init__(self, scratch: Path | None = None, memory_bytes: int = MEMORY_BYTES) -> None:
        self._scratch, self._memory_bytes = scratch, memory_bytes
        self._places: list[pa.Buffer | tuple[int, int]] = []
        self._file: IO[bytes] | None = None
        self._lock = threading.Lock()
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._places)

    def add(self, data: pa.Buffer) -> int:
        """Keep a packed batch; gives its number. OutputError if the disk refuses."""
        with self._lock:
            if self._file is None and self.bytes + data.size <= self._memory_bytes:
                self._places.append(data)
            else:
                self._places.append((self._write(data), data.size))
            self.bytes += data.size
            return len(self._places) - 1

    def _write(self, data: pa.Buffer) -> int:
        with scratch_files(self._scratch):
            if self._file is None:
                self._file = tempfile.TemporaryFile(dir=self._scratch, buffering=0)  # noqa: SIM115 (kept open)
            at = self._file.seek(0, os.SEEK_END)
            view = memoryview(data)
            while len(view):
                view = view[self._file.write(view) or 0 :]
        return at

    def batch(self, number: int) -> pa.RecordBatch:
        """The batch with this number."""
        place = self._places[number]
        if isinstance(place, tuple):
            if self._file is None:
                raise ValueError("the spool is closed")
            at, size = place
            with self._lock:
                self._file.seek(at)
                data = self._file.read(size)
            return unpacked(pa.py_buffer(data))
        return unpacked(place)

    def close(self) -> None:
        """Forget everything."""
        with self._lock:
            self._places = []
            if self._file is not None:
                self._file.close()
                self._file = None
