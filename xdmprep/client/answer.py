"""One answer, read within its bounds, and whether the platform can have given it.

On the way to the platform stand proxies, login pages of networks and gateways, which answer in its place, often with
200 and a web page.  Such an answer is no success: what has a body has JSON, except files that were requested.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import requests
from requests.structures import CaseInsensitiveDict

from .. import wire
from ..core.transport import TooLarge, blocks
from ..errors import PlatformError, option, printable

ANSWER_BYTES = 32 * 1024 * 1024  #: most bytes of an answer that is kept in memory; its JSON takes some 20 times that
REFUSAL_BYTES = 64 * 1024  #: of a refusal only the beginning is read
DEPTH = 400  #: most levels of an answer's JSON; a schema of the permitted 100 levels has some 300


@dataclass
class Answer:
    """An answer of the platform.

    Attributes:
        method, url: what was asked.
        status_code, headers: its head; names of headers in any letter case.
        content: its body, unpacked; empty for one that is read piece by piece.
        is_file: its body is a file that was requested, in whatever form.
        mask: replaces secrets in a text. Headers, `content` and what :meth:`json` gives never hold any, whoever
            sent them back.
    """

    method: str
    url: str
    status_code: int
    headers: Mapping[str, str]
    content: bytes = b""
    is_file: bool = False
    mask: Callable[[str], str] = field(default=str, repr=False)
    _response: requests.Response | None = field(default=None, repr=False)

    @classmethod
    def read(
        cls, response: requests.Response, method: str, url: str, whole: bool, fine: bool,
        mask: Callable[[str], str] = str,
    ) -> Answer:  # fmt: skip
        """Read an answer.

        Args:
            response: not read yet.
            method: the HTTP method that was asked with.
            url: the URL that was asked.
            whole: its body is kept in memory; else see :meth:`blocks`.
            fine: its status is one of success; of others the beginning is enough.
            mask: replaces secrets in a text.

        Returns:
            The answer, with secrets masked.
        """
        headers = CaseInsensitiveDict((name, mask(value)) for name, value in response.headers.items())
        answer = cls(method, url, response.status_code, headers, is_file=fine and not whole, mask=mask)
        seen: Any = response._content
        if seen is not False:  # read already, by a hook of the caller's
            answer.content = answer._masked(response.content)
            return answer
        if answer.is_file:
            answer._response = response
            return answer
        pieces: list[bytes] = []
        try:
            for piece in blocks(response.raw, ANSWER_BYTES if fine else REFUSAL_BYTES):
                pieces.append(piece)
        except BaseException as error:
            response.close()
            if fine or not isinstance(error, TooLarge):
                raise
        answer.content = answer._masked(b"".join(pieces))
        return answer

    def _masked(self, content: bytes) -> bytes:
        """`content` without secrets, which are ASCII."""
        return self.mask(content.decode("latin-1")).encode("latin-1")

    @property
    def media_type(self) -> str:
        """The content type without parameters, in lower case."""
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    def json(self) -> Any:
        """The body's JSON, as :func:`clean` gives it; ValueError if it is no JSON, or has too many levels."""
        return clean(wire.loads(self.content), self.mask)

    def blocks(self, limit: int) -> Iterator[bytes]:
        """The body piece by piece; see :func:`xdmprep.core.transport.blocks`."""
        if self._response is None:
            return iter((self.content,))
        return blocks(self._response.raw, limit)

    def close(self) -> None:
        """Let go of the connection."""
        if self._response is not None:
            self._response.close()

    def __enter__(self) -> Answer:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _gates() -> str:
    return (
        "Something between here and the platform answered, such as a proxy or the login page of a network. Open a "
        f"browser to see, or check {option('url')} and the proxy settings."
    )


def clean(value: Any, mask: Callable[[str], str], levels: int = DEPTH) -> Any:
    """A JSON value without secrets and with texts that can be encoded; ValueError beyond `levels` levels."""
    if isinstance(value, str):
        return mask(value).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if not isinstance(value, dict | list):
        return value
    if not levels:
        raise ValueError("nested too deeply")
    if isinstance(value, list):
        return [clean(item, mask, levels - 1) for item in value]
    return {clean(key, mask): clean(item, mask, levels - 1) for key, item in value.items()}


def check_origin(answer: Answer, what: str, **where: Any) -> None:
    """Raise PlatformError for what the platform cannot have answered, such as a web page."""
    media, body = answer.media_type, answer.content
    if answer.is_file:
        if media in ("text/html", "application/xhtml+xml"):
            raise _foreign(answer, what, where)
        return
    if not body.strip():
        return
    if media and media != "application/json" and not media.endswith("+json"):
        raise _foreign(answer, what, where)
    try:
        data = answer.json()
    except ValueError as error:
        raise _not_json(answer, what, str(error), where) from None
    if answer.status_code < 400 and wire.refusal_in(data):
        words, code = wire.problem_text(body)
        raise PlatformError(
            f"{what}: HTTP {answer.status_code}, but with an error: {printable(words or 'no reason given', 300)}.",
            hint="It is not taken for a success. The same command tries again.",
            status=answer.status_code, code=printable(code, 80) if code else "refused", **where,
        )  # fmt: skip


def check_json(answer: Answer, what: str, kind: type[Any] = object) -> Any:
    """The JSON of an answer where JSON of this kind is due; an error if there is none."""
    if not answer.content.strip():
        raise PlatformError(
            f"{what}: HTTP {answer.status_code} without a body from {shown_url(answer.url)}, where JSON is due.",
            hint=_gates(), status=answer.status_code, code="no-platform-answer",
        )  # fmt: skip
    try:
        data = answer.json()
    except ValueError as error:
        raise _not_json(answer, what, str(error), {}) from None
    if not isinstance(data, kind):
        raise PlatformError(f"{what}: the answer of {shown_url(answer.url)} is no object.", code="odd-answer")
    return data


def shown_url(url: str) -> str:
    """An address for messages: without query, user and password, and short."""
    return wire.without_login(printable(url.partition("?")[0], 300))


def _foreign(answer: Answer, what: str, where: dict[str, Any]) -> PlatformError:
    kind = "a web page" if "html" in answer.media_type else "text" if answer.media_type == "text/plain" else "something"
    words = printable(wire.problem_text(answer.content[:4096])[0], 100)
    return PlatformError(
        f"{what}: {kind} came back from {shown_url(answer.url)} instead of the platform's answer (HTTP "
        f"{answer.status_code}, Content-Type {printable(answer.media_type, 60)}{f': {words}' if words else ''}).",
        hint=_gates(), status=answer.status_code, code="no-platform-answer", **where,
    )  # fmt: skip


def _not_json(answer: Answer, what: str, why: str, where: dict[str, Any]) -> PlatformError:
    text = answer.content[:80].decode("utf-8", "replace")
    return PlatformError(
        f"{what}: the answer is not JSON ({printable(why, 80)}): '{printable(text, 80)}'.",
        hint=f"Is {shown_url(answer.url)} the right address? {_gates()}",
        status=answer.status_code, code="no-platform-answer", **where,
    )  # fmt: skip
