"""The application: the gateway's checks, the routes, and the answers to what goes wrong."""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import re
import socket
import sqlite3
import time
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from .. import wire
from ..errors import XdmPrepError
from . import access, admin_routes, catalog, export, html, mappings, resources, uploads
from .faults import FaultLayer
from .responses import Refusal, empty, gateway, problem
from .state import State
from .store import is_full

log = logging.getLogger("xdmprep.emulator")
JSON_BYTES = 10_000_000  #: largest body that is not a file
_DATASETS = re.compile(rf"^({re.escape(wire.IMPORT)}/batches/[^/]+)/datasets/", re.IGNORECASE)


def create_app(state: State, allowed_hosts: frozenset[str] | None = None) -> ASGIApp:
    """The emulator as an ASGI application.

    Args:
        state: its parts and settings.
        allowed_hosts: names that the header ``Host`` may hold; None takes any.  A server on the loopback takes only
            names of the loopback, so that no page of the web can speak to it through a browser.
    """
    app = Starlette(
        routes=[
            *uploads.routes, *catalog.routes, *export.routes, *access.routes, *resources.routes,
            *mappings.routes, *admin_routes.routes, *html.routes,
        ],
        exception_handlers=dict.fromkeys(
            (Refusal, XdmPrepError, HTTPException, ClientDisconnect, OSError, sqlite3.Error, Exception), _answer
        ),
    )  # fmt: skip
    app.state.emulator = state
    return Gate(FaultLayer(app, state.faults), state, allowed_hosts)


async def _answer(request: Request, error: Exception) -> Response:
    """The answer to what ended a request."""
    match error:
        case Refusal():
            return error.answer()
        case XdmPrepError():  # what was given does not fit: a schema that is not complete, a fault that cannot be read
            return problem(400, str(error))
        case HTTPException():
            text = f"{request.method} {request.url.path}: {error.detail}"
            return problem(error.status_code, text, dict(error.headers or {}))
        case ClientDisconnect():
            return empty(400)
    if is_full(error):  # which a client can wait for
        return problem(507, "there is no room left on the disk; make some and send this again")
    log.error("%s %s", request.method, request.url.path, exc_info=error)
    return problem(500, "the emulator met an error that it does not know; its log says more")


def _host(text: str) -> str:
    """The name or address of a ``Host`` header, without its port."""
    match = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[^\[\]:@/\s]*)(?::[0-9]{0,5})?", text.strip())
    return match[1].strip("[]").lower().removesuffix(".") if match else text


def _foreign_page(headers: Headers) -> str | None:
    """Why a browser sends this for a page of another origin; None if it does not.

    Browsers say what page a request comes from: ``Origin``, and ``Sec-Fetch-Site`` also where there is none.
    """
    site = headers.get("sec-fetch-site", "none").strip().lower()
    if site not in ("none", "same-origin"):
        return f"requests of other pages are not taken (Sec-Fetch-Site: {site[:40]})"
    origin = headers.get("origin")
    if origin is not None and origin.strip().lower() not in {
        f"{scheme}://{headers.get('host', '').strip().lower()}" for scheme in ("http", "https")
    }:
        return "requests of other pages are not taken (Origin)"
    return None


class Gate:
    """What the platform's gateway does before a service is reached: address, credentials, size."""

    def __init__(self, app: ASGIApp, state: State, allowed_hosts: frozenset[str] | None) -> None:
        self.app, self.state, self.allowed_hosts = app, state, allowed_hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        answer = await self._refusal(scope)
        if answer is not None:
            await answer(scope, receive, send)
            return
        scope["path"] = _DATASETS.sub(r"\1/datasets/", scope["path"])
        await self.app(scope, receive, send)

    async def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        host = _host(headers.get("host", ""))
        if not self._known(host, scope["path"]):
            return problem(403, f"this emulator does not answer to the name {host[:100]!r}")
        if (refusal := _foreign_page(headers)) is not None:
            return problem(403, refusal)
        raw: bytes = scope.get("raw_path") or b""
        url = f"https://{host}{raw.decode('latin-1')}?{scope['query_string'].decode('latin-1')}"
        if len(url) > wire.URL_CHARACTERS:
            return problem(414, f"the URL is longer than {wire.URL_CHARACTERS} characters")
        if "\0" in scope["path"] or "\0" in unquote(scope["query_string"].decode("latin-1")):
            return problem(400, "the address holds a NUL character")
        is_file = "/files/" in scope["path"] and scope["path"].startswith(wire.IMPORT)
        length = headers.get("content-length")
        if length is not None and not re.fullmatch("[0-9]{1,18}", length):
            return problem(400, "Content-Length is not a number", {"Connection": "close"})
        if not is_file and int(length or 0) > JSON_BYTES:
            return problem(413, f"the body is longer than {JSON_BYTES} bytes", {"Connection": "close"})
        if not is_file and length is None and "chunked" in headers.get("transfer-encoding", "").lower():
            return problem(411, "Content-Length is required here", {"Connection": "close"})
        if not scope["path"].startswith("/data/"):
            return None
        return await self._credentials(headers)

    def _known(self, host: str, path: str) -> bool:
        """Whether it answers to a name.

        A page of the web can give its own name any address, also this one's, and then speak to it as to itself.  So a
        server on the loopback takes only names of the loopback; one on another address takes any for the platform's
        routes, which need a token, but for its own routes only addresses and names of this machine.
        """
        if self.allowed_hosts is not None:
            return host in self.allowed_hosts
        if path.startswith(("/data/", "/ims/")):
            return True
        with contextlib.suppress(ValueError):
            ipaddress.ip_address(host)
            return True
        return host in {"localhost", socket.gethostname().lower(), self.state.host.lower()}

    async def _credentials(self, headers: Headers) -> Response | None:
        scheme, _, value = headers.get("authorization", "").partition(" ")
        if not scheme:
            return gateway("403010")
        if scheme.lower() != "bearer" or not value.strip():
            return gateway("401013")
        if not headers.get("x-api-key"):
            return gateway("403000")
        if not headers.get("x-gw-ims-org-id"):
            return gateway("400003")
        if self.state.answers == "spec" and not headers.get("x-sandbox-name"):
            return problem(400, "x-sandbox-name is required")
        expires = await run_in_threadpool(self.state.store.token_expires, value.strip())
        if expires is not None:
            return gateway("401013") if expires <= time.time() else None
        if self.state.token is not None and value.strip() != self.state.token:
            return gateway("401013")
        return None
