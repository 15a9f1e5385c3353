"""What a patch would do: the profiles it is about go into an emulator, then the patch, and both states are compared."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import PlatformError, shorten
from ..leaves import prune
from ..manifest import Manifest
from ..paths import format_path
from ..schema import Schema
from ..upsert import PatchResult, write_former

#: Profiles that are compared; a larger patch is tried as a whole, and its first profiles compared.
MOST = 10_000
#: Examples of each attribute.
EXAMPLES = 3


@dataclass
class Change:
    """What happens to one attribute: how many profiles get it, keep it with another value, or lose it."""

    added: int = 0
    changed: int = 0
    removed: int = 0
    examples: list[tuple[str, Any, Any]] = field(default_factory=list)


@dataclass
class Preview:
    """The comparison of profiles before and after a patch.

    Attributes:
        profiles: profiles compared.
        of: records of the patch.
        new: profiles that were not there.
        same: profiles that the patch leaves as they are.
        attributes: path -> what happens to it.
    """

    profiles: int = 0
    of: int = 0
    new: int = 0
    same: int = 0
    attributes: dict[str, Change] = field(default_factory=dict)

    def add(self, who: str, before: dict[str, Any] | None, after: dict[str, Any] | None) -> None:
        """Compare one profile."""
        self.profiles += 1
        if before is None:
            self.new += 1
            return
        was, now = dict(_attributes(before)), dict(_attributes(after or {}))
        different = [path for path in {**was, **now} if was.get(path) != now.get(path)]
        self.same += not different
        for path in different:
            change = self.attributes.setdefault(path, Change())
            change.added += path not in was
            change.removed += path not in now
            change.changed += path in was and path in now
            if len(change.examples) < EXAMPLES:
                change.examples.append((who, was.get(path), now.get(path)))

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON values."""
        attributes = {
            path: {
                "added": change.added, "changed": change.changed, "removed": change.removed,
                "examples": [{"profile": who, "before": was, "after": now} for who, was, now in change.examples],
            }
            for path, change in self.attributes.items()
        }  # fmt: skip
        return {"profiles": self.profiles, "records": self.of, "new": self.new, "same": self.same,
                "attributes": attributes}  # fmt: skip

    def __str__(self) -> str:
        known = self.profiles - self.new
        some = f", the first {self.profiles:,} are compared" if self.profiles < self.of else ""
        lines = [
            f"preview: {self.of:,} records tried in an emulator{some}: {self.new:,} profiles are new, "
            f"{known - self.same:,} change, {self.same:,} stay as they are"
        ]
        wide = max(map(len, self.attributes), default=0)
        for path, change in sorted(self.attributes.items(), key=lambda item: -(item[1].added + item[1].changed)):
            counts = {"changed": change.changed, "added": change.added, "removed": change.removed}
            parts = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)
            lines.append(f"  {path:{wide}}  {parts}")
            lines += [f"      {who}: {_shown(was)} -> {_shown(now)}" for who, was, now in change.examples]
        return "\n".join(lines)


def try_patch(before: Any, result: PatchResult, schema: Any, **options: Any) -> Preview:
    """Ingest what `before` knows of the profiles of a patch, then the patch, and compare.

    Args:
        before: the earlier snapshot.
        result: the patch.
        schema: a Schema or a path.
        options: `on`, `mapping`, `strict`, `csv` and `jobs`, as the patch was made with.

    Raises:
        PlatformError: the emulator refused one of the batches.
    """
    from ..client import Client
    from ..emulator import Emulator
    from ..emulator.profiles import identities, target_of

    made = schema if isinstance(schema, Schema) else Schema.load(schema)
    preview = Preview(of=sum(manifest.written for manifest in result.manifests))
    if not preview.of:
        return preview
    document = _document(made)
    with tempfile.TemporaryDirectory(prefix="xdmprep-preview-") as name:
        folder = Path(name)
        (folder / "schemas").mkdir()
        (folder / "schemas" / "preview.schema.json").write_text(json.dumps(document), encoding="utf-8")
        former = write_former(before, result, made, folder / "former", **options)
        with Emulator(schemas=folder / "schemas") as server, Client(url=server.url) as client:
            dataset = client.create_dataset("preview", document["$id"], upsert=True)
            if former.files:
                _ingest(client, folder / "former", dataset)
            store, target = server.state.profiles, target_of(dataset, document, True)
            people: list[tuple[tuple[str, str], dict[str, Any] | None]] = []
            for record in _records(result.manifests, made):
                primary, _ = identities(record, target)
                if primary is not None and len(people) < MOST:
                    people.append((primary, store.profile(*primary)))
            for number, manifest in enumerate(result.manifests):
                _ingest(client, _copied(manifest, folder / f"patch-{number}"), dataset)
            for primary, was in people:
                now = store.profile(*primary)
                entities = [None if found is None else found["entity"] for found in (was, now)]
                preview.add(":".join(primary), *entities)
    return preview


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


def _copied(manifest: Manifest, folder: Path) -> Path:
    """A copy of a batch's files, so that the trial leaves no journal beside the patch."""
    folder.mkdir()
    for file in manifest.files:
        source = (manifest.folder or Path()) / file.name
        try:
            (folder / file.name).hardlink_to(source)
        except OSError:
            shutil.copyfile(source, folder / file.name)
    manifest.save(folder)
    return folder


def _records(manifests: tuple[Manifest, ...], schema: Schema) -> Iterator[dict[str, Any]]:
    from ..read import open_source

    for manifest in manifests:
        for file in manifest.files:
            for chunk in open_source((manifest.folder or Path()) / file.name).chunks():
                for record in chunk.nested().to_pylist(maps_as_pydicts="lossy"):
                    yield prune(record)


def _attributes(record: Any, at: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """The attributes of a profile; an array is one attribute."""
    if isinstance(record, dict):
        for name, value in record.items():
            yield from _attributes(value, (*at, name))
    else:
        yield format_path(at), record


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    return shorten(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str), 60)
