"""The routes around ingestion: tokens and profile access."""

from __future__ import annotations

import secrets
import time
from typing import Any
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .. import wire
from ..core.documents import FILLED, TEXT, list_of, nullable, record
from .responses import Refusal, fitting, pretty, value_at, whole_number
from .state import Routes, State

_WANTED = record(
    {"identities": list_of(record({"entityId": FILLED, "entityIdNS": record({"code": TEXT})}))},
    {"fields": nullable(list_of(TEXT))},
)


routes = Routes()


@routes("POST /ims/token/{version}")
async def _token(state: State, request: Request) -> Response:
    """Client credentials against a bearer token; version 2 has them in the query."""
    form = {name: values[0] for name, values in parse_qs((await request.body()).decode("latin-1")).items()}
    form = {**dict(request.query_params), **form}
    if form.get("grant_type") != "client_credentials":
        return _refused("unsupported_grant_type", "grant_type must be client_credentials")
    if not form.get("client_id") or not form.get("client_secret"):
        return _refused("invalid_client", "client_id and client_secret are required")
    value = "emulator-" + secrets.token_urlsafe(32)
    await run_in_threadpool(state.store.add_token, value, time.time() + state.token_seconds)
    return JSONResponse({"access_token": value, "token_type": "bearer", "expires_in": state.token_seconds})


def _refused(error: str, why: str) -> Response:
    return JSONResponse({"error": error, "error_description": why}, 400)


# ---- profiles ------------------------------------------------------------------------------------------------------


@routes(f"GET {wire.PROFILE}")
def _entities(state: State, request: Request) -> Response:
    """One merged profile, or the events of one."""
    query = request.query_params
    schema = query.get("schema.name", "_xdm.context.profile")
    if schema == "_xdm.context.experienceevent":
        value, namespace = query.get("relatedEntityId") or query.get("entityId"), _namespace(query, True)
        if not value or not namespace:
            raise Refusal(400, "relatedEntityId and relatedEntityIdNS are required")
        return pretty(_events(state, request, namespace, value))
    if schema != "_xdm.context.profile":
        raise Refusal(400, f"schema.name {schema!r} is not known here")
    value, namespace = query.get("entityId"), _namespace(query, False)
    if not value or not namespace:
        raise Refusal(400, "entityId and entityIdNS are required")
    merged = query.get("mergePolicyId", "").lower() != "none"
    found = _one(state, namespace, value, merged, query.get("fields"))
    if found is None:
        raise Refusal(404, f"no profile holds {namespace} {value}")
    return pretty({found["entityId"]: found})


def _namespace(query: Any, related: bool) -> str | None:
    names = ("relatedEntityIdNS", "relatedEntityIdNS.code") if related else ()
    for name in (*names, "entityIdNS", "entityIdNS.code"):
        if query.get(name):
            return str(query[name])
    return None


def _one(state: State, namespace: str, value: str, merged: bool, fields: str | None) -> dict[str, Any] | None:
    found = state.profiles.profile(namespace, value, merged)
    if found is not None and fields:
        found["entity"] = _only(found["entity"], [path.split(".") for path in fields.split(",") if path])
    return found


def _only(entity: dict[str, Any], paths: list[list[str]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for path in paths:
        value = value_at(entity, path)
        if value is None:
            continue
        node = result
        for step in path[:-1]:
            node = node.setdefault(step, {}) if isinstance(node, dict) else node
        if isinstance(node, dict):
            node[path[-1]] = value
    return result


def _events(state: State, request: Request, namespace: str, value: str) -> dict[str, Any]:
    found = state.profiles.events(namespace, value)
    start, limit = whole_number(request.query_params, "start", 0), whole_number(request.query_params, "limit", 1000)
    shown = found[start : start + limit]
    orders = {"orderby": "timestamp", "start": str(start), "count": len(shown), "next": ""}
    return {"_page": orders, "children": shown, "_links": {"next": {"href": ""}}}


@routes(f"POST {wire.PROFILE}", media=())
def _many_entities(state: State, request: Request, body: Any) -> Response:
    """Several profiles at once."""
    wanted = fitting(body, _WANTED)
    fields = wanted.get("fields") or []
    result: dict[str, Any] = {}
    for item in wanted["identities"]:
        found = _one(state, item["entityIdNS"]["code"], item["entityId"], True, ",".join(fields))
        if found is not None:
            result[found["entityId"]] = {**found, "requestedIdentity": item}
    return pretty(result)
