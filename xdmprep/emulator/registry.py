"""Schemas that the emulator knows: JSON files of a folder, by their ``$id``, with identity descriptors beside them.

Descriptors stand in the schema file under ``meta:descriptors`` or in a file ``*.descriptors.json`` of the folder.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from ..errors import SchemaError


class Schemas:
    """The schemas of a folder; empty without one."""

    def __init__(self, folder: str | os.PathLike[str] | None = None) -> None:
        self.by_id: dict[str, dict[str, Any]] = {}
        self.given = folder is not None
        described: list[dict[str, Any]] = []
        root = Path(folder) if folder is not None else None
        if root is not None and not root.is_dir():
            raise SchemaError(f"{root}: not a folder of schemas.")
        for path in sorted(root.rglob("*.json")) if root else ():
            try:
                data = json.loads(path.read_text(encoding="utf-8-sig"))
            except (OSError, ValueError) as error:
                raise SchemaError(f"{path}: cannot be read as JSON: {error}.") from None
            if path.name.endswith(".descriptors.json"):
                described += data if isinstance(data, list) else [data]
            elif isinstance(data, dict) and isinstance(data.get("$id"), str):
                self.by_id[data["$id"]] = data
        for item in described:
            schema = self.by_id.get(item.get("xdm:sourceSchema", ""))
            if schema is not None and item not in schema.setdefault("meta:descriptors", []):
                schema["meta:descriptors"].append(item)

    def get(self, schema_id: str | None) -> dict[str, Any] | None:
        """The schema with this ``$id`` or ``meta:altId``."""
        if schema_id is None:
            return None
        if schema_id in self.by_id:
            return self.by_id[schema_id]
        return next((schema for schema in self.by_id.values() if schema.get("meta:altId") == schema_id), None)

    def descriptors(self) -> list[dict[str, Any]]:
        """All descriptors, each with the schema it belongs to and an ``@id``."""
        found = []
        for schema_id, schema in self.by_id.items():
            for number, item in enumerate(schema.get("meta:descriptors") or []):
                entry = {"xdm:sourceSchema": schema_id, "xdm:sourceVersion": 1, **item}
                entry.setdefault("@id", hashlib.sha1(f"{schema_id} {number}".encode()).hexdigest())  # noqa: S324 (an id)
                found.append(entry)
        return found
