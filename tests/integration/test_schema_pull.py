"""Reading the Schema Registry, from a server that answers as Adobe's API reference says."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from xdmprep.client import Client
from xdmprep.client.registry import Pulled, list_schemas, pull, read_pins, save
from xdmprep.errors import OutputError, PlatformError, SourceError, UsageError
from xdmprep.schema import Registry, Schema

BASE = "/data/foundation/schemaregistry"
TENANT = "https://ns.adobe.com/acme/"
GROUP = {
    "$id": TENANT + "mixins/g1",
    "meta:altId": "_acme.mixins.g1",
    "type": "object",
    "properties": {"_acme": {"$ref": "https://ns.adobe.com/xdm/datatypes/d1"}},
}
TYPE = {
    "$id": "https://ns.adobe.com/xdm/datatypes/d1",
    "meta:altId": "_xdm.datatypes.d1",
    "type": "object",
    "properties": {"code": {"type": "string"}, "self": {"$ref": "https://ns.adobe.com/xdm/datatypes/d1"}},
}
FULL = {
    "$id": TENANT + "schemas/s1",
    "meta:altId": "_acme.schemas.s1",
    "title": "Stores & Shops",
    "version": "1.3",
    "type": "object",
    "properties": {"_acme": {"type": "object", "properties": {"code": {"type": "string"}}}},
}
COMPACT = {key: value for key, value in FULL.items() if key != "properties"} | {"allOf": [{"$ref": GROUP["$id"]}]}
DESCRIPTOR = {
    "@type": "xdm:descriptorIdentity",
    "@id": "1",
    "xdm:sourceSchema": FULL["$id"],
    "xdm:sourceProperty": "/_acme/code",
    "xdm:namespace": "Store",
    "xdm:property": "xdm:code",
    "xdm:isPrimary": True,
}
MANY = [{"$id": f"{TENANT}schemas/m{n:03d}", "title": "Same title", "version": "1.0"} for n in range(450)]


class Platform(BaseHTTPRequestHandler):
    """The reading half of the registry: pages of at most 200, Accept headers that are wanted, kinds of resources."""

    seen: list[tuple[str, str]]
    schema = FULL
    orders: tuple[str, ...] = ("$id", "title")
    listed = MANY

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        accept = self.headers.get("Accept", "")
        self.seen.append((self.path, accept))
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        container, kind, *rest = url.path.removeprefix(BASE + "/").split("/", 2)
        id = unquote(rest[0]) if rest else None
        if kind == "descriptors":
            groups = {DESCRIPTOR["@type"]: [DESCRIPTOR, {**DESCRIPTOR, "xdm:sourceSchema": "another"}], "_links": {}}
            self.answer(200, groups)
        elif id is None:
            self.answer(200, self.page(query)) if accept == "application/vnd.adobe.xed-id+json" else self.answer(
                406, {}
            )
        elif "version=1" not in accept:
            self.answer(400, {"title": "no version"})
        else:
            compact = accept.startswith("application/vnd.adobe.xed+json")
            known = {
                ("tenant", "schemas"): [COMPACT if compact else self.schema],
                ("tenant", "fieldgroups"): [GROUP],
                ("global", "datatypes"): [TYPE],
            }.get((container, kind), [])
            found = [item for item in known if id in (item["$id"], item["meta:altId"])]
            self.answer(200, found[0]) if found else self.answer(404, {"title": "Resource not found", "status": 404})

    def page(self, query: dict[str, str]) -> dict[str, Any]:
        limit = min(int(query["limit"]), 200)
        after = [item for item in self.listed if item[query["orderby"]] > query.get("start", "")]
        more = len(after) > limit
        shown = after[:limit]
        page = {"orderby": query["orderby"], "next": shown[-1][query["orderby"]] if more else None, "count": len(shown)}
        return {"results": shown, "_page": page}

    def answer(self, status: int, content: Any) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def platform() -> Iterator[type[Platform]]:
    class Here(Platform):
        seen: list[tuple[str, str]] = []  # noqa: RUF012

    server = ThreadingHTTPServer(("127.0.0.1", 0), Here)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    Here.url = f"http://127.0.0.1:{server.server_port}"  # type: ignore[attr-defined]
    yield Here
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def client(platform: Any) -> Iterator[Client]:
    with Client(url=platform.url) as made:
        yield made


def test_all_pages_even_where_titles_are_the_same(client: Client) -> None:
    found = list_schemas(client.session)
    assert [item["$id"] for item in found] == [item["$id"] for item in MANY]


def test_a_registry_that_does_not_sort_by_id(client: Client, platform: type[Platform]) -> None:
    platform.orders = ("title",)
    platform.listed = [{**item, "title": f"Title {item['$id']}"} for item in MANY]
    assert list_schemas(client.session) == platform.listed


def test_a_pulled_schema_is_saved_in_resolved_form(client: Client, platform: type[Platform], tmp_path: Path) -> None:
    pulled = pull(client.session, FULL["$id"])
    assert (pulled.schema, pulled.components, pulled.descriptors) == (FULL, (), (DESCRIPTOR,))
    assert platform.seen[0] == (
        f"{BASE}/tenant/schemas/https%3A%2F%2Fns.adobe.com%2Facme%2Fschemas%2Fs1",
        "application/vnd.adobe.xed-full+json; version=1",
    )
    saved = save(pulled, tmp_path / "new" / "folder")
    assert saved.file == tmp_path / "new" / "folder" / "stores-shops.schema.json"
    schema = Schema.load(saved.file)
    assert schema.primary_identity is not None
    assert schema.primary_identity.namespace == "Store"


def test_compact_form_brings_its_components(client: Client, tmp_path: Path) -> None:
    pulled = pull(client.session, "_acme.schemas.s1", "xed")
    assert pulled.schema == COMPACT
    assert pulled.components == (GROUP, TYPE)
    saved = save(pulled, tmp_path)
    assert {str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*.json")} == {
        "stores-shops.schema.json", "stores-shops.descriptors.json", "pulled.json",
        "components/_acme.mixins.g1.json", "components/_xdm.datatypes.d1.json",
    }  # fmt: skip
    assert Schema.load(saved.file).find("_acme.code").type == "string"
    assert str(FULL["$id"]) in Registry.load(tmp_path)


def test_pins_tell_what_has_changed(client: Client, platform: type[Platform], tmp_path: Path) -> None:
    pulled = pull(client.session, FULL["$id"])
    assert save(pulled, tmp_path, check=True).state == "new"
    assert not (tmp_path / "pulled.json").exists()
    assert [save(pulled, tmp_path).state for _ in range(2)] == ["new", "same"]
    assert read_pins(tmp_path)[FULL["$id"]]["version"] == "1.3"
    platform.schema = {**FULL, "version": "1.4", "title": "Other title"}
    changed = pull(client.session, FULL["$id"])
    assert save(changed, tmp_path, check=True).state == "changed"
    assert Schema.load(tmp_path / "stores-shops.schema.json").version == "1.3"
    saved = save(changed, tmp_path)
    assert (saved.state, saved.file.name) == ("changed", "stores-shops.schema.json")
    assert Schema.load(saved.file).version == "1.4"


def test_descriptors_that_are_gone_are_removed(tmp_path: Path) -> None:
    save(Pulled(FULL, (), (DESCRIPTOR,)), tmp_path)
    assert save(Pulled(FULL), tmp_path).state == "changed"
    assert not (tmp_path / "stores-shops.descriptors.json").exists()


def test_two_schemas_of_one_title(tmp_path: Path) -> None:
    first = save(Pulled(FULL), tmp_path)
    second = save(Pulled({**FULL, "$id": TENANT + "schemas/s2"}), tmp_path)
    assert first.file != second.file
    assert len(Registry.load(tmp_path)) == 2


def test_what_cannot_be_pulled_is_refused(client: Client, tmp_path: Path) -> None:
    with pytest.raises(PlatformError, match=r"no schema '.*schemas/m00'\. Did you mean '.*schemas/m") as refused:
        pull(client.session, TENANT + "schemas/m00")
    assert (refused.value.status, refused.value.exit_code) == (404, 3)
    with pytest.raises(UsageError, match="xed-full and xed"):
        pull(client.session, FULL["$id"], "full")
    (tmp_path / "pulled.json").write_text("[]")
    with pytest.raises(SourceError, match="not readable as pins"):
        save(Pulled(FULL), tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be made"):
        save(Pulled(FULL), tmp_path / "file" / "folder")


def test_a_missing_component_is_named(client: Client, platform: type[Platform], monkeypatch: Any) -> None:
    monkeypatch.setitem(GROUP["properties"], "x", {"$ref": TENANT + "datatypes/none"})  # type: ignore[arg-type]
    with pytest.raises(PlatformError, match=r"no component 'https://ns.adobe.com/acme/datatypes/none', which"):
        pull(client.session, FULL["$id"], "xed")
