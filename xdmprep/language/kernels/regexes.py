"""Regular expressions over whole columns, where Arrow's engine provably finds what the language finds.

Arrow matches with RE2.  Whether a text matches is the same question in every engine as long as an expression is made of
letters, classes, groups, alternatives and repetitions only: those describe a set of texts, whoever looks for it.  What
a group holds depends on the order of trying, which is the same where nothing but single characters is repeated and
there are no alternatives.  Everything else is left to the interpreter: looking around, references back, anchors inside,
possessive repetitions, classes of Unicode.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..columns import TEXT, nulls_of

_BLANKS = r"\t\n\v\f\r "
_ESCAPES = {"d": "0-9", "w": "0-9A-Za-z_", "s": _BLANKS, "t": r"\t", "n": r"\n", "r": r"\r", "f": r"\f"}
_SETS = "dws"
_MOST = 1000  # repetitions that RE2 takes


@dataclass(frozen=True, slots=True)
class Shared:
    """A regular expression that means the same to both engines.

    Attributes:
        text: as RE2 reads it.
        groups: how many groups it has; they are named ``g1``, ``g2``...
        one_way: whether groups hold the same in both engines.
    """

    text: str
    groups: int
    one_way: bool


class _Other(Exception):
    """Not of the kind that is shared."""


@lru_cache(maxsize=256)
def shared(regex: str) -> Shared | None:
    """`regex` as RE2 reads it; None where the engines may differ, or it is none."""
    try:
        return _Reader(regex).read()
    except (_Other, IndexError):
        return None


@lru_cache(maxsize=256)
def whole(regex: str) -> str | None:
    """`regex` as RE2 tests whole texts; None where the engines may differ.

    A whole text begins at its beginning and ends at its end, so anchors there say nothing.
    """
    if regex.startswith("^"):
        regex = regex[1:]
    slashes = len(regex[:-1]) - len(regex[:-1].rstrip("\\"))
    if regex.endswith("$") and slashes % 2 == 0:
        regex = regex[:-1]
    found = shared(regex)
    return None if found is None else rf"\A(?:{found.text})\z"


class _Reader:
    """One pass over a regular expression from left to right."""

    def __init__(self, regex: str) -> None:
        self.regex, self.at = regex, 0
        self.groups, self.open = 0, 0
        self.one_way = True
        self.repeatable = ""  # what stands before: "" nothing, "one" a character or class, "group", "done" repeated

    def read(self) -> Shared:
        out = ""
        while self.at < len(self.regex):
            out += self._piece(self.regex[self.at])
        if self.open:
            raise _Other
        return Shared(out, self.groups, self.one_way)

    def _piece(self, letter: str) -> str:
        self.at += 1
        if letter == "(":
            return self._opened()
        if letter == ")":
            if not self.open:
                raise _Other
            self.open -= 1
            self.repeatable = "group"
            return ")"
        if letter == "|":
            self.one_way, self.repeatable = False, ""
            return "|"
        if letter in "*+?{":
            return self._repeated(letter)
        self.repeatable = "one"
        if letter == "[":
            return self._class()
        if letter == "\\":
            inside = self._escaped()
            return f"[{inside}]"
        if letter in "^$]}":
            raise _Other
        return "[^\\n]" if letter == "." else _quoted(letter)

    def _opened(self) -> str:
        self.open += 1
        self.repeatable = ""
        if self.regex.startswith("?:", self.at):
            self.at += 2
            return "(?:"
        if self.regex[self.at] == "?":
            raise _Other
        self.groups += 1
        return f"(?P<g{self.groups}>"

    def _repeated(self, letter: str) -> str:
        if self.repeatable not in ("one", "group"):
            raise _Other
        out = letter
        if letter == "{":
            end = self.regex.index("}", self.at) if "}" in self.regex[self.at :] else -1
            least, comma, most = self.regex[self.at : max(end, self.at)].partition(",")
            if not least.isdecimal() or (most and not most.isdecimal()) or not least.isascii() or not most.isascii():
                raise _Other
            if int(least) > _MOST or (most and not int(least) <= int(most) <= _MOST):
                raise _Other
            out, self.at = f"{{{least}{comma}{most}}}", end + 1
        self.one_way &= self.repeatable == "one"
        self.repeatable = "done"
        if self.at < len(self.regex) and self.regex[self.at] == "?":
            self.at += 1
            return out + "?"
        return out

    def _class(self) -> str:
        out = "["
        if self.regex[self.at] == "^":
            out, self.at = "[^", self.at + 1
        first = True
        while first or self.regex[self.at] != "]":
            first = False
            out += self._member()
        self.at += 1
        return out + "]"

    def _member(self) -> str:
        """A character, a set, or a range inside a class."""
        low, is_set = self._inside()
        if self.regex[self.at] != "-" or self.regex[self.at + 1] == "]":
            return low
        self.at += 1
        high, also_set = self._inside()
        if is_set or also_set or low[-1] > high[-1] or "\\" in (low[0], high[0]):
            raise _Other
        return f"{low}-{high}"

    def _inside(self) -> tuple[str, bool]:
        letter = self.regex[self.at]
        self.at += 1
        if letter == "\\":
            is_set = self.regex[self.at] in _SETS
            return self._escaped(), is_set
        if letter in "[]&~|^":  # sets in sets, intersections: not the same everywhere
            raise _Other
        return ("\\-" if letter == "-" else letter), False

    def _escaped(self) -> str:
        letter = self.regex[self.at]
        self.at += 1
        if letter in _ESCAPES:
            return _ESCAPES[letter]
        if letter.isalnum() or not letter.isascii() or not letter.isprintable():
            raise _Other
        return "\\" + letter if letter != " " else letter


def _quoted(letter: str) -> str:
    return (
        "\\" + letter
        if letter.isascii() and not letter.isalnum() and letter.isprintable() and letter != " "
        else letter
    )


def extracted(values: pa.Array, regex: Shared, absent: bool) -> pa.Array:
    """Lists of the first match and its groups; where there is none an empty list, or null if `absent`."""
    found = pc.extract_regex(values, f"(?P<g0>{regex.text})")
    hit = ~nulls_of(found)
    rows = np.flatnonzero(hit)
    width, n = regex.groups + 1, len(values)
    parts = pa.concat_arrays([part.cast(TEXT) for part in found.flatten()])
    flat = parts.take(pa.array((rows[:, None] + np.arange(width) * n).ravel()))
    offsets = np.concatenate([[0], np.cumsum(hit * width)]).astype(np.int32)
    nulls = ~hit if absent else nulls_of(values)
    return pa.ListArray.from_arrays(pa.array(offsets), flat, mask=pa.array(nulls))
