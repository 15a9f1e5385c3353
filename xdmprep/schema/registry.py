"""A set of schemas and components, found by id.

A registry does not change: :meth:`Registry.add` gives a new one.  Schemas are resolved when they are requested.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ..core.arguments import FLAG, PATH, WORD, document, takes
from ..core.documents import exists, files_below, is_folder
from ..errors import SchemaError, counted, did_you_mean
from .documents import Components, Document, is_json, load_components, looks_like_schema
from .model import DESCRIPTORS, Schema


def _documents(value: Any, path: str) -> Iterator[str]:
    """Several dicts of JSON values."""
    for number, one in enumerate(value):
        yield from document(one, f"{path}[{number}]")


class Registry:
    """Schemas and components by ``$id`` or ``meta:altId``.

    Raises:
        UsageError: an argument of one of its functions is of another type.

    Examples:
        >>> registry = xp.Registry.load("schemas/")
        >>> len(registry)
        4
        >>> registry["https://ns.adobe.com/acme/schemas/crm-profile"].title
        'CRM Profile'
    """

    def __init__(self, components: Components | None = None, *, compat: bool = False, name: str = "registry") -> None:
        self._components = components or Components()
        self._compat = compat
        self._name = name
        self._schemas: dict[str, Schema] = {}

    @classmethod
    @takes(folder=PATH, compat=FLAG)
    def load(cls, folder: str | os.PathLike[str], *, compat: bool = False) -> Registry:
        """All schemas and components in the JSON files of a folder and the folders below it.

        Args:
            folder: the folder; ``*.descriptors.json`` files in it are used for the schemas they name.
            compat: turn raw XDM names into those used in Experience Platform.

        Returns:
            The registry.

        Raises:
            SchemaError: the folder is missing, a schema file is not JSON, or two hold different schemas of one id.
            UsageError: an argument is of another type.

        Examples:
            >>> "https://ns.adobe.com/acme/schemas/crm-profile" in xp.Registry.load("schemas/")
            True
        """
        path = Path(folder)
        if not is_folder(path):
            what = "is a file. Load it with Schema.load" if exists(path) else "no such folder"
            raise SchemaError(f"{path}: {what}.")
        return cls(load_components(files_below(path, is_json)), compat=compat, name=str(path))

    @takes(documents=_documents, descriptors=DESCRIPTORS)
    def add(self, *documents: Mapping[str, Any], descriptors: Iterable[dict[str, Any]] = ()) -> Registry:
        """A registry that also holds these documents; one with a known ``$id`` takes the place of the old one.

        Args:
            documents: schemas and components as JSON objects.
            descriptors: descriptors of any of the registry's schemas.

        Returns:
            A further registry; this one stays as it is.

        Raises:
            SchemaError: a document is not a schema with an ``$id``.
            UsageError: an argument is of another type.

        Examples:
            >>> content = {"$id": "https://ns.adobe.com/acme/schemas/x", "type": "object", "properties": {"a": {}}}
            >>> len(registry.add(content)) - len(registry)
            1
        """
        added: dict[str, Document] = {}
        for content in documents:
            document = Document(dict(content), str(content.get("$id") or "document"))
            if not looks_like_schema(document.content) or not document.id:
                raise SchemaError(f"{document.name}: not a schema with an '$id', so it cannot be found in a registry.")
            added[document.id] = document
        joined = Components(added, tuple(descriptors)).joined(self._components)
        return Registry(joined, compat=self._compat, name=self._name)

    @takes(id=WORD)
    def document(self, id: str) -> Document | None:
        """The schema or component as it was given; None if there is none with this ``$id`` or ``meta:altId``.

        Args:
            id: its ``$id`` or ``meta:altId``.

        Returns:
            Its JSON as `content`, and its `name`.

        Raises:
            UsageError: an argument is of another type.

        Examples:
            >>> registry.document("https://ns.adobe.com/acme/schemas/crm-profile").content["title"]
            'CRM Profile'
        """
        return self._components.document(id)

    @takes(id=WORD)
    def __getitem__(self, id: str) -> Schema:
        """The schema with this ``$id`` or ``meta:altId``.

        Raises:
            SchemaError: there is none, or one of its components is missing.
            UsageError: an argument is of another type.
        """
        schema = self._schemas.get(id)
        if schema is None:
            document = self.document(id)
            if document is None:
                raise SchemaError(self._not_found(id))
            schema = Schema(document, self.document, self._components.descriptors, self._compat)
            self._schemas[id] = schema
        return schema

    def _not_found(self, id: str) -> str:
        passed_by = self._components.passed_by
        note = ""
        if passed_by:
            first = next(f"{file}: {reason}" for file, reason in passed_by.items())
            note = f" Not read as schemas: {counted(len(passed_by), 'file')}, such as {first}."
        return f"{self._name}: no schema '{id}' among {len(self)}.{did_you_mean(id, self)}{note}"

    def __contains__(self, id: object) -> bool:
        return isinstance(id, str) and self.document(id) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self._components.by_id)

    def __len__(self) -> int:
        return len(self._components.by_id)

    def __repr__(self) -> str:
        return f"<Registry {self._name} ({len(self)} schemas and components)>"
