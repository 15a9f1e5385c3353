"""Which requests are tried again, how long we wait, and what errors say."""

from __future__ import annotations

import socket
import threading
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from xdmprep.client.config import Config
from xdmprep.client.session import Session, Uncertain, _retry_after
from xdmprep.errors import PlatformError

OK = (200, {}, b"{}")


class Scripted:
    """A server that answers what it is told, in order; the last answer stays."""

    def __init__(self) -> None:
        outer = self
        self.answers: list = []
        self.requests: list = []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                outer.requests.append((self.command, self.path, dict(self.headers), body))
                answer = outer.answers.pop(0) if len(outer.answers) > 1 else outer.answers[0]
                if answer == "drop":
                    self.close_connection = True
                    self.connection.close()
                    return
                if answer == "hang":
                    time.sleep(1.5)
                    return
                status, headers, text = answer
                self.send_response(status)
                headers = {"Content-Length": str(len(text)), **headers}
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text)
                if int(headers["Content-Length"]) != len(text):
                    self.close_connection = True

            do_GET = do_POST = do_PUT = do_HEAD = do_PATCH = answer

            def log_message(self, *args: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, request: object, client_address: object) -> None:
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def server():
    scripted = Scripted()
    yield scripted
    scripted.close()


@pytest.fixture
def session(server):
    pauses: list[float] = []
    made = Session(Config.load(url=server.url, retries=4, timeout=0.5), sleep=pauses.append)
    made.pauses = pauses  # type: ignore[attr-defined]
    yield made
    made.close()


@pytest.mark.parametrize(
    "trouble", [(429, {}, b""), (500, {}, b""), (502, {}, b"<html>"), (503, {}, b""), "drop", "hang"]
)
def test_safe_requests_are_tried_again(server, session, trouble):
    server.answers = [trouble, trouble, OK]
    assert session.call("GET", "/x").status_code == 200
    assert len(server.requests) == 3 and len(session.pauses) == 2


def test_a_half_answer_is_noticed(server, session):
    server.answers = [(200, {"Content-Length": "100"}, b"{}"), OK]
    assert session.call("GET", "/x").json() == {}
    assert len(server.requests) == 2


@pytest.mark.parametrize("trouble", [(500, {}, b""), (503, {}, b""), "drop", "hang"])
def test_unsafe_requests_are_left_to_the_caller(server, session, trouble):
    server.answers = [trouble]
    with pytest.raises(Uncertain):
        session.call("POST", "/x", safe=False, json_body={})
    assert len(server.requests) == 1


def test_even_unsafe_requests_are_repeated_after_429(server, session):
    server.answers = [(429, {}, b""), OK]
    session.call("POST", "/x", safe=False, json_body={})
    assert len(server.requests) == 2


@pytest.mark.parametrize("status", [400, 403, 404, 405, 409, 411, 413, 414, 415, 301, 302])
def test_refusals_are_final_and_say_everything(server, session, status):
    headers = {"x-request-id": "R-1", "Location": "http://127.0.0.1:1/"}
    server.answers = [(status, headers, b'{"title":"NoNo","detail":"because"}')]
    with pytest.raises(PlatformError) as caught:
        session.call("PUT", "/x", what="PUT a.json", batch="B", file="a.json")
    error = caught.value
    text = str(error)
    assert all(
        part in text for part in ("PUT a.json", "batch B", f"HTTP {status}", "NoNo: because", "R-1", "cannot help")
    )
    assert (error.status, error.request_id, error.batch, error.file) == (status, "R-1", "B", "a.json")
    assert error.retryable is False
    assert len(server.requests) == 1


def test_retry_after_is_kept(server, session):
    server.answers = [
        (429, {"Retry-After": "7"}, b""),
        (503, {"Retry-After": formatdate(time.time() + 60, usegmt=True)}, b""),
        OK,
    ]
    session.call("GET", "/x")
    assert session.pauses[0] == 7
    assert 50 < session.pauses[1] <= 60


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("0", 0, 0),
        ("2.5", 2.5, 2.5),
        ("-5", 0, 0),
        ("nan", 0, 0),
        ("1e9", 600, 600),
        ("Mon, 01 Jan 1990 00:00:00 GMT", 0, 0),
    ],
)
def test_every_kind_of_retry_after(text, low, high):
    seconds = _retry_after(text)
    assert seconds is not None and low <= seconds <= high


@pytest.mark.parametrize("text", [None, "", "soon", "Mon, 99 Foo"])
def test_unreadable_retry_after_means_a_pause_of_ours(text):
    assert _retry_after(text) is None


def test_pauses_grow_with_jitter_and_have_an_end(server, session):
    server.answers = [(503, {}, b'{"message":"busy"}')]
    with pytest.raises(PlatformError, match=r"HTTP 503.*busy.*later can help") as caught:
        session.call("GET", "/x")
    assert caught.value.retryable is True
    assert len(server.requests) == 4
    assert [0.5 * base <= pause <= base for pause, base in zip(session.pauses, (0.5, 1, 2), strict=True)] == [True] * 3


def test_nobody_there_is_found_out_soon():
    pauses: list[float] = []
    session = Session(Config.load(url="http://127.0.0.1:9", retries=8), sleep=pauses.append)
    with pytest.raises(PlatformError, match=r"connection refused.*Is the address right") as caught:
        session.call("GET", "/x")
    assert len(pauses) == 2 and caught.value.exit_code == 3


def test_the_body_is_sent_anew_with_each_try(server, session, tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"hello")
    server.answers = [(503, {}, b""), "drop", OK]
    session.call("PUT", "/x", body=lambda: path.open("rb"))
    assert [request[3] for request in server.requests] == [b"hello"] * 3
    assert {request[2]["Content-Length"] for request in server.requests} == {"5"}


def test_a_slow_receiver_gets_the_time_that_an_answer_has(monkeypatch, tmp_path):
    """The limit for reaching a host is not one for sending a block to it."""
    path = tmp_path / "x"
    path.write_bytes(b"x" * 8_000_000)
    received: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                time.sleep(1.0)  # longer than it may take to reach the host
                size = 0
                while size < 8_000_000 and (block := connection.recv(1 << 20)):
                    size += len(block)
                received.append(size)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        monkeypatch.setattr("xdmprep.client.session.CONNECT_SECONDS", 0.2)
        session = Session(Config.load(url=f"http://127.0.0.1:{listener.getsockname()[1]}", retries=1, timeout=20))
        session.call("PUT", "/x", body=lambda: path.open("rb"))
        thread.join(20)
        session.close()
    assert received[0] >= 8_000_000


def test_headers_of_every_call(server, session):
    server.answers = [OK]
    session.call("GET", "/x")
    headers = {name.lower(): value for name, value in server.requests[0][2].items()}
    assert headers["authorization"] == "Bearer local"
    assert headers["x-api-key"] and headers["x-gw-ims-org-id"] and headers["x-sandbox-name"] == "prod"


def test_proxies_of_the_environment_do_not_mean_this_machine(server, session, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    server.answers = [OK]
    assert session.call("GET", "/x").status_code == 200


# ---- tokens --------------------------------------------------------------------------------------------------------


@pytest.fixture
def account(server):
    settings = {"org": "o", "client_id": "ID", "client_secret": "SECRET-VALUE", "ims_url": server.url}
    pauses: list[float] = []
    session = Session(Config.load(url=server.url, retries=3, timeout=0.5, **settings), sleep=pauses.append)
    yield session
    session.close()


def issued(token, seconds=86399):
    import json

    return 200, {}, json.dumps({"access_token": token, "token_type": "bearer", "expires_in": seconds}).encode()


def test_token_is_asked_for_once_as_the_console_says(server, account):
    server.answers = [issued("TOKEN-1"), OK]
    account.call("GET", "/a")
    account.call("GET", "/b")
    method, path, headers, body = server.requests[0]
    assert (method, path) == ("POST", "/ims/token/v3")
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert "Authorization" not in headers
    for part in (b"client_id=ID", b"client_secret=SECRET-VALUE", b"grant_type=client_credentials", b"openid%2Csession"):
        assert part in body
    assert [request[2].get("Authorization") for request in server.requests[1:]] == ["Bearer TOKEN-1"] * 2


def test_401_renews_the_token_once(server, account):
    server.answers = [issued("TOKEN-1"), (401, {}, b""), issued("TOKEN-2"), OK]
    account.call("GET", "/a")
    assert [request[1] for request in server.requests] == ["/ims/token/v3", "/a", "/ims/token/v3", "/a"]
    server.answers = [(401, {}, b'{"error_code":"401013","message":"Oauth token is not valid"}'), issued("TOKEN-3"),
                      (401, {}, b'{"error_code":"401013","message":"Oauth token is not valid"}')]  # fmt: skip
    with pytest.raises(PlatformError, match=r"401 401013: Oauth token is not valid"):
        account.call("GET", "/a")


def test_many_threads_ask_for_one_token(server, account, monkeypatch):
    server.answers = [OK]
    asked, failed, refuse = [], [], []

    def ask() -> tuple[str, float]:
        asked.append(1)
        time.sleep(0.3)
        if refuse:
            raise PlatformError("no")
        return "THE-SAME-TOKEN", 86399.0

    monkeypatch.setattr(account, "_ask_token", ask)
    barrier = threading.Barrier(16)

    def work() -> None:
        barrier.wait()
        try:
            account.call("GET", "/a")
        except PlatformError as error:
            failed.append(error)

    def together() -> int:
        before = len(asked)
        threads = [threading.Thread(target=work) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return len(asked) - before

    assert together() == 1 and not failed
    account._renew_at = 0.0  # it has grown old, and the service gives the same one again
    assert together() == 1 and not failed
    account._renew_at = 0.0
    refuse.append(1)  # one that asks is told no, and so are all who waited for it
    assert together() == 1 and len(failed) == 16


def test_a_refused_token_request_is_clear_and_hides_the_secret(server, account):
    server.answers = [(400, {}, b'{"error":"invalid_client","error_description":"bad SECRET-VALUE"}')]
    with pytest.raises(PlatformError, match=r"token: HTTP 400: bad \*\*\*: invalid_client"):
        account.call("GET", "/a")
    server.answers = [(200, {}, b"<html>")]
    with pytest.raises(PlatformError, match="the answer is not JSON"):
        account.call("GET", "/a")


def test_a_ready_token_that_ends_is_a_clear_error(server, session):
    server.answers = [(401, {}, b'{"error_code":"401013","message":"Oauth token is not valid"}')]
    with pytest.raises(PlatformError, match=r"401013.*get another"):
        session.call("GET", "/a")
