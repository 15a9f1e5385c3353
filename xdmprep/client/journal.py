"""What an upload has done so far, beside the manifest: one JSON object per line, written before and after each step.

Each line is on the disk, and so is the name of the file in its folder, before the step that it announces goes over the
network.  After a crash or a power cut the same command reads it and goes on.  The file is also the lock: the process
that uploads holds it, and the system lets go of it when the process ends, however it ends.  A line that was cut off by
a crash is ignored.
"""

from __future__ import annotations

import datetime
import json
import os
import stat
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import wire
from ..core.manifest import lock_file, sync_folder
from ..errors import OutputError, UsageError

NAME = "upload.jsonl"
LINE_BYTES = 1 << 20  #: longest line that is read; ours have some hundred bytes


@dataclass
class BatchProgress:
    """What the journal says about one batch; files `sent` by hash, `begun` by the size of their chunks."""

    creating: bool = False
    batch: str | None = None
    sent: dict[str, str] = field(default_factory=dict)
    begun: dict[str, int] = field(default_factory=dict)
    completed: bool = False


def _after(state: BatchProgress, entry: dict[str, Any]) -> BatchProgress:
    """How far the upload has come with one more line."""
    step = entry.get("step")
    batch, file, sha256 = (
        value if isinstance(value := entry.get(name), str) and value else None for name in ("batch", "file", "sha256")
    )
    if step == "create":
        state.creating = True
    elif step == "created" and batch is not None and batch != state.batch:
        return BatchProgress(creating=True, batch=batch)
    elif step == "begun" and file is not None:
        chunk = entry.get("chunk")
        if isinstance(chunk, int) and not isinstance(chunk, bool) and 0 < chunk <= wire.CHUNK_BYTES:
            state.begun[file] = chunk
    elif step == "sent" and file is not None and sha256 is not None:
        state.sent[file] = sha256
    elif step == "lost" and file is not None:
        state.sent.pop(file, None)
        state.begun.pop(file, None)
    elif step == "completed":
        state.completed = True
        state.batch = state.batch or batch
    return state


class Journal:
    """The journal of one folder of prepared files; use it in a ``with`` block, which holds the lock.

    Raises:
        UsageError: another process is uploading from this folder.
        OutputError: the folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        self._handle = -1
        self._writing = threading.Lock()

    def __enter__(self) -> Journal:
        try:
            self._handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o644)
        except OSError as error:
            why = error.strerror or error
            raise OutputError(
                f"{self.path}: cannot keep the upload's journal: {why}. Make the folder writable."
            ) from None
        if not stat.S_ISREG(os.fstat(self._handle).st_mode):
            os.close(self._handle)
            raise OutputError(f"{self.path}: cannot keep the upload's journal: not a regular file. Remove it.")
        if not lock_file(self._handle):
            os.close(self._handle)
            raise UsageError(f"{self.path.parent}: another process is uploading these files. Wait for it to end.")
        sync_folder(self.path.parent)
        return self

    def __exit__(self, *error: object) -> None:
        with self._writing:
            os.close(self._handle)
            self._handle = -1

    def _ends_whole(self) -> bool:
        """Whether the journal ends with a line's end (or is empty)."""
        size = os.lseek(self._handle, 0, os.SEEK_END)
        if not size:
            return True
        os.lseek(self._handle, size - 1, os.SEEK_SET)
        return os.read(self._handle, 1) == b"\n"

    def lines(self) -> Iterator[dict[str, Any]]:
        """All whole lines that hold an object."""
        with self.path.open("rb") as file:
            while line := file.readline(LINE_BYTES):
                try:
                    entry = wire.loads(line)
                except ValueError:
                    continue
                if isinstance(entry, dict):
                    yield entry

    def progress(self, external_id: str) -> BatchProgress:
        """How far the upload with this id of its batch has come; a damaged line counts as not written."""
        state = BatchProgress()
        for entry in self.lines():
            if entry.get("externalId") == external_id:
                state = _after(state, entry)
        return state

    def write(self, step: str, **details: Any) -> None:
        """Add a line and make it last."""
        at = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"at": at, "step": step, **details}, ensure_ascii=False) + "\n"
        try:
            with self._writing:
                if self._handle < 0:
                    return  # the run is over; the next one does this step again
                if not self._ends_whole():
                    line = "\n" + line  # what a crash cut off stays a line of its own
                left = memoryview(line.encode())
                while left:
                    left = left[os.write(self._handle, left) :]
                os.fsync(self._handle)
        except OSError as error:
            raise OutputError(f"{self.path}: cannot write the journal: {error.strerror or error}.") from None
