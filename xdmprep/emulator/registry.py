"""Schemas that the emulator knows, and what they are made of: the files of a folder, and what was created by requests.

Each resource is a JSON document with an ``$id``; its kind is one of :data:`KINDS`.  Documents that refer to others are
put together (:class:`xdmprep.core.batch_check.ResolveSchema`) when a batch is checked or a full schema is requested.
Descriptors are in the schema file under ``meta:descriptors``, in a file ``*.descriptors.json`` of the folder, or were
created.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from ..core.batch_check import ResolveSchema
from ..core.documents import descriptor_list, files_below, is_folder
from ..errors import SchemaError
from ..wire import references
from .store import Store

CREATED = ("schemas", "classes", "fieldgroups", "datatypes")  #: kinds that requests can create
KINDS = (*CREATED, "behaviors")
OTHER_NAMES = {"mixins": "fieldgroups"}
XDM = "https://ns.adobe.com/xdm"
ADHOC = f"{XDM}/data/adhoc"


def _stand_in(id: str, kind: str, title: str, extends: list[str], **fields: Any) -> dict[str, Any]:
    """A resource of the global container, as far as a schema needs it to be complete."""
    names = {name: field for name, field in fields.items() if name != "required"}
    return {
        "$schema": "http://json-schema.org/draft-06/schema#", "$id": f"{XDM}/{id}",
        "meta:altId": "_xdm." + id.replace("/", "."), "meta:resourceType": kind, "version": "1.0", "title": title,
        "type": "object", "properties": names, "meta:extensible": True, "meta:abstract": True, "meta:extends": extends,
        "meta:xdmType": "object", "meta:containerId": "global",
        **({"required": fields["required"]} if "required" in fields else {}),
        **({"allOf": [{"$ref": other} for other in extends]} if extends else {}),
    }  # fmt: skip


_ID = {"type": "string", "format": "uri-reference", "meta:xdmType": "string"}
_TEXT = {"type": "string", "meta:xdmType": "string"}
_TIME = {"type": "string", "format": "date-time", "meta:xdmType": "date-time"}
_ITEM = {
    "type": "object", "meta:xdmType": "object",
    "properties": {"id": _TEXT, "primary": {"type": "boolean", "meta:xdmType": "boolean"},
                   "authenticatedState": {**_TEXT, "enum": ["ambiguous", "authenticated", "loggedOut"]}},
}  # fmt: skip
_IDENTITY_MAP = {
    "type": "object",
    "meta:xdmType": "map",
    "additionalProperties": {"type": "array", "meta:xdmType": "array", "items": _ITEM},
}
_RECORD, _SERIES = f"{XDM}/data/record", f"{XDM}/data/time-series"
_PROFILE_TEXTS = ("createdByBatchID", "modifiedByBatchID", "personID", "repositoryCreatedBy",
                  "repositoryLastModifiedBy")  # fmt: skip

#: What every registry has in its global container.  Files of the folder with the same ids take their place.
STAND_INS = (
    _stand_in("data/adhoc", "behaviors", "Ad-hoc data", []),
    _stand_in("data/record", "behaviors", "Record data", [], _id=_ID),
    _stand_in("data/time-series", "behaviors", "Time-series data", [], _id=_ID, timestamp=_TIME,
              required=["_id", "timestamp"]),
    _stand_in("context/profile", "classes", "XDM Individual Profile", [_RECORD], _id=_ID,
              **dict.fromkeys(_PROFILE_TEXTS, _TEXT),
              _repo={"type": "object", "meta:xdmType": "object",
                     "properties": {"createDate": _TIME, "modifyDate": _TIME}}),
    _stand_in("context/experienceevent", "classes", "XDM ExperienceEvent", [_SERIES], _id=_ID, timestamp=_TIME,
              eventType=_TEXT, producedBy=_TEXT, eventMergeId=_TEXT, identityMap=_IDENTITY_MAP,
              required=["_id", "timestamp"]),
    _stand_in("context/identitymap", "fieldgroups", "IdentityMap", [], identityMap=_IDENTITY_MAP),
)  # fmt: skip


class Schemas:
    """The registry of one emulator.

    Args:
        folder: JSON files of schemas and components; None for none.
        store: keeps what is created by requests; None where nothing is.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str] | None = None,
        store: Store | None = None,
        resolve: ResolveSchema | None = None,
    ) -> None:
        self.given = folder is not None
        self.by_id: dict[str, dict[str, Any]] = {}  #: those of the folder
        self._store, self._resolve = store, resolve
        self._whole: dict[str, dict[str, Any]] = {}
        described: list[dict[str, Any]] = []
        root = Path(folder) if folder is not None else None
        if root is not None and not is_folder(root):
            raise SchemaError(f"{root}: not a folder of schemas. Give the folder that holds their JSON files.")
        for path in files_below(root, lambda name: name.endswith(".json")) if root else ():
            try:
                data = json.loads(path.read_text(encoding="utf-8-sig"))
            except (OSError, ValueError) as error:
                raise SchemaError(f"{path}: cannot be read as JSON: {error}.") from None
            if path.name.endswith(".descriptors.json"):
                described += descriptor_list(data, str(path))
                continue
            for item in data if isinstance(data, list) else [data]:
                if isinstance(item, dict) and isinstance(item.get("$id"), str):
                    if "meta:descriptors" in item:
                        own = descriptor_list(item["meta:descriptors"] or [], f"{path}, 'meta:descriptors'")
                        item["meta:descriptors"] = list(own)
                    self.by_id[item["$id"].rstrip("#")] = item
        for item in described:
            schema = self.by_id.get(item.get("xdm:sourceSchema", ""))
            if schema is not None and item not in schema.setdefault("meta:descriptors", []):
                schema["meta:descriptors"].append(item)

    @property
    def tenant(self) -> str:
        """The tenant id: that of the folder's schemas."""
        for schema in self.by_id.values():
            if name := str(schema.get("meta:tenantNamespace", "")).lstrip("_"):
                return name
        return "xdmprep"

    # ---- documents --------------------------------------------------------------------------------------------------

    def documents(self, sandbox: str | None = None) -> dict[str, dict[str, Any]]:
        """All documents by ``$id``: created ones (of a sandbox, or of all), the folder's, and the stand-ins."""
        created = self._store.resources(sandbox, *CREATED) if self._store else {}
        return {**{item["$id"]: item for item in STAND_INS}, **self.by_id, **created}

    def find(self, key: str | None, sandbox: str | None = None) -> dict[str, Any] | None:
        """The document with this ``$id`` or ``meta:altId``, as it was given."""
        if key is None:
            return None
        known = self.documents(sandbox)
        found = known.get(key.rstrip("#"))
        return found or next((item for item in known.values() if item.get("meta:altId") == key), None)

    def listed(self, kind: str, container: str, sandbox: str) -> list[dict[str, Any]]:
        """All documents of one kind in ``tenant`` or ``global``."""
        found = self.documents(sandbox).values()
        return [item for item in found if kind_of(item) == kind and container_of(item) == container]

    def get(self, key: str | None) -> dict[str, Any] | None:
        """The schema with this ``$id`` or ``meta:altId``, whole; SchemaError if a part is missing."""
        document = self.find(key)
        if document is None or kind_of(document) != "schemas":
            return None
        return self.whole(document)

    def whole(self, document: dict[str, Any]) -> dict[str, Any]:
        """A document with everything that it refers to in its place; SchemaError if a part is missing."""
        if self._resolve is None or not any(references(document)):
            return self._described(document)
        key = json.dumps(document, sort_keys=True)
        if key not in self._whole:
            self._whole[key] = self._resolve(document, list(self.documents().values()))
        return self._described(self._whole[key])

    def _described(self, document: dict[str, Any]) -> dict[str, Any]:
        created = self._store.resources(None, "descriptors") if self._store else {}
        own = [item for item in created.values() if item["xdm:sourceSchema"] == document.get("$id")]
        if not own:
            return document
        given = descriptor_list(document.get("meta:descriptors") or [], str(document.get("$id")))
        return {**document, "meta:descriptors": [*given, *own]}

    def forget(self) -> None:
        """A document was removed: what was put together is put together anew."""
        self._whole.clear()

    def descriptors(self, sandbox: str | None = None) -> list[dict[str, Any]]:
        """All descriptors, each with the schema it belongs to and an ``@id``."""
        found = []
        for schema_id, schema in self.by_id.items():
            for number, item in enumerate(schema.get("meta:descriptors") or []):
                entry = {"xdm:sourceSchema": schema_id, "xdm:sourceVersion": 1, **item}
                entry.setdefault("@id", hashlib.sha1(f"{schema_id} {number}".encode()).hexdigest())  # noqa: S324 (an id)
                entry = {"version": "1", "meta:containerId": "tenant", **entry}
                found.append(entry)
        return found + ([*self._store.resources(sandbox, "descriptors").values()] if self._store else [])


def kind_of(document: dict[str, Any]) -> str:
    """The kind of a document: as it says, else as its id or its keywords hint, else a schema."""
    said = document.get("meta:resourceType")
    said = OTHER_NAMES.get(str(said), said)
    if said in KINDS:
        return str(said)
    id = str(document.get("$id", ""))
    for kind in (*KINDS, *OTHER_NAMES):
        if f"/{kind}/" in id:
            return OTHER_NAMES.get(kind, kind)
    if id.startswith(f"{XDM}/data/"):
        return "behaviors"
    if "meta:intendedToExtend" in document:
        return "fieldgroups"
    if id.startswith(f"{XDM}/datatypes") or (id.startswith(XDM) and "meta:class" not in document):
        return "classes" if document.get("meta:abstract") and document.get("meta:extends") else "datatypes"
    return "schemas"


def behavior_of(document: dict[str, Any], documents: dict[str, dict[str, Any]]) -> str:
    """``record``, ``time-series`` or ``adhoc``: the behavior of a schema's class."""
    extends = document.get("meta:extends")
    waiting = [document.get("meta:class"), *(extends if isinstance(extends, list) else ()), *references(document)]
    seen: set[Any] = set()
    while waiting:
        id = waiting.pop()
        if not isinstance(id, str) or id in seen:
            continue
        seen.add(id)
        if id == ADHOC:
            return "adhoc"
        if id in (f"{XDM}/data/time-series", f"{XDM}/context/experienceevent"):
            return "time-series"
        inner = documents.get(id, {}).get("meta:extends")
        waiting += inner if isinstance(inner, list) else []
    return "record"


def container_of(document: dict[str, Any]) -> str:
    """``global`` for what Adobe provides, else ``tenant``."""
    said = document.get("meta:containerId")
    if said in ("global", "tenant"):
        return str(said)
    return "global" if str(document.get("$id", "")).startswith(f"{XDM}/") else "tenant"
