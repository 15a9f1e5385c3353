"""The catalog: datasets, batches, files and settings in one SQLite file beside the folder that holds the bytes.

Every answer of status 2xx is committed before it is sent, so that it survives the process being killed.  Bytes are
written to a hidden temporary name and renamed before the row that points to them is committed.  The names that clients
give to files never become names on disk: bytes are stored under names of our own, so that no path leaves the folder.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import secrets
import shutil
import sqlite3
import tempfile
import threading
import time
import weakref
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from ..core.manifest import lock_file
from ..errors import OutputError, XdmPrepError, option

_TABLES = """
CREATE TABLE IF NOT EXISTS batch (
    id TEXT PRIMARY KEY, seq INTEGER UNIQUE, sandbox TEXT, dataset TEXT, external TEXT, status TEXT,
    created INTEGER, queued INTEGER, doc TEXT);
CREATE INDEX IF NOT EXISTS batch_external ON batch (external);
CREATE INDEX IF NOT EXISTS batch_status ON batch (status);
CREATE TABLE IF NOT EXISTS file (
    batch TEXT, name TEXT, whole INTEGER, bytes INTEGER, stored TEXT, PRIMARY KEY (batch, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS part (
    batch TEXT, name TEXT, first INTEGER, last INTEGER, stored TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS part_file ON part (batch, name);
CREATE TABLE IF NOT EXISTS output (
    id TEXT PRIMARY KEY, batch TEXT, kind TEXT, name TEXT, bytes INTEGER, records INTEGER, stored TEXT);
CREATE INDEX IF NOT EXISTS output_batch ON output (batch, kind, name);
CREATE TABLE IF NOT EXISTS resource (id TEXT PRIMARY KEY, sandbox TEXT, kind TEXT, doc TEXT);
CREATE TABLE IF NOT EXISTS token (value TEXT PRIMARY KEY, expires REAL);
CREATE TABLE IF NOT EXISTS dataset (id TEXT PRIMARY KEY, sandbox TEXT, created INTEGER, doc TEXT);
INSERT OR IGNORE INTO resource SELECT id, sandbox, 'dataSets', doc FROM dataset ORDER BY created;
DROP TABLE dataset;
"""  # datasets are resources; folders of former versions have them in a table of their own
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


#: What a system says where nothing more can be written; the last one is a limit on the size of a file.
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def is_full(error: Exception) -> bool:
    """Whether there was no room for what should be kept."""
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", 0)
        return code == sqlite3.SQLITE_FULL or code == sqlite3.SQLITE_IOERR_WRITE
    return isinstance(error, OSError) and error.errno in NO_ROOM


def now_ms() -> int:
    """Milliseconds since 1970, as Catalog counts time."""
    return int(time.time() * 1000)


def next_version(version: str) -> str:
    """The version with a higher last number."""
    head, _, last = version.rpartition(".")
    return f"{head}.{int(last) + 1}"


def sandbox_id(sandbox: str) -> str:
    """The id that stands for a sandbox's name, in the look of the platform's."""
    digest = hashlib.sha256(sandbox.encode()).hexdigest()
    return "-".join((digest[:8], digest[8:12], digest[12:16], digest[16:20], digest[20:32]))


def batch_id(at_ms: int) -> str:
    """A new batch id: 26 characters, the first ten of them the time, as the platform's are."""
    value = (at_ms << 80) | secrets.randbits(80)
    return "".join(_CROCKFORD[(value >> shift) & 31] for shift in range(125, -1, -5))


def connect(path: Path, tables: str) -> sqlite3.Connection:
    """Open a database that several threads use in turn, and whose readers see what was committed; make its tables."""
    db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=60)
    db.row_factory = sqlite3.Row
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=NORMAL")
    db.executescript(tables)
    return db


@contextlib.contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All or nothing."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:  # a full disk has ended it already
            db.execute("ROLLBACK")
        raise


def take_out(db: sqlite3.Connection, table: str, **keys: Any) -> list[str]:
    """Remove the rows of a table that have these keys; gives the names of their bytes, to be dropped after that."""
    where = " AND ".join(f"{name} = :{name}" for name in keys)
    stored = [row["stored"] for row in db.execute(f"SELECT stored FROM {table} WHERE {where}", keys)]  # noqa: S608
    db.execute(f"DELETE FROM {table} WHERE {where}", keys)  # noqa: S608 (own texts only)
    return stored


class Store:
    """Catalog and bytes of one emulator, in `folder` or in a temporary one that ends with it."""

    def __init__(self, folder: str | os.PathLike[str] | None) -> None:
        self._temporary = folder is None
        try:
            self.folder = Path(tempfile.mkdtemp(prefix="xdmprep-emulator-")) if folder is None else Path(folder)
            if self._temporary:  # also where it is not closed
                weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
            self.bytes = self.folder / "bytes"
            self.bytes.mkdir(parents=True, exist_ok=True)
            self._alone = (self.folder / "lock").open("a")
            if not lock_file(self._alone.fileno()):
                self._alone.close()
                raise OutputError(f"{folder}: another emulator keeps its data here. Choose another {option('data')}.")
            self.lock = threading.RLock()
            self._db = connect(self.folder / "catalog.sqlite", _TABLES)
        except (OSError, sqlite3.Error) as error:
            why = getattr(error, "strerror", None) or error
            raise OutputError(f"{folder}: cannot keep the emulator's data here: {why}. Give a folder.") from None
        self._sweep()

    def _sweep(self) -> None:
        """Remove bytes that no row points to: what a killed process had begun."""
        known = {
            row[0] for row in self._db.execute("SELECT stored FROM file UNION SELECT stored FROM part "
                                               "UNION SELECT stored FROM output")
        }  # fmt: skip
        for path in self.bytes.iterdir():
            if path.name not in known:
                path.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the database; a temporary folder is removed."""
        with self.lock:
            self._db.close()
        self._alone.close()
        if self._temporary:
            shutil.rmtree(self.folder, ignore_errors=True)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing, one at a time."""
        with self.lock, transaction(self._db):
            yield self._db

    def query(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        """All rows of a SELECT."""
        with self.lock:
            return self._db.execute(sql, values).fetchall()

    # ---- bytes ------------------------------------------------------------------------------------------------------

    def new_bytes(self) -> Path:
        """A path for new bytes; they are swept away at the next start unless a row points to them."""
        return self.bytes / secrets.token_hex(16)

    def drop_bytes(self, *stored: str) -> None:
        """Remove stored bytes; their rows must be gone."""
        for name in stored:
            if name:
                (self.bytes / name).unlink(missing_ok=True)

    def message_about(self, row: Any, error: Exception) -> str:
        """What is wrong with a file, by the name that it was sent under; nothing about where it is kept."""
        path, name = self.bytes / row["stored"], row["name"]
        text = str(error) if isinstance(error, XdmPrepError) else f"{type(error).__name__}: {error}"
        for inner in (str(path), path.name, str(self.folder)):
            text = text.replace(inner, name)
        return text if text.startswith(name) else f"{name}: {text}"

    # ---- resources: datasets, mapping sets, and what the Schema Registry has -----------------------------------------

    def _document(self, table: str, key: str, sandbox: str | None, kind: str = "") -> dict[str, Any] | None:
        where = "id = ? AND sandbox = coalesce(?, sandbox)" + (f" AND kind = '{kind}'" if kind else "")
        rows = self.query(f"SELECT doc FROM {table} WHERE {where}", key, sandbox)  # noqa: S608 (own texts only)
        return dict(json.loads(rows[0]["doc"])) if rows else None

    def resource(self, sandbox: str | None, kind: str, key: str) -> dict[str, Any] | None:
        """A resource by its id; None if there is none of that kind in the sandbox (None: in any)."""
        return self._document("resource", key, sandbox, kind)

    def resources(self, sandbox: str | None, *kinds: str) -> dict[str, dict[str, Any]]:
        """Created resources of some kinds by their ids, in order of creation; of a sandbox, or of all (None)."""
        where = f"kind IN ({', '.join('?' * len(kinds))}) AND sandbox = coalesce(?, sandbox)"
        rows = self.query(f"SELECT id, doc FROM resource WHERE {where} ORDER BY rowid", *kinds, sandbox)  # noqa: S608
        return {row["id"]: json.loads(row["doc"]) for row in rows}

    def add_resource(self, sandbox: str, kind: str, key: str, doc: dict[str, Any]) -> None:
        """Keep a new resource.

        Args:
            sandbox: the name of the sandbox.
            kind: the kind of resource, as in its path.
            key: the id that the resource is found by.
            doc: the resource, a JSON object.

        Raises:
            sqlite3.IntegrityError: the resource is there already.
        """
        with self.transaction() as db:
            db.execute("INSERT INTO resource VALUES (?, ?, ?, ?)", (key, sandbox, kind, json.dumps(doc)))

    def change_resource(self, sandbox: str, key: str, doc: dict[str, Any]) -> None:
        """Replace a resource's document."""
        with self.transaction() as db:
            db.execute("UPDATE resource SET doc = ? WHERE id = ? AND sandbox = ?", (json.dumps(doc), key, sandbox))

    def drop_resource(self, sandbox: str, key: str) -> bool:
        """Remove one; whether it was there."""
        with self.transaction() as db:
            return db.execute("DELETE FROM resource WHERE id = ? AND sandbox = ?", (key, sandbox)).rowcount > 0

    # ---- batches ----------------------------------------------------------------------------------------------------

    def add_batch(self, sandbox: str, dataset: str, doc: dict[str, Any]) -> None:
        """Keep a new batch."""
        with self.transaction() as db:
            db.execute(
                "INSERT INTO batch VALUES (?, (SELECT coalesce(max(seq), 0) + 1 FROM batch), ?, ?, ?, ?, ?, NULL, ?)",
                (doc["id"], sandbox, dataset, doc["externalId"], doc["status"], doc["created"], json.dumps(doc)),
            )

    def batch(self, batch_id: str, sandbox: str | None = None) -> dict[str, Any] | None:
        """A batch's document; None if there is none of that id in the sandbox (None: in any)."""
        return self._document("batch", batch_id, sandbox)

    def batches(self, where: str = "1", *values: Any) -> list[dict[str, Any]]:
        """Documents of the batches for which the SQL condition holds, in order of creation."""
        rows = self.query(f"SELECT doc FROM batch WHERE {where} ORDER BY seq", *values)  # noqa: S608 (own texts only)
        return [json.loads(row["doc"]) for row in rows]

    def waiting(self) -> list[sqlite3.Row]:
        """Id and dataset of the batches that are to be promoted, in the order of their COMPLETE."""
        return self.query(
            "SELECT id, dataset FROM batch WHERE status IN ('loaded', 'queued', 'staging', 'staged', 'processing',"
            " 'retrying') ORDER BY queued"
        )

    def change_batch(
        self, batch_id: str, only: frozenset[str] | set[str] | None = None, db: sqlite3.Connection | None = None,
        **changes: Any,
    ) -> dict[str, Any] | None:  # fmt: skip
        """Change keys of a batch's document, if its status is one of `only` (None: any); None if it is not."""
        if db is None:
            with self.transaction() as own:
                return self.change_batch(batch_id, only, own, **changes)
        row = db.execute("SELECT doc FROM batch WHERE id = ?", (batch_id,)).fetchone()
        doc: dict[str, Any] = json.loads(row["doc"]) if row else {}
        if row is None or (only is not None and doc["status"] not in only):
            return None
        doc.update(changes, updated=now_ms())
        doc["version"] = next_version(doc["version"])
        db.execute("UPDATE batch SET status = ?, doc = ? WHERE id = ?", (doc["status"], json.dumps(doc), batch_id))
        if changes.get("status") == "loaded":
            db.execute(
                "UPDATE batch SET queued = (SELECT coalesce(max(queued), 0) + 1 FROM batch) WHERE id = ?", (batch_id,)
            )
        return doc

    # ---- files of a batch -------------------------------------------------------------------------------------------

    def files(self, batch_id: str) -> list[sqlite3.Row]:
        """The batch's files by name; `whole` is 0 while a large file is not complete."""
        return self.query("SELECT * FROM file WHERE batch = ? ORDER BY name", batch_id)

    def file(self, batch_id: str, name: str) -> sqlite3.Row | None:
        """One file of a batch."""
        rows = self.query("SELECT * FROM file WHERE batch = ? AND name = ?", batch_id, name)
        return rows[0] if rows else None

    def parts(self, batch_id: str, name: str) -> list[sqlite3.Row]:
        """The parts of a large file that have arrived, by their first byte."""
        return self.query("SELECT * FROM part WHERE batch = ? AND name = ? ORDER BY first, last", batch_id, name)

    # ---- what ingestion made ----------------------------------------------------------------------------------------

    def outputs(self, batch_id: str, kind: str) -> list[sqlite3.Row]:
        """The files that ingestion made of a kind: ``data``, ``failed``, ``row_errors`` or ``input_files``, by name."""
        return self.query("SELECT * FROM output WHERE batch = ? AND kind = ? ORDER BY name", batch_id, kind)

    def first_row_errors(self, batch_id: str, most: int) -> list[bytes]:
        """The first lines of the row errors that ingestion of the batch found."""
        lines: list[bytes] = []
        for output in self.outputs(batch_id, "row_errors"):
            with (self.bytes / output["stored"]).open("rb") as source:
                lines += islice(source, most - len(lines))
        return lines

    def output(self, output_id: str) -> sqlite3.Row | None:
        """One such file by its id."""
        rows = self.query("SELECT * FROM output WHERE id = ?", output_id)
        return rows[0] if rows else None

    # ---- tokens -----------------------------------------------------------------------------------------------------

    def add_token(self, value: str, expires: float) -> None:
        """Keep a token that was issued."""
        with self.transaction() as db:
            db.execute("DELETE FROM token WHERE expires < ?", (time.time() - 86400,))
            db.execute("INSERT OR REPLACE INTO token VALUES (?, ?)", (value, expires))

    def token_expires(self, value: str) -> float | None:
        """When an issued token expires (seconds since 1970); None if it was never issued."""
        rows = self.query("SELECT expires FROM token WHERE value = ?", value)
        return rows[0]["expires"] if rows else None

    def reset(self) -> None:
        """Forget everything."""
        with self.transaction() as db:
            for table in ("batch", "file", "part", "output", "resource", "token"):
                db.execute(f"DELETE FROM {table}")  # noqa: S608 (own texts only)
        for path in self.bytes.iterdir():
            path.unlink(missing_ok=True)
