"""A network that does everything wrong, as a table: what happens, and what the command must answer.

Whatever happens, an upload ends soon, with 0 or 3 and a sentence; the token goes to nobody but the platform; and the
same command, given again when the trouble is over, ends with one batch that holds every record.
"""

from __future__ import annotations

import json
import os
import re
from typing import Any

import pytest
from hostile_kit import (
    DEEP,
    HUGE_NUMBER,
    PAGE,
    TOKEN,
    Behaviour,
    Certificates,
    Proxy,
    Server,
    body_of,
    bomb,
    cut_off,
    cut_off_chunk,
    drip_body,
    drip_head,
    endless_body,
    endless_chunk_line,
    endless_continue,
    endless_headers,
    endless_line,
    forward,
    loop,
    not_http,
    nothing,
    outcome,
    own_settings,
    packed,
    page,
    plain_text,
    redirect,
    reset,
    silent,
    status_of,
    unknown_coding,
    untyped_page,
)
from network_kit import CATALOG, CRM, act, call, lines, new_batch, new_dataset, put, quick, record, simple_folder

from xdmprep.emulator import Emulator

RECORDS = 12

ROUTES = {
    "dataset": r"^GET /data/foundation/catalog/dataSets/",
    "batches": r"^GET /data/foundation/catalog/batches\?",
    "create": r"^POST /data/foundation/import/batches$",
    "file": r"^PUT /data/foundation/import/batches/",
    "head": r"^HEAD /data/foundation/import/batches/",
    "complete": r"^POST /data/foundation/import/batches/[^/?]+\?action=COMPLETE",
    "status": r"^GET /data/foundation/catalog/batches/",
}
STEPS = [step for step in ROUTES if step != "head"]  # where HEAD is answered with nonsense the upload may go on

#: name -> behaviour, what the message says.  Each strikes at each step of an upload, for good.
ALWAYS: dict[str, tuple[Behaviour, str]] = {
    "web page with 200": (page, "a web page came back"),
    "web page without a type": (untyped_page, "not JSON"),
    "JSON as text/plain": (plain_text, "text came back"),
    "redirect loop": (loop, "redirect"),
    "redirect without encryption": (redirect("http://127.0.0.2:9/x"), "another host, http://127.0.0.2:9/x"),
    "gzip bomb": (bomb, "too large"),
    "packed as nobody asked": (unknown_coding, "packed as 'br'"),
    "endless headers": (endless_headers, "headers"),
    "endless header line": (endless_line, "(too large|too long)"),
    "endless 100 Continue": (endless_continue, "too large"),
    "endless body": (endless_body, "too large"),
    "endless chunk line": (endless_chunk_line, "(too large|damaged|broke)"),
    "headers byte by byte": (drip_head, "within 2 seconds"),
    "body byte by byte": (drip_body, "within 2 seconds"),
    "silence": (silent, "(no answer in time|within 2 seconds)"),
    "connection reset": (reset, "connection broke"),
    "not HTTP": (not_http, "not HTTP"),
    "cut off": (cut_off, "cut off"),
    "cut off in a chunk": (cut_off_chunk, "(cut off|damaged|broke)"),
    "401 for ever": (status_of(401, b'{"error_code":"401013","message":"Oauth token is not valid"}'), "not valid"),
    "403": (status_of(403, b'{"error_code":"403025","message":"Profile is not valid"}'), "permission"),
    "429 for ever": (status_of(429, Retry_After="0"), "HTTP 429"),
    "429 with a huge pause": (status_of(429, Retry_After="99999999999"), "within 2 seconds"),
    "503 with a date for ever": (
        status_of(503, Retry_After="Fri, 31 Dec 9999 23:59:59 GMT"),
        "(within 2 seconds|HTTP 503)",
    ),
    "500 storm": (status_of(500, b"<html>oops</html>"), "oops"),
    "507": (status_of(507, b'{"title":"no room"}'), "no room"),
    "broken JSON": (body_of(b'{"id": '), "not JSON"),
    "deep JSON": (body_of(DEEP), "not JSON"),
    "huge number": (body_of(HUGE_NUMBER), "not JSON"),
    "NaN": (body_of(b'{"id": NaN}'), "not JSON"),
    "not UTF-8": (body_of(b'{"id": "\xff\xfe"}'), "not JSON"),
    "an error with 200": (body_of(b'{"status":500,"title":"Sorry"}'), "Sorry"),
    "escapes in an error": (status_of(400, b'{"title":"\\u001b[2J\\u202eevil"}'), r"\\x1b\[2J\\u202eevil"),
    "an error of a megabyte": (status_of(400, b'{"title":"' + b"x" * 1_000_000 + b'"}'), "xxx"),
    "the token in an error": (status_of(400, json.dumps({"title": f"bad {TOKEN}"}).encode()), r"bad \*\*\*"),
}


@pytest.fixture
def platform(emulator):
    packed()
    with Server(forward(emulator.url)) as server:
        yield server


@pytest.fixture(autouse=True)
def own_settings_only(monkeypatch):
    own_settings(monkeypatch, BACKOFF="0.01")


def command(capfd: Any, *arguments: object) -> tuple[int, str, str, float]:
    made = outcome(capfd, list(arguments))
    assert max(len(line) for text in made[1:3] for line in text.split("\n")) < 2000
    return made


def one_batch(emulator: Emulator, dataset: str) -> None:
    """There is one batch in the dataset, and it holds every record."""
    params = {"dataSet": dataset, "limit": 100}
    found = call("GET", emulator.url, CATALOG + "/batches", params=params).json()
    assert [doc["status"] for doc in found.values()] == ["active"], found
    (doc,) = found.values()
    assert doc["metrics"]["outputRecordCount"] == RECORDS


def upload(capfd: Any, url: str, dataset: str, folder: Any, *more: object) -> tuple[int, str, str, float]:
    return command(capfd, "upload", folder, "--dataset", dataset, "--url", url, "--wait", "--wait-seconds", 30, *more)


HASTE = ("--timeout", 1, "--retries", 2, "--deadline", 2)


def some_of(names: Any, steps: list[str]) -> list[Any]:
    """All names at all steps; each name at one of the steps, and each step with some of the names, by default."""
    return [
        pytest.param(name, step, marks=() if (at + place) % len(steps) == 0 else pytest.mark.slow)
        for at, name in enumerate(names) for place, step in enumerate(steps)
    ]  # fmt: skip


@pytest.mark.parametrize(("name", "step"), some_of(ALWAYS, STEPS))
def test_trouble_that_stays_and_then_goes(emulator, platform, capfd, tmp_path, name, step):
    behaviour, sentence = ALWAYS[name]
    dataset = new_dataset(emulator.url)
    folder = simple_folder(tmp_path / "out")
    platform.rule(ROUTES[step], behaviour)
    code, output, errors, seconds = upload(capfd, platform.url, dataset, folder, *HASTE, "--json")
    assert code == 3, (output, errors)
    assert seconds < 25
    refused = json.loads(output)
    assert refused["ok"] is False and refused["error"]["message"] and refused["error"]["hint"], refused
    assert re.search(sentence, errors), errors
    for exchange in platform.seen:
        assert exchange.headers.get("authorization") == f"Bearer {TOKEN}"
    platform.rules.clear()
    assert upload(capfd, platform.url, dataset, folder)[0] == 0
    one_batch(emulator, dataset)
    assert upload(capfd, platform.url, dataset, folder)[0] == 0
    one_batch(emulator, dataset)
    assert TOKEN not in (folder / "upload.jsonl").read_text()


#: name -> behaviour: trouble that strikes twice, and that nobody should notice
PASSING: dict[str, Behaviour] = {
    "reset": reset, "cut off": cut_off, "500": status_of(500), "503": status_of(503), "502 page": status_of(502, PAGE),
    "429, negative pause": status_of(429, Retry_After="-7"),
    "429, a text for a pause": status_of(429, Retry_After="soon"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "step"), some_of(PASSING, list(ROUTES)))
def test_trouble_that_passes(emulator, platform, capfd, tmp_path, name, step):
    dataset = new_dataset(emulator.url)
    folder = simple_folder(tmp_path / "out")
    platform.rule(ROUTES[step], PASSING[name], 2)
    code, output, errors, _ = upload(capfd, platform.url, dataset, folder)
    assert code == 0, (output, errors)
    one_batch(emulator, dataset)


# ---- answers that read well and are wrong --------------------------------------------------------------------------


def changed(url: str, change: Any) -> Behaviour:
    """What the service answers, changed on its way back."""
    real = forward(url)

    def behave(exchange: Any) -> None:
        honest = exchange.answer

        def answer(status: int, body: bytes = b"", kind: str = "application/json", **headers: str) -> None:
            honest(*change(status, body), kind, **headers)

        exchange.answer = answer
        real(exchange)

    return behave


def documents(change: Any) -> Any:
    """Changes each object of a Catalog answer."""

    def apply(status: int, body: bytes) -> tuple[int, bytes]:
        data = json.loads(body)
        for doc in data.values():
            change(doc)
        return status, json.dumps(data).encode()

    return apply


def setting(**values: Any) -> Any:
    return documents(lambda doc: doc.update(values))


def fewer(doc: dict[str, Any]) -> None:
    if "metrics" in doc:
        doc["metrics"].update(inputRecordCount=RECORDS - 1, outputRecordCount=RECORDS - 1)


def unsaid_loss(doc: dict[str, Any]) -> None:
    if "metrics" in doc:
        doc["metrics"].update(outputRecordCount=RECORDS - 2, failedRecordCount=0)


#: name -> step, change of the answer, exit codes, what the command says
ODD: dict[str, tuple[str, Any, tuple[int, ...], str]] = {
    "counts that differ": ("status", documents(fewer), (3,), "counts 11 records read.*has 12"),
    "records lost without a word": ("status", documents(unsaid_loss), (3,), "10 ingested"),
    "metrics as a list": ("status", setting(metrics=[1, 2]), (0, 3), "no counts"),
    "metrics as texts": ("status", setting(metrics={"inputRecordCount": "many"}), (0, 3), "no counts"),
    "errors as texts": ("status", setting(errors=["\x1b[1mbad", 5, None, ["x"]]), (0,), ""),
    "errors as a text": ("status", setting(errors="bad"), (0,), ""),
    "related objects as texts": ("status", setting(relatedObjects=["x", 5]), (0,), ""),
    "status of another type": ("status", setting(status=["active"]), (3,), "not documented"),
    "a status that nobody knows": ("status", setting(status="frobnicated\x1b"), (3,), "not documented"),
    "no status": ("status", setting(status=None), (3,), "not documented"),
    "another batch": ("status", setting(id="other"), (3,), "does not describe batch"),
    "404 after create": ("status", lambda status, body: (404, b'{"title":"gone"}'), (3,), "404"),
    "an empty object": ("status", lambda status, body: (200, b"{}"), (3,), "does not exist"),
    "a list": ("status", lambda status, body: (200, b"[1]"), (3,), "does not describe"),
    "a batch without id": ("create", lambda status, body: (201, b'{"status":"loading"}'), (0, 3), ""),
    "an id of another type": ("create", lambda status, body: (201, b'{"id":17}'), (0, 3), ""),
    "an id with a line break": ("create", lambda status, body: (201, b'{"id":"a\\nb"}'), (0, 3), ""),
    "a huge id": ("create", lambda status, body: (201, json.dumps({"id": "x" * 10**6}).encode()), (0, 3), ""),
    "a list for a batch": ("create", lambda status, body: (201, b"[]"), (0, 3), ""),
    "409 for a new batch": ("create", lambda status, body: (409, b'{"title":"exists"}'), (0, 3), ""),
    "a page of 10,000 batches": (
        "batches", lambda status, body: (200, json.dumps({str(n): {"id": str(n)} for n in range(10_000)}).encode()),
        (0,), "",
    ),
    "batches as texts": ("batches", lambda status, body: (200, b'{"a":"b","c":[{}]}'), (0,), ""),
    "a list of batches": ("batches", lambda status, body: (200, b"[{}]"), (3,), "is no object"),
    "tags of another type": ("dataset", setting(tags=["x"]), (0,), ""),
    "a schema of another type": ("dataset", setting(schemaRef="x", fileDescription=5, name=7), (0,), ""),
    "another batch completed": ("complete", lambda status, body: (200, b'{"id":"other"}'), (3,), "not about batch"),
    "COMPLETE answered by a text": ("complete", lambda status, body: (200, b'"done"'), (3,), "not about batch"),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_odd_answers(emulator, platform, capfd, tmp_path, name):
    step, change, codes, sentence = ODD[name]
    dataset = new_dataset(emulator.url)
    folder = simple_folder(tmp_path / "out")
    platform.rule(ROUTES[step], changed(emulator.url, change))
    code, output, errors, _ = upload(capfd, platform.url, dataset, folder, "--retries", 2)
    assert code in codes, (output, errors)
    assert re.search(sentence, output + errors), (output, errors)
    platform.rules.clear()
    assert upload(capfd, platform.url, dataset, folder)[0] == 0
    one_batch(emulator, dataset)


# ---- files that did not arrive whole -------------------------------------------------------------------------------


def test_a_file_that_did_not_arrive_whole(emulator, platform, capfd, tmp_path):
    dataset = new_dataset(emulator.url)
    folder = simple_folder(tmp_path / "out")

    def half(exchange: Any) -> None:
        exchange.body = exchange.body[: len(exchange.body) // 2]
        exchange.headers["content-length"] = str(len(exchange.body))
        forward(emulator.url)(exchange)

    platform.rule(r"^PUT .*part-00001", half, 1)
    code, _, errors, _ = upload(capfd, platform.url, dataset, folder)
    assert code == 3 and "part-00001.json: the platform holds" in errors and "sends what is not whole again" in errors
    completed = [exchange for exchange in platform.seen if "action=COMPLETE" in exchange.target]
    assert completed == []
    before = len(platform.seen)
    assert upload(capfd, platform.url, dataset, folder)[0] == 0
    puts = [exchange.target for exchange in platform.seen[before:] if exchange.method == "PUT"]
    assert len(puts) == 1 and "part-00001" in puts[0]
    one_batch(emulator, dataset)


def test_a_file_that_is_not_there(emulator, platform, capfd, tmp_path):
    dataset = new_dataset(emulator.url)
    folder = simple_folder(tmp_path / "out")
    platform.rule(r"^PUT .*part-00002", nothing, 1)  # 200, and nothing was kept
    code, _, errors, _ = upload(capfd, platform.url, dataset, folder)
    assert code == 3 and "part-00002.json: the platform holds nothing" in errors
    assert upload(capfd, platform.url, dataset, folder)[0] == 0
    one_batch(emulator, dataset)


@pytest.mark.parametrize("status", [400, 404, 405, 501])
def test_a_platform_that_does_not_say_sizes(emulator, platform, capfd, tmp_path, status):
    dataset = new_dataset(emulator.url)
    folder = simple_folder(tmp_path / "out", files=30, rows=1)
    platform.rule(ROUTES["head"], status_of(status))
    code, _, errors, _ = upload(capfd, platform.url, dataset, folder)
    assert code == 0, errors
    asked = [exchange for exchange in platform.seen if exchange.method == "HEAD"]
    assert 20 <= len(asked) < 30  # it is left alone after some


def test_complete_that_nobody_heard(emulator, platform, capfd, tmp_path, monkeypatch):
    """200 and nothing else, as the guide shows it, from something that is not the platform."""
    monkeypatch.setattr("xdmprep.client.polling.LOADING_POLLS", 3)
    dataset = new_dataset(emulator.url)
    folder = simple_folder(tmp_path / "out")
    platform.rule(ROUTES["complete"], nothing, 1)
    code, _, errors, _ = upload(capfd, platform.url, dataset, folder)
    assert code == 3 and "still loading" in errors and "repeats COMPLETE" in errors
    before = len(platform.seen)
    assert upload(capfd, platform.url, dataset, folder)[0] == 0
    assert not [exchange for exchange in platform.seen[before:] if exchange.method == "PUT"]
    one_batch(emulator, dataset)


def test_without_wait_nothing_is_known(emulator, capfd, tmp_path):
    dataset = new_dataset(emulator.url)
    folder = simple_folder(tmp_path / "out")
    code, output, _, _ = command(capfd, "upload", folder, "--dataset", dataset, "--url", emulator.url)
    last = output.strip().split("\n")[-1]
    assert code == 0 and "xdmprep batch status " in last and ("Nothing is known" in last or "not compared" in last)


# ---- redirects -----------------------------------------------------------------------------------------------------


def test_a_redirect_within_the_platform_is_followed(emulator, platform, capfd):
    dataset = new_dataset(emulator.url)
    platform.rule(rf"^GET .*/dataSets/{dataset}$", redirect(f"/data/foundation/catalog/dataSets/{dataset}?x=1", 307))
    code, output, _, _ = command(capfd, "dataset", "show", dataset, "--url", platform.url)
    assert code == 0 and CRM in output


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_the_token_goes_to_no_other_host(emulator, platform, capfd, status):
    dataset = new_dataset(emulator.url)
    with Server(page) as other:
        platform.rule(r"^GET", redirect(other.url + "/elsewhere?token=x", status))
        code, _, errors, _ = command(capfd, "dataset", "show", dataset, "--url", platform.url)
        assert code == 3 and f"another host, {other.url}/elsewhere;" in errors
        assert other.seen == []


# ---- TLS and proxies -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.mark.parametrize(
    ("server", "sentence"),
    [
        ({"signed": False}, "certificate|self-signed|issuer"), ({"days": -1}, "expired"),
        ({"host": "other.example"}, "not valid for|mismatch"), ({}, ""), (None, "does not speak TLS"),
    ],
)  # fmt: skip
def test_certificates_that_cannot_be_trusted_are_named(emulator, certificates, capfd, monkeypatch, server, sentence):
    dataset = new_dataset(emulator.url)
    monkeypatch.setenv("XDMPREP_CA_BUNDLE", str(certificates.ca))
    context = None if server is None else certificates.context(**server)
    with Server(forward(emulator.url), context) as platform:
        url = platform.url.replace("http:", "https:")
        code, _, errors, seconds = command(capfd, "dataset", "show", dataset, "--url", url)
        assert code == (3 if sentence else 0), errors
        assert not sentence or ("not trustworthy" in errors and re.search(sentence, errors)), errors
        assert len(platform.seen) == (0 if sentence else 2) and seconds < 10


def test_our_certificates_win_over_the_variables(emulator, certificates, capfd, monkeypatch, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    wrong = Certificates(other).ca
    dataset = new_dataset(emulator.url)
    with Server(forward(emulator.url), certificates.context()) as platform:
        show = ("dataset", "show", dataset, "--url", platform.url)
        for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
            monkeypatch.setenv(name, str(certificates.ca))
            assert command(capfd, *show)[0] == 0  # the variable alone
            monkeypatch.setenv(name, str(wrong))
            assert command(capfd, *show)[0] == 3
            monkeypatch.setenv("XDMPREP_CA_BUNDLE", str(certificates.ca))
            assert command(capfd, *show)[0] == 0  # and ours beside it
            monkeypatch.delenv("XDMPREP_CA_BUNDLE")
            monkeypatch.setenv(name, str(tmp_path / "none.pem"))
            code, _, errors, _ = command(capfd, *show)
            assert code == 2 and f"{name}=" in errors and "no such file" in errors
            monkeypatch.delenv(name)


def test_our_proxy_wins_over_the_variables(emulator, certificates, capfd, monkeypatch):
    monkeypatch.setenv("XDMPREP_CA_BUNDLE", str(certificates.ca))
    dataset = new_dataset(emulator.url)
    with (
        Server(forward(emulator.url), certificates.context()) as secure,
        Server(forward(emulator.url)) as plain, Proxy() as ours, Proxy() as theirs,
    ):  # fmt: skip
        for target in (secure, plain):
            show = ("dataset", "show", dataset, "--url", target.url)
            for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "https_proxy", "http_proxy", "all_proxy"):
                monkeypatch.setenv(name, theirs.url)
            for name in ("NO_PROXY", "no_proxy"):
                monkeypatch.setenv(name, "127.0.0.1,localhost,*")
            monkeypatch.setenv("XDMPREP_PROXY", ours.url)
            assert command(capfd, *show)[0] == 0
            assert ours.seen and not theirs.seen
            assert all("proxy-authorization" not in exchange.headers for exchange in ours.seen)
            monkeypatch.setenv("XDMPREP_PROXY", "none")
            ours.seen.clear()
            assert command(capfd, *show)[0] == 0
            assert not ours.seen and not theirs.seen


def test_the_variables_count_where_we_say_nothing(emulator, capfd, monkeypatch):
    """A name that is not the loopback's, which only the proxy can resolve."""
    dataset = new_dataset(emulator.url)

    class Resolving(Proxy):
        def _pass(self, exchange: Any) -> None:
            exchange.target = exchange.target.replace("http://platform.example", emulator.url)
            exchange.headers["host"] = emulator.url.removeprefix("http://")
            super()._pass(exchange)

    with Resolving() as proxy:
        show = ("dataset", "show", dataset, "--url", "http://platform.example", "--retries", 1)
        monkeypatch.setenv("http_proxy", proxy.url)
        assert command(capfd, *show)[0] == 0 and len(proxy.seen) == 2
        monkeypatch.setenv("no_proxy", "platform.example")
        assert command(capfd, *show)[0] == 3 and len(proxy.seen) == 2
        monkeypatch.setenv("XDMPREP_PROXY", proxy.url)
        assert command(capfd, *show)[0] == 0 and len(proxy.seen) == 4


@pytest.mark.parametrize("secure", [True, False])
@pytest.mark.parametrize("what", ["login", "page", "garbage", "bomb", "nobody"])
def test_proxies_that_refuse(emulator, certificates, capfd, monkeypatch, secure, what):
    dataset = new_dataset(emulator.url)
    answers = {
        "page": b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%b" % (len(PAGE), PAGE),
        "garbage": b"SSH-2.0\r\n", "bomb": b"HTTP/1.1 200 OK\r\n" + b"X-Filler: y\r\n" * 100_000 + b"\r\n",
    }  # fmt: skip
    monkeypatch.setenv("XDMPREP_CA_BUNDLE", str(certificates.ca))
    with (
        Server(forward(emulator.url), certificates.context() if secure else None) as platform,
        Proxy(login="user:pass-word" if what == "login" else "", refuse=answers.get(what, b"")) as proxy,
    ):
        address = "http://127.0.0.1:9" if what == "nobody" else proxy.url
        monkeypatch.setenv("XDMPREP_PROXY", address)
        show = ("dataset", "show", dataset, "--url", platform.url, "--retries", 2, "--timeout", 2)
        code, _, errors, seconds = command(capfd, *show)
        assert code == 3 and seconds < 15, errors
        assert not platform.seen
        if what == "login":
            assert "login" in errors
            monkeypatch.setenv("XDMPREP_PROXY", address.replace("//", "//user:pass-word@"))
            assert command(capfd, *show)[0] == 0
            monkeypatch.setenv("XDMPREP_PROXY", address.replace("//", "//user:wrong-word@"))
            code, output, errors, _ = command(capfd, *show)
            assert code == 3 and "wrong-word" not in output + errors


def test_a_netrc_file_never_replaces_the_token(emulator, platform, capfd, monkeypatch, tmp_path):
    dataset = new_dataset(emulator.url)
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login me password other\ndefault login you password another\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert command(capfd, "dataset", "show", dataset, "--url", platform.url)[0] == 0
    assert {exchange.headers["authorization"] for exchange in platform.seen} == {f"Bearer {TOKEN}"}


# ---- what is never printed -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    ["http://user:pass-word@127.0.0.1:9", "user:pass-word@host", "http://user:pass-word@[bad", "//u:pass-word@h/x y",
     "ftp://user:pass-word@h", "http://user:p@pass-word@h", "http://user:pass-word\x1b@h", "http://u:pass-word@h:99999"],
)  # fmt: skip
def test_a_password_in_the_address_is_not_shown(capfd, tmp_path, url):
    folder = simple_folder(tmp_path / "out")
    for arguments in (
        ("upload", folder, "--dataset", "d", "--url", url),
        ("batch", "status", "b", "--url", url, "--json"),
    ):
        code, output, errors, _ = command(capfd, *arguments)
        assert code == 2 and "pass-word" not in output + errors and "is not an address" in errors
    assert not (folder / "upload.jsonl").exists()


@pytest.mark.parametrize(
    "token", ["first-line\nsecond-line", "first-line\r\nX-Evil: 1", "nul\0first-line", "über-first-line"]
)
def test_a_token_with_a_line_break_is_refused_unseen(capfd, monkeypatch, tmp_path, token):
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"token": token, "org": "o", "client_id": "c"}))
    monkeypatch.delenv("XDMPREP_TOKEN")
    code, output, errors, _ = command(capfd, "batch", "status", "b", "--config", path)
    assert code == 2 and "first-line" not in output + errors and "'token'" in errors
    if "\0" not in token:
        monkeypatch.setenv("XDMPREP_TOKEN", token)
        code, output, errors, _ = command(capfd, "batch", "status", "b", "--url", "http://127.0.0.1:9")
        assert code == 2 and "first-line" not in output + errors
    for odd in ([token], {"a": token}, 5, True):
        path.write_text(json.dumps({"token": odd, "org": "o", "client_id": "c"}))
        monkeypatch.delenv("XDMPREP_TOKEN", raising=False)
        code, output, errors, _ = command(capfd, "batch", "status", "b", "--config", path)
        assert code == 2 and "first-line" not in output + errors


#: what the token service answers, and what is said
TOKENS: dict[str, tuple[Behaviour, str]] = {
    "page": (page, "web page"), "empty": (nothing, "without a body"), "a list": (body_of(b"[]"), "no access_token"),
    "a number": (body_of(b'{"access_token": 5}'), "no access_token"),
    "a line break": (body_of(b'{"access_token": "secret-part\\r\\nX: y"}'), "no header can carry"),
    "not ASCII": (body_of('{"access_token": "secret-part-ü"}'.encode()), "no header can carry"),
    "refused": (status_of(400, b'{"error":"invalid_client","error_description":"SECRET-VALUE"}'), r"\*\*\*"),
    "redirected": (redirect("http://127.0.0.2:9/ims"), "another host"), "reset": (reset, "broke"),
    "drip": (drip_body, "within 2 seconds"),
}  # fmt: skip


@pytest.mark.parametrize("name", TOKENS)
def test_the_token_service(emulator, capfd, monkeypatch, name):
    behaviour, sentence = TOKENS[name]
    monkeypatch.delenv("XDMPREP_TOKEN")
    with Server(behaviour) as service:
        for key, value in (
            ("IMS_URL", service.url),
            ("CLIENT_ID", "i"),
            ("CLIENT_SECRET", "SECRET-VALUE"),
            ("ORG", "o"),
        ):
            monkeypatch.setenv(f"XDMPREP_{key}", value)
        show = ("batch", "status", "b", "--url", emulator.url, *HASTE)
        code, output, errors, seconds = command(capfd, *show)
    assert code == 3 and seconds < 10, errors
    assert re.search(sentence, errors), errors
    assert "SECRET-VALUE" not in output + errors and "secret-part" not in output + errors


# ---- journals and manifests ----------------------------------------------------------------------------------------


#: name -> change of each line of the journal of an upload that was cut off before its end
JOURNALS: dict[str, Any] = {
    "other types": lambda entry: {**entry, "batch": 5, "file": [], "sha256": {}, "chunk": "x"},
    "no batch": lambda entry: {k: v for k, v in entry.items() if k != "batch"},
    "no step": lambda entry: {k: v for k, v in entry.items() if k != "step"},
    "step of another type": lambda entry: {**entry, "step": ["sent"]},
    "a list": lambda entry: [entry],
    "another batch": lambda entry: {**entry, "batch": "\x1b[2Jnone"},
    "negative chunks": lambda entry: {**entry, "step": "begun", "file": "part-00000.json", "chunk": -5},
}


@pytest.mark.parametrize("name", [*JOURNALS, "not UTF-8", "deep", "NUL", "a line of 3 MB"])
def test_journals_of_other_types(emulator, platform, capfd, tmp_path, name):
    dataset = new_dataset(emulator.url)
    folder = simple_folder(tmp_path / "out")
    platform.rule(ROUTES["complete"], status_of(403), 1)
    assert upload(capfd, platform.url, dataset, folder)[0] == 3
    journal = folder / "upload.jsonl"
    if name in JOURNALS:
        entries = [JOURNALS[name](json.loads(line)) for line in journal.read_text().splitlines()]
        journal.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    else:
        more = {
            "not UTF-8": b"\xff\xfe\n",
            "deep": DEEP + b"\n",
            "NUL": b"\0" * 100,
            "a line of 3 MB": b"x" * 3_000_000,
        }[name]
        journal.write_bytes(more + journal.read_bytes() + more)
    code, output, errors, _ = upload(capfd, platform.url, dataset, folder)
    assert code == 0, (output, errors)
    one_batch(emulator, dataset)


def test_a_journal_that_says_completed_needs_again(emulator, platform, capfd, tmp_path):
    dataset = new_dataset(emulator.url)
    folder = simple_folder(tmp_path / "out")
    assert upload(capfd, platform.url, dataset, folder)[0] == 0
    platform.rule(ROUTES["status"], status_of(404))
    platform.rule(ROUTES["batches"], body_of(b"{}"))
    for _ in range(2):
        code, _, errors, _ = upload(capfd, platform.url, dataset, folder)
        assert code == 3 and "were sent before" in errors and "--again" in errors
        one_batch(emulator, dataset)
    assert not [x for x in platform.seen[-4:] if x.method in ("POST", "PUT")]
    platform.rules.clear()
    assert upload(capfd, platform.url, dataset, folder, "--again")[0] == 0  # Catalog knows it after all
    one_batch(emulator, dataset)
    lost = simple_folder(tmp_path / "lost", first=100)
    assert upload(capfd, platform.url, dataset, lost)[0] == 0
    (batch,) = (
        key for key, doc in call("GET", emulator.url, CATALOG + "/batches", params={"dataSet": dataset}).json().items()
        if key in (lost / "upload.jsonl").read_text()
    )  # fmt: skip
    platform.rule(rf"^GET /data/foundation/catalog/batches/{batch}$", status_of(404))
    assert upload(capfd, platform.url, dataset, lost)[0] == 3
    assert upload(capfd, platform.url, dataset, lost, "--again")[0] == 0
    found = call("GET", emulator.url, CATALOG + "/batches", params={"dataSet": dataset}).json()
    assert len(found) == 3
    assert upload(capfd, platform.url, dataset, lost)[0] == 0  # without --again the new one is found
    assert len(call("GET", emulator.url, CATALOG + "/batches", params={"dataSet": dataset}).json()) == 3


@pytest.mark.parametrize("state", ["loading", "active"])
@pytest.mark.parametrize("whose", ["of other files", "of another client", "of another dataset"])
def test_a_journal_that_names_another_batch(emulator, platform, capfd, tmp_path, whose, state):
    """Nothing goes into somebody else's batch, and nobody else's batch counts as these files."""
    dataset = new_dataset(emulator.url)
    foreign = new_dataset(emulator.url) if whose == "of another dataset" else dataset
    more = {"externalId": f"xdmprep-{state:0<32}"} if whose == "of other files" else {}
    other = new_batch(emulator.url, foreign, **more)
    if state == "active":
        put(emulator.url, other, foreign, "a.json", lines([record(n) for n in range(RECORDS)]))
        act(emulator.url, other, "COMPLETE")
        quick(emulator.url).wait(other)
    folder = simple_folder(tmp_path / "out")
    platform.rule(ROUTES["complete"], status_of(403), 1)
    assert upload(capfd, platform.url, dataset, folder)[0] == 3
    journal = folder / "upload.jsonl"
    text = journal.read_text()
    own = json.loads(text.splitlines()[-1])["batch"]
    journal.write_text(text.replace(own, other))
    before = len(platform.seen)
    code, _, errors, _ = upload(capfd, platform.url, dataset, folder)
    assert code == 3 and f"names batch {other}" in errors and "upload.jsonl" in errors, errors
    assert {exchange.method for exchange in platform.seen[before:]} == {"GET"}
    journal.unlink()
    assert upload(capfd, platform.url, dataset, folder)[0] == 0
    found = call("GET", emulator.url, CATALOG + "/batches", params={"dataSet": dataset}).json()
    assert found[own]["metrics"]["outputRecordCount"] == RECORDS and len(found) == (1 if foreign != dataset else 2)


@pytest.mark.parametrize("kind", ["fifo", "folder", "/dev/null", "/dev/full", "a link to itself", "a dangling link"])
def test_journals_that_are_no_files(emulator, platform, capfd, tmp_path, kind):
    folder = simple_folder(tmp_path / "out")
    journal = folder / "upload.jsonl"
    if kind == "fifo":
        os.mkfifo(journal)
    elif kind == "folder":
        journal.mkdir()
    else:
        journal.symlink_to({"a link to itself": journal, "a dangling link": tmp_path / "no" / "x"}.get(kind, kind))
    code, _, errors, seconds = upload(capfd, platform.url, new_dataset(emulator.url), folder)
    assert code == 2 and "upload.jsonl" in errors and seconds < 10, errors
    assert not [x for x in platform.seen if x.method != "GET"]


MANIFESTS: dict[str, dict[str, Any]] = {
    "format a list": {"format": ["json"]}, "files an object": {"files": {}}, "files of texts": {"files": ["a"]},
    "a name that is a number": {"files": [{"name": 5, "rows": 1, "bytes": 1, "sha256": "x"}]},
    "bytes as a text": {"files": [{"name": "a", "rows": 1, "bytes": "1", "sha256": "x"}]},
    "rows as a bool": {"files": [{"name": "a", "rows": True, "bytes": 1, "sha256": "x"}]},
    "a file too many keys": {"files": [{"name": "a", "rows": 1, "bytes": 1, "sha256": "x", "more": 1}]},
    "counts a list": {"counts": [1, 2, 3]},
    "counts of texts": {"counts": {"rows": "1", "written": "1", "rejected": "0"}},
    "schema a text": {"schema": "x"}, "source a list": {"source": []}, "upsert a text": {"upsert": "no"},
    "threshold a text": {"threshold": "5"}, "threshold a list": {"threshold": [5]},
    "threshold too large": {"threshold": 1e9}, "software a number": {"software": 5},
    "multiline null": {"multiline": None}, "version a text": {"manifestVersion": "1"},
    "negative": {"counts": {"rows": -1, "written": -1, "rejected": 0}},
}  # fmt: skip


@pytest.mark.parametrize("name", MANIFESTS)
def test_manifests_of_other_types(emulator, platform, capfd, tmp_path, name):
    folder = simple_folder(tmp_path / "out")
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **MANIFESTS[name]}))
    code, _, errors, _ = upload(capfd, platform.url, new_dataset(emulator.url), folder)
    assert code == 2 and "manifest" in errors and len(errors) < 1000, errors
    assert not [x for x in platform.seen if x.method != "GET"]
