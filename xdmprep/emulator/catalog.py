"""The Catalog routes: datasets, batch status, lists with filters and pages."""

from __future__ import annotations

import re
import secrets
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from .. import wire
from ..core.documents import FILLED, LIST, OBJECT, TEXT, map_of, nullable, record
from .patching import json_patch
from .profiles import merge
from .registry import behavior_of, kind_of
from .responses import Refusal, content_type, fitting, json_object, pretty, value_at, whole_number
from .state import Routes, State, made_by
from .store import next_version, now_ms

DEFAULT_LIMIT = 20
#: What a client cannot change of a dataset.
KEPT = ("created", "createdClient", "createdUser", "imsOrg", "version")
#: Two words for one status each.
SYNONYMS = {word: pair for pair in (("active", "success"), ("failed", "failure")) for word in pair}


_DATASET = record({"name": FILLED}, {
    "fileDescription": OBJECT, "description": TEXT, "state": TEXT, "tags": map_of(LIST),
    "schemaRef": nullable(record({"id": TEXT, "contentType": TEXT})),
})  # fmt: skip


routes = Routes(wire.CATALOG)


# ---- batches -------------------------------------------------------------------------------------------------------


@routes("GET /batches/{batch}", "GET /batch/{batch}")
def _show_batch(state: State, request: Request) -> Response:
    doc = state.batch(request)
    return pretty({doc["id"]: doc})


@routes("GET /batches")
def _list_batches(state: State, request: Request) -> Response:
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
    simple = "createdUser createdClient updatedUser version created updated started completed".split()
    if any(name in query and str(doc.get(name)) not in query[name].split(",") for name in simple):
        return False
    if "createdAfter" in query and not doc["created"] > int(query["createdAfter"]):
        return False
    return not ("createdBefore" in query and not doc["created"] < int(query["createdBefore"]))


@routes("GET /lastBatches")
def _last_batches(state: State, request: Request) -> Response:
    """The newest batch of each dataset."""
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
    value = value_at(doc, path.split("."))
    if not operator:
        return value is not None
    return (str(value) == wanted) is (operator == "==")


# ---- datasets ------------------------------------------------------------------------------------------------------


@routes("POST /dataSets", media=())
def _create_dataset(state: State, request: Request, body: Any) -> Response:
    _check_dataset(state, json_object(body), state.sandbox(request))
    doc = {
        **made_by(request), "name": body["name"], "description": "", "version": "1.0.0", "state": "DRAFT", "tags": {},
        "lastBatchId": "",
        "fileDescription": {"persisted": True, "containerFormat": "parquet", "format": "parquet"},
        **{key: value for key, value in body.items() if key not in ("id", *KEPT, "updated", "updatedUser")},
    }  # fmt: skip
    reference = (doc.get("schemaRef") or {}).get("id")
    known = state.schemas.documents(state.sandbox(request))
    behavior = behavior_of(state.schemas.find(reference, state.sandbox(request)) or {}, known)
    doc.setdefault("classification", {"dataBehavior": behavior, "managedBy": "CUSTOMER"})
    table = re.sub("[^a-z0-9]+", "_", doc["name"].lower()).strip("_") or "dataset"
    doc["tags"] = {"adobe/pqs/table": [table], "adobe/siphon/table/format": ["delta"], **doc["tags"]}
    key = secrets.token_hex(12)
    state.store.add_resource(state.sandbox(request), "dataSets", key, doc)
    return pretty([f"@/dataSets/{key}"], 201, {"Location": f"{wire.CATALOG}/dataSets/{key}"})


def _check_dataset(state: State, doc: dict[str, Any], sandbox: str) -> None:
    fitting(doc, _DATASET)
    reference = doc.get("schemaRef")
    if reference is not None:
        found = state.schemas.find(reference["id"], sandbox)
        if found is None or kind_of(found) != "schemas":
            if state.schemas.given or found is not None:
                raise Refusal(400, f"schema {reference['id']} does not exist")
        else:
            state.schemas.whole(found)  # or its error is the answer
    tags = doc.get("tags", {})
    if wire.has_flag(tags, "unifiedProfile", "isUpsert") and not wire.has_flag(tags, "unifiedProfile", "enabled"):
        raise Refusal(400, "tags.unifiedProfile: isUpsert needs enabled: true")


@routes("GET /dataSets/{dataset}")
def _show_dataset(state: State, request: Request) -> Response:
    key, doc = state.dataset(request)
    if wanted := request.query_params.get("properties"):
        doc = {name: doc[name] for name in wanted.split(",") if name in doc}
    return pretty({key: doc})


@routes("GET /dataSets")
def _list_datasets(state: State, request: Request) -> Response:
    datasets = state.store.resources(state.sandbox(request), "dataSets")
    docs = [{"_id": key, **doc} for key, doc in reversed(datasets.items())]
    query = request.query_params
    for name in ("name", "createdUser", "createdClient", "state"):
        if name in query:
            docs = [doc for doc in docs if str(doc.get(name)) == query[name]]
    if "schemaRef.id" in query:
        docs = [doc for doc in docs if (doc.get("schemaRef") or {}).get("id") == query["schemaRef.id"]]
    page = _page(docs, request, "_id")
    return pretty({key: {name: value for name, value in doc.items() if name != "_id"} for key, doc in page.items()})


@routes("PATCH,PUT /dataSets/{dataset}", "PATCH /v2/dataSets/{dataset}", media=())
def _change_dataset(state: State, request: Request, body: Any) -> Response:
    """PATCH takes a JSON object or a JSON Patch, PUT the whole dataset."""
    media = content_type(request, wire.JSON_TYPE, wire.PATCH_TYPE)
    with state.store.lock:
        key, doc = state.dataset(request)
        old_tags, kept = doc.get("tags", {}), {name: doc[name] for name in KEPT}
        if media == wire.PATCH_TYPE or isinstance(body, list):  # aepp names a JSON Patch application/json
            doc = json_patch(doc, body)
        elif request.method == "PUT":
            doc = json_object(body)
        else:
            doc = merge(doc, json_object(body)) if "/v2/" in request.url.path else {**doc, **json_object(body)}
        doc = {**doc, **kept}
        _check_dataset(state, doc, state.sandbox(request))
        new_tags = doc.get("tags", {})
        if (
            wire.has_flag(new_tags, "unifiedProfile", "isUpsert")
            and not wire.has_flag(old_tags, "unifiedProfile", "isUpsert")
            and wire.has_flag(old_tags, "unifiedProfile", "enabled")
        ):
            raise Refusal(400, "isUpsert cannot be added to a dataset enabled for Profile: disable it first")
        doc.update(updated=now_ms(), version=next_version(doc["version"]))
        state.store.change_resource(state.sandbox(request), key, doc)
    return pretty([f"@/dataSets/{key}"])


@routes("DELETE /dataSets/{dataset}")
def _delete_dataset(state: State, request: Request) -> Response:
    key, _ = state.dataset(request)
    state.store.drop_resource(state.sandbox(request), key)
    return pretty([f"@/dataSets/{key}"])
