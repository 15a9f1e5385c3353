"""The emulator's Schema Registry: schemas made of several files, and resources that are created by requests."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
import requests
from network_kit import (
    CATALOG,
    CRM,
    HEADERS,
    PROFILE_TAGS,
    XED,
    act,
    call,
    ingest,
    new_batch,
    new_dataset,
    profile,
    put,
    quick,
    record,
)  # fmt: skip

import xdmprep as xp
from xdmprep.client.registry import adhoc_columns
from xdmprep.emulator import Emulator
from xdmprep.errors import UsageError

BASE = "/data/foundation/schemaregistry"
ONE = {"Accept": "application/vnd.adobe.xed+json; version=1"}
FULL = {"Accept": "application/vnd.adobe.xed-full+json; version=1"}
PROFILE_CLASS = "https://ns.adobe.com/xdm/context/profile"
IDENTITY = "https://ns.adobe.com/xdm/context/identitymap"
TYPE = {"$id": "https://ns.adobe.com/acme/datatypes/seat", "title": "Seat", "type": "object",
        "properties": {"row": {"type": "integer", "minimum": 5, "meta:xdmType": "int"}}}  # fmt: skip
GROUP = {"$id": "https://ns.adobe.com/acme/mixins/seating", "title": "Seating", "type": "object",
         "meta:intendedToExtend": [PROFILE_CLASS],
         "properties": {"_acme": {"type": "object", "properties": {"seat": {"$ref": TYPE["$id"]}}}}}  # fmt: skip
SCHEMA = {"$id": "https://ns.adobe.com/acme/schemas/guest", "title": "Guest", "type": "object",
          "meta:altId": "_acme.schemas.guest", "meta:tenantNamespace": "_acme",
          "allOf": [{"$ref": PROFILE_CLASS}, {"$ref": IDENTITY}, {"$ref": GROUP["$id"]}]}  # fmt: skip
EVENT = {"$id": "https://ns.adobe.com/acme/schemas/visit", "title": "Visit", "type": "object",
         "allOf": [{"$ref": "https://ns.adobe.com/xdm/context/experienceevent"}]}  # fmt: skip


def folder_of_schemas(folder):
    """Schemas whose parts are files of their own."""
    (folder / "components").mkdir(parents=True)
    for name, content in (("guest", SCHEMA), ("visit", EVENT), ("components/both", [TYPE, GROUP])):
        (folder / f"{name}.json").write_text(json.dumps(content))
    return folder


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Emulator(schemas=folder_of_schemas(tmp_path_factory.mktemp("registry") / "schemas")) as server:
        yield server


@pytest.fixture
def url(server):
    requests.post(server.url + "/_emulator/reset", timeout=20).raise_for_status()
    return server.url


def post(url: str, kind: str, body: object, **headers: str) -> requests.Response:
    return call("POST", url, f"{BASE}/tenant/{kind}", json=body, headers=headers)


def test_records_are_checked_against_what_other_files_say(url):
    dataset = new_dataset(url, SCHEMA["$id"], PROFILE_TAGS)
    rows = [record(1, _acme={"seat": {"row": 7}}), record(2, _acme={"seat": {"row": 4}}), record(3, _acme={"x": 1})]
    found = ingest(url, dataset, rows, partialIngestionPercent=90)
    assert found["metrics"]["outputRecordCount"] == 1
    assert profile(url, "CRMID", "c1")["_acme"] == {"seat": {"row": 7}}
    assert profile(url, "CRMID", "c2") is None


def test_an_event_is_one_by_its_class_alone(url):
    dataset = new_dataset(url, EVENT["$id"], PROFILE_TAGS)
    event = record(1, _id="e1", timestamp="2024-01-01T00:00:00Z")
    assert ingest(url, dataset, [event])["status"] == "active"
    assert profile(url, "CRMID", "c1") is None  # it is kept as an event
    params = {"schema.name": "_xdm.context.experienceevent", "relatedEntityId": "c1", "relatedEntityIdNS": "CRMID"}
    events = call("GET", url, "/data/core/ups/access/entities", params=params).json()
    assert [item["entityId"] for item in events["children"]] == ["e1"]


def test_a_component_that_is_missing_is_said_when_the_dataset_is_made(tmp_path):
    folder = folder_of_schemas(tmp_path / "schemas")
    (folder / "components/both.json").write_text(json.dumps([GROUP]))
    with Emulator(schemas=folder) as server:
        body = {"name": "x", "schemaRef": {"id": SCHEMA["$id"], "contentType": XED}}
        answer = call("POST", server.url, CATALOG + "/dataSets", json=body)
        assert answer.status_code == 400
        assert TYPE["$id"] in answer.json()["detail"]


def test_the_full_form_refers_to_nothing(url):
    for key in (quote(SCHEMA["$id"], safe=""), SCHEMA["meta:altId"]):
        full = call("GET", url, f"{BASE}/tenant/schemas/{key}", headers=FULL).json()
        assert full["$id"] == SCHEMA["$id"] and "allOf" not in full
        assert full["properties"]["_acme"]["properties"]["seat"]["properties"]["row"]["minimum"] == 5
        assert full["meta:class"] == PROFILE_CLASS and GROUP["$id"] in full["meta:extends"]
    plain = call("GET", url, f"{BASE}/tenant/schemas/{key}", headers=ONE).json()
    assert plain["allOf"] == SCHEMA["allOf"]
    bare = {"Accept": "application/vnd.adobe.xed-full-notext+json; version=1"}
    assert "title" not in call("GET", url, f"{BASE}/tenant/schemas/{key}", headers=bare).json()


def test_kinds_and_containers(url):
    headers = {"Accept": "application/vnd.adobe.xed-id+json"}

    def ids(container: str, kind: str) -> list[str]:
        listed = call("GET", url, f"{BASE}/{container}/{kind}", headers=headers).json()["results"]
        return sorted(item["$id"] for item in listed)

    assert ids("tenant", "schemas") == [SCHEMA["$id"], EVENT["$id"]]
    assert ids("tenant", "fieldgroups") == ids("tenant", "mixins") == [GROUP["$id"]]
    assert ids("tenant", "datatypes") == [TYPE["$id"]]
    assert PROFILE_CLASS in ids("global", "classes") and ids("tenant", "classes") == []
    assert "https://ns.adobe.com/xdm/data/adhoc" in ids("global", "behaviors")
    for container, status in (("tenant", 200), ("global", 200)):  # the tenant finds what Adobe provides
        address = f"{BASE}/{container}/classes/{quote(PROFILE_CLASS, safe='')}"
        assert call("GET", url, address, headers=ONE).status_code == status
    address = f"{BASE}/global/schemas/{quote(SCHEMA['$id'], safe='')}"
    assert call("GET", url, address, headers=ONE).status_code == 404
    assert call("GET", url, f"{BASE}/elsewhere/classes", headers=headers).status_code == 404


def test_pages_of_a_list(url):
    headers = {"Accept": "application/vnd.adobe.xed-id+json"}
    first = call("GET", url, f"{BASE}/tenant/schemas?orderby=title&limit=1", headers=headers).json()
    assert [item["title"] for item in first["results"]] == ["Guest"]
    second = requests.get(first["_links"]["next"], headers={**HEADERS, **headers}, timeout=20).json()
    assert [item["title"] for item in second["results"]] == ["Visit"]
    assert second["_page"]["next"] is None and second["_links"]["next"] is None
    back = call("GET", url, f"{BASE}/tenant/schemas?orderby=-title", headers=headers).json()
    assert [item["title"] for item in back["results"]] == ["Visit", "Guest"]
    only = call("GET", url, f"{BASE}/tenant/schemas", headers=headers, params={"property": "title==Visit"}).json()
    assert [item["title"] for item in only["results"]] == ["Visit"]


def test_a_csv_dataset_from_nothing(tmp_path, schemas):
    """The guide's flow for CSV: a class, a schema, a dataset, a batch; and after a restart all of it is still there."""
    with Emulator(data=tmp_path / "lake") as server:
        url, client = server.url, quick(server.url)
        columns, required = adhoc_columns(json.loads((schemas / "store-visits.adhoc.schema.json").read_text()))
        schema = client.create_adhoc_schema("Visits", columns, required)
        dataset = client.create_dataset("visits", schema, format="csv")
        batch = new_batch(url, dataset, inputFormat={"format": "csv"})
        put(url, batch, dataset, "a.csv", b"visit_id,visit_date,people\nV000001,2024-05-01,2\n")
        assert act(url, batch, "COMPLETE").status_code == 200
        assert client.wait(batch, timeout=20).ok
    with Emulator(data=tmp_path / "lake") as server:
        full = call("GET", server.url, f"{BASE}/tenant/schemas/{quote(schema, safe='')}", headers=FULL).json()
        name = full["meta:datasetNamespace"]
        assert list(full["properties"]) == [name] and name.startswith("_")
        assert set(full["properties"][name]["properties"]) == set(columns)
        loaded = xp.Schema.from_dict(full)
        assert loaded.behavior == "adhoc" and set(loaded.columns) == set(columns)
        assert loaded.check({"visit_id": "V000001"})  # visit_date is required


def test_a_schema_of_an_own_field_group(url):
    fields = {"_acme": {"type": "object", "properties": {"level": {"type": "string", "enum": ["a", "b"]}}}}
    body = {"type": "object", "title": "Level", "description": "x", "meta:intendedToExtend": [PROFILE_CLASS],
            "properties": fields}  # fmt: skip
    group = post(url, "fieldgroups", body).json()["$id"]
    refs = [{"$ref": ref} for ref in (PROFILE_CLASS, IDENTITY, group)]
    made = post(url, "schemas", {"type": "object", "title": "Levels", "description": "x", "allOf": refs}).json()
    assert made["meta:class"] == PROFILE_CLASS and made["$id"].startswith("https://ns.adobe.com/acme/schemas/")
    about = {"@type": "xdm:descriptorIdentity", "xdm:sourceSchema": made["$id"], "xdm:sourceVersion": 1,
             "xdm:sourceProperty": "/_acme/level", "xdm:namespace": "Level", "xdm:property": "xdm:code",
             "xdm:isPrimary": True}  # fmt: skip
    assert post(url, "descriptors", about).status_code == 201
    assert post(url, "descriptors", about).status_code == 400  # one primary identity
    dataset = new_dataset(url, made["$id"], PROFILE_TAGS)
    found = ingest(url, dataset, [{"_acme": {"level": "a"}}, {"_acme": {"level": "c"}}], partialIngestionPercent=50)
    assert found["metrics"]["outputRecordCount"] == 1
    assert profile(url, "Level", "a") == {"_acme": {"level": "a"}}
    assert call("DELETE", url, f"{BASE}/tenant/schemas/{made['meta:altId']}").status_code == 400  # a dataset has it
    assert call("DELETE", url, f"{CATALOG}/dataSets/{dataset}").status_code == 200
    assert call("DELETE", url, f"{BASE}/tenant/schemas/{made['meta:altId']}").status_code == 204
    assert call("GET", url, f"{BASE}/tenant/schemas/{made['meta:altId']}", headers=ONE).status_code == 404


def test_a_descriptor_that_is_replaced_by_a_wrong_one_stays(url):
    made = post(url, "schemas", {"type": "object", "title": "Kept", "allOf": [{"$ref": PROFILE_CLASS}]}).json()
    about = {"@type": "xdm:descriptorIdentity", "xdm:sourceSchema": made["$id"], "xdm:sourceVersion": 1,
             "xdm:sourceProperty": "/_id", "xdm:namespace": "A", "xdm:property": "xdm:code",
             "xdm:isPrimary": True}  # fmt: skip
    kept = post(url, "descriptors", about).json()
    place = f"{BASE}/tenant/descriptors/{kept['@id']}"
    for wrong in ([], {}, {**about, "@type": "x"}, {**about, "xdm:sourceProperty": "no path"}):
        assert call("PUT", url, place, json=wrong).status_code == 400
        assert call("GET", url, place).json() == kept
    assert call("PUT", url, place, json={**about, "xdm:namespace": "B"}).status_code == 201  # primary, as it was
    assert call("GET", url, place).json()["xdm:namespace"] == "B"
    missing = f"{BASE}/tenant/descriptors/none"
    assert call("PUT", url, missing, json=about).status_code == 404


def test_sandboxes_have_their_own_resources(url):
    refs = [{"$ref": PROFILE_CLASS}]
    body = {"type": "object", "title": "Mine", "description": "x", "allOf": refs}
    made = post(url, "schemas", body, **{"x-sandbox-name": "dev"}).json()["meta:altId"]
    assert call("GET", url, f"{BASE}/tenant/schemas/{made}", headers=ONE).status_code == 404
    there = {**ONE, "x-sandbox-name": "dev"}
    assert call("GET", url, f"{BASE}/tenant/schemas/{made}", headers=there).status_code == 200


@pytest.mark.parametrize(("kind", "body", "words"), [
    ("schemas", {"title": "x", "description": "x", "allOf": []}, "allOf is required"),
    ("schemas", {"title": "x", "type": "array", "allOf": [{"$ref": PROFILE_CLASS}]}, "type must be 'object'"),
    ("schemas", {"type": "object", "title": "x", "description": "x", "allOf": [{"$ref": GROUP["$id"]}]}, "one class"),
    ("schemas", {"type": "object", "title": "Guest", "description": "x", "allOf": [{"$ref": PROFILE_CLASS}]}, "unique"),
    ("schemas", {"type": "object", "title": "x", "description": "x", "allOf": [{"$ref": "https://x/y"}]}, "https://x/y"),
    ("classes", {"type": "object", "title": "x", "description": "x", "allOf": [{"$ref": PROFILE_CLASS}]}, "behavior"),
    ("fieldgroups", {"type": "object", "title": "x"}, "meta:intendedToExtend"),
    ("fieldgroups", {"type": "object", "title": "x", "meta:intendedToExtend": [PROFILE_CLASS],
                     "properties": {"loose": {"type": "string"}}}, "must be below '_acme'"),
    ("datatypes", {"type": "text", "title": "x"}, "type must be"),
    ("descriptors", {"@type": "x"}, "@type"),
    ("descriptors", {"@type": "xdm:descriptorIdentity", "xdm:sourceSchema": "x", "xdm:sourceVersion": 1,
                     "xdm:sourceProperty": "/a"}, "does not exist"),
    ("descriptors", {"@type": "xdm:descriptorIdentity", "xdm:sourceSchema": SCHEMA["$id"], "xdm:sourceVersion": 1,
                     "xdm:sourceProperty": "a"}, "path"),
])  # fmt: skip
def test_what_cannot_be_created(url, kind, body, words):
    answer = post(url, kind, body)
    assert answer.status_code == 400 and words in answer.json()["detail"], answer.text


def test_a_body_of_another_type_is_refused(url):
    answer = call("POST", url, f"{BASE}/tenant/schemas", data=b"{}", headers={"Content-Type": "text/plain"})
    assert answer.status_code == 415


def test_a_file_of_the_folder_is_not_removed(url):
    answer = call("DELETE", url, f"{BASE}/tenant/schemas/{SCHEMA['meta:altId']}")
    assert answer.status_code == 400 and "file" in answer.json()["detail"]
    used = call("DELETE", url, f"{BASE}/tenant/datatypes/{quote(TYPE['$id'], safe='')}")
    assert used.status_code == 400 and GROUP["$id"] in used.json()["detail"]


def test_columns_of_what_is_no_adhoc_schema(schemas):
    with pytest.raises(UsageError, match="not an ad-hoc schema"):
        adhoc_columns(json.loads((schemas / "crm-profile.schema.json").read_text()))
    assert CRM in (schemas / "crm-profile.schema.json").read_text()
