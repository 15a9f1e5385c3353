"""What the tests of the network wing share: prepared folders, raw requests, a client that does not wait long."""

from __future__ import annotations

import hashlib
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import requests

from xdmprep.client import Client
from xdmprep.core.manifest import File, Manifest

HEADERS = {
    "Authorization": "Bearer any",
    "x-api-key": "key",
    "x-gw-ims-org-id": "org@AdobeOrg",
    "x-sandbox-name": "prod",
}
CRM = "https://ns.adobe.com/acme/schemas/crm-profile"
LOYALTY = "https://ns.adobe.com/acme/schemas/loyalty-profile"
XED = "application/vnd.adobe.xed+json;version=1"
IMPORT = "/data/foundation/import/batches"
CATALOG = "/data/foundation/catalog"
EXPORT = "/data/foundation/export"


def record(number: int, **more: Any) -> dict[str, Any]:
    return {"identityMap": {"CRMID": [{"id": f"c{number}", "primary": True}]}, **more}


def lines(records: list[Any]) -> bytes:
    return b"".join((item if isinstance(item, bytes) else json.dumps(item).encode()) + b"\n" for item in records)


def folder_of(folder: Path, parts: list[bytes], rows: list[int] | None = None, **more: Any) -> Path:
    """A folder as `prepare` would leave it, with these bytes as parts."""
    folder.mkdir(parents=True, exist_ok=True)
    counts = rows or [part.count(b"\n") for part in parts]
    suffix = more.get("format", "json")
    files = []
    for number, (part, count) in enumerate(zip(parts, counts, strict=True)):
        name = f"part-{number:05d}.{suffix}"
        (folder / name).write_bytes(part)
        files.append(File(name, count, len(part), hashlib.sha256(part).hexdigest()))
    written = sum(counts)
    rejected = more.pop("rejected", 0)
    settings = {"format": "json", "schema": {"id": CRM}, "source": {"name": "test"}, "software": "test", **more}
    Manifest(files=tuple(files), rows=written + rejected, written=written, rejected=rejected, **settings).save(folder)
    return folder


def simple_folder(folder: Path, files: int = 3, rows: int = 4, first: int = 0, **more: Any) -> Path:
    parts = [
        lines([record(first + number * rows + row, person={"birthYear": 1990}) for row in range(rows)])
        for number in range(files)
    ]
    return folder_of(folder, parts, **more)


def quick(url: str, **settings: Any) -> Client:
    """A client whose pauses are short."""
    return Client(url=url, **{"backoff": 0.001, "timeout": 20, **settings})


def new_dataset(url: str, schema: str = CRM, tags: dict[str, Any] | None = None, **more: Any) -> str:
    body = {"name": "test", "schemaRef": {"id": schema, "contentType": XED}, "tags": tags or {}, **more}
    response = requests.post(url + CATALOG + "/dataSets", json=body, headers=HEADERS, timeout=20)
    assert response.status_code == 201, response.text
    return response.json()[0].rsplit("/", 1)[-1]


PROFILE_TAGS = {"unifiedProfile": ["enabled:true"], "unifiedIdentity": ["enabled:true"]}
UPSERT_TAGS = {"unifiedProfile": ["enabled: true", "isUpsert: true"], "unifiedIdentity": ["enabled: true"]}


def new_batch(url: str, dataset: str, **more: Any) -> str:
    body = {"datasetId": dataset, "inputFormat": {"format": "json"}, **more}
    response = requests.post(url + IMPORT, json=body, headers=HEADERS, timeout=20)
    assert response.status_code == 201, response.text
    return response.json()["id"]


def call(method: str, url: str, path: str, **more: Any) -> requests.Response:
    headers = {**HEADERS, **more.pop("headers", {})}
    return requests.request(method, url + path, headers=headers, timeout=20, **more)


def put(url: str, batch: str, dataset: str, name: str, body: bytes, **headers: str) -> requests.Response:
    return call(
        "PUT", url, f"{IMPORT}/{batch}/datasets/{dataset}/files/{name}", data=body,
        headers={"Content-Type": "application/octet-stream", **headers},
    )  # fmt: skip


def act(url: str, batch: str, action: str) -> requests.Response:
    return call("POST", url, f"{IMPORT}/{batch}", params={"action": action})


def ingest(url: str, dataset: str, records: list[Any], **more: Any) -> dict[str, Any]:
    """One batch of one JSON file, brought to its end by raw requests."""
    batch = new_batch(url, dataset, **more)
    assert put(url, batch, dataset, "a.json", lines(records)).status_code in (200, 201)
    assert act(url, batch, "COMPLETE").status_code == 200
    quick(url).wait(batch, timeout=30)
    return call("GET", url, f"{CATALOG}/batches/{batch}").json()[batch]


def profile(url: str, namespace: str, identity: str) -> dict[str, Any] | None:
    params = {"schema.name": "_xdm.context.profile", "entityId": identity, "entityIdNS": namespace}
    response = call("GET", url, "/data/core/ups/access/entities", params=params)
    if response.status_code == 404:
        return None
    assert response.status_code == 200, response.text
    (found,) = response.json().values()
    return found["entity"]


class Server:
    """The emulator as a process of its own, that can be killed and started again with the same data and address."""

    def __init__(self, data: Path, schemas: Path, seed: int) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.data, self.schemas, self.seed = data, schemas, seed
        self.start()

    def start(self, faults: Sequence[str] = ()) -> None:
        rules = [part for rule in faults for part in ("--fault", rule)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "xdmprep", "emulate", "--port", str(self.port), "--data", str(self.data),
             "--schemas", str(self.schemas), "--seed", str(self.seed), *rules],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        assert self.process.stdout is not None
        line = self.process.stdout.readline().decode()
        assert "listening on " + self.url in line, line
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                requests.get(self.url + "/_emulator/health", timeout=5)
                return
            except requests.ConnectionError:
                time.sleep(0.02)

    def stop(self, how: int = signal.SIGINT) -> str:
        self.process.send_signal(how)
        output, _ = self.process.communicate(timeout=60)
        return output.decode()
