"""User-agent functions.

The platform's names are those of the analyser YAUAA.  Here the regular expressions of ua-parser (package
``ua-parser[regex]`` or plain ``ua-parser``, optional) find browser, system and device, and its names are translated;
``xdmprep/docs/language.md`` lists where the two differ.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from itertools import takewhile
from typing import Any

import pyarrow as pa

from ...errors import needed_by
from ..catalogue import Context, function, text

_EXAMPLE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 5_1_1 like Mac OS X) AppleWebKit/534.46 (KHTML, like Gecko) "
    "Version/5.1 Mobile/9B206 Safari/7534.48.3"
)
_AGENTS = {
    "Mobile Safari": "Safari", "Mobile Safari UI/WKWebView": "Safari", "Chrome Mobile": "Chrome",
    "Chrome Mobile iOS": "Chrome", "Chrome Mobile WebView": "Chrome Webview", "Firefox Mobile": "Firefox",
    "Firefox iOS": "Firefox", "Opera Mobile": "Opera", "Edge Mobile": "Edge", "IE": "Internet Explorer",
    "IE Mobile": "Internet Explorer", "Samsung Internet": "SamsungBrowser", "Android": "Stock Browser",
    "Android Browser": "Stock Browser",
}  # fmt: skip
_SYSTEMS = {"Windows": "Windows NT", "Mac OS X": "Mac OS", "Chrome OS": "Chrome OS", "Other": "Unknown"}
_CLASSES: tuple[tuple[str, str], ...] = (
    (r"sqlmap|nikto|<script|select\s.+\sfrom\s", "Hacker"),
    (r"bot\b.*(?:mobile|android|iphone)|(?:mobile|android|iphone).*bot\b", "Robot Mobile"),
    (r"bot\b|crawl|spider|slurp|facebookexternalhit|curl/|wget/|python-requests", "Robot"),
    (r"alexa|echo|google-?home", "Voice"),
    (r"oculus|quest", "Virtual Reality"),
    (r"watch", "Watch"),
    (r"playstation (?:portable|vita)|nintendo (?:3ds|switch|dsi)", "Handheld Game Console"),
    (r"playstation|xbox|nintendo", "Game Console"),
    (r"kindle(?! fire)|nook|kobo", "eReader"),
    (r"apple ?tv|roku|aft[a-z]\b|set-?top|bravia.*stb|chromecast|crkey", "Set-top box"),
    (r"smart-?tv|hbbtv|web0s|webos|netcast|googletv|android tv|bravia|viera", "TV"),
    (r"tesla|carplay|automotive", "Car"),
    (r"ipad|tablet|kindle fire|silk/|playbook|nexus (?:7|9|10)\b|sm-t\d", "Tablet"),
    (r"iphone|ipod|windows phone|android.*mobile|blackberry|bb10|symbian|nokia", "Phone"),
    (r"android", "Tablet"),
    (r"mobile|opera mini|midp", "Mobile"),
    (r"windows nt|windows 9|macintosh|x11|cros |linux", "Desktop"),
)


@lru_cache(maxsize=1)
def _classes() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(pattern, re.IGNORECASE), name) for pattern, name in _CLASSES)


@lru_cache(maxsize=1)
def _parser() -> Any:
    with needed_by("A user-agent function"):
        import ua_parser
    return ua_parser.parse


#: The number of distinct strings remembered for each function.
REMEMBERED = 16_384


@lru_cache(maxsize=REMEMBERED)
def _parsed(agent: str) -> Any:
    return _parser()(agent)


def _version(found: Any, *names: str) -> str | None:
    parts: list[Any] = [getattr(found, name, None) for name in names]
    return ".".join(takewhile(lambda part: part is not None, parts)) or None


def _system(agent: str) -> tuple[str, str | None]:
    """Name and version of the operating system."""
    found = _parsed(agent).os
    if found is None:
        return "Unknown", None
    version = _version(found, "major", "minor", "patch", "patch_minor")
    if found.family == "Windows" and version in ("10", "11"):
        version += ".0"
    return _SYSTEMS.get(found.family, found.family), version


def _agent(agent: str) -> tuple[str, str | None]:
    """Name and version of the browser."""
    found = _parsed(agent).user_agent
    if found is None:
        return "Unknown", None
    return _AGENTS.get(found.family, found.family), _version(found, "major", "minor", "patch", "patch_minor")


def _major(name: str, version: str | None) -> tuple[str, str | None]:
    return name, None if version is None else version.split(".")[0]


def _named(name: str, version: str | None) -> str:
    if name == "Windows NT" and version is not None:  # beside its version the platform leaves the NT out
        name = "Windows"
    return f"{name} {version or '??'}"


def _device(agent: str) -> str:
    return next((name for pattern, name in _classes() if pattern.search(agent)), "Unknown")


def _ua(name: str, meaning: str, gives: str, answer: Callable[[str], str]) -> None:
    """A function of user agents; what it gives for a string is remembered."""
    known = lru_cache(maxsize=REMEMBERED)(answer)

    @function(f"{name}(user_agent)", meaning, f'{name}("{_EXAMPLE}")', gives, category="user agent",
              nulls=(0,), result=pa.string(), availability="data", package="ua_parser",
              reason="needs the package ua-parser; its names are translated to the platform's")  # fmt: skip
    def run(ctx: Context, value: Any) -> str:
        return known(text(value))


_ua("ua_os_name", "The name of the operating system.", "iOS", lambda agent: _system(agent)[0])
_ua("ua_os_version", "The version of the operating system.", "5.1.1", lambda agent: _system(agent)[1] or "??")
_ua("ua_os_name_version", "Name and version of the operating system.", "iOS 5.1.1",
    lambda agent: _named(*_system(agent)))  # fmt: skip
_ua("ua_os_version_major", "Name and major version of the operating system.", "iOS 5",
    lambda agent: _named(*_major(*_system(agent))))  # fmt: skip
_ua("ua_agent_name", "The name of the browser.", "Safari", lambda agent: _agent(agent)[0])
_ua("ua_agent_version", "The version of the browser.", "5.1", lambda agent: _agent(agent)[1] or "??")
_ua("ua_agent_version_major", "Name and major version of the browser.", "Safari 5",
    lambda agent: _named(*_major(*_agent(agent))))  # fmt: skip
_ua("ua_device_class", "The kind of device.", "Phone", _device)
