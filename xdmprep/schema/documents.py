"""Schema files: reading them, and finding the components that belong to them.

A file may hold one schema or component, or a list of them (what the Schema Registry exports).  Components are found
by ``$id`` or ``meta:altId``, never by file name.  What is not a schema is passed by, and remembered, so that a missing
component can be explained.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ..core.documents import DocumentKind, descriptor_list, files_below
from ..core.remote import shown
from ..errors import SchemaError
from .scopes import Scopes

_FILE = DocumentKind(
    SchemaError,
    "Give the path of a schema file.",
    "Give one schema file, or load the folder as a Registry.",
    "no such file",
    remote=True,
)

#: How the ``$id`` of every schema of the platform begins.
_NAMESPACE = "https://ns.adobe.com/"
DESCRIPTORS_SUFFIX = ".descriptors.json"


@dataclass(frozen=True, eq=False)
class Document:
    """One schema or component as it was given: its JSON and what messages call it."""

    content: dict[str, Any]
    name: str

    @property
    def id(self) -> str:
        """The ``$id`` without a trailing ``#``; empty if there is none."""
        value = self.content.get("$id")
        return value.rstrip("#") if isinstance(value, str) else ""

    @property
    def alternative(self) -> str:
        """The ``meta:altId`` of the Schema Registry; empty if there is none."""
        value = self.content.get("meta:altId")
        return value if isinstance(value, str) else ""

    @cached_property
    def scopes(self) -> Scopes:
        """Base URIs, anchors and dialects of its parts; SchemaError if it is too deep or too large."""
        return Scopes.of(self.content, self.id, self.name)


@dataclass(frozen=True, eq=False)
class Components:
    """Documents by ``$id``, descriptors found beside them, and files that hold no schema with the reason."""

    by_id: Mapping[str, Document] = field(default_factory=dict)
    descriptors: tuple[dict[str, Any], ...] = ()
    passed_by: Mapping[str, str] = field(default_factory=dict)

    def document(self, id: str) -> Document | None:
        """The document with this ``$id`` or ``meta:altId``, or None."""
        found = self.by_id.get(id.rstrip("#"))
        if found is None:
            found = next((d for d in self.by_id.values() if d.alternative and d.alternative == id), None)
        return found

    def joined(self, other: Components) -> Components:
        """These documents and, for ids not among them, those of `other`."""
        return Components(
            {**other.by_id, **self.by_id},
            (*self.descriptors, *other.descriptors),
            {**other.passed_by, **self.passed_by},
        )


def read_json(
    path: str | os.PathLike[str], pairs: Callable[[list[tuple[str, Any]]], dict[str, Any]] | None = None
) -> Any:
    """The JSON of a file; `pairs` makes an object of its keys and values. SchemaError if it is none."""
    if isinstance(path, str) and path.startswith(_NAMESPACE):
        raise _FILE.fail(
            path, "is the $id of a schema, not a place to load it from",
            "Fetch the schema with `xdmprep schema pull`, and give the file.",
        )  # fmt: skip
    return _FILE.read_json(path, pairs)


def duplicate_keys(path: str | os.PathLike[str]) -> list[str]:
    """Keys that occur twice in one object of a file, of which readers of JSON take the last one."""
    found: list[str] = []

    def look(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        out = dict(pairs)
        if len(out) < len(pairs):
            found.extend(sorted(key for key, count in Counter(key for key, _ in pairs).items() if count > 1))
        return out

    read_json(path, look)
    return found


def read_documents(path: str | os.PathLike[str]) -> list[Document]:
    """The schemas and components in one file, in its order; SchemaError if it holds none."""
    content = read_json(path)
    if isinstance(content, bool):  # a schema that takes every record, or none
        return [Document({} if content else {"not": {}}, shown(path))]
    found = _documents_of(content, shown(path))
    if not found:
        place = shown(path)
        raise SchemaError(f"{place}: holds no schema. A schema is a JSON object with '$id', 'properties' or 'allOf'.")
    return found


def _documents_of(content: Any, name: str) -> list[Document]:
    if isinstance(content, dict):
        return [Document(content, name)] if looks_like_schema(content) else []
    if isinstance(content, list):  # an export: all resources of one schema
        return [Document(part, f"{name}[{i}]") for i, part in enumerate(content) if looks_like_schema(part)]
    return []


def looks_like_schema(content: Any) -> bool:
    """Whether a JSON value can be a schema or a component of one."""
    if not isinstance(content, dict):
        return False
    return any(key in content for key in ("$schema", "properties", "allOf", "$ref")) or (
        "$id" in content and ("type" in content or "definitions" in content)
    )


def main_document(documents: list[Document]) -> Document:
    """The schema among the documents of one file: the only one, or the one that is a schema and not a component."""
    if len(documents) == 1:
        return documents[0]
    schemas = [d for d in documents if d.content.get("meta:resourceType") == "schemas"]
    if len(schemas) == 1:
        return schemas[0]
    name = documents[0].name.rpartition("[")[0]
    raise SchemaError(
        f"{name}: holds {len(documents)} documents and {len(schemas) or 'none'} of them with "
        '"meta:resourceType": "schemas"; which one is meant? Load it as a Registry and ask for the $id.'
    )


def is_json(name: str) -> bool:
    """Whether a file of this name is looked at for components."""
    return name.endswith(".json")


def load_components(files: Iterable[Path]) -> Components:
    """All documents in `files`; SchemaError if two differ that have one ``$id``."""
    by_id: dict[str, Document] = {}
    described: list[tuple[Path, list[dict[str, Any]]]] = []
    passed_by: dict[str, str] = {}
    for file in sorted(files, key=lambda f: (not f.name.endswith(".schema.json"), str(f))):
        if file.name.endswith(DESCRIPTORS_SUFFIX):
            described.append((file, descriptor_list(read_json(file), str(file))))
            continue
        try:
            found = [d for d in _documents_of(read_json(file), str(file)) if d.id]
        except SchemaError as error:
            if file.name.endswith(".schema.json"):
                raise
            passed_by[str(file)] = str(error)
            continue
        if not found:
            passed_by[str(file)] = "no schema with an '$id'"
        for document in found:
            known = by_id.setdefault(document.id, document)
            if known is document or known.content == document.content:
                continue
            if file.name.endswith(".schema.json"):
                raise SchemaError(
                    f"{document.name}: has the $id '{document.id}' of {known.name}, with other content. Remove one."
                )
            passed_by[str(file)] = f"its $id is taken by {known.name}"
    owners = {str(descriptors_file(Path(document.name))): id for id, document in by_id.items()}
    descriptors = [
        item if item.get("xdm:sourceSchema") else {**item, "xdm:sourceSchema": owners.get(str(file), str(file))}
        for file, items in described
        for item in items
    ]
    return Components(by_id, tuple(descriptors), passed_by)


def descriptors_file(schema_file: Path) -> Path:
    """Where the descriptors of a schema lie that are not in the schema itself: ``NAME.descriptors.json`` beside it."""
    stem = schema_file.name
    for suffix in (".json", ".schema", ".xed-full", ".xed"):
        stem = stem.removesuffix(suffix)
    return schema_file.with_name(stem + DESCRIPTORS_SUFFIX)


def beside(path: Path) -> Components:
    """The components that lie beside a schema file, or in a folder `components` there."""
    folder = path.parent
    files = [file for file in folder.glob("*.json") if file != path and not file.name.endswith(DESCRIPTORS_SUFFIX)]
    files += files_below(folder / "components", is_json)
    return load_components(files)
