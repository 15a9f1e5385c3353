"""A preview of a patch, with a trial of its first records in an emulator.

The numbers come from the comparison itself, so they hold for all records.  The trial is independent: an emulator
ingests the first records as they were and the patch behind them, and its merged profiles must have changed in the same
attributes.  They differ where one profile holds several records, linked by an identity.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from ..core.paths import format_path
from ..core.shred import prune, to_pylist
from ..errors import PlatformError, UsageError
from ..patch import Effects, Preview
from ..pipeline.upsert import PatchResult, write_trial
from ..schema import Schema, as_schema


def preview_of(result: PatchResult, schema: Any) -> Preview:
    """What a patch would do; those of its first records that `effects` kept are tried in an emulator."""
    effects = result.effects
    if effects is None:
        raise UsageError("the patch was written without a look at its effects; give effects=1000 (records to try).")
    if effects.kept:
        effects.tried = effects.kept
        ours, theirs = _tried(result, effects, as_schema(schema))
        effects.otherwise = {
            path: (ours.get(path, 0), theirs.get(path, 0))
            for path in {**ours, **theirs} if ours.get(path, 0) != theirs.get(path, 0)
        }  # fmt: skip
    return effects


def _tried(result: PatchResult, effects: Effects, schema: Schema) -> tuple[dict[str, int], dict[str, int]]:
    """How many profiles of the trial change in each attribute, by the comparison and by the emulator."""
    from ..client import Client
    from ..emulator import Emulator
    from ..emulator.profiles import identities, target_of

    document = _document(schema)
    with tempfile.TemporaryDirectory(prefix="xdmprep-preview-") as name:
        folder = Path(name)
        (folder / "schemas").mkdir()
        (folder / "schemas" / "preview.schema.json").write_text(json.dumps(document), encoding="utf-8")
        former, patch, typed = write_trial(result, schema, folder)
        sent = list(_records(folder / "patch", [file.name for file in patch.files]))
        with Emulator(schemas=folder / "schemas") as server, Client(url=server.url) as client:
            dataset = client.create_dataset("preview", document["$id"], upsert=True)
            if former.files:
                _ingest(client, folder / "former", dataset)
            store, target = server.state.profiles, target_of(dataset, document, True)
            people = [primary for record in sent if (primary := identities(record, target)[0]) is not None]
            was = [_entity(store.profile(*primary)) for primary in people]
            _ingest(client, folder / "patch", dataset)
            theirs: dict[str, int] = {}
            for primary, before in zip(people, was, strict=True):
                for path in _differences(before, _entity(store.profile(*primary))) if before is not None else ():
                    theirs[path] = theirs.get(path, 0) + 1
    compared = Effects.of(pa.concat_arrays(effects.before), typed, pa.nulls(len(typed), pa.string()))
    ours = {path: change.added + change.changed for path, change in compared.attributes.items()}
    return ours, theirs


def _entity(found: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if found is None else found["entity"]


def _document(schema: Schema) -> dict[str, Any]:
    """The schema as one self-contained document, as the emulator takes it."""
    document = dict(schema.json_schema)
    document["$id"] = schema.id or "https://ns.adobe.com/xdmprep/schemas/preview"
    document["title"] = schema.name
    document["meta:class"] = schema.class_id
    document["meta:extends"] = ["https://ns.adobe.com/xdm/data/record"]
    document["meta:descriptors"] = list(schema.descriptors)
    return document


def _ingest(client: Any, folder: Path, dataset: str) -> None:
    batch = client.wait(client.upload(folder, dataset_id=dataset, percent=100).id)
    if batch.status not in ("success", "active"):
        raise PlatformError(f"the preview's emulator ended the batch of {folder} as {batch.status}.", batch=batch.id)


def _records(folder: Path, names: list[str]) -> Iterator[dict[str, Any]]:
    from ..read import open_source

    for name in names:
        for chunk in open_source(folder / name).chunks():
            for record in to_pylist(chunk.nested()):
                yield prune(record)


def _differences(was: Any, now: Any, at: tuple[str, ...] = ()) -> Iterator[str]:
    """The attributes in which two states of a profile differ; an array is one attribute."""
    if was == now:
        return
    if isinstance(was, dict | None) and isinstance(now, dict | None):
        old, new = was or {}, now or {}
        for name in {**old, **new}:
            yield from _differences(old.get(name), new.get(name), (*at, name))
    else:
        yield format_path(at)
