"""Enabling a dataset for patches: what is to be done is shown as a plan, and done on request.

A dataset that is enabled for Profile already is disabled and enabled again.  What is ingested between the two never
reaches Profile, so nothing may be under way; and where the second request fails, the dataset gets its tags back.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .. import wire
from ..errors import PlatformError
from . import polling
from .session import Session

_ENABLED = ("unifiedProfile", "enabled")


@dataclass(frozen=True, slots=True)
class EnablementPlan:
    """The JSON Patches that make a dataset take patches, its former tags, and batches that are in the way."""

    dataset: str
    name: str
    patches: tuple[list[dict[str, Any]], ...]
    former: dict[str, Any]
    under_way: tuple[wire.Batch, ...] = ()
    open: tuple[wire.Batch, ...] = ()

    @property
    def interrupts(self) -> bool:
        """Whether the dataset is disabled for Profile for a moment."""
        return len(self.patches) > 1

    def lines(self) -> list[str]:
        """The plan as text."""
        if not self.patches:
            return [f"dataset {self.dataset} ({self.name}) takes patches already; there is nothing to do"]
        words = ("disable it for Profile", "enable it for Profile with upsert")[-len(self.patches) :]
        lines = [f"dataset {self.dataset} ({self.name}), PATCH {wire.dataset_path(self.dataset)} ({wire.PATCH_TYPE}):"]
        for number, (word, patch) in enumerate(zip(words, self.patches, strict=True), 1):
            lines.append(f"  {number}. {word}: {json.dumps(patch)}")
        if self.interrupts:
            lines.append("What is ingested between the two never reaches Profile: let nothing be sent meanwhile.")
        else:
            lines.append("What was ingested before is not in Profile: ingest the whole data again before a patch.")
        for batch in self.under_way:
            lines.append(f"IN THE WAY: batch {batch.id} is {batch.status}; wait for its end")
        for batch in self.open:
            lines.append(f"attention: batch {batch.id} is open; it must not be completed meanwhile")
        return lines

    def to_dict(self, done: bool) -> dict[str, Any]:
        """The plan for ``--json``; `done`: the dataset takes patches now."""
        return {
            "dataset": self.dataset, "name": self.name, "done": done,
            "requests": [
                {"method": "PATCH", "path": wire.dataset_path(self.dataset), "contentType": wire.PATCH_TYPE,
                 "body": patch}
                for patch in self.patches
            ],
            "formerTags": self.former,
            "underWay": [batch.id for batch in self.under_way], "open": [batch.id for batch in self.open],
        }  # fmt: skip


def plan(session: Session, dataset_id: str) -> EnablementPlan:
    """Look at a dataset and its newest batches; nothing is changed."""
    doc = polling.dataset(session, dataset_id)
    tags, patches = doc.get("tags"), tuple(wire.enable_upsert(doc.get("tags")))
    newest = polling.batches(session, dataSet=dataset_id, orderBy="desc:created") if len(patches) > 1 else []
    return EnablementPlan(
        dataset_id, str(doc.get("name") or ""), patches, dict(tags or {}),
        under_way=tuple(batch for batch in newest if batch.status in wire.WAITING),
        open=tuple(batch for batch in newest if batch.status == "loading"),
    )  # fmt: skip


def carry_out(session: Session, made: EnablementPlan, tell: Callable[[str], None]) -> None:
    """Do what a plan says, and look whether it holds; without requests in the plan only that.

    Raises:
        PlatformError: batches are under way, or the platform refused or could not be reached.  How the dataset is left
            is reported before that.
    """
    if made.under_way:
        names = ", ".join(f"{batch.id} ({batch.status})" for batch in made.under_way)
        raise PlatformError(
            f"dataset {made.dataset}: batches are on their way into it, and would never reach Profile: {names}. "
            "Nothing was changed. Wait for their end (`xdmprep batch status ID --wait`), then give the same command."
        )
    words = ("disable", "enable")[-len(made.patches) :] if made.patches else ()
    try:
        for word, patch in zip(words, made.patches, strict=True):
            _change(session, made.dataset, patch, f"{word} dataset {made.dataset}")
            tell(f"dataset {made.dataset}: {word}d for Profile{' with upsert' if word == 'enable' else ''}")
    except BaseException as error:
        if made.interrupts:
            tell(_put_back(session, made, error))
        raise
    if not wire.takes_upserts(polling.dataset(session, made.dataset).get("tags")):
        raise PlatformError(
            f"dataset {made.dataset}: the requests were taken, but Catalog does not show the tags. Look again in a "
            f"moment: xdmprep dataset check {made.dataset}"
        )


def _put_back(session: Session, made: EnablementPlan, error: BaseException) -> str:
    """After a failure: give the dataset its former tags again if it is disabled; how it is left, as text."""
    answered = isinstance(error, PlatformError) and error.status is not None
    try:
        if answered and not wire.has_flag(polling.dataset(session, made.dataset).get("tags"), *_ENABLED):
            _change(session, made.dataset, wire.restore_tags(made.former), f"enable dataset {made.dataset} as before")
        if answered:
            return f"dataset {made.dataset} is enabled for Profile as it was before"
    except PlatformError:
        pass
    return (
        f"ATTENTION: dataset {made.dataset} may be left disabled for Profile: what is ingested into it now never "
        f"reaches Profile. Give the same command again, or send PATCH {wire.dataset_path(made.dataset)} "
        f"({wire.PATCH_TYPE}): {json.dumps(made.patches[-1])}"
    )


def _change(session: Session, dataset_id: str, patch: list[dict[str, Any]], what: str) -> None:
    """One PATCH; it sets tags to fixed values, so a repeat does no harm."""
    path = wire.dataset_path(dataset_id)
    session.call("PATCH", path, json_body=patch, headers={"Content-Type": wire.PATCH_TYPE}, what=what)
