"""Data Prep's mapping sets: create, replace, look up, list.  Nothing is mapped here.

Source: *Mapping sets API endpoint* of the Data Prep guide.  A set that is replaced keeps its id and its version grows
by one; what is stored has ids, both pairs of names, and the media types of the sources.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from .. import wire
from .responses import Refusal, json_object, pretty, whole_number
from .state import Routes, State
from .store import now_ms

#: What a source is called in requests -> what it is called in answers.
SOURCE_TYPES = {
    "ATTRIBUTE": "text/x.schema-path", "EXPRESSION": "text/x.aep-xl", "STATIC": "text/plain",
}  # fmt: skip
EXPRESSION_CHARACTERS = 4096
_BY = "emulator"


routes = Routes(wire.mapping_set_path())


def _found(state: State, request: Request) -> dict[str, Any]:
    key = request.path_params["key"]
    found = state.store.resource(state.sandbox(request), "mappingSets", key)
    if found is None:
        raise Refusal(404, f"there is no mapping set {key}")
    return found


@routes("GET ")
def _list_sets(state: State, request: Request) -> Response:
    query = request.query_params
    sets = list(state.store.resources(state.sandbox(request), "mappingSets").values())
    limit, start = whole_number(query, "limit", 20), whole_number(query, "start", 0)
    page = sets[start : start + limit]
    return pretty({"data": page, "_page": {"count": len(page), "limit": limit}, "_links": {}})


@routes("GET /{key}")
def _show_set(state: State, request: Request) -> Response:
    return pretty(_found(state, request))


@routes("GET /{key}/mappings")
def _show_mappings(state: State, request: Request) -> Response:
    """A bare list."""
    return pretty(_found(state, request)["mappings"])


@routes("POST ", media=())
def _create_set(state: State, request: Request, body: Any) -> Response:
    now = now_ms()
    sandbox = state.sandbox(request)
    about = {"id": secrets.token_hex(16), "version": 0, "createdDate": now, "createdBy": _BY}
    made = _stored(body, state, sandbox) | about | {"modifiedDate": now, "modifiedBy": _BY}
    state.store.add_resource(sandbox, "mappingSets", made["id"], made)
    return pretty(_about(made))


@routes("PUT /{key}", media=())
def _replace_set(state: State, request: Request, body: Any) -> Response:
    """The whole set anew."""
    sandbox = state.sandbox(request)
    with state.store.lock:
        old = _found(state, request)
        about = {key: old[key] for key in ("id", "createdDate", "createdBy")} | {"version": old["version"] + 1}
        made = _stored(body, state, sandbox) | about | {"modifiedDate": now_ms(), "modifiedBy": _BY}
        state.store.change_resource(sandbox, made["id"], made)
    return pretty(_about(made))


def _about(made: dict[str, Any]) -> dict[str, Any]:
    keys = ("id", "version", "createdDate", "modifiedDate", "createdBy", "modifiedBy")
    return {key: made[key] for key in keys}


def _stored(body: Any, state: State, sandbox: str) -> dict[str, Any]:
    """A set as it is kept; a Refusal if it is none."""
    schema = json_object(body).get("outputSchema")
    reference = schema.get("schemaRef") if isinstance(schema, dict) else body.get("schemaRef")
    schema_id = reference.get("id") if isinstance(reference, dict) else body.get("xdmSchema")
    if not isinstance(schema_id, str) or not schema_id:
        raise Refusal(400, "outputSchema.schemaRef.id names no schema")
    if state.schemas.given and schema_id not in state.schemas.documents(sandbox):
        raise Refusal(404, f"there is no schema {schema_id}")
    mappings = body.get("mappings")
    if not isinstance(mappings, list):
        raise Refusal(400, "mappings must be a list")
    return {
        **body, "outputSchema": {"schemaRef": reference or {"id": schema_id}}, "status": "DRAFT",
        "mappings": [{"id": secrets.token_hex(16), "version": 0, **one} for one in _mappings(mappings)],
    }  # fmt: skip


def _mappings(given: list[Any]) -> Iterator[dict[str, Any]]:
    for number, one in enumerate(given):
        where = f"mappings[{number}]"
        if not isinstance(one, dict):
            raise Refusal(400, f"{where} must be an object")
        source = one.get("source", one.get("sourceAttribute"))
        destination = one.get("destination", one.get("destinationXdmPath"))
        for name, value in (("source", source), ("destination", destination)):
            if not isinstance(value, str) or not value:
                raise Refusal(400, f"{where}.{name} must be a string")
        kind = one.get("sourceType", "ATTRIBUTE")
        if kind not in SOURCE_TYPES and kind not in SOURCE_TYPES.values():
            raise Refusal(400, f"{where}.sourceType is none of {', '.join(SOURCE_TYPES)}")
        stored = SOURCE_TYPES.get(kind, kind)
        if stored == SOURCE_TYPES["EXPRESSION"] and len(str(source)) > EXPRESSION_CHARACTERS:
            raise Refusal(400, f"{where}.source has more than {EXPRESSION_CHARACTERS} characters")
        own = {key: value for key, value in one.items() if key not in ("id", "version")}
        yield {
            **own, "sourceType": stored, "source": source, "destination": destination, "sourceAttribute": source,
            "destinationXdmPath": destination, "identity": False, "primaryIdentity": False, "functionVersion": 1,
        }  # fmt: skip
