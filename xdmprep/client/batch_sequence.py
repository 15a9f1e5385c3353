"""Several batches one after the other: a patch with more records than one batch takes.

The platform does not say in which order it takes in batches that wait side by side, and a later upsert must not be
overtaken by an earlier one.  So each is sent when the one before has been ingested.  What was sent before is found
again batch by batch, so the same call goes on where an earlier one stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .. import wire
from ..core.manifest import Manifest
from ..errors import PlatformError, counted, option
from .checks import check_files


@dataclass(frozen=True, slots=True)
class Series:
    """What became of several batches.

    Attributes:
        batches: those that were sent, in order; the last of them is the one that failed, if one did.
        of: how many there are to send.
        reason: why not all were sent; None if they were.
    """

    batches: tuple[wire.Batch, ...]
    of: int
    reason: str | None = None

    @property
    def failed(self) -> bool:
        """Whether a batch ended without being ingested, so that those behind it were not sent."""
        return self.reason is not None

    def to_dict(self) -> dict[str, Any]:
        """The series for ``--json``."""
        return {"batches": [batch.to_dict() for batch in self.batches], "of": self.of, "reason": self.reason}

    def __str__(self) -> str:
        good = [batch for batch in self.batches if batch.ok]
        records = counted(sum(batch.output_records or 0 for batch in good), "record")
        text = f"{len(self.batches)} of {self.of} batches sent in order, {len(good)} ingested ({records})"
        return text if self.reason is None else f"{text}; {self.reason}"


def send_series(
    manifests: Sequence[Manifest],
    send: Callable[[Manifest], wire.Batch],
    wait: Callable[[Manifest, wire.Batch], wire.Batch],
    jobs: int,
    tell: Callable[[str], None],
) -> Series:
    """Send one batch for each manifest, each when the one before has been ingested.

    Args:
        manifests: in the order they are to be sent.
        send: sends one, or goes on with it; gives the batch after COMPLETE.
        wait: waits for a batch's end and compares its counts with its manifest; not called for the last one.
        jobs: files that are checked at the same time.
        tell: called with a line of text on what happens.

    Returns:
        The batches that were sent, and why the rest was not, if so.

    Raises:
        SourceError, UsageError: the files of some batch are wrong; nothing was sent.
        PlatformError: the platform refused or could not be reached; the same call goes on later.
    """
    for manifest in manifests:
        check_files(manifest, jobs)
    sent: list[wire.Batch] = []
    for number, manifest in enumerate(manifests, 1):
        tell(f"batch {number} of {len(manifests)}: {manifest.folder}")
        try:
            batch = send(manifest)
            last = number == len(manifests)
            if not last:
                batch = wait(manifest, batch)
        except PlatformError as error:
            done = f"batch {number} of {len(manifests)} ({manifest.folder}): "
            raise PlatformError(
                done + error.message, hint=error.hint, status=error.status, code=error.code,
                request_id=error.request_id, batch=error.batch, file=error.file, retryable=error.retryable,
            ) from error  # fmt: skip
        sent.append(batch)
        if not last and not batch.ok:
            reason = (
                f"batch {number} ({manifest.folder}) is {batch.status} ({batch.explanation}), so the "
                f"{len(manifests) - number} behind it were not sent. Mend the reason; the same with "
                f"{option('again', True)} goes on with this batch"
            )
            return Series(tuple(sent), len(manifests), reason)
    return Series(tuple(sent), len(manifests))
