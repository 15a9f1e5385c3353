"""Connections whose answers are bounded in time and size, whatever the server.

`requests` limits only the silence between two pieces: a server that sends a byte a second, or headers without end, is
listened to for ever.  Here each read and each write of a connection is given what is left of the call's deadline, the
bytes of an answer are counted as they come in, and what is unpacked is unpacked in steps that stop at a limit.

Source: RFC 9110 (content codings), RFC 9112 (framing); the connection classes of urllib3.
"""

from __future__ import annotations

import http.client
import io
import socket
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

BLOCK = 1 << 18  #: bytes sent at once; urllib3's default of 16 KB costs a system call each
HEAD_BYTES = 64 * 1024  #: status line and headers of an answer, those of a proxy included
_STEP = 1 << 16
_FRAMING = 2  #: bytes on the wire for a byte of the body, at most: chunks have a length each


class OutOfTime(Exception):
    """The deadline of the call has passed."""


class TooLarge(Exception):
    """The answer is larger than it may be; the text says what of it."""


class Unreadable(Exception):
    """The answer is packed in a way that was not requested, or damaged."""


@dataclass
class Bounds:
    """What one call may still take: seconds of silence, the moment of its end, bytes of the unpacked body."""

    silence: float
    end: float
    body: int

    def left(self) -> float:
        """Seconds until the end; OutOfTime if it has passed."""
        left = self.end - time.monotonic()
        if left <= 0:
            raise OutOfTime
        return left

    def patience(self) -> float:
        """Seconds that the next read or write may take."""
        return min(self.silence, self.left())


_thread = threading.local()


@contextmanager
def bounded(bounds: Bounds) -> Iterator[None]:
    """What this thread sends and receives within the block is bounded."""
    _thread.bounds = bounds
    try:
        yield
    finally:
        _thread.bounds = None


def _current() -> Bounds | None:
    return getattr(_thread, "bounds", None)


class _Counted(io.RawIOBase):
    """The receiving side of a socket: each read has a time limit, all of them together a size limit."""

    def __init__(self, source: io.RawIOBase, sock: socket.socket, bounds: Bounds) -> None:
        self.source, self.sock, self.bounds = source, sock, bounds
        self.budget, self.what = HEAD_BYTES, "the headers"

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """The next bytes."""
        if self.budget < 0:
            raise TooLarge(self.what)
        self.sock.settimeout(self.bounds.patience())
        try:
            size = self.source.readinto(buffer)
        except TimeoutError:
            self.bounds.left()
            raise
        self.budget -= size or 0
        return size

    def close(self) -> None:
        """Close the socket's file, which lets go of the socket."""
        if not self.closed:
            self.source.close()
            super().close()


class _Response(http.client.HTTPResponse):
    """An answer that is read within the bounds of the call that requested it."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        bounds = _current()
        self._counted = None
        if bounds is not None:
            raw = self.fp.detach()
            self._counted = _Counted(raw, sock, bounds)
            self.fp = io.BufferedReader(self._counted)

    def begin(self) -> None:
        """Read the status line and the headers; from here on the body counts."""
        super().begin()
        if self._counted is not None:
            self._counted.budget = self._counted.bounds.body * _FRAMING + HEAD_BYTES
            self._counted.what = "the body"


class _Sending:
    """A connection that sends within the bounds of the call."""

    response_class = _Response
    sock: Any

    def send(self, data: Any) -> None:
        """Send a block; a receiver that takes it byte by byte is waited for no longer than for an answer."""
        bounds = _current()
        if self.sock is None and self.auto_open:  # type: ignore[attr-defined]
            self.connect()  # type: ignore[attr-defined]
        if bounds is not None and self.sock is not None:
            self.sock.settimeout(bounds.patience())
        try:
            super().send(data)  # type: ignore[misc]
        except TimeoutError:
            if bounds is not None:
                bounds.left()
            raise


class _Plain(_Sending, HTTPConnection):  # type: ignore[misc]
    pass


class _Secure(_Sending, HTTPSConnection):  # type: ignore[misc]
    pass


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _Secure


class Adapter(HTTPAdapter):
    """Makes such connections, directly and through proxies, and sends bodies in large blocks."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Put our connections into the pools."""
        super().init_poolmanager(*args, blocksize=BLOCK, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """The same for the connections through a proxy."""
        manager = super().proxy_manager_for(proxy, **kwargs)
        if isinstance(manager, urllib3.ProxyManager) and not proxy.lower().startswith("socks"):
            manager.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}
        return manager


def blocks(raw: urllib3.BaseHTTPResponse, limit: int) -> Iterator[bytes]:
    """The body of an answer, unpacked, in pieces of bounded size.

    Args:
        raw: the answer, not read yet.
        limit: most bytes in all, after unpacking.

    Raises:
        TooLarge: there are more.
        Unreadable: it is packed in another way than gzip or deflate, or damaged.
        OutOfTime, urllib3.exceptions.HTTPError, OSError: it did not arrive.
    """
    coding = raw.headers.get("Content-Encoding", "").strip().lower()
    unpack = _unpacked if coding in ("gzip", "x-gzip", "deflate") else _as_is
    if unpack is _as_is and coding not in ("", "identity"):
        raise Unreadable(f"packed as {coding[:40]!r}, which was not asked for")
    size = 0
    for piece in unpack(raw):
        size += len(piece)
        if size > limit:
            raise TooLarge("the body")
        yield piece


def _as_is(raw: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    try:
        yield from raw.stream(_STEP, decode_content=False)
    except ValueError:  # the length of a chunk is negative
        raise Unreadable("damaged") from None


def _unpacked(raw: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    """Unpacked a step at a time, so that a small answer never becomes a large one at once."""
    machine: Any = None
    for piece in _as_is(raw):
        while piece:
            if machine is None:
                # 32: zlib's or gzip's head; a deflate stream without a head begins otherwise
                headed = piece[:1] == b"\x1f" or (piece[0] & 0x0F == 8 and len(piece) > 1 and
                                                  (piece[0] * 256 + piece[1]) % 31 == 0)  # fmt: skip
                machine = zlib.decompressobj(32 + zlib.MAX_WBITS if headed else -zlib.MAX_WBITS)
            try:
                yield machine.decompress(piece, _STEP)
                while machine.unconsumed_tail and not machine.eof:
                    yield machine.decompress(machine.unconsumed_tail, _STEP)
            except zlib.error as error:
                raise Unreadable(f"damaged where it is packed ({error})") from None
            piece = machine.unused_data if machine.eof else b""
            machine = None if machine.eof else machine
    if machine is not None:
        raise Unreadable("cut off where it is packed")
