"""The Data Access routes: error files, failed records, ingested files, previews.

Ours: ingested files are JSON Lines, where the platform keeps Parquet.
"""

from __future__ import annotations

import re
import sqlite3
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from .. import wire
from .responses import Refusal, pretty, request_id, whole_number
from .state import Routes, State

PREVIEW_ROWS = 100


routes = Routes(wire.EXPORT)


def _base(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}"


def _listing(request: Request, items: list[dict[str, Any]]) -> Response:
    query = request.query_params
    start, limit = whole_number(query, "start", 0), whole_number(query, "limit", wire.LIST_LIMIT, 1, wire.LIST_LIMIT)
    shown = items[start : start + limit]
    body: dict[str, Any] = {"data": shown, "_page": {"limit": limit, "count": len(shown)}}
    here = str(request.url.replace_query_params(start=start + limit, limit=limit))
    if start + limit < len(items):
        body["_links"] = {"next": {"href": here}}
    return pretty(body)


def _entry(name: str, size: int, href: str) -> dict[str, Any]:
    return {"name": name, "length": str(size), "_links": {"self": {"href": href}}}


def _one(state: State, request: Request, outputs: list[sqlite3.Row], name: str, path: str) -> Response:
    """The file of that name; a Refusal if it is none of them."""
    for output in outputs:
        if output["name"] == name:
            return _send(state, request, output)
    raise Refusal(404, f"{path} does not exist")


def _send(state: State, request: Request, output: sqlite3.Row) -> Response:
    path = state.store.bytes / output["stored"]
    _check_range(request, output["bytes"])
    return FileResponse(path, media_type=wire.BYTES_TYPE, headers=request_id(), filename=output["name"])


_RANGE = re.compile("bytes=[ \t]*([0-9]{0,18})-([0-9]{0,18})[ \t]*", re.IGNORECASE)


def _check_range(request: Request, size: int) -> None:
    """A range outside the file is refused; a header that is not one range of bytes does not count (RFC 9110, 14.2)."""
    given = request.headers.get("range")
    if given is None:
        return
    match = _RANGE.fullmatch(given.strip())
    wrong = match is None or not (match[1] or match[2]) or (match[1] and match[2] and int(match[2]) < int(match[1]))
    if match is None or wrong or len(request.headers.getlist("range")) > 1:
        request.scope["headers"] = [pair for pair in request.scope["headers"] if pair[0] != b"range"]
    elif (match[1] and int(match[1]) >= size) or (not match[1] and int(match[2]) == 0):
        raise Refusal(416, f"{given}: the file has {size} bytes", {"Content-Range": f"bytes */{size}"})


@routes("GET /batches/{batch}/meta")
def _meta(state: State, request: Request) -> Response:
    """Lists and files of ``row_errors`` and ``input_files``."""
    key = state.batch(request)["id"]
    path = request.query_params.get("path", "").strip("/")
    here = f"{_base(request)}{wire.export_path(key, 'meta')}?path="
    if not path:
        kinds = [kind for kind in ("row_errors", "input_files") if state.store.outputs(key, kind)]
        return _listing(request, [_entry(kind, 0, here + kind) for kind in kinds])
    if path in ("row_errors_sample.json", "row_error_samples.json"):
        lines = state.store.first_row_errors(key, PREVIEW_ROWS)
        if not lines:
            raise Refusal(404, "there are no row errors")
        return Response(b"".join(lines), 200, {**request_id(), "Content-Type": wire.BYTES_TYPE})
    folder, _, name = path.partition("/")
    if folder not in ("row_errors", "input_files"):
        raise Refusal(404, f"{path} does not exist")
    outputs = state.store.outputs(key, folder)
    if not name:
        places = [(o, here + quote(f"{folder}/{o['name']}", safe="")) for o in outputs]
        return _listing(request, [_entry(o["name"], o["bytes"], place) for o, place in places])
    return _one(state, request, outputs, name, path)


@routes("GET /batches/{batch}/failed")
def _failed(state: State, request: Request) -> Response:
    """The files of failed records."""
    key = state.batch(request)["id"]
    outputs = state.store.outputs(key, "failed")
    path = request.query_params.get("path")
    here = f"{_base(request)}{wire.export_path(key, 'failed')}?path="
    if path is None:
        items = [_entry("_SUCCESS", 0, here + "_SUCCESS")] if outputs else []
        return _listing(request, items + [_entry(o["name"], o["bytes"], here + o["name"]) for o in outputs])
    if path == "_SUCCESS" and outputs:
        return Response(b"", 200, {**request_id(), "Content-Type": wire.BYTES_TYPE})
    return _one(state, request, outputs, path, path)


@routes("GET /batches/{batch}/files")
def _files(state: State, request: Request) -> Response:
    """The dataset files that the batch became."""
    doc = state.batch(request)
    items = []
    for output in state.store.outputs(doc["id"], "data") if doc["status"] not in wire.WAITING else ():
        items.append({
            "dataSetFileId": output['id'], "dataSetViewId": doc["relatedObjects"][0]["id"], "version": "1.0.0",
            "created": str(doc.get("completed", 0)), "updated": str(doc.get("updated", 0)), "isValid": True,
            "records": str(output['records']), "size": str(output['bytes']),
            "_links": {"self": {"href": f"{_base(request)}{wire.EXPORT}/files/{output['id']}"}},
        })  # fmt: skip
    return _listing(request, items)


@routes("GET,HEAD /files/{file}")
def _file(state: State, request: Request) -> Response:
    """Its list of parts, or with ``path`` the bytes, also in ranges."""
    output = state.store.output(request.path_params["file"])
    if output is None or output["kind"] != "data" or state.store.batch(output["batch"], state.sandbox(request)) is None:
        raise Refusal(404, f"file {request.path_params['file']} does not exist")
    path = request.query_params.get("path")
    if path is None and request.method == "GET":
        href = f"{_base(request)}{wire.EXPORT}/files/{output['id']}?path={output['name']}"
        return _listing(request, [_entry(output["name"], output["bytes"], href)])
    if path != output["name"]:
        raise Refusal(404, f"{path} does not exist")
    return _send(state, request, output)


@routes("GET /datasets/{dataset}/preview")
def _preview(state: State, request: Request) -> Response:
    """The first 100 rows of the dataset's active batches."""
    key, _ = state.dataset(request)
    rows: list[Any] = []
    for doc in state.store.batches("dataset = ? AND status IN ('active', 'success')", key):
        for output in state.store.outputs(doc["id"], "data"):
            rows += state.first_records([output], "json", False, {},
                                        PREVIEW_ROWS - len(rows))  # fmt: skip
            if len(rows) >= PREVIEW_ROWS:
                return pretty({"data": rows})
    return pretty({"data": rows})
