"""The developer guide's flows with plain requests, nothing of the client in between.

One test takes each `curl` command of the guide as it stands, fills in the names in braces, and sends it; the answer
must be the one that the guide prints.  The others walk the same flows, and what follows from them, with data of their
own.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import requests
from network_kit import (
    CATALOG,
    CRM,
    EXPORT,
    HEADERS,
    IMPORT,
    PROFILE_TAGS,
    call,
    lines,
    new_dataset,
    profile,
    quick,
    record,
)

from xdmprep.emulator import Emulator

HOST = "https://platform.adobe.io"
NAMED = {"{ACCESS_TOKEN}": "any", "{ORG_ID}": "org@AdobeOrg", "{API_KEY}": "key", "{SANDBOX_NAME}": "prod",
         "{DATASET_NAME}": "from the guide", "{FILE_NAME}": "data"}  # fmt: skip


@pytest.fixture
def url(schemas):
    with Emulator(schemas=schemas) as server:
        yield server.url


@pytest.fixture
def files(tmp_path) -> Path:
    """Files of the guide's three formats."""
    (tmp_path / "data.json").write_bytes(lines([record(1), record(2)]))
    (tmp_path / "data.csv").write_text("visit_id,visit_date\nV000001,2024-05-01\n")
    entry = pa.struct([("id", pa.string()), ("primary", pa.bool_())])
    identity = pa.array([[("CRMID", [{"id": "p1", "primary": True}])]], pa.map_(pa.string(), pa.list_(entry)))
    pq.write_table(pa.table({"identityMap": identity}), tmp_path / "data.parquet")
    return tmp_path


# ---- the guide's own commands --------------------------------------------------------------------------------------


@dataclass
class Command:
    """One `curl` of the guide: the chapter it stands in, the request, and the answer printed below it."""

    chapter: str
    text: str
    status: int = 0
    body: str = ""
    method: str = field(init=False, default="GET")
    url: str = field(init=False, default="")
    headers: dict[str, str] = field(init=False, default_factory=dict)
    data: str = field(init=False, default="")

    def fill(self, names: dict[str, str]) -> None:
        """Read the command line with the names in braces filled in."""
        text = self.text.replace("\\\n", " ")
        for name, value in names.items():
            text = text.replace(name, value)
        words = iter(shlex.split(text)[1:])
        for word in words:
            if word == "-X":
                self.method = next(words)
            elif word == "-H":
                name, _, value = next(words).partition(":")
                self.headers[name.strip()] = value.strip()
            elif word in ("-d", "--data-binary"):
                self.data = next(words)
            else:
                self.url = word


def commands(guide: Path) -> Iterator[Command]:
    chapter, found = "", None
    for line, block in re.findall(r"^## ([^\n]*)$|```(?:shell|http|json)\s*\n(.*?)```", guide.read_text(), re.M | re.S):
        if line:
            chapter = re.sub(r"\s*\{#.*", "", line).strip()
        elif block.startswith("curl"):
            if found:
                yield found
            found = Command(chapter, block)
        elif found and (status := re.match(r"(\d{3}) \w+\s*$", block)):
            found.status = int(status[1])
        elif found and block.startswith("{"):
            found.body = block
    if found:
        yield found


@pytest.mark.shared
def test_every_command_of_the_guide(url, files, request):
    guide = request.config.rootpath.parent / "shared" / "guide" / "batch-ingestion-developer-guide.md"
    listed = list(commands(guide))
    assert len(listed) > 15
    client = quick(url)
    columns = {"visit_id": {"type": "string"}, "visit_date": {"type": "string"}}
    adhoc = client.create_adhoc_schema("From the guide", columns)
    dataset, batch, done = new_dataset(url), "", []
    for command in listed:
        tenant, schema = adhoc.removeprefix("https://ns.adobe.com/").split("/schemas/")
        if command.chapter == "Replay a batch":
            dataset = done[0][1]
        if command.chapter == "Cancel a batch":
            body = {"datasetId": dataset, "inputFormat": {"format": "json"}}
            batch = call("POST", url, IMPORT, json=body).json()["id"]
        if command.chapter == "Delete a batch":
            batch = done[-1][0]
        size = (files / "data.parquet").stat().st_size
        command.fill({
            **NAMED, "{DATASET_ID}": dataset, "{BATCH_ID}": batch, "{TENANT_ID}": tenant, "{SCHEMA_ID}": schema,
            "{CONTENT_RANGE}": f"0-{size - 1}", "{FILE_PATH_AND_NAME}": str(files / "data"),
            **{f"${{batchId{letter}}}": f"${{{key}}}" for letter, (key, _) in zip("AB", done, strict=False)},
        })  # fmt: skip
        assert command.url.startswith(HOST) and "{" not in command.url, command
        given = command.data
        body = Path(given[1:]).read_bytes() if given.startswith("@") else given.encode()
        answer = requests.request(command.method, command.url.replace(HOST, url), headers=command.headers,
                                  data=body or None, timeout=20)  # fmt: skip
        where = f"{command.chapter}: {command.method} {command.url}: {answer.status_code} {answer.text}"
        assert answer.ok, where
        if command.status:
            assert answer.status_code == command.status, where
        if command.url.endswith("/dataSets"):
            (name,) = answer.json()
            dataset = name.rsplit("/", 1)[-1]
        elif command.url.endswith("/batches"):
            batch = answer.json()["id"]
            printed = json.loads(command.body)
            assert set(printed) <= set(answer.json()), where
            assert answer.json()["status"] == printed["status"]
            assert answer.json()["relatedObjects"] == [{"type": "dataSet", "id": dataset}]
            if "replay" in printed:
                assert answer.json()["replay"] == {"predecessors": [done[0][0], done[1][0]], "reason": "replace"}
        elif "action=complete" in command.url.lower() and "/files/" not in command.url:
            assert client.wait(batch, timeout=30).ok, where
            done.append((batch, dataset))
        elif "action=ABORT" in command.url:
            assert client.status(batch).status == "aborted"
        elif "action=REVERT" in command.url:
            assert client.status(batch).status == "inactive"
    assert {client.status(key).status for key, _ in done[:2]} == {"inactive"}  # replaced by the last one
    assert client.status(done[-1][0]).ok


# ---- the same flows, and what follows from them --------------------------------------------------------------------


def send(method: str, url: str, path: str, **more: Any) -> requests.Response:
    answer = call(method, url, path, **more)
    assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
    return answer


def wait(url: str, batch: str) -> dict[str, Any]:
    """Ask Catalog until the batch has ended."""
    quick(url).wait(batch, timeout=30)
    found: dict[str, Any] = send("GET", url, f"{CATALOG}/batches/{batch}").json()[batch]
    return found


BYTES = {"Content-Type": "application/octet-stream"}


def test_json_with_bad_rows_and_where_they_are_told(url):
    dataset = new_dataset(url, tags=PROFILE_TAGS)
    body = {"datasetId": dataset, "inputFormat": {"format": "json"}, "enableErrorDiagnostics": True,
            "partialIngestionPercent": 60}  # fmt: skip
    batch = send("POST", url, IMPORT, json=body).json()["id"]
    good, wrong = record(1), record(2, person={"birthYear": "x"})
    path = f"{IMPORT}/{batch}/datasets/{dataset}/files/sub/data.json"
    assert send("PUT", url, path, data=lines([good, wrong, b"{broken"]), headers=BYTES).content == b""
    assert send("POST", url, f"{IMPORT}/{batch}", params={"action": "COMPLETE"}).content == b""
    found = wait(url, batch)
    assert found["status"] == "failed"  # two of three are more than 60 percent
    body["partialIngestionPercent"] = 70
    batch = send("POST", url, IMPORT, json=body).json()["id"]
    path = f"{IMPORT}/{batch}/datasets/{dataset}/files/sub/data.json"
    send("PUT", url, path, data=lines([good, wrong, b"{broken"]), headers=BYTES)
    send("POST", url, f"{IMPORT}/{batch}", params={"action": "complete"})
    found = wait(url, batch)
    assert found["metrics"]["failedRecordCount"] == 2 and found["metrics"]["outputRecordCount"] == 1
    assert {error["code"] for error in found["errors"]} >= {"INGEST-1212-400", "INGEST-1401-400"}
    rows = send("GET", url, f"{EXPORT}/batches/{batch}/meta", params={"path": "row_errors"}).json()["data"]
    texts = [requests.get(row["_links"]["self"]["href"], headers=HEADERS, timeout=20).text for row in rows]
    told = [json.loads(line) for text in texts for line in text.splitlines()]
    assert any(item.get("_corrupt_record") == "{broken" for item in told)
    assert any(item.get("person") == wrong["person"] and item["_errors"] for item in told)
    failed = send("GET", url, f"{EXPORT}/batches/{batch}/failed").json()["data"]
    assert "_SUCCESS" in [item["name"] for item in failed]
    sent = send("GET", url, f"{EXPORT}/batches/{batch}/meta", params={"path": "input_files"}).json()["data"]
    (line,) = requests.get(sent[0]["_links"]["self"]["href"], headers=HEADERS, timeout=20).text.splitlines()
    assert json.loads(line) == {"path": "sub/data.json"}
    assert profile(url, "CRMID", "c1") is not None and profile(url, "CRMID", "c2") is None


def test_a_large_file_in_parts_out_of_order(url, files):
    content = (files / "data.parquet").read_bytes()
    dataset = new_dataset(url, tags=PROFILE_TAGS)
    body = {"datasetId": dataset, "inputFormat": {"format": "parquet"}}
    batch = send("POST", url, IMPORT, json=body).json()["id"]
    path = f"{IMPORT}/{batch}/datasets/{dataset}/files/a%20b.parquet"
    assert send("POST", url, path, params={"action": "initialize"}).status_code == 201
    half = len(content) // 2

    def part(first: int, last: int) -> None:
        headers = {**BYTES, "Content-Range": f"bytes {first}-{last}/{len(content)}"}
        send("PATCH", url, path, data=content[first : last + 1], headers=headers)

    part(half, len(content) - 1)
    assert call("HEAD", url, path).headers["Range"] == f"bytes={half}-{len(content) - 1}"
    refused = call("POST", url, path, params={"action": "COMPLETE"})
    assert refused.status_code == 400 and "gap" in refused.json()["detail"]
    assert call("POST", url, f"{IMPORT}/{batch}", params={"action": "COMPLETE"}).status_code == 400  # not whole yet
    part(0, half - 1)
    assert call("HEAD", url, path).headers["Range"] == f"bytes=0-{len(content) - 1}"
    assert send("POST", url, path, params={"action": "COMPLETE"}).status_code == 201
    send("POST", url, f"{IMPORT}/{batch}", params={"action": "COMPLETE"})
    assert wait(url, batch)["metrics"]["outputRecordCount"] == 1
    assert profile(url, "CRMID", "p1") is not None


def test_replay_and_revert(url):
    dataset = new_dataset(url, tags=PROFILE_TAGS)

    def ingest(note: str, **more: Any) -> str:
        body = {"datasetId": dataset, "inputFormat": {"format": "JSON"}, **more}
        batch: str = send("POST", url, IMPORT, json=body).json()["id"]
        path = f"{IMPORT}/{batch}/dataSets/{dataset}/files/data.json"  # one page writes the segment so
        send("PUT", url, path, data=lines([record(1, personID=note)]), headers=BYTES)
        send("POST", url, f"{IMPORT}/{batch}", params={"action": "COMPLETE"})
        assert wait(url, batch)["status"] == "active"
        return batch

    first, second = ingest("first"), ingest("second")
    third = ingest("third", replay={"predecessors": ["$" + first, second], "reason": "replace"})
    assert [wait(url, batch)["status"] for batch in (first, second, third)] == ["inactive", "inactive", "active"]
    assert profile(url, "CRMID", "c1")["personID"] == "third"
    send("POST", url, f"{IMPORT}/{third}", params={"action": "REVERT"})
    assert wait(url, third)["status"] == "inactive"
    assert profile(url, "CRMID", "c1") is None
    found = send("GET", url, CATALOG + "/batches", params={"dataSet": dataset, "status": "inactive"}).json()
    assert set(found) == {first, second, third}


def test_a_dataset_is_made_fit_for_patches(url):
    """Enabled for Profile first: the tag cannot simply be added, it is taken away and given again."""
    body = {"name": "x", "schemaRef": {"id": CRM, "contentType": "application/vnd.adobe.xed+json;version=1"},
            "tags": PROFILE_TAGS}  # fmt: skip
    answer = send("POST", url, CATALOG + "/dataSets", json=body, params={"requestDataSource": "true"})
    assert answer.status_code == 201
    (name,) = answer.json()
    path = f"{CATALOG}/{name.removeprefix('@/')}"
    patch = {"Content-Type": "application/json-patch+json"}

    def change(operation: str, profile_flags: list[str], identity_flags: list[str]) -> requests.Response:
        steps = [{"op": operation, "path": "/tags/unifiedProfile", "value": profile_flags},
                 {"op": operation, "path": "/tags/unifiedIdentity", "value": identity_flags}]  # fmt: skip
        return call("PATCH", url, path, data=json.dumps(steps), headers=patch)

    assert change("add", ["enabled:true", "isUpsert:true"], ["enabled:true"]).status_code == 400
    assert change("replace", ["enabled:false"], ["enabled:false"]).ok
    assert change("add", ["enabled:true", "isUpsert:true"], ["enabled:true"]).json() == [name]
    (doc,) = send("GET", url, path).json().values()
    assert doc["tags"]["unifiedProfile"] == ["enabled:true", "isUpsert:true"]
