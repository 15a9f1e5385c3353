"""What the emulator refuses and survives: odd ranges and lengths, pages of the web, full disks, slow clients."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import re
import resource
import socket
import sqlite3
import threading
import time
import uuid

import pytest
import requests
from hypothesis import example, given, settings
from hypothesis import strategies as st
from network_kit import (
    CATALOG,
    CRM,
    EXPORT,
    IMPORT,
    Server,
    act,
    call,
    folder_of,
    lines,
    new_batch,
    new_dataset,
    put,
    quick,
    record,
    simple_folder,
)  # fmt: skip

from xdmprep import wire
from xdmprep.cli import run
from xdmprep.emulator import Emulator, ingest, uploads
from xdmprep.emulator.app import JSON_BYTES
from xdmprep.emulator.faults import Fault, Faults
from xdmprep.emulator.responses import DEPTH, json_body
from xdmprep.emulator.store import sandbox_id
from xdmprep.errors import UsageError

BYTES = {"Content-Type": wire.BYTES_TYPE}


@pytest.fixture
def dataset(emulator):
    return new_dataset(emulator.url)


@pytest.fixture
def batch(emulator, dataset):
    return new_batch(emulator.url, dataset)


def raw(emulator: Emulator, data: bytes, seconds: float = 10.0) -> bytes:
    """What comes back for these bytes until the server is silent or closes."""
    host, port = emulator.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=seconds) as sock:
        sock.sendall(data)
        received = b""
        with contextlib.suppress(TimeoutError, ConnectionError):
            while not (b"\r\n\r\n" in received and received.endswith(b"}")):
                piece = sock.recv(65536)
                if not piece:
                    break
                received += piece
        return received


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer else 0


def head(method: str, path: str, *more: str) -> bytes:
    known = ["Host: 127.0.0.1", "Authorization: Bearer x", "x-api-key: k", "x-gw-ims-org-id: o"]
    return "\r\n".join([f"{method} {path} HTTP/1.1", *known, *more, "", ""]).encode("latin-1")


# ---- Content-Range ---------------------------------------------------------------------------------------------------


def expected(text: str) -> tuple[int, int] | None:
    """RFC 9110, 14.4, read by hand; the guide's samples have no total."""
    unit, blank, rest = text.strip(" \t").partition(" ")
    if unit.lower() != "bytes" or not blank:
        return None
    span, slash, total = rest.lstrip(" ").partition("/")
    first, dash, last = span.partition("-")
    digits = [first, last, *([total] if slash and total != "*" else [])]
    if not dash or not all(part and set(part) <= set("0123456789") and len(part) <= 18 for part in digits):
        return None
    if slash and not total:
        return None
    numbers = [int(part) for part in digits]
    if numbers[1] < numbers[0] or (len(numbers) == 3 and numbers[2] <= numbers[1]):
        return None
    return numbers[0], numbers[1]


numbers = st.integers(0, 30).map(str) | st.sampled_from(
    ["", "9" * 18, "9" * 19, "9" * 30, "9" * 5000, "٣", "²", "+1", "1_0"]
)
ranges = st.builds(
    lambda unit, blank, first, dash, last, total: unit + blank + first + dash + last + total,
    st.sampled_from(["bytes", "Bytes", "byte", "", "items"]), st.sampled_from([" ", "=", "", "  ", "\t"]), numbers,
    st.sampled_from(["-", "--", "", " - "]), numbers,
    st.just("") | st.builds(str.__add__, st.sampled_from(["/", "//", " / "]), numbers | st.just("*")),
)  # fmt: skip


@settings(max_examples=600)
@given(ranges | st.text(max_size=12))
@example("bytes 0-4/2")
@example("bytes 0-4/5")
@example("bytes 0-4/*")
@example("bytes " + "9" * 30 + "-" + "9" * 30)
def test_content_range_is_read_as_the_rfc_has_it(text):
    assert wire.parse_content_range(text) == expected(text)


@settings(max_examples=60)
@given(ranges.filter(lambda text: text.isascii() and len(text) < 2000))
@example("bytes 0-4/2")
@example("bytes 0-999999999999999999")
@example("bytes 999999999999999990-999999999999999999")
def test_any_content_range_is_answered_below_500(emulator, dataset, batch, text):
    path = f"{IMPORT}/{batch}/datasets/{dataset}/files/a.json"
    call("POST", emulator.url, path, params={"action": "INITIALIZE"})
    sent = {"Content-Type": "application/octet-stream", "Content-Range": text.strip() or "x"}
    answer = call("PATCH", emulator.url, path, data=b"12345", headers=sent)
    span = expected(text)
    fits = span is not None and span[1] - span[0] == 4 and span[1] < wire.BATCH_BYTES
    assert answer.status_code == 200 if fits else 400 <= answer.status_code < 500, (text, answer.text)


def test_a_part_has_a_largest_size(emulator, dataset, batch):
    path = f"{IMPORT}/{batch}/datasets/{dataset}/files/a.json"
    call("POST", emulator.url, path, params={"action": "INITIALIZE"})
    most = wire.CHUNK_BYTES
    for size, status in ((most, 0), (most + 1, 413)):  # 0: it waits for the body
        answer = raw(emulator, head("PATCH", path, "Content-Type: application/octet-stream", f"Content-Length: {size}",
                                  f"Content-Range: bytes 0-{size - 1}"), 0.5)  # fmt: skip
        assert status_of(answer) == status


@pytest.mark.parametrize(("size", "status"), [(1023, 200), (1024, 200), (1025, 400)])
def test_how_long_the_name_of_a_file_may_be(emulator, dataset, batch, size, status):
    path = f"{IMPORT}/{batch}/datasets/{dataset}/files/{'n' * size}"
    assert call("PUT", emulator.url, path, data=b"{}", headers=BYTES).status_code == status


@pytest.mark.parametrize(("percent", "status"), [(-0.5, 400), (0, 201), (100, 201), (100.5, 400)])
def test_which_percentages_of_bad_rows_a_batch_may_have(emulator, dataset, percent, status):
    body = {"datasetId": dataset, "inputFormat": {"format": "json"}, "partialIngestionPercent": percent}
    assert call("POST", emulator.url, IMPORT, json=body).status_code == status


# ---- lengths ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("over", [0, 1])
def test_a_length_beyond_the_limit_is_refused_before_the_body(emulator, dataset, batch, over):
    """Only the head is sent: an answer is one that did not wait for the body."""
    path = f"{IMPORT}/{batch}/datasets/{dataset}/files/a.json"
    size = wire.SMALL_FILE_BYTES + over
    begin = time.monotonic()
    answer = raw(emulator, head("PUT", path, "Content-Type: application/octet-stream", f"Content-Length: {size}"), 0.5)
    assert status_of(answer) == (413 if over else 0), answer
    assert time.monotonic() - begin < 5


@pytest.mark.parametrize("over", [0, 1])
def test_so_is_that_of_a_body_that_is_no_file(emulator, over):
    for path in (IMPORT, CATALOG + "/dataSets", "/_emulator/faults"):
        answer = raw(
            emulator, head("POST", path, "Content-Type: application/json", f"Content-Length: {JSON_BYTES + over}"), 0.3
        )
        assert status_of(answer) == (413 if over else 0), answer


def test_limits_are_those_of_the_documentation():
    """The figures themselves; each is tested at its border elsewhere, by its name."""
    assert wire.SMALL_FILE_BYTES == 256 * 1024 * 1024
    assert wire.CHUNK_BYTES == 512_000_000
    assert (wire.BATCH_FILES, wire.BATCH_BYTES, wire.LIST_LIMIT, wire.URL_CHARACTERS) == (25_000, 1 << 40, 100, 2000)


@pytest.mark.parametrize("length", ["-1", "1e3", "0x5", "9" * 19, "9" * 5000, "5, 5", "", "٣"])
def test_lengths_that_are_none(emulator, dataset, batch, length):
    path = f"{IMPORT}/{batch}/datasets/{dataset}/files/a.json"
    data = head("PUT", path, "Content-Type: application/octet-stream").replace(
        b"\r\n\r\n", b"\r\nContent-Length: " + length.encode() + b"\r\n\r\n"
    )
    answer = raw(emulator, data + b"12345", 0.5)
    assert not answer or 400 <= status_of(answer) < 500 or (length == "5, 5" and status_of(answer) == 200), answer
    assert emulator.state.store.file(batch, "a.json") is None or length == "5, 5"


def test_bodies_that_are_shorter_or_longer_than_their_length(emulator, dataset, batch):
    path = f"{IMPORT}/{batch}/datasets/{dataset}/files/a.json"
    kind = "Content-Type: application/octet-stream"
    host, port = emulator.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as sock:  # shorter, and the connection ends
        sock.sendall(head("PUT", path, kind, "Content-Length: 10") + b"12345")
    time.sleep(0.1)
    assert emulator.state.store.file(batch, "a.json") is None
    raw(
        emulator, head("PUT", path, kind, "Content-Length: 5") + b"1234567890", 0.5
    )  # longer: the rest is another request
    assert emulator.state.store.file(batch, "a.json")["bytes"] == 5
    chunked = head("PUT", path, kind, "Transfer-Encoding: chunked")
    answer = raw(emulator, chunked + b"3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n", 0.5)
    assert status_of(answer) == 200 and emulator.state.store.file(batch, "a.json")["bytes"] == 7
    for broken in (b"zz\r\nabc\r\n", b"3\r\nabcdef\r\n0\r\n\r\n", b"-1\r\n"):
        assert status_of(raw(emulator, chunked + broken, 0.5)) in (0, 400)
    both = head("PUT", path, kind, "Transfer-Encoding: chunked", "Content-Length: 99")
    raw(emulator, both + b"3\r\nabc\r\n0\r\n\r\n", 0.5)
    assert emulator.state.store.file(batch, "a.json")["bytes"] == 7  # a length that is not the body's: nothing was kept
    assert (
        status_of(
            raw(emulator, head("POST", IMPORT, "Content-Type: application/json", "Transfer-Encoding: chunked"), 0.5)
        )
        == 411
    )


def test_a_chunked_body_has_the_same_limit(request):
    with Emulator(small_file_bytes=1000) as server:
        dataset = new_dataset(server.url)
        batch = new_batch(server.url, dataset)
        for size, status in ((1000, 200), (1001, 413)):
            answer = call("PUT", server.url, f"{IMPORT}/{batch}/datasets/{dataset}/files/a.json",
                          data=iter([b"x" * size]), headers={"Content-Type": "application/octet-stream"})  # fmt: skip
            assert answer.status_code == status
            assert put(server.url, batch, dataset, "b.json", b"x" * size).status_code == status


@pytest.mark.parametrize("levels", [DEPTH, DEPTH + 1])
def test_bodies_have_a_depth(emulator, levels):
    body = b'{"name":' + b"[" * (levels - 1) + b"]" * (levels - 1) + b"}"
    answer = call("POST", emulator.url, CATALOG + "/dataSets", data=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400 and ("levels deep" in answer.text) is (levels > DEPTH)
    assert json_body(b"[1.5]") == [1.5] and DEPTH == 100


# ---- pages of the web ------------------------------------------------------------------------------------------------

CONTROL = [("GET", "/_emulator/faults"), ("POST", "/_emulator/faults"), ("DELETE", "/_emulator/faults"),
           ("POST", "/_emulator/reset"), ("POST", "/_emulator/expire-tokens"), ("GET", "/_emulator/health"),
           ("GET", "/_emulator/profile"), ("GET", "/")]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), [*CONTROL, ("GET", CATALOG + "/batches"), ("POST", "/ims/token/v3")])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Origin", "http://evil.example"), ("Origin", "null"), ("Origin", "http://127.0.0.1:1"), ("Origin", ""),
        ("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Site", "same-site"), ("Sec-Fetch-Site", "Cross-Site"),
        ("Host", "evil.example"), ("Host", "127.0.0.1.evil.example"), ("Host", "localhost@evil.example"),
        ("Host", "evil.example:80#localhost"), ("Host", "0.0.0.0"), ("Host", "[::2]:80"),
    ],
)  # fmt: skip
def test_pages_of_others_are_refused(emulator, dataset, method, path, name, value):
    answer = requests.request(method, emulator.url + path, headers={name: value}, timeout=10, data=b"[]")
    assert answer.status_code == 403 or (name == "Host" and answer.status_code == 400), (method, path)
    assert emulator.state.store.resource(None, "dataSets", dataset)  # nothing was reset


@pytest.mark.parametrize(
    "headers",
    [{}, {"Sec-Fetch-Site": "none"}, {"Sec-Fetch-Site": "same-origin"}, {"Origin": "{url}"},
     {"Host": "localhost:{port}", "Origin": "http://localhost:{port}"}, {"Host": "LOCALHOST."}, {"Host": "[::1]"}],
)  # fmt: skip
def test_our_own_pages_and_programs_are_not(emulator, headers):
    port = emulator.url.rsplit(":", 1)[1]
    sent = {name: value.format(url=emulator.url, port=port) for name, value in headers.items()}
    assert requests.get(emulator.url + "/_emulator/health", headers=sent, timeout=10).status_code == 200


def test_on_another_address_names_of_others_are_refused_for_control_routes(request):
    with Emulator(host="0.0.0.0") as server:
        url = server.url.replace("0.0.0.0", "127.0.0.1")
        for host, status in (
            ("evil.example", 403),
            ("192.0.2.7:80", 200),
            (socket.gethostname(), 200),
            ("localhost", 200),
        ):
            assert requests.get(url + "/_emulator/health", headers={"Host": host}, timeout=10).status_code == status
        assert call("GET", url, CATALOG + "/batches", headers={"Host": "emulator.in.docker"}).status_code == 200


# ---- a full disk -----------------------------------------------------------------------------------------------------


def test_a_full_disk_is_507_and_the_batch_can_be_tried_again(tmp_path, schemas):
    """The system's own limit on the size of a file stands for the disk's."""
    server = Server(tmp_path / "lake", schemas, 0)
    try:
        dataset = new_dataset(server.url)
        batch = new_batch(server.url, dataset)
        many = lines([record(n, person={"name": {"firstName": "x" * 500}}) for n in range(2000)])
        pid = server.process.pid
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
        answer = put(server.url, batch, dataset, "a.json", many)
        assert answer.status_code == 507 and str(tmp_path) not in answer.text and "no room" in answer.text
        path = f"{IMPORT}/{batch}/datasets/{dataset}/files/b.json"
        call("POST", server.url, path, params={"action": "INITIALIZE"})
        half = len(many) // 4
        for first in range(0, half * 2, half):
            assert call("PATCH", server.url, path, data=many[first : first + half], headers={
                "Content-Type": "application/octet-stream", "Content-Range": f"bytes {first}-{first + half - 1}",
            }).status_code == 200  # fmt: skip
        assert call("POST", server.url, path, params={"action": "COMPLETE"}).status_code == 507
        kept = sum(file.stat().st_size for file in (tmp_path / "lake" / "bytes").iterdir())
        assert kept == half * 2  # the parts, and nothing that was begun
        small = lines([record(1)])
        assert put(server.url, batch, dataset, "b.json", small).status_code == 200
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert put(server.url, batch, dataset, "a.json", many).status_code == 200
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
        assert act(server.url, batch, "COMPLETE").status_code == 200
        assert quick(server.url).wait(batch, timeout=60).status == "stalled"
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert act(server.url, batch, "COMPLETE").status_code == 200
        found = quick(server.url).wait(batch, timeout=60)
        assert found.status == "active" and found.output_records == 2001
    finally:
        output = server.stop()
    assert "Traceback" not in output


@pytest.mark.parametrize("asked", [True, False])
def test_a_batch_that_is_asked_for_again_before_it_stalls(emulator, dataset, batch, monkeypatch, asked):
    """COMPLETE again while the last try is under way, because there is room now."""
    real, tries = ingest.Ingestion._ingest, []

    def full(self: ingest.Ingestion, batch_id: str) -> object:
        tries.append(batch_id)
        if asked and len(tries) == ingest.TRIES:
            assert act(emulator.url, batch, "COMPLETE").status_code == 200
        if len(tries) <= ingest.TRIES:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(self, batch_id)

    monkeypatch.setattr(ingest.Ingestion, "_ingest", full)
    put(emulator.url, batch, dataset, "a.json", lines([record(1)]))
    assert act(emulator.url, batch, "COMPLETE").status_code == 200
    assert quick(emulator.url).wait(batch, timeout=30).status == ("active" if asked else "stalled")


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left on device", "/secret/path"), OSError(errno.EDQUOT, "x")]
)
def test_every_way_to_run_out_of_room(emulator, dataset, batch, monkeypatch, error):
    def full(*arguments: object) -> None:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(uploads, "_write_all", full)
        answer = put(emulator.url, batch, dataset, "a.json", b"x" * 5)
        assert answer.status_code == 507 and "/secret" not in answer.text
    assert put(emulator.url, batch, dataset, "a.json", b"{}\n").status_code == 200


def test_a_full_catalog(emulator, dataset, monkeypatch):
    """SQLite says it in its own way, and ends the transaction itself."""
    (pages,) = emulator.state.store.query("PRAGMA page_count")[0]
    try:
        emulator.state.store.query(f"PRAGMA max_page_count = {pages + 3}")
        codes = {requests.post(emulator.url + CATALOG + "/dataSets", timeout=10, headers={"Authorization": "Bearer x",
                 "x-api-key": "k", "x-gw-ims-org-id": "o"}, json={"name": "x" * 50_000}).status_code
                 for _ in range(8)}  # fmt: skip
        assert 507 in codes and codes <= {201, 507}
    finally:
        emulator.state.store.query("PRAGMA max_page_count = 1073741823")
    assert new_dataset(emulator.url)


def test_is_full_knows_what_it_is_told():
    from xdmprep.emulator.store import is_full

    assert is_full(OSError(errno.EFBIG, "x")) and not is_full(OSError(errno.EACCES, "x"))
    assert not is_full(sqlite3.OperationalError("locked")) and not is_full(ValueError())


@pytest.mark.parametrize("tries", [1, 2, 3])
def test_how_often_a_batch_is_tried(emulator, dataset, batch, monkeypatch, tries):
    """A batch that cannot be promoted twice is promoted at the third try; after three it stalls."""
    assert ingest.TRIES == 3
    failures = []
    real = ingest.Ingestion._ingest

    def failing(self: object, key: str) -> object:
        if key == batch and len(failures) < tries:
            failures.append(key)
            raise OSError(errno.ENOSPC, "full")
        return real(self, key)  # type: ignore[arg-type]

    monkeypatch.setattr(ingest.Ingestion, "_ingest", failing)
    put(emulator.url, batch, dataset, "a.json", lines([record(1)]))
    act(emulator.url, batch, "COMPLETE")
    found = quick(emulator.url).wait(batch, timeout=30)
    assert found.status == ("active" if tries < 3 else "stalled") and len(failures) == tries
    if tries == 3:
        act(emulator.url, batch, "COMPLETE")
        assert quick(emulator.url).wait(batch, timeout=30).status == "active"


# ---- what is told ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("format", "body"), [("parquet", b"no parquet"), ("parquet", b"PAR1xxxxPAR1"), ("json", b"PAR1"), ("csv", b"\n\n")]
)
def test_no_error_says_where_files_are_kept(emulator, dataset, format, body):
    batch = new_batch(emulator.url, dataset, inputFormat={"format": format}, enableErrorDiagnostics=True)
    assert put(emulator.url, batch, dataset, "folder/a.bin", body).status_code == 200
    preview = call("GET", emulator.url, f"{IMPORT}/{batch}/datasets/{dataset}/preview", params={"format": format})
    act(emulator.url, batch, "COMPLETE")
    quick(emulator.url).wait(batch, timeout=30)
    told = [preview.text, call("GET", emulator.url, f"{CATALOG}/batches/{batch}").text,
            requests.get(f"{emulator.url}/_emulator/batches/{batch}", timeout=10).text]  # fmt: skip
    for kind in ("row_errors", "failed", "input_files"):
        told.append(call("GET", emulator.url, f"{EXPORT}/batches/{batch}/meta", params={"path": kind}).text)
    for text in told:
        assert str(emulator.state.store.folder) not in text
        assert not re.search(r"\b[0-9a-f]{32}\b", text), text


@pytest.mark.parametrize(
    "path",
    ["../../catalog.sqlite", "row_errors/../../catalog.sqlite", "/etc/passwd", "row_errors%2f..", "failed/..", "..\\x",
     "row_errors/\0"],
)  # fmt: skip
def test_no_path_leaves_the_folder(emulator, dataset, batch, path):
    for address in (f"{EXPORT}/batches/{batch}/meta", f"{EXPORT}/batches/{batch}/failed", f"{EXPORT}/files/x"):
        answer = call("GET", emulator.url, address, params={"path": path})
        assert 400 <= answer.status_code < 500 and b"SQLite" not in answer.content
    for name in ("../x", "a/../../x", "%2e%2e/x", "a%2f..%2fx", "..%5cx", "a%00b", "a%0ab", "/x", "a//b"):
        path = f"{IMPORT}/{batch}/datasets/{dataset}/files/{name}"
        data = head("PUT", path, "Content-Type: application/octet-stream", "Content-Length: 1") + b"x"
        assert 400 <= status_of(raw(emulator, data, 1)) < 500, name


# ---- others are not held up ------------------------------------------------------------------------------------------


def test_slow_clients_hold_up_nobody(emulator, dataset, batch):
    path = f"{IMPORT}/{batch}/datasets/{dataset}/files/slow.json"
    host, port = emulator.url.removeprefix("http://").split(":")
    slow = [socket.create_connection((host, int(port))) for _ in range(60)]
    try:
        for number, sock in enumerate(slow):
            kind = ("Content-Type: application/octet-stream", "Content-Length: 1000")
            sock.sendall(head("PUT", path, *kind)[: None if number % 2 else 40] + b"x" * (number % 2))
        begin = time.monotonic()
        assert requests.get(emulator.url + "/_emulator/health", timeout=10).status_code == 200
        assert put(emulator.url, batch, dataset, "a.json", lines([record(1)])).status_code == 200
        assert act(emulator.url, batch, "COMPLETE").status_code == 200
        assert quick(emulator.url).wait(batch, timeout=20).ok
        assert time.monotonic() - begin < 15
    finally:
        for sock in slow:
            sock.close()


def test_an_exploding_pattern_holds_up_nobody(tmp_path, schemas):
    """A batch whose schema holds a pattern that takes for ever, beside others that are answered meanwhile."""
    folder = tmp_path / "schemas"
    folder.mkdir()
    for number, pattern in enumerate([r"^(a+)+$", r"^(a|aa)+$", r"(?=(a+)+b)x", r"^(\w+\s?)*$"]):
        (folder / f"evil{number}.json").write_text(json.dumps({
            "$id": f"https://ns.adobe.com/acme/schemas/evil{number}", "type": "object", "title": f"evil {number}",
            "properties": {"x": {"type": "string", "pattern": pattern}, "identityMap": {"type": "object"}},
        }))  # fmt: skip
    with Emulator(schemas=folder) as server:
        busy = []
        for number in range(4):
            dataset = new_dataset(server.url, f"https://ns.adobe.com/acme/schemas/evil{number}")
            batch = new_batch(server.url, dataset, partialIngestionPercent=100)
            put(server.url, batch, dataset, "a.json", lines([{"x": "a" * 40 + " a" * 20 + "!"} for _ in range(5)]))
            act(server.url, batch, "COMPLETE")
            busy.append(batch)
        worst = 0.0
        for _ in range(50):
            begin = time.monotonic()
            assert requests.get(server.url + "/_emulator/health", timeout=20).status_code == 200
            worst = max(worst, time.monotonic() - begin)
            time.sleep(0.02)
        ended = [quick(server.url).wait(batch, timeout=60).status for batch in busy]
    assert worst < 10 and set(ended) <= {"active", "failed"}


# ---- parts of a batch ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("files", "code"), [(3, 3), (4, 2)])
def test_how_many_files_a_batch_takes(tmp_path, capfd, monkeypatch, files, code):
    """So many go out (here to nobody), one more is refused before anything is asked."""
    monkeypatch.setattr(wire, "BATCH_FILES", 3)
    folder = folder_of(tmp_path / "out", [b"{}\n"] * files)
    assert run(["upload", str(folder), "--dataset", "d", "--url", "http://127.0.0.1:9", "--retries", "1"]) == code
    errors = capfd.readouterr().err
    assert ("at most 3." in errors) is (code == 2)


@pytest.mark.parametrize("over", [0, 1])
def test_how_many_files_a_batch_has_in_the_emulator(emulator, dataset, batch, monkeypatch, over):
    monkeypatch.setattr(ingest, "BATCH_FILES", 3)
    for n in range(3 + over):
        put(emulator.url, batch, dataset, f"f{n}.json", lines([record(n)]))
    act(emulator.url, batch, "COMPLETE")
    found = quick(emulator.url).wait(batch, timeout=60)
    assert found.status == ("failed" if over else "active")
    assert any("3 threshold" in str(error.get("description")) for error in found.errors) is bool(over)


def test_threads_end_with_the_server(request):
    before = threading.active_count()
    with Emulator() as server:
        quick(server.url).upload(simple_folder(request.getfixturevalue("tmp_path") / "x"), new_dataset(server.url))
    time.sleep(0.2)
    assert threading.active_count() <= before + 45  # the pool of threads that starlette shares


@pytest.mark.parametrize(
    ("key", "taken", "refused"), [("status", (0, 400, 599), (399, 600)), ("rate", (0, 1), (-0.1, 1.1))]
)
def test_what_a_fault_may_be(key, taken, refused):
    assert [getattr(Fault(**{key: value}, delay=1), key) for value in taken] == list(taken)
    for value in refused:
        with pytest.raises(UsageError, match=f"{key}={value} is not from"):
            Fault(**{key: value})


def test_which_requests_a_fault_strikes():
    faults, path = Faults(), f"{IMPORT}/b/datasets/d/files/a.json"
    faults.add(Fault(route="file", method="put", status=503, count=2))
    sent = [("PATCH", path), ("PUT", f"{CATALOG}/batches"), ("PUT", path), ("PUT", path), ("PUT", path)]
    drawn = [faults.draw(*request) for request in sent]
    assert [fault and fault.status for fault in drawn] == [None, None, 503, 503, None]
    faults.add(Fault(status=429, rate=1))
    assert [faults.draw("GET", path).status for _ in range(3)] == [429, 429, 429]
    assert [rule["count"] for rule in faults.listed()] == [0, -1]


def test_stalls_and_retries_strike_no_request(emulator):
    rules = [{"stall": 1}, {"retry": 2}, {"status": 503, "route": "token"}]
    listed = call("POST", emulator.url, "/_emulator/faults", json=rules).json()
    assert "token" in str(listed) and "any" not in str(listed)
    assert emulator.state.ingestion.stalls == {"stall": 1, "retry": 2}


@pytest.mark.parametrize("over", [0, 1])
@pytest.mark.parametrize(("limit", "was", "status"), [
    ("abandon_after", "loading", "abandoned"), ("collect_after", "inactive", "deleted"),
])  # fmt: skip
def test_how_long_a_batch_stays(emulator, batch, monkeypatch, limit, was, status, over):
    store, ingestion = emulator.state.store, emulator.state.ingestion
    doc = store.change_batch(batch, {"loading"}, status=was)
    monkeypatch.setattr(ingest, "now_ms", lambda: doc["updated"] + 60_000 + over)
    monkeypatch.setattr(ingestion, limit, 60)
    ingestion._expire()
    assert quick(emulator.url).status(batch).status == (status if over else was)


def test_tokens_are_forgotten_a_day_after_they_expired(emulator):
    store, day = emulator.state.store, 86_400
    for name, age in (("old", day + 30), ("young", day - 30), ("new", 0)):
        store.add_token(name, time.time() - age)
    assert [name for name in ("old", "young", "new") if store.token_expires(name)] == ["young", "new"]


def test_the_id_of_a_sandbox_is_a_uuid():
    assert sandbox_id("prod") == str(uuid.UUID(hashlib.sha256(b"prod").hexdigest()[:32]))


@pytest.mark.parametrize("over", [0, 1])
def test_how_long_an_expression_of_a_mapping_set_is(emulator, over):
    item = {"source": "a" * (4096 + over), "destination": "b", "sourceType": "EXPRESSION"}
    body = {"outputSchema": {"schemaRef": {"id": CRM}}, "mappings": [item]}
    assert call("POST", emulator.url, wire.mapping_set_path(), json=body).status_code == (400 if over else 200)
