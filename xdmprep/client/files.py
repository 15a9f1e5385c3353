"""Sending one file: small ones with one PUT, large ones in chunks, from the disk and never whole in memory.

A PUT may be repeated freely.  A PATCH may not, because overlapping chunks spoil the file when it is completed; so after
a lost answer HEAD says what has arrived, and where that is not clear the file is begun again.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import IO, Any, TypeVar

from .. import wire
from ..core.manifest import File
from ..errors import PlatformError, SourceError
from .answer import Answer
from .journal import BatchProgress, Journal
from .session import Session, Uncertain

CHUNK = 64 * 1024 * 1024
NOT_THERE = -1
STARTS = 4  #: how often a large file is begun again before we give up

OnBytes = Callable[[int], None]
Item = TypeVar("Item")


class Stopped(Exception):
    """The run is over; raised inside a thread that has not noticed yet."""


def each(work: Callable[[Item, threading.Event], None], items: Iterable[Item], jobs: int) -> None:
    """`work` of every item, with an event that says that the run is over; the first error ends it and is raised.

    The threads of `concurrent.futures` are waited for when the interpreter ends, so that Ctrl-C would last as long as
    the slowest request.  These are daemons: what they were doing is done again by the next run.
    """
    waiting = deque(items)
    stop, errors = threading.Event(), list[BaseException]()

    def run() -> None:
        while not stop.is_set():
            try:
                item = waiting.popleft()
            except IndexError:
                return
            try:
                work(item, stop)
            except Stopped:
                return
            except BaseException as error:
                errors.append(error)
                stop.set()

    threads = [
        threading.Thread(target=run, name=f"xdmprep-upload-{number}", daemon=True)
        for number in range(max(1, min(jobs, len(waiting))))
    ]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            while thread.is_alive():
                thread.join(0.5)  # in pieces, so that an interrupt is noticed on every system
    except BaseException:
        stop.set()
        raise
    if errors:
        raise errors[0]


class Slice:
    """A part of a file as a body: requests reads it piece by piece and learns its length."""

    def __init__(self, path: Path, first: int, size: int, on_bytes: OnBytes, stop: threading.Event) -> None:
        try:
            self._file: IO[bytes] = path.open("rb")
        except OSError as error:
            raise SourceError(f"{path}: {error.strerror or error}.") from None
        self._file.seek(first)
        self._left = self._size = size
        self._on_bytes, self._stop = on_bytes, stop
        self.path = path

    def __len__(self) -> int:
        return self._size

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        if self._stop.is_set():
            raise Stopped
        block = self._file.read(self._left if size < 0 else min(size, self._left))
        if not block and self._left:
            raise SourceError(f"{self.path}: became shorter while it was sent. Run `prepare` again.")
        self._left -= len(block)
        self._on_bytes(len(block))
        return block

    def close(self) -> None:
        """Close the file; bytes of a try that failed are taken back by the next one."""
        self._file.close()


class Sender:
    """Sends the files of one batch; `on_bytes` gets a negative number when a try failed and they must go again."""

    def __init__(
        self, session: Session, batch: str, dataset: str, journal: Journal, external_id: str, progress: BatchProgress,
        chunk: int = CHUNK, small: int = wire.SMALL_FILE_BYTES, stamps: Mapping[str, tuple[int, int]] | None = None,
        on_bytes: OnBytes = lambda count: None,
    ) -> None:  # fmt: skip
        self.session, self.batch, self.dataset = session, batch, dataset
        self.journal, self.external_id, self.progress = journal, external_id, progress
        self._stop = threading.local()
        self.stamps = stamps or {}
        self.chunk, self.small, self.on_bytes = min(chunk, wire.CHUNK_BYTES), small, on_bytes

    def send(self, folder: Path, file: File, stop: threading.Event) -> None:
        """Send one file and write that down; `stop` ends it early."""
        self._stop.event = stop
        path = folder / file.name
        if stamp(path) != self.stamps.get(file.name, stamp(path)):
            raise SourceError(f"{path}: was changed after it was checked. Run `prepare` again.")
        before = stamp(path)
        url = wire.file_path(self.batch, self.dataset, file.name)
        if file.bytes > self.small:
            self._large(url, path, file)
        else:
            self._write("send", file)
            try:
                self._body("PUT", url, path, file.name, 0, file.bytes, {}, safe=True)
            except PlatformError as error:
                if error.status != 413 or not file.bytes:
                    raise
                self._large(url, path, file)  # the gateway's limit is lower than documented
        if stamp(path) != before:
            raise SourceError(
                f"{path}: was changed while it was sent. Abort batch {self.batch} and run `prepare` again."
            )
        self._write("sent", file)

    def held(self, file: File) -> int | None:
        """How many bytes the platform holds of a file; `NOT_THERE`: it does not know the file, None: it does not say.

        The descriptions know HEAD only for large files; where it is not answered for others, no message is printed.
        """
        try:
            answer = self._head(wire.file_path(self.batch, self.dataset, file.name), file)
        except PlatformError as error:
            if error.status not in (400, 404, 405, 415, 501):
                raise
            return NOT_THERE if error.status == 404 else None
        spans = wire.parse_received(answer.headers.get("Range"))
        if spans:
            return sum(last - first + 1 for first, last in spans)
        length = answer.headers.get("Content-Length", "")
        said = answer.media_type == wire.BYTES_TYPE and length.isascii() and length.isdigit()
        return int(length) if said and 0 < len(length) < 19 else None

    def _head(self, url: str, file: File) -> Answer:
        return self.session.call("HEAD", url, what=f"HEAD {file.name}", batch=self.batch, file=file.name)

    def _write(self, step: str, file: File, **more: Any) -> None:
        self.journal.write(
            step, externalId=self.external_id, batch=self.batch, file=file.name, sha256=file.sha256, **more
        )

    def _body(
        self, method: str, url: str, path: Path, name: str, first: int, size: int, headers: dict[str, str], safe: bool
    ) -> None:
        """Send `size` bytes of a file from `first` on."""
        counted = 0

        def count(n: int) -> None:
            nonlocal counted
            counted += n
            self.on_bytes(n)

        def body() -> Any:
            nonlocal counted
            self.on_bytes(-counted)
            counted = 0
            return Slice(path, first, size, count, self._stop.event) if size else b""

        try:
            self.session.call(
                method, url, safe=safe, body=body, headers={"Content-Type": wire.BYTES_TYPE, **headers},
                what=f"{method} {name}", batch=self.batch, file=name, size=size,
            )  # fmt: skip
        except PlatformError:
            self.on_bytes(-counted)
            raise

    # ---- large files ------------------------------------------------------------------------------------------------

    def _large(self, url: str, path: Path, file: File) -> None:
        chunk = self.progress.begun.get(file.name)
        fresh = chunk is None
        size = chunk or self.chunk
        for start in range(STARTS):
            if fresh or start:
                self._write("begun", file, chunk=size)
                self._act(url, file, "INITIALIZE")
            received: list[tuple[int, int]] | None = [] if fresh or start else self._received(url, file)
            if received is None or not self._chunks(url, path, file, size, received):
                continue
            try:
                self._act(url, file, "COMPLETE")
                return
            except PlatformError as error:
                if error.status != 400:
                    raise
        raise PlatformError(
            f"{file.name}: the platform does not join its chunks (begun {STARTS} times).",
            hint="The same command tries again.", code="not-joined", batch=self.batch, file=file.name, retryable=True,
        )  # fmt: skip

    def _act(self, url: str, file: File, action: str) -> None:
        self.session.call(
            "POST", url, params={"action": action}, what=f"{action} {file.name}", batch=self.batch,
            file=file.name,
        )  # fmt: skip

    def _received(self, url: str, file: File) -> list[tuple[int, int]] | None:
        """What has arrived; None where the platform does not say."""
        try:
            response = self._head(url, file)
        except PlatformError as error:
            if error.status in (400, 404):
                return None
            raise
        return wire.parse_received(response.headers.get("Range"))

    def _chunks(self, url: str, path: Path, file: File, size: int, received: list[tuple[int, int]]) -> bool:
        """Send the chunks that are missing; False if the file must be begun again."""
        first = 0
        tries = 0
        while first < file.bytes:
            last = min(first + size, file.bytes) - 1
            known = _coverage(received, first, last)
            if known == "all":
                self.on_bytes(last - first + 1)
            elif known == "some":
                return False
            else:
                try:
                    headers = {"Content-Range": wire.content_range(first, last)}
                    self._body("PATCH", url, path, file.name, first, last - first + 1, headers, safe=False)
                except Uncertain:
                    tries += 1
                    if tries >= self.session.config.retries:
                        raise
                    self.session.pause(tries, f"PATCH {file.name}")
                    found = self._received(url, file)
                    if found is None:
                        return False
                    received = found
                    continue
                tries = 0
            first = last + 1
        return True


def _coverage(received: list[tuple[int, int]], first: int, last: int) -> str:
    """Whether the bytes from `first` to `last` have arrived: ``all``, ``some`` or ``none``."""
    if any(a <= first and last <= b for a, b in received):
        return "all"
    return "some" if any(a <= last and first <= b for a, b in received) else "none"


def stamp(path: Path) -> tuple[int, int]:
    """Size and time of the last change of a file."""
    try:
        found = os.stat(path)  # noqa: PTH116
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror or error}.") from None
    return found.st_size, found.st_mtime_ns
