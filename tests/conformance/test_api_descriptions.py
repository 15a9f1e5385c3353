"""Client and emulator against Adobe's published OpenAPI descriptions, checked by openapi-core.

Every request of a full round (datasets, batches, small and large files, actions, lists, diagnostics, files) is held
against the description, and every answer.  Where the descriptions contradict the guide or themselves, the contradiction
is listed here, one by one; anything else fails, and so does an entry that no longer occurs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import yaml
from network_kit import (
    CATALOG,
    CRM,
    EXPORT,
    IMPORT,
    act,
    call,
    folder_of,
    lines,
    new_batch,
    put,
    quick,
    record,
    simple_folder,
)  # fmt: skip

from xdmprep import wire
from xdmprep.client.upload import UploadOptions, upload
from xdmprep.emulator import Emulator

pytestmark = [pytest.mark.shared, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

HOST = "https://platform.adobe.io"
DESCRIPTIONS = {"batch-ingestion": wire.IMPORT, "catalog": wire.CATALOG, "data-access": wire.EXPORT}
NO_BODY = "Missing response data"  # openapi-core wants the body that `content: {}` does not describe, too
UNDESCRIBED = "Valid mimetypes: []"  # no error has a described body
FILE, BATCH = IMPORT + "/*/datasets/*/files/*", IMPORT + "/*"

#: side, method, path, status -> what the checker says about it.  Each is a contradiction of the sources.
KNOWN: dict[str, dict[tuple[str, str, str], str]] = {
    "both": {
        # the enum has JSON, Parquet, CSV; every sample of the guide, and Catalog's enum, are lower case
        ("request", "POST", IMPORT): "'json' is not one of",
        # the enum of statuses lacks loading, loaded, inactive ..., which the guide's answers show
        ("answer", "POST", IMPORT): "is not one of",
        # acp_ tags are shown as bare values, the description has arrays of strings
        ("answer", "GET", CATALOG + "/batches"): "is not of type 'array'",
        ("answer", "GET", CATALOG + "/batches/*"): "is not of type 'array'",
        # the description wants a Content-Type, though the call has no body
        ("request", "POST", FILE): "Missing required header parameter: Content-Type",
        # the body is described as multipart, which the prose forbids
        ("request", "PATCH", FILE): "mimetype not found: application/octet-stream",
        # a list and a download have the same description, which knows the list alone
        ("answer", "GET", EXPORT + "/batches/*/meta"): "mimetype not found: application/octet-stream",
    },
    "guide": {
        # the guide answers 201 where the description has 200 and a body, and 200 with no body
        ("answer", "POST", FILE): "Unknown response http status: 201",
        ("answer", "POST", BATCH): NO_BODY,
    },
    "spec": {
        ("answer", "POST", BATCH): "is not one of",
    },
}


def description(path: Path, base: str) -> Any:
    """A description as openapi-core takes it; not checked itself, because it lists a parameter twice."""
    from openapi_core import Config, OpenAPI

    data = json.loads(json.dumps(yaml.safe_load(path.read_text(encoding="utf-8")), default=str))
    data["servers"] = [{"url": HOST + base}]
    return OpenAPI.from_dict(data, config=Config(spec_validator_cls=None))


@pytest.fixture(scope="module")
def descriptions(request) -> dict[str, Any]:
    folder = request.config.rootpath.parent / "shared" / "specs"
    return {base: description(folder / f"{name}.yaml", base) for name, base in DESCRIPTIONS.items()}


def full_round(url: str, folder: Path) -> None:
    """What client and emulator can say to each other."""
    client = quick(url)
    dataset = client.create_dataset("conformance", CRM, profile=True)
    client.dataset(dataset)
    first = client.wait(client.upload(simple_folder(folder / "a"), dataset), timeout=20)
    bad = folder_of(folder / "b", [lines([record(1), b"{broken"])])
    options = UploadOptions(small=10, chunk=20, percent=60, replay=(first.id,))
    second = client.wait(upload(client.session, bad, dataset, options), timeout=20)
    assert len(list(client.errors(second, bad))) == 1
    client.batches(dataSet=dataset, orderBy="asc:created")
    client.revert(second)
    third = new_batch(url, dataset)
    client.abort(third)
    for what in ("files", "failed", "meta"):
        assert call("GET", url, f"{EXPORT}/batches/{second.id}/{what}").status_code == 200
    (item,) = call("GET", url, f"{EXPORT}/batches/{second.id}/files").json()["data"]
    path = f"{EXPORT}/files/{item['dataSetFileId']}"
    call("GET", url, path)
    call("HEAD", url, path, params={"path": "part-00000.json"})
    call("GET", url, f"{EXPORT}/datasets/{dataset}/preview")
    call("GET", url, CATALOG + "/dataSets")
    call("GET", url, CATALOG + "/lastBatches")
    call("PATCH", url, f"{CATALOG}/dataSets/{dataset}", json={"name": "y"})
    fourth = new_batch(url, dataset)
    put(url, fourth, dataset, "a.json", lines([record(1)]))
    call("GET", url, f"{IMPORT}/{fourth}/datasets/{dataset}/preview", params={"format": "json"})
    # refusals
    put(url, "none", dataset, "a.json", b"{}")
    put(url, fourth, dataset, "a.json", b"{}", **{"Content-Type": "text/plain"})
    act(url, "none", "COMPLETE")
    call("GET", url, CATALOG + "/batches/none")
    call("GET", url, CATALOG + "/batches", params={"limit": 0})
    call("GET", url, f"{EXPORT}/batches/{second.id}/meta", params={"path": "none"})
    call("GET", url, f"{EXPORT}/files/none")


def general(path: str) -> str:
    return re.sub(r"/(01[0-9A-Z]{24}|[0-9a-f]{24}|none|part-\d+\.json|a\.json|\d{13}-[0-9a-f]{12})(?=/|$)", "/*", path)


def faults(
    descriptions: dict[str, Any], request: requests.PreparedRequest, response: requests.Response
) -> Iterator[Any]:
    from openapi_core.contrib.requests import RequestsOpenAPIRequest, RequestsOpenAPIResponse

    address = urlsplit(request.url or "")
    base = next((base for base in descriptions if address.path.startswith(base)), None)
    if base is None:
        return
    body = request.body if isinstance(request.body, bytes | str) else b"x"
    copy = requests.Request(
        request.method, HOST + address.path + ("?" + address.query if address.query else ""),
        headers=dict(request.headers), data=body,
    ).prepare()  # fmt: skip
    asked, answered = RequestsOpenAPIRequest(copy), RequestsOpenAPIResponse(response)
    sides = [("answer", lambda: descriptions[base].validate_response(asked, answered))]
    if response.status_code < 400:  # what is refused may be wrong on purpose
        sides.append(("request", lambda: descriptions[base].validate_request(asked)))
    for side, check in sides:
        try:
            check()
        except Exception as error:
            cause = error if hasattr(error, "schema_errors") else error.__cause__
            texts = [found.message for found in getattr(cause, "schema_errors", ())] or [str(error)]
            for text in texts:
                missing = text == NO_BODY and not _described_body(descriptions[base], asked, response)
                refused = UNDESCRIBED in text and response.status_code >= 400
                if not missing and not refused:
                    yield (side, request.method, general(address.path)), f"{text} (HTTP {response.status_code})"


def _described_body(api: Any, asked: Any, response: requests.Response) -> bool:
    """Whether the description gives this answer a body."""
    document = api.spec.read_value()
    path = urlsplit(asked.host_url + asked.path).path
    for template, item in document["paths"].items():
        pattern = re.escape(template).replace(r"\{", "{").replace(r"\}", "}")
        pattern = re.sub(r"{[^}]*}", "[^/]+", pattern)
        for base in DESCRIPTIONS.values():
            if re.fullmatch(re.escape(base) + pattern, path) and asked.method in item:
                answers = item[asked.method]["responses"]
                return bool((answers.get(str(response.status_code)) or {}).get("content"))
    return True


@pytest.mark.parametrize("answers", ["guide", "spec"])
def test_requests_and_answers_are_those_of_the_descriptions(schemas, tmp_path, recorded, descriptions, answers):
    with Emulator(schemas=schemas, answers=answers) as server:
        full_round(server.url, tmp_path)
    known = {**KNOWN["both"], **KNOWN[answers]}
    met = set()
    unknown = []
    for request, response in recorded:
        for key, text in faults(descriptions, request, response):
            if key in known and known[key] in text:
                met.add(key)
            else:
                unknown.append((key, text))
    assert not unknown, "\n".join(f"{key}: {text}" for key, text in dict.fromkeys(unknown))
    assert met == set(known)  # an entry that no longer occurs is taken out
    assert len(recorded) > 40
