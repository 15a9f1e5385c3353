"""The emulator answers as the sources say: status codes, bodies, states."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time

import pytest
import requests
from network_kit import (
    CATALOG,
    CRM,
    EXPORT,
    HEADERS,
    IMPORT,
    act,
    call,
    ingest,
    lines,
    new_batch,
    new_dataset,
    put,
    quick,
    record,
)  # fmt: skip

from xdmprep.emulator import Emulator
from xdmprep.errors import OutputError, SchemaError, UsageError


@pytest.fixture
def dataset(url):
    return new_dataset(url)


# ---- gateway -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("missing", "status", "code"),
    [("Authorization", 403, "403010"), ("x-api-key", 403, "403000"), ("x-gw-ims-org-id", 400, "400003")],
)
def test_a_request_without_a_header_is_refused(url, missing, status, code):
    headers = {key: value for key, value in HEADERS.items() if key != missing}
    response = requests.get(url + CATALOG + "/batches", headers=headers, timeout=20)
    assert response.status_code == status
    assert response.json()["error_code"] == code


def test_a_token_that_is_not_a_bearer_token(url):
    response = call("GET", url, CATALOG + "/batches", headers={"Authorization": "Basic abc"})
    assert (response.status_code, response.json()["error_code"]) == (401, "401013")


def test_only_the_given_token_and_issued_ones_are_taken():
    with Emulator(token="right") as server:
        path = CATALOG + "/batches"
        assert call("GET", server.url, path, headers={"Authorization": "Bearer wrong"}).status_code == 401
        assert call("GET", server.url, path, headers={"Authorization": "Bearer right"}).status_code == 200
        form = {"client_id": "i", "client_secret": "s", "grant_type": "client_credentials", "scope": "openid"}
        answer = requests.post(server.url + "/ims/token/v3", data=form, timeout=20).json()
        assert answer["token_type"] == "bearer" and answer["expires_in"] == 86399
        headers = {"Authorization": "Bearer " + answer["access_token"]}
        assert call("GET", server.url, path, headers=headers).status_code == 200
        assert requests.post(server.url + "/_emulator/expire-tokens", timeout=20).status_code == 204
        response = call("GET", server.url, path, headers=headers)
        assert (response.status_code, response.json()["error_code"]) == (401, "401013")


def test_token_route_refuses_other_grants(url):
    response = requests.post(url + "/ims/token/v3", data={"grant_type": "password"}, timeout=20)
    assert (response.status_code, response.json()["error"]) == (400, "unsupported_grant_type")


def test_a_long_address_is_414(url):
    assert call("GET", url, CATALOG + "/batches?x=" + "a" * 2000).status_code == 414


def test_a_large_body_that_is_no_file_is_413(url):
    response = call("POST", url, IMPORT, data=b"x" * 10_000_001, headers={"Content-Type": "application/json"})
    assert response.status_code == 413


def test_other_hosts_names_are_refused(url):
    response = requests.get(url + "/", headers={"Host": "evil.example"}, timeout=20)
    assert response.status_code == 403


def test_unknown_routes_and_methods_are_problems(url):
    assert call("GET", url, "/data/nothing").json()["title"] == "NotFoundError"
    assert call("DELETE", url, IMPORT).status_code == 405


# ---- create a batch ------------------------------------------------------------------------------------------------


def test_created_batch_has_the_shape_of_the_guide(url, dataset):
    response = call("POST", url, IMPORT, json={"datasetId": dataset, "inputFormat": {"format": "JSON"}})
    assert response.status_code == 201
    body = response.json()
    assert body["status"] == "loading"
    assert body["relatedObjects"] == [{"type": "dataSet", "id": dataset}]
    assert body["imsOrg"] == "org@AdobeOrg"
    assert body["externalId"] == body["id"] and len(body["id"]) == 26
    assert body["version"] == "1.0.0"


def test_a_batch_without_input_format_is_parquet(url, dataset):
    response = call("POST", url, IMPORT, json={"datasetId": dataset})
    assert response.json()["inputFormat"] == {"format": "parquet"}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400), ([], 400), ({"datasetId": 5}, 400), ({"datasetId": "none"}, 404),
        ({"inputFormat": {"format": "avro"}}, 400), ({"inputFormat": "json"}, 400),
        ({"inputFormat": {"format": "json", "isMultiLineJson": "yes"}}, 400),
        ({"partialIngestionPercent": 101}, 400), ({"enableErrorDiagnostics": "true"}, 400),
        ({"replay": {"predecessors": ["none"]}}, 400), ({"externalId": ""}, 400), ({"tags": []}, 201),
    ],
)  # fmt: skip
def test_create_batch_refusals(url, dataset, body, status):
    if isinstance(body, dict) and body:
        body = {"datasetId": dataset, **body}
    assert call("POST", url, IMPORT, json=body).status_code == status


def test_create_batch_needs_json(url, dataset):
    text = json.dumps({"datasetId": dataset})
    assert call("POST", url, IMPORT, data=text, headers={"Content-Type": "text/plain"}).status_code == 415
    assert call("POST", url, IMPORT, data="{", headers={"Content-Type": "application/json"}).status_code == 400


def test_an_external_id_is_taken_once(url, dataset):
    key = new_batch(url, dataset, externalId="mine-1")
    response = call("POST", url, IMPORT, json={"datasetId": dataset, "externalId": "mine-1"})
    assert response.status_code == 409
    found = call("GET", url, CATALOG + "/batches", params={"externalId": "mine-1"}).json()
    assert list(found) == [key]


def test_a_dataset_of_another_sandbox_is_not_seen(url, dataset):
    response = call("POST", url, IMPORT, json={"datasetId": dataset}, headers={"x-sandbox-name": "dev"})
    assert response.status_code == 404


# ---- small files ---------------------------------------------------------------------------------------------------


def test_put_is_200_and_a_second_one_replaces(url, dataset):
    batch = new_batch(url, dataset)
    for body in (lines([record(1)]), lines([record(2), record(3)])):
        response = put(url, batch, dataset, "x.json", body)
        assert (response.status_code, response.content) == (200, b"")
    act(url, batch, "COMPLETE")
    assert quick(url).wait(batch, timeout=20).input_records == 2


def test_put_needs_octet_stream(url, dataset):
    batch = new_batch(url, dataset)
    for kind in ("application/json", "multipart/form-data; boundary=x", ""):
        assert put(url, batch, dataset, "x.json", b"x", **{"Content-Type": kind}).status_code == 415


def test_put_elsewhere_is_404(url, dataset):
    batch = new_batch(url, dataset)
    assert put(url, "none", dataset, "x.json", b"x").status_code == 404
    assert put(url, batch, new_dataset(url), "x.json", b"x").status_code == 404


def test_the_segment_datasets_is_taken_in_any_letter_case(url, dataset):
    batch = new_batch(url, dataset)
    path = f"{IMPORT}/{batch}/dataSets/{dataset}/files/x.json"
    response = call("PUT", url, path, data=b"{}", headers={"Content-Type": "application/octet-stream"})
    assert response.status_code == 200


@pytest.mark.parametrize(
    "name", ["%2e%2e/x", "..%2f..%2fx", "a/%2e%2e/b", "%2Fetc%2Fpasswd", "a%00b", "a%5Cb", "x" * 1100, "a//b", "%0a"]
)
def test_no_name_leaves_the_folder(tmp_path, name):
    with Emulator(data=tmp_path / "lake") as server:
        dataset = new_dataset(server.url)
        batch = new_batch(server.url, dataset)
        session = requests.Session()
        request = requests.Request(
            "PUT", server.url, headers={**HEADERS, "Content-Type": "application/octet-stream"}, data=b"x"
        ).prepare()
        request.url = f"{server.url}{IMPORT}/{batch}/datasets/{dataset}/files/{name}"
        assert session.send(request, timeout=20).status_code in (400, 404)
    files = {path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*")}
    assert files == {"lake"}
    assert list((tmp_path / "lake" / "bytes").iterdir()) == []


def test_put_above_the_limit_is_413_and_leaves_nothing(tmp_path):
    with Emulator(data=tmp_path, small_file_bytes=1000) as server:
        dataset = new_dataset(server.url)
        batch = new_batch(server.url, dataset)
        assert put(server.url, batch, dataset, "x.json", b"x" * 1001).status_code == 413

        def blocks():
            yield from [b"x" * 600] * 2

        assert put(server.url, batch, dataset, "x.json", blocks()).status_code == 413
        assert list((tmp_path / "bytes").iterdir()) == []
        assert put(server.url, batch, dataset, "x.json", b"x" * 1000).status_code == 200


def test_a_body_that_does_not_arrive_whole_leaves_nothing(tmp_path):
    import socket

    with Emulator(data=tmp_path) as server:
        dataset = new_dataset(server.url)
        batch = new_batch(server.url, dataset)
        host, port = server.url.removeprefix("http://").split(":")
        head = f"PUT {IMPORT}/{batch}/datasets/{dataset}/files/x.json HTTP/1.1\r\nHost: {host}:{port}\r\n"
        head += "".join(f"{key}: {value}\r\n" for key, value in HEADERS.items())
        with socket.create_connection((host, int(port))) as connection:
            head += "Content-Type: application/octet-stream\r\nContent-Length: 1000\r\n\r\n"
            connection.sendall(head.encode() + b"x" * 500)
        now = time.monotonic()
        deadline, quiet_since = now + 10, now
        while now < deadline and now - quiet_since < 1:  # it may take a moment to begin, too
            time.sleep(0.02)
            now = time.monotonic()
            if list((tmp_path / "bytes").iterdir()):
                quiet_since = now
        assert list((tmp_path / "bytes").iterdir()) == []
        head = call("HEAD", server.url, f"{IMPORT}/{batch}/datasets/{dataset}/files/x.json")
        assert head.status_code == 404


# ---- large files ---------------------------------------------------------------------------------------------------


def large(url, batch, dataset, method, name="big.json", **more):
    return call(method, url, f"{IMPORT}/{batch}/datasets/{dataset}/files/{name}", **more)


def patch(url, batch, dataset, span, body):
    headers = {"Content-Type": "application/octet-stream", "Content-Range": span}
    return large(url, batch, dataset, "PATCH", data=body, headers=headers)


def test_large_file_flow_of_the_guide(url, dataset):
    batch = new_batch(url, dataset)
    text = lines([record(number) for number in range(10)])
    response = large(url, batch, dataset, "POST", params={"action": "initialize"})
    assert (response.status_code, response.content) == (201, b"")
    half = len(text) // 2
    # parts may come in any order, with or without the total
    assert patch(url, batch, dataset, f"bytes {half}-{len(text) - 1}/{len(text)}", text[half:]).status_code == 200
    assert large(url, batch, dataset, "HEAD").headers["Range"] == f"bytes={half}-{len(text) - 1}"
    assert act(url, batch, "COMPLETE").status_code == 400  # the file is not complete
    response = large(url, batch, dataset, "POST", params={"action": "COMPLETE"})
    assert response.status_code == 400 and "gap" in response.json()["detail"]
    assert patch(url, batch, dataset, f"bytes 0-{half - 1}", text[:half]).status_code == 200
    assert large(url, batch, dataset, "HEAD").headers["Range"] == f"bytes=0-{len(text) - 1}"
    assert large(url, batch, dataset, "POST", params={"action": "COMPLETE"}).status_code == 201
    assert large(url, batch, dataset, "POST", params={"action": "COMPLETE"}).status_code == 201
    act(url, batch, "COMPLETE")
    assert quick(url).wait(batch, timeout=20).output_records == 10


def test_overlaps_are_taken_and_refused_at_the_end(url, dataset):
    batch = new_batch(url, dataset)
    large(url, batch, dataset, "POST", params={"action": "INITIALIZE"})
    assert patch(url, batch, dataset, "bytes 0-9", b"0" * 10).status_code == 200
    assert patch(url, batch, dataset, "bytes 5-14", b"0" * 10).status_code == 200
    response = large(url, batch, dataset, "POST", params={"action": "COMPLETE"})
    assert response.status_code == 400 and "overlap" in response.json()["detail"]
    large(url, batch, dataset, "POST", params={"action": "INITIALIZE"})  # begins again
    assert "Range" not in large(url, batch, dataset, "HEAD").headers


def test_a_range_that_is_sent_again_replaces_it(url, dataset, emulator):
    batch = new_batch(url, dataset)
    kept = len(list((emulator.state.store.bytes).iterdir()))
    large(url, batch, dataset, "POST", params={"action": "INITIALIZE"})
    text = lines([record(number) for number in range(10)])
    spans = [(0, 9), (10, 49), (50, len(text) - 1)]
    for first, last in spans:
        for body in (b"?" * (last + 1 - first), text[first : last + 1], text[first : last + 1]):
            assert patch(url, batch, dataset, f"bytes {first}-{last}", body).status_code == 200
    assert large(url, batch, dataset, "HEAD").headers["Range"] == f"bytes=0-{len(text) - 1}"
    for _ in range(2):
        assert large(url, batch, dataset, "POST", params={"action": "COMPLETE"}).status_code == 201
    assert len(list((emulator.state.store.bytes).iterdir())) == kept + 1
    act(url, batch, "COMPLETE")
    assert quick(url).wait(batch, timeout=20).output_records == 10


@pytest.mark.parametrize(("action", "status"), [("ABORT", "aborted"), ("FAIL", "failed")])
def test_an_action_whose_answer_was_lost_may_be_sent_again(url, dataset, action, status):
    batch = new_batch(url, dataset)
    for _ in range(2):
        assert act(url, batch, action).status_code == 200
        assert quick(url).status(batch).status == status


def test_parts_of_a_large_file_that_do_not_fit_are_refused(url, dataset):
    batch = new_batch(url, dataset)
    assert patch(url, batch, dataset, "bytes 0-9", b"0" * 10).status_code == 404  # not initialized
    large(url, batch, dataset, "POST", params={"action": "INITIALIZE"})
    assert patch(url, batch, dataset, "bytes 0-9", b"0" * 9).status_code == 400
    assert patch(url, batch, dataset, "nonsense", b"0").status_code == 400
    assert large(url, batch, dataset, "POST", params={"action": "FINISH"}).status_code == 400
    assert large(url, batch, dataset, "HEAD", name="none").status_code == 404


def test_datasets_of_a_folder_of_a_former_version_are_there(tmp_path):
    with Emulator(data=tmp_path) as server:
        dataset = new_dataset(server.url)
    with contextlib.closing(sqlite3.connect(tmp_path / "catalog.sqlite")) as db, db:
        db.execute("CREATE TABLE dataset (id TEXT PRIMARY KEY, sandbox TEXT, created INTEGER, doc TEXT)")
        db.execute("INSERT INTO dataset SELECT id, sandbox, json_extract(doc, '$.created'), doc FROM resource")
        assert db.execute("DELETE FROM resource").rowcount == 1
    for _ in range(2):
        with Emulator(data=tmp_path) as server:
            assert quick(server.url).dataset(dataset)["version"] == "1.0.0"
            batch = new_batch(server.url, dataset)
            assert quick(server.url).status(batch).dataset_id == dataset


# ---- states --------------------------------------------------------------------------------------------------------


def test_states_from_loading_to_deleted(tmp_path):
    with Emulator(data=tmp_path, delay=0.15, collect_after=0.3) as server:
        url = server.url
        dataset = new_dataset(url)
        batch = new_batch(url, dataset)
        put(url, batch, dataset, "a.json", lines([record(1)]))
        seen = []
        act(url, batch, "COMPLETE")
        quick(url).wait(batch, timeout=20, poll=0.02, on_status=lambda now: seen.append(now.status))
        order = [status for status in ("loaded", "staging", "staged", "active") if status in seen]
        assert seen == order and seen[-1] == "active" and len(seen) >= 3
        assert put(url, batch, dataset, "b.json", b"{}").status_code == 400
        assert act(url, batch, "COMPLETE").status_code == 200  # repeats succeed
        assert act(url, batch, "ABORT").status_code == 400
        assert act(url, batch, "REVERT").status_code == 200
        assert quick(url).status(batch).status == "inactive"
        deadline = time.monotonic() + 10
        while quick(url).status(batch).status != "deleted" and time.monotonic() < deadline:
            time.sleep(0.05)
        assert quick(url).status(batch).status == "deleted"
        assert list((tmp_path / "bytes").iterdir()) == []


def test_an_aborted_batch_takes_nothing_more(url, dataset):
    batch = new_batch(url, dataset)
    assert act(url, batch, "abort").status_code == 200
    assert act(url, batch, "ABORT").status_code == 200
    assert act(url, batch, "COMPLETE").status_code == 400
    assert act(url, batch, "REVERT").status_code == 400
    assert put(url, batch, dataset, "a.json", b"{}").status_code == 400
    assert act(url, batch, "NONSENSE").status_code == 400
    assert act(url, "none", "ABORT").status_code == 404


def test_abort_while_it_is_promoted():
    with Emulator(delay=0.3) as server:
        dataset = new_dataset(server.url, tags={"unifiedProfile": ["enabled:true"]})
        batch = new_batch(server.url, dataset)
        put(server.url, batch, dataset, "a.json", lines([record(1)]))
        act(server.url, batch, "COMPLETE")
        assert act(server.url, batch, "ABORT").status_code == 200
        time.sleep(1)
        assert quick(server.url).status(batch).status == "aborted"
        assert server.state.profiles.counts()["fragments"] == 0


def test_spec_mode_forbids_abort_after_complete():
    with Emulator(answers="spec", delay=0.3) as server:
        dataset = new_dataset(server.url)
        batch = new_batch(server.url, dataset)
        assert put(server.url, batch, dataset, "a.json", lines([record(1)])).status_code == 201
        assert put(server.url, batch, dataset, "a.json", lines([record(1)])).status_code == 200
        assert act(server.url, batch, "COMPLETE").json()["status"] == "loaded"
        assert act(server.url, batch, "ABORT").status_code == 400


def test_a_batch_that_is_not_completed_is_abandoned():
    with Emulator(abandon_after=0.2) as server:
        batch = new_batch(server.url, new_dataset(server.url))
        found = quick(server.url).wait(batch, timeout=20)
        assert found.status == "abandoned"


def test_an_empty_batch_fails_with_106(url, dataset):
    batch = new_batch(url, dataset)
    assert act(url, batch, "COMPLETE").status_code == 200
    found = quick(url).wait(batch, timeout=20)
    assert (found.status, found.errors[0]["code"]) == ("failed", "106")


def test_replay_makes_predecessors_inactive(url, dataset):
    old = ingest(url, dataset, [record(1)])
    new = ingest(url, dataset, [record(2)], replay={"predecessors": ["${" + old["id"] + "}"], "reason": "replace"})
    assert new["replay"] == {"predecessors": [old["id"]], "reason": "replace"}
    assert quick(url).status(old["id"]).status == "inactive"
    assert new["status"] == "active"


def test_a_replay_that_fails_leaves_predecessors_active(url, dataset):
    old = ingest(url, dataset, [record(1)])
    new = ingest(url, dataset, [b"{bad"], replay={"predecessors": ["$" + old["id"]]})
    assert new["status"] == "failed"
    assert quick(url).status(old["id"]).status == "active"


# ---- ingestion -----------------------------------------------------------------------------------------------------


def test_partial_ingestion_and_diagnostics(url, dataset):
    rows = [record(1), b"{bad", record(2, person={"name": 5}), record(3)]
    found = ingest(url, dataset, rows, partialIngestionPercent=50, enableErrorDiagnostics=True)
    assert found["status"] == "active"
    assert found["metrics"]["inputRecordCount"] == 4
    assert found["metrics"]["outputRecordCount"] == 2
    assert found["metrics"]["failedRecordCount"] == 2
    assert found["tags"] == {"acp_enableErrorDiagnostics": True, "acp_partialIngestionPercent": 50}
    codes = {error["code"]: error.get("recordCount") for error in found["errors"]}
    assert codes == {"INGEST-1212-400": None, "INGEST-1401-400": 1, "DCVS-1104-400": 1}
    path = f"{EXPORT}/batches/{found['id']}"
    listed = call("GET", url, path + "/meta", params={"path": "row_errors"}).json()
    names = [item["name"] for item in listed["data"]]
    assert names == ["conversion_errors_0.json", "parsing_errors_0.json"]
    assert all(item["length"].isdigit() for item in listed["data"])
    text = requests.get(listed["data"][1]["_links"]["self"]["href"], headers=HEADERS, timeout=20).text
    told = json.loads(text)
    ((code, message),) = [(error["code"], error["message"]) for error in told.pop("_errors")]
    assert code == "1401" and message.startswith("not JSON: ")
    assert told == {"_corrupt_record": "{bad", "_filename": "parsing_errors_0.json"}
    inputs = call("GET", url, path + "/meta", params={"path": "input_files"}).json()["data"][0]["name"]
    text = call("GET", url, path + "/meta", params={"path": f"input_files/{inputs}"}).text
    assert json.loads(text) == {"path": "a.json"}
    assert len(call("GET", url, path + "/meta", params={"path": "row_errors_sample.json"}).text.splitlines()) == 2
    failed = call("GET", url, path + "/failed").json()["data"]
    assert [item["name"] for item in failed] == ["_SUCCESS", "part-00000.json"]
    lines_ = call("GET", url, path + "/failed", params={"path": "part-00000.json"}).text.splitlines()
    assert json.loads(lines_[1])["_validationErrors"][0]["pointerToViolation"] == "#/person/name"


def test_without_diagnostics_only_1211(url, dataset):
    found = ingest(url, dataset, [record(1), b"{bad"])
    assert found["status"] == "failed"
    assert [error["code"] for error in found["errors"]] == ["INGEST-1211-400"]
    assert "metrics" not in found  # it never became active
    listed = call("GET", url, f"{EXPORT}/batches/{found['id']}/meta", params={"path": "row_errors"}).json()
    assert listed["data"] == []


@pytest.mark.parametrize(("percent", "status"), [(49.9, "failed"), (50, "active")])
def test_the_percentage_is_a_limit_that_may_be_reached(url, dataset, percent, status):
    assert ingest(url, dataset, [record(1), b"{bad"], partialIngestionPercent=percent)["status"] == status


def test_json_lines_declared_as_multi_line_and_the_reverse(url, dataset):
    multi = {"format": "json", "isMultiLineJson": True}
    found = ingest(url, dataset, [record(1), record(2)], inputFormat=multi, enableErrorDiagnostics=True)
    assert found["status"] == "failed"
    assert "INGEST-1401-400" in {error["code"] for error in found["errors"]}
    array = json.dumps([record(1), record(2)], indent=1).encode()
    found = ingest(url, dataset, [array], enableErrorDiagnostics=True)
    assert found["status"] == "failed"
    pretty = json.dumps(record(1), indent=1).encode()
    found = ingest(url, dataset, [pretty], enableErrorDiagnostics=True)
    assert (found["status"], found["metrics"]["inputRecordCount"] if "metrics" in found else 0) == ("failed", 0)
    found = ingest(url, dataset, [array], inputFormat=multi)
    assert (found["status"], found["metrics"]["outputRecordCount"]) == ("active", 2)


def test_a_text_as_parquet_fails_with_200(url, dataset):
    found = ingest(url, dataset, [b"hello"], inputFormat={"format": "parquet"})
    assert (found["status"], found["errors"][0]["code"]) == ("failed", "200")


def test_validation_can_be_turned_off_by_the_dataset(url):
    dataset = new_dataset(url, tags={"acp_validationContext": ["disabled"]})
    assert ingest(url, dataset, [record(1, person=5)])["status"] == "active"


def test_csv_has_no_metrics(url):
    schema = "https://ns.adobe.com/acme/schemas/store-visits"
    dataset = new_dataset(url, schema, fileDescription={"format": "csv"})
    batch = new_batch(url, dataset, inputFormat={"format": "csv"})
    put(url, batch, dataset, "a.csv", b"a,b\n1,2\n")
    act(url, batch, "COMPLETE")
    found = quick(url).wait(batch, timeout=20)
    assert found.metrics == {}


def test_ingested_files_can_be_read_in_ranges(url, dataset):
    found = ingest(url, dataset, [record(1), record(2)])
    (item,) = call("GET", url, f"{EXPORT}/batches/{found['id']}/files").json()["data"]
    assert item["records"] == "2" and item["isValid"] is True
    path = f"{EXPORT}/files/{item['dataSetFileId']}"
    (part,) = call("GET", url, path).json()["data"]
    whole = call("GET", url, path, params={"path": part["name"]})
    assert [json.loads(line) for line in whole.text.splitlines()] == [record(1), record(2)]
    some = call("GET", url, path, params={"path": part["name"]}, headers={"Range": "bytes=0-9"})
    assert (some.status_code, some.content) == (206, whole.content[:10])

    def asked(given: str) -> requests.Response:
        return call("GET", url, path, params={"path": part["name"]}, headers={"Range": given})

    assert (asked("bytes=-5").status_code, asked("bytes=-5").content) == (206, whole.content[-5:])
    assert (asked("lines=1").status_code, asked("bytes=x").status_code) == (200, 200)
    size = len(whole.content)
    assert (asked(f"bytes={size - 1}-").status_code, asked("bytes=-1").status_code) == (206, 206)
    assert (asked("bytes=-0").status_code, asked("bytes=5-4").status_code) == (416, 200)
    assert call("GET", url, path, params={"path": "none"}).status_code == 404
    outside = asked(f"bytes={size}-")
    assert outside.status_code == 416 and outside.json()["status"] == 416
    assert outside.headers["Content-Range"] == f"bytes */{len(whole.content)}"
    head = call("HEAD", url, path, params={"path": part["name"]})
    assert head.headers["Content-Length"] == str(len(whole.content)) == item["size"]
    assert head.headers["Accept-Ranges"] == "bytes"
    preview = call("GET", url, f"{EXPORT}/datasets/{dataset}/preview").json()
    assert preview["data"] == [record(1), record(2)]


def test_preview_of_a_batch(url, dataset):
    batch = new_batch(url, dataset)
    put(url, batch, dataset, "a.json", lines([{"a": 1}, {"b": "x"}]))
    path = f"{IMPORT}/{batch}/datasets/{dataset}/preview"
    body = call("GET", url, path, params={"format": "json"}).json()
    assert body["preview"] == {
        "columns": [{"cid": "0", "name": "a"}, {"cid": "1", "name": "b"}],
        "rows": [{"0": "1"}, {"1": "x"}],
    }
    assert call("GET", url, path).json()["preview"] == body["preview"]  # the batch's own format
    for bad in ({"format": "xml"}, {"nrow": "10"}, {"nrow": "-1"}, {"nrow": "²"}):
        assert call("GET", url, path, params=bad).status_code == 400


# ---- Catalog and registry ------------------------------------------------------------------------------------------


def test_lists_filter_order_and_page(url, request):
    dataset = new_dataset(url)
    keys = [new_batch(url, dataset) for _ in range(5)]
    act(url, keys[0], "ABORT")
    path = CATALOG + "/batches"

    def listed(**params):
        return list(call("GET", url, path, params={"dataSet": dataset, **params}).json())

    assert listed(orderBy="asc:created") == keys
    assert listed() == keys[::-1]
    assert listed(orderBy="asc:created", limit=2, start=1) == keys[1:3]
    assert listed(status="aborted") == keys[:1]
    assert listed(batch=keys[3]) == [keys[3]]
    created = quick(url).status(keys[2]).raw["created"]
    assert keys[2] not in listed(createdAfter=created)
    shown = call("GET", url, path, params={"dataSet": dataset, "properties": "status"}).json()
    assert set(map(str, shown[keys[1]])) == {"status"}
    for bad in ({"limit": 0}, {"limit": 101}, {"limit": "x"}, {"createdAfter": "x"}):
        assert call("GET", url, path, params=bad).status_code == 400
    assert call("GET", url, CATALOG + "/batch/" + keys[0]).json()[keys[0]]["status"] == "aborted"
    last = call("GET", url, CATALOG + "/lastBatches", params={"dataSetId": dataset}).json()
    assert list(last) == keys[-1:]
    assert call("GET", url, path + "/none").status_code == 404


@pytest.mark.parametrize(("status", "found"), [("success", 1), ("ACTIVE", 1), ("failure", 0), ("success,failed", 1)])
def test_both_words_for_a_status_filter(url, dataset, status, found):
    ingest(url, dataset, [record(1)])
    listed = call("GET", url, CATALOG + "/batches", params={"dataSet": dataset, "status": status}).json()
    assert len(listed) == found


def test_dataset_life(url):
    body = {"name": "x", "schemaRef": {"id": CRM, "contentType": "application/vnd.adobe.xed+json;version=1"}}
    response = call("POST", url, CATALOG + "/dataSets", json=body)
    assert response.status_code == 201
    (reference,) = response.json()
    key = reference.removeprefix("@/dataSets/")
    assert len(key) == 24 and response.headers["Location"].endswith(key)
    path = CATALOG + "/dataSets/" + key
    assert call("GET", url, path).json()[key]["schemaRef"] == body["schemaRef"]
    assert call("PATCH", url, path, json={"name": "y"}).json() == [reference]
    assert call("GET", url, path).json()[key]["name"] == "y"
    enable = [
        {"op": "add", "path": "/tags/unifiedProfile", "value": ["enabled:true"]},
        {"op": "add", "path": "/tags/unifiedIdentity", "value": ["enabled:true"]},
    ]
    kind = {"Content-Type": "application/json-patch+json"}
    assert call("PATCH", url, path, data=json.dumps(enable), headers=kind).status_code == 200
    upsert = [{"op": "add", "path": "/tags/unifiedProfile", "value": ["enabled:true", "isUpsert:true"]}]
    assert call("PATCH", url, path, data=json.dumps(upsert), headers=kind).status_code == 400  # not without disabling
    disable = [{"op": "replace", "path": "/tags/unifiedProfile", "value": ["enabled:false"]}]
    assert call("PATCH", url, path, data=json.dumps(disable), headers=kind).status_code == 200
    assert call("PATCH", url, path, data=json.dumps(upsert), headers=kind).status_code == 200
    for wrong in (
        {},
        *({"op": "add", "path": none, "value": 1} for none in ("", "x", "x/y")),
        {"op": "x", "path": "/x"},
    ):
        assert call("PATCH", url, path, data=json.dumps([wrong]), headers=kind).status_code == 400
    assert key in call("GET", url, CATALOG + "/dataSets", params={"name": "y", "limit": 100}).json()
    assert call("DELETE", url, path).status_code == 200
    assert call("GET", url, path).status_code == 404


@pytest.mark.parametrize(
    "body", [{}, {"name": "x", "schemaRef": {"id": "https://none"}}, {"name": "x", "tags": {"a": "b"}}]
)
def test_dataset_refusals(url, body):
    assert call("POST", url, CATALOG + "/dataSets", json=body).status_code == 400


def test_unknown_schemas_are_refused_where_schemas_are_given(url):
    body = {"name": "x", "schemaRef": {"id": "https://ns.adobe.com/none", "contentType": "x"}}
    assert call("POST", url, CATALOG + "/dataSets", json=body).status_code == 400


def test_schemas_are_read_by_either_id_in_the_accepted_form(url):
    base = "/data/foundation/schemaregistry"
    full = {"Accept": "application/vnd.adobe.xed-full+json; version=1"}
    for name in (requests.utils.quote(CRM, safe=""), "_acme.schemas.crm-profile"):
        response = call("GET", url, f"{base}/tenant/schemas/{name}", headers=full)
        assert response.status_code == 200 and response.json()["$id"] == CRM
    assert call("GET", url, f"{base}/tenant/schemas/none", headers=full).status_code == 404
    assert call("GET", url, f"{base}/tenant/schemas/{name}").status_code == 406
    no_version = {"Accept": "application/vnd.adobe.xed-full+json"}
    assert call("GET", url, f"{base}/tenant/schemas/{name}", headers=no_version).status_code == 400
    listed = call("GET", url, f"{base}/tenant/schemas", headers={"Accept": "application/vnd.adobe.xed-id+json"}).json()
    assert CRM in [item["$id"] for item in listed["results"]]
    assert call("GET", url, f"{base}/stats").json()["tenantId"] == "acme"
    found = call("GET", url, f"{base}/tenant/descriptors", headers={"Accept": "application/vnd.adobe.xdm+json"}).json()
    assert {item["xdm:namespace"] for item in found["xdm:descriptorIdentity"]} >= {"LOYALTYID", "Email"}


# ---- state, pages, starting ----------------------------------------------------------------------------------------


def test_state_survives_a_restart(tmp_path):
    with Emulator(data=tmp_path) as server:
        dataset = new_dataset(server.url, tags={"unifiedProfile": ["enabled:true"]})
        done = ingest(server.url, dataset, [record(1)])
        batch = new_batch(server.url, dataset)
        put(server.url, batch, dataset, "a.json", lines([record(2)]))
    with Emulator(data=tmp_path) as server:
        assert quick(server.url).status(done["id"]).status == "active"
        act(server.url, batch, "COMPLETE")
        assert quick(server.url).wait(batch, timeout=20).output_records == 1
        assert server.state.profiles.counts()["fragments"] == 2


def test_reset_forgets_everything(tmp_path):
    with Emulator(data=tmp_path) as server:
        dataset = new_dataset(server.url, tags={"unifiedProfile": ["enabled:true"]})
        ingest(server.url, dataset, [record(1)])
        assert requests.post(server.url + "/_emulator/reset", timeout=20).status_code == 204
        assert call("GET", server.url, CATALOG + "/dataSets").json() == {}
        assert server.state.profiles.counts() == {"fragments": 0, "events": 0}
        assert list((tmp_path / "bytes").iterdir()) == []


def test_pages_show_and_escape(url):
    dataset = new_dataset(url)
    call("PATCH", url, f"{CATALOG}/dataSets/{dataset}", json={"name": "<script>alert(1)</script>"})
    found = ingest(url, dataset, [b"<b>bad</b>"], enableErrorDiagnostics=True)
    home = requests.get(url + "/", timeout=20)
    assert home.status_code == 200 and found["id"] in home.text and "<script>" not in home.text
    page = requests.get(f"{url}/_emulator/batches/{found['id']}", timeout=20).text
    assert "&lt;b&gt;bad" in page and "<b>bad" not in page and "INGEST-1401-400" in page
    assert "http" not in home.text.replace(url, "").replace("https://ns.adobe.com", "")  # nothing from elsewhere
    assert requests.get(f"{url}/_emulator/profile?ns=CRMID&id=%3Cx%3E", timeout=20).status_code == 200
    assert requests.get(f"{url}/_emulator/batches/none", timeout=20).status_code == 404


def test_a_port_in_use_is_one_clear_error():
    with Emulator() as server, pytest.raises(UsageError, match=r"cannot listen on 127\.0\.0\.1"):
        Emulator(port=int(server.url.rsplit(":", 1)[1])).start()


def test_two_emulators_do_not_share_a_folder(tmp_path):
    with Emulator(data=tmp_path), pytest.raises(OutputError, match="another emulator"):
        Emulator(data=tmp_path)
    Emulator(data=tmp_path).stop()


def test_wrong_settings(tmp_path):
    with pytest.raises(UsageError, match="route"):
        Emulator(faults=["route=fil,status=503"])
    with pytest.raises(UsageError, match="answers"):
        Emulator(answers="both")  # type: ignore[arg-type]
    with pytest.raises(SchemaError, match="not a folder"):
        Emulator(schemas=tmp_path / "none")
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(SchemaError, match=r"x\.json"):
        Emulator(schemas=tmp_path)
