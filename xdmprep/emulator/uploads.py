"""The ingestion routes: create a batch, receive its files, act on it.

Bodies of files go to disk as they arrive, a block at a time; a body that does not arrive whole leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import anyio.to_thread
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from .. import wire
from ..core.documents import FILLED, FLAG, TEXT, Shape, kind_of, list_of, nullable, record
from .responses import Refusal, content_type, empty, fitting, pretty, whole_number
from .state import Routes, State, made_by
from .store import batch_id, now_ms, sandbox_id, take_out

BLOCK = 1 << 20
MAX_NAME = 1024
CHARSETS = ("UTF-8", "US-ASCII", "ISO-8859-1")
ABORTABLE = frozenset({"loading", "loaded", "queued", "staging", "processing", "retrying", "stalled"})


_CHARACTER = kind_of(
    "one character", lambda value: isinstance(value, str) and len(value) == 1 and value not in "\r\n\0"
)
#: The options of CSV files.
_OPTIONS: dict[str, Shape] = {
    **dict.fromkeys(("delimiter", "quote", "escape"), nullable(_CHARACTER)), "nullMarker": TEXT,
    "header": kind_of("true or false", lambda value: str(value).lower() in ("true", "false")),
    "charset": kind_of(" or ".join(CHARSETS), lambda value: isinstance(value, str) and value.upper() in CHARSETS),
}  # fmt: skip
_BATCH = record({"datasetId": FILLED}, {
    "inputFormat": nullable(record({}, {
        "format": kind_of(" or ".join(wire.FORMATS), lambda value: str(value).lower() in wire.FORMATS),
        "isMultiLineJson": FLAG, **_OPTIONS,
    })),
    "partialIngestionPercent": nullable(kind_of(
        "a number from 0 to 100", lambda value: type(value) in (int, float) and 0 <= value <= 100
    )),
    "enableErrorDiagnostics": FLAG, "externalId": nullable(FILLED),
    "tags": kind_of("an object without the service's own keys (acp_...)", lambda value: not value or (
        isinstance(value, dict) and not any(name.startswith("acp_") for name in value)
    )),
    "replay": nullable(record({}, dict.fromkeys(
        ("predecessors", "predecessorsByExternalId"), nullable(list_of(TEXT))
    ))),
})  # fmt: skip


routes = Routes(wire.IMPORT + "/batches")
_FILE = "/{batch}/datasets/{dataset}/files/{name:path}"


@routes("POST,PATCH ", media=[wire.JSON_TYPE])
def _create_batch(state: State, request: Request, body: Any) -> Response:
    """PATCH is how the client aepp requests a replay."""
    dataset_id = fitting(body, _BATCH)["datasetId"]
    sandbox = state.sandbox(request)
    dataset = state.store.resource(sandbox, "dataSets", dataset_id)
    if dataset is None:
        raise Refusal(404, f"dataset {dataset_id} does not exist in sandbox {sandbox}")
    if body.get("inputFormat") is None and state.answers == "spec":
        raise Refusal(400, "inputFormat is required")
    given = body.get("inputFormat") or {}
    format = str(given.get("format", "parquet")).lower()
    percent, external = body.get("partialIngestionPercent"), body.get("externalId")
    made = made_by(request)
    key = batch_id(made["created"])
    doc: dict[str, Any] = {
        "id": key, "externalId": external or key, **made, "status": "loading",
        "relatedObjects": [{"type": "dataSet", "id": dataset_id}], "version": "1.0.0",
        "tags": {**(body.get("tags") or {})}, "inputFormat": {**given, "format": format},
        "sandboxId": sandbox_id(sandbox),
    }  # fmt: skip
    if "enableErrorDiagnostics" in body:
        doc["tags"]["acp_enableErrorDiagnostics"] = body["enableErrorDiagnostics"]
    elif dataset.get("enableErrorDiagnostics"):
        doc["tags"]["acp_enableErrorDiagnostics"] = True
    if percent is not None:
        doc["tags"]["acp_partialIngestionPercent"] = percent
    if body.get("replay") is not None:
        doc["replay"] = _replay(state, body["replay"], dataset_id, sandbox)
    with state.store.lock:
        if external and state.unique_external_ids and state.store.batches("external = ?", external):
            raise Refusal(409, f"a batch with externalId {external} already exists")
        state.store.add_batch(sandbox, dataset_id, doc)
    return pretty(doc, 201)


def _replay(state: State, replay: Any, dataset_id: str, sandbox: str) -> dict[str, Any]:
    found = []
    for key, column in (("predecessors", "id"), ("predecessorsByExternalId", "external")):
        for item in replay.get(key) or ():
            bare = wire.bare_id(item)
            match = state.store.batches(f"{column} = ? AND sandbox = ?", bare, sandbox)
            if not match:
                raise Refusal(400, f"replay.{key}: batch {bare} does not exist")
            if match[0]["relatedObjects"][0]["id"] != dataset_id:
                raise Refusal(400, f"replay.{key}: batch {bare} belongs to another dataset")
            found.append(match[0]["id"])
    return {"predecessors": list(dict.fromkeys(found)), "reason": str(replay.get("reason", "replace"))}


# ---- files ---------------------------------------------------------------------------------------------------------


def _writable(state: State, request: Request) -> tuple[str, str]:
    """Batch id and file name of a request that writes a file; a Refusal if it may not."""
    doc = _batch_of(state, request)
    name = request.path_params["name"]
    parts = name.split("/")
    if not name or len(name) > MAX_NAME or any(part in ("", ".", "..") for part in parts):
        raise Refusal(400, "the file name is empty, too long, absolute, or has empty parts or dots for parts")
    if any(ord(letter) < 32 or letter in "\\\x7f" for letter in name):
        raise Refusal(400, "the file name holds a control character or a backslash")
    if doc["status"] != "loading":
        raise Refusal(400, f"batch {doc['id']} is {doc['status']}; files are taken only while it is loading")
    return doc["id"], name


def _batch_of(state: State, request: Request) -> dict[str, Any]:
    doc = state.batch(request)
    if "dataset" in request.path_params and doc["relatedObjects"][0]["id"] != request.path_params["dataset"]:
        raise Refusal(404, f"batch {doc['id']} does not belong to dataset {request.path_params['dataset']}")
    return doc


def _write_all(file: IO[bytes], block: memoryview) -> None:
    """Write a whole block; one call of an unbuffered file may write less."""
    while block:
        block = block[file.write(block) :]


async def _receive(request: Request, path: Path, limit: int, exact: int | None = None) -> int:
    """Write the request's body to `path`; its size.  Nothing stays if it is too long or does not arrive whole."""
    declared = request.headers.get("content-length")
    if declared is not None and int(declared) > limit:
        raise Refusal(413, f"the body has {declared} bytes; at most {limit} are taken here", {"Connection": "close"})
    size, block, filled = 0, memoryview(bytearray(BLOCK)), 0
    try:
        with path.open("wb", buffering=0) as file:
            async for piece in request.stream():
                size += len(piece)
                if size > limit:
                    raise Refusal(413, f"the body is longer than {limit} bytes", {"Connection": "close"})
                taken = 0
                while taken < len(piece):
                    step = min(len(piece) - taken, BLOCK - filled)
                    block[filled : filled + step] = piece[taken : taken + step]
                    taken, filled = taken + step, filled + step
                    if filled == BLOCK:
                        await anyio.to_thread.run_sync(_write_all, file, block)
                        filled = 0
            if filled:
                await anyio.to_thread.run_sync(_write_all, file, block[:filled])
        if exact is not None and size != exact:
            raise Refusal(400, f"Content-Range says {exact} bytes, the body has {size}")
        if declared is not None and size != int(declared):
            raise ClientDisconnect
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return size


@routes(f"PUT {_FILE}")
async def _put_file(state: State, request: Request) -> Response:
    """One small file; a second one of that name replaces it."""
    content_type(request, wire.BYTES_TYPE)
    key, name = await run_in_threadpool(_writable, state, request)
    path = state.store.new_bytes()
    size = await _receive(request, path, state.small_file_bytes)
    created = await run_in_threadpool(_commit_file, state, key, name, size, path)
    return empty(201 if created and state.answers == "spec" else 200)


@contextlib.contextmanager
def _changing(state: State, key: str, path: Path | None = None) -> Iterator[sqlite3.Connection]:
    """A change of a batch that still takes files; new bytes at `path` do not stay if it fails."""
    try:
        with state.store.transaction() as db:
            if state.store.change_batch(key, {"loading"}, db) is None:
                raise Refusal(400, f"batch {key} no longer takes files")
            yield db
    except BaseException:
        if path is not None:
            path.unlink(missing_ok=True)
        raise


def _commit_file(state: State, key: str, name: str, size: int, path: Path) -> bool:
    """Point the batch's file to new bytes; whether the name was new."""
    with _changing(state, key, path) as db:
        old, parts = (take_out(db, table, batch=key, name=name) for table in ("file", "part"))
        db.execute("INSERT INTO file VALUES (?, ?, 1, ?, ?)", (key, name, size, path.name))
    state.store.drop_bytes(*old, *parts)
    return not old


@routes(f"PATCH {_FILE}")
async def _patch_file(state: State, request: Request) -> Response:
    """One part of a large file; the same range again replaces it, other overlaps and gaps are refused at COMPLETE."""
    content_type(request, wire.BYTES_TYPE)
    key, name = await run_in_threadpool(_writable, state, request)
    span = wire.parse_content_range(request.headers.get("content-range"))
    if span is None or len(request.headers.getlist("content-range")) > 1:
        raise Refusal(400, "Content-Range must be 'bytes {first}-{last}', with a total above {last} if one is given")
    if span[1] - span[0] >= wire.CHUNK_BYTES:
        raise Refusal(413, f"a part has at most {wire.CHUNK_BYTES} bytes", {"Connection": "close"})
    if span[1] >= wire.BATCH_BYTES:
        raise Refusal(413, f"a file has at most {wire.BATCH_BYTES} bytes", {"Connection": "close"})
    row = await run_in_threadpool(state.store.file, key, name)
    if row is None or row["whole"]:
        raise Refusal(404, f"file {name} was not initialized, or is complete already")
    path = state.store.new_bytes()
    await _receive(request, path, wire.CHUNK_BYTES, span[1] - span[0] + 1)

    def commit() -> None:
        with _changing(state, key, path) as db:
            old = take_out(db, "part", batch=key, name=name, first=span[0], last=span[1])
            db.execute("INSERT INTO part VALUES (?, ?, ?, ?, ?)", (key, name, *span, path.name))
        state.store.drop_bytes(*old)

    await run_in_threadpool(commit)
    size = span[1] - span[0] + 1  # a File, as the description has it: clients read JSON here
    range_ = {"Range": f"bytes={span[0]}-{span[1]}"} if state.answers == "spec" else None
    return pretty({"name": name, "sizeInBytes": size}, 200, range_)


@routes(f"POST {_FILE}")
def _act_on_file(state: State, request: Request) -> Response:
    """INITIALIZE or COMPLETE a large file."""
    key, name = _writable(state, request)
    action = request.query_params.get("action", "").upper()
    if action not in wire.FILE_ACTIONS:
        raise Refusal(400, f"action must be one of {', '.join(wire.FILE_ACTIONS)}")
    size = _initialize(state, key, name) if action == "INITIALIZE" else _complete(state, key, name)
    if state.answers == "spec":
        return pretty({"name": name, "sizeInBytes": size}, 200)
    return empty(201)


def _initialize(state: State, key: str, name: str) -> int:
    """Begin a large file; one that was begun before begins again."""
    with _changing(state, key) as db:
        old, parts = (take_out(db, table, batch=key, name=name) for table in ("file", "part"))
        db.execute("INSERT INTO file VALUES (?, ?, 0, 0, '')", (key, name))
    state.store.drop_bytes(*old, *parts)
    return 0


def _complete(state: State, key: str, name: str) -> int:
    """Join a large file's parts; a repeat finds it complete."""
    row = state.store.file(key, name)
    if row is None:
        raise Refusal(404, f"file {name} was not initialized")
    if row["whole"]:
        return int(row["bytes"])
    parts = state.store.parts(key, name)
    expected = 0
    for part in parts:
        if part["first"] != expected:
            what = "overlap" if part["first"] < expected else "leave a gap"
            raise Refusal(400, f"the parts of {name} {what} at byte {part['first']}; byte {expected} comes next")
        expected = part["last"] + 1
    path = state.store.new_bytes()
    try:
        with path.open("wb", buffering=0) as file:
            for part in parts:
                with (state.store.bytes / part["stored"]).open("rb", buffering=0) as source:
                    _append(source, file)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    _commit_file(state, key, name, expected, path)
    return expected


def _append(source: IO[bytes], file: IO[bytes]) -> None:
    """Copy `source` to the end of `file`; inside the kernel where that is possible."""
    if hasattr(os, "copy_file_range"):
        with contextlib.suppress(OSError):  # not on this file system
            while os.copy_file_range(source.fileno(), file.fileno(), 1 << 30):
                pass
            return
    while block := source.read(BLOCK):
        _write_all(file, memoryview(block))


@routes(f"HEAD {_FILE}")
def _head_file(state: State, request: Request) -> Response:
    """What has arrived of a file."""
    key, name = _batch_of(state, request)["id"], request.path_params["name"]
    row = state.store.file(key, name)
    if row is None:
        raise Refusal(404, f"file {name} does not exist")
    spans: list[list[int]] = [[0, row["bytes"] - 1]] if row["whole"] and row["bytes"] else []
    for part in [] if row["whole"] else state.store.parts(key, name):
        if spans and part["first"] <= spans[-1][1] + 1:
            spans[-1][1] = max(spans[-1][1], part["last"])
        else:
            spans.append([part["first"], part["last"]])
    return empty(200, {"Range": "bytes=" + ",".join(f"{a}-{b}" for a, b in spans)} if spans else None)


# ---- actions -------------------------------------------------------------------------------------------------------


@routes("POST /{batch}")
def _act_on_batch(state: State, request: Request) -> Response:
    """COMPLETE, ABORT, REVERT or FAIL a batch."""
    doc = _acted(state, request)
    state.ingestion.wake()
    return pretty(doc) if state.answers == "spec" else empty(200)


def _acted(state: State, request: Request) -> dict[str, Any]:
    doc = _batch_of(state, request)
    key, status = doc["id"], doc["status"]
    action = request.query_params.get("action", "").upper()
    changed: dict[str, Any] | None
    if action == "COMPLETE":
        state.ingestion.retry(key)  # trouble may be over: the disk has room again, say
        if status == "stalled":
            changed = state.store.change_batch(key, {"stalled"}, status="loaded")
            return changed or doc
        if status in wire.WAITING | wire.GOOD or (status in ("failed", "failure") and "started" in doc):
            return doc  # a repeat
        unfinished = [row["name"] for row in state.store.files(key) if not row["whole"]]
        if status == "loading" and unfinished:
            raise Refusal(400, f"large file {unfinished[0]} is not complete")
        changed = state.store.change_batch(key, {"loading"}, status="loaded")
    elif action == "ABORT":
        if status == "aborted":
            return doc
        allowed = ABORTABLE if state.answers == "guide" else frozenset({"loading"})
        changed = state.store.change_batch(key, allowed, status="aborted", completed=now_ms())
    elif action == "FAIL":
        if status == "failed" and "started" not in doc:
            return doc
        errors = [{"code": "unknown", "description": "The client gave the batch up (action FAIL)."}]
        changed = state.store.change_batch(key, {"loading"}, status="failed", completed=now_ms(), errors=errors)
    elif action == "REVERT":
        if status in ("inactive", "deleted"):
            return doc
        if status in wire.GOOD:
            with state.profiles.transaction() as db:
                state.profiles.remove(db, key)
        changed = state.store.change_batch(key, wire.GOOD, status="inactive")
    else:
        raise Refusal(400, f"action must be one of {', '.join(wire.ACTIONS)}")
    if changed is None:
        raise Refusal(400, f"batch {key} is {status}; {action} is not possible")
    return changed


@routes("GET /{batch}/datasets/{dataset}/preview")
def _preview(state: State, request: Request) -> Response:
    """The first rows of the files that have arrived so far."""
    doc = _batch_of(state, request)
    query = request.query_params
    format = query.get("format", doc["inputFormat"]["format"]).lower()
    if format not in wire.FORMATS:
        raise Refusal(400, f"format must be one of {', '.join(wire.FORMATS)}")
    wanted = whole_number(query, "nrow", 0, 0, 9)
    fitting(dict(query), record({}, _OPTIONS))
    options = {
        "delimiter": query.get("delimiter", ","), "quote": query.get("quote", '"'),
        "escape": query.get("escape", "\\"), "charset": query.get("charset", "UTF-8"),
        "header": query.get("header", "true").lower() == "true",
    }  # fmt: skip
    files = [row for row in state.store.files(doc["id"]) if row["whole"]]
    announced = str(doc["inputFormat"].get("isMultiLineJson", False))
    multiline = query.get("isMultiLineJson", announced).lower() == "true"
    records = state.first_records(files, format, multiline, options, wanted or 9)
    names = list(dict.fromkeys(name for record in records for name in record))
    return pretty({
        "formatParams": {**options, "format": format},
        "preview": {
            "columns": [{"cid": str(i), "name": name} for i, name in enumerate(names)],
            "rows": [
                {str(i): str(record[name]) for i, name in enumerate(names) if name in record} for record in records
            ],
        },
    })  # fmt: skip
