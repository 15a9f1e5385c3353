"""Client and emulator against Adobe's published description of the Schema Registry, checked by jsonschema.

The description is Swagger 2.0: paths, parameters, bodies and answers are looked up in it here.  Every request of a
round (reading the registry, pulling a schema in both forms, making an ad-hoc schema, a class, a field group, a schema,
a descriptor, removing them, refusals) must be described, and every answer must be as described.  Contradictions within
the description are listed one by one; an entry that no longer occurs fails too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
import requests
import yaml
from jsonschema import Draft4Validator
from network_kit import CRM, LOYALTY, call, quick

from xdmprep import wire
from xdmprep.client.registry import pull
from xdmprep.emulator import Emulator

pytestmark = pytest.mark.shared

SCHEMA = {"$id": "https://ns.adobe.com/acme/schemas/made-of-parts", "title": "Made of parts", "type": "object",
          "meta:class": "https://ns.adobe.com/xdm/context/profile",
          "allOf": [{"$ref": "https://ns.adobe.com/xdm/context/profile"},
                    {"$ref": "https://ns.adobe.com/acme/mixins/part"}]}  # fmt: skip
PART = {"$id": "https://ns.adobe.com/acme/mixins/part", "title": "Part", "type": "object",
        "meta:intendedToExtend": ["https://ns.adobe.com/xdm/context/profile"],
        "properties": {"_acme": {"type": "object", "properties": {"n": {"type": "integer"}}}}}  # fmt: skip

NUMBER, NULL = "1 is not of type 'string'", "None is not of type 'string'"
ONE_DESCRIPTOR = "/{CONTAINER_ID}/descriptors/{DESCRIPTOR_ID}"

#: (side, method, path, what is said about it).  Each is a contradiction of the sources.
KNOWN = {
    # the version is a text; in the description's own example, and on every page, it is a number
    ("request", "POST", "/tenant/descriptors", NUMBER),
    ("answer", "POST", "/tenant/descriptors", NUMBER),
    ("answer", "GET", "/{CONTAINER_ID}/descriptors", NUMBER),
    ("answer", "GET", ONE_DESCRIPTOR, NUMBER),
    # `next` is a text that is null on the last page, as its own words say
    *(("answer", "GET", f"/{{CONTAINER_ID}}/{kind}", NULL)
      for kind in ("schemas", "classes", "fieldgroups", "mixins", "datatypes")),
    ("answer", "GET", "/global/behaviors", NULL),
    # with xdm-id and xdm-link the list holds texts; only the list of whole descriptors is described
    ("answer", "GET", "/{CONTAINER_ID}/descriptors", "is not of type 'object'"),
    # asking for one descriptor has the errors of a header that it does not need, and no 404
    ("answer", "GET", ONE_DESCRIPTOR, "status 404 is not described"),
}  # fmt: skip


@pytest.fixture(scope="module")
def description(request) -> dict[str, Any]:
    path = request.config.rootpath.parent / "shared" / "specs" / "schema-registry.yaml"
    found: dict[str, Any] = json.loads(json.dumps(yaml.safe_load(path.read_text(encoding="utf-8")), default=str))
    return found


def template(description: dict[str, Any], method: str, path: str) -> str | None:
    """The described path that a request's path is an instance of; one without parameters before one with."""
    short = path.removeprefix(wire.REGISTRY)
    for known in sorted(description["paths"], key=lambda text: text.count("{")):
        pattern = re.sub(r"\\\{[^}]*\\\}|\{[^}]*\}", "[^/]+", re.escape(known).replace(r"\{", "{").replace(r"\}", "}"))
        if re.fullmatch(pattern, short) and method.lower() in description["paths"][known]:
            return str(known)
    return None


def faults(
    description: dict[str, Any], request: requests.PreparedRequest, response: requests.Response
) -> Iterator[tuple[tuple[str, str, str], str]]:
    method, path = str(request.method), urlsplit(str(request.url)).path
    known = template(description, method, path)
    if known is None:
        yield ("request", method, path), "is not described"
        return
    operation = description["paths"][known][method.lower()]
    parameters = [
        description["parameters"][item["$ref"].rsplit("/", 1)[1]] if "$ref" in item else item
        for item in operation.get("parameters", [])
    ]

    def wrong(value: Any, schema: dict[str, Any]) -> list[str]:
        rooted = {**schema, "definitions": description["definitions"]}
        return [error.message for error in Draft4Validator(rooted).iter_errors(value)]

    if response.status_code < 400:  # what is refused may be wrong on purpose
        for item in parameters:
            if item["in"] == "header" and item.get("required") and item["name"].lower() not in request.headers:
                yield ("request", method, known), f"lacks the header {item['name']}"
            if item["in"] == "body":
                for text in wrong(json.loads(request.body or "null"), item["schema"]):
                    yield ("request", method, known), text
    answer = operation["responses"].get(str(response.status_code))
    if answer is None:
        yield ("answer", method, known), f"status {response.status_code} is not described"
    elif "schema" in answer:
        for text in wrong(response.json(), answer["schema"]):
            yield ("answer", method, known), text
    elif response.status_code == 204 and response.content:
        yield ("answer", method, known), "a body that is not described"


def full_round(url: str, folder: Path) -> None:
    client = quick(url)
    base = wire.REGISTRY
    id_list = {"Accept": "application/vnd.adobe.xed-id+json"}
    one = {"Accept": "application/vnd.adobe.xed+json; version=1"}
    for form in ("xed", "xed-full"):
        pulled = pull(client.session, SCHEMA["$id"], form)
        assert pulled.id == SCHEMA["$id"]
        assert len(pulled.components) == (3 if form == "xed" else 0)  # the part, the class, its behavior
    assert pull(client.session, LOYALTY).descriptors
    adhoc = client.create_adhoc_schema("Door counts", {"visit": {"type": "string"}})
    assert call("GET", url, f"{base}/tenant/schemas/{quote(adhoc, safe='')}", headers=one).status_code == 200
    call("GET", url, f"{base}/stats")
    for kind in ("schemas", "classes", "fieldgroups", "mixins", "datatypes"):
        for container in ("tenant", "global"):
            for accept in ("xed-id", "xed"):
                headers = {"Accept": f"application/vnd.adobe.{accept}+json"}
                params = {"orderby": "title", "limit": "1"}
                found = call("GET", url, f"{base}/{container}/{kind}", headers=headers, params=params)
                assert found.status_code == 200
    call("GET", url, f"{base}/global/behaviors", headers=id_list)
    text = {"x": {"type": "string"}}
    body = {"type": "object", "title": "Own", "description": "Own fields.",
            "meta:intendedToExtend": ["https://ns.adobe.com/xdm/context/profile"],
            "definitions": {"own": {"properties": {"_acme": {"type": "object", "properties": text}}}},
            "allOf": [{"$ref": "#/definitions/own"}]}  # fmt: skip
    group = call("POST", url, f"{base}/tenant/fieldgroups", json=body).json()
    kinds = {"type": "object", "title": "Kind", "properties": {"y": {"type": "string"}}}
    call("POST", url, f"{base}/tenant/datatypes", json=kinds, headers=one)
    body = {"type": "object", "title": "New", "description": "A new schema.",
            "allOf": [{"$ref": "https://ns.adobe.com/xdm/context/profile"}, {"$ref": group["$id"]}]}  # fmt: skip
    schema = call("POST", url, f"{base}/tenant/schemas", json=body).json()
    body = {"@type": "xdm:descriptorIdentity", "xdm:sourceSchema": schema["$id"], "xdm:sourceVersion": 1,
            "xdm:sourceProperty": "/_acme/x", "xdm:namespace": "CRMID", "xdm:property": "xdm:code",
            "xdm:isPrimary": True}  # fmt: skip
    descriptor = call("POST", url, f"{base}/tenant/descriptors", json=body).json()
    for accept in ("xdm", "xdm-id", "xdm-link"):
        call("GET", url, f"{base}/tenant/descriptors", headers={"Accept": f"application/vnd.adobe.{accept}+json"})
    call("GET", url, f"{base}/tenant/descriptors/{descriptor['@id']}")
    assert call("DELETE", url, f"{base}/tenant/descriptors/{descriptor['@id']}").status_code == 204
    assert call("DELETE", url, f"{base}/tenant/schemas/{schema['meta:altId']}").status_code == 204
    # refusals
    call("GET", url, f"{base}/tenant/descriptors/{descriptor['@id']}")
    call("GET", url, f"{base}/tenant/schemas/{schema['meta:altId']}", headers=one)
    call("GET", url, f"{base}/tenant/schemas/none", headers={"Accept": "application/vnd.adobe.xed+json"})
    call("GET", url, f"{base}/tenant/schemas/{quote(CRM, safe='')}", headers={"Accept": "text/html"})
    call("GET", url, f"{base}/tenant/schemas", headers=one)
    call("DELETE", url, f"{base}/tenant/schemas/none")
    assert call("POST", url, f"{base}/tenant/schemas", json={"title": "x"}).status_code == 400


def test_requests_and_answers_are_those_of_the_description(schemas, tmp_path, recorded, description):
    folder = tmp_path / "schemas"
    folder.mkdir()
    for path in schemas.glob("*.json"):
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "made.schema.json").write_text(json.dumps(SCHEMA))
    (folder / "part.json").write_text(json.dumps(PART))
    with Emulator(schemas=folder) as server:
        full_round(server.url, tmp_path)
    met, unknown = set(), []
    for request, response in recorded:
        for key, text in faults(description, request, response):
            entry = next((entry for entry in KNOWN if entry[:3] == key and entry[3] in text), None)
            met.add(entry) if entry else unknown.append((key, text, response.status_code))
    assert not unknown, "\n".join(map(str, dict.fromkeys(unknown)))
    assert met == KNOWN
    assert len(recorded) > 40
