"""The platform's errors of single rows, joined back to the source rows they come from.

The platform returns the record that failed, not where it stood.  The record is looked for in the manifest's files; its
place there and the list of rejected rows give the source row, because rows are written in order.  Not so those of a
patch, which leaves out what did not change: there the file and the place in it are all that is said.
"""

from __future__ import annotations

import bisect
import contextlib
import hashlib
import json
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import urllib3

from .. import wire
from ..core.documents import is_file, why_no_source
from ..core.manifest import Manifest
from ..core.transport import OutOfTime, TooLarge, Unreadable
from ..errors import PlatformError, SourceError, printable, shorten
from .answer import clean
from .session import DOWNLOAD_BYTES, Session, check_json

REJECTS = "rejects.jsonl"
_MARKS = ("_errors", "_validationErrors", "_filename")
_DOWNLOADS = 5
_SHOWN = 10  #: errors of one row in a message
PAGES = 1000  #: of a listing
LINE_BYTES = 16 * 1024 * 1024  #: longest line of an error file that is read


@dataclass(frozen=True, slots=True)
class RowError:
    """One failed record.

    Attributes:
        errors: what is wrong: objects with ``code``, ``message`` and what else the platform says.
        record: the record, or None where it could not be parsed.
        raw: the text that could not be parsed.
        file: the file of the manifest that holds the record; None if it was not found (or no manifest is given).
        record_number: its place in that file, from 1.
        row: the source row, from 1.
        more_rows: further source rows with the very same record.
    """

    errors: tuple[dict[str, Any], ...]
    record: dict[str, Any] | None
    raw: str | None = None
    file: str | None = None
    record_number: int | None = None
    row: int | None = None
    more_rows: tuple[int, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The error for ``--json``."""
        return {
            "row": self.row, "moreRows": list(self.more_rows), "file": self.file, "recordNumber": self.record_number,
            "errors": list(self.errors), "record": self.record, "raw": self.raw,
        }  # fmt: skip

    def __str__(self) -> str:
        where = f"row {self.row}" if self.row is not None else "a row"
        if self.file is not None:
            where += f" ({self.file}, record {self.record_number})"
        words = [printable(f"{e.get('code', '')} {e.get('message', '')}".strip(), 300) for e in self.errors[:_SHOWN]]
        if len(self.errors) > _SHOWN:
            words.append(f"and {len(self.errors) - _SHOWN} more")
        return f"{where}: " + ("; ".join(words) or f"cannot be read: {printable(self.raw or '', 100)}")


def row_errors(session: Session, batch_id: str, manifest: Path | None = None) -> Iterator[RowError]:
    """All failed records of a batch: its ``row_errors`` where diagnostics are on, else its ``failed`` files."""
    loaded = None if manifest is None else Manifest.load(manifest)
    mask = session.mask_data()
    with tempfile.TemporaryFile() as spool:
        for path, params in _files(session, batch_id):
            _download(session, path, params, spool, batch_id)
        spool.seek(0)
        places: dict[bytes, list[tuple[str, int, int]]] = {}
        if loaded is not None:
            places = _places(loaded, {_key(_entry(line)) for line in _lines(spool)})
            spool.seek(0)
        for line in _lines(spool):
            entry = _entry(line)
            key = _key(entry)
            yield _error(_shown(entry, mask), places.get(key, []))


def _error(entry: dict[str, Any], places: list[tuple[str, int, int]]) -> RowError:
    raw = entry.get("_corrupt_record")
    errors = _objects(entry.get("_errors")) or [
        {"code": error.get("keyword", ""), **error} for error in _objects(entry.get("_validationErrors"))
    ]
    record = None if raw is not None else {key: value for key, value in entry.items() if key not in _MARKS}
    file, number, row = places[0] if places else (None, None, None)
    return RowError(
        tuple(errors), record, None if raw is None else str(raw), file, number, row or None,
        tuple(place[2] for place in places[1:] if place[2]),
    )  # fmt: skip


def _objects(value: Any) -> list[dict[str, Any]]:
    """The errors of a record; a text among them becomes an object."""
    items = value if isinstance(value, list) else [] if value is None else [value]
    return [item if isinstance(item, dict) else {"message": str(item)} for item in items]


def _files(session: Session, batch_id: str) -> list[tuple[str, dict[str, str]]]:
    meta, failed = wire.export_path(batch_id, "meta"), wire.export_path(batch_id, "failed")
    names = _list(session, meta, {"path": "row_errors"}, batch_id)
    if names:
        return [(meta, {"path": f"row_errors/{name}"}) for name in names]
    return [(failed, {"path": name}) for name in _list(session, failed, {}, batch_id) if name != "_SUCCESS"]


def _list(session: Session, path: str, params: dict[str, str], batch_id: str) -> list[str]:
    """The names of a listing, all pages; one that has no end, or gives a page again, is an error."""
    names: dict[str, None] = {}
    for _ in range(PAGES):
        page = {**params, "start": len(names), "limit": wire.LIST_LIMIT}
        try:
            response = session.call("GET", path, params=page, what="error files", batch=batch_id)
        except PlatformError as error:
            if error.status == 404 and params:
                return list(names)
            raise
        data = check_json(response, "error files")
        items = data.get("data") if isinstance(data, dict) else None
        if items is not None and not isinstance(items, list):
            raise _odd("error files: 'data' is no list", batch_id)
        found = [item["name"] for item in items or [] if isinstance(item, dict) and isinstance(item.get("name"), str)]
        before = len(names)
        names.update(dict.fromkeys(found))
        if len(found) < wire.LIST_LIMIT:
            return list(names)
        if len(names) == before:
            raise _odd("error files: the listing gives the same page again and again", batch_id)
    raise _odd(f"error files: the listing has more than {PAGES} pages", batch_id)


def _odd(what: str, batch_id: str) -> PlatformError:
    return PlatformError(f"{what}.", hint="The list of errors is not complete.", code="odd-answer", batch=batch_id)


def _download(session: Session, path: str, params: dict[str, str], out: IO[bytes], batch_id: str) -> None:
    """Append a file to `out`, begun again where the connection breaks."""
    start = out.seek(0, 2)
    for attempt in range(1, _DOWNLOADS + 1):
        response = session.call("GET", path, params=params, stream=True, what="error file", batch=batch_id,
                                headers={"Accept": "*/*", "Accept-Encoding": "identity"})  # fmt: skip
        try:
            with response:
                for block in response.blocks(DOWNLOAD_BYTES):
                    out.write(block)
                out.write(b"\n")
                return
        except TooLarge:
            raise _odd(f"error file: it has more than {DOWNLOAD_BYTES >> 30} GiB", batch_id) from None
        except (OutOfTime, Unreadable, urllib3.exceptions.HTTPError, OSError):
            pass
        out.seek(start)
        out.truncate()
        session.pause(attempt, "error file")
    raise PlatformError(
        "error file: the connection breaks every time.", hint="Give the same command again later.", code="unreachable",
        batch=batch_id, retryable=True,
    )  # fmt: skip


def _lines(spool: IO[bytes]) -> Iterator[bytes]:
    """The lines that hold something; of one that is too long to be a record only the beginning."""
    while line := spool.readline(LINE_BYTES):
        whole = line
        while not whole.endswith(b"\n") and (whole := spool.readline(LINE_BYTES)):
            pass
        if line.strip():
            yield line


def _entry(line: bytes) -> dict[str, Any]:
    """A line as an object; what cannot be read as one is shown as it is."""
    try:
        entry = wire.loads(line)
    except ValueError:
        entry = None
    return entry if isinstance(entry, dict) else {"_corrupt_record": line.decode("utf-8", "replace").strip()}


def _shown(entry: dict[str, Any], mask: Callable[[str], str]) -> dict[str, Any]:
    """An entry that can be printed: without secrets, whatever server sent them back."""
    try:
        return dict(clean(entry, mask))
    except ValueError:
        return {"_corrupt_record": "a record that is nested too deeply to be shown"}


def _key(entry: dict[str, Any]) -> bytes:
    """A hash that the record has here and there."""
    if "_corrupt_record" in entry:
        return _text_key(str(entry["_corrupt_record"]))
    return _record_key({key: value for key, value in entry.items() if key not in _MARKS})


def _text_key(text: str) -> bytes:
    return _hash("text" + text.strip())


def _record_key(record: Any) -> bytes:
    return _hash(json.dumps(_plain(record), sort_keys=True, ensure_ascii=False))


def _hash(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _plain(value: Any) -> Any:
    """Nulls left out, dates and times as text, whole floats as integers: what survives the way through JSON."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value.isoformat() if hasattr(value, "isoformat") else value


def _places(manifest: Manifest, wanted: set[bytes]) -> dict[bytes, list[tuple[str, int, int]]]:
    """Where the wanted records are: file, record number, source row (0 where it is not known)."""
    rejected = _rejected(manifest)
    found: dict[bytes, list[tuple[str, int, int]]] = defaultdict(list)
    before = 0
    for file in manifest.files:
        for number, keys in enumerate(_record_keys(manifest, (manifest.folder or Path()) / file.name), 1):
            for key in keys & wanted:
                row = 0 if rejected is None else _source_row(before + number, rejected)
                found[key].append((file.name, number, row))
        before += file.rows
    return found


def _record_keys(manifest: Manifest, path: Path) -> Iterator[set[bytes]]:
    """The keys of the records of one part; SourceError if it is missing, or no longer what was written."""
    if (why := why_no_source(path)) is not None:
        raise SourceError(f"{path}: {why}.")
    try:
        yield from _keys_of_part(manifest, path)
    except (OSError, ValueError, TypeError, ArithmeticError, RecursionError, AttributeError) as error:
        why = getattr(error, "strerror", None) or f"is not what was written ({shorten(str(error), 200)})"
        raise SourceError(f"{path}: {why}. Run `prepare` again.") from None


def _keys_of_part(manifest: Manifest, path: Path) -> Iterator[set[bytes]]:
    if manifest.format == "parquet":
        import pyarrow.parquet as pq

        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=2000):
                for record in batch.to_pylist(maps_as_pydicts="lossy"):
                    yield {_record_key(record)}
    elif manifest.format == "csv":
        import csv

        with path.open(encoding="utf-8", newline="") as text:
            for record in csv.DictReader(text):
                yield {_record_key({key: value for key, value in record.items() if value != ""})}
    elif manifest.multiline:
        for record in json.loads(path.read_bytes()):
            yield {_record_key(record)}
    else:
        with path.open("rb") as lines:
            for line in lines:
                keys = {_text_key(line.decode("utf-8", "replace"))}
                with contextlib.suppress(ValueError):
                    keys.add(_record_key(json.loads(line)))
                yield keys


def _rejected(manifest: Manifest) -> list[int] | None:
    """The source rows that were set aside, in order; None where rows cannot be counted, as of a patch or of groups."""
    if manifest.upsert or "rows" in manifest.source:
        return None
    if not manifest.rejected:
        return []
    rows = set()
    if not is_file((manifest.folder or Path()) / REJECTS):
        return None
    try:
        with ((manifest.folder or Path()) / REJECTS).open(encoding="utf-8") as lines:
            for line in lines:
                rows.add(int(json.loads(line)["row"]))
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None
    return sorted(rows) if len(rows) == manifest.rejected else None


def _source_row(written: int, rejected: list[int]) -> int:
    """The source row of the `written`-th row that was not set aside."""
    row = written
    while (skipped := bisect.bisect_right(rejected, row)) != row - written:
        row = written + skipped
    return row
