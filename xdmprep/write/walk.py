"""What comes between the leaves of a JSON record: brackets, keys, commas, quotes (see :mod:`..kernels.walk`)."""

from __future__ import annotations

import json
from collections.abc import Sequence

from ..core.paths import Path
from ..kernels.walk import WalkTables

Leg = tuple[Path, bool, str]  # path, quoted?, constant text behind the value


def leaf_tables(legs: Sequence[Leg], end: str) -> WalkTables:
    """The tables of the leaves of a JSON record, in the order of the text; `end` is the text behind each record."""
    paths = [path for path, _, _ in legs]
    tops = [0 if number == 0 else _shared(*paths[number - 1 : number + 1]) + 1 for number in range(len(paths))]
    opening = [_openings(leg, top) for leg, top in zip(legs, tops, strict=True)]
    closing = [_closings(leg, top, end) for leg, top in zip(legs, [*tops[1:], 0], strict=False)]
    return WalkTables(tops, opening, closing, "{}" + end)


def _shared(one: Path, other: Path) -> int:
    """How many first steps two paths share."""
    shared = 0
    while one[shared] == other[shared]:
        shared += 1
    return shared


def _openings(leg: Leg, top: int) -> list[str]:
    """What opens a leaf, at levels 0 to `top`."""
    path, quoted, _ = leg
    keys = ["" if isinstance(step, int) else f'"{key_text(step)}":' for step in path]
    brackets = ["[" if isinstance(step, int) else "{" for step in path]
    texts = []
    for level in range(top + 1):
        known = max(level - 1, 0)
        inner = "".join(bracket + key for bracket, key in zip(brackets[known:], keys[known:], strict=True))
        texts.append(("," + inner[1:] if level else inner) + ('"' if quoted else ""))
    return texts


def _closings(leg: Leg, top: int, end: str) -> list[str]:
    """What closes a leaf, at levels 0 to `top`."""
    path, quoted, ride = leg
    brackets = "".join("]" if isinstance(step, int) else "}" for step in reversed(path))
    behind = ('"' if quoted else "") + ride
    return [behind + brackets + end, *(behind + brackets[: len(path) - level] for level in range(1, top + 1))]


def key_text(text: str) -> str:
    """`text` as it stands between the quotes of a key."""
    return json.dumps(text, ensure_ascii=False)[1:-1]
