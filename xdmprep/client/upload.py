"""One manifest becomes one batch, whatever happens in between.

The batch carries an id of our own (`externalId`) that follows from the manifest, the dataset and the sandbox.  It is
looked up before a batch is created, and again where the answer to the creation was lost; so the same command finds its
batch, also without its journal.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .. import wire
from ..core.manifest import File, Manifest
from ..errors import PlatformError, SourceError, counted, option, printable
from . import polling
from .checks import check_files
from .files import CHUNK, NOT_THERE, OnBytes, Sender, each, stamp
from .journal import BatchProgress, Journal
from .readiness import check_dataset
from .session import Session, Uncertain, check_json

log = logging.getLogger("xdmprep.client")

Tell = Callable[[str], None]
_GONE = "not known there"  #: stands for the status of a batch that the journal knows and Catalog does not
_OVER = wire.BAD | {"inactive", "deleted", "archived", "retained", _GONE}
_SILENT = 20  #: after this many files whose size the platform does not say the others are not requested
_ID = 500  #: longest id that can be one


@dataclass(frozen=True)
class UploadOptions:
    """How to upload, as for :meth:`.Client.upload`; `small` is the largest file that is sent with one PUT."""

    jobs: int = 4
    replay: tuple[str, ...] = ()
    replay_prefix: str = ""
    percent: float | None = None
    diagnostics: bool = True
    again: bool = False
    chunk: int = CHUNK
    small: int = wire.SMALL_FILE_BYTES
    force: bool = False
    on_file: Callable[[File], None] = lambda file: None


def external_id(
    manifest: Manifest, dataset_id: str, sandbox: str, replay: Sequence[str], attempt: int, forced: bool = False
) -> str:
    """Our own id of the batch that these files become; the same for the same content, dataset and purpose.

    A patch that was forced into a dataset without upsert did something else than it does once the dataset has it.

    Args:
        manifest: the files; all of it counts but the software that wrote it.
        dataset_id: the id of the dataset.
        sandbox: the name of the sandbox.
        replay: ids of the batches that the batch replaces, in any order.
        attempt: number of the attempt; each one has an id of its own.
        forced: whether the files go to a dataset that does not suit them.

    Returns:
        ``xdmprep-`` and 32 hexadecimal digits.
    """
    content = manifest.to_dict()
    content.pop("software", None)
    purpose = [content, dataset_id, sandbox, sorted(replay), attempt, *(["forced"] if forced else [])]
    text = json.dumps(purpose, sort_keys=True, ensure_ascii=False)
    return "xdmprep-" + hashlib.sha256(text.encode()).hexdigest()[:32]


def upload(
    session: Session, path: Path, dataset_id: str, options: UploadOptions, tell: Tell = lambda text: None,
    on_bytes: OnBytes = lambda count: None,
) -> wire.Batch:  # fmt: skip
    """Send the manifest's files as one batch, or go on where an earlier run stopped.

    Args:
        session: an open connection to the platform.
        path: the manifest, or the folder that holds it.
        dataset_id: the id of the dataset in Catalog.
        options: how to send: number of jobs, batches to replace, whether to force.
        tell: called with each message, one line of text.
        on_bytes: called with the number of bytes, each time some were sent.

    Returns:
        The batch, in the last state that was seen.

    Raises:
        SourceError, UsageError: the files or options are wrong; nothing was sent.
        PlatformError: the platform refused or could not be reached; the same call goes on later.
    """
    manifest = Manifest.load(path)
    folder = manifest.folder or Path()
    with Journal(folder) as journal:
        stamps = {}
        for file in manifest.files:
            with contextlib.suppress(SourceError):  # the check says more about a missing file
                stamps[file.name] = stamp(folder / file.name)
        for line in check_files(manifest, options.jobs):
            tell(f"note: {line}")
        forced = check_dataset(manifest, dataset_id, polling.dataset(session, dataset_id), tell, options.force)
        for predecessor in options.replay:
            old = polling.status(session, predecessor)
            if old.dataset_id != dataset_id:
                raise PlatformError(
                    f"batch {predecessor} belongs to dataset {printable(old.dataset_id, 80)}; it cannot be replaced "
                    "here.",
                    code="other-dataset", batch=predecessor,
                )  # fmt: skip
        return _Upload(session, manifest, folder, dataset_id, options, forced, journal, stamps, tell, on_bytes).run()


class _Upload:
    """One run of :func:`upload`, after the checks."""

    def __init__(
        self, session: Session, manifest: Manifest, folder: Path, dataset: str, options: UploadOptions, forced: bool,
        journal: Journal, stamps: dict[str, tuple[int, int]], tell: Tell, on_bytes: OnBytes,
    ) -> None:  # fmt: skip
        self.session, self.manifest, self.folder, self.dataset = session, manifest, folder, dataset
        self.options, self.journal, self.on_bytes = options, journal, on_bytes
        self._tell = tell
        self.stamps, self.forced = stamps, forced
        self.external, self.progress = "", BatchProgress()

    def report(self, text: str) -> None:
        """Report progress to the caller and to the log."""
        log.info("%s", text)
        self._tell(text)

    def run(self) -> wire.Batch:
        """Find or create the batch, send what is missing, complete it."""
        found = self._find()
        batch = found or self._create()
        if batch.status in wire.WAITING | wire.GOOD:
            if not self.progress.completed:  # it was accepted, and the run ended before that was written down
                self.journal.write("completed", externalId=self.external, batch=batch.id, found=True)
            self.report(f"batch {batch.id}: everything was sent before; it is {batch.status} ({batch.explanation})")
            return batch
        if found is not None and batch.status != "loading":
            raise PlatformError(
                f"batch {printable(batch.id, 80)}: Catalog says '{printable(batch.status, 80)}', which is not "
                "documented; nothing was sent into it.",
                hint="Ask later with the same command.", code="unknown-status", batch=batch.id, retryable=True,
            )  # fmt: skip
        if self.progress.completed:
            self.report(f"batch {batch.id}: everything was sent before, but it is still loading; COMPLETE is repeated")
            return self._complete(batch)
        self._send(batch)
        self._keep_one(batch)
        return self._complete(batch)

    # ---- the batch --------------------------------------------------------------------------------------------------

    def _attempt(self, attempt: int) -> wire.Batch | None:
        """The batch of one attempt, if there is one; sets what the other steps need."""
        self.external = external_id(
            self.manifest, self.dataset, self.session.config.sandbox, self.options.replay, attempt, self.forced
        )
        self.progress = self.journal.progress(self.external)
        if self.progress.batch:
            try:
                return self._own(polling.status(self.session, self.progress.batch))
            except PlatformError as error:
                if error.status != 404:
                    raise
        if self.progress.completed:
            return wire.Batch(self.progress.batch or "?", _GONE)
        found = self._look(patient=self.progress.creating)
        if found is None and self.progress.batch:
            self.report(f"batch {self.progress.batch} is no longer known there")
            self.progress = BatchProgress()
        if found is not None:
            self.journal.write("created", externalId=self.external, batch=found.id, found=True)
            self.progress = self.journal.progress(self.external)
        return found

    def _own(self, batch: wire.Batch) -> wire.Batch:
        """The batch that the journal names; PlatformError if it is not the batch of these files."""
        if batch.external_id in (None, self.external) and batch.dataset_id in (None, self.dataset):
            return batch
        raise PlatformError(
            f"{self.journal.path.name} names batch {printable(batch.id, 80)} for these files, but in Catalog that is "
            f"another one (externalId {printable(batch.external_id or 'none', 80)}, dataset "
            f"{printable(batch.dataset_id or 'none', 80)}). Nothing was sent.",
            hint=f"Was it changed by hand? Without {self.journal.path} the same command finds its batch by itself.",
            code="foreign-batch", batch=batch.id,
        )  # fmt: skip

    def _find(self) -> wire.Batch | None:
        """The batch to go on with; None where one must be created."""
        attempt = 0
        batch = self._attempt(attempt)
        while batch is not None and batch.status in _OVER:
            attempt += 1
            after = self._attempt(attempt)
            if after is None and not self.options.again:
                why = "Catalog does not know it any more, or not yet" if batch.status == _GONE else batch.explanation
                raise PlatformError(
                    f"these files were sent before as batch {printable(batch.id, 80)}, which is {batch.status}: {why}.",
                    hint=f"To send them as a new batch, add {option('again', True)}.",
                    code="sent-before", batch=batch.id,
                )  # fmt: skip
            batch = after
        return batch

    def _look(self, patient: bool) -> wire.Batch | None:
        """The batch that carries the upload's id; with patience where one may be on its way into the catalog."""
        for pause in (0, 1, 2, 4) if patient else (0,):
            self.session.wait(pause * self.session.config.backoff)
            found = polling.batches(self.session, externalId=self.external, orderBy="asc:created")
            found = [batch for batch in found if batch.external_id == self.external]
            if found:
                return _choose(found)
        return None

    def _create(self) -> wire.Batch:
        body = wire.create_batch(
            self.dataset, self.manifest.format, multiline=self.manifest.multiline, external_id=self.external,
            replay=self.options.replay, replay_prefix=self.options.replay_prefix, diagnostics=self.options.diagnostics,
            percent=self.manifest.threshold if self.options.percent is None else self.options.percent,
        )  # fmt: skip
        retries = self.session.config.retries
        for attempt in range(1, retries + 1):
            self.journal.write("create", externalId=self.external, dataset=self.dataset, url=self.session.config.url,
                               sandbox=self.session.config.sandbox)  # fmt: skip
            try:
                response = self.session.call("POST", wire.IMPORT + "/batches", safe=False, json_body=body,
                                             what="create batch", expect=(200, 201))  # fmt: skip
                data = check_json(response, "create batch")
                batch = wire.Batch.of(data if isinstance(data, dict) else {})
                if not batch.id or len(batch.id) > _ID or not batch.id.isprintable():
                    raise Uncertain("create batch: the answer names no batch.", code="odd-answer", retryable=True)
            except Uncertain:
                found = self._look(patient=True)
                if found is None:
                    if attempt == retries:
                        raise
                    self.session.pause(attempt, "create batch")
                    continue
                batch = found
            except PlatformError as error:
                found = self._look(patient=True) if error.status == 409 else None
                if found is None:
                    raise
                batch = found
            self.journal.write("created", externalId=self.external, batch=batch.id)
            self.report(f"batch {batch.id} created")
            return batch
        raise AssertionError("unreachable")

    def _keep_one(self, batch: wire.Batch) -> None:
        """Abort duplicate batches: a creation whose answer was lost may have come through late."""
        found = polling.batches(self.session, externalId=self.external, orderBy="asc:created")
        for other in found:
            if other.external_id == self.external and other.id != batch.id and other.status == "loading":
                self.report(f"batch {other.id} is a double that came through late; it is aborted")
                with contextlib.suppress(PlatformError):
                    polling.act(self.session, other.id, "ABORT")

    # ---- files ------------------------------------------------------------------------------------------------------

    def _send(self, batch: wire.Batch) -> None:
        sender = Sender(
            self.session, batch.id, self.dataset, self.journal, self.external, self.progress, self.options.chunk,
            self.options.small, self.stamps, self.on_bytes,
        )  # fmt: skip
        missing = [file for file in self.manifest.files if self.progress.sent.get(file.name) != file.sha256]
        done = len(self.manifest.files) - len(missing)
        if done:
            self.report(f"batch {batch.id}: {done} of {counted(len(self.manifest.files), 'file')} were sent before")
            self.on_bytes(sum(file.bytes for file in self.manifest.files) - sum(file.bytes for file in missing))

        def send(file: File, stop: threading.Event) -> None:
            sender.send(self.folder, file, stop)
            self.options.on_file(file)

        try:
            each(send, missing, self.options.jobs)
        except PlatformError as error:
            raise self._explained(error, batch) from error
        self._check_sizes(batch, sender)

    def _check_sizes(self, batch: wire.Batch, sender: Sender) -> None:
        """Each file arrived whole, as far as the platform says what it holds."""
        held: dict[str, int | None] = {}

        def ask(file: File, stop: threading.Event) -> None:
            if len(held) < _SILENT or said():
                held[file.name] = sender.held(file)

        def said() -> bool:
            return any(size not in (None, NOT_THERE) for size in list(held.values()))

        each(ask, self.manifest.files, self.options.jobs)
        if not said():
            return  # it knows none of them: it does not say, at least not for files of this size
        wrong = [file for file in self.manifest.files if held.get(file.name) not in (None, file.bytes)]
        for file in wrong:
            self.journal.write("lost", externalId=self.external, batch=batch.id, file=file.name)
        if wrong:
            size = held[wrong[0].name]
            there = "nothing" if size == NOT_THERE else counted(size or 0, "byte")
            more = f" (and {counted(len(wrong) - 1, 'more file')})" if len(wrong) > 1 else ""
            raise PlatformError(
                f"{wrong[0].name}: the platform holds {there} of {wrong[0].bytes:,}{more}. The batch was not "
                "completed.",
                hint="The same command sends what is not whole again.", code="sizes-differ", batch=batch.id,
                file=wrong[0].name, retryable=True,
            )  # fmt: skip

    def _explained(self, error: PlatformError, batch: wire.Batch) -> PlatformError:
        """A refusal of a file, with the batch's state where that is the reason."""
        if error.status in (400, 404):
            with contextlib.suppress(PlatformError):
                now = polling.status(self.session, batch.id)
                if now.status != "loading":
                    return PlatformError(
                        f"batch {batch.id} no longer takes files: it is {printable(now.status, 80)} "
                        f"({now.explanation}).",
                        hint="Give the same command again; it says how to go on.", status=error.status,
                        code="not-loading", batch=batch.id, file=error.file,
                    )  # fmt: skip
        return error

    def _complete(self, batch: wire.Batch) -> wire.Batch:
        self.journal.write("complete", externalId=self.external, batch=batch.id)
        try:
            polling.act(self.session, batch.id, "COMPLETE")
        except PlatformError as error:
            if error.status != 400 or polling.status(self.session, batch.id).status not in wire.WAITING | wire.GOOD:
                raise
        self.journal.write("completed", externalId=self.external, batch=batch.id)
        try:
            return polling.status(self.session, batch.id)
        except PlatformError:  # it was accepted; how it goes on can be asked later
            return wire.Batch(batch.id, "loaded", self.dataset, self.external)


def _choose(found: Sequence[wire.Batch]) -> wire.Batch:
    """Of several batches with the upload's id the one that has come furthest, else the oldest."""
    rank = {**dict.fromkeys(wire.GOOD, 0), **dict.fromkeys(wire.WAITING, 1), "loading": 2}

    def age(batch: wire.Batch) -> float:
        created = batch.raw.get("created")
        return created if isinstance(created, int | float) else 0

    return min(found, key=lambda batch: (rank.get(batch.status, 3), age(batch), batch.id))
