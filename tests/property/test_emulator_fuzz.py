"""Whatever is sent to the emulator, it answers in its own words and never with 500."""

from __future__ import annotations

import json
import logging
from urllib.parse import quote

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st
from network_kit import CRM, HEADERS, PROFILE_TAGS, lines, new_batch, new_dataset, put, quick, record

from xdmprep.emulator import Emulator

scalars = st.none() | st.booleans() | st.integers(-5, 10**20) | st.floats(allow_nan=False) | st.text(max_size=8)
names = st.sampled_from([
    "datasetId", "inputFormat", "format", "isMultiLineJson", "externalId", "replay", "predecessors", "tags", "name",
    "schemaRef", "id", "contentType", "partialIngestionPercent", "enableErrorDiagnostics", "op", "path", "value",
    "identities", "entityId", "entityIdNS", "code", "route", "status", "unifiedProfile", "version", "created",
    "allOf", "$ref", "title", "type", "description", "properties", "definitions", "meta:intendedToExtend", "meta:class",
    "@type", "xdm:sourceSchema", "xdm:sourceVersion", "xdm:sourceProperty", "xdm:namespace", "xdm:property", "fields",
    "fileDescription", "reason", "count", "delay", "acp_partialIngestionPercent", "predecessorsByExternalId",
])  # fmt: skip
values = st.recursive(
    scalars
    | st.sampled_from(
        [
            "json",
            "parquet",
            CRM,
            "$x",
            "/tags/unifiedProfile",
            "enabled:true",
            "/name",
            "/created",
            "remove",
            "add",
            "test",
            "object",
            "https://ns.adobe.com/xdm/data/record",
            "xdm:descriptorIdentity",
            1e308,
            "https://ns.adobe.com/xdm/context/profile",
            "xdm:code",
            "/a/b",
            10**400,
            "#/definitions/x",
            "_adhoc",
        ]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=5),
    max_leaves=10,
)
queries = st.dictionaries(
    st.sampled_from(["action", "limit", "start", "orderBy", "property", "properties", "status", "createdAfter", "path",
                     "format", "nrow", "entityId", "entityIdNS", "schema.name", "fields", "delimiter", "header", "ns",
                     "id", "quote", "escape", "charset", "createdBefore", "created", "orderby", "sort", "dataSetId",
                     "batch", "externalId", "dataSet", "relatedEntityId", "relatedEntityIdNS", "mergePolicyId", "name",
                     "schemaRef.id", "isMultiLineJson", "version"]),
    st.sampled_from(["9" * 30, "9" * 5000, "²", "٣", "1e5", "+1", " 1", "0x1", "true", "-0", "\uffff",
                     "asc:created", "desc:tags", ":", "row_errors/../../catalog.sqlite", "/etc/passwd", "a,b,,", "==",
                     "", "0", "5", "-1", "COMPLETE", "ABORT", "REVERT", "INITIALIZE", "json", "csv", "parquet", "asc:x",
                     "row_errors", "..", "../../x", "a==b", "é", "x\0y", "utf-99", ";;",
                     "_xdm.context.experienceevent"])
    | st.text(max_size=5),
    max_size=3,
)  # fmt: skip
pieces = st.sampled_from(
    [
        "known-batch",
        "known-dataset",
        "none",
        "%2e%2e",
        "%00",
        "x" * 40,
        "é",
        "a%2Fb",
        "%ff%fe",
        "%",
        "%zz",
        "..",
        ".",
        "%2e",
        "a//b",
        "%0a",
        "%5c",
        "a;b",
        "%ed%a0%80",
        "a%0d%0aX: y",
    ]
)
paths = st.sampled_from([
    "/data/foundation/import/batches", "/data/foundation/import/batches/{}", "/ims/token/v3",
    "/data/foundation/import/batches/{}/datasets/{}/files/{}", "/data/foundation/import/batches/{}/datasets/{}/preview",
    "/data/foundation/catalog/batches", "/data/foundation/catalog/batches/{}", "/data/foundation/catalog/dataSets",
    "/data/foundation/catalog/dataSets/{}", "/data/foundation/catalog/lastBatches",
    "/data/foundation/export/batches/{}/meta", "/data/foundation/export/batches/{}/failed",
    "/data/foundation/export/batches/{}/files", "/data/foundation/export/files/{}",
    "/data/foundation/export/datasets/{}/preview", "/data/core/ups/access/entities",
    "/data/foundation/schemaregistry/tenant/schemas/{}", "/data/foundation/schemaregistry/tenant/descriptors",
    "/_emulator/profile", "/_emulator/batches/{}", "/", "/_emulator/health", "/ims/token/v2",
    "/data/foundation/catalog/batch/{}", "/data/foundation/schemaregistry/tenant/schemas",
    "/data/foundation/schemaregistry/tenant/classes", "/data/foundation/schemaregistry/tenant/fieldgroups",
    "/data/foundation/schemaregistry/tenant/datatypes", "/data/foundation/schemaregistry/global/behaviors",
    "/data/foundation/schemaregistry/tenant/descriptors/{}", "/data/foundation/schemaregistry/stats", "/{}", "//{}",
])  # fmt: skip
headers = st.dictionaries(
    st.sampled_from(["Content-Type", "Content-Range", "Range", "Accept", "x-sandbox-name", "If-Range", "Origin", "Host",
                     "Expect", "Sec-Fetch-Site", "x-api-key", "Authorization", "Cookie"]),
    st.sampled_from(["bytes " + "9" * 30 + "-" + "9" * 31, "bytes 0-4/2", "bytes 0-4/*", "bytes=0-1,3-4", "bytes=-5",
                     "bytes=" + "9" * 5000 + "-", "bytes=5-2", "bytes", "\xff\xfe", "cross-site", "http://evil.example",
                     "null", "evil.example", "100-continue", "Bearer", "Basic eA==", "application/vnd.adobe.xdm+json",
                     "application/vnd.adobe.xed-id+json",
                     "application/json", "application/octet-stream", "application/json-patch+json", "bytes 0-4",
                     "bytes=0-4", "bytes=9-2", "application/vnd.adobe.xed-full+json; version=1", "prod", "text/plain"]),
    max_size=2,
)  # fmt: skip


@pytest.fixture(scope="module")
def known(schemas_folder):
    with Emulator(schemas=schemas_folder) as server:
        dataset = new_dataset(server.url, tags=PROFILE_TAGS)
        batch = new_batch(server.url, dataset, enableErrorDiagnostics=True)
        put(server.url, batch, dataset, "a.json", lines([record(1), b"{broken"]))
        yield server, {"known-batch": batch, "known-dataset": dataset}


@pytest.fixture(scope="module")
def schemas_folder(request):
    return request.config.rootpath / "schemas"


@settings(max_examples=400)
@given(
    st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"]), paths, st.lists(pieces, min_size=3, max_size=3),
    queries, headers, values | st.binary(max_size=20),
)  # fmt: skip
def test_no_request_meets_an_unknown_error(known, caplog, method, path, parts, query, extra, body):
    server, ids = known
    caplog.set_level(logging.ERROR)
    caplog.clear()
    sent = {"Content-Type": "application/json", **HEADERS, **extra}
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = requests.Request(method, server.url, headers=sent, data=data).prepare()
    address = path.format(*(ids.get(part) or quote(part, safe="%") for part in parts))
    text = "&".join(f"{quote(key)}={quote(value)}" for key, value in query.items())
    request.url = f"{server.url}{address}?{text}"
    with requests.Session() as session:
        answer = session.send(request, timeout=20, allow_redirects=False)
    assert answer.status_code < 500, (method, address, query, body, answer.text)
    assert "Traceback" not in answer.text and str(server.state.store.folder) not in answer.text
    assert not caplog.records, caplog.text


@settings(max_examples=100)
@given(
    values
    | st.dictionaries(
        st.sampled_from(
            ["route", "status", "rate", "count", "delay", "drop", "token", "stall", "retry_after", "slow", "method"]
        ),
        scalars,
        max_size=3,
    )
    | st.lists(st.sampled_from(["status=503", "delay=inf", "rate=nan", "count=1e9", "=", "status=²", "delay=-1"]))
)
def test_rules_of_faults_are_taken_or_refused(known, body):
    server, _ = known
    # Not `json=body`: requests refuses NaN and infinity by itself, a sloppier client does not.
    sent = {"Content-Type": "application/json"}
    answer = requests.post(server.url + "/_emulator/faults", data=json.dumps(body), headers=sent, timeout=20)
    assert answer.status_code in (200, 400), answer.text
    assert requests.delete(server.url + "/_emulator/faults", timeout=20).status_code == 204


def test_it_still_works_afterwards(known):
    server, _ = known
    client = quick(server.url)
    assert client.create_dataset("after", CRM)
