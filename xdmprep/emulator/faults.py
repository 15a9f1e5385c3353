"""Faults on request: what a network and a busy service do, by rule.

A rule is written as ``key=value`` pairs with commas between, on the command line or as a JSON object through the
control route::

    route=file,method=PUT,status=503,count=3         the next three PUTs of files answer 503
    route=any,rate=0.1,status=429,retry_after=1      one request in ten, by chance, answers 429
    route=complete,drop=after                        the next COMPLETE is done, but its answer is lost
    route=file,drop=before,rate=0.05                 the connection breaks before anything is done
    route=status,drop=half                           half of an answer, then the connection breaks
    route=file,delay=2                               two seconds before the request is looked at
    route=status,slow=100                            answers flow at 100 bytes a second
    route=any,token=expired                          401 as for an expired token
    stall=1   retry=2                                the next batch stalls; the next two are retried

`count` is how often a rule strikes (for ever with ``rate``, once without); `rate` is a probability, `seed` of the
emulator decides the draws.
"""

from __future__ import annotations

import asyncio
import random
import re
import threading
from dataclasses import asdict, dataclass
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..errors import UsageError, did_you_mean, shorten
from ..wire import CATALOG, EXPORT, IMPORT, PROFILE, REGISTRY
from .responses import gateway, problem

_PARTS = {
    "token": r"/ims/token/",
    "create": rf"{IMPORT}/batches/?$",
    "file": rf"{IMPORT}/batches/[^/]+/datasets/[^/]+/files/",
    "complete": rf"{IMPORT}/batches/[^/]+/?$",
    "status": rf"{CATALOG}/batch(es)?/[^/]+$",
    "batches": rf"{CATALOG}/batches/?$",
    "datasets": rf"{CATALOG}/dataSets",
    "catalog": rf"{CATALOG}/",
    "import": rf"{IMPORT}/",
    "export": rf"{EXPORT}/",
    "registry": rf"{REGISTRY}/",
    "profile": PROFILE,
    "any": r"/(data|ims)/",
}
ROUTES = {name: re.compile(pattern, re.IGNORECASE) for name, pattern in _PARTS.items()}


@dataclass
class Fault:
    """One rule; see the module's text for what the keys mean."""

    route: str = "any"
    method: str = ""
    status: int = 0
    retry_after: str = ""
    delay: float = 0.0
    drop: str = ""
    slow: float = 0.0
    token: str = ""
    rate: float = 0.0
    count: int = -1
    stall: int = 0
    retry: int = 0

    def __post_init__(self) -> None:
        if self.route not in ROUTES:
            near = did_you_mean(self.route, ROUTES) or f" There are {', '.join(ROUTES)}."
            raise UsageError(f"fault: there is no route {self.route!r}.{near}")
        if self.drop not in ("", "before", "after", "half"):
            raise UsageError(f"fault: drop={self.drop!r} is none of before, after, half.")
        if not self.retry_after.isascii() or not self.retry_after.isprintable():
            raise UsageError("fault: retry_after holds characters that no header can carry.")
        if self.token not in ("", "expired"):
            raise UsageError(f"fault: token={self.token!r} is not 'expired'.")
        if self.status and not 400 <= self.status <= 599:
            raise UsageError(f"fault: status={self.status} is not from 400 to 599.")
        if not 0 <= self.rate <= 1:
            raise UsageError(f"fault: rate={self.rate} is not from 0 to 1.")
        if not (self.status or self.drop or self.delay or self.slow or self.token or self.stall or self.retry):
            raise UsageError("fault: give one of status, drop, delay, slow, token, stall, retry.")
        if self.count < 0 and not self.rate:
            self.count = 1

    @classmethod
    def of(cls, data: str | dict[str, Any]) -> Fault:
        """A rule from ``key=value,...`` or an object; UsageError if it cannot be read."""
        if isinstance(data, str):
            pairs = [item.partition("=") for item in data.split(",") if item.strip()]
            data = {key.strip(): value.strip() for key, _, value in pairs}
        if not isinstance(data, dict):
            raise UsageError("fault: give key=value pairs, or an object of them.")
        known = cls.__dataclass_fields__
        values: dict[str, Any] = {}
        for key, value in data.items():
            name = key.replace("-", "_")
            if name not in known:
                near = did_you_mean(name, known) or f" There are {', '.join(known)}."
                raise UsageError(f"fault: there is no key {key!r}.{near}")
            kind: Any = {"int": int, "float": float}.get(str(known[name].type), str)
            try:
                values[name] = kind(value)
                if kind is not str and not abs(values[name]) < 1e9:
                    raise ValueError
            except (TypeError, ValueError, OverflowError):
                raise UsageError(f"fault: {key}={shorten(value)} is not a number, or too large.") from None
        return cls(**values)


class Faults:
    """The rules in force; drawn for each request."""

    def __init__(self, seed: int = 0) -> None:
        self._rules: list[Fault] = []
        self._lock = threading.Lock()
        self._random = random.Random(seed)  # noqa: S311  (faults, not secrets)

    def add(self, fault: Fault) -> None:
        """Put a rule in force."""
        with self._lock:
            self._rules.append(fault)

    def clear(self) -> None:
        """Forget all rules."""
        with self._lock:
            self._rules.clear()

    def listed(self) -> list[dict[str, Any]]:
        """The rules with what is left of their counts."""
        with self._lock:
            return [asdict(rule) for rule in self._rules]

    def draw(self, method: str, path: str) -> Fault | None:
        """The first rule that strikes this request."""
        with self._lock:
            for rule in self._rules:
                if rule.count == 0 or not ROUTES[rule.route].match(path):
                    continue
                if rule.method and rule.method.upper() != method:
                    continue
                if rule.rate and self._random.random() >= rule.rate:
                    continue
                rule.count -= rule.count > 0
                return rule
        return None


class FaultLayer:
    """Strikes requests before they reach the service, or answers on their way back."""

    def __init__(self, app: ASGIApp, faults: Faults) -> None:
        self.app, self.faults = app, faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the service would, or as the rule that strikes says."""
        rule = self.faults.draw(scope["method"], scope["path"]) if scope["type"] == "http" else None
        if rule is None:
            await self.app(scope, receive, send)
            return
        if rule.delay:
            await asyncio.sleep(rule.delay)
        if rule.drop == "before":
            await _drop(scope)
            return
        headers = {"Retry-After": rule.retry_after} if rule.retry_after else None
        if rule.token:
            await _drain(receive)
            await gateway("401013")(scope, receive, send)
            return
        if rule.status:
            await _drain(receive)
            answer = (
                gateway("429050", headers)
                if rule.status == 429
                else problem(rule.status, "a fault on request", headers)
            )
            await answer(scope, receive, send)
            return
        await self.app(scope, receive, _Mangled(send, rule, scope) if rule.drop or rule.slow else send)


async def _drain(receive: Receive) -> None:
    """Read the request's body, as a service does that refuses after the gateway has taken it in."""
    while True:
        message = await receive()
        if message["type"] != "http.request" or not message.get("more_body"):
            return


class _Mangled:
    """A `send` that loses, halves or slows the answer."""

    def __init__(self, send: Send, rule: Fault, scope: Scope) -> None:
        self.send, self.rule, self.scope = send, rule, scope
        self.dropped = False

    async def __call__(self, message: Message) -> None:
        if self.dropped:
            return
        if self.rule.drop == "after":
            await self._drop()
            return
        if message["type"] != "http.response.body":
            await self.send(message)
            return
        body = bytes(message.get("body", b""))
        if self.rule.drop == "half":
            if body:
                await self.send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
                await asyncio.sleep(0.05)
            await self._drop()
            return
        step = max(1, int(self.rule.slow / 10))
        for at in range(0, len(body), step):
            await self.send({"type": "http.response.body", "body": body[at : at + step], "more_body": True})
            await asyncio.sleep(0.1)
        await self.send({**message, "body": b""})

    async def _drop(self) -> None:
        self.dropped = True
        await _drop(self.scope)


async def _drop(scope: Scope) -> None:
    """Cut the connection, and let the server take notice of it."""
    scope["xdmprep.drop"]()
    await asyncio.sleep(0.01)
