"""Servers on loopback for tests of remote files: S3 (moto), Google Cloud Storage, and one as a test says."""

from __future__ import annotations

import atexit
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

import requests

_MOTO = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", 0)
server.start()
print("at", *server.get_host_and_port(), flush=True)
sys.stdin.read()
"""


@contextmanager
def s3_server() -> Iterator[str]:
    """The address of an S3-compatible server with the empty bucket `acme`; one runs for all tests of a process."""
    url = _s3()
    requests.post(f"{url}/moto-api/reset", timeout=20).raise_for_status()
    requests.put(f"{url}/acme", timeout=20).raise_for_status()
    yield url


@cache
def _s3() -> str:
    line = [sys.executable, "-W", "ignore", "-c", _MOTO]
    running = subprocess.Popen(
        line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    atexit.register(running.communicate, timeout=20)  # it ends with its input
    assert running.stdout is not None
    words: list[str] = []
    while words[:1] != ["at"]:
        text = running.stdout.readline()
        assert text, "the server ended"
        words = text.split()
    return f"http://{words[1]}:{words[2]}"


def put(server: str, key: str, data: bytes) -> None:
    requests.put(f"{server}/acme/{key}", data=data, timeout=20).raise_for_status()


@contextmanager
def web_server(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[str]:
    """A server that answers GET and HEAD with `answer`; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        do_HEAD = do_GET

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=[0.01], daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def send(handler: BaseHTTPRequestHandler, status: int, data: bytes = b"", **headers: str) -> None:
    handler.send_response(status)
    for name, value in {"Content_Length": str(len(data)), **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    if handler.command == "GET":
        handler.wfile.write(data)


@contextmanager
def cloud_storage(objects: dict[str, bytes]) -> Iterator[str]:
    """A server that answers reading requests of Google Cloud Storage's JSON API for the bucket `acme`; its address."""

    def described(key: str) -> dict[str, str]:
        times = {"timeCreated": "2024-01-01T00:00:00Z", "updated": "2024-01-01T00:00:00Z"}
        return {"kind": "storage#object", "name": key, "bucket": "acme", "size": str(len(objects[key])),
                "generation": "1", "metageneration": "1", **times}  # fmt: skip

    def answer(handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        query = parse_qs(parts.query)
        key = unquote(parts.path.removeprefix("/storage/v1/b/acme/o").removeprefix("/"))
        if key.startswith("secret"):
            send(handler, 403, b'{"error": {"code": 403, "message": "denied"}}')
        elif not key:
            found = [described(name) for name in sorted(objects) if name.startswith(query.get("prefix", [""])[0])]
            send(handler, 200, json.dumps({"kind": "storage#objects", "items": found}).encode())
        elif key not in objects:
            send(handler, 404, b'{"error": {"code": 404, "message": "Not Found"}}')
        else:
            data = objects[key] if query.get("alt") == ["media"] else json.dumps(described(key)).encode()
            send(handler, 200, data)

    with web_server(answer) as url:
        yield url
