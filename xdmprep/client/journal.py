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
import threading
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from ..errors import OutputError, UsageError
from ..manifest import lock_file, sync_folder

NAME = "upload.jsonl"


@dataclass
class Progress:
    """What the journal says about one batch.

    Attributes:
        creating: a batch was about to be created.
        batch: its id, once known.
        sent: name and hash of the files that have arrived.
        begun: large files that were begun, with the size of their chunks.
        completed: COMPLETE was accepted.
    """

    creating: bool = False
    batch: str | None = None
    sent: dict[str, str] = field(default_factory=dict)
    begun: dict[str, int] = field(default_factory=dict)
    completed: bool = False


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
        if not lock_file(self._handle):
            os.close(self._handle)
            raise UsageError(f"{self.path.parent}: another process is uploading these files. Wait for it to end.")
        sync_folder(self.path.parent)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
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

    def lines(self) -> list[dict[str, Any]]:
        """All whole lines."""
        found = []
        for line in self.path.read_bytes().split(b"\n"):
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if isinstance(entry, dict):
                found.append(entry)
        return found

    def progress(self, external_id: str) -> Progress:
        """How far the upload with this id of its batch has come."""
        state = Progress()
        for entry in self.lines():
            if entry.get("externalId") != external_id:
                continue
            step = entry.get("step")
            if step == "create":
                state.creating = True
            elif step == "created":
                if state.batch != entry["batch"]:
                    state = Progress(creating=True, batch=entry["batch"])
            elif step == "gone":
                state = Progress()
            elif step == "begun":
                state.begun[entry["file"]] = entry["chunk"]
            elif step == "sent":
                state.sent[entry["file"]] = entry["sha256"]
            elif step == "completed":
                state.completed = True
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
