"""Requests to the platform: token, headers, deadline, retries, and errors as text.

What may be tried again, and when:

==========================  =============================================================
429, no connection          always; after ``Retry-After`` if given, else after a pause
503 and other 5xx,          where a repeat is harmless (`safe`); else the caller decides,
timeouts, broken answers    because it may have happened (:class:`Uncertain`)
401                         once, with a new token
a redirect                  GET and HEAD on the same host, a few times
everything else             never: an error with the platform's words
==========================  =============================================================

Pauses double from `Config.backoff` up to a minute, with jitter, so that many clients do not come back together.  All
tries of a call and the pauses between them have one deadline.

Nothing is taken from the environment by chance: which proxy, which certificates and which login a connection has is
decided here (`Config`, then the usual variables), and a ``.netrc`` file is never read.
"""

from __future__ import annotations

import email.utils
import http.cookiejar
import json
import logging
import os
import random
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any
from urllib.parse import quote, unquote, urljoin, urlsplit

import requests
import requests.utils
import urllib3

from .. import __version__, wire
from ..core.transport import Adapter, Bounds, OutOfTime, TooLarge, Unreadable, bounded
from ..errors import PlatformError, UsageError, counted, option, printable
from .answer import ANSWER_BYTES, Answer, check_json, check_origin, shown_url
from .config import LOOPBACK, NO_PROXY, Config

__all__ = ["Session", "Uncertain", "check_json"]

log = logging.getLogger("xdmprep.client")

CONNECT_SECONDS = 10.0  #: to reach a host at all
PAUSE_LIMIT = 60.0
RETRY_AFTER_LIMIT = 600.0
RENEW_EARLY = 3600.0
DEADLINE = 600.0  #: of a call, unless the settings say otherwise
BYTES_PER_SECOND = 100_000.0  #: a file gets a second more for this many bytes
REDIRECTS = 5
DOWNLOAD_BYTES = 4 << 30  #: most bytes of a file that is fetched
SECRET_IN_WORDS, SECRET_IN_DATA = 6, 16  #: least characters of a secret that is masked in messages, in data
_RENEWAL = "Give a new token (`token` in the configuration, or XDMPREP_TOKEN)."
_UNREACHED = 3  #: tries where no answer ever came
_REPEATED = frozenset({408, 500, 502, 503, 504})  #: statuses that pass by themselves
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_TROUBLE = (OSError, urllib3.exceptions.HTTPError)  #: those of requests are an OSError too

Body = Callable[[], "IO[bytes] | bytes"]


class Uncertain(PlatformError):
    """The answer to a request that must not simply be repeated is lost: it may have been done or not."""


class _Bearer(requests.auth.AuthBase):
    """Sets the token, if there is one; nothing else is taken as a login."""

    def __init__(self, token: str | None) -> None:
        self.token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self.token is not None:
            request.headers["Authorization"] = f"Bearer {self.token}"
        return request


class _Connections(requests.Session):
    """The connections of one thread: nothing from the environment, no cookies, no redirects."""

    def __init__(self) -> None:
        super().__init__()
        self.mount("https://", Adapter())
        self.mount("http://", Adapter())
        self.trust_env = False  # there its proxies and certificates win over ours, and .netrc over the token
        self.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
        self.headers.update({"User-Agent": f"xdmprep/{__version__}", "Accept-Encoding": "gzip"})

    def get_redirect_target(self, resp: requests.Response) -> None:
        """None: a redirect that is only looked at would have its body read whole."""
        return


class Session:
    """A connection with one platform, used by several threads at once; `on_retry` is called at each pause."""

    def __init__(
        self, config: Config, on_retry: Callable[[str, float], None] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:  # fmt: skip
        self.config = config
        self._on_retry = on_retry or (lambda what, seconds: None)
        self._sleep = sleep
        self._threads = threading.local()
        self._sessions: list[requests.Session] = []
        self._lock, self._renewing = threading.Lock(), threading.Lock()
        self._token, self._renew_at = config.token, float("inf")
        self._renewals = 0  #: how often a token was requested, with or without success
        self._renewal_error: PlatformError | None = None
        self._answered = False  #: whether the platform has ever answered; if not, we give up sooner
        self._random = random.Random()  # noqa: S311  (jitter, not secrets)

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            for session in self._sessions:
                session.close()
            self._sessions.clear()

    def _http(self) -> requests.Session:
        """This thread's connections."""
        session: requests.Session | None = getattr(self._threads, "session", None)
        if session is None:
            session = self._threads.session = _Connections()
            with self._lock:
                self._sessions.append(session)
        return session

    def _proxies(self, url: str) -> dict[str, str]:
        """The proxies for an address: the setting, else the usual variables, which do not mean this machine."""
        if self.config.proxy == NO_PROXY:
            return {}
        if self.config.proxy:
            return {"http": self.config.proxy, "https": self.config.proxy}
        if (urlsplit(url).hostname or "") in LOOPBACK:
            return {}
        return requests.utils.get_environ_proxies(url, no_proxy=None)

    # ---- token ------------------------------------------------------------------------------------------------------

    def token(self) -> str:
        """A valid token, one for all threads; a new one is requested an hour before the old one ends.

        Source: Adobe Developer Console, *OAuth Server-to-Server API reference*.
        """
        return self._valid()[0]

    def _valid(self) -> tuple[str, int]:
        """A valid token, and how often one had been requested when it was taken."""
        with self._lock:
            token, renew_at, renewals = self._token, self._renew_at, self._renewals
        if token and time.monotonic() < renew_at:
            return token, renewals
        return self._renew(renewals)

    def _renew(self, renewals: int) -> tuple[str, int]:
        """A new token in place of the one that was taken at `renewals`.

        Threads that come together ask once, and share what comes of it, also a failure.
        """
        if not self.config.client_secret:
            raise PlatformError(
                "the platform does not take the token, and there are no client_id and client_secret to get another "
                "with.",
                hint=_RENEWAL, status=401, code="token-refused",
            )  # fmt: skip
        with self._renewing:
            if self._renewals != renewals:  # another thread was quicker
                if self._renewal_error is not None:
                    raise self._renewal_error
                return self._token, self._renewals
            token, seconds = "", 0.0
            try:
                self._renewal_error = None
                token, seconds = self._ask_token()
            except PlatformError as error:
                self._renewal_error = error
                raise
            finally:
                with self._lock:
                    self._renewals += 1
                    self._token = token or self._token
                    self._renew_at = time.monotonic() + max(seconds - min(RENEW_EARLY, seconds / 2), 1.0)
            return token, self._renewals

    def _ask_token(self) -> tuple[str, float]:
        """A token and the seconds that it is valid."""
        config = self.config
        form = {
            "client_id": config.client_id, "client_secret": config.client_secret, "scope": config.scopes,
            "grant_type": "client_credentials",
        }  # fmt: skip
        answer = self._send("POST", config.ims_url + wire.TOKEN, safe=True, data=form, authorized=False, what="token")
        data = check_json(answer, "token")
        token: Any = data.get("access_token") if isinstance(data, dict) else None
        wrong = ""
        if not isinstance(token, str) or not token:
            wrong = "the answer holds no access_token"
        elif not (token.isascii() and token.isprintable()) or token != token.strip() or len(token) > 16_384:
            wrong = "the access_token of the answer holds characters that no header can carry"
        if wrong:
            where = shown_url(config.ims_url)
            raise PlatformError(f"{where}: {wrong}.", hint="Check ims_url.", code="no-platform-answer")
        seconds = data.get("expires_in", 86399)
        fine = isinstance(seconds, int | float) and not isinstance(seconds, bool) and 0 <= seconds < 1e12
        return token, float(seconds) if fine else 86399.0

    def mask(self, text: str) -> str:
        """`text` without secrets."""
        return self._masking(SECRET_IN_WORDS)(text)

    def mask_data(self) -> Callable[[str], str]:
        """What takes secrets out of the texts of an answer that may be data: only those too long to be words."""
        return self._masking(SECRET_IN_DATA)

    def _masking(self, least: int) -> Callable[[str], str]:
        """What replaces secrets of at least this many characters, as they are and as an address has them."""
        proxy = urlsplit(self.config.proxy or "").password if self.config.proxy != NO_PROXY else None
        secrets = (self.config.client_secret, self._token, self.config.token, proxy and unquote(proxy), proxy)
        forms = {form for one in secrets if one and len(one) >= least for form in (one, quote(one, safe=""))}

        def mask(text: str) -> str:
            for form in forms:
                text = text.replace(form, "***")
            return text

        return mask

    def wait(self, seconds: float) -> None:
        """Wait."""
        if seconds > 0:
            self._sleep(seconds)

    def pause(self, attempt: int, what: str) -> None:
        """Wait before the next try: doubling pauses with jitter."""
        seconds = self._pause_seconds(attempt)
        self._on_retry(f"{what}: no clear answer", seconds)
        self.wait(seconds)

    def _pause_seconds(self, attempt: int) -> float:
        return min(PAUSE_LIMIT, self.config.backoff * 2.0 ** min(attempt - 1, 30)) * self._random.uniform(0.5, 1.0)

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
        size: int = 0,
        headers: dict[str, str] | None = None,
        what: str = "",
        batch: str | None = None,
        file: str | None = None,
        expect: tuple[int, ...] = (200, 201, 202, 204, 206),
        stream: bool = False,
    ) -> Answer:
        """One request, tried as often as its kind allows.

        Args:
            method: the HTTP method.
            path: what follows the base URL, from its slash on.
            safe: a repeat does no harm.
            params: parameters of the query.
            json_body: an object to send as JSON.
            body: gives the body anew for each try.
            size: bytes of `body`; the deadline of a large one is later.
            headers: further headers.
            what: what the request is for, in messages.
            batch: id of the batch that it is about, in errors.
            file: name of the file that it is about, in errors.
            expect: statuses that are fine.
            stream: do not read the body; it is a file, in whatever form.

        Returns:
            The answer, its status one of `expect`.

        Raises:
            Uncertain: the answer was lost and the request is not `safe`.
            PlatformError: the platform refused, or could not be reached, or something else answered in its place.
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
            method, self.config.url + path, safe=safe, params=params, data=data, size=size, headers=sent,
            authorized=True, what=printable(what, 200), batch=batch, file=file, expect=expect, stream=stream,
        )  # fmt: skip

    def deadline(self, size: int = 0) -> float:
        """Seconds that a call may take in all: as set, else by the size of what is sent."""
        own = self.config.deadline
        return DEADLINE + size / BYTES_PER_SECOND if own is None else own

    def _send(
        self, method: str, url: str, *, safe: bool, data: Any, authorized: bool, what: str, size: int = 0,
        params: dict[str, Any] | None = None, headers: dict[str, str] | None = None, batch: str | None = None,
        file: str | None = None, expect: tuple[int, ...] = (200,), stream: bool = False,
    ) -> Answer:  # fmt: skip
        renewed, attempt, hops = False, 0, 0
        what = what or method
        where: dict[str, Any] = {"batch": batch, "file": file}
        seconds = self.deadline(size)
        bounds = Bounds(self.config.timeout, time.monotonic() + seconds, DOWNLOAD_BYTES if stream else ANSWER_BYTES)
        while True:
            attempt += 1
            status, pause = None, None
            used, renewals = self._valid() if authorized else ("", 0)
            try:
                answer = self._once(method, url, params, data, headers, used if authorized else None, bounds, expect,
                                    stream)  # fmt: skip
            except OutOfTime:
                raise self._late(what, url, seconds, "", safe, where) from None
            except (TooLarge, Unreadable) as error:
                why = f"{error} of the answer is too large" if isinstance(error, TooLarge) else f"the answer is {error}"
                raise (PlatformError if safe else Uncertain)(
                    f"{what}: {why}, from {shown_url(url)}.", hint="It was not read further. Is the address right?",
                    code="unusable-answer", **where,
                ) from None  # fmt: skip
            except ValueError as error:
                words = wire.without_login(printable(self.mask(str(error)), 300))
                raise PlatformError(f"{what}: {words}.", code="unreachable", **where) from None
            except _TROUBLE as error:
                if (fault := _certificate_fault(error)) is not None:
                    raise PlatformError(
                        f"{shown_url(url)}: the connection is not trustworthy: {printable(self.mask(fault), 300)}.",
                        hint="If your network has its own certificates, set ca_bundle.", code="not-trusted", **where,
                    ) from None  # fmt: skip
                reason, repeat = self.mask(_reason(error)), safe or _never_sent(error)
            else:
                status = answer.status_code
                if status in expect:
                    check_origin(answer, what, **where)
                    return answer
                if status == 401 and authorized and not renewed and self.config.client_secret:
                    renewed = True
                    attempt -= 1
                    self._renew(renewals)
                    continue
                if status in _REDIRECTS and (target := _target(answer, url)):
                    if method in ("GET", "HEAD") and _origin(target) == _origin(url) and hops < REDIRECTS:
                        url, params, hops, attempt = target, None, hops + 1, attempt - 1
                        continue
                    raise self._error(answer, what, where, retryable=False, advice=_redirected(target, url, hops))
                passing = status in _REPEATED or status >= 500
                repeat = status == 429 or (safe and status in _REPEATED)
                if passing and not safe:
                    raise Uncertain(str(self._error(answer, what, where, retryable=True)), status=status,
                                    retryable=True, **where)  # fmt: skip
                if not repeat or attempt >= self.config.retries:
                    raise self._error(answer, what, where, retryable=repeat or passing)
                reason = f"HTTP {status}"
                pause = _retry_after(answer.headers.get("Retry-After")) if status in (429, 503) else None
            if not repeat:
                raise Uncertain(f"{what}: no clear answer from {shown_url(url)}: {reason}.", status=status,
                                code="unclear", retryable=True, **where)  # fmt: skip
            limit = self.config.retries if self._answered else min(_UNREACHED, self.config.retries)
            if attempt >= limit:
                hint = "" if self._answered else "Is the address right, and is the service running? "
                raise PlatformError(
                    f"{what}: {shown_url(url)} could not be reached ({reason}; {counted(attempt, 'attempt')}).",
                    hint=f"{hint}The same command goes on where it stopped.",
                    status=status, code="unreachable", retryable=True, **where,
                )  # fmt: skip
            if pause is None:
                pause = self._pause_seconds(attempt)
            if pause >= bounds.end - time.monotonic():
                raise self._late(what, url, seconds, f"{reason}; the next try would be in {pause:.0f} seconds", True,
                                 where)  # fmt: skip
            log.info("%s: %s; next try in %.1f s", what, reason, pause)
            self._on_retry(f"{what}: {reason}", pause)
            self.wait(pause)

    def _once(
        self, method: str, url: str, params: dict[str, Any] | None, data: Any, headers: dict[str, str] | None,
        token: str | None, bounds: Bounds, expect: tuple[int, ...], stream: bool,
    ) -> Answer:  # fmt: skip
        """One try: the answer, whatever its status."""
        reach = min(CONNECT_SECONDS, bounds.patience())
        with bounded(bounds), _opened(data) as payload:
            try:
                response = self._http().request(
                    method, url, params=params, data=payload, headers=headers, auth=_Bearer(token), stream=True,
                    timeout=(reach, self.config.timeout), verify=_certificates(self.config), allow_redirects=False,
                    proxies=self._proxies(url),
                )  # fmt: skip
            except _TROUBLE:
                bounds.left()  # a connection that could not be made in what was left of the time
                raise
            self._answered = True
            log.debug("%s %s: %s", method, shown_url(url), response.status_code)
            mask = str if token is None else self.mask_data()  # the answer to a request for a token holds one
            return Answer.read(response, method, url, not stream, response.status_code in expect, mask)

    def _late(self, what: str, url: str, seconds: float, why: str, safe: bool, where: dict[str, Any]) -> PlatformError:
        """The deadline has passed, or would pass before the next try."""
        return (PlatformError if safe else Uncertain)(
            f"{what}: no complete answer from {shown_url(url)} within {seconds:g} seconds"
            f"{f' ({why})' if why else ''}.",
            hint=f"The same call goes on where it stopped; a longer {option('deadline')} gives it more time.",
            code="deadline", retryable=True, **where,
        )  # fmt: skip

    def _error(
        self, answer: Answer, what: str, where: dict[str, Any], retryable: bool, advice: str = ""
    ) -> PlatformError:
        """The platform's refusal, in its own words."""
        words, code = wire.problem_text(self.mask(answer.content.decode("utf-8", "replace")))
        words, code = printable(self.mask(words), 400), printable(self.mask(code), 80) if code else None
        request_id = answer.headers.get("x-request-id")
        request_id = printable(request_id, 80) if request_id else None
        place = "".join(f", {name} {printable(value, 100)}" for name, value in where.items() if value)
        advice = advice or {
            401: f"The token is not valid, or no longer; get another. {_RENEWAL}",
            403: "The account lacks the permission or a header is missing; ask the administrator of the sandbox.",
            407: "The proxy wants a login; give it with the setting proxy.",
            413: f"The file is too large for one request; prepare again with a smaller {option('max_bytes')}.",
            415: "The content type was not taken; this is a fault of the client.",
            507: "The service has no room left; make some, then give the same command.",
        }.get(answer.status_code, "")
        again = "Trying again later can help." if retryable else "Trying the same again cannot help."
        return PlatformError(
            f"{what}{place}: HTTP {answer.status_code}{f' {code}' if code else ''}: {words or 'no reason given'}"
            f"{f' (request {request_id})' if request_id else ''}.",
            hint=f"{advice} {again}".strip(), status=answer.status_code, code=code or f"http-{answer.status_code}",
            request_id=request_id, retryable=retryable, **where,
        )  # fmt: skip


def _certificates(config: Config) -> bool | str:
    """The file of certificates to trust: the setting, else the usual variables, else those of the package certifi."""
    if config.ca_bundle:
        return config.ca_bundle
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        if path := os.environ.get(name):
            if not os.path.exists(path):  # noqa: PTH110
                raise UsageError(f"{name}={path}: no such file. Unset it, or set ca_bundle, which wins over it.")
            return path
    return True


def _origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port: what must be the same for the token to be sent again."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _target(answer: Answer, url: str) -> str | None:
    """Where a redirect leads; None where it does not say."""
    location = answer.headers.get("Location")
    try:
        target = urljoin(url, location.encode("latin-1").decode("utf-8", "replace")) if location else None
        return target if target and _origin(target) else None
    except ValueError:
        return None


def _redirected(target: str, url: str, hops: int) -> str:
    """What to do about a redirect that is not followed."""
    shown = shown_url(target)
    if _origin(target) == _origin(url):
        more = f", after {hops} others" if hops >= REDIRECTS else ""
        return f"It is a redirect to {shown}{more}, which is not followed. Is the address right?"
    if url.startswith("https:") and target.startswith("http:"):
        return f"It is a redirect to {shown}, without encryption; the token is not sent there."
    return (
        f"It is a redirect to another host, {shown}; the token is not sent there. If the platform is there now, give "
        f"{option('url')}."
    )


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


def _never_sent(error: BaseException) -> bool:
    """Whether the request cannot have reached the service: no connection was made."""
    signs = ("NewConnectionError", "NameResolution", "Tunnel connection failed")
    return isinstance(error, requests.exceptions.ConnectTimeout) or any(sign in repr(error) for sign in signs)


def _certificate_fault(error: BaseException) -> str | None:
    """Why the other side cannot be trusted; None for other trouble."""
    text = str(error)
    if not isinstance(error, requests.exceptions.SSLError | urllib3.exceptions.SSLError):
        return None
    if match := re.search(r"certificate verify failed: (.*?)\s*(?:\(_ssl|'|\"|$)", text):
        return match[1]
    if "WRONG_VERSION_NUMBER" in text or "HTTP_REQUEST" in text or "RECORD_LAYER_FAILURE" in text:
        return "it does not speak TLS; is the address one of http, not https?"
    known = re.search(r"(hostname .* doesn't match .*|[A-Z_]*(?:CERT|PROTOCOL_VERSION|HANDSHAKE_FAILURE)[A-Z_]*)", text)
    return known[1] if known else None


def _reason(error: BaseException) -> str:
    text = str(error)
    if isinstance(error, requests.exceptions.ProxyError):
        found = re.search(r"Tunnel connection failed: ([0-9]{3})", text)
        if found and found[1] == "407":
            return "the proxy wants a login (407)"
        return f"the proxy refuses ({found[1]})" if found else "the proxy does not answer"
    if isinstance(error, requests.Timeout | TimeoutError | urllib3.exceptions.TimeoutError):
        return "no answer in time"
    for sign, words in (
        ("refused", "connection refused"), ("resolve", "the host's name is not known"),
        ("Name or service", "the host's name is not known"), ("BadStatusLine", "the answer is not HTTP"),
        ("more than 100 headers", "the answer has too many headers"), ("LineTooLong", "the answer has a line too long"),
        ("IncompleteRead", "the answer was cut off"), ("InvalidChunkLength", "the answer is damaged"),
    ):  # fmt: skip
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
        try:
            seconds = email.utils.parsedate_to_datetime(text).timestamp() - time.time()
        except (TypeError, ValueError, OverflowError, AttributeError):
            return None
    if seconds != seconds or seconds < 0:
        return 0.0
    return min(seconds, RETRY_AFTER_LIMIT)
