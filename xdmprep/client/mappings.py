"""Data Prep's mapping sets: which there are, one of them, and sending one back.

Source: *Mapping sets API endpoint* of the Data Prep guide (``GET``, ``POST`` and ``PUT`` of ``/mappingSets``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import wire
from ..errors import PlatformError, did_you_mean, printable
from .session import Session, check_json

PAGE = 100
PAGES = 1000
_CONTENT_TYPE = "application/vnd.adobe.xed-full+json;version=1"


def list_sets(session: Session) -> list[dict[str, Any]]:
    """All mapping sets of the sandbox."""
    found: dict[str, dict[str, Any]] = {}
    for _ in range(PAGES):
        params = {"limit": PAGE, "start": len(found)}
        data = check_json(session.call("GET", wire.mapping_set_path(), params=params, what=_LIST), _LIST, dict)
        page = data.get("data")
        if not isinstance(page, list):
            raise PlatformError(f"{_LIST}: the answer of {session.config.url} holds no 'data'.", code="odd-answer")
        fresh = {str(one["id"]): one for one in page if isinstance(one, dict) and one.get("id")}
        if not fresh.keys() - found.keys():
            return list(found.values())
        found |= fresh
        if len(page) < PAGE:
            return list(found.values())
    raise PlatformError(f"{_LIST}: it has more than {PAGES} pages.", code="odd-answer")


def pull(session: Session, set_id: str) -> dict[str, Any]:
    """One mapping set as Data Prep stores it; PlatformError if there is none of this id."""
    what = f"mapping set {printable(set_id, 80)}"
    answer = session.call("GET", wire.mapping_set_path(set_id), what=what, expect=(200, 404))
    if answer.status_code == 404:
        known = [str(one["id"]) for one in list_sets(session)]
        hint = did_you_mean(set_id, known).strip() or "See which there are: `xdmprep mapping pull --list`."
        raise PlatformError(f"there is no {what} in sandbox {session.config.sandbox}.", hint=hint, status=404)
    found: dict[str, Any] = check_json(answer, what, dict)
    if not isinstance(found.get("mappings"), list):
        raise PlatformError(f"{what}: the answer of {session.config.url} holds no 'mappings'.", code="odd-answer")
    return found


def push(session: Session, content: Mapping[str, Any], set_id: str | None = None) -> dict[str, Any]:
    """Create a mapping set, or replace `set_id`; gives its ``id``, ``version`` and dates."""
    if set_id is None:
        method, path, what = "POST", wire.mapping_set_path(), "new mapping set"
    else:  # a repeat of a PUT stores the same set once more, under a higher version
        method, path, what = "PUT", wire.mapping_set_path(set_id), f"mapping set {printable(set_id, 80)}"
    answer = session.call(method, path, json_body=dict(content), safe=method == "PUT", what=what)
    done: dict[str, Any] = check_json(answer, what, dict)
    return done


def output_schema(schema_id: str) -> dict[str, Any]:
    """The key ``outputSchema`` of a set for a schema."""
    return {"schemaRef": {"id": schema_id, "contentType": _CONTENT_TYPE}}


_LIST = "list of mapping sets"
