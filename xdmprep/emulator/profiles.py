"""The profile store: records by identity, folded into fragments, merged along the identity graph.

What is kept are the records themselves, in the order they were ingested; a fragment is made when it is requested.  The
records of a batch are added piece by piece, so that requests neither wait long for the store nor see them
before the batch is done; then all of them count at once, after those of the batches that were done before.

A fragment is what one dataset knows under one primary identity: an ordinary record replaces what came before, an upsert
record merges into it (objects and map keys deep, arrays and scalars replaced).  So a reverted or replaced batch only
needs its records taken out.  The platform does not document these details; they are ours, see xdmprep/docs/emulator.md.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.documents import descriptor_list
from .responses import value_at
from .store import connect, now_ms, transaction

_TABLES = """
CREATE TABLE IF NOT EXISTS record (
    seq INTEGER PRIMARY KEY, batch TEXT, dataset TEXT, kind TEXT, ns TEXT, id TEXT, at INTEGER, doc TEXT);
CREATE INDEX IF NOT EXISTS record_batch ON record (batch);
CREATE TABLE IF NOT EXISTS identity (ns TEXT, id TEXT, seq INTEGER, PRIMARY KEY (ns, id, seq)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS identity_seq ON identity (seq);
CREATE TABLE IF NOT EXISTS done (batch TEXT PRIMARY KEY, result TEXT);
"""
GRAPH_LIMIT = 50  #: identities per graph (Identity Service guardrails)
PROFILE_BYTES, EVENT_BYTES = 100 << 10, 10 << 10  #: larger records never reach Profile (Guardrails for data ingestion)
EVENT_CLASS = "https://ns.adobe.com/xdm/context/experienceevent"
_BLOCKED = frozenset({"", "null", "anonymous", "invalid"})

Identity = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Target:
    """How the records of one dataset reach the profile store; `kind` is None where each record decides."""

    dataset: str
    kind: str | None
    descriptors: tuple[tuple[tuple[str, ...], str, bool], ...] = ()


def target_of(dataset: str, schema: dict[str, Any] | None, upsert: bool) -> Target:
    """The target of a dataset, from its JSON schema (identity descriptors under ``meta:descriptors``)."""
    if schema is None:
        return Target(dataset, "upsert" if upsert else None)
    described = []
    for item in descriptor_list(schema.get("meta:descriptors") or [], str(schema.get("$id"))):
        if item.get("@type") == "xdm:descriptorIdentity":
            steps = tuple(step.removeprefix("xdm:") for step in item["xdm:sourceProperty"].strip("/").split("/"))
            described.append((steps, str(item["xdm:namespace"]), bool(item.get("xdm:isPrimary"))))
    is_event = EVENT_CLASS in (schema.get("meta:class"), *(schema.get("meta:extends") or ()))
    return Target(dataset, "event" if is_event else "upsert" if upsert else "profile", tuple(described))


def identities(record: dict[str, Any], target: Target) -> tuple[Identity | None, list[Identity]]:
    """The record's primary identity (None if it has none) and all its identities.

    The primary one is that of the schema's primary descriptor, else the item of identityMap that says ``primary``.
    """
    primary: Identity | None = None
    found: list[Identity] = []
    for steps, namespace, is_primary in target.descriptors:
        value: Any = value_at(record, steps)
        if _identifies(value):
            found.append((namespace.lower(), value))
            primary = found[-1] if is_primary else primary
    marked: Identity | None = None
    identity_map = record.get("identityMap")
    for namespace, items in identity_map.items() if isinstance(identity_map, dict) else ():
        for item in items if isinstance(items, list) else ():
            value = item.get("id") if isinstance(item, dict) else None
            if _identifies(value):
                found.append((namespace.lower(), value))
                if item.get("primary") is True:
                    marked = marked or found[-1]
    return primary or marked, list(dict.fromkeys(found))


def _identifies(value: Any) -> bool:
    """Whether a value can be an identity: a text that is neither blank nor a placeholder."""
    if not isinstance(value, str) or value.strip().lower() in _BLOCKED:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def merge(old: Any, new: Any) -> Any:
    """`new` over `old`: objects deep, everything else replaced."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    return {**old, **{key: merge(old[key], value) if key in old else value for key, value in new.items()}}


def entity_id(namespace: str, value: str) -> str:
    """An id for a merged profile, in the look of the platform's XIDs."""
    digest = hashlib.sha256(f"{namespace.lower()}:{value}".encode()).digest()
    return base64.urlsafe_b64encode(digest[:15]).decode()


class Profiles:
    """The profile store in one SQLite file; one writer at a time, readers see what was committed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._write_lock, self._read_lock = threading.RLock(), threading.RLock()
        self._writer, self._reader = self._connect(), self._connect()
        with self.transaction() as db:  # what a killed process had begun
            for row in db.execute("SELECT DISTINCT batch FROM record WHERE batch NOT IN (SELECT batch FROM done)"):
                self.remove(db, row["batch"])

    def _connect(self) -> sqlite3.Connection:
        db = connect(self._path, _TABLES)
        db.execute("PRAGMA cache_size=-6000")
        db.execute("PRAGMA wal_autocheckpoint=16000")  # pages; each time the disk is waited for
        return db

    def close(self) -> None:
        """Close the store."""
        with self._write_lock, self._read_lock:
            self._writer.close()
            self._reader.close()

    # ---- writing ----------------------------------------------------------------------------------------------------

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing, one at a time."""
        with self._write_lock, transaction(self._writer):
            yield self._writer

    def add(self, batch: str, target: Target, records: Iterable[dict[str, Any]]) -> int:
        """Keep records, unseen until the batch is done; gives how many were refused."""
        skipped = 0
        at = now_ms()
        rows, links = [], []
        for record in records:
            kind = target.kind or ("event" if "timestamp" in record and "_id" in record else "profile")
            primary, found = identities(record, target)
            if primary is None and kind == "event" and found:
                primary = found[0]
            text = json.dumps(record, ensure_ascii=False, separators=(",", ":"), default=str)
            text = text.encode("utf-8", "backslashreplace").decode()  # half a surrogate pair stays an escape
            limit = EVENT_BYTES if kind == "event" else PROFILE_BYTES
            bad_ecid = any(ns == "ecid" and not re.fullmatch(r"\d{38}", value) for ns, value in found)
            if primary is None or bad_ecid or len(text.encode()) > limit:
                skipped += 1
                continue
            rows.append((batch, target.dataset, kind, *primary, at, text))
            links.append(found)
        with self.transaction() as db:
            (last,) = db.execute("SELECT coalesce(max(seq), 0) FROM record").fetchone()
            db.executemany(
                "INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                ((seq, *row) for seq, row in enumerate(rows, last + 1)),
            )
            db.executemany(
                "INSERT OR IGNORE INTO identity VALUES (?, ?, ?)",
                ((*identity, seq) for seq, found in enumerate(links, last + 1) for identity in found),
            )
        return skipped

    def finish(self, batch: str, instead_of: Iterable[str], result: dict[str, Any]) -> None:
        """From now on the batch's records count, and those of the batches that it replaces do not."""
        with self.transaction() as db:
            for predecessor in instead_of:
                self.remove(db, predecessor)
            db.execute("INSERT OR REPLACE INTO done VALUES (?, ?)", (batch, json.dumps(result)))

    def discard(self, batch: str) -> None:
        """Take out what was added of a batch that is not done."""
        with self.transaction() as db:
            self.remove(db, batch)

    def remove(self, db: sqlite3.Connection, batch: str) -> None:
        """Take a batch's records out."""
        db.execute("DELETE FROM identity WHERE seq IN (SELECT seq FROM record WHERE batch = ?)", (batch,))
        db.execute("DELETE FROM record WHERE batch = ?", (batch,))

    def done(self, batch: str) -> dict[str, Any] | None:
        """The result that a batch was finished with; None if it was not."""
        with self._read_lock:
            row = self._reader.execute("SELECT result FROM done WHERE batch = ?", (batch,)).fetchone()
        return None if row is None else dict(json.loads(row["result"]))

    def reset(self) -> None:
        """Forget everything."""
        with self.transaction() as db:
            for table in ("record", "identity", "done"):
                db.execute(f"DELETE FROM {table}")  # noqa: S608 (own texts only)

    # ---- reading ----------------------------------------------------------------------------------------------------

    def counts(self) -> dict[str, int]:
        """How many fragments and events there are."""
        with self._read_lock:
            (fragments,) = self._reader.execute(
                "SELECT count(*) FROM (SELECT DISTINCT dataset, ns, id FROM record JOIN done USING (batch)"
                " WHERE kind != 'event')"
            ).fetchone()
            (events,) = self._reader.execute(
                "SELECT count(*) FROM record JOIN done USING (batch) WHERE kind = 'event'"
            ).fetchone()
        return {"fragments": fragments, "events": events}

    def graph(self, namespace: str, value: str) -> list[Identity]:
        """All identities linked with this one through records, itself first; empty if it is unknown."""
        start = (namespace.lower(), value)
        seen: dict[Identity, None] = {}
        waiting = [start]
        with self._read_lock:
            while waiting and len(seen) < GRAPH_LIMIT:
                here = waiting.pop(0)
                if here in seen:
                    continue
                linked = self._reader.execute(
                    "SELECT DISTINCT b.ns, b.id FROM identity a JOIN identity b ON b.seq = a.seq"
                    " JOIN record r ON r.seq = a.seq JOIN done d ON d.batch = r.batch"
                    " WHERE a.ns = ? AND a.id = ? ORDER BY b.ns, b.id LIMIT ?",
                    (*here, GRAPH_LIMIT),
                ).fetchall()
                if linked:
                    seen[here] = None
                waiting += [(row["ns"], row["id"]) for row in linked if (row["ns"], row["id"]) not in seen]
        return list(seen)

    def _records(self, graph: list[Identity], event: bool) -> list[sqlite3.Row]:
        """The records with one of these identities, in the order in which they count."""
        found: dict[int, sqlite3.Row] = {}
        with self._read_lock:
            for identity in graph:
                rows = self._reader.execute(
                    "SELECT r.*, d.rowid AS turn FROM identity i JOIN record r ON r.seq = i.seq"
                    " JOIN done d ON d.batch = r.batch WHERE i.ns = ? AND i.id = ?",
                    identity,
                )
                found.update({row["seq"]: row for row in rows if (row["kind"] == "event") is event})
        return sorted(found.values(), key=lambda row: (row["turn"], row["seq"]))

    def profile(self, namespace: str, value: str, merged: bool = True) -> dict[str, Any] | None:
        """The merged profile that holds this identity, as the API has it; without `merged`, of its own fragments."""
        graph = self.graph(namespace, value)
        rows = self._records(graph if merged else [(namespace.lower(), value)], event=False)
        fragments: dict[tuple[str, str, str], dict[str, Any]] = {}
        touched: dict[tuple[str, str, str], int] = {}
        for turn, row in enumerate(rows):
            key = (row["dataset"], row["ns"], row["id"])
            record = json.loads(row["doc"])
            fragments[key] = merge(fragments.get(key, {}), record) if row["kind"] == "upsert" else record
            touched[key] = turn
        if not fragments:
            return None
        entity: dict[str, Any] = {}
        for key in sorted(fragments, key=touched.__getitem__):
            entity = merge(entity, fragments[key])
        return {
            "entityId": entity_id(namespace, value),
            "sources": list(dict.fromkeys(key[0] for key in fragments)),
            "identityGraph": [entity_id(*identity) for identity in graph],
            "entity": entity,
            "lastModifiedAt": _iso(max(row["at"] for row in rows)),
        }

    def events(self, namespace: str, value: str) -> list[dict[str, Any]]:
        """The events of a profile by time; of several with one ``_id`` the last ingested counts."""
        graph = self.graph(namespace, value)
        found: dict[str, dict[str, Any]] = {}
        for row in self._records(graph, event=True):
            record = json.loads(row["doc"])
            found[str(record.get("_id", row["seq"]))] = {
                "relatedEntityId": entity_id(namespace, value),
                "entityId": str(record.get("_id", "")),
                "timestamp": record.get("timestamp"),
                "entity": record,
                "lastModifiedAt": _iso(row["at"]),
            }
        return sorted(found.values(), key=lambda item: str(item["timestamp"]))


def _iso(at_ms: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at_ms / 1000))
