"""What the emulator answers: bodies of errors and successes, in the shapes that the sources show.

Where the guide and the OpenAPI descriptions differ, ``guide`` (the default) and ``spec`` choose between them.  The
bodies of the ingestion service's own 4xx answers are not documented; ours have the problem shape of the other services
and a ``type`` that says that they are the emulator's.
"""

from __future__ import annotations

import json
import math
import re
import secrets
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .. import wire
from ..core.documents import MAX_FAULTS, Shape

GATEWAY = {
    "400003": "Missing header",
    "401013": "Oauth token is not valid",
    "403000": "Api Key is required",
    "403003": "Api Key is invalid",
    "403010": "Oauth token is missing.",
    "429050": "Too many requests",
}
_TITLES = {
    400: "BadRequestError", 401: "UnauthorizedError", 403: "ForbiddenError", 404: "NotFoundError",
    405: "MethodNotAllowedError", 406: "NotAcceptableError", 409: "ConflictError", 411: "LengthRequiredError",
    413: "PayloadTooLargeError", 414: "UriTooLongError", 415: "UnsupportedMediaTypeError",
    416: "RangeNotSatisfiableError", 429: "RequestRateTooLarge", 500: "InternalServerError",
    503: "ServiceUnavailableError", 507: "InsufficientStorageError",
}  # fmt: skip
PROBLEM_TYPE = "urn:xdmprep:emulator:"


class Refusal(Exception):
    """Ends a request with a problem answer."""

    def __init__(self, status: int, detail: str, headers: dict[str, str] | None = None) -> None:
        self.status, self.detail, self.headers = status, detail, headers
        super().__init__(detail)

    def answer(self) -> Response:
        """The answer."""
        return problem(self.status, self.detail, self.headers)


def gateway(code: str, headers: dict[str, str] | None = None) -> Response:
    """An answer of the gateway before the service; the HTTP status is the code's first three digits."""
    body = {"error_code": code, "message": GATEWAY[code]}
    return JSONResponse(body, int(code[:3]), {**request_id(), **(headers or {})})


def problem(status: int, detail: str, headers: dict[str, str] | None = None) -> Response:
    """An answer of a service that refuses."""
    title = _TITLES.get(status, "Error")
    body = {"type": PROBLEM_TYPE + title, "status": status, "title": title, "detail": detail}
    return JSONResponse(body, status, {**request_id(), **(headers or {})})


def pretty(data: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer."""
    body = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")
    return Response(body, status, {"Content-Type": "application/json", **request_id(), **(headers or {})})


def empty(status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """An answer without a body."""
    return Response(b"", status, {**request_id(), **(headers or {})})


def request_id() -> dict[str, str]:
    """The header that names the request."""
    return {"x-request-id": secrets.token_urlsafe(16)}


def content_type(request: Request, *wanted: str) -> str:
    """The content type of a request, without parameters; a Refusal if it is none of those that are wanted."""
    given = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if given not in wanted:
        raise Refusal(415, f"Content-Type must be {' or '.join(wanted)}, not {given or 'absent'}")
    return given


def json_object(body: Any) -> dict[str, Any]:
    """The JSON of a body, which must be an object; a Refusal if it is not."""
    if not isinstance(body, dict):
        raise Refusal(400, "the body must be an object")
    return body


def fitting(body: Any, shape: Shape) -> dict[str, Any]:
    """The JSON object of a body that has a shape; a Refusal that names what is wrong if it has not."""
    if faults := list(islice(shape(body, ""), MAX_FAULTS)):
        raise Refusal(400, "; ".join(faults))
    return dict(body)


def value_at(value: Any, steps: Iterable[str]) -> Any:
    """What is in a JSON value at the end of some keys; None if there is nothing."""
    for step in steps:
        value = value.get(step) if isinstance(value, dict) else None
    return value


DEPTH = 100  #: levels of a body; each level of a schema takes some


def json_body(body: bytes) -> Any:
    """The JSON of a request's body; a Refusal if it is none, or more than a catalog can keep."""
    try:
        data = wire.loads(body)
        json.dumps(data, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise Refusal(400, "the body holds half a surrogate pair, which is no character") from None
    except (ValueError, RecursionError) as error:
        raise Refusal(400, f"the body is not JSON: {error}") from None
    level: list[Any] = [data]
    for _ in range(DEPTH):
        if any(isinstance(item, float) and not math.isfinite(item) for item in level):
            raise Refusal(400, "the body holds a number that is too large")
        inner = [
            list(item.values()) if isinstance(item, dict) else item for item in level if isinstance(item, dict | list)
        ]
        level = [part for item in inner for part in item]
        if not level:
            return data
    raise Refusal(400, f"the body is nested more than {DEPTH} levels deep")


def whole_number(values: Mapping[str, str], name: str, default: int, low: int = 0, high: int = 10**9) -> int:
    """A whole number of the query.

    Args:
        values: the parameters of the query, as text.
        name: the parameter.
        default: the number where the parameter is absent; not held against the bounds.
        low: least number that is allowed.
        high: greatest number that is allowed.

    Returns:
        The number.

    Raises:
        Refusal: status 400; the text is not a whole number, or is out of bounds.
    """
    text = values.get(name)
    if text is None:
        return default
    if not re.fullmatch("[0-9]{1,18}", text):
        raise Refusal(400, f"{name} must be a whole number")
    if not low <= int(text) <= high:
        raise Refusal(400, f"{name} must be from {low} to {high}")
    return int(text)
