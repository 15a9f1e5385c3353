"""What the client sends, put before Stoplight Prism over the published descriptions: a server that nobody here wrote.

Run with ``--slow`` where ``prism`` is on the path (``npm install @stoplight/prism-cli``).  Prism checks each request of
a round of uploads and says what is wrong; the contradictions of the descriptions are listed below.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from urllib.parse import urlsplit

import pytest
import requests
from network_kit import CRM, folder_of, lines, quick, record, simple_folder

from xdmprep import wire
from xdmprep.client.upload import UploadOptions, upload
from xdmprep.emulator import Emulator

pytestmark = [pytest.mark.slow, pytest.mark.shared]

DESCRIPTIONS = {"batch-ingestion": wire.IMPORT, "catalog": wire.CATALOG, "data-access": wire.EXPORT}

#: method and a piece of the address -> what Prism says; the sources contradict themselves here
KNOWN = {
    ("POST", "/batches"): "must be equal to one of the allowed values: JSON, Parquet, CSV",
    ("POST", "action=INITIALIZE"): "must have required property 'content-type'",
    ("POST", "action=COMPLETE"): "must have required property 'content-type'",
    ("PUT", "/files/"): "No supported content types",  # the description gives PUT no body at all
    ("PATCH", "/files/"): "Supported content types: multipart/form-data",
}


@pytest.fixture
def prism(shared):
    binary = shutil.which("prism")
    if binary is None:
        pytest.skip("needs prism")
    processes, urls = [], {}
    for name, base in DESCRIPTIONS.items():
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        command = [binary, "mock", "--errors", "-p", str(port), str(shared / "specs" / f"{name}.yaml")]
        processes.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        urls[base] = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 60
    for url in urls.values():
        while time.monotonic() < deadline:
            try:
                requests.get(url, timeout=5)
                break
            except requests.ConnectionError:
                time.sleep(0.2)
    yield urls
    for process in processes:
        process.terminate()
        process.wait()


def faults_of_request(answer: requests.Response) -> list[str]:
    """What Prism finds wrong in a request (it also finds that examples of the description do not fit it)."""
    found = json.loads(answer.headers.get("sl-violations") or "[]")
    return [item["message"] for item in found if item["location"][0] == "request"]


def test_every_request_is_one_that_prism_takes(prism, schemas, tmp_path, monkeypatch):
    seen: list[tuple[str, str, dict, bytes]] = []
    real = requests.Session.send

    def send(self, request, **more):
        response = real(self, request, **more)
        body = request.body if isinstance(request.body, bytes) else b"x" if request.body is not None else b""
        seen.append((request.method, request.url, dict(request.headers), body))
        return response

    with monkeypatch.context() as patched, Emulator(schemas=schemas) as server:
        patched.setattr(requests.Session, "send", send)
        client = quick(server.url)
        dataset = client.create_dataset("prism", CRM, profile=True)
        first = client.wait(client.upload(simple_folder(tmp_path / "a"), dataset), timeout=20)
        bad = folder_of(tmp_path / "b", [lines([record(1), b"{broken"])])
        options = UploadOptions(small=10, chunk=40, percent=60, replay=(first.id,))
        second = client.wait(upload(client.session, bad, dataset, options), timeout=20)
        assert len(list(client.errors(second, bad))) == 1
        client.batches(dataSet=dataset)
        client.revert(second)
    met, unknown = set(), []
    for method, url, headers, body in seen:
        parts = urlsplit(url)
        base = next((base for base in prism if parts.path.startswith(base)), None)
        if base is None:
            continue
        headers = {name: value for name, value in headers.items() if name.lower() not in ("content-length", "host")}
        address = prism[base] + parts.path.removeprefix(base) + (f"?{parts.query}" if parts.query else "")
        answer = requests.request(method, address, headers=headers, data=body, timeout=20)
        for words in faults_of_request(answer):
            key = next((key for key in KNOWN if key[0] == method and key[1] in url and KNOWN[key] in words), None)
            if key is None:
                unknown.append((method, address, words))
            else:
                met.add(key)
    assert not unknown
    assert met == set(KNOWN)
    assert len(seen) > 25
