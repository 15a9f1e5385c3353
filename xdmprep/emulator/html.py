"""The emulator in a browser: datasets, batches, their errors, profiles.  Plain HTML, nothing from elsewhere."""

from __future__ import annotations

import json
import time
from html import escape
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from ..wire import EXPLAIN
from .state import State

_STYLE = """
:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#222;background:#fff}
table{border-collapse:collapse;width:100%;margin:.5rem 0 2rem}th,td{text-align:left;padding:.3rem .6rem;
border-bottom:1px solid #ddd;vertical-align:top}code,pre{font:13px ui-monospace,monospace}pre{background:#f6f6f6;
padding:1rem;overflow:auto}.active,.success{color:#0a6b2d}.failed,.failure,.aborted{color:#b00020}
@media(prefers-color-scheme:dark){body{background:#16181c;color:#ddd}pre{background:#22252b}th,td{border-color:#333}
a{color:#8ab4f8}.active,.success{color:#5fd38d}.failed,.failure,.aborted{color:#ff7b8a}}
"""
_SHOWN = 100


def routes() -> list[Route]:
    """``/`` and the pages it links to."""
    return [
        Route("/", home, methods=["GET"]),
        Route("/_emulator/batches/{batch}", batch, methods=["GET"]),
        Route("/_emulator/profile", profile, methods=["GET"]),
    ]


def _page(title: str, body: str) -> Response:
    html = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style><h1>{escape(title)}</h1>{body}</html>"
    )
    policy = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"
    return HTMLResponse(html, headers={"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff"})


def _table(head: list[str], rows: list[list[str]], nothing: str) -> str:
    if not rows:
        return f"<p>{nothing}</p>"
    cells = "".join(f"<th>{name}</th>" for name in head)
    lines = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{cells}</tr>{lines}</table>"


def _time(at_ms: Any) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at_ms / 1000)) if isinstance(at_ms, int) else ""


def home(request: Request) -> Response:
    """Datasets, the newest batches, and a form that finds a profile."""
    state = State.of(request)
    datasets = []
    for key, doc in list(state.store.datasets().items())[:_SHOWN]:
        tags = ", ".join(map(str, doc["tags"].get("unifiedProfile", [])))
        reference = (doc.get("schemaRef") or {}).get("id", "")
        datasets.append([f"<code>{escape(key)}</code>", escape(doc["name"]), escape(reference), escape(tags)])
    docs = state.store.batches("seq > (SELECT coalesce(max(seq), 0) FROM batch) - ?", _SHOWN)
    rows = [[
        f'<a href="/_emulator/batches/{quote(doc["id"])}"><code>{escape(doc["id"])}</code></a>',
        f'<span class="{escape(doc["status"])}">{escape(doc["status"])}</span>',
        escape(doc["relatedObjects"][0]["id"]), escape(doc["inputFormat"]["format"]),
        str(doc.get("metrics", {}).get("inputRecordCount", "")),
        str(doc.get("metrics", {}).get("failedRecordCount", "")),
        _time(doc["created"]),
    ] for doc in reversed(docs)]  # fmt: skip
    counts = state.profiles.counts()
    body = (
        "<p>The batch ingestion API on this machine: data for development and tests, not Adobe's service. "
        "What is of its own making is listed in <code>xdmprep/docs/emulator.md</code>.</p>"
        "<h2>Profile</h2><form action='/_emulator/profile'><label>namespace <input name='ns' value='Email'></label> "
        "<label>identity <input name='id' size='40'></label> <button>look up</button></form>"
        f"<p>{counts['fragments']} profile fragments, {counts['events']} events.</p>"
        "<h2>Batches</h2>"
        + _table(["batch", "status", "dataset", "format", "records", "failed", "created"], rows, "No batch yet.")
        + "<h2>Datasets</h2>"
        + _table(["dataset", "name", "schema", "Profile"], datasets, "No dataset yet.")
    )
    return _page("xdmprep emulator", body)


def batch(request: Request) -> Response:
    """One batch: its state, files, errors, and the first failed rows."""
    state = State.of(request)
    key = request.path_params["batch"]
    doc = state.store.batch(key)
    if doc is None:
        return HTMLResponse("<!doctype html><title>404</title><p>There is no such batch.", 404)
    files = [
        [escape(row["name"]), str(row["bytes"]), "" if row["whole"] else "not complete"]
        for row in state.store.files(key)
    ]
    errors = [
        [escape(str(error.get("code"))), escape(str(error.get("description"))), str(error.get("recordCount", ""))]
        for error in doc.get("errors", [])
    ]
    lines = state.store.first_row_errors(key, 20)
    body = (
        f"<p><a href='/'>all batches</a></p><p class='{escape(doc['status'])}'>{escape(doc['status'])}: "
        f"{escape(EXPLAIN.get(doc['status'], ''))}</p>"
        f"<h2>Files</h2>{_table(['name', 'bytes', ''], files, 'No file.')}"
        f"<h2>Errors</h2>{_table(['code', 'description', 'records'], errors, 'None.')}"
        + (f"<h2>First failed rows</h2><pre>{escape(b''.join(lines).decode())}</pre>" if lines else "")
        + f"<h2>In Catalog</h2><pre>{escape(json.dumps(doc, indent=2, ensure_ascii=False))}</pre>"
    )
    return _page(f"Batch {key}", body)


def profile(request: Request) -> Response:
    """One merged profile and its events."""
    state = State.of(request)
    namespace, value = request.query_params.get("ns", ""), request.query_params.get("id", "")
    found = state.profiles.profile(namespace, value)
    events = state.profiles.events(namespace, value)[:_SHOWN]
    shown = json.dumps(found, indent=2, ensure_ascii=False) if found else "No profile holds this identity."
    linked = "".join(f"<li>{escape(ns)} {escape(item)}</li>" for ns, item in state.profiles.graph(namespace, value))
    body = (
        f"<p><a href='/'>back</a></p><p>{escape(namespace)} {escape(value)}</p><pre>{escape(shown)}</pre>"
        f"<h2>Linked identities</h2><ul>{linked}</ul>"
        f"<h2>Events</h2><pre>{escape(json.dumps(events, indent=2, ensure_ascii=False))}</pre>"
    )
    return _page("Profile", body)
