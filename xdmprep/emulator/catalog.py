"""The Catalog routes: datasets, batch status, lists with filters and pages."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .. import wire
from ..errors import SchemaError
from .patching import json_patch
from .profiles import merge
from .registry import behavior_of, kind_of
from .responses import Refusal, json_body, pretty, whole_number
from .state import State
from .store import now_ms

DEFAULT_LIMIT = 20
#: What a client cannot change of a dataset.
KEPT = ("created", "createdClient", "createdUser", "imsOrg", "version")
#: Two words for one status each.
SYNONYMS = {word: pair for pair in (("active", "success"), ("failed", "failure")) for word in pair}


def routes() -> list[Route]:
    """The routes under ``/data/foundation/catalog``; ``/batch/{id}`` is the old name of ``/batches/{id}``."""
    base = wire.CATALOG
    return [
        Route(base + "/batches", list_batches, methods=["GET"]),
        Route(base + "/batches/{batch}", show_batch, methods=["GET"]),
        Route(base + "/batch/{batch}", show_batch, methods=["GET"]),
        Route(base + "/lastBatches", last_batches, methods=["GET"]),
        Route(base + "/dataSets", list_datasets, methods=["GET"]),
        Route(base + "/dataSets", create_dataset, methods=["POST"]),
        Route(base + "/dataSets/{dataset}", show_dataset, methods=["GET"]),
        Route(base + "/dataSets/{dataset}", change_dataset, methods=["PATCH", "PUT"]),
        Route(base + "/dataSets/{dataset}", delete_dataset, methods=["DELETE"]),
        Route(base + "/v2/dataSets/{dataset}", change_dataset, methods=["PATCH"]),
    ]


# ---- batches -------------------------------------------------------------------------------------------------------


def show_batch(request: Request) -> Response:
    """``GET /batches/{batch}``."""
    state = State.of(request)
    key = request.path_params["batch"]
    doc = state.store.batch(key, state.sandbox(request))
    if doc is None:
        raise Refusal(404, f"batch {key} does not exist")
    return pretty({key: doc})


def list_batches(request: Request) -> Response:
    """``GET /batches``."""
    state = State.of(request)
    query = request.query_params
    for name in ("createdAfter", "createdBefore", "created", "updated", "started", "completed"):
        if name in query and not re.fullmatch("[0-9]{1,18}", query[name]):
            raise Refusal(400, f"{name} must be milliseconds since 1970")
    where, values = "sandbox = ?", [state.sandbox(request)]
    for name, column in (("batch", "id"), ("externalId", "external"), ("dataSet", "dataset"), ("status", "status")):
        if name in query:
            wanted = query[name].split(",")
            if name == "status":
                wanted = [word for item in wanted for word in SYNONYMS.get(item.lower(), (item.lower(),))]
            where += f" AND {column} IN ({', '.join('?' * len(wanted))})"
            values += wanted
    docs = state.store.batches(where, *values)
    docs = [doc for doc in docs if _batch_matches(doc, query)]
    return pretty(_page(docs, request, "id"))


def _batch_matches(doc: dict[str, Any], query: Any) -> bool:
    simple: dict[str, Callable[[dict[str, Any]], Any]] = {
        "createdUser": lambda d: d["createdUser"],
        "createdClient": lambda d: d["createdClient"], "updatedUser": lambda d: d["updatedUser"],
        "version": lambda d: d["version"], "created": lambda d: d["created"], "updated": lambda d: d["updated"],
        "started": lambda d: d.get("started"), "completed": lambda d: d.get("completed"),
    }  # fmt: skip
    for name, value_of in simple.items():
        if name in query and str(value_of(doc)) not in query[name].split(","):
            return False
    if "createdAfter" in query and not doc["created"] > int(query["createdAfter"]):
        return False
    return not ("createdBefore" in query and not doc["created"] < int(query["createdBefore"]))


def last_batches(request: Request) -> Response:
    """``GET /lastBatches``: the newest batch of each dataset."""
    state = State.of(request)
    wanted = request.query_params.get("dataSetId") or request.query_params.get("dataSet")
    newest: dict[str, dict[str, Any]] = {}
    for doc in state.store.batches("sandbox = ?", state.sandbox(request)):
        dataset = doc["relatedObjects"][0]["id"]
        if wanted is None or dataset in wanted.split(","):
            newest[dataset] = doc
    return pretty({doc["id"]: doc for doc in newest.values()})


def _page(docs: list[dict[str, Any]], request: Request, key: str) -> dict[str, Any]:
    """Order, page and properties of a list, as an object keyed by id."""
    query = request.query_params
    limit, start = whole_number(query, "limit", DEFAULT_LIMIT, 1, wire.LIST_LIMIT), whole_number(query, "start", 0)
    order = query.get("orderBy") or query.get("sort") or "desc:created"
    direction, _, names = order.rpartition(":")
    if direction not in ("asc", "desc", ""):
        raise Refusal(400, "orderBy must be 'asc:property' or 'desc:property'")
    for name in reversed(names.split(",")):
        docs = sorted(docs, key=lambda doc: _sortable(doc.get(name)), reverse=direction == "desc")
    if pattern := query.get("property"):
        docs = [doc for doc in docs if _property_matches(doc, pattern)]
    shown = docs[start : start + limit]
    wanted = query.get("properties")
    allowed = set(wanted.split(",")) if wanted else None
    return {
        doc[key]: {name: value for name, value in doc.items() if allowed is None or name in allowed} for doc in shown
    }


def _sortable(value: Any) -> tuple[int, float, str]:
    if isinstance(value, int | float):
        return 1, float(max(-1e300, min(value, 1e300))), ""
    return (0, 0.0, "") if value is None else (2, 0.0, str(value))


def _property_matches(doc: dict[str, Any], pattern: str) -> bool:
    """``property=name`` (there is one) or ``property=a.b==value`` (``~=`` for a regular expression is not taken)."""
    path, operator, wanted = (*re.split(r"(==|!=)", pattern, maxsplit=1), "", "")[:3]
    value: Any = doc
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    if not operator:
        return value is not None
    return (str(value) == wanted) is (operator == "==")


# ---- datasets ------------------------------------------------------------------------------------------------------


async def create_dataset(request: Request) -> Response:
    """``POST /dataSets``."""
    body = json_body(await request.body())
    key = await run_in_threadpool(_create_dataset, State.of(request), body, request)
    return pretty([f"@/dataSets/{key}"], 201, {"Location": f"{wire.CATALOG}/dataSets/{key}"})


def _create_dataset(state: State, body: Any, request: Request) -> str:
    if not isinstance(body, dict):
        raise Refusal(400, "the body must be an object")
    _check_dataset(state, body, state.sandbox(request))
    at = now_ms()
    user = request.headers.get("x-api-key", "")
    doc = {
        "name": body["name"], "description": "", "imsOrg": request.headers.get("x-gw-ims-org-id", ""),
        "created": at, "updated": at, "createdClient": user, "createdUser": f"{user}@AdobeID",
        "updatedUser": f"{user}@AdobeID", "version": "1.0.0", "state": "DRAFT", "tags": {}, "lastBatchId": "",
        "fileDescription": {"persisted": True, "containerFormat": "parquet", "format": "parquet"},
        **{key: value for key, value in body.items() if key not in ("id", *KEPT, "updated", "updatedUser")},
    }  # fmt: skip
    reference = (doc.get("schemaRef") or {}).get("id")
    known = state.schemas.documents(state.sandbox(request))
    behavior = behavior_of(state.schemas.find(reference, state.sandbox(request)) or {}, known)
    doc.setdefault("classification", {"dataBehavior": behavior, "managedBy": "CUSTOMER"})
    table = re.sub("[^a-z0-9]+", "_", doc["name"].lower()).strip("_") or "dataset"
    doc["tags"] = {"adobe/pqs/table": [table], "adobe/siphon/table/format": ["delta"], **doc["tags"]}
    return state.store.add_dataset(state.sandbox(request), doc)


def _check_dataset(state: State, doc: dict[str, Any], sandbox: str) -> None:
    if not isinstance(doc.get("name"), str) or not doc["name"]:
        raise Refusal(400, "name is required")
    for name in ("fileDescription", "description", "state"):
        if not isinstance(
            doc.get(name, {} if name == "fileDescription" else ""), dict if name == "fileDescription" else str
        ):
            raise Refusal(400, f"{name} is of another type")
    reference = doc.get("schemaRef")
    if reference is not None:
        if not isinstance(reference, dict) or not isinstance(reference.get("id"), str):
            raise Refusal(400, "schemaRef must be an object with id and contentType")
        if not isinstance(reference.get("contentType"), str):
            raise Refusal(400, "schemaRef.contentType is required")
        found = state.schemas.find(reference["id"], sandbox)
        if found is None or kind_of(found) != "schemas":
            if state.schemas.given or found is not None:
                raise Refusal(400, f"schema {reference['id']} does not exist")
        else:
            try:
                state.schemas.whole(found)
            except SchemaError as error:
                raise Refusal(400, str(error)) from None
    tags = doc.get("tags", {})
    if not isinstance(tags, dict) or not all(isinstance(value, list) for value in tags.values()):
        raise Refusal(400, "tags must be an object of arrays")
    if wire.has_flag(tags, "unifiedProfile", "isUpsert") and not wire.has_flag(tags, "unifiedProfile", "enabled"):
        raise Refusal(400, "tags.unifiedProfile: isUpsert needs enabled: true")


def show_dataset(request: Request) -> Response:
    """``GET /dataSets/{dataset}``."""
    key, doc = _dataset(request)
    if wanted := request.query_params.get("properties"):
        doc = {name: doc[name] for name in wanted.split(",") if name in doc}
    return pretty({key: doc})


def _dataset(request: Request) -> tuple[str, dict[str, Any]]:
    state = State.of(request)
    key = request.path_params["dataset"]
    doc = state.store.dataset(key, state.sandbox(request))
    if doc is None:
        raise Refusal(404, f"dataset {key} does not exist")
    return key, doc


def list_datasets(request: Request) -> Response:
    """``GET /dataSets``."""
    state = State.of(request)
    docs = [{"_id": key, **doc} for key, doc in state.store.datasets(state.sandbox(request)).items()]
    query = request.query_params
    for name in ("name", "createdUser", "createdClient", "state"):
        if name in query:
            docs = [doc for doc in docs if str(doc.get(name)) == query[name]]
    if "schemaRef.id" in query:
        docs = [doc for doc in docs if (doc.get("schemaRef") or {}).get("id") == query["schemaRef.id"]]
    page = _page(docs, request, "_id")
    return pretty({key: {name: value for name, value in doc.items() if name != "_id"} for key, doc in page.items()})


async def change_dataset(request: Request) -> Response:
    """``PATCH`` (a JSON object or a JSON Patch) and ``PUT /dataSets/{dataset}``."""
    body = json_body(await request.body())
    key = await run_in_threadpool(_change_dataset, State.of(request), body, request)
    return pretty([f"@/dataSets/{key}"])


def _change_dataset(state: State, body: Any, request: Request) -> str:
    content_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if content_type not in (wire.JSON_TYPE, wire.PATCH_TYPE):
        raise Refusal(415, f"Content-Type must be {wire.JSON_TYPE} or {wire.PATCH_TYPE}")
    with state.store.lock:
        key, doc = _dataset(request)
        old_tags, kept = doc.get("tags", {}), {name: doc[name] for name in KEPT}
        if content_type == wire.PATCH_TYPE or isinstance(body, list):  # aepp names a JSON Patch application/json
            doc = json_patch(doc, body)
        elif not isinstance(body, dict):
            raise Refusal(400, "the body must be an object")
        elif request.method == "PUT":
            doc = body
        elif "/v2/" in request.url.path:
            doc = merge(doc, body)
        else:
            doc = {**doc, **body}
        doc = {**doc, **kept}
        _check_dataset(state, doc, state.sandbox(request))
        new_tags = doc.get("tags", {})
        if (
            wire.has_flag(new_tags, "unifiedProfile", "isUpsert")
            and not wire.has_flag(old_tags, "unifiedProfile", "isUpsert")
            and wire.has_flag(old_tags, "unifiedProfile", "enabled")
        ):
            raise Refusal(400, "isUpsert cannot be added to a dataset enabled for Profile: disable it first")
        major, minor, patch = doc["version"].split(".")
        doc.update(updated=now_ms(), version=f"{major}.{minor}.{int(patch) + 1}")
        state.store.change_dataset(key, doc)
    return key


def delete_dataset(request: Request) -> Response:
    """``DELETE /dataSets/{dataset}``."""
    key, _ = _dataset(request)
    State.of(request).store.change_dataset(key, None)
    return pretty([f"@/dataSets/{key}"])
