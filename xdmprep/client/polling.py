"""Looking at batches and datasets, acting on them, and waiting for a batch's end."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from .. import wire
from ..errors import PlatformError, option, printable
from .answer import shown_url
from .session import Session, check_json

LOCAL_POLL_SECONDS = 2.0
UNKNOWN_POLLS = 10  #: how often in a row a status that is not documented is looked at
LOADING_POLLS = 20  #: how often a batch is looked at that COMPLETE was accepted for and that stays ``loading``


def status(session: Session, batch_id: str) -> wire.Batch:
    """A batch as Catalog describes it."""
    response = session.call("GET", wire.catalog_batch_path(batch_id), what="batch status", batch=batch_id)
    data = check_json(response, "batch status")
    if data == {}:
        raise PlatformError(
            f"batch {printable(batch_id, 80)} does not exist.", hint=f"Check the id and {option('sandbox')}.",
            status=404, code="no-batch", batch=batch_id,
        )  # fmt: skip
    found = data.get(batch_id) if isinstance(data, dict) else None
    if not isinstance(found, dict) or found.get("id", batch_id) != batch_id:
        raise PlatformError(
            f"batch status: the answer does not describe batch {printable(batch_id, 80)}.",
            hint="Is the address the platform's? Ask again later.", code="odd-answer", batch=batch_id,
        )  # fmt: skip
    return wire.Batch.of(found, batch_id)


def batches(session: Session, **filters: Any) -> list[wire.Batch]:
    """Batches that fit Catalog's filters (first page of at most 100)."""
    params = {"limit": wire.LIST_LIMIT, **filters}
    answer = session.call("GET", wire.CATALOG + "/batches", params=params, what="list batches")
    data = check_json(answer, "list batches", dict)
    return [wire.Batch.of(doc, key) for key, doc in data.items() if isinstance(doc, dict)]


def act(session: Session, batch_id: str, action: str) -> None:
    """COMPLETE, ABORT or REVERT, which may be repeated; PlatformError if it was refused or is not confirmed."""
    what = f"{action} batch"
    answer = session.call("POST", wire.batch_path(batch_id), params={"action": action}, what=what, batch=batch_id)
    data = answer.json() if answer.content.strip() else {}  # empty in the guide, the batch in the description
    if not isinstance(data, dict) or data.get("id", batch_id) != batch_id:
        raise PlatformError(
            f"{what}: the answer is not about batch {printable(batch_id, 80)}.",
            hint="Whether it was done is not known: the same command asks and tries again.", code="odd-answer",
            batch=batch_id, retryable=True,
        )  # fmt: skip


def dataset(session: Session, dataset_id: str) -> dict[str, Any]:
    """A dataset as Catalog describes it."""
    try:
        response = session.call("GET", wire.dataset_path(dataset_id), what="dataset")
    except PlatformError as error:
        if error.status != 404:
            raise
        raise PlatformError(
            f"dataset {printable(dataset_id, 80)} does not exist in sandbox {session.config.sandbox} at "
            f"{shown_url(session.config.url)}.",
            hint=f"Check the id and {option('sandbox')}, or create one with `xdmprep dataset create`.",
            status=404, code=error.code, request_id=error.request_id,
        ) from None  # fmt: skip
    data = check_json(response, "dataset")
    found = data.get(dataset_id) if isinstance(data, dict) else None
    if not isinstance(found, dict):
        raise PlatformError(f"dataset {printable(dataset_id, 80)}: the answer does not describe it.", code="odd-answer")
    return _dataset(found)


def _dataset(found: dict[str, Any]) -> dict[str, Any]:
    """A dataset without those parts that are not of the documented type."""
    kinds = {"tags": dict, "schemaRef": dict, "fileDescription": dict}
    texts = {"schemaRef": ("id", "contentType"), "fileDescription": ("format", "containerFormat")}
    kept: dict[str, Any] = {key: value for key, value in found.items() if isinstance(value, kinds.get(key, object))}
    for key, names in texts.items():
        if key in kept:
            kept[key] = {n: value for n, value in kept[key].items() if n not in names or isinstance(value, str)}
    return kept


def wait(
    session: Session, batch_id: str, timeout: float | None = None, poll: float | None = None,
    on_status: Callable[[wire.Batch], None] = lambda batch: None, completed: bool = False,
) -> wire.Batch:  # fmt: skip
    """Ask again and again until the batch has ended (or is ``stalled``, which it does not leave by itself).

    Args:
        session: the connection.
        batch_id: the batch.
        timeout: seconds to wait; None waits without limit.
        poll: longest pause between two questions; the platform recommends two minutes, which is the default (two
            seconds where the service runs on this machine).
        on_status: called with each new status.
        completed: COMPLETE was accepted, so that the batch must not stay ``loading``.

    Returns:
        The batch in its last state.

    Raises:
        PlatformError: the time is over, the batch stays ``loading`` though it is complete, or its status is one that
            is not documented.
    """
    longest = poll if poll is not None else LOCAL_POLL_SECONDS if session.config.local else wire.POLL_SECONDS
    pause = min(longest, 0.05 if session.config.local else 2.0)
    end = None if timeout is None else time.monotonic() + timeout
    last, same = "", 0
    ask = f"Ask later: xdmprep batch status {printable(batch_id, 80)}"
    while True:
        batch = status(session, batch_id)
        same = same + 1 if batch.status == last else 1
        if batch.status != last:
            on_status(batch)
            last = batch.status
        if batch.final or batch.status == "stalled":
            return batch
        if batch.status not in wire.EXPLAIN and same >= UNKNOWN_POLLS:
            raise PlatformError(
                f"batch {printable(batch_id, 80)}: the status '{printable(batch.status, 80)}' is not documented; it "
                "cannot be said whether the batch has ended.",
                hint=ask, code="unknown-status", batch=batch_id, retryable=True,
            )  # fmt: skip
        if batch.status == "loading" and completed and same >= LOADING_POLLS:
            raise PlatformError(
                f"batch {printable(batch_id, 80)} is still loading although COMPLETE was accepted.",
                hint="Give the same command again: it repeats COMPLETE.", code="not-completed", batch=batch_id,
                retryable=True,
            )  # fmt: skip
        if end is not None and time.monotonic() + pause > end:
            raise PlatformError(
                f"batch {printable(batch_id, 80)} is still {batch.status} ({batch.explanation}) after {timeout:g} "
                "seconds.",
                hint=ask, code="still-waiting", batch=batch_id, retryable=True,
            )  # fmt: skip
        session.wait(pause)
        pause = min(longest, pause * 1.5)
