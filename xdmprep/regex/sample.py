"""Strings made up to match an expression."""

from __future__ import annotations

import random
import string
from collections.abc import Sequence

from . import MatchTimeout, RegexError, compile_ecma
from .charset import CharSet
from .tree import Alt, Atomic, BackRef, Capture, Chars, Node, Repeat, Seq

PRINTABLE = CharSet.chars(string.ascii_letters + string.digits + " !#$%&'()*+,-./:;=?@[]^_{|}~")
_PLAIN = CharSet.chars(string.ascii_letters + string.digits)
_MORE = 3  #: how many times more than needed something is repeated, at most
_TRIES = 100


class Unmatchable(ValueError):
    """No string can be made for the expression."""


def text_for(pattern: str, source: random.Random, known: Sequence[str] = ()) -> str:
    """A string in which an expression of ECMA-262 is found.

    Args:
        pattern: the expression.
        source: where chance comes from.
        known: strings to take if any of them matches.

    Raises:
        Unmatchable: it is no such expression, or no string was found.
    """
    try:
        regex = compile_ecma(pattern)
        fitting = [text for text in known if regex.found_in(text)]
        if fitting:
            return source.choice(fitting)
        for _ in range(_TRIES):
            text = _TextMaker(pattern, source).made(regex.tree)
            if regex.found_in(text):
                return text
    except (MatchTimeout, RegexError) as error:
        raise Unmatchable(f"no string can be made for a pattern: {error}") from None
    raise Unmatchable(f"no string was found for the pattern {pattern!r}")


class _TextMaker:
    def __init__(self, pattern: str, source: random.Random) -> None:
        self._pattern, self._source = pattern, source
        self._groups: dict[int, str] = {}

    def made(self, node: Node) -> str:
        """A string for a node."""
        if isinstance(node, Chars):
            return self._char(node.set)
        if isinstance(node, Seq):
            return "".join(map(self.made, node.parts))
        if isinstance(node, Alt):
            return self.made(self._source.choice(node.options))
        if isinstance(node, Repeat):
            most = node.least + _MORE if node.most is None else min(node.most, node.least + 20)
            return "".join(self.made(node.body) for _ in range(self._source.randint(node.least, most)))
        if isinstance(node, Capture):
            self._groups[node.number] = self.made(node.body)
            return self._groups[node.number]
        if isinstance(node, Atomic):
            return self.made(node.body)
        if isinstance(node, BackRef):
            return self._groups.get(node.number, "")
        return ""  # what looks around is left to chance and checked

    def _char(self, some: CharSet) -> str:
        for wanted in (PRINTABLE if len(some) < 500 else _PLAIN, PRINTABLE, some):
            codes = some & wanted
            if codes:
                first, last = self._source.choice(codes.ranges)
                return chr(self._source.randint(first, min(last, first + 500)))
        raise Unmatchable(f"the pattern {self._pattern!r} has a class without characters")
