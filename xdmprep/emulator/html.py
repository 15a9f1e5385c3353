"""The emulator in a browser: datasets, batches, their errors, profiles.  Plain HTML, nothing from elsewhere."""

from __future__ import annotations

import json
import time
from functools import cache
from importlib.resources import files
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from ..wire import EXPLAIN
from .state import Routes, State

_SHOWN = 100


routes = Routes()


@cache
def _template() -> Any:
    """The template of all pages; what it shows is escaped."""
    from jinja2 import Environment  # only where somebody looks

    environment = Environment(autoescape=True, trim_blocks=True)
    environment.filters["json"] = lambda value: json.dumps(value, indent=2, ensure_ascii=False)
    environment.filters["time"] = _time
    return environment.from_string((files(__package__) / "pages.html").read_text(encoding="utf-8"))


def _time(at_ms: Any) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at_ms / 1000)) if isinstance(at_ms, int) else ""


def _page(page: str, title: str, **shown: Any) -> Response:
    html = _template().render(page=page, title=title, **shown)
    policy = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"
    return HTMLResponse(html, headers={"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff"})


@routes("GET /")
def _home(state: State, request: Request) -> Response:
    """Datasets, the newest batches, and a form that finds a profile."""
    newest = state.store.batches("seq > (SELECT coalesce(max(seq), 0) FROM batch) - ?", _SHOWN)
    return _page(
        "home", "xdmprep emulator", batches=[{"metrics": {}, **doc} for doc in reversed(newest)],
        datasets=[*reversed(state.store.resources(None, "dataSets").items())][:_SHOWN],
        counts=state.profiles.counts(),
    )  # fmt: skip


@routes("GET /_emulator/batches/{batch}")
def _batch(state: State, request: Request) -> Response:
    """One batch: its state, files, errors, and the first failed rows."""
    key = request.path_params["batch"]
    doc = state.store.batch(key)
    if doc is None:
        return HTMLResponse("<!doctype html><title>404</title><p>There is no such batch.", 404)
    return _page(
        "batch", f"Batch {key}", doc=doc, explanation=EXPLAIN.get(doc["status"], ""),
        files=[(row["name"], row["bytes"], "" if row["whole"] else "not complete") for row in state.store.files(key)],
        errors=[[error.get(name, "") for name in ("code", "description", "recordCount")]
                for error in doc.get("errors", [])],
        rows=b"".join(state.store.first_row_errors(key, 20)).decode(),
    )  # fmt: skip


@routes("GET /_emulator/profile")
def _profile(state: State, request: Request) -> Response:
    """One merged profile and its events."""
    of = request.query_params.get("ns", ""), request.query_params.get("id", "")
    return _page(
        "profile", "Profile", namespace=of[0], identity=of[1], found=state.profiles.profile(*of),
        linked=state.profiles.graph(*of), events=state.profiles.events(*of)[:_SHOWN],
    )  # fmt: skip
