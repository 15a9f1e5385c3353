"""Paths of XDM fields, as text and as tuples.

``identityMap.ECID[0].id`` is the tuple ``("identityMap", "ECID", 0, "id")``.  A dot that belongs to a name is
written ``\\.``; ``[*]`` stands for every element and is the item ``"[*]"``; ``[""]`` is the empty name.  A field named
``[*]`` cannot be written.  The same form serves sources and destinations (Data Prep guide, "Hierarchies").
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from ..errors import ExpressionError

Path = tuple[str | int, ...]
EVERY = "[*]"

_NO_NAME = '[""]'
_INDEX = re.compile(r'\[(\d+|\*|"")\]')
_NAME = re.compile(r"(?:\\.|[^.\[\]\\])+")


@lru_cache(4096)
def parse_path(text: str) -> Path:
    """The steps of `text`: names as str, indexes as int, ``[*]`` as :data:`EVERY`; or ExpressionError."""
    steps: list[str | int] = []
    at = 0
    while at < len(text) or not steps:
        if match := _INDEX.match(text, at):
            steps.append(int(match[1]) if match[1].isdigit() else "" if match[0] == _NO_NAME else EVERY)
        else:
            if steps and text[at] == ".":
                at += 1
            elif steps:
                raise ExpressionError(f"{text!r} is not a path: a step is .name, [0] or [*]", text, at)
            match = _NAME.match(text, at)
            if match is None:
                raise ExpressionError(f"{text!r} is not a path: a name is missing here", text, at)
            name = re.sub(r"\\(.)", r"\1", match[0])
            if name == EVERY:
                raise ExpressionError(f"{text!r}: a path cannot name a field {EVERY}: that is every element", text, at)
            steps.append(name)
        at = match.end()
    return tuple(steps)


def json_pointer(steps: Iterable[str | int]) -> str:
    """The JSON Pointer (RFC 6901) that some steps make."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)


def pointer_steps(pointer: str) -> list[str]:
    """The steps of a JSON Pointer; of what does not begin with a slash those behind the first."""
    return [token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:]]


@lru_cache(4096)
def format_path(path: Path) -> str:
    """The text of `path`; the reverse of :func:`parse_path`."""
    out = ""
    for step in path:
        if isinstance(step, int):
            out += f"[{step}]"
        elif step in ("", EVERY):
            out += step or _NO_NAME
        else:
            name = step.replace("\\", "\\\\").replace(".", "\\.").replace("[", "\\[").replace("]", "\\]")
            out += ("." if out else "") + name
    return out
