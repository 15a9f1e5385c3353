"""Whether a dataset is the one for certain files: its schema, its tags, its format; and what to do where it is not.

A patch into a dataset that is not enabled for upsert is not refused by the platform.  It is taken as ordinary data, and
each record replaces all that the dataset held of its person.  So this is looked at before anything is sent.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from .. import wire
from ..core.manifest import Manifest
from ..errors import PlatformError, counted, option
from . import polling, registry
from .checks import check_files
from .registry import Pulled
from .session import Session

EVENTS = ("https://ns.adobe.com/xdm/context/experienceevent", "https://ns.adobe.com/xdm/data/time-series")


@dataclass(frozen=True, slots=True)
class ReadinessFinding:
    """One thing about a dataset.

    Attributes:
        code: a word for programs, such as ``not-upsert``.
        level: ``error`` would go wrong, ``warning`` may, ``note`` is good to know.
        text: what it is, in one sentence without a full stop.
        steps: what to do, in order.
        forced: what happens if the files are sent all the same; empty where that cannot be requested.
    """

    code: str
    level: Literal["error", "warning", "note"]
    text: str
    steps: tuple[str, ...] = ()
    forced: str = ""


@dataclass(frozen=True, slots=True)
class Readiness:
    """What a dataset is ready for.

    Attributes:
        dataset: its id.
        name, schema: its name, and the ``$id`` of its schema.
        profile, identity, upsert: whether its tags enable it for Profile, for Identity, for upsert.
        tags: the tags.
        findings: errors, warnings and notes.
        files, records: how many are to be sent; None where only the dataset was looked at.
    """

    dataset: str
    name: str
    schema: str | None
    profile: bool
    identity: bool
    upsert: bool
    tags: dict[str, Any]
    findings: tuple[ReadinessFinding, ...] = ()
    files: int | None = None
    records: int | None = None

    @property
    def errors(self) -> tuple[ReadinessFinding, ...]:
        """What would go wrong."""
        return tuple(finding for finding in self.findings if finding.level == "error")

    @property
    def ok(self) -> bool:
        """Whether nothing would go wrong."""
        return not self.errors

    def to_dict(self) -> dict[str, Any]:
        """The answer for ``--json``."""
        return {**asdict(self), "ok": self.ok}


def _assess(
    dataset_id: str, doc: dict[str, Any], manifest: Manifest | None = None, schema: Pulled | None = None
) -> Readiness:
    """Check a dataset as Catalog describes it, for the files of a manifest or as such; findings with errors first."""
    tags = doc.get("tags") or {}
    state = Readiness(
        dataset_id, str(doc.get("name") or ""), (doc.get("schemaRef") or {}).get("id"),
        wire.has_flag(tags, "unifiedProfile", "enabled"), wire.has_flag(tags, "unifiedIdentity", "enabled"),
        wire.has_flag(tags, "unifiedProfile", "isUpsert"), tags,
    )  # fmt: skip
    title = f"dataset {dataset_id} ({state.name})"
    found = [
        *([] if manifest is None else _of_files(state, title, doc, manifest)),
        *_of_tags(state, title, doc, manifest),
        *([] if schema is None else _of_schema(state, schema, manifest)),
    ]
    return replace(state, findings=_ordered(found))


def _of_files(state: Readiness, title: str, doc: dict[str, Any], manifest: Manifest) -> Iterator[ReadinessFinding]:
    """Schema and format of the files beside those of the dataset."""
    ours = manifest.schema.get("id")
    if state.schema and ours and state.schema != ours:
        text = f"{title} has the schema {state.schema}, the files were made for {ours}"
        yield ReadinessFinding("other-schema", "error", text, ("Choose the dataset of that schema.",))
    format = (doc.get("fileDescription") or {}).get("format")
    if manifest.format == "csv" and format != "csv":
        text = f"{title} is not one for CSV files (fileDescription.format is {format!r})"
        step = f"`xdmprep dataset create NAME --schema {ours or 'ID'} --format csv`"
        yield ReadinessFinding("format", "warning", text, (step,))
    elif manifest.format != "csv" and format == "csv":
        text = f"{title} is one for CSV files (fileDescription.format), the files are {manifest.format}"
        yield ReadinessFinding("format", "warning", text, ("Choose another dataset.",))
    if manifest.format == "csv" and state.profile:
        text = f"{title} is enabled for Profile, but CSV files never get there"
        yield ReadinessFinding("csv-profile", "warning", text, ("Write JSON or Parquet.",))


def _of_tags(
    state: Readiness, title: str, doc: dict[str, Any], manifest: Manifest | None
) -> Iterator[ReadinessFinding]:
    """Whether the dataset's tags are those that the files need."""
    patch = manifest is not None and manifest.upsert
    level: Literal["error", "note"] = "error" if patch else "note"
    if not state.profile and manifest is not None and not patch:
        yield ReadinessFinding(
            "not-profile", "note", f"{title} is not enabled for Profile: the data stays in the data lake"
        )
    elif not state.profile:
        text = f"{title} is not enabled for Profile, so a patch would change no profile"
        yield ReadinessFinding("not-profile", level, text, _enabling(state, doc), "no profile changes")
    elif not state.upsert and (patch or manifest is None):
        text = (
            f"{title} is not enabled for upsert: its tag unifiedProfile lacks 'isUpsert: true', so each record of a "
            "patch would replace the whole fragment that the dataset holds of its profile"
        )
        forced = "each record replaces a whole fragment: attributes that the patch leaves out are LOST from the profile"
        yield ReadinessFinding("not-upsert", level, text, _enabling(state, doc), forced)
    elif not state.identity:
        text = f"{title} is enabled for Profile, but not for Identity: its tag unifiedIdentity lacks 'enabled: true'"
        forced = "the identities of the records do not reach the identity graph"
        yield ReadinessFinding("not-identity", "error" if patch else "warning", text, _enabling(state, doc), forced)
    elif state.upsert and manifest is not None and not patch:
        text = f"{title} is enabled for upsert: fields that these files leave out keep their old values"
        yield ReadinessFinding("upsert", "warning", text)


def _of_schema(state: Readiness, schema: Pulled, manifest: Manifest | None) -> Iterator[ReadinessFinding]:
    """Whether Profile takes the dataset's schema, and its records have an identity to reach a profile by."""
    patch = manifest is not None and manifest.upsert
    doc, for_profile = schema.schema, "union" in (schema.schema.get("meta:immutableTags") or ())
    if not (patch or state.profile or for_profile):
        return
    supers = {doc.get("meta:class"), *(doc.get("meta:extends") or ())}
    kind = "events" if supers.intersection(EVENTS) else "ad-hoc data" if wire.ADHOC in supers else ""
    if (patch or state.profile) and kind and (patch or state.upsert or wire.ADHOC in supers):
        text = f"the schema {state.schema} is one of {kind}; only record data can be patched"
        yield ReadinessFinding("not-record", "error" if patch else "warning", text)
    if not for_profile:
        text = f"the schema {state.schema} is not enabled for Profile (no 'union' in meta:immutableTags)"
        step = "Enable the schema for Profile, in the user interface or by PATCH; that cannot be undone."
        yield ReadinessFinding("schema-not-profile", "warning", text, (step,))
    primary = any(item.get("xdm:isPrimary") is True for item in schema.descriptors)
    if not primary and not {"identityMap", "xdm:identityMap"}.intersection(doc.get("properties") or {}):
        text = f"the schema {state.schema} has neither a primary identity nor an identityMap"
        step = "Give it a primary identity; without one no record reaches Profile."
        yield ReadinessFinding("no-identity", "warning", text, (step,))


def _enabling(state: Readiness, doc: dict[str, Any]) -> tuple[str, ...]:
    """How a dataset becomes one that takes patches."""
    address = f"PATCH {wire.dataset_path(state.dataset)}  Content-Type: {wire.PATCH_TYPE}"
    patches = wire.enable_upsert(doc.get("tags"))
    words = ("Disable it", "Enable it again, with upsert") if len(patches) == 2 else ("Enable it with upsert",)
    steps = [f"{word}: {address}  {json.dumps(patch)}" for word, patch in zip(words, patches, strict=True)]
    both = "that is done" if len(patches) == 1 else "both are done"
    steps.append(
        f"By command: `xdmprep dataset enable-upsert {state.dataset}` shows the plan; with "
        f"`xdmprep dataset enable-upsert {state.dataset} --yes` {both}."
    )
    if len(patches) == 2:
        steps.append("Let nothing be ingested meanwhile: what arrives between the two never reaches Profile.")
    else:
        steps.append("What was ingested before is not in Profile: ingest the whole data again, then send patches.")
    steps.append(
        f"Or a new dataset: `xdmprep dataset create NAME --schema {state.schema or 'ID'} --upsert`. Ingest the whole "
        "data into it first: Profile keeps the data of each dataset apart, and a patch changes only its own dataset's."
    )
    return tuple(steps)


def check(session: Session, dataset_id: str, manifests: Sequence[Manifest], jobs: int) -> Readiness:
    """Check a dataset with all that can be asked: Catalog, the registry, and the files of the manifests, if any.

    Args:
        session: an open connection to the platform.
        dataset_id: the id of the dataset in Catalog.
        manifests: what is to go there, the first one checked with the dataset; empty to check the dataset alone.
        jobs: number of files that are checked at a time.

    Returns:
        The findings, errors first; number of files and of records where there are manifests.

    Raises:
        SourceError, UsageError: the files themselves are wrong.
        PlatformError: the dataset does not exist, or the platform cannot be reached.
    """
    notes = [ReadinessFinding("files", "note", text) for manifest in manifests for text in check_files(manifest, jobs)]
    doc = polling.dataset(session, dataset_id)
    schema, schema_id = None, (doc.get("schemaRef") or {}).get("id")
    if not schema_id:
        notes.append(ReadinessFinding("no-schema", "warning", f"dataset {dataset_id} names no schema"))
    else:
        try:
            schema = registry.look_up(session, schema_id)
            reason = "the registry does not know it"
        except PlatformError as error:
            reason = str(error)
        if schema is None:
            text = f"the schema {schema_id} was not looked at: {reason.removesuffix('.')}"
            notes.append(ReadinessFinding("schema-unseen", "note", text))
    state = _assess(dataset_id, doc, manifests[0] if manifests else None, schema)
    sizes = (sum(len(one.files) for one in manifests), sum(one.written for one in manifests))
    files, records = sizes if manifests else (None, None)
    return replace(state, findings=_ordered([*state.findings, *notes]), files=files, records=records)


def _ordered(findings: Sequence[ReadinessFinding]) -> tuple[ReadinessFinding, ...]:
    order = ("error", "warning", "note")
    return tuple(sorted(findings, key=lambda finding: order.index(finding.level)))


def check_dataset(
    manifest: Manifest, dataset_id: str, doc: dict[str, Any], tell: Callable[[str], None], force: bool = False
) -> bool:
    """The dataset is one that these files are for, or the caller insists; then a warning says what will happen.

    Args:
        manifest: what the files are.
        dataset_id: the id of the dataset, for messages.
        doc: the dataset as Catalog gives it, a JSON object.
        tell: called with each warning, one line of text.
        force: go on after errors that may be forced.

    Returns:
        Whether something had to be forced.

    Raises:
        PlatformError: its schema is another one, or it is not enabled for upsert though the files are a patch.
    """
    forced = False
    if manifest.schema.get("warning"):
        tell(f"warning: {manifest.schema['warning']}")
    for finding in _assess(dataset_id, doc, manifest).findings:
        if finding.level == "error":
            if not (force and finding.forced):
                advice = " ".join(finding.steps)
                if finding.forced:
                    advice = (
                        f"`xdmprep dataset check {dataset_id} --manifest {manifest.folder}` says step by step what to "
                        f"do; with {option('force', True)} the files are sent all the same, and then {finding.forced}."
                    )
                raise PlatformError(f"{finding.text}. {advice}")
            tell(f"ATTENTION: {finding.text}. It is forced: {finding.forced} ({counted(manifest.written, 'record')}).")
            forced = True
        elif finding.level == "warning":
            tell(f"warning: {finding.text}")
    return forced
