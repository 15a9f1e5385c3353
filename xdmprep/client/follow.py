"""Looking at batches and datasets, acting on them, and waiting for a batch's end."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from .. import wire
from ..errors import PlatformError
from .session import Session, check_json

LOCAL_POLL_SECONDS = 2.0


def status(session: Session, batch_id: str) -> wire.Batch:
    """A batch as Catalog describes it."""
    response = session.call("GET", wire.catalog_batch_path(batch_id), what="batch status", batch=batch_id)
    data = check_json(response, "batch status")
    if not isinstance(data, dict) or not isinstance(data.get(batch_id), dict):
        raise PlatformError(f"batch {batch_id} does not exist.", status=404, batch=batch_id)
    return wire.Batch.of(data[batch_id], batch_id)


def batches(session: Session, **filters: Any) -> list[wire.Batch]:
    """Batches that fit Catalog's filters (first page of at most 100)."""
    params = {"limit": wire.LIST_LIMIT, **filters}
    data = check_json(
        session.call("GET", wire.CATALOG + "/batches", params=params, what="list batches"), "list batches"
    )
    if not isinstance(data, dict):
        raise PlatformError("list batches: the answer is not an object of batches.")
    return [wire.Batch.of(doc, key) for key, doc in data.items() if isinstance(doc, dict)]


def act(session: Session, batch_id: str, action: str) -> None:
    """COMPLETE, ABORT or REVERT; all three may be repeated."""
    session.call("POST", wire.batch_path(batch_id), params={"action": action}, what=f"{action} batch", batch=batch_id)


def dataset(session: Session, dataset_id: str) -> dict[str, Any]:
    """A dataset as Catalog describes it."""
    try:
        response = session.call("GET", wire.dataset_path(dataset_id), what="dataset")
    except PlatformError as error:
        if error.status != 404:
            raise
        raise PlatformError(
            f"dataset {dataset_id} does not exist in sandbox {session.config.sandbox} at {session.config.url}. "
            "Check the id and --sandbox, or create one with `xdmprep dataset create`.",
            status=404, request_id=error.request_id,
        ) from None  # fmt: skip
    data = check_json(response, "dataset")
    found = data.get(dataset_id) if isinstance(data, dict) else None
    if not isinstance(found, dict):
        raise PlatformError(f"dataset {dataset_id}: the answer does not describe it.")
    return found


def create_dataset(session: Session, name: str, schema_id: str, **options: Any) -> str:
    """Create a dataset; its id.  A creation whose answer is lost is not repeated."""
    response = session.call(
        "POST", wire.CATALOG + "/dataSets", safe=False, json_body=wire.create_dataset(name, schema_id, **options),
        what="create dataset", expect=(200, 201),
    )  # fmt: skip
    data = check_json(response, "create dataset")
    if not isinstance(data, list) or not data:
        raise PlatformError("create dataset: the answer names no dataset.")
    return str(data[0]).rsplit("/", 1)[-1]


def wait(
    session: Session,
    batch_id: str,
    timeout: float | None = None,
    poll: float | None = None,
    on_status: Callable[[wire.Batch], None] = lambda batch: None,
) -> wire.Batch:
    """Ask again and again until the batch has ended (or is ``stalled``, which it does not leave by itself).

    Args:
        session: the connection.
        batch_id: the batch.
        timeout: give up after so many seconds; None never does.
        poll: longest pause between two questions; the platform recommends two minutes, which is the default (two
            seconds where the service runs on this machine).
        on_status: told of each new status.

    Raises:
        PlatformError: the time is over, or the batch was never completed.
    """
    longest = poll if poll is not None else LOCAL_POLL_SECONDS if session.config.local else wire.POLL_SECONDS
    pause = min(longest, 0.05 if session.config.local else 2.0)
    end = None if timeout is None else time.monotonic() + timeout
    last = ""
    while True:
        batch = status(session, batch_id)
        if batch.status != last:
            on_status(batch)
            last = batch.status
        if batch.final or batch.status == "stalled":
            return batch
        if end is not None and time.monotonic() + pause > end:
            raise PlatformError(
                f"batch {batch_id} is still {batch.status} ({batch.explanation}) after {timeout:g} seconds. "
                f"Ask later: xdmprep batch status {batch_id}",
                batch=batch_id, retryable=True,
            )  # fmt: skip
        session.wait(pause)
        pause = min(longest, pause * 1.5)
