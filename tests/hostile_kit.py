"""A network that does everything wrong: servers that speak HTTP byte by byte, proxies, and certificates of our own."""

from __future__ import annotations

import base64
import contextlib
import datetime
import functools
import gzip
import http.client
import ipaddress
import os
import re
import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from xdmprep.cli import run

Behaviour = Callable[["Exchange"], None]


class Exchange:
    """One request, and the socket to answer on."""

    def __init__(self, sock: socket.socket, method: str, target: str, headers: dict[str, str], body: bytes) -> None:
        self.sock, self.method, self.target, self.headers, self.body = sock, method, target, headers, body

    def send(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            self.sock.sendall(data)

    def answer(self, status: int, body: bytes = b"", kind: str = "application/json", **headers: str) -> None:
        lines = [f"HTTP/1.1 {status} X", "Connection: close", f"Content-Length: {len(body)}"]
        lines += [f"Content-Type: {kind}"] if kind else []
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (b"" if self.method == "HEAD" else body))

    def reset(self) -> None:
        """Cut the connection so that the other side is told."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def drip(self, data: bytes, seconds: float = 30.0, pause: float = 0.05) -> None:
        """A byte at a time, for as long as somebody listens."""
        end = time.monotonic() + seconds
        with contextlib.suppress(OSError):
            for at in range(10**9):
                if time.monotonic() > end:
                    return
                self.sock.sendall(data[at % len(data) : at % len(data) + 1])
                time.sleep(pause)

    def flood(self, data: bytes, most: int = 1 << 30) -> None:
        """The same again and again, as fast as it is taken."""
        with contextlib.suppress(OSError):
            for _ in range(most // len(data)):
                self.sock.sendall(data)


class Server:
    """Answers each request with the first behaviour whose pattern fits ``METHOD /path``, else with `otherwise`."""

    def __init__(self, otherwise: Behaviour, context: ssl.SSLContext | None = None) -> None:
        self.rules: list[tuple[re.Pattern[str], Behaviour, int]] = []
        self.otherwise, self.context = otherwise, context
        self.seen: list[Exchange] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"{'http' if context is None else 'https'}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def rule(self, pattern: str, behaviour: Behaviour, times: int = -1) -> None:
        self.rules.append((re.compile(pattern), behaviour, times))

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError), sock:
            if self.context is not None:
                sock = self.context.wrap_socket(sock, server_side=True)
            exchange = read_request(sock)
            if exchange is None:
                return
            self.seen.append(exchange)
            for at, (pattern, behaviour, times) in enumerate(self.rules):
                if times and pattern.search(f"{exchange.method} {exchange.target}"):
                    self.rules[at] = (pattern, behaviour, times - 1)
                    behaviour(exchange)
                    break
            else:
                self.otherwise(exchange)
            with contextlib.suppress(OSError):
                exchange.sock.shutdown(socket.SHUT_WR)
                exchange.sock.close()

    def close(self) -> None:
        self._listener.close()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def read_request(sock: socket.socket) -> Exchange | None:
    head = b""
    while b"\r\n\r\n" not in head:
        piece = sock.recv(65536)
        if not piece:
            return None
        head += piece
        if head[:1] == b"\x16":  # the begin of TLS, where none is spoken
            sock.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            return None
    head, _, body = head.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        piece = sock.recv(1 << 20)
        if not piece:
            break
        body += piece
    return Exchange(sock, method, target, headers, body)


def forward(url: str) -> Behaviour:
    """What the service at `url` answers."""
    host = urlsplit(url).netloc

    def behave(exchange: Exchange) -> None:
        connection = http.client.HTTPConnection(host, timeout=30)
        sent = {name: value for name, value in exchange.headers.items() if name != "host"}
        target = exchange.target
        if "://" in target:  # as proxies are asked
            target = urlsplit(target)._replace(scheme="", netloc="").geturl()
        with contextlib.closing(connection):
            connection.request(exchange.method, target, body=exchange.body, headers=sent)
            answer = connection.getresponse()
            body = answer.read()
        kept = {
            n: v for n, v in answer.getheaders() if n.lower() not in ("content-length", "connection", "content-type")
        }
        exchange.answer(answer.status, body, answer.getheader("Content-Type") or "", **kept)

    return behave


class Proxy(Server):
    """A proxy of HTTP and of CONNECT; with `login` (user:password) it wants one."""

    def __init__(self, login: str = "", refuse: bytes = b"") -> None:
        super().__init__(self._pass)
        self.login, self.refuse = login, refuse

    def _pass(self, exchange: Exchange) -> None:
        if self.refuse:
            exchange.send(self.refuse)
            return
        wanted = "Basic " + base64.b64encode(self.login.encode()).decode()
        if self.login and exchange.headers.get("proxy-authorization") != wanted:
            exchange.answer(407, b"<html>login please</html>", "text/html", Proxy_Authenticate="Basic realm=x")
            return
        if exchange.method != "CONNECT":
            forward(exchange.target)(exchange)
            return
        host, _, port = exchange.target.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=30) as upstream:
            exchange.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
            pair = (exchange.sock, upstream)
            while True:
                ready, _, _ = select.select(pair, (), (), 30)
                if not ready:
                    return
                for one in ready:
                    data = one.recv(65536)
                    if not data:
                        return
                    (upstream if one is exchange.sock else exchange.sock).sendall(data)


# ---- certificates --------------------------------------------------------------------------------------------------


class Certificates:
    """An authority of our own, and certificates that it signed."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.ca = folder, folder / "ca.pem"
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "our authority")])
        made = self._builder(self._name, self._key, 30).add_extension(x509.BasicConstraints(True, None), True)
        self.ca.write_bytes(made.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def _builder(self, name: x509.Name, key: ec.EllipticCurvePrivateKey, days: int) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder().subject_name(name).issuer_name(self._name).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=40))
            .not_valid_after(now + datetime.timedelta(days=days))
        )  # fmt: skip

    def context(self, host: str = "127.0.0.1", days: int = 30, signed: bool = True) -> ssl.SSLContext:
        """What a server for `host` needs; on request not signed by our authority, or not valid any more."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        known: x509.GeneralName = x509.DNSName(host)
        with contextlib.suppress(ValueError):
            known = x509.IPAddress(ipaddress.ip_address(host))
        builder = self._builder(name, key, days).add_extension(x509.SubjectAlternativeName([known]), False)
        made = builder.sign(self._key if signed else key, hashes.SHA256())
        file = self.folder / f"{made.serial_number:x}.pem"
        file.write_bytes(
            made.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                serialization.NoEncryption())
        )  # fmt: skip
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


# ---- behaviours ----------------------------------------------------------------------------------------------------

PAGE = b"<!doctype html><html><title>Sign in</title><body>Please accept our terms</body></html>"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def page(exchange: Exchange) -> None:
    exchange.answer(200, PAGE, "text/html; charset=utf-8")


def untyped_page(exchange: Exchange) -> None:
    exchange.answer(200, PAGE, "")


def plain_text(exchange: Exchange) -> None:
    exchange.answer(200, b'{"id": "B"}', "text/plain")


def nothing(exchange: Exchange) -> None:
    exchange.answer(200)


def reset(exchange: Exchange) -> None:
    exchange.reset()


def loop(exchange: Exchange) -> None:
    exchange.answer(302, PAGE, "text/html", Location=exchange.target)


def redirect(target: str, status: int = 302) -> Behaviour:
    def behave(exchange: Exchange) -> None:
        exchange.answer(status, b"", "", Location=target)

    return behave


@functools.cache
def packed() -> bytes:
    return gzip.compress(b" " * 100_000_000, 9)


def bomb(exchange: Exchange) -> None:
    """100 MB of blanks, packed to 100 KB."""
    exchange.answer(200, packed(), Content_Encoding="gzip")


def unknown_coding(exchange: Exchange) -> None:
    exchange.answer(200, b"x", Content_Encoding="br")


def endless_headers(exchange: Exchange) -> None:
    exchange.send(HEAD)
    exchange.flood(b"X-Filler: " + b"y" * 1000 + b"\r\n")


def endless_line(exchange: Exchange) -> None:
    exchange.send(HEAD + b"X-Filler: ")
    exchange.flood(b"y" * 65536)


def endless_continue(exchange: Exchange) -> None:
    exchange.flood(b"HTTP/1.1 100 Continue\r\n\r\n")


def endless_body(exchange: Exchange) -> None:
    exchange.send(HEAD + b"\r\n")
    exchange.flood(b" " * 65536)


def endless_chunk_line(exchange: Exchange) -> None:
    exchange.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    exchange.flood(b"5;" + b"x" * 65536)


def drip_head(exchange: Exchange) -> None:
    exchange.drip(HEAD + b"X-A: b\r\n" * 1000)


def drip_body(exchange: Exchange) -> None:
    exchange.send(HEAD + b"\r\n")
    exchange.drip(b" ")


def silent(exchange: Exchange) -> None:
    with contextlib.suppress(OSError):
        exchange.sock.settimeout(20)
        exchange.sock.recv(1)


def not_http(exchange: Exchange) -> None:
    exchange.send(b"SSH-2.0-OpenSSH_9.2\r\n")


def cut_off(exchange: Exchange) -> None:
    exchange.send(HEAD + b'Content-Length: 500\r\n\r\n{"id": "')


def cut_off_chunk(exchange: Exchange) -> None:
    exchange.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n10\r\n{}")


def body_of(body: bytes, status: int = 200) -> Behaviour:
    def behave(exchange: Exchange) -> None:
        exchange.answer(status, body)

    return behave


def status_of(status: int, body: bytes = b"", **headers: str) -> Behaviour:
    def behave(exchange: Exchange) -> None:
        exchange.answer(status, body, **headers)

    return behave


DEEP = b"[" * 200_000 + b"]" * 200_000
HUGE_NUMBER = b'{"id": ' + b"9" * 100_000 + b"}"


def bytes_of(data: bytes) -> Behaviour:
    return lambda exchange: exchange.send(data)


def waiting(text: str) -> Behaviour:
    return status_of(429, Retry_After=text)


def _flooding(begin: bytes, piece: bytes) -> Behaviour:
    def behave(exchange: Exchange) -> None:
        exchange.send(begin)
        exchange.flood(piece, 1 << 24)

    return behave


_OK, _CHUNKED = b"HTTP/1.1 200 OK\r\n", HEAD + b"Transfer-Encoding: chunked\r\n\r\n"

#: Answers that are no HTTP, or HTTP in a way that nobody needs.
SHAPES: dict[str, Behaviour] = {
    "HTTP/1.0 without a length": bytes_of(b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{}"),
    "HTTP/0.9": bytes_of(b'{"id":"x"}'), "line feeds alone": bytes_of(b"HTTP/1.1 200 OK\nContent-Length: 2\n\n{}"),
    "a chunk's size that is none": bytes_of(_CHUNKED + b"ZZ\r\n{}\r\n0\r\n\r\n"),
    "a chunk of negative size": bytes_of(_CHUNKED + b"-5\r\n{}\r\n0\r\n\r\n"),
    "a chunk of 10^24 bytes": bytes_of(_CHUNKED + b"f" * 20 + b"\r\n{}"),
    "trailers without end": _flooding(_CHUNKED + b"2\r\n{}\r\n0\r\n", b"X-T: y\r\n"),
    "chunks and a length": bytes_of(HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"
                                    b"2\r\n{}\r\n0\r\n\r\n"),
    "two lengths": bytes_of(HEAD + b"Content-Length: 2\r\nContent-Length: 500\r\n\r\n{}"),
    **{f"a length of {text!r}": bytes_of(HEAD + f"Content-Length: {text}\r\n\r\n{{}}".encode())
       for text in ("-1", "two", "9" * 26, "\uff12", "")},
    **{f"status {text}": bytes_of(f"HTTP/1.1 {text} What\r\nContent-Length: 2\r\n\r\n{{}}".encode())
       for text in ("999", "1", "-200", "2" + "0" * 20, "two", "101", "201", "202", "206", "305", "402", "406", "409",
                    "410", "412", "414", "418", "421", "451", "501", "511", "529")},
    "204 where a body is due": bytes_of(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "304": bytes_of(b"HTTP/1.1 304 Not Modified\r\n\r\n"),
    "100 three times": bytes_of(b"HTTP/1.1 100 Continue\r\n\r\n" * 3 + _OK + b"Content-Length: 2\r\n\r\n{}"),
    "103 without end": _flooding(b"", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"),
    "99 headers": bytes_of(HEAD + b"".join(b"X-%d: y\r\n" % n for n in range(97)) + b"Content-Length: 2\r\n\r\n{}"),
    "cookies": bytes_of(HEAD + b"Set-Cookie: a=\x1b[2J; Domain=127.0.0.1\r\nSet-Cookie: b=c; Path=/\r\n"
                        b"Content-Length: 2\r\n\r\n{}"),
    "headers that are no text": bytes_of(_OK + b"\xff\xfe\x00: \x1b[1m\r\nContent-Type: \xe2\x80\xae/json\r\n"
                                         b"Content-Length: 2\r\n\r\n{}"),
    "folded headers": bytes_of(HEAD[:-2] + b"\r\n folded\r\n\tmore\r\nContent-Length: 2\r\n\r\n{}"),
    "damaged gzip": bytes_of(HEAD + b"Content-Encoding: gzip\r\nContent-Length: 10\r\n\r\n\x1f\x8bxxxxxxxx"),
    "50,000 gzip members": lambda exchange: exchange.answer(200, gzip.compress(b"{}") * 50_000,
                                                            Content_Encoding="gzip"),
    "packed twice": lambda exchange: exchange.answer(200, gzip.compress(gzip.compress(b"{}")),
                                                     Content_Encoding="gzip, gzip"),
    "a gzip bomb with 401": lambda exchange: exchange.answer(401, packed(), Content_Encoding="gzip"),
    "a gzip bomb with 500": lambda exchange: exchange.answer(500, packed(), Content_Encoding="gzip"),
    **{f"a redirect to {target[:30]!r}": redirect(target)
       for target in ("file:///etc/passwd", "javascript:alert(1)", "", "http://[::1", "http://127.0.0.1:99999999/x",
                      "http://xn--\xff/\x1b[2J", "/" + "x" * 50_000, "//127.0.0.2:9/x", "\\\\127.0.0.2:9\\x",
                      "http://user:word@127.0.0.2:9/x")},
    **{f"Retry-After: {text[:30]}": waiting(text)
       for text in ("1e9", "-1", "1000000000", "Wed, 21 Oct 2065 07:28:00 GMT", "Wed, 21 Oct 1065 07:28:00 GMT", "nan",
                    "inf", "0x10", "1_0", "\xb2", "1" * 5000, "", "Mon, 99 Foo 99999 99:99:99 GMT", "1;2")},
    "a number of 5,000 digits": body_of(b'{"expires_in": 1' + b"0" * 5000 + b"}"),
    "UTF-16": body_of('{"id":"x"}'.encode("utf-16")), "a byte order mark": body_of(b"\xef\xbb\xbf{}"),
    "two objects": body_of(b"{}{}"), "a key twice": body_of(b'{"id":1,"id":2}'),
    **{f"JSON {text}": body_of(text.encode())
       for text in ("null", "true", "5", '"x"', "[]", "{}", "[[]]", "[{}]", '{"data":{}}', '{"results":[1]}', "[null]",
                    '{"data":[1],"results":[[]]}', '["@/dataSets/"]', '["\\u0000"]')},
}  # fmt: skip


TOKEN = "the-very-secret-token-of-this-test"


def own_settings(monkeypatch: pytest.MonkeyPatch, **settings: str) -> None:
    """A token and these settings; none of the developer's, and no proxy."""
    for name in list(os.environ):
        if name.startswith("XDMPREP_") or name.lower().endswith(("_proxy", "_ca_bundle")):
            monkeypatch.delenv(name)
    for name, value in {"TOKEN": TOKEN, **settings}.items():
        monkeypatch.setenv(f"XDMPREP_{name}", value)


def outcome(capfd: Any, line: list[object]) -> tuple[int, str, str, float]:
    """Exit code, output, errors and seconds of a command that shows no token, traceback or control characters."""
    capfd.readouterr()
    begin = time.monotonic()
    code = run([str(word) for word in line])
    seconds = time.monotonic() - begin
    output, errors = capfd.readouterr()
    for text in (output, errors):
        assert TOKEN not in text and "Traceback" not in text and "should not happen" not in text, text
        assert "\x1b" not in text and "\u202e" not in text, text
    return code, output, errors, seconds
