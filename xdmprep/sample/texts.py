"""Texts made up to match a regular expression.

Reads the part of ECMA-262's expressions that XDM schemas use: characters and classes, groups, alternatives,
repetitions, anchors.  What it cannot make (look-around, back references) it refuses by name.
"""

from __future__ import annotations

import random
import re
import string
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

PRINTABLE = string.ascii_letters + string.digits + " !#$%&'()*+,-./:;=?@[]^_{|}~"
_CLASSES = {
    "d": string.digits,
    "w": string.ascii_letters + string.digits + "_",
    "s": " ",
}
_CONTROL = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v"}
_MORE = 3  #: how many times more than needed something is repeated, at most


class Unmatchable(ValueError):
    """No text can be made for the expression."""


@dataclass(frozen=True)
class _Repeated:
    """One part of an expression: a text of candidate characters, or alternatives; and how often it comes."""

    part: str | list[list[Any]]
    least: int
    most: int


def text_for(pattern: str, source: random.Random, known: Sequence[str] = ()) -> str:
    """A text in which `pattern` is found.

    Args:
        pattern: the expression, with the search semantics of JSON Schema.
        source: where chance comes from.
        known: texts to take if any of them matches.

    Raises:
        Unmatchable: the expression is beyond what is read here.
    """
    try:
        check = re.compile(pattern, re.ASCII)
    except re.error as error:
        raise Unmatchable(f"the pattern {pattern!r} is no regular expression: {error}") from None
    fitting = [text for text in known if check.search(text)]
    if fitting:
        return source.choice(fitting)
    tree = _Reader(pattern).alternatives()
    for _ in range(100):
        text = _make(tree, source)
        if check.search(text):
            return text
    raise Unmatchable(f"no text was found for the pattern {pattern!r}")


def _make(alternatives: list[list[_Repeated]], source: random.Random) -> str:
    out = []
    for item in source.choice(alternatives):
        for _ in range(source.randint(item.least, item.most)):
            out.append(source.choice(item.part) if isinstance(item.part, str) else _make(item.part, source))
    return "".join(out)


class _Reader:
    """Reads an expression from left to right."""

    def __init__(self, pattern: str) -> None:
        self.pattern, self.at = pattern, 0

    def alternatives(self) -> list[list[_Repeated]]:
        found: list[list[_Repeated]] = [[]]
        while self.at < len(self.pattern) and self.pattern[self.at] != ")":
            char = self.pattern[self.at]
            self.at += 1
            if char == "|":
                found.append([])
            elif char not in "^$":
                part = self._part(char)
                if part is not None:
                    least, most = self._times()
                    found[-1].append(_Repeated(part, least, most))
        return found

    def _part(self, char: str) -> str | list[list[_Repeated]] | None:
        if char == "(":
            return self._group()
        if char == "[":
            return self._set()
        if char == ".":
            return string.ascii_letters + string.digits
        if char == "\\":
            escaped = self._escape()
            return escaped if escaped else None
        return char

    def _group(self) -> list[list[_Repeated]]:
        if self.pattern.startswith("?", self.at):
            named = re.compile(r"\?(?::|P?<[A-Za-z_]\w*>)").match(self.pattern, self.at)
            if named is None:
                raise Unmatchable(f"the pattern {self.pattern!r} looks around, which is not understood here")
            self.at = named.end()
        inner = self.alternatives()
        self.at += 1  # the closing bracket
        return inner

    def _set(self) -> str:
        negated = self.pattern.startswith("^", self.at)
        self.at += negated
        chars: list[str] = []
        first = True
        while first or self.pattern[self.at] != "]":
            first = False
            char = self.pattern[self.at]
            self.at += 1
            chosen = self._escape() if char == "\\" else char
            ranged = self.pattern.startswith("-", self.at) and self.pattern[self.at + 1] != "]"
            if ranged and len(chosen) == 1:
                end = self.pattern[self.at + 1]
                self.at += 2
                if end == "\\":
                    end = self._escape()
                chosen = "".join(map(chr, range(ord(chosen), min(ord(end), ord(chosen) + 500) + 1)))
            chars.append(chosen)
        self.at += 1
        listed = "".join(chars)
        out = "".join(c for c in PRINTABLE if c not in listed) if negated else listed
        if not out:
            raise Unmatchable(f"the pattern {self.pattern!r} has a class without characters")
        return out

    def _escape(self) -> str:
        """Candidates for what stands behind a backslash; empty for a word boundary."""
        char = self.pattern[self.at]
        self.at += 1
        if char in _CLASSES:
            return _CLASSES[char]
        if char.lower() in _CLASSES:
            return "".join(c for c in PRINTABLE if c not in _CLASSES[char.lower()])
        if char in "bB":
            return ""
        if char in "xu":
            size = 2 if char == "x" else 4
            code = self.pattern[self.at : self.at + size]
            self.at += size
            return chr(int(code, 16))
        if char.isdigit() and char != "0":
            raise Unmatchable(f"the pattern {self.pattern!r} refers back, which is not understood here")
        return _CONTROL.get(char, char)

    def _times(self) -> tuple[int, int]:
        rest = self.pattern[self.at : self.at + 1]
        counted = re.compile(r"\{(\d+)(,?)(\d*)\}").match(self.pattern, self.at)
        if counted:
            self.at = counted.end()
            least = int(counted[1])
            most = least if not counted[2] else int(counted[3]) if counted[3] else least + _MORE
            most = min(most, least + 20)
        elif rest and rest in "*+?":
            self.at += 1
            least, most = {"*": (0, _MORE), "+": (1, 1 + _MORE), "?": (0, 1)}[rest]
        else:
            return 1, 1
        if self.pattern.startswith("?", self.at):  # as few as possible: the same texts match
            self.at += 1
        return least, most
