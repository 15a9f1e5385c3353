"""The Schema Registry's routes: look-ups and lists of schemas and components, descriptors, and creating them.

What the guide's flows need: the class and the schema of a CSV dataset, schemas made of field groups, identity
descriptors.

Source: Adobe's OpenAPI description of the Schema Registry; *Create an ad-hoc schema*; *Descriptors endpoint*.
"""

from __future__ import annotations

import copy
import hashlib
import json
import re
import secrets
import time
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .. import wire
from .patching import json_patch
from .registry import ADHOC, CREATED, OTHER_NAMES, container_of, kind_of
from .responses import Refusal, empty, json_object, pretty, request_id, whole_number
from .state import Routes, State, made_by
from .store import sandbox_id

MOST = 500
DESCRIPTORS = ("xdm:alternateDisplayInfo", "xdm:descriptorIdentity", "xdm:descriptorReferenceIdentity",
               "xdm:descriptorOneToOne", "xdm:descriptorRelationship", "xdm:descriptorDeprecated")  # fmt: skip
REQUIRED = {
    "schemas": ("title", "allOf"), "classes": ("title", "allOf"), "fieldgroups": ("title",), "datatypes": ("title",),
}  # fmt: skip
_ERRORS = "http://ns.adobe.com/aep/errors/"


routes = Routes(wire.REGISTRY)


def _addresses(method: str, path: str, *kinds: str) -> list[str]:
    """The addresses of each kind: of all resources, with a slash behind it or not, or of one."""
    ends = [""] if path.endswith("}") else ["", "/"]
    return [method + " " + path.replace("KIND", kind) + end for kind in kinds for end in ends]


_EVERY, _OWN, _ONE = "/{container}/KIND", "/tenant/KIND", "/{key:path}"
_MADE = (*CREATED, *OTHER_NAMES)


# ---- what a request says -------------------------------------------------------------------------------------------


def _kind(request: Request) -> str:
    name = request.url.path.removeprefix(wire.REGISTRY).split("/")[2]
    return OTHER_NAMES.get(name, name)


def _key(request: Request) -> str:
    """The ``$id`` or ``meta:altId``, without the slash that some clients write behind it."""
    return str(request.path_params["key"]).rstrip("/")


def _container(request: Request) -> str:
    container: str = request.path_params["container"]
    if container not in ("global", "tenant"):
        raise Refusal(404, f"there is no container {container!r}; there are global and tenant")
    return container


class _RegistryRefusal(Refusal):
    """Ends a request with a problem answer in the registry's own shape."""

    def __init__(self, status: int, code: str, title: str, detail: str) -> None:
        super().__init__(status, detail)
        self.code, self.title = code, title

    def answer(self) -> Response:
        """The answer."""
        at = time.strftime("%m-%d-%Y %H:%M:%S", time.gmtime())
        report = {"registryRequestId": secrets.token_hex(16), "timestamp": at, "detailed-message": self.detail,
                  "sub-errors": []}  # fmt: skip
        body = {"type": _ERRORS + self.code, "title": self.title, "status": self.status, "report": report,
                "detail": self.detail}  # fmt: skip
        return JSONResponse(body, self.status, request_id())


def _not_found(key: str) -> Refusal:
    return _RegistryRefusal(404, "XDM-1012-404", "Resource Not Found", f"Requested resource {key} is not found")


def _accept(request: Request, single: bool) -> str:
    """The form that is requested (``id``, ``full``, ``full-notext`` ...; empty for the plain one); or a Refusal.

    ``xdm`` is the older word for ``xed``, which clients still use.
    """
    accept = request.headers.get("accept", "")
    match = re.search(
        r"application/vnd\.adobe\.x(?:ed|dm)(?:-v2)?((?:-[a-z]+)*)\+json\s*(;\s*version=\s*([0-9.]+))?", accept
    )
    if match is None:
        raise Refusal(406, "Accept must name one of the registry's types, such as application/vnd.adobe.xed+json")
    words, version = match[1].split("-")[1:], match[3]
    if single is (version is None):
        code, why = ("1007", "a version is needed: '; version=1'") if single else ("1006", "a listing takes no version")
        wrong = f"The supplied Accept header is not valid: {accept} ({why})"
        raise _RegistryRefusal(400, f"XDM-{code}-400", "Accept header invalid", wrong)
    if single and version not in ("1", "1.0"):
        raise Refusal(406, f"version {version} is not available; there is version 1")
    if not set(words) <= (SINGLE if single else {"id", "link"}):
        raise Refusal(406, f"{accept} is not available here")
    return "-".join(word for word in ("id", "link", "full", "notext", "desc") if word in words)


#: What a media type may ask for besides the resource itself; the last ones change nothing here.
SINGLE = frozenset({"full", "notext", "desc", "flat", "deprecated", "deprecatefield"})


def _window(request: Request, items: list[dict[str, Any]], default_order: str) -> tuple[list[dict[str, Any]], Any]:
    """Filter, order and page of a list, and what ``_page`` says about it."""
    query = request.query_params
    wanted = query.get("property", "")
    if "==" in wanted:
        name, _, value = wanted.partition("==")
        items = [item for item in items if _has(item.get(name), value)]
    order = query.get("orderby") or query.get("orderBy") or default_order
    for name in reversed(order.split(",")):
        items = sorted(items, key=lambda item: str(item.get(name.lstrip("-"), "")), reverse=name.startswith("-"))
    first = order.split(",")[0]
    if start := query.get("start"):
        key = first.lstrip("-")
        items = [item for item in items if (str(item.get(key, "")) > start) is not first.startswith("-")
                 and str(item.get(key, "")) != start]  # fmt: skip
    limit = min(whole_number(query, "limit", MOST), MOST) or MOST
    shown = items[:limit]
    following = str(shown[-1].get(first.lstrip("-"), "")) if len(items) > limit else None
    return shown, {"orderby": order, "next": following, "count": len(shown)}


def _has(value: Any, wanted: str) -> bool:
    return wanted in map(str, value) if isinstance(value, list) else str(value) == wanted


# ---- reading -------------------------------------------------------------------------------------------------------


@routes("GET /stats")
def _stats(state: State, request: Request) -> Response:
    """Among others the tenant id."""
    sandbox = state.sandbox(request)
    counted = {kind: state.schemas.listed(kind, "tenant", sandbox) for kind in CREATED}
    newest = [_short(item) for item in state.store.resources(sandbox, *CREATED).values()][-10:][::-1]
    usage = []
    for item in counted["classes"]:
        users = [schema for schema in counted["schemas"] if schema.get("meta:class") == item["$id"]]
        usage.append({"$id": item["$id"], "title": item.get("title", ""), "numberOfSchemas": len(users),
                      "schemas": [_short(schema) for schema in users]})  # fmt: skip
    return pretty({
        "imsOrg": request.headers.get("x-gw-ims-org-id", ""), "tenantId": state.schemas.tenant,
        "counts": {"schemas": len(counted["schemas"]), "mixins": len(counted["fieldgroups"]),
                   "datatypes": len(counted["datatypes"]), "classes": len(counted["classes"]), "unions": 0},
        "recentlyCreatedResources": newest, "recentlyUpdatedResources": newest, "classUsage": usage,
    })  # fmt: skip


def _short(item: dict[str, Any]) -> dict[str, Any]:
    return {"title": item.get("title", ""), "$id": item["$id"], "meta:altId": item.get("meta:altId", ""),
            "version": str(item.get("version", "1.0"))}  # fmt: skip


@routes(*_addresses("GET", _EVERY, *_MADE, "behaviors"))
def _list_resources(state: State, request: Request) -> Response:
    form = _accept(request, single=False)
    kind, container = _kind(request), _container(request)
    found = state.schemas.listed(kind, container, state.sandbox(request))
    shown, page = _window(request, found, "title")
    here = f"{request.url.scheme}://{request.url.netloc}{wire.REGISTRY}/{container}/{kind}"
    more = {"orderby": page["orderby"], "start": page["next"], "limit": page["count"]}
    links: dict[str, Any] = {"next": None if page["next"] is None else f"{here}?{urlencode(more)}"}
    if kind == "schemas" and container == "tenant":
        links["global_schemas"] = {"href": here.replace("/tenant/", "/global/")}
    results = [_short(item) if form == "id" else _bare(item) for item in shown]
    return pretty({"results": results, "_page": page, "_links": links})


def _bare(item: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in item.items() if key != "meta:descriptors"}


@routes(*_addresses("GET", _EVERY + _ONE, *_MADE, "behaviors"))
def _show_resource(state: State, request: Request) -> Response:
    """By ``$id`` (percent-encoded) or ``meta:altId``."""
    form = _accept(request, single=True)
    kind, container, key = _kind(request), _container(request), _key(request)
    found = state.schemas.find(key, state.sandbox(request))
    if found is None or kind_of(found) != kind or container not in ("tenant", container_of(found)):
        raise _not_found(key)  # what Adobe provides is found through the tenant's container too
    if form.startswith("full"):
        found = state.schemas.whole(found)
    shown = found if "desc" in form else _bare(found)
    if "notext" in form:
        shown = _without_texts(shown)
    media = request.headers["accept"].split(",")[0].strip()
    return pretty(shown, headers={"Content-Type": media})


def _without_texts(node: Any, names: bool = False) -> Any:
    """A schema without titles and descriptions; fields of those names stay."""
    if isinstance(node, list):
        return [_without_texts(part) for part in node]
    if not isinstance(node, dict):
        return node
    return {
        key: _without_texts(part, not names and key in ("properties", "definitions", "patternProperties"))
        for key, part in node.items()
        if names or key not in ("title", "description")
    }


@routes(*_addresses("GET", _EVERY, "descriptors"))
def _list_descriptors(state: State, request: Request) -> Response:
    """Grouped by type, or with ``-v2`` as pages."""
    form = _accept(request, single=False)
    container = _container(request)
    found = state.schemas.descriptors(state.sandbox(request)) if container == "tenant" else []
    found, page = _window(request, found, "@id")
    path = f"{wire.REGISTRY}/{container}/descriptors/"

    def shown(item: dict[str, Any]) -> Any:
        return item["@id"] if form == "id" else path + item["@id"] if form == "link" else item

    if "-v2" in request.headers["accept"]:
        return pretty({"results": [shown(item) for item in found], "_page": page, "_links": {}})
    grouped: dict[str, list[Any]] = {}
    for item in found:
        grouped.setdefault(item["@type"], []).append(shown(item))
    return pretty(grouped)


@routes(*_addresses("GET", _EVERY + _ONE, "descriptors"))
def _show_descriptor(state: State, request: Request) -> Response:
    key = _key(request)
    for item in state.schemas.descriptors(state.sandbox(request)):
        if item["@id"] == key and _container(request) == "tenant":
            return pretty(item)
    raise _not_found(key)


# ---- creating ------------------------------------------------------------------------------------------------------


@routes(*_addresses("POST", _OWN, *_MADE), media=[wire.JSON_TYPE])
def _create_resource(state: State, request: Request, body: Any) -> Response:
    kind = _kind(request)
    sandbox, tenant = state.sandbox(request), state.schemas.tenant
    _check_body(state, kind, json_object(body), sandbox)
    key = secrets.token_hex(24)
    folder = "mixins" if kind == "fieldgroups" else kind
    doc = copy.deepcopy(body)
    known = state.schemas.documents(sandbox)
    direct = [ref for ref in wire.references({"allOf": doc.get("allOf", [])}) if ref in known]
    supers = _supers(direct, known)
    if kind == "classes" and ADHOC in supers:
        _name_columns(doc, f"_{key}")
    made = made_by(request)
    at, client, user = made["created"], made["createdClient"], made["createdUser"]
    doc |= {
        "$id": f"https://ns.adobe.com/{tenant}/{folder}/{key}", "meta:altId": f"_{tenant}.{folder}.{key}",
        "meta:resourceType": folder, "version": "1.0", "imsOrg": made["imsOrg"],
        "meta:extensible": kind != "schemas", "meta:abstract": kind != "schemas", "meta:extends": supers,
        "meta:xdmType": "object",
        "meta:registryMetadata": {
            "repo:createdDate": at, "repo:lastModifiedDate": at, "xdm:createdClientId": client,
            "xdm:lastModifiedClientId": client, "xdm:createdUserId": user, "xdm:lastModifiedUserId": user,
            "eTag": hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest(),
        },
        "meta:tenantNamespace": f"_{tenant}", **_of_sandbox(sandbox),
    }  # fmt: skip
    if kind == "schemas":
        doc["meta:class"] = next(ref for ref in direct if kind_of(known[ref]) == "classes")
        adhoc = known[doc["meta:class"]].get("meta:datasetNamespace")
        doc |= {"meta:datasetNamespace": adhoc} if adhoc else {}
    state.schemas.whole(doc)  # or its error is the answer
    state.store.add_resource(sandbox, kind, doc["$id"], doc)
    return pretty(doc, 201)


def _of_sandbox(sandbox: str) -> dict[str, Any]:
    return {
        "meta:containerId": "tenant", "meta:sandboxId": sandbox_id(sandbox),
        "meta:sandboxType": "production" if sandbox == "prod" else "development",
    }  # fmt: skip


#: What the registry says of a resource; a client cannot change it.
GIVEN = ("$id", "meta:altId", "meta:resourceType", "imsOrg", "meta:containerId", "meta:sandboxId", "meta:sandboxType",
         "meta:tenantNamespace", "meta:registryMetadata", "meta:datasetNamespace", "meta:class", "meta:extends",
         "meta:extensible", "meta:abstract", "meta:xdmType")  # fmt: skip


def _own(state: State, request: Request) -> dict[str, Any]:
    """The tenant's resource that the request's path names; a Refusal if there is none."""
    key, sandbox = _key(request), state.sandbox(request)
    found = state.schemas.find(key, sandbox)
    if found is None or kind_of(found) != _kind(request) or container_of(found) != "tenant":
        raise _not_found(key)
    return found


@routes(*_addresses("PUT,PATCH", _OWN + _ONE, *_MADE), media=[wire.JSON_TYPE])
def _change_resource(state: State, request: Request, body: Any) -> Response:
    """PUT takes the whole resource, PATCH a JSON Patch."""
    old, kind, sandbox = _own(state, request), _kind(request), state.sandbox(request)
    if old["$id"] not in state.store.resources(sandbox, *CREATED):
        raise Refusal(400, f"{old['$id']} comes from a file; change it there")
    if request.method == "PUT":
        doc = json_object(body)
    else:
        doc = json_patch(old, body if isinstance(body, list) else [body])
    _check_body(state, kind, doc, sandbox, old["$id"])
    major, minor = str(old.get("version", "1.0")).split(".")[:2]
    doc = {**doc, **{name: old[name] for name in GIVEN if name in old}, "version": f"{major}.{int(minor) + 1}"}
    if kind == "schemas":
        known = state.schemas.documents(sandbox)
        doc["meta:extends"] = _supers([ref for ref in wire.references({"allOf": doc["allOf"]}) if ref in known], known)
    state.schemas.whole(doc)  # or its error is the answer
    state.store.change_resource(sandbox, old["$id"], doc)
    state.schemas.forget()
    return pretty(doc)


def _check_body(state: State, kind: str, body: dict[str, Any], sandbox: str, own_id: str = "") -> None:
    for name in REQUIRED[kind]:
        if not body.get(name):
            raise Refusal(400, f"{name} is required")
    body.setdefault("type", "object")
    if body["type"] != "object" and not (kind == "datatypes" and body["type"] == "array"):
        raise Refusal(400, "type must be 'object'")
    if not isinstance(body["title"], str) or not isinstance(body.get("allOf", []), list):
        raise Refusal(400, "title must be a string and allOf an array")
    if body.get("$id", own_id) != own_id:
        raise Refusal(400, "$id is given by the registry")
    known = state.schemas.documents(sandbox)
    same = [item for item in known.values() if kind_of(item) == kind and item.get("title") == body["title"]]
    same = [item for item in same if item["$id"] != own_id]
    if same:
        raise Refusal(400, f"the title {body['title']!r} is not unique: {same[0]['$id']} has it")
    for ref in wire.references(body):
        if ref not in known:
            raise Refusal(400, f"allOf or $ref: {ref} does not exist")
    used = [kind_of(known[ref]) for ref in set(wire.references({"allOf": body.get("allOf", [])}))]
    if kind == "schemas" and used.count("classes") != 1:
        raise Refusal(400, "allOf must refer to one class")
    if kind == "classes" and "behaviors" not in used:
        raise Refusal(400, "allOf must refer to a behavior, such as https://ns.adobe.com/xdm/data/record")
    if kind == "fieldgroups" and not isinstance(body.get("meta:intendedToExtend"), list):
        raise Refusal(400, "meta:intendedToExtend must name the classes that the field group is for")
    own = {"_adhoc"} if ADHOC in wire.references(body) else {f"_{state.schemas.tenant}"}
    for name in _root_fields(body) if kind in ("classes", "fieldgroups", "schemas") else ():
        if name not in own:
            raise Refusal(400, f"the field {name!r} must be below {sorted(own)[0]!r}")


def _root_fields(body: dict[str, Any]) -> list[str]:
    """Names of the top-level fields that a body brings along itself."""
    parts = [body, *(part for part in body.get("allOf", []) if isinstance(part, dict))]
    inner = body.get("definitions")
    for part in list(parts):
        ref = part.get("$ref")
        if isinstance(ref, str) and ref.startswith("#/definitions/") and isinstance(inner, dict):
            parts += [inner.get(ref.removeprefix("#/definitions/"), {})]
    listed = [part.get("properties") for part in parts if isinstance(part, dict)]
    return [name for fields in listed if isinstance(fields, dict) for name in fields]


def _supers(direct: list[str], known: dict[str, dict[str, Any]]) -> list[str]:
    """What a resource extends: what it refers to, and what that extends."""
    found: dict[str, None] = {}
    for ref in direct:
        found |= dict.fromkeys([ref, *known[ref].get("meta:extends", [])])
    return list(found)


def _name_columns(doc: dict[str, Any], name: str) -> None:
    """Give the columns of an ad-hoc class (``_adhoc``) a namespace of their own, as the registry does."""
    for part in [doc, *doc.get("allOf", [])]:
        fields = part.get("properties") if isinstance(part, dict) else None
        if isinstance(fields, dict) and "_adhoc" in fields:
            part["properties"] = {name if key == "_adhoc" else key: value for key, value in fields.items()}
    doc["meta:datasetNamespace"] = name


@routes(*_addresses("POST", _OWN, "descriptors"), media=[wire.JSON_TYPE])
def _create_descriptor(state: State, request: Request, body: Any) -> Response:
    return pretty(_described(state, json_object(body), request), 201)


def _described(state: State, body: dict[str, Any], request: Request, key: str = "") -> dict[str, Any]:
    sandbox = state.sandbox(request)
    if body.get("@type") not in DESCRIPTORS:
        raise Refusal(400, f"@type must be one of {', '.join(DESCRIPTORS)}")
    for name in ("xdm:sourceSchema", "xdm:sourceVersion", "xdm:sourceProperty"):
        if not body.get(name):
            raise Refusal(400, f"{name} is required")
    schema = state.schemas.find(str(body["xdm:sourceSchema"]), sandbox)
    if schema is None:
        raise Refusal(400, f"xdm:sourceSchema: {body['xdm:sourceSchema']} does not exist")
    path = body["xdm:sourceProperty"]
    if not isinstance(path, str) or not path.startswith("/") or path.endswith("/") or "/properties/" in path:
        raise Refusal(400, "xdm:sourceProperty must be a path such as /personalEmail/address")
    if body["@type"] == "xdm:descriptorIdentity":
        if not isinstance(body.get("xdm:namespace"), str) or body.get("xdm:property") not in ("xdm:code", "xdm:id"):
            raise Refusal(400, "an identity needs xdm:namespace, and xdm:property xdm:code or xdm:id")
        others = [
            item
            for item in state.schemas.descriptors(sandbox)
            if item["@type"] == body["@type"] and item["xdm:sourceSchema"] == schema["$id"] and item["@id"] != key
        ]
        if body.get("xdm:isPrimary") and any(item.get("xdm:isPrimary") for item in others):
            raise Refusal(400, f"{schema['$id']} has a primary identity already")
    doc = {
        **body, "@id": key or secrets.token_hex(24), "version": "1",
        "imsOrg": request.headers.get("x-gw-ims-org-id", ""), **_of_sandbox(sandbox),
    }  # fmt: skip
    if key:
        state.store.change_resource(sandbox, key, doc)
    else:
        state.store.add_resource(sandbox, "descriptors", doc["@id"], doc)
    return doc


@routes(*_addresses("PUT", _OWN + _ONE, "descriptors"), media=[wire.JSON_TYPE])
def _replace_descriptor(state: State, request: Request, body: Any) -> Response:
    """Those of the folder stay."""
    key = _key(request)
    if key not in state.store.resources(state.sandbox(request), "descriptors"):
        raise _not_found(key)
    made = _described(state, json_object(body), request, key)
    return pretty({"@id": made["@id"]}, 201)


@routes(*_addresses("DELETE", _OWN + _ONE, "descriptors"))
def _delete_descriptor(state: State, request: Request) -> Response:
    """Those of the folder stay."""
    key = _key(request)
    if not state.store.drop_resource(state.sandbox(request), key):
        raise _not_found(key)
    return empty(204)


@routes(*_addresses("DELETE", _OWN + _ONE, *_MADE))
def _delete_resource(state: State, request: Request) -> Response:
    """Only where nothing refers to it."""
    found, sandbox = _own(state, request), state.sandbox(request)
    users = [item["$id"] for item in state.schemas.documents(sandbox).values() if found["$id"] in wire.references(item)]
    datasets = state.store.resources(sandbox, "dataSets").items()
    users += [id for id, doc in datasets if (doc.get("schemaRef") or {}).get("id") == found["$id"]]
    if users:
        raise Refusal(400, f"{found['$id']} is used by {users[0]}")
    if not state.store.drop_resource(sandbox, found["$id"]):
        raise Refusal(400, f"{found['$id']} comes from a file; remove it there")
    state.schemas.forget()
    return empty(204)
