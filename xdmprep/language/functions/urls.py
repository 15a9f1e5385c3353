"""URL functions; what is no URL gives null."""

from __future__ import annotations

import re
from functools import partial
from typing import Any
from urllib.parse import quote, unquote

import pyarrow as pa

from ..catalogue import Context, function, text
from ..values import Failed, text_of, truth

_URL = re.compile(
    r"""([A-Za-z][A-Za-z0-9+.-]*):
        (?://(?:[^/?\#@]*@)?(\[[0-9A-Fa-f:.]+\]|[^/?\#:@\[\]]*)(?::([0-9]*))?)?
        ([^?\#]*)(?:\?([^\#]*))?(?:\#(.*))?""",
    re.VERBOSE,
)
_ILLEGAL = re.compile(r"[\s<>\"{}|\\^`\x00-\x1f\x7f]")
PORTS = {"http": 80, "https": 443, "ftp": 21, "ftps": 990, "sftp": 22, "ssh": 22, "ws": 80, "wss": 443, "ldap": 389,
          "ldaps": 636, "telnet": 23, "smtp": 25, "gopher": 70, "nntp": 119, "imap": 143, "rtsp": 554}  # fmt: skip
_url = partial(function, category="url", nulls=(0,))
_part = partial(function, category="url", nulls=(0,), result=pa.string())


def _parts(value: Any) -> re.Match[str] | None:
    """Scheme, host, port, path, query, fragment."""
    if isinstance(value, list | dict):
        return None
    here = text(value)
    return None if _ILLEGAL.search(here) else _URL.fullmatch(here)


@_part("get_url_protocol(url)", "The scheme.", 'get_url_protocol("https://platform.adobe.com/home")', "https")
def get_url_protocol(ctx: Context, value: Any) -> str | None:
    parts = _parts(value)
    return None if parts is None else parts[1].lower()


@_part("get_url_host(url)", "The host.", 'get_url_host("https://platform.adobe.com/home")', "platform.adobe.com")
def get_url_host(ctx: Context, value: Any) -> str | None:
    parts = _parts(value)
    return None if parts is None else parts[2] or None


@_url("get_url_port(url)", "The port, or that of the scheme.",
      'get_url_port("sftp://example.com//home/joe/employee.csv")', 22, result=pa.int64())  # fmt: skip
def get_url_port(ctx: Context, value: Any) -> int | None:
    parts = _parts(value)
    if parts is None or not parts[2]:
        return None
    if not parts[3]:
        return PORTS.get(parts[1].lower())
    port = int(parts[3]) if len(parts[3]) < 6 else 65536
    return port if port < 65536 else None


@_part("get_url_path(url, [full])", "The path, or with `full` false only its end.",
       'get_url_path("sftp://example.com//home/joe/employee.csv", false)', "employee.csv")  # fmt: skip
def get_url_path(ctx: Context, value: Any, full: Any = True) -> str | None:
    parts = _parts(value)
    if parts is None:
        return None
    if full is None or truth(full, ctx.options):
        return parts[4]
    end = parts[4].rsplit("/", 1)
    return "/" + end[-1] if ctx.options.path_end == "slash" and len(end) > 1 else end[-1]


@_url("get_url_query_str(url, [anchor])",
      "The query as a map; `anchor` says whether the fragment stays with the last value (retain), goes (remove), or "
      "becomes the key _anchor_ (append).",
      'get_url_query_str("foo://example.com:8042/over/there?name=ferret#nose", "append")',
      {"name": "ferret", "_anchor_": "nose"})  # fmt: skip
def get_url_query_str(ctx: Context, value: Any, anchor: Any = "retain") -> dict[str, Any] | None:
    parts = _parts(value)
    if parts is None:
        return None
    how = text(anchor).lower() if anchor is not None else "retain"
    if how not in ("retain", "remove", "append"):
        raise Failed(f"{text_of(anchor)!r} is not one of retain, remove, append")
    query, fragment = parts[5] or "", parts[6]
    if how == "retain" and fragment is not None and query:
        query += "#" + fragment
    found: dict[str, Any] = {}
    for pair in query.split("&"):
        name, _, given = pair.partition("=")
        if not pair:
            continue
        if name not in found or ctx.options.query_repeats == "last":
            found[name] = given
        elif ctx.options.query_repeats == "list":
            before = found[name]
            found[name] = [*before, given] if isinstance(before, list) else [before, given]
    if how == "append" and fragment is not None:
        found["_anchor_"] = fragment
    return found


@_part("get_url_encoded(text)", "The string with reserved characters percent-encoded.",
       'get_url_encoded("https://example.com/a b")', "https%3A%2F%2Fexample.com%2Fa%20b")  # fmt: skip
def get_url_encoded(ctx: Context, value: Any) -> str:
    return quote(text(value), safe="", errors="replace")


@_part("get_url_decoded(text)", "The string with percent-encoded characters restored.",
       'get_url_decoded("https%3A%2F%2Fexample.com")', "https://example.com")  # fmt: skip
def get_url_decoded(ctx: Context, value: Any) -> str:
    return unquote(text(value))
