"""Requests to the platform: token, headers, retries, and errors in words.

What may be tried again, and when:

==========================  =============================================================
429, no connection          always; after ``Retry-After`` if given, else after a pause
503 and other 5xx,          where a repeat is harmless (`safe`); else the caller decides,
timeouts, broken answers    because it may have happened (:class:`Uncertain`)
401                         once, with a new token
everything else             never: an error with the platform's words
==========================  =============================================================

Pauses double from `Config.backoff` up to a minute, with jitter, so that many clients do not come back together.
"""

from __future__ import annotations

import email.utils
import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any

import requests
from requests.adapters import HTTPAdapter

from .. import wire
from ..errors import PlatformError
from .config import Config

BLOCK = 1 << 18
CONNECT_SECONDS = 10.0  #: to reach a host at all
PAUSE_LIMIT = 60.0
RETRY_AFTER_LIMIT = 600.0
RENEW_EARLY = 3600.0
_TROUBLE = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
)

Body = Callable[[], "IO[bytes] | bytes"]


class Uncertain(PlatformError):
    """The answer to a request that must not simply be repeated is lost: it may have been done or not."""


class _Adapter(HTTPAdapter):
    """Sends bodies in large blocks; urllib3's default of 16 KB costs a system call each."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Pass the block size to the pool's connections."""
        super().init_poolmanager(*args, blocksize=BLOCK, **kwargs)


class _Bearer(requests.auth.AuthBase):
    """Sets the token; its presence keeps requests from reading a .netrc file."""

    def __init__(self, token: str) -> None:
        self.token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self.token}"
        return request


class _NoAuth(requests.auth.AuthBase):
    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


class Session:
    """A connection with one platform, used by several threads at once.

    Args:
        config: where and who.
        on_retry: told of each pause: what happened, seconds until the next try.
        sleep: waits; tests give their own.
    """

    def __init__(
        self,
        config: Config,
        on_retry: Callable[[str, float], None] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.config = config
        self._on_retry = on_retry or (lambda what, seconds: None)
        self._sleep = sleep
        self._threads = threading.local()
        self._sessions: list[requests.Session] = []
        self._lock = threading.Lock()
        self._token, self._renew_at = config.token, float("inf")
        self._answered = False  #: whether the platform has ever answered; if not, we give up sooner
        self._random = random.Random()  # noqa: S311  (jitter, not secrets)

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            for session in self._sessions:
                session.close()
            self._sessions.clear()

    def _http(self) -> requests.Session:
        session: requests.Session | None = getattr(self._threads, "session", None)
        if session is None:
            session = requests.Session()
            adapter = _Adapter()
            session.mount("https://", adapter)
            session.mount("http://", adapter)
            session.trust_env = not self.config.local  # variables that name a proxy do not mean this machine
            if self.config.proxy:
                session.proxies = {"http": self.config.proxy, "https": self.config.proxy}
            if self.config.ca_bundle:
                session.verify = self.config.ca_bundle
            self._threads.session = session
            with self._lock:
                self._sessions.append(session)
        return session

    # ---- token ------------------------------------------------------------------------------------------------------

    def token(self) -> str:
        """A valid token; a new one is asked for an hour before the old one ends.

        Source: Adobe Developer Console, *OAuth Server-to-Server API reference*.
        """
        with self._lock:
            token, renew_at = self._token, self._renew_at
        if token and time.monotonic() < renew_at:
            return token
        return self._renew(token)

    def _renew(self, old: str) -> str:
        with self._lock:
            if self._token != old:  # another thread was quicker
                return self._token
        config = self.config
        if not config.client_secret:
            raise PlatformError(
                "the platform does not take the token, and there are no client_id and client_secret to get another "
                "with. Give a new token.",
                status=401,
            )
        form = {
            "client_id": config.client_id,
            "client_secret": config.client_secret,
            "grant_type": "client_credentials",
            "scope": config.scopes,
        }
        response = self._send("POST", config.ims_url + wire.TOKEN, safe=True, data=form, authorized=False, what="token")
        try:
            data = response.json()
            token, seconds = str(data["access_token"]), float(data.get("expires_in", 86399))
        except (ValueError, KeyError, TypeError):
            raise PlatformError(f"{config.ims_url}: the answer holds no access_token.") from None
        with self._lock:
            self._token = token
            self._renew_at = time.monotonic() + max(seconds - min(RENEW_EARLY, seconds / 2), 1.0)
        return token

    def mask(self, text: str) -> str:
        """`text` without our secrets."""
        for secret in (self.config.client_secret, self._token, self.config.token):
            if secret and len(secret) > 5:
                text = text.replace(secret, "***")
        return text

    def wait(self, seconds: float) -> None:
        """Do nothing for a while."""
        if seconds > 0:
            self._sleep(seconds)

    def pause(self, attempt: int, what: str, reason: str = "no clear answer") -> None:
        """Wait before the next try: doubling pauses with jitter."""
        seconds = min(PAUSE_LIMIT, self.config.backoff * 2 ** (attempt - 1)) * self._random.uniform(0.5, 1.0)
        self._on_retry(f"{what}: {reason}", seconds)
        self.wait(seconds)

    # ---- requests ---------------------------------------------------------------------------------------------------

    def call(
        self,
        method: str,
        path: str,
        *,
        safe: bool = True,
        params: dict[str, Any] | None = None,
        json_body: Any = None,
        body: Body | None = None,
        headers: dict[str, str] | None = None,
        what: str = "",
        batch: str | None = None,
        file: str | None = None,
        expect: tuple[int, ...] = (200, 201, 202, 204, 206),
        stream: bool = False,
    ) -> requests.Response:
        """One request, tried as often as its kind allows.

        Args:
            method, path, params, headers: the request.
            safe: a repeat does no harm.
            json_body: an object to send as JSON.
            body: gives the body anew for each try.
            what: what the request is for, in messages.
            batch, file: what it is about, in errors.
            expect: statuses that are fine.
            stream: do not read the body.

        Raises:
            Uncertain: the answer was lost and the request is not `safe`.
            PlatformError: the platform refused, or could not be reached.
        """
        sent = {
            "Accept": wire.JSON_TYPE, "x-api-key": self.config.client_id, "x-gw-ims-org-id": self.config.org,
            "x-sandbox-name": self.config.sandbox, **(headers or {}),
        }  # fmt: skip
        data: Any = body
        if json_body is not None:
            sent.setdefault("Content-Type", wire.JSON_TYPE)
            data = json.dumps(json_body).encode()
        return self._send(
            method, self.config.url + path, safe=safe, params=params, data=data, headers=sent, authorized=True,
            what=what, batch=batch, file=file, expect=expect, stream=stream,
        )  # fmt: skip

    def _send(
        self, method: str, url: str, *, safe: bool, data: Any, authorized: bool, what: str,
        params: dict[str, Any] | None = None, headers: dict[str, str] | None = None, batch: str | None = None,
        file: str | None = None, expect: tuple[int, ...] = (200,), stream: bool = False,
    ) -> requests.Response:  # fmt: skip
        renewed = False
        attempt = 0
        where: dict[str, Any] = {"batch": batch, "file": file}
        while True:
            attempt += 1
            used = self.token() if authorized else ""
            auth: requests.auth.AuthBase = _Bearer(used) if authorized else _NoAuth()
            reach = self.config.timeout if callable(data) else min(CONNECT_SECONDS, self.config.timeout)
            try:
                with _opened(data) as payload:
                    response = self._http().request(
                        method, url, params=params, data=payload, headers=headers, auth=auth, allow_redirects=False,
                        timeout=(reach, self.config.timeout), stream=stream,  # `reach` also limits sending a block
                    )  # fmt: skip
                self._answered = True
                _whole(response, stream)
            except requests.exceptions.SSLError as error:
                raise PlatformError(
                    f"{url}: the connection is not trustworthy: {self.mask(str(error))}. If your network has its own "
                    "certificates, set ca_bundle.",
                    **where,
                ) from None
            except _TROUBLE as error:
                reason, pause, repeat = self.mask(_reason(error)), None, safe or _never_sent(error)
                status = None
            except requests.RequestException as error:
                raise PlatformError(f"{what or method}: {self.mask(str(error))}.", **where) from None
            else:
                status = response.status_code
                if status in expect:
                    return response
                if status == 401 and authorized and not renewed and self.config.client_secret:
                    renewed = True
                    attempt -= 1
                    self._renew(used)
                    continue
                reason = f"HTTP {status}"
                pause = _retry_after(response.headers.get("Retry-After")) if status in (429, 503) else None
                repeat = status == 429 or (safe and status in (500, 502, 503, 504, 408))
                if not repeat and not (status >= 500 or status == 408):
                    raise self._error(response, what or method, batch, file, retryable=False)
                if attempt >= self.config.retries:
                    error_ = self._error(response, what or method, batch, file, retryable=True)
                    raise error_ if repeat else Uncertain(str(error_), status=status, retryable=True, **where)
            if not repeat:
                raise Uncertain(f"{what or method}: no clear answer from {url}: {reason}", status=status,
                                retryable=True, **where)  # fmt: skip
            limit = self.config.retries if self._answered else min(3, self.config.retries)
            if attempt >= limit:
                hint = "" if self._answered else " Is the address right, and is the service running?"
                raise PlatformError(
                    f"{what or method}: {url} could not be reached ({reason}; tried {attempt} times).{hint} "
                    "The same command goes on where it stopped.",
                    status=status, retryable=True, **where,
                )  # fmt: skip
            if pause is None:
                self.pause(attempt, what or method, reason)
            else:
                self._on_retry(f"{what or method}: {reason}", pause)
                self.wait(pause)

    def _error(
        self, response: requests.Response, what: str, batch: str | None, file: str | None, retryable: bool
    ) -> PlatformError:
        """The platform's refusal, in its own words."""
        words, code = wire.problem_text(response.content)
        request_id = response.headers.get("x-request-id")
        place = "".join(f", {name} {value}" for name, value in (("batch", batch), ("file", file)) if value)
        advice = {
            401: " The token is not valid; get another.",
            403: " The account lacks the permission or a header is missing; ask the administrator of the sandbox.",
            413: " The file is too large for one request; prepare again with a smaller --max-bytes.",
            415: " The content type was not taken; this is a fault of the client.",
        }.get(response.status_code, "")
        again = " Trying again later can help." if retryable else " Trying the same again cannot help."
        return PlatformError(
            self.mask(
                f"{what}{place}: HTTP {response.status_code}{f' {code}' if code else ''}: {words or 'no reason given'}"
                f"{f' (request {request_id})' if request_id else ''}.{advice}{again}"
            ),
            status=response.status_code, code=code, request_id=request_id, batch=batch, file=file, retryable=retryable,
        )  # fmt: skip


@contextmanager
def _opened(data: Any) -> Iterator[Any]:
    """The body of one try; a file is opened anew and closed again."""
    if not callable(data):
        yield data
        return
    body = data()
    try:
        yield body
    finally:
        if hasattr(body, "close"):
            body.close()


def _whole(response: requests.Response, stream: bool) -> None:
    """Read the body; requests does not notice a short one that has a Content-Length."""
    if stream:
        return
    length = response.headers.get("Content-Length")
    body = response.content
    if (
        length is not None and length.isdigit() and response.request.method != "HEAD"
        and "Content-Encoding" not in response.headers and len(body) < int(length)
    ):  # fmt: skip
        raise requests.ConnectionError(f"the answer has {len(body)} of {length} bytes")


def _never_sent(error: Exception) -> bool:
    """Whether the request cannot have reached the service: no connection was made."""
    text = repr(error)
    return (
        isinstance(error, requests.exceptions.ConnectTimeout)
        or "NewConnectionError" in text
        or "NameResolution" in text
    )


def _reason(error: Exception) -> str:
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy does not answer"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    text = str(error)
    for sign, words in (("refused", "connection refused"), ("resolve", "the host's name is not known"),
                        ("Name or service", "the host's name is not known")):  # fmt: skip
        if sign in text:
            return words
    return "the connection broke"


def _retry_after(text: str | None) -> float | None:
    """Seconds of a ``Retry-After`` (a number or a date); None if there is none that can be read."""
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        moment = email.utils.parsedate_to_datetime(text) if _is_date(text) else None
        if moment is None:
            return None
        seconds = moment.timestamp() - time.time()
    if seconds != seconds or seconds < 0:
        return 0.0
    return min(seconds, RETRY_AFTER_LIMIT)


def _is_date(text: str) -> bool:
    try:
        return email.utils.parsedate_to_datetime(text) is not None
    except (TypeError, ValueError):
        return False


def check_json(response: requests.Response, what: str) -> Any:
    """The JSON of an answer; an error in words if it is none."""
    try:
        return response.json()
    except ValueError:
        text = response.text[:80]
        raise PlatformError(f"{what}: the answer is not JSON: {text!r}. Is {response.url} the right address?") from None
